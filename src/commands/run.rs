//! `vigie run`: the main job. Source → alerts → store, one line on the terminal for each.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::input::{Input, stop_on_signal};
use super::progress::{Bar, summary};
use super::setup::{Setup, schedule};
use super::{Common, Failure};
use crate::alert::Alert;
use crate::decode::PseudonymKey;
use crate::ingest::Resume;
use crate::pipeline::run::{Keep, drive, restore};
use crate::pipeline::shard::Output;
use crate::store::GivenKey;
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
    /// Pseudonym key, 32 hexadecimal characters [default: the data folder's own]
    #[arg(long, value_name = "HEX", env = "VIGIE_PSEUDONYM_KEY", hide_env_values = true)]
    pseudonym_key: Option<String>,
}

pub(super) fn run(args: RunArgs) -> Result<(), Failure> {
    let mut setup = Setup::new(&args.common)?;
    if let Some(data) = &args.data {
        setup.config.store.data.clone_from(data);
    }
    let input = Input {
        paths: args.files,
        follow: args.follow,
        skip_missing: args.skip_missing,
        batch_lines: None,
    };
    let source_name = if input.is_stdin() { "stdin" } else { super::replay::SOURCE };
    let data = DataDir::open(&setup.config.store.data, Purpose::Live)?;
    let given = args.pseudonym_key.as_deref();
    let given = given.map(|text| GivenKey { from: "VIGIE_PSEUDONYM_KEY", text: text.as_bytes() });
    let key = PseudonymKey::from_bytes(data.pseudonym_key(given)?);
    let every = Duration::from_secs(u64::from(setup.config.store.snapshot_seconds));
    let mut keep = Keep::open(&data, source_name, key, every)?;
    let mut shard = setup.shard(key, source_name)?;
    let restored = restore(&keep.snapshots, source_name, &mut shard)?;
    schedule(&setup, key, &mut keep, restored.as_ref(), &mut shard)?;
    let restored = restored.unwrap_or_default();
    let stdin = input.is_stdin();
    if stdin {
        tracing::warn!(
            "standard input is read at most once: what was piped in during a crash is lost"
        );
    }
    let (base, resume) = if stdin {
        // Behind all that was ever stored or told: what was piped in before a crash is lost, and
        // its positions must not make what comes now look told.
        (restored.position.max(keep.marked).max(keep.told), None)
    } else {
        let resume = Resume { segments: restored.segments, position: restored.position };
        (0, (!resume.segments.is_empty()).then_some(resume))
    };
    let source = input.open(&mut setup.decoder(key)?, resume, stop_on_signal()?)?;
    let bar = std::sync::Arc::new(Bar::new());
    let above = std::sync::Arc::clone(&bar);
    let json = args.json;
    let tell =
        Box::new(move |alert: &Alert, output: &Output| above.hide(|| print(alert, output, json)));
    drive(source, base, &mut shard, Some(keep), tell, Box::new(|p, shard| bar.show(p, shard)))?;
    let took = bar.finish();
    eprintln!("{}", summary(&shard, took));
    Ok(())
}

fn print(alert: &Alert, output: &Output, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, alert)?;
        out.write_all(b"\n")?;
    } else if let Output::Alert { line, .. } = output {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
