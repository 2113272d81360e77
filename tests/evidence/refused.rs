//! What evidence cannot say, it says so.

use std::fs;

use super::evidence;
use super::staged::staged;
use crate::support::{stored, vigie};

#[test]
fn a_missing_log_is_named() {
    let staged = staged();
    let log = |at: usize| {
        evidence(&staged.data, &staged.ids()).args(["--log".as_ref(), staged.logs[at].as_os_str()])
    };
    // The other one lies beside it, but its name does not begin alike.
    let missing = log(1).run().failed(1);
    let wanted = format!("cannot read {} again: no log given holds it", staged.logs[0].display());
    assert!(missing.contains(&wanted), "{missing}");
    assert!(!missing.contains(&format!("cannot read {}", staged.logs[1].display())), "{missing}");
    let gone =
        evidence(&staged.data, &staged.ids()).args(["--log", "/nowhere/log"]).run().failed(1);
    assert!(gone.contains("cannot read /nowhere/log: "), "{gone}");
}

#[test]
fn another_key_is_refused_raw_or_not() {
    let staged = staged();
    let other = "ffffffffffffffffffffffffffffffff";
    for flags in [vec![], vec!["--raw"]] {
        let program = evidence(&staged.data, &staged.ids()).args(flags);
        let told = program.env("VIGIE_PSEUDONYM_KEY", other).run().failed(1);
        assert!(told.contains("VIGIE_PSEUDONYM_KEY: this is pseudonym key "), "{told}");
        assert!(told.contains("give the original key"), "{told}");
    }
    // The run had its key from the environment, so the folder has none.
    let none = vigie(["evidence", staged.ids()[0], "--data"]).args([&staged.data]).run().failed(1);
    assert!(none.contains("pseudonym.key: missing"), "{none}");
}

#[test]
fn a_log_that_was_changed_or_is_read_otherwise_is_no_evidence() {
    let staged = staged();
    let otherwise = evidence(&staged.data, &staged.ids()).args(["--format", "ecs"]).run().failed(1);
    assert!(otherwise.contains("holds no event of account "), "{otherwise}");
    let temp = tempfile::tempdir().unwrap();
    let changed = temp.path().join("changed");
    // The beginning is the same, so it is found; a byte more, and nothing stands where it was.
    let mut text = fs::read(&staged.logs[1]).unwrap();
    text.insert(10_000, b' ');
    fs::write(&changed, text).unwrap();
    let told = evidence(&staged.data, &staged.ids())
        .args(["--log".as_ref(), staged.logs[0].as_os_str(), changed.as_os_str()])
        .run()
        .failed(1);
    assert!(told.contains("the log was changed"), "{told}");
}

#[test]
fn sources_that_cannot_be_read_again_say_so() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    let log = fs::read(&staged().logs[0]).unwrap();
    let text = String::from_utf8(log).unwrap();
    let run = || vigie(["run", "--data"]).args([&data]);
    run().fed(text.as_bytes()).ok();
    let id = stored(&data).into_keys().next().unwrap();
    let told = vigie(["evidence", &id, "UNKNOWN", "--data"]).args([&data]).run().failed(1);
    let stdin = format!("alert {id} came from standard input, which cannot be read again");
    assert!(told.contains(&stdin), "{told}");
    assert!(told.contains("there is no alert UNKNOWN in "), "{told}");

    let nothing = temp.path().join("nothing");
    let told = vigie(["evidence", &id, "--data"]).args([&nothing]).run().failed(1);
    assert!(told.contains("no data folder of `vigie run`"), "{told}");
    assert!(!nothing.exists(), "looking makes nothing");
}
