//! The shares among the persons met in the windows of one day: [`Run`]s.

use super::{FOREIGN, NOVEL, OWN, UNUSUAL, Windows};
use crate::detect::channel::RUNS;
use crate::detect::run::Run;

impl Windows {
    /// Where a share among the persons met stands, by its place among [`RUNS`].
    #[must_use]
    pub fn run(&self, run: usize) -> Run {
        self.runs[run]
    }

    /// Shares go on from where the day before left them.
    pub(in crate::detect) fn go_on(&mut self, runs: [Run; RUNS.len()]) {
        self.runs = runs;
    }

    /// Shares that say nothing today, in the order of [`RUNS`].
    pub(in crate::detect) fn pause(&mut self, shares: [bool; RUNS.len()]) {
        let paused = self.runs.iter_mut().zip(shares).filter(|(_, paused)| *paused);
        paused.for_each(|(run, _)| run.pause());
    }

    /// One more person met, in the order of [`RUNS`].
    pub(super) fn met(&mut self, flags: u8, new_unit: bool) {
        let dormant = flags & FOREIGN != 0;
        let own = flags & (NOVEL | OWN) == NOVEL | OWN;
        let of_kind = [dormant || new_unit, dormant, own, flags & UNUSUAL != 0];
        for (run, of_kind) in self.runs.iter_mut().zip(of_kind) {
            run.meet(of_kind, 1 << self.level);
        }
    }
}
