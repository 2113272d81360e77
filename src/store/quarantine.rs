//! Lines that could not be read, as JSON lines in `<data>/quarantine/`: where they stand, why,
//! and their shape without values. Bounded: the oldest file goes when there would be too many.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::event::Position;
use crate::store::datadir::DataDir;
use crate::store::disk::{Disk, RealDisk};

/// A file this large, in bytes, is followed by another: 16 MiB.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// Files kept, the one being written included.
pub const FILES_KEPT: usize = 4;

/// A skeleton is cut to this many bytes: its keys come from whoever wrote the line.
pub const SKELETON_BYTES_MAX: usize = 4_096;

/// A line that could not be read.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Entry<'a> {
    /// Where it begins in the source.
    pub at_position: Position,
    /// Name of the source.
    pub source: &'a str,
    /// Why it could not be read.
    pub reason: &'a str,
    /// Its length in bytes.
    pub length: u64,
    /// Keys and types, no values.
    pub skeleton: &'a str,
}

/// What happened to entries since the quarantine was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries written.
    pub written: u64,
    /// Entries that went with the oldest files.
    pub dropped: u64,
}

/// The quarantine of a data folder, written by one thread.
#[derive(Debug)]
pub struct Quarantine {
    dir: PathBuf,
    file: File,
    /// Number in the name of the file being written.
    number: u64,
    /// Bytes of whole entries in it.
    size: u64,
    size_max: u64,
    counts: Counts,
    line: Vec<u8>,
}

impl Quarantine {
    /// Opens the folder, creating it where it is missing, and goes on in its newest file.
    ///
    /// # Errors
    /// The file system refuses; the message names the path.
    pub fn open(dir: &DataDir) -> io::Result<Quarantine> {
        Quarantine::with_size(dir.file("quarantine"), FILE_BYTES_MAX)
    }

    fn with_size(dir: PathBuf, size_max: u64) -> io::Result<Quarantine> {
        RealDisk.create_dir(&dir).map_err(naming(&dir))?;
        let number = numbers(&dir)?.last().copied().unwrap_or(1);
        let path = dir.join(file_name(number));
        let file = open(&path)?;
        let bytes = fs::read(&path).map_err(naming(&path))?;
        // A crash may have left half an entry at the end.
        let size = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |end| end as u64 + 1);
        file.set_len(size).map_err(naming(&path))?;
        let counts = Counts::default();
        Ok(Quarantine { dir, file, number, size, size_max, counts, line: Vec::new() })
    }

    /// Adds an entry. It survives a crash of the process at once, a power cut after
    /// [`Quarantine::sync`].
    ///
    /// # Errors
    /// The disk refuses; then the entry is not counted and the file holds whole entries only.
    pub fn put(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let skeleton = cut(entry.skeleton, SKELETON_BYTES_MAX);
        self.line.clear();
        serde_json::to_writer(&mut self.line, &Entry { skeleton, ..*entry })?;
        self.line.push(b'\n');
        let length = self.line.len() as u64;
        if self.size > 0 && self.size + length > self.size_max {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(&self.line) {
            self.file.set_len(self.size)?;
            return Err(naming(&self.dir.join(file_name(self.number)))(error));
        }
        self.size += length;
        self.counts.written += 1;
        Ok(())
    }

    /// Makes every entry so far durable; before a snapshot, for what the snapshot is past is not
    /// read again.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data().map_err(naming(&self.dir.join(file_name(self.number))))
    }

    /// Entries written and dropped since the quarantine was opened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        let number = self.number + 1;
        self.file = open(&self.dir.join(file_name(number)))?;
        (self.number, self.size) = (number, 0);
        RealDisk.sync_dir(&self.dir).map_err(naming(&self.dir))?;
        let kept = numbers(&self.dir)?;
        for number in &kept[..kept.len().saturating_sub(FILES_KEPT)] {
            let path = self.dir.join(file_name(*number));
            let bytes = fs::read(&path).map_err(naming(&path))?;
            fs::remove_file(&path).map_err(naming(&path))?;
            self.counts.dropped += bytes.iter().filter(|b| **b == b'\n').count() as u64;
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(naming(path))
}

fn file_name(number: u64) -> String {
    format!("{number:010}.ndjson")
}

/// Numbers of the files in the folder, oldest first.
fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let names = RealDisk.list(dir).map_err(naming(dir))?;
    let number = |name: &String| {
        let number = name.strip_suffix(".ndjson")?.parse().ok().filter(|n| *n < u64::MAX)?;
        (file_name(number) == *name).then_some(number)
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The longest beginning of whole characters within so many bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn naming(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    let path = path.to_path_buf();
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::datadir::Purpose;

    fn entry(at_position: Position) -> Entry<'static> {
        Entry { at_position, source: "log", reason: "no time", length: 9, skeleton: "{a:s}" }
    }

    const LINE: &str =
        r#"{"at_position":7,"source":"log","reason":"no time","length":9,"skeleton":"{a:s}"}"#;

    /// File names without their zeros, and their entries' positions.
    fn contents(dir: &Path) -> Vec<(u64, Vec<u64>)> {
        let positions = |number: &u64| {
            let text = fs::read_to_string(dir.join(file_name(*number))).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'));
            let position = |line: &str| {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                value["at_position"].as_u64().unwrap()
            };
            (*number, text.lines().map(position).collect())
        };
        numbers(dir).unwrap().iter().map(positions).collect()
    }

    #[test]
    fn entries_are_json_lines_and_go_on_after_a_torn_one() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
        Quarantine::open(&dir).unwrap().put(&entry(7)).unwrap();
        let path = temp.path().join("quarantine/0000000001.ndjson");
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{LINE}\n"));
        fs::write(&path, format!("{LINE}\n{}", &LINE[..20])).unwrap();

        let mut again = Quarantine::open(&dir).unwrap();
        again.put(&entry(8)).unwrap();
        again.sync().unwrap();
        assert_eq!(contents(&temp.path().join("quarantine")), [(1, vec![7, 8])]);
        assert_eq!(again.counts(), Counts { written: 1, dropped: 0 });
    }

    #[test]
    fn the_oldest_file_goes_and_its_entries_are_counted() {
        let temp = tempfile::tempdir().unwrap();
        let two_lines = 2 * (LINE.len() as u64 + 1);
        let open = || Quarantine::with_size(temp.path().into(), two_lines).unwrap();
        let mut quarantine = open();
        for position in 0..9 {
            quarantine.put(&entry(position)).unwrap();
        }
        let files = [(2, vec![2, 3]), (3, vec![4, 5]), (4, vec![6, 7]), (5, vec![8])];
        assert_eq!(contents(temp.path()), files);
        assert_eq!(quarantine.counts(), Counts { written: 9, dropped: 2 });

        let mut quarantine = open();
        for position in 0..2 {
            quarantine.put(&entry(position)).unwrap();
        }
        let files = [(3, vec![4, 5]), (4, vec![6, 7]), (5, vec![8, 0]), (6, vec![1])];
        assert_eq!(contents(temp.path()), files, "the size is known again after opening");
        assert_eq!(quarantine.counts(), Counts { written: 2, dropped: 2 });
    }

    #[test]
    fn long_skeletons_are_cut_between_characters() {
        let temp = tempfile::tempdir().unwrap();
        let mut quarantine = Quarantine::with_size(temp.path().into(), 10).unwrap();
        let skeleton = "é".repeat(SKELETON_BYTES_MAX);
        quarantine.put(&Entry { skeleton: &skeleton, ..entry(1) }).unwrap();
        let text = fs::read_to_string(temp.path().join(file_name(1))).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["skeleton"], "é".repeat(SKELETON_BYTES_MAX / 2));
        assert_eq!(cut("aé", 2), "a");
    }
}
