//! Detector ↔ bytes. The payload of a snapshot object: everything the shard's future depends on,
//! in the order of appearance, so that the same log gives the same bytes; then their CRC-32.
//!
//! A released version is never changed in place: its structs stay (`before_3`) and are converted.
//! Bytes are checked before they are believed, so that a damaged snapshot is an error and not a
//! panic.

mod before_3;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::builder::Builder;
use super::caseload::Caseloads;
use super::epoch::{Epoch, GroupKey};
use super::lift::Lifted;
use super::partial::{GroupPartial, Partial};
use super::pool::Pools;
use super::rule::Rules;
use super::shared::{ClassSets, Names, Shared};
use super::territory::{Territory, Vote};
use super::time::{Calendar, Day, LocalDay, is_near_ms};
use super::{Counters, Detector, Settings};
use crate::directory::{Accounts, Expected};
use crate::event::TimestampMs;

/// Version of the payload written by this build.
pub const PAYLOAD_VERSION: u16 = 3;

/// Why a payload cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Written by a newer build.
    #[error(
        "snapshot payload version {found} is newer than {PAYLOAD_VERSION}, the newest this build reads; use the build that wrote it"
    )]
    Newer {
        /// Version in the snapshot.
        found: u16,
    },
    /// Not what that version looks like.
    #[error("snapshot payload is damaged: {0}")]
    Damaged(&'static str),
    /// The zone it was made in is gone.
    #[error("snapshot cannot be used: {0}")]
    Unusable(String),
}

#[derive(Serialize)]
struct StateRef<'a> {
    settings: &'a Settings,
    rules: &'a Rules,
    accounts: &'a [Account],
    names: Vec<u64>,
    epoch: &'a Epoch,
    previous: &'a Epoch,
    pending: Option<&'a Epoch>,
    territory: &'a Territory,
    classes: &'a ClassSets,
    directory: &'a Accounts,
    expected: &'a [Expected],
    caseloads: &'a Caseloads,
    units: &'a Names,
    first_day: Option<Day>,
    counters: Counters,
    groups: Vec<(&'a GroupKey, &'a GroupPartial)>,
    votes: &'a [Vote],
    deadlines: &'a BTreeSet<(TimestampMs, u32)>,
    leaders: [(TimestampMs, u32); 3],
    watermark: TimestampMs,
    day: Option<LocalDay>,
    due: TimestampMs,
    hand: u32,
    judged: &'a BTreeMap<u32, (TimestampMs, String)>,
    /// Open episodes that follow a judged alert, by account.
    follows: BTreeMap<u32, String>,
    hours_ended: i64,
    lifts: Vec<Lifted<f32>>,
    pools: &'a Pools,
}

#[derive(Deserialize)]
struct State {
    settings: Settings,
    rules: Rules,
    accounts: Vec<Account>,
    names: Vec<u64>,
    epoch: Epoch,
    previous: Epoch,
    pending: Option<Epoch>,
    territory: Territory,
    classes: ClassSets,
    directory: Accounts,
    expected: Vec<Expected>,
    caseloads: Caseloads,
    units: Names,
    first_day: Option<Day>,
    counters: Counters,
    groups: Vec<(GroupKey, GroupPartial)>,
    votes: Vec<Vote>,
    deadlines: BTreeSet<(TimestampMs, u32)>,
    leaders: [(TimestampMs, u32); 3],
    watermark: TimestampMs,
    day: Option<LocalDay>,
    due: TimestampMs,
    hand: u32,
    judged: BTreeMap<u32, (TimestampMs, String)>,
    follows: BTreeMap<u32, String>,
    hours_ended: i64,
    lifts: Vec<Lifted<f32>>,
    pools: Pools,
}

impl Detector {
    /// The payload of a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        self.snapshot_after(Vec::new())
    }

    /// The payload of a snapshot, after other bytes: it is too large to be copied without need.
    pub(crate) fn snapshot_after(&self, before: Vec<u8>) -> Vec<u8> {
        let mut names = vec![0; self.accounts.len()];
        for (hash, index) in &self.index {
            names[*index as usize] = *hash;
        }
        let shared = &self.shared;
        let episodes =
            (0..).zip(&self.accounts).filter_map(|(i, a)| Some((i, a.episode.as_ref()?)));
        let follows = episodes.filter_map(|(i, e)| Some((i, e.follows.clone()?))).collect();
        let state = StateRef {
            settings: &shared.settings,
            rules: &shared.rules,
            accounts: &self.accounts,
            names,
            epoch: &shared.epoch,
            previous: &shared.previous,
            pending: shared.pending.as_deref(),
            territory: &shared.territory,
            classes: &shared.classes,
            directory: &shared.accounts,
            expected: &shared.expected,
            caseloads: &shared.caseloads,
            units: &shared.units,
            first_day: shared.first_day,
            counters: shared.counters,
            groups: shared.groups.iter().map(|g| (&g.key, &g.partial)).collect(),
            votes: &shared.votes,
            deadlines: &self.deadlines,
            leaders: self.leaders,
            watermark: self.watermark,
            day: self.day,
            due: self.due,
            hand: self.hand,
            judged: &shared.judged,
            follows,
            hours_ended: self.hours_ended,
            lifts: shared.groups.iter().map(|g| g.lift).collect(),
            pools: &self.pools,
        };
        // Plain data in memory cannot fail to be written to memory.
        let start = before.len();
        let mut payload = postcard::to_extend(&state, before).unwrap_or_default();
        let sum = crc32fast::hash(payload.get(start..).unwrap_or_default());
        payload.extend(sum.to_le_bytes());
        payload
    }

    /// Restores a shard from a payload of this or an earlier version.
    ///
    /// # Errors
    /// The version is newer, or the bytes are not what that version writes.
    pub fn restore(version: u16, payload: &[u8]) -> Result<Self, SnapshotError> {
        let state = match version {
            0 => return Err(NEVER_WRITTEN),
            1 | 2 => {
                let (state, rest) = parse::<before_3::StateV1>(intact(payload)?)?;
                let since_2 = if version == 1 { Default::default() } else { parse(rest)?.0 };
                state.into_state(since_2)
            }
            PAYLOAD_VERSION => parse::<State>(intact(payload)?)?.0,
            found => return Err(SnapshotError::Newer { found }),
        };
        state.check().map_err(SnapshotError::Damaged)?;
        state.into_detector()
    }
}

const NEVER_WRITTEN: SnapshotError = SnapshotError::Damaged("version 0 was never written");

/// A builder of epochs, as a version of the payload wrote it, and the bytes behind it.
///
/// # Errors
/// The version is newer, or the bytes are not what that version writes.
pub fn builder(version: u16, bytes: &[u8]) -> Result<(Builder, &[u8]), SnapshotError> {
    of_version::<_, before_3::Builder>(version, bytes)
}

/// An epoch, likewise.
///
/// # Errors
/// As [`builder`].
pub fn epoch(version: u16, bytes: &[u8]) -> Result<(Epoch, &[u8]), SnapshotError> {
    of_version::<_, before_3::Epoch>(version, bytes)
}

/// What a shard learned of a day, likewise.
///
/// # Errors
/// As [`builder`].
pub fn partial(version: u16, bytes: &[u8]) -> Result<(Partial, &[u8]), SnapshotError> {
    of_version::<_, before_3::Partial>(version, bytes)
}

fn of_version<Today, Before3>(version: u16, bytes: &[u8]) -> Result<(Today, &[u8]), SnapshotError>
where
    Today: DeserializeOwned + From<Before3>,
    Before3: DeserializeOwned,
{
    match version {
        0 => Err(NEVER_WRITTEN),
        1 | 2 => parse::<Before3>(bytes).map(|(then, rest)| (then.into(), rest)),
        PAYLOAD_VERSION => parse(bytes),
        found => Err(SnapshotError::Newer { found }),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), SnapshotError> {
    postcard::take_from_bytes(bytes).map_err(|_| SnapshotError::Damaged("it does not parse"))
}

/// The payload without its checksum. Whatever keeps snapshots checks its files too; but values that
/// only look plausible would be believed for weeks, so the core trusts nobody.
fn intact(payload: &[u8]) -> Result<&[u8], SnapshotError> {
    let (bytes, sum) =
        payload.split_last_chunk::<4>().ok_or(SnapshotError::Damaged("it is too short"))?;
    if crc32fast::hash(bytes) == u32::from_le_bytes(*sum) {
        Ok(bytes)
    } else {
        Err(SnapshotError::Damaged("its checksum does not match"))
    }
}

impl State {
    /// Everything that later arithmetic relies on.
    fn check(&self) -> Result<(), &'static str> {
        let total = self.accounts.len();
        let ensure = |holds: bool, what| if holds { Ok(()) } else { Err(what) };
        ensure(self.names.len() == total, "accounts and names differ in number")?;
        ensure(self.lifts.len() == self.groups.len(), "groups and lifts differ in number")?;
        ensure(self.caseloads.is_sound(), "caseloads are not in order")?;
        ensure(self.hours_ended >= 0, "fewer hours than none are over")?;
        ensure(self.hand as usize <= total, "the hand points beyond the accounts")?;
        ensure(
            self.deadlines.iter().all(|(_, index)| (*index as usize) < total),
            "a deadline names an account that is not there",
        )?;
        ensure(
            self.leaders.iter().all(|(_, i)| *i == u32::MAX || (*i as usize) < total),
            "a leader is not there",
        )?;
        let time = |time: TimestampMs| time == TimestampMs::MIN || is_near_ms(time);
        ensure(self.leaders.iter().all(|(t, _)| time(*t)), "a leader's time is far off")?;
        ensure(self.day.as_ref().is_none_or(LocalDay::is_sound), "the day is inconsistent")?;
        ensure(self.territory.is_sound(), "the territory table is inconsistent")?;
        ensure(
            self.accounts.iter().all(|a| a.is_sound(self.groups.len())),
            "an account is inconsistent",
        )?;
        ensure(self.pools.is_sound(total), "a pool is inconsistent")
    }

    fn into_detector(self) -> Result<Detector, SnapshotError> {
        let calendar = Calendar::new(&self.settings.zone).map_err(SnapshotError::Unusable)?;
        let index = self.names.into_iter().zip(0..).collect();
        let mut shared = Shared {
            settings: self.settings,
            floors: self.rules.floors(),
            bars: self.rules.bars(),
            joint_floor: self.rules.joint_floor(),
            rules: Arc::new(self.rules),
            calendar,
            epoch: Arc::new(self.epoch),
            previous: Arc::new(self.previous),
            pending: self.pending.map(Arc::new),
            territory: self.territory,
            classes: self.classes,
            accounts: Arc::new(self.directory),
            expected: Arc::new(self.expected),
            caseloads: Arc::new(self.caseloads),
            units: self.units,
            first_day: self.first_day,
            counters: self.counters,
            groups: Vec::new(),
            group_index: HashMap::new(),
            votes: self.votes,
            judged: self.judged,
        };
        for ((key, partial), lift) in self.groups.into_iter().zip(self.lifts) {
            let index = shared.group_index(key);
            *shared.learning(index) = partial;
            shared.groups[index as usize].lift = lift;
        }
        let mut accounts = self.accounts;
        for (index, id) in self.follows {
            if let Some(episode) = accounts.get_mut(index as usize).and_then(|a| a.episode.as_mut())
            {
                episode.follows = Some(id);
            }
        }
        Ok(Detector {
            accounts,
            index,
            shared,
            pools: self.pools,
            deadlines: self.deadlines,
            leaders: self.leaders,
            watermark: self.watermark,
            day: self.day,
            hours_ended: self.hours_ended,
            due: self.due,
            hand: self.hand,
            tells_days: false,
        })
    }
}
