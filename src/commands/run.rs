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
use super::service::{Listen, Service};
use super::setup::Setup;
use super::{Common, Failure};
use crate::alert::Alert;
use crate::event::Position;
use crate::ingest::{Resume, Source};
use crate::pipeline::run::{Clerk, Extras, Keep, Opened, Reached, RunError, SHARD, drive, only};
use crate::pipeline::shard::{Output, Shard};
use crate::store::datadir::{DataDir, Purpose};
use crate::watch::View;

mod topic;

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
    /// After the last file keep the console open until Ctrl-C
    #[arg(long)]
    stay: bool,
    /// Go on although part of a log that was being read is gone
    #[arg(long)]
    skip_missing: bool,
    /// Older logs, read first: baselines learn from them, and nobody is notified of their alerts
    #[arg(long, value_name = "FILE", num_args = 1..)]
    history: Vec<PathBuf>,
    /// Read a Kafka topic instead of files: brokers as host:port, comma separated; more in [kafka]
    #[arg(long, value_name = "BROKERS", conflicts_with_all = ["files", "follow", "history"])]
    kafka: Option<String>,
    /// The topic [default: access-events]
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Address of console, API and metrics; `none` = none, port 0 = any [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "VIGIE_LISTEN")]
    listen: Option<String>,
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
    let config = &mut setup.config;
    if let Some(data) = &args.data {
        config.store.data.clone_from(data);
    }
    if let Some(listen) = &args.listen {
        config.console.listen = if listen == "none" { String::new() } else { listen.clone() };
    }
    if let Some(brokers) = &args.kafka {
        config.kafka.brokers.clone_from(brokers);
    }
    if let Some(topic) = &args.topic {
        config.kafka.topic.clone_from(topic);
    }
    let named_files = !args.files.is_empty() || !args.history.is_empty();
    if !config.kafka.brokers.is_empty() && !named_files {
        return topic::run(&setup, &args);
    }
    logs(&setup, args)
}

/// Files, or standard input.
fn logs(setup: &Setup, args: RunArgs) -> Result<(), Failure> {
    let input = Input {
        paths: args.files,
        follow: args.follow,
        skip_missing: args.skip_missing,
        batch_lines: None,
        announce: Some(setup.config.source.format.clone()),
        before: args.history,
    };
    let (stdin, endless, log) = (input.is_stdin(), input.is_endless(), input.log());
    let source_name = if stdin { "stdin" } else { super::replay::SOURCE };
    let data = DataDir::open(&setup.config.store.data, Purpose::Live)?;
    let key = key(&data, args.pseudonym_key_file.as_deref())?;
    let every = Duration::from_secs(u64::from(setup.config.store.snapshot_seconds));
    let mut office = Office::open(setup, &data, source_name, key, None)?;
    office.tell_days();
    let mut keep = clerk::keep(&data, source_name, key, None, every)?;
    let stop = stop_on_signal()?;
    let mut opened = office.open_shard(SHARD)?;
    if stdin {
        tracing::warn!(
            "standard input is read at most once: what was piped in during a crash is lost"
        );
        if let Some(history) = input.history(&mut setup.decoder(key)?, &stop)? {
            opened = seed(opened, history, keep)?;
            keep = clerk::keep(&data, source_name, key, None, every)?;
        }
    }
    let restored = opened.restored.clone().unwrap_or_default();
    let (base, resume) = if stdin {
        // Behind all that was ever stored or told: what was piped in before a crash is lost, and
        // its positions must not make what comes now look told.
        (restored.position.max(opened.reached.marked).max(opened.reached.told), None)
    } else {
        let resume = Resume { segments: restored.segments, position: restored.position };
        (0, (!resume.segments.is_empty()).then_some(resume))
    };
    let stays = endless || args.stay;
    let view = Arc::<View>::default();
    let console = if stays { Listen::Configured } else { Listen::Nowhere };
    let service = Service::start(&setup.config, &mut keep.store, &view, console)?;
    service.say();
    let source = input.open(&mut setup.decoder(key)?, resume, Arc::clone(&stop))?;
    let start = Start::of(&opened.shard);
    let bar = Arc::new(Bar::new(start));
    let mut printer = Printer { json: args.json, last: None };
    let (above, live) = (Arc::clone(&bar), service.teller());
    let tell = Box::new(move |alert: &Alert, output: &Output| {
        live(alert);
        above.hide(|| printer.print(alert, output))
    });
    let mut early = EarlyWarning::new(start, &log);
    let report = Box::new(|progress, shard: &Shard| {
        if let Some(text) = early.look(shard).filter(|_| endless) {
            bar.hide(|| eprintln!("vigie: {text}"));
        }
        bar.show(progress, shard);
    });
    let mut shards = BTreeMap::from([(SHARD, opened)]);
    let clerk: Option<Box<dyn Clerk>> = Some(Box::new(office));
    let stay = args.stay.then(|| Arc::clone(&stop));
    let extras = Extras { keep: Some(keep), clerk, view: Some(view), stay, ..Extras::default() };
    let driven = drive(source, base, &mut shards, extras, tell, report);
    service.stop();
    driven.map_err(well_ended)?;
    let Some(shard) = only(shards) else { return Ok(()) };
    let outcome = Outcome { start, shard: &shard, took: bar.finish(), log: &log };
    eprintln!("{}", outcome.summary());
    outcome.verdict()
}

/// A watch that nobody reads any more has not ended well.
fn well_ended(error: RunError) -> Failure {
    match Failure::from(error) {
        Failure::Closed => Failure::Failed("standard output was closed".into()),
        failure => failure,
    }
}

/// Lets a new shard learn from older logs; it goes on behind them. What they raise is history.
fn seed(
    opened: Opened,
    history: Box<dyn Source + Send>,
    mut keep: Keep,
) -> Result<Opened, Failure> {
    if opened.restored.is_some() {
        eprintln!("vigie: there is a state already, so --history is not read again");
        return Ok(opened);
    }
    keep.seeding = true;
    let bar = Bar::new(Start::of(&opened.shard));
    let mut shards = BTreeMap::from([(SHARD, opened)]);
    let report = Box::new(|progress, shard: &Shard| bar.show(progress, shard));
    let extras = Extras { keep: Some(keep), ..Extras::default() };
    drive(history, 0, &mut shards, extras, Box::new(|_, _| Ok(())), report)?;
    bar.finish();
    let mut opened = shards.remove(&SHARD).ok_or(Failure::Closed)?;
    let position = opened.restored.as_ref().map_or(0, |restored| restored.position);
    opened.reached = Reached { told: position, marked: position, ..opened.reached };
    eprintln!("learned from {} events of history", opened.shard.detector().counters().events);
    Ok(opened)
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
