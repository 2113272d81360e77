//! What every answer says to the browser about itself.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

use super::routes::Kind;

/// Nothing from elsewhere, nothing inline, never in a frame.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every answer, whatever its route and status.
pub const EVERYWHERE: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Names the request in the answer and in the log.
pub const REQUEST_ID: &str = "x-request-id";

/// Seconds for which a browser insists on TLS.
const TLS_ONLY: &str = "max-age=31536000";

/// Puts the headers on; `tls`: people come by https.
pub(super) fn finish(response: &mut Response, kind: Kind, request_id: &str, tls: bool) {
    let failed = !response.status().is_success();
    let headers = response.headers_mut();
    for (name, value) in EVERYWHERE {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if tls {
        let value = HeaderValue::from_static(TLS_ONLY);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    // Assets carry their hash in their name; all else may hold personal data.
    if kind != Kind::Asset || failed {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), value);
    }
}
