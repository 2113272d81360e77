//! `vigie evaluate` as people run it: on a tiny world, again, and interrupted.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::vigie;

const TINY: [&str; 11] = [
    "evaluate",
    "--size",
    "300",
    "--weeks",
    "6",
    "--worlds",
    "2",
    "--scenario",
    "A7@36:persons_max=2000",
    "--json",
    "--out",
];

fn run(out: &Path, more: &[&str]) -> (Value, String) {
    let finished = vigie(TINY).args([out]).args(more).run();
    let stderr = finished.stderr.clone();
    (serde_json::from_str(&finished.ok()).unwrap(), stderr)
}

#[test]
fn a_tiny_world_is_scored() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("done.jsonl");
    let (scores, told) = run(&out, &[]);
    let column = &scores["columns"][0];
    assert_eq!(column["detector"], "vigie");
    assert_eq!(column["worlds"], 2);
    assert!(column["account_weeks"].as_u64().unwrap() > 700, "{column}");
    // Two alerts a week is all that so few accounts can be promised.
    assert!(column["held"].as_f64().unwrap() > 5.0, "{column}");
    let attack = &column["scenarios"][0];
    assert_eq!((&attack["campaigns"], &attack["caught"]), (&2.into(), &2.into()), "{attack}");
    let exposed = attack["exposed_campaign"]["worst"].as_f64().unwrap();
    assert!((25.0..=600.0).contains(&exposed), "{attack}");
    assert!(attack["exposed_at_random"].as_f64().unwrap() > 1_500.0, "{attack}");
    assert!(told.contains("seed 1: ") && told.contains("seed 2: "), "{told}");
}

#[test]
fn finished_work_is_not_done_again() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("done.jsonl");
    let (first, _) = run(&out, &[]);
    let lines = fs::read_to_string(&out).unwrap();
    assert_eq!(lines.lines().count(), 2);
    let (again, told) = run(&out, &[]);
    assert_eq!(first, again);
    assert!(!told.contains("seed"), "worlds were played again: {told}");
    // Killed within its second line.
    let cut = lines.trim_end().len() - 10;
    fs::write(&out, &lines[..cut]).unwrap();
    let (resumed, told) = run(&out, &["--threads", "1"]);
    assert_eq!(first, resumed);
    assert_eq!(told.matches("seed").count(), 1, "one world was missing: {told}");
    // Other options are other work.
    let (_, told) = run(&out, &["--budget", "5"]);
    assert_eq!(told.matches("seed").count(), 2, "{told}");
}

#[test]
fn an_ablation_is_a_row_of_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("done.jsonl");
    let (scores, _) = run(&out, &["--ablate", "mass-extraction.foreign-origins"]);
    let columns = scores["columns"].as_array().unwrap();
    let names: Vec<&str> = columns.iter().filter_map(|c| c["detector"].as_str()).collect();
    assert_eq!(names, ["vigie", "vigie without mass-extraction.foreign-origins"]);
    let first_by = |n: usize| columns[n]["scenarios"][0]["first_by"].to_string();
    assert!(!first_by(1).contains("foreign"), "{}", first_by(1));
    let unknown = vigie(["evaluate", "--ablate", "nothing"]).run().failed(2);
    assert!(unknown.contains("one of ") && unknown.contains("mass-extraction.volume"), "{unknown}");
}
