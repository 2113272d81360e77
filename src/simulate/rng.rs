//! Seeded randomness: every account, day and purpose has its own stream, so drawing more in one
//! place never moves another.

/// SplitMix64 with the few distributions the world needs.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

/// A well mixed 64-bit hash of `x` (the SplitMix64 finaliser).
pub(super) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One hash of the seed and everything that names a stream.
pub(super) fn hash(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(mix(seed ^ 0x9e37_79b9_7f4a_7c15), |h, part| {
        mix(h.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ part.wrapping_add(0x9e37_79b9_7f4a_7c15))
    })
}

impl Rng {
    /// The stream named by `parts`.
    pub(super) fn stream(seed: u64, parts: &[u64]) -> Rng {
        Rng(hash(seed, parts))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [0, n); 0 when n is 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.next() as u32) * u64::from(n)) >> 32) as u32
    }

    /// Uniform in [low, high], both ends included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    pub(super) fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Gamma with mean 1 and shape `shape` (Marsaglia and Tsang).
    pub(super) fn gamma(&mut self, shape: f64) -> f64 {
        let boost = if shape < 1.0 { self.unit().max(1e-12).powf(1.0 / shape) } else { 1.0 };
        let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().max(1e-300).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return boost * d * v / shape;
            }
        }
    }

    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 40.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u32;
        }
        let floor = (-mean).exp();
        let (mut count, mut product) = (0, self.unit());
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Number of failures before the first success, success probability `p`.
    pub(super) fn geometric(&mut self, p: f64) -> u32 {
        (self.exponential() / -(1.0 - p).ln()) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_have_their_means() {
        let mut rng = Rng::stream(7, &[1, 2]);
        let mut check = |name: &str, want: f64, draw: &mut dyn FnMut(&mut Rng) -> f64| {
            let mean = (0..40_000).map(|_| draw(&mut rng)).sum::<f64>() / 40_000.0;
            assert!((mean - want).abs() < 0.03 * want.max(1.0), "{name}: {mean}, want {want}");
        };
        check("gamma 0.8", 1.0, &mut |r| r.gamma(0.8));
        check("gamma 4", 1.0, &mut |r| r.gamma(4.0));
        check("poisson 3", 3.0, &mut |r| f64::from(r.poisson(3.0)));
        check("poisson 90", 90.0, &mut |r| f64::from(r.poisson(90.0)));
        check("geometric", 1.0, &mut |r| f64::from(r.geometric(0.5)));
        check("normal", 0.0, &mut Rng::normal);
        check("between", 15.0, &mut |r| f64::from(r.between(10, 20)));
    }

    #[test]
    fn streams_are_apart() {
        let draw = |parts: &[u64]| Rng::stream(1, parts).next();
        assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
        assert_ne!(draw(&[1]), draw(&[1, 0]));
        assert_eq!(draw(&[5, 6]), draw(&[5, 6]));
    }
}
