//! How an account asks, whoever comes back: misses, updates, neighbouring identifiers, a machine's
//! even pace. Plain sums of one local day; a few integers an event.

use serde::{Deserialize, Serialize};

use super::channel::{MEASURES, Measure, TALLIES};
use super::looks::Looks;
use crate::event::{AccessEvent, Action, Outcome, Person, TimestampMs};

/// Blocks of identifiers read last that a neighbour is looked for in.
const BLOCKS: usize = 4;
/// Shortest distance, in milliseconds, whose evenness means anything: programs ask for what one
/// page shows within less.
const EVEN_FROM_MS: i64 = 200;

/// One day's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    tallies: [u32; TALLIES],
    /// When tallies must be looked at.
    looks: Looks<u32, TALLIES>,
    /// Requests in a row at the distance of the one before.
    run: u32,
    last: TimestampMs,
    gap: i64,
    blocks: [u32; BLOCKS],
}

fn place(measure: Measure) -> usize {
    measure as usize - (MEASURES - TALLIES)
}

impl Requests {
    /// The count of a tally.
    #[must_use]
    pub fn count(&self, tally: usize) -> u64 {
        u64::from(self.tallies.get(tally).copied().unwrap_or(0))
    }

    /// Requests that may still be counted before a tally must be looked at; 0: one must be now.
    pub(super) fn ahead(&self) -> u64 {
        self.looks.ahead(&self.tallies)
    }

    pub(super) fn look_at_all(&mut self, must: bool) {
        self.looks.at_all(must);
    }

    pub(super) fn look_again(&mut self, tally: usize, ahead: u64) {
        self.looks.again(tally, self.tallies[tally], ahead);
    }

    /// Counts one event; returns by how much any count grew at most.
    pub fn count_event(&mut self, event: &AccessEvent<'_>) -> i64 {
        if event.action.is_identity() {
            return 0;
        }
        let missed = event.outcome != Outcome::Success
            || (event.persons_known && event.persons.is_empty() && event.unidentified == 0);
        let updated = event.action == Action::Update && event.outcome == Outcome::Success;
        let mut grown = 0;
        let mut add = |measure: Measure, by: u32| {
            let tally = &mut self.tallies[place(measure)];
            *tally = tally.saturating_add(by);
            grown = grown.max(i64::from(by));
        };
        add(Measure::Misses1d, u32::from(missed));
        add(Measure::Updates1d, if updated { event.persons.len().max(1) as u32 } else { 0 });
        add(Measure::Unrelated1d, event.unrelated.unwrap_or(0));
        self.keep_pace(event.time);
        let steady = &mut self.tallies[place(Measure::Steady1d)];
        if self.run > *steady {
            *steady = self.run;
            grown = grown.max(1);
        }
        grown
    }

    /// Counts a person new to the day whose identifier stands in a block read just before.
    pub fn meet(&mut self, person: Person) {
        if self.blocks.contains(&person.block) {
            self.tallies[place(Measure::Neighbours1d)] += 1;
        } else {
            let [first, second, third, _] = self.blocks;
            self.blocks = [person.block, first, second, third];
        }
    }

    /// Counts persons whom a list does not name for the account.
    pub fn meet_outside(&mut self, persons: u32) {
        let tally = &mut self.tallies[place(Measure::Unrelated1d)];
        *tally = tally.saturating_add(persons);
    }

    /// A run goes on while the distance stays within a twentieth of the one before.
    fn keep_pace(&mut self, time: TimestampMs) {
        let gap = time - self.last;
        let even = gap >= EVEN_FROM_MS && (gap - self.gap).abs() * 20 <= gap;
        self.run = if even { self.run + 1 } else { 0 };
        (self.last, self.gap) = (time, gap);
    }

    /// Starts the day's sums again; the pace goes on.
    pub fn start_again(&mut self) {
        self.tallies = [0; TALLIES];
        self.look_at_all(true);
        self.run = 0;
    }
}
