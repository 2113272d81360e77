//! Bad input is no way to hide: with one line in ten broken, every alert of the clean log comes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use vigie::simulate::POPULATION_CODES;

use crate::support::faults::{MENDED, REFUSED};
use crate::support::{quarantined, vigie, world};

/// What must not change: everything but where in the log it stands.
fn essence(lines: &str) -> Vec<Value> {
    let essence = |line: &str| {
        let alert: Value = serde_json::from_str(line).unwrap();
        json!([
            alert["id"],
            alert["revision"],
            alert["status"],
            alert["severity"],
            alert["exposure"],
            alert["signals"],
        ])
    };
    lines.lines().map(essence).collect()
}

#[test]
fn every_alert_of_the_clean_log_comes_unchanged() {
    let temp = tempfile::tempdir().unwrap();
    let config = temp.path().join("vigie.toml");
    // With its population codes known, nothing of the clean log is dropped.
    fs::write(&config, format!("[source]\npopulation = {POPULATION_CODES:?}\n")).unwrap();
    let replay = |log: &Path, state: &str| {
        let finished = vigie(["replay", "--config"])
            .args([&config, log])
            .args([Path::new("--accounts"), &world().accounts])
            .args([Path::new("--state"), &temp.path().join(state)])
            .run();
        (finished.stderr.clone(), finished.ok())
    };
    let (clean_summary, clean) = replay(&world().events, "clean");
    assert!(!clean_summary.contains("quarantined"), "{clean_summary}");
    assert!(!clean_summary.contains("dropped"), "{clean_summary}");
    assert!(clean.lines().count() > 20);

    let broken = Broken::new();
    let log = temp.path().join("broken.ndjson");
    fs::write(&log, &broken.log).unwrap();
    let (summary, found) = replay(&log, "broken");
    assert_eq!(essence(&found), essence(&clean));

    let listed = |counts: &BTreeMap<&str, u64>| {
        counts.iter().map(|(what, n)| format!("{what} {n}")).collect::<Vec<_>>().join(", ")
    };
    let refused: u64 = broken.refused.values().sum();
    let quarantined_line = format!("{refused} lines quarantined: {}", listed(&broken.refused));
    assert!(summary.contains(&quarantined_line), "expected {quarantined_line:?} in:\n{summary}");
    let dropped_line = format!(
        "bad optional fields dropped, events counted: {}\ntext repaired in {} events",
        listed(&broken.dropped),
        broken.repaired
    );
    assert!(summary.contains(&dropped_line), "expected {dropped_line:?} in:\n{summary}");

    let entries = quarantined(&temp.path().join("broken"));
    assert_eq!(entries.len() as u64, refused);
    for entry in &entries {
        let at = entry["at_position"].as_u64().unwrap() as usize;
        let line = &broken.log[at..at + entry["length"].as_u64().unwrap() as usize];
        let (_, reason) = REFUSED.iter().find(|(text, _)| *text == line).unwrap();
        assert_eq!(entry["reason"], *reason);
    }
}

/// The world's log with a broken line in ten, and what is wrong with it.
#[derive(Default)]
struct Broken {
    log: Vec<u8>,
    refused: BTreeMap<&'static str, u64>,
    dropped: BTreeMap<&'static str, u64>,
    repaired: u64,
}

impl Broken {
    fn new() -> Broken {
        let mut broken = Broken::default();
        let (mut next_refused, mut next_mended) = (REFUSED.iter().cycle(), MENDED.iter().cycle());
        for (number, line) in world().lines().enumerate() {
            let line = line.trim_ascii_end();
            match number % 20 {
                0 => {
                    let (text, reason) = next_refused.next().unwrap();
                    broken.put(text);
                    *broken.refused.entry(reason).or_default() += 1;
                    broken.put(line);
                }
                10 => {
                    let fault = next_mended.next().unwrap();
                    broken.put(&fault.breaks(line));
                    if let Some(field) = fault.dropped {
                        *broken.dropped.entry(field).or_default() += 1;
                    }
                    broken.repaired += u64::from(fault.repaired);
                }
                _ => broken.put(line),
            }
        }
        broken
    }

    fn put(&mut self, line: &[u8]) {
        self.log.extend_from_slice(line);
        self.log.push(b'\n');
    }
}
