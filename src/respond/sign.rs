//! Standard Webhooks signatures.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use standardwebhooks::Webhook;

/// Bytes that a secret may have, by the specification.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A shared secret. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Reads `whsec_` and base64, with white space around it.
    ///
    /// # Errors
    /// It is not that, or not 24 to 64 bytes; the message does not repeat it.
    pub fn parse(text: &str) -> Result<Secret, String> {
        let fix = "must be `whsec_` and the base64 of 24 to 64 random bytes, for example \
                   whsec_$(openssl rand -base64 32)";
        let coded = text.trim().strip_prefix("whsec_").ok_or(fix)?;
        let bytes = STANDARD.decode(coded).map_err(|_| fix)?;
        if BYTES.contains(&bytes.len()) { Ok(Secret(bytes)) } else { Err(fix.into()) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The `webhook-signature` header: one signature a secret, so that secrets can be changed without
/// a gap. `timestamp` is the attempt's, in seconds.
///
/// # Errors
/// The library refuses; it does not for text.
pub fn signature(
    secrets: &[Secret],
    id: &str,
    timestamp: i64,
    body: &str,
) -> Result<String, String> {
    let sign = |secret: &Secret| {
        let signer = Webhook::from_bytes(secret.0.clone()).map_err(|e| e.to_string())?;
        signer.sign(id, timestamp, body.as_bytes()).map_err(|e| e.to_string())
    };
    Ok(secrets.iter().map(sign).collect::<Result<Vec<_>, _>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_known_vector() {
        let body = r#"{"type":"alert.opened","timestamp":"2024-11-21T14:40:00Z","data":{"alert_id":"01JD7Q5ZK9M3V8W2X4Y6A0B1C2"}}"#;
        let id = "msg_01JD7Q5ZK9M3V8W2X4Y6A0B1C2";
        let known = "v1,R9rSBgqGPonFQT9oLYY8NjOqqmSsfzp0dEAlbBk5Wg4=";
        let old = Secret::parse(OLD).unwrap();
        let new = Secret::parse(&format!("whsec_{}\n", STANDARD.encode([7; 32]))).unwrap();
        assert_eq!(signature(&[old.clone()], id, 1_732_200_000, body).unwrap(), known);
        let both = signature(&[new, old], id, 1_732_200_000, body).unwrap();
        assert!(both.ends_with(&format!(" {known}")), "{both}");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        for text in ["", "hunter2hunter2hunter2hunter2", "whsec_?", &short, &long] {
            let error = Secret::parse(text).unwrap_err();
            assert!(error.starts_with("must be `whsec_`"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
        assert_eq!(format!("{:?}", Secret::parse(OLD).unwrap()), "Secret(…)");
    }
}
