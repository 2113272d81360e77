//! Cursors of lists: opaque to whoever holds one, signed for the very list it came from. The key
//! lives as long as the process; after a restart a list begins anew.

use super::secret;

/// Bytes of the signature that a cursor carries.
const SIGNATURE_BYTES: usize = 16;
/// Longest cursor that is looked at.
const LENGTH_MAX: usize = 512;

/// A cursor at a place in a list.
pub(super) fn seal(key: &[u8; 32], list: &str, place: &str) -> String {
    let signature = secret::sign(key, &["cursor", list, place]);
    let (short, _) = signature.split_at(SIGNATURE_BYTES);
    secret::encode(&[short, place.as_bytes()].concat())
}

/// The place; `None` when the cursor is not of this list, or was touched.
pub(super) fn open(key: &[u8; 32], list: &str, cursor: &str) -> Option<String> {
    if cursor.len() > LENGTH_MAX {
        return None;
    }
    let bytes = secret::decode(cursor)?;
    let (signature, place) = bytes.split_at_checked(SIGNATURE_BYTES)?;
    let place = std::str::from_utf8(place).ok()?;
    let wanted = secret::sign(key, &["cursor", list, place]);
    secret::equal(wanted.get(..SIGNATURE_BYTES)?, signature).then(|| place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_its_own_list_only() {
        let key = [3; 32];
        let cursor = seal(&key, "state=new", "priority~4~12~~01A");
        assert_eq!(open(&key, "state=new", &cursor).as_deref(), Some("priority~4~12~~01A"));
        assert_eq!(open(&key, "state=closed", &cursor), None);
        assert_eq!(open(&[4; 32], "state=new", &cursor), None);
        for hostile in ["", "A", "AAAA", "é", "' OR 1=1 --", "../../etc/passwd", &"A".repeat(9_999)]
        {
            assert_eq!(open(&key, "state=new", hostile), None, "{hostile}");
        }
        for at in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
            let touched = String::from_utf8(bytes).unwrap();
            assert_eq!(open(&key, "state=new", &touched), None, "{at}");
        }
    }
}
