//! What is kept of one world and one detector: a line of the file of finished work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which piece of work: everything that decides its figures.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Key {
    /// Suite, or the name of a history.
    pub(super) suite: String,
    /// Which of its worlds, or runs.
    pub(super) part: u32,
    pub(super) seed: u64,
    /// `vigie`, `vigie without …`, or a comparator.
    pub(super) detector: String,
    /// False alerts per 1,000 account-weeks that were asked for, as text: it is part of the name.
    pub(super) budget: String,
    /// Everything else, scenarios included.
    pub(super) options: String,
    /// Rules in force.
    pub(super) version: String,
}

/// One finished piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) key: Key,
    pub(super) events: u64,
    pub(super) accounts: u32,
    /// Weeks of the world, warm-up included.
    pub(super) weeks: u32,
    /// Budget that was in force, per 1,000 account-weeks: a small deployment cannot hold any.
    pub(super) held: f64,
    /// Account-weeks after the warm-up.
    pub(super) account_weeks: u64,
    pub(super) account_weeks_by_partner: BTreeMap<String, u64>,
    pub(super) account_weeks_by_role: BTreeMap<String, u64>,
    /// Share of the budget by rule and window, where a rule has one.
    pub(super) shares: BTreeMap<String, f64>,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) false_alerts: Vec<FalseAlert>,
    /// Alerts below medium, and those of the warm-up, with no attack behind them.
    pub(super) false_low: u64,
    pub(super) false_warm_up: u64,
    /// Look-alikes that happened after the warm-up, and alerts above low on them.
    pub(super) look_alikes: BTreeMap<String, (u64, u64)>,
}

/// One attack, from its first event to its first alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Campaign {
    /// The row it belongs to.
    pub(super) name: String,
    pub(super) id: String,
    pub(super) wanted: u64,
    pub(super) caught: bool,
    /// Distinct persons out at the first alert; all of them if there was none.
    pub(super) exposed: u64,
    /// Expected of alarms that know nothing, at the same budget.
    pub(super) exposed_at_random: f64,
    pub(super) weeks: f64,
    /// Event time from the first person to the first alert.
    pub(super) delay_s: Option<f64>,
    /// Clock hours in which the account named first was in use since the attack began.
    pub(super) active_hours: Option<u64>,
    /// Accounts named by the first alert.
    pub(super) named_first: u64,
    pub(super) first_by: String,
    /// A signal was seen, but never above low.
    pub(super) low_only: bool,
    pub(super) accounts: Vec<Account>,
}

/// One account of an attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) caught: bool,
    pub(super) wanted: u64,
    /// Persons it had out when it was first named; all of them if it never was.
    pub(super) exposed: u64,
    /// Of these, on the day it was named.
    pub(super) exposed_that_day: u64,
}

/// An alert above low with no attack behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FalseAlert {
    pub(super) rule: String,
    pub(super) entity: String,
    pub(super) partner: String,
    pub(super) role: String,
    pub(super) look_alike: String,
    pub(super) line: String,
}
