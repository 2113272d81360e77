//! From a score to an honest probability: an extreme-value tail over the scores of many account
//! days, so that the false-alert budget the operator sets is the one they get.
//!
//! A score s = −ln P(X ≥ x) under the model only ranks; real habits are wilder than any model.
//! Beyond a high quantile t the exceedances follow a generalised Pareto distribution (peaks over
//! threshold): q(s) = ζ (1 + ξ (s − t)/σ)^(−1/ξ), ζ = share of scores beyond t.

use serde::{Deserialize, Serialize};

/// Counts by bin; grows to the highest bin that was used. Merging is adding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram(Vec<u32>);

impl Histogram {
    /// Counts one value.
    pub fn add(&mut self, bin: usize) {
        if bin >= self.0.len() {
            self.0.resize(bin + 1, 0);
        }
        self.0[bin] = self.0[bin].saturating_add(1);
    }

    /// Adds another histogram to this one.
    pub fn merge(&mut self, other: &Histogram) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// Takes another histogram out of this one.
    pub fn subtract(&mut self, other: &Histogram) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_sub(*theirs);
        }
    }

    /// The lowest `limit` values.
    #[must_use]
    pub fn lowest(&self, limit: u64) -> Histogram {
        let mut left = limit.min(u64::from(u32::MAX)) as u32;
        let keep = |n: &u32| {
            let kept = left.min(*n);
            left -= kept;
            kept
        };
        Histogram(self.0.iter().map(keep).collect())
    }

    /// Values counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|n| u64::from(*n)).sum()
    }

    /// Used bins from the lowest, with their counts.
    pub fn bins(&self) -> impl DoubleEndedIterator<Item = (usize, u32)> {
        self.0.iter().copied().enumerate().filter(|(_, n)| *n > 0)
    }

    /// Lowest bin such that at most `share` of the values lie above it.
    #[must_use]
    pub fn quantile_bin(&self, share: f64) -> usize {
        let allowed = (self.total() as f64 * share) as u64;
        let mut above = 0u64;
        for (bin, count) in self.bins().rev() {
            above += u64::from(count);
            if above > allowed {
                return bin;
            }
        }
        0
    }
}

/// Bins of an eighth of a nat up to 64 nats, of 5 % beyond.
const FINE_BINS: usize = 512;
const FINE_NATS: f64 = 64.0;
const COARSE_RATIO: f64 = 1.05;
const COARSE_BINS: f64 = 200.0;

/// Bin of a score.
#[must_use]
pub fn score_bin(nats: f64) -> usize {
    if nats < FINE_NATS {
        (nats.max(0.0) * 8.0) as usize
    } else {
        FINE_BINS + ((nats / FINE_NATS).ln() / COARSE_RATIO.ln()).min(COARSE_BINS) as usize
    }
}

/// Lower edge of a bin, in nats.
#[must_use]
pub fn score_edge(bin: usize) -> f64 {
    if bin < FINE_BINS {
        bin as f64 / 8.0
    } else {
        FINE_NATS * COARSE_RATIO.powi((bin - FINE_BINS) as i32)
    }
}

fn score_middle(bin: usize) -> f64 {
    (score_edge(bin) + score_edge(bin + 1)) / 2.0
}

/// A fitted tail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tail {
    /// t, nats: where the tail begins.
    pub start: f64,
    /// ζ: share of account days beyond t.
    pub share: f64,
    /// ξ: 0 = exponential, larger = heavier.
    pub shape: f64,
    /// σ, nats.
    pub scale: f64,
    /// Account days behind it.
    pub samples: u64,
    /// The third-highest score seen beyond those that may fire: what happens again and again is
    /// usual, whatever a smooth tail makes of it. Third, because one undetected thief must not
    /// move it.
    pub seen: f64,
}

impl Tail {
    /// The score that a share `alpha` of account days reaches; at least −ln alpha, and more than what
    /// was seen.
    #[must_use]
    pub fn level(&self, alpha: f64) -> f64 {
        self.beyond(alpha).max(-alpha.ln())
    }

    /// The same for a score that is not itself a logarithm of a probability.
    #[must_use]
    pub fn beyond(&self, alpha: f64) -> f64 {
        let ratio = (alpha / self.share).min(1.0);
        let excess = if self.shape < 1e-3 {
            -self.scale * ratio.ln()
        } else {
            self.scale / self.shape * (ratio.powf(-self.shape) - 1.0)
        };
        (self.start + excess).max(self.seen)
    }

    /// Probability that an account day scores `nats` or more.
    #[must_use]
    pub fn probability(&self, nats: f64) -> f64 {
        if nats <= self.start {
            return (-nats).exp().max(self.share).min(1.0);
        }
        let y = (nats - self.start) / self.scale;
        let tail = if self.shape < 1e-3 {
            (-y).exp()
        } else {
            (1.0 + self.shape * y).powf(-1.0 / self.shape)
        };
        (self.share * tail).max(f64::MIN_POSITIVE)
    }
}

/// Probabilities of scores over their whole range: empirical up to the tail, fitted beyond.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// P(score ≥ lower edge of bin i), up to the tail; empty = nothing known.
    survival: Vec<f32>,
    tail: Option<Tail>,
}

impl Curve {
    /// The curve of a sample; unknown while it is too small.
    #[must_use]
    pub fn fit(scores: &Histogram, prior: &Tail) -> Curve {
        let total = scores.total();
        if total < SAMPLES_MIN {
            return Curve::default();
        }
        // p-values of days need no wider prior: what they add up to is calibrated again.
        let none = Histogram::default();
        let tail = Tail { seen: 0.0, ..fit_near(scores, &none, prior, 0.0, |_| 0.0) };
        let last = score_bin(tail.start);
        let mut above = total;
        let mut survival = Vec::with_capacity(last);
        for bin in 0..last {
            survival.push((above as f64 + 1.0) as f32 / (total as f64 + 1.0) as f32);
            above -= u64::from(scores.0.get(bin).copied().unwrap_or(0));
        }
        Curve { survival, tail: Some(tail) }
    }

    /// P(score ≥ `nats`).
    #[must_use]
    pub fn probability(&self, nats: f64) -> Option<f64> {
        let tail = self.tail?;
        let empirical = self.survival.get(score_bin(nats)).map(|p| f64::from(*p));
        Some(empirical.unwrap_or_else(|| tail.probability(nats)))
    }

    /// The score whose probability is at most `p`.
    #[must_use]
    pub fn level(&self, p: f64) -> Option<f64> {
        let tail = self.tail?;
        let bin = self.survival.partition_point(|s| f64::from(*s) > p);
        Some(if bin < self.survival.len() { score_edge(bin) } else { tail.level(p) })
    }
}

/// Largest number of exceedances a tail is fitted to.
const EXCEEDANCES_MAX: f64 = 600.0;
/// Largest share of the scores that is called tail.
const TAIL_SHARE: f64 = 0.02;
/// Fewer account days than this say nothing about a tail.
pub(super) const SAMPLES_MIN: u64 = 200;
/// Shapes tried, in steps of 0.05: up to 1.2. Bulk work of people who do little else is that heavy.
const SHAPE_STEPS: u32 = 24;
/// How far (one standard deviation) a fit may stray from the prior shape and log scale before the
/// data must insist. Small samples of heavy scores otherwise fit ξ near 1 and go blind.
const SHAPE_LEEWAY: f64 = 0.15;
const LOG_SCALE_LEEWAY: f64 = 1.0;

/// Fits the tail of `scores`. `censored` are accounts taken out of calibration because they
/// alerted, each once, at the score of their threshold: known only to lie beyond it. Leaving them
/// out would shorten the tail with every alert; letting their full scores in would let a thief
/// lengthen it.
#[must_use]
pub fn fit(scores: &Histogram, censored: &Histogram, prior: &Tail, alpha: f64) -> Tail {
    // The same tail further out is wider: a prior for t₀ expects σ + ξ (t − t₀) at t.
    let wider = |start: f64| prior.shape * (start - prior.start).max(0.0);
    fit_near(scores, censored, prior, alpha, wider)
}

/// Fits near the prior, which is wider by so much where the tail begins at a score.
fn fit_near(
    scores: &Histogram,
    censored: &Histogram,
    prior: &Tail,
    alpha: f64,
    wider: impl Fn(f64) -> f64,
) -> Tail {
    let mut all = scores.clone();
    all.merge(censored);
    let samples = all.total();
    if samples < SAMPLES_MIN {
        return Tail { samples, ..*prior };
    }
    // Where few days have a score at all, the upper half of those is the tail.
    let scored = samples - all.0.first().map_or(0, |n| u64::from(*n));
    let half = 0.5 * scored as f64 / samples as f64;
    let share = TAIL_SHARE.min(EXCEEDANCES_MAX / samples as f64).min(half);
    let first = all.quantile_bin(share) + 1;
    let start = score_edge(first);
    let beyond = |h: &Histogram| -> Vec<(f64, f64)> {
        h.bins()
            .filter(|(bin, _)| *bin >= first)
            .map(|(bin, n)| (score_middle(bin) - start, f64::from(n)))
            .collect()
    };
    let (seen, cut) = (beyond(scores), beyond(censored));
    let exceedances: f64 = seen.iter().chain(&cut).map(|(_, n)| n).sum();
    // An empty tail still has a beginning: the highest score seen, reached at most once.
    let share = exceedances.max(1.0) / samples as f64;
    let prior = &Tail { scale: prior.scale + wider(start), ..*prior };
    let (shape, scale) = most_likely(&seen, &cut, prior);
    let seen = third_highest(&all, (alpha * samples as f64) as u64);
    Tail { start, share, shape, scale, samples, seen }
}

/// Upper edge of the third-highest score, not counting the `allowed` highest.
fn third_highest(all: &Histogram, allowed: u64) -> f64 {
    const FROM: u64 = 3;
    let mut left = allowed + FROM;
    for (bin, n) in all.bins().rev() {
        if u64::from(n) >= left {
            return score_edge(bin + 1);
        }
        left -= u64::from(n);
    }
    0.0
}

/// Penalised maximum likelihood of (ξ, σ) over a grid of shapes, the scale by golden section.
fn most_likely(seen: &[(f64, f64)], cut: &[(f64, f64)], prior: &Tail) -> (f64, f64) {
    let mut best = (f64::NEG_INFINITY, prior.shape, prior.scale);
    for step in 0..=SHAPE_STEPS {
        let shape = f64::from(step) * 0.05 + 1e-6;
        let score = |log_scale: f64| {
            let scale = log_scale.exp();
            let log = |y: f64| (shape * y / scale).ln_1p();
            let likelihood: f64 = seen
                .iter()
                .map(|(y, n)| -n * (log_scale + (1.0 + 1.0 / shape) * log(*y)))
                .chain(cut.iter().map(|(y, n)| -n / shape * log(*y)))
                .sum();
            let stray = (shape - prior.shape) / SHAPE_LEEWAY;
            let stretch = (log_scale - prior.scale.ln()) / LOG_SCALE_LEEWAY;
            likelihood - 0.5 * (stray * stray + stretch * stretch)
        };
        let log_scale = golden_section(score, -3.0, 5.0);
        let value = score(log_scale);
        if value > best.0 {
            best = (value, shape, log_scale.exp());
        }
    }
    (best.1, best.2)
}

/// Maximum of a unimodal function on [low, high].
fn golden_section(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_895;
    let (mut a, mut b) = (high - RATIO * (high - low), low + RATIO * (high - low));
    let (mut fa, mut fb) = (f(a), f(b));
    for _ in 0..18 {
        if fa > fb {
            high = b;
            (b, fb) = (a, fa);
            a = high - RATIO * (high - low);
            fa = f(a);
        } else {
            low = a;
            (a, fa) = (b, fb);
            b = low + RATIO * (high - low);
            fb = f(b);
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: Tail =
        Tail { start: 4.0, share: 0.02, shape: 0.2, scale: 1.5, samples: 0, seen: 0.0 };

    /// Scores at evenly spaced probabilities of a Pareto tail beyond 2 nats.
    fn pareto_scores(n: u32, shape: f64, scale: f64) -> Histogram {
        let mut h = Histogram::default();
        for i in 0..n {
            let p = (f64::from(i) + 0.5) / f64::from(n);
            let s =
                if p > 0.1 { 0.5 } else { 2.0 + scale / shape * ((p / 0.1).powf(-shape) - 1.0) };
            h.add(score_bin(s));
        }
        h
    }

    #[test]
    fn a_known_tail_is_recovered_beyond_the_sample() {
        let scores = pareto_scores(30_000, 0.25, 1.2);
        for alpha in [1e-3, 1e-4, 1e-5] {
            let tail = fit(&scores, &Histogram::default(), &PRIOR, alpha);
            let expected = 2.0 + 1.2 / 0.25 * ((alpha / 0.1f64).powf(-0.25) - 1.0);
            let got = tail.level(alpha);
            assert!((got / expected - 1.0).abs() < 0.12, "{alpha}: {got} {expected}");
            assert!((tail.probability(got) / alpha).ln().abs() < 1e-6 || got == -alpha.ln());
        }
    }

    #[test]
    fn censored_alerts_keep_the_tail_where_dropping_them_would_shorten_it() {
        let whole = pareto_scores(20_000, 0.3, 1.5);
        let (mut kept, mut cut) = (Histogram::default(), Histogram::default());
        for (bin, n) in whole.bins() {
            for _ in 0..n {
                if score_edge(bin) > 12.0 { cut.add(score_bin(12.0)) } else { kept.add(bin) }
            }
        }
        let truth = fit(&whole, &Histogram::default(), &PRIOR, 1e-5).level(1e-5);
        let censored = fit(&kept, &cut, &PRIOR, 1e-5).level(1e-5);
        let dropped = fit(&kept, &Histogram::default(), &PRIOR, 1e-5).level(1e-5);
        assert!((censored / truth - 1.0).abs() < 0.25, "{censored} {truth}");
        assert!(dropped < censored);
    }

    #[test]
    fn a_thief_in_the_sample_moves_the_threshold_little() {
        let mut scores = pareto_scores(20_000, 0.2, 1.2);
        let before = fit(&scores, &Histogram::default(), &PRIOR, 1e-5).level(1e-5);
        let mut cut = Histogram::default();
        (0..12).for_each(|_| cut.add(score_bin(before)));
        let after = fit(&scores, &cut.lowest(1), &PRIOR, 1e-5).level(1e-5);
        assert!(after < before * 1.6, "{before} {after}");
        (0..12).for_each(|_| scores.add(score_bin(50_000.0)));
        let blind = fit(&scores, &Histogram::default(), &PRIOR, 1e-5).level(1e-5);
        assert!(blind > after, "uncensored scores would have moved it more");
    }

    #[test]
    fn work_as_heavy_as_bulk_commits_is_nearly_recovered() {
        let scores = pareto_scores(30_000, 0.9, 1.2);
        for alpha in [1e-3, 1e-4] {
            let expected = 2.0 + 1.2 / 0.9 * ((alpha / 0.1f64).powf(-0.9) - 1.0);
            let got = fit(&scores, &Histogram::default(), &PRIOR, alpha).level(alpha);
            // The prior keeps pulling; a shape of at most 0.6 would give a third of it at 1e-4.
            assert!((got / expected).ln().abs() < 0.6, "{alpha}: {got} {expected}");
        }
    }

    #[test]
    fn a_few_wild_scores_are_expected_to_be_followed_by_wilder_ones() {
        let mut scores = Histogram::default();
        (0..8_000).for_each(|_| scores.add(score_bin(0.0)));
        for nats in [70.0, 74.0, 75.0] {
            scores.add(score_bin(nats));
        }
        let tail = fit(&scores, &Histogram::default(), &PRIOR, 2e-5);
        assert!(tail.scale > 6.0, "{tail:?}");
        assert!(tail.level(2e-5) > 90.0, "{}", tail.level(2e-5));
    }

    #[test]
    fn few_scores_leave_the_prior() {
        let tail = fit(&pareto_scores(150, 0.2, 1.0), &Histogram::default(), &PRIOR, 1e-5);
        assert_eq!(Tail { samples: 0, ..tail }, PRIOR);
    }

    #[test]
    fn bins_and_edges_agree() {
        for nats in [0.0, 0.1, 3.3, 63.9, 64.0, 100.0, 9_000.0] {
            let bin = score_bin(nats);
            assert!(score_edge(bin) <= nats + 1e-9 && nats < score_edge(bin + 1) + 1e-9, "{nats}");
        }
        assert_eq!(score_bin(f64::MAX), score_bin(1e9));
    }
}
