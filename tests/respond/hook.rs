//! `vigie hook` as a person meets it.

use std::fs;
use std::path::Path;

use vigie::clock::now_ms;
use vigie::respond::hook::Hook;
use vigie::respond::outbox::OutboxState::{Dead, Delivered};

use super::peer::{OTHER, Receiver, SECRET, alert, deliver, outbox, owed, rows, settings, sink};
use crate::support::{Finished, vigie};

fn hook(folder: &Path, args: &[&str]) -> Finished {
    let finished = vigie(["hook", "--config"]).args([folder.join("vigie.toml")]).args(args).run();
    for said in [&finished.stdout, &finished.stderr] {
        for secret in ["hunter2", &SECRET[6..], &OTHER[6..]] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    finished
}

fn configure(folder: &Path, port: u16) {
    fs::write(folder.join("right"), format!("{SECRET}\n")).unwrap();
    fs::write(folder.join("wrong"), OTHER).unwrap();
    let one = |name: &str, path: &str, secret: &str| {
        format!(
            "[[hook]]\nname = '{name}'\nurl = 'http://u:hunter2@127.0.0.1:{port}/{path}?hunter2'\n\
             secret_files = ['{secret}']\n"
        )
    };
    let hooks = [one("siem", "ok", "right"), one("stranger", "ok", "wrong")].concat();
    fs::write(folder.join("vigie.toml"), format!("{hooks}[store]\ndata = 'data'\n")).unwrap();
}

#[test]
fn a_hook_is_tried_out_with_one_command() {
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    configure(temp.path(), receiver.port);

    let said = hook(temp.path(), &["test", "siem"]).ok();
    assert!(said.contains(r#""type":"webhook.test""#), "{said}");
    assert!(said.contains("answer: 200 in "), "{said}");
    assert!(said.contains("HMAC-SHA256"), "{said}");
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0]["verified"], true);
    assert!(said.contains(received[0]["id"].as_str().unwrap()), "{said}");

    let error = hook(temp.path(), &["test"]).failed(1);
    let shown = format!("hook stranger: http://127.0.0.1:{}/…", receiver.port);
    assert!(error.contains(&format!("{shown}: answered 401 Unauthorized")), "{error}");
    let error = hook(temp.path(), &["test", "sime"]).failed(1);
    assert_eq!(error, "vigie: no hook is called \"sime\"; valid choices: siem, stranger\n");

    fs::write(temp.path().join("wrong"), "hunter2").unwrap();
    let error = hook(temp.path(), &["test", "siem"]).failed(1);
    assert!(error.contains("hook stranger: secret_files: "), "{error}");
    assert!(error.contains("must be `whsec_`"), "{error}");
}

#[test]
fn dead_letters_are_listed_and_sent_again() {
    let temp = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(temp.path(), false);
    configure(temp.path(), receiver.port);
    assert!(hook(temp.path(), &["dead"]).failed(1).contains("there is no database"));
    assert!(hook(temp.path(), &["list"]).ok().contains("  0 pending, 0 delivered"));

    let data = temp.path().join("data");
    let mut siem = settings(&format!("http://127.0.0.1:{}/ok", receiver.port));
    siem.name = "siem".into();
    owed(&data, vec![Hook::new(siem.clone()).unwrap().rule()], &[alert("A", 1), alert("B", 1)]);
    for row in outbox(&data).owed_to("siem", 10).unwrap() {
        outbox(&data).failed(&row, "answered 500 Internal Server Error", None, now_ms()).unwrap();
    }
    let listed = hook(temp.path(), &["list"]).ok();
    assert!(listed.contains("0 pending, 0 delivered, 2 dead, 0 summarised"), "{listed}");
    let dead = hook(temp.path(), &["dead"]).ok();
    assert_eq!(dead.lines().count(), 2, "{dead}");
    assert!(dead.contains("B.1  1 attempts: answered 500 Internal Server Error"), "{dead}");
    let seq = dead.split_whitespace().next().unwrap();

    assert_eq!(hook(temp.path(), &["replay", seq]).ok(), format!("{seq} owed again\n"));
    assert!(hook(temp.path(), &["replay", seq]).failed(1).contains("nothing that was given up"));
    assert!(hook(temp.path(), &["replay", "each"]).failed(2).contains("neither a number"));
    assert_eq!(rows(&data, "siem", Dead), 1);
    assert_eq!(hook(temp.path(), &["replay", "all"]).ok(), "1 owed again, 0 switched on\n");
    deliver(&data, vec![sink(siem)], || rows(&data, "siem", Delivered) == 2);
    assert_eq!(receiver.received().len(), 2);
}
