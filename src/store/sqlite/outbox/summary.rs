//! The daily summary of what the cap held back.

use rusqlite::{Transaction, params};

use super::{DAY_MS, Note, Outbox, put_note};
use crate::event::TimestampMs;
use crate::store::sqlite::StoreError;

/// Most alerts that a summary names.
const ALERTS_MAX: u32 = 400;

const HOUR_MS: i64 = 3_600_000;

/// Days back that a summary may still be owed after an outage.
const DAYS_BACK: i64 = 7;

impl Outbox {
    /// Owes the summaries that are due to a sink: revision 1 an hour after the cap first held
    /// something back (or at the end of the day, UTC, if that is sooner), revision 2 at the end of
    /// the day when there was more; each of the whole day. Returns how many were new.
    pub fn summarise(&mut self, sink: &str, now: TimestampMs) -> Result<usize, StoreError> {
        let today = now.div_euclid(DAY_MS);
        let anything: bool = self.read(|conn| {
            let text = "SELECT EXISTS (SELECT 1 FROM outbox WHERE sink = ?1 AND day >= ?2 \
                        AND state = 'summarised' AND attempts = 0)";
            conn.prepare_cached(text)?.query_row(params![sink, today - DAYS_BACK], |row| row.get(0))
        })?;
        if !anything {
            return Ok(0);
        }
        self.write(|tx| {
            let held = held_back(tx, sink, today - DAYS_BACK)?;
            let mut new = 0;
            for day in &held {
                let Some(revision) = day.due(now) else { continue };
                let body = body(tx, sink, day)?;
                let id = day.id(sink);
                let note = Note { kind: "alert.summary", id: &id, revision, body: &body };
                put_note(tx, sink, &note, now)?;
                new += 1;
            }
            Ok(new)
        })
    }
}

/// A day on which the cap held something back from a sink.
struct HeldBack {
    day: i64,
    first_at: TimestampMs,
    last_at: TimestampMs,
    /// When its summaries were owed, oldest first.
    told_at: Vec<TimestampMs>,
}

impl HeldBack {
    /// The summary that is due, by its revision.
    fn due(&self, now: TimestampMs) -> Option<u32> {
        let ends = (self.day + 1) * DAY_MS;
        match self.told_at.as_slice() {
            [] => (now >= ends.min(self.first_at + HOUR_MS)).then_some(1),
            [first] => (now >= ends && self.last_at > *first).then_some(2),
            _ => None,
        }
    }

    fn id(&self, sink: &str) -> String {
        format!("summary-{sink}-{}", self.day)
    }
}

fn held_back(tx: &Transaction<'_>, sink: &str, from: i64) -> rusqlite::Result<Vec<HeldBack>> {
    let mut days = tx.prepare_cached(
        "SELECT day, min(done_at), max(done_at) FROM outbox WHERE sink = ?1 AND day >= ?2 \
         AND state = 'summarised' AND attempts = 0 GROUP BY day ORDER BY day",
    )?;
    let days = days.query_map(params![sink, from], |row| {
        let told_at = Vec::new();
        Ok(HeldBack { day: row.get(0)?, first_at: row.get(1)?, last_at: row.get(2)?, told_at })
    })?;
    let mut days = days.collect::<rusqlite::Result<Vec<_>>>()?;
    for day in &mut days {
        let mut told = tx.prepare_cached(
            "SELECT created_at FROM outbox WHERE sink = ?1 AND id = ?2 ORDER BY revision",
        )?;
        let told = told.query_map(params![sink, day.id(sink)], |row| row.get(0))?;
        day.told_at = told.collect::<rusqlite::Result<_>>()?;
    }
    Ok(days)
}

/// Counts of the day's alerts by severity, and their ids, the worst first.
fn body(tx: &Transaction<'_>, sink: &str, day: &HeldBack) -> rusqlite::Result<String> {
    tx.prepare_cached(
        "WITH held AS (SELECT DISTINCT alert.id, alert.severity, alert.persons FROM outbox \
           JOIN alert ON alert.id = outbox.id WHERE sink = ?1 AND day = ?2 \
           AND outbox.state = 'summarised' AND attempts = 0), \
         worst AS (SELECT id FROM held ORDER BY severity DESC, persons DESC, id LIMIT ?3) \
         SELECT json_object('day', date(?2 * 86400, 'unixepoch'), 'sink', ?1, \
           'alert_count', (SELECT count(*) FROM held), \
           'severity', json((SELECT json_object('critical', count(*) FILTER (WHERE severity = 4), \
             'high', count(*) FILTER (WHERE severity = 3), \
             'medium', count(*) FILTER (WHERE severity = 2), \
             'low', count(*) FILTER (WHERE severity = 1), \
             'info', count(*) FILTER (WHERE severity = 0)) FROM held)), \
           'alerts', json((SELECT json_group_array(id) FROM worst)))",
    )?
    .query_row(params![sink, day.day, ALERTS_MAX], |row| row.get(0))
}
