//! An account's day closes: it is scored, teaches the peers, and is learned from; of an account that
//! alerted, only a mark stays in the calibration.

use super::account::{Account, is_territorial};
use super::baseline::{KEEP_DAY, KEEP_HOUR};
use super::channel::{
    DRIFTS, HOURLY, MEASURES, Measure, RUNS, RunSpec, Sense, Span, TOUCHES, WEEKS, baseline_index,
    channel,
};
use super::counts::Predictive;
use super::epoch::{Epoch, Group, HourClass, Kind, Since};
use super::joint::{self, Evidence, JOINT};
use super::limits::{BUDGETED_MIN, RAISED_FLOOR};
use super::partial::{EXPLAINED, GroupPartial, Peak, maximum_bin, ratio_bin};
use super::tail::score_bin;
use super::territory::Vote;
use super::today::{HourMaxima, Today};
use crate::event::Touch;

/// What the closing of a day needs from the shard.
pub(super) struct Closing<'a> {
    /// The peers.
    pub(super) group: &'a Group,
    /// The epoch whose thresholds the day had.
    pub(super) epoch: &'a Epoch,
    /// What the day teaches them.
    pub(super) partial: &'a mut GroupPartial,
    /// Who touched whom.
    pub(super) votes: &'a mut Vec<Vote>,
    /// Days of the deployment on which each measure was counted.
    pub(super) counted: Since,
    /// Lowest count that may fire, by measure.
    pub(super) floors: [u64; MEASURES],
    /// Lowest count that the largest of joint signs must have.
    pub(super) joint_floor: u64,
    /// What the day's counts say by family.
    pub(super) evidence: Evidence,
    /// What the day's channels scored, and whether one of them came near its threshold.
    pub(super) peak: Peak,
    pub(super) near: bool,
}

impl Closing<'_> {
    /// Notes what a channel scored. Only where the budget is so small that calibration looks at all
    /// channels together.
    fn note(&mut self, touch: Touch, measure: Measure, score: DayScore, odds: u8) {
        if self.epoch.held.in_four_weeks() >= PEAKS_BELOW {
            return;
        }
        let model = self.epoch.channel(touch, measure);
        let shift = self.group.shift[touch as usize][measure as usize];
        self.peak.odds = odds;
        let near = NEAR * model.alpha * f64::from(odds) / self.epoch.held.restraint;
        for (nats, mark) in [(score.plain, 0), (score.explained, EXPLAINED)] {
            if nats > shift {
                let own = nats - shift;
                let bin = score_bin(own) as u16;
                self.peak.scores.push((channel(touch, measure) as u8 | mark, bin));
                self.near |= nats >= -near.ln() && model.tail.probability(own) <= near;
            }
        }
    }
}

/// What the closing of a day may teach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Learning {
    /// Everything.
    All,
    /// The account alerted today and leaves: only how far the channels that fired went.
    AlertOnly,
    /// It alerted again while it was out: only that, for the count of alerts.
    PeakOnly,
}

/// A channel's day: the greatest score with and without an everyday explanation.
#[derive(Clone, Copy, Debug, Default)]
struct DayScore {
    plain: f64,
    explained: f64,
    maximum: u64,
}

impl DayScore {
    fn note(&mut self, nats: f64, count: u64, explained: bool) {
        let best = if explained { &mut self.explained } else { &mut self.plain };
        *best = best.max(nats);
        self.maximum = self.maximum.max(count);
    }
}

/// How many times as often as it fires a day may come to have been near.
const NEAR: f64 = 32.0;
/// Alerts allowed in four weeks from which on days that came near are not kept.
const PEAKS_BELOW: f64 = 2.0 * BUDGETED_MIN;

/// Weight of a week's sum learned each day: seven of them overlap.
const WEEK_WEIGHT: f32 = 0.2;

/// Persons of an hour that make it look like a transfer rather than like chance.
const TRANSFER: u32 = 20;

/// Only the upper tail of the scores matters: what lies within one standard deviation of what was
/// expected need not be computed.
fn score(model: Predictive, x: u64) -> f64 {
    if x as f64 <= model.mean + model.sd() { 0.0 } else { model.surprise(x) }
}

impl Account {
    /// Closes the day.
    pub(super) fn close_day(&mut self, closing: &mut Closing<'_>) {
        let Some(mut today) = self.today.take() else { return };
        today.finish();
        self.closed_days = self.closed_days.saturating_add(1);
        if today.fired != 0 {
            self.told.clear();
        }
        let alerting = today.fired != 0 || self.excluded_until >= self.day.day;
        let marks = today.fired != 0 && !today.excluded_at_open && !today.is_theft;
        let opened = self.episode.as_ref().is_some_and(|e| e.opened >= self.day.start_ms);
        let again = today.fired != 0 && opened && !today.is_theft;
        let learning = match (alerting, marks) {
            (false, _) => Learning::All,
            (true, true) => Learning::AlertOnly,
            (true, false) => Learning::PeakOnly,
        };
        if !alerting || marks || again {
            for touch in TOUCHES {
                if !today.windows[touch as usize].is_empty() {
                    self.close_hours(touch, &today, learning, closing);
                }
                self.close_counts(touch, &today, learning, closing);
                self.close_drift(touch, &today, learning, closing);
            }
            self.close_runs(&today, learning, closing);
        }
        if std::mem::take(&mut closing.near) {
            closing.partial.peaks.push(std::mem::take(&mut closing.peak));
        }
        if !alerting || marks {
            self.close_joint(&today, learning, closing);
        }
        self.close_weeks(&today, closing.group);
        if today.fired != 0 {
            self.tell_days_before();
        }
        for (known, seen) in self.known.iter_mut().zip(&today.seen) {
            known.remember(seen, alerting);
        }
        if !alerting {
            self.close_activity(&today, closing);
            self.meet(&today, closing);
        }
        self.today = Some(today);
    }

    /// Whoever was touched is known from now on, and belongs where the account works.
    fn meet(&mut self, today: &Today, closing: &mut Closing<'_>) {
        closing.partial.account_days += 1;
        for operation in today.operations.iter() {
            *closing.partial.operations.entry(operation).or_default() += 1;
        }
        if self.kind != Kind::Human {
            return;
        }
        let persons = today.windows.iter().flat_map(|w| w.entries()).filter_map(|e| e.person());
        self.persons.remember(persons, self.day.day);
        for touch in TOUCHES {
            let weight = 1 + touch as u8;
            let persons = today.windows[touch as usize].entries().filter_map(|e| e.person());
            let unit = self.unit;
            closing.votes.extend(persons.map(|fp| Vote { fp, unit, weight }));
        }
    }

    fn close_hours(
        &mut self,
        touch: Touch,
        today: &Today,
        learning: Learning,
        closing: &mut Closing<'_>,
    ) {
        let t = touch as usize;
        for (place, measure) in HOURLY.into_iter().enumerate() {
            if measure.is_strange()
                && closing.counted[measure as usize] < measure.spec().counts_from
            {
                continue;
            }
            let mut score = DayScore::default();
            for class in [HourClass::Core, HourClass::Shoulder, HourClass::Off] {
                let in_class =
                    |h: &&HourMaxima| h.class == class as u8 && h.touched & (1 << t) != 0;
                let hours = || today.hours.iter().filter(in_class);
                if hours().next().is_none() {
                    continue;
                }
                let model = self.model(touch, measure, class, closing.group);
                let hurdle = self.hurdle(measure, class, closing.group);
                for explained in [false, true] {
                    let usual = !measure.is_strange() && self.is_usual(today, class);
                    let of_kind = |h: &&HourMaxima| {
                        (usual && is_territorial(h.counts[t][1], h.counts[t][2])) == explained
                    };
                    let greatest = hours().filter(of_kind).map(|h| h.counts[t][place]).max();
                    if let Some(greatest) = greatest.map(u64::from) {
                        score.note(hurdle + self::score(model, greatest), greatest, explained);
                    }
                }
                if learning == Learning::All {
                    for hour in hours() {
                        let x = u64::from(hour.counts[t][place]);
                        let learned = self.teaches(touch, measure, class, x, model);
                        let own = &mut self.base[t][baseline_index(measure, class as usize)];
                        own.learn(learned, KEEP_HOUR);
                    }
                }
            }
            self.record(touch, measure, score, learning, today, closing);
        }
    }

    fn close_counts(
        &mut self,
        touch: Touch,
        today: &Today,
        learning: Learning,
        closing: &mut Closing<'_>,
    ) {
        let t = touch as usize;
        for measure in Measure::ALL {
            let spec = measure.spec();
            let of_days = matches!(spec.span, Span::Day | Span::Week(_));
            if !of_days
                || !self.has_test(touch, measure, today)
                || (measure.is_strange() && closing.counted[measure as usize] < spec.counts_from)
            {
                continue;
            }
            let x = today.count(touch, measure);
            let model = self.model(touch, measure, HourClass::Core, closing.group);
            let nats = self.hurdle(measure, HourClass::Core, closing.group) + score(model, x);
            let mut score = DayScore::default();
            let explained = self.is_explained(today, touch, measure, HourClass::Core);
            score.note(nats, x, explained);
            if joint::is_sign(measure) && x >= joint::sign_floor(closing.joint_floor) && !explained
            {
                let evidence = closing.epoch.evidence(closing.group, touch, measure, nats);
                closing.evidence.note(spec.watch.family(), evidence, x);
            }
            self.record(touch, measure, score, learning, today, closing);
            if learning != Learning::All {
                continue;
            }
            if self.kind == Kind::Human && self.day.is_rest() && !measure.is_rare() {
                continue;
            }
            let wave = self.wave(touch, measure, closing.group);
            if measure == Measure::Persons1d {
                closing.partial.ratios[t].add(ratio_bin(x as f64 * wave / model.mean));
            }
            let learned = self.teaches(touch, measure, HourClass::Core, x, model) / wave as f32;
            let own = &mut self.base[t][baseline_index(measure, 0)];
            match spec.span {
                Span::Week(_) => own.learn_part(learned, KEEP_DAY, WEEK_WEIGHT),
                _ => own.learn(learned, KEEP_DAY),
            }
        }
    }

    /// Whether the day says anything about a measure at all.
    pub(super) fn has_test(&self, touch: Touch, measure: Measure, today: &Today) -> bool {
        let spec = measure.spec();
        if !measure.counts(touch) || (spec.human && self.kind != Kind::Human) {
            return false;
        }
        let windows = &today.windows[touch as usize];
        if measure.is_rare() && self.kind == Kind::Human {
            return windows.count(Measure::OffPersons1d) > 0;
        }
        measure.tally().is_some() || !windows.is_empty()
    }

    /// Bulk that has an everyday explanation: people of known units, in office hours, from the
    /// account's own device.
    pub(super) fn is_explained(
        &self,
        today: &Today,
        touch: Touch,
        measure: Measure,
        class: HourClass,
    ) -> bool {
        if measure.spec().sense == Sense::Strange || !self.is_usual(today, class) {
            return false;
        }
        let windows = &today.windows[touch as usize];
        let (persons, foreign) = match measure {
            Measure::Persons5m | Measure::Persons1h => (Measure::Persons1h, Measure::Foreign1h),
            _ => (Measure::Persons1d, Measure::Foreign1d),
        };
        let small = |m: Measure| windows.count(m).min(u64::from(u32::MAX)) as u32;
        // A transfer that began within the hour is one, whatever the morning was.
        is_territorial(small(persons), small(foreign))
            || small(Measure::Persons1h) > TRANSFER
                && is_territorial(small(Measure::Persons1h), small(Measure::Foreign1h))
    }

    /// The e-process of each anchor, and the anchor itself.
    fn close_drift(
        &mut self,
        touch: Touch,
        today: &Today,
        learning: Learning,
        closing: &mut Closing<'_>,
    ) {
        if learning != Learning::All
            || self.kind != Kind::Human
            || today.windows[touch as usize].is_empty()
            || self.day.is_rest()
        {
            return;
        }
        let t = touch as usize;
        for (d, (measure, of_day)) in DRIFTS.into_iter().enumerate() {
            if of_day.is_strange() && closing.counted[of_day as usize] < of_day.spec().counts_from {
                continue;
            }
            let x = today.count(touch, measure);
            let model = self.model(touch, measure, HourClass::Core, closing.group);
            let nats = model.surprise(x);
            closing.partial.anchored[t][d].add(score_bin(nats));
            let p = closing.group.anchored[t][d].probability(nats);
            let wave = self.wave(touch, of_day, closing.group);
            let drift = &mut self.drift[t][d];
            drift.close(x, model, p, wave);
            if let Some(peak) = drift.window(self.day.day) {
                let mut score = DayScore::default();
                score.note(peak, x, false);
                self.record(touch, measure, score, learning, today, closing);
            }
        }
    }

    /// The shares among the persons met; a week that is over leaves its peaks.
    fn close_runs(&mut self, today: &Today, learning: Learning, closing: &mut Closing<'_>) {
        if self.kind != Kind::Human {
            return;
        }
        let peaks = if learning == Learning::All {
            for touch in TOUCHES.map(|t| t as usize) {
                for run in 0..RUNS.len() {
                    self.runs.close(touch, run, &today.windows[touch].run(run));
                }
            }
            self.runs.week(self.day.day)
        } else {
            // What did not fire is not recorded.
            Some(TOUCHES.map(|touch| RUNS.map(|run| today.count(touch, run.measure))))
        };
        for (touch, peaks) in TOUCHES.into_iter().zip(peaks.into_iter().flatten()) {
            for (RunSpec { measure, .. }, peak) in RUNS.into_iter().zip(peaks) {
                let model = self.model(touch, measure, HourClass::Core, closing.group);
                let mut score = DayScore::default();
                score.note(model.surprise(peak), peak, false);
                self.record(touch, measure, score, learning, today, closing);
            }
        }
    }

    /// How far the day's counts were unusual together.
    fn close_joint(&mut self, today: &Today, learning: Learning, closing: &mut Closing<'_>) {
        let fired = today.fired & (1 << JOINT) != 0;
        let silent = learning == Learning::AlertOnly && !fired;
        if silent || self.kind != Kind::Human || !closing.epoch.joint_calibrates(today.epoch) {
            return;
        }
        let scores = &mut closing.partial.joint;
        if fired {
            let bin = score_bin(closing.epoch.joint_level(1.0));
            scores.censored.add(bin);
            self.told.push((JOINT as u8, bin as u16));
        } else {
            scores.scores.add(score_bin(closing.evidence.joint(closing.joint_floor)));
        }
    }

    /// The day joins the six before it; what was alerted on is told, and counts as usual from now
    /// on.
    fn close_weeks(&mut self, today: &Today, group: &Group) {
        let told = today.fired != 0;
        let counts = TOUCHES.map(|touch| {
            WEEKS.map(|(_, of_day)| {
                let x = today.count(touch, of_day);
                let usual = self.model(touch, of_day, HourClass::Core, group).mean as u64;
                if told { x.min(usual) } else { x }
            })
        });
        self.weeks.close(self.day.day, counts, today.first_position);
    }

    fn close_activity(&mut self, today: &Today, closing: &mut Closing<'_>) {
        for hour in &today.hours {
            closing.partial.hours.add(usize::from(hour.hour_of_week));
        }
        if self.day.is_rest() {
            self.activity[2].learn(true, today.rest_chances.max(1));
            closing.partial.activity[2].0 += 1;
        } else {
            self.activity[2].learn(false, today.rest_chances);
            for (place, class) in [HourClass::Shoulder, HourClass::Off].into_iter().enumerate() {
                let active = today.hours.iter().any(|h| h.class == class as u8);
                self.activity[place].learn(active, 1);
                closing.partial.activity[place].0 += u64::from(active);
                closing.partial.activity[place].1 += 1;
            }
        }
        closing.partial.activity[2].1 += u64::from(today.rest_chances);
    }

    fn record(
        &mut self,
        touch: Touch,
        measure: Measure,
        score: DayScore,
        learning: Learning,
        today: &Today,
        closing: &mut Closing<'_>,
    ) {
        if closing.counted[measure as usize] < measure.spec().calibrates_from {
            return;
        }
        let fired = today.fired & (1 << channel(touch, measure)) != 0;
        let floor = closing.floors[measure as usize];
        let lowest = if today.odds > 1 { floor.min(RAISED_FLOOR) } else { floor };
        if self.kind == Kind::Human && score.maximum >= lowest {
            closing.note(touch, measure, score, today.odds);
        }
        if learning == Learning::PeakOnly || learning == Learning::AlertOnly && !fired {
            return;
        }
        let scores = &mut closing.partial.scores[touch as usize][measure as usize];
        if learning == Learning::All {
            scores.maxima.add(maximum_bin(score.maximum));
        }
        // What no threshold can reach is no test.
        let highest = score.plain.max(score.explained);
        let tested = if score.maximum < floor { 0.0 } else { highest };
        // No level lies lower than −ln α, and few scores are that high.
        let alpha = closing.epoch.channel(touch, measure).alpha;
        if tested < -alpha.ln() {
            scores.scores.add(score_bin(tested));
            return;
        }
        let level = closing.epoch.level(self.kind, closing.group, touch, measure, 1.0);
        let explained = score.plain < level && score.explained >= level;
        if tested >= level && (fired || explained) {
            // Beyond the threshold a score teaches only that it was beyond.
            scores.censored.add(score_bin(level));
            if fired {
                let bin = score_bin(level) as u16;
                self.told.push((channel(touch, measure) as u8, bin));
            }
        } else {
            scores.scores.add(score_bin(tested));
        }
        if explained {
            scores.explained.add(score_bin(score.explained));
        }
    }
}
