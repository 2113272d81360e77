//! The receiver as a process, and alerts to send to it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use vigie::alert::{Alert, Severity, Status};
use vigie::respond::body::Detail;
use vigie::respond::hook::{Hook, Settings};
use vigie::respond::outbox::{Outbox, OutboxState};
use vigie::respond::sign::Secret;
use vigie::respond::{Deliverer, Sink};
use vigie::store::datadir::{DataDir, Purpose};
use vigie::store::sqlite::{Commit, DailyCaps, SinkRule, Store};

use crate::support::{PATIENCE, tests};

/// What the receiver knows.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// What it does not.
pub(super) const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The folder of the receiver's library and certificate, set up once.
pub(super) fn peer() -> &'static Path {
    static PEER: OnceLock<PathBuf> = OnceLock::new();
    PEER.get_or_init(|| {
        let script = tests("setup/webhooks.sh");
        let done = Command::new("sh").arg(&script).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{} failed: {said}", script.display());
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/webhooks")
    })
}

/// A receiver that runs until it is dropped.
pub(crate) struct Receiver {
    child: Child,
    pub(crate) port: u16,
    log: PathBuf,
}

impl Receiver {
    pub(crate) fn start(folder: &Path, tls: bool) -> Receiver {
        let peer = peer();
        let (log, secret) = (folder.join("received"), folder.join("known-secret"));
        fs::write(&secret, SECRET).unwrap();
        let mut command = Command::new(peer.join("bin/python3"));
        command.arg(tests("respond/receiver.py")).args([&log, &secret]);
        if tls {
            command.args([peer.join("server.pem"), peer.join("server.key")]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Receiver { child, port: line.trim().parse().unwrap(), log }
    }

    /// What it has received, in order.
    pub(crate) fn received(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.log).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Ids it has received at a path, in order.
    pub(crate) fn ids(&self, path: &str) -> Vec<String> {
        let received = self.received();
        let at_path = received.iter().filter(|r| r["path"] == path);
        at_path.map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A hook to this URL, named after its path.
pub(super) fn settings(url: &str) -> Settings {
    let path = url.split('?').next().unwrap();
    Settings {
        name: path.rsplit('/').next().unwrap().into(),
        url: url.into(),
        secrets: vec![Secret::parse(SECRET).unwrap()],
        detail: Detail::Thin,
        severity_min: Severity::Info,
        per_day: DailyCaps { messages: 1_000, new_alerts: 1_000 },
        ca: None,
        allow_http: false,
        timeout: Duration::from_secs(1),
        public_url: None,
    }
}

pub(super) fn sink(settings: Settings) -> Sink {
    Sink::Hook(Box::new(Hook::new(settings).unwrap()))
}

pub(super) fn alert(id: &str, revision: u32) -> Alert {
    let text = fs::read_to_string(tests("store/alert.json")).unwrap();
    let mut alert: Alert = serde_json::from_str(&text).unwrap();
    (alert.id, alert.revision, alert.status) = (id.into(), revision, Status::Open);
    alert
}

/// A live data folder in which these alerts are owed to these sinks.
pub(super) fn owed(data: &Path, sinks: Vec<SinkRule>, alerts: &[Alert]) {
    let dir = DataDir::open(data, Purpose::Live).unwrap();
    let mut store = Store::open(&dir).unwrap();
    store.set_sinks(sinks);
    let alerts: Vec<_> = alerts.iter().map(|alert| (alert.clone(), 0)).collect();
    let commit = Commit { source: "test", shard: 0, alerts: &alerts, mark: 0, epoch: 0 };
    store.commit(&commit).unwrap();
}

pub(crate) fn outbox(data: &Path) -> Outbox {
    Outbox::open(&data.join("vigie.db")).unwrap()
}

/// How many rows of a sink are in a state.
pub(crate) fn rows(data: &Path, sink: &str, state: OutboxState) -> u64 {
    let counts = outbox(data).counts().unwrap();
    counts.iter().filter(|c| c.sink == sink && c.state == state).map(|c| c.rows).sum()
}

/// Delivers until this is so.
pub(super) fn deliver(data: &Path, sinks: Vec<Sink>, until: impl Fn() -> bool) {
    let deliverer = Deliverer::new(&data.join("vigie.db"), sinks).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = runtime.spawn(deliverer.run(stopped));
    runtime.block_on(async {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !until() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let waited = waited.await;
        let _ = stop.send(true);
        let _ = tokio::time::timeout(PATIENCE, running).await.unwrap();
        waited.unwrap();
    });
}
