//! What `deploy/` promises, tried with the programs it is for: promtool, amtool, a real Prometheus,
//! systemd-analyze. What cannot be run here (Grafana, containers, Vector, Fluent Bit) is parsed.

mod dashboards;
mod rules;
mod samples;
mod scrape;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// A file of `deploy/`.
fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).unwrap_or_else(|e| panic!("deploy/{path}: {e}"))
}

/// Installs what these tests run, once.
fn set_up() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let script = crate::support::tests("setup/prometheus.sh");
        let done = Command::new("sh").arg(&script).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{}: {said}", script.display());
    });
}

/// Runs a program to its end; what it said. Fails with it when the program failed.
#[track_caller]
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    set_up();
    let done = Command::new(program).args(arguments).current_dir(folder).output();
    let done = done.unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(done.status.success(), "{program} {arguments:?}:\n{said}");
    said
}

/// Metric names in an expression: `vigie_…`, without the endings of histograms.
fn metrics_of(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let known = vigie::watch::Metrics::names();
    words
        .filter(|word| word.starts_with("vigie_"))
        .map(|word| {
            let ends = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            ends.filter(|base| known.contains(base)).unwrap_or(word).to_owned()
        })
        .collect()
}

/// Names that no metric of ours has.
fn unknown_metrics(expression: &str) -> Vec<String> {
    let known = vigie::watch::Metrics::names();
    metrics_of(expression).into_iter().filter(|name| !known.contains(&name.as_str())).collect()
}

#[test]
fn unknown_metrics_are_found() {
    let check = |expression: &str, want: &[&str]| {
        assert_eq!(unknown_metrics(expression), want, "{expression}");
    };
    check("sum(vigie_alerts_open{job=\"vigie\"}) > 0", &[]);
    check(
        "rate(vigie_ingest_lag_seconds_bucket[5m]) / vigie_nothing_total",
        &["vigie_nothing_total"],
    );
}
