//! `kill -9` in the middle of delivery.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use vigie::alert::Alert;
use vigie::respond::hook::Hook;
use vigie::respond::ndjson::AlertsFile;
use vigie::respond::outbox::OutboxState::{Delivered, Pending};

use super::peer::{Receiver, SECRET, alert, owed, rows, settings};
use crate::support::{Running, vigie, wait_for};

const ALERTS: u32 = 60;
const REVISIONS: u32 = 3;

fn start(folder: &Path) -> Running {
    vigie(["run", "--follow", "--config"])
        .args([folder.join("vigie.toml"), folder.join("log")])
        .start()
}

/// How often each (id, revision) is in the file.
fn in_file(path: &Path) -> BTreeMap<(String, u32), u32> {
    let mut found = BTreeMap::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let alert: Alert = serde_json::from_str(line).unwrap();
        *found.entry((alert.id, alert.revision)).or_insert(0) += 1;
    }
    found
}

#[test]
fn killed_in_the_middle_nothing_is_lost() {
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    let url = format!("http://127.0.0.1:{}/slow", receiver.port);
    fs::write(temp.path().join("secret"), SECRET).unwrap();
    fs::write(temp.path().join("log"), "").unwrap();
    let config = format!(
        "[[hook]]\nname = 'slow'\nurl = '{url}'\nsecret_files = ['secret']\nalerts_per_day = 1000\n\
         new_alerts_per_day = 1000\n\
         [store]\ndata = 'data'\n"
    );
    fs::write(temp.path().join("vigie.toml"), config).unwrap();
    let data = temp.path().join("data");
    let alerts: Vec<Alert> = (1..=REVISIONS)
        .flat_map(|revision| (0..ALERTS).map(move |n| alert(&format!("alert-{n:02}"), revision)))
        .collect();
    let rules = vec![Hook::new(settings(&url)).unwrap().rule(), AlertsFile::rule()];
    owed(&data, rules, &alerts);
    let total = u64::from(ALERTS * REVISIONS);

    for part in 1..=3 {
        let mut running = start(temp.path());
        wait_for("some deliveries", || {
            (rows(&data, "slow", Delivered) >= part * total / 5).then_some(())
        });
        running.kill();
        assert_eq!(running.finish().code, None);
        assert!(rows(&data, "slow", Pending) > 0, "killed too late: nothing was tested");
    }
    let running = start(temp.path());
    wait_for("everything", || {
        let done = |sink| rows(&data, sink, Delivered) == total;
        (done("slow") && done(AlertsFile::NAME)).then_some(())
    });
    running.terminate();
    running.finish().ok();

    let mut ids = receiver.ids("/slow");
    let times = ids.len() as u64;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len() as u64, total, "each webhook-id at least once");
    assert!(times <= total + 3 * 4, "at most what was on its way is repeated: {times}");
    let file = in_file(&data.join("alerts.ndjson"));
    assert_eq!(file.len() as u64, total);
}
