//! Passwords as argon2id hashes. A verification takes tens of milliseconds and 19 MiB on purpose, so
//! only a few run at a time, on threads that may block.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Argon2, Params};
use tokio::sync::Semaphore;

use crate::console::problem::{Code, Problem};
use crate::console::secret;

/// Characters of a new password, at least.
pub const LENGTH_MIN: usize = 12;
/// Bytes of a password, at most: hashing must not be a way to keep the machine busy.
pub const BYTES_MAX: usize = 1_024;

/// Verifications at a time: 19 MiB and a core each.
const AT_A_TIME: usize = 2;

/// Hashes a new password, to be kept with its user.
///
/// # Errors
/// It is shorter than [`LENGTH_MIN`] or longer than [`BYTES_MAX`]; what is wrong, in words.
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.chars().count() < LENGTH_MIN || password.len() > BYTES_MAX {
        return Err(format!(
            "a password has at least {LENGTH_MIN} characters and at most {BYTES_MAX} bytes"
        ));
    }
    hash(password).map_err(|problem| problem.cause().unwrap_or("cannot hash").to_owned())
}

fn hash(password: &str) -> Result<String, Problem> {
    let failed =
        |error: argon2::password_hash::Error| Problem::internal("argon2", &error.to_string());
    let salt = SaltString::encode_b64(&secret::random::<16>()?).map_err(failed)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(failed)?;
    Ok(hash.to_string())
}

/// Compares passwords with hashes, a few at a time.
#[derive(Debug)]
pub(in crate::console) struct Verifier {
    room: Semaphore,
    /// Of a password nobody has: an unknown user takes as long as a known one.
    nobody: String,
}

impl Verifier {
    pub(in crate::console) fn new() -> Result<Verifier, Problem> {
        let nobody = hash(&secret::token()?)?;
        Ok(Verifier { room: Semaphore::new(AT_A_TIME), nobody })
    }

    /// Whether the password is the one behind the hash; without a hash it is not, just as slowly.
    pub(in crate::console) async fn verify(
        &self,
        hash: Option<String>,
        password: String,
    ) -> Result<bool, Problem> {
        let busy = |_| Problem::new(Code::NotReady, "the console is stopping");
        let _place = self.room.acquire().await.map_err(busy)?;
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let right = tokio::task::spawn_blocking(move || matches(&hash, &password)).await;
        right
            .map(|right| right && known)
            .map_err(|error| Problem::internal("verifying a password", &error.to_string()))
    }
}

/// False too when the hash cannot be read, or asks for more memory than ours ever do.
fn matches(hash: &str, password: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let modest = Params::try_from(&hash).is_ok_and(|p| {
        p.m_cost() <= 16 * Params::DEFAULT_M_COST && p.t_cost() <= 8 * Params::DEFAULT_T_COST
    });
    modest
        && password.len() <= BYTES_MAX
        && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_matches_its_hash() {
        let hash = hash_password("correct horse battery").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(matches(&hash, "correct horse battery"));
        assert!(!matches(&hash, "correct horse batterz"));
        assert!(!matches(&hash, ""));
        assert!(!matches("", "correct horse battery"));
        let greedy = hash.replace("m=19456", "m=4000000000");
        assert!(!matches(&greedy, "correct horse battery"));
        assert_ne!(hash, hash_password("correct horse battery").unwrap());
    }

    #[test]
    fn a_password_is_neither_short_nor_endless() {
        let wanted = Err("a password has at least 12 characters and at most 1024 bytes".to_owned());
        assert_eq!(hash_password("elevenchars"), wanted);
        assert_eq!(hash_password(&"x".repeat(1_025)), wanted);
        assert!(hash_password("élévation-de").is_ok());
    }
}
