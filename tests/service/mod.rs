//! The commands as people and other programs use them.

mod beside;
mod check;
mod commands;
mod described;
mod desk;
mod follow;
mod promise;
mod reference;
mod stdin;

use std::fmt::Write;

/// Minutes after which a theft of [`theft`] is over.
const MINUTES: u32 = 30;

/// An account reads 600 persons in half an hour, from 2024-02-`day` `hour`:00 UTC on.
fn theft(account: &str, day: u32, hour: u32) -> String {
    let mut log = String::new();
    for minute in 0..MINUTES {
        let persons: Vec<String> =
            (0..20).map(|n| format!("\"{account}-{}\"", minute * 20 + n)).collect();
        let records = persons.join(",");
        let _ = writeln!(
            log,
            r#"{{"time":"2024-02-{day:02}T{hour:02}:{minute:02}:00Z","account":"{account}","action":"search","records":[{records}]}}"#,
        );
    }
    log
}

/// An account opens one file.
fn view(account: &str, day: u32, hour: u32) -> String {
    format!(
        "{{\"time\":\"2024-02-{day:02}T{hour:02}:00:00Z\",\"account\":\"{account}\",\"records\":\"p\"}}\n"
    )
}

/// The accounts that alert revisions are about, each once, in order.
fn accounts(lines: &str) -> Vec<String> {
    let mut accounts: Vec<String> = Vec::new();
    for line in lines.lines() {
        let alert: vigie::alert::Alert = serde_json::from_str(line).unwrap();
        if !accounts.contains(&alert.entity.id) {
            accounts.push(alert.entity.id);
        }
    }
    accounts
}
