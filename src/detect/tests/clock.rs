//! Clocks that are wrong, and events that are late.

use super::*;
use crate::detect::channel::Measure;

#[test]
fn two_wrong_clocks_do_not_move_the_watermark_and_a_third_account_does() {
    let mut rig = Rig::new();
    rig.pass_time(at(0, 10, 0));
    let watermark = rig.detector.watermark();
    assert_eq!(watermark, at(0, 9, 50));
    rig.feed(&view("x", at(900, 0, 0), 0..1));
    rig.feed(&view("y", at(900, 0, 0), 0..1));
    assert_eq!(rig.detector.watermark(), watermark);
    rig.pass_time(at(0, 11, 0));
    assert_eq!(rig.detector.watermark(), at(0, 10, 50));
    assert_eq!(rig.detector.counters().days, 0);
}

#[test]
fn three_events_far_behind_make_the_time_fall_back() {
    let mut rig = Rig::new();
    rig.feed(&view("a", at(0, 10, 0), 0..1));
    rig.feed(&view("a", at(900, 0, 0), 1..2));
    for (minute, time) in [(1, at(900, 0, 0)), (3, at(900, 0, 0)), (2, at(0, 10, 3))] {
        rig.feed(&view("a", at(0, 10, minute), 2..3));
        assert_eq!(rig.account("a").time, time, "{minute}");
    }
    assert_eq!(rig.detector.counters().clock_fallbacks, 1);
    assert_eq!(rig.detector.counters().late, 2);
    assert_eq!(rig.account("a").day.day, MONDAY_DAY);
}

#[test]
fn a_clock_ahead_by_hours_does_not_blind_the_hour_windows() {
    let mut rig = Rig::with_rules(&["role-ceiling.toml"]);
    rig.feed(&view("a", at(0, 9, 0), 0..1));
    rig.feed(&view("a", at(0, 20, 0), 1..2));
    for minute in 0..3 {
        rig.feed(&view("a", at(0, 9, 10 + minute), 2..3));
    }
    assert_eq!(rig.account("a").today.as_ref().unwrap().slot, 9 * 12 + 2);
    let said = rig.feed(&search("a", at(0, 10, 0), 1_000..1_501));
    assert_eq!(watches(only(&said)), [Watch::RoleCeiling]);
}

#[test]
fn a_clock_that_comes_back_into_another_hour_class_counts_on() {
    let mut rig = Rig::new();
    for (hour, minute, first) in [(22, 0, 0), (22, 10, 10), (9, 3, 20), (9, 4, 20), (9, 5, 20)] {
        rig.feed(&view("a", at(0, hour, minute), first..first + 5));
    }
    for minute in 6..30 {
        rig.feed(&view("a", at(0, 9, minute), 0..25));
    }
    let windows = &rig.account("a").today.as_ref().unwrap().windows[1];
    assert!(windows.is_sound());
    assert_eq!(windows.count(Measure::Persons1h), 25);
}

#[test]
fn an_alert_of_a_wrong_clock_ends_after_a_quiet_day_of_the_right_one() {
    let mut rig = Rig::with_rules(&["role-ceiling.toml"]);
    rig.pass_time(at(0, 9, 0));
    rig.feed(&search("a", at(3_000, 9, 0), 0..501));
    assert_eq!(only(&rig.reports).cause, Cause::Opened);
    for minute in 0..3 {
        rig.feed(&view("a", at(0, 10, minute), 0..1));
    }
    let account = rig.account("a");
    assert!(account.excluded_until <= MONDAY_DAY + 7, "{}", account.excluded_until);
    rig.pass_time(at(1, 10, 13));
    assert_eq!(rig.reports.last().map(|r| (r.cause, r.at)), Some((Cause::Ended, at(1, 10, 2))));
    // Back on the date of an earlier alert, ids must not repeat.
    let mut rig = Rig::with_rules(&["role-ceiling.toml"]);
    rig.feed(&search("a", at(0, 9, 0), 0..501));
    rig.feed(&search("a", at(3_000, 9, 0), 0..501));
    (0..3).for_each(|minute| drop(rig.feed(&view("a", at(0, 12, minute), 0..1))));
    rig.pass_time(at(1, 13, 0));
    rig.feed(&search("a", at(0, 13, 0), 0..501));
    let ids: std::collections::BTreeSet<_> = rig
        .reports
        .iter()
        .filter(|r| r.cause == Cause::Opened)
        .map(|r| (r.opened.div_euclid(DAY), r.ordinal))
        .collect();
    assert_eq!(ids.len(), rig.reports.iter().filter(|r| r.cause == Cause::Opened).count());
    assert!(ids.len() >= 2);
}

#[test]
fn a_late_event_of_the_day_counts_in_the_windows_that_contain_it() {
    let mut rig = Rig::new();
    rig.feed(&view("a", at(0, 10, 0), 0..1));
    rig.feed(&view("a", at(0, 9, 58), 1..4));
    rig.feed(&view("a", at(0, 8, 0), 4..9));
    let windows = &rig.account("a").today.as_ref().unwrap().windows[1];
    assert_eq!(windows.count(Measure::Persons5m), 1);
    assert_eq!(windows.count(Measure::Persons1h), 4);
    assert_eq!(windows.count(Measure::Persons1d), 9);
    assert_eq!(rig.detector.counters().late, 0);
}

#[test]
fn a_late_event_that_crosses_alerts_as_much_as_a_punctual_one() {
    let mut rig = Rig::with_rules(&["role-ceiling.toml"]);
    rig.feed(&search("a", at(0, 10, 0), 0..500));
    assert_eq!(only(&rig.feed(&search("a", at(0, 9, 50), 500..501))).cause, Cause::Opened);
}

#[test]
fn an_event_of_a_closed_day_is_counted_late() {
    let mut rig = Rig::new();
    rig.feed(&view("a", at(0, 23, 59), 0..1));
    rig.feed(&view("a", at(1, 0, 0), 1..2));
    rig.feed(&view("a", at(0, 23, 59), 2..9));
    assert_eq!(rig.detector.counters().late, 1);
    let windows = &rig.account("a").today.as_ref().unwrap().windows[1];
    assert_eq!(windows.count(Measure::Persons1d), 1);
}

#[test]
fn days_of_23_and_25_hours_are_days() {
    // 31 March and 27 October 2024, every quarter of an hour of three days around.
    for (first, days) in [(1_711_753_200_000, 1), (1_729_893_600_000, 1)] {
        let mut rig = Rig::new();
        for quarter in 0..3 * 96 + 4 {
            let time = first + quarter * 15 * MINUTE;
            rig.feed(&view("a", time, quarter as u64..quarter as u64 + 1));
            let account = rig.account("a");
            assert!(account.day.contains(time));
            assert!(account.today.as_ref().unwrap().slot < 300);
        }
        assert!(rig.account("a").closed_days > days);
        assert_eq!(rig.detector.counters().late, 0);
    }
}
