//! One value as a format found it, before anybody knows what it is for.

use std::borrow::Cow;
use std::io::Write;

/// One value as a format found it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'t> {
    /// Null, or nothing.
    Absent,
    Text(Cow<'t, str>),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    /// A value of no use to any field: true, false, an object, a list in a list.
    Other,
}

impl Scalar<'_> {
    /// The count it stands for: a whole number, also written `3.0` or `"3"`.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Scalar::Unsigned(n) => Some(*n),
            Scalar::Float(f) => whole(*f),
            Scalar::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

/// The number a float stands for when it has no fraction and is not so large that it may stand
/// for several.
pub(super) fn whole(value: f64) -> Option<u64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && (0.0..EXACT_MAX).contains(&value)).then_some(value as u64)
}

/// Decimal text without an allocation.
pub(super) fn with_decimal<T>(
    negative: bool,
    number: u64,
    read: impl FnOnce(&str) -> T,
) -> Option<T> {
    let mut text = [0u8; 21];
    let mut rest = &mut text[..];
    write!(rest, "{}{number}", if negative { "-" } else { "" }).ok()?;
    let length = 21 - rest.len();
    std::str::from_utf8(&text[..length]).ok().map(read)
}
