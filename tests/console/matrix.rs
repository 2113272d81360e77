//! Who may do what: every route of the table for everybody there is.

use vigie::console::pages;
use vigie::console::routes::{Access, Kind, ROUTES, Route};
use vigie::store::desk::{Role, Scope};

use super::{ACCOUNT, ALERT, Answer, Ask, PASSWORD, Server};

/// Somebody who asks.
#[derive(Clone, Copy, Debug)]
enum Visitor {
    Nobody,
    Person(Role),
    Machine(Scope),
}

fn everybody() -> impl Iterator<Item = Visitor> {
    let people = Role::ALL.into_iter().map(Visitor::Person);
    let machines = Scope::ALL.into_iter().map(Visitor::Machine);
    std::iter::once(Visitor::Nobody).chain(people).chain(machines)
}

fn may(route: &Route, visitor: Visitor) -> bool {
    match (route.may, visitor) {
        // A form needs a token that a machine has not.
        (_, Visitor::Machine(_)) if route.kind == Kind::Action => false,
        (Access::Public, _) => true,
        (Access::People(roles) | Access::PeopleOr(roles, _), Visitor::Person(role)) => {
            roles.contains(&role)
        }
        (Access::PeopleOr(_, scope), Visitor::Machine(had)) => scope == had,
        (Access::Metrics, Visitor::Machine(scope)) => scope == Scope::MetricsRead,
        (Access::Metrics, Visitor::Person(_)) => true,
        _ => false,
    }
}

/// A name of an asset as a page has it.
fn asset(server: &Server) -> String {
    let page = server.ask(&Ask::get("/login")).body;
    let (_, rest) = page.split_once("/assets/").expect("a page has assets");
    rest.split('"').next().unwrap().to_owned()
}

fn path(route: &Route, asset: &str) -> String {
    let path = route.path.replace("{id}", ALERT).replace("{name}", ACCOUNT);
    let path = path.replace("{seq}", "1").replace("{file}", asset);
    let why = if route.path.contains("accounts/") { "?reason=asked%20by%20the%20unit" } else { "" };
    format!("{path}{why}")
}

/// What the route is sent, apart from the token.
fn body(route: &Route, visitor: Visitor) -> String {
    let name = if let Visitor::Person(role) = visitor { role.word() } else { "viewer" };
    match route.path {
        "/login" => format!("name={name}&password={}", PASSWORD.replace(' ', "+")),
        "/language" => "language=en".into(),
        _ => "version=1&comment=x&verdict=test&action=take".into(),
    }
}

/// The request of a visitor, with everything that they need.
fn ask(server: &Server, route: &Route, visitor: Visitor, asset: &str, right: bool) -> Ask {
    let mut ask = Ask::new(route.method.as_str(), &path(route, asset));
    let mut csrf = "none".to_owned();
    match visitor {
        Visitor::Nobody if route.kind == Kind::Action => {
            let page = server.ask(&Ask::get("/login"));
            csrf = page.csrf();
            ask = ask.with("Cookie", &page.cookie("__Host-vigie-visitor").unwrap());
        }
        Visitor::Nobody => {}
        Visitor::Person(role) => {
            let session = server.session(role.word());
            ask = ask.by(&session);
            csrf = session.csrf;
        }
        Visitor::Machine(scope) => {
            let token = format!("Bearer vigie_{}", scope.word().replace(':', "-"));
            ask = ask.with("Authorization", &token);
        }
    }
    if !right {
        csrf = "wrong".into();
    }
    match (route.kind, route.method.as_str()) {
        (Kind::Action, _) => ask.form(&format!("{}&csrf={csrf}", body(route, visitor))),
        (Kind::Api, "PATCH") => {
            let ask = ask.with("X-CSRF-Token", &csrf).with("If-Match", "\"1\"");
            ask.json(r#"{"action":"comment","comment":"x"}"#)
        }
        _ => ask,
    }
}

/// Sends it; of a stream only the head is read.
fn answered(server: &Server, route: &Route, ask: &Ask) -> Answer {
    if route.kind == Kind::Stream {
        return super::stream::head(server, ask);
    }
    server.ask(ask)
}

fn refused(route: &Route, visitor: Visitor, answer: &Answer) -> bool {
    let to_login = answer.header("location").is_some_and(|to| to.starts_with("/login"));
    match (route.kind, visitor) {
        (Kind::Page | Kind::Action, Visitor::Nobody) => answer.status == 303 && to_login,
        (_, Visitor::Nobody) => answer.status == 401 && answer.code() == "login-required",
        (Kind::Page | Kind::Action, _) => answer.status == 403,
        _ => answer.status == 403 && answer.code() == "forbidden",
    }
}

#[test]
fn every_route_lets_in_whom_the_table_says() {
    let server = Server::with_login();
    let asset = asset(&server);
    for route in ROUTES {
        for visitor in everybody() {
            let answer = answered(&server, route, &ask(&server, route, visitor, &asset, true));
            if may(route, visitor) {
                let to_login = answer.header("location") == Some("/login");
                let fine = (200..500).contains(&answer.status)
                    && ![401, 403, 404, 405, 421].contains(&answer.status)
                    && (!to_login || route.path == "/logout");
                assert!(fine, "{route:?} {visitor:?}: {answer:?}");
            } else {
                assert!(refused(route, visitor, &answer), "{route:?} {visitor:?}: {answer:?}");
            }
        }
    }
}

#[test]
fn a_form_with_another_token_changes_nothing() {
    let server = Server::with_login();
    for route in ROUTES.iter().filter(|r| r.kind == Kind::Action || r.method == "PATCH") {
        for visitor in everybody().filter(|v| may(route, *v)) {
            if matches!(visitor, Visitor::Machine(_)) {
                continue;
            }
            let wrong = ask(&server, route, visitor, "", false);
            let missing = Ask { body: String::new(), ..wrong.clone() };
            for ask in [wrong, missing] {
                let answer = server.ask(&ask);
                assert_eq!(answer.status, 403, "{route:?} {visitor:?}: {answer:?}");
            }
        }
    }
    let alert = server.session("analyst");
    let one = server.ask(&Ask::get(&format!("/api/v1/alerts/{ALERT}")).by(&alert));
    assert_eq!(one.json()["triage"]["version"], 1);
}

#[test]
fn other_sites_and_other_hosts_get_nothing() {
    let server = Server::with_login();
    let asset = asset(&server);
    for route in ROUTES {
        let visitors = everybody().filter(|v| may(route, *v));
        for visitor in visitors {
            let ask = ask(&server, route, visitor, &asset, true);
            let foreign = ask.clone().with("Origin", "https://evil.example");
            let answer = answered(&server, route, &foreign);
            let wanted = if route.kind == Kind::Ops { 200 } else { 403 };
            assert_eq!(answer.status, wanted, "{route:?} {visitor:?}: {answer:?}");
            let rebound = ask.with("Host", "evil.example");
            let answer = server.ask(&rebound);
            assert_eq!(answer.status, 421, "{route:?} {visitor:?}: {answer:?}");
        }
    }
}

#[test]
fn without_login_this_machine_may_all_and_other_hosts_nothing() {
    let server = Server::open();
    let csrf = server.ask(&Ask::get("/alerts")).csrf();
    let asset = asset_of(&server);
    for route in ROUTES {
        let ask = Ask::new(route.method.as_str(), &path(route, &asset));
        let ask = match (route.kind, route.method.as_str()) {
            (Kind::Action, _) => {
                let body = body(route, Visitor::Person(Role::Viewer));
                ask.form(&format!("{body}&csrf={csrf}"))
            }
            (Kind::Api, "PATCH") => {
                ask.with("If-Match", "\"1\"").json(r#"{"action":"comment","comment":"x"}"#)
            }
            _ => ask,
        };
        let answer = answered(&server, route, &ask);
        assert!(![401, 403, 404, 405, 421].contains(&answer.status), "{route:?}: {answer:?}");
        assert!(answer.status < 500, "{route:?}: {answer:?}");
        let rebound = server.ask(&ask.clone().with("Host", "evil.example"));
        assert_eq!(rebound.status, 421, "{route:?}");
        let proxied = server.ask(&ask.clone().with("X-Forwarded-For", "192.0.2.1"));
        assert_eq!(proxied.status, 403, "{route:?}");
        if route.kind == Kind::Action {
            let wrong = Ask { body: body(route, Visitor::Nobody), ..ask };
            assert_eq!(server.ask(&wrong).status, 403, "{route:?}");
        }
    }
}

fn asset_of(server: &Server) -> String {
    let page = server.ask(&Ask::get("/alerts")).body;
    let (_, rest) = page.split_once("/assets/").expect("a page has assets");
    let name = rest.split('"').next().unwrap().to_owned();
    assert!(pages::asset(&name).is_some());
    name
}

#[test]
fn what_is_not_in_the_table_cannot_be_reached() {
    let server = Server::with_login();
    let admin = server.session("admin");
    for path in
        ["/admin", "/alerts/", "/api/v1/users", "/api/v1/", "/api", "//alerts", "/alerts/a/b"]
    {
        let answer = server.ask(&Ask::get(path).by(&admin));
        assert_eq!(answer.status, 404, "{path}");
        if path.starts_with("/api/") {
            assert_eq!(answer.code(), "not-found");
        }
    }
    for route in ROUTES {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let known = ROUTES.iter().any(|r| r.path == route.path && r.method == *method);
            if !known {
                let answer = server.ask(&Ask::new(method, &path(route, "x")).by(&admin));
                assert_eq!(answer.status, 405, "{method} {route:?}");
            }
        }
    }
}
