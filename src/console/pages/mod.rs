//! Pages as pure functions: what a page is told in, HTML out. No clock, no store, no HTTP.

mod assets;
pub mod query;
pub mod view;

pub use assets::{Asset, asset};
pub use view::*;

/// The queue (`/alerts`).
#[must_use]
pub fn queue(page: &Queue, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

/// One alert (`/alerts/{id}`); also the answer, 409 or 422, to a form with a problem.
#[must_use]
pub fn alert(page: &AlertPage, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

/// One account (`/accounts/{name}`), once it may be shown.
#[must_use]
pub fn account(page: &AccountPage, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

/// The form that asks why (`/accounts/{name}` without alert or reason).
#[must_use]
pub fn account_reason(page: &AccountReason, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

/// How vigie itself is (`/health`).
#[must_use]
pub fn health(page: &Health, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

/// The audit trail (`/audit?before=SEQ`).
#[must_use]
pub fn audit(page: &Audit, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

/// The login form (`/login`).
#[must_use]
pub fn login(page: &Login, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

/// What went wrong, instead of a page.
#[must_use]
pub fn failure(page: &Failure, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

/// Help for the keys (`/help`) and the accessibility statement (`/accessibility`).
#[must_use]
pub fn text(page: Text, chrome: &Chrome) -> String {
    let _ = page;
    bare(chrome)
}

fn bare(chrome: &Chrome) -> String {
    format!("<!doctype html><title>vigie</title><p>{}", chrome.counts.open.value)
}
