//! The API's own description, made from the handlers.

use axum::response::Response;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::{accounts, alerts, budget, json, only, triage, wire};
use crate::console::dispatch::Call;
use crate::console::problem::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "vigie",
        description = "Alerts about accounts that read far more persons than they normally do. \
                       Every view of an alert or an account is written down in the audit trail, \
                       once an hour for each caller, thing and reason. There is no \
                       Idempotency-Key: a write names the version it saw, so that a repeat is \
                       answered with 412 and never applied twice.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    paths(
        alerts::list,
        alerts::one,
        alerts::revisions,
        alerts::events,
        alerts::campaign,
        triage::change,
        accounts::one,
        budget::show,
        show,
    ),
    components(schemas(wire::Problem)),
    security(("token" = [])),
)]
struct Description;

/// The OpenAPI 3.1 document.
///
/// # Errors
/// It cannot be written; a test keeps that from happening.
pub fn document() -> serde_json::Result<String> {
    let mut description = Description::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("a token with the scope that the operation needs"))
        .build();
    if let Some(components) = &mut description.components {
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
    description.to_json()
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "meta", security(()), responses(
    (status = 200, description = "OpenAPI 3.1", content_type = "application/json"),
    (status = 400, description = "a parameter is not right", body = wire::Problem, content_type = "application/problem+json"),
))]
pub(in crate::console) async fn show(call: Call) -> Result<Response, Problem> {
    only(&call, &[])?;
    let text =
        document().map_err(|error| Problem::internal("the description", &error.to_string()))?;
    Ok(json(text))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::console::routes::{Kind, ROUTES};

    #[test]
    fn every_route_of_the_api_is_described_and_nothing_else() {
        let text = document().unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["openapi"], "3.1.0");
        let mut described = BTreeSet::new();
        for (path, methods) in value["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        let routes = ROUTES.iter().filter(|r| r.kind == Kind::Api && r.path.starts_with("/api/"));
        let routes = routes.map(|r| (r.method.to_string(), r.path.to_owned()));
        assert_eq!(described, routes.collect());
    }
}
