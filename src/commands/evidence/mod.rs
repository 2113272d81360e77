//! `vigie evidence`: the exact persons that alerts exposed, by reading the log again over the
//! alerts' positions. Works beside a running `vigie run`; every use is in the audit trail.

mod ledger;
mod output;
mod route;
mod summary;
mod wanted;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use self::ledger::Ledger;
use self::output::Sink;
use self::summary::Reading;
use self::wanted::Wanted;
use super::actor::os_user;
use super::key::existing_key;
use super::progress::bytes_bar;
use super::replay::SOURCE;
use super::setup::Setup;
use super::{Common, Failure};
use crate::clock::{Stopwatch, now_ms};
use crate::decode::PseudonymKey;
use crate::ingest::{Again, Batch, Notice, Segment, SourceEvent};
use crate::pipeline::run::{SHARD, read_so_far};
use crate::store::KeyId;
use crate::store::datadir::{DATABASE, DataDir, DataDirError, Purpose};
use crate::store::desk::Desk;
use crate::store::snapshot::Snapshots;

/// Arguments of `vigie evidence`.
#[derive(Debug, Args)]
pub(super) struct EvidenceArgs {
    /// Ids of alerts; of several, the union of their persons
    #[arg(value_name = "ALERT", required = true)]
    alerts: Vec<String>,
    /// Logs that the alerts came from, under whatever names and compression they have now
    /// [default: the paths they were read from]
    #[arg(long = "log", value_name = "FILE", num_args = 1..)]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
    /// Folder of alerts, state and the pseudonym key [default: vigie-data]
    #[arg(long, value_name = "DIR", env = "VIGIE_DATA")]
    data: Option<PathBuf>,
    /// New file for the list, readable by its owner only, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Identifiers as the log has them instead of pseudonyms: personal data. Needs the pseudonym key
    #[arg(long)]
    raw: bool,
    /// One JSON document instead of CSV
    #[arg(long)]
    json: bool,
    /// File with the pseudonym key, 32 hexadecimal characters [default: $VIGIE_PSEUDONYM_KEY, the
    /// data folder's own]
    #[arg(long, value_name = "FILE")]
    pseudonym_key_file: Option<PathBuf>,
}

pub(super) fn evidence(args: EvidenceArgs) -> Result<(), Failure> {
    let since = Stopwatch::start();
    let mut setup = Setup::new(&args.common, true)?;
    if let Some(data) = &args.data {
        setup.config.store.data.clone_from(data);
    }
    let data = setup.config.store.data.clone();
    if let Some(out) = &args.out {
        output::refuse_existing(out)?;
    }
    let mut desk = open_desk(&data)?;
    let reader = desk.reader()?;
    let wanted = wanted::find(&reader, &args.alerts, &data)?;
    let key = existing_key(&data, &reader, args.pseudonym_key_file.as_deref())?;
    let segments = known_segments(&data, key)?;
    let logs = if args.logs.is_empty() { paths_of(&segments, &wanted)? } else { args.logs };
    let mut ledger = Ledger::new(wanted, args.raw);
    let reading = read(&setup, key, &logs, &segments, &mut ledger)?;
    ledger.check().map_err(Failure::Failed)?;
    let list = ledger.list();
    // What cannot be recorded must not be told.
    let ids: Vec<&str> = list.alerts.iter().map(|found| found.alert.id.as_str()).collect();
    let detail = json!({
        "alerts": list.alerts.iter().map(|f| json!({"id": f.alert.id, "persons": f.persons})).collect::<Vec<_>>(),
        "persons": list.persons.len(),
        "records_read": reading.records,
        "raw": args.raw,
        "out": args.out.as_ref().map(|path| path.display().to_string()),
    });
    desk.record(&os_user(), "evidence", &ids.join(" "), &detail, now_ms())?;
    let mut sink = Sink::open(args.out.as_deref())?;
    if args.json {
        output::json(&list, &mut sink)?
    } else {
        output::csv(&list, &mut sink)?
    }
    sink.finish()?;
    eprintln!("{}", summary::summary(&list, &reading, since.elapsed(), args.out.as_deref()));
    Ok(())
}

/// The desk of a live folder, which a running `vigie run` may hold.
fn open_desk(data: &Path) -> Result<Desk, Failure> {
    match DataDir::purpose_of(data)? {
        Some(Purpose::Live) => Ok(Desk::open(&data.join(DATABASE))?),
        Some(found) => {
            let wanted = Purpose::Live;
            Err(DataDirError::Purpose { path: data.into(), found, wanted }.into())
        }
        None => Err(Failure::Failed(format!(
            "{}: no data folder of `vigie run`; name the one that holds the alerts with --data",
            data.display()
        ))),
    }
}

/// What the newest snapshot knows of the files that were read.
fn known_segments(data: &Path, key: PseudonymKey) -> Result<Vec<Segment>, Failure> {
    let snapshots = Snapshots::at(data.join("state"), KeyId(key.fingerprint()));
    let known = read_so_far(&snapshots, SOURCE, SHARD)?;
    known.map(|known| known.segments).ok_or_else(|| {
        Failure::Failed(format!(
            "{}: no snapshot of the log yet, so that nobody knows which files it was; try again in a \
             minute",
            data.display()
        ))
    })
}

/// Where the wanted files were when they were read; those that are gone must be named.
fn paths_of(segments: &[Segment], wanted: &[Wanted]) -> Result<Vec<PathBuf>, Failure> {
    let needed = |segment: &&Segment| {
        let end = segment.length.map_or(u64::MAX, |length| segment.base + length);
        wanted.iter().any(|w| w.from < end && w.to >= segment.base)
    };
    let paths: BTreeSet<&str> =
        segments.iter().filter(needed).map(|s| s.fingerprint.path.as_str()).collect();
    let (there, gone): (Vec<&str>, Vec<&str>) =
        paths.into_iter().partition(|path| Path::new(path).is_file());
    if gone.is_empty() {
        return Ok(there.into_iter().map(PathBuf::from).collect());
    }
    Err(Failure::Failed(format!(
        "these logs are not where they were read: {}; name them, under their present paths and with \
         all others that are needed, with --log",
        gone.join(", ")
    )))
}

/// Reads the log over the alerts' positions.
fn read(
    setup: &Setup,
    key: PseudonymKey,
    logs: &[PathBuf],
    segments: &[Segment],
    ledger: &mut Ledger,
) -> Result<Reading, Failure> {
    let mut again = Again::open(logs, segments, &ledger.ranges())?;
    let mut decoder = setup.decoder(key)?;
    let mut witness = ledger.is_raw().then(|| setup.witness(key)).transpose()?;
    let bar = bytes_bar();
    let mut reading = Reading { files: again.files(), ..Reading::default() };
    let mut arena = Batch::default();
    loop {
        let batch = match again.next(std::mem::take(&mut arena))? {
            SourceEvent::Batch(batch) => batch,
            SourceEvent::Notice(notice) => {
                reading.notices.extend(notice_text(&notice));
                continue;
            }
            SourceEvent::Idle => continue,
            SourceEvent::End => break,
        };
        for line in &batch.lines {
            reading.records += 1;
            // What was no event then is none now.
            let Ok(decoded) = decoder.decode(batch.text(*line)) else { continue };
            let matched = ledger.event(&decoded.event, line.position);
            if let Some(witness) = witness.as_mut().filter(|_| matched) {
                // Raw identifiers of the lines that match, and of no other.
                let _ = witness.decode(batch.text(*line));
                ledger.name(witness.take_raw());
            }
        }
        let progress = again.progress();
        bar.set_length(progress.bytes_total.unwrap_or(0));
        bar.set_position(progress.bytes_read);
        bar.set_message(format!("{} persons", ledger.persons()));
        arena = batch;
    }
    reading.bytes = again.progress().bytes_read;
    bar.finish_and_clear();
    Ok(reading)
}

fn notice_text(notice: &Notice) -> Option<String> {
    match notice {
        Notice::Damaged { path, reason, .. } => Some(format!(
            "WARNING: {path} is damaged ({reason}): what lies behind the damage is not in this list"
        )),
        Notice::Oversized { position, length, .. } => Some(format!(
            "the line of {length} bytes at position {position} is over the limit; it was not judged, \
             and nobody in it is listed"
        )),
        _ => None,
    }
}
