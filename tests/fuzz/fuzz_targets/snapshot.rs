//! Snapshots change with the detector, so those that fuzzing starts from are made, not kept: into
//! the folder `$VIGIE_FUZZ_SEEDS`, which should be the first corpus folder.
#![no_main]

fn write_seeds() {
    let Some(folder) = std::env::var_os("VIGIE_FUZZ_SEEDS") else { return };
    for (name, bytes) in vigie_fuzz::snapshot_seeds() {
        let path = std::path::Path::new(&folder).join(name);
        std::fs::write(path, bytes).expect("the folder of seeds can be written");
    }
}

libfuzzer_sys::fuzz_target!(init: write_seeds(), |data: &[u8]| vigie_fuzz::snapshot(data));
