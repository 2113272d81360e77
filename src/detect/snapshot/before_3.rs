//! Payloads of versions 1 and 2: five measures, no memory of persons, weeks or drifts. Their structs
//! as they were, and what they become today.
//!
//! What a state of then says about the five measures arrives whole. The others begin on the day of
//! the conversion (`since` of an epoch), as on the first day of a deployment: nothing fires by them
//! before they have filled and calibrated.
//!
//! Types that are still what they were (enums begin as they did) are read as they are.

mod account;
mod learned;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::super::caseload::Caseloads;
use super::super::channel::{BASELINES, MEASURES, Measure, baseline_index, channel};
use super::super::epoch::{self, GroupKey, Held};
use super::super::lift::LEVEL;
use super::super::pool::Pools;
use super::super::rule::{Rules, Watch};
use super::super::shared::{ClassSets, Names};
use super::super::territory::{Territory, Vote};
use super::super::time::{Day, LocalDay};
use super::super::{Counters, HOUR_MS, Settings};
use super::State;
use crate::directory::{Accounts, Expected};
use crate::event::{TimestampMs, Touch};
pub(super) use learned::{Builder, Epoch, Partial};

/// Measures of then: the first of today's, in the same order.
const KNOWN: usize = 5;
/// Channels of then.
const CHANNELS: usize = 2 * KNOWN;

const _: () = {
    assert!(Measure::Persons5m as usize == 0 && Measure::Persons1h as usize == 1);
    assert!(Measure::Persons1d as usize == 2 && Measure::Foreign1h as usize == 3);
    assert!(Measure::Foreign1d as usize == KNOWN - 1);
    assert!(Watch::DistinctPersons as usize == 0 && Watch::ForeignOrigins as usize == 1);
    assert!(Watch::RoleCeiling as usize == 2 && Watch::DeclaredCeiling as usize == 3);
    assert!(Watch::EndedAccount as usize == 4 && Watch::UnidentifiedRecords as usize == 5);
};

/// Versions 1 and 2 as far as they are the same.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct StateV1 {
    settings: Settings,
    rules: Rules,
    accounts: Vec<account::Account>,
    names: Vec<u64>,
    epoch: Epoch,
    previous: Epoch,
    pending: Option<Epoch>,
    territory: Territory,
    classes: ClassSets,
    directory: Accounts,
    expected: Vec<Expected>,
    units: Names,
    first_day: Option<Day>,
    counters: Counters,
    groups: Vec<(GroupKey, learned::GroupPartial)>,
    votes: Vec<Vote>,
    deadlines: BTreeSet<(TimestampMs, u32)>,
    leaders: [(TimestampMs, u32); 3],
    watermark: TimestampMs,
    day: Option<LocalDay>,
    due: TimestampMs,
    hand: u32,
}

/// What version 2 appended.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Default, Deserialize)]
pub(super) struct Since2 {
    judged: BTreeMap<u32, (TimestampMs, String)>,
    follows: BTreeMap<u32, String>,
}

impl StateV1 {
    pub(super) fn into_state(self, since_2: Since2) -> State {
        let lifts = vec![LEVEL; self.groups.len()];
        let per_account_week = self.settings.budget.per_account_week;
        let today = |then: Epoch| {
            // What is held was not told then; the next epoch says.
            let held = Held { per_account_week, ..Held::default() };
            epoch::Epoch { held, ..then.into() }
        };
        State {
            settings: self.settings,
            rules: self.rules,
            accounts: self.accounts.into_iter().map(account::Account::into_account).collect(),
            names: self.names,
            epoch: today(self.epoch),
            previous: today(self.previous),
            pending: self.pending.map(today),
            territory: self.territory,
            classes: self.classes,
            directory: self.directory,
            expected: self.expected,
            caseloads: Caseloads::default(),
            units: self.units,
            first_day: self.first_day,
            counters: self.counters,
            groups: self.groups.into_iter().map(|(key, partial)| (key, partial.into())).collect(),
            votes: self.votes,
            deadlines: self.deadlines,
            leaders: self.leaders,
            watermark: self.watermark,
            hours_ended: self.day.map_or(0, |day| hours_ended(&day, self.watermark)),
            day: self.day,
            // Hours were not due then: look at the next occasion.
            due: self.due.min(self.watermark),
            hand: self.hand,
            judged: since_2.judged,
            follows: since_2.follows,
            lifts,
            pools: Pools::default(),
        }
    }
}

/// Hours that were over are not looked at any more: nobody compared them with a usual day's.
fn hours_ended(day: &LocalDay, watermark: TimestampMs) -> i64 {
    watermark.min(day.end_ms).saturating_sub(day.start_ms).div_euclid(HOUR_MS).max(0)
}

/// The place of a measure among the eleven baselines of then.
fn baseline_then(measure: Measure, class: usize) -> Option<usize> {
    match measure {
        Measure::Persons5m => Some(class),
        Measure::Persons1h => Some(3 + class),
        Measure::Foreign1h => Some(6 + class),
        Measure::Persons1d => Some(9),
        Measure::Foreign1d => Some(10),
        _ => None,
    }
}

/// Baselines of then.
const BASELINES_THEN: usize = 11;

/// The baselines of then at their places of today, the others as given.
fn baselines<T>(then: [T; BASELINES_THEN], mut today: [T; BASELINES]) -> [T; BASELINES] {
    let mut then = then.map(Some);
    for measure in Measure::ALL {
        for class in 0..if measure.is_hourly() { 3 } else { 1 } {
            let moved = baseline_then(measure, class).and_then(|place| then[place].take());
            if let Some(moved) = moved {
                today[baseline_index(measure, class)] = moved;
            }
        }
    }
    today
}

/// The values of then by touch and measure, the others as given.
fn channels<T>(then: [T; CHANNELS], mut today: [[T; MEASURES]; 2]) -> [[T; MEASURES]; 2] {
    for (c, value) in then.into_iter().enumerate() {
        today[c / KNOWN][c % KNOWN] = value;
    }
    today
}

/// Bits by channel of then, by those of today.
fn channel_bits(then: u16) -> u64 {
    let fired = |c: &usize| then & (1 << c) != 0;
    let bit = |c: usize| {
        let touch = if c < KNOWN { Touch::Listed } else { Touch::Opened };
        1 << channel(touch, Measure::ALL[c % KNOWN])
    };
    (0..CHANNELS).filter(fired).map(bit).sum()
}

#[cfg(test)]
mod tests;
