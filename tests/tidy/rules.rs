//! Every shipped rule has cases, every case holds, and what is on disk is what is compiled in.

use std::collections::BTreeMap;
use std::sync::Arc;

use vigie::detect::rule::{self, Rules};
use vigie::pipeline::cases;

use super::{house, none_of};

/// Files of `rules/` by name.
fn files() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(house("rules")).expect("the house can be listed");
    entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("rules are UTF-8"))
        })
        .collect()
}

fn complaints(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut complaints = Vec::new();
    let built_in: BTreeMap<&str, &str> =
        rule::BUILT_IN.into_iter().chain(cases::BUILT_IN).collect();
    for (name, text) in files {
        if built_in.get(name.as_str()) != Some(&text.as_str()) {
            complaints.push(format!("rules/{name}: is not compiled in as it is"));
        }
        let Some(stem) = name.strip_suffix(".toml").filter(|stem| *stem != "priors") else {
            continue;
        };
        match files.get(&format!("{stem}.cases.jsonl")) {
            Some(cases) if cases.lines().any(|line| line.contains("\"rule\"")) => {}
            Some(_) => complaints.push(format!("rules/{stem}.cases.jsonl: no case sees it fire")),
            None => complaints.push(format!("rules/{name}: has no {stem}.cases.jsonl")),
        }
    }
    complaints
}

#[test]
fn every_rule_has_cases_and_every_case_holds() {
    let files = files();
    none_of(&complaints(&files));
    let rules = Arc::new(Rules::built_in().expect("the shipped rules are valid"));
    let mut failures = Vec::new();
    let mut count = 0;
    for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".cases.jsonl")) {
        let (held, errors) = cases::run_file(name, text, &rules);
        count += held;
        failures.extend(errors.iter().map(ToString::to_string));
    }
    none_of(&failures);
    assert!(count >= files.len() / 2, "only {count} cases");
}

#[test]
fn rules_can_fail() {
    let files = [("new.toml", ""), ("quiet.toml", ""), ("quiet.cases.jsonl", "{}\n")];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(
        complaints(&files.into_iter().collect()),
        [
            "rules/new.toml: is not compiled in as it is",
            "rules/new.toml: has no new.cases.jsonl",
            "rules/quiet.cases.jsonl: is not compiled in as it is",
            "rules/quiet.toml: is not compiled in as it is",
            "rules/quiet.cases.jsonl: no case sees it fire",
        ]
    );
}
