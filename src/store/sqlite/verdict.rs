//! Verdicts on their way from the console to the pipeline, and what its control records leave.

use rusqlite::params;

use super::{Store, StoreError, sql};

/// A verdict that the pipeline has not been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictDue {
    /// Its number.
    pub seq: i64,
    /// The verdict's word.
    pub verdict: String,
    /// The newest revision of the alert, as JSON.
    pub alert: String,
}

impl Store {
    /// Verdicts with a number above `after` that no control record was made of, in the order they
    /// were given.
    pub fn verdicts_due(&self, after: i64) -> Result<Vec<VerdictDue>, StoreError> {
        let read = || {
            let mut statement = self.conn.prepare_cached(
                "SELECT verdict.seq, verdict.verdict, revision.body FROM verdict \
                 JOIN alert USING (id) JOIN revision USING (id, revision) \
                 WHERE verdict.applied = 0 AND verdict.seq > ?1 ORDER BY verdict.seq",
            )?;
            let rows = statement.query_map([after], |row| {
                Ok(VerdictDue { seq: row.get(0)?, verdict: row.get(1)?, alert: row.get(2)? })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(sql(&self.path))
    }

    /// A verdict has its control record, or will never have one.
    pub fn verdict_applied(&mut self, seq: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("UPDATE verdict SET applied = 1 WHERE seq = ?1")
            .and_then(|mut statement| statement.execute([seq]))
            .map(drop)
            .map_err(sql(&self.path))
    }

    /// Forgets all but the last `keep` control records of a kind on a shard, and bodies that nobody
    /// names any more.
    pub fn forget_controls(
        &mut self,
        source: &str,
        shard: u32,
        kind: &str,
        keep: u32,
    ) -> Result<(), StoreError> {
        let write = || {
            self.conn
                .prepare_cached(
                    "DELETE FROM control WHERE source = ?1 AND shard = ?2 AND kind = ?3 AND seq NOT IN \
                     (SELECT seq FROM control WHERE source = ?1 AND shard = ?2 AND kind = ?3 \
                      ORDER BY seq DESC LIMIT ?4)",
                )?
                .execute(params![source, shard, kind, keep])?;
            self.conn
                .prepare_cached(
                    "DELETE FROM control_body WHERE digest NOT IN (SELECT digest FROM control)",
                )?
                .execute([])
        };
        write().map(drop).map_err(sql(&self.path))
    }
}
