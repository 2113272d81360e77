//! Lines piped in. A pipe cannot be read again: at most once, and no resuming.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ingest::lines::{Limits, Split, Splitter};
use crate::ingest::{Batch, IngestError, Notice, Progress, Segment, Source, SourceEvent};

/// Lines of standard input, or of any other stream; the position is the byte in the stream.
///
/// Lines are handed over as they come, without waiting for a batch to fill.
#[derive(Debug)]
pub struct Stdin<R = io::Stdin> {
    reader: R,
    splitter: Splitter,
    stop: Arc<AtomicBool>,
    bytes_read: u64,
    /// Position already handed over.
    delivered: u64,
    notice: Option<Notice>,
    ended: bool,
}

impl Stdin {
    /// Standard input. A read that waits for input is not ended by `stop`, only what follows it.
    #[must_use]
    pub fn open(limits: Limits, stop: Arc<AtomicBool>) -> Stdin {
        Stdin::from_reader(io::stdin(), limits, stop)
    }
}

impl<R: Read> Stdin<R> {
    /// Any stream in place of standard input.
    #[must_use]
    pub fn from_reader(reader: R, limits: Limits, stop: Arc<AtomicBool>) -> Stdin<R> {
        Stdin {
            reader,
            splitter: Splitter::new(limits),
            stop,
            bytes_read: 0,
            delivered: 0,
            notice: None,
            ended: false,
        }
    }

    /// One read. Returns false at the end.
    fn read(&mut self, batch: &mut Batch) -> Result<bool, IngestError> {
        let length = self.splitter.fill(&mut self.reader).map_err(|error| IngestError::Read {
            path: "standard input".to_owned(),
            position: self.splitter.position(),
            error,
        })?;
        self.bytes_read += length as u64;
        if length == 0 {
            self.ended = true;
            self.notice = self.splitter.finish(batch);
        }
        Ok(length > 0)
    }
}

impl<R: Read> Source for Stdin<R> {
    fn next(&mut self, mut batch: Batch) -> Result<SourceEvent, IngestError> {
        batch.clear();
        if let Some(notice) = self.notice.take() {
            return Ok(SourceEvent::Notice(notice));
        }
        loop {
            let flush = match self.splitter.split(&mut batch) {
                Split::Full => true,
                Split::Oversized(notice) => {
                    self.notice = Some(notice);
                    true
                }
                // Another read might wait: what is there goes first.
                Split::Hungry if self.ended || !batch.lines.is_empty() => true,
                Split::Hungry if self.stop.load(Ordering::Relaxed) => {
                    return Ok(SourceEvent::End);
                }
                Split::Hungry => !self.read(&mut batch)?,
            };
            if !flush {
                continue;
            }
            batch.next = self.splitter.position();
            if !batch.lines.is_empty() || (self.notice.is_none() && batch.next > self.delivered) {
                self.delivered = batch.next;
                return Ok(SourceEvent::Batch(batch));
            }
            return Ok(self.notice.take().map_or(SourceEvent::End, SourceEvent::Notice));
        }
    }

    fn segments(&self) -> &[Segment] {
        &[]
    }

    fn resumable(&self) -> bool {
        false
    }

    fn progress(&self) -> Progress {
        Progress { bytes_read: self.bytes_read, bytes_total: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::mpsc;

    fn next(source: &mut impl Source) -> String {
        match source.next(Batch::default()).unwrap() {
            SourceEvent::Batch(batch) => {
                let lines = batch.lines.iter().map(|line| {
                    format!("{}:{} ", line.position, String::from_utf8_lossy(batch.text(*line)))
                });
                lines.collect::<String>() + &format!("-> {}", batch.next)
            }
            other => format!("{other:?}"),
        }
    }

    fn check(input: &[u8], limits: Limits, expected: &[&str]) {
        let mut source = Stdin::from_reader(input, limits, Arc::default());
        let said: Vec<String> = expected.iter().map(|_| next(&mut source)).collect();
        assert_eq!(said, expected);
        assert_eq!(next(&mut source), "End");
        assert_eq!(source.progress().bytes_read, input.len() as u64);
    }

    #[test]
    fn lines_positions_and_the_end() {
        let limits = Limits::default();
        check(b"", limits, &["End"]);
        check(b"a\r\n\nb", limits, &["0:a -> 4", "4:b -> 5", "End"]);
        check(b"a\n\n\n", limits, &["0:a -> 4", "End"]);
        check(b"\n\n", limits, &["-> 2", "End"]);
        let one = Limits { batch_lines: 1, line_max: 3, ..limits };
        let oversized = "Notice(Oversized { position: 2, length: 4 })";
        check(b"a\nlong\nb\n", one, &["0:a -> 2", oversized, "7:b -> 9", "End"]);
        check(b"a\nlong", one, &["0:a -> 2", oversized, "-> 6", "End"]);
    }

    #[test]
    fn lines_are_handed_over_before_the_pipe_is_read_again() {
        let (reader, mut writer) = io::pipe().unwrap();
        let (said, heard) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut source = Stdin::from_reader(reader, Limits::default(), Arc::default());
            while said.send(next(&mut source)).is_ok() {}
        });
        writer.write_all(b"a\nb").unwrap();
        assert_eq!(heard.recv().unwrap(), "0:a -> 2");
        writer.write_all(b"c\n").unwrap();
        assert_eq!(heard.recv().unwrap(), "2:bc -> 5");
        drop(writer);
        assert_eq!(heard.recv().unwrap(), "End");
        drop(heard);
        thread.join().unwrap();
    }
}
