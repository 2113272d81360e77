use rusqlite::Connection;

use super::*;
use crate::store::datadir::{DataDir, Purpose};
use crate::store::sqlite::{Commit, Store};

/// Later than every default of the database.
const NOW: TimestampMs = 47_000 * DAY_MS;

struct World {
    store: Store,
    outbox: Outbox,
    _temp: tempfile::TempDir,
}

fn rule(name: &str, severity_min: Severity, historical: bool, notes: bool) -> SinkRule {
    SinkRule { name: name.into(), severity_min, historical, notes }
}

fn world() -> World {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
    let mut store = Store::open(&dir).unwrap();
    store.set_sinks(vec![
        rule("siem", Severity::High, false, true),
        rule("file", Severity::Info, true, false),
    ]);
    let outbox = Outbox::open(&dir.file("vigie.db")).unwrap();
    World { store, outbox, _temp: temp }
}

fn alert(id: &str, revision: u32) -> Alert {
    let mut alert: Alert =
        serde_json::from_str(include_str!("../../../../tests/store/alert.json")).unwrap();
    (alert.id, alert.revision, alert.status) = (id.into(), revision, Status::Open);
    (alert.severity, alert.historical) = (Severity::High, false);
    alert.confidence = 0.9;
    alert
}

fn ended(id: &str, revision: u32) -> Alert {
    Alert { status: Status::Ended, ..alert(id, revision) }
}

impl World {
    fn commit(&mut self, alerts: &[Alert]) -> Result<usize, StoreError> {
        let alerts: Vec<_> = alerts.iter().map(|alert| (alert.clone(), 1)).collect();
        let commit = Commit { source: "log", shard: 0, alerts: &alerts, mark: 2, epoch: 0 };
        self.store.commit(&commit)
    }

    fn claim(&mut self, per_day: u32, now: TimestampMs) -> Vec<Owed> {
        self.claim_under(DailyCaps { messages: per_day, new_alerts: 1_000 }, now)
    }

    fn claim_under(&mut self, caps: DailyCaps, now: TimestampMs) -> Vec<Owed> {
        let claim = Claim { sink: "siem", busy: &[], per_day: Some(caps), rows: 10 };
        self.outbox.claim(&claim, now).unwrap()
    }

    /// Delivers what these caps let go, as `A.1 opened`.
    fn told(&mut self, caps: DailyCaps, now: TimestampMs) -> String {
        self.outbox.let_go("siem", caps, now).unwrap();
        let rows = self.claim_under(caps, now);
        let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        self.outbox.delivered("siem", &seqs, now).unwrap();
        shown(&rows)
    }

    /// What goes now, as `A.1 opened`.
    fn going(&mut self, per_day: u32, now: TimestampMs) -> String {
        shown(&self.claim(per_day, now))
    }

    /// Claims and delivers until nothing is due.
    fn all(&mut self, per_day: u32, now: TimestampMs) -> String {
        let mut said = Vec::new();
        loop {
            let rows = self.claim(per_day, now);
            if rows.is_empty() {
                return said.join(", ");
            }
            said.push(shown(&rows));
            let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
            self.outbox.delivered("siem", &seqs, now).unwrap();
        }
    }

    fn fail(&mut self, wait: TimestampMs, now: TimestampMs) {
        for row in self.claim(100, now) {
            self.outbox.failed(&row, "no", Some(now + wait), now).unwrap();
        }
    }

    fn counts(&self) -> String {
        let counts = self.outbox.counts().unwrap();
        let shown: Vec<String> =
            counts.iter().map(|c| format!("{} {} {}", c.sink, c.state.word(), c.rows)).collect();
        shown.join(", ")
    }
}

fn shown(rows: &[Owed]) -> String {
    let kind = |row: &Owed| row.kind.replace("alert.", "");
    let shown: Vec<String> =
        rows.iter().map(|row| format!("{}.{} {}", row.id, row.revision, kind(row))).collect();
    shown.join(", ")
}

#[test]
fn a_commit_owes_each_new_revision_once_to_those_who_want_it() {
    let mut world = world();
    let mut low = alert("low", 1);
    low.severity = Severity::Medium;
    let mut old = alert("old", 1);
    old.historical = true;
    let alerts = [alert("A", 1), low, old, alert("A", 2)];
    assert_eq!(world.commit(&alerts).unwrap(), 4);
    assert_eq!(world.counts(), "file pending 4, siem pending 2");
    assert_eq!(world.commit(&alerts).unwrap(), 0);
    assert_eq!(world.counts(), "file pending 4, siem pending 2");

    let bad = [(alert("B", 1), 3), (alert("C", 1), u64::MAX)];
    let commit = Commit { source: "log", shard: 0, alerts: &bad, mark: 4, epoch: 0 };
    assert!(world.store.commit(&commit).is_err());
    assert_eq!(world.counts(), "file pending 4, siem pending 2", "nor is anything owed");
    let owed = world.outbox.owed_to("file", 10).unwrap();
    assert_eq!(shown(&owed), "A.1 opened, low.1 opened, old.1 opened, A.2 updated");
    assert_eq!(owed[0].body, serde_json::to_string(&alerts[0]).unwrap());
    assert!(owed[0].created_at > 1_700_000_000_000, "{}", owed[0].created_at);
}

#[test]
fn revisions_of_an_alert_go_in_order_and_hold_up_no_other() {
    let mut world = world();
    world.commit(&[alert("A", 1), alert("A", 2), ended("A", 3), alert("B", 1)]).unwrap();
    assert_eq!(world.going(100, NOW), "A.1 opened, B.1 opened");
    let busy = ["A".to_owned()];
    let claim = Claim { sink: "siem", busy: &busy, per_day: None, rows: 10 };
    assert_eq!(shown(&world.outbox.claim(&claim, NOW).unwrap()), "B.1 opened");
    let a = world.claim(100, NOW).remove(0);
    world.outbox.failed(&a, "no", Some(NOW + 5_000), NOW).unwrap();
    assert_eq!(world.all(100, NOW + 4_999), "B.1 opened", "A.2 waits behind A.1");
    assert_eq!(world.all(100, NOW + 5_000), "A.1 opened, A.2 updated, A.3 ended");
}

#[test]
fn what_failed_twice_gives_way_to_something_newer() {
    let mut world = world();
    world.commit(&[alert("A", 1)]).unwrap();
    world.fail(5_000, NOW);
    world.commit(&[alert("A", 2)]).unwrap();
    assert_eq!(world.going(100, NOW + 1), "", "one failure keeps its place");
    world.fail(300_000, NOW + 5_000);
    world.outbox.conn.execute("UPDATE outbox SET next_at = 0 WHERE revision = 2", []).unwrap();
    assert_eq!(world.all(100, NOW + 6_000), "A.2 opened", "the first that is heard of it opens it");
    assert_eq!(world.counts(), "file pending 2, siem delivered 1, siem summarised 1");
    let text = "SELECT last_error FROM outbox WHERE sink = 'siem' AND revision = 1";
    let error: String = world.outbox.conn.query_row(text, [], |row| row.get(0)).unwrap();
    assert_eq!(error, "revision 2 went in its place; no");
}

#[test]
fn a_dead_row_lets_the_next_one_go_and_can_be_replayed() {
    let mut world = world();
    world.commit(&[alert("A", 1), alert("A", 2)]).unwrap();
    world.fail(60_000, NOW);
    assert_eq!(world.going(100, NOW + 1), "");
    let row = world.claim(100, NOW + 60_000).remove(0);
    world.outbox.failed(&row, "never", None, NOW + 60_000).unwrap();
    assert_eq!(world.all(100, NOW + 60_000), "A.2 opened");
    let dead = world.outbox.dead(10).unwrap();
    assert_eq!((dead.len(), dead[0].attempts, dead[0].done_at), (1, 2, Some(NOW + 60_000)));
    assert_eq!(dead[0].last_error.as_deref(), Some("never"));
    assert!(!world.outbox.replay(dead[0].seq + 1, NOW).unwrap());
    assert!(world.outbox.replay(dead[0].seq, NOW + 70_000).unwrap());
    let again = world.claim(1, NOW + 70_000);
    assert_eq!((again.len(), again[0].attempts), (1, 0), "whatever the cap says");
    assert_eq!(world.outbox.replay_all(NOW).unwrap(), 0);
}

#[test]
fn beyond_the_cap_alerts_are_summarised() {
    let mut world = world();
    world.commit(&[alert("A", 1), alert("B", 1), alert("C", 1), ended("A", 2)]).unwrap();
    let mut critical = alert("D", 1);
    critical.severity = Severity::Critical;
    world.commit(&[critical, ended("C", 2)]).unwrap();
    assert_eq!(world.all(2, NOW), "D.1 opened, A.1 opened, A.2 ended");
    assert_eq!(
        world.counts(),
        "file pending 6, siem delivered 3, siem summarised 3",
        "the end of an alert that was not told is not told"
    );
    let hour = 3_600_000;
    assert_eq!(world.outbox.summarise("siem", NOW + hour - 1).unwrap(), 0);
    assert_eq!(world.outbox.summarise("siem", NOW + hour).unwrap(), 1);
    assert_eq!(world.outbox.summarise("siem", NOW + hour + 1).unwrap(), 0, "once");
    assert_eq!(world.outbox.summarise("file", NOW + hour).unwrap(), 0);
    let note = world.claim(2, NOW + hour).remove(0);
    assert_eq!((note.kind.as_str(), note.note), ("alert.summary", true));
    assert_eq!(
        note.body,
        r#"{"day":"2098-09-06","sink":"siem","alert_count":2,"severity":{"critical":0,"high":2,"medium":0,"low":0,"info":0},"alerts":["B","C"]}"#
    );
    assert_eq!(world.outbox.summarise("siem", NOW + DAY_MS).unwrap(), 0, "nothing new since");

    world.commit(&[alert("E", 1)]).unwrap();
    let evening = NOW + 20 * hour;
    assert_eq!(world.all(2, evening), "summary-siem-47000.1 summary");
    assert_eq!(world.outbox.summarise("siem", NOW + DAY_MS - 1).unwrap(), 0);
    assert_eq!(world.outbox.summarise("siem", NOW + DAY_MS).unwrap(), 1, "the whole day's");

    world.commit(&[alert("C", 3)]).unwrap();
    let said = world.all(2, NOW + DAY_MS);
    assert!(said.contains("C.3 opened"), "another day, another cap: {said}");
}

/// An alert of some weight.
fn weighing(id: &str, confidence: f64, persons: u64) -> Alert {
    let mut alert = alert(id, 1);
    alert.confidence = confidence;
    alert.exposure.persons = persons;
    alert
}

#[test]
fn of_too_many_new_alerts_the_heaviest_of_the_day_are_told() {
    let mut world = world();
    let (caps, hour) = (DailyCaps { messages: 100, new_alerts: 4 }, 3_600_000);
    let five = [
        weighing("A", 0.6, 90),
        weighing("B", 0.9, 30),
        weighing("C", 0.7, 40),
        weighing("D", 0.7, 50),
        weighing("E", 0.5, 99),
    ];
    world.commit(&five).unwrap();
    assert_eq!(world.told(caps, NOW), "B.1 opened, D.1 opened", "half of them at once");
    assert_eq!(world.told(caps, NOW + 9 * hour), "", "the others as the day goes on");
    // Known alerts go on, whatever waits; a lighter one than those does not overtake them.
    world.commit(&[alert("B", 2), weighing("F", 0.55, 30)]).unwrap();
    assert_eq!(world.told(caps, NOW + 9 * hour), "B.2 updated");
    assert_eq!(world.told(caps, NOW + 10 * hour), "C.1 opened");
    let grown = Alert { revision: 2, ..weighing("A", 0.65, 95) };
    world.commit(&[grown]).unwrap();
    assert_eq!(world.told(caps, NOW + 19 * hour), "");
    assert_eq!(world.told(caps, NOW + 20 * hour), "A.2 opened", "the newest that is known of it");
    assert_eq!(world.told(caps, NOW + 24 * hour - 1), "");
    assert_eq!(world.outbox.summarise("siem", NOW + DAY_MS).unwrap(), 1, "one for the rest");
    let rest = world.claim_under(caps, NOW + DAY_MS);
    assert_eq!(shown(&rest), "summary-siem-47000.1 summary");
    assert!(rest[0].body.contains(r#""alerts":["E","F"]"#), "{}", rest[0].body);

    // Who waited yesterday is news again as soon as there is news of it.
    world.commit(&[Alert { revision: 2, ..weighing("E", 0.5, 200) }]).unwrap();
    assert!(world.told(caps, NOW + DAY_MS).contains("E.2 opened"));
}

#[test]
fn grave_evidence_does_not_wait() {
    let mut world = world();
    let caps = DailyCaps { messages: 2, new_alerts: 1 };
    let mut critical = weighing("C", 0.5, 25);
    critical.severity = Severity::Critical;
    world.commit(&[weighing("A", 0.94, 9_999), weighing("B", 0.95, 25), critical]).unwrap();
    assert_eq!(world.told(caps, NOW), "B.1 opened, C.1 opened");
    assert_eq!(world.told(caps, NOW + DAY_MS - 1), "", "they count: A waits");
    // Nor does what became grave while it waited; a flood of it ends at twice the messages.
    let graver = Alert { revision: 2, ..weighing("A", 0.96, 9_999) };
    world.commit(&[graver, weighing("D", 0.99, 25), weighing("E", 0.97, 25)]).unwrap();
    assert_eq!(world.told(caps, NOW + 1), "A.2 opened, D.1 opened");
    assert_eq!(world.counts(), "file pending 6, siem delivered 4, siem summarised 2");
    assert_eq!(world.outbox.summarise("siem", NOW + DAY_MS).unwrap(), 1);
    let note = world.claim(9, NOW + DAY_MS).remove(0);
    assert!(note.body.contains(r#""alerts":["E"]"#), "A was told after all: {}", note.body);
}

#[test]
fn a_retry_is_let_through_once() {
    let mut world = world();
    world.commit(&[alert("A", 1), alert("B", 1)]).unwrap();
    for attempt in 0..3 {
        let rows = world.claim(1, NOW + attempt);
        assert_eq!(shown(&rows), "A.1 opened");
        world.outbox.failed(&rows[0], "no", Some(NOW + attempt), NOW + attempt).unwrap();
    }
    assert_eq!(world.counts(), "file pending 2, siem pending 1, siem summarised 1");
}

#[test]
fn notes_are_owed_once_and_belong_to_no_alert() {
    let mut world = world();
    let note = Note { kind: "vigie.blind", id: "blind-1", revision: 1, body: "{}" };
    world.store.enqueue_note(&note, NOW).unwrap();
    world.outbox.enqueue_note(&[rule("siem", Severity::Info, false, true)], &note, NOW).unwrap();
    world.commit(&[alert("A", 1)]).unwrap();
    assert_eq!(world.counts(), "file pending 1, siem pending 2");
    assert_eq!(world.going(1, NOW), "A.1 opened, blind-1.1 vigie.blind");
    world.outbox.conn.execute("DELETE FROM alert WHERE id = 'A'", []).unwrap();
    assert_eq!(world.counts(), "siem pending 1", "an alert takes what is owed with it");
}

#[test]
fn a_sink_that_is_off_stays_off_until_it_changes_or_is_replayed() {
    let mut world = world();
    world.outbox.introduce("siem", "one").unwrap();
    world.commit(&[alert("A", 1), alert("B", 1)]).unwrap();
    let row = world.claim(9, NOW).remove(0);
    world.outbox.disable(&row, "gone", NOW).unwrap();
    world.outbox.introduce("siem", "one").unwrap();
    assert_eq!(world.going(9, NOW), "");
    assert_eq!(world.outbox.health().unwrap()[0].disabled_at, Some(NOW));
    world.outbox.introduce("siem", "two").unwrap();
    assert_eq!(world.going(9, NOW), "A.1 opened, B.1 opened");
    world.outbox.disable(&row, "gone", NOW).unwrap();
    assert!(world.outbox.enable("siem").unwrap());
    assert!(!world.outbox.enable("siem").unwrap());
    world.outbox.failed(&row, "no", None, NOW).unwrap();
    world.outbox.disable(&row, "gone", NOW).unwrap();
    assert!(world.outbox.replay(row.seq, NOW).unwrap());
    assert_eq!(world.going(9, NOW), "B.1 opened, A.1 opened");
}

#[test]
fn only_a_database_of_this_version_is_opened() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("vigie.db");
    assert!(matches!(Outbox::open(&path), Err(StoreError::Missing { .. })));
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    assert!(matches!(Outbox::open(&path), Err(StoreError::Older { .. })));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Outbox::open(&path), Err(StoreError::Newer { .. })));
}
