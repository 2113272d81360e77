//! What shards learn from one another: every shard leaves what it learned of a day in a folder that
//! all instances share; whoever sees the day complete builds the epoch, and leaves that, too. Files
//! are made once and never changed, so every instance uses the same epochs, whatever its timing.

use std::collections::BTreeSet;
use std::io;

use crate::detect::builder::Builder;
use crate::detect::epoch::{Budget, Epoch};
use crate::detect::partial::Partial;
use crate::detect::rule::Rules;
use crate::detect::time::Day;
use crate::event::TimestampMs;
use crate::store::epochs::{EpochFile, EpochFiles};

/// Event time after a day's end by which other instances' shards, and those where nothing happens,
/// have left their parts, or are not waited for.
const GRACE_MS: i64 = 8 * 3_600_000;
/// Days whose files are kept.
const KEPT_DAYS: i32 = 7;

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
        let bytes = postcard::to_stdvec(partial).unwrap_or_default();
        // The same day of the same shard is the same bytes, whoever read it.
        self.files.put(file, &bytes)?;
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
            let part: Partial = postcard::from_bytes(&bytes)
                .map_err(|_| ExchangeError::Damaged(self.files.name(*file)))?;
            whole.merge(part);
        }
        let mut builder = match last_epoch(files) {
            Some(day) => self.read(EpochFile::Epoch { day })?.0,
            None => Builder::default(),
        };
        let epoch = builder.build(whole, rules, budget);
        let file = EpochFile::Epoch { day };
        let bytes = postcard::to_stdvec(&(&builder, &epoch)).unwrap_or_default();
        self.files.put(file, &bytes)?;
        Ok(())
    }

    fn read(&self, file: EpochFile) -> Result<(Builder, Epoch), ExchangeError> {
        let bytes = self.files.read(file)?;
        postcard::from_bytes(&bytes).map_err(|_| ExchangeError::Damaged(self.files.name(file)))
    }
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
}
