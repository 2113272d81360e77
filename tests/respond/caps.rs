//! The analysts' day: more new alerts than anybody can look at.

use rusqlite::Connection;
use vigie::alert::{Alert, Severity};
use vigie::respond::hook::Hook;
use vigie::respond::outbox::OutboxState::{Delivered, Pending, Summarised};
use vigie::store::sqlite::DailyCaps;

use super::peer::{Receiver, alert, deliver, owed, rows, settings, sink};

fn weighing(id: &str, severity: Severity, confidence: f64) -> Alert {
    let mut alert = alert(id, 1);
    (alert.severity, alert.confidence) = (severity, confidence);
    alert
}

#[test]
fn the_heaviest_arrive_and_the_rest_comes_as_one_summary() {
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    let mut hook = settings(&format!("http://127.0.0.1:{}/ok", receiver.port));
    hook.per_day = DailyCaps { messages: 100, new_alerts: 6 };
    let data = temp.path().join("data");
    let rule = Hook::new(hook.clone()).unwrap().rule();
    let light = [0.52, 0.61, 0.93, 0.74, 0.85, 0.56, 0.67, 0.78];
    let light = (0..).zip(light).map(|(n, c)| weighing(&format!("L{n}"), Severity::High, c));
    let grave = [weighing("sure", Severity::Low, 0.95), weighing("crit", Severity::Critical, 0.5)];
    let alerts: Vec<Alert> = light.chain(grave).collect();
    owed(&data, vec![rule], &alerts);
    deliver(&data, vec![sink(hook.clone())], || rows(&data, "ok", Pending) == 0);

    // Three to six may go by now, as late as it is (UTC); grave ones count and go first.
    let told = receiver.ids("/ok");
    assert!((3..=6).contains(&told.len()), "{told:?}");
    assert!(["sure.1", "crit.1"].iter().all(|id| told.iter().any(|t| t == id)), "{told:?}");
    let mut ordinary: Vec<&str> =
        told.iter().map(String::as_str).filter(|id| id.starts_with('L')).collect();
    let heaviest = ["L2.1", "L4.1", "L7.1", "L3.1"];
    ordinary.sort_by_key(|id| heaviest.iter().position(|h| h == id));
    assert_eq!(ordinary, heaviest[..told.len() - 2], "{told:?}");
    assert_eq!(rows(&data, "ok", Delivered), told.len() as u64);
    let left = alerts.len() - told.len();
    assert_eq!(rows(&data, "ok", Summarised), left as u64, "nothing is lost");

    // The day goes by.
    let yesterday = "UPDATE outbox SET day = day - 1, done_at = done_at - 86400000";
    Connection::open(data.join("vigie.db")).unwrap().execute_batch(yesterday).unwrap();
    let summaries = || {
        let all = receiver.received().into_iter();
        all.filter(|r| r["body"]["type"] == "alert.summary").collect::<Vec<_>>()
    };
    deliver(&data, vec![sink(hook.clone())], || summaries().len() == 1);
    let summary = summaries().remove(0);
    assert_eq!(summary["verified"], true);
    let named = summary["body"]["data"]["alerts"].as_array().unwrap().clone();
    assert_eq!((named.len(), &summary["body"]["data"]["alert_count"]), (left, &left.into()));
    let named: Vec<&str> = named.iter().map(|id| id.as_str().unwrap()).collect();
    assert!(told.iter().all(|id| !named.contains(&&id[..id.len() - 2])), "{named:?} {told:?}");
    assert_eq!(receiver.received().len(), told.len() + 1);
}
