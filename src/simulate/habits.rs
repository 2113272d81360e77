//! Who is at work when, and from where.

use super::emit::Actor;
use super::network::Account;
use super::rng::{Rng, hash};
use super::{World, calendar, tag};

/// An account's working hours on one day, in seconds of the local day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shift {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Shift {
    /// The share of a usual day's work that fits in.
    pub(super) fn share(self) -> f64 {
        ((self.to - self.from) / (9.0 * 3_600.0)).clamp(0.2, 1.0)
    }
}

/// When a person's account works on a day; none on weekends, holidays, leave, sick days, a
/// part-timer's day off, before it starts and after it ends.
pub(super) fn shift(world: &World, index: u32, day: u32) -> Option<Shift> {
    let account = &world.network.accounts[index as usize];
    let date = world.at(day);
    if !in_service(account, day) || date.is_closed() {
        return None;
    }
    let seed = world.options.seed;
    let chance = |parts: &[u64]| Rng::stream(seed, parts).unit();
    let who = u64::from(index);
    let week = calendar::week_of(date.date);
    if date.weekday == 5 {
        let works = chance(&[tag::SATURDAY, who]) < account.spec().saturday;
        let now = works && chance(&[tag::SATURDAY, who, week]) < 0.4;
        return now.then_some(Shift { from: 8.5 * 3_600.0, to: 12.5 * 3_600.0 });
    }
    let leave = if date.school_break { 0.28 } else { 0.07 };
    let absent = account.off_weekday == Some(date.weekday)
        || chance(&[tag::LEAVE, who, week]) < leave
        || chance(&[tag::SICK, who, u64::from(day / 3)]) < 0.015;
    (!absent).then_some(Shift { from: account.hours.0, to: account.hours.1 })
}

pub(super) fn in_service(account: &Account, day: u32) -> bool {
    account.starts.is_none_or(|from| day >= from) && account.ends.is_none_or(|to| day < to)
}

/// The account at its own desk, or at home on its days there.
pub(super) fn actor(world: &World, index: u32, day: u32) -> Actor {
    let account = &world.network.accounts[index as usize];
    let seed = world.options.seed;
    let home = account.home_days >> world.at(day).weekday & 1 == 1;
    let site = world.network.units[account.unit as usize].ip;
    // A computer lasts some three years.
    let phase = hash(seed, &[tag::DEVICE, u64::from(index)]) % 1_000;
    let era = (u64::from(day) + phase) / 1_000;
    let machine = account.is_machine();
    Actor {
        account: index,
        label: 0,
        ip: if home { account.home_ip } else { site },
        device: if machine { 0 } else { name(seed, &[tag::DEVICE, u64::from(index), era]) },
        session: name(seed, &[tag::DAY, u64::from(index), u64::from(day), 1]),
        agent: account.agent,
    }
}

/// A name for a device or a session: never 0.
pub(super) fn name(seed: u64, parts: &[u64]) -> u32 {
    hash(seed, parts) as u32 | 1
}

/// How busy a moment of the working day is, 0–1.
fn busy(second: f64) -> f64 {
    match (second / 900.0) as u32 {
        ..34 => 0.5,
        34..46 => 1.0,
        46..48 => 0.8,
        48..54 => 0.22,
        54..56 => 0.6,
        56..65 => 0.95,
        65..68 => 0.65,
        68..72 => 0.35,
        _ => 0.15,
    }
}

/// A moment of a shift; evenings after it are rare and theirs who stay.
pub(super) fn moment(shift: Shift, rng: &mut Rng) -> f64 {
    loop {
        let second = shift.from + (shift.to - shift.from) * rng.unit();
        if rng.unit() < busy(second) {
            return second;
        }
    }
}
