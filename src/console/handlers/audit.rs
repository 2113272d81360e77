//! Who did and saw what.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::show as show_page;
use crate::console::dispatch::Call;
use crate::console::pages::{self, Audit, AuditEntry};
use crate::console::problem::Problem;
use crate::store::desk;

/// Entries of a page.
const ROWS: u32 = 100;
/// Characters of a hash that people compare.
const HASH_CHARS: usize = 12;

/// `GET /audit`
pub(in crate::console) async fn show(call: Call) -> Result<Response, Problem> {
    let before = call.asked("before").and_then(|seq| seq.parse::<i64>().ok());
    call.state.record_view(call.who.actor(), "audit.view", "audit".to_owned(), json!({})).await?;
    let page = call.state.desk(move |desk| read(desk, before)).await?;
    show_page(&call, StatusCode::OK, |chrome| pages::audit(&page, chrome)).await
}

fn read(desk: &mut desk::Desk, before: Option<i64>) -> Result<Audit, Problem> {
    let entries = desk.audit_page(before, ROWS)?;
    let full = entries.len() == ROWS as usize;
    let next = entries.last().map(|entry| entry.seq).filter(|seq| full && *seq > 1);
    // The whole chain once a visit, not on every older page.
    let chain = match before {
        Some(_) => None,
        None => {
            let check = desk.verify_audit()?;
            Some(check.broken_at.map_or(Ok(check.entries), Err))
        }
    };
    Ok(Audit { entries: entries.into_iter().map(entry).collect(), next, chain })
}

fn entry(entry: desk::AuditEntry) -> AuditEntry {
    AuditEntry {
        seq: entry.seq,
        at: entry.at,
        actor: entry.actor,
        what: entry.what,
        subject: entry.subject,
        detail: entry.detail,
        hash: entry.hash.chars().take(HASH_CHARS).collect(),
    }
}
