//! Output shown in a document is output that came. A fenced block whose first line is
//! `$ command` holds what the command prints; a line of `…` stands for any lines left out, and `…`
//! within a line for any text.

/// The output a document shows for `command`; `None` when it shows none.
fn shown<'a>(document: &'a str, command: &str) -> Option<Vec<&'a str>> {
    let prompt = format!("$ {command}");
    let mut lines = document.lines().skip_while(|line| line.trim() != prompt);
    lines.next()?;
    Some(lines.take_while(|line| !line.starts_with("```") && !line.starts_with("$ ")).collect())
}

/// Compares what a document shows for a command with what it printed.
///
/// # Errors
/// The first shown line that did not come, or the first line that came and is not shown.
pub(crate) fn check_example(document: &str, command: &str, printed: &str) -> Result<(), String> {
    let Some(shown) = shown(document, command) else {
        return Err(format!("no block shows `$ {command}`"));
    };
    let mut rest = printed.lines();
    let mut anywhere = false;
    for want in shown.iter().map(|line| line.trim_end()) {
        if want == "…" {
            anywhere = true;
            continue;
        }
        let found = if anywhere {
            rest.any(|line| matches(want, line.trim_end()))
        } else {
            rest.next().is_some_and(|line| matches(want, line.trim_end()))
        };
        if !found {
            return Err(format!("`$ {command}` does not print {want:?} there"));
        }
        anywhere = false;
    }
    match rest.next() {
        Some(line) if !anywhere => Err(format!("`$ {command}` also prints {line:?}")),
        _ => Ok(()),
    }
}

/// Whether `line` is `pattern`, whose `…` stand for any text.
fn matches(pattern: &str, line: &str) -> bool {
    let Some((first, after)) = pattern.split_once('…') else { return pattern == line };
    let Some(rest) = line.strip_prefix(first) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(after, &rest[at..]))
}

#[test]
fn examples_hold_or_say_what_differs() {
    let document = "See:\n```\n$ vigie demo --exit\none\n…\nfour … five\n```\n";
    let check = |printed: &str, want: Result<(), &str>| {
        let got = check_example(document, "vigie demo --exit", printed);
        assert_eq!(got, want.map_err(str::to_owned), "{printed}");
    };
    check("one\ntwo\nthree\nfour and five\n", Ok(()));
    check("one\nfour  five\n", Ok(()));
    check("two\nfour and five\n", Err("`$ vigie demo --exit` does not print \"one\" there"));
    check("one\ntwo\n", Err("`$ vigie demo --exit` does not print \"four … five\" there"));
    check("one\nfour … five\nsix\n", Err("`$ vigie demo --exit` also prints \"six\""));
    assert_eq!(
        check_example(document, "vigie run", ""),
        Err("no block shows `$ vigie run`".to_owned())
    );
}
