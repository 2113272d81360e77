//! Group knowledge: what peers normally do, how honest our scores are, which hours are busy, and
//! who handles whom. Numbered and immutable once built.
//!
//! Every shard adds the account days it closed to a [`Partial`] of integers; [`Builder::build`]
//! turns the merged partial of day D into epoch D at that day's end, and thresholds use it from
//! D + 2, so that shards have a day to exchange partials and nobody's order matters.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::baseline::{Moments, Prior};
use super::limits::CALIBRATION_DAYS;
use super::rule::{Priors, RolePrior, Rules};
use super::tail::{Histogram, Tail, fit, score_edge};
use super::territory::Vote;
use super::time::Day;
use super::window::Measure;
use crate::event::Touch;

/// Tests per account and day: five measures, listed and opened persons apart.
pub const CHANNELS: usize = 10;
/// Baselines per touch: three hourly measures in three hour classes, two daily ones.
pub const BASELINES: usize = 11;

/// Index of a channel.
#[must_use]
pub fn channel(touch: Touch, measure: Measure) -> usize {
    touch as usize * Measure::ALL.len() + measure as usize
}

/// Index of a baseline within a touch; `class` matters for hourly measures only.
#[must_use]
pub fn baseline_index(measure: Measure, class: usize) -> usize {
    match measure {
        Measure::Persons5m => class,
        Measure::Persons1h => 3 + class,
        Measure::Foreign1h => 6 + class,
        Measure::Persons1d => 9,
        Measure::Foreign1d => 10,
    }
}

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
    ((mean.max(1.0 / 64.0).log2() + 6.0) * 8.0) as usize
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

    fn merge(&mut self, other: &Sums) {
        self.means.merge(&other.means);
        self.excess += other.excess;
        self.square += other.square;
        self.error += other.error;
        self.judged += other.judged;
    }

    /// The peers' prior: m₀, 1/r and n₀ = (m₀ + m₀²/r)/Var_between, by moments over members whose
    /// means are winsorised at the group's 99 % quantile; blended with the shipped prior while
    /// members are few.
    fn prior(&self, shipped: Prior) -> Prior {
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
    /// Day scores by channel.
    pub scores: [Histogram; CHANNELS],
    /// Accounts whose day went beyond the threshold, at the score of the threshold.
    pub censored: [Histogram; CHANNELS],
    /// Bulk that has an everyday explanation, beyond the threshold of what has none.
    pub explained: [Histogram; CHANNELS],
    /// Day maxima by channel, for people: "peers ≤ 14".
    pub maxima: [Histogram; CHANNELS],
    /// Day count over expected count, by touch.
    pub ratios: [Histogram; 2],
    /// Active account hours by hour of the week.
    pub hours: Histogram,
    /// Members' moments.
    pub sums: [[Sums; BASELINES]; 2],
    /// Shoulder, off and rest opportunities used, and offered.
    pub activity: [(u64, u64); 3],
    /// Members seen in four weeks.
    pub members: u64,
    /// Account weeks: accounts with a first event in the week.
    pub account_weeks: u64,
}

impl GroupPartial {
    fn merge(&mut self, other: &GroupPartial) {
        for c in 0..CHANNELS {
            self.scores[c].merge(&other.scores[c]);
            self.censored[c].merge(&other.censored[c]);
            self.explained[c].merge(&other.explained[c]);
            self.maxima[c].merge(&other.maxima[c]);
        }
        for touch in 0..2 {
            self.ratios[touch].merge(&other.ratios[touch]);
            for b in 0..BASELINES {
                self.sums[touch][b].merge(&other.sums[touch][b]);
            }
        }
        self.hours.merge(&other.hours);
        for (mine, theirs) in self.activity.iter_mut().zip(&other.activity) {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
        self.members += other.members;
        self.account_weeks += other.account_weeks;
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

const RATIO_BINS: f64 = 8.0;

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

fn maximum_of_bin(bin: usize) -> u64 {
    (((bin as f64 + 1.0) / 8.0).exp2() - 1.0).round() as u64
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
    /// Nats that the group's own tail begins later than the pooled one, by channel.
    pub shift: [f64; CHANNELS],
    /// 99 % of the members' day maxima are at most this, by channel.
    pub p99: [u64; CHANNELS],
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

/// One numbered edition of group knowledge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Days closed in this deployment; 0 = nothing yet.
    pub number: u32,
    /// By channel.
    pub channels: [ChannelModel; CHANNELS],
    /// By group; absent groups fall back to shipped priors.
    pub groups: BTreeMap<GroupKey, Group>,
    /// Who touched whom on the day, sorted; applied to the territory when the epoch comes into
    /// force.
    pub votes: Vec<Vote>,
    /// The day it was built for.
    pub day: Day,
}

/// Days of a deployment before foreign origins mean anything: the territory must fill first.
pub const FOREIGN_FROM_DAY: u32 = 7;
/// Days before a channel's scores enter calibration: persons, foreign origins.
const CALIBRATE_FROM: [u32; 2] = [7, 10];
/// Days of scores before calibration is believed.
const CALIBRATE_FOR: u32 = 14;

fn calibrates_from(measure: Measure) -> u32 {
    CALIBRATE_FROM[usize::from(measure.is_foreign())]
}

/// Alerts of four weeks that calibration takes for innocent beyond twice what the budget allows.
/// Leaving all of them out would shorten the tail with every alert; believing many would let a
/// handful of thefts lengthen it until the next one passes.
/// Persons, foreign origins: nobody innocent goes to many strange places at once.
const ALERTS_BELIEVED: [u64; 2] = [8, 3];
/// How far beyond the highest explained bulk of four weeks the bar for more of it lies.
const EXPLAINED_MARGIN: f64 = 1.25;

/// Active days of an account's week, before the log tells.
const TESTS_PER_WEEK: f64 = 5.0;

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

/// One day's scores, kept for four weeks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct DayScores {
    day: Day,
    groups: BTreeMap<GroupKey, GroupScores>,
    account_weeks: u64,
}

/// One group's scores of one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct GroupScores {
    scores: [Histogram; CHANNELS],
    censored: [Histogram; CHANNELS],
    explained: [Histogram; CHANNELS],
    maxima: [Histogram; CHANNELS],
}

/// Everything an epoch is built from; one per deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Builder {
    first_day: Option<Day>,
    number: u32,
    days: VecDeque<DayScores>,
    hours: BTreeMap<GroupKey, Vec<f64>>,
    waves: BTreeMap<GroupKey, [f64; 2]>,
    activity: BTreeMap<GroupKey, [(f64, f64); 3]>,
}

impl Builder {
    /// Builds the epoch of the day that `partial` closes.
    pub fn build(&mut self, partial: Partial, rules: &Rules, budget: Budget) -> Epoch {
        let Partial { day, groups: news, votes } = partial;
        // Days count, not closings: nobody may be at work for a week.
        let first = *self.first_day.get_or_insert(day);
        self.number = (day - first).max(0) as u32 + 1;
        self.remember(day, &news);
        let pooled = self.pooled(Kind::Human);
        let machines = self.pooled(Kind::Machine);
        let channels = self.channels(&pooled, &machines, rules, budget);
        let mut groups = BTreeMap::new();
        for (key, group) in &news {
            let model = self.group(key, group, &channels, &rules.priors);
            groups.insert(key.clone(), model);
        }
        Epoch { number: self.number, channels, groups, votes: aggregate(votes), day }
    }

    fn remember(&mut self, day: Day, news: &BTreeMap<GroupKey, GroupPartial>) {
        let mut scores = DayScores { day, ..DayScores::default() };
        for (key, group) in news {
            scores.account_weeks += group.account_weeks;
            let kept = GroupScores {
                scores: group.scores.clone(),
                censored: group.censored.clone(),
                explained: group.explained.clone(),
                maxima: group.maxima.clone(),
            };
            scores.groups.insert(key.clone(), kept);
            let hours = self.hours.entry(key.clone()).or_insert_with(|| vec![0.0; 168]);
            hours.iter_mut().for_each(|h| *h *= 0.97);
            group
                .hours
                .bins()
                .filter(|(h, _)| *h < 168)
                .for_each(|(h, n)| hours[h] += f64::from(n));
            let activity = self.activity.entry(key.clone()).or_default();
            for (sum, (used, offered)) in activity.iter_mut().zip(group.activity) {
                *sum = (sum.0 * 0.97 + used as f64, sum.1 * 0.97 + offered as f64);
            }
            let wave = self.waves.entry(key.clone()).or_insert([1.0; 2]);
            for (wave, ratios) in wave.iter_mut().zip(&group.ratios) {
                // A group of a few accounts is no wave.
                if ratios.total() >= 8 {
                    *wave = (0.5 * *wave + 0.5 * trimmed_mean(ratios) / 0.93).clamp(0.5, 3.0);
                }
            }
        }
        self.days.push_back(scores);
        while self.days.front().is_some_and(|d| d.day <= day - CALIBRATION_DAYS) {
            self.days.pop_front();
        }
    }

    /// Scores and censored scores of four weeks over all groups of a kind.
    fn pooled(&self, kind: Kind) -> [(Histogram, Histogram); CHANNELS] {
        let mut pooled: [(Histogram, Histogram); CHANNELS] = Default::default();
        for day in &self.days {
            let groups = || day.groups.iter().filter(|(key, _)| key.kind == kind);
            for (c, pooled) in pooled.iter_mut().enumerate() {
                let (mut scores, mut censored) = (Histogram::default(), Histogram::default());
                for (_, group) in groups() {
                    scores.merge(&group.scores[c]);
                    censored.merge(&group.censored[c]);
                }
                pooled.0.merge(&scores);
                pooled.1.merge(&censored);
            }
        }
        pooled
    }

    fn channels(
        &self,
        pooled: &[(Histogram, Histogram); CHANNELS],
        machines: &[(Histogram, Histogram); CHANNELS],
        rules: &Rules,
        budget: Budget,
    ) -> [ChannelModel; CHANNELS] {
        let weeks = self.days.iter().map(|d| d.account_weeks).sum::<u64>().max(1) as f64;
        let covered = (self.days_since(|_| true) / 7.0).max(1.0);
        let per_account_week =
            budget.per_account_week.max(budget.per_week_min / (weeks / covered)).min(0.2);
        let weights = rules.weights();
        let prior = Tail::from(rules.priors.tail);
        std::array::from_fn(|c| {
            let (scores, censored) = &pooled[c];
            let total = scores.total() + censored.total();
            let tests = self.tests(c, total, weeks);
            let total = total.max(1) as f64;
            let alpha = (per_account_week * weights[c] / tests).max(1e-12);
            let measure = Measure::ALL[c % Measure::ALL.len()];
            let believed = ALERTS_BELIEVED[usize::from(measure.is_foreign())];
            let censored = &censored.lowest(believed + (2.0 * alpha * total) as u64);
            ChannelModel {
                explained: self.explained_level(c, alpha * total),
                tail: fit(scores, censored, &prior),
                machine_tail: fit(&machines[c].0, &machines[c].1, &prior),
                alpha,
                mature: self.number >= calibrates_from(measure) + CALIBRATE_FOR,
            }
        })
    }

    /// Days from the first kept one that fits until the last.
    fn days_since(&self, fits: impl Fn(&DayScores) -> bool) -> f64 {
        match (self.days.iter().find(|d| fits(d)), self.days.back()) {
            (Some(first), Some(last)) => f64::from(last.day - first.day + 1),
            _ => 0.0,
        }
    }

    /// T: tests of a channel per account week, over the days since its scores are kept.
    fn tests(&self, c: usize, scores: u64, account_weeks: f64) -> f64 {
        let scored = |d: &DayScores| d.groups.values().any(|g| g.scores[c].total() > 0);
        let share = self.days_since(scored) / self.days_since(|_| true).max(1.0);
        if share > 0.0 {
            (scores as f64 / (account_weeks * share)).clamp(1.0, 7.0)
        } else {
            TESTS_PER_WEEK
        }
    }

    /// The score that bulk with an everyday explanation (a caseload transfer, a mailing) passed on
    /// no more days of the last four weeks than the budget allows. Days, not account days, so that
    /// one wave of it is one.
    fn explained_level(&self, c: usize, allowed: f64) -> f64 {
        let highest = |day: &DayScores| {
            let groups = day.groups.iter().filter(|(key, _)| key.kind == Kind::Human);
            groups.filter_map(|(_, g)| g.explained[c].bins().next_back()).map(|(bin, _)| bin).max()
        };
        let mut days: Vec<usize> = self.days.iter().filter_map(highest).collect();
        days.sort_unstable_by_key(|bin| std::cmp::Reverse(*bin));
        days.get(allowed as usize).map_or(0.0, |bin| score_edge(bin + 1) * EXPLAINED_MARGIN)
    }

    fn group(
        &self,
        key: &GroupKey,
        news: &GroupPartial,
        channels: &[ChannelModel; CHANNELS],
        priors: &Priors,
    ) -> Group {
        let shipped = shipped_prior(priors, key).baselines();
        let mut group = Group::shipped(priors, key);
        for touch in 0..2 {
            for (b, sums) in news.sums[touch].iter().enumerate() {
                // Unusual hours nobody was seen in are judged by the usual ones.
                let usual = if b < 9 { group.priors[touch][b - b % 3] } else { shipped[b] };
                let fallback = if b < 9 && b % 3 != 0 { usual } else { shipped[b] };
                group.priors[touch][b] = sums.prior(fallback);
            }
        }
        if let Some(hours) = self.hours.get(key) {
            group.classes = hour_classes(hours);
        }
        if let Some(activity) = self.activity.get(key) {
            for ((share, sum), shipped) in
                group.activity.iter_mut().zip(activity).zip(SHIPPED_ACTIVITY)
            {
                *share = (sum.0 + 50.0 * shipped) / (sum.1 + 50.0);
            }
        }
        group.wave = self.waves.get(key).copied().unwrap_or([1.0; 2]);
        group.size = news.members;
        for (c, channel) in channels.iter().enumerate() {
            let (mut scores, mut maxima) = (Histogram::default(), Histogram::default());
            for day in self.days.iter().filter_map(|d| d.groups.get(key)) {
                scores.merge(&day.scores[c]);
                maxima.merge(&day.maxima[c]);
            }
            group.shift[c] = shift(&scores, &channel.tail);
            group.p99[c] = maximum_of_bin(maxima.quantile_bin(0.01));
        }
        group
    }

    /// Whether a channel's scores already count: before, baselines are still settling.
    #[must_use]
    pub fn calibrates(number: u32, measure: Measure) -> bool {
        number >= calibrates_from(measure)
    }
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
fn hour_classes(active: &[f64]) -> Vec<HourClass> {
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
const SHIPPED_ACTIVITY: [f64; 3] = [0.3, 0.02, 0.02];

fn shipped_prior<'a>(priors: &'a Priors, key: &GroupKey) -> &'a RolePrior {
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
            shift: [0.0; CHANNELS],
            p99: [0; CHANNELS],
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
        let channels = std::array::from_fn(|c| ChannelModel {
            tail,
            machine_tail: tail,
            explained: 0.0,
            alpha: (budget.per_account_week * weights[c] / TESTS_PER_WEEK).max(1e-12),
            mature: false,
        });
        Epoch { number: 0, channels, groups: BTreeMap::new(), votes: Vec::new(), day: 0 }
    }
}
