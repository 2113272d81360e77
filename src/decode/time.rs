//! Text → milliseconds: the forms in which logs write a time. No time zone data: every form
//! carries its own offset.

use crate::event::TimestampMs;

const MS_PER_DAY: i64 = 86_400_000;

/// First moment that is no longer believed: 2201-01-01T00:00:00Z.
const END_MS: TimestampMs = days_from_civil(2201, 1, 1) * MS_PER_DAY;

/// Whether a time lies in the years 1970–2200, outside of which a clock or a unit is wrong.
pub(super) fn is_believable(time: TimestampMs) -> bool {
    (0..END_MS).contains(&time)
}

/// Reads RFC 3339 (`2024-03-01T10:00:00.5+01:00`; `T`, `t` or a space; any offset), a decimal
/// number of milliseconds since 1970, or the access-log form `10/Oct/2000:13:55:36 -0700`.
pub(super) fn parse(text: &str) -> Option<TimestampMs> {
    let bytes = text.as_bytes();
    if let Some(time) = rfc_3339(bytes) {
        return Some(time);
    }
    if bytes.iter().all(u8::is_ascii_digit) {
        return text.parse().ok();
    }
    // Rarer forms (no seconds, `+01`, a bracketed zone) are left to the library; nothing that
    // long is a time.
    common_log(bytes).or_else(|| {
        let time = (bytes.len() <= 64).then(|| text.parse::<jiff::Timestamp>().ok())??;
        Some(time.as_millisecond())
    })
}

/// Reads a decimal number of seconds since 1970 with up to any number of decimals.
pub(super) fn parse_seconds(text: &str) -> Option<TimestampMs> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(thousandths(fraction.as_bytes()))
}

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
#[must_use]
pub fn parse_date(text: &str) -> Option<i32> {
    let days = date(text.as_bytes())?;
    i32::try_from(days).ok()
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (Howard Hinnant's
/// algorithm: years begin in March, so that the leap day comes last).
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn rfc_3339(text: &[u8]) -> Option<TimestampMs> {
    let (day, rest) = text.split_at_checked(10)?;
    let (separator, rest) = rest.split_first()?;
    let (clock, rest) = rest.split_at_checked(8)?;
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let (fraction, offset) = match rest.split_first()? {
        (b'.' | b',', rest) => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            rest.split_at(digits)
        }
        _ => (&rest[..0], rest),
    };
    let offset_s = match offset {
        b"Z" | b"z" => 0,
        [sign, h1, h2, b':', m1, m2] => offset_seconds(*sign, [*h1, *h2], [*m1, *m2])?,
        _ => return None,
    };
    let seconds = date(day)? * 86_400 + clock_seconds(clock)? - offset_s;
    Some(seconds * 1000 + thousandths(fraction))
}

/// `10/Oct/2000:13:55:36 -0700`.
fn common_log(text: &[u8]) -> Option<TimestampMs> {
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let text: &[u8; 26] = text.try_into().ok()?;
    let [_, _, b'/', _, _, _, b'/', _, _, _, _, b':', .., b' ', sign, h1, h2, m1, m2] = text else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == &text[3..6])? as i64 + 1;
    let days = checked_date(digits(&text[7..11])?, month, digits(&text[..2])?)?;
    let offset_s = offset_seconds(*sign, [*h1, *h2], [*m1, *m2])?;
    Some((days * 86_400 + clock_seconds(&text[12..20])? - offset_s) * 1000)
}

/// `YYYY-MM-DD` in days.
fn date(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return None;
    };
    checked_date(digits(&[*y1, *y2, *y3, *y4])?, digits(&[*m1, *m2])?, digits(&[*d1, *d2])?)
}

fn checked_date(year: i64, month: i64, day: i64) -> Option<i64> {
    let real = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    real.then(|| days_from_civil(year, month, day))
}

/// `HH:MM:SS` in seconds; a leap second counts as the one before it.
fn clock_seconds(text: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else {
        return None;
    };
    let (hour, minute, second) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?, digits(&[*s1, *s2])?);
    (hour < 24 && minute < 60 && second <= 60).then(|| hour * 3600 + minute * 60 + second.min(59))
}

fn offset_seconds(sign: u8, hours: [u8; 2], minutes: [u8; 2]) -> Option<i64> {
    let (hours, minutes) = (digits(&hours)?, digits(&minutes)?);
    let seconds = (hours < 24 && minutes < 60).then(|| hours * 3600 + minutes * 60)?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// At most four digits, so it cannot overflow.
fn digits(text: &[u8]) -> Option<i64> {
    let mut number = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(number)
}

/// The first three decimals; what is finer is cut.
fn thousandths(fraction: &[u8]) -> i64 {
    let digit = |i: usize| fraction.get(i).map_or(0, |b| i64::from(b - b'0'));
    digit(0) * 100 + digit(1) * 10 + digit(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_a_time() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse(text), expected, "{text}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("2024-03-01T10:00:00Z", Some(1_709_287_200_000));
        check("2024-03-01t10:00:00z", Some(1_709_287_200_000));
        check("2024-03-01 11:00:00+01:00", Some(1_709_287_200_000));
        check("2024-03-01T04:30:00.123456-05:30", Some(1_709_287_200_123));
        check("2024-02-29T23:59:60,5Z", Some(1_709_251_199_500));
        check("2024-03-01T10:00Z", Some(1_709_287_200_000));
        check("2024-03-01T11:00:00+01", Some(1_709_287_200_000));
        check("2024-03-01T11:00:00+0100", Some(1_709_287_200_000));
        check("2024-03-01T11:00:00+01:00[Europe/Paris]", Some(1_709_287_200_000));
        check("1709287200000", Some(1_709_287_200_000));
        check("01/Mar/2024:10:00:00 +0000", Some(1_709_287_200_000));
        check("10/Oct/2000:13:55:36 -0700", Some(971_211_336_000));
        check("10/Okt/2000:13:55:36 -0700", None);
        check("32/Oct/2000:13:55:36 -0700", None);
        check("2023-02-29T10:00:00Z", None);
        check("2024-13-01T10:00:00Z", None);
        check("2024-03-01T24:00:00Z", None);
        check("2024-03-01T10:00:00.Z", None);
        check("2024-03-01T10:00:00", None);
        check("2024-03-01T10:00:00+1:00", None);
        check("+024-03-01T10:00:00Z", None);
        check("99999999999999999999", None);
        check("", None);
        check("hier", None);
        check("é024-03-01T10:00:00Z", None);
    }

    #[test]
    fn seconds_keep_their_milliseconds() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(parse_seconds(text), expected, "{text}");
        };
        check("1709287200.123", Some(1_709_287_200_123));
        check("1709287200", Some(1_709_287_200_000));
        check("1709287200.1", Some(1_709_287_200_100));
        check("1709287200.1239", Some(1_709_287_200_123));
        check("-1", None);
        check(".5", None);
        check("9223372036854775807", None);
    }

    #[test]
    fn dates_are_days() {
        assert_eq!(parse_date("1970-01-01"), Some(0));
        assert_eq!(parse_date("1969-12-31"), Some(-1));
        assert_eq!(parse_date("2024-02-30"), None);
        assert_eq!(parse_date("01/02/2024"), None);
        assert!(is_believable(0) && !is_believable(-1));
        let last = parse("2200-12-31T23:59:59.999Z").unwrap_or_default();
        assert!(is_believable(last) && !is_believable(last + 1));
    }

    proptest! {
        #[test]
        fn agrees_with_the_library(ms in 0..END_MS, minutes in -1439i32..=1439, digits in 0usize..=9) {
            let Ok(time) = jiff::Timestamp::from_millisecond(ms) else { return Ok(()) };
            let Ok(offset) = jiff::tz::Offset::from_seconds(minutes * 60) else { return Ok(()) };
            let text = format!("{time:.digits$}");
            let library = text.parse::<jiff::Timestamp>().ok().map(|t| t.as_millisecond());
            prop_assert_eq!(rfc_3339(text.as_bytes()), library);
            let local = format!("{:.3}", time.display_with_offset(offset));
            prop_assert_eq!(rfc_3339(local.as_bytes()), Some(ms), "{}", local);
            let clf = jiff::fmt::strtime::format("%d/%b/%Y:%H:%M:%S %z", &time.to_zoned_datetime(offset.to_time_zone()));
            prop_assert_eq!(parse(&clf.unwrap_or_default()), Some(ms / 1000 * 1000));
        }

        #[test]
        fn what_both_read_is_the_same(text in "[0-9]{4}-[0-9]{2}-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])") {
            let library = text.parse::<jiff::Timestamp>().ok().map(|t| t.as_millisecond());
            if let (Some(ours), Some(library)) = (rfc_3339(text.as_bytes()), library) && library >= 0 {
                prop_assert_eq!(ours, library);
            } else if library.is_some_and(|t| t >= 0) {
                prop_assert!(false, "the library reads {}", text);
            }
        }
    }
}
