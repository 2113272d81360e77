//! One alert, and what people do with it.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::queue::{mates, reading, rows};
use super::{back, see_other, show as show_page};
use crate::alert::{Alert, Severity, Status};
use crate::clock::now_ms;
use crate::console::dispatch::Call;
use crate::console::live::Happened;
use crate::console::pages::{self, AlertPage, Likeness, ProblemKind, query};
use crate::console::problem::{Code, Problem};
use crate::event::TimestampMs;
use crate::store::desk::{self, Change, DeskError, Verdict};
use crate::store::sqlite::{Campaign, LinkReason, Place, Reader};

/// Alerts that look alike, at most.
const SIMILAR_MAX: u32 = 10;
/// Alerts of a campaign that are listed, at most.
const CAMPAIGN_MAX: u32 = 50;
/// Longest hold, in hours.
const HOLD_HOURS_MAX: i64 = 24 * 90;

/// `GET /alerts/{id}`
pub(in crate::console) async fn show(call: Call) -> Result<Response, Problem> {
    page(&call, StatusCode::OK, None).await
}

async fn page(
    call: &Call,
    status: StatusCode,
    problem: Option<pages::Problem>,
) -> Result<Response, Problem> {
    let id = call.param("id").to_owned();
    let found = call.state.read(move |reader| look(reader, &id)).await?;
    let mut page = found.ok_or_else(|| Problem::not_found("alert"))?;
    let (actor, id) = (call.who.actor(), page.alert.id.clone());
    call.state.record_view(actor, "alert.view", id, json!({})).await?;
    page.people = call.state.desk(|desk| Ok(people(desk.users()?))).await?;
    page.reading = reading(&call.state).await?;
    page.problem = problem;
    show_page(call, status, |chrome| pages::alert(&page, chrome)).await
}

fn people(users: Vec<desk::User>) -> Vec<String> {
    let may = |user: &desk::User| {
        !user.disabled && matches!(user.role, desk::Role::Analyst | desk::Role::Responder)
    };
    users.into_iter().filter(may).map(|user| user.name).collect()
}

fn look(reader: &Reader, id: &str) -> Result<Option<AlertPage>, Problem> {
    let Some(stored) = reader.alert(id)? else { return Ok(None) };
    let unreadable = |error: serde_json::Error| Problem::internal("an alert", &error.to_string());
    let alert = stored.alert().map_err(unreadable)?;
    let mut revisions = Vec::new();
    for stored in reader.revisions(id)? {
        let alert: Alert = serde_json::from_str(&stored.body).map_err(unreadable)?;
        revisions.push(revision(&alert));
    }
    let activity = reader.activity(id)?.into_iter().map(activity).collect();
    let campaign = reader.campaign(id, CAMPAIGN_MAX)?.map_or_else(Vec::new, |c| members(id, c));
    let in_campaign = |id: &str| campaign.iter().any(|member| member.id == id);
    let mut similar: Vec<pages::Similar> = Vec::new();
    for other in reader.similar(id, SIMILAR_MAX)? {
        if in_campaign(&other.alert.id) {
            continue;
        }
        let reason = match other.shared.into_iter().next() {
            Some(Place::Ip(ip)) => Likeness::Ip(ip),
            Some(Place::Device(device)) => Likeness::Device(device),
            None => continue,
        };
        similar.extend(rows(vec![other.alert]).into_iter().map(|row| alike(row, reason.clone())));
    }
    for row in rows(reader.alerts_of(&alert.entity, SIMILAR_MAX)?) {
        let known = similar.iter().any(|known| known.id == row.alert.id);
        if row.alert.id != alert.id && !known && !in_campaign(&row.alert.id) {
            similar.push(alike(row, Likeness::Entity));
        }
    }
    let wake_at = stored.triage.wake_at;
    Ok(Some(AlertPage {
        mates: mates(&stored.campaign),
        campaign,
        alert,
        triage: stored.triage,
        wake_at,
        revisions,
        activity,
        similar,
        people: Vec::new(),
        reading: pages::Reading::default(),
        problem: None,
    }))
}

/// The other alerts of a campaign, and what joins each with this one.
fn members(id: &str, campaign: Campaign) -> Vec<pages::Similar> {
    let Campaign { alerts, links, .. } = campaign;
    let reason = |other: &str| {
        let ends =
            |one: &str, two: &str| (one == id && two == other) || (one == other && two == id);
        let direct = links.iter().find(|link| ends(&link.alert, &link.other));
        direct.map_or(Likeness::Campaign, |link| match link.reason.clone() {
            LinkReason::Ip(ip) => Likeness::Ip(ip),
            LinkReason::Device(device) => Likeness::Device(device),
            LinkReason::Session(session) => Likeness::Session(session),
            LinkReason::Account(account) => Likeness::Account(account),
            LinkReason::Follows => Likeness::Follows,
        })
    };
    let others = rows(alerts).into_iter().filter(|row| row.alert.id != id);
    others
        .map(|row| {
            let why = reason(&row.alert.id);
            alike(row, why)
        })
        .collect()
}

fn alike(row: pages::QueueRow, reason: Likeness) -> pages::Similar {
    let pages::QueueRow { alert, triage, .. } = row;
    pages::Similar {
        opened_at: ms(&alert.opened_at),
        id: alert.id,
        entity: alert.entity,
        severity: alert.severity,
        state: triage.state,
        verdict: triage.verdict.map(|verdict| verdict.word().to_owned()),
        persons: alert.exposure.persons,
        reason,
    }
}

fn revision(alert: &Alert) -> pages::Revision {
    pages::Revision {
        revision: alert.revision,
        at: ms(&alert.updated_at),
        persons: alert.exposure.persons,
        severity: alert.severity,
        status: alert.status,
    }
}

/// Epoch ms of a time that the engine wrote; 0 of what it never writes.
fn ms(time: &str) -> TimestampMs {
    time.parse::<jiff::Timestamp>().map_or(0, |time| time.as_millisecond())
}

fn activity(done: desk::Activity) -> pages::Activity {
    let desk::Activity { at, actor, deed, comment } = done;
    let (action, detail) = match deed {
        desk::Deed::Revised { revision, status, severity, persons } => {
            return engine(at, revision, status, severity, persons);
        }
        desk::Deed::Taken => ("take", None),
        desk::Deed::Assigned(to) => ("assign", to),
        desk::Deed::Held { until } => ("hold", until.map(|until| until.to_string())),
        desk::Deed::Woken => ("wake", None),
        desk::Deed::Closed(verdict) => ("close", Some(verdict.word().to_owned())),
        desk::Deed::Reopened => ("reopen", None),
        desk::Deed::Commented => ("comment", None),
    };
    let actor = actor.unwrap_or_default();
    let what = pages::Deed::Person { actor, action: action.to_owned(), detail, comment };
    pages::Activity { at, what }
}

fn engine(
    at: TimestampMs,
    revision: u32,
    status: Status,
    severity: Severity,
    persons: u64,
) -> pages::Activity {
    let revision = pages::Revision { revision, at, persons, severity, status };
    pages::Activity { at, what: pages::Deed::Engine(revision) }
}

/// `POST /alerts/{id}/…`: the last segment says what.
pub(in crate::console) async fn change(call: Call) -> Result<Response, Problem> {
    let action = call.route.path.rsplit('/').next().unwrap_or_default();
    let version = call.field("version").and_then(|version| version.parse::<u32>().ok());
    let version =
        version.ok_or_else(|| Problem::new(Code::BadRequest, "the form names no version"))?;
    let refused = |kind: ProblemKind| pages::Problem {
        kind,
        action: action.to_owned(),
        verdict: call.field("verdict").map(str::to_owned),
        comment: call.field("comment").unwrap_or_default().to_owned(),
    };
    let change = match wanted(&call, action) {
        Ok(change) => change,
        Err(kind) => {
            return page(&call, StatusCode::UNPROCESSABLE_ENTITY, Some(refused(kind))).await;
        }
    };
    let (id, actor) = (call.param("id").to_owned(), call.who.actor());
    let deed =
        move |desk: &mut desk::Desk| match desk.change(&id, version, &actor, &change, now_ms()) {
            Ok(triage) => Ok(Ok(triage.version)),
            Err(DeskError::Stale { .. }) => Ok(Err((StatusCode::CONFLICT, ProblemKind::Stale))),
            Err(DeskError::Invalid(why)) => {
                Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, ProblemKind::Refused(why))))
            }
            Err(error) => Err(error.into()),
        };
    match call.state.desk(deed).await? {
        Ok(version) => {
            let id = call.param("id").to_owned();
            let own = format!("/alerts/{}", query::encode(&id));
            call.state.live.tell(&Happened::Triage { id, version });
            Ok(see_other(&back(&call, &own)))
        }
        Err((status, kind)) => page(&call, status, Some(refused(kind))).await,
    }
}

/// What a form asks for.
fn wanted(call: &Call, action: &str) -> Result<Change, ProblemKind> {
    let comment = call.field("comment").unwrap_or_default().to_owned();
    Ok(match action {
        "take" => Change::Take,
        "assign" => {
            let assignee = call.field("assignee").map(str::trim).filter(|name| !name.is_empty());
            Change::Assign(assignee.map(str::to_owned))
        }
        "hold" => {
            let hours = call.field("hours").map(str::trim).filter(|hours| !hours.is_empty());
            let until = match hours.map(str::parse::<i64>) {
                None => None,
                Some(Ok(hours)) if (1..=HOLD_HOURS_MAX).contains(&hours) => {
                    Some(now_ms() + hours * 3_600_000)
                }
                Some(_) => {
                    let why = format!("hours lie between 1 and {HOLD_HOURS_MAX}");
                    return Err(ProblemKind::Refused(why));
                }
            };
            Change::Hold { until, comment }
        }
        "close" => {
            let verdict = call.field("verdict").and_then(Verdict::parse);
            let verdict = verdict.ok_or(ProblemKind::VerdictMissing)?;
            if verdict.needs_comment() && comment.trim().is_empty() {
                return Err(ProblemKind::CommentMissing);
            }
            Change::Close { verdict, comment }
        }
        "reopen" => Change::Reopen { comment },
        _ if comment.trim().is_empty() => return Err(ProblemKind::CommentMissing),
        _ => Change::Comment(comment),
    })
}
