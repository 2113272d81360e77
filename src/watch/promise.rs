//! The promise about false alerts against what came: what the budget allowed on the last four weeks
//! that are over, and what was raised on them, by rule, by partner and by role.
//!
//! Whatever nobody has judged a theft is held against the promise. Where so much more was raised
//! than allowed that chance cannot explain it, a line says so.

use std::collections::BTreeMap;

use statrs::distribution::{DiscreteCDF, Poisson};

use crate::detect::limits::WARM_UP_DAYS;
use crate::detect::promise::REST;
use crate::detect::time::date_of;
use crate::store::desk::Verdict;
use crate::store::sqlite::{PromiseKept, Raised, Reader, Share, ShareOf, StoreError};

/// Times as many as allowed from which a promise is not kept.
pub const TOLERATED: f64 = 1.5;
/// Probability, at [`TOLERATED`] times as many as allowed, below which chance explains nothing. Where
/// exactly as many come as are allowed it is about ten times smaller: of a hundred lines looked at
/// for a year, one or two speak wrongly.
const CHANCE: f64 = 0.01;
/// Fewer alerts say nothing, however few are allowed.
const ALERTS_MIN: u64 = 5;

/// One rule, partner or role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Its name; empty: the log does not say.
    pub name: String,
    /// Account weeks that began.
    pub account_weeks: u64,
    /// False alerts that the budget allows in them; `None`: a rule without a share of the budget
    /// says what was declared, however often.
    pub allowed: Option<f64>,
    /// Alerts of medium or more that were opened.
    pub raised: u64,
    /// Of those, thefts by people's verdict.
    pub thefts: u64,
    /// Of those, not judged yet.
    pub unjudged: u64,
    /// More than [`TOLERATED`] times what is allowed, and surely so.
    pub over: bool,
}

/// How the promise stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// First and last local day that counts, since 1970; `None`: none does yet.
    pub days: Option<(i32, i32)>,
    /// Account weeks that began on them.
    pub account_weeks: u64,
    /// Rules: those that are over first, then those that raised most.
    pub rules: Vec<Line>,
    /// Partners, in the same order. Alerts about several accounts are nobody's.
    pub partners: Vec<Line>,
    /// Roles, likewise.
    pub roles: Vec<Line>,
    /// There were more alerts than are looked at.
    pub more: bool,
}

impl Line {
    /// Alerts that are held against the promise.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.raised - self.thefts
    }

    fn add(&mut self, raised: &Raised) {
        self.raised += raised.alerts;
        match raised.verdict {
            Some(Verdict::TruePositiveImpact | Verdict::TruePositiveNoImpact) => {
                self.thefts += raised.alerts;
            }
            Some(_) => {}
            None => self.unjudged += raised.alerts,
        }
    }
}

impl Standing {
    /// Weeks that count: four, or fewer at the beginning.
    #[must_use]
    pub fn weeks(&self) -> f64 {
        self.days.map_or(0.0, |(first, last)| f64::from(last - first + 1) / 7.0)
    }

    /// First and last local date that counts, as `2024-02-06`.
    #[must_use]
    pub fn dates(&self) -> Option<[String; 2]> {
        self.days.map(|(first, last)| [first, last].map(|day| date_of(day).to_string()))
    }

    /// How it stands by the database.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn read(reader: &Reader) -> Result<Standing, StoreError> {
        Ok(Standing::of(&reader.promise_kept(WARM_UP_DAYS as u32)?))
    }

    /// How it stands.
    #[must_use]
    pub fn of(kept: &PromiseKept) -> Standing {
        let lines = |of: ShareOf| -> BTreeMap<String, Line> {
            let shares = kept.shares.iter().filter(|share| share.of == of);
            shares.map(|share| (share.name.clone(), line(share))).collect()
        };
        let (mut rules, pooled) = (lines(ShareOf::Rule), lines(ShareOf::Pooled));
        let mut groups = [lines(ShareOf::Partner), lines(ShareOf::Role)];
        for raised in &kept.raised {
            if rules.contains_key(&raised.rule) {
                for (lines, name) in groups.iter_mut().zip([&raised.partner, &raised.role]) {
                    let known = lines.contains_key(name);
                    let name = if known { name } else { REST };
                    if let Some(line) = lines.get_mut(name) {
                        line.add(raised);
                    }
                }
            }
        }
        rules.extend(pooled);
        for raised in &kept.raised {
            // A rule without a share, or one that is not in force any more.
            let none = || Line { name: raised.rule.clone(), ..Line::default() };
            rules.entry(raised.rule.clone()).or_insert_with(none).add(raised);
        }
        let [partners, roles] = groups;
        let [rules, partners, roles] = [rules, partners, roles].map(sorted);
        let (days, account_weeks, more) = (kept.days, kept.account_weeks, kept.more);
        Standing { days, account_weeks, rules, partners, roles, more }
    }
}

fn line(share: &Share) -> Line {
    Line {
        name: share.name.clone(),
        account_weeks: share.account_weeks,
        allowed: Some(share.alerts),
        ..Line::default()
    }
}

/// Judged, and in the order in which people should look.
fn sorted(lines: BTreeMap<String, Line>) -> Vec<Line> {
    let mut lines: Vec<Line> = lines.into_values().collect();
    for line in &mut lines {
        line.over = line.allowed.is_some_and(|allowed| is_over(line.held(), allowed));
    }
    lines.sort_by(|a, b| {
        let key = |line: &Line| (!line.over, std::cmp::Reverse(line.held()));
        let allowed = |line: &Line| line.allowed.unwrap_or(0.0);
        key(a).cmp(&key(b)).then_with(|| allowed(b).total_cmp(&allowed(a)))
    });
    lines
}

/// Whether so many alerts are too many to be explained by chance where `allowed` were promised.
fn is_over(alerts: u64, allowed: f64) -> bool {
    if alerts < ALERTS_MIN || alerts as f64 <= TOLERATED * allowed {
        return false;
    }
    // P(X ≥ alerts); nothing allowed is no distribution, and any alert too many.
    Poisson::new(TOLERATED * allowed).map_or(true, |chance| chance.sf(alerts - 1) < CHANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(of: ShareOf, name: &str, alerts: f64) -> Share {
        Share { of, name: name.into(), account_weeks: 4_000, alerts }
    }

    fn raised(rule: &str, partner: &str, verdict: Option<Verdict>, alerts: u64) -> Raised {
        let (rule, partner, role) = (rule.into(), partner.into(), "adviser".into());
        Raised { rule, partner, role, verdict, alerts }
    }

    #[test]
    fn only_what_chance_cannot_explain_is_over() {
        let check = |alerts: u64, allowed: f64, want: bool| {
            assert_eq!(is_over(alerts, allowed), want, "{alerts} of {allowed}");
        };
        // Poisson with mean 12: P(X ≥ 20) = 0.021, P(X ≥ 22) = 0.0061.
        check(20, 8.0, false);
        check(22, 8.0, true);
        check(12, 8.0, false);
        check(4, 0.01, false);
        check(5, 0.01, true);
        check(5, 0.0, true);
        check(5, f64::NAN, true);
        check(1_570, 1_000.0, false);
        check(1_700, 1_000.0, true);
    }

    /// Fixed seeds of a fixed generator: who keeps the promise is left alone, who breaks it three
    /// times over is told.
    #[test]
    fn who_keeps_to_the_budget_is_left_alone() {
        let mut state = 7_u64;
        let mut unit = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut poisson = |mean: f64| {
            let (mut n, mut product) = (0, unit());
            while product > (-mean).exp() {
                (n, product) = (n + 1, product * unit());
            }
            n
        };
        let mut told = |factor: f64| {
            let means = (0..2_000).map(|n| 0.05 * 1.5_f64.powi(n % 16));
            means.map(|mean| u32::from(is_over(poisson(factor * mean), mean))).sum::<u32>()
        };
        let (kept, broken) = (told(1.0), told(3.0));
        assert!(kept <= 6, "{kept} of 2,000 lines spoke wrongly");
        assert!(broken > 400, "{broken} of 2,000 lines spoke");
    }

    #[test]
    fn an_alert_counts_at_its_rule_and_at_its_partner_and_role() {
        let theft = Some(Verdict::TruePositiveImpact);
        let kept = PromiseKept {
            days: Some((100, 127)),
            account_weeks: 4_000,
            shares: vec![
                share(ShareOf::Rule, "volume", 0.8),
                share(ShareOf::Rule, "novelty", 0.1),
                share(ShareOf::Pooled, "pooled", 0.2),
                share(ShareOf::Partner, "caf", 1.0),
                share(ShareOf::Partner, "", 0.5),
                share(ShareOf::Partner, REST, 0.2),
                share(ShareOf::Role, "adviser", 1.7),
            ],
            raised: vec![
                raised("volume", "caf", None, 9),
                raised("volume", "caf", theft, 30),
                raised("volume", "", Some(Verdict::BenignExpected), 1),
                raised("volume", "seldom", None, 1),
                raised("pooled", "caf", None, 2),
                raised("account.ended", "caf", None, 40),
            ],
            more: false,
        };
        let standing = Standing::of(&kept);
        assert!((standing.weeks() - 4.0).abs() < 1e-9);
        let told = |lines: &[Line]| -> Vec<String> {
            let line = |l: &Line| {
                let over = if l.over { " over" } else { "" };
                format!("{} {}-{} ({}){over}", l.name, l.raised, l.thefts, l.unjudged)
            };
            lines.iter().map(line).collect()
        };
        assert_eq!(
            told(&standing.rules),
            [
                "volume 41-30 (10) over",
                "account.ended 40-0 (40)",
                "pooled 2-0 (2)",
                "novelty 0-0 (0)"
            ]
        );
        assert_eq!(told(&standing.partners), ["caf 39-30 (9) over", " 1-0 (0)", "other 1-0 (1)"]);
        assert_eq!(told(&standing.roles), ["adviser 41-30 (10) over"]);
        assert_eq!(standing.rules[1].allowed, None);
    }
}
