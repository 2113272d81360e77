//! Who read whom within one account: a thief and its owner share it, and sessions, devices and
//! addresses tell whose persons are whose.
//!
//! A person's mark is three bytes: which sessions returned it, which devices (addresses where the log
//! has none), and whether these are the account's own. Marks begin on a day when a device that is not
//! the account's own returns somebody, or when the day becomes interesting; whom the day's windows
//! knew before is told apart by what was seen until then.

use serde::{Deserialize, Serialize};

use super::episode::ExposureSet;
use super::judge::Now;
use super::limits::{KNOWN_MAX, READERS_MAX, SET_EXACT_MAX};
use super::places::KnownPlaces;
use super::report::{ReadBy, ReadFrom, ReaderKind};
use super::today::Today;
use crate::event::TimestampMs;

/// Returned to a place of the account's own.
const OWN: u8 = 1;
/// Returned to a place that is not.
const NEW: u8 = 2;

/// By whom a person was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Bit by session.
    sessions: u8,
    /// Bit by device or address.
    places: u8,
    /// [`OWN`], [`NEW`]; neither: not known.
    by: u8,
}

impl Mark {
    fn union(self, other: Mark) -> Mark {
        Mark {
            sessions: self.sessions | other.sessions,
            places: self.places | other.places,
            by: self.by | other.by,
        }
    }
}

/// A session, a device or an address, as it was when it first returned somebody: what a thief uses
/// for long enough becomes the account's own, and stays the thief's here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reader {
    kind: ReaderKind,
    name: String,
    new: Option<bool>,
}

/// What is known of those whom the day returned before marks began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Before {
    /// Nothing.
    #[default]
    Unknown,
    /// Only places of the account's own had returned anybody.
    Own,
    /// Others, too: the window's marks say which. The bit is that of the place, if there was one.
    Mixed(u8),
}

/// See the module. The first [`READERS_MAX`] of a kind have a bit; further ones are told apart as own
/// or new only. Thinned as the exposure is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Readers {
    /// By fingerprint.
    persons: Vec<(u32, Mark)>,
    level: u8,
    sessions: Vec<Reader>,
    /// Devices, and addresses of accesses without one.
    places: Vec<Reader>,
    began: TimestampMs,
    before: Before,
}

/// Marks an access of a day without an open episode; they begin with this one where `begins`.
pub(super) fn follow(today: &mut Today, known: &[KnownPlaces; 2], now: &Now<'_, '_>, begins: bool) {
    if now.event.persons.is_empty() {
        return;
    }
    let mut readers = match today.readers.take() {
        Some(readers) => readers,
        None if begins => {
            let (began, before) = (now.event.time, before(today, known, now));
            Box::new(Readers { began, before, ..Readers::default() })
        }
        None => return,
    };
    readers.add(known, now);
    today.readers = Some(readers);
}

/// What places say of the persons that the day returned before this access.
fn before(today: &Today, known: &[KnownPlaces; 2], now: &Now<'_, '_>) -> Before {
    let Some(kind) = now.places.iter().position(|place| *place != 0) else {
        return Before::Unknown;
    };
    if !known[kind].has_own() {
        return Before::Unknown;
    }
    if kind == 0 {
        // Marks would have begun with the first such device.
        return Before::Own;
    }
    let seen = &today.seen[kind];
    if seen.iter().count() >= KNOWN_MAX {
        return Before::Unknown;
    }
    let mut strangers = seen.iter().filter(|place| known[kind].is_stranger(**place));
    match (strangers.next(), strangers.next()) {
        (None, _) => Before::Own,
        // It is the first place to be marked.
        (Some(only), None) if *only == now.places[kind] => Before::Mixed(1),
        _ => Before::Mixed(0),
    }
}

impl Readers {
    /// Marks the persons of an access.
    pub(super) fn add(&mut self, known: &[KnownPlaces; 2], now: &Now<'_, '_>) {
        if now.event.persons.is_empty() {
            return;
        }
        let mark = self.mark(known, now);
        for person in now.event.persons {
            self.insert(person.fingerprint(), mark);
        }
    }

    fn mark(&mut self, known: &[KnownPlaces; 2], now: &Now<'_, '_>) -> Mark {
        let place = now.places.iter().position(|place| *place != 0);
        let new = place
            .filter(|kind| known[*kind].has_own())
            .map(|kind| known[kind].is_stranger(now.places[kind]));
        let device = now.event.device.as_deref().map(|name| (ReaderKind::Device, name));
        let address = now.event.ip.as_deref().map(|name| (ReaderKind::Address, name));
        let mut mark = Mark::default();
        let mut by = new;
        if let Some((kind, name)) = if place == Some(0) { device } else { address } {
            let (bit, then) = reader(&mut self.places, kind, name, new);
            (mark.places, by) = (bit, then);
        }
        if let Some(name) = now.event.session.as_deref() {
            mark.sessions = reader(&mut self.sessions, ReaderKind::Session, name, by).0;
        }
        mark.by = by.map_or(0, |new| if new { NEW } else { OWN });
        mark
    }

    fn insert(&mut self, fp: u32, mark: Mark) {
        let fp = fp.max(1);
        if fp.leading_zeros() < u32::from(self.level) {
            return;
        }
        match self.persons.binary_search_by_key(&fp, |person| person.0) {
            Ok(at) => self.persons[at].1 = self.persons[at].1.union(mark),
            Err(at) => self.persons.insert(at, (fp, mark)),
        }
        while self.persons.len() > SET_EXACT_MAX {
            self.level += 1;
            let level = u32::from(self.level);
            self.persons.retain(|person| person.0.leading_zeros() >= level);
        }
    }

    /// A person that turns out to be exposed and was last read in the slot that began at `at`;
    /// `stranger`: what the day's windows say of its first access.
    pub(super) fn infer(&mut self, fp: u32, at: TimestampMs, stranger: Option<bool>) {
        let (places, by) = match (self.before, stranger) {
            (Before::Own, Some(true)) => (0, NEW),
            (Before::Own, _) | (Before::Mixed(_), Some(false)) => (0, OWN),
            (Before::Mixed(bit), Some(true)) => (bit, NEW),
            (Before::Mixed(_), None) | (Before::Unknown, _) => return,
        };
        let is_marked = self.persons.binary_search_by_key(&fp, |person| person.0).is_ok();
        if at <= self.began && !is_marked {
            self.insert(fp, Mark { sessions: 0, places, by });
        }
    }

    /// By whom those of an exposure were read, of whom `persons` are told.
    pub(super) fn counts(&self, exposure: &ExposureSet, persons: u64) -> ReadBy {
        let level = exposure.level().max(self.level);
        let mut tally = Tally::default();
        for fp in exposure.fingerprints().filter(|fp| fp.leading_zeros() >= u32::from(level)) {
            let found = self.persons.binary_search_by_key(&fp, |person| person.0);
            tally.add(found.map_or(Mark::default(), |at| self.persons[at].1));
        }
        // As the headline counts, thinned or not.
        let whole = |n: u64| {
            let of = u128::from(tally.all.max(1));
            let told = (u128::from(n) * u128::from(persons) + of / 2) / of;
            u64::try_from(told).unwrap_or(persons)
        };
        let told = |(at, reader): (usize, &Reader), counts: &[u64; READERS_MAX]| ReadFrom {
            kind: reader.kind,
            name: reader.name.clone(),
            new: reader.new,
            persons: whole(counts[at]),
        };
        let sessions = self.sessions.iter().enumerate().map(|s| told(s, &tally.sessions));
        let places = self.places.iter().enumerate().map(|p| told(p, &tally.places));
        // One session, one place of which every new person can be told.
        let only =
            |of_new: &[u64; READERS_MAX]| of_new.iter().any(|n| *n == tally.new && tally.new > 0);
        let new_places = || self.places.iter().filter(|place| place.new == Some(true));
        ReadBy {
            readers: sessions.chain(places).filter(|reader| reader.persons > 0).collect(),
            new: whole(tally.new),
            own: whole(tally.own),
            one_session: only(&tally.sessions_of_new),
            one_place: only(&tally.places_of_new) && new_places().count() == 1,
            new_devices: new_places().any(|place| place.kind == ReaderKind::Device),
            new_addresses: new_places().any(|place| place.kind == ReaderKind::Address),
        }
    }

    /// Whether restored marks can be worked with.
    pub(super) fn is_sound(&self) -> bool {
        let ordered = self.persons.windows(2).all(|pair| pair[0].0 < pair[1].0);
        ordered
            && self.persons.len() <= SET_EXACT_MAX
            && self.level < 32
            && self.sessions.len() <= READERS_MAX
            && self.places.len() <= READERS_MAX
    }

    /// Bytes of the marks.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Readers>() + self.persons.capacity() * size_of::<(u32, Mark)>()) as u64
    }
}

/// The bit of a reader, remembered while there is room, and whether it is new to the account: what it
/// was at first, or what it is now where there was no room.
fn reader(
    readers: &mut Vec<Reader>,
    kind: ReaderKind,
    name: &str,
    new: Option<bool>,
) -> (u8, Option<bool>) {
    let known = readers.iter().position(|reader| reader.kind == kind && reader.name == name);
    if known.is_none() && readers.len() >= READERS_MAX {
        return (0, new);
    }
    let at = known.unwrap_or(readers.len());
    if known.is_none() {
        readers.push(Reader { kind, name: name.to_owned(), new });
    }
    (1 << at, readers[at].new)
}

/// Persons by mark.
#[derive(Default)]
struct Tally {
    all: u64,
    new: u64,
    own: u64,
    sessions: [u64; READERS_MAX],
    places: [u64; READERS_MAX],
    sessions_of_new: [u64; READERS_MAX],
    places_of_new: [u64; READERS_MAX],
}

impl Tally {
    fn add(&mut self, mark: Mark) {
        let is_new = mark.by & NEW != 0;
        self.all += 1;
        self.new += u64::from(is_new);
        self.own += u64::from(mark.by == OWN);
        for bit in 0..READERS_MAX {
            let (session, place) =
                (u64::from(mark.sessions >> bit & 1), u64::from(mark.places >> bit & 1));
            self.sessions[bit] += session;
            self.places[bit] += place;
            self.sessions_of_new[bit] += session * u64::from(is_new);
            self.places_of_new[bit] += place * u64::from(is_new);
        }
    }
}
