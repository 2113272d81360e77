//! The cases, and what must come of each when it is read straight, in this process.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use vigie::alert::Alert;
use vigie::config::Config;
use vigie::decode::{DecodeOptions, Decoder, Mapping, PseudonymKey, Pseudonymiser};
use vigie::detect::epoch::Budget;
use vigie::detect::rule::Rules;
use vigie::detect::{Control, Detector, Settings};
use vigie::directory::Accounts;
use vigie::ingest::{FileOptions, FileSource};
use vigie::pipeline::run::{Extras, Opened, SHARD, drive};
use vigie::pipeline::shard::{Output, Shard};
use vigie::triage::{Language, Triage};

use crate::support::{golden, tests, world};

/// One golden case.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) log: PathBuf,
    pub(super) accounts: PathBuf,
    /// Standard output of a straight replay.
    pub(super) straight: String,
}

impl Case {
    /// Reads the case straight.
    fn new(name: &'static str, log: PathBuf, accounts: PathBuf) -> Case {
        let straight = straight(&log, &accounts);
        Case { name, log, accounts, straight }
    }

    /// The arguments that every way of reading it shares.
    pub(super) fn directory(&self) -> [&Path; 2] {
        [Path::new("--accounts"), &self.accounts]
    }

    /// Fails where the output of another way of reading differs.
    pub(super) fn same(&self, way: &str, found: &str) {
        let first = self.straight.lines().zip(found.lines()).position(|(a, b)| a != b);
        assert!(
            self.straight == found,
            "{}, {way}: {} lines instead of {}, the first that differs is {first:?}",
            self.name,
            found.lines().count(),
            self.straight.lines().count(),
        );
    }
}

/// Every case.
pub(super) fn cases() -> [&'static Case; 2] {
    [first_evening(), every_fault()]
}

/// A simulated network with the theft of 2024 in it.
pub(super) fn first_evening() -> &'static Case {
    static CASE: OnceLock<Case> = OnceLock::new();
    CASE.get_or_init(|| {
        Case::new("first-evening", world().events.clone(), world().accounts.clone())
    })
}

/// A log in which everything is broken that can be.
fn every_fault() -> &'static Case {
    static CASE: OnceLock<Case> = OnceLock::new();
    let file = |name: &str| tests("replay/every-fault").join(name);
    CASE.get_or_init(|| Case::new("every-fault", file("input.ndjson"), file("accounts.csv")))
}

/// The library's own pieces put together, without the program around them.
fn straight(log: &Path, accounts: &Path) -> String {
    let mut shard = shard();
    let text = fs::read(accounts).unwrap();
    let accounts = Accounts::read("accounts.csv", &text).unwrap();
    shard.schedule(0, 1, Control::Accounts(Arc::new(accounts)));
    let options = FileOptions { paths: vec![log.into()], ..FileOptions::default() };
    let source = FileSource::open(options, None).unwrap();
    let told = Arc::new(Mutex::new(String::new()));
    let hear = Arc::clone(&told);
    let tell = Box::new(move |alert: &Alert, _: &Output| {
        let mut told = hear.lock().unwrap();
        told.push_str(&serde_json::to_string(alert)?);
        told.push('\n');
        Ok(())
    });
    let mut shards = BTreeMap::from([(SHARD, Opened::new(shard))]);
    let report = Box::new(|_, _: &_| {});
    drive(Box::new(source), 0, &mut shards, Extras::default(), tell, report).unwrap();
    std::mem::take(&mut *told.lock().unwrap())
}

fn shard() -> Shard {
    let config = Config::built_in().unwrap();
    let key = PseudonymKey::PUBLIC;
    let names = Pseudonymiser::new(key, "account");
    let rules = Arc::new(Rules::built_in().unwrap());
    let settings = Settings {
        zone: config.detection.zone.clone(),
        budget: Budget {
            per_account_week: config.detection.budget_per_1000_account_weeks / 1_000.0,
            per_week_min: config.detection.budget_per_week_min,
        },
        quiet_ms: i64::from(config.detection.quiet_hours) * 3_600_000,
        accounts_max: config.detection.accounts_max as usize,
        name_key: (names.opaque("account-name", "0"), names.opaque("account-name", "1")),
    };
    let options = DecodeOptions {
        default_namespace: config.source.namespace.clone(),
        population_codes: Vec::new(),
    };
    let decoder = Decoder::new(&Mapping::preset("native").unwrap(), key, options).unwrap();
    let triage = Triage {
        shard: "file".into(),
        rules_version: rules.version.clone(),
        population: Vec::new(),
        language: Language::English,
    };
    Shard::new(decoder, Detector::new(settings, rules).unwrap(), triage)
}

/// One line a revision, without what may differ in its last digits between machines.
fn digest(line: &str) -> String {
    let alert: Value = serde_json::from_str(line).unwrap();
    let signals = alert["signals"].as_array().unwrap().iter();
    let signals: Vec<String> = signals
        .map(|s| format!("{} {}", s["rule"].as_str().unwrap(), s["window"].as_str().unwrap()))
        .collect();
    let digest = json!([
        alert["id"],
        alert["revision"],
        alert["status"],
        alert["severity"],
        alert["entity"]["id"],
        alert["opened_at"],
        alert["updated_at"],
        alert["exposure"]["persons"],
        alert["positions"],
        signals,
    ]);
    digest.to_string() + "\n"
}

#[test]
fn alerts_are_the_golden_ones() {
    for case in cases() {
        let digests: String = case.straight.lines().map(digest).collect();
        golden(&format!("replay/{}/alerts.ndjson", case.name), &digests);
    }
}

/// What `why.md` of the first case promises, in code.
#[test]
fn the_first_evening_is_what_its_reason_says() {
    let alerts: Vec<Alert> =
        first_evening().straight.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let opened: Vec<&Alert> = alerts.iter().filter(|a| a.revision == 1).collect();
    let theft = |a: &&&Alert| a.opened_at.starts_with("2024-02-06T18:00:0");
    assert_eq!(opened.iter().filter(theft).count(), 2, "both stolen accounts, within 10 s");
    let ended = |a: &&&Alert| a.signals.iter().any(|s| s.rule == "account.ended");
    assert_eq!(opened.iter().filter(ended).count(), 1, "the leaver's account");
}
