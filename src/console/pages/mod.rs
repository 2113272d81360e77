//! Pages as pure functions: what a page is told in, HTML out. No clock, no store, no HTTP.

mod account;
mod alert;
mod assets;
mod chart;
mod frame;
mod panel;
mod plain;
mod promise;
pub mod query;
mod queue;
mod reading;
#[cfg(test)]
mod samples;
mod say;
mod service;
mod stream;
#[cfg(test)]
mod tests;
pub mod view;
mod why;
mod words;

pub use assets::{Asset, asset};
pub use view::*;

/// The queue (`/alerts`).
#[must_use]
pub fn queue(page: &Queue, chrome: &Chrome) -> String {
    queue::render(page, chrome)
}

/// One alert (`/alerts/{id}`); also the answer, 409 or 422, to a form with a problem.
#[must_use]
pub fn alert(page: &AlertPage, chrome: &Chrome) -> String {
    alert::render(page, chrome)
}

/// One account (`/accounts/{name}`), once it may be shown.
#[must_use]
pub fn account(page: &AccountPage, chrome: &Chrome) -> String {
    account::render(page, chrome)
}

/// The form that asks why (`/accounts/{name}` without alert or reason).
#[must_use]
pub fn account_reason(page: &AccountReason, chrome: &Chrome) -> String {
    account::render_reason(page, chrome)
}

/// How vigie itself is (`/health`).
#[must_use]
pub fn health(page: &Health, chrome: &Chrome) -> String {
    service::health(page, chrome)
}

/// The audit trail (`/audit?before=SEQ`).
#[must_use]
pub fn audit(page: &Audit, chrome: &Chrome) -> String {
    service::audit(page, chrome)
}

/// The login form (`/login`).
#[must_use]
pub fn login(page: &Login, chrome: &Chrome) -> String {
    plain::login(page, chrome)
}

/// What went wrong, instead of a page.
#[must_use]
pub fn failure(page: &Failure, chrome: &Chrome) -> String {
    plain::failure(page, chrome)
}

/// Help for the keys (`/help`) and the accessibility statement (`/accessibility`).
#[must_use]
pub fn text(page: Text, chrome: &Chrome) -> String {
    plain::text(page, chrome)
}
