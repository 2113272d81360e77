//! `vigie evaluate`: scores the engine on labelled simulated worlds. Development seeds are for
//! choosing parameters, claim seeds for claims; nothing else tells them apart but this file.

mod score;
mod table;

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::setup::Setup;
use super::{Basics, Common, Failure};
use crate::clock::Stopwatch;
use crate::decode::{PseudonymKey, Pseudonymiser};
use crate::detect::Control;
use crate::directory::Accounts;
use crate::pipeline::shard::{Output, Shard};
use crate::simulate::{POPULATION_CODES, ScenarioSpec, Scratch, World, WorldOptions};
use score::Score;

/// Seeds that parameters may be chosen on.
const DEVELOPMENT_SEEDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// Seeds that claims are made on; nothing is ever tuned on them.
const CLAIM_SEEDS: [u64; 8] = [9_001, 9_002, 9_003, 9_004, 9_005, 9_006, 9_007, 9_008];

/// Every attack and the day it begins: after four weeks of warm-up, spread over two weeks.
const SCENARIOS: [&str; 24] = [
    "A1@36:persons_max=20000",
    "A2@37:persons_max=20000",
    "A3@38:days=5",
    "A4@39:days=3,per_day=5000",
    "A5@40:days=2,persons_max=20000",
    "A6@36:days=5,per_day=1000",
    "A7@41:persons_max=20000",
    "A9@42:persons_max=20000",
    "A10@43:persons_max=20000",
    "A12@44:persons_max=20000",
    "A13@45:persons_max=5000",
    "A14@35",
    "A15@46:accounts=20",
    "A16@47:persons_max=20000",
    "A18@49",
    "A19@48:accounts=20,days=4",
    "A21@50",
    "A22@35",
    "A23@35",
    "A24@35",
    "A28@50",
    "A33@45",
    "L7@52",
    "L14@53",
];

/// Which seeds.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Seeds {
    /// Those parameters are chosen on.
    Development,
    /// Those claims are made on.
    Claim,
}

/// Arguments of `vigie evaluate`.
#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    #[command(flatten)]
    basics: Basics,
    /// Which seeds to run
    #[arg(long, value_enum, default_value = "development")]
    seeds: Seeds,
    /// How many of them, at most 8
    #[arg(long, default_value_t = 4)]
    worlds: usize,
    /// Accounts of each world
    #[arg(long, default_value_t = 2_000)]
    size: u32,
    /// Weeks of each world
    #[arg(long, default_value_t = 9)]
    weeks: u32,
    /// Scenarios instead of the built-in list: ID@START_DAY[:key=value,…]; repeatable
    #[arg(long = "scenario", value_name = "SPEC")]
    scenarios: Vec<String>,
    /// Factor on the rates of innocent look-alikes
    #[arg(long, default_value_t = 1.0)]
    lookalikes: f64,
    /// Give the person → unit table instead of learning it
    #[arg(long)]
    territory: bool,
    /// Print the scores as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Print every false alert
    #[arg(long)]
    verbose: bool,
}

pub(super) fn evaluate(args: EvaluateArgs) -> Result<(), Failure> {
    let common = Common { basics: args.basics.clone(), ..Common::default() };
    let mut setup = Setup::new(&common, true)?;
    setup.tell_simulated_populations();
    let seeds = match args.seeds {
        Seeds::Development => DEVELOPMENT_SEEDS,
        Seeds::Claim => CLAIM_SEEDS,
    };
    let given: Vec<&str> = args.scenarios.iter().map(String::as_str).collect();
    let texts: &[&str] = if given.is_empty() { &SCENARIOS } else { &given };
    let specs = texts.iter().map(|s| ScenarioSpec::parse(s)).collect::<Result<Vec<_>, _>>();
    let specs = specs.map_err(|e| Failure::Usage(e.to_string()))?;
    let mut score = Score::default();
    for seed in seeds.iter().take(args.worlds.max(1)) {
        let since = Stopwatch::start();
        let world = World::new(WorldOptions {
            seed: *seed,
            accounts: args.size,
            days: args.weeks * 7,
            scenarios: specs.clone(),
            lookalikes: args.lookalikes,
            ..WorldOptions::default()
        })
        .map_err(|e| Failure::Usage(e.to_string()))?;
        let before = score.events;
        play(&setup, &world, args.territory, &mut score)?;
        eprintln!(
            "seed {seed}: {} events in {:.1} s",
            score.events - before,
            since.elapsed().as_secs_f64()
        );
    }
    if args.json {
        println!("{}", table::json(&score));
    } else {
        print!("{}", table::text(&score, args.verbose));
    }
    Ok(())
}

/// Feeds a world to the engine in memory and scores what comes out.
fn play(setup: &Setup, world: &World, territory: bool, score: &mut Score) -> Result<(), Failure> {
    let key = PseudonymKey::PUBLIC;
    let mut shard: Shard = setup.shard(key, "simulated")?;
    let namespace = &setup.config.source.namespace;
    let pseudonymiser = Pseudonymiser::new(key, namespace);
    let accounts = Accounts::read("accounts.csv", world.accounts_csv().as_bytes())?;
    shard.schedule(0, 1, Control::Accounts(Arc::new(accounts)));
    if territory {
        let persons = world.persons_csv();
        let units =
            crate::directory::PersonUnits::read("persons.csv", persons.as_bytes(), &pseudonymiser)?;
        shard.schedule(0, 2, Control::PersonUnits(Arc::new(units)));
    }
    let hash = |text: &str| pseudonymiser.opaque("query", text);
    let mut scratch = Scratch::new(&hash, &POPULATION_CODES);
    let person = |id: &str| pseudonymiser.person(id);
    let mut world_score = score.world(world);
    let mut outputs: Vec<Output> = Vec::new();
    for (position, event) in (1..).zip(world.events()) {
        event.with_event(world, &mut scratch, &person, |event, label| {
            world_score.event(event, label);
            shard.event(event, position, &mut outputs);
        });
        for output in outputs.drain(..) {
            if let Output::Alert { alert, line, cause, .. } = output {
                world_score.alert(&alert, &line, cause, event.label);
            }
        }
    }
    world_score.finish(&shard);
    Ok(())
}
