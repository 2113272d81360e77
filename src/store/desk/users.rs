//! Named people who may sign in, and what they may do.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::json;

use super::audit::append;
use super::{Desk, DeskError, Stop, check_name, invalid};
use crate::event::TimestampMs;
use crate::store::sqlite::StoreError;

const COLUMNS: &str = "name, role, language, disabled, created_at";

/// What somebody may do; one role a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// See alerts, charts, pseudonyms.
    Viewer,
    /// And change alerts.
    Analyst,
    /// And decide on actions.
    Responder,
    /// Data protection officer: see; exact lists of persons.
    Dpo,
    /// See; settings, users, tokens.
    Admin,
    /// See; the audit trail.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 6] =
        [Role::Viewer, Role::Analyst, Role::Responder, Role::Dpo, Role::Admin, Role::Auditor];

    /// The word in the database and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::Responder => "responder",
            Role::Dpo => "dpo",
            Role::Admin => "admin",
            Role::Auditor => "auditor",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Role::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What they sign in with, and what activity and audit call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// `en` or `fr`; `None`: as their browser says.
    pub language: Option<String>,
    /// May not sign in for now.
    pub disabled: bool,
    /// Epoch ms by the wall clock.
    pub created_at: TimestampMs,
}

/// Somebody to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// 1 to 64 letters, digits and signs of `.-_@+`.
    pub name: &'a str,
    /// What they may do.
    pub role: Role,
    /// Made by [`password::hash`](super::password::hash).
    pub hash: &'a str,
    /// `en` or `fr`; `None`: as their browser says.
    pub language: Option<&'a str>,
}

impl Desk {
    /// Adds a user.
    ///
    /// # Errors
    /// There is one of this name, the name does not fit, or the disk refuses.
    pub fn add_user(
        &mut self,
        actor: &str,
        user: &NewUser<'_>,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        self.write(|tx| {
            check_name(user.name)?;
            let added = tx.execute(
                "INSERT INTO user (name, role, hash, language, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                params![user.name, user.role.word(), user.hash, user.language, now],
            )?;
            if added == 0 {
                return Err(invalid(format!("there is a user `{}` already", user.name)));
            }
            let detail = json!({ "role": user.role.word() });
            Ok(append(tx, actor, "user.add", user.name, &detail, now)?)
        })
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(&format!("SELECT {COLUMNS} FROM user ORDER BY name"))?
                .query_map([], user)?
                .collect()
        })
    }

    /// One user with the hash of their password; `None` when there is none of this name.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn user(&self, name: &str) -> Result<Option<(User, String)>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(&format!("SELECT {COLUMNS}, hash FROM user WHERE name = ?1"))?
                .query_row([name], |row| Ok((user(row)?, row.get(5)?)))
                .optional()
        })
    }

    /// Gives a user another password and ends their sessions.
    ///
    /// # Errors
    /// There is no such user, or the disk refuses.
    pub fn set_password(
        &mut self,
        actor: &str,
        name: &str,
        hash: &str,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        self.write(|tx| {
            found(tx.execute("UPDATE user SET hash = ?2 WHERE name = ?1", [name, hash])?)?;
            end_sessions(tx, name)?;
            Ok(append(tx, actor, "user.password", name, &json!({}), now)?)
        })
    }

    /// Lets a user sign in or not; not ends their sessions.
    ///
    /// # Errors
    /// There is no such user, or the disk refuses.
    pub fn set_disabled(
        &mut self,
        actor: &str,
        name: &str,
        disabled: bool,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        self.write(|tx| {
            let set = "UPDATE user SET disabled = ?2 WHERE name = ?1";
            found(tx.execute(set, params![name, disabled])?)?;
            if disabled {
                end_sessions(tx, name)?;
            }
            let what = if disabled { "user.disable" } else { "user.enable" };
            Ok(append(tx, actor, what, name, &json!({}), now)?)
        })
    }

    /// The language a user chose; `None`: as their browser says.
    ///
    /// # Errors
    /// There is no such user, or the disk refuses.
    pub fn set_language(&mut self, name: &str, language: Option<&str>) -> Result<(), DeskError> {
        self.write(|tx| {
            let set = "UPDATE user SET language = ?2 WHERE name = ?1";
            found(tx.execute(set, params![name, language])?)
        })
    }

    /// Removes a user and ends their sessions; what they did stays on record.
    ///
    /// # Errors
    /// There is no such user, or the disk refuses.
    pub fn remove_user(
        &mut self,
        actor: &str,
        name: &str,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        self.write(|tx| {
            found(tx.execute("DELETE FROM user WHERE name = ?1", [name])?)?;
            Ok(append(tx, actor, "user.remove", name, &json!({}), now)?)
        })
    }
}

fn end_sessions(tx: &Transaction<'_>, name: &str) -> rusqlite::Result<usize> {
    tx.execute("DELETE FROM session WHERE user = ?1", [name])
}

/// An update or delete that met nothing.
pub(super) fn found(rows: usize) -> Result<(), Stop> {
    if rows == 0 { Err(Stop::Said(DeskError::NotFound)) } else { Ok(()) }
}

/// The first five columns of a row.
pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        name: row.get(0)?,
        role: row.get(1)?,
        language: row.get(2)?,
        disabled: row.get(3)?,
        created_at: row.get(4)?,
    })
}
