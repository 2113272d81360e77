//! Standard deviations above an exponentially weighted mean of the account's own active buckets,
//! with a variance weighted the same way.

use super::{Bucket, Comparator, Who, of_account};

const BUCKETS_MIN: u32 = 5;

#[derive(Clone, Default)]
struct Own {
    mean: f64,
    variance: f64,
    buckets: u32,
}

/// See the module.
pub(super) struct Ewma {
    alpha: f64,
    accounts: Vec<Own>,
}

impl Ewma {
    pub(super) fn new(alpha: f64) -> Ewma {
        Ewma { alpha, accounts: Vec::new() }
    }
}

impl Comparator for Ewma {
    fn score(&self, who: Who, _: &Bucket, count: u32) -> Option<f64> {
        let own = self.accounts.get(who.account as usize)?;
        let known = own.buckets >= BUCKETS_MIN;
        known.then(|| (f64::from(count) - own.mean) / own.variance.max(1.0).sqrt())
    }

    fn learn(&mut self, who: Who, _: &Bucket, count: u32) {
        let alpha = self.alpha;
        let own = of_account(&mut self.accounts, who.account);
        own.buckets += 1;
        if own.buckets == 1 {
            own.mean = f64::from(count);
            return;
        }
        let off = f64::from(count) - own.mean;
        own.mean += alpha * off;
        own.variance = (1.0 - alpha) * (own.variance + alpha * off * off);
    }
}
