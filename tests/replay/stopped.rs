//! `replay --state` stopped, killed and gone on with.

use std::fs;
use std::path::Path;

use super::case::{Case, cases, first_evening};
use super::ways::split;
use crate::support::{Program, Stored, once, quarantined, snapshots, stored, vigie};

fn replay(case: &Case, state: &Path) -> Program {
    let state = [Path::new("--state"), state];
    vigie(["replay", "--quiet"]).args(case.directory()).args(state)
}

/// The newest revision of every alert.
fn last_revisions(lines: &str) -> Stored {
    let mut last = Stored::new();
    for line in lines.lines() {
        let alert: vigie::alert::Alert = serde_json::from_str(line).unwrap();
        last.insert(alert.id, (alert.revision, line.to_owned()));
    }
    last
}

#[test]
fn part_of_the_files_and_later_all_of_them() {
    for case in cases() {
        let temp = tempfile::tempdir().unwrap();
        let state = temp.path().join("state");
        let [first, second, third] = split(&fs::read(&case.log).unwrap(), temp.path());
        let mut found = String::new();
        for files in [vec![&first], vec![&second, &first], vec![&third, &first, &second]] {
            found += &replay(case, &state).args(files).run().ok();
        }
        case.same("file by file", &found);
        let again = replay(case, &state).args([&third, &first, &second]).run().ok();
        assert_eq!(again, "", "everything was told");
        assert_eq!(stored(&state), last_revisions(&case.straight));
    }
}

#[test]
fn stopping_keeps_the_quarantine_whole() {
    let case = cases()[1];
    let whole = tempfile::tempdir().unwrap();
    replay(case, whole.path()).args([&case.log]).run().ok();
    let temp = tempfile::tempdir().unwrap();
    let state = temp.path().join("state");
    let files = split(&fs::read(&case.log).unwrap(), temp.path());
    for files in [&files[..1], &files[..2], &files] {
        replay(case, &state).args(files).run().ok();
    }
    let expected = quarantined(whole.path());
    assert!(expected.len() > 20, "{}", expected.len());
    assert_eq!(quarantined(&state), expected);
}

/// How a run is cut short, after so many more lines were told.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Terminate(usize),
    Kill(usize),
}

#[test]
fn killed_and_stopped_at_many_moments() {
    use Cut::{Kill, Terminate};
    let case = first_evening();
    let plans = [
        // Killed before the first snapshot, and again and again.
        vec![Kill(1), Kill(1), Kill(9)],
        vec![Terminate(2), Kill(5), Kill(1), Terminate(6), Kill(2)],
        vec![Kill(12), Terminate(1), Terminate(1), Kill(1)],
    ];
    let mut interrupted = 0;
    for plan in plans {
        let temp = tempfile::tempdir().unwrap();
        let state = temp.path().join("state");
        let config = temp.path().join("vigie.toml");
        fs::write(&config, "[store]\nsnapshot_seconds = 1\n").unwrap();
        let start = || {
            let config = [Path::new("--config"), &config];
            replay(case, &state).args(config).args(["--batch", "500"]).args([&case.log])
        };
        let mut runs: Vec<String> = Vec::new();
        for cut in &plan {
            let mut running = start().start();
            match cut {
                Terminate(lines) => {
                    running.read_lines(*lines);
                    running.terminate();
                }
                Kill(lines) => {
                    running.read_lines(*lines);
                    running.kill();
                }
            }
            let finished = running.finish();
            assert!(matches!(finished.code, None | Some(0)), "{}", finished.stderr);
            if matches!(cut, Terminate(_)) {
                assert!(!snapshots(&state, "file").is_empty(), "an orderly stop keeps the state");
            }
            runs.push(finished.stdout);
            interrupted += usize::from(once(&runs) != case.straight);
        }
        runs.push(start().run().ok());
        case.same(&format!("{plan:?}"), &once(&runs));
        assert_eq!(stored(&state), last_revisions(&case.straight), "{plan:?}");
    }
    assert!(interrupted >= 4, "only {interrupted} runs were cut in the middle: nothing was tested");
}

#[test]
fn one_replay_at_a_time() {
    let case = first_evening();
    let temp = tempfile::tempdir().unwrap();
    let mut first = replay(case, temp.path()).args([&case.log]).start();
    first.read_lines(1);
    first.freeze();
    let second = replay(case, temp.path()).args([&case.log]).run().failed(1);
    assert!(second.contains("another vigie uses this data folder"), "{second}");
}
