//! What went wrong, as RFC 9457 problem details: a stable code for programs, a sentence for
//! people, a request id that the log knows too.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// What kind of problem it is; the words never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says itself; `Code::parts` has their sentences")]
pub enum Code {
    BadRequest,
    BadCursor,
    BadParameter,
    ReasonRequired,
    LoginRequired,
    LoginFailed,
    Forbidden,
    CsrfRefused,
    OriginRefused,
    ProxyRefused,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Conflict,
    Stale,
    TooLarge,
    UriTooLong,
    UnsupportedMediaType,
    HostRefused,
    Invalid,
    VersionRequired,
    TooMany,
    Internal,
    NotReady,
}

impl Code {
    /// Status, code, title.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Code::BadRequest => (S::BAD_REQUEST, "bad-request", "The request cannot be read"),
            Code::BadCursor => (S::BAD_REQUEST, "bad-cursor", "The cursor is not of this list"),
            Code::BadParameter => (S::BAD_REQUEST, "bad-parameter", "A parameter is not right"),
            Code::ReasonRequired => {
                (S::BAD_REQUEST, "reason-required", "An account is looked at for a reason")
            }
            Code::LoginRequired => (S::UNAUTHORIZED, "login-required", "Who are you?"),
            Code::LoginFailed => (S::UNAUTHORIZED, "login-failed", "Name or password is wrong"),
            Code::Forbidden => (S::FORBIDDEN, "forbidden", "You may not do this"),
            Code::CsrfRefused => {
                (S::FORBIDDEN, "csrf-refused", "The form is not from this session")
            }
            Code::OriginRefused => (S::FORBIDDEN, "origin-refused", "Another site asked for this"),
            Code::ProxyRefused => (S::FORBIDDEN, "proxy-refused", "This came through a proxy"),
            Code::NotFound => (S::NOT_FOUND, "not-found", "There is nothing here"),
            Code::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "Not with this method")
            }
            Code::Timeout => (S::REQUEST_TIMEOUT, "timeout", "It took too long"),
            Code::Conflict => (S::CONFLICT, "conflict", "Not in this state"),
            Code::Stale => (S::PRECONDITION_FAILED, "stale", "Somebody changed it meanwhile"),
            Code::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
            Code::UriTooLong => (S::URI_TOO_LONG, "uri-too-long", "The address is too long"),
            Code::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Not this content type")
            }
            Code::HostRefused => {
                (S::MISDIRECTED_REQUEST, "host-refused", "This host name is not ours")
            }
            Code::Invalid => (S::UNPROCESSABLE_ENTITY, "invalid", "The change is not valid"),
            Code::VersionRequired => {
                (S::PRECONDITION_REQUIRED, "version-required", "Which version did you see?")
            }
            Code::TooMany => (S::TOO_MANY_REQUESTS, "too-many", "Too many of these"),
            Code::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "It failed here"),
            Code::NotReady => (S::SERVICE_UNAVAILABLE, "not-ready", "Not ready yet"),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.parts().0
    }

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.parts().1
    }

    /// One short sentence, without particulars.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.parts().2
    }
}

/// Why a request got no other answer. Behind a box, because it travels in every `Result`.
#[derive(Debug)]
pub(super) struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: String,
    /// More members of the document.
    more: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log alone.
    cause: Option<String>,
}

impl Problem {
    /// A problem with a sentence that its reader can act on.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem(Box::new(Inner {
            code,
            detail: detail.into(),
            more: Map::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// A failure of ours: the reader learns that, the log learns why.
    pub(super) fn internal(what: &str, cause: &str) -> Problem {
        let mut problem =
            Problem::new(Code::Internal, "the log names the cause under this request id");
        problem.0.cause = Some(format!("{what}: {cause}"));
        problem
    }

    /// No such alert, account, page.
    pub(super) fn not_found(what: &str) -> Problem {
        Problem::new(Code::NotFound, format!("no {what} of this name"))
    }

    /// The same with one more member.
    pub(super) fn with(mut self, key: &str, value: Value) -> Problem {
        self.0.more.insert(key.to_owned(), value);
        self
    }

    /// The same with one more header.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Problem {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.push((name, value));
        }
        self
    }

    pub(super) fn code(&self) -> Code {
        self.0.code
    }

    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What the log should know.
    pub(super) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The problem's own headers, on whatever body it gets.
    pub(super) fn put_headers(&mut self, response: &mut Response) {
        for (name, value) in self.0.headers.drain(..) {
            response.headers_mut().insert(name, value);
        }
    }

    /// As a document for programs.
    pub(super) fn document(mut self, request_id: &str) -> Response {
        let (status, word, title) = self.0.code.parts();
        let mut body = json!({
            "type": format!("urn:vigie:problem:{word}"),
            "title": title,
            "status": status.as_u16(),
            "detail": self.0.detail,
            "code": word,
            "request_id": request_id,
        });
        if let Some(members) = body.as_object_mut() {
            members.append(&mut self.0.more);
        }
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, kind, body.to_string()).into_response();
        self.put_headers(&mut response);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_ours_tells_its_cause_to_the_log_only() {
        let problem = Problem::internal("reading", "disk on fire");
        assert_eq!(problem.cause(), Some("reading: disk on fire"));
        assert!(!problem.detail().contains("fire"));
        let response = problem.document("1234");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
