//! What a shard did, in numbers; they never go back, and they survive with the snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Severity, Status};
use crate::decode::{DecodeError, Repairs};
use crate::event::{AccessEvent, Outcome, TimestampMs, Touch};

/// Numbers of one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Lines read.
    pub lines: u64,
    /// Lines that are no event, by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// The first of them in this run: reason, and keys and types without values.
    #[serde(skip)]
    pub first_quarantined: Option<(&'static str, String)>,
    /// Events whose field was dropped, by field.
    pub dropped_fields: BTreeMap<String, u64>,
    /// Events whose text was not valid and was repaired.
    pub repaired_text: u64,
    /// Revisions emitted.
    pub revisions: u64,
    /// Alerts by their greatest severity, ended ones.
    ended: [u64; 5],
    /// Open alerts: greatest severity, and whether they count against the budget.
    open: BTreeMap<String, (Severity, bool)>,
    /// Alerts of medium or more that opened after the warm-up.
    pub warm_alerts: u64,
    /// What blind alerts look at; of this run only.
    #[serde(skip)]
    pub run: Run,
}

/// Numbers of a shard since this instance took it up. They watch the log, not the accounts, so they
/// are not part of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Lines that were events.
    pub events: u64,
    /// Lines that were not, by reason.
    pub quarantined: BTreeMap<&'static str, u64>,
    /// Time of the last event read, by the source's clock; 0: none yet.
    pub last_time: TimestampMs,
    /// Successful events that return records, by [`Touch`].
    pub touches: [u64; 2],
    /// Those of them that name at least one person.
    pub named: [u64; 2],
    /// Stretches of input that were never read and will not be.
    pub holes: u64,
}

impl Run {
    /// Successful events of a touch, and those that name a person.
    #[must_use]
    pub fn of(&self, touch: Touch) -> (u64, u64) {
        (self.touches[touch as usize], self.named[touch as usize])
    }
}

impl Tally {
    /// Counts a line that is no event.
    pub fn quarantine(&mut self, error: &DecodeError, skeleton: &str) {
        let first = || (error.reason(), skeleton.to_owned());
        self.first_quarantined.get_or_insert_with(first);
        *self.run.quarantined.entry(error.reason()).or_default() += 1;
        *self.quarantined.entry(error.reason().to_owned()).or_default() += 1;
    }

    /// Counts an event by what it says of persons.
    pub fn event(&mut self, event: &AccessEvent<'_>) {
        self.run.events += 1;
        self.run.last_time = event.time;
        if event.outcome == Outcome::Success && !event.action.is_identity() {
            let touch = event.action.touch() as usize;
            self.run.touches[touch] += 1;
            self.run.named[touch] += u64::from(!event.persons.is_empty());
        }
    }

    /// Counts a stretch of input that was never read and will not be.
    pub fn hole(&mut self) {
        self.run.holes += 1;
    }

    /// Counts what was repaired.
    pub fn repair(&mut self, repairs: Repairs) {
        if repairs.is_empty() {
            return;
        }
        for field in repairs.iter() {
            match self.dropped_fields.get_mut(field) {
                Some(count) => *count += 1,
                None => {
                    self.dropped_fields.insert(field.to_owned(), 1);
                }
            }
        }
        self.repaired_text += u64::from(repairs.text);
    }

    /// Counts a revision; `warm` says whether its opening counts against the budget.
    pub fn revision(&mut self, alert: &Alert, warm: bool) {
        self.revisions += 1;
        let known = self.open.entry(alert.id.clone()).or_insert((Severity::Info, warm));
        let before = known.0;
        known.0 = known.0.max(alert.severity);
        if known.1 && before < Severity::Medium && known.0 >= Severity::Medium {
            self.warm_alerts += 1;
        }
        if alert.status == Status::Ended
            && let Some((severity, _)) = self.open.remove(&alert.id)
        {
            self.ended[severity as usize] += 1;
        }
    }

    /// Alerts by their greatest severity so far, open and ended.
    #[must_use]
    pub fn alerts(&self) -> [u64; 5] {
        let mut alerts = self.ended;
        self.open.values().for_each(|(severity, _)| alerts[*severity as usize] += 1);
        alerts
    }

    /// Lines that are no event.
    #[must_use]
    pub fn quarantined_total(&self) -> u64 {
        self.quarantined.values().sum()
    }
}
