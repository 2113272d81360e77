//! Attacks A1–A33, each a [`Pattern`]: who, when, how fast, through which persons, from where.
//!
//! The tables are in one file a family; [`play`] turns a laid-out [`Attack`] into events.

mod insiders;
mod partners;
mod play;
mod thefts;

pub(super) use play::day;

use super::network::ADDED_ACCOUNTS_MAX;
use super::output::{THIEF_AGENT, query};
use super::rng::hash;
use super::roles::{NIGHTLY, class};
use super::scenario::{Campaign, Desk, Kind, ScenarioSpec, Sweep};
use super::{BASE, NO_ACCOUNT, SimulateError, World, habits, tag};
use crate::event::Action;

/// A scenario of the tables.
pub(super) struct Entry {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    /// Its pattern in a world of so many accounts.
    pattern: fn(u32) -> Pattern,
}

/// Every attack.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    thefts::ENTRIES.iter().chain(partners::ENTRIES).chain(insiders::ENTRIES)
}

/// Whose accounts an attack uses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    /// People's accounts of one of these roles; all roles when empty.
    People(&'static [u8]),
    /// A machine's key of this role.
    Machine(u8),
    /// Accounts that are silent for so many days when it begins: leavers.
    Leaver(u32),
    /// Accounts made by the thief: role, and a made-up partner (else that of a real unit).
    New(u8, Option<&'static str>),
    /// No account at all.
    Nobody,
}

/// When an attack is active.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hours {
    /// 19:00–24:00, on weekends and holidays from 10:00.
    EveningsAndWeekends,
    /// Every day between these hours.
    Daily(f64, f64),
    /// Working days between these hours.
    Working(f64, f64),
    /// While the account's owner is at work.
    Owner,
    /// Each account in turn for 20 minutes, three times between 19:00 and 02:00.
    Relay,
}

/// How many persons a day and account.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Volume {
    /// As fast as the rate allows.
    Rate,
    /// So many, spread over the active hours.
    Day(f64),
    /// Multiples of the account's own mean, from `start`, growing by `growth` an active day.
    Ramp { start: f64, growth: f64 },
    /// `feed` a day for so many active days, then as fast as the rate allows.
    FeedThenStrike { feed: f64, days: u32 },
    /// Multiples of the account's own mean.
    OwnMean(f64),
}

/// From where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The account's own desk.
    Own,
    /// Another device and address, one for each account.
    Other,
    /// Each account another device, all of them one address.
    Shared,
    /// Many addresses in turn.
    Rotating,
}

/// Everything about an attack but its accounts.
#[derive(Clone, Debug)]
struct Pattern {
    who: Who,
    accounts: u32,
    days: u32,
    /// Days between the taking of the account and the first person.
    quiet_days: u32,
    /// The account's password is reset first.
    reset: bool,
    hours: Hours,
    /// Second of its first day before which nothing happens.
    from: f64,
    volume: Volume,
    /// Persons a second and account while active.
    rate: f64,
    per_day: f64,
    persons_max: u64,
    /// Persons an event: fewest and most.
    page: (u32, u32),
    action: Action,
    /// Events keep the same distance from one another.
    constant: bool,
    sweep: Sweep,
    /// Share of events that find nobody.
    miss: f64,
    /// Own known persons opened for each new one.
    cover: u32,
    place: Place,
    query: u8,
    agent: u8,
    /// Classes returned; 0: what the account's role sees.
    data: u32,
    /// Events count records instead of naming them.
    unnamed: bool,
}

impl Default for Pattern {
    fn default() -> Pattern {
        Pattern {
            who: Who::People(&[]),
            accounts: 1,
            days: 30,
            quiet_days: 0,
            reset: false,
            hours: Hours::Daily(0.0, 24.0),
            from: 10.0 * 3_600.0,
            volume: Volume::Rate,
            rate: 1.0,
            per_day: f64::INFINITY,
            persons_max: 20_000,
            page: (1, 1),
            action: Action::View,
            constant: false,
            sweep: Sweep::Base,
            miss: 0.0,
            cover: 0,
            place: Place::Other,
            query: query::SWEEP,
            agent: THIEF_AGENT,
            data: class::LINE | class::NIR,
            unnamed: false,
        }
    }
}

/// One account's share of an attack: persons on each of its days, and where they begin in the
/// account's own count.
#[derive(Clone, Debug)]
struct Share {
    account: u32,
    days: Vec<(u64, u64)>,
}

/// An attack laid out on accounts.
#[derive(Clone, Debug)]
pub(super) struct Attack {
    pattern: Pattern,
    start_day: u32,
    shares: Vec<Share>,
    label: u16,
    /// Names its streams: by scenario and how many of its kind came before.
    stream: u64,
    /// For sweeps of one other unit.
    other_unit: u32,
}

impl World {
    /// Lays out an attack.
    pub(super) fn add_attack(
        &mut self,
        spec: &ScenarioSpec,
        taken: &mut Vec<u32>,
    ) -> Result<(), SimulateError> {
        let Some(entry) = entries().find(|entry| entry.id == spec.id) else {
            return spec.known();
        };
        let mut pattern = (entry.pattern)(self.options.accounts);
        tune(&mut pattern, spec);
        let accounts = self.accounts_for(entry, &pattern, spec, taken)?;
        let nth = self.truth.campaigns.iter().filter(|c| c.id == spec.id).count() as u64;
        let number = spec.id[1..].parse().unwrap_or_default();
        let stream = hash(self.options.seed, &[tag::ATTACK, number, nth]);
        let mut attack = Attack {
            start_day: spec.start_day,
            shares: Vec::new(),
            label: self.truth.campaigns.len().saturating_add(1).min(65_535) as u16,
            stream,
            other_unit: self.far_unit(stream, accounts.first().copied()),
            pattern,
        };
        attack.shares = play::shares(self, &attack, &accounts);
        let campaign = self.campaign(entry, &attack)?;
        self.truth.add(campaign);
        self.attacks.push(attack);
        Ok(())
    }

    fn campaign(&self, entry: &Entry, attack: &Attack) -> Result<Campaign, SimulateError> {
        let (first, last) = play::span(self, attack).ok_or(SimulateError::Idle {
            id: entry.id,
            day: attack.start_day,
            days: self.options.days,
        })?;
        let names = attack.shares.iter().filter_map(|s| self.account(s.account));
        Ok(Campaign {
            id: entry.id.to_owned(),
            kind: Kind::Attack,
            accounts: names.map(|a| a.name.clone()).collect(),
            from_ms: first,
            to_ms: last,
            persons: play::persons(self, attack),
            description: entry.what.to_owned(),
        })
    }

    /// Finds or makes the accounts of an attack.
    fn accounts_for(
        &mut self,
        entry: &Entry,
        pattern: &Pattern,
        spec: &ScenarioSpec,
        taken: &mut Vec<u32>,
    ) -> Result<Vec<u32>, SimulateError> {
        let (wanted, day) = (pattern.accounts, spec.start_day);
        match pattern.who {
            Who::Nobody => Ok(vec![NO_ACCOUNT]),
            Who::New(role, partner) => {
                self.room_for(entry.id, wanted, day)?;
                let unit = match partner {
                    Some(partner) => self.network.add_foreign_unit(partner, partner),
                    None => self.far_unit(u64::from(day), None),
                };
                let prefix = if partner.is_some() { "partner" } else { "gen" };
                Ok((0..wanted).map(|_| self.network.add_unlisted(role, unit, prefix)).collect())
            }
            Who::People(roles) => {
                let last = (day + pattern.days.min(40)).min(self.options.days - 1);
                let fits = |w: &World, index: u32| {
                    let a = &w.network.accounts[index as usize];
                    a.role < NIGHTLY
                        && (roles.is_empty() || roles.contains(&a.role))
                        && a.starts.is_none()
                        && habits::in_service(a, last)
                };
                self.choose(entry.id, entry.what, wanted, day, taken, fits)
            }
            Who::Machine(role) => {
                let fits = |w: &World, index: u32| w.network.accounts[index as usize].role == role;
                self.choose(entry.id, entry.what, wanted, day, taken, fits)
            }
            Who::Leaver(silent) => {
                let fits = |w: &World, index: u32| {
                    let account = &w.network.accounts[index as usize];
                    spec.end_listed.is_none_or(|listed| listed == account.end_listed)
                        && account.ends.is_some_and(|ends| ends + silent <= day)
                };
                let what = format!("silent for {silent} days");
                self.choose(entry.id, &what, wanted, day, taken, fits)
            }
        }
    }

    /// `wanted` accounts that fit and that no other scenario has, in an order only the seed
    /// and the scenario decide.
    pub(super) fn choose(
        &self,
        id: &'static str,
        what: &str,
        wanted: u32,
        day: u32,
        taken: &mut Vec<u32>,
        fits: impl Fn(&World, u32) -> bool,
    ) -> Result<Vec<u32>, SimulateError> {
        let number = id.bytes().fold(0, |n, b| n * 256 + u64::from(b));
        let mut found: Vec<u32> =
            (0..self.options.accounts.min(self.network.accounts.len() as u32))
                .filter(|index| !taken.contains(index) && fits(self, *index))
                .collect();
        found.sort_by_key(|i| hash(self.options.seed, &[tag::VICTIM, number, u64::from(*i)]));
        if found.len() < wanted as usize || wanted == 0 {
            return Err(SimulateError::NotEnoughAccounts {
                id,
                wanted,
                what: what.to_owned(),
                day,
                found: found.len() as u32,
            });
        }
        found.truncate(wanted as usize);
        taken.extend(&found);
        Ok(found)
    }

    /// Whether `count` accounts can still be added.
    pub(super) fn room_for(
        &self,
        id: &'static str,
        count: u32,
        day: u32,
    ) -> Result<(), SimulateError> {
        let limit = self.options.accounts + ADDED_ACCOUNTS_MAX;
        let found = limit.saturating_sub(self.network.accounts.len() as u32 + 8);
        if count > 0 && count <= found {
            return Ok(());
        }
        let what = "added accounts".to_owned();
        Err(SimulateError::NotEnoughAccounts { id, wanted: count, what, day, found })
    }

    /// A unit with persons that is not the account's own.
    fn far_unit(&self, stream: u64, account: Option<u32>) -> u32 {
        let own = account.and_then(|a| self.account(a)).map(|a| a.unit);
        let mut all = self.network.territories.iter().flatten().copied();
        let others: Vec<u32> = all
            .by_ref()
            .filter(|u| Some(*u) != own && self.network.units[*u as usize].pool.1 >= 1_000)
            .collect();
        others.get((stream % others.len().max(1) as u64) as usize).copied().unwrap_or(0)
    }
}

/// Replaces a scenario's defaults by what was asked for.
fn tune(pattern: &mut Pattern, spec: &ScenarioSpec) {
    if let (Some(accounts), false) = (spec.accounts, pattern.who == Who::Nobody) {
        pattern.accounts = accounts;
    }
    pattern.volume = match pattern.volume {
        Volume::Ramp { start, growth } => Volume::Ramp {
            start: spec.from_mean.unwrap_or(start),
            growth: spec.growth.unwrap_or(growth),
        },
        Volume::FeedThenStrike { feed, days } => {
            Volume::FeedThenStrike { feed: spec.feed.unwrap_or(feed), days }
        }
        usual => usual,
    };
    if let (Volume::Day(_), Some(per_day)) = (pattern.volume, spec.per_day) {
        pattern.volume = Volume::Day(per_day);
    }
    pattern.days = spec.days.unwrap_or(pattern.days);
    pattern.rate = spec.rate.unwrap_or(pattern.rate);
    pattern.per_day = spec.per_day.unwrap_or(pattern.per_day);
    let persons_max = spec.persons_max.unwrap_or(pattern.persons_max);
    pattern.persons_max = persons_max.min(u64::from(BASE));
    pattern.sweep = spec.sweep.unwrap_or(pattern.sweep);
    pattern.place = match spec.desk {
        Some(Desk::Own) => Place::Own,
        Some(Desk::Other) => Place::Other,
        None => pattern.place,
    };
}
