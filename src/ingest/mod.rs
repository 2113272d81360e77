//! 1. Bytes arrive. Every source speaks [`SourceEvent`], a closed enum, on a bounded channel.

use crate::event::Position;

/// Everything a source can say.
#[derive(Debug)]
pub enum SourceEvent {
    /// Complete lines, in order.
    Batch(Batch),
    /// Something an operator should know; the source goes on.
    Notice(Notice),
    /// Nothing new at the moment (a followed file, a quiet topic).
    Idle,
    /// The input is read to its end.
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
        /// Where it began.
        position: Position,
        /// Its length in bytes.
        length: u64,
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
