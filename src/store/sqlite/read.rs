//! Reading alerts, beside the writer: what the console and the API show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use super::{BUSY_TIMEOUT, StoreError, Unsigned, sql, status_word};
use crate::alert::{Alert, Entity, Severity, Status};
use crate::event::TimestampMs;

/// Most alerts of one page.
pub const PAGE_ROWS_MAX: u32 = 1_000;

const COLUMNS: &str = "alert.id, alert.opened_at, alert.body, triage.state, triage.verdict, \
                       triage.assignee, triage.comment, triage.version, triage.updated_at";

const MATCHING: &str = "FROM alert JOIN triage USING (id) \
     WHERE (:status IS NULL OR status = :status) \
     AND severity >= :severity_min \
     AND (:state IS NULL OR state = :state) \
     AND (:entity_kind IS NULL OR (entity_kind = :entity_kind AND entity_id = :entity_id)) \
     AND (:partner IS NULL OR partner = :partner) \
     AND (:unit IS NULL OR unit = :unit) \
     AND (:historical IS NULL OR historical = :historical)";

pub(super) const SEVERITIES: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// How far people are with an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    const ALL: [TriageState; 4] =
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
    pub verdict: Option<String>,
    /// Who is at it.
    pub assignee: Option<String>,
    /// In their words.
    pub comment: Option<String>,
    /// Grows with every change, from 1; the ETag.
    pub version: u32,
    /// Last change by the wall clock; `None`: nobody has changed it.
    pub updated_at: Option<TimestampMs>,
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

/// Which alerts; the default is all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlertFilter<'a> {
    /// The engine's status.
    pub status: Option<Status>,
    /// This severity or worse.
    pub severity_min: Option<Severity>,
    /// How far people are.
    pub state: Option<TriageState>,
    /// About this entity.
    pub entity: Option<&'a Entity>,
    /// Of this partner.
    pub partner: Option<&'a str>,
    /// Of this unit.
    pub unit: Option<&'a str>,
    /// Whether its events were old on arrival.
    pub historical: Option<bool>,
}

/// Where a page ends, and the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// Opening time of the last alert on the page.
    pub opened_at: String,
    /// Its id.
    pub id: String,
}

/// Alerts, newest opening first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The alerts.
    pub alerts: Vec<StoredAlert>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<PageKey>,
}

/// A reading connection. It never blocks the writer, nor sees half a commit.
#[derive(Debug)]
pub struct Reader {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
}

impl Reader {
    /// A connection beside the writer's, which has brought the schema up to date.
    ///
    /// # Errors
    /// There is no database, or the disk refuses.
    pub fn open(path: &Path) -> Result<Reader, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let conn = Connection::open_with_flags(path, flags)?;
            conn.busy_timeout(BUSY_TIMEOUT)?;
            Ok(conn)
        };
        Ok(Reader { conn: open().map_err(sql(path))?, path: path.into() })
    }

    /// One alert; `None` when there is none of this id.
    pub fn alert(&self, id: &str) -> Result<Option<StoredAlert>, StoreError> {
        let read = || {
            let text =
                format!("SELECT {COLUMNS} FROM alert JOIN triage USING (id) WHERE alert.id = ?1");
            self.conn
                .prepare_cached(&text)?
                .query_row([id], |row| Ok(stored_alert(row)?.1))
                .optional()
        };
        read().map_err(sql(&self.path))
    }

    /// A page of alerts, newest opening first, `rows` (1 to [`PAGE_ROWS_MAX`]) at most, beginning
    /// after a key. Alerts that are opened meanwhile move nothing.
    pub fn alerts(
        &self,
        filter: &AlertFilter<'_>,
        after: Option<&PageKey>,
        rows: u32,
    ) -> Result<Page, StoreError> {
        let read = || {
            let text = format!(
                "SELECT {COLUMNS} {MATCHING} AND (opened_at, alert.id) < (:opened_at, :id) \
                 ORDER BY opened_at DESC, alert.id DESC LIMIT :limit"
            );
            // `~` sorts after every time: the first page begins at the newest.
            let (opened_at, id) =
                after.map_or(("~", ""), |key| (key.opened_at.as_str(), key.id.as_str()));
            let rows = rows.clamp(1, PAGE_ROWS_MAX);
            let bound = Bound::new(filter);
            let mut values = bound.values();
            // One more than asked for tells whether there is another page.
            let limit = rows + 1;
            values.extend([
                (":opened_at", &opened_at as &dyn ToSql),
                (":id", &id),
                (":limit", &limit),
            ]);
            let mut statement = self.conn.prepare_cached(&text)?;
            let found = statement.query_map(&*values, stored_alert)?;
            let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(page(found, rows as usize))
        };
        read().map_err(sql(&self.path))
    }

    /// How many alerts match, by severity; all five are there.
    pub fn counts_by_severity(
        &self,
        filter: &AlertFilter<'_>,
    ) -> Result<BTreeMap<Severity, u64>, StoreError> {
        let read = || {
            let text = format!("SELECT severity, count(*) {MATCHING} GROUP BY severity");
            let mut counts: BTreeMap<Severity, u64> = SEVERITIES.map(|s| (s, 0)).into();
            let mut statement = self.conn.prepare_cached(&text)?;
            let bound = Bound::new(filter);
            let mut found = statement.query(&*bound.values())?;
            while let Some(row) = found.next()? {
                let rank = usize::from(row.get::<_, u8>(0)?);
                let Unsigned(count) = row.get(1)?;
                if let Some(severity) = SEVERITIES.get(rank) {
                    counts.insert(*severity, count);
                }
            }
            Ok(counts)
        };
        read().map_err(sql(&self.path))
    }
}

/// A filter as the parameters of [`MATCHING`].
struct Bound<'a> {
    status: Option<&'a str>,
    severity_min: i64,
    state: Option<&'a str>,
    entity_kind: Option<&'a str>,
    entity_id: Option<&'a str>,
    partner: Option<&'a str>,
    unit: Option<&'a str>,
    historical: Option<bool>,
}

impl<'a> Bound<'a> {
    fn new(filter: &AlertFilter<'a>) -> Bound<'a> {
        Bound {
            status: filter.status.map(status_word),
            severity_min: filter.severity_min.map_or(0, |severity| severity as i64),
            state: filter.state.map(TriageState::word),
            entity_kind: filter.entity.map(|entity| entity.kind.word()),
            entity_id: filter.entity.map(|entity| entity.id.as_str()),
            partner: filter.partner,
            unit: filter.unit,
            historical: filter.historical,
        }
    }

    fn values(&self) -> Vec<(&str, &dyn ToSql)> {
        vec![
            (":status", &self.status),
            (":severity_min", &self.severity_min),
            (":state", &self.state),
            (":entity_kind", &self.entity_kind),
            (":entity_id", &self.entity_id),
            (":partner", &self.partner),
            (":unit", &self.unit),
            (":historical", &self.historical),
        ]
    }
}

/// Cuts the one row too many, and remembers where the page ends.
fn page(mut found: Vec<(String, StoredAlert)>, rows: usize) -> Page {
    let more = found.len() > rows;
    found.truncate(rows);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(opened_at, last)| PageKey { opened_at: opened_at.clone(), id: last.id.clone() });
    Page { alerts: found.into_iter().map(|(_, alert)| alert).collect(), next }
}

/// Opening time and alert of a row of [`COLUMNS`].
fn stored_alert(row: &Row<'_>) -> rusqlite::Result<(String, StoredAlert)> {
    let triage = Triage {
        state: row.get(3)?,
        verdict: row.get(4)?,
        assignee: row.get(5)?,
        comment: row.get(6)?,
        version: row.get(7)?,
        updated_at: row.get(8)?,
    };
    Ok((row.get(1)?, StoredAlert { id: row.get(0)?, body: row.get(2)?, triage }))
}
