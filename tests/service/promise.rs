//! The promise about false alerts against what came, as a running vigie tells it.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::support::live::Live;
use crate::support::{vigie, wait_for};

fn budget(live: &Live) -> Value {
    serde_json::from_str(&live.get("/api/v1/budget")).unwrap()
}

fn line<'v>(budget: &'v Value, by: &str, name: &str) -> &'v Value {
    let lines = budget[by].as_array().unwrap();
    let found = lines.iter().find(|line| line["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {lines:?}"))
}

#[test]
fn what_was_allowed_and_raised_stands_on_the_page_in_the_api_and_in_metrics() {
    let temp = tempfile::tempdir().unwrap();
    let world = temp.path().join("world");
    // Seven weeks of 100 accounts; on a Wednesday evening of the last, some of them steal.
    vigie(["simulate", "--accounts", "100", "--weeks", "7", "--seed", "4"])
        .args(["--scenario", "A1@44:days=1"])
        .args([&world])
        .run()
        .ok();
    let live = Live::start(temp.path(), "[reference]\naccounts = \"world/accounts.csv\"\n");
    assert_eq!(budget(&live)["first_day"], Value::Null, "nothing counts before the 29th day");
    assert!(live.get("/health").contains("from the 29th day on"));
    // Machines are half of the log, and nothing here is about them.
    let events = fs::read_to_string(world.join("events.ndjson")).unwrap();
    let is_machine =
        |line: &str| line.contains(r#""account":"api-"#) || line.contains(r#""account":"batch-"#);
    let people: Vec<&str> = events.split_inclusive('\n').filter(|l| !is_machine(l)).collect();
    live.append(&people.concat());
    let told = wait_for("the last day", || {
        std::thread::sleep(Duration::from_millis(200));
        let budget = budget(&live);
        // People's last day is Friday the 23rd; nobody's clock says that it is over.
        (budget["last_day"].as_str()? >= "2024-02-22").then_some(budget)
    });

    // Three weeks; the floor of two false alerts a week is what so few accounts are held to.
    let sum = |by: &str, what: &str| -> f64 {
        told[by].as_array().unwrap().iter().filter_map(|line| line[what].as_f64()).sum()
    };
    let allowed = sum("rules", "allowed");
    assert!((4.0..=8.0).contains(&allowed), "{allowed}: {told}");
    assert!((sum("partners", "allowed") - sum("roles", "allowed")).abs() < 1e-9);
    assert!(sum("partners", "allowed") < allowed, "pooled counts are no partner's");
    let weeks = told["account_weeks"].as_f64().unwrap();
    assert!((sum("roles", "account_weeks") - weeks).abs() < 1e-9);
    assert!((150.0..=300.0).contains(&weeks), "{weeks}");

    // The theft counts where it was seen, until somebody says what it was.
    let truth: Value =
        serde_json::from_str(&fs::read_to_string(world.join("truth.json")).unwrap()).unwrap();
    let mut thefts = truth["campaigns"].as_array().unwrap().iter().filter(|c| c["id"] == "A1");
    let thief = thefts.next().unwrap()["accounts"][0].as_str().unwrap();
    let alert = live.alert_of(thief)["alert"].clone();
    let rule = alert["signals"][0]["rule"].as_str().unwrap();
    let before = line(&told, "rules", rule).clone();
    assert!(before["raised"].as_u64().unwrap() > 0, "{before}");
    assert_eq!((&before["thefts"], &before["held"]), (&0.into(), &before["raised"]));
    live.close(alert["id"].as_str().unwrap(), "true_positive_impact");
    let after = budget(&live);
    let after = line(&after, "rules", rule);
    assert_eq!((&after["raised"], &after["thefts"]), (&before["raised"], &1.into()));
    let held = |line: &Value| line["held"].as_u64().unwrap();
    assert_eq!(held(after) + 1, held(&before));

    let page = live.get("/health");
    assert!(page.contains("days that are over") && page.contains(rule), "{page}");
    assert!(!page.contains("out-of-reach"), "{page}");
    let series = format!("vigie_budget_alerts_raised{{by=\"rule\",name=\"{rule}\"}} ");
    wait_for("the metric", || {
        let metrics = live.get("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&series))?.to_owned();
        (value == held(after).to_string()).then_some(())
    });
    live.running.terminate();
    live.running.finish().ok();
}
