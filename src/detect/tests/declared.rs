//! What the operator declares: accounts that ended, machines, expected activity, ceilings.

use std::collections::BTreeMap;

use super::*;
use crate::detect::channel::Measure;
use crate::detect::snapshot::PAYLOAD_VERSION;
use crate::directory::{AccountEntry, Accounts, Caseload, Expected, Scope};
use crate::event::Touch;

fn directory(account: &str, entry: AccountEntry) -> Control {
    Control::Accounts(Arc::new(Accounts(BTreeMap::from([(account.to_owned(), entry)]))))
}

fn expected(scope: Scope, ceiling: u64, from: Option<i64>, to: Option<i64>) -> Control {
    let day = |day: i64| MONDAY_DAY + day as i32;
    let (author, reason) = ("op".to_owned(), "campaign".to_owned());
    let row = Expected { scope, ceiling, from: from.map(day), to: to.map(day), author, reason };
    Control::Expected(Arc::new(vec![row]))
}

#[test]
fn day_numbers_agree() {
    let mut calendar = super::super::time::Calendar::new("Europe/Paris").unwrap();
    let day = calendar.day_of(at(0, 0, 0));
    assert_eq!((day.day, day.weekday, day.start_ms), (MONDAY_DAY, 0, at(0, 0, 0)));
}

#[test]
fn an_account_that_ended_alerts_on_any_successful_access() {
    let mut rig = Rig::new();
    let entry = AccountEntry { ends_on: Some(MONDAY_DAY), ..AccountEntry::default() };
    rig.detector.control(directory("a", entry), &mut Vec::new());
    assert!(rig.feed(&view("a", at(0, 23, 50), 0..3)).is_empty(), "its last day");
    let denied = Access { outcome: Outcome::Denied, ..view("a", at(1, 9, 0), 0..0) };
    assert!(rig.feed(&denied).is_empty());
    let login = Access { action: Action::Login, ..view("a", at(1, 9, 1), 0..0) };
    let said = rig.feed(&login);
    let report = only(&said);
    assert_eq!(watches(report), [Watch::EndedAccount]);
    assert_eq!((report.signals[0].observed, report.signals[0].threshold), (1, 1));
    assert!(rig.feed(&view("a", at(1, 9, 2), 0..1)).iter().all(|r| r.cause == Cause::Exposure));
}

#[test]
fn expected_activity_raises_thresholds_between_its_dates_and_from_the_next_day_on() {
    let bulk = |day| search("a", at(day, 10, 0), 0..600);
    let opens = |rig: &mut Rig, day| {
        let said = rig.feed(&bulk(day));
        said.iter().any(|r| r.cause == Cause::Opened)
    };
    let scope = || Scope::Account("a".into());
    let mut plain = Rig::with_rules(&["volume.toml", "declared-ceiling.toml"]);
    assert!(opens(&mut plain, 1), "600 persons do alert");

    let mut rig = Rig::with_rules(&["volume.toml", "declared-ceiling.toml"]);
    rig.feed(&search("a", at(0, 9, 0), 0..1));
    rig.detector.control(expected(scope(), 1_000, Some(0), Some(2)), &mut Vec::new());
    assert!(opens(&mut rig, 0), "the day had begun");
    for (day, alerts) in [(4, true), (2, false), (3, true)] {
        let mut rig = Rig::with_rules(&["volume.toml", "declared-ceiling.toml"]);
        rig.detector.control(expected(scope(), 1_000, Some(1), Some(2)), &mut Vec::new());
        assert_eq!(opens(&mut rig, day), alerts, "{day}");
    }
    let mut rig = Rig::with_rules(&["volume.toml", "declared-ceiling.toml"]);
    rig.detector.control(expected(scope(), 1_000, Some(1), Some(2)), &mut Vec::new());
    let said = rig.feed(&search("a", at(1, 10, 0), 0..1_001));
    assert!(watches(only(&said)).contains(&Watch::DeclaredCeiling));
    assert!(only(&said).signals.iter().all(|s| s.threshold >= 1_001));
}

#[test]
fn a_standing_declaration_is_a_ceiling_for_its_scope_only() {
    let group = |role: &str| Scope::Group { partner: "cap-emploi".into(), role: role.into() };
    for (scope, applies) in [
        (Scope::Account("a".into()), true),
        (Scope::Account("b".into()), false),
        (Scope::Unit("u".into()), true),
        (Scope::Unit(String::new()), false),
        (Scope::Partner("cap-emploi".into()), true),
        (Scope::Role("cap-adviser".into()), true),
        (group("cap-adviser"), true),
        (group("manager"), false),
    ] {
        let mut rig = Rig::with_rules(&["declared-ceiling.toml"]);
        rig.detector.control(expected(scope.clone(), 40, None, None), &mut Vec::new());
        let mine = |persons| Access { unit: Some("u".into()), ..view("a", at(0, 10, 0), persons) };
        assert!(rig.feed(&mine(0..40)).is_empty(), "{scope:?}");
        let said = rig.feed(&mine(40..41));
        assert_eq!(said.len(), usize::from(applies), "{scope:?}");
        if applies {
            let signal = &said[0].signals[0];
            assert_eq!(
                (signal.watch, signal.observed, signal.threshold),
                (Watch::DeclaredCeiling, 41, 41)
            );
        }
    }
}

#[test]
fn declarations_beyond_counting_do_not_overflow() {
    for to in [None, Some(9)] {
        let mut rig = Rig::new();
        rig.detector
            .control(expected(Scope::Account("a".into()), u64::MAX, None, to), &mut Vec::new());
        let said = rig.feed(&search("a", at(0, 10, 0), 0..400));
        assert!(said.iter().all(|r| !watches(r).contains(&Watch::DeclaredCeiling)));
    }
}

#[test]
fn a_machine_is_judged_by_its_own_past() {
    let mut rig = Rig::with_rules(&["volume.toml"]);
    let machine = AccountEntry { machine: true, ..AccountEntry::default() };
    rig.detector.control(directory("batch", machine), &mut Vec::new());
    let night = |day: i64, persons: u64| -> Vec<Access> {
        let part = persons / 8;
        (0..8).map(|n| search("batch", at(day, 2, n as i64), n * part..(n + 1) * part)).collect()
    };
    for day in 0..30 {
        let size = 720 + 20 * (day as u64 % 5);
        let said = rig.feed_all(&night(day, size));
        assert!(said.is_empty(), "night {day}: {said:#?}");
        rig.pass_time(at(day, 12, 0));
    }
    assert!(rig.feed_all(&night(30, 880)).is_empty(), "a tenth more is a schedule");
    let said = rig.feed_all(&night(31, 4_000));
    assert_eq!(said.iter().filter(|r| r.cause == Cause::Opened).count(), 1);
    let daily = said.iter().flat_map(|r| &r.signals).find(|s| s.measure.unwrap().window() == "1d");
    let expected = daily.unwrap().expected;
    assert!((700.0..900.0).contains(&expected), "its own mean, not the prior's 1,000: {expected}");
}

#[test]
fn a_machine_that_never_listed_is_judged_by_what_it_opens() {
    let mut rig = Rig::with_rules(&["volume.toml"]);
    let machine = AccountEntry { machine: true, ..AccountEntry::default() };
    rig.detector.control(directory("api", machine), &mut Vec::new());
    for day in 0..30 {
        let open = |n: u64| view("api", at(day, 2, 0) + n as i64 * SECOND, n..n + 1);
        let day: Vec<Access> = (0..300).map(open).collect();
        assert!(rig.feed_all(&day).is_empty());
        rig.pass_time(day[299].time + 10 * HOUR);
    }
    let lists = |n: u64| search("api", at(30, 2, 0) + n as i64 * SECOND, n * 50..n * 50 + 50);
    let said = rig.feed_all(&(0..100).map(lists).collect::<Vec<Access>>());
    let opened = said.iter().find(|r| r.cause == Cause::Opened).expect("five thousand at once");
    assert!(opened.persons.0 <= 1_500, "{:?}", opened.persons);
}

#[test]
fn persons_outside_a_listed_caseload_count_once_unless_the_application_says_so_itself() {
    let unrelated = |rig: &Rig, name: &str| {
        let account = rig.detector.accounts.iter().find(|a| &*a.name == name).unwrap();
        account.today.as_ref().unwrap().count(Touch::Listed, Measure::Unrelated1d)
    };
    let mut rig = Rig::new();
    let mut rows: Vec<_> = (0..10).map(|n| ("a".to_owned(), person(n).fingerprint())).collect();
    rows.sort_unstable();
    rig.feed(&view("a", at(0, 8, 0), 20..22));
    assert_eq!(unrelated(&rig, "a"), 0, "there is no list yet");
    rig.detector.control(Control::Caseload(Arc::new(Caseload(rows))), &mut Vec::new());
    rig.feed(&view("a", at(0, 9, 0), 5..16));
    assert_eq!(unrelated(&rig, "a"), 6, "ten to fifteen");
    rig.feed(&view("a", at(0, 10, 0), 5..16));
    assert_eq!(unrelated(&rig, "a"), 6, "the same again");
    rig.feed(&view("b", at(0, 10, 0), 5..16));
    assert_eq!(unrelated(&rig, "b"), 0, "nobody is listed for b");

    let bytes = rig.detector.snapshot();
    rig.detector = Detector::restore(PAYLOAD_VERSION, &bytes).unwrap();
    rig.feed(&view("a", at(0, 11, 0), 30..33));
    assert_eq!(unrelated(&rig, "a"), 9, "the list outlives a restart");
    rig.detector.control(Control::Caseload(Arc::default()), &mut Vec::new());
    rig.feed(&view("a", at(0, 12, 0), 40..43));
    assert_eq!(unrelated(&rig, "a"), 9, "the list was taken away");
}
