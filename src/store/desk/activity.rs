//! The story of an alert: what the engine and people did, in one stream.

use rusqlite::Row;

use super::{Desk, Verdict};
use crate::alert::{Severity, Status};
use crate::event::TimestampMs;
use crate::store::sqlite::{SEVERITIES, StoreError, Unsigned};

/// One thing that happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Epoch ms: by the wall clock of people, in event time of the engine.
    pub at: TimestampMs,
    /// Who; `None`: the engine.
    pub actor: Option<String>,
    /// What.
    pub deed: Deed,
    /// In their words.
    pub comment: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The engine had more to say.
    Revised {
        /// Which revision, from 1.
        revision: u32,
        /// Open or ended.
        status: Status,
        /// How bad it was by then.
        severity: Severity,
        /// Distinct persons by then.
        persons: u64,
    },
    /// Somebody took it.
    Taken,
    /// It became somebody's, or nobody's.
    Assigned(Option<String>),
    /// It waits for somebody else, until then at most.
    Held {
        /// Epoch ms; `None`: until somebody takes it.
        until: Option<TimestampMs>,
    },
    /// Its wait was over.
    Woken,
    /// Judged.
    Closed(Verdict),
    /// Judged too soon.
    Reopened,
    /// Said, and nothing else.
    Commented,
}

impl Desk {
    /// What happened to an alert, oldest first. People's deeds stand after the revision that they
    /// could see, whatever the clocks say.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn activity(&self, id: &str) -> Result<Vec<Activity>, StoreError> {
        self.reader()?.activity(id)
    }
}

/// The rows that [`activity`] reads: revisions first, people after the revision they saw.
pub(in crate::store) const ACTIVITY: &str = "\
    SELECT revision, 0 AS seq, CAST(round(1000 * unixepoch(body ->> '$.updated_at', 'subsec')) \
    AS INTEGER), NULL, 'revise', NULL, NULL, body ->> '$.status', body ->> '$.severity', \
    body ->> '$.exposure.persons' FROM revision WHERE id = ?1 \
    UNION ALL SELECT revision, seq, at, actor, what, value, comment, NULL, NULL, NULL \
    FROM activity WHERE id = ?1 ORDER BY 1, 2";

/// One row of [`ACTIVITY`].
pub(in crate::store) fn activity(row: &Row<'_>) -> rusqlite::Result<Activity> {
    let what: String = row.get(4)?;
    let value: Option<String> = row.get(5)?;
    let actor: Option<String> = row.get(3)?;
    let deed = match what.as_str() {
        "revise" => {
            let (status, severity): (String, String) = (row.get(7)?, row.get(8)?);
            let Unsigned(persons) = row.get(9)?;
            let status = if status == "ended" { Status::Ended } else { Status::Open };
            let known = SEVERITIES.into_iter().find(|s| word(*s) == severity);
            let severity = known.unwrap_or(Severity::Info);
            Deed::Revised { revision: row.get(0)?, status, severity, persons }
        }
        "take" => Deed::Taken,
        "assign" => Deed::Assigned(value),
        "hold" => Deed::Held { until: value.and_then(|until| until.parse().ok()) },
        "wake" => Deed::Woken,
        "close" => {
            let verdict = value.as_deref().and_then(Verdict::parse);
            Deed::Closed(verdict.unwrap_or(Verdict::Undetermined))
        }
        "reopen" => Deed::Reopened,
        _ => Deed::Commented,
    };
    Ok(Activity { at: row.get(2)?, actor, deed, comment: row.get(6)? })
}

/// The alert contract's word.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
