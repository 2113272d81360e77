//! Stretches of a source that was read before, found by content as a restart finds them, and read
//! once more under the positions they had then.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::event::Position;
use crate::ingest::paths::{check_paths, found, siblings_of, stored_bytes, unreadable};
use crate::ingest::resume::{Found, HEAD_BYTES, Plan, Planned, Segment, holders};
use crate::ingest::{
    Batch, FileOptions, FileSource, IngestError, Notice, PathProblem, Progress, Source, SourceEvent,
};

/// A part of one file that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    path: PathBuf,
    segment: Segment,
    first: Position,
    last: Position,
    /// Bytes as stored that reading it takes, for a progress bar.
    bytes: u64,
    /// Bytes before it that are passed over without being read.
    skipped: u64,
}

/// Reads ranges of positions of a source again. Yields batches of their lines, and notices.
pub struct Again {
    stretches: VecDeque<Stretch>,
    current: Option<(Stretch, FileSource)>,
    files: usize,
    bytes_finished: u64,
    bytes_total: u64,
}

impl Again {
    /// Finds the files among `paths`, and beside them under names that begin alike, by what the
    /// source knew of them: `segments`. Both ends of a wanted range belong to it.
    ///
    /// # Errors
    /// Paths that cannot be read; positions that the segments do not reach; files that are missing,
    /// all of them at once.
    pub fn open(
        paths: &[PathBuf],
        segments: &[Segment],
        wanted: &[RangeInclusive<Position>],
    ) -> Result<Again, IngestError> {
        check_paths(paths)?;
        let given = paths
            .iter()
            .map(|path| found(path, HEAD_BYTES).map_err(|error| unreadable(path, &error)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut siblings: Vec<Found> =
            paths.iter().flat_map(|path| siblings_of(path, paths)).collect();
        siblings.sort_by(|a, b| a.path.cmp(&b.path));
        siblings.dedup_by(|a, b| a.path == b.path);
        let stretches = stretches(&given, &siblings, segments, wanted)?;
        let mut files: Vec<&Path> = stretches.iter().map(|s| s.path.as_path()).collect();
        files.dedup();
        Ok(Again {
            files: files.len(),
            current: None,
            bytes_finished: 0,
            bytes_total: stretches.iter().map(|stretch| stretch.bytes).sum(),
            stretches: stretches.into(),
        })
    }

    /// How many files are read.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }

    /// How far reading is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let current = self.current.as_ref().map_or(0, |(stretch, source)| {
            source.progress().bytes_read.saturating_sub(stretch.skipped).min(stretch.bytes)
        });
        Progress { bytes_read: self.bytes_finished + current, bytes_total: Some(self.bytes_total) }
    }

    /// What comes next; the batch is an arena to use again. There may be lines beyond what was
    /// wanted between two ranges of a compressed file, and none behind the last.
    ///
    /// # Errors
    /// A file cannot be read on.
    pub fn next(&mut self, batch: Batch) -> Result<SourceEvent, IngestError> {
        let mut arena = Some(batch);
        loop {
            let (stretch, source) = match &mut self.current {
                Some(current) => current,
                None => match self.stretches.pop_front() {
                    Some(stretch) => {
                        let source = stretch.open()?;
                        self.current.insert((stretch, source))
                    }
                    None => return Ok(SourceEvent::End),
                },
            };
            let done = match source.next(arena.take().unwrap_or_default())? {
                SourceEvent::Batch(mut batch) => {
                    let done = batch.next > stretch.last;
                    batch.lines.retain(|line| line.position <= stretch.last);
                    if !done {
                        return Ok(SourceEvent::Batch(batch));
                    }
                    Some(SourceEvent::Batch(batch))
                }
                SourceEvent::End | SourceEvent::Idle => None,
                // What is wrong behind the stretch is nobody's business here.
                SourceEvent::Notice(notice) if stretch.concerns(&notice) => {
                    return Ok(SourceEvent::Notice(notice));
                }
                SourceEvent::Notice(_) => continue,
            };
            self.bytes_finished += stretch.bytes;
            self.current = None;
            if let Some(last) = done {
                return Ok(last);
            }
        }
    }
}

impl Stretch {
    fn open(&self) -> Result<FileSource, IngestError> {
        // An empty stand-in for all that came before gives the file its old positions.
        let before = Segment { length: Some(0), ..self.segment.clone() };
        let planned = Planned { path: self.path.clone(), offset: self.first - self.segment.base };
        let plan = Plan { finished: vec![before], queue: [planned].into(), ..Plan::default() };
        FileSource::begin(FileOptions::default(), plan, self.first)
    }

    fn concerns(&self, notice: &Notice) -> bool {
        match notice {
            Notice::Damaged { position, .. } | Notice::Oversized { position, .. } => {
                *position <= self.last
            }
            _ => true,
        }
    }
}

/// Decides what to read; a plain function of what is known of the files.
fn stretches(
    given: &[Found],
    siblings: &[Found],
    segments: &[Segment],
    wanted: &[RangeInclusive<Position>],
) -> Result<Vec<Stretch>, IngestError> {
    let ranges = merged(wanted);
    reached(segments, &ranges)?;
    let parts: Vec<Vec<(Position, Position)>> =
        segments.iter().map(|segment| parts_of(segment, &ranges)).collect();
    let needed: Vec<u64> = segments
        .iter()
        .zip(&parts)
        .map(|(segment, parts)| parts.last().map_or(0, |(_, last)| last + 1 - segment.base))
        .collect();
    let holders = holders(given, siblings, segments, &needed);
    let (mut stretches, mut missing) = (Vec::new(), Vec::new());
    for (index, segment) in segments.iter().enumerate() {
        let (Some((first, _)), Some((_, last))) = (parts[index].first(), parts[index].last())
        else {
            continue;
        };
        let stretch = |path: &Path, first: Position, last: Position| Stretch {
            path: path.to_owned(),
            segment: segment.clone(),
            first,
            last,
            bytes: last - first + 1,
            skipped: first - segment.base,
        };
        match holders[index] {
            None => missing.push(gone(segment, *first, *last)),
            Some(Found { path, plain_length: Some(length), .. }) if *length < needed[index] => {
                missing.push(short(path, *length, needed[index]));
            }
            Some(Found { path, plain_length: Some(_), .. }) => {
                stretches.extend(parts[index].iter().map(|(from, to)| stretch(path, *from, *to)))
            }
            // Nothing can be skipped in a compressed file without reading it.
            Some(Found { path, .. }) => {
                let bytes = stored_bytes(path);
                stretches.push(Stretch { bytes, skipped: 0, ..stretch(path, *first, *last) });
            }
        }
    }
    if missing.is_empty() { Ok(stretches) } else { Err(IngestError::NotAgain(missing)) }
}

/// Ranges in order, with those that touch made one.
fn merged(wanted: &[RangeInclusive<Position>]) -> Vec<(Position, Position)> {
    let mut ranges: Vec<_> = wanted.iter().map(|range| (*range.start(), *range.end())).collect();
    ranges.sort_unstable();
    let mut merged: Vec<(Position, Position)> = Vec::new();
    for (from, to) in ranges {
        match merged.last_mut() {
            Some((_, end)) if from <= end.saturating_add(1) => *end = to.max(*end),
            _ => merged.push((from, to)),
        }
    }
    merged
}

fn reached(segments: &[Segment], ranges: &[(Position, Position)]) -> Result<(), IngestError> {
    let end = match segments.last() {
        None => 0,
        Some(Segment { base, length: Some(length), .. }) => base + length,
        Some(Segment { length: None, .. }) => return Ok(()),
    };
    match ranges.last() {
        Some((_, position)) if *position >= end => {
            Err(IngestError::Beyond { position: *position, end })
        }
        _ => Ok(()),
    }
}

/// What of the ranges lies in a segment.
fn parts_of(segment: &Segment, ranges: &[(Position, Position)]) -> Vec<(Position, Position)> {
    let end = segment.length.map_or(Position::MAX, |length| segment.base + length);
    let overlaps = |(from, to): &&(Position, Position)| *from < end && *to >= segment.base;
    let clipped =
        |(from, to): &(Position, Position)| ((*from).max(segment.base), (*to).min(end - 1));
    ranges.iter().filter(overlaps).map(clipped).collect()
}

fn gone(segment: &Segment, first: Position, last: Position) -> PathProblem {
    let (from, to) = (first - segment.base, last - segment.base);
    let reason = format!(
        "no log given holds it, nor one beside them with a name that begins alike (bytes {from} to \
         {to} are needed); name it under its present path"
    );
    PathProblem { path: segment.fingerprint.path.clone(), reason }
}

fn short(path: &Path, length: u64, needed: u64) -> PathProblem {
    let reason = format!(
        "it has {length} bytes and {needed} are needed: it was cut, or rotated since vigie kept its \
         state; name the rotated file too, or try again in a minute"
    );
    PathProblem { path: path.display().to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{Folder, gzip, lines, zstd};

    /// Lines of the wanted ranges with their positions.
    fn read(
        folder: &Folder,
        names: &[&str],
        segments: &[Segment],
        wanted: &[(u64, u64)],
    ) -> String {
        let paths: Vec<_> = names.iter().map(|name| folder.path(name)).collect();
        let wanted: Vec<_> = wanted.iter().map(|(from, to)| *from..=*to).collect();
        let mut again = match Again::open(&paths, segments, &wanted) {
            Ok(again) => again,
            Err(error) => return folder.tidy(&error.to_string()),
        };
        let mut said = Vec::new();
        loop {
            match again.next(Batch::default()).unwrap() {
                SourceEvent::Batch(batch) => said.extend(lines(&batch)),
                SourceEvent::End => break,
                other => said.push(folder.tidy(&format!("{other:?}"))),
            }
        }
        let Progress { bytes_read, bytes_total } = again.progress();
        assert_eq!(Some(bytes_read), bytes_total);
        said.join(" ")
    }

    /// Three files of `aa`, `bb` … lines, three bytes each, read once.
    fn written() -> (Folder, Vec<Segment>) {
        let folder = Folder::new();
        for (name, text) in [("1", "aa\nbb\n"), ("2", "cc\ndd\n"), ("3", "ee\nff\n")] {
            folder.write(name, text);
        }
        let mut source = folder.source(&["1", "2", "3"]);
        folder.said(&mut source);
        let segments = source.segments().to_vec();
        (folder, segments)
    }

    #[test]
    fn ranges_are_read_under_their_old_positions() {
        let (folder, segments) = written();
        let check = |names: &[&str], wanted: &[(u64, u64)], expected: &str| {
            assert_eq!(read(&folder, names, &segments, wanted), expected, "{wanted:?}");
        };
        let all = &["3", "1", "2"];
        check(all, &[(0, 15)], "0:aa 3:bb 6:cc 9:dd 12:ee 15:ff");
        check(all, &[(3, 6)], "3:bb 6:cc");
        check(all, &[(9, 9), (0, 0), (9, 12)], "0:aa 9:dd 12:ee");
        // What lies elsewhere may be missing.
        check(&["2"], &[(6, 9)], "6:cc 9:dd");
        let path = |n: usize| segments[n].fingerprint.path.clone();
        let told = read(&folder, &["2"], &segments, &[(3, 15)]);
        assert_eq!(
            told,
            folder.tidy(&format!(
                "cannot read {} again: no log given holds it, nor one beside them with a name that \
                 begins alike (bytes 3 to 5 are needed); name it under its present path\n\
                 cannot read {} again: no log given holds it, nor one beside them with a name that \
                 begins alike (bytes 0 to 3 are needed); name it under its present path",
                path(0),
                path(2)
            ))
        );
        let beyond = read(&folder, all, &segments, &[(3, 18)]);
        assert!(beyond.starts_with("position 18 is not in the newest snapshot"), "{beyond}");
        assert!(read(&folder, all, &[], &[(0, 0)]).contains("up to position 0"));
    }

    #[test]
    fn renamed_compressed_and_grown_files_are_found() {
        for encode in [gzip, zstd] {
            let (folder, segments) = written();
            folder.write("old.packed", encode(b"cc\ndd\n"));
            folder.rename("1", "first");
            std::fs::remove_file(folder.path("2")).unwrap();
            folder.append("3", "gg\n");
            let names = &["3", "old.packed", "first"];
            assert_eq!(
                read(&folder, names, &segments, &[(3, 3), (6, 6), (9, 9), (15, 15)]),
                "3:bb 6:cc 9:dd 15:ff"
            );
        }
    }

    #[test]
    fn rotated_files_beside_the_log_are_found() {
        let folder = Folder::new();
        folder.write("log", "aa\nbb\n");
        let mut source = folder.followed(&["log"]);
        folder.said(&mut source);
        let segments = source.segments().to_vec();
        assert_eq!(segments[0].length, None);
        folder.append("log", "cc\n");
        assert_eq!(read(&folder, &["log"], &segments, &[(3, 6)]), "3:bb 6:cc");
        folder.rename("log", "log.1");
        folder.write("log", "xx\n");
        assert_eq!(read(&folder, &["log"], &segments, &[(3, 6)]), "3:bb 6:cc");
        // Cut short: what is wanted is gone.
        folder.write("log.1", "aa\nbb\n");
        let told = read(&folder, &["log.1"], &segments, &[(3, 6)]);
        assert!(told.contains("it has 6 bytes and 7 are needed"), "{told}");
    }

    #[test]
    fn overlapping_ranges_are_one() {
        let check = |wanted: &[(u64, u64)], expected: &[(u64, u64)]| {
            let wanted: Vec<_> = wanted.iter().map(|(from, to)| *from..=*to).collect();
            assert_eq!(merged(&wanted), expected);
        };
        check(&[], &[]);
        check(&[(5, 9), (0, 1)], &[(0, 1), (5, 9)]);
        check(&[(0, 9), (3, 4), (10, 12), (14, 15)], &[(0, 12), (14, 15)]);
    }
}
