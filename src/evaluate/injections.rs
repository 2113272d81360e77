//! Attacks to lay over a real history: whose days, how many records, when.
//!
//! A run gets few of them, each on another account, so that one does not help or hide another.

use std::collections::{BTreeMap, BTreeSet};

use super::stats::Random;
use crate::event::TimestampMs;

/// One account on one day of the history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccountDay {
    /// Whose.
    pub account: u32,
    /// Local day, any origin.
    pub day: i32,
    /// Its first event.
    pub first_ms: TimestampMs,
    /// End of the local day.
    pub end_ms: TimestampMs,
    /// Distinct records of the day.
    pub records: u32,
    /// Days on which the account was active before.
    pub before: u32,
}

/// Extra records of one account on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct Extra {
    /// On which.
    pub on: AccountDay,
    /// How many, all of them records nobody has touched.
    pub records: u32,
}

/// One attack.
#[derive(Clone, Debug, PartialEq)]
pub struct Injection {
    /// The row it belongs to.
    pub name: String,
    /// Its days, in order; all of one account.
    pub days: Vec<Extra>,
    /// Records in all, those that are too many to be played included.
    pub wanted: u64,
    /// The account had fewer than five active days before.
    pub cold: bool,
}

/// Sizes of one-day bursts.
pub const BURSTS: [u32; 4] = [100, 300, 1_000, 3_000];
/// Ramps: name, multiple of the own mean at the beginning, growth an active day.
pub const RAMPS: [(&str, f64, f64); 4] = [
    ("ramp +2 %", 0.5, 0.02),
    ("ramp +5 %", 0.5, 0.05),
    ("ramp +10 %", 0.5, 0.1),
    ("flat ×3", 3.0, 0.0),
];
/// Active days of a ramp.
const RAMP_DAYS: usize = 120;
/// Records a day that are played at most; what a ramp wants beyond is only counted.
const PLAYED_MAX: f64 = 5_000.0;
/// Active days an account must have before and within the test to be ramped.
const TRAINING_MIN: u32 = 20;
const TEST_MIN: usize = 60;
const COLD_BELOW: u32 = 5;

/// One-day bursts for a run: other accounts, other days, sizes in turn.
#[must_use]
pub fn bursts(days: &[AccountDay], count: usize, seed: u64) -> Vec<Injection> {
    let mut random = Random::new(seed);
    let (mut accounts, mut dates) = (BTreeSet::new(), BTreeSet::new());
    let mut found = Vec::new();
    // A few more draws than are needed: some fall on what is taken.
    for _ in 0..count * 20 {
        if found.len() == count || days.is_empty() {
            break;
        }
        let on = days[random.below(days.len())];
        if accounts.contains(&on.account) || !dates.insert(on.day) {
            continue;
        }
        accounts.insert(on.account);
        let records = BURSTS[found.len() % BURSTS.len()];
        found.push(Injection {
            name: format!("burst +{records}"),
            days: vec![Extra { on, records }],
            wanted: u64::from(records),
            cold: on.before < COLD_BELOW,
        });
    }
    found
}

/// Ramps for a run: other accounts, kinds in turn, from each account's first day of the test on.
#[must_use]
pub fn ramps(days: &[AccountDay], count: usize, seed: u64) -> Vec<Injection> {
    let mut own: BTreeMap<u32, Vec<AccountDay>> = BTreeMap::new();
    for day in days {
        own.entry(day.account).or_default().push(*day);
    }
    let long = |days: &&Vec<AccountDay>| days.len() >= TEST_MIN && days[0].before >= TRAINING_MIN;
    let mut able: Vec<&Vec<AccountDay>> = own.values().filter(long).collect();
    let mut random = Random::new(seed);
    let mut found = Vec::new();
    while found.len() < count && !able.is_empty() {
        let days = able.swap_remove(random.below(able.len()));
        // Kinds go round over runs as well.
        let (name, start, growth) = RAMPS[(found.len() + seed as usize) % RAMPS.len()];
        let mean = days.iter().map(|d| f64::from(d.records)).sum::<f64>() / days.len() as f64;
        let mut extras = Vec::new();
        let mut wanted = 0.0;
        for (nth, on) in days.iter().take(RAMP_DAYS).enumerate() {
            let today = (mean * start * (1.0 + growth).powf(nth as f64)).round();
            wanted += today;
            let records = today.min(PLAYED_MAX) as u32;
            if records > 0 {
                extras.push(Extra { on: *on, records });
            }
        }
        let (name, cold) = (name.to_owned(), false);
        found.push(Injection { name, days: extras, wanted: wanted as u64, cold });
    }
    found
}

/// The times of a day's extra records, page by page: when, and how many.
#[must_use]
pub fn pages(extra: &Extra) -> Vec<(TimestampMs, u32)> {
    const WORKING_MS: TimestampMs = 8 * 3_600_000;
    const PAGE: u32 = 10;
    let last = extra.on.end_ms - 60_000;
    // A short evening is still an evening.
    let from = extra.on.first_ms.min(last - 3_600_000);
    let to = (from + WORKING_MS).min(last);
    let count = extra.records.div_ceil(PAGE);
    // At random moments: equal distances would give a script away that a thief need not use.
    let mut random = Random::new((u64::from(extra.on.account) << 32) + u64::from(extra.records));
    let span = usize::try_from(to - from).unwrap_or(0).max(1);
    let mut times: Vec<TimestampMs> =
        (0..count).map(|_| from + random.below(span) as TimestampMs).collect();
    times.sort_unstable();
    let page = |(n, at): (u32, TimestampMs)| (at, PAGE.min(extra.records - n * PAGE));
    (0..count).zip(times).map(page).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: TimestampMs = 86_400_000;

    fn day(account: u32, day: i32, before: u32) -> AccountDay {
        let end_ms = TimestampMs::from(day + 1) * DAY_MS;
        let first_ms = end_ms - 15 * 3_600_000;
        AccountDay { account, day, first_ms, end_ms, records: 10, before }
    }

    fn days() -> Vec<AccountDay> {
        (0..100).flat_map(|d| (0..20).map(move |a| day(a, d, 30 + d as u32))).collect()
    }

    #[test]
    fn bursts_are_few_and_far_apart() {
        let found = bursts(&days(), 12, 3);
        assert_eq!(found.len(), 12);
        assert_eq!(found, bursts(&days(), 12, 3));
        assert_ne!(found, bursts(&days(), 12, 4));
        let accounts: BTreeSet<u32> = found.iter().map(|i| i.days[0].on.account).collect();
        let dates: BTreeSet<i32> = found.iter().map(|i| i.days[0].on.day).collect();
        assert_eq!((accounts.len(), dates.len()), (12, 12));
        assert_eq!(found.iter().filter(|i| i.wanted == 300).count(), 3);
        assert_eq!(bursts(&[], 12, 3), []);
    }

    #[test]
    fn ramps_grow_from_the_own_mean() {
        let found = ramps(&days(), 4, 0);
        let of = |name: &str| found.iter().find(|i| i.name == name).unwrap();
        let five = of("ramp +5 %");
        assert_eq!(five.days.len(), 100, "no longer than the history");
        assert_eq!(five.days[0].records, 5);
        assert_eq!(five.days[20].records, 13);
        assert!(five.wanted > 12_000, "{}", five.wanted);
        assert!(of("ramp +10 %").days.iter().all(|d| d.records <= 5_000));
        assert!(of("ramp +10 %").wanted > 600_000);
        assert!(of("flat ×3").days.iter().all(|d| d.records == 30));
        assert_eq!(ramps(&[day(1, 1, 100)], 4, 0), [], "too short a test");
    }

    #[test]
    fn pages_stay_within_the_day() {
        let on = day(1, 5, 0);
        let late = AccountDay { first_ms: on.end_ms - 1_000, ..on };
        for (on, records) in [(on, 3_000), (on, 7), (late, 25)] {
            let pages = pages(&Extra { on, records });
            assert_eq!(pages.iter().map(|p| p.1).sum::<u32>(), records);
            assert!(pages.iter().all(|p| p.0 < on.end_ms && p.0 >= on.end_ms - DAY_MS));
            assert!(pages.windows(2).all(|w| w[0].0 <= w[1].0));
        }
    }
}
