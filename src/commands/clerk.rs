//! Opens shards for the pipeline: newest state, control records since, files that changed; and turns
//! verdicts and epochs into control records, stored before they are applied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use super::setup::{Loaded, Setup};
use crate::alert::Alert;
use crate::decode::PseudonymKey;
use crate::detect::epoch::Epoch;
use crate::detect::{Control, Judged};
use crate::directory;
use crate::event::Position;
use crate::pipeline::run::{Clerk, Keep, Opened, Reached, Restored, RunError, restore, told_key};
use crate::pipeline::shard::Shard;
use crate::store::datadir::{DataDir, Purpose};
use crate::store::quarantine::Quarantine;
use crate::store::snapshot::Snapshots;
use crate::store::sqlite::{self, Store};
use crate::store::{self, KeyId};
use crate::triage::millis;

/// Reference data that stays in force when a later run does not name it.
const REFERENCE: [&str; 4] = ["accounts", "expected", "persons", "caseload"];

/// Control records of epochs kept for each shard: more than come between two snapshots, one of which
/// may still be on its way to disk.
const EPOCHS_KEPT: u32 = 8;

/// A source's durable side, as the deciding thread needs it.
pub(super) struct Office<'a> {
    setup: &'a Setup,
    key: PseudonymKey,
    source: String,
    store: Store,
    snapshots: Snapshots,
    /// Every configured file as a control record, read once.
    controls: Vec<Loaded>,
    /// Shards come and go, and learn from one another.
    shares: bool,
    /// Somebody looks at accounts.
    tells_days: bool,
    /// The last verdict that was looked at: those of shards that are not ours wait, and cost
    /// nothing, until another shard is opened.
    looked_at: i64,
}

impl<'a> Office<'a> {
    /// The office of a source in a data folder; `state` is the folder of snapshots when several
    /// instances share one.
    pub(super) fn open(
        setup: &'a Setup,
        data: &DataDir,
        source: &str,
        key: PseudonymKey,
        state: Option<&Path>,
    ) -> Result<Office<'a>, Failure> {
        let office = Office {
            setup,
            key,
            source: source.to_owned(),
            store: Store::open(data)?,
            snapshots: Snapshots::at(state_root(data, state), KeyId(key.fingerprint())),
            controls: setup.controls(key)?,
            shares: state.is_some(),
            tells_days: false,
            looked_at: 0,
        };
        for kind in REFERENCE {
            let given = office.controls.iter().any(|c| c.kind == kind);
            if !given && office.store.latest_control(kind)?.is_some() {
                tracing::warn!(
                    kind,
                    "no file was given for this reference data; the last one stays in force"
                );
            }
        }
        Ok(office)
    }

    /// Says what accounts' days were, for people who look at them.
    pub(super) fn tell_days(&mut self) {
        self.tells_days = true;
    }

    /// A shard with its newest state and everything that is scheduled for it.
    pub(super) fn open_shard(&mut self, id: u32) -> Result<Opened, Failure> {
        let name = match self.shares {
            true => format!("{}/{id}", self.source),
            false => self.source.clone(),
        };
        let mut shard = self.setup.shard(self.key, &name)?;
        if self.shares {
            shard.share_epochs();
        }
        if self.tells_days {
            shard.tell_days();
        }
        let restored = restore(&self.snapshots, &self.source, id, &mut shard)?;
        let told = self.store.meta(&told_key(&self.source, id))?;
        let mut reached = Reached {
            told: told.and_then(|t| t.parse().ok()).unwrap_or(0),
            marked: self.store.mark(&self.source, id)?.map_or(0, |m| m.position),
            snapshot: self.snapshots.newest(&self.source, id)?,
        };
        if self.shares {
            reached.snapshot = self.snapshots.take_over(&self.source, id)?;
        }
        self.schedule(id, restored.as_ref(), reached, &mut shard)?;
        self.looked_at = 0;
        Ok(Opened { shard, restored, reached })
    }

    /// Schedules every control record for its position: those stored since the snapshot, and those
    /// whose files changed since they were last stored, from where nothing has been told yet.
    fn schedule(
        &mut self,
        id: u32,
        restored: Option<&Restored>,
        reached: Reached,
        shard: &mut Shard,
    ) -> Result<(), Failure> {
        let from = restored.map_or(0, |r| r.position);
        for row in self.store.controls_since(&self.source, id, from)? {
            let (control, _) = Loaded::read(&row.body)?;
            shard.schedule(row.position, row.seq, control);
        }
        let mark = reached.marked.max(from);
        for fresh in &self.controls {
            let good = last_good(&self.store, fresh)?;
            // Another source of this folder may have been told already; this one decides for itself.
            let told = self.store.last_digest(&self.source, id, good.kind)?;
            if told.as_ref() != Some(&good.digest) {
                let seq = record(&mut self.store, &self.source, id, mark, &good)?;
                shard.schedule(mark, seq, good.control);
            }
        }
        Ok(())
    }
}

impl Clerk for Office<'_> {
    fn open(&mut self, shard: u32) -> Result<Opened, RunError> {
        self.open_shard(shard).map_err(|failure| match failure {
            Failure::Failed(text) | Failure::Usage(text) => RunError::Clerk(text),
            Failure::Closed => RunError::Clerk("standard output was closed".into()),
        })
    }

    fn verdicts(
        &mut self,
        shards: &BTreeMap<u32, Position>,
    ) -> Result<Vec<(u32, i64, Control)>, RunError> {
        let mut brought = Vec::new();
        for due in self.store.verdicts_due(self.looked_at)? {
            self.looked_at = due.seq;
            // A build of another contract wrote it: nothing here can say which episode it was.
            let Ok(alert) = serde_json::from_str::<Alert>(&due.alert) else {
                self.store.verdict_applied(due.seq)?;
                continue;
            };
            let Some((id, position)) = self.shard_of(&alert, shards) else { continue };
            let control = Control::Verdict(Judged {
                entity: alert.entity.kind,
                name: alert.entity.id,
                opened: millis(&alert.opened_at),
                alert: alert.id,
                verdict: due.verdict,
            });
            let loaded = Loaded::new("verdict", control, 0);
            // Twice applied is once applied; a crash in between may record it twice.
            let seq = record(&mut self.store, &self.source, id, position, &loaded)?;
            self.store.verdict_applied(due.seq)?;
            brought.push((id, seq, loaded.control));
        }
        Ok(brought)
    }

    fn epoch(
        &mut self,
        epoch: &Arc<Epoch>,
        shards: &BTreeMap<u32, Position>,
    ) -> Result<Vec<(u32, i64)>, RunError> {
        let loaded = Loaded::new("epoch", Control::Epoch(Arc::clone(epoch)), 0);
        let mut recorded = Vec::new();
        for (id, position) in shards {
            let seq = record(&mut self.store, &self.source, *id, *position, &loaded)?;
            self.store.forget_controls(&self.source, *id, "epoch", EPOCHS_KEPT)?;
            recorded.push((*id, seq));
        }
        Ok(recorded)
    }
}

impl Office<'_> {
    /// The shard among these that raised an alert.
    fn shard_of(&self, alert: &Alert, shards: &BTreeMap<u32, Position>) -> Option<(u32, Position)> {
        let raised_by = &alert.positions.first()?.shard;
        let id = match raised_by.strip_prefix(&self.source)? {
            "" => crate::pipeline::run::SHARD,
            rest => rest.strip_prefix('/')?.parse().ok()?,
        };
        Some((id, *shards.get(&id)?))
    }
}

/// Stores a control record of a shard; returns its number.
fn record(
    store: &mut Store,
    source: &str,
    shard: u32,
    position: Position,
    loaded: &Loaded,
) -> Result<i64, store::sqlite::StoreError> {
    let Loaded { kind, digest, body, .. } = loaded;
    let control = sqlite::Control { source, shard, position, kind, digest, body };
    store.record_control(&control, crate::clock::now_ms())
}

/// What was read, or what is stored when too many rows are missing from that.
fn last_good(store: &Store, fresh: &Loaded) -> Result<Loaded, Failure> {
    let Some(row) = store.latest_control(fresh.kind)? else { return Ok(fresh.clone()) };
    let (control, before) = Loaded::read(&row.body)?;
    if row.digest == fresh.digest || !directory::shrinks_too_much(before, fresh.rows) {
        return Ok(fresh.clone());
    }
    tracing::error!(
        kind = fresh.kind,
        rows = fresh.rows,
        before,
        "reference data lost more than a tenth of its rows; the last good one stays"
    );
    Ok(Loaded { kind: fresh.kind, digest: row.digest, body: row.body, control, rows: before })
}

/// Where snapshots are.
pub(super) fn state_root(data: &DataDir, state: Option<&Path>) -> PathBuf {
    match state {
        Some(state) if !state.as_os_str().is_empty() => state.to_owned(),
        _ => data.file("state"),
    }
}

/// The writer's durable side of a run in a data folder.
pub(super) fn keep(
    data: &DataDir,
    source: &str,
    key: PseudonymKey,
    state: Option<&Path>,
    every: Duration,
) -> Result<Keep, Failure> {
    let key_id = KeyId(key.fingerprint());
    Ok(Keep {
        store: Store::open(data)?,
        snapshots: Snapshots::at(state_root(data, state), key_id),
        quarantine: Quarantine::open(data)?,
        source: source.to_owned(),
        key_id,
        every,
        live: data.purpose() == Purpose::Live,
        seeding: false,
    })
}
