//! Files read one after another as one source: to their end, or followed.
//!
//! A position counts decompressed bytes since the first byte of the first file. Only the last file
//! in reading order can be followed.

use std::collections::VecDeque;
use std::io::{self, Cursor};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::event::Position;
use crate::ingest::compression::{Reader, salvage};
use crate::ingest::current::Current;
use crate::ingest::follow::{Look, wait};
use crate::ingest::lines::{Limits, Split, Splitter};
use crate::ingest::paths::{check_paths, found, siblings_of, stored_bytes, unreadable};
use crate::ingest::resume::{Found, HEAD_BYTES, Plan, Planned, Search, end_of, plan};
use crate::ingest::{Batch, IngestError, Notice, Progress, Resume, Segment, Source, SourceEvent};

/// What to read and how.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Files in reading order; see [`order_by_first_time`](crate::ingest::order_by_first_time).
    pub paths: Vec<PathBuf>,
    /// Keep watching the last one for growth and rotation.
    pub follow: bool,
    /// How often a followed file is looked at.
    pub poll: Duration,
    /// How large batches and lines may become.
    pub limits: Limits,
    /// Accept that unread bytes of a file that is gone are lost; it is said in a
    /// [`Notice::Unread`].
    pub skip_missing: bool,
    /// Set by another thread to end reading: within a poll interval, between two batches.
    pub stop: Arc<AtomicBool>,
}

impl Default for FileOptions {
    /// No paths, not followed, polled every half second.
    fn default() -> FileOptions {
        FileOptions {
            paths: Vec::new(),
            follow: false,
            poll: Duration::from_millis(500),
            limits: Limits::default(),
            skip_missing: false,
            stop: Arc::default(),
        }
    }
}

/// Plain, gzip and zstd files as one source.
pub struct FileSource {
    follow: bool,
    poll: Duration,
    stop: Arc<AtomicBool>,
    queue: VecDeque<Planned>,
    current: Option<Current>,
    segments: Vec<Segment>,
    splitter: Splitter,
    notices: VecDeque<Notice>,
    /// Position already handed over.
    delivered: Position,
    /// Stored bytes of the files that are finished, and of all of them.
    bytes_finished: u64,
    bytes_total: u64,
}

/// What a step of reading leads to.
#[derive(PartialEq, Eq)]
enum Step {
    /// On to the next step.
    Go,
    /// Hand over what is there.
    Flush,
    Idle,
    End,
}

impl FileSource {
    /// Opens files, from the beginning or where an earlier run stopped.
    ///
    /// # Errors
    /// All paths that cannot be read, at once; a position that cannot be found again; files that
    /// cannot be followed.
    pub fn open(options: FileOptions, resume: Option<Resume>) -> Result<FileSource, IngestError> {
        check_paths(&options.paths)?;
        let resume = resume.unwrap_or(Resume { segments: Vec::new(), position: 0 });
        // Nothing to recognise: no beginnings to read.
        let head_bytes = if resume.segments.is_empty() { 0 } else { HEAD_BYTES };
        let given = options
            .paths
            .iter()
            .map(|path| found(path, head_bytes).map_err(|error| unreadable(path, &error)))
            .collect::<Result<Vec<_>, _>>()?;
        let followed = options.paths.last().filter(|_| options.follow).map(PathBuf::as_path);
        if let (Some(path), Some(Found { plain_length: None, .. })) = (followed, given.last()) {
            return Err(IngestError::FollowCompressed { path: path.display().to_string() });
        }
        let siblings = match followed {
            Some(path) if !resume.segments.is_empty() => siblings_of(path, &options.paths),
            _ => Vec::new(),
        };
        let search = Search { followed, siblings: &siblings, skip_missing: options.skip_missing };
        let plan = plan(&given, &search, &resume)?;
        FileSource::begin(options, plan, resume.position)
    }

    /// Begins to read what is planned; everything below `position` was handed over before.
    pub(super) fn begin(
        options: FileOptions,
        plan: Plan,
        position: Position,
    ) -> Result<FileSource, IngestError> {
        let Plan { finished, queue, notices } = plan;
        let bytes_total = queue.iter().map(|planned| stored_bytes(&planned.path)).sum();
        let mut source = FileSource {
            follow: options.follow,
            poll: options.poll,
            stop: options.stop,
            queue,
            current: None,
            delivered: position,
            segments: finished,
            splitter: Splitter::new(options.limits),
            notices: notices.into(),
            bytes_finished: 0,
            bytes_total,
        };
        // The first file is opened at once, so that a place that cannot be found is told at once.
        source.splitter.begin(end_of(&source.segments), end_of(&source.segments));
        source.open_next()?;
        Ok(source)
    }

    /// Opens the next file of the queue. Returns false when there is none, or it is missing for a
    /// moment.
    fn open_next(&mut self) -> Result<bool, IngestError> {
        let Some(planned) = self.queue.front() else {
            return Ok(false);
        };
        let base = end_of(&self.segments);
        let current = match Current::open(planned, base) {
            Err(IngestError::Read { error, .. })
                if self.follow && error.kind() == io::ErrorKind::NotFound =>
            {
                return Ok(false);
            }
            opened => opened?,
        };
        if self.follow && self.queue.len() == 1 && current.reader.plain().is_none() {
            return Err(IngestError::FollowCompressed { path: current.path.display().to_string() });
        }
        self.segments.push(Segment { fingerprint: current.fingerprint(), base, length: None });
        self.splitter.begin(base, base + current.offset);
        self.current = Some(current);
        self.queue.pop_front();
        Ok(true)
    }

    /// Reads on, once the splitter is hungry.
    fn advance(&mut self, batch: &mut Batch, waited: &mut bool) -> Result<Step, IngestError> {
        let Some(current) = &mut self.current else {
            return match self.open_next()? {
                true => Ok(Step::Go),
                false if self.queue.is_empty() => Ok(Step::End),
                false => Ok(self.pause(batch, waited)),
            };
        };
        if current.at_end {
            let look = current.look();
            match look.map_err(|error| current.failed(error, self.splitter.position()))? {
                Look::Truncated => {
                    let path = current.path.display().to_string();
                    return Ok(self.read_anew(Notice::Truncated { path }, batch));
                }
                look => current.replaced = look == Look::Replaced,
            }
        }
        match self.splitter.fill(&mut current.reader) {
            Ok(0) => self.at_end(batch, waited),
            Ok(read) => {
                current.offset += read as u64;
                current.at_end = false;
                Ok(Step::Go)
            }
            Err(error) if current.reader.plain().is_none() => {
                let saved = salvage(&current.path, current.offset);
                self.bytes_finished += current.reader.on_disk();
                current.reader = Reader::Salvaged(Cursor::new(saved));
                current.damage = Some(error);
                Ok(Step::Go)
            }
            // The lines before the error first; it will come again.
            Err(_) if !batch.lines.is_empty() => Ok(Step::Flush),
            Err(error) => Err(current.failed(error, self.splitter.position())),
        }
    }

    /// At the end of the current file: over to the next one, or wait for more.
    fn at_end(&mut self, batch: &mut Batch, waited: &mut bool) -> Result<Step, IngestError> {
        let Some(current) = &mut self.current else {
            return Ok(Step::Go);
        };
        if !self.follow || !self.queue.is_empty() {
            self.finish(batch);
            return Ok(Step::Go);
        }
        current.at_end = true;
        if let Some(fingerprint) = current.grown_fingerprint()
            && let Some(segment) = self.segments.last_mut()
        {
            segment.fingerprint = fingerprint;
        }
        if current.replaced_for_good {
            let path = current.path.display().to_string();
            return Ok(self.read_anew(Notice::Rotated { path }, batch));
        }
        Ok(self.pause(batch, waited))
    }

    /// Waits one poll interval, unless there is something to hand over first.
    fn pause(&mut self, batch: &Batch, waited: &mut bool) -> Step {
        if !batch.lines.is_empty() || self.splitter.position() > self.delivered {
            return Step::Flush;
        }
        if *waited {
            return Step::Idle;
        }
        if !wait(self.poll, &self.stop) {
            return Step::End;
        }
        if let Some(current) = &mut self.current {
            current.replaced_for_good = current.replaced;
        }
        *waited = true;
        Step::Go
    }

    /// Ends the current file and reads what is at its path now from the beginning.
    fn read_anew(&mut self, notice: Notice, batch: &mut Batch) -> Step {
        if let Some(current) = &self.current {
            self.queue.push_back(Planned { path: current.path.clone(), offset: 0 });
        }
        self.finish(batch);
        self.notices.push_back(notice);
        Step::Go
    }

    /// Ends the current file: its last line may have no line end.
    fn finish(&mut self, batch: &mut Batch) {
        let Some(mut current) = self.current.take() else {
            return;
        };
        if let Some(damage) = current.damage.take() {
            let position = self.splitter.position();
            let dropped = self.splitter.discard_partial();
            self.notices.push_back(Notice::Damaged {
                path: current.path.display().to_string(),
                position,
                reason: format!("{damage}; {dropped} bytes of a broken last line dropped"),
            });
        } else {
            self.notices.extend(self.splitter.finish(batch));
        }
        self.bytes_finished += current.reader.on_disk();
        if let Some(segment) = self.segments.last_mut() {
            if let Some(fingerprint) = current.grown_fingerprint() {
                segment.fingerprint = fingerprint;
            }
            segment.length = Some(current.offset);
        }
    }

    /// Hands over a batch when there is one, else what the step says.
    fn say(&mut self, mut batch: Batch, step: &Step) -> SourceEvent {
        batch.next = self.splitter.position();
        if batch.lines.is_empty() {
            if let Some(notice) = self.notices.pop_front() {
                return SourceEvent::Notice(notice);
            }
            match step {
                Step::Idle => return SourceEvent::Idle,
                Step::End if batch.next == self.delivered => return SourceEvent::End,
                _ => {}
            }
        }
        self.delivered = batch.next;
        SourceEvent::Batch(batch)
    }
}

impl Source for FileSource {
    fn next(&mut self, mut batch: Batch) -> Result<SourceEvent, IngestError> {
        batch.clear();
        let mut waited = false;
        if self.stop.load(Ordering::Relaxed) {
            return Ok(SourceEvent::End);
        }
        loop {
            let mut step = if self.notices.is_empty() { Step::Go } else { Step::Flush };
            if step == Step::Go {
                step = match self.splitter.split(&mut batch) {
                    Split::Full => Step::Flush,
                    Split::Oversized(notice) => {
                        self.notices.push_back(notice);
                        Step::Flush
                    }
                    Split::Hungry => self.advance(&mut batch, &mut waited)?,
                };
            }
            if step != Step::Go {
                return Ok(self.say(batch, &step));
            }
        }
    }

    fn segments(&self) -> &[Segment] {
        &self.segments
    }

    fn resumable(&self) -> bool {
        true
    }

    fn progress(&self) -> Progress {
        let current = self.current.as_ref().map_or(0, |current| current.reader.on_disk());
        let bytes_total = (!self.follow).then_some(self.bytes_total);
        Progress { bytes_read: self.bytes_finished + current, bytes_total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{Folder, gzip, limits, zstd};

    fn check(files: &[(&str, Vec<u8>)], expected: &[&str]) {
        let folder = Folder::new();
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        for (name, bytes) in files {
            folder.write(name, bytes);
        }
        for batch_lines in [1, 2, 10_000] {
            let options = FileOptions { limits: limits(batch_lines), ..folder.options(&names) };
            let mut source = FileSource::open(options, None).unwrap();
            assert_eq!(folder.said(&mut source), expected, "batches of {batch_lines}");
            let stored = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
            let whole = Progress { bytes_read: stored, bytes_total: Some(stored) };
            assert_eq!(source.progress(), whole);
        }
    }

    #[test]
    fn files_are_one_stream_whatever_their_encoding() {
        let first = b"\xEF\xBB\xBFa\r\n\nb\nc";
        let second = b"\xEF\xBB\xBFd\ne\n\n";
        let expected = ["3:a", "7:b", "9:c", "13:d", "15:e", "18:f"];
        let last = b"f\n".to_vec();
        for encode in [|b: &[u8]| b.to_vec(), gzip, zstd] {
            let (first, second) = (encode(first), encode(second));
            check(&[("1", first), ("2", second), ("3", last.clone())], &expected);
        }
        let members = [gzip(b"\xEF\xBB\xBFa\r"), gzip(b"\n\nb\nc"), gzip(b"")].concat();
        let frames = [zstd(b"\xEF\xBB\xBFd"), zstd(b"\ne\n\n")].concat();
        check(&[("1", members), ("2", frames), ("3", last)], &expected);
    }

    #[test]
    fn empty_files_and_ends_without_a_line() {
        check(&[("1", Vec::new())], &[]);
        check(&[("1", b"\n\n".to_vec()), ("2", Vec::new()), ("3", b"x".to_vec())], &["2:x"]);
    }

    #[test]
    fn the_last_batch_goes_to_the_very_end() {
        let folder = Folder::new();
        folder.write("log", "a\n\n\n");
        let mut source = folder.source(&["log"]);
        let mut next = 0;
        while let SourceEvent::Batch(batch) = source.next(Batch::default()).unwrap() {
            next = batch.next;
        }
        assert_eq!(next, 4);
        assert!(matches!(source.next(Batch::default()), Ok(SourceEvent::End)));
    }

    #[test]
    fn oversized_lines_stand_between_their_neighbours() {
        let folder = Folder::new();
        folder.write("log", "a\nlonger\nb\nlonger still");
        for batch_lines in [1, 10_000] {
            let limits = Limits { line_max: 5, ..limits(batch_lines) };
            let options = FileOptions { limits, ..folder.options(&["log"]) };
            let said = folder.said(&mut FileSource::open(options, None).unwrap());
            let oversized =
                |at, length| format!("{:?}", Notice::Oversized { shard: 0, position: at, length });
            assert_eq!(said, ["0:a", &oversized(2, 6), "9:b", &oversized(11, 12)]);
        }
    }

    #[test]
    fn a_damaged_archive_gives_all_its_whole_lines_and_a_notice() {
        let text: String = (0..20_000).map(|n| format!("line {n} {}\n", n * n)).collect();
        for encode in [gzip, zstd] {
            let whole = encode(text.as_bytes());
            for kept in [whole.len() / 2, whole.len() - 3] {
                let folder = Folder::new();
                folder.write("1", &whole[..kept]);
                folder.write("2", "after\n");
                let mut said = folder.said(&mut folder.source(&["1", "2"]));
                let after = said.pop().unwrap();
                assert!(after.ends_with(":after"), "{after}");
                let notice = said.pop().unwrap();
                assert!(notice.starts_with("Damaged { path: \"1\", position: "), "{notice}");
                assert!(said.len() > if kept > whole.len() / 2 { 19_000 } else { 5_000 });
                let read: String =
                    said.iter().map(|s| s.split_once(':').unwrap().1.to_owned() + "\n").collect();
                assert!(text.starts_with(&read));
                assert!(notice.contains(&format!("position: {},", read.len())), "{notice}");
            }
        }
    }

    #[test]
    fn garbage_behind_an_archive_takes_no_line_with_it() {
        let text: String = (0..50_000).map(|n| format!("line {n}\n")).collect();
        for encode in [gzip, zstd] {
            let folder = Folder::new();
            folder.write("1", [encode(text.as_bytes()), b"garbage!".repeat(9)].concat());
            let mut said = folder.said(&mut folder.source(&["1"]));
            let notice = said.pop().unwrap();
            assert!(notice.contains(&format!("position: {},", text.len())), "{notice}");
            assert!(notice.contains("; 0 bytes of a broken last line"), "{notice}");
            assert_eq!(said.len(), 50_000);
        }
    }

    #[test]
    fn a_corrupt_block_takes_no_earlier_one_with_it() {
        let text: String = (0..100_000).map(|n| format!("line {n} {}\n", n * 7 % 1_000)).collect();
        let whole = zstd(text.as_bytes());
        // A frame without a content size: 6 bytes, then blocks of 128 KiB of text.
        let mut block = 6;
        for blocks in 1..8 {
            let header = u32::from_le_bytes([whole[block], whole[block + 1], whole[block + 2], 0]);
            block += 3 + (header >> 3) as usize;
            let folder = Folder::new();
            let mut broken = whole.clone();
            broken[block] |= 0b110; // a type of block that does not exist
            folder.write("1", broken);
            let mut said = folder.said(&mut folder.source(&["1"]));
            let notice = said.pop().unwrap();
            let position = text[..blocks * (128 << 10)].rfind('\n').unwrap() + 1;
            assert!(notice.contains(&format!("position: {position},")), "{blocks}: {notice}");
            assert_eq!(said.len(), text[..position].lines().count());
        }
    }

    #[test]
    fn all_unreadable_paths_are_told_at_once() {
        let folder = Folder::new();
        folder.write("good", "a\n");
        std::fs::create_dir(folder.path("dir")).unwrap();
        let error = FileSource::open(folder.options(&["gone", "good", "dir"]), None).err().unwrap();
        assert_eq!(
            folder.tidy(&error.to_string()),
            "cannot read gone: No such file or directory (os error 2)\n\
             cannot read dir: it is a directory; name the files in it"
        );
        let none = FileSource::open(FileOptions::default(), None).err().unwrap();
        assert!(matches!(none, IngestError::NoPaths));
        let null = FileOptions { paths: vec!["/dev/null".into()], ..FileOptions::default() };
        let error = FileSource::open(null, None).err().unwrap().to_string();
        assert!(error.contains("pipe it into standard input (-)"), "{error}");
    }
}
