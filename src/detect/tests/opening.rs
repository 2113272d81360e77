//! When an episode opens, and what its first report says.

use super::*;
use crate::alert::EntityKind;
use crate::detect::limits::PERSONS_FLOOR;
use crate::event::Touch;

/// Persons nobody in memory ever touched.
const STRANGERS: u64 = 1_000_000;

fn sweep(account: &str, from: TimestampMs, persons: u64) -> Vec<Access> {
    (0..persons)
        .map(|n| Access {
            unit: Some("unit-0".into()),
            ..view(account, from + n as i64 * 5 * SECOND, STRANGERS + n..STRANGERS + n + 1)
        })
        .collect()
}

#[test]
fn a_sweep_of_sixty_strangers_opens_one_alert_at_the_threshold() {
    let mut rig = Rig::new();
    rig.work(0..30);
    let start = at(30, 19, 31);
    let said = rig.feed_all(&sweep(&adviser(0), start, 60));
    let opened: Vec<_> = said.iter().filter(|r| r.cause == Cause::Opened).collect();
    assert_eq!(opened.len(), 1);
    let report = opened[0];
    let foreign = report.signals.iter().find(|s| s.watch == Watch::ForeignOrigins).unwrap();
    assert_eq!(foreign.rule, "mass-extraction.foreign-origins");
    assert_eq!(foreign.touch, Some(Touch::Opened));
    assert_eq!(foreign.observed, foreign.threshold);
    assert!((PERSONS_FLOOR..60).contains(&foreign.threshold), "{}", foreign.threshold);
    assert_eq!(foreign.persons_at, foreign.threshold);
    assert_eq!(
        foreign.peers.as_ref().map(|p| (p.0.as_str(), p.1)),
        Some(("cap-emploi/cap-adviser", ADVISERS))
    );
    let crossing = start + (foreign.threshold as i64 - 1) * 5 * SECOND;
    assert_eq!((report.opened, report.last, report.at), (crossing, crossing, crossing));
    assert!(report.first <= start && start - report.first <= DAY, "{}", start - report.first);
    assert_eq!(report.persons, (foreign.threshold, foreign.threshold, foreign.threshold));
    assert_eq!((report.entity, report.name.as_str()), (EntityKind::Account, "cap00000"));
    assert_eq!(report.unit.as_deref(), Some("unit-0"));
    assert!(!report.learning, "29 days are enough to believe calibration");
    assert!(report.circumstances.off_hours);
    assert_eq!(rig.detector.counters().episodes, 1);
}

#[test]
fn a_login_first_does_not_hide_what_follows() {
    let mut rig = Rig::new();
    rig.work(0..30);
    let start = at(30, 19, 31);
    let login = Access { unit: Some("unit-0".into()), ..view(&adviser(0), start - MINUTE, 0..0) };
    assert!(rig.feed(&login).is_empty());
    let said = rig.feed_all(&sweep(&adviser(0), start, 60));
    let opened = said.iter().find(|r| r.cause == Cause::Opened).expect("the sweep opens");
    assert!(opened.persons.0 < 60, "{}", opened.persons.0);
}

#[test]
fn a_caseload_transfer_is_one_foreign_origin() {
    let mut rig = Rig::new();
    rig.work(0..30);
    let transfer = persons_of_unit(3);
    for (n, file) in transfer.enumerate() {
        let time = at(30, 9, 0) + n as i64 * MINUTE;
        let access =
            Access { unit: Some("unit-0".into()), ..view(&adviser(0), time, file..file + 1) };
        let said = rig.feed(&access);
        assert!(said.iter().all(|r| !watches(r).contains(&Watch::ForeignOrigins)), "{said:#?}");
    }
}

#[test]
fn the_opening_comes_at_the_event_that_reaches_the_threshold() {
    for batch in [1, 7, 40] {
        let mut rig = Rig::with_rules(&["volume.toml"]);
        let mut read = 0;
        let report = loop {
            let time = at(0, 10, 0) + read as i64 * SECOND;
            let said = rig.feed(&search("a", time, read..read + batch));
            read += batch;
            if let Some(report) = said.into_iter().next() {
                break report;
            }
            assert!(read < 2_000, "nothing fires");
        };
        assert_eq!(report.cause, Cause::Opened);
        let lowest = report.signals.iter().map(|s| s.threshold).min().unwrap();
        assert!(lowest <= read && read - batch < lowest, "{batch} {lowest} {read}");
        for signal in &report.signals {
            assert!(signal.observed == read && signal.observed >= signal.threshold);
        }
    }
}

#[test]
fn a_day_that_comes_below_every_threshold_says_nothing() {
    let mut rig = Rig::with_rules(&["volume.toml"]);
    let report = only(&rig.feed(&search("a", at(0, 10, 0), 0..900))).clone();
    for (margin, alerts) in [(1, 0), (0, 1)] {
        let mut again = Rig::with_rules(&["volume.toml"]);
        let lowest = report.signals.iter().map(|s| s.threshold).min().unwrap();
        let said = again.feed(&search("a", at(0, 10, 0), 0..lowest - margin));
        assert_eq!(said.len(), alerts, "{margin}");
    }
}

#[test]
fn on_the_first_day_the_priors_speak_and_say_so() {
    let mut rig = Rig::with_rules(&["volume.toml"]);
    let report = only(&rig.feed(&search("a", at(0, 10, 0), 0..900))).clone();
    assert!(report.learning);
    assert_eq!(report.epoch, 0);
}

#[test]
fn the_role_ceiling_holds_from_the_first_event_on() {
    for (persons, alerts) in [(500, 0), (501, 1)] {
        let mut rig = Rig::with_rules(&["role-ceiling.toml"]);
        let said = rig.feed(&search("a", at(0, 10, 0), 0..persons));
        assert_eq!(said.len(), alerts);
        if let Some(report) = said.first() {
            assert_eq!(watches(report), [Watch::RoleCeiling]);
            assert_eq!((report.signals[0].observed, report.signals[0].threshold), (501, 501));
            assert!(!report.learning, "a ceiling is not learned");
        }
    }
}

#[test]
fn persons_of_both_touches_since_the_window_start_are_exposed() {
    let mut rig = Rig::with_rules(&["role-ceiling.toml"]);
    assert!(rig.feed(&view("a", at(0, 8, 0), 5_000..5_030)).is_empty());
    assert!(rig.feed(&view("a", at(0, 10, 2), 6_000..6_040)).is_empty());
    let said = rig.feed(&search("a", at(0, 10, 30), 0..501));
    let report = only(&said);
    assert_eq!(report.persons, (541, 541, 541), "not those of 8 o'clock");
    assert_eq!(report.first, at(0, 9, 35), "the sliding hour in steps of five minutes");
}

#[test]
fn an_address_without_account_is_an_entity_of_its_own() {
    let mut rig = Rig::new();
    let access = Access {
        account: None,
        ip: Some("203.0.113.9".into()),
        ..search("", at(0, 10, 0), 0..1_000)
    };
    let said = rig.feed(&access);
    let report = only(&said);
    assert_eq!((report.entity, report.name.as_str()), (EntityKind::Source, "203.0.113.9"));
    let same_name = rig.feed(&search("203.0.113.9", at(0, 10, 0), 0..1));
    assert!(same_name.is_empty(), "an account of that name is somebody else");
    assert_eq!(rig.detector.accounts(), 2);
}

#[test]
fn unidentified_records_have_their_own_ceiling() {
    let mut rig = Rig::new();
    let bulk = |time, unidentified| Access { unidentified, ..search("a", time, 0..0) };
    assert!(rig.feed(&bulk(at(0, 10, 0), 1_999)).is_empty());
    assert!(rig.feed(&bulk(at(0, 10, 1), 1)).is_empty());
    let said = rig.feed(&bulk(at(0, 10, 2), 1));
    let report = only(&said);
    assert_eq!(watches(report), [Watch::UnidentifiedRecords]);
    assert_eq!((report.signals[0].observed, report.signals[0].threshold), (2_001, 2_001));
    assert_eq!((report.persons.0, report.unidentified), (0, 2_001));
    // Absurd counts saturate.
    rig.feed(&bulk(at(0, 10, 3), u64::MAX));
    let said = rig.feed(&bulk(at(0, 10, 4), u64::MAX));
    assert!(said.is_empty(), "nothing new: {said:#?}");
}

#[test]
fn a_window_without_a_share_of_the_budget_is_off() {
    let text =
        "id = \"v\"\nwatch = \"distinct_persons\"\ndescription = \"\"\nbudget = { \"1d\" = 0.5 }\n";
    let mut files: Vec<(&str, &str)> =
        BUILT_IN.into_iter().filter(|(name, _)| *name == "priors.toml").collect();
    files.push(("v.toml", text));
    let mut rig = Rig::with(Settings::default(), Rules::parse(&files).unwrap());
    let said = rig.feed(&search("a", at(0, 10, 0), 0..20_000));
    let windows: Vec<_> = only(&said).signals.iter().map(|s| s.measure.unwrap().window()).collect();
    assert_eq!(windows, ["1d"]);
}
