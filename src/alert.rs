//! What we say and why: the alert contract (`vigie replay` prints one revision a line; the API,
//! hooks and Kafka carry the same JSON). Keys are (id, revision) everywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How bad it is, by exposure, data classes and confidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the alert contract")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// The engine's status of an alert; people's state is kept beside the alert, never inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The episode goes on.
    Open,
    /// No signal for the quiet time (24 h of event time by default), or a verdict.
    Ended,
}

/// What kind of thing the alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the alert contract")]
pub enum EntityKind {
    Account,
    Unit,
    Partner,
    Source,
    Device,
    Network,
}

impl EntityKind {
    /// The contract's word; it is also hashed into alert ids.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            EntityKind::Account => "account",
            EntityKind::Unit => "unit",
            EntityKind::Partner => "partner",
            EntityKind::Source => "source",
            EntityKind::Device => "device",
            EntityKind::Network => "network",
        }
    }
}

/// Who the alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// Account, unit, partner, source …
    pub kind: EntityKind,
    /// Its name in the log.
    pub id: String,
}

/// One revision of one alert, exactly as it leaves the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// 26 characters, a hash of entity, opening date and count: the same on every replay.
    pub id: String,
    /// From 1; a receiver keeps the greatest.
    pub revision: u32,
    /// Open or ended.
    pub status: Status,
    /// How bad it is.
    pub severity: Severity,
    /// 0–1, see ARCHITECTURE.md for the formula.
    pub confidence: f64,
    /// Who it is about.
    pub entity: Entity,
    /// The entity's partner.
    pub partner: Option<String>,
    /// The entity's unit.
    pub unit: Option<String>,
    /// The entity's role.
    pub role: Option<String>,
    /// Accounts that contribute, at most 100.
    pub accounts: Vec<String>,
    /// How many contribute in all.
    pub account_count: u64,
    /// The alert this one follows after a verdict.
    pub follows: Option<String>,
    /// Judged by shipped priors: the deployment or the group is too young to know better.
    pub learning: bool,
    /// Its events were older than an hour on arrival: stored, never sent.
    #[serde(default)]
    pub historical: bool,
    /// Event time of the first crossing, RFC 3339 UTC.
    pub opened_at: String,
    /// Earliest window start among the signals; exposure counts from there.
    pub first_event_at: String,
    /// Latest event counted.
    pub last_event_at: String,
    /// Event time of this revision.
    pub updated_at: String,
    /// The harm.
    pub exposure: Exposure,
    /// Addresses, devices and sessions seen in the episode, first ones first.
    pub seen: Seen,
    /// Distinct persons by session, and by device or address, since the account drew attention: it may
    /// be shared by its owner and a thief. At most 8 of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_from: Vec<ReadFrom>,
    /// The crossings, one a rule and window, in the order they fired.
    pub signals: Vec<Signal>,
    /// The same reasons as codes with numbers, for people's languages.
    pub facts: Vec<Fact>,
    /// One sentence a person can act on, rendered from `facts`.
    pub explanation: String,
    /// First and last contributing events, pseudonymised, at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SeenEvent>,
    /// Where in the log the episode stands.
    pub positions: Vec<PositionRange>,
    /// Group knowledge the thresholds came from.
    pub model_epoch: u32,
    /// Hash of the rules in force.
    pub rules_version: String,
}

/// Distinct persons read in the episode, with bounds where the count is an estimate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// Distinct persons: the headline number.
    pub persons: u64,
    /// Lower bound (95 %).
    pub low: u64,
    /// Upper bound (95 %).
    pub high: u64,
    /// Records returned, repeats included.
    pub records: u64,
    /// Records returned without a usable identity.
    pub unidentified: u64,
    /// Persons per data class.
    pub data: BTreeMap<String, u64>,
    /// Persons per population code.
    pub population: BTreeMap<String, u64>,
}

/// Where the accesses came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Addresses.
    pub ips: Vec<String>,
    /// Devices.
    pub devices: Vec<String>,
    /// Sessions.
    pub sessions: Vec<String>,
}

/// A session, a device, or (of accesses that name no device) an address, with what it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFrom {
    /// `session`, `device`, `ip`.
    pub kind: String,
    /// As logged.
    pub id: String,
    /// Distinct persons that it returned; one person may be returned to several.
    pub persons: u64,
    /// Not among the account's own when it first returned somebody; of a session, begun from what
    /// was not. Absent where the account has none of its own yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<bool>,
}

/// One detector's crossing, with its numbers: "why" never needs the source code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Rule that fired.
    pub rule: String,
    /// What was counted.
    pub measure: String,
    /// Listed or opened persons, where the measure keeps them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touch: Option<String>,
    /// Sliding window, `5m` `1h` `1d`.
    pub window: String,
    /// The count now.
    pub observed: u64,
    /// The baseline's mean for this window.
    pub expected: f64,
    /// Would not have fired below this.
    pub threshold: u64,
    /// −log10 of the calibrated tail probability.
    pub surprise: f64,
    /// Event time of the crossing.
    pub at: String,
    /// Distinct persons exposed when it crossed.
    pub persons_at: u64,
    /// The peers it was judged by.
    pub peers: Option<Peers>,
}

/// The peer group behind a threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peers {
    /// `partner/role`.
    pub group: String,
    /// Accounts in it.
    pub size: u64,
    /// 99 % of their windows hold at most this many.
    pub p99: u64,
}

/// A reason as a code and its numbers; the sentence is rendered from these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// `volume`, `foreign`, `ceiling`, `ended-account`, `new-device`, `off-hours` …
    pub code: String,
    /// Its numbers and names.
    #[serde(flatten)]
    pub values: serde_json::Map<String, serde_json::Value>,
}

/// One contributing event, pseudonymised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenEvent {
    /// Event time, RFC 3339 UTC.
    pub at: String,
    /// Where in the log.
    pub position: u64,
    /// The contract's word.
    pub action: String,
    /// Persons returned.
    pub persons: u64,
    /// Address, when logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Device, when logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Session, when logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// A stretch of one shard's log, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionRange {
    /// Which log.
    pub shard: String,
    /// First contributing position.
    pub from: u64,
    /// Last contributing position.
    pub to: u64,
}
