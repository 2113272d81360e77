//! Who may import whom: downwards only. The table is the design; changing it is a decision.

use std::collections::BTreeSet;

use super::source::{Source, below};
use super::{none_of, snippet};

/// Module, and what of ours it may use (itself always). Pure ones first.
const OURS: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("alert", &[]),
    ("decode", &["event"]),
    ("directory", &["decode"]),
    ("detect", &["event", "alert", "directory"]),
    ("triage", &["event", "alert", "detect"]),
    ("ingest", &["event", "clock"]),
    ("store", &["event", "alert"]),
    ("simulate", &["event"]),
    ("evaluate", &["event"]),
    ("pipeline::tally", &["event", "alert", "decode"]),
    (
        "pipeline::shard",
        &["event", "alert", "ingest", "decode", "detect", "triage", "pipeline::tally"],
    ),
    ("pipeline::cases", &["event", "alert", "directory", "detect", "triage"]),
    ("watch::view", &["event", "detect", "pipeline::tally"]),
    (
        "pipeline::run",
        &[
            "event",
            "alert",
            "ingest",
            "detect",
            "triage",
            "store",
            "pipeline::shard",
            "watch::view",
            "clock",
        ],
    ),
    ("respond", &["event", "alert", "store", "triage", "clock"]),
    ("watch", &["event", "alert", "store", "detect", "pipeline::tally", "watch::view", "clock"]),
    ("console", &["event", "alert", "store", "triage", "watch", "respond", "clock"]),
    ("pipeline", &[]),
    ("config", &["alert", "decode", "detect", "ingest", "respond", "watch"]),
    ("telemetry", &[]),
    ("clock", &["event"]),
    (
        "commands",
        &[
            "event",
            "alert",
            "ingest",
            "decode",
            "directory",
            "detect",
            "triage",
            "store",
            "simulate",
            "evaluate",
            "pipeline::cases",
            "pipeline::run",
            "pipeline::shard",
            "pipeline::tally",
            "respond",
            "watch",
            "console",
            "config",
            "clock",
        ],
    ),
    ("main", &["commands", "telemetry"]),
    ("lib", &[]),
];

/// Third-party crate, and the files (or folders) that are its home.
const THEIRS: &[(&str, &[&str])] = &[
    ("argon2", &["src/store/desk/password.rs"]),
    ("askama", &["src/console/pages/"]),
    ("axum", &["src/console/"]),
    ("base64", &["src/console/", "src/respond/"]),
    ("clap", &["src/main.rs", "src/commands/"]),
    (
        "crc32fast",
        &[
            "src/store/format.rs",
            "src/detect/places.rs",
            "src/detect/shared.rs",
            "src/detect/snapshot.rs",
        ],
    ),
    ("csv", &["src/directory/table.rs", "src/commands/evidence/"]),
    ("dashmap", &["src/watch/view.rs"]),
    ("getrandom", &["src/console/", "src/respond/", "src/commands/", "src/store/desk/"]),
    ("flate2", &["src/ingest/compression.rs"]),
    ("indicatif", &["src/commands/"]),
    (
        "jiff",
        &[
            "src/decode/time.rs",
            "src/detect/time.rs",
            "src/triage/",
            "src/simulate/",
            "src/pipeline/write.rs",
            "src/watch/metrics.rs",
            "src/respond/hook.rs",
            "src/console",
            "src/commands/",
        ],
    ),
    ("memchr", &["src/ingest/lines.rs"]),
    ("postcard", &["src/detect/snapshot.rs", "src/pipeline/", "src/commands/setup.rs"]),
    ("prometheus", &["src/watch/"]),
    ("rdkafka", &["src/ingest/kafka.rs", "src/ingest/kafka/", "src/respond/"]),
    ("reqwest", &["src/respond/"]),
    ("rustix", &["src/store/disk.rs", "src/commands/"]),
    ("rustls", &["src/respond/"]),
    ("standardwebhooks", &["src/respond/"]),
    ("subtle", &["src/console/"]),
    ("tokio_stream", &["src/console/"]),
    ("utoipa", &["src/console/"]),
    ("regex", &["src/decode/"]),
    (
        "rusqlite",
        &["src/store/sqlite.rs", "src/store/sqlite/", "src/store/desk.rs", "src/store/desk/"],
    ),
    ("serde", &["src/"]),
    (
        "serde_json",
        &[
            "src/alert.rs",
            "src/decode/",
            "src/triage/",
            "src/store/",
            "src/watch/watcher.rs",
            "src/pipeline/cases.rs",
            "src/respond/body.rs",
            "src/respond/hook.rs",
            "src/console/",
            "src/commands/",
        ],
    ),
    (
        "sha2",
        &[
            "src/decode/pseudonym.rs",
            "src/detect/rule.rs",
            "src/triage/id.rs",
            "src/ingest/resume.rs",
            "src/store/mod.rs",
            "src/store/desk.rs",
            "src/store/desk/audit.rs",
            "src/console/",
            "src/respond/hook.rs",
            "src/commands/setup.rs",
        ],
    ),
    ("siphasher", &["src/decode/pseudonym.rs", "src/detect/mod.rs"]),
    ("statrs", &["src/detect/counts.rs", "src/watch/promise.rs"]),
    ("thiserror", &["src/"]),
    ("tokio", &["src/commands/", "src/console", "src/respond/", "src/watch/"]),
    (
        "toml",
        &[
            "src/detect/rule.rs",
            "src/decode/mapping.rs",
            "src/config",
            "src/commands/gather.rs",
            "src/commands/evaluate/mod.rs",
        ],
    ),
    (
        "tracing",
        &[
            "src/pipeline/",
            "src/watch/",
            "src/respond/",
            "src/ingest/kafka.rs",
            "src/ingest/kafka/",
            "src/console.rs",
            "src/console/",
            "src/commands/",
        ],
    ),
    ("tracing_subscriber", &["src/telemetry.rs"]),
    ("tracing", &["src/telemetry.rs"]),
    ("zstd", &["src/ingest/compression.rs", "src/ingest/order.rs", "src/store/format.rs"]),
];

fn complaints(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(|s| [ours(s), theirs(s)].concat()).collect()
}

fn ours(source: &Source) -> Vec<String> {
    let here = module_of(&source.path);
    let home = unit_of(&here);
    let Some((_, allowed)) = OURS.iter().find(|(unit, _)| *unit == home) else {
        return vec![source.complain(0, &format!("module {home} is not in the import table"))];
    };
    let mut seen = BTreeSet::new();
    let mut complaints = Vec::new();
    for (at, path) in paths(&source.shipped) {
        let Some(target) = absolute(&here, &path) else { continue };
        let used = unit_of(&target);
        let known = OURS.iter().any(|(unit, _)| *unit == used);
        if known && used != home && !allowed.contains(&used.as_str()) && seen.insert(used.clone()) {
            let choices = if allowed.is_empty() { "nothing".into() } else { allowed.join(", ") };
            let problem = format!("{home} imports {used}; it may use {choices}");
            complaints.push(source.complain(at, &problem));
        }
    }
    complaints
}

fn theirs(source: &Source) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut complaints = Vec::new();
    for (at, path) in paths(&source.shipped) {
        let Some(root) = path.first() else { continue };
        let homes: Vec<&str> =
            THEIRS.iter().filter(|(name, _)| name == root).flat_map(|(_, h)| *h).copied().collect();
        let known = THEIRS.iter().any(|(name, _)| name == root);
        let at_home = homes.iter().any(|home| source.path.starts_with(home));
        if known && !at_home && path.len() > 1 && seen.insert(root.clone()) {
            let problem = format!("{root} is used here; its home is {}", homes.join(", "));
            complaints.push(source.complain(at, &problem));
        }
    }
    complaints
}

/// `src/detect/account.rs` → `detect::account`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if parts.len() > 1 && parts.last().is_some_and(|p| p == "mod") {
        parts.pop();
    }
    parts
}

/// The row of the table that a module belongs to.
fn unit_of(module: &[String]) -> String {
    match module {
        // The threads are one unit, however many files; so is what they show to others.
        [first, second, ..] if first == "pipeline" => {
            let pure = ["cases", "shard", "tally"].contains(&second.as_str());
            format!("pipeline::{}", if pure { second } else { "run" })
        }
        [first, second, ..] if first == "watch" && second == "view" => "watch::view".into(),
        [first, ..] => first.clone(),
        [] => String::new(),
    }
}

/// A path that begins in our crate, without `crate`, `self`, `super`, `vigie`.
fn absolute(here: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut base = match path.first()?.as_str() {
        "crate" | "vigie" => Vec::new(),
        "self" | "super" => here.to_vec(),
        _ => return None,
    };
    for part in path {
        match part.as_str() {
            "super" => {
                base.pop();
            }
            "crate" | "vigie" | "self" => {}
            _ => base.push(part.clone()),
        }
    }
    Some(base)
}

/// Every `a::b::c` of the code with its place, use trees unfolded; single words of a `use` too.
fn paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(length) = code[at..].find("::") {
        let colon = at + length;
        let start = code[..colon].rfind(|c: char| !is_path(c)).map_or(0, |p| p + 1);
        let end = path_end(code, colon);
        let prefix: Vec<String> = parts_of(&code[start..end]);
        let rest = &code[end..];
        if rest.starts_with('{') {
            let close = matching(rest);
            for branch in branches(&rest[1..close]) {
                found.push((start, [prefix.clone(), parts_of(&branch)].concat()));
            }
        } else {
            found.push((start, prefix));
        }
        at = end.max(colon + 2);
    }
    found
}

fn is_path(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

fn path_end(code: &str, from: usize) -> usize {
    code[from..].find(|c: char| !is_path(c)).map_or(code.len(), |p| from + p)
}

fn parts_of(text: &str) -> Vec<String> {
    text.split("::").map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// Place of the brace that closes the one `text` begins with.
fn matching(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Outermost branches of a use tree; of a branch that branches again, its stem.
fn branches(tree: &str) -> Vec<String> {
    let mut depth = 0usize;
    let mut branches = vec![String::new()];
    for c in tree.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => branches.push(String::new()),
            _ if depth == 0 => branches.iter_mut().next_back().into_iter().for_each(|b| b.push(c)),
            _ => {}
        }
    }
    branches.retain(|b| !b.trim().is_empty());
    branches
}

#[test]
fn imports_go_downwards() {
    none_of(&complaints(&below("src")));
}

#[test]
fn imports_can_fail() {
    let check = |path: &str, text: &str, want: &[&str]| {
        assert_eq!(complaints(&snippet(path, text)), want, "{text}");
    };
    check(
        "src/detect/window.rs",
        "//! Doc.\nuse crate::event::{Person, Touch};\nuse crate::store::format::Header;\n",
        &["src/detect/window.rs:3: detect imports store; it may use event, alert, directory"],
    );
    check(
        "src/event.rs",
        "fn f() { crate::clock::now_ms(); }\n",
        &["src/event.rs:1: event imports clock; it may use nothing"],
    );
    check(
        "src/pipeline/shard.rs",
        "use super::{\n    run::Tell,\n    tally::Tally,\n};\n",
        &[
            "src/pipeline/shard.rs:1: pipeline::shard imports pipeline::run; it may use event, alert, \
           ingest, decode, detect, triage, pipeline::tally",
        ],
    );
    check(
        "src/triage/mod.rs",
        "use {std::fmt, rusqlite::Row};\nfn f() -> rusqlite::Row { tracing::info!(1) }\n",
        &[
            "src/triage/mod.rs:1: rusqlite is used here; its home is src/store/sqlite.rs, \
             src/store/sqlite/, src/store/desk.rs, src/store/desk/",
            "src/triage/mod.rs:2: tracing is used here; its home is src/pipeline/, \
             src/watch/, src/respond/, src/ingest/kafka.rs, src/ingest/kafka/, src/console.rs, src/console/, src/commands/, src/telemetry.rs",
        ],
    );
    check("src/new.rs", "", &["src/new.rs:1: module new is not in the import table"]);
    check("src/detect/x.rs", "#[cfg(test)]\nmod tests {\n    use crate::store::X;\n}\n", &[]);
    check("src/detect/x.rs", "// crate::store::X\nuse super::tail::Tail;\n", &[]);
}
