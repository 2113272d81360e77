//! The last 90 days of an account: persons listed and opened, foreign origins, days with an alert.

use jiff::civil::Date;

use super::{Drawing, Log, triangle};
use crate::console::pages::say::{Html, Say};
use crate::console::pages::view::Day;

const SIZE: (f64, f64) = (720.0, 220.0);
const LEFT: f64 = 48.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 190.0;
const SLOT: f64 = 7.4;
/// Days that are drawn.
const DAYS: i32 = 90;

/// The chart of an account's days, oldest first; `alerts` are local dates.
pub(in crate::console::pages) fn days(say: Say<'_>, days: &[Day], alerts: &[String]) -> Html {
    let w = &say.w.account;
    let mut drawing = Drawing::new("days", SIZE, w.history_title, w.history_desc);
    let dated: Vec<(Date, &Day)> =
        days.iter().filter_map(|day| Some((day.day.parse().ok()?, day))).collect();
    let Some(last) = dated.iter().map(|(date, _)| *date).max() else { return drawing.done() };
    let slot = |date: Date| {
        let ago = last.since(date).map_or(i32::MAX, |span| span.get_days());
        (0..DAYS).contains(&ago).then(|| LEFT + f64::from(DAYS - 1 - ago) * SLOT)
    };
    let most = days.iter().map(|d| d.listed.max(d.opened).max(d.foreign)).max().unwrap_or(1);
    let scale = Log::new(most, BOTTOM - TOP);
    for tick in scale.ticks() {
        let y = BOTTOM - scale.at(tick as f64);
        drawing.line("grid", (LEFT, y), (SIZE.0, y));
        drawing.text("tick", (LEFT - 8.0, y + 4.0), "end", &say.number(tick));
    }
    for (date, day) in &dated {
        if let Some(x) = slot(*date) {
            bar(&mut drawing, scale, day, x);
        }
    }
    for date in alerts.iter().filter_map(|text| text.parse().ok()) {
        if let Some(x) = slot(date) {
            drawing.line("opening", (x + SLOT / 2.0, TOP), (x + SLOT / 2.0, BOTTOM));
            drawing.path("alertmark", &triangle((x + SLOT / 2.0, TOP + 1.0), 5.0));
        }
    }
    drawing.line("axis", (LEFT, BOTTOM), (SIZE.0, BOTTOM));
    ticks(&mut drawing, say, last);
    drawing.done()
}

fn bar(drawing: &mut Drawing, scale: Log, day: &Day, x: f64) {
    let (listed, opened) = (scale.at(day.listed as f64), scale.at(day.opened as f64));
    drawing.rect("listed", (x + 0.7, BOTTOM - listed), (SLOT - 1.4, listed));
    drawing.rect("opened", (x + 2.4, BOTTOM - opened), (SLOT - 4.8, opened));
    if day.foreign > 0 {
        let y = BOTTOM - scale.at(day.foreign as f64);
        let middle = x + SLOT / 2.0;
        drawing.path("foreign", &format!("M{middle:.1} {:.1}l3 3-3 3-3-3z", y - 3.0));
    }
}

/// A date every 15 days, the last one included.
fn ticks(drawing: &mut Drawing, say: Say<'_>, last: Date) {
    for ago in (0..DAYS).step_by(15) {
        let Ok(date) = last.checked_sub(jiff::Span::new().days(ago)) else { continue };
        let x = LEFT + f64::from(DAYS - 1 - ago) * SLOT + SLOT / 2.0;
        let anchor = if ago == 0 { "end" } else { "middle" };
        drawing.line("axis", (x, BOTTOM), (x, BOTTOM + 4.0));
        drawing.text("tick", (x, BOTTOM + 18.0), anchor, &say.day(&date.to_string()));
    }
}
