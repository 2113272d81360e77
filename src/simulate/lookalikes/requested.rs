//! Look-alikes asked for by name, those of whole units and roles among them.

use super::super::rng::hash;
use super::super::roles::{ADVISER, CAP, MISSION, PLATFORM, RECEPTION, RSA, UNIT_KINDS};
use super::super::scenario::ScenarioSpec;
use super::super::{SimulateError, World, tag};
use super::{
    AGENCY, Change, DUPLICATES, EARLY, Extra, HIRE, HIRE_DAYS, INCIDENT, NAMES, REGISTRATIONS,
    TRAINING, WAVE, What,
};

impl World {
    /// Adds a look-alike that was asked for by name; false when `id` is none.
    pub(in crate::simulate) fn add_lookalike(
        &mut self,
        spec: &ScenarioSpec,
        taken: &mut Vec<u32>,
    ) -> Result<bool, SimulateError> {
        let Some(which) = NAMES.iter().position(|(id, _)| *id == spec.id) else {
            return Ok(false);
        };
        // Asked for on a closed day, it happens on the next open one.
        let mut open = (spec.start_day..self.options.days).filter(|d| self.at(*d).is_working());
        let day = open.next().unwrap_or(spec.start_day);
        let spec = &ScenarioSpec { start_day: day, ..spec.clone() };
        match which {
            WAVE => self.change_roles(which, &[RECEPTION, PLATFORM], spec, |c| c.factor = 2.0),
            REGISTRATIONS => self.change_roles(which, &[RSA], spec, |c| {
                (c.factor, c.new_share) = (3.0, 0.5);
            }),
            TRAINING => self.add_training(spec),
            HIRE => self.add_hire(spec, taken)?,
            AGENCY => self.add_agency(spec)?,
            EARLY => self.change_unit(which, spec, 5, |c| c.arrive = Some(6.25 * 3_600.0)),
            DUPLICATES => self.change_unit(which, spec, 1, |c| c.retries = 3.0),
            INCIDENT => {
                let all: Vec<u32> = (0..self.options.accounts).collect();
                self.change(which, &all, spec, 1, |c| c.retries = 1.5);
            }
            _ => {
                let (id, what) = NAMES[which];
                let wanted = spec.accounts.unwrap_or(1);
                let fits = |w: &World, a: u32| w.may(which, a) && w.works(a, day);
                for index in self.choose(id, what, wanted, day, taken, fits)? {
                    self.plan(which, index, day, spec.days);
                }
            }
        }
        Ok(true)
    }

    /// Changes the days of every account of some roles.
    fn change_roles(
        &mut self,
        which: usize,
        roles: &[u8],
        spec: &ScenarioSpec,
        set: fn(&mut Change),
    ) {
        let accounts = self.network.accounts.iter().enumerate();
        let fits = accounts.filter(|(_, a)| roles.contains(&a.role)).map(|(n, _)| n as u32);
        let fits: Vec<u32> = fits.collect();
        self.change(which, &fits, spec, 5, set);
    }

    fn change_unit(&mut self, which: usize, spec: &ScenarioSpec, lasts: u32, set: fn(&mut Change)) {
        let accounts = self.unit_for(spec.start_day, MISSION);
        self.change(which, &accounts, spec, lasts, set);
    }

    fn change(
        &mut self,
        which: usize,
        accounts: &[u32],
        spec: &ScenarioSpec,
        lasts: u32,
        set: fn(&mut Change),
    ) {
        let lasts = spec.days.unwrap_or(lasts);
        let label = self.tell(which, accounts, spec.start_day, lasts, 0);
        let end = spec.start_day.saturating_add(lasts).min(self.options.days);
        for day in spec.start_day..end {
            for account in accounts {
                // What already changes a day keeps it: one label an event.
                self.lookalikes.changes[day as usize].entry(*account).or_insert_with(|| {
                    let mut change = Change { label, ..Change::default() };
                    set(&mut change);
                    change
                });
            }
        }
    }

    /// The accounts of one unit in which `role` works and whose days are as usual, if any.
    fn unit_for(&self, day: u32, role: u8) -> Vec<u32> {
        let usual = |index: &usize| self.lookalikes.change(day, *index as u32).is_none();
        let accounts = &self.network.accounts;
        let mut with: Vec<u32> = (0..accounts.len())
            .filter(|index| accounts[*index].role == role && usual(index))
            .map(|index| accounts[index].unit)
            .collect();
        with.dedup();
        let parts = [tag::VICTIM, u64::from(day), u64::from(role)];
        let at = hash(self.options.seed, &parts) % with.len().max(1) as u64;
        let unit = with.get(at as usize).copied().unwrap_or(0);
        let (from, to) = self.network.units[unit as usize].accounts;
        (from..to).collect()
    }

    /// A unit that reads test files for a week.
    fn add_training(&mut self, spec: &ScenarioSpec) {
        let lasts = spec.days.unwrap_or(5);
        let accounts = self.unit_for(spec.start_day, ADVISER);
        let label = self.tell(TRAINING, &accounts, spec.start_day, lasts, 0);
        for account in accounts {
            let extra = Extra { account, what: What::TestFiles, size: 15, label, which: TRAINING };
            self.extend(extra, spec.start_day, lasts);
        }
    }

    /// Accounts whose first day is the scenario's.
    fn add_hire(&mut self, spec: &ScenarioSpec, taken: &mut Vec<u32>) -> Result<(), SimulateError> {
        let (id, what) = NAMES[HIRE];
        let (wanted, day) = (spec.accounts.unwrap_or(1), spec.start_day);
        let fits = |w: &World, a: u32| {
            let account = &w.network.accounts[a as usize];
            account.spec().caseload > 0 && account.starts.is_none() && account.ends.is_none()
        };
        for index in self.choose(id, what, wanted, day, taken, fits)? {
            self.network.accounts[index as usize].starts = Some(day);
            let label = self.tell(HIRE, &[index], day, HIRE_DAYS, 0);
            self.plan_first_weeks(index, day, label);
        }
        Ok(())
    }

    /// A new agency: its accounts start on the scenario's day and share out another's persons.
    fn add_agency(&mut self, spec: &ScenarioSpec) -> Result<(), SimulateError> {
        let host = self.unit_for(spec.start_day, CAP);
        let unit = host.first().map_or(0, |a| self.network.accounts[*a as usize].unit);
        let pool = self.network.units[unit as usize].pool;
        let count = spec.accounts.unwrap_or(12);
        let first = self.network.accounts.len() as u32;
        self.room_for(NAMES[AGENCY].0, count, spec.start_day)?;
        let nth = 90 + self.network.units.len() as u32;
        self.network.add_unit(&UNIT_KINDS[0], 0, nth, count, Some(pool));
        let added: Vec<u32> = (first..first + count).collect();
        let label = self.tell(AGENCY, &added, spec.start_day, HIRE_DAYS, 0);
        for index in added {
            let account = &mut self.network.accounts[index as usize];
            (account.starts, account.ends) = (Some(spec.start_day), None);
            self.plan_first_weeks(index, spec.start_day, label);
        }
        Ok(())
    }
}
