//! Pools driven through the detector: thefts spread over accounts, and the waves of work that look
//! like them.

use std::sync::Arc;

use super::NO_ACCOUNT;
use super::turn::keep_from;
use crate::alert::EntityKind;
use crate::detect::Detector;
use crate::detect::control::{Control, Judged};
use crate::detect::report::{Cause, Report};
use crate::detect::rule::Watch;
use crate::detect::snapshot::PAYLOAD_VERSION;
use crate::detect::tests::{
    ADVISERS, Access, HOUR, MINUTE, Rig, UNIT_PERSONS, adviser, at, only, persons_of_unit, search,
    view, watches,
};
use crate::event::{Action, TimestampMs};

/// A Tuesday of the sixth week.
const TODAY: i64 = 36;
/// Persons whom nobody ever read begin here.
const STRANGERS: u64 = 1 << 30;

/// Five weeks of work, everybody at the unit's own address.
fn experienced() -> Rig {
    let mut rig = Rig::new();
    rig.work(0..TODAY);
    rig
}

fn unit_of(n: u64) -> String {
    format!("unit-{}", n % 6)
}

/// The n-th adviser opens files from somewhere.
fn open(n: u64, time: TimestampMs, first: u64, count: u64, ip: Option<&str>) -> Access {
    Access {
        unit: Some(unit_of(n)),
        ip: ip.map(str::to_owned),
        ..view(&adviser(n), time, first..first + count)
    }
}

fn pooled(reports: &[Report]) -> Vec<&Report> {
    let pools = reports.iter().filter(|r| r.entity != EntityKind::Account);
    pools.filter(|r| r.cause == Cause::Opened).collect()
}

/// Accounts in turn, each a stranger a minute, all from one address.
fn relay(accounts: u64, minutes: i64, ip: &str) -> Vec<Access> {
    let mut accesses = Vec::new();
    for minute in 0..minutes {
        for n in 0..accounts {
            let person = STRANGERS + minute as u64 * accounts + n;
            accesses.push(open(n, at(TODAY, 10, 0) + minute * MINUTE, person, 1, Some(ip)));
        }
    }
    accesses
}

#[test]
fn accounts_that_share_a_new_address_are_one_alert_after_few_persons_each() {
    let mut rig = experienced();
    let said = rig.feed_all(&relay(12, 6, "185.1.2.3"));
    let opened = pooled(&said);
    assert_eq!(opened.len(), 1, "{opened:#?}");
    let report = opened[0];
    // Five accounts that rise together are seen at their partner first, and told where they are.
    assert_eq!((report.entity, &*report.name), (EntityKind::Source, "185.1.2.3"));
    assert!(watches(report).contains(&Watch::Simultaneous));
    assert!(report.persons.0 <= 75, "{:?}", report.persons);
    assert!(report.contributor_count >= 12 && report.contributors.len() >= 12);
    assert!(said.iter().all(|r| r.entity != EntityKind::Account), "no account by itself");
    let named = rig.account(&adviser(3));
    assert!(named.excluded_until >= named.day.day, "contributors leave learning");
}

#[test]
fn accounts_that_rise_together_at_their_own_address_are_told_at_their_partner() {
    let mut rig = experienced();
    let mut accesses = relay(12, 6, "ignored");
    accesses.iter_mut().for_each(|access| access.ip = None);
    let said = rig.feed_all(&accesses);
    let opened = pooled(&said);
    assert_eq!(opened.len(), 1, "once, not at each level: {opened:#?}");
    assert_eq!((opened[0].entity, &*opened[0].name), (EntityKind::Partner, "cap-emploi"));
    assert!(opened[0].persons.0 <= 75 && opened[0].contributor_count >= 5);
}

#[test]
fn own_persons_read_in_bulk_from_a_new_address_are_found_by_volume() {
    let mut rig = experienced();
    let mut said = Vec::new();
    for minute in 0..50 {
        for n in 0..18 {
            let first = persons_of_unit(n % 6).start;
            let person = first + (minute as u64 * 3 + n / 6 * 150) % UNIT_PERSONS;
            let time = at(TODAY, 10, 0) + minute * MINUTE;
            said.extend(rig.feed(&open(n, time, person, 1, Some("185.1.2.3"))));
        }
    }
    let opened = pooled(&said);
    assert_eq!(opened.len(), 1, "{opened:#?}");
    assert_eq!(watches(opened[0]), [Watch::PooledPersons]);
    assert!(opened[0].persons.0 <= 700, "{:?}", opened[0].persons);
}

#[test]
fn a_unit_that_moves_to_a_new_address_is_no_alert() {
    let mut rig = experienced();
    for day in TODAY..TODAY + 3 {
        for hour in 9..15 {
            for n in (0..ADVISERS).filter(|n| n % 6 == 2) {
                let turn = (day as u64 * 6 + hour as u64) * 10 + n / 6;
                let first = persons_of_unit(2).start + (turn * 2) % (UNIT_PERSONS - 4);
                let time = at(day, hour, (n * 7 % 60) as i64);
                let said = rig.feed(&open(n, time, first, 2, Some("193.9.9.9")));
                assert!(said.is_empty(), "{said:#?}");
            }
        }
    }
}

/// Addresses without account count identifiers up.
fn walk(day: i64, events: i64) -> Vec<Access> {
    let step = |n: i64| {
        let time = at(day, 3, 0) + n * 100;
        let ip = format!("185.{}.{}.9", n % 20, n % 13);
        let first = STRANGERS + n as u64;
        Access {
            account: None,
            partner: None,
            role: None,
            ip: Some(ip),
            ..view("", time, first..first + 1)
        }
    };
    (0..events).map(step).collect()
}

#[test]
fn addresses_without_account_are_one_alert_where_none_are_usual() {
    let mut rig = experienced();
    let said = rig.feed_all(&walk(TODAY, 300));
    let opened = pooled(&said);
    assert_eq!(opened.len(), 1, "{opened:#?}");
    assert_eq!((opened[0].entity, &*opened[0].name), (EntityKind::Network, NO_ACCOUNT));
    assert!(opened[0].persons.0 <= 60, "{:?}", opened[0].persons);
    let last = said.iter().rfind(|r| r.name == NO_ACCOUNT).unwrap();
    assert!(last.persons.0 >= 200, "exposure goes on to grow: {:?}", last.persons);
}

/// `accounts` advisers each read `strangers` on top of their day, from their own places.
fn extra(accounts: u64, strangers: u64, day: i64) -> Vec<Access> {
    let mut accesses = Vec::new();
    for k in 0..strangers {
        for n in 0..accounts {
            let time = at(day, 9, 0) + k as i64 * 20 * MINUTE + n as i64 * 1_000;
            accesses.push(open(n, time, STRANGERS + n * 1_000 + k, 1, None));
        }
    }
    accesses
}

#[test]
fn many_accounts_with_a_dozen_strangers_each_are_found_at_their_partner() {
    for (accounts, strangers) in [(12, 12), (20, 24)] {
        let mut rig = experienced();
        let said = rig.feed_all(&extra(accounts, strangers, TODAY));
        let opened = pooled(&said);
        assert_eq!(opened.len(), 1, "{opened:#?}");
        assert_eq!((opened[0].entity, &*opened[0].name), (EntityKind::Partner, "cap-emploi"));
        assert!(opened[0].persons.0 <= accounts * strangers, "{:?}", opened[0].persons);
        let thieves: Vec<String> = (0..accounts).map(adviser).collect();
        assert!(opened[0].contributors.iter().all(|name| thieves.contains(name)));
        let last = said.iter().rfind(|r| r.entity == EntityKind::Partner).unwrap();
        assert_eq!(last.contributor_count, accounts);
    }
}

#[test]
fn a_unit_of_its_own_is_told_as_that_unit() {
    let mut rig = experienced();
    let mut said = Vec::new();
    for access in extra(ADVISERS, 12, TODAY) {
        let of_unit = access.unit.as_deref() == Some("unit-3");
        said.extend(if of_unit { rig.feed(&access) } else { Vec::new() });
    }
    let opened = pooled(&said);
    assert_eq!(opened.len(), 1, "{opened:#?}");
    assert_eq!((opened[0].entity, &*opened[0].name), (EntityKind::Unit, "unit-3"));
    assert_eq!(opened[0].partner.as_deref(), Some("cap-emploi"));
}

/// Everybody's day with `files` of the own unit an hour, `strangers` of them unknown, each request
/// repeated.
fn wave(files: u64, strangers: u64, repeats: u64) -> Vec<Access> {
    let mut accesses = Vec::new();
    for hour in 9..15 {
        for n in 0..ADVISERS {
            let turn = (TODAY as u64 * 6 + hour as u64) * 10 + n / 6;
            let own = persons_of_unit(n % 6).start + (turn * 4) % (UNIT_PERSONS - 20);
            let new = STRANGERS + (hour as u64 * ADVISERS + n) * 100;
            for repeat in 0..repeats {
                let time = at(TODAY, hour, (n * 7 % 50) as i64) + repeat as i64 * MINUTE;
                accesses.push(open(n, time, own, files - strangers, None));
                if strangers > 0 {
                    accesses.push(open(n, time, new, strangers, None));
                }
            }
        }
    }
    accesses
}

#[test]
fn a_wave_of_work_is_at_most_one_alert_of_the_partner() {
    for (files, strangers, repeats, most) in
        [(4, 0, 1, 0), (2, 0, 3, 0), (6, 0, 1, 0), (6, 3, 1, 1)]
    {
        let mut rig = experienced();
        let said = rig.feed_all(&wave(files, strangers, repeats));
        let opened = pooled(&said);
        assert!(opened.len() <= most, "{files} {strangers} {repeats}: {opened:#?}");
        assert!(opened.iter().all(|r| r.entity == EntityKind::Partner));
    }
}

#[test]
fn one_account_alone_is_not_told_again_by_its_pools() {
    let mut rig = experienced();
    let thief = |k: i64| {
        let ip = Some("185.1.2.3");
        open(7, at(TODAY, 20, 0) + k * 1_000, STRANGERS + k as u64, 1, ip)
    };
    let mut said = Vec::new();
    (0..400).for_each(|k| said.extend(rig.feed(&thief(k))));
    assert!(said.iter().any(|r| r.entity == EntityKind::Account));
    assert!(pooled(&said).is_empty(), "{said:#?}");
    // Somebody else looks something up at the same address.
    let other = open(8, at(TODAY, 20, 10), persons_of_unit(2).start, 2, Some("185.1.2.3"));
    (400..440).for_each(|k| said.extend(rig.feed(&thief(k))));
    said.extend(rig.feed(&other));
    assert!(pooled(&said).is_empty(), "{said:#?}");
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    let accesses: Vec<Access> =
        relay(12, 20, "185.1.2.3").into_iter().chain(walk(TODAY + 1, 100)).collect();
    let mut straight = experienced();
    let wanted = straight.feed_all(&accesses);
    for cut in [5, 60, 97, 180] {
        let mut first = experienced();
        let mut said = first.feed_all(&accesses[..cut]);
        let payload = first.detector.snapshot();
        first.detector = Detector::restore(PAYLOAD_VERSION, &payload).unwrap();
        assert_eq!(first.detector.snapshot(), payload);
        said.extend(first.feed_all(&accesses[cut..]));
        assert_eq!(said, wanted);
    }
    assert!(wanted.len() > 3);
}

#[test]
fn the_alert_ends_by_itself_or_by_a_verdict_and_the_next_one_follows() {
    let mut rig = experienced();
    let said = rig.feed_all(&relay(12, 6, "185.1.2.3"));
    let opened = pooled(&said)[0].clone();
    let judged = Judged {
        entity: opened.entity,
        name: opened.name.clone(),
        opened: opened.opened,
        alert: "the-first".into(),
        verdict: "theft".into(),
    };
    let mut findings = Vec::new();
    rig.detector.control(Control::Verdict(judged), &mut findings);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let again: Vec<Access> = relay(12, 6, "185.1.2.3")
        .into_iter()
        .map(|a| Access {
            time: a.time + HOUR,
            persons: a
                .persons
                .iter()
                .map(|p| crate::event::Person { id: p.id ^ 7 << 40, ..*p })
                .collect(),
            ..a
        })
        .collect();
    let said = rig.feed_all(&again);
    let next = only(&said.iter().filter(|r| r.cause == Cause::Opened).cloned().collect::<Vec<_>>())
        .clone();
    assert_eq!(next.follows.as_deref(), Some("the-first"));
    assert_eq!(next.ordinal, opened.ordinal + 1);
    rig.pass_time(at(TODAY + 2, 10, 0));
    let ended = rig.reports.iter().filter(|r| r.name == opened.name && r.cause == Cause::Ended);
    assert_eq!(ended.count(), 1, "the verdict's end is the control's own finding");
}

#[test]
fn machines_are_no_members() {
    use crate::directory::{AccountEntry, Accounts};
    let mut rig = experienced();
    let mut listed = Accounts::default();
    let machine = AccountEntry { machine: true, ..AccountEntry::default() };
    listed.0.insert("batch".into(), machine);
    rig.detector.control(Control::Accounts(Arc::new(listed)), &mut Vec::new());
    let batch = |k: u64| Access {
        action: Action::List,
        ..search(
            "batch",
            at(TODAY, 2, 0) + k as i64 * 1_000,
            STRANGERS + k * 50..STRANGERS + k * 50 + 50,
        )
    };
    let mut said = Vec::new();
    (0..40).for_each(|k| said.extend(rig.feed(&batch(k))));
    assert!(pooled(&said).is_empty());
}

#[test]
fn at_the_bound_a_quarter_makes_room_and_the_idle_go_anyway() {
    let mut days = vec![100, 60, 99, 98, 97, 100, 100, 96];
    assert_eq!(keep_from(&mut days, 9, 100), 72, "four weeks back");
    assert_eq!(keep_from(&mut days, 8, 100), 98, "the two oldest days' and all as old go");
}
