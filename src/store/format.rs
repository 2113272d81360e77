//! The bytes of a snapshot. Pure: no file, no clock.
//!
//! ```text
//! offset  size  field (integers little-endian)
//!      0     8  magic "VIGIESNP"
//!      8     2  format version
//!     10     2  flags, none defined: all bits 0
//!     12     2  payload version
//!     14     8  key id: fingerprint of the pseudonym key
//!     22    32  configuration hash
//!     54     4  epoch
//!     58     8  position: the first record that is not in the state
//!     66     8  payload length in bytes, uncompressed
//!     74     1  compression: 0 none, 1 zstd
//!     75     8  stored length n in bytes
//!     83     4  crc32 of bytes 0..83
//!     87     n  payload as stored
//!   87+n     4  crc32 of the payload as stored
//! ```
//!
//! The first 87 bytes keep their places in every later format version. So the header's checksum
//! can be checked before its version is believed, and a flipped bit is told from a newer vigie.

use std::io::{Read, Write};
use std::ops::RangeInclusive;

use thiserror::Error;

use crate::event::Position;
use crate::store::KeyId;

/// Payload versions this build reads; what it writes lies within. Widen it together with the
/// payload's own code, and keep the previous version in it.
pub const SUPPORTED: RangeInclusive<u16> = 1..=3;

/// The layout drawn above.
pub const FORMAT_VERSION: u16 = 1;

/// Largest payload in bytes, 16 GiB: about ten times the state of a million accounts.
pub const PAYLOAD_BYTES_MAX: u64 = 16 << 30;

const MAGIC: [u8; 8] = *b"VIGIESNP";
const HEADER_BYTES: usize = 87;
const CRC_BYTES: usize = 4;
const COMPRESSION_NONE: u8 = 0;
const COMPRESSION_ZSTD: u8 = 1;
/// Level 1: the payload is mostly hashes, which no level shrinks, and writing must be quick.
const ZSTD_LEVEL: i32 = 1;
/// log2 of the largest decoder window, 8 MiB; level 1 writes at most 512 KiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// A decoder reserves at most this many bytes for each stored byte; beyond it, memory grows only
/// as fast as data really comes out.
const RESERVE_RATIO: u64 = 8;

/// What a snapshot says about its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version of the payload's own encoding, within [`SUPPORTED`].
    pub payload_version: u16,
    /// Fingerprint of the key that made the pseudonyms inside.
    pub key_id: KeyId,
    /// Hash of the configuration and rules that made the state.
    pub config_hash: [u8; 32],
    /// Model epoch the state was at.
    pub epoch: u32,
    /// The first record that is not in the state: reading goes on here.
    pub position: Position,
}

/// Why bytes are not a snapshot this build can use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// Too short, or other bytes than the magic: a torn or foreign file.
    #[error("not a vigie snapshot (no `VIGIESNP` header)")]
    NotASnapshot,
    /// Bytes changed or are missing since they were written.
    #[error("damaged {part} ({why})")]
    Damaged {
        /// `header` or `payload`.
        part: &'static str,
        /// What does not fit.
        why: &'static str,
    },
    /// Written by a newer vigie, in another layout.
    #[error("format version {found}, this vigie reads {supported}: use the newer vigie")]
    FormatVersion {
        /// In the file.
        found: u16,
        /// The newest this build reads.
        supported: u16,
    },
    /// The payload's encoding is newer or older than this build reads.
    #[error(
        "payload version {found}, this vigie reads {oldest} to {newest}: use the vigie that wrote \
         it, or one between"
    )]
    PayloadVersion {
        /// In the file.
        found: u16,
        /// Oldest readable.
        oldest: u16,
        /// Newest readable.
        newest: u16,
    },
    /// A checked header with a value this build does not know: written by a newer vigie.
    #[error("unknown {field} {value}: use the newer vigie that wrote it")]
    Unknown {
        /// `flags` or `compression`.
        field: &'static str,
        /// In the file.
        value: u16,
    },
    /// The payload is, or claims to be, larger than any this build writes.
    #[error("payload of {length} bytes, at most {PAYLOAD_BYTES_MAX} are read")]
    TooLarge {
        /// Claimed length in bytes.
        length: u64,
    },
}

impl FormatError {
    /// The file is broken, so an older one may serve. False: it is whole, and a decision of the
    /// operator is due.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, FormatError::NotASnapshot | FormatError::Damaged { .. })
    }
}

/// `Ok` when this build reads payloads of this version.
pub fn check_payload_version(found: u16) -> Result<(), FormatError> {
    if SUPPORTED.contains(&found) {
        return Ok(());
    }
    Err(FormatError::PayloadVersion { found, oldest: *SUPPORTED.start(), newest: *SUPPORTED.end() })
}

/// The bytes of a snapshot. A payload that does not shrink is stored as it is.
#[must_use]
pub fn encode(header: &Header, payload: &[u8]) -> Vec<u8> {
    let (mut out, compression) = match compress(payload) {
        Some(out) => (out, COMPRESSION_ZSTD),
        None => ([&[0; HEADER_BYTES], payload].concat(), COMPRESSION_NONE),
    };
    let (head, stored) = out.split_at_mut(HEADER_BYTES);
    let checksum = crc32fast::hash(stored);
    write_header(head, header, payload.len() as u64, compression, stored.len() as u64);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Room for the header, then the compressed payload; `None` when that is no shorter.
fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::new(vec![0; HEADER_BYTES], ZSTD_LEVEL).ok()?;
    encoder.write_all(payload).ok()?;
    let out = encoder.finish().ok()?;
    (out.len() - HEADER_BYTES < payload.len()).then_some(out)
}

fn write_header(head: &mut [u8], header: &Header, length: u64, compression: u8, stored: u64) {
    head[0..8].copy_from_slice(&MAGIC);
    head[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    head[10..12].copy_from_slice(&0u16.to_le_bytes());
    head[12..14].copy_from_slice(&header.payload_version.to_le_bytes());
    head[14..22].copy_from_slice(&header.key_id.0);
    head[22..54].copy_from_slice(&header.config_hash);
    head[54..58].copy_from_slice(&header.epoch.to_le_bytes());
    head[58..66].copy_from_slice(&header.position.to_le_bytes());
    head[66..74].copy_from_slice(&length.to_le_bytes());
    head[74] = compression;
    head[75..83].copy_from_slice(&stored.to_le_bytes());
    let checksum = crc32fast::hash(&head[..83]);
    head[83..87].copy_from_slice(&checksum.to_le_bytes());
}

/// Reads what [`encode`] wrote. Any change of any byte is an error; hostile lengths cost no more
/// memory than [`PAYLOAD_BYTES_MAX`], and no more than really decompresses.
pub fn decode(bytes: &[u8]) -> Result<(Header, Vec<u8>), FormatError> {
    let (head, rest) =
        bytes.split_first_chunk::<HEADER_BYTES>().ok_or(FormatError::NotASnapshot)?;
    let (header, length, compression, stored_length) = read_header(head)?;
    let (stored, checksum) =
        rest.split_last_chunk::<CRC_BYTES>().ok_or(damaged("payload", "cut short"))?;
    if stored.len() as u64 != stored_length {
        return Err(damaged("payload", "cut short or bytes after its end"));
    }
    if crc32fast::hash(stored) != u32::from_le_bytes(*checksum) {
        return Err(damaged("payload", "checksum differs"));
    }
    let payload = match compression {
        COMPRESSION_NONE => stored.to_vec(),
        COMPRESSION_ZSTD => decompress(stored, length)?,
        other => {
            return Err(FormatError::Unknown { field: "compression", value: u16::from(other) });
        }
    };
    if payload.len() as u64 != length {
        return Err(damaged("payload", "length differs from the header's"));
    }
    Ok((header, payload))
}

/// Header, payload length, compression, stored length; all checked as far as the header goes.
fn read_header(head: &[u8; HEADER_BYTES]) -> Result<(Header, u64, u8, u64), FormatError> {
    let mut fields = Fields(head);
    if fields.take::<8>() != MAGIC {
        return Err(FormatError::NotASnapshot);
    }
    let found = u16::from_le_bytes(fields.take());
    let flags = u16::from_le_bytes(fields.take());
    let header = Header {
        payload_version: u16::from_le_bytes(fields.take()),
        key_id: KeyId(fields.take()),
        config_hash: fields.take(),
        epoch: u32::from_le_bytes(fields.take()),
        position: u64::from_le_bytes(fields.take()),
    };
    let length = u64::from_le_bytes(fields.take());
    let [compression] = fields.take::<1>();
    let stored_length = u64::from_le_bytes(fields.take());
    if crc32fast::hash(&head[..83]) != u32::from_le_bytes(fields.take()) {
        return Err(damaged("header", "checksum differs"));
    }
    if found != FORMAT_VERSION {
        return Err(FormatError::FormatVersion { found, supported: FORMAT_VERSION });
    }
    if flags != 0 {
        return Err(FormatError::Unknown { field: "flags", value: flags });
    }
    check_payload_version(header.payload_version)?;
    if length > PAYLOAD_BYTES_MAX {
        return Err(FormatError::TooLarge { length });
    }
    Ok((header, length, compression, stored_length))
}

/// Reads fields of fixed size one after the other; bytes past the end read as 0.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }
}

fn decompress(stored: &[u8], length: u64) -> Result<Vec<u8>, FormatError> {
    let broken = |_| damaged("payload", "not valid zstd");
    let mut decoder = zstd::stream::read::Decoder::with_buffer(stored).map_err(broken)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
    let reserve = length.min((stored.len() as u64).saturating_mul(RESERVE_RATIO));
    let mut payload = Vec::with_capacity(usize::try_from(reserve).unwrap_or(0));
    // One byte more than claimed is enough to see that there is more.
    decoder.take(length + 1).read_to_end(&mut payload).map_err(broken)?;
    Ok(payload)
}

fn damaged(part: &'static str, why: &'static str) -> FormatError {
    FormatError::Damaged { part, why }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written once by format version 1 and never again: it must stay readable.
    const GOLDEN_V1: &[u8] = include_bytes!("../../tests/store/snapshot-v1.snap");

    pub(in crate::store) fn header(position: Position) -> Header {
        Header {
            payload_version: 1,
            key_id: KeyId(*b"\x01\x02\x03\x04\x05\x06\x07\x08"),
            config_hash: [0xAB; 32],
            epoch: 61,
            position,
        }
    }

    /// Flips the header fields `edit` touches and signs the header again, as a newer vigie or an
    /// attacker would.
    fn forged(edit: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut bytes = encode(&header(7), &b"abcabcabc".repeat(20));
        edit(&mut bytes[..83]);
        let checksum = crc32fast::hash(&bytes[..83]).to_le_bytes();
        bytes[83..87].copy_from_slice(&checksum);
        bytes
    }

    #[test]
    fn golden_version_1_stays_readable() {
        let (read, payload) = decode(GOLDEN_V1).unwrap();
        assert_eq!(read, header(4_242));
        assert_eq!(payload, b"vigie ".repeat(16));
    }

    #[test]
    fn small_and_incompressible_payloads_are_stored_as_they_are() {
        for payload in [&b""[..], b"x", b"0123456789abcdef"] {
            let bytes = encode(&header(1), payload);
            assert_eq!(bytes.len(), HEADER_BYTES + payload.len() + CRC_BYTES);
            assert_eq!(bytes[74], COMPRESSION_NONE);
            assert_eq!(decode(&bytes).unwrap(), (header(1), payload.to_vec()));
        }
        assert_eq!(encode(&header(1), &[0; 4096])[74], COMPRESSION_ZSTD);
    }

    #[test]
    fn whole_files_of_a_newer_vigie_are_named_not_called_damaged() {
        let check = |edit: fn(&mut [u8]), expected: &str| {
            let error = decode(&forged(edit)).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(!error.is_damage(), "{expected}");
        };
        check(|h| h[8] = 2, "format version 2, this vigie reads 1: use the newer vigie");
        check(
            |h| h[12] = 9,
            "payload version 9, this vigie reads 1 to 3: use the vigie that wrote it, or one between",
        );
        check(|h| h[10] = 1, "unknown flags 1: use the newer vigie that wrote it");
        check(|h| h[74] = 7, "unknown compression 7: use the newer vigie that wrote it");
        check(
            |h| h[66..74].copy_from_slice(&u64::MAX.to_le_bytes()),
            "payload of 18446744073709551615 bytes, at most 17179869184 are read",
        );
    }

    #[test]
    fn hostile_lengths_are_refused_without_memory() {
        let claims = |length: u64| forged(|h| h[66..74].copy_from_slice(&length.to_le_bytes()));
        for length in [0, 1, 179, 181, PAYLOAD_BYTES_MAX] {
            assert_eq!(
                decode(&claims(length)),
                Err(damaged("payload", "length differs from the header's")),
                "{length}"
            );
        }
        let stored = forged(|h| h[75..83].copy_from_slice(&u64::MAX.to_le_bytes()));
        assert_eq!(decode(&stored), Err(damaged("payload", "cut short or bytes after its end")));
    }

    #[test]
    fn every_single_bit_flip_and_every_cut_is_damage() {
        let whole = encode(&header(9), &b"0123456789".repeat(30));
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes).is_err_and(|e| e.is_damage()), "bit {bit}");
        }
        for end in 0..whole.len() {
            assert!(decode(&whole[..end]).is_err_and(|e| e.is_damage()), "cut at {end}");
        }
        let longer = [&whole[..], b"\0"].concat();
        assert!(decode(&longer).is_err_and(|e| e.is_damage()));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            position: u64, epoch: u32, config_hash: [u8; 32], payload: Vec<u8>, repeat in 1..50usize,
        ) {
            let header = Header { epoch, config_hash, ..header(position) };
            let payload = payload.repeat(repeat);
            prop_assert_eq!(decode(&encode(&header, &payload)), Ok((header, payload)));
        }

        #[test]
        fn changed_bytes_are_detected(
            payload: Vec<u8>, changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..5),
        ) {
            let whole = encode(&header(3), &payload);
            let mut bytes = whole.clone();
            for (at, flip) in changes {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
            prop_assume!(bytes != whole);
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn anything_behind_a_valid_header_never_panics(length: u64, compression in 0..3u8, body: Vec<u8>) {
            let mut bytes = vec![0; HEADER_BYTES];
            write_header(&mut bytes, &header(0), length, compression, body.len() as u64);
            bytes.extend_from_slice(&body);
            bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
            if let Ok((_, payload)) = decode(&bytes) {
                prop_assert_eq!(payload.len() as u64, length);
            }
        }

        #[test]
        fn any_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
