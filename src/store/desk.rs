//! What people do, beside the running pipeline: triage, the audit trail, users, sessions, tokens,
//! retention. [`Desk`] is a writing connection of its own; its transactions are short, so that it
//! and the pipeline's [`Store`](super::sqlite::Store) only ever wait a moment for each other.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::sqlite::{Reader, StoreError, Triage, connect_beside, sql};

pub(super) mod activity;
mod audit;
pub mod password;
mod retention;
mod sessions;
mod tokens;
mod triage;
mod users;

pub use activity::{Activity, Deed};
pub use audit::{AuditEntry, ChainCheck};
pub use retention::{Purged, Retention};
pub use sessions::{Session, SessionLimits};
pub use tokens::{NewToken, Scope, Token};
pub use triage::{COMMENT_CHARS_MAX, Change, Verdict};
pub use users::{NewUser, Role, User};

/// Longest name of a user or token, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Why the desk did not do what it was asked; nothing of it is stored then.
#[derive(Debug, Error)]
pub enum DeskError {
    /// Somebody else changed the alert since: look again, then decide.
    #[error("the alert was changed meanwhile: it is at version {}", current.version)]
    Stale {
        /// What people say about it now.
        current: Box<Triage>,
    },
    /// There is no such alert, user or token.
    #[error("there is no such alert, user or token")]
    NotFound,
    /// It makes no sense as asked; the sentence says why and what would.
    #[error("{0}")]
    Invalid(String),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A writing connection for people's deeds, beside the pipeline's. One a thread.
#[derive(Debug)]
pub struct Desk {
    conn: Connection,
    path: PathBuf,
}

impl Desk {
    /// Opens a database that [`Store::open`](super::sqlite::Store::open) has made and brought to
    /// this build's schema.
    ///
    /// # Errors
    /// There is none, another vigie made it, or the disk refuses.
    pub fn open(path: &Path) -> Result<Desk, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Desk { conn: connect_beside(path, flags)?, path: path.into() })
    }

    /// A reading connection to the same database.
    ///
    /// # Errors
    /// As for [`Desk::open`].
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.path)
    }

    /// All of `deed`, or nothing.
    fn write<T>(
        &mut self,
        deed: impl FnOnce(&Transaction<'_>) -> Result<T, Stop>,
    ) -> Result<T, DeskError> {
        let all = |conn: &mut Connection| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = deed(&tx)?;
            tx.commit()?;
            Ok(done)
        };
        all(&mut self.conn).map_err(|stop| match stop {
            Stop::Sql(error) => DeskError::Store(sql(&self.path)(error)),
            Stop::Said(error) => error,
        })
    }

    /// All of `deed`, or nothing; nothing but the disk can refuse it.
    fn store<T>(
        &mut self,
        deed: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let all = |conn: &mut Connection| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = deed(&tx)?;
            tx.commit()?;
            Ok(done)
        };
        all(&mut self.conn).map_err(sql(&self.path))
    }

    fn read<T>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        look(&self.conn).map_err(sql(&self.path))
    }
}

/// What ends a transaction early.
enum Stop {
    Sql(rusqlite::Error),
    Said(DeskError),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Sql(error)
    }
}

fn invalid(why: impl Into<String>) -> Stop {
    Stop::Said(DeskError::Invalid(why.into()))
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is stored of a secret: it is long and random, so that a plain hash tells nothing.
fn secret_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Names are shown, logged and typed: letters, digits and a few signs.
fn check_name(name: &str) -> Result<(), Stop> {
    let fits = |c: char| c.is_alphanumeric() || ".-_@+".contains(c);
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(fits) {
        return Err(invalid(format!(
            "name {name:?}: 1 to {NAME_CHARS_MAX} letters, digits and signs of `.-_@+`"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
