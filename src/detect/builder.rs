//! From four weeks or more of what shards learned to the next model epoch: a pure function of the partials
//! in the order of their days.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calibration::{DayScores, Scores};
use super::channel::{CHANNELS, Channels, DRIFTS, HOURLY, Measure, baseline_index, of_channel};
use super::epoch::{
    Budget, ChannelModel, Epoch, Group, GroupKey, Held, Kind, SHIPPED_ACTIVITY, Since,
    hour_classes, shipped_prior,
};
use super::lift::Lifted;
use super::limits::{CALIBRATION_DAYS, OPERATIONS_MAX};
use super::operations;
use super::partial::{
    ChannelScores, GroupPartial, Partial, RATIO_BINS, maximum_of_bin, merge_channels,
};
use super::rule::{Priors, Rules};
use super::tail::{Curve, Histogram, Tail, score_edge};
use super::territory::Vote;
use super::time::Day;

/// Day scores of a group that make its own p-values; below, everybody's are used.
const OWN_CURVE_FROM: u64 = 2_000;

/// Two weeks of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Block {
    since: Day,
    scores: Channels<ChannelScores>,
    anchored: [[Histogram; DRIFTS.len()]; 2],
    operations: BTreeMap<u32, u32>,
    account_days: u64,
}

/// A group's past: the last two blocks, and forgetting sums.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    blocks: [Block; 2],
    pub(super) hours: Vec<f64>,
    pub(super) wave: [f64; 2],
    pub(super) activity: [(f64, f64); 3],
    /// By hour of a working day: what had been counted, and what the whole day was expected to
    /// bring.
    hourly: Vec<Lifted<(f64, f64)>>,
}

impl Default for Past {
    fn default() -> Self {
        Past {
            blocks: Default::default(),
            hours: vec![0.0; 168],
            wave: [1.0; 2],
            activity: [(0.0, 0.0); 3],
            hourly: vec![Lifted::default(); 24],
        }
    }
}

impl Block {
    /// Adds a day's scores.
    pub(super) fn add(&mut self, news: &Channels<ChannelScores>) {
        merge_channels(&mut self.scores, news);
    }
}

impl Past {
    /// The two weeks that a new day belongs to.
    pub(super) fn block(&mut self, day: Day) -> &mut Block {
        if day.saturating_sub(self.blocks[0].since) >= CALIBRATION_DAYS / 2 {
            self.blocks.rotate_right(1);
            self.blocks[0] = Block { since: day, ..Block::default() };
        }
        &mut self.blocks[0]
    }

    fn learn(&mut self, day: Day, news: &GroupPartial) {
        let block = self.block(day);
        block.add(&news.scores);
        for (mine, theirs) in block.anchored.iter_mut().zip(&news.anchored) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
        }
        for (operation, days) in &news.operations {
            if block.operations.len() < OPERATIONS_MAX || block.operations.contains_key(operation) {
                *block.operations.entry(*operation).or_default() += days;
            }
        }
        block.account_days += news.account_days;
        self.hours.iter_mut().for_each(|h| *h *= 0.97);
        let hours = news.hours.bins().filter(|(h, _)| *h < 168);
        hours.for_each(|(h, n)| self.hours[h] += f64::from(n));
        for (mine, news) in self.hourly.iter_mut().zip(&news.hourly) {
            for (mine, news) in mine.iter_mut().flatten().zip(news.iter().flatten()) {
                if news.1 > 0 {
                    *mine = (mine.0 * 0.9 + news.0 as f64, mine.1 * 0.9 + news.1 as f64);
                }
            }
        }
        for (sum, (used, offered)) in self.activity.iter_mut().zip(news.activity) {
            *sum = (sum.0 * 0.97 + used as f64, sum.1 * 0.97 + offered as f64);
        }
        for (wave, ratios) in self.wave.iter_mut().zip(&news.ratios) {
            // A group of a few accounts is no wave.
            if ratios.total() >= 8 {
                *wave = (0.5 * *wave + 0.5 * trimmed_mean(ratios) / 0.93).clamp(0.5, 3.0);
            }
        }
    }

    fn anchored(&self, touch: usize, drift: usize) -> Histogram {
        let mut all = self.blocks[0].anchored[touch][drift].clone();
        all.merge(&self.blocks[1].anchored[touch][drift]);
        all
    }
}

/// Everything an epoch is built from; one per deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Builder {
    pub(super) first_day: Option<Day>,
    pub(super) number: u32,
    pub(super) since: Since,
    pub(super) scores: Scores,
    pub(super) groups: BTreeMap<GroupKey, Past>,
}

impl Builder {
    /// Builds the epoch of the day that `partial` closes.
    pub fn build(&mut self, partial: Partial, rules: &Rules, budget: Budget) -> Epoch {
        let Partial { day, groups: news, votes } = partial;
        // Days count, not closings: nobody may be at work for a week.
        let first = *self.first_day.get_or_insert(day);
        self.number = (day - first).max(0) as u32 + 1;
        self.remember(day, &news);
        let held = self.scores.held(budget);
        self.scores.forget(held);
        let (channels, restraint) = self.scores.channels(rules, held, self.number, &self.since);
        let held = Held { restraint, ..held };
        let signs = self.scores.joint(rules, held);
        let pooled = self.pooled_curves(&rules.priors);
        let mut groups = BTreeMap::new();
        for (key, group) in &news {
            let model = self.group(key, group, &channels, &pooled, &rules.priors);
            groups.insert(key.clone(), model);
        }
        let (number, since) = (self.number, self.since);
        Epoch { number, channels, joint: signs, groups, votes: aggregate(votes), day, held, since }
    }

    fn remember(&mut self, day: Day, news: &BTreeMap<GroupKey, GroupPartial>) {
        let mut scores = DayScores::of(day, 0);
        for (key, group) in news {
            scores.add(key.kind, group);
            self.groups.entry(key.clone()).or_default().learn(day, group);
        }
        self.scores.push(scores);
    }

    fn pooled_curves(&self, priors: &Priors) -> [[Curve; DRIFTS.len()]; 2] {
        let prior = Tail::from(priors.tail);
        let curve = |touch: usize, drift: usize| {
            let mut all = Histogram::default();
            for (_, past) in self.groups.iter().filter(|(key, _)| key.kind == Kind::Human) {
                all.merge(&past.anchored(touch, drift));
            }
            Curve::fit(&all, &prior)
        };
        std::array::from_fn(|touch| std::array::from_fn(|drift| curve(touch, drift)))
    }

    fn group(
        &self,
        key: &GroupKey,
        news: &GroupPartial,
        channels: &Channels<ChannelModel>,
        pooled: &[[Curve; DRIFTS.len()]; 2],
        priors: &Priors,
    ) -> Group {
        let mut group = Group::shipped(priors, key);
        learn_priors(&mut group, key, news, priors);
        let Some(past) = self.groups.get(key) else { return group };
        group.classes = hour_classes(&past.hours);
        for ((share, sum), shipped) in
            group.activity.iter_mut().zip(past.activity).zip(SHIPPED_ACTIVITY)
        {
            *share = (sum.0 + 50.0 * shipped) / (sum.1 + 50.0);
        }
        group.wave = past.wave;
        group.hourly = past.hourly.iter().map(usual_by_now).collect();
        group.size = news.members;
        group.operations =
            operations::usual(past.blocks.iter().map(|b| (&b.operations, b.account_days)));
        for c in 0..CHANNELS {
            let (touch, measure) = of_channel(c);
            let (t, m) = (touch as usize, measure as usize);
            let (mut scores, mut maxima) = (Histogram::default(), Histogram::default());
            for block in &past.blocks {
                scores.merge(&block.scores[t][m].scores);
                maxima.merge(&block.scores[t][m].maxima);
            }
            group.shift[t][m] = shift(&scores, &channels[t][m].tail);
            group.p99[t][m] = maximum_of_bin(maxima.quantile_bin(0.01));
        }
        for (touch, curves) in group.anchored.iter_mut().enumerate() {
            for (drift, curve) in curves.iter_mut().enumerate() {
                let own = past.anchored(touch, drift);
                *curve = if own.total() >= OWN_CURVE_FROM {
                    Curve::fit(&own, &Tail::from(priors.tail))
                } else {
                    pooled[touch][drift].clone()
                };
            }
        }
        group
    }
}

fn learn_priors(group: &mut Group, key: &GroupKey, news: &GroupPartial, priors: &Priors) {
    let shipped = shipped_prior(priors, key).baselines();
    for touch in 0..2 {
        for measure in Measure::ALL.into_iter().filter(|m| m.is_learned()) {
            let b = baseline_index(measure, 0);
            let usual = news.sums[touch][b].prior(shipped[b]);
            group.priors[touch][b] = usual;
            if HOURLY.contains(&measure) {
                // Unusual hours nobody was seen in are judged by the usual ones.
                for class in 1..3 {
                    let b = baseline_index(measure, class);
                    group.priors[touch][b] = news.sums[touch][b].prior(usual);
                }
            }
        }
    }
}

/// What a usual day has brought by an hour, as a share of what the whole of it brings.
fn usual_by_now(sums: &Lifted<(f64, f64)>) -> Lifted<f32> {
    sums.map(|of_touch| {
        of_touch.map(
            |(counted, expected)| {
                if expected > 0.0 { (counted / expected) as f32 } else { 0.0 }
            },
        )
    })
}

/// How much later the group's tail begins than the pooled one, at the same share; shrunk while
/// the group has few scores there.
fn shift(scores: &Histogram, pooled: &Tail) -> f64 {
    let beyond = scores.total() as f64 * pooled.share;
    if beyond < 1.0 {
        return 0.0;
    }
    let own_start = score_edge(scores.quantile_bin(pooled.share) + 1);
    (own_start - pooled.start).max(0.0) * beyond / (beyond + 5.0)
}

/// Mean without the lowest and highest tenth.
fn trimmed_mean(ratios: &Histogram) -> f64 {
    let total = ratios.total() as f64;
    let (low, high) = (total * 0.1, total * 0.9);
    let (mut below, mut sum, mut weight) = (0.0, 0.0, 0.0);
    for (bin, n) in ratios.bins() {
        let next = below + f64::from(n);
        let share = (next.min(high) - f64::max(below, low)).max(0.0);
        sum += share * ((bin as f64 + 0.5) / RATIO_BINS - 8.0).exp2();
        weight += share;
        below = next;
    }
    if weight > 0.0 { sum / weight } else { 1.0 }
}

fn aggregate(mut votes: Vec<Vote>) -> Vec<Vote> {
    // In the order of the territory's places, so that they are written one after another.
    votes.sort_unstable_by_key(|v| (v.fp.rotate_right(24), v.unit, v.weight));
    votes.dedup_by(|next, kept| {
        let same = (next.fp, next.unit) == (kept.fp, kept.unit);
        if same {
            kept.weight = kept.weight.saturating_add(next.weight).min(4);
        }
        same
    });
    votes.shrink_to_fit();
    votes
}
