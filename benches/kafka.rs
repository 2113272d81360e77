//! A topic through the real program, against a bare client that reads and parses the same topic;
//! and how long a record of a theft takes to become a stored alert at half of that rate. A real
//! Apache Kafka of the tests runs beside it.
//!
//! `kafka` (2,000 accounts, 28 days), `kafka 10` (days).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench says what is wrong by failing")]

#[path = "../tests/support/kafka.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod kafka;
mod support;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka::Broker;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use rusqlite::{Connection, OpenFlags};
use support::{Outcome, is_tiny, thousands};
use vigie::alert::Alert;
use vigie::clock::{Stopwatch, now_ms};
use vigie::simulate::{World, WorldOptions};

const PARTITIONS: u32 = 8;
const TOPIC: &str = "bench";

/// Long enough for a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// Asks again and again until something is there.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder of `tests/`.
pub(crate) fn tests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

fn main() -> Outcome {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let days: u32 = asked.unwrap_or(if is_tiny() { 3 } else { 28 });
    let broker = Broker::start();
    broker.create_topic(TOPIC, PARTITIONS);
    let mut producer = Paced::new(&broker);
    let events = fill(&mut producer, days);
    println!("{} events, {PARTITIONS} partitions", thousands(events));

    let before = bare(&broker, events, true);
    let folder = tempfile::tempdir()?;
    let mut program = Program::start(folder.path(), &broker);
    let sustained = program.read(events);
    // The last tenth of it.
    std::thread::sleep(Duration::from_secs(5));
    let after = bare(&broker, events, true);
    let value = bare(&broker, events, false);
    println!("vigie            {} events/s", thousands(sustained as u64));
    println!(
        "ratio            {:.2} of the client that parses four fields (the mean of {:.2} and {:.2}), {:.2} of a value",
        2.0 * sustained / (before + after),
        sustained / before,
        sustained / after,
        sustained / value
    );
    let seconds = if is_tiny() { 5 } else { 30 };
    for rate in [sustained / 2.0, sustained / 8.0] {
        latency(&mut producer, &program.data, rate, seconds);
    }
    program.stop();
    Ok(())
}

/// What the program is compared with: the least a consumer of these events must read of each.
#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "reading it is the work")]
struct Access<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    account: Option<Cow<'a, str>>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    records: Option<serde_json::Value>,
}

/// Reads and parses the topic with a bare client; events a second.
fn bare(broker: &Broker, events: u64, typed: bool) -> f64 {
    let mut config = client(broker);
    // The same fetching as the program's.
    for (key, value) in [
        ("group.id", "bare"),
        ("enable.auto.commit", "false"),
        ("fetch.wait.max.ms", "50"),
        ("fetch.min.bytes", "65536"),
        ("fetch.max.bytes", "16777216"),
        ("max.partition.fetch.bytes", "1048576"),
        ("queued.min.messages", "20000"),
        ("queued.max.messages.kbytes", "16384"),
        ("fetch.queue.backoff.ms", "10"),
    ] {
        config.set(key, value);
    }
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(TOPIC, partition.cast_signed(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let worked = processor_s("self");
    let (mut read, mut since, mut sum) = (0, Stopwatch::start(), 0);
    while read < events {
        let Some(record) = consumer.poll(Duration::from_millis(100)) else { continue };
        let record = record.unwrap();
        let payload = record.payload().unwrap();
        sum += if typed {
            serde_json::from_slice::<Access<'_>>(payload).unwrap().time.len()
        } else {
            serde_json::from_slice::<serde_json::Value>(payload).unwrap()["time"]
                .as_str()
                .map_or(0, str::len)
        };
        if read == 0 {
            since = Stopwatch::start();
        }
        read += 1;
    }
    let rate = events as f64 / since.elapsed().as_secs_f64();
    let what = if typed { "four fields" } else { "a value" };
    let cost = (processor_s("self") - worked) * 1e6 / events as f64;
    println!(
        "bare client      {} events/s, {cost:.1} us of a processor an event ({what}; {sum})",
        thousands(rate as u64)
    );
    rate
}

fn client(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.plain());
    config
}

/// A producer that knows the offset of each of its records, being the only one.
struct Paced {
    producer: BaseProducer,
    next: [u64; PARTITIONS as usize],
}

impl Paced {
    fn new(broker: &Broker) -> Paced {
        let mut config = client(broker);
        config.set("linger.ms", "2").set("queue.buffering.max.messages", "500000");
        Paced { producer: config.create().unwrap(), next: [0; PARTITIONS as usize] }
    }

    /// Sends a record of an account; where it will stand.
    fn send(&mut self, account: &str, line: &[u8]) -> (u32, u64) {
        let partition = crc32fast::hash(account.as_bytes()) % PARTITIONS;
        let mut record =
            BaseRecord::to(TOPIC).partition(partition.cast_signed()).key(account).payload(line);
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
        let next = &mut self.next[partition as usize];
        *next += 1;
        (partition, *next - 1)
    }
}

/// A network's past up to yesterday.
fn fill(producer: &mut Paced, days: u32) -> u64 {
    let now = jiff::Timestamp::from_millisecond(now_ms()).unwrap();
    let today = jiff::tz::TimeZone::UTC.to_datetime(now).date();
    let start = today.checked_sub(jiff::Span::new().days(i64::from(days))).unwrap();
    let options = WorldOptions { accounts: 2_000, days, start, ..WorldOptions::default() };
    let world = World::new(options).unwrap();
    let (mut events, mut line) = (0, Vec::new());
    for day in 0..days {
        for event in world.day(day) {
            line.clear();
            event.write_json(&world, &mut line);
            let account = world.account(event.account).map_or("nobody", |account| account.name());
            producer.send(account, &line[..line.len() - 1]);
            events += 1;
        }
    }
    producer.producer.flush(PATIENCE).unwrap();
    events
}

/// The built program.
struct Program {
    child: Child,
    data: PathBuf,
}

impl Program {
    fn start(folder: &Path, broker: &Broker) -> Program {
        let child = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args(["run", "--topic", TOPIC, "--listen", "127.0.0.1:0"])
            .args(["--kafka", &broker.plain(), "--data"])
            .arg(folder.join("data"))
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("errors")).unwrap())
            .spawn()
            .unwrap();
        Program { child, data: folder.join("data") }
    }

    /// Events a second between a tenth and nine tenths of so many, by how far what came of them
    /// is stored (the metrics are seconds old); also says what they cost.
    fn read(&mut self, events: u64) -> f64 {
        let (db, process) = (self.data.join("vigie.db"), self.child.id().to_string());
        let reached = |share: f64| {
            let wanted = (events as f64 * share) as u64;
            let count = wait_for("events", || Some(marked(&db)).filter(|count| *count >= wanted));
            (count as f64, processor_s(&process), Stopwatch::start())
        };
        let (from, to) = (reached(0.1), reached(0.9));
        let (read, worked) = (to.0 - from.0, to.1 - from.1);
        println!("vigie            {:.1} us of a processor an event", worked * 1e6 / read);
        read / (from.2.elapsed() - to.2.elapsed()).as_secs_f64()
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// Records below all that is stored; 0 before there is anything.
fn marked(db: &Path) -> u64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let sum = Connection::open_with_flags(db, flags).and_then(|conn| {
        let sql = "SELECT coalesce(sum(position), 0) FROM mark";
        conn.query_row(sql, [], |row| row.get(0))
    });
    sum.map_or(0, i64::cast_unsigned)
}

/// Seconds that a process was on a processor, in ticks of a hundredth.
fn processor_s(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// When a thief's record was sent, by where it stands.
type Sent = Mutex<HashMap<(u32, u64), Stopwatch>>;

/// Produces so many events a second, a new thief every quarter of a second among them, and watches
/// the database for what comes of it.
fn latency(producer: &mut Paced, data: &Path, rate: f64, seconds: u64) {
    let (sent, done) = (Sent::default(), AtomicBool::new(false));
    let (mut waits, real) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&data.join("vigie.db"), &sent, &done));
        let real = flow(producer, rate, seconds, &sent);
        std::thread::sleep(Duration::from_secs(3));
        done.store(true, Ordering::Relaxed);
        (watcher.join().unwrap(), real)
    });
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize] * 1e3;
    println!(
        "at {} events/s (asked {}): {} revisions, record to stored p50 {:.0} ms, p99 {:.0} ms, worst {:.0} ms",
        thousands(real as u64),
        thousands(rate as u64),
        waits.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn flow(producer: &mut Paced, rate: f64, seconds: u64, sent: &Sent) -> f64 {
    let since = Stopwatch::start();
    let (mut count, mut thefts) = (0u64, 0u64);
    let mut line = Vec::new();
    let run = now_ms();
    while since.elapsed() < Duration::from_secs(seconds) {
        let elapsed = since.elapsed().as_secs_f64();
        let time = now_ms();
        while (count as f64) < elapsed * rate {
            let account = format!("desk-{:04}", count % 2_000);
            let person = 9_000_000_000 + (count % 2_000) * 10 + count / 2_000 % 4;
            write(&mut line, time, &account, person);
            producer.send(&account, &line);
            count += 1;
        }
        // A thief reads a hundred persons in a second, four thieves begin in each.
        while (thefts as f64) < elapsed * 400.0 {
            let (thief, step) = (thefts / 400 * 4 + thefts % 4, thefts % 400 / 4);
            let account = format!("thief-{run}-{thief}");
            write(&mut line, time, &account, 5_000_000_000 + thief * 1_000 + step);
            let at = Stopwatch::start();
            let place = producer.send(&account, &line);
            sent.lock().unwrap().insert(place, at);
            thefts += 1;
        }
        producer.producer.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
    }
    let real = (count + thefts) as f64 / since.elapsed().as_secs_f64();
    producer.producer.flush(PATIENCE).unwrap();
    real
}

fn write(line: &mut Vec<u8>, time: i64, account: &str, person: u64) {
    line.clear();
    write!(
        line,
        r#"{{"time":{time},"account":"{account}","partner":"cap-emploi","unit":"u1","role":"cap-adviser","action":"view","records":"{person}","ip":"192.0.2.7"}}"#
    )
    .unwrap();
}

/// Seconds from a record to the revision it caused, of every revision that a thief causes.
fn watch(db: &Path, sent: &Sent, done: &AtomicBool) -> Vec<f64> {
    let conn = Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = "SELECT coalesce(max(rowid), 0) FROM revision";
    let mut last: i64 = conn.query_row(count, [], |row| row.get(0)).unwrap();
    let news = "SELECT rowid, body FROM revision WHERE rowid > ?1 ORDER BY rowid";
    let mut news = conn.prepare(news).unwrap();
    let mut waits = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let rows = news.query_map([last], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let rows: Vec<(i64, String)> = rows.map(Result::unwrap).collect();
        for (row, body) in rows {
            last = row;
            let alert: Alert = serde_json::from_str(&body).unwrap();
            let range = alert.positions.last().unwrap();
            let shard: u32 = range.shard.rsplit('/').next().unwrap().parse().unwrap();
            if let Some(at) = sent.lock().unwrap().get(&(shard, range.to)) {
                waits.push(at.elapsed().as_secs_f64());
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    waits
}
