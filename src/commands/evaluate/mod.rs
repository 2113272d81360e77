//! `vigie evaluate`: scores the engine on labelled simulated worlds. Development seeds are for
//! choosing parameters, claim seeds for claims; nothing else tells them apart but this file.

mod harm;
mod history;
mod ledger;
mod outcome;
mod past;
mod play;
mod posts;
mod rivals;
mod sensitivity;
mod suites;
mod summary;
mod table;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::setup::Setup;
use super::{Basics, Common, Failure};
use crate::detect::rule::{BUILT_IN, Rules};
use history::Trial;
use suites::{Entry, Suite, USUAL};
use work::{Desk, Job, Lookout, Piece, Settings, Watch};

/// Seeds that parameters may be chosen on.
const DEVELOPMENT_SEEDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// Seeds that claims are made on; nothing is ever tuned on them.
const CLAIM_SEEDS: [u64; 20] = [
    9_001, 9_002, 9_003, 9_004, 9_005, 9_006, 9_007, 9_008, 9_009, 9_010, 9_011, 9_012, 9_013,
    9_014, 9_015, 9_016, 9_017, 9_018, 9_019, 9_020,
];

/// Which seeds.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Seeds {
    /// Those parameters are chosen on: 8
    Development,
    /// Those claims are made on: 20
    Claim,
}

/// Arguments of `vigie evaluate`.
#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    #[command(flatten)]
    basics: Basics,
    /// Worlds to play; repeatable [default: all but ramps]
    #[arg(long = "suite", value_enum)]
    suites: Vec<Suite>,
    /// Scenarios instead of suites: ID@START_DAY[:key=value,…]; repeatable
    #[arg(long = "scenario", value_name = "SPEC", conflicts_with = "suites")]
    scenarios: Vec<String>,
    /// Weeks of the worlds of --scenario; each suite has its own
    #[arg(long, default_value_t = 9)]
    weeks: u32,
    /// Which seeds to run
    #[arg(long, value_enum, default_value = "development")]
    seeds: Seeds,
    /// How many of them, at most 8 development or 20 claim seeds
    #[arg(long, default_value_t = 4)]
    worlds: usize,
    /// Accounts of each world
    #[arg(long, default_value_t = 4_000)]
    size: u32,
    /// False alerts per 1,000 account-weeks; repeatable [default: the configuration's, 0.5]
    #[arg(long = "budget", value_name = "RATE")]
    budgets: Vec<f64>,
    /// False alerts a week below which no budget goes, however small the deployment [default: the
    /// configuration's, 2]
    #[arg(long, value_name = "ALERTS")]
    budget_floor: Option<f64>,
    /// Play also without this rule; repeatable
    #[arg(long = "ablate", value_name = "RULE")]
    ablate: Vec<String>,
    /// Play also without each of the rules in turn
    #[arg(long)]
    ablations: bool,
    /// Play also to simple detectors, set to the same budget: static cap, 3-sigma, MAD, EWMA,
    /// Holt-Winters, NB-CUSUM, SPOT, random cut forest, population model
    #[arg(long)]
    comparators: bool,
    /// Factor on the rates of innocent look-alikes
    #[arg(long, default_value_t = 1.0)]
    lookalikes: f64,
    /// Give the person → unit table instead of learning it
    #[arg(long)]
    territory: bool,
    /// Events say how many persons lie outside the caseload
    #[arg(long)]
    unrelated: bool,
    /// Vary one thing at a time: 300 to 10,000 accounts, look-alikes ×0.5 and ×3, person → unit
    /// given or learned; one row each [default suites: fast, slow]
    #[arg(long, conflicts_with_all = ["histories", "comparators"])]
    sensitivity: bool,
    /// Lay attacks over a real history instead: an extract (.csv with ts or ts_ms, org, account,
    /// record), or native events; .gz and .zst too. Repeatable [default budgets: 1 and 5, no floor]
    #[arg(long = "history", value_name = "FILE", conflicts_with_all = ["suites", "scenarios"])]
    histories: Vec<PathBuf>,
    /// Runs with bursts over each history; half as many with ramps
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    runs: u32,
    /// Quarter of a history, by account-days, that is tested: 3 is for choosing parameters, 4 for claims
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(3..=4))]
    quarter: u32,
    /// Worlds played at the same time; figures do not depend on it
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
    /// Append what is finished to this file, and skip what is in it already
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print everything as JSON on standard output
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
    let settings = Settings {
        size: args.size,
        lookalikes: args.lookalikes,
        territory: args.territory,
        unrelated: args.unrelated,
    };
    let desk = Desk { setup: &setup, threads: args.threads, out: args.out.as_deref() };
    if args.sensitivity {
        return args.vary(&desk, &settings);
    }
    if args.histories.is_empty() {
        let jobs = args.jobs(&settings)?.into_iter().map(Piece::World).collect();
        return args.score(&desk, &settings, jobs);
    }
    for path in &args.histories {
        let trial = Trial::read(path, &setup, args.quarter)?;
        eprintln!("{}", trial.text());
        let runs = trial.runs(args.runs).into_iter().map(Piece::Past).collect();
        args.score(&desk, &trial, runs)?;
    }
    Ok(())
}

impl EvaluateArgs {
    /// Plays the worlds of every variant to the engine, and prints one row each.
    fn vary(&self, desk: &Desk<'_>, settings: &Settings) -> Result<(), Failure> {
        let lookouts = self.lookouts(desk.setup)?;
        let mut rows = Vec::new();
        for (name, settings) in sensitivity::variants(settings) {
            eprintln!("{name}");
            let jobs = self.jobs(&settings)?.into_iter().map(Piece::World).collect();
            let outcomes = desk.run(jobs, &lookouts)?;
            rows.extend(sensitivity::rows(&name, summary::Summary::of(&outcomes, Vec::new())));
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&rows)?);
        } else {
            print!("{}", sensitivity::text(&rows));
        }
        Ok(())
    }

    /// Plays everything to everybody, and prints what came of it.
    fn score(
        &self,
        desk: &Desk<'_>,
        ground: &dyn rivals::Ground,
        pieces: Vec<Piece>,
    ) -> Result<(), Failure> {
        let (budgets, floor) = (self.budgets(desk.setup), self.floor(desk.setup));
        let mut lookouts = self.lookouts(desk.setup)?;
        let mut calibrations = Vec::new();
        if self.comparators {
            let (rivals, how) = rivals::tuned(desk, ground, &budgets, floor)?;
            lookouts.extend(rivals);
            calibrations = how;
        }
        let outcomes = desk.run(pieces, &lookouts)?;
        let summary = summary::Summary::of(&outcomes, calibrations);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&summary)?);
        } else {
            print!("{}", table::text(&summary));
            if self.verbose {
                print!("{}", table::false_alerts(&outcomes));
            }
        }
        Ok(())
    }

    fn seeds(&self) -> &'static [u64] {
        let all: &[u64] = match self.seeds {
            Seeds::Development => &DEVELOPMENT_SEEDS,
            Seeds::Claim => &CLAIM_SEEDS,
        };
        &all[..self.worlds.clamp(1, all.len())]
    }

    /// Every world to play, in the order of the seeds.
    fn jobs(&self, settings: &Settings) -> Result<Vec<Job>, Failure> {
        let given = self.scenarios.iter().map(|text| Entry::given(text));
        let given = given.collect::<Result<Vec<_>, _>>().map_err(Failure::Usage)?;
        let usual = match self.suites.as_slice() {
            [] if self.sensitivity => [Suite::Fast, Suite::Slow].as_slice(),
            [] => USUAL.as_slice(),
            given => given,
        };
        let mut jobs = Vec::new();
        for seed in self.seeds() {
            if !given.is_empty() {
                jobs.push(Job::new("given", 0, *seed, self.weeks, given.clone(), settings));
                continue;
            }
            for suite in usual {
                for (part, entries) in (0..).zip(suite.parts(settings.size)) {
                    let weeks = suite.weeks();
                    jobs.push(Job::new(suite.word(), part, *seed, weeks, entries, settings));
                }
            }
        }
        Ok(jobs)
    }

    fn budgets(&self, setup: &Setup) -> Vec<f64> {
        match self.budgets.as_slice() {
            [] if !self.histories.is_empty() => vec![1.0, 5.0],
            [] => vec![setup.config.detection.budget_per_1000_account_weeks],
            given => given.to_vec(),
        }
    }

    fn floor(&self, setup: &Setup) -> f64 {
        let usual = setup.config.detection.budget_per_week_min;
        self.budget_floor.unwrap_or(if self.histories.is_empty() { usual } else { 0.0 })
    }

    /// The engine as it is, and without some of its rules; at every budget.
    fn lookouts(&self, setup: &Setup) -> Result<Vec<Lookout>, Failure> {
        let mut variants = vec![("vigie".to_owned(), Arc::clone(&setup.rules))];
        let mut without = self.ablate.clone();
        if self.ablations {
            without.extend(setup.rules.rules.values().map(|rule| rule.id.clone()));
        }
        without.sort();
        without.dedup();
        let texts = rule_texts(self.basics.rules.as_deref())?;
        for id in without {
            let rules = rules_without(&texts, &id)?;
            variants.push((format!("vigie without {id}"), Arc::new(rules)));
        }
        let budgets = self.budgets(setup);
        if let Some(wrong) = budgets.iter().find(|b| !(**b > 0.0 && **b <= 1_000.0)) {
            return Err(Failure::Usage(format!("--budget {wrong}: must be above 0, at most 1000")));
        }
        let floor = self.floor(setup);
        let mut lookouts = Vec::new();
        for budget in budgets {
            for (name, rules) in &variants {
                let (name, watch) = (name.clone(), Watch::Engine(Arc::clone(rules)));
                lookouts.push(Lookout { name, budget, floor, watch });
            }
        }
        Ok(lookouts)
    }
}

/// Texts of the rules in force, by file name.
fn rule_texts(dir: Option<&std::path::Path>) -> Result<Vec<(String, String)>, Failure> {
    let Some(dir) = dir else {
        return Ok(BUILT_IN.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec());
    };
    let mut texts = Vec::new();
    for file in std::fs::read_dir(dir)? {
        let path = file?.path();
        if path.extension().is_some_and(|e| e == "toml")
            && let Some(name) = path.file_name().and_then(|n| n.to_str())
        {
            texts.push((name.to_owned(), std::fs::read_to_string(&path)?));
        }
    }
    Ok(texts)
}

/// The rules less the one of this id.
fn rules_without(texts: &[(String, String)], id: &str) -> Result<Rules, Failure> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: Option<String>,
    }
    let id_of = |text: &str| toml::from_str::<Id>(text).ok().and_then(|read| read.id);
    let is = |text: &str| id_of(text).as_deref() == Some(id);
    if !texts.iter().any(|(_, text)| is(text)) {
        let all: Vec<String> = texts.iter().filter_map(|(_, text)| id_of(text)).collect();
        let choices = all.join(", ");
        return Err(Failure::Usage(format!("--ablate {id:?}: no such rule; one of {choices}")));
    }
    let kept: Vec<_> = texts.iter().filter(|(_, text)| !is(text)).cloned().collect();
    Rules::parse(&kept).map_err(super::gather::all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_claims_are_their_own() {
        assert!(CLAIM_SEEDS.iter().all(|seed| !DEVELOPMENT_SEEDS.contains(seed)));
    }

    #[test]
    fn an_ablation_takes_one_rule_away() {
        let texts = rule_texts(None).unwrap();
        let full = Rules::parse(&texts).unwrap();
        let id = full.rules.values().next().unwrap().id.clone();
        let less = rules_without(&texts, &id).unwrap();
        assert_eq!(less.rules.len() + 1, full.rules.len());
        assert!(less.rules.values().all(|rule| rule.id != id));
        assert_ne!(less.version, full.version);
        let Err(Failure::Usage(why)) = rules_without(&texts, "mass") else { panic!("no error") };
        assert!(why.contains(&id), "{why}");
    }
}
