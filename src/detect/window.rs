//! Distinct persons and foreign origins of one account and one kind of touch, in sliding windows
//! of 5 minutes and 1 hour and over the local day, from one table of last touches.
//!
//! A person's last touch moves from slot to slot; rings count last touches by slot, so every
//! window is a running sum, exact and without a list of events. Beyond
//! [`SET_EXACT_MAX`] persons the table is thinned to those whose fingerprint starts with `level`
//! zero bits (Gibbons' distinct sampling): integer, independent of order, mergeable.

mod shares;

use serde::{Deserialize, Serialize};

use super::channel::{Measure, RUNS, WINDOWED};
use super::limits::{HOUR_SLOTS, SET_EXACT_MAX};
use super::looks::Looks;
use super::run::Run;

/// Where a person comes from, seen from the account's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The account's own unit: counts nothing.
    Own,
    /// Another unit, which counts once however many of its persons are read.
    Unit(u32),
    /// Nobody in memory touched this person: counts itself.
    Unknown,
}

/// What the account knows of a person it touches for the first time today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// Where the person comes from.
    pub origin: Origin,
    /// Not touched by this account within its memory.
    pub novel: bool,
}

const FOREIGN: u8 = 1;
const UNIT: u8 = 2;
/// Of the own unit when first touched today: stays so for the day, and need not be asked again.
const OWN: u8 = 4;
const NOVEL: u8 = 8;
/// Mark of an access: at hours the group does not work.
pub const OFF: u8 = 16;
/// Mark of an access: from a device unknown to the account. Kept with novel persons only.
pub const STRANGER: u8 = 32;
/// Mark of an access: by an operation that the peers do not use.
pub const UNUSUAL: u8 = 64;
/// Mark of an access: data of a special kind came back.
pub const SENSITIVE: u8 = 128;

/// Last touch of one person (or, with `UNIT`, of one foreign unit) today. `fp` 0 is an empty
/// place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    fp: u32,
    slot: u16,
    classes: u8,
    flags: u8,
}

impl Entry {
    /// The person, or nothing where the entry is a unit.
    #[must_use]
    pub fn person(&self) -> Option<u32> {
        (self.flags & UNIT == 0).then_some(self.fp)
    }

    /// 5-minute slot of the day of the last touch.
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// Whether the day's first access to a person new to the account came from a stranger's place.
    #[must_use]
    pub fn by_stranger(&self) -> Option<bool> {
        (self.flags & NOVEL != 0).then_some(self.flags & STRANGER != 0)
    }

    /// Index of the classes and codes returned with the person.
    #[must_use]
    pub fn classes(&self) -> u8 {
        self.classes
    }
}

/// The windows of one account, one kind of touch, one local day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    places: Vec<Entry>,
    used: u16,
    level: u8,
    slot: u16,
    /// Hour windows do not reach back before this slot: it moves when the hour class changes.
    floor: u16,
    counts: [u16; WINDOWED],
    /// When counts must be looked at.
    looks: Looks<u16, WINDOWED>,
    persons_by_slot: [u16; HOUR_SLOTS as usize],
    foreign_by_slot: [u16; HOUR_SLOTS as usize],
    /// Shares among the persons met.
    runs: [Run; RUNS.len()],
}

impl Windows {
    /// Windows whose counts and rings follow from the table; without them, and so not sound, where
    /// the table is not.
    pub(super) fn of_table(
        places: Vec<Entry>,
        used: u16,
        level: u8,
        slot: u16,
        floor: u16,
    ) -> Windows {
        let mut windows = Windows { places, used, level, slot, floor, ..Windows::default() };
        if windows.has_sound_table() {
            windows.recount();
        }
        windows
    }

    /// Forgets the day, keeping the memory.
    pub fn reset(&mut self, slot: u16) {
        self.places.fill(Entry::default());
        let places = std::mem::take(&mut self.places);
        *self = Windows { places, slot, ..Windows::default() };
    }

    /// The count of one measure now (an estimate beyond [`SET_EXACT_MAX`] persons a day).
    #[must_use]
    pub fn count(&self, measure: Measure) -> u64 {
        u64::from(self.counts.get(measure as usize).copied().unwrap_or(0)) << self.level
    }

    /// Persons that may still be counted before a measure must be looked at; 0: one must be now.
    pub(super) fn ahead(&self) -> u64 {
        self.looks.ahead(&self.counts) << self.level
    }

    pub(super) fn look_at_all(&mut self, must: bool) {
        self.looks.at_all(must);
    }

    pub(super) fn look_again(&mut self, measure: Measure, ahead: u64) {
        let at = measure as usize;
        self.looks.again(at, self.counts[at], ahead.div_ceil(self.step()));
    }

    /// Whether the person was returned today, as far as the first look into the table tells.
    pub(super) fn is_at_home(&self, fp: u32) -> bool {
        let home = fp as usize & self.places.len().wrapping_sub(1);
        self.places.get(home).is_some_and(|entry| entry.fp == fp)
    }

    /// Current slot.
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// Counts move in steps of this many.
    #[must_use]
    pub fn step(&self) -> u64 {
        1 << self.level
    }

    /// Whether anything was returned today.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Whether table, rings and counts fit together, as they do unless a snapshot was damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        if !self.has_sound_table() {
            return false;
        }
        let mut again = self.clone();
        again.recount();
        (again.counts, again.persons_by_slot, again.foreign_by_slot)
            == (self.counts, self.persons_by_slot, self.foreign_by_slot)
    }

    fn has_sound_table(&self) -> bool {
        let places = self.places.len();
        let in_order = self.floor <= self.slot && self.slot < 400 && self.level < 32;
        let roomy = (places == 0 || places.is_power_of_two())
            && usize::from(self.used) == self.entries().count()
            && usize::from(self.used) * 4 <= places * 3;
        let found = |(at, e): (usize, &Entry)| e.fp == 0 || self.place(e.fp, e.flags & UNIT) == at;
        in_order
            && roomy
            && self.entries().all(|e| e.slot <= self.slot)
            && self.places.iter().enumerate().all(found)
    }

    /// Bytes of the table.
    #[must_use]
    pub(super) fn bytes(&self) -> u64 {
        (self.places.capacity() * size_of::<Entry>()) as u64
    }

    /// Every last touch of today; thinned, each stands for [`Windows::step`] persons.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.places.iter().filter(|e| e.fp != 0)
    }

    /// First slot that the window of a measure reaches back to.
    #[must_use]
    pub fn window_start(&self, measure: Measure) -> u16 {
        match measure {
            Measure::Persons5m => self.slot,
            Measure::Persons1h | Measure::Foreign1h => self.hour_start(),
            _ => 0,
        }
    }

    fn hour_start(&self) -> u16 {
        (self.slot + 1).saturating_sub(HOUR_SLOTS).max(self.floor)
    }

    /// Moves the windows on to a later slot.
    pub fn advance(&mut self, slot: u16) {
        let steps = (slot - self.slot).min(HOUR_SLOTS);
        let [persons, foreign] =
            [Measure::Persons1h, Measure::Foreign1h].map(|m| self.counts[m as usize]);
        // Without anyone in the hour there is nobody to leave it.
        let steps_with = if persons | foreign == 0 { 0 } else { steps };
        for step in 1..=steps_with {
            // The ring place of slot s − 12 is the one of s.
            let place = usize::from((slot - steps + step) % HOUR_SLOTS);
            self.counts[Measure::Persons1h as usize] -= self.persons_by_slot[place];
            self.counts[Measure::Foreign1h as usize] -= self.foreign_by_slot[place];
            self.persons_by_slot[place] = 0;
            self.foreign_by_slot[place] = 0;
        }
        if steps > 0 {
            self.counts[Measure::Persons5m as usize] = 0;
        }
        self.slot = slot;
    }

    /// The clock was ahead and moves back: so do the touches it put into the future.
    pub fn fall_back(&mut self, slot: u16) {
        let ahead = self.slot.saturating_sub(slot);
        self.slot -= ahead;
        self.floor = self.floor.min(self.slot);
        for entry in self.places.iter_mut().filter(|e| e.slot > slot) {
            entry.slot = entry.slot.saturating_sub(ahead);
        }
        self.recount();
    }

    /// The hour class changed: hour windows start again here, so that a busy afternoon is not
    /// judged by the evening's measure.
    pub fn cut(&mut self) {
        if !self.is_empty() {
            self.floor = self.slot;
            self.recount();
        }
    }

    /// Counts one returned person; `slot` is at most the current one (late events are earlier),
    /// `marks` are those of the access. `meet` is asked only when the person is new to the day, or
    /// to the slot and of another unit. Returns whether any count grew.
    pub fn touch(
        &mut self,
        fp: u32,
        slot: u16,
        marks: u8,
        merge: impl FnOnce(u8) -> u8,
        meet: impl FnOnce() -> Meeting,
    ) -> bool {
        if fp.leading_zeros() < u32::from(self.level) {
            return false;
        }
        let fp = fp.max(1);
        let place = self.place(fp, 0);
        let entry = self.places.get(place).copied().unwrap_or_default();
        if entry.fp != 0 {
            self.places[place].classes = merge(entry.classes);
            let marked = self.mark(place, marks & !STRANGER);
            if slot <= entry.slot {
                return marked;
            }
            self.places[place].slot = slot;
            let grew = self.move_touch(entry.slot, slot, true, entry.flags & FOREIGN != 0);
            if entry.flags & (FOREIGN | OWN) == 0
                && let Origin::Unit(unit) = meet().origin
            {
                return self.touch_unit(unit, slot, marks) || grew || marked;
            }
            return grew || marked;
        }
        let Meeting { origin, novel } = meet();
        let mut flags = match origin {
            Origin::Own => OWN,
            Origin::Unit(_) => 0,
            Origin::Unknown => FOREIGN,
        };
        flags |= if novel { NOVEL | marks } else { marks & !STRANGER };
        self.insert(Entry { fp, slot, classes: merge(0), flags });
        self.count_flags(flags, flags);
        self.counts[Measure::Persons1d as usize] += 1;
        self.first_touch(slot, true, flags & FOREIGN != 0);
        let known = self.counts[Measure::Foreign1d as usize];
        if let Origin::Unit(unit) = origin {
            self.touch_unit(unit, slot, marks);
        }
        let new_unit = self.counts[Measure::Foreign1d as usize] != known;
        self.met(flags, new_unit);
        self.thin_if_full();
        true
    }

    /// Adds marks to an entry; returns whether it had not all of them.
    fn mark(&mut self, place: usize, marks: u8) -> bool {
        let flags = self.places[place].flags;
        let news = marks & !flags;
        if news == 0 {
            return false;
        }
        self.places[place].flags |= news;
        self.count_flags(flags | news, news);
        true
    }

    /// Counts what the day's measures gain when an entry that has `flags` now got `news`.
    fn count_flags(&mut self, flags: u8, news: u8) {
        let mut add = |measure: Measure, holds: bool| {
            self.counts[measure as usize] += u16::from(holds);
        };
        let (person, foreign) = (flags & UNIT == 0, flags & FOREIGN != 0);
        add(Measure::Foreign1d, news & FOREIGN != 0);
        add(Measure::OffForeign1d, foreign && flags & OFF != 0 && news & (OFF | FOREIGN) != 0);
        if person {
            add(Measure::Dormant1d, news & FOREIGN != 0);
            add(Measure::Novel1d, news & NOVEL != 0);
            add(Measure::Territory1d, news & NOVEL != 0 && flags & OWN != 0);
            add(Measure::OffPersons1d, news & OFF != 0);
            add(Measure::Stranger1d, news & STRANGER != 0);
            add(Measure::Unusual1d, news & UNUSUAL != 0);
            add(Measure::Sensitive1d, news & SENSITIVE != 0);
        }
    }

    fn touch_unit(&mut self, unit: u32, slot: u16, marks: u8) -> bool {
        // Spread the small numbers over the fingerprint's range, so that thinning treats units
        // like persons.
        let fp = unit.wrapping_add(1).wrapping_mul(0x9E37_79B1).max(1);
        if fp.leading_zeros() < u32::from(self.level) {
            return false;
        }
        let place = self.place(fp, UNIT);
        let entry = self.places.get(place).copied().unwrap_or_default();
        if entry.fp == 0 {
            let flags = UNIT | FOREIGN | marks & OFF;
            self.insert(Entry { fp, slot, classes: 0, flags });
            self.count_flags(flags, flags);
            self.first_touch(slot, false, true);
            return true;
        }
        let marked = self.mark(place, marks & OFF);
        if slot <= entry.slot {
            return marked;
        }
        self.places[place].slot = slot;
        self.move_touch(entry.slot, slot, false, true) || marked
    }

    fn first_touch(&mut self, slot: u16, person: bool, foreign: bool) {
        if slot < self.hour_start() {
            return;
        }
        let ring = usize::from(slot % HOUR_SLOTS);
        if person {
            self.persons_by_slot[ring] += 1;
            self.counts[Measure::Persons1h as usize] += 1;
            self.counts[Measure::Persons5m as usize] += u16::from(slot == self.slot);
        }
        if foreign {
            self.foreign_by_slot[ring] += 1;
            self.counts[Measure::Foreign1h as usize] += 1;
        }
    }

    fn move_touch(&mut self, from: u16, to: u16, person: bool, foreign: bool) -> bool {
        let start = self.hour_start();
        if to < start {
            return false;
        }
        let (old, new) = (usize::from(from % HOUR_SLOTS), usize::from(to % HOUR_SLOTS));
        let within = from >= start;
        if person {
            if within {
                self.persons_by_slot[old] -= 1;
            }
            self.persons_by_slot[new] += 1;
            self.counts[Measure::Persons1h as usize] += u16::from(!within);
            self.counts[Measure::Persons5m as usize] += u16::from(to == self.slot);
        }
        if foreign {
            if within {
                self.foreign_by_slot[old] -= 1;
            }
            self.foreign_by_slot[new] += 1;
            self.counts[Measure::Foreign1h as usize] += u16::from(!within);
        }
        !within || (person && to == self.slot)
    }

    /// Where the fingerprint stands, or the empty place where it would go.
    fn place(&self, fp: u32, unit: u8) -> usize {
        if self.places.is_empty() {
            return 0;
        }
        let mask = self.places.len() - 1;
        let mut at = fp as usize & mask;
        loop {
            let entry = self.places[at];
            if entry.fp == 0 || (entry.fp == fp && entry.flags & UNIT == unit) {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    fn insert(&mut self, entry: Entry) {
        if (usize::from(self.used) + 1) * 4 > self.places.len() * 3 {
            let room = (self.places.len() * 2).max(8);
            let old = std::mem::replace(&mut self.places, vec![Entry::default(); room]);
            for kept in old.into_iter().filter(|e| e.fp != 0) {
                let place = self.place(kept.fp, kept.flags & UNIT);
                self.places[place] = kept;
            }
        }
        let place = self.place(entry.fp, entry.flags & UNIT);
        self.places[place] = entry;
        self.used += 1;
    }

    fn thin_if_full(&mut self) {
        while usize::from(self.used) > SET_EXACT_MAX {
            self.level += 1;
            let level = u32::from(self.level);
            let kept: Vec<Entry> =
                self.entries().filter(|e| e.fp.leading_zeros() >= level).copied().collect();
            self.places.fill(Entry::default());
            self.used = 0;
            kept.into_iter().for_each(|entry| self.insert(entry));
            self.recount();
        }
    }

    /// Counts and rings anew from the table.
    fn recount(&mut self) {
        self.look_at_all(true);
        self.counts = Default::default();
        self.persons_by_slot = Default::default();
        self.foreign_by_slot = Default::default();
        for at in 0..self.places.len() {
            let entry = self.places[at];
            if entry.fp == 0 {
                continue;
            }
            let (person, foreign) = (entry.flags & UNIT == 0, entry.flags & FOREIGN != 0);
            self.counts[Measure::Persons1d as usize] += u16::from(person);
            self.count_flags(entry.flags, entry.flags);
            self.first_touch(entry.slot, person, foreign);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::run::{Carried, Share};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// The naive model: every touch remembered, every window counted anew.
    #[derive(Default)]
    struct Model {
        now: u16,
        floor: u16,
        last: BTreeMap<u32, u16>,
        units: BTreeMap<u32, u16>,
        slot_touches: BTreeSet<(u32, u16)>,
        /// Marks each person was touched with, and each unit.
        marks: BTreeMap<u32, u8>,
        unit_marks: BTreeMap<u32, u8>,
    }

    fn origin_of(fp: u32) -> Origin {
        match fp % 3 {
            0 => Origin::Own,
            1 => Origin::Unit(fp % 7),
            _ => Origin::Unknown,
        }
    }

    fn is_novel(fp: u32) -> bool {
        fp.is_multiple_of(5)
    }

    fn meet(origin: Origin) -> Meeting {
        Meeting { origin, novel: false }
    }

    impl Model {
        fn touch(&mut self, fp: u32, slot: u16, marks: u8) {
            let first = !self.last.contains_key(&fp);
            let asked = first || self.last[&fp] < slot;
            let last = self.last.entry(fp).or_insert(slot);
            *last = slot.max(*last);
            self.slot_touches.insert((fp, slot));
            let strange = if first && is_novel(fp) { marks & STRANGER } else { 0 };
            *self.marks.entry(fp).or_default() |= marks & !STRANGER | strange;
            if let Origin::Unit(unit) = origin_of(fp)
                && asked
            {
                let last = self.units.entry(unit).or_insert(slot);
                *last = slot.max(*last);
                *self.unit_marks.entry(unit).or_default() |= marks & OFF;
            }
        }

        fn marked(&self, mark: u8) -> u64 {
            self.marks.values().filter(|marks| **marks & mark != 0).count() as u64
        }

        fn count(&self, measure: Measure) -> u64 {
            let start = match measure {
                Measure::Persons1h | Measure::Foreign1h => {
                    (self.now + 1).saturating_sub(12).max(self.floor)
                }
                _ => 0,
            };
            let within = |map: &BTreeMap<u32, u16>, keep: &dyn Fn(u32) -> bool| {
                map.iter().filter(|(k, s)| **s >= start && keep(**k)).count() as u64
            };
            match measure {
                Measure::Persons5m => {
                    self.slot_touches.iter().filter(|(_, s)| *s == self.now).count() as u64
                }
                Measure::Persons1h | Measure::Persons1d => within(&self.last, &|_| true),
                Measure::Foreign1h | Measure::Foreign1d => {
                    within(&self.last, &|k| origin_of(k) == Origin::Unknown)
                        + within(&self.units, &|_| true)
                }
                Measure::Dormant1d => within(&self.last, &|k| origin_of(k) == Origin::Unknown),
                Measure::Novel1d => within(&self.last, &is_novel),
                Measure::Territory1d => {
                    within(&self.last, &|k| is_novel(k) && origin_of(k) == Origin::Own)
                }
                Measure::OffPersons1d => self.marked(OFF),
                Measure::Stranger1d => self.marked(STRANGER),
                Measure::Unusual1d => self.marked(UNUSUAL),
                Measure::Sensitive1d => self.marked(SENSITIVE),
                Measure::OffForeign1d => {
                    let off = |marks: &u8| marks & OFF != 0;
                    let unknown = |fp: &u32| origin_of(*fp) == Origin::Unknown;
                    let persons = self.marks.iter().filter(|(fp, m)| off(m) && unknown(fp)).count();
                    (persons + self.unit_marks.values().filter(|m| off(m)).count()) as u64
                }
                _ => 0,
            }
        }
    }

    proptest! {
        #[test]
        fn counts_what_a_naive_model_counts(
            steps in prop::collection::vec((0u16..4, 0u16..3, 1u32..60, prop::bool::weighted(0.02), 0u8..16), 1..400)
        ) {
            let mut windows = Windows::default();
            windows.reset(0);
            let mut model = Model::default();
            for (forward, late, fp, cut, marks) in steps {
                let marks = marks << 4;
                model.now += forward;
                windows.advance(model.now);
                if cut && forward > 0 {
                    windows.cut();
                    model.floor = model.now;
                }
                let slot = model.now.saturating_sub(late).max(model.floor);
                // Small fingerprints have leading zeros, as those of a thinned table.
                let met = || Meeting { origin: origin_of(fp), novel: is_novel(fp) };
                windows.touch(fp, slot, marks, |c| c, met);
                model.touch(fp, slot, marks);
                for measure in Measure::ALL.into_iter().take(WINDOWED) {
                    prop_assert_eq!(windows.count(measure), model.count(measure), "{:?}", measure);
                }
            }
        }
    }

    #[test]
    fn a_person_met_is_of_the_kinds_it_counts_as() {
        let mut windows = Windows::default();
        windows.reset(0);
        let runs = RUNS.map(|run| Run::open(Carried::default(), Share::of(&run, 1.0, 100.0)));
        windows.go_on(runs);
        let mut met = |fp, origin, novel, marks| {
            windows.touch(fp, 0, marks, |c| c, || Meeting { origin, novel });
            std::array::from_fn(|run| windows.run(run).count())
        };
        // Foreign, dormant, new of the own unit, by an unusual operation.
        assert_eq!(met(1, Origin::Unknown, true, 0), [1, 1, 0, 0]);
        assert_eq!(met(2, Origin::Unit(7), true, 0), [2, 1, 0, 0]);
        assert_eq!(met(3, Origin::Own, true, UNUSUAL), [2, 1, 1, 1]);
        assert_eq!(met(3, Origin::Own, true, UNUSUAL), [2, 1, 1, 1], "met already");
        for fp in 4..9 {
            met(fp, Origin::Unit(7), false, UNUSUAL);
        }
        assert_eq!(met(9, Origin::Unit(7), false, UNUSUAL), [2, 1, 1, 7]);
    }

    #[test]
    fn a_cut_starts_the_hour_again_and_keeps_the_day() {
        let mut windows = Windows::default();
        windows.reset(10);
        for fp in 1..=20 {
            windows.touch(fp, 10, 0, |c| c, || meet(Origin::Unknown));
        }
        windows.advance(12);
        windows.cut();
        assert_eq!(windows.count(Measure::Persons1h), 0);
        assert_eq!(windows.count(Measure::Persons1d), 20);
        windows.touch(3, 12, 0, |c| c, || meet(Origin::Unknown));
        assert_eq!(windows.count(Measure::Persons1h), 1);
        assert_eq!(windows.count(Measure::Foreign1h), 1);
        assert_eq!(windows.count(Measure::Persons1d), 20);
        assert_eq!(windows.window_start(Measure::Persons1h), 12);
    }

    #[test]
    fn a_clock_that_comes_back_takes_its_touches_with_it() {
        for (ahead, back, last_hour) in
            [(250, 20, 3), (250, 8, 4), (60, 20, 3), (21, 20, 3), (12, 11, 4), (20, 20, 3)]
        {
            let mut windows = Windows::default();
            windows.reset(2);
            windows.touch(1, 2, 0, |c| c, || meet(Origin::Own));
            windows.advance(ahead.max(2));
            for (fp, slot) in [(2, ahead - 7), (3, ahead - 1), (4, ahead)] {
                windows.touch(fp, slot, 0, |c| c, || meet(Origin::Own));
            }
            windows.fall_back(back);
            assert!(windows.is_sound(), "{ahead} {back}");
            assert_eq!(windows.slot(), back.min(ahead));
            assert_eq!(windows.count(Measure::Persons1d), 4);
            assert_eq!(windows.count(Measure::Persons1h), last_hour, "{ahead} {back}");
        }
    }

    #[test]
    fn thinning_keeps_the_estimate_close() {
        let mut windows = Windows::default();
        windows.reset(0);
        let mut state = 7u64;
        for _ in 0..300_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            windows.touch((state >> 32) as u32, 0, 0, |c| c, || meet(Origin::Unknown));
        }
        for measure in [Measure::Persons5m, Measure::Persons1d, Measure::Foreign1h] {
            let estimate = windows.count(measure) as f64;
            assert!((estimate / 300_000.0 - 1.0).abs() < 0.12, "{measure:?} {estimate}");
        }
        assert!(windows.entries().count() <= SET_EXACT_MAX);
    }

    #[test]
    fn four_hundred_persons_of_one_unit_are_one_origin() {
        let mut windows = Windows::default();
        windows.reset(0);
        for fp in 1..=400 {
            windows.touch(fp, 0, 0, |c| c, || meet(Origin::Unit(9)));
        }
        assert_eq!(windows.count(Measure::Persons1d), 400);
        assert_eq!(windows.count(Measure::Foreign1h), 1);
    }
}
