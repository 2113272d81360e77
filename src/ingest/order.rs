//! Several files are read in the order of their first readable time.

use std::path::{Path, PathBuf};

use crate::ingest::compression::head;
use crate::ingest::lines::{Limits, Split, Splitter};
use crate::ingest::paths::check_paths;
use crate::ingest::{Batch, IngestError};

/// Decompressed bytes of a file that are looked through for a time.
const LOOK_BYTES: usize = 64 << 10;

/// Lines of a file that are looked through for a time.
const LOOK_LINES: usize = 200;

/// Sorts files by the first line among their first 200 lines and 64 KiB that `first_time` can
/// date. Files without one come last; equal ones keep their order.
///
/// # Errors
/// Every path that cannot be read, at once.
pub fn order_by_first_time(
    paths: Vec<PathBuf>,
    first_time: impl Fn(&[u8]) -> Option<i64>,
) -> Result<Vec<PathBuf>, IngestError> {
    check_paths(&paths)?;
    let mut dated = Vec::with_capacity(paths.len());
    for path in paths {
        let time = first_lines(&path)?
            .and_then(|lines| lines.lines.iter().find_map(|line| first_time(lines.text(*line))));
        dated.push((time, path));
    }
    dated.sort_by_key(|(time, _)| (time.is_none(), *time));
    Ok(dated.into_iter().map(|(_, path)| path).collect())
}

/// The complete lines at a file's beginning; a line cut off by the limit is not one of them.
fn first_lines(path: &Path) -> Result<Option<Batch>, IngestError> {
    let bytes = head(path, LOOK_BYTES).map_err(|error| IngestError::Read {
        path: path.display().to_string(),
        position: 0,
        error,
    })?;
    let limits = Limits { batch_lines: LOOK_LINES, batch_bytes: LOOK_BYTES, ..Limits::default() };
    let mut splitter = Splitter::new(limits);
    let mut batch = Batch::default();
    // Reading from memory cannot fail, and the buffer is larger than what is looked through.
    let filled = splitter.fill(&mut bytes.as_slice()).is_ok();
    if filled && splitter.split(&mut batch) == Split::Hungry && bytes.len() < LOOK_BYTES {
        splitter.finish(&mut batch);
    }
    Ok(filled.then_some(batch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_number(line: &[u8]) -> Option<i64> {
        std::str::from_utf8(line).ok()?.strip_prefix("t=")?.parse().ok()
    }

    fn check(files: &[(&str, Vec<u8>)], expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
        for (path, (_, bytes)) in paths.iter().zip(files) {
            std::fs::write(path, bytes).unwrap();
        }
        let ordered = order_by_first_time(paths, first_number).unwrap();
        let names: Vec<_> = ordered.iter().map(|p| p.file_name().unwrap()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn files_are_ordered_by_their_first_dated_line() {
        let packed = zstd::encode_all(b"# head\nt=-5\n".as_slice(), 1).unwrap();
        let long = [vec![b'x'; LOOK_BYTES - 3], b"\nt=1\n".to_vec()].concat();
        check(
            &[
                ("undated", b"hello\n".to_vec()),
                ("late", b"t=30\nt=1\n".to_vec()),
                ("empty", Vec::new()),
                ("early", packed),
                ("same", b"\n\nt=30".to_vec()),
                ("too-far", long),
                ("line-200", [b"#\n".repeat(199), b"t=2\n".to_vec()].concat()),
                ("line-201", [b"#\n".repeat(200), b"t=2\n".to_vec()].concat()),
            ],
            &["early", "line-200", "late", "same", "undated", "empty", "too-far", "line-201"],
        );
    }
}
