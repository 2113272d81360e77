//! The database's schema: how a connection is set up, and how an older database is brought along.

use std::cmp::Ordering;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{BUSY_TIMEOUT, StoreError, sql};

/// The schema's versions, oldest first. Never edit one that was released: add the next.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
    include_str!("../migrations/0006.sql"),
    include_str!("../migrations/0007.sql"),
];

/// `PRAGMA auto_vacuum`: free pages are given back when somebody asks.
const INCREMENTAL: i64 = 2;

/// Settings of the writing connection.
pub(super) fn configure(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let set = || {
        conn.busy_timeout(BUSY_TIMEOUT)?;
        // In a new file this must come before anything that writes to it.
        conn.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
        let mode: String =
            conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        // With NORMAL a power cut takes the last commits, and a snapshot may be ahead of them.
        conn.pragma_update(None, "synchronous", "FULL")?;
        Ok(mode)
    };
    let mode = set().map_err(sql(path))?;
    if mode != "wal" {
        return Err(StoreError::NoWal { path: path.into(), mode });
    }
    Ok(())
}

/// Settings of any other connection, which must find this build's schema.
pub(super) fn configure_beside(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let set = || {
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        schema_version(conn)
    };
    let (found, needed) = (set().map_err(sql(path))?, MIGRATIONS.len());
    match usize::try_from(found).unwrap_or(usize::MAX).cmp(&needed) {
        Ordering::Less => Err(StoreError::Older { path: path.into(), found, needed }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::Newer { path: path.into(), found, supported: needed }),
    }
}

/// Lets a database that was made without it give free pages back, once.
pub(super) fn give_back_pages(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let set = || {
        let mode: i64 = conn.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
        if mode == INCREMENTAL {
            return Ok(());
        }
        conn.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
        conn.execute_batch("VACUUM")
    };
    set().map_err(sql(path))
}

/// Brings the database to the newest schema, one transaction a version; foreign keys are enforced
/// afterwards only, or a migration that rebuilds a table would delete what refers to it.
pub(super) fn migrate(
    conn: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let found = schema_version(conn).map_err(sql(path))?;
    let supported = migrations.len();
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if done > supported {
        return Err(StoreError::Newer { path: path.into(), found, supported });
    }
    conn.pragma_update(None, "foreign_keys", false).map_err(sql(path))?;
    for (version, migration) in migrations.iter().enumerate().skip(done) {
        let step = |conn: &mut Connection| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute_batch(migration)?;
            tx.pragma_update(None, "user_version", (version + 1) as i64)?;
            tx.commit()
        };
        step(conn).map_err(sql(path))?;
    }
    conn.pragma_update(None, "foreign_keys", true).map_err(sql(path))
}

/// How many migrations the database has seen.
pub(super) fn schema_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}
