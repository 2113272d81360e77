//! Which unit usually handles a person: given by the application, or learned from the log by
//! vote. Group knowledge; votes arrive with a model epoch, machines and alerting accounts do not
//! vote.

use serde::{Deserialize, Serialize};

use super::limits::TERRITORY_MAX;
use super::time::Day;
use super::window::Origin;

/// Strength of a unit that was given rather than learned; votes cannot move it.
const GIVEN: u8 = 7;
/// Strongest belief that votes can build.
const LEARNED_MAX: u8 = 6;
/// Days after which a person nobody touched counts as unknown again.
const MEMORY_DAYS: u16 = 400;
const DAY_BITS: u16 = 13;
const DAY_MASK: u16 = (1 << DAY_BITS) - 1;

/// One account's touch of one person on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vote {
    /// The person.
    pub fp: u32,
    /// Hash of the unit.
    pub unit: u32,
    /// 1 listed, 2 opened.
    pub weight: u8,
}

/// Person → unit, 10 bytes a place, open addressing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Territory {
    /// (person, unit): what an event asks for lies in one place.
    places: Vec<(u32, u32)>,
    /// Low 13 bits: day of the last touch; high 3: strength of the belief.
    marks: Vec<u16>,
    used: usize,
    /// Votes for persons there was no room for.
    pub refused: u64,
}

impl Territory {
    /// Reads what [`Territory::origin`] needs; the value says nothing.
    pub(super) fn peek(&self, fp: u32) -> u64 {
        let home = fp as usize & self.places.len().wrapping_sub(1);
        self.places.get(home).map_or(0, |(known, _)| u64::from(*known))
    }

    /// Where the person comes from, seen from `unit`.
    #[must_use]
    pub fn origin(&self, fp: u32, unit: u32) -> Origin {
        let fp = fp.max(1);
        if self.places.is_empty() {
            return Origin::Unknown;
        }
        match self.places[self.place(fp)] {
            (0, _) => Origin::Unknown,
            (_, known) if known == unit => Origin::Own,
            (_, known) => Origin::Unit(known),
        }
    }

    /// Whether the tables fit together, as they do unless a snapshot was damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let places = self.places.len();
        let used = self.places.iter().filter(|(fp, _)| *fp != 0).count();
        (places == 0 || places.is_power_of_two())
            && (self.marks.len(), self.used) == (places, used)
            && used * 4 <= places * 3
    }

    /// Bytes of the tables.
    #[must_use]
    pub(super) fn bytes(&self) -> u64 {
        (self.places.capacity() * 8 + self.marks.capacity() * 2) as u64
    }

    /// Persons with a unit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used
    }

    /// Nobody has a unit yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Records a unit that the application gave.
    pub fn give(&mut self, fp: u32, unit: u32, day: Day) {
        if let Some(place) = self.claim(fp.max(1)) {
            self.places[place].1 = unit;
            self.marks[place] = mark(GIVEN, day);
        }
    }

    /// Counts votes; the caller sorts them, so that the outcome does not depend on who came first.
    pub fn vote(&mut self, votes: &[Vote], day: Day) {
        for vote in votes {
            let Some(place) = self.claim(vote.fp.max(1)) else { continue };
            let strength = (self.marks[place] >> DAY_BITS) as u8;
            let (unit, strength) = if strength == GIVEN {
                (self.places[place].1, GIVEN)
            } else if strength == 0 {
                (vote.unit, vote.weight)
            } else if self.places[place].1 == vote.unit {
                (vote.unit, (strength + vote.weight).min(LEARNED_MAX))
            } else if strength > vote.weight {
                (self.places[place].1, strength - vote.weight)
            } else {
                (vote.unit, vote.weight)
            };
            self.places[place].1 = unit;
            self.marks[place] = mark(strength, day);
        }
    }

    /// Forgets persons nobody touched for 400 days; given ones stay.
    pub fn forget(&mut self, today: Day) {
        let today = day_bits(today);
        let stale = |mark: u16| {
            (mark >> DAY_BITS) as u8 != GIVEN
                && (today.wrapping_sub(mark & DAY_MASK) & DAY_MASK) > MEMORY_DAYS
        };
        if self.places.iter().zip(&self.marks).any(|((fp, _), mark)| *fp != 0 && stale(*mark)) {
            self.rebuild(self.places.len(), stale);
        }
    }

    fn claim(&mut self, fp: u32) -> Option<usize> {
        if !self.places.is_empty() {
            let place = self.place(fp);
            if self.places[place].0 == fp {
                return Some(place);
            }
        }
        if self.used >= TERRITORY_MAX {
            self.refused += 1;
            return None;
        }
        if (self.used + 1) * 4 > self.places.len() * 3 {
            self.rebuild((self.places.len() * 2).max(64), |_| false);
        }
        let place = self.place(fp);
        self.places[place].0 = fp;
        self.used += 1;
        Some(place)
    }

    fn rebuild(&mut self, places: usize, drop: impl Fn(u16) -> bool) {
        let old = std::mem::replace(&mut self.places, vec![(0, 0); places]);
        let marks = std::mem::replace(&mut self.marks, vec![0; places]);
        self.used = 0;
        for ((fp, unit), mark) in old.into_iter().zip(marks) {
            if fp != 0 && !drop(mark) {
                let place = self.place(fp);
                (self.places[place], self.marks[place]) = ((fp, unit), mark);
                self.used += 1;
            }
        }
    }

    fn place(&self, fp: u32) -> usize {
        let mask = self.places.len() - 1;
        let mut at = fp as usize & mask;
        while self.places[at].0 != 0 && self.places[at].0 != fp {
            at = (at + 1) & mask;
        }
        at
    }
}

fn day_bits(day: Day) -> u16 {
    day.rem_euclid(1 << DAY_BITS) as u16
}

fn mark(strength: u8, day: Day) -> u16 {
    u16::from(strength) << DAY_BITS | day_bits(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(fp: u32, unit: u32, weight: u8) -> Vote {
        Vote { fp, unit, weight }
    }

    #[test]
    fn the_unit_that_opens_the_file_wins_and_a_visitor_does_not() {
        let mut territory = Territory::default();
        assert_eq!(territory.origin(5, 1), Origin::Unknown);
        territory.vote(&[vote(5, 1, 2)], 10);
        territory.vote(&[vote(5, 1, 2)], 11);
        territory.vote(&[vote(5, 2, 1)], 12);
        assert_eq!(territory.origin(5, 1), Origin::Own);
        assert_eq!(territory.origin(5, 2), Origin::Unit(1));
        (13..17).for_each(|day| territory.vote(&[vote(5, 2, 2)], day));
        assert_eq!(territory.origin(5, 2), Origin::Own);
    }

    #[test]
    fn a_given_unit_is_not_voted_away() {
        let mut territory = Territory::default();
        territory.give(5, 1, 10);
        (10..40).for_each(|day| territory.vote(&[vote(5, 2, 2)], day));
        territory.forget(10 + 5_000);
        assert_eq!(territory.origin(5, 1), Origin::Own);
    }

    #[test]
    fn forgets_after_four_hundred_days_and_grows_without_losing_anyone() {
        let mut territory = Territory::default();
        let persons: Vec<Vote> = (1..=5_000).map(|n| vote(n * 7, n % 9, 2)).collect();
        territory.vote(&persons, 8_190);
        assert_eq!(territory.len(), 5_000);
        territory.vote(&persons[..100], 8_190 + 300);
        territory.forget(8_190 + 401);
        assert_eq!(territory.len(), 100);
        assert!(persons[..100].iter().all(|v| territory.origin(v.fp, v.unit) == Origin::Own));
    }
}
