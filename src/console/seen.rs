//! Who looked at what lately: a view is written down once an hour for each person and thing, so
//! that the trail tells of views and not of reloads. Kept in memory: a restart begins anew.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::secret;
use crate::event::TimestampMs;

/// A view within this time of the last one is the same view.
const HOUR_MS: i64 = 3_600_000;

/// Views remembered; beyond, all are forgotten, and written down again when they recur.
const VIEWS_MAX: usize = 50_000;

/// Views of the last hour.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<HashMap<[u8; 32], TimestampMs>>);

impl Seen {
    /// Whether this very view, for the same reason, is on record within the hour.
    pub(super) fn lately(
        &self,
        actor: &str,
        what: &str,
        subject: &str,
        detail: &Value,
        now: TimestampMs,
    ) -> bool {
        let views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        views.get(&key(actor, what, subject, detail)).is_some_and(|at| now - at < HOUR_MS)
    }

    /// It is on record now.
    pub(super) fn note(
        &self,
        actor: &str,
        what: &str,
        subject: &str,
        detail: &Value,
        now: TimestampMs,
    ) {
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if views.len() >= VIEWS_MAX {
            views.retain(|_, at| now - *at < HOUR_MS);
        }
        if views.len() >= VIEWS_MAX {
            views.clear();
        }
        views.insert(key(actor, what, subject, detail), now);
    }
}

/// Of fixed size, whatever the names.
fn key(actor: &str, what: &str, subject: &str, detail: &Value) -> [u8; 32] {
    secret::sign(&[0; 32], &[actor, what, subject, &detail.to_string()])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_view_an_hour_and_reason() {
        let seen = Seen::default();
        let reason = json!({"reason": "call from the unit"});
        seen.note("anna", "account.view", "cap1", &reason, 0);
        let lately = |actor, subject, detail: &Value, now| {
            seen.lately(actor, "account.view", subject, detail, now)
        };
        assert!(lately("anna", "cap1", &reason, HOUR_MS - 1));
        assert!(!lately("anna", "cap1", &reason, HOUR_MS));
        assert!(!lately("bert", "cap1", &reason, 1));
        assert!(!lately("anna", "cap2", &reason, 1));
        assert!(!lately("anna", "cap1", &json!({"reason": "another"}), 1));
    }

    #[test]
    fn memory_is_bounded() {
        let seen = Seen::default();
        for n in 0..=VIEWS_MAX {
            seen.note("anna", "alert.view", &n.to_string(), &Value::Null, 0);
        }
        assert!(seen.0.lock().unwrap().len() <= VIEWS_MAX);
    }
}
