//! Blind alerts: what vigie could not see, from when until when. Written by the watcher through a
//! connection of its own, read by console and API.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::{BUSY_TIMEOUT, Reader, StoreError, sql};
use crate::alert::Severity;
use crate::event::TimestampMs;

const COLUMNS: &str = "seq, kind, subject, severity, since, until, cause";

/// Most rows that one reading returns.
pub const BLIND_ROWS_MAX: u32 = 500;

/// One blind alert as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlindRow {
    /// Its number; `blind-<seq>` is its id outside.
    pub seq: i64,
    /// What cannot be seen: `source-silent`, `lag` …
    pub kind: String,
    /// The source, sink or folder; empty where there is only one.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// When it began, epoch ms by the wall clock.
    pub since: TimestampMs,
    /// When it was over; `None`: it goes on.
    pub until: Option<TimestampMs>,
    /// Its numbers as JSON; `watch::blind::Cause` makes sentences of them.
    pub cause: String,
}

/// A blind alert to be opened.
#[derive(Clone, Copy, Debug)]
pub struct NewBlind<'a> {
    /// What cannot be seen.
    pub kind: &'a str,
    /// The source, sink or folder; empty where there is only one.
    pub subject: &'a str,
    /// How bad it is.
    pub severity: Severity,
    /// When it began, epoch ms by the wall clock.
    pub since: TimestampMs,
    /// Its numbers as JSON.
    pub cause: &'a str,
}

/// The watcher's writing connection. Its transactions are one short statement each.
#[derive(Debug)]
pub struct BlindBook {
    conn: Connection,
    path: PathBuf,
}

impl BlindBook {
    /// Opens a database that [`super::Store`] has brought to its schema.
    ///
    /// # Errors
    /// There is no database, or the disk refuses.
    pub fn open(path: &Path) -> Result<BlindBook, StoreError> {
        let open = || {
            let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE
                | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let conn = Connection::open_with_flags(path, flags)?;
            conn.busy_timeout(BUSY_TIMEOUT)?;
            Ok(conn)
        };
        Ok(BlindBook { conn: open().map_err(sql(path))?, path: path.into() })
    }

    /// Opens a blind alert and returns its number; one that is open already keeps its number and
    /// takes the new numbers.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn begin(&mut self, new: &NewBlind<'_>) -> Result<i64, StoreError> {
        let write = || {
            self.conn
                .prepare_cached(
                    "INSERT INTO blind (kind, subject, severity, since, cause) \
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (kind, subject) WHERE until IS NULL \
                     DO UPDATE SET severity = excluded.severity, cause = excluded.cause \
                     RETURNING seq",
                )?
                .query_row(
                    params![new.kind, new.subject, new.severity as i64, new.since, new.cause],
                    |row| row.get(0),
                )
        };
        write().map_err(sql(&self.path))
    }

    /// Closes an open one; nothing happens when there is none.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn end(&mut self, kind: &str, subject: &str, at: TimestampMs) -> Result<(), StoreError> {
        let write = || {
            self.conn
                .prepare_cached(
                    "UPDATE blind SET until = max(?3, since) \
                     WHERE kind = ?1 AND subject = ?2 AND until IS NULL",
                )?
                .execute(params![kind, subject, at])
        };
        write().map(drop).map_err(sql(&self.path))
    }

    /// Those that are open, oldest first.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open_ones(&self) -> Result<Vec<BlindRow>, StoreError> {
        rows(&self.conn, true).map_err(sql(&self.path))
    }
}

impl Reader {
    /// Blind alerts, newest first, [`BLIND_ROWS_MAX`] at most; `open_only` leaves past ones out.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn blind(&self, open_only: bool) -> Result<Vec<BlindRow>, StoreError> {
        let mut found = rows(&self.conn, open_only).map_err(sql(&self.path))?;
        found.reverse();
        Ok(found)
    }
}

/// The newest rows, oldest of them first.
fn rows(conn: &Connection, open_only: bool) -> rusqlite::Result<Vec<BlindRow>> {
    let text = format!(
        "SELECT * FROM (SELECT {COLUMNS} FROM blind WHERE ?1 = 0 OR until IS NULL \
         ORDER BY seq DESC LIMIT {BLIND_ROWS_MAX}) ORDER BY seq"
    );
    conn.prepare_cached(&text)?.query_map([open_only], blind_row)?.collect()
}

fn blind_row(row: &Row<'_>) -> rusqlite::Result<BlindRow> {
    let rank: usize = row.get::<_, u8>(3)?.into();
    let severity = super::SEVERITIES.get(rank).copied().unwrap_or(Severity::Critical);
    Ok(BlindRow {
        seq: row.get(0)?,
        kind: row.get(1)?,
        subject: row.get(2)?,
        severity,
        since: row.get(4)?,
        until: row.get(5)?,
        cause: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::datadir::{DataDir, Purpose};
    use crate::store::sqlite::Store;

    #[test]
    fn one_is_open_a_kind_and_subject_until_it_ends() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
        let store = Store::open(&dir).unwrap();
        let mut book = BlindBook::open(&dir.file("vigie.db")).unwrap();
        let lag = |subject, since, cause| NewBlind {
            kind: "lag",
            subject,
            severity: Severity::High,
            since,
            cause,
        };
        let first = book.begin(&lag("topic", 10, "1")).unwrap();
        assert_eq!(book.begin(&lag("topic", 20, "2")).unwrap(), first, "told again");
        let other = book.begin(&lag("file", 30, "3")).unwrap();
        assert_ne!(other, first);
        book.end("lag", "topic", 40).unwrap();
        book.end("lag", "topic", 50).unwrap();
        let again = book.begin(&lag("topic", 60, "4")).unwrap();
        let rows = store.reader().unwrap().blind(false).unwrap();
        let seen: Vec<_> =
            rows.iter().map(|r| (r.seq, r.since, r.until, r.cause.as_str())).collect();
        assert_eq!(
            seen,
            [(again, 60, None, "4"), (other, 30, None, "3"), (first, 10, Some(40), "2")]
        );
        let open = book.open_ones().unwrap();
        assert_eq!(open.iter().map(|r| r.seq).collect::<Vec<_>>(), [other, again]);
        assert_eq!(store.reader().unwrap().blind(true).unwrap().len(), 2);
        assert_eq!(open[0].severity, Severity::High);
    }
}
