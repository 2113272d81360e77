//! Brokers that go away, verdicts on a live run, and stopping.

use std::time::Duration;

use vigie::alert::Status;

use super::instance::Instance;
use super::load::{ends, history, live, produce, theft};
use crate::support::kafka::{Broker, fresh, shared};
use crate::support::wait_for;

#[test]
fn a_broker_that_is_restarted_is_missed_and_found_again() {
    let (mut broker, topic) = (Broker::start(), fresh("away"));
    broker.create_topic(&topic, 3);
    let (past, now) = (history(7, 3), live(6, 20, 3));
    let (before, after) = now.split_at(now.len() / 2);
    produce(&broker, &topic, &past);
    produce(&broker, &topic, before);
    let temp = tempfile::tempdir().unwrap();
    let more = "[blind]\nunreachable_seconds = 1\nopen_after_seconds = 1\nclose_after_seconds = 1";
    let mut vigie = Instance::new(temp.path(), "away", &broker, &topic, more);
    vigie.start();
    vigie.wait_read(&ends(past.iter().chain(before)));
    assert_eq!(vigie.get("/readyz").0, 200);
    broker.kill();
    let said = wait_for("not to be ready", || {
        let (status, body) = vigie.get("/readyz");
        (status == 503).then_some(body)
    });
    assert!(said.contains("cannot be reached"), "{said}");
    let blind = |vigie: &Instance| vigie.metric("vigie_blind{kind=\"source-unreachable\"}");
    wait_for("to be blind", || (blind(&vigie) == 1.0).then_some(()));
    broker.restart();
    produce(&broker, &topic, after);
    let all = ends(past.iter().chain(&now));
    vigie.wait_read(&all);
    wait_for("to be ready", || (vigie.get("/readyz").0 == 200).then_some(()));
    wait_for("to see again", || (blind(&vigie) == 0.0).then_some(()));
    vigie.stop();
    let mut calm = Instance::new(temp.path(), "calm", &broker, &topic, "group = 'calm'");
    calm.start();
    calm.wait_read(&all);
    calm.stop();
    assert_eq!(vigie.revisions(), calm.revisions());
}

#[test]
fn a_verdict_ends_an_episode_and_survives_a_kill() {
    let (broker, topic) = (shared(), fresh("verdict"));
    broker.create_topic(&topic, 2);
    let past = history(7, 2);
    let first = theft("thief", Duration::from_secs(60), 300, 2);
    produce(broker, &topic, &past);
    produce(broker, &topic, &first);
    let temp = tempfile::tempdir().unwrap();
    let more = format!("group = '{topic}'\ngroup_instance_id = 'one'");
    let mut vigie = Instance::new(temp.path(), "verdict", broker, &topic, &more);
    vigie.start();
    vigie.wait_read(&ends(past.iter().chain(&first)));
    let opened = vigie.wait_revision("the theft", |alert| alert.entity.id == "thief");
    let change = r#"{"action":"close","verdict":"true_positive_impact","comment":"asked him"}"#;
    let triage = vigie.triage(&opened.id, 1, change);
    assert_eq!(triage["state"], "closed");
    let ended =
        |alert: &vigie::alert::Alert| alert.id == opened.id && alert.status == Status::Ended;
    vigie.wait_revision("the end", ended);
    // No snapshot needs to have been taken since.
    vigie.kill();
    let again = theft("thief", Duration::from_secs(600), 300, 2);
    produce(broker, &topic, &again);
    vigie.start();
    let next = vigie.wait_revision("the next", |a| a.entity.id == "thief" && a.id != opened.id);
    assert_eq!(next.follows.as_deref(), Some(opened.id.as_str()));
    vigie.stop();
    let ends = vigie.revisions().into_values().filter(|alert| ended(alert)).count();
    assert_eq!(ends, 1);
}

#[test]
fn stopped_by_a_signal_it_goes_on_without_telling_again() {
    let (broker, topic) = (shared(), fresh("stop"));
    broker.create_topic(&topic, 2);
    let (past, now) = (history(7, 2), live(6, 20, 2));
    let (before, after) = now.split_at(now.len() / 2);
    produce(broker, &topic, &past);
    produce(broker, &topic, before);
    let temp = tempfile::tempdir().unwrap();
    let more = format!("group = '{topic}'\n[alerts_file]\nenabled = true");
    let mut vigie = Instance::new(temp.path(), "stop", broker, &topic, &more);
    vigie.start();
    // In the middle of reading.
    vigie.wait_revision("an alert", |_| true);
    vigie.stop();
    vigie.start();
    vigie.wait_read(&ends(past.iter().chain(before)));
    vigie.stop();
    vigie.start();
    produce(broker, &topic, after);
    vigie.wait_read(&ends(past.iter().chain(&now)));
    vigie.stop();
    let mut calm = Instance::new(temp.path(), "calm", broker, &topic, "group = 'calm-stop'");
    calm.start();
    calm.wait_read(&ends(past.iter().chain(&now)));
    calm.stop();
    let sorted = |runs: Vec<String>| {
        let mut lines: Vec<String> = runs.concat().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let told = sorted(vigie.said());
    assert!(vigie.said().iter().all(|said| !said.is_empty()), "each run had something to tell");
    assert_eq!(told, sorted(calm.said()));
}
