//! The negative binomial in logarithms: how unlikely is a count of x or more.
//!
//! statrs has the distribution, but not its log survival, and its survival underflows to zero
//! where mass extraction begins; here is the log, tested against statrs in the bulk.

use statrs::function::gamma::ln_gamma;

/// Predictive distribution of one count: mean `mean` > 0 and size `size` (variance = mean +
/// mean²/size).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predictive {
    /// Expected count.
    pub mean: f64,
    /// Size r; large means Poisson.
    pub size: f64,
}

impl Predictive {
    /// Of what is not counted: no count surprises.
    pub const NEVER: Predictive = Predictive { mean: 1e12, size: 1.0 };

    /// Clamps to the range in which the formulas below hold: 1e-9 ≤ mean, 0.05 ≤ size ≤ 1e6.
    #[must_use]
    pub fn new(mean: f64, size: f64) -> Self {
        Predictive { mean: mean.clamp(1e-9, 1e12), size: size.clamp(0.05, 1e6) }
    }

    /// Standard deviation.
    #[must_use]
    pub fn sd(self) -> f64 {
        (self.mean + self.mean * self.mean / self.size).sqrt()
    }

    /// −ln P(X ≥ x) in nats; 0 up to the mean, where nothing is surprising.
    #[must_use]
    pub fn surprise(self, x: u64) -> f64 {
        if x as f64 <= self.mean { 0.0 } else { Tail::of(self).surprise(x) }
    }

    /// Smallest x ≥ `from` with `surprise(x)` ≥ `nats`: the integer threshold.
    #[must_use]
    pub fn threshold(self, nats: f64, from: u64) -> u64 {
        let tail = Tail::of(self);
        let mut low = (from, tail.surprise(from));
        if low.1 >= nats {
            return from;
        }
        let mut high = (from.max(1).saturating_mul(2), 0.0);
        loop {
            high.1 = tail.surprise(high.0);
            if high.1 >= nats {
                break;
            }
            if high.0 > 1 << 40 {
                return high.0;
            }
            low = high;
            high.0 *= 2;
        }
        // Surprise is nearly straight: where the line between both ends meets the nats, and the
        // middle every third time, so that a bend cannot hold it up.
        for step in 0u32.. {
            let width = high.0 - low.0;
            if width <= 1 {
                break;
            }
            let part = if step % 3 == 2 { 0.5 } else { (nats - low.1) / (high.1 - low.1) };
            let at = low.0 + ((width as f64 * part) as u64).clamp(1, width - 1);
            let here = (at, tail.surprise(at));
            if here.1 >= nats { high = here } else { low = here }
        }
        high.0
    }
}

/// What every count of one distribution has in common: a threshold asks for many of them.
struct Tail {
    model: Predictive,
    q: f64,
    ln_q: f64,
    /// r · ln(1 − q)
    ln_none: f64,
    ln_gamma_size: f64,
}

impl Tail {
    fn of(model: Predictive) -> Tail {
        let q = model.mean / (model.mean + model.size);
        let ln_none = model.size * (-q).ln_1p();
        Tail { model, q, ln_q: q.ln(), ln_none, ln_gamma_size: ln_gamma(model.size) }
    }

    fn surprise(&self, x: u64) -> f64 {
        let Predictive { mean, size } = self.model;
        let count = x as f64;
        if count <= mean {
            return 0.0;
        }
        // P(X ≥ x) = I_q(x, r) = q^x p^r / (x B(x, r)) · CF, and the factor is the mass at x.
        let ln_mass = ln_gamma(count + size) - self.ln_gamma_size - ln_gamma(count + 1.0)
            + self.ln_none
            + count * self.ln_q;
        -(ln_mass + incomplete_beta_fraction(count, size, self.q).ln()).min(0.0)
    }
}

/// Continued fraction of the incomplete beta function I_x(a, b) by Lentz's method, without its
/// leading factor. Converges in a few steps for x < (a + 1)/(a + b + 2), that is beyond the mean.
fn incomplete_beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..=300 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        let change = d * c;
        fraction *= change;
        if (change - 1.0).abs() < 1e-12 {
            break;
        }
    }
    fraction.max(TINY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{DiscreteCDF, NegativeBinomial};

    #[test]
    fn agrees_with_statrs_in_the_bulk() {
        for mean in [0.01, 0.5, 3.0, 20.0, 250.0] {
            for size in [0.05, 0.5, 2.0, 20.0, 400.0] {
                let reference = NegativeBinomial::new(size, size / (size + mean)).unwrap();
                for factor in [1.01, 1.5, 3.0, 8.0] {
                    let x = (mean * factor) as u64 + 1;
                    let expected = -reference.sf(x - 1).ln();
                    let got = Predictive::new(mean, size).surprise(x);
                    if expected.is_finite() && expected < 600.0 {
                        let tolerance = 1e-7 * expected.max(1.0);
                        assert!(
                            (got - expected).abs() < tolerance,
                            "{mean} {size} {x}: {got} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn stays_right_where_survival_underflows() {
        // log10 P(X ≥ x), 50-digit arithmetic.
        for (mean, size, x, decades) in [
            (20.0, 2.0, 500, -19.03),
            (20.0, 2.0, 50_000, -2_066.0),
            (20.0, 20.0, 5_000, -1_457.7),
            (0.01, 0.05, 5_000, -3_895.0),
        ] {
            let got = -Predictive::new(mean, size).surprise(x) / std::f64::consts::LN_10;
            assert!((got / decades - 1.0).abs() < 5e-4, "{mean} {size} {x}: {got} {decades}");
        }
    }

    #[test]
    fn the_threshold_is_the_first_count_that_surprises() {
        for (mean, size, nats) in [(4.0, 1.5, 12.0), (60.0, 3.0, 25.0), (1e5, 90.0, 26.0)] {
            let model = Predictive::new(mean, size);
            let x = model.threshold(nats, 25);
            assert!(model.surprise(x) >= nats);
            assert!(x == 25 || model.surprise(x - 1) < nats, "{x}");
        }
    }

    #[test]
    fn grows_with_the_count() {
        let model = Predictive::new(13.0, 0.7);
        let scores: Vec<f64> = (0..4_000).map(|x| model.surprise(x)).collect();
        assert!(scores.windows(2).all(|w| w[0] <= w[1] + 1e-9));
    }
}
