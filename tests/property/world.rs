//! A small simulated world as a log of lines, with and without noise, and a shard to read it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use vigie::decode::{DecodeOptions, Decoder, Mapping, PseudonymKey};
use vigie::detect::rule::Rules;
use vigie::detect::{Control, Detector, Settings};
use vigie::directory::Accounts;
use vigie::event::Position;
use vigie::ingest::{Batch, Line};
use vigie::pipeline::shard::{Output, Shard};
use vigie::simulate::{ScenarioSpec, World, WorldOptions};
use vigie::triage::{Language, Triage};

/// Seeds of the worlds that properties are tried on.
pub(super) const SEEDS: std::ops::Range<u64> = 1..4;

/// A world's log and what we are told of its accounts.
pub(super) struct Log {
    pub(super) accounts: Arc<Accounts>,
    /// Lines without line ends, in the order of their times.
    pub(super) lines: Vec<Vec<u8>>,
    /// Milliseconds since 1970 and account number of each line.
    pub(super) keys: Vec<(i64, u32)>,
}

/// The log of 120 accounts over 12 days, with the theft of 2024 in small; made once for each seed.
pub(super) fn log(seed: u64) -> Arc<Log> {
    static LOGS: Mutex<BTreeMap<u64, Arc<Log>>> = Mutex::new(BTreeMap::new());
    let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(logs.entry(seed).or_insert_with(|| Arc::new(simulate(seed))))
}

fn simulate(seed: u64) -> Log {
    let scenario = |text| ScenarioSpec::parse(text).unwrap();
    let world = World::new(WorldOptions {
        seed,
        accounts: 120,
        days: 12,
        scenarios: vec![scenario("A1@8:days=3,persons_max=3000,per_day=800"), scenario("L4@9")],
        machine_scale: 0.02,
        ..WorldOptions::default()
    })
    .unwrap();
    let mut log = Log {
        accounts: Arc::new(
            Accounts::read("accounts.csv", world.accounts_csv().as_bytes()).unwrap(),
        ),
        lines: Vec::new(),
        keys: Vec::new(),
    };
    for event in world.events() {
        let mut line = Vec::new();
        event.write_json(&world, &mut line);
        line.pop();
        log.lines.push(line);
        log.keys.push((event.time, event.account));
    }
    log
}

/// A shard that knows the accounts and has read nothing.
pub(super) fn shard(accounts: &Arc<Accounts>) -> Shard {
    let mut shard = empty_shard();
    shard.schedule(0, 1, Control::Accounts(Arc::clone(accounts)));
    shard
}

/// A shard that knows nothing: to restore into.
pub(super) fn empty_shard() -> Shard {
    let rules = Arc::new(Rules::built_in().unwrap());
    let triage = Triage {
        shard: "world".into(),
        rules_version: rules.version.clone(),
        population: Vec::new(),
        language: Language::English,
    };
    let detector = Detector::new(Settings::default(), rules).unwrap();
    let mapping = Mapping::preset("native").unwrap();
    let decoder = Decoder::new(&mapping, PseudonymKey::PUBLIC, DecodeOptions::default()).unwrap();
    Shard::new(decoder, detector, triage)
}

/// Hands lines to a shard in batches whose sizes come round again and again; the first line
/// stands at `position`. Returns what came out and where reading goes on.
pub(super) fn read(
    shard: &mut Shard,
    lines: &[Vec<u8>],
    position: Position,
    sizes: &[usize],
) -> (Vec<Output>, Position) {
    let mut outputs = Vec::new();
    let mut batch = Batch { next: position, ..Batch::default() };
    let mut rest = lines;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |size| (*size).clamp(1, rest.len()));
        let (now, later) = rest.split_at(size);
        batch.clear();
        now.iter().for_each(|line| push(&mut batch, line));
        let before = outputs.len();
        shard.batch(&batch, &mut outputs);
        let first = batch.lines[0].position;
        for output in &outputs[before..] {
            assert!((first..batch.next).contains(&position_of(output)), "outside its batch");
        }
        rest = later;
    }
    (outputs, batch.next)
}

fn push(batch: &mut Batch, line: &[u8]) {
    let start = batch.bytes.len() as u32;
    batch.bytes.extend_from_slice(line);
    let end = batch.bytes.len() as u32;
    batch.lines.push(Line { start, end, position: batch.next });
    batch.next += line.len() as u64 + 1;
}

/// Where the record stands that an output is about.
pub(super) fn position_of(output: &Output) -> Position {
    match output {
        Output::Alert { position, .. } | Output::Quarantine { position, .. } => *position,
        // What only shards that share epochs, or that somebody watches, have to say.
        other => panic!("{other:?}"),
    }
}
