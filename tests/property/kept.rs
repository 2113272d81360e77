//! Snapshots that earlier builds wrote stay readable, and their state goes on. `tests/store` holds
//! one for each version before this build's: no build can write them any more.
//!
//! - `shard-v1.snap`: the first world after two fifths of its log, theft and open alerts not yet in
//!   it.
//! - `shard-v2.snap`: the same world while its thieves are at work; two alerts were judged, and the
//!   two that follow them are open.

use vigie::alert::Status;
use vigie::detect::snapshot::PAYLOAD_VERSION;
use vigie::event::Position;
use vigie::pipeline::shard::{Output, Shard};
use vigie::store::format::{SUPPORTED, decode};

use super::alerts;
use super::world::{Log, empty_shard, log, read, shard};

/// The shard of a kept snapshot, where it goes on, and in how many lines of the log.
fn kept(version: u16, log: &Log) -> (Shard, Position, usize) {
    let file = format!("{}/tests/store/shard-v{version}.snap", env!("CARGO_MANIFEST_DIR"));
    let (header, payload) = decode(&std::fs::read(file).unwrap()).unwrap();
    assert!(header.payload_version <= version, "{}", header.payload_version);
    let mut kept = shard(&log.accounts);
    kept.restore(header.payload_version, &payload).unwrap();
    assert_eq!(kept.detector().epoch().number, header.epoch);
    let (mut done, mut position) = (0, 0);
    while position < header.position {
        position += log.lines[done].len() as u64 + 1;
        done += 1;
    }
    assert_eq!(position, header.position, "the world of that snapshot is not made any more");
    (kept, position, done)
}

/// Reads the rest of the log, and what is said of it.
fn go_on(kept: &mut Shard, log: &Log, position: Position, done: usize) -> Vec<Output> {
    assert_eq!(kept.detector().counters().events, done as u64);
    let (out, _) = read(kept, &log.lines[done..], position, &[1_000]);
    assert_eq!(kept.detector().counters().events, log.lines.len() as u64);
    out
}

#[test]
fn a_kept_snapshot_of_version_one_goes_on() {
    let log = log(1);
    let (mut kept, position, done) = kept(1, &log);
    assert_eq!(done, log.lines.len() * 2 / 5);
    let before = kept.detector().counters();
    assert!(kept.detector().accounts() > 100 && before.days > 2, "{before:?}");
    let out = go_on(&mut kept, &log, position, done);
    let (whole, _) = read(&mut shard(&log.accounts), &log.lines, 0, &[1_000]);
    let (thief, exposed) = widest(&whole);
    let caught = widest(&out);
    assert_eq!(caught.0, thief, "the theft after the snapshot is caught by the kept state");
    assert!(caught.1 * 2 > exposed, "{} and {exposed} persons", caught.1);
    writes_as_today(&kept);
}

#[test]
fn a_kept_snapshot_of_version_two_goes_on() {
    let log = log(1);
    let (mut kept, position, done) = kept(2, &log);
    let out = go_on(&mut kept, &log, position, done);
    for (id, judged, told) in [
        ("01HM7S2P005NY8AG3WYW4031MM", "01HM7S2P00KS4CAG0AZ8704XZA", 4),
        ("01HMABFD008DN089MRJNM7D4VJ", "01HMABFD00RSM7Q9TW9QR76W0D", 2),
    ] {
        let going: Vec<_> = alerts(&out).map(|(a, _)| a).filter(|a| a.id == id).collect();
        let revisions: Vec<u32> = going.iter().map(|a| a.revision).collect();
        let wanted: Vec<u32> = (told + 1..).take(going.len()).collect();
        assert_eq!(revisions, wanted, "{id} goes on where it was");
        assert!(going.iter().all(|a| a.follows.as_deref() == Some(judged)), "{id}");
        assert_eq!(going.last().map(|a| a.status), Some(Status::Ended), "{id}");
    }
    writes_as_today(&kept);
}

/// The alert that exposes most persons: whose, and how many.
fn widest(out: &[Output]) -> (String, u64) {
    let exposed = alerts(out).map(|(a, _)| (a.exposure.persons, a.entity.id.clone()));
    exposed.max().map(|(persons, id)| (id, persons)).expect("there are alerts")
}

fn writes_as_today(kept: &Shard) {
    let (version, payload) = kept.snapshot();
    assert_eq!(version, PAYLOAD_VERSION);
    assert_eq!(SUPPORTED, 1..=PAYLOAD_VERSION, "the file format lets through what is written");
    empty_shard().restore(version, &payload).unwrap();
}
