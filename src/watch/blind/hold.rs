//! Hysteresis: a blind alert opens once its cause has lasted, and closes once it has been well.

use std::collections::BTreeMap;

use super::{Blind, Thresholds};
use crate::event::TimestampMs;

/// Kind and subject.
pub type Key = (String, String);

/// What changed by a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It has lasted: to be told.
    Opened {
        /// It.
        blind: Blind,
        /// When it began, epoch ms by the wall clock.
        since: TimestampMs,
    },
    /// It has been well long enough.
    Closed {
        /// Which.
        key: Key,
        /// When it was last seen, epoch ms by the wall clock.
        at: TimestampMs,
    },
}

#[derive(Clone, Copy, Debug)]
struct Held {
    since: TimestampMs,
    last: TimestampMs,
    open: bool,
}

/// Remembers what holds since when.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    held: BTreeMap<Key, Held>,
}

impl Holder {
    /// Takes up one that an earlier process left open; it closes like any other.
    pub fn resume(&mut self, key: Key, since: TimestampMs, now: TimestampMs) {
        self.held.insert(key, Held { since, last: now, open: true });
    }

    /// Whether one of this kind and subject is open or about to be.
    #[must_use]
    pub fn holds(&self, kind: &str, subject: &str) -> bool {
        self.held.contains_key(&(kind.to_owned(), subject.to_owned()))
    }

    /// Takes what holds at `now`, epoch ms by the wall clock, and says what that changes.
    pub fn step(
        &mut self,
        found: &[Blind],
        thresholds: &Thresholds,
        now: TimestampMs,
    ) -> Vec<Change> {
        let open_after = i64::from(thresholds.open_after_seconds) * 1_000;
        let close_after = i64::from(thresholds.close_after_seconds) * 1_000;
        let mut changes = Vec::new();
        for blind in found {
            let key = (blind.cause.kind().to_owned(), blind.subject.clone());
            let held = self.held.entry(key).or_insert(Held { since: now, last: now, open: false });
            held.last = now;
            let due = blind.cause.is_at_once() || now - held.since >= open_after;
            if due && !held.open {
                held.open = true;
                changes.push(Change::Opened { blind: blind.clone(), since: held.since });
            }
        }
        self.held.retain(|key, held| {
            let holds = held.last == now;
            let keep = holds || (held.open && now - held.last < close_after);
            if !keep && held.open {
                changes.push(Change::Closed { key: key.clone(), at: held.last });
            }
            keep
        });
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cause, tests::thresholds};
    use super::*;

    #[test]
    fn one_opens_after_it_lasted_and_closes_after_it_was_well() {
        let lag = |on: bool| {
            let blind = Blind { subject: "t".into(), cause: Cause::Lag { records: 9 } };
            if on { vec![blind] } else { Vec::new() }
        };
        let mut holder = Holder::default();
        let mut seen = Vec::new();
        // Flickers, lasts, flickers while open, is well.
        let pattern = "101111111101100000000000000000000000000000000000";
        for (step, on) in pattern.chars().enumerate() {
            let now = step as i64 * 10_000;
            for change in holder.step(&lag(on == '1'), &thresholds(), now) {
                seen.push(match change {
                    Change::Opened { since, .. } => ("opened", now, since),
                    Change::Closed { at, .. } => ("closed", now, at),
                });
            }
        }
        assert_eq!(seen, [("opened", 80_000, 20_000), ("closed", 420_000, 120_000)]);
        assert!(!holder.holds("lag", "t"));
    }

    #[test]
    fn what_cannot_settle_is_told_at_once_and_what_was_left_open_is_closed() {
        let gap = Blind { subject: String::new(), cause: Cause::Gap { holes: 1 } };
        let mut holder = Holder::default();
        holder.resume(("lag".into(), "t".into()), 1, 1_000);
        let changes = holder.step(&[gap], &thresholds(), 2_000);
        assert!(matches!(&changes[..], [Change::Opened { since: 2_000, .. }]), "{changes:?}");
        let changes = holder.step(&[], &thresholds(), 301_000);
        assert!(matches!(&changes[..], [Change::Closed { at: 1_000, .. }]), "{changes:?}");
    }
}
