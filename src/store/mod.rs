//! 5. What must survive a crash, and the order in which it is written.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | a control record, before it is applied | [`sqlite::Store::record_control`] |
//! | 2 | alert revisions and the shard's mark, in one transaction | [`sqlite::Store::commit`] |
//! | 3 | quarantined lines, then the state at a position at or below the mark | [`quarantine::Quarantine::sync`], [`snapshot::Snapshots::write`] |
//! | 4 | the source's acknowledgement, at or below the snapshot | the source |
//!
//! Each step is durable before the next begins. So after a crash the newest snapshot is at or
//! below the mark, and everything from its position on can be read again: load it, apply the
//! control records since, read on. State and alerts are a function of these alone, so the same
//! ids and revisions come out, and [`sqlite::Store::commit`] keeps what is already there. With
//! 2 and 3 exchanged, a crash between them would lose alerts: the state would be past records
//! whose alerts were never stored.

use std::fmt;

use sha2::{Digest, Sha256};

pub mod datadir;
pub mod desk;
pub mod disk;
pub mod epochs;
pub mod format;
mod key;
pub mod quarantine;
pub mod snapshot;
pub mod sqlite;
#[cfg(test)]
mod testing;

pub use key::{GivenKey, KeyError};

/// Fingerprint of a pseudonym key: tells keys apart, and tells nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// The first 64 bits of SHA-256("vigie-key-1", key; separated by 0x1F).
    #[must_use]
    pub fn of(key: &[u8; 16]) -> KeyId {
        let hash = Sha256::new().chain_update(b"vigie-key-1\x1f").chain_update(key).finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        KeyId(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::datadir::{DataDir, Purpose};
    use super::format::Header;
    use super::snapshot::Snapshots;
    use super::sqlite::{Commit, Control, Store};
    use super::*;
    use crate::alert::Alert;
    use crate::event::Position;

    const KEY: [u8; 16] = [7; 16];
    /// What each record adds.
    const LOG: [u64; 12] = [3, 9, 2, 8, 1, 7, 4, 4, 6, 5, 9, 2];
    /// Before the record at this position the factor changes from 1 to 10.
    const CONTROL_AT: Position = 5;
    const BATCH: usize = 3;

    /// The durable steps of a batch, in the order a program takes them.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Step {
        Commit,
        Snapshot,
        Acknowledge,
    }
    const RIGHT: [Step; 3] = [Step::Commit, Step::Snapshot, Step::Acknowledge];
    const SNAPSHOT_FIRST: [Step; 3] = [Step::Snapshot, Step::Commit, Step::Acknowledge];

    /// A detector that fits a test: it alerts whenever the sum passes another hundred.
    #[derive(Clone, Copy, Default)]
    struct State {
        position: Position,
        sum: u64,
        factor: u64,
        control_seq: i64,
        alerts: u32,
    }

    impl State {
        fn bytes(self) -> Vec<u8> {
            let words = [self.sum, self.factor, self.control_seq as u64, u64::from(self.alerts)];
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        }

        fn read(position: Position, bytes: &[u8]) -> State {
            let word = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
            let (sum, factor, control_seq) = (word(0), word(1), word(2) as i64);
            State { position, sum, factor, control_seq, alerts: word(3) as u32 }
        }

        fn apply(&mut self, record: u64) -> Option<Alert> {
            let before = self.sum / 100;
            self.sum += record * self.factor;
            self.position += 1;
            (self.sum / 100 > before).then(|| {
                self.alerts += 1;
                let example = include_str!("../../tests/store/alert.json");
                let mut alert: Alert = serde_json::from_str(example).unwrap();
                (alert.id, alert.revision) = ("A".into(), self.alerts);
                alert.exposure.persons = self.sum;
                alert
            })
        }
    }

    /// Power for so many durable steps.
    struct Power(usize);

    impl Power {
        fn step(&mut self) -> Option<()> {
            self.0 = self.0.checked_sub(1)?;
            Some(())
        }
    }

    struct Run {
        store: Store,
        snapshots: Snapshots,
        /// Outlives the process, like a consumer group's offset.
        acknowledged: Position,
    }

    impl Run {
        fn start(path: &Path, acknowledged: Position) -> Run {
            let dir = DataDir::open(path, Purpose::Live).unwrap();
            let snapshots = Snapshots::new(&dir, KeyId::of(&KEY));
            Run { store: Store::open(&dir).unwrap(), snapshots, acknowledged }
        }

        fn load(&self) -> State {
            let loaded = self.snapshots.load_latest("log", 0).unwrap();
            let state = loaded.map_or(State { factor: 1, ..State::default() }, |loaded| {
                State::read(loaded.header.position, &loaded.payload)
            });
            assert!(self.acknowledged <= state.position);
            state
        }

        /// From the last snapshot to the end of the log; `None` when the power went.
        fn go(&mut self, order: [Step; 3], power: &mut Power) -> Option<()> {
            let mut state = self.load();
            let mut controls = self.store.controls_since("log", 0, state.position).unwrap();
            controls.retain(|control| control.seq > state.control_seq);
            let mut known = state.control_seq > 0 || !controls.is_empty();
            while (state.position as usize) < LOG.len() {
                let mut alerts = Vec::new();
                for _ in 0..BATCH {
                    if !known && state.position == CONTROL_AT {
                        known = true;
                        power.step()?;
                        self.record_control(state.position);
                        controls = self.store.controls_since("log", 0, state.position).unwrap();
                    }
                    for control in controls.extract_if(.., |c| c.position == state.position) {
                        state.factor = u64::from(control.body[0]);
                        state.control_seq = control.seq;
                    }
                    let position = state.position;
                    alerts.extend(state.apply(LOG[position as usize]).map(|a| (a, position)));
                }
                for step in order {
                    power.step()?;
                    self.take(step, &state, &alerts);
                }
            }
            Some(())
        }

        fn record_control(&mut self, position: Position) {
            let control = Control {
                source: "log",
                shard: 0,
                position,
                kind: "factor",
                digest: "ten",
                body: &[10],
            };
            self.store.record_control(&control, 0).unwrap();
        }

        fn take(&mut self, step: Step, state: &State, alerts: &[(Alert, Position)]) {
            let position = state.position;
            match step {
                Step::Commit => {
                    let commit =
                        Commit { source: "log", shard: 0, alerts, mark: position, epoch: 1 };
                    self.store.commit(&commit).unwrap();
                }
                Step::Snapshot => {
                    let header = Header {
                        payload_version: 1,
                        key_id: KeyId::of(&KEY),
                        config_hash: [0; 32],
                        epoch: 1,
                        position,
                    };
                    self.snapshots.write("log", 0, &header, &state.bytes()).unwrap();
                }
                Step::Acknowledge => self.acknowledged = position,
            }
        }

        fn revisions(&self) -> Vec<(i64, i64, String)> {
            self.store.revisions_for_test()
        }
    }

    /// Revisions stored after a power cut at every step and a run to the end.
    fn after_each_crash(order: [Step; 3]) -> Vec<Vec<(i64, i64, String)>> {
        let mut stored = Vec::new();
        for steps in 0.. {
            let temp = tempfile::tempdir().unwrap();
            let mut run = Run::start(temp.path(), 0);
            let finished = run.go(order, &mut Power(steps)).is_some();
            let acknowledged = run.acknowledged;
            drop(run);
            let mut run = Run::start(temp.path(), acknowledged);
            let mark = run.store.mark("log", 0).unwrap();
            let mark = mark.map_or(0, |mark| mark.position);
            assert!(order != RIGHT || run.load().position <= mark);
            run.go(order, &mut Power(usize::MAX)).unwrap();
            stored.push(run.revisions());
            if finished {
                break;
            }
        }
        stored
    }

    #[test]
    fn a_crash_between_any_two_steps_loses_and_doubles_nothing() {
        let stored = after_each_crash(RIGHT);
        let uninterrupted = stored.last().unwrap();
        assert_eq!(stored.len(), 4 * RIGHT.len() + 1 + 1, "each step of each batch was cut");
        assert_eq!(uninterrupted.len(), 3);
        assert!(stored.iter().all(|revisions| revisions == uninterrupted));
    }

    #[test]
    fn the_crash_test_notices_a_snapshot_before_its_alerts() {
        let stored = after_each_crash(SNAPSHOT_FIRST);
        let uninterrupted = stored.last().unwrap();
        assert!(stored.iter().any(|revisions| revisions.len() < uninterrupted.len()));
    }

    #[test]
    fn a_key_id_is_a_fingerprint_not_the_key() {
        assert_eq!(KeyId::of(&KEY), KeyId::of(&KEY));
        assert_ne!(KeyId::of(&KEY), KeyId::of(&[8; 16]));
        assert_eq!(KeyId(*b"\0\0\0\0\0\0\x01\xff").to_string(), "00000000000001ff");
        assert!(!KeyId::of(&KEY).to_string().contains("0707"));
    }
}
