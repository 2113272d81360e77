//! The catalogue of what is measured about an account: each [`Measure`] is an integer that only
//! grows within its window, so that "would the final count be surprising" is one comparison made
//! while it counts.
//!
//! A new channel is a measure here (one variant, one row of [`SPECS`]), the counting of it where
//! its events pass (`window`, `requests` or `today`), and a rule file that gives it a share of the
//! budget. Baselines, scores, tails, thresholds, alerts and their numbers follow from the row.

use serde::{Deserialize, Serialize};

use super::rule::Watch;
use crate::event::Touch;

/// What is counted, each one test a day. The order is part of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Measure {
    /// Distinct persons in a 5-minute slot.
    Persons5m = 0,
    /// Distinct persons in a sliding hour.
    Persons1h,
    /// Distinct persons of the local day.
    Persons1d,
    /// Foreign origins in a sliding hour.
    Foreign1h,
    /// Foreign origins of the local day.
    Foreign1d,
    /// Persons this account had not touched within its memory.
    Novel1d,
    /// Persons nobody in memory touched.
    Dormant1d,
    /// Persons touched at hours the group does not work.
    OffPersons1d,
    /// Foreign origins at such hours.
    OffForeign1d,
    /// Persons new to the account that a device unknown to it read.
    Stranger1d,
    /// Persons returned through a query template, an endpoint or a set of data classes that the
    /// peers do not use.
    Unusual1d,
    /// Persons returned with data of a special kind.
    Sensitive1d,
    /// Persons of the own unit whom the account had not touched within its memory.
    Territory1d,
    /// Foreign origins, summed over seven days.
    Foreign7d,
    /// Novel persons, summed over seven days.
    Novel7d,
    /// Dormant persons, summed over seven days.
    Dormant7d,
    /// Persons with special data, summed over seven days.
    Sensitive7d,
    /// Persons of the day, against the frozen anchor and the days before.
    PersonsDrift,
    /// Novel persons of the day, likewise.
    NovelDrift,
    /// Foreign origins beyond their usual share of the persons met, over many days.
    ForeignRun,
    /// Dormant persons, likewise.
    DormantRun,
    /// New persons of the own unit, likewise.
    OwnRun,
    /// Persons by unusual operations, likewise.
    UnusualRun,
    /// Requests that found nobody, or were denied.
    Misses1d,
    /// Records changed.
    Updates1d,
    /// Records outside the account's caseload, by the application's own word.
    Unrelated1d,
    /// Persons whose identifier neighbours one read just before.
    Neighbours1d,
    /// Requests in the longest run of equal distances.
    Steady1d,
}

/// How many measures there are.
pub const MEASURES: usize = 28;
/// Measures counted by the tables of `window`, the first in order.
pub const WINDOWED: usize = 13;
/// Measures that are summed over seven days.
pub const WEEKLY: usize = 4;
/// Measures that are plain sums of a day's requests, the last in order.
pub const TALLIES: usize = 5;
/// Tests per account and day.
pub const CHANNELS: usize = 2 * MEASURES;
/// Measures that are learned themselves, rather than by the day's measure behind them.
const LEARNED: usize = MEASURES - DRIFTS.len() - RUNS.len();
/// Baselines per touch: hourly measures have three, one an hour class; the others one.
pub const BASELINES: usize = LEARNED + 2 * HOURLY.len();

/// Measures judged and learned by hour class rather than by day.
pub const HOURLY: [Measure; 3] = [Measure::Persons5m, Measure::Persons1h, Measure::Foreign1h];
/// Both kinds of touch, by index.
pub const TOUCHES: [Touch; 2] = [Touch::Listed, Touch::Opened];

/// Over which time a measure counts, and how it is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Sliding within the day; learned by clock hour and hour class.
    Hour,
    /// The local day.
    Day,
    /// This day and the six before it: the day's measure that is summed.
    Week(Measure),
    /// The day's measure against the anchor, accumulated over the days before.
    Drift(Measure),
    /// The share of a day's measure among the persons met, accumulated over the days before: its place
    /// among [`RUNS`].
    Run(usize),
}

impl Span {
    /// The day's measure behind one that adds up days; none behind the others.
    #[must_use]
    pub const fn of_day(self) -> Option<Measure> {
        match self {
            Span::Hour | Span::Day => None,
            Span::Week(of_day) | Span::Drift(of_day) => Some(of_day),
            Span::Run(run) => Some(RUNS[run].of_day),
        }
    }
}

/// What a high count says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// Much of the usual: it may have an everyday explanation, such as a caseload transfer.
    Bulk,
    /// Something unusual by itself.
    Strange,
}

/// What the engine knows of a measure before any log.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The row's measure.
    pub measure: Measure,
    /// What a rule calls it.
    pub watch: Watch,
    /// The contract's window word.
    pub window: &'static str,
    /// Time it counts over.
    pub span: Span,
    /// Listed and opened persons are counted apart.
    pub apart: bool,
    /// What a high count says.
    pub sense: Sense,
    /// Humans only: machines have no caseload, desk or office hours.
    pub human: bool,
    /// Day of the deployment from which its scores calibrate; it is believed 14 days later.
    pub calibrates_from: u32,
    /// Day of the deployment from which it is counted: territory, memory and the peers' operations
    /// must fill first.
    pub counts_from: u32,
    /// Fires before calibration is believed, on shipped priors.
    pub fires_young: bool,
    /// Share of a role's persons a day, for the shipped prior.
    pub share: f32,
}

const fn spec(measure: Measure, watch: Watch, window: &'static str, span: Span) -> Spec {
    Spec {
        measure,
        watch,
        window,
        span,
        apart: true,
        sense: Sense::Strange,
        human: true,
        calibrates_from: 10,
        counts_from: 10,
        fires_young: false,
        share: 0.1,
    }
}

/// Days of a deployment before foreign origins mean anything: the territory must fill first.
pub const FOREIGN_FROM_DAY: u32 = 7;
/// Days before the memory of a month is full.
const MEMORY_FROM_DAY: u32 = 28;

/// Every measure, in order.
#[rustfmt::skip]
pub const SPECS: [Spec; MEASURES] = {
    use Measure::*;
    use Span::{Day, Drift, Hour, Run, Week};
    [
        Spec { sense: Sense::Bulk, human: false, calibrates_from: 7, counts_from: 0, fires_young: true, share: 0.15, ..spec(Persons5m, Watch::DistinctPersons, "5m", Hour) },
        Spec { sense: Sense::Bulk, human: false, calibrates_from: 7, counts_from: 0, fires_young: true, share: 0.35, ..spec(Persons1h, Watch::DistinctPersons, "1h", Hour) },
        Spec { sense: Sense::Bulk, human: false, calibrates_from: 7, counts_from: 0, fires_young: true, share: 1.0, ..spec(Persons1d, Watch::DistinctPersons, "1d", Day) },
        Spec { human: false, counts_from: FOREIGN_FROM_DAY, fires_young: true, share: 0.175, ..spec(Foreign1h, Watch::ForeignOrigins, "1h", Hour) },
        Spec { human: false, counts_from: FOREIGN_FROM_DAY, fires_young: true, share: 0.5, ..spec(Foreign1d, Watch::ForeignOrigins, "1d", Day) },
        Spec { sense: Sense::Bulk, calibrates_from: 14, counts_from: 14, share: 0.5, ..spec(Novel1d, Watch::NovelPersons, "1d", Day) },
        Spec { human: false, counts_from: 14, share: 0.2, calibrates_from: 14, ..spec(Dormant1d, Watch::DormantPersons, "1d", Day) },
        Spec { share: 0.5, ..spec(OffPersons1d, Watch::OffHoursPersons, "1d", Day) },
        Spec { share: 0.25, ..spec(OffForeign1d, Watch::OffHoursOrigins, "1d", Day) },
        Spec { share: 0.2, calibrates_from: 14, counts_from: 14, ..spec(Stranger1d, Watch::StrangerPersons, "1d", Day) },
        Spec { sense: Sense::Bulk, human: false, calibrates_from: 14, counts_from: 14, ..spec(Unusual1d, Watch::UnusualOperations, "1d", Day) },
        Spec { sense: Sense::Bulk, human: false, share: 0.5, ..spec(Sensitive1d, Watch::SensitivePersons, "1d", Day) },
        Spec { calibrates_from: 14, counts_from: 14, share: 0.2, ..spec(Territory1d, Watch::OwnUnitPersons, "1d", Day) },
        Spec { calibrates_from: 21, counts_from: 21, share: 2.5, ..spec(Foreign7d, Watch::ForeignOrigins, "7d", Week(Foreign1d)) },
        Spec { sense: Sense::Bulk, calibrates_from: 21, counts_from: 21, share: 2.5, ..spec(Novel7d, Watch::NovelPersons, "7d", Week(Novel1d)) },
        Spec { calibrates_from: 21, counts_from: 21, ..spec(Dormant7d, Watch::DormantPersons, "7d", Week(Dormant1d)) },
        Spec { sense: Sense::Bulk, calibrates_from: 21, counts_from: 21, share: 2.5, ..spec(Sensitive7d, Watch::SensitivePersons, "7d", Week(Sensitive1d)) },
        Spec { calibrates_from: MEMORY_FROM_DAY, counts_from: MEMORY_FROM_DAY, share: 1.0, ..spec(PersonsDrift, Watch::PersonsDrift, "28d", Drift(Persons1d)) },
        Spec { calibrates_from: MEMORY_FROM_DAY, counts_from: MEMORY_FROM_DAY, share: 0.5, ..spec(NovelDrift, Watch::NoveltyDrift, "28d", Drift(Novel1d)) },
        Spec { calibrates_from: 21, counts_from: 17, ..spec(ForeignRun, Watch::OriginsRun, "28d", Run(0)) },
        Spec { calibrates_from: 21, counts_from: 17, ..spec(DormantRun, Watch::DormantRun, "28d", Run(1)) },
        Spec { calibrates_from: 24, counts_from: 24, ..spec(OwnRun, Watch::OwnUnitRun, "28d", Run(2)) },
        Spec { calibrates_from: 21, counts_from: 17, ..spec(UnusualRun, Watch::OperationsRun, "28d", Run(3)) },
        Spec { apart: false, human: false, ..spec(Misses1d, Watch::Misses, "1d", Day) },
        Spec { apart: false, human: false, ..spec(Updates1d, Watch::Updates, "1d", Day) },
        Spec { apart: false, ..spec(Unrelated1d, Watch::UnrelatedRecords, "1d", Day) },
        Spec { apart: false, ..spec(Neighbours1d, Watch::NeighbouringIds, "1d", Day) },
        Spec { apart: false, ..spec(Steady1d, Watch::SteadyPace, "1d", Day) },
    ]
};

/// Days of scores before calibration is believed.
pub const CALIBRATE_FOR: u32 = 14;

impl Spec {
    /// Day of the deployment from which it may fire.
    #[must_use]
    pub const fn fires_from(&self) -> u32 {
        if self.fires_young { self.counts_from } else { self.believed_from() }
    }

    /// Day of the deployment from which its calibration is believed.
    #[must_use]
    pub const fn believed_from(&self) -> u32 {
        self.calibrates_from + CALIBRATE_FOR
    }
}

impl Measure {
    /// All of them, by index.
    pub const ALL: [Measure; MEASURES] = {
        let mut all = [Measure::Persons5m; MEASURES];
        let mut at = 0;
        while at < MEASURES {
            all[at] = SPECS[at].measure;
            at += 1;
        }
        all
    };

    /// Its row.
    #[must_use]
    pub const fn spec(self) -> &'static Spec {
        &SPECS[self as usize]
    }

    /// Judged and learned by hour class rather than by day.
    #[must_use]
    pub fn is_hourly(self) -> bool {
        self.spec().span == Span::Hour
    }

    /// Learned itself, rather than by the day's measure behind it.
    #[must_use]
    pub fn is_learned(self) -> bool {
        !matches!(self.spec().span, Span::Drift(_) | Span::Run(_))
    }

    /// Unusual by itself, rather than much of the usual.
    #[must_use]
    pub fn is_strange(self) -> bool {
        self.spec().sense == Sense::Strange
    }

    /// The contract's window word.
    #[must_use]
    pub fn window(self) -> &'static str {
        self.spec().window
    }

    /// Few account days have it at all: nights and weekends.
    #[must_use]
    pub fn is_rare(self) -> bool {
        matches!(self, Measure::OffPersons1d | Measure::OffForeign1d)
    }

    /// Counted for this touch: measures that do not tell them apart are counted with listed ones.
    #[must_use]
    pub fn counts(self, touch: Touch) -> bool {
        self.spec().apart || touch == Touch::Listed
    }

    /// Its place among the tallies of requests.
    #[must_use]
    pub const fn tally(self) -> Option<usize> {
        (self as usize).checked_sub(MEASURES - TALLIES)
    }
}

/// Index of a channel.
#[must_use]
pub fn channel(touch: Touch, measure: Measure) -> usize {
    touch as usize * MEASURES + measure as usize
}

/// Touch and measure of a channel.
#[must_use]
pub fn of_channel(channel: usize) -> (Touch, Measure) {
    (TOUCHES[channel / MEASURES], Measure::ALL[channel % MEASURES])
}

/// Index of a baseline within a touch; `class` matters for hourly measures only.
#[must_use]
pub fn baseline_index(measure: Measure, class: usize) -> usize {
    match HOURLY.iter().position(|m| *m == measure) {
        Some(place) if class > 0 => LEARNED + 2 * place + class - 1,
        _ => match measure.tally() {
            Some(tally) => LEARNED - TALLIES + tally,
            None if measure.is_learned() => measure as usize,
            None => measure.spec().span.of_day().unwrap_or(measure) as usize,
        },
    }
}

/// Measures summed over seven days, with the day's measure behind each.
pub const WEEKS: [(Measure, Measure); WEEKLY] = [
    (Measure::Foreign7d, Measure::Foreign1d),
    (Measure::Novel7d, Measure::Novel1d),
    (Measure::Dormant7d, Measure::Dormant1d),
    (Measure::Sensitive7d, Measure::Sensitive1d),
];
/// Measures with an anchor, with the day's measure behind each.
pub const DRIFTS: [(Measure, Measure); 2] =
    [(Measure::PersonsDrift, Measure::Persons1d), (Measure::NovelDrift, Measure::Novel1d)];

/// A measure of a share among the persons met; the first touch of the day decides what a person is.
#[derive(Clone, Copy, Debug)]
pub struct RunSpec {
    /// The measure.
    pub measure: Measure,
    /// The day's measure whose share it is.
    pub of_day: Measure,
    /// The day's measure whose wave changes it.
    pub waves_with: Measure,
    /// Of the persons not of the kind, how many a thief is taken to replace.
    pub replaced: f64,
    /// Active days of an account before it means anything.
    pub from_day: u32,
}

const fn run(measure: Measure, of_day: Measure) -> RunSpec {
    RunSpec { measure, of_day, waves_with: of_day, replaced: 0.25, from_day: 5 }
}

/// Every share among the persons met.
pub const RUNS: [RunSpec; 4] = {
    use Measure::*;
    [
        run(ForeignRun, Foreign1d),
        run(DormantRun, Dormant1d),
        // A newcomer meets new persons only, and whoever stands in for a colleague many: less than a
        // half is not told from that. In a wave a person is new, of the own unit or not.
        RunSpec { waves_with: Novel1d, replaced: 0.5, from_day: 20, ..run(OwnRun, Territory1d) },
        run(UnusualRun, Unusual1d),
    ]
};

/// A value for every touch and measure.
pub type Channels<T> = [[T; MEASURES]; 2];
