//! The console in a real browser (Chromium): accessible, silent, our own; triage by keyboard and
//! without JavaScript. The tests are in `*.test.mjs`; here stand the server that they visit and
//! the levers they pull.

mod server;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use server::{ALERT, Console, PASSWORD};

use crate::support::tests;

#[test]
fn the_console_holds_in_a_real_browser() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let setup = Command::new(house.join("tests/setup/browser.sh")).output().unwrap();
    assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    let (open, login) = (Console::open(), Console::with_login());
    let (open_url, login_url) = (open.url(), login.url());
    let levers = TcpListener::bind("127.0.0.1:0").unwrap();
    let control = format!("http://{}", levers.local_addr().unwrap());
    std::thread::spawn(move || serve_levers(&levers, open));
    let told = Command::new("node")
        .args(["--test", "--test-concurrency=1", "--test-reporter=tap", "--test-timeout=300000"])
        .args(["pages", "triage", "live"].map(|name| tests(&format!("browser/{name}.test.mjs"))))
        .env("VIGIE_OPEN", open_url)
        .env("VIGIE_LOGIN", login_url)
        .env("VIGIE_CONTROL", control)
        .env("VIGIE_ALERT", ALERT)
        .env("VIGIE_PASSWORD", PASSWORD)
        .env("VIGIE_PEERS", house.join("target/peers/browser"))
        .env("VIGIE_SCREENS", house.join("target/screens"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&told.stdout);
    let count = |word: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("# {word} ")));
        line.and_then(|n| n.trim().parse::<u32>().ok())
    };
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && count("fail") == Some(0), "{text}\n{errors}");
    assert!(count("pass").is_some_and(|n| n >= 20), "too few tests ran: {text}\n{errors}");
    assert_eq!((count("skipped"), count("todo")), (Some(0), Some(0)), "{text}");
    drop(login);
}

/// One request a line of `GET /what HTTP/1.1`: `alert`, `stop`, `start`.
fn serve_levers(levers: &TcpListener, mut console: Console) {
    for stream in levers.incoming() {
        let Ok(mut stream) = stream else { return };
        let mut line = String::new();
        if BufReader::new(&stream).read_line(&mut line).is_err() {
            continue;
        }
        let body = match line.split_whitespace().nth(1) {
            Some("/alert") => console.new_alert(),
            Some("/stop") => console.stop(),
            Some("/start") => console.start(),
            _ => continue,
        };
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
    }
}
