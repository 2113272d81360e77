//! What is normal for pools: a pool is expected to read what its members of today are expected to
//! read, times what the pool's own past and its kind say about that sum. Scores are recalibrated by
//! an extreme-value tail of the kind, like those of accounts.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::detect::calibration::are_enough;
use crate::detect::channel::Measure;
use crate::detect::counts::Predictive;
use crate::detect::epoch::Budget;
use crate::detect::limits::{BUDGETED_MIN, CALIBRATION_DAYS, CALIBRATION_DAYS_MAX};
use crate::detect::rule::{Rules, Watch};
use crate::detect::tail::{Histogram, Tail, fit, score_bin};
use crate::detect::time::Day;

/// Pools that are compared with one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub(super) enum Class {
    /// A device, address or network that came to be shared by accounts not long ago.
    Fresh = 0,
    /// An address that accounts have long shared.
    Shared = 1,
    /// All addresses without account.
    NoAccount = 2,
    /// A site or body.
    Unit = 3,
    /// A network of them.
    Partner = 4,
}

/// What is counted in a pool, each one test a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub(super) enum What {
    /// Foreign origins within an hour.
    Foreign1h = 0,
    /// Foreign origins of the day.
    Foreign1d = 1,
    /// Distinct persons within an hour.
    Persons1h = 2,
    /// Distinct persons of the day.
    Persons1d = 3,
    /// Accounts far above their own usual foreign origins.
    Strays = 4,
    /// Accounts far above their own usual persons.
    Surges = 5,
}

pub(super) const CLASSES: usize = 5;
pub(super) const WHATS: usize = 6;

impl What {
    /// All of them, by index.
    pub(super) const ALL: [What; WHATS] = [
        What::Foreign1h,
        What::Foreign1d,
        What::Persons1h,
        What::Persons1d,
        What::Strays,
        What::Surges,
    ];

    pub(super) fn watch(self) -> Watch {
        match self {
            What::Foreign1h | What::Foreign1d => Watch::PooledForeign,
            What::Persons1h | What::Persons1d => Watch::PooledPersons,
            What::Strays | What::Surges => Watch::Simultaneous,
        }
    }

    /// The measure of the signal, which carries the window.
    pub(super) fn measure(self) -> Measure {
        match self {
            What::Foreign1h => Measure::Foreign1h,
            What::Foreign1d | What::Strays => Measure::Foreign1d,
            What::Persons1h => Measure::Persons1h,
            What::Persons1d | What::Surges => Measure::Persons1d,
        }
    }

    /// Whether it needs the person → unit table.
    pub(super) fn is_foreign(self) -> bool {
        matches!(self.measure(), Measure::Foreign1h | Measure::Foreign1d)
    }
}

impl Class {
    /// What is judged in pools of this kind.
    pub(super) fn whats(self) -> &'static [What] {
        use What::{Foreign1d, Foreign1h, Persons1d, Persons1h, Strays, Surges};
        match self {
            Class::Fresh | Class::NoAccount => &[Foreign1h, Foreign1d, Persons1h, Persons1d],
            Class::Shared => &[Foreign1d],
            Class::Unit | Class::Partner => &[Foreign1d, Strays, Surges],
        }
    }

    /// Spread between days that members have in common, 1/r, before any was seen.
    fn spread(self) -> f64 {
        match self {
            Class::NoAccount => 1.0,
            Class::Fresh | Class::Unit | Class::Shared => 0.15,
            Class::Partner => 0.08,
        }
    }
}

/// Forgetting sums of counts and of what was expected: 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    /// Σ λ^age · x
    counted: f32,
    /// Σ λ^age · expected
    expected: f32,
    /// Σ λ^age
    weight: f32,
}

/// λ of a day.
const KEEP: f32 = 0.97;
/// λ of one pool's day.
const KEEP_SAMPLE: f64 = 0.998;

impl Past {
    pub(super) fn learn(&mut self, counted: f64, expected: f64) {
        self.counted = self.counted * KEEP + counted as f32;
        self.expected = self.expected * KEEP + expected as f32;
        self.weight = self.weight * KEEP + 1.0;
    }
}

/// One kind of pool and one count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cell {
    /// Over all pools of the kind: counted and expected.
    past: Past,
    /// Their ratio is the spread that members have in common: squares beyond what members vary by
    /// themselves, and squared means, both weighed by how much a day can tell.
    excess: f64,
    weight: f64,
    samples: u64,
    /// Pools judged a day, forgetting.
    judged: f64,
    judged_today: u32,
    /// Day scores of four weeks, and those cut off at the threshold.
    days: VecDeque<(Day, Histogram, Histogram)>,
    /// Those of the days before, by calendar blocks of four weeks and the last day of each.
    older: VecDeque<(Day, Histogram, Histogram)>,
    tail: Tail,
    /// Share of pool days that may fire.
    alpha: f64,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Models {
    cells: Vec<Cell>,
    /// Days of the deployment.
    number: i32,
}

/// How a count stands against what is expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighed {
    pub(super) model: Predictive,
    /// Nats of the count, and at which it fires.
    pub(super) nats: f64,
    pub(super) level: f64,
}

/// Tail of the day scores before there are enough: lighter than that of accounts, since sums of many
/// accounts are tamer than each of them.
const PRIOR_TAIL: Tail =
    Tail { start: 4.0, share: 0.02, shape: 0.1, scale: 1.3, samples: 0, seen: 0.0 };
/// Days before scores count, persons and foreign origins, as for accounts.
const SCORES_FROM: [i32; 2] = [7, 10];
/// Days of scores before they are believed.
const SCORES_FOR: i32 = 14;
/// Alerts of four weeks taken for innocent, beyond twice what the budget allows.
const ALERTS_BELIEVED: u64 = 1;
/// Own days that the kind's word is worth.
const PEER_DAYS: f64 = 4.0;
/// Pool days that the shipped spread is worth.
const SHIPPED_SAMPLES: f64 = 20.0;

impl Models {
    /// Before anything is known: shipped spreads and the shipped tail.
    pub(super) fn shipped() -> Models {
        let tail = PRIOR_TAIL;
        let cell = Cell {
            past: Past::default(),
            excess: 0.0,
            weight: 0.0,
            samples: 0,
            judged: 0.0,
            judged_today: 0,
            days: VecDeque::new(),
            older: VecDeque::new(),
            tail,
            alpha: 1e-4,
        };
        Models { cells: vec![cell; CLASSES * WHATS], number: 0 }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.cells.len() == CLASSES * WHATS || self.cells.is_empty()
    }

    fn cell(&self, class: Class, what: What) -> Option<&Cell> {
        self.cells.get(class as usize * WHATS + what as usize)
    }

    /// Whether the count means anything yet.
    pub(super) fn speaks(&self, what: What) -> bool {
        match what {
            What::Persons1h | What::Persons1d => true,
            _ => self.number >= SCORES_FROM[1],
        }
    }

    /// Whether calibration is believed.
    pub(super) fn is_mature(&self, what: What) -> bool {
        self.number >= SCORES_FROM[usize::from(what.is_foreign())] + SCORES_FOR
    }

    /// What the pool is expected to count today, given what its members are expected to.
    pub(super) fn expects(
        &self,
        class: Class,
        what: What,
        own: &Past,
        expected: Expected,
    ) -> Predictive {
        let Some(cell) = self.cell(class, what) else { return Predictive::new(1e9, 1.0) };
        let alone = expected.alone;
        let expected = expected.count.max(1e-3);
        let sums = |past: &Past| (f64::from(past.counted), f64::from(past.expected));
        // The kind's ratio, worth one day of this pool until pools were seen.
        let (counted, of) = sums(&cell.past);
        let kind = (counted + expected) / (of + expected);
        // At a fresh place the whole day that its accounts usually have is the most that they may
        // innocently read there; most only look in, and what they read says nothing about the rest.
        let fresh = class == Class::Fresh;
        let kind = if fresh { 1.0 } else { kind };
        let (counted, of) = if fresh { (0.0, 0.0) } else { sums(own) };
        let ratio = (counted + PEER_DAYS * kind * expected) / (of + PEER_DAYS * expected);
        let mean = (ratio * expected).max(0.02);
        let measured = (cell.excess / cell.weight.max(1e-9)).clamp(0.01, 5.0);
        let samples = if fresh { 0.0 } else { cell.samples as f64 };
        let trust = samples / (samples + SHIPPED_SAMPLES);
        let spread = trust * measured + (1.0 - trust) * class.spread() + alone;
        let doubt = (1.0 / mean + spread) / (f64::from(own.weight) + PEER_DAYS);
        Predictive::new(mean, 1.0 / (spread + doubt))
    }

    /// Weighs a count.
    pub(super) fn weigh(
        &self,
        class: Class,
        what: What,
        own: &Past,
        expected: Expected,
        count: u64,
    ) -> Weighed {
        let model = self.expects(class, what, own, expected);
        let level = self.cell(class, what).map_or(f64::MAX, |c| c.tail.level(c.alpha));
        Weighed { model, nats: model.surprise(count), level }
    }

    /// −log10 of the calibrated probability of a score, and of the one allowed.
    pub(super) fn decades(&self, class: Class, what: What, nats: f64) -> (f64, f64) {
        let Some(cell) = self.cell(class, what) else { return (0.0, 0.0) };
        (-cell.tail.probability(nats).log10(), -cell.alpha.log10())
    }

    /// Takes in one pool's day: its greatest score, and its count with what was expected where the
    /// day may teach.
    pub(super) fn close(&mut self, class: Class, what: What, day: Day, closed: &ClosedPool) {
        let scores = self.number >= SCORES_FROM[usize::from(what.is_foreign())];
        let Some(cell) = self.cells.get_mut(class as usize * WHATS + what as usize) else { return };
        cell.judged_today += 1;
        if scores {
            if cell.days.back().is_none_or(|(last, ..)| *last != day) {
                cell.days.push_back((day, Histogram::default(), Histogram::default()));
            }
            if let Some((_, seen, cut)) = cell.days.back_mut() {
                let level = cell.tail.level(cell.alpha);
                if closed.nats >= level {
                    cut.add(score_bin(level))
                } else {
                    seen.add(score_bin(closed.nats))
                }
            }
        }
        if let Some((count, model)) = closed.teaches {
            let x = (count as f64).min(model.mean + 3.0 * model.sd());
            let (m, off) = (model.mean, x - model.mean);
            // The variance of a squared deviation is about 2m² + m: weights are its inverse.
            let telling = m / (2.0 * m + 1.0);
            let own = m + closed.expected.alone * m * m;
            cell.excess = cell.excess * KEEP_SAMPLE + (off * off - own) * telling;
            cell.weight = cell.weight * KEEP_SAMPLE + m * m * telling;
            cell.samples += 1;
        }
    }

    /// Takes in what all pools of each kind counted on a day, and were expected to.
    pub(super) fn learn_all(&mut self, sums: &[[(f64, f64); WHATS]; CLASSES]) {
        for (cell, (counted, expected)) in self.cells.iter_mut().zip(sums.iter().flatten()) {
            if *expected > 0.0 {
                cell.past.learn(*counted, *expected);
            }
        }
    }

    /// Makes the next day's tails and shares of the budget: `accounts` were active in the week.
    pub(super) fn calibrate(
        &mut self,
        day: Day,
        number: i32,
        rules: &Rules,
        budget: Budget,
        accounts: u64,
    ) {
        self.number = number;
        let per_week = (budget.per_account_week * accounts as f64).max(budget.per_week_min);
        for (at, cell) in self.cells.iter_mut().enumerate() {
            let what = What::ALL[at % WHATS];
            let (seen, cut) = cell.window(day, calibrating_days(per_week));
            let total = seen.total() + cut.total();
            // Rest days have few tests: the average over a week or two, and at first what there is.
            let pools = f64::from(std::mem::take(&mut cell.judged_today));
            cell.judged =
                if number <= 7 { cell.judged.max(pools) } else { 0.9 * cell.judged + 0.1 * pools };
            let tests = 7.0 * cell.judged.max(1.0);
            cell.alpha = (per_week * share(rules, what) / tests).clamp(1e-9, 0.05);
            let terms = f64::from(calibrating_days(per_week)) / f64::from(CALIBRATION_DAYS);
            let believed = ((ALERTS_BELIEVED as f64 * terms) as u64)
                .saturating_add((2.0 * cell.alpha * total as f64) as u64);
            cell.tail = fit(&seen, &cut.lowest(believed), &PRIOR_TAIL, cell.alpha);
        }
    }
}

/// Days that calibrate: four weeks, or so many that the budget allows enough alerts in them.
fn calibrating_days(per_week: f64) -> i32 {
    if are_enough(4.0 * per_week) {
        return CALIBRATION_DAYS;
    }
    let weeks = BUDGETED_MIN / per_week.max(1e-9);
    ((7.0 * weeks).ceil().min(1e6) as i32).clamp(CALIBRATION_DAYS, CALIBRATION_DAYS_MAX)
}

impl Cell {
    /// Scores of the last `days` days, and those cut off. What lies further back than calibration
    /// ever looks is forgotten.
    fn window(&mut self, today: Day, days: i32) -> (Histogram, Histogram) {
        let block = |day: Day| day.div_euclid(CALIBRATION_DAYS);
        while self.days.front().is_some_and(|(d, ..)| *d <= today - CALIBRATION_DAYS) {
            let Some((day, scores, beyond)) = self.days.pop_front() else { break };
            match self.older.back_mut().filter(|(last, ..)| block(*last) == block(day)) {
                Some((last, seen, cut)) => {
                    *last = day;
                    seen.merge(&scores);
                    cut.merge(&beyond);
                }
                None => self.older.push_back((day, scores, beyond)),
            }
        }
        // A budget that becomes smaller finds twice as much.
        let kept = if days > CALIBRATION_DAYS { 2 * days } else { days };
        let oldest = today - kept.min(CALIBRATION_DAYS_MAX);
        while self.older.front().is_some_and(|(last, ..)| *last <= oldest) {
            self.older.pop_front();
        }
        let (mut seen, mut cut) = (Histogram::default(), Histogram::default());
        let blocks = self.older.iter().filter(|(last, ..)| *last > today - days);
        for (_, scores, beyond) in blocks.chain(&self.days) {
            seen.merge(scores);
            cut.merge(beyond);
        }
        (seen, cut)
    }
}

/// What one pool's day teaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClosedPool {
    /// Its greatest score.
    pub(super) nats: f64,
    /// Count and what was expected; none where the day may not teach.
    pub(super) teaches: Option<(u64, Predictive)>,
    /// What it was expected to be.
    pub(super) expected: Expected,
}

/// What members are expected to count together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// The sum over the members.
    pub(super) count: f64,
    /// Spread 1/r of the sum when each member varies by itself: the fewer, the wider.
    pub(super) alone: f64,
}

/// ω of one count of one kind: the window's share, split evenly over the kinds that are judged.
fn share(rules: &Rules, what: What) -> f64 {
    let kinds = [Class::Fresh, Class::Shared, Class::NoAccount, Class::Unit, Class::Partner];
    let judged = kinds.iter().filter(|class| class.whats().contains(&what)).count();
    // Both counts of simultaneous accounts have one window.
    let counts = if what.watch() == Watch::Simultaneous { 2 } else { 1 };
    let rule = rules.get(what.watch());
    let window = rule.and_then(|rule| rule.budget.get(what.measure().window()));
    window.copied().unwrap_or(0.0) / (judged * counts).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A score a day, with a budget that looks 112 days back.
    fn after_400_days() -> Cell {
        let mut cell = Models::shipped().cells.swap_remove(0);
        for day in 0..400 {
            let mut seen = Histogram::default();
            seen.add(0);
            cell.days.push_back((day, seen, Histogram::default()));
            cell.window(day, 112);
        }
        cell
    }

    #[test]
    fn a_small_budget_looks_further_back() {
        assert_eq!(calibrating_days(2.0), CALIBRATION_DAYS);
        assert_eq!(calibrating_days(0.5), 112);
        assert_eq!(calibrating_days(0.001), CALIBRATION_DAYS_MAX);
        let mut cell = after_400_days();
        let total = |cell: &mut Cell, days| cell.window(399, days).0.total();
        assert_eq!(total(&mut cell, 28), 28, "four weeks need nothing older, and forget it");
        assert!(cell.older.is_empty());
    }

    #[test]
    fn older_days_stay_in_blocks() {
        let mut cell = after_400_days();
        let held = cell.window(399, 112).0.total();
        assert!((112..140).contains(&held), "whole blocks: {held}");
        assert!(cell.older.len() <= 9, "{}", cell.older.len());
    }
}
