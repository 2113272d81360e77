use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::schema::{MIGRATIONS, migrate, schema_version};
use super::*;
use crate::store::datadir::Purpose;

/// A database as schema version 1 made it, kept as text: it must stay readable.
const DATABASE_V1: &str = include_str!("../../../tests/store/database-v1.sql");

fn alert(id: &str, revision: u32) -> Alert {
    let mut alert: Alert = serde_json::from_str(include_str!("../../../tests/store/alert.json"))
        .expect("the contract's example");
    (alert.id, alert.revision) = (id.into(), revision);
    alert.exposure.persons = u64::from(revision) * 100;
    alert
}

struct World {
    store: Store,
    dir: DataDir,
    _temp: tempfile::TempDir,
}

fn world() -> World {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
    World { store: Store::open(&dir).unwrap(), dir, _temp: temp }
}

impl World {
    fn commit(&mut self, alerts: &[(Alert, Position)], mark: Position, epoch: u32) -> usize {
        let commit = Commit { source: "log", shard: 3, alerts, mark, epoch };
        self.store.commit(&commit).unwrap()
    }

    fn one(&self, text: &str) -> String {
        let row = self.store.conn.query_row(text, [], |row| row.get::<_, String>(0));
        row.unwrap()
    }

    /// Everything stored, as text.
    fn dump(&self) -> String {
        self.one(
            "SELECT (SELECT json_group_array(json_array(id, revision, persons, state)) FROM alert)
             || (SELECT json_group_array(json_array(id, revision, position, body)) FROM revision)
             || (SELECT json_group_array(json_array(id, state, version)) FROM triage)
             || (SELECT json_group_array(json_array(source, shard, position, epoch)) FROM mark)",
        )
    }
}

#[test]
fn a_new_database_is_private_durable_and_at_the_newest_schema() {
    let world = world();
    assert_eq!(schema_version(&world.store.conn).unwrap(), MIGRATIONS.len() as i64);
    let pragma = |name| world.store.conn.pragma_query_value(None, name, |row| row.get(0));
    let [synchronous, foreign_keys, timeout]: [i64; 3] =
        ["synchronous", "foreign_keys", "busy_timeout"].map(|name| pragma(name).unwrap());
    assert_eq!((synchronous, foreign_keys, timeout), (2, 1, 10_000));
    for name in ["vigie.db", "vigie.db-wal"] {
        let mode = fs::metadata(world.dir.file(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_version_1_database_stays_readable() {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
    Connection::open(dir.file("vigie.db")).unwrap().execute_batch(DATABASE_V1).unwrap();

    let mut store = Store::open(&dir).unwrap();
    assert_eq!(schema_version(&store.conn).unwrap(), MIGRATIONS.len() as i64);
    let found = store.reader().unwrap().alert("01HNY0V1").unwrap().unwrap();
    assert_eq!(found.alert().unwrap(), alert("01HNY0V1", 2));
    assert_eq!((found.triage.state, found.triage.version), (TriageState::New, 1));
    let reader = store.reader().unwrap();
    for text in ["CAP00412 read", "203.0.113.7"] {
        let filter = AlertFilter { text: Some(text), ..AlertFilter::default() };
        assert_eq!(
            reader.alerts(&filter, Sort::Opened, None, 9).unwrap().alerts.len(),
            1,
            "{text}"
        );
    }
    let vacuum: i64 = store.conn.pragma_query_value(None, "auto_vacuum", |row| row.get(0)).unwrap();
    assert_eq!(vacuum, 2, "incremental: a purge gives pages back");
    assert_eq!(store.mark("log", 3).unwrap(), Some(Mark { position: 40, epoch: 61 }));
    let control = store.latest_control("accounts").unwrap().unwrap();
    assert_eq!((control.seq, control.body), (1, b"account\ncap00412\n".to_vec()));
    let alerts = [(alert("01HNY0V1", 2), 30), (alert("01HNY0V1", 3), 50)];
    let commit = Commit { source: "log", shard: 3, alerts: &alerts, mark: 60, epoch: 61 };
    assert_eq!(store.commit(&commit).unwrap(), 1, "revision 2 is there already");
}

#[test]
fn a_newer_database_is_refused() {
    let world = world();
    world.store.conn.pragma_update(None, "user_version", 77).unwrap();
    let wanted = format!(
        "DATA/vigie.db: schema version 77, this vigie knows up to {}: use the newer vigie, or \
         start an empty folder with --data",
        MIGRATIONS.len()
    );
    let path = world.dir.file("vigie.db");
    for error in [Store::open(&world.dir).unwrap_err(), Reader::open(&path).unwrap_err()] {
        let error = error.to_string();
        assert_eq!(error.replace(&world.dir.path().display().to_string(), "DATA"), wanted);
    }
}

#[test]
fn beside_the_writer_an_older_database_or_none_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("vigie.db");
    let refusal = || {
        let error = Reader::open(&path).unwrap_err().to_string();
        error.replace(&temp.path().display().to_string(), "DATA")
    };
    assert_eq!(refusal(), "DATA/vigie.db: there is no database here yet; `vigie run` makes it");
    Connection::open(&path).unwrap().execute_batch(DATABASE_V1).unwrap();
    let needed = MIGRATIONS.len();
    let wanted = format!(
        "DATA/vigie.db: schema version 1, this vigie needs {needed}: stop the older vigie and \
         start this one with `vigie run`"
    );
    assert_eq!(refusal(), wanted);
}

#[test]
fn a_migration_happens_wholly_or_not_at_all() {
    let mut world = world();
    world.commit(&[(alert("A", 1), 1)], 2, 1);
    let World { mut store, dir, .. } = world;
    let path = dir.file("vigie.db");
    let now = MIGRATIONS.len() as i64;
    let broken = [MIGRATIONS, &["CREATE TABLE extra (x); SELECT nonsense;"]].concat();
    assert!(migrate(&mut store.conn, &path, &broken).is_err());
    assert_eq!(schema_version(&store.conn).unwrap(), now);

    let rebuild = "DROP TRIGGER triage_shows; DROP TRIGGER triage_opened; \
                   CREATE TABLE new AS SELECT * FROM alert; DROP TABLE alert; \
                   ALTER TABLE new RENAME TO alert; CREATE UNIQUE INDEX alert_id ON alert (id);";
    let mended = ["CREATE TABLE extra (x); INSERT INTO extra VALUES (1);"];
    let mended = [MIGRATIONS, &[rebuild], &mended].concat();
    migrate(&mut store.conn, &path, &mended).unwrap();
    migrate(&mut store.conn, &path, &mended).unwrap();
    assert_eq!(schema_version(&store.conn).unwrap(), now + 2);
    let count = |table| {
        let text = format!("SELECT count(*) FROM {table}");
        store.conn.query_row(&text, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(count("extra"), 1, "each migration runs once");
    assert_eq!(count("revision"), 1, "rebuilding a table deletes nothing that refers to it");
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
    fs::write(dir.file("vigie.db"), "not a database at all, just text".repeat(40)).unwrap();
    let error = Store::open(&dir).unwrap_err().to_string();
    assert!(error.contains("vigie.db: file is not a database"), "{error}");
}

#[test]
fn only_a_greater_revision_replaces() {
    let mut world = world();
    let check = |world: &mut World, revision, new, stored| {
        assert_eq!(world.commit(&[(alert("A", revision), 10)], 11, 1), new, "{revision}");
        let found = world.store.reader().unwrap().alert("A").unwrap().unwrap();
        assert_eq!(found.alert().unwrap(), alert("A", stored));
        assert_eq!(found.body, serde_json::to_string(&alert("A", stored)).unwrap());
    };
    check(&mut world, 2, 1, 2);
    check(&mut world, 1, 1, 2);
    check(&mut world, 3, 1, 3);
    check(&mut world, 2, 0, 3);
    let revisions =
        "SELECT json_group_array(revision) FROM (SELECT revision FROM revision ORDER BY 1)";
    assert_eq!(world.one(revisions), "[1,2,3]");
}

#[test]
fn a_repeated_commit_changes_nothing() {
    let mut world = world();
    let alerts = [(alert("A", 1), 5), (alert("B", 1), 6), (alert("A", 2), 9)];
    assert_eq!(world.commit(&alerts, 10, 4), 3);
    world
        .store
        .conn
        .execute("UPDATE triage SET state = 'closed', version = 2 WHERE id = 'A'", [])
        .unwrap();
    let before = world.dump();
    assert_eq!(world.commit(&alerts, 10, 4), 0);
    assert_eq!(world.commit(&alerts[..1], 7, 3), 0, "nor does an earlier one");
    assert_eq!(world.dump(), before);
    assert!(before.contains(r#"["A","closed",2]"#), "people's state is kept: {before}");
}

#[test]
fn a_commit_that_fails_stores_nothing() {
    let mut world = world();
    world.commit(&[(alert("A", 1), 5)], 6, 1);
    let before = world.dump();
    let alerts = [(alert("B", 1), 7), (alert("C", 1), u64::MAX)];
    let commit = Commit { source: "log", shard: 3, alerts: &alerts, mark: 8, epoch: 1 };
    assert!(matches!(world.store.commit(&commit), Err(StoreError::Sql { .. })));
    assert_eq!(world.dump(), before);
    assert_eq!(world.commit(&alerts[..1], 8, 1), 1, "the connection goes on");
}

#[test]
fn marks_are_apart_and_never_go_back() {
    let mut world = world();
    assert_eq!(world.store.mark("log", 3).unwrap(), None);
    for (mark, epoch, position) in [(10, 5, 10), (7, 6, 10), (12, 1, 12)] {
        world.commit(&[], mark, epoch);
        assert_eq!(world.store.mark("log", 3).unwrap().unwrap().position, position);
    }
    assert_eq!(world.store.mark("log", 3).unwrap().unwrap().epoch, 6);
    assert_eq!(world.store.mark("log", 4).unwrap(), None);
    assert_eq!(world.store.mark("other", 3).unwrap(), None);
}

#[test]
fn controls_come_back_in_order() {
    let mut world = world();
    let mut record = |shard, position, kind, digest, body: &[u8], at| {
        let control = Control { source: "log", shard, position, kind, digest, body };
        world.store.record_control(&control, at).unwrap()
    };
    let seqs = [
        record(3, 10, "accounts", "aa", b"first", 1_000),
        record(4, 11, "accounts", "aa", b"first", 1_001),
        record(3, 20, "verdict", "bb", b"", 1_002),
        record(3, 20, "accounts", "cc", b"second", 1_003),
    ];
    assert_eq!(seqs, [1, 2, 3, 4]);

    let since = |shard, position| {
        let rows = world.store.controls_since("log", shard, position).unwrap();
        rows.into_iter().map(|row| (row.seq, row.position)).collect::<Vec<_>>()
    };
    assert_eq!(since(3, 0), [(1, 10), (3, 20), (4, 20)]);
    assert_eq!(since(3, 10), [(1, 10), (3, 20), (4, 20)], "the position itself is included");
    assert_eq!(since(3, 11), [(3, 20), (4, 20)]);
    assert_eq!(since(3, 21), []);
    assert_eq!(since(4, 0), [(2, 11)]);

    let latest = world.store.latest_control("accounts").unwrap().unwrap();
    let expected = ControlRow {
        seq: 4,
        source: "log".into(),
        shard: 3,
        position: 20,
        kind: "accounts".into(),
        digest: "cc".into(),
        body: b"second".into(),
        at: 1_003,
    };
    assert_eq!(latest, expected);
    assert_eq!(world.store.latest_control("rules").unwrap(), None);
    let digest = |source, shard, kind| world.store.last_digest(source, shard, kind).unwrap();
    assert_eq!(digest("log", 3, "accounts").as_deref(), Some("cc"));
    assert_eq!(digest("log", 4, "accounts").as_deref(), Some("aa"), "each shard has its own");
    assert_eq!(digest("stdin", 3, "accounts"), None);
    assert_eq!(world.one("SELECT CAST(count(*) AS TEXT) FROM control_body"), "3");
}

#[test]
fn a_digest_of_other_bytes_is_refused() {
    let mut world = world();
    let control =
        |body| Control { source: "log", shard: 0, position: 1, kind: "rules", digest: "aa", body };
    world.store.record_control(&control(b"one"), 0).unwrap();
    let error = world.store.record_control(&control(b"two"), 0).unwrap_err().to_string();
    assert_eq!(error, "control digest `aa` already names other bytes: a digest is the body's hash");
    assert_eq!(world.store.controls_since("log", 0, 0).unwrap().len(), 1);
}

#[test]
fn readers_cannot_write_and_do_not_wait_for_the_writer() {
    let mut world = world();
    world.commit(&[(alert("A", 1), 1)], 2, 1);
    let reader = world.store.reader().unwrap();
    let tx = world.store.conn.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    tx.execute("DELETE FROM alert", []).unwrap();
    assert!(reader.alert("A").unwrap().is_some());
    assert!(reader.alert("B").unwrap().is_none());
    drop(tx);
}

#[test]
fn an_alert_takes_its_revisions_and_triage_with_it() {
    let mut world = world();
    world.commit(&[(alert("A", 1), 1), (alert("B", 1), 1)], 2, 1);
    world.store.conn.execute("INSERT INTO outbox VALUES ('A', 1, 'hook')", []).unwrap();
    let stray = world.store.conn.execute("INSERT INTO outbox VALUES ('A', 9, 'hook')", []);
    assert!(stray.is_err(), "only stored revisions are owed");
    world.store.conn.execute("DELETE FROM alert WHERE id = 'A'", []).unwrap();
    assert_eq!(
        world.one(
            "SELECT (SELECT json_group_array(id) FROM revision)
             || (SELECT json_group_array(id) FROM triage)
             || (SELECT json_group_array(id) FROM outbox)"
        ),
        r#"["B"]["B"][]"#
    );
}

#[test]
fn what_does_not_fit_an_integer_is_an_error() {
    let mut world = world();
    let commit = |mark| Commit { source: "log", shard: 3, alerts: &[], mark, epoch: 0 };
    world.store.commit(&commit(i64::MAX as u64)).unwrap();
    assert_eq!(world.store.mark("log", 3).unwrap().unwrap().position, i64::MAX as u64);
    assert!(world.store.commit(&commit(u64::MAX)).is_err());
}

impl Store {
    /// The connection itself, to do what people or chance may do to a database.
    pub(in crate::store) fn raw(&self) -> &Connection {
        &self.conn
    }

    /// Revision, position and body of everything stored, in order.
    pub(in crate::store) fn revisions_for_test(&self) -> Vec<(i64, i64, String)> {
        let text = "SELECT revision, position, body FROM revision ORDER BY id, revision";
        let mut statement = self.conn.prepare(text).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}
