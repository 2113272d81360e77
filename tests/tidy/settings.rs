//! Every setting stands once in `config.default.toml`, and its comment says what it is for.

use super::{none_of, text_of};

fn complaints(text: &str) -> Vec<String> {
    let mut before = "";
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        let is_setting = key.is_some_and(|k| !k.is_empty() && !k.starts_with('#'));
        let documented = comment_of(line).is_some() || before.trim_start().starts_with('#');
        if let Some(key) = key.filter(|_| is_setting && !documented) {
            complaints.push(format!("config.default.toml:{}: {key} has no comment", number + 1));
        }
        before = line;
    }
    complaints
}

/// What follows the first `#` outside quotes.
fn comment_of(line: &str) -> Option<&str> {
    let mut quoted = false;
    let at = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '#' && !quoted
    })?;
    Some(line[at.0 + 1..].trim()).filter(|comment| !comment.is_empty())
}

#[test]
fn every_setting_is_documented() {
    let text = text_of("src/config.default.toml");
    assert!(text.lines().filter(|line| line.contains(" = ")).count() > 10);
    none_of(&complaints(&text));
}

#[test]
fn settings_can_fail() {
    let check = |text: &str, want: &[&str]| assert_eq!(complaints(text), want, "{text}");
    check("[a]\nx = 1  # why\n# why\ny = \"#\"\n", &[]);
    check("[a]\nx = 1\n", &["config.default.toml:2: x has no comment"]);
    check(
        "x = \"# no\"\ny = 2 #\n",
        &["config.default.toml:1: x has no comment", "config.default.toml:2: y has no comment"],
    );
}
