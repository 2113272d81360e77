//! What a hook is sent: `{"type","timestamp","data"}`, under 20 kB.

use serde::Serialize;

use crate::alert::{Alert, Entity, Severity, Status};
use crate::store::sqlite::Owed;
use crate::triage::rfc3339;

/// Most bytes of a body.
pub const BODY_BYTES_MAX: usize = 20_000;

/// Most bytes of the sentence in a thin body.
const EXPLANATION_BYTES_MAX: usize = 4_000;

/// How much of an alert a hook is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// What happened, how bad, and where to read on: reading on is authorised and recorded.
    #[default]
    Thin,
    /// The alert contract's JSON.
    Full,
}

impl Detail {
    /// The word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Detail::Thin => "thin",
            Detail::Full => "full",
        }
    }
}

#[derive(Serialize)]
struct Thin<'a> {
    id: &'a str,
    revision: u32,
    severity: Severity,
    status: Status,
    entity: &'a Entity,
    persons: u64,
    explanation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trimmed: Vec<&'static str>,
}

#[derive(Serialize)]
struct Trimmed<'a> {
    #[serde(flatten)]
    alert: &'a Alert,
    /// Lists that were emptied to keep the body small.
    trimmed: &'a [&'static str],
}

/// The body for something owed.
///
/// # Errors
/// The stored alert is of a contract that this build does not know.
pub fn body(owed: &Owed, detail: Detail, public_url: Option<&str>) -> serde_json::Result<String> {
    if owed.note {
        return envelope(&owed.kind, &rfc3339(owed.created_at), &owed.body);
    }
    let alert: Alert = serde_json::from_str(&owed.body)?;
    let time = alert.updated_at.clone();
    let (data, lists) = match detail {
        Detail::Thin => (thin(&alert, public_url, Vec::new())?, None),
        Detail::Full => (owed.body.clone(), Some(LISTS)),
    };
    let mut whole = envelope(&owed.kind, &time, &data)?;
    let mut less = alert.clone();
    let mut trimmed = Vec::new();
    for (name, empty) in lists.into_iter().flatten() {
        if whole.len() <= BODY_BYTES_MAX {
            return Ok(whole);
        }
        empty(&mut less);
        trimmed.push(name);
        let data = serde_json::to_string(&Trimmed { alert: &less, trimmed: &trimmed })?;
        whole = envelope(&owed.kind, &time, &data)?;
    }
    if whole.len() <= BODY_BYTES_MAX {
        return Ok(whole);
    }
    envelope(&owed.kind, &time, &thin(&alert, public_url, vec!["all"])?)
}

/// Empties one list of an alert.
type Empty = fn(&mut Alert);

/// What may be left out, the least missed first.
const LISTS: [(&str, Empty); 7] = [
    ("events", |alert| alert.events.clear()),
    ("seen", |alert| alert.seen = Default::default()),
    ("read_from", |alert| alert.read_from.clear()),
    ("accounts", |alert| alert.accounts.clear()),
    ("positions", |alert| alert.positions.clear()),
    ("facts", |alert| alert.facts.clear()),
    ("signals", |alert| alert.signals.clear()),
];

fn thin(
    alert: &Alert,
    public_url: Option<&str>,
    trimmed: Vec<&'static str>,
) -> serde_json::Result<String> {
    let text = alert.explanation.as_str();
    let mut ends = (0..=EXPLANATION_BYTES_MAX.min(text.len())).rev();
    let end = ends.find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    serde_json::to_string(&Thin {
        id: &alert.id,
        revision: alert.revision,
        severity: alert.severity,
        status: alert.status,
        entity: &alert.entity,
        persons: alert.exposure.persons,
        explanation: &text[..end],
        link: public_url.map(|url| format!("{}/alerts/{}", url.trim_end_matches('/'), alert.id)),
        trimmed,
    })
}

/// The three members that every body has; `data` is JSON already.
pub(super) fn envelope(kind: &str, time: &str, data: &str) -> serde_json::Result<String> {
    let [kind, time] = [serde_json::to_string(kind)?, serde_json::to_string(time)?];
    Ok(format!(r#"{{"type":{kind},"timestamp":{time},"data":{data}}}"#))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::alert::SeenEvent;

    fn alert() -> Alert {
        serde_json::from_str(include_str!("../../tests/store/alert.json")).unwrap()
    }

    fn owed(alert: &Alert) -> Owed {
        Owed {
            seq: 1,
            sink: "siem".into(),
            id: alert.id.clone(),
            revision: alert.revision,
            kind: "alert.opened".into(),
            attempts: 0,
            last_error: None,
            created_at: 1_707_000_000_000,
            done_at: None,
            body: serde_json::to_string(alert).unwrap(),
            note: false,
        }
    }

    fn sent(alert: &Alert, detail: Detail) -> Value {
        let body = body(&owed(alert), detail, Some("https://vigie.example/")).unwrap();
        assert!(body.len() <= BODY_BYTES_MAX, "{}", body.len());
        serde_json::from_str(&body).unwrap()
    }

    #[test]
    fn thin_says_where_to_read_on() {
        let alert = alert();
        let sent = sent(&alert, Detail::Thin);
        assert_eq!(sent["type"], "alert.opened");
        assert_eq!(sent["timestamp"], json!(alert.updated_at));
        let data = sent["data"].as_object().unwrap();
        let keys: Vec<&str> = data.keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            ["entity", "explanation", "id", "link", "persons", "revision", "severity", "status"]
        );
        assert_eq!(data["link"], json!(format!("https://vigie.example/alerts/{}", alert.id)));
        let bare = body(&owed(&alert), Detail::Thin, None).unwrap();
        assert!(!bare.contains("link"), "{bare}");
    }

    #[test]
    fn full_is_the_contract_to_the_byte() {
        let alert = alert();
        let body = body(&owed(&alert), Detail::Full, None).unwrap();
        let data = serde_json::to_string(&alert).unwrap();
        assert!(body.ends_with(&format!(r#","data":{data}}}"#)), "{body}");
    }

    #[test]
    fn what_is_too_long_is_left_out_and_said() {
        let mut alert = alert();
        let event = SeenEvent {
            at: "2024-02-06T10:00:00Z".into(),
            position: 7,
            action: "search".into(),
            persons: 50,
            ip: Some("203.0.113.7".into()),
            device: None,
            session: Some("s".repeat(40)),
        };
        alert.events = vec![event; 200];
        let sent_alert = sent(&alert, Detail::Full);
        assert_eq!(sent_alert["data"]["trimmed"], json!(["events"]));
        assert_eq!(sent_alert["data"]["events"], Value::Null);
        assert_eq!(sent_alert["data"]["signals"], serde_json::to_value(&alert.signals).unwrap());

        alert.seen.ips = vec!["2001:db8::1".repeat(10); 200];
        assert_eq!(sent(&alert, Detail::Full)["data"]["trimmed"], json!(["events", "seen"]));

        alert.explanation = "é".repeat(30_000);
        let least = sent(&alert, Detail::Full);
        assert_eq!(least["data"]["trimmed"], json!(["all"]));
        assert_eq!(least["data"]["persons"], json!(alert.exposure.persons));
    }

    #[test]
    fn a_note_goes_as_it_is() {
        let note = Owed {
            kind: "vigie.blind".into(),
            note: true,
            body: r#"{"code":"source-silent"}"#.into(),
            ..owed(&alert())
        };
        assert_eq!(
            body(&note, Detail::Thin, None).unwrap(),
            r#"{"type":"vigie.blind","timestamp":"2024-02-03T22:40:00.000Z","data":{"code":"source-silent"}}"#
        );
    }

    #[test]
    fn an_unknown_contract_is_an_error() {
        let other = Owed { body: r#"{"id":"x"}"#.into(), ..owed(&alert()) };
        assert!(body(&other, Detail::Thin, None).is_err());
    }
}
