//! The ways a log can reach the program.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::case::{Case, cases};
use crate::support::{Program, vigie};

fn replay(case: &Case) -> Program {
    vigie(["replay", "--quiet"]).args(case.directory())
}

#[test]
fn in_batches_of_any_size() {
    for case in cases() {
        for lines in ["1", "7", "10000"] {
            let found = replay(case).args(["--batch", lines]).args([&case.log]).run().ok();
            case.same(&format!("batches of {lines}"), &found);
        }
    }
}

#[test]
fn through_a_pipe() {
    for case in cases() {
        let log = fs::read(&case.log).unwrap();
        case.same("-", &replay(case).args(["-"]).fed(&log).ok());
        case.same("no file named", &replay(case).fed(&log).ok());
    }
}

#[test]
fn compressed() {
    for case in cases() {
        let temp = tempfile::tempdir().unwrap();
        let log = fs::read(&case.log).unwrap();
        let gz = temp.path().join("log.gz");
        let file = fs::File::create(&gz).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&log).unwrap();
        encoder.finish().unwrap();
        // No ending tells what this one is.
        let zst = temp.path().join("log");
        fs::write(&zst, zstd::encode_all(log.as_slice(), 1).unwrap()).unwrap();
        for file in [gz, zst] {
            let found = replay(case).args([&file]).run().ok();
            case.same(&file.display().to_string(), &found);
        }
    }
}

#[test]
fn in_three_files_named_in_the_wrong_order() {
    for case in cases() {
        let temp = tempfile::tempdir().unwrap();
        let [first, second, third] = split(&fs::read(&case.log).unwrap(), temp.path());
        for order in [[&third, &first, &second], [&second, &third, &first]] {
            case.same("three files", &replay(case).args(order).run().ok());
        }
    }
}

/// Writes a log as three files; their names sort against time.
pub(super) fn split(log: &[u8], folder: &Path) -> [PathBuf; 3] {
    let end_of_line = |at: usize| at + log[at..].iter().position(|b| *b == b'\n').unwrap() + 1;
    let (one, two) = (end_of_line(log.len() / 3), end_of_line(log.len() * 2 / 3));
    let parts = [("c", &log[..one]), ("b", &log[one..two]), ("a", &log[two..])];
    parts.map(|(name, bytes)| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    })
}
