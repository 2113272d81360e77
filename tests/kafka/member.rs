//! A member of a consumer group without a pipeline: a thread that pulls the source, and an owner
//! that writes down what it is asked. Members of one group share what they know.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use vigie::event::Position;
use vigie::ingest::kafka::{Connection, KafkaOptions, KafkaSource};
use vigie::ingest::{Batch, IngestError, Notice, Owner, Source, SourceEvent};

use crate::support::kafka::Broker;
use crate::support::wait_for;

/// Everything a group's members did, in order.
#[derive(Default)]
pub(crate) struct Seen {
    /// Member, partition, offset, payload.
    pub(crate) records: Vec<(&'static str, u32, Position, String)>,
    pub(crate) notices: Vec<Notice>,
    /// Member, `+` claimed or `-` released or `!` lost, partition.
    pub(crate) calls: Vec<(&'static str, char, u32)>,
    /// Where each partition's state stands.
    pub(crate) state: BTreeMap<u32, Position>,
    /// Partitions to hold back.
    pub(crate) held: Vec<u32>,
    /// Empty batches.
    pub(crate) moves: usize,
    /// How often somebody asked what is durable, to commit it.
    pub(crate) commits: usize,
}

/// A topic and a group of its own.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) options: KafkaOptions,
    seen: Arc<Mutex<Seen>>,
}

impl Group {
    pub(crate) fn new(broker: &Broker, topic: &str) -> Group {
        let connection = Connection { brokers: broker.plain(), ..Connection::default() };
        let group = format!("group-of-{topic}");
        let options =
            KafkaOptions { connection, topic: topic.to_owned(), group, ..KafkaOptions::default() };
        Group { options, seen: Arc::default() }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until something is seen.
    pub(crate) fn wait<T>(&self, what: &str, look: impl Fn(&Seen) -> Option<T>) -> T {
        wait_for(what, || look(&self.seen()))
    }

    /// Waits for so many records.
    pub(crate) fn wait_records(&self, count: usize) {
        self.wait("records", |seen| (seen.records.len() >= count).then_some(()));
    }

    /// Waits until a member has claimed so many partitions in all.
    pub(crate) fn wait_claims(&self, member: &'static str, count: usize) {
        self.wait("claims", |seen| {
            let claims = seen.calls.iter().filter(|(m, c, _)| *m == member && *c == '+').count();
            (claims >= count).then_some(())
        });
    }

    /// A new member.
    pub(crate) fn join(&self, name: &'static str) -> Member {
        let stop = Arc::new(AtomicBool::new(false));
        let options = KafkaOptions { stop: Arc::clone(&stop), ..self.options.clone() };
        let recorder = Recorder { name, seen: Arc::clone(&self.seen) };
        let thread = std::thread::spawn(move || {
            let mut source = KafkaSource::open(options)?;
            let recorder = Arc::new(recorder);
            source.owned_by(Arc::<Recorder>::clone(&recorder));
            recorder.pull(&mut source)
        });
        Member { stop, thread: Some(thread) }
    }

    /// Offsets and payloads of a partition, in the order they came.
    pub(crate) fn of(&self, shard: u32) -> Vec<(Position, String)> {
        let seen = self.seen();
        let records = seen.records.iter().filter(|(_, s, ..)| *s == shard);
        records.map(|(_, _, offset, text)| (*offset, text.clone())).collect()
    }

    /// Everything below these ends was read in order and once, and nobody had a partition that
    /// somebody else had.
    pub(crate) fn assert_whole(&self, ends: &[(u32, Position)]) {
        for (shard, end) in ends {
            let offsets: Vec<Position> = self.of(*shard).into_iter().map(|(o, _)| o).collect();
            assert_eq!(offsets, (0..*end).collect::<Vec<_>>(), "partition {shard}");
        }
        let seen = self.seen();
        let mut owned: HashSet<u32> = HashSet::new();
        for (member, call, shard) in &seen.calls {
            let fits = if *call == '+' { owned.insert(*shard) } else { owned.remove(shard) };
            assert!(fits, "{member}{call}{shard} in {:?}", seen.calls);
        }
    }
}

struct Recorder {
    name: &'static str,
    seen: Arc<Mutex<Seen>>,
}

impl Recorder {
    fn pull(&self, source: &mut KafkaSource) -> Result<(), IngestError> {
        let mut arena = Batch::default();
        loop {
            match source.next(std::mem::take(&mut arena))? {
                SourceEvent::Batch(batch) => {
                    self.record(&batch);
                    arena = batch;
                }
                SourceEvent::Notice(notice) => self.seen.lock().unwrap().notices.push(notice),
                SourceEvent::Idle => {}
                SourceEvent::End => {
                    let again = source.next(Batch::default())?;
                    assert!(matches!(again, SourceEvent::End), "{again:?}");
                    return Ok(());
                }
            }
        }
    }

    fn record(&self, batch: &Batch) {
        let mut seen = self.seen.lock().unwrap();
        seen.moves += usize::from(batch.lines.is_empty());
        for line in &batch.lines {
            let text = String::from_utf8_lossy(batch.text(*line)).into_owned();
            seen.records.push((self.name, batch.shard, line.position, text));
        }
        if let Some(last) = batch.lines.last() {
            assert_eq!(batch.next, last.position + 1);
        }
        seen.state.insert(batch.shard, batch.next);
    }

    fn call(&self, call: char, shards: &[u32]) -> MutexGuard<'_, Seen> {
        let mut seen = self.seen.lock().unwrap();
        seen.calls.extend(shards.iter().map(|shard| (self.name, call, *shard)));
        seen
    }
}

impl Owner for Recorder {
    fn claim(&self, shards: &[u32]) -> Result<Vec<(u32, Option<Position>)>, IngestError> {
        let seen = self.call('+', shards);
        Ok(shards.iter().map(|shard| (*shard, seen.state.get(shard).copied())).collect())
    }

    fn release(&self, shards: &[u32], lost: bool) {
        drop(self.call(if lost { '!' } else { '-' }, shards));
    }

    fn held_back(&self) -> Vec<u32> {
        self.seen.lock().unwrap().held.clone()
    }

    fn durable(&self) -> Vec<(u32, Position)> {
        let mut seen = self.seen.lock().unwrap();
        seen.commits += 1;
        seen.state.iter().map(|(s, p)| (*s, *p)).collect()
    }
}

/// A member that leaves when it is told to or given up.
pub(crate) struct Member {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), IngestError>>>,
}

impl Member {
    /// Tells it to stop and waits until it has left.
    pub(crate) fn leave(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap().unwrap();
    }

    /// Waits until it fails.
    pub(crate) fn fails(mut self) -> String {
        let thread = self.thread.take().unwrap();
        wait_for("the member to fail", || thread.is_finished().then_some(()));
        thread.join().unwrap().unwrap_err().to_string()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
