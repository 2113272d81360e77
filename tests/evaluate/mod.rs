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

#[test]
fn comparators_are_set_to_the_same_budget_and_stand_beside() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("done.jsonl");
    let tiny = ["evaluate", "--size", "100", "--weeks", "6", "--worlds", "1", "--comparators"];
    let more = ["--scenario", "A7@36:persons_max=2000", "--json", "--out"];
    let run = || vigie(tiny).args(more).args([&out]).run();
    let first = run();
    let told = first.stderr.clone();
    let scores: Value = serde_json::from_str(&first.ok()).unwrap();
    let columns = scores["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 10);
    assert_eq!(columns[0]["detector"], "vigie");
    for column in &columns[1..] {
        let name = &column["detector"];
        assert_eq!(column["account_weeks"], columns[0]["account_weeks"], "{name}");
        assert_eq!(column["held"], columns[0]["held"], "{name}");
    }
    let grid = scores["calibrations"][0]["grid"].as_array().unwrap();
    let allowed = scores["calibrations"][0]["allowed"].as_f64().unwrap();
    assert_eq!(grid.iter().filter(|p| p["chosen"] == true).count(), 9);
    assert!(grid.iter().all(|p| p["alerts"].as_f64().unwrap() <= allowed), "{grid:?}");
    // Fifty persons a page, two thousand in all: no cap lets that pass.
    let cap = columns.iter().find(|c| c["detector"] == "static cap").unwrap();
    assert_eq!(cap["scenarios"][0]["caught"], 1, "{cap}");
    assert!(told.contains("setting the comparators"), "{told}");
    let again = run();
    assert!(!again.stderr.contains("setting"), "settings were kept: {}", again.stderr);
    assert_eq!(scores, serde_json::from_str::<Value>(&again.ok()).unwrap());
}

/// Forty accounts over 200 days, five to nine records a day each.
fn history(path: &Path) {
    let mut rows = "ts,org,account,record\n".to_owned();
    for day in 0..200u64 {
        for account in 0..40u64 {
            for n in 0..5 + (day * 7 + account * 3) % 5 {
                let ts = 1_700_000_000 + day * 86_400 + account * 60 + n * 600;
                rows +=
                    &format!("{ts},{},{account},{}\n", account % 2, (account * 50 + n * day) % 900);
            }
        }
    }
    fs::write(path, rows).unwrap();
}

#[test]
fn attacks_are_laid_over_a_history() {
    let temp = tempfile::tempdir().unwrap();
    let csv = temp.path().join("office.csv");
    history(&csv);
    let args = ["evaluate", "--json", "--runs", "3", "--budget-floor", "2", "--history"];
    let finished = vigie(args).args([&csv]).run();
    assert!(
        finished.stderr.contains("office: 40 accounts, 80")
            && finished.stderr.contains(" of them tested"),
        "{}",
        finished.stderr
    );
    let scores: Value = serde_json::from_str(&finished.ok()).unwrap();
    let column = &scores["columns"][0];
    // Fifty days of forty accounts, counted once although six runs play them.
    let weeks = column["account_weeks"].as_u64().unwrap();
    assert!((280..=360).contains(&weeks), "{weeks}");
    let row = |name: &str| {
        let rows = column["scenarios"].as_array().unwrap();
        rows.iter().find(|r| r["name"] == name).unwrap_or_else(|| panic!("{name} in {rows:?}"))
    };
    let burst = row("burst +3000");
    assert_eq!(burst["campaigns"], burst["caught"], "{burst}");
    assert!(burst["exposed_campaign"]["worst"].as_f64().unwrap() < 1_500.0, "{burst}");
    assert!(row("burst +100")["campaigns"].as_u64().unwrap() >= 3);
}
