//! Alerts: the list, one, its revisions, its events.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::json;

use super::{json as answer, only, wire, wrong};
use crate::alert::{Entity, EntityKind, Severity, Status};
use crate::console::cursor;
use crate::console::dispatch::Call;
use crate::console::pages::query::{SEVERITIES, severity_word};
use crate::console::problem::{Code, Problem};
use crate::store::sqlite::{AlertFilter, Assignee, PageKey, Sort, StoredAlert, TriageState};

/// Alerts of a page, unless asked otherwise, and at most.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 200;
/// Longest text of a filter, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

const PARAMETERS: [&str; 13] = [
    "status",
    "state",
    "severity",
    "partner",
    "unit",
    "assignee",
    "unassigned",
    "entity",
    "q",
    "historical",
    "sort",
    "limit",
    "cursor",
];

/// What a list is asked for, understood.
#[derive(Debug, Default)]
struct Asked {
    status: Option<Status>,
    states: Vec<TriageState>,
    severity_min: Option<Severity>,
    partner: Option<String>,
    unit: Option<String>,
    assignee: Option<String>,
    unassigned: bool,
    entity: Option<Entity>,
    text: Option<String>,
    historical: Option<bool>,
    sort: Sort,
    limit: u32,
}

/// Alerts that match every filter.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(
    ("status" = Option<String>, Query, pattern = "^(open|ended)$", description = "`open` or `ended`"),
    ("state" = Option<String>, Query, pattern = "^(new|in_progress|on_hold|closed)(,(new|in_progress|on_hold|closed))*$", description = "`new`, `in_progress`, `on_hold`, `closed`; several with commas"),
    ("severity" = Option<String>, Query, pattern = "^(critical|high|medium|low|info)$", description = "this one or worse"),
    ("partner" = Option<String>, Query), ("unit" = Option<String>, Query),
    ("assignee" = Option<String>, Query, description = "who is at it"),
    ("unassigned" = Option<bool>, Query, description = "`true`: nobody is at it"),
    ("entity" = Option<String>, Query, pattern = "^(account|unit|partner|source|device|network):", description = "kind and id, `account:cap00412`"),
    ("q" = Option<String>, Query, description = "words of the entity or the explanation"),
    ("historical" = Option<bool>, Query),
    ("sort" = Option<String>, Query, pattern = "^(priority|opened|updated)$", description = "`priority`, `opened` (default) or `updated`"),
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "50 unless given"),
    ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters; good until a restart"),
), responses(
    (status = 200, description = "a page", body = wire::AlertList),
    (status = 400, description = "a parameter or the cursor is not right", body = wire::Problem, content_type = "application/problem+json"),
    (status = 401, description = "no token", body = wire::Problem, content_type = "application/problem+json"),
    (status = 403, description = "not with this role or scope", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn list(call: Call) -> Result<Response, Problem> {
    only(&call, &PARAMETERS)?;
    let asked = understand(&call)?;
    let list = format!("{:?}", Asked { limit: 0, ..understand(&call)? });
    let after = match call.asked("cursor") {
        None => None,
        Some(text) => {
            let place = cursor::open(call.state.key(), &list, text);
            let place = place.as_deref().and_then(PageKey::parse);
            Some(place.ok_or_else(|| {
                let detail = "begin again without a cursor: this one is of another list, or of \
                              before a restart";
                Problem::new(Code::BadCursor, detail)
            })?)
        }
    };
    let key = *call.state.key();
    let found = call.state.read(move |reader| {
        let filter = asked.filter();
        let page = reader.alerts(&filter, asked.sort, after.as_ref(), asked.limit)?;
        Ok((page, reader.counts(&filter)?.matching))
    });
    let (page, total) = found.await?;
    let items: Vec<String> = page.alerts.iter().map(wire::alert).collect();
    let next = page.next.map(|place| cursor::seal(&key, &list, &place.to_string()));
    let total = json!({"count": total.counted, "more": total.more});
    Ok(answer(format!(
        "{{\"items\":[{}],\"next_cursor\":{},\"total\":{total}}}",
        items.join(","),
        json!(next)
    )))
}

impl Asked {
    fn filter(&self) -> AlertFilter<'_> {
        let person = self.assignee.as_deref().map(Assignee::Person);
        AlertFilter {
            states: &self.states,
            severity_min: self.severity_min,
            status: self.status,
            entity: self.entity.as_ref(),
            partner: self.partner.as_deref(),
            unit: self.unit.as_deref(),
            assignee: if self.unassigned { Some(Assignee::Nobody) } else { person },
            text: self.text.as_deref(),
            historical: self.historical,
        }
    }
}

fn understand(call: &Call) -> Result<Asked, Problem> {
    let text = |name: &str| match call.asked(name) {
        Some(text) if text.len() > TEXT_BYTES_MAX => {
            Err(wrong(name, format!("at most {TEXT_BYTES_MAX} bytes")))
        }
        other => Ok(other.map(str::to_owned)),
    };
    let yes = |name: &str| match call.asked(name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(wrong(name, "valid choices: true, false".to_owned())),
    };
    let word = |name: &str, choices: &str| wrong(name, format!("valid choices: {choices}"));
    let status = match call.asked("status") {
        None => None,
        Some("open") => Some(Status::Open),
        Some("ended") => Some(Status::Ended),
        Some(_) => return Err(word("status", "open, ended")),
    };
    let states = call.asked("state").map_or(Ok(Vec::new()), |words| {
        let states = words.split(',').map(|word| TriageState::parse(word.trim()));
        let states = states.collect::<Option<Vec<_>>>();
        states.ok_or_else(|| word("state", "new, in_progress, on_hold, closed"))
    })?;
    let severity_min = match call.asked("severity") {
        None => None,
        Some(word) => Some(
            SEVERITIES
                .into_iter()
                .find(|severity| severity_word(*severity) == word)
                .ok_or_else(|| wrong("severity", SEVERITIES.map(severity_word).join(", ")))?,
        ),
    };
    let sort = match call.asked("sort") {
        None => Sort::default(),
        Some(text) => Sort::parse(text).ok_or_else(|| word("sort", "priority, opened, updated"))?,
    };
    let limit = match call.asked("limit").map(str::parse::<u32>) {
        None => LIMIT,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Some(_) => return Err(wrong("limit", format!("lies between 1 and {LIMIT_MAX}"))),
    };
    Ok(Asked {
        status,
        states,
        severity_min,
        partner: text("partner")?,
        unit: text("unit")?,
        assignee: text("assignee")?,
        unassigned: yes("unassigned")?.unwrap_or(false),
        entity: text("entity")?.map(|text| entity(&text)).transpose()?,
        text: text("q")?,
        historical: yes("historical")?,
        sort,
        limit,
    })
}

fn entity(text: &str) -> Result<Entity, Problem> {
    const KINDS: [EntityKind; 6] = [
        EntityKind::Account,
        EntityKind::Unit,
        EntityKind::Partner,
        EntityKind::Source,
        EntityKind::Device,
        EntityKind::Network,
    ];
    let known = text.split_once(':').and_then(|(word, id)| {
        let kind = KINDS.into_iter().find(|kind| kind.word() == word)?;
        Some(Entity { kind, id: id.to_owned() })
    });
    known.ok_or_else(|| {
        let kinds = KINDS.map(EntityKind::word).join(", ");
        wrong("entity", format!("a kind and an id, account:cap00412; kinds: {kinds}"))
    })
}

/// The alert of the path, its view written down.
async fn stored(call: &Call) -> Result<StoredAlert, Problem> {
    only(call, &[])?;
    let id = call.param("id").to_owned();
    let found = call.state.read(move |reader| Ok(reader.alert(&id)?)).await?;
    let stored = found.ok_or_else(|| Problem::not_found("alert"))?;
    let (actor, id) = (call.who.actor(), stored.id.clone());
    call.state.record_view(actor, "alert.view", id, json!({})).await?;
    Ok(stored)
}

/// One alert and what people say about it. That it was looked at is written down.
#[utoipa::path(get, path = "/api/v1/alerts/{id}", tag = "alerts", params(("id" = String, Path)), responses(
    (status = 200, description = "the alert", body = wire::AlertWithTriage, headers(("etag" = String, description = "the triage version, quoted"))),
    (status = 400, description = "a parameter is not right", body = wire::Problem, content_type = "application/problem+json"),
    (status = 401, description = "no token", body = wire::Problem, content_type = "application/problem+json"),
    (status = 403, description = "not with this role or scope", body = wire::Problem, content_type = "application/problem+json"),
    (status = 404, description = "no such alert", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn one(call: Call) -> Result<Response, Problem> {
    let stored = stored(&call).await?;
    Ok(tagged(answer(wire::alert(&stored)), stored.triage.version))
}

/// Alerts that belong together with one, itself included.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/campaign", tag = "alerts", params(("id" = String, Path)), responses(
    (status = 200, description = "the campaign", body = wire::Campaign),
    (status = 400, description = "a parameter is not right", body = wire::Problem, content_type = "application/problem+json"),
    (status = 401, description = "no token", body = wire::Problem, content_type = "application/problem+json"),
    (status = 403, description = "not with this role or scope", body = wire::Problem, content_type = "application/problem+json"),
    (status = 404, description = "no such alert", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn campaign(call: Call) -> Result<Response, Problem> {
    let id = stored(&call).await?.id;
    let found = call.state.read(move |reader| Ok(reader.campaign(&id, LIMIT_MAX)?)).await?;
    let campaign = found.ok_or_else(|| Problem::not_found("alert"))?;
    Ok(answer(wire::campaign(&campaign)))
}

/// The answer with its ETag.
pub(super) fn tagged(mut response: Response, version: u32) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Every revision of an alert, oldest first.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/revisions", tag = "alerts", params(("id" = String, Path)), responses(
    (status = 200, description = "the revisions", body = wire::RevisionList),
    (status = 400, description = "a parameter is not right", body = wire::Problem, content_type = "application/problem+json"),
    (status = 401, description = "no token", body = wire::Problem, content_type = "application/problem+json"),
    (status = 403, description = "not with this role or scope", body = wire::Problem, content_type = "application/problem+json"),
    (status = 404, description = "no such alert", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn revisions(call: Call) -> Result<Response, Problem> {
    let id = stored(&call).await?.id;
    let found = call.state.read(move |reader| Ok(reader.revisions(&id)?)).await?;
    let items: Vec<String> = found.into_iter().map(|revision| revision.body).collect();
    Ok(answer(format!("{{\"items\":[{}]}}", items.join(","))))
}

/// First and last contributing events of an alert, at most 200, pseudonymised.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/events", tag = "alerts", params(("id" = String, Path)), responses(
    (status = 200, description = "the events", body = wire::EventList),
    (status = 400, description = "a parameter is not right", body = wire::Problem, content_type = "application/problem+json"),
    (status = 401, description = "no token", body = wire::Problem, content_type = "application/problem+json"),
    (status = 403, description = "not with this role or scope", body = wire::Problem, content_type = "application/problem+json"),
    (status = 404, description = "no such alert", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn events(call: Call) -> Result<Response, Problem> {
    let stored = stored(&call).await?;
    let body: serde_json::Value = serde_json::from_str(&stored.body)
        .map_err(|error| Problem::internal("an alert", &error.to_string()))?;
    let events = body.get("events").cloned().unwrap_or_else(|| json!([]));
    Ok(answer(json!({"items": events}).to_string()))
}
