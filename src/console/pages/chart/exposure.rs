//! Exposure over time: what an alert's revisions say, as a step curve.

use std::fmt::Write;

use super::{Drawing, Log};
use crate::alert::Alert;
use crate::console::pages::say::{Html, Say};
use crate::console::pages::view::Revision;
use crate::console::pages::why;
use crate::event::TimestampMs;
use crate::triage::millis;

const SIZE: (f64, f64) = (720.0, 240.0);
const LEFT: f64 = 52.0;
const RIGHT: f64 = 708.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 208.0;

/// Axes of the plot.
struct Axes {
    from: TimestampMs,
    to: TimestampMs,
    persons: Log,
}

impl Axes {
    fn x(&self, at: TimestampMs) -> f64 {
        let share = (at - self.from) as f64 / (self.to - self.from).max(1) as f64;
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn y(&self, persons: f64) -> f64 {
        BOTTOM - self.persons.at(persons)
    }
}

/// The chart of an alert; its revisions come oldest first.
pub(in crate::console::pages) fn exposure(
    say: Say<'_>,
    alert: &Alert,
    revisions: &[Revision],
) -> Html {
    let w = &say.w.alert;
    let reference = reference(alert);
    let axes = axes(alert, revisions, reference.as_ref().map_or(0, |r| r.threshold));
    let description = format!(
        "{} {}.",
        w.chart_desc.replace("{}", &say.full(axes.from)),
        w.chart_to.replace("{}", &say.full(axes.to))
    );
    let mut drawing = Drawing::new("exposure", SIZE, w.chart_title, &description);
    grid(&mut drawing, say, &axes);
    curve(&mut drawing, say, &axes, alert, revisions);
    if let Some(reference) = reference {
        levels(&mut drawing, say, &axes, &reference);
    }
    let opened = axes.x(millis(&alert.opened_at));
    drawing.line("opening", (opened, TOP - 4.0), (opened, BOTTOM));
    let (anchor, shift) = if opened > 560.0 { ("end", -5.0) } else { ("start", 5.0) };
    drawing.text("label opening-label", (opened + shift, TOP - 8.0), anchor, w.chart_opened);
    drawing.done()
}

fn axes(alert: &Alert, revisions: &[Revision], threshold: u64) -> Axes {
    let times = revisions.iter().map(|r| r.at);
    let last = times.clone().chain([millis(&alert.last_event_at)]).max().unwrap_or(0);
    let first = times.chain([millis(&alert.first_event_at)]).min().unwrap_or(0);
    let most = revisions.iter().map(|r| r.persons).chain([alert.exposure.persons, threshold]).max();
    Axes {
        from: first,
        // A burst of a second still needs some width.
        to: last.max(first + 60_000),
        persons: Log::new(most.unwrap_or(1) * 3 / 2, BOTTOM - TOP),
    }
}

fn grid(drawing: &mut Drawing, say: Say<'_>, axes: &Axes) {
    for tick in axes.persons.ticks() {
        let y = axes.y(tick as f64);
        drawing.line("grid", (LEFT, y), (RIGHT, y));
        drawing.text("tick", (LEFT - 8.0, y + 4.0), "end", &say.number(tick));
    }
    drawing.line("axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
    let span = axes.to - axes.from;
    let days = say.date_of(axes.from) != say.date_of(axes.to);
    for step in 0..=4 {
        let at = axes.from + span * step / 4;
        let clock = say.clock(at);
        let text = match (days, span) {
            (true, _) => format!("{} {}", say.day(&say.date_of(at)), &clock[..5]),
            (false, ..600_000) => clock,
            (false, _) => clock[..5].to_owned(),
        };
        let anchor = match step {
            0 => "start",
            4 => "end",
            _ => "middle",
        };
        drawing.text("tick", (axes.x(at), BOTTOM + 18.0), anchor, &text);
    }
}

fn curve(drawing: &mut Drawing, say: Say<'_>, axes: &Axes, alert: &Alert, revisions: &[Revision]) {
    let mut line = format!("M{LEFT:.1} {:.1}", axes.y(0.0));
    for revision in revisions {
        let (x, y) = (axes.x(revision.at), axes.y(revision.persons as f64));
        let _ = write!(line, "H{x:.1}V{y:.1}");
    }
    let last = axes.x(millis(&alert.last_event_at)).max(LEFT);
    let _ = write!(line, "H{last:.1}V{:.1}", axes.y(alert.exposure.persons as f64));
    drawing.path("area", &format!("{line}V{BOTTOM:.1}H{LEFT:.1}z"));
    drawing.path("step", &line);
    for revision in revisions {
        let (x, y) = (axes.x(revision.at), axes.y(revision.persons as f64));
        let _ = write!(drawing.out, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
    }
    let (x, y) = (last.min(RIGHT - 4.0), axes.y(alert.exposure.persons as f64) - 8.0);
    let (anchor, x) = if x > 600.0 { ("end", x) } else { ("start", x + 2.0) };
    let persons = say.plural(say.w.persons, alert.exposure.persons);
    drawing.text("value", (x, y), anchor, &persons);
}

/// The signal whose levels are drawn: one that counts persons, as the curve does.
fn reference(alert: &Alert) -> Option<crate::alert::Signal> {
    let persons = alert.signals.iter().filter(|s| s.measure == "distinct_persons");
    let most_telling = persons.max_by(|a, b| a.surprise.total_cmp(&b.surprise));
    most_telling.or_else(|| why::lead(alert).map(|lead| lead.signal)).cloned()
}

/// Lines of the usual and of the alert threshold, their labels kept apart.
fn levels(drawing: &mut Drawing, say: Say<'_>, axes: &Axes, signal: &crate::alert::Signal) {
    let w = &say.w.alert;
    let (usual, alert) = (axes.y(signal.expected), axes.y(signal.threshold as f64));
    let counted = why::counted(say, signal, signal.threshold);
    drawing.line("threshold", (LEFT, alert), (RIGHT, alert));
    drawing.text(
        "label threshold-label",
        (LEFT + 6.0, alert - 5.0),
        "start",
        &format!("{} {counted}", w.chart_alert),
    );
    drawing.line("usual", (LEFT, usual), (RIGHT, usual));
    let text = format!("{} {}", w.chart_usual, say.decimal(signal.expected));
    let below = usual - alert < 18.0;
    let y = if below { usual + 14.0 } else { usual - 5.0 };
    drawing.text("label usual-label", (LEFT + 6.0, y), "start", &text);
}
