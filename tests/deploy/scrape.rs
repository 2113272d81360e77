//! A real Prometheus scrapes a real vigie, and every panel's query returns data.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use vigie::clock::now_ms;
use vigie::triage::rfc3339;

use super::dashboards::{DASHBOARDS, queries};
use super::set_up;
use crate::support::live::{Live, ask, free_address, theft_at};
use crate::support::wait_for;

/// A process that ends with its test.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What makes a vigie see something of everything: partners, receivers good and dead, no disk.
fn settings(folder: &Path) -> String {
    fs::write(folder.join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let accounts = "account,partner,unit,role\nana,cap-emploi,cap-75,adviser\n\
                    thief,cap-emploi,cap-75,adviser\nother,caf,caf-75,adviser\n";
    fs::write(folder.join("accounts.csv"), accounts).unwrap();
    let mut text = "[reference]\naccounts = \"accounts.csv\"\n\
                    [blind]\ndisk_free_mb = 100000000\nopen_after_seconds = 1\n"
        .to_owned();
    for (name, port) in [("soc", receiver()), ("nobody", free_address().port())] {
        let _ = writeln!(
            text,
            "[[hook]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}/\"\n\
             secret_files = [\"secret\"]\nseverity_min = \"info\""
        );
    }
    text
}

/// Thanks for everything, until the process ends.
fn receiver() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut some = [0; 65_536];
            let _ = stream.read(&mut some);
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        }
    });
    port
}

/// An adviser at work: two files and a search that names nobody, and a line that is none.
fn work() -> String {
    let time = rfc3339(now_ms());
    let line = |action: &str, records: &str| {
        format!(
            "{{\"time\":\"{time}\",\"account\":\"ana\",\"action\":\"{action}\",\"records\":{records}}}\n"
        )
    };
    let lines = [line("view", "\"a\""), line("view", "\"b\""), line("search", "[]")];
    format!("{}{}no event\n", lines.concat(), line("search", "[\"a\",\"b\"]"))
}

/// Asks a Prometheus; `None` while it does not answer.
fn get(address: SocketAddr, path: &str) -> Option<Value> {
    serde_json::from_str(&ask(address, path, None)?.body).ok()
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
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    let free = free_address();
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
    let temp = tempfile::tempdir().unwrap();
    let live = Live::start(temp.path(), &settings(temp.path()));
    let (_running, address) = prometheus(temp.path(), live.address);
    let scraped = |what: &str, expression: &str| {
        wait_for(what, || {
            // Every look sees more work than the one before.
            live.append(&work());
            let ready = get(address, "/api/v1/query?query=1").is_some();
            (ready && results(address, expression) > 0).then_some(())
        });
    };
    scraped("a scrape", "vigie_events_ingested_total{outcome=\"quarantined\"} > 0");
    for (account, closed) in [("thief", 1), ("other", 2)] {
        live.append(&theft_at(account, now_ms() - 1_800_000));
        let id = live.alert_of(account)["alert"]["id"].as_str().unwrap().to_owned();
        live.close(&id, "true_positive_impact");
        // Verdicts are counted from the second one on: a counter that was not there cannot grow.
        let verdicts = format!("sum(vigie_alerts_closed_total) >= {closed}");
        scraped("the verdict", &verdicts);
    }
    scraped("deliveries", "vigie_webhook_deliveries_total{outcome=\"delivered\"} > 0");
    scraped("a blind alert", "sum(vigie_blind) > 0");
    scraped("scrapes", "min(count_over_time(vigie_build_info[1m])) >= 4");
    let missing = || {
        let mut empty = Vec::new();
        for name in DASHBOARDS {
            for query in queries(name, "30s") {
                if results(address, &query.expression) == 0 {
                    empty.push(format!("{name}: {}: {}", query.title, query.expression));
                }
            }
        }
        empty
    };
    let mut empty = missing();
    let since = vigie::clock::Stopwatch::start();
    while !empty.is_empty() && since.elapsed() < std::time::Duration::from_secs(20) {
        live.append(&work());
        empty = missing();
    }
    assert!(empty.is_empty(), "no data:\n{}", empty.join("\n"));
}

#[test]
fn metrics_are_as_prometheus_wants_them() {
    set_up();
    let temp = tempfile::tempdir().unwrap();
    let live = Live::start(temp.path(), &settings(temp.path()));
    live.append(&work());
    live.append(&theft_at("thief", now_ms() - 1_800_000));
    live.alert_of("thief");
    let text = wait_for("a delivery", || {
        let text = live.get("/metrics");
        text.contains("vigie_webhook_deliveries_total{").then_some(text)
    });
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
