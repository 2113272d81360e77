//! Every direct dependency earns its place: `src/ARCHITECTURE.md` says why it is there, and some
//! file uses it.

use super::source::{Source, below};
use super::{none_of, snippet, text_of};

fn complaints(manifest: &str, map: &str, sources: &[Source]) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("Cargo.toml parses");
    let names = manifest["dependencies"].as_table().expect("there are dependencies").keys();
    let mut complaints = Vec::new();
    for name in names {
        let in_code = name.replace('-', "_");
        if !map.contains(&format!("`{name}`")) && !map.contains(&format!("**{name}**")) {
            complaints.push(format!("src/ARCHITECTURE.md: say why `{name}` is a dependency"));
        }
        let words = [format!("{in_code}::"), format!("use {in_code};")];
        if !sources.iter().any(|s| words.iter().any(|word| s.shipped.contains(word))) {
            complaints.push(format!("Cargo.toml: nothing in src uses {name}"));
        }
    }
    complaints
}

#[test]
fn every_dependency_is_explained_and_used() {
    let map = text_of("src/ARCHITECTURE.md");
    none_of(&complaints(&text_of("Cargo.toml"), &map, &below("src")));
}

#[test]
fn dependencies_can_fail() {
    let manifest = "[dependencies]\ncsv = \"1\"\nleft-pad = \"1\"\n";
    let sources = snippet("src/x.rs", "use csv::Reader;\n// left_pad::pad\n");
    assert_eq!(
        complaints(manifest, "We have `csv`.", &sources),
        [
            "src/ARCHITECTURE.md: say why `left-pad` is a dependency",
            "Cargo.toml: nothing in src uses left-pad"
        ]
    );
}
