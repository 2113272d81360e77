//! Channels that cannot fire: their calibrated threshold lies beyond what an account can reach on
//! its day, or there is none although the rule has a share of the budget and calibration is believed.
//! A theft that only they would have seen passes unseen.

use serde::{Deserialize, Serialize};

use super::baseline::{Moments, predict};
use super::channel::{DRIFTS, Measure, RUNS, Span, TOUCHES, baseline_index};
use super::drift;
use super::epoch::{Epoch, Group, Kind};
use super::limits::{FOREVER, PACE_MAX};
use super::rule::{Rule, Rules, Watch};
use super::run::{self, Share};
use super::tail::SAMPLES_MIN;
use crate::event::Touch;

/// Largest −ln of a probability there is: evidence beyond it is none.
const EVIDENCE_MAX: f64 = 708.0;

/// A rule of which at least one channel cannot fire for at least one group of people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unreached {
    /// Its name in alerts.
    pub rule: String,
    /// Window of the channel that is blind for the most accounts.
    pub window: String,
    /// Touch of that channel: `listed` or `opened`; empty where it does not matter.
    pub touch: String,
    /// Its threshold in the largest blind group; `None`: there is none.
    pub threshold: Option<u64>,
    /// What an account can reach in that window.
    pub most: u64,
    /// Channels of the rule that are blind for somebody.
    pub channels: u64,
    /// Accounts that the channel is blind for.
    pub accounts: u64,
    /// Accounts that it watches.
    pub of_accounts: u64,
}

/// The most that a count of a window can come to.
#[must_use]
pub fn most(measure: Measure) -> u64 {
    let seconds = match (measure.spec().span, measure.window()) {
        (Span::Hour, "5m") => 300,
        (Span::Hour, _) => 3_600,
        // The last day of a drift must bring what is lacking.
        (Span::Day | Span::Drift(_), _) => 86_400,
        (Span::Week(_), _) => 7 * 86_400,
        (Span::Run(_), _) => return run::MOST,
    };
    PACE_MAX * seconds
}

/// Rules that cannot fire, in the order of what they watch. Machines are left out: each of them is
/// judged by its own regularity, which no group stands for.
#[must_use]
pub fn unreached(epoch: &Epoch, rules: &Rules) -> Vec<Unreached> {
    let mut found = Vec::new();
    for rule in rules.rules.values() {
        let worst = match rule.watch {
            Watch::JointSigns => joint(epoch, rule),
            _ => channels(epoch, rules, rule),
        };
        found.extend(worst);
    }
    found
}

fn humans(epoch: &Epoch) -> impl Iterator<Item = &Group> {
    epoch.groups.iter().filter(|(key, _)| key.kind == Kind::Human).map(|(_, group)| group)
}

/// Joint signs have one level for everybody.
fn joint(epoch: &Epoch, rule: &Rule) -> Option<Unreached> {
    let on = rule.budget.values().any(|share| *share > 0.0);
    let believed = epoch.joint_is_believed(epoch.number);
    let level = epoch.joint_level(1.0);
    if !on || !believed || level <= EVIDENCE_MAX {
        return None;
    }
    let accounts = humans(epoch).map(|group| group.size).sum();
    Some(Unreached {
        rule: rule.id.clone(),
        window: "1d".into(),
        touch: String::new(),
        threshold: None,
        most: most(Measure::Persons1d),
        channels: 1,
        accounts,
        of_accounts: accounts,
    })
}

/// The worst of a rule's channels.
fn channels(epoch: &Epoch, rules: &Rules, rule: &Rule) -> Option<Unreached> {
    let weights = rules.weights();
    let mut worst: Option<Unreached> = None;
    let mut blind = 0;
    for measure in Measure::ALL.into_iter().filter(|m| m.spec().watch == rule.watch) {
        let young = epoch.counted(measure, epoch.number) < measure.spec().fires_from();
        for touch in TOUCHES.into_iter().filter(|touch| measure.counts(*touch)) {
            if young || weights[touch as usize][measure as usize] <= 0.0 {
                continue;
            }
            let Some(one) = channel(epoch, rule, touch, measure) else { continue };
            blind += 1;
            if worst.as_ref().is_none_or(|worst| one.accounts > worst.accounts) {
                worst = Some(one);
            }
        }
    }
    worst.map(|worst| Unreached { channels: blind, ..worst })
}

/// One channel: groups whose usual member has a threshold beyond its reach.
fn channel(epoch: &Epoch, rule: &Rule, touch: Touch, measure: Measure) -> Option<Unreached> {
    if let Span::Drift(of_day) = measure.spec().span
        && epoch.channel(touch, of_day).tail.samples < SAMPLES_MIN
    {
        // Hardly anybody lists, or opens, here: there is nothing that could drift.
        return None;
    }
    let most = most(measure);
    let (mut accounts, mut of_accounts, mut largest) = (0, 0, None);
    for group in humans(epoch) {
        of_accounts += group.size;
        let at = threshold(epoch, group, touch, measure, rule.floor);
        if at > most {
            accounts += group.size;
            let known = largest.is_some_and(|(size, _)| size >= group.size);
            largest = if known { largest } else { Some((group.size, at)) };
        }
    }
    let (_, at) = largest?;
    let touch = match (measure.spec().apart, touch) {
        (false, _) => "",
        (true, Touch::Listed) => "listed",
        (true, Touch::Opened) => "opened",
    };
    Some(Unreached {
        rule: rule.id.clone(),
        window: measure.window().into(),
        touch: touch.into(),
        threshold: Some(at).filter(|at| *at < FOREVER),
        most,
        channels: 1,
        accounts,
        of_accounts,
    })
}

/// The threshold of a member who is as the group is, in usual hours; [`FOREVER`] where it has none.
fn threshold(epoch: &Epoch, group: &Group, touch: Touch, measure: Measure, floor: u64) -> u64 {
    let level = epoch.level(Kind::Human, group, touch, measure, 1.0);
    let prior = |m: Measure| group.priors[touch as usize][baseline_index(m, 0)];
    if let Span::Run(run) = measure.spec().span {
        let mean = |m: Measure| f64::from(prior(m).mean);
        let share = Share::of(&RUNS[run], mean(RUNS[run].of_day), mean(Measure::Persons1d));
        // Where nearly everybody is of the kind, its share is nobody's secret.
        return share.map_or(floor, |share| share.model().threshold(level, floor));
    }
    let nats = match measure.spec().span {
        // However much the days before have brought.
        Span::Drift(_) => {
            let at = DRIFTS.iter().position(|(drift, _)| *drift == measure);
            let p = drift::p_needed(drift::LN_M.1, level);
            p.zip(at).and_then(|(p, d)| group.anchored[touch as usize][d].level(p))
        }
        _ => Some(level),
    };
    let Some(nats) = nats.filter(|nats| nats.is_finite()) else { return FOREVER };
    predict(&Moments::default(), prior(measure), 1.0).threshold(nats, floor)
}
