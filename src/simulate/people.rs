//! The ordinary day of a person's account: contacts, each a search, files opened, an update.

use super::calendar::Day;
use super::emit::Emit;
use super::habits::{self, Shift};
use super::lookalikes::Change;
use super::network::Account;
use super::output::{SimEvent, query};
use super::persons::{self, PersonNumber};
use super::rng::Rng;
use super::roles::{ROLES, Role};
use super::{World, tag};
use crate::event::Action;

const EVENING_S: f64 = 19.0 * 3_600.0;
const DAY_S: f64 = 86_399.0;

/// Appends the account's day.
pub(super) fn day(world: &World, index: u32, day: u32, out: &mut Vec<SimEvent>) {
    let account = &world.network.accounts[index as usize];
    let mut rng = Rng::stream(world.options.seed, &[tag::DAY, u64::from(index), u64::from(day)]);
    let Some(mut shift) = shift_today(world, index, day, &mut rng) else {
        return;
    };
    let usual = Change::default();
    let change = world.lookalikes.change(day, index).unwrap_or(&usual);
    if let Some(arrive) = change.arrive {
        shift.from = arrive;
    }
    let role = &ROLES[usize::from(change.role.unwrap_or(account.role))];
    let mut actor = habits::actor(world, index, day);
    actor.label = change.label;
    let mut desk = Desk {
        world,
        account,
        index,
        day,
        role,
        change,
        seen: Vec::new(),
        budget: volume(world.at(day), account, role, shift, change, &mut rng),
        emit: Emit::new(actor, 0, out),
        rng,
        registered: 0,
    };
    desk.work(shift);
}

/// The account's shift; now and then someone works on a closed day or late.
fn shift_today(world: &World, index: u32, day: u32, rng: &mut Rng) -> Option<Shift> {
    let stays = rng.chance(0.004);
    let strays = rng.chance(0.0006);
    match habits::shift(world, index, day) {
        Some(shift) if stays => Some(Shift { to: EVENING_S + 3_600.0, ..shift }),
        Some(shift) => Some(shift),
        None if strays && habits::in_service(&world.network.accounts[index as usize], day) => {
            Some(Shift { from: 15.0 * 3_600.0, to: 16.5 * 3_600.0 })
        }
        None => None,
    }
}

/// Distinct persons the account will meet today.
fn volume(
    date: &Day,
    account: &Account,
    role: &Role,
    shift: Shift,
    change: &Change,
    rng: &mut Rng,
) -> u32 {
    let weekly = [1.08, 1.05, 0.94, 1.03, 0.90, 0.8, 0.5][usize::from(date.weekday)];
    let wave = 1.0 + 0.6 * role.wave * date.actualisation;
    let mean = role.mean * account.factor * weekly * wave * shift.share() * change.factor;
    let max = f64::from(role.max) * change.factor.max(1.0);
    let today = (mean * rng.gamma(role.shape)).min(max);
    rng.poisson(today).min(max as u32)
}

/// One account at work.
struct Desk<'a> {
    world: &'a World,
    account: &'a Account,
    index: u32,
    day: u32,
    role: &'static Role,
    change: &'a Change,
    /// Persons met today.
    seen: Vec<PersonNumber>,
    /// Persons still to meet.
    budget: u32,
    emit: Emit<'a>,
    rng: Rng,
    registered: u32,
}

impl Desk<'_> {
    fn work(&mut self, shift: Shift) {
        let login = shift.from + 120.0 * self.rng.unit();
        self.emit.push(self.world.at(self.day).at(login), Action::Login);
        if self.role.caseload > 0 && self.budget > 0 && self.rng.chance(0.15) {
            let later = login + 60.0 + 900.0 * self.rng.unit();
            self.caseload_page(later);
        }
        while self.budget > 0 {
            let start = habits::moment(shift, &mut self.rng).max(login + 20.0);
            self.contact(start);
            if self.rng.chance(0.3) {
                let later = habits::moment(shift, &mut self.rng).max(login + 20.0);
                self.again(later);
            }
        }
    }

    /// The first page of the own caseload.
    fn caseload_page(&mut self, second: f64) {
        let count = self.rng.between(2, 10).min(self.budget);
        let persons: Vec<_> = (0..count).map(|_| self.fresh(Self::of_caseload)).collect();
        self.budget -= count;
        let time = self.world.at(self.day).at(second);
        self.emit.lines(time, Action::List, &persons, query::CASELOAD);
    }

    /// One contact: found by a search or opened at once.
    fn contact(&mut self, start: f64) {
        let person = if self.rng.chance(self.role.search) {
            self.search(start)
        } else {
            self.budget -= 1;
            Some(self.fresh(Self::anyone))
        };
        if let Some(person) = person {
            let pause = 3.0 + 15.0 * self.rng.exponential();
            self.read(start + pause, person);
        }
    }

    /// A search: often one line, sometimes a miss, at most 20 lines. Returns who was looked for.
    fn search(&mut self, start: f64) -> Option<PersonNumber> {
        let lines = match self.rng.unit() {
            u if u < 0.12 => 0,
            u if u < 0.72 => 1,
            _ => (2 + self.rng.geometric(0.28)).min(20),
        };
        let lines = lines.min(self.budget);
        self.budget -= lines;
        let mut persons: Vec<PersonNumber> = Vec::with_capacity(lines as usize);
        if lines > 0 {
            persons.push(self.fresh(Self::anyone));
            persons.extend((1..lines).map(|_| self.fresh(Self::namesake)));
        }
        let template = [query::NAME, query::NAME, query::BIRTH, query::ID];
        let template = template[self.rng.below(4) as usize];
        let repeats = u32::from(self.rng.chance(0.02)) + self.retries();
        for n in 0..=repeats {
            let second = (start + 4.0 * f64::from(n)).min(DAY_S);
            let time = self.world.at(self.day).at(second);
            self.emit.lines(time, Action::Search, &persons, template);
        }
        persons.first().copied()
    }

    /// Repeats of a search while the network fails.
    fn retries(&mut self) -> u32 {
        if self.change.retries > 0.0 { self.rng.poisson(self.change.retries) } else { 0 }
    }

    /// Opens a file, reads on in it, perhaps changes it.
    fn read(&mut self, start: f64, person: PersonNumber) {
        let mut second = start;
        let pages = 1 + self.rng.geometric(0.5).min(6);
        for page in 0..pages {
            let time = self.world.at(self.day).at(second.min(DAY_S));
            let event = self.emit.open(time, Action::View, person, self.role.view);
            // The file itself, its history, its interviews.
            event.resource += (page % 3) as u8;
            second += 5.0 + 60.0 * self.rng.exponential();
        }
        if self.rng.chance(0.22) {
            let time = self.world.at(self.day).at(second.min(DAY_S));
            self.emit.open(time, Action::Update, person, self.role.view);
        }
    }

    /// Opens a file of somebody met earlier today.
    fn again(&mut self, second: f64) {
        let met = self.rng.below(self.seen.len() as u32) as usize;
        if let Some(person) = self.seen.get(met).copied() {
            self.read(second, person);
        }
    }

    /// A person not met today yet, as far as a few draws find one.
    fn fresh(&mut self, draw: fn(&mut Self) -> PersonNumber) -> PersonNumber {
        let mut person = draw(self);
        for _ in 0..12 {
            if !self.seen.contains(&person) {
                break;
            }
            person = draw(self);
        }
        self.seen.push(person);
        person
    }

    fn anyone(&mut self) -> PersonNumber {
        let network = &self.world.network;
        if self.change.new_share > 0.0 && self.rng.chance(self.change.new_share) {
            return self.registration();
        }
        let [own, unit, near, far] = self.role.mix;
        match self.rng.unit() {
            u if u < own => self.of_caseload(),
            u if u < own + unit => network.of_unit(self.account.unit, &mut self.rng),
            u if u < own + unit + near => network.near(self.account.unit, &mut self.rng),
            u if u < own + unit + near + far => persons::active(self.rng.below(network.active)),
            _ => self.registration(),
        }
    }

    fn of_caseload(&mut self) -> PersonNumber {
        let (start, len) = self.account.caseload;
        if len == 0 {
            return self.world.network.of_unit(self.account.unit, &mut self.rng);
        }
        persons::active(start + self.rng.below(len))
    }

    /// Another line of a result list.
    fn namesake(&mut self) -> PersonNumber {
        let network = &self.world.network;
        if self.role.caseload > 0 && self.rng.chance(0.65) {
            return self.of_caseload();
        }
        // Call platforms have next to no persons of their own.
        if self.role.mix[1] < 0.03 || self.rng.chance(0.15) {
            network.near(self.account.unit, &mut self.rng)
        } else {
            network.of_unit(self.account.unit, &mut self.rng)
        }
    }

    /// A registration of today, or of one of the last days.
    fn registration(&mut self) -> PersonNumber {
        if self.day > 0 && self.rng.chance(0.25) {
            let back = self.rng.between(1, self.day.min(10));
            return self.world.network.registered(self.index, self.day - back, 0);
        }
        self.registered += 1;
        self.world.network.registered(self.index, self.day, self.registered - 1)
    }
}
