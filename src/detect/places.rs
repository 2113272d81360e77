//! Where an account acts from, by hash: a few devices and addresses a day, and those that are its
//! own.

use serde::{Deserialize, Serialize};

use super::limits::KNOWN_MAX;

/// Trust from which a device is the account's own: three quiet days, for a stranger's first one must
/// not make it so; or nine on which the account was out of learning, for a new computer that raised
/// an alert must not raise one every week.
const OWN_FROM: u8 = 9;
/// What a day adds to the trust.
const QUIET_DAY: u8 = 3;
const ALERTING_DAY: u8 = 1;

/// The first [`KNOWN_MAX`] devices, or addresses, of a day; 0 = none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places([u32; KNOWN_MAX]);

impl Places {
    /// Remembers a place while there is room.
    pub fn add(&mut self, place: u32) {
        for known in &mut self.0 {
            if *known == 0 {
                *known = place;
            }
            if *known == place {
                return;
            }
        }
    }

    /// The places, in order of appearance.
    pub fn iter(&self) -> impl Iterator<Item = &u32> {
        self.0.iter().filter(|place| **place != 0)
    }
}

/// Devices, or addresses, that an account was seen with, newest first, and how far they are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPlaces([(u32, u8); KNOWN_MAX]);

impl KnownPlaces {
    /// Places that are the account's own, newest first; 0 = none.
    #[must_use]
    pub(super) fn own(places: [u32; KNOWN_MAX]) -> KnownPlaces {
        KnownPlaces(places.map(|place| (place, if place == 0 { 0 } else { OWN_FROM })))
    }

    /// Never seen with any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0[0].0 == 0
    }

    /// Seen with it before.
    #[must_use]
    pub fn contains(&self, place: u32) -> bool {
        self.0.iter().any(|(known, _)| *known == place)
    }

    /// The account has places of its own.
    #[must_use]
    pub fn has_own(&self) -> bool {
        self.0.iter().any(|(_, trust)| *trust >= OWN_FROM)
    }

    /// The account has places of its own, and this is none of them.
    #[must_use]
    pub fn is_stranger(&self, place: u32) -> bool {
        let own = |(_, trust): &&(u32, u8)| *trust >= OWN_FROM;
        self.has_own() && !self.0.iter().filter(own).any(|(known, _)| *known == place)
    }

    /// Remembers the places of one day.
    pub fn remember(&mut self, seen: &Places, alerting: bool) {
        let more = if alerting { ALERTING_DAY } else { QUIET_DAY };
        for place in seen.iter() {
            let at = self.0.iter().position(|(known, _)| known == place);
            let trust = at.map_or(0, |at| self.0[at].1);
            self.0[..=at.unwrap_or(KNOWN_MAX - 1)].rotate_right(1);
            self.0[0] = (*place, trust.saturating_add(more));
        }
    }
}

/// Hash of a device or an address, to tell an account's own from a stranger's; never 0.
#[must_use]
pub fn place_hash(text: &str) -> u32 {
    crc32fast::hash(text.as_bytes()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_places_are_kept_once_and_in_order() {
        let mut places = Places::default();
        assert_eq!(places.iter().count(), 0);
        let names = ["a", "b", "a", "c", "d", "e", "f", "g", "b"];
        names.iter().for_each(|name| places.add(place_hash(name)));
        let kept: Vec<u32> = places.iter().copied().collect();
        assert_eq!(kept, ["a", "b", "c", "d", "e", "f"].map(place_hash));
    }

    #[test]
    fn a_place_becomes_ones_own_on_the_third_day() {
        let mut known = KnownPlaces::default();
        let (mut own, mut other) = (Places::default(), Places::default());
        own.add(place_hash("own"));
        other.add(place_hash("other"));
        assert!(!known.is_stranger(place_hash("other")), "nobody is a stranger to a newcomer");
        (0..3).for_each(|_| known.remember(&own, false));
        for _ in 0..3 {
            assert!(known.is_stranger(place_hash("other")));
            known.remember(&other, false);
        }
        assert!(!known.is_stranger(place_hash("other")) && known.contains(place_hash("own")));
    }
}
