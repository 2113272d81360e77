//! Everybody of a group as members of one model (as Elastic's population analysis does): log-normal
//! counts by hour class, forgotten slowly, whoever they come from.

use std::collections::HashMap;

use super::{Bucket, Comparator, Who};

/// Forgotten a day.
const FORGET: f64 = 0.02;
const WEIGHT_MIN: f64 = 50.0;

#[derive(Clone, Copy, Default)]
struct Moments {
    weight: f64,
    sum: f64,
    squares: f64,
    day: i32,
}

/// See the module.
#[derive(Default)]
pub(super) struct Population {
    groups: HashMap<(u32, u8), Moments>,
}

impl Comparator for Population {
    fn score(&self, who: Who, bucket: &Bucket, count: u32) -> Option<f64> {
        let own = self.groups.get(&(who.group, bucket.class))?;
        if own.weight < WEIGHT_MIN {
            return None;
        }
        let mean = own.sum / own.weight;
        let variance = own.squares / own.weight - mean * mean;
        Some((f64::from(count).ln_1p() - mean) / variance.max(0.01).sqrt())
    }

    fn learn(&mut self, who: Who, bucket: &Bucket, count: u32) {
        let own = self.groups.entry((who.group, bucket.class)).or_default();
        if bucket.day > own.day {
            let kept = (1.0 - FORGET).powi((bucket.day - own.day).min(1_000));
            own.weight *= kept;
            own.sum *= kept;
            own.squares *= kept;
            own.day = bucket.day;
        }
        let x = f64::from(count).ln_1p();
        own.weight += 1.0;
        own.sum += x;
        own.squares += x * x;
    }
}
