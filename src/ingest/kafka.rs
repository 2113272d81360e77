//! A Kafka topic as a source: every partition is a shard, its offsets are positions.
//!
//! One blocking loop polls the client library on the reader's thread; asynchronous consumers have
//! lost wake-ups. Where a partition is read on is said by its [`Owner`], which keeps that beside
//! the state; the group's committed offsets are only for people who look at lag.
//!
//! While the pipeline is busy nobody calls [`Source::next`] and nothing is polled. The library
//! goes on sending heartbeats on threads of its own and stops fetching when what it has fetched
//! ahead is enough, so that is all the back-pressure there is. It gives our partitions away only
//! when nobody has polled for five minutes (`max.poll.interval.ms`); then they come back as lost
//! and are claimed anew.

mod arenas;
mod context;
mod error;
mod health;
mod leave;
mod open;
mod settings;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::Message;

use crate::clock::Stopwatch;
use crate::event::Position;
use crate::ingest::{
    Batch, IngestError, Limits, Notice, Owner, Progress, Segment, Source, SourceEvent,
};
use arenas::{Arenas, Due};
use context::{Change, Context, From, News};
use health::Trouble;
use open::stopped;

pub use error::KafkaError;
pub use settings::{Connection, Extra, KafkaOptions, Mechanism, Security, Start};

/// Longest time a record waits for others of its partition.
const PATIENCE: Duration = Duration::from_millis(10);

/// Longest time without a word when nothing comes.
const QUIET: Duration = Duration::from_millis(100);

/// Records read between two looks at the clock.
const RECORDS_AT_ONCE: usize = 1_024;

/// Time between two questions whom to hold back.
const HOLD_EVERY: Duration = Duration::from_millis(100);

/// Time between two commits.
const COMMIT_EVERY: Duration = Duration::from_secs(5);

/// Time between two looks for holes when the first failed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long to ask a broker in the middle of reading.
const ASK: Duration = Duration::from_secs(5);

/// A topic, read as a member of a consumer group.
pub struct KafkaSource {
    options: KafkaOptions,
    /// Shared only when it is given up: whoever drops it last may have to wait without end.
    consumer: Arc<BaseConsumer<Context>>,
    partitions: u32,
    arenas: Arenas,
    /// What to hand over before anything else is read.
    ready: VecDeque<SourceEvent>,
    stage: Stage,
    bytes_read: u64,
    /// Why the brokers cannot be reached, while they cannot.
    trouble: Option<Trouble>,
    /// The last thing a broker's connection said.
    last_reason: String,
    /// A fetch was out of range: some partition stands still until it is told where to go on.
    hole: bool,
    /// When it was last looked for in vain.
    looked: Option<Stopwatch>,
    held: Stopwatch,
    committed: Stopwatch,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opened,
    Reading,
    Ended,
}

impl KafkaSource {
    /// Connects to the brokers and looks for the topic. The group is joined by the first
    /// [`Source::next`]; without an [`Owner`] all of it is read and nothing committed.
    ///
    /// # Errors
    /// A setting is wrong, no broker answers within 10 s, the login is refused, or there is no
    /// such topic.
    pub fn open(options: KafkaOptions) -> Result<KafkaSource, IngestError> {
        let config = options.consumer_config()?;
        let context = Context::new(&options.topic, options.start);
        let consumer = BaseConsumer::from_config_and_context(&config, context)
            .map_err(|error| KafkaError::Client(settings::refusal(&error)))?;
        let partitions = open::partitions(&consumer, &options)?;
        Ok(KafkaSource {
            arenas: Arenas::new(Limits {
                batch_lines: options.limits.batch_lines.max(1),
                batch_bytes: options.limits.batch_bytes.clamp(1, 1 << 30),
                line_max: options.limits.line_max.clamp(1, 1 << 30),
            }),
            options,
            consumer: Arc::new(consumer),
            partitions: partitions.unwrap_or_default(),
            ready: VecDeque::new(),
            stage: if partitions.is_some() { Stage::Opened } else { Stage::Ended },
            bytes_read: 0,
            trouble: None,
            last_reason: String::new(),
            hole: false,
            looked: None,
            held: Stopwatch::start(),
            committed: Stopwatch::start(),
        })
    }

    /// How many partitions the topic had when it was opened.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Reads on until there is something to say.
    fn read(&mut self) -> Result<SourceEvent, IngestError> {
        if self.stage == Stage::Opened {
            let topics = [self.options.topic.as_str()];
            self.consumer.subscribe(&topics).map_err(|e| KafkaError::Client(e.to_string()))?;
            self.stage = Stage::Reading;
        }
        let quiet = Stopwatch::start();
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            if stopped(&self.options.stop) {
                self.leave();
                return Ok(SourceEvent::End);
            }
            self.tend()?;
            let wait = match self.arenas.due(PATIENCE) {
                Due::Now(shard) => {
                    self.hand_over(shard);
                    continue;
                }
                Due::In(left) => left,
                Due::Never if self.ready.is_empty() && quiet.elapsed() >= QUIET => {
                    return Ok(SourceEvent::Idle);
                }
                Due::Never => QUIET.saturating_sub(quiet.elapsed()),
            };
            if self.ready.is_empty() {
                self.gather(wait)?;
            }
        }
    }

    /// Polls until a partition is full, something else is to be said, or nothing more is there.
    fn gather(&mut self, wait: Duration) -> Result<(), IngestError> {
        let mut wait = wait;
        for _ in 0..RECORDS_AT_ONCE {
            let polled = self.consumer.poll(wait);
            wait = Duration::ZERO;
            let more = match polled {
                None => false,
                Some(Ok(record)) => {
                    let shard = record.partition().cast_unsigned();
                    let payload = record.payload().unwrap_or_default();
                    let read = Read { shard, offset: record.offset().cast_unsigned(), payload };
                    self.bytes_read += payload.len() as u64;
                    let back = self.trouble.is_some();
                    take_in(&mut self.arenas, &mut self.ready, &self.options.limits, &read);
                    if back {
                        self.reached();
                    }
                    true
                }
                Some(Err(ClientError::MessageConsumptionFatal(code))) => {
                    self.hear()?;
                    return Err(self.fatal(code).into());
                }
                // Its reason comes through the context.
                Some(Err(_)) => true,
            };
            self.hear()?;
            if !more || !self.ready.is_empty() || self.arenas.some_full() {
                break;
            }
        }
        Ok(())
    }

    /// Learns what the library's callbacks wrote down.
    fn hear(&mut self) -> Result<(), IngestError> {
        let Some(News { changes, troubles, figures, failed }) = self.consumer.context().take()
        else {
            return Ok(());
        };
        for change in changes {
            match change {
                Change::Ours(shard, From::State(at)) => self.arenas.begin(shard, Some(at)),
                Change::Ours(shard, From::Unknown) => self.arenas.begin(shard, None),
                Change::Ours(shard, From::End(at)) => {
                    self.arenas.begin(shard, Some(at));
                    // An empty batch: from now on the owner knows where this one stands.
                    self.arenas.skip_to(shard, at);
                }
                Change::Gone(shard) => self.arenas.end(shard),
            }
        }
        for (code, reason) in troubles {
            self.trouble_with(code, reason);
        }
        if let Some(figures) = figures {
            self.learn(&figures);
        }
        failed.map_or(Ok(()), Err)
    }

    /// What is due now and then: holding back, commits, holes.
    fn tend(&mut self) -> Result<(), IngestError> {
        if self.hole && self.looked.is_none_or(|since| since.elapsed() >= LOOK_EVERY) {
            self.hole = !self.mend()?;
            self.looked = Some(Stopwatch::start());
        }
        let Some(owner) = self.consumer.context().owner() else { return Ok(()) };
        if self.held.elapsed() >= HOLD_EVERY {
            self.held = Stopwatch::start();
            self.hold(&owner.held_back());
        }
        if self.committed.elapsed() >= COMMIT_EVERY {
            self.committed = Stopwatch::start();
            let ours: Vec<u32> = self.arenas.ours().into_iter().map(|(shard, _)| shard).collect();
            self.consumer.context().commit(&self.consumer, &*owner, &ours);
        }
        Ok(())
    }

    /// Pauses and resumes partitions as their owner wishes.
    fn hold(&mut self, back: &[u32]) {
        let mut lists = [TopicPartitionList::new(), TopicPartitionList::new()];
        for (shard, _) in self.arenas.ours() {
            let held = back.contains(&shard);
            if self.arenas.hold(shard, held) {
                lists[usize::from(held)].add_partition(&self.options.topic, shard.cast_signed());
            }
        }
        let [resumed, paused] = lists;
        // Both fail only for partitions that are not assigned, and those are of no concern.
        if resumed.count() > 0 {
            let _ = self.consumer.resume(&resumed);
        }
        if paused.count() > 0 {
            let _ = self.consumer.pause(&paused);
        }
    }

    fn hand_over(&mut self, shard: u32) {
        self.ready.extend(self.arenas.take(shard).map(SourceEvent::Batch));
    }
}

impl Source for KafkaSource {
    fn next(&mut self, batch: Batch) -> Result<SourceEvent, IngestError> {
        self.arenas.give(batch);
        if self.stage == Stage::Ended {
            return Ok(SourceEvent::End);
        }
        let event = self.read();
        if event.is_err() {
            self.leave();
        }
        event
    }

    fn segments(&self) -> &[Segment] {
        &[]
    }

    fn resumable(&self) -> bool {
        true
    }

    fn progress(&self) -> Progress {
        Progress { bytes_read: self.bytes_read, bytes_total: None }
    }

    fn owned_by(&mut self, owner: Arc<dyn Owner>) {
        self.consumer.context().set_owner(Some(owner));
    }
}

/// One record as the library gives it.
struct Read<'a> {
    shard: u32,
    offset: Position,
    payload: &'a [u8],
}

/// Puts a record into its arena. One without a payload is an empty line, which the decoder
/// refuses and counts.
fn take_in(
    arenas: &mut Arenas,
    ready: &mut VecDeque<SourceEvent>,
    limits: &Limits,
    read: &Read<'_>,
) {
    let Read { shard, offset, payload } = *read;
    if payload.len() <= limits.line_max {
        arenas.put(shard, offset, payload);
    } else if arenas.wants(shard, offset) {
        ready.extend(arenas.take(shard).map(SourceEvent::Batch));
        let length = payload.len() as u64;
        ready.push_back(SourceEvent::Notice(Notice::Oversized { shard, position: offset, length }));
        arenas.skip_to(shard, offset + 1);
    }
}
