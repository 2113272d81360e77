//! What vigie cannot see. [`evaluate`] is a pure function from how things stand to the blind alerts
//! that hold at this moment; [`hold::Holder`] lets one open only after it has lasted.
//!
//! "No alert" must never be taken for "no data". But an alarm that cries every night is switched
//! off, so silence and delay are judged in working hours only, and compared rates need enough
//! events on both sides.

pub mod hold;
mod reach;
pub mod recent;
pub mod words;

use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::detect::reach::Unreached;
use crate::detect::time::Calendar;
use crate::event::{TimestampMs, Touch};
use recent::Recent;

/// `[blind]`: from where on something is worth telling. 0 switches a check off.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Thresholds {
    /// Seconds of working time without a record.
    pub silent_seconds: u32,
    /// The same outside working hours, by the clock on the wall.
    pub silent_seconds_off_hours: u32,
    /// First and last working hour of a working day, local: `[8, 19]` is 8:00 to 18:59.
    pub working_hours: [u8; 2],
    /// Seconds without reaching the source.
    pub unreachable_seconds: u32,
    /// Records not read yet.
    pub lag_records: u64,
    /// Seconds between an event and its arrival.
    pub delay_seconds: u32,
    /// Share of its usual value below which naming persons may fall, 0–1.
    pub persons_drop: f64,
    /// Share of late events, 0–1.
    pub late_share: f64,
    /// Share of lines that are no event, 0–1.
    pub quarantine_share: f64,
    /// Share of the room for accounts, 0–1.
    pub state_share: f64,
    /// Share of the accounts for which a rule's threshold may lie out of reach, 0–1.
    pub unreached_share: f64,
    /// Mebibytes free on the data folder's disk.
    pub disk_free_mb: u64,
    /// Seconds since the last snapshot while records arrive.
    pub snapshot_seconds: u32,
    /// Seconds that an undelivered alert may wait.
    pub hook_seconds: u32,
    /// Seconds for which a check must hold before it is told.
    pub open_after_seconds: u32,
    /// Seconds for which it must be well before it is closed.
    pub close_after_seconds: u32,
}

/// What is wrong, with its numbers. The JSON of a stored blind alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cause {
    /// No record arrives.
    SourceSilent {
        /// Since the last one, of working time.
        seconds: u64,
    },
    /// The source does not answer.
    SourceUnreachable {
        /// What the client library says.
        reason: String,
    },
    /// Reading is behind.
    Lag {
        /// Records not read yet.
        records: u64,
    },
    /// Events arrive long after they happened.
    Delay {
        /// Between an event and its arrival.
        seconds: u64,
    },
    /// Input was never read and will not be.
    Gap {
        /// How many stretches in the last quarter of an hour.
        holes: u64,
    },
    /// Events no longer name persons as they used to.
    PersonsMissing {
        /// Which events.
        touch: Named,
        /// Percent that name a person now.
        now_percent: u64,
        /// Percent that used to.
        usual_percent: u64,
    },
    /// Too many events come after their day was closed.
    Late {
        /// Percent of the events.
        percent: u64,
    },
    /// Too many lines are no event.
    Quarantine {
        /// Percent of the lines.
        percent: u64,
        /// The commonest reason.
        reason: String,
    },
    /// Lines over the size limit were left out.
    Oversized {
        /// How many in the last quarter of an hour.
        lines: u64,
    },
    /// Accounts are counted on two partitions.
    TwoPartitions {
        /// How often in the last quarter of an hour.
        times: u64,
    },
    /// The room for accounts is nearly used up, or was.
    StateFull {
        /// Accounts and addresses in memory.
        accounts: u64,
        /// How many may be.
        most: u64,
        /// Forgotten for want of room in the last quarter of an hour.
        forgotten: u64,
    },
    /// The disk is nearly full.
    DiskLow {
        /// Mebibytes free.
        free_mb: u64,
    },
    /// State is not saved.
    SnapshotOld {
        /// Since the last snapshot.
        seconds: u64,
    },
    /// Nothing gets through to a receiver.
    HookDead {
        /// Since the oldest undelivered alert.
        seconds: u64,
        /// How many wait.
        waiting: u64,
    },
    /// Deliveries were given up.
    DeadLetters {
        /// How many lie there.
        items: u64,
    },
    /// A rule cannot fire: its threshold lies beyond what an account can reach.
    OutOfReach(Unreached),
}

/// [`Touch`] as the stored JSON has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the event contract")]
pub enum Named {
    Listed,
    Opened,
}

/// Every kind, as in the database and in the metric's label.
pub const KINDS: [&str; 16] = [
    "source-silent",
    "source-unreachable",
    "lag",
    "delay",
    "gap",
    "persons-missing",
    "late",
    "quarantine",
    "oversized",
    "two-partitions",
    "state-full",
    "disk-low",
    "snapshot-old",
    "hook-dead",
    "dead-letters",
    "out-of-reach",
];

impl Cause {
    /// One of [`KINDS`].
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let at = match self {
            Cause::SourceSilent { .. } => 0,
            Cause::SourceUnreachable { .. } => 1,
            Cause::Lag { .. } => 2,
            Cause::Delay { .. } => 3,
            Cause::Gap { .. } => 4,
            Cause::PersonsMissing { .. } => 5,
            Cause::Late { .. } => 6,
            Cause::Quarantine { .. } => 7,
            Cause::Oversized { .. } => 8,
            Cause::TwoPartitions { .. } => 9,
            Cause::StateFull { .. } => 10,
            Cause::DiskLow { .. } => 11,
            Cause::SnapshotOld { .. } => 12,
            Cause::HookDead { .. } => 13,
            Cause::DeadLetters { .. } => 14,
            Cause::OutOfReach(_) => 15,
        };
        KINDS[at]
    }

    /// How bad it is. High means that a theft may go unseen at this moment.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Cause::SourceSilent { .. }
            | Cause::SourceUnreachable { .. }
            | Cause::PersonsMissing { .. }
            | Cause::Gap { .. }
            | Cause::HookDead { .. }
            | Cause::DiskLow { .. } => Severity::High,
            Cause::Lag { .. }
            | Cause::Delay { .. }
            | Cause::Quarantine { .. }
            | Cause::Oversized { .. }
            | Cause::TwoPartitions { .. }
            | Cause::StateFull { .. }
            | Cause::DeadLetters { .. } => Severity::Medium,
            // Other rules look on; where most accounts are concerned, too few do.
            Cause::OutOfReach(limit) if limit.accounts * 2 >= limit.of_accounts => Severity::High,
            Cause::OutOfReach(_) => Severity::Medium,
            Cause::Late { .. } | Cause::SnapshotOld { .. } => Severity::Low,
        }
    }

    /// What has happened cannot settle by itself: no waiting before it is told.
    #[must_use]
    pub fn is_at_once(&self) -> bool {
        matches!(self, Cause::Gap { .. } | Cause::Oversized { .. } | Cause::DeadLetters { .. })
    }
}

/// A blind alert that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Blind {
    /// The source, the sink, the rule; empty where there is only one.
    pub subject: String,
    /// What is wrong.
    pub cause: Cause,
}

/// One source as it stands, its shards together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceInput {
    /// Its name.
    pub source: String,
    /// Every shard was read to its end, on purpose.
    pub ended: bool,
    /// Wall clock of the last record, epoch ms.
    pub last_arrival_at: Option<TimestampMs>,
    /// Why it cannot be reached, and since when (wall clock).
    pub unreachable: Option<(String, TimestampMs)>,
    /// Records not read yet, where that can be known.
    pub lag_records: Option<u64>,
    /// Wall clock of the oldest of its shards' last snapshots.
    pub snapshot_at: Option<TimestampMs>,
    /// Accounts and addresses in memory.
    pub accounts: u64,
    /// How many may be.
    pub accounts_max: u64,
    /// Rules that cannot fire on it.
    pub unreached: Vec<Unreached>,
    /// What happened lately.
    pub recent: Recent,
}

/// One receiver as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkInput {
    /// Its name.
    pub sink: String,
    /// Deliveries that wait.
    pub pending: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Wall clock since when the oldest waits, epoch ms.
    pub oldest_pending_at: Option<TimestampMs>,
}

/// How everything stands.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// From where on something is worth telling.
    pub thresholds: &'a Thresholds,
    /// Working days and holidays of the configured zone.
    pub calendar: &'a Calendar,
    /// Wall clock since when this process watches, epoch ms.
    pub started_at: TimestampMs,
    /// The sources.
    pub sources: Vec<SourceInput>,
    /// The receivers.
    pub sinks: Vec<SinkInput>,
    /// Times an account's day began on another shard lately.
    pub accounts_moved: u64,
    /// Bytes free on the data folder's disk, when known.
    pub disk_free: Option<u64>,
}

/// Fewest events of a touch, now and usually, between which naming persons is compared.
const FILL_EVENTS_MIN: u64 = 200;
/// Events this old are history that is read on purpose, not delayed.
const HISTORY_SECONDS: u64 = 7 * 86_400;
/// Fewest events or lines of which a share is taken.
const SHARE_EVENTS_MIN: u64 = 200;

/// The blind alerts that hold at `now`, epoch ms by the wall clock.
#[must_use]
pub fn evaluate(inputs: &Inputs<'_>, now: TimestampMs) -> Vec<Blind> {
    let mut found = Vec::new();
    for source in &inputs.sources {
        let mut tell = |cause| found.push(Blind { subject: source.source.clone(), cause });
        reach(inputs, source, now, &mut tell);
        content(inputs.thresholds, source, &mut tell);
        keeping(inputs, source, now, &mut tell);
        reach::tell(inputs.thresholds, source, &mut found);
    }
    for sink in &inputs.sinks {
        let mut tell = |cause| found.push(Blind { subject: sink.sink.clone(), cause });
        let waits = sink.oldest_pending_at.map_or(0, |at| seconds_between(at, now));
        if over(waits, inputs.thresholds.hook_seconds.into()) {
            tell(Cause::HookDead { seconds: waits, waiting: sink.pending });
        }
        if sink.dead > 0 && inputs.thresholds.hook_seconds > 0 {
            tell(Cause::DeadLetters { items: sink.dead });
        }
    }
    let mut tell = |cause| found.push(Blind { subject: String::new(), cause });
    if inputs.accounts_moved > 0 {
        tell(Cause::TwoPartitions { times: inputs.accounts_moved });
    }
    if let Some(free) = inputs.disk_free.map(|bytes| bytes >> 20)
        && free < inputs.thresholds.disk_free_mb
    {
        tell(Cause::DiskLow { free_mb: free });
    }
    found
}

/// Whether records come, and come in time.
fn reach(
    inputs: &Inputs<'_>,
    source: &SourceInput,
    now: TimestampMs,
    tell: &mut impl FnMut(Cause),
) {
    let limits = inputs.thresholds;
    if let Some((reason, since)) = &source.unreachable {
        if over(seconds_between(*since, now), limits.unreachable_seconds.into()) {
            tell(Cause::SourceUnreachable { reason: reason.clone() });
        }
    } else if !source.ended {
        let last = source.last_arrival_at.unwrap_or(inputs.started_at);
        let worked = working_seconds(inputs.calendar, limits.working_hours, last, now);
        let all = seconds_between(last, now);
        if over(worked, limits.silent_seconds.into()) {
            tell(Cause::SourceSilent { seconds: worked });
        } else if over(all - worked.min(all), limits.silent_seconds_off_hours.into()) {
            tell(Cause::SourceSilent { seconds: all });
        }
    }
    let delay = source.recent.delay_ms.map_or(0, |ms| seconds_between(0, ms));
    if let Some(records) = source.lag_records
        && over(records, limits.lag_records)
    {
        // Who is behind also sees old events: one cause, one alert.
        tell(Cause::Lag { records });
    } else if over(delay, limits.delay_seconds.into()) && delay < HISTORY_SECONDS {
        tell(Cause::Delay { seconds: delay });
    }
    if source.recent.holes > 0 {
        tell(Cause::Gap { holes: source.recent.holes });
    }
}

/// Whether records say what they should.
fn content(limits: &Thresholds, source: &SourceInput, tell: &mut impl FnMut(Cause)) {
    let recent = &source.recent;
    for (touch, word) in [(Touch::Listed, Named::Listed), (Touch::Opened, Named::Opened)] {
        let (events, named) = recent.touches[touch as usize];
        let (usual_events, usual_named) = recent.usual[touch as usize];
        if events.min(usual_events) < FILL_EVENTS_MIN || limits.persons_drop <= 0.0 {
            continue;
        }
        let (share, usual) = (share_of(named, events), share_of(usual_named, usual_events));
        if share < usual * limits.persons_drop {
            let (now_percent, usual_percent) = (percent(share), percent(usual));
            tell(Cause::PersonsMissing { touch: word, now_percent, usual_percent });
        }
    }
    let late = share_of(recent.late, recent.events);
    if recent.events >= SHARE_EVENTS_MIN && limits.late_share > 0.0 && late > limits.late_share {
        tell(Cause::Late { percent: percent(late) });
    }
    let bad = share_of(recent.quarantined, recent.lines);
    if recent.lines >= SHARE_EVENTS_MIN
        && limits.quarantine_share > 0.0
        && bad > limits.quarantine_share
    {
        let reason = recent.quarantine_reason.clone();
        tell(Cause::Quarantine { percent: percent(bad), reason });
    }
    if recent.oversized > 0 {
        tell(Cause::Oversized { lines: recent.oversized });
    }
}

/// Whether state has room and is saved.
fn keeping(
    inputs: &Inputs<'_>,
    source: &SourceInput,
    now: TimestampMs,
    tell: &mut impl FnMut(Cause),
) {
    let limits = inputs.thresholds;
    let full = share_of(source.accounts, source.accounts_max);
    let forgotten = source.recent.evicted;
    if limits.state_share > 0.0 && (full >= limits.state_share || forgotten > 0) {
        let (accounts, most) = (source.accounts, source.accounts_max);
        tell(Cause::StateFull { accounts, most, forgotten });
    }
    let saved = source.snapshot_at.unwrap_or(inputs.started_at);
    let unsaved = source.last_arrival_at.is_some_and(|arrived| arrived > saved);
    let age = seconds_between(saved, now);
    if unsaved && over(age, limits.snapshot_seconds.into()) {
        tell(Cause::SnapshotOld { seconds: age });
    }
}

/// Beyond a threshold that is not switched off.
fn over(value: u64, threshold: u64) -> bool {
    threshold > 0 && value > threshold
}

fn share_of(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn percent(share: f64) -> u64 {
    (share * 100.0).round() as u64
}

fn seconds_between(from: TimestampMs, to: TimestampMs) -> u64 {
    u64::try_from((to - from) / 1_000).unwrap_or(0)
}

/// Longest silence that is looked back over, in milliseconds.
const LOOK_BACK_MS: i64 = 60 * 86_400_000;

/// Seconds of `from..to` that lie in the working hours of working days: a Friday evening's last
/// record is three seconds old on Monday morning at three seconds past eight.
fn working_seconds(calendar: &Calendar, hours: [u8; 2], from: TimestampMs, to: TimestampMs) -> u64 {
    let mut calendar = calendar.clone();
    let mut at = from.max(to - LOOK_BACK_MS);
    let mut worked = 0;
    while at < to {
        let day = calendar.day_of(at);
        if !day.is_rest() {
            // Changes of the clock happen at night, long before the first working hour.
            let shift = (day.end_ms - day.start_ms) - 86_400_000;
            let hour = |h: u8| day.start_ms + shift + i64::from(h) * 3_600_000;
            let (start, end) = (hour(hours[0]).max(at), hour(hours[1]).min(to));
            worked += (end - start).max(0);
        }
        at = day.end_ms;
    }
    u64::try_from(worked / 1_000).unwrap_or(0)
}

#[cfg(test)]
mod tests;
