//! Local days: an account's day, its hours and its 5-minute slots, in the configured zone, with
//! daylight saving and French public holidays right.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::limits::SLOT_MS;
use crate::event::TimestampMs;

/// Days since 1970-01-01, local.
pub type Day = i32;

/// Whether days may be subtracted from it: a restored state may say anything.
pub(super) fn is_near(day: Day) -> bool {
    const FAR_DAYS: Day = 1 << 24;
    (-FAR_DAYS..FAR_DAYS).contains(&day)
}

/// The same of a moment.
pub(super) fn is_near_ms(time: TimestampMs) -> bool {
    const FAR_MS: TimestampMs = 1 << 50;
    (-FAR_MS..FAR_MS).contains(&time)
}

/// One local day, as much as the event path needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalDay {
    /// Which day.
    pub day: Day,
    /// Its first millisecond.
    pub start_ms: TimestampMs,
    /// The first millisecond of the next one; 23, 24 or 25 hours later.
    pub end_ms: TimestampMs,
    /// 0 = Monday … 6 = Sunday; a public holiday is a Sunday.
    pub weekday: u8,
}

impl LocalDay {
    /// Whether a restored one can be worked with; that of an account which had none yet is empty.
    pub(super) fn is_sound(&self) -> bool {
        is_near(self.day)
            && is_near_ms(self.start_ms)
            && is_near_ms(self.end_ms)
            && self.start_ms <= self.end_ms
            && self.weekday < 7
    }

    /// Whether the moment lies in the day.
    #[must_use]
    pub fn contains(&self, time: TimestampMs) -> bool {
        self.start_ms <= time && time < self.end_ms
    }

    /// Saturday, Sunday or a public holiday.
    #[must_use]
    pub fn is_rest(&self) -> bool {
        self.weekday >= 5
    }

    /// Slot of the day, 0..300.
    #[must_use]
    pub fn slot(&self, time: TimestampMs) -> u16 {
        ((time - self.start_ms) / SLOT_MS).clamp(0, 399) as u16
    }

    /// Hour of the week (0 = Monday 00:00) of a slot of this day. On the two days that are not 24
    /// hours long the clock is off only until it is changed.
    #[must_use]
    pub fn hour_of_week(&self, slot: u16) -> u8 {
        let elapsed = i64::from(slot) / 12;
        let length = (self.end_ms - self.start_ms) / 3_600_000;
        let hour = if elapsed >= 2 { elapsed + 24 - length } else { elapsed };
        self.weekday * 24 + hour.clamp(0, 23) as u8
    }
}

/// The configured zone and its holidays, with the days looked up last.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    recent: [Option<LocalDay>; 4],
    next: usize,
}

impl Calendar {
    /// A calendar of an IANA zone.
    ///
    /// # Errors
    /// The zone is not in the built-in database.
    pub fn new(zone: &str) -> Result<Self, String> {
        let zone = TimeZone::get(zone).map_err(|_| {
            format!("time zone {zone:?} is unknown; use an IANA name such as \"Europe/Paris\"")
        })?;
        Ok(Calendar { zone, recent: [None; 4], next: 0 })
    }

    /// The local day that contains a moment.
    pub fn day_of(&mut self, time: TimestampMs) -> LocalDay {
        if let Some(day) = self.recent.iter().flatten().find(|d| d.contains(time)) {
            return *day;
        }
        let day = self.compute(time);
        self.recent[self.next] = Some(day);
        self.next = (self.next + 1) % self.recent.len();
        day
    }

    /// Local time less UTC at a moment, in milliseconds.
    #[must_use]
    pub fn offset_ms(&self, time: TimestampMs) -> i64 {
        jiff::Timestamp::from_millisecond(time)
            .map_or(0, |moment| i64::from(self.zone.to_offset(moment).seconds()) * 1_000)
    }

    fn compute(&self, time: TimestampMs) -> LocalDay {
        let moment = jiff::Timestamp::from_millisecond(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let date = self.zone.to_datetime(moment).date();
        let start_ms = self.midnight(date).unwrap_or(time);
        let end_ms = date.tomorrow().ok().and_then(|d| self.midnight(d));
        LocalDay {
            day: day_number(date),
            start_ms,
            end_ms: end_ms.unwrap_or(start_ms + 86_400_000),
            weekday: weekday(date),
        }
    }

    fn midnight(&self, date: Date) -> Option<TimestampMs> {
        self.zone.to_timestamp(date.at(0, 0, 0, 0)).ok().map(|moment| moment.as_millisecond())
    }
}

/// Days since 1970-01-01 of a date.
#[must_use]
pub fn day_number(date: Date) -> Day {
    let epoch = Date::constant(1970, 1, 1);
    date.since(epoch).map_or(0, |span| span.get_days())
}

/// The date of a day number.
#[must_use]
pub fn date_of(day: Day) -> Date {
    let epoch = Date::constant(1970, 1, 1);
    epoch
        .checked_add(jiff::Span::new().try_days(i64::from(day)).unwrap_or_default())
        .unwrap_or(epoch)
}

/// Rest days (weekend or holiday) among `after + 1 ..= until`, looking back 60 days at most.
#[must_use]
pub fn rest_days_between(after: Day, until: Day) -> u32 {
    (after.max(until - 60) + 1..=until).filter(|day| weekday(date_of(*day)) >= 5).count() as u32
}

fn weekday(date: Date) -> u8 {
    if is_holiday(date) {
        return 6;
    }
    match date.weekday() {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}

/// French public holidays: eight fixed dates and three that follow Easter.
fn is_holiday(date: Date) -> bool {
    const FIXED: [(i8, i8); 8] =
        [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
    if FIXED.contains(&(date.month(), date.day())) {
        return true;
    }
    let after_easter = day_number(date) - day_number(easter(date.year()));
    matches!(after_easter, 1 | 39 | 50)
}

/// Easter Sunday, Gregorian calendar (anonymous algorithm of Meeus, Jones and Butcher).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let month = (h + l - 7 * m + 114) / 31;
    let day = (h + l - 7 * m + 114) % 31 + 1;
    Date::new(year, month as i8, day as i8).unwrap_or(Date::constant(1970, 1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> TimestampMs {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn days_follow_the_zone_and_daylight_saving() {
        let mut calendar = Calendar::new("Europe/Paris").unwrap();
        for (at, length_h, slot, hour_of_week) in [
            ("2024-02-06T18:00:07Z", 24, 228, 24 + 19),
            ("2024-03-31T00:30:00Z", 23, 18, 6 * 24 + 1),
            ("2024-03-31T10:00:00Z", 23, 132, 6 * 24 + 12),
            ("2024-10-27T10:00:00Z", 25, 144, 6 * 24 + 11),
            ("2024-05-01T08:00:00Z", 24, 120, 6 * 24 + 10),
            ("1969-12-31T23:30:00Z", 24, 6, 6 * 24),
        ] {
            let day = calendar.day_of(ms(at));
            assert!(day.contains(ms(at)), "{at}");
            assert_eq!((day.end_ms - day.start_ms) / 3_600_000, length_h, "{at}");
            assert_eq!(day.slot(ms(at)), slot, "{at}");
            assert_eq!(day.hour_of_week(day.slot(ms(at))), hour_of_week, "{at}");
        }
    }

    #[test]
    fn holidays_of_2024_are_sundays() {
        for (month, day) in [(1, 1), (4, 1), (5, 1), (5, 8), (5, 9), (5, 20), (7, 14), (11, 11)] {
            assert_eq!(weekday(Date::constant(2024, month, day)), 6, "{month}-{day}");
        }
        assert_eq!(weekday(Date::constant(2024, 4, 2)), 1);
        assert_eq!(rest_days_between(0, 0), 0);
        let friday = day_number(Date::constant(2024, 2, 2));
        assert_eq!(rest_days_between(friday, friday + 3), 2);
        assert_eq!(date_of(friday), Date::constant(2024, 2, 2));
    }

    #[test]
    fn an_unknown_zone_says_what_to_write() {
        let error = Calendar::new("Paris").unwrap_err();
        assert!(error.contains("\"Europe/Paris\""), "{error}");
    }
}
