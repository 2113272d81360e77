//! Reference data and quarantine of a data folder.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{accounts, theft, view};
use crate::support::{Finished, quarantined, vigie};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.file(name), text).unwrap();
        self.file(name)
    }

    /// Ten accounts and one that left in January, less the last `lost`.
    fn directory(&self, lost: usize) -> PathBuf {
        let mut text = "account,ends_on\n".to_owned();
        for number in 0..10 {
            let _ = writeln!(text, "a{number},");
        }
        text += "left,2024-01-31\n";
        let rows: Vec<&str> = text.lines().collect();
        self.put("accounts.csv", rows[..rows.len() - lost].join("\n"))
    }

    fn run(&self, log: &Path) -> Finished {
        vigie(["run", "--json", "--data"])
            .args([&self.file("data"), log])
            .args([Path::new("--accounts"), &self.file("accounts.csv")])
            .run()
    }
}

#[test]
fn a_directory_that_loses_many_rows_is_refused_and_the_last_good_one_stays() {
    let folder = Folder::new();
    folder.directory(0);
    let log = folder.put("log", view("left", 5, 9));
    assert_eq!(accounts(&folder.run(&log).ok()), ["left"]);

    folder.directory(2);
    folder.put("log", view("left", 5, 9) + &view("left", 12, 9));
    let shrunk = folder.run(&log);
    assert!(shrunk.stderr.contains("lost more than a tenth of its rows"), "{}", shrunk.stderr);
    assert!(shrunk.stderr.contains("rows=9 before=11"), "{}", shrunk.stderr);
    // The alert of the 5th ends, and the account alerts again on the 12th.
    let openings = |said: &str| said.matches("\"revision\":1,").count();
    assert_eq!(openings(&shrunk.ok()), 1, "still known as one that left");

    // One row of eleven may go: then nobody is known to have left.
    folder.directory(1);
    folder.put("log", view("left", 5, 9) + &view("left", 12, 9) + &view("left", 20, 9));
    let accepted = folder.run(&log);
    assert!(!accepted.stderr.contains("tenth"), "{}", accepted.stderr);
    assert_eq!(openings(&accepted.ok()), 0);
}

#[test]
fn every_source_of_a_folder_knows_the_directory() {
    let folder = Folder::new();
    folder.directory(0);
    let log = folder.put("log", view("left", 5, 9));
    assert_eq!(accounts(&folder.run(&log).ok()), ["left"]);
    let piped = vigie(["run", "-", "--json", "--data"])
        .args([folder.file("data"), "--accounts".into(), folder.file("accounts.csv")])
        .fed(view("left", 12, 9).as_bytes());
    assert_eq!(accounts(&piped.ok()), ["left"]);
}

#[test]
fn the_quarantine_says_where_and_why_and_no_value() {
    let folder = Folder::new();
    let secret = "1840775123456";
    let bad_time = format!(r#"{{"time":"hier","account":"dupont","records":["{secret}"]}}"#);
    let oversized = format!("{{\"x\":\"{}\"}}", secret.repeat((17 << 20) / secret.len()));
    let text = format!("{}{bad_time}\n{oversized}\n{secret}\n", theft("thief", 5, 9));
    let log = folder.put("log", &text);
    folder.directory(0);
    let finished = folder.run(&log);
    let summary = "3 lines quarantined: bad-time 1, not-an-object 1, oversized 1";
    assert!(finished.stderr.contains(summary), "{}", finished.stderr);
    assert_eq!(accounts(&finished.ok()), ["thief"]);

    let entries = quarantined(&folder.file("data"));
    let found: Vec<(u64, &str, u64)> = entries
        .iter()
        .map(|e| {
            let number = |key: &str| e[key].as_u64().unwrap();
            (number("at_position"), e["reason"].as_str().unwrap(), number("length"))
        })
        .collect();
    let at = |line: &str| text.find(line).unwrap() as u64;
    let last = text.len() as u64 - secret.len() as u64 - 1;
    let length = |line: &str| line.len() as u64;
    assert_eq!(
        found,
        [
            (at(&bad_time), "bad-time", length(&bad_time)),
            (at(&oversized), "oversized", length(&oversized)),
            (last, "not-an-object", length(secret)),
        ]
    );
    for path in files(&folder.file("data")) {
        let bytes = fs::read(&path).unwrap();
        for value in [secret, "dupont"] {
            let there = bytes.windows(value.len()).any(|w| w == value.as_bytes());
            assert!(!there, "{value} in {}", path.display());
        }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
