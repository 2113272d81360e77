//! What versions 1 and 2 had learned: partials, epochs, the builder of epochs.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;

use super::super::super::baseline::Prior;
use super::super::super::builder::{self, Past};
use super::super::super::calibration::{DayScores, Scores};
use super::super::super::channel::{Measure, SPECS, baseline_index};
use super::super::super::epoch::{self, GroupKey, Held, HourClass};
use super::super::super::partial::{self, ChannelScores, Sums};
use super::super::super::tail::{self, Histogram};
use super::super::super::territory::Vote;
use super::super::super::time::Day;
use super::{BASELINES_THEN, CHANNELS, KNOWN, baselines, channels};

/// One group's share of a partial of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct GroupPartial {
    pub(super) scores: [Histogram; CHANNELS],
    pub(super) censored: [Histogram; CHANNELS],
    pub(super) explained: [Histogram; CHANNELS],
    pub(super) maxima: [Histogram; CHANNELS],
    pub(super) ratios: [Histogram; 2],
    pub(super) hours: Histogram,
    pub(super) sums: [[Sums; BASELINES_THEN]; 2],
    pub(super) activity: [(u64, u64); 3],
    pub(super) members: u64,
    pub(super) account_weeks: u64,
}

/// A partial of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(in super::super) struct Partial {
    pub(super) day: Day,
    pub(super) groups: BTreeMap<GroupKey, GroupPartial>,
    pub(super) votes: Vec<Vote>,
}

/// A tail of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Tail {
    pub(super) start: f64,
    pub(super) share: f64,
    pub(super) shape: f64,
    pub(super) scale: f64,
    pub(super) samples: u64,
}

/// A channel's model of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Clone, Copy, Deserialize)]
pub(super) struct ChannelModel {
    pub(super) tail: Tail,
    pub(super) machine_tail: Tail,
    pub(super) explained: f64,
    pub(super) alpha: f64,
    pub(super) mature: bool,
}

/// A group's model of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct Group {
    pub(super) priors: [[Prior; BASELINES_THEN]; 2],
    pub(super) classes: Vec<HourClass>,
    pub(super) activity: [f64; 3],
    pub(super) wave: [f64; 2],
    pub(super) shift: [f64; CHANNELS],
    pub(super) p99: [u64; CHANNELS],
    pub(super) size: u64,
}

/// An epoch of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(in super::super) struct Epoch {
    pub(super) number: u32,
    pub(super) channels: [ChannelModel; CHANNELS],
    pub(super) groups: BTreeMap<GroupKey, Group>,
    pub(super) votes: Vec<Vote>,
    pub(super) day: Day,
}

/// A day's scores of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct DayOfScores {
    pub(super) day: Day,
    pub(super) groups: BTreeMap<GroupKey, GroupScores>,
    pub(super) account_weeks: u64,
}

/// One group's scores of a day of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct GroupScores {
    pub(super) scores: [Histogram; CHANNELS],
    pub(super) censored: [Histogram; CHANNELS],
    pub(super) explained: [Histogram; CHANNELS],
    pub(super) maxima: [Histogram; CHANNELS],
}

/// A builder of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(in super::super) struct Builder {
    pub(super) first_day: Option<Day>,
    pub(super) number: u32,
    pub(super) days: VecDeque<DayOfScores>,
    pub(super) hours: BTreeMap<GroupKey, Vec<f64>>,
    pub(super) waves: BTreeMap<GroupKey, [f64; 2]>,
    pub(super) activity: BTreeMap<GroupKey, [(f64, f64); 3]>,
}

/// The deployment's day from which each measure is counted: those of then from the first on.
fn since(number: u32) -> epoch::Since {
    std::array::from_fn(|m| if m < KNOWN { 0 } else { number })
}

impl GroupScores {
    fn by_channel(self) -> [[ChannelScores; super::MEASURES]; 2] {
        let mut maxima = self.maxima.into_iter();
        let mut explained = self.explained.into_iter();
        let mut censored = self.censored.into_iter();
        let then = self.scores.map(|scores| ChannelScores {
            scores,
            censored: censored.next().unwrap_or_default(),
            explained: explained.next().unwrap_or_default(),
            maxima: maxima.next().unwrap_or_default(),
            withdrawn: Histogram::default(),
        });
        channels(then, Default::default())
    }
}

impl From<GroupPartial> for partial::GroupPartial {
    fn from(then: GroupPartial) -> partial::GroupPartial {
        let GroupPartial { scores, censored, explained, maxima, .. } = then;
        partial::GroupPartial {
            scores: GroupScores { scores, censored, explained, maxima }.by_channel(),
            ratios: then.ratios,
            hours: then.hours,
            sums: then.sums.map(|sums| baselines(sums, Default::default())),
            activity: then.activity,
            members: then.members,
            account_weeks: then.account_weeks,
            ..partial::GroupPartial::default()
        }
    }
}

impl From<Partial> for partial::Partial {
    fn from(then: Partial) -> partial::Partial {
        let groups = then.groups.into_iter().map(|(key, group)| (key, group.into())).collect();
        partial::Partial { day: then.day, groups, votes: then.votes }
    }
}

impl From<Tail> for tail::Tail {
    fn from(then: Tail) -> tail::Tail {
        let Tail { start, share, shape, scale, samples } = then;
        // The next epoch looks at what was seen.
        tail::Tail { start, share, shape, scale, samples, seen: 0.0 }
    }
}

impl From<ChannelModel> for epoch::ChannelModel {
    fn from(then: ChannelModel) -> epoch::ChannelModel {
        epoch::ChannelModel {
            tail: then.tail.into(),
            machine_tail: then.machine_tail.into(),
            explained: then.explained,
            alpha: then.alpha,
            mature: then.mature,
        }
    }
}

impl From<Group> for epoch::Group {
    fn from(then: Group) -> epoch::Group {
        epoch::Group {
            priors: then.priors.map(|priors| baselines(priors, priors_of_day(priors[9]))),
            classes: then.classes,
            activity: then.activity,
            wave: then.wave,
            hourly: Vec::new(),
            shift: channels(then.shift, Default::default()),
            p99: channels(then.p99, Default::default()),
            anchored: Default::default(),
            operations: Vec::new(),
            size: then.size,
        }
    }
}

/// What the peers' persons of a day let expect of every measure, until the next epoch.
fn priors_of_day(persons: Prior) -> [Prior; super::BASELINES] {
    let mut priors = [persons; super::BASELINES];
    for spec in SPECS.iter().filter(|spec| spec.measure.is_learned()) {
        for class in 0..if spec.measure.is_hourly() { 3 } else { 1 } {
            priors[baseline_index(spec.measure, class)].mean = persons.mean * spec.share;
        }
    }
    priors
}

impl From<Epoch> for epoch::Epoch {
    fn from(then: Epoch) -> epoch::Epoch {
        // What was not measured has no model of its own until the next epoch, and fires much later.
        let persons = then.channels[Measure::Persons1d as usize];
        let unknown = epoch::ChannelModel { explained: 0.0, mature: false, ..persons.into() };
        let known = then.channels.map(epoch::ChannelModel::from);
        epoch::Epoch {
            number: then.number,
            channels: channels(known, [[unknown; super::MEASURES]; 2]),
            joint: epoch::JointModel { tail: unknown.tail, alpha: unknown.alpha },
            groups: then.groups.into_iter().map(|(key, group)| (key, group.into())).collect(),
            votes: then.votes,
            day: then.day,
            held: Held::default(),
            since: since(then.number),
        }
    }
}

impl From<Builder> for builder::Builder {
    fn from(then: Builder) -> builder::Builder {
        let Builder { first_day, number, days: then, hours, waves, activity } = then;
        let mut groups: BTreeMap<GroupKey, Past> = BTreeMap::new();
        for (key, hours) in hours.into_iter().filter(|(_, hours)| hours.len() == 168) {
            groups.entry(key).or_default().hours = hours;
        }
        for (key, wave) in waves {
            groups.entry(key).or_default().wave = wave;
        }
        for (key, activity) in activity {
            groups.entry(key).or_default().activity = activity;
        }
        let mut scores = Scores::default();
        for day in then {
            let mut of_day = DayScores::of(day.day, day.account_weeks);
            for (key, group) in day.groups {
                let news = group.by_channel();
                of_day.pool(key.kind, &news);
                groups.entry(key).or_default().block(day.day).add(&news);
            }
            scores.push(of_day);
        }
        builder::Builder { first_day, number, since: since(number), scores, groups }
    }
}
