//! What stays open for an entity from its first signal until a quiet day: the persons exposed, the
//! signals fired, what was seen.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::channel::Measure;
use super::epoch::HourClass;
use super::limits::{SEEN_MAX, SET_EXACT_MAX, TRAIL_EVENTS_MAX};
use super::readers::Readers;
use super::rule::Watch;
use crate::event::{AccessEvent, Position, TimestampMs, Touch};

/// Bits of a fingerprint that the memory of days before does not keep.
const REMEMBERED: u32 = 0xFF;

/// Distinct persons exposed, with the classes and codes that came back with them: exact to 1,024
/// persons, thinned by fingerprint prefix beyond.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExposureSet {
    /// (fingerprint, class set), sorted by fingerprint.
    entries: Vec<(u32, u8)>,
    level: u8,
    /// Most persons told so far: whoever was exposed stays exposed, however the estimate moves.
    told: u64,
}

impl ExposureSet {
    /// Adds a person; returns whether the count grew.
    pub fn insert(&mut self, fp: u32, merge: impl FnOnce(u8) -> u8) -> bool {
        let fp = fp.max(1);
        if fp.leading_zeros() < u32::from(self.level) {
            return false;
        }
        match self.entries.binary_search_by_key(&fp, |e| e.0) {
            Ok(at) => {
                self.entries[at].1 = merge(self.entries[at].1);
                false
            }
            // Remembered from days before by its upper bits, and touched again.
            Err(at) if at > 0 && self.entries[at - 1].0 == fp & !REMEMBERED => {
                self.entries[at - 1] = (fp, merge(self.entries[at - 1].1));
                false
            }
            Err(at) => {
                self.entries.insert(at, (fp, merge(0)));
                while self.entries.len() > SET_EXACT_MAX {
                    self.level += 1;
                    let level = u32::from(self.level);
                    self.entries.retain(|e| e.0.leading_zeros() >= level);
                }
                true
            }
        }
    }

    /// Adds a person of days before, known by the upper bits of the fingerprint only.
    pub fn remember(&mut self, upper: u32) {
        let at = self.entries.partition_point(|(fp, _)| *fp < upper);
        let known = self.entries.get(at).is_some_and(|(fp, _)| fp & !REMEMBERED == upper);
        if !known {
            self.insert(upper, |classes| classes);
        }
    }

    /// Whether a restored set can be worked with.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let ordered = self.entries.windows(2).all(|pair| pair[0].0 < pair[1].0);
        ordered && self.entries.len() <= SET_EXACT_MAX && self.level < 32
    }

    /// Makes the set at least as thin as a source it was filled from.
    pub fn thin_to(&mut self, step: u64) {
        let level = step.trailing_zeros();
        if level > u32::from(self.level) {
            self.level = level as u8;
            self.entries.retain(|e| e.0.leading_zeros() >= level);
        }
    }

    /// Distinct persons, and the bounds of a 95 % interval where it is an estimate.
    #[must_use]
    pub fn persons(&self) -> (u64, u64, u64) {
        let seen = self.entries.len() as u64;
        if self.level == 0 {
            return (seen, seen, seen);
        }
        let estimate = seen << self.level;
        let spread = (2.0 * (estimate as f64 * ((1u64 << self.level) - 1) as f64).sqrt()) as u64;
        let low = estimate.saturating_sub(spread).max(SET_EXACT_MAX as u64);
        let persons = estimate.max(self.told).max(low);
        (persons, low, (estimate + spread).max(persons))
    }

    /// As [`ExposureSet::persons`], and from now on never less.
    pub fn tell(&mut self) -> (u64, u64, u64) {
        let told = self.persons();
        self.told = told.0;
        told
    }

    /// Fingerprints held; those of days before lack their lower bits.
    pub(super) fn fingerprints(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().map(|(fp, _)| *fp)
    }

    /// Leading zeros that a fingerprint needs to be held.
    pub(super) fn level(&self) -> u8 {
        self.level
    }

    /// Persons by class set, each already scaled to the whole.
    pub fn class_sets(&self) -> impl Iterator<Item = (u8, u64)> {
        self.entries.iter().map(|(_, classes)| (*classes, 1u64 << self.level))
    }
}

/// One contributing event, as far as an alert shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrailEvent {
    /// Event time.
    pub time: TimestampMs,
    /// Where in the log.
    pub position: Position,
    /// The contract's word.
    pub action: Cow<'static, str>,
    /// Persons returned.
    pub persons: u64,
    /// As logged.
    pub ip: Option<Arc<str>>,
    /// As logged.
    pub device: Option<Arc<str>>,
    /// As logged.
    pub session: Option<Arc<str>>,
}

/// First and last events since an account became interesting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    first: Vec<TrailEvent>,
    last: VecDeque<TrailEvent>,
}

impl Trail {
    /// Remembers an event; beyond the first hundred only the last hundred stay.
    pub fn add(&mut self, event: &AccessEvent<'_>, position: Position) {
        let event = self.event(event, position);
        if self.first.len() < TRAIL_EVENTS_MAX {
            self.first.push(event);
            return;
        }
        if self.last.len() == TRAIL_EVENTS_MAX {
            self.last.pop_front();
        }
        self.last.push_back(event);
    }

    /// Bytes of the lists, without the texts they share.
    pub(super) fn bytes(&self) -> u64 {
        ((self.first.capacity() + self.last.capacity()) * size_of::<TrailEvent>()) as u64
    }

    /// The event, sharing its texts with the one before it where they are the same.
    fn event(&self, event: &AccessEvent<'_>, position: Position) -> TrailEvent {
        let before = self.last.back().or(self.first.last());
        let share = |known: Option<&Arc<str>>, text: &Option<Cow<'_, str>>| {
            let text = text.as_deref()?;
            let same = known.filter(|known| ***known == *text);
            Some(same.map_or_else(|| Arc::from(text), Arc::clone))
        };
        TrailEvent {
            time: event.time,
            position,
            action: Cow::Borrowed(event.action.word()),
            persons: event.persons.len() as u64 + event.persons_beyond,
            ip: share(before.and_then(|b| b.ip.as_ref()), &event.ip),
            device: share(before.and_then(|b| b.device.as_ref()), &event.device),
            session: share(before.and_then(|b| b.session.as_ref()), &event.session),
        }
    }

    /// Oldest first.
    pub fn events(&self) -> impl Iterator<Item = &TrailEvent> {
        self.first.iter().chain(&self.last)
    }
}

/// One crossing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalState {
    /// Rule that fired.
    pub rule: String,
    /// What it watches.
    pub watch: Watch,
    /// Listed or opened, where the measure keeps them apart.
    pub touch: Option<Touch>,
    /// Measure of the window; absent where there is no window.
    pub measure: Option<Measure>,
    /// Greatest count so far.
    pub observed: u64,
    /// Baseline's mean for this window.
    pub expected: f64,
    /// Two standard deviations above it: what people would call usual.
    pub usual: u64,
    /// Would not have fired below this.
    pub threshold: u64,
    /// −log10 of the calibrated tail probability of `observed`.
    pub surprise: f64,
    /// −log10 of the probability it is allowed to fire with.
    pub budget: f64,
    /// Event time of the crossing.
    pub at: TimestampMs,
    /// Persons exposed at the crossing.
    pub persons_at: u64,
    /// Day maxima of 99 % of the peers' days, group name and size.
    pub peers: Option<(String, u64, u64)>,
    /// Hour class of the crossing.
    pub class: HourClass,
    /// Below its own threshold: it fired together with other signs.
    pub joint: bool,
}

/// Circumstances that make an honest explanation less likely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// A device this account was never seen with.
    pub new_device: bool,
    /// An address this account was never seen at.
    pub new_address: bool,
    /// Outside the group's usual hours.
    pub off_hours: bool,
    /// Weekend or public holiday.
    pub rest_day: bool,
    /// Persons, and the milliseconds in which they were read, up to the opening.
    pub pace: Option<(u64, i64)>,
}

/// An open episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Local date of the opening is part of the alert's id; so is UTC's.
    pub opened: TimestampMs,
    /// Episodes of this entity already opened on the same UTC date.
    pub ordinal: u32,
    /// Revisions emitted.
    pub revision: u32,
    /// Earliest window start among the signals.
    pub first: TimestampMs,
    /// Latest event counted.
    pub last: TimestampMs,
    /// Latest moment any fired measure was still over its threshold.
    pub last_signal: TimestampMs,
    /// In the order they fired.
    pub signals: Vec<SignalState>,
    /// Who was exposed.
    pub exposure: ExposureSet,
    /// Exposure that makes the next revision.
    pub milestone: u64,
    /// Records returned, repeats included.
    pub records: u64,
    /// Records without a usable identity.
    pub unidentified: u64,
    /// Addresses, devices, sessions.
    pub seen: [Vec<String>; 3],
    /// First and last events.
    pub trail: Trail,
    /// By whom the persons were read.
    pub readers: Readers,
    /// At the opening.
    pub circumstances: Circumstances,
    /// Thresholds came from shipped priors.
    pub learning: bool,
    /// Log positions, both ends included.
    pub positions: (Position, Position),
    /// Epoch of the thresholds.
    pub epoch: u32,
    /// Id of the judged alert that this one follows.
    #[serde(skip)]
    pub follows: Option<String>,
}

impl Episode {
    /// Whether a restored episode can be worked with.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.exposure.is_sound() && self.readers.is_sound()
    }

    /// Remembers where an event came from.
    pub fn see(&mut self, event: &AccessEvent<'_>) {
        let parts = [&event.ip, &event.device, &event.session];
        for (seen, part) in self.seen.iter_mut().zip(parts) {
            if let Some(part) = part.as_deref() {
                note(seen, part);
            }
        }
    }

    /// Whether this rule, window and touch fired already.
    pub fn signal(
        &mut self,
        watch: Watch,
        touch: Option<Touch>,
        measure: Option<Measure>,
    ) -> Option<&mut SignalState> {
        self.signals.iter_mut().find(|s| (s.watch, s.touch, s.measure) == (watch, touch, measure))
    }
}

/// Adds a name once, up to the bound.
pub fn note(seen: &mut Vec<String>, part: &str) {
    if seen.len() < SEEN_MAX && !seen.iter().any(|s| s == part) {
        seen.push(part.to_owned());
    }
}

/// The next of 1-2-5 × 10ᵏ above a count.
#[must_use]
pub fn milestone_after(persons: u64) -> u64 {
    let mut decade = 1u64;
    loop {
        for step in [decade, 2 * decade, 5 * decade] {
            if step > persons {
                return step;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milestones_are_one_two_five() {
        for (persons, next) in
            [(0, 1), (1, 2), (50, 100), (99, 100), (100, 200), (499, 500), (36_800_000, 50_000_000)]
        {
            assert_eq!(milestone_after(persons), next);
        }
    }

    #[test]
    fn exposure_is_exact_to_a_thousand_and_bounded_beyond() {
        let mut set = ExposureSet::default();
        let fp = |n: u32| n.wrapping_mul(0x9E37_79B1);
        for n in 1..=1_024 {
            assert!(set.insert(fp(n), |_| 3));
            assert!(!set.insert(fp(n), |_| 3));
        }
        assert_eq!(set.persons(), (1_024, 1_024, 1_024));
        (1..=200_000).for_each(|n| {
            set.insert(fp(n), |_| 3);
        });
        let (persons, low, high) = set.persons();
        assert!(low <= 200_000 && 200_000 <= high, "{low} {persons} {high}");
        assert!((persons as f64 / 200_000.0 - 1.0).abs() < 0.15);
        assert_eq!(set.class_sets().map(|(_, n)| n).sum::<u64>(), persons);
    }
}
