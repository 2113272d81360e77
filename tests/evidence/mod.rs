//! `vigie evidence`: the exact persons of alerts, against the truth of a simulated world.

mod beside;
mod list;
mod refused;
mod staged;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Program, vigie};

/// The key of the staged run; fixed, so that its estimates are.
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// `vigie evidence` on a data folder, with the staged run's key.
fn evidence(data: &Path, ids: &[&str]) -> Program {
    vigie(["evidence"])
        .args(ids)
        .args(["--data".as_ref(), data.as_os_str()])
        .env("VIGIE_PSEUDONYM_KEY", KEY)
}

/// Rows of the CSV: person, first seen, last seen, accesses, alerts, sessions, devices, addresses.
fn rows(csv: &str) -> Vec<[String; 8]> {
    let mut lines = csv.lines();
    let head = "person,first_seen,last_seen,accesses,alerts,sessions,devices,ips";
    assert_eq!(lines.next(), Some(head));
    let row = |line: &str| {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("eight cells: {cells:?}"))
    };
    lines.map(row).collect()
}

/// Whom the CSV names.
fn persons(csv: &str) -> BTreeSet<String> {
    let rows = rows(csv);
    let persons: BTreeSet<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(persons.len(), rows.len(), "each person once");
    persons
}
