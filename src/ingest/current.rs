//! The file that is being read.

use std::io::{self, Read, Seek};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::event::Position;
use crate::ingest::compression::{Reader, head};
use crate::ingest::follow::{Look, look};
use crate::ingest::resume::{HEAD_BYTES, Planned};
use crate::ingest::{Fingerprint, IngestError};

/// The file being read; its segment is the last one.
pub(super) struct Current {
    pub(super) path: PathBuf,
    pub(super) reader: Reader,
    /// Decompressed bytes given to the splitter, skipped ones included.
    pub(super) offset: u64,
    /// How the file begins.
    pub(super) head: Vec<u8>,
    pub(super) inode: u64,
    /// What the decompressor met, once it met it.
    pub(super) damage: Option<io::Error>,
    /// The last read found nothing more.
    pub(super) at_end: bool,
    /// Another file stands at the path.
    pub(super) replaced: bool,
    /// It has stood there for a poll interval: who still wrote to this one had time to end.
    pub(super) replaced_for_good: bool,
}

impl Current {
    pub(super) fn open(planned: &Planned, base: Position) -> Result<Current, IngestError> {
        let path = planned.path.clone();
        let offset = planned.offset;
        let failed = |error| IngestError::Read {
            path: path.display().to_string(),
            position: base + offset,
            error,
        };
        let mut reader = Reader::open(&path).map_err(failed)?;
        let (head, inode) = identity(&path, &reader).map_err(failed)?;
        if offset > 0 && !matches!(reader.skip(offset), Ok(true)) {
            // Damaged shortly behind the place, perhaps.
            reader = Reader::open(&path).map_err(failed)?;
            reader.sip();
            if !matches!(reader.skip(offset), Ok(true)) {
                return Err(IngestError::Shorter { path: path.display().to_string(), offset });
            }
        }
        Ok(Current {
            path,
            reader,
            offset,
            head,
            inode,
            damage: None,
            at_end: false,
            replaced: false,
            replaced_for_good: false,
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.path, self.inode, &self.head)
    }

    /// A better fingerprint, when more of the file's beginning has been read since.
    pub(super) fn grown_fingerprint(&mut self) -> Option<Fingerprint> {
        let known = self.head.len();
        let readable = HEAD_BYTES.min(usize::try_from(self.offset).unwrap_or(HEAD_BYTES));
        if readable <= known {
            return None;
        }
        let file = self.reader.plain()?;
        let mut more = vec![0; readable - known];
        file.read_exact_at(&mut more, known as u64).ok()?;
        self.head.extend(more);
        Some(self.fingerprint())
    }

    pub(super) fn look(&self) -> io::Result<Look> {
        match self.reader.plain() {
            Some(file) => look(&self.path, file, self.offset, &self.head),
            None => Ok(Look::Same),
        }
    }

    pub(super) fn failed(&self, error: io::Error, position: Position) -> IngestError {
        IngestError::Read { path: self.path.display().to_string(), position, error }
    }
}

/// Beginning and inode of an open file, not of what may stand at its path by now.
fn identity(path: &Path, reader: &Reader) -> io::Result<(Vec<u8>, u64)> {
    let Some(mut file) = reader.plain() else {
        return Ok((head(path, HEAD_BYTES)?, std::fs::metadata(path)?.ino()));
    };
    let mut head = Vec::new();
    file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    file.rewind()?;
    Ok((head, file.metadata()?.ino()))
}
