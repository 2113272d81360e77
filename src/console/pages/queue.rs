//! The queue: rows ready for its template.

use askama::Template;

use super::chart;
use super::frame::{Frame, Nav, VerdictChoice, alert_path, belongs, severity_label, verdicts};
use super::query::{SEVERITIES, severity_word};
use super::reading::ReadingLines;
use super::say::Html;
use super::view::{Chrome, Queue, QueueQuery, QueueRow, Sort, Tab};
use super::why;
use super::words::{QueueWords, Words};
use crate::alert::Status;
use crate::store::sqlite::TriageState;

#[derive(Template)]
#[template(path = "queue.html", config = "src/console/pages/askama.toml")]
struct Page<'a> {
    f: Frame<'a>,
    w: &'static QueueWords,
    query: &'a QueueQuery,
    total: String,
    tabs: Vec<TabLink>,
    search: &'a str,
    severities: Vec<Choice>,
    partners: Vec<Choice>,
    sorts: Vec<Choice>,
    clear: String,
    caption: String,
    sort: &'static str,
    by_priority: String,
    by_opened: String,
    rows: Vec<Row>,
    empty: &'static str,
    reading: ReadingLines,
    changed: Option<String>,
    refused: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    verdicts: [VerdictChoice; 8],
    chosen: &'static str,
    typed: &'static str,
}

struct TabLink {
    link: String,
    label: &'static str,
    count: String,
    here: bool,
}

/// One entry of a select.
struct Choice {
    word: String,
    label: String,
    chosen: bool,
}

/// One line, as said.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) link: String,
    version: u32,
    pub(super) severity: Html,
    name: String,
    belongs: String,
    pub(super) why: String,
    tags: Vec<&'static str>,
    campaign: Option<String>,
    observed: String,
    usual: String,
    times: Option<String>,
    bar: Html,
    pub(super) persons: String,
    pub(super) opened: Html,
    pub(super) state: Html,
    owner: Option<String>,
    takeable: bool,
    take: String,
    pick: String,
}

pub(super) fn render(page: &Queue, chrome: &Chrome) -> String {
    let words = Words::of(chrome.language);
    let w = &words.queue;
    let f = Frame::new(chrome, title(words, page.query.tab), Nav::Alerts);
    let query = &page.query;
    let with = |change: &dyn Fn(&mut QueueQuery)| {
        let mut other = query.first_page();
        change(&mut other);
        other.link()
    };
    let most = page.rows.iter().filter_map(|r| Some(why::lead(&r.alert)?.signal.observed)).max();
    let view = Page {
        w,
        query,
        total: total(&f, page),
        tabs: page
            .tabs
            .iter()
            .map(|(tab, count)| TabLink {
                link: with(&|q| q.tab = *tab),
                label: tab_label(words, *tab),
                count: f.say.count(*count),
                here: *tab == query.tab,
            })
            .collect(),
        search: query.search.as_deref().unwrap_or_default(),
        severities: severities(words, query),
        partners: partners(page),
        sorts: Sort::ALL.map(|s| choice(s.word(), sort_label(words, s), s == query.sort)).into(),
        clear: with(&|q| {
            *q = QueueQuery { tab: query.tab, sort: query.sort, ..QueueQuery::default() }
        }),
        caption: w.caption.replace("{}", sort_label(words, query.sort)),
        sort: query.sort.word(),
        by_priority: with(&|q| q.sort = Sort::Priority),
        by_opened: with(&|q| q.sort = Sort::Opened),
        rows: page.rows.iter().map(|r| row(&f, r, most.unwrap_or(1))).collect(),
        empty: if query.is_unfiltered() { w.empty } else { w.empty_filtered },
        reading: ReadingLines::of(&f, &page.reading),
        changed: page.done.as_ref().map(|done| f.say.plural(w.done, done.changed)),
        refused: refused(&f, page),
        previous: page.previous.as_ref().map(|key| with(&|q| q.before = Some(key.clone()))),
        next: page.next.as_ref().map(|key| with(&|q| q.after = Some(key.clone()))),
        verdicts: verdicts(words),
        chosen: "",
        typed: "",
        f,
    };
    view.render().unwrap_or_default()
}

/// How many match: the tab's own number, so that both always agree.
fn total(f: &Frame<'_>, page: &Queue) -> String {
    let count = page.tabs.iter().find(|(tab, _)| *tab == page.query.tab).map(|(_, count)| *count);
    let count = count.unwrap_or_default();
    let words = f.say.plural(f.w.queue.matching, count.value);
    let all = words.replacen(&f.say.number(count.value), &f.say.count(count), 1);
    let by_severity = page.severities.iter().filter(|(_, c)| c.value > 0).map(|(severity, c)| {
        format!("{} {}", f.say.count(*c), severity_label(f.w, *severity).to_lowercase())
    });
    std::iter::once(all).chain(by_severity).collect::<Vec<_>>().join(" · ")
}

fn severities(words: &Words, query: &QueueQuery) -> Vec<Choice> {
    let known = SEVERITIES.into_iter().take(4).map(|severity| {
        let label = severity_label(words, severity);
        let label = match severity {
            crate::alert::Severity::Critical => label.to_owned(),
            _ => words.queue.and_worse.replace("{}", label),
        };
        choice(severity_word(severity), &label, query.severity_min == Some(severity))
    });
    known.collect()
}

/// The partners there are, and the one asked for even if it has no alert any more.
fn partners(page: &Queue) -> Vec<Choice> {
    let asked = page.query.partner.as_deref();
    let extra = asked.filter(|name| !page.partners.iter().any(|p| p == name));
    let names = page.partners.iter().map(String::as_str).chain(extra);
    names.map(|name| choice(name, name, asked == Some(name))).collect()
}

fn choice(word: &str, label: &str, chosen: bool) -> Choice {
    Choice { word: word.to_owned(), label: label.to_owned(), chosen }
}

pub(super) fn row(f: &Frame<'_>, row: &QueueRow, most: u64) -> Row {
    let (alert, triage) = (&row.alert, &row.triage);
    let lead = why::lead(alert);
    let tags = [
        (alert.historical, f.w.historical),
        (alert.learning, f.w.learning),
        (alert.status == Status::Ended, f.w.ended),
    ];
    let times = lead.as_ref().and_then(|l| why::times(f.say, l));
    let name = &alert.entity.id;
    Row {
        id: alert.id.clone(),
        link: alert_path(&alert.id),
        version: triage.version,
        severity: f.severity(alert.severity),
        name: name.clone(),
        belongs: belongs(alert),
        why: why::short(f.say, alert),
        tags: tags.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect(),
        campaign: f.campaign(row.campaign),
        observed: lead.as_ref().map_or("–".into(), |l| f.say.number(l.signal.observed)),
        usual: lead.as_ref().map_or("–".into(), |l| f.say.number(l.usual)),
        times: times.map(|t| f.w.queue.times.replace("{}", &t)),
        bar: lead.map_or_else(Html::default, |l| chart::small_bar(&l, most)),
        persons: f.say.number(alert.exposure.persons),
        opened: f.say.short_time(crate::triage::millis(&alert.opened_at)),
        state: f.state(triage.state),
        owner: triage.assignee.clone(),
        takeable: f.may_triage() && triage.state == TriageState::New,
        take: f.w.queue.take_of.replace("{}", name),
        pick: f.w.queue.pick.replace("{}", name),
    }
}

/// Which alerts were not changed, and why.
fn refused(f: &Frame<'_>, page: &Queue) -> Option<String> {
    let refused = &page.done.as_ref().filter(|done| !done.refused.is_empty())?.refused;
    let words = f.say.plural(f.w.queue.refused, refused.len() as u64);
    Some(format!("{words} {}", refused.join(", ")))
}

fn title(words: &Words, tab: Tab) -> &'static str {
    let w = &words.queue;
    match tab {
        Tab::Open => w.title_open,
        Tab::New => w.title_new,
        Tab::Mine => w.title_mine,
        Tab::OnHold => w.title_on_hold,
        Tab::Closed => w.title_closed,
        Tab::All => w.title_all,
    }
}

fn tab_label(words: &Words, tab: Tab) -> &'static str {
    let w = &words.queue;
    match tab {
        Tab::Open => w.tab_open,
        Tab::New => w.tab_new,
        Tab::Mine => w.tab_mine,
        Tab::OnHold => w.tab_on_hold,
        Tab::Closed => w.tab_closed,
        Tab::All => w.tab_all,
    }
}

fn sort_label(words: &Words, sort: Sort) -> &'static str {
    let w = &words.queue;
    match sort {
        Sort::Priority => w.sort_priority,
        Sort::Opened => w.sort_opened,
        Sort::Updated => w.sort_updated,
    }
}
