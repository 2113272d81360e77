//! The only file that may ask what time it is. Nothing that decides uses it: it drives timers,
//! progress and the word "historical".
#![expect(clippy::disallowed_methods, reason = "this is where the ban points")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::event::TimestampMs;

/// Milliseconds since 1970, by the wall clock.
#[must_use]
pub fn now_ms() -> TimestampMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs::try_from(since.as_millis()).unwrap_or(TimestampMs::MAX)
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
