//! The core driven through [`Detector::event`] alone: a rig with a one-shard epoch loop, as the
//! pipeline has it, and a builder of accesses.

mod bounds;
mod clock;
mod declared;
mod determinism;
mod episodes;
mod learning;
mod opening;
mod promise;
mod reach;
mod readers;
mod restart;
mod verdict;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::builder::Builder;
use super::report::{AccountDay, Cause, Finding, Report};
use super::rule::{BUILT_IN, Rules, Watch};
use super::{Control, Detector, Settings};
use crate::event::{AccessEvent, Action, Outcome, Person, TimestampMs};

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Local midnight in Paris that begins Monday 8 January 2024.
const MONDAY: TimestampMs = 1_704_668_400_000;
/// The same as a local day number.
pub(super) const MONDAY_DAY: i32 = 19_730;

/// A moment so many winter days after the first Monday.
pub(super) fn at(day: i64, hour: i64, minute: i64) -> TimestampMs {
    MONDAY + day * DAY + hour * HOUR + minute * MINUTE
}

/// The n-th person, hashed as the decoder would.
pub(super) fn person(n: u64) -> Person {
    let mut id = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    id = (id ^ (id >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    id = (id ^ (id >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    Person { id: id ^ (id >> 31), block: (n / 1_000) as u32 }
}

/// One access, owned.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) time: TimestampMs,
    pub(super) account: Option<String>,
    pub(super) partner: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) role: Option<String>,
    pub(super) action: Action,
    pub(super) persons: Vec<Person>,
    pub(super) unidentified: u64,
    pub(super) data: u32,
    pub(super) population: u32,
    pub(super) ip: Option<String>,
    pub(super) device: Option<String>,
    pub(super) session: Option<String>,
    pub(super) outcome: Outcome,
}

/// A Cap emploi adviser opens files.
pub(super) fn view(account: &str, time: TimestampMs, persons: Range<u64>) -> Access {
    Access {
        time,
        account: Some(account.into()),
        partner: Some("cap-emploi".into()),
        unit: None,
        role: Some("cap-adviser".into()),
        action: Action::View,
        persons: persons.map(person).collect(),
        unidentified: 0,
        data: 0,
        population: 0,
        ip: None,
        device: None,
        session: None,
        outcome: Outcome::Success,
    }
}

/// The same adviser gets a list.
pub(super) fn search(account: &str, time: TimestampMs, persons: Range<u64>) -> Access {
    Access { action: Action::Search, ..view(account, time, persons) }
}

/// A detector with its epoch loop, and what it said.
pub(super) struct Rig {
    pub(super) detector: Detector,
    pub(super) builder: Builder,
    pub(super) reports: Vec<Report>,
    pub(super) days: Vec<AccountDay>,
    position: u64,
}

impl Rig {
    pub(super) fn new() -> Rig {
        Rig::with(Settings::default(), Rules::built_in().unwrap())
    }

    /// Only the named rule files.
    pub(super) fn with_rules(files: &[&str]) -> Rig {
        Rig::with(Settings::default(), rules(files))
    }

    pub(super) fn with(settings: Settings, rules: Rules) -> Rig {
        Rig {
            detector: Detector::new(settings, Arc::new(rules)).unwrap(),
            builder: Builder::default(),
            reports: Vec::new(),
            days: Vec::new(),
            position: 0,
        }
    }

    /// Applies an access at the next position; returns what was said about it.
    pub(super) fn feed(&mut self, access: &Access) -> Vec<Report> {
        self.position += 1;
        self.feed_at(access, self.position)
    }

    pub(super) fn feed_at(&mut self, access: &Access, position: u64) -> Vec<Report> {
        fn text(part: &Option<String>) -> Option<Cow<'_, str>> {
            part.as_deref().map(Cow::Borrowed)
        }
        let event = AccessEvent {
            time: access.time,
            account: text(&access.account),
            partner: text(&access.partner),
            unit: text(&access.unit),
            role: text(&access.role),
            action: access.action,
            persons: &access.persons,
            persons_known: true,
            unidentified: access.unidentified,
            persons_beyond: 0,
            unrelated: None,
            data: access.data,
            population: access.population,
            query: 0,
            resource: 0,
            ip: text(&access.ip),
            device: text(&access.device),
            session: text(&access.session),
            user_agent: None,
            outcome: access.outcome,
        };
        let mut findings = Vec::new();
        self.detector.event(&event, position, &mut findings);
        let mut said = Vec::new();
        for finding in findings {
            match finding {
                Finding::Episode(report) => said.push(*report),
                Finding::DayEnded(partial) => {
                    let (rules, budget) = (self.detector.rules(), self.detector.budget());
                    let epoch = self.builder.build(*partial, rules, budget);
                    self.detector.control(Control::Epoch(Arc::new(epoch)), &mut Vec::new());
                }
                Finding::AccountDay(day) => self.days.push(*day),
            }
        }
        self.reports.extend(said.iter().cloned());
        said
    }

    /// Applies many; returns all that was said.
    pub(super) fn feed_all<'a>(
        &mut self,
        accesses: impl IntoIterator<Item = &'a Access>,
    ) -> Vec<Report> {
        accesses.into_iter().flat_map(|access| self.feed(access)).collect()
    }

    /// Three bystanders act, so that the watermark comes to `time` less its lag.
    pub(super) fn pass_time(&mut self, time: TimestampMs) {
        for bystander in ["b1", "b2", "b3"] {
            let reports = self.feed(&view(bystander, time, 0..0));
            assert!(reports.iter().all(|r| r.name != bystander));
        }
    }

    /// Peers at work on every working day of `days`: 60 accounts in six units, each reading twelve
    /// files of its unit's 400 persons a day.
    pub(super) fn work(&mut self, days: Range<i64>) {
        for day in days.filter(|d| d % 7 < 5) {
            for hour in 9..15 {
                for adviser in 0..ADVISERS {
                    let access = ordinary(adviser, day, hour);
                    let said = self.feed(&access);
                    assert!(said.iter().all(|r| r.cause == Cause::Ended), "{said:#?}");
                }
            }
        }
    }

    pub(super) fn account(&self, name: &str) -> &super::account::Account {
        self.detector.accounts.iter().find(|a| &*a.name == name).unwrap()
    }
}

pub(super) const ADVISERS: u64 = 60;
pub(super) const UNIT_PERSONS: u64 = 400;

pub(super) fn adviser(n: u64) -> String {
    format!("cap{n:05}")
}

/// Persons whom a unit of [`Rig::work`] handles.
pub(super) fn persons_of_unit(unit: u64) -> Range<u64> {
    unit * 1_000..unit * 1_000 + UNIT_PERSONS
}

fn ordinary(n: u64, day: i64, hour: i64) -> Access {
    let unit = n % 6;
    // Two files an hour, others every time, twice as many every third day: people vary.
    let turn = (day as u64 * 6 + hour as u64) * 10 + n / 6;
    let files = if (day as u64 + n).is_multiple_of(3) { 4 } else { 2 };
    let first = persons_of_unit(unit).start + (turn * 2) % (UNIT_PERSONS - 4);
    let minute = (n * 7 % 60) as i64;
    Access {
        unit: Some(format!("unit-{unit}")),
        ..view(&adviser(n), at(day, hour, minute), first..first + files)
    }
}

/// The built-in texts of the named rules, with the priors.
pub(super) fn rules(files: &[&str]) -> Rules {
    let kept = |name: &str| name == "priors.toml" || files.contains(&name);
    let texts: Vec<_> = BUILT_IN.into_iter().filter(|(name, _)| kept(name)).collect();
    Rules::parse(&texts).unwrap()
}

/// The only report among them.
#[track_caller]
pub(super) fn only(reports: &[Report]) -> &Report {
    assert_eq!(reports.len(), 1, "{reports:#?}");
    &reports[0]
}

pub(super) fn watches(report: &Report) -> Vec<Watch> {
    report.signals.iter().map(|s| s.watch).collect()
}
