//! Snapshots change with the detector, so those that fuzzing starts from are made, but for those of
//! earlier versions: into the folder `$VIGIE_FUZZ_SEEDS`, which should be the first corpus folder.
#![no_main]

fn write_seeds() {
    let Some(folder) = std::env::var_os("VIGIE_FUZZ_SEEDS") else { return };
    let kept = vigie_fuzz::kept_snapshots().map(|(name, bytes)| (name, bytes.to_vec()));
    for (name, bytes) in vigie_fuzz::snapshot_seeds().into_iter().chain(kept) {
        let path = std::path::Path::new(&folder).join(name);
        std::fs::write(path, bytes).expect("the folder of seeds can be written");
    }
}

libfuzzer_sys::fuzz_target!(init: write_seeds(), |data: &[u8]| vigie_fuzz::snapshot(data));
