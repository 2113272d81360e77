//! What nobody sends in good faith.

use super::{ACCOUNT, ALERT, Ask, Server, alert, put};

#[test]
fn bodies_and_addresses_have_their_limits() {
    let server = Server::open();
    let csrf = server.ask(&Ask::get("/alerts")).csrf();
    let post = |bytes: usize| {
        let head = format!("csrf={csrf}&version=1&comment=");
        let body = format!("{head}{}", "x".repeat(bytes - head.len()));
        server.ask(&Ask::new("POST", &format!("/alerts/{ALERT}/comment")).form(&body)).status
    };
    // Within the limit, yet longer than a comment may be.
    assert_eq!(post(64 * 1024), 422);
    assert_eq!(post(64 * 1024 + 1), 413);
    assert_eq!(post(1 << 20), 413);
    let patch = Ask::new("PATCH", &format!("/api/v1/alerts/{ALERT}/triage"));
    let large = patch.with("If-Match", "\"1\"").json(&"x".repeat(70_000));
    let answer = server.ask(&large);
    assert_eq!((answer.status, answer.code().as_str()), (413, "too-large"));
    let chunked = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n11170\r\n{}\r\n0\r\n\r\n",
        "x".repeat(0x11170)
    );
    assert_eq!(server.send(chunked.as_bytes()).status, 413);
    let long = server.ask(&Ask::get(&format!("/alerts?q={}", "x".repeat(9_000))));
    assert_eq!(long.status, 414);
}

#[test]
fn names_of_any_length_and_script_are_only_names() {
    let mut server = Server::open();
    let long = "n".repeat(10_000);
    for path in [
        format!("/accounts/{}?reason=because+I+ask", "n".repeat(5_000)),
        format!("/api/v1/accounts/{}?reason=because+I+ask", "n".repeat(5_000)),
        format!("/api/v1/alerts/{}", "n".repeat(5_000)),
        format!("/alerts/{}", "n".repeat(5_000)),
        format!("/assets/{}", "n".repeat(5_000)),
    ] {
        assert_eq!(server.ask(&Ask::get(&path)).status, 404, "{}", &path[..30]);
    }
    assert_eq!(server.ask(&Ask::get(&format!("/accounts/{long}"))).status, 414);
    let names =
        ["Zoë Müller", "ад мин", "a/b?c#d", "..", "<script>alert(1)</script>", "名前", "%00"];
    for (n, name) in names.iter().enumerate() {
        put(&mut server.store, &[alert(&format!("01HNYNAME{n:017}"), name)]);
        let encoded = vigie::console::pages::query::encode(name);
        // Clients and proxies fold dots, so that a name of dots goes as bytes.
        let encoded = if *name == ".." { "%2E%2E".into() } else { encoded };
        let path = format!("/api/v1/accounts/{encoded}?reason=because+I+ask");
        let answer = server.ask(&Ask::get(&path));
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.json()["name"], *name);
        let page = server.ask(&Ask::get(&format!("/accounts/{encoded}?reason=because+I+ask")));
        assert_eq!(page.status, 200, "{name}");
        assert!(!page.body.contains("<script>alert"), "{name}");
    }
    // The trail's subject is the name itself.
    let trail = server.desk().audit_page(None, 100).unwrap();
    assert!(names.iter().all(|name| trail.iter().any(|entry| entry.subject == *name)));
    assert_eq!(server.ask(&Ask::get("/accounts/%FF%FE?reason=because+I+ask")).status, 404);
}

#[test]
fn assets_lie_in_no_folder() {
    let server = Server::open();
    for path in [
        "/assets/../Cargo.toml",
        "/assets/..%2F..%2Fetc%2Fpasswd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets//etc/passwd",
        "/assets/vigie.css%00",
        "/assets/",
        "/assets/..",
        "/assets/.",
        "/assets/%5C..%5Cvigie.db",
        "/../vigie.db",
        "/assets/vigie.css",
    ] {
        let answer = server.ask(&Ask::get(path));
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
}

#[test]
fn what_is_no_http_is_refused_and_the_console_goes_on() {
    let server = Server::open();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    ] {
        let status = if bytes.starts_with(b"GET / HTTP/1.1\r\n\r\n") {
            // It may stay open for another request; only the head counts.
            server.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status
        } else {
            server.send(bytes).status
        };
        assert!(status == 0 || (400..500).contains(&status), "{status} for {bytes:?}");
    }
    assert_eq!(server.ask(&Ask::get("/healthz")).body, "ok\n");
}

#[test]
fn stored_words_are_shown_and_never_run() {
    let mut server = Server::open();
    let evil = "\"><img src=x onerror=alert(1)>";
    let mut bad = alert("01HNY00000000000000000EVIL", evil);
    bad.explanation = evil.into();
    bad.partner = Some(evil.into());
    bad.seen.devices = vec![evil.into()];
    put(&mut server.store, &[bad]);
    let csrf = server.ask(&Ask::get("/alerts")).csrf();
    let comment = format!("csrf={csrf}&version=1&comment={}", "%3Cscript%3Ealert(1)%3C/script%3E");
    let sent = Ask::new("POST", "/alerts/01HNY00000000000000000EVIL/comment").form(&comment);
    assert_eq!(server.ask(&sent).status, 303);
    for path in [
        "/alerts",
        "/alerts/01HNY00000000000000000EVIL",
        "/audit",
        "/health",
        "/alerts?q=%22%3E%3Cimg%20src%3Dx%3E&partner=%3Cscript%3E",
        "/alerts?changed=1&refused=%3Cscript%3E",
    ] {
        let page = server.ask(&Ask::get(path));
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.body.contains("<img src=x") && !page.body.contains("<script>"), "{path}");
    }
    assert_eq!(server.ask(&Ask::get(&format!("/accounts/{ACCOUNT}?alert={ALERT}"))).status, 200);
}
