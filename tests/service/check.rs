//! `check`: everything that is wrong, at once, with the place and the fix.

use std::fs;

use crate::support::{tests, vigie};

fn put(folder: &tempfile::TempDir, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_ships_is_right() {
    let said = vigie(["check"]).run().ok();
    assert!(said.contains("rule cases hold") && !said.starts_with("0 "), "{said}");
    let rules = tests("../rules");
    let own = vigie(["check", "--rules"]).args([&rules]).run().ok();
    assert_eq!(own, said, "the same rules from a folder");
}

#[test]
fn a_search_page_that_names_nobody_is_said_out_loud() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::new();
    for second in 0..20 {
        log += &format!(
            "10.0.0.1 - cap00412 [06/Feb/2024:19:00:{second:02} +0100] \"GET /recherche?nom=x HTTP/1.1\" \
             200 5120 \"-\" \"Mozilla/5.0\"\n\
             10.0.0.1 - cap00412 [06/Feb/2024:19:00:{second:02} +0100] \"GET /dossiers/1840{second:02} \
             HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0\"\n"
        );
    }
    let log = put(&folder, "access.log", &log);
    let config = put(
        &folder,
        "vigie.toml",
        "[source]\nformat = \"combined\"\n[source.mapping]\n\
         records = { from = \"request\", match = '^GET /dossiers/(\\w+)' }\n",
    );
    let said = vigie(["check", "--config"]).args([&config, &log]).run().ok();
    let warning = "search: persons 0 %: searches return people whom this log does not name";
    assert!(said.contains(warning), "{said}");
    assert!(said.contains("40 lines, 40 events"), "{said}");
    assert!(!said.contains("view: persons"), "files are named: {said}");

    let json = vigie(["check", "--json", "--config"]).args([&config, &log]).run().ok();
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let fill = &found["logs"][0]["fill"]["actions"];
    assert_eq!(fill["search"]["fill"]["persons"], 0.0);
    assert_eq!(fill["view"]["fill"]["persons"], 1.0);
    assert_eq!(found["problems"], serde_json::json!([]));
}

#[test]
fn all_problems_at_once_with_place_and_fix() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    for entry in fs::read_dir(tests("../rules")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("floor = 25", "flor = 25");
        put(&folder, &format!("rules/{}", path.file_name().unwrap().display()), &text);
    }
    put(&folder, "accounts.csv", "account,kind,ends_on\na,human,\nb,robot,\nc,,31/01/2024\n");
    put(&folder, "expected.csv", "scope,ceiling\n");
    let config = put(
        &folder,
        "vigie.toml",
        "[reference]\naccounts = \"accounts.csv\"\nexpected = \"expected.csv\"\n\
         [detection]\nrules = \"rules\"\nquiet_hour = 24\n[alerts]\nlanguage = \"de\"\n",
    );
    let log = put(&folder, "log", "{\"time\":\"2024-02-05T09:00:00Z\",\"account\":\"a\"}\nhello\n");
    let missing = folder.path().join("missing.log");
    let finished = vigie(["check", "--config"]).args([&config, &log, &missing]).run();
    assert!(finished.stdout.contains("1 lines are no event and would be quarantined"));
    let wrong = finished.failed(1).replace(&folder.path().display().to_string(), "DIR");
    for problem in [
        "DIR/vigie.toml:6: detection.quiet_hour: unknown key; valid choices: accounts_max,",
        "DIR/vigie.toml:8: language: valid choices: en, fr",
        "DIR/rules/volume.toml:5: unknown field `flor`, expected one of",
        "DIR/accounts.csv: line 3, kind: \"robot\" is not known: choose one of human, machine",
        "DIR/accounts.csv: line 4, ends_on: ",
        "DIR/expected.csv: line 1",
        "cannot read DIR/missing.log: No such file or directory",
    ] {
        assert!(wrong.contains(problem), "{problem:?} is not in:\n{wrong}");
    }
}

#[test]
fn a_case_that_does_not_hold_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(tests("../rules")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("floor = 25", "floor = 100000");
        put(&folder, &path.file_name().unwrap().display().to_string(), &text);
    }
    let wrong = vigie(["check", "--rules"]).args([folder.path()]).run().failed(1);
    let place = folder.path().join("volume.cases.jsonl").display().to_string() + ":";
    assert!(wrong.contains(&place), "{wrong}");
}
