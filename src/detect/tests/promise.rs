//! What the budget allows on a day.

use super::*;
use crate::detect::epoch::{GroupKey, Kind};
use crate::detect::partial::{GroupPartial, Partial};
use crate::detect::promise::{NAMES_MAX, REST};
use crate::detect::time::day_number;

fn group(partial: &mut Partial, kind: Kind, partner: &str, role: &str, account_weeks: u64) {
    let key = GroupKey { kind, partner: partner.into(), role: role.into() };
    partial.groups.insert(key, GroupPartial { account_weeks, ..GroupPartial::default() });
}

#[test]
fn every_account_week_brings_each_rule_its_share_of_the_budget() {
    let rig = Rig::new();
    // 31 March 2024 has 23 hours in Paris.
    let day = day_number(jiff::civil::Date::constant(2024, 3, 31));
    let mut partial = Partial { day, ..Partial::default() };
    group(&mut partial, Kind::Human, "caf", "adviser", 3_000);
    group(&mut partial, Kind::Human, "mdph", "adviser", 900);
    group(&mut partial, Kind::Machine, "caf", "", 100);
    group(&mut partial, Kind::Human, "idle", "nobody", 0);
    let promise = rig.detector.promise(&partial);
    assert_eq!(promise.account_weeks, 4_000);
    assert_eq!((promise.end_ms - promise.start_ms) / HOUR, 23);
    assert_eq!(promise.start_ms, 1_711_839_600_000, "23:00 of the day before, UTC");
    // 0.5 in 1,000 account weeks, shared out whole.
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
    let (single, pooled) =
        (promise.rules.values().sum::<f64>(), promise.pooled.values().sum::<f64>());
    let shares: f64 = rig.detector.rules().rules.values().flat_map(|r| r.budget.values()).sum();
    near(single + pooled, 2.0 * shares);
    assert!(pooled > 0.0 && single > pooled);
    let volume: f64 = rig.detector.rules().rules[&Watch::DistinctPersons].budget.values().sum();
    near(promise.rules["mass-extraction.volume"], 2.0 * volume);
    assert!(!promise.rules.contains_key("account.ended"), "no share");
    // A partner's and a role's accounts have what is about single accounts.
    near(promise.partners["caf"].alerts, single * 3_100.0 / 4_000.0);
    near(promise.roles["adviser"].alerts, single * 3_900.0 / 4_000.0);
    assert_eq!(promise.roles[""].account_weeks, 100);
    assert!(!promise.partners.contains_key("idle"));
}

#[test]
fn a_log_cannot_make_as_many_names_as_it_likes() {
    let rig = Rig::new();
    let mut partial = Partial::default();
    for n in 0..1_000 {
        group(&mut partial, Kind::Human, &format!("partner-{n:04}"), "adviser", 2);
    }
    let promise = rig.detector.promise(&partial);
    assert_eq!(promise.partners.len(), NAMES_MAX + 1);
    assert_eq!(promise.partners[REST].account_weeks, 2 * (1_000 - NAMES_MAX as u64));
    assert_eq!(promise.account_weeks, 2_000);
}
