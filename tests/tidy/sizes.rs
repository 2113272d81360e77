//! Functions fit a screen, files are read in one go. What is larger today may shrink, not grow.

use super::source::{Source, below, end_of_item};
use super::{none_of, snippet};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;

/// Lines by which something may shrink before its ratchet must follow.
const SLACK: usize = 10;

/// File and function (or `file` for all of it) with the size it may have; take a line away, or
/// lower its number, when it shrinks.
const RATCHET: &[(&str, &str, usize)] = &[
    // One line a channel: the compiler asks for it.
    ("src/triage/words/english.rs", "counted", 82),
    ("src/triage/words/french.rs", "counted", 82),
];

fn complaints(sources: &[Source], ratchet: &[(&str, &str, usize)]) -> Vec<String> {
    let sizes: Vec<(&Source, usize, String, usize)> = sources.iter().flat_map(sizes_of).collect();
    let mut complaints = Vec::new();
    for (source, at, name, lines) in &sizes {
        let usual = if name == "file" { FILE_LINES_MAX } else { FUNCTION_LINES_MAX };
        let known = ratchet.iter().find(|(path, n, _)| *path == source.path && n == name);
        let most = known.map_or(usual, |(_, _, size)| *size);
        if *lines > most {
            complaints
                .push(source.complain(*at, &format!("{name} has {lines} lines, at most {most}")));
        } else if known.is_some() && *lines + SLACK <= most {
            let problem = format!("{name} shrank to {lines} lines: lower its ratchet from {most}");
            complaints.push(source.complain(*at, &problem));
        }
    }
    for (path, name, _) in ratchet {
        if !sizes.iter().any(|(source, _, n, _)| source.path == *path && n == name) {
            complaints.push(format!("{path}: {name} is on the ratchet and not there: take it off"));
        }
    }
    complaints
}

/// The file without its tests, and every function in it: where, name, lines.
fn sizes_of(source: &Source) -> Vec<(&Source, usize, String, usize)> {
    let tests = source.code.lines().zip(source.shipped.lines());
    let only_tests = tests.filter(|(code, shipped)| code.trim() != shipped.trim()).count();
    let whole = if source.shipped.trim().is_empty() { 0 } else { source.text.lines().count() };
    let file = (source, 0, "file".to_owned(), whole.saturating_sub(only_tests));
    let functions = source.shipped.match_indices("fn ").filter_map(|(at, _)| {
        let before = source.shipped[..at].chars().next_back().unwrap_or(' ');
        let name = source.shipped[at + 3..].split(['(', '<']).next()?.trim();
        let named = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let end = end_of_item(&source.shipped, at);
        let lines = source.shipped[at..end].lines().count();
        (named && before.is_whitespace()).then(|| (source, at, name.to_owned(), lines))
    });
    std::iter::once(file).chain(functions).collect()
}

#[test]
fn functions_fit_a_screen_and_files_a_sitting() {
    none_of(&complaints(&below("src"), RATCHET));
}

#[test]
fn sizes_can_fail() {
    let body = |lines: usize| format!("fn long() {{\n{}}}\n", "    x();\n".repeat(lines));
    let check = |text: &str, ratchet: &[(&str, &str, usize)], want: &[&str]| {
        assert_eq!(complaints(&snippet("src/x.rs", text), ratchet), want);
    };
    check(&body(68), &[], &[]);
    check(&body(69), &[], &["src/x.rs:1: long has 71 lines, at most 70"]);
    check(&body(69), &[("src/x.rs", "long", 71)], &[]);
    check(
        &body(69),
        &[("src/x.rs", "long", 81)],
        &["src/x.rs:1: long shrank to 71 lines: lower its ratchet from 81"],
    );
    let array = body(69).replacen("()", "(a: [u8; 4]) -> [u8; 4]", 1);
    check(&array, &[], &["src/x.rs:1: long has 71 lines, at most 70"]);
    check(
        "fn f() {}\n",
        &[("src/x.rs", "gone", 80)],
        &["src/x.rs: gone is on the ratchet and not there: take it off"],
    );
    check(&"use a;\n".repeat(501), &[], &["src/x.rs:1: file has 501 lines, at most 500"]);
    let tested = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", body(600));
    check(&tested, &[], &[]);
}
