//! Simulated worlds, made once a process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;
use vigie::simulate::{ScenarioSpec, WorldOptions};

use super::tests;

/// The options of a world, as its `world.toml` says them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    seed: u64,
    accounts: u32,
    days: u32,
    machine_scale: f64,
    lookalikes: f64,
    scenarios: Vec<String>,
}

/// A world on disk.
pub(crate) struct World {
    pub(crate) events: PathBuf,
    pub(crate) accounts: PathBuf,
    /// The text of `events`.
    pub(crate) log: Vec<u8>,
}

impl World {
    fn make(case: &str) -> World {
        let text = fs::read_to_string(tests(case).join("world.toml")).unwrap();
        let options: Options = toml::from_str(&text).unwrap();
        let specs = options.scenarios.iter().map(|s| ScenarioSpec::parse(s).unwrap());
        let world = vigie::simulate::World::new(WorldOptions {
            seed: options.seed,
            accounts: options.accounts,
            days: options.days,
            machine_scale: options.machine_scale,
            lookalikes: options.lookalikes,
            scenarios: specs.collect(),
            ..WorldOptions::default()
        })
        .unwrap();
        let mut log = Vec::new();
        for event in world.events() {
            event.write_json(&world, &mut log);
        }
        let name = case.replace('/', "-");
        let events = put(&format!("{name}.ndjson"), &log);
        let accounts = put(&format!("{name}.csv"), world.accounts_csv().as_bytes());
        World { events, accounts, log }
    }

    /// The log's lines, line ends included.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.log.split_inclusive(|b| *b == b'\n')
    }

    /// The log cut into files of about the same size, in order of time.
    pub(crate) fn split(&self, parts: usize) -> Vec<&[u8]> {
        let mut rest = self.log.as_slice();
        let mut files = Vec::new();
        for left in (1..=parts).rev() {
            let middle = rest.len() / left;
            let end = rest[middle..].iter().position(|b| *b == b'\n').map(|at| middle + at + 1);
            let (file, after) = rest.split_at(end.filter(|_| left > 1).unwrap_or(rest.len()));
            files.push(file);
            rest = after;
        }
        files
    }
}

/// Another test process may read the file while this one makes it anew: the same bytes.
fn put(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let temp = folder.join(format!("{name}.{}", std::process::id()));
    fs::write(&temp, bytes).unwrap();
    let path = folder.join(name);
    fs::rename(&temp, &path).unwrap();
    path
}

/// The world of `tests/replay/first-evening`.
pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::make("replay/first-evening"))
}
