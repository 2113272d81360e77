//! Counts distinct persons an account in clock buckets and asks the comparators about them: to
//! choose thresholds on traffic without attacks, or in stream with thresholds that are frozen.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use super::comparators::{Bucket, Comparator, Config, Who, Window};
use crate::event::TimestampMs;

/// Time without a crossing after which the next one is another alert.
const QUIET_MS: TimestampMs = 24 * 3_600_000;
/// Crossings remembered while thresholds are chosen.
const CROSSINGS_MAX: usize = 50_000;

/// A moment in local time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The same in UTC.
    pub time: TimestampMs,
    /// Local day, any origin.
    pub day: i32,
    /// Second of it.
    pub second: u32,
    /// Weekend or holiday.
    pub rest: bool,
}

impl Moment {
    fn bucket(&self, window: Window) -> Bucket {
        let hour = self.second / 3_600;
        let class = match (self.rest, window, hour) {
            (true, ..) => 2,
            (_, Window::Day, _) | (.., 8..=17) => 0,
            (.., 7 | 18) => 1,
            _ => 2,
        };
        Bucket { day: self.day, hour: i64::from(self.day) * 24 + i64::from(hour), class }
    }

    /// Number of the bucket of a window.
    fn number(&self, window: Window) -> i64 {
        let length = [900, 3_600, 86_400][window as usize];
        i64::from(self.day) * i64::from(86_400 / length) + i64::from(self.second / length)
    }
}

const WINDOWS: [Window; 3] = [Window::Quarter, Window::Hour, Window::Day];

/// Fingerprints are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u32(&mut self, value: u32) {
        // The map looks at both ends.
        self.0 = u64::from(value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// One account's buckets.
#[derive(Clone, Default)]
struct Desk {
    who: Who,
    /// Quarter of the day in which a person was met last.
    seen: HashMap<u32, u8, BuildHasherDefault<Identity>>,
    open: [Option<(i64, Bucket, TimestampMs)>; 3],
    counts: [u32; 3],
    /// By entrant: the count that crosses, in the bucket that is open.
    limits: Vec<u32>,
    /// By window: the smallest of them.
    least: [u32; 3],
}

/// One method at work.
struct Entrant {
    method: Box<dyn Comparator>,
    threshold: Option<f64>,
    /// By account: last crossing, alerts so far.
    alerts: BTreeMap<u32, (TimestampMs, u32)>,
    crossings: Crossings,
}

/// A method says that an account's count crossed its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Place of the method in the list given.
    pub entrant: usize,
    /// Whose.
    pub account: u32,
    /// Which alert of the account and the method, from 1.
    pub alert: u32,
}

/// Methods side by side.
pub struct Bench {
    entrants: Vec<Entrant>,
    /// Their places, by window.
    by_window: [Vec<usize>; 3],
    desks: Vec<Desk>,
    warm_ms: TimestampMs,
}

impl Bench {
    /// Methods that have seen nothing, each with its threshold; without one, its scores are kept
    /// for choosing one.
    #[must_use]
    pub fn new(entrants: &[(Config, Option<f64>)]) -> Bench {
        let entrant = |(config, threshold): &(Config, Option<f64>)| Entrant {
            method: config.build(),
            threshold: *threshold,
            alerts: BTreeMap::new(),
            crossings: Crossings::default(),
        };
        let of = |window: Window| {
            let own = entrants.iter().enumerate().filter(|(_, (c, _))| c.window == window);
            own.map(|(place, _)| place).collect()
        };
        Bench {
            by_window: WINDOWS.map(of),
            entrants: entrants.iter().map(entrant).collect(),
            desks: Vec::new(),
            warm_ms: TimestampMs::MAX,
        }
    }

    /// Says from when on scores count for choosing thresholds.
    pub fn warm_from(&mut self, time: TimestampMs) {
        self.warm_ms = time;
    }

    /// Takes in one event: persons by fingerprint, and records that no id names.
    pub fn event(
        &mut self,
        who: Who,
        moment: &Moment,
        persons: impl Iterator<Item = u32>,
        unnamed: u64,
        out: &mut Vec<Alarm>,
    ) {
        let index = who.account as usize;
        if self.desks.len() <= index {
            self.desks.resize_with(index + 1, Desk::default);
        }
        for window in WINDOWS {
            let open = self.desks[index].open[window as usize];
            if open.is_some_and(|(number, ..)| number < moment.number(window)) {
                self.close(index, window);
            }
        }
        let unnamed = u32::try_from(unnamed).unwrap_or(u32::MAX);
        if !self.desks[index].count(who, moment, persons, unnamed) {
            return;
        }
        for window in WINDOWS {
            self.look(index, window, moment, out);
        }
    }

    /// Ends every bucket that is open: the log ended.
    pub fn end(&mut self) {
        for index in 0..self.desks.len() {
            for window in WINDOWS {
                self.close(index, window);
            }
        }
    }

    /// How many methods.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entrants.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entrants.is_empty()
    }

    /// Scores of a method without a threshold.
    pub fn crossings(&mut self, entrant: usize) -> Crossings {
        std::mem::take(&mut self.entrants[entrant].crossings)
    }

    fn look(&mut self, index: usize, window: Window, moment: &Moment, out: &mut Vec<Alarm>) {
        let Bench { entrants, by_window, desks, .. } = self;
        let (desk, at) = (&mut desks[index], window as usize);
        let (who, count) = (desk.who, desk.counts[at]);
        if count == 0 || by_window[at].is_empty() {
            return;
        }
        if desk.open[at].is_none() {
            let bucket = moment.bucket(window);
            desk.open[at] = Some((moment.number(window), bucket, moment.time));
            desk.limits.resize(entrants.len(), u32::MAX);
            desk.least[at] = u32::MAX;
            for place in &by_window[at] {
                let Entrant { method, threshold, .. } = &mut entrants[*place];
                method.open(who, &bucket);
                let limit = threshold.map(|threshold| method.limit(who, &bucket, threshold));
                desk.limits[*place] = limit.unwrap_or(u32::MAX);
                desk.least[at] = desk.least[at].min(desk.limits[*place]);
            }
        }
        if count < desk.least[at] {
            return;
        }
        desk.least[at] = u32::MAX;
        for place in &by_window[at] {
            if count >= desk.limits[*place] {
                // Said once a bucket.
                desk.limits[*place] = u32::MAX;
                let alert = entrants[*place].cross(who.account, moment.time);
                out.push(Alarm { entrant: *place, account: who.account, alert });
            }
            desk.least[at] = desk.least[at].min(desk.limits[*place]);
        }
    }

    fn close(&mut self, index: usize, window: Window) {
        let desk = &mut self.desks[index];
        let at = window as usize;
        let count = std::mem::take(&mut desk.counts[at]);
        let Some((_, bucket, time)) = desk.open[at].take() else { return };
        for place in &self.by_window[at] {
            let entrant = &mut self.entrants[*place];
            if entrant.threshold.is_none()
                && time >= self.warm_ms
                && let Some(score) = entrant.method.score(desk.who, &bucket, count)
            {
                entrant.crossings.add(score, desk.who.account, time);
            }
            entrant.method.learn(desk.who, &bucket, count);
        }
        if window == Window::Day {
            desk.seen.clear();
        }
    }
}

impl Entrant {
    /// Notes a crossing; which alert of the account it belongs to.
    fn cross(&mut self, account: u32, time: TimestampMs) -> u32 {
        let (last, alerts) = self.alerts.entry(account).or_insert((0, 0));
        if *alerts == 0 || time - *last > QUIET_MS {
            *alerts += 1;
        }
        *last = time;
        *alerts
    }
}

impl Desk {
    /// Counts an event; whether anything grew.
    fn count(
        &mut self,
        who: Who,
        moment: &Moment,
        persons: impl Iterator<Item = u32>,
        unnamed: u32,
    ) -> bool {
        self.who = who;
        let quarter = (moment.second / 900) as u8;
        let before = self.counts;
        for person in persons {
            let last = self.seen.insert(person, quarter);
            let new =
                [last != Some(quarter), last.is_none_or(|q| q / 4 != quarter / 4), last.is_none()];
            for (count, new) in self.counts.iter_mut().zip(new) {
                *count = count.saturating_add(u32::from(new));
            }
        }
        self.counts.iter_mut().for_each(|c| *c = c.saturating_add(unnamed));
        self.counts != before
    }
}

/// The highest scores of a method, whose they were and when.
#[derive(Clone, Debug, Default)]
pub struct Crossings(Vec<(f64, u64, TimestampMs)>);

impl Crossings {
    fn add(&mut self, score: f64, account: u32, time: TimestampMs) {
        self.0.push((score, u64::from(account), time));
        if self.0.len() > 2 * CROSSINGS_MAX {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        self.0.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        self.0.truncate(CROSSINGS_MAX);
    }

    /// Adds those of another world; its accounts are others.
    pub fn add_world(&mut self, number: u32, other: Crossings) {
        let apart = |(score, account, time)| (score, u64::from(number) << 32 | account, time);
        self.0.extend(other.0.into_iter().map(apart));
    }

    /// The lowest threshold that gives at most `allowed` alerts, and how many it gives.
    #[must_use]
    pub fn threshold(mut self, allowed: f64) -> (f64, u64) {
        self.shrink();
        let Some(highest) = self.0.first().map(|c| c.0) else { return (f64::INFINITY, 0) };
        // Just above all that was seen, when not even the highest is allowed.
        let mut best = (highest + highest.abs().max(1e-9) * 1e-6, 0);
        let (mut low, mut high) = (0, self.0.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let threshold = self.0[middle].0;
            let alerts = self.alerts(threshold);
            if alerts as f64 <= allowed {
                best = (threshold, alerts);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        best
    }

    /// Alerts at a threshold: an account's crossings with a quiet day between them.
    fn alerts(&self, threshold: f64) -> u64 {
        let mut crossed: Vec<(u64, TimestampMs)> =
            self.0.iter().take_while(|c| c.0 >= threshold).map(|c| (c.1, c.2)).collect();
        crossed.sort_unstable();
        let again = crossed.windows(2).filter(|w| w[0].0 == w[1].0 && w[1].1 - w[0].1 <= QUIET_MS);
        (crossed.len() - again.count()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::comparators::grid;
    use super::*;

    const DAY_MS: TimestampMs = 86_400_000;

    fn moment(day: i32, second: u32) -> Moment {
        let time = TimestampMs::from(day) * DAY_MS + TimestampMs::from(second) * 1_000;
        Moment { time, day, second, rest: day % 7 > 4 }
    }

    fn config(name: &str) -> Config {
        grid().into_iter().find(|c| c.name() == name).unwrap()
    }

    /// Forty days of ten persons a day, then `burst` persons on the next.
    fn play(bench: &mut Bench, burst: u32) -> Vec<Alarm> {
        let mut out = Vec::new();
        let who = Who::default();
        for day in 0..40 {
            for n in 0..10 {
                let at = moment(day, 36_000 + 600 * n);
                // Twice the same person counts once.
                bench.event(who, &at, [n, n].into_iter(), 0, &mut out);
            }
        }
        for n in 0..burst {
            let at = moment(40, 36_000 + n);
            bench.event(who, &at, std::iter::once(n), 0, &mut out);
        }
        bench.end();
        out
    }

    #[test]
    fn a_crossing_is_told_at_the_event_that_makes_it() {
        let frozen = (config("3-sigma, 28 d 1d"), Some(15.0));
        assert_eq!(play(&mut Bench::new(&[frozen]), 24), []);
        let told = play(&mut Bench::new(&[frozen]), 25);
        assert_eq!(told, [Alarm { entrant: 0, account: 0, alert: 1 }], "10 + 15 × 1");
        assert_eq!(play(&mut Bench::new(&[frozen]), 100).len(), 1, "once a bucket");
    }

    #[test]
    fn hours_begin_again_and_days_do_not() {
        let day = (config("3-sigma, 28 d 1d"), None);
        let hour = (config("3-sigma, 28 d 1h"), None);
        let mut bench = Bench::new(&[day, hour]);
        bench.warm_from(40 * DAY_MS);
        play(&mut bench, 7_200);
        let highest = |c: Crossings| c.threshold(f64::INFINITY);
        let (by_day, by_hour) = (highest(bench.crossings(0)), highest(bench.crossings(1)));
        assert_eq!(by_day, (7_190.0, 1));
        // Two hours of 3,600, of which the second is judged after the first was learned.
        assert!(by_hour.0 < 3_595.0 && by_hour.1 == 1, "{by_hour:?}");
    }

    #[test]
    fn a_threshold_keeps_to_what_is_allowed() {
        let mut crossings = Crossings::default();
        for n in 0..10 {
            // Each account crosses twice within an hour: one alert.
            crossings.add(f64::from(n), n, 0);
            crossings.add(f64::from(n) + 0.5, n, 3_600_000);
        }
        assert_eq!(crossings.clone().threshold(3.0), (7.0, 3));
        assert_eq!(crossings.clone().threshold(100.0), (0.0, 10));
        let (none, alerts) = crossings.clone().threshold(0.5);
        assert!(none > 9.5 && alerts == 0);
        let mut two = crossings.clone();
        two.add_world(1, crossings);
        assert_eq!(two.threshold(4.0), (8.0, 4), "accounts of two worlds are apart");
        assert_eq!(Crossings::default().threshold(1.0).0, f64::INFINITY);
    }
}
