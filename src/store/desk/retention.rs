//! What is old goes, in small bites, so that the pipeline never waits long.

use rusqlite::{Transaction, params};
use serde_json::json;

use super::Desk;
use super::audit::append;
use crate::event::TimestampMs;
use crate::store::sqlite::StoreError;

const DAY_MS: i64 = 86_400_000;

/// Alerts, or days, of one transaction.
const BATCH_ROWS: usize = 500;

/// Pages given back to the file system at a time.
const VACUUM_PAGES: usize = 2_000;

/// Who purges.
const ENGINE: &str = "vigie";

/// How long what is kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Closed or ended alerts, from when their last revision was stored or their last change.
    pub alert_days: u32,
    /// Alerts closed as false positives.
    pub false_positive_days: u32,
    /// The audit trail, beyond the alerts it speaks of.
    pub audit_more_days: u32,
    /// What accounts read in a day.
    pub account_days: u32,
}

impl Default for Retention {
    /// 12 months; 3 for false positives; the audit trail 12 months more; 90 days of accounts.
    fn default() -> Retention {
        Retention {
            alert_days: 365,
            false_positive_days: 90,
            audit_more_days: 365,
            account_days: 90,
        }
    }
}

/// What a purge took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Alerts, with revisions, activity and what was owed of them.
    pub alerts: u64,
    /// Entries of the audit trail.
    pub audit: u64,
    /// Days of accounts.
    pub account_days: u64,
    /// Sessions nobody can use any more.
    pub sessions: u64,
}

impl Desk {
    /// Removes what is older than `policy` allows. Alerts that are still open, and what is young,
    /// stay; the audit trail can still be verified. `now` is the wall clock.
    ///
    /// # Errors
    /// The disk refuses; what was taken until then stays taken.
    pub fn purge(&mut self, policy: &Retention, now: TimestampMs) -> Result<Purged, StoreError> {
        // Bytes of what was deleted are overwritten.
        self.read(|conn| conn.pragma_update(None, "secure_delete", true))?;
        let ago = |days: u32| now - i64::from(days) * DAY_MS;
        let (old, false_positive) = (ago(policy.alert_days), ago(policy.false_positive_days));
        let audit = ago(policy.alert_days.saturating_add(policy.audit_more_days));
        let purged = Purged {
            alerts: self.in_batches(|tx| purge_alerts(tx, old, false_positive))?,
            account_days: self.in_batches(|tx| purge_days(tx, ago(policy.account_days)))?,
            sessions: self.in_batches(|tx| purge_sessions(tx, ago(1)))?,
            audit: self.in_batches(|tx| purge_audit(tx, audit))?,
        };
        if purged != Purged::default() {
            let Purged { alerts, audit, account_days, sessions } = purged;
            let detail = json!({ "alerts": alerts, "audit": audit,
                "account_days": account_days, "sessions": sessions });
            self.store(|tx| append(tx, ENGINE, "retention.purge", "", &detail, now))?;
            self.give_back()?;
        }
        Ok(purged)
    }

    /// Repeats a batch until it is not full. Returns the rows of all.
    fn in_batches(
        &mut self,
        mut batch: impl FnMut(&Transaction<'_>) -> rusqlite::Result<usize>,
    ) -> Result<u64, StoreError> {
        let mut rows = 0;
        loop {
            let taken = self.store(&mut batch)?;
            rows += taken as u64;
            if taken < BATCH_ROWS {
                return Ok(rows);
            }
        }
    }

    /// Gives free pages back to the file system, some at a time.
    fn give_back(&mut self) -> Result<(), StoreError> {
        self.read(|conn| {
            loop {
                let free: i64 =
                    conn.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
                conn.execute_batch(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
                let left: i64 =
                    conn.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
                if left == 0 || left >= free {
                    return Ok(());
                }
            }
        })
    }
}

fn purge_alerts(
    tx: &Transaction<'_>,
    old: TimestampMs,
    false_positive: TimestampMs,
) -> rusqlite::Result<usize> {
    tx.execute_batch("CREATE TEMP TABLE IF NOT EXISTS purged (id TEXT PRIMARY KEY) STRICT")?;
    tx.execute("DELETE FROM temp.purged", [])?;
    let taken = tx.execute(
        "INSERT INTO temp.purged SELECT alert.id FROM alert JOIN triage USING (id) \
         WHERE (status = 'ended' OR triage.state = 'closed') AND ( \
           max(stored_at, coalesce(triage.updated_at, 0)) < ?1 \
           OR (triage.state = 'closed' AND substr(verdict, 1, 15) = 'false_positive_' \
               AND max(stored_at, coalesce(triage.updated_at, 0)) < ?2)) LIMIT ?3",
        params![old, false_positive, BATCH_ROWS as i64],
    )?;
    // Verdicts have no key of alerts; all else goes with its alert.
    tx.execute("DELETE FROM verdict WHERE applied AND id IN temp.purged", [])?;
    tx.execute("DELETE FROM alert WHERE id IN temp.purged", [])?;
    Ok(taken)
}

fn purge_days(tx: &Transaction<'_>, before: TimestampMs) -> rusqlite::Result<usize> {
    tx.execute(
        "DELETE FROM account_day WHERE (account, day) IN (SELECT account, day FROM account_day \
         WHERE day < strftime('%Y-%m-%d', ?1 / 1000, 'unixepoch') LIMIT ?2)",
        params![before, BATCH_ROWS as i64],
    )
}

/// No session lasts a day without a request.
fn purge_sessions(tx: &Transaction<'_>, before: TimestampMs) -> rusqlite::Result<usize> {
    tx.execute(
        "DELETE FROM session WHERE hash IN (SELECT hash FROM session WHERE seen_at < ?1 LIMIT ?2)",
        params![before, BATCH_ROWS as i64],
    )
}

/// The anchor moves first: behind it the trail may be cut.
fn purge_audit(tx: &Transaction<'_>, before: TimestampMs) -> rusqlite::Result<usize> {
    // Up to the first young entry, even if clocks went back after it.
    tx.execute(
        "UPDATE audit_anchor SET (seq, hash) = (SELECT seq, hash FROM audit \
         WHERE at < ?1 AND seq < coalesce((SELECT min(seq) FROM audit WHERE at >= ?1), 1 << 62) \
         AND seq <= audit_anchor.seq + ?2 ORDER BY seq DESC LIMIT 1) \
         WHERE EXISTS (SELECT 1 FROM audit WHERE at < ?1 \
         AND seq < coalesce((SELECT min(seq) FROM audit WHERE at >= ?1), 1 << 62))",
        params![before, BATCH_ROWS as i64],
    )?;
    tx.execute("DELETE FROM audit WHERE seq <= (SELECT seq FROM audit_anchor)", [])
}
