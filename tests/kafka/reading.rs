//! What is in a topic comes out of the source: all of it, once, in each partition's order.

use vigie::ingest::kafka::{KafkaSource, Start};
use vigie::ingest::{Batch, Notice, Source, SourceEvent};

use super::member::Group;
use crate::support::kafka::{Broker, fresh, shared};
use crate::support::wait_for;

/// Numbered records, spread over partitions.
pub(super) fn fill(broker: &Broker, topic: &str, partitions: u32, from: u32, count: u32) {
    let texts: Vec<(u32, String)> =
        (from..from + count).map(|i| (i % partitions, format!("{{\"n\":{i}}}"))).collect();
    let records = texts.iter().map(|(p, text)| (*p, Some("k"), Some(text.as_bytes())));
    broker.produce(topic, records);
}

#[test]
fn every_partition_is_read_in_order_and_once() {
    let (broker, topic) = (shared(), fresh("order"));
    broker.create_topic(&topic, 4);
    fill(broker, &topic, 4, 0, 40_000);
    let group = Group::new(broker, &topic);
    let member = group.join("a");
    group.wait_records(40_000);
    // What comes later is read like what was there.
    fill(broker, &topic, 4, 40_000, 4);
    group.wait_records(40_004);
    member.leave();
    group.assert_whole(&[(0, 10_001), (1, 10_001), (2, 10_001), (3, 10_001)]);
    assert_eq!(group.of(3)[10_000], (10_000, "{\"n\":40003}".to_owned()));
    // People who look at the group's lag see where the state is durable.
    assert_eq!(broker.committed(&group.options.group, &topic, 2), Some(10_001));
}

#[test]
fn odd_records_are_lines_like_others() {
    let (broker, topic) = (shared(), fresh("odd"));
    broker.create_topic(&topic, 1);
    let huge = vec![b'x'; 101];
    let payloads: [(Option<&str>, Option<&[u8]>); 6] = [
        (None, Some(b"no key, no JSON")),
        (Some("k"), None),
        (Some("k"), Some(b"")),
        (Some("k"), Some(b"{\n\"two\": \"lines\"\n}")),
        (Some("k"), Some(&huge)),
        (Some("k"), Some(b"\xFF")),
    ];
    broker.produce(&topic, payloads.map(|(key, payload)| (0, key, payload)));
    let mut group = Group::new(broker, &topic);
    group.options.limits.line_max = 100;
    let member = group.join("a");
    group.wait_records(5);
    member.leave();
    let texts: Vec<(u64, String)> = group.of(0);
    let wanted = [
        (0, "no key, no JSON"),
        (1, ""),
        (2, ""),
        (3, "{\n\"two\": \"lines\"\n}"),
        (5, "\u{FFFD}"),
    ];
    assert_eq!(texts, wanted.map(|(offset, text)| (offset, text.to_owned())));
    let seen = group.seen();
    assert_eq!(seen.notices, [Notice::Oversized { shard: 0, position: 4, length: 101 }]);
    assert_eq!(seen.state[&0], 6);
}

#[test]
fn reading_goes_on_where_the_state_ends() {
    let (broker, topic) = (shared(), fresh("resume"));
    broker.create_topic(&topic, 3);
    fill(broker, &topic, 3, 0, 30);
    let group = Group::new(broker, &topic);
    group.seen().state.extend([(0, 7), (1, 10)]);
    let member = group.join("a");
    group.wait_records(13);
    fill(broker, &topic, 3, 30, 3);
    group.wait_records(16);
    member.leave();
    let offsets = |shard| group.of(shard).into_iter().map(|(o, _)| o).collect::<Vec<_>>();
    assert_eq!(offsets(0), [7, 8, 9, 10]);
    assert_eq!(offsets(1), [10]);
    assert_eq!(offsets(2), (0..11).collect::<Vec<_>>());
}

#[test]
fn a_late_start_skips_what_was_there_and_is_remembered() {
    let (broker, topic) = (shared(), fresh("latest"));
    broker.create_topic(&topic, 2);
    fill(broker, &topic, 2, 0, 10);
    let mut group = Group::new(broker, &topic);
    group.options.start = Start::Latest;
    let member = group.join("a");
    group.wait("both ends", |seen| (seen.moves == 2).then_some(()));
    member.leave();
    assert_eq!(group.seen().state.clone().into_iter().collect::<Vec<_>>(), [(0, 5), (1, 5)]);
    // Written while nobody reads: not before the start, so it counts.
    fill(broker, &topic, 2, 10, 2);
    let member = group.join("a");
    group.wait_records(2);
    member.leave();
    assert_eq!(group.of(0), [(5, "{\"n\":10}".to_owned())]);
}

#[test]
fn what_is_held_back_waits_and_its_lag_is_told() {
    let (broker, topic) = (shared(), fresh("held"));
    broker.create_topic(&topic, 2);
    let group = Group::new(broker, &topic);
    group.seen().held.push(1);
    let member = group.join("a");
    group.wait_claims("a", 2);
    // By the next question whom to hold back, the partition is paused.
    group.wait("lag", |seen| seen.notices.iter().find(|n| lag_of(n) == Some((1, 0))).cloned());
    fill(broker, &topic, 2, 0, 20);
    group.wait_records(10);
    fill(broker, &topic, 2, 20, 20);
    group.wait_records(20);
    assert_eq!(group.of(1), []);
    group.seen().held.clear();
    group.wait_records(40);
    group.seen().notices.clear();
    group.wait("no lag", |seen| seen.notices.iter().find(|n| lag_of(n) == Some((1, 0))).cloned());
    member.leave();
    group.assert_whole(&[(0, 20), (1, 20)]);
}

fn lag_of(notice: &Notice) -> Option<(u32, u64)> {
    match notice {
        Notice::Lag { shard, records } => Some((*shard, *records)),
        _ => None,
    }
}

#[test]
fn without_an_owner_all_of_it_is_read() {
    let (broker, topic) = (shared(), fresh("alone"));
    broker.create_topic(&topic, 2);
    fill(broker, &topic, 2, 0, 100);
    let mut source = KafkaSource::open(Group::new(broker, &topic).options).unwrap();
    assert_eq!((source.partitions(), source.resumable()), (2, true));
    let mut lines = 0;
    wait_for("all records", || {
        if let SourceEvent::Batch(batch) = source.next(Batch::default()).unwrap() {
            lines += batch.lines.len();
        }
        (lines == 100).then_some(())
    });
    assert_eq!(source.progress().bytes_total, None);
    assert!(source.progress().bytes_read >= 700);
}
