//! `vigie check`: configuration, rules and every rule's cases, reference data, and how well a log
//! maps. All errors at once, with file, line, key and the fix.

mod fill;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::gather::{Gathered, rule_files};
use super::input::Input;
use super::setup::reference;
use super::{Common, Failure};
use crate::decode::{Decoder, Mapping, PseudonymKey};
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

/// What was looked at, and everything that is wrong.
#[derive(Default)]
struct Found {
    problems: Vec<String>,
    /// Rule cases that hold, and those that do not; absent when the rules themselves are wrong.
    cases: Option<(usize, usize)>,
    fills: Vec<(String, Fill)>,
}

pub(super) fn check(args: CheckArgs) -> Result<(), Failure> {
    let gathered = Gathered::new(&args.common)?;
    gathered.say_file();
    let mut found = Found { problems: gathered.problems.clone(), ..Found::default() };
    if let Some(rules) = &gathered.rules {
        found.cases(&gathered.config.detection.rules, rules);
    }
    if let Err(wrong) = reference(&gathered.config, PseudonymKey::PUBLIC) {
        found.problems.extend(wrong);
    }
    for log in &args.logs {
        found.log(&gathered, log, args.lines);
    }
    found.tell(args.json)?;
    let Found { problems, .. } = found;
    if problems.is_empty() { Ok(()) } else { Err(Failure::Failed(problems.join("\n"))) }
}

impl Found {
    /// Every case beside the rules in force.
    fn cases(&mut self, folder: &Path, rules: &Arc<Rules>) {
        let files = if folder.as_os_str().is_empty() {
            Ok(cases::BUILT_IN.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect())
        } else {
            case_files(folder)
        };
        for (file, text) in files.unwrap_or_else(|problem| {
            self.problems.push(problem);
            Vec::new()
        }) {
            let (hold, failed) = cases::run_file(&file, &text, rules);
            let (held, fail) = self.cases.unwrap_or_default();
            self.cases = Some((held + hold, fail + failed.len()));
            self.problems.extend(failed.iter().map(ToString::to_string));
        }
    }

    /// How well a log maps.
    fn log(&mut self, gathered: &Gathered, log: &Path, lines: usize) {
        let Some(mapping) = &gathered.mapping else { return };
        let name = log.display().to_string();
        match fill_of(gathered, mapping, log, lines) {
            Err(Failure::Failed(text) | Failure::Usage(text)) => self.problems.push(text),
            Err(Failure::Closed) => {}
            Ok(fill) => {
                if let Some(problem) = fill.problem() {
                    let fits = (fill.lines() > 0).then(|| better_format(gathered, log)).flatten();
                    let hint = match fits {
                        Some(format) => format!("; it looks like --format {format}"),
                        None if fill.lines() > 0 => {
                            let choices = Mapping::PRESETS.join(", ");
                            format!("; try another --format ({choices}) or [source.mapping]")
                        }
                        None => String::new(),
                    };
                    self.problems.push(format!("{name}: {problem}{hint}"));
                }
                self.fills.push((name, fill));
            }
        }
    }

    fn tell(&self, as_json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if as_json {
            let (hold, fail) = self.cases.unwrap_or_default();
            let logs: Vec<_> = self
                .fills
                .iter()
                .map(|(log, fill)| json!({"log": log, "fill": fill.json()}))
                .collect();
            let problems = &self.problems;
            let all =
                json!({"problems": problems, "cases": hold, "cases_failed": fail, "logs": logs});
            return writeln!(out, "{all}");
        }
        match self.cases {
            None => writeln!(out, "no rule cases were run")?,
            Some((hold, 0)) => writeln!(out, "{hold} rule cases hold")?,
            Some((hold, 1)) => writeln!(out, "{hold} rule cases hold, 1 fails")?,
            Some((hold, fail)) => writeln!(out, "{hold} rule cases hold, {fail} fail")?,
        }
        self.fills.iter().try_for_each(|(log, fill)| writeln!(out, "\n{log}\n{}", fill.text()))
    }
}

fn case_files(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    for (rule, _) in rule_files(folder)? {
        let path = folder.join(rule.replace(".toml", ".cases.jsonl"));
        let name = path.display().to_string();
        if path.is_file() {
            let text = std::fs::read_to_string(&path);
            files.push((name.clone(), text.map_err(|e| format!("{name}: cannot be read: {e}"))?));
        }
    }
    Ok(files)
}

fn fill_of(
    gathered: &Gathered,
    mapping: &Mapping,
    log: &Path,
    lines: usize,
) -> Result<Fill, Failure> {
    let decoder = || Decoder::new(mapping, PseudonymKey::PUBLIC, gathered.config.decode_options());
    let input = Input {
        paths: vec![log.to_owned()],
        follow: false,
        skip_missing: false,
        batch_lines: Some(1_000),
        announce: None,
        before: Vec::new(),
    };
    let mut source = input.open(&mut decoder()?, None, Arc::default())?;
    let mut decoder = decoder()?;
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

/// The preset that reads a log which the configured format does not.
fn better_format(gathered: &Gathered, log: &Path) -> Option<&'static str> {
    const LINES: usize = 200;
    // Standard input is gone once it was read.
    if log.as_os_str() == "-" {
        return None;
    }
    Mapping::PRESETS.into_iter().find(|name| {
        let mapping = Mapping::preset(name).unwrap_or_default();
        fill_of(gathered, &mapping, log, LINES).is_ok_and(|fill| fill.problem().is_none())
    })
}
