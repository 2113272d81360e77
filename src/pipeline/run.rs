//! Threads and channels: reads, hands to the shard, carries its outputs out. Decides nothing.
//!
//! The order that makes `kill -9` harmless: alerts and the mark in one transaction, told only then;
//! a snapshot only of what is told. After a crash the log is read again from the snapshot, the same
//! revisions come out, and what lies below the mark is neither stored nor told twice.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::shard::{Output, Shard};
use crate::alert::Alert;
use crate::clock::Stopwatch;
use crate::detect::snapshot::{PAYLOAD_VERSION, SnapshotError as PayloadError};
use crate::event::Position;
use crate::ingest::{Batch, IngestError, Notice, Progress, Segment, Source, SourceEvent};
use crate::store::KeyId;
use crate::store::format::Header;
use crate::store::quarantine::{Entry, Quarantine};
use crate::store::snapshot::{SnapshotError, Snapshots};
use crate::store::sqlite::{Commit, Store, StoreError};

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
    /// Standard output, or a file of the data folder.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    /// A thread of ours died; a defect.
    #[error("the {0} thread stopped unexpectedly; this is a defect of vigie")]
    Thread(&'static str),
}

/// Tells a stored revision to whoever listens.
pub type Tell<'a> = Box<dyn FnMut(&Alert, &Output) -> io::Result<()> + Send + 'a>;

/// Told now and then how far reading is.
pub type Report<'a> = Box<dyn FnMut(Progress, &Shard) + 'a>;

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
    /// Everything below was told before a crash.
    pub told: Position,
    /// Everything below was stored before a crash.
    pub marked: Position,
    /// Time between snapshots.
    pub every: Duration,
    /// Alerts may be about now: those that are not are marked historical.
    pub live: bool,
}

/// Alerts whose events are older than this on arrival are historical: stored, never sent.
const HISTORICAL_MS: i64 = 3_600_000;

/// The only shard of a file or of standard input.
pub const SHARD: u32 = 0;

/// Name of the note that remembers how far telling is.
#[must_use]
pub fn told_key(source: &str) -> String {
    format!("told/{source}/{SHARD}")
}

/// The source's part of a snapshot's payload: what it has read. The shard's follows it.
#[derive(Serialize, Deserialize)]
struct Saved {
    segments: Vec<Segment>,
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
    shard: &mut Shard,
) -> Result<Option<Restored>, RunError> {
    let Some(loaded) = snapshots.load_latest(source, SHARD)? else { return Ok(None) };
    let (saved, rest): (Saved, _) = postcard::take_from_bytes(&loaded.payload)
        .map_err(|_| PayloadError::Damaged("the source's part does not parse"))?;
    shard.restore(loaded.header.payload_version, rest)?;
    for damage in &loaded.damaged {
        let (path, why) = (damage.path.display(), &damage.why);
        tracing::warn!(%path, why, "damaged snapshot; an older one is used and more log read again");
    }
    Ok(Some(Restored { segments: saved.segments, position: loaded.header.position }))
}

/// What the reader hands on.
struct Read {
    event: Result<SourceEvent, IngestError>,
    segments: Option<Vec<Segment>>,
    progress: Progress,
}

/// What the writer does.
enum Work {
    Outputs { outputs: Vec<Output>, mark: Position, epoch: u32 },
    Snapshot { header: Header, payload: Vec<u8> },
}

/// Reads a source to its end (or until it is told to stop) through a shard.
///
/// # Errors
/// The input cannot be read on, or something cannot be written. What was told is stored.
pub fn drive(
    mut source: Box<dyn Source + Send>,
    base: Position,
    shard: &mut Shard,
    keep: Option<Keep>,
    tell: Tell<'_>,
    mut report: Report<'_>,
) -> Result<(), RunError> {
    let every = keep.as_ref().map(|k| k.every);
    let key_id = keep.as_ref().map_or(KeyId([0; 8]), |k| k.key_id);
    std::thread::scope(|scope| {
        let (to_decide, from_reader) = sync_channel::<Read>(4);
        let (give_back, arenas) = sync_channel::<Batch>(8);
        let (to_write, work) = sync_channel::<Work>(16);
        let reader = scope.spawn(move || read(&mut *source, base, &arenas, &to_decide));
        let writer = scope.spawn(move || write(keep, tell, &work));
        let decided =
            decide(shard, every, key_id, &from_reader, &give_back, &to_write, &mut report);
        drop((from_reader, to_write));
        let written = writer.join().map_err(|_| RunError::Thread("writer"))?;
        reader.join().map_err(|_| RunError::Thread("reader"))?;
        // A writer's failure is why the decider found nobody to write to.
        written.and(decided)
    })
}

fn read(
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
        let read = Read { event, segments, progress: source.progress() };
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

fn decide(
    shard: &mut Shard,
    every: Option<Duration>,
    key_id: KeyId,
    from_reader: &Receiver<Read>,
    give_back: &SyncSender<Batch>,
    to_write: &SyncSender<Work>,
    report: &mut Report<'_>,
) -> Result<(), RunError> {
    let gone = |_| RunError::Thread("writer");
    let mut segments = Vec::new();
    let mut position = 0;
    let mut due = Due { every, since: Stopwatch::start(), dirty: false };
    let mut end = Ok(());
    loop {
        let mut outputs = Vec::new();
        match due.next(from_reader) {
            Ok(read) => {
                if let Some(news) = read.segments {
                    segments = news;
                }
                match read.event {
                    Ok(SourceEvent::Batch(batch)) => {
                        shard.batch(&batch, &mut outputs);
                        position = batch.next;
                        due.dirty = true;
                        let _ = give_back.try_send(batch);
                    }
                    Ok(SourceEvent::Notice(notice)) => {
                        warn_of(&notice);
                        shard.notice(&notice, &mut outputs);
                    }
                    Ok(SourceEvent::Idle) => {}
                    Ok(SourceEvent::End) => break,
                    Err(error) => {
                        end = Err(error.into());
                        break;
                    }
                }
                report(read.progress, shard);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if !outputs.is_empty() {
            let epoch = shard.detector().epoch().number;
            to_write.send(Work::Outputs { outputs, mark: position, epoch }).map_err(gone)?;
        }
        if due.left().is_some_and(|left| left.is_zero()) {
            to_write.send(snapshot_of(shard, &segments, position, key_id)).map_err(gone)?;
            (due.dirty, due.since) = (false, Stopwatch::start());
        }
    }
    if due.left().is_some() {
        to_write.send(snapshot_of(shard, &segments, position, key_id)).map_err(gone)?;
    }
    end
}

/// When the next snapshot is due.
struct Due {
    every: Option<Duration>,
    since: Stopwatch,
    /// The state has moved since the last one.
    dirty: bool,
}

impl Due {
    /// Time until then; `None` when there is nothing to keep.
    fn left(&self) -> Option<Duration> {
        let every = self.every.filter(|_| self.dirty)?;
        Some(every.saturating_sub(self.since.elapsed()))
    }

    /// What was read next. A quiet source does not put a snapshot off.
    fn next(&self, from_reader: &Receiver<Read>) -> Result<Read, RecvTimeoutError> {
        match self.left() {
            Some(left) => from_reader.recv_timeout(left),
            None => from_reader.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }
}

fn snapshot_of(shard: &Shard, segments: &[Segment], position: Position, key_id: KeyId) -> Work {
    let epoch = shard.detector().epoch().number;
    let saved = Saved { segments: segments.to_vec() };
    let own = postcard::to_stdvec(&saved).unwrap_or_default();
    let payload_version = PAYLOAD_VERSION;
    let header = Header { payload_version, key_id, config_hash: [0; 32], epoch, position };
    Work::Snapshot { header, payload: shard.snapshot_after(own) }
}

fn warn_of(notice: &Notice) {
    match notice {
        Notice::Rotated { path } => tracing::info!(path, "log rotated, reading the new file"),
        Notice::Truncated { path } => {
            tracing::warn!(
                path,
                "log became shorter than what was read; reading it from its beginning"
            );
        }
        Notice::Oversized { shard, position, length } => {
            tracing::warn!(shard, position, length, "line over 16 MiB left out and quarantined");
        }
        Notice::Damaged { path, position, reason } => {
            tracing::error!(
                path,
                position,
                reason,
                "compressed log is damaged; what follows in it is lost"
            );
        }
        Notice::Unread { path, bytes } => {
            tracing::error!(path, bytes, "bytes of this log were never read and will not be");
        }
        Notice::Gap { shard, from, to } => {
            tracing::error!(
                shard,
                from,
                to,
                "records were deleted before they were read; what they held is not known"
            );
        }
        Notice::Lag { .. } => {}
        Notice::Reachable { now: true, .. } => tracing::info!("the source can be reached again"),
        Notice::Reachable { now: false, reason } => {
            tracing::warn!(reason, "the source cannot be reached; trying on");
        }
    }
}

fn write(
    mut keep: Option<Keep>,
    mut tell: Tell<'_>,
    work: &Receiver<Work>,
) -> Result<(), RunError> {
    while let Ok(item) = work.recv() {
        match (item, &mut keep) {
            (Work::Outputs { outputs, .. }, None) => {
                for output in &outputs {
                    if let Output::Alert { alert, .. } = output {
                        tell(alert, output)?;
                    }
                }
            }
            (Work::Outputs { mut outputs, mark, epoch }, Some(keep)) => {
                store_and_tell(keep, &mut outputs, mark, epoch, &mut tell)?;
            }
            (Work::Snapshot { header, payload }, Some(keep)) => {
                keep.quarantine.sync()?;
                keep.snapshots.write(&keep.source, SHARD, &header, &payload)?;
            }
            (Work::Snapshot { .. }, None) => {}
        }
    }
    Ok(())
}

fn store_and_tell(
    keep: &mut Keep,
    outputs: &mut [Output],
    mark: Position,
    epoch: u32,
    tell: &mut Tell<'_>,
) -> Result<(), RunError> {
    let mut alerts = Vec::new();
    for output in outputs.iter_mut() {
        match output {
            Output::Alert { alert, position, .. } => {
                alert.historical = keep.live && is_historical(alert);
                alerts.push(((**alert).clone(), *position));
            }
            Output::Quarantine { position, length, reason, skeleton }
                if *position >= keep.marked =>
            {
                keep.quarantine.put(&Entry {
                    at_position: *position,
                    source: &keep.source,
                    reason,
                    length: *length,
                    skeleton,
                })?;
            }
            Output::Quarantine { .. } => {}
        }
    }
    let source = keep.source.as_str();
    keep.store.commit(&Commit { source, shard: SHARD, alerts: &alerts, mark, epoch })?;
    let mut news = false;
    for output in &*outputs {
        if let Output::Alert { alert, position, .. } = output
            && *position >= keep.told
        {
            tell(alert, output)?;
            news = true;
        }
    }
    if news {
        keep.store.set_meta(&told_key(&keep.source), &mark.to_string())?;
    }
    keep.told = keep.told.max(mark);
    Ok(())
}

fn is_historical(alert: &Alert) -> bool {
    let last = alert.last_event_at.parse::<jiff::Timestamp>();
    last.is_ok_and(|last| crate::clock::now_ms() - last.as_millisecond() > HISTORICAL_MS)
}
