//! The share of one kind among those newly met: of an account's next hundred persons, how many are
//! strangers' files? A thief who keeps to the owner's volume changes nothing but that share, and
//! changes it day after day.
//!
//! A one-sided CUSUM of Bernoulli trials (Page; Reynolds & Stoumbos 1999), one trial a person met:
//! against the account's own share p₀ stands p₁ = p₀ + ρ(1 − p₀), a part ρ of the other persons
//! replaced (a quarter or a half). A person of the kind adds ln(p₁/p₀), another takes away
//! −ln((1 − p₁)/(1 − p₀)) = −ln(1 − ρ). It is kept in persons, not in nats: one of the kind adds 1, so
//! that its greatest value is "persons beyond the usual share", an integer that only grows within the
//! day, and rare as the geometric distribution with ratio p₀/p₁ is.

use serde::{Deserialize, Serialize};

use super::channel::{RUNS, RunSpec, TOUCHES};
use super::counts::Predictive;
use super::limits::RUN_DAYS;
use super::time::{Day, is_near};

/// Parts of a person.
const UNIT: u32 = 256;
/// Parts of a person that are kept from day to day.
const KEPT: u32 = 16;
/// Persons that a run is told up to: beyond, it stays there.
pub(super) const MOST: u64 = (u16::MAX as u32 / KEPT) as u64;
/// Shares below are not told apart; above, nearly everybody is of the kind and there is nothing to
/// see.
const SHARE: (f64, f64) = (0.02, 0.75);
/// Persons by which one day may lengthen a run: a run is of many days, and a strange day has
/// channels of its own.
const DAY_MAX: u32 = 15;

/// The share to be told from chance: the usual one, and how much of the rest is replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    usual: f64,
    replaced: f64,
}

impl Share {
    /// From the expected counts of a day's measure and of all persons; none where nearly all are of
    /// the kind.
    #[must_use]
    pub fn of(run: &RunSpec, of_kind: f64, persons: f64) -> Option<Share> {
        let usual = of_kind / persons.max(1e-9);
        let usual = (usual <= SHARE.1).then_some(usual.max(SHARE.0))?;
        Some(Share { usual, replaced: run.replaced })
    }

    /// ln(p₁/p₀): what one person of the kind says, in nats.
    fn weight(self) -> f64 {
        (1.0 - self.replaced + self.replaced / self.usual).ln()
    }

    /// How likely a run of so many persons is by chance: the geometric distribution.
    #[must_use]
    pub fn model(self) -> Predictive {
        // q = p₀/p₁ = mean/(1 + mean).
        let q = (-self.weight()).exp();
        Predictive::new(q / (1.0 - q), 1.0)
    }

    /// What a person not of the kind takes away, in persons of the kind.
    fn loss(self) -> f64 {
        -(1.0 - self.replaced).ln() / self.weight()
    }
}

/// A run of today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What a person not of the kind takes away; 0: nothing is counted.
    loss: u32,
    /// Where it stands.
    now: u32,
    /// Its greatest value today.
    best: u32,
    /// Today it does not grow beyond.
    most: u32,
}

impl Run {
    /// Goes on from the day before; without a usual share nothing is counted.
    #[must_use]
    pub fn open(carried: Carried, share: Option<Share>) -> Run {
        let Some(share) = share else { return Run::default() };
        let loss = (share.loss() * f64::from(UNIT)).ceil() as u32;
        let now = u32::from(carried.now) * (UNIT / KEPT);
        Run { loss, now, best: now, most: now + DAY_MAX * UNIT }
    }

    /// Somebody was met, who stands for `step` persons.
    pub fn meet(&mut self, of_kind: bool, step: u32) {
        if self.loss == 0 {
            return;
        }
        if of_kind {
            self.now = self.now.saturating_add(step.saturating_mul(UNIT)).min(self.most);
            self.best = self.best.max(self.now);
        } else {
            self.now = self.now.saturating_sub(step.saturating_mul(self.loss));
        }
    }

    /// Stays where it is for the rest of the day.
    pub fn pause(&mut self) {
        self.loss = 0;
    }

    /// Persons beyond the usual share.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from(self.best / UNIT)
    }
}

/// A run from day to day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    now: u16,
    /// Its greatest value of the week, in whole persons.
    peak: u16,
}

impl Carried {
    fn close(&mut self, today: &Run) {
        self.now = (today.now / (UNIT / KEPT)).min(u32::from(u16::MAX)) as u16;
        self.peak = self.peak.max(today.count().min(u64::from(u16::MAX)) as u16);
    }
}

/// All runs of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    carried: [[Carried; RUNS.len()]; 2],
    /// First day of the week whose peaks are kept.
    since: Day,
}

impl Default for Runs {
    fn default() -> Self {
        Runs { carried: Default::default(), since: Day::MIN }
    }
}

impl Runs {
    /// Where a run stands.
    #[must_use]
    pub fn carried(&self, touch: usize, run: usize) -> Carried {
        self.carried[touch][run]
    }

    /// A day closes, of which an account that alerts keeps nothing.
    pub fn close(&mut self, touch: usize, run: usize, today: &Run) {
        self.carried[touch][run].close(today);
    }

    /// The peaks of a week that is over: one entry each in the calibration, since those of its days
    /// would be the same one.
    pub fn week(&mut self, today: Day) -> Option<[[u64; RUNS.len()]; 2]> {
        if self.since == Day::MIN {
            self.since = today;
        }
        if today - self.since < RUN_DAYS {
            return None;
        }
        self.since = today;
        let mut peaks = [[0; RUNS.len()]; 2];
        for touch in TOUCHES.map(|t| t as usize) {
            for (peak, carried) in peaks[touch].iter_mut().zip(&mut self.carried[touch]) {
                *peak = u64::from(carried.peak);
                carried.peak = (u32::from(carried.now) / KEPT) as u16;
            }
        }
        Some(peaks)
    }

    /// What was told is told.
    pub fn start_again(&mut self) {
        self.carried = Default::default();
    }

    /// Whether restored ones can be worked with.
    pub(super) fn is_sound(&self) -> bool {
        self.since == Day::MIN || is_near(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenth() -> Option<Share> {
        Share::of(&RUNS[0], 1.0, 10.0)
    }

    /// Trials of one share, spread evenly.
    fn met(run: &mut Run, persons: u32, of_kind: u32) {
        for i in 0..persons {
            run.meet((i * of_kind) / persons != ((i + 1) * of_kind) / persons, 1);
        }
    }

    /// Days with so many of the kind among fifty persons; the run after each.
    fn days(of_kind: u32, days: usize) -> Vec<u64> {
        let mut carried = Carried::default();
        let one = |_| {
            let mut run = Run::open(carried, tenth());
            met(&mut run, 50, of_kind);
            carried.close(&run);
            run.count()
        };
        (0..days).map(one).collect()
    }

    #[test]
    fn the_usual_share_runs_nowhere_and_a_quarter_more_runs_away() {
        assert!(days(5, 200).iter().all(|n| *n < 3));
        let theft = days(15, 30);
        assert!(theft[29] > 100, "{theft:?}");
        assert!(theft.windows(2).all(|w| w[0] <= w[1]));
    }

    #[test]
    fn one_day_is_not_a_run() {
        let mut run = Run::open(Carried::default(), tenth());
        met(&mut run, 400, 400);
        assert_eq!(run.count(), u64::from(DAY_MAX));
    }

    #[test]
    fn its_score_is_the_evidence_of_as_many_persons() {
        for usual in [2.0, 10.0, 40.0, 75.0] {
            for run in &RUNS {
                let share = Share::of(run, usual, 100.0).unwrap();
                let got = share.model().surprise(30);
                assert!((got / (30.0 * share.weight()) - 1.0).abs() < 1e-6, "{share:?}: {got}");
            }
        }
    }

    #[test]
    fn who_reads_nearly_nothing_else_is_not_judged_by_it() {
        assert_eq!(Share::of(&RUNS[0], 40.0, 50.0), None);
        assert_eq!(Share::of(&RUNS[0], 0.0, 50.0).unwrap().usual, SHARE.0);
        let mut run = Run::open(Carried::default(), None);
        met(&mut run, 100, 100);
        assert_eq!(run.count(), 0);
    }

    #[test]
    fn a_paused_run_stays_where_it_is() {
        let mut run = Run::open(Carried::default(), tenth());
        met(&mut run, 9, 9);
        run.pause();
        met(&mut run, 40, 20);
        assert_eq!(run.count(), 9);
        let mut carried = Carried::default();
        carried.close(&run);
        assert_eq!(Run::open(carried, tenth()).count(), 9);
    }

    #[test]
    fn a_week_has_one_peak_and_the_next_begins_where_the_run_stands() {
        let mut runs = Runs::default();
        assert_eq!(runs.week(100), None);
        let mut run = Run::open(runs.carried(1, 0), tenth());
        met(&mut run, 12, 12);
        met(&mut run, 20, 0);
        runs.close(1, 0, &run);
        assert_eq!(runs.week(106), None);
        assert_eq!(runs.week(107).unwrap()[1][0], 12);
        assert!((5..12).contains(&runs.week(114).unwrap()[1][0]));
    }
}
