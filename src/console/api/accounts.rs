//! An account, for a reason that is written down.

use axum::response::Response;

use super::{json, only, wire};
use crate::console::dispatch::Call;
use crate::console::handlers::account::{Why, look};
use crate::console::pages::{Day, REASON_CHARS_MIN};
use crate::console::problem::{Code, Problem};
use crate::watch::AccountCard;

/// One account. Names an alert about it, or a reason; either is written down.
#[utoipa::path(get, path = "/api/v1/accounts/{name}", tag = "accounts", params(
    ("name" = String, Path),
    ("alert" = Option<String>, Query, description = "id of an alert about the account"),
    ("reason" = Option<String>, Query, min_length = 8, description = "in words, at least 8 characters"),
), responses(
    (status = 200, description = "the account", body = wire::Account),
    (status = 400, description = "neither alert nor reason", body = wire::Problem, content_type = "application/problem+json"),
    (status = 401, description = "no token", body = wire::Problem, content_type = "application/problem+json"),
    (status = 403, description = "not with this role or scope", body = wire::Problem, content_type = "application/problem+json"),
    (status = 404, description = "no such account, or the alert is not about it", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn one(call: Call) -> Result<Response, Problem> {
    only(&call, &["alert", "reason"])?;
    let Some((known, _)) = look(&call, &Why::of(&call)).await? else {
        let detail = format!(
            "name an alert about the account (alert=ID), or a reason of at least \
             {REASON_CHARS_MIN} characters (reason=…); it is written down"
        );
        return Err(Problem::new(Code::ReasonRequired, detail));
    };
    let name = call.param("name").to_owned();
    let card = call.state.view.accounts.get(&name).map(|known| card(&known));
    let account = wire::Account {
        name,
        card,
        days: known.days.into_iter().map(day).collect(),
        alerts: known.alerts.into_iter().map(|row| row.alert.id).collect(),
    };
    let text = serde_json::to_string(&account)
        .map_err(|error| Problem::internal("an account", &error.to_string()))?;
    Ok(json(text))
}

fn card(card: &AccountCard) -> wire::Card {
    let thresholds = card.thresholds.iter().map(|one| wire::Threshold {
        measure: one.measure,
        touch: one.touch,
        window: one.window,
        expected: one.expected,
        usual: one.usual,
        threshold: one.threshold,
    });
    wire::Card {
        partner: card.partner.clone(),
        unit: card.unit.clone(),
        role: card.role.clone(),
        kind: card.kind,
        day: card.day.clone(),
        days_closed: card.days_closed,
        learning: card.learning,
        thresholds: thresholds.collect(),
    }
}

fn day(day: Day) -> wire::Day {
    wire::Day { day: day.day, listed: day.listed, opened: day.opened, foreign_origins: day.foreign }
}
