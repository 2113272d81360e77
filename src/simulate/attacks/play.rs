//! From a laid-out attack to its events, day by day.

use std::collections::HashSet;

use super::super::emit::{Actor, Emit};
use super::super::habits;
use super::super::output::{NO_ACCOUNT, Persons, SimEvent, resource};
use super::super::persons::{self, BASE, PersonNumber};
use super::super::rng::{Rng, hash};
use super::super::roles::class;
use super::super::{World, scenario::Sweep};
use super::{Attack, Hours, Pattern, Place, Share, Volume, Who};
use crate::event::{Action, TimestampMs};

const HOUR_S: f64 = 3_600.0;
/// Addresses of an attack that changes them.
const ADDRESSES: u32 = 400;

/// Appends what the attacks do on a day.
pub(in crate::simulate) fn day(world: &World, day: u32, out: &mut Vec<SimEvent>) {
    for (n, attack) in world.attacks.iter().enumerate() {
        events(world, attack, n as u32, day, out);
    }
}

fn events(world: &World, attack: &Attack, number: u32, day: u32, out: &mut Vec<SimEvent>) {
    let Some(k) = day.checked_sub(attack.start_day) else {
        return;
    };
    for nth in 0..attack.shares.len() as u32 {
        let mut raid = Raid::new(world, attack, nth, day, 501 + number % 500, out);
        raid.take_over(k);
        raid.read(k);
    }
}

/// Times of the first and the last event.
pub(super) fn span(world: &World, attack: &Attack) -> Option<(TimestampMs, TimestampMs)> {
    let on = |day: u32| {
        let mut out = Vec::new();
        events(world, attack, 0, day, &mut out);
        let times = out.iter().map(|e| e.time);
        Some((times.clone().min()?, times.max()?))
    };
    let lasts = attack.pattern.quiet_days.saturating_add(attack.pattern.days);
    let end = attack.start_day.saturating_add(lasts).min(world.options.days);
    let reads = attack.shares.iter().any(|s| s.days.iter().any(|(_, count)| *count > 0));
    let first = (attack.start_day..end).find_map(on).filter(|_| reads)?;
    let last = (attack.start_day..end).rev().find_map(on)?;
    Some((first.0, last.1))
}

/// Distinct persons of the whole attack, or records where no id names them.
pub(super) fn persons(world: &World, attack: &Attack) -> u64 {
    let total = |share: &Share| share.days.iter().map(|(_, count)| *count).sum::<u64>();
    if attack.pattern.unnamed {
        return attack.shares.iter().map(total).sum();
    }
    let mut distinct = HashSet::new();
    for (nth, share) in attack.shares.iter().enumerate() {
        let account = share.account;
        let read = |at| person(world, attack, nth as u32, account, at);
        distinct.extend((0..total(share)).map(read));
    }
    distinct.len() as u64
}

/// Shares an attack out over its accounts and days.
pub(super) fn shares(world: &World, attack: &Attack, accounts: &[u32]) -> Vec<Share> {
    let mut shares: Vec<Share> =
        accounts.iter().map(|a| Share { account: *a, days: Vec::new() }).collect();
    let mut totals = vec![0u64; accounts.len()];
    let mut active_days = vec![0u32; accounts.len()];
    let mut left = attack.pattern.persons_max;
    for day in attack.start_day..world.options.days {
        let mut wants: Vec<u64> = Vec::with_capacity(accounts.len());
        for (nth, account) in accounts.iter().enumerate() {
            let hours = windows(world, attack, nth as u32, *account, day);
            let seconds = length(&hours);
            wants.push(if seconds > 0.0 {
                active_days[nth] += 1;
                want(world, attack, nth, *account, active_days[nth] - 1, seconds)
            } else {
                0
            });
        }
        // What is left is shared out evenly.
        let mut takers = wants.iter().filter(|w| **w > 0).count() as u64;
        for (nth, share) in shares.iter_mut().enumerate() {
            let count = if wants[nth] > 0 { wants[nth].min(left.div_ceil(takers)) } else { 0 };
            takers -= u64::from(wants[nth] > 0);
            left -= count;
            share.days.push((totals[nth], count));
            totals[nth] += count;
        }
    }
    shares
}

/// Persons an account would read on its `active`-th active day of so many seconds.
fn want(
    world: &World,
    attack: &Attack,
    nth: usize,
    account: u32,
    active: u32,
    seconds: f64,
) -> u64 {
    let pattern = &attack.pattern;
    let mut rng = Rng::stream(attack.stream, &[1, nth as u64, u64::from(active)]);
    let own = world
        .account(account)
        .map_or(1.0, |a| if a.is_machine() { a.factor } else { a.spec().mean * a.factor });
    let varied = |n: f64, rng: &mut Rng| {
        if pattern.constant || n >= pattern.persons_max as f64 {
            n
        } else {
            n * (0.8 + 0.4 * rng.unit())
        }
    };
    // A little slower than the rate, so that the last page is within the hours.
    let fastest = pattern.rate * seconds * 0.95;
    let wanted = match pattern.volume {
        Volume::Rate => fastest,
        Volume::Day(n) => varied(n, &mut rng),
        Volume::OwnMean(times) => varied(own * times, &mut rng),
        Volume::Ramp { start, growth } => own * start * (1.0 + growth).powf(f64::from(active)),
        Volume::FeedThenStrike { feed, days } if active < days => feed,
        Volume::FeedThenStrike { .. } => fastest,
    };
    wanted.min(pattern.per_day).round() as u64
}

/// Hours of activity on a day, as seconds of the day, in order.
fn windows(world: &World, attack: &Attack, nth: u32, account: u32, day: u32) -> Vec<(f64, f64)> {
    let pattern = &attack.pattern;
    let Some(k) = day.checked_sub(attack.start_day + pattern.quiet_days) else {
        return Vec::new();
    };
    if k >= pattern.days {
        return Vec::new();
    }
    let working = world.at(day).is_working();
    let mut hours = match pattern.hours {
        Hours::EveningsAndWeekends => vec![(if working { 19.0 } else { 10.0 }, 24.0)],
        Hours::Daily(from, to) => vec![(from, to)],
        Hours::Working(from, to) if working => vec![(from, to)],
        Hours::Working(..) => Vec::new(),
        Hours::Owner => {
            let shift = habits::shift(world, account, day);
            shift.map(|s| (s.from / HOUR_S + 0.2, s.to / HOUR_S)).into_iter().collect()
        }
        Hours::Relay => relay(nth),
    };
    for (from, to) in &mut hours {
        let earliest = if k == 0 { pattern.from } else { 0.0 };
        (*from, *to) = ((*from * HOUR_S).max(earliest), *to * HOUR_S);
    }
    hours.retain(|(from, to)| from < to);
    hours
}

/// Three of the 21 stretches of 20 minutes between 19:00 and 02:00.
fn relay(nth: u32) -> Vec<(f64, f64)> {
    let mut slots: Vec<(f64, f64)> = [0, 7, 14]
        .map(|turn| {
            let hour = 19.0 + f64::from((nth + turn) % 21) / 3.0;
            let from = if hour >= 23.99 { hour - 24.0 } else { hour };
            (from.max(0.0), from + 1.0 / 3.0)
        })
        .into();
    slots.sort_by(|a, b| a.0.total_cmp(&b.0));
    slots
}

fn length(windows: &[(f64, f64)]) -> f64 {
    windows.iter().map(|(from, to)| to - from).sum()
}

/// The `at`-th person an account of the attack reads.
fn person(world: &World, attack: &Attack, nth: u32, account: u32, at: u64) -> PersonNumber {
    let sweep = attack.pattern.sweep;
    let accounts = attack.shares.len().max(1) as u64;
    let network = &world.network;
    // Each account goes through its own part of the base.
    let part = |len: u32| u64::from(nth) * (u64::from(len) / accounts);
    let based = |len: u32| attack.stream % u64::from(len) + part(len) + at;
    let of_pool = |unit: u32| {
        let (start, len) = network.units[unit as usize].pool;
        let offset = hash(attack.stream, &[2, u64::from(account)]) % u64::from(len.max(1));
        persons::active(start + persons::scatter_in(offset + at, len))
    };
    match sweep {
        Sweep::Base => persons::scatter(based(BASE)),
        Sweep::Walk => (based(BASE) % u64::from(BASE)) as PersonNumber,
        Sweep::Active => {
            persons::active(persons::scatter_in(based(network.active), network.active))
        }
        Sweep::OtherUnit => of_pool(attack.other_unit),
        Sweep::OwnUnit => match world.account(account) {
            Some(a) if network.units[a.unit as usize].pool.1 > 0 => of_pool(a.unit),
            _ => of_pool(attack.other_unit),
        },
        Sweep::Dormant => {
            let mut number = persons::scatter(based(BASE));
            while persons::active_index(number, network.active).is_some() {
                number = (number + 1) % BASE;
            }
            number
        }
    }
}

/// One account of an attack on one day.
struct Raid<'a> {
    world: &'a World,
    attack: &'a Attack,
    nth: u32,
    account: u32,
    day: u32,
    windows: Vec<(f64, f64)>,
    rng: Rng,
    emit: Emit<'a>,
}

impl<'a> Raid<'a> {
    fn new(
        world: &'a World,
        attack: &'a Attack,
        nth: u32,
        day: u32,
        origin: u32,
        out: &'a mut Vec<SimEvent>,
    ) -> Raid<'a> {
        let account = attack.shares[nth as usize].account;
        Raid {
            world,
            attack,
            nth,
            account,
            day,
            windows: windows(world, attack, nth, account, day),
            rng: Rng::stream(attack.stream, &[3, u64::from(nth), u64::from(day)]),
            emit: Emit::new(actor(world, attack, nth, account, day), origin, out),
        }
    }

    /// The traces of getting in: a reset by the help desk, an account made.
    fn take_over(&mut self, k: u32) {
        let pattern = &self.attack.pattern;
        if k != 0 {
            return;
        }
        let before = (pattern.from - 1_200.0).max(9.0 * HOUR_S);
        if pattern.reset {
            self.emit.push(self.world.at(self.day).at(before), Action::PasswordReset);
            self.emit.push(self.world.at(self.day).at(before + 300.0), Action::Login);
        }
        if matches!(pattern.who, Who::New(..)) {
            let time = self.world.at(self.day).at(before + f64::from(self.nth));
            self.emit.push(time, Action::AccountCreated);
        }
    }

    /// Reads the day's share, page by page.
    fn read(&mut self, k: u32) {
        let pattern = &self.attack.pattern;
        let share = &self.attack.shares[self.nth as usize];
        let Some((first, count)) = share.days.get(k as usize).copied() else {
            return;
        };
        if count == 0 {
            return;
        }
        let pace = self.seconds_a_person(pattern, count);
        let mut second = 0.0;
        if pattern.place != Place::Own && self.account != NO_ACCOUNT {
            self.emit.push(self.moment(second), Action::Login);
            second += 3.0;
        }
        let (mut at, end) = (first, first + count);
        while at < end {
            let left = u32::try_from(end - at).unwrap_or(u32::MAX);
            let size = self.rng.between(pattern.page.0, pattern.page.1).min(left);
            let gap = f64::from(size) * pace * (1.0 - pattern.miss);
            while self.rng.chance(pattern.miss) {
                self.page(second, at, 0);
                second += gap * self.jitter(pattern);
            }
            self.page(second, at, size);
            self.cover(second, pattern.cover * size);
            second += gap * self.jitter(pattern);
            at += u64::from(size);
        }
    }

    fn seconds_a_person(&self, pattern: &Pattern, count: u64) -> f64 {
        let by_rate = match pattern.volume {
            Volume::Rate => true,
            Volume::FeedThenStrike { feed, .. } => count > feed.round() as u64,
            _ => false,
        };
        // Not to the last second, so that the last page is within the hours.
        let spread = 0.9 * length(&self.windows) / count as f64;
        if by_rate { (1.0 / pattern.rate).min(spread / 0.92) } else { spread }
    }

    fn jitter(&mut self, pattern: &Pattern) -> f64 {
        if pattern.constant { 1.0 } else { 0.5 + self.rng.unit() }
    }

    /// One event with `size` persons from the `at`-th on; none is a miss.
    fn page(&mut self, second: f64, at: u64, size: u32) {
        let pattern = &self.attack.pattern;
        let time = self.moment(second);
        if pattern.place == Place::Rotating {
            let turn = u64::from(self.rng.below(ADDRESSES));
            self.emit.actor.ip = address(hash(self.attack.stream, &[4, turn]));
        }
        let read =
            |n: u32| person(self.world, self.attack, self.nth, self.account, at + u64::from(n));
        let persons = match (pattern.unnamed, pattern.action) {
            (true, _) => Persons::Unknown,
            (false, Action::View | Action::Update) if size == 1 => Persons::One([read(0)]),
            _ => Persons::Many((0..size).map(read).collect()),
        };
        let account = self.world.account(self.account);
        let seen = match (pattern.data, account) {
            (0, Some(account)) if size == 1 => account.spec().view,
            (0, _) => class::LINE,
            (data, _) => data,
        };
        let machine = account.is_some_and(super::super::Account::is_machine);
        let event = self.emit.push(time, pattern.action);
        event.persons = persons;
        event.record_count = if pattern.unnamed { size } else { 0 };
        event.data = if size > 0 { seen } else { 0 };
        event.resource = match pattern.action {
            _ if machine => resource::API,
            Action::Export => resource::EXPORT,
            Action::Search | Action::List => resource::SEARCH,
            _ => resource::FILE,
        };
        if matches!(pattern.action, Action::Search | Action::List) {
            event.query = pattern.query;
        }
    }

    /// Opens known persons to hide new ones.
    fn cover(&mut self, second: f64, count: u32) {
        let Some(account) = self.world.account(self.account) else {
            return;
        };
        let (start, len) = account.caseload;
        for n in 0..count {
            let person = persons::active(start + self.rng.below(len));
            let time = self.moment(second + 5.0 * f64::from(n + 1));
            self.emit.open(time, Action::View, person, account.spec().view);
        }
    }

    /// The time `second` active seconds into the day.
    fn moment(&self, second: f64) -> TimestampMs {
        let mut left = second;
        for (from, to) in &self.windows {
            if left < to - from {
                return self.world.at(self.day).at(from + left);
            }
            left -= to - from;
        }
        let end = self.windows.last().map_or(0.0, |(_, to)| *to);
        self.world.at(self.day).at(end) - 1
    }
}

fn actor(world: &World, attack: &Attack, nth: u32, account: u32, day: u32) -> Actor {
    let label = attack.label;
    let pattern = &attack.pattern;
    if pattern.place == Place::Own && account != NO_ACCOUNT {
        let own = habits::actor(world, account, day);
        let machine = world.account(account).is_some_and(super::super::Account::is_machine);
        return Actor { label, session: if machine { 0 } else { own.session }, ..own };
    }
    let stream = attack.stream;
    let name = |parts: &[u64]| habits::name(stream, parts);
    let origin = if pattern.place == Place::Shared { 0 } else { u64::from(nth) + 1 };
    let rotating = pattern.place == Place::Rotating;
    Actor {
        account,
        label,
        ip: address(hash(stream, &[5, origin])),
        device: if rotating { 0 } else { name(&[6, u64::from(nth)]) },
        session: if rotating { 0 } else { name(&[7, u64::from(nth), u64::from(day)]) },
        agent: pattern.agent,
    }
}

/// An address of a hosting provider.
fn address(hash: u64) -> u32 {
    0xB900_0000 | (hash as u32 & 0x00FF_FFFF)
}
