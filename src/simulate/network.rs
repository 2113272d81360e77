//! The partner network of one world: its units, its accounts and whose persons they handle.

use super::rng::{Rng, hash};
use super::roles::{ADVISER, MACHINES, NIGHTLY, ROLES, Role, TERRITORIES, UNIT_KINDS, UnitKind};
use super::{WorldOptions, persons, tag};

/// A body or a site.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) partner: &'static str,
    pub(super) territory: u32,
    /// Territories served, from `territory` on.
    pub(super) region: u32,
    /// Persons this unit usually handles: a run of the persons in use.
    pub(super) pool: (u32, u32),
    /// Public address of the site.
    pub(super) ip: u32,
    /// Its accounts: first, and one past the last.
    pub(super) accounts: (u32, u32),
}

/// One account and its habits.
#[derive(Clone, Debug)]
pub struct Account {
    pub(super) name: String,
    pub(super) unit: u32,
    pub(super) role: u8,
    /// Days of the world on which it works: from, up to and without.
    pub(super) starts: Option<u32>,
    pub(super) ends: Option<u32>,
    /// Whether the directory knows the account, and that it ends.
    pub(super) listed: bool,
    pub(super) end_listed: bool,
    /// Its caseload: first and length, among the persons in use.
    pub(super) caseload: (u32, u32),
    /// Own pace against the role's mean; of a machine, persons a day.
    pub(super) factor: f64,
    /// Weekday a part-timer does not work.
    pub(super) off_weekday: Option<u8>,
    /// Weekdays worked from home, as bits.
    pub(super) home_days: u8,
    /// Usual hours, in seconds of the day. Of a nightly machine: its run.
    pub(super) hours: (f64, f64),
    pub(super) home_ip: u32,
    pub(super) agent: u8,
    /// The constant part of its JSON lines, `"account":…,"role":…`.
    pub(super) json: String,
}

impl Account {
    /// Name as logged.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name of its role.
    #[must_use]
    pub fn role(&self) -> &'static str {
        self.spec().name
    }

    /// Whether a machine, not a person, acts.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.role >= NIGHTLY
    }

    pub(super) fn spec(&self) -> &'static Role {
        &ROLES[usize::from(self.role)]
    }
}

/// Units, accounts and persons in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub(super) units: Vec<Unit>,
    pub(super) accounts: Vec<Account>,
    /// Units with persons, by territory.
    pub(super) territories: Vec<Vec<u32>>,
    /// Persons in use.
    pub(super) active: u32,
    /// Units with people in them come first, in the order of their pools.
    human_units: usize,
    /// Persons a day registered at most, over all accounts.
    pub(super) registrations: u32,
    seed: u64,
    days: u32,
    pool_scale: f64,
    numbers: [u32; ROLES.len()],
}

/// Registrations an account can make in a day.
pub(super) const REGISTRATIONS_MAX: u32 = 32;
/// Accounts that scenarios may add; reserved, so that adding them moves nobody's registrations.
pub(super) const ADDED_ACCOUNTS_MAX: u32 = 4_096;

impl Network {
    pub(super) fn new(options: &WorldOptions) -> Network {
        let territories = (options.accounts / 100).clamp(3, TERRITORIES.len() as u32);
        let mut network = Network {
            territories: vec![Vec::new(); territories as usize],
            registrations: (options.accounts + ADDED_ACCOUNTS_MAX) * REGISTRATIONS_MAX,
            seed: options.seed,
            days: options.days,
            pool_scale: options.active_per_account / 100.0,
            ..Network::default()
        };
        let machines = network.machine_count(options);
        let people = options.accounts.saturating_sub(machines);
        for kind in &UNIT_KINDS {
            network.add_kind(kind, (people * kind.per_mille).div_ceil(1_000));
        }
        network.human_units = network.units.len();
        network.add_machines(options);
        network
    }

    fn machine_count(&self, options: &WorldOptions) -> u32 {
        MACHINES.iter().map(|m| m.count * copies(options)).sum()
    }

    fn add_kind(&mut self, kind: &'static UnitKind, mut left: u32) {
        let territories = self.territories.len() as u32;
        for n in 0.. {
            if left == 0 {
                return;
            }
            let mut rng = Rng::stream(self.seed, &[tag::UNIT, self.units.len() as u64]);
            let mut size = rng.between(kind.size.0, kind.size.1).min(left);
            if left - size < kind.size.0 {
                size = if left <= kind.size.1 { left } else { left / 2 };
            }
            left -= size;
            self.add_unit(kind, n % territories, n / territories, size, None);
        }
    }

    /// Adds a unit with `size` accounts. With `pool`, it takes those persons over from another.
    pub(super) fn add_unit(
        &mut self,
        kind: &'static UnitKind,
        territory: u32,
        nth: u32,
        size: u32,
        pool: Option<(u32, u32)>,
    ) -> u32 {
        let index = self.units.len() as u32;
        let first = self.accounts.len() as u32;
        let place = TERRITORIES[territory as usize % TERRITORIES.len()];
        let suffix = if nth == 0 { String::new() } else { format!("-{}", nth + 1) };
        self.units.push(Unit {
            name: format!("{}-{place}{suffix}", kind.prefix),
            partner: kind.partner,
            territory,
            region: kind.region,
            pool: pool.unwrap_or((self.active, 0)),
            ip: 0xC130_0000 | (hash(self.seed, &[tag::ADDRESS, u64::from(index)]) as u32 & 0xFFFF),
            accounts: (first, first + size),
        });
        let mut cursor = pool.map_or(self.active, |(start, _)| start);
        for n in 0..size {
            let role = role_at(kind, n, size);
            let account = self.account(role, index, cursor);
            if pool.is_none() {
                self.active += self.scaled(account.spec().pool);
                cursor = self.active;
            } else {
                cursor += account.caseload.1;
            }
            self.accounts.push(account);
        }
        let unit = &mut self.units[index as usize];
        if pool.is_none() {
            unit.pool.1 = self.active - unit.pool.0;
            self.territories[territory as usize].push(index);
        }
        index
    }

    /// A person's account with habits of its own.
    fn account(&mut self, role: u8, unit: u32, pool_at: u32) -> Account {
        let index = self.accounts.len() as u64;
        let mut rng = Rng::stream(self.seed, &[tag::ACCOUNT, index]);
        let spec = &ROLES[usize::from(role)];
        let factor = (spec.sigma * rng.normal()).exp();
        let off_weekday = rng.chance(0.18).then(|| [2, 2, 4, 0][rng.below(4) as usize]);
        let home_days = if rng.chance(0.4) { (1 << rng.below(5)) | (1 << rng.below(5)) } else { 0 };
        // Some open their screens at 07:30; imposed slots begin at 08:30.
        let arrive = 3_600.0 * (7.5 + 1.3 * rng.unit());
        let leave = (arrive + 3_600.0 * (8.2 + 1.2 * rng.unit())).min(18.5 * 3_600.0);
        let (starts, ends) = self.service(index, &mut rng);
        let agent = 1 + rng.below(4) as u8;
        let home_ip = 0x5600_0000 | (rng.next() as u32 & 0x00FF_FFFF);
        let mut account = Account {
            name: self.name(spec.prefix, role),
            unit,
            role,
            starts,
            ends,
            listed: true,
            end_listed: rng.chance(0.6),
            caseload: (pool_at, self.scaled(spec.caseload)),
            factor,
            off_weekday,
            home_days,
            hours: (arrive, leave),
            home_ip,
            agent,
            json: String::new(),
        };
        self.describe(&mut account);
        account
    }

    /// Some join and some leave while the world runs; one in 173 leaves in its first days, so
    /// that long-silent accounts exist.
    fn service(&self, index: u64, rng: &mut Rng) -> (Option<u32>, Option<u32>) {
        let (joins, leaves, at) = (rng.unit(), rng.unit(), rng.unit());
        let months = f64::from(self.days) / 63.0;
        if index % 173 == 60 {
            return (None, Some(rng.between(5, 12)));
        }
        let day = |from: f64| (f64::from(self.days) * (from + (0.9 - from) * at)) as u32;
        if joins < 0.02 * months {
            (Some(day(0.15)), None)
        } else if leaves < 0.015 * months {
            (None, Some(day(0.2).max(5)))
        } else {
            (None, None)
        }
    }

    fn add_machines(&mut self, options: &WorldOptions) {
        let size = f64::from(options.accounts);
        let nightly = (size * 20.0).clamp(10_000.0, 1e6) * options.machine_scale;
        let daily = size.clamp(500.0, 10_000.0) * options.machine_scale;
        for machine in &MACHINES {
            let first = self.accounts.len() as u32;
            let unit = self.units.len() as u32;
            let count = machine.count * copies(options);
            self.units.push(Unit {
                name: format!("{}-flux", machine.partner),
                partner: machine.partner,
                territory: 0,
                region: 0,
                pool: (0, 0),
                ip: 0xC230_0000 | (hash(self.seed, &[tag::ADDRESS, u64::from(unit)]) as u32 >> 16),
                accounts: (first, first + count),
            });
            for _ in 0..count {
                let mut rng = Rng::stream(self.seed, &[tag::ACCOUNT, self.accounts.len() as u64]);
                let run_s = 3_600.0 * (1.0 + 2.0 * rng.unit());
                let hours = if machine.role == NIGHTLY {
                    (machine.hour * 3_600.0, machine.hour * 3_600.0 + run_s)
                } else {
                    (0.0, 86_400.0)
                };
                let base = if machine.role == NIGHTLY { nightly } else { daily };
                let name = self.name(
                    &format!("{}-{}-", role_prefix(machine.role), machine.partner),
                    machine.role,
                );
                let mut account = Account {
                    name,
                    factor: base * machine.volume * (0.8 + 0.4 * rng.unit()),
                    hours,
                    agent: 5,
                    ..self.bare(machine.role, unit)
                };
                self.describe(&mut account);
                self.accounts.push(account);
            }
        }
    }

    fn bare(&self, role: u8, unit: u32) -> Account {
        Account {
            name: String::new(),
            unit,
            role,
            starts: None,
            ends: None,
            listed: true,
            end_listed: false,
            caseload: (0, 0),
            factor: 1.0,
            off_weekday: None,
            home_days: 0,
            hours: (0.0, 86_400.0),
            home_ip: 0,
            agent: 1,
            json: String::new(),
        }
    }

    /// Adds an account that does nothing by itself and that no directory lists.
    pub(super) fn add_unlisted(&mut self, role: u8, unit: u32, prefix: &str) -> u32 {
        let index = self.accounts.len() as u32;
        let mut account = Account {
            name: format!("{prefix}{index:06}"),
            listed: false,
            starts: Some(u32::MAX),
            ..self.bare(role, unit)
        };
        self.describe(&mut account);
        self.accounts.push(account);
        index
    }

    /// Adds an empty unit of a partner made up by somebody.
    pub(super) fn add_foreign_unit(&mut self, partner: &'static str, name: &str) -> u32 {
        let first = self.accounts.len() as u32;
        self.units.push(Unit {
            name: name.to_owned(),
            partner,
            territory: 0,
            region: 0,
            pool: (0, 0),
            ip: 0,
            accounts: (first, first),
        });
        self.units.len() as u32 - 1
    }

    fn name(&mut self, prefix: &str, role: u8) -> String {
        let number = &mut self.numbers[usize::from(role)];
        *number += 1;
        if role >= NIGHTLY {
            format!("{prefix}{number:02}")
        } else {
            format!("{prefix}{number:05}")
        }
    }

    fn describe(&self, account: &mut Account) {
        let unit = &self.units[account.unit as usize];
        account.json = format!(
            r#""account":"{}","partner":"{}","unit":"{}","role":"{}""#,
            account.name,
            unit.partner,
            unit.name,
            account.spec().name
        );
    }

    fn scaled(&self, persons: u32) -> u32 {
        (f64::from(persons) * self.pool_scale).round() as u32
    }

    /// A person of a unit's pool, drawn from those of `rng`.
    pub(super) fn of_unit(&self, unit: u32, rng: &mut Rng) -> u32 {
        let (start, len) = self.units[unit as usize].pool;
        persons::active(start + rng.below(len))
    }

    /// A person of some unit that shares a territory with `unit`.
    pub(super) fn near(&self, unit: u32, rng: &mut Rng) -> u32 {
        let home = &self.units[unit as usize];
        let count = self.territories.len() as u32;
        let territory = (home.territory + rng.below(home.region.max(1))) % count;
        let units = &self.territories[territory as usize];
        match units.get(rng.below(units.len() as u32) as usize) {
            Some(other) => self.of_unit(*other, rng),
            None => persons::active(rng.below(self.active)),
        }
    }

    /// The `nth` person an account registers on a day.
    pub(super) fn registered(&self, account: u32, day: u32, nth: u32) -> u32 {
        let nth = account * REGISTRATIONS_MAX + nth % REGISTRATIONS_MAX;
        let at = persons::scatter_in(u64::from(nth), self.registrations);
        persons::BASE + day * self.registrations + at
    }

    /// The unit that usually handles a person.
    pub(super) fn unit_of(&self, person: u32) -> Option<u32> {
        let at = persons::active_index(person, self.active)?;
        let begun = self.units[..self.human_units].partition_point(|u| u.pool.0 <= at);
        begun.checked_sub(1).map(|n| n as u32)
    }
}

fn copies(options: &WorldOptions) -> u32 {
    1 + options.accounts / 20_000
}

fn role_prefix(role: u8) -> &'static str {
    ROLES[usize::from(role)].prefix
}

fn role_at(kind: &UnitKind, n: u32, size: u32) -> u8 {
    let mut upto = 0.0;
    for (role, share) in kind.roles {
        upto += share * f64::from(size);
        if f64::from(n) < upto.round() {
            return *role;
        }
    }
    kind.roles.last().map_or(ADVISER, |(role, _)| *role)
}
