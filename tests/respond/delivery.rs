//! Every way in which a receiver can misbehave.

use std::fs;
use std::path::Path;
use std::time::Duration;

use vigie::alert::Status;
use vigie::clock::Stopwatch;
use vigie::respond::hook::Hook;
use vigie::respond::outbox::OutboxState::{Delivered, Pending};
use vigie::respond::sign::Secret;

use super::peer::{
    OTHER, Receiver, SECRET, alert, deliver, outbox, owed, peer, rows, settings, sink,
};

/// Nothing secret is in any file of the data folder.
fn holds_no_secret(data: &Path) {
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["hunter2", &SECRET[6..], &OTHER[6..]] {
            assert!(!text.contains(secret), "{} holds {secret}", path.display());
        }
    }
}

#[test]
fn revisions_arrive_signed_and_in_order() {
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    let mut hook = settings(&format!("http://127.0.0.1:{}/ok", receiver.port));
    // The receiver knows only the second secret: it is being changed.
    hook.secrets.insert(0, Secret::parse(OTHER).unwrap());
    let mut last = alert("A", 3);
    last.status = Status::Ended;
    let alerts = [alert("A", 1), alert("B", 1), alert("A", 2), last];
    let data = temp.path().join("data");
    owed(&data, vec![Hook::new(hook.clone()).unwrap().rule()], &alerts);
    deliver(&data, vec![sink(hook)], || rows(&data, "ok", Delivered) == 4);

    let received = receiver.received();
    assert!(received.iter().all(|r| r["verified"] == true), "{received:#?}");
    let of_a: Vec<_> = received.iter().filter(|r| r["body"]["data"]["id"] == "A").collect();
    let ids: Vec<_> = of_a.iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["A.1", "A.2", "A.3"]);
    let types: Vec<_> = of_a.iter().map(|r| r["body"]["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["alert.opened", "alert.updated", "alert.ended"]);
}

#[test]
fn trouble_is_bounded_said_and_keeps_to_its_own_sink() {
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    let secure = temp.path().join("secure");
    fs::create_dir(&secure).unwrap();
    let secure = Receiver::start(&secure, true);
    let at = |path: &str| {
        settings(&format!("http://u:hunter2@127.0.0.1:{}/{path}?t=hunter2", receiver.port))
    };
    let mut stranger = at("ok");
    (stranger.name, stranger.secrets) = ("stranger".into(), vec![Secret::parse(OTHER).unwrap()]);
    let nobody = settings("http://u:hunter2@127.0.0.1:1/nobody?t=hunter2");
    let untrusted = settings(&format!("https://localhost:{}/untrusted", secure.port));
    let mut trusted = settings(&format!("https://localhost:{}/trusted", secure.port));
    trusted.ca = Some(fs::read(peer().join("server.pem")).unwrap());
    let mut wrong_name = settings(&format!("https://127.0.0.1:{}/wrong-name", secure.port));
    wrong_name.ca.clone_from(&trusted.ca);
    let paths = ["hang", "trickle", "redirect", "close", "gone", "down", "ok", "huge"];
    let hooks: Vec<_> = paths
        .map(at)
        .into_iter()
        .chain([stranger, nobody, untrusted, trusted, wrong_name])
        .collect();

    let data = temp.path().join("data");
    let rules = hooks.iter().map(|h| Hook::new(h.clone()).unwrap().rule()).collect();
    owed(&data, rules, &[alert("A", 1)]);
    let since = Stopwatch::start();
    let sinks = hooks.into_iter().map(sink).collect();
    deliver(&data, sinks, || {
        let health = outbox(&data).health().unwrap();
        health.iter().all(|sink| sink.last_ok_at.or(sink.last_error_at).is_some())
    });
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());

    let health = outbox(&data).health().unwrap();
    let check = |name: &str, wanted: Option<&str>| {
        let sink = health.iter().find(|sink| sink.name == name).unwrap();
        let left = rows(&data, name, Pending);
        match wanted {
            None => assert_eq!((sink.last_ok_at.is_some(), left), (true, 0), "{sink:?}"),
            Some(wanted) => {
                let error = sink.last_error.as_deref().unwrap();
                assert!(error.contains(wanted), "{name}: {error}\n  wanted {wanted}");
                assert_eq!(left, 1, "{name}: what failed is still owed");
            }
        }
        assert_eq!(sink.disabled_at.is_some(), name == "gone", "{name}");
    };
    check("ok", None);
    check("huge", None);
    check("trusted", None);
    check("hang", Some("no answer within 1 s"));
    check("trickle", Some("answered 500 Internal Server Error"));
    check("redirect", Some("answered 302 Found: redirects are not followed"));
    check("close", Some("the connection broke"));
    check("gone", Some("answered 410 Gone: switched off"));
    check("down", Some("answered 500 Internal Server Error"));
    check("stranger", Some("answered 401 Unauthorized"));
    check("nobody", Some("cannot connect: "));
    check("untrusted", Some("certificate"));
    check("untrusted", Some("`ca_file` names the authority to trust"));
    check("wrong-name", Some("certificate not valid for name"));
    assert_eq!(receiver.ids("/ok").len(), 2, "one message and a stranger's; no redirect's");
    assert_eq!(secure.ids("/untrusted"), [""; 0]);
    holds_no_secret(&data);
}

#[test]
fn a_receiver_that_recovers_gets_everything() {
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    let at = |path: &str| settings(&format!("http://127.0.0.1:{}/{path}", receiver.port));
    let hooks = ["flaky", "busy"].map(at);
    let data = temp.path().join("data");
    let rules = hooks.iter().map(|h| Hook::new(h.clone()).unwrap().rule()).collect();
    owed(&data, rules, &[alert("A", 1), alert("A", 2)]);
    deliver(&data, hooks.into_iter().map(sink).collect(), || {
        ["flaky", "busy"].iter().all(|name| rows(&data, name, Delivered) == 2)
    });
    assert_eq!(receiver.ids("/flaky"), ["A.1", "A.1", "A.2", "A.2"], "in order, the same id again");
    let times: Vec<f64> = receiver
        .received()
        .iter()
        .filter(|r| r["path"] == "/busy")
        .map(|r| r["at"].as_f64().unwrap())
        .collect();
    assert!(times[1] - times[0] >= 6.9, "Retry-After: 7 was not honoured: {times:?}");
    let stamps: Vec<i64> = receiver
        .received()
        .iter()
        .filter(|r| r["path"] == "/flaky")
        .map(|r| r["timestamp"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(stamps[1] >= stamps[0] + 5, "the timestamp is the attempt's: {stamps:?}");
}

#[test]
fn a_sink_that_is_gone_is_off_until_it_changes() {
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    let at = |path: &str| {
        let mut hook = settings(&format!("http://127.0.0.1:{}/{path}", receiver.port));
        hook.name = "siem".into();
        hook
    };
    let data = temp.path().join("data");
    let off = || outbox(&data).health().unwrap()[0].disabled_at.is_some();
    owed(&data, vec![Hook::new(at("gone")).unwrap().rule()], &[alert("A", 1), alert("B", 1)]);
    deliver(&data, vec![sink(at("gone"))], off);
    let heard = receiver.ids("/gone").len();
    assert!(heard <= 2);
    let since = Stopwatch::start();
    deliver(&data, vec![sink(at("gone"))], || since.elapsed() > Duration::from_secs(1));
    assert_eq!(receiver.ids("/gone").len(), heard, "a restart does not switch it on");
    deliver(&data, vec![sink(at("ok"))], || rows(&data, "siem", Delivered) == 2);
    assert!(!off());
}
