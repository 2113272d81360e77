//! The shard's own clock, a watermark over its accounts' times, and what is due by it: quiet episodes
//! end, hours and days of everybody close.

use super::limits::{CALIBRATION_DAYS, WATERMARK_LAG_MS};
use super::report::Finding;
use super::time::Day;
use super::{Detector, HOUR_MS, lift, opening};
use crate::event::TimestampMs;

impl Detector {
    /// The watermark follows the third-largest account time: two wrong clocks cannot move it.
    pub(super) fn advance_watermark(&mut self, index: u32, out: &mut Vec<Finding>) {
        let time = self.accounts[index as usize].time;
        if let Some(leader) = self.leaders.iter_mut().find(|l| l.1 == index) {
            leader.0 = time;
        } else if time > self.leaders[2].0 {
            self.leaders[2] = (time, index);
        } else {
            return;
        }
        self.leaders.sort_unstable_by_key(|l| std::cmp::Reverse(l.0));
        let third = self.leaders[2].0;
        if third == TimestampMs::MIN || third - WATERMARK_LAG_MS <= self.watermark {
            return;
        }
        self.watermark = third - WATERMARK_LAG_MS;
        if self.watermark >= self.due {
            self.on_due(out);
        }
    }

    /// Ends episodes that were quiet long enough, and the shard's day.
    fn on_due(&mut self, out: &mut Vec<Finding>) {
        while let Some((at, index)) = self.deadlines.first().copied() {
            if at > self.watermark {
                break;
            }
            self.deadlines.pop_first();
            let account = &mut self.accounts[index as usize];
            if let Some(due) = opening::end_if_quiet(account, &self.shared, self.watermark, out) {
                self.deadlines.insert((due, index));
            }
        }
        self.pools.end_quiet(self.watermark, &self.accounts, &self.shared, out);
        let today = self.shared.calendar.day_of(self.watermark);
        if let Some(day) = self.day {
            // The last hour that is over, of this day or of the one that ends.
            let over = self.watermark.min(day.end_ms) - day.start_ms;
            let ended = over.div_euclid(HOUR_MS);
            if ended > self.hours_ended {
                self.hours_ended = ended;
                self.end_hour(&day, ended as usize - 1);
            }
        }
        match self.day {
            Some(day) if self.watermark >= day.end_ms => {
                self.end_day(today.day - 1, out);
                self.day = Some(today);
                self.hours_ended = 0;
                self.shared.groups.iter_mut().for_each(|slot| slot.lift = lift::LEVEL);
                self.pools.turn(today, &self.shared);
            }
            Some(_) => {}
            None => {
                self.day = Some(today);
                self.shared.first_day = Some(today.day);
                self.pools.turn(today, &self.shared);
            }
        }
        let day_end = self.day.map_or(TimestampMs::MAX, |d| {
            let hour = (self.watermark - d.start_ms).div_euclid(HOUR_MS);
            d.end_ms.min(d.start_ms + (hour + 1) * HOUR_MS)
        });
        let deadline = self.deadlines.first().map_or(TimestampMs::MAX, |d| d.0);
        self.due = day_end.min(deadline).min(self.pools.deadline(self.shared.settings.quiet_ms));
    }

    /// The waiting epoch comes into force, and what was learned leaves for the next one.
    fn end_day(&mut self, day: Day, out: &mut Vec<Finding>) {
        self.shared.counters.days += 1;
        self.shared.activate_pending();
        for account in &self.accounts {
            let silent = day - account.day.day;
            if silent > CALIBRATION_DAYS || account.excluded_until >= day {
                continue;
            }
            let learning = self.shared.learning(account.group);
            learning.members += 1;
            for (sums, own) in learning.sums.iter_mut().zip(&account.base) {
                sums.iter_mut().zip(own).for_each(|(sums, own)| sums.add(own));
            }
        }
        out.push(Finding::DayEnded(Box::new(self.shared.take_partial(day))));
    }
}
