//! Where an account acts from, by hash: a few devices and addresses a day.

use serde::{Deserialize, Serialize};

use super::limits::KNOWN_MAX;

/// The first [`KNOWN_MAX`] devices, or addresses, of a day; 0 = none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places([u32; KNOWN_MAX]);

impl Places {
    /// Remembers a place while there is room.
    pub fn add(&mut self, text: &str) {
        let place = place_hash(text);
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
        names.iter().for_each(|name| places.add(name));
        let kept: Vec<u32> = places.iter().copied().collect();
        assert_eq!(kept, ["a", "b", "c", "d", "e", "f"].map(place_hash));
    }
}
