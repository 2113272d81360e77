//! The scores for people and for scripts.

use std::fmt::Write;

use serde_json::json;

use super::score::{Attack, Score};

fn quantile(values: &[u64], share: f64) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(place - 1).copied().unwrap_or(0)
}

fn order(id: &str) -> (u8, u32) {
    (id.as_bytes().first().copied().unwrap_or(0), id[1..].parse().unwrap_or(0))
}

fn rate(score: &Score) -> f64 {
    score.false_alerts as f64 * 1_000.0 / score.account_weeks.max(1) as f64
}

pub(super) fn text(score: &Score, verbose: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} worlds, {} events, {} account weeks after warm-up\n\
         false alerts (medium or more): {} = {:.2} per 1,000 account weeks; below medium {}; during \
         warm-up {}",
        score.worlds,
        score.events,
        score.account_weeks,
        score.false_alerts,
        rate(score),
        score.false_low,
        score.false_learning
    );
    for (rule, count) in &score.false_by_rule {
        let _ = writeln!(out, "  {count:>4} {rule}");
    }
    let _ = writeln!(
        out,
        "\n| attack | caught | accounts caught | exposed an account: median, p90, worst | campaign: median, worst | \
         wanted | first by |\n|---|---|---|---|---|---|---|"
    );
    let mut attacks: Vec<(&String, &Attack)> = score.attacks.iter().collect();
    attacks.sort_by_key(|(id, _)| order(id));
    for (id, a) in attacks {
        let first: Vec<String> =
            a.first_by.iter().map(|(rule, n)| format!("{rule} ×{n}")).collect();
        let _ = writeln!(
            out,
            "| {id} | {}/{} | {}/{} | {}, {}, {} | {}, {} | {} | {} |",
            a.caught,
            a.campaigns,
            a.accounts_caught,
            a.accounts,
            quantile(&a.account_exposed, 0.5),
            quantile(&a.account_exposed, 0.9),
            quantile(&a.account_exposed, 1.0),
            quantile(&a.campaign_exposed, 0.5),
            quantile(&a.campaign_exposed, 1.0),
            a.wanted / a.campaigns.max(1),
            first.join(", ")
        );
    }
    let _ = writeln!(out, "\n| look-alike | happened | alerts (medium or more) |\n|---|---|---|");
    let mut likes: Vec<_> = score.look_alikes.iter().collect();
    likes.sort_by_key(|(id, _)| order(id));
    for (id, like) in likes {
        let _ = writeln!(out, "| {id} | {} | {} |", like.campaigns, like.alerts);
    }
    if verbose {
        let _ = writeln!(out, "\nfalse alerts:");
        for line in &score.false_lines {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

pub(super) fn json(score: &Score) -> serde_json::Value {
    let attack = |a: &Attack| {
        json!({
            "campaigns": a.campaigns,
            "caught": a.caught,
            "accounts": a.accounts,
            "accounts_caught": a.accounts_caught,
            "exposed_per_account": {
                "median": quantile(&a.account_exposed, 0.5),
                "p90": quantile(&a.account_exposed, 0.9),
                "worst": quantile(&a.account_exposed, 1.0),
            },
            "exposed_per_campaign": {
                "median": quantile(&a.campaign_exposed, 0.5),
                "worst": quantile(&a.campaign_exposed, 1.0),
            },
            "first_by": a.first_by,
        })
    };
    let attacks: serde_json::Map<_, _> =
        score.attacks.iter().map(|(id, a)| (id.clone(), attack(a))).collect();
    let likes: serde_json::Map<_, _> = score
        .look_alikes
        .iter()
        .map(|(id, l)| (id.clone(), json!({"happened": l.campaigns, "alerts": l.alerts})))
        .collect();
    json!({
        "worlds": score.worlds,
        "events": score.events,
        "account_weeks": score.account_weeks,
        "false_alerts": score.false_alerts,
        "false_alerts_per_1000_account_weeks": rate(score),
        "attacks": attacks,
        "look_alikes": likes,
    })
}
