//! Who is signed in. The cookie holds a secret; here stands its hash.

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::audit::append;
use super::users::user;
use super::{Desk, DeskError, Stop, User, secret_hash};
use crate::event::TimestampMs;
use crate::store::sqlite::StoreError;

/// How often a session's last use is written down at most.
const SEEN_EVERY_MS: TimestampMs = 30_000;

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// From signing in, ms.
    pub absolute_ms: i64,
    /// Without a request, ms.
    pub idle_ms: i64,
}

impl Default for SessionLimits {
    /// 8 hours in all, 15 minutes without a request.
    fn default() -> SessionLimits {
        SessionLimits { absolute_ms: 8 * 3_600_000, idle_ms: 15 * 60_000 }
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: User,
    /// What their forms must send back.
    pub csrf: String,
    /// When they signed in, epoch ms.
    pub created_at: TimestampMs,
}

impl Desk {
    /// Signs a user in: `secret` goes into the cookie and is not stored, `csrf` into forms.
    ///
    /// # Errors
    /// There is no such user, they are disabled, or the disk refuses.
    pub fn open_session(
        &mut self,
        name: &str,
        secret: &str,
        csrf: &str,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        self.write(|tx| {
            let opened = tx.execute(
                "INSERT INTO session SELECT ?2, name, ?3, ?4, ?4 FROM user \
                 WHERE name = ?1 AND NOT disabled",
                params![name, secret_hash(secret), csrf, now],
            )?;
            if opened == 0 {
                return Err(Stop::Said(DeskError::NotFound));
            }
            Ok(append(tx, name, "session.open", name, &json!({}), now)?)
        })
    }

    /// Who is signed in with this secret; `None`: nobody, or not any more. It counts as a request.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn session(
        &mut self,
        secret: &str,
        limits: SessionLimits,
        now: TimestampMs,
    ) -> Result<Option<Session>, StoreError> {
        let hash = secret_hash(secret);
        let found = self.read(|conn| {
            conn.prepare_cached(
                "SELECT name, role, language, disabled, user.created_at, csrf, \
                 session.created_at, seen_at FROM session JOIN user ON user.name = session.user \
                 WHERE session.hash = ?1",
            )?
            .query_row([&hash], |row| {
                let (csrf, created_at) = (row.get(5)?, row.get(6)?);
                let seen_at: TimestampMs = row.get(7)?;
                Ok((Session { user: user(row)?, csrf, created_at }, seen_at))
            })
            .optional()
        })?;
        let Some((session, seen_at)) = found else { return Ok(None) };
        let over = now - session.created_at >= limits.absolute_ms
            || now - seen_at >= limits.idle_ms
            || session.user.disabled;
        if over {
            self.store(|tx| tx.execute("DELETE FROM session WHERE hash = ?1", [&hash]))?;
            return Ok(None);
        }
        if now - seen_at >= SEEN_EVERY_MS {
            let seen = "UPDATE session SET seen_at = ?2 WHERE hash = ?1";
            self.store(|tx| tx.execute(seen, params![hash, now]))?;
        }
        Ok(Some(session))
    }

    /// The same without counting as a request: an open page that only listens keeps nobody signed in.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn peek(
        &self,
        secret: &str,
        limits: SessionLimits,
        now: TimestampMs,
    ) -> Result<Option<Session>, StoreError> {
        let found = self.read(|conn| {
            conn.prepare_cached(
                "SELECT name, role, language, disabled, user.created_at, csrf, \
                 session.created_at FROM session JOIN user ON user.name = session.user \
                 WHERE session.hash = ?1 AND NOT disabled AND session.created_at > ?2 \
                 AND seen_at > ?3",
            )?
            .query_row(
                params![secret_hash(secret), now - limits.absolute_ms, now - limits.idle_ms],
                |row| Ok(Session { user: user(row)?, csrf: row.get(5)?, created_at: row.get(6)? }),
            )
            .optional()
        })?;
        Ok(found)
    }

    /// Signs out whoever is signed in with this secret.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn close_session(&mut self, secret: &str, now: TimestampMs) -> Result<(), StoreError> {
        self.store(|tx| {
            let end = "DELETE FROM session WHERE hash = ?1 RETURNING user";
            let hash = secret_hash(secret);
            let user: Option<String> = tx.query_row(end, [hash], |row| row.get(0)).optional()?;
            match user {
                Some(user) => append(tx, &user, "session.close", &user, &json!({}), now),
                None => Ok(()),
            }
        })
    }
}
