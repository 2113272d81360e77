//! What the client library calls while it is polled: partitions change hands, something is wrong,
//! figures are there. It is written down here and read by the source after each poll.
//!
//! The owner is asked inside the library's callback, because a partition may be given away the
//! moment the callback returns. Start offsets are written into the list of the one assignment;
//! assigning first and seeking then would read a few records from the wrong place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::settings::Start;
use crate::event::Position;
use crate::ingest::{IngestError, Owner};

/// How long to ask a partition for its end.
const ASK: Duration = Duration::from_secs(5);

/// What the library said since it was last asked.
#[derive(Default)]
pub(super) struct News {
    /// Partitions that came and went, in order.
    pub(super) changes: Vec<Change>,
    /// What is wrong.
    pub(super) troubles: Vec<(Option<RDKafkaErrorCode>, String)>,
    /// Figures.
    pub(super) figures: Option<Figures>,
    /// The owner cannot go on.
    pub(super) failed: Option<IngestError>,
}

/// A partition changed hands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is ours, read from here on.
    Ours(u32, From),
    /// It is not ours any more.
    Gone(u32),
}

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// Where its state ends.
    State(Position),
    /// At its end, which has just been asked for: that is its state from now on.
    End(Position),
    /// At an end that could not be learned, or at the oldest record.
    Unknown,
}

/// Figures of a moment.
pub(super) struct Figures {
    /// Some broker is connected.
    pub(super) connected: bool,
    /// By partition: its end, and the end up to which all was fetched. They differ from the last
    /// record's offset where a transaction's marks stand behind it.
    pub(super) ends: Vec<(u32, Position, Position)>,
}

/// Owns shards without any state: they are read from where the settings say.
struct Nobody;

impl Owner for Nobody {
    fn claim(&self, shards: &[u32]) -> Result<Vec<(u32, Option<Position>)>, IngestError> {
        Ok(shards.iter().map(|shard| (*shard, None)).collect())
    }

    fn release(&self, _: &[u32], _: bool) {}

    fn held_back(&self) -> Vec<u32> {
        Vec::new()
    }

    fn durable(&self) -> Vec<(u32, Position)> {
        Vec::new()
    }
}

/// Callbacks of the consumer.
pub(super) struct Context {
    topic: String,
    start: Start,
    owner: Mutex<Option<Arc<dyn Owner>>>,
    news: Mutex<News>,
    /// Something is in `news`.
    some: AtomicBool,
    /// The brokers cannot be reached.
    away: AtomicBool,
}

impl Context {
    pub(super) fn new(topic: &str, start: Start) -> Context {
        Context {
            topic: topic.to_owned(),
            start,
            owner: Mutex::new(Some(Arc::new(Nobody))),
            news: Mutex::default(),
            some: AtomicBool::new(false),
            away: AtomicBool::new(false),
        }
    }

    /// Whom to ask from now on; `None` = nobody, partitions are given back untouched.
    pub(super) fn set_owner(&self, owner: Option<Arc<dyn Owner>>) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = owner;
    }

    pub(super) fn owner(&self) -> Option<Arc<dyn Owner>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the brokers cannot be reached, so that nothing is asked of them that a good-bye
    /// would wait for.
    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// What was said since the last call; `None` when nothing was.
    pub(super) fn take(&self) -> Option<News> {
        // One thread polls, and the callbacks run on it.
        self.some
            .swap(false, Ordering::Relaxed)
            .then(|| std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn say(&self, say: impl FnOnce(&mut News)) {
        say(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.some.store(true, Ordering::Relaxed);
    }

    /// Claims partitions and writes where they begin into the list. Says whether they are ours.
    fn claim(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) -> bool {
        let shards = self.shards(list);
        let Some(owner) = self.owner() else { return false };
        if shards.is_empty() {
            return true;
        }
        let starts = match owner.claim(&shards) {
            Ok(starts) => starts,
            Err(error) => {
                self.say(|news| news.failed = Some(error));
                return false;
            }
        };
        let from = |shard: u32| {
            let known = starts.iter().find(|(s, _)| *s == shard).and_then(|(_, at)| *at);
            match (known, self.start) {
                (Some(at), _) => From::State(at),
                (None, Start::Latest) => self.end_of(consumer, shard),
                (None, Start::Earliest) => From::Unknown,
            }
        };
        let changes: Vec<Change> = shards.iter().map(|s| Change::Ours(*s, from(*s))).collect();
        for change in &changes {
            let Change::Ours(shard, from) = change else { continue };
            let offset = match (from, self.start) {
                (From::State(at) | From::End(at), _) => Offset::Offset(at.cast_signed()),
                (From::Unknown, Start::Earliest) => Offset::Beginning,
                (From::Unknown, Start::Latest) => Offset::End,
            };
            // Only a partition that is not in the list could fail, and they come from it.
            let _ = list.set_partition_offset(&self.topic, shard.cast_signed(), offset);
        }
        self.say(|news| news.changes.extend(changes));
        true
    }

    fn end_of(&self, consumer: &BaseConsumer<Self>, shard: u32) -> From {
        match consumer.fetch_watermarks(&self.topic, shard.cast_signed(), ASK) {
            Ok((_, end)) => Position::try_from(end).map_or(From::Unknown, From::End),
            Err(_) => From::Unknown,
        }
    }

    fn release(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let shards = self.shards(list);
        let owner = self.owner().filter(|_| !shards.is_empty());
        if let Some(owner) = owner {
            let lost = consumer.assignment_lost();
            owner.release(&shards, lost);
            if !lost {
                self.commit(consumer, &*owner, &shards);
            }
        }
        self.say(|news| news.changes.extend(shards.into_iter().map(Change::Gone)));
    }

    /// Tells the group how far these partitions are durable. People look at it; nothing of ours
    /// ever reads it, so a failure is no matter.
    pub(super) fn commit(&self, consumer: &BaseConsumer<Self>, owner: &dyn Owner, shards: &[u32]) {
        let mut list = TopicPartitionList::new();
        for (shard, at) in owner.durable().into_iter().filter(|(s, _)| shards.contains(s)) {
            let offset = Offset::Offset(at.cast_signed());
            let _ = list.add_partition_offset(&self.topic, shard.cast_signed(), offset);
        }
        if list.count() > 0 && !self.away.load(Ordering::Relaxed) {
            let _ = consumer.commit(&list, CommitMode::Async);
        }
    }

    fn shards(&self, list: &TopicPartitionList) -> Vec<u32> {
        let ours = list.elements_for_topic(&self.topic);
        ours.iter().map(|element| element.partition().cast_unsigned()).collect()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What an operator must know is a notice; this is for whoever looks closer.
        tracing::debug!(?level, facility, message, "kafka client");
    }

    fn error(&self, error: ClientError, reason: &str) {
        let trouble = (error.rdkafka_error_code(), reason.to_owned());
        self.say(|news| {
            news.troubles.push(trouble);
            // Figures that nobody has read yet are older than the trouble.
            if let Some(figures) = &mut news.figures {
                figures.connected = false;
            }
        });
    }

    fn stats(&self, statistics: Statistics) {
        let connected = statistics.brokers.values().any(|broker| broker.state == "UP");
        let partitions = statistics.topics.get(&self.topic).map(|topic| &topic.partitions);
        let ends = partitions.into_iter().flatten().filter_map(|(_, partition)| {
            let shard = u32::try_from(partition.partition).ok()?;
            // What a transaction has not decided yet cannot be read.
            let readable = partition.ls_offset;
            let end = if readable >= 0 { readable } else { partition.hi_offset };
            let fetched = Position::try_from(partition.eof_offset).unwrap_or_default();
            Some((shard, Position::try_from(end).ok()?, fetched))
        });
        let figures = Figures { connected, ends: ends.collect() };
        self.say(|news| news.figures = Some(figures));
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let by_parts = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let done = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let nothing = TopicPartitionList::new();
            // Also nothing is an answer that the library waits for.
            let list = if self.claim(consumer, list) { &*list } else { &nothing };
            if by_parts { consumer.incremental_assign(list) } else { consumer.assign(list) }
        } else {
            self.release(consumer, list);
            if by_parts { consumer.incremental_unassign(list) } else { consumer.unassign() }
        };
        if let Err(error) = done {
            self.error(error.clone(), &error.to_string());
        }
    }
}
