//! The detectors that vigie is compared with: one file a method, each as it is usually written,
//! on the same distinct persons per account, checked in stream.
//!
//! A method says how unusual a count is ([`Comparator::score`]); one threshold for all accounts is
//! chosen on traffic without attacks so that it meets the budget, then frozen.

mod ewma;
mod forest;
mod holt_winters;
mod mad;
mod nb_cusum;
mod population;
mod sigma;
mod spot;
mod static_cap;

/// Over what a count runs: clock buckets of local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// 15 minutes.
    Quarter = 0,
    /// An hour.
    Hour = 1,
    /// A day.
    Day = 2,
}

/// Who is counted. Numbers are the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Who {
    /// The account.
    pub account: u32,
    /// Its network.
    pub partner: u32,
    /// Its network and job.
    pub group: u32,
}

/// One clock bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Bucket {
    /// Local day.
    pub day: i32,
    /// Local hour, from the same origin as days.
    pub hour: i64,
    /// 0 office hours of working days, 1 their margins, 2 nights and rest days; of a day, 0 or 2.
    pub class: u8,
}

/// Counts are looked for up to here.
const COUNT_MAX: u32 = 1 << 22;

/// A method.
pub trait Comparator: Send {
    /// A bucket begins for an account.
    fn open(&mut self, _who: Who, _bucket: &Bucket) {}

    /// How unusual so many persons in the bucket are; never falls as the count grows. `None`: it
    /// cannot say yet.
    fn score(&self, who: Who, bucket: &Bucket, count: u32) -> Option<f64>;

    /// The bucket ended with so many persons.
    fn learn(&mut self, who: Who, bucket: &Bucket, count: u32);

    /// The smallest count in the bucket whose score reaches a threshold; `u32::MAX` for none.
    fn limit(&mut self, who: Who, bucket: &Bucket, threshold: f64) -> u32 {
        smallest(|count| self.score(who, bucket, count).is_some_and(|score| score >= threshold))
    }
}

/// The smallest count that reaches what larger ones reach too; `u32::MAX` for none.
fn smallest(reaches: impl Fn(u32) -> bool) -> u32 {
    let mut high = 1;
    while !reaches(high) {
        if high >= COUNT_MAX {
            return u32::MAX;
        }
        high *= 2;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if reaches(middle) { high = middle } else { low = middle }
    }
    high
}

/// A point of the grid: a method, its parameters, its window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Row of the table.
    pub method: &'static str,
    /// What it counts over.
    pub window: Window,
    params: Params,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Params {
    StaticPerPartner,
    StaticPerRole,
    Sigma,
    Mad,
    Ewma(f64),
    HoltWinters(f32),
    NbCusum(f64),
    Spot { drift: bool },
    Forest,
    Population,
}

impl Config {
    /// Names the point: method, parameters, window.
    #[must_use]
    pub fn name(&self) -> String {
        let window = match self.window {
            Window::Quarter => "15m",
            Window::Hour => "1h",
            Window::Day => "1d",
        };
        let params = match self.params {
            Params::StaticPerPartner => "per partner".to_owned(),
            Params::StaticPerRole => "per role".to_owned(),
            Params::Ewma(alpha) => format!("alpha {alpha}"),
            Params::HoltWinters(gamma) => format!("gamma {gamma}"),
            Params::NbCusum(rho) => format!("rho {rho}"),
            Params::Spot { drift: true } => "drift".to_owned(),
            Params::Sigma
            | Params::Mad
            | Params::Spot { .. }
            | Params::Forest
            | Params::Population => String::new(),
        };
        [self.method, &params, window].join(" ").replace("  ", " ")
    }

    /// A method that has seen nothing.
    #[must_use]
    pub fn build(&self) -> Box<dyn Comparator> {
        match self.params {
            Params::StaticPerPartner => Box::new(static_cap::StaticCap::per_partner()),
            Params::StaticPerRole => Box::new(static_cap::StaticCap::per_role()),
            Params::Sigma => Box::new(sigma::Sigma::default()),
            Params::Mad => Box::new(mad::Mad::default()),
            Params::Ewma(alpha) => Box::new(ewma::Ewma::new(alpha)),
            Params::HoltWinters(gamma) => Box::new(holt_winters::HoltWinters::new(gamma)),
            Params::NbCusum(rho) => Box::new(nb_cusum::NbCusum::new(rho)),
            Params::Spot { drift } => Box::new(spot::Spot::new(drift)),
            Params::Forest => Box::new(forest::Forest::default()),
            Params::Population => Box::new(population::Population::default()),
        }
    }
}

/// Every point that is tried.
#[must_use]
pub fn grid() -> Vec<Config> {
    let both = [Window::Hour, Window::Day];
    let of = |method, windows: &[Window], params: Params| -> Vec<Config> {
        windows.iter().map(|window| Config { method, window: *window, params }).collect()
    };
    [
        of("static cap", &both, Params::StaticPerPartner),
        of("static cap", &both, Params::StaticPerRole),
        of("3-sigma, 28 d", &both, Params::Sigma),
        of("median + MAD", &both, Params::Mad),
        of("EWMA", &both, Params::Ewma(0.1)),
        of("EWMA", &both, Params::Ewma(0.3)),
        of("Holt-Winters, 168 h", &[Window::Hour], Params::HoltWinters(0.1)),
        of("Holt-Winters, 168 h", &[Window::Hour], Params::HoltWinters(0.3)),
        of("NB-CUSUM", &both, Params::NbCusum(2.0)),
        of("NB-CUSUM", &both, Params::NbCusum(5.0)),
        of("SPOT", &both, Params::Spot { drift: false }),
        of("SPOT", &both, Params::Spot { drift: true }),
        of("random cut forest", &both, Params::Forest),
        of("population model", &[Window::Quarter, Window::Hour], Params::Population),
    ]
    .concat()
}

/// One element for each account, made when first needed.
fn of_account<T: Clone + Default>(all: &mut Vec<T>, account: u32) -> &mut T {
    let index = account as usize;
    if all.len() <= index {
        all.resize(index + 1, T::default());
    }
    &mut all[index]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    pub(super) const ME: Who = Who { account: 3, partner: 1, group: 2 };

    /// Ten o'clock of some day, from day 0 on.
    pub(super) fn at(day: i32) -> Bucket {
        let hour = i64::from(day) * 24 + 10;
        Bucket { day, hour, class: 0 }
    }

    /// Counts between 8 and 12, one a day.
    fn usual(day: i32) -> u32 {
        [10, 8, 12, 9, 11][day as usize % 5]
    }

    #[test]
    fn every_method_finds_a_burst_and_not_a_usual_day() {
        for config in grid() {
            let name = config.name();
            let mut method = config.build();
            assert_eq!(method.score(ME, &at(0), 50), None, "{name} says something of nothing");
            for day in 0..60 {
                // Colleagues, for methods that compare with them.
                for account in [3, 4, 5, 6] {
                    let who = Who { account, ..ME };
                    let bucket = at(day);
                    method.open(who, &bucket);
                    method.learn(who, &bucket, usual(day + account as i32));
                }
            }
            let bucket = at(60);
            method.open(ME, &bucket);
            let score =
                |count| method.score(ME, &bucket, count).unwrap_or_else(|| panic!("{name}"));
            let (idle, busy, burst) = (score(10), score(12), score(120));
            assert!(idle <= busy && busy < burst, "{name}: {idle} {busy} {burst}");
            assert!(score(100_000) >= burst, "{name}");
            let between = busy + 0.5 * (burst - busy);
            let limit = method.limit(ME, &bucket, between);
            assert!((13..=120).contains(&limit), "{name}: {limit}");
            assert_eq!(method.limit(ME, &bucket, f64::INFINITY), u32::MAX, "{name}");
        }
    }

    #[test]
    fn names_are_apart_and_every_method_has_a_row() {
        let names: BTreeSet<String> = grid().iter().map(Config::name).collect();
        assert_eq!(names.len(), grid().len());
        let methods: BTreeSet<&str> = grid().iter().map(|c| c.method).collect();
        assert_eq!(methods.len(), 9);
    }

    #[test]
    fn the_smallest_count_is_found() {
        for want in [1, 2, 3, 7, 64, 1_000, COUNT_MAX] {
            assert_eq!(smallest(|count| count >= want), want);
        }
        assert_eq!(smallest(|_| false), u32::MAX);
    }
}
