//! A real Prometheus scrapes our metrics, and every panel's query returns data.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::Value;
use vigie::alert::{Alert, Severity};
use vigie::clock::now_ms;
use vigie::store::datadir::{DataDir, Purpose};
use vigie::store::sqlite::{BlindBook, Commit, NewBlind, Store};
use vigie::watch::blind::SinkInput;
use vigie::watch::{AccountCard, Metrics, ShardState, View};

use super::dashboards::{DASHBOARDS, queries};
use super::set_up;
use crate::support::{tests, wait_for};

/// Panels that have nothing to show before somebody has given a verdict.
const MAY_BE_EMPTY: [&str; 2] = ["Verdicts of 30 days", "Precision by rule, 7 days"];

/// A process that ends with its test.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A vigie that has seen something of everything.
struct World {
    view: Arc<View>,
    metrics: Metrics,
    _store: Store,
    _temp: tempfile::TempDir,
}

fn world() -> World {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
    let mut store = Store::open(&dir).unwrap();
    let view = Arc::new(View::default());
    let sinks = || {
        let sink = "soc".to_owned();
        vec![SinkInput { sink, pending: 1, delivered: 4, ..SinkInput::default() }]
    };
    let db = dir.file("vigie.db");
    let metrics = Metrics::new(Arc::clone(&view), &db, Box::new(sinks)).unwrap();
    let text = std::fs::read_to_string(tests("store/alert.json")).unwrap();
    let alert = Alert { revision: 1, ..serde_json::from_str(&text).unwrap() };
    let alerts = [(alert, 1)];
    store.commit(&Commit { source: "log", shard: 0, alerts: &alerts, mark: 2, epoch: 1 }).unwrap();
    let blind = NewBlind {
        kind: "lag",
        subject: "topic",
        severity: Severity::Medium,
        since: 1,
        cause: "{}",
    };
    BlindBook::open(&db).unwrap().begin(&blind).unwrap();
    let card = AccountCard { partner: Some("cap-emploi".into()), ..AccountCard::default() };
    view.put_account("cap00412", card);
    World { view, metrics, _store: store, _temp: temp }
}

impl World {
    /// The next scrape: five seconds on, with more of everything.
    fn scrape(&self, round: i64) -> String {
        let now = now_ms() + round * 5_000;
        let n = round.unsigned_abs();
        let mut shard = ShardState {
            last_arrival_at: Some(now),
            snapshot_at: Some(now - 20_000),
            lag_records: Some(3),
            accounts: 7,
            accounts_max: 100,
            ..ShardState::default()
        };
        shard.tally.run.events = n * 50;
        shard.tally.run.last_time = now - 900;
        (shard.tally.run.touches, shard.tally.run.named) = ([n * 30, n * 20], [n * 29, n * 18]);
        shard.tally.run.quarantined.insert("not-json", n);
        self.view.shards.insert(("topic".into(), 0), shard);
        self.metrics.render(now)
    }
}

/// Serves `/metrics` until the process ends.
fn serve(world: World) -> (SocketAddr, Arc<AtomicI64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let rounds = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&rounds);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let body = world.scrape(counted.fetch_add(1, Ordering::Relaxed));
            let _ = answer(stream, &body);
        }
    });
    (address, rounds)
}

fn answer(mut stream: TcpStream, body: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0; 1];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        request.push(byte[0]);
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Asks a Prometheus; `None` while it does not answer.
fn get(address: SocketAddr, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
}

/// The results of a query at this moment.
fn results(address: SocketAddr, expression: &str) -> usize {
    let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let answer = get(address, &format!("/api/v1/query?query={encoded}"));
    let answer = answer.unwrap_or_else(|| panic!("no answer to {expression}"));
    assert_eq!(answer["status"], "success", "{expression}: {answer}");
    answer["data"]["result"].as_array().map_or(0, Vec::len)
}

fn prometheus(folder: &Path, target: SocketAddr) -> (Reaped, SocketAddr) {
    set_up();
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: vigie\n  static_configs: \
         [{{targets: [\"{target}\"]}}]\n"
    );
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let started = Command::new("prometheus")
        .arg("--config.file=prometheus.yml")
        .arg("--storage.tsdb.path=data")
        .arg(format!("--web.listen-address={free}"))
        .arg("--log.level=error")
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    (Reaped(started.unwrap_or_else(|e| panic!("prometheus: {e}"))), free)
}

#[test]
fn every_panel_of_a_scraped_vigie_has_data() {
    let world = world();
    let (target, rounds) = serve(world);
    let temp = tempfile::tempdir().unwrap();
    let (_running, address) = prometheus(temp.path(), target);
    wait_for("five scrapes", || (rounds.load(Ordering::Relaxed) >= 5).then_some(()));
    let up = "min(count_over_time(vigie_build_info[1m])) >= 4";
    wait_for("the scrapes to be stored", || {
        let ready = get(address, "/api/v1/query?query=1").is_some();
        (ready && results(address, up) > 0).then_some(())
    });
    let mut empty = Vec::new();
    for name in DASHBOARDS {
        for query in queries(name, "30s") {
            let may = MAY_BE_EMPTY.contains(&query.title.as_str());
            if results(address, &query.expression) == 0 && !may {
                empty.push(format!("{name}: {}: {}", query.title, query.expression));
            }
        }
    }
    assert!(empty.is_empty(), "no data:\n{}", empty.join("\n"));
}

#[test]
fn metrics_are_as_prometheus_wants_them() {
    set_up();
    let text = world().scrape(3);
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success() && said.trim().is_empty(), "{said}\n{text}");
}
