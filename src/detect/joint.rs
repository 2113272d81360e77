//! Several weak signs at once: counts of two families that are each unusual without reaching their
//! own thresholds. Their joint score is the second-highest family's evidence of the day, so that a
//! single odd count, however odd, is nothing here; it has a tail and a share of the budget of its
//! own, like any channel.
//!
//! A level of the joint score is, for every count, a lower threshold: a sign. Two families with a
//! sign are an alert.

use super::account::Account;
use super::channel::{CHANNELS, Measure, Span, TOUCHES, channel};
use super::epoch::{Epoch, Group, HourClass, Kind};
use super::family::Family;
use super::judge::{Bar, Crossing, known_threshold};
use super::limits::FOREVER;
use super::rule::{Rules, Watch};
use super::shared::Shared;
use super::tail::Tail;
use super::today::Today;
use crate::event::Touch;

/// Its bit among the channels that fired today, and its place among those told.
pub(super) const JOINT: usize = CHANNELS;
/// Day of a deployment from which joint scores calibrate: tails of single counts are made by then.
const CALIBRATES_FROM: u32 = 24;
/// Day from which they are believed.
const BELIEVED_FROM: u32 = 34;

/// Of the highest scores of four weeks, how many calibration leaves out.
pub(super) const LEFT_OUT: u64 = 1;

/// Counts that may be a sign: those of a day or a week, whose greatest value of the day is their
/// last one.
pub(super) fn is_sign(measure: Measure) -> bool {
    matches!(measure.spec().span, Span::Day | Span::Week(_))
}

/// The joint score's tail before there are scores: lighter than that of single counts, since two
/// things must happen.
pub(super) const PRIOR_TAIL: Tail =
    Tail { start: 4.0, share: 0.005, shape: 0.05, scale: 0.8, samples: 0, seen: 0.0 };

/// Families whose counts rise together on innocent days, too, are one here: whoever reads many reads
/// more strangers, more neighbours, in longer runs, and finds nobody more often.
fn apart(family: Family) -> Family {
    match family {
        Family::Foreign | Family::Pace => Family::Volume,
        other => other,
    }
}

/// Lowest count that may be a sign; one of the signs must reach the rule's whole floor.
pub(super) fn sign_floor(joint_floor: u64) -> u64 {
    joint_floor / 2
}

/// The evidence of an account's day, by family, in nats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    best: [f64; Family::ALL.len()],
    largest: u64,
}

impl Evidence {
    pub(super) fn note(&mut self, family: Family, nats: f64, count: u64) {
        let best = &mut self.best[apart(family) as usize];
        *best = best.max(nats);
        self.largest = self.largest.max(count);
    }

    /// The second-highest family's; nothing where no count reaches the floor.
    pub(super) fn joint(&self, floor: u64) -> f64 {
        if self.largest < floor {
            return 0.0;
        }
        let mut sorted = self.best;
        sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        sorted[1]
    }
}

impl Rules {
    /// Lowest count that the largest of joint signs must have; half of it makes a sign.
    pub(super) fn joint_floor(&self) -> u64 {
        self.get(Watch::JointSigns).map_or(FOREVER, |rule| rule.floor)
    }

    /// ω of joint signs.
    pub(super) fn joint_weight(&self) -> f64 {
        self.get(Watch::JointSigns).and_then(|rule| rule.budget.get("1d")).copied().unwrap_or(0.0)
    }
}

impl Epoch {
    /// Whether joint scores calibrate when so many days are over.
    pub(super) fn joint_calibrates(&self, number: u32) -> bool {
        self.counted(Measure::Territory1d, number) >= CALIBRATES_FROM
    }

    /// Whether they are believed.
    pub(super) fn joint_is_believed(&self, number: u32) -> bool {
        self.counted(Measure::Territory1d, number) >= BELIEVED_FROM
    }

    /// Joint score at which an account fires: where two independent signs would be as rare as an
    /// alert must be, or further out where they are not independent here.
    pub(super) fn joint_level(&self, odds: f64) -> f64 {
        let alpha = (self.joint.alpha * odds).min(0.05);
        self.joint.tail.beyond(alpha).max(-0.5 * alpha.ln())
    }

    /// −ln of how rare a score of one count is among people: nothing below its tail, which is
    /// where rarity is measured.
    pub(super) fn evidence(&self, group: &Group, touch: Touch, measure: Measure, nats: f64) -> f64 {
        let tail = &self.channel(touch, measure).tail;
        let own = nats - group.shift[touch as usize][measure as usize];
        if own < tail.start { 0.0 } else { (-tail.probability(own).ln()).min(own) }
    }

    /// The score of one count that has so much evidence.
    pub(super) fn sign_level(
        &self,
        group: &Group,
        touch: Touch,
        measure: Measure,
        evidence: f64,
    ) -> f64 {
        let tail = Tail { seen: 0.0, ..self.channel(touch, measure).tail };
        let level = tail.level((-evidence).exp());
        (level + group.shift[touch as usize][measure as usize]).max(evidence)
    }
}

/// Evidence that a sign needs today.
pub(super) fn level(shared: &Shared, today: &Today) -> f64 {
    shared.epoch_of(today.epoch).joint_level(f64::from(today.odds))
}

/// Whether joint signs are looked for: an account that alerts already needs none.
pub(super) fn are_looked_for(account: &Account, shared: &Shared, today: &Today) -> bool {
    account.kind == Kind::Human
        && account.episode.is_none()
        && today.fired == 0
        && shared.joint_floor != FOREVER
        && shared.epoch_of(today.epoch).joint_is_believed(today.epoch)
}

/// Looks whether one count has become a sign; returns how many more may be counted before it must be
/// looked at again.
pub(super) fn look(
    account: &Account,
    shared: &Shared,
    today: &mut Today,
    touch: Touch,
    measure: Measure,
) -> u64 {
    let bit = 1 << channel(touch, measure);
    if !is_sign(measure) || today.signs & bit != 0 {
        return FOREVER;
    }
    let count = today.count(touch, measure);
    let floor = sign_floor(shared.joint_floor);
    if count < floor {
        return floor - count;
    }
    let threshold = known_threshold(account, shared, today, touch, measure, Bar::Sign);
    if count < threshold {
        return threshold - count;
    }
    if account.is_explained(today, touch, measure, HourClass::Core) {
        // The explanation may end with the next event.
        return 0;
    }
    today.signs |= bit;
    FOREVER
}

/// Signs of two families are an alert, the most telling of each, once one of them is large enough.
pub(super) fn crossings(account: &Account, shared: &Shared, today: &mut Today) -> Vec<Crossing> {
    let mut best: [Option<(f64, Crossing)>; Family::ALL.len()] = Default::default();
    let epoch = shared.epoch_of(today.epoch);
    let group = shared.group(account.group, today.epoch);
    for touch in TOUCHES {
        for measure in Measure::ALL {
            if today.signs & (1 << channel(touch, measure)) == 0 {
                continue;
            }
            let count = today.count(touch, measure);
            let nats = account.hurdle(measure, HourClass::Core, group)
                + account.model(touch, measure, HourClass::Core, group).surprise(count);
            let evidence = epoch.evidence(group, touch, measure, nats);
            let watch = measure.spec().watch;
            let best = &mut best[apart(watch.family()) as usize];
            if best.as_ref().is_none_or(|(most, _)| evidence > *most) {
                let threshold = known_threshold(account, shared, today, touch, measure, Bar::Sign);
                let (touch, measure) = (Some(touch), Some(measure));
                let crossing = Crossing { watch, touch, measure, count, threshold, joint: true };
                *best = Some((evidence, crossing));
            }
        }
    }
    let found: Vec<Crossing> = best.into_iter().flatten().map(|(_, crossing)| crossing).collect();
    if found.len() < 2 {
        return Vec::new();
    }
    let floor = shared.joint_floor;
    let largest = found.iter().map(|crossing| crossing.count).max().unwrap_or(0);
    if largest < floor {
        for sign in found {
            if let (Some(touch), Some(measure)) = (sign.touch, sign.measure) {
                today.look_again(touch, measure, floor - sign.count);
            }
        }
        return Vec::new();
    }
    today.fired |= 1 << JOINT;
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::epoch::{Budget, GroupKey};

    #[test]
    fn one_family_alone_is_nothing_however_odd() {
        let mut evidence = Evidence::default();
        evidence.note(Family::Volume, 40.0, 900);
        evidence.note(Family::Volume, 60.0, 900);
        assert_eq!(evidence.joint(25), 0.0);
        evidence.note(Family::Device, 5.0, 14);
        assert_eq!(evidence.joint(25), 5.0);
        evidence.note(Family::Hours, 9.0, 14);
        assert_eq!(evidence.joint(25), 9.0);
        assert_eq!(evidence.joint(1_000), 0.0, "no count is worth an alert");
    }

    #[test]
    fn a_sign_begins_exactly_where_its_evidence_does() {
        let rules = Rules::built_in().unwrap();
        let mut epoch = Epoch::shipped(&rules, Budget::default());
        let mut group = Group::shipped(&rules.priors, &GroupKey::of_all(Kind::Human));
        let (touch, measure) = (Touch::Opened, Measure::Novel1d);
        let (t, m) = (touch as usize, measure as usize);
        for (start, share, shift) in [(4.0, 0.02, 0.0), (2.0, 0.1, 0.0), (6.0, 0.001, 3.0)] {
            epoch.channels[t][m].tail = Tail { start, share, seen: 99.0, ..epoch.joint.tail };
            group.shift[t][m] = shift;
            for wanted in [3.0, 5.0, 7.0, 9.0] {
                let level = epoch.sign_level(&group, touch, measure, wanted);
                let at = |nats: f64| epoch.evidence(&group, touch, measure, nats);
                assert!(at(level + 1e-9) >= wanted - 1e-6, "{start} {wanted}: {}", at(level));
                assert!(at(level - 1e-6) < wanted, "{start} {wanted}: {}", at(level - 1e-6));
            }
        }
    }
}
