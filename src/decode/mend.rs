//! JSON that a strict parser refuses although its meaning is plain. An account can often choose
//! its user agent, its device name or a search text; a line must not vanish because of them.

/// Mends what loggers are known to write: half a surrogate pair (`\ud83d`, a text cut in the
/// middle of an emoji), `\x22` and other escapes that JSON lacks (nginx without `escape=json`),
/// raw control characters in a text, and numbers beyond every float (they become an object, a
/// wrong type for any field). `None` when there is nothing of the kind.
pub(super) fn mend(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() + 16);
    let mut in_text = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'\\' if in_text => escape(&bytes[at..], &mut out),
            b'"' => {
                in_text = !in_text;
                out.push(b'"');
                1
            }
            control @ 0..0x20 if in_text => {
                out.extend_from_slice(format!("\\u{control:04x}").as_bytes());
                1
            }
            b'-' | b'0'..=b'9' if !in_text => number(&bytes[at..], &mut out),
            other => {
                out.push(*other);
                1
            }
        };
    }
    if out == bytes {
        return None;
    }
    String::from_utf8(out).ok()
}

/// Copies or mends the escape at the start of `rest`; returns its length.
fn escape(rest: &[u8], out: &mut Vec<u8>) -> usize {
    match rest.get(1) {
        Some(b'u') => match (utf16(rest), utf16(rest.get(6..).unwrap_or_default())) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => copy(rest, 12, out),
            (Some(0xd800..=0xdfff), _) => {
                out.extend_from_slice(b"\\ufffd");
                6
            }
            (Some(_), _) => copy(rest, 6, out),
            (None, _) => literal_backslash(out),
        },
        Some(b'x') if rest.len() >= 4 && rest[2..4].iter().all(u8::is_ascii_hexdigit) => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&rest[2..4]);
            4
        }
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => copy(rest, 2, out),
        _ => literal_backslash(out),
    }
}

fn literal_backslash(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(b"\\\\");
    1
}

fn copy(rest: &[u8], length: usize, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&rest[..length]);
    length
}

/// The value of a `\uXXXX` at the start of `rest`.
fn utf16(rest: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = rest.get(..6)? else {
        return None;
    };
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

fn number(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let is_part = |b: &&u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = rest.iter().take_while(is_part).count();
    let value = std::str::from_utf8(&rest[..length]).ok().and_then(|n| n.parse::<f64>().ok());
    if value.is_some_and(f64::is_infinite) {
        out.extend_from_slice(b"{}");
        return length;
    }
    copy(rest, length, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mends_only_what_is_plain() {
        let check = |text: &str, expected: Option<&str>| {
            let mended = mend(text);
            assert_eq!(mended.as_deref(), expected, "{text}");
            let readable =
                mended.is_some_and(|m| serde_json::from_str::<serde_json::Value>(&m).is_ok());
            assert_eq!(readable, expected.is_some(), "{text}");
        };
        check(r#"{"a": "\ud83d\ude00 \u00e9 \" \\x22", "b": -1.5e3}"#, None);
        check(r#"{"a": "\ud83d"}"#, Some(r#"{"a": "\ufffd"}"#));
        check(r#"{"a": "\ude00\ud83d\u0041"}"#, Some(r#"{"a": "\ufffd\ufffd\u0041"}"#));
        check(r#"{"a": "\x22b\x22"}"#, Some(r#"{"a": "\u0022b\u0022"}"#));
        check(r#"{"a": "\xZ\d\u12"}"#, Some(r#"{"a": "\\xZ\\d\\u12"}"#));
        check("{\"a\":\t\"x\ty\0\"}", Some("{\"a\":\t\"x\\u0009y\\u0000\"}"));
        check(r#"{"a": [1e999, -1E400, 1]}"#, Some(r#"{"a": [{}, {}, 1]}"#));
        check(r#"{"a": "#, None);
        check("", None);
    }
}
