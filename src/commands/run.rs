//! `vigie run`: the main job. Source → alerts → store, one line on the terminal for each.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::clerk::{self, Office};
use super::input::{Input, stop_on_signal};
use super::key::key;
use super::outcome::{EarlyWarning, Outcome, Start};
use super::progress::Bar;
use super::setup::Setup;
use super::{Common, Failure};
use crate::alert::Alert;
use crate::event::Position;
use crate::ingest::Resume;
use crate::pipeline::run::{Extras, SHARD, drive, only};
use crate::pipeline::shard::{Output, Shard};
use crate::store::datadir::{DataDir, Purpose};

/// Arguments of `vigie run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Logs, plain, gzip or zstd, read in order of their first time; `-` or none = standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
    /// Folder for alerts, state and the pseudonym key [default: vigie-data]
    #[arg(long, value_name = "DIR", env = "VIGIE_DATA")]
    data: Option<PathBuf>,
    /// Go on watching the last file as it grows and is rotated
    #[arg(long)]
    follow: bool,
    /// Go on although part of a log that was being read is gone
    #[arg(long)]
    skip_missing: bool,
    /// Print alert revisions as JSON, one a line, instead of a line for people
    #[arg(long)]
    json: bool,
    /// File with the pseudonym key, 32 hexadecimal characters [default: $VIGIE_PSEUDONYM_KEY, the
    /// data folder's own]
    #[arg(long, value_name = "FILE")]
    pseudonym_key_file: Option<PathBuf>,
}

pub(super) fn run(args: RunArgs) -> Result<(), Failure> {
    let mut setup = Setup::new(&args.common, true)?;
    if let Some(data) = &args.data {
        setup.config.store.data.clone_from(data);
    }
    let input = Input {
        paths: args.files,
        follow: args.follow,
        skip_missing: args.skip_missing,
        batch_lines: None,
        announce: Some(setup.config.source.format.clone()),
    };
    let (stdin, endless, log) = (input.is_stdin(), input.is_endless(), input.log());
    let source_name = if stdin { "stdin" } else { super::replay::SOURCE };
    let data = DataDir::open(&setup.config.store.data, Purpose::Live)?;
    let key = key(&data, args.pseudonym_key_file.as_deref())?;
    let every = Duration::from_secs(u64::from(setup.config.store.snapshot_seconds));
    let mut office = Office::open(&setup, &data, source_name, key, None)?;
    let opened = office.open_shard(SHARD)?;
    let keep = clerk::keep(&data, source_name, key, None, every)?;
    let restored = opened.restored.clone().unwrap_or_default();
    if stdin {
        tracing::warn!(
            "standard input is read at most once: what was piped in during a crash is lost"
        );
    }
    let (base, resume) = if stdin {
        // Behind all that was ever stored or told: what was piped in before a crash is lost, and
        // its positions must not make what comes now look told.
        (restored.position.max(opened.reached.marked).max(opened.reached.told), None)
    } else {
        let resume = Resume { segments: restored.segments, position: restored.position };
        (0, (!resume.segments.is_empty()).then_some(resume))
    };
    let source = input.open(&mut setup.decoder(key)?, resume, stop_on_signal()?)?;
    let start = Start::of(&opened.shard);
    let bar = Arc::new(Bar::new(start));
    let (above, json) = (Arc::clone(&bar), args.json);
    let mut printer = Printer { json, last: None };
    let tell =
        Box::new(move |alert: &Alert, output: &Output| above.hide(|| printer.print(alert, output)));
    let mut early = EarlyWarning::new(start, &log);
    let report = Box::new(|progress, shard: &Shard| {
        if let Some(text) = early.look(shard).filter(|_| endless) {
            bar.hide(|| eprintln!("vigie: {text}"));
        }
        bar.show(progress, shard);
    });
    let mut shards = BTreeMap::from([(SHARD, opened)]);
    let extras = Extras { keep: Some(keep), clerk: Some(Box::new(office)), ..Extras::default() };
    drive(source, base, &mut shards, extras, tell, report).map_err(|error| {
        match Failure::from(error) {
            // A watch that nobody reads any more has not ended well.
            Failure::Closed => Failure::Failed("standard output was closed".into()),
            failure => failure,
        }
    })?;
    let Some(shard) = only(shards) else { return Ok(()) };
    let outcome = Outcome { start, shard: &shard, took: bar.finish(), log: &log };
    eprintln!("{}", outcome.summary());
    outcome.verdict()
}

/// Prints revisions: every one as JSON, or one line for people an alert and event.
struct Printer {
    json: bool,
    /// Alert and event of the last line.
    last: Option<(String, Position)>,
}

impl Printer {
    fn print(&mut self, alert: &Alert, output: &Output) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, alert)?;
            out.write_all(b"\n")?;
            return out.flush();
        }
        let Output::Alert { line, position, .. } = output else { return Ok(()) };
        let this = Some((alert.id.clone(), *position));
        if this != self.last {
            writeln!(out, "{line}")?;
            self.last = this;
        }
        out.flush()
    }
}
