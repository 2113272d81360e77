//! Bytes are split into lines and lines gathered into batches; shared by every byte source.
//!
//! The splitter reads into one fixed buffer and copies whole runs of lines into the batch. A line
//! that crosses two reads is put together aside, and one over the limit is only counted, so memory
//! is bounded by the buffer, one line and one batch.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::event::Position;
use crate::ingest::{Batch, Line, Notice};

/// Longest line that is read, in bytes without its line end; longer ones are
/// [`Notice::Oversized`].
pub const LINE_MAX: usize = 16 << 20;

/// Bytes asked of the reader at a time: large enough that system calls cost nothing, small enough
/// to stay in the second-level cache until it is copied.
const BUFFER_BYTES: usize = 256 << 10;

/// Positions inside an arena are 32 bits: one batch and one line must fit together.
const SIZE_MAX: usize = 1 << 30;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Bytes that may stand around a line's text: a byte order mark and a carriage return.
const AROUND_TEXT_MAX: usize = 4;

/// How large a batch and a line may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines of a batch, at least 1.
    pub batch_lines: usize,
    /// Bytes at which a batch is handed over; the line that reaches it is still in it. 1 to 2³⁰.
    pub batch_bytes: usize,
    /// Longest line in bytes, without its line end. 1 to 2³⁰.
    pub line_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { batch_lines: 10_000, batch_bytes: 1 << 20, line_max: LINE_MAX }
    }
}

/// Why [`Splitter::split`] stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// The batch is at a limit.
    Full,
    /// A line over the limit ended; lines before it are in the batch.
    Oversized(Notice),
    /// Every byte is used: [`Splitter::fill`] or [`Splitter::finish`] is next.
    Hungry,
}

/// Splits what a reader gives into lines.
#[derive(Debug)]
pub(super) struct Splitter {
    limits: Limits,
    buffer: Box<[u8]>,
    /// The part of `buffer` that is not split yet.
    unread: Range<usize>,
    /// Beginning of a line whose end was not in the buffer.
    partial: Vec<u8>,
    /// Set instead of `partial` once that line is over the limit.
    cut: Option<Cut>,
    /// Where the line being read begins.
    line: Position,
    /// Where the file being read begins: a byte order mark is dropped there.
    file_start: Position,
}

#[derive(Debug)]
struct Cut {
    bytes: u64,
    ends_in_return: bool,
}

impl Splitter {
    pub(super) fn new(limits: Limits) -> Splitter {
        let limits = Limits {
            batch_lines: limits.batch_lines.max(1),
            batch_bytes: limits.batch_bytes.clamp(1, SIZE_MAX),
            line_max: limits.line_max.clamp(1, SIZE_MAX),
        };
        Splitter {
            limits,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            unread: 0..0,
            partial: Vec::new(),
            cut: None,
            line: 0,
            file_start: 0,
        }
    }

    /// Goes to another file, which begins at `file_start`, to be read from `position` on. The one
    /// before must be finished or its rest discarded.
    pub(super) fn begin(&mut self, file_start: Position, position: Position) {
        debug_assert!(self.unread.is_empty() && !self.begun());
        self.file_start = file_start;
        self.line = position;
    }

    /// Where the first line that is not handed over begins.
    pub(super) fn position(&self) -> Position {
        self.line
    }

    /// One read; call it when hungry. Returns the bytes read, 0 at the end.
    pub(super) fn fill(&mut self, reader: &mut impl Read) -> io::Result<usize> {
        debug_assert!(self.unread.is_empty());
        loop {
            match reader.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(length) => {
                    self.unread = 0..length;
                    return Ok(length);
                }
            }
        }
    }

    /// Moves lines into the batch until it is full or more bytes are needed.
    pub(super) fn split(&mut self, batch: &mut Batch) -> Split {
        while !self.full(batch) {
            if self.unread.is_empty() {
                return Split::Hungry;
            }
            let oversized = if self.begun() { self.take_rest(batch) } else { self.take_run(batch) };
            if let Some(notice) = oversized {
                return Split::Oversized(notice);
            }
        }
        Split::Full
    }

    /// Takes the end of the input for the end of the last line. A batch that was not full has
    /// room for it.
    pub(super) fn finish(&mut self, batch: &mut Batch) -> Option<Notice> {
        if self.begun() { self.end_line(batch, 0) } else { None }
    }

    /// Gives up a line that has no end; returns how many bytes of it were there.
    pub(super) fn discard_partial(&mut self) -> u64 {
        let bytes = self.cut.take().map_or(self.partial.len() as u64, |cut| cut.bytes);
        self.partial.clear();
        self.line += bytes;
        bytes
    }

    fn full(&self, batch: &Batch) -> bool {
        batch.lines.len() >= self.limits.batch_lines || batch.bytes.len() >= self.limits.batch_bytes
    }

    fn begun(&self) -> bool {
        !self.partial.is_empty() || self.cut.is_some()
    }

    /// The fast path: whole lines of the buffer, copied in one piece.
    fn take_run(&mut self, batch: &mut Batch) -> Option<Notice> {
        let bytes = &self.buffer[self.unread.clone()];
        let arena = batch.bytes.len();
        let mut used = 0;
        let mut oversized = None;
        for newline in memchr_iter(b'\n', bytes) {
            let position = self.line + used as u64;
            let text = text_of(&bytes[used..newline], position == self.file_start);
            if text.len() > self.limits.line_max {
                let length = text.end as u64;
                oversized = Some((Notice::Oversized { shard: 0, position, length }, newline + 1));
                break;
            }
            if !text.is_empty() {
                batch.lines.push(Line {
                    start: (arena + used + text.start) as u32,
                    end: (arena + used + text.end) as u32,
                    position: position + text.start as u64,
                });
            }
            used = newline + 1;
            if batch.lines.len() >= self.limits.batch_lines
                || arena + used >= self.limits.batch_bytes
            {
                break;
            }
        }
        batch.bytes.extend_from_slice(&bytes[..used]);
        let (notice, used) = match oversized {
            Some((notice, end)) => (Some(notice), end),
            None => (None, used),
        };
        if used == 0 {
            return self.take_rest(batch);
        }
        self.unread.start += used;
        self.line += used as u64;
        notice
    }

    /// The slow path: a line that began in an earlier read or does not end in this one.
    fn take_rest(&mut self, batch: &mut Batch) -> Option<Notice> {
        let bytes = &self.buffer[self.unread.clone()];
        let newline = memchr(b'\n', bytes);
        let piece = &bytes[..newline.unwrap_or(bytes.len())];
        self.unread.start += piece.len() + usize::from(newline.is_some());
        let ends_in_return = piece.last() == Some(&b'\r');
        if let Some(cut) = &mut self.cut {
            cut.bytes += piece.len() as u64;
            cut.ends_in_return = ends_in_return || (piece.is_empty() && cut.ends_in_return);
        } else {
            self.partial.extend_from_slice(piece);
            if self.partial.len() > self.limits.line_max + AROUND_TEXT_MAX {
                let bytes = std::mem::take(&mut self.partial).len() as u64;
                self.cut = Some(Cut { bytes, ends_in_return });
            }
        }
        if newline.is_some() { self.end_line(batch, 1) } else { None }
    }

    fn end_line(&mut self, batch: &mut Batch, newline_bytes: u64) -> Option<Notice> {
        let position = self.line;
        if let Some(cut) = self.cut.take() {
            self.line += cut.bytes + newline_bytes;
            let length = cut.bytes - u64::from(cut.ends_in_return);
            return Some(Notice::Oversized { shard: 0, position, length });
        }
        self.line += self.partial.len() as u64 + newline_bytes;
        let text = text_of(&self.partial, position == self.file_start);
        let oversized = text.len() > self.limits.line_max;
        let notice =
            oversized.then_some(Notice::Oversized { shard: 0, position, length: text.end as u64 });
        if !oversized && !text.is_empty() {
            let start = batch.bytes.len();
            batch.bytes.extend_from_slice(&self.partial[text.clone()]);
            batch.lines.push(Line {
                start: start as u32,
                end: batch.bytes.len() as u32,
                position: position + text.start as u64,
            });
        }
        self.partial.clear();
        notice
    }
}

/// The text of a raw line: no carriage return at its end, no byte order mark at a file's start.
fn text_of(raw: &[u8], at_file_start: bool) -> Range<usize> {
    let end = raw.len() - usize::from(raw.last() == Some(&b'\r'));
    let marked = at_file_start && raw[..end].starts_with(BYTE_ORDER_MARK);
    (if marked { BYTE_ORDER_MARK.len() } else { 0 })..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives at most `step` bytes a read, so that lines cross reads.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(into.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    type Said = (Vec<(Position, Vec<u8>)>, Vec<Notice>, Position);

    fn read(bytes: &[u8], step: usize, limits: Limits) -> Said {
        let mut reader = Dribble(bytes, step);
        let mut splitter = Splitter::new(limits);
        let (mut lines, mut notices) = (Vec::new(), Vec::new());
        let mut batch = Batch::default();
        loop {
            let split = splitter.split(&mut batch);
            let ended = split == Split::Hungry && splitter.fill(&mut reader).unwrap() == 0;
            if ended {
                notices.extend(splitter.finish(&mut batch));
            }
            assert!(batch.lines.len() <= limits.batch_lines);
            if split != Split::Hungry || ended {
                lines.extend(batch.lines.iter().map(|l| (l.position, batch.text(*l).to_vec())));
                batch.clear();
            }
            if let Split::Oversized(notice) = split {
                notices.push(notice);
            }
            if ended {
                return (lines, notices, splitter.position());
            }
        }
    }

    /// What the contract says, the slow way.
    fn naive(bytes: &[u8], line_max: usize) -> Said {
        let (mut lines, mut notices, mut position) = (Vec::new(), Vec::new(), 0);
        for raw in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = raw.strip_suffix(b"\n").unwrap_or(raw);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let bare = if position == 0 {
                text.strip_prefix(b"\xEF\xBB\xBF".as_slice()).unwrap_or(text)
            } else {
                text
            };
            let at = position + (text.len() - bare.len()) as u64;
            if bare.len() > line_max {
                notices.push(Notice::Oversized { shard: 0, position, length: text.len() as u64 });
            } else if !bare.is_empty() {
                lines.push((at, bare.to_vec()));
            }
            position += raw.len() as u64;
        }
        (lines, notices, position)
    }

    fn check(bytes: &[u8], expected: &[(Position, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(at, text)| (*at, text.as_bytes().to_vec())).collect();
        for step in [1, 2, 7, BUFFER_BYTES] {
            for batch_lines in [1, 10_000] {
                let limits = Limits { batch_lines, ..Limits::default() };
                let said = read(bytes, step, limits);
                assert_eq!(said, (expected.clone(), Vec::new(), bytes.len() as u64), "{step}");
            }
        }
    }

    #[test]
    fn line_ends_marks_and_empty_lines() {
        check(b"", &[]);
        check(b"\n\r\n\n", &[]);
        check(b"a\nb\n", &[(0, "a"), (2, "b")]);
        check(b"a\r\nb", &[(0, "a"), (3, "b")]);
        check(b"a\rb\r\r\n", &[(0, "a\rb\r")]);
        check(b"\n\na\n\nb\n", &[(2, "a"), (5, "b")]);
        check(b"\xEF\xBB\xBFa\n\xEF\xBB\xBFb\n", &[(3, "a"), (5, "\u{feff}b")]);
        check(b"\xEF\xBB\xBF\r\na\n", &[(5, "a")]);
        check(b"\xEF\xBB\xBF", &[]);
        check(b"\0\0\0\na\n", &[(0, "\0\0\0"), (4, "a")]);
    }

    #[test]
    fn oversized_lines_are_counted_and_skipped() {
        let limits = Limits { line_max: 4, ..Limits::default() };
        for step in [1, 3, 100] {
            let (lines, notices, end) = read(b"abcd\r\nabcde\r\nx\n0123456789", step, limits);
            assert_eq!(lines, [(0, b"abcd".to_vec()), (13, b"x".to_vec())]);
            let oversized = |position, length| Notice::Oversized { shard: 0, position, length };
            assert_eq!(notices, [oversized(6, 5), oversized(15, 10)]);
            assert_eq!(end, 25);
        }
    }

    #[test]
    fn an_oversized_line_takes_no_memory() {
        let mut splitter = Splitter::new(Limits { line_max: 1_000, ..Limits::default() });
        let mut batch = Batch::default();
        for _ in 0..40 {
            splitter.fill(&mut io::repeat(b'x')).unwrap();
            assert_eq!(splitter.split(&mut batch), Split::Hungry);
        }
        assert!(splitter.partial.capacity() == 0 && batch.bytes.is_empty());
        let length = 40 * BUFFER_BYTES as u64;
        assert_eq!(
            splitter.finish(&mut batch),
            Some(Notice::Oversized { shard: 0, position: 0, length })
        );
        assert_eq!(splitter.position(), length);
    }

    proptest! {
        #[test]
        fn any_bytes_split_as_the_naive_way(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b'\r'), Just(0xEF), Just(0xBB), Just(0xBF), any::<u8>()],
                0..400,
            ),
            marked in any::<bool>(),
            step in 1_usize..40,
            batch_lines in 1_usize..12,
            batch_bytes in 1_usize..200,
            line_max in 1_usize..40,
        ) {
            let mut input = if marked { BYTE_ORDER_MARK.to_vec() } else { Vec::new() };
            input.extend(bytes);
            let said = read(&input, step, Limits { batch_lines, batch_bytes, line_max });
            for (position, text) in &said.0 {
                let at = *position as usize;
                prop_assert_eq!(&input[at..at + text.len()], &text[..]);
            }
            prop_assert_eq!(said, naive(&input, line_max));
        }
    }
}
