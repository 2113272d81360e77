//! Beside a running `vigie run`, which holds the folder's lock and its own key, while its log grows
//! and is rotated.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;

use super::rows;
use crate::support::{PATIENCE, Running, vigie, wait_for};
use vigie::alert::Alert;

/// An account lists 30 persons a minute for half an hour; with a namespace, or numbers, or quotes.
fn theft(account: &str, day: u32) -> String {
    let mut log = String::new();
    for minute in 0..30 {
        let persons: Vec<String> =
            (0..30).map(|n| format!(r#""nir:{account}\",{}""#, minute * 30 + n)).collect();
        let _ = writeln!(
            log,
            r#"{{"time":"2024-02-{day:02}T09:{minute:02}:00Z","account":"{account}","action":"search","records":[{}]}}"#,
            persons.join(",")
        );
    }
    log
}

/// The newest revision about an account, once it has exposed so many.
fn heard(running: &mut Running, account: &str, persons: u64) -> Alert {
    let since = vigie::clock::Stopwatch::start();
    loop {
        let of_account = running.so_far().lines().rev().find_map(|line| {
            let alert: Alert = serde_json::from_str(line).unwrap();
            (alert.entity.id == account).then_some(alert)
        });
        match of_account {
            Some(alert) if alert.exposure.persons >= persons => return alert,
            _ => assert!(running.runs() && since.elapsed() < PATIENCE, "{}", running.so_far()),
        }
        running.read_lines(1);
    }
}

#[test]
fn a_running_watch_is_not_disturbed() {
    let temp = tempfile::tempdir().unwrap();
    let (log, old) = (temp.path().join("log"), temp.path().join("log.1"));
    let config = temp.path().join("vigie.toml");
    fs::write(&config, "[store]\ndata = \"data\"\nsnapshot_seconds = 1\n").unwrap();
    fs::write(&log, theft("before", 6)).unwrap();
    let mut running = vigie(["run", "--json", "--follow", "--listen", "none", "--config"])
        .args([&config, &log])
        .start();
    let before = heard(&mut running, "before", 500);
    let list = |id: &str| {
        let flags = ["evidence", id, "--raw", "--config"];
        vigie(flags).args([&config]).run()
    };
    // Its first snapshot may be a moment away.
    let csv = wait_for("a list", || {
        let run = list(&before.id);
        (run.code == Some(0)).then_some(run)
    });
    assert!(csv.stderr.contains("it is still open"), "{}", csv.stderr);
    let mut reader = csv::Reader::from_reader(csv.stdout.as_bytes());
    let named: Vec<String> = reader.records().map(|r| r.unwrap()[0].to_owned()).collect();
    // Exact up to the revision, whose position ends at the event that caused it.
    assert!(named.len() as u64 >= before.exposure.persons, "{} persons", named.len());
    assert!(named.contains(&"nir:before\",0".to_owned()), "{named:?}");

    fs::rename(&log, &old).unwrap();
    fs::write(&log, theft("after", 7)).unwrap();
    OpenOptions::new().append(true).open(&log).unwrap().write_all(b"\n").unwrap();
    let after = heard(&mut running, "after", 500);
    let both = wait_for("a list over the rotation", || {
        let run = vigie(["evidence", &before.id, &after.id, "--config"]).args([&config]).run();
        (run.code == Some(0)).then_some(run)
    });
    assert!(running.runs(), "it goes on");
    assert!(rows(&both.stdout).len() as u64 >= before.exposure.persons + after.exposure.persons);
    running.terminate();
    running.finish().ok();
}
