//! What shards learn from one another: every shard leaves what it learned of a day in a folder that
//! all instances share; whoever sees the day complete builds the epoch, and leaves that, too. Files
//! are made once and never changed, so every instance uses the same epochs, whatever its timing.

use std::collections::BTreeSet;
use std::io;

use crate::detect::epoch::{Budget, Builder, Epoch, Partial};
use crate::detect::rule::Rules;
use crate::event::TimestampMs;
use crate::store::epochs::{EpochFile, EpochFiles};

/// Event time after a day's end by which every shard that is read at all has ended it: shards are
/// held back when they are [`super::decide::AHEAD_MAX_MS`] ahead of the slowest.
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

/// One source's shared folder.
#[derive(Debug)]
pub struct Exchange {
    files: EpochFiles,
    /// Last day whose epoch this instance has handed to its shards.
    handed: Option<i32>,
}

impl Exchange {
    /// Over a folder; what was handed out before this start is in the shards' own state.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(files: EpochFiles) -> Result<Exchange, ExchangeError> {
        let handed = last_epoch(&files.list()?);
        Ok(Exchange { files, handed })
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

    /// The next epoch that these shards have not been handed, if it is there or can be built now.
    /// `furthest` is the largest watermark among them.
    ///
    /// # Errors
    /// The folder refuses, or holds a damaged file.
    pub fn next(
        &mut self,
        own: &BTreeSet<u32>,
        furthest: TimestampMs,
        rules: &Rules,
        budget: Budget,
    ) -> Result<Option<Epoch>, ExchangeError> {
        let files = self.files.list()?;
        let newer = |day: i32| self.handed.is_none_or(|handed| day > handed);
        let built = files.iter().filter_map(EpochFile::epoch_day).filter(|d| newer(*d)).min();
        if let Some(day) = built {
            self.handed = Some(day);
            return Ok(Some(self.read(EpochFile::Epoch { day })?.1));
        }
        let Some(day) = files.iter().filter_map(EpochFile::partial_day).filter(|d| newer(*d)).min()
        else {
            return Ok(None);
        };
        if !is_complete(day, &files, own, furthest) {
            return Ok(None);
        }
        let epoch = self.build(day, &files, rules, budget)?;
        self.handed = Some(day);
        self.files.remove_before(day - KEPT_DAYS)?;
        Ok(Some(epoch))
    }

    /// Builds the epoch of a day; somebody else may have been quicker, and then theirs counts.
    fn build(
        &self,
        day: i32,
        files: &[EpochFile],
        rules: &Rules,
        budget: Budget,
    ) -> Result<Epoch, ExchangeError> {
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
        let ours = self.files.put(file, &bytes)?;
        if ours { Ok(epoch) } else { Ok(self.read(file)?.1) }
    }

    fn read(&self, file: EpochFile) -> Result<(Builder, Epoch), ExchangeError> {
        let bytes = self.files.read(file)?;
        postcard::from_bytes(&bytes).map_err(|_| ExchangeError::Damaged(self.files.name(file)))
    }
}

fn last_epoch(files: &[EpochFile]) -> Option<i32> {
    files.iter().filter_map(EpochFile::epoch_day).max()
}

/// Whether nobody's part of a day is still to come: everybody known has left it, or is so far behind
/// that waiting would leave the others without an epoch.
fn is_complete(day: i32, files: &[EpochFile], own: &BTreeSet<u32>, furthest: TimestampMs) -> bool {
    let next_midnight = (i64::from(day) + 1) * 86_400_000;
    if furthest >= next_midnight + GRACE_MS {
        return true;
    }
    let parts = |of: Option<i32>| -> BTreeSet<u32> {
        let fits = |f: &&EpochFile| of.is_none_or(|day| f.partial_day() == Some(day));
        files.iter().filter(fits).filter_map(EpochFile::shard).collect()
    };
    let mut known = parts(None);
    known.extend(own);
    known.is_subset(&parts(Some(day)))
}
