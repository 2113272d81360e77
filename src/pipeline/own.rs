//! One shard while it is ours: its state, what waits to be decided, and how far it may go.

use std::collections::VecDeque;
use std::time::Duration;

use super::exchange::waits_until;
use super::run::{Opened, Reached, Restored};
use super::shard::{Output, Shard};
use crate::clock::Stopwatch;
use crate::detect::time::Day;
use crate::event::{Position, TimestampMs};
use crate::ingest::{Batch, Segment};

/// Batches that wait before their shard is not to be read for now.
const WAITING_MAX: usize = 4;

/// A shard that has more to read and brings nothing for so long is not waited for any more.
const SILENT: Duration = Duration::from_secs(30);

/// One shard while it is ours.
pub(super) struct Own {
    pub(super) shard: Shard,
    pub(super) segments: Vec<Segment>,
    pub(super) position: Position,
    pub(super) lag: Option<u64>,
    pub(super) arrived: Option<TimestampMs>,
    pub(super) snapshot_at: Option<TimestampMs>,
    pub(super) since: Stopwatch,
    /// The state has moved since the last snapshot.
    pub(super) dirty: bool,
    /// The view has not seen the newest.
    pub(super) unseen: bool,
    /// Day of the newest epoch that it was handed.
    pub(super) epoch_day: Option<Day>,
    /// Epochs that it was handed since the last snapshot.
    pub(super) epochs: u32,
    /// Batches that came and wait, and the next line of the first.
    waiting: VecDeque<Batch>,
    line: usize,
    /// Where reading goes on behind all that came.
    came: Position,
    /// Where the log ended when that was last known.
    end: Option<Position>,
    heard: Stopwatch,
}

impl Own {
    pub(super) fn of(opened: Opened) -> (Own, Reached) {
        let Opened { shard, restored, reached } = opened;
        let Restored { segments, position } = restored.unwrap_or_default();
        let own = Own {
            epoch_day: shard.newest_epoch(),
            shard,
            segments,
            position,
            lag: None,
            arrived: None,
            snapshot_at: None,
            since: Stopwatch::start(),
            dirty: false,
            unseen: true,
            epochs: 0,
            waiting: VecDeque::new(),
            line: 0,
            came: position,
            end: None,
            heard: Stopwatch::start(),
        };
        (own, reached)
    }

    /// A batch came.
    pub(super) fn comes(&mut self, batch: Batch) {
        self.came = batch.next;
        self.heard = Stopwatch::start();
        self.waiting.push_back(batch);
    }

    /// So many records are still to come behind what came.
    pub(super) fn is_behind_by(&mut self, records: u64) {
        self.lag = Some(records);
        self.end = Some(self.came + records);
    }

    /// Whether there is more to decide, as far as one can know.
    pub(super) fn is_behind(&self) -> bool {
        let more = self.end.is_none_or(|end| self.came < end);
        !self.waiting.is_empty() || (more && self.heard.elapsed() < SILENT)
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Enough has come for now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// The local day that it lives in.
    pub(super) fn today(&self) -> Option<Day> {
        self.shard.detector().today().map(|today| today.day)
    }

    /// The moment at which those who are further wait for this one: the end of its day, so that
    /// nobody lives through a day before the others have ended the one before. A shard of too few
    /// accounts ends no day and is not waited for.
    pub(super) fn day_end(&self) -> TimestampMs {
        match self.shard.detector().today() {
            Some(today) => today.end_ms,
            None if self.shard.detector().counters().events == 0 => TimestampMs::MIN,
            None => TimestampMs::MAX,
        }
    }

    /// Whether something waits and may be decided now.
    pub(super) fn may_go_on(&self, limit: TimestampMs) -> bool {
        let watermark = self.shard.detector().watermark();
        self.has_waiting() && (watermark < limit || watermark == TimestampMs::MIN)
    }

    /// Decides what came first, up to the line after which it has reached the limit, or the moment
    /// from which those are not waited for who have not ended the day before. Says whether it has,
    /// and gives the batch back when all of it is decided.
    pub(super) fn go_on(
        &mut self,
        limit: TimestampMs,
        out: &mut Vec<Output>,
    ) -> (bool, Option<Batch>) {
        let Some(batch) = self.waiting.front() else { return (false, None) };
        let detector = self.shard.detector();
        let waits = detector.today().map(|today| waits_until(today.day - 1));
        let stop = waits.filter(|at| *at > detector.watermark()).map_or(limit, |at| at.min(limit));
        self.line = self.shard.batch_until(batch, self.line, stop, out);
        (self.dirty, self.unseen) = (true, true);
        let stopped = self.shard.detector().watermark() >= stop;
        if let Some(line) = batch.lines.get(self.line) {
            self.position = line.position;
            return (stopped, None);
        }
        self.position = batch.next;
        self.line = 0;
        (stopped, self.waiting.pop_front())
    }
}
