//! What every bench shares: flags, interleaved rounds, memory, and the bytes that are measured.
#![allow(dead_code, reason = "each bench is a program of its own and uses a part of this")]

use std::sync::Arc;

use vigie::clock::Stopwatch;
use vigie::decode::{DecodeOptions, Decoder, Mapping, PseudonymKey};
use vigie::detect::rule::Rules;
use vigie::detect::{Detector, Settings};
use vigie::ingest::{Batch, Line};
use vigie::pipeline::shard::{Output, Shard};
use vigie::simulate::{PersonNumber, Persons, World, WorldOptions};
use vigie::triage::{Language, Triage};

/// What goes wrong in a bench ends it.
pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// `--tiny`: everything once and small, to see that it works.
pub(crate) fn is_tiny() -> bool {
    std::env::args().any(|arg| arg == "--tiny")
}

/// Rounds of every comparison.
pub(crate) fn rounds() -> usize {
    if is_tiny() { 2 } else { 9 }
}

/// One contender: what it is called, and what it does, timing itself so that preparations do not
/// count. It returns seconds and a hash of its result.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    pub(crate) round: Box<dyn FnMut() -> (f64, u64) + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, round: impl FnMut() -> (f64, u64) + 'a) -> Self {
        Contender { name, round: Box::new(round) }
    }
}

/// Seconds of every round, and the hash all rounds agree on.
pub(crate) struct Timing {
    pub(crate) seconds: Vec<f64>,
    pub(crate) hash: u64,
}

impl Timing {
    pub(crate) fn best(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn median(&self) -> f64 {
        median(self.seconds.clone())
    }
}

/// Runs the contenders in turn, round after round, so that a busy neighbour hurts all alike.
pub(crate) fn interleave(contenders: &mut [Contender<'_>]) -> Vec<Timing> {
    let mut timings: Vec<Timing> = Vec::new();
    for round in 0..rounds() {
        for (place, contender) in contenders.iter_mut().enumerate() {
            let (seconds, hash) = (contender.round)();
            if round == 0 {
                timings.push(Timing { seconds: vec![seconds], hash });
            } else {
                assert_eq!(timings[place].hash, hash, "{} is not deterministic", contender.name);
                timings[place].seconds.push(seconds);
            }
        }
    }
    timings
}

/// Median, smallest and largest of the rounds' ratios `b / a`.
pub(crate) fn ratio(a: &Timing, b: &Timing) -> (f64, f64, f64) {
    let mut ratios: Vec<f64> = a.seconds.iter().zip(&b.seconds).map(|(a, b)| b / a).collect();
    ratios.sort_by(f64::total_cmp);
    (median(ratios.clone()), ratios[0], ratios[ratios.len() - 1])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Times one thing, by the clock.
pub(crate) fn timed(what: impl FnOnce() -> u64) -> (f64, u64) {
    let watch = Stopwatch::start();
    let hash = std::hint::black_box(what());
    (watch.elapsed().as_secs_f64(), hash)
}

/// Times one thing done by this thread alone, by its time on a processor: what others do on the
/// machine counts less.
pub(crate) fn timed_alone(what: impl FnOnce() -> u64) -> (f64, u64) {
    let before = on_processor_s();
    let (elapsed, hash) = timed(what);
    let spent = before.zip(on_processor_s()).map(|(before, after)| after - before);
    (spent.unwrap_or(elapsed), hash)
}

/// Seconds this thread was on a processor, where the system says so.
fn on_processor_s() -> Option<f64> {
    // The account is brought up to date when the scheduler looks, and it looks now.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: u64 = stat.split_whitespace().next()?.parse().ok()?;
    Some(ns as f64 / 1e9)
}

/// Resident bytes of this process (`VmRSS`, or `VmHWM` for the greatest so far).
pub(crate) fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
    let kib = found.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// A decoder of a preset under the public key.
pub(crate) fn decoder(mapping: &Mapping) -> Result<Decoder, Box<dyn std::error::Error>> {
    Ok(Decoder::new(mapping, PseudonymKey::PUBLIC, options())?)
}

fn options() -> DecodeOptions {
    let population_codes = vigie::simulate::POPULATION_CODES.map(String::from).to_vec();
    DecodeOptions { population_codes, ..DecodeOptions::default() }
}

/// A shard with the built-in rules that has seen nothing.
pub(crate) fn shard() -> Result<Shard, Box<dyn std::error::Error>> {
    let rules = Arc::new(Rules::built_in().map_err(|e| format!("{e:?}"))?);
    let triage = Triage {
        shard: "bench".into(),
        rules_version: rules.version.clone(),
        population: options().population_codes,
        language: Language::English,
    };
    let settings = Settings::default();
    let detector = Detector::new(settings, rules)?;
    Ok(Shard::new(decoder(&Mapping::default())?, detector, triage))
}

/// Lines in one arena.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Batch);

impl Lines {
    /// Appends what `write` writes as one line, its line end included.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let batch = &mut self.0;
        let (start, position) = (batch.bytes.len() as u32, batch.next);
        write(&mut batch.bytes);
        let end = batch.bytes.len() as u32 - 1;
        batch.lines.push(Line { start, end, position });
        batch.next = position + u64::from(end - start) + 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lines.len()
    }

    pub(crate) fn bytes(&self) -> f64 {
        self.0.lines.last().map_or(0.0, |last| f64::from(last.end + 1))
    }

    pub(crate) fn bytes_per_line(&self) -> f64 {
        self.bytes() / self.len().max(1) as f64
    }
}

/// A partner network without thieves.
pub(crate) fn world(accounts: u32, days: u32) -> Result<World, Box<dyn std::error::Error>> {
    Ok(World::new(WorldOptions { accounts, days, ..WorldOptions::default() })?)
}

/// The accesses of a world that returned someone, each made to return exactly so many persons:
/// the one it did, and others its account read before, round and round, as a list of the own
/// caseload does.
pub(crate) struct Traffic<'a> {
    world: &'a World,
    persons: usize,
    /// What every account read so far, and where its next list begins.
    read: Vec<(Vec<PersonNumber>, usize)>,
}

/// Persons an account has to choose from, at most.
const CASELOAD: usize = 400;

impl<'a> Traffic<'a> {
    pub(crate) fn new(world: &'a World, persons: usize) -> Self {
        Traffic { world, persons, read: vec![Default::default(); world.accounts().len()] }
    }

    /// The lines of one day; days come in order.
    pub(crate) fn day(&mut self, day: u32) -> Lines {
        let mut lines = Lines::default();
        for mut event in self.world.day(day) {
            let Some(first) = event.persons.as_slice().first().copied() else { continue };
            let Some((read, next)) = self.read.get_mut(event.account as usize) else { continue };
            if read.len() < CASELOAD {
                read.push(first);
            }
            event.persons = if self.persons == 1 {
                Persons::One([first])
            } else {
                let others = read.iter().copied().cycle().skip(*next % read.len());
                *next += self.persons - 1;
                let list = std::iter::once(first).chain(others).take(self.persons);
                Persons::Many(list.collect())
            };
            event.record_count = 0;
            lines.push(|out| event.write_json(self.world, out));
        }
        lines
    }
}

/// Decodes every line; the hash is of times and persons.
pub(crate) fn decode_all(decoder: &mut Decoder, lines: &Lines) -> u64 {
    let mut hash = 0u64;
    for line in &lines.0.lines {
        if let Ok(decoded) = decoder.decode(lines.0.text(*line)) {
            let persons = decoded.event.persons.iter().fold(0, |hash, p| hash ^ p.id);
            hash = hash.rotate_left(1) ^ persons ^ decoded.event.time as u64;
        }
    }
    hash
}

/// Hash of everything a shard said.
pub(crate) fn hash_of(outputs: &[Output]) -> u64 {
    let alerts = outputs.iter().filter_map(|output| match output {
        Output::Alert { alert, .. } => Some(crc32fast::hash(alert.id.as_bytes())),
        _ => None,
    });
    alerts.fold(outputs.len() as u64, |hash, id| hash.rotate_left(5) ^ u64::from(id))
}

/// `1_234_567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
