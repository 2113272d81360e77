//! The pseudonym key: made once, kept private, and never exchanged for another under the data it
//! made. With another key every known person would look new.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::store::KeyId;
use crate::store::datadir::{DataDir, Purpose};
use crate::store::disk::{RealDisk, replace};
use crate::store::sqlite::{Reader, Store, StoreError};

const KEY_FILE: &str = "pseudonym.key";
const META_KEY_ID: &str = "key_id";

/// A key that came from elsewhere than the data folder.
#[derive(Clone, Copy)]
pub struct GivenKey<'a> {
    /// Where it came from, for messages: a path, or the name of an environment variable.
    pub from: &'a str,
    /// Its text: 32 hexadecimal characters, white space around them ignored.
    pub text: &'a [u8],
}

/// Why there is no key to start with.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Others than the owner can read the file.
    #[error(
        "{0}: mode {mode:04o} lets others read the pseudonym key; run `chmod 600 {0}`, and if it \
         was readable for long, treat the pseudonyms as known",
        path.display()
    )]
    Readable {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 32 hexadecimal characters.
    #[error(
        "{from}: a pseudonym key is 32 hexadecimal characters, this has {length} bytes or other \
         characters; restore it from its backup, or make one with `openssl rand -hex 16`"
    )]
    Malformed {
        /// Path or variable.
        from: String,
        /// Bytes found, white space around them not counted.
        length: usize,
    },
    /// The data was made with another key.
    #[error(
        "{from}: this is pseudonym key {found}, but {} was made with key {recorded}: give the \
         original key, or start an empty folder with --data", data.display()
    )]
    Differs {
        /// Path or variable.
        from: String,
        /// Fingerprint of the key at hand.
        found: KeyId,
        /// Fingerprint the data was made with.
        recorded: String,
        /// The data folder.
        data: PathBuf,
    },
    /// The data has a key, but the file is gone.
    #[error(
        "{}: missing, and the data was made with key {recorded}: restore the file from its backup, \
         or give the key, or start an empty folder with --data", path.display()
    )]
    Missing {
        /// The key file.
        path: PathBuf,
        /// Fingerprint the data was made with.
        recorded: String,
    },
    /// Only `run` makes a key.
    #[error("{}: a replay makes no pseudonym key of its own; give one", path.display())]
    NotMadeByReplay {
        /// The key file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// The recorded fingerprint cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DataDir {
    /// The key of this folder: the given one, else `<data>/pseudonym.key` (32 hexadecimal
    /// characters, mode 0600), which the first `run` makes. Its fingerprint is recorded in the
    /// database at first use.
    ///
    /// # Errors
    /// Malformed, readable by others, missing, or not the key the data was made with.
    pub fn pseudonym_key(&self, given: Option<GivenKey<'_>>) -> Result<[u8; 16], KeyError> {
        let mut store = Store::open(self)?;
        let recorded = store.meta(META_KEY_ID)?;
        let path = self.file(KEY_FILE);
        let (key, from) = match given {
            Some(given) => (parse(given.from, given.text)?, given.from.to_owned()),
            None => {
                let from = path.display().to_string();
                (self.own_key(&path, recorded.as_deref())?, from)
            }
        };
        match recorded {
            None => store.set_meta(META_KEY_ID, &KeyId::of(&key).to_string())?,
            Some(recorded) => compare(&key, from, recorded, self.path())?,
        }
        Ok(key)
    }

    /// The key of a folder that another process may hold: as [`DataDir::pseudonym_key`], but none
    /// is made and nothing is recorded.
    ///
    /// # Errors
    /// As there; also when no run has used a key in this folder.
    pub fn existing_key(
        data: &Path,
        reader: &Reader,
        given: Option<GivenKey<'_>>,
    ) -> Result<[u8; 16], KeyError> {
        let path = data.join(KEY_FILE);
        let recorded = reader.meta(META_KEY_ID)?.unwrap_or_else(|| "(none)".to_owned());
        let (key, from) = match given {
            Some(given) => (parse(given.from, given.text)?, given.from.to_owned()),
            None => {
                let own = read(&path)?;
                let missing =
                    || KeyError::Missing { path: path.clone(), recorded: recorded.clone() };
                (own.ok_or_else(missing)?, path.display().to_string())
            }
        };
        compare(&key, from, recorded, data)?;
        Ok(key)
    }

    fn own_key(&self, path: &Path, recorded: Option<&str>) -> Result<[u8; 16], KeyError> {
        if let Some(key) = read(path)? {
            return Ok(key);
        }
        match (recorded, self.purpose()) {
            (Some(recorded), _) => {
                Err(KeyError::Missing { path: path.into(), recorded: recorded.into() })
            }
            (None, Purpose::Replay) => Err(KeyError::NotMadeByReplay { path: path.into() }),
            (None, Purpose::Live) => make(self.path()),
        }
    }
}

/// Refuses another key than the one the data was made with.
fn compare(key: &[u8; 16], from: String, recorded: String, data: &Path) -> Result<(), KeyError> {
    let found = KeyId::of(key);
    if recorded == found.to_string() {
        return Ok(());
    }
    Err(KeyError::Differs { from, found, recorded, data: data.to_path_buf() })
}

/// `None` when there is no such file.
fn read(path: &Path) -> Result<Option<[u8; 16]>, KeyError> {
    let io = |source| KeyError::Io { path: path.into(), source };
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if mode & 0o077 != 0 {
        return Err(KeyError::Readable { path: path.into(), mode });
    }
    let text = fs::read(path).map_err(io)?;
    parse(&path.display().to_string(), &text).map(Some)
}

/// A new key from the system's random source, durable before it is used.
fn make(data: &Path) -> Result<[u8; 16], KeyError> {
    const RANDOM: &str = "/dev/urandom";
    let mut key = [0; 16];
    File::open(RANDOM)
        .and_then(|mut source| source.read_exact(&mut key))
        .map_err(|source| KeyError::Io { path: RANDOM.into(), source })?;
    let text = format!("{:032x}\n", u128::from_be_bytes(key));
    replace(&RealDisk, data, KEY_FILE, text.as_bytes())
        .map_err(|source| KeyError::Io { path: data.join(KEY_FILE), source })?;
    Ok(key)
}

fn parse(from: &str, text: &[u8]) -> Result<[u8; 16], KeyError> {
    let text = text.trim_ascii();
    // The standard parser alone would let a sign through.
    let digits = text.len() == 32 && text.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(text)
        .ok()
        .filter(|_| digits)
        .and_then(|text| u128::from_str_radix(text, 16).ok())
        .map(u128::to_be_bytes)
        .ok_or_else(|| KeyError::Malformed { from: from.into(), length: text.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00112233445566778899aabbccddeeff";

    fn live(path: &Path) -> DataDir {
        DataDir::open(path, Purpose::Live).unwrap()
    }

    fn given(text: &str) -> Option<GivenKey<'_>> {
        Some(GivenKey { from: "VIGIE_KEY", text: text.as_bytes() })
    }

    fn refusal(dir: &DataDir, given: Option<GivenKey<'_>>) -> String {
        let error = dir.pseudonym_key(given).unwrap_err().to_string();
        error.replace(&dir.path().display().to_string(), "DATA")
    }

    #[test]
    fn the_first_run_makes_a_key_and_later_ones_read_it() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dir = live(one.path());
        let key = dir.pseudonym_key(None).unwrap();
        assert_eq!(dir.pseudonym_key(None).unwrap(), key);
        let path = one.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().trim().len(), 32);
        assert_ne!(live(two.path()).pseudonym_key(None).unwrap(), key);
    }

    #[test]
    fn a_given_key_is_used_and_not_written_down() {
        let temp = tempfile::tempdir().unwrap();
        let dir = live(temp.path());
        let key = dir.pseudonym_key(given(&format!(" {TEXT}\n"))).unwrap();
        assert_eq!(key[..3], [0x00, 0x11, 0x22]);
        assert_eq!(dir.pseudonym_key(given(&TEXT.to_uppercase())).unwrap(), key);
        assert!(!temp.path().join(KEY_FILE).exists());
    }

    #[test]
    fn a_key_others_can_read_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = live(temp.path());
        dir.pseudonym_key(None).unwrap();
        let path = temp.path().join(KEY_FILE);
        for (mode, refused) in [(0o640, true), (0o604, true), (0o620, true), (0o400, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(dir.pseudonym_key(None).is_err(), refused, "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(
            refusal(&dir, None),
            "DATA/pseudonym.key: mode 0644 lets others read the pseudonym key; run `chmod 600 \
             DATA/pseudonym.key`, and if it was readable for long, treat the pseudonyms as known"
        );
    }

    #[test]
    fn a_malformed_key_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = live(temp.path());
        let signed = format!("+{}", &TEXT[1..]);
        for (text, length) in [("", 0), (&TEXT[1..], 31), (&signed, 32), ("caf\u{e9}", 5)] {
            assert_eq!(
                refusal(&dir, given(text)),
                format!(
                    "VIGIE_KEY: a pseudonym key is 32 hexadecimal characters, this has {length} \
                     bytes or other characters; restore it from its backup, or make one with \
                     `openssl rand -hex 16`"
                )
            );
        }
        fs::write(temp.path().join(KEY_FILE), "half a k").unwrap();
        fs::set_permissions(temp.path().join(KEY_FILE), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(refusal(&dir, None).starts_with("DATA/pseudonym.key: a pseudonym key is 32"));
    }

    #[test]
    fn another_key_than_the_data_was_made_with_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = live(temp.path());
        dir.pseudonym_key(given(TEXT)).unwrap();
        let recorded = KeyId::of(&parse("", TEXT.as_bytes()).unwrap());
        let other = "ffffffffffffffffffffffffffffffff";
        let found = KeyId::of(&[0xff; 16]);
        assert_eq!(
            refusal(&dir, given(other)),
            format!(
                "VIGIE_KEY: this is pseudonym key {found}, but DATA was made with key {recorded}: \
                 give the original key, or start an empty folder with --data"
            )
        );
        assert_eq!(
            refusal(&dir, None),
            format!(
                "DATA/pseudonym.key: missing, and the data was made with key {recorded}: restore \
                 the file from its backup, or give the key, or start an empty folder with --data"
            )
        );
        assert!(!temp.path().join(KEY_FILE).exists(), "no new key over a lost one");
    }

    #[test]
    fn a_replay_makes_no_key() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path(), Purpose::Replay).unwrap();
        assert_eq!(
            refusal(&dir, None),
            "DATA/pseudonym.key: a replay makes no pseudonym key of its own; give one"
        );
        dir.pseudonym_key(given(TEXT)).unwrap();
    }
}
