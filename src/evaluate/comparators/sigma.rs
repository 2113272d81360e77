//! Standard deviations above the account's own mean of the last 28 days, active buckets only.

use std::collections::VecDeque;

use super::{Bucket, Comparator, Who, of_account};

const DAYS: i32 = 28;
const BUCKETS_MIN: f64 = 5.0;

/// Of one day: how many buckets, their sum, their sum of squares.
type Sums = (f64, f64, f64);

/// See the module.
#[derive(Default)]
pub(super) struct Sigma {
    accounts: Vec<(VecDeque<(i32, Sums)>, Sums)>,
}

impl Comparator for Sigma {
    fn open(&mut self, who: Who, bucket: &Bucket) {
        let (days, all) = of_account(&mut self.accounts, who.account);
        while let Some((day, sums)) = days.front().copied()
            && day < bucket.day - DAYS
        {
            days.pop_front();
            *all = (all.0 - sums.0, all.1 - sums.1, all.2 - sums.2);
        }
    }

    fn score(&self, who: Who, _: &Bucket, count: u32) -> Option<f64> {
        let (_, (n, sum, squares)) = self.accounts.get(who.account as usize)?;
        if *n < BUCKETS_MIN {
            return None;
        }
        let mean = sum / n;
        let variance = (squares - n * mean * mean) / (n - 1.0);
        // Below one person there is nothing to measure.
        Some((f64::from(count) - mean) / variance.max(1.0).sqrt())
    }

    fn learn(&mut self, who: Who, bucket: &Bucket, count: u32) {
        let (days, all) = of_account(&mut self.accounts, who.account);
        let x = f64::from(count);
        let add = |sums: &mut Sums| *sums = (sums.0 + 1.0, sums.1 + x, sums.2 + x * x);
        match days.back_mut() {
            Some((day, sums)) if *day == bucket.day => add(sums),
            _ => days.push_back((bucket.day, (1.0, x, x * x))),
        }
        add(all);
    }
}
