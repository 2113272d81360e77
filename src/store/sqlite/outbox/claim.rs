//! What is due, and what became of an attempt.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Transaction, params};

use super::caps::{DailyCaps, Due, Weight, admit, heaviest_first};
use super::{COLUMNS, FROM, Outbox, Owed, owed};
use crate::event::TimestampMs;
use crate::store::sqlite::{StoreError, Unsigned};

/// Attempts after which an alert's revision gives way to a newer one. The first two come within
/// seconds; then waiting in line would cost minutes, and the newer says all that the older says.
pub const ATTEMPTS_BEFORE_GIVING_WAY: u32 = 2;

/// Rows looked at to find those that may go.
const LOOKED_AT: u32 = 500;

/// What a sink may be sent now.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The sink.
    pub sink: &'a str,
    /// Ids on their way already: nothing of them goes.
    pub busy: &'a [String],
    /// Most messages of a UTC day; further ones are held back for a summary. `None`: no cap, and
    /// `alert.opened` is always revision 1.
    pub per_day: Option<DailyCaps>,
    /// At most this many.
    pub rows: usize,
}

impl Outbox {
    /// Introduces a sink. Another fingerprint than last time switches it on again.
    pub fn introduce(&mut self, sink: &str, fingerprint: &str) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO sink (name, fingerprint) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE \
                 SET fingerprint = excluded.fingerprint, disabled_at = NULL \
                 WHERE fingerprint <> excluded.fingerprint",
                [sink, fingerprint],
            )
            .map(drop)
        })
    }

    /// What may be sent now, oldest first, though of new alerts the heaviest: of each alert at most one revision, and none of a sink
    /// that is off. Revisions of an alert go in order, with one exception: one that has failed
    /// [`ATTEMPTS_BEFORE_GIVING_WAY`] times gives way to a newer one. Rows beyond the daily cap
    /// become summarised here.
    pub fn claim(&mut self, claim: &Claim<'_>, now: TimestampMs) -> Result<Vec<Owed>, StoreError> {
        let anything: bool = self.read(|conn| {
            let text = "SELECT EXISTS (SELECT 1 FROM outbox WHERE sink = ?1 \
                        AND state = 'pending' AND next_at <= ?2)";
            conn.prepare_cached(text)?.query_row(params![claim.sink, now], |row| row.get(0))
        })?;
        if !anything || claim.rows == 0 {
            return Ok(Vec::new());
        }
        self.write(|tx| claim_in(tx, claim, now))
    }

    /// Everything owed to a sink, oldest first, whatever was tried: for a sink on this machine.
    pub fn owed_to(&self, sink: &str, rows: u32) -> Result<Vec<Owed>, StoreError> {
        self.read(|conn| {
            let text = format!(
                "SELECT {COLUMNS} {FROM} WHERE sink = ?1 AND state = 'pending' \
                 ORDER BY next_at, seq LIMIT ?2"
            );
            let mut statement = conn.prepare_cached(&text)?;
            statement.query_map(params![sink, rows], owed)?.collect()
        })
    }

    /// The other side has taken these.
    pub fn delivered(
        &mut self,
        sink: &str,
        seqs: &[i64],
        now: TimestampMs,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            for seq in seqs {
                finish(tx, *seq, "delivered", None, now)?;
            }
            tx.prepare_cached("UPDATE sink SET last_ok_at = ?2 WHERE name = ?1")?
                .execute(params![sink, now])
                .map(drop)
        })
    }

    /// An attempt failed; it is due again at `next_at`, or given up when there is none.
    pub fn failed(
        &mut self,
        row: &Owed,
        error: &str,
        next_at: Option<TimestampMs>,
        now: TimestampMs,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, last_error = ?2, \
                 next_at = coalesce(?3, next_at) WHERE seq = ?1",
            )?
            .execute(params![row.seq, error, next_at])?;
            if next_at.is_none() {
                finish(tx, row.seq, "dead", Some(error), now)?;
            }
            note_error(tx, &row.sink, error, now)
        })
    }

    /// The sink as a whole failed; nothing is counted against what is owed to it.
    pub fn sink_failed(
        &mut self,
        sink: &str,
        error: &str,
        now: TimestampMs,
    ) -> Result<(), StoreError> {
        self.write(|tx| note_error(tx, sink, error, now))
    }

    /// The sink said that it is gone for good: off until its configuration changes or something
    /// is replayed. What is owed stays owed.
    pub fn disable(&mut self, row: &Owed, error: &str, now: TimestampMs) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                "UPDATE outbox SET attempts = attempts + 1, last_error = ?2 WHERE seq = ?1",
                params![row.seq, error],
            )?;
            tx.execute("UPDATE sink SET disabled_at = ?2 WHERE name = ?1", params![row.sink, now])?;
            note_error(tx, &row.sink, error, now)
        })
    }
}

fn note_error(
    tx: &Transaction<'_>,
    sink: &str,
    error: &str,
    now: TimestampMs,
) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE sink SET last_error_at = ?2, last_error = ?3 WHERE name = ?1")?
        .execute(params![sink, now, error])
        .map(drop)
}

/// Ends a row; whoever waited behind it is due now.
fn finish(
    tx: &Transaction<'_>,
    seq: i64,
    state: &str,
    error: Option<&str>,
    now: TimestampMs,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE outbox SET state = ?2, done_at = ?3, last_error = coalesce(?4, last_error) \
         WHERE seq = ?1 AND state = 'pending'",
    )?
    .execute(params![seq, state, now, error])?;
    tx.prepare_cached(
        "UPDATE outbox SET next_at = ?2 WHERE state = 'pending' AND next_at > ?2 \
         AND attempts = 0 AND (sink, id) = (SELECT sink, id FROM outbox WHERE seq = ?1)",
    )?
    .execute(params![seq, now])
    .map(drop)
}

fn claim_in(
    tx: &Transaction<'_>,
    claim: &Claim<'_>,
    now: TimestampMs,
) -> rusqlite::Result<Vec<Owed>> {
    let off = tx
        .prepare_cached("SELECT disabled_at IS NOT NULL FROM sink WHERE name = ?1")?
        .query_row([claim.sink], |row| row.get(0))
        .optional()?;
    if off == Some(true) {
        return Ok(Vec::new());
    }
    let mut taken: BTreeSet<String> = claim.busy.iter().cloned().collect();
    let mut found = Vec::new();
    let mut due = due(tx, claim.sink, now)?;
    if claim.per_day.is_some() {
        heaviest_first(&mut due);
    }
    for mut due in due {
        if found.len() >= claim.rows {
            break;
        }
        if taken.contains(&due.row.id) || !in_turn(tx, &due.row, now)? {
            continue;
        }
        taken.insert(due.row.id.clone());
        let caps = claim.per_day.filter(|_| !due.row.note);
        if caps.map_or(Ok(true), |caps| admit(tx, &mut due, caps, now))? {
            found.push(due.row);
        } else {
            // The next revision of it may be the one that always goes.
            taken.remove(&due.row.id);
        }
    }
    Ok(found)
}

fn due(tx: &Transaction<'_>, sink: &str, now: TimestampMs) -> rusqlite::Result<Vec<Due>> {
    let text = format!(
        "SELECT {COLUMNS}, outbox.severity, outbox.confidence, outbox.persons {FROM} WHERE sink = ?1 AND state = 'pending' AND next_at <= ?2 \
         ORDER BY next_at, seq LIMIT ?3"
    );
    let mut statement = tx.prepare_cached(&text)?;
    let due = statement.query_map(params![sink, now, LOOKED_AT], |row| {
        let Unsigned(persons) = row.get(13)?;
        let weight = Weight { severity: row.get(11)?, confidence: row.get(12)?, persons };
        Ok(Due { row: owed(row)?, weight })
    })?;
    due.collect()
}

/// Whether it is this revision's turn; makes it so, or puts it off, where an older one waits.
fn in_turn(tx: &Transaction<'_>, row: &Owed, now: TimestampMs) -> rusqlite::Result<bool> {
    let older = tx
        .prepare_cached(
            "SELECT attempts, next_at FROM outbox WHERE sink = ?1 AND id = ?2 AND revision < ?3 \
             AND state = 'pending' ORDER BY revision LIMIT 1",
        )?
        .query_row(params![row.sink, row.id, row.revision], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, TimestampMs>(1)?))
        })
        .optional()?;
    let Some((attempts, next_at)) = older else { return Ok(true) };
    if attempts >= ATTEMPTS_BEFORE_GIVING_WAY && !row.note {
        tx.prepare_cached(
            "UPDATE outbox SET state = 'summarised', done_at = ?4, \
             last_error = 'revision ' || ?3 || ' went in its place; ' || last_error \
             WHERE sink = ?1 AND id = ?2 AND revision < ?3 AND state = 'pending' AND attempts > 0",
        )?
        .execute(params![row.sink, row.id, row.revision, now])?;
        return in_turn(tx, row, now);
    }
    if next_at > now {
        tx.prepare_cached("UPDATE outbox SET next_at = ?2 WHERE seq = ?1")?
            .execute(params![row.seq, next_at])?;
    }
    Ok(false)
}
