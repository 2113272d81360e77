//! Person id → keyed hash. The only file that sees a raw identifier: what leaves it is a
//! [`Person`], and nothing here stores, logs or prints what it was given; but for [`Witness`], which
//! is for evidence and nothing else.

use std::cell::RefCell;
use std::fmt;
use std::hash::Hasher;

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher24;

use crate::event::Person;

/// The 128-bit key of the pseudonyms. Whoever holds it and a list of identifiers can link them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PseudonymKey([u8; 16]);

/// Why a text is not a key. Says nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pseudonym key is 32 hexadecimal characters (128 bits); this has {characters}{other}")]
pub struct KeyError {
    characters: usize,
    other: &'static str,
}

impl PseudonymKey {
    /// The fixed key of `replay`, `evaluate` and `check` when no other is given: everyone has it,
    /// so what it hashes is not protected and must not be stored.
    pub const PUBLIC: PseudonymKey = PseudonymKey(*b"vigie public key");

    /// A key from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> PseudonymKey {
        PseudonymKey(bytes)
    }

    /// Reads 32 hexadecimal characters; white space around them is ignored.
    ///
    /// # Errors
    /// When there are more or fewer characters, or others.
    pub fn parse(text: &str) -> Result<PseudonymKey, KeyError> {
        let text = text.trim();
        let characters = text.chars().count();
        if characters != 32 {
            return Err(KeyError { characters, other: "" });
        }
        let mut digits = text.chars().map(|c| c.to_digit(16));
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) else {
                return Err(KeyError { characters, other: ", some of them not hexadecimal" });
            };
            *byte = (high << 4 | low) as u8;
        }
        Ok(PseudonymKey(bytes))
    }

    /// Tells keys apart without giving one away: the first 8 bytes of SHA-256 over
    /// `vigie-pseudonym-key-1` and the key. It is in every snapshot.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 8] {
        let digest = Sha256::new().chain_update(b"vigie-pseudonym-key-1").chain_update(self.0);
        let mut first = [0; 8];
        for (byte, hashed) in first.iter_mut().zip(digest.finalize()) {
            *byte = hashed;
        }
        first
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PseudonymKey({:016x})", u64::from_be_bytes(self.fingerprint()))
    }
}

/// Turns identifiers into pseudonyms under one key. Cheap to clone.
#[derive(Clone)]
pub struct Pseudonymiser {
    key: PseudonymKey,
    fresh: SipHasher24,
    /// The hasher after `<default namespace>:`.
    prefixed: SipHasher24,
}

impl Pseudonymiser {
    /// `default_namespace` goes before every identifier that names none; see [`is_namespace`].
    #[must_use]
    pub fn new(key: PseudonymKey, default_namespace: &str) -> Pseudonymiser {
        let fresh = SipHasher24::new_with_key(&key.0);
        let mut prefixed = fresh;
        prefixed.write(default_namespace.as_bytes());
        prefixed.write(b":");
        Pseudonymiser { key, fresh, prefixed }
    }

    /// The pseudonym of an identifier, with or without a namespace.
    #[must_use]
    #[inline]
    pub fn person(&self, raw: &str) -> Person {
        let own = namespace_length(raw);
        let mut hasher = if own == 0 { self.prefixed } else { self.fresh };
        let tail = own + last_three(&raw[own..]);
        hasher.write(&raw.as_bytes()[..tail]);
        let block = (hasher.finish() >> 32) as u32;
        hasher.write(&raw.as_bytes()[tail..]);
        Person { id: hasher.finish(), block }
    }

    /// A keyed hash of anything else that is compared and never shown (a query template, an
    /// endpoint, an account in an export). Domains never collide with each other or with persons.
    #[must_use]
    pub fn opaque(&self, domain: &str, text: &str) -> u64 {
        let mut hasher = self.fresh;
        hasher.write(b"\0");
        hasher.write(domain.as_bytes());
        hasher.write(b"\0");
        hasher.write(text.as_bytes());
        hasher.finish()
    }
}

impl fmt::Debug for Pseudonymiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pseudonymiser").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What becomes of a raw identifier.
pub trait Naming {
    /// See [`Pseudonymiser::person`].
    fn person(&self, raw: &str) -> Person;

    /// See [`Pseudonymiser::opaque`].
    fn opaque(&self, domain: &str, text: &str) -> u64;
}

impl Naming for Pseudonymiser {
    #[inline]
    fn person(&self, raw: &str) -> Person {
        Pseudonymiser::person(self, raw)
    }

    fn opaque(&self, domain: &str, text: &str) -> u64 {
        Pseudonymiser::opaque(self, domain, text)
    }
}

/// A [`Pseudonymiser`] that remembers what it was given until it is asked for it: the only way to a
/// raw identifier.
pub struct Witness {
    pseudonymiser: Pseudonymiser,
    seen: RefCell<Vec<(Person, Box<str>)>>,
}

impl Witness {
    pub(super) fn of(pseudonymiser: Pseudonymiser) -> Witness {
        Witness { pseudonymiser, seen: RefCell::default() }
    }

    pub(super) fn take(&mut self) -> Vec<(Person, Box<str>)> {
        std::mem::take(self.seen.get_mut())
    }
}

impl Naming for Witness {
    fn person(&self, raw: &str) -> Person {
        let person = self.pseudonymiser.person(raw);
        self.seen.borrow_mut().push((person, raw.into()));
        person
    }

    fn opaque(&self, domain: &str, text: &str) -> u64 {
        self.pseudonymiser.opaque(domain, text)
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness")
            .field("pseudonymiser", &self.pseudonymiser)
            .finish_non_exhaustive()
    }
}

/// Longest namespace, in bytes.
const NAMESPACE_BYTES_MAX: usize = 16;

/// Whether a text can be a namespace: 1–16 of `a-z 0-9 _ -`, a letter first.
#[must_use]
pub fn is_namespace(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.len() <= NAMESPACE_BYTES_MAX
        && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// Bytes of the namespace and its colon at the start of an identifier; 0 when it carries none.
fn namespace_length(raw: &str) -> usize {
    let start = &raw.as_bytes()[..raw.len().min(NAMESPACE_BYTES_MAX + 1)];
    match start.iter().position(|b| *b == b':') {
        Some(colon) if is_namespace(&raw[..colon]) => colon + 1,
        _ => 0,
    }
}

/// Where the last three characters of an identifier begin.
fn last_three(id: &str) -> usize {
    let plain = id.len().saturating_sub(3);
    if id.is_char_boundary(plain) && id.as_bytes()[plain..].is_ascii() {
        return plain;
    }
    id.char_indices().rev().nth(2).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Pseudonymiser {
        Pseudonymiser::new(PseudonymKey::PUBLIC, "ft")
    }

    fn sip(text: &str) -> u64 {
        let mut hasher = SipHasher24::new_with_key(b"vigie public key");
        hasher.write(text.as_bytes());
        hasher.finish()
    }

    #[test]
    fn a_person_is_the_hash_of_namespace_and_id() {
        let check = |raw: &str, id: &str, block: &str| {
            let expected = Person { id: sip(id), block: (sip(block) >> 32) as u32 };
            assert_eq!(hasher().person(raw), expected, "{raw}");
        };
        check("123456", "ft:123456", "ft:123");
        check("ft:123456", "ft:123456", "ft:123");
        check("nir:123456", "nir:123456", "nir:123");
        check("NIR:123456", "ft:NIR:123456", "ft:NIR:123");
        check("9a:123456", "ft:9a:123456", "ft:9a:123");
        check("abcdefghijklmnop:123456", "abcdefghijklmnop:123456", "abcdefghijklmnop:123");
        check("abcdefghijklmnopq:1234", "ft:abcdefghijklmnopq:1234", "ft:abcdefghijklmnopq:1");
        check("12", "ft:12", "ft:");
        check("nir:12", "nir:12", "nir:");
        check("", "ft:", "ft:");
        check("aé€x𝄞", "ft:aé€x𝄞", "ft:aé");
        check("é", "ft:é", "ft:");
    }

    #[test]
    fn opaque_domains_do_not_meet() {
        let hash = hasher();
        assert_ne!(hash.opaque("query", "x"), hash.opaque("resource", "x"));
        assert_ne!(hash.opaque("query", "x"), hash.opaque("quer", "yx"));
        assert_ne!(hash.opaque("ft", "x"), hash.person("x").id);
    }

    #[test]
    fn another_key_gives_other_persons() {
        let other = Pseudonymiser::new(PseudonymKey::from_bytes([7; 16]), "ft");
        assert_ne!(other.person("123456"), hasher().person("123456"));
    }

    #[test]
    fn a_witness_says_the_same_and_what_it_was_given_once() {
        let mut witness = Witness::of(hasher());
        for raw in ["123456", "nir:1850399"] {
            assert_eq!(Naming::person(&witness, raw), hasher().person(raw));
        }
        assert_eq!(Naming::opaque(&witness, "d", "t"), hasher().opaque("d", "t"));
        assert!(!format!("{witness:?}").contains("1850399"));
        let seen = witness.take();
        let expected = ["123456", "nir:1850399"].map(|raw| (hasher().person(raw), raw.into()));
        assert_eq!(seen, expected);
        assert_eq!(witness.take(), []);
    }

    #[test]
    fn keys_are_read_and_never_shown() {
        let key = PseudonymKey::parse(" 7669676965207075626C6963206b6579\n");
        assert_eq!(key, Ok(PseudonymKey::PUBLIC));
        let check = |text: &str, ending: &str| {
            let error = PseudonymKey::parse(text).unwrap_err().to_string();
            let expected = "a pseudonym key is 32 hexadecimal characters (128 bits); this has";
            assert_eq!(error, format!("{expected} {ending}"));
        };
        check("766967696520707562", "18");
        check("zz69676965207075626c6963206b6579", "32, some of them not hexadecimal");
        let shown = format!("{:?} {:?}", PseudonymKey::PUBLIC, hasher());
        assert_eq!(shown.matches("PseudonymKey(9a114262eee8c4e6)").count(), 2, "{shown}");
        assert!(!shown.contains("7669"), "{shown}");
    }
}
