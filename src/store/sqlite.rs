//! `<data>/vigie.db`: alerts, what people say about them, marks and control records. One writer,
//! [`Store`]; any number of [`Reader`]s beside it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{
    CachedStatement, Connection, OpenFlags, OptionalExtension, Row, Transaction,
    TransactionBehavior, params,
};
use thiserror::Error;

use crate::alert::{Alert, Severity, Status};
use crate::event::{Position, TimestampMs};
use crate::store::datadir::{DATABASE, DataDir};
use crate::store::disk::{Disk, RealDisk};

mod blind;
mod campaign;
mod figures;
mod outbox;
mod promise;
mod put;
mod queue;
mod read;
mod related;
mod schema;
mod verdict;
pub use blind::{BLIND_ROWS_MAX, BlindBook, BlindRow, NewBlind};
pub use campaign::{CAMPAIGN_COUNT_MAX, Campaign, Link, LinkReason, Membership};
pub use figures::{Cursor, NewRevision, NewTaken, NewVerdict, News, OpenFigure};
pub use outbox::{
    ATTEMPTS_BEFORE_GIVING_WAY, Claim, DailyCaps, Note, Outbox, OutboxCount, OutboxState, Owed,
    SinkHealth, SinkRule,
};
pub use promise::{PROMISE_DAYS, Promise, PromiseKept, RAISED_MAX, Raised, Share, ShareOf};
pub use queue::{
    AlertFilter, Assignee, COUNT_MAX, Count, Counts, PAGE_ROWS_MAX, Page, PageKey, Sort,
};
pub use read::{Reader, StoredAlert, Triage, TriageState};
pub(super) use read::{TRIAGE_COLUMNS, triage};
pub use related::{AccountDay, OpenCount, Place, Similar, StoredRevision};
pub use verdict::VerdictDue;

/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// By rank, as the database has them.
pub(super) const SEVERITIES: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// Why the database did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite, or the disk below it, refused. Nothing of the call is stored.
    #[error("{}: {source}", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// Its reason.
        source: rusqlite::Error,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The database.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// A newer vigie has brought the database to its schema.
    #[error(
        "{}: schema version {found}, this vigie knows up to {supported}: use the newer vigie, or \
         start an empty folder with --data", path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// In the file.
        found: i64,
        /// The newest this build knows.
        supported: usize,
    },
    /// There is no database yet.
    #[error("{}: there is no database here yet; `vigie run` makes it", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// An older vigie has made the database, and may still be running.
    #[error(
        "{}: schema version {found}, this vigie needs {needed}: stop the older vigie and start \
         this one with `vigie run`", path.display()
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// In the file.
        found: i64,
        /// What this build needs.
        needed: usize,
    },
    /// SQLite keeps no write-ahead log here.
    #[error(
        "{}: no write-ahead log on this file system (journal mode `{mode}`); put the data folder \
         on a local disk", path.display()
    )]
    NoWal {
        /// The database.
        path: PathBuf,
        /// The mode SQLite fell back to.
        mode: String,
    },
    /// Two different control bodies came with the same digest.
    #[error("control digest `{digest}` already names other bytes: a digest is the body's hash")]
    Digest {
        /// As given.
        digest: String,
    },
}

/// What one shard has done since its last commit; stored as a whole or not at all.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// Shard of the source.
    pub shard: u32,
    /// Alert revisions, each with the position of the record that caused it.
    pub alerts: &'a [(Alert, Position)],
    /// Alerts of every record below are among these or stored already.
    pub mark: Position,
    /// Model epoch of the shard.
    pub epoch: u32,
}

/// How far a shard's alerts are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Alerts of every record below are stored.
    pub position: Position,
    /// Model epoch at the time.
    pub epoch: u32,
}

/// Any input besides events that can change an alert, before it is applied.
#[derive(Clone, Copy, Debug)]
pub struct Control<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// Shard that applies it.
    pub shard: u32,
    /// It is applied before the record at this position.
    pub position: Position,
    /// `accounts`, `verdict`, `rules` …
    pub kind: &'a str,
    /// Hash of the body; equal bodies are stored once.
    pub digest: &'a str,
    /// What is applied, in the caller's encoding.
    pub body: &'a [u8],
}

/// A control record read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlRow {
    /// Order of recording, and of application within a shard.
    pub seq: i64,
    /// Name of the source.
    pub source: String,
    /// Shard that applies it.
    pub shard: u32,
    /// It is applied before the record at this position.
    pub position: Position,
    /// `accounts`, `verdict`, `rules` …
    pub kind: String,
    /// Hash of the body.
    pub digest: String,
    /// What is applied.
    pub body: Vec<u8>,
    /// When it was recorded, by the wall clock.
    pub at: TimestampMs,
}

/// The writing connection. One per data folder, on the writer thread.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    path: PathBuf,
    sinks: Vec<SinkRule>,
}

impl Store {
    /// Opens the database, creating it (mode 0600) and bringing it to the newest schema.
    ///
    /// # Errors
    /// A newer vigie made it, it is not a database, or the disk refuses.
    pub fn open(dir: &DataDir) -> Result<Store, StoreError> {
        let path = dir.file(DATABASE);
        create(dir, &path).map_err(|source| StoreError::Io { path: path.clone(), source })?;
        let mut conn = Connection::open(&path).map_err(sql(&path))?;
        schema::configure(&conn, &path)?;
        schema::migrate(&mut conn, &path, schema::MIGRATIONS)?;
        schema::give_back_pages(&conn, &path)?;
        Ok(Store { conn, path, sinks: Vec::new() })
    }

    /// A reading connection; open as many as there are threads that read.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.path)
    }

    /// From now on new revisions are owed to these sinks; none before the first call.
    pub fn set_sinks(&mut self, sinks: Vec<SinkRule>) {
        self.sinks = sinks;
    }

    /// Owes a note to every sink that takes notes, durable on return; the same (id, revision) again
    /// changes nothing. `now` is the wall clock.
    pub fn enqueue_note(&mut self, note: &Note<'_>, now: TimestampMs) -> Result<(), StoreError> {
        let mut write = || {
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            outbox::owe_note(&tx, &self.sinks, note, now)?;
            tx.commit()
        };
        write().map_err(sql(&self.path))
    }

    /// Stores alert revisions and the shard's mark in one transaction, durable on return, and
    /// owes each new revision to the sinks that want it in the same transaction. Only
    /// what is greater replaces: the same commit again changes nothing. Returns how many
    /// revisions were new.
    ///
    /// # Errors
    /// The disk refuses; then nothing of the commit is stored.
    pub fn commit(&mut self, commit: &Commit<'_>) -> Result<usize, StoreError> {
        let sinks = &self.sinks;
        let commit_all = |conn: &mut Connection| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut new = 0;
            for (alert, position) in commit.alerts {
                if put::alert(&tx, alert, *position)? == 1 {
                    new += 1;
                    outbox::owe(&tx, sinks, alert)?;
                }
            }
            put_mark(&tx, commit)?;
            tx.commit()?;
            Ok(new)
        };
        commit_all(&mut self.conn).map_err(sql(&self.path))
    }

    /// Stores what accounts read on days they closed; the same day again replaces it.
    ///
    /// # Errors
    /// The disk refuses; then none of them is stored.
    pub fn put_account_days(&mut self, days: &[AccountDay]) -> Result<(), StoreError> {
        let put_all = |conn: &mut Connection| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for day in days {
                put::account_day(&tx, day)?;
            }
            tx.commit()
        };
        put_all(&mut self.conn).map_err(sql(&self.path))
    }

    /// Stores a control record, durable on return; apply it after that. `at` is the wall clock.
    /// Returns its number.
    ///
    /// # Errors
    /// The digest names other bytes already, or the disk refuses.
    pub fn record_control(
        &mut self,
        control: &Control<'_>,
        at: TimestampMs,
    ) -> Result<i64, StoreError> {
        let record = |conn: &mut Connection| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if !put_control_body(&tx, control)? {
                return Ok(None);
            }
            tx.prepare_cached(
                "INSERT INTO control (source, shard, position, kind, digest, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                control.source,
                control.shard,
                Unsigned(control.position),
                control.kind,
                control.digest,
                at
            ])?;
            let seq = tx.last_insert_rowid();
            tx.commit()?;
            Ok(Some(seq))
        };
        record(&mut self.conn)
            .map_err(sql(&self.path))?
            .ok_or_else(|| StoreError::Digest { digest: control.digest.into() })
    }

    /// Control records of a shard applied at or after a position, in order. A snapshot taken at
    /// that very position may hold some already: keep the last `seq` in its payload, skip to it.
    pub fn controls_since(
        &self,
        source: &str,
        shard: u32,
        position: Position,
    ) -> Result<Vec<ControlRow>, StoreError> {
        let read = || {
            let mut statement = control_rows(
                &self.conn,
                "WHERE source = ?1 AND shard = ?2 AND position >= ?3 ORDER BY seq",
            )?;
            let rows =
                statement.query_map(params![source, shard, Unsigned(position)], control_row)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(sql(&self.path))
    }

    /// The last control record of a kind, on any shard.
    pub fn latest_control(&self, kind: &str) -> Result<Option<ControlRow>, StoreError> {
        let read = || {
            control_rows(&self.conn, "WHERE kind = ?1 ORDER BY seq DESC LIMIT 1")?
                .query_row([kind], control_row)
                .optional()
        };
        read().map_err(sql(&self.path))
    }

    /// Digest of the last control record of a kind on one shard.
    pub fn last_digest(
        &self,
        source: &str,
        shard: u32,
        kind: &str,
    ) -> Result<Option<String>, StoreError> {
        let read = || {
            self.conn
                .prepare_cached(
                    "SELECT digest FROM control WHERE source = ?1 AND shard = ?2 AND kind = ?3 \
                     ORDER BY seq DESC LIMIT 1",
                )?
                .query_row(params![source, shard, kind], |row| row.get(0))
                .optional()
        };
        read().map_err(sql(&self.path))
    }

    /// How far the shard's alerts are durable; `None` before its first commit.
    pub fn mark(&self, source: &str, shard: u32) -> Result<Option<Mark>, StoreError> {
        let read = || {
            self.conn
                .prepare_cached(
                    "SELECT position, epoch FROM mark WHERE source = ?1 AND shard = ?2",
                )?
                .query_row(params![source, shard], |row| {
                    let Unsigned(position) = row.get(0)?;
                    Ok(Mark { position, epoch: row.get(1)? })
                })
                .optional()
        };
        read().map_err(sql(&self.path))
    }

    /// A fact about the data itself.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.conn
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(sql(&self.path))
    }

    /// Stores a fact about the data itself, replacing an earlier one.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let write = "INSERT INTO meta VALUES (?1, ?2) \
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.conn.execute(write, [key, value]).map(drop).map_err(sql(&self.path))
    }
}

/// Makes the empty file, because SQLite would let everybody read it; its WAL takes the same mode.
/// An existing one is not even opened: closing it would drop the locks of every connection this
/// process has to it.
fn create(dir: &DataDir, path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.and_then(|_| RealDisk.sync_dir(dir.path())),
    }
}

fn put_mark(tx: &Transaction<'_>, commit: &Commit<'_>) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO mark VALUES (?1, ?2, ?3, ?4) ON CONFLICT (source, shard) DO UPDATE SET \
         position = max(position, excluded.position), epoch = max(epoch, excluded.epoch)",
    )?
    .execute(params![commit.source, commit.shard, Unsigned(commit.mark), commit.epoch])
    .map(drop)
}

/// False when the digest names other bytes.
fn put_control_body(tx: &Transaction<'_>, control: &Control<'_>) -> rusqlite::Result<bool> {
    let new = tx
        .prepare_cached("INSERT INTO control_body VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![control.digest, control.body])?;
    if new == 1 {
        return Ok(true);
    }
    tx.prepare_cached("SELECT body = ?2 FROM control_body WHERE digest = ?1")?
        .query_row(params![control.digest, control.body], |row| row.get(0))
}

fn control_rows<'a>(conn: &'a Connection, which: &str) -> rusqlite::Result<CachedStatement<'a>> {
    conn.prepare_cached(&format!(
        "SELECT seq, source, shard, position, kind, digest, body, at \
         FROM control JOIN control_body USING (digest) {which}"
    ))
}

fn control_row(row: &Row<'_>) -> rusqlite::Result<ControlRow> {
    let Unsigned(position) = row.get(3)?;
    Ok(ControlRow {
        seq: row.get(0)?,
        source: row.get(1)?,
        shard: row.get(2)?,
        position,
        kind: row.get(4)?,
        digest: row.get(5)?,
        body: row.get(6)?,
        at: row.get(7)?,
    })
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Ended => "ended",
    }
}

/// A connection to a database that [`Store::open`] has made and brought to this build's schema.
pub(super) fn connect_beside(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.into() });
    }
    let conn = Connection::open_with_flags(path, flags).map_err(sql(path))?;
    schema::configure_beside(&conn, path)?;
    Ok(conn)
}

pub(super) fn sql(path: &Path) -> impl FnOnce(rusqlite::Error) -> StoreError {
    let path = path.to_path_buf();
    move |source| StoreError::Sql { path, source }
}

/// SQLite's integers are signed: what does not fit is an error, never another number.
pub(super) struct Unsigned(pub(super) u64);

impl ToSql for Unsigned {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

impl FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let signed = value.as_i64()?;
        u64::try_from(signed).map(Unsigned).map_err(|_| FromSqlError::OutOfRange(signed))
    }
}

/// Somebody takes every new alert; returns how many.
#[cfg(test)]
pub(crate) fn take_all_for_test(path: &Path, at: TimestampMs) -> usize {
    let conn = Connection::open(path).unwrap();
    let text = "UPDATE triage SET state = 'in_progress', version = version + 1, updated_at = ?1 \
                WHERE state = 'new'";
    conn.execute(text, [at]).unwrap()
}

#[cfg(test)]
mod tests;
