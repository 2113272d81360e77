//! Reading alerts, beside the writer: what the console and the API show.

use std::path::{Path, PathBuf};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use super::{Membership, StoreError, connect_beside, sql};
use crate::alert::Alert;
use crate::event::TimestampMs;
use crate::store::desk::Verdict;

/// Columns of [`stored_alert`], from [`FROM`].
pub(super) const COLUMNS: &str = "alert.id, revision.body, triage.state, triage.verdict, \
     triage.assignee, triage.comment, triage.version, triage.updated_at, triage.wake_at, \
     alert.campaign, (SELECT count(*) FROM (SELECT 1 FROM alert AS mate \
       WHERE mate.campaign = alert.campaign LIMIT 1001))";

/// Columns of [`triage`].
pub(in crate::store) const TRIAGE_COLUMNS: &str =
    "state, verdict, assignee, comment, version, updated_at, wake_at";

/// Alerts with their newest revision and what people say about them.
pub(super) const FROM: &str =
    "FROM alert JOIN triage USING (id) JOIN revision USING (id, revision)";

/// How far people are with an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TriageState {
    /// Nobody has looked at it.
    New,
    /// Somebody is at it.
    InProgress,
    /// Waiting for somebody else.
    OnHold,
    /// Judged.
    Closed,
}

impl TriageState {
    /// Every state.
    pub const ALL: [TriageState; 4] =
        [TriageState::New, TriageState::InProgress, TriageState::OnHold, TriageState::Closed];

    /// The word in the database and the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            TriageState::New => "new",
            TriageState::InProgress => "in_progress",
            TriageState::OnHold => "on_hold",
            TriageState::Closed => "closed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<TriageState> {
        TriageState::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl FromSql for TriageState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        TriageState::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// What people say about an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triage {
    /// How far they are.
    pub state: TriageState,
    /// What it was, once judged.
    pub verdict: Option<Verdict>,
    /// Who is at it.
    pub assignee: Option<String>,
    /// In their words.
    pub comment: Option<String>,
    /// Grows with every change, from 1; the ETag.
    pub version: u32,
    /// Last change by the wall clock; `None`: nobody has changed it.
    pub updated_at: Option<TimestampMs>,
    /// On hold: in progress again from then on; `None`: until somebody takes it.
    pub wake_at: Option<TimestampMs>,
}

/// The newest revision of an alert, and what people say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlert {
    /// The alert's id.
    pub id: String,
    /// The alert contract's JSON, the same bytes as on standard output and on hooks.
    pub body: String,
    /// What people say about it.
    pub triage: Triage,
    /// Which campaign it belongs to.
    pub campaign: Membership,
}

impl StoredAlert {
    /// The alert itself.
    ///
    /// # Errors
    /// A build of another contract wrote it; the JSON is there nevertheless.
    pub fn alert(&self) -> serde_json::Result<Alert> {
        serde_json::from_str(&self.body)
    }
}

/// A reading connection. It never blocks the writers, nor sees half a commit.
#[derive(Debug)]
pub struct Reader {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
}

impl Reader {
    /// A connection beside the writers' to a database that [`Store::open`](super::Store::open) has
    /// made and brought to this build's schema; open as many as there are threads that read.
    ///
    /// # Errors
    /// There is none, another vigie made it, or the disk refuses.
    pub fn open(path: &Path) -> Result<Reader, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Reader { conn: connect_beside(path, flags)?, path: path.into() })
    }

    /// One alert; `None` when there is none of this id.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn alert(&self, id: &str) -> Result<Option<StoredAlert>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(&format!("SELECT {COLUMNS} {FROM} WHERE alert.id = ?1"))?
                .query_row([id], stored_alert)
                .optional()
        })
    }

    /// A fact about the data itself.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.read(|conn| {
            conn.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
                .optional()
        })
    }

    pub(super) fn read<T>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        look(&self.conn).map_err(sql(&self.path))
    }
}

/// A row that begins with [`COLUMNS`].
pub(super) fn stored_alert(row: &Row<'_>) -> rusqlite::Result<StoredAlert> {
    let campaign = Membership { id: row.get(9)?, alerts: row.get(10)? };
    Ok(StoredAlert { id: row.get(0)?, body: row.get(1)?, triage: triage(row, 2)?, campaign })
}

/// [`TRIAGE_COLUMNS`] of a row, from a column on.
pub(in crate::store) fn triage(row: &Row<'_>, from: usize) -> rusqlite::Result<Triage> {
    Ok(Triage {
        state: row.get(from)?,
        verdict: row.get(from + 1)?,
        assignee: row.get(from + 2)?,
        comment: row.get(from + 3)?,
        version: row.get(from + 4)?,
        updated_at: row.get(from + 5)?,
        wake_at: row.get(from + 6)?,
    })
}
