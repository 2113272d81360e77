//! The data folder: one owner at a time, one purpose for ever.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::store::disk::{Disk, RealDisk, replace};

/// The database, in every data folder.
pub const DATABASE: &str = "vigie.db";

const LOCK_FILE: &str = "lock";
const PURPOSE_FILE: &str = "purpose";
/// Without a purpose file, one of these says that the folder is not new.
const SIGNS_OF_DATA: [&str; 3] = ["pseudonym.key", DATABASE, "state"];

/// What a data folder is for; written into it when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `vigie run`: it acts on what it finds.
    Live,
    /// `vigie replay --state`: it never acts.
    Replay,
}

impl Purpose {
    /// The word in `<data>/purpose`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Live => "live",
            Purpose::Replay => "replay",
        }
    }

    fn parse(word: &str) -> Option<Purpose> {
        [Purpose::Live, Purpose::Replay].into_iter().find(|purpose| purpose.word() == word)
    }
}

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error(
        "{}: another vigie uses this data folder; stop it, or choose another folder with --data",
        path.display()
    )]
    Locked {
        /// The data folder.
        path: PathBuf,
    },
    /// `replay` on a live folder, or `run` on a replay's.
    #[error(
        "{}: this data folder is for `{}`, not for `{}`; choose another folder",
        path.display(), found.word(), wanted.word()
    )]
    Purpose {
        /// The data folder.
        path: PathBuf,
        /// What it was made for.
        found: Purpose,
        /// What it was opened for.
        wanted: Purpose,
    },
    /// The purpose file is missing beside data, or holds another word.
    #[error(
        "{}: the purpose of this data folder is lost; write `live` (made by vigie run) or `replay` \
         (made by vigie replay --state) into it",
        path.display()
    )]
    PurposeLost {
        /// The purpose file.
        path: PathBuf,
    },
}

/// A locked data folder. The lock ends with the value, or with the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    purpose: Purpose,
    _lock: File,
}

impl DataDir {
    /// Creates the folder (mode 0700) where it is missing, locks it and marks its purpose.
    ///
    /// # Errors
    /// Another vigie holds it, it serves the other purpose, or the file system refuses.
    pub fn open(path: &Path, purpose: Purpose) -> Result<DataDir, DataDirError> {
        RealDisk.create_dir(path).map_err(named(path))?;
        let lock = lock(path);
        // The wrong purpose is told even while another vigie holds the lock: stopping that one,
        // as the lock's error advises, would be the wrong thing to do.
        let found = read_purpose(path)?;
        if let Some(found) = found
            && found != purpose
        {
            return Err(DataDirError::Purpose { path: path.into(), found, wanted: purpose });
        }
        let dir = DataDir { path: path.into(), purpose, _lock: lock? };
        if found.is_none() {
            let word = format!("{}\n", purpose.word());
            replace(&RealDisk, path, PURPOSE_FILE, word.as_bytes())
                .map_err(named(&dir.file(PURPOSE_FILE)))?;
        }
        Ok(dir)
    }

    /// What a folder is for, while another process may hold it; `None` when it holds no data.
    ///
    /// # Errors
    /// The purpose is lost, or the file system refuses.
    pub fn purpose_of(path: &Path) -> Result<Option<Purpose>, DataDirError> {
        read_purpose(path)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Path of a file or folder in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join(LOCK_FILE);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(named(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataDirError::Locked { path: dir.into() }),
        Err(TryLockError::Error(source)) => Err(DataDirError::Io { path, source }),
    }
}

/// `None` in a new folder.
fn read_purpose(dir: &Path) -> Result<Option<Purpose>, DataDirError> {
    let path = dir.join(PURPOSE_FILE);
    let lost = || DataDirError::PurposeLost { path: path.clone() };
    match fs::read(&path) {
        Ok(bytes) => {
            let word = String::from_utf8_lossy(&bytes);
            Purpose::parse(word.trim()).map(Some).ok_or_else(lost)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if SIGNS_OF_DATA.iter().any(|name| dir.join(name).exists()) {
                return Err(lost());
            }
            Ok(None)
        }
        Err(source) => Err(DataDirError::Io { path, source }),
    }
}

fn named(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_path_buf();
    move |source| DataDirError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refusal(path: &Path, purpose: Purpose) -> String {
        let error = DataDir::open(path, purpose).unwrap_err().to_string();
        error.replace(&path.display().to_string(), "DATA")
    }

    #[test]
    fn a_new_folder_is_private_and_keeps_its_purpose() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        let dir = DataDir::open(&path, Purpose::Live).unwrap();
        assert_eq!((dir.path(), dir.purpose()), (path.as_path(), Purpose::Live));
        for made in [temp.path().join("a"), path.clone()] {
            let mode = fs::metadata(made).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        drop(dir);
        drop(DataDir::open(&path, Purpose::Live).unwrap());
        let wrong = "DATA: this data folder is for `live`, not for `replay`; choose another folder";
        assert_eq!(refusal(&path, Purpose::Replay), wrong);

        let path = temp.path().join("c");
        drop(DataDir::open(&path, Purpose::Replay).unwrap());
        let wrong = "DATA: this data folder is for `replay`, not for `live`; choose another folder";
        assert_eq!(refusal(&path, Purpose::Live), wrong);
    }

    #[test]
    fn one_vigie_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path();
        let first = DataDir::open(path, Purpose::Live).unwrap();
        assert_eq!(
            refusal(path, Purpose::Live),
            "DATA: another vigie uses this data folder; stop it, or choose another folder with --data"
        );
        assert!(refusal(path, Purpose::Replay).contains("is for `live`"), "purpose before lock");
        drop(first);
        DataDir::open(path, Purpose::Live).unwrap();
    }

    #[test]
    fn a_lost_purpose_is_asked_for_not_guessed() {
        let lost = "DATA/purpose: the purpose of this data folder is lost; write `live` (made by \
                    vigie run) or `replay` (made by vigie replay --state) into it";
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("vigie.db"), "").unwrap();
        assert_eq!(refusal(temp.path(), Purpose::Replay), lost);
        fs::write(temp.path().join("purpose"), "life").unwrap();
        assert_eq!(refusal(temp.path(), Purpose::Live), lost);
        fs::write(temp.path().join("purpose"), "live").unwrap();
        DataDir::open(temp.path(), Purpose::Live).unwrap();
    }
}
