//! What a world promises, checked on small ones.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::civil::Date;
use serde_json::Value;

use super::*;
use crate::event::{AccessEvent, Action, DATA_CLASSES, Outcome, Person};

fn world(seed: u64, days: u32, scenarios: &[&str]) -> World {
    let scenarios = scenarios.iter().map(|s| ScenarioSpec::parse(s).unwrap()).collect();
    let options = WorldOptions { seed, accounts: 300, days, scenarios, ..WorldOptions::default() };
    World::new(options).unwrap()
}

fn lines(world: &World, keep: impl Fn(&SimEvent) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    for event in world.events().filter(keep) {
        event.write_json(world, &mut out);
    }
    out
}

#[test]
fn the_seed_decides() {
    let first = lines(&world(1, 6, &["A1@1"]), |_| true);
    assert!(first.len() > 100_000);
    assert!(first == lines(&world(1, 6, &["A1@1"]), |_| true), "same seed, other bytes");
    assert!(first != lines(&world(2, 6, &["A1@1"]), |_| true), "other seed, same bytes");
}

#[test]
fn an_attack_changes_no_other_line() {
    let attacks = ["A1@2", "A5@3", "A23@1", "A12@4", "A10@3", "A13@2"];
    let lookalikes = ["L1@2", "L11@3", "L10@2"];
    let quiet = world(3, 10, &lookalikes);
    let mixed = world(3, 10, &[&attacks[..3], &lookalikes, &attacks[3..]].concat());
    let attack = |world: &World, e: &SimEvent| {
        world.truth().campaign(e.label).is_some_and(|c| c.kind == Kind::Attack)
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let before = text(lines(&quiet, |_| true));
    let after = text(lines(&mixed, |e| !attack(&mixed, e)));
    assert!(before.len() < lines(&mixed, |_| true).len());
    let moved = before.lines().zip(after.lines()).find(|(a, b)| a != b);
    assert_eq!(moved, None);
    assert_eq!(before.len(), after.len());
}

#[test]
fn events_are_in_order() {
    let world = world(1, 14, &["A9@3", "A19@5", "L14@8"]);
    let mut last = i64::MIN;
    for (n, event) in world.events().enumerate() {
        assert!(event.time >= last, "event {n}");
        last = event.time;
    }
    assert!(world.day(14).is_empty(), "there is no day after the last");
}

#[test]
fn days_stay_within_themselves() {
    // Over the night in March in which the clock changes.
    let options = WorldOptions {
        accounts: 300,
        start: Date::constant(2024, 3, 29),
        days: 5,
        scenarios: vec![ScenarioSpec::parse("A6@0").unwrap(), ScenarioSpec::parse("A2@1").unwrap()],
        ..WorldOptions::default()
    };
    let world = World::new(options).unwrap();
    for day in 0..5 {
        let (from, to) = (world.at(day).at(0.0), world.at(day).at(86_400.0));
        let events = world.day(day);
        assert!(!events.is_empty());
        for event in events {
            assert!((from..to).contains(&event.time), "day {day}: {event:?}");
        }
    }
}

/// Distinct persons per account-day of each role, ordinary traffic of a month.
fn volumes(world: &World) -> BTreeMap<&'static str, Vec<usize>> {
    let mut roles: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for day in 0..world.options().days {
        let mut met: BTreeMap<u32, HashSet<u32>> = BTreeMap::new();
        for event in world.day(day).iter().filter(|e| e.label == 0) {
            met.entry(event.account).or_default().extend(event.persons.as_slice());
        }
        for (account, persons) in met {
            let role = world.account(account).unwrap().role();
            roles.entry(role).or_default().push(persons.len());
        }
    }
    roles.values_mut().for_each(|v| v.sort_unstable());
    roles
}

#[test]
fn roles_read_as_much_as_their_table() {
    let options = WorldOptions { accounts: 2_000, days: 31, ..WorldOptions::default() };
    let world = World::new(options).unwrap();
    let roles = volumes(&world);
    let check = |role: &str, median: (usize, usize), p95: usize| {
        let days = &roles[role];
        let at = |share: f64| days[(share * (days.len() - 1) as f64) as usize];
        assert!(
            (median.0..=median.1).contains(&at(0.5)),
            "{role}: median {}, want {median:?}",
            at(0.5)
        );
        let off = at(0.95) as f64 / p95 as f64;
        assert!((0.75..1.3).contains(&off), "{role}: 95 % {}, want {p95}", at(0.95));
    };
    check("adviser", (15, 25), 45);
    check("cap-adviser", (10, 18), 35);
    check("ml-adviser", (8, 15), 30);
    check("reception", (35, 60), 110);
    check("call-platform", (50, 80), 130);
    check("manager", (5, 40), 150);
    check("rsa-referent", (10, 18), 40);
    check("mdph-agent", (10, 18), 40);
    check("caf-agent", (25, 45), 90);
    check("training-body", (3, 10), 25);
    check("ofii-agent", (8, 15), 30);
    for (role, days) in roles.iter().filter(|(role, _)| **role == "nightly-matching") {
        assert!(days[0] >= 10_000, "{role}: {days:?}");
    }
}

#[test]
fn people_rest_at_night_and_on_closed_days() {
    let options = WorldOptions {
        accounts: 600,
        start: Date::constant(2024, 4, 29),
        days: 14,
        lookalikes: 0.0,
        ..WorldOptions::default()
    };
    let world = World::new(options).unwrap();
    let (mut open, mut closed, mut night, mut all) = (0, 0, 0, 0);
    for day in 0..14 {
        let events = world.day(day);
        let people = events.iter().filter(|e| !world.account(e.account).unwrap().is_machine());
        let count = people.clone().count();
        let date = world.at(day);
        let evening = date.at(20.5 * 3_600.0);
        night += people.filter(|e| e.time > evening || e.time < date.at(7.0 * 3_600.0)).count();
        all += count;
        if date.is_working() {
            open += count;
        } else {
            closed += count;
        }
    }
    assert!(open > 100_000, "{open}");
    assert!(closed * 50 < open, "{closed} on closed days, {open} on open ones");
    assert!(night * 1_000 < all, "{night} at night of {all}");
    assert!(!world.at(2).is_working(), "the first of May is a holiday");
}

#[test]
fn machines_keep_their_hours() {
    let world = world(1, 7, &[]);
    let mut seen = BTreeSet::new();
    for day in 0..7 {
        for event in world.day(day) {
            let account = world.account(event.account).unwrap();
            if account.role() == "nightly-matching" {
                seen.insert(account.name().to_owned());
                let hour = (event.time - world.at(day).at(0.0)) as f64 / 3.6e6;
                assert!((1.0..6.5).contains(&hour), "{} at {hour}", account.name());
            }
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["batch-cnaf-02", "batch-cnam-01"]);
}

#[test]
fn a1_comes_in_its_hours_from_elsewhere() {
    let world = world(5, 14, &["A1@1:days=12,persons_max=60000,per_day=3000"]);
    let campaign = world.truth().campaigns.last().unwrap();
    assert_eq!((campaign.id.as_str(), campaign.accounts.len()), ("A1", 2));
    let label = world.truth().campaigns.len() as u16;
    let (mut own, mut other) = (BTreeSet::new(), BTreeSet::new());
    let mut persons: HashSet<u32> = HashSet::new();
    for day in 0..14 {
        let date = world.at(day);
        for event in world.day(day) {
            let name = world.account(event.account).unwrap().name();
            if !campaign.accounts.iter().any(|a| a == name) {
                continue;
            }
            if event.label != label {
                own.insert((event.device, event.ip));
                continue;
            }
            other.insert((event.device, event.ip));
            persons.extend(event.persons.as_slice());
            let from = date.at(if date.is_working() { 19.0 } else { 10.0 } * 3_600.0);
            assert!(event.time >= from && event.time < date.at(86_400.0), "{event:?}");
            if event.action == Action::Search {
                assert!(event.persons.as_slice().len() <= 50);
            }
        }
    }
    assert!(own.len() >= 2 && other.len() == 2, "{own:?} {other:?}");
    let devices = |set: &BTreeSet<(u32, u32)>| set.iter().map(|d| d.0).collect::<BTreeSet<_>>();
    assert!(devices(&own).is_disjoint(&devices(&other)), "the thief has the owner's device");
    assert_eq!(persons.len() as u64, campaign.persons);
    assert_eq!(campaign.persons, 60_000);
}

#[test]
fn the_truth_covers_what_is_labelled() {
    let scenarios = scenarios();
    let specs: Vec<String> = scenarios
        .iter()
        .map(|(id, _)| match *id {
            // A leaver must have been silent long enough.
            "A28" => format!("{id}@54"),
            _ => format!("{id}@40:persons_max=400"),
        })
        .collect();
    for chunk in specs.chunks(8) {
        let names: Vec<&str> = chunk.iter().map(String::as_str).collect();
        let options = WorldOptions {
            seed: 11,
            accounts: 1_000,
            days: 62,
            lookalikes: 0.2,
            machine_scale: 0.05,
            scenarios: names.iter().map(|s| ScenarioSpec::parse(s).unwrap()).collect(),
            ..WorldOptions::default()
        };
        covered(&World::new(options).unwrap(), &names);
    }
}

fn covered(world: &World, names: &[&str]) {
    let mut met: BTreeMap<u16, (usize, HashSet<u32>)> = BTreeMap::new();
    for event in world.events().filter(|e| e.label > 0) {
        let campaign = world.truth().campaign(event.label).unwrap();
        let span = campaign.from_ms..=campaign.to_ms;
        assert!(span.contains(&event.time), "{}: {event:?}", campaign.id);
        let name = world.account(event.account).map(|a| a.name().to_owned());
        assert!(name.is_none_or(|n| campaign.accounts.contains(&n)), "{}: {event:?}", campaign.id);
        let seen = met.entry(event.label).or_default();
        seen.0 += 1;
        seen.1.extend(event.persons.as_slice());
    }
    for name in names {
        let id = name.split('@').next().unwrap();
        let (at, campaign) = world
            .truth()
            .campaigns
            .iter()
            .enumerate()
            .rfind(|(_, c)| c.id == id)
            .unwrap_or_else(|| panic!("{id} is not in the truth"));
        let Some((events, persons)) = met.get(&(at as u16 + 1)) else {
            panic!("{id} did nothing");
        };
        assert!(*events > 0 && campaign.from_ms < campaign.to_ms, "{id}");
        let exact = campaign.kind == Kind::Attack && id != "A17" && id != "A25";
        if exact {
            assert_eq!(persons.len() as u64, campaign.persons, "{id}");
        }
    }
}

#[test]
fn sweeps_go_where_they_are_told() {
    let check = |spec: &str, fits: &dyn Fn(&World, PersonNumber) -> bool| {
        let world = world(4, 12, &[spec]);
        let label = world.truth().campaigns.len() as u16;
        let taken: HashSet<u32> = world
            .events()
            .filter(|e| e.label == label)
            .flat_map(|e| e.persons.as_slice().to_vec())
            .collect();
        assert!(taken.len() > 50, "{spec}: {}", taken.len());
        for person in taken {
            assert!(fits(&world, person), "{spec}: {person}");
        }
    };
    check("A1@1:persons_max=2000", &|_, p| p < BASE);
    check("A1@1:persons_max=2000,sweep=dormant", &|w, p| w.unit_of(p).is_none());
    check("A3@1:persons_max=2000,sweep=active", &|w, p| w.unit_of(p).is_some());
    let own = |w: &World, p| {
        let name = &w.truth().campaigns.last().unwrap().accounts[0];
        let account = w.accounts().iter().find(|a| a.name() == name).unwrap();
        w.unit_of(p) == Some(w.network.units[account.unit as usize].name.as_str())
    };
    check("A21@1:sweep=own-unit", &own);
}

#[test]
fn volumes_follow_their_course() {
    let daily = |spec: &str| -> Vec<usize> {
        let world = world(2, 100, &[spec]);
        let label = world.truth().campaigns.len() as u16;
        let taken = |day| {
            let events = world.day(day);
            let labelled = events.iter().filter(|e| e.label == label);
            labelled.map(|e| e.persons.as_slice().len()).sum()
        };
        (0..100).map(taken).filter(|persons| *persons > 0).collect()
    };
    let strike = daily("A24@10");
    assert!(strike[..20].iter().all(|persons| *persons == 15), "feeding: {strike:?}");
    assert_eq!(strike[20..].iter().sum::<usize>(), 5_000 - 20 * 15, "burst: {strike:?}");
    let ramp = daily("A23@10:growth=0.1");
    let (early, late) = (ramp[0] as f64, ramp[30] as f64);
    assert!((0.6..1.4).contains(&(late / early / 1.1_f64.powi(30))), "{ramp:?}");
    assert_eq!(daily("A21@10"), [350]);
}

#[test]
fn most_reading_stays_with_the_own_unit() {
    let world = world(6, 10, &[]);
    let (mut own, mut all) = (0u32, 0u32);
    for event in world.events() {
        let account = world.account(event.account).unwrap();
        if account.role() != "cap-adviser" {
            continue;
        }
        let unit = world.network.units[account.unit as usize].name.as_str();
        for person in event.persons.as_slice() {
            all += 1;
            own += u32::from(world.unit_of(*person) == Some(unit));
        }
    }
    let share = f64::from(own) / f64::from(all);
    assert!((0.85..0.99).contains(&share), "{share}");
}

#[test]
fn errors_help() {
    let check = |options: WorldOptions, want: &str| {
        let message = World::new(options).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    };
    let small = WorldOptions { accounts: 300, days: 20, ..WorldOptions::default() };
    let with = |id: &str, day, accounts| WorldOptions {
        scenarios: vec![ScenarioSpec { accounts, ..ScenarioSpec::new(id, day) }],
        ..small.clone()
    };
    check(with("A0", 3, None), "unknown scenario \"A0\"; the scenarios are A1 A2");
    check(with("A1", 20, None), "start_day = 20 of A1: must be 0 to 19");
    check(with("A1", 3, Some(900)), "A1 needs 900 accounts");
    check(with("A1", 3, Some(0)), "A1 needs 0 accounts");
    check(with("A28", 3, None), "silent for 40 days");
    check(with("A5", 3, Some(5_000)), "A5 needs 5000 accounts (added accounts)");
    check(with("A20", 16, None), "A20 from day 16 on touches nobody");
    check(WorldOptions { accounts: 5, ..small.clone() }, "accounts = 5: must be 100 to 200000");
    check(WorldOptions { days: 0, ..small.clone() }, "days = 0: must be 1 to 600");
    check(WorldOptions { lookalikes: f64::NAN, ..small.clone() }, "lookalikes = NaN");
}

#[test]
fn extreme_values_do_no_harm() {
    let most = u32::MAX.to_string();
    for id in ["A1", "A20", "A23", "A28", "L1", "L3", "L9", "L12"] {
        let day = if id == "A28" { 54 } else { 50 };
        let spec = format!("{id}@{day}:days={most},persons_max=500,growth=1000000,rate=1000000");
        let world = world(1, 58, &[&spec]);
        let label = world.truth().campaigns.len() as u16;
        let shown = (50..58).flat_map(|d| world.day(d)).any(|e| e.label == label);
        assert!(shown, "{id}");
    }
}

#[test]
fn directories_have_every_account_once() {
    let world = world(8, 40, &["A5@3", "A13@3"]);
    let csv = world.accounts_csv();
    let mut rows = csv.lines();
    assert_eq!(rows.next(), Some("account,partner,unit,role,kind,starts_on,ends_on,protected"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 8));
    let names: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names.len(), rows.len());
    assert_eq!(rows.len(), world.accounts().iter().filter(|a| a.listed).count());
    assert_eq!(world.accounts().len(), rows.len() + 7, "thieves' accounts are not listed");
    assert_eq!(rows.iter().filter(|row| row[4] == "machine").count(), 10);
    assert!(rows.iter().any(|row| row[6].parse::<Date>().is_ok()), "somebody leaves");
    let persons = world.persons_csv();
    assert_eq!(persons.lines().count(), world.network.active as usize + 1);
}

#[test]
fn the_story_is_the_theft_of_2024() {
    let world = World::story().unwrap();
    let theft = world.truth().campaigns.iter().find(|c| c.id == "A1").unwrap();
    let began = jiff::Timestamp::from_millisecond(theft.from_ms).unwrap();
    assert_eq!(began.to_string(), "2024-02-06T18:00:00Z", "19:00 in Paris");
    assert_eq!((theft.persons, theft.accounts.len()), (30_000, 2));
    assert!(theft.accounts.iter().all(|a| a.starts_with("cap")));
    let events = world.events().count();
    assert!((300_000..1_500_000).contains(&events), "{events}");
    let json = serde_json::to_string(world.truth()).unwrap();
    assert_eq!(&serde_json::from_str::<Truth>(&json).unwrap(), world.truth());
}

/// A stand-in for the decoder's hash.
fn hashed(text: &str) -> u64 {
    text.bytes().fold(7, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)))
}

fn pseudonym(text: &str) -> Person {
    Person { id: hashed(text), block: hashed(&text[..text.len() - 3]) as u32 }
}

#[test]
fn lines_and_memory_tell_the_same() {
    let scenarios = ["A1@1", "A12@2", "A17@2", "A20@1:persons_max=300", "A13@3", "A16@4"];
    let world = world(9, 8, &scenarios);
    let codes = ["foreign", "rsa", "minor", "protected-adult"];
    let mut scratch = Scratch::new(&hashed, &codes);
    let mut line = Vec::new();
    let mut actions = BTreeSet::new();
    for event in world.events() {
        line.clear();
        event.write_json(&world, &mut line);
        assert_eq!(line.pop(), Some(b'\n'));
        let value: Value = serde_json::from_slice(&line).unwrap();
        actions.insert(value["action"].as_str().unwrap().to_owned());
        event.with_event(&world, &mut scratch, &pseudonym, |decoded, label| {
            assert_eq!(label, event.label);
            same(&value, decoded, &codes);
        });
    }
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    assert_eq!(
        actions,
        [
            "account_created",
            "export",
            "list",
            "login",
            "password_reset",
            "search",
            "update",
            "view"
        ]
    );
}

/// The fields of the contract that a world writes.
#[rustfmt::skip]
const FIELDS: [&str; 17] = [
    "time", "account", "partner", "unit", "role", "action", "records", "record_count", "data",
    "population", "query", "resource", "ip", "device", "session", "user_agent", "outcome",
];

/// Checks every field of the contract in a line against the event in memory.
fn same(value: &Value, event: &AccessEvent<'_>, codes: &[&str]) {
    for key in value.as_object().unwrap().keys() {
        assert!(FIELDS.contains(&key.as_str()), "{key} is not of the contract");
    }
    let text = |name: &str| value.get(name).map(|v| v.as_str().unwrap());
    let time: jiff::Timestamp = text("time").unwrap().parse().unwrap();
    assert_eq!(time.as_millisecond(), event.time);
    assert!(event.account.is_some() || event.ip.is_some());
    for (name, field) in [
        ("account", &event.account),
        ("partner", &event.partner),
        ("unit", &event.unit),
        ("role", &event.role),
        ("ip", &event.ip),
        ("device", &event.device),
        ("session", &event.session),
        ("user_agent", &event.user_agent),
    ] {
        assert_eq!(text(name), field.as_deref(), "{name}");
    }
    assert_eq!(Action::parse(text("action").unwrap()), event.action);
    assert_eq!(
        text("outcome").unwrap_or("success") == "success",
        event.outcome == Outcome::Success
    );
    for (name, hash) in [("query", event.query), ("resource", event.resource)] {
        assert_eq!(text(name).map_or(0, hashed), hash, "{name}");
    }
    let ids: Vec<&str> = match value.get("records") {
        Some(Value::Array(ids)) => ids.iter().map(|id| id.as_str().unwrap()).collect(),
        Some(id) => vec![id.as_str().unwrap()],
        None => Vec::new(),
    };
    assert_eq!(value.get("records").is_some(), event.persons_known);
    assert_eq!(ids.iter().map(|id| pseudonym(id)).collect::<Vec<_>>(), event.persons);
    let count = value.get("record_count").map_or(0, |n| n.as_u64().unwrap());
    assert_eq!(count.saturating_sub(ids.len() as u64), event.unidentified);
    let bits = |name: &str, table: &[&str]| {
        let words = value.get(name).map_or(&[][..], |v| v.as_array().unwrap());
        words.iter().fold(0u32, |bits, word| {
            let at = table.iter().position(|w| *w == word.as_str().unwrap());
            bits | at.map_or(0, |at| 1 << at)
        })
    };
    assert_eq!(bits("data", &DATA_CLASSES), event.data);
    assert_eq!(bits("population", codes), event.population);
}
