//! The queue: which alerts there are, and one change to several of them.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::Response;

use super::{OPEN, back, count, see_other, show as show_page};
use crate::clock::now_ms;
use crate::console::AppState;
use crate::console::cursor;
use crate::console::dispatch::Call;
use crate::console::live::Happened;
use crate::console::pages::{
    self, BulkResult, Count, Queue, QueueQuery, QueueRow, Reading, Sort, Tab, query,
};
use crate::console::problem::{Code, Problem};
use crate::store::desk::{Change, DeskError, Verdict};
use crate::store::sqlite::{
    self, AlertFilter, Assignee, PageKey, Reader, StoredAlert, TriageState,
};

/// Alerts of a page.
const ROWS: u32 = 50;
/// Alerts of one bulk change.
const PICKS_MAX: usize = 100;
/// Partners to choose from.
const PARTNERS_MAX: usize = 200;

/// `GET /alerts`
pub(in crate::console) async fn show(call: Call) -> Result<Response, Problem> {
    let pairs = call.query.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let query = QueueQuery::from_pairs(pairs);
    let done = result_of(&call);
    let key = *call.state.key();
    let (asked, actor) = (query.clone(), call.who.actor());
    let list = query.first_page().link();
    let found = call.state.read(move |reader| look(reader, &asked, &actor, &list, &key)).await?;
    let Found { rows, previous, next, tabs, severities } = found;
    let partners = partners(&call.state, query.partner.as_deref());
    let reading = reading(&call.state).await?;
    let page = Queue { query, partners, tabs, severities, rows, previous, next, reading, done };
    show_page(&call, StatusCode::OK, |chrome| pages::queue(&page, chrome)).await
}

/// What the database says about a queue.
struct Found {
    rows: Vec<QueueRow>,
    previous: Option<String>,
    next: Option<String>,
    tabs: Vec<(Tab, Count)>,
    severities: Vec<(crate::alert::Severity, Count)>,
}

fn look(
    reader: &Reader,
    query: &QueueQuery,
    actor: &str,
    list: &str,
    key: &[u8; 32],
) -> Result<Found, Problem> {
    let filter = filter(query, query.tab, actor);
    let sort = sort(query.sort);
    // A cursor of another list, or of before a restart, is the beginning.
    let place = |text: &Option<String>| PageKey::parse(&cursor::open(key, list, text.as_ref()?)?);
    let page = match (place(&query.before), place(&query.after)) {
        (Some(before), _) => reader.alerts_before(&filter, sort, &before, ROWS)?,
        (None, after) => reader.alerts(&filter, sort, after.as_ref(), ROWS)?,
    };
    let sealed = |place: Option<PageKey>| Some(cursor::seal(key, list, &place?.to_string()));
    let (previous, next) = (sealed(page.previous), sealed(page.next));
    let counts = reader.counts(&filter)?;
    // Only one's own alerts are counted apart: every other count has all states.
    let other = if query.tab == Tab::Mine { Tab::All } else { Tab::Mine };
    let other = reader.counts(&self::filter(query, other, actor))?;
    let (mine, all) = match query.tab {
        Tab::Mine => (counts.matching, &other.states),
        _ => (other.matching, &counts.states),
    };
    let of = |states: &[TriageState]| {
        let found = states.iter().filter_map(|state| all.get(state));
        found.fold(Count::default(), |sum, one| Count {
            value: (sum.value + u64::from(one.counted)).min(sqlite::COUNT_MAX.into()),
            capped: sum.capped || one.more,
        })
    };
    let tabs = Tab::ALL.map(|tab| match tab {
        Tab::Mine => (tab, count(mine)),
        Tab::All => (tab, of(&TriageState::ALL)),
        _ => (tab, of(states(tab))),
    });
    let severities = query::SEVERITIES.map(|s| (s, counts.severities.get(&s).copied().map(count)));
    let severities = severities.map(|(severity, found)| (severity, found.unwrap_or_default()));
    Ok(Found {
        rows: rows(page.alerts),
        previous,
        next,
        tabs: tabs.to_vec(),
        severities: severities.to_vec(),
    })
}

fn states(tab: Tab) -> &'static [TriageState] {
    match tab {
        Tab::Open => &OPEN,
        Tab::New => &[TriageState::New],
        Tab::Mine => &[TriageState::InProgress, TriageState::OnHold],
        Tab::OnHold => &[TriageState::OnHold],
        Tab::Closed => &[TriageState::Closed],
        Tab::All => &[],
    }
}

fn filter<'a>(query: &'a QueueQuery, tab: Tab, actor: &'a str) -> AlertFilter<'a> {
    AlertFilter {
        states: states(tab),
        severity_min: query.severity_min,
        partner: query.partner.as_deref(),
        assignee: (tab == Tab::Mine).then_some(Assignee::Person(actor)),
        text: query.search.as_deref(),
        ..AlertFilter::default()
    }
}

fn sort(sort: Sort) -> sqlite::Sort {
    match sort {
        Sort::Priority => sqlite::Sort::Priority,
        Sort::Opened => sqlite::Sort::Opened,
        Sort::Updated => sqlite::Sort::Updated,
    }
}

/// What this build can read of stored alerts; the API has the others as they are.
pub(super) fn rows(stored: Vec<StoredAlert>) -> Vec<QueueRow> {
    let read = |stored: StoredAlert| match stored.alert() {
        Ok(alert) => {
            let campaign = mates(&stored.campaign);
            Some(QueueRow { alert, triage: stored.triage, campaign })
        }
        Err(error) => {
            tracing::warn!(id = stored.id, %error, "an alert of another contract is not shown");
            None
        }
    };
    stored.into_iter().filter_map(read).collect()
}

/// How many alerts a campaign has.
pub(super) fn mates(campaign: &sqlite::Membership) -> Count {
    let value = campaign.alerts.min(sqlite::CAMPAIGN_COUNT_MAX);
    Count { value: value.into(), capped: campaign.alerts > value }
}

fn partners(state: &AppState, asked: Option<&str>) -> Vec<String> {
    let mut partners: BTreeSet<String> = asked.map(str::to_owned).into_iter().collect();
    for card in &state.view.accounts {
        if let Some(partner) = card.partner.as_ref().filter(|partner| !partners.contains(*partner))
        {
            partners.insert(partner.clone());
        }
        if partners.len() >= PARTNERS_MAX {
            break;
        }
    }
    partners.into_iter().collect()
}

/// Whether anything is being read.
pub(in crate::console) async fn reading(state: &AppState) -> Result<Reading, Problem> {
    let outside = std::sync::Arc::clone(&state.outside);
    let blind = crate::console::db::blocking(move || Ok(outside.blind_open())).await?;
    let mut reading = Reading { blind, ended: true, ..Reading::default() };
    for shard in &state.view.shards {
        reading.shards += 1;
        reading.unreachable += u64::from(shard.unreachable.is_some());
        reading.last_event_at = reading.last_event_at.max(shard.last_event_at);
        reading.last_arrival_at = reading.last_arrival_at.max(shard.last_arrival_at);
        reading.ended &= shard.ended;
        if let Some(lag) = shard.lag_records {
            reading.lag_records = Some(reading.lag_records.unwrap_or(0) + lag);
        }
    }
    reading.ended &= reading.shards > 0;
    Ok(reading)
}

/// `POST /alerts/bulk`
pub(in crate::console) async fn bulk(call: Call) -> Result<Response, Problem> {
    let picks: Vec<(String, u32)> = call
        .form
        .iter()
        .filter(|(key, _)| key == "pick")
        .filter_map(|(_, pick)| {
            let (id, version) = pick.rsplit_once(':')?;
            Some((id.to_owned(), version.parse().ok()?))
        })
        .collect();
    if picks.len() > PICKS_MAX {
        let detail = format!("at most {PICKS_MAX} alerts at a time");
        return Err(Problem::new(Code::Invalid, detail));
    }
    let comment = call.field("comment").unwrap_or_default().to_owned();
    let change = match call.field("action") {
        Some("take") => Change::Take,
        Some("close") => {
            let verdict = call.field("verdict").and_then(Verdict::parse);
            let verdict = verdict.ok_or_else(|| Problem::new(Code::Invalid, "choose a verdict"))?;
            if verdict.needs_comment() && comment.trim().is_empty() {
                return Err(Problem::new(Code::Invalid, "this verdict needs a comment"));
            }
            Change::Close { verdict, comment }
        }
        _ => return Err(Problem::new(Code::BadRequest, "the action is take or close")),
    };
    let actor = call.who.actor();
    let deed = call.state.desk(move |desk| {
        let mut result = BulkResult::default();
        let mut done = Vec::new();
        for (id, version) in picks {
            match desk.change(&id, version, &actor, &change, now_ms()) {
                Ok(triage) => done.push((id, triage.version)),
                Err(DeskError::Store(error)) => return Err(error.into()),
                Err(_) => result.refused.push(id),
            }
        }
        result.changed = done.len() as u64;
        Ok((done, result))
    });
    let (done, result) = deed.await?;
    for (id, version) in done {
        call.state.live.tell(&Happened::Triage { id, version });
    }
    let back = back(&call, "/alerts");
    let back = without_result(&back);
    let joint = if back.contains('?') { '&' } else { '?' };
    let refused: Vec<String> = result.refused.iter().map(|id| query::encode(id)).collect();
    let told = format!("changed={}&refused={}", result.changed, refused.join(","));
    Ok(see_other(&format!("{back}{joint}{told}")))
}

fn without_result(path: &str) -> &str {
    path.split_once("changed=").map_or(path, |(before, _)| before.trim_end_matches(['&', '?']))
}

/// What a bulk change that just ended says.
fn result_of(call: &Call) -> Option<BulkResult> {
    let changed = call.asked("changed")?.parse().ok()?;
    let refused = call.asked("refused").unwrap_or_default();
    let refused = refused.split(',').filter(|id| !id.is_empty()).take(PICKS_MAX);
    Some(BulkResult { changed, refused: refused.map(str::to_owned).collect() })
}
