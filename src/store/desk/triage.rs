//! What people say about an alert: who may change what from which state, and the change itself.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;

use super::audit::append;
use super::{Desk, DeskError, Stop, invalid};
use crate::event::TimestampMs;
use crate::store::sqlite::{StoreError, TRIAGE_COLUMNS, Triage, TriageState, triage};

/// Longest comment, in characters.
pub const COMMENT_CHARS_MAX: usize = 4_000;

/// Who wakes an alert whose time on hold is over.
const ENGINE: &str = "vigie";

/// What an alert was, as people judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// A theft, and persons were exposed.
    TruePositiveImpact,
    /// A theft that got nowhere.
    TruePositiveNoImpact,
    /// Real, and expected: a campaign, a migration, an audit.
    BenignExpected,
    /// The rule is wrong.
    FalsePositiveLogic,
    /// The log is wrong: a clock, a feed read twice, a wrong account.
    FalsePositiveData,
    /// Another alert tells the same.
    Duplicate,
    /// Somebody tried vigie.
    Test,
    /// Nobody can tell.
    Undetermined,
}

impl Verdict {
    /// Every verdict, in the order to offer them.
    pub const ALL: [Verdict; 8] = [
        Verdict::TruePositiveImpact,
        Verdict::TruePositiveNoImpact,
        Verdict::BenignExpected,
        Verdict::FalsePositiveLogic,
        Verdict::FalsePositiveData,
        Verdict::Duplicate,
        Verdict::Test,
        Verdict::Undetermined,
    ];

    /// The word in the database and the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::TruePositiveImpact => "true_positive_impact",
            Verdict::TruePositiveNoImpact => "true_positive_no_impact",
            Verdict::BenignExpected => "benign_expected",
            Verdict::FalsePositiveLogic => "false_positive_logic",
            Verdict::FalsePositiveData => "false_positive_data",
            Verdict::Duplicate => "duplicate",
            Verdict::Test => "test",
            Verdict::Undetermined => "undetermined",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.word() == word)
    }

    /// Whether closing with it takes a comment: it says that vigie need not have spoken, and
    /// somebody will ask why.
    #[must_use]
    pub fn needs_comment(self) -> bool {
        matches!(
            self,
            Verdict::BenignExpected | Verdict::FalsePositiveLogic | Verdict::FalsePositiveData
        )
    }
}

impl FromSql for Verdict {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Verdict::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// What somebody does with an alert. Empty comments are no comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is mine now.
    Take,
    /// It is theirs now, or nobody's; the state stays.
    Assign(Option<String>),
    /// Waiting for somebody else.
    Hold {
        /// In progress again from then on, epoch ms; `None`: until somebody takes it. A new signal
        /// wakes it in any case.
        until: Option<TimestampMs>,
        /// Waiting for what; may be empty.
        comment: String,
    },
    /// Judged.
    Close {
        /// What it was.
        verdict: Verdict,
        /// Why; mandatory where [`Verdict::needs_comment`].
        comment: String,
    },
    /// Judged too soon. What the verdict did to the engine stays done.
    Reopen {
        /// Why; may be empty.
        comment: String,
    },
    /// Said, and nothing else.
    Comment(String),
}

impl Change {
    /// The word in activity and audit.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Change::Take => "take",
            Change::Assign(_) => "assign",
            Change::Hold { .. } => "hold",
            Change::Close { .. } => "close",
            Change::Reopen { .. } => "reopen",
            Change::Comment(_) => "comment",
        }
    }

    /// Whether an alert in this state can be changed so.
    #[must_use]
    pub fn is_allowed(&self, state: TriageState) -> bool {
        match self {
            Change::Take | Change::Assign(_) | Change::Close { .. } => state != TriageState::Closed,
            Change::Hold { .. } => matches!(state, TriageState::InProgress | TriageState::OnHold),
            Change::Reopen { .. } => state == TriageState::Closed,
            Change::Comment(_) => true,
        }
    }

    fn comment(&self) -> Option<&str> {
        let comment = match self {
            Change::Take | Change::Assign(_) => return None,
            Change::Hold { comment, .. }
            | Change::Close { comment, .. }
            | Change::Reopen { comment }
            | Change::Comment(comment) => comment.trim(),
        };
        (!comment.is_empty()).then_some(comment)
    }

    /// Assignee, wake-up time or verdict.
    fn value(&self) -> Option<String> {
        match self {
            Change::Assign(assignee) => assignee.clone(),
            Change::Hold { until, .. } => until.map(|until| until.to_string()),
            Change::Close { verdict, .. } => Some(verdict.word().into()),
            Change::Take | Change::Reopen { .. } | Change::Comment(_) => None,
        }
    }

    /// What people say after the change.
    ///
    /// # Errors
    /// Why it makes no sense, and what would.
    fn apply(&self, before: &Triage, actor: &str, now: TimestampMs) -> Result<Triage, String> {
        self.check(before.state, now)?;
        let mut after = Triage {
            version: before.version + 1,
            updated_at: Some(now),
            comment: self.comment().map(str::to_owned).or_else(|| before.comment.clone()),
            ..before.clone()
        };
        match self {
            Change::Take => {
                after.state = TriageState::InProgress;
                after.assignee = Some(actor.into());
                after.wake_at = None;
            }
            Change::Assign(assignee) => after.assignee.clone_from(assignee),
            Change::Hold { until, .. } => {
                after.state = TriageState::OnHold;
                after.wake_at = *until;
            }
            Change::Close { verdict, .. } => {
                after.state = TriageState::Closed;
                after.verdict = Some(*verdict);
                after.wake_at = None;
            }
            Change::Reopen { .. } => {
                after.state = TriageState::InProgress;
                after.verdict = None;
                after.assignee.get_or_insert_with(|| actor.into());
            }
            Change::Comment(_) => {}
        }
        Ok(after)
    }

    fn check(&self, state: TriageState, now: TimestampMs) -> Result<(), String> {
        if !self.is_allowed(state) {
            return Err(match self {
                Change::Reopen { .. } => "only a closed alert can be reopened".into(),
                Change::Hold { .. } if state == TriageState::New => {
                    "nobody is at this alert: take it before you hold it".into()
                }
                _ => format!("a closed alert takes no `{}`: reopen it first", self.word()),
            });
        }
        let comment = self.comment();
        match self {
            Change::Comment(_) if comment.is_none() => Err("the comment is empty".into()),
            Change::Close { verdict, .. } if comment.is_none() && verdict.needs_comment() => {
                Err(format!("verdict `{}` needs a comment: say why", verdict.word()))
            }
            Change::Hold { until: Some(until), .. } if *until <= now => {
                Err("the hold would be over already: choose a later time".into())
            }
            Change::Assign(Some(name)) if name.trim().is_empty() => {
                Err("the assignee is empty".into())
            }
            _ if comment.is_some_and(|text| text.chars().count() > COMMENT_CHARS_MAX) => {
                Err(format!("a comment has at most {COMMENT_CHARS_MAX} characters"))
            }
            _ => Ok(()),
        }
    }
}

impl Desk {
    /// Changes what people say about an alert, if it is still at the version they saw. The change,
    /// its activity, its audit entry and, on closing, the verdict owed to the engine are stored
    /// together. `now` is the wall clock. Returns what people say now.
    ///
    /// # Errors
    /// Somebody was faster, there is no such alert, it makes no sense, or the disk refuses.
    pub fn change(
        &mut self,
        id: &str,
        expected_version: u32,
        actor: &str,
        change: &Change,
        now: TimestampMs,
    ) -> Result<Triage, DeskError> {
        self.write(|tx| {
            let before = current(tx, id)?.ok_or(Stop::Said(DeskError::NotFound))?;
            if before.version != expected_version {
                return Err(Stop::Said(DeskError::Stale { current: Box::new(before) }));
            }
            let after = change.apply(&before, actor, now).map_err(invalid)?;
            put(tx, id, &after)?;
            let deed =
                Noted { what: change.word(), value: change.value(), comment: change.comment() };
            note(tx, id, actor, &deed, after.version, now)?;
            match change {
                Change::Close { verdict, .. } => owe(tx, id, *verdict, actor, now)?,
                Change::Hold { .. } => remember_signals(tx, id)?,
                _ => {}
            }
            Ok(after)
        })
    }

    /// Puts alerts whose time on hold is over, or that have a new signal, back in progress. Returns
    /// their ids.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn wake_due(&mut self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
        // Looked for without the writer's lock, because nearly always there is none.
        if self.read(|conn| due(conn, now))?.is_empty() {
            return Ok(Vec::new());
        }
        self.store(|tx| {
            let due = due(tx, now)?;
            for id in &due {
                let Some(before) = current(tx, id)? else { continue };
                let after = Triage {
                    state: TriageState::InProgress,
                    wake_at: None,
                    version: before.version + 1,
                    updated_at: Some(now),
                    ..before
                };
                put(tx, id, &after)?;
                let deed = Noted { what: "wake", value: None, comment: None };
                note(tx, id, ENGINE, &deed, after.version, now)?;
            }
            Ok(due)
        })
    }
}

/// A change as activity keeps it.
struct Noted<'a> {
    what: &'a str,
    value: Option<String>,
    comment: Option<&'a str>,
}

fn current(tx: &Transaction<'_>, id: &str) -> rusqlite::Result<Option<Triage>> {
    tx.prepare_cached(&format!("SELECT {TRIAGE_COLUMNS} FROM triage WHERE id = ?1"))?
        .query_row([id], |row| triage(row, 0))
        .optional()
}

fn put(tx: &Transaction<'_>, id: &str, triage: &Triage) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE triage SET state = ?2, verdict = ?3, assignee = ?4, comment = ?5, version = ?6, \
         updated_at = ?7, wake_at = ?8 WHERE id = ?1",
    )?
    .execute(params![
        id,
        triage.state.word(),
        triage.verdict.map(Verdict::word),
        triage.assignee,
        triage.comment,
        triage.version,
        triage.updated_at,
        triage.wake_at
    ])
    .map(drop)
}

/// Owes the engine a verdict.
fn owe(
    tx: &Transaction<'_>,
    id: &str,
    verdict: Verdict,
    actor: &str,
    now: TimestampMs,
) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO verdict (id, verdict, actor, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, verdict.word(), actor, now])
        .map(drop)
}

/// How many signals an alert has when it is put on hold: one more wakes it.
fn remember_signals(tx: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE triage SET held_signals = (SELECT json_array_length(body, '$.signals') \
         FROM alert JOIN revision USING (id, revision) WHERE alert.id = ?1) WHERE id = ?1",
    )?
    .execute([id])
    .map(drop)
}

/// Remembers a change for those who look at the alert, and for those who look at who did what. The
/// trail outlives the alert, and comments may name people: it has none of them.
fn note(
    tx: &Transaction<'_>,
    id: &str,
    actor: &str,
    deed: &Noted<'_>,
    version: u32,
    now: TimestampMs,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO activity (id, revision, version, at, actor, what, value, comment) \
         SELECT id, revision, ?2, ?3, ?4, ?5, ?6, ?7 FROM alert WHERE id = ?1",
    )?
    .execute(params![id, version, now, actor, deed.what, deed.value, deed.comment])?;
    let detail = match &deed.value {
        Some(value) => json!({ "version": version, "value": value }),
        None => json!({ "version": version }),
    };
    append(tx, actor, &format!("alert.{}", deed.what), id, &detail, now)
}

/// Alerts on hold whose time is over, or that have more signals than when they were put there.
fn due(conn: &rusqlite::Connection, now: TimestampMs) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached(
        "SELECT triage.id FROM triage JOIN alert USING (id) JOIN revision USING (id, revision) \
         WHERE triage.state = 'on_hold' AND (wake_at <= ?1 \
         OR json_array_length(revision.body, '$.signals') > held_signals) ORDER BY triage.id",
    )?
    .query_map([now], |row| row.get(0))?
    .collect()
}
