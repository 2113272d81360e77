//! What a run amounted to, in words for people; and whether it was worth anything at all.

use std::time::Duration;

use indicatif::HumanCount;

use super::Failure;
use crate::decode::Mapping;
use crate::pipeline::shard::Shard;

/// Where a shard stood when a run began: its numbers never go back, so the run is the difference.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Start {
    events: u64,
    lines: u64,
    quarantined: u64,
    late: u64,
    fallbacks: u64,
}

impl Start {
    pub(super) fn of(shard: &Shard) -> Start {
        let (tally, counters) = (shard.tally(), shard.detector().counters());
        Start {
            events: counters.events,
            lines: tally.lines,
            quarantined: tally.quarantined_total(),
            late: counters.late,
            fallbacks: counters.clock_fallbacks,
        }
    }

    /// Events of this run.
    pub(super) fn events(&self, shard: &Shard) -> u64 {
        shard.detector().counters().events - self.events
    }

    fn lines(&self, shard: &Shard) -> u64 {
        shard.tally().lines - self.lines
    }

    fn quarantined(&self, shard: &Shard) -> u64 {
        shard.tally().quarantined_total() - self.quarantined
    }

    /// Something went on from an earlier run.
    fn continues(&self) -> bool {
        self.lines > 0
    }
}

/// Lines from which on a log that maps to (nearly) nothing is said while it is still being read.
const EARLY_LINES: u64 = 100;

/// Says once, while reading goes on, that what is read is no events: a log without an end (followed,
/// or standard input) has no summary to say so.
pub(super) struct EarlyWarning {
    start: Start,
    log: String,
    said: bool,
}

impl EarlyWarning {
    pub(super) fn new(start: Start, log: &str) -> EarlyWarning {
        EarlyWarning { start, log: log.to_owned(), said: false }
    }

    /// The warning, the first time there is reason for it.
    pub(super) fn look(&mut self, shard: &Shard) -> Option<String> {
        if self.said || self.start.lines(shard) < EARLY_LINES {
            return None;
        }
        self.said = true;
        nearly_all_refused(&self.start, shard, &self.log)
    }
}

/// A run that is over.
pub(super) struct Outcome<'a> {
    pub(super) start: Start,
    pub(super) shard: &'a Shard,
    pub(super) took: Duration,
    /// A log to name in advice.
    pub(super) log: &'a str,
}

impl Outcome<'_> {
    /// What was read, what came of it, and what is doubtful about it.
    pub(super) fn summary(&self) -> String {
        let mut parts = vec![self.read(), self.alerts()];
        parts.extend(self.budget());
        parts.extend(self.doubts());
        parts.join("\n")
    }

    /// What was read, and what is doubtful about it.
    pub(super) fn reading(&self) -> String {
        [vec![self.read()], self.doubts()].concat().join("\n")
    }

    fn doubts(&self) -> Vec<String> {
        let mut parts: Vec<String> = self.repairs().into_iter().collect();
        parts.extend(self.clocks());
        let nothing = self.start.lines(self.shard) == 0 && !self.start.continues();
        parts.extend(nothing.then(|| "WARNING: no lines: there was nothing to read".to_owned()));
        let doubt = self.refusal().filter(|_| self.start.events(self.shard) > 0);
        parts.extend(doubt.map(|text| format!("WARNING: {text}")));
        parts
    }

    /// A log of which nothing could be read is a failure, however quietly it passed.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self.refusal() {
            Some(text) if self.start.events(self.shard) == 0 => Err(Failure::Failed(text)),
            _ => Ok(()),
        }
    }

    fn refusal(&self) -> Option<String> {
        nearly_all_refused(&self.start, self.shard, self.log)
    }

    fn read(&self) -> String {
        let shard = self.shard;
        let events = self.start.events(shard);
        let seconds = self.took.as_secs_f64().max(1e-3);
        let rate = HumanCount((events as f64 / seconds) as u64);
        let total = HumanCount(shard.detector().counters().events);
        let accounts = HumanCount(shard.detector().accounts() as u64);
        let events = HumanCount(events);
        if !self.start.continues() {
            format!("{events} events of {accounts} accounts in {seconds:.1} s ({rate} events/s)")
        } else if self.start.lines(shard) == 0 {
            format!("nothing new since the last run; {total} events of {accounts} accounts in all")
        } else {
            format!(
                "{events} new events in {seconds:.1} s ({rate} events/s); {total} events of \
                 {accounts} accounts in all"
            )
        }
    }

    fn alerts(&self) -> String {
        let [info, low, medium, high, critical] = self.shard.tally().alerts();
        let in_all = if self.start.continues() { " in all" } else { "" };
        format!(
            "{} alerts{in_all}: {critical} critical, {high} high, {medium} medium, {low} low, \
             {info} info",
            info + low + medium + high + critical
        )
    }

    fn budget(&self) -> Option<String> {
        let weeks = self.shard.detector().counters().account_weeks_warm;
        if self.shard.detector().counters().events == 0 {
            return None;
        }
        if weeks == 0 {
            let text = "the log is shorter than the 28 days of warm-up: alerts say `learning`";
            return Some(text.to_owned());
        }
        let alerts = self.shard.tally().warm_alerts;
        let rate = alerts as f64 * 1_000.0 / weeks as f64;
        Some(format!(
            "{alerts} alerts of medium or more in {} account weeks after 28 days of warm-up: \
             {rate:.2} per 1,000 account weeks",
            HumanCount(weeks)
        ))
    }

    fn repairs(&self) -> Option<String> {
        let tally = self.shard.tally();
        let counted = |by_name: &std::collections::BTreeMap<String, u64>| -> String {
            by_name.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        if tally.quarantined_total() > 0 {
            let (total, reasons) = (tally.quarantined_total(), counted(&tally.quarantined));
            parts.push(format!("{total} lines quarantined: {reasons}"));
        }
        if !tally.dropped_fields.is_empty() {
            let fields = counted(&tally.dropped_fields);
            parts.push(format!("bad optional fields dropped, events counted: {fields}"));
        }
        if tally.repaired_text > 0 {
            parts.push(format!("text repaired in {} events", tally.repaired_text));
        }
        (!parts.is_empty()).then(|| parts.join("\n"))
    }

    fn clocks(&self) -> Option<String> {
        let counters = self.shard.detector().counters();
        if counters.late + counters.clock_fallbacks + counters.evicted == 0 {
            return None;
        }
        let said = format!(
            "{} late events, {} clocks fallen back, {} accounts forgotten for want of room",
            counters.late, counters.clock_fallbacks, counters.evicted
        );
        let (late, back) =
            (counters.late - self.start.late, counters.clock_fallbacks - self.start.fallbacks);
        let accounts = self.shard.detector().accounts() as u64;
        if back * 100 <= accounts && late * 100 <= self.start.events(self.shard) {
            return Some(said);
        }
        Some(format!(
            "{said}\n\
             WARNING: this log goes back in time, and what comes late is not judged. Files are read \
             one after the other,\n\
             in the order of their first time. Logs that cover the same days must be merged by time \
             first; when their lines\n\
             start with the time: sort -m one.log other.log | vigie run -"
        ))
    }
}

/// Why, when nine lines of ten or more are no event, and what to try.
fn nearly_all_refused(start: &Start, shard: &Shard, log: &str) -> Option<String> {
    let (lines, refused) = (start.lines(shard), start.quarantined(shard));
    let (reason, skeleton) = shard.tally().first_quarantined.as_ref()?;
    (refused * 10 >= lines * 9).then(|| refusal(refused, lines, reason, skeleton, log))
}

/// `9 of 10 lines are no event …`, with the first of them and what to try.
pub(super) fn refusal(refused: u64, lines: u64, reason: &str, skeleton: &str, log: &str) -> String {
    let shape = if skeleton.is_empty() { String::new() } else { format!(", {skeleton}") };
    let how_many = match (lines - refused, lines) {
        (0, 1) => "the only line is no event".to_owned(),
        (0, lines) => format!("none of the {} lines is an event", HumanCount(lines)),
        (1, lines) => format!("only 1 of {} lines is an event", HumanCount(lines)),
        (events, lines) => {
            format!("only {} of {} lines are events", HumanCount(events), HumanCount(lines))
        }
    };
    format!(
        "{how_many}; the first that is not: {reason}{shape}\n       \
         Is it of another format? Try: vigie check {log} --format {}",
        Mapping::PRESETS.join("|")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_how_many_why_and_what_to_try() {
        assert_eq!(
            refusal(3, 3, "not-json", "not JSON: 96 bytes", "access.log"),
            "none of the 3 lines is an event; the first that is not: not-json, not JSON: 96 bytes\n       \
             Is it of another format? Try: vigie check access.log --format \
             native|ecs|ocsf|nginx-json|combined"
        );
        assert!(
            refusal(9_998, 10_000, "no-time", "", "-")
                .starts_with("only 2 of 10,000 lines are events; the first that is not: no-time\n")
        );
    }
}
