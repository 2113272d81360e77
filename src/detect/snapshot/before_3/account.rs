//! Accounts of versions 1 and 2, with their day and their episode.

use serde::Deserialize;

use super::super::super::account;
use super::super::super::baseline::{Activity, Moments};
use super::super::super::caseload;
use super::super::super::channel::{HOURLY, MEASURES, Measure, WEEKLY};
use super::super::super::episode::{self, Circumstances, ExposureSet, Trail};
use super::super::super::epoch::{HourClass, Kind};
use super::super::super::lift::LEVEL;
use super::super::super::limits::{HOUR_SLOTS, KNOWN_MAX};
use super::super::super::places::{KnownPlaces, Places};
use super::super::super::rule::Watch;
use super::super::super::run::Runs;
use super::super::super::time::{Day, LocalDay};
use super::super::super::today::{self, UNKNOWN};
use super::super::super::window::{self, Entry};
use super::{BASELINES_THEN, KNOWN, baselines, channel_bits};
use crate::event::{Position, TimestampMs, Touch};

/// An account of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) time: TimestampMs,
    pub(super) behind: (u8, TimestampMs),
    pub(super) episode: Option<Box<Episode>>,
    pub(super) today: Option<Box<Today>>,
    pub(super) day: LocalDay,
    pub(super) ends_on: Option<Day>,
    pub(super) unit: u32,
    pub(super) group: u32,
    pub(super) kind: Kind,
    pub(super) name: Box<str>,
    pub(super) unit_name: Option<u32>,
    pub(super) closed_days: u32,
    pub(super) excluded_until: Day,
    pub(super) week: i32,
    pub(super) base: [[Moments; BASELINES_THEN]; 2],
    pub(super) activity: [Activity; 3],
    pub(super) known: [[u32; KNOWN_MAX]; 2],
    pub(super) opened_on: [(Day, u32); 2],
}

/// The greatest sliding counts of an hour of then: the three hourly measures are the same.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct HourMaxima {
    pub(super) hour_of_week: u8,
    pub(super) class: u8,
    pub(super) touched: u8,
    pub(super) counts: [[u32; 3]; 2],
}

const _: () = assert!(HOURLY.len() == 3);

/// A day of then; `_`: read past, since it is computed anew.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct Today {
    pub(super) _slack: i64,
    pub(super) records: u64,
    pub(super) unidentified: u64,
    pub(super) after_end: u64,
    pub(super) trail: Option<Box<Trail>>,
    pub(super) epoch: u32,
    pub(super) slot: u16,
    pub(super) class: HourClass,
    pub(super) current: HourMaxima,
    pub(super) seen: [Places; 2],
    pub(super) windows: [Windows; 2],
    pub(super) _thresholds: [[u32; KNOWN]; 2],
    pub(super) _explained: [[u32; KNOWN]; 2],
    pub(super) fired: u16,
    pub(super) excluded_at_open: bool,
    pub(super) rest_chances: u32,
    pub(super) first_position: Position,
    pub(super) declared: Option<(u64, bool)>,
    pub(super) hours: Vec<HourMaxima>,
}

/// Windows of then: counts and rings follow from the table, and are read past.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct Windows {
    pub(super) places: Vec<Entry>,
    pub(super) used: u16,
    pub(super) level: u8,
    pub(super) slot: u16,
    pub(super) floor: u16,
    pub(super) _counts: [u16; KNOWN],
    pub(super) _persons_by_slot: [u16; HOUR_SLOTS as usize],
    pub(super) _foreign_by_slot: [u16; HOUR_SLOTS as usize],
}

/// A signal of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct SignalState {
    pub(super) rule: String,
    pub(super) watch: Watch,
    pub(super) touch: Option<Touch>,
    pub(super) measure: Option<Measure>,
    pub(super) observed: u64,
    pub(super) expected: f64,
    pub(super) usual: u64,
    pub(super) threshold: u64,
    pub(super) surprise: f64,
    pub(super) budget: f64,
    pub(super) at: TimestampMs,
    pub(super) persons_at: u64,
    pub(super) peers: Option<(String, u64, u64)>,
    pub(super) class: HourClass,
}

/// An episode of then.
#[cfg_attr(test, derive(serde::Serialize))]
#[derive(Deserialize)]
pub(super) struct Episode {
    pub(super) opened: TimestampMs,
    pub(super) ordinal: u32,
    pub(super) revision: u32,
    pub(super) first: TimestampMs,
    pub(super) last: TimestampMs,
    pub(super) last_signal: TimestampMs,
    pub(super) signals: Vec<SignalState>,
    pub(super) exposure: ExposureSet,
    pub(super) milestone: u64,
    pub(super) records: u64,
    pub(super) unidentified: u64,
    pub(super) seen: [Vec<String>; 3],
    pub(super) trail: Trail,
    pub(super) circumstances: Circumstances,
    pub(super) learning: bool,
    pub(super) positions: (Position, Position),
    pub(super) epoch: u32,
}

impl Account {
    pub(super) fn into_account(self) -> account::Account {
        let off = |today: &Today| {
            self.kind == Kind::Human && (today.class == HourClass::Off || self.day.is_rest())
        };
        let today = self.today.map(|today| {
            let marks = if off(&today) { window::OFF } else { 0 };
            Box::new(today.into_today(marks))
        });
        account::Account {
            time: self.time,
            behind: self.behind,
            episode: self.episode.map(|episode| Box::new(episode.into_episode())),
            today,
            day: self.day,
            ends_on: self.ends_on,
            unit: self.unit,
            group: self.group,
            kind: self.kind,
            name: self.name,
            unit_name: self.unit_name,
            closed_days: self.closed_days,
            excluded_until: self.excluded_until,
            week: self.week,
            base: self.base.map(|then| baselines(then, Default::default())),
            activity: self.activity,
            // One day made a place the account's own then.
            known: self.known.map(KnownPlaces::own),
            persons: Default::default(),
            weeks: Default::default(),
            drift: Default::default(),
            runs: Runs::default(),
            caseload: caseload::NONE,
            told: Vec::new(),
            raised_until: Day::MIN,
            lift: LEVEL,
            unlisted: false,
            opened_on: self.opened_on,
        }
    }
}

impl Today {
    /// Thresholds are computed anew when they are next needed.
    fn into_today(self, hour_marks: u8) -> today::Today {
        today::Today {
            slack: 0,
            records: self.records,
            unidentified: self.unidentified,
            after_end: self.after_end,
            trail: self.trail,
            readers: None,
            epoch: self.epoch,
            slot: self.slot,
            class: self.class,
            hour_marks,
            odds: 1,
            requests: Default::default(),
            operations: Default::default(),
            current: self.current.into(),
            seen: self.seen,
            windows: self.windows.map(Windows::into_windows),
            thresholds: [[UNKNOWN; MEASURES]; 2],
            explained: None,
            sign_at: [[0; MEASURES]; 2],
            signs: 0,
            carried: [[0; WEEKLY]; 2],
            is_theft: false,
            fired: channel_bits(self.fired),
            excluded_at_open: self.excluded_at_open,
            rest_chances: self.rest_chances,
            first_position: self.first_position,
            declared: self.declared,
            hours: self.hours.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<HourMaxima> for today::HourMaxima {
    fn from(then: HourMaxima) -> today::HourMaxima {
        let HourMaxima { hour_of_week, class, touched, counts } = then;
        today::HourMaxima { hour_of_week, class, touched, counts }
    }
}

impl Windows {
    fn into_windows(self) -> window::Windows {
        window::Windows::of_table(self.places, self.used, self.level, self.slot, self.floor)
    }
}

impl Episode {
    fn into_episode(self) -> episode::Episode {
        episode::Episode {
            opened: self.opened,
            ordinal: self.ordinal,
            revision: self.revision,
            first: self.first,
            last: self.last,
            last_signal: self.last_signal,
            signals: self.signals.into_iter().map(Into::into).collect(),
            exposure: self.exposure,
            milestone: self.milestone,
            records: self.records,
            unidentified: self.unidentified,
            seen: self.seen,
            trail: self.trail,
            readers: Default::default(),
            circumstances: self.circumstances,
            learning: self.learning,
            positions: self.positions,
            epoch: self.epoch,
            follows: None,
        }
    }
}

impl From<SignalState> for episode::SignalState {
    fn from(then: SignalState) -> episode::SignalState {
        episode::SignalState {
            rule: then.rule,
            watch: then.watch,
            touch: then.touch,
            measure: then.measure,
            observed: then.observed,
            expected: then.expected,
            usual: then.usual,
            threshold: then.threshold,
            surprise: then.surprise,
            budget: then.budget,
            at: then.at,
            persons_at: then.persons_at,
            peers: then.peers,
            class: then.class,
            joint: false,
        }
    }
}
