//! CUSUM of the likelihood ratio of a negative binomial whose mean is `rho` times the account's
//! own, over its active buckets.

use super::{Bucket, Comparator, Who, of_account};

/// Shape of the negative binomial.
const R: f64 = 2.0;
/// How fast the own mean follows, after its first buckets.
const ALPHA: f64 = 0.02;
const BUCKETS_MIN: u32 = 5;
const SUM_MAX: f64 = 200.0;

#[derive(Clone, Default)]
struct Own {
    mean: f64,
    buckets: u32,
    sum: f64,
}

/// See the module.
pub(super) struct NbCusum {
    rho: f64,
    accounts: Vec<Own>,
}

impl NbCusum {
    pub(super) fn new(rho: f64) -> NbCusum {
        NbCusum { rho, accounts: Vec::new() }
    }

    fn ratio(&self, mean: f64, count: u32) -> f64 {
        let (m, raised) = (mean.max(0.1), self.rho * mean.max(0.1));
        let x = f64::from(count);
        x * (self.rho * (R + m) / (R + raised)).ln() - R * ((R + raised) / (R + m)).ln()
    }
}

impl Comparator for NbCusum {
    fn score(&self, who: Who, _: &Bucket, count: u32) -> Option<f64> {
        let own = self.accounts.get(who.account as usize)?;
        (own.buckets >= BUCKETS_MIN).then(|| own.sum + self.ratio(own.mean, count))
    }

    fn learn(&mut self, who: Who, bucket: &Bucket, count: u32) {
        let score = self.score(who, bucket, count);
        let own = of_account(&mut self.accounts, who.account);
        if let Some(score) = score {
            own.sum = score.clamp(0.0, SUM_MAX);
        }
        own.buckets += 1;
        let weight = ALPHA.max(1.0 / f64::from(own.buckets));
        own.mean += weight * (f64::from(count) - own.mean);
    }
}
