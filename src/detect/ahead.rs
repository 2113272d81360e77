//! Looking ahead: what events will need is read from memory for several of them together, so that
//! the waiting overlaps. An event alone waits for its account, then for the account's day, then for
//! the day's table of persons, one after the other, and that is most of what it costs.
//!
//! Nothing is decided or changed here. Names and places are hashed on the way, once an event.

use std::hint::black_box;

use super::Detector;
use super::epoch::Kind;
use super::places::place_hash;
use crate::event::AccessEvent;

/// Events that are looked at together: enough to fill the time of one wait, and few enough to stay in
/// the nearest caches.
pub const AHEAD: usize = 16;
/// Persons of one event that are looked at; more of them overlap by themselves.
const PERSONS_AHEAD: usize = 64;

/// What is known of an event before its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Hash of the account's (or address's) name; nobody's where the event has neither.
    pub(super) name: Option<u64>,
    /// Hashes of its device and address; 0 where it does not say.
    pub(super) places: [u32; 2],
}

impl Detector {
    /// What is known of an event before its turn.
    #[must_use]
    pub fn ahead(&self, event: &AccessEvent<'_>) -> Ahead {
        let places = [&event.device, &event.ip];
        Ahead {
            name: who(event).map(|(name, kind)| self.name_hash(name, kind)),
            places: places.map(|place| place.as_deref().map_or(0, place_hash)),
        }
    }

    /// Reads what the next events will need, at most [`AHEAD`] of them.
    pub fn fetch(&self, events: &[(&AccessEvent<'_>, Ahead)]) {
        // Each loop reads what the one before it found; within a loop nothing waits for anything.
        let mut read = 0;
        let mut found = [None; AHEAD];
        for (found, (_, ahead)) in found.iter_mut().zip(events) {
            *found = ahead.name.and_then(|name| self.index.get(&name).copied());
        }
        let accounts = || {
            let found =
                found.iter().zip(events).filter_map(|(at, (event, _))| Some(((*at)?, event)));
            found.map(|(index, event)| (index, &self.accounts[index as usize], event))
        };
        for (index, account, _) in accounts() {
            read ^= account.peek() ^ self.pools.peek(index);
        }
        for (_, account, event) in accounts() {
            let today = account.today.as_ref();
            read ^= today.map_or(0, |today| today.peek(event.action.touch()));
        }
        let persons = || {
            accounts().filter_map(|(index, account, event)| {
                let windows = &account.today.as_ref()?.windows[event.action.touch() as usize];
                let persons = event.persons.iter().take(PERSONS_AHEAD);
                Some(persons.map(move |p| (index, account, windows, p.fingerprint())))
            })
        };
        for (_, _, windows, fp) in persons().flatten() {
            read ^= u64::from(windows.is_at_home(fp));
        }
        let news = || persons().flatten().filter(|(_, _, windows, fp)| !windows.is_at_home(*fp));
        for (_, account, _, fp) in news() {
            read ^= self.shared.territory.peek(fp) ^ account.persons.peek(fp);
        }
        for (index, account, _, fp) in news() {
            let origin = self.shared.territory.origin(fp, account.unit);
            read ^= self.pools.peek_person(index, fp, origin);
        }
        // What is read and never used would not be read.
        black_box(read);
    }
}

/// Whom an event counts for: its account, or where it names none its address.
pub(super) fn who<'a>(event: &'a AccessEvent<'_>) -> Option<(&'a str, Kind)> {
    match (&event.account, &event.ip) {
        (Some(account), _) => Some((account.as_ref(), Kind::Human)),
        (None, Some(ip)) => Some((ip.as_ref(), Kind::Source)),
        (None, None) => None,
    }
}
