//! What shards learn from one another: every shard leaves what it learned of a day in a folder that
//! all instances share; whoever sees the day complete builds the epoch, and leaves that, too. Files
//! are made once and never changed, so every instance uses the same epochs, whatever its timing.
//!
//! A file begins with [`MAGIC`] and the version of what follows, so that a newer build reads what an
//! older one left.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;

use crate::detect::builder::Builder;
use crate::detect::epoch::{Budget, Epoch};
use crate::detect::partial::Partial;
use crate::detect::rule::Rules;
use crate::detect::snapshot::{self, PAYLOAD_VERSION, SnapshotError};
use crate::detect::time::Day;
use crate::event::TimestampMs;
use crate::store::epochs::{EpochFile, EpochFiles};

/// Event time after a day's end by which other instances' shards, and those where nothing happens,
/// have left their parts, or are not waited for.
const GRACE_MS: i64 = 8 * 3_600_000;
/// Days whose files are kept.
const KEPT_DAYS: i32 = 7;

/// First bytes of a file; its version follows, two bytes little-endian. What has none was written
/// before there were versions, and begins with a 0, a 1 or a day of this century.
const MAGIC: &[u8; 6] = b"VIGIEX";
/// The version of files without one.
const BEFORE_VERSIONS: u16 = 2;

/// Why shards could not learn from one another.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The shared folder refuses.
    #[error("epochs cannot be exchanged: {0}")]
    Io(#[from] io::Error),
    /// A file is not what it should be.
    #[error(
        "epochs cannot be exchanged: {0} is damaged; remove it, and the epoch is built again from \
         what the shards left"
    )]
    Damaged(String),
    /// A newer build shares the folder.
    #[error("epochs cannot be exchanged: {file} is of a newer build: {why}")]
    Newer {
        /// Its path.
        file: String,
        /// The versions.
        why: SnapshotError,
    },
}

/// How an instance's shards stand.
#[derive(Debug)]
pub struct Stand {
    /// Which they are.
    pub shards: BTreeSet<u32>,
    /// The largest watermark among them.
    pub furthest: TimestampMs,
    /// The earliest day among those that have more to read; `None`: none has.
    pub slowest: Option<Day>,
}

/// One source's shared folder.
#[derive(Debug)]
pub struct Exchange {
    files: EpochFiles,
}

impl Exchange {
    /// Over a folder.
    #[must_use]
    pub fn open(files: EpochFiles) -> Exchange {
        Exchange { files }
    }

    /// Leaves what a shard learned of a day.
    ///
    /// # Errors
    /// The folder refuses.
    pub fn day_ended(&self, shard: u32, partial: &Partial) -> Result<(), ExchangeError> {
        let file = EpochFile::Partial { day: partial.day, shard };
        // The same day of the same shard is the same bytes, whoever read it.
        self.files.put(file, &versioned(partial))?;
        Ok(())
    }

    /// Builds the epochs that are due, and returns the days of all that are there, in order.
    ///
    /// # Errors
    /// The folder refuses, or holds a damaged file.
    pub fn days(
        &self,
        stand: &Stand,
        rules: &Rules,
        budget: Budget,
    ) -> Result<Vec<Day>, ExchangeError> {
        loop {
            let files = self.files.list()?;
            let last = last_epoch(&files);
            let left = files.iter().filter_map(EpochFile::partial_day);
            let next = left.filter(|day| last.is_none_or(|last| *day > last)).min();
            let Some(day) = next.filter(|day| is_complete(*day, &files, stand)) else {
                let mut days: Vec<Day> = files.iter().filter_map(EpochFile::epoch_day).collect();
                days.sort_unstable();
                return Ok(days);
            };
            self.build(day, &files, rules, budget)?;
            self.files.remove_before(day - KEPT_DAYS)?;
        }
    }

    /// The epoch of a day.
    ///
    /// # Errors
    /// The folder refuses, or the file is damaged.
    pub fn epoch(&self, day: Day) -> Result<Epoch, ExchangeError> {
        Ok(self.read(EpochFile::Epoch { day })?.1)
    }

    /// Builds the epoch of a day; somebody else may have been quicker, and then theirs counts.
    fn build(
        &self,
        day: Day,
        files: &[EpochFile],
        rules: &Rules,
        budget: Budget,
    ) -> Result<(), ExchangeError> {
        let mut whole = Partial { day, ..Partial::default() };
        for file in files.iter().filter(|f| f.partial_day() == Some(day)) {
            let bytes = self.files.read(*file)?;
            let (version, body) = version_of(&bytes);
            let part = snapshot::partial(version, body).map_err(|why| self.refused(*file, why))?;
            whole.merge(part.0);
        }
        let mut builder = match last_epoch(files) {
            Some(day) => self.read(EpochFile::Epoch { day })?.0,
            None => Builder::default(),
        };
        let epoch = builder.build(whole, rules, budget);
        let file = EpochFile::Epoch { day };
        self.files.put(file, &versioned(&(&builder, &epoch)))?;
        Ok(())
    }

    fn read(&self, file: EpochFile) -> Result<(Builder, Epoch), ExchangeError> {
        let bytes = self.files.read(file)?;
        let (version, body) = version_of(&bytes);
        snapshot::builder(version, body)
            .and_then(|(builder, rest)| Ok((builder, snapshot::epoch(version, rest)?.0)))
            .map_err(|why| self.refused(file, why))
    }

    fn refused(&self, file: EpochFile, why: SnapshotError) -> ExchangeError {
        let file = self.files.name(file);
        match why {
            SnapshotError::Newer { .. } => ExchangeError::Newer { file, why },
            _ => ExchangeError::Damaged(file),
        }
    }
}

fn versioned(body: &impl Serialize) -> Vec<u8> {
    let mut before = MAGIC.to_vec();
    before.extend(PAYLOAD_VERSION.to_le_bytes());
    // Plain data in memory cannot fail to be written to memory.
    postcard::to_extend(body, before).unwrap_or_default()
}

fn version_of(bytes: &[u8]) -> (u16, &[u8]) {
    let stated = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<2>());
    stated.map_or((BEFORE_VERSIONS, bytes), |(version, body)| (u16::from_le_bytes(*version), body))
}

/// Event time from which the epoch of a day does not wait for those whose part of it is missing.
pub(super) fn waits_until(day: Day) -> TimestampMs {
    (i64::from(day) + 1) * 86_400_000 + GRACE_MS
}

fn last_epoch(files: &[EpochFile]) -> Option<Day> {
    files.iter().filter_map(EpochFile::epoch_day).max()
}

/// Whether nobody's part of a day is still to come: everybody known has left it, or only those have
/// not for whom nobody waits any more.
fn is_complete(day: Day, files: &[EpochFile], stand: &Stand) -> bool {
    let all_ended = stand.slowest.is_none_or(|slowest| slowest > day);
    if all_ended && stand.furthest >= waits_until(day) {
        return true;
    }
    let parts = |of: Option<Day>| -> BTreeSet<u32> {
        let fits = |f: &&EpochFile| of.is_none_or(|day| f.partial_day() == Some(day));
        files.iter().filter(fits).filter_map(EpochFile::shard).collect()
    };
    let mut known = parts(None);
    known.extend(&stand.shards);
    known.is_subset(&parts(Some(day)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::channel::Measure;

    const DAY: Day = 20_000;

    /// Shards 0 and 1, of which those named have left their part of the day.
    fn check(left: &[u32], furthest: TimestampMs, slowest: Option<Day>, wanted: bool) {
        let part = |day: Day| move |shard: &u32| EpochFile::Partial { day, shard: *shard };
        let before = [0, 1];
        let files: Vec<EpochFile> =
            before.iter().map(part(DAY - 1)).chain(left.iter().map(part(DAY))).collect();
        let stand = Stand { shards: BTreeSet::from([0]), furthest, slowest };
        let said = is_complete(DAY, &files, &stand);
        assert_eq!(said, wanted, "{left:?} at {furthest}, slowest {slowest:?}");
    }

    #[test]
    fn an_epoch_waits_for_those_who_may_still_leave_their_part() {
        let late = waits_until(DAY);
        check(&[0, 1], late - 1, Some(DAY + 1), true);
        check(&[0], late - 1, Some(DAY + 1), false);
        check(&[0], late, Some(DAY + 1), true);
        check(&[0], late, None, true);
        // Somebody of ours is in the middle of that day, however far the others have leapt.
        check(&[0], late + 7 * 86_400_000, Some(DAY), false);
    }

    /// A folder with what version 2 left in it: `19735.epoch`, and of the day behind it one part.
    fn left_by_version_two() -> (tempfile::TempDir, Exchange) {
        let temp = tempfile::tempdir().unwrap();
        let files = EpochFiles::open(temp.path(), "log").unwrap();
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/epochs-v2");
        for name in ["19735.epoch", "19736.0.partial"] {
            let to = temp.path().join("log/epochs").join(name);
            std::fs::copy(std::path::Path::new(kept).join(name), to).unwrap();
        }
        (temp, Exchange::open(files))
    }

    #[test]
    fn what_version_two_left_is_built_upon() {
        let (_temp, exchange) = left_by_version_two();
        let rules = Rules::built_in().unwrap();
        let stand = Stand {
            shards: BTreeSet::from([0]),
            furthest: waits_until(19_736),
            slowest: Some(19_737),
        };
        let days = exchange.days(&stand, &rules, Budget::default()).unwrap();
        assert_eq!(days, [19_735, 19_736]);
        let [before, after] = [19_735, 19_736].map(|day| exchange.epoch(day).unwrap());
        assert_eq!((before.number, after.number), (7, 8));
        assert!(before.groups.len() > 3 && after.groups.len() > 3);
        let counted = |measure| (before.counted(measure, 7), after.counted(measure, 8));
        assert_eq!(counted(Measure::Persons1d), (7, 8));
        assert_eq!(counted(Measure::Novel1d), (0, 1));
        let made = exchange.files.read(EpochFile::Epoch { day: 19_736 }).unwrap();
        assert_eq!(version_of(&made).0, PAYLOAD_VERSION);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_the_way_out() {
        let (_temp, exchange) = left_by_version_two();
        let file = EpochFile::Epoch { day: 19_740 };
        let newer = [&MAGIC[..], &(PAYLOAD_VERSION + 1).to_le_bytes()].concat();
        exchange.files.put(file, &newer).unwrap();
        let said = exchange.epoch(19_740).unwrap_err().to_string();
        assert!(said.contains("19740.epoch") && said.contains("use the build that"), "{said}");
        let whole = exchange.files.read(EpochFile::Epoch { day: 19_735 }).unwrap();
        let file = EpochFile::Epoch { day: 19_741 };
        exchange.files.put(file, &whole[..whole.len() / 2]).unwrap();
        let said = exchange.epoch(19_741).unwrap_err().to_string();
        assert!(said.contains("19741.epoch is damaged; remove it"), "{said}");
    }
}
