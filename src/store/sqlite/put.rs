//! Writing alerts and account days, within a transaction.

use rusqlite::{Transaction, params};

use super::{AccountDay, Unsigned, campaign, status_word};
use crate::alert::Alert;
use crate::event::Position;

/// Stores a revision; the newest one is what is found and shown. Returns 1 when it was new.
pub(super) fn alert(
    tx: &Transaction<'_>,
    alert: &Alert,
    position: Position,
) -> rusqlite::Result<usize> {
    let body = serde_json::to_string(alert)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let search = format!("{} {}", alert.entity.id, alert.explanation).to_lowercase();
    tx.prepare_cached(
        "INSERT INTO alert (id, revision, status, severity, entity_kind, entity_id, partner, unit, \
         role, opened_at, updated_at, persons, historical, search, campaign) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?1) \
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, status = excluded.status, \
         severity = excluded.severity, entity_kind = excluded.entity_kind, \
         entity_id = excluded.entity_id, partner = excluded.partner, unit = excluded.unit, \
         role = excluded.role, opened_at = excluded.opened_at, updated_at = excluded.updated_at, \
         persons = excluded.persons, historical = excluded.historical, search = excluded.search, \
         stored_at = excluded.stored_at \
         WHERE excluded.revision > alert.revision",
    )?
    .execute(params![
        alert.id,
        alert.revision,
        status_word(alert.status),
        alert.severity as i64,
        alert.entity.kind.word(),
        alert.entity.id,
        alert.partner,
        alert.unit,
        alert.role,
        alert.opened_at,
        alert.updated_at,
        Unsigned(alert.exposure.persons),
        alert.historical,
        search
    ])?;
    tx.prepare_cached("INSERT INTO triage (id) VALUES (?1) ON CONFLICT (id) DO NOTHING")?
        .execute([&alert.id])?;
    let new = tx
        .prepare_cached(
            "INSERT INTO revision VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id, revision) DO NOTHING",
        )?
        .execute(params![alert.id, alert.revision, Unsigned(position), body])?;
    if new == 1 && (campaign::put_places(tx, alert)? || alert.follows.is_some()) {
        campaign::join(tx, alert)?;
    }
    Ok(new)
}

/// Stores what an account read on a day, in place of what was there of it.
pub(super) fn account_day(tx: &Transaction<'_>, day: &AccountDay) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO account_day (account, day, listed, opened, foreign_origins) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (account, day) DO UPDATE SET \
         listed = excluded.listed, opened = excluded.opened, \
         foreign_origins = excluded.foreign_origins",
    )?
    .execute(params![
        day.account,
        day.day,
        Unsigned(day.listed),
        Unsigned(day.opened),
        Unsigned(day.foreign_origins)
    ])
    .map(drop)
}
