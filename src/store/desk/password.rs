//! Passwords: argon2id with the crate's own parameters (19 MiB, 2 passes), in the PHC format, which
//! carries them, so that they can grow.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

/// Fewest characters of a password.
pub const CHARS_MIN: usize = 12;

/// Most characters: argon2 reads them all, for anybody who knocks.
pub const CHARS_MAX: usize = 256;

/// A hash that no password has, of the usual cost: unknown names take as long as known ones.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The hash to store of a new password.
///
/// # Errors
/// It is too short or too long, or the machine has no randomness; the sentence says which.
pub fn hash(password: &str) -> Result<String, String> {
    let length = password.chars().count();
    if !(CHARS_MIN..=CHARS_MAX).contains(&length) {
        return Err(format!("a password has {CHARS_MIN} to {CHARS_MAX} characters"));
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|e| format!("the system has no randomness: {e}"))?;
    let salt = SaltString::encode_b64(&salt).map_err(|e| e.to_string())?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|e| e.to_string())
}

/// Whether this is the password; `None`: there is no such user, which takes as long to say.
#[must_use]
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    if password.chars().count() > CHARS_MAX {
        return false;
    }
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else { return false };
    let right = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    right && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_is_the_password() {
        let stored = hash("correct horse battery").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash("correct horse battery").unwrap(), "salted");
        assert!(verify("correct horse battery", Some(&stored)));
        assert!(!verify("correct horse batterz", Some(&stored)));
        assert!(!verify("correct horse battery", None));
        assert!(!verify("", Some("no hash")));
        assert!(PasswordHash::new(NOBODY).is_ok(), "unknown names cost as much as known ones");
    }

    #[test]
    fn a_password_is_neither_short_nor_endless() {
        for length in [0, CHARS_MIN - 1, CHARS_MAX + 1] {
            let wanted = "a password has 12 to 256 characters";
            assert_eq!(hash(&"é".repeat(length)).unwrap_err(), wanted);
        }
        assert!(hash(&"é".repeat(CHARS_MIN)).is_ok());
        assert!(!verify(&"x".repeat(1_000_000), None));
    }
}
