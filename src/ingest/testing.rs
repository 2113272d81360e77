//! Files of a temporary directory and what a source says of them, for tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ingest::{
    Batch, FileOptions, FileSource, IngestError, Limits, Resume, Source, SourceEvent,
};

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(super) fn append(&self, name: &str, bytes: &str) {
        let mut file = std::fs::OpenOptions::new().append(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_bytes()).unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(super) fn options(&self, names: &[&str]) -> FileOptions {
        let paths = names.iter().map(|name| self.path(name)).collect();
        FileOptions { paths, poll: Duration::from_millis(1), ..FileOptions::default() }
    }

    pub(super) fn source(&self, names: &[&str]) -> FileSource {
        FileSource::open(self.options(names), None).unwrap()
    }

    pub(super) fn followed(&self, names: &[&str]) -> FileSource {
        FileSource::open(FileOptions { follow: true, ..self.options(names) }, None).unwrap()
    }

    pub(super) fn resume(
        &self,
        names: &[&str],
        follow: bool,
        resume: &Resume,
    ) -> Result<FileSource, IngestError> {
        let options = FileOptions { follow, ..self.options(names) };
        FileSource::open(options, Some(resume.clone()))
    }

    /// Messages with the directory taken out.
    pub(super) fn tidy(&self, text: &str) -> String {
        let folder = format!("{}/", Path::new(self.0.path()).display());
        text.replace(&folder, "")
    }

    /// All that comes until the source ends or idles: lines as `position:text`, the rest as
    /// `Debug` prints it.
    pub(super) fn said(&self, source: &mut FileSource) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            match source.next(Batch::default()).unwrap() {
                SourceEvent::Batch(batch) => said.extend(lines(&batch)),
                SourceEvent::Notice(notice) => said.push(self.tidy(&format!("{notice:?}"))),
                SourceEvent::Idle | SourceEvent::End => return said,
            }
        }
    }
}

pub(super) fn lines(batch: &Batch) -> Vec<String> {
    let text = |line| String::from_utf8_lossy(batch.text(line)).into_owned();
    batch.lines.iter().map(|line| format!("{}:{}", line.position, text(*line))).collect()
}

pub(super) fn limits(batch_lines: usize) -> Limits {
    Limits { batch_lines, ..Limits::default() }
}
