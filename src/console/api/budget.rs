//! What the false-alert budget allowed, and what was raised.

use axum::response::Response;

use super::{json, only, wire};
use crate::console::dispatch::Call;
use crate::console::problem::Problem;
use crate::watch::promise::{Line, Standing};

/// The promise about false alerts against what came, by rule, partner and role, over the last four
/// weeks of days that are over. Those that are surely above it come first.
#[utoipa::path(get, path = "/api/v1/budget", tag = "health", responses(
    (status = 200, description = "what was allowed and raised", body = wire::Budget),
    (status = 400, description = "a parameter is not right", body = wire::Problem, content_type = "application/problem+json"),
    (status = 401, description = "no token", body = wire::Problem, content_type = "application/problem+json"),
    (status = 403, description = "not with this role or scope", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn show(call: Call) -> Result<Response, Problem> {
    only(&call, &[])?;
    let standing = call.state.read(|reader| Ok(Standing::read(reader)?)).await?;
    let text = serde_json::to_string(&budget(standing))
        .map_err(|error| Problem::internal("the budget", &error.to_string()))?;
    Ok(json(text))
}

fn budget(standing: Standing) -> wire::Budget {
    let weeks = standing.weeks();
    let [first_day, last_day] = standing.dates().map_or([None, None], |dates| dates.map(Some));
    let lines = |lines: Vec<Line>| lines.into_iter().map(|one| line(one, weeks)).collect();
    wire::Budget {
        first_day,
        last_day,
        account_weeks: standing.account_weeks,
        more: standing.more,
        rules: lines(standing.rules),
        partners: lines(standing.partners),
        roles: lines(standing.roles),
    }
}

fn line(line: Line, weeks: f64) -> wire::BudgetLine {
    let a_week = |alerts: f64| if weeks > 0.0 { alerts / weeks } else { 0.0 };
    wire::BudgetLine {
        allowed: line.allowed,
        allowed_per_week: line.allowed.map(a_week),
        raised: line.raised,
        thefts: line.thefts,
        unjudged: line.unjudged,
        held: line.held(),
        held_per_week: a_week(line.held() as f64),
        account_weeks: line.account_weeks,
        over: line.over,
        name: line.name,
    }
}
