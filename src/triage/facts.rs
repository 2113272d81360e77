//! Facts: every reason as a code with its numbers, from which the sentences are made and machines
//! may make their own.

use serde_json::{Map, Value, json};

use super::shared::{self, Shared};
use super::weight;
use super::words;
use crate::alert::Fact;
use crate::detect::episode::SignalState;
use crate::detect::report::Report;
use crate::detect::rule::Watch;

fn fact(code: &str, values: Value) -> Fact {
    let values = match values {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    Fact { code: code.to_owned(), values }
}

/// Every reason: the signals in the order they fired, then circumstances, then what makes it more
/// or less sure.
pub(super) fn of(report: &Report) -> Vec<Fact> {
    let mut facts: Vec<Fact> = report.signals.iter().map(|s| of_signal(s, report)).collect();
    let around = &report.circumstances;
    if let Some((persons, ms)) = around.pace {
        facts.push(fact("pace", json!({"persons": persons, "seconds": (ms + 999) / 1_000})));
    }
    let pooled = report.contributor_count > 0;
    for (holds, code) in [
        (around.new_device && !pooled, "new-device"),
        (around.new_address && !pooled, "new-address"),
        ((around.new_device || around.new_address) && pooled, "new-place"),
        (around.off_hours, "off-hours"),
        (around.rest_day, "rest-day"),
        (report.learning, "learning"),
        (report.is_joint(), "joint-signs"),
    ] {
        if holds {
            facts.push(fact(code, json!({})));
        }
    }
    if let Some(shared) = Shared::of(report) {
        facts.push(fact(shared::CODE, shared.values()));
    }
    if report.unidentified > 0 {
        facts.push(fact("unidentified-records", json!({"records": report.unidentified})));
    }
    let families = weight::families(report);
    if families.len() > 1 {
        facts.push(fact("corroboration", json!({"kinds": families})));
    }
    let (_, low, high) = report.persons;
    if low < high {
        facts.push(fact("estimated", json!({"low": low, "high": high})));
    }
    facts
}

/// The code of a watch's fact.
fn code(watch: Watch) -> &'static str {
    match watch {
        Watch::DistinctPersons => "volume",
        Watch::ForeignOrigins => "foreign",
        Watch::RoleCeiling => "role-ceiling",
        Watch::DeclaredCeiling => "declared-ceiling",
        Watch::EndedAccount => "ended-account",
        Watch::UnidentifiedRecords => "unidentified",
        Watch::NovelPersons => "novelty",
        Watch::DormantPersons => "dormant",
        Watch::OwnUnitPersons => "own-unit",
        Watch::OffHoursPersons => "off-hours-persons",
        Watch::OffHoursOrigins => "off-hours-origins",
        Watch::StrangerPersons => "strange-device",
        Watch::UnusualOperations => "unusual-operation",
        Watch::SensitivePersons => "sensitive",
        Watch::PersonsDrift => "drift",
        Watch::NoveltyDrift => "novelty-drift",
        Watch::OriginsRun => "foreign-run",
        Watch::DormantRun => "dormant-run",
        Watch::OwnUnitRun => "own-unit-run",
        Watch::OperationsRun => "operations-run",
        Watch::Misses => "misses",
        Watch::Updates => "updates",
        Watch::UnrelatedRecords => "unrelated",
        Watch::NeighbouringIds => "id-sweep",
        Watch::SteadyPace => "steady-pace",
        Watch::PooledForeign => "pooled-foreign",
        Watch::PooledPersons => "pooled-volume",
        Watch::Simultaneous => "simultaneous",
        Watch::JointSigns => "joint-signs",
    }
}

fn of_signal(signal: &SignalState, report: &Report) -> Fact {
    let round = |x: f64| (x * 100.0).round() / 100.0;
    let mut values = json!({
        "window": signal.measure.map_or("1d", |m| m.window()),
        "observed": signal.observed,
        "expected": round(signal.expected),
        "usual": signal.usual,
        "not_below": signal.threshold,
        "kind": weight::word(signal.watch.family()),
    });
    if let Some(touch) = words::touch(signal) {
        values["touch"] = json!(super::touch_word(touch));
    }
    if signal.watch == Watch::StrangerPersons {
        values["place"] = json!(if super::has_devices(report) { "device" } else { "address" });
    }
    if let Some((group, size, p99)) = &signal.peers {
        values["peers"] = json!({"group": group, "size": size, "p99": p99});
    }
    fact(code(signal.watch), values)
}
