//! Words that shipped code may not say, and where the exceptions are.

use super::source::{Source, below};
use super::{none_of, snippet};

struct Ban {
    word: &'static str,
    /// Files or folders that may.
    except: &'static [&'static str],
    why: &'static str,
}

const COMMANDS: &str = "src/commands/";

/// Modules that decide; they touch nothing.
const PURE: [&str; 13] = [
    "src/event.rs",
    "src/alert.rs",
    "src/decode/",
    "src/directory",
    "src/detect/",
    "src/triage/",
    "src/simulate/",
    "src/evaluate/",
    "src/store/format.rs",
    "src/pipeline/shard.rs",
    "src/pipeline/tally.rs",
    "src/pipeline/cases.rs",
    "src/pipeline/mod.rs",
];

const fn ban(word: &'static str, except: &'static [&'static str], why: &'static str) -> Ban {
    Ban { word, except, why }
}

const EVERYWHERE: &[Ban] = &[
    ban("SystemTime::now", &["src/clock.rs"], "time is an argument"),
    ban("Instant::now", &["src/clock.rs"], "time is an argument"),
    ban("Timestamp::now", &[], "time is an argument"),
    ban("Zoned::now", &[], "time is an argument"),
    ban("rand::", &[], "randomness is seeded, simulate/rng.rs has it"),
    ban(
        "getrandom",
        &["src/store/desk/password.rs", "src/commands/token.rs", "src/console/", "src/respond/"],
        "randomness is seeded, simulate/rng.rs has it; secrets are not",
    ),
    ban("std::env", &["src/commands/"], "flags and files say what to do, read in commands"),
    ban("println!", &[COMMANDS], "standard output is data, written by commands"),
    ban("print!", &[COMMANDS], "standard output is data, written by commands"),
    ban("dbg!", &[], "it is for the desk"),
    ban("process::exit", &[COMMANDS], "main returns an exit code"),
    ban("unsafe ", &[], "nothing here needs it"),
    ban(".unwrap()", &[], "input is data, and a defect is an error with words"),
    ban(".expect(", &[], "input is data, and a defect is an error with words"),
    ban("panic!", &[], "input is data, and a defect is an error with words"),
    ban("unreachable!", &[], "input is data, and a defect is an error with words"),
];

const IN_PURE: &[Ban] = &[
    ban("std::fs", &[], "what decides touches nothing"),
    ban("std::net", &["src/detect/pool/place.rs"], "what decides touches nothing"),
    ban("std::thread", &[], "what decides touches nothing"),
    ban("std::process", &[], "what decides touches nothing"),
    ban("File::", &[], "what decides touches nothing"),
    ban("async ", &[], "what decides never waits"),
    ban(".await", &[], "what decides never waits"),
    ban("Mutex", &[], "what decides has one owner"),
    ban("RwLock", &[], "what decides has one owner"),
    ban("Atomic", &[], "what decides has one owner"),
    ban("thread_local", &[], "what decides has one owner"),
];

fn complaints(sources: &[Source]) -> Vec<String> {
    let pure = |s: &Source| PURE.iter().any(|home| s.path.starts_with(home));
    let everywhere = sources.iter().map(|s| (s, EVERYWHERE));
    let in_pure = sources.iter().filter(|s| pure(s)).map(|s| (s, IN_PURE));
    everywhere.chain(in_pure).flat_map(|(source, bans)| said(source, bans)).collect()
}

fn said(source: &Source, bans: &[Ban]) -> Vec<String> {
    let may = |ban: &Ban| ban.except.iter().any(|home| source.path.starts_with(home));
    let mut complaints = Vec::new();
    for ban in bans.iter().filter(|ban| !may(ban)) {
        for (at, _) in source.shipped.match_indices(ban.word) {
            let before = source.shipped[..at].chars().next_back().unwrap_or(' ');
            let inside = ban.word.starts_with(char::is_alphanumeric)
                && (before.is_alphanumeric() || before == '_');
            if !inside {
                let problem = format!("{} is banned here: {}", ban.word.trim(), ban.why);
                complaints.push(source.complain(at, &problem));
            }
        }
    }
    complaints
}

#[test]
fn nothing_banned_is_said() {
    none_of(&complaints(&below("src")));
}

#[test]
fn bans_can_fail() {
    let check = |path: &str, text: &str, want: &[&str]| {
        assert_eq!(complaints(&snippet(path, text)), want, "{text}");
    };
    check(
        "src/detect/time.rs",
        "fn f() {\n    let now = std::time::Instant::now();\n}\n",
        &["src/detect/time.rs:2: Instant::now is banned here: time is an argument"],
    );
    check("src/clock.rs", "fn f() { Instant::now(); }", &[]);
    check(
        "src/decode/json.rs",
        "fn f() { std::fs::read(p); eprintln!(); }",
        &["src/decode/json.rs:1: std::fs is banned here: what decides touches nothing"],
    );
    check(
        "src/store/key.rs",
        "fn f() { std::fs::read(p).unwrap(); println!() }",
        &[
            "src/store/key.rs:1: println! is banned here: standard output is data, written by \
             commands",
            "src/store/key.rs:1: .unwrap() is banned here: input is data, and a defect is an error \
             with words",
        ],
    );
    check("src/commands/run.rs", "fn f() { println!() }", &[]);
    check("src/detect/x.rs", "// Instant::now\n#[test]\nfn f() { \"Instant::now\"; }", &[]);
    assert!(PURE.iter().all(|home| {
        below("src").iter().any(|s| s.path.starts_with(home) && !s.shipped.trim().is_empty())
    }));
}
