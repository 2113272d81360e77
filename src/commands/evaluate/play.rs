//! Plays one world, in memory and once, to all detectors that have to see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use indicatif::ProgressBar;

use super::harm::{DAY_MS, Harm};
use super::ledger::{Ledger, Saying};
use super::outcome::Outcome;
use super::work::{Job, Lookout};
use crate::commands::Failure;
use crate::commands::setup::Setup;
use crate::decode::{PseudonymKey, Pseudonymiser};
use crate::detect::Control;
use crate::detect::report::Cause;
use crate::detect::rule::Rules;
use crate::directory::{Accounts, PersonUnits};
use crate::event::{AccessEvent, Position};
use crate::pipeline::shard::{Output, Shard};
use crate::simulate::{POPULATION_CODES, Scratch, World, WorldOptions};

/// One detector at its place.
struct Post {
    shard: Shard,
    ledger: Ledger,
    outputs: Vec<Output>,
}

/// Plays a world; one outcome a lookout, in their order.
pub(super) fn play(
    setup: &Setup,
    job: &Job,
    lookouts: &[Lookout],
    bar: &ProgressBar,
) -> Result<Vec<Outcome>, Failure> {
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
    let pseudonymiser = Pseudonymiser::new(PseudonymKey::PUBLIC, &setup.config.source.namespace);
    let directory = directory(&world, job.settings.territory, &pseudonymiser)?;
    let zone = &setup.config.detection.zone;
    let mut harm = Harm::new(world.truth(), zone).map_err(Failure::Failed)?;
    let mut posts = Vec::new();
    for lookout in lookouts {
        let mut shard = shard(setup, lookout)?;
        for (seq, control) in (1..).zip(&directory) {
            shard.schedule(0, seq, control.clone());
        }
        posts.push(Post { shard, ledger: Ledger::new(&harm), outputs: Vec::new() });
    }
    let hash = |text: &str| pseudonymiser.opaque("query", text);
    let mut scratch = Scratch::new(&hash, &POPULATION_CODES);
    let person = |id: &str| pseudonymiser.person(id);
    let mut day = i64::MIN;
    for (position, event) in (1..).zip(world.events()) {
        if event.time.div_euclid(DAY_MS) > day {
            day = event.time.div_euclid(DAY_MS);
            bar.inc(1);
        }
        event.with_event(&world, &mut scratch, &person, |decoded, label| {
            harm.event(decoded, event.account, label);
            posts.iter_mut().for_each(|post| post.see(&harm, &world, decoded, position, label));
        });
    }
    let weeks = f64::from(job.weeks.saturating_sub(4).max(1));
    let rate = harm.account_weeks.values().sum::<u64>() as f64 / weeks;
    let close = |(post, lookout): (Post, &Lookout)| {
        // A budget is at least so many a week, whatever the size.
        let held = lookout.budget.max(1_000.0 * lookout.floor / rate.max(1.0));
        let mut outcome = post.ledger.close(job.key(lookout), held, &harm, &world, &job.entries);
        outcome.shares = shares(&lookout.rules);
        outcome
    };
    Ok(posts.into_iter().zip(lookouts).map(close).collect())
}

impl Post {
    fn see(
        &mut self,
        harm: &Harm,
        world: &World,
        event: &AccessEvent<'_>,
        position: Position,
        label: u16,
    ) {
        self.shard.event(event, position, &mut self.outputs);
        for output in self.outputs.drain(..) {
            if let Output::Alert { alert, line, cause, .. } = output
                && cause != Cause::Ended
            {
                self.ledger.note(harm, world, &Saying::of(&alert, &line, event.time, label));
            }
        }
    }
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

/// A shard that has seen nothing, with the lookout's rules and budget.
fn shard(setup: &Setup, lookout: &Lookout) -> Result<Shard, Failure> {
    let mut config = setup.config.clone();
    config.detection.budget_per_1000_account_weeks = lookout.budget;
    config.detection.budget_per_week_min = lookout.floor;
    let (rules, mapping) = (Arc::clone(&lookout.rules), setup.mapping.clone());
    Setup { config, rules, mapping }.shard(PseudonymKey::PUBLIC, "simulated")
}

/// Share of the budget by rule and window.
fn shares(rules: &Rules) -> BTreeMap<String, f64> {
    let rows = rules.rules.values().flat_map(|rule| {
        let name = rule.id.trim_start_matches("mass-extraction.");
        rule.budget.iter().map(move |(window, share)| (format!("{name} {window}"), *share))
    });
    rows.collect()
}
