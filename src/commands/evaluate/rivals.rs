//! Chooses the comparators' parameters and thresholds: on worlds without attacks, so that each
//! keeps to the budget; among the points that do, on one world with attacks, the least exposure.
//! All of it on seeds of their own, and all of it logged.

use serde::{Deserialize, Serialize};

use super::play;
use super::suites::Suite;
use super::work::{Desk, Job, Lookout, Piece, Settings, Watch};
use crate::commands::Failure;
use crate::evaluate::bench::Crossings;
use crate::evaluate::comparators::{Config, grid};

/// Worlds without attacks that thresholds are chosen on.
const CALIBRATION_SEEDS: [u64; 2] = [5_001, 5_002];
/// The world with attacks that parameters are chosen on.
const TUNING_SEED: u64 = 5_003;
const TUNING_SUITES: [Suite; 2] = [Suite::Fast, Suite::Slow];
/// Worlds of a suite that are enough to choose by.
const TUNING_PARTS: usize = 2;

/// How the comparators were set for one budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    pub(super) options: String,
    pub(super) budget: String,
    /// Alerts that the budget allows on the traffic without attacks.
    pub(super) allowed: f64,
    pub(super) grid: Vec<Point>,
}

/// One point of the grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) config: String,
    pub(super) method: String,
    pub(super) threshold: f64,
    /// Alerts on the traffic without attacks.
    pub(super) alerts: u64,
    /// Mean of ln(1 + persons out at the first alert) over the campaigns it was tried on.
    pub(super) ln_exposed: f64,
    pub(super) chosen: bool,
}

/// What a world without attacks gave: scores of every point, account-weeks, weeks after warm-up.
pub(super) type Quiet = (Vec<Crossings>, u64, f64);

/// Where comparators are set.
pub(super) trait Ground {
    /// Everything that decides how they are set.
    fn options(&self) -> String;
    /// Scores of all points on traffic without attacks.
    fn quiet(&self, desk: &Desk<'_>) -> Result<Quiet, Failure>;
    /// Traffic with attacks.
    fn attacked(&self) -> Vec<Piece>;
}

/// The comparators, set for every budget, and how.
pub(super) fn tuned(
    desk: &Desk<'_>,
    ground: &dyn Ground,
    budgets: &[f64],
    floor: f64,
) -> Result<(Vec<Lookout>, Vec<Calibration>), Failure> {
    let options = format!("{} floor={floor}", ground.options());
    let known = desk.calibrations()?;
    let known = |budget: &f64| {
        let is = |c: &&Calibration| c.options == options && c.budget == budget.to_string();
        known.iter().find(is).cloned()
    };
    let found: Option<Vec<Calibration>> = budgets.iter().map(known).collect();
    let calibrations = match found {
        Some(found) => found,
        None => {
            let made = calibrate(desk, ground, budgets, floor, &options)?;
            made.iter().try_for_each(|c| desk.keep(&Kept { calibration: c.clone() }))?;
            made
        }
    };
    let mut lookouts = Vec::new();
    for (calibration, budget) in calibrations.iter().zip(budgets) {
        for point in calibration.grid.iter().filter(|p| p.chosen) {
            if let Some(config) = grid().into_iter().find(|c| c.name() == point.config) {
                let name = point.method.clone();
                let threshold = point.threshold;
                let watch = Watch::Rival { config, threshold };
                lookouts.push(Lookout { name, budget: *budget, floor, watch });
            }
        }
    }
    Ok((lookouts, calibrations))
}

/// A calibration as a line of the file of finished work.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) calibration: Calibration,
}

fn calibrate(
    desk: &Desk<'_>,
    ground: &dyn Ground,
    budgets: &[f64],
    floor: f64,
    options: &str,
) -> Result<Vec<Calibration>, Failure> {
    eprintln!("setting the comparators: {} points of the grid", grid().len());
    let (crossings, account_weeks, rate) = ground.quiet(desk)?;
    let mut calibrations = Vec::new();
    let mut lookouts = Vec::new();
    for budget in budgets {
        let held = budget.max(1_000.0 * floor / rate.max(1.0));
        let allowed = held * account_weeks as f64 / 1_000.0;
        let mut points = Vec::new();
        for (config, crossings) in grid().into_iter().zip(&crossings) {
            let (threshold, alerts) = crossings.clone().threshold(allowed);
            let (name, method) = (config.name(), config.method.to_owned());
            let watch = Watch::Rival { config, threshold };
            lookouts.push(Lookout { name: name.clone(), budget: *budget, floor, watch });
            let (ln_exposed, chosen) = (0.0, false);
            points.push(Point { config: name, method, threshold, alerts, ln_exposed, chosen });
        }
        let (options, budget) = (options.to_owned(), budget.to_string());
        calibrations.push(Calibration { options, budget, allowed, grid: points });
    }
    choose(desk, ground, &lookouts, &mut calibrations)?;
    Ok(calibrations)
}

impl Ground for Settings {
    fn options(&self) -> String {
        format!("{self:?}")
    }

    fn quiet(&self, desk: &Desk<'_>) -> Result<Quiet, Failure> {
        let job = |seed: &u64| Job::new("calibration", 0, *seed, 9, Vec::new(), self);
        let jobs: Vec<Job> = CALIBRATION_SEEDS.iter().map(job).collect();
        let worlds: Vec<Result<Quiet, Failure>> = std::thread::scope(|scope| {
            let play = |job| scope.spawn(move || play::quiet(desk.setup, job));
            let played: Vec<_> = jobs.iter().map(play).collect();
            let ended = || Failure::Failed("a world could not be played".to_owned());
            played.into_iter().map(|thread| thread.join().map_err(|_| ended())?).collect()
        });
        let mut all: Quiet = (vec![Crossings::default(); grid().len()], 0, 0.0);
        for (number, world) in (0..).zip(worlds) {
            let (crossings, account_weeks, rate) = world?;
            for (all, own) in all.0.iter_mut().zip(crossings) {
                all.add_world(number, own);
            }
            all.1 += account_weeks;
            all.2 += rate / CALIBRATION_SEEDS.len() as f64;
        }
        Ok(all)
    }

    fn attacked(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for suite in TUNING_SUITES {
            let parts = suite.parts(self.size).into_iter().take(TUNING_PARTS);
            for (part, entries) in (0..).zip(parts) {
                let job = Job::new("tuning", part, TUNING_SEED, suite.weeks(), entries, self);
                pieces.push(Piece::World(job));
            }
        }
        pieces
    }
}

/// Plays worlds with attacks to every point, and takes the best of each method and budget.
fn choose(
    desk: &Desk<'_>,
    ground: &dyn Ground,
    lookouts: &[Lookout],
    calibrations: &mut [Calibration],
) -> Result<(), Failure> {
    let tasks = ground.attacked().into_iter().map(|piece| (piece, lookouts.to_vec())).collect();
    let mut sums = vec![(0.0, 0u64); lookouts.len()];
    desk.spread(tasks, &mut |number, outcome| {
        for campaign in &outcome.campaigns {
            sums[number].0 += (campaign.exposed as f64).ln_1p();
            sums[number].1 += 1;
        }
        Ok(())
    })?;
    let mut means = sums.into_iter().map(|(sum, n)| sum / n.max(1) as f64);
    for calibration in calibrations {
        for (point, mean) in calibration.grid.iter_mut().zip(means.by_ref()) {
            point.ln_exposed = mean;
        }
        let methods: Vec<String> = calibration.grid.iter().map(|p| p.method.clone()).collect();
        for method in methods {
            let own = calibration.grid.iter_mut().filter(|p| p.method == method);
            // The first of equals, in the order of the grid.
            let best = own.min_by(|a, b| a.ln_exposed.total_cmp(&b.ln_exposed));
            if let Some(best) = best {
                best.chosen = true;
            }
        }
    }
    Ok(())
}

impl Calibration {
    /// What was chosen, in words.
    pub(super) fn text(&self) -> String {
        let chosen = self.grid.iter().filter(|p| p.chosen);
        let points: Vec<String> = chosen
            .map(|p| format!("{} ≥ {:.3} ({} alerts)", p.config, p.threshold, p.alerts))
            .collect();
        format!(
            "Comparators at {}, set where {:.1} alerts were allowed without attacks ({}): {}.\n",
            self.budget,
            self.allowed,
            self.options,
            points.join("; ")
        )
    }
}

impl Lookout {
    /// The name of the point that a comparator was set to.
    pub(super) fn point(config: &Config, threshold: f64) -> String {
        format!("{} >= {threshold:.6}", config.name())
    }
}
