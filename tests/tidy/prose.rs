//! Every file says what it is; nothing is left for later; every exception has its reason.

use super::source::{Source, below};
use super::{none_of, snippet};

/// Marks of unfinished work, put together here so that this file does not hold them.
fn marks() -> [String; 3] {
    [["FIX", "ME"].concat(), ["XX", "X"].concat(), ["TO", "DO"].concat()]
}

const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "#[ignore"];

fn complaints(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(|s| [introduced(s), finished(s), reasoned(s)].concat()).collect()
}

/// The first line is a module's doc; fuzz targets are one macro call and need none.
fn introduced(source: &Source) -> Vec<String> {
    let speaks = source.text.starts_with("//!");
    let needs = !source.shipped.trim().is_empty() && !source.path.contains("/fuzz_targets/");
    if speaks || !needs {
        return Vec::new();
    }
    vec![source.complain(0, "begins without `//!`: say what the file is for")]
}

fn finished(source: &Source) -> Vec<String> {
    let marked = |mark: &String| {
        let alone = |at: usize| {
            let around = [at.checked_sub(1), Some(at + mark.len())];
            let letter =
                |p: usize| source.text.as_bytes().get(p).is_some_and(u8::is_ascii_alphanumeric);
            !around.into_iter().flatten().any(letter)
        };
        let found = source.text.match_indices(mark.as_str()).find(|(at, _)| alone(*at))?;
        let line = 1 + source.text[..found.0].matches('\n').count();
        Some(format!("{}:{line}: {mark} marks unfinished work", source.path))
    };
    let unfinished = UNFINISHED.iter().filter_map(|word| {
        let at = source.code.find(word)?;
        Some(source.complain(at, &format!("{word} is unfinished work")))
    });
    marks().iter().filter_map(marked).chain(unfinished).collect()
}

/// `allow` and `expect` attributes carry `reason = "…"`.
fn reasoned(source: &Source) -> Vec<String> {
    let starts = ["#[allow(", "#[expect(", "#![allow(", "#![expect("];
    let attributes = starts.iter().flat_map(|start| source.code.match_indices(start));
    attributes
        .filter_map(|(at, _)| {
            let end = source.code[at..].find(")]").map_or(source.code.len(), |e| at + e);
            let given = source.code[at..end].contains("reason = \"");
            (!given).then(|| source.complain(at, "an exception without `reason = \"…\"`"))
        })
        .collect()
}

#[test]
fn files_are_introduced_finished_and_reasoned() {
    let sources: Vec<Source> = ["src", "tests", "benches"].into_iter().flat_map(below).collect();
    none_of(&complaints(&sources));
}

#[test]
fn prose_can_fail() {
    let check = |text: &str, want: &[&str]| {
        assert_eq!(complaints(&snippet("src/x.rs", text)), want, "{text}");
    };
    check("//! Doc.\nfn f() {}\n", &[]);
    check("fn f() {}\n", &["src/x.rs:1: begins without `//!`: say what the file is for"]);
    check("//! D.\nfn f() {\n    todo!()\n}\n", &["src/x.rs:3: todo! is unfinished work"]);
    check("//! D.\n#[ignore]\nfn f() {}\n", &["src/x.rs:2: #[ignore is unfinished work"]);
    let later = format!("//! D.\n// {}: later\n", marks()[0]);
    check(&later, &["src/x.rs:2: FIX\u{4d}E marks unfinished work"]);
    check("//! D.\n#[allow(dead_code, reason = \"why\")]\nfn f() {}\n", &[]);
    check(
        "//! D.\n#[allow(dead_code)]\nfn f() {}\n",
        &["src/x.rs:2: an exception without `reason = \"…\"`"],
    );
}
