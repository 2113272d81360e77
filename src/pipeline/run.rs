//! Threads and channels: reads, hands to the shards, carries their outputs out. Decides nothing.
//!
//! The order that makes `kill -9` harmless: alerts and the mark in one transaction, told only then;
//! a snapshot only of what is told. After a crash the log is read again from the snapshot, the same
//! revisions come out, and what lies below the mark is neither stored nor told twice.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::decide::Decider;
use super::exchange::{Exchange, ExchangeError};
use super::hand::{Hand, Read, read};
pub use super::look::warn_of;
use super::shard::{Output, Shard};
use super::write::{Work, write};
use crate::alert::Alert;
use crate::detect::Control;
use crate::detect::epoch::Epoch;
use crate::detect::snapshot::SnapshotError as PayloadError;
use crate::event::Position;
use crate::ingest::{Batch, IngestError, Progress, Segment, Source};
use crate::store::KeyId;
use crate::store::quarantine::Quarantine;
use crate::store::snapshot::{Loaded, SnapshotError, Snapshots};
use crate::store::sqlite::{Store, StoreError};
use crate::watch::view::View;

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The input.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Alerts could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// State could not be stored or read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Stored state is not what it should be.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// What shards learn from one another could not be exchanged.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// Standard output, or a file of the data folder.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    /// A shard cannot be made: configuration or stored control records.
    #[error("{0}")]
    Clerk(String),
    /// A thread of ours died; a defect.
    #[error("the {0} thread stopped unexpectedly; this is a defect of vigie")]
    Thread(&'static str),
}

/// Tells a stored revision to whoever listens.
pub type Tell<'a> = Box<dyn FnMut(&Alert, &Output) -> io::Result<()> + Send + 'a>;

/// Told now and then how far reading is.
pub type Report<'a> = Box<dyn FnMut(Progress, &Shard) + 'a>;

/// Knows configuration and database for the deciding thread while a run goes on.
pub trait Clerk {
    /// Makes a shard that this instance has come to own and restores its newest state.
    ///
    /// # Errors
    /// The state is another key's, of a newer build, or all of it is damaged.
    fn open(&mut self, shard: u32) -> Result<Opened, RunError>;

    /// Verdicts that people gave since the last call, for shards named with their next position;
    /// each is stored as a control record of its shard before it is returned with its number.
    ///
    /// # Errors
    /// The database refuses.
    fn verdicts(
        &mut self,
        shards: &BTreeMap<u32, Position>,
    ) -> Result<Vec<(u32, i64, Control)>, RunError>;

    /// Stores an epoch as control records of these shards, before their next positions.
    ///
    /// # Errors
    /// The database refuses.
    fn epoch(
        &mut self,
        epoch: &Arc<Epoch>,
        shards: &BTreeMap<u32, Position>,
    ) -> Result<Vec<(u32, i64)>, RunError>;
}

/// A shard as it begins in this run.
#[derive(Debug)]
pub struct Opened {
    /// With state and scheduled control records.
    pub shard: Shard,
    /// Where it goes on; `None`: it never had a state.
    pub restored: Option<Restored>,
    /// How far its alerts are told and stored.
    pub reached: Reached,
}

impl Opened {
    /// A shard that goes on from nothing.
    #[must_use]
    pub fn new(shard: Shard) -> Opened {
        Opened { shard, restored: None, reached: Reached::default() }
    }
}

/// The only shard of a run, when it is over.
#[must_use]
pub fn only(mut shards: BTreeMap<u32, Opened>) -> Option<Shard> {
    shards.remove(&SHARD).map(|opened| opened.shard)
}

/// How far a shard got before this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Everything below was told before a crash.
    pub told: Position,
    /// Everything below was stored before a crash.
    pub marked: Position,
    /// Number of the newest snapshot; 0 = none.
    pub snapshot: u64,
}

/// The durable side of a run.
pub struct Keep {
    /// Alerts, marks, control records.
    pub store: Store,
    /// State.
    pub snapshots: Snapshots,
    /// Lines that are no event.
    pub quarantine: Quarantine,
    /// Name of the source.
    pub source: String,
    /// Fingerprint of the pseudonym key.
    pub key_id: KeyId,
    /// Time between snapshots of a shard.
    pub every: Duration,
    /// Alerts may be about now: those that are not are marked historical.
    pub live: bool,
    /// All alerts of this run are about the past, whatever their dates: seeding.
    pub seeding: bool,
}

/// What a run may have besides a source and shards.
#[derive(Default)]
pub struct Extras<'a> {
    /// The durable side; without it nothing is kept.
    pub keep: Option<Keep>,
    /// Opens shards that come later, and knows verdicts.
    pub clerk: Option<Box<dyn Clerk + 'a>>,
    /// What shards learn from one another.
    pub exchange: Option<Exchange>,
    /// Where others see how it stands.
    pub view: Option<Arc<View>>,
    /// After the source's end go on bringing verdicts until this is true.
    pub stay: Option<Arc<AtomicBool>>,
    /// Told once, when the source has ended and before staying.
    pub at_end: Option<AtEnd<'a>>,
}

/// Told of a shard when its source has ended.
pub type AtEnd<'a> = Box<dyn FnMut(&Shard) -> io::Result<()> + 'a>;

/// The only shard of a file or of standard input.
pub const SHARD: u32 = 0;

/// Name of the note that remembers how far telling is.
#[must_use]
pub fn told_key(source: &str, shard: u32) -> String {
    format!("told/{source}/{shard}")
}

/// The source's part of a snapshot's payload: what it has read. The shard's follows it.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) segments: Vec<Segment>,
}

/// Where a stored state goes on.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// What the source had read.
    pub segments: Vec<Segment>,
    /// Where it goes on.
    pub position: Position,
}

/// Restores the newest good snapshot into `shard`.
///
/// # Errors
/// The snapshot belongs to another key, is of a newer build, or all of them are damaged.
pub fn restore(
    snapshots: &Snapshots,
    source: &str,
    id: u32,
    shard: &mut Shard,
) -> Result<Option<Restored>, RunError> {
    let Some(loaded) = snapshots.load_latest(source, id)? else { return Ok(None) };
    let Loaded { header, payload, damaged, .. } = loaded;
    let (saved, rest) = split(&payload)?;
    shard.restore(header.payload_version, rest)?;
    for damage in &damaged {
        let (path, why) = (damage.path.display(), &damage.why);
        tracing::warn!(%path, why, "damaged snapshot; an older one is used and more log read again");
    }
    Ok(Some(Restored { segments: saved.segments, position: header.position }))
}

/// What a source had read when its newest good snapshot was taken; `None`: there is none yet. Takes
/// nothing over: the run that writes the snapshots may go on.
///
/// # Errors
/// The snapshot belongs to another key, is of a newer build, or all of them are damaged.
pub fn read_so_far(
    snapshots: &Snapshots,
    source: &str,
    id: u32,
) -> Result<Option<Restored>, RunError> {
    let Some(loaded) = snapshots.load_latest(source, id)? else { return Ok(None) };
    let (saved, _) = split(&loaded.payload)?;
    Ok(Some(Restored { segments: saved.segments, position: loaded.header.position }))
}

/// The source's part of a payload, and the shard's.
fn split(payload: &[u8]) -> Result<(Saved, &[u8]), PayloadError> {
    postcard::take_from_bytes(payload)
        .map_err(|_| PayloadError::Damaged("the source's part does not parse"))
}

/// Reads a source to its end (or until it is told to stop) through its shards; `shards` holds those
/// that are open from the beginning, and the last state of all that are at the end. A source that
/// cannot be read again goes on in positions from `base`.
///
/// # Errors
/// The input cannot be read on, or something cannot be written. What was told is stored.
pub fn drive(
    mut source: Box<dyn Source + Send>,
    base: Position,
    shards: &mut BTreeMap<u32, Opened>,
    extras: Extras<'_>,
    tell: Tell<'_>,
    report: Report<'_>,
) -> Result<(), RunError> {
    let Extras { keep, clerk, exchange, view, stay, at_end } = extras;
    let kept = keep.as_ref().map(|k| (k.every, k.key_id));
    let name = keep.as_ref().map(|k| k.source.clone()).unwrap_or_default();
    std::thread::scope(|scope| {
        let (to_decide, from_reader) = sync_channel::<Read>(4);
        let (give_back, arenas) = sync_channel::<Batch>(8);
        let (to_write, work) = sync_channel::<Work>(16);
        let hand = Arc::new(Hand::new(to_decide.clone()));
        source.owned_by(hand.clone());
        let reader = scope.spawn(move || read(&mut *source, base, &arenas, &to_decide));
        let durable = hand.clone();
        let writer = scope.spawn(move || write(keep, tell, &work, &durable));
        let mut decider = Decider {
            name,
            kept,
            clerk,
            exchange,
            view,
            stay,
            at_end,
            hand,
            report,
            give_back,
            to_write,
        }
        .start(shards);
        let decided = decider.run(&from_reader);
        decider.finish(shards);
        drop(from_reader);
        drop(decider);
        let written = writer.join().map_err(|_| RunError::Thread("writer"))?;
        reader.join().map_err(|_| RunError::Thread("reader"))?;
        // A writer's failure is why the decider found nobody to write to.
        written.and(decided)
    })
}
