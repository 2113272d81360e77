//! The outbox: what is owed to the outside, one row a (sink, id, revision). Rows are written with
//! the revision, in its transaction; a [`Outbox`] beside the writer says what is due and keeps
//! what became of it.

use std::path::{Path, PathBuf};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OpenFlags, Row, Transaction, TransactionBehavior, params};

use super::{StoreError, Unsigned, sql};
use crate::alert::{Alert, Severity, Status};
use crate::event::TimestampMs;

mod caps;
mod claim;
mod summary;
pub use caps::DailyCaps;
pub use claim::{ATTEMPTS_BEFORE_GIVING_WAY, Claim};

const DAY_MS: i64 = 86_400_000;

const COLUMNS: &str = "outbox.seq, outbox.sink, outbox.id, outbox.revision, outbox.type, \
     outbox.attempts, outbox.last_error, outbox.created_at, outbox.done_at, \
     coalesce(outbox.body, revision.body), outbox.body IS NOT NULL";

const FROM: &str = "FROM outbox LEFT JOIN revision \
     ON revision.id = outbox.id AND revision.revision = outbox.revised";

/// Something that revisions are owed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkRule {
    /// Its name, one in the configuration.
    pub name: String,
    /// It gets revisions of this severity or worse.
    pub severity_min: Severity,
    /// It gets alerts that were old on arrival too.
    pub historical: bool,
    /// It gets notes: blind alerts, summaries.
    pub notes: bool,
}

/// How far a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboxState {
    /// Owed.
    Pending,
    /// Taken by the other side.
    Delivered,
    /// Given up; an operator may replay it.
    Dead,
    /// Not sent by itself: beyond the daily cap, or a newer revision went in its place.
    Summarised,
}

impl OutboxState {
    const ALL: [OutboxState; 4] =
        [OutboxState::Pending, OutboxState::Delivered, OutboxState::Dead, OutboxState::Summarised];

    /// The word in the database and in metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            OutboxState::Pending => "pending",
            OutboxState::Delivered => "delivered",
            OutboxState::Dead => "dead",
            OutboxState::Summarised => "summarised",
        }
    }
}

/// Something owed to a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Order of being owed.
    pub seq: i64,
    /// To whom.
    pub sink: String,
    /// Of the alert or note.
    pub id: String,
    /// Of the alert or note, from 1.
    pub revision: u32,
    /// `alert.opened`, `alert.updated`, `alert.ended`, or a note's own.
    pub kind: String,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Why the last one failed; never holds a secret.
    pub last_error: Option<String>,
    /// When it became owed.
    pub created_at: TimestampMs,
    /// Delivered, given up or summarised.
    pub done_at: Option<TimestampMs>,
    /// The alert contract's JSON, or a note's data.
    pub body: String,
    /// Not an alert: `body` is what a hook sends as data.
    pub note: bool,
}

/// Something to say that is not an alert: a blind alert, a summary.
#[derive(Clone, Copy, Debug)]
pub struct Note<'a> {
    /// Event type: letters, digits, `_`, dots.
    pub kind: &'a str,
    /// With the revision: the receiver's key.
    pub id: &'a str,
    /// From 1; the same one again is dropped.
    pub revision: u32,
    /// A JSON object.
    pub body: &'a str,
}

/// How many rows of a sink are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxCount {
    /// The sink.
    pub sink: String,
    /// The state.
    pub state: OutboxState,
    /// How many.
    pub rows: u64,
    /// Since when the oldest of them is owed.
    pub oldest_at: TimestampMs,
}

/// How sending to a sink goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkHealth {
    /// The sink.
    pub name: String,
    /// It said that it is gone (HTTP 410): nothing is sent until its configuration changes or
    /// something is replayed.
    pub disabled_at: Option<TimestampMs>,
    /// Last success.
    pub last_ok_at: Option<TimestampMs>,
    /// Last failure.
    pub last_error_at: Option<TimestampMs>,
    /// Its reason; never holds a secret.
    pub last_error: Option<String>,
}

/// A connection for those who deliver, or look after deliveries, beside the writer.
#[derive(Debug)]
pub struct Outbox {
    conn: Connection,
    path: PathBuf,
}

impl Outbox {
    /// Opens beside the writer, which has made the database and its schema; needs no lock on the
    /// data folder.
    ///
    /// # Errors
    /// There is no database, it is of another version, or the disk refuses.
    pub fn open(path: &Path) -> Result<Outbox, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Outbox { conn: super::connect_beside(path, flags)?, path: path.into() })
    }

    /// Owes a note to those of these sinks that take notes; the same (id, revision) again changes
    /// nothing. `now` is the wall clock.
    pub fn enqueue_note(
        &mut self,
        sinks: &[SinkRule],
        note: &Note<'_>,
        now: TimestampMs,
    ) -> Result<(), StoreError> {
        self.write(|tx| owe_note(tx, sinks, note, now))
    }

    /// How many rows there are, by sink and state.
    pub fn counts(&self) -> Result<Vec<OutboxCount>, StoreError> {
        self.read(|conn| {
            let text = "SELECT sink, state, count(*), min(created_at) FROM outbox \
                        GROUP BY sink, state ORDER BY sink, state";
            let mut statement = conn.prepare_cached(text)?;
            let rows = statement.query_map([], |row| {
                let Unsigned(rows) = row.get(2)?;
                Ok(OutboxCount {
                    sink: row.get(0)?,
                    state: row.get(1)?,
                    rows,
                    oldest_at: row.get(3)?,
                })
            })?;
            rows.collect()
        })
    }

    /// What was given up, newest first.
    pub fn dead(&self, rows: u32) -> Result<Vec<Owed>, StoreError> {
        self.read(|conn| {
            let text =
                format!("SELECT {COLUMNS} {FROM} WHERE state = 'dead' ORDER BY seq DESC LIMIT ?1");
            let mut statement = conn.prepare_cached(&text)?;
            statement.query_map([rows], owed)?.collect()
        })
    }

    /// Owes a dead row again, at once and with all its attempts, and switches its sink on. False
    /// when no dead row has this number.
    pub fn replay(&mut self, seq: i64, now: TimestampMs) -> Result<bool, StoreError> {
        self.revive("seq = ?2", seq, now).map(|rows| rows > 0)
    }

    /// Owes all dead rows again, and switches their sinks on. Returns how many.
    pub fn replay_all(&mut self, now: TimestampMs) -> Result<usize, StoreError> {
        self.revive("seq > ?2", 0, now)
    }

    /// Switches a sink on that said it was gone. False when it was not off.
    pub fn enable(&mut self, sink: &str) -> Result<bool, StoreError> {
        self.write(|tx| {
            let text = "UPDATE sink SET disabled_at = NULL \
                        WHERE name = ?1 AND disabled_at IS NOT NULL";
            tx.execute(text, [sink]).map(|rows| rows > 0)
        })
    }

    fn revive(&mut self, which: &str, from: i64, now: TimestampMs) -> Result<usize, StoreError> {
        self.write(|tx| {
            tx.execute(
                &format!(
                    "UPDATE sink SET disabled_at = NULL WHERE name IN \
                     (SELECT sink FROM outbox WHERE state = 'dead' AND ?1 >= 0 AND {which})"
                ),
                params![now, from],
            )?;
            tx.execute(
                &format!(
                    "UPDATE outbox SET state = 'pending', attempts = 0, next_at = ?1, \
                     done_at = NULL WHERE state = 'dead' AND {which}"
                ),
                params![now, from],
            )
        })
    }

    /// How sending goes, by sink.
    pub fn health(&self) -> Result<Vec<SinkHealth>, StoreError> {
        self.read(|conn| {
            let text = "SELECT name, disabled_at, last_ok_at, last_error_at, last_error \
                        FROM sink ORDER BY name";
            let mut statement = conn.prepare_cached(text)?;
            let rows = statement.query_map([], |row| {
                Ok(SinkHealth {
                    name: row.get(0)?,
                    disabled_at: row.get(1)?,
                    last_ok_at: row.get(2)?,
                    last_error_at: row.get(3)?,
                    last_error: row.get(4)?,
                })
            })?;
            rows.collect()
        })
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        read(&self.conn).map_err(sql(&self.path))
    }

    fn write<T>(
        &mut self,
        write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let all = |conn: &mut Connection| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = write(&tx)?;
            tx.commit()?;
            Ok(done)
        };
        all(&mut self.conn).map_err(sql(&self.path))
    }
}

impl FromSql for OutboxState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        OutboxState::ALL.into_iter().find(|s| s.word() == word).ok_or(FromSqlError::InvalidType)
    }
}

/// A row of [`COLUMNS`].
fn owed(row: &Row<'_>) -> rusqlite::Result<Owed> {
    Ok(Owed {
        seq: row.get(0)?,
        sink: row.get(1)?,
        id: row.get(2)?,
        revision: row.get(3)?,
        kind: row.get(4)?,
        attempts: row.get(5)?,
        last_error: row.get(6)?,
        created_at: row.get(7)?,
        done_at: row.get(8)?,
        body: row.get(9)?,
        note: row.get(10)?,
    })
}

/// What a revision is called on the way out.
fn kind_of(alert: &Alert) -> &'static str {
    match (alert.status, alert.revision) {
        (Status::Ended, _) => "alert.ended",
        (Status::Open, 1) => "alert.opened",
        (Status::Open, _) => "alert.updated",
    }
}

/// Owes a new revision to every sink that wants it.
pub(super) fn owe(tx: &Transaction<'_>, sinks: &[SinkRule], alert: &Alert) -> rusqlite::Result<()> {
    let wants = |sink: &&SinkRule| {
        alert.severity >= sink.severity_min && (sink.historical || !alert.historical)
    };
    for sink in sinks.iter().filter(wants) {
        tx.prepare_cached(
            "INSERT INTO outbox (id, revision, sink, type, severity, confidence, persons) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            alert.id,
            alert.revision,
            sink.name,
            kind_of(alert),
            alert.severity as i64,
            alert.confidence,
            Unsigned(alert.exposure.persons)
        ])?;
    }
    Ok(())
}

/// Owes a note to every sink that takes notes; what is owed already stays.
pub(super) fn owe_note(
    tx: &Transaction<'_>,
    sinks: &[SinkRule],
    note: &Note<'_>,
    now: TimestampMs,
) -> rusqlite::Result<()> {
    for sink in sinks.iter().filter(|sink| sink.notes) {
        put_note(tx, &sink.name, note, now)?;
    }
    Ok(())
}

fn put_note(
    tx: &Transaction<'_>,
    sink: &str,
    note: &Note<'_>,
    now: TimestampMs,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO outbox (id, revision, sink, type, next_at, created_at, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (sink, id, revision) DO NOTHING",
    )?
    .execute(params![note.id, note.revision, sink, note.kind, now, note.body])
    .map(drop)
}

#[cfg(test)]
mod tests;
