//! Lines piped in. A pipe cannot be read again: at most once, and no resuming.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::ingest::lines::{Limits, Split, Splitter};
use crate::ingest::{Batch, IngestError, Notice, Progress, Segment, Source, SourceEvent};

/// Lines of standard input, or of any other stream; the position is the byte in the stream.
///
/// Lines are handed over as they come, without waiting for a batch to fill.
#[derive(Debug)]
pub struct Stdin<R = Piped> {
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
    /// Standard input. `stop` ends waiting for it too; half a line that was read is dropped then.
    #[must_use]
    pub fn open(limits: Limits, stop: Arc<AtomicBool>) -> Stdin {
        Stdin::from_reader(Piped::new(io::stdin(), Arc::clone(&stop)), limits, stop)
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
            if !self.stop.load(Ordering::Relaxed) {
                self.notice = self.splitter.finish(batch);
            }
        }
        Ok(length > 0)
    }
}

/// A stream read by a thread of its own, so that waiting for it can be stopped.
#[derive(Debug)]
pub struct Piped {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    used: usize,
    stop: Arc<AtomicBool>,
}

/// What a pipe holds at most, by default.
const CHUNK_BYTES: usize = 64 << 10;
/// Longest wait without looking whether to stop.
const NAP: Duration = Duration::from_millis(50);

impl Piped {
    fn new(mut stream: impl Read + Send + 'static, stop: Arc<AtomicBool>) -> Piped {
        let (sender, chunks) = sync_channel(4);
        // It may wait in a read for ever: nobody joins it, the process ends without it.
        std::thread::spawn(move || {
            loop {
                let mut chunk = vec![0; CHUNK_BYTES];
                let read = match stream.read(&mut chunk) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read,
                };
                let last = !matches!(read, Ok(1..));
                let read = read.map(|length| {
                    chunk.truncate(length);
                    chunk
                });
                if sender.send(read).is_err() || last {
                    return;
                }
            }
        });
        Piped { chunks, chunk: Vec::new(), used: 0, stop }
    }
}

impl Read for Piped {
    /// Nothing at the end, and when told to stop.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.chunk.len() {
            match self.chunks.recv_timeout(NAP) {
                Ok(chunk) => (self.chunk, self.used) = (chunk?, 0),
                Err(RecvTimeoutError::Timeout) if !self.stop.load(Ordering::Relaxed) => continue,
                Err(_) => return Ok(0),
            }
            if self.chunk.is_empty() {
                return Ok(0);
            }
        }
        let rest = &self.chunk[self.used..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.used += length;
        Ok(length)
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
        let oversized = "Notice(Oversized { shard: 0, position: 2, length: 4 })";
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

    #[test]
    fn waiting_ends_when_told_to_stop() {
        let (reader, mut writer) = io::pipe().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let piped = Piped::new(reader, Arc::clone(&stop));
        let mut source = Stdin::from_reader(piped, Limits::default(), Arc::clone(&stop));
        writer.write_all(b"a\nhalf").unwrap();
        assert_eq!(next(&mut source), "0:a -> 2");
        let (said, heard) = mpsc::channel();
        let thread = std::thread::spawn(move || said.send(next(&mut source)).unwrap());
        assert!(heard.recv_timeout(Duration::from_millis(100)).is_err());
        stop.store(true, Ordering::Relaxed);
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)).unwrap(), "End");
        thread.join().unwrap();
        drop(writer);
    }

    #[test]
    fn a_piped_stream_is_read_to_its_end() {
        let text = (0..50_000).map(|n| format!("{n}\n")).collect::<String>();
        let stream = io::Cursor::new(text.clone().into_bytes());
        let mut piped = Piped::new(stream, Arc::default());
        let mut read = String::new();
        piped.read_to_string(&mut read).unwrap();
        assert!(read == text);
        assert_eq!(piped.read(&mut [0; 8]).unwrap(), 0, "and stays there");
    }
}
