//! The one table of what can be asked for, and who may. The router, the check of the OpenAPI
//! document and the authorisation matrix of the tests are all made from it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use axum::http::Method;
use axum::response::Response;

use super::api::{accounts, alerts, budget, openapi, triage};
use super::dispatch::Call;
use super::problem::Problem;
use super::{handlers, ops, sse};
use crate::store::desk::{Role, Scope};

/// What kind of answer a route gives, and so how it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTML; whoever is not logged in is led to the login.
    Page,
    /// A form that was sent: needs the session's token, ends in another page.
    Action,
    /// JSON and problem documents.
    Api,
    /// For machines that watch this one.
    Ops,
    /// Server-sent events.
    Stream,
    /// Style, script, icon.
    Asset,
}

/// Who may use a route. Whoever sits at a console without login may use all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// People with one of these roles.
    People(&'static [Role]),
    /// People with one of these roles, and tokens with this scope.
    PeopleOr(&'static [Role], Scope),
    /// People, and tokens with `metrics:read`; everybody when the configuration says so.
    Metrics,
}

impl Access {
    /// Who may, in words.
    pub(super) fn words(self) -> String {
        let roles = |roles: &[Role]| {
            let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
            format!("this takes one of the roles {}", words.join(", "))
        };
        match self {
            Access::Public => "everybody may".to_owned(),
            Access::People(these) => roles(these),
            Access::PeopleOr(these, scope) => {
                format!("{}, or a token with the scope {}", roles(these), scope.word())
            }
            Access::Metrics => "this takes a token with the scope metrics:read".to_owned(),
        }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// One thing that can be asked for.
pub struct Route {
    /// How.
    pub method: Method,
    /// Where, with `{names}` of what varies.
    pub path: &'static str,
    /// Who may.
    pub may: Access,
    /// What kind of answer.
    pub kind: Kind,
    pub(super) run: fn(Call) -> Answer,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.may)
    }
}

const SEE: Access = Access::People(&Role::ALL);
const TRIAGE_ROLES: &[Role] = &[Role::Analyst, Role::Responder];
const TRIAGE: Access = Access::People(TRIAGE_ROLES);
const READ: Access = Access::PeopleOr(&Role::ALL, Scope::AlertsRead);
const WRITE: Access = Access::PeopleOr(TRIAGE_ROLES, Scope::AlertsWrite);
const AUDIT: Access = Access::People(&[Role::Auditor]);
const ADMIN: Access = Access::People(&[Role::Admin]);
const PUBLIC: Access = Access::Public;

macro_rules! route {
    ($method:ident $path:literal $may:expr, $kind:ident, $run:path) => {
        Route {
            method: Method::$method,
            path: $path,
            may: $may,
            kind: Kind::$kind,
            run: |call| Box::pin($run(call)),
        }
    };
}

/// Everything that can be asked for. What is not here cannot be reached.
pub static ROUTES: &[Route] = &[
    route!(GET "/" PUBLIC, Page, handlers::home),
    route!(GET "/alerts" SEE, Page, handlers::queue::show),
    route!(POST "/alerts/bulk" TRIAGE, Action, handlers::queue::bulk),
    route!(GET "/alerts/{id}" SEE, Page, handlers::alert::show),
    route!(POST "/alerts/{id}/take" TRIAGE, Action, handlers::alert::change),
    route!(POST "/alerts/{id}/assign" TRIAGE, Action, handlers::alert::change),
    route!(POST "/alerts/{id}/hold" TRIAGE, Action, handlers::alert::change),
    route!(POST "/alerts/{id}/close" TRIAGE, Action, handlers::alert::change),
    route!(POST "/alerts/{id}/reopen" TRIAGE, Action, handlers::alert::change),
    route!(POST "/alerts/{id}/comment" TRIAGE, Action, handlers::alert::change),
    route!(GET "/accounts/{name}" SEE, Page, handlers::account::show),
    route!(GET "/health" SEE, Page, handlers::health::show),
    route!(POST "/hooks/{seq}/replay" ADMIN, Action, handlers::health::replay),
    route!(GET "/audit" AUDIT, Page, handlers::audit::show),
    route!(GET "/help" SEE, Page, handlers::help),
    route!(GET "/accessibility" PUBLIC, Page, handlers::accessibility),
    route!(GET "/login" PUBLIC, Page, handlers::login::show),
    route!(POST "/login" PUBLIC, Action, handlers::login::log_in),
    route!(POST "/logout" SEE, Action, handlers::login::log_out),
    route!(POST "/language" PUBLIC, Action, handlers::login::language),
    route!(GET "/events" SEE, Stream, sse::events),
    route!(GET "/assets/{file}" PUBLIC, Asset, handlers::asset),
    route!(GET "/api/v1/alerts" READ, Api, alerts::list),
    route!(GET "/api/v1/alerts/{id}" READ, Api, alerts::one),
    route!(GET "/api/v1/alerts/{id}/revisions" READ, Api, alerts::revisions),
    route!(GET "/api/v1/alerts/{id}/events" READ, Api, alerts::events),
    route!(GET "/api/v1/alerts/{id}/campaign" READ, Api, alerts::campaign),
    route!(PATCH "/api/v1/alerts/{id}/triage" WRITE, Api, triage::change),
    route!(GET "/api/v1/accounts/{name}" READ, Api, accounts::one),
    route!(GET "/api/v1/budget" READ, Api, budget::show),
    route!(GET "/api/v1/openapi.json" PUBLIC, Api, openapi::show),
    route!(GET "/openapi.json" PUBLIC, Api, openapi::show),
    route!(GET "/healthz" PUBLIC, Ops, ops::healthz),
    route!(GET "/readyz" PUBLIC, Ops, ops::readyz),
    route!(GET "/metrics" Access::Metrics, Ops, ops::metrics),
];

macro_rules! nothing {
    ($kind:ident, $run:path) => {
        Route {
            method: Method::GET,
            path: "",
            may: Access::Public,
            kind: Kind::$kind,
            run: |call| Box::pin($run(call)),
        }
    };
}

/// Answers every other path.
pub(super) static NOWHERE: [Route; 2] =
    [nothing!(Page, handlers::nowhere), nothing!(Api, handlers::nowhere)];

/// Answers every other method.
pub(super) static NOT_SO: [Route; 2] =
    [nothing!(Page, handlers::not_so), nothing!(Api, handlers::not_so)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_changes_something_is_never_a_get() {
        for route in ROUTES {
            let form = route.kind == Kind::Action;
            assert_eq!(form, route.method == Method::POST, "{route:?}");
            if route.method == Method::PATCH {
                assert_eq!(route.kind, Kind::Api, "{route:?}");
            }
        }
        let all: BTreeSet<_> = ROUTES.iter().map(|r| (r.method.as_str(), r.path)).collect();
        assert_eq!(all.len(), ROUTES.len());
    }

    /// The matrix of the tests believes the table; this is what the table has to say.
    #[test]
    fn who_may_what_was_decided_and_stands_here_once_more() {
        let who = |route: &Route| -> String {
            let roles = |roles: &[Role]| match roles.len() {
                n if n == Role::ALL.len() => "any role".to_owned(),
                _ => roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(" "),
            };
            match route.may {
                Access::Public => "everybody".into(),
                Access::People(these) => roles(these),
                Access::PeopleOr(these, scope) => format!("{} or {}", roles(these), scope.word()),
                Access::Metrics => "metrics:read".into(),
            }
        };
        let found: Vec<String> =
            ROUTES.iter().map(|r| format!("{} {}: {}", r.method, r.path, who(r))).collect();
        let decided = [
            "GET /: everybody",
            "GET /alerts: any role",
            "POST /alerts/bulk: analyst responder",
            "GET /alerts/{id}: any role",
            "POST /alerts/{id}/take: analyst responder",
            "POST /alerts/{id}/assign: analyst responder",
            "POST /alerts/{id}/hold: analyst responder",
            "POST /alerts/{id}/close: analyst responder",
            "POST /alerts/{id}/reopen: analyst responder",
            "POST /alerts/{id}/comment: analyst responder",
            "GET /accounts/{name}: any role",
            "GET /health: any role",
            "POST /hooks/{seq}/replay: admin",
            "GET /audit: auditor",
            "GET /help: any role",
            "GET /accessibility: everybody",
            "GET /login: everybody",
            "POST /login: everybody",
            "POST /logout: any role",
            "POST /language: everybody",
            "GET /events: any role",
            "GET /assets/{file}: everybody",
            "GET /api/v1/alerts: any role or alerts:read",
            "GET /api/v1/alerts/{id}: any role or alerts:read",
            "GET /api/v1/alerts/{id}/revisions: any role or alerts:read",
            "GET /api/v1/alerts/{id}/events: any role or alerts:read",
            "GET /api/v1/alerts/{id}/campaign: any role or alerts:read",
            "PATCH /api/v1/alerts/{id}/triage: analyst responder or alerts:write",
            "GET /api/v1/accounts/{name}: any role or alerts:read",
            "GET /api/v1/budget: any role or alerts:read",
            "GET /api/v1/openapi.json: everybody",
            "GET /openapi.json: everybody",
            "GET /healthz: everybody",
            "GET /readyz: everybody",
            "GET /metrics: metrics:read",
        ];
        assert_eq!(found, decided);
    }

    #[test]
    fn what_everybody_may_see_holds_nothing() {
        let public: Vec<&str> =
            ROUTES.iter().filter(|r| r.may == Access::Public).map(|r| r.path).collect();
        let wanted = [
            "/",
            "/accessibility",
            "/login",
            "/login",
            "/language",
            "/assets/{file}",
            "/api/v1/openapi.json",
            "/openapi.json",
            "/healthz",
            "/readyz",
        ];
        assert_eq!(public, wanted);
    }
}
