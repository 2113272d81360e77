//! Every direct dependency earns its place: a row of a table in `src/ARCHITECTURE.md` says why it is
//! there, and some file uses it.

use super::source::{Source, below};
use super::{none_of, snippet, text_of};

fn complaints(manifest: &str, map: &str, sources: &[Source]) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("Cargo.toml parses");
    let names = manifest["dependencies"].as_table().expect("there are dependencies").keys();
    let mut complaints = Vec::new();
    for name in names {
        let in_code = name.replace('-', "_");
        if !explained(map).any(|known| known == name) {
            complaints.push(format!("src/ARCHITECTURE.md: say why `{name}` is a dependency"));
        }
        let words = [format!("{in_code}::"), format!("use {in_code};")];
        if !sources.iter().any(|s| words.iter().any(|word| s.shipped.contains(word))) {
            complaints.push(format!("Cargo.toml: nothing in src uses {name}"));
        }
    }
    complaints
}

/// Names in the first cells of the map's tables.
fn explained(map: &str) -> impl Iterator<Item = &str> {
    let rows = map.lines().filter_map(|line| line.strip_prefix('|'));
    let cells = rows.filter_map(|row| row.split('|').next());
    cells.flat_map(|cell| cell.split(',')).map(|name| name.trim().trim_matches('`'))
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
        complaints(manifest, "left-pad!\n| `csv`, x | tables |\n", &sources),
        [
            "src/ARCHITECTURE.md: say why `left-pad` is a dependency",
            "Cargo.toml: nothing in src uses left-pad"
        ]
    );
}
