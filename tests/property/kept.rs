//! A snapshot that an earlier build wrote stays readable: `tests/store/shard-v1.snap` holds the
//! state of the first world after two fifths of its log, theft and open alerts not yet in it.
//! `VIGIE_UPDATE_GOLDEN=1` writes it anew, which a released version must never need.

use vigie::detect::snapshot::PAYLOAD_VERSION;
use vigie::store::KeyId;
use vigie::store::format::{Header, decode, encode};

use super::world::{log, read, shard};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/shard-v1.snap");

#[test]
fn a_kept_snapshot_of_version_one_goes_on() {
    let log = log(1);
    let half = log.lines.len() * 2 / 5;
    if std::env::var_os("VIGIE_UPDATE_GOLDEN").is_some() {
        let mut first = shard(&log.accounts);
        let (_, position) = read(&mut first, &log.lines[..half], 0, &[1_000]);
        let (payload_version, payload) = first.snapshot();
        let header = Header {
            payload_version,
            key_id: KeyId([7; 8]),
            config_hash: [0; 32],
            epoch: first.detector().epoch().number,
            position,
        };
        std::fs::write(FILE, encode(&header, &payload)).unwrap();
    }
    let (header, payload) = decode(&std::fs::read(FILE).unwrap()).unwrap();
    assert!((1..=PAYLOAD_VERSION).contains(&header.payload_version));
    let mut kept = shard(&log.accounts);
    kept.restore(header.payload_version, &payload).unwrap();
    let before = kept.detector().counters();
    assert_eq!(before.events, half as u64);
    assert!(kept.detector().accounts() > 100 && before.days > 2, "{before:?}");
    let (out, _) = read(&mut kept, &log.lines[half..], header.position, &[1_000]);
    assert_eq!(kept.detector().counters().events, log.lines.len() as u64);
    assert!(!out.is_empty(), "the theft after the snapshot is caught by the kept state");
}
