//! An event at its device, address and network: whose places these are, and what accounts read
//! together at one that came to be shared not long ago.

use std::borrow::Cow;

use super::entity::Pool;
use super::member::NONE;
use super::model::Class;
use super::place::{KINDS, Place, Whose, network_of};
use super::union::{Counted, Item};
use super::{Pools, Seen, item};
use crate::alert::EntityKind;
use crate::detect::account::Account;
use crate::detect::limits::PLACES_MAX;
use crate::detect::shared::Shared;
use crate::detect::time::Day;
use crate::detect::window::Origin;
use crate::event::AccessEvent;

impl Pools {
    /// Counts the event at its device, address and network.
    pub(super) fn at_places(
        &mut self,
        seen: &Seen<'_, '_>,
        day: Day,
        fresh: &[(u32, Origin)],
        slot: u16,
        account: &mut Account,
        shared: &mut Shared,
    ) {
        let [device, address] = seen.places;
        let here = address ^ device.rotate_left(16);
        let member = &self.members[seen.index as usize];
        let known = (member.place, member.generation) == (here, self.generation);
        if here == 0 || known {
            return;
        }
        let mut settled = true;
        for (kind, name) in places_of(seen.event) {
            let at = self.place(kind, &name, seen.index, day, shared);
            let Some(pool) = self.pools.get(at as usize) else { continue };
            match pool.class(day, self.first_day) {
                Some(Class::Fresh) => {
                    settled = false;
                    self.at_fresh(at, seen, fresh, slot, account, shared);
                }
                Some(Class::Shared) if self.members[seen.index as usize].site != at => {
                    self.members[seen.index as usize].site = at;
                    let member = self.members[seen.index as usize];
                    self.pools[at as usize].join(&member, day);
                }
                _ => {}
            }
        }
        if settled {
            let member = &mut self.members[seen.index as usize];
            (member.place, member.generation) = (here, self.generation);
        }
    }

    /// The pool of a place that accounts share; [`NONE`] while it is one account's.
    fn place(
        &mut self,
        kind: EntityKind,
        name: &str,
        index: u32,
        day: Day,
        shared: &Shared,
    ) -> u32 {
        let key = shared.key(name, 2 + kind as u8);
        let Some(place) = self.places.get_mut(&key) else {
            if self.places.len() < PLACES_MAX {
                self.places.insert(key, Place { last: day, whose: Whose::Account(index) });
            } else {
                self.counters.refused += 1;
            }
            return NONE;
        };
        place.last = day;
        match place.whose {
            Whose::Account(owner) if owner == index => NONE,
            Whose::Account(_) => {
                let at = self.add(Pool::new(kind, name, key, day));
                if let Some(place) = self.places.get_mut(&key).filter(|_| at != NONE) {
                    place.whose = Whose::Pool(at);
                    self.generation = self.generation.wrapping_add(1);
                }
                at
            }
            Whose::Pool(at) => at,
            Whose::Everybody => NONE,
        }
    }

    /// Counts the event at a place that came to be shared not long ago.
    fn at_fresh(
        &mut self,
        at: u32,
        seen: &Seen<'_, '_>,
        fresh: &[(u32, Origin)],
        slot: u16,
        account: &mut Account,
        shared: &mut Shared,
    ) {
        let member = self.members[seen.index as usize];
        let classes = shared.classes.index(seen.event.data, seen.event.population);
        let Some(pool) = self.pools.get_mut(at as usize) else { return };
        if !pool.parts.contains_key(&seen.index) {
            pool.join(&member, member.day);
        }
        let part = pool.parts.entry(seen.index).or_default();
        let touch = seen.event.action.touch() as usize;
        pool.union.thin_to(account.today.as_ref().map_or(1, |t| t.windows[touch].step()));
        for (fp, origin) in fresh {
            let Some(item) = item(*fp, *origin, seen.index, false) else { continue };
            if pool.union.insert(item, slot, classes) {
                part.persons +=
                    u32::from(matches!(item, Item::Person(..))) * pool.union.step() as u32;
                part.foreign += u32::from(*origin == Origin::Unknown) * pool.union.step() as u32;
            }
        }
        let added = f64::from(part.persons.max(part.foreign));
        pool.first_position = pool.first_position.min(seen.position);
        let most = pool.union.day(Counted::Persons).max(pool.union.day(Counted::Foreign));
        if most >= pool.look[0] {
            self.due.push(at);
        }
        if let Some(episode) = &mut pool.episode {
            episode.expose(seen.event, seen.position, shared);
            episode.contribute(seen.index, added);
            self.due.push(at);
            self.name(seen.index, NONE, account);
        }
    }
}

/// Device, address and network of an event, narrowest first.
fn places_of(event: &AccessEvent<'_>) -> impl Iterator<Item = (EntityKind, String)> {
    let text =
        |part: &Option<Cow<'_, str>>| part.as_deref().filter(|t| !t.is_empty()).map(str::to_owned);
    let (device, source) = (text(&event.device), text(&event.ip));
    let network = source.as_deref().and_then(network_of);
    KINDS.into_iter().zip([device, source, network]).filter_map(|(k, n)| Some((k, n?)))
}
