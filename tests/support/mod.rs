//! What the tests share: the program as a process, worlds to feed it, its state to look at.
//!
//! Nothing here sleeps for a fixed time: whatever is waited for has a deadline after which the
//! test fails and says what was there instead.

pub(crate) mod faults;
pub(crate) mod kafka;
pub(crate) mod live;
pub(crate) mod process;
mod state;
mod told;
mod world;

pub(crate) use process::{Finished, Program, Running, vigie};
pub(crate) use state::{Stored, quarantined, snapshots, stored};
pub(crate) use told::{once, told_twice};
pub(crate) use world::{World, world};

use std::path::PathBuf;
use std::time::Duration;

use vigie::clock::Stopwatch;

/// Long enough for a slow machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until something is there.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder of `tests/`.
pub(crate) fn tests(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// Compares with a golden file, or writes it when `VIGIE_UPDATE_GOLDEN=1`.
pub(crate) fn golden(path: &str, found: &str) {
    let file = tests(path);
    if std::env::var("VIGIE_UPDATE_GOLDEN").is_ok_and(|v| v == "1") {
        std::fs::write(&file, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = expected.lines().zip(found.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or(expected.lines().count().min(found.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    assert!(
        expected == found,
        "{path} differs from line {}:\n  expected {}\n  found    {}\nIf this is meant, run the tests \
         with VIGIE_UPDATE_GOLDEN=1 and review the difference.",
        at + 1,
        line(&expected),
        line(found)
    );
}
