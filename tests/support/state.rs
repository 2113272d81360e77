//! What a data folder holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

/// Alerts of a data folder: id → (newest revision, its JSON).
pub(crate) type Stored = BTreeMap<String, (u32, String)>;

/// Reads the alert table; every revision below the newest must be there too.
pub(crate) fn stored(data: &Path) -> Stored {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let conn = Connection::open_with_flags(data.join("vigie.db"), flags).unwrap();
    let mut statement = conn
        .prepare("SELECT id, revision, body FROM alert JOIN revision USING (id, revision)")
        .unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
    let stored: Stored = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
    for (id, (newest, body)) in &stored {
        let sql = "SELECT count(*), max(revision) FROM revision WHERE id = ?1";
        let (count, last): (u32, u32) =
            conn.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!((count, last), (*newest, *newest), "revisions of {id}");
        assert!(body.contains(id), "the newest revision of {id} is there");
    }
    stored
}

/// The snapshots of a source's only shard, oldest first.
pub(crate) fn snapshots(data: &Path, source: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(data.join("state").join(source).join("0")) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "snap"))
        .collect();
    paths.sort();
    paths
}

/// The quarantine's entries, in order.
pub(crate) fn quarantined(data: &Path) -> Vec<serde_json::Value> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(data.join("quarantine")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    texts
        .flat_map(|t| t.lines().map(|l| serde_json::from_str(l).unwrap()).collect::<Vec<_>>())
        .collect()
}
