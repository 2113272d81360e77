//! A world in which two stolen accounts read the same unit's people, judged once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use vigie::alert::Alert;
use vigie::simulate::{ScenarioSpec, World, WorldOptions};

use super::KEY;
use crate::support::{stored, vigie};

/// One access of a stolen account, thief's and owner's alike.
pub(super) struct Access {
    pub(super) position: u64,
    pub(super) time: String,
    pub(super) account: String,
    pub(super) persons: Vec<String>,
    /// Session, device, address.
    pub(super) through: [String; 3],
    pub(super) stolen: bool,
}

/// The judged world.
pub(super) struct Staged {
    _temp: tempfile::TempDir,
    pub(super) data: PathBuf,
    /// The log in two files; the theft lies in both.
    pub(super) logs: [PathBuf; 2],
    /// Of the two stolen accounts.
    pub(super) accesses: Vec<Access>,
    /// Distinct persons of the theft, as the world's truth says.
    pub(super) truth: u64,
    /// The alert of each stolen account.
    pub(super) alerts: [Alert; 2],
}

/// Staged once a process.
pub(super) fn staged() -> &'static Staged {
    static STAGED: OnceLock<Staged> = OnceLock::new();
    STAGED.get_or_init(Staged::make)
}

impl Staged {
    fn make() -> Staged {
        let theft = "A1@16:days=1,sweep=other-unit,persons_max=4000,rate=1";
        let world = World::new(WorldOptions {
            seed: 21,
            accounts: 100,
            days: 21,
            lookalikes: 0.0,
            scenarios: vec![ScenarioSpec::parse(theft).unwrap()],
            ..WorldOptions::default()
        })
        .unwrap();
        let campaign = world.truth().campaigns.iter().find(|c| c.id == "A1").unwrap();
        let (log, accesses) = told(&world, &campaign.accounts);
        let stolen: Vec<u64> = accesses.iter().filter(|a| a.stolen).map(|a| a.position).collect();
        let (first, second) = log.split_at(stolen[stolen.len() / 2] as usize);

        let temp = tempfile::tempdir().unwrap();
        let data = temp.path().join("data");
        let logs = ["first.ndjson", "second.ndjson"].map(|name| temp.path().join(name));
        fs::write(&logs[0], first).unwrap();
        fs::write(&logs[1], second).unwrap();
        let accounts = temp.path().join("accounts.csv");
        fs::write(&accounts, world.accounts_csv()).unwrap();
        vigie(["run"])
            .args(&logs)
            .args(["--accounts".as_ref(), accounts.as_os_str()])
            .args(["--data".as_ref(), data.as_os_str()])
            .env("VIGIE_PSEUDONYM_KEY", KEY)
            .run()
            .ok();
        let mut alerts = BTreeMap::new();
        for (_, body) in stored(&data).into_values() {
            let alert: Alert = serde_json::from_str(&body).unwrap();
            if campaign.accounts.contains(&alert.entity.id) {
                let before = alerts.insert(alert.entity.id.clone(), alert);
                assert!(before.is_none(), "one alert an account");
            }
        }
        let alerts: Vec<Alert> = alerts.into_values().collect();
        let alerts = alerts.try_into().expect("an alert for each of the two");
        Staged { _temp: temp, data, logs, accesses, truth: campaign.persons, alerts }
    }

    /// Both ids.
    pub(super) fn ids(&self) -> [&str; 2] {
        [&self.alerts[0].id, &self.alerts[1].id]
    }

    /// Accesses that an alert's exposure counts, by the contract's words.
    pub(super) fn exposing(&self, alert: &Alert) -> impl Iterator<Item = &Access> {
        let (from, to) = (alert.positions[0].from, alert.positions[0].to);
        let (account, since) = (alert.entity.id.clone(), alert.first_event_at.clone());
        self.accesses.iter().filter(move |access| {
            (from..=to).contains(&access.position)
                && access.account == account
                && access.time >= since
        })
    }

    /// Whom an alert exposed.
    pub(super) fn exposed(&self, alert: &Alert) -> BTreeSet<String> {
        self.exposing(alert).flat_map(|access| access.persons.clone()).collect()
    }

    /// Whom the thief read through an account, whatever an alert says.
    pub(super) fn stolen_from(&self, account: &str) -> BTreeSet<String> {
        let thefts = self.accesses.iter().filter(|access| access.stolen);
        thefts.filter(|a| a.account == account).flat_map(|a| a.persons.clone()).collect()
    }
}

/// The log, and what these accounts do in it.
fn told(world: &World, accounts: &[String]) -> (Vec<u8>, Vec<Access>) {
    let (mut log, mut accesses) = (Vec::new(), Vec::new());
    for event in world.events() {
        let position = log.len();
        event.write_json(world, &mut log);
        let line: serde_json::Value = match world.account(event.account) {
            Some(account) if accounts.iter().any(|a| a == account.name()) => {
                serde_json::from_slice(&log[position..]).unwrap()
            }
            _ => continue,
        };
        if line.get("outcome").is_some() {
            continue;
        }
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let persons = match &line["records"] {
            serde_json::Value::Array(many) => many.iter().map(text).collect(),
            serde_json::Value::String(one) => vec![one.clone()],
            _ => Vec::new(),
        };
        accesses.push(Access {
            position: position as u64,
            time: text(&line["time"]),
            account: text(&line["account"]),
            persons,
            through: ["session", "device", "ip"].map(|part| text(&line[part])),
            stolen: event.label > 0,
        });
    }
    (log, accesses)
}
