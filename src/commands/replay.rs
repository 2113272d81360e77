//! `vigie replay`: history through the same engine, alert revisions on standard output. Never
//! acts, never notifies.

mod compare;
mod diff;
mod report;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::clerk::{self, Office};
use super::input::{Input, stop_on_signal};
use super::outcome::{Outcome, Start};
use super::progress::Bar;
use super::setup::Setup;
use super::{Common, Failure};
use crate::alert::Alert;
use crate::decode::PseudonymKey;
use crate::ingest::Resume;
use crate::pipeline::run::{Extras, Opened, SHARD, drive, only};
use crate::pipeline::shard::Shard;
use crate::store::datadir::{DataDir, Purpose};

/// Arguments of `vigie replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Logs, plain, gzip or zstd, read in order of their first time; `-` or none = standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
    /// Keep state here: a stopped or killed replay goes on where it was, with more files if given
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Lines handed over at a time; changes nothing but speed
    #[arg(long, value_name = "LINES")]
    batch: Option<usize>,
    /// Compare instead: the same log through the rules in force (A) and through those of this
    /// folder (B); prints what differs in alerts, accounts and persons
    #[arg(long, value_name = "RULES")]
    diff: Option<PathBuf>,
    /// With --diff: one JSON document
    #[arg(long, requires = "diff")]
    json: bool,
    /// Print nothing for people on standard error
    #[arg(long)]
    quiet: bool,
}

/// Name of the source in positions and in the state folder.
pub(super) const SOURCE: &str = "file";

pub(super) fn replay(args: ReplayArgs) -> Result<(), Failure> {
    if let Some(others) = args.diff.clone() {
        if args.state.is_some() {
            return Err(Failure::Usage(
                "--diff compares from the first event on and keeps nothing: leave --state out"
                    .into(),
            ));
        }
        return diff::diff(args, &others);
    }
    let setup = Setup::new(&args.common, !args.quiet)?;
    // Replays are for anybody: a fixed public key, and no person reference is printed.
    let key = PseudonymKey::PUBLIC;
    let mut opened = Opened::new(setup.shard(key, SOURCE)?);
    let input = Input {
        paths: args.files,
        follow: false,
        skip_missing: false,
        batch_lines: args.batch,
        announce: (!args.quiet).then(|| setup.config.source.format.clone()),
        before: Vec::new(),
    };
    let log = input.log();
    let mut resume = None;
    let mut keep = None;
    // Holds the folder's lock until the end.
    let _data;
    if let Some(state) = &args.state {
        if input.is_stdin() {
            return Err(Failure::Usage(
                "--state needs files: standard input cannot be read again from where a replay stopped".into(),
            ));
        }
        let every = Duration::from_secs(u64::from(setup.config.store.snapshot_seconds));
        let data = DataDir::open(state, Purpose::Replay)?;
        opened = Office::open(&setup, &data, SOURCE, key, None)?.open_shard(SHARD)?;
        let restored = opened.restored.clone();
        resume = restored.map(|r| Resume { segments: r.segments, position: r.position });
        keep = Some(clerk::keep(&data, SOURCE, key, None, every)?);
        _data = data;
    } else {
        for loaded in setup.controls(key)? {
            opened.shard.schedule(0, 1, loaded.control);
        }
    }
    let source = input.open(&mut setup.decoder(key)?, resume, stop_on_signal()?)?;
    let mut out = BufWriter::new(io::stdout());
    let tell = Box::new(move |alert: &Alert, _: &_| {
        serde_json::to_writer(&mut out, alert)?;
        out.write_all(b"\n")?;
        out.flush()
    });
    let start = Start::of(&opened.shard);
    let bar = Bar::new(start);
    let report = Box::new(|progress, shard: &Shard| bar.show(progress, shard));
    let mut shards = BTreeMap::from([(SHARD, opened)]);
    let extras = Extras { keep, ..Extras::default() };
    drive(source, 0, &mut shards, extras, tell, report)?;
    let Some(shard) = only(shards) else { return Ok(()) };
    let outcome = Outcome { start, shard: &shard, took: bar.finish(), log: &log };
    if !args.quiet {
        eprintln!("{}", outcome.summary());
    }
    outcome.verdict()
}
