//! What follows from an attempt: pure. The rows themselves are [`crate::store::sqlite`]'s.

use std::time::Duration;

use super::schedule::{RETRY_AFTER_MAX, later, wait};
use crate::event::TimestampMs;
pub use crate::store::sqlite::{Claim, Note, Outbox, OutboxCount, OutboxState, Owed, SinkHealth};

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has it.
    Delivered,
    /// It may go better another time.
    Failed {
        /// Why, without secrets.
        error: String,
        /// The receiver asks to be left alone for this long.
        retry_after: Option<Duration>,
    },
    /// It can never go.
    Impossible {
        /// Why, without secrets.
        error: String,
    },
    /// The receiver says that it is gone for good.
    Gone {
        /// In whose words.
        error: String,
    },
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is delivered.
    Done,
    /// Try again.
    Again {
        /// Not before.
        at: TimestampMs,
        /// Nothing else goes to this sink before.
        hold_until: Option<TimestampMs>,
        /// Why.
        error: String,
    },
    /// Give it up.
    Dead {
        /// Why.
        error: String,
    },
    /// Switch the sink off.
    Off {
        /// Why.
        error: String,
    },
}

/// What to do after an attempt that came after `failed` failed ones; `random` is uniform.
#[must_use]
pub fn next(failed: u32, outcome: Outcome, random: u32, now: TimestampMs) -> Next {
    match outcome {
        Outcome::Delivered => Next::Done,
        Outcome::Gone { error } => Next::Off { error },
        Outcome::Impossible { error } => Next::Dead { error },
        Outcome::Failed { error, retry_after } => {
            let hold = retry_after.map(|asked| asked.min(RETRY_AFTER_MAX));
            match wait(failed.saturating_add(1), random) {
                None => Next::Dead { error },
                Some(wait) => Next::Again {
                    at: later(now, wait.max(hold.unwrap_or_default())),
                    hold_until: hold.map(|hold| later(now, hold)),
                    error,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_consequence() {
        let error = || "no".to_owned();
        let failed = |retry_after: Option<u64>| Outcome::Failed {
            error: error(),
            retry_after: retry_after.map(Duration::from_secs),
        };
        let again = |at, hold_until| Next::Again { at, hold_until, error: error() };
        let check = |before, outcome, wanted| assert_eq!(next(before, outcome, 0, 1000), wanted);
        check(0, Outcome::Delivered, Next::Done);
        check(0, failed(None), again(6_000, None));
        check(1, failed(None), again(301_000, None));
        check(0, failed(Some(60)), again(61_000, Some(61_000)));
        check(1, failed(Some(60)), again(301_000, Some(61_000)));
        check(0, failed(Some(u64::MAX / 1000)), again(86_401_000, Some(86_401_000)));
        check(9, failed(None), Next::Dead { error: error() });
        check(9, failed(Some(60)), Next::Dead { error: error() });
        check(0, Outcome::Impossible { error: error() }, Next::Dead { error: error() });
        check(3, Outcome::Gone { error: error() }, Next::Off { error: error() });
    }
}
