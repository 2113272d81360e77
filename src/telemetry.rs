//! Log lines for the people who run vigie. Levels say who acts: info = it worked, warn = we coped,
//! error = someone must come.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error, at the levels of `$VIGIE_LOG` (default: warn).
pub fn start() {
    let filter = EnvFilter::try_from_env("VIGIE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A journal or a file is no place for colours.
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .compact()
        .finish();
    // A second start (tests) keeps the first subscriber.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
