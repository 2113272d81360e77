//! A case played: the past is made up, the events happen, the alerts are gathered.

use std::sync::Arc;

use super::{Answer, Given, Happening, Whose};
use crate::alert::{Alert, EntityKind, Status};
use crate::detect::builder::Builder;
use crate::detect::report::{Cause, Finding};
use crate::detect::rule::Rules;
use crate::detect::{Control, Detector, Settings};
use crate::directory::{AccountEntry, Accounts, Expected, Scope};
use crate::event::{AccessEvent, Action, DATA_CLASSES, Outcome, Person, TimestampMs};
use crate::triage::{Language, Triage};

/// Monday 8 January 2024, 00:00 in Paris.
const START_MS: TimestampMs = 1_704_668_400_000;
const DAY_MS: i64 = 86_400_000;
const START_DAY: i32 = 19_730;
const SUBJECT: u32 = 0;
const OWN_PERSONS: u64 = 400;
const OWN_DEVICE: &str = "own-device";

/// The account of a case, its peers, and the engine that watches them.
pub(super) struct Play<'a> {
    given: &'a Given,
    detector: Detector,
    builder: Builder,
    triage: Triage,
    findings: Vec<Finding>,
    /// With the persons exposed at the opening.
    alerts: Vec<(Alert, u64)>,
    position: u64,
    fresh: u64,
    dice: u64,
}

/// One event to come.
struct Access<'a> {
    time: TimestampMs,
    peer: u32,
    persons: Vec<Person>,
    what: Option<&'a Happening>,
}

impl<'a> Play<'a> {
    pub(super) fn new(given: &'a Given, rules: &Arc<Rules>) -> Result<Self, String> {
        let mut detector = Detector::new(Settings::default(), Arc::clone(rules))?;
        let today = START_DAY + given.days as i32;
        let mut accounts = Accounts::default();
        for peer in 0..given.peers {
            let ends_on = given.ended_days_ago.filter(|_| peer == SUBJECT).map(|ago| today - ago);
            let entry = AccountEntry { machine: given.machine, ends_on, ..AccountEntry::default() };
            accounts.0.insert(name_of(peer), entry);
        }
        detector.control(Control::Accounts(Arc::new(accounts)), &mut Vec::new());
        let declare = |ceiling: u64, to: Option<i32>| Expected {
            scope: Scope::Account(name_of(SUBJECT)),
            ceiling,
            from: to,
            to,
            author: "case".into(),
            reason: "case".into(),
        };
        let standing = given.declared_ceiling.map(|c| declare(c, None));
        let day = START_DAY + play_day(given) as i32;
        let expected = given.expected_ceiling.map(|c| declare(c, Some(day)));
        detector.control(
            Control::Expected(Arc::new(standing.into_iter().chain(expected).collect())),
            &mut Vec::new(),
        );
        let triage = Triage {
            shard: "case".into(),
            rules_version: rules.version.clone(),
            population: Vec::new(),
            language: Language::English,
        };
        Ok(Play {
            given,
            detector,
            builder: Builder::default(),
            triage,
            findings: Vec::new(),
            alerts: Vec::new(),
            position: 0,
            fresh: 1 << 40,
            dice: 1,
        })
    }

    /// Plays the past and the events; the account's alerts since the events began, in order, each
    /// with the persons exposed at its opening.
    pub(super) fn alerts(mut self, events: &'a [Happening]) -> Result<Vec<(Alert, u64)>, String> {
        let days: Vec<u32> = (0..self.given.days).filter(|d| d % 7 < 5).collect();
        for (at, day) in days.iter().enumerate() {
            let left = (days.len() - at) as u32;
            let mut accesses = self.usual(*day);
            let again = events.iter().filter(|what| what.every_day >= left);
            let mut quiet = true;
            for what in again {
                quiet = false;
                accesses.extend(self.accesses(what, *day, what.every_day - left)?);
            }
            accesses.sort_by_key(|access| (access.time, access.peer));
            for access in accesses {
                self.read(&access);
                if quiet {
                    self.findings.clear();
                }
                self.gather();
            }
        }
        let day = play_day(self.given);
        for what in events {
            for access in self.accesses(what, day, what.every_day)? {
                self.read(&access);
                self.gather();
            }
        }
        Ok(self.alerts)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    /// A working day: every account reads about its usual number, between 9 and 17 h.
    fn usual(&mut self, day: u32) -> Vec<Access<'a>> {
        let start = START_MS + i64::from(day) * DAY_MS;
        let mut reads = Vec::new();
        for peer in 0..self.given.peers {
            let usual = u64::from(self.given.persons_per_day);
            let reading = usual / 2 + self.roll(usual + 1);
            for _ in 0..reading {
                let time = start + 9 * 3_600_000 + self.roll(8 * 3_600_000) as i64;
                let stranger = (self.roll(10_000) as f64) < self.given.strangers * 100.0;
                let number = if stranger { self.stranger() } else { self.own(peer) };
                reads.push(Access { time, peer, persons: vec![person(number, false)], what: None });
            }
        }
        reads
    }

    fn own(&mut self, peer: u32) -> u64 {
        // The last ones, so that those of the events, the first ones, are others.
        let read = match (peer, self.given.caseload) {
            (0, Some(caseload)) => caseload.clamp(1, OWN_PERSONS),
            _ => OWN_PERSONS,
        };
        u64::from(peer / 10) * OWN_PERSONS + OWN_PERSONS - read + self.roll(read)
    }

    fn stranger(&mut self) -> u64 {
        self.fresh += 1;
        self.fresh
    }

    /// A run's events on one day; `before` is how many days already had it.
    fn accesses(
        &mut self,
        what: &'a Happening,
        day: u32,
        before: u32,
    ) -> Result<Vec<Access<'a>>, String> {
        let at = clock_ms(&what.at).ok_or_else(|| format!("{:?} is no HH:MM:SS", what.at))?;
        let start = START_MS + i64::from(day) * DAY_MS + at;
        let mut accesses = Vec::new();
        for number in 0..what.count {
            let serial = (u64::from(before) * u64::from(what.count) + u64::from(number))
                * u64::from(what.persons);
            let persons = (serial..serial + u64::from(what.persons)).map(|n| {
                let number = match what.whose {
                    Whose::Own => n % OWN_PERSONS,
                    Whose::Other => OWN_PERSONS + n % OWN_PERSONS,
                    Whose::Nobody => self.stranger(),
                };
                person(number, what.sequential)
            });
            let persons = persons.collect();
            let pause = i64::from(what.every_s) * 1_000;
            let late = if what.even { 0 } else { self.roll(pause as u64 / 2 + 1) as i64 };
            accesses.push(Access {
                persons,
                time: start + i64::from(number) * pause + late,
                peer: number % what.accounts.max(1),
                what: Some(what),
            });
        }
        Ok(accesses)
    }

    fn read(&mut self, access: &Access<'_>) {
        let what = access.what;
        let outcome = match what.map_or(Answer::Success, |w| w.outcome) {
            Answer::Success => Outcome::Success,
            Answer::Failure => Outcome::Failure,
            Answer::Denied => Outcome::Denied,
        };
        let data = what.map_or(0, |w| {
            let has = |class: &str| w.data.iter().any(|word| word == class);
            let bits = DATA_CLASSES.iter().enumerate().filter(|(_, class)| has(class));
            bits.map(|(bit, _)| 1 << bit).sum()
        });
        let hashed = |text: Option<&String>| {
            text.map_or(0, |text| text.bytes().fold(1, |hash, byte| mix(hash ^ u64::from(byte))))
        };
        let device = what.and_then(|w| w.device.as_deref()).unwrap_or(OWN_DEVICE);
        let persons: &[Person] = if outcome == Outcome::Success { &access.persons } else { &[] };
        let event = AccessEvent {
            time: access.time,
            account: Some(name_of(access.peer).into()),
            partner: Some("partner".into()),
            unit: Some(format!("unit-{}", access.peer / 10).into()),
            role: Some(self.given.role.as_str().into()),
            action: what.map_or(Action::View, |w| Action::parse(&w.action)),
            persons,
            persons_known: true,
            unidentified: what.map_or(0, |w| w.unidentified),
            persons_beyond: 0,
            unrelated: what.and_then(|w| w.unrelated),
            data,
            population: 0,
            query: hashed(what.and_then(|w| w.query.as_ref())),
            resource: hashed(what.and_then(|w| w.resource.as_ref())),
            ip: None,
            device: Some(device.into()),
            session: None,
            user_agent: None,
            outcome,
        };
        self.position += 1;
        self.detector.event(&event, self.position, &mut self.findings);
        let ended = self.findings.iter().position(|f| matches!(f, Finding::DayEnded(_)));
        if let Some(Finding::DayEnded(partial)) = ended.map(|at| self.findings.remove(at)) {
            let epoch = self.builder.build(*partial, self.detector.rules(), self.detector.budget());
            self.detector.control(Control::Epoch(Arc::new(epoch)), &mut Vec::new());
        }
    }

    /// Keeps what was said about the account.
    fn gather(&mut self) {
        for finding in std::mem::take(&mut self.findings) {
            let Finding::Episode(report) = finding else { continue };
            let of_peer = report.entity == EntityKind::Account && report.name != name_of(SUBJECT);
            if of_peer {
                continue;
            }
            let alert = self.triage.alert(&report);
            if report.cause == Cause::Opened {
                self.alerts.push((alert, report.persons.0));
            } else if alert.status != Status::Ended
                && let Some(known) = self.alerts.iter_mut().find(|(a, _)| a.id == alert.id)
            {
                known.0 = alert;
            }
        }
    }
}

/// First working day after the past, or first Saturday.
fn play_day(given: &Given) -> u32 {
    let after = given.days;
    match after % 7 {
        weekday if given.rest_day => after + if weekday > 5 { 6 } else { 5 - weekday },
        weekday if weekday < 5 => after,
        weekday => after + 7 - weekday,
    }
}

fn name_of(peer: u32) -> String {
    format!("acc{peer:04}")
}

/// Spreads small numbers over the fingerprints' range (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A person; those whose identifiers are counted up share their block by the thousand.
fn person(number: u64, sequential: bool) -> Person {
    let block = if sequential { mix(number / 1_000) } else { mix(!number) };
    Person { id: mix(number), block: block as u32 }
}

fn clock_ms(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|p| p.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    (valid && parts.next().is_none()).then_some(((hour * 60 + minute) * 60 + second) * 1_000)
}
