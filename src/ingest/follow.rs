//! What happened to a followed file while nobody looked.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longest sleep without looking whether to stop.
const NAP: Duration = Duration::from_millis(50);

/// The state of a followed file against what was read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The same file, grown or not; or none at the moment.
    Same,
    /// Another file stands at the path.
    Replaced,
    /// It is shorter than what was read, or was rewritten from its beginning.
    Truncated,
}

/// Compares the open file with the path it was opened at. `head` is how it began.
pub(super) fn look(path: &Path, file: &File, offset: u64, head: &[u8]) -> io::Result<Look> {
    let open = file.metadata()?;
    if open.len() < offset {
        return Ok(Look::Truncated);
    }
    // Cut to nothing and grown past `offset` between two looks: only the content tells.
    let mut now = vec![0; head.len()];
    if !matches!(file.read_exact_at(&mut now, 0), Ok(()) if now == head) {
        return Ok(Look::Truncated);
    }
    match std::fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) != (open.dev(), open.ino()) => Ok(Look::Replaced),
        Ok(_) => Ok(Look::Same),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Look::Same),
        Err(error) => Err(error),
    }
}

/// Sleeps for `interval`, in naps; returns false as soon as it is told to stop.
pub(super) fn wait(interval: Duration, stop: &AtomicBool) -> bool {
    let mut left = interval;
    while !stop.load(Ordering::Relaxed) {
        if left.is_zero() {
            return true;
        }
        let nap = left.min(NAP);
        std::thread::sleep(nap);
        left -= nap;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ingest::testing::{Folder, gzip};
    use crate::ingest::{Batch, FileOptions, FileSource, IngestError, Source, SourceEvent};

    /// What comes until `count` things were said; idling between them is allowed.
    fn say(folder: &Folder, source: &mut FileSource, count: usize) -> Vec<String> {
        let mut said = Vec::new();
        for _ in 0..100 {
            said.extend(folder.said(source));
            if said.len() >= count {
                break;
            }
        }
        said
    }

    #[test]
    fn growth_is_read_and_a_partial_line_waits() {
        let folder = Folder::new();
        folder.write("old", "z");
        folder.write("log", "a\nb");
        let mut source = folder.followed(&["old", "log"]);
        assert_eq!(folder.said(&mut source), ["0:z", "1:a"]);
        assert_eq!(folder.said(&mut source), [""; 0]);
        folder.append("log", "c");
        assert_eq!(folder.said(&mut source), [""; 0]);
        folder.append("log", "\nd\n");
        assert_eq!(folder.said(&mut source), ["3:bc", "6:d"]);
        assert_eq!(source.progress().bytes_total, None);
    }

    #[test]
    fn rotation_finishes_the_old_file_first() {
        let folder = Folder::new();
        folder.write("log", "a\n");
        let mut source = folder.followed(&["log"]);
        assert_eq!(folder.said(&mut source), ["0:a"]);
        folder.append("log", "b\n");
        folder.rename("log", "log.1");
        assert_eq!(folder.said(&mut source), ["2:b"]);
        folder.append("log.1", "c\n");
        assert_eq!(folder.said(&mut source), ["4:c"]);
        folder.append("log.1", "unfinished");
        folder.write("log", "d\n");
        let rotated = "Rotated { path: \"log\" }";
        assert_eq!(say(&folder, &mut source, 3), ["6:unfinished", rotated, "16:d"]);
        let lengths: Vec<_> = source.segments().iter().map(|s| (s.base, s.length)).collect();
        assert_eq!(lengths, [(0, Some(16)), (16, None)]);
    }

    #[test]
    fn a_late_writer_to_the_old_file_is_heard() {
        let folder = Folder::new();
        folder.write("log", "a\n");
        let poll = Duration::from_millis(300);
        let options = FileOptions { follow: true, poll, ..folder.options(&["log"]) };
        let mut source = FileSource::open(options, None).unwrap();
        assert_eq!(folder.said(&mut source), ["0:a"]);
        folder.rename("log", "log.1");
        folder.write("log", "new\n");
        // A look sees the new file at once; the old one is read for an interval more.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                folder.append("log.1", "late\n");
            });
            let rotated = "Rotated { path: \"log\" }";
            assert_eq!(say(&folder, &mut source, 3), ["2:late", rotated, "7:new"]);
        });
    }

    #[test]
    fn truncation_reads_from_the_beginning() {
        let folder = Folder::new();
        folder.write("log", "aaaa\nbbbb\n");
        let mut source = folder.followed(&["log"]);
        assert_eq!(folder.said(&mut source), ["0:aaaa", "5:bbbb"]);
        folder.write("log", "c\n");
        let truncated = "Truncated { path: \"log\" }";
        assert_eq!(say(&folder, &mut source, 2), [truncated, "10:c"]);
        // Cut and grown past what was read between two looks.
        folder.write("log", "d\nlonger than before\n");
        let said = say(&folder, &mut source, 3);
        assert_eq!(said, [truncated, "12:d", "14:longer than before"]);
    }

    #[test]
    fn padding_left_by_truncation_is_a_line_like_another() {
        let folder = Folder::new();
        folder.write("log", "\0\0\0a\n");
        let mut source = folder.followed(&["log"]);
        assert_eq!(folder.said(&mut source), ["0:\0\0\0a"]);
    }

    #[test]
    fn stopping_ends_a_wait() {
        let folder = Folder::new();
        folder.write("log", "");
        let stop = Arc::new(AtomicBool::new(false));
        let options = FileOptions {
            follow: true,
            poll: Duration::from_secs(3_600),
            stop: Arc::clone(&stop),
            ..folder.options(&["log"])
        };
        let thread = std::thread::spawn(move || {
            let mut source = FileSource::open(options, None).unwrap();
            matches!(source.next(Batch::default()), Ok(SourceEvent::End))
        });
        std::thread::sleep(Duration::from_millis(20));
        stop.store(true, Ordering::Relaxed);
        assert!(thread.join().unwrap());
    }

    #[test]
    fn a_compressed_file_cannot_be_followed() {
        let folder = Folder::new();
        folder.write("log", gzip(b"a\n"));
        let options = FileOptions { follow: true, ..folder.options(&["log"]) };
        let error = FileSource::open(options, None).err().unwrap();
        assert!(matches!(error, IngestError::FollowCompressed { .. }));
    }
}
