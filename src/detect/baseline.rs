//! What is normal for one account: forgetting moments of its own counts, shrunk towards its
//! peers, and how often it is active at unusual times.

use serde::{Deserialize, Serialize};

use super::counts::Predictive;

/// Forgetting sums of one count: total, weight, squares. 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Σ λ^age · x
    pub sum: f32,
    /// Σ λ^age: how many intervals stand behind the mean.
    pub weight: f32,
    /// Σ λ^age · x²
    pub squares: f32,
}

impl Moments {
    /// Learns one interval; `keep` = λ in (0, 1].
    pub fn learn(&mut self, x: f32, keep: f32) {
        self.sum = self.sum * keep + x;
        self.weight = self.weight * keep + 1.0;
        self.squares = self.squares * keep + x * x;
    }

    /// Learns an interval that overlaps others: only `part` of it is new.
    pub fn learn_part(&mut self, x: f32, keep: f32, part: f32) {
        let keep = keep.powf(part);
        self.sum = self.sum * keep + part * x;
        self.weight = self.weight * keep + part;
        self.squares = self.squares * keep + part * x * x;
    }

    /// Mean count of an interval; 0 before the first.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.weight > 0.0 { f64::from(self.sum) / f64::from(self.weight) } else { 0.0 }
    }

    /// Sample variance; 0 with fewer than two intervals.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let weight = f64::from(self.weight);
        if weight < 1.5 {
            return 0.0;
        }
        let mean = self.mean();
        (f64::from(self.squares) / weight - mean * mean).max(0.0) * weight / (weight - 1.0)
    }
}

/// What the peers say about one count before the account speaks for itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// m₀: mean of the members' means.
    pub mean: f32,
    /// 1/r: extra-Poisson spread between intervals of one member.
    pub dispersion: f32,
    /// n₀: intervals of own history the prior is worth, 1 to 50.
    pub strength: f32,
}

/// Weight of a count learned per active day.
pub const KEEP_DAY: f32 = 0.97;
/// Weight of a count learned per active hour: about six of them a day.
pub const KEEP_HOUR: f32 = 1.0 - 0.03 / 6.0;

/// Predictive distribution of the next interval (`DETECTION` 1.2): shrunk mean m = (S + n₀m₀)/(W +
/// n₀), and 1/κ = 1/r + (1/m + 1/r)/(W + n₀), spread between intervals plus doubt of the mean.
#[must_use]
pub fn predict(own: &Moments, prior: Prior, wave: f64) -> Predictive {
    let strength = f64::from(prior.strength);
    let weight = f64::from(own.weight) + strength;
    let mean = ((f64::from(own.sum) + strength * f64::from(prior.mean)) / weight).max(0.02);
    let dispersion = f64::from(prior.dispersion);
    let doubt = (1.0 / mean + dispersion) / weight;
    Predictive::new(mean * wave, 1.0 / (dispersion + doubt))
}

/// Predictive distribution of an account without peers (machines, sources): its own spread, never
/// below 10 %, since a schedule that never varies has simply not been seen varying.
#[must_use]
pub fn predict_alone(own: &Moments) -> Predictive {
    let mean = own.mean().max(0.02);
    let dispersion = ((own.variance() - mean) / (mean * mean)).clamp(0.01, 5.0);
    let doubt = (1.0 / mean + dispersion) / f64::from(own.weight).max(1.0);
    Predictive::new(mean, 1.0 / (dispersion + doubt))
}

/// What an interval teaches at most: one outlier must not raise the baseline much. (x̃ = min(x, m +
/// 2 sd); growth is then a few per cent a day at most, whatever is read.)
#[must_use]
pub fn winsorise(x: u64, model: Predictive) -> f32 {
    (x as f64).min(model.mean + 2.0 * model.sd()) as f32
}

/// Forgetting share of opportunities taken: was the account active at such times?
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Opportunities used.
    pub active: f32,
    /// Opportunities.
    pub chances: f32,
}

impl Activity {
    /// Learns `chances` opportunities, the last of which was used or not.
    pub fn learn(&mut self, active: bool, chances: u32) {
        for chance in 0..chances {
            let used = active && chance + 1 == chances;
            self.active = self.active * KEEP_DAY + f32::from(u8::from(used));
            self.chances = self.chances * KEEP_DAY + 1.0;
        }
    }

    /// −ln of the probability to be active at such a time, shrunk towards the peers' share:
    /// P̂ = (A + 4π)/(B + 4).
    #[must_use]
    pub fn surprise(&self, peers: f64) -> f64 {
        let p = (f64::from(self.active) + 4.0 * peers) / (f64::from(self.chances) + 4.0);
        -p.clamp(1e-4, 1.0).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEERS: Prior = Prior { mean: 14.0, dispersion: 0.5, strength: 4.0 };

    #[test]
    fn without_history_the_peers_are_the_baseline() {
        let model = predict(&Moments::default(), PEERS, 1.0);
        assert!((model.mean - 14.0).abs() < 1e-6);
        assert!(model.size < 2.0, "doubt of the mean widens the spread");
    }

    #[test]
    fn history_takes_over_and_a_wave_scales_it() {
        let mut own = Moments::default();
        for _ in 0..200 {
            own.learn(40.0, KEEP_DAY);
        }
        let model = predict(&own, PEERS, 1.5);
        assert!((model.mean - 1.5 * 37.2).abs() < 1.5, "{}", model.mean);
    }

    #[test]
    fn one_outlier_teaches_little() {
        let model = predict(&Moments::default(), PEERS, 1.0);
        let learned = winsorise(1_000_000, model);
        assert!(learned < 60.0, "{learned}");
        assert_eq!(winsorise(9, model), 9.0);
    }

    #[test]
    fn nights_nobody_works_are_surprising() {
        let mut never = Activity::default();
        never.learn(false, 60);
        let mut often = Activity::default();
        (0..60).for_each(|_| often.learn(true, 1));
        assert!(never.surprise(0.01) > 5.0);
        assert!(often.surprise(0.01) < 0.2);
    }
}
