//! SPOT (Siffer et al. 2017), one an account: peaks over a high threshold of its own counts, with
//! a generalised Pareto tail fitted by probability-weighted moments. With `drift`, of counts less
//! the mean of the last ten (DSPOT).

use std::collections::VecDeque;

use super::{Bucket, Comparator, Who, of_account};

/// Buckets before the first threshold.
const INITIAL: usize = 20;
/// Share of the initial buckets above the threshold.
const SHARE: f64 = 0.1;
/// Peaks remembered.
const PEAKS_MAX: usize = 200;
const DRIFT: usize = 10;

#[derive(Clone, Default)]
struct Own {
    initial: Vec<f64>,
    start: f64,
    buckets: f64,
    above: f64,
    peaks: VecDeque<f64>,
    shape: f64,
    scale: f64,
    recent: VecDeque<f64>,
}

/// See the module.
pub(super) struct Spot {
    drift: bool,
    accounts: Vec<Own>,
}

impl Spot {
    pub(super) fn new(drift: bool) -> Spot {
        Spot { drift, accounts: Vec::new() }
    }

    fn value(&self, own: &Own, count: u32) -> f64 {
        let n = own.recent.len().max(1) as f64;
        let local = if self.drift { own.recent.iter().sum::<f64>() / n } else { 0.0 };
        f64::from(count) - local
    }
}

impl Own {
    fn begin(&mut self) {
        self.initial.sort_unstable_by(f64::total_cmp);
        let place = (self.initial.len() as f64 * (1.0 - SHARE)) as usize;
        self.start = self.initial.get(place.saturating_sub(1)).copied().unwrap_or(0.0);
        self.buckets = self.initial.len() as f64;
        let above = self.initial.iter().filter(|x| **x > self.start);
        self.peaks = above.map(|x| x - self.start).collect();
        self.above = (self.peaks.len() as f64).max(1.0);
        self.fit();
    }

    /// Hosking and Wallis: shape 2 − b₀/(b₀ − 2b₁), scale 2b₀b₁/(b₀ − 2b₁), with b₁ the mean
    /// weighted by the share of larger peaks.
    fn fit(&mut self) {
        let mut peaks: Vec<f64> = self.peaks.iter().copied().collect();
        peaks.sort_unstable_by(f64::total_cmp);
        let n = peaks.len() as f64;
        let b0 = peaks.iter().sum::<f64>() / n.max(1.0);
        if peaks.len() < 4 {
            // Too few to say more than how large they are.
            (self.shape, self.scale) = (0.0, b0.max(1.0));
            return;
        }
        let larger = |(rank, x): (usize, &f64)| x * (n - 1.0 - rank as f64) / (n - 1.0);
        let b1 = peaks.iter().enumerate().map(larger).sum::<f64>() / n;
        let shape = 2.0 - b0 / (b0 - 2.0 * b1).max(1e-9);
        self.shape = shape.clamp(0.0, 0.9);
        self.scale = (b0 * (1.0 - self.shape)).max(1.0);
    }

    /// −ln of the probability of so much.
    fn surprise(&self, x: f64) -> f64 {
        let at_start = (self.buckets / self.above).ln();
        let beyond = (x - self.start) / self.scale;
        match beyond {
            b if b <= 0.0 => at_start + b.max(-1e6) * 1e-3,
            b if self.shape < 1e-6 => at_start + b,
            b => at_start + (1.0 + self.shape * b).ln() / self.shape,
        }
    }
}

impl Comparator for Spot {
    fn score(&self, who: Who, _: &Bucket, count: u32) -> Option<f64> {
        let own = self.accounts.get(who.account as usize)?;
        (own.buckets > 0.0).then(|| own.surprise(self.value(own, count)))
    }

    fn learn(&mut self, who: Who, _: &Bucket, count: u32) {
        of_account(&mut self.accounts, who.account);
        let x = self.value(&self.accounts[who.account as usize], count);
        let own = of_account(&mut self.accounts, who.account);
        if own.recent.len() == DRIFT {
            own.recent.pop_front();
        }
        own.recent.push_back(f64::from(count));
        if own.buckets == 0.0 {
            own.initial.push(x);
            if own.initial.len() == INITIAL {
                own.begin();
            }
            return;
        }
        own.buckets += 1.0;
        if x > own.start {
            own.above += 1.0;
            if own.peaks.len() == PEAKS_MAX {
                own.peaks.pop_front();
            }
            own.peaks.push_back(x - own.start);
            own.fit();
        }
    }
}
