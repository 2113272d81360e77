//! Slow drift against a frozen anchor: a little more each day moves every adaptive baseline along
//! with it, but not the anchor.
//!
//! A Shiryaev–Roberts e-detector (Shin, Ramdas & Rinaldo): with the day's p-value against the
//! anchor, e = ½ p^(−½) and M ← (1 + M) · e. M is kept as a logarithm. Large M means that the days
//! of late, together, do not come from the anchor's account.

use serde::{Deserialize, Serialize};

use super::baseline::{Moments, winsorise};
use super::counts::Predictive;
use super::limits::DRIFT_DAYS;
use super::time::{Day, is_near};

/// The anchor's own forgetting a day: half of it in 138 active days.
const KEEP_ANCHOR: f32 = 0.995;
/// Smallest p-value that counts: no single day decides.
const P_FLOOR: f64 = 1e-8;
/// Largest p-value of a day that may be the last straw: a quiet day is none.
const P_CEILING: f64 = 0.2;
/// Bounds of ln M.
pub(super) const LN_M: (f32, f32) = (-20.0, 60.0);

/// One count's anchor and its e-process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// What the account did, slowly forgotten.
    pub anchor: Moments,
    /// ln M after the last closed day.
    pub ln_m: f32,
    /// Greatest ln M since `since`.
    peak: f32,
    since: Day,
}

impl Default for Drift {
    fn default() -> Self {
        Drift { anchor: Moments::default(), ln_m: LN_M.0, peak: LN_M.0, since: Day::MIN }
    }
}

/// ln M after one more day with p-value `p`.
#[must_use]
pub fn after(ln_m: f32, p: f64) -> f32 {
    let e = -0.5 * p.clamp(P_FLOOR, 1.0).ln() - std::f64::consts::LN_2;
    (f64::from(ln_m).exp().ln_1p() + e).clamp(f64::from(LN_M.0), f64::from(LN_M.1)) as f32
}

/// The p-value that would bring ln M to `level` within one day; none where no day could.
#[must_use]
pub fn p_needed(ln_m: f32, level: f64) -> Option<f64> {
    let ln_p = -2.0 * (level + std::f64::consts::LN_2 - f64::from(ln_m).exp().ln_1p());
    let p = ln_p.exp();
    (p >= P_FLOOR).then_some(p.min(P_CEILING))
}

impl Drift {
    /// Learns a closed day: its p-value against the anchor, and the count itself, winsorised, into
    /// the anchor.
    pub fn close(&mut self, x: u64, model: Predictive, p: Option<f64>, wave: f64) {
        if let Some(p) = p {
            self.ln_m = after(self.ln_m, p);
            self.peak = self.peak.max(self.ln_m);
        }
        self.anchor.learn(winsorise(x, model) / wave as f32, KEEP_ANCHOR);
    }

    /// The greatest ln M of a four-week window that is over: its one entry in the calibration, for
    /// daily ones would let a slow thief fill the tail that is to find it.
    pub fn window(&mut self, today: Day) -> Option<f64> {
        if self.since == Day::MIN {
            self.since = today;
        }
        if today - self.since < DRIFT_DAYS {
            return None;
        }
        let peak = self.peak;
        (self.peak, self.since) = (self.ln_m, today);
        Some(f64::from(peak.max(0.0)))
    }

    /// Whether a restored one can be worked with.
    pub(super) fn is_sound(&self) -> bool {
        self.since == Day::MIN || is_near(self.since)
    }

    /// What it told is told.
    pub fn start_again(&mut self) {
        (self.ln_m, self.peak) = (LN_M.0, LN_M.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_days_keep_it_low_and_a_drift_lifts_it() {
        let mut honest = LN_M.0;
        for day in 1..2_000u32 {
            honest = after(honest, f64::from(day * 7_919 % 1_000 + 1) / 1_000.0);
        }
        assert!(honest < 6.0, "{honest}");
        let mut drifting = honest;
        (0..12).for_each(|_| drifting = after(drifting, 0.02));
        assert!(drifting > 12.0, "{drifting}");
    }

    #[test]
    fn the_p_needed_is_the_one_that_reaches_the_level() {
        for (ln_m, level) in [(-20.0, 5.0), (2.0, 9.0), (8.0, 9.5)] {
            let p = p_needed(ln_m, level).unwrap();
            assert!((f64::from(after(ln_m, p)) - level).abs() < 1e-4, "{ln_m} {level} {p}");
        }
        assert_eq!(p_needed(-20.0, 30.0), None, "no day decides alone");
    }

    #[test]
    fn a_window_that_began_ages_ago_is_not_believed() {
        let fresh = Drift::default();
        assert!(fresh.is_sound());
        assert!(Drift { since: 19_800, ..fresh }.is_sound());
        assert!(!Drift { since: Day::MIN + 1, ..fresh }.is_sound());
    }
}
