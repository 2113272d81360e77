//! Guessing passwords is slow: attempts are counted by user, by address and by both.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::event::TimestampMs;

/// Failures are forgotten after so long without another.
const FORGET_MS: i64 = 15 * 60_000;
/// Longest wait between two attempts.
const WAIT_MAX_MS: i64 = 60_000;
/// Counters held; beyond, the one that was quiet for longest goes.
const COUNTERS_MAX: usize = 10_000;
/// Names of users longer than this count as one.
const NAME_BYTES_MAX: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// A user from an address.
    Both(String, IpAddr),
    /// A user from anywhere.
    User(String),
    /// An address, whomever it tries.
    Address(IpAddr),
}

impl Key {
    /// Attempts before waiting begins.
    fn free(&self) -> u32 {
        match self {
            Key::Both(..) => 5,
            // Higher, so that strangers cannot lock a user out with a handful of requests.
            Key::User(_) => 50,
            Key::Address(_) => 25,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Count {
    failures: u32,
    last: TimestampMs,
}

/// Attempts to log in.
#[derive(Debug, Default)]
pub(in crate::console) struct Throttle {
    counts: Mutex<HashMap<Key, Count>>,
}

impl Throttle {
    /// Counts an attempt, as failed until [`Throttle::succeeded`] says otherwise: attempts that run
    /// at the same time count too.
    ///
    /// # Errors
    /// Milliseconds to wait before the next one; the attempt must not be made.
    pub(in crate::console) fn attempt(
        &self,
        user: &str,
        address: IpAddr,
        now: TimestampMs,
    ) -> Result<(), i64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(user, address);
        let wait = keys.iter().filter_map(|key| Some(wait(key, counts.get(key)?, now))).max();
        if let Some(wait) = wait.filter(|wait| *wait > 0) {
            return Err(wait);
        }
        for key in keys {
            let known = counts.get(&key).filter(|count| now - count.last < FORGET_MS);
            let failures = known.map_or(0, |count| count.failures).saturating_add(1);
            counts.insert(key, Count { failures, last: now });
        }
        while counts.len() > COUNTERS_MAX {
            let oldest = counts.iter().min_by_key(|(_, count)| count.last);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            counts.remove(&key);
        }
        Ok(())
    }

    /// The password was right: the attempt was none.
    pub(in crate::console) fn succeeded(&self, user: &str, address: IpAddr) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let [both, user, address] = keys(user, address);
        counts.remove(&both);
        // One right password says nothing about the other attempts of an address.
        for key in [user, address] {
            if let Some(count) = counts.get_mut(&key) {
                count.failures = count.failures.saturating_sub(1);
            }
        }
    }
}

fn keys(user: &str, address: IpAddr) -> [Key; 3] {
    let user = if user.len() > NAME_BYTES_MAX { "" } else { user };
    let address = network(address);
    [Key::Both(user.to_owned(), address), Key::User(user.to_owned()), Key::Address(address)]
}

/// Whoever has one IPv6 address has the /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
            IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into())
        }
        other => other.to_canonical(),
    }
}

fn wait(key: &Key, count: &Count, now: TimestampMs) -> i64 {
    let Some(excess) = count.failures.checked_sub(key.free()) else { return 0 };
    if now - count.last >= FORGET_MS {
        return 0;
    }
    let wait = 1_000_i64.checked_shl(excess.min(16)).unwrap_or(WAIT_MAX_MS).min(WAIT_MAX_MS);
    (count.last + wait - now).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn waits_grow_and_are_forgotten() {
        let throttle = Throttle::default();
        let (user, from) = ("anna", ip("10.0.0.1"));
        for _ in 0..5 {
            assert_eq!(throttle.attempt(user, from, 0), Ok(()));
        }
        assert_eq!(throttle.attempt(user, from, 0), Err(1_000));
        assert_eq!(throttle.attempt(user, from, 400), Err(600));
        assert_eq!(throttle.attempt(user, from, 1_000), Ok(()));
        assert_eq!(throttle.attempt(user, from, 1_000), Err(2_000));
        // Others are not held up, nor is she from elsewhere.
        assert_eq!(throttle.attempt("bert", from, 1_000), Ok(()));
        assert_eq!(throttle.attempt(user, ip("10.0.0.2"), 1_000), Ok(()));
        assert_eq!(throttle.attempt(user, from, 1_000 + FORGET_MS), Ok(()));
    }

    #[test]
    fn a_right_password_clears_the_way() {
        let throttle = Throttle::default();
        for n in 0..200 {
            assert_eq!(throttle.attempt("anna", ip("10.0.0.1"), n), Ok(()), "{n}");
            throttle.succeeded("anna", ip("10.0.0.1"));
        }
    }

    #[test]
    fn many_names_from_one_network_are_one_guesser() {
        let throttle = Throttle::default();
        let tried = (0..100).filter(|n| {
            let from = ip(&format!("2001:db8::{n}"));
            throttle.attempt(&format!("user{n}"), from, 0).is_ok()
        });
        assert_eq!(tried.count(), 25);
    }

    #[test]
    fn counters_are_bounded() {
        let throttle = Throttle::default();
        for n in 0..6_000_u32 {
            let from = IpAddr::V4(n.into());
            let _ = throttle.attempt(&"x".repeat(500), from, i64::from(n) * FORGET_MS);
        }
        assert!(throttle.counts.lock().unwrap().len() <= COUNTERS_MAX);
    }
}
