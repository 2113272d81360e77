//! Where to go on after a restart: which files hold what was read, recognised by content.
//!
//! Facts about files are gathered first ([`Found`]); [`plan`] is a plain function of them.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::Position;
use crate::ingest::{IngestError, Notice};

/// Decompressed bytes at a file's beginning that make its fingerprint, once it has that many.
pub(super) const HEAD_BYTES: usize = 4096;

/// What a file is recognised by, whatever its name and compression: the hash of its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Path as given, for messages and to choose among files with the same beginning.
    pub path: String,
    /// SHA-256 of the first `prefix_bytes` decompressed bytes.
    pub hash: [u8; 32],
    /// Bytes that were there when it was taken, at most 4,096: a file that has grown still matches.
    pub prefix_bytes: u32,
    /// Inode then; a hint that tells a renamed file from its successor while both begin alike.
    pub inode: u64,
}

impl Fingerprint {
    pub(super) fn of(path: &Path, inode: u64, head: &[u8]) -> Fingerprint {
        let prefix = &head[..head.len().min(HEAD_BYTES)];
        Fingerprint {
            path: path.display().to_string(),
            hash: Sha256::digest(prefix).into(),
            prefix_bytes: prefix.len() as u32,
            inode,
        }
    }

    fn matches(&self, head: &[u8]) -> bool {
        head.get(..self.prefix_bytes as usize)
            .is_some_and(|prefix| self.hash == <[u8; 32]>::from(Sha256::digest(prefix)))
    }

    /// Two files may share a beginning this short (a CSV header, nothing yet).
    fn is_weak(&self) -> bool {
        (self.prefix_bytes as usize) < HEAD_BYTES
    }
}

/// One file of a source, in reading order. Each begins where the one before ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Which file.
    pub fingerprint: Fingerprint,
    /// Position of its first byte.
    pub base: Position,
    /// Decompressed bytes; `None` while it is being read.
    pub length: Option<u64>,
}

impl Segment {
    /// Nothing to recognise it by.
    fn is_blank(&self) -> bool {
        self.fingerprint.prefix_bytes == 0
    }
}

/// Where an earlier run stopped. Both come from the same snapshot; the segments may be ahead of
/// the position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// What [`Source::segments`](crate::ingest::Source::segments) said.
    pub segments: Vec<Segment>,
    /// [`Batch::next`](crate::ingest::Batch::next) of the last batch that is done.
    pub position: Position,
}

/// What is known of a file before it is read.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Up to [`HEAD_BYTES`] decompressed bytes.
    pub(super) head: Vec<u8>,
    /// Length when it is not compressed.
    pub(super) plain_length: Option<u64>,
    pub(super) inode: u64,
    pub(super) modified: SystemTime,
}

impl Found {
    /// Whether this is the file of a segment, with at least `bytes` in it.
    fn holds(&self, segment: &Segment, bytes: u64) -> bool {
        let fingerprint = &segment.fingerprint;
        // A finished file that began with a few bytes only is not every file that begins so.
        let told_apart = segment.length.is_none_or(|length| {
            !fingerprint.is_weak()
                || self.head.len() as u64 == length
                || self.inode == fingerprint.inode
        });
        told_apart
            && self.plain_length.is_none_or(|length| length >= bytes)
            && fingerprint.matches(&self.head)
    }

    /// A name that log rotation makes of `followed`: `.1`, `-20240206`, `.2.gz` behind it.
    fn is_rotation_of(&self, followed: &Path) -> bool {
        let (name, followed) = (self.path.to_string_lossy(), followed.to_string_lossy());
        let Some(suffix) = name.strip_prefix(followed.as_ref()) else {
            return false;
        };
        let suffix = suffix.strip_suffix(".gz").or(suffix.strip_suffix(".zst")).unwrap_or(suffix);
        suffix.len() > 1 && suffix.bytes().all(|byte| matches!(byte, b'.' | b'-' | b'0'..=b'9'))
    }
}

/// A file to read, from a decompressed offset on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
}

/// What to read and what is behind us.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Finished segments; the next file begins where the last one ends.
    pub(super) finished: Vec<Segment>,
    pub(super) queue: VecDeque<Planned>,
    pub(super) notices: Vec<Notice>,
}

/// How the search for known files goes.
pub(super) struct Search<'a> {
    /// The path that is followed.
    pub(super) followed: Option<&'a Path>,
    /// Files beside it whose names begin with its name, those given as paths excepted.
    pub(super) siblings: &'a [Found],
    /// Accept that unread files are gone.
    pub(super) skip_missing: bool,
}

/// Decides what to read: the unread part of what is known, in the old order, then what is new.
///
/// Positions behind `resume.position` are given anew, so that a file that grew meanwhile is read
/// to its present end.
pub(super) fn plan(
    given: &[Found],
    search: &Search<'_>,
    resume: &Resume,
) -> Result<Plan, IngestError> {
    let segments = &resume.segments;
    let current = segments
        .iter()
        .position(|s| s.length.is_none_or(|length| resume.position <= s.base + length))
        .unwrap_or(segments.len());
    let begin = segments.get(current).map_or_else(|| end_of(segments), |s| s.base);
    let Some(offset) = resume
        .position
        .checked_sub(begin)
        .filter(|offset| current < segments.len() || *offset == 0)
    else {
        return Err(IngestError::NeverReached { position: resume.position, end: end_of(segments) });
    };
    let mut known = Known::new(given, search, segments);
    let mut plan = Plan { finished: segments[..current].to_vec(), ..Plan::default() };
    plan.notices.extend((0..current).filter_map(|index| known.grown(index)));
    for index in current..segments.len() {
        let offset = if index == current { offset } else { 0 };
        known.place(index, offset, &mut plan)?;
    }
    plan.queue.extend(known.rotated_since().into_iter().map(from_start));
    plan.queue.extend(known.unknown().into_iter().map(from_start));
    match (search.followed, plan.queue.back()) {
        (Some(path), last) if last.is_none_or(|planned| planned.path != path) => {
            Err(IngestError::FollowNotLast { path: path.display().to_string() })
        }
        _ => Ok(plan),
    }
}

/// The file that holds each segment, of an unfinished one at least so many `bytes`; files given win
/// over their siblings.
pub(super) fn holders<'a>(
    given: &'a [Found],
    siblings: &'a [Found],
    segments: &[Segment],
    bytes: &[u64],
) -> Vec<Option<&'a Found>> {
    let search = Search { followed: None, siblings, skip_missing: false };
    let known = Known::new(given, &search, segments);
    let found = |(index, segment): (usize, &Segment)| {
        let own = known.holder[index].map(|at| &given[at]);
        let is_long = |found: &&Found| found.plain_length.is_none_or(|is| is >= bytes[index]);
        own.filter(is_long).or_else(|| sibling_of(segment, bytes[index], siblings)).or(own)
    };
    segments.iter().enumerate().map(found).collect()
}

/// Where the last finished segment ends.
pub(super) fn end_of(segments: &[Segment]) -> Position {
    segments.last().map_or(0, |last| last.base + last.length.unwrap_or(0))
}

fn from_start(found: &Found) -> Planned {
    Planned { path: found.path.clone(), offset: 0 }
}

/// Which segment lies in which file.
struct Known<'a> {
    given: &'a [Found],
    search: &'a Search<'a>,
    segments: &'a [Segment],
    /// For each segment, the given file that holds it.
    holder: Vec<Option<usize>>,
    /// Siblings that hold a segment to be read.
    used_siblings: Vec<&'a Found>,
}

impl<'a> Known<'a> {
    fn new(given: &'a [Found], search: &'a Search<'a>, segments: &'a [Segment]) -> Known<'a> {
        let mut by_path: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, segment) in segments.iter().enumerate() {
            by_path.entry(&segment.fingerprint.path).or_default().push(index);
        }
        let mut known = Known {
            given,
            search,
            segments,
            holder: vec![None; segments.len()],
            used_siblings: Vec::new(),
        };
        let mut renamed = Vec::new();
        // The same path first, its latest segment first: of files that begin alike, each its own.
        for (index, found) in given.iter().enumerate() {
            let path = found.path.to_string_lossy();
            let same_path = by_path.get(path.as_ref()).into_iter().flatten().rev();
            if !known.claim(index, same_path.copied()) {
                renamed.push(index);
            }
        }
        for index in renamed {
            known.claim(index, (0..segments.len()).filter(|i| !segments[*i].is_blank()));
        }
        known
    }

    /// Gives a file the first free segment among `candidates` that it holds.
    fn claim(&mut self, index: usize, mut candidates: impl Iterator<Item = usize>) -> bool {
        let found = &self.given[index];
        let held = candidates.find(|at| {
            let segment = &self.segments[*at];
            self.holder[*at].is_none()
                && found.holds(segment, segment.length.unwrap_or(0))
                && !was_renamed(segment, found, self.search.siblings)
        });
        if let Some(at) = held {
            self.holder[at] = Some(index);
        }
        held.is_some()
    }

    fn given_for(&self, segment: usize) -> Option<&'a Found> {
        self.holder[segment].map(|index| &self.given[index])
    }

    /// Bytes added to a finished file that other files have followed since.
    fn grown(&self, index: usize) -> Option<Notice> {
        let found = self.given_for(index)?;
        let more = found.plain_length?.checked_sub(self.segments[index].length?)?;
        let path = found.path.display().to_string();
        (more > 0).then_some(Notice::Unread { path, bytes: Some(more) })
    }

    /// Puts one segment into the plan: to be read from `offset` on, or as finished.
    fn place(&mut self, index: usize, offset: u64, plan: &mut Plan) -> Result<(), IngestError> {
        let segment = &self.segments[index];
        let at_end = segment.length == Some(offset);
        let given = self.given_for(index);
        let found = given.or_else(|| sibling_of(segment, offset, self.search.siblings));
        let to_follow = found
            .is_some_and(|found| Some(found.path.as_path()) == self.search.followed)
            && index + 1 == self.segments.len();
        // Once a file is to be read, all behind it are: where they begin is not known yet.
        let behind = !plan.queue.is_empty();
        match found {
            Some(found) if !at_end || to_follow || behind || found.plain_length > Some(offset) => {
                if given.is_none() {
                    self.used_siblings.push(found);
                }
                plan.queue.push_back(Planned { path: found.path.clone(), offset });
                return Ok(());
            }
            _ if at_end => {}
            _ if self.search.skip_missing => plan.notices.push(Notice::Unread {
                path: segment.fingerprint.path.clone(),
                bytes: segment.length.map(|length| length - offset),
            }),
            _ => return Err(self.missing(segment, offset)),
        }
        if !behind && (at_end || offset > 0) {
            plan.finished.push(Segment { length: Some(offset), ..segment.clone() });
        }
        Ok(())
    }

    /// Files that were rotated away between the segment found in a sibling and now.
    fn rotated_since(&self) -> Vec<&'a Found> {
        let since = self.used_siblings.iter().map(|found| found.modified).max();
        let (Some(followed), Some(since)) = (self.search.followed, since) else {
            return Vec::new();
        };
        if !self.unknown().iter().any(|found| found.path == followed) {
            return Vec::new();
        }
        let mut passed: Vec<&Found> = Vec::new();
        let mut candidates: Vec<&Found> = self
            .search
            .siblings
            .iter()
            .filter(|found| found.modified >= since && found.is_rotation_of(followed))
            .filter(|found| !self.segments.iter().any(|s| s.fingerprint.matches(&found.head)))
            .collect();
        candidates.sort_by_key(|found| found.modified);
        for found in candidates {
            // A file and its compressed copy may stand side by side for a moment.
            if !passed.iter().any(|other| other.head == found.head) {
                passed.push(found);
            }
        }
        passed
    }

    fn unknown(&self) -> Vec<&'a Found> {
        let mut known = vec![false; self.given.len()];
        for index in self.holder.iter().flatten() {
            known[*index] = true;
        }
        self.given.iter().zip(known).filter(|(_, known)| !known).map(|(found, _)| found).collect()
    }

    fn missing(&self, segment: &Segment, offset: u64) -> IngestError {
        let looked = match self.search.followed {
            Some(path) => format!(" nor among the files named {}* beside it", path.display()),
            None => String::new(),
        };
        IngestError::Missing {
            path: segment.fingerprint.path.clone(),
            offset,
            bytes: segment.length.map(|length| length - offset),
            looked,
        }
    }
}

/// Whether the file of a segment lies under another name now, while `found` merely begins alike.
fn was_renamed(segment: &Segment, found: &Found, siblings: &[Found]) -> bool {
    let inode = segment.fingerprint.inode;
    segment.fingerprint.is_weak()
        && found.inode != inode
        && siblings.iter().any(|other| other.inode == inode && other.holds(segment, 0))
}

fn sibling_of<'a>(segment: &Segment, offset: u64, siblings: &'a [Found]) -> Option<&'a Found> {
    let bytes = segment.length.unwrap_or(offset);
    let same_inode = |found: &&Found| found.inode == segment.fingerprint.inode;
    let mut matching = siblings.iter().filter(|found| found.holds(segment, bytes));
    let first = matching.next();
    first.filter(same_inode).or_else(|| matching.find(same_inode)).or(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{Folder, gzip, limits, lines, zstd};
    use crate::ingest::{Batch, FileOptions, FileSource, Source, SourceEvent};

    /// Reads with batches of one line; after each, how to go on and the lines that must remain.
    fn stops(folder: &Folder, names: &[&str]) -> Vec<(Resume, Vec<String>)> {
        let options = FileOptions { limits: limits(1), ..folder.options(names) };
        let mut source = FileSource::open(options, None).unwrap();
        let mut stops = Vec::new();
        let mut said = Vec::new();
        while let SourceEvent::Batch(batch) = source.next(Batch::default()).unwrap() {
            said.extend(lines(&batch));
            let resume = Resume { segments: source.segments().to_vec(), position: batch.next };
            stops.push((resume, said.len()));
        }
        stops.into_iter().map(|(resume, done)| (resume, said[done..].to_vec())).collect()
    }

    fn now(source: &FileSource, position: Position) -> Resume {
        Resume { segments: source.segments().to_vec(), position }
    }

    fn error(opened: Result<FileSource, IngestError>, folder: &Folder) -> String {
        folder.tidy(&opened.err().unwrap().to_string())
    }

    #[test]
    fn every_stop_goes_on_with_exactly_the_rest() {
        let texts = ["\u{feff}a\r\n\nb\nc", "", "d\n", "\ne\nf\n\n"];
        for encode in [|b: &[u8]| b.to_vec(), gzip, zstd] {
            let folder = Folder::new();
            for (name, text) in ["1", "2", "3", "4"].iter().zip(texts) {
                folder.write(name, encode(text.as_bytes()));
            }
            let stops = stops(&folder, &["1", "2", "3", "4"]);
            assert!(stops.len() >= 6 && stops[0].1.len() == 5);
            let (all_segments, _) = stops.last().unwrap().clone();
            for (resume, rest) in &stops {
                for names in [["1", "2", "3", "4"], ["4", "3", "2", "1"]] {
                    // Files read before the stop may come in any order, later ones as given.
                    let ahead =
                        Resume { segments: all_segments.segments.clone(), ..resume.clone() };
                    let mut source = folder.resume(&names, false, &ahead).unwrap();
                    assert_eq!(&folder.said(&mut source), rest);
                    assert_eq!(source.segments().len(), 4);
                }
                let mut source = folder.resume(&["1", "2", "3", "4"], false, resume).unwrap();
                assert_eq!(&folder.said(&mut source), rest);
            }
        }
    }

    #[test]
    fn new_files_come_after_and_grown_ones_go_on() {
        let folder = Folder::new();
        folder.write("1", "a\n");
        let mut source = folder.source(&["1"]);
        assert_eq!(folder.said(&mut source), ["0:a"]);
        let resume = now(&source, 2);
        folder.write("0", "z\n");
        folder.append("1", "b\n");
        let mut source = folder.resume(&["0", "1"], false, &resume).unwrap();
        assert_eq!(folder.said(&mut source), ["2:b", "4:z"]);
        // Grown after others followed it: there is no place for these bytes.
        let resume = now(&source, 6);
        folder.append("1", "late\n");
        let mut source = folder.resume(&["0", "1"], false, &resume).unwrap();
        assert_eq!(folder.said(&mut source), ["Unread { path: \"1\", bytes: Some(5) }"]);
    }

    #[test]
    fn a_missing_file_is_an_error_unless_finished_or_accepted() {
        let folder = Folder::new();
        folder.write("1", "a\nb\nc\n");
        folder.write("2", "d\n");
        let mut source = folder.source(&["1"]);
        folder.said(&mut source);
        let finished = folder.resume(&["2"], false, &now(&source, 6)).unwrap();
        assert_eq!(folder.said(&mut { finished }), ["6:d"]);
        assert_eq!(
            error(folder.resume(&["2"], false, &now(&source, 2)), &folder),
            "reading stopped in 1 at byte 2, and that file is not among those given: 4 bytes would \
             be lost; name it under its present path, or accept the loss with --skip-missing"
        );
        let accepted = FileOptions { skip_missing: true, ..folder.options(&["2"]) };
        let mut source = FileSource::open(accepted, Some(now(&source, 2))).unwrap();
        assert_eq!(folder.said(&mut source), ["Unread { path: \"1\", bytes: Some(4) }", "2:d"]);
        assert_eq!(
            error(folder.resume(&["2"], false, &Resume { segments: vec![], position: 9 }), &folder),
            "position 9 was never reached by this source, which was read up to 0: the saved state \
             belongs to other files; give those, or use another state directory"
        );
    }

    /// Follows `log`, which holds `before`; stops; `meanwhile` happens; what is said then.
    fn check(before: &str, meanwhile: impl Fn(&Folder), expected: &[&str]) {
        let folder = Folder::new();
        folder.write("log", before);
        let mut source = folder.followed(&["log"]);
        folder.said(&mut source);
        let whole_lines = before.rfind('\n').map_or(0, |at| at + 1);
        let resume = now(&source, whole_lines as u64);
        meanwhile(&folder);
        let said = match folder.resume(&["log"], true, &resume) {
            Ok(mut source) => folder.said(&mut source),
            Err(error) => vec![folder.tidy(&error.to_string())],
        };
        assert_eq!(said, expected);
    }

    fn pause() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    #[test]
    fn a_followed_file_goes_on_after_a_restart() {
        check("a\n", |_| {}, &[]);
        check("", |folder| folder.append("log", "a\n"), &["0:a"]);
        check("a\npart", |folder| folder.append("log", "ial\nb\n"), &["2:partial", "10:b"]);
    }

    #[test]
    fn what_was_rotated_meanwhile_is_found_by_content() {
        let rotate = |folder: &Folder| {
            folder.append("log", "b\n");
            folder.rename("log", "log.1");
            folder.write("log", "new\n");
        };
        check("a\n", rotate, &["2:b", "4:new"]);
        // Two rotations, the older one compressed under a date.
        let twice = |folder: &Folder| {
            folder.write("log-20240206.gz", gzip(b"a\nb\n"));
            pause();
            folder.write("log.1", "between\n");
            folder.write("log.1.bak", "not a rotation\n");
            pause();
            std::fs::remove_file(folder.path("log")).unwrap();
            folder.write("log", "new\n");
        };
        check("a\n", twice, &["2:b", "4:between", "12:new"]);
        // Copied and truncated.
        let copied = |folder: &Folder| {
            folder.write("log.1", "a\nb\n");
            folder.write("log", "x\n");
        };
        check("a\n", copied, &["2:b", "4:x"]);
    }

    #[test]
    fn a_beginning_shared_with_the_successor_does_not_mislead() {
        for before in ["", "time,account\n"] {
            let rotate = |folder: &Folder| {
                folder.append("log", "b\n");
                folder.rename("log", "log.1");
                folder.write("log", [before, "new\n"].concat());
            };
            let at = before.len();
            let mut expected = vec![format!("{at}:b")];
            if at > 0 {
                expected.push(format!("{}:time,account", at + 2));
            }
            expected.push(format!("{}:new", 2 * at + 2));
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            check(before, rotate, &expected);
        }
    }

    #[test]
    fn a_finished_short_file_is_not_taken_for_its_longer_successor() {
        let folder = Folder::new();
        folder.write("log", "time,account\n");
        let mut source = folder.followed(&["log"]);
        folder.said(&mut source);
        folder.rename("log", "log.1");
        folder.write("log", "other\n");
        for _ in 0..10 {
            folder.said(&mut source);
        }
        let resume = now(&source, 19);
        folder.rename("log", "log.2");
        folder.write("log", "time,account\nnew\n");
        let mut source = folder.resume(&["log"], true, &resume).unwrap();
        assert_eq!(folder.said(&mut source), ["19:time,account", "32:new"]);
    }

    #[test]
    fn a_followed_file_that_is_gone_is_an_error() {
        let replace = |folder: &Folder| folder.write("log", "x\n");
        let lost = "reading stopped in log at byte 2, and that file is not among those given nor \
                    among the files named log* beside it: all that was written to it since would \
                    be lost; name it under its present path, or accept the loss with --skip-missing";
        check("a\n", replace, &[lost]);
    }

    #[test]
    fn a_damaged_archive_can_be_gone_on_in() {
        let folder = Folder::new();
        let text: String = (0..60_000).map(|n| format!("line {n} {}\n", n * 7 % 1_000)).collect();
        for encode in [gzip, zstd] {
            let mut archive = encode(text.as_bytes());
            archive.truncate(archive.len() * 2 / 3);
            folder.write("1", archive);
            folder.write("2", "after\n");
            let mut source = folder.source(&["1", "2"]);
            let whole = folder.said(&mut source);
            // Line, notice, line: stopped before the last line of the archive, and behind it.
            for (left, at) in [(3, whole.len() - 3), (1, whole.len() - 1)] {
                let position = whole[at].split_once(':').unwrap().0.parse().unwrap();
                let resume = now(&source, position);
                let mut resumed = folder.resume(&["1", "2"], false, &resume).unwrap();
                assert_eq!(folder.said(&mut resumed), whole[whole.len() - left..]);
            }
        }
    }

    #[test]
    fn the_followed_file_must_be_read_last() {
        let folder = Folder::new();
        folder.write("log", "a\n");
        let mut source = folder.followed(&["log"]);
        folder.said(&mut source);
        folder.write("older", "z\n");
        let told = error(folder.resume(&["older", "log"], true, &now(&source, 2)), &folder);
        assert!(told.starts_with("cannot follow log: other files come after it"), "{told}");
    }
}
