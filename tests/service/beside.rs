//! What runs beside the pipeline: it begins whole or not at all, does what people say, and ends in
//! bounded time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use vigie::clock::{Stopwatch, now_ms};

use super::theft;
use crate::support::live::{Live, theft_at};
use crate::support::{PATIENCE, vigie, wait_for};

/// A receiver of hooks that takes requests and never answers; how many came.
fn silent() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            open.push(stream);
        }
    });
    (port, came)
}

fn hook(folder: &Path, port: u16) -> String {
    let secret = folder.join("secret");
    fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    format!(
        "[[hook]]\nname = \"soc\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret_files = [\"secret\"]\n\
         severity_min = \"info\"\ntimeout_seconds = 60\n"
    )
}

fn half_an_hour_ago() -> i64 {
    now_ms() - 30 * 60_000
}

#[test]
fn it_ends_in_time_whoever_listens_and_whoever_does_not_answer() {
    let temp = tempfile::tempdir().unwrap();
    let (port, came) = silent();
    let live = Live::start(temp.path(), &hook(temp.path(), port));
    let mut stream = TcpStream::connect(live.address).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: {}\r\n\r\n", live.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("retry:")));
    live.append(&theft_at("thief", half_an_hour_ago()));
    wait_for("an attempt", || (came.load(Ordering::SeqCst) > 0).then_some(()));
    let since = Stopwatch::start();
    live.running.terminate();
    live.running.finish().ok();
    let took = since.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert!(lines.all(|line| line.is_ok()), "the stream ends as a stream does");
}

#[test]
fn a_run_that_is_refused_tells_nobody_of_anything() {
    let temp = tempfile::tempdir().unwrap();
    let (port, came) = silent();
    let config = temp.path().join("vigie.toml");
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    let log = temp.path().join("log");
    fs::write(&log, theft("thief", 5, 9)).unwrap();
    let store = format!("[store]\ndata = \"data\"\n{}", hook(temp.path(), port));
    let run = |console: &str| {
        fs::write(&config, format!("{store}[console]\n{console}\n")).unwrap();
        let run = vigie(["run", "--stay", "--listen", "127.0.0.1:0", "--config"]);
        run.args([&config, &log])
    };
    let said = run(&format!("metrics_listen = \"{taken}\"")).run().failed(1);
    let wanted = format!("vigie: the metrics cannot listen on {taken}: Address already in use");
    assert!(said.contains(&wanted), "{said}");
    fs::write(&config, &store).unwrap();
    let console = vigie(["run", "--stay", "--listen", &taken.to_string(), "--config"]);
    let said = console.args([&config, &log]).run().failed(1);
    let wanted = format!("vigie: the console cannot listen on {taken}: Address already in use");
    assert!(said.contains(&wanted) && said.contains("--listen none"), "{said}");
    let console = vigie(["run", "--stay", "--listen", "0.0.0.0:0", "--config"]);
    let said = console.args([&config, &log]).run().failed(1);
    assert!(said.contains("vigie user add"), "{said}");
    assert_eq!(came.load(Ordering::SeqCst), 0);
}

#[test]
fn a_verdict_ends_the_episode_and_its_page_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let live = Live::start(temp.path(), "");
    live.append(&theft_at("thief", half_an_hour_ago()));
    let id = live.alert_of("thief")["alert"]["id"].as_str().unwrap().to_owned();
    live.close(&id, "true_positive_impact");
    wait_for("the end of the episode", || {
        let found: Value =
            serde_json::from_str(&live.get(&format!("/api/v1/alerts/{id}"))).unwrap();
        assert_eq!(found["triage"]["state"], "closed");
        (found["alert"]["status"] == "ended").then_some(())
    });
    let page = live.get(&format!("/alerts/{id}"));
    assert!(page.contains("closed it") && page.contains("ended the episode"), "{page}");
    // What goes on after it is another alert, which names the one before.
    live.append(&theft_at("thief", now_ms()));
    wait_for("the alert that follows", || {
        let alert = &live.alert_of("thief")["alert"];
        (alert["follows"] == id.as_str()).then_some(())
    });
}

#[test]
fn metrics_have_the_same_series_however_many_addresses_there_are() {
    let temp = tempfile::tempdir().unwrap();
    let live = Live::start(temp.path(), "");
    let time = vigie::triage::rfc3339(half_an_hour_ago());
    let lines = |numbers: std::ops::Range<u32>| {
        let mut text = String::new();
        for n in numbers {
            let mixed = n.wrapping_mul(0x9E37_79B9);
            let ip = std::net::Ipv4Addr::from(mixed);
            let account = n % 50;
            let _ = writeln!(
                text,
                r#"{{"time":"{time}","account":"a{account}","partner":"p{}","action":"view","ip":"{ip}","device":"d{mixed}","session":"s{mixed}","records":"one"}}"#,
                n % 5
            );
        }
        text
    };
    let series = |events: u32| -> BTreeSet<String> {
        wait_for("the events", || {
            let text = live.get("/metrics");
            let read = format!(
                "vigie_events_ingested_total{{outcome=\"accepted\",source=\"file\"}} {events}"
            );
            text.contains(&format!("{read}\n")).then(|| {
                let lines = text.lines().filter(|line| !line.starts_with('#'));
                lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
            })
        })
    };
    live.append(&lines(0..100));
    let before = series(100);
    live.append(&lines(100..10_100));
    let after = series(10_100);
    let more: Vec<_> = after.difference(&before).collect();
    assert_eq!((more, after.len()), (Vec::new(), before.len()));
    assert!(after.len() < 500, "{}", after.len());
}
