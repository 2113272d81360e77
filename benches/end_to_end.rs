//! A file through everything `vigie replay` does but the terminal (read, decode, detect, triage,
//! tell), against reading the same file line by line and against decoding it.

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use support::{
    Contender, Outcome, decode_all, decoder, interleave, is_tiny, ratio, thousands, timed,
};
use vigie::decode::Mapping;
use vigie::ingest::{FileOptions, FileSource};
use vigie::pipeline::run::{Extras, Opened, SHARD, drive, only};

fn main() -> Outcome {
    let world =
        support::world(if is_tiny() { 100 } else { 1_000 }, if is_tiny() { 1 } else { 14 })?;
    let mut lines = support::Lines::default();
    world.events().for_each(|event| lines.push(|out| event.write_json(&world, out)));
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("events.ndjson");
    File::create(&path)?.write_all(&lines.0.bytes)?;
    let mut alone = decoder(&Mapping::default())?;
    let mut failed = None;
    let timings = interleave(&mut [
        Contender::new("lines", || timed(|| count_lines(&path).unwrap_or(0))),
        Contender::new("decode", || timed(|| decode_all(&mut alone, &lines))),
        Contender::new("replay", || {
            timed(|| {
                replay(&path).unwrap_or_else(|e| {
                    failed = Some(e.to_string());
                    0
                })
            })
        }),
    ]);
    if let Some(error) = failed {
        return Err(error.into());
    }
    let events = lines.len() as f64;
    println!("{} events of {:.0} B", thousands(lines.len() as u64), lines.bytes_per_line());
    for (name, timing) in ["lines", "decode", "replay"].into_iter().zip(&timings) {
        let (median, least, most) = ratio(&timings[1], timing);
        println!(
            "{name:<8}{:>12} events/s best,{:>12} median; {median:.2} of decode ({least:.2} to {most:.2}); {:016x}",
            thousands((events / timing.best()) as u64),
            thousands((events / timing.median()) as u64),
            timing.hash
        );
    }
    Ok(())
}

/// What `wc -l` does, with lines told apart.
fn count_lines(path: &Path) -> std::io::Result<u64> {
    let mut reader = BufReader::with_capacity(256 << 10, File::open(path)?);
    let (mut line, mut hash) = (Vec::new(), 0u64);
    while reader.read_until(b'\n', &mut line)? > 0 {
        hash += line.len() as u64;
        line.clear();
    }
    Ok(hash)
}

fn replay(path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
    let options = FileOptions { paths: vec![path.to_owned()], ..FileOptions::default() };
    let source = Box::new(FileSource::open(options, None)?);
    let shard = support::shard()?;
    let mut hash = 0u64;
    let tell = Box::new(|alert: &vigie::alert::Alert, _: &_| {
        hash = hash.rotate_left(5) ^ u64::from(crc32fast::hash(alert.id.as_bytes()));
        Ok(())
    });
    let mut shards = BTreeMap::from([(SHARD, Opened::new(shard))]);
    drive(source, 0, &mut shards, Extras::default(), tell, Box::new(|_, _| ()))?;
    let shard = only(shards).ok_or("no shard")?;
    Ok(hash ^ shard.detector().counters().persons)
}
