//! The alert page: everything an analyst decides by, ready for its template.

use askama::Template;

use super::chart;
use super::frame::{
    Frame, Nav, VerdictChoice, account_path, alert_path, belongs, escape, kind_word,
    severity_label, verdicts,
};
use super::panel::Panel;
use super::query::encode;
use super::say::Html;
use super::stream::{Entry, entry};
use super::view::{AlertPage, Chrome, Likeness, Revision, Similar};
use super::why::{self, Why};
use super::words::{AlertWords, Words};
use crate::alert::{Alert, Signal};
use crate::triage::millis;

#[derive(Template)]
#[template(path = "alert.html", config = "src/console/pages/askama.toml")]
struct Page<'a> {
    f: Frame<'a>,
    w: &'static AlertWords,
    id: &'a str,
    link: String,
    json: String,
    severity: Html,
    name: &'a str,
    headline: String,
    tags: Vec<&'static str>,
    mates: Option<String>,
    kind: &'static str,
    belongs: String,
    opened: Html,
    revision: String,
    persons: String,
    panel: Panel<'a>,
    exposed: Exposed<'a>,
    hidden: Html,
    people: &'a [String],
    verdicts: [VerdictChoice; 8],
    chosen: &'a str,
    typed: &'a str,
    why: Why,
    sure: String,
    chart: Html,
    revisions: Vec<RevisionRow>,
    bars: Html,
    signals: Vec<SignalRow<'a>>,
    seen: [(&'static str, Vec<SeenRow<'a>>); 3],
    accounts: Vec<(&'a str, String)>,
    activity: Vec<Entry<'a>>,
    follows: Option<(&'a str, String)>,
    campaign: Vec<SimilarRow<'a>>,
    similar: Vec<SimilarRow<'a>>,
    events: Vec<EventRow<'a>>,
    events_n: String,
    positions: Vec<String>,
    epoch: String,
    rules: &'a str,
}

/// The harm, in numbers.
struct Exposed<'a> {
    bounds: String,
    records: String,
    unidentified: String,
    data: Vec<(&'a str, String)>,
    population: Vec<(&'a str, String)>,
}

struct RevisionRow {
    number: String,
    at: Html,
    persons: String,
    severity: &'static str,
}

struct SignalRow<'a> {
    rule: &'a str,
    what: String,
    observed: String,
    expected: String,
    peers: String,
    threshold: String,
    surprise: String,
    at: Html,
}

struct SimilarRow<'a> {
    severity: Html,
    path: String,
    name: &'a str,
    persons: String,
    at: Html,
    state: Html,
    verdict: Option<String>,
    reason: String,
}

struct SeenRow<'a> {
    name: &'a str,
    read: Option<String>,
    new: bool,
}

struct EventRow<'a> {
    at: Html,
    action: &'a str,
    persons: String,
    ip: &'a str,
    device: &'a str,
    session: &'a str,
    position: u64,
}

pub(super) fn render(page: &AlertPage, chrome: &Chrome) -> String {
    let words = Words::of(chrome.language);
    let w = &words.alert;
    let (alert, triage) = (&page.alert, &page.triage);
    let name = alert.entity.id.as_str();
    let f = Frame::new(chrome, name, Nav::Alerts);
    let persons = f.say.plural(words.persons, alert.exposure.persons);
    let why = Why::of(f.say, alert);
    let link = alert_path(&alert.id);
    let view = Page {
        w,
        id: &alert.id,
        json: format!("/api/v1/alerts/{}", encode(&alert.id)),
        hidden: hidden(chrome, triage.version, &link),
        link,
        severity: f.severity(alert.severity),
        name,
        headline: w.has_read.replace("{}", &persons),
        tags: tags(words, alert),
        mates: f.campaign(page.mates),
        kind: kind_word(words, alert.entity.kind),
        belongs: belongs(alert),
        opened: f.say.time(millis(&alert.opened_at)),
        revision: w.revision.replace("{}", &f.say.number(alert.revision.into())),
        persons: f.say.number(alert.exposure.persons),
        panel: Panel::of(&f, page),
        exposed: exposed(&f, alert),
        people: &page.people,
        verdicts: verdicts(words),
        chosen: page.problem.as_ref().and_then(|p| p.verdict.as_deref()).unwrap_or_default(),
        typed: page.problem.as_ref().map_or("", |p| p.comment.as_str()),
        sure: sure(&f, page),
        why,
        chart: chart::exposure(f.say, alert, &page.revisions),
        revisions: page.revisions.iter().map(|r| revision(&f, r)).collect(),
        bars: chart::signals(f.say, &alert.signals),
        signals: alert.signals.iter().map(|s| signal(&f, s)).collect(),
        seen: [
            (w.ips, seen(&f, alert, &alert.seen.ips, "ip")),
            (w.devices, seen(&f, alert, &alert.seen.devices, "device")),
            (w.sessions, seen(&f, alert, &alert.seen.sessions, "session")),
        ],
        accounts: accounts(alert),
        activity: page.activity.iter().map(|a| entry(&f, a)).collect(),
        follows: alert.follows.as_deref().map(|id| (id, alert_path(id))),
        campaign: similar(&f, &page.campaign),
        similar: similar(&f, &page.similar),
        events: events(&f, alert),
        events_n: w.events_n.replace("{}", &f.say.number(alert.events.len() as u64)),
        positions: positions(alert),
        epoch: epoch(&f, alert),
        rules: &alert.rules_version,
        f,
    };
    view.render().unwrap_or_default()
}

/// The fields that every form of the page carries.
fn hidden(chrome: &Chrome, version: u32, link: &str) -> Html {
    let field = |name: &str, value: &str| {
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
    };
    let fields = [("csrf", chrome.csrf.as_str()), ("back", link)];
    let text: String = fields.iter().map(|(name, value)| field(name, value)).collect();
    Html(text + &field("version", &version.to_string()))
}

fn tags(words: &Words, alert: &Alert) -> Vec<&'static str> {
    [(alert.historical, words.historical), (alert.learning, words.learning)]
        .into_iter()
        .filter_map(|(holds, word)| holds.then_some(word))
        .collect()
}

/// Confidence, and the limits of what is known right now.
fn sure(f: &Frame<'_>, page: &AlertPage) -> String {
    let w = &f.w.alert;
    let mut parts = vec![Why::of(f.say, &page.alert).sure.join(f.say.semicolon())];
    if let Some(at) = page.reading.last_event_at {
        let old = f.say.span((f.chrome.now - at).max(0));
        // Of a log read to its end, age says nothing.
        if !page.reading.ended {
            parts.push(w.sure_lag.replace("{}", &old));
        }
    }
    if page.reading.blind > 0 {
        parts.push(f.say.plural(w.sure_blind, page.reading.blind));
    }
    parts.join(f.say.semicolon()) + "."
}

fn revision(f: &Frame<'_>, revision: &Revision) -> RevisionRow {
    RevisionRow {
        number: f.say.number(revision.revision.into()),
        at: f.say.time(revision.at),
        persons: f.say.number(revision.persons),
        severity: severity_label(f.w, revision.severity),
    }
}

fn signal<'a>(f: &Frame<'_>, signal: &'a Signal) -> SignalRow<'a> {
    let what = why::measure(f.say, signal, signal.observed);
    SignalRow {
        rule: &signal.rule,
        what: format!("{what}, {}", why::window(f.say, &signal.measure, &signal.window)),
        observed: f.say.number(signal.observed),
        expected: f.say.decimal(signal.expected),
        peers: signal.peers.as_ref().map_or("–".into(), |p| f.say.number(p.p99)),
        threshold: f.say.number(signal.threshold),
        surprise: f.say.decimal(signal.surprise),
        at: f.say.time(millis(&signal.at)),
    }
}

fn exposed<'a>(f: &Frame<'_>, alert: &'a Alert) -> Exposed<'a> {
    Exposed {
        bounds: bounds(f, alert),
        records: f.say.number(alert.exposure.records),
        unidentified: f.say.number(alert.exposure.unidentified),
        data: named(f, &alert.exposure.data),
        population: named(f, &alert.exposure.population),
    }
}

fn bounds(f: &Frame<'_>, alert: &Alert) -> String {
    let (w, x) = (&f.w.alert, &alert.exposure);
    if x.low == x.high {
        return w.x_exact.to_owned();
    }
    let low = w.x_estimate.replace("{}", &f.say.number(x.low));
    format!("{low} {}", w.x_and.replace("{}", &f.say.number(x.high)))
}

fn named<'a>(
    f: &Frame<'_>,
    counts: &'a std::collections::BTreeMap<String, u64>,
) -> Vec<(&'a str, String)> {
    let mut counts: Vec<(&str, u64)> = counts.iter().map(|(k, n)| (k.as_str(), *n)).collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts.into_iter().map(|(name, n)| (name, f.say.number(n))).collect()
}

/// What was seen, with the persons it was given where that is known.
fn seen<'a>(f: &Frame<'_>, alert: &'a Alert, names: &'a [String], kind: &str) -> Vec<SeenRow<'a>> {
    let row = |name: &'a String| {
        let read = alert.read_from.iter().find(|r| r.kind == kind && r.id == *name);
        SeenRow {
            name,
            read: read.map(|r| f.say.plural(f.w.persons, r.persons)),
            new: read.is_some_and(|r| r.new == Some(true)),
        }
    };
    names.iter().map(row).collect()
}

fn accounts(alert: &Alert) -> Vec<(&str, String)> {
    let path = |name: &str| account_path(name, &alert.id);
    alert.accounts.iter().map(|name| (name.as_str(), path(name))).collect()
}

fn similar<'a>(f: &Frame<'_>, alerts: &'a [Similar]) -> Vec<SimilarRow<'a>> {
    let w = &f.w.alert;
    let rows = alerts.iter().map(|s| SimilarRow {
        severity: f.severity(s.severity),
        path: alert_path(&s.id),
        name: &s.entity.id,
        persons: f.say.plural(f.w.persons, s.persons),
        at: f.say.short_time(s.opened_at),
        state: f.state(s.state),
        verdict: s.verdict.as_deref().map(|word| f.verdict(word)),
        reason: match &s.reason {
            Likeness::Entity => w.like_entity.to_owned(),
            Likeness::Ip(ip) => w.like_ip.replace("{}", ip),
            Likeness::Device(device) => w.like_device.replace("{}", device),
            Likeness::Session(session) => w.like_session.replace("{}", session),
            Likeness::Account(account) => w.like_account.replace("{}", account),
            Likeness::Follows => w.like_follows.to_owned(),
            Likeness::Campaign => w.like_campaign.to_owned(),
        },
    });
    rows.collect()
}

fn events<'a>(f: &Frame<'_>, alert: &'a Alert) -> Vec<EventRow<'a>> {
    let text = |value: &'a Option<String>| value.as_deref().unwrap_or("–");
    let rows = alert.events.iter().map(|e| EventRow {
        at: f.say.time(millis(&e.at)),
        action: &e.action,
        persons: f.say.number(e.persons),
        ip: text(&e.ip),
        device: text(&e.device),
        session: text(&e.session),
        position: e.position,
    });
    rows.collect()
}

fn positions(alert: &Alert) -> Vec<String> {
    alert.positions.iter().map(|p| format!("{} {}–{}", p.shard, p.from, p.to)).collect()
}

fn epoch(f: &Frame<'_>, alert: &Alert) -> String {
    if alert.model_epoch == 0 {
        return f.w.alert.o_shipped.to_owned();
    }
    alert.model_epoch.to_string()
}
