//! What is learned, and from whom it is not.

use super::*;
use crate::detect::channel::Measure;
use crate::detect::limits::EXCLUDED_DAYS;
use crate::detect::shared::unit_hash;
use crate::detect::window::Origin;
use crate::event::Touch;

const STRANGERS: Range<u64> = 1_000_000..1_000_400;

fn attack(n: u64, day: i64) -> Access {
    Access { unit: Some("unit-0".into()), ..search(&adviser(n), at(day, 19, 30), STRANGERS) }
}

#[test]
fn an_account_that_alerts_learns_nothing_until_seven_days_later() {
    let mut rig = Rig::new();
    rig.work(0..30);
    let past = rig.account(&adviser(0)).clone();
    let said = rig.feed(&attack(0, 29));
    assert_eq!(said[0].cause, Cause::Opened);
    // Closed at the first event of the next day, so the days 29 to 36 are closed by that of 37.
    let last = 29 + i64::from(EXCLUDED_DAYS);
    for day in 30..=last + 1 {
        rig.work(day..day + 1);
        let account = rig.account(&adviser(0));
        assert_eq!((account.base, account.activity), (past.base, past.activity), "day {day}");
        let anchors = |a: &super::super::account::Account| a.drift.map(|d| d.map(|d| d.anchor));
        assert_eq!(anchors(account), anchors(&past), "day {day}");
    }
    rig.work(last + 2..last + 3);
    assert_ne!(rig.account(&adviser(0)).base, past.base, "then it learns again");
    let peer = rig.account(&adviser(6));
    assert_ne!(peer.base, past.base, "its peers never stopped");
}

#[test]
fn the_epoch_is_the_same_as_if_the_thief_had_not_worked_those_days() {
    let mut attacked = Rig::new();
    let mut absent = Rig::new();
    for rig in [&mut attacked, &mut absent] {
        rig.work(0..28);
    }
    // One steals and goes on working, the other goes home for good at nine; both worlds go on.
    for day in 28..30 {
        for hour in 9..15 {
            for n in 0..ADVISERS {
                let access = super::ordinary(n, day, hour);
                attacked.feed(&access);
                if n != 0 || day == 28 || hour == 9 {
                    absent.feed(&access);
                }
            }
        }
        if day == 29 {
            attacked.feed(&attack(0, day));
        }
    }
    for day in [30, 31, 32] {
        for hour in 9..15 {
            for n in 0..ADVISERS {
                let access = super::ordinary(n, day, hour);
                attacked.feed(&access);
                if n != 0 {
                    absent.feed(&access);
                }
            }
        }
    }
    let (a, b) = (attacked.detector.epoch(), absent.detector.epoch());
    assert_eq!(a.number, b.number);
    for (with, without) in a.groups.values().zip(b.groups.values()) {
        assert_eq!(with.classes, without.classes);
        // Its peers' prior lacks one member's mean, which moves ratios by a hair.
        for (a, b) in with.wave.iter().zip(without.wave) {
            assert!((a / b - 1.0).abs() < 0.02, "{a} {b}");
        }
        assert_eq!(with.p99, without.p99);
        assert_eq!((with.size, without.size), (ADVISERS - 1, ADVISERS), "it left its peers");
    }
}

#[test]
fn strangers_read_by_a_thief_stay_strangers_and_those_of_an_honest_account_get_a_unit() {
    let mut rig = Rig::new();
    rig.work(0..30);
    rig.feed(&attack(0, 29));
    let honest = Access {
        unit: Some("unit-1".into()),
        ..view(&adviser(1), at(29, 16, 0), 2_000_000..2_000_010)
    };
    assert!(rig.feed(&honest).is_empty());
    rig.work(30..38);
    let territory = &rig.detector.shared.territory;
    let unit = unit_hash("unit-1");
    for n in STRANGERS {
        assert_eq!(territory.origin(person(n).fingerprint(), unit), Origin::Unknown, "{n}");
    }
    for n in 2_000_000..2_000_010 {
        assert_eq!(territory.origin(person(n).fingerprint(), unit), Origin::Own, "{n}");
    }
}

#[test]
fn alpha_shares_the_budget_over_the_tests_that_are_made() {
    let mut rig = Rig::new();
    let mut alphas = Vec::new();
    for day in 0..42 {
        rig.work(day..day + 1);
        alphas.push(rig.detector.epoch().channel(Touch::Opened, Measure::Persons1d).alpha);
    }
    // 60 accounts: two false alerts a week are 1/30 an account week; 7 % of the budget for the day
    // window, half of it for opened files, five tests a week.
    let wanted = 2.0 / 60.0 * 0.07 / 2.0 / 5.0;
    for (day, alpha) in alphas.iter().enumerate().skip(2) {
        assert!((0.5..2.0).contains(&(alpha / wanted)), "day {day}: {alpha} {wanted}");
    }
    assert!((alphas[41] / wanted - 1.0).abs() < 0.15, "{} {wanted}", alphas[41]);
}
