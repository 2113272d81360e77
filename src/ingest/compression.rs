//! A file's bytes, decompressed. What a file is compressed with is told by its first bytes, never
//! by its name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// Compressed bytes read from disk at a time.
const COMPRESSED_BUFFER_BYTES: usize = 128 << 10;

/// At most this much is fetched again behind a point of damage: more than one read asks for.
const SALVAGE_BYTES_MAX: u64 = 1 << 20;

/// An open file, whatever it is compressed with.
pub(super) enum Reader {
    Plain(File),
    /// All members, one after another.
    Gzip(Box<MultiGzDecoder<Input>>),
    /// All frames, one after another.
    Zstd(Box<zstd::Decoder<'static, Input>>),
    /// What could still be read of a damaged file.
    Salvaged(Cursor<Vec<u8>>),
}

impl Reader {
    pub(super) fn open(path: &Path) -> io::Result<Reader> {
        let file = File::open(path)?;
        let mut magic = [0; 4];
        let length = file.read_at(&mut magic, 0)?;
        Ok(match magic[..length] {
            [0x1F, 0x8B, ..] => Reader::Gzip(Box::new(MultiGzDecoder::new(Input::new(file)))),
            // A frame, or a skippable frame as parallel compressors write them first.
            [0x28, 0xB5, 0x2F, 0xFD] | [0x50..=0x5F, 0x2A, 0x4D, 0x18] => {
                Reader::Zstd(Box::new(zstd::Decoder::with_buffer(Input::new(file))?))
            }
            _ => Reader::Plain(file),
        })
    }

    /// The file itself when nothing decompresses it.
    pub(super) fn plain(&self) -> Option<&File> {
        match self {
            Reader::Plain(file) => Some(file),
            _ => None,
        }
    }

    /// Goes to a place counted in decompressed bytes; from the beginning only. Returns false when
    /// the file ends before it.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<bool> {
        if let Reader::Plain(file) = self {
            return Ok(file.seek(SeekFrom::Start(bytes))? <= file.metadata()?.len());
        }
        Ok(io::copy(&mut self.by_ref().take(bytes), &mut io::sink())? == bytes)
    }

    /// Feeds the decompressor one byte at a time from here on.
    ///
    /// A decompressor that meets damage forgets what it was about to give in the same call. Fed in
    /// sips it has given everything before. Slow, so only where damage is known to be near.
    pub(super) fn sip(&mut self) {
        match self {
            Reader::Gzip(decoder) => decoder.get_mut().sip = true,
            Reader::Zstd(decoder) => decoder.get_mut().sip = true,
            Reader::Plain(_) | Reader::Salvaged(_) => {}
        }
    }

    /// Bytes read from disk so far; compressed files are read a little ahead.
    pub(super) fn on_disk(&self) -> u64 {
        let mut file = match self {
            Reader::Plain(file) => file,
            Reader::Gzip(decoder) => decoder.get_ref().bytes.get_ref(),
            Reader::Zstd(decoder) => decoder.get_ref().bytes.get_ref(),
            Reader::Salvaged(_) => return 0,
        };
        file.stream_position().unwrap_or(0)
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Reader::Plain(file) => file.read(into),
            Reader::Gzip(decoder) => decoder.read(into),
            Reader::Zstd(decoder) => decoder.read(into),
            Reader::Salvaged(bytes) => bytes.read(into),
        }
    }
}

/// A compressed file's bytes, in large pieces or one at a time.
pub(super) struct Input {
    bytes: BufReader<File>,
    sip: bool,
}

impl Input {
    fn new(file: File) -> Input {
        Input { bytes: BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, file), sip: false }
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(into)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.bytes.fill_buf()?;
        Ok(if self.sip { &bytes[..bytes.len().min(1)] } else { bytes })
    }

    fn consume(&mut self, bytes: usize) {
        self.bytes.consume(bytes);
    }
}

/// The readable bytes behind the first `offset` of a damaged file.
pub(super) fn salvage(path: &Path, offset: u64) -> Vec<u8> {
    let mut saved = Vec::new();
    if let Ok(mut reader) = Reader::open(path)
        && reader.skip(offset).unwrap_or(false)
    {
        reader.sip();
        // What was read before the error is kept; the error is known.
        let _ = reader.take(SALVAGE_BYTES_MAX).read_to_end(&mut saved);
    }
    saved
}

/// Up to `bytes_max` decompressed bytes from the beginning. Damage ends them like the end of the
/// file: whoever reads on will meet it.
pub(super) fn head(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut reader = Reader::open(path)?;
    let mut head = vec![0; bytes_max];
    let mut length = 0;
    while length < bytes_max {
        match reader.read(&mut head[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if reader.plain().is_some() => return Err(error),
            Err(_) => break,
        }
    }
    head.truncate(length);
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn check(stored: &[u8], expected: &[u8]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("misleading.gz");
        std::fs::write(&path, stored).unwrap();
        assert_eq!(head(&path, 1 << 20).unwrap(), expected);
        assert_eq!(head(&path, 3).unwrap(), expected[..expected.len().min(3)]);
        for offset in 0..=expected.len() {
            let mut reader = Reader::open(&path).unwrap();
            assert!(reader.skip(offset as u64).unwrap());
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, expected[offset..]);
        }
        let past = expected.len() as u64 + 1;
        assert!(!Reader::open(&path).unwrap().skip(past).unwrap());
    }

    #[test]
    fn encodings_are_told_by_their_first_bytes() {
        check(b"", b"");
        check(b"\x1F", b"\x1F");
        check(b"plain\n", b"plain\n");
        check(&gzip(b"one\n"), b"one\n");
        check(&[gzip(b"one\n"), gzip(b"two\n")].concat(), b"one\ntwo\n");
        check(&[zstd(b"one\n"), zstd(b"two\n")].concat(), b"one\ntwo\n");
        let skippable = [0x51, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9];
        check(&[&skippable, &zstd(b"one\n")[..]].concat(), b"one\n");
    }
}
