//! Pieces of work: which worlds are played to which detectors, spread over threads, and what is
//! finished already.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::outcome::{Key, Outcome};
use super::play;
use super::suites::Entry;
use crate::clock::Stopwatch;
use crate::commands::Failure;
use crate::commands::setup::Setup;
use crate::detect::rule::Rules;

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

/// The engine with some rules, at some budget.
#[derive(Clone, Debug)]
pub(super) struct Lookout {
    pub(super) name: String,
    /// False alerts per 1,000 account-weeks.
    pub(super) budget: f64,
    /// False alerts a week at least.
    pub(super) floor: f64,
    pub(super) rules: Arc<Rules>,
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
            version: lookout.rules.version.clone(),
        }
    }
}

/// Where work is done.
pub(super) struct Desk<'a> {
    pub(super) setup: &'a Setup,
    pub(super) threads: u32,
    pub(super) out: Option<&'a Path>,
}

/// What a thread is given: a world, and who has to see it yet.
type Task = (Job, Vec<Lookout>);

impl Desk<'_> {
    /// Does what is not done yet; returns everything asked for, in the order of the keys.
    pub(super) fn run(
        &self,
        jobs: Vec<Job>,
        lookouts: &[Lookout],
    ) -> Result<Vec<Outcome>, Failure> {
        let mut finished = self.finished()?;
        let mut wanted = HashSet::new();
        let mut tasks: Vec<Task> = Vec::new();
        for job in jobs {
            let keys: Vec<Key> = lookouts.iter().map(|l| job.key(l)).collect();
            let missing = lookouts.iter().zip(&keys).filter(|(_, k)| !finished.contains_key(*k));
            let missing: Vec<Lookout> = missing.map(|(l, _)| l.clone()).collect();
            wanted.extend(keys.iter().map(|k| serde_json::to_string(k).unwrap_or_default()));
            if !missing.is_empty() {
                tasks.push((job, missing));
            }
        }
        let mut file = self.out.map(append_to).transpose()?;
        self.spread(tasks, &mut |outcome| {
            if let Some(file) = &mut file {
                let mut line = serde_json::to_vec(&outcome)?;
                line.push(b'\n');
                file.write_all(&line)?;
            }
            finished.insert(outcome.key.clone(), outcome);
            Ok(())
        })?;
        finished.retain(|k, _| wanted.contains(&serde_json::to_string(k).unwrap_or_default()));
        Ok(finished.into_values().collect())
    }

    /// Plays the worlds on all threads; outcomes come back here, one after the other.
    fn spread(
        &self,
        tasks: Vec<Task>,
        take: &mut dyn FnMut(Outcome) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let bar = bar(tasks.iter().map(|(job, _)| u64::from(job.weeks) * 7).sum());
        let (setup, queue) = (self.setup, Mutex::new(tasks.into_iter()));
        let (told, heard) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                let (told, bar, queue) = (told.clone(), bar.clone(), &queue);
                scope.spawn(move || {
                    while let Some((job, lookouts)) = queue.lock().ok().and_then(|mut q| q.next()) {
                        let since = Stopwatch::start();
                        let outcomes = play::play(setup, &job, &lookouts, &bar);
                        let seconds = since.elapsed().as_secs_f64();
                        if told.send((job, outcomes, seconds)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(told);
            for (job, outcomes, seconds) in heard {
                let outcomes = outcomes?;
                let events = outcomes.first().map_or(0, |o| o.events);
                bar.suspend(|| {
                    eprintln!(
                        "{} {} seed {}: {events} events, {} detectors, {seconds:.1} s",
                        job.suite,
                        job.part,
                        job.seed,
                        outcomes.len()
                    );
                });
                outcomes.into_iter().try_for_each(&mut *take)?;
            }
            bar.finish_and_clear();
            Ok(())
        })
    }

    /// What the file has already. A line that was cut short is work to do again.
    fn finished(&self) -> Result<BTreeMap<Key, Outcome>, Failure> {
        let Some(path) = self.out.filter(|path| path.exists()) else {
            return Ok(BTreeMap::new());
        };
        let mut found = BTreeMap::new();
        for line in BufReader::new(File::open(path)?).lines() {
            if let Ok(outcome) = serde_json::from_str::<Outcome>(&line?) {
                found.insert(outcome.key.clone(), outcome);
            }
        }
        Ok(found)
    }
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
