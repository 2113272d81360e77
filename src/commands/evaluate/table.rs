//! The figures for people, as Markdown.

use std::fmt::Write;

use super::outcome::Outcome;
use super::summary::{Column, Scenario, Spread, Stratum, Summary};

/// Everything that is worth reading.
pub(super) fn text(summary: &Summary) -> String {
    let mut out = String::new();
    detectors(summary, &mut out);
    if let [column] = summary.columns.as_slice() {
        scenarios(column, &mut out);
    } else {
        summary.columns.iter().filter(|c| c.detector == "vigie").for_each(|column| {
            let _ = writeln!(out, "\n## {} at {}\n", column.detector, column.budget);
            scenarios(column, &mut out);
        });
        compared(summary, &mut out);
    }
    for calibration in &summary.calibrations {
        let _ = write!(out, "\n{}", calibration.text());
    }
    for column in summary.columns.iter().filter(|c| c.detector == "vigie") {
        honesty(column, &mut out);
    }
    out
}

fn detectors(summary: &Summary, out: &mut String) {
    let _ = writeln!(
        out,
        "| detector | budget asked, in force | seeds, worlds | account-weeks | false alerts | per \
         1,000 account-weeks | realised / nominal (95 %) | campaigns caught | below medium | in warm-up \
         |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    for c in &summary.columns {
        let over = c.over_budget.map_or(String::new(), |f| format!(", over budget ×{f:.1}"));
        let caught: u64 = c.scenarios.iter().map(|s| s.caught).sum();
        let campaigns: u64 = c.scenarios.iter().map(|s| s.campaigns).sum();
        let _ = writeln!(
            out,
            "| {} | {}, {:.2} | {}, {} | {} | {} | {:.2} | {:.2} ({:.2}–{:.2}){over} | {caught}/{campaigns} | {} | {} |",
            c.detector,
            c.budget,
            c.held,
            c.seeds,
            c.worlds,
            c.account_weeks,
            c.false_alerts.count,
            c.false_alerts_per_1000,
            c.false_alerts.ratio,
            c.false_alerts.low,
            c.false_alerts.high,
            c.false_low,
            c.false_warm_up
        );
    }
}

fn spread(s: &Spread) -> String {
    format!("{:.0} [{:.0}–{:.0}], {:.0}, {:.0}", s.median, s.low, s.high, s.p90, s.worst)
}

fn scenarios(column: &Column, out: &mut String) {
    if column.scenarios.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n| attack | caught | accounts named, at once | exposed an account: median [90 %], p90, worst | a \
         campaign | of wanted: median, worst | knowing nothing | delay, active hours | first by \
         |\n|---|---|---|---|---|---|---|---|---|"
    );
    for s in &column.scenarios {
        let first: Vec<String> =
            s.first_by.iter().map(|(rule, n)| format!("{rule} ×{n}")).collect();
        let low =
            if s.low_only > 0 { format!(" ({} low only)", s.low_only) } else { String::new() };
        let _ = writeln!(
            out,
            "| {} | {}/{}{low} | {}/{}, {:.0} % | {} | {} | {}, {} of {:.0} | {:.0} | {} | {} |",
            s.name,
            s.caught,
            s.campaigns,
            s.accounts_named,
            s.accounts,
            100.0 * s.named_first,
            spread(&s.exposed_account),
            spread(&s.exposed_campaign),
            percent(s.share_out.median),
            percent(s.share_out.worst),
            s.wanted,
            s.exposed_at_random,
            if s.caught == 0 {
                "–".to_owned()
            } else {
                format!("{}, {:.0}", duration(s.delay_s), s.active_hours)
            },
            first.join(", ")
        );
    }
}

fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p >= 10.0 => format!("{p:.0} %"),
        p if p >= 0.1 => format!("{p:.1} %"),
        p => format!("{p:.2} %"),
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

/// Every detector side by side: share of campaigns caught, median exposure of a campaign.
fn compared(summary: &Summary, out: &mut String) {
    let head: Vec<String> =
        summary.columns.iter().map(|c| format!("{} at {}", c.detector, c.budget)).collect();
    let _ = writeln!(
        out,
        "\nCampaigns caught, and persons out at their first alert (median):\n\n| attack | {} |\n|---|{}",
        head.join(" | "),
        "---|".repeat(head.len())
    );
    let Some(first) = summary.columns.first() else { return };
    for row in &first.scenarios {
        let cell = |column: &Column| {
            let of = |s: &&Scenario| s.name == row.name;
            column.scenarios.iter().find(of).map_or("–".to_owned(), |s| {
                format!("{}/{} {:.0}", s.caught, s.campaigns, s.exposed_campaign.median)
            })
        };
        let cells: Vec<String> = summary.columns.iter().map(cell).collect();
        let _ = writeln!(out, "| {} | {} |", row.name, cells.join(" | "));
    }
}

/// Where the false alerts are, against where the budget is.
fn honesty(column: &Column, out: &mut String) {
    let _ = writeln!(out, "\n## False alerts of {} at {}", column.detector, column.budget);
    strata("opening rule", &column.by_rule, out);
    strata("partner", &column.by_partner, out);
    strata("role", &column.by_role, out);
    let _ = writeln!(out, "\nWorst partner: {:.1} × the mean.", column.worst_partner);
    if let Some(leak) = column.steady_leak {
        let _ = writeln!(out, "Steady leak (A26): {leak:.0} persons a week and account.");
    }
    if let Some((all, last)) = column.poisoning_gain {
        let _ = writeln!(
            out,
            "Poisoning gain (A24): ×{all:.2} in all, ×{last:.2} on the day of the alert."
        );
    }
    let _ = writeln!(
        out,
        "\n| look-alike | happened | alerts above low | worlds with one |\n|---|---|---|---|"
    );
    for like in &column.look_alikes {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {}/{} |",
            like.id, like.happened, like.alerts, like.worlds_alerted, like.worlds
        );
    }
}

fn strata(what: &str, rows: &[Stratum], out: &mut String) {
    let _ = writeln!(
        out,
        "\n| {what} | false alerts | budgeted | realised / nominal |\n|---|---|---|---|"
    );
    for row in rows {
        let ratio = match row {
            row if row.expected <= 0.0 => "–".to_owned(),
            row if row.enough => format!("{:.2}", row.ratio),
            row => format!("{:.2} ({:.2}–{:.2})", row.ratio, row.low, row.high),
        };
        let _ = writeln!(out, "| {} | {} | {:.1} | {ratio} |", row.name, row.count, row.expected);
    }
}

/// Every false alert, one a line.
pub(super) fn false_alerts(outcomes: &[Outcome]) -> String {
    let mut out = "\nFalse alerts:\n\n".to_owned();
    for outcome in outcomes {
        for alert in &outcome.false_alerts {
            let like = if alert.look_alike.is_empty() { "–" } else { &alert.look_alike };
            let key = &outcome.key;
            let _ = writeln!(
                out,
                "{} {} seed {} {like:<4} {}",
                key.detector, key.suite, key.seed, alert.line
            );
        }
    }
    out
}
