//! The pages about vigie itself: health and audit.

use askama::Template;

use super::frame::{Frame, Nav, alert_path};
use super::promise::PromisePart;
use super::reading::{ReadingLines, Standing};
use super::say::Html;
use super::view::{Audit, AuditEntry, Blind, Budget, Chrome, DeadLetter, Health, Hook, Shard};
use super::words::{HealthWords, Words};
use crate::event::TimestampMs;
use crate::triage::Language;

#[derive(Template)]
#[template(path = "health.html", config = "src/console/pages/askama.toml")]
struct HealthPage<'a> {
    f: Frame<'a>,
    w: &'static HealthWords,
    class: &'static str,
    headline: &'static str,
    text: &'static str,
    lines: ReadingLines,
    blind: Vec<BlindRow<'a>>,
    shards: Vec<ShardRow>,
    hooks: Vec<HookRow<'a>>,
    dead: Vec<DeadRow<'a>>,
    may_replay: bool,
    fill: Vec<FillRow<'a>>,
    quarantined: Vec<(&'a str, String)>,
    dropped: Vec<(&'a str, String)>,
    budget: String,
    promise: PromisePart<'a>,
}

struct BlindRow<'a> {
    kind: &'a str,
    subject: &'a str,
    detail: &'a str,
    since: Html,
    until: Html,
    open: bool,
}

struct ShardRow {
    name: String,
    class: &'static str,
    state: String,
    lag: String,
    event: Html,
    arrival: Html,
    snapshot: Html,
    events: String,
    late: String,
    quarantined: String,
    accounts: String,
    position: u64,
}

struct HookRow<'a> {
    name: &'a str,
    delivered: String,
    pending: String,
    oldest: Html,
    dead: String,
}

struct DeadRow<'a> {
    seq: i64,
    hook: &'a str,
    path: String,
    alert: String,
    attempts: u32,
    error: &'a str,
    at: Html,
    label: String,
}

struct FillRow<'a> {
    action: &'a str,
    field: &'a str,
    share: String,
    percent: u8,
    events: String,
}

#[derive(Template)]
#[template(path = "audit.html", config = "src/console/pages/askama.toml")]
struct AuditPage<'a> {
    f: Frame<'a>,
    w: &'static HealthWords,
    chain: Option<(&'static str, String)>,
    entries: Vec<EntryRow<'a>>,
    next: Option<i64>,
}

struct EntryRow<'a> {
    seq: i64,
    at: Html,
    actor: &'a str,
    what: &'a str,
    subject: &'a str,
    detail: &'a str,
    hash: &'a str,
}

pub(super) fn health(page: &Health, chrome: &Chrome) -> String {
    let w = &Words::of(chrome.language).health;
    let f = Frame::new(chrome, w.title, Nav::Health);
    let standing = Standing::of(&page.reading);
    let view = HealthPage {
        w,
        class: standing.class(),
        headline: match standing {
            Standing::Nothing => w.nothing,
            Standing::Partly => w.partly_blind,
            Standing::Ended => w.ended,
            Standing::Well => w.all_well,
        },
        text: if standing == Standing::Well || standing == Standing::Ended {
            w.all_well_text
        } else {
            w.partly_text
        },
        lines: ReadingLines::of(&f, &page.reading),
        blind: page.blind.iter().map(|b| blind(&f, b)).collect(),
        shards: page.shards.iter().map(|s| shard(&f, s)).collect(),
        hooks: page.hooks.iter().map(|h| hook(&f, h)).collect(),
        dead: page.dead.iter().map(|d| dead(&f, d)).collect(),
        may_replay: chrome.user.as_ref().is_some_and(|u| u.may_replay),
        fill: page
            .fill
            .iter()
            .map(|row| FillRow {
                action: &row.action,
                field: &row.field,
                share: f.say.percent(row.share),
                percent: (row.share.clamp(0.0, 1.0) * 100.0).round() as u8,
                events: f.say.number(row.events),
            })
            .collect(),
        quarantined: named(&f, &page.quarantined),
        dropped: named(&f, &page.dropped_fields),
        budget: budget(&f, &page.budget),
        promise: PromisePart::of(&f, &page.promise),
        f,
    };
    view.render().unwrap_or_default()
}

fn named<'a>(f: &Frame<'_>, pairs: &'a [(String, u64)]) -> Vec<(&'a str, String)> {
    pairs.iter().map(|(name, n)| (name.as_str(), f.say.number(*n))).collect()
}

fn blind<'a>(f: &Frame<'_>, blind: &'a Blind) -> BlindRow<'a> {
    let open = || Html(format!("<b class=\"still-open\">{}</b>", f.w.health.b_open));
    let [english, french] = &blind.detail;
    BlindRow {
        kind: &blind.kind,
        subject: &blind.subject,
        detail: match f.chrome.language {
            Language::English => english,
            Language::French => french,
        },
        since: f.say.time(blind.since),
        until: blind.until.map_or_else(open, |at| f.say.time(at)),
        open: blind.until.is_none(),
    }
}

fn when(f: &Frame<'_>, at: Option<TimestampMs>) -> Html {
    at.map_or_else(|| Html("–".into()), |at| f.say.ago(at))
}

fn shard(f: &Frame<'_>, shard: &Shard) -> ShardRow {
    let w = &f.w.health;
    let (class, state) = match shard {
        Shard { unreachable: Some(reason), .. } => ("bad", w.unreachable.replace("{}", reason)),
        Shard { ended: true, .. } => ("still", w.s_ended.to_owned()),
        Shard { last_event_at: None, .. } => ("still", w.s_silent.to_owned()),
        _ => ("good", w.ok.to_owned()),
    };
    ShardRow {
        name: format!("{}/{}", shard.source, shard.shard),
        class,
        state,
        lag: shard.lag_records.map_or_else(|| "–".into(), |n| f.say.number(n)),
        event: shard.last_event_at.map_or_else(|| Html("–".into()), |at| f.say.time(at)),
        arrival: when(f, shard.last_arrival_at),
        snapshot: when(f, shard.snapshot_at),
        events: f.say.number(shard.events),
        late: f.say.number(shard.late),
        quarantined: f.say.number(shard.quarantined),
        accounts: format!(
            "{} / {}",
            f.say.number(shard.accounts.0),
            f.say.number(shard.accounts.1)
        ),
        position: shard.position,
    }
}

fn hook<'a>(f: &Frame<'_>, hook: &'a Hook) -> HookRow<'a> {
    HookRow {
        name: &hook.name,
        delivered: f.say.number(hook.delivered),
        pending: f.say.number(hook.pending),
        oldest: when(f, hook.oldest_pending_at),
        dead: f.say.number(hook.dead),
    }
}

fn dead<'a>(f: &Frame<'_>, letter: &'a DeadLetter) -> DeadRow<'a> {
    let alert = format!("{}.{}", letter.id, letter.revision);
    DeadRow {
        seq: letter.seq,
        hook: &letter.hook,
        path: alert_path(&letter.id),
        attempts: letter.attempts,
        error: &letter.error,
        at: f.say.time(letter.at),
        label: f.w.health.replay_of.replace("{}", &alert),
        alert,
    }
}

/// The promise, and how it stands so far.
fn budget(f: &Frame<'_>, budget: &Budget) -> String {
    let w = &f.w.health;
    let promise = w
        .budget_promise
        .replace("{}", &f.say.decimal(budget.per_1000_account_weeks))
        .replace("{min}", &f.say.decimal(budget.per_week_min));
    if budget.account_weeks == 0 {
        return format!("{promise} {}", w.budget_early);
    }
    let expected = (budget.per_1000_account_weeks * budget.account_weeks as f64 / 1_000.0)
        .max(budget.per_week_min * budget.weeks);
    format!(
        "{promise} {} {}{} {}",
        f.say.plural(w.budget_so_far, budget.alerts),
        f.say.plural(w.budget_in, budget.account_weeks),
        f.say.semicolon().trim_end(),
        w.budget_expected.replace("{}", &f.say.decimal(expected))
    )
}

pub(super) fn audit(page: &Audit, chrome: &Chrome) -> String {
    let w = &Words::of(chrome.language).health;
    let f = Frame::new(chrome, w.audit_title, Nav::Audit);
    let view = AuditPage {
        w,
        chain: page.chain.map(|chain| match chain {
            Ok(entries) => ("good", f.say.plural(w.audit_holds, entries)),
            Err(seq) => ("bad", w.audit_broken.replace("{}", &seq.to_string())),
        }),
        entries: page.entries.iter().map(|e| audit_entry(&f, e)).collect(),
        next: page.next,
        f,
    };
    view.render().unwrap_or_default()
}

fn audit_entry<'a>(f: &Frame<'_>, entry: &'a AuditEntry) -> EntryRow<'a> {
    EntryRow {
        seq: entry.seq,
        at: f.say.time(entry.at),
        actor: &entry.actor,
        what: &entry.what,
        subject: &entry.subject,
        detail: &entry.detail,
        hash: &entry.hash,
    }
}
