//! Rust source as a rule sees it: which lines are tests, which characters are code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::house;

/// One file.
pub(super) struct Source {
    /// From the top of the house, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// `text` with comments and the insides of strings and characters blanked; the same length in
    /// lines and characters.
    pub(super) code: String,
    /// `code` with everything that is only compiled for tests blanked.
    pub(super) shipped: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Source {
        let code = blank_words(text);
        let shipped = blank_tests(&code);
        Source { path: path.to_owned(), text: text.to_owned(), code, shipped }
    }

    /// Complains about the line that holds byte `at` of `code` or `shipped`.
    pub(super) fn complain(&self, at: usize, problem: &str) -> String {
        format!("{}:{}: {problem}", self.path, self.line_of(at))
    }

    /// Line of a byte of `code`, from 1.
    pub(super) fn line_of(&self, at: usize) -> usize {
        1 + self.code.as_bytes()[..at].iter().filter(|b| **b == b'\n').count()
    }
}

/// Every Rust file below `folder`, sorted; files that only tests see have nothing shipped.
pub(super) fn below(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&house(folder), &mut paths);
    paths.sort();
    let mut sources: Vec<Source> = paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("source is UTF-8");
            let name = path.strip_prefix(house("")).expect("below the house");
            Source::new(&name.to_string_lossy().replace('\\', "/"), &text)
        })
        .collect();
    let tests: BTreeSet<String> = sources.iter().flat_map(test_files).collect();
    // A test module's children are tests too.
    let is_test = |path: &str| {
        tests.contains(path) || tests.iter().any(|t| path.starts_with(&(children_of(t) + "/")))
    };
    for source in sources.iter_mut().filter(|s| is_test(&s.path)) {
        source.shipped = blank(&source.shipped);
    }
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|e| e.expect("the house can be listed").path()) {
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, paths);
        } else if path.extension().is_some_and(|e| e == "rs") {
            paths.push(path);
        }
    }
}

/// Folder in which the files of a module's children lie.
fn children_of(path: &str) -> String {
    let stem = path.trim_end_matches(".rs");
    let own = ["/mod", "/lib", "/main", "/all"].iter().find_map(|s| stem.strip_suffix(s));
    own.unwrap_or(stem).to_owned()
}

/// Files named by `#[cfg(test)] mod name;`.
fn test_files(source: &Source) -> Vec<String> {
    let code = &source.code;
    let after = |at: usize| code[at + CFG_TEST.len()..].trim_start();
    code.match_indices(CFG_TEST)
        .filter_map(|(at, _)| {
            let (name, _) = after(at).strip_prefix("mod ")?.split_once(';')?;
            let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            plain.then(|| format!("{}/{name}.rs", children_of(&source.path)))
        })
        .collect()
}

const CFG_TEST: &str = "#[cfg(test)]";

/// The same lines and lengths, with nothing on them.
fn blank(code: &str) -> String {
    code.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

/// Blanks every item behind `#[cfg(test)]`: to its semicolon, or to the brace that ends it.
fn blank_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(at) = out.find(CFG_TEST) {
        let end = end_of_item(&out, at + CFG_TEST.len());
        let blanked = blank(&out[at..end]);
        out.replace_range(at..end, &blanked);
    }
    out
}

/// One past the item that begins at `from`.
pub(super) fn end_of_item(code: &str, from: usize) -> usize {
    let mut depth = 0usize;
    for (at, c) in code[from..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if c == '}' && depth == 0 {
                    return from + at + 1;
                }
            }
            ';' if depth == 0 => return from + at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Blanks comments, and what stands between quotes. Every character becomes one byte, so that
/// offsets of `code` are easy; only lines must agree with the text.
fn blank_words(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = word_end(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            // A quoted thing stays visible as such.
            if !chars[at..end].starts_with(&['/']) && end - at >= 2 {
                let last = out.len() - 1;
                out.replace_range(last.., "\"");
                out.replace_range(last + 1 - (end - at)..last + 2 - (end - at), "\"");
            }
            at = end;
        } else {
            out.push(if chars[at].is_ascii() { chars[at] } else { '?' });
            at += 1;
        }
    }
    out
}

/// End of the comment, string or character that begins at `at`; `at` when none does.
fn word_end(chars: &[char], at: usize) -> usize {
    let next = |n: usize| chars.get(at + n).copied().unwrap_or(' ');
    let before = at.checked_sub(1).map_or(' ', |b| chars[b]);
    match chars[at] {
        '/' if next(1) == '/' => find(chars, at, |c, _| c == '\n'),
        '/' if next(1) == '*' => find(chars, at + 2, |_, i| chars[i - 2..i] == ['*', '/']),
        '"' => quoted_end(chars, at, '"'),
        'r' if (next(1) == '#' || next(1) == '"') && !is_word(before) => raw_end(chars, at + 1, at),
        'b' if next(1) == 'r' && !is_word(before) => raw_end(chars, at + 2, at),
        '\'' if next(1) == '\\' || next(2) == '\'' => quoted_end(chars, at, '\''),
        _ => at,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find(chars: &[char], from: usize, is_end: impl Fn(char, usize) -> bool) -> usize {
    (from..chars.len()).find(|i| is_end(chars[*i], *i)).unwrap_or(chars.len())
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// End of `#…"…"#…`, whose hashes begin at `hashes`; `start` when it is no raw string.
fn raw_end(chars: &[char], hashes: usize, start: usize) -> usize {
    let count = chars[hashes..].iter().take_while(|c| **c == '#').count();
    if chars.get(hashes + count) != Some(&'"') {
        return start;
    }
    let open = hashes + count + 1;
    let closes = |i: usize| {
        chars[i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= count
    };
    (open..chars.len()).find(|i| closes(*i)).map_or(chars.len(), |i| i + 1 + count)
}

#[test]
fn strings_comments_and_tests_are_no_code() {
    let text = "let a = \"use x\"; // use y\nlet b = r#\"use \"z\"\"#; let c = '\"'; /* use w */\n\
                fn f<'a>() {}\n#[cfg(test)]\nmod tests {\n    fn t() { if x { } }\n}\nfn g() {}\n";
    let source = Source::new("src/x.rs", text);
    assert!(!source.code.contains("use"), "{}", source.code);
    assert_eq!(source.code.lines().count(), text.lines().count());
    assert!(source.code.contains("fn t()"));
    assert!(!source.shipped.contains("fn t()"), "{}", source.shipped);
    assert!(source.shipped.contains("fn f<'a>() {}") && source.shipped.contains("fn g() {}"));
    assert_eq!(source.line_of(source.code.find("fn g").unwrap()), 8);
}

#[test]
fn files_of_tests_are_found_where_they_are_declared() {
    let parent = Source::new("src/decode/mod.rs", "#[cfg(test)]\nmod tests;\nmod json;\n");
    assert_eq!(test_files(&parent), ["src/decode/tests.rs"]);
    let parent = Source::new("src/store/sqlite.rs", "#[cfg(test)]\nmod tests;\n");
    assert_eq!(test_files(&parent), ["src/store/sqlite/tests.rs"]);
    let shipped = |path: &str| {
        below("src").iter().find(|s| s.path == path).map(|s| s.shipped.trim().is_empty())
    };
    assert_eq!(shipped("src/decode/tests.rs"), Some(true));
    assert_eq!(shipped("src/detect/tests/clock.rs"), Some(true));
    assert_eq!(shipped("src/decode/json.rs"), Some(false));
}
