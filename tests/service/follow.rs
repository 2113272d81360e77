//! `run --follow`: a log that grows, is rotated, and is cut.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use super::{accounts, theft, view};
use crate::support::{Running, snapshots, vigie, wait_for};

fn append(log: &Path, text: &str) {
    OpenOptions::new().append(true).open(log).unwrap().write_all(text.as_bytes()).unwrap();
}

fn follow(folder: &Path) -> Running {
    let config = folder.join("vigie.toml");
    fs::write(&config, "[store]\ndata = \"data\"\nsnapshot_seconds = 1\n").unwrap();
    vigie(["run", "--json", "--follow", "--config"]).args([&config, &folder.join("log")]).start()
}

/// Reads on until an alert is about the account.
fn hear_of(running: &mut Running, account: &str) {
    while !accounts(running.so_far()).iter().any(|a| a == account) {
        assert!(running.runs(), "it ended; so far: {}", running.so_far());
        running.read_lines(1);
    }
}

#[test]
fn a_growing_log_is_watched_through_rotation_and_truncation() {
    let temp = tempfile::tempdir().unwrap();
    let log = temp.path().join("log");
    fs::write(&log, view("quiet", 5, 9)).unwrap();
    let mut running = follow(temp.path());
    append(&log, &theft("grown", 6, 9));
    hear_of(&mut running, "grown");

    // Rotated away while its writer still holds it.
    let old = temp.path().join("log.1");
    fs::rename(&log, &old).unwrap();
    append(&old, &theft("renamed", 7, 9));
    fs::write(&log, theft("rotated", 8, 9)).unwrap();
    hear_of(&mut running, "renamed");
    hear_of(&mut running, "rotated");

    // Cut in place and written anew.
    let short = view("quiet", 9, 8);
    fs::write(&log, &short).unwrap();
    append(&log, &theft("cut", 9, 9));
    hear_of(&mut running, "cut");
    wait_for("a snapshot", || snapshots(&temp.path().join("data"), "file").pop());
    running.terminate();
    let said = running.finish().ok();
    assert_eq!(accounts(&said), ["grown", "renamed", "rotated", "cut"]);
}

#[test]
fn what_happens_while_nobody_looks_is_read_afterwards() {
    let temp = tempfile::tempdir().unwrap();
    let log = temp.path().join("log");
    fs::write(&log, theft("before", 5, 9)).unwrap();
    let mut running = follow(temp.path());
    hear_of(&mut running, "before");
    running.terminate();
    let before = running.finish().ok();

    append(&log, &theft("unseen", 6, 9));
    fs::rename(&log, temp.path().join("log.1")).unwrap();
    fs::write(&log, theft("after", 7, 9)).unwrap();
    let mut running = follow(temp.path());
    hear_of(&mut running, "after");
    running.terminate();
    let after = running.finish().ok();
    assert_eq!(accounts(&before), ["before"]);
    assert!(accounts(&after).ends_with(&["unseen".into(), "after".into()]), "{after}");
    assert!(before.lines().all(|line| !after.contains(line)), "told twice");
}
