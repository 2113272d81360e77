//! Additive Holt-Winters with a season of 168 hours, hours without persons included.

use super::{Bucket, Comparator, Who, of_account};

const SEASON: usize = 168;
const LEVEL: f32 = 0.1;
const TREND: f32 = 0.01;
const SPREAD: f32 = 0.02;
/// A season to begin with, and one to know how far off it is.
const HOURS_MIN: u32 = 2 * SEASON as u32;
/// Hours of silence after which an account begins anew.
const SILENCE_MAX: i64 = 8 * SEASON as i64;

#[derive(Clone, Default)]
struct Own {
    level: f32,
    trend: f32,
    season: Vec<f32>,
    variance: f32,
    hours: u32,
    /// The hour to come.
    next: i64,
}

/// See the module.
pub(super) struct HoltWinters {
    gamma: f32,
    accounts: Vec<Own>,
}

impl HoltWinters {
    pub(super) fn new(gamma: f32) -> HoltWinters {
        HoltWinters { gamma, accounts: Vec::new() }
    }
}

impl Own {
    fn expected(&self, phase: usize) -> f32 {
        self.level + self.trend + self.season.get(phase).copied().unwrap_or(0.0)
    }

    fn step(&mut self, phase: usize, x: f32, gamma: f32) {
        if self.season.is_empty() {
            self.season = vec![0.0; SEASON];
        }
        if self.hours < SEASON as u32 {
            // The first week is the first season, around the level at its end.
            self.season[phase] = x;
            self.level += (x - self.level) / (self.hours + 1) as f32;
            if self.hours + 1 == SEASON as u32 {
                let level = self.level;
                self.season.iter_mut().for_each(|s| *s -= level);
            }
        } else {
            let off = x - self.expected(phase);
            self.variance += SPREAD * (off * off - self.variance);
            let before = self.level;
            self.level = LEVEL * (x - self.season[phase]) + (1.0 - LEVEL) * (before + self.trend);
            self.trend = TREND * (self.level - before) + (1.0 - TREND) * self.trend;
            self.season[phase] += gamma * (x - self.level - self.season[phase]);
        }
        self.hours += 1;
        self.next += 1;
    }
}

/// Place in the season; any origin would do.
fn phase(hour: i64) -> usize {
    hour.rem_euclid(SEASON as i64) as usize
}

impl Comparator for HoltWinters {
    fn open(&mut self, who: Who, bucket: &Bucket) {
        let gamma = self.gamma;
        let own = of_account(&mut self.accounts, who.account);
        if own.hours == 0 || bucket.hour - own.next > SILENCE_MAX {
            *own = Own { next: bucket.hour, ..Own::default() };
        }
        while own.next < bucket.hour {
            own.step(phase(own.next), 0.0, gamma);
        }
    }

    fn score(&self, who: Who, bucket: &Bucket, count: u32) -> Option<f64> {
        let own = self.accounts.get(who.account as usize)?;
        let off = f64::from(count as f32 - own.expected(phase(bucket.hour)));
        (own.hours >= HOURS_MIN).then(|| off / f64::from(own.variance.max(1.0)).sqrt())
    }

    fn learn(&mut self, who: Who, bucket: &Bucket, count: u32) {
        let gamma = self.gamma;
        let own = of_account(&mut self.accounts, who.account);
        if own.next == bucket.hour {
            own.step(phase(bucket.hour), count as f32, gamma);
        }
    }
}
