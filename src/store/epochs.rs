//! `<state>/<source>/epochs/`: what shards learned of a day, and the epochs built from it. A file
//! is made whole or not at all, by whoever comes first, and never changed: instances that share the
//! folder agree without asking one another.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// One file of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochFile {
    /// What one shard learned of a local day.
    Partial {
        /// Days since 1970-01-01, local.
        day: i32,
        /// Which shard.
        shard: u32,
    },
    /// The epoch of a local day.
    Epoch {
        /// Days since 1970-01-01, local.
        day: i32,
    },
}

impl EpochFile {
    fn name(self) -> String {
        match self {
            EpochFile::Partial { day, shard } => format!("{day}.{shard}.partial"),
            EpochFile::Epoch { day } => format!("{day}.epoch"),
        }
    }

    fn parse(name: &str) -> Option<EpochFile> {
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            [day, shard, "partial"] => {
                let (day, shard) = (day.parse().ok()?, shard.parse().ok()?);
                Some(EpochFile::Partial { day, shard })
            }
            [day, "epoch"] => Some(EpochFile::Epoch { day: day.parse().ok()? }),
            _ => None,
        }
    }

    /// The day of a shard's part.
    #[must_use]
    pub fn partial_day(&self) -> Option<i32> {
        match self {
            EpochFile::Partial { day, .. } => Some(*day),
            EpochFile::Epoch { .. } => None,
        }
    }

    /// The day of an epoch.
    #[must_use]
    pub fn epoch_day(&self) -> Option<i32> {
        match self {
            EpochFile::Epoch { day } => Some(*day),
            EpochFile::Partial { .. } => None,
        }
    }

    /// The shard that left its part.
    #[must_use]
    pub fn shard(&self) -> Option<u32> {
        match self {
            EpochFile::Partial { shard, .. } => Some(*shard),
            EpochFile::Epoch { .. } => None,
        }
    }

    fn day(self) -> i32 {
        match self {
            EpochFile::Partial { day, .. } | EpochFile::Epoch { day } => day,
        }
    }
}

/// The folder.
#[derive(Debug)]
pub struct EpochFiles {
    dir: PathBuf,
}

impl EpochFiles {
    /// The folder of a source below the state's root, made if it is not there.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open(root: &std::path::Path, source: &str) -> io::Result<EpochFiles> {
        let dir = root.join(source).join("epochs");
        fs::create_dir_all(&dir)?;
        Ok(EpochFiles { dir })
    }

    /// Every file, in no order.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn list(&self) -> io::Result<Vec<EpochFile>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            files.extend(entry?.file_name().to_str().and_then(EpochFile::parse));
        }
        Ok(files)
    }

    /// Makes a file, durable on return; false when it was there already, which changes nothing.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn put(&self, file: EpochFile, bytes: &[u8]) -> io::Result<bool> {
        let path = self.dir.join(file.name());
        let draft = self.dir.join(format!("{}.{}.draft", file.name(), std::process::id()));
        let mut written = fs::File::create(&draft)?;
        written.write_all(bytes)?;
        written.sync_all()?;
        let linked = fs::hard_link(&draft, &path);
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            linked => linked?,
        }
        fs::File::open(&self.dir)?.sync_all()?;
        Ok(true)
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// The disk refuses, or it is not there.
    pub fn read(&self, file: EpochFile) -> io::Result<Vec<u8>> {
        fs::read(self.dir.join(file.name()))
    }

    /// The path of a file, for people.
    #[must_use]
    pub fn name(&self, file: EpochFile) -> String {
        self.dir.join(file.name()).display().to_string()
    }

    /// Removes what is older than a day.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn remove_before(&self, day: i32) -> io::Result<()> {
        for file in self.list()?.into_iter().filter(|file| file.day() < day) {
            match fs::remove_file(self.dir.join(file.name())) {
                // Another instance tidies up, too.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_make_a_file_is_right() {
        let temp = tempfile::tempdir().unwrap();
        let files = EpochFiles::open(temp.path(), "log").unwrap();
        let file = EpochFile::Epoch { day: 19_000 };
        assert!(files.put(file, b"one").unwrap());
        assert!(!files.put(file, b"two").unwrap());
        assert_eq!(files.read(file).unwrap(), b"one");
        let part = EpochFile::Partial { day: -3, shard: 7 };
        assert!(files.put(part, b"").unwrap());
        let mut all = files.list().unwrap();
        all.sort_by_key(|f| f.day());
        assert_eq!(all, [part, file]);
        files.remove_before(19_000).unwrap();
        assert_eq!(files.list().unwrap(), [file]);
    }
}
