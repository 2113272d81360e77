//! Members come and go; every record is decided once.

use super::member::Group;
use super::reading::fill;
use crate::support::kafka::{fresh, shared};

/// A second member takes its share and gives it back, while records come.
fn shares(extra: &[(&str, &str)]) {
    let (broker, topic) = (shared(), fresh("share"));
    broker.create_topic(&topic, 6);
    let mut group = Group::new(broker, &topic);
    let settings = extra.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    group.options.connection.extra.0.extend(settings);
    fill(broker, &topic, 6, 0, 6_000);
    let first = group.join("a");
    group.wait_claims("a", 6);
    let second = group.join("b");
    fill(broker, &topic, 6, 6_000, 6_000);
    group.wait_claims("b", 3);
    fill(broker, &topic, 6, 12_000, 6_000);
    group.wait("records of b", |seen| seen.records.iter().find(|r| r.0 == "b").map(|_| ()));
    second.leave();
    fill(broker, &topic, 6, 18_000, 6_000);
    group.wait_records(24_000);
    group.wait("a to have all", |seen| {
        let of_a = |sign| seen.calls.iter().filter(|c| c.0 == "a" && c.1 == sign).count();
        (of_a('+') - of_a('-') - of_a('!') == 6).then_some(())
    });
    first.leave();
    group.assert_whole(&(0..6).map(|shard| (shard, 4_000)).collect::<Vec<_>>());
    let seen = group.seen();
    let balance: i32 = seen.calls.iter().map(|c| if c.1 == '+' { 1 } else { -1 }).sum();
    assert_eq!(balance, 0, "{:?}", seen.calls);
    assert!(seen.calls.iter().all(|c| c.1 != '!'), "{:?}", seen.calls);
}

#[test]
fn a_second_member_takes_its_share_and_gives_it_back() {
    shares(&[]);
}

#[test]
fn so_it_is_when_all_partitions_change_hands_at_once() {
    shares(&[("partition.assignment.strategy", "range")]);
}

#[test]
fn so_it_is_with_the_group_protocol_of_kafka_4() {
    shares(&[("group.protocol", "consumer")]);
}

#[test]
fn an_instance_id_belongs_to_one_process() {
    let (broker, topic) = (shared(), fresh("instance"));
    broker.create_topic(&topic, 2);
    let mut group = Group::new(broker, &topic);
    group.options.group_instance_id = "one".to_owned();
    let first = group.join("a");
    group.wait_claims("a", 2);
    let second = group.join("b");
    let error = first.fails();
    let wanted = "another process reads as group_instance_id one of the same group; give every \
                  instance an id of its own";
    assert_eq!(error, wanted);
    second.leave();
}
