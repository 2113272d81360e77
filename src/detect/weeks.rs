//! The last days of an account, so that seven of them can be summed when an eighth begins.

use serde::{Deserialize, Serialize};

use super::channel::WEEKLY;
use super::time::{Day, is_near};
use crate::event::Position;

/// Days before today that a week sums.
const DAYS: usize = 6;

/// Counts of the last days, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weeks {
    /// The newest day.
    day: Day,
    counts: [[[u16; DAYS]; WEEKLY]; 2],
    /// Where each day began in the log.
    positions: [Position; DAYS],
}

impl Weeks {
    /// Sums of the six days before `today`, by touch.
    #[must_use]
    pub fn carried(&self, today: Day) -> [[u32; WEEKLY]; 2] {
        let kept = self.kept(today);
        let sum = |counts: &[u16; DAYS]| counts[..kept].iter().map(|n| u32::from(*n)).sum();
        self.counts.map(|of_touch| of_touch.map(|counts| sum(&counts)))
    }

    /// Where the oldest of the six days before `today` that had events begins in the log, and how
    /// many days it lies back.
    #[must_use]
    pub fn since(&self, today: Day) -> Option<(i32, Position)> {
        let kept = self.kept(today);
        let at = (0..kept).rev().find(|at| self.positions[*at] > 0)?;
        Some((today - self.day + at as i32, self.positions[at]))
    }

    /// How many of the kept days belong to the six before `today`.
    fn kept(&self, today: Day) -> usize {
        (DAYS as i32 + 1 - (today - self.day).max(1)).clamp(0, DAYS as i32) as usize
    }

    /// Adds a closed day.
    pub fn close(&mut self, day: Day, counts: [[u64; WEEKLY]; 2], began: Position) {
        let steps = ((day - self.day).max(0) as usize).min(DAYS);
        self.positions.rotate_right(steps);
        self.positions[..steps].fill(0);
        for of_touch in &mut self.counts {
            for counts in of_touch.iter_mut() {
                counts.rotate_right(steps);
                counts[..steps].fill(0);
            }
        }
        self.day = self.day.max(day);
        // A clock that was ahead comes back to a day that is already there.
        let Some(at) = usize::try_from(self.day - day).ok().filter(|at| *at < DAYS) else { return };
        if self.positions[at] == 0 {
            self.positions[at] = began.max(1);
        }
        for (mine, news) in self.counts.iter_mut().zip(counts) {
            for (mine, news) in mine.iter_mut().zip(news) {
                mine[at] = mine[at].saturating_add(news.min(u64::from(u16::MAX)) as u16);
            }
        }
    }

    /// Whether restored ones can be worked with.
    pub(super) fn is_sound(&self) -> bool {
        is_near(self.day)
    }

    /// What was told is told.
    pub fn start_again(&mut self) {
        *self = Weeks { day: self.day, ..Weeks::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_this_day_and_the_six_before() {
        let mut weeks = Weeks::default();
        for day in 100..110 {
            weeks.close(day, [[day as u64; WEEKLY], [1; WEEKLY]], day as u64 * 10);
        }
        assert_eq!(weeks.carried(110)[0][0], (104..110).sum::<u32>());
        assert_eq!(weeks.carried(110)[1][2], 6);
        assert_eq!(weeks.since(110), Some((6, 1_040)));
        assert_eq!(weeks.carried(113)[0][0], (107..110).sum::<u32>(), "after a long weekend");
        assert_eq!(weeks.since(113), Some((6, 1_070)));
        assert_eq!(weeks.carried(116)[0][0], 0);
        assert_eq!(weeks.since(116), None);
        weeks.close(112, [[5; WEEKLY]; 2], 1_120);
        assert_eq!(weeks.carried(113)[0][0], 107 + 108 + 109 + 5);
    }
}
