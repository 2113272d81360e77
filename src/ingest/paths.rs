//! What can be known of files before they are read.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::ingest::compression::{Reader, head};
use crate::ingest::resume::{Found, HEAD_BYTES};
use crate::ingest::{IngestError, PathProblem};

/// Refuses paths that cannot be read, all at once.
pub(super) fn check_paths(paths: &[PathBuf]) -> Result<(), IngestError> {
    if paths.is_empty() {
        return Err(IngestError::NoPaths);
    }
    let problems: Vec<PathProblem> = paths
        .iter()
        .filter_map(|path| {
            let reason = check_path(path).err()?;
            Some(PathProblem { path: path.display().to_string(), reason })
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(IngestError::Unreadable(problems)) }
}

fn check_path(path: &Path) -> Result<(), String> {
    // Asked before opening: opening a pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err("it is a directory; name the files in it".to_owned());
    }
    if !metadata.is_file() {
        return Err("it is not a regular file; pipe it into standard input (-)".to_owned());
    }
    File::open(path).map(drop).map_err(|error| error.to_string())
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> IngestError {
    let path = path.display().to_string();
    IngestError::Unreadable(vec![PathProblem { path, reason: error.to_string() }])
}

pub(super) fn found(path: &Path, head_bytes: usize) -> io::Result<Found> {
    let metadata = std::fs::metadata(path)?;
    let plain = Reader::open(path)?.plain().is_some();
    Ok(Found {
        path: path.to_owned(),
        head: head(path, head_bytes)?,
        plain_length: plain.then_some(metadata.len()),
        inode: metadata.ino(),
        modified: metadata.modified()?,
    })
}

/// Readable files in the same directory whose name begins with this one's; sorted by name.
pub(super) fn siblings_of(path: &Path, given: &[PathBuf]) -> Vec<Found> {
    let Some(name) = path.file_name() else {
        return Vec::new();
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes()))
        .map(|entry| path.with_file_name(entry.file_name()))
        .filter(|sibling| !given.contains(sibling) && check_path(sibling).is_ok())
        .collect();
    paths.sort();
    paths.iter().filter_map(|sibling| found(sibling, HEAD_BYTES).ok()).collect()
}

pub(super) fn stored_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
