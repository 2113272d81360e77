//! `vigie run --kafka` as a process that is started again and again over one data folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use vigie::alert::Alert;
use vigie::clock::Stopwatch;
use vigie::decode::PseudonymKey;
use vigie::store::KeyId;
use vigie::store::snapshot::Snapshots;

use crate::support::kafka::Broker;
use crate::support::{PATIENCE, vigie, wait_for};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// Revisions by alert and number.
pub(super) type Revisions = BTreeMap<(String, u32), Alert>;

/// One instance: its folder, its settings, and its process while it runs.
pub(super) struct Instance {
    folder: PathBuf,
    topic: String,
    args: Vec<String>,
    state: PathBuf,
    child: Option<Child>,
    runs: u32,
}

impl Instance {
    /// An instance with a folder of its own below `place`; `more` are lines of its configuration
    /// from within section `[kafka]` on. `STATE` in them is a folder that all of a place share.
    pub(super) fn new(
        place: &Path,
        name: &str,
        broker: &Broker,
        topic: &str,
        more: &str,
    ) -> Instance {
        let folder = place.join(name);
        fs::create_dir_all(&folder).unwrap();
        let shared = place.join("shared");
        let state = if more.contains("STATE") { shared.clone() } else { folder.join("data/state") };
        let more = more.replace("STATE", shared.to_str().unwrap());
        let config = folder.join("vigie.toml");
        let text = format!("[store]\nsnapshot_seconds = 1\n[kafka]\n{more}\n");
        fs::write(&config, text).unwrap();
        let data = folder.join("data");
        let named = [
            ("--kafka", broker.plain()),
            ("--topic", topic.to_owned()),
            ("--data", data.to_str().unwrap().to_owned()),
            ("--listen", "127.0.0.1:0".to_owned()),
            ("--config", config.to_str().unwrap().to_owned()),
        ];
        let args = named.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
        Instance { folder, topic: topic.to_owned(), args, state, child: None, runs: 0 }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn file(&self, what: &str, run: u32) -> PathBuf {
        self.folder.join(format!("{what}.{run}"))
    }

    /// Starts it and waits until it serves.
    pub(super) fn start(&mut self) {
        self.launch();
        wait_for("the console", || {
            assert!(self.runs(), "it ended: {}", self.errors());
            self.errors().contains("console: http://").then_some(())
        });
    }

    /// Starts it.
    pub(super) fn launch(&mut self) {
        assert!(self.child.is_none());
        self.runs += 1;
        let mut command: Command =
            vigie(["run"]).args(&self.args).env("VIGIE_PSEUDONYM_KEY", KEY).into_command();
        let said = File::create(self.file("said", self.runs)).unwrap();
        let errors = File::create(self.file("errors", self.runs)).unwrap();
        self.child = Some(command.stdout(said).stderr(errors).spawn().unwrap());
    }

    pub(super) fn runs(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// Standard error of this run so far.
    pub(super) fn errors(&self) -> String {
        fs::read_to_string(self.file("errors", self.runs)).unwrap()
    }

    /// Standard output of every run.
    pub(super) fn said(&self) -> Vec<String> {
        let runs = 1..=self.runs;
        runs.map(|run| fs::read_to_string(self.file("said", run)).unwrap()).collect()
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it ended before: {}", self.errors());
    }

    /// Waits for its end; its code and how long that took.
    pub(super) fn ends(&mut self) -> (Option<i32>, Duration) {
        let since = Stopwatch::start();
        let mut child = self.child.take().unwrap();
        let status = wait_for("its end", || child.try_wait().unwrap());
        (status.code(), since.elapsed())
    }

    /// SIGTERM, and a good end within ten seconds.
    pub(super) fn stop(&mut self) {
        self.signal("-TERM");
        let (code, took) = self.ends();
        assert_eq!(code, Some(0), "{}", self.errors());
        assert!(took < Duration::from_secs(10), "it took {took:?} to stop");
    }

    /// Asks the console; status and body.
    pub(super) fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> (u16, String) {
        let errors = self.errors();
        let address = errors.split("console: http://").nth(1).unwrap().split('/').next().unwrap();
        let Ok(mut stream) = TcpStream::connect(address) else { return (0, String::new()) };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
    }

    pub(super) fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, "", "")
    }

    /// The value of a metric whose line begins so; 0 when there is none.
    pub(super) fn metric(&self, begins: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find(|line| line.starts_with(begins));
        line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    /// Changes an alert's triage.
    pub(super) fn triage(&self, id: &str, version: u32, change: &str) -> Value {
        let more = format!("If-Match: \"{version}\"\r\nContent-Type: application/json\r\n");
        let path = format!("/api/v1/alerts/{id}/triage");
        let (status, body) = self.ask("PATCH", &path, &more, change);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// How far a partition's stored state is.
    pub(super) fn position(&self, partition: u32) -> Option<u64> {
        let key = PseudonymKey::parse(KEY).unwrap();
        let snapshots = Snapshots::at(self.state.clone(), KeyId(key.fingerprint()));
        // One that is replaced at this moment is there a moment later.
        snapshots.load_latest(&self.topic, partition).ok()?.map(|loaded| loaded.header.position)
    }

    /// Waits until states have reached these ends.
    pub(super) fn wait_read(&mut self, ends: &[(u32, u64)]) {
        let mut left: Vec<(u32, u64)> = ends.to_vec();
        wait_for("everything to be read", || {
            assert!(self.runs(), "it ended: {}", self.errors());
            left.retain(|(shard, end)| self.position(*shard).is_none_or(|at| at < *end));
            left.is_empty().then_some(())
        });
    }

    /// Every stored revision.
    pub(super) fn revisions(&self) -> Revisions {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let conn = Connection::open_with_flags(self.data().join("vigie.db"), flags).unwrap();
        let mut statement = conn.prepare("SELECT body FROM revision").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let alerts = rows.map(|body| serde_json::from_str::<Alert>(&body.unwrap()).unwrap());
        alerts.map(|alert| ((alert.id.clone(), alert.revision), alert)).collect()
    }

    /// Waits for a revision like this.
    pub(super) fn wait_revision(&self, what: &str, like: impl Fn(&Alert) -> bool) -> Alert {
        wait_for(what, || {
            if !self.data().join("vigie.db").exists() {
                return None;
            }
            self.revisions().into_values().find(|alert| like(alert))
        })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The newest revision of every alert.
pub(super) fn newest(revisions: Revisions) -> BTreeMap<String, Alert> {
    revisions.into_iter().map(|((id, _), alert)| (id, alert)).collect()
}

/// Two runs came to the same alerts.
pub(super) fn assert_same(found: &BTreeMap<String, Alert>, wanted: &BTreeMap<String, Alert>) {
    let other: Vec<&String> = found
        .keys()
        .filter(|id| !wanted.contains_key(*id))
        .chain(wanted.keys().filter(|id| !found.contains_key(*id)))
        .collect();
    assert!(
        other.is_empty(),
        "{} and {} alerts; only in one: {other:?}",
        found.len(),
        wanted.len()
    );
    for (id, alert) in wanted {
        let [found, wanted] = [&found[id], alert].map(|a| serde_json::to_value(a).unwrap());
        let differs = wanted.as_object().unwrap().iter().filter(|(key, v)| found[*key] != **v);
        let differs: Vec<String> =
            differs.map(|(key, v)| format!("{key}: {} instead of {v}", found[key])).collect();
        assert!(differs.is_empty(), "{id}: {differs:#?}");
    }
}
