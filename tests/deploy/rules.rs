//! Rules of Prometheus and routes of Alertmanager.

use super::{deploy, run, text_of, unknown_metrics};

#[test]
fn rules_are_valid_and_fire_when_they_should() {
    let folder = deploy("prometheus");
    let said = run("promtool", &["check", "rules", "vigie.rules.yml"], &folder);
    assert!(said.contains("rules found"), "{said}");
    let said = run("promtool", &["test", "rules", "vigie.rules.test.yml"], &folder);
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn rules_use_metrics_that_exist() {
    let unknown = unknown_metrics(&text_of("prometheus/vigie.rules.yml"));
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_rule_is_tested_and_explained() {
    let (rules, tests) =
        (text_of("prometheus/vigie.rules.yml"), text_of("prometheus/vigie.rules.test.yml"));
    let runbook = text_of("RUNBOOK.md");
    let alerts: Vec<&str> =
        rules.lines().filter_map(|l| l.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 8, "{alerts:?}");
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}")), "{alert} has no test");
        assert!(runbook.contains(&format!("### {alert}\n")), "{alert} is not in RUNBOOK.md");
    }
    for kind in vigie::watch::blind::KINDS {
        assert!(runbook.contains(&format!("### {kind}\n")), "{kind} is not in RUNBOOK.md");
    }
}

#[test]
fn prometheus_and_alertmanager_take_their_samples() {
    let folder = deploy("prometheus");
    run("promtool", &["check", "config", "prometheus.yml"], &folder);
    run("amtool", &["check-config", "alertmanager.yml"], &folder);
}
