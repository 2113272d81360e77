//! What the core says: plain numbers and names; words are triage's business.

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::channel::Measure;
use super::episode::{Circumstances, SignalState, TrailEvent};
use super::epoch::Kind;
use super::partial::Partial;
use super::time::Day;
use crate::alert::EntityKind;
use crate::event::{Position, TimestampMs, Touch};

/// Why an episode has something new to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// First signal.
    Opened,
    /// Another rule, window or touch fired.
    Signal,
    /// Exposure passed the next of 1-2-5 × 10ᵏ.
    Exposure,
    /// A quiet day, or a verdict.
    Ended,
}

/// Anything the core has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// An episode changed.
    Episode(Box<Report>),
    /// A local day ended: what this shard learned for the next model epoch.
    DayEnded(Box<Partial>),
    /// An account began a day; only where [`super::Detector::tell_days`] was asked for.
    AccountDay(Box<AccountDay>),
}

/// An account at the beginning of its day, for people who look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountDay {
    /// Its name.
    pub name: String,
    /// Human, machine or source.
    pub kind: Kind,
    /// Its network, when known.
    pub partner: Option<String>,
    /// Its unit, when known.
    pub unit: Option<String>,
    /// Its job, when known.
    pub role: Option<String>,
    /// The day that begins.
    pub day: Day,
    /// Days it has closed.
    pub days_closed: u32,
    /// Judged by shipped priors.
    pub learning: bool,
    /// What is expected of each measure, in the first hour of the day.
    pub expects: Vec<Expects>,
    /// The day before it, if there was one.
    pub closed: Option<ClosedDay>,
}

/// What an account read on one local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedDay {
    /// Which.
    pub day: Day,
    /// Distinct persons listed, in one day.
    pub listed: u64,
    /// Distinct persons opened.
    pub opened: u64,
    /// Foreign origins: the larger of listed and opened.
    pub foreign: u64,
}

impl ClosedDay {
    /// The day an account is in, as far as it went.
    pub(super) fn of(account: &Account) -> Option<ClosedDay> {
        let today = account.today.as_ref()?;
        let [listed, opened] = &today.windows;
        Some(ClosedDay {
            day: account.day.day,
            listed: listed.count(Measure::Persons1d),
            opened: opened.count(Measure::Persons1d),
            foreign: listed.count(Measure::Foreign1d).max(opened.count(Measure::Foreign1d)),
        })
    }
}

/// What is expected of one measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expects {
    /// Persons or foreign origins, and over which window.
    pub measure: Measure,
    /// Listed or opened.
    pub touch: Touch,
    /// Mean of the account's baseline.
    pub expected: f64,
    /// Two standard deviations above it.
    pub usual: u64,
    /// An alert opens at this count; absent: not judged.
    pub threshold: Option<u64>,
}

/// What persons of an episode were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReaderKind {
    /// A session.
    Session,
    /// A device.
    Device,
    /// An address, where the log has no device.
    Address,
}

/// One session, device or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFrom {
    /// Which of them.
    pub kind: ReaderKind,
    /// As logged.
    pub name: String,
    /// Not the account's own when it first returned somebody, or (of a session) begun from what was
    /// not; absent: the account has none of its own yet.
    pub new: Option<bool>,
    /// Distinct persons it returned.
    pub persons: u64,
}

/// Sessions and devices of one account against each other: whom the thief read, and whom its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBy {
    /// Those that returned persons, the first of each kind.
    pub readers: Vec<ReadFrom>,
    /// Persons returned to a place that is not the account's own.
    pub new: u64,
    /// Persons returned to the account's own places only; of the rest it is not known.
    pub own: u64,
    /// Each of the new ones was returned in the same session.
    pub one_session: bool,
    /// Each of the new ones was returned to the same device or address, and there is no other.
    pub one_place: bool,
    /// Devices are among the new places.
    pub new_devices: bool,
    /// Addresses are.
    pub new_addresses: bool,
}

/// An episode as it stands at one change.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What changed.
    pub cause: Cause,
    /// From 1.
    pub revision: u32,
    /// Episodes of the entity already opened on the same UTC date.
    pub ordinal: u32,
    /// Account, source or pool.
    pub entity: EntityKind,
    /// Its name.
    pub name: String,
    /// Its network, when known.
    pub partner: Option<String>,
    /// Its unit, when known.
    pub unit: Option<String>,
    /// Its job, when known.
    pub role: Option<String>,
    /// The job's name in English and French, when the priors have one.
    pub label: Option<(String, String)>,
    /// First crossing.
    pub opened: TimestampMs,
    /// Earliest window start.
    pub first: TimestampMs,
    /// Latest event counted.
    pub last: TimestampMs,
    /// Id of the judged alert that this one follows.
    pub follows: Option<String>,
    /// Event time of this change.
    pub at: TimestampMs,
    /// Persons, and the 95 % bounds.
    pub persons: (u64, u64, u64),
    /// By whom they were read, of an account.
    pub read_by: ReadBy,
    /// Records, repeats included.
    pub records: u64,
    /// Records without identity.
    pub unidentified: u64,
    /// Persons by data class, in the order of `event::DATA_CLASSES`.
    pub data: Vec<u64>,
    /// Persons by population code, in the configured order.
    pub population: Vec<u64>,
    /// Addresses, devices, sessions.
    pub seen: [Vec<String>; 3],
    /// Crossings in order.
    pub signals: Vec<SignalState>,
    /// Circumstances of the opening.
    pub circumstances: Circumstances,
    /// Judged by shipped priors.
    pub learning: bool,
    /// Log positions, both included.
    pub positions: (Position, Position),
    /// First and last contributing events.
    pub events: Vec<TrailEvent>,
    /// Epoch of the thresholds.
    pub epoch: u32,
    /// Local time less UTC at the opening, for sentences in local time.
    pub offset_ms: i64,
    /// Of a pool: accounts that contribute, largest first, at most 100.
    pub contributors: Vec<String>,
    /// How many contribute in all.
    pub contributor_count: u64,
}

impl Report {
    /// Nothing fired by itself, several signs did together.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.signals.is_empty() && self.signals.iter().all(|s| s.joint)
    }
}
