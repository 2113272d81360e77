//! `vigie replay --diff RULES`: the same log through two engines in one pass, each line decoded
//! once. Never acts, keeps nothing.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::compare::Side;
use super::report::{Engine, Report};
use super::{ReplayArgs, SOURCE};
use crate::alert::Alert;
use crate::commands::Failure;
use crate::commands::input::{Input, stop_on_signal};
use crate::commands::outcome::{Outcome, Start};
use crate::commands::progress::Bar;
use crate::commands::setup::Setup;
use crate::decode::{Decoder, PseudonymKey};
use crate::ingest::{Batch, Source, SourceEvent};
use crate::pipeline::run::warn_of;
use crate::pipeline::shard::{Output, Shard};

/// An engine and what it said.
struct Party {
    shard: Shard,
    said: Side,
    out: Vec<Output>,
}

impl Party {
    fn new(setup: &Setup, key: PseudonymKey) -> Result<Party, Failure> {
        let mut shard = setup.shard(key, SOURCE)?;
        for loaded in setup.controls(key)? {
            shard.schedule(0, 1, loaded.control);
        }
        Ok(Party { shard, said: Side::default(), out: Vec::new() })
    }

    fn listen(&mut self) {
        for output in self.out.drain(..) {
            if let Output::Alert { alert, .. } = output {
                let alert: &Alert = &alert;
                self.said.hear(alert);
            }
        }
    }
}

/// Both engines and the one decoder that reads for them.
struct Pair {
    decoder: Decoder,
    a: Party,
    b: Party,
}

impl Pair {
    /// Reads a source to its end, or until it is told to stop.
    fn read(&mut self, source: &mut dyn Source, bar: &Bar) -> Result<(), Failure> {
        let mut arena = Batch::default();
        loop {
            arena.clear();
            match source.next(std::mem::take(&mut arena))? {
                SourceEvent::Batch(batch) => {
                    self.batch(&batch);
                    bar.show_two(source.progress(), &self.a.shard, &self.b.shard);
                    arena = batch;
                }
                SourceEvent::Notice(notice) => {
                    warn_of(&notice);
                    for party in [&mut self.a, &mut self.b] {
                        party.shard.notice(&notice, &mut party.out);
                        party.listen();
                    }
                }
                SourceEvent::Idle => {}
                SourceEvent::End => return Ok(()),
            }
        }
    }

    fn batch(&mut self, batch: &Batch) {
        for line in &batch.lines {
            let text = batch.text(*line);
            let read = self.decoder.decode(text);
            for party in [&mut self.a, &mut self.b] {
                party.shard.decoded(&read, text, line.position, &mut party.out);
            }
            if !(self.a.out.is_empty() && self.b.out.is_empty()) {
                self.a.listen();
                self.b.listen();
            }
        }
    }
}

/// Compares the rules in force with those of a folder.
pub(super) fn diff(args: ReplayArgs, others: &Path) -> Result<(), Failure> {
    let (ours, theirs) = Setup::two(&args.common, others, !args.quiet)?;
    let key = PseudonymKey::PUBLIC;
    let (a, b) = (Party::new(&ours, key)?, Party::new(&theirs, key)?);
    let mut pair = Pair { decoder: ours.decoder(key)?, a, b };
    let input = Input {
        paths: args.files,
        follow: false,
        skip_missing: false,
        batch_lines: args.batch,
        announce: (!args.quiet).then(|| ours.config.source.format.clone()),
        before: Vec::new(),
    };
    let log = input.log();
    let stop: Arc<AtomicBool> = stop_on_signal()?;
    let mut source = input.open(&mut ours.decoder(key)?, None, Arc::clone(&stop))?;
    let start = Start::of(&pair.a.shard);
    let bar = Bar::new(start);
    pair.read(&mut *source, &bar)?;
    let outcome = Outcome { start, shard: &pair.a.shard, took: bar.finish(), log: &log };
    if !args.quiet {
        eprintln!("{}", outcome.reading());
    }
    outcome.verdict()?;
    let stopped = stop.load(Ordering::SeqCst);
    if stopped && !args.quiet {
        eprintln!("WARNING: stopped before the end of the input; what was read is compared");
    }
    let engine = |setup: &Setup, party: Party| Engine::new(setup, &party.shard, party.said);
    let Pair { a, b, .. } = pair;
    let (events, accounts) = (start.events(&a.shard), a.shard.detector().accounts());
    let report = Report {
        events,
        accounts: accounts as u64,
        whole: !stopped,
        a: engine(&ours, a),
        b: engine(&theirs, b),
    };
    let text = if args.json { report.json()? + "\n" } else { report.text() };
    Ok(io::stdout().write_all(text.as_bytes())?)
}
