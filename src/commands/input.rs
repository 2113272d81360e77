//! Files or standard input, by the words of the command line; and the signal that stops them.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Failure;
use crate::decode::Decoder;
use crate::ingest::{FileOptions, FileSource, Limits, Resume, Source, Stdin, order_by_first_time};

/// What to read and how.
pub(super) struct Input {
    pub(super) paths: Vec<PathBuf>,
    pub(super) follow: bool,
    pub(super) skip_missing: bool,
    pub(super) batch_lines: Option<usize>,
    /// Older logs, read before the others.
    pub(super) before: Vec<PathBuf>,
    /// Say what is read, as this format.
    pub(super) announce: Option<String>,
}

impl Input {
    /// `-`, or nothing at all, is standard input.
    pub(super) fn is_stdin(&self) -> bool {
        self.paths.is_empty() || self.paths == [PathBuf::from("-")]
    }

    /// Nobody knows when it ends.
    pub(super) fn is_endless(&self) -> bool {
        self.follow || self.is_stdin()
    }

    /// A log to name in advice.
    pub(super) fn log(&self) -> String {
        match self.paths.first() {
            Some(path) if !self.is_stdin() => path.display().to_string(),
            _ => "LOG".to_owned(),
        }
    }

    /// What is about to be read, for people.
    fn announce(&self, paths: &[PathBuf], resumed: bool) {
        let Some(format) = &self.announce else { return };
        let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        let what = match names.as_slice() {
            [] if std::io::stdin().is_terminal() => {
                "standard input (Ctrl-D ends it; name a log to read that)".to_owned()
            }
            [] => "standard input".to_owned(),
            [one] => one.clone(),
            [one, two] => format!("{one}, then {two},"),
            [first, .., last] => format!("{} logs, from {first} to {last},", names.len()),
        };
        let from = if resumed { ", from where the last run stopped" } else { "" };
        let on = if self.follow { ", and on as it grows" } else { "" };
        eprintln!("reading {what} as {format}{from}{on}");
    }

    /// The older logs that standard input follows.
    pub(super) fn history(
        &self,
        decoder: &mut Decoder,
        stop: &Arc<AtomicBool>,
    ) -> Result<Option<Box<dyn Source + Send>>, Failure> {
        if self.before.is_empty() {
            return Ok(None);
        }
        let older = Input {
            paths: self.before.clone(),
            follow: false,
            skip_missing: false,
            batch_lines: None,
            announce: self.announce.clone(),
            before: Vec::new(),
        };
        older.open(decoder, None, Arc::clone(stop)).map(Some)
    }

    /// Opens the input; `decoder` dates files so that they are read in order of time.
    pub(super) fn open(
        self,
        decoder: &mut Decoder,
        resume: Option<Resume>,
        stop: Arc<AtomicBool>,
    ) -> Result<Box<dyn Source + Send>, Failure> {
        let mut limits = Limits::default();
        if let Some(lines) = self.batch_lines {
            limits.batch_lines = lines.max(1);
        }
        if self.is_stdin() {
            self.announce(&[], false);
            return Ok(Box::new(Stdin::open(limits, stop)));
        }
        if self.paths.iter().any(|p| p.as_os_str() == "-") {
            return Err(Failure::Usage(
                "standard input (-) cannot be read together with files".into(),
            ));
        }
        let decoder = std::cell::RefCell::new(decoder);
        let time_of = |line: &[u8]| decoder.borrow_mut().decode(line).ok().map(|d| d.event.time);
        let paths =
            order_by_first_time([self.before.clone(), self.paths.clone()].concat(), time_of)?;
        self.announce(&paths, resume.is_some());
        let options = FileOptions {
            paths,
            follow: self.follow,
            poll: Duration::from_millis(200),
            limits,
            skip_missing: self.skip_missing,
            stop,
        };
        Ok(Box::new(FileSource::open(options, resume)?))
    }
}

/// A flag that SIGINT and SIGTERM raise: read no further, keep what is done, leave in order. A
/// second signal leaves at once.
pub(super) fn stop_on_signal() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if raised.swap(true, Ordering::SeqCst) {
                    std::process::exit(1);
                }
            }
        });
    });
    Ok(stop)
}
