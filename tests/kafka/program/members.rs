//! Two instances of one group: shards and their states change hands.

use std::collections::BTreeMap;
use std::time::Duration;

use super::instance::Instance;
use super::load::{ends, history, live, produce, produce_over};
use crate::support::kafka::{fresh, shared};
use crate::support::wait_for;

const PARTITIONS: u32 = 6;

fn shards(instance: &Instance) -> f64 {
    instance.metric("vigie_source_shards{")
}

fn wait_shards(instance: &mut Instance, count: u32) {
    wait_for("shards", || {
        assert!(instance.runs(), "it ended: {}", instance.errors());
        (shards(instance) == f64::from(count)).then_some(())
    });
}

#[test]
fn a_second_instance_takes_shards_over_and_a_zombie_writes_over_nobody() {
    let (broker, topic) = (shared(), fresh("members"));
    broker.create_topic(&topic, PARTITIONS);
    let temp = tempfile::tempdir().unwrap();
    let group = format!(
        "group = '{topic}'\nstate = 'STATE'\n[kafka.client]\nsession.timeout.ms = 3000\n\
         heartbeat.interval.ms = 500"
    );
    let mut a = Instance::new(temp.path(), "a", broker, &topic, &group);
    let mut b = Instance::new(temp.path(), "b", broker, &topic, &group);
    let (past, now) = (history(14, PARTITIONS), live(18, 100, PARTITIONS));
    produce(broker, &topic, &past);
    a.start();
    a.wait_read(&ends(&past));
    let all = ends(past.iter().chain(&now));
    std::thread::scope(|scope| {
        scope.spawn(|| produce_over(broker, &topic, &now, Duration::from_secs(20)));
        b.start();
        wait_shards(&mut b, 3);
        wait_shards(&mut a, 3);
        std::thread::sleep(Duration::from_secs(2));
        b.stop();
        wait_shards(&mut a, 6);
        b.start();
        wait_shards(&mut b, 3);
        // It stands still for longer than its session lasts.
        b.signal("-STOP");
        wait_shards(&mut a, 6);
        std::thread::sleep(Duration::from_secs(2));
        let before: Vec<Option<u64>> = (0..PARTITIONS).map(|shard| a.position(shard)).collect();
        b.signal("-CONT");
        std::thread::sleep(Duration::from_secs(3));
        for (shard, before) in (0..PARTITIONS).zip(before) {
            let after = wait_for("a state", || a.position(shard));
            assert!(before <= Some(after), "shard {shard} went back from {before:?} to {after}");
        }
        assert!(a.runs(), "{}", a.errors());
        if b.runs() {
            b.kill();
        } else {
            let errors = b.errors();
            assert!(errors.contains("another instance has written snapshot"), "{errors}");
            assert_eq!(b.ends().0, Some(1));
        }
    });
    a.wait_read(&all);
    a.stop();

    let plain = format!("group = 'single-{topic}'");
    let mut single = Instance::new(temp.path(), "single", broker, &topic, &plain);
    single.start();
    single.wait_read(&all);
    single.stop();

    // Counts over several accounts are each instance's own: its partitions' accounts.
    let of_accounts = |instance: &Instance| {
        let mut revisions = instance.revisions();
        revisions.retain(|_, alert| alert.entity.kind == vigie::alert::EntityKind::Account);
        revisions
    };
    let mut union = of_accounts(&a);
    let of_b = of_accounts(&b);
    assert!(!of_b.is_empty(), "the second instance raised nothing: nothing was tested");
    for (key, alert) in of_b {
        if let Some(known) = union.get(&key) {
            assert_eq!(known, &alert, "both stored the same revision");
        }
        union.insert(key, alert);
    }
    let single = of_accounts(&single);
    // The same alerts; how often each was revised depends on where the days ended.
    let ids = |all: &BTreeMap<(String, u32), vigie::alert::Alert>| {
        all.keys().map(|(id, _)| id.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(&union), ids(&single));
}
