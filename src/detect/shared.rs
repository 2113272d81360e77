//! What all accounts of a shard share: rules, the model epoch, the territory, reference data, and
//! what is being learned for the next epoch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::caseload::Caseloads;
use super::channel::{MEASURES, Measure};
use super::close::Closing;
use super::epoch::{Epoch, Group, GroupKey, Kind};
use super::joint::Evidence;
use super::lift::{self, LEVEL, LIFTED, Lifted};
use super::limits::{
    CLASS_SETS_MAX, GROUPS_MAX, RAISED_ODDS, SILENT_DAYS, UNITS_MAX, VOTES_MAX, WARM_UP_DAYS,
    WOKEN_DAYS,
};
use super::partial::{GroupPartial, Partial, Peak};
use super::rule::Rules;
use super::territory::{Territory, Vote};
use super::time::{Calendar, Day};
use super::today::Today;
use super::{Counters, Settings};
use crate::directory::{AccountEntry, Accounts, Expected, Scope};
use crate::event::{AccessEvent, TimestampMs};

/// A peer group of this shard with the models of two epochs: a day keeps the one it began with.
#[derive(Clone, Debug)]
pub struct GroupSlot {
    /// Who.
    pub key: GroupKey,
    current: Group,
    previous: Group,
    pub(super) partial: GroupPartial,
    /// What lifts everybody today.
    pub(super) lift: Lifted<f32>,
}

/// See the module.
#[derive(Debug)]
pub struct Shared {
    /// Zone, budget, quiet time.
    pub settings: Settings,
    /// Rules in force.
    pub rules: Arc<Rules>,
    /// Days of the zone.
    pub calendar: Calendar,
    /// Epoch in force, the one before, and the one that comes into force at the next day's end.
    pub epoch: Arc<Epoch>,
    pub(super) previous: Arc<Epoch>,
    pub(super) pending: Option<Arc<Epoch>>,
    /// Person → unit.
    pub territory: Territory,
    /// Distinct combinations of data classes and population codes, by index; 0 = none.
    pub classes: ClassSets,
    /// Account directory.
    pub accounts: Arc<Accounts>,
    /// Declared and expected activity.
    pub expected: Arc<Vec<Expected>>,
    /// Who is whose, where a list says so.
    pub(super) caseloads: Arc<Caseloads>,
    /// Unit names by index.
    pub units: Names,
    /// First local day of the deployment.
    pub first_day: Option<Day>,
    /// What happened, in numbers.
    pub counters: Counters,
    /// Lowest count that may fire, by measure.
    pub(super) floors: [u64; MEASURES],
    /// The same, and beyond reach where nothing watches.
    pub(super) bars: [u64; MEASURES],
    /// That of joint signs.
    pub(super) joint_floor: u64,
    pub(super) groups: Vec<GroupSlot>,
    pub(super) group_index: HashMap<GroupKey, u32>,
    pub(super) votes: Vec<Vote>,
    /// By account: opening and id of the last alert that people judged, for the one that follows.
    pub(super) judged: BTreeMap<u32, (TimestampMs, String)>,
}

/// Names by number, in order of appearance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Names {
    names: Vec<String>,
    #[serde(skip)]
    index: HashMap<String, u32>,
}

impl Names {
    /// The number of a name; none when all are taken.
    pub fn number(&mut self, name: &str) -> Option<u32> {
        if self.index.len() != self.names.len() {
            self.index = self.names.iter().cloned().zip(0..).collect();
        }
        if let Some(number) = self.index.get(name) {
            return Some(*number);
        }
        if self.names.len() >= UNITS_MAX {
            return None;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), number);
        Some(number)
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&str> {
        self.names.get(number as usize).map(String::as_str)
    }
}

/// Combinations of (data classes, population codes) told apart by one byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClassSets(Vec<(u32, u32)>, #[serde(skip, default = "nothing_found")] Found);

/// Where combinations were found, by hash: there are few, and every event has one.
type Found = [u8; 64];

fn nothing_found() -> Found {
    [0; 64]
}

impl Default for ClassSets {
    fn default() -> Self {
        ClassSets(vec![(0, 0)], nothing_found())
    }
}

impl PartialEq for ClassSets {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl ClassSets {
    /// The combination behind an index.
    #[must_use]
    pub fn get(&self, index: u8) -> (u32, u32) {
        self.0.get(usize::from(index)).copied().unwrap_or_default()
    }

    /// The index of a combination; when all are taken that of the closest one, where a data class
    /// weighs more than all population codes.
    pub fn index(&mut self, data: u32, population: u32) -> u8 {
        let mixed = (data ^ population.rotate_left(16)).wrapping_mul(0x9E37_79B1);
        let place = (mixed >> 26) as usize;
        let found = self.1[place];
        if self.get(found) == (data, population) {
            return found;
        }
        let found = self.search(data, population);
        self.1[place] = found;
        found
    }

    fn search(&mut self, data: u32, population: u32) -> u8 {
        if let Some(at) = self.0.iter().position(|set| *set == (data, population)) {
            return at as u8;
        }
        if self.0.len() <= CLASS_SETS_MAX {
            self.0.push((data, population));
            return (self.0.len() - 1) as u8;
        }
        let distance =
            |(d, p): &(u32, u32)| (d ^ data).count_ones() * 33 + (p ^ population).count_ones();
        (0..=u8::MAX).zip(&self.0).min_by_key(|(_, set)| distance(set)).map_or(0, |(at, _)| at)
    }

    /// The index of both combinations together.
    pub fn union(&mut self, a: u8, b: u8) -> u8 {
        if a == b || b == 0 {
            return a;
        }
        if a == 0 {
            return b;
        }
        let (known, (data, population)) = (self.get(a), self.get(b));
        let both = (known.0 | data, known.1 | population);
        if both == known { a } else { self.index(both.0, both.1) }
    }
}

/// Hash of a unit's name; 0 = no unit.
#[must_use]
pub fn unit_hash(name: &str) -> u32 {
    // Only ever compared for equality, and never chosen by whoever is watched.
    crc32fast::hash(name.as_bytes())
}

impl GroupSlot {
    /// An hour of a working day ended: what the members had counted by then of what their whole day
    /// was expected to bring.
    pub(super) fn note_hour(
        &mut self,
        hour: usize,
        members: u32,
        counted: &Lifted<f64>,
        expected: &Lifted<f64>,
    ) {
        if members == 0 || hour >= 24 {
            self.lift = LEVEL;
            return;
        }
        self.partial.hourly.resize(24, Lifted::default());
        let usual = self.current.hourly.get(hour).copied().unwrap_or_default();
        for t in 0..2 {
            for place in 0..LIFTED.len() {
                let (counted, expected) = (counted[t][place], expected[t][place]);
                let sums = &mut self.partial.hourly[hour][t][place];
                sums.0 += (counted * 256.0) as u64;
                sums.1 += (expected * 256.0) as u64;
                self.lift[t][place] = lift::lift(members, counted, expected, usual[t][place]);
            }
        }
    }
}

impl Shared {
    /// The group's model of an epoch still remembered.
    #[must_use]
    pub fn group(&self, index: u32, epoch: u32) -> &Group {
        let slot = &self.groups[index as usize];
        if epoch == self.epoch.number { &slot.current } else { &slot.previous }
    }

    /// The epoch of that number, or the one before the current.
    #[must_use]
    pub fn epoch_of(&self, number: u32) -> &Epoch {
        if number == self.epoch.number { &self.epoch } else { &self.previous }
    }

    /// The shard's index of a peer group; beyond the bound, of everybody of its kind.
    pub fn group_index(&mut self, mut key: GroupKey) -> u32 {
        if let Some(index) = self.group_index.get(&key) {
            return *index;
        }
        if self.groups.len() >= GROUPS_MAX {
            self.counters.groups_refused += 1;
            key = GroupKey::of_all(key.kind);
            if let Some(index) = self.group_index.get(&key) {
                return *index;
            }
        }
        let index = self.groups.len() as u32;
        self.group_index.insert(key.clone(), index);
        self.groups.push(self.slot(key));
        index
    }

    pub(super) fn slot(&self, key: GroupKey) -> GroupSlot {
        let model = |epoch: &Epoch| {
            let shipped = || Group::shipped(&self.rules.priors, &key);
            epoch.groups.get(&key).cloned().unwrap_or_else(shipped)
        };
        let (current, previous) = (model(&self.epoch), model(&self.previous));
        GroupSlot { key, current, previous, partial: GroupPartial::default(), lift: LEVEL }
    }

    /// The group's part of what is being learned.
    pub fn learning(&mut self, group: u32) -> &mut GroupPartial {
        &mut self.groups[group as usize].partial
    }

    /// The judged alert that an account's new one follows: within four weeks, and once.
    pub(super) fn followed(&mut self, account: u32, time: TimestampMs) -> Option<String> {
        const FOLLOWS_MS: i64 = 28 * 86_400_000;
        let (opened, id) = self.judged.remove(&account)?;
        (time - opened <= FOLLOWS_MS).then_some(id)
    }

    /// Takes what was learned since the last day's end.
    pub fn take_partial(&mut self, day: Day) -> Partial {
        let mut groups = BTreeMap::new();
        for slot in &mut self.groups {
            let partial = std::mem::take(&mut slot.partial);
            if partial != GroupPartial::default() {
                groups.insert(slot.key.clone(), partial);
            }
        }
        Partial { day, groups, votes: std::mem::take(&mut self.votes) }
    }

    /// The waiting epoch comes into force.
    pub fn activate_pending(&mut self) {
        let Some(mut epoch) = self.pending.take() else { return };
        self.territory.vote(&epoch.votes, epoch.day);
        self.territory.forget(epoch.day);
        // They have spoken, and they are the bulk of an epoch.
        Arc::make_mut(&mut epoch).votes = Vec::new();
        self.previous = std::mem::replace(&mut self.epoch, epoch);
        for at in 0..self.groups.len() {
            let key = self.groups[at].key.clone();
            let fresh = self.slot(key);
            let slot = &mut self.groups[at];
            slot.previous = std::mem::replace(&mut slot.current, fresh.current);
        }
    }

    /// Other rules: other shipped priors for groups that have no model yet.
    pub fn change_rules(&mut self, rules: Arc<Rules>) {
        self.floors = rules.floors();
        self.bars = rules.bars();
        self.joint_floor = rules.joint_floor();
        self.rules = rules;
        for at in 0..self.groups.len() {
            let fresh = self.slot(self.groups[at].key.clone());
            let slot = &mut self.groups[at];
            (slot.current, slot.previous) = (fresh.current, fresh.previous);
        }
    }

    /// Closes an account's day.
    pub fn close(&mut self, account: &mut Account) {
        let Some(today) = &account.today else { return };
        let number = today.epoch;
        let epoch =
            Arc::clone(if number == self.epoch.number { &self.epoch } else { &self.previous });
        let slot = &mut self.groups[account.group as usize];
        let group = if number == self.epoch.number { &slot.current } else { &slot.previous };
        let mut closing = Closing {
            group,
            partial: &mut slot.partial,
            votes: &mut self.votes,
            counted: Measure::ALL.map(|m| self.epoch.counted(m, self.epoch.number)),
            epoch: &epoch,
            floors: self.floors,
            joint_floor: self.joint_floor,
            evidence: Evidence::default(),
            peak: Peak::default(),
            near: false,
        };
        account.close_day(&mut closing);
        if self.votes.len() > VOTES_MAX {
            self.counters.votes_refused += (self.votes.len() - VOTES_MAX) as u64;
            self.votes.truncate(VOTES_MAX);
        }
    }

    /// Opens an account's day at its first event: who it is now, what is declared for it, which
    /// epoch judges it.
    pub fn open(&mut self, account: &mut Account, event: &AccessEvent<'_>) {
        let last = account.today.is_some().then_some(account.day.day);
        account.day = self.calendar.day_of(account.time);
        let day = account.day.day;
        if last.is_some_and(|last| day - last >= SILENT_DAYS) {
            account.raised_until = account.raised_until.max(day + WOKEN_DAYS - 1);
        }
        if account.kind != Kind::Source {
            self.identify(account, event);
        }
        let mut today = Today::open(account.today.take(), &account.day, account.time);
        today.epoch = self.epoch.number;
        today.excluded_at_open = account.excluded_until >= day;
        today.rest_chances = match last {
            Some(last) => super::time::rest_days_between(last, day),
            None => u32::from(account.day.is_rest()),
        };
        today.declared = self.declared(account, day);
        today.odds = if account.raised_until >= day || account.unlisted { RAISED_ODDS } else { 1 };
        today.carried = account.weeks.carried(day);
        account.persons.forget(day);
        account.lift = self.groups[account.group as usize].lift;
        let classes = &self.group(account.group, today.epoch).classes;
        today.enter_hour(&account.day, classes, account.kind);
        let counted =
            |run: Measure| self.epoch.counted(run, self.epoch.number) >= run.spec().counts_from;
        let runs = account.open_runs(self.group(account.group, today.epoch), counted);
        for ((windows, runs), lift) in today.windows.iter_mut().zip(runs).zip(&account.lift) {
            windows.go_on(runs);
            windows.pause(super::lift::changes_shares(lift));
        }
        account.today = Some(today);
        let week = (day + 3).div_euclid(7);
        if account.week != week {
            account.week = week;
            self.learning(account.group).account_weeks += 1;
            self.counters.account_weeks += 1;
            let warm = self.first_day.is_some_and(|first| day >= first + WARM_UP_DAYS);
            self.counters.account_weeks_warm += u64::from(warm);
        }
    }

    /// The directory's word on who the account is, or the event's where it has none.
    fn identify(&mut self, account: &mut Account, event: &AccessEvent<'_>) {
        let listed = Arc::clone(&self.accounts);
        let entry: Option<&AccountEntry> = listed.0.get(&*account.name);
        let of = |told: Option<&String>, said: Option<&str>| {
            told.map(String::as_str).or(said).unwrap_or_default().to_owned()
        };
        let partner = of(entry.and_then(|e| e.partner.as_ref()), event.partner.as_deref());
        let role = of(entry.and_then(|e| e.role.as_ref()), event.role.as_deref());
        let unit = of(entry.and_then(|e| e.unit.as_ref()), event.unit.as_deref());
        account.kind = if entry.is_some_and(|e| e.machine) { Kind::Machine } else { Kind::Human };
        account.caseload = self.caseloads.of(&account.name);
        account.ends_on = entry.and_then(|e| e.ends_on);
        account.unlisted = entry.is_none() && !listed.0.is_empty();
        // Without units the partner is the territory.
        account.unit = unit_hash(if unit.is_empty() { &partner } else { &unit });
        account.unit_name = if unit.is_empty() { None } else { self.units.number(&unit) };
        let unnamed = !unit.is_empty() && account.unit_name.is_none();
        self.counters.units_refused += u64::from(unnamed);
        account.group = self.group_index(GroupKey { kind: account.kind, partner, role });
    }

    /// The largest declaration in force; one without an end is a standing ceiling, one with an end
    /// is an expected activity that raises thresholds while it lasts.
    fn declared(&self, account: &Account, day: Day) -> Option<(u64, bool)> {
        if self.expected.is_empty() {
            return None;
        }
        let key = &self.groups[account.group as usize].key;
        let unit = account.unit_name.and_then(|u| self.units.name(u)).unwrap_or_default();
        let applies = |scope: &Scope| match scope {
            Scope::Account(name) => **name == *account.name,
            Scope::Unit(name) => name == unit,
            Scope::Partner(name) => *name == key.partner,
            Scope::Role(name) => *name == key.role,
            Scope::Group { partner, role } => *partner == key.partner && *role == key.role,
        };
        self.expected
            .iter()
            .filter(|e| e.from.is_none_or(|from| from <= day) && e.to.is_none_or(|to| day <= to))
            .filter(|e| applies(&e.scope))
            .map(|e| (e.ceiling, e.to.is_some()))
            .max()
    }
}
