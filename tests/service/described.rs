//! The API does what its description says, asked by a program that is not ours.

use std::process::Command;

use vigie::clock::now_ms;

use crate::support::live::{Live, theft_at};
use crate::support::tests;

#[test]
fn whatever_the_description_allows_is_answered_as_it_says() {
    let script = tests("setup/schemathesis.sh");
    let done = Command::new("sh").arg(&script).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{} failed: {said}", script.display());
    let temp = tempfile::tempdir().unwrap();
    let live = Live::start(temp.path(), "");
    live.append(&theft_at("thief", now_ms() - 1_800_000));
    live.alert_of("thief");
    // What a description cannot say is left out: that there is no login here, and cursors.
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,\
                  response_headers_conformance,response_schema_conformance";
    let peer =
        env!("CARGO_MANIFEST_DIR").to_owned() + "/target/peers/schemathesis/bin/schemathesis";
    let done = Command::new(peer)
        .args(["run", &format!("http://{}/openapi.json", live.address)])
        .args([
            "--checks",
            checks,
            "--max-examples",
            "20",
            "--seed",
            "1",
            "--request-timeout",
            "10",
        ])
        .current_dir(temp.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
