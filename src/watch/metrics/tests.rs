use std::collections::BTreeSet;

use super::*;
use crate::alert::Alert;
use crate::store::datadir::{DataDir, Purpose};
use crate::store::sqlite::{Commit, Store};
use crate::watch::AccountCard;

struct World {
    metrics: Metrics,
    view: Arc<View>,
    store: Store,
    db: PathBuf,
    _temp: tempfile::TempDir,
}

fn world() -> World {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
    let store = Store::open(&dir).unwrap();
    let view = Arc::new(View::default());
    let db = dir.file("vigie.db");
    let sinks = || vec![SinkInput { sink: "soc".into(), pending: 2, ..SinkInput::default() }];
    let metrics = Metrics::new(Arc::clone(&view), &db, Box::new(sinks)).unwrap();
    World { metrics, view, store, db, _temp: temp }
}

fn alert(id: &str, revision: u32, account: &str) -> Alert {
    let example = include_str!("../../../tests/store/alert.json");
    let mut alert: Alert = serde_json::from_str(example).unwrap();
    (alert.id, alert.revision, alert.entity.id) = (id.into(), revision, account.into());
    alert
}

impl World {
    fn commit(&mut self, alerts: &[Alert]) {
        let alerts: Vec<_> = alerts.iter().map(|alert| (alert.clone(), 1)).collect();
        let commit = Commit { source: "log", shard: 0, alerts: &alerts, mark: 2, epoch: 1 };
        self.store.commit(&commit).unwrap();
    }

    fn line(&self, now: TimestampMs, series: &str) -> Option<String> {
        let text = self.metrics.render(now);
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
        line.map(str::to_owned)
    }

    #[track_caller]
    fn check(&self, now: TimestampMs, series: &str, want: &str) {
        assert_eq!(self.line(now, series).as_deref(), Some(want), "{series}");
    }
}

/// An hour after the example alert opened.
const NOW: TimestampMs = 1_707_246_720_000;

#[test]
fn alerts_are_counted_once_from_opening_to_verdict() {
    let mut world = world();
    world.check(0, r#"vigie_alerts_open{severity="critical",status="new"}"#, "0");
    world.commit(&[alert("A", 1, "cap1"), alert("A", 2, "cap1")]);
    world.check(NOW, r#"vigie_alerts_open{severity="critical",status="new"}"#, "1");
    world.check(
        NOW,
        r#"vigie_alerts_open_oldest_age_seconds{severity="critical",status="new"}"#,
        "3600",
    );
    world.check(NOW, "vigie_persons_exposed_open", "312");
    world.check(NOW, "vigie_alert_revisions_total", "2");
    let opened = r#"vigie_alerts_opened_total{partner="cap-emploi",severity="critical"}"#;
    world.check(NOW, opened, "1");
    let signals = r#"vigie_signals_total{partner="cap-emploi",rule="mass-extraction.volume"}"#;
    world.check(NOW, signals, "1");
    world.check(NOW, r#"vigie_time_to_detect_seconds_sum{severity="critical"}"#, "3120");
    world.check(NOW, r#"vigie_outbox_pending_items{queue="soc"}"#, "2");
    world.commit(&[alert("A", 2, "cap1")]);
    let people = rusqlite_change(&world.db, NOW - 600_000);
    world.check(NOW + 1_000, r#"vigie_alerts_open{severity="critical",status="new"}"#, "1");
    let later = NOW + CACHED_MS;
    world.check(later, r#"vigie_alerts_open{severity="critical",status="new"}"#, "0");
    world.check(later, r#"vigie_alerts_open{severity="critical",status="in_progress"}"#, "1");
    world.check(later, r#"vigie_time_to_ack_seconds_sum{severity="critical"}"#, "3000");
    world.check(later, opened, "1");
    assert_eq!(people, 1);
}

/// Somebody takes every new alert, as the desk does.
fn rusqlite_change(db: &Path, at: TimestampMs) -> usize {
    crate::store::sqlite::take_all_for_test(db, at)
}

#[test]
fn no_account_person_or_address_makes_a_series() {
    let mut world = world();
    let count = |world: &World, now| {
        let text = world.metrics.render(now);
        text.lines().filter(|line| !line.starts_with('#')).count()
    };
    let mut seen = Vec::new();
    for round in 0..2_u64 {
        for n in round * 5_000..(round + 1) * 5_000 {
            let card = AccountCard {
                partner: Some(format!("partner-{}", n % 60)),
                ..AccountCard::default()
            };
            world.view.put_account(&format!("account-{n}"), card);
            if n % 500 == 0 {
                let mut alert =
                    alert(&format!("ID{n}"), 1, &format!("10.0.{}.{}", n / 256, n % 256));
                alert.partner = Some("partner-1".into());
                world.commit(&[alert]);
            }
        }
        world.view.shards.insert(("topic".into(), 0), ShardState::default());
        seen.push(count(&world, NOW + round as i64 * CACHED_MS));
    }
    assert_eq!(seen[0], seen[1], "5,000 accounts and addresses more");
    let text = world.metrics.render(NOW);
    assert!(!text.contains("account-") && !text.contains("10.0."), "names of accounts");
    let label = r#"vigie_accounts_tracked{partner="other"}"#;
    assert!(world.line(NOW, label).unwrap().parse::<u32>().unwrap() > 1_000, "beyond 50 partners");
}

#[test]
fn labels_are_of_a_closed_list() {
    let mut world = world();
    world.view.shards.insert(("topic".into(), 3), ShardState::default());
    world.commit(&[alert("A", 1, "cap1")]);
    let text = world.metrics.render(NOW);
    let mut labels = BTreeSet::new();
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let known = |name: &&str| Metrics::names().contains(name);
        names.insert(base.filter(known).unwrap_or(name).to_owned());
        let inside = rest.split_once('}').map_or("", |(inside, _)| inside);
        labels.extend(
            inside.split("\",").filter_map(|l| l.split_once('=')).map(|(l, _)| l.to_owned()),
        );
    }
    let allowed = [
        "by", "endpoint", "kind", "le", "name", "named", "outcome", "partner", "queue", "reason",
        "rule", "severity", "source", "status", "touch", "verdict", "version",
    ];
    let beyond: Vec<_> = labels.iter().filter(|l| !allowed.contains(&l.as_str())).collect();
    assert!(beyond.is_empty(), "{beyond:?}");
    let unknown: Vec<_> =
        names.iter().filter(|name| !Metrics::names().contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_log_cannot_fill_the_monitoring() {
    let mut bounded = Bounded::new(2);
    let seen = ["a", "b", "c", "a"].map(|value| bounded.label(value));
    assert_eq!(seen, ["a", "b", "other", "a"]);
    assert_eq!(Bounded::new(9).label(&"x".repeat(65)), "other");
}

#[test]
fn threads_may_share_metrics() {
    fn shared<T: Send + Sync>() {}
    shared::<Metrics>();
}

#[test]
fn what_was_raised_stands_beside_what_was_allowed() {
    use crate::store::sqlite::{Promise, Share, ShareOf};
    let mut world = world();
    let example = alert("A", 1, "cap1");
    let rule = example.signals[0].rule.clone();
    let of = |of, name: &str, alerts| Share { of, name: name.into(), account_weeks: 40, alerts };
    let mut shares = vec![
        of(ShareOf::Rule, &rule, 0.25),
        of(ShareOf::Partner, "cap-emploi", 0.5),
        of(ShareOf::Role, "cap-adviser", 0.5),
    ];
    // More names than a monitoring should hold, whatever the log says.
    shares.extend((0..200).map(|n| of(ShareOf::Partner, &format!("partner-{n}"), 0.01)));
    let promise = Promise {
        day: 19_759,
        starts_at: "2024-02-05T23:00:00.000Z".into(),
        ends_at: "2024-02-06T23:00:00.000Z".into(),
        epoch: 100,
        account_weeks: 40,
        shares,
    };
    world.store.put_promise("log", 0, &promise).unwrap();
    world.commit(&[example]);
    let (by_rule, by_partner) = (
        format!("{{by=\"rule\",name=\"{rule}\"}}"),
        "{by=\"partner\",name=\"cap-emploi\"}".to_owned(),
    );
    world.check(NOW, &format!("vigie_budget_alerts_allowed{by_rule}"), "0.25");
    world.check(NOW, &format!("vigie_budget_alerts_raised{by_rule}"), "1");
    world.check(NOW, &format!("vigie_budget_over{by_rule}"), "0");
    world.check(NOW, &format!("vigie_budget_alerts_raised{by_partner}"), "1");
    world.check(NOW, "vigie_budget_window_seconds", "86400");
    let more: Vec<Alert> = (0..5).map(|n| alert(&format!("B{n}"), 1, &format!("c{n}"))).collect();
    world.commit(&more);
    // Once a minute is often enough for what changes once a day.
    world.check(NOW + CACHED_MS, &format!("vigie_budget_over{by_rule}"), "0");
    world.check(NOW + BUDGET_MS, &format!("vigie_budget_over{by_rule}"), "1");
    world.check(NOW + BUDGET_MS, &format!("vigie_budget_over{by_partner}"), "1");
    let text = world.metrics.render(NOW + BUDGET_MS);
    let series = text.lines().filter(|line| line.starts_with("vigie_budget_over{")).count();
    assert!(series <= 2 + PARTNERS_MAX + 1, "{series}");
}
