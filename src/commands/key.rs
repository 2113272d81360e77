//! The pseudonym key: given in a file or in the environment, else the data folder's own.

use std::ffi::OsString;
use std::path::Path;

use super::Failure;
use crate::decode::PseudonymKey;
use crate::store::GivenKey;
use crate::store::datadir::DataDir;
use crate::store::sqlite::Reader;

/// A key in this variable is not seen by other users of the machine, as it would be in an argument.
const KEY_VARIABLE: &str = "VIGIE_PSEUDONYM_KEY";

/// The key of a folder that this process holds.
pub(super) fn key(data: &DataDir, file: Option<&Path>) -> Result<PseudonymKey, Failure> {
    let (from, text) = given(file)?;
    let given = text.as_deref().map(|text| GivenKey { from: &from, text });
    Ok(PseudonymKey::from_bytes(data.pseudonym_key(given)?))
}

/// The key of a folder that another process may hold.
pub(super) fn existing_key(
    data: &Path,
    reader: &Reader,
    file: Option<&Path>,
) -> Result<PseudonymKey, Failure> {
    let (from, text) = given(file)?;
    let given = text.as_deref().map(|text| GivenKey { from: &from, text });
    Ok(PseudonymKey::from_bytes(DataDir::existing_key(data, reader, given)?))
}

/// Where a key that is given comes from, and its text.
fn given(file: Option<&Path>) -> Result<(String, Option<Vec<u8>>), Failure> {
    match file {
        Some(path) => {
            let from = path.display().to_string();
            let text = std::fs::read(path)
                .map_err(|e| Failure::Failed(format!("{from}: cannot be read: {e}")))?;
            Ok((from, Some(text)))
        }
        None => {
            let text = std::env::var_os(KEY_VARIABLE).map(OsString::into_encoded_bytes);
            Ok((KEY_VARIABLE.to_owned(), text))
        }
    }
}
