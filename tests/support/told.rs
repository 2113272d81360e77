//! What several runs over one log told together.

use std::collections::HashSet;

use vigie::alert::Alert;

/// Bytes that a batch may hold, and a line more.
const BATCH_BYTES: u64 = 2 << 20;

/// Lines that occur more than once.
pub(crate) fn told_twice<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    lines.filter(|line| !seen.insert(*line)).collect()
}

/// The lines of runs that were killed and gone on with, each once and in order. A kill between
/// telling a batch and noting that it was told makes the next run begin with that batch again;
/// anything else that is told twice fails.
pub(crate) fn once(runs: &[String]) -> String {
    let mut told: Vec<&str> = Vec::new();
    for said in runs {
        let lines: Vec<&str> = said.lines().collect();
        let Some(first) = lines.first() else { continue };
        let from = told.iter().position(|line| line == first).unwrap_or(told.len());
        let again = lines.len().min(told.len() - from);
        assert!(told[from..].starts_with(&lines[..again]), "told again in another order");
        let positions = told[from..].iter().map(|line| position(line));
        let (first, last) = (positions.clone().min(), positions.max());
        let span = last.unwrap_or(0) - first.unwrap_or(0);
        assert!(span <= BATCH_BYTES, "{again} lines told again over {span} bytes of log");
        told.extend(&lines[again..]);
    }
    let again = told_twice(told.iter().copied());
    assert!(again.is_empty(), "{} lines told twice, first {}", again.len(), again[0]);
    told.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// The last record of the alert so far.
fn position(line: &str) -> u64 {
    let alert: Alert = serde_json::from_str(line).unwrap();
    alert.positions.last().unwrap().to
}
