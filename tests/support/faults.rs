//! Broken lines: what somebody writes into a log by accident, or to be overlooked.

/// A line that is no event, and the reason it is quarantined for.
pub(crate) const REFUSED: [(&[u8], &str); 16] = [
    (b"Feb  6 19:00:00 host app: hello", "not-json"),
    (br#"{"time":"2024-02-06T18:00:00Z","account":"cut"#, "not-json"),
    (br#"{"time":1707246000000,"account":"two"}{}"#, "not-json"),
    (br#"{"time":1707246000000,"account":"comma",}"#, "not-json"),
    (b"\0\0\0\0\0\0", "not-json"),
    (b"[1]", "not-an-object"),
    (b"null", "not-an-object"),
    (br#"{"account":"timeless","records":["x"]}"#, "no-time"),
    (br#"{"time":null,"account":"timeless"}"#, "no-time"),
    (br#"{"time":"hier","account":"late"}"#, "bad-time"),
    (br#"{"time":"2024-02-30T10:00:00Z","account":"february"}"#, "bad-time"),
    (br#"{"time":-1,"account":"early"}"#, "bad-time"),
    (br#"{"time":1707246000000000000,"account":"nanoseconds"}"#, "bad-time"),
    (br#"{"time":1707246000000}"#, "no-account"),
    (br#"{"time":1707246000000,"account":" \t"}"#, "no-account"),
    (br#"{"time":1707246000000,"account":[1]}"#, "no-account"),
];

/// Something wrong with an event that must not keep it from being counted as it is.
pub(crate) struct Mended {
    /// Stands before the line.
    before: &'static [u8],
    /// Stands before its closing brace.
    inside: &'static [u8],
    /// Stands behind the line.
    after: &'static [u8],
    /// The field that is dropped for it.
    pub(crate) dropped: Option<&'static str>,
    /// Whether its text is repaired.
    pub(crate) repaired: bool,
}

const fn mended(inside: &'static [u8], dropped: Option<&'static str>, repaired: bool) -> Mended {
    Mended { before: b"", inside, after: b"", dropped, repaired }
}

pub(crate) const MENDED: [Mended; 11] = [
    mended(b",\"x\":\"\xe9\"", None, true),
    mended(br#","note":"x\ud83d""#, None, false),
    mended(b",\"note\":\"a\x01b\"", None, true),
    mended(br#","note":"\x22""#, None, true),
    mended(br#","x":[{"y":1e999}]"#, None, false),
    mended(br#","outcome":"maybe""#, Some("outcome"), false),
    mended(br#","unrelated":-1"#, Some("unrelated"), false),
    mended(br#","record_count":-7"#, Some("record_count"), false),
    mended(br#","record_count":1.5,"x":"\ud83d""#, Some("record_count"), false),
    Mended { before: b" \t", ..mended(b"", None, false) },
    Mended { after: b" \r", ..mended(b"", None, false) },
];

impl Mended {
    /// The event of `line` (an object without its line end), broken.
    pub(crate) fn breaks(&self, line: &[u8]) -> Vec<u8> {
        let open = line.strip_suffix(b"}").unwrap();
        [self.before, open, self.inside, b"}", self.after].concat()
    }
}
