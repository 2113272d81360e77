//! Statistics of few numbers: quantiles, intervals, a seeded source of randomness.

/// SplitMix64: seeded, the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream of its own for each seed.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed ^ 0x5EED_0FE7_A10A_7E00)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in 0..count; 0 when there is nothing to choose from.
    pub fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }
}

/// The smallest value that at least `share` of the values do not exceed; 0 without values.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(place - 1).copied().unwrap_or(0.0)
}

/// Resamples of a bootstrap.
const RESAMPLES: usize = 1_000;

/// 90 % bootstrap interval of the median over all values, resampling their clusters (the seeds).
#[must_use]
pub fn bootstrap_median(clusters: &[Vec<f64>], seed: u64) -> (f64, f64) {
    let mut random = Random::new(seed);
    let mut medians = Vec::with_capacity(RESAMPLES);
    let mut drawn = Vec::new();
    for _ in 0..RESAMPLES {
        drawn.clear();
        for _ in clusters {
            drawn.extend_from_slice(&clusters[random.below(clusters.len())]);
        }
        medians.push(quantile(&drawn, 0.5));
    }
    (quantile(&medians, 0.05), quantile(&medians, 0.95))
}

/// Exact 95 % interval of a Poisson mean of which `count` were seen (Garwood), by bisection.
#[must_use]
pub fn poisson_interval(count: u64) -> (f64, f64) {
    let high = count as f64 + 10.0 * (count as f64 + 1.0).sqrt() + 10.0;
    // P(X ≤ count) falls as the mean grows.
    let lower = if count == 0 { 0.0 } else { bisect(high, |mean| upto(count - 1, mean) > 0.975) };
    (lower, bisect(high, |mean| upto(count, mean) > 0.025))
}

/// Where a condition that holds below stops to hold, between 0 and `high`.
fn bisect(high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, high);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

/// P(X ≤ count) of a Poisson variable, summed from its largest term.
fn upto(count: u64, mean: f64) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    let (mut ln_term, mut ln_terms) = (-mean, vec![-mean]);
    for n in 1..=count {
        ln_term += (mean / n as f64).ln();
        ln_terms.push(ln_term);
    }
    let largest = ln_terms.iter().copied().fold(f64::MIN, f64::max);
    (largest + ln_terms.iter().map(|t| (t - largest).exp()).sum::<f64>().ln()).exp().min(1.0)
}

/// Persons that an alarm process which knows nothing would let out of a campaign: alarms fall on
/// each of its accounts `rate` times a week, persons leave evenly over its `weeks`.
#[must_use]
pub fn random_alarms(wanted: f64, rate: f64, accounts: f64, weeks: f64) -> f64 {
    let expected = rate * accounts * weeks;
    if expected < 1e-9 { wanted } else { wanted * (1.0 - (-expected).exp()) / expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values = [4.0, 1.0, 3.0, 2.0];
        for (share, want) in [(0.0, 1.0), (0.25, 1.0), (0.5, 2.0), (0.9, 4.0), (1.0, 4.0)] {
            assert_eq!(quantile(&values, share), want, "{share}");
        }
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn poisson_intervals_are_those_of_the_tables() {
        for (count, low, high) in [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)] {
            let (l, h) = poisson_interval(count);
            assert!((l - low).abs() < 0.01 && (h - high).abs() < 0.01, "{count}: {l} {h}");
        }
        let (low, high) = poisson_interval(1_000);
        assert!((low - 938.97).abs() < 0.2 && (high - 1_063.9).abs() < 0.3, "{low} {high}");
    }

    #[test]
    fn a_bootstrap_is_seeded_and_holds_the_median() {
        let clusters: Vec<Vec<f64>> = (0..20).map(|n| vec![f64::from(n), 50.0]).collect();
        let (low, high) = bootstrap_median(&clusters, 7);
        assert_eq!((low, high), bootstrap_median(&clusters, 7));
        assert!(low <= 19.0 && high >= 19.0 && low < high, "{low} {high}");
        assert_eq!(bootstrap_median(&[vec![3.0], vec![3.0]], 1), (3.0, 3.0));
    }

    #[test]
    fn alarms_that_know_nothing_gain_nothing() {
        assert_eq!(random_alarms(1_000.0, 0.0, 2.0, 4.0), 1_000.0);
        assert!(random_alarms(1_000.0, 0.0005, 2.0, 4.0) > 997.0);
        assert!(random_alarms(1_000.0, 10.0, 1.0, 10.0) < 11.0);
    }
}
