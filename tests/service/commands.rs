//! Every command: its help, its exit codes, and what a newcomer sees first.

use std::fs;

use super::{theft, view};
use crate::support::vigie;
use crate::tidy::examples::check_example;

const COMMON: [&str; 7] =
    ["--config", "--format", "--accounts", "--persons", "--caseload", "--expected", "--rules"];

#[test]
fn every_command_explains_its_flags() {
    let commands: [(&str, &[&str], bool); 9] = [
        ("run", &["--data", "--follow", "--skip-missing", "--json", "--pseudonym-key-file"], true),
        ("demo", &["--exit", "--json"], false),
        ("replay", &["--state", "--batch", "--quiet", "--diff", "--json"], true),
        (
            "simulate",
            &["--seed", "--accounts", "--start", "--weeks", "--scenario", "--lookalikes", "--list"],
            false,
        ),
        (
            "evaluate",
            &[
                "--suite",
                "--seeds",
                "--worlds",
                "--scenario",
                "--budget",
                "--ablate",
                "--out",
                "--json",
            ],
            false,
        ),
        ("check", &["--lines", "--json"], true),
        ("user", &["add", "list", "remove", "password", "--data"], false),
        ("token", &["create", "list", "revoke", "--data"], false),
        ("audit", &["verify", "export", "--data"], false),
    ];
    let overview = vigie(["--help"]).run().ok();
    for (command, own, common) in commands {
        assert!(overview.contains(&format!("\n  {command} ")), "{command} in {overview}");
        let help = vigie([command, "--help"]).run().ok();
        let flags = own.iter().chain(COMMON.iter().filter(|_| common));
        for flag in flags {
            assert!(help.contains(flag), "{command} --help does not mention {flag}");
        }
    }
    assert!(vigie(["--version"]).run().ok().starts_with("vigie "));
}

#[test]
fn exit_codes() {
    let temp = tempfile::tempdir().unwrap();
    let (alerts, quiet) = (temp.path().join("alerts"), temp.path().join("quiet"));
    fs::write(&alerts, theft("thief", 5, 9)).unwrap();
    fs::write(&quiet, view("quiet", 5, 9)).unwrap();
    assert!(!vigie(["replay"]).args([&alerts]).run().ok().is_empty(), "0 with alerts");
    assert_eq!(vigie(["replay"]).args([&quiet]).run().ok(), "", "0 without");

    let gone = vigie(["replay", "/nowhere/log"]).run().failed(1);
    assert!(gone.contains("cannot read /nowhere/log"), "{gone}");
    let folder = vigie(["replay"]).args([temp.path()]).run().failed(1);
    assert!(folder.contains("it is a directory; name the files in it"), "{folder}");

    let format = vigie(["replay", "--format", "xml"]).args([&quiet]).run().failed(2);
    let choices =
        "format \"xml\" is unknown; valid choices: native, ecs, ocsf, nginx-json, combined";
    assert!(format.contains(choices), "{format}");
    assert!(vigie(["watch"]).run().failed(2).contains("unrecognized subcommand 'watch'"));
    assert!(vigie(["run", "--flow"]).run().failed(2).contains("'--flow'"));
    vigie(["simulate"]).run().failed(2);
    let broken = temp.path().join("vigie.toml");
    fs::write(&broken, "[detection\n").unwrap();
    let config = vigie(["replay", "--config"]).args([&broken, &quiet]).run().failed(1);
    assert!(config.contains("vigie.toml:1: "), "{config}");
}

#[test]
fn settings_are_found_where_they_should_be() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("vigie.toml"), "[source]\nformat = \"combined\"\n").unwrap();
    fs::write(temp.path().join("log"), theft("thief", 5, 9)).unwrap();
    let replay = || vigie(["replay", "log"]).dir(temp.path());
    let here = replay().run();
    assert!(here.stderr.contains("30 lines quarantined: no-match 30"), "{}", here.stderr);
    let flag = replay().args(["--format", "native"]).run();
    assert!(flag.stderr.contains("30 events of 1 accounts"), "a flag wins: {}", flag.stderr);
    fs::write(temp.path().join("other.toml"), "[source]\nformat = \"native\"\n").unwrap();
    let environment = replay().env("VIGIE_CONFIG", "other.toml").run();
    let found = "30 events of 1 accounts";
    assert!(environment.stderr.contains(found), "{}", environment.stderr);
}

#[test]
fn simulate_writes_the_same_world_twice() {
    let temp = tempfile::tempdir().unwrap();
    let write = |name: &str, seed: &str| {
        let folder = temp.path().join(name);
        vigie(["simulate", "--accounts", "100", "--weeks", "1", "--scenario", "A1@1:days=1"])
            .args(["--seed", seed])
            .args([&folder])
            .run()
            .ok();
        ["events.ndjson", "accounts.csv", "persons.csv", "truth.json"]
            .map(|file| fs::read(folder.join(file)).unwrap())
    };
    let (once, again, other) = (write("once", "7"), write("again", "7"), write("other", "8"));
    assert!(once == again, "same seed, same bytes");
    assert!(once[0] != other[0], "another seed, another world");
    assert!(once.iter().all(|file| !file.is_empty()));
}

#[test]
fn an_unknown_scenario_lists_the_known_ones() {
    let temp = tempfile::tempdir().unwrap();
    let simulate =
        |spec: &str| vigie(["simulate", "--scenario", spec]).args([temp.path().join("w")]).run();
    let unknown = simulate("A99@3").failed(2);
    assert!(unknown.contains("unknown scenario \"A99\"; the scenarios are A1 A2 A3"), "{unknown}");
    let listed = vigie(["simulate", "--list"]).run().ok();
    assert!(listed.starts_with("A1 ") && listed.contains("\nL1 "), "{listed}");
    for line in listed.lines() {
        let id = line.split_whitespace().next().unwrap();
        assert!(unknown.contains(id), "{id} is not in {unknown}");
    }
    assert!(simulate("A1").failed(2).contains("no start day"));
    assert!(!temp.path().join("w").exists(), "nothing is written by a command that fails");
}

#[test]
fn the_demo_ends_in_a_caught_breach() {
    let said = vigie(["demo", "--exit"]).run().ok();
    let readme = include_str!("../../README.md");
    check_example(readme, "vigie demo", &said).unwrap();
    let alert = said
        .lines()
        .position(|line| line.starts_with("ALERT critical") && line.contains("Tue 6 Feb 19:00:0"));
    let alert = alert.unwrap_or_else(|| panic!("no alert in the theft's first seconds: {said}"));
    let next = said.lines().nth(alert + 1).unwrap_or_default();
    assert!(next.contains("This is the theft, "), "{said}");
    assert!(said.contains("Caught: 2 of 2 stolen accounts."), "{said}");
}
