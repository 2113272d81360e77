//! The extra work of look-alikes, day by day.

use super::super::emit::Emit;
use super::super::output::{SimEvent, query, resource};
use super::super::persons::{self, PersonNumber};
use super::super::rng::Rng;
use super::super::roles::class;
use super::super::{World, habits, tag};
use super::{Extra, What};
use crate::event::Action;

/// Appends the extra work of a day.
pub(in crate::simulate) fn day(world: &World, day: u32, out: &mut Vec<SimEvent>) {
    for (n, extra) in world.lookalikes.extras[day as usize].iter().enumerate() {
        if !habits::in_service(&world.network.accounts[extra.account as usize], day) {
            continue;
        }
        let parts = [tag::EXTRA, u64::from(extra.account), u64::from(day), extra.which as u64];
        let mut actor = habits::actor(world, extra.account, day);
        actor.label = extra.label;
        let mut job = Job {
            world,
            day,
            extra: *extra,
            rng: Rng::stream(world.options.seed, &parts),
            emit: Emit::new(actor, 1 + n as u32 % 500, out),
        };
        job.run();
    }
}

struct Job<'a> {
    world: &'a World,
    day: u32,
    extra: Extra,
    rng: Rng,
    emit: Emit<'a>,
}

impl Job<'_> {
    fn run(&mut self) {
        let account = &self.world.network.accounts[self.extra.account as usize];
        let size = self.extra.size;
        match self.extra.what {
            What::Transfer(first) => {
                self.pages(first, size, 20, 240.0, 9.5 * 3_600.0, query::NEXT_PAGE);
            }
            What::Mailing => {
                self.pages(account.caseload.0, size, 50, 20.0, 14.0 * 3_600.0, query::CASELOAD);
            }
            What::Replace(first, len) => {
                for _ in 0..size {
                    let person = persons::active(first + self.rng.below(len));
                    self.open_by_day(person);
                }
            }
            What::Audit => self.audit(),
            What::Batch => self.batch(),
            What::TestFiles => {
                let (start, _) = self.world.network.units[account.unit as usize].pool;
                for _ in 0..size {
                    let person = persons::active(start + self.rng.below(40));
                    self.open_by_day(person);
                }
            }
        }
    }

    /// A run of persons in use, page by page; some files are opened.
    fn pages(&mut self, first: u32, size: u32, page: u32, pause: f64, from: f64, template: u8) {
        let mut second = from + 3_600.0 * self.rng.unit();
        for start in (0..size).step_by(page as usize) {
            let run = start..(start + page).min(size);
            let persons: Vec<PersonNumber> = run.map(|n| persons::active(first + n)).collect();
            let time = self.world.at(self.day).at(second);
            self.emit.lines(time, Action::List, &persons, template);
            if template == query::NEXT_PAGE {
                for person in persons.iter().step_by(4) {
                    let later = second + 20.0 + 200.0 * self.rng.unit();
                    self.open(later, *person);
                }
            }
            second += pause * (0.5 + self.rng.unit());
        }
    }

    fn audit(&mut self) {
        let unit = self.world.network.accounts[self.extra.account as usize].unit;
        for _ in 0..self.extra.size {
            let person = self.world.network.near(unit, &mut self.rng);
            self.open_by_day(person);
        }
    }

    fn batch(&mut self) {
        let active = self.world.network.active;
        let first = self.rng.below(active);
        let mut second: f64 = 20.0 * 3_600.0;
        for start in (0..self.extra.size).step_by(200) {
            let run = start..(start + 200).min(self.extra.size);
            let persons: Vec<PersonNumber> =
                run.map(|n| persons::active((first + n) % active)).collect();
            let time = self.world.at(self.day).at(second.min(86_000.0));
            let event = self.emit.lines(time, Action::List, &persons, 0);
            event.data = class::IDENTITY | class::NIR;
            event.resource = resource::API;
            second += 20.0 * self.rng.unit();
        }
    }

    fn open_by_day(&mut self, person: PersonNumber) {
        let usual = habits::Shift { from: 8.75 * 3_600.0, to: 17.0 * 3_600.0 };
        let second = habits::moment(usual, &mut self.rng);
        self.open(second, person);
    }

    fn open(&mut self, second: f64, person: PersonNumber) {
        let data = self.world.network.accounts[self.extra.account as usize].spec().view;
        self.emit.open(self.world.at(self.day).at(second), Action::View, person, data);
    }
}
