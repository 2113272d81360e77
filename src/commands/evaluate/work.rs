//! Pieces of work: which worlds are played to which detectors, spread over threads, and what is
//! finished already.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::history::Run;
use super::outcome::{Key, Outcome};
use super::play;
use super::rivals::{Calibration, Kept};
use super::suites::Entry;
use crate::clock::Stopwatch;
use crate::commands::Failure;
use crate::commands::setup::Setup;
use crate::detect::rule::Rules;
use crate::evaluate::comparators::Config;

/// What all worlds have in common.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) size: u32,
    pub(super) lookalikes: f64,
    pub(super) territory: bool,
    pub(super) unrelated: bool,
}

/// One world to play.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) suite: String,
    pub(super) part: u32,
    pub(super) seed: u64,
    pub(super) weeks: u32,
    pub(super) entries: Vec<Entry>,
    pub(super) settings: Settings,
}

/// Who watches a world.
#[derive(Clone, Debug)]
pub(super) enum Watch {
    /// The engine with some rules.
    Engine(Arc<Rules>),
    /// A comparator with its frozen threshold.
    Rival { config: Config, threshold: f64 },
}

/// A detector at some budget.
#[derive(Clone, Debug)]
pub(super) struct Lookout {
    pub(super) name: String,
    /// False alerts per 1,000 account-weeks.
    pub(super) budget: f64,
    /// False alerts a week at least.
    pub(super) floor: f64,
    pub(super) watch: Watch,
}

impl Lookout {
    /// Rules in force, or the point of the grid.
    pub(super) fn version(&self) -> String {
        match &self.watch {
            Watch::Engine(rules) => rules.version.clone(),
            Watch::Rival { config, threshold } => Lookout::point(config, *threshold),
        }
    }

    /// The budget in force where so many account-weeks are seen a week: a small deployment
    /// cannot hold any.
    pub(super) fn held(&self, account_weeks_a_week: f64) -> f64 {
        self.budget.max(1_000.0 * self.floor / account_weeks_a_week.max(1.0))
    }
}

impl Job {
    pub(super) fn new(
        suite: &str,
        part: u32,
        seed: u64,
        weeks: u32,
        entries: Vec<Entry>,
        settings: &Settings,
    ) -> Job {
        let (suite, settings) = (suite.to_owned(), settings.clone());
        Job { suite, part, seed, weeks, entries, settings }
    }

    /// Rows of its attacks, in the order of the truth.
    pub(super) fn names(&self) -> Vec<String> {
        let attacks = self.entries.iter().filter(|entry| entry.spec.id.starts_with('A'));
        attacks.map(|entry| entry.name.clone()).collect()
    }

    /// The name of what a detector makes of this world.
    pub(super) fn key(&self, lookout: &Lookout) -> Key {
        let Settings { size, lookalikes, territory, unrelated } = &self.settings;
        let texts: Vec<&str> = self.entries.iter().map(|e| e.text.as_str()).collect();
        let options = format!(
            "size={size} weeks={} lookalikes={lookalikes} territory={territory} \
             unrelated={unrelated} floor={} {}",
            self.weeks,
            lookout.floor,
            texts.join(" ")
        );
        Key {
            suite: self.suite.clone(),
            part: self.part,
            seed: self.seed,
            detector: lookout.name.clone(),
            budget: lookout.budget.to_string(),
            options,
            version: lookout.version(),
        }
    }
}

/// Where work is done.
pub(super) struct Desk<'a> {
    pub(super) setup: &'a Setup,
    pub(super) threads: u32,
    pub(super) out: Option<&'a Path>,
}

/// Something to play.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// A simulated world.
    World(Job),
    /// A real history.
    Past(Run),
}

impl Piece {
    fn key(&self, lookout: &Lookout) -> Key {
        match self {
            Piece::World(job) => job.key(lookout),
            Piece::Past(run) => run.key(lookout),
        }
    }

    /// Steps of the bar.
    fn steps(&self) -> u64 {
        match self {
            Piece::World(job) => u64::from(job.weeks) * 7,
            Piece::Past(_) => 1,
        }
    }

    fn title(&self) -> String {
        match self {
            Piece::World(job) => format!("{} {} seed {}", job.suite, job.part, job.seed),
            Piece::Past(run) => run.title(),
        }
    }

    fn play(
        &self,
        setup: &Setup,
        lookouts: &[Lookout],
        bar: &ProgressBar,
    ) -> Result<Vec<Outcome>, Failure> {
        match self {
            Piece::World(job) => play::play(setup, job, lookouts, bar),
            Piece::Past(run) => run.play(setup, lookouts, bar),
        }
    }
}

/// What a thread is given, and who has to see it yet.
type Task = (Piece, Vec<Lookout>);

impl Desk<'_> {
    /// Does what is not done yet; returns everything asked for, in the order of the keys.
    pub(super) fn run(
        &self,
        pieces: Vec<Piece>,
        lookouts: &[Lookout],
    ) -> Result<Vec<Outcome>, Failure> {
        let mut finished = self.finished()?;
        let mut wanted = HashSet::new();
        let mut tasks: Vec<Task> = Vec::new();
        for piece in pieces {
            let keys: Vec<Key> = lookouts.iter().map(|l| piece.key(l)).collect();
            let missing = lookouts.iter().zip(&keys).filter(|(_, k)| !finished.contains_key(*k));
            let missing: Vec<Lookout> = missing.map(|(l, _)| l.clone()).collect();
            wanted.extend(keys.iter().map(|k| serde_json::to_string(k).unwrap_or_default()));
            if !missing.is_empty() {
                tasks.push((piece, missing));
            }
        }
        let mut file = self.out.map(append_to).transpose()?;
        self.spread(tasks, &mut |_, outcome| {
            if let Some(file) = &mut file {
                write_line(file, &outcome)?;
            }
            finished.insert(outcome.key.clone(), outcome);
            Ok(())
        })?;
        finished.retain(|k, _| wanted.contains(&serde_json::to_string(k).unwrap_or_default()));
        Ok(finished.into_values().collect())
    }

    /// Plays the worlds on all threads; outcomes come back here, one after the other, each with
    /// the place of its lookout.
    pub(super) fn spread(
        &self,
        tasks: Vec<Task>,
        take: &mut dyn FnMut(usize, Outcome) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let bar = bar(tasks.iter().map(|(piece, _)| piece.steps()).sum());
        let (setup, queue) = (self.setup, Mutex::new(tasks.into_iter()));
        let (told, heard) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                let (told, bar, queue) = (told.clone(), bar.clone(), &queue);
                scope.spawn(move || {
                    while let Some((piece, lookouts)) = queue.lock().ok().and_then(|mut q| q.next())
                    {
                        let since = Stopwatch::start();
                        let outcomes = piece.play(setup, &lookouts, &bar);
                        let seconds = since.elapsed().as_secs_f64();
                        if told.send((piece, outcomes, seconds)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(told);
            for (piece, outcomes, seconds) in heard {
                let outcomes = outcomes?;
                let events = outcomes.first().map_or(0, |o| o.events);
                bar.suspend(|| {
                    let (title, detectors) = (piece.title(), outcomes.len());
                    eprintln!("{title}: {events} events, {detectors} detectors, {seconds:.1} s");
                });
                outcomes.into_iter().enumerate().try_for_each(|(n, outcome)| take(n, outcome))?;
            }
            bar.finish_and_clear();
            Ok(())
        })
    }

    /// What the file has already.
    fn finished(&self) -> Result<BTreeMap<Key, Outcome>, Failure> {
        let outcomes: Vec<Outcome> = self.lines()?;
        Ok(outcomes.into_iter().map(|outcome| (outcome.key.clone(), outcome)).collect())
    }

    /// How comparators were set already.
    pub(super) fn calibrations(&self) -> Result<Vec<Calibration>, Failure> {
        let kept: Vec<Kept> = self.lines()?;
        Ok(kept.into_iter().map(|kept| kept.calibration).collect())
    }

    /// Appends a line of another kind to the file.
    pub(super) fn keep(&self, line: &impl Serialize) -> Result<(), Failure> {
        match self.out {
            Some(path) => write_line(&mut append_to(path)?, line),
            None => Ok(()),
        }
    }

    /// The file's lines of one kind. A line that was cut short is work to do again.
    pub(super) fn lines<T: DeserializeOwned>(&self) -> Result<Vec<T>, Failure> {
        let Some(path) = self.out.filter(|path| path.exists()) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for line in BufReader::new(File::open(path)?).lines() {
            found.extend(serde_json::from_str::<T>(&line?));
        }
        Ok(found)
    }
}

fn write_line(file: &mut File, line: &impl Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    file.write_all(&line)?;
    Ok(())
}

/// Opens for appending; a line that was cut short is ended first.
fn append_to(path: &Path) -> Result<File, Failure> {
    let whole = std::fs::read(path).map_or(true, |bytes| bytes.last().is_none_or(|b| *b == b'\n'));
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if !whole {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// A bar over simulated days, hidden where standard error is no terminal.
fn bar(days: u64) -> ProgressBar {
    let bar = ProgressBar::new(days);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style =
        ProgressStyle::with_template("{bar:30} day {pos} of {len}  {elapsed} of {duration}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
