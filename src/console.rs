//! 8. What people look at: pages, API and metrics over HTTP.
//!
//! [`routes::ROUTES`] is the one table of what can be asked for and by whom; [`dispatch`] is the one
//! way in. Pages are pure functions in [`pages`]; nothing here decides an alert.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::event::TimestampMs;
use crate::store::desk::{Desk, SessionLimits};
use crate::store::sqlite::StoreError;
use crate::triage::Language;
use crate::watch::View;

mod api;
mod auth;
mod cursor;
mod db;
mod dispatch;
mod guard;
mod handlers;
pub mod headers;
mod listen;
mod live;
mod ops;
pub mod pages;
pub mod problem;
pub mod routes;
mod secret;
mod seen;
mod sse;

pub use api::openapi::document as openapi;
pub use auth::LOCAL;
pub use live::{Happened, Live};

/// How long open requests may take when the console stops; streams end at once.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How the console behaves; made from `[console]`.
#[derive(Clone, Debug)]
pub struct ConsoleSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What people type, `https://vigie.example`.
    pub public_url: Option<String>,
    /// How long a session lasts.
    pub limits: SessionLimits,
    /// Addresses whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Language of whoever has chosen none; `None`: their browser's.
    pub language: Option<Language>,
    /// Metrics without a token.
    pub metrics_open: bool,
    /// Zone in which times are shown.
    pub zone: jiff::tz::TimeZone,
}

/// What the console shows of parts that it does not know. All of it may block.
pub trait Outside: Send + Sync {
    /// Metrics in Prometheus' text format.
    fn metrics(&self, now: TimestampMs) -> String;

    /// Whether the service does its work.
    ///
    /// # Errors
    /// Why it does not, yet or at the moment.
    fn ready(&self) -> Result<(), String>;

    /// Blind alerts that are open.
    fn blind_open(&self) -> u64;

    /// Fills in what the read view does not hold: fill rates, blind alerts, hooks, dead letters,
    /// the budget.
    fn health(&self, page: &mut pages::Health);

    /// Sends a dead letter again; false: there is none of this number.
    ///
    /// # Errors
    /// Why it cannot be sent.
    fn replay(&self, seq: i64) -> Result<bool, String>;
}

/// Why the console does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Others could reach it, and nobody could log in.
    #[error(
        "{0}: people reach the console from other machines, and there is no user yet: make one \
         with `vigie user add NAME --role admin`, or listen on 127.0.0.1 without public_url"
    )]
    NoUser(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system has no random bytes.
    #[error("{0}")]
    Random(String),
}

/// Everything that requests share.
pub struct AppState {
    view: Arc<View>,
    outside: Arc<dyn Outside>,
    settings: ConsoleSettings,
    hosts: guard::Hosts,
    live: Live,
    db: db::Db,
    throttle: auth::Throttle,
    verifier: auth::Verifier,
    seen: seen::Seen,
    key: [u8; 32],
    local_csrf: String,
    streams: Mutex<HashMap<String, usize>>,
    requests: AtomicU64,
    run: String,
}

impl AppState {
    /// Opens the database and decides whether a login is required: on any address that is not this
    /// machine's own, and behind a proxy.
    ///
    /// # Errors
    /// A login is required and there is no user, or the database cannot be opened.
    pub fn new(
        db: PathBuf,
        view: Arc<View>,
        outside: Arc<dyn Outside>,
        settings: ConsoleSettings,
    ) -> Result<AppState, StartError> {
        let desk = Desk::open(&db)?;
        let public = settings.public_url.as_deref().and_then(guard::Hosts::public_of);
        let loopback = settings.listen.ip().to_canonical().is_loopback();
        let proxied = !settings.trusted_proxies.is_empty()
            || public.as_ref().is_some_and(|(_, host)| !guard::is_loopback_name(host));
        let hosts = guard::Hosts { loopback, open: loopback && !proxied, public };
        if !hosts.open && desk.users()?.iter().all(|user| user.disabled) {
            return Err(StartError::NoUser(settings.listen.to_string()));
        }
        let random = |problem: problem::Problem| {
            StartError::Random(problem.cause().unwrap_or_default().to_owned())
        };
        Ok(AppState {
            view,
            outside,
            hosts,
            settings,
            live: Live::new().map_err(random)?,
            db: db::Db::new(db, desk),
            throttle: auth::Throttle::default(),
            verifier: auth::Verifier::default(),
            seen: seen::Seen::default(),
            key: secret::random().map_err(random)?,
            local_csrf: secret::token().map_err(random)?,
            streams: Mutex::default(),
            requests: AtomicU64::new(0),
            run: secret::encode(&secret::random::<6>().map_err(random)?),
        })
    }

    /// Where to tell what happened.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Whether people must log in.
    #[must_use]
    pub fn login_required(&self) -> bool {
        !self.hosts.open
    }

    fn cookies(&self) -> auth::Cookies {
        auth::Cookies { tls: self.tls() }
    }

    fn tls(&self) -> bool {
        self.hosts.public.as_ref().is_some_and(|(scheme, _)| scheme == "https")
    }

    fn session_limits(&self) -> SessionLimits {
        self.settings.limits
    }

    fn key(&self) -> &[u8; 32] {
        &self.key
    }

    fn local_csrf(&self) -> String {
        self.local_csrf.clone()
    }
}

/// Serves pages, API and metrics until `shutdown` says so, and at most 5 s longer.
///
/// # Errors
/// The listener has no address.
pub async fn serve(
    listener: TcpListener,
    state: Arc<AppState>,
    shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    listen::serve(listener, dispatch::router(routes::ROUTES, state, shutdown.clone()), shutdown)
        .await
}

/// Serves metrics, health and readiness alone, for `metrics_listen`.
///
/// # Errors
/// The listener has no address.
pub async fn serve_metrics(
    listener: TcpListener,
    state: Arc<AppState>,
    shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    listen::serve(listener, dispatch::ops_router(state, shutdown.clone()), shutdown).await
}
