//! The few things we ask of a disk, so that a test can pull its plug between any two of them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// A folder tree. After a power cut only what was synced is sure to be there.
pub trait Disk {
    /// Creates the folder and its missing parents (mode 0700), durably.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Creates or replaces a file (mode 0600) and syncs its bytes. Its name is durable only after
    /// [`Disk::sync_dir`].
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file another name, replacing what had it; durable after [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; durable after [`Disk::sync_dir`].
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes names given and removed in this folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Names of the files in a folder, in no order; none when there is no such folder.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// Bytes that a process without privileges may still write to the file system of a path.
///
/// # Errors
/// The path is not there, or the file system does not say.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        // A relative path's first part has the empty path as parent: the working folder.
        let parent = match dir.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return Ok(()),
        };
        self.create_dir(parent)?;
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !dir.is_dir() => {
                return Err(error);
            }
            _ => {}
        }
        self.sync_dir(parent)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }
}

/// Replaces `dir/name` as a whole: after a crash it holds the old bytes or the new ones.
pub(super) fn replace(disk: &impl Disk, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temp = dir.join(format!("{name}.tmp"));
    let written = disk.write(&temp, bytes).and_then(|()| disk.rename(&temp, &dir.join(name)));
    if let Err(error) = written {
        // On a full disk the half-written file is what fills it. It is ignored anyway, so a
        // failure to remove it adds nothing to the error we report.
        let _ = disk.remove(&temp);
        return Err(error);
    }
    disk.sync_dir(dir)
}

#[cfg(test)]
pub(super) mod testing {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    type Files = BTreeMap<PathBuf, Vec<u8>>;

    #[derive(Clone, Debug)]
    enum Change {
        Put(PathBuf, Vec<u8>),
        Rename(PathBuf, PathBuf),
        Remove(PathBuf),
    }

    /// A disk in memory whose power can be cut after any number of changing operations. The one
    /// it is cut in is half done, every later one fails. What was not synced may be lost.
    #[derive(Debug, Default)]
    pub(in crate::store) struct CrashDisk {
        durable: RefCell<Files>,
        pending: RefCell<Vec<Change>>,
        left: Cell<Option<usize>>,
        cut: Cell<bool>,
        full: bool,
        sync_lies: bool,
    }

    impl CrashDisk {
        pub(in crate::store) fn cut_after(self, operations: usize) -> CrashDisk {
            self.left.set(Some(operations));
            self
        }

        pub(in crate::store) fn full(self) -> CrashDisk {
            CrashDisk { full: true, ..self }
        }

        pub(in crate::store) fn without_sync(self) -> CrashDisk {
            CrashDisk { sync_lies: true, ..self }
        }

        pub(in crate::store) fn is_cut(&self) -> bool {
            self.cut.get()
        }

        /// Every disk that may be found after the power returns: changes since the last sync got
        /// there up to some point.
        pub(in crate::store) fn images(&self) -> Vec<CrashDisk> {
            let pending = self.pending.borrow();
            let image = |kept| {
                let durable = applied(&self.durable.borrow(), &pending[..kept]);
                CrashDisk { durable: durable.into(), ..CrashDisk::default() }
            };
            (0..=pending.len()).map(image).collect()
        }

        pub(in crate::store) fn flip(&self, path: &Path, byte: usize) {
            self.durable.borrow_mut().get_mut(path).unwrap()[byte] ^= 0x10;
        }

        fn now(&self) -> Files {
            applied(&self.durable.borrow(), &self.pending.borrow())
        }

        /// True when the power goes during this operation; an error when it is gone already.
        fn cuts(&self) -> io::Result<bool> {
            match self.left.get() {
                _ if self.cut.get() => return Err(io::Error::other("no power")),
                Some(0) => self.cut.set(true),
                left => self.left.set(left.map(|left| left - 1)),
            }
            Ok(self.cut.get())
        }

        fn change(&self, whole: Change, torn: Change) -> io::Result<()> {
            let cut = self.cuts()?;
            self.pending.borrow_mut().push(if cut { torn } else { whole });
            if cut { Err(io::Error::other("power cut")) } else { Ok(()) }
        }
    }

    fn applied(files: &Files, changes: &[Change]) -> Files {
        let mut files = files.clone();
        for change in changes {
            match change {
                Change::Put(path, bytes) => {
                    files.insert(path.clone(), bytes.clone());
                }
                Change::Rename(from, to) => {
                    let bytes = files.remove(from).unwrap();
                    files.insert(to.clone(), bytes);
                }
                Change::Remove(path) => {
                    files.remove(path);
                }
            }
        }
        files
    }

    impl Disk for CrashDisk {
        fn create_dir(&self, _dir: &Path) -> io::Result<()> {
            if self.cuts()? { Err(io::Error::other("power cut")) } else { Ok(()) }
        }

        fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
            let put = |bytes: &[u8]| Change::Put(path.into(), bytes.into());
            let half = put(&bytes[..bytes.len() / 2]);
            if self.full {
                self.change(half.clone(), half)?;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.change(put(bytes), half)
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            let rename = Change::Rename(from.into(), to.into());
            self.change(rename.clone(), rename)
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            let remove = Change::Remove(path.into());
            self.change(remove.clone(), remove)
        }

        fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
            if self.cuts()? {
                return Err(io::Error::other("power cut"));
            }
            if !self.sync_lies {
                let now = self.now();
                self.pending.borrow_mut().clear();
                *self.durable.borrow_mut() = now;
            }
            Ok(())
        }

        fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
            let name = |path: &PathBuf| {
                let inside = path.parent() == Some(dir);
                inside.then(|| path.file_name().unwrap().to_str().unwrap().to_owned())
            };
            Ok(self.now().keys().filter_map(name).collect())
        }

        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            self.now().get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
        }
    }
}
