//! The rules of the house, checked on the source text. Each rule is data and a pure function from
//! texts to complaints, so that a bad snippet can show that it does complain.

mod banned;
mod dependencies;
pub(crate) mod examples;
mod imports;
mod prose;
mod rules;
mod settings;
mod sizes;
mod source;
mod tree;

use std::path::{Path, PathBuf};

use source::Source;

/// Fails with every complaint, one a line.
fn none_of(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// A path from the top of the house.
fn house(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(house(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A file that is not on disk, to try a rule on.
fn snippet(path: &str, text: &str) -> Vec<Source> {
    vec![Source::new(path, text)]
}
