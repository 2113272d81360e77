//! Replays what fuzzing has found and what it begins with, without a fuzzer. `README.md` here says
//! how to fuzz.

#[expect(unreachable_pub, reason = "the fuzz crate's library is this file")]
mod targets;

use targets::{
    config, decode, directory, kept_snapshots, mapping, rules, snapshot, snapshot_seeds,
};

/// Runs a target on every file of its corpus.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = format!("{}/tests/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        if std::panic::catch_unwind(|| run(&input)).is_err() {
            panic!("{} breaks {target}", path.display());
        }
        count += 1;
    }
    assert!(count > 0, "{folder} is empty");
}

#[test]
fn decode_bears_its_corpus() {
    replay("decode", decode);
}

#[test]
fn mapping_bears_its_corpus() {
    replay("mapping", mapping);
}

#[test]
fn rules_bear_their_corpus() {
    replay("rules", rules);
}

#[test]
fn directory_bears_its_corpus() {
    replay("directory", directory);
}

#[test]
fn config_bears_its_corpus() {
    replay("config", config);
}

#[test]
fn snapshot_bears_its_corpus_and_seeds_cut_and_flipped_anywhere() {
    replay("snapshot", snapshot);
    for (_, seed) in snapshot_seeds() {
        cut_and_flipped(&seed, 100);
    }
}

#[test]
fn kept_snapshots_are_borne_cut_and_flipped_anywhere() {
    for (_, file) in kept_snapshots() {
        snapshot(file);
        let (_, payload) = vigie::store::format::decode(file).unwrap();
        cut_and_flipped(&payload, 60);
    }
}

fn cut_and_flipped(seed: &[u8], places: usize) {
    snapshot(seed);
    for step in 0..places {
        let at = step * seed.len() / places;
        snapshot(&seed[..at]);
        let mut flipped = seed.to_vec();
        flipped[at] ^= 1 << (step % 8);
        snapshot(&flipped);
    }
}

/// Fuzzing that only ever meets refusals shows nothing.
#[test]
fn seeds_are_believed_and_so_are_many_with_a_flipped_bit() {
    let [(_, file), (_, payload), (_, detector)] = snapshot_seeds();
    let (header, stored) = vigie::store::format::decode(&file).unwrap();
    assert_eq!(stored, payload);
    let believed = |bytes: &[u8]| {
        let sealed = [bytes, &crc32fast::hash(bytes).to_le_bytes()].concat();
        vigie::detect::Detector::restore(header.payload_version, &sealed).is_ok()
    };
    assert!(believed(&detector));
    let flips = (0..100).filter(|step| {
        let mut flipped = detector.clone();
        flipped[step * detector.len() / 100] ^= 1 << (step % 8);
        believed(&flipped)
    });
    let share = flips.count();
    assert!((10..100).contains(&share), "{share} of 100");
}
