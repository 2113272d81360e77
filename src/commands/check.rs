//! `vigie check`: configuration, rules and every rule's cases, reference data, and how well a log
//! maps. All errors at once, with file, line, key and the fix.

mod fill;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::input::Input;
use super::setup::{Setup, all, rule_files};
use super::{Common, Failure};
use crate::config::Config;
use crate::decode::PseudonymKey;
use crate::detect::rule::Rules;
use crate::ingest::SourceEvent;
use crate::pipeline::cases;
use fill::Fill;

/// Arguments of `vigie check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Logs whose mapping to try
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
    /// Lines to read of each log
    #[arg(long, default_value_t = 100_000, value_name = "LINES")]
    lines: usize,
    /// Print what was found as JSON on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn check(args: CheckArgs) -> Result<(), Failure> {
    // Problems of one part must not hide those of another.
    let mut problems: Vec<String> = Vec::new();
    let mut note = |failure: Failure| match failure {
        Failure::Failed(text) | Failure::Usage(text) => problems.push(text),
    };
    let (mut config, wrong) = Config::load_good_part(args.common.config.as_deref()).map_err(all)?;
    if !wrong.is_empty() {
        note(all(wrong));
    }
    config.lay_flags(&args.common);
    let mut cases_run = 0;
    let setup = match Setup::of(config.clone()) {
        Ok(setup) => {
            match run_cases(&setup) {
                Ok(count) => cases_run = count,
                Err(failure) => note(failure),
            }
            setup
        }
        Err(failure) => {
            note(failure);
            // The rest is looked at with what is built in.
            config.detection.rules = PathBuf::new();
            config.source = Config::built_in().map_err(all)?.source;
            Setup::of(config)?
        }
    };
    if let Err(failure) = setup.controls(PseudonymKey::PUBLIC) {
        note(failure);
    }
    let mut fills = Vec::new();
    for log in &args.logs {
        match fill_of(&setup, log.clone(), args.lines) {
            Ok(fill) => fills.push((log.display().to_string(), fill)),
            Err(failure) => note(failure),
        }
    }
    if args.json {
        let logs: Vec<_> =
            fills.iter().map(|(log, fill)| json!({"log": log, "fill": fill.json()})).collect();
        println!("{}", json!({"problems": problems, "cases": cases_run, "logs": logs}));
    } else {
        println!("{cases_run} rule cases hold");
        for (log, fill) in &fills {
            println!("\n{log}\n{}", fill.text());
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Failed(problems.join("\n"))) }
}

/// Every case beside the rules in force.
fn run_cases(setup: &Setup) -> Result<usize, Failure> {
    let folder = &setup.config.detection.rules;
    let files: Vec<(String, String)> = if folder.as_os_str().is_empty() {
        cases::BUILT_IN.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect()
    } else {
        case_files(folder)?
    };
    let rules: &Arc<Rules> = &setup.rules;
    let mut count = 0;
    let mut errors = Vec::new();
    for (file, text) in &files {
        match cases::run_file(file, text, rules) {
            Ok(held) => count += held,
            Err(failed) => errors.extend(failed),
        }
    }
    if errors.is_empty() { Ok(count) } else { Err(all(errors)) }
}

fn case_files(folder: &std::path::Path) -> Result<Vec<(String, String)>, Failure> {
    let mut files = Vec::new();
    for (rule, _) in rule_files(folder)? {
        let name = rule.replace(".toml", ".cases.jsonl");
        let path = folder.join(&name);
        if path.is_file() {
            files.push((path.display().to_string(), std::fs::read_to_string(path)?));
        }
    }
    Ok(files)
}

fn fill_of(setup: &Setup, log: PathBuf, lines: usize) -> Result<Fill, Failure> {
    let mut decoder = setup.decoder(PseudonymKey::PUBLIC)?;
    let input =
        Input { paths: vec![log], follow: false, skip_missing: false, batch_lines: Some(1_000) };
    let mut source = input.open(&mut setup.decoder(PseudonymKey::PUBLIC)?, None, Arc::default())?;
    let mut fill = Fill::default();
    loop {
        match source.next(crate::ingest::Batch::default())? {
            SourceEvent::Batch(batch) => {
                for line in &batch.lines {
                    if fill.lines() >= lines {
                        return Ok(fill);
                    }
                    fill.line(decoder.decode(batch.text(*line)));
                }
            }
            SourceEvent::End => return Ok(fill),
            SourceEvent::Notice(_) | SourceEvent::Idle => {}
        }
    }
}
