//! Everything of a running vigie beside its pipeline: console, API, metrics, delivery, blind alerts,
//! retention. It reads the view and the database; the pipeline never waits for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

use super::Failure;
use super::hook::sinks;
use crate::alert::{Alert, Status};
use crate::clock::now_ms;
use crate::config::Config;
use crate::console::{self, AppState, ConsoleSettings, Happened, Outside, pages};
use crate::detect::time::Calendar;
use crate::event::TimestampMs;
use crate::respond::Deliverer;
use crate::store::datadir::DATABASE;
use crate::store::desk::{Desk, Retention, SessionLimits};
use crate::store::sqlite::{Note, Outbox, OutboxState, Reader, SinkRule, Store, StoreError};
use crate::triage::Language;
use crate::watch::blind::{Blind, SinkInput};
use crate::watch::metrics::Metrics;
use crate::watch::{View, Watcher};

/// How long everything may take to stop after the pipeline has.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks for alerts on hold whose time has come.
const WAKE_EVERY: Duration = Duration::from_secs(20);
/// Between two purges.
const PURGE_EVERY: Duration = Duration::from_secs(3_600);
/// Days before alerts count against the budget.
const WARM_UP_DAYS: u64 = 28;
/// Ports tried after the configured one when any will do.
const PORTS_TRIED: u16 = 50;
/// Dead letters and blind alerts shown.
const ROWS_SHOWN: u32 = 100;

/// Where the console listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listen {
    /// As configured, or not at all.
    Configured,
    /// As configured, or on the next port that is free.
    NextFree,
    /// Not at all: a run that ends by itself is over before anybody looks.
    Nowhere,
}

/// The parts beside the pipeline, running.
pub(super) struct Service {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    console: Option<Arc<AppState>>,
    url: Option<String>,
}

impl Service {
    /// Starts them; what `store` commits from now on is owed to the configured sinks. Where one of
    /// them cannot be, none begins: a run that is refused tells nobody of anything.
    ///
    /// # Errors
    /// An address is taken, the console would be open to others without a user, a hook's secret
    /// cannot be read, or the database refuses.
    pub(super) fn start(
        config: &Config,
        store: &mut Store,
        view: &Arc<View>,
        listen: Listen,
    ) -> Result<Service, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("vigie-service")
            .enable_all()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let db = config.store.data.join(DATABASE);
        let public_url = Some(config.console.public_url.as_str()).filter(|url| !url.is_empty());
        let mut service = Service { runtime, stop, tasks: Vec::new(), console: None, url: None };

        let listener = service.listen("console", &config.console.listen, listen)?;
        let apart = match &listener {
            Some(_) => {
                service.listen("metrics", &config.console.metrics_listen, Listen::Configured)?
            }
            None => None,
        };
        service.url = listener.as_ref().and_then(|l| l.local_addr().ok()).map(url_of);
        let link = public_url.map(str::to_owned).or_else(|| service.url.clone());
        let sinks = sinks(config, link.as_deref())?;
        let rules: Vec<SinkRule> = sinks.iter().map(crate::respond::Sink::rule).collect();
        let deliverer = Deliverer::new(&db, sinks)?;
        let facts = Arc::new(Facts::new(config, &db, view)?);
        if let Some(listener) = &listener {
            service.console = Some(console(config, listener, &facts, view)?);
        }
        let watcher = service.watcher(config, view, &db, rules.clone())?;

        store.set_sinks(rules);
        service.begin(deliverer.run(stopped.clone()));
        service.begin(watcher.run(stopped.clone()));
        if let (Some(listener), Some(state)) = (listener, service.console.clone()) {
            service.begin(said(console::serve(listener, state, stopped.clone())));
        }
        if let (Some(apart), Some(state)) = (apart, service.console.clone()) {
            service.begin(said(console::serve_metrics(apart, state, stopped.clone())));
        }
        service.begin(wake(db.clone(), service.console.clone(), stopped.clone()));
        service.begin(purge(db, policy(config), stopped));
        Ok(service)
    }

    fn begin(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(self.runtime.spawn(task));
    }

    /// Where people find the console on this machine.
    pub(super) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Says where the console is, for people.
    pub(super) fn say(&self) {
        if let Some(url) = &self.url {
            let who = match &self.console {
                Some(console) if console.login_required() => "sign in",
                _ => "no login, from this machine only",
            };
            eprintln!("console: {url}/ ({who})");
        }
    }

    /// Who tells open pages of a stored revision.
    pub(super) fn teller(&self) -> impl Fn(&Alert) + Send + use<> {
        let console = self.console.clone();
        move |alert: &Alert| {
            if let Some(console) = &console {
                let opened =
                    alert.revision == 1 && alert.status == Status::Open && !alert.historical;
                let (id, revision) = (alert.id.clone(), alert.revision);
                console.live().tell(&Happened::Alert { id, revision, opened });
            }
        }
    }

    /// Stops all of them, within ten seconds.
    pub(super) fn stop(self) {
        let Service { runtime, stop, tasks, .. } = self;
        stop.send_replace(true);
        let all = async {
            for task in tasks {
                if task.await.is_err() {
                    tracing::error!("a part of the service broke off");
                }
            }
        };
        if runtime.block_on(async { tokio::time::timeout(STOP_WITHIN, all).await }).is_err() {
            tracing::warn!(
                "not everything stopped in time; what is owed is sent at the next start"
            );
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
    }

    fn listen(
        &self,
        what: &'static str,
        address: &str,
        how: Listen,
    ) -> Result<Option<TcpListener>, Failure> {
        if address.is_empty() || how == Listen::Nowhere {
            return Ok(None);
        }
        let wanted: SocketAddr =
            address.parse().map_err(|_| Failure::Failed(format!("{address}: no address")))?;
        let tried = match how {
            Listen::Configured | Listen::Nowhere => 0,
            Listen::NextFree => PORTS_TRIED,
        };
        let mut last = None;
        for port in wanted.port()..=wanted.port().saturating_add(tried) {
            let address = SocketAddr::new(wanted.ip(), port);
            match self.runtime.block_on(TcpListener::bind(address)) {
                Ok(listener) => return Ok(Some(listener)),
                Err(error) => last = Some(error),
            }
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        let instead = match what {
            "console" => {
                "choose another address with --listen or [console] listen, or --listen none"
            }
            _ => "choose another address with [console] metrics_listen, or none",
        };
        Err(Failure::Failed(format!("the {what} cannot listen on {wanted}: {why}; {instead}")))
    }

    fn watcher(
        &self,
        config: &Config,
        view: &Arc<View>,
        db: &Path,
        rules: Vec<SinkRule>,
    ) -> Result<Watcher, Failure> {
        let calendar = Calendar::new(&config.detection.zone).map_err(Failure::Failed)?;
        let outbox = Mutex::new(Outbox::open(db)?);
        let counting = Mutex::new(Outbox::open(db)?);
        let sinks = Box::new(move || sink_inputs(&counting));
        let console = self.console.clone();
        let told = Box::new(move |note: &crate::watch::watcher::Note| {
            if let Some(console) = &console {
                console.live().tell(&Happened::Blind);
            }
            let body = serde_json::json!({
                "kind": note.kind, "subject": note.subject, "severity": note.severity,
                "since": crate::triage::rfc3339(note.since),
                "until": note.until.map(crate::triage::rfc3339),
                "text": note.sentences[0],
            });
            let body = body.to_string();
            let note =
                Note { kind: "vigie.blind", id: &note.id, revision: note.revision, body: &body };
            let mut outbox = outbox.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = outbox.enqueue_note(&rules, &note, now_ms()) {
                tracing::error!(%error, "a blind alert cannot be owed to the hooks");
            }
        });
        let folder = config.store.data.clone();
        let thresholds = config.blind.clone();
        Ok(Watcher::new(Arc::clone(view), thresholds, calendar, folder, sinks, told)?)
    }
}

/// What the console is made of.
fn console(
    config: &Config,
    listener: &TcpListener,
    facts: &Arc<Facts>,
    view: &Arc<View>,
) -> Result<Arc<AppState>, Failure> {
    let settings = settings(config, listener.local_addr()?)?;
    let outside: Arc<dyn Outside> = facts.clone();
    let state = AppState::new(facts.db.clone(), Arc::clone(view), outside, settings);
    Ok(Arc::new(state.map_err(|error| Failure::Failed(error.to_string()))?))
}

/// Logs what ends a server before it is told to stop.
async fn said(serving: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = serving.await {
        tracing::error!(%error, "the console stopped");
    }
}

/// A URL to click on: every address includes this machine's own.
fn url_of(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

fn settings(config: &Config, listen: SocketAddr) -> Result<ConsoleSettings, Failure> {
    let console = &config.console;
    let zone = &config.detection.zone;
    Ok(ConsoleSettings {
        listen,
        public_url: Some(console.public_url.clone()).filter(|url| !url.is_empty()),
        limits: SessionLimits {
            idle_ms: i64::from(console.session_idle_minutes) * 60_000,
            absolute_ms: i64::from(console.session_hours) * 3_600_000,
        },
        trusted_proxies: console.trusted_proxies.iter().filter_map(|p| p.parse().ok()).collect(),
        language: match console.language.as_str() {
            "en" => Some(Language::English),
            "fr" => Some(Language::French),
            _ => None,
        },
        metrics_open: console.metrics_open,
        zone: jiff::tz::TimeZone::get(zone)
            .map_err(|error| Failure::Failed(format!("zone {zone}: {error}")))?,
    })
}

fn policy(config: &Config) -> Retention {
    let days = config.retention;
    Retention {
        alert_days: days.alert_days,
        false_positive_days: days.false_positive_days,
        audit_more_days: days.audit_more_days,
        account_days: days.account_days,
    }
}

/// Brings alerts back whose time on hold is over.
async fn wake(db: PathBuf, console: Option<Arc<AppState>>, mut stopped: watch::Receiver<bool>) {
    while !waited(WAKE_EVERY, &mut stopped).await {
        let db = db.clone();
        let woken = spawn_blocking(move || Desk::open(&db)?.wake_due(now_ms())).await;
        match woken {
            Ok(Ok(ids)) => {
                for id in ids {
                    if let Some(console) = &console {
                        console.live().tell(&Happened::Triage { id, version: 0 });
                    }
                }
            }
            Ok(Err(error)) => tracing::error!(%error, "alerts on hold cannot be looked at"),
            Err(error) => tracing::error!(%error, "looking at alerts on hold broke off"),
        }
    }
}

/// Removes what is older than it may be, now and every hour.
async fn purge(db: PathBuf, policy: Retention, mut stopped: watch::Receiver<bool>) {
    loop {
        let db = db.clone();
        let purged = spawn_blocking(move || Desk::open(&db)?.purge(&policy, now_ms())).await;
        match purged {
            Ok(Ok(purged)) => tracing::debug!(?purged, "what was kept long enough is gone"),
            Ok(Err(error)) => tracing::error!(%error, "what is too old cannot be removed"),
            Err(error) => tracing::error!(%error, "removing what is too old broke off"),
        }
        if waited(PURGE_EVERY, &mut stopped).await {
            return;
        }
    }
}

/// Waits; true when it is time to stop.
async fn waited(long: Duration, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(long) => false,
        _ = stopped.wait_for(|stop| *stop) => true,
    }
}

/// How the receivers stand; nothing while the database is busy.
fn sink_inputs(outbox: &Mutex<Outbox>) -> Vec<SinkInput> {
    let counts = outbox.lock().unwrap_or_else(PoisonError::into_inner).counts();
    let mut inputs: Vec<SinkInput> = Vec::new();
    for count in counts.unwrap_or_default() {
        let at = inputs.iter().position(|input| input.sink == count.sink).unwrap_or_else(|| {
            inputs.push(SinkInput { sink: count.sink.clone(), ..SinkInput::default() });
            inputs.len() - 1
        });
        let input = &mut inputs[at];
        match count.state {
            OutboxState::Pending => {
                input.pending = count.rows;
                input.oldest_pending_at = Some(count.oldest_at);
            }
            OutboxState::Dead => input.dead = count.rows,
            OutboxState::Delivered => input.delivered = count.rows,
            OutboxState::Summarised => {}
        }
    }
    inputs
}

/// What the console shows of parts that it does not know.
struct Facts {
    db: PathBuf,
    view: Arc<View>,
    metrics: Metrics,
    outbox: Mutex<Outbox>,
    budget: [f64; 2],
}

impl Facts {
    fn new(config: &Config, db: &Path, view: &Arc<View>) -> Result<Facts, Failure> {
        let counting = Mutex::new(Outbox::open(db)?);
        let sinks = Box::new(move || sink_inputs(&counting));
        let metrics = Metrics::new(Arc::clone(view), db, sinks)
            .map_err(|error| Failure::Failed(error.to_string()))?;
        Ok(Facts {
            db: db.to_owned(),
            view: Arc::clone(view),
            metrics,
            outbox: Mutex::new(Outbox::open(db)?),
            budget: [
                config.detection.budget_per_1000_account_weeks,
                config.detection.budget_per_week_min,
            ],
        })
    }

    fn outbox(&self) -> std::sync::MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blind(&self, open_only: bool) -> Result<Vec<pages::Blind>, StoreError> {
        let rows = Reader::open(&self.db)?.blind(open_only)?;
        Ok(rows.into_iter().take(ROWS_SHOWN as usize).map(shown).collect())
    }
}

/// A blind alert as the health page shows it.
fn shown(row: crate::store::sqlite::BlindRow) -> pages::Blind {
    let cause = serde_json::from_str(&row.cause).ok();
    let blind = cause.map(|cause| Blind { subject: row.subject.clone(), cause });
    pages::Blind {
        detail: blind.map(|blind| [blind.english(), blind.french()]).unwrap_or_default(),
        kind: row.kind,
        subject: row.subject,
        since: row.since,
        until: row.until,
    }
}

impl Outside for Facts {
    fn metrics(&self, now: TimestampMs) -> String {
        self.metrics.render(now)
    }

    fn ready(&self) -> Result<(), String> {
        if self.view.shards.is_empty() {
            return Err("no source is being read yet".into());
        }
        let trouble = self.view.shards.iter().find_map(|shard| shard.unreachable.clone());
        trouble.map_or(Ok(()), |why| Err(format!("the source cannot be reached: {why}")))
    }

    fn blind_open(&self) -> u64 {
        self.blind(true).map_or(0, |open| open.len() as u64)
    }

    fn health(&self, page: &mut pages::Health) {
        page.blind = self.blind(false).unwrap_or_default();
        page.hooks = sink_inputs(&self.outbox)
            .into_iter()
            .map(|input| pages::Hook {
                name: input.sink,
                pending: input.pending,
                delivered: input.delivered,
                dead: input.dead,
                oldest_pending_at: input.oldest_pending_at,
            })
            .collect();
        let dead = self.outbox().dead(ROWS_SHOWN).unwrap_or_default();
        page.dead = dead
            .into_iter()
            .map(|owed| pages::DeadLetter {
                seq: owed.seq,
                hook: owed.sink,
                id: owed.id,
                revision: owed.revision,
                attempts: owed.attempts,
                error: owed.last_error.unwrap_or_default(),
                at: owed.done_at.unwrap_or(owed.created_at),
            })
            .collect();
        [page.budget.per_1000_account_weeks, page.budget.per_week_min] = self.budget;
        let mut days = 0;
        for shard in &self.view.shards {
            days = days.max(shard.counters.days);
            page.budget.account_weeks += shard.counters.account_weeks_warm;
            page.budget.alerts += shard.tally.warm_alerts;
        }
        page.budget.weeks = days.saturating_sub(WARM_UP_DAYS) as f64 / 7.0;
        page.fill = fill(&self.view);
    }

    fn replay(&self, seq: i64) -> Result<bool, String> {
        self.outbox().replay(seq, now_ms()).map_err(|error| error.to_string())
    }
}

/// Share of events that name a person, since this instance began.
fn fill(view: &View) -> Vec<pages::Fill> {
    use crate::event::Touch;
    let of = |touch: Touch, action: &str| {
        let sum = view.shards.iter().map(|shard| shard.tally.run.of(touch));
        let (events, named) = sum.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        (events > 0).then(|| pages::Fill {
            action: action.to_owned(),
            field: "persons".to_owned(),
            share: named as f64 / events as f64,
            events,
        })
    };
    [of(Touch::Listed, "search, list, export"), of(Touch::Opened, "view, update")]
        .into_iter()
        .flatten()
        .collect()
}
