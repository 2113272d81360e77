//! What the quarantine may show of a line: its keys and types, none of its values.

use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::looks_like_json;

/// Longest skeleton, in bytes.
const SKELETON_BYTES_MAX: usize = 2048;

/// Longest key shown, in bytes; a longer one is likelier data than a name.
const KEY_BYTES_MAX: usize = 40;

/// Keys and JSON types of a line up to where it breaks: `{"time": string, "records":
/// [string ×12], … broken at byte 96 of 132}`; of text only the length. At most 2 KiB.
#[must_use]
pub fn redacted_skeleton(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    if !looks_like_json(&text) {
        return format!("not JSON: {} bytes", line.len());
    }
    let mut out = String::new();
    let mut parser = serde_json::Deserializer::from_str(&text);
    let outline = Outline { out: &mut out, key: None };
    let ending = outline.deserialize(&mut parser).and_then(|()| parser.end());
    let room = SKELETON_BYTES_MAX - 64;
    if out.len() > room {
        // Skeletons are ASCII, but for the marks written here.
        while !out.is_char_boundary(room.min(out.len())) {
            out.pop();
        }
        out.truncate(room);
        out.push_str(" … cut");
    } else if let Err(error) = ending {
        let (at, column, size) = (error.line(), error.column(), line.len());
        out.push_str(&format!(" … broken at line {at} column {column}, {size} bytes"));
    }
    out
}

/// Writes the outline of a value, after its key if it has one.
struct Outline<'o> {
    out: &'o mut String,
    key: Option<String>,
}

impl Outline<'_> {
    fn write<E: Error>(self, kind: &str) -> Result<(), E> {
        self.out.push_str(kind);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Outline<'_> {
    type Value = ();

    // By now the parser has seen the colon, so the key is a key and not a stray value.
    fn deserialize<D: Deserializer<'de>>(mut self, parser: D) -> Result<(), D::Error> {
        if self.out.len() > SKELETON_BYTES_MAX {
            return Err(D::Error::custom("long enough"));
        }
        if let Some(key) = self.key.take() {
            let shown = if is_name(&key) { key.as_str() } else { "?" };
            write!(self.out, "\"{shown}\": ").map_err(D::Error::custom)?;
        }
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outline<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.write("string")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.write("number")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.write("number")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.write("number")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.write("bool")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.write("null")
    }

    /// Elements are alike: the first one speaks for all.
    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        self.out.push('[');
        let first = list.next_element_seed(Outline { out: self.out, key: None })?;
        let mut elements = usize::from(first.is_some());
        if first.is_some() {
            while list.next_element::<IgnoredAny>()?.is_some() {
                elements += 1;
            }
        }
        if elements > 1 {
            write!(self.out, " ×{elements}").map_err(S::Error::custom)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        self.out.push('{');
        let mut separator = "";
        while let Some(key) = map.next_key::<String>()? {
            self.out.push_str(separator);
            separator = ", ";
            map.next_value_seed(Outline { out: self.out, key: Some(key) })?;
        }
        self.out.push('}');
        Ok(())
    }
}

/// Some logs use values as keys; what has many digits or unusual characters is not shown.
fn is_name(key: &str) -> bool {
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@' | b'$');
    key.len() <= KEY_BYTES_MAX && digits <= 4 && key.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_keys_and_types() {
        let check = |line: &str, expected: &str| {
            assert_eq!(redacted_skeleton(line.as_bytes()), expected, "{line}");
        };
        check("10.0.0.1 - dupont [x]", "not JSON: 21 bytes");
        check("", "not JSON: 0 bytes");
        check(
            r#"{"time": 1, "a": {"b": null, "c": [true]}, "records": ["x", "y"], "e": []}"#,
            r#"{"time": number, "a": {"b": null, "c": [bool]}, "records": [string ×2], "e": []}"#,
        );
        check(
            r#"{"1840775123456": "x", "jean dupont": -1.5, "client.ip4": "z"}"#,
            r#"{"?": string, "?": number, "client.ip4": string}"#,
        );
        check(
            r#"{"account": "x", "q": "a "Dupont": 3}"#,
            r#"{"account": string, "q": string … broken at line 1 column 27, 37 bytes"#,
        );
        check(r#"{"a": "b""#, r#"{"a": string … broken at line 1 column 9, 9 bytes"#);
        check(r#"{"a", "b"}"#, r"{ … broken at line 1 column 5, 10 bytes");
        check(r#"[1, 2] x"#, "[number ×2] … broken at line 1 column 8, 8 bytes");
    }

    #[test]
    fn is_bounded() {
        let wide: String = (0..5000).map(|i| format!(r#""key{}": [["x"]], "#, i % 10)).collect();
        let skeleton = redacted_skeleton(format!("{{{wide}\"é\": 1}}").as_bytes());
        assert!(skeleton.len() <= SKELETON_BYTES_MAX && skeleton.ends_with(" … cut"));
        let deep = "[".repeat(100_000);
        assert!(redacted_skeleton(deep.as_bytes()).len() <= SKELETON_BYTES_MAX);
    }
}
