//! Odd records, missing topics, and the topic of alerts.

use std::collections::BTreeMap;
use std::time::Duration;

use vigie::alert::Alert;

use super::instance::{Instance, newest};
use super::load::{ends, history, partition, produce, theft};
use crate::support::kafka::{fresh, shared};
use crate::support::{quarantined, wait_for};

/// Partition, key and value of a record.
type Sent<'a> = (u32, Option<&'a str>, Option<&'a [u8]>);

#[test]
fn odd_records_are_counted_and_an_account_on_two_partitions_too() {
    let (broker, topic) = (shared(), fresh("oddities"));
    broker.create_topic(&topic, 2);
    let line = |minute: u32| {
        let time = format!("2024-01-08T10:{minute:02}:00Z");
        format!(
            r#"{{"time":"{time}","account":"twofold","action":"view","records":"10000000001"}}"#
        )
    };
    let lines = [line(1), line(2), line(3)];
    let records: [Sent<'_>; 6] = [
        (0, Some("twofold"), Some(lines[0].as_bytes())),
        (0, None, Some(b"no key, no JSON")),
        (0, Some("gone"), None),
        (0, Some("k"), Some(b"{\"account\":\"timeless\"}")),
        (0, None, Some(lines[1].as_bytes())),
        (1, Some("twofold"), Some(lines[2].as_bytes())),
    ];
    broker.produce(&topic, records);
    let temp = tempfile::tempdir().unwrap();
    let more = format!("group = '{topic}'");
    let mut vigie = Instance::new(temp.path(), "odd", broker, &topic, &more);
    vigie.start();
    vigie.wait_read(&[(0, 5), (1, 1)]);
    let moved = wait_for("the account on two partitions", || {
        let moved = vigie.metric("vigie_accounts_moved_total");
        (moved > 0.0).then_some(moved)
    });
    assert_eq!(moved, 1.0);
    let outcome = |outcome: &str| {
        let begins =
            format!("vigie_events_ingested_total{{outcome=\"{outcome}\",source=\"{topic}\"}}");
        vigie.metric(&begins)
    };
    wait_for("the counts", || (outcome("accepted") == 3.0).then_some(()));
    assert_eq!(outcome("quarantined"), 3.0, "{}", vigie.get("/metrics").1);
    vigie.stop();
    let entries = quarantined(&vigie.data());
    let reasons: Vec<(u64, &str)> = entries
        .iter()
        .map(|e| (e["at_position"].as_u64().unwrap(), e["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(reasons, [(1, "not-json"), (2, "not-json"), (3, "no-time")]);
}

#[test]
fn a_missing_topic_ends_it_with_the_command_that_makes_it() {
    let (broker, topic) = (shared(), fresh("missing"));
    let temp = tempfile::tempdir().unwrap();
    let mut vigie = Instance::new(temp.path(), "missing", broker, &topic, "");
    vigie.launch();
    assert_eq!(vigie.ends().0, Some(1));
    let errors = vigie.errors();
    assert!(
        errors.contains(&format!("there is no topic {topic} at {}", broker.plain())),
        "{errors}"
    );
    let command =
        format!("kafka-topics.sh --create --topic {topic} --partitions 12 --bootstrap-server");
    assert!(errors.contains(&command), "{errors}");
}

#[test]
fn the_topic_of_alerts_ends_with_the_newest_revision_of_each() {
    let (broker, topic, alerts) = (shared(), fresh("raising"), fresh("alerts"));
    broker.create_topic(&topic, 2);
    broker.create_topic_with(&alerts, 2, &[("cleanup.policy", "compact")]);
    let mut records = history(7, 2);
    for n in 0..6 {
        records.extend(theft(&format!("thief-{n}"), Duration::from_secs(n * 10), 400, 2));
    }
    produce(broker, &topic, &records);
    let temp = tempfile::tempdir().unwrap();
    let more = format!("group = '{topic}'\nalerts_topic = '{alerts}'");
    let mut vigie = Instance::new(temp.path(), "raising", broker, &topic, &more);
    vigie.start();
    vigie.wait_read(&ends(&records));
    wait_for("the topic to be told", || {
        let owed = crate::respond::peer::rows(
            &vigie.data(),
            "alerts-topic",
            vigie::respond::outbox::OutboxState::Pending,
        );
        (owed == 0).then_some(())
    });
    vigie.stop();
    // What compaction keeps: the last record of each key.
    let mut last: BTreeMap<String, Alert> = BTreeMap::new();
    let mut count = 0;
    for (key, body) in broker.records(&alerts, 2) {
        let alert: Alert = serde_json::from_slice(&body).unwrap();
        assert_eq!(key, alert.id);
        let before = last.insert(key, alert.clone());
        assert!(before.is_none_or(|before| before.revision < alert.revision), "out of order");
        count += 1;
    }
    let live = newest(vigie.revisions()).into_iter().filter(|(_, alert)| !alert.historical);
    let wanted: BTreeMap<String, Alert> = live.collect();
    assert!(wanted.len() >= 6 && count > wanted.len(), "{count} records of {}", wanted.len());
    assert_eq!(last, wanted);
    assert!((0..6).any(|n| partition(&format!("thief-{n}"), 2) == 1));
}
