//! The one line a terminal shows.

use std::fmt::Write;

use super::sentence::{began_before, bound, circumstances, most_telling, pace};
use super::words::{self, Circumstance, Tongue, fill, local_parts, tongue};
use super::{Language, has_devices, pooled, weight};
use crate::detect::episode::SignalState;
use crate::detect::epoch::HourClass;
use crate::detect::report::{Cause, Report};

/// `ALERT critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  50 persons in 7 s, usual ≤
/// 9/h, alert at 38, 214 peers ≤ 14; new device, evening`; when another count than that of the
/// persons fired, `45 persons in 4 s; 31 foreign origins in 1 h, usual ≤ 5, alert at 25 …`.
#[must_use]
pub fn terminal_line(report: &Report, language: Language) -> String {
    let tongue = tongue(language);
    let (day, clock) = local_parts(report.at + report.offset_ms, tongue);
    let (cause, severity) =
        (tongue.cause(report.cause), tongue.severity(weight::of(report).severity));
    let mut line = format!("{cause} {severity:<8}  {day} {clock}  {}", pooled::who(report, tongue));
    if let Some(label) = &report.label {
        let _ = write!(line, " ({})", tongue.label(label));
    } else if let Some(role) = &report.role {
        let _ = write!(line, " ({})", visible(role));
    }
    let _ = write!(line, "  {}", tongue.persons(report.persons.0));
    if began_before(report) {
        let (day, _) = local_parts(report.first + report.offset_ms, tongue);
        line += &fill(tongue.texts().since, &[("day", &day)]);
    } else if report.cause == Cause::Opened {
        line += &pace(report, tongue);
    }
    line + &numbers(report, tongue) + &notes(report, tongue)
}

/// The signal that a line is about: of those that just fired, else of all, the most surprising.
fn told(report: &Report) -> Option<&SignalState> {
    let newest = report.signals.last()?.at;
    match report.cause {
        Cause::Signal => most_telling(report.signals.iter().filter(|s| s.at == newest)),
        _ => most_telling(report.signals.iter()),
    }
}

/// What fired: `, usual ≤ 9/h, alert at 38` when it is the persons just named, else the count with
/// its window: `; 31 foreign origins in 1 h, usual ≤ 5, alert at 25`.
fn numbers(report: &Report, tongue: &dyn Tongue) -> String {
    let Some(signal) = told(report) else { return String::new() };
    let device = has_devices(report);
    let same = tongue.counted(signal.watch).all.filter(|_| signal.observed == report.persons.0);
    let (mut text, per) = match same {
        Some(all) => {
            let per = tongue.window(words::window(signal)).per;
            (fill(all, &[("place", &tongue.stranger(device))]), per)
        }
        None => (tongue.texts().semicolon.to_owned() + &words::short(signal, device, tongue), ""),
    };
    text += &bound(signal, tongue.bound(words::bound(signal)).short, per);
    if let Some((_, size, p99)) = &signal.peers {
        text += &fill(tongue.texts().peers_short, &[("size", &size), ("p99", &p99)]);
    }
    text
}

fn notes(report: &Report, tongue: &dyn Tongue) -> String {
    let shoulder = report.signals.first().is_some_and(|s| s.class != HourClass::Core);
    let unusual = report.circumstances.off_hours || shoulder;
    let new_device = report.circumstances.new_device;
    let mut notes: Vec<&str> = circumstances(report)
        .filter(|c| !(new_device && *c == Circumstance::NewAddress))
        .map(|c| tongue.circumstance(c).short)
        .filter(|short| !short.is_empty())
        .collect();
    if unusual {
        let places = circumstances(report)
            .filter(|c| matches!(c, Circumstance::NewDevice | Circumstance::NewAddress));
        notes.insert(places.count().min(1), time_of_day(report, tongue));
    }
    if notes.is_empty() {
        String::new()
    } else {
        tongue.texts().semicolon.to_owned() + &notes.join(", ")
    }
}

fn time_of_day(report: &Report, tongue: &dyn Tongue) -> &'static str {
    let hour = (report.opened + report.offset_ms).rem_euclid(86_400_000) / 3_600_000;
    let [early, quiet, evening, night] = tongue.texts().times_of_day;
    match hour {
        5..=8 => early,
        9..=17 => quiet,
        18..=22 => evening,
        _ => night,
    }
}

/// Names come from the log: control characters must not reach a terminal.
pub(super) fn visible(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '�' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::channel::Measure;
    use crate::detect::rule::Watch;
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
                at: r.signals[0].at + 1_000,
                ..r.signals[0].clone()
            };
            r.signals.push(ceiling);
        };
        check(
            later,
            Language::English,
            "more  critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  400 persons; 301 \
             persons in 1 day, role ceiling 300; new device, evening",
        );
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let mut report = report();
        report.name = "x\u{1b}[2J".into();
        assert!(!terminal_line(&report, Language::English).contains('\u{1b}'));
    }
}
