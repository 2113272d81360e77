//! What was found, in words for people.

use std::path::Path;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

use super::ledger::{Found, List, Listed};
use super::route::ROUTES;
use crate::alert::{Exposure, Status};

/// What reading the log took.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Lines.
    pub(super) records: u64,
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// What is wrong with the log.
    pub(super) notices: Vec<String>,
}

/// Per alert the exact persons against its estimate, their union, and what it took.
pub(super) fn summary(
    list: &List,
    reading: &Reading,
    took: Duration,
    out: Option<&Path>,
) -> String {
    let mut lines: Vec<String> = list.alerts.iter().flat_map(of_alert).collect();
    lines.extend(union(list));
    lines.extend(by_new(list));
    lines.push(format!(
        "{} records of {} read ({}) in {:.1} s; this use is in the audit trail",
        HumanCount(reading.records),
        if reading.files == 1 { "1 file".to_owned() } else { format!("{} files", reading.files) },
        HumanBytes(reading.bytes),
        took.as_secs_f64()
    ));
    lines.extend(reading.notices.iter().cloned());
    if let Some(out) = out {
        lines.push(format!("the list is in {}, readable by its owner only", out.display()));
    }
    if list.raw {
        lines.push(
            "WARNING: this list is personal data: it names people by the log's own identifiers"
                .to_owned(),
        );
    }
    lines.join("\n")
}

fn of_alert(found: &Found) -> Vec<String> {
    let Found { alert, persons, counts } = found;
    let mut lines = vec![format!(
        "{} {} {}: {} persons exactly ({}), {} records",
        alert.id,
        alert.entity.kind.word(),
        alert.entity.id,
        HumanCount(*persons),
        estimate(&alert.exposure),
        HumanCount(counts.records)
    )];
    if counts.nameless > 0 {
        lines.push(format!(
            "  {} more records name nobody: who they were cannot be said",
            HumanCount(counts.nameless)
        ));
    }
    if alert.status == Status::Open {
        lines.push(format!(
            "  it is still open: the list goes to its revision {}, {}",
            alert.revision, alert.last_event_at
        ));
    }
    lines
}

fn estimate(exposure: &Exposure) -> String {
    let Exposure { persons, low, high, .. } = exposure;
    let persons = HumanCount(*persons);
    if low == high {
        return format!("the alert says {persons}");
    }
    format!("the alert says {persons}, between {} and {}", HumanCount(*low), HumanCount(*high))
}

/// How many were read through what is new to the account; of one alert, since a person of several was
/// not read through all of it by each.
fn by_new(list: &List) -> Vec<String> {
    let [found] = &*list.alerts else { return Vec::new() };
    let new = found.alert.read_from.iter().filter(|reader| reader.new == Some(true));
    let told = new.map(|reader| {
        let kind = ROUTES.iter().position(|route| route.trim_end_matches('s') == reader.kind);
        let bit = kind.map_or(0, |kind| list.routes[kind].known(&reader.id));
        let through = |person: &&Listed| kind.is_some_and(|kind| person.through[kind] & bit != 0);
        let persons = list.persons.iter().filter(through).count();
        format!(
            "  {} of them through {} {}, new to the account",
            HumanCount(persons as u64),
            reader.kind,
            reader.id
        )
    });
    told.collect()
}

fn union(list: &List) -> Option<String> {
    if list.alerts.len() < 2 {
        return None;
    }
    let shared = list.persons.iter().filter(|person| person.alerts.len() > 1).count();
    Some(format!(
        "together {} persons, {} of them in more than one alert",
        HumanCount(list.persons.len() as u64),
        HumanCount(shared as u64)
    ))
}
