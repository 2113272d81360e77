//! Who was exposed by which alerts, gathered from events by the rule that the engine's own exposure
//! follows. Pure.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::route::Route;
use super::wanted::Wanted;
use crate::alert::Alert;
use crate::event::{AccessEvent, Outcome, Person, Position, TimestampMs};

/// Everybody exposed so far: some 80 bytes a person, and the identifier where it is asked for.
pub(super) struct Ledger {
    wanted: Vec<Wanted>,
    counts: Vec<Counts>,
    /// By pseudonym.
    persons: HashMap<u64, Exposed>,
    /// Sets of alerts, by index into `wanted`, sorted; a person's alerts are one of them.
    sets: Vec<Vec<usize>>,
    /// The union of two of them.
    unions: HashMap<(usize, usize), usize>,
    /// Identifiers by pseudonym, when they are asked for.
    raw: Option<HashMap<u64, Box<str>>>,
    routes: [Route; 3],
    /// Distinct persons of the event at hand.
    scratch: Vec<u64>,
}

/// A person, as far as the alerts go.
#[derive(Clone, Copy)]
struct Exposed {
    first: TimestampMs,
    last: TimestampMs,
    accesses: u32,
    set: usize,
    /// Through what, by the bits of a [`Route`] of each kind.
    through: [u64; 3],
}

/// What the log says of one alert besides persons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Records returned, repeats included.
    pub(super) records: u64,
    /// Records that name nobody, or too many to be looked at: their persons are not listed.
    pub(super) nameless: u64,
    begins: bool,
    ends: bool,
}

/// The finished list.
pub(super) struct List {
    /// In the order they were asked for.
    pub(super) alerts: Vec<Found>,
    /// In the order they were first seen.
    pub(super) persons: Vec<Listed>,
    /// Whether persons are named by their identifiers.
    pub(super) raw: bool,
    /// Through what they were read.
    pub(super) routes: [Route; 3],
}

/// An alert with what was found.
pub(super) struct Found {
    pub(super) alert: Alert,
    /// Distinct persons, exactly.
    pub(super) persons: u64,
    pub(super) counts: Counts,
}

/// One person of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Pseudonym or identifier.
    pub(super) name: Box<str>,
    pub(super) first: TimestampMs,
    pub(super) last: TimestampMs,
    /// Events that returned the person.
    pub(super) accesses: u32,
    /// Indices into the list's alerts.
    pub(super) alerts: Vec<usize>,
    /// By kind, as [`List::routes`] names them.
    pub(super) through: [u64; 3],
}

impl Ledger {
    pub(super) fn new(wanted: Vec<Wanted>, raw: bool) -> Ledger {
        Ledger {
            counts: vec![Counts::default(); wanted.len()],
            wanted,
            persons: HashMap::new(),
            sets: Vec::new(),
            unions: HashMap::new(),
            raw: raw.then(HashMap::new),
            routes: Default::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn is_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// Positions to read.
    pub(super) fn ranges(&self) -> Vec<RangeInclusive<Position>> {
        self.wanted.iter().map(|wanted| wanted.from..=wanted.to).collect()
    }

    /// Distinct persons so far.
    pub(super) fn persons(&self) -> usize {
        self.persons.len()
    }

    /// Adds an event's persons to the alerts it belongs to; returns whether there are such.
    pub(super) fn event(&mut self, event: &AccessEvent<'_>, position: Position) -> bool {
        let mut set = Vec::new();
        for (index, wanted) in self.wanted.iter().enumerate() {
            if position < wanted.from || position > wanted.to || !wanted.is_of(event) {
                continue;
            }
            let counts = &mut self.counts[index];
            counts.begins |= position == wanted.from;
            counts.ends |= position == wanted.to;
            if event.time < wanted.since || event.outcome != Outcome::Success {
                continue;
            }
            counts.records += event.persons.len() as u64 + event.persons_beyond;
            counts.nameless += event.unidentified + event.persons_beyond;
            set.push(index);
        }
        if set.is_empty() || event.persons.is_empty() {
            return false;
        }
        let set = self.known_set(set);
        self.scratch.clear();
        self.scratch.extend(event.persons.iter().map(|person| person.id));
        self.scratch.sort_unstable();
        self.scratch.dedup();
        let distinct = std::mem::take(&mut self.scratch);
        let parts = [&event.session, &event.device, &event.ip];
        let mut through = [0; 3];
        for ((through, route), part) in through.iter_mut().zip(&mut self.routes).zip(parts) {
            *through = route.bit(part.as_deref());
        }
        distinct.iter().for_each(|id| self.expose(*id, event.time, set, through));
        self.scratch = distinct;
        true
    }

    fn expose(&mut self, id: u64, time: TimestampMs, set: usize, through: [u64; 3]) {
        let fresh = Exposed { first: time, last: time, accesses: 0, set, through };
        let known = *self.persons.entry(id).or_insert(fresh);
        let set = if known.set == set { set } else { self.union(known.set, set) };
        let grown = Exposed {
            first: known.first.min(time),
            last: known.last.max(time),
            accesses: known.accesses.saturating_add(1),
            set,
            through: std::array::from_fn(|kind| known.through[kind] | through[kind]),
        };
        self.persons.insert(id, grown);
    }

    /// Remembers the identifiers of an event that belongs to an alert; the first spelling stays.
    pub(super) fn name(&mut self, raw: Vec<(Person, Box<str>)>) {
        let Some(names) = &mut self.raw else { return };
        for (person, name) in raw {
            names.entry(person.id).or_insert(name);
        }
    }

    fn known_set(&mut self, set: Vec<usize>) -> usize {
        self.sets.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        })
    }

    fn union(&mut self, a: usize, b: usize) -> usize {
        if let Some(known) = self.unions.get(&(a, b)) {
            return *known;
        }
        let mut all: Vec<usize> = self.sets[a].iter().chain(&self.sets[b]).copied().collect();
        all.sort_unstable();
        all.dedup();
        let union = self.known_set(all);
        self.unions.insert((a, b), union);
        union
    }

    /// Whether the log read is the one that was judged: both ends of each alert must be there.
    pub(super) fn check(&self) -> Result<(), String> {
        let complain = |(wanted, counts): (&Wanted, &Counts)| {
            let at = match (counts.begins, counts.ends) {
                (true, true) => return None,
                (false, _) => wanted.from,
                (true, false) => wanted.to,
            };
            let Alert { id, entity, .. } = &wanted.alert;
            Some(format!(
                "alert {id}: position {at} of the log holds no event of {} {}, as it did when it was \
                 judged: the log was changed, or `vigie run` read it with another --format or \
                 configuration; give evidence the same",
                entity.kind.word(),
                entity.id
            ))
        };
        let problems: Vec<String> =
            self.wanted.iter().zip(&self.counts).filter_map(complain).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }

    /// The finished list.
    pub(super) fn list(self) -> List {
        let Ledger { wanted, counts, persons, sets, raw, routes, .. } = self;
        let is_raw = raw.is_some();
        let mut names = raw.unwrap_or_default();
        let mut by_time: Vec<(u64, Exposed)> = persons.into_iter().collect();
        by_time.sort_unstable_by_key(|(id, exposed)| (exposed.first, *id));
        let mut alerts: Vec<Found> = wanted
            .into_iter()
            .zip(counts)
            .map(|(wanted, counts)| Found { alert: wanted.alert, persons: 0, counts })
            .collect();
        for (_, exposed) in &by_time {
            sets[exposed.set].iter().for_each(|index| alerts[*index].persons += 1);
        }
        let listed = |(id, exposed): (u64, Exposed)| Listed {
            name: names.remove(&id).unwrap_or_else(|| format!("{id:016x}").into()),
            first: exposed.first,
            last: exposed.last,
            accesses: exposed.accesses,
            alerts: sets[exposed.set].clone(),
            through: exposed.through,
        };
        let persons = by_time.into_iter().map(listed).collect();
        List { persons, alerts, raw: is_raw, routes }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::alert::EntityKind;
    use crate::event::Action;
    use crate::triage::rfc3339;

    /// The contract's example, about `name`, over these positions and from this time on.
    fn wanted(kind: EntityKind, name: &str, from: u64, to: u64, since: i64) -> Wanted {
        let text = include_str!("../../../tests/store/alert.json");
        let mut alert: Alert = serde_json::from_str(text).unwrap();
        (alert.id, alert.entity.kind) = (format!("id-{name}"), kind);
        name.clone_into(&mut alert.entity.id);
        alert.account_count = u64::from(kind == EntityKind::Account);
        alert.first_event_at = rfc3339(since);
        "file".clone_into(&mut alert.positions[0].shard);
        (alert.positions[0].from, alert.positions[0].to) = (from, to);
        Wanted::of(alert).unwrap()
    }

    /// Feeds `account/ip time persons`, each line at the position of its number.
    fn ledger(wanted: Vec<Wanted>, lines: &[&str]) -> Ledger {
        let mut ledger = Ledger::new(wanted, false);
        for (position, line) in lines.iter().enumerate() {
            let mut parts = line.split(' ');
            let (account, ip) = parts.next().unwrap().split_once('/').unwrap();
            let time = parts.next().unwrap().parse().unwrap();
            let persons: Vec<Person> =
                parts.map(|id| Person { id: id.parse().unwrap(), block: 0 }).collect();
            let given = |text: &'static str| (!text.is_empty()).then_some(Cow::Borrowed(text));
            let (account, ip) = (account.to_owned(), ip.to_owned());
            let event = AccessEvent {
                time,
                account: given(account.leak()),
                ip: given(ip.leak()),
                partner: None,
                unit: None,
                role: None,
                action: Action::View,
                persons: &persons,
                persons_known: true,
                unidentified: 1,
                persons_beyond: 0,
                unrelated: None,
                data: 0,
                population: 0,
                query: 0,
                resource: 0,
                device: None,
                session: None,
                user_agent: None,
                outcome: Outcome::Success,
            };
            ledger.event(&event, position as u64);
        }
        ledger
    }

    const LINES: [&str; 8] = [
        "a/ 10 1",
        "b/ 11 2",
        "a/ 19 3 3 4",
        "a/ 5 5",
        "b/9.9.9.9 20 3 4 7",
        "/9.9.9.9 21 8",
        "a/ 22 4",
        "a/ 23 6",
    ];

    fn told(list: &List) -> Vec<String> {
        let tell = |p: &Listed| {
            let name = p.name.trim_start_matches('0');
            format!("{name} {}-{} {} {:?}", p.first, p.last, p.accesses, p.alerts)
        };
        list.persons.iter().map(tell).collect()
    }

    #[test]
    fn persons_count_within_positions_and_from_the_first_event_on() {
        // Person 1 came before the first position, 5 before the first event, 6 behind the last.
        let list = ledger(vec![wanted(EntityKind::Account, "a", 2, 6, 10)], &LINES).list();
        assert_eq!(told(&list), ["3 19-19 1 [0]", "4 19-22 2 [0]"]);
        assert_eq!(list.alerts[0].persons, 2);
        let counts = list.alerts[0].counts;
        assert_eq!((counts.records, counts.nameless), (4, 2));
    }

    #[test]
    fn a_union_counts_each_person_once() {
        let both = || {
            vec![
                wanted(EntityKind::Account, "a", 0, 6, 10),
                wanted(EntityKind::Account, "b", 1, 4, 0),
                wanted(EntityKind::Source, "9.9.9.9", 5, 5, 0),
            ]
        };
        let ledger = ledger(both(), &LINES);
        assert_eq!(ledger.check(), Ok(()));
        let list = ledger.list();
        assert_eq!(
            told(&list),
            [
                "1 10-10 1 [0]",
                "2 11-11 1 [1]",
                "3 19-20 2 [0, 1]",
                "4 19-22 3 [0, 1]",
                "7 20-20 1 [1]",
                // The address's own event, not the one that names an account.
                "8 21-21 1 [2]",
            ]
        );
        assert_eq!(list.alerts.iter().map(|a| a.persons).collect::<Vec<_>>(), [3, 4, 1]);
    }

    #[test]
    fn a_person_is_listed_with_every_address() {
        let lines = ["a/1.1.1.1 10 1 2", "a/ 11 3", "a/2.2.2.2 12 2", "b/3.3.3.3 13 2"];
        let list = ledger(vec![wanted(EntityKind::Account, "a", 0, 2, 0)], &lines).list();
        let ips = |p: &Listed| list.routes[2].names(p.through[2]).collect::<Vec<_>>().join(" ");
        let told: Vec<String> = list.persons.iter().map(ips).collect();
        assert_eq!(told, ["1.1.1.1", "1.1.1.1 2.2.2.2", ""]);
    }

    #[test]
    fn one_event_of_two_alerts_is_one_access() {
        let twice = vec![
            wanted(EntityKind::Account, "a", 0, 2, 0),
            wanted(EntityKind::Account, "a", 2, 6, 0),
        ];
        let list = ledger(twice, &LINES).list();
        assert_eq!(told(&list)[2..], ["3 19-19 1 [0, 1]", "4 19-22 2 [0, 1]"]);
    }

    #[test]
    fn another_log_is_told_by_its_ends() {
        let told =
            |from, to| ledger(vec![wanted(EntityKind::Account, "a", from, to, 0)], &LINES).check();
        assert_eq!(told(0, 7), Ok(()));
        for (from, to, at) in [(1, 7, 1), (0, 4, 4)] {
            let problem = told(from, to).unwrap_err();
            let expected =
                format!("alert id-a: position {at} of the log holds no event of account a");
            assert!(problem.starts_with(&expected), "{problem}");
        }
    }
}
