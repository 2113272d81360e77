//! Snapshots on disk: one object per shard, `<data>/state/<source>/<shard>/<seq>.snap`, replaced
//! as a whole and never edited. The last three are kept; a damaged one gives way to the previous.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::store::KeyId;
use crate::store::datadir::DataDir;
use crate::store::disk::{Disk, RealDisk, replace};
use crate::store::format::{self, FormatError, Header};

/// Snapshots kept of a shard.
pub const SNAPSHOTS_KEPT: usize = 3;

/// Longest source name; Kafka's topics have at most as many characters.
const SOURCE_CHARS_MAX: usize = 249;

/// Why a snapshot was not written, or none can be used.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The name cannot be a folder's.
    #[error(
        "source name `{name}`: use 1 to {SOURCE_CHARS_MAX} of the characters A-Z a-z 0-9 . _ -, \
         and neither `.` nor `..`"
    )]
    SourceName {
        /// As given.
        name: String,
    },
    /// The disk refused; the last good snapshot is untouched.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// Whole, but not for this build.
    #[error("{}: {source}", path.display())]
    Format {
        /// The snapshot.
        path: PathBuf,
        /// Its reason.
        source: FormatError,
    },
    /// Its pseudonyms were made with another key.
    #[error(
        "{}: made with pseudonym key {found}, the key in use is {wanted}: give the original key, \
         or start an empty folder with --data", path.display()
    )]
    Key {
        /// The snapshot.
        path: PathBuf,
        /// Fingerprint in the snapshot.
        found: KeyId,
        /// Fingerprint of the key in use.
        wanted: KeyId,
    },
    /// Another instance has taken the shard over.
    #[error(
        "{}: another instance has written snapshot {found} of this shard, this one knows {known}: \
         it has lost the shard and must not write on; restart it to take part again", dir.display()
    )]
    TakenOver {
        /// The shard's folder.
        dir: PathBuf,
        /// Newest snapshot there.
        found: u64,
        /// Newest that this instance wrote or read.
        known: u64,
    },
    /// There are snapshots, and none is whole.
    #[error(
        "{}: every snapshot is damaged, the newest: {newest}; restore the folder from a backup, or \
         remove it to read the log again from its beginning", dir.display()
    )]
    AllDamaged {
        /// The shard's folder.
        dir: PathBuf,
        /// The newest one's damage.
        newest: String,
    },
}

/// A snapshot that is durable now.
#[derive(Debug)]
pub struct Written {
    /// Its number, from 1, growing by one.
    pub seq: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Old files that could not be removed: nothing is lost, but the disk fills.
    pub cleanup: Option<io::Error>,
}

/// A snapshot read back.
#[derive(Debug)]
pub struct Loaded {
    /// What it says about its payload.
    pub header: Header,
    /// The state.
    pub payload: Vec<u8>,
    /// Its number.
    pub seq: u64,
    /// Newer snapshots that were passed over, newest first. Not empty: an operator should know.
    pub damaged: Vec<Damage>,
}

/// A snapshot that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// The snapshots of a data folder.
#[derive(Debug)]
pub struct Snapshots<D = RealDisk> {
    disk: D,
    root: PathBuf,
    key_id: KeyId,
}

impl Snapshots {
    /// The snapshots of this folder, made with this key.
    #[must_use]
    pub fn new(dir: &DataDir, key_id: KeyId) -> Snapshots {
        Snapshots::at(dir.file("state"), key_id)
    }

    /// The snapshots of a folder that several instances share.
    #[must_use]
    pub fn at(root: PathBuf, key_id: KeyId) -> Snapshots {
        Snapshots { disk: RealDisk, root, key_id }
    }
}

impl<D: Disk> Snapshots<D> {
    /// Writes the shard's next snapshot. When it returns `Ok`, a power cut no longer loses it;
    /// after an error the previous ones are as they were.
    ///
    /// # Errors
    /// Another key or payload version than this build would read back, or the disk refuses.
    pub fn write(
        &self,
        source: &str,
        shard: u32,
        header: &Header,
        payload: &[u8],
    ) -> Result<Written, SnapshotError> {
        let dir = self.dir(source, shard)?;
        self.disk.create_dir(&dir).map_err(named(&dir))?;
        let seq = self.numbers(&dir)?.first().map_or(1, |last| last + 1);
        let name = file_name(seq);
        self.check(&dir.join(&name), header)?;
        let bytes = format::encode(header, payload);
        replace(&self.disk, &dir, &name, &bytes).map_err(named(&dir.join(&name)))?;
        Ok(Written { seq, bytes: bytes.len() as u64, cleanup: self.clean(&dir).err() })
    }

    /// As [`Snapshots::write`], unless somebody else has written since snapshot `known`.
    ///
    /// # Errors
    /// As there, or another instance has taken the shard over.
    pub fn write_after(
        &self,
        source: &str,
        shard: u32,
        known: u64,
        header: &Header,
        payload: &[u8],
    ) -> Result<Written, SnapshotError> {
        let found = self.newest(source, shard)?;
        if found > known {
            let dir = self.dir(source, shard)?;
            return Err(SnapshotError::TakenOver { dir, found, known });
        }
        self.write(source, shard, header, payload)
    }

    /// Number of the shard's newest snapshot, whole or damaged; 0 = there is none.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn newest(&self, source: &str, shard: u32) -> Result<u64, SnapshotError> {
        let dir = self.dir(source, shard)?;
        Ok(self.numbers(&dir)?.first().copied().unwrap_or(0))
    }

    /// Takes a shard over: writes its newest snapshot once more under the next number, so that
    /// whoever had it before is refused. Returns that number; 0 when there is none.
    ///
    /// # Errors
    /// As reading and writing.
    pub fn take_over(&self, source: &str, shard: u32) -> Result<u64, SnapshotError> {
        match self.load_latest(source, shard)? {
            Some(Loaded { header, payload, .. }) => {
                Ok(self.write(source, shard, &header, &payload)?.seq)
            }
            None => Ok(0),
        }
    }

    /// The newest whole snapshot; `None` when the shard never had one.
    ///
    /// # Errors
    /// Made with another key, by a newer vigie, or every snapshot is damaged.
    pub fn load_latest(&self, source: &str, shard: u32) -> Result<Option<Loaded>, SnapshotError> {
        let dir = self.dir(source, shard)?;
        let mut damaged = Vec::new();
        for seq in self.numbers(&dir)? {
            let path = dir.join(file_name(seq));
            // A sector that cannot be read is damage like any other.
            let read = self.disk.read(&path).map_err(|error| error.to_string());
            match read.map(|bytes| format::decode(&bytes)) {
                Ok(Ok((header, payload))) => {
                    self.check(&path, &header)?;
                    return Ok(Some(Loaded { header, payload, seq, damaged }));
                }
                Ok(Err(source)) if !source.is_damage() => {
                    return Err(SnapshotError::Format { path, source });
                }
                Ok(Err(error)) => damaged.push(Damage { path, why: error.to_string() }),
                Err(why) => damaged.push(Damage { path, why }),
            }
        }
        match damaged.into_iter().next() {
            None => Ok(None),
            Some(newest) => {
                let name = newest.path.file_name().unwrap_or_default().display();
                let newest = format!("{name}: {}", newest.why);
                Err(SnapshotError::AllDamaged { dir, newest })
            }
        }
    }

    /// Nothing is written that could not be read back, nothing read that belongs to another key.
    fn check(&self, path: &Path, header: &Header) -> Result<(), SnapshotError> {
        format::check_payload_version(header.payload_version)
            .map_err(|source| SnapshotError::Format { path: path.into(), source })?;
        if header.key_id != self.key_id {
            let (found, wanted) = (header.key_id, self.key_id);
            return Err(SnapshotError::Key { path: path.into(), found, wanted });
        }
        Ok(())
    }

    fn dir(&self, source: &str, shard: u32) -> Result<PathBuf, SnapshotError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let length = 1..=SOURCE_CHARS_MAX;
        if !length.contains(&source.len())
            || !source.chars().all(allowed)
            || [".", ".."].contains(&source)
        {
            return Err(SnapshotError::SourceName { name: source.into() });
        }
        Ok(self.root.join(source).join(shard.to_string()))
    }

    /// Numbers of the shard's snapshots, newest first.
    fn numbers(&self, dir: &Path) -> Result<Vec<u64>, SnapshotError> {
        let names = self.disk.list(dir).map_err(named(dir))?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name)).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    /// Removes all but the last snapshots, and what earlier crashes left half-written. These
    /// removals need no sync: a file that comes back is removed the next time.
    fn clean(&self, dir: &Path) -> io::Result<()> {
        let (mut snapshots, others): (Vec<String>, Vec<String>) =
            self.disk.list(dir)?.into_iter().partition(|name| number(name).is_some());
        snapshots.sort_unstable_by(|a, b| b.cmp(a));
        let old = snapshots.into_iter().skip(SNAPSHOTS_KEPT);
        let temps = others.into_iter().filter(|name| name.ends_with(".snap.tmp"));
        for name in old.chain(temps) {
            self.disk.remove(&dir.join(name))?;
        }
        Ok(())
    }
}

/// Twenty digits hold every u64, so that names sort like numbers.
fn file_name(seq: u64) -> String {
    format!("{seq:020}.snap")
}

/// The number in the name of a snapshot; `None` for any other file.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".snap")?;
    let seq = digits.parse().ok().filter(|seq| *seq < u64::MAX)?;
    (file_name(seq) == name).then_some(seq)
}

fn named(path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    let path = path.to_path_buf();
    move |source| SnapshotError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::datadir::Purpose;
    use crate::store::disk::testing::CrashDisk;
    use crate::store::format::tests::header;

    fn payload(position: u64) -> Vec<u8> {
        format!("state at {position} ").repeat(20).into_bytes()
    }

    fn snapshots<D>(disk: D) -> Snapshots<D> {
        Snapshots { disk, root: "state".into(), key_id: header(0).key_id }
    }

    fn write<D: Disk>(snapshots: &Snapshots<D>, position: u64) -> Result<Written, SnapshotError> {
        snapshots.write("log", 3, &header(position), &payload(position))
    }

    /// A disk with this many snapshots, at positions 1, 2, 3 …, all durable.
    fn disk_with(count: u64) -> CrashDisk {
        let disk = snapshots(CrashDisk::default());
        for position in 1..=count {
            write(&disk, position).unwrap();
        }
        disk.disk
    }

    /// Position of the newest whole snapshot, its payload checked; 0 for none.
    fn newest<D: Disk>(snapshots: &Snapshots<D>) -> u64 {
        let Some(loaded) = snapshots.load_latest("log", 3).unwrap() else {
            return 0;
        };
        let position = loaded.header.position;
        assert_eq!((&loaded.payload, loaded.seq), (&payload(position), position));
        assert_eq!(loaded.damaged, [], "a crash damages nothing");
        position
    }

    #[test]
    fn a_power_cut_at_every_step_leaves_the_old_or_the_new_snapshot() {
        for old in [0, 1, 2, 3, 5] {
            let mut cut_at = 0;
            loop {
                let cut = snapshots(disk_with(old).cut_after(cut_at));
                let written = write(&cut, old + 1);
                for image in cut.disk.images() {
                    let after = snapshots(image);
                    let found = newest(&after);
                    let allowed = if written.is_ok() { old + 1..=old + 1 } else { old..=old + 1 };
                    assert!(allowed.contains(&found), "{old} old, cut at {cut_at}: {found}");
                    write(&after, found + 1).unwrap();
                    assert_eq!(newest(&after), found + 1, "goes on after the crash");
                }
                if !cut.disk.is_cut() {
                    break;
                }
                cut_at += 1;
            }
            assert!(cut_at >= 4, "folder, file, rename and sync were each cut, not {cut_at}");
        }
    }

    #[test]
    fn the_crash_test_notices_a_disk_that_does_not_sync() {
        let lying = snapshots(disk_with(1).without_sync());
        write(&lying, 2).unwrap();
        assert!(lying.disk.images().into_iter().any(|image| newest(&snapshots(image)) == 1));
    }

    #[test]
    fn a_full_disk_leaves_the_last_good_snapshot() {
        let full = snapshots(disk_with(2).full());
        let error = write(&full, 3).unwrap_err().to_string();
        assert_eq!(error, "state/log/3/00000000000000000003.snap: no storage space");
        assert_eq!(newest(&full), 2);
        let names = full.disk.list(Path::new("state/log/3")).unwrap();
        assert_eq!(names.len(), 2, "the half-written file is gone: {names:?}");
    }

    #[test]
    fn the_last_three_are_kept_and_leftovers_removed() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
        let real = Snapshots::new(&dir, header(0).key_id);
        let shard = temp.path().join("state/log/3");
        for position in 1..=5 {
            let written = write(&real, position).unwrap();
            assert_eq!(written.seq, position);
            assert!(written.cleanup.is_none());
            let size = std::fs::metadata(shard.join(file_name(position))).unwrap().len();
            assert_eq!(written.bytes, size);
            // Left by a crash; newer than any snapshot, and never read.
            std::fs::write(shard.join(format!("{}.tmp", file_name(99))), "half").unwrap();
            assert_eq!(newest(&real), position);
        }
        write(&real, 6).unwrap();
        std::fs::write(shard.join("7.snap"), "not twenty digits").unwrap();
        let mut names = RealDisk.list(&shard).unwrap();
        names.sort();
        let kept = [4, 5, 6].map(file_name);
        assert_eq!(names[..3], kept);
        assert_eq!(names[3..], ["7.snap"]);
        assert_eq!(newest(&real), 6);
        assert!(real.load_latest("log", 4).unwrap().is_none());
        assert!(real.load_latest("other", 3).unwrap().is_none());
    }

    #[test]
    fn a_damaged_snapshot_gives_way_to_the_previous_and_is_reported() {
        let dir = Path::new("state/log/3");
        let disk = snapshots(disk_with(3));
        disk.disk.flip(&dir.join(file_name(3)), 100);
        let loaded = disk.load_latest("log", 3).unwrap().unwrap();
        assert_eq!((loaded.seq, loaded.payload), (2, payload(2)));
        let damage = |seq, why: &str| Damage { path: dir.join(file_name(seq)), why: why.into() };
        assert_eq!(loaded.damaged, [damage(3, "damaged payload (checksum differs)")]);

        disk.disk.flip(&dir.join(file_name(2)), 20);
        let loaded = disk.load_latest("log", 3).unwrap().unwrap();
        assert_eq!((loaded.seq, loaded.damaged.len()), (1, 2));
        assert_eq!(loaded.damaged[1], damage(2, "damaged header (checksum differs)"));

        disk.disk.flip(&dir.join(file_name(1)), 0);
        assert_eq!(
            disk.load_latest("log", 3).unwrap_err().to_string(),
            "state/log/3: every snapshot is damaged, the newest: 00000000000000000003.snap: damaged \
             payload (checksum differs); restore the folder from a backup, or remove it to read the \
             log again from its beginning"
        );
        assert_eq!(write(&disk, 4).unwrap().seq, 4, "numbers of damaged snapshots are not reused");
    }

    #[test]
    fn another_key_is_refused() {
        let theirs = snapshots(disk_with(1));
        let ours = Snapshots { key_id: KeyId([0xff; 8]), ..theirs };
        let refusal = "state/log/3/00000000000000000001.snap: made with pseudonym key \
                       0102030405060708, the key in use is ffffffffffffffff: give the original \
                       key, or start an empty folder with --data";
        assert_eq!(ours.load_latest("log", 3).unwrap_err().to_string(), refusal);
        assert!(matches!(write(&ours, 2), Err(SnapshotError::Key { .. })), "nor written");
    }

    #[test]
    fn a_payload_that_could_not_be_read_back_is_not_written() {
        let disk = snapshots(disk_with(1));
        let newer = Header { payload_version: 999, ..header(2) };
        let error = disk.write("log", 3, &newer, b"").unwrap_err();
        assert!(matches!(error, SnapshotError::Format { .. }));
        assert_eq!(newest(&disk), 1);
    }

    #[test]
    fn source_names_stay_inside_the_folder() {
        let disk = snapshots(CrashDisk::default());
        let long = "x".repeat(250);
        for name in ["", ".", "..", "../x", "a/b", "/etc", "a\0b", "café", &long] {
            let error = disk.load_latest(name, 0).unwrap_err();
            assert!(matches!(error, SnapshotError::SourceName { .. }), "{name}");
        }
        for name in ["access-events", "access.log_1", "...", &long[1..]] {
            assert!(disk.load_latest(name, 0).unwrap().is_none(), "{name}");
        }
    }
}
