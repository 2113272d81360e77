//! What metrics need of the database: how things stand, and what is new since the last look. Each
//! reading costs by what is not closed and by what is new, never by what is stored.

use rusqlite::{OptionalExtension, Row, params};

use super::{Reader, StoreError, TriageState, Unsigned, sql};
use crate::alert::{Alert, Severity};
use crate::event::TimestampMs;

/// Rows that one look takes up; the rest waits for the next one.
const NEW_ROWS_MAX: u32 = 500;

/// Alerts that are not closed, of one severity and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFigure {
    /// How bad.
    pub severity: Severity,
    /// How far people are.
    pub state: TriageState,
    /// How many.
    pub alerts: u64,
    /// Their exposed persons, added up.
    pub persons: u64,
    /// Opening time (RFC 3339) of the oldest one that was not historical; `None`: all are.
    pub oldest: Option<String>,
}

/// How far a reader of new things has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    revision: i64,
    verdict: i64,
    taken: i64,
}

/// One alert revision that was stored since the last look.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRevision {
    /// The revision.
    pub alert: Alert,
    /// Rules of the signals that the revision before did not have, one a signal.
    pub rules: Vec<String>,
}

/// A verdict that was given since the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVerdict {
    /// The first rule that fired; empty when the alert is gone.
    pub rule: String,
    /// The verdict's word.
    pub verdict: String,
}

/// An alert that somebody took up for the first time since the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTaken {
    /// How bad it is.
    pub severity: Severity,
    /// Event time of its opening, RFC 3339.
    pub opened_at: String,
    /// When it was taken up, by the wall clock.
    pub at: TimestampMs,
    /// Its events were old on arrival: its time says nothing about anybody.
    pub historical: bool,
}

/// Everything new since the last look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// In the order they were stored.
    pub revisions: Vec<NewRevision>,
    /// In the order they were given.
    pub verdicts: Vec<NewVerdict>,
    /// In the order they were taken up.
    pub taken: Vec<NewTaken>,
}

impl Reader {
    /// Alerts that are not closed, by severity and state; absent ones are none.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open_figures(&self) -> Result<Vec<OpenFigure>, StoreError> {
        let read = || {
            let mut statement = self.conn.prepare_cached(
                "SELECT severity, triage.state, count(*), sum(persons), \
                 min(CASE WHEN opened_late THEN NULL ELSE opened_at END) \
                 FROM triage JOIN alert USING (id) WHERE triage.state <> 'closed' \
                 GROUP BY severity, triage.state",
            )?;
            statement.query_map([], open_figure)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(sql(&self.path))
    }

    /// A cursor behind everything that is stored: only later things are new.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn cursor_at_end(&self) -> Result<Cursor, StoreError> {
        let read = || {
            let last = |table: &str| {
                let text = format!("SELECT coalesce(max(rowid), 0) FROM {table}");
                self.conn.query_row(&text, [], |row| row.get(0))
            };
            let verdict = if self.has_verdicts()? { last("verdict")? } else { 0 };
            Ok(Cursor { revision: last("revision")?, verdict, taken: last("taken")? })
        };
        read().map_err(sql(&self.path))
    }

    /// What is new behind a cursor, which moves on.
    ///
    /// # Errors
    /// The disk refuses; the cursor stays.
    pub fn news(&self, cursor: &mut Cursor) -> Result<News, StoreError> {
        let read = || {
            let mut next = *cursor;
            let revisions = self.new_revisions(&mut next.revision)?;
            let verdicts = self.new_verdicts(&mut next.verdict)?;
            let taken = self.new_taken(&mut next.taken)?;
            Ok((next, News { revisions, verdicts, taken }))
        };
        let (next, news) = read().map_err(sql(&self.path))?;
        *cursor = next;
        Ok(news)
    }

    fn new_revisions(&self, last: &mut i64) -> rusqlite::Result<Vec<NewRevision>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT r.rowid, r.body, (SELECT before.body FROM revision before \
             WHERE before.id = r.id AND before.revision < r.revision \
             ORDER BY before.revision DESC LIMIT 1) \
             FROM revision r WHERE r.rowid > ?1 ORDER BY r.rowid LIMIT ?2",
        )?;
        let mut found = Vec::new();
        let mut rows = statement.query(params![*last, NEW_ROWS_MAX])?;
        while let Some(row) = rows.next()? {
            *last = row.get(0)?;
            let body: String = row.get(1)?;
            // A build of another contract wrote it: it cannot be counted, nor stop the others.
            let Ok(alert) = serde_json::from_str::<Alert>(&body) else { continue };
            let before = row.get::<_, Option<String>>(2)?;
            let known = before.and_then(|body| serde_json::from_str::<Alert>(&body).ok());
            let known = known.map_or(0, |before| before.signals.len());
            let rules = alert.signals.iter().skip(known).map(|s| s.rule.clone()).collect();
            found.push(NewRevision { alert, rules });
        }
        Ok(found)
    }

    fn has_verdicts(&self) -> rusqlite::Result<bool> {
        let text = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'verdict'";
        self.conn.query_row(text, [], |_| Ok(())).optional().map(|found| found.is_some())
    }

    fn new_verdicts(&self, last: &mut i64) -> rusqlite::Result<Vec<NewVerdict>> {
        if !self.has_verdicts()? {
            return Ok(Vec::new());
        }
        let mut statement = self.conn.prepare_cached(
            "SELECT v.seq, v.verdict, coalesce((SELECT json_extract(r.body, '$.signals[0].rule') \
             FROM revision r WHERE r.id = v.id ORDER BY r.revision LIMIT 1), '') FROM verdict v \
             WHERE v.seq > ?1 ORDER BY v.seq LIMIT ?2",
        )?;
        let mut found = Vec::new();
        let mut rows = statement.query(params![*last, NEW_ROWS_MAX])?;
        while let Some(row) = rows.next()? {
            *last = row.get(0)?;
            found.push(NewVerdict { verdict: row.get(1)?, rule: row.get(2)? });
        }
        Ok(found)
    }

    fn new_taken(&self, last: &mut i64) -> rusqlite::Result<Vec<NewTaken>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT t.seq, a.severity, a.opened_at, t.at, triage.opened_late \
             FROM taken t JOIN alert a USING (id) JOIN triage USING (id) WHERE t.seq > ?1 ORDER BY t.seq LIMIT ?2",
        )?;
        let mut found = Vec::new();
        let mut rows = statement.query(params![*last, NEW_ROWS_MAX])?;
        while let Some(row) = rows.next()? {
            *last = row.get(0)?;
            found.push(NewTaken {
                severity: severity(row, 1)?,
                opened_at: row.get(2)?,
                at: row.get(3)?,
                historical: row.get(4)?,
            });
        }
        Ok(found)
    }
}

fn open_figure(row: &Row<'_>) -> rusqlite::Result<OpenFigure> {
    let (Unsigned(alerts), Unsigned(persons)) = (row.get(2)?, row.get(3)?);
    Ok(OpenFigure {
        severity: severity(row, 0)?,
        state: row.get(1)?,
        alerts,
        persons,
        oldest: row.get(4)?,
    })
}

fn severity(row: &Row<'_>, column: usize) -> rusqlite::Result<Severity> {
    let rank: usize = row.get::<_, u8>(column)?.into();
    Ok(super::SEVERITIES.get(rank).copied().unwrap_or(Severity::Critical))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Stopwatch;
    use crate::store::datadir::{DataDir, Purpose};
    use crate::store::sqlite::{Commit, Store};

    fn alert(id: &str, revision: u32, historical: bool) -> Alert {
        let example = include_str!("../../../tests/store/alert.json");
        let mut alert: Alert = serde_json::from_str(example).unwrap();
        (alert.id, alert.revision, alert.historical) = (id.into(), revision, historical);
        alert
    }

    fn store(alerts: &[Alert]) -> (Store, tempfile::TempDir) {
        let temp = tempfile::tempdir().unwrap();
        let mut store = Store::open(&DataDir::open(temp.path(), Purpose::Live).unwrap()).unwrap();
        put(&mut store, alerts);
        (store, temp)
    }

    fn put(store: &mut Store, alerts: &[Alert]) {
        let alerts: Vec<_> = alerts.iter().map(|alert| (alert.clone(), 1)).collect();
        let commit = Commit { source: "log", shard: 0, alerts: &alerts, mark: 2, epoch: 1 };
        store.commit(&commit).unwrap();
    }

    #[test]
    fn each_thing_is_new_once() {
        let (mut store, _temp) = store(&[alert("A", 1, false)]);
        let reader = store.reader().unwrap();
        let mut cursor = reader.cursor_at_end().unwrap();
        assert_eq!(reader.news(&mut cursor).unwrap(), News::default(), "what was there");
        let mut second = alert("A", 2, false);
        second.signals.push(second.signals[0].clone());
        second.signals[1].rule = "another".into();
        put(&mut store, &[second.clone(), alert("B", 1, false)]);
        let news = reader.news(&mut cursor).unwrap();
        let seen: Vec<_> = news
            .revisions
            .iter()
            .map(|new| (new.alert.id.as_str(), new.alert.revision, new.rules.as_slice()))
            .collect();
        let first = alert("B", 1, false).signals[0].rule.clone();
        assert_eq!(
            seen,
            [("A", 2, &["another".to_owned()][..]), ("B", 1, &[first][..])],
            "only signals that the revision before did not have"
        );
        put(&mut store, &[second]);
        assert_eq!(reader.news(&mut cursor).unwrap(), News::default());
    }

    #[test]
    fn verdicts_are_named_by_the_first_rule() {
        let (store, _temp) = store(&[alert("A", 1, false)]);
        let reader = store.reader().unwrap();
        let mut cursor = reader.cursor_at_end().unwrap();
        store
            .conn
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS verdict (seq INTEGER PRIMARY KEY AUTOINCREMENT, \
                 id TEXT NOT NULL, verdict TEXT NOT NULL, actor TEXT NOT NULL, at INTEGER NOT NULL, \
                 applied INTEGER NOT NULL DEFAULT 0) STRICT; \
                 INSERT INTO verdict (id, verdict, actor, at) VALUES ('A', 'test', 'ann', 5);",
            )
            .unwrap();
        let news = reader.news(&mut cursor).unwrap();
        let rule = alert("A", 1, false).signals[0].rule.clone();
        assert_eq!(news.verdicts, [NewVerdict { rule, verdict: "test".into() }]);
        assert!(reader.news(&mut cursor).unwrap().verdicts.is_empty());
    }

    #[test]
    fn what_opened_late_makes_nobody_late_even_after_its_end() {
        let (mut store, _temp) = store(&[alert("A", 1, true), alert("B", 1, false)]);
        put(&mut store, &[alert("A", 2, false), alert("B", 2, true)]);
        let figures = store.reader().unwrap().open_figures().unwrap();
        assert_eq!((figures.len(), figures[0].alerts, figures[0].persons), (1, 2, 624));
        assert!(figures[0].oldest.is_some(), "B's");
        store.conn.execute("UPDATE triage SET state = 'closed' WHERE id = 'B'", []).unwrap();
        let figures = store.reader().unwrap().open_figures().unwrap();
        assert_eq!((figures[0].alerts, figures[0].oldest.as_deref()), (1, None), "A's");
    }

    #[test]
    fn closed_alerts_cost_nothing() {
        let (mut store, _temp) = store(&[]);
        let many: Vec<Alert> = (0..20_000).map(|n| alert(&format!("ID{n}"), 1, false)).collect();
        put(&mut store, &many);
        let close = "UPDATE triage SET state = 'closed' WHERE rowid % 20 <> 0";
        store.conn.execute(close, []).unwrap();
        let reader = store.reader().unwrap();
        let mut cursor = reader.cursor_at_end().unwrap();
        let mut best = u128::MAX;
        for _ in 0..5 {
            let since = Stopwatch::start();
            let figures = reader.open_figures().unwrap();
            reader.news(&mut cursor).unwrap();
            best = best.min(since.elapsed().as_micros());
            assert_eq!(figures[0].alerts, 1_000);
        }
        println!("1,000 of 20,000 alerts open: {best} µs");
        // A slow machine that does other things too; on one core of the reference it is a tenth.
        assert!(best < 50_000, "{best} µs");
    }
}
