//! Shapes of the API, as the OpenAPI document tells them. Alerts travel as the engine wrote them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::event::TimestampMs;
use crate::store::desk::{Change, Verdict};
use crate::store::sqlite::{self, StoredAlert};

/// What people say about an alert.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Triage)]
pub(in crate::console) struct Triage {
    /// `new`, `in_progress`, `on_hold` or `closed`.
    state: &'static str,
    /// What it was, once judged.
    #[schema(required = true)]
    verdict: Option<&'static str>,
    /// Who is at it.
    #[schema(required = true)]
    assignee: Option<String>,
    /// In their words.
    #[schema(required = true)]
    comment: Option<String>,
    /// Grows with every change, from 1; quoted, it is the ETag.
    version: u32,
    /// Epoch ms; null: nobody has changed it.
    #[schema(required = true)]
    updated_at: Option<TimestampMs>,
    /// Epoch ms; on hold until then.
    #[schema(required = true)]
    wake_at: Option<TimestampMs>,
}

/// As JSON.
pub(in crate::console) fn triage(triage: &sqlite::Triage) -> Value {
    let wire = Triage {
        state: triage.state.word(),
        verdict: triage.verdict.map(Verdict::word),
        assignee: triage.assignee.clone(),
        comment: triage.comment.clone(),
        version: triage.version,
        updated_at: triage.updated_at,
        wake_at: triage.wake_at,
    };
    serde_json::to_value(wire).unwrap_or_default()
}

/// An alert and what people say about it, the alert in the very bytes the engine wrote.
pub(super) fn alert(stored: &StoredAlert) -> String {
    let campaign = serde_json::json!(Membership::of(&stored.campaign));
    let triage = triage(&stored.triage);
    format!("{{\"alert\":{},\"triage\":{triage},\"campaign\":{campaign}}}", stored.body)
}

/// The campaign that an alert belongs to.
#[derive(Serialize, ToSchema)]
#[schema(as = Membership)]
pub(super) struct Membership {
    /// The id of its earliest alert: the alert's own when it stands alone.
    id: String,
    /// Alerts in it, this one included; at most 1,000.
    alerts: u32,
    /// There are more.
    more: bool,
}

impl Membership {
    fn of(membership: &sqlite::Membership) -> Membership {
        let alerts = membership.alerts.min(sqlite::CAMPAIGN_COUNT_MAX);
        Membership { id: membership.id.clone(), alerts, more: membership.alerts > alerts }
    }
}

/// Alerts that belong together.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct Campaign {
    /// The id of its earliest alert.
    id: String,
    /// Its alerts, earliest opening first, at most 200.
    items: Vec<AlertWithTriage>,
    /// What joins these.
    links: Vec<Link>,
    total: Total,
}

/// Why two alerts belong together.
#[derive(Serialize, ToSchema)]
pub(super) struct Link {
    /// The one that was stored later.
    alert: String,
    /// The one that it was joined with.
    other: String,
    /// `ip`, `device`, `session`, `account` (one names it, the other is about it) or `follows`.
    why: &'static str,
    /// The address, device, session or account; empty with `follows`.
    value: String,
}

/// Alerts that belong together, as JSON.
pub(super) fn campaign(campaign: &sqlite::Campaign) -> String {
    let items: Vec<String> = campaign.alerts.iter().map(alert).collect();
    let links = campaign.links.iter().map(|link| {
        let (why, value) = link.reason.words();
        Link { alert: link.alert.clone(), other: link.other.clone(), why, value: value.into() }
    });
    let links = serde_json::json!(links.collect::<Vec<_>>());
    let whole = campaign.alerts.first().map(|alert| Membership::of(&alert.campaign));
    let (count, more) = whole.map_or((0, false), |whole| (whole.alerts, whole.more));
    format!(
        "{{\"id\":{},\"items\":[{}],\"links\":{links},\"total\":{}}}",
        serde_json::json!(campaign.id),
        items.join(","),
        serde_json::json!({"count": count, "more": more})
    )
}

/// An alert and what people say about it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct AlertWithTriage {
    alert: Alert,
    triage: Triage,
    campaign: Membership,
}

/// A list of alerts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct AlertList {
    items: Vec<AlertWithTriage>,
    /// Where the next page begins, as `cursor`; null: there is none.
    #[schema(required = true)]
    next_cursor: Option<String>,
    total: Total,
}

/// How many there are, as far as they were counted.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct Total {
    /// At most 1,000.
    count: u32,
    /// There are more.
    more: bool,
}

/// Every revision of an alert, oldest first.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct RevisionList {
    items: Vec<Alert>,
}

/// Contributing events, first and last ones, pseudonymised.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct EventList {
    items: Vec<Event>,
}

/// One contributing event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct Event {
    /// RFC 3339 UTC.
    at: String,
    position: u64,
    action: String,
    persons: u64,
    ip: Option<String>,
    device: Option<String>,
    session: Option<String>,
}

/// Who an alert is about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct Entity {
    /// `account`, `unit`, `partner`, `source`, `device` or `network`.
    kind: String,
    id: String,
}

/// One revision of an alert, as on standard output and on hooks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct Alert {
    /// 26 characters; the same on every replay.
    id: String,
    /// From 1; keep the greatest.
    revision: u32,
    /// `open` or `ended`.
    status: String,
    /// `info`, `low`, `medium`, `high` or `critical`.
    severity: String,
    /// 0–1.
    confidence: f64,
    entity: Entity,
    #[schema(required = true)]
    partner: Option<String>,
    #[schema(required = true)]
    unit: Option<String>,
    #[schema(required = true)]
    role: Option<String>,
    /// At most 100.
    accounts: Vec<String>,
    account_count: u64,
    /// The alert it follows after a verdict.
    #[schema(required = true)]
    follows: Option<String>,
    learning: bool,
    historical: bool,
    opened_at: String,
    first_event_at: String,
    last_event_at: String,
    updated_at: String,
    /// Distinct persons with bounds, records, data classes, populations.
    #[schema(value_type = Object)]
    exposure: Value,
    /// Addresses, devices, sessions.
    #[schema(value_type = Object)]
    seen: Value,
    /// Distinct persons by session, and by device or address, since the account drew attention: it may
    /// be shared by its owner and a thief. At most 8 of each.
    #[schema(value_type = Option<Vec<Object>>)]
    read_from: Option<Value>,
    /// The crossings with observed, expected, threshold, peers.
    #[schema(value_type = Vec<Object>)]
    signals: Value,
    /// The reasons as codes with numbers.
    #[schema(value_type = Vec<Object>)]
    facts: Value,
    /// One sentence.
    explanation: String,
    events: Option<Vec<Event>>,
    #[schema(value_type = Vec<Object>)]
    positions: Value,
    model_epoch: u32,
    rules_version: String,
}

/// A change to what people say about an alert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum TriageChange {
    /// It is mine now.
    Take {},
    /// It is theirs now, or nobody's.
    Assign {
        /// Null or absent: nobody's.
        assignee: Option<String>,
    },
    /// Waiting for somebody else.
    Hold {
        /// Epoch ms; null or absent: until somebody takes it.
        until: Option<TimestampMs>,
        /// Waiting for what.
        #[serde(default)]
        comment: String,
    },
    /// Judged.
    Close {
        /// `true_positive_impact`, `true_positive_no_impact`, `benign_expected`,
        /// `false_positive_logic`, `false_positive_data`, `duplicate`, `test` or `undetermined`.
        verdict: String,
        /// Why; mandatory for `benign_expected` and `false_positive_…`.
        #[serde(default)]
        comment: String,
    },
    /// Judged too soon.
    Reopen {
        /// Why.
        #[serde(default)]
        comment: String,
    },
    /// Said, and nothing else.
    Comment {
        /// What.
        comment: String,
    },
}

impl TriageChange {
    /// As the store has it.
    ///
    /// # Errors
    /// The verdict is none; the valid choices.
    pub(super) fn understood(self) -> Result<Change, String> {
        Ok(match self {
            TriageChange::Take {} => Change::Take,
            TriageChange::Assign { assignee } => Change::Assign(assignee),
            TriageChange::Hold { until, comment } => Change::Hold { until, comment },
            TriageChange::Close { verdict, comment } => {
                let words = Verdict::ALL.map(Verdict::word).join(", ");
                let known = Verdict::parse(&verdict);
                let verdict = known.ok_or_else(|| format!("verdict: valid choices: {words}"))?;
                Change::Close { verdict, comment }
            }
            TriageChange::Reopen { comment } => Change::Reopen { comment },
            TriageChange::Comment { comment } => Change::Comment(comment),
        })
    }
}

/// What the false-alert budget allowed, and what was raised.
#[derive(Serialize, ToSchema)]
pub(super) struct Budget {
    /// First local date that counts; null: none does yet, the warm-up takes 28 days.
    #[schema(required = true)]
    pub(super) first_day: Option<String>,
    /// Last one, 28 days at most from the first.
    #[schema(required = true)]
    pub(super) last_day: Option<String>,
    /// Account weeks that began on these days.
    pub(super) account_weeks: u64,
    /// There were more alerts than are counted; the oldest were left out.
    pub(super) more: bool,
    /// By rule; an alert counts once, at the rule that opened it.
    pub(super) rules: Vec<BudgetLine>,
    /// By partner: alerts about single accounts. Beyond 200 on a day the rest is `other`.
    pub(super) partners: Vec<BudgetLine>,
    /// By role, likewise.
    pub(super) roles: Vec<BudgetLine>,
}

/// A rule, a partner or a role.
#[derive(Serialize, ToSchema)]
pub(super) struct BudgetLine {
    /// Empty: the log does not say.
    pub(super) name: String,
    /// Its account weeks.
    pub(super) account_weeks: u64,
    /// False alerts allowed on all days; null: the rule has no share of the budget.
    #[schema(required = true)]
    pub(super) allowed: Option<f64>,
    /// The same, a week.
    #[schema(required = true)]
    pub(super) allowed_per_week: Option<f64>,
    /// Alerts of medium or more that opened.
    pub(super) raised: u64,
    /// Of those, judged thefts.
    pub(super) thefts: u64,
    /// Of those, not judged yet.
    pub(super) unjudged: u64,
    /// Held against the promise: raised less thefts.
    pub(super) held: u64,
    /// The same, a week.
    pub(super) held_per_week: f64,
    /// More than 1.5 times what is allowed, and chance cannot explain it.
    pub(super) over: bool,
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(super) struct Account {
    /// Its name in the log.
    pub(super) name: String,
    /// What the engine knows now; null: not seen in this run.
    #[schema(required = true)]
    pub(super) card: Option<Card>,
    /// Its last days, oldest first.
    pub(super) days: Vec<Day>,
    /// Ids of its alerts, newest first.
    pub(super) alerts: Vec<String>,
}

/// An account as the engine knows it.
#[derive(Serialize, ToSchema)]
pub(super) struct Card {
    #[schema(required = true)]
    pub(super) partner: Option<String>,
    #[schema(required = true)]
    pub(super) unit: Option<String>,
    #[schema(required = true)]
    pub(super) role: Option<String>,
    /// `human`, `machine` or `source`.
    pub(super) kind: &'static str,
    /// Local date of the day it is in.
    pub(super) day: String,
    pub(super) days_closed: u32,
    pub(super) learning: bool,
    pub(super) thresholds: Vec<Threshold>,
}

/// What is expected of one measure today.
#[derive(Serialize, ToSchema)]
pub(super) struct Threshold {
    pub(super) measure: &'static str,
    pub(super) touch: &'static str,
    pub(super) window: &'static str,
    pub(super) expected: f64,
    pub(super) usual: u64,
    /// An alert opens at this count; null: not judged yet.
    #[schema(required = true)]
    pub(super) threshold: Option<u64>,
}

/// One day of an account.
#[derive(Serialize, ToSchema)]
pub(super) struct Day {
    /// Local date.
    pub(super) day: String,
    pub(super) listed: u64,
    pub(super) opened: u64,
    pub(super) foreign_origins: u64,
}

/// What went wrong (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "its schema is what is used")]
pub(super) struct Problem {
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    /// Stable word.
    code: String,
    /// Names the line in the log.
    request_id: String,
    /// Of `stale`: what people say now.
    current: Option<Triage>,
    /// Of `bad-parameter`: which one.
    parameter: Option<String>,
}
