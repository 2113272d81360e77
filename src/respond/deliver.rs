//! The loops that carry what is owed to its sinks, one a sink: a slow receiver holds up nobody
//! else. They decide nothing: [`super::outbox::next`] does.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::hook::{Attempt, Hook, webhook_id};
use super::ndjson::AlertsFile;
use super::outbox::{Claim, Next, Outbox, Outcome, Owed, next};
use super::schedule::later;
use super::topic::Topic;
use crate::clock::now_ms;
use crate::event::TimestampMs;
use crate::store::sqlite::{SinkRule, StoreError};

/// How often the outbox is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Attempts at a time, a hook.
const PARALLEL: usize = 4;

/// Rows appended to the file, or sent to the topic, at a time.
const BATCH_ROWS: u32 = 500;

/// How long a sink rests when the sink itself or the database has failed.
const REST: Duration = Duration::from_secs(5);

/// How often is looked for summaries, and for room for what waits.
const SUMMARY_EVERY_MS: TimestampMs = 30_000;

/// How long sending may still take after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// Somewhere to send to.
#[derive(Debug)]
pub enum Sink {
    /// A signed POST.
    Hook(Box<Hook>),
    /// `alerts.ndjson`.
    File(AlertsFile),
    /// A Kafka topic.
    Topic(Box<Topic>),
}

impl Sink {
    /// What it wants to be told: for [`crate::store::sqlite::Store::set_sinks`].
    #[must_use]
    pub fn rule(&self) -> SinkRule {
        match self {
            Sink::Hook(hook) => hook.rule(),
            Sink::File(_) => AlertsFile::rule(),
            Sink::Topic(_) => Topic::rule(),
        }
    }

    fn fingerprint(&self) -> String {
        match self {
            Sink::Hook(hook) => hook.fingerprint(),
            Sink::File(_) => "file".into(),
            Sink::Topic(topic) => topic.name().into(),
        }
    }
}

/// Delivers what is owed, for as long as it runs.
#[derive(Debug)]
pub struct Deliverer {
    outbox: Shared,
    sinks: Vec<Sink>,
}

impl Deliverer {
    /// Opens the outbox of the database at `db` beside its writer, and introduces the sinks: one
    /// whose configuration has changed is switched on again.
    ///
    /// # Errors
    /// The database is not there or refuses.
    pub fn new(db: &Path, sinks: Vec<Sink>) -> Result<Deliverer, StoreError> {
        let mut outbox = Outbox::open(db)?;
        for sink in &sinks {
            outbox.introduce(&sink.rule().name, &sink.fingerprint())?;
        }
        Ok(Deliverer { outbox: Shared(Arc::new(Mutex::new(outbox))), sinks })
    }

    /// Delivers until `shutdown` says true or its sender is gone; then attempts on their way may
    /// end, and what is not delivered stays owed.
    pub async fn run(self, shutdown: watch::Receiver<bool>) {
        let mut loops = JoinSet::new();
        for sink in self.sinks {
            let (outbox, stop) = (self.outbox.clone(), Stop(shutdown.clone()));
            match sink {
                Sink::Hook(hook) => loops.spawn(hook_loop(outbox, Arc::new(*hook), stop)),
                Sink::File(file) => loops.spawn(file_loop(outbox, file, stop)),
                Sink::Topic(topic) => loops.spawn(topic_loop(outbox, *topic, stop)),
            };
        }
        while let Some(ended) = loops.join_next().await {
            if let Err(error) = ended {
                tracing::error!("a delivery loop broke off: {error}");
            }
        }
    }
}

/// The word to stop.
struct Stop(watch::Receiver<bool>);

impl Stop {
    fn said(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits for the word, or for so long.
    async fn or(&mut self, wait: Duration) {
        if !self.said() {
            // An elapsed time and a closed channel are both as good as an answer.
            let _ = timeout(wait, self.0.changed()).await;
        }
    }
}

/// The outbox, off the threads that wait for the network.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Outbox>>);

impl Shared {
    /// Works on the outbox; a failure is logged, and `None`.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Outbox) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        let outbox = Arc::clone(&self.0);
        let done = spawn_blocking(move || {
            // SQLite has rolled back whatever a panic interrupted.
            work(&mut outbox.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let problem = match done.await {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!("outbox: {problem}");
        None
    }
}

/// Uniform; jitter needs no more than that.
fn random() -> u32 {
    getrandom::u32().unwrap_or_default()
}

async fn hook_loop(outbox: Shared, hook: Arc<Hook>, mut stop: Stop) {
    let mut flight = Flight { outbox, hook, tasks: JoinSet::new(), ids: HashMap::new(), hold: 0 };
    let mut summary_at = 0;
    while !stop.said() {
        let now = now_ms();
        if now >= summary_at {
            let (name, caps) = (flight.name(), flight.hook.settings().per_day);
            let look = move |outbox: &mut Outbox| {
                outbox.let_go(&name, caps, now)?;
                outbox.summarise(&name, now)
            };
            flight.outbox.with(look).await;
            summary_at = now + SUMMARY_EVERY_MS;
        }
        if now >= flight.hold {
            flight.take_off(now).await;
        }
        tokio::select! {
            () = stop.or(POLL) => {}
            Some(landed) = flight.tasks.join_next_with_id() => flight.land(landed).await,
        }
    }
    // What is due still leaves; a failure puts its row off, so this ends.
    let rest = async {
        loop {
            if now_ms() >= flight.hold {
                flight.take_off(now_ms()).await;
            }
            let Some(landed) = flight.tasks.join_next_with_id().await else { break };
            flight.land(landed).await;
        }
    };
    if timeout(GRACE, rest).await.is_err() {
        tracing::info!("what had no answer when vigie stopped is sent again at the next start");
    }
}

type Landed = Result<(tokio::task::Id, (Owed, Attempt)), tokio::task::JoinError>;

/// Attempts of one hook on their way.
struct Flight {
    outbox: Shared,
    hook: Arc<Hook>,
    tasks: JoinSet<(Owed, Attempt)>,
    /// The alert of each attempt: none has two at a time.
    ids: HashMap<tokio::task::Id, String>,
    /// Nothing leaves before.
    hold: TimestampMs,
}

impl Flight {
    fn name(&self) -> String {
        self.hook.settings().name.clone()
    }

    async fn take_off(&mut self, now: TimestampMs) {
        let rows = PARALLEL.saturating_sub(self.ids.len());
        if rows == 0 {
            return;
        }
        let busy: Vec<String> = self.ids.values().cloned().collect();
        let (sink, per_day) = (self.name(), Some(self.hook.settings().per_day));
        let claimed = self.outbox.with(move |outbox| {
            outbox.claim(&Claim { sink: &sink, busy: &busy, per_day, rows }, now)
        });
        let Some(claimed) = claimed.await else {
            self.hold = later(now, REST);
            return;
        };
        for row in claimed {
            let (hook, id) = (Arc::clone(&self.hook), row.id.clone());
            let task = self.tasks.spawn(async move {
                let attempt = hook.send(&row).await;
                (row, attempt)
            });
            self.ids.insert(task.id(), id);
        }
    }

    async fn land(&mut self, landed: Landed) {
        let (row, attempt) = match landed {
            Ok((task, landed)) => {
                self.ids.remove(&task);
                landed
            }
            Err(error) => {
                self.ids.remove(&error.id());
                tracing::error!("hook {}: an attempt broke off: {error}", self.name());
                self.hold = later(now_ms(), REST);
                return;
            }
        };
        let now = now_ms();
        let next = next(row.attempts, attempt.outcome, random(), now);
        log(&row, &next, now);
        if let Next::Again { hold_until: Some(until), .. } = &next {
            self.hold = self.hold.max(*until);
        }
        if self.outbox.with(move |outbox| record(outbox, &row, next, now)).await.is_none() {
            // It is owed still: without a rest it would go again at once.
            self.hold = later(now, REST);
        }
    }
}

fn record(outbox: &mut Outbox, row: &Owed, next: Next, now: TimestampMs) -> Result<(), StoreError> {
    match next {
        Next::Done => outbox.delivered(&row.sink, &[row.seq], now),
        Next::Again { at, error, .. } => outbox.failed(row, &error, Some(at), now),
        Next::Dead { error } => outbox.failed(row, &error, None, now),
        Next::Off { error } => outbox.disable(row, &error, now),
    }
}

fn log(row: &Owed, next: &Next, now: TimestampMs) {
    let (sink, id) = (&row.sink, webhook_id(row));
    match next {
        Next::Done => tracing::info!("{sink}: {id} delivered"),
        Next::Again { at, error, .. } => {
            let seconds = (at - now) / 1000;
            tracing::warn!("{sink}: {id}: {error}; again in {seconds} s");
        }
        Next::Dead { error } => tracing::error!(
            "{sink}: {id} given up: {error}; `vigie hook replay {}` sends it again",
            row.seq
        ),
        Next::Off { error } => tracing::error!("{sink}: {id}: {error}"),
    }
}

async fn file_loop(outbox: Shared, file: AlertsFile, mut stop: Stop) {
    let file = Arc::new(Mutex::new(file));
    loop {
        // Looked at before the outbox: what was owed before the stop is still written.
        let last = stop.said();
        let file = Arc::clone(&file);
        let now = now_ms();
        let wrote = outbox.with(move |outbox| {
            let rows = outbox.owed_to(AlertsFile::NAME, BATCH_ROWS)?;
            if rows.is_empty() {
                return Ok(Some(0));
            }
            let lines = rows.iter().map(|row| row.body.as_str());
            let appended = file.lock().unwrap_or_else(PoisonError::into_inner).append(lines);
            if let Err(error) = appended {
                let error = error.to_string();
                tracing::error!("{}: {error}; again in {} s", AlertsFile::NAME, REST.as_secs());
                outbox.sink_failed(AlertsFile::NAME, &error, now)?;
                return Ok(None);
            }
            let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
            outbox.delivered(AlertsFile::NAME, &seqs, now).map(|()| Some(seqs.len()))
        });
        match wrote.await.flatten() {
            Some(rows) if rows == BATCH_ROWS as usize => {}
            _ if last => break,
            Some(_) => stop.or(POLL).await,
            None => stop.or(REST).await,
        }
    }
}

async fn topic_loop(outbox: Shared, mut topic: Topic, mut stop: Stop) {
    while !stop.said() {
        let now = now_ms();
        let claimed = outbox.with(move |outbox| {
            let rows = BATCH_ROWS as usize;
            outbox.claim(&Claim { sink: Topic::NAME, busy: &[], per_day: None, rows }, now)
        });
        let rows = match claimed.await {
            None => {
                stop.or(REST).await;
                continue;
            }
            Some(rows) if rows.is_empty() => {
                stop.or(POLL).await;
                continue;
            }
            Some(rows) => rows,
        };
        let Some(outcomes) = send_until(&topic, &rows, &mut stop).await else { return };
        let now = now_ms();
        let settled = outbox.with(move |outbox| settle(outbox, &rows, outcomes, now)).await;
        if settled != Some(true) {
            if let Err(error) = topic.mend() {
                tracing::error!("{}: {error}", Topic::NAME);
            }
            stop.or(REST).await;
        }
    }
    topic.flush(Duration::ZERO);
}

/// Sends a batch; `None` when vigie stops and the brokers say nothing.
async fn send_until(topic: &Topic, rows: &[Owed], stop: &mut Stop) -> Option<Vec<Outcome>> {
    let mut sending = std::pin::pin!(topic.send(rows));
    let stopped = async {
        while !stop.said() {
            stop.or(REST).await;
        }
    };
    tokio::select! {
        outcomes = &mut sending => return Some(outcomes),
        () = stopped => {}
    }
    timeout(GRACE, sending).await.ok()
}

/// Records what became of a batch; whether all of it is settled. A broker that is away costs no
/// message an attempt: nothing is given up for it.
fn settle(
    outbox: &mut Outbox,
    rows: &[Owed],
    outcomes: Vec<Outcome>,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let mut delivered = Vec::new();
    let mut failure = None;
    for (row, outcome) in rows.iter().zip(outcomes) {
        match outcome {
            Outcome::Delivered => delivered.push(row.seq),
            Outcome::Impossible { error } => outbox.failed(row, &error, None, now)?,
            Outcome::Failed { error, .. } | Outcome::Gone { error } => failure = Some(error),
        }
    }
    if !delivered.is_empty() {
        outbox.delivered(Topic::NAME, &delivered, now)?;
    }
    if let Some(error) = &failure {
        tracing::warn!("{}: {error}; again in {} s", Topic::NAME, REST.as_secs());
        outbox.sink_failed(Topic::NAME, error, now)?;
    }
    Ok(failure.is_none())
}
