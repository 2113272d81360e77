//! Plays one world, in memory and once, to all detectors that have to see it.

use std::sync::Arc;

use indicatif::ProgressBar;

use super::harm::{DAY_MS, Harm};
use super::ledger::Ledger;
use super::outcome::Outcome;
use super::posts::{Counting, Posts};
use super::rivals::Quiet;
use super::work::{Job, Lookout};
use crate::commands::Failure;
use crate::commands::setup::Setup;
use crate::decode::{PseudonymKey, Pseudonymiser};
use crate::detect::Control;
use crate::directory::{Accounts, PersonUnits};
use crate::evaluate::comparators::grid;
use crate::event::{AccessEvent, Position};
use crate::simulate::{POPULATION_CODES, Scratch, World, WorldOptions};

/// A world, and everything needed to hand its events around.
struct Stage {
    world: World,
    pseudonymiser: Pseudonymiser,
    harm: Harm,
    weeks: f64,
}

impl Stage {
    fn new(setup: &Setup, job: &Job) -> Result<Stage, Failure> {
        let world = World::new(WorldOptions {
            seed: job.seed,
            accounts: job.settings.size,
            days: job.weeks * 7,
            scenarios: job.entries.iter().map(|e| e.spec.clone()).collect(),
            lookalikes: job.settings.lookalikes,
            unrelated: job.settings.unrelated,
            ..WorldOptions::default()
        })
        .map_err(|e| Failure::Usage(e.to_string()))?;
        let namespace = &setup.config.source.namespace;
        let zone = &setup.config.detection.zone;
        Ok(Stage {
            pseudonymiser: Pseudonymiser::new(PseudonymKey::PUBLIC, namespace),
            harm: Harm::new(world.truth(), zone).map_err(Failure::Failed)?,
            weeks: f64::from(job.weeks.saturating_sub(4).max(1)),
            world,
        })
    }

    /// Plays every event once; `see` is told of it after the truth.
    fn play(
        &mut self,
        mut see: impl FnMut(&Harm, &AccessEvent<'_>, Position, u32, u16),
        mut new_day: impl FnMut(),
    ) {
        let Stage { world, pseudonymiser, harm, .. } = self;
        let hash = |text: &str| pseudonymiser.opaque("query", text);
        let mut scratch = Scratch::new(&hash, &POPULATION_CODES);
        let person = |id: &str| pseudonymiser.person(id);
        let mut day = i64::MIN;
        for (position, event) in (1..).zip(world.events()) {
            if event.time.div_euclid(DAY_MS) > day {
                day = event.time.div_euclid(DAY_MS);
                new_day();
            }
            event.with_event(world, &mut scratch, &person, |decoded, label| {
                harm.event(decoded, event.account, label);
                see(harm, decoded, position, event.account, label);
            });
        }
    }

    /// Account-weeks a week after the warm-up.
    fn rate(&self) -> f64 {
        self.harm.account_weeks.values().sum::<u64>() as f64 / self.weeks
    }
}

/// Plays a world; one outcome a lookout, in their order.
pub(super) fn play(
    setup: &Setup,
    job: &Job,
    lookouts: &[Lookout],
    bar: &ProgressBar,
) -> Result<Vec<Outcome>, Failure> {
    let mut stage = Stage::new(setup, job)?;
    let directory = directory(&stage.world, job.settings.territory, &stage.pseudonymiser)?;
    let accounts = stage.world.accounts().len() as u32;
    let mut posts = Posts::new(setup, lookouts, &directory, &stage.harm, accounts)?;
    stage.play(
        |harm, event, position, account, label| posts.see(harm, event, position, account, label),
        || bar.inc(1),
    );
    let (size, names) = ((job.settings.size, job.weeks), job.names());
    let close = |(ledger, lookout): (Ledger, &Lookout)| {
        let held = lookout.held(stage.rate());
        let mut outcome = ledger.close(job.key(lookout), held, &stage.harm, size, &names);
        outcome.shares = lookout.shares();
        outcome
    };
    Ok(posts.ledgers().zip(lookouts).map(close).collect())
}

/// Plays a world without attacks to every point of the grid, to choose thresholds.
pub(super) fn quiet(setup: &Setup, job: &Job) -> Result<Quiet, Failure> {
    let mut stage = Stage::new(setup, job)?;
    let all: Vec<_> = grid().into_iter().map(|config| (config, None)).collect();
    let mut counting = Counting::new(&all, setup, stage.world.accounts().len() as u32)?;
    stage.play(
        |harm, event, _, account, _| {
            counting.warm_from(harm.warm_from());
            counting.see(event, account);
        },
        || (),
    );
    let crossings = counting.crossings();
    Ok((crossings, stage.harm.account_weeks.values().sum(), stage.rate()))
}

/// What the deployment is told before its first event.
fn directory(
    world: &World,
    territory: bool,
    pseudonymiser: &Pseudonymiser,
) -> Result<Vec<Control>, Failure> {
    let accounts = Accounts::read("accounts.csv", world.accounts_csv().as_bytes())?;
    let mut controls = vec![Control::Accounts(Arc::new(accounts))];
    if territory {
        let persons = world.persons_csv();
        let units = PersonUnits::read("persons.csv", persons.as_bytes(), pseudonymiser)?;
        controls.push(Control::PersonUnits(Arc::new(units)));
    }
    Ok(controls)
}
