//! When a message that failed is tried again.

use std::time::Duration;

use crate::event::TimestampMs;

/// Waits before each attempt, in seconds: the schedule of Standard Webhooks, about three days.
const WAITS_S: [u64; 10] =
    [0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

/// Longest wait that a receiver may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long to wait after so many failed attempts (from 1), up to a tenth longer by chance so that
/// what failed together does not come back together; `None`: it is given up. `random` is uniform.
#[must_use]
pub fn wait(failed: u32, random: u32) -> Option<Duration> {
    let seconds = WAITS_S.get(failed as usize)?;
    let wait_ms = seconds * 1000;
    Some(Duration::from_millis(wait_ms + wait_ms * u64::from(random) / u64::from(u32::MAX) / 10))
}

/// This much later.
#[must_use]
pub fn later(now: TimestampMs, wait: Duration) -> TimestampMs {
    now.saturating_add(TimestampMs::try_from(wait.as_millis()).unwrap_or(TimestampMs::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_within_four_days() {
        let waits = |random| -> Vec<u64> {
            (1..).map_while(|failed| wait(failed, random)).map(|w| w.as_secs()).collect()
        };
        assert_eq!(waits(0), [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        let longest = waits(u32::MAX);
        assert_eq!(longest[1], 330);
        assert!(longest.iter().sum::<u64>() < 4 * 86_400);
        assert_eq!(wait(10, 0), None);
        assert_eq!(wait(u32::MAX, 7), None);
        assert_eq!(wait(0, u32::MAX), Some(Duration::ZERO), "the first goes at once");
    }

    #[test]
    fn chance_spreads_and_never_shortens() {
        let at = |random| wait(2, random).unwrap().as_millis();
        assert_eq!((at(0), at(u32::MAX / 2), at(u32::MAX)), (300_000, 314_999, 330_000));
    }
}
