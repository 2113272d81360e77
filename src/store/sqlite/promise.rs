//! What the false-alert budget allowed, and what was raised on the same days.

use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::{Reader, Store, StoreError, Unsigned, sql};
use crate::store::desk::Verdict;

/// Local days that are looked back over: four weeks, so that every weekday counts alike.
pub const PROMISE_DAYS: i32 = 28;
/// Local days that are kept.
const KEPT_DAYS: i32 = 2 * PROMISE_DAYS;
/// Alerts of four weeks that are looked at; with more, the newest.
pub const RAISED_MAX: u32 = 20_000;

/// Whose share of the budget it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShareOf {
    /// A rule about single accounts.
    Rule,
    /// A rule about several accounts together.
    Pooled,
    /// A partner's accounts, one by one.
    Partner,
    /// A role's accounts, one by one.
    Role,
}

impl ShareOf {
    const ALL: [ShareOf; 4] = [ShareOf::Rule, ShareOf::Pooled, ShareOf::Partner, ShareOf::Role];

    fn word(self) -> &'static str {
        match self {
            ShareOf::Rule => "rule",
            ShareOf::Pooled => "pooled",
            ShareOf::Partner => "partner",
            ShareOf::Role => "role",
        }
    }
}

/// A share of what was allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Whose.
    pub of: ShareOf,
    /// Its name; empty = the log does not say.
    pub name: String,
    /// Account weeks that it is for.
    pub account_weeks: u64,
    /// False alerts allowed.
    pub alerts: f64,
}

/// What was allowed to one shard on one local day.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    /// Local days since 1970.
    pub day: i32,
    /// When it began, RFC 3339 UTC.
    pub starts_at: String,
    /// When it ended.
    pub ends_at: String,
    /// Days of the deployment behind its thresholds.
    pub epoch: u32,
    /// Account weeks that began on it.
    pub account_weeks: u64,
    /// By rule, partner and role.
    pub shares: Vec<Share>,
}

/// Alerts of medium or more that have the same things in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The rule that opened them.
    pub rule: String,
    /// Empty: none, or several.
    pub partner: String,
    /// Empty: none, or several.
    pub role: String,
    /// What people say they were.
    pub verdict: Option<Verdict>,
    /// How many.
    pub alerts: u64,
}

/// The last four weeks that are over, as far as they count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PromiseKept {
    /// First and last local day that counts, since 1970; `None`: none does yet.
    pub days: Option<(i32, i32)>,
    /// Account weeks that began on them.
    pub account_weeks: u64,
    /// What was allowed on them, by kind and name.
    pub shares: Vec<Share>,
    /// What was raised on them.
    pub raised: Vec<Raised>,
    /// There were more alerts than [`RAISED_MAX`]; the oldest were left out.
    pub more: bool,
}

impl Store {
    /// Stores what was allowed on a shard's day; the same day again replaces it. Days older than
    /// anybody looks at are forgotten.
    ///
    /// # Errors
    /// The disk refuses; then nothing of it is stored.
    pub fn put_promise(
        &mut self,
        source: &str,
        shard: u32,
        promise: &Promise,
    ) -> Result<(), StoreError> {
        let mut write = || {
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            put(&tx, source, shard, promise)?;
            tx.commit()
        };
        write().map_err(sql(&self.path))
    }
}

fn put(tx: &Transaction<'_>, source: &str, shard: u32, day: &Promise) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM promise WHERE day < ?1")?.execute([day.day - KEPT_DAYS])?;
    tx.prepare_cached("DELETE FROM promise WHERE (source, shard, day) = (?1, ?2, ?3)")?
        .execute(params![source, shard, day.day])?;
    tx.prepare_cached("INSERT INTO promise VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
        params![
            source,
            shard,
            day.day,
            day.starts_at,
            day.ends_at,
            day.epoch,
            Unsigned(day.account_weeks)
        ],
    )?;
    let mut insert =
        tx.prepare_cached("INSERT INTO promise_share VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for share in &day.shares {
        insert.execute(params![
            source,
            shard,
            day.day,
            share.of.word(),
            share.name,
            Unsigned(share.account_weeks),
            share.alerts
        ])?;
    }
    Ok(())
}

impl Reader {
    /// What was allowed and raised on the last four weeks of days that are over. Days of a
    /// deployment of fewer than `warm_up` days do not count.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn promise_kept(&self, warm_up: u32) -> Result<PromiseKept, StoreError> {
        let read = || {
            let span = self
                .conn
                .prepare_cached(
                    "SELECT min(day), max(day), min(starts_at), max(ends_at), \
                     coalesce(sum(account_weeks), 0) FROM promise WHERE epoch >= ?1 \
                     AND day > (SELECT max(day) FROM promise) - ?2 HAVING count(*) > 0",
                )?
                .query_row(params![warm_up, PROMISE_DAYS], |row| {
                    let Unsigned(weeks) = row.get(4)?;
                    let spans: (String, String) = (row.get(2)?, row.get(3)?);
                    Ok(((row.get(0)?, row.get(1)?), spans, weeks))
                })
                .optional()?;
            let Some((days, (from, to), account_weeks)) = span else {
                return Ok(PromiseKept::default());
            };
            let shares = self.shares(warm_up, days)?;
            let raised = self.raised(&from, &to)?;
            let all: u64 = raised.iter().map(|r| r.alerts).sum();
            let more = all >= u64::from(RAISED_MAX);
            Ok(PromiseKept { days: Some(days), account_weeks, shares, raised, more })
        };
        read().map_err(sql(&self.path))
    }

    fn shares(&self, warm_up: u32, days: (i32, i32)) -> rusqlite::Result<Vec<Share>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT kind, name, sum(s.account_weeks), sum(alerts) FROM promise \
             JOIN promise_share s USING (source, shard, day) \
             WHERE epoch >= ?1 AND day BETWEEN ?2 AND ?3 GROUP BY kind, name ORDER BY kind, name",
        )?;
        let rows = statement.query_map(params![warm_up, days.0, days.1], share)?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn raised(&self, from: &str, to: &str) -> rusqlite::Result<Vec<Raised>> {
        // All states, so that the index by opening is used.
        let mut statement = self.conn.prepare_cached(
            "SELECT coalesce((SELECT r.body ->> '$.signals[0].rule' FROM revision r \
               WHERE r.id = a.id ORDER BY r.revision LIMIT 1), '') AS opened_by, \
             coalesce(a.partner, '') AS of_partner, coalesce(a.role, '') AS of_role, \
             triage.verdict, count(*) \
             FROM (SELECT id, partner, role FROM alert \
               WHERE state IN ('new', 'in_progress', 'on_hold', 'closed') \
               AND opened_at >= ?1 AND opened_at < ?2 AND severity >= 2 \
               ORDER BY opened_at DESC LIMIT ?3) AS a JOIN triage USING (id) \
             GROUP BY opened_by, of_partner, of_role, triage.verdict",
        )?;
        let rows = statement.query_map(params![from, to, RAISED_MAX], |row| {
            let Unsigned(alerts) = row.get(4)?;
            Ok(Raised {
                rule: row.get(0)?,
                partner: row.get(1)?,
                role: row.get(2)?,
                verdict: row.get(3)?,
                alerts,
            })
        })?;
        rows.collect()
    }
}

/// A share of a kind that this build knows.
fn share(row: &Row<'_>) -> rusqlite::Result<Option<Share>> {
    let kind: String = row.get(0)?;
    let Unsigned(account_weeks) = row.get(2)?;
    let of = ShareOf::ALL.into_iter().find(|of| of.word() == kind);
    let (name, alerts) = (row.get(1)?, row.get(3)?);
    Ok(of.map(|of| Share { of, name, account_weeks, alerts }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Alert, Severity};
    use crate::store::datadir::{DataDir, Purpose};
    use crate::store::sqlite::Commit;

    const FIRST: i32 = 19_756;

    fn midnight(day: i32) -> String {
        crate::triage::rfc3339(i64::from(day) * 86_400_000)
    }

    fn promise(day: i32, epoch: u32, alerts: f64) -> Promise {
        let share = |of, name: &str| Share { of, name: name.into(), account_weeks: 10, alerts };
        Promise {
            day,
            starts_at: midnight(day),
            ends_at: midnight(day + 1),
            epoch,
            account_weeks: 10,
            shares: vec![share(ShareOf::Rule, "volume"), share(ShareOf::Partner, "caf")],
        }
    }

    fn alert(id: &str, day: i32, severity: Severity) -> Alert {
        let example = include_str!("../../../tests/store/alert.json");
        let mut alert: Alert = serde_json::from_str(example).unwrap();
        (alert.id, alert.severity, alert.revision) = (id.into(), severity, 1);
        alert.opened_at = midnight(day).replace("T00", "T13");
        alert
    }

    fn put_alerts(store: &mut Store, alerts: &[Alert]) {
        let alerts: Vec<_> = alerts.iter().map(|alert| (alert.clone(), 1)).collect();
        let commit = Commit { source: "log", shard: 0, alerts: &alerts, mark: 2, epoch: 1 };
        store.commit(&commit).unwrap();
    }

    #[test]
    fn four_weeks_are_summed_over_shards_and_a_day_told_again_counts_once() {
        let temp = tempfile::tempdir().unwrap();
        let mut store = Store::open(&DataDir::open(temp.path(), Purpose::Live).unwrap()).unwrap();
        let reader = store.reader().unwrap();
        assert_eq!(reader.promise_kept(28).unwrap(), PromiseKept::default());
        for day in 0..100 {
            for shard in 0..2 {
                store.put_promise("log", shard, &promise(FIRST + day, day as u32, 0.5)).unwrap();
            }
        }
        store.put_promise("log", 1, &promise(FIRST + 99, 99, 0.5)).unwrap();
        let kept = reader.promise_kept(28).unwrap();
        assert_eq!(kept.days, Some((FIRST + 72, FIRST + 99)));
        assert_eq!(kept.account_weeks, 28 * 2 * 10);
        let shares: Vec<_> = kept
            .shares
            .iter()
            .map(|s| (s.of, s.name.as_str(), s.account_weeks, s.alerts))
            .collect();
        let want = [(ShareOf::Partner, "caf", 560, 28.0), (ShareOf::Rule, "volume", 560, 28.0)];
        assert_eq!(shares, want);
        let rows: i64 = store
            .conn
            .query_row("SELECT count(*) FROM promise_share", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 57 * 2 * 2, "what nobody looks at is gone, and its shares with it");
        // Days before the warm-up is over do not count, whatever was raised on them.
        let kept = reader.promise_kept(90).unwrap();
        assert_eq!(kept.days, Some((FIRST + 90, FIRST + 99)));
        assert_eq!(reader.promise_kept(100).unwrap().days, None);
    }

    #[test]
    fn alerts_count_once_at_the_rule_that_opened_them() {
        let temp = tempfile::tempdir().unwrap();
        let mut store = Store::open(&DataDir::open(temp.path(), Purpose::Live).unwrap()).unwrap();
        for day in 0..40 {
            store.put_promise("log", 0, &promise(FIRST + day, 28 + day as u32, 0.5)).unwrap();
        }
        let mut second = alert("A", FIRST + 20, Severity::High);
        second.revision = 2;
        second.signals.insert(0, second.signals[0].clone());
        second.signals[0].rule = "another".into();
        put_alerts(
            &mut store,
            &[
                alert("A", FIRST + 20, Severity::Medium),
                second,
                alert("B", FIRST + 39, Severity::Critical),
                alert("C", FIRST + 39, Severity::Low),
                alert("D", FIRST + 11, Severity::Medium),
                alert("E", FIRST + 40, Severity::Medium),
            ],
        );
        let closed = "UPDATE triage SET verdict = 'true_positive_impact', state = 'closed' \
                      WHERE id = 'B'";
        store.conn.execute(closed, []).unwrap();
        let kept = store.reader().unwrap().promise_kept(28).unwrap();
        let of = |verdict| Raised {
            rule: "mass-extraction.volume".into(),
            partner: "cap-emploi".into(),
            role: "cap-adviser".into(),
            verdict,
            alerts: 1,
        };
        assert_eq!(kept.raised, [of(None), of(Some(Verdict::TruePositiveImpact))]);
        assert!(!kept.more);
    }
}
