//! How much of a day a sink is told, and which alerts when it is not all: the heaviest.
//!
//! Half of a day's new alerts may go at once, the other half as the day goes on (UTC). What comes
//! when there is no room waits as `summarised`; as room comes, the heaviest that wait go, by
//! confidence and then by exposure, and what is left at midnight stays in the day's summary. Grave
//! evidence does not wait: critical, or ten times what the budget asks for.

use rusqlite::{Transaction, params};

use super::{DAY_MS, Outbox, Owed};
use crate::alert::Severity;
use crate::event::TimestampMs;
use crate::store::sqlite::{StoreError, Unsigned};

/// At the budget half of all alerts are innocent, confidence ½; ten times the evidence makes that
/// one in twenty.
const CONFIDENCE_BYPASSES: f64 = 0.95;

/// The second half of a day's new alerts is spread over so long.
const SPREAD_MS: i64 = 20 * 3_600_000;

/// Most messages a UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyCaps {
    /// Opened and grown alerts. Grave ones may go to twice as many, so that a flood of news about
    /// known alerts does not keep them back, and a flood of them still ends.
    pub messages: u32,
    /// Alerts told for the first time; grave ones are counted and go beyond.
    pub new_alerts: u32,
}

/// What a revision weighs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight {
    pub(super) severity: i64,
    pub(super) confidence: f64,
    pub(super) persons: u64,
}

impl Weight {
    fn is_grave(self) -> bool {
        self.severity >= Severity::Critical as i64 || self.confidence >= CONFIDENCE_BYPASSES
    }
}

/// A row that is due.
pub(super) struct Due {
    pub(super) row: Owed,
    pub(super) weight: Weight,
}

/// New alerts change places so that the heaviest goes first; everything else keeps its turn.
pub(super) fn heaviest_first(due: &mut Vec<Due>) {
    let is_new = |due: &Due| due.row.kind == "alert.opened" && due.row.attempts == 0;
    let places: Vec<usize> = (0..due.len()).filter(|at| is_new(&due[*at])).collect();
    let (mut new, rest): (Vec<Due>, Vec<Due>) = std::mem::take(due).into_iter().partition(is_new);
    new.sort_by(|a, b| {
        let (a, b) = (a.weight, b.weight);
        b.is_grave()
            .cmp(&a.is_grave())
            .then(b.confidence.total_cmp(&a.confidence))
            .then(b.persons.cmp(&a.persons))
    });
    let (mut new, mut rest) = (new.into_iter(), rest.into_iter());
    for at in 0..places.len() + rest.len() {
        let next = if places.binary_search(&at).is_ok() { new.next() } else { rest.next() };
        due.extend(next);
    }
}

/// A sink's day so far.
struct Today<'a> {
    sink: &'a str,
    day: i64,
    caps: DailyCaps,
    /// New alerts that may have been told by now.
    allowed: u64,
}

impl<'a> Today<'a> {
    fn new(sink: &'a str, caps: DailyCaps, now: TimestampMs) -> Today<'a> {
        let later = u64::from(caps.new_alerts / 2);
        let gone = now.rem_euclid(DAY_MS).min(SPREAD_MS).unsigned_abs();
        let allowed = u64::from(caps.new_alerts) - later + later * gone / SPREAD_MS.unsigned_abs();
        Today { sink, day: now.div_euclid(DAY_MS), caps, allowed }
    }

    /// Messages that count, and alerts told for the first time.
    fn told(&self, tx: &Transaction<'_>) -> rusqlite::Result<(u64, u64)> {
        let text = "SELECT count(*), count(DISTINCT id) FILTER (WHERE type = 'alert.opened') \
                    FROM outbox WHERE sink = ?1 AND day = ?2 \
                    AND state <> 'summarised' AND type <> 'alert.ended'";
        tx.prepare_cached(text)?.query_row(params![self.sink, self.day], |row| {
            let [Unsigned(messages), Unsigned(new)] = [row.get(0)?, row.get(1)?];
            Ok((messages, new))
        })
    }

    /// Alerts that may still be told for the first time by now.
    fn room(&self, tx: &Transaction<'_>) -> rusqlite::Result<u64> {
        let (messages, new) = self.told(tx)?;
        let messages = u64::from(self.caps.messages).saturating_sub(messages);
        Ok(messages.min(self.allowed.saturating_sub(new)))
    }

    /// Whether a new alert waits already.
    fn has_waiting(&self, tx: &Transaction<'_>) -> rusqlite::Result<bool> {
        let text = format!("SELECT EXISTS (SELECT 1 {WAITING})");
        tx.prepare_cached(&text)?.query_row(params![self.sink, self.day], |row| row.get(0))
    }
}

/// Alerts that wait for room since today: none of their revisions was ever let through.
const WAITING: &str = "FROM outbox AS held JOIN alert ON alert.id = held.id \
     WHERE held.sink = ?1 AND held.day = ?2 AND held.state = 'summarised' AND held.attempts = 0 \
     AND held.type <> 'alert.ended' AND alert.status = 'open' \
     AND NOT EXISTS (SELECT 1 FROM outbox AS told WHERE told.sink = held.sink \
       AND told.id = held.id AND (told.attempts > 0 OR told.state IN ('delivered', 'dead') \
         OR (told.state = 'pending' AND told.day IS NOT NULL)))";

/// Whether the daily caps let it through. A retry has been let through already; the end of an
/// alert that was told always goes. What goes first of an alert goes as `alert.opened`.
pub(super) fn admit(
    tx: &Transaction<'_>,
    due: &mut Due,
    caps: DailyCaps,
    now: TimestampMs,
) -> rusqlite::Result<bool> {
    let Due { row, weight } = due;
    let admitted: Option<i64> = tx
        .prepare_cached("SELECT day FROM outbox WHERE seq = ?1")?
        .query_row([row.seq], |row| row.get(0))?;
    if admitted.is_some() {
        return Ok(true);
    }
    let (heard, tried, held): (bool, bool, bool) = tx
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 'delivered') > 0, \
             count(*) FILTER (WHERE attempts > 0) > 0, \
             count(*) FILTER (WHERE state = 'summarised' AND attempts = 0) > 0 \
             FROM outbox WHERE sink = ?1 AND id = ?2 AND revision < ?3",
        )?
        .query_row(params![row.sink, row.id, row.revision], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let (sink, ended) = (row.sink.clone(), row.kind == "alert.ended");
    let today = Today::new(&sink, caps, now);
    let messages = u64::from(caps.messages);
    let goes = if ended {
        heard || tried || !held
    } else if heard || tried {
        today.told(tx)?.0 < messages
    } else if weight.is_grave() {
        today.told(tx)?.0 < 2 * messages
    } else {
        // Who came before and weighs more must not be passed by.
        today.room(tx)? > 0 && !today.has_waiting(tx)?
    };
    if !goes {
        tx.prepare_cached(
            "UPDATE outbox SET state = 'summarised', done_at = ?2, day = ?3 WHERE seq = ?1",
        )?
        .execute(params![row.seq, now, today.day])?;
        return Ok(false);
    }
    if !heard && !ended {
        row.kind = "alert.opened".into();
        leave_summary(tx, &sink, &row.id, row.revision)?;
    }
    tx.prepare_cached("UPDATE outbox SET day = ?2, type = ?3 WHERE seq = ?1")?
        .execute(params![row.seq, today.day, row.kind])?;
    Ok(true)
}

impl Outbox {
    /// Lets go of what waits for room since the beginning of the day, the heaviest first, as far as
    /// there is room by now. Returns how many alerts.
    pub fn let_go(
        &mut self,
        sink: &str,
        caps: DailyCaps,
        now: TimestampMs,
    ) -> Result<usize, StoreError> {
        let today = Today::new(sink, caps, now);
        let anything: bool = self.read(|conn| {
            let text = "SELECT EXISTS (SELECT 1 FROM outbox WHERE sink = ?1 AND day = ?2 \
                        AND state = 'summarised' AND attempts = 0)";
            conn.prepare_cached(text)?.query_row(params![sink, today.day], |row| row.get(0))
        })?;
        if !anything {
            return Ok(0);
        }
        self.write(|tx| {
            let room = today.room(tx)?;
            if room == 0 {
                return Ok(0);
            }
            let heaviest = format!(
                "SELECT held.id, max(held.revision) {WAITING} GROUP BY held.id \
                 ORDER BY max(held.confidence) DESC, max(held.persons) DESC, held.id LIMIT ?3"
            );
            let alerts = tx
                .prepare_cached(&heaviest)?
                .query_map(params![sink, today.day, Unsigned(room)], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            for (id, revision) in &alerts {
                tell(tx, &today, id, *revision, now)?;
            }
            Ok(alerts.len())
        })
    }
}

/// What was held back of an alert before it was told is no news any more.
fn leave_summary(tx: &Transaction<'_>, sink: &str, id: &str, before: u32) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE outbox SET day = NULL WHERE sink = ?1 AND id = ?2 AND revision < ?3 \
         AND state = 'summarised' AND attempts = 0",
    )?
    .execute(params![sink, id, before])
    .map(drop)
}

/// Owes the newest revision of an alert that waited.
fn tell(
    tx: &Transaction<'_>,
    today: &Today<'_>,
    id: &str,
    revision: u32,
    now: TimestampMs,
) -> rusqlite::Result<()> {
    leave_summary(tx, today.sink, id, revision)?;
    tx.prepare_cached(
        "UPDATE outbox SET state = 'pending', type = 'alert.opened', day = ?4, next_at = ?5, \
         done_at = NULL WHERE sink = ?1 AND id = ?2 AND revision = ?3",
    )?
    .execute(params![today.sink, id, revision, today.day, now])
    .map(drop)
}
