//! `run -`: at most once, and the baselines stay.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::{accounts, theft, view};
use crate::support::{Program, snapshots, stored, vigie, wait_for, world};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

fn run(data: &Path) -> Program {
    vigie(["run", "-", "--json", "--data"]).env("VIGIE_PSEUDONYM_KEY", KEY).args([data])
}

fn run_world(data: &Path) -> Program {
    run(data).args([Path::new("--accounts"), &world().accounts])
}

#[test]
fn baselines_outlive_the_process() {
    let temp = tempfile::tempdir().unwrap();
    let whole = run_world(&temp.path().join("whole")).fed(&world().log);
    assert!(whole.stderr.contains("standard input is read at most once"), "{}", whole.stderr);
    let whole = whole.ok();
    let data = temp.path().join("parts");
    let mut parts = String::new();
    for part in world().split(3) {
        parts += &run_world(&data).fed(part).ok();
    }
    assert_eq!(parts, whole, "three processes say what one says");
    assert_eq!(stored(&data), stored(&temp.path().join("whole")));
}

#[test]
fn after_a_crash_what_is_new_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let (mut running, mut stdin) = run(temp.path()).start_fed();
    stdin.write_all(view("quiet", 5, 8).repeat(500).as_bytes()).unwrap();
    stdin.write_all(theft("first", 5, 9).as_bytes()).unwrap();
    running.read_lines(1);
    running.kill();
    let said = running.finish().stdout;
    assert_eq!(accounts(&said), ["first"]);
    assert!(snapshots(temp.path(), "stdin").is_empty(), "killed before the first snapshot");

    // Fewer bytes than were read before: its positions must not look like those.
    let said = run(temp.path()).fed(theft("second", 6, 9).as_bytes()).ok();
    assert_eq!(accounts(&said), ["second"]);
}

#[test]
fn a_quiet_pipe_neither_delays_snapshots_nor_the_end() {
    let temp = tempfile::tempdir().unwrap();
    let config = temp.path().join("vigie.toml");
    fs::write(&config, "[store]\nsnapshot_seconds = 1\n").unwrap();
    let data = temp.path().join("data");
    let (running, mut stdin) =
        run(&data).args(["--config".as_ref(), config.as_os_str()]).start_fed();
    stdin.write_all(view("quiet", 5, 8).as_bytes()).unwrap();
    wait_for("a snapshot while nothing comes", || snapshots(&data, "stdin").pop());
    stdin.write_all(view("quiet", 5, 9).as_bytes()).unwrap();
    stdin.write_all(b"{\"time\":\"half a line").unwrap();
    running.terminate();
    let finished = running.finish();
    assert!(finished.stderr.contains("2 events of 1 accounts"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("quarantined"), "{}", finished.stderr);
    assert_eq!(finished.ok(), "");
    drop(stdin);
}

#[test]
fn standard_input_is_not_for_a_state_that_must_be_found_again() {
    let temp = tempfile::tempdir().unwrap();
    let refused = vigie(["replay", "-", "--state"]).args([temp.path()]).fed(b"").failed(2);
    assert!(refused.contains("--state needs files"), "{refused}");
    let mixed = vigie(["run", "-", "x", "--data"]).args([temp.path()]).fed(b"").failed(2);
    assert!(mixed.contains("standard input (-) cannot be read together with files"), "{mixed}");
}
