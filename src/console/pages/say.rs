//! How numbers, counts and times are written in each language.

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::view::{Chrome, Count};
use super::words::Words;
use crate::event::TimestampMs;
use crate::triage::Language;

/// HTML that this module made of numbers and of its own words, so that it needs no escaping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(pub(super) String);

impl std::fmt::Display for Html {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::FastWritable for Html {
    fn write_into(
        &self,
        dest: &mut dyn std::fmt::Write,
        _: &dyn askama::Values,
    ) -> askama::Result<()> {
        Ok(dest.write_str(&self.0)?)
    }
}

impl HtmlSafe for Html {}

/// Narrow no-break space: between thousands, and before French colons and semicolons.
pub(super) const NARROW: char = '\u{202f}';

/// Words, zone and present of one page.
#[derive(Clone, Copy)]
pub(super) struct Say<'a> {
    pub(super) w: &'static Words,
    zone: &'a TimeZone,
    now: TimestampMs,
}

impl<'a> Say<'a> {
    pub(super) fn new(chrome: &'a Chrome) -> Say<'a> {
        Say { w: Words::of(chrome.language), zone: &chrome.zone, now: chrome.now }
    }

    pub(super) fn is_french(&self) -> bool {
        self.w.language == Language::French
    }

    /// Between the parts of a list whose parts have commas.
    pub(super) fn semicolon(&self) -> &'static str {
        if self.is_french() { "\u{202f}; " } else { "; " }
    }

    /// `4,812`, `4 812`
    pub(super) fn number(&self, n: u64) -> String {
        let digits = n.to_string();
        let mut out = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(if self.is_french() { NARROW } else { ',' });
            }
            out.push(digit);
        }
        out
    }

    /// `4.1`, `4,1`: one decimal below 100, none above.
    pub(super) fn decimal(&self, x: f64) -> String {
        if x >= 99.95 {
            return self.number(x.round() as u64);
        }
        let text = format!("{x:.1}");
        let text = text.strip_suffix(".0").unwrap_or(&text);
        if self.is_french() { text.replace('.', ",") } else { text.to_owned() }
    }

    /// `97 %`
    pub(super) fn percent(&self, share: f64) -> String {
        let gap = if self.is_french() { NARROW.to_string() } else { String::new() };
        let percent = share * 100.0;
        let text = if percent > 99.0 && percent < 100.0 {
            self.decimal((percent * 10.0).floor() / 10.0)
        } else {
            self.decimal(percent)
        };
        format!("{text}{gap}%")
    }

    /// `1,000+` when it stopped counting.
    pub(super) fn count(&self, count: Count) -> String {
        self.number(count.value) + if count.capped { "+" } else { "" }
    }

    /// `1 person|{} persons`, in the form that the language wants for `n`; French counts 0 as one.
    pub(super) fn plural(&self, pattern: &str, n: u64) -> String {
        self.form(pattern, n).replace("{}", &self.number(n))
    }

    /// The half of `one|many` that the language wants for `n`, not filled in.
    pub(super) fn form<'p>(&self, pattern: &'p str, n: u64) -> &'p str {
        let (one, many) = pattern.split_once('|').unwrap_or((pattern, pattern));
        let is_one = n == 1 || (n == 0 && self.is_french());
        if is_one { one } else { many }
    }

    /// `Tue 6 Feb 2024, 19:00:07` in the page's zone, with the UTC instant beside it.
    pub(super) fn time(&self, at: TimestampMs) -> Html {
        self.element(at, &self.full(at))
    }

    /// `19:00` today, `6 Feb, 19:00` this year, `6 Feb 2024` before.
    pub(super) fn short_time(&self, at: TimestampMs) -> Html {
        let (then, now) = (self.local(at), self.local(self.now));
        let clock = format!("{:02}:{:02}", then.hour(), then.minute());
        let text = if then.date() == now.date() {
            clock
        } else if then.year() == now.year() {
            format!("{} {}, {clock}", then.day(), self.month(then.month()))
        } else {
            format!("{} {} {}", then.day(), self.month(then.month()), then.year())
        };
        self.element(at, &text)
    }

    /// `3 min ago`, with the whole time beside it.
    pub(super) fn ago(&self, at: TimestampMs) -> Html {
        let text = self.w.ago.replace("{}", &self.span((self.now - at).max(0)));
        self.element(at, &text)
    }

    /// `19:00:07`
    pub(super) fn clock(&self, at: TimestampMs) -> String {
        let then = self.local(at);
        format!("{:02}:{:02}:{:02}", then.hour(), then.minute(), then.second())
    }

    /// `Tue 6 Feb 2024, 19:00:07`
    pub(super) fn full(&self, at: TimestampMs) -> String {
        let then = self.local(at);
        format!(
            "{} {} {} {}, {}",
            self.weekday(then.weekday()),
            then.day(),
            self.month(then.month()),
            then.year(),
            self.clock(at)
        )
    }

    /// `7 s`, `40 min`, `3 h`, `5 d`: the largest unit that holds two of itself.
    pub(super) fn span(&self, ms: i64) -> String {
        let (seconds, day) = (ms / 1_000, if self.is_french() { "j" } else { "d" });
        let (n, unit) = match seconds {
            ..120 => (seconds, "s"),
            120..7_200 => (seconds / 60, "min"),
            7_200..172_800 => (seconds / 3_600, "h"),
            _ => (seconds / 86_400, day),
        };
        format!("{}\u{a0}{unit}", self.number(n.unsigned_abs()))
    }

    /// `2024-02-06` as `6 Feb`; any other text as it is.
    pub(super) fn day(&self, text: &str) -> String {
        text.parse::<jiff::civil::Date>()
            .map_or_else(|_| text.to_owned(), |d| format!("{} {}", d.day(), self.month(d.month())))
    }

    /// The local date, `2024-02-06`.
    pub(super) fn date_of(&self, at: TimestampMs) -> String {
        self.local(at).date().to_string()
    }

    fn element(&self, at: TimestampMs, text: &str) -> Html {
        let utc = crate::triage::rfc3339(at);
        Html(format!("<time datetime=\"{utc}\" title=\"{} · {utc}\">{text}</time>", self.full(at)))
    }

    fn local(&self, at: TimestampMs) -> jiff::civil::DateTime {
        let moment = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(moment)
    }

    fn month(&self, month: i8) -> &'static str {
        usize::try_from(month - 1).ok().and_then(|m| self.w.months.split(' ').nth(m)).unwrap_or("")
    }

    fn weekday(&self, day: Weekday) -> &'static str {
        let at = usize::try_from(day.to_monday_zero_offset()).unwrap_or(0);
        self.w.weekdays.split(' ').nth(at).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::tests::chrome;

    #[test]
    fn numbers_and_plurals_are_written_as_each_language_does() {
        let (english, french) = (chrome(Language::English), chrome(Language::French));
        let (en, fr) = (Say::new(&english), Say::new(&french));
        assert_eq!((en.number(36_820_828), en.number(12)), ("36,820,828".into(), "12".into()));
        assert_eq!(fr.number(4_812), "4\u{202f}812");
        assert_eq!((en.decimal(4.06), en.decimal(3.0), fr.decimal(4.13)), {
            ("4.1".into(), "3".into(), "4,1".into())
        });
        assert_eq!((en.percent(0.9996), fr.percent(0.125)), {
            ("99.9%".into(), "12,5\u{202f}%".into())
        });
        let pattern = "{} new alert|{} new alerts";
        assert_eq!(en.plural(pattern, 0), "0 new alerts");
        assert_eq!(en.plural(pattern, 1), "1 new alert");
        assert_eq!(fr.plural("{} nouvelle alerte|{} nouvelles alertes", 0), "0 nouvelle alerte");
        assert_eq!(en.count(Count { value: 1_000, capped: true }), "1,000+");
    }

    #[test]
    fn times_are_local_and_carry_the_instant() {
        let french = chrome(Language::French);
        let fr = Say::new(&french);
        let at = 1_707_242_407_000;
        assert_eq!(fr.full(at), "mar. 6 févr. 2024, 19:00:07");
        assert!(fr.time(at).0.starts_with("<time datetime=\"2024-02-06T18:00:07.000Z\""));
        assert_eq!(
            (fr.span(7_000), fr.span(3 * 86_400_000)),
            ("7\u{a0}s".into(), "3\u{a0}j".into())
        );
        assert_eq!((fr.day("2024-02-06"), fr.day("x<")), ("6 févr.".into(), "x<".into()));
    }
}
