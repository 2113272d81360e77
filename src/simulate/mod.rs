//! A believable partner network and its thieves: seeded, labelled, the same bytes for the same
//! options.
//!
//! [`World::new`] lays out units, accounts, habits and campaigns; [`World::day`] plays one day of
//! them in time order. Attacks are laid over the ordinary traffic and draw from streams of their
//! own: adding one changes no other line.

mod attacks;
mod calendar;
mod directory;
mod emit;
mod habits;
mod lookalikes;
mod machines;
mod network;
mod output;
mod people;
mod persons;
mod rng;
mod roles;
mod scenario;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use calendar::Day;
pub use network::Account;
use network::Network;
pub use output::{NO_ACCOUNT, Persons, Scratch, SimEvent};
pub use persons::{BASE, POPULATION_CODES, PersonNumber};
pub use scenario::{Campaign, Desk, Kind, ScenarioSpec, Sweep, Truth, scenarios};

/// What keeps the streams of randomness apart.
mod tag {
    pub(super) const UNIT: u64 = 1;
    pub(super) const ADDRESS: u64 = 2;
    pub(super) const ACCOUNT: u64 = 3;
    pub(super) const LEAVE: u64 = 4;
    pub(super) const SICK: u64 = 5;
    pub(super) const DAY: u64 = 6;
    pub(super) const DEVICE: u64 = 7;
    pub(super) const MACHINE: u64 = 8;
    pub(super) const LOOKALIKE: u64 = 9;
    pub(super) const EXTRA: u64 = 10;
    pub(super) const VICTIM: u64 = 11;
    pub(super) const ATTACK: u64 = 12;
    pub(super) const SATURDAY: u64 = 13;
}

/// Accounts a world may have.
pub const ACCOUNTS_MAX: u32 = 200_000;
/// The fewest accounts that still make a network.
pub const ACCOUNTS_MIN: u32 = 100;
/// Days a world may have.
pub const DAYS_MAX: u32 = 600;

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// Same seed, same world.
    pub seed: u64,
    /// Accounts, machines included: [`ACCOUNTS_MIN`] to [`ACCOUNTS_MAX`].
    pub accounts: u32,
    /// First local day (Europe/Paris).
    pub start: Date,
    /// Days, 1 to [`DAYS_MAX`].
    pub days: u32,
    /// Attacks and look-alikes to add.
    pub scenarios: Vec<ScenarioSpec>,
    /// Factor on the rates of the ambient look-alikes; 0 for none.
    pub lookalikes: f64,
    /// Persons in use for each account, 10 to 400 (the base holds 40 million files in all).
    pub active_per_account: f64,
    /// Factor on the volumes of machine accounts, 0 to 100.
    pub machine_scale: f64,
    /// Whether events of roles with a caseload say how many persons lie outside it.
    pub unrelated: bool,
}

impl Default for WorldOptions {
    fn default() -> WorldOptions {
        WorldOptions {
            seed: 1,
            accounts: 2_000,
            start: Date::constant(2024, 1, 8),
            days: 63,
            scenarios: Vec::new(),
            lookalikes: 1.0,
            active_per_account: 100.0,
            machine_scale: 1.0,
            unrelated: false,
        }
    }
}

/// Why a world cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// No scenario of that name.
    #[error("unknown scenario {given:?}; the scenarios are {valid}")]
    UnknownScenario {
        /// What was asked for.
        given: String,
        /// Every name.
        valid: String,
    },
    /// A scenario text does not read.
    #[error("scenario {given:?}: {why}; write it like A1@29:accounts=2,persons_max=30000")]
    ScenarioText {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// An option is out of its range.
    #[error("{name} = {given}: must be {range}")]
    OutOfRange {
        /// The option.
        name: &'static str,
        /// Its value.
        given: String,
        /// What is allowed.
        range: String,
    },
    /// The network holds too few accounts that fit the scenario.
    #[error(
        "{id} needs {wanted} accounts ({what}) on day {day} and finds {found}; simulate more \
         accounts, fewer scenarios, or another start day"
    )]
    NotEnoughAccounts {
        /// The scenario.
        id: &'static str,
        /// How many it needs.
        wanted: u32,
        /// What kind.
        what: String,
        /// On which day of the world.
        day: u32,
        /// How many there are.
        found: u32,
    },
    /// A scenario does nothing within the world's days.
    #[error("{id} from day {day} on touches nobody before the world ends on day {days}")]
    Idle {
        /// The scenario.
        id: &'static str,
        /// Its start day.
        day: u32,
        /// Days of the world.
        days: u32,
    },
    /// Labels are 16 bits wide.
    #[error("{0} campaigns, at most 65534: lower `lookalikes`, `days` or `accounts`")]
    TooManyCampaigns(usize),
    /// A date or the time zone failed.
    #[error("calendar: {0}")]
    Calendar(#[from] jiff::Error),
}

/// A laid-out world, ready to be played day by day in any order.
#[derive(Clone, Debug)]
pub struct World {
    options: WorldOptions,
    days: Vec<Day>,
    network: Network,
    lookalikes: lookalikes::Plan,
    attacks: Vec<attacks::Attack>,
    truth: Truth,
}

impl World {
    /// Lays out a world.
    ///
    /// # Errors
    ///
    /// When an option is out of range, a scenario is unknown, finds no accounts or does nothing.
    pub fn new(options: WorldOptions) -> Result<World, SimulateError> {
        check(&options)?;
        let mut world = World {
            days: calendar::days(options.start, options.days)?,
            network: Network::new(&options),
            lookalikes: lookalikes::Plan::new(options.days),
            attacks: Vec::new(),
            truth: Truth::default(),
            options,
        };
        world.plan_ambient();
        world.add_scenarios()?;
        let campaigns = world.truth.campaigns.len();
        if campaigns >= usize::from(u16::MAX) {
            return Err(SimulateError::TooManyCampaigns(campaigns));
        }
        Ok(world)
    }

    /// The demonstration: 400 accounts, five weeks from 2024-01-08, and the 2024 theft from its
    /// first evening, Tuesday 2024-02-06 at 19:00:00, on two Cap emploi advisers.
    ///
    /// # Errors
    ///
    /// Only when the time zone database is broken.
    pub fn story() -> Result<World, SimulateError> {
        World::new(WorldOptions {
            seed: 2024,
            accounts: 400,
            days: 35,
            scenarios: vec![
                ScenarioSpec::parse("A1@29:days=6,persons_max=30000,per_day=5000")?,
                ScenarioSpec::parse("L1@24")?,
                ScenarioSpec::parse("L4@25")?,
                ScenarioSpec::parse("L6@30")?,
            ],
            ..WorldOptions::default()
        })
    }

    /// Look-alikes first: an attack never moves one, nor takes its account.
    fn add_scenarios(&mut self) -> Result<(), SimulateError> {
        let specs = self.options.scenarios.clone();
        let mut taken = Vec::new();
        let mut attacks = Vec::new();
        for spec in &specs {
            spec.known()?;
            if spec.start_day >= self.options.days {
                return Err(SimulateError::OutOfRange {
                    name: "start_day",
                    given: format!("{} of {}", spec.start_day, spec.id),
                    range: format!("0 to {}", self.options.days - 1),
                });
            }
            if !self.add_lookalike(spec, &mut taken)? {
                attacks.push(spec);
            }
        }
        attacks.into_iter().try_for_each(|spec| self.add_attack(spec, &mut taken))
    }

    /// What it was made of.
    #[must_use]
    pub fn options(&self) -> &WorldOptions {
        &self.options
    }

    /// What really happens in it.
    #[must_use]
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Every account, those that scenarios added at the end.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.network.accounts
    }

    /// An account by the index events carry.
    #[must_use]
    pub fn account(&self, index: u32) -> Option<&Account> {
        self.network.accounts.get(index as usize)
    }

    /// `accounts.csv` of the directory contract. Accounts that a thief made are not in it.
    #[must_use]
    pub fn accounts_csv(&self) -> String {
        directory::accounts_csv(self)
    }

    /// The unit that usually handles a person; none for dormant files and new registrations.
    #[must_use]
    pub fn unit_of(&self, person: PersonNumber) -> Option<&str> {
        let unit = self.network.unit_of(person)?;
        Some(&self.network.units[unit as usize].name)
    }

    /// `persons.csv` of the directory contract: every person in use and its usual unit, without
    /// dates. About 100 lines an account.
    #[must_use]
    pub fn persons_csv(&self) -> String {
        directory::persons_csv(self)
    }

    /// Everything that happens on day `day` (0 is the first), in time order; nothing beyond the
    /// last day.
    #[must_use]
    pub fn day(&self, day: u32) -> Vec<SimEvent> {
        let mut out = Vec::new();
        if self.days.get(day as usize).is_none() {
            return out;
        }
        for index in 0..self.network.accounts.len() as u32 {
            if self.network.accounts[index as usize].is_machine() {
                machines::day(self, index, day, &mut out);
            } else {
                people::day(self, index, day, &mut out);
            }
        }
        lookalikes::day(self, day, &mut out);
        attacks::day(self, day, &mut out);
        out.sort_unstable_by_key(|e| (e.time, e.account, e.seq));
        out
    }

    /// All events in time order, one day in memory at a time.
    pub fn events(&self) -> impl Iterator<Item = SimEvent> + '_ {
        (0..self.options.days).flat_map(|day| self.day(day))
    }

    /// The day `day`; it must exist.
    fn at(&self, day: u32) -> &Day {
        &self.days[day as usize]
    }
}

fn check(options: &WorldOptions) -> Result<(), SimulateError> {
    let within = |name, value: f64, low: f64, high: f64| {
        if value >= low && value <= high {
            return Ok(());
        }
        let range = format!("{low} to {high}");
        Err(SimulateError::OutOfRange { name, given: value.to_string(), range })
    };
    let (low, high) = (f64::from(ACCOUNTS_MIN), f64::from(ACCOUNTS_MAX));
    within("accounts", f64::from(options.accounts), low, high)?;
    within("days", f64::from(options.days), 1.0, f64::from(DAYS_MAX))?;
    within("lookalikes", options.lookalikes, 0.0, 100.0)?;
    within("active_per_account", options.active_per_account, 10.0, 400.0)?;
    within("machine_scale", options.machine_scale, 0.0, 100.0)
}
