//! Progress on standard error, only on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::outcome::Start;
use crate::clock::Stopwatch;
use crate::ingest::Progress;
use crate::pipeline::shard::Shard;

/// A bar over bytes, hidden where standard error is no terminal.
pub(super) fn bytes_bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {bytes_per_sec}  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// A bar over the bytes of the input, or a spinner when it has no end.
pub(super) struct Bar {
    bar: ProgressBar,
    since: Stopwatch,
    start: Start,
}

impl Bar {
    /// `start` is where the shard stands now.
    pub(super) fn new(start: Start) -> Self {
        Bar { bar: bytes_bar(), since: Stopwatch::start(), start }
    }

    /// A bar over the days of a simulated world.
    pub(super) fn days(start: Start) -> Self {
        let bar = Bar::new(start);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} day {pos} of {len}  {msg}") {
            bar.bar.set_style(style);
        }
        bar
    }

    /// Shows how far reading is; cheap enough for every batch.
    pub(super) fn show(&self, progress: Progress, shard: &Shard) {
        let [_, low, medium, high, critical] = shard.tally().alerts();
        self.put(
            progress,
            format!(
                "{} events, {} alerts ({} critical)",
                HumanCount(self.start.events(shard)),
                low + medium + high + critical,
                critical
            ),
        );
    }

    /// The same for two engines side by side.
    pub(super) fn show_two(&self, progress: Progress, a: &Shard, b: &Shard) {
        let alerts = |shard: &Shard| shard.tally().alerts().iter().sum::<u64>();
        let events = HumanCount(self.start.events(a));
        self.put(progress, format!("{events} events, alerts: A {}, B {}", alerts(a), alerts(b)));
    }

    fn put(&self, progress: Progress, message: String) {
        if let Some(total) = progress.bytes_total {
            self.bar.set_length(total);
        }
        self.bar.set_position(progress.bytes_read);
        self.bar.set_message(message);
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
