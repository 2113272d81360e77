//! Distinct persons that several accounts read together in one day, each with the 5-minute slot in
//! which the first of them did. Thinned by fingerprint prefix like an account's own windows, so
//! that the union of thinned sets is the thinned set of the union.
//!
//! In memory a table by fingerprint, so that one more person costs one place of it; as bytes and
//! when compared a list in order, which does not depend on who came first.

use serde::{Deserialize, Serialize};

use crate::detect::limits::{HOUR_SLOTS, POOL_SET_MAX};

const PERSON: u8 = 1;
const FOREIGN: u8 = 2;

/// Places kept for the next day.
const PLACES_KEPT: usize = 64;

/// One person, or one pair of an account and a foreign unit; `fp` 0 is an empty place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    fp: u32,
    slot: u16,
    classes: u8,
    flags: u8,
}

/// What is added to a union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A person; true: nobody in memory touched this person.
    Person(u32, bool),
    /// An account's first person of a foreign unit, as a hash of both.
    Unit(u32),
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(into = "Ordered", from = "Ordered")]
pub(super) struct Union {
    places: Vec<Entry>,
    used: usize,
    level: u8,
    persons: u16,
    foreign: u16,
}

/// A union as bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ordered {
    /// By fingerprint.
    entries: Vec<Entry>,
    level: u8,
    persons: u16,
    foreign: u16,
}

impl From<Union> for Ordered {
    fn from(union: Union) -> Ordered {
        let mut entries: Vec<Entry> = union.entries().copied().collect();
        entries.sort_unstable_by_key(|e| e.fp);
        let Union { level, persons, foreign, .. } = union;
        Ordered { entries, level, persons, foreign }
    }
}

impl From<Ordered> for Union {
    fn from(ordered: Ordered) -> Union {
        let Ordered { entries, level, persons, foreign } = ordered;
        let mut union = Union { level, persons, foreign, ..Union::default() };
        entries.into_iter().for_each(|entry| union.put(entry));
        union
    }
}

impl PartialEq for Union {
    fn eq(&self, other: &Self) -> bool {
        Ordered::from(self.clone()) == Ordered::from(other.clone())
    }
}

/// Which of its entries are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Distinct persons.
    Persons,
    /// Foreign origins: strangers, and foreign units once an account.
    Foreign,
}

impl Union {
    /// Adds an item; returns whether it is new.
    pub(super) fn insert(&mut self, item: Item, slot: u16, classes: u8) -> bool {
        let (fp, flags) = match item {
            Item::Person(fp, stranger) => (fp, PERSON | if stranger { FOREIGN } else { 0 }),
            Item::Unit(fp) => (fp, FOREIGN),
        };
        let fp = fp.max(1);
        if fp.leading_zeros() < u32::from(self.level) {
            return false;
        }
        if self.places.get(self.place(fp)).is_some_and(|e| e.fp == fp) {
            return false;
        }
        self.put(Entry { fp, slot, classes, flags });
        self.persons += u16::from(flags & PERSON != 0);
        self.foreign += u16::from(flags & FOREIGN != 0);
        while self.used > POOL_SET_MAX {
            self.thin(self.level + 1);
        }
        true
    }

    /// Reads what [`Union::insert`] needs; the value says nothing.
    pub(super) fn peek(&self, item: Item) -> u64 {
        let (Item::Person(fp, _) | Item::Unit(fp)) = item;
        let home = fp as usize & self.places.len().wrapping_sub(1);
        self.places.get(home).map_or(0, |entry| u64::from(entry.fp))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.places.iter().filter(|e| e.fp != 0)
    }

    /// Where the fingerprint stands, or the empty place where it would go.
    fn place(&self, fp: u32) -> usize {
        let mask = self.places.len().wrapping_sub(1);
        let mut at = fp as usize & mask;
        while self.places.get(at).is_some_and(|e| e.fp != 0 && e.fp != fp) {
            at = (at + 1) & mask;
        }
        at
    }

    /// Puts an entry that is not there yet into the table.
    fn put(&mut self, entry: Entry) {
        if (self.used + 1) * 4 > self.places.len() * 3 {
            self.rebuild((self.places.len() * 2).max(8), |_| true);
        }
        let place = self.place(entry.fp);
        if let Some(empty) = self.places.get_mut(place) {
            self.used += usize::from(empty.fp == 0);
            *empty = entry;
        }
    }

    fn rebuild(&mut self, places: usize, keep: impl Fn(&Entry) -> bool) {
        let old = std::mem::replace(&mut self.places, vec![Entry::default(); places]);
        self.used = 0;
        for entry in old.into_iter().filter(|e| e.fp != 0 && keep(e)) {
            let place = self.place(entry.fp);
            self.places[place] = entry;
            self.used += 1;
        }
    }

    /// Makes the set at least as thin as a set it is filled from.
    pub(super) fn thin_to(&mut self, step: u64) {
        let level = step.trailing_zeros() as u8;
        if level > self.level {
            self.thin(level);
        }
    }

    fn thin(&mut self, level: u8) {
        self.level = level;
        self.rebuild(self.places.len(), |e| e.fp.leading_zeros() >= u32::from(level));
        let with = |flag: u8| self.entries().filter(|e| e.flags & flag != 0).count() as u16;
        (self.persons, self.foreign) = (with(PERSON), with(FOREIGN));
    }

    /// Each entry stands for so many.
    pub(super) fn step(&self) -> u64 {
        1 << self.level
    }

    /// Counted so far today.
    pub(super) fn day(&self, what: Counted) -> u64 {
        let seen = match what {
            Counted::Persons => self.persons,
            Counted::Foreign => self.foreign,
        };
        u64::from(seen) << self.level
    }

    /// Counted for the first time in the hour that ends with `slot`.
    pub(super) fn hour(&self, what: Counted, slot: u16) -> u64 {
        let flag = match what {
            Counted::Persons => PERSON,
            Counted::Foreign => FOREIGN,
        };
        let start = Self::hour_start(slot);
        let within = |e: &&Entry| e.flags & flag != 0 && e.slot >= start;
        (self.entries().filter(within).count() as u64) << self.level
    }

    /// Most that any hour of the day counted for the first time.
    pub(super) fn busiest_hour(&self, what: Counted) -> u64 {
        let flag = match what {
            Counted::Persons => PERSON,
            Counted::Foreign => FOREIGN,
        };
        let counted = self.entries().filter(|e| e.flags & flag != 0);
        let mut slots: Vec<u16> = counted.map(|e| e.slot).collect();
        slots.sort_unstable();
        let mut first = 0;
        let mut most = 0;
        for (last, slot) in slots.iter().enumerate() {
            while slots[first] < Self::hour_start(*slot) {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }
        (most as u64) << self.level
    }

    /// First slot of the hour that ends with `slot`.
    pub(super) fn hour_start(slot: u16) -> u16 {
        (slot + 1).saturating_sub(HOUR_SLOTS)
    }

    /// Persons first read in `start` or later, with the classes of that access, in order.
    pub(super) fn persons_from(&self, start: u16) -> impl Iterator<Item = (u32, u8)> {
        let within = move |e: &Entry| e.flags & PERSON != 0 && e.slot >= start;
        let entries = Ordered::from(self.clone()).entries;
        entries.into_iter().filter(within).map(|e| (e.fp, e.classes))
    }

    /// Forgets the day, keeping no more memory than a usual one needs.
    pub(super) fn reset(&mut self) {
        self.places.truncate(PLACES_KEPT);
        self.places.shrink_to(PLACES_KEPT);
        self.places.fill(Entry::default());
        self.used = 0;
        (self.level, self.persons, self.foreign) = (0, 0, 0);
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.places.capacity() * size_of::<Entry>()) as u64
    }

    /// Whether a restored set can be worked with.
    pub(super) fn is_sound(&self) -> bool {
        let mut again = self.clone();
        again.thin(self.level);
        self.level < 32
            && self.used <= POOL_SET_MAX
            && self.used == self.entries().count()
            && again == *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fp(n: u32) -> u32 {
        n.wrapping_mul(0x9E37_79B1)
    }

    #[test]
    fn a_person_counts_once_whoever_reads_it() {
        let mut union = Union::default();
        assert!(union.insert(Item::Person(7, true), 3, 0));
        assert!(!union.insert(Item::Person(7, true), 9, 0));
        assert!(union.insert(Item::Person(8, false), 9, 0));
        assert!(union.insert(Item::Unit(99), 9, 0));
        assert_eq!(union.day(Counted::Persons), 2);
        assert_eq!(union.day(Counted::Foreign), 2);
        assert_eq!(union.hour(Counted::Persons, 14), 2);
        assert_eq!(union.hour(Counted::Persons, 15), 1, "the first was read an hour before");
        assert_eq!(union.hour(Counted::Foreign, 20), 1);
        assert_eq!(union.busiest_hour(Counted::Persons), 2);
        assert!(union.insert(Item::Person(9, false), 16, 0));
        assert_eq!(union.busiest_hour(Counted::Persons), 2, "the three are not within an hour");
        assert_eq!(union.persons_from(10).collect::<Vec<_>>(), [(9, 0)]);
    }

    #[test]
    fn the_union_of_thinned_sets_is_the_thinned_union() {
        let mut all = Union::default();
        let mut thin = Union::default();
        (1..=20_000).for_each(|n| {
            all.insert(Item::Person(fp(n), n % 2 == 0), 0, 0);
        });
        thin.thin_to(all.step());
        (1..=20_000).for_each(|n| {
            thin.insert(Item::Person(fp(n), n % 2 == 0), 0, 0);
        });
        assert_eq!(all, thin);
        assert!(all.is_sound());
        let estimate = all.day(Counted::Persons) as f64;
        assert!((estimate / 20_000.0 - 1.0).abs() < 0.15, "{estimate}");
    }
}
