//! What the false-alert budget allows on one local day: account weeks that began, times the share of
//! each rule. What vigie then raises is held against it, by rule, by partner and by role.

use std::collections::BTreeMap;

use super::Detector;
use super::partial::Partial;
use super::rule::{Rules, Watch};
use super::time::Day;
use crate::event::TimestampMs;

/// Partners, and roles, that are told apart on one day; the rest is [`REST`].
pub const NAMES_MAX: usize = 200;
/// The name of those that are not told apart.
pub const REST: &str = "other";

/// One shard's day: what may be raised in it without breaking the promise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Promise {
    /// The local day.
    pub day: Day,
    /// When it began.
    pub start_ms: TimestampMs,
    /// When it ended.
    pub end_ms: TimestampMs,
    /// Days of the deployment that the epoch in force was built from.
    pub epoch: u32,
    /// Account weeks that began on it.
    pub account_weeks: u64,
    /// False alerts allowed, by rule about single accounts that has a share of the budget.
    pub rules: BTreeMap<String, f64>,
    /// Likewise, by rule about several accounts together.
    pub pooled: BTreeMap<String, f64>,
    /// By partner; empty = the log does not say.
    pub partners: BTreeMap<String, Allowed>,
    /// By role, likewise.
    pub roles: BTreeMap<String, Allowed>,
}

/// What is allowed to some accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Allowed {
    /// Their account weeks.
    pub account_weeks: u64,
    /// Alerts about single accounts: counts pooled over accounts belong to nobody.
    pub alerts: f64,
}

impl Watch {
    /// Counts of several accounts together.
    #[must_use]
    pub fn is_pooled(self) -> bool {
        matches!(self, Watch::PooledForeign | Watch::PooledPersons | Watch::Simultaneous)
    }
}

impl Rules {
    /// Share of the budget of every rule that has one.
    fn shares(&self) -> impl Iterator<Item = (Watch, &str, f64)> {
        let share = |rule: &super::rule::Rule| rule.budget.values().sum::<f64>();
        let all = self.rules.values().map(move |rule| (rule.watch, rule.id.as_str(), share(rule)));
        all.filter(|(_, _, share)| *share > 0.0)
    }
}

impl Detector {
    /// What was allowed on the day that `partial` closes, by the budget as it is held today.
    #[must_use]
    pub fn promise(&self, partial: &Partial) -> Promise {
        let epoch = self.epoch();
        let rate = epoch.held.per_account_week;
        let noon = i64::from(partial.day) * 86_400_000 + 43_200_000;
        let mut calendar = self.shared.calendar.clone();
        let span = calendar.day_of(noon - calendar.offset_ms(noon));
        let (start_ms, end_ms) = (span.start_ms, span.end_ms);
        let mut promise = Promise {
            day: partial.day,
            start_ms,
            end_ms,
            epoch: epoch.number,
            ..Promise::default()
        };
        let shares: Vec<_> = self.rules().shares().collect();
        let single: f64 = shares.iter().filter(|s| !s.0.is_pooled()).map(|s| s.2).sum();
        for (key, group) in &partial.groups {
            let weeks = group.account_weeks;
            if weeks == 0 {
                continue;
            }
            promise.account_weeks += weeks;
            for (names, name) in
                [(&mut promise.partners, &key.partner), (&mut promise.roles, &key.role)]
            {
                let full = names.len() >= NAMES_MAX && !names.contains_key(name);
                let of = names.entry(if full { REST.into() } else { name.clone() }).or_default();
                of.account_weeks += weeks;
                of.alerts += weeks as f64 * rate * single;
            }
        }
        let weeks = promise.account_weeks as f64;
        for (watch, id, share) in shares {
            let rules = if watch.is_pooled() { &mut promise.pooled } else { &mut promise.rules };
            rules.insert(id.to_owned(), weeks * rate * share);
        }
        promise
    }
}
