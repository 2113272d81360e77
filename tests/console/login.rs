//! Coming in and going out.

use std::path::PathBuf;

use vigie::clock::now_ms;

use super::{Answer, Ask, PASSWORD, Server};

/// The login form, sent.
fn log_in(server: &Server, name: &str, password: &str, back: &str) -> Answer {
    let page = server.ask(&Ask::get("/login"));
    let visitor = page.cookie("__Host-vigie-visitor").unwrap();
    let password = password.replace(' ', "+");
    let body = format!("csrf={}&name={name}&password={password}&back={back}", page.csrf());
    server.ask(&Ask::new("POST", "/login").with("Cookie", &visitor).form(&body))
}

#[test]
fn a_session_begins_with_the_password_and_ends_with_the_logout() {
    let server = Server::with_login();
    let asked = server.ask(&Ask::get("/alerts?view=new"));
    assert_eq!(asked.header("location"), Some("/login?back=%2Falerts%3Fview%3Dnew"));
    let answer = log_in(&server, "analyst", PASSWORD, "%2Falerts%3Fview%3Dnew");
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("location"), Some("/alerts?view=new"));
    let line = answer.header("set-cookie").unwrap();
    for part in ["__Host-vigie=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"] {
        assert!(line.contains(part), "{line}");
    }
    let cookie = answer.cookie("__Host-vigie").unwrap();
    let page = server.ask(&Ask::get("/alerts").with("Cookie", &cookie));
    assert_eq!(page.status, 200);
    let body = format!("csrf={}", page.csrf());
    let out = Ask::new("POST", "/logout").with("Cookie", &cookie).form(&body);
    assert_eq!(server.ask(&out).header("location"), Some("/login"));
    let after = server.ask(&Ask::get("/alerts").with("Cookie", &cookie));
    assert_eq!(after.header("location"), Some("/login?back=%2Falerts&expired=1"));
}

#[test]
fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let server = Server::with_login();
    let wrong = log_in(&server, "analyst", "wrong password", "");
    let unknown = log_in(&server, "nobody", "wrong password", "");
    assert_eq!((wrong.status, unknown.status), (401, 401));
    let plain = |answer: &Answer, name: &str| {
        let csrf = answer.csrf();
        answer.body.replace(&csrf, "").replace(name, "")
    };
    assert_eq!(plain(&wrong, "analyst"), plain(&unknown, "nobody"));
    assert!(wrong.cookie("__Host-vigie").is_none());
}

#[test]
fn guessing_becomes_slow() {
    let server = Server::with_login();
    let tries: Vec<u16> = (0..8).map(|_| log_in(&server, "analyst", "guess", "").status).collect();
    assert_eq!(tries[..5], [401; 5], "{tries:?}");
    assert!(tries[5..].contains(&429), "{tries:?}");
    let answer = log_in(&server, "analyst", PASSWORD, "");
    assert_eq!(answer.status, 429, "not even the right one is looked at");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(log_in(&server, "viewer", PASSWORD, "").status, 303);
}

#[test]
fn nobody_is_led_elsewhere_after_the_login() {
    let server = Server::with_login();
    for back in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "x%0Ay"]
    {
        let answer = log_in(&server, "viewer", PASSWORD, back);
        assert_eq!(answer.header("location"), Some("/alerts"), "{back}");
    }
}

#[test]
fn a_disabled_user_is_out_at_once_and_a_revoked_token_too() {
    let server = Server::with_login();
    let session = server.session("analyst");
    let asked = Ask::get("/api/v1/alerts");
    assert_eq!(server.ask(&asked.clone().by(&session)).status, 200);
    server.desk().set_disabled("test", "analyst", true, now_ms()).unwrap();
    assert_eq!(server.ask(&asked.clone().by(&session)).status, 401);
    assert_eq!(log_in(&server, "analyst", PASSWORD, "").status, 401);
    let bearer = asked.with("Authorization", "Bearer vigie_alerts-read");
    assert_eq!(server.ask(&bearer).status, 200);
    server.desk().revoke_token("test", "alerts-read", now_ms()).unwrap();
    let answer = server.ask(&bearer);
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
}

#[test]
fn a_console_that_others_reach_does_not_start_without_a_user() {
    use std::sync::Arc;
    use vigie::console::{AppState, ConsoleSettings};
    use vigie::store::datadir::{DataDir, Purpose};
    use vigie::store::sqlite::Store;

    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(dir.path(), Purpose::Live).unwrap();
    drop(Store::open(&data).unwrap());
    let db: PathBuf = data.file("vigie.db");
    let start = |listen: &str, public: Option<&str>| {
        let settings = ConsoleSettings {
            listen: listen.parse().unwrap(),
            public_url: public.map(str::to_owned),
            limits: Default::default(),
            trusted_proxies: Vec::new(),
            language: None,
            metrics_open: false,
            zone: jiff::tz::TimeZone::UTC,
        };
        AppState::new(db.clone(), Arc::default(), Arc::new(super::Nothing), settings)
            .map(|state| state.login_required())
            .map_err(|error| error.to_string())
    };
    for here in ["127.0.0.1:8080", "[::1]:8080", "127.0.0.9:1", "[::ffff:127.0.0.1]:8080"] {
        assert_eq!(start(here, None), Ok(false), "{here}");
    }
    assert_eq!(start("127.0.0.1:8080", Some("http://localhost:9000")), Ok(false));
    for (listen, public) in [
        ("0.0.0.0:8080", None),
        ("10.0.0.1:8080", None),
        ("[::]:8080", None),
        ("127.0.0.1:8080", Some("https://vigie.example")),
    ] {
        let error = start(listen, public).unwrap_err();
        assert!(error.contains("vigie user add NAME --role"), "{error}");
    }
}

#[test]
fn a_session_is_new_at_every_login_whatever_the_browser_brings() {
    let server = Server::with_login();
    let planted = "__Host-vigie=planted";
    let page = server.ask(&Ask::get("/login").with("Cookie", planted));
    let visitor = page.cookie("__Host-vigie-visitor").unwrap();
    let body = format!("csrf={}&name=analyst&password={}", page.csrf(), PASSWORD.replace(' ', "+"));
    let both = format!("{visitor}; {planted}");
    let answer = server.ask(&Ask::new("POST", "/login").with("Cookie", &both).form(&body));
    assert_eq!(answer.status, 303, "{answer:?}");
    let first = answer.cookie("__Host-vigie").unwrap();
    let second = log_in(&server, "analyst", PASSWORD, "").cookie("__Host-vigie").unwrap();
    assert!(first != planted && first != second);
    let inside = |cookie: &str| server.ask(&Ask::get("/alerts").with("Cookie", cookie)).status;
    assert_eq!([inside(planted), inside(&first), inside(&second)], [303, 200, 200]);
    // What a form was bound to before the login is worth nothing after it.
    let form = format!("csrf={}", page.csrf());
    let out = Ask::new("POST", "/logout").with("Cookie", &first).form(&form);
    assert_eq!(server.ask(&out).status, 403);
}

#[test]
fn a_session_ends_by_idling_and_in_time() {
    let server = Server::with_login();
    let ages = |set: &str| {
        let session = server.session("analyst");
        let conn = rusqlite::Connection::open(&server.db).unwrap();
        conn.execute(&format!("UPDATE session SET {set}"), []).unwrap();
        let status = server.ask(&Ask::get("/alerts").by(&session)).status;
        conn.execute("DELETE FROM session", []).unwrap();
        status
    };
    let minutes = |n: i64| n * 60_000;
    assert_eq!(ages(&format!("seen_at = seen_at - {}", minutes(14))), 200);
    assert_eq!(ages(&format!("seen_at = seen_at - {}", minutes(16))), 303);
    assert_eq!(ages(&format!("created_at = created_at - {}", minutes(8 * 60 - 1))), 200);
    assert_eq!(ages(&format!("created_at = created_at - {}", minutes(8 * 60 + 1))), 303);
}
