//! The reader's side: pulls the source, and answers it while its shards change hands.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::Position;
use crate::ingest::{Batch, IngestError, Notice, Owner, Progress, Segment, Source, SourceEvent};

/// What the reader's thread hands on.
pub(super) enum Read {
    /// What the source said.
    Event {
        event: Result<SourceEvent, IngestError>,
        segments: Option<Vec<Segment>>,
        progress: Progress,
    },
    /// Shards came.
    Claim { shards: Vec<u32>, answer: SyncSender<Vec<(u32, Option<Position>)>> },
    /// Shards went.
    Release { shards: Vec<u32>, lost: bool, answer: SyncSender<()> },
}

/// Passes the source's questions on to the deciding thread, in their place between its batches.
pub(super) struct Hand {
    to_decide: SyncSender<Read>,
    held_back: Mutex<Vec<u32>>,
    durable: Mutex<BTreeMap<u32, Position>>,
}

impl Hand {
    pub(super) fn new(to_decide: SyncSender<Read>) -> Hand {
        Hand { to_decide, held_back: Mutex::default(), durable: Mutex::default() }
    }

    pub(super) fn hold_back(&self, shards: Vec<u32>) {
        *unpoisoned(&self.held_back) = shards;
    }

    pub(super) fn is_durable(&self, shard: u32, position: Position) {
        unpoisoned(&self.durable).insert(shard, position);
    }

    pub(super) fn forget(&self, shard: u32) {
        unpoisoned(&self.durable).remove(&shard);
    }
}

/// Plain data stays usable whoever died while holding it.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Owner for Hand {
    fn claim(&self, shards: &[u32]) -> Result<Vec<(u32, Option<Position>)>, IngestError> {
        let (answer, answered) = sync_channel(1);
        let claim = Read::Claim { shards: shards.to_vec(), answer };
        // A deciding thread that is gone has its own error to tell.
        self.to_decide.send(claim).map_err(|_| IngestError::Stopped)?;
        answered.recv().map_err(|_| IngestError::Stopped)
    }

    fn release(&self, shards: &[u32], lost: bool) {
        let (answer, answered) = sync_channel(1);
        let release = Read::Release { shards: shards.to_vec(), lost, answer };
        if self.to_decide.send(release).is_ok() {
            let _ = answered.recv();
        }
    }

    fn held_back(&self) -> Vec<u32> {
        unpoisoned(&self.held_back).clone()
    }

    fn durable(&self) -> Vec<(u32, Position)> {
        unpoisoned(&self.durable).iter().map(|(shard, at)| (*shard, *at)).collect()
    }
}

/// Pulls a source until its end, or until nobody wants more.
pub(super) fn read(
    source: &mut dyn Source,
    base: Position,
    arenas: &Receiver<Batch>,
    to_decide: &SyncSender<Read>,
) {
    let mut told: Vec<Segment> = Vec::new();
    loop {
        let mut arena = arenas.try_recv().unwrap_or_default();
        arena.clear();
        let event = source.next(arena).map(|event| shifted(event, base));
        let last = matches!(event, Ok(SourceEvent::End) | Err(_));
        let segments = (source.segments() != told).then(|| source.segments().to_vec());
        if let Some(segments) = &segments {
            told.clone_from(segments);
        }
        let read = Read::Event { event, segments, progress: source.progress() };
        if to_decide.send(read).is_err() || last {
            return;
        }
    }
}

/// A stream that cannot be read again goes on in positions where an earlier one ended.
fn shifted(mut event: SourceEvent, base: Position) -> SourceEvent {
    match &mut event {
        SourceEvent::Batch(batch) => {
            batch.lines.iter_mut().for_each(|line| line.position += base);
            batch.next += base;
        }
        SourceEvent::Notice(
            Notice::Oversized { position, .. } | Notice::Damaged { position, .. },
        ) => *position += base,
        SourceEvent::Notice(_) | SourceEvent::Idle | SourceEvent::End => {}
    }
    event
}
