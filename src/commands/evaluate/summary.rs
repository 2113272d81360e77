//! All outcomes taken together: the figures that are printed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::outcome::{Campaign, Outcome};
use super::rivals::Calibration;
use crate::evaluate::stats::{bootstrap_median, poisson_interval, quantile};

/// Seed of the bootstrap; any would do.
const BOOTSTRAP_SEED: u64 = 90;
/// Expected alerts from which a rate is shown without its interval.
const EXPECTED_ENOUGH: f64 = 30.0;
/// Realised over nominal from which a row counts as over its budget.
const OVER: f64 = 1.5;

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) columns: Vec<Column>,
    /// How the comparators were set.
    pub(super) calibrations: Vec<Calibration>,
}

/// One detector at one budget.
#[derive(Debug, Serialize)]
pub(super) struct Column {
    pub(super) detector: String,
    pub(super) budget: String,
    pub(super) rules_version: String,
    /// In force, per 1,000 account-weeks.
    pub(super) held: f64,
    pub(super) seeds: usize,
    pub(super) worlds: usize,
    pub(super) events: u64,
    pub(super) account_weeks: u64,
    pub(super) false_alerts: Stratum,
    pub(super) false_alerts_per_1000: f64,
    /// Factor on the budget, where it is more than half above it.
    pub(super) over_budget: Option<f64>,
    pub(super) false_low: u64,
    pub(super) false_warm_up: u64,
    pub(super) by_rule: Vec<Stratum>,
    pub(super) by_partner: Vec<Stratum>,
    pub(super) by_role: Vec<Stratum>,
    /// Largest rate of a partner over the mean of all, of those that have had any.
    pub(super) worst_partner: f64,
    pub(super) scenarios: Vec<Scenario>,
    pub(super) look_alikes: Vec<LookAlike>,
    /// A26: most persons a week that one account takes for ever, half of the time unseen.
    pub(super) steady_leak: Option<f64>,
    /// A24: persons out with feeding over without, of the whole attack and of the day of the alert.
    pub(super) poisoning_gain: Option<(f64, f64)>,
}

/// False alerts of a part of the deployment, against its part of the budget.
#[derive(Debug, Serialize)]
pub(super) struct Stratum {
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) expected: f64,
    /// Count over expected; its 95 % Poisson interval.
    pub(super) ratio: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Enough expected for the ratio to mean something by itself.
    pub(super) enough: bool,
}

/// A distribution in five numbers.
#[derive(Debug, Default, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    /// 90 % bootstrap interval of the median over seeds.
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) p90: f64,
    pub(super) worst: f64,
}

/// One attack, over all worlds.
#[derive(Debug, Serialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) campaigns: u64,
    pub(super) caught: u64,
    /// Campaigns with a signal that never rose above low.
    pub(super) low_only: u64,
    pub(super) accounts: u64,
    pub(super) accounts_named: u64,
    /// Share of a campaign's accounts that its first alert names, mean of those caught.
    pub(super) named_first: f64,
    pub(super) wanted: f64,
    pub(super) exposed_campaign: Spread,
    pub(super) exposed_account: Spread,
    /// Persons out at the first alert over persons wanted, a campaign.
    pub(super) share_out: Spread,
    /// Expected of alarms that know nothing.
    pub(super) exposed_at_random: f64,
    pub(super) delay_s: f64,
    pub(super) active_hours: f64,
    pub(super) first_by: BTreeMap<String, u64>,
}

/// One look-alike, over all worlds.
#[derive(Debug, Serialize)]
pub(super) struct LookAlike {
    pub(super) id: String,
    pub(super) happened: u64,
    pub(super) alerts: u64,
    /// Worlds in which it happened, and in which it opened an alert above low.
    pub(super) worlds: u64,
    pub(super) worlds_alerted: u64,
}

impl Summary {
    pub(super) fn of(outcomes: &[Outcome], calibrations: Vec<Calibration>) -> Summary {
        let mut by_column: BTreeMap<(String, String, String), Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            // `vigie` before what is compared with it.
            let name = outcome.key.detector.clone();
            let order = format!("{}{name}", u8::from(!name.starts_with("vigie")));
            let budget = format!("{:0>12}", outcome.key.budget);
            by_column.entry((budget, order, name)).or_default().push(outcome);
        }
        let columns = by_column.into_values().map(|own| Column::of(&own)).collect();
        Summary { columns, calibrations }
    }
}

impl Column {
    fn of(outcomes: &[&Outcome]) -> Column {
        let first = outcomes[0];
        let account_weeks: u64 = outcomes.iter().map(|o| o.account_weeks).sum();
        let expected: f64 = outcomes.iter().map(|o| o.expected()).sum();
        let count: u64 = outcomes.iter().map(|o| o.false_alerts.len() as u64).sum();
        let false_alerts = Stratum::new("all", count, expected);
        let by_partner =
            strata(outcomes, |o| &o.account_weeks_by_partner, |alert| alert.partner.clone());
        let per_1000 = |n: u64, weeks: u64| n as f64 * 1_000.0 / weeks.max(1) as f64;
        let worst = by_partner.iter().filter(|s| s.expected >= 1.0).map(|s| s.ratio);
        let worst_partner = worst.fold(0.0, f64::max) / false_alerts.ratio.max(1e-9);
        let mut seeds: Vec<u64> = outcomes.iter().map(|o| o.key.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let scenarios = scenarios(outcomes);
        Column {
            detector: first.key.detector.clone(),
            budget: first.key.budget.clone(),
            rules_version: first.key.version.clone(),
            held: expected * 1_000.0 / account_weeks.max(1) as f64,
            seeds: seeds.len(),
            worlds: outcomes.len(),
            events: outcomes.iter().map(|o| o.events).sum(),
            account_weeks,
            false_alerts_per_1000: per_1000(count, account_weeks),
            over_budget: (false_alerts.ratio > OVER).then_some(false_alerts.ratio),
            false_alerts,
            false_low: outcomes.iter().map(|o| o.false_low).sum(),
            false_warm_up: outcomes.iter().map(|o| o.false_warm_up).sum(),
            by_rule: rules(outcomes),
            by_role: strata(outcomes, |o| &o.account_weeks_by_role, |alert| alert.role.clone()),
            by_partner,
            worst_partner,
            steady_leak: steady_leak(outcomes),
            poisoning_gain: poisoning_gain(outcomes),
            scenarios,
            look_alikes: look_alikes(outcomes),
        }
    }
}

impl Outcome {
    /// Alerts that its budget allows.
    fn expected(&self) -> f64 {
        self.held * self.account_weeks as f64 / 1_000.0
    }
}

impl Stratum {
    fn new(name: &str, count: u64, expected: f64) -> Stratum {
        let of = |n: f64| n / expected.max(1e-9);
        let (low, high) = poisson_interval(count);
        Stratum {
            name: name.to_owned(),
            count,
            expected,
            ratio: of(count as f64),
            low: of(low),
            high: of(high),
            enough: expected >= EXPECTED_ENOUGH,
        }
    }
}

/// Every part of the deployment against its share of the account-weeks.
fn strata(
    outcomes: &[&Outcome],
    weeks: fn(&Outcome) -> &BTreeMap<String, u64>,
    part: fn(&super::outcome::FalseAlert) -> String,
) -> Vec<Stratum> {
    let mut parts: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for outcome in outcomes {
        for (name, weeks) in weeks(outcome) {
            parts.entry(name.clone()).or_default().1 += outcome.held * *weeks as f64 / 1_000.0;
        }
        for alert in &outcome.false_alerts {
            parts.entry(part(alert)).or_default().0 += 1;
        }
    }
    parts.into_iter().map(|(name, (count, want))| Stratum::new(&name, count, want)).collect()
}

/// Every rule and window against its share of the budget.
fn rules(outcomes: &[&Outcome]) -> Vec<Stratum> {
    let mut parts: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for outcome in outcomes {
        for (name, share) in &outcome.shares {
            parts.entry(name.clone()).or_default().1 += outcome.expected() * share;
        }
        for alert in &outcome.false_alerts {
            parts.entry(alert.rule.clone()).or_default().0 += 1;
        }
    }
    parts.into_iter().map(|(name, (count, want))| Stratum::new(&name, count, want)).collect()
}

impl Spread {
    /// Of values in clusters: one cluster a seed.
    fn of(clusters: &BTreeMap<u64, Vec<f64>>) -> Spread {
        let clusters: Vec<Vec<f64>> = clusters.values().cloned().collect();
        let all: Vec<f64> = clusters.concat();
        let (low, high) = bootstrap_median(&clusters, BOOTSTRAP_SEED);
        Spread {
            median: quantile(&all, 0.5),
            low,
            high,
            p90: quantile(&all, 0.9),
            worst: quantile(&all, 1.0),
        }
    }
}

fn scenarios(outcomes: &[&Outcome]) -> Vec<Scenario> {
    let mut rows: BTreeMap<(u32, String), Vec<(u64, &Campaign)>> = BTreeMap::new();
    for outcome in outcomes {
        for campaign in &outcome.campaigns {
            let number = campaign.id[1..].parse().unwrap_or(0);
            let row = rows.entry((number, campaign.name.clone())).or_default();
            row.push((outcome.key.seed, campaign));
        }
    }
    rows.into_iter().map(|((_, name), own)| Scenario::of(name, &own)).collect()
}

impl Scenario {
    fn of(name: String, own: &[(u64, &Campaign)]) -> Scenario {
        let spread = |values: &dyn Fn(&Campaign) -> Vec<f64>| {
            let mut clusters: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            for (seed, campaign) in own {
                clusters.entry(*seed).or_default().extend(values(campaign));
            }
            Spread::of(&clusters)
        };
        let median = |values: Vec<f64>| quantile(&values, 0.5);
        let campaigns = || own.iter().map(|(_, c)| *c);
        let accounts = || campaigns().flat_map(|c| c.accounts.iter().filter(|a| a.wanted > 0));
        let named = campaigns().filter(|c| c.caught);
        let named: Vec<f64> =
            named.map(|c| c.named_first as f64 / c.accounts.len().max(1) as f64).collect();
        let mut first_by = BTreeMap::new();
        for campaign in campaigns().filter(|c| c.caught) {
            *first_by.entry(campaign.first_by.clone()).or_default() += 1;
        }
        Scenario {
            name,
            campaigns: own.len() as u64,
            caught: campaigns().filter(|c| c.caught).count() as u64,
            low_only: campaigns().filter(|c| c.low_only).count() as u64,
            accounts: accounts().count() as u64,
            accounts_named: accounts().filter(|a| a.caught).count() as u64,
            named_first: named.iter().fold(0.0, |sum, n| sum + n) / named.len().max(1) as f64,
            wanted: median(campaigns().map(|c| c.wanted as f64).collect()),
            exposed_campaign: spread(&|c| vec![c.exposed as f64]),
            exposed_account: spread(&|c| {
                let active = c.accounts.iter().filter(|a| a.wanted > 0);
                active.map(|a| a.exposed as f64).collect()
            }),
            share_out: spread(&|c| vec![c.exposed as f64 / c.wanted.max(1) as f64]),
            exposed_at_random: median(campaigns().map(|c| c.exposed_at_random).collect()),
            delay_s: median(campaigns().filter_map(|c| c.delay_s).collect()),
            active_hours: median(
                campaigns().filter_map(|c| c.active_hours.map(|h| h as f64)).collect(),
            ),
            first_by,
        }
    }
}

fn look_alikes(outcomes: &[&Outcome]) -> Vec<LookAlike> {
    let mut rows: BTreeMap<(u32, String), LookAlike> = BTreeMap::new();
    for outcome in outcomes {
        for (id, (happened, alerts)) in &outcome.look_alikes {
            let number = id[1..].parse().unwrap_or(0);
            let row = rows.entry((number, id.clone())).or_insert_with(|| LookAlike {
                id: id.clone(),
                happened: 0,
                alerts: 0,
                worlds: 0,
                worlds_alerted: 0,
            });
            row.happened += happened;
            row.alerts += alerts;
            row.worlds += 1;
            row.worlds_alerted += u64::from(*alerts > 0);
        }
    }
    rows.into_values().collect()
}

/// Of the levels at which A26 was played, the most that stayed unseen on half of the accounts.
fn steady_leak(outcomes: &[&Outcome]) -> Option<f64> {
    let mut levels: BTreeMap<&str, Vec<(bool, f64)>> = BTreeMap::new();
    for campaign in outcomes.iter().flat_map(|o| &o.campaigns).filter(|c| c.id == "A26") {
        for account in campaign.accounts.iter().filter(|a| a.wanted > 0) {
            let weekly = account.wanted as f64 / campaign.weeks.max(1.0);
            levels.entry(&campaign.name).or_default().push((account.caught, weekly));
        }
    }
    if levels.is_empty() {
        return None;
    }
    let leak = |accounts: &Vec<(bool, f64)>| {
        let seen = accounts.iter().filter(|(caught, _)| *caught).count();
        let weekly: Vec<f64> = accounts.iter().map(|(_, weekly)| *weekly).collect();
        (2 * seen < accounts.len()).then(|| quantile(&weekly, 0.5))
    };
    Some(levels.values().filter_map(leak).fold(0.0, f64::max))
}

/// A24 with feeding over without: medians of all persons out, and of those of the last day.
fn poisoning_gain(outcomes: &[&Outcome]) -> Option<(f64, f64)> {
    let medians = |name: &str| {
        let campaigns = outcomes.iter().flat_map(|o| &o.campaigns).filter(|c| c.name == name);
        let accounts = campaigns.flat_map(|c| c.accounts.iter().filter(|a| a.wanted > 0));
        let (all, last): (Vec<f64>, Vec<f64>) =
            accounts.map(|a| (a.exposed as f64, a.exposed_that_day as f64)).unzip();
        (!all.is_empty()).then(|| (quantile(&all, 0.5), quantile(&last, 0.5)))
    };
    let (fed, unfed) = (medians("A24 fed")?, medians("A24 not fed")?);
    Some((fed.0 / unfed.0.max(1.0), fed.1 / unfed.1.max(1.0)))
}
