//! Progress on standard error, only on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::Stopwatch;
use crate::ingest::Progress;
use crate::pipeline::shard::Shard;

/// A bar over the bytes of the input, or a spinner when it has no end.
pub(super) struct Bar {
    bar: ProgressBar,
    since: Stopwatch,
}

impl Bar {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::no_length();
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {bytes_per_sec}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Bar { bar, since: Stopwatch::start() }
    }

    /// A bar over the days of a simulated world.
    pub(super) fn days() -> Self {
        let bar = Bar::new();
        if let Ok(style) = ProgressStyle::with_template("{bar:30} day {pos} of {len}  {msg}") {
            bar.bar.set_style(style);
        }
        bar
    }

    /// Shows how far reading is; cheap enough for every batch.
    pub(super) fn show(&self, progress: Progress, shard: &Shard) {
        if let Some(total) = progress.bytes_total {
            self.bar.set_length(total);
        }
        self.bar.set_position(progress.bytes_read);
        let [_, low, medium, high, critical] = shard.tally().alerts();
        self.bar.set_message(format!(
            "{} events, {} alerts ({} critical)",
            HumanCount(shard.detector().counters().events),
            low + medium + high + critical,
            critical
        ));
    }

    /// Takes the bar away while something else is printed.
    pub(super) fn hide<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// Takes the bar away; returns how long it stood.
    pub(super) fn finish(&self) -> Duration {
        self.bar.finish_and_clear();
        self.since.elapsed()
    }
}

/// What a run amounted to, in a few lines for people.
pub(super) fn summary(shard: &Shard, took: Duration) -> String {
    let counters = shard.detector().counters();
    let tally = shard.tally();
    let [info, low, medium, high, critical] = tally.alerts();
    let seconds = took.as_secs_f64().max(1e-3);
    let mut text = format!(
        "{} events of {} accounts in {seconds:.1} s ({} events/s)\n\
         {} alerts: {critical} critical, {high} high, {medium} medium, {low} low, {info} info",
        HumanCount(counters.events),
        HumanCount(shard.detector().accounts() as u64),
        HumanCount((counters.events as f64 / seconds) as u64),
        info + low + medium + high + critical,
    );
    if counters.account_weeks_warm > 0 {
        let rate = tally.warm_alerts as f64 * 1_000.0 / counters.account_weeks_warm as f64;
        text += &format!(
            "\n{} alerts of medium or more in {} account weeks after 28 days of warm-up: {rate:.2} \
             per 1,000 account weeks",
            tally.warm_alerts,
            HumanCount(counters.account_weeks_warm),
        );
    } else {
        text += "\nthe log is shorter than the 28 days of warm-up: alerts say `learning`";
    }
    if tally.quarantined_total() > 0 {
        let reasons: Vec<String> =
            tally.quarantined.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        text +=
            &format!("\n{} lines quarantined: {}", tally.quarantined_total(), reasons.join(", "));
    }
    if !tally.dropped_fields.is_empty() || tally.repaired_text > 0 {
        let fields: Vec<String> =
            tally.dropped_fields.iter().map(|(field, n)| format!("{field} {n}")).collect();
        text += &format!(
            "\nbad optional fields dropped, events counted: {}; text repaired in {} events",
            if fields.is_empty() { "none".to_owned() } else { fields.join(", ") },
            tally.repaired_text
        );
    }
    if counters.late + counters.clock_fallbacks + counters.evicted > 0 {
        text += &format!(
            "\n{} late events, {} clocks fallen back, {} accounts forgotten for want of room",
            counters.late, counters.clock_fallbacks, counters.evicted
        );
    }
    text
}
