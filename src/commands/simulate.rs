//! `vigie simulate`: writes a labelled, seeded world.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;

use super::Failure;
use crate::clock::Stopwatch;
use crate::simulate::{ScenarioSpec, World, WorldOptions, scenarios};

/// Arguments of `vigie simulate`.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Folder for events.ndjson, accounts.csv, persons.csv and truth.json; `-` = events on standard
    /// output only
    #[arg(value_name = "DIR", required_unless_present = "list")]
    out: Option<PathBuf>,
    /// Same seed, same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Accounts, machines included
    #[arg(long, default_value_t = 2_000)]
    accounts: u32,
    /// First day
    #[arg(long, default_value = "2024-01-08", value_name = "YYYY-MM-DD")]
    start: Date,
    /// Weeks
    #[arg(long, default_value_t = 9)]
    weeks: u32,
    /// Attack or look-alike: ID@START_DAY[:key=value,…], such as A1@35:persons_max=20000;
    /// repeatable
    #[arg(long = "scenario", value_name = "SPEC")]
    scenarios: Vec<String>,
    /// Factor on the rates of innocent look-alikes; 0 = none
    #[arg(long, default_value_t = 1.0)]
    lookalikes: f64,
    /// Say in the events of roles with a caseload how many persons lie outside it
    #[arg(long)]
    unrelated: bool,
    /// List every scenario and stop
    #[arg(long)]
    list: bool,
}

pub(super) fn simulate(args: SimulateArgs) -> Result<(), Failure> {
    if args.list {
        for (id, what) in scenarios() {
            println!("{id:<4} {what}");
        }
        return Ok(());
    }
    let Some(out) = args.out else { return Err(Failure::Usage("name a folder, or -".into())) };
    let specs: Result<Vec<ScenarioSpec>, _> =
        args.scenarios.iter().map(|s| ScenarioSpec::parse(s)).collect();
    let world = World::new(WorldOptions {
        seed: args.seed,
        accounts: args.accounts,
        start: args.start,
        days: args.weeks * 7,
        scenarios: specs.map_err(|e| Failure::Usage(e.to_string()))?,
        lookalikes: args.lookalikes,
        unrelated: args.unrelated,
        ..WorldOptions::default()
    })
    .map_err(|e| Failure::Usage(e.to_string()))?;
    if out.as_os_str() == "-" {
        return write_events(&world, BufWriter::new(io::stdout()));
    }
    fs::create_dir_all(&out)?;
    write_events(&world, BufWriter::new(File::create(out.join("events.ndjson"))?))?;
    fs::write(out.join("accounts.csv"), world.accounts_csv())?;
    fs::write(out.join("persons.csv"), world.persons_csv())?;
    fs::write(out.join("truth.json"), serde_json::to_vec_pretty(world.truth())?)?;
    eprintln!("events.ndjson, accounts.csv, persons.csv and truth.json are in {}", out.display());
    Ok(())
}

fn write_events(world: &World, mut out: impl Write) -> Result<(), Failure> {
    let bar = ProgressBar::new(u64::from(world.options().days));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} day {pos} of {len}") {
        bar.set_style(style);
    }
    let since = Stopwatch::start();
    let mut events = 0u64;
    let mut lines = Vec::new();
    for day in 0..world.options().days {
        for event in world.day(day) {
            event.write_json(world, &mut lines);
            events += 1;
        }
        out.write_all(&lines)?;
        lines.clear();
        bar.inc(1);
    }
    out.flush()?;
    bar.finish_and_clear();
    let seconds = since.elapsed().as_secs_f64().max(1e-3);
    eprintln!("{events} events in {seconds:.1} s ({:.0} events/s)", events as f64 / seconds);
    Ok(())
}
