//! Partner bodies, keys, new accounts and exports.

use super::super::output::{ROBOT_AGENT, query};
use super::super::roles::{ADVISER, API, MANAGER, MISSION, NIGHTLY, TRAINING, class};
use super::{Entry, Hours, Pattern, Place, Sweep, Volume, Who};
use crate::event::Action;

/// A key of a partner, used by somebody else.
fn key() -> Pattern {
    Pattern {
        who: Who::Machine(API),
        query: 0,
        agent: ROBOT_AGENT,
        data: class::IDENTITY | class::CONTACT | class::EMPLOYMENT,
        ..Pattern::default()
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "A4",
        what: "a training body's account walks through the search in office hours, thousands a \
               day",
        pattern: |_| Pattern {
            who: Who::People(&[TRAINING]),
            days: 20,
            hours: Hours::Working(8.5, 18.0),
            volume: Volume::Day(5_000.0),
            page: (5, 20),
            action: Action::Search,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A5",
        what: "two accounts made by a stolen manager's account walk through files, 3 persons a \
               second each",
        pattern: |_| Pattern {
            who: Who::New(MISSION, None),
            accounts: 2,
            days: 7,
            rate: 3.0,
            page: (1, 10),
            action: Action::List,
            sweep: Sweep::Active,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A10",
        what: "a partner's key reads 10 persons a second, 24 hours, flat",
        pattern: |_| Pattern { days: 41, rate: 10.0, constant: true, ..key() },
    },
    Entry {
        id: "A11",
        what: "a partner's stolen key asks other endpoints, 20 persons a second",
        pattern: |_| Pattern {
            days: 6,
            rate: 20.0,
            page: (1, 20),
            action: Action::List,
            data: class::LINE | class::NIR | class::BANK,
            ..key()
        },
    },
    Entry {
        id: "A12",
        what: "no account: identifiers counted up from changing addresses, 37 requests a second",
        pattern: |_| Pattern {
            who: Who::Nobody,
            days: 3,
            rate: 37.0,
            miss: 0.1,
            sweep: Sweep::Walk,
            place: Place::Rotating,
            query: query::ID,
            agent: ROBOT_AGENT,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A13",
        what: "partners made up by the thief try generated codes: 19 of 20 requests miss",
        pattern: |_| Pattern {
            who: Who::New(API, Some("revendeur")),
            accounts: 5,
            days: 21,
            rate: 0.8,
            miss: 0.95,
            persons_max: 2_000,
            query: query::ID,
            agent: ROBOT_AGENT,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A16",
        what: "a support account exports tables at night",
        pattern: |_| Pattern {
            who: Who::People(&[MANAGER]),
            days: 4,
            hours: Hours::Daily(22.0, 24.0),
            from: 22.0 * 3_600.0,
            rate: 20.0,
            page: (5_000, 5_000),
            action: Action::Export,
            query: 0,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A17",
        what: "queries behind the application: rows by the hundred thousand that no id names",
        pattern: |_| Pattern {
            who: Who::People(&[MANAGER]),
            days: 2,
            hours: Hours::Daily(1.0, 4.0),
            from: 3_600.0,
            rate: 500.0,
            page: (200_000, 400_000),
            persons_max: 2_000_000,
            action: Action::Export,
            query: 0,
            unnamed: true,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A27",
        what: "one account in twenty reads 12 persons a day more than its owner",
        pattern: |accounts| Pattern {
            who: Who::People(&[ADVISER, MISSION, TRAINING]),
            accounts: (accounts / 20).clamp(5, 5_000),
            days: 20,
            hours: Hours::Owner,
            volume: Volume::Day(12.0),
            place: Place::Own,
            persons_max: 2_000_000,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A30",
        what: "a nightly flow runs by day and returns health data",
        pattern: |_| Pattern {
            who: Who::Machine(NIGHTLY),
            days: 5,
            hours: Hours::Working(10.0, 16.0),
            rate: 2.0,
            page: (100, 100),
            action: Action::List,
            sweep: Sweep::Active,
            place: Place::Own,
            data: class::IDENTITY | class::NIR | class::HEALTH | class::DISABILITY,
            ..key()
        },
    },
    Entry {
        id: "A31",
        what: "a private platform stays within its daily volume and covers the base",
        pattern: |_| Pattern {
            days: 90,
            volume: Volume::OwnMean(0.4),
            hours: Hours::Daily(7.0, 22.0),
            place: Place::Own,
            persons_max: 10_000_000,
            ..key()
        },
    },
];
