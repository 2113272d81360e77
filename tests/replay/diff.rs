//! `replay --diff`: what it says of each side is what a replay of that side says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use vigie::alert::Alert;

use super::case::first_evening;
use crate::support::{Program, vigie};

/// The built-in rules with floors of 100 persons.
fn deaf(folder: &Path) {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    for entry in fs::read_dir(rules).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = fs::read_to_string(&path).unwrap().replace("floor = 25", "floor = 100");
            fs::write(folder.join(path.file_name().unwrap()), text).unwrap();
        }
    }
}

fn replay(args: &[&str]) -> Program {
    vigie(["replay", "--quiet"]).args(first_evening().directory()).args(args)
}

/// Id, exposure in the first and in the last revision.
type Said = BTreeMap<String, (u64, u64)>;

/// What a replay said.
fn heard(lines: &str) -> Said {
    let mut said = Said::new();
    for line in lines.lines() {
        let alert: Alert = serde_json::from_str(line).unwrap();
        let persons = alert.exposure.persons;
        said.entry(alert.id).or_insert((persons, persons)).1 = persons;
    }
    said
}

/// What the comparison says of a side.
fn side(document: &Value, name: &str) -> Said {
    let alone = document[format!("only_{name}")].as_array().unwrap().iter().map(|m| &m["alerts"]);
    let both = document["both"].as_array().unwrap().iter().map(|m| &m[name]);
    let alerts = alone.chain(both).flat_map(|alerts| alerts.as_array().unwrap());
    let of = |alert: &Value, key: &str| alert[key].as_u64().unwrap();
    alerts
        .map(|a| {
            (a["id"].as_str().unwrap().to_owned(), (of(a, "persons_at_first"), of(a, "persons")))
        })
        .collect()
}

#[test]
fn each_side_is_what_its_own_replay_says() {
    let temp = tempfile::tempdir().unwrap();
    deaf(temp.path());
    let folder = temp.path().to_str().unwrap();
    let log = first_evening().log.to_str().unwrap();
    let printed = replay(&[log, "--diff", folder, "--json"]).run().ok();
    let document: Value = serde_json::from_str(&printed).unwrap();
    let (a, b) =
        (heard(&first_evening().straight), heard(&replay(&[log, "--rules", folder]).run().ok()));
    assert_ne!(a, b, "the rules differ in what they say");
    assert_eq!(side(&document, "a"), a);
    assert_eq!(side(&document, "b"), b);
    let sum = |said: &Said| said.values().map(|(first, _)| first).sum::<u64>();
    assert_eq!(document["a"]["persons_at_first_alert"], sum(&a));
    assert_eq!(document["b"]["persons_at_first_alert"], sum(&b));
    let both = document["both"].as_array().unwrap();
    let late = |m: &&Value| m["b_later_seconds"].as_f64().unwrap() > 0.0;
    assert!(both.iter().any(|m| late(&m)), "a floor of 100 tells the theft later");

    // The same through a pipe; the other way round, A and B change places.
    let piped = replay(&["-", "--diff", folder, "--json"]).fed(&fs::read(log).unwrap()).ok();
    assert_eq!(piped, printed);
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let args = [log, "--rules", folder, "--diff", other.to_str().unwrap(), "--json"];
    let turned: Value = serde_json::from_str(&replay(&args).run().ok()).unwrap();
    assert_eq!(side(&turned, "a"), b);
    assert_eq!(side(&turned, "b"), a);
}

#[test]
fn people_get_a_table() {
    let temp = tempfile::tempdir().unwrap();
    deaf(temp.path());
    let log = first_evening().log.to_str().unwrap();
    let text = replay(&[log, "--diff", temp.path().to_str().unwrap()]).run().ok();
    for wanted in [
        "A  built-in  (rules ",
        "\nalerts by rule\n",
        " later\n",
        "persons exposed at first alert ",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
    }
    let same = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let text = replay(&[log, "--diff", same.to_str().unwrap()]).run().ok();
    assert!(text.contains("A and B are the same rules."), "{text}");
    assert!(!text.contains("only in"), "{text}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    deaf(temp.path());
    let folder = temp.path().to_str().unwrap();
    let state = replay(&["x", "--diff", folder, "--state", "y"]).run().failed(2);
    assert!(state.contains("leave --state out"), "{state}");
    assert!(replay(&["x", "--json"]).run().failed(2).contains("--diff"));

    let gone = replay(&["x", "--diff", "/nowhere"]).run().failed(1);
    assert!(gone.contains("/nowhere: cannot be read"), "{gone}");
    let volume = temp.path().join("volume.toml");
    fs::write(&volume, "id = 'x.y'\nwatch = 'distinct_persons'\nflor = 3\n").unwrap();
    let config = temp.path().join("vigie.conf");
    fs::write(&config, "[detection]\nquiet_hours = 0\n").unwrap();
    let args = ["x", "--diff", folder, "--config", config.to_str().unwrap()];
    let wrong = replay(&args).run().failed(1);
    assert!(wrong.contains(&format!("{}:3: ", volume.display())), "{wrong}");
    assert!(wrong.contains("vigie.conf:2: quiet_hours"), "both sides at once: {wrong}");
}
