//! `kill -9` under load.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use vigie::alert::Alert;
use vigie::respond::outbox::OutboxState::Pending;

use super::instance::{Instance, assert_same, newest};
use super::load::{ends, history, live, produce, produce_over};
use crate::respond::peer::{Receiver, SECRET, rows};
use crate::support::kafka::{fresh, shared};
use crate::support::wait_for;

const PARTITIONS: u32 = 4;

/// Numbers that are the same every time (a step of splitmix64 each).
fn seeded(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

/// How many lines of `alerts.ndjson` each revision has.
fn in_file(path: &std::path::Path) -> BTreeMap<(String, u32), u32> {
    let mut found = BTreeMap::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let alert: Alert = serde_json::from_str(line).unwrap();
        *found.entry((alert.id, alert.revision)).or_insert(0) += 1;
    }
    found
}

fn killed(kills: u32, seed: u64, days: u32) {
    let (broker, topic) = (shared(), fresh("kills"));
    broker.create_topic(&topic, PARTITIONS);
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    let secret = temp.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let hook = format!(
        "group = '{topic}'\ngroup_instance_id = 'one'\n[[hook]]\nname = 'slow'\n\
         url = 'http://127.0.0.1:{}/slow'\nsecret_files = ['{}']\nseverity_min = 'info'\n\
         alerts_per_day = 100000\nnew_alerts_per_day = 100000",
        receiver.port,
        secret.display()
    );
    let mut vigie = Instance::new(temp.path(), "killed", broker, &topic, &hook);
    let (past, now) = (history(days, PARTITIONS), live(24, 200, PARTITIONS));
    let ends = ends(past.iter().chain(&now));
    produce(broker, &topic, &past);
    let over = Duration::from_millis(1_500 * u64::from(kills));
    let (mut random, mut early) = (seeded(seed), 0);
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| produce_over(broker, &topic, &now, over));
        for _ in 0..kills {
            vigie.start();
            std::thread::sleep(Duration::from_millis(random(1_600)));
            vigie.kill();
            let behind = |(shard, end): &(u32, u64)| vigie.position(*shard) < Some(*end);
            early += u32::from(ends.iter().any(behind));
        }
        producer.join().unwrap();
    });
    assert!(early > kills / 2, "only {early} of {kills} kills came while there was more to read");
    vigie.start();
    vigie.wait_read(&ends);
    wait_for("everything to be delivered", || {
        let owed = |sink| rows(&vigie.data(), sink, Pending);
        (owed("slow") + owed("alerts-file") == 0).then_some(())
    });
    vigie.stop();

    let plain = format!("group = 'calm-{topic}'");
    let mut calm = Instance::new(temp.path(), "calm", broker, &topic, &plain);
    calm.start();
    calm.wait_read(&ends);
    calm.stop();

    let (found, wanted) = (vigie.revisions(), calm.revisions());
    assert!(wanted.len() > 100, "{}", wanted.len());
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    let owed: BTreeSet<String> = found
        .iter()
        .filter(|(_, alert)| !alert.historical)
        .map(|((id, revision), _)| format!("{id}.{revision}"))
        .collect();
    let past = found.len() - owed.len();
    assert!(past > 0 && owed.len() > 48, "{past} of the past, {} now", owed.len());
    let received = receiver.ids("/slow");
    let once: BTreeSet<String> = received.iter().cloned().collect();
    assert_eq!(once, owed);
    let file = in_file(&vigie.data().join("alerts.ndjson"));
    assert!(file.keys().eq(found.keys()), "{} of {} in the file", file.len(), found.len());
    assert_same(&newest(found), &newest(wanted));
    println!(
        "{kills} kills, {early} while there was more to read; {} events; {} alerts, {} revisions of \
         now and {past} of the past; {} deliveries, {} of them again",
        ends.iter().map(|(_, end)| end).sum::<u64>(),
        newest(calm.revisions()).len(),
        owed.len(),
        received.len(),
        received.len() - once.len(),
    );
}

/// Five kills; `VIGIE_TWENTY_KILLS=1 cargo test --release killed_under_load -- --nocapture` for twenty,
/// in two minutes.
#[test]
fn killed_under_load_it_is_as_if_nothing_happened() {
    if std::env::var_os("VIGIE_TWENTY_KILLS").is_some() {
        killed(20, 42, 49);
    } else {
        killed(5, 20_261_124, 21);
    }
}
