//! 1. Bytes arrive. Every source speaks [`SourceEvent`], a closed enum, on a bounded channel.
//!
//! A [`Source`] is pulled by a reader thread of its own. Nothing here knows what a line means;
//! what cannot be read is said as a [`Notice`] or an [`IngestError`], never passed over.

mod again;
mod compression;
mod current;
mod error;
mod file;
mod follow;
pub mod kafka;
mod lines;
mod order;
mod paths;
mod resume;
mod stdin;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use crate::event::Position;

pub use again::Again;
pub use error::{IngestError, PathProblem};
pub use file::{FileOptions, FileSource};
pub use lines::{LINE_MAX, Limits};
pub use order::order_by_first_time;
pub use resume::{Fingerprint, Resume, Segment};
pub use stdin::Stdin;

/// Something that lines come from, pulled by one reader thread.
pub trait Source {
    /// What comes next. The batch is an arena to use again, whatever it holds; it comes back in
    /// [`SourceEvent::Batch`]. After [`SourceEvent::End`] it is `End` again.
    ///
    /// # Errors
    /// The input cannot be read on. Every line before that was handed over.
    fn next(&mut self, batch: Batch) -> Result<SourceEvent, IngestError>;

    /// What was read so far, to be kept beside a position so that [`Resume`] can go on there.
    fn segments(&self) -> &[Segment];

    /// Whether a later start can go on at a position.
    fn resumable(&self) -> bool;

    /// How far reading is, for a progress bar.
    fn progress(&self) -> Progress;

    /// Tells a source whose shards come and go who holds their state; called once, before reading.
    fn owned_by(&mut self, owner: Arc<dyn Owner>) {
        drop(owner);
    }
}

/// Who holds the state of a source's shards, asked on the reader's thread while shards change
/// hands. Claiming and releasing wait for their turn behind what was read before.
pub trait Owner: Send + Sync {
    /// These shards are ours from now on: loads their state and says where reading each begins;
    /// `None` is the oldest record there is.
    ///
    /// # Errors
    /// A state cannot be loaded; the source must stop with this error.
    fn claim(&self, shards: &[u32]) -> Result<Vec<(u32, Option<Position>)>, IngestError>;

    /// These shards are not ours any more. Unless they are `lost` to somebody else already, their
    /// state is stored before this returns; what was read beyond it is for whoever reads on there.
    fn release(&self, shards: &[u32], lost: bool);

    /// Shards of which enough waits to be decided: not to be read for now.
    fn held_back(&self) -> Vec<u32>;

    /// Shards and the positions below which their state is durable, as it stands now: what a
    /// consumer group may commit, for people who look at its lag.
    fn durable(&self) -> Vec<(u32, Position)>;
}

/// How much of the input is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes as stored (compressed ones for compressed files), a resumed start included.
    pub bytes_read: u64,
    /// The same for the whole input; `None` when it has no end.
    pub bytes_total: Option<u64>,
}

/// Everything a source can say.
#[derive(Debug)]
pub enum SourceEvent {
    /// Complete lines, in order. There may be none when only skipped bytes moved `next` on.
    Batch(Batch),
    /// Something an operator should know; the source goes on.
    Notice(Notice),
    /// Nothing new at the moment (a followed file, a quiet topic).
    Idle,
    /// The input is read to its end, or the source was told to stop.
    End,
}

/// What happened to a source without stopping it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A followed file was replaced; reading goes on in the new one.
    Rotated {
        /// Path as given.
        path: String,
    },
    /// A followed file became shorter than what was read; reading starts again at its beginning.
    Truncated {
        /// Path as given.
        path: String,
    },
    /// A line over the limit was cut out; its bytes are counted, nothing of it is read.
    Oversized {
        /// Which shard; 0 where a source has only one.
        shard: u32,
        /// Where it began.
        position: Position,
        /// Its length in bytes.
        length: u64,
    },
    /// A compressed file is truncated or corrupt. Every whole line before the damage was handed
    /// over; reading goes on with the next file.
    Damaged {
        /// Path as given.
        path: String,
        /// Where its readable lines end.
        position: Position,
        /// What the decompressor met, and how many bytes of a broken last line were dropped.
        reason: String,
    },
    /// Bytes that were never read and will not be: a file grew after others had followed it, or
    /// it is gone and that was accepted.
    Unread {
        /// Path as given.
        path: String,
        /// How many bytes; `None` when nobody can know.
        bytes: Option<u64>,
    },
    /// Records were deleted at the source before they were read: a hole in what is known.
    Gap {
        /// Which shard.
        shard: u32,
        /// First missing position.
        from: Position,
        /// Where reading goes on.
        to: Position,
    },
    /// How far a shard's newest record is ahead of what was read.
    Lag {
        /// Which shard.
        shard: u32,
        /// Records not read yet.
        records: u64,
    },
    /// The source cannot be reached at the moment, or can be again.
    Reachable {
        /// Whether it can.
        now: bool,
        /// What the client library says.
        reason: String,
    },
}

/// One line of a batch: its bytes are `bytes[start..end]`, without the line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// First byte in the arena.
    pub start: u32,
    /// One past the last byte in the arena.
    pub end: u32,
    /// Where the line begins in the source.
    pub position: Position,
}

/// Lines in one recycled arena.
#[derive(Debug, Default)]
pub struct Batch {
    /// The arena.
    pub bytes: Vec<u8>,
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// Where reading goes on after this batch.
    pub next: Position,
    /// Which shard all of them belong to; 0 where a source has only one.
    pub shard: u32,
}

impl Batch {
    /// The bytes of one line.
    #[must_use]
    pub fn text(&self, line: Line) -> &[u8] {
        &self.bytes[line.start as usize..line.end as usize]
    }

    /// Makes the arena ready for other lines, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
    }
}
