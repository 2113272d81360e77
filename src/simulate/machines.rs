//! Machine accounts: nightly matching in one window, and keys that ask all day long.

use super::emit::Emit;
use super::output::{Persons, SimEvent, resource};
use super::persons;
use super::rng::Rng;
use super::roles::NIGHTLY;
use super::{World, habits, tag};
use crate::event::Action;

/// Persons an event of a nightly run returns.
const BATCH: u32 = 100;

/// Appends the machine's day.
pub(super) fn day(world: &World, index: u32, day: u32, out: &mut Vec<SimEvent>) {
    let account = &world.network.accounts[index as usize];
    if !habits::in_service(account, day) {
        return;
    }
    let mut rng =
        Rng::stream(world.options.seed, &[tag::MACHINE, u64::from(index), u64::from(day)]);
    let mut actor = habits::actor(world, index, day);
    actor.session = 0;
    let emit = Emit::new(actor, 0, out);
    let mut key = Key { world, index, day, emit };
    if account.role == NIGHTLY {
        // Regular within 10 %.
        let total = account.factor * (0.9 + 0.2 * rng.unit());
        key.nightly(account.hours, total as u32, &mut rng);
    } else {
        // Within 40 %; weekends are quieter.
        let weekend = if world.at(day).is_working() { 1.0 } else { 0.7 };
        let total = account.factor * weekend * (0.6 + 0.8 * rng.unit());
        key.all_day(total as u32, &mut rng);
    }
}

struct Key<'a> {
    world: &'a World,
    index: u32,
    day: u32,
    emit: Emit<'a>,
}

impl Key<'_> {
    fn nightly(&mut self, hours: (f64, f64), total: u32, rng: &mut Rng) {
        let late = 600.0 * rng.unit();
        let active = self.world.network.active;
        let data = self.world.network.accounts[self.index as usize].spec().view;
        let total = total.min(active);
        // Each night goes on where the last one would have ended.
        let first = u64::from(self.day) * u64::from(total) + u64::from(rng.below(1_000));
        let pace = (hours.1 - hours.0) / f64::from(total.max(1));
        for start in (0..total).step_by(BATCH as usize) {
            let persons = (start..(start + BATCH).min(total)).map(|n| {
                let place = persons::scatter_in(first + u64::from(n), active);
                persons::active(place)
            });
            let second = hours.0 + late + pace * f64::from(start);
            let event = self.emit.push(self.world.at(self.day).at(second), Action::List);
            event.persons = Persons::Many(persons.collect());
            event.data = data;
            event.resource = resource::API;
        }
    }

    fn all_day(&mut self, total: u32, rng: &mut Rng) {
        let data = self.world.network.accounts[self.index as usize].spec().view;
        for n in 0..total {
            // People look for jobs by day.
            let hour = if rng.chance(0.3) { 24.0 * rng.unit() } else { 7.0 + 15.0 * rng.unit() };
            let person = if rng.chance(0.02) {
                self.world.network.registered(self.index, self.day, n)
            } else {
                persons::active(rng.below(self.world.network.active))
            };
            let time = self.world.at(self.day).at(hour * 3_600.0);
            self.emit.open(time, Action::View, person, data).resource = resource::API;
        }
    }
}
