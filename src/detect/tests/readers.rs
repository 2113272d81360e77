//! Sessions and devices of one account against each other.

use super::*;
use crate::detect::limits::READERS_MAX;
use crate::detect::report::{ReadBy, ReaderKind};
use crate::detect::snapshot::PAYLOAD_VERSION;

/// Persons whom the account does not know.
const STRANGERS: u64 = 1_000_000;

/// The same access from a device, in a session.
fn from(device: &str, session: &str, access: Access) -> Access {
    Access { device: Some(device.into()), session: Some(session.into()), ..access }
}

fn owner(time: TimestampMs, persons: Range<u64>) -> Access {
    from("pc", "morning", search("a", time, persons))
}

fn thief(time: TimestampMs, persons: Range<u64>) -> Access {
    from("kali", "night", search("a", time, STRANGERS + persons.start..STRANGERS + persons.end))
}

/// An account of a quiet week on its own device, and the role's ceiling of 500 persons an hour.
fn quiet_week() -> Rig {
    quiet_week_with(Settings::default())
}

fn quiet_week_with(settings: Settings) -> Rig {
    let mut rig = Rig::with(settings, rules(&["role-ceiling.toml"]));
    for day in 0..5 {
        rig.feed(&owner(at(day, 9, 0), 0..30));
    }
    rig
}

fn persons(read_by: &ReadBy) -> Vec<(ReaderKind, &str, Option<bool>, u64)> {
    read_by.readers.iter().map(|r| (r.kind, r.name.as_str(), r.new, r.persons)).collect()
}

#[test]
fn the_thiefs_persons_are_told_from_the_owners() {
    let mut rig = quiet_week();
    // Known persons and a new one, before anything is suspicious.
    rig.feed(&owner(at(7, 9, 30), 5..33));
    rig.feed(&thief(at(7, 9, 40), 0..312));
    let said = rig.feed(&thief(at(7, 9, 41), 312..480));
    let report = only(&said);
    assert_eq!((report.cause, report.persons.0), (Cause::Opened, 508));
    let by = &report.read_by;
    assert_eq!((by.new, by.own), (480, 28));
    assert!(by.one_session && by.one_place && by.new_devices && !by.new_addresses);
    // Whom the owner read before there was reason to ask is known to be the owner's, no more.
    let known = [
        (ReaderKind::Session, "night", Some(true), 480),
        (ReaderKind::Device, "kali", Some(true), 480),
    ];
    assert_eq!(persons(by), known);

    // Five of those whom the thief read and five that nobody did; of another session of the thief.
    rig.feed(&owner(at(7, 9, 42), STRANGERS + 475..STRANGERS + 485));
    let other = from("kali", "later", thief(at(7, 9, 43), 1_000..1_500));
    let report = only(&rig.feed(&other)).clone();
    assert_eq!((report.cause, report.persons.0), (Cause::Signal, 1_013));
    let by = &report.read_by;
    assert_eq!((by.new, by.own), (980, 33));
    assert!(!by.one_session && by.one_place);
    let known = [
        (ReaderKind::Session, "night", Some(true), 480),
        (ReaderKind::Session, "morning", Some(false), 10),
        (ReaderKind::Session, "later", Some(true), 500),
        (ReaderKind::Device, "kali", Some(true), 980),
        (ReaderKind::Device, "pc", Some(false), 10),
    ];
    assert_eq!(persons(by), known);
}

/// What the last of these reports says once the episode has ended.
fn ended(rig: &mut Rig) -> Report {
    rig.pass_time(at(12, 0, 0));
    let report = rig.reports.last().unwrap().clone();
    assert_eq!((report.cause, report.name.as_str()), (Cause::Ended, "a"));
    report
}

#[test]
fn turns_within_a_minute_and_a_snapshot_between_change_nothing() {
    let mut rig = quiet_week();
    for n in 0..300 {
        let time = at(7, 9, 0) + n as i64 * SECOND;
        // The owner reads every tenth time; one of three persons is one that the thief read, too.
        if n % 10 == 0 {
            let turn = n / 10;
            rig.feed(&owner(time, 100 + turn * 2..102 + turn * 2));
            rig.feed(&owner(time, STRANGERS + n..STRANGERS + n + 1));
        }
        rig.feed(&thief(time, n * 2..n * 2 + 2));
        if n == 120 || n == 280 {
            let bytes = rig.detector.snapshot();
            rig.detector = Detector::restore(PAYLOAD_VERSION, &bytes).unwrap();
            assert_eq!(rig.detector.snapshot(), bytes);
        }
    }
    let report = ended(&mut rig);
    let by = &report.read_by;
    assert_eq!((report.persons.0, by.new, by.own), (660, 600, 60));
    let count = |name: &str| by.readers.iter().find(|r| r.name == name).unwrap().persons;
    // The owner's first turn came before the thief's first: of three persons, two are the owner's.
    assert_eq!((count("kali"), count("night")), (600, 600));
    assert_eq!((count("pc"), count("morning")), (60 + 30 - 3, 60 + 30 - 3));
}

#[test]
fn a_thief_of_days_stays_a_thief() {
    let mut rig = quiet_week_with(Settings { quiet_ms: 3 * DAY, ..Settings::default() });
    for day in 7..20 {
        rig.feed(&owner(at(day, 9, 0), 0..20));
        rig.feed(&thief(at(day, 20, 0), (day as u64 - 7) * 550..(day as u64 - 6) * 550));
    }
    let report = rig.reports.last().unwrap();
    assert_eq!(rig.reports.iter().filter(|r| r.cause == Cause::Opened).count(), 1);
    let known = &rig.account("a").known[0];
    let kali = crate::detect::places::place_hash("kali");
    assert!(!known.is_stranger(kali), "by now the account's own");
    let by = &report.read_by;
    assert!(by.new * 100 >= report.persons.0 * 99 && by.one_place, "{report:#?}");
}

#[test]
fn many_sessions_and_persons_stay_bounded_and_the_share_right() {
    let mut rig = quiet_week();
    for n in 0..400u64 {
        let session = format!("night-{n}");
        let time = at(7, 9, 0) + n as i64 * SECOND;
        rig.feed(&from("kali", &session, thief(time, n * 20..n * 20 + 19)));
        rig.feed(&owner(time, 10_000 + n..10_001 + n));
    }
    let report = ended(&mut rig);
    let by = &report.read_by;
    let part = by.new as f64 / report.persons.0 as f64;
    assert!((part - 0.95).abs() < 0.02, "{part}");
    assert_eq!(by.new + by.own, report.persons.0);
    assert!(!by.one_session && by.one_place);
    let sessions = by.readers.iter().filter(|r| r.kind == ReaderKind::Session).count();
    assert!(sessions <= READERS_MAX, "{:?}", by.readers);
}

#[test]
fn an_account_without_a_place_of_its_own_divides_nothing() {
    let mut rig = Rig::with_rules(&["role-ceiling.toml"]);
    rig.feed(&owner(at(0, 9, 30), 0..28));
    let said = rig.feed(&thief(at(0, 9, 40), 0..480));
    let by = &only(&said).read_by;
    assert_eq!((by.new, by.own), (0, 0));
    let known =
        [(ReaderKind::Session, "night", None, 480), (ReaderKind::Device, "kali", None, 480)];
    assert_eq!(persons(by), known);
}

/// Peers at work, each at the address of its unit.
fn office(rig: &mut Rig, days: Range<i64>) {
    for day in days.filter(|d| d % 7 < 5) {
        for hour in 9..15 {
            for n in 0..ADVISERS {
                rig.feed(&Access {
                    ip: Some(format!("192.0.2.{}", n % 6)),
                    ..ordinary(n, day, hour)
                });
            }
        }
    }
}

#[test]
fn a_log_without_devices_has_addresses() {
    let mut rig = Rig::new();
    office(&mut rig, 0..30);
    rig.reports.clear();
    for hour in 9..12 {
        rig.feed(&Access { ip: Some("192.0.2.0".into()), ..ordinary(0, 30, hour) });
    }
    let own = only_own(&rig);
    for n in 0..60 {
        let access = Access {
            unit: Some("unit-0".into()),
            ip: Some("203.0.113.9".into()),
            ..view(&adviser(0), at(30, 12, 0) + n * 5 * SECOND, thieves(n))
        };
        rig.feed(&access);
    }
    rig.pass_time(at(33, 0, 0));
    let report = rig.reports.iter().rfind(|r| r.name == adviser(0)).unwrap();
    assert_eq!(report.cause, Cause::Ended);
    let by = &report.read_by;
    assert_eq!((by.new, report.persons.0 - by.new), (60, by.own), "{by:?}");
    assert!(by.own <= own && by.one_place && by.new_addresses && !by.new_devices, "{by:?}");
    // Marks began half-way to the threshold, and the address is known to be the only new one.
    let told = [(ReaderKind::Address, "203.0.113.9", Some(true), 60)];
    assert_eq!(persons(by), told);
}

fn thieves(n: i64) -> Range<u64> {
    STRANGERS + n as u64..STRANGERS + n as u64 + 1
}

/// Persons whom adviser 0 read today.
fn only_own(rig: &Rig) -> u64 {
    let today = rig.account(&adviser(0)).today.as_ref().unwrap();
    today.windows[1].entries().filter(|e| e.person().is_some()).count() as u64
}
