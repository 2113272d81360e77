//! The one line a terminal shows.

use std::fmt::Write;

use super::weight;
use super::words::local_parts;
use crate::alert::Severity;
use crate::detect::epoch::HourClass;
use crate::detect::report::{Cause, Report};
use crate::detect::rule::Watch;

/// `ALERT critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  50 persons in 7 s, usual ≤
/// 9/h, alert at 38, 214 peers ≤ 14; new device, evening`
#[must_use]
pub fn terminal_line(report: &Report) -> String {
    let (day, clock) = local_parts(report.at + report.offset_ms, false);
    let word = match report.cause {
        Cause::Opened => "ALERT",
        Cause::Signal => "more",
        Cause::Exposure => "grows",
        Cause::Ended => "ended",
    };
    let severity = match weight::of(report).severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    };
    let mut line = format!("{word:<5} {severity:<8}  {day} {clock}  {}", visible(&report.name));
    if let Some((label, _)) = &report.label {
        let _ = write!(line, " ({label})");
    } else if let Some(role) = &report.role {
        let _ = write!(line, " ({})", visible(role));
    }
    let _ = write!(line, "  {} persons", report.persons.0);
    match report.circumstances.pace {
        Some((read, ms)) if report.cause == Cause::Opened && read == report.persons.0 => {
            let _ = write!(line, " in {} s", (ms + 999) / 1_000);
        }
        _ => {}
    }
    line + &numbers(report) + &circumstances(report)
}

fn numbers(report: &Report) -> String {
    let latest = report.signals.iter().max_by(|a, b| a.surprise.total_cmp(&b.surprise));
    let Some(signal) = latest else { return String::new() };
    let per = match signal.measure.map(|m| m.window()) {
        Some("5m") => "/5min",
        Some("1h") => "/h",
        _ => "/day",
    };
    let what = if signal.watch == Watch::ForeignOrigins { " origins" } else { "" };
    let mut text = match signal.watch {
        Watch::EndedAccount => ", account has ended".to_owned(),
        Watch::UnidentifiedRecords => {
            format!(
                ", {} records without identity, ceiling {}",
                signal.observed,
                signal.threshold - 1
            )
        }
        Watch::RoleCeiling => format!(", role ceiling {}{per}", signal.threshold - 1),
        Watch::DeclaredCeiling => format!(", declared ceiling {}{per}", signal.threshold - 1),
        Watch::DistinctPersons | Watch::ForeignOrigins => {
            format!(", usual ≤ {}{what}{per}, alert at {}", signal.usual, signal.threshold)
        }
    };
    if let Some((_, size, p99)) = &signal.peers {
        let _ = write!(text, ", {size} peers ≤ {p99}");
    }
    text
}

fn circumstances(report: &Report) -> String {
    let around = &report.circumstances;
    let hour = (report.opened + report.offset_ms).rem_euclid(86_400_000) / 3_600_000;
    let time_of_day = match hour {
        5..=8 => "early morning",
        9..=17 => "quiet hour",
        18..=22 => "evening",
        _ => "night",
    };
    let unusual =
        around.off_hours || report.signals.first().is_some_and(|s| s.class != HourClass::Core);
    let notes: Vec<&str> = [
        (around.new_device, "new device"),
        (around.new_address && !around.new_device, "new address"),
        (unusual, time_of_day),
        (around.rest_day, "rest day"),
        (report.learning, "learning"),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .map(|(_, note)| note)
    .collect();
    if notes.is_empty() { String::new() } else { format!("; {}", notes.join(", ")) }
}

/// Names come from the log: control characters must not reach a terminal.
fn visible(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '�' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::tests::report;

    #[test]
    fn reads_like_the_design_says() {
        assert_eq!(
            terminal_line(&report()),
            "ALERT critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  50 persons in 7 s, \
             usual ≤ 9 origins/h, alert at 38, 214 peers ≤ 14; new device, evening"
        );
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let mut report = report();
        report.name = "x\u{1b}[2J".into();
        assert!(!terminal_line(&report).contains('\u{1b}'));
    }
}
