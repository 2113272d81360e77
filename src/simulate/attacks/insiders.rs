//! Slow ones: insiders, ramps, and those who know the detector.

use super::super::output::query;
use super::super::roles::{ADVISER, CAP, MDPH, MISSION, RECEPTION, RSA, class};
use super::{Entry, Hours, Pattern, Place, Sweep, Volume, Who};
use crate::event::Action;

/// An owner who reads more than the work needs, at the own desk.
fn owner() -> Pattern {
    Pattern {
        who: Who::People(&[ADVISER, CAP, MISSION, RSA]),
        days: 120,
        hours: Hours::Owner,
        from: 0.0,
        place: Place::Own,
        query: query::NAME,
        data: 0,
        sweep: Sweep::Active,
        volume: Volume::Day(40.0),
        ..Pattern::default()
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "A14",
        what: "insiders for hire: 40 persons a day on top of normal work",
        pattern: |_| Pattern { accounts: 3, ..owner() },
    },
    Entry {
        id: "A18",
        what: "hidden in the actualisation: three times the own mean, office hours",
        pattern: |_| Pattern {
            who: Who::People(&[RECEPTION, ADVISER]),
            accounts: 2,
            days: 18,
            hours: Hours::Working(8.0, 18.0),
            volume: Volume::OwnMean(2.0),
            sweep: Sweep::Base,
            ..owner()
        },
    },
    Entry {
        id: "A22",
        what: "all persons of one town: 30 a day in working hours",
        pattern: |_| Pattern {
            days: 30,
            volume: Volume::Day(30.0),
            sweep: Sweep::OtherUnit,
            query: query::TOWN,
            page: (1, 5),
            action: Action::Search,
            ..owner()
        },
    },
    Entry {
        id: "A23",
        what: "ramp: from half the own mean, a little more each active day",
        pattern: |_| Pattern {
            volume: Volume::Ramp { start: 0.5, growth: 0.05 },
            sweep: Sweep::Base,
            persons_max: 200_000,
            ..owner()
        },
    },
    Entry {
        id: "A24",
        what: "20 active days of feeding the baseline, then a burst",
        pattern: |_| Pattern {
            days: 60,
            volume: Volume::FeedThenStrike { feed: 15.0, days: 20 },
            rate: 1.0,
            persons_max: 5_000,
            sweep: Sweep::Base,
            ..owner()
        },
    },
    Entry {
        id: "A25",
        what: "cover traffic: two known persons opened for each new one",
        pattern: |_| Pattern {
            days: 30,
            volume: Volume::Day(60.0),
            sweep: Sweep::Base,
            cover: 2,
            ..owner()
        },
    },
    Entry {
        id: "A26",
        what: "threshold hugger: the same number of persons every day, for ever",
        pattern: |_| Pattern { volume: Volume::Day(24.0), sweep: Sweep::Base, ..owner() },
    },
    Entry {
        id: "A29",
        what: "only the disability files, at the volume of the own mean",
        pattern: |_| Pattern {
            who: Who::People(&[CAP, MDPH]),
            days: 30,
            volume: Volume::OwnMean(1.0),
            data: class::IDENTITY | class::HEALTH | class::DISABILITY,
            ..owner()
        },
    },
    Entry {
        id: "A32",
        what: "mass update: bank details of hundreds",
        pattern: |_| Pattern {
            who: Who::People(&[RECEPTION, ADVISER]),
            days: 3,
            volume: Volume::Day(150.0),
            action: Action::Update,
            query: 0,
            data: class::IDENTITY | class::BANK,
            ..owner()
        },
    },
    Entry {
        id: "A33",
        what: "files nobody has touched for years, at the volume of the own mean",
        pattern: |_| Pattern {
            days: 30,
            volume: Volume::OwnMean(1.0),
            sweep: Sweep::Dormant,
            ..owner()
        },
    },
];
