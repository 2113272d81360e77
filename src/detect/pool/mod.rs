//! Counts pooled over accounts: what a unit, a partner, the users of one device, address or network,
//! and all addresses without account read together. For attacks that are spread over so many
//! accounts that each stays small.
//!
//! [`Pools::observe`] gets the persons that an event added to its account's day, so that pools work
//! once an account, person and day. A pool is expected to read what its members of today are
//! expected to (`model`); where far more is counted, `judge` opens an episode of the pool, unless
//! the accounts' own alerts explain it. Each shard judges its own part of a pool, and learns from
//! it alone.

mod at;
mod entity;
mod episode;
mod fire;
mod judge;
mod member;
mod model;
mod place;
#[cfg(test)]
mod tests;
mod turn;
mod union;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::epoch::Kind;
use super::limits::POOLS_MAX;
use super::report::Finding;
use super::shared::Shared;
use super::time::{Day, LocalDay, is_near};
use super::window::Origin;
use crate::alert::EntityKind;
use crate::event::{AccessEvent, Position, TimestampMs};
use entity::Pool;
use member::{EXPLAINED, Member, NONE, STRAYS, SURGES};
use model::Models;
use place::Place;
use union::{Counted, Item};

/// Name of the pool of all addresses without account.
pub const NO_ACCOUNT: &str = "no-account";

/// One event, after its account has counted it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a, 'e> {
    pub(super) event: &'a AccessEvent<'e>,
    pub(super) position: Position,
    /// The account's index.
    pub(super) index: u32,
    /// Hashes of its device and address; 0 where it does not say.
    pub(super) places: [u32; 2],
    /// The shard's third-largest account time: no account's clock alone moves a pool.
    pub(super) clock: TimestampMs,
}

/// What happened to pools, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolCounters {
    /// Pools and places not kept for want of room.
    pub refused: u64,
    /// Pools and places forgotten for want of room.
    pub forgotten: u64,
    /// Pooled episodes opened.
    pub episodes: u64,
}

/// All pools of a shard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pools {
    day: Option<LocalDay>,
    first_day: Day,
    members: Vec<Member>,
    pools: Vec<Pool>,
    /// Units, partners and the network of those without account, by hash of kind and name.
    names: BTreeMap<u64, u32>,
    /// Devices, addresses and networks, likewise.
    places: BTreeMap<u64, Place>,
    no_account: u32,
    /// Grows whenever a place comes to be shared: what members remember of places is then old.
    generation: u32,
    models: Models,
    /// Pools with an open episode.
    open: BTreeSet<u32>,
    counters: PoolCounters,
    /// Persons new to the account's day, from counting to [`Pools::observe`].
    #[serde(skip)]
    pub(super) fresh: Vec<(u32, Origin)>,
    #[serde(skip)]
    due: Vec<u32>,
}

impl Pools {
    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> PoolCounters {
        self.counters
    }

    /// Reads what an account's event needs; the value says nothing.
    pub(super) fn peek(&self, index: u32) -> u64 {
        self.members.get(index as usize).map_or(0, |member| u64::from(member.partner))
    }

    /// Reads what a person new to an account's day needs; the value says nothing.
    pub(super) fn peek_person(&self, index: u32, fp: u32, origin: Origin) -> u64 {
        let Some(item) = item(fp, origin, index, true) else { return 0 };
        let Some(member) = self.members.get(index as usize) else { return 0 };
        let pools = [member.partner, member.unit, member.site].into_iter();
        let pools = pools.filter_map(|at| self.pools.get(at as usize));
        pools.fold(0, |read, pool| read ^ pool.union.peek(item))
    }

    /// Takes in what an event added to its account's day.
    pub(super) fn observe(
        &mut self,
        seen: &Seen<'_, '_>,
        accounts: &mut [Account],
        shared: &mut Shared,
        out: &mut Vec<Finding>,
    ) {
        let mut fresh = std::mem::take(&mut self.fresh);
        if let Some(day) = self.day.filter(|_| !fresh.is_empty() && seen.clock != TimestampMs::MIN)
        {
            match accounts[seen.index as usize].kind {
                Kind::Human => self.person(seen, &day, &fresh, accounts, shared, out),
                Kind::Source => self.address(seen, &day, &fresh, accounts, shared, out),
                Kind::Machine => {}
            }
            self.judge_due(seen, accounts, shared, out);
        }
        fresh.clear();
        self.fresh = fresh;
    }

    fn person(
        &mut self,
        seen: &Seen<'_, '_>,
        day: &LocalDay,
        fresh: &[(u32, Origin)],
        accounts: &mut [Account],
        shared: &mut Shared,
        out: &mut Vec<Finding>,
    ) {
        let index = seen.index as usize;
        if self.members.len() <= index {
            if self.members.capacity() <= index {
                // As accounts do: doubling would leave half of it empty.
                let more = (index + 1 - self.members.len()).max(self.members.len() / 8);
                self.members.reserve_exact(more);
            }
            self.members.resize(index + 1, Member::UNKNOWN);
        }
        if self.members[index].day != day.day {
            self.join(seen.index, &accounts[index], shared, day.day);
        }
        if accounts[index].episode.is_some() && !self.members[index].has(EXPLAINED) {
            self.explain(seen.index);
        }
        let slot = slot_of(day, seen);
        self.foreign(seen, &accounts[index], fresh, slot);
        self.pass_marks(seen.index, &mut accounts[index], shared);
        self.at_places(seen, day.day, fresh, slot, &mut accounts[index], shared);
        let named = self.members[index].named;
        if named != NONE {
            let strange = fresh.iter().any(|(_, origin)| *origin != Origin::Own);
            self.grow(named, seen, strange, accounts, shared, out);
        }
    }

    /// The account's first person of the day: it is expected to read what it usually does.
    fn join(&mut self, index: u32, account: &Account, shared: &Shared, day: Day) {
        let mut member = Member::begin(account, shared, day);
        let (partner, unit) = shared.names_of(account);
        if !partner.is_empty() {
            member.partner = self.named_pool(EntityKind::Partner, partner, shared, day);
        }
        if let Some(unit) = unit {
            member.unit = self.named_pool(EntityKind::Unit, unit, shared, day);
            if let Some(pool) = self.pools.get_mut(member.unit as usize) {
                pool.parent = member.partner;
            }
        }
        for at in [member.unit, member.partner] {
            if let Some(pool) = self.pools.get_mut(at as usize) {
                pool.join(&member, day);
            }
        }
        self.members[index as usize] = member;
    }

    fn named_pool(&mut self, kind: EntityKind, name: &str, shared: &Shared, day: Day) -> u32 {
        let key = shared.key(name, 2 + kind as u8);
        if let Some(at) = self.names.get(&key) {
            return *at;
        }
        let at = self.add(Pool::new(kind, name, key, day));
        if at != NONE {
            self.names.insert(key, at);
        }
        at
    }

    fn add(&mut self, pool: Pool) -> u32 {
        if self.pools.len() >= POOLS_MAX {
            self.counters.refused += 1;
            return NONE;
        }
        self.pools.push(pool);
        self.pools.len() as u32 - 1
    }

    /// Adds foreign origins to the account's partner, unit and site.
    fn foreign(
        &mut self,
        seen: &Seen<'_, '_>,
        account: &Account,
        fresh: &[(u32, Origin)],
        slot: u16,
    ) {
        let member = &mut self.members[seen.index as usize];
        // An account whose own count is thinned is beyond what a pool is for.
        let thinned =
            account.today.as_ref().is_some_and(|t| t.windows.iter().any(|w| w.step() > 1));
        if member.has(EXPLAINED) || thinned {
            return;
        }
        for (fp, origin) in fresh {
            let Some(item) = item(*fp, *origin, seen.index, true) else { continue };
            for at in [member.partner, member.unit, member.site] {
                let Some(pool) = self.pools.get_mut(at as usize) else { continue };
                if !pool.union.insert(item, slot, 0) {
                    continue;
                }
                if at == member.partner || member.partner == NONE {
                    member.foreign = member.foreign.saturating_add(pool.union.step() as u32);
                }
                pool.first_position = pool.first_position.min(seen.position);
                if pool.union.day(Counted::Foreign) >= pool.look[0] {
                    self.due.push(at);
                }
            }
        }
    }

    /// Counts the account among those far above their own usual.
    fn pass_marks(&mut self, index: u32, account: &mut Account, shared: &mut Shared) {
        let member = &mut self.members[index as usize];
        let passed = member.passes(account);
        if passed == 0 || member.has(EXPLAINED) {
            return;
        }
        member.flags |= passed;
        let (unit, partner) = (member.unit, member.partner);
        for at in [unit, partner] {
            let Some(pool) = self.pools.get_mut(at as usize) else { continue };
            for (place, flag) in [STRAYS, SURGES].into_iter().enumerate() {
                pool.in_excess[place] += u32::from(passed & flag != 0);
            }
            if u64::from(*pool.in_excess.iter().max().unwrap_or(&0)) >= pool.look[1] {
                self.due.push(at);
            }
        }
        let open = [unit, partner].into_iter().find(|at| self.open.contains(at));
        if let Some(at) = open {
            self.enlist(index, at, account, shared);
        }
    }

    /// An address that acts without account.
    fn address(
        &mut self,
        seen: &Seen<'_, '_>,
        day: &LocalDay,
        fresh: &[(u32, Origin)],
        accounts: &mut [Account],
        shared: &mut Shared,
        out: &mut Vec<Finding>,
    ) {
        let (at, slot) = (self.no_account, slot_of(day, seen));
        let classes = shared.classes.index(seen.event.data, seen.event.population);
        let Some(pool) = self.pools.get_mut(at as usize) else { return };
        let account = &mut accounts[seen.index as usize];
        let touch = seen.event.action.touch() as usize;
        pool.union.thin_to(account.today.as_ref().map_or(1, |t| t.windows[touch].step()));
        for (fp, origin) in fresh {
            if let Some(item) = item(*fp, *origin, seen.index, false) {
                pool.union.insert(item, slot, classes);
            }
        }
        pool.last = day.day;
        pool.first_position = pool.first_position.min(seen.position);
        if pool.union.day(Counted::Persons).max(pool.union.day(Counted::Foreign)) >= pool.look[0] {
            self.due.push(at);
        }
        if pool.episode.is_some() {
            let until = day.day + super::limits::EXCLUDED_DAYS;
            account.excluded_until = account.excluded_until.max(until);
            self.grow(at, seen, false, accounts, shared, out);
        }
    }

    /// What there is to say about an account is said: units, partner and site count it no more.
    fn explain(&mut self, index: u32) {
        let member = &mut self.members[index as usize];
        if member.has(EXPLAINED) {
            return;
        }
        member.flags |= EXPLAINED;
        for at in [member.unit, member.partner, member.site] {
            let Some(pool) = self.pools.get_mut(at as usize) else { continue };
            pool.explained = pool.explained.saturating_add(member.foreign);
            for (place, flag) in [STRAYS, SURGES].into_iter().enumerate() {
                let counted = u32::from(member.flags & flag != 0);
                pool.in_excess[place] = pool.in_excess[place].saturating_sub(counted);
            }
        }
    }

    /// An account's index is given to another account.
    pub(super) fn forget(&mut self, index: u32) {
        if let Some(member) = self.members.get_mut(index as usize) {
            *member = Member::UNKNOWN;
        }
        for at in &self.open {
            let pool = self.pools.get_mut(*at as usize);
            if let Some(episode) = pool.and_then(|p| p.episode.as_mut()) {
                episode.contributors.remove(&index);
            }
        }
    }

    /// When the first open episode may have been quiet long enough.
    pub(super) fn deadline(&self, quiet_ms: i64) -> TimestampMs {
        let open = self.open.iter().filter_map(|at| self.pools.get(*at as usize)?.episode.as_ref());
        open.map(|episode| episode.last_signal + quiet_ms).min().unwrap_or(TimestampMs::MAX)
    }

    /// Whether restored pools can be worked with, given the number of accounts.
    pub(super) fn is_sound(&self, accounts: usize) -> bool {
        let there = |at: u32| (at as usize) < self.pools.len();
        let begun = |day: &LocalDay| day.is_sound() && day.start_ms < day.end_ms;
        self.members.len() <= accounts
            && self.day.as_ref().is_none_or(begun)
            && is_near(self.first_day)
            && self.models.is_sound()
            && self.open.iter().all(|at| there(*at))
            && self.names.values().all(|at| there(*at))
            && self.pools.iter().all(|pool| {
                pool.union.is_sound()
                    && [pool.since, pool.last].into_iter().all(is_near)
                    && pool.parts.keys().all(|index| (*index as usize) < accounts)
                    && pool.episode.as_ref().is_none_or(|e| e.is_sound(accounts))
            })
    }

    /// Bytes of members, pools and places.
    pub(super) fn bytes(&self) -> u64 {
        let held = |p: &Pool| p.union.bytes() + p.parts.len() as u64 * 24 + p.name.len() as u64;
        let entry = size_of::<(u64, Place)>() as u64 * 3 / 2;
        (self.members.capacity() * size_of::<Member>()) as u64
            + (self.pools.capacity() * size_of::<Pool>()) as u64
            + self.pools.iter().map(held).sum::<u64>()
            + self.places.len() as u64 * entry
    }
}

impl Pool {
    /// An account joins for today.
    fn join(&mut self, member: &Member, day: Day) {
        self.members += 1;
        self.last = day;
        self.expected[0] += f64::from(member.expected[0]);
        self.expected[1] += f64::from(member.expected[1]);
    }
}

/// The 5-minute slot of the pool's day: not after the shard's clock, and not an hour before it.
fn slot_of(day: &LocalDay, seen: &Seen<'_, '_>) -> u16 {
    let slot = |time: TimestampMs| day.slot(time.clamp(day.start_ms, day.end_ms - 1));
    let now = slot(seen.clock);
    slot(seen.event.time).clamp((now + 1).saturating_sub(super::limits::HOUR_SLOTS), now)
}

/// What a person counts as; of the own unit only where persons count, too.
fn item(fp: u32, origin: Origin, account: u32, foreign_only: bool) -> Option<Item> {
    match origin {
        Origin::Own if foreign_only => None,
        Origin::Unit(unit) if foreign_only => {
            let both = u64::from(unit) << 32 | u64::from(account);
            Some(Item::Unit((both.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32))
        }
        Origin::Unknown => Some(Item::Person(fp, true)),
        Origin::Own | Origin::Unit(_) => Some(Item::Person(fp, false)),
    }
}

impl Shared {
    /// Keyed hash of a pool's or place's name.
    fn key(&self, name: &str, salt: u8) -> u64 {
        super::hash_name(self.settings.name_key, name, salt)
    }

    /// Names of an account's partner and unit.
    fn names_of(&self, account: &Account) -> (&str, Option<&str>) {
        let partner = self.groups.get(account.group as usize).map(|slot| slot.key.partner.as_str());
        let unit = account.unit_name.and_then(|unit| self.units.name(unit));
        (partner.unwrap_or_default(), unit)
    }
}
