//! `vigie run` killed, damaged and misused: no alert is lost, none is doubled, nobody else's data
//! is touched.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Program, Stored, World, once, snapshots, stored, told_twice, vigie, world};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// A run over these files with snapshots every second.
fn run(data: &Path, files: &[PathBuf]) -> Program {
    let config = data.with_extension("toml");
    fs::write(&config, "[store]\nsnapshot_seconds = 1\n").unwrap();
    vigie(["run", "--json", "--config"])
        .env("VIGIE_PSEUDONYM_KEY", KEY)
        .args([config.as_path(), Path::new("--accounts"), &world().accounts])
        .args([Path::new("--data"), data])
        .args(files)
}

/// Standard output and alerts of a run that nothing interrupts.
fn uninterrupted(temp: &Path, files: &[PathBuf]) -> (String, Stored) {
    let data = temp.join("uninterrupted");
    let said = run(&data, files).run().ok();
    assert!(said.lines().count() > 20);
    assert_eq!(told_twice(said.lines()), [""; 0]);
    (said, stored(&data))
}

/// The world's log in three files, in order of time.
fn three_files(world: &World, folder: &Path) -> Vec<PathBuf> {
    let parts = world.split(3).into_iter().enumerate();
    let file = |(number, bytes): (usize, &[u8])| {
        let path = folder.join(format!("part-{number}"));
        fs::write(&path, bytes).unwrap();
        path
    };
    parts.map(file).collect()
}

/// Numbers that are the same every time (a step of splitmix64 each).
fn seeded(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

#[test]
fn killed_five_times_it_is_as_if_nothing_happened() {
    let temp = tempfile::tempdir().unwrap();
    let files = three_files(world(), temp.path());
    let (expected, expected_stored) = uninterrupted(temp.path(), &files);
    let data = temp.path().join("killed");
    let mut random = seeded(20_240_206);
    let mut runs: Vec<String> = Vec::new();
    let mut killed = 0;
    // The log grows by a file at a time, so that some kills come after a snapshot on any machine.
    for (files, kills) in [(&files[..1], 1), (&files[..2], 2), (&files[..], 2)] {
        for _ in 0..kills {
            let mut running = run(&data, files).start();
            running.read_lines(1 + random(6) as usize);
            running.kill();
            let finished = running.finish();
            killed += usize::from(finished.code.is_none());
            runs.push(finished.stdout);
        }
        runs.push(run(&data, files).run().ok());
    }
    assert!(killed >= 2, "only {killed} runs were killed before their end: nothing was tested");
    assert_eq!(stored(&data), expected_stored);
    assert_eq!(once(&runs), expected);
}

#[test]
fn a_damaged_snapshot_gives_way_to_the_one_before() {
    let temp = tempfile::tempdir().unwrap();
    let files = three_files(world(), temp.path());
    let (expected, expected_stored) = uninterrupted(temp.path(), &files);
    let data = temp.path().join("damaged");
    let mut said = run(&data, &files[..1]).run().ok();
    let older = snapshots(&data, "file");
    said += &run(&data, &files[..2]).run().ok();
    let newer: Vec<PathBuf> =
        snapshots(&data, "file").into_iter().filter(|path| !older.contains(path)).collect();
    assert!(!newer.is_empty() && newer.len() < 3, "{newer:?}");
    for path in &newer {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(path, bytes).unwrap();
    }
    let last = run(&data, &files).run();
    assert!(last.stderr.contains("damaged snapshot; an older one is used"), "{}", last.stderr);
    said += &last.ok();
    assert_eq!(said, expected, "nothing lost, and nothing told again");
    assert_eq!(stored(&data), expected_stored);

    for path in snapshots(&data, "file") {
        let half = fs::metadata(&path).unwrap().len() / 2;
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(half).unwrap();
    }
    let refused = run(&data, &files).run().failed(1);
    assert!(refused.contains("every snapshot is damaged"), "{refused}");
    assert!(refused.contains("restore the folder from a backup"), "{refused}");
    assert_eq!(stored(&data), expected_stored, "a refusal changes nothing");
}

#[test]
fn the_data_folder_is_not_for_everybody() {
    let temp = tempfile::tempdir().unwrap();
    let files = &three_files(world(), temp.path());
    let data = temp.path().join("data");
    let mut first = run(&data, files).args(["--follow"]).start();
    first.read_lines(1);

    let second = run(&data, files).run().failed(1);
    assert!(second.contains("another vigie uses this data folder; stop it"), "{second}");
    let replay = |state: &Path| vigie(["replay", "--state"]).args([state, &files[0]]).run();
    let live = replay(&data).failed(1);
    assert!(live.contains("is for `live`, not for `replay`"), "{live}");
    assert!(first.runs());
    first.terminate();
    first.finish().ok();

    let live = replay(&data).failed(1);
    assert!(live.contains("is for `live`, not for `replay`"), "{live}");
    let other = vigie(["run", "--data"])
        .env("VIGIE_PSEUDONYM_KEY", "ffffffffffffffffffffffffffffffff")
        .args([&data, &files[0]])
        .run()
        .failed(1);
    assert!(other.contains("VIGIE_PSEUDONYM_KEY: this is pseudonym key "), "{other}");
    assert!(other.contains("give the original key"), "{other}");

    let state = temp.path().join("state");
    replay(&state).ok();
    let acting = run(&state, files).run().failed(1);
    assert!(acting.contains("is for `replay`, not for `live`"), "{acting}");
}
