//! What two engines said of the same log, side by side. Pure.
//!
//! Alerts meet when they are about the same entity and overlap in time, whatever their ids: one
//! engine may see one episode where the other sees two, so a match holds all that hang together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::alert::{Alert, Entity, Severity, Status};
use crate::event::TimestampMs;
use crate::triage::millis;

/// One alert, from its first revision to its last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Heard {
    pub(super) id: String,
    #[serde(skip)]
    pub(super) entity: Entity,
    #[serde(skip)]
    accounts: BTreeSet<String>,
    pub(super) opened_at: String,
    pub(super) last_event_at: String,
    /// The log ended before the episode did.
    pub(super) open: bool,
    /// The greatest it had.
    pub(super) severity: Severity,
    /// The greatest it had.
    pub(super) confidence: f64,
    /// Exposure in its first revision.
    pub(super) persons_at_first: u64,
    /// Exposure in its last revision.
    pub(super) persons: u64,
    /// Rules of its first revision.
    pub(super) opened_by: BTreeSet<String>,
    /// Rules of all its revisions.
    pub(super) rules: BTreeSet<String>,
    #[serde(skip)]
    from: TimestampMs,
}

impl Heard {
    fn new(alert: &Alert) -> Heard {
        Heard {
            id: alert.id.clone(),
            entity: alert.entity.clone(),
            accounts: BTreeSet::new(),
            opened_at: alert.opened_at.clone(),
            last_event_at: String::new(),
            open: true,
            severity: Severity::Info,
            confidence: 0.0,
            persons_at_first: alert.exposure.persons,
            persons: 0,
            opened_by: rules(alert),
            rules: BTreeSet::new(),
            from: TimestampMs::MAX,
        }
    }

    fn grow(&mut self, alert: &Alert) {
        self.accounts.extend(alert.accounts.iter().cloned());
        self.last_event_at.clone_from(&alert.last_event_at);
        self.open = alert.status == Status::Open;
        self.severity = self.severity.max(alert.severity);
        self.confidence = self.confidence.max(alert.confidence);
        self.persons = alert.exposure.persons;
        self.rules.extend(rules(alert));
        self.from = self.from.min(millis(&alert.first_event_at));
    }

    /// An episode that the log leaves open goes on for as long as one can know.
    fn to(&self) -> TimestampMs {
        if self.open { TimestampMs::MAX } else { millis(&self.last_event_at) }
    }
}

fn rules(alert: &Alert) -> BTreeSet<String> {
    alert.signals.iter().map(|signal| signal.rule.clone()).collect()
}

/// Everything one engine said.
#[derive(Debug, Default)]
pub(super) struct Side(BTreeMap<String, Heard>);

impl Side {
    /// Takes in a revision.
    pub(super) fn hear(&mut self, alert: &Alert) {
        let heard = self.0.entry(alert.id.clone()).or_insert_with(|| Heard::new(alert));
        heard.grow(alert);
    }

    pub(super) fn alerts(&self) -> impl Iterator<Item = &Heard> {
        self.0.values()
    }

    /// Accounts that its alerts name.
    pub(super) fn accounts(&self) -> BTreeSet<&str> {
        self.alerts().flat_map(|heard| heard.accounts.iter().map(String::as_str)).collect()
    }
}

/// Alerts of both engines that hang together, by opening; at least one side has some.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Match {
    pub(super) entity: Entity,
    pub(super) a: Vec<Heard>,
    pub(super) b: Vec<Heard>,
}

/// What one side of a match amounts to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sum {
    pub(super) opened_at: String,
    pub(super) severity: Severity,
    pub(super) persons_at_first: u64,
    pub(super) persons: u64,
    pub(super) rules: BTreeSet<String>,
}

/// The first alert of a side says when it was told; all of them say how much there was.
pub(super) fn sum(side: &[Heard]) -> Option<Sum> {
    let first = side.first()?;
    Some(Sum {
        opened_at: first.opened_at.clone(),
        severity: side.iter().map(|h| h.severity).max().unwrap_or(first.severity),
        persons_at_first: first.persons_at_first,
        persons: side.iter().map(|h| h.persons).sum(),
        rules: side.iter().flat_map(|h| h.rules.iter().cloned()).collect(),
    })
}

impl Match {
    /// How much later B told it, in milliseconds; `None`: one side never did.
    pub(super) fn later_ms(&self) -> Option<i64> {
        let [a, b] = [self.a.first()?, self.b.first()?];
        Some(millis(&b.opened_at) - millis(&a.opened_at))
    }

    /// Both say the same of it.
    pub(super) fn is_same(&self) -> bool {
        sum(&self.a) == sum(&self.b)
    }

    /// When it was first told.
    pub(super) fn opened_at(&self) -> &str {
        let all = self.a.first().into_iter().chain(self.b.first());
        all.map(|heard| heard.opened_at.as_str()).min().unwrap_or_default()
    }
}

/// Lays both sides beside one another, in the order of being told.
pub(super) fn compare(a: &Side, b: &Side) -> Vec<Match> {
    let mut by_entity: BTreeMap<(&str, &str), Vec<(bool, &Heard)>> = BTreeMap::new();
    for (is_b, heard) in a.alerts().map(|h| (false, h)).chain(b.alerts().map(|h| (true, h))) {
        let Entity { kind, id } = &heard.entity;
        by_entity.entry((kind.word(), id)).or_default().push((is_b, heard));
    }
    let mut matches = Vec::new();
    for mut alerts in by_entity.into_values() {
        alerts.sort_by_key(|(is_b, heard)| (heard.from, *is_b));
        let mut to = TimestampMs::MIN;
        let mut open: Option<Match> = None;
        for (is_b, heard) in alerts {
            if heard.from > to {
                matches.extend(open.take());
            }
            to = to.max(heard.to());
            let new = || Match { entity: heard.entity.clone(), a: Vec::new(), b: Vec::new() };
            let held = open.get_or_insert_with(new);
            let side = if is_b { &mut held.b } else { &mut held.a };
            side.push(heard.clone());
        }
        matches.extend(open);
    }
    for held in &mut matches {
        for side in [&mut held.a, &mut held.b] {
            side.sort_by(|x, y| (&x.opened_at, &x.id).cmp(&(&y.opened_at, &y.id)));
        }
    }
    matches.sort_by(|x, y| {
        let key = |m: &Match| (m.opened_at().to_owned(), m.entity.kind, m.entity.id.clone());
        key(x).cmp(&key(y))
    });
    matches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::EntityKind;

    /// `id entity from-to persons`, hours of one day; without `to` it is open.
    fn side(alerts: &[&str]) -> Side {
        let mut side = Side::default();
        let whole = include_str!("../../../tests/store/alert.json");
        let sample: Alert = serde_json::from_str(whole).unwrap();
        for text in alerts {
            let [id, entity, span, persons] =
                text.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let (from, to) = span.split_once('-').unwrap();
            let at = |hour: &str| format!("2024-02-06T{hour:0>2}:00:00.000Z");
            let mut alert = sample.clone();
            alert.id = id.into();
            alert.revision = 1;
            alert.status = Status::Open;
            alert.entity = Entity { kind: EntityKind::Account, id: entity.into() };
            alert.accounts = vec![entity.into()];
            (alert.first_event_at, alert.opened_at) = (at(from), at(from));
            alert.last_event_at = at(from);
            alert.severity = Severity::Medium;
            alert.exposure.persons = 25;
            side.hear(&alert);
            alert.revision = 2;
            alert.exposure.persons = persons.parse().unwrap();
            if !to.is_empty() {
                alert.status = Status::Ended;
                alert.last_event_at = at(to);
            }
            side.hear(&alert);
        }
        side
    }

    #[test]
    fn alerts_meet_by_entity_and_time_whatever_their_ids() {
        let check = |a: &[&str], b: &[&str], wanted: &str| {
            let ids = |heard: &[Heard]| heard.iter().map(|h| h.id.as_str()).collect::<String>();
            let found = compare(&side(a), &side(b));
            let found: Vec<String> =
                found.iter().map(|m| format!("{}|{}", ids(&m.a), ids(&m.b))).collect();
            assert_eq!(found.join(" "), wanted, "{a:?} {b:?}");
        };
        check(&["A x 1-3 40"], &["A x 1-3 40"], "A|A");
        check(&["A x 1-3 40"], &["B x 3-5 40"], "A|B");
        check(&["A x 1-3 40"], &["B x 4-5 40"], "A| |B");
        check(&["A x 1-3 40"], &["B y 1-3 40"], "A| |B");
        check(&["A x 1- 40"], &["B x 9-9 40"], "A|B");
        // One sees an episode where the other sees two: all of it is one match.
        check(&["A x 1-9 90"], &["B x 1-2 40", "C x 5-6 50"], "A|BC");
        check(&["A x 1-2 40", "D x 8-9 40"], &["B x 1-1 40", "C x 5-6 50"], "A|B |C D|");
        check(&[], &[], "");
    }

    #[test]
    fn a_match_says_how_much_later_and_how_many() {
        let found = compare(&side(&["A x 1-9 90"]), &side(&["B x 3-4 40", "C x 6-7 50"]));
        let one = &found[0];
        assert_eq!(one.later_ms(), Some(2 * 3_600_000));
        let [a, b] = [sum(&one.a).unwrap(), sum(&one.b).unwrap()];
        assert_eq!((a.persons_at_first, a.persons), (25, 90));
        assert_eq!((b.persons_at_first, b.persons), (25, 90));
        assert_eq!(b.opened_at, "2024-02-06T03:00:00.000Z");
        assert!(!one.is_same(), "told at another time");
        let same = compare(&side(&["A x 1-9 90"]), &side(&["B x 1-9 90"]));
        assert!(same[0].is_same());
        assert_eq!(compare(&side(&["A x 1-9 90"]), &side(&[]))[0].later_ms(), None);
    }
}
