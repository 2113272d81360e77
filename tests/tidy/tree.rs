//! The top of the house holds what was agreed, so that a visitor sees the whole at once.

use super::{house, none_of};

const AGREED: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "benches",
    "rules",
    "tests",
    "deploy",
    "README.md",
    "CHANGELOG.md",
    // What a build and a run leave behind; both are ignored by git.
    "target",
    "vigie-data",
];

fn complaints(names: &[String]) -> Vec<String> {
    let agreed = |n: &&String| {
        AGREED.contains(&n.as_str()) || n.starts_with('.') || n.starts_with("LICENSE")
    };
    names
        .iter()
        .filter(|name| !agreed(name))
        .map(|name| format!("{name}: not one of {}, LICENSE*, dotfiles", AGREED.join(" ")))
        .collect()
}

#[test]
fn the_top_level_is_as_agreed() {
    let names: Vec<String> = std::fs::read_dir(house(""))
        .expect("the house can be listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|n| n == "src"));
    none_of(&complaints(&names));
}

#[test]
fn the_top_level_can_fail() {
    let names = ["src", "LICENSE-MIT", ".ci", "notes.txt"].map(str::to_owned);
    assert_eq!(complaints(&names).len(), 1);
    assert!(complaints(&names)[0].starts_with("notes.txt: not one of Cargo.toml"));
}
