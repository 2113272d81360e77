//! Group knowledge: what peers normally do, how honest our scores are, which hours are busy, and
//! who handles whom. Numbered and immutable once built.
//!
//! Every shard adds the account days it closed to a [`Partial`](super::partial::Partial) of
//! integers; [`Builder::build`](super::builder::Builder::build) turns the merged partial of day D
//! into epoch D at that day's end, and thresholds use it from D + 2, so that shards have a day to
//! exchange partials and nobody's order matters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::baseline::Prior;
use super::channel::{BASELINES, Channels, DRIFTS, MEASURES, Measure};
use super::lift::Lifted;
use super::rule::{Priors, RolePrior, Rules};
use super::tail::{Curve, Tail};
use super::territory::Vote;
use super::time::Day;
use crate::event::Touch;

/// How usual an hour of the week is for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum HourClass {
    /// Office hours.
    Core = 0,
    /// Early, late, Saturday morning.
    Shoulder = 1,
    /// Nights and Sundays, mostly.
    Off = 2,
}

/// Who is compared with whom: the name is `partner/role`, the kind keeps machines and addresses
/// out of people's statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A person's login.
    Human,
    /// A machine's key, declared in the account directory.
    Machine,
    /// An address that acts without an account.
    Source,
}

/// A peer group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKey {
    /// Humans, machines, sources.
    pub kind: Kind,
    /// Network; empty when the log does not say.
    pub partner: String,
    /// Job; empty when the log does not say.
    pub role: String,
}

impl GroupKey {
    /// Everybody of a kind whose network and job are unknown.
    #[must_use]
    pub fn of_all(kind: Kind) -> GroupKey {
        GroupKey { kind, partner: String::new(), role: String::new() }
    }

    /// `partner/role`, as alerts name it.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.partner.as_str(), self.role.as_str()) {
            ("", "") => "all".into(),
            (partner, "") => partner.into(),
            ("", role) => role.into(),
            (partner, role) => format!("{partner}/{role}"),
        }
    }
}

/// Peers of an account, as its thresholds see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Priors by touch and baseline.
    pub priors: [[Prior; BASELINES]; 2],
    /// Hour class by hour of the week; 168 of them.
    pub classes: Vec<HourClass>,
    /// Peers' share of shoulder, off and rest opportunities used.
    pub activity: [f64; 3],
    /// How much every member is above its own baseline these days, by touch: 0.5 to 3.
    pub wave: [f64; 2],
    /// What a usual working day has brought by each hour, as a share of the whole; empty = not
    /// known.
    pub hourly: Vec<Lifted<f32>>,
    /// Nats that the group's own tail begins later than the pooled one.
    pub shift: Channels<f64>,
    /// 99 % of the members' day maxima are at most this.
    pub p99: Channels<u64>,
    /// p-values of day scores against the anchor, by touch and drift; the pooled ones while the
    /// group has few.
    pub anchored: [[Curve; DRIFTS.len()]; 2],
    /// Operations the members use, in order; empty = not known yet.
    pub operations: Vec<u32>,
    /// Members seen in four weeks.
    pub size: u64,
}

/// The score beyond which a channel fires, and whether it knows what it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelModel {
    /// Scores' tail, pooled over all human groups.
    pub tail: Tail,
    /// Machines' and sources' own tail.
    pub machine_tail: Tail,
    /// Nats beyond which even bulk with an everyday explanation fires; 0 where there was none.
    pub explained: f64,
    /// α: share of account days that may fire this channel.
    pub alpha: f64,
    /// Calibrated on this deployment; false: shipped priors speak and alerts say `learning`.
    pub mature: bool,
}

/// The joint score's tail, and the share of account days that may fire it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointModel {
    /// Scores' tail, pooled over all human groups.
    pub tail: Tail,
    /// α, as a channel's.
    pub alpha: f64,
}

/// One numbered edition of group knowledge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Days closed in this deployment; 0 = nothing yet.
    pub number: u32,
    /// By touch and measure.
    pub channels: Channels<ChannelModel>,
    /// Of the joint score of a day.
    pub joint: JointModel,
    /// By group; absent groups fall back to shipped priors.
    pub groups: BTreeMap<GroupKey, Group>,
    /// Who touched whom on the day, sorted; applied to the territory when the epoch comes into
    /// force.
    pub votes: Vec<Vote>,
    /// The day it was built for.
    pub day: Day,
    /// What the budget buys here.
    pub held: Held,
    /// Since when each measure is counted.
    pub since: Since,
}

/// By measure: days of the deployment that were over when it began to be counted; more than none
/// where the state comes from a build that did not know it.
pub type Since = [u32; MEASURES];

/// The budget as this deployment can hold it: calibration needs eight budgeted alerts in its four
/// weeks, so a small one cannot keep a small promise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Account weeks a week.
    pub account_weeks: f64,
    /// False alerts an account week: the operator's, or the least that can be held.
    pub per_account_week: f64,
    /// What every channel's share is multiplied with, so that all of them together keep to it; 1
    /// where four weeks are enough for each to keep to its own.
    pub restraint: f64,
}

impl Default for Held {
    fn default() -> Self {
        Held { account_weeks: 0.0, per_account_week: 0.0, restraint: 1.0 }
    }
}

impl Held {
    /// False alerts that the budget allows in four weeks.
    #[must_use]
    pub fn in_four_weeks(&self) -> f64 {
        4.0 * self.account_weeks * self.per_account_week
    }
}

/// Active days of an account's week, before the log tells.
pub(super) const TESTS_PER_WEEK: f64 = 5.0;

/// The false-alert budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// False alerts per account week.
    pub per_account_week: f64,
    /// False alerts per week in all that calibration can hold at least.
    pub per_week_min: f64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { per_account_week: 0.5e-3, per_week_min: 2.0 }
    }
}

/// Account hours that the shipped profile is worth.
const SHIPPED_HOURS: f64 = 200.0;

/// Office hours as France keeps them: 08–18 core; 07, 18 and Saturday morning shoulder.
fn shipped_hours(hour_of_week: usize) -> f64 {
    let (weekday, hour) = (hour_of_week / 24, hour_of_week % 24);
    match (weekday, hour) {
        (0..=4, 8..=17) => 1.0,
        (0..=4, 7 | 18) | (5, 8..=12) => 0.1,
        _ => 0.005,
    }
}

/// z = activity over the mean of the 30 busiest hours: core from 0.3, shoulder from 0.03.
pub(super) fn hour_classes(active: &[f64]) -> Vec<HourClass> {
    let shipped: f64 = (0..168).map(shipped_hours).sum();
    let smoothed: Vec<f64> = active
        .iter()
        .enumerate()
        .map(|(h, n)| n + SHIPPED_HOURS * shipped_hours(h) / shipped)
        .collect();
    let mut busiest = smoothed.clone();
    busiest.sort_unstable_by(|a, b| b.total_cmp(a));
    let usual = busiest[..30].iter().sum::<f64>() / 30.0;
    smoothed
        .iter()
        .map(|n| match n / usual {
            z if z >= 0.3 => HourClass::Core,
            z if z >= 0.03 => HourClass::Shoulder,
            _ => HourClass::Off,
        })
        .collect()
}

/// Shares of shoulder, off and rest opportunities that people use, before the log tells.
pub(super) const SHIPPED_ACTIVITY: [f64; 3] = [0.3, 0.02, 0.02];

pub(super) fn shipped_prior<'a>(priors: &'a Priors, key: &GroupKey) -> &'a RolePrior {
    match key.kind {
        Kind::Machine => &priors.machine,
        Kind::Source => &priors.source,
        Kind::Human => priors.roles.get(&key.role).unwrap_or(&priors.default),
    }
}

impl Group {
    /// What is known of a group before it has closed a day.
    #[must_use]
    pub fn shipped(priors: &Priors, key: &GroupKey) -> Group {
        let baselines = shipped_prior(priors, key).baselines();
        Group {
            priors: [baselines; 2],
            classes: hour_classes(&[0.0; 168]),
            activity: SHIPPED_ACTIVITY,
            wave: [1.0; 2],
            hourly: Vec::new(),
            shift: [[0.0; MEASURES]; 2],
            p99: [[0; MEASURES]; 2],
            anchored: Default::default(),
            operations: Vec::new(),
            size: 0,
        }
    }
}

impl Epoch {
    /// Before anything is known: shipped tails, no budget measured yet.
    #[must_use]
    pub fn shipped(rules: &Rules, budget: Budget) -> Epoch {
        let tail = Tail::from(rules.priors.tail);
        let weights = rules.weights();
        let alpha = |weight: f64| (budget.per_account_week * weight / TESTS_PER_WEEK).max(1e-12);
        let model = |t: usize, m: usize| ChannelModel {
            tail,
            machine_tail: tail,
            explained: 0.0,
            alpha: alpha(weights[t][m]),
            mature: false,
        };
        Epoch {
            number: 0,
            channels: std::array::from_fn(|t| std::array::from_fn(|m| model(t, m))),
            joint: JointModel { tail, alpha: alpha(rules.joint_weight()) },
            groups: BTreeMap::new(),
            votes: Vec::new(),
            day: 0,
            held: Held { per_account_week: budget.per_account_week, ..Held::default() },
            since: [0; MEASURES],
        }
    }

    /// Days of the deployment on which a measure was counted, when `number` of them are over.
    #[must_use]
    pub fn counted(&self, measure: Measure, number: u32) -> u32 {
        number.saturating_sub(self.since[measure as usize])
    }

    /// A channel's model.
    #[must_use]
    pub fn channel(&self, touch: Touch, measure: Measure) -> &ChannelModel {
        &self.channels[touch as usize][measure as usize]
    }

    /// Nats at which a channel fires for a member of a group, where `odds` times the usual share of
    /// account days may: the pooled tail's level, moved by the group's own later beginning.
    #[must_use]
    pub fn level(
        &self,
        kind: Kind,
        group: &Group,
        touch: Touch,
        measure: Measure,
        odds: f64,
    ) -> f64 {
        let model = self.channel(touch, measure);
        let alpha = (model.alpha * odds).min(0.05);
        match kind {
            Kind::Human => {
                let shift = group.shift[touch as usize][measure as usize];
                (model.tail.level(alpha) + shift).max(-alpha.ln())
            }
            Kind::Machine | Kind::Source => model.machine_tail.level(alpha),
        }
    }
}
