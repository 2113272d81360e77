//! Stolen accounts, read through by strangers.

use super::super::output::{ROBOT_AGENT, query};
use super::super::roles::{ADVISER, CAF, CAP, MANAGER, MISSION, RECEPTION, RSA};
use super::{Entry, Hours, Pattern, Place, Sweep, Volume, Who};
use crate::event::Action;

/// Two Cap emploi advisers, evenings and weekends, lists of a search.
fn evenings() -> Pattern {
    Pattern {
        who: Who::People(&[CAP]),
        accounts: 2,
        days: 29,
        hours: Hours::EveningsAndWeekends,
        rate: 7.0,
        page: (10, 50),
        action: Action::Search,
        ..Pattern::default()
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "A1",
        what: "2024 replay: two advisers' accounts sweep the search, evenings and weekends, \
               7 persons a second each, beside their owners",
        pattern: |_| evenings(),
    },
    Entry {
        id: "A2",
        what: "2024 slowed a hundred times: 0.07 persons a second each, 19:00 to 23:00",
        pattern: |_| Pattern {
            hours: Hours::Daily(19.0, 23.0),
            rate: 0.07,
            page: (1, 6),
            days: 100,
            persons_max: 100_000,
            ..evenings()
        },
    },
    Entry {
        id: "A3",
        what: "one agent's account opens single files, 0.8 a second, day and evening",
        pattern: |_| Pattern {
            who: Who::People(&[MANAGER, RECEPTION, CAF]),
            days: 17,
            hours: Hours::Daily(8.0, 22.0),
            rate: 0.8,
            query: query::NAME,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A6",
        what: "robot on 19 accounts: chained numbers, one person a request, constant spacing, \
               24 hours",
        pattern: |_| Pattern {
            who: Who::People(&[MISSION]),
            accounts: 19,
            days: 9,
            rate: 0.07,
            constant: true,
            action: Action::Search,
            miss: 0.03,
            place: Place::Shared,
            query: query::NIR,
            agent: ROBOT_AGENT,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A7",
        what: "screen scraping: one account, page by page, 77 persons a second, 24 hours",
        pattern: |_| Pattern {
            days: 3,
            rate: 77.0,
            page: (50, 50),
            constant: true,
            action: Action::List,
            query: query::NEXT_PAGE,
            sweep: Sweep::Walk,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A8",
        what: "spread: many accounts at once, each reads 150 persons a day of its own unit",
        pattern: |accounts| Pattern {
            who: Who::People(&[MISSION, RSA]),
            accounts: (accounts / 40).clamp(3, 1_500),
            days: 20,
            hours: Hours::Working(9.0, 18.0),
            volume: Volume::Day(150.0),
            page: (1, 4),
            sweep: Sweep::OwnUnit,
            action: Action::Search,
            place: Place::Shared,
            persons_max: 15_000_000,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A9",
        what: "a search form called 15 times a second through a VPN, 24 hours",
        pattern: |_| Pattern {
            who: Who::People(&[RECEPTION, ADVISER]),
            days: 20,
            rate: 15.0,
            action: Action::Search,
            query: query::ID,
            agent: ROBOT_AGENT,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A15",
        what: "bots under a cap: many accounts, 95 persons a day each, flat over 24 hours",
        pattern: |accounts| Pattern {
            accounts: (accounts / 50).clamp(5, 200),
            volume: Volume::Day(95.0),
            constant: true,
            persons_max: 1_000_000,
            query: query::ID,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A19",
        what: "relay: many accounts, each active for 20 minutes at a time between 19:00 and 02:00",
        pattern: |accounts| Pattern {
            who: Who::People(&[MISSION, RSA, ADVISER]),
            accounts: (accounts / 20).clamp(6, 50),
            days: 10,
            hours: Hours::Relay,
            rate: 3.0,
            per_day: 600.0,
            page: (5, 20),
            action: Action::Search,
            place: Place::Shared,
            persons_max: 100_000,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A20",
        what: "take-over by the help desk, five quiet days, then like the 2024 theft",
        pattern: |_| Pattern { accounts: 1, quiet_days: 5, reset: true, ..evenings() },
    },
    Entry {
        id: "A21",
        what: "350 persons in one hour from 15:00, then nothing",
        pattern: |_| Pattern {
            who: Who::People(&[CAP, MISSION, ADVISER, RSA]),
            days: 4,
            hours: Hours::Working(15.0, 16.0),
            volume: Volume::Day(350.0),
            persons_max: 350,
            page: (1, 8),
            action: Action::Search,
            place: Place::Own,
            ..Pattern::default()
        },
    },
    Entry {
        id: "A28",
        what: "a leaver's account wakes: 30 persons a day in office hours",
        pattern: |_| Pattern {
            who: Who::Leaver(40),
            days: 15,
            hours: Hours::Working(9.0, 17.0),
            volume: Volume::Day(30.0),
            page: (1, 3),
            action: Action::Search,
            ..Pattern::default()
        },
    },
];
