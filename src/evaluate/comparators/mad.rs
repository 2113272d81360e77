//! Scaled median deviations (1.4826 · MAD) above the account's own median, by hour class.

use std::collections::VecDeque;

use super::{Bucket, Comparator, Who, of_account};

/// Buckets remembered by class.
const MEMORY: usize = 100;
const BUCKETS_MIN: usize = 5;

#[derive(Clone, Default)]
struct Class {
    counts: VecDeque<u32>,
    median: f64,
    scale: f64,
}

/// See the module.
#[derive(Default)]
pub(super) struct Mad {
    accounts: Vec<[Class; 3]>,
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { 0.5 * (values[middle - 1] + values[middle]) }
}

impl Comparator for Mad {
    fn score(&self, who: Who, bucket: &Bucket, count: u32) -> Option<f64> {
        let class = &self.accounts.get(who.account as usize)?[usize::from(bucket.class)];
        let known = class.counts.len() >= BUCKETS_MIN;
        known.then(|| (f64::from(count) - class.median) / class.scale)
    }

    fn learn(&mut self, who: Who, bucket: &Bucket, count: u32) {
        let account = of_account(&mut self.accounts, who.account);
        let class = &mut account[usize::from(bucket.class)];
        if class.counts.len() == MEMORY {
            class.counts.pop_front();
        }
        class.counts.push_back(count);
        let mut values: Vec<f64> = class.counts.iter().map(|c| f64::from(*c)).collect();
        class.median = median(&mut values);
        values.iter_mut().for_each(|v| *v = (*v - class.median).abs());
        class.scale = (1.4826 * median(&mut values)).max(1.0);
    }
}
