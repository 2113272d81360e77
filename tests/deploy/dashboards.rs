//! Dashboards of Grafana, which itself cannot be run here: their shape, their queries.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::{run, text_of, unknown_metrics};

/// The shipped dashboards.
pub(super) const DASHBOARDS: [&str; 2] = ["soc-now.json", "engine.json"];

/// A query of a panel, its variables filled in.
pub(super) struct Query {
    /// Of the panel.
    pub(super) title: String,
    pub(super) expression: String,
}

fn dashboard(name: &str) -> Value {
    serde_json::from_str(&text_of(&format!("grafana/dashboards/{name}"))).unwrap()
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().unwrap().iter().collect()
}

/// Every query of a dashboard, `$__rate_interval` as given.
pub(super) fn queries(name: &str, rate_interval: &str) -> Vec<Query> {
    let dashboard = dashboard(name);
    let mut found = Vec::new();
    for panel in panels(&dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let text = target["expr"].as_str().unwrap();
            let mut expression = text.replace("$__rate_interval", rate_interval);
            for name in ["job", "partner", "source"] {
                expression = expression.replace(&format!("${name}"), ".*");
            }
            let title = panel["title"].as_str().unwrap().to_owned();
            found.push(Query { title, expression });
        }
    }
    found
}

/// What is wrong with a dashboard.
fn complaints(board: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ensure = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    ensure(board["schemaVersion"] == 41, "schemaVersion is not 41".into());
    ensure(board["id"].is_null(), "id is set: it belongs to one Grafana".into());
    ensure(board["uid"].as_str().is_some_and(|uid| uid.starts_with("vigie-")), "no uid".into());
    ensure(board["editable"] == false, "editable: provisioned ones are not".into());
    let variables: Vec<&str> = board["templating"]["list"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|v| v["name"].as_str())
        .collect();
    for name in ["datasource", "job", "partner"] {
        ensure(variables.contains(&name), format!("no variable {name}"));
    }
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(board) {
        let title = panel["title"].as_str().unwrap_or("");
        ensure(!title.is_empty(), "a panel without title".into());
        ensure(ids.insert(panel["id"].as_u64()), format!("{title}: its id is taken"));
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(99);
        ensure(at("x") + at("w") <= 24, format!("{title}: wider than the grid"));
        let free = (at("x")..at("x") + at("w"))
            .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            .all(|cell| cells.insert(cell));
        ensure(free, format!("{title}: lies over another panel"));
        if panel["type"] == "row" {
            continue;
        }
        ensure(panel["datasource"]["uid"] == "${datasource}", format!("{title}: data source"));
        ensure(panel["fieldConfig"]["defaults"]["unit"].is_string(), format!("{title}: no unit"));
        let described = panel["description"].as_str().is_some_and(|d| d.ends_with('.'));
        ensure(described, format!("{title}: no description"));
        let targets = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
        ensure(!targets.is_empty(), format!("{title}: asks nothing"));
        for target in targets {
            let expression = target["expr"].as_str().unwrap_or("");
            ensure(
                expression.contains("job=~\"$job\""),
                format!("{title}: does not say which job"),
            );
            for name in unknown_metrics(expression) {
                ensure(false, format!("{title}: no metric is called {name}"));
            }
        }
    }
    wrong
}

#[test]
fn dashboards_are_as_grafana_wants_them() {
    let mut uids = BTreeSet::new();
    for name in DASHBOARDS {
        let board = dashboard(name);
        let wrong = complaints(&board);
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
        assert!(uids.insert(board["uid"].to_string()), "{name}: its uid is taken");
    }
}

#[test]
fn dashboards_can_fail() {
    let mut board = dashboard(DASHBOARDS[0]);
    board["panels"][1]["targets"][0]["expr"] = "sum(vigie_nothing)".into();
    board["panels"][2]["gridPos"]["x"] = 0.into();
    board["panels"][3]["fieldConfig"]["defaults"]["unit"] = Value::Null;
    assert_eq!(complaints(&board).len(), 4, "{:?}", complaints(&board));
}

#[test]
fn every_query_parses() {
    let mut rules = "groups:\n- name: dashboards\n  rules:\n".to_owned();
    let mut count = 0;
    for name in DASHBOARDS {
        for query in queries(name, "1m") {
            let expression = serde_json::to_string(&query.expression).unwrap();
            let _ = writeln!(rules, "  - record: query{count}\n    expr: {expression}");
            count += 1;
        }
    }
    assert!(count > 30, "only {count} queries");
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("queries.yml"), rules).unwrap();
    let said = run("promtool", &["check", "rules", "queries.yml"], temp.path());
    assert!(said.contains(&format!("{count} rules found")), "{said}");
}
