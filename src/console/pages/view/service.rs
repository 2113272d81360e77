//! What the pages about vigie itself are told: health, audit, login, failures.

use super::Reading;
use crate::event::TimestampMs;
use crate::watch::promise::Standing;

/// How vigie itself is.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Every shard that this instance reads.
    pub shards: Vec<Shard>,
    /// Over all shards, as in the queue.
    pub reading: Reading,
    /// Share of events that had each field, 0–1, by source and action; empty when not measured.
    pub fill: Vec<Fill>,
    /// Lines that are no event, by reason.
    pub quarantined: Vec<(String, u64)>,
    /// Optional fields dropped, by field.
    pub dropped_fields: Vec<(String, u64)>,
    /// Blind alerts, open ones first, then past ones, newest first.
    pub blind: Vec<Blind>,
    /// Where alerts are sent.
    pub hooks: Vec<Hook>,
    /// Deliveries that were given up, newest first.
    pub dead: Vec<DeadLetter>,
    /// The promise about false alerts, and how it stands.
    pub budget: Budget,
    /// What was allowed and raised, by rule, partner and role.
    pub promise: Standing,
}

/// One shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shard {
    /// Name of its source.
    pub source: String,
    /// Its number.
    pub shard: u32,
    /// Where reading goes on.
    pub position: u64,
    /// Records waiting; `None` where nobody can know.
    pub lag_records: Option<u64>,
    /// Largest believable event time, epoch ms.
    pub last_event_at: Option<TimestampMs>,
    /// Wall clock of the last record decided, epoch ms.
    pub last_arrival_at: Option<TimestampMs>,
    /// Wall clock of the last snapshot, epoch ms.
    pub snapshot_at: Option<TimestampMs>,
    /// Why the source cannot be reached.
    pub unreachable: Option<String>,
    /// Read to its end, on purpose.
    pub ended: bool,
    /// Events applied.
    pub events: u64,
    /// Events counted late.
    pub late: u64,
    /// Lines that are no event.
    pub quarantined: u64,
    /// Accounts and addresses in memory, and how many may be.
    pub accounts: (u64, u64),
}

/// How often a field was filled.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    /// The contract's word for the action.
    pub action: String,
    /// `persons`, `ip`, `device` …
    pub field: String,
    /// 0–1.
    pub share: f64,
    /// Events looked at.
    pub events: u64,
}

/// A blind alert: a way in which vigie may miss something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blind {
    /// Its code, `source-silent`.
    pub kind: String,
    /// What it is about: a source, a shard, a hook.
    pub subject: String,
    /// What is wrong, in numbers, in English and French.
    pub detail: [String; 2],
    /// Wall clock, epoch ms.
    pub since: TimestampMs,
    /// Wall clock, epoch ms; `None`: still.
    pub until: Option<TimestampMs>,
}

/// A place where alerts are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook {
    /// Its name in the configuration.
    pub name: String,
    /// Deliveries that wait.
    pub pending: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Since when the oldest waits, epoch ms.
    pub oldest_pending_at: Option<TimestampMs>,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number in the outbox.
    pub seq: i64,
    /// The hook.
    pub hook: String,
    /// The alert.
    pub id: String,
    /// Its revision.
    pub revision: u32,
    /// Attempts made.
    pub attempts: u32,
    /// The last error, without secrets.
    pub error: String,
    /// Wall clock of the last attempt, epoch ms.
    pub at: TimestampMs,
}

/// The promise about false alerts, and how it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// False alerts per 1,000 account weeks that the operator accepts.
    pub per_1000_account_weeks: f64,
    /// Never less than this many a week in all, or calibration has nothing to hold on to.
    pub per_week_min: f64,
    /// Weeks after the first 28 days.
    pub weeks: f64,
    /// Account weeks after the first 28 days.
    pub account_weeks: u64,
    /// Alerts of medium or more that opened in them, true ones included.
    pub alerts: u64,
}

/// The audit trail, newest first.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// The entries of this page.
    pub entries: Vec<AuditEntry>,
    /// Sequence number before which the next page begins.
    pub next: Option<i64>,
    /// Whether the chain of hashes holds: entries checked, or the first that is wrong.
    pub chain: Option<Result<u64, i64>>,
}

/// One entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number.
    pub seq: i64,
    /// Wall clock, epoch ms.
    pub at: TimestampMs,
    /// Who.
    pub actor: String,
    /// What: a code such as `account.view`.
    pub what: String,
    /// On what: an alert, an account.
    pub subject: String,
    /// Its JSON.
    pub detail: String,
    /// First characters of its hash.
    pub hash: String,
}

/// The login form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The name typed before.
    pub name: String,
    /// Where to go afterwards.
    pub back: String,
    /// Why it is shown again.
    pub failed: Option<LoginFailure>,
}

/// Why a login did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFailure {
    /// Name or password is wrong; it is not said which.
    Wrong,
    /// Too many attempts; wait.
    TooMany,
    /// The session ended.
    Expired,
}

/// A page that could not be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// Names the log line that has the details; empty when there is none.
    pub request_id: String,
}

/// Kinds of [`Failure`], each with its HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// 400: the address or form cannot be understood.
    BadRequest,
    /// 403: the role does not allow it.
    Forbidden,
    /// 403: the form's token is not this session's.
    Token,
    /// 404.
    NotFound,
    /// 409 outside an alert's page: what was changed is not as it was shown.
    Conflict,
    /// 429
    TooMany,
    /// 500
    Internal,
    /// 503: the store cannot be read right now.
    Unavailable,
}

/// Which text page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// What the keys do.
    Keys,
    /// The accessibility statement.
    Accessibility,
}
