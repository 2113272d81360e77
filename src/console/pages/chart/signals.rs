//! Observed against expected, the peers and the threshold, for each signal.

use super::{Drawing, Log, triangle};
use crate::alert::Signal;
use crate::console::pages::say::{Html, Say};
use crate::console::pages::why;

const WIDTH: f64 = 720.0;
const ROW: f64 = 46.0;
const LEFT: f64 = 2.0;
const PLOT: f64 = 600.0;
const BAR: f64 = 10.0;

/// The chart of an alert's signals, in the order they fired.
pub(in crate::console::pages) fn signals(say: Say<'_>, signals: &[Signal]) -> Html {
    let w = &say.w.alert;
    let size = (WIDTH, ROW * signals.len() as f64 + 4.0);
    let mut drawing = Drawing::new("signals", size, w.signals_title, w.signals_desc);
    let counts = signals
        .iter()
        .flat_map(|s| [s.observed, s.threshold, s.peers.as_ref().map_or(0, |p| p.p99)]);
    let scale = Log::new(counts.max().unwrap_or(1), PLOT);
    for (at, signal) in signals.iter().enumerate() {
        row(&mut drawing, say, scale, signal, ROW * at as f64);
    }
    drawing.done()
}

fn row(drawing: &mut Drawing, say: Say<'_>, scale: Log, signal: &Signal, top: f64) {
    let what = why::measure(say, signal, signal.observed);
    let text = format!("{what} {}", why::within(say, signal));
    drawing.text("label", (LEFT, top + 13.0), "start", &text);
    let y = top + 21.0;
    drawing.rect("track", (LEFT, y), (PLOT, BAR));
    let observed = scale.at(signal.observed as f64).max(2.0);
    drawing.rect("fill", (LEFT, y), (observed, BAR));
    let value = say.number(signal.observed);
    drawing.text("value", (LEFT + observed + 6.0, y + BAR - 0.5), "start", &value);
    let expected = LEFT + scale.at(signal.expected);
    drawing.line("usual", (expected, y - 3.0), (expected, y + BAR + 3.0));
    if let Some(peers) = &signal.peers {
        let p99 = LEFT + scale.at(peers.p99 as f64);
        drawing.line("peers", (p99, y - 3.0), (p99, y + BAR + 3.0));
    }
    let threshold = LEFT + scale.at(signal.threshold as f64);
    drawing.line("threshold", (threshold, y - 2.0), (threshold, y + BAR + 2.0));
    drawing.path("alertmark", &triangle((threshold, y), 4.0));
}
