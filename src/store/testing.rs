//! What tests of the store have in common: an example alert, a database, a desk.

use std::path::PathBuf;

use super::datadir::{DataDir, Purpose};
use super::desk::Desk;
use super::sqlite::{Commit, Reader, Store};
use crate::alert::Alert;

/// The contract's example as another alert.
pub(super) fn alert(id: &str, revision: u32) -> Alert {
    let text = include_str!("../../tests/store/alert.json");
    let mut alert: Alert = serde_json::from_str(text).expect("the contract's example");
    (alert.id, alert.revision) = (id.into(), revision);
    alert
}

/// The example with something changed.
pub(super) fn edited(id: &str, edit: impl FnOnce(&mut Alert)) -> Alert {
    let mut alert = alert(id, 1);
    edit(&mut alert);
    alert
}

/// A database with its writer, and a desk beside it.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) desk: Desk,
    pub(super) db: PathBuf,
    _dir: DataDir,
    _temp: tempfile::TempDir,
}

pub(super) fn world() -> World {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
    let store = Store::open(&dir).unwrap();
    let db = dir.file("vigie.db");
    World { store, desk: Desk::open(&db).unwrap(), db, _dir: dir, _temp: temp }
}

impl World {
    pub(super) fn put(&mut self, alerts: impl IntoIterator<Item = Alert>) {
        let alerts: Vec<_> = alerts.into_iter().map(|alert| (alert, 1)).collect();
        let commit = Commit { source: "log", shard: 0, alerts: &alerts, mark: 2, epoch: 1 };
        self.store.commit(&commit).unwrap();
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::open(&self.db).unwrap()
    }
}
