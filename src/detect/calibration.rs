//! The scores of four weeks, or of as many more as a small budget takes, and the tails and shares of
//! the budget that are made of them.
//!
//! A tail keeps a promise only as far as it was measured: eight alerts that the budget allows must
//! fit into the days behind it. Where four weeks are too short for that, older days stay, in blocks
//! of four weeks, and the days that came near their thresholds are rehearsed: they say how often all
//! channels together would have fired, which no channel knows of itself.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::channel::{CHANNELS, Channels, Measure, Sense, Span, of_channel};
use super::epoch::{Budget, ChannelModel, Held, JointModel, Kind, Since, TESTS_PER_WEEK};
use super::joint;
use super::limits::{BUDGETED_MIN, CALIBRATION_DAYS, CALIBRATION_DAYS_MAX, PEAKS_MAX, RAISED_ODDS};
use super::partial::{ChannelScores, EXPLAINED, GroupPartial, Peak};
use super::rule::Rules;
use super::tail::{Histogram, Tail, fit, score_edge};
use super::time::Day;

/// Alerts of four weeks that calibration takes for innocent beyond twice what the budget allows.
/// Leaving all of them out would shorten the tail with every alert; believing many would let a
/// handful of thefts lengthen it until the next one passes.
/// Of what is strange fewer: nobody innocent goes to many strange places at once.
const fn alerts_believed(sense: Sense) -> u64 {
    match sense {
        Sense::Bulk => 8,
        Sense::Strange => 3,
    }
}
/// How far beyond the highest explained bulk of four weeks the bar for more of it lies.
const EXPLAINED_MARGIN: f64 = 1.25;
/// Alerts that the channels' own tails are worth against the rehearsal.
const REHEARSED_PRIOR: f64 = 1.0;
/// Rehearsed multiples of the channels' shares, as powers of the fourth root of two: 4 to 1/64.
/// Not less: where tails are heavy an alert less costs most of the share, and nothing would be seen.
const RESTRAINTS: std::ops::RangeInclusive<i32> = -24..=8;
/// Days of one date that are rehearsed at most: many accounts at once are one occasion, or one theft.
const REHEARSED_A_DAY: usize = 2;

/// Scores of everybody of a kind on one day, or on four weeks of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct DayScores {
    first: Day,
    day: Day,
    account_weeks: u64,
    humans: Channels<Kept>,
    joint: Kept,
    machines: Channels<Kept>,
    /// In order of their days.
    peaks: Vec<(Day, Peak)>,
}

impl DayScores {
    pub(super) fn of(day: Day, account_weeks: u64) -> DayScores {
        DayScores { first: day, day, account_weeks, ..DayScores::default() }
    }

    /// Adds one group's day.
    pub(super) fn add(&mut self, kind: Kind, group: &GroupPartial) {
        self.account_weeks += group.account_weeks;
        self.joint.add(&group.joint);
        self.pool(kind, &group.scores);
        self.peaks.extend(group.peaks.iter().map(|peak| (self.day, peak.clone())));
    }

    /// Adds one group's scores.
    pub(super) fn pool(&mut self, kind: Kind, news: &Channels<ChannelScores>) {
        let pool = match kind {
            Kind::Human => &mut self.humans,
            Kind::Machine => &mut self.machines,
            Kind::Source => return,
        };
        for (pool, news) in pool.iter_mut().zip(news) {
            pool.iter_mut().zip(news).for_each(|(kept, news)| kept.add(news));
        }
    }

    /// Adds the days that follow.
    fn merge(&mut self, next: DayScores) {
        self.day = next.day;
        self.account_weeks += next.account_weeks;
        self.joint.merge(&next.joint);
        for (mine, next) in [(&mut self.humans, &next.humans), (&mut self.machines, &next.machines)]
        {
            for (mine, next) in mine.iter_mut().flatten().zip(next.iter().flatten()) {
                mine.merge(next);
            }
        }
        self.peaks.extend(next.peaks);
    }

    /// The same whatever order the shards came in, and not more than is needed.
    fn settle(&mut self) {
        let highest = |peak: &Peak| peak.scores.iter().map(|(_, bin)| *bin).max();
        self.peaks.sort_by(|(_, a), (_, b)| highest(b).cmp(&highest(a)).then_with(|| a.cmp(b)));
        self.peaks.truncate(PEAKS_MAX);
    }
}

/// What calibration keeps of a channel's day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    scores: Histogram,
    censored: Histogram,
    withdrawn: Histogram,
    /// Highest bin of bulk with an everyday explanation.
    explained: Option<u32>,
}

impl Kept {
    fn add(&mut self, news: &ChannelScores) {
        self.scores.merge(&news.scores);
        self.censored.merge(&news.censored);
        self.withdrawn.merge(&news.withdrawn);
        let highest = news.explained.bins().next_back().map(|(bin, _)| bin as u32);
        self.explained = self.explained.max(highest);
    }

    fn merge(&mut self, next: &Kept) {
        self.scores.merge(&next.scores);
        self.censored.merge(&next.censored);
        self.withdrawn.merge(&next.withdrawn);
        self.explained = self.explained.max(next.explained);
    }
}

/// All scores that are kept, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scores {
    /// Days before the last four weeks, in blocks of as many.
    older: VecDeque<DayScores>,
    /// The last four weeks.
    pub(super) days: VecDeque<DayScores>,
}

/// The days that calibrate.
struct Window<'a> {
    parts: Vec<&'a DayScores>,
    account_weeks: f64,
    /// Four weeks allow too few alerts.
    long: bool,
}

impl Window<'_> {
    /// Days from the first kept one that fits until the last.
    fn days_since(&self, fits: impl Fn(&DayScores) -> bool) -> f64 {
        days_since(self.parts.iter().copied(), fits)
    }

    /// Alerts taken for innocent, where so many are allowed.
    fn believed(&self, sense: Sense, allowed: f64) -> u64 {
        let terms = (self.days_since(|_| true) / f64::from(CALIBRATION_DAYS)).max(1.0);
        ((alerts_believed(sense) as f64 * terms) as u64).saturating_add((2.0 * allowed) as u64)
    }

    /// Scores and censored ones of one channel.
    fn merged(&self, of: impl Fn(&DayScores) -> &Kept) -> (Histogram, Histogram) {
        let (mut scores, mut censored) = (Histogram::default(), Histogram::default());
        for part in &self.parts {
            scores.merge(&of(part).scores);
            censored.merge(&of(part).censored);
        }
        // Thefts are nobody's usual days, whatever day they were recognised on.
        self.parts.iter().for_each(|part| censored.subtract(&of(part).withdrawn));
        (scores, censored)
    }
}

fn days_since<'a>(
    mut parts: impl DoubleEndedIterator<Item = &'a DayScores>,
    fits: impl Fn(&DayScores) -> bool,
) -> f64 {
    let first = parts.find(|d| fits(d));
    match (first, parts.next_back().or(first)) {
        (Some(first), Some(last)) => f64::from(last.day - first.first + 1),
        _ => 0.0,
    }
}

impl Scores {
    /// Adds a day, which is later than all before.
    pub(super) fn push(&mut self, mut day: DayScores) {
        day.settle();
        let today = day.day;
        self.days.push_back(day);
        while self.days.front().is_some_and(|d| d.day <= today - CALIBRATION_DAYS) {
            let Some(old) = self.days.pop_front() else { return };
            match self.older.back_mut() {
                Some(block) if old.day - block.first < CALIBRATION_DAYS => block.merge(old),
                _ => self.older.push_back(old),
            }
        }
    }

    /// Forgets what is older than calibration looks, or needs.
    pub(super) fn forget(&mut self, held: Held) {
        let today = self.days.back().map_or(0, |d| d.day);
        let weeks = |blocks: &mut dyn Iterator<Item = &DayScores>| {
            blocks.map(|d| d.account_weeks).sum::<u64>() as f64
        };
        // Twice as many, so that a budget that becomes smaller finds them.
        while let Some(oldest) = self.older.front() {
            let newer = weeks(&mut self.older.iter().skip(1).chain(&self.days));
            let enough = newer * held.per_account_week >= 2.0 * BUDGETED_MIN;
            if !enough && today - oldest.day < CALIBRATION_DAYS_MAX {
                break;
            }
            self.older.pop_front();
        }
    }

    /// The budget, or the least that calibration can hold.
    pub(super) fn held(&self, budget: Budget) -> Held {
        let weeks = self.days.iter().map(|d| d.account_weeks).sum::<u64>().max(1) as f64;
        let covered = (days_since(self.days.iter(), |_| true) / 7.0).max(1.0);
        let account_weeks = weeks / covered;
        let least = budget.per_week_min / account_weeks;
        let per_account_week = budget.per_account_week.max(least).min(0.2);
        Held { account_weeks, per_account_week, restraint: 1.0 }
    }

    /// Four weeks, or back to where the budget allows enough alerts.
    fn window(&self, held: Held) -> Window<'_> {
        let mut parts: Vec<&DayScores> = self.days.iter().rev().collect();
        let mut weeks: u64 = parts.iter().map(|d| d.account_weeks).sum();
        let budgeted = |weeks: u64| weeks.max(1) as f64 * held.per_account_week;
        let long = !are_enough(held.in_four_weeks());
        for block in self.older.iter().rev().filter(|_| long) {
            if budgeted(weeks) >= BUDGETED_MIN {
                break;
            }
            weeks += block.account_weeks;
            parts.push(block);
        }
        parts.reverse();
        Window { parts, account_weeks: weeks.max(1) as f64, long }
    }

    /// Every channel's model, and what its share of the budget was multiplied with.
    pub(super) fn channels(
        &self,
        rules: &Rules,
        held: Held,
        number: u32,
        since: &Since,
    ) -> (Channels<ChannelModel>, f64) {
        let weights = rules.weights();
        let prior = Tail::from(rules.priors.tail);
        let window = self.window(held);
        let model = |t: usize, m: usize| {
            let spec = Measure::ALL[m].spec();
            let (scores, censored) = window.merged(|day| &day.humans[t][m]);
            let machines = window.merged(|day| &day.machines[t][m]);
            let total = scores.total() + censored.total();
            let tests = tests(&window, t, m, total);
            let alpha = (held.per_account_week * weights[t][m] / tests).max(1e-12);
            let allowed = alpha * total.max(1) as f64;
            let believed = window.believed(spec.sense, allowed);
            ChannelModel {
                explained: self.explained_level(t, m, allowed),
                tail: fit(&scores, &censored.lowest(believed), &prior, alpha),
                machine_tail: fit(&machines.0, &machines.1.lowest(believed), &prior, alpha),
                alpha,
                mature: number.saturating_sub(since[m]) >= spec.believed_from(),
            }
        };
        let mut channels: Channels<ChannelModel> =
            std::array::from_fn(|t| std::array::from_fn(|m| model(t, m)));
        if !window.long {
            return (channels, 1.0);
        }
        let share: f64 = weights.iter().flatten().sum();
        let allowed = held.per_account_week * share * window.account_weeks;
        let restraint = restraint(&window, &channels, allowed);
        channels.iter_mut().flatten().for_each(|c| c.alpha = (c.alpha * restraint).max(1e-12));
        (channels, restraint)
    }

    /// The joint score's tail: one test an account and active day.
    pub(super) fn joint(&self, rules: &Rules, held: Held) -> JointModel {
        let window = self.window(held);
        let (scores, censored) = window.merged(|day| &day.joint);
        let total = scores.total() + censored.total();
        let alpha = (held.per_account_week * rules.joint_weight() / TESTS_PER_WEEK).max(1e-12);
        let believed = window.believed(Sense::Strange, alpha * total as f64);
        // Few days have a joint score at all: one theft that nobody noticed must not be the tail.
        let usual = scores.lowest(scores.total().saturating_sub(joint::LEFT_OUT));
        let tail = fit(&usual, &censored.lowest(believed), &joint::PRIOR_TAIL, alpha);
        JointModel { tail, alpha }
    }

    /// The score that bulk with an everyday explanation (a caseload transfer, a mailing) passed on
    /// no more days of the last four weeks than the budget allows. Days, not account days, so that
    /// one wave of it is one.
    fn explained_level(&self, t: usize, m: usize, allowed: f64) -> f64 {
        let mut days: Vec<u32> =
            self.days.iter().filter_map(|day| day.humans[t][m].explained).collect();
        days.sort_unstable_by_key(|bin| std::cmp::Reverse(*bin));
        days.get(allowed as usize)
            .map_or(0.0, |bin| score_edge(*bin as usize + 1) * EXPLAINED_MARGIN)
    }
}

/// Whether four weeks that allow so many alerts are long enough to calibrate by.
pub(super) fn are_enough(alerts: f64) -> bool {
    /// Somewhat fewer will do: holidays alone change nothing.
    const ENOUGH: f64 = 0.75;
    alerts >= ENOUGH * BUDGETED_MIN
}

/// T: tests of a channel per account week, over the days since its scores are kept.
fn tests(window: &Window<'_>, t: usize, m: usize, scores: u64) -> f64 {
    let measure = Measure::ALL[m];
    let scored = |d: &DayScores| d.humans[t][m].scores.total() > 0;
    let share = window.days_since(scored) / window.days_since(|_| true).max(1.0);
    let (usual, least) = match measure.spec().span {
        // One test an account and four weeks, made when they are over.
        Span::Drift(_) => return 0.25,
        // One an account and week.
        Span::Run(_) => return 1.0,
        _ if measure.is_rare() => (0.5, 0.05),
        _ => (TESTS_PER_WEEK, 1.0),
    };
    if share > 0.0 {
        (scores as f64 / (window.account_weeks * share)).clamp(least, 7.0)
    } else {
        usual
    }
}

/// The largest multiple of the channels' shares with which the kept days would have fired no more
/// often than allowed. Channels that fire on the same days spend less than the sum of their shares;
/// accounts that are looked at more closely, and tails that were drawn too short, spend more.
fn restraint(window: &Window<'_>, channels: &Channels<ChannelModel>, allowed: f64) -> f64 {
    let of_step = |step: &i32| (f64::from(*step) / 4.0).exp2();
    let holds = |restraint: &f64| {
        let fired = rehearsed(window, channels, *restraint) as f64;
        fired + REHEARSED_PRIOR * restraint <= allowed + REHEARSED_PRIOR
    };
    let mut tried = RESTRAINTS.rev().map(|step| of_step(&step));
    tried.find(holds).unwrap_or_else(|| of_step(RESTRAINTS.start()))
}

/// Account days of the window that would have fired, had the channels' shares been so many times as
/// large.
fn rehearsed(window: &Window<'_>, channels: &Channels<ChannelModel>, restraint: f64) -> usize {
    let level = |c: usize, odds: u8| {
        let (touch, measure) = of_channel(c);
        let model = &channels[touch as usize][measure as usize];
        model.tail.level((model.alpha * restraint * f64::from(odds)).min(0.05))
    };
    let levels: Vec<[f64; 2]> =
        (0..CHANNELS).map(|c| [level(c, 1), level(c, RAISED_ODDS)]).collect();
    let fires = |peak: &Peak| {
        peak.scores.iter().any(|(mark, bin)| {
            let c = usize::from(mark % EXPLAINED);
            let Some(levels) = levels.get(c) else { return false };
            let (touch, measure) = of_channel(c);
            let explained = channels[touch as usize][measure as usize].explained;
            let bar = if *mark >= EXPLAINED { explained } else { 0.0 };
            let middle =
                f64::midpoint(score_edge(usize::from(*bin)), score_edge(usize::from(*bin) + 1));
            middle >= levels[usize::from(peak.odds > 1)].max(bar)
        })
    };
    let (mut fired, mut date, mut of_date) = (0, Day::MIN, 0);
    for (day, _) in window.parts.iter().flat_map(|p| &p.peaks).filter(|(_, peak)| fires(peak)) {
        of_date = if *day == date { of_date + 1 } else { 1 };
        date = *day;
        fired += usize::from(of_date <= REHEARSED_A_DAY);
    }
    fired
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::channel::channel;
    use crate::detect::tail::score_bin;
    use crate::event::Touch;

    const RARE: Budget = Budget { per_account_week: 1e-3, per_week_min: 0.0 };

    fn rules() -> Rules {
        Rules::built_in().unwrap()
    }

    /// Days of a deployment with ten account weeks each; every tenth day one account scores high.
    fn scores(days: i32, high: f64) -> Scores {
        let mut all = Scores::default();
        let (t, m) = (Touch::Listed as usize, Measure::Persons1d as usize);
        for day in 0..days {
            let mut of_day = DayScores::of(day, 10);
            (0..49).for_each(|_| of_day.humans[t][m].scores.add(score_bin(0.5)));
            if day % 10 == 0 {
                of_day.humans[t][m].scores.add(score_bin(high));
                let mark = channel(Touch::Listed, Measure::Persons1d) as u8;
                let scores = vec![(mark, score_bin(high) as u16)];
                of_day.peaks.push((day, Peak { odds: 1, scores }));
            }
            all.push(of_day);
        }
        all
    }

    #[test]
    fn calibration_looks_back_until_the_budget_allows_eight_alerts() {
        let mut all = scores(1_200, 5.0);
        let held = all.held(RARE);
        let window = all.window(held);
        assert!(window.long);
        // Ten account weeks a day and one alert in a thousand: 800 days.
        assert!((8_000.0..8_300.0).contains(&window.account_weeks), "{}", window.account_weeks);
        assert!((0..52).contains(&(window.days_since(|_| true) as i32 - 800)));
        all.forget(held);
        assert!(1_199 - all.older[0].day < CALIBRATION_DAYS_MAX);

        let generous = Budget { per_week_min: 2.0, ..RARE };
        let held = all.held(generous);
        let window = all.window(held);
        assert!(!window.long, "the usual floor makes four weeks enough");
        assert_eq!(window.account_weeks, 280.0);
        all.forget(Held { per_account_week: 0.1, ..held });
        assert!(all.older.is_empty(), "nobody needs what is older");
    }

    #[test]
    fn blocks_hold_what_their_days_held() {
        let all = scores(100, 5.0);
        let (t, m) = (Touch::Listed as usize, Measure::Persons1d as usize);
        let parts = || all.older.iter().chain(&all.days);
        assert_eq!(parts().map(|p| p.humans[t][m].scores.total()).sum::<u64>(), 49 * 100 + 10);
        assert_eq!(parts().map(|p| p.account_weeks).sum::<u64>(), 1_000);
        assert_eq!(parts().map(|p| p.peaks.len()).sum::<usize>(), 10);
        assert_eq!((all.older.len(), all.days.len()), (3, 28));
    }

    #[test]
    fn what_would_have_fired_too_often_is_held_back_and_what_never_does_let_out() {
        let (rules, since) = (rules(), Since::default());
        let quiet = scores(900, 0.6);
        let held = quiet.held(RARE);
        let (_, let_out) = quiet.channels(&rules, held, 900, &since);
        assert!(let_out > 1.0, "{let_out}");
        // Fits know nothing of channels that fire on other days: ninety days of a score beyond any
        // level of a channel that has no tail of its own.
        let mut wild = scores(900, 0.6);
        let mark = channel(Touch::Opened, Measure::Persons1d) as u8;
        for part in wild.older.iter_mut().chain(&mut wild.days) {
            for (_, peak) in &mut part.peaks {
                peak.scores = vec![(mark, score_bin(40.0) as u16)];
            }
        }
        let (channels, restraint) = wild.channels(&rules, held, 900, &since);
        assert!(restraint < 0.3, "{restraint}");
        let (plain, _) = quiet.channels(&rules, held, 900, &since);
        let alpha = |c: &Channels<ChannelModel>| c[0][0].alpha;
        assert!(alpha(&channels) < alpha(&plain));
    }

    #[test]
    fn many_accounts_of_one_date_are_one_occasion() {
        let mut all = scores(900, 0.6);
        let mark = channel(Touch::Opened, Measure::Persons1d) as u8;
        let peak = Peak { odds: 1, scores: vec![(mark, score_bin(60.0) as u16)] };
        let last = all.days.back_mut().unwrap();
        (0..19).for_each(|_| last.peaks.push((last.day, peak.clone())));
        let held = all.held(RARE);
        let window = all.window(held);
        let (channels, restraint) = all.channels(&rules(), held, 900, &Since::default());
        assert_eq!(rehearsed(&window, &channels, 1.0), REHEARSED_A_DAY);
        assert!(restraint > 0.9, "a theft by many blinds nobody: {restraint}");
    }
}
