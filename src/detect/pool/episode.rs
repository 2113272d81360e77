//! An open alert of a pool: who contributes, whom they exposed, and its report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entity::Pool;
use crate::alert::EntityKind;
use crate::detect::account::Account;
use crate::detect::episode::{Circumstances, ExposureSet, SignalState, Trail, note};
use crate::detect::limits::{CONTRIBUTORS_MAX, CONTRIBUTORS_TOLD_MAX};
use crate::detect::report::{Cause, Finding, ReadBy, Report};
use crate::detect::shared::Shared;
use crate::event::{AccessEvent, DATA_CLASSES, Position, TimestampMs};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PoolEpisode {
    pub(super) opened: TimestampMs,
    pub(super) ordinal: u32,
    pub(super) revision: u32,
    pub(super) first: TimestampMs,
    pub(super) last: TimestampMs,
    pub(super) last_signal: TimestampMs,
    pub(super) signals: Vec<SignalState>,
    pub(super) exposure: ExposureSet,
    pub(super) milestone: u64,
    pub(super) records: u64,
    pub(super) unidentified: u64,
    pub(super) seen: [Vec<String>; 3],
    pub(super) trail: Trail,
    pub(super) learning: bool,
    pub(super) positions: (Position, Position),
    pub(super) epoch: u32,
    pub(super) follows: Option<String>,
    /// Contributing accounts by index: how far above their usual.
    pub(super) contributors: BTreeMap<u32, f64>,
    /// Of a place that came to be shared lately.
    pub(super) fresh: bool,
}

impl PoolEpisode {
    /// Feeds a contributor's event.
    pub(super) fn expose(
        &mut self,
        event: &AccessEvent<'_>,
        position: Position,
        shared: &mut Shared,
    ) {
        let classes = shared.classes.index(event.data, event.population);
        for person in event.persons {
            let sets = &mut shared.classes;
            self.exposure.insert(person.fingerprint(), |known| sets.union(known, classes));
        }
        let records = (event.persons.len() as u64).saturating_add(event.persons_beyond);
        self.records = self.records.saturating_add(records);
        self.unidentified = self.unidentified.saturating_add(event.unidentified);
        self.note(event, position);
    }

    /// Remembers where an event came from and stands.
    pub(super) fn note(&mut self, event: &AccessEvent<'_>, position: Position) {
        self.last = self.last.max(event.time);
        self.positions.1 = self.positions.1.max(position);
        for (seen, part) in self.seen.iter_mut().zip([&event.ip, &event.device, &event.session]) {
            if let Some(part) = part.as_deref() {
                note(seen, part);
            }
        }
        self.trail.add(event, position);
    }

    /// Adds a contributor, or what it is above its usual by now.
    pub(super) fn contribute(&mut self, account: u32, excess: f64) {
        if self.contributors.len() < CONTRIBUTORS_MAX || self.contributors.contains_key(&account) {
            let known = self.contributors.entry(account).or_default();
            *known = known.max(excess);
        }
    }

    /// Whether a restored episode can be worked with.
    pub(super) fn is_sound(&self, accounts: usize) -> bool {
        self.exposure.is_sound()
            && self.contributors.len() <= CONTRIBUTORS_MAX
            && self.contributors.keys().all(|index| (*index as usize) < accounts)
    }
}

/// Says how a pool's episode stands.
pub(super) fn tell(
    pool: &mut Pool,
    parent: Option<&str>,
    accounts: &[Account],
    shared: &Shared,
    cause: Cause,
    at: TimestampMs,
    out: &mut Vec<Finding>,
) {
    let (kind, named) = (pool.kind, pool.name.to_string());
    let Some(episode) = &mut pool.episode else { return };
    episode.revision += 1;
    let mut data = vec![0; DATA_CLASSES.len()];
    let mut population = vec![0; 32];
    for (set, persons) in episode.exposure.class_sets() {
        let (classes, codes) = shared.classes.get(set);
        for (bit, count) in data.iter_mut().enumerate() {
            *count += if classes >> bit & 1 == 1 { persons } else { 0 };
        }
        for (bit, count) in population.iter_mut().enumerate() {
            *count += if codes >> bit & 1 == 1 { persons } else { 0 };
        }
    }
    let mut largest: Vec<(u32, f64)> =
        episode.contributors.iter().map(|(account, excess)| (*account, *excess)).collect();
    largest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let names = largest.iter().filter_map(|(account, _)| accounts.get(*account as usize));
    let contributors = names.take(CONTRIBUTORS_TOLD_MAX).map(|a| a.name.to_string()).collect();
    let partner = match kind {
        EntityKind::Partner => Some(named.clone()),
        _ => parent.map(str::to_owned),
    };
    out.push(Finding::Episode(Box::new(Report {
        cause,
        revision: episode.revision,
        ordinal: episode.ordinal,
        entity: kind,
        unit: (kind == EntityKind::Unit).then(|| named.clone()),
        name: named,
        partner,
        role: None,
        label: None,
        opened: episode.opened,
        first: episode.first,
        last: episode.last,
        follows: episode.follows.clone(),
        at,
        persons: episode.exposure.tell(),
        // Many accounts have many owners.
        read_by: ReadBy::default(),
        records: episode.records,
        unidentified: episode.unidentified,
        data,
        population,
        seen: episode.seen.clone(),
        signals: episode.signals.clone(),
        circumstances: Circumstances {
            new_address: episode.fresh && kind != EntityKind::Device,
            new_device: episode.fresh && kind == EntityKind::Device,
            ..Circumstances::default()
        },
        learning: episode.learning,
        positions: episode.positions,
        events: episode.trail.events().cloned().collect(),
        epoch: episode.epoch,
        offset_ms: shared.calendar.offset_ms(episode.opened),
        contributors,
        contributor_count: episode.contributors.len() as u64,
    })));
}
