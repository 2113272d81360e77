//! `alerts.ndjson`: every stored revision, historical ones too, as one JSON line: for log shippers
//! and for `jq`. It is a sink of the outbox like any other, only that it cannot give up.
//!
//! Lines are on the disk before their rows are delivered, so a crash repeats at most the last
//! append; a line that a crash cut short is taken away first, and its row is still owed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::alert::Severity;
use crate::store::sqlite::SinkRule;

/// Bytes of the end that are searched at a time for the last whole line.
const TAIL_BYTES: u64 = 64 * 1024;

/// The file of alert revisions.
#[derive(Debug)]
pub struct AlertsFile {
    path: PathBuf,
    bytes_max: u64,
    keep: u32,
    open: Option<(File, u64)>,
}

impl AlertsFile {
    /// The sink's name.
    pub const NAME: &'static str = "alerts.ndjson";

    /// A file at `path` (made when it is first written), renamed to `path.1` when the next append
    /// would make it larger than `bytes_max`; `path.1` … `path.keep` stay.
    #[must_use]
    pub fn new(path: &Path, bytes_max: u64, keep: u32) -> AlertsFile {
        AlertsFile { path: path.into(), bytes_max, keep, open: None }
    }

    /// What it wants to be told.
    #[must_use]
    pub fn rule() -> SinkRule {
        SinkRule {
            name: AlertsFile::NAME.into(),
            severity_min: Severity::Info,
            historical: true,
            notes: false,
        }
    }

    /// Appends lines, on the disk when it returns.
    ///
    /// # Errors
    /// The disk refuses; then none of the lines counts as written.
    pub fn append<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        // Closed on any error: the next append looks at the file anew.
        let (mut file, size) = match self.open.take() {
            Some(open) => open,
            None => self.reopen()?,
        };
        let added = bytes.len() as u64;
        let size = if size > 0 && size + added > self.bytes_max {
            drop(file);
            self.rotate()?;
            let opened = self.reopen()?;
            file = opened.0;
            opened.1
        } else {
            size
        };
        file.write_all(&bytes)?;
        file.sync_data()?;
        self.open = Some((file, size + added));
        Ok(())
    }

    /// The file, ending with a whole line, and its size.
    fn reopen(&self) -> io::Result<(File, u64)> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o640).open(&self.path)?;
        let size = file.metadata()?.len();
        let whole = whole_lines(&mut file, size)?;
        if whole < size {
            file.set_len(whole)?;
        }
        file.sync_all()?;
        self.sync_folder()?;
        Ok((file, whole))
    }

    fn rotate(&self) -> io::Result<()> {
        let numbered = |n: u32| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".{n}"));
            PathBuf::from(name)
        };
        if self.keep == 0 {
            fs::remove_file(&self.path)?;
        }
        for n in (0..self.keep).rev() {
            let from = if n == 0 { self.path.clone() } else { numbered(n) };
            match fs::rename(&from, numbered(n + 1)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        }
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Length up to the end of the last whole line.
fn whole_lines(file: &mut File, size: u64) -> io::Result<u64> {
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(TAIL_BYTES);
        let mut tail = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut tail)?;
        if let Some(at) = tail.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn lines_are_appended_and_files_rotated() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.ndjson");
        let mut file = AlertsFile::new(&path, 10, 2);
        for line in ["one", "two", "three", "four", "five"] {
            file.append([line]).unwrap();
        }
        file.append(["longer than the whole file may be"]).unwrap();
        assert_eq!(text(&path), "longer than the whole file may be\n");
        assert_eq!(text(&temp.path().join("a.ndjson.1")), "four\nfive\n");
        assert_eq!(text(&temp.path().join("a.ndjson.2")), "three\n");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 3);
    }

    #[test]
    fn nothing_older_is_kept_when_nothing_should_be() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.ndjson");
        let mut file = AlertsFile::new(&path, 4, 0);
        file.append(["one"]).unwrap();
        file.append(["two"]).unwrap();
        assert_eq!(text(&path), "two\n");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_line_cut_short_by_a_crash_is_taken_away() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.ndjson");
        let check = |found: &str, wanted: &str| {
            fs::write(&path, found).unwrap();
            AlertsFile::new(&path, 1 << 30, 2).append(["next"]).unwrap();
            assert_eq!(text(&path), wanted);
        };
        check("", "next\n");
        check("one\n", "one\nnext\n");
        check("one\ntw", "one\nnext\n");
        check("on", "next\n");
        let long = "x".repeat(3 * TAIL_BYTES as usize);
        check(&format!("one\n{long}"), "one\nnext\n");
        check(&format!("{long}\n"), &format!("{long}\nnext\n"));
    }

    #[test]
    fn a_refusal_is_said_and_the_next_append_goes_on() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("folder").join("a.ndjson");
        let mut file = AlertsFile::new(&path, 100, 2);
        assert_eq!(file.append(["one"]).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::create_dir(temp.path().join("folder")).unwrap();
        file.append(["one"]).unwrap();
        assert_eq!(text(&path), "one\n");
    }
}
