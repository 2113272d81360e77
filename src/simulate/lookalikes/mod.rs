//! Innocent look-alikes L1–L14: what a detector must not take for a theft.
//!
//! Some change an account's whole day (a [`Change`]), some add to it (an [`Extra`]). Ambient ones
//! happen by themselves at the rates below; all can be asked for by name.

mod play;
mod requested;

use std::collections::BTreeMap;

pub(super) use play::day;

use super::network::Account;
use super::rng::Rng;
use super::roles::{ADVISER, API, MANAGER, PLATFORM};
use super::scenario::{Campaign, Kind};
use super::{World, calendar, habits, tag};

/// Names and meanings.
pub(super) const NAMES: [(&str, &str); 14] = [
    ("L1", "caseload transfer: 200 to 400 persons of one other unit in a day"),
    ("L2", "replacement of a sick colleague: a part of that caseload for some days"),
    ("L3", "actualisation wave: reception and call platform at twice their volume for days"),
    ("L4", "mailing to the own caseload"),
    ("L5", "an adviser's day at the call platform"),
    ("L6", "audit campaign of a manager: persons of a few units of the territory"),
    ("L7", "mass registration: RSA referents at three times their volume, mostly new persons"),
    ("L8", "migration batch by a machine account"),
    ("L9", "training week: a unit reads the same test files"),
    ("L10", "new hire: an account's first two weeks"),
    ("L11", "opening of a new agency that takes over another's persons"),
    ("L12", "early arrivals: a unit at work from 06:15"),
    ("L13", "duplicate searches after network errors, one unit"),
    ("L14", "nationwide incident with retries, one day, everybody"),
];

// Indices into [`NAMES`].
const TRANSFER: usize = 0;
const REPLACEMENT: usize = 1;
const WAVE: usize = 2;
const MAILING: usize = 3;
const PLATFORM_DAY: usize = 4;
const AUDIT: usize = 5;
const REGISTRATIONS: usize = 6;
const MIGRATION: usize = 7;
const TRAINING: usize = 8;
const HIRE: usize = 9;
const AGENCY: usize = 10;
const EARLY: usize = 11;
const DUPLICATES: usize = 12;
const INCIDENT: usize = 13;

/// Ambient look-alikes and their rate per 1,000 weeks of the accounts that can have them.
const AMBIENT: [(usize, f64); 6] = [
    (TRANSFER, 4.0),
    (REPLACEMENT, 5.0),
    (MAILING, 10.0),
    (PLATFORM_DAY, 5.0),
    (AUDIT, 20.0),
    (MIGRATION, 20.0),
];
const HIRE_DAYS: u32 = 14;

/// How an account's day differs from its usual ones.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Works in this role today.
    pub(super) role: Option<u8>,
    pub(super) factor: f64,
    /// Share of persons that are new registrations, beyond the usual.
    pub(super) new_share: f64,
    /// Second of the day at which it arrives.
    pub(super) arrive: Option<f64>,
    /// Mean repeats of a search.
    pub(super) retries: f64,
    pub(super) label: u16,
}

impl Default for Change {
    fn default() -> Change {
        Change { role: None, factor: 1.0, new_share: 0.0, arrive: None, retries: 0.0, label: 0 }
    }
}

/// Work on top of an account's usual day.
#[derive(Clone, Copy, Debug)]
struct Extra {
    account: u32,
    what: What,
    /// Persons today.
    size: u32,
    label: u16,
    /// Index into [`NAMES`].
    which: usize,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Takes over persons in use, from the first given on: pages of a list, some opened.
    Transfer(u32),
    /// Opens files of a run of persons in use: first and length.
    Replace(u32, u32),
    /// Lists the own caseload within minutes.
    Mailing,
    /// Opens files of units of the territory, one after the other.
    Audit,
    /// Reads a run of the persons in use in large batches in the evening.
    Batch,
    /// Opens the same few files.
    TestFiles,
}

/// All look-alikes of a world, by day.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    changes: Vec<BTreeMap<u32, Change>>,
    extras: Vec<Vec<Extra>>,
}

impl Plan {
    pub(super) fn new(days: u32) -> Plan {
        Plan {
            changes: vec![BTreeMap::new(); days as usize],
            extras: vec![Vec::new(); days as usize],
        }
    }

    /// What is different about an account's day.
    pub(super) fn change(&self, day: u32, account: u32) -> Option<&Change> {
        self.changes.get(day as usize)?.get(&account)
    }
}

impl World {
    /// Draws the look-alikes that happen by themselves. Each account and week has its own
    /// stream, so that nothing else moves them.
    pub(super) fn plan_ambient(&mut self) {
        for index in 0..self.network.accounts.len() as u32 {
            self.plan_hire(index);
            for (which, rate) in AMBIENT {
                if self.may(which, index) {
                    self.plan_weeks(which, index, rate * self.options.lookalikes / 1_000.0);
                }
            }
        }
    }

    fn plan_weeks(&mut self, which: usize, index: u32, probability: f64) {
        let first_monday = u32::from(self.days[0].weekday);
        for week in 0..(self.options.days + first_monday).div_ceil(7) {
            let name = calendar::week_of(self.days[0].date) + u64::from(week);
            let parts = [tag::LOOKALIKE, u64::from(index), name, which as u64];
            let mut rng = Rng::stream(self.options.seed, &parts);
            let weekday = rng.below(5);
            let Some(day) = (7 * week + weekday).checked_sub(first_monday) else {
                continue;
            };
            if rng.chance(probability) && self.works(index, day) {
                self.plan(which, index, day, None);
            }
        }
    }

    fn works(&self, index: u32, day: u32) -> bool {
        let machine = self.network.accounts[index as usize].is_machine();
        (day as usize) < self.days.len() && (machine || habits::shift(self, index, day).is_some())
    }

    /// Whether an account can have a look-alike that concerns one account.
    fn may(&self, which: usize, index: u32) -> bool {
        let account = &self.network.accounts[index as usize];
        match which {
            TRANSFER | REPLACEMENT | MAILING => account.spec().caseload > 0,
            PLATFORM_DAY => account.role == ADVISER,
            AUDIT => account.role == MANAGER,
            MIGRATION => account.is_machine(),
            _ => false,
        }
    }

    fn plan_hire(&mut self, index: u32) {
        let account = &self.network.accounts[index as usize];
        let Some(starts) = account.starts.filter(|s| *s < self.options.days) else {
            return;
        };
        let label = self.tell(HIRE, &[index], starts, HIRE_DAYS, 0);
        self.plan_first_weeks(index, starts, label);
    }

    fn plan_first_weeks(&mut self, index: u32, starts: u32, label: u16) {
        for n in 0..HIRE_DAYS.min(self.options.days.saturating_sub(starts)) {
            let factor = 0.35 + 0.65 * f64::from(n) / f64::from(HIRE_DAYS);
            let change = Change { factor, label, ..Change::default() };
            self.lookalikes.changes[(starts + n) as usize].insert(index, change);
        }
    }

    /// Plans one look-alike of one account from `day` on.
    fn plan(&mut self, which: usize, index: u32, day: u32, days: Option<u32>) {
        if which == PLATFORM_DAY {
            let label = self.tell(which, &[index], day, 1, 0);
            let change = Change { role: Some(PLATFORM), label, ..Change::default() };
            self.lookalikes.changes[day as usize].insert(index, change);
            return;
        }
        let parts = [tag::EXTRA, u64::from(index), u64::from(day), which as u64];
        let mut rng = Rng::stream(self.options.seed, &parts);
        let (what, size, lasts) = self.work(which, index, &mut rng);
        let lasts = days.unwrap_or(lasts);
        let label = self.tell(which, &[index], day, lasts, u64::from(size));
        self.extend(Extra { account: index, what, size, label, which }, day, lasts);
    }

    /// The extra work of a look-alike: what, persons a day, days.
    fn work(&self, which: usize, index: u32, rng: &mut Rng) -> (What, u32, u32) {
        let account = &self.network.accounts[index as usize];
        match which {
            TRANSFER => {
                let size = rng.between(200, 400);
                (What::Transfer(self.of_other_unit(index, size, rng)), size, 1)
            }
            REPLACEMENT => {
                let (start, len) = self.colleague(index, rng);
                (What::Replace(start, len), rng.between(6, 15), rng.between(2, 5))
            }
            MAILING => (What::Mailing, account.caseload.1, 1),
            AUDIT => (What::Audit, rng.between(60, 250), rng.between(1, 4)),
            // A migration: a multiple of the key's day, half of a nightly run's.
            _ => {
                let usual = if account.role == API { 1.0 } else { 0.5 };
                let size = account.factor * usual * (1.5 + 2.0 * rng.unit());
                (What::Batch, (size as u32).min(self.network.active), 1)
            }
        }
    }

    fn extend(&mut self, extra: Extra, day: u32, lasts: u32) {
        for on in day..day.saturating_add(lasts).min(self.options.days) {
            if self.works(extra.account, on) {
                self.lookalikes.extras[on as usize].push(extra);
            }
        }
    }

    /// The first of `size` neighbouring persons of another unit, of the same territory if one
    /// there has as many.
    fn of_other_unit(&self, index: u32, size: u32, rng: &mut Rng) -> u32 {
        let own = self.network.accounts[index as usize].unit;
        let place = self.network.units[own as usize].territory;
        let large = |units: &mut dyn Iterator<Item = &u32>| -> Vec<(u32, u32)> {
            let others = units.filter(|u| **u != own);
            let pools = others.map(|u| self.network.units[*u as usize].pool);
            pools.filter(|(_, len)| *len >= size).collect()
        };
        let territories = &self.network.territories;
        let mut pools = large(&mut territories[place as usize].iter());
        if pools.is_empty() {
            pools = large(&mut territories.iter().flatten());
        }
        let pool = pools.get(rng.below(pools.len() as u32) as usize);
        let (start, len) = pool.copied().unwrap_or((0, size));
        start + rng.below(len - size + 1)
    }

    /// The caseload of a colleague of the same unit and role, else the unit's pool.
    fn colleague(&self, index: u32, rng: &mut Rng) -> (u32, u32) {
        let account = &self.network.accounts[index as usize];
        let unit = &self.network.units[account.unit as usize];
        let fits = |a: &Account| a.role == account.role && a.caseload != account.caseload;
        let range = unit.accounts.0 as usize..unit.accounts.1 as usize;
        let others: Vec<_> = self.network.accounts[range].iter().filter(|a| fits(a)).collect();
        let other = others.get(rng.below(others.len() as u32) as usize);
        other.map_or(unit.pool, |a| a.caseload)
    }

    /// Writes a look-alike into the truth and returns its label.
    fn tell(&mut self, which: usize, accounts: &[u32], day: u32, lasts: u32, persons: u64) -> u16 {
        let last = day.saturating_add(lasts.max(1) - 1).min(self.options.days - 1);
        let name = |a: &u32| self.network.accounts[*a as usize].name.clone();
        let (id, what) = NAMES[which];
        let campaign = Campaign {
            id: id.to_owned(),
            kind: Kind::Lookalike,
            accounts: accounts.iter().map(name).collect(),
            from_ms: self.at(day).at(0.0),
            to_ms: self.at(last).at(86_400.0) - 1,
            persons,
            description: what.to_owned(),
        };
        self.truth.add(campaign)
    }
}
