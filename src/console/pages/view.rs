//! What each page is told. Plain values: whoever serves the pages reads the store, fills these in
//! and calls `render`; nothing here reads anything itself.
//!
//! Forms that pages send, all `POST`, `application/x-www-form-urlencoded`, all with `csrf`:
//!
//! | to | fields beside `csrf` |
//! |---|---|
//! | `/alerts/{id}/take`, `…/reopen`, `…/comment` | `version`, `comment`, `back` |
//! | `/alerts/{id}/assign` | `version`, `assignee` (empty: nobody), `back` |
//! | `/alerts/{id}/hold` | `version`, `hours` (empty: until somebody takes it), `comment`, `back` |
//! | `/alerts/{id}/close` | `version`, `verdict`, `comment`, `back` |
//! | `/alerts/bulk` | `pick` (repeated, `id:version`), `action` (`take` or `close`), `verdict`, `comment`, `back` |
//! | `/hooks/{seq}/replay` | `back` |
//! | `/language` | `language` (`en`, `fr`), `back` |
//! | `/login` | `name`, `password`, `back` |
//! | `/logout` | |
//!
//! `back` is the page to return to (303): a path of our own (begins with one `/`). Without it, the
//! alert's page. The account page's reason form is a `GET` of `/accounts/{name}` with `reason`.
//!
//! `GET /events` is `text/event-stream`; each message has `event: alert` and
//! `data: {"id": "…", "revision": 3, "opened": true}` (`opened` only for a first revision that is
//! not historical), or `event: triage` with `data: {"id": "…", "version": 4}`, and a comment line
//! every 15 s. The script shows notices from it and moves nothing.

use crate::alert::{Alert, Entity, Severity, Status};
use crate::event::TimestampMs;
use crate::store::sqlite::{Triage, TriageState};
use crate::triage::Language;
use crate::watch::AccountCard;

mod service;

pub use service::*;

/// What every page shows around its own content.
#[derive(Clone, Debug)]
pub struct Chrome {
    /// Language of the words.
    pub language: Language,
    /// Who looks; `None` before the login.
    pub user: Option<User>,
    /// Sent back with every form.
    pub csrf: String,
    /// Path and query of this page, for the language switch and for coming back.
    pub path: String,
    /// Zone in which times are shown.
    pub zone: jiff::tz::TimeZone,
    /// Wall clock, epoch ms, when the page is made.
    pub now: TimestampMs,
    /// What the navigation counts.
    pub counts: NavCounts,
}

/// Who looks at the pages, and what they may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Their name; `local` on loopback without login.
    pub name: String,
    /// May take, hold, close and comment.
    pub may_triage: bool,
    /// May read the audit trail.
    pub may_audit: bool,
    /// May send dead letters again.
    pub may_replay: bool,
    /// Came in through the login, so may log out.
    pub may_log_out: bool,
}

/// What the navigation counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NavCounts {
    /// Alerts that nobody has closed; the queue's own number.
    pub open: Count,
    /// Blind alerts that are open.
    pub blind: u64,
}

/// A count that stops counting at some point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many, at most the cap.
    pub value: u64,
    /// There are more: shown as `1 000+`.
    pub capped: bool,
}

/// Which alerts the queue lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// New, in progress or on hold: all that is not closed.
    #[default]
    Open,
    /// Nobody has looked at them.
    New,
    /// In progress or on hold, with the user as their owner.
    Mine,
    /// Waiting for somebody else.
    OnHold,
    /// Judged.
    Closed,
    /// Every state.
    All,
}

/// In which order the queue lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Severity, then persons exposed; the greatest first.
    #[default]
    Priority,
    /// Opening time, newest first.
    Opened,
    /// Latest change by the engine, newest first.
    Updated,
}

/// What the queue was asked for: its query string, understood. See `query` for both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueQuery {
    /// `view`
    pub tab: Tab,
    /// `severity`: this one or worse.
    pub severity_min: Option<Severity>,
    /// `partner`
    pub partner: Option<String>,
    /// `q`: words of the entity or of the explanation.
    pub search: Option<String>,
    /// `sort`
    pub sort: Sort,
    /// `after`: opaque key of the page that comes next.
    pub after: Option<String>,
    /// `before`: opaque key of the page that comes before.
    pub before: Option<String>,
}

/// The queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// What was asked for.
    pub query: QueueQuery,
    /// Partners to choose from.
    pub partners: Vec<String>,
    /// How many each tab holds under the same other filters; [`Tab::ALL`] each once.
    pub tabs: Vec<(Tab, Count)>,
    /// How many match, by severity, in this tab.
    pub severities: Vec<(Severity, Count)>,
    /// The alerts of this page.
    pub rows: Vec<QueueRow>,
    /// Key of the page before.
    pub previous: Option<String>,
    /// Key of the page after.
    pub next: Option<String>,
    /// Whether anything is being read: what an empty queue must say.
    pub reading: Reading,
    /// Result of what was done to several alerts.
    pub done: Option<BulkResult>,
}

/// One line of the queue.
#[derive(Clone, Debug)]
pub struct QueueRow {
    /// The newest revision.
    pub alert: Alert,
    /// What people say.
    pub triage: Triage,
    /// Alerts of its campaign, itself included.
    pub campaign: Count,
}

/// What became of a change to several alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkResult {
    /// How many were changed.
    pub changed: u64,
    /// Those that were not, because somebody else changed them meanwhile or they are gone.
    pub refused: Vec<String>,
}

/// Whether anything is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Shards that this instance reads.
    pub shards: u64,
    /// Those whose source cannot be reached.
    pub unreachable: u64,
    /// Latest event time over all shards, epoch ms; `None`: not one event yet.
    pub last_event_at: Option<TimestampMs>,
    /// Wall clock of the last record decided, epoch ms.
    pub last_arrival_at: Option<TimestampMs>,
    /// Records waiting at the sources, where that can be known.
    pub lag_records: Option<u64>,
    /// Blind alerts that are open.
    pub blind: u64,
    /// Every input was read to its end, on purpose.
    pub ended: bool,
}

/// One alert.
#[derive(Clone, Debug)]
pub struct AlertPage {
    /// The newest revision.
    pub alert: Alert,
    /// What people say.
    pub triage: Triage,
    /// When an alert on hold comes back, epoch ms.
    pub wake_at: Option<TimestampMs>,
    /// All revisions, oldest first.
    pub revisions: Vec<Revision>,
    /// Engine and people in one stream, oldest first.
    pub activity: Vec<Activity>,
    /// Alerts of its campaign, itself included.
    pub mates: Count,
    /// The others of them, and what joins each with this one.
    pub campaign: Vec<Similar>,
    /// Alerts that look alike, and why.
    pub similar: Vec<Similar>,
    /// Names that it may be given to.
    pub people: Vec<String>,
    /// Whether anything is being read: limits of what the alert knows.
    pub reading: Reading,
    /// What was wrong with the form just sent, which is shown again as it was.
    pub problem: Option<Problem>,
}

/// One revision as the chart needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Revision {
    /// From 1.
    pub revision: u32,
    /// Event time, epoch ms.
    pub at: TimestampMs,
    /// Distinct persons by then.
    pub persons: u64,
    /// Severity by then.
    pub severity: Severity,
    /// Whether it ended the episode.
    pub status: Status,
}

/// Something that happened to an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Epoch ms: event time of the engine's, wall clock of people's.
    pub at: TimestampMs,
    /// What it was.
    pub what: Deed,
}

/// Who did what to an alert.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// The engine emitted a revision.
    Engine(Revision),
    /// Somebody changed it.
    Person {
        /// Who.
        actor: String,
        /// `take`, `assign`, `hold`, `close`, `reopen`, `comment`, `wake`.
        action: String,
        /// Verdict of a closing, new owner of an assignment.
        detail: Option<String>,
        /// In their words.
        comment: Option<String>,
    },
}

/// An alert that looks alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    /// Its id.
    pub id: String,
    /// Who it is about.
    pub entity: Entity,
    /// How bad it is.
    pub severity: Severity,
    /// Epoch ms.
    pub opened_at: TimestampMs,
    /// How far people are.
    pub state: TriageState,
    /// What it was, once judged.
    pub verdict: Option<String>,
    /// Persons exposed.
    pub persons: u64,
    /// Why it is here.
    pub reason: Likeness,
}

/// Why an alert is listed beside another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The same account, unit … before or after.
    Entity,
    /// This address was seen in both.
    Ip(String),
    /// This device was seen in both.
    Device(String),
    /// This session was seen in both.
    Session(String),
    /// This account is in both.
    Account(String),
    /// One follows the other after a verdict.
    Follows,
    /// They belong together by way of others.
    Campaign,
}

/// What was wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// The action that was asked for: `take`, `hold`, `close` …
    pub action: String,
    /// The verdict that was chosen.
    pub verdict: Option<String>,
    /// The comment that was typed; it is kept.
    pub comment: String,
}

/// Kinds of [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Somebody else changed the alert since the form was loaded.
    Stale,
    /// This verdict needs a comment.
    CommentMissing,
    /// No verdict was chosen.
    VerdictMissing,
    /// Another reason, in the store's words.
    Refused(String),
}

/// An account.
#[derive(Clone, Debug)]
pub struct AccountPage {
    /// Its name.
    pub name: String,
    /// Its card; `None` when the engine has none (not seen in this run, or no room).
    pub card: Option<AccountCard>,
    /// Its last days, oldest first, at most 90; days without an event are absent.
    pub days: Vec<Day>,
    /// Its alerts, newest first.
    pub alerts: Vec<QueueRow>,
    /// Why this view is allowed: it is in the audit trail.
    pub why: ViewReason,
}

/// Why somebody looks at an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewReason {
    /// They came from this alert.
    Alert(String),
    /// They typed this reason.
    Reason(String),
}

/// The form that asks for a reason before an account is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountReason {
    /// The account's name.
    pub name: String,
    /// The reason typed was too short.
    pub too_short: bool,
}

/// Fewest characters of a typed reason.
pub const REASON_CHARS_MIN: usize = 8;

/// One day of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// Local date, `2024-02-06`.
    pub day: String,
    /// Distinct persons listed.
    pub listed: u64,
    /// Distinct persons opened.
    pub opened: u64,
    /// Foreign origins.
    pub foreign: u64,
}
