//! What one shard learns in a day, in integers only, so that merging shards in any order gives the
//! same epoch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::baseline::{Moments, Prior};
use super::channel::{BASELINES, Channels, DRIFTS, MEASURES};
use super::epoch::GroupKey;
use super::lift::Lifted;
use super::tail::Histogram;
use super::territory::Vote;
use super::time::Day;

/// Integer sums over the members' means and spreads of one count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Members by mean, in steps of an eighth of an octave from 2⁻⁶.
    means: Histogram,
    /// Σ (W − 1)(s² − m̄), Σ (W − 1) m̄² and Σ s²/W, in 256ths.
    excess: i128,
    square: i128,
    error: i128,
    judged: u64,
}

fn fixed(x: f64) -> i128 {
    (x.clamp(-1e24, 1e24) * 256.0) as i128
}

fn mean_bin(mean: f64) -> usize {
    /// More than anybody reads in a day; a restored state may say anything.
    const MOST: f64 = 1e12;
    ((mean.clamp(1.0 / 64.0, MOST).log2() + 6.0) * 8.0) as usize
}

fn mean_of_bin(bin: usize) -> f64 {
    if bin == 0 { 0.0 } else { ((bin as f64 + 0.5) / 8.0 - 6.0).exp2() }
}

impl Sums {
    /// Adds one member's moments.
    pub fn add(&mut self, own: &Moments) {
        let (mean, weight) = (own.mean(), f64::from(own.weight));
        if weight < 0.5 {
            return;
        }
        self.means.add(mean_bin(mean));
        if weight >= 3.0 {
            // Two standard deviations of winsorised learning keep the variance finite already.
            let variance = own.variance();
            self.excess += fixed((weight - 1.0) * (variance - mean));
            self.square += fixed((weight - 1.0) * mean * mean);
            self.error += fixed(variance / weight);
            self.judged += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Sums) {
        self.means.merge(&other.means);
        self.excess += other.excess;
        self.square += other.square;
        self.error += other.error;
        self.judged += other.judged;
    }

    /// The peers' prior: m₀, 1/r and n₀ = (m₀ + m₀²/r)/Var_between, by moments over members whose
    /// means are winsorised at the group's 99 % quantile; blended with the shipped prior while
    /// members are few.
    pub(super) fn prior(&self, shipped: Prior) -> Prior {
        const SHIPPED_MEMBERS: f64 = 4.0;
        let members = self.means.total() as f64;
        if members == 0.0 {
            return shipped;
        }
        let cap = self.means.quantile_bin(0.01);
        let (mut sum, mut squares) = (0.0, 0.0);
        for (bin, n) in self.means.bins() {
            let mean = mean_of_bin(bin.min(cap));
            sum += mean * f64::from(n);
            squares += mean * mean * f64::from(n);
        }
        let own_mean = sum / members;
        let trust = members / (members + SHIPPED_MEMBERS);
        let mean = (trust * own_mean + (1.0 - trust) * f64::from(shipped.mean)).max(0.02);
        let judged = self.judged as f64;
        let measured = if self.square > 0 {
            (self.excess as f64 / self.square as f64).clamp(0.02, 5.0)
        } else {
            f64::from(shipped.dispersion)
        };
        let known = judged / (judged + SHIPPED_MEMBERS);
        let dispersion = known * measured + (1.0 - known) * f64::from(shipped.dispersion);
        let error = if judged > 0.0 { self.error as f64 / 256.0 / judged } else { 0.0 };
        let between = (squares / members - own_mean * own_mean - error).max(0.02 * mean * mean);
        let strength = ((mean + mean * mean * dispersion) / between).clamp(1.0, 50.0);
        Prior { mean: mean as f32, dispersion: dispersion as f32, strength: strength as f32 }
    }
}

/// One group's share of a [`Partial`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupPartial {
    /// Scores, censored and explained ones, and maxima.
    pub scores: Channels<ChannelScores>,
    /// Joint scores of the members' days.
    pub joint: ChannelScores,
    /// Day scores against the anchor, by touch and drift: what a p-value is read from.
    pub anchored: [[Histogram; DRIFTS.len()]; 2],
    /// Day count over expected count, by touch.
    pub ratios: [Histogram; 2],
    /// By hour of a working day: what had been counted then, and what the whole day was expected to
    /// bring, in 256ths. 24 of them, or none.
    pub hourly: Vec<Lifted<(u64, u64)>>,
    /// Active account hours by hour of the week.
    pub hours: Histogram,
    /// Members' moments.
    pub sums: [[Sums; BASELINES]; 2],
    /// Shoulder, off and rest opportunities used, and offered.
    pub activity: [(u64, u64); 3],
    /// Account days by operation (query template, endpoint, set of data classes).
    pub operations: BTreeMap<u32, u32>,
    /// Account days behind them.
    pub account_days: u64,
    /// Members seen in four weeks.
    pub members: u64,
    /// Account weeks: accounts with a first event in the week.
    pub account_weeks: u64,
    /// Humans' days that came near their thresholds.
    pub peaks: Vec<Peak>,
}

/// An account's day that came near its thresholds: what every channel of it scored.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Peak {
    /// How many times more often than others it might have fired.
    pub odds: u8,
    /// Channels and bins of their scores, less what the group's own tail begins later; those with an
    /// everyday explanation apart, [`EXPLAINED`] added to their channel.
    pub scores: Vec<(u8, u16)>,
}

/// See [`Peak`].
pub const EXPLAINED: u8 = 128;
const _: () = assert!(super::channel::CHANNELS < EXPLAINED as usize);

/// One channel's account days.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelScores {
    /// Day scores.
    pub scores: Histogram,
    /// Accounts whose day went beyond the threshold, at the score of the threshold.
    pub censored: Histogram,
    /// Of the censored ones of this and earlier days, those that were thefts by people's verdict.
    pub withdrawn: Histogram,
    /// Bulk that has an everyday explanation, beyond the threshold of what has none.
    pub explained: Histogram,
    /// Day maxima, for people: "peers ≤ 14".
    pub maxima: Histogram,
}

impl ChannelScores {
    /// Adds another's.
    pub fn merge(&mut self, other: &ChannelScores) {
        self.scores.merge(&other.scores);
        self.censored.merge(&other.censored);
        self.withdrawn.merge(&other.withdrawn);
        self.explained.merge(&other.explained);
        self.maxima.merge(&other.maxima);
    }
}

/// Adds up two values a channel.
pub(super) fn merge_channels(mine: &mut Channels<ChannelScores>, theirs: &Channels<ChannelScores>) {
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        for m in 0..MEASURES {
            mine[m].merge(&theirs[m]);
        }
    }
}

impl GroupPartial {
    fn merge(&mut self, other: &GroupPartial) {
        merge_channels(&mut self.scores, &other.scores);
        self.joint.merge(&other.joint);
        for touch in 0..2 {
            self.ratios[touch].merge(&other.ratios[touch]);
            for drift in 0..DRIFTS.len() {
                self.anchored[touch][drift].merge(&other.anchored[touch][drift]);
            }
            for b in 0..BASELINES {
                self.sums[touch][b].merge(&other.sums[touch][b]);
            }
        }
        self.hours.merge(&other.hours);
        if self.hourly.len() < other.hourly.len() {
            self.hourly.resize(other.hourly.len(), Lifted::default());
        }
        for (mine, theirs) in self.hourly.iter_mut().zip(&other.hourly) {
            for (mine, theirs) in mine.iter_mut().flatten().zip(theirs.iter().flatten()) {
                mine.0 += theirs.0;
                mine.1 += theirs.1;
            }
        }
        for (mine, theirs) in self.activity.iter_mut().zip(&other.activity) {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
        for (operation, days) in &other.operations {
            *self.operations.entry(*operation).or_default() += days;
        }
        self.account_days += other.account_days;
        self.members += other.members;
        self.account_weeks += other.account_weeks;
        self.peaks.extend(other.peaks.iter().cloned());
    }
}

/// What one shard learned since its last one: integers only, so merging shards in any order gives
/// the same epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    /// The local day that ended.
    pub day: Day,
    /// By peer group.
    pub groups: BTreeMap<GroupKey, GroupPartial>,
    /// Who touched whom.
    pub votes: Vec<Vote>,
}

impl Partial {
    /// Adds another shard's partial of the same day.
    pub fn merge(&mut self, other: Partial) {
        for (key, group) in other.groups {
            self.groups.entry(key).or_default().merge(&group);
        }
        self.votes.extend(other.votes);
    }
}

pub(super) const RATIO_BINS: f64 = 8.0;

/// Bin of x/m for the daily wave: eighths of an octave from 2⁻⁸.
#[must_use]
pub fn ratio_bin(ratio: f64) -> usize {
    ((ratio.clamp(1.0 / 256.0, 256.0).log2() + 8.0) * RATIO_BINS) as usize
}

/// Bin of a day maximum: eighths of an octave.
#[must_use]
pub fn maximum_bin(x: u64) -> usize {
    ((x as f64 + 1.0).log2() * 8.0) as usize
}

pub(super) fn maximum_of_bin(bin: usize) -> u64 {
    (((bin as f64 + 1.0) / 8.0).exp2() - 1.0).round() as u64
}
