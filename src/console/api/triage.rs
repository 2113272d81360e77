//! Changes to what people say about an alert.

use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::alerts::tagged;
use super::{json, only, wire};
use crate::clock::now_ms;
use crate::console::dispatch::Call;
use crate::console::live::Happened;
use crate::console::problem::{Code, Problem};

/// Changes what people say about an alert, if it is still at the version that `If-Match` names.
#[utoipa::path(patch, path = "/api/v1/alerts/{id}/triage", tag = "alerts", params(
    ("id" = String, Path),
    ("If-Match" = String, Header, pattern = "^\"[0-9]+\"$", description = "the ETag that was seen, `\"3\"`"),
    ("X-CSRF-Token" = Option<String>, Header, description = "of the session, with a session's cookie only"),
), request_body = wire::TriageChange, responses(
    (status = 200, description = "what people say now", body = wire::Triage, headers(("etag" = String, description = "the new version, quoted"))),
    (status = 400, description = "If-Match or the body cannot be read", body = wire::Problem, content_type = "application/problem+json"),
    (status = 401, description = "no token", body = wire::Problem, content_type = "application/problem+json"),
    (status = 403, description = "not with this role or scope", body = wire::Problem, content_type = "application/problem+json"),
    (status = 404, description = "no such alert", body = wire::Problem, content_type = "application/problem+json"),
    (status = 412, description = "somebody changed it meanwhile: `current` is its state", body = wire::Problem, content_type = "application/problem+json"),
    (status = 413, description = "the body is too large", body = wire::Problem, content_type = "application/problem+json"),
    (status = 415, description = "the body is not application/json", body = wire::Problem, content_type = "application/problem+json"),
    (status = 422, description = "the change makes no sense", body = wire::Problem, content_type = "application/problem+json"),
    (status = 428, description = "If-Match is missing", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn change(call: Call) -> Result<Response, Problem> {
    only(&call, &[])?;
    let version = version(&call.headers)?;
    let kind = call.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(Code::UnsupportedMediaType, "send application/json"));
    }
    let body: wire::TriageChange = serde_json::from_slice(&call.body)
        .map_err(|error| Problem::new(Code::BadRequest, format!("the body: {error}")))?;
    let change = body.understood().map_err(|why| Problem::new(Code::Invalid, why))?;
    let (id, actor) = (call.param("id").to_owned(), call.who.actor());
    let deed = call
        .state
        .desk(move |desk| Ok(desk.change(&id, version, &actor, &change, now_ms())?))
        .await;
    let triage = deed?;
    let id = call.param("id").to_owned();
    call.state.live.tell(&Happened::Triage { id, version: triage.version });
    Ok(tagged(json(wire::triage(&triage).to_string()), triage.version))
}

/// The version that `If-Match` names.
fn version(headers: &HeaderMap) -> Result<u32, Problem> {
    let mut given = headers.get_all(header::IF_MATCH).iter();
    let Some(first) = given.next() else {
        let detail = "send If-Match with the ETag of the alert as you saw it";
        return Err(Problem::new(Code::VersionRequired, detail));
    };
    let version = first
        .to_str()
        .ok()
        .and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok())
        .filter(|_| given.next().is_none());
    version.ok_or_else(|| {
        Problem::new(Code::BadRequest, "If-Match is one ETag as this API gave it, \"3\"")
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn if_match_names_one_version() {
        let check = |given: &[&'static str], wanted: Result<u32, Code>| {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(header::IF_MATCH, HeaderValue::from_static(value));
            }
            assert_eq!(version(&headers).map_err(|problem| problem.code()), wanted, "{given:?}");
        };
        check(&["\"3\""], Ok(3));
        check(&[], Err(Code::VersionRequired));
        for odd in ["3", "*", "W/\"3\"", "\"3\", \"4\"", "\"-1\"", "\"99999999999\"", "\"\"", "\""]
        {
            check(&[odd], Err(Code::BadRequest));
        }
        check(&["\"3\"", "\"4\""], Err(Code::BadRequest));
    }
}
