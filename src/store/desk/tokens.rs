//! Secrets of machines that use the API, and what each may do. A token is shown once, when it is
//! made; here stands its hash.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::json;

use super::audit::append;
use super::users::found;
use super::{Desk, DeskError, check_name, invalid, secret_hash};
use crate::event::TimestampMs;
use crate::store::sqlite::StoreError;

/// How often a token's last use is written down at most.
const USED_EVERY_MS: TimestampMs = 60_000;

const COLUMNS: &str = "name, scopes, created_by, created_at, expires_at, used_at";

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read alerts.
    AlertsRead,
    /// Change what people say about alerts.
    AlertsWrite,
    /// Read metrics.
    MetricsRead,
    /// Read and verify the audit trail.
    AuditRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 4] =
        [Scope::AlertsRead, Scope::AlertsWrite, Scope::MetricsRead, Scope::AuditRead];

    /// The word in the database and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Scope::AlertsRead => "alerts:read",
            Scope::AlertsWrite => "alerts:write",
            Scope::MetricsRead => "metrics:read",
            Scope::AuditRead => "audit:read",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// A machine's token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What activity and audit call its bearer, after `token:`.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Who made it.
    pub created_by: String,
    /// Epoch ms by the wall clock.
    pub created_at: TimestampMs,
    /// Epoch ms; `None`: never.
    pub expires_at: Option<TimestampMs>,
    /// Last use to the minute, epoch ms; `None`: not yet.
    pub used_at: Option<TimestampMs>,
}

/// A token to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// 1 to 64 letters, digits and signs of `.-_@+`.
    pub name: &'a str,
    /// What its bearer sends; not stored.
    pub secret: &'a str,
    /// What it may do; at least one.
    pub scopes: &'a [Scope],
    /// Epoch ms; `None`: never.
    pub expires_at: Option<TimestampMs>,
}

impl Desk {
    /// Makes a token.
    ///
    /// # Errors
    /// There is one of this name, it does not fit, or the disk refuses.
    pub fn create_token(
        &mut self,
        actor: &str,
        token: &NewToken<'_>,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        self.write(|tx| {
            check_name(token.name)?;
            if token.scopes.is_empty() {
                return Err(invalid(format!(
                    "a token needs a scope: {}",
                    words(&Scope::ALL, ", ")
                )));
            }
            if token.expires_at.is_some_and(|at| at <= now) {
                return Err(invalid("the token would have expired already: choose a later time"));
            }
            let scopes = words(token.scopes, " ");
            let hash = secret_hash(token.secret);
            let made = tx.execute(
                "INSERT INTO token (name, hash, scopes, created_by, created_at, expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                params![token.name, hash, scopes, actor, now, token.expires_at],
            )?;
            if made == 0 {
                let problem = format!("there is a token `{}` already: revoke it first", token.name);
                return Err(invalid(problem));
            }
            let detail = json!({ "scopes": scopes, "expires_at": token.expires_at });
            Ok(append(tx, actor, "token.create", token.name, &detail, now)?)
        })
    }

    /// Every token, expired ones too, by name.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(&format!("SELECT {COLUMNS} FROM token ORDER BY name"))?
                .query_map([], token)?
                .collect()
        })
    }

    /// The token with this secret, unless it has expired; it counts as used.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn token(&mut self, secret: &str, now: TimestampMs) -> Result<Option<Token>, StoreError> {
        let hash = secret_hash(secret);
        let which = format!(
            "SELECT {COLUMNS} FROM token WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > ?2)"
        );
        let found = self.read(|conn| {
            conn.prepare_cached(&which)?.query_row(params![hash, now], token).optional()
        })?;
        let Some(found) = found else { return Ok(None) };
        if found.used_at.is_none_or(|used| now - used >= USED_EVERY_MS) {
            let used = "UPDATE token SET used_at = ?2 WHERE hash = ?1";
            self.store(|tx| tx.execute(used, params![hash, now]))?;
        }
        Ok(Some(found))
    }

    /// Revokes a token at once.
    ///
    /// # Errors
    /// There is no such token, or the disk refuses.
    pub fn revoke_token(
        &mut self,
        actor: &str,
        name: &str,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        self.write(|tx| {
            found(tx.execute("DELETE FROM token WHERE name = ?1", [name])?)?;
            Ok(append(tx, actor, "token.revoke", name, &json!({}), now)?)
        })
    }
}

fn words(scopes: &[Scope], between: &str) -> String {
    scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(between)
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let scopes: String = row.get(1)?;
    Ok(Token {
        name: row.get(0)?,
        scopes: scopes.split(' ').filter_map(Scope::parse).collect(),
        created_by: row.get(2)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        used_at: row.get(5)?,
    })
}
