//! Pages and forms: read the store, fill in a view model, let [`pages`] draw it.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use super::AppState;
use super::auth::{self, Who};
use super::dispatch::Call;
use super::pages::{self, Chrome, Count, Failure, FailureKind, NavCounts, User, query};
use super::problem::{Code, Problem};
use super::routes::{Kind, Route};
use super::secret;
use crate::clock::now_ms;
use crate::store::desk::Role;
use crate::store::sqlite::{self, AlertFilter, TriageState};
use crate::triage::Language;

pub(super) mod account;
pub(super) mod alert;
pub(super) mod audit;
pub(super) mod health;
pub(super) mod login;
pub(super) mod queue;

/// Longest path that a form may lead back to, in bytes.
const BACK_BYTES_MAX: usize = 2_048;

/// Alerts that nobody has closed.
const OPEN: [TriageState; 3] = [TriageState::New, TriageState::InProgress, TriageState::OnHold];

/// `GET /`
pub(super) async fn home(_call: Call) -> Result<Response, Problem> {
    Ok(see_other("/alerts"))
}

/// `GET /help`
pub(super) async fn help(call: Call) -> Result<Response, Problem> {
    show(&call, StatusCode::OK, |chrome| pages::text(pages::Text::Keys, chrome)).await
}

/// `GET /accessibility`
pub(super) async fn accessibility(call: Call) -> Result<Response, Problem> {
    show(&call, StatusCode::OK, |chrome| pages::text(pages::Text::Accessibility, chrome)).await
}

/// `GET /assets/{file}`: files inside the program, by their whole name; no folder is ever looked at.
pub(super) async fn asset(call: Call) -> Result<Response, Problem> {
    let asset = pages::asset(call.param("file")).ok_or_else(|| Problem::not_found("file"))?;
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.bytes).into_response())
}

/// Every path that is not in the table.
pub(super) async fn nowhere(_call: Call) -> Result<Response, Problem> {
    Err(Problem::new(Code::NotFound, "no such path"))
}

/// Every method that a path does not take.
pub(super) async fn not_so(call: Call) -> Result<Response, Problem> {
    let detail = format!("{} does not take this method", call.uri.path());
    Err(Problem::new(Code::MethodNotAllowed, detail))
}

/// A page with everything around it.
pub(super) async fn show(
    call: &Call,
    status: StatusCode,
    draw: impl FnOnce(&Chrome) -> String,
) -> Result<Response, Problem> {
    let (chrome, cookie) = chrome(&call.state, &call.who, &call.headers, &call.uri).await?;
    Ok(with_cookie((status, Html(draw(&chrome))).into_response(), cookie.as_deref()))
}

/// Another page to go on with.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// The page that a form came from, when it is one of ours; else another.
pub(super) fn back(call: &Call, otherwise: &str) -> String {
    let given = call.field("back").filter(|path| is_own_path(path));
    given.unwrap_or(otherwise).to_owned()
}

/// A path that no browser takes for another host's.
pub(super) fn is_own_path(path: &str) -> bool {
    path.len() <= BACK_BYTES_MAX
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

fn with_cookie(mut response: Response, cookie: Option<&str>) -> Response {
    if let Some(Ok(value)) = cookie.map(HeaderValue::from_str) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// What stands around every page, and a cookie to set: a visitor's forms need something to be
/// bound to.
async fn chrome(
    state: &AppState,
    who: &Who,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<(Chrome, Option<String>), Problem> {
    let counts = match who {
        Who::Nobody => NavCounts::default(),
        _ => nav_counts(state).await?,
    };
    let (mut csrf, mut cookie) = (auth::csrf(state, who, headers), None);
    if csrf.is_none() {
        let visitor = secret::token()?;
        cookie = Some(state.cookies().set(auth::VISITOR, &visitor, None));
        csrf = Some(auth::visitor_csrf(state, &visitor));
    }
    let path = uri.path_and_query().map_or("/alerts", |path| path.as_str());
    let chrome = Chrome {
        language: language(state, who, headers),
        user: user(who),
        csrf: csrf.unwrap_or_default(),
        path: path.to_owned(),
        zone: state.settings.zone.clone(),
        now: now_ms(),
        counts,
    };
    Ok((chrome, cookie))
}

async fn nav_counts(state: &AppState) -> Result<NavCounts, Problem> {
    let outside = std::sync::Arc::clone(&state.outside);
    state
        .read(move |reader| {
            let filter = AlertFilter { states: &OPEN, ..AlertFilter::default() };
            let open = count(reader.counts(&filter)?.matching);
            Ok(NavCounts { open, blind: outside.blind_open() })
        })
        .await
}

/// The store's count as pages show it.
pub(super) fn count(count: sqlite::Count) -> Count {
    Count { value: count.counted.into(), capped: count.more }
}

fn user(who: &Who) -> Option<User> {
    let name = match who {
        Who::Nobody | Who::Machine(_) => return None,
        Who::Local | Who::Person(..) => who.actor(),
    };
    Some(User {
        name,
        may_triage: who.has(&[Role::Analyst, Role::Responder]),
        may_audit: who.has(&[Role::Auditor]),
        may_replay: who.has(&[Role::Admin]),
        may_log_out: matches!(who, Who::Person(..)),
    })
}

/// The user's, the one chosen in this browser, the configuration's, the browser's own.
fn language(state: &AppState, who: &Who, headers: &HeaderMap) -> Language {
    let of_user = match who {
        Who::Person(session, _) => session.user.language.clone(),
        _ => None,
    };
    let chosen = of_user.or_else(|| state.cookies().get(headers, auth::LANGUAGE));
    let accepted = || {
        let line = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        line.split(',').find_map(|part| language_of(part.trim().get(..2)?))
    };
    chosen
        .as_deref()
        .and_then(language_of)
        .or(state.settings.language)
        .or_else(accepted)
        .unwrap_or_default()
}

fn language_of(word: &str) -> Option<Language> {
    match word {
        "en" => Some(Language::English),
        "fr" => Some(Language::French),
        _ => None,
    }
}

/// What a browser gets instead of a page.
pub(super) async fn failed(
    mut problem: Problem,
    route: &Route,
    state: &AppState,
    headers: &HeaderMap,
    uri: &Uri,
    request_id: &str,
) -> Response {
    let code = problem.code();
    if code == Code::LoginRequired {
        return to_login(route, state, headers, uri);
    }
    let page = Failure { kind: kind(code), request_id: request_id.to_owned() };
    // Whoever is not at our host gets no page of ours; nor can one be drawn when the store fails.
    let foreign = matches!(code, Code::HostRefused | Code::OriginRefused | Code::ProxyRefused);
    let who = if foreign || route.path.is_empty() {
        Ok(Who::Nobody)
    } else {
        auth::who(state, headers, false).await
    };
    let drawn = match who {
        Ok(who) if !foreign => chrome(state, &who, headers, uri).await.ok(),
        _ => None,
    };
    let mut response = match drawn {
        Some((chrome, cookie)) => {
            let html = Html(pages::failure(&page, &chrome));
            with_cookie((code.status(), html).into_response(), cookie.as_deref())
        }
        None => {
            let text = format!("{}: {}\n", code.title(), problem.detail());
            (code.status(), text).into_response()
        }
    };
    problem.put_headers(&mut response);
    response
}

fn to_login(route: &Route, state: &AppState, headers: &HeaderMap, uri: &Uri) -> Response {
    let mut pairs = Vec::new();
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    if route.kind == Kind::Page && is_own_path(path) {
        pairs.push(format!("back={}", query::encode(path)));
    }
    if state.cookies().get(headers, auth::SESSION).is_some() {
        pairs.push("expired=1".to_owned());
    }
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    see_other(&format!("/login{query}"))
}

fn kind(code: Code) -> FailureKind {
    match code {
        Code::Forbidden | Code::OriginRefused | Code::ProxyRefused => FailureKind::Forbidden,
        Code::CsrfRefused => FailureKind::Token,
        Code::NotFound => FailureKind::NotFound,
        Code::Conflict | Code::Stale => FailureKind::Conflict,
        Code::TooMany => FailureKind::TooMany,
        Code::Internal => FailureKind::Internal,
        Code::NotReady => FailureKind::Unavailable,
        _ => FailureKind::BadRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_our_own_pages_only() {
        for own in ["/", "/alerts?view=mine&q=%C3%A9", "/accounts/a%2Fb"] {
            assert!(is_own_path(own), "{own}");
        }
        let long = format!("/{}", "a".repeat(BACK_BYTES_MAX));
        for foreign in [
            "",
            "alerts",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil",
            "/a\r\nSet-Cookie: x",
            "\\\\evil",
            "/é",
            long.as_str(),
        ] {
            assert!(!is_own_path(foreign), "{foreign}");
        }
    }
}
