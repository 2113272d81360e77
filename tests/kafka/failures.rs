//! Brokers that are away, topics that are not there, records that are gone.

use std::sync::atomic::Ordering;
use std::time::Duration;

use vigie::clock::Stopwatch;
use vigie::ingest::kafka::KafkaSource;
use vigie::ingest::{Batch, Notice, Source, SourceEvent};

use super::member::Group;
use super::reading::fill;
use crate::support::kafka::{Broker, fresh, shared};

#[test]
fn a_broker_that_goes_away_and_comes_back_loses_nothing() {
    let (mut broker, topic) = (Broker::start(), fresh("restart"));
    broker.create_topic(&topic, 3);
    fill(&broker, &topic, 3, 0, 3_000);
    let group = Group::new(&broker, &topic);
    let member = group.join("a");
    group.wait_records(3_000);
    broker.kill();
    let reason = group.wait("the notice that it is away", |seen| {
        seen.notices.iter().find_map(|notice| match notice {
            Notice::Reachable { now: false, reason } => Some(reason.clone()),
            _ => None,
        })
    });
    assert!(reason.starts_with(&format!("{}: ", broker.plain())), "{reason}");
    broker.restart();
    fill(&broker, &topic, 3, 3_000, 3_000);
    group.wait_records(6_000);
    group.wait("the notice that it is back", |seen| {
        seen.notices.iter().find(|n| matches!(n, Notice::Reachable { now: true, .. })).cloned()
    });
    // Without a broker to say good-bye to, leaving does not take for ever.
    broker.kill();
    group.wait("the second notice that it is away", |seen| {
        let away = |n: &&Notice| matches!(n, Notice::Reachable { now: false, .. });
        (seen.notices.iter().filter(away).count() == 2).then_some(())
    });
    let since = Stopwatch::start();
    member.leave();
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    group.assert_whole(&[(0, 2_000), (1, 2_000), (2, 2_000)]);
    let seen = group.seen();
    let reachable = |n: &&Notice| matches!(n, Notice::Reachable { .. });
    assert!(seen.notices.iter().filter(reachable).count() <= 3, "{:?}", seen.notices);
}

/// The library waits without end for the answer to a commit; a member that leaves does not.
#[test]
fn a_commit_that_nobody_answers_does_not_keep_a_member_that_leaves() {
    for (killed, within) in [(false, Duration::from_secs(15)), (true, Duration::from_secs(5))] {
        let (mut broker, topic) = (Broker::start(), fresh("unanswered"));
        broker.create_topic(&topic, 2);
        fill(&broker, &topic, 2, 0, 20);
        let group = Group::new(&broker, &topic);
        let member = group.join("a");
        group.wait_records(20);
        broker.freeze();
        let before = group.seen().commits;
        group.wait("a commit", |seen| (seen.commits > before).then_some(()));
        if killed {
            broker.kill();
            group.wait("the notice that it is away", |seen| {
                let away = |n: &&Notice| matches!(n, Notice::Reachable { now: false, .. });
                seen.notices.iter().find(away).map(|_| ())
            });
        }
        let since = Stopwatch::start();
        member.leave();
        assert!(since.elapsed() < within, "killed: {killed}, {:?}", since.elapsed());
        group.assert_whole(&[(0, 10), (1, 10)]);
        let given_back: Vec<_> = group.seen().calls[2..].to_vec();
        assert_eq!(given_back, [("a", '-', 0), ("a", '-', 1)], "killed: {killed}");
    }
}

#[test]
fn a_topic_that_is_not_there_is_named_with_the_command_that_makes_it() {
    let group = Group::new(shared(), "no-such-topic");
    let error = KafkaSource::open(group.options.clone()).err().unwrap().to_string();
    let at = shared().plain();
    assert_eq!(
        error,
        format!(
            "there is no topic no-such-topic at {at}; create it: kafka-topics.sh --create --topic \
             no-such-topic --partitions 12 --bootstrap-server {at}"
        )
    );
}

#[test]
fn brokers_that_do_not_answer_are_named() {
    let mut group = Group::new(shared(), "any");
    group.options.connection.brokers = "127.0.0.1:1".to_owned();
    let error = KafkaSource::open(group.options.clone()).err().unwrap().to_string();
    let wanted = "no Kafka broker of 127.0.0.1:1 answered within 10 s: ";
    assert!(error.starts_with(wanted) && error.contains("Connection refused"), "{error}");
    // A stop is heard while it is tried.
    group.options.stop.store(true, Ordering::Relaxed);
    let since = Stopwatch::start();
    let mut source = KafkaSource::open(group.options).unwrap();
    assert!(matches!(source.next(Batch::default()), Ok(SourceEvent::End)));
    assert!(since.elapsed() < Duration::from_secs(3));
}

#[test]
fn deleted_records_are_a_gap_and_reading_goes_on_behind_it() {
    let (broker, topic) = (shared(), fresh("gap"));
    broker.create_topic(&topic, 2);
    fill(broker, &topic, 2, 0, 40);
    broker.delete_records(&topic, 0, 12);
    let group = Group::new(broker, &topic);
    group.seen().state.extend([(0, 5), (1, 15)]);
    let member = group.join("a");
    group.wait_records(8 + 5);
    fill(broker, &topic, 2, 40, 2);
    group.wait_records(8 + 5 + 2);
    member.leave();
    let offsets = |shard| group.of(shard).into_iter().map(|(o, _)| o).collect::<Vec<_>>();
    assert_eq!(offsets(0), (12..21).collect::<Vec<_>>());
    assert_eq!(offsets(1), (15..21).collect::<Vec<_>>());
    let seen = group.seen();
    let gaps: Vec<&Notice> =
        seen.notices.iter().filter(|n| matches!(n, Notice::Gap { .. })).collect();
    assert_eq!(gaps, [&Notice::Gap { shard: 0, from: 5, to: 12 }]);
}

#[test]
fn a_state_that_is_ahead_of_its_topic_is_not_read_on() {
    let (broker, topic) = (shared(), fresh("anew"));
    broker.create_topic(&topic, 1);
    fill(broker, &topic, 1, 0, 3);
    let group = Group::new(broker, &topic);
    group.seen().state.insert(0, 500);
    let error = group.join("a").fails();
    assert_eq!(
        error,
        format!(
            "partition 0 of {topic} ends at 3, but its state has read up to 500: the topic was \
             created anew or has lost records; use another state folder and another group"
        )
    );
    let seen = group.seen();
    assert_eq!(seen.calls, [("a", '+', 0), ("a", '-', 0)], "given back before the error");
}
