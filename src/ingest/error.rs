//! Why a source cannot be read, and what to do about it.

use std::io;

use crate::event::Position;
use crate::ingest::kafka::KafkaError;

/// Why a source cannot be opened or read on.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Whoever decides what was read has stopped, and says why.
    #[error("reading stopped because deciding did")]
    Stopped,
    /// No path was given.
    #[error("no file to read: name at least one, or - for standard input")]
    NoPaths,
    /// Some paths cannot be read; all of them are listed.
    #[error("{}", list(.0))]
    Unreadable(Vec<PathProblem>),
    /// Reading failed in the middle.
    #[error("cannot read {path} on at position {position}: {error}")]
    Read {
        /// Path as given, or `standard input`.
        path: String,
        /// Where reading stopped.
        position: Position,
        /// What the system said.
        error: io::Error,
    },
    /// A compressed file does not grow line by line.
    #[error("cannot follow {path}: it is compressed; list the file that is being written last")]
    FollowCompressed {
        /// Path as given.
        path: String,
    },
    /// The file to follow was read before other files.
    #[error(
        "cannot follow {path}: other files come after it; list first what is to be read first, \
         and add no older files to a source that is being followed"
    )]
    FollowNotLast {
        /// Path as given.
        path: String,
    },
    /// The position to go on from was never reached by this source.
    #[error(
        "position {position} was never reached by this source, which was read up to {end}: the \
         saved state belongs to other files; give those, or use another state directory"
    )]
    NeverReached {
        /// The position asked for.
        position: Position,
        /// Where what was read ends.
        end: Position,
    },
    /// A file that was not read to its end is not among the paths.
    #[error(
        "reading stopped in {path} at byte {offset}, and that file is not among those given{looked}: \
         {} would be lost; name it under its present path, or accept the loss with --skip-missing",
        lost(.bytes)
    )]
    Missing {
        /// Path as it was given then.
        path: String,
        /// Byte of the (decompressed) file from which on it is unread.
        offset: u64,
        /// Unread bytes; `None` when it had not ended yet.
        bytes: Option<u64>,
        /// Where else it was looked for; empty or a clause that begins with a space.
        looked: String,
    },
    /// Files that hold what is to be read again; all that are missing are listed.
    #[error("{}", list_again(.0))]
    NotAgain(Vec<PathProblem>),
    /// What is to be read again is newer than what is known of the source.
    #[error(
        "position {position} is not in the newest snapshot of this source, which knows the log up \
         to position {end}: try again after the next snapshot (store.snapshot_seconds)"
    )]
    Beyond {
        /// The position asked for.
        position: Position,
        /// Where what is known ends.
        end: Position,
    },
    /// A compressed file ends before the place to go on from.
    #[error(
        "cannot go on in {path} at byte {offset}: it ends or is damaged before that; restore the \
         file, or use another state directory to read it from the beginning"
    )]
    Shorter {
        /// Path as given.
        path: String,
        /// Byte of the decompressed file.
        offset: u64,
    },
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// One path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathProblem {
    /// Path as given.
    pub path: String,
    /// Why, and what to do.
    pub reason: String,
}

fn list(problems: &[PathProblem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("cannot read {}: {}", problem.path, problem.reason))
        .collect();
    lines.join("\n")
}

fn list_again(problems: &[PathProblem]) -> String {
    let line = |p: &PathProblem| format!("cannot read {} again: {}", p.path, p.reason);
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn lost(bytes: &Option<u64>) -> String {
    match bytes {
        Some(bytes) => format!("{bytes} bytes"),
        None => "all that was written to it since".to_owned(),
    }
}
