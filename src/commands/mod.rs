//! One file per command. Standard output is data, standard error is for people; exit codes are 0
//! fine (alerts or not), 1 failed, 2 bad usage.

mod actor;
mod audit;
mod check;
mod clerk;
mod demo;
mod desk;
mod evaluate;
mod evidence;
mod gather;
mod hook;
mod input;
mod key;
mod outcome;
mod progress;
mod replay;
mod run;
mod service;
mod setup;
mod simulate;
mod token;
mod user;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// The lookout for mass extraction: watches access logs of systems that hold personal records and
/// alerts when an account reads far more people than it normally does.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch logs: alerts on the terminal and in the data folder (needs no configuration for a
    /// file or standard input)
    Run(run::RunArgs),
    /// See it catch the 2024 breach on a simulated partner network, in a minute
    Demo(demo::DemoArgs),
    /// Run history through the same engine as fast as possible; alert revisions on standard
    /// output. Never acts, never notifies
    Replay(replay::ReplayArgs),
    /// Write a labelled, seeded world: events, accounts, truth
    Simulate(simulate::SimulateArgs),
    /// Score the engine on labelled simulated worlds
    Evaluate(evaluate::EvaluateArgs),
    /// Check configuration, rules with their cases, reference data, and how well a log maps
    Check(check::CheckArgs),
    /// The exact persons that alerts exposed, by reading the log again
    Evidence(evidence::EvidenceArgs),
    /// Add, list and remove people who may sign in to the console
    User(user::UserArgs),
    /// Make, list and revoke secrets of machines that use the API
    Token(token::TokenArgs),
    /// Verify or export the trail of who did and saw what
    Audit(audit::AuditArgs),
    /// Try hooks out, see what could not be delivered, send it again
    Hook(hook::HookArgs),
}

/// Flags of every command that judges; they win over environment and file.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Basics {
    /// Configuration file [default: ./vigie.toml, /etc/vigie/vigie.toml, built-in]
    #[arg(long, value_name = "FILE", env = "VIGIE_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of rule files that replaces the built-in rules
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

/// Flags of every command that reads logs.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    basics: Basics,
    /// Preset of the log's format: native, ecs, ocsf, nginx-json, combined
    #[arg(long, value_name = "PRESET")]
    format: Option<String>,
    /// Account directory: account,partner,unit,role,kind,starts_on,ends_on,protected
    #[arg(long, value_name = "CSV")]
    accounts: Option<PathBuf>,
    /// Which unit usually handles a person: person,unit,last_active
    #[arg(long, value_name = "CSV")]
    persons: Option<PathBuf>,
    /// Which account handles a person: account,person
    #[arg(long, value_name = "CSV")]
    caseload: Option<PathBuf>,
    /// Expected activity and declared ceilings: scope,ceiling,from,to,author,reason
    #[arg(long, value_name = "CSV")]
    expected: Option<PathBuf>,
}

/// Anything that ends a command early, ready to be shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 2.
    Usage(String),
    /// Whoever read standard output has seen enough (`| head`): exit code 0, without a word.
    Closed,
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(at) = cause {
            let io = at.downcast_ref::<io::Error>();
            if io.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
                return Failure::Closed;
            }
            cause = at.source();
        }
        Failure::Failed(error.to_string())
    }
}

impl Cli {
    /// Runs the command and says how it went.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Run(args) => run::run(args),
            Command::Demo(args) => demo::demo(args),
            Command::Replay(args) => replay::replay(args),
            Command::Simulate(args) => simulate::simulate(args),
            Command::Evaluate(args) => evaluate::evaluate(args),
            Command::Check(args) => check::check(args),
            Command::Evidence(args) => evidence::evidence(args),
            Command::User(args) => user::user(args),
            Command::Token(args) => token::token(args),
            Command::Audit(args) => audit::audit(args),
            Command::Hook(args) => hook::hook(args),
        };
        let (text, code) = match done {
            Ok(()) | Err(Failure::Closed) => return ExitCode::SUCCESS,
            Err(Failure::Failed(text)) => (text, 1),
            Err(Failure::Usage(text)) => (text, 2),
        };
        eprintln!("vigie: {text}");
        ExitCode::from(code)
    }
}
