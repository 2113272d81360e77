//! What is in the topics: a simulated network's past, and thefts that happen now.

use std::time::Duration;

use vigie::clock::{Stopwatch, now_ms};
use vigie::simulate::{World, WorldOptions};

use crate::support::kafka::Broker;

/// How long before now the live part begins; all of it is read within an hour.
const LIVE_MS: i64 = 20 * 60_000;

/// Records produced at once; the client's queue has room for so many.
const AT_ONCE: usize = 50_000;

/// One record to produce.
#[derive(Clone)]
pub(super) struct Record {
    at: i64,
    pub(super) partition: u32,
    key: String,
    line: Vec<u8>,
}

/// The partition of an account: any fixed choice will do.
pub(super) fn partition(account: &str, partitions: u32) -> u32 {
    account.bytes().fold(7u32, |hash, b| hash.wrapping_mul(31).wrapping_add(b.into())) % partitions
}

/// A network of a hundred accounts whose last day was yesterday, two thieves among them.
pub(super) fn history(days: u32, partitions: u32) -> Vec<Record> {
    let now = jiff::Timestamp::from_millisecond(now_ms()).unwrap();
    let today = jiff::tz::TimeZone::UTC.to_datetime(now).date();
    let start = today.checked_sub(jiff::Span::new().days(i64::from(days))).unwrap();
    let scenario = format!("A1@{}:days=2,persons_max=4000", days - 5);
    let world = World::new(WorldOptions {
        seed: 15,
        accounts: 100,
        start,
        days,
        machine_scale: 0.02,
        scenarios: vec![vigie::simulate::ScenarioSpec::parse(&scenario).unwrap()],
        ..WorldOptions::default()
    })
    .unwrap();
    let record = |event: vigie::simulate::SimEvent| {
        let mut line = Vec::new();
        event.write_json(&world, &mut line);
        line.pop();
        let key =
            world.account(event.account).map_or("nobody", |account| account.name()).to_owned();
        Record { at: event.time, partition: partition(&key, partitions), key, line }
    };
    world.events().map(record).collect()
}

/// One access.
fn access(at: i64, account: &str, person: u64, partitions: u32) -> Record {
    let line = format!(
        r#"{{"time":{at},"account":"{account}","partner":"cap-emploi","unit":"u1","role":"cap-adviser","action":"view","records":"{person}","ip":"192.0.2.7"}}"#
    );
    let (partition, key) = (partition(account, partitions), account.to_owned());
    Record { at, partition, key, line: line.into_bytes() }
}

/// An account that opens one new person a second, from a moment of the live part on.
pub(super) fn theft(account: &str, from: Duration, persons: u64, partitions: u32) -> Vec<Record> {
    let start = now_ms() - LIVE_MS + i64::try_from(from.as_millis()).unwrap();
    let base = 5_000_000_000 + 1_000_000 * u64::from(crc32fast::hash(account.as_bytes()) % 4_000);
    let one = |n: u64| access(start + n.cast_signed() * 1_000, account, base + n, partitions);
    (0..persons).map(one).collect()
}

/// The last twenty minutes: thieves, among others who do what they always do.
pub(super) fn live(thieves: u32, others: u32, partitions: u32) -> Vec<Record> {
    let mut all = Vec::new();
    for n in 0..thieves {
        let from = Duration::from_secs(u64::from(n) * 600 / u64::from(thieves));
        all.extend(theft(&format!("thief-{n:02}"), from, 400, partitions));
    }
    let start = now_ms() - LIVE_MS;
    for n in 0..others {
        let account = format!("desk-{n:03}");
        let person = |i: i64| 9_000_000_000 + u64::from(n) * 10 + (i % 4).cast_unsigned();
        let at = |i: i64| start + i * 8_000 + i64::from(n);
        all.extend((0..130).map(|i| access(at(i), &account, person(i), partitions)));
    }
    all.sort_by_key(|record| record.at);
    all
}

/// How many records each partition gets.
pub(super) fn ends<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<(u32, u64)> {
    let mut ends = std::collections::BTreeMap::new();
    for record in records {
        *ends.entry(record.partition).or_insert(0) += 1;
    }
    ends.into_iter().collect()
}

/// Produces them all now.
pub(super) fn produce(broker: &Broker, topic: &str, records: &[Record]) {
    for some in records.chunks(AT_ONCE) {
        let each =
            some.iter().map(|r| (r.partition, Some(r.key.as_str()), Some(r.line.as_slice())));
        broker.produce(topic, each);
    }
}

/// Produces them evenly over a time.
pub(super) fn produce_over(broker: &Broker, topic: &str, records: &[Record], over: Duration) {
    let since = Stopwatch::start();
    let mut done = 0;
    while done < records.len() {
        std::thread::sleep(Duration::from_millis(100));
        let share = since.elapsed().as_secs_f64() / over.as_secs_f64();
        let due = ((share * records.len() as f64) as usize).clamp(done, records.len());
        produce(broker, topic, &records[done..due]);
        done = due;
    }
}
