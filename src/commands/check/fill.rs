//! How well a log maps: the share of events that carry each field, by action.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::decode::{DecodeError, Decoded};
use crate::event::Action;

/// Fields whose presence is counted, in the order they are shown.
const FIELDS: [&str; 10] =
    ["persons", "account", "partner", "unit", "role", "ip", "device", "session", "query", "data"];
/// Share of events below which a missing field blinds a channel.
const TOO_FEW: f64 = 0.5;

#[derive(Debug, Default)]
struct Filled {
    events: u64,
    fields: [u64; FIELDS.len()],
    persons: u64,
    counted_only: u64,
}

/// What was found in one log.
#[derive(Debug, Default)]
pub(super) struct Fill {
    lines: usize,
    actions: BTreeMap<&'static str, Filled>,
    /// How many, and the first one, by reason.
    refused: BTreeMap<&'static str, (u64, String)>,
    dropped: BTreeMap<&'static str, u64>,
    repaired: u64,
}

impl Fill {
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    pub(super) fn line(&mut self, decoded: Result<Decoded<'_>, DecodeError>) {
        self.lines += 1;
        let Decoded { event, repairs } = match decoded {
            Ok(decoded) => decoded,
            Err(error) => {
                let line = self.lines;
                let first = || (0, format!("first at line {line}: {error}"));
                self.refused.entry(error.reason()).or_insert_with(first).0 += 1;
                return;
            }
        };
        for field in repairs.iter() {
            *self.dropped.entry(field).or_default() += 1;
        }
        self.repaired += u64::from(repairs.text);
        let filled = self.actions.entry(event.action.word()).or_default();
        filled.events += 1;
        filled.persons += event.persons.len() as u64;
        filled.counted_only += u64::from(!event.persons_known && event.unidentified > 0);
        let present = [
            event.persons_known,
            event.account.is_some(),
            event.partner.is_some(),
            event.unit.is_some(),
            event.role.is_some(),
            event.ip.is_some(),
            event.device.is_some(),
            event.session.is_some(),
            event.query != 0,
            event.data != 0,
        ];
        for (count, present) in filled.fields.iter_mut().zip(present) {
            *count += u64::from(present);
        }
    }

    /// Events among the lines.
    fn events(&self) -> u64 {
        self.actions.values().map(|f| f.events).sum()
    }

    /// Why this log is of no use as it is read: nine lines of ten or more are no event.
    pub(super) fn problem(&self) -> Option<String> {
        let (lines, events) = (self.lines as u64, self.events());
        if lines == 0 {
            return Some("no lines".into());
        }
        let (reason, (_, first)) = self.refused.iter().max_by_key(|(_, (count, _))| *count)?;
        let share = match events {
            0 => format!("none of the {lines} lines is an event"),
            _ => format!("only {events} of {lines} lines are events"),
        };
        (events * 10 <= lines).then(|| format!("{share} ({reason}, {first})"))
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let events = self.events();
        if self.lines == 0 {
            return "no lines".into();
        }
        let _ = writeln!(out, "{} lines, {events} events", self.lines);
        for (reason, (count, first)) in &self.refused {
            let _ = writeln!(
                out,
                "{reason}: {count} lines are no event and would be quarantined ({first})"
            );
        }
        if !self.dropped.is_empty() {
            let fields: Vec<String> =
                self.dropped.iter().map(|(f, n)| format!("{f} {n}")).collect();
            let _ = writeln!(out, "bad optional fields, dropped: {}", fields.join(", "));
        }
        if self.repaired > 0 {
            let _ = writeln!(out, "text repaired in {} events", self.repaired);
        }
        if events == 0 {
            return out;
        }
        let _ = write!(out, "\n{:<16}{:>10}", "action", "events");
        FIELDS.iter().for_each(|field| {
            let _ = write!(out, "{field:>9}");
        });
        let _ = writeln!(out);
        for (action, filled) in &self.actions {
            let _ = write!(out, "{action:<16}{:>10}", filled.events);
            for count in filled.fields {
                let _ = write!(out, "{:>7.0} %", share(count, filled.events) * 100.0);
            }
            let _ = writeln!(out);
        }
        let warnings = self.warnings();
        if warnings.is_empty() {
            let _ = writeln!(out, "\nEvery action that returns people names them.");
        }
        for warning in warnings {
            let _ = writeln!(out, "\n! {warning}");
        }
        out
    }

    /// What this log hides from vigie.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (action, filled) in &self.actions {
            if Action::parse(action).is_identity() {
                continue;
            }
            let named = share(filled.fields[0], filled.events);
            if named < TOO_FEW {
                let counted = if filled.counted_only > 0 {
                    "; their number is logged, so they are counted as unidentified records"
                } else {
                    ""
                };
                let plural = if action.ends_with('h') { "es" } else { "s" };
                warnings.push(format!(
                    "{action}: persons {:.0} %: {action}{plural} return people whom this log does \
                     not name{counted}. The theft of 2024 went through a search page: log the \
                     persons returned (field `records`), or map them (see [source.mapping]).",
                    named * 100.0
                ));
            }
        }
        let all = self.events();
        let of = |field: usize| -> u64 { self.actions.values().map(|f| f.fields[field]).sum() };
        if all > 0 && share(of(1), all) < TOO_FEW {
            warnings.push(
                "most events name no account: they are counted by address, and nobody can be \
                 suspended for them"
                    .into(),
            );
        }
        if all > 0 && share(of(4), all) < TOO_FEW {
            warnings.push(
                "most events carry no role: peers are compared within the partner only, and role \
                 ceilings do not apply; give --accounts accounts.csv"
                    .into(),
            );
        }
        warnings
    }

    pub(super) fn json(&self) -> Value {
        let actions: BTreeMap<&str, Value> = self
            .actions
            .iter()
            .map(|(action, filled)| {
                let fields: BTreeMap<&str, f64> = FIELDS
                    .into_iter()
                    .zip(filled.fields.map(|n| share(n, filled.events)))
                    .collect();
                (
                    *action,
                    json!({"events": filled.events, "persons": filled.persons, "fill": fields}),
                )
            })
            .collect();
        let refused: BTreeMap<&str, u64> =
            self.refused.iter().map(|(r, (n, _))| (*r, *n)).collect();
        json!({
            "lines": self.lines,
            "actions": actions,
            "quarantined": refused,
            "dropped_fields": self.dropped,
            "warnings": self.warnings(),
        })
    }
}

fn share(count: u64, total: u64) -> f64 {
    count as f64 / total.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{DecodeOptions, Decoder, Mapping, PseudonymKey};

    fn fill(lines: &[&str]) -> Fill {
        let options = DecodeOptions::default();
        let mut decoder = Decoder::new(&Mapping::default(), PseudonymKey::PUBLIC, options).unwrap();
        let mut fill = Fill::default();
        lines.iter().for_each(|line| fill.line(decoder.decode(line.as_bytes())));
        fill
    }

    #[test]
    fn a_log_that_maps_to_nothing_is_a_problem() {
        assert_eq!(fill(&[]).problem().unwrap(), "no lines");
        assert_eq!(fill(&[]).text(), "no lines");
        let refused = fill(&["hello", "{\"account\":\"a\"}", "world"]);
        let problem = refused.problem().unwrap();
        let wanted = "none of the 3 lines is an event (not-json, first at line 1: ";
        assert!(problem.starts_with(wanted), "{problem}");
        assert!(!refused.text().contains("names them"), "{}", refused.text());
        let good = "{\"time\":1,\"account\":\"a\",\"role\":\"r\",\"records\":[\"x\"]}";
        assert_eq!(fill(&[good, "hello"]).problem(), None);
        assert!(fill(&[good]).text().contains("Every action that returns people names them."));
    }
}
