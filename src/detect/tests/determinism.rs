//! Order that must not matter.

use proptest::prelude::*;

use super::*;
use crate::detect::channel::Measure;

/// A day of one account: bursts large enough to open, escalate and pass milestones.
fn busy_day(account: &str, seed: u64) -> Vec<Access> {
    (0..60)
        .map(|n| {
            let size = 5 + (seed + n * 7) % 40;
            let first = seed * 100_000 + n * 23;
            let time = at(0, 8, 0) + n as i64 * 9 * MINUTE;
            let access = search(account, time, first..first + size);
            Access { data: 1 << (n % 3), ..access }
        })
        .collect()
}

fn of(reports: &[Report], name: &str) -> Vec<Report> {
    reports.iter().filter(|r| r.name == name).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn interleaving_accounts_changes_nothing_for_any_of_them(picks in prop::collection::vec(0usize..3, 180)) {
        let names = ["a", "b", "c"];
        let days: Vec<Vec<Access>> = names.iter().zip(1..).map(|(name, seed)| busy_day(name, seed)).collect();
        let mut one_by_one = Rig::new();
        for (n, day) in days.iter().enumerate() {
            for (at, access) in day.iter().enumerate() {
                one_by_one.feed_at(access, (n * 1_000 + at) as u64);
            }
        }
        let mut mixed = Rig::new();
        let mut next = [0; 3];
        let rest = (0..3).cycle().take(540);
        for n in picks.into_iter().chain(rest) {
            if let Some(access) = days[n].get(next[n]) {
                mixed.feed_at(access, (n * 1_000 + next[n]) as u64);
                next[n] += 1;
            }
        }
        for name in names {
            let (one, other) = (of(&one_by_one.reports, name), of(&mixed.reports, name));
            prop_assert!(!one.is_empty());
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn order_within_a_slot_changes_no_count_of_the_day(
        order in Just((0u64..90).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let access = |n: u64| view("a", at(0, 10, 0) + (n * 3_300 % 299_999) as i64, n * 2 % 70..n * 2 % 70 + 3);
        let counts = |order: &[u64]| {
            let mut rig = Rig::new();
            rig.feed(&view("a", at(0, 9, 50), 0..5));
            order.iter().for_each(|n| drop(rig.feed(&access(*n))));
            let today = rig.account("a").today.clone().unwrap();
            Measure::ALL.map(|m| today.windows[1].count(m))
        };
        let sorted: Vec<u64> = (0..90).collect();
        prop_assert_eq!(counts(&order), counts(&sorted));
    }
}
