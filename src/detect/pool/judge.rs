//! Is a pool far above what is expected of it? Then an episode of it opens or grows.

use super::entity::Pool;
use super::member::{NAMED, STRAYS, SURGES};
use super::model::{Class, Expected, Weighed, What};
use super::union::{Counted, Union};
use super::{Pools, Seen};
use crate::detect::account::Account;
use crate::detect::limits::SLOT_MS;
use crate::detect::report::Finding;
use crate::detect::rule::{Rule, Watch};
use crate::detect::shared::Shared;
use crate::detect::time::LocalDay;

/// One count over its threshold.
pub(super) struct Crossing {
    pub(super) class: Class,
    pub(super) what: What,
    pub(super) count: u64,
    pub(super) threshold: u64,
    pub(super) weighed: Weighed,
}

impl Pool {
    /// A count at a slot of the day, without what other alerts explain.
    pub(super) fn count(&self, class: Class, what: What, slot: u16) -> u64 {
        let explained = if class == Class::Fresh { 0 } else { u64::from(self.explained) };
        match what {
            What::Foreign1h => self.union.hour(Counted::Foreign, slot),
            What::Foreign1d => self.union.day(Counted::Foreign).saturating_sub(explained),
            What::Persons1h => self.union.hour(Counted::Persons, slot),
            What::Persons1d => self.union.day(Counted::Persons),
            What::Strays => u64::from(self.in_excess[0]),
            What::Surges => u64::from(self.in_excess[1]),
        }
    }
}

impl Pool {
    /// The day's greatest count.
    pub(super) fn greatest(&self, class: Class, what: What) -> u64 {
        let counted = match what {
            What::Foreign1h => self.union.busiest_hour(Counted::Foreign),
            What::Persons1h => self.union.busiest_hour(Counted::Persons),
            _ => self.count(class, what, 0),
        };
        counted.max(u64::from(self.most[what as usize]))
    }
}

impl Pools {
    /// Looks at every pool whose counts have grown enough, narrowest first.
    pub(super) fn judge_due(
        &mut self,
        seen: &Seen<'_, '_>,
        accounts: &mut [Account],
        shared: &mut Shared,
        out: &mut Vec<Finding>,
    ) {
        if self.due.is_empty() {
            return;
        }
        let Some(day) = self.day else { return };
        let mut due = std::mem::take(&mut self.due);
        let rank = |at: &u32| {
            let kind = self.pools.get(*at as usize).map(|p| p.kind);
            let place = super::place::KINDS.iter().position(|k| Some(*k) == kind);
            let wide = u32::from(kind == Some(crate::alert::EntityKind::Partner));
            (place.map_or(3 + wide, |p| p as u32), *at)
        };
        due.sort_unstable_by_key(rank);
        due.dedup();
        for at in &due {
            self.judge(*at, &day, seen, accounts, shared, out);
        }
        due.clear();
        self.due = due;
    }

    fn judge(
        &mut self,
        at: u32,
        day: &LocalDay,
        seen: &Seen<'_, '_>,
        accounts: &mut [Account],
        shared: &mut Shared,
        out: &mut Vec<Finding>,
    ) {
        let Some(class) = self.pools[at as usize].class(day.day, self.first_day) else { return };
        let slot = super::slot_of(day, seen);
        let crossings = self.crossings(at, class, slot, accounts, shared);
        let pool = &mut self.pools[at as usize];
        let counted = pool.union.day(Counted::Persons).max(pool.union.day(Counted::Foreign));
        let in_excess = pool.in_excess.iter().copied().max().unwrap_or(0);
        // A twentieth more before the next look, so that looks are few however much is counted.
        pool.look = [counted + 1 + counted / 20, u64::from(in_excess) + 1];
        if crossings.is_empty() {
            if pool.episode.is_some() {
                self.milestone(at, seen.clock, accounts, shared, out);
            }
            return;
        }
        let start = crossings.iter().map(|c| match c.what {
            What::Foreign1h | What::Persons1h => Union::hour_start(slot),
            _ => 0,
        });
        let first = day.start_ms + i64::from(start.min().unwrap_or(0)) * SLOT_MS;
        let (at, class) = match self.explaining_place(at, class, &crossings) {
            Some(place) => (place, Class::Fresh),
            None => (at, class),
        };
        self.fire(at, class, first, day, seen, crossings, accounts, shared, out);
    }

    /// The narrowest fresh place that explains most of what a wider pool is about to be told for:
    /// an address can be blocked, a partner cannot.
    fn explaining_place(&self, at: u32, class: Class, crossings: &[Crossing]) -> Option<u32> {
        let pool = &self.pools[at as usize];
        if matches!(class, Class::Fresh | Class::NoAccount) || pool.episode.is_some() {
            return None;
        }
        let day = self.day?.day;
        let most = |part: u64, whole: u64| part * 5 >= whole * 4;
        let explains = |place: &Pool| {
            place.parts.len() > 1
                && place.class(day, self.first_day) == Some(Class::Fresh)
                && crossings.iter().all(|crossing| {
                    let flag = match crossing.what {
                        What::Strays => STRAYS,
                        What::Surges => SURGES,
                        what => {
                            let foreign = place.count(Class::Fresh, what, 0);
                            return most(foreign, crossing.count);
                        }
                    };
                    let members =
                        place.parts.keys().filter_map(|index| self.members.get(*index as usize));
                    most(members.filter(|m| m.has(flag)).count() as u64, crossing.count)
                })
        };
        super::place::KINDS.iter().find_map(|kind| {
            let of_kind = (0..).zip(&self.pools).filter(|(_, place)| place.kind == *kind);
            of_kind.filter(|(_, place)| explains(place)).map(|(at, _)| at).next()
        })
    }

    fn crossings(
        &mut self,
        at: u32,
        class: Class,
        slot: u16,
        accounts: &[Account],
        shared: &Shared,
    ) -> Vec<Crossing> {
        let mut found = Vec::new();
        let taken = self.explained_at(at, class, accounts);
        for &what in class.whats() {
            let Some(rule) = shared.rules.get(what.watch()) else { continue };
            let pool = &self.pools[at as usize];
            let Some(taken) = taken else { continue };
            let count = pool.count(class, what, slot).saturating_sub(taken);
            let off = rule.budget.get(what.measure().window()).is_none_or(|share| *share == 0.0);
            let floor = floor(rule, class);
            if count < floor || off || !self.models.speaks(what) {
                continue;
            }
            let expected = pool.expected(class, what);
            let own = pool.past[what as usize];
            let weighed = self.models.weigh(class, what, &own, expected, count);
            let wave = what == What::Surges && u64::from(pool.members) < 2 * count;
            let pool = &mut self.pools[at as usize];
            let (most, best) = (&mut pool.most[what as usize], &mut pool.best[what as usize]);
            *most = (*most).max(count.min(u64::from(u32::MAX)) as u32);
            *best = best.max(weighed.nats as f32);
            if weighed.nats < weighed.level || wave || self.is_partners(at, class, what, count) {
                continue;
            }
            let threshold = weighed.model.threshold(weighed.level, floor);
            found.push(Crossing { class, what, count, threshold, weighed });
        }
        found
    }

    /// What of a fresh place's counts other alerts explain; none: all that matters, for a place
    /// needs two accounts to say anything.
    fn explained_at(&self, at: u32, class: Class, accounts: &[Account]) -> Option<u64> {
        if class != Class::Fresh {
            return Some(0);
        }
        /// All but the largest account must have read one person in so many.
        const OTHERS: u64 = 5;
        let pool = &self.pools[at as usize];
        let open = pool.episode.is_some();
        let (mut explained, mut alerting, mut largest, mut total) = (0u64, 0u64, 0u64, 0u64);
        for (index, part) in &pool.parts {
            let persons = u64::from(part.persons.max(part.foreign));
            let member = self.members.get(*index as usize);
            if !open && member.is_some_and(|m| m.has(NAMED)) {
                explained += persons;
                continue;
            }
            total += persons;
            largest = largest.max(persons);
            if accounts.get(*index as usize).is_some_and(|a| a.episode.is_some()) {
                alerting = alerting.max(persons);
            }
        }
        ((total - largest) * OTHERS >= total && total > 0).then_some(explained + alerting)
    }

    /// Whether a unit only shares what the rest of its partner does, too: the partner tells it.
    fn is_partners(&self, at: u32, class: Class, what: What, count: u64) -> bool {
        const NATS: f64 = 2.5;
        let unit = &self.pools[at as usize];
        let parent = self.pools.get(unit.parent as usize).filter(|_| class == Class::Unit);
        let Some(partner) = parent else { return false };
        let rest = partner.count(Class::Partner, what, 0).saturating_sub(count);
        let of = |pool: &Pool| pool.expected(Class::Partner, what);
        let (all, own) = (of(partner), of(unit));
        let expected = Expected { count: (all.count - own.count).max(0.0), ..all };
        let own = &partner.past[what as usize];
        self.models.weigh(Class::Partner, what, own, expected, rest).nats >= NATS
    }
}

/// Never fires below: persons of a wide pool twice as many, so that a narrower one that explains them
/// has its say first.
fn floor(rule: &Rule, class: Class) -> u64 {
    let wide = matches!(class, Class::Shared | Class::Unit | Class::Partner);
    if wide && rule.watch == Watch::PooledForeign { 2 * rule.floor } else { rule.floor }
}
