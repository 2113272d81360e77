//! By which operations an account reads: query templates, endpoints with their action, sets of data
//! classes. What none of the peers uses is unusual, however little of it is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::limits::OPERATIONS_MAX;
use crate::event::AccessEvent;

/// Operations of a day that are looked at apart.
const TODAY_MAX: usize = 12;
/// Kinds of operation; the two lowest bits of each hash say which.
const KINDS: u32 = 3;
const KIND_MASK: u32 = 3;
/// A kind with more members than this names filters rather than templates, and says nothing.
const KIND_MAX: usize = 256;
/// Account days in a hundred that make an operation usual; and account days at least.
const USUAL_SHARE: u64 = 100;
const USUAL_LEAST: u64 = 3;

/// One day's operations, and which of them are unusual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operations {
    seen: [u32; TODAY_MAX],
    unusual: u16,
}

fn hash(kind: u32, value: u64) -> u32 {
    let mixed = (value ^ u64::from(kind) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 32) as u32 & !KIND_MASK).max(1 << 2) | kind
}

/// The operations of an event, by kind; 0 where it does not say.
fn of(event: &AccessEvent<'_>) -> [u32; KINDS as usize] {
    let unless_absent = |kind, value: u64| if value == 0 { 0 } else { hash(kind, value) };
    let action = event.action as u64 + 1;
    [
        unless_absent(1, event.query),
        hash(2, event.resource.rotate_left(8) ^ action),
        unless_absent(3, u64::from(event.data)),
    ]
}

impl Operations {
    /// Notes an event's operations; returns whether one of them is not among the usual ones, which
    /// are sorted, and empty while nothing is known.
    pub fn note(&mut self, event: &AccessEvent<'_>, usual: &[u32]) -> bool {
        let mut unusual = false;
        for operation in of(event) {
            if operation == 0 {
                continue;
            }
            let known = self.seen.iter().position(|seen| *seen == operation);
            unusual |= match known {
                Some(at) => self.unusual >> at & 1 == 1,
                None => self.add(operation, usual),
            };
        }
        unusual
    }

    fn add(&mut self, operation: u32, usual: &[u32]) -> bool {
        let known = |word: u32| usual.binary_search(&word).is_ok();
        let odd = !usual.is_empty() && !known(operation & KIND_MASK) && !known(operation);
        if let Some(at) = self.seen.iter().position(|seen| *seen == 0) {
            self.seen[at] = operation;
            self.unusual |= u16::from(odd) << at;
        }
        odd
    }

    /// Every operation of the day, in order of appearance.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.seen.iter().copied().take_while(|seen| *seen != 0)
    }
}

/// The operations that a group uses, sorted: on one account day in a hundred, and on three at
/// least. A kind that has too many stands for itself, as a word that is its number alone.
pub(super) fn usual<'a>(blocks: impl Iterator<Item = (&'a BTreeMap<u32, u32>, u64)>) -> Vec<u32> {
    let mut days: BTreeMap<u32, u64> = BTreeMap::new();
    let mut account_days = 0;
    for (operations, of_block) in blocks {
        account_days += of_block;
        for (operation, n) in operations {
            *days.entry(*operation).or_default() += u64::from(*n);
        }
    }
    let least = (account_days / USUAL_SHARE).max(USUAL_LEAST);
    let full = days.len() >= OPERATIONS_MAX;
    let mut usual: Vec<u32> = (1..=KINDS)
        .filter(|kind| {
            let of_kind = days.keys().filter(|o| *o & KIND_MASK == *kind).count();
            of_kind > KIND_MAX || full && of_kind > KIND_MAX / 4
        })
        .collect();
    usual.extend(days.iter().filter(|(_, n)| **n >= least).map(|(operation, _)| *operation));
    usual.sort_unstable();
    usual
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(counts: &[(u32, u32)]) -> BTreeMap<u32, u32> {
        counts.iter().copied().collect()
    }

    #[test]
    fn what_one_account_in_a_hundred_does_is_usual() {
        let (name, town) = (hash(1, 11), hash(1, 12));
        let first = block(&[(name, 900), (town, 4)]);
        let known = usual([(&first, 1_000)].into_iter());
        assert_eq!(known, [name]);
        let mut today = Operations::default();
        assert!(today.add(town, &known) && !today.add(name, &known));
        assert!(
            !Operations::default().add(town, &[]),
            "nothing is unusual before anything is known"
        );
        assert_eq!(today.iter().collect::<Vec<_>>(), [town, name]);
    }

    #[test]
    fn filters_of_every_search_are_no_templates() {
        let filters: BTreeMap<u32, u32> = (0..400).map(|n| (hash(1, n + 7), 1)).collect();
        let known = usual([(&filters, 400)].into_iter());
        assert!(!Operations::default().add(hash(1, 5_000), &known));
        let mut with_endpoints = filters.clone();
        with_endpoints.insert(hash(2, 9), 300);
        let known = usual([(&with_endpoints, 400)].into_iter());
        assert!(Operations::default().add(hash(2, 10), &known), "endpoints still are");
    }
}
