//! Charts as SVG, drawn here: presentation attributes and classes only, so that the strictest
//! content policy lets them through. Each has a title and a description, and its page has the same
//! values as a table.

mod days;
mod exposure;
mod signals;

use std::fmt::Write;

pub(super) use days::days;
pub(super) use exposure::exposure;
pub(super) use signals::signals;

use super::frame::escape;
use super::say::Html;
use super::why::Lead;

/// A logarithmic scale from 0 to `most`, onto `length` pixels.
#[derive(Clone, Copy, Debug)]
struct Log {
    most: f64,
    length: f64,
}

impl Log {
    fn new(most: u64, length: f64) -> Log {
        Log { most: (most.max(9) as f64).ln_1p(), length }
    }

    fn at(self, value: f64) -> f64 {
        value.max(0.0).ln_1p() / self.most * self.length
    }

    /// 1, 10, 100 … up to the greatest value.
    fn ticks(self) -> impl Iterator<Item = u64> {
        let most = self.most.exp();
        (0..12).map(|power| 10_u64.pow(power)).take_while(move |tick| *tick as f64 <= most)
    }
}

/// An SVG being written.
struct Drawing {
    out: String,
}

impl Drawing {
    /// `name` makes the ids of title and description unique on the page.
    fn new(name: &str, (width, height): (f64, f64), title: &str, description: &str) -> Drawing {
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg class=\"chart chart-{name}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{name}-t {name}-d\"><title id=\"{name}-t\">{}</title>\
             <desc id=\"{name}-d\">{}</desc>",
            escape(title),
            escape(description)
        );
        Drawing { out }
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = write!(
            self.out,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }

    fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let _ = write!(
            self.out,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"/>"
        );
    }

    fn path(&mut self, class: &str, path: &str) {
        let _ = write!(self.out, "<path class=\"{class}\" d=\"{path}\"/>");
    }

    /// `anchor` is `start`, `middle` or `end`.
    fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: &str, text: &str) {
        let _ = write!(
            self.out,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escape(text)
        );
    }

    fn done(mut self) -> Html {
        self.out.push_str("</svg>");
        Html(self.out)
    }
}

/// A downward triangle whose tip is at (x, y).
fn triangle((x, y): (f64, f64), size: f64) -> String {
    format!("M{x:.1} {y:.1}l-{size:.1} -{:.1}h{:.1}z", size * 1.5, size * 2.0)
}

/// The queue's bar: observed, with marks at the usual and at the threshold. Beside it stand the
/// numbers, so it is hidden from readers.
pub(super) fn small_bar(lead: &Lead<'_>, most: u64) -> Html {
    const WIDTH: f64 = 112.0;
    let scale = Log::new(most.max(lead.signal.threshold), WIDTH - 2.0);
    let (observed, usual) = (scale.at(lead.signal.observed as f64), scale.at(lead.usual as f64));
    let alert = scale.at(lead.signal.threshold as f64);
    Html(format!(
        "<svg class=\"bar\" viewBox=\"0 0 {WIDTH} 10\" width=\"{WIDTH}\" height=\"10\" \
         aria-hidden=\"true\"><rect class=\"track\" y=\"3\" width=\"{WIDTH}\" height=\"4\" rx=\"2\"/>\
         <rect class=\"fill\" y=\"3\" width=\"{observed:.1}\" height=\"4\" rx=\"2\"/>\
         <rect class=\"usual\" x=\"{usual:.1}\" y=\"1\" width=\"1.5\" height=\"8\"/>\
         <path class=\"alertmark\" d=\"{}\"/></svg>",
        triangle((alert.max(3.0), 5.0), 3.0)
    ))
}
