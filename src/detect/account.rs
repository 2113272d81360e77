//! What we remember about one account, and nothing more: its past in a few forgetting sums, and
//! today in two tables.

use serde::{Deserialize, Serialize};

use super::baseline::{Activity, KEEP_DAY, KEEP_HOUR, Moments, predict, predict_alone, winsorise};
use super::counts::Predictive;
use super::episode::{Episode, Trail};
use super::epoch::{
    BASELINES, Builder, FOREIGN_FROM_DAY, Group, GroupPartial, HourClass, Kind, baseline_index,
    channel, maximum_bin, ratio_bin,
};
use super::limits::{CLOCK_FALLBACK_MS, HOUR_SLOTS, KNOWN_MAX};
use super::places::Places;
use super::tail::score_bin;
use super::territory::Vote;
use super::time::{Day, LocalDay};
use super::window::{Measure, Windows};
use crate::event::{Position, TimestampMs, Touch};

/// Both kinds of touch, by index.
pub const TOUCHES: [Touch; 2] = [Touch::Listed, Touch::Opened];
/// Measures learned by hour class.
const HOURLY: [Measure; 3] = [Measure::Persons5m, Measure::Persons1h, Measure::Foreign1h];
/// Threshold that was not computed yet.
pub const UNKNOWN: u32 = 0;

/// One account (or address without account).
///
/// In memory as declared: what every event touches stands together at the front.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[repr(C)]
pub struct Account {
    /// Its largest event time.
    pub time: TimestampMs,
    /// Events in a row that lay more than an hour behind it, and the newest of them.
    pub behind: (u8, TimestampMs),
    /// The open episode.
    pub episode: Option<Box<Episode>>,
    /// Today, while there is one.
    pub today: Option<Box<Today>>,
    /// The local day that `today` describes.
    pub day: LocalDay,
    /// Last day the account may act, from the directory.
    pub ends_on: Option<Day>,
    /// Hash of its unit: what "own" means for foreign origins.
    pub unit: u32,
    /// Peer group, by the shard's own index.
    pub group: u32,
    /// Human, machine, or an address without account.
    pub kind: Kind,
    /// Its name in the log.
    pub name: Box<str>,
    /// Its unit's name, by the shard's own index.
    pub unit_name: Option<u32>,
    /// Closed days so far.
    pub closed_days: u32,
    /// Out of learning and calibration until this day, inclusive.
    pub excluded_until: Day,
    /// ISO week last counted, as whole weeks since the epoch's first Monday.
    pub week: i32,
    /// Baselines by touch.
    pub base: [[Moments; BASELINES]; 2],
    /// Shoulder, off and rest opportunities.
    pub activity: [Activity; 3],
    /// Hashes of the devices and addresses that are its own, newest first; 0 = none.
    pub known: [[u32; KNOWN_MAX]; 2],
    /// UTC days of the last openings and how many on each, newest first; two, because a clock that
    /// went wrong comes back to an earlier one.
    pub opened_on: [(Day, u32); 2],
}

/// Greatest sliding counts of one clock hour, by touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourMaxima {
    hour_of_week: u8,
    class: u8,
    /// Bit by touch: persons were returned in this hour.
    touched: u8,
    counts: [[u32; 3]; 2],
}

/// One local day of one account.
///
/// In memory as declared: what every event touches stands together at the front.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[repr(C)]
pub struct Today {
    /// Persons that may still be counted before anything must be looked at: the one comparison
    /// of the event path.
    pub slack: i64,
    /// Records returned today.
    pub records: u64,
    /// Records without a usable identity.
    pub unidentified: u64,
    /// Accesses after the account's end.
    pub after_end: u64,
    /// First and last events since the day became interesting.
    pub trail: Option<Box<Trail>>,
    /// Epoch of the day's thresholds.
    pub epoch: u32,
    /// Current 5-minute slot of the day.
    pub slot: u16,
    /// Class of the current hour.
    pub class: HourClass,
    current: HourMaxima,
    /// Devices and addresses seen today.
    pub seen: [Places; 2],
    /// Listed and opened persons.
    pub windows: [Windows; 2],
    /// Integer thresholds by touch and measure, or [`UNKNOWN`].
    pub thresholds: [[u32; 5]; 2],
    /// The same for bulk that has an everyday explanation.
    pub explained: [[u32; 5]; 2],
    /// Bit by channel: crossed today.
    pub fired: u16,
    /// Out of learning already when the day began.
    pub excluded_at_open: bool,
    /// Rest days since the account's last day, today included.
    pub rest_chances: u32,
    /// Position of the day's first event.
    pub first_position: Position,
    /// Persons a day that were declared: (ceiling, raises thresholds).
    pub declared: Option<(u64, bool)>,
    hours: Vec<HourMaxima>,
}

impl Today {
    /// A fresh day; reuses the tables of the one before.
    #[must_use]
    pub fn open(before: Option<Box<Today>>, day: &LocalDay, time: TimestampMs) -> Box<Today> {
        let slot = day.slot(time);
        let (mut windows, mut hours) = before.map(|b| (b.windows, b.hours)).unwrap_or_default();
        hours.clear();
        windows.iter_mut().for_each(|w| w.reset(slot));
        Box::new(Today {
            windows,
            slot,
            class: HourClass::Core,
            slack: 0,
            thresholds: [[UNKNOWN; 5]; 2],
            explained: [[UNKNOWN; 5]; 2],
            fired: 0,
            excluded_at_open: false,
            epoch: 0,
            rest_chances: 0,
            records: 0,
            first_position: 0,
            unidentified: 0,
            after_end: 0,
            declared: None,
            seen: Default::default(),
            trail: None,
            current: HourMaxima::default(),
            hours,
        })
    }

    /// Starts the clock hour that `slot` lies in; a change of class starts the hour windows again.
    pub fn enter_hour(&mut self, day: &LocalDay, classes: &[HourClass], kind: Kind) {
        let hour_of_week = day.hour_of_week(self.slot);
        let class = match kind {
            Kind::Human => {
                classes.get(usize::from(hour_of_week)).copied().unwrap_or(HourClass::Off)
            }
            Kind::Machine | Kind::Source => HourClass::Core,
        };
        if class != self.class {
            self.class = class;
            self.windows.iter_mut().for_each(Windows::cut);
            for thresholds in self.thresholds.iter_mut().chain(&mut self.explained) {
                HOURLY.iter().for_each(|m| thresholds[*m as usize] = UNKNOWN);
            }
        }
        self.slack = 0;
        self.current = HourMaxima { hour_of_week, class: class as u8, ..HourMaxima::default() };
    }

    /// Counts from here on as if the day began: what was before is judged. `position` is the last
    /// record that was.
    pub fn start_again(&mut self, position: Position) {
        self.note_maxima();
        let slot = self.slot;
        self.windows.iter_mut().for_each(|w| w.reset(slot));
        (self.records, self.unidentified, self.after_end, self.slack) = (0, 0, 0, 0);
        self.trail = None;
        self.first_position = position;
    }

    /// Moves on to a later slot of the day.
    pub fn advance(&mut self, slot: u16, day: &LocalDay, classes: &[HourClass], kind: Kind) {
        self.note_maxima();
        let same_hour = slot / HOUR_SLOTS == self.slot / HOUR_SLOTS;
        if !same_hour {
            self.close_hour();
        }
        self.slot = slot;
        self.windows.iter_mut().for_each(|w| w.advance(slot));
        if !same_hour {
            self.enter_hour(day, classes, kind);
        }
    }

    fn is_sound(&self) -> bool {
        const REST_CHANCES_MAX: u32 = 61;
        self.rest_chances <= REST_CHANCES_MAX
            && self.windows.iter().all(|w| w.is_sound() && w.slot() == self.slot)
    }

    /// Moves back to an earlier slot of the day: the clock was ahead.
    pub fn fall_back(&mut self, slot: u16, day: &LocalDay, classes: &[HourClass], kind: Kind) {
        self.note_maxima();
        self.close_hour();
        self.slot = slot.min(self.slot);
        self.windows.iter_mut().for_each(|w| w.fall_back(slot));
        self.enter_hour(day, classes, kind);
    }

    /// Bytes of the list of hours.
    pub(super) fn hour_bytes(&self) -> u64 {
        (self.hours.capacity() * size_of::<HourMaxima>()) as u64
    }

    /// Persons were returned in this hour.
    pub fn mark_touched(&mut self, touch: Touch) {
        self.current.touched |= 1 << touch as u8;
    }

    fn note_maxima(&mut self) {
        for (windows, counts) in self.windows.iter().zip(&mut self.current.counts) {
            for (count, measure) in counts.iter_mut().zip(HOURLY) {
                *count = (*count).max(windows.count(measure).min(u64::from(u32::MAX)) as u32);
            }
        }
    }

    fn close_hour(&mut self) {
        if self.current.touched != 0 {
            if self.hours.len() == self.hours.capacity() {
                // A day has a few active hours, and there are many accounts.
                self.hours.reserve_exact(4);
            }
            self.hours.push(self.current);
        }
    }
}

/// What the closing of a day needs from the shard.
pub struct Closing<'a> {
    /// The peers.
    pub group: &'a Group,
    /// What the day teaches them.
    pub partial: &'a mut GroupPartial,
    /// Who touched whom.
    pub votes: &'a mut Vec<Vote>,
    /// Days of the deployment.
    pub number: u32,
    /// Scores at the thresholds in force, by channel, for accounts that leave calibration.
    pub levels: [f64; 10],
}

impl Account {
    /// Counts an opening; returns how many there were on the same UTC date.
    pub fn count_opening(&mut self, utc_day: Day) -> u32 {
        let at = self.opened_on.iter().position(|(day, _)| *day == utc_day);
        let ordinal = at.map_or(0, |at| self.opened_on[at].1);
        self.opened_on[..=at.unwrap_or(1)].rotate_right(1);
        self.opened_on[0] = (utc_day, ordinal + 1);
        ordinal
    }

    /// The account's time after an event: its largest event time, unless three events in a row lay
    /// more than an hour behind; then the newest of those. Returns whether it fell back.
    pub fn move_time(&mut self, time: TimestampMs) -> bool {
        if time > self.time - CLOCK_FALLBACK_MS {
            self.time = self.time.max(time);
            self.behind = (0, TimestampMs::MIN);
            return false;
        }
        self.behind = (self.behind.0 + 1, self.behind.1.max(time));
        if self.behind.0 < 3 {
            return false;
        }
        self.time = self.behind.1;
        self.behind = (0, TimestampMs::MIN);
        true
    }

    /// The baseline's word on one measure at one hour class.
    #[must_use]
    pub fn model(
        &self,
        touch: Touch,
        measure: Measure,
        class: HourClass,
        group: &Group,
    ) -> Predictive {
        let index = baseline_index(measure, class as usize);
        let own = &self.base[touch as usize][index];
        let prior = group.priors[touch as usize][index];
        match self.kind {
            Kind::Human => {
                let wave = if measure.is_hourly() { 1.0 } else { group.wave[touch as usize] };
                predict(own, prior, wave)
            }
            Kind::Machine | Kind::Source if own.weight < 3.0 => predict(own, prior, 1.0),
            Kind::Machine | Kind::Source => predict_alone(own),
        }
    }

    /// Nats for being active at such a time at all.
    #[must_use]
    pub fn hurdle(&self, measure: Measure, class: HourClass, group: &Group) -> f64 {
        if self.kind != Kind::Human {
            return 0.0;
        }
        if self.day.is_rest() {
            return self.activity[2].surprise(group.activity[2]);
        }
        match class {
            HourClass::Shoulder if measure.is_hourly() => {
                self.activity[0].surprise(group.activity[0])
            }
            HourClass::Off if measure.is_hourly() => self.activity[1].surprise(group.activity[1]),
            _ => 0.0,
        }
    }

    /// Closes the day: scores it, teaches the peers, learns from it; or, for an account that
    /// alerted, only leaves its mark in the calibration.
    pub fn close_day(&mut self, closing: &mut Closing<'_>) {
        let Some(mut today) = self.today.take() else { return };
        today.note_maxima();
        today.close_hour();
        self.closed_days += 1;
        let alerting = today.fired != 0 || self.excluded_until >= self.day.day;
        let learning = if alerting { Learning::AlertOnly } else { Learning::All };
        if !alerting || (today.fired != 0 && !today.excluded_at_open) {
            for touch in TOUCHES {
                if !today.windows[touch as usize].is_empty() {
                    self.close_hours(touch, &today, learning, closing);
                    self.close_counts(touch, &today, learning, closing);
                }
            }
        }
        if !alerting {
            self.close_activity(&today, closing);
            self.remember_places(&today);
        }
        self.today = Some(today);
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
            if measure.is_foreign() && closing.number < FOREIGN_FROM_DAY {
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
                    let usual = !measure.is_foreign() && self.is_usual(today, class);
                    let of_kind = |h: &&HourMaxima| {
                        (usual && is_territorial(h.counts[t][1], h.counts[t][2])) == explained
                    };
                    let greatest = hours().filter(of_kind).map(|h| h.counts[t][place]).max();
                    if let Some(greatest) = greatest.map(u64::from) {
                        score.note(hurdle + model.surprise(greatest), greatest, explained);
                    }
                }
                if learning == Learning::All {
                    let own = &mut self.base[t][baseline_index(measure, class as usize)];
                    hours().for_each(|h| {
                        own.learn(winsorise(u64::from(h.counts[t][place]), model), KEEP_HOUR);
                    });
                }
            }
            record(channel(touch, measure), measure, score, learning, today, closing);
        }
    }

    /// Office hours from the account's own devices.
    #[must_use]
    pub fn is_usual(&self, today: &Today, class: HourClass) -> bool {
        let own = |device: &u32| self.known[0][0] == 0 || self.known[0].contains(device);
        self.kind == Kind::Human
            && class == HourClass::Core
            && !self.day.is_rest()
            && today.seen[0].iter().all(own)
    }

    fn close_counts(
        &mut self,
        touch: Touch,
        today: &Today,
        learning: Learning,
        closing: &mut Closing<'_>,
    ) {
        let t = touch as usize;
        for measure in [Measure::Persons1d, Measure::Foreign1d] {
            if measure.is_foreign() && closing.number < FOREIGN_FROM_DAY {
                continue;
            }
            let x = today.windows[t].count(measure);
            let model = self.model(touch, measure, HourClass::Core, closing.group);
            let nats = self.hurdle(measure, HourClass::Core, closing.group) + model.surprise(x);
            let foreign = today.windows[t].count(Measure::Foreign1d);
            let explained = !measure.is_foreign()
                && self.is_usual(today, HourClass::Core)
                && is_territorial(x.min(u64::from(u32::MAX)) as u32, foreign as u32);
            let mut score = DayScore::default();
            score.note(nats, x, explained);
            record(channel(touch, measure), measure, score, learning, today, closing);
            if learning != Learning::All || self.kind == Kind::Human && self.day.is_rest() {
                continue;
            }
            let wave = if self.kind == Kind::Human { closing.group.wave[t] } else { 1.0 };
            if measure == Measure::Persons1d {
                closing.partial.ratios[t].add(ratio_bin(x as f64 * wave / model.mean));
            }
            let learned = winsorise(x, model) / wave as f32;
            self.base[t][baseline_index(measure, 0)].learn(learned, KEEP_DAY);
        }
        if self.kind == Kind::Human && learning == Learning::All {
            let weight = 1 + touch as u8;
            let persons = today.windows[t].entries().filter_map(|e| e.person());
            let unit = self.unit;
            closing.votes.extend(persons.map(|fp| Vote { fp, unit, weight }));
        }
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

    fn remember_places(&mut self, today: &Today) {
        for (known, seen) in self.known.iter_mut().zip(&today.seen) {
            for place in seen.iter() {
                let at = known.iter().position(|k| k == place).unwrap_or(KNOWN_MAX - 1);
                known[..=at].rotate_right(1);
                known[0] = *place;
            }
        }
    }

    /// Whether a restored account can be worked with, given the number of groups.
    #[must_use]
    pub fn is_sound(&self, groups: usize) -> bool {
        const FAR_MS: i64 = 1 << 50;
        let moments = [self.time, self.day.start_ms, self.day.end_ms];
        (self.group as usize) < groups
            && moments.iter().all(|t| t.abs() < FAR_MS)
            && self.day.weekday < 7
            && self.behind.0 < 3
            && self.today.as_ref().is_none_or(|today| today.is_sound())
            && self.episode.as_ref().is_none_or(|e| e.is_sound() && e.last_signal.abs() < FAR_MS)
    }
}

/// What the closing of a day may teach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Learning {
    /// Everything.
    All,
    /// The account alerted today and leaves: only how far the channels that fired went.
    AlertOnly,
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

/// Bulk of known persons, most of them of the own unit or of few others: a transfer, a mailing.
#[must_use]
pub fn is_territorial(persons: u32, foreign: u32) -> bool {
    u64::from(foreign) * 4 <= u64::from(persons)
}

fn record(
    c: usize,
    measure: Measure,
    score: DayScore,
    learning: Learning,
    today: &Today,
    closing: &mut Closing<'_>,
) {
    if !Builder::calibrates(closing.number, measure) {
        return;
    }
    let level = closing.levels[c];
    let over = score.plain >= level;
    let fired = today.fired & (1 << c) != 0;
    if learning == Learning::AlertOnly && !fired {
        return;
    }
    if over || score.explained >= level {
        // Beyond the threshold a score teaches only that it was beyond.
        closing.partial.censored[c].add(score_bin(level));
    } else {
        closing.partial.scores[c].add(score_bin(score.plain.max(score.explained)));
    }
    if !over && score.explained >= level {
        closing.partial.explained[c].add(score_bin(score.explained));
    }
    if learning == Learning::All {
        closing.partial.maxima[c].add(maximum_bin(score.maximum));
    }
}
