//! One pool: several accounts that share a unit, a partner, a device, an address or a network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::episode::PoolEpisode;
use super::model::{Class, Expected, Past, WHATS, What};
use super::union::Union;
use crate::alert::EntityKind;
use crate::detect::time::Day;
use crate::event::{Position, TimestampMs};

/// What one account added to a pool today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    /// Persons it was the first to read here.
    pub(super) persons: u32,
    /// Foreign origins, likewise.
    pub(super) foreign: u32,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) kind: EntityKind,
    pub(super) name: Box<str>,
    /// Of a unit: its partner's pool.
    pub(super) parent: u32,
    /// Its key in the table of names or places.
    pub(super) key: u64,
    /// First day it was shared, and last day anything was counted.
    pub(super) since: Day,
    pub(super) last: Day,
    /// Out of learning until this day, inclusive.
    pub(super) excluded_until: Day,
    /// Own past by count.
    pub(super) past: [Past; WHATS],
    /// Whom its accounts read today.
    pub(super) union: Union,
    /// Accounts active today.
    pub(super) members: u32,
    /// Persons and foreign origins expected of them.
    pub(super) expected: [f64; 2],
    /// Accounts above their own usual: foreign origins, persons.
    pub(super) in_excess: [u32; 2],
    /// Foreign origins of accounts whose own alert explains them.
    pub(super) explained: u32,
    /// Greatest count and greatest score of the day.
    pub(super) most: [u32; WHATS],
    pub(super) best: [f32; WHATS],
    /// Look again when so many were counted: persons or foreign origins, accounts in excess.
    pub(super) look: [u64; 2],
    /// By account, where the pool keeps them: fresh places.
    pub(super) parts: BTreeMap<u32, Part>,
    /// Log position of the day's first access.
    pub(super) first_position: Position,
    pub(super) episode: Option<Box<PoolEpisode>>,
    /// UTC day of the last opening, and how many on it.
    pub(super) opened_on: (Day, u32),
    /// When the last episode opened.
    pub(super) opened: TimestampMs,
    /// Opening and id of the last alert that people judged.
    pub(super) judged: Option<(TimestampMs, String)>,
}

/// Spread 1/r between the days of one account.
const MEMBER_SPREAD: f64 = 0.8;
/// Days for which a shared place is fresh.
pub(super) const FRESH_DAYS: Day = 14;
/// Days of a deployment in which every place is new, which therefore says nothing.
pub(super) const SETTLING_DAYS: Day = 7;

impl Pool {
    pub(super) fn new(kind: EntityKind, name: &str, key: u64, day: Day) -> Pool {
        Pool {
            kind,
            name: name.into(),
            parent: super::member::NONE,
            key,
            since: day,
            last: day,
            excluded_until: Day::MIN,
            past: [Past::default(); WHATS],
            union: Union::default(),
            members: 0,
            expected: [0.0; 2],
            in_excess: [0; 2],
            explained: 0,
            most: [0; WHATS],
            best: [0.0; WHATS],
            look: [0; 2],
            parts: BTreeMap::new(),
            first_position: Position::MAX,
            episode: None,
            opened_on: (Day::MIN, 0),
            opened: TimestampMs::MIN,
            judged: None,
        }
    }

    /// Which pools it is compared with; none: it is not judged.
    pub(super) fn class(&self, day: Day, first_day: Day) -> Option<Class> {
        let fresh = self.since >= first_day + SETTLING_DAYS && day - self.since < FRESH_DAYS;
        match self.kind {
            EntityKind::Unit => Some(Class::Unit),
            EntityKind::Partner => Some(Class::Partner),
            EntityKind::Network if &*self.name == super::NO_ACCOUNT => Some(Class::NoAccount),
            EntityKind::Source | EntityKind::Device | EntityKind::Network if fresh => {
                Some(Class::Fresh)
            }
            EntityKind::Source => Some(Class::Shared),
            _ => None,
        }
    }

    /// What its members of today are expected to count.
    pub(super) fn expected(&self, class: Class, what: What) -> Expected {
        let members = f64::from(self.members.max(1));
        let alone = match what {
            _ if class == Class::NoAccount => 0.0,
            // Whoever does not know its members' days: one thing brings many of them above.
            What::Strays => 0.1,
            What::Surges => 0.4,
            _ => MEMBER_SPREAD / members,
        };
        Expected { count: self.expected_count(class, what), alone }
    }

    fn expected_count(&self, class: Class, what: What) -> f64 {
        /// Share of a day that falls into its busiest hour, and usual counts of a network that
        /// has no accounts: both only begin what the past then corrects.
        const HOUR_SHARE: f64 = 0.35;
        const NOBODYS: [f64; 2] = [20.0, 10.0];
        let [persons, foreign] = if class == Class::NoAccount { NOBODYS } else { self.expected };
        match what {
            What::Persons1d => persons,
            What::Persons1h => persons * HOUR_SHARE,
            What::Foreign1d => foreign,
            What::Foreign1h => foreign * HOUR_SHARE,
            // One in fifty, before the past tells.
            What::Strays | What::Surges => f64::from(self.members) * 0.02,
        }
    }

    /// Forgets the day.
    pub(super) fn reset(&mut self) {
        self.union.reset();
        self.parts.clear();
        (self.members, self.explained) = (0, 0);
        (self.expected, self.in_excess) = ([0.0; 2], [0; 2]);
        (self.most, self.best, self.look) = ([0; WHATS], [0.0; WHATS], [0; 2]);
        self.first_position = Position::MAX;
    }

    /// Counts an opening; returns how many there were on the same UTC date.
    pub(super) fn count_opening(&mut self, utc_day: Day) -> u32 {
        if self.opened_on.0 != utc_day {
            self.opened_on = (utc_day, 0);
        }
        let ordinal = self.opened_on.1;
        self.opened_on.1 += 1;
        // An address without account has alerts of its own under the same name.
        if self.kind == EntityKind::Source { ordinal + (1 << 16) } else { ordinal }
    }
}
