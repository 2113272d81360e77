//! How much the figures depend on what nobody can choose: the size of the deployment, how often
//! innocent bulk happens, whether somebody can say which unit handles a person.

use std::fmt::Write;

use serde::Serialize;

use super::summary::{Column, Summary};
use super::work::Settings;
use crate::evaluate::stats::quantile;

/// Accounts of deployments.
const SIZES: [u32; 4] = [300, 1_000, 4_000, 10_000];
/// Factors on the rates of look-alikes.
const LOOKALIKES: [f64; 2] = [0.5, 3.0];

/// One row.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) variant: String,
    pub(super) column: Column,
}

/// What is varied, one thing at a time.
pub(super) fn variants(usual: &Settings) -> Vec<(String, Settings)> {
    let mut all = vec![(format!("{} accounts", usual.size), usual.clone())];
    let other = Settings { territory: !usual.territory, ..usual.clone() };
    let what = if other.territory { "given" } else { "learned" };
    all.push((format!("person → unit {what}"), other));
    for size in SIZES.into_iter().filter(|size| *size != usual.size) {
        all.push((format!("{size} accounts"), Settings { size, ..usual.clone() }));
    }
    for factor in LOOKALIKES {
        let lookalikes = usual.lookalikes * factor;
        all.push((format!("look-alikes ×{factor}"), Settings { lookalikes, ..usual.clone() }));
    }
    all
}

/// The rows of one variant: one for each budget.
pub(super) fn rows(variant: &str, summary: Summary) -> Vec<Row> {
    let row = |column| Row { variant: variant.to_owned(), column };
    summary.columns.into_iter().map(row).collect()
}

/// The rows for people.
pub(super) fn text(rows: &[Row]) -> String {
    let mut out = "| variant | detector | budget asked, in force | account-weeks | per 1,000 \
                   account-weeks | realised / nominal (95 %) | campaigns caught | accounts named | \
                   exposed an account: median over attacks, of the 2024 theft \
                   |\n|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for Row { variant, column: c } in rows {
        let sum =
            |of: fn(&super::summary::Scenario) -> u64| -> u64 { c.scenarios.iter().map(of).sum() };
        let medians: Vec<f64> = c.scenarios.iter().map(|s| s.exposed_account.median).collect();
        let theft = c.scenarios.iter().find(|s| s.name == "A1");
        let theft = theft.map_or("–".to_owned(), |s| format!("{:.0}", s.exposed_account.median));
        let _ = writeln!(
            out,
            "| {variant} | {} | {}, {:.2} | {} | {:.2} | {:.2} ({:.2}–{:.2}) | {}/{} | {}/{} | {:.0}, {theft} |",
            c.detector,
            c.budget,
            c.held,
            c.account_weeks,
            c.false_alerts_per_1000,
            c.false_alerts.ratio,
            c.false_alerts.low,
            c.false_alerts.high,
            sum(|s| s.caught),
            sum(|s| s.campaigns),
            sum(|s| s.accounts_named),
            sum(|s| s.accounts),
            quantile(&medians, 0.5),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_varied_at_a_time() {
        let usual = Settings { size: 4_000, lookalikes: 1.0, territory: false, unrelated: false };
        let all = variants(&usual);
        assert_eq!(all.len(), 7);
        for (name, s) in &all[1..] {
            let changed = [
                s.size != usual.size,
                s.lookalikes != usual.lookalikes,
                s.territory != usual.territory,
            ];
            assert_eq!(changed.iter().filter(|c| **c).count(), 1, "{name}");
        }
    }
}
