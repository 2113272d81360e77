//! Records come from many partitions in one stream; each partition's are gathered in an arena of
//! its own, and one arena at a time is handed over.

use std::time::Duration;

use crate::clock::Stopwatch;
use crate::event::Position;
use crate::ingest::{Batch, Limits, Line};

/// Arenas kept for later use.
const SPARE_MAX: usize = 16;

/// The arenas of the partitions that are ours.
pub(super) struct Arenas {
    limits: Limits,
    /// By partition number; numbers are small and dense.
    partitions: Vec<Option<Gathered>>,
    spare: Vec<Batch>,
    /// Partitions that have reached a limit, in that order.
    full: Vec<u32>,
}

/// What is gathered of one partition.
struct Gathered {
    batch: Batch,
    /// Offset of the next record; `None` before the first when nobody said where to begin.
    next: Option<Position>,
    /// Since when something waits to be handed over.
    waits: Option<Stopwatch>,
    /// Not to be read or handed over for now.
    held: bool,
}

impl Gathered {
    /// Something now waits to be handed over.
    fn moved(&mut self, next: Position) {
        self.next = Some(next);
        self.batch.next = next;
        self.waits.get_or_insert_with(Stopwatch::start);
    }
}

impl Arenas {
    pub(super) fn new(limits: Limits) -> Arenas {
        Arenas { limits, partitions: Vec::new(), spare: Vec::new(), full: Vec::new() }
    }

    /// Takes an arena to use again.
    pub(super) fn give(&mut self, mut arena: Batch) {
        if self.spare.len() < SPARE_MAX {
            arena.clear();
            self.spare.push(arena);
        }
    }

    /// A partition is ours.
    pub(super) fn begin(&mut self, shard: u32, next: Option<Position>) {
        self.end(shard);
        let at = shard as usize;
        if self.partitions.len() <= at {
            self.partitions.resize_with(at + 1, || None);
        }
        let mut batch = self.spare.pop().unwrap_or_default();
        batch.shard = shard;
        batch.next = next.unwrap_or_default();
        self.partitions[at] = Some(Gathered { batch, next, waits: None, held: false });
    }

    /// A partition is not ours any more; what was gathered is forgotten, since its next owner
    /// reads it again.
    pub(super) fn end(&mut self, shard: u32) {
        self.full.retain(|full| *full != shard);
        let gathered = self.partitions.get_mut(shard as usize).and_then(Option::take);
        if let Some(gathered) = gathered {
            self.give(gathered.batch);
        }
    }

    fn get(&mut self, shard: u32) -> Option<&mut Gathered> {
        self.partitions.get_mut(shard as usize)?.as_mut()
    }

    /// Partitions that are ours and the offsets of their next records.
    pub(super) fn ours(&self) -> Vec<(u32, Option<Position>)> {
        let numbered = (0u32..).zip(&self.partitions);
        numbered.filter_map(|(shard, g)| Some((shard, g.as_ref()?.next))).collect()
    }

    /// How many records of a partition are not handed over yet.
    pub(super) fn gathered(&self, shard: u32) -> u64 {
        let gathered = self.partitions.get(shard as usize).and_then(Option::as_ref);
        gathered.map_or(0, |gathered| gathered.batch.lines.len() as u64)
    }

    /// Adds a record, unless its partition is not ours or it was read before. Says whether it was
    /// added.
    pub(super) fn put(&mut self, shard: u32, offset: Position, payload: &[u8]) -> bool {
        let limits = self.limits;
        let Some(gathered) = self.get(shard).filter(|g| g.next.is_none_or(|next| offset >= next))
        else {
            return false;
        };
        let batch = &mut gathered.batch;
        let start = batch.bytes.len() as u32;
        batch.bytes.extend_from_slice(payload);
        let end = batch.bytes.len() as u32;
        batch.lines.push(Line { start, end, position: offset });
        let was_full = is_full(&limits, batch, 1, payload.len());
        let full = is_full(&limits, batch, 0, 0);
        gathered.moved(offset + 1);
        if full && !was_full {
            self.full.push(shard);
        }
        true
    }

    /// Whether a record of a partition is still to be read.
    pub(super) fn wants(&mut self, shard: u32, offset: Position) -> bool {
        self.get(shard).is_some_and(|g| g.next.is_none_or(|next| offset >= next))
    }

    /// Reading of a partition goes on at `next`, without the records before it.
    pub(super) fn skip_to(&mut self, shard: u32, next: Position) {
        if let Some(gathered) = self.get(shard) {
            gathered.moved(next);
        }
    }

    /// A partition is, or is no longer, not to be read for now. Says whether that is news.
    pub(super) fn hold(&mut self, shard: u32, held: bool) -> bool {
        self.get(shard).is_some_and(|g| std::mem::replace(&mut g.held, held) != held)
    }

    /// Some partition has reached a limit and may be handed over.
    pub(super) fn some_full(&self) -> bool {
        self.full.iter().any(|shard| self.may(*shard))
    }

    fn may(&self, shard: u32) -> bool {
        self.partitions.get(shard as usize).is_some_and(|g| g.as_ref().is_some_and(|g| !g.held))
    }

    /// The partition that must be handed over now, or how long until the next one must.
    pub(super) fn due(&self, patience: Duration) -> Due {
        if let Some(shard) = self.full.iter().find(|shard| self.may(**shard)) {
            return Due::Now(*shard);
        }
        let waiting = (0u32..).zip(&self.partitions).filter_map(|(shard, gathered)| {
            let gathered = gathered.as_ref().filter(|g| !g.held)?;
            Some((gathered.waits?.elapsed(), shard))
        });
        match waiting.max() {
            Some((age, shard)) if age >= patience => Due::Now(shard),
            Some((age, _)) => Due::In(patience - age),
            None => Due::Never,
        }
    }

    /// What was gathered of a partition, when there is something.
    pub(super) fn take(&mut self, shard: u32) -> Option<Batch> {
        let mut fresh = self.spare.pop().unwrap_or_default();
        let Some(gathered) = self.get(shard).filter(|g| g.waits.is_some()) else {
            self.spare.push(fresh);
            return None;
        };
        fresh.shard = shard;
        fresh.next = gathered.batch.next;
        gathered.waits = None;
        let batch = std::mem::replace(&mut gathered.batch, fresh);
        self.full.retain(|full| *full != shard);
        Some(batch)
    }
}

/// When to hand over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// This partition, at once.
    Now(u32),
    /// None yet.
    In(Duration),
    /// Nothing waits.
    Never,
}

/// Whether a batch is at a limit, or was before so many lines and bytes came.
fn is_full(limits: &Limits, batch: &Batch, less_lines: usize, less_bytes: usize) -> bool {
    batch.lines.len() - less_lines >= limits.batch_lines
        || batch.bytes.len() - less_bytes >= limits.batch_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { batch_lines: 2, batch_bytes: 100, line_max: 100 };

    fn taken(arenas: &mut Arenas, shard: u32) -> (Vec<Position>, Position) {
        let batch = arenas.take(shard).unwrap();
        assert_eq!(batch.shard, shard);
        (batch.lines.iter().map(|l| l.position).collect(), batch.next)
    }

    #[test]
    fn a_full_partition_goes_first_and_only_it() {
        let mut arenas = Arenas::new(LIMITS);
        arenas.begin(0, None);
        arenas.begin(3, Some(7));
        assert_eq!(arenas.due(Duration::ZERO), Due::Never);
        assert!(arenas.put(0, 5, b"a"));
        assert_eq!(arenas.due(Duration::ZERO), Due::Now(0));
        assert!(matches!(arenas.due(Duration::MAX), Due::In(_)));
        assert!(!arenas.put(3, 6, b"old"), "below where it begins");
        assert!(!arenas.put(1, 0, b"of another"));
        assert!(arenas.put(3, 7, b"b") && arenas.put(3, 9, b"c"));
        assert!(arenas.some_full());
        assert_eq!(arenas.due(Duration::MAX), Due::Now(3));
        assert_eq!(taken(&mut arenas, 3), (vec![7, 9], 10));
        assert_eq!(taken(&mut arenas, 0), (vec![5], 6));
        assert!(arenas.take(0).is_none());
        assert_eq!(arenas.ours(), [(0, Some(6)), (3, Some(10))]);
    }

    #[test]
    fn what_is_held_waits_and_what_is_lost_is_forgotten() {
        let mut arenas = Arenas::new(LIMITS);
        arenas.begin(1, Some(0));
        arenas.put(1, 0, b"a");
        arenas.put(1, 1, b"b");
        assert!(arenas.hold(1, true) && !arenas.hold(1, true));
        assert_eq!(arenas.due(Duration::ZERO), Due::Never);
        assert!(!arenas.some_full());
        assert!(arenas.hold(1, false));
        assert_eq!(arenas.due(Duration::ZERO), Due::Now(1));
        arenas.end(1);
        assert!(!arenas.put(1, 2, b"c") && !arenas.some_full() && arenas.take(1).is_none());
        arenas.begin(1, Some(1));
        assert_eq!(arenas.ours(), [(1, Some(1))]);
        assert_eq!(arenas.due(Duration::ZERO), Due::Never);
    }

    #[test]
    fn skipped_records_move_the_position_of_an_empty_batch() {
        let mut arenas = Arenas::new(LIMITS);
        arenas.begin(0, Some(4));
        arenas.skip_to(0, 5);
        assert_eq!(taken(&mut arenas, 0), (vec![], 5));
        assert!(!arenas.wants(0, 4) && arenas.wants(0, 5));
    }

    #[test]
    fn arenas_are_used_again() {
        let mut arenas = Arenas::new(LIMITS);
        let mut arena = Batch::default();
        arena.bytes.reserve(12_345);
        arena.bytes.push(1);
        arenas.give(arena);
        arenas.begin(0, None);
        arenas.put(0, 0, b"x");
        let batch = arenas.take(0).unwrap();
        assert!(batch.bytes.capacity() >= 12_345);
        assert_eq!(batch.text(batch.lines[0]), b"x");
    }
}
