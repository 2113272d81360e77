//! Whom an account has touched within four weeks: four bytes a person, so that a person it meets
//! for the first time can be told from one of its caseload.
//!
//! Sorted words of 24 bits of fingerprint and 8 bits of day, merged once a day. Two persons in
//! sixteen million share their 24 bits; beyond [`ACQUAINTANCES_MAX`] the memory becomes shorter.

use serde::{Deserialize, Serialize};

use super::limits::{ACQUAINTANCES_MAX, MEMORY_DAYS};
use super::time::Day;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Acquaintances(Vec<u32>);

const DAY_BITS: u32 = 8;
const DAY_MASK: u32 = (1 << DAY_BITS) - 1;

fn who(fp: u32) -> u32 {
    fp >> DAY_BITS
}

fn age(word: u32, today: Day) -> u32 {
    (today as u32).wrapping_sub(word) & DAY_MASK
}

impl Acquaintances {
    /// Whether the person was touched on one of the days that are remembered.
    #[must_use]
    pub fn knows(&self, fp: u32) -> bool {
        let who = who(fp);
        let before = |at: usize| self.0.get(at).is_some_and(|word| word >> DAY_BITS < who);
        let mut at = self.guess(who);
        while at > 0 && !before(at - 1) {
            at -= 1;
        }
        while before(at) {
            at += 1;
        }
        self.0.get(at).is_some_and(|word| word >> DAY_BITS == who)
    }

    /// Reads where [`Acquaintances::knows`] will look; the value says nothing.
    pub(super) fn peek(&self, fp: u32) -> u64 {
        self.0.get(self.guess(who(fp))).map_or(0, |word| u64::from(*word))
    }

    /// About where a person stands: fingerprints are spread evenly, so that it is a few steps from
    /// there, where halving would go through the whole memory.
    fn guess(&self, who: u32) -> usize {
        ((u64::from(who) * self.0.len() as u64) >> (u32::BITS - DAY_BITS)) as usize
    }

    /// Whoever was touched within so many days before today, by the upper 24 bits.
    pub fn within(&self, days: u32, today: Day) -> impl Iterator<Item = u32> {
        self.0.iter().filter(move |word| age(**word, today) <= days).map(|word| word & !DAY_MASK)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nobody yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of the table.
    #[must_use]
    pub(super) fn bytes(&self) -> u64 {
        (self.0.capacity() * size_of::<u32>()) as u64
    }

    /// Forgets whom it has not touched for [`MEMORY_DAYS`].
    pub fn forget(&mut self, today: Day) {
        self.0.retain(|word| age(*word, today) < MEMORY_DAYS);
    }

    /// Remembers everyone touched on a day.
    pub fn remember(&mut self, persons: impl Iterator<Item = u32>, day: Day) {
        let mut news: Vec<u32> =
            persons.map(|fp| who(fp) << DAY_BITS | (day as u32 & DAY_MASK)).collect();
        if news.is_empty() {
            return;
        }
        news.sort_unstable();
        news.dedup();
        let mut all = Vec::with_capacity(news.len() + self.0.len());
        let mut news = news.into_iter().peekable();
        for known in self.0.iter().filter(|word| age(**word, day) < MEMORY_DAYS) {
            while let Some(new) = news.next_if(|new| new >> DAY_BITS < known >> DAY_BITS) {
                all.push(new);
            }
            // Touched again: the newer day follows.
            if news.peek().is_none_or(|new| new >> DAY_BITS != known >> DAY_BITS) {
                all.push(*known);
            }
        }
        all.extend(news);
        let mut days = MEMORY_DAYS;
        while all.len() > ACQUAINTANCES_MAX && days > 1 {
            days -= 1;
            all.retain(|word| age(*word, day) < days);
        }
        all.truncate(ACQUAINTANCES_MAX);
        all.shrink_to_fit();
        self.0 = all;
    }

    /// Whether the words are in order, as they are unless a snapshot was damaged.
    #[must_use]
    pub(super) fn is_sound(&self) -> bool {
        self.0.windows(2).all(|pair| pair[0] >> DAY_BITS < pair[1] >> DAY_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn knows_whom_a_map_of_days_knows(
            days in prop::collection::vec((0i32..6, prop::collection::vec((1u32..300).prop_map(|n| n << DAY_BITS | n & 7), 0..40)), 1..60)
        ) {
            let mut memory = Acquaintances::default();
            let mut model = BTreeMap::new();
            let mut day = 19_700;
            for (step, persons) in days {
                day += step;
                memory.remember(persons.iter().copied(), day);
                persons.iter().for_each(|fp| { model.insert(*fp, day); });
                memory.forget(day);
                model.retain(|_, last| day - *last < MEMORY_DAYS as i32);
                prop_assert!(memory.is_sound());
                prop_assert_eq!(memory.len(), model.len());
                for fp in (1..300).map(|n| n << DAY_BITS | n & 7) {
                    prop_assert_eq!(memory.knows(fp), model.contains_key(&fp));
                }
            }
        }
    }

    #[test]
    fn a_wide_account_is_remembered_for_fewer_days() {
        let mut memory = Acquaintances::default();
        for day in 0..20 {
            let first = day as u32 * 1_000;
            memory.remember((first..first + 400).map(|n| n << DAY_BITS), day);
        }
        assert!(memory.len() <= ACQUAINTANCES_MAX);
        assert!(memory.knows(19_000 << DAY_BITS) && !memory.knows(1_000 << DAY_BITS));
    }
}
