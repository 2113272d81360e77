//! A random cut forest (Guha et al. 2016) for each group, on the logarithms of the count and of the
//! account's own mean, and the hour class.
//!
//! Written here because the crates that port it bring more to compile than all other comparators
//! together. Trees are cut anew on new days from a reservoir that prefers recent points, rather than
//! updated point by point; a point's score is the expected 1/(1 + depth) at which it is cut off, as
//! in the original.

use std::collections::{BTreeMap, HashMap};

use super::{Bucket, Comparator, Who, of_account, smallest};
use crate::evaluate::stats::Random;

const TREES: usize = 30;
const SAMPLE: usize = 256;
/// Points of a group before it is judged, and new ones before its trees are cut anew.
const POINTS_MIN: usize = 100;
const POINTS_NEW: usize = 64;
const DIMENSIONS: usize = 3;
/// How fast the own mean follows.
const ALPHA: f64 = 0.1;

type Point = [f64; DIMENSIONS];

enum Tree {
    Leaf(Point),
    Cut { low: Point, high: Point, dimension: usize, at: f64, below: Box<Tree>, above: Box<Tree> },
}

#[derive(Default)]
struct Group {
    reservoir: Vec<Point>,
    /// Points since the trees were cut.
    new: usize,
    trees: Vec<Tree>,
    built: i32,
    /// By hour class, own mean and threshold.
    limits: BTreeMap<(u8, i64, u64), u32>,
}

#[derive(Clone, Default)]
struct Own {
    mean: f64,
    buckets: u32,
}

/// See the module.
pub(super) struct Forest {
    groups: HashMap<u32, Group>,
    accounts: Vec<Own>,
    random: Random,
}

impl Default for Forest {
    fn default() -> Forest {
        Forest { groups: HashMap::new(), accounts: Vec::new(), random: Random::new(2016) }
    }
}

/// Cuts points apart at random, wide dimensions first; equal points stay together.
fn cut(points: &mut [Point], random: &mut Random) -> Option<Tree> {
    let first = *points.first()?;
    let (low, high) = points.iter().fold((first, first), |(mut low, mut high), p| {
        for d in 0..DIMENSIONS {
            low[d] = low[d].min(p[d]);
            high[d] = high[d].max(p[d]);
        }
        (low, high)
    });
    let ranges: Vec<f64> = (0..DIMENSIONS).map(|d| high[d] - low[d]).collect();
    let total: f64 = ranges.iter().sum();
    if total <= 0.0 {
        return Some(Tree::Leaf(first));
    }
    let mut left = total * random.unit();
    let mut dimension = ranges.iter().position(|r| *r > 0.0).unwrap_or(0);
    for (d, range) in ranges.iter().enumerate().filter(|(_, r)| **r > 0.0) {
        dimension = d;
        if left < *range {
            break;
        }
        left -= range;
    }
    let at = low[dimension] + left.clamp(0.0, 0.999_999 * ranges[dimension]);
    points.sort_unstable_by(|a, b| a[dimension].total_cmp(&b[dimension]));
    let middle = points.partition_point(|p| p[dimension] <= at);
    let (lower, upper) = points.split_at_mut(middle);
    match (cut(lower, random), cut(upper, random)) {
        (Some(below), Some(above)) => {
            let (below, above) = (Box::new(below), Box::new(above));
            Some(Tree::Cut { low, high, dimension, at, below, above })
        }
        (one, other) => one.or(other),
    }
}

/// Expected 1/(1 + depth) at which a point would be cut off a tree.
fn cut_off(tree: &Tree, point: &Point) -> f64 {
    let (mut node, mut depth, mut reaches, mut score) = (tree, 0.0, 1.0, 0.0);
    loop {
        let (low, high) = match node {
            Tree::Leaf(p) => (p, p),
            Tree::Cut { low, high, .. } => (low, high),
        };
        let (mut outside, mut range) = (0.0, 0.0);
        for d in 0..DIMENSIONS {
            outside += (low[d] - point[d]).max(point[d] - high[d]).max(0.0);
            range += high[d] - low[d];
        }
        let here = if outside > 0.0 { outside / (outside + range) } else { 0.0 };
        score += reaches * here / (1.0 + depth);
        reaches *= 1.0 - here;
        match node {
            Tree::Leaf(_) => return score + reaches * 0.5 / (1.0 + depth),
            Tree::Cut { dimension, at, below, above, .. } => {
                node = if point[*dimension] <= *at { below } else { above };
                depth += 1.0;
            }
        }
    }
}

impl Group {
    fn score(&self, point: &Point) -> f64 {
        self.trees.iter().map(|t| cut_off(t, point)).sum::<f64>() / self.trees.len().max(1) as f64
    }

    fn build(&mut self, day: i32, random: &mut Random) {
        self.built = day;
        self.new = 0;
        self.limits.clear();
        self.trees.clear();
        for _ in 0..TREES {
            let draw = |_| self.reservoir[random.below(self.reservoir.len())];
            let mut sample: Vec<Point> = (0..SAMPLE).map(draw).collect();
            self.trees.extend(cut(&mut sample, random));
        }
    }
}

impl Own {
    fn point(&self, bucket: &Bucket, count: u32) -> Point {
        // One class apart is as much as a factor of e.
        [f64::from(count).ln_1p(), self.mean.ln_1p(), f64::from(bucket.class)]
    }
}

impl Comparator for Forest {
    fn score(&self, who: Who, bucket: &Bucket, count: u32) -> Option<f64> {
        let group = self.groups.get(&who.group).filter(|g| !g.trees.is_empty())?;
        let own = self.accounts.get(who.account as usize)?;
        // Few persons are no finding, however rare: only the upper side counts.
        let count = f64::from(count).max(own.mean) as u32;
        Some(group.score(&own.point(bucket, count)))
    }

    fn learn(&mut self, who: Who, bucket: &Bucket, count: u32) {
        let own = of_account(&mut self.accounts, who.account);
        own.buckets += 1;
        let weight = ALPHA.max(1.0 / f64::from(own.buckets));
        let point = own.point(bucket, count);
        own.mean += weight * (f64::from(count) - own.mean);
        let group = self.groups.entry(who.group).or_default();
        group.new += 1;
        // A reservoir of eight samples; what is new replaces what is old at a constant rate.
        if group.reservoir.len() < 8 * SAMPLE {
            group.reservoir.push(point);
        } else {
            let place = self.random.below(group.reservoir.len());
            group.reservoir[place] = point;
        }
        let enough = if group.trees.is_empty() { POINTS_MIN } else { POINTS_NEW };
        if bucket.day > group.built && group.new >= enough {
            group.build(bucket.day, &mut self.random);
        }
    }

    /// The same for all accounts of a group whose means are alike, until trees are cut anew.
    fn limit(&mut self, who: Who, bucket: &Bucket, threshold: f64) -> u32 {
        let (Some(group), Some(own)) =
            (self.groups.get_mut(&who.group), self.accounts.get(who.account as usize))
        else {
            return u32::MAX;
        };
        if group.trees.is_empty() {
            return u32::MAX;
        }
        let alike = (own.mean.ln_1p() * 8.0).round();
        let key = (bucket.class, alike as i64, threshold.to_bits());
        if let Some(known) = group.limits.get(&key) {
            return *known;
        }
        let typical = Own { mean: (alike / 8.0).exp_m1(), buckets: own.buckets };
        let reaches = |count: u32| {
            let count = f64::from(count).max(typical.mean) as u32;
            group.score(&typical.point(bucket, count)) >= threshold
        };
        let limit = smallest(reaches);
        group.limits.insert(key, limit);
        limit
    }
}
