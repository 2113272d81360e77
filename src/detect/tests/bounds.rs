//! A hostile log fills every table to its bound and no further.

use super::*;
use crate::detect::limits::{GROUPS_MAX, UNITS_MAX};
use crate::detect::shared::ClassSets;
use crate::detect::snapshot::PAYLOAD_VERSION;

fn small(accounts_max: usize) -> Rig {
    Rig::with(Settings { accounts_max, ..Settings::default() }, Rules::built_in().unwrap())
}

#[test]
fn a_thousand_accounts_in_ten_places() {
    for accounts_max in [0, 1, 10] {
        let mut rig = small(accounts_max);
        let places = accounts_max.max(1);
        for n in 0..1_000 {
            let time = at(0, 8, 0) + n as i64 * 2 * MINUTE;
            rig.feed(&view(&format!("a{n}"), time, n..n + 2));
            assert!(rig.detector.accounts() <= places);
            assert_eq!(rig.detector.index.len(), rig.detector.accounts());
        }
        assert_eq!(rig.detector.counters().evicted, 1_000 - places as u64);
        assert_eq!(rig.detector.counters().events, 1_000);
        let last = rig.account("a999");
        assert_eq!(&*last.name, "a999");
        let again = restored_len(&rig);
        assert_eq!(again, places);
    }
}

fn restored_len(rig: &Rig) -> usize {
    Detector::restore(PAYLOAD_VERSION, &rig.detector.snapshot()).unwrap().accounts()
}

#[test]
fn who_was_forgotten_comes_back_as_a_newcomer() {
    let mut rig = small(2);
    rig.feed(&view("a", at(0, 8, 0), 0..5));
    rig.feed(&view("b", at(0, 8, 1), 0..5));
    rig.feed(&view("c", at(0, 8, 2), 0..5));
    rig.feed(&view("a", at(0, 8, 3), 5..6));
    assert_eq!(rig.account("a").today.as_ref().unwrap().records, 1);
    assert_eq!(rig.detector.counters().evicted, 2);
}

#[test]
fn a_hundred_thousand_roles_partners_and_units_share_bounded_tables() {
    let mut rig = small(50);
    for n in 0..100_000u64 {
        let access = Access {
            partner: Some(format!("partner-{n}")),
            role: Some(format!("role-{n}")),
            unit: Some(format!("unit-{n}")),
            ..view(&format!("a{n}"), at(0, 8, 0) + n as i64, n..n + 1)
        };
        rig.feed(&access);
    }
    assert!(rig.detector.shared.groups.len() <= GROUPS_MAX + 3);
    let refused = rig.detector.counters();
    assert_eq!(refused.groups_refused, 100_000 - GROUPS_MAX as u64 + 1);
    assert_eq!(refused.units_refused, 100_000 - UNITS_MAX as u64);
    assert!(rig.detector.snapshot().len() < 96 << 20);
    rig.pass_time(at(1, 12, 0));
    rig.pass_time(at(2, 12, 0));
    assert_eq!(rig.detector.epoch().number, 1, "what was learned came back");
    assert!(rig.detector.epoch().groups.len() <= GROUPS_MAX + 3);
    // And who comes next is still watched.
    let report = only(&rig.feed(&search("z", at(2, 13, 0), 0..900))).clone();
    assert_eq!(report.cause, Cause::Opened);
}

#[test]
fn an_account_of_the_directory_needs_no_group_of_the_log() {
    let mut rig = Rig::new();
    let entry = crate::directory::AccountEntry {
        partner: Some("p".into()),
        role: Some("r".into()),
        ..Default::default()
    };
    let accounts = crate::directory::Accounts([("a".to_owned(), entry)].into());
    rig.detector.control(Control::Accounts(Arc::new(accounts)), &mut Vec::new());
    rig.feed(&view("a", at(0, 8, 0), 0..1));
    let names: Vec<_> = rig.detector.shared.groups.iter().map(|g| g.key.name()).collect();
    assert_eq!(names, ["all", "p/r"]);
}

#[test]
fn a_full_table_of_classes_keeps_the_data_class() {
    let mut sets = ClassSets::default();
    let nir = sets.index(4, 1);
    (0..1_000).for_each(|n| {
        sets.index(n << 5, n);
    });
    assert_eq!(sets.index(4, 1), nir);
    let closest = sets.index(4, 1 << 30);
    assert_eq!(sets.get(closest).0, 4);
}
