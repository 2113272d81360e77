//! What an analyst waits for with many alerts in the store: a page of the queue with its counts,
//! under each order and filter, and what stands around an alert.
//!
//! `queue` (100,000 alerts, nine of ten closed, then all of them new), `queue 500000`.

mod support;

use std::path::Path;

use support::{Outcome, is_tiny, thousands};
use vigie::alert::{Alert, Severity, Status};
use vigie::clock::Stopwatch;
use vigie::store::datadir::{DataDir, Purpose};
use vigie::store::desk::{Change, Desk};
use vigie::store::sqlite::{
    AlertFilter, Assignee, Commit, PageKey, Reader, Sort, Store, TriageState,
};

const ROWS: u32 = 50;
const OPEN: [TriageState; 3] = [TriageState::New, TriageState::InProgress, TriageState::OnHold];
const SEVERITIES: [Severity; 4] =
    [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
/// What the issue asks of a queue page, p95.
const TARGET_MS: f64 = 200.0;

fn main() -> Outcome {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let alerts: u64 = asked.unwrap_or(if is_tiny() { 300 } else { 100_000 });
    for closed in [true, false] {
        let temp = tempfile::tempdir()?;
        let dir = DataDir::open(temp.path(), Purpose::Live)?;
        let watch = Stopwatch::start();
        fill(&dir, alerts, closed)?;
        let db = dir.file("vigie.db");
        let reader = Reader::open(&db)?;
        println!(
            "{} alerts, {}: filled in {:.1} s, {} MiB",
            thousands(alerts),
            if closed { "nine of ten closed" } else { "all new" },
            watch.elapsed().as_secs_f64(),
            reader.database_bytes()? >> 20,
        );
        measure(&reader, alerts)?;
        people(&db)?;
    }
    Ok(())
}

/// Alerts of two years, of 5,000 accounts of nine partners, each with 20 events.
fn fill(dir: &DataDir, alerts: u64, closed: bool) -> Outcome {
    let example: Alert = serde_json::from_str(include_str!("../tests/store/alert.json"))?;
    let mut store = Store::open(dir)?;
    let mut batch = Vec::new();
    for n in 0..alerts {
        batch.push((alert(&example, n), n));
        if batch.len() == 1_000 || n + 1 == alerts {
            let commit = Commit { source: "log", shard: 0, alerts: &batch, mark: n, epoch: 1 };
            store.commit(&commit)?;
            batch.clear();
        }
    }
    drop(store);
    if closed {
        // As people would have done it, at once: one statement instead of 90,000 transactions.
        let conn = rusqlite::Connection::open(dir.file("vigie.db"))?;
        conn.execute(
            "UPDATE triage SET assignee = 'ana', state = CASE rowid % 60 WHEN 0 THEN 'new' \
             WHEN 10 THEN 'new' WHEN 20 THEN 'in_progress' WHEN 30 THEN 'on_hold' \
             WHEN 40 THEN 'new' WHEN 50 THEN 'new' ELSE 'closed' END",
            [],
        )?;
    }
    Ok(())
}

fn alert(example: &Alert, n: u64) -> Alert {
    let mut alert = example.clone();
    // Any spreading will do, as long as it is the same every time.
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    alert.id = format!("01HNY{n:021}");
    alert.severity = SEVERITIES[(mixed % 4) as usize];
    alert.status = if mixed.is_multiple_of(10) { Status::Open } else { Status::Ended };
    alert.entity.id = format!("cap{:05}", mixed % 5_000);
    alert.partner = Some(format!("partner-{}", mixed % 9));
    alert.exposure.persons = 25 + mixed % 3_000;
    let (day, minute) = (n * 700 / 100_000, mixed % 1_440);
    let (year, month, date) = (2024 + day / 336, 1 + day / 28 % 12, 1 + day % 28);
    alert.opened_at =
        format!("{year}-{month:02}-{date:02}T{:02}:{:02}:00Z", minute / 60, minute % 60);
    alert.updated_at.clone_from(&alert.opened_at);
    alert.seen.ips = vec![format!("203.0.{}.{}", mixed % 200, mixed % 250)];
    alert.explanation = format!(
        "{} read {} persons in an hour where 4 are usual; 214 peers read 61 at most; new device, \
         evening, persons of other units",
        alert.entity.id, alert.exposure.persons
    );
    let event = vigie::alert::SeenEvent {
        at: alert.opened_at.clone(),
        position: n,
        action: "search".into(),
        persons: 20,
        ip: Some(alert.seen.ips[0].clone()),
        device: None,
        session: Some("5f0c2a".into()),
    };
    alert.events = vec![event; 20];
    alert
}

fn measure(reader: &Reader, alerts: u64) -> Outcome {
    let open = AlertFilter { states: &OPEN, ..AlertFilter::default() };
    let progress = AlertFilter { states: &OPEN[1..2], ..open };
    let filters = [
        ("open", open),
        ("any state", AlertFilter::default()),
        ("in progress", progress),
        ("open, one partner", AlertFilter { partner: Some("partner-3"), ..open }),
        ("open, at least high", AlertFilter { severity_min: Some(Severity::High), ..open }),
        ("open, `evening`", AlertFilter { text: Some("evening"), ..open }),
        ("any state, one account", AlertFilter { text: Some("cap01234"), ..Default::default() }),
        ("any state, found nowhere", AlertFilter { text: Some("nobody"), ..Default::default() }),
    ];
    for (name, filter) in filters {
        for sort in Sort::ALL {
            let mut key: Option<PageKey> = None;
            timed(&format!("page: {name}, by {}", sort.word()), || {
                // Walks on, so that deep pages count as much as the first.
                let page = reader.alerts(&filter, sort, key.as_ref(), ROWS)?;
                key = page.next;
                Ok(page.alerts.len() as u64)
            })?;
        }
        timed(&format!("counts: {name}"), || Ok(reader.counts(&filter)?.matching.counted.into()))?;
        timed(&format!("all of a page: {name}, by priority"), || {
            // As the console does it: alerts, counts, and one's own alerts counted.
            let mine = AlertFilter {
                states: &OPEN[1..],
                assignee: Some(Assignee::Person("ana")),
                ..filter
            };
            reader.counts(&mine)?;
            reader.counts(&filter)?;
            Ok(reader.alerts(&filter, Sort::Priority, None, ROWS)?.alerts.len() as u64)
        })?;
    }
    let mut n = 0;
    let mut next = || {
        n = (n + 7_919) % alerts;
        format!("01HNY{n:021}")
    };
    timed("one alert", || Ok(u64::from(reader.alert(&next())?.is_some())))?;
    timed("its story", || Ok(reader.activity(&next())?.len() as u64))?;
    timed("similar alerts", || Ok(reader.similar(&next(), 20)?.len() as u64))?;
    timed("open counts of a scrape", || Ok(reader.open_counts()?.len() as u64))
}

/// A person's change, durable, with the audit entry.
fn people(db: &Path) -> Outcome {
    let mut desk = Desk::open(db)?;
    let mut n = 0;
    timed("a comment, stored", || {
        let id = format!("01HNY{n:021}");
        let version = desk.reader()?.alert(&id)?.map_or(1, |alert| alert.triage.version);
        desk.change(&id, version, "ana", &Change::Comment("seen".into()), 0)?;
        n += 1;
        Ok(1)
    })
}

/// Prints p50 and p95 of many rounds.
fn timed(
    name: &str,
    mut round: impl FnMut() -> Result<u64, Box<dyn std::error::Error>>,
) -> Outcome {
    let rounds = if is_tiny() { 3 } else { 100 };
    let mut seconds = Vec::new();
    let mut rows = 0;
    for _ in 0..rounds {
        let watch = Stopwatch::start();
        rows += round()?;
        seconds.push(1e3 * watch.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let p95 = seconds[(seconds.len() * 95).div_ceil(100) - 1];
    let over = if p95 > TARGET_MS { "  OVER" } else { "" };
    println!(
        "  {name:<48} p50 {:>8.2} ms  p95 {p95:>8.2} ms  {:>5} rows{over}",
        seconds[seconds.len() / 2],
        rows / rounds,
    );
    Ok(())
}
