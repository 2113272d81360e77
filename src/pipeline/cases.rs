//! A rule's test cases: `given` an account of a role with a past, these `events`, `expect` that.
//!
//! One case a line in `rules/<name>.cases.jsonl`. The past is made here, the same every time: peers
//! and the account itself read their role's usual number of persons of their own unit on working
//! days, with a few strangers. The events happen on the first working day after it (`rest_day`: on the
//! first Saturday), and where they say so (`every_day`) on the working days before it too.

mod play;

use std::sync::Arc;

use serde::Deserialize;

use crate::alert::{Alert, Severity};
use crate::detect::rule::Rules;
use crate::event::DATA_CLASSES;
use play::Play;

/// The cases that ship with the built-in rules, by file name.
#[rustfmt::skip]
pub const BUILT_IN: [(&str, &str); 29] = [
    ("volume.cases.jsonl", include_str!("../../rules/volume.cases.jsonl")),
    ("foreign-origins.cases.jsonl", include_str!("../../rules/foreign-origins.cases.jsonl")),
    ("novelty.cases.jsonl", include_str!("../../rules/novelty.cases.jsonl")),
    ("own-unit-sweep.cases.jsonl", include_str!("../../rules/own-unit-sweep.cases.jsonl")),
    ("dormant-files.cases.jsonl", include_str!("../../rules/dormant-files.cases.jsonl")),
    ("off-hours.cases.jsonl", include_str!("../../rules/off-hours.cases.jsonl")),
    ("off-hours-origins.cases.jsonl", include_str!("../../rules/off-hours-origins.cases.jsonl")),
    ("strange-device.cases.jsonl", include_str!("../../rules/strange-device.cases.jsonl")),
    ("unusual-operation.cases.jsonl", include_str!("../../rules/unusual-operation.cases.jsonl")),
    ("sensitive-data.cases.jsonl", include_str!("../../rules/sensitive-data.cases.jsonl")),
    ("drift.cases.jsonl", include_str!("../../rules/drift.cases.jsonl")),
    ("novelty-drift.cases.jsonl", include_str!("../../rules/novelty-drift.cases.jsonl")),
    ("foreign-run.cases.jsonl", include_str!("../../rules/foreign-run.cases.jsonl")),
    ("dormant-run.cases.jsonl", include_str!("../../rules/dormant-run.cases.jsonl")),
    ("own-unit-run.cases.jsonl", include_str!("../../rules/own-unit-run.cases.jsonl")),
    ("operations-run.cases.jsonl", include_str!("../../rules/operations-run.cases.jsonl")),
    ("misses.cases.jsonl", include_str!("../../rules/misses.cases.jsonl")),
    ("updates.cases.jsonl", include_str!("../../rules/updates.cases.jsonl")),
    ("unrelated.cases.jsonl", include_str!("../../rules/unrelated.cases.jsonl")),
    ("id-sweep.cases.jsonl", include_str!("../../rules/id-sweep.cases.jsonl")),
    ("joint-signs.cases.jsonl", include_str!("../../rules/joint-signs.cases.jsonl")),
    ("steady-pace.cases.jsonl", include_str!("../../rules/steady-pace.cases.jsonl")),
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
    /// Persons of its unit that it reads, where it does not read them all.
    #[serde(default)]
    pub caseload: Option<u64>,
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
    /// The events happen on a Saturday.
    #[serde(default)]
    pub rest_day: bool,
    /// Per cent of all persons read in the past that nobody else ever touched.
    #[serde(default = "some_strangers")]
    pub strangers: f64,
}

fn some_strangers() -> f64 {
    2.5
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
    /// Seconds between them: about, as people do, unless they are `even`.
    pub every_s: u32,
    /// At the even pace of a machine.
    #[serde(default)]
    pub even: bool,
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
    /// The same on this many working days before, each time with new persons.
    #[serde(default)]
    pub every_day: u32,
    /// Template of the search.
    #[serde(default)]
    pub query: Option<String>,
    /// Endpoint.
    #[serde(default)]
    pub resource: Option<String>,
    /// Data classes returned.
    #[serde(default)]
    pub data: Vec<String>,
    /// `success`, `failure` or `denied`; the last two return nobody.
    #[serde(default)]
    pub outcome: Answer,
    /// Records of each that the application says are outside the caseload.
    #[serde(default)]
    pub unrelated: Option<u32>,
    /// The persons' identifiers are counted up.
    #[serde(default)]
    pub sequential: bool,
}

/// How a case's events end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the event contract")]
pub enum Answer {
    #[default]
    Success,
    Failure,
    Denied,
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
            within("every_day", run.every_day.into(), 0, 100);
            within("unrelated", run.unrelated.unwrap_or(0).into(), 0, 100_000);
        }
        if !(0.0..=100.0).contains(&given.strangers) {
            wrong.push(format!("strangers = {}: must lie between 0 and 100", given.strangers));
        }
        let named = self.events.iter().flat_map(|run| &run.data);
        for word in named.filter(|word| !DATA_CLASSES.contains(&word.as_str())) {
            wrong.push(format!("data: {word:?} is none of {}", DATA_CLASSES.join(", ")));
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
    let alerts = Play::new(&case.given, rules)?.alerts(&case.events)?;
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
