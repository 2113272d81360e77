//! What we remember about one account, and nothing more: its past in a few forgetting sums and
//! short lists, and today.

use serde::{Deserialize, Serialize};

use super::acquaintance::Acquaintances;
use super::baseline::{Activity, Moments, predict, predict_alone, winsorise};
use super::channel::{BASELINES, DRIFTS, Measure, RUNS, RunSpec, Span, TOUCHES, baseline_index};
use super::counts::Predictive;
use super::drift::{self, Drift};
use super::episode::Episode;
use super::epoch::{Group, HourClass, Kind};
use super::joint::JOINT;
use super::lift::Lifted;
use super::limits::CLOCK_FALLBACK_MS;
use super::places::KnownPlaces;
use super::run::{Run, Runs, Share};
use super::time::{Day, LocalDay, is_near_ms};
use super::today::Today;
use super::weeks::Weeks;
use crate::event::{TimestampMs, Touch};

/// Active days that make a baseline without peers.
const OWN_PAST: f32 = 3.0;

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
    /// What lifts its whole group today.
    pub lift: Lifted<f32>,
    /// Whom it touched within four weeks.
    pub persons: Acquaintances,
    /// Devices and addresses it was seen with.
    pub known: [KnownPlaces; 2],
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
    /// Its last six days.
    pub weeks: Weeks,
    /// Anchors, by touch and drift.
    pub drift: [[Drift; DRIFTS.len()]; 2],
    /// Shares among the persons met, from day to day.
    pub runs: Runs,
    /// The number of its caseload, if there is a list of it.
    pub caseload: u32,
    /// Channels of its last alert and the bins they stand in the calibration with, until people say
    /// what it was.
    pub told: Vec<(u8, u16)>,
    /// Looked at more closely until this day, inclusive: its password was reset, it woke.
    pub raised_until: Day,
    /// The directory is there and does not list it.
    pub unlisted: bool,
    /// UTC days of the last openings and how many on each, newest first; two, because a clock that
    /// went wrong comes back to an earlier one.
    pub opened_on: [(Day, u32); 2],
}

impl Account {
    /// Reads what every event needs; the value says nothing.
    pub(super) fn peek(&self) -> u64 {
        self.time as u64
            ^ u64::from(self.group)
            ^ self.persons.len() as u64
            ^ u64::from(self.known[0].is_empty())
            ^ u64::from(self.known[1].is_empty())
    }

    /// Counts an opening; returns how many there were on the same UTC date.
    pub fn count_opening(&mut self, utc_day: Day) -> u32 {
        let at = self.opened_on.iter().position(|(day, _)| *day == utc_day);
        let ordinal = at.map_or(0, |at| self.opened_on[at].1);
        self.opened_on[..=at.unwrap_or(1)].rotate_right(1);
        self.opened_on[0] = (utc_day, ordinal.saturating_add(1));
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
        if let Span::Run(run) = measure.spec().span {
            let share = self.share(touch, &RUNS[run], group);
            return share.map_or(Predictive::NEVER, Share::model);
        }
        let (of, own) = self.learned(touch, measure, class);
        let prior = group.priors[touch as usize][of];
        match self.kind {
            Kind::Human => predict(own, prior, self.wave(touch, measure, group)),
            Kind::Machine | Kind::Source if own.weight < OWN_PAST => predict(own, prior, 1.0),
            Kind::Machine | Kind::Source => predict_alone(own),
        }
    }

    /// The usual share of a day's measure among the persons met; none where it says nothing.
    fn share(&self, touch: Touch, run: &RunSpec, group: &Group) -> Option<Share> {
        if self.kind != Kind::Human || self.closed_days < run.from_day {
            return None;
        }
        let expected = |m: Measure| self.model(touch, m, HourClass::Core, group).mean;
        Share::of(run, expected(run.of_day), expected(Measure::Persons1d))
    }

    /// Today's shares go on from where they stand.
    #[must_use]
    pub(super) fn open_runs(
        &self,
        group: &Group,
        counted: impl Fn(Measure) -> bool,
    ) -> [[Run; RUNS.len()]; 2] {
        TOUCHES.map(|touch| {
            std::array::from_fn(|run| {
                let counted = counted(RUNS[run].measure);
                let share = counted.then(|| self.share(touch, &RUNS[run], group)).flatten();
                Run::open(self.runs.carried(touch as usize, run), share)
            })
        })
    }

    /// What was told is told: days before do not tell it again.
    pub(super) fn tell_days_before(&mut self) {
        self.drift.iter_mut().flatten().for_each(Drift::start_again);
        self.runs.start_again();
    }

    /// Enough days of its own to be judged by them.
    #[must_use]
    pub fn has_past(&self, touch: Touch, measure: Measure, class: HourClass) -> bool {
        self.learned(touch, measure, class).1.weight >= OWN_PAST
    }

    /// What an interval teaches: winsorised, but never against a prior that nobody has confirmed.
    #[must_use]
    pub(super) fn teaches(
        &self,
        touch: Touch,
        measure: Measure,
        class: HourClass,
        x: u64,
        model: Predictive,
    ) -> f32 {
        if self.kind == Kind::Human || self.has_past(touch, measure, class) {
            winsorise(x, model)
        } else {
            x as f32
        }
    }

    /// The prior's place and the account's own sums behind a measure.
    fn learned(&self, touch: Touch, measure: Measure, class: HourClass) -> (usize, &Moments) {
        if let Span::Drift(of_day) = measure.spec().span {
            let place = DRIFTS.iter().position(|(drift, _)| *drift == measure).unwrap_or(0);
            return (of_day as usize, &self.drift[touch as usize][place].anchor);
        }
        // Whoever sits at a new computer reads as many new persons as on any other day.
        let measure = if measure == Measure::Stranger1d { Measure::Novel1d } else { measure };
        let index = baseline_index(measure, class as usize);
        let [own, other] = [touch as usize, 1 - touch as usize].map(|t| &self.base[t][index]);
        // A machine that never listed anybody is judged by those it opens, and the other way round.
        let known = self.kind == Kind::Machine && own.weight < OWN_PAST && other.weight >= OWN_PAST;
        (index, if known { other } else { own })
    }

    /// ln M of a drift, were today to end with so many nats against the anchor.
    #[must_use]
    pub fn drift_after(&self, touch: Touch, measure: Measure, nats: f64, group: &Group) -> f64 {
        let Some(d) = DRIFTS.iter().position(|(drift, _)| *drift == measure) else { return 0.0 };
        let drift = &self.drift[touch as usize][d];
        let p = group.anchored[touch as usize][d].probability(nats);
        f64::from(p.map_or(drift.ln_m, |p| drift::after(drift.ln_m, p)))
    }

    /// By how much the group's work of these days lifts a measure.
    #[must_use]
    pub fn wave(&self, touch: Touch, measure: Measure, group: &Group) -> f64 {
        if self.kind != Kind::Human || measure.is_hourly() {
            return 1.0;
        }
        let wave = if measure.tally().is_some() { 1.0 } else { group.wave[touch as usize] };
        wave * self.lifted(touch, measure)
    }

    /// Nats for being active at such a time at all.
    #[must_use]
    pub fn hurdle(&self, measure: Measure, class: HourClass, group: &Group) -> f64 {
        if self.kind != Kind::Human || !matches!(measure.spec().span, Span::Hour | Span::Day) {
            return 0.0;
        }
        if measure.tally().is_some() {
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
            _ if measure.is_rare() => self.activity[1].surprise(group.activity[1]),
            _ => 0.0,
        }
    }

    /// Office hours from the account's own devices.
    #[must_use]
    pub fn is_usual(&self, today: &Today, class: HourClass) -> bool {
        let own = |device: &u32| self.known[0].is_empty() || self.known[0].contains(*device);
        self.kind == Kind::Human
            && class == HourClass::Core
            && !self.day.is_rest()
            && today.seen[0].iter().all(own)
    }

    /// Whether a restored account can be worked with, given the number of groups.
    #[must_use]
    pub fn is_sound(&self, groups: usize) -> bool {
        (self.group as usize) < groups
            && is_near_ms(self.time)
            && self.day.is_sound()
            && self.weeks.is_sound()
            && self.drift.iter().flatten().all(Drift::is_sound)
            && self.runs.is_sound()
            && self.behind.0 < 3
            && (self.behind.1 == TimestampMs::MIN || is_near_ms(self.behind.1))
            && self.persons.is_sound()
            && self.told.iter().all(|(c, _)| usize::from(*c) <= JOINT)
            && self.today.as_ref().is_none_or(|today| today.is_sound())
            && self.episode.as_ref().is_none_or(|e| e.is_sound() && is_near_ms(e.last_signal))
    }
}

/// Bulk of known persons, most of them of the own unit or of few others: a transfer, a mailing.
#[must_use]
pub fn is_territorial(persons: u32, foreign: u32) -> bool {
    u64::from(foreign) * 4 <= u64::from(persons)
}
