//! The unit is hardened; samples for programs that are not here parse, and fit one another.

use super::{deploy, run, text_of};

#[test]
fn the_unit_is_hardened() {
    let said =
        run("systemd-analyze", &["security", "--offline=true", "vigie.service"], &deploy(""));
    let line = said.lines().rfind(|line| line.contains("Overall exposure level")).unwrap();
    let score: f64 = line
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("no score in {line:?}"));
    assert!(score <= 2.5, "{said}");
}

#[test]
fn yaml_parses() {
    let program = "import sys, yaml\nfor name in sys.argv[1:]:\n    \
                   found = list(yaml.safe_load_all(open(name)))\n    \
                   assert found and found[0], name";
    let names = [
        "compose.yaml",
        "collect/vector.yaml",
        "collect/fluent-bit.yaml",
        "grafana/provisioning/dashboards/vigie.yaml",
        "grafana/provisioning/datasources/vigie.yaml",
        "prometheus/alertmanager.yml",
        "prometheus/prometheus.yml",
    ];
    run("/usr/bin/python3", &[&["-c", program], &names[..]].concat(), &deploy(""));
}

#[test]
fn toml_parses() {
    for name in ["vigie.toml", "compose.vigie.toml"] {
        let read = text_of(name).parse::<toml::Table>();
        assert!(read.is_ok(), "deploy/{name}: {read:?}");
    }
}

#[test]
fn what_the_samples_share_is_the_same() {
    let check = |name: &str, words: &[&str]| {
        let text = text_of(name);
        for word in words {
            assert!(text.contains(word), "deploy/{name}: no {word}");
        }
    };
    check("collect/vector.yaml", &["topic: access-events", "key_field: account"]);
    check("collect/fluent-bit.yaml", &["topics: access-events", "message_key_field: account"]);
    check("compose.yaml", &["--topic=access-events", "compose.vigie.toml", "Containerfile"]);
    check(
        "compose.vigie.toml",
        &["topic = \"access-events\"", "metrics_listen = \"0.0.0.0:9464\""],
    );
    check("prometheus/prometheus.yml", &["vigie:9464", "job_name: vigie", "vigie.rules.yml"]);
    check("grafana/provisioning/dashboards/vigie.yaml", &["/etc/grafana/dashboards/vigie"]);
    // What the collectors produce is what the decoder reads.
    for name in ["collect/vector.yaml", "collect/fluent-bit.yaml"] {
        check(
            name,
            &["time", "account", "partner", "action", "records", "ip", "session", "outcome"],
        );
    }
}
