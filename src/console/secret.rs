//! Random bytes, their text, and comparing without telling how much was right.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::Problem;

/// Bytes of the block that HMAC pads its key to (RFC 2104, SHA-256).
const BLOCK: usize = 64;

/// Bytes nobody can guess.
///
/// # Errors
/// The operating system has none.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::internal("no random bytes", &error.to_string()))?;
    Ok(bytes)
}

/// 256 bits nobody can guess, as text that fits cookies, forms and headers.
pub(super) fn token() -> Result<String, Problem> {
    random::<32>().map(|bytes| encode(&bytes))
}

/// Bytes as text that fits URLs.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of [`encode`].
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Whether two texts are equal, in a time that depends on their lengths alone.
pub(super) fn same(a: &str, b: &str) -> bool {
    equal(a.as_bytes(), b.as_bytes())
}

/// HMAC-SHA-256 (RFC 2104) of parts, each behind its length.
pub(super) fn sign(key: &[u8; 32], parts: &[&str]) -> [u8; 32] {
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part.as_bytes());
    }
    hmac(key, &message)
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha_256() {
        // RFC 4231 §4.2, its 20-byte key padded with zeroes, as RFC 2104 pads it anyway.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let hex: String = hmac(&key, b"Hi There").iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = [7; 32];
        let signature = sign(&key, &["ab", "c"]);
        assert!(equal(&sign(&key, &["ab", "c"]), &signature));
        assert!(!equal(&sign(&key, &["a", "bc"]), &signature));
        assert!(!equal(&sign(&[8; 32], &["ab", "c"]), &signature));
        assert!(!equal(&signature[..31], &signature));
    }

    #[test]
    fn tokens_differ_and_fit_a_cookie() {
        let (a, b) = (token().unwrap(), token().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.len(), 43);
        assert!(a.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_'));
        assert_eq!(decode(&a).unwrap().len(), 32);
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
    }
}
