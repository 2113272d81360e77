//! The one line a terminal shows.

use std::fmt::Write;

use super::words::{local_parts, pace_words};
use super::{Language, pooled, weight};
use crate::alert::Severity;
use crate::detect::episode::SignalState;
use crate::detect::epoch::HourClass;
use crate::detect::report::{Cause, Report};
use crate::detect::rule::Watch;

/// `ALERT critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  50 persons in 7 s, usual ≤
/// 9/h, alert at 38, 214 peers ≤ 14; new device, evening`; when another count than that of the
/// persons fired, `45 persons in 4 s; 31 foreign origins in 1 h, usual ≤ 5, alert at 25 …`.
#[must_use]
pub fn terminal_line(report: &Report, language: Language) -> String {
    let french = language == Language::French;
    let (day, clock) = local_parts(report.at + report.offset_ms, french);
    let (cause, severity) = (cause_word(report.cause, french), severity_word(report, french));
    let mut line = format!("{cause} {severity:<8}  {day} {clock}  {}", pooled::who(report, french));
    if let Some((english, in_french)) = &report.label {
        let _ = write!(line, " ({})", if french { in_french } else { english });
    } else if let Some(role) = &report.role {
        let _ = write!(line, " ({})", visible(role));
    }
    let persons = if french { "personnes" } else { "persons" };
    let _ = write!(line, "  {} {persons}", report.persons.0);
    if report.cause == Cause::Opened {
        line += &pace_words(report, french);
    }
    line + &numbers(report, french) + &circumstances(report, french)
}

fn cause_word(cause: Cause, french: bool) -> &'static str {
    match (cause, french) {
        (Cause::Opened, false) => "ALERT",
        (Cause::Signal, false) => "more ",
        (Cause::Exposure, false) => "grows",
        (Cause::Ended, false) => "ended",
        (Cause::Opened, true) => "ALERTE",
        (Cause::Signal, true) => "encore",
        (Cause::Exposure, true) => "croît ",
        (Cause::Ended, true) => "finie ",
    }
}

fn severity_word(report: &Report, french: bool) -> &'static str {
    match (weight::of(report).severity, french) {
        (Severity::Info, _) => "info",
        (Severity::Low, false) => "low",
        (Severity::Medium, false) => "medium",
        (Severity::High, false) => "high",
        (Severity::Critical, false) => "critical",
        (Severity::Low, true) => "faible",
        (Severity::Medium, true) => "moyenne",
        (Severity::High, true) => "élevée",
        (Severity::Critical, true) => "critique",
    }
}

/// The signal that a line is about: the one that just fired, else the most surprising one.
fn told(report: &Report) -> Option<&SignalState> {
    match report.cause {
        Cause::Signal => report.signals.last(),
        _ => report.signals.iter().max_by(|a, b| a.surprise.total_cmp(&b.surprise)),
    }
}

fn numbers(report: &Report, french: bool) -> String {
    let Some(signal) = told(report) else { return String::new() };
    let ceiling = signal.threshold.saturating_sub(1);
    let mut text = match (signal.watch, french) {
        (Watch::EndedAccount, false) => ", account has ended".to_owned(),
        (Watch::EndedAccount, true) => ", le compte a pris fin".to_owned(),
        (Watch::UnidentifiedRecords, false) => {
            format!("; {} records without identity in 1 day, ceiling {ceiling}", signal.observed)
        }
        (Watch::UnidentifiedRecords, true) => {
            format!(" ; {} dossiers sans identité en 1 jour, plafond {ceiling}", signal.observed)
        }
        (Watch::Simultaneous, _) => pooled::accounts_line(signal, french),
        _ => count_and_bounds(report, signal, french),
    };
    if let Some((_, size, p99)) = &signal.peers {
        let _ = write!(text, ", {size} {} ≤ {p99}", if french { "pairs" } else { "peers" });
    }
    text
}

/// What fired: `, usual ≤ 9/h, alert at 38` when it is the persons just named, else the count with
/// its window: `; 31 foreign origins in 1 h, usual ≤ 5, alert at 25`.
fn count_and_bounds(report: &Report, signal: &SignalState, french: bool) -> String {
    let (per, window) = match (signal.measure.map(|m| m.window()), french) {
        (Some("5m"), _) => ("/5 min", "5 min"),
        (Some("1h"), _) => ("/h", "1 h"),
        (_, false) => ("/day", "1 day"),
        (_, true) => ("/jour", "1 jour"),
    };
    let foreign = matches!(signal.watch, Watch::ForeignOrigins | Watch::PooledForeign);
    let same = signal.observed == report.persons.0;
    let mut text = match (same, foreign, french) {
        (true, false, _) => String::new(),
        (true, true, false) => ", all foreign".into(),
        (true, true, true) => ", toutes étrangères".into(),
        (false, true, false) => format!("; {} foreign origins in {window}", signal.observed),
        (false, false, false) => format!("; {} in {window}", signal.observed),
        (false, true, true) => format!(" ; {} origines étrangères en {window}", signal.observed),
        (false, false, true) => format!(" ; {} en {window}", signal.observed),
    };
    let per = if same { per } else { "" };
    let ceiling = signal.threshold.saturating_sub(1);
    text += &match (signal.watch, french) {
        (Watch::RoleCeiling, false) => format!(", role ceiling {ceiling}{per}"),
        (Watch::RoleCeiling, true) => format!(", plafond du rôle {ceiling}{per}"),
        (Watch::DeclaredCeiling, false) => format!(", declared ceiling {ceiling}{per}"),
        (Watch::DeclaredCeiling, true) => format!(", plafond déclaré {ceiling}{per}"),
        (_, false) => format!(", usual ≤ {}{per}, alert at {}", signal.usual, signal.threshold),
        (_, true) => {
            format!(", d'habitude ≤ {}{per}, alerte à {}", signal.usual, signal.threshold)
        }
    };
    text
}

fn circumstances(report: &Report, french: bool) -> String {
    let around = &report.circumstances;
    let hour = (report.opened + report.offset_ms).rem_euclid(86_400_000) / 3_600_000;
    let time_of_day = match (hour, french) {
        (5..=8, false) => "early morning",
        (9..=17, false) => "quiet hour",
        (18..=22, false) => "evening",
        (_, false) => "night",
        (5..=8, true) => "tôt le matin",
        (9..=17, true) => "heure creuse",
        (18..=22, true) => "soir",
        (_, true) => "nuit",
    };
    let unusual =
        around.off_hours || report.signals.first().is_some_and(|s| s.class != HourClass::Core);
    let say = |english, in_french| if french { in_french } else { english };
    let notes: Vec<&str> = [
        (around.new_device, say("new device", "nouvel appareil")),
        (around.new_address && !around.new_device, say("new address", "nouvelle adresse")),
        (unusual, time_of_day),
        (around.rest_day, say("rest day", "jour de repos")),
        (report.learning, say("learning", "apprentissage")),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .map(|(_, note)| note)
    .collect();
    let separator = say("; ", " ; ");
    if notes.is_empty() { String::new() } else { format!("{separator}{}", notes.join(", ")) }
}

/// Names come from the log: control characters must not reach a terminal.
pub(super) fn visible(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '�' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::channel::Measure;
    use crate::triage::tests::report;

    fn check(change: impl FnOnce(&mut Report), language: Language, wanted: &str) {
        let mut report = report();
        change(&mut report);
        assert_eq!(terminal_line(&report, language), wanted);
    }

    fn persons(report: &mut Report) {
        report.signals[0].watch = Watch::DistinctPersons;
        report.signals[0].measure = Some(Measure::Persons1h);
    }

    #[test]
    fn reads_like_the_design_says() {
        check(
            persons,
            Language::English,
            "ALERT critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  50 persons in 7 s, \
             usual ≤ 9/h, alert at 38, 214 peers ≤ 14; new device, evening",
        );
        check(
            persons,
            Language::French,
            "ALERTE critique  mar. 6 févr. 19:00:07  cap00412 (conseiller Cap emploi)  50 personnes \
             en 7 s, d'habitude ≤ 9/h, alerte à 38, 214 pairs ≤ 14 ; nouvel appareil, soir",
        );
    }

    #[test]
    fn the_count_that_fired_is_named_when_it_is_not_the_persons() {
        check(
            |_| (),
            Language::English,
            "ALERT critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  50 persons in 7 s, \
             all foreign, usual ≤ 9/h, alert at 38, 214 peers ≤ 14; new device, evening",
        );
        check(
            |r| r.signals[0].observed = 41,
            Language::English,
            "ALERT critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  50 persons in 7 s; \
             41 foreign origins in 1 h, usual ≤ 9, alert at 38, 214 peers ≤ 14; new device, evening",
        );
    }

    #[test]
    fn a_later_line_is_about_what_just_fired() {
        let later = |r: &mut Report| {
            r.cause = Cause::Signal;
            r.persons = (400, 400, 400);
            let ceiling = SignalState {
                watch: Watch::RoleCeiling,
                measure: Some(Measure::Persons1d),
                observed: 301,
                threshold: 301,
                surprise: 6.0,
                peers: None,
                ..r.signals[0].clone()
            };
            r.signals.push(ceiling);
        };
        check(
            later,
            Language::English,
            "more  critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  400 persons; 301 in 1 \
             day, role ceiling 300; new device, evening",
        );
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let mut report = report();
        report.name = "x\u{1b}[2J".into();
        assert!(!terminal_line(&report, Language::English).contains('\u{1b}'));
    }
}
