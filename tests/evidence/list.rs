//! The list itself: exact, of one alert and of several, whatever became of the log.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use vigie::decode::{PseudonymKey, Pseudonymiser};
use vigie::store::desk::Desk;

use super::staged::staged;
use super::{KEY, evidence, persons, rows};
use crate::support::vigie;

fn pseudonyms(raw: &BTreeSet<String>) -> BTreeSet<String> {
    let pseudonymiser = Pseudonymiser::new(PseudonymKey::parse(KEY).unwrap(), "id");
    raw.iter().map(|raw| format!("{:016x}", pseudonymiser.person(raw).id)).collect()
}

#[test]
fn it_is_exactly_the_truth_for_one_alert_and_for_both() {
    let staged = staged();
    let mut sum = 0;
    for alert in &staged.alerts {
        let run = evidence(&staged.data, &[&alert.id]).run();
        let stderr = run.stderr.clone();
        let listed = persons(&run.ok());
        let exposed = staged.exposed(alert);
        assert!(listed == pseudonyms(&exposed), "{}", alert.entity.id);
        assert!(exposed.is_superset(&staged.stolen_from(&alert.entity.id)), "the whole theft");
        sum += listed.len();

        // Beyond 1,024 persons the alert itself can only estimate.
        let (low, high) = (alert.exposure.low, alert.exposure.high);
        assert!(listed.len() > 1_024 && low < high, "{:?}", alert.exposure);
        assert!((low..=high).contains(&(listed.len() as u64)), "{:?}", alert.exposure);
        assert!(stderr.contains(" persons exactly (the alert says "), "{stderr}");
        assert!(stderr.contains(", between "), "{stderr}");
    }

    let run = evidence(&staged.data, &staged.ids()).run();
    assert!(run.stderr.contains("of them in more than one alert"), "{}", run.stderr);
    let both = run.ok();
    let union = persons(&both);
    assert!(union.len() < sum, "{} of {sum}: persons are shared", union.len());
    let stolen: BTreeSet<String> =
        staged.alerts.iter().flat_map(|a| staged.stolen_from(&a.entity.id)).collect();
    assert_eq!(stolen.len() as u64, staged.truth);
    assert!(union.is_superset(&pseudonyms(&stolen)));
    let shared = rows(&both).iter().filter(|row| row[4].contains(' ')).count();
    assert_eq!(union.len() + shared, sum);
}

#[test]
fn raw_rows_say_who_when_how_often_and_why() {
    let staged = staged();
    let alert = &staged.alerts[0];
    let run = evidence(&staged.data, &[&alert.id]).args(["--raw"]).run();
    assert!(run.stderr.contains("WARNING: this list is personal data"), "{}", run.stderr);
    let csv = run.ok();
    let exposed = staged.exposed(alert);
    assert!(persons(&csv) == exposed, "not those of the log");
    for row in rows(&csv) {
        let mine = || staged.exposing(alert).filter(|access| access.persons.contains(&row[0]));
        let times: Vec<&str> = mine().map(|access| access.time.as_str()).collect();
        assert_eq!(Some(&row[1].as_str()), times.iter().min());
        assert_eq!(Some(&row[2].as_str()), times.iter().max());
        assert_eq!(row[3], times.len().to_string());
        assert_eq!(row[4], alert.id);
        for (kind, cell) in row[5..].iter().enumerate() {
            let through: BTreeSet<&str> = mine().map(|a| a.through[kind].as_str()).collect();
            assert_eq!(cell.split('|').collect::<BTreeSet<_>>(), through);
        }
    }
}

#[test]
fn the_thiefs_persons_are_those_of_the_thiefs_device() {
    let staged = staged();
    for alert in &staged.alerts {
        let thief = alert.read_from.iter().find(|r| r.kind == "device" && r.new == Some(true));
        let thief = thief.expect("a device new to the account");
        let run = evidence(&staged.data, &[&alert.id]).args(["--raw"]).run();
        let stderr = run.stderr.clone();
        let rows = rows(&run.ok());
        let through = |row: &&[String; 8]| row[6].split('|').any(|device| device == thief.id);
        let listed: BTreeSet<String> = rows.iter().filter(through).map(|r| r[0].clone()).collect();
        assert!(listed == staged.stolen_from(&alert.entity.id), "{}", alert.entity.id);
        let sum = format!(" of them through device {}, new to the account", thief.id);
        assert!(stderr.contains(&sum), "{stderr}");
        // The alert's own count is a sample of the same.
        let part = thief.persons as f64 / listed.len() as f64;
        assert!((0.85..1.15).contains(&part), "{part}");
    }
}

#[test]
fn rotated_and_compressed_logs_are_found_by_content() {
    let staged = staged();
    let expected = evidence(&staged.data, &staged.ids()).run().ok();
    let temp = tempfile::tempdir().unwrap();
    let (packed, renamed) = (temp.path().join("access.log.2.gz"), temp.path().join("access.log"));
    let file = fs::File::create(&packed).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gzip.write_all(&fs::read(&staged.logs[0]).unwrap()).unwrap();
    gzip.finish().unwrap();
    fs::copy(&staged.logs[1], &renamed).unwrap();
    // In any order; and a rotated file beside the one that is named.
    for logs in [vec![&renamed, &packed], vec![&renamed]] {
        let found = evidence(&staged.data, &staged.ids()).args(["--log"]).args(logs).run();
        assert_eq!(found.ok(), expected);
    }
}

#[test]
fn a_file_is_private_and_nothing_is_overwritten() {
    let staged = staged();
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("list.csv");
    let write = || evidence(&staged.data, &staged.ids()).args(["--out".as_ref(), out.as_os_str()]);
    let run = write().run();
    assert!(run.stderr.contains("readable by its owner only"), "{}", run.stderr);
    assert_eq!(run.ok(), "");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let list = fs::read_to_string(&out).unwrap();
    assert_eq!(list, evidence(&staged.data, &staged.ids()).run().ok());
    let again = write().run().failed(1);
    assert!(again.contains("exists already, and evidence is not written over it"), "{again}");
    assert_eq!(fs::read_to_string(&out).unwrap(), list);
}

#[test]
fn json_says_the_same() {
    let staged = staged();
    let csv = rows(&evidence(&staged.data, &staged.ids()).run().ok());
    let json = evidence(&staged.data, &staged.ids()).args(["--json"]).run().ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["union"], csv.len());
    assert_eq!(json["raw"], false);
    for (found, alert) in json["alerts"].as_array().unwrap().iter().zip(&staged.alerts) {
        assert_eq!(found["id"], alert.id);
        assert_eq!(found["persons"], staged.exposed(alert).len());
        assert_eq!(found["estimate"]["persons"], alert.exposure.persons);
        let records = staged.exposing(alert).map(|access| access.persons.len()).sum::<usize>();
        assert_eq!(found["records"], records);
    }
    let cell = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    for (person, row) in json["persons"].as_array().unwrap().iter().zip(&csv) {
        let ids: Vec<String> = person["alerts"].as_array().unwrap().iter().map(cell).collect();
        let names = |key: &str| {
            let names = person[key].as_array().unwrap().iter().map(cell);
            names.collect::<Vec<_>>().join("|")
        };
        let read = [
            cell(&person["person"]),
            cell(&person["first_seen"]),
            cell(&person["last_seen"]),
            person["accesses"].to_string(),
            ids.join(" "),
            names("sessions"),
            names("devices"),
            names("ips"),
        ];
        assert_eq!(&read, row);
    }
}

#[test]
fn every_use_is_in_the_audit_trail() {
    let staged = staged();
    let ids = [staged.ids()[1], staged.ids()[0]];
    let listed = persons(&evidence(&staged.data, &ids).args(["--raw"]).run().ok());
    let desk = Desk::open(&staged.data.join("vigie.db")).unwrap();
    let entries = desk.audit_page(None, 100).unwrap();
    // No other test asks for both in this order.
    let entry = entries.iter().find(|entry| entry.subject == ids.join(" ")).unwrap();
    assert_eq!(entry.what, "evidence");
    let user = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    assert_eq!(entry.actor, format!("os:{}", String::from_utf8(user).unwrap().trim()));
    let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
    assert_eq!(detail["raw"], true);
    assert_eq!(detail["persons"], listed.len());
    assert_eq!(detail["alerts"][0]["id"], ids[0]);
    assert_eq!(detail["alerts"][0]["persons"], staged.exposed(&staged.alerts[1]).len());
    let told = listed.iter().any(|person| entry.detail.contains(person.as_str()));
    assert!(!told, "no person in the trail");
    assert_eq!(desk.verify_audit().unwrap().broken_at, None);
}

#[test]
fn it_explains_its_flags() {
    let help = vigie(["evidence", "--help"]).run().ok();
    for flag in ["--log", "--data", "--out", "--raw", "--json", "--pseudonym-key-file", "--format"]
    {
        assert!(help.contains(flag), "{flag}: {help}");
    }
    vigie(["evidence"]).run().failed(2);
}
