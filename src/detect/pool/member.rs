//! What pools remember about one account today: what is expected of it, and what it added.

use serde::{Deserialize, Serialize};

use crate::detect::account::Account;
use crate::detect::channel::{Measure, TOUCHES};
use crate::detect::epoch::HourClass;
use crate::detect::shared::Shared;
use crate::detect::time::Day;

/// No pool.
pub(super) const NONE: u32 = u32::MAX;

/// Above its own foreign origins by far.
pub(super) const STRAYS: u8 = 1;
/// Above its own persons by far.
pub(super) const SURGES: u8 = 2;
/// Its own alert, or that of a pool, says what there is to say about it: units and partners count
/// it no more.
pub(super) const EXPLAINED: u8 = 4;
/// Contributes to a pooled alert.
pub(super) const NAMED: u8 = 8;

/// One account's day, by the account's index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    /// The day this describes.
    pub(super) day: Day,
    /// Pools: unit, partner, and the long-shared address it acts from.
    pub(super) unit: u32,
    pub(super) partner: u32,
    pub(super) site: u32,
    /// The pool whose open alert it contributes to.
    pub(super) named: u32,
    /// Foreign origins it was the first of its partner to touch.
    pub(super) foreign: u32,
    /// Expected persons and foreign origins of a day.
    pub(super) expected: [f32; 2],
    /// Persons and foreign origins from which it is far above them, by touch.
    marks: [[u16; 2]; 2],
    /// Hash of address and device when nothing more need be looked up about them.
    pub(super) place: u32,
    /// Sharing of places, when that was found.
    pub(super) generation: u32,
    pub(super) flags: u8,
}

impl Member {
    /// Nothing known.
    pub(super) const UNKNOWN: Member = Member {
        day: Day::MIN,
        unit: NONE,
        partner: NONE,
        site: NONE,
        named: NONE,
        foreign: 0,
        expected: [0.0; 2],
        marks: [[u16::MAX; 2]; 2],
        place: 0,
        generation: 0,
        flags: 0,
    };

    /// The beginning of an account's day, as its baselines expect it.
    pub(super) fn begin(account: &Account, shared: &Shared, day: Day) -> Member {
        const FOREIGN_LEAST: f64 = 6.0;
        const PERSONS_LEAST: f64 = 25.0;
        let mut member = Member { day, ..Member::UNKNOWN };
        let Some(today) = &account.today else { return member };
        let group = shared.group(account.group, today.epoch);
        for touch in TOUCHES {
            let model = |measure| account.model(touch, measure, HourClass::Core, group);
            let (persons, foreign) = (model(Measure::Persons1d), model(Measure::Foreign1d));
            let mark = |mean: f64, sd: f64, least: f64| {
                (mean + 3.0 * sd).max(2.5 * mean).max(least).min(60_000.0).ceil() as u16
            };
            // Who is listed is opened, mostly: the larger of both.
            member.expected[0] = member.expected[0].max(persons.mean as f32);
            member.expected[1] = member.expected[1].max(foreign.mean as f32);
            member.marks[touch as usize] = [
                mark(persons.mean, persons.sd(), PERSONS_LEAST),
                mark(foreign.mean, foreign.sd(), FOREIGN_LEAST),
            ];
        }
        member
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Flags of what its counts have just come to.
    pub(super) fn passes(&self, account: &Account) -> u8 {
        let Some(today) = &account.today else { return 0 };
        let over = |place: usize, measure: Measure| {
            let counts = today.windows.iter().map(|w| w.count(measure));
            counts.zip(&self.marks).any(|(count, marks)| count >= u64::from(marks[place]))
        };
        let mut flags = 0;
        if !self.has(SURGES) && over(0, Measure::Persons1d) {
            flags |= SURGES;
        }
        if !self.has(STRAYS) && over(1, Measure::Foreign1d) {
            flags |= STRAYS;
        }
        flags
    }

    /// How far it is above what is expected of it, in foreign origins or persons.
    pub(super) fn excess(&self, account: &Account) -> f64 {
        let Some(today) = &account.today else { return 0.0 };
        let over = |measure: Measure, expected: f32| {
            let most = today.windows.iter().map(|w| w.count(measure)).max().unwrap_or(0);
            (most as f64 - f64::from(expected)).max(0.0)
        };
        over(Measure::Foreign1d, self.expected[1]) + over(Measure::Persons1d, self.expected[0])
    }
}
