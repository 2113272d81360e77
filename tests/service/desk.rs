//! People and machines who use the console, and the trail of what they did, from the command line.

use std::fs;
use std::path::Path;

use super::theft;
use crate::support::{Finished, Program, vigie};

fn with(data: &Path, words: &[&str]) -> Program {
    vigie(words).args([Path::new("--data"), data])
}

fn fed(data: &Path, words: &[&str], input: &str) -> Finished {
    with(data, words).fed(input.as_bytes())
}

#[test]
fn users_before_the_first_run_and_after() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    let none = with(&data, &["user", "list"]).run().failed(1);
    assert!(none.contains("there is no database here yet"), "{none}");

    let add = ["user", "add", "ana", "--role", "analyst"];
    let short = fed(&data, &add, "too short\n").failed(1);
    assert_eq!(short, "vigie: a password has 12 to 256 characters\n");
    let added = fed(&data, &add, "correct horse battery\n");
    assert_eq!(added.stderr, "ana may sign in as analyst\n");
    assert_eq!(added.ok(), "", "standard output is data");
    let again = fed(&data, &add, "correct horse battery\n").failed(1);
    assert_eq!(again, "vigie: there is a user `ana` already\n");
    let role = fed(&data, &["user", "add", "x", "--role", "boss"], "").failed(2);
    assert!(role.contains("viewer, analyst, responder, dpo, admin, auditor"), "{role}");

    let log = temp.path().join("log");
    fs::write(&log, theft("thief", 5, 9)).unwrap();
    with(&data, &["run"]).args([&log]).run().ok();
    let listed = with(&data, &["user", "list", "--json"]).run().ok();
    let user: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&user["name"], &user["role"]), (&"ana".into(), &"analyst".into()));
    assert!(with(&data, &["user", "list"]).run().ok().starts_with("ana   "));

    let other = fed(&data, &["user", "password", "ana"], "another long password\n");
    assert_eq!(other.stderr, "ana has another password and is signed out\n");
    let nobody = fed(&data, &["user", "password", "bob"], "another long password\n").failed(1);
    assert_eq!(nobody, "vigie: there is no user `bob`\n");
    with(&data, &["user", "remove", "ana"]).run().ok();
    let gone = with(&data, &["user", "remove", "ana"]).run().failed(1);
    assert_eq!(gone, "vigie: there is no user `ana`\n");
    assert_eq!(with(&data, &["user", "list"]).run().ok(), "");
    let database = fs::read(data.join("vigie.db")).unwrap();
    let password = b"another long password";
    assert!(!database.windows(password.len()).any(|part| part == password));
}

#[test]
fn a_token_is_shown_once_beside_a_running_vigie() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    // It waits for lines of standard input, and holds the folder.
    let (mut running, stdin) = with(&data, &["run", "--json"]).start_fed();
    std::io::Write::write_all(&mut &stdin, theft("thief", 5, 9).as_bytes()).unwrap();
    running.read_lines(1);

    let create = ["token", "create", "siem", "--scope", "alerts:read", "--scope", "audit:read"];
    let secret = with(&data, &create).run().ok();
    let hex = secret.trim_end().strip_prefix("vigie_").unwrap();
    assert!(hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit()), "{secret}");
    let listed = with(&data, &["token", "list"]).run().ok();
    assert!(listed.starts_with("siem  ") && listed.contains("alerts:read audit:read"), "{listed}");
    assert!(!listed.contains(hex));
    let json = with(&data, &["token", "list", "--json"]).run().ok();
    let token: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(token["scopes"], serde_json::json!(["alerts:read", "audit:read"]));
    let scope = with(&data, &["token", "create", "x", "--scope", "all"]).run().failed(2);
    assert!(scope.contains("alerts:read, alerts:write, metrics:read, audit:read"), "{scope}");
    let revoked = with(&data, &["token", "revoke", "siem"]).run();
    assert_eq!(revoked.stderr, "siem is revoked\n");
    assert_eq!(with(&data, &["token", "list"]).run().ok(), "");
    drop(stdin);
    running.finish().ok();
}

#[test]
fn the_trail_is_verified_and_exported() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path();
    fed(data, &["user", "add", "ana", "--role", "admin"], "correct horse battery\n").ok();
    with(data, &["token", "create", "t", "--scope", "alerts:read"]).run().ok();
    let lines = |words: &[&str]| -> Vec<serde_json::Value> {
        let text = with(data, words).run().ok();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let entries = lines(&["audit", "export"]);
    let told: Vec<_> = entries.iter().map(|e| e["what"].as_str().unwrap()).collect();
    assert_eq!(told, ["user.add", "token.create", "audit.export"]);
    assert_eq!(entries[1]["previous"], entries[0]["hash"]);
    assert_eq!(lines(&["audit", "export", "--after", "3"]).len(), 1, "itself");

    let whole = with(data, &["audit", "verify"]).run().ok();
    assert!(whole.starts_with("4 entries, whole; last hash "), "{whole}");
    let database = data.join("vigie.db");
    let changed = fs::read(&database).unwrap();
    let place = changed.windows(8).position(|part| part == b"user.add").unwrap();
    let changed = [&changed[..place], b"user.ado", &changed[place + 8..]].concat();
    fs::write(&database, changed).unwrap();
    let broken = with(data, &["audit", "verify"]).run().failed(1);
    let wanted = "vigie: the audit trail is broken: entry 1 was changed, moved or taken away; 0 \
                  entries before it are whole\n";
    assert_eq!(broken, wanted);
}
