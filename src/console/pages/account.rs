//! The account page, and the form that asks why before it is shown.

use askama::Template;

use super::chart;
use super::frame::{Frame, Nav, alert_path};
use super::query::encode;
use super::queue::{self, Row};
use super::say::Html;
use super::view::{AccountPage, AccountReason, Chrome, Day, REASON_CHARS_MIN, ViewReason};
use super::why;
use super::words::{AccountWords, Words};
use crate::triage::millis;
use crate::watch::{AccountCard, ThresholdCard};

#[derive(Template)]
#[template(path = "account.html", config = "src/console/pages/askama.toml")]
struct Page<'a> {
    f: Frame<'a>,
    w: &'static AccountWords,
    from: Option<(&'a str, String)>,
    why: String,
    card: Option<Card>,
    thresholds: Vec<Threshold>,
    chart: Html,
    days: Vec<DayRow>,
    alerts: Vec<Row>,
}

struct Card {
    partner: String,
    unit: String,
    role: String,
    kind: &'static str,
    day: String,
    days: String,
    baseline: &'static str,
}

struct Threshold {
    what: String,
    window: &'static str,
    expected: String,
    usual: String,
    alert: String,
}

struct DayRow {
    day: String,
    listed: String,
    opened: String,
    foreign: String,
    alert: &'static str,
}

#[derive(Template)]
#[template(path = "reason.html", config = "src/console/pages/askama.toml")]
struct ReasonPage<'a> {
    f: Frame<'a>,
    w: &'static AccountWords,
    path: String,
    least: usize,
    too_short: bool,
}

pub(super) fn render(page: &AccountPage, chrome: &Chrome) -> String {
    let words = Words::of(chrome.language);
    let w = &words.account;
    let f = Frame::new(chrome, w.title.replace("{}", &page.name), Nav::Elsewhere);
    let alert_days: Vec<String> =
        page.alerts.iter().map(|a| f.say.date_of(millis(&a.alert.opened_at))).collect();
    let (from, why) = match &page.why {
        ViewReason::Alert(id) => {
            (Some((id.as_str(), alert_path(id))), w.from_alert.replace("{}", id))
        }
        ViewReason::Reason(text) => (None, w.from_reason.replace("{}", text)),
    };
    let view = Page {
        w,
        from,
        why,
        card: page.card.as_ref().map(|c| card(&f, c)),
        thresholds: page
            .card
            .iter()
            .flat_map(|c| &c.thresholds)
            .map(|t| threshold(&f, t))
            .collect(),
        chart: chart::days(f.say, &page.days, &alert_days),
        days: page.days.iter().rev().map(|d| day(&f, d, &alert_days)).collect(),
        alerts: page.alerts.iter().map(|a| queue::row(&f, a, 1)).collect(),
        f,
    };
    view.render().unwrap_or_default()
}

pub(super) fn render_reason(page: &AccountReason, chrome: &Chrome) -> String {
    let w = &Words::of(chrome.language).account;
    let view = ReasonPage {
        f: Frame::new(chrome, w.reason_title.replace("{}", &page.name), Nav::Elsewhere),
        w,
        path: format!("/accounts/{}", encode(&page.name)),
        least: REASON_CHARS_MIN,
        too_short: page.too_short,
    };
    view.render().unwrap_or_default()
}

fn card(f: &Frame<'_>, card: &AccountCard) -> Card {
    let w = &f.w.account;
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| f.w.unknown.to_owned());
    Card {
        partner: text(&card.partner),
        unit: text(&card.unit),
        role: text(&card.role),
        kind: match card.kind {
            "machine" => w.kind_machine,
            "source" => w.kind_source,
            _ => w.kind_human,
        },
        day: f.say.day(&card.day),
        days: f.say.plural(w.days, card.days_closed.into()),
        baseline: if card.learning { w.baseline_learning } else { w.baseline_own },
    }
}

fn threshold(f: &Frame<'_>, card: &ThresholdCard) -> Threshold {
    Threshold {
        what: why::noun(f.say, card.measure, card.touch, 2),
        window: why::window(f.say, card.measure, card.window),
        expected: f.say.decimal(card.expected),
        usual: f.say.number(card.usual),
        alert: card
            .threshold
            .map_or_else(|| f.w.account.not_judged.to_owned(), |n| f.say.number(n)),
    }
}

fn day(f: &Frame<'_>, day: &Day, alerts: &[String]) -> DayRow {
    DayRow {
        day: f.say.day(&day.day),
        listed: f.say.number(day.listed),
        opened: f.say.number(day.opened),
        foreign: f.say.number(day.foreign),
        alert: if alerts.contains(&day.day) { f.w.yes } else { f.w.no },
    }
}
