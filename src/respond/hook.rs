//! A webhook: a POST signed by Standard Webhooks, and what its answer means.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, Response, StatusCode, Url, redirect};
use sha2::{Digest, Sha256};

use super::body::{Detail, envelope};
use super::outbox::{Outcome, Owed};
use super::sign::{Secret, signature};
use crate::alert::Severity;
use crate::clock::{Stopwatch, now_ms};
use crate::event::TimestampMs;
use crate::store::sqlite::{DailyCaps, SinkRule};
use crate::triage::rfc3339;

/// Most bytes read of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Most characters of an answer that `vigie hook test` shows.
const SHOWN_CHARS_MAX: usize = 200;

/// A hook as it is configured, its files read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name: the sink's.
    pub name: String,
    /// Where to.
    pub url: String,
    /// At least one; more while secrets are being changed.
    pub secrets: Vec<Secret>,
    /// How much it is told.
    pub detail: Detail,
    /// It is told of this severity or worse.
    pub severity_min: Severity,
    /// Most messages a UTC day.
    pub per_day: DailyCaps,
    /// PEM of the only certificate authorities it trusts; `None`: the machine's.
    pub ca: Option<Vec<u8>>,
    /// Plain http to another machine is wanted.
    pub allow_http: bool,
    /// For the whole exchange.
    pub timeout: Duration,
    /// Where people find the console: makes the link in a thin body.
    pub public_url: Option<String>,
}

/// A hook ready to send.
#[derive(Clone, Debug)]
pub struct Hook {
    settings: Settings,
    url: Url,
    client: Client,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What it means.
    pub outcome: Outcome,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The beginning of the answer. Never stored: who knows what it repeats.
    pub answer: String,
    /// How long it took.
    pub took: Duration,
}

/// What `vigie hook test` did.
#[derive(Clone, Debug)]
pub struct TestReport {
    /// Headers and body as they were sent.
    pub sent: String,
    /// What came of it.
    pub attempt: Attempt,
}

/// Reads a hook's address.
///
/// # Errors
/// It is no http or https URL, or plain http to another machine that is not allowed; the message
/// does not repeat it.
pub fn check_url(text: &str, allow_http: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|e| format!("not a URL: {e}"))?;
    let local = match url.host_str() {
        None => return Err("not a URL with a host".into()),
        Some("localhost") => true,
        Some(host) => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if local || allow_http => Ok(url),
        "http" => {
            Err("must be https; `allow_http = true` if the network in between is safe".into())
        }
        _ => Err("must begin with https://".into()),
    }
}

/// A URL as it may be shown: its path, query and user may be secret.
#[must_use]
pub fn shown_url(url: &Url) -> String {
    let more = url.path() != "/" || url.query().is_some();
    format!("{}{}", url.origin().ascii_serialization(), if more { "/…" } else { "" })
}

impl Hook {
    /// Makes it ready.
    ///
    /// # Errors
    /// What is wrong with its URL or certificates, in words.
    pub fn new(settings: Settings) -> Result<Hook, String> {
        let url = check_url(&settings.url, settings.allow_http)?;
        if settings.secrets.is_empty() {
            return Err("needs at least one secret".into());
        }
        // Another one may be installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(settings.timeout)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("vigie/", env!("CARGO_PKG_VERSION")))
            .no_proxy();
        if let Some(pem) = &settings.ca {
            let certificates = Certificate::from_pem_bundle(pem)
                .map_err(|e| format!("ca_file: {}", innermost(&e)))?;
            if certificates.is_empty() {
                return Err("ca_file: holds no PEM certificate".into());
            }
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|e| innermost(&e))?;
        Ok(Hook { settings, url, client })
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where to, as it may be shown.
    #[must_use]
    pub fn shown_url(&self) -> String {
        shown_url(&self.url)
    }

    /// What it wants to be told.
    #[must_use]
    pub fn rule(&self) -> SinkRule {
        SinkRule {
            name: self.settings.name.clone(),
            severity_min: self.settings.severity_min,
            historical: false,
            notes: true,
        }
    }

    /// Changes with anything that could make a refusal be different: address, secrets, trust.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.url.as_str());
        for part in
            self.settings.secrets.iter().map(Secret::bytes).chain(self.settings.ca.as_deref())
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Sends something owed.
    pub async fn send(&self, owed: &Owed) -> Attempt {
        let body =
            super::body::body(owed, self.settings.detail, self.settings.public_url.as_deref());
        match body {
            Ok(body) => self.post(&webhook_id(owed), body, now_ms()).await,
            Err(e) => {
                let error = format!("the stored alert cannot be read: {e}");
                let outcome = Outcome::Impossible { error };
                Attempt { outcome, status: None, answer: String::new(), took: Duration::ZERO }
            }
        }
    }

    async fn post(&self, id: &str, body: String, now: TimestampMs) -> Attempt {
        let watch = Stopwatch::start();
        let done =
            |outcome, status, answer| Attempt { outcome, status, answer, took: watch.elapsed() };
        let timestamp = now.div_euclid(1000);
        let signed = match signature(&self.settings.secrets, id, timestamp, &body) {
            Ok(signed) => signed,
            Err(error) => return done(Outcome::Impossible { error }, None, String::new()),
        };
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signed)
            .body(body);
        match request.send().await {
            Err(error) => {
                let error = self.reason(&error);
                done(Outcome::Failed { error, retry_after: None }, None, String::new())
            }
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                let answer = beginning(response).await;
                done(meaning(status, &headers, now), Some(status.as_u16()), answer)
            }
        }
    }

    /// Why there was no answer. The URL stays out of it.
    fn reason(&self, error: &reqwest::Error) -> String {
        let cause = innermost(error);
        if error.is_timeout() {
            format!("no answer within {} s", self.settings.timeout.as_secs_f32())
        } else if cause.contains("certificate") {
            format!("{cause} (`ca_file` names the authority to trust, if it is your own)")
        } else if error.is_connect() {
            format!("cannot connect: {cause}")
        } else {
            format!("the connection broke: {cause}")
        }
    }
}

/// The key by which receivers drop repeats: the same at every attempt.
#[must_use]
pub fn webhook_id(owed: &Owed) -> String {
    format!("{}.{}", owed.id, owed.revision)
}

/// Sends a `webhook.test` event, past the outbox.
///
/// # Errors
/// The event cannot be written down.
pub async fn test(hook: &Hook) -> Result<TestReport, String> {
    let now = now_ms();
    let id = format!("test-{now}");
    let data = r#"{"message":"vigie reaches you"}"#;
    let body = envelope("webhook.test", &rfc3339(now), data).map_err(|e| e.to_string())?;
    let signed = signature(&hook.settings.secrets, &id, now.div_euclid(1000), &body)?;
    let sent = format!(
        "POST {}\ncontent-type: application/json\nwebhook-id: {id}\nwebhook-timestamp: {}\n\
         webhook-signature: {signed}\n\n{body}",
        hook.shown_url(),
        now.div_euclid(1000),
    );
    Ok(TestReport { sent, attempt: hook.post(&id, body, now).await })
}

/// What an answer means. Only 2xx is success; a redirect is not followed, because it would carry a
/// signed message to whoever the answer names.
fn meaning(status: StatusCode, headers: &HeaderMap, now: TimestampMs) -> Outcome {
    let answered = format!("answered {status}");
    if status.is_success() {
        Outcome::Delivered
    } else if status == StatusCode::GONE {
        let error = format!("{answered}: switched off until its configuration changes or a replay");
        Outcome::Gone { error }
    } else if status.is_redirection() {
        let error =
            format!("{answered}: redirects are not followed; set `url` to the final address");
        Outcome::Failed { error, retry_after: None }
    } else {
        let may_ask = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        let asked = headers.get(RETRY_AFTER).filter(|_| may_ask).and_then(|v| v.to_str().ok());
        let retry_after = asked.and_then(|text| asked_wait(text, now));
        Outcome::Failed { error: answered, retry_after }
    }
}

/// `Retry-After`: seconds, or a date.
fn asked_wait(text: &str, now: TimestampMs) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    u64::try_from(at.as_millisecond() - now).ok().map(Duration::from_millis)
}

/// Reads an answer's beginning; what is wrong with it changes nothing, the status is known.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - bytes.len())]);
        if bytes.len() >= ANSWER_BYTES_MAX {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect()
}

/// The cause at the bottom: the layers above it repeat one another, and the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    let mut text = "unknown cause".to_owned();
    while let Some(at) = cause {
        text = at.to_string();
        cause = at.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_safe_or_refused() {
        let check = |text: &str, allow_http, wanted: &str| {
            let found = match check_url(text, allow_http) {
                Ok(url) => shown_url(&url),
                Err(error) => error,
            };
            assert!(found.starts_with(wanted), "{text}: {found}");
            assert!(!found.contains("hunter2"), "{found}");
        };
        check("https://u:hunter2@siem.example/in?token=hunter2", false, "https://siem.example/…");
        check("https://siem.example", false, "https://siem.example");
        check("https://siem.example:8443/hunter2", false, "https://siem.example:8443/…");
        check("http://siem.example/hunter2", false, "must be https; `allow_http = true`");
        check("http://siem.example/hunter2", true, "http://siem.example/…");
        for local in ["http://localhost:1/", "http://127.0.0.9:1/", "http://[::1]:1/"] {
            check(local, false, local.trim_end_matches('/'));
        }
        check("http://localhost.evil.example/", false, "must be https");
        check("ftp://siem.example/hunter2", false, "must begin with https://");
        check("hunter2", false, "not a URL: ");
        check("mailto:hunter2", false, "not a URL with a host");
    }

    #[test]
    fn answers_have_their_meaning() {
        let now = 784_111_777_000; // Sun, 06 Nov 1994 08:49:37 GMT
        let check = |status: u16, retry_after: Option<&'static str>, wanted: &str| {
            let mut headers = HeaderMap::new();
            if let Some(text) = retry_after {
                headers.insert(RETRY_AFTER, text.parse().unwrap());
            }
            let found = match meaning(StatusCode::from_u16(status).unwrap(), &headers, now) {
                Outcome::Delivered => "delivered".into(),
                Outcome::Gone { error } => format!("off: {error}"),
                Outcome::Failed { error, retry_after } => format!("{error} {retry_after:?}"),
                Outcome::Impossible { error } => format!("never: {error}"),
            };
            assert_eq!(found, wanted);
        };
        check(200, None, "delivered");
        check(204, Some("60"), "delivered");
        check(400, Some("60"), "answered 400 Bad Request None");
        check(429, Some(" 60"), "answered 429 Too Many Requests Some(60s)");
        check(
            503,
            Some("Sun, 06 Nov 1994 08:50:37 GMT"),
            "answered 503 Service Unavailable Some(60s)",
        );
        check(503, Some("Sun, 06 Nov 1994 08:48:37 GMT"), "answered 503 Service Unavailable None");
        check(500, Some("soon"), "answered 500 Internal Server Error None");
        check(
            410,
            None,
            "off: answered 410 Gone: switched off until its configuration changes or a replay",
        );
        check(
            302,
            Some("60"),
            "answered 302 Found: redirects are not followed; set `url` to the final address None",
        );
    }
}
