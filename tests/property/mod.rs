//! What holds for every log, tried on small simulated worlds with noise in them, through the same
//! shard that production drives. `PROPTEST_CASES=600 cargo test --release property` tries harder.

mod kept;
mod noise;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use noise::{noise, with_noise};
use vigie::alert::Alert;
use vigie::event::Position;
use vigie::pipeline::shard::Output;
use vigie::triage::alert_id;
use world::{Log, SEEDS, empty_shard, log, position_of, read, shard};

/// Six tries of each, or as many as `PROPTEST_CASES` asks for; failures are kept beside this file.
fn tries() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(6),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/property/regressions.txt"
        )))),
        // A failing log is looked at whole; shrinking would run thousands of worlds.
        max_shrink_iters: 50,
        ..ProptestConfig::default()
    }
}

fn alerts(outputs: &[Output]) -> impl Iterator<Item = (&Alert, Position)> {
    outputs.iter().filter_map(|output| match output {
        Output::Alert { alert, position, .. } => Some((&**alert, *position)),
        _ => None,
    })
}

#[test]
fn the_worlds_raise_alerts_to_look_at() {
    for seed in SEEDS {
        let log = log(seed);
        let (outputs, _) = read(&mut shard(&log.accounts), &log.lines, 0, &[]);
        let ids: BTreeSet<&str> = alerts(&outputs).map(|(alert, _)| alert.id.as_str()).collect();
        let most = alerts(&outputs).map(|(alert, _)| alert.revision).max();
        assert!(ids.len() >= 2 && most >= Some(3), "seed {seed}: {} alerts, {most:?}", ids.len());
        assert!(log.lines.len() > 5_000, "seed {seed}: {} lines", log.lines.len());
    }
}

proptest! {
    #![proptest_config(tries())]

    #[test]
    fn any_split_into_batches_gives_the_same(
        seed in SEEDS,
        noise in noise(),
        sizes in prop::collection::vec(prop_oneof![1..4usize, 1..3_000usize], 1..20),
    ) {
        let log = log(seed);
        let lines = with_noise(&log.lines, &noise);
        let (mut whole, mut split) = (shard(&log.accounts), shard(&log.accounts));
        let expected = read(&mut whole, &lines, 0, &[]);
        let came = read(&mut split, &lines, 0, &sizes);
        prop_assert!(came == expected, "{} and {} outputs", came.0.len(), expected.0.len());
        prop_assert!(whole.snapshot() == split.snapshot(), "snapshots differ");
    }

    #[test]
    fn every_line_is_an_event_or_quarantined_and_positions_never_go_back(
        seed in SEEDS,
        noise in noise(),
    ) {
        let log = log(seed);
        let lines = with_noise(&log.lines, &noise);
        let mut shard = shard(&log.accounts);
        let (outputs, _) = read(&mut shard, &lines, 0, &[997]);
        let (tally, counters) = (shard.tally(), shard.detector().counters());
        prop_assert_eq!(tally.lines, lines.len() as u64);
        prop_assert_eq!(tally.lines, counters.events + tally.quarantined_total());
        let quarantined = outputs.iter().filter(|o| matches!(o, Output::Quarantine { .. }));
        prop_assert_eq!(quarantined.count() as u64, tally.quarantined_total());
        prop_assert_eq!(alerts(&outputs).count() as u64, tally.revisions);
        prop_assert!(outputs.iter().map(position_of).is_sorted());
    }

    #[test]
    fn revisions_count_up_and_ids_follow_from_what_they_name(seed in SEEDS, noise in noise()) {
        let log = log(seed);
        let lines = with_noise(&log.lines, &noise);
        let (outputs, _) = read(&mut shard(&log.accounts), &lines, 0, &[]);
        let mut last: BTreeMap<&str, &Alert> = BTreeMap::new();
        let mut opened_on: BTreeMap<(&str, &str, &str), u32> = BTreeMap::new();
        for (alert, _) in alerts(&outputs) {
            match last.insert(&alert.id, alert) {
                Some(before) => check_growth(before, alert)?,
                None => {
                    prop_assert_eq!(alert.revision, 1);
                    let kind = alert.entity.kind.word();
                    let date = &alert.opened_at[..10];
                    let n = opened_on.entry((kind, &alert.entity.id, date)).or_default();
                    let opened: jiff::Timestamp = alert.opened_at.parse().unwrap();
                    let id = |n| {
                        alert_id(alert.entity.kind, &alert.entity.id, opened.as_millisecond(), n)
                    };
                    // An address without account and the accounts that share one count apart.
                    if alert.entity.kind == vigie::alert::EntityKind::Account {
                        prop_assert_eq!(&alert.id, &id(*n), "{}'s episode {} of {}", alert.entity.id, n, date);
                    }
                    *n += 1;
                }
            }
            check_words(alert)?;
        }
    }

    #[test]
    fn a_restored_shard_goes_on_as_if_nothing_had_been(
        seed in SEEDS,
        noise in noise(),
        stops in prop::collection::btree_set(0..10_000usize, 1..4),
    ) {
        let log = log(seed);
        let lines = with_noise(&log.lines, &noise);
        let mut whole = shard(&log.accounts);
        let (expected, end) = read(&mut whole, &lines, 0, &[]);
        let mut resumed = shard(&log.accounts);
        let (mut came, mut position, mut done) = (Vec::new(), 0, 0);
        for stop in stops.iter().map(|s| s * lines.len() / 10_000).chain([lines.len()]) {
            let (outputs, next) = read(&mut resumed, &lines[done..stop], position, &[501]);
            came.extend(outputs);
            (position, done) = (next, stop);
            let (version, payload) = resumed.snapshot();
            resumed = empty_shard();
            resumed.restore(version, &payload).unwrap();
            prop_assert!(resumed.snapshot() == (version, payload), "restoring changed the state");
        }
        prop_assert_eq!(position, end);
        prop_assert!(came == expected, "{} and {} outputs", came.len(), expected.len());
        prop_assert!(whole.snapshot() == resumed.snapshot(), "snapshots differ");
    }

    #[test]
    fn how_accounts_interleave_changes_nothing_for_each(seed in SEEDS, turn in any::<u32>()) {
        let log = log(seed);
        let (straight, day_ends) = read_by_blocks(&log);
        let order = interleaved(&log, &day_ends, turn);
        let lines: Vec<Vec<u8>> = order.iter().map(|at| log.lines[*at].clone()).collect();
        prop_assert!(lines != log.lines);
        let (turned, _) = read(&mut shard(&log.accounts), &lines, 0, &[]);
        let (straight, turned) = (by_account(&straight), by_account(&turned));
        prop_assert_eq!(straight.len(), turned.len());
        // A wave of the group is measured on the hour, by whoever was there: it may move a threshold,
        // not an alert.
        let ids = |alerts: &[Alert]| {
            alerts.iter().map(|a| a.id.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        for (account, alerts) in &straight {
            let other = turned.get(account).map(|alerts| ids(alerts));
            prop_assert_eq!(Some(ids(alerts)), other, "{}", account);
        }
    }
}

/// A later revision of an alert: one more, and nothing that was said is taken back.
fn check_growth(before: &Alert, after: &Alert) -> Result<(), TestCaseError> {
    prop_assert_eq!(after.revision, before.revision + 1, "{}", after.id);
    prop_assert_eq!(&after.entity, &before.entity);
    prop_assert_eq!(&after.opened_at, &before.opened_at);
    prop_assert!(before.status == vigie::alert::Status::Open, "{} went on after its end", after.id);
    prop_assert!(after.exposure.records >= before.exposure.records, "{}", after.id);
    prop_assert!(after.signals.len() >= before.signals.len(), "{}", after.id);
    prop_assert!(after.positions[0].to >= before.positions[0].to, "{}", after.id);
    Ok(())
}

/// The contract's words and ranges.
fn check_words(alert: &Alert) -> Result<(), TestCaseError> {
    let json = serde_json::to_value(alert).unwrap();
    let word = |value: &serde_json::Value, words: &[&str]| {
        value.as_str().is_some_and(|text| words.contains(&text))
    };
    prop_assert!(word(&json["severity"], &["info", "low", "medium", "high", "critical"]));
    prop_assert!(word(&json["status"], &["open", "ended"]));
    let kinds = ["account", "unit", "partner", "source", "device", "network"];
    prop_assert!(word(&json["entity"]["kind"], &kinds));
    prop_assert!((0.0..=1.0).contains(&alert.confidence), "{}", alert.confidence);
    let exposure = &alert.exposure;
    prop_assert!(exposure.low <= exposure.persons && exposure.persons <= exposure.high);
    prop_assert!(!alert.signals.is_empty() && !alert.explanation.is_empty());
    for signal in &alert.signals {
        prop_assert!(signal.observed >= signal.threshold, "{signal:?}");
        prop_assert!(signal.expected.is_finite() && signal.surprise.is_finite(), "{signal:?}");
    }
    let back: Alert = serde_json::from_value(json).unwrap();
    prop_assert_eq!(&back, alert);
    Ok(())
}

/// Time within which accounts may change places: less than the watermark's lag.
const BLOCK_MS: i64 = 120_000;

fn block_of(log: &Log, line: usize) -> i64 {
    log.keys[line].0.div_euclid(BLOCK_MS)
}

/// What comes out, and the blocks in which the shard's day ends: there, who comes first decides
/// which of two model epochs a day begins with.
fn read_by_blocks(log: &Log) -> (Vec<Output>, BTreeSet<i64>) {
    let mut shard = shard(&log.accounts);
    let (mut outputs, mut position, mut day_ends) = (Vec::new(), 0, BTreeSet::new());
    let lines: Vec<usize> = (0..log.lines.len()).collect();
    for block in lines.chunk_by(|a, b| block_of(log, *a) == block_of(log, *b)) {
        let days = shard.detector().counters().days;
        let (came, next) = read(&mut shard, &log.lines[block[0]..][..block.len()], position, &[]);
        outputs.extend(came);
        position = next;
        if shard.detector().counters().days > days {
            day_ends.insert(block_of(log, block[0]));
        }
    }
    (outputs, day_ends)
}

/// Turns the order of accounts round within each block; each account keeps its own order.
fn interleaved(log: &Log, day_ends: &BTreeSet<i64>, turn: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..log.lines.len()).collect();
    order.sort_by_key(|at| {
        let block = block_of(log, *at);
        let place =
            if day_ends.contains(&block) { 0 } else { log.keys[*at].1.rotate_left(7) ^ turn };
        (block, place)
    });
    order
}

/// What every account's alerts say, but for where in the log it stands.
fn by_account(outputs: &[Output]) -> BTreeMap<String, Vec<Alert>> {
    let mut all: BTreeMap<String, Vec<Alert>> = BTreeMap::new();
    for (alert, _) in alerts(outputs) {
        if alert.entity.kind != vigie::alert::EntityKind::Account {
            continue;
        }
        let mut alert = alert.clone();
        alert.positions.clear();
        alert.events.iter_mut().for_each(|event| event.position = 0);
        all.entry(alert.entity.id.clone()).or_default().push(alert);
    }
    all
}
