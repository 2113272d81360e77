//! Arguments, a command, an exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    vigie::telemetry::start();
    vigie::commands::Cli::parse().run()
}
