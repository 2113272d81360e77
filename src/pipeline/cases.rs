//! A rule's test cases: `given` an account of a role with a past, these `events`, `expect` that.
//!
//! One case a line in `rules/<name>.cases.jsonl`. The past is made here, the same every time: peers
//! and the account itself read their role's usual number of persons of their own unit on working
//! days, with a few strangers. The events happen on the first working day after it.

use std::sync::Arc;

use serde::Deserialize;

use crate::alert::{Alert, Severity, Status};
use crate::detect::builder::Builder;
use crate::detect::report::{Cause, Finding};
use crate::detect::rule::Rules;
use crate::detect::{Control, Detector, Settings};
use crate::directory::{AccountEntry, Accounts, Expected, Scope};
use crate::event::{AccessEvent, Action, Outcome, Person, TimestampMs};
use crate::triage::{Language, Triage};

/// The cases that ship with the built-in rules, by file name.
pub const BUILT_IN: [(&str, &str); 9] = [
    ("volume.cases.jsonl", include_str!("../../rules/volume.cases.jsonl")),
    ("foreign-origins.cases.jsonl", include_str!("../../rules/foreign-origins.cases.jsonl")),
    ("role-ceiling.cases.jsonl", include_str!("../../rules/role-ceiling.cases.jsonl")),
    ("declared-ceiling.cases.jsonl", include_str!("../../rules/declared-ceiling.cases.jsonl")),
    ("ended-account.cases.jsonl", include_str!("../../rules/ended-account.cases.jsonl")),
    ("unidentified.cases.jsonl", include_str!("../../rules/unidentified.cases.jsonl")),
    ("pooled-foreign.cases.jsonl", include_str!("../../rules/pooled-foreign.cases.jsonl")),
    ("pooled-persons.cases.jsonl", include_str!("../../rules/pooled-persons.cases.jsonl")),
    ("simultaneous.cases.jsonl", include_str!("../../rules/simultaneous.cases.jsonl")),
];

/// One case.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The account and its past.
    pub given: Given,
    /// What happens.
    pub events: Vec<Happening>,
    /// The alerts that must come, in order of opening; none = silence.
    pub expect: Vec<Expectation>,
}

/// An account and its past.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Its role; its peers have the same.
    pub role: String,
    /// Calendar days of past.
    pub days: u32,
    /// Accounts of the same partner and role, itself included.
    #[serde(default = "some_peers")]
    pub peers: u32,
    /// Mean persons of its active days.
    #[serde(default = "usual_persons")]
    pub persons_per_day: u32,
    /// It is a machine account.
    #[serde(default)]
    pub machine: bool,
    /// Its directory entry ended this many days before the events.
    #[serde(default)]
    pub ended_days_ago: Option<i32>,
    /// A standing ceiling declared for it.
    #[serde(default)]
    pub declared_ceiling: Option<u64>,
    /// An activity expected of it on the day of the events.
    #[serde(default)]
    pub expected_ceiling: Option<u64>,
}

fn some_peers() -> u32 {
    40
}

fn one() -> u32 {
    1
}

fn usual_persons() -> u32 {
    14
}

/// A run of equal events.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Happening {
    /// Local time of the first, `HH:MM:SS`.
    pub at: String,
    /// How many events.
    pub count: u32,
    /// Seconds between them.
    pub every_s: u32,
    /// The contract's word.
    pub action: String,
    /// New persons returned by each.
    pub persons: u32,
    /// Whose persons: `own` unit, `other` unit (one), `nobody` anyone ever touched.
    pub whose: Whose,
    /// Records returned without identity by each.
    #[serde(default)]
    pub unidentified: u64,
    /// Comes from a device of its own.
    #[serde(default)]
    pub device: Option<String>,
    /// By so many of the peers in turn, the account itself the first.
    #[serde(default = "one")]
    pub accounts: u32,
}

/// Where a case's persons come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// The account's own unit.
    Own,
    /// One other unit.
    Other,
    /// Nobody in memory.
    Nobody,
}

/// An alert that must come.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// A rule among its signals.
    pub rule: String,
    /// At least this severe when the events are over.
    #[serde(default)]
    pub severity_at_least: Option<Severity>,
    /// Exposed at the opening, at most.
    #[serde(default)]
    pub persons_at_most: Option<u64>,
    /// Exposed at the opening, at least.
    #[serde(default)]
    pub persons_at_least: Option<u64>,
}

/// A case that did not hold, or could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct CaseError {
    /// File name.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What.
    pub problem: String,
}

impl Case {
    /// Keeps a case's numbers small enough to play in seconds, all of them at once.
    fn check(&self) -> Result<(), String> {
        let mut wrong = Vec::new();
        let mut within = |key: &str, value: u64, least: u64, most: u64| {
            if value < least || value > most {
                wrong.push(format!("{key} = {value}: must lie between {least} and {most}"));
            }
        };
        let given = &self.given;
        within("days", given.days.into(), 0, 400);
        within("peers", given.peers.into(), 1, 1_000);
        within("persons_per_day", given.persons_per_day.into(), 0, 1_000);
        let ended = given.ended_days_ago.unwrap_or(0);
        within("ended_days_ago", ended.unsigned_abs().into(), 0, 10_000);
        for run in &self.events {
            within("count", run.count.into(), 1, 100_000);
            within("every_s", run.every_s.into(), 0, 86_400);
            within("persons", run.persons.into(), 0, 10_000);
            within("unidentified", run.unidentified, 0, 1_000_000_000);
            within("accounts", run.accounts.into(), 1, given.peers.into());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }
}

/// Runs every case of a file; returns how many hold, and those that do not or cannot be read.
#[must_use]
pub fn run_file(file: &str, text: &str, rules: &Arc<Rules>) -> (usize, Vec<CaseError>) {
    let mut errors = Vec::new();
    let mut hold = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let held = serde_json::from_str::<Case>(line)
            .map_err(|e| e.to_string())
            .and_then(|case| run(&case, rules).map_err(|e| format!("\"{}\": {e}", case.name)));
        match held {
            Ok(()) => hold += 1,
            Err(problem) => {
                errors.push(CaseError { file: file.to_owned(), line: number + 1, problem });
            }
        }
    }
    (hold, errors)
}

/// Runs one case.
///
/// # Errors
/// What was expected and what came instead.
pub fn run(case: &Case, rules: &Arc<Rules>) -> Result<(), String> {
    case.check()?;
    let mut play = Play::new(&case.given, rules)?;
    play.past();
    let mut alerts: Vec<(Alert, u64)> = Vec::new();
    for happening in &case.events {
        play.happen(happening, &mut alerts)?;
    }
    let holds = |(expected, (alert, persons)): (&Expectation, &(Alert, u64))| {
        alert.signals.iter().any(|s| s.rule == expected.rule)
            && expected.severity_at_least.is_none_or(|s| alert.severity >= s)
            && expected.persons_at_most.is_none_or(|most| *persons <= most)
            && expected.persons_at_least.is_none_or(|least| *persons >= least)
    };
    if alerts.len() == case.expect.len() && case.expect.iter().zip(&alerts).all(holds) {
        return Ok(());
    }
    let expected = in_words(case.expect.iter().map(Expectation::words));
    let came = in_words(alerts.iter().map(|(alert, persons)| {
        let mut rules: Vec<&str> = alert.signals.iter().map(|s| s.rule.as_str()).collect();
        rules.dedup();
        let severity = severity_word(alert.severity);
        format!("an alert of {} at {persons} persons ({severity})", rules.join(" and "))
    }));
    Err(format!("expected {expected}; came: {came}"))
}

fn in_words(alerts: impl Iterator<Item = String>) -> String {
    let alerts: Vec<String> = alerts.collect();
    if alerts.is_empty() { "silence".to_owned() } else { alerts.join(", then ") }
}

impl Expectation {
    /// `an alert of mass-extraction.volume by 200 persons, high or worse`
    fn words(&self) -> String {
        let mut text = format!("an alert of {}", self.rule);
        match (self.persons_at_least, self.persons_at_most) {
            (Some(least), Some(most)) => text += &format!(" between {least} and {most} persons"),
            (Some(least), None) => text += &format!(" not before {least} persons"),
            (None, Some(most)) => text += &format!(" by {most} persons"),
            (None, None) => {}
        }
        match self.severity_at_least {
            Some(Severity::Critical) => text += ", critical",
            Some(severity) => text += &format!(", {} or worse", severity_word(severity)),
            None => {}
        }
        text
    }
}

fn severity_word(severity: Severity) -> String {
    format!("{severity:?}").to_lowercase()
}

/// Monday 8 January 2024, 00:00 in Paris.
const START_MS: TimestampMs = 1_704_668_400_000;
const DAY_MS: i64 = 86_400_000;
const START_DAY: i32 = 19_730;
const SUBJECT: u32 = 0;
const OWN_PERSONS: u64 = 400;

struct Play<'a> {
    given: &'a Given,
    detector: Detector,
    builder: Builder,
    triage: Triage,
    findings: Vec<Finding>,
    position: u64,
    fresh: u64,
    dice: u64,
}

impl<'a> Play<'a> {
    fn new(given: &'a Given, rules: &Arc<Rules>) -> Result<Self, String> {
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
        let expected = given.expected_ceiling.map(|c| declare(c, Some(play_day(given))));
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
            position: 0,
            fresh: 1 << 40,
            dice: 1,
        })
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    /// Working days: every account reads about its usual number, between 9 and 17 h.
    fn past(&mut self) {
        for day in (0..self.given.days).filter(|d| d % 7 < 5) {
            let start = START_MS + i64::from(day) * DAY_MS;
            let mut reads: Vec<(TimestampMs, u32, u64)> = Vec::new();
            for peer in 0..self.given.peers {
                let usual = u64::from(self.given.persons_per_day);
                let reading = usual / 2 + self.roll(usual + 1);
                for _ in 0..reading {
                    let at = start + 9 * 3_600_000 + self.roll(8 * 3_600_000) as i64;
                    let stranger = self.roll(40) == 0;
                    let person = if stranger { self.stranger() } else { self.own(peer) };
                    reads.push((at, peer, person));
                }
            }
            reads.sort_unstable();
            for (at, peer, person) in reads {
                self.read(at, peer, Action::View, &[person], 0, Some("own-device"));
                self.findings.clear();
            }
        }
    }

    fn own(&mut self, peer: u32) -> u64 {
        u64::from(peer / 10) * OWN_PERSONS + self.roll(OWN_PERSONS)
    }

    fn stranger(&mut self) -> u64 {
        self.fresh += 1;
        self.fresh
    }

    fn happen(&mut self, what: &Happening, alerts: &mut Vec<(Alert, u64)>) -> Result<(), String> {
        let at = clock_ms(&what.at).ok_or_else(|| format!("{:?} is no HH:MM:SS", what.at))?;
        let start = START_MS + i64::from(play_day(self.given) - START_DAY) * DAY_MS + at;
        for number in 0..what.count {
            let persons: Vec<u64> = (0..what.persons)
                .map(|n| {
                    let serial = u64::from(number) * u64::from(what.persons) + u64::from(n);
                    match what.whose {
                        Whose::Own => serial % OWN_PERSONS,
                        Whose::Other => OWN_PERSONS + serial % OWN_PERSONS,
                        Whose::Nobody => self.stranger(),
                    }
                })
                .collect();
            let time = start + i64::from(number) * i64::from(what.every_s) * 1_000;
            let action = Action::parse(&what.action);
            let device = what.device.as_deref().unwrap_or("own-device");
            let who = number % what.accounts;
            self.read(time, who, action, &persons, what.unidentified, Some(device));
            for finding in std::mem::take(&mut self.findings) {
                if let Finding::Episode(report) = finding {
                    let alert = self.triage.alert(&report);
                    match report.cause {
                        Cause::Opened => alerts.push((alert, report.persons.0)),
                        _ if alert.status == Status::Ended => {}
                        _ => {
                            if let Some(known) = alerts.iter_mut().find(|(a, _)| a.id == alert.id) {
                                known.0 = alert;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn read(
        &mut self,
        time: TimestampMs,
        peer: u32,
        action: Action,
        persons: &[u64],
        unidentified: u64,
        device: Option<&str>,
    ) {
        let persons: Vec<Person> = persons.iter().map(|n| person(*n)).collect();
        let event = AccessEvent {
            time,
            account: Some(name_of(peer).into()),
            partner: Some("partner".into()),
            unit: Some(format!("unit-{}", peer / 10).into()),
            role: Some(self.given.role.as_str().into()),
            action,
            persons: &persons,
            persons_known: true,
            unidentified,
            persons_beyond: 0,
            unrelated: None,
            data: 0,
            population: 0,
            query: 0,
            resource: 0,
            ip: None,
            device: device.map(Into::into),
            session: None,
            user_agent: None,
            outcome: Outcome::Success,
        };
        self.position += 1;
        self.detector.event(&event, self.position, &mut self.findings);
        let ended = self.findings.iter().position(|f| matches!(f, Finding::DayEnded(_)));
        if let Some(Finding::DayEnded(partial)) = ended.map(|at| self.findings.remove(at)) {
            let epoch = self.builder.build(*partial, self.detector.rules(), self.detector.budget());
            self.detector.control(Control::Epoch(Arc::new(epoch)), &mut Vec::new());
        }
    }
}

/// First working day after the past.
fn play_day(given: &Given) -> i32 {
    let after = given.days as i32;
    let weekday = after % 7;
    START_DAY + after + if weekday < 5 { 0 } else { 7 - weekday }
}

fn name_of(peer: u32) -> String {
    format!("acc{peer:04}")
}

/// Spreads small numbers over the fingerprints' range (the finaliser of SplitMix64).
fn person(number: u64) -> Person {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    Person { id: z ^ (z >> 31), block: 0 }
}

fn clock_ms(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|p| p.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    (valid && parts.next().is_none()).then_some(((hour * 60 + minute) * 60 + second) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(case: &str, want: &str) {
        let rules = Arc::new(Rules::built_in().unwrap());
        let (_, errors) = run_file("x.cases.jsonl", case, &rules);
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(shown.concat().contains(want), "{shown:?}");
    }

    #[test]
    fn numbers_that_would_play_for_hours_are_refused_with_their_range() {
        let case = |given: &str, run: &str| {
            format!(
                r#"{{"name":"n","given":{{"role":"r",{given}}},"expect":[],"events":[{{"at":"09:00:00",{run},"action":"view","whose":"own"}}]}}"#
            )
        };
        let run = r#""count":1,"every_s":1,"persons":1"#;
        check(
            &case(r#""days":4294967295"#, run),
            "x.cases.jsonl:1: \"n\": days = 4294967295: must",
        );
        check(&case(r#""days":1,"peers":0"#, run), "peers = 0: must lie between 1 and 1000");
        let long = r#""count":4294967295,"every_s":4294967295,"persons":4294967295"#;
        check(
            &case(r#""days":1"#, long),
            "count = 4294967295: must lie between 1 and 100000; every",
        );
    }

    #[test]
    fn a_failing_case_reads_like_a_sentence() {
        let rules = Arc::new(Rules::built_in().unwrap());
        let case = |expect: &str, count: u32| {
            format!(
                "{{\"name\": \"n\", \"given\": {{\"role\": \"cap-adviser\", \"days\": 0}}, \"events\": \
                 [{{\"at\": \"10:00:00\", \"count\": {count}, \"every_s\": 2, \"action\": \"search\", \
                 \"persons\": 20, \"whose\": \"nobody\"}}], \"expect\": [{expect}]}}\n"
            )
        };
        let expected = "{\"rule\": \"mass-extraction.volume\", \"persons_at_most\": 200, \
                        \"severity_at_least\": \"high\"}";
        let text = case("", 1) + &case(expected, 1) + &case("", 60) + "{\n";
        let (hold, errors) = run_file("x.cases.jsonl", &text, &rules);
        assert_eq!((hold, errors.len()), (1, 3));
        assert_eq!(
            errors[0].to_string(),
            "x.cases.jsonl:2: \"n\": expected an alert of mass-extraction.volume by 200 persons, \
             high or worse; came: silence"
        );
        let loud = errors[1].to_string();
        let wanted = "x.cases.jsonl:3: \"n\": expected silence; came: an alert of mass-extraction.";
        assert!(loud.starts_with(wanted), "{loud}");
        assert!(errors[2].to_string().starts_with("x.cases.jsonl:4: EOF while parsing"));
    }
}
