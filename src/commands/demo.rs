//! `vigie demo`: the real pipeline on a simulated partner network at high speed, the 2024 breach
//! included. The first thing a newcomer runs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use indicatif::HumanCount;

use super::Failure;
use super::clerk::{self, Office};
use super::input::stop_on_signal;
use super::outcome::Start;
use super::progress::Bar;
use super::service::{Listen, Service};
use super::setup::Setup;
use crate::alert::Alert;
use crate::decode::PseudonymKey;
use crate::detect::Control;
use crate::detect::report::Cause;
use crate::directory::Accounts;
use crate::event::TimestampMs;
use crate::ingest::{Batch, IngestError, Line, Progress, Segment, Source, SourceEvent};
use crate::pipeline::run::{Clerk, Extras, SHARD, drive};
use crate::pipeline::shard::{Output, Shard};
use crate::simulate::{Campaign, Kind, World};
use crate::store::datadir::{DataDir, Purpose};
use crate::triage::millis;
use crate::watch::View;

/// Arguments of `vigie demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End after the story instead of keeping the console open
    #[arg(long)]
    exit: bool,
    /// Address of the console, or the next port that is free; `none` = none
    #[arg(long, value_name = "ADDRESS", env = "VIGIE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Print every alert revision as JSON on standard output instead of the story
    #[arg(long)]
    json: bool,
}

/// What the thieves took in 2024 (CNIL, SAN-2026-003), and how long nobody noticed.
const TAKEN_IN_2024: u64 = 36_820_828;
const UNNOTICED_DAYS: u32 = 23;

/// A simulated world as a source of JSON lines, a day in memory at a time.
struct WorldSource {
    world: Arc<World>,
    day: u32,
    lines: Vec<u8>,
    read: usize,
    position: u64,
}

const BATCH_LINES: usize = 1_024;

impl Source for WorldSource {
    fn next(&mut self, mut batch: Batch) -> Result<SourceEvent, IngestError> {
        while self.read == self.lines.len() {
            if self.day == self.world.options().days {
                return Ok(SourceEvent::End);
            }
            self.lines.clear();
            self.read = 0;
            for event in self.world.day(self.day) {
                event.write_json(&self.world, &mut self.lines);
            }
            self.day += 1;
        }
        batch.clear();
        let rest = &self.lines[self.read..];
        for text in rest.split_inclusive(|b| *b == b'\n').take(BATCH_LINES) {
            let start = batch.bytes.len() as u32;
            batch.bytes.extend_from_slice(text.trim_ascii_end());
            let end = batch.bytes.len() as u32;
            batch.lines.push(Line { start, end, position: self.position });
            self.position += text.len() as u64;
            self.read += text.len();
        }
        batch.next = self.position;
        Ok(SourceEvent::Batch(batch))
    }

    fn segments(&self) -> &[Segment] {
        &[]
    }

    fn resumable(&self) -> bool {
        false
    }

    fn progress(&self) -> Progress {
        let days = u64::from(self.world.options().days);
        Progress { bytes_read: u64::from(self.day), bytes_total: Some(days) }
    }
}

/// Every alert of the story as it last stood, by id.
type Raised = Arc<Mutex<BTreeMap<String, Told>>>;

pub(super) fn demo(args: DemoArgs) -> Result<(), Failure> {
    let mut setup = Setup::simulated()?;
    let world = Arc::new(World::story()?);
    let folder = Scratch::new()?;
    setup.config.store.data.clone_from(&folder.0);
    setup.config.alerts_file.enabled = false;
    let none = args.listen == "none" || args.exit;
    setup.config.console.listen = if none { String::new() } else { args.listen.clone() };
    let key = PseudonymKey::PUBLIC;
    let data = DataDir::open(&folder.0, Purpose::Replay)?;
    let mut keep = clerk::keep(&data, "demo", key, None, Duration::from_secs(60))?;
    let mut office = Office::open(&setup, &data, "demo", key, None)?;
    office.tell_days();
    let mut opened = office.open_shard(SHARD)?;
    let view = Arc::<View>::default();
    let stop = stop_on_signal()?;
    let service = Service::start(&setup.config, &mut keep.store, &view, Listen::NextFree)?;
    let accounts = Accounts::read("accounts.csv", world.accounts_csv().as_bytes())?;
    opened.shard.schedule(0, 1, Control::Accounts(Arc::new(accounts)));
    if !args.json {
        introduce(&world)?;
    }
    let raised: Raised = Arc::default();
    let bar = Arc::new(Bar::days(Start::of(&opened.shard)));
    let (told, above, stage) = (Arc::clone(&raised), Arc::clone(&bar), Arc::clone(&world));
    let live = service.teller();
    let tell = Box::new(move |alert: &Alert, output: &Output| {
        live(alert);
        above.hide(|| tell(alert, output, &stage, &told, args.json))
    });
    let source =
        WorldSource { world: Arc::clone(&world), day: 0, lines: Vec::new(), read: 0, position: 0 };
    let show = Arc::clone(&bar);
    let mut shards = BTreeMap::from([(SHARD, opened)]);
    let report = Box::new(move |progress, shard: &Shard| show.show(progress, shard));
    let clerk: Option<Box<dyn Clerk>> = Some(Box::new(office));
    let open = service.url().map(str::to_owned);
    let last_words = Box::new(move |shard: &Shard| {
        let took = bar.finish().as_secs_f64().max(1e-3);
        if args.json {
            return Ok(());
        }
        let raised = raised.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        conclude(&mut out, &world, &raised)?;
        figures(&mut out, shard, took, open.as_deref())
    });
    let stay = service.url().is_some().then_some(stop);
    let keep = Some(keep);
    let extras = Extras {
        keep,
        clerk,
        view: Some(view),
        stay,
        at_end: Some(last_words),
        ..Extras::default()
    };
    let driven = drive(Box::new(source), 0, &mut shards, extras, tell, report);
    service.stop();
    Ok(driven?)
}

/// What it took, and what to do next.
fn figures(
    out: &mut impl Write,
    shard: &Shard,
    took: f64,
    console: Option<&str>,
) -> io::Result<()> {
    let counters = shard.detector().counters();
    writeln!(
        out,
        "\n{} events of {} accounts in {took:.1} s ({} events/s).\n\n\
         Next: `vigie check YOUR.log` says how well your own log maps, `vigie run YOUR.log` \
         watches it.",
        HumanCount(counters.events),
        HumanCount(shard.detector().accounts() as u64),
        HumanCount((counters.events as f64 / took) as u64)
    )?;
    let Some(url) = console else { return Ok(()) };
    let port = url.rsplit(':').next().unwrap_or_default();
    writeln!(
        out,
        "\nThe alerts are open in the console: {url}/\n\
         From a laptop: `ssh -L {port}:127.0.0.1:{port} THIS-MACHINE`, then the same address there.\n\
         Ctrl-C ends the demo and removes its data."
    )
}

fn introduce(world: &World) -> io::Result<()> {
    writeln!(
        io::stdout().lock(),
        "A simulated partner network: {} accounts of job centres, Cap emploi, missions locales,\n\
         départements and machines read people's files for {} days from {}. vigie learns what is\n\
         normal. On Tuesday 6 February 2024 at 19:00, thieves start to use two advisers' accounts.\n",
        world.accounts().len(),
        world.options().days,
        world.options().start
    )
}

fn tell(
    alert: &Alert,
    output: &Output,
    world: &World,
    raised: &Raised,
    json: bool,
) -> io::Result<()> {
    let Output::Alert { line, cause, .. } = output else { return Ok(()) };
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, alert)?;
        writeln!(out)?;
        return out.flush();
    }
    let mut raised = raised.lock().unwrap_or_else(PoisonError::into_inner);
    let known = raised.entry(alert.id.clone()).or_insert_with(|| (alert.clone(), line.clone()));
    known.0 = alert.clone();
    if *cause == Cause::Opened
        && let Some(theft) = behind(world, alert).filter(|c| c.kind == Kind::Attack)
    {
        writeln!(out, "{line}")?;
        let seconds = (millis(&alert.opened_at) - theft.from_ms).max(0) / 1_000;
        writeln!(
            out,
            "      This is the theft, {seconds} s after its first page: {} persons read when the alert \
             fired.\n      In 2024 nobody noticed for {UNNOTICED_DAYS} days, and the thieves took {} \
             persons.\n",
            alert.exposure.persons,
            HumanCount(TAKEN_IN_2024)
        )?;
    }
    out.flush()
}

/// What really happened around an alert.
fn behind<'a>(world: &'a World, alert: &Alert) -> Option<&'a Campaign> {
    const DAY_MS: TimestampMs = 86_400_000;
    let at = millis(&alert.opened_at);
    let around = |c: &&Campaign| {
        c.from_ms - 1_000 <= at && at <= c.to_ms + DAY_MS && c.accounts.contains(&alert.entity.id)
    };
    let campaigns = &world.truth().campaigns;
    let attacks = campaigns.iter().filter(|c| c.kind == Kind::Attack);
    attacks.chain(campaigns.iter().filter(|c| c.kind != Kind::Attack)).find(around)
}

/// An alert with its first line.
type Told = (Alert, String);

fn conclude(
    out: &mut impl Write,
    world: &World,
    raised: &BTreeMap<String, Told>,
) -> io::Result<()> {
    let (thefts, others): (Vec<&Told>, Vec<&Told>) = raised
        .values()
        .partition(|(a, _)| behind(world, a).is_some_and(|c| c.kind == Kind::Attack));
    for theft in world.truth().campaigns.iter().filter(|c| c.kind == Kind::Attack) {
        let seen = |account: &&String| thefts.iter().any(|(a, _)| a.entity.id == **account);
        writeln!(
            out,
            "Caught: {} of {} stolen accounts. Left alone, this theft would have read {} persons here.",
            theft.accounts.iter().filter(seen).count(),
            theft.accounts.len(),
            HumanCount(theft.persons)
        )?;
    }
    let (mut learning, mut learned): (Vec<&Told>, Vec<&Told>) =
        others.into_iter().partition(|(a, _)| a.learning);
    if learning.is_empty() && learned.is_empty() {
        return writeln!(out, "\nNothing else was raised.");
    }
    writeln!(out, "\nWhat else was raised, and what it was:")?;
    learned.sort_by(|(a, _), (b, _)| a.opened_at.cmp(&b.opened_at));
    for (alert, line) in learned {
        let what = behind(world, alert).map_or("ordinary work, a false alert", |c| &c.description);
        writeln!(out, "{line}\n      innocent: {what}")?;
    }
    learning.sort_by(|(a, _), (b, _)| a.opened_at.cmp(&b.opened_at));
    if let Some((last, _)) = learning.last() {
        writeln!(
            out,
            "{} more while the baseline was still learning (first {} days), innocent too:\n      {}",
            learning.len(),
            day_of(world, last),
            by_kind(world, &learning)
        )?;
    }
    Ok(())
}

/// `12 × mailing to the own caseload, 5 × ordinary work`, the most frequent first.
fn by_kind(world: &World, alerts: &[&Told]) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (alert, _) in alerts {
        let kind = behind(world, alert).map_or("ordinary work", |c| &c.description);
        *kinds.entry(kind.split(':').next().unwrap_or(kind)).or_default() += 1;
    }
    let mut kinds: Vec<(&str, usize)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} × {kind}")).collect();
    kinds.join(", ")
}

/// Day of the world on which an alert opened, from 1.
fn day_of(world: &World, alert: &Alert) -> i64 {
    const DAY_MS: TimestampMs = 86_400_000;
    let midnight = millis(&format!("{}T00:00:00Z", world.options().start));
    (millis(&alert.opened_at) - midnight).div_euclid(DAY_MS) + 1
}

/// A folder that is gone when the demo is.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("vigie-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
