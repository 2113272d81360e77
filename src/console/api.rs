//! `/api/v1`: the same alerts for programs. JSON in snake_case, additive changes only, problem
//! documents for all that fails.
//!
//! There is no Idempotency-Key: the only writes name the version they saw (`If-Match`), so that a
//! repeat is answered with 412 and the current state, and never applied twice.

use std::collections::BTreeSet;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::dispatch::Call;
use super::problem::{Code, Problem};

pub(super) mod accounts;
pub(super) mod alerts;
pub(super) mod budget;
pub(super) mod openapi;
pub(super) mod triage;
pub(super) mod wire;

/// An answer in JSON.
fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Refuses parameters that are unknown or there twice: a filter that is not understood must not
/// look like one that matched everything.
fn only(call: &Call, known: &[&str]) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for (name, _) in &call.query {
        if !known.contains(&name.as_str()) {
            let choices = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(wrong(name, format!("unknown; valid choices: {choices}")));
        }
        if !seen.insert(name) {
            return Err(wrong(name, "is there twice".to_owned()));
        }
    }
    Ok(())
}

fn wrong(name: &str, problem: String) -> Problem {
    let shown: String = name.chars().take(64).collect();
    Problem::new(Code::BadParameter, format!("{shown}: {problem}")).with("parameter", shown.into())
}
