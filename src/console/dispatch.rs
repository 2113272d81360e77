//! The one way in: host and origin, who asks, whether they may, the form's token, and only then the
//! handler; on the way out the headers and the form of a refusal.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Form, FromRequest, Query, RawPathParams, Request};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use tokio::sync::watch;

use super::AppState;
use super::auth::{self, Who};
use super::handlers;
use super::headers;
use super::listen::Peer;
use super::problem::{Code, Problem};
use super::routes::{Access, Kind, NOT_SO, NOWHERE, ROUTES, Route};

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a path with its query.
const URI_BYTES_MAX: usize = 8 * 1024;
/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take to begin.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Names and values, in the order they came.
pub(super) type Pairs = Vec<(String, String)>;

/// A request that may be answered.
pub(super) struct Call {
    pub(super) state: Arc<AppState>,
    pub(super) route: &'static Route,
    pub(super) who: Who,
    pub(super) uri: Uri,
    /// What stands for the route's `{names}`.
    pub(super) params: Pairs,
    pub(super) query: Pairs,
    /// Fields of a form; empty of other bodies.
    pub(super) form: Pairs,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Where it came from, proxies that we trust left out.
    pub(super) address: IpAddr,
    pub(super) shutdown: watch::Receiver<bool>,
}

impl Call {
    /// What stands for a `{name}` of the route.
    pub(super) fn param(&self, name: &str) -> &str {
        first(&self.params, name).unwrap_or_default()
    }

    /// A value of the query string.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// A field of the form.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        first(&self.form, name)
    }
}

fn first<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A router over a table.
pub(super) fn router(
    table: &'static [Route],
    state: Arc<AppState>,
    shutdown: watch::Receiver<bool>,
) -> Router {
    build(table.iter(), state, shutdown)
}

/// A router over what machines watch.
pub(super) fn ops_router(state: Arc<AppState>, shutdown: watch::Receiver<bool>) -> Router {
    build(ROUTES.iter().filter(|route| route.kind == Kind::Ops), state, shutdown)
}

fn build(
    table: impl Iterator<Item = &'static Route>,
    state: Arc<AppState>,
    shutdown: watch::Receiver<bool>,
) -> Router {
    let handler = |pick: fn(&Request) -> &'static Route| {
        let (state, shutdown) = (Arc::clone(&state), shutdown.clone());
        move |request: Request| answer(pick(&request), state, shutdown, Vec::new(), request)
    };
    let mut router = Router::new();
    for route in table {
        let (state, shutdown) = (Arc::clone(&state), shutdown.clone());
        let run = move |params: Result<RawPathParams, _>, request: Request| {
            let params = params.map(|params: RawPathParams| {
                params.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<Pairs>()
            });
            async move {
                match params {
                    Ok(params) => answer(route, state, shutdown, params, request).await,
                    // Bytes that are no text name nothing.
                    Err::<_, axum::extract::rejection::RawPathParamsRejection>(_) => {
                        answer(nowhere(&request), state, shutdown, Vec::new(), request).await
                    }
                }
            }
        };
        let method = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
        router = router.route(route.path, on(method, run));
    }
    router.fallback(handler(nowhere)).method_not_allowed_fallback(handler(not_so))
}

fn nowhere(request: &Request) -> &'static Route {
    let [page, api] = &NOWHERE;
    if request.uri().path().starts_with("/api/") { api } else { page }
}

fn not_so(request: &Request) -> &'static Route {
    let [page, api] = &NOT_SO;
    if request.uri().path().starts_with("/api/") { api } else { page }
}

/// Answers, whatever comes.
async fn answer(
    route: &'static Route,
    state: Arc<AppState>,
    shutdown: watch::Receiver<bool>,
    params: Pairs,
    request: Request,
) -> Response {
    let number = state.requests.fetch_add(1, Ordering::Relaxed);
    let request_id = format!("{}-{number}", state.run);
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let wait = enter(route, Arc::clone(&state), shutdown, params, request);
    let done = tokio::time::timeout(ANSWER_WITHIN, wait).await.unwrap_or_else(|_| {
        let seconds = ANSWER_WITHIN.as_secs();
        Err(Problem::new(Code::NotReady, format!("no answer within {seconds} s; try again")))
    });
    let mut response = match done {
        Ok(response) => response,
        Err(problem) => {
            if let Some(cause) = problem.cause() {
                tracing::error!(request_id, route = route.path, cause, "a request failed");
            }
            refuse(problem, route, &state, &headers, &uri, &request_id).await
        }
    };
    headers::finish(&mut response, route.kind, &request_id, state.tls());
    response
}

/// Everything before the handler.
async fn enter(
    route: &'static Route,
    state: Arc<AppState>,
    shutdown: watch::Receiver<bool>,
    params: Pairs,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    state.hosts.check(route.kind, &parts.method, &parts.uri, &parts.headers)?;
    if parts.uri.path_and_query().is_some_and(|p| p.as_str().len() > URI_BYTES_MAX) {
        let detail = format!("path and query have at most {URI_BYTES_MAX} bytes");
        return Err(Problem::new(Code::UriTooLong, detail));
    }
    let who = identify(route, &state, &parts.headers).await?;
    who.check(route, state.settings.metrics_open)?;
    let peer = parts.extensions.get::<ConnectInfo<Peer>>();
    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(peer)| peer.0.ip());
    let address = client(peer, &parts.headers, &state.settings.trusted_proxies);
    let body = read(body, &parts.headers).await?;
    let query = Query::<Pairs>::try_from_uri(&parts.uri)
        .map_err(|_| Problem::new(Code::BadRequest, "the query string cannot be decoded"))?;
    let form = if route.kind == Kind::Action {
        let form = decode(&parts.headers, body.clone()).await?;
        auth::check_csrf(&state, &who, &parts.headers, first(&form, "csrf"))?;
        form
    } else {
        Vec::new()
    };
    if route.kind == Kind::Api && !parts.method.is_safe() && matches!(who, Who::Person(..)) {
        let given = parts.headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
        auth::check_csrf(&state, &who, &parts.headers, given)?;
    }
    let call = Call {
        state,
        route,
        who,
        uri: parts.uri,
        params,
        query: query.0,
        form,
        headers: parts.headers,
        body,
        address,
        shutdown,
    };
    (route.run)(call).await
}

/// Who asks, as far as the route has to know: a wrong token does not hide the health check.
async fn identify(route: &Route, state: &AppState, headers: &HeaderMap) -> Result<Who, Problem> {
    if route.may == Access::Public && matches!(route.kind, Kind::Ops | Kind::Asset | Kind::Api) {
        return Ok(Who::Nobody);
    }
    auth::who(state, headers, route.kind != Kind::Stream).await
}

/// The nearest address that is no proxy of ours.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let known = |address: &IpAddr| trusted.contains(&address.to_canonical());
    if !known(&peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let hops = lines.iter().flat_map(|line| line.split(',')).map(|hop| hop.trim().parse());
    let hops: Vec<_> = hops.collect();
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        let Ok(hop) = hop else { break };
        nearest = hop;
        if !known(&nearest) {
            break;
        }
    }
    nearest
}

async fn read(body: Body, headers: &HeaderMap) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(Code::TooLarge, format!("a body has at most {BODY_BYTES_MAX} bytes"));
    let said = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if said.is_some_and(|length: usize| length > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(BODY_WITHIN, to_bytes(body, BODY_BYTES_MAX)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.to_string().contains("length limit") => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::BadRequest, "the body cannot be read")),
        Err(_) => Err(Problem::new(Code::Timeout, "the body took too long to arrive")),
    }
}

async fn decode(headers: &HeaderMap, body: Bytes) -> Result<Pairs, Problem> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    let form = Form::<Pairs>::from_request(request, &()).await;
    form.map(|Form(pairs)| pairs).map_err(|error| {
        let code =
            if error.status() == 415 { Code::UnsupportedMediaType } else { Code::BadRequest };
        Problem::new(code, "a form is application/x-www-form-urlencoded")
    })
}

/// A refusal in the form that suits the route.
async fn refuse(
    problem: Problem,
    route: &Route,
    state: &AppState,
    headers: &HeaderMap,
    uri: &Uri,
    request_id: &str,
) -> Response {
    match route.kind {
        Kind::Page | Kind::Action => {
            handlers::failed(problem, route, state, headers, uri, request_id).await
        }
        Kind::Api | Kind::Ops | Kind::Stream | Kind::Asset => problem.document(request_id),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_who_was_behind_it() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let check = |peer: &str, line: &'static str, wanted: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static(line));
            assert_eq!(client(ip(peer), &headers, &trusted), ip(wanted), "{line}");
        };
        check("192.0.2.9", "1.1.1.1", "192.0.2.9");
        check("10.0.0.1", "1.1.1.1", "1.1.1.1");
        check("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1");
        check("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1");
        check("10.0.0.1", "", "10.0.0.1");
        check("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1");
    }
}
