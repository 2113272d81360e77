//! Who was exposed by which alerts, gathered from events by the rule that the engine's own exposure
//! follows. Pure.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::wanted::Wanted;
use crate::alert::Alert;
use crate::event::{AccessEvent, Outcome, Person, Position, TimestampMs};

/// Everybody exposed so far: some 60 bytes a person, and the identifier where it is asked for.
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
        for id in std::mem::take(&mut self.scratch) {
            self.expose(id, event.time, set);
        }
        true
    }

    fn expose(&mut self, id: u64, time: TimestampMs, set: usize) {
        let fresh = Exposed { first: time, last: time, accesses: 0, set };
        let known = *self.persons.entry(id).or_insert(fresh);
        let set = if known.set == set { set } else { self.union(known.set, set) };
        let grown = Exposed {
            first: known.first.min(time),
            last: known.last.max(time),
            accesses: known.accesses.saturating_add(1),
            set,
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
        let Ledger { wanted, counts, persons, sets, raw, .. } = self;
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
        };
        List { persons: by_time.into_iter().map(listed).collect(), alerts, raw: is_raw }
    }
}
