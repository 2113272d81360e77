//! What differs between two engines, for people and for scripts.

use std::collections::BTreeMap;
use std::fmt::Write;

use indicatif::HumanCount;
use serde::Serialize;
use serde_json::json;

use super::compare::{Heard, Match, Side, Sum, compare, sum};
use crate::alert::Severity;
use crate::commands::setup::Setup;
use crate::pipeline::shard::Shard;

/// Lines of a list for people; scripts get all of it.
const LISTED_MAX: usize = 40;

const SEVERITIES: [(Severity, &str); 5] = [
    (Severity::Critical, "critical"),
    (Severity::High, "high"),
    (Severity::Medium, "medium"),
    (Severity::Low, "low"),
    (Severity::Info, "info"),
];

/// One engine, when all is read.
pub(super) struct Engine {
    rules: String,
    version: String,
    said: Side,
    /// Alerts of medium or more after the warm-up, and the account weeks they count against.
    warm_alerts: u64,
    account_weeks: u64,
}

impl Engine {
    pub(super) fn new(setup: &Setup, shard: &Shard, said: Side) -> Engine {
        let folder = &setup.config.detection.rules;
        let rules = match folder.as_os_str().is_empty() {
            true => "built-in".to_owned(),
            false => folder.display().to_string(),
        };
        Engine {
            rules,
            version: setup.rules.version.clone(),
            said,
            warm_alerts: shard.tally().warm_alerts,
            account_weeks: shard.detector().counters().account_weeks_warm,
        }
    }

    fn rate(&self) -> Option<f64> {
        let weeks = self.account_weeks;
        (weeks > 0).then(|| self.warm_alerts as f64 * 1_000.0 / weeks as f64)
    }

    fn alerts(&self) -> usize {
        self.said.alerts().count()
    }

    fn of_severity(&self, severity: Severity) -> usize {
        self.said.alerts().filter(|heard| heard.severity == severity).count()
    }
}

/// Everything that is said about two engines.
pub(super) struct Report {
    pub(super) events: u64,
    pub(super) accounts: u64,
    /// The input was read to its end.
    pub(super) whole: bool,
    pub(super) a: Engine,
    pub(super) b: Engine,
}

/// Alerts in which a rule fired, and those that it opened; A, then B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct OfRule {
    fired: [u64; 2],
    opened: [u64; 2],
}

/// Persons exposed at first alerts and in the end, summed over alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Persons {
    at_first: u64,
    in_the_end: u64,
}

impl Persons {
    fn of<'a>(sums: impl Iterator<Item = &'a Sum>) -> Persons {
        sums.fold(Persons::default(), |all, one| Persons {
            at_first: all.at_first + one.persons_at_first,
            in_the_end: all.in_the_end + one.persons,
        })
    }
}

/// A match with what each side of it amounts to.
struct Laid<'a> {
    held: &'a Match,
    a: Option<Sum>,
    b: Option<Sum>,
}

impl Laid<'_> {
    fn only_a(&self) -> bool {
        self.b.is_none()
    }

    fn only_b(&self) -> bool {
        self.a.is_none()
    }

    fn both(&self) -> Option<(&Sum, &Sum)> {
        Some((self.a.as_ref()?, self.b.as_ref()?))
    }
}

fn lay(matches: &[Match]) -> Vec<Laid<'_>> {
    matches.iter().map(|held| Laid { held, a: sum(&held.a), b: sum(&held.b) }).collect()
}

impl Report {
    fn by_rule(&self) -> BTreeMap<&str, OfRule> {
        let mut by_rule: BTreeMap<&str, OfRule> = BTreeMap::new();
        for (side, engine) in [&self.a, &self.b].into_iter().enumerate() {
            for heard in engine.said.alerts() {
                for rule in &heard.rules {
                    by_rule.entry(rule).or_default().fired[side] += 1;
                }
                for rule in &heard.opened_by {
                    by_rule.entry(rule).or_default().opened[side] += 1;
                }
            }
        }
        by_rule
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let matches = compare(&self.a.said, &self.b.said);
        let laid = lay(&matches);
        let mut out = String::new();
        self.write_head(&mut out);
        self.write_table(&mut out, &laid);
        self.write_rules(&mut out);
        write_both(&mut out, &laid);
        write_list(&mut out, "only in A", laid.iter().filter(|l| l.only_a()), |l| l.a.as_ref());
        write_list(&mut out, "only in B", laid.iter().filter(|l| l.only_b()), |l| l.b.as_ref());
        out
    }

    fn write_head(&self, out: &mut String) {
        for (name, engine) in [("A", &self.a), ("B", &self.b)] {
            let _ = writeln!(out, "{name}  {}  (rules {})", engine.rules, engine.version);
        }
        if self.a.version == self.b.version {
            let _ = writeln!(out, "A and B are the same rules.");
        }
        let cut = if self.whole { "" } else { ", stopped before the end" };
        let _ = writeln!(
            out,
            "{} events of {} accounts{cut}\n",
            HumanCount(self.events),
            HumanCount(self.accounts)
        );
    }

    fn write_table(&self, out: &mut String, laid: &[Laid<'_>]) {
        row(out, "", ["A", "B", "only A", "only B", "in both"].map(str::to_owned));
        let count = |n: usize| HumanCount(n as u64).to_string();
        let [mut only_a, mut only_b, mut a_both, mut b_both] = [0; 4];
        for one in laid {
            let (a, b) = (one.held.a.len(), one.held.b.len());
            if one.both().is_some() {
                (a_both, b_both) = (a_both + a, b_both + b);
            } else {
                (only_a, only_b) = (only_a + a, only_b + b);
            }
        }
        let cells = [self.a.alerts(), self.b.alerts(), only_a, only_b].map(count);
        row(out, "alerts", with_both(cells, count(a_both), count(b_both)));
        for (severity, word) in SEVERITIES {
            let found = [&self.a, &self.b].map(|engine| engine.of_severity(severity));
            if found != [0, 0] {
                row(out, &format!("  {word}"), two(found.map(count)));
            }
        }
        let (a, b) = (self.a.said.accounts(), self.b.said.accounts());
        let cells = [a.len(), b.len(), a.difference(&b).count(), b.difference(&a).count()];
        let both = count(a.intersection(&b).count());
        row(out, "accounts named", with_both(cells.map(count), both.clone(), both));
        write_persons(out, laid);
        if let (Some(a), Some(b)) = (self.a.rate(), self.b.rate()) {
            let cells = two([a, b].map(|rate| format!("{rate:.2}")));
            row(out, "alerts per 1,000 account weeks*", cells);
            let _ = writeln!(
                out,
                "* medium or more, after 28 days of warm-up; {} account weeks",
                HumanCount(self.a.account_weeks)
            );
        }
        let _ = writeln!(
            out,
            "Alerts meet when they are about the same entity and overlap in time. Persons are summed \
             over alerts."
        );
    }

    fn write_rules(&self, out: &mut String) {
        let by_rule = self.by_rule();
        if by_rule.is_empty() {
            return;
        }
        let _ = writeln!(out, "\nalerts by rule");
        row(out, "", ["fired A", "B", "opened A", "B", ""].map(str::to_owned));
        for (rule, OfRule { fired, opened }) in by_rule {
            let cells = [fired[0], fired[1], opened[0], opened[1]];
            let [fa, fb, oa, ob] = cells.map(|n| HumanCount(n).to_string());
            row(out, rule, [fa, fb, oa, ob, String::new()]);
        }
    }

    /// For scripts: one document.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let matches = compare(&self.a.said, &self.b.said);
        let laid = lay(&matches);
        let (a, b) = (self.a.said.accounts(), self.b.said.accounts());
        let only_a = laid.iter().filter(|l| l.only_a());
        let only_b = laid.iter().filter(|l| l.only_b());
        let both = laid.iter().filter(|l| l.both().is_some()).map(|l| {
            json!({
                "entity": l.held.entity,
                "same": l.held.is_same(),
                "b_later_seconds": l.held.later_ms().map(|ms| ms as f64 / 1_000.0),
                "a": l.held.a,
                "b": l.held.b,
            })
        });
        let document = json!({
            "events": self.events,
            "accounts": self.accounts,
            "whole": self.whole,
            "a": engine_json(&self.a),
            "b": engine_json(&self.b),
            "rules": self.by_rule(),
            "accounts_named": {
                "only_a": a.difference(&b).collect::<Vec<_>>(),
                "only_b": b.difference(&a).collect::<Vec<_>>(),
                "both": a.intersection(&b).collect::<Vec<_>>(),
            },
            "only_a": only_a.map(|l| alone(l.held, &l.held.a)).collect::<Vec<_>>(),
            "only_b": only_b.map(|l| alone(l.held, &l.held.b)).collect::<Vec<_>>(),
            "both": both.collect::<Vec<_>>(),
        });
        serde_json::to_string(&document)
    }
}

fn alone(held: &Match, alerts: &[Heard]) -> serde_json::Value {
    json!({"entity": held.entity, "alerts": alerts})
}

fn engine_json(engine: &Engine) -> serde_json::Value {
    let by_severity: BTreeMap<&str, usize> =
        SEVERITIES.iter().map(|(severity, word)| (*word, engine.of_severity(*severity))).collect();
    let heard = || engine.said.alerts();
    json!({
        "rules": engine.rules,
        "rules_version": engine.version,
        "alerts": engine.alerts(),
        "alerts_by_severity": by_severity,
        "accounts_named": engine.said.accounts().len(),
        "persons_at_first_alert": heard().map(|h| h.persons_at_first).sum::<u64>(),
        "persons": heard().map(|h| h.persons).sum::<u64>(),
        "account_weeks": engine.account_weeks,
        "warm_alerts": engine.warm_alerts,
        "alerts_per_1000_account_weeks": engine.rate(),
    })
}

/// The name and five columns.
fn row(out: &mut String, name: &str, cells: [String; 5]) {
    let [a, b, c, d, e] = cells;
    let line = format!("{name:<32} {a:>9} {b:>9} {c:>9} {d:>9}  {e}");
    let _ = writeln!(out, "{}", line.trim_end());
}

/// Two columns, and three that say nothing.
fn two(cells: [String; 2]) -> [String; 5] {
    let [a, b] = cells;
    [a, b, String::new(), String::new(), String::new()]
}

/// The last column: one number where both sides say the same.
fn with_both(cells: [String; 4], a: String, b: String) -> [String; 5] {
    let [w, x, y, z] = cells;
    let both = if a == b { a } else { format!("{a} / {b}") };
    [w, x, y, z, both]
}

fn write_persons(out: &mut String, laid: &[Laid<'_>]) {
    let all = [
        Persons::of(laid.iter().filter_map(|l| l.a.as_ref())),
        Persons::of(laid.iter().filter_map(|l| l.b.as_ref())),
        Persons::of(laid.iter().filter(|l| l.only_a()).filter_map(|l| l.a.as_ref())),
        Persons::of(laid.iter().filter(|l| l.only_b()).filter_map(|l| l.b.as_ref())),
    ];
    let both_a = Persons::of(laid.iter().filter_map(|l| l.both()).map(|(a, _)| a));
    let both_b = Persons::of(laid.iter().filter_map(|l| l.both()).map(|(_, b)| b));
    let number = |n: u64| HumanCount(n).to_string();
    let mut one = |name: &str, of: fn(&Persons) -> u64| {
        let cells = all.map(|persons| number(of(&persons)));
        row(out, name, with_both(cells, number(of(&both_a)), number(of(&both_b))));
    };
    one("persons exposed at first alert", |p| p.at_first);
    one("persons exposed in the end", |p| p.in_the_end);
}

/// What both told, and how it differs.
fn write_both(out: &mut String, laid: &[Laid<'_>]) {
    let both: Vec<(&Laid<'_>, &Sum, &Sum)> =
        laid.iter().filter_map(|l| l.both().map(|(a, b)| (l, a, b))).collect();
    if both.is_empty() {
        return;
    }
    let mut late: Vec<i64> = both.iter().filter_map(|(l, ..)| l.held.later_ms()).collect();
    late.sort_unstable();
    let (earlier, later): (Vec<i64>, Vec<i64>) =
        late.iter().filter(|ms| **ms != 0).partition(|ms| **ms < 0);
    let told = |times: &[i64]| match (times.get(times.len() / 2), times.len()) {
        (Some(middle), n) => format!("{n} (median {})", duration(*middle)),
        (None, _) => "0".to_owned(),
    };
    let up = both.iter().filter(|(_, a, b)| b.severity > a.severity).count();
    let down = both.iter().filter(|(_, a, b)| b.severity < a.severity).count();
    let _ = writeln!(
        out,
        "\nin both: B opens earlier in {}, later in {}, at the same moment in {}; severity higher in \
         {up}, lower in {down}",
        told(&earlier),
        told(&later),
        both.len() - earlier.len() - later.len()
    );
    let differing: Vec<_> = both.iter().filter(|(l, ..)| !l.held.is_same()).collect();
    for (laid, a, b) in differing.iter().take(LISTED_MAX) {
        let when = match laid.held.later_ms() {
            Some(0) | None => "same moment".to_owned(),
            Some(ms) if ms < 0 => format!("{} earlier", duration(ms)),
            Some(ms) => format!("{} later", duration(ms)),
        };
        let changes = [
            change(word(a.severity), word(b.severity)),
            format!("first {}", change(&a.persons_at_first, &b.persons_at_first)),
            format!("in the end {}", change(&a.persons, &b.persons)),
            when,
        ];
        let opened = laid.held.opened_at();
        let _ = writeln!(out, "  {}  {}  {}", moment(opened), entity(laid), changes.join(", "));
    }
    write_rest(out, differing.len());
    let same = both.len() - differing.len();
    if same > 0 {
        let _ = writeln!(out, "  {same} the same");
    }
}

fn write_list<'a>(
    out: &mut String,
    title: &str,
    laid: impl Iterator<Item = &'a Laid<'a>>,
    side: impl Fn(&'a Laid<'a>) -> Option<&'a Sum>,
) {
    let mut found = 0;
    for (laid, sum) in laid.filter_map(|l| side(l).map(|sum| (l, sum))) {
        if found == 0 {
            let _ = writeln!(out, "\n{title}:");
        }
        found += 1;
        if found <= LISTED_MAX {
            let rules: Vec<&str> = sum.rules.iter().map(String::as_str).collect();
            let _ = writeln!(
                out,
                "  {}  {}  {}, persons: {} at first, {} in the end; {}",
                moment(&sum.opened_at),
                entity(laid),
                word(sum.severity),
                HumanCount(sum.persons_at_first),
                HumanCount(sum.persons),
                rules.join(", ")
            );
        }
    }
    write_rest(out, found);
}

fn write_rest(out: &mut String, found: usize) {
    if found > LISTED_MAX {
        let _ = writeln!(out, "  … and {} more (--json lists all)", found - LISTED_MAX);
    }
}

fn entity(laid: &Laid<'_>) -> String {
    let entity = &laid.held.entity;
    format!("{} {}", entity.kind.word(), entity.id)
}

fn word(severity: Severity) -> &'static str {
    SEVERITIES.iter().find(|(s, _)| *s == severity).map_or("", |(_, word)| word)
}

/// `a` where nothing changed, else `a → b`.
fn change<T: PartialEq + std::fmt::Display + ?Sized>(a: &T, b: &T) -> String {
    if a == b { a.to_string() } else { format!("{a} → {b}") }
}

/// To the second, as people write it; UTC.
fn moment(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ") + "Z"
}

/// The two largest units of a stretch of time.
fn duration(ms: i64) -> String {
    let seconds = ms.unsigned_abs().div_ceil(1_000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_their_two_largest_units() {
        let check = |ms, wanted| assert_eq!(duration(ms), wanted);
        check(-1, "1 s");
        check(59_000, "59 s");
        check(-61_000, "1 min 1 s");
        check(3_600_000 * 5 + 59_999, "5 h 1 min");
        check(86_400_000 * 3 + 3_600_000, "3 d 1 h");
        assert_eq!(moment("2024-02-06T18:00:01.250Z"), "2024-02-06 18:00:01Z");
    }
}
