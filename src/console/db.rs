//! The database from asynchronous code: a few connections, each used by one thread at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::Semaphore;

use super::AppState;
use super::problem::{Code, Problem};
use crate::clock::now_ms;
use crate::store::desk::{Desk, DeskError};
use crate::store::sqlite::{Reader, StoreError};

/// Reading connections, and so requests that read at a time.
const READERS_MAX: usize = 4;

/// Connections to the database.
#[derive(Debug)]
pub(super) struct Db {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Reader>>>,
    room: Semaphore,
    desk: Arc<Mutex<Desk>>,
}

impl Db {
    pub(super) fn new(path: PathBuf, desk: Desk) -> Db {
        let desk = Arc::new(Mutex::new(desk));
        Db { path, idle: Arc::default(), room: Semaphore::new(READERS_MAX), desk }
    }
}

impl AppState {
    /// Reads the database on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let _place = self.db.room.acquire().await.map_err(stopping)?;
        let (idle, path) = (Arc::clone(&self.db.idle), self.db.path.clone());
        blocking(move || {
            let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reader = match known {
                Some(reader) => reader,
                None => Reader::open(&path)?,
            };
            let found = look(&reader);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            found
        })
        .await
    }

    /// Reads and writes people's side of the database on a thread that may block, one at a time.
    pub(super) async fn desk<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&mut Desk) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let desk = Arc::clone(&self.db.desk);
        blocking(move || deed(&mut desk.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// Writes down that somebody looks at something, unless it was within the hour; call it before
    /// they see it.
    pub(super) async fn record_view(
        &self,
        actor: String,
        what: &'static str,
        subject: String,
        detail: Value,
    ) -> Result<(), Problem> {
        let now = now_ms();
        if self.seen.lately(&actor, what, &subject, &detail, now) {
            return Ok(());
        }
        let (by, of, why) = (actor.clone(), subject.clone(), detail.clone());
        self.desk(move |desk| Ok(desk.record(&by, what, &of, &why, now)?)).await?;
        self.seen.note(&actor, what, &subject, &detail, now);
        Ok(())
    }
}

/// Runs on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Problem::internal("a worker", &error.to_string())))
}

fn stopping(_: tokio::sync::AcquireError) -> Problem {
    Problem::new(Code::NotReady, "the console is stopping")
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        Problem::internal("the database", &error.to_string())
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Problem {
        let text = error.to_string();
        match error {
            DeskError::Stale { current } => {
                Problem::new(Code::Stale, text).with("current", super::api::wire::triage(&current))
            }
            DeskError::NotFound => Problem::new(Code::NotFound, text),
            DeskError::Invalid(why) => Problem::new(Code::Invalid, why),
            DeskError::Store(error) => error.into(),
        }
    }
}
