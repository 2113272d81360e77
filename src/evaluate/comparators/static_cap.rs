//! One cap for everybody of a partner, or of a role: so many times what all but one in a thousand
//! of its buckets held in the first four weeks.

use std::collections::HashMap;

use super::{Bucket, Comparator, Who};

const WARM_UP_DAYS: i32 = 28;

/// See the module.
pub(super) struct StaticCap {
    scope: fn(Who) -> u32,
    first_day: Option<i32>,
    counts: HashMap<u32, Vec<u32>>,
    caps: HashMap<u32, f64>,
    cap_of_all: Option<f64>,
}

impl StaticCap {
    pub(super) fn per_partner() -> StaticCap {
        StaticCap::new(|who| who.partner)
    }

    pub(super) fn per_role() -> StaticCap {
        StaticCap::new(|who| who.group)
    }

    fn new(scope: fn(Who) -> u32) -> StaticCap {
        StaticCap {
            scope,
            first_day: None,
            counts: HashMap::new(),
            caps: HashMap::new(),
            cap_of_all: None,
        }
    }

    fn freeze(&mut self) {
        let mut all = Vec::new();
        for (scope, mut counts) in std::mem::take(&mut self.counts) {
            self.caps.insert(scope, high(&mut counts));
            all.append(&mut counts);
        }
        self.cap_of_all = Some(high(&mut all));
    }
}

/// What all but one in a thousand do not exceed.
fn high(counts: &mut [u32]) -> f64 {
    counts.sort_unstable();
    let place = (counts.len() as f64 * 0.999) as usize;
    f64::from(counts.get(place).or(counts.last()).copied().unwrap_or(1).max(1))
}

impl Comparator for StaticCap {
    fn score(&self, who: Who, _: &Bucket, count: u32) -> Option<f64> {
        let cap = self.caps.get(&(self.scope)(who)).copied().or(self.cap_of_all)?;
        Some(f64::from(count) / cap)
    }

    fn learn(&mut self, who: Who, bucket: &Bucket, count: u32) {
        let first = *self.first_day.get_or_insert(bucket.day);
        if bucket.day < first + WARM_UP_DAYS {
            self.counts.entry((self.scope)(who)).or_default().push(count);
        } else if self.cap_of_all.is_none() {
            self.freeze();
        }
    }
}
