//! The days of the world: French working days, public holidays, the monthly actualisation.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::SimulateError;
use crate::event::TimestampMs;

const HOUR_S: u32 = 3_600;

/// One local day.
#[derive(Clone, Debug)]
pub(super) struct Day {
    pub(super) date: Date,
    /// 0 = Monday … 6 = Sunday.
    pub(super) weekday: u8,
    pub(super) holiday: bool,
    /// Weeks in which many are on leave: Christmas, mid-February, August.
    pub(super) school_break: bool,
    /// How strong the monthly actualisation is, 0–1: strongest in its first days.
    pub(super) actualisation: f64,
    midnight_ms: TimestampMs,
    noon_ms: TimestampMs,
}

impl Day {
    /// Monday to Friday and no public holiday.
    pub(super) fn is_working(&self) -> bool {
        self.weekday < 5 && !self.holiday
    }

    /// Whether offices stay closed: Sundays and public holidays.
    pub(super) fn is_closed(&self) -> bool {
        self.weekday == 6 || self.holiday
    }

    /// Epoch milliseconds of a local time of day. From 03:00 on it is counted from noon, so that
    /// the two days a year on which the clock changes keep their office hours.
    pub(super) fn at(&self, second: f64) -> TimestampMs {
        let ms = (second * 1_000.0) as i64;
        if second < f64::from(3 * HOUR_S) {
            self.midnight_ms + ms
        } else {
            self.noon_ms + ms - i64::from(12 * HOUR_S) * 1_000
        }
    }
}

/// `days` local days of Europe/Paris from `start`.
pub(super) fn days(start: Date, days: u32) -> Result<Vec<Day>, SimulateError> {
    let zone = TimeZone::get("Europe/Paris")?;
    (0..days).map(|n| day(start.checked_add(i64::from(n).days())?, &zone)).collect()
}

fn day(date: Date, zone: &TimeZone) -> Result<Day, SimulateError> {
    let ms = |hour| {
        let zoned = date.at(hour, 0, 0, 0).to_zoned_datetime(zone.clone())?;
        Ok::<_, jiff::Error>(zoned.timestamp().as_millisecond())
    };
    Ok(Day {
        date,
        weekday: date.weekday().to_monday_zero_offset() as u8,
        holiday: is_holiday(date)?,
        school_break: is_school_break(date),
        actualisation: actualisation(date),
        midnight_ms: ms(0)?,
        noon_ms: ms(12)?,
    })
}

fn is_holiday(date: Date) -> Result<bool, jiff::Error> {
    let fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
    if fixed.contains(&(date.month(), date.day())) {
        return Ok(true);
    }
    // Easter Monday, Ascension, Whit Monday.
    let easter = easter(date.year())?;
    for after in [1, 39, 50] {
        if easter.checked_add(after.days())? == date {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Easter Sunday (Meeus, Gregorian).
fn easter(year: i16) -> Result<Date, jiff::Error> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    Date::new(year, (n / 31) as i8, (n % 31 + 1) as i8)
}

fn is_school_break(date: Date) -> bool {
    matches!((date.month(), date.day()), (12, 23..) | (1, 1..=3) | (2, 12..=23) | (8, _))
}

/// Opens on the 28th (26th in February), closes on the 15th.
fn actualisation(date: Date) -> f64 {
    let opens = if date.month() == 2 { 26 } else { 28 };
    match date.day() {
        day if day >= opens => 1.0,
        1..=4 => 0.9,
        5..=10 => 0.65,
        11..=15 => 0.5,
        _ => 0.0,
    }
}

/// The Monday of the week of `date`, as a day number that never depends on the world's start.
pub(super) fn week_of(date: Date) -> u64 {
    let days = date.since(Date::constant(2000, 1, 3)).map_or(0, |span| i64::from(span.get_days()));
    debug_assert_eq!(Date::constant(2000, 1, 3).weekday(), Weekday::Monday);
    days.div_euclid(7).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_days() {
        let all = days(Date::constant(2024, 1, 1), 366).unwrap();
        let holidays: Vec<String> =
            all.iter().filter(|d| d.holiday).map(|d| d.date.to_string()).collect();
        assert_eq!(
            holidays,
            [
                "2024-01-01",
                "2024-04-01",
                "2024-05-01",
                "2024-05-08",
                "2024-05-09",
                "2024-05-20",
                "2024-07-14",
                "2024-08-15",
                "2024-11-01",
                "2024-11-11",
                "2024-12-25"
            ]
        );
        let wave = |text: &str| {
            let date: Date = text.parse().unwrap();
            actualisation(date) > 0.0
        };
        assert!(wave("2024-02-26") && wave("2024-01-28") && wave("2024-03-15"));
        assert!(!wave("2024-02-25") && !wave("2024-01-27") && !wave("2024-03-16"));
    }

    #[test]
    fn office_hours_survive_the_clock_change() {
        let all = days(Date::constant(2024, 3, 30), 3).unwrap();
        let nine: Vec<i64> = all.iter().map(|d| d.at(9.0 * 3_600.0) / 3_600_000 % 24).collect();
        assert_eq!(nine, [8, 7, 7], "09:00 in Paris is 08:00 UTC in winter, 07:00 in summer");
    }

    #[test]
    fn weeks_begin_on_monday() {
        let week = |text: &str| week_of(text.parse().unwrap());
        assert_eq!(week("2024-01-08"), week("2024-01-14"));
        assert_eq!(week("2024-01-14") + 1, week("2024-01-15"));
    }
}
