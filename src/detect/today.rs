//! One local day of one account: what is counted while it lasts.

use serde::{Deserialize, Serialize};

use super::channel::{Channels, HOURLY, MEASURES, Measure, Span, WEEKLY, WEEKS};
use super::episode::Trail;
use super::epoch::{HourClass, Kind};
use super::limits::HOUR_SLOTS;
use super::operations::Operations;
use super::places::Places;
use super::readers::Readers;
use super::requests::Requests;
use super::time::LocalDay;
use super::window::Windows;
use crate::event::{Position, TimestampMs, Touch};

/// Threshold that was not computed yet.
pub const UNKNOWN: u32 = 0;

/// Greatest sliding counts of one clock hour, by touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourMaxima {
    pub(super) hour_of_week: u8,
    pub(super) class: u8,
    /// Bit by touch: persons were returned in this hour.
    pub(super) touched: u8,
    pub(super) counts: [[u32; HOURLY.len()]; 2],
}

/// One local day of one account.
///
/// In memory as declared: what every event touches stands together at the front.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[repr(C)]
pub struct Today {
    /// Persons that may still be counted before anything must be looked at: the one comparison
    /// of the event path.
    pub slack: i64,
    /// Records returned today.
    pub records: u64,
    /// Records without a usable identity.
    pub unidentified: u64,
    /// Accesses after the account's end.
    pub after_end: u64,
    /// First and last events since the day became interesting.
    pub trail: Option<Box<Trail>>,
    /// By whom persons were read, since there is reason to ask.
    pub readers: Option<Box<Readers>>,
    /// Epoch of the day's thresholds.
    pub epoch: u32,
    /// Current 5-minute slot of the day.
    pub slot: u16,
    /// Class of the current hour.
    pub class: HourClass,
    /// Marks of an access in the current hour: [`super::window::OFF`] or nothing.
    pub hour_marks: u8,
    /// How many times more often than others this account may fire today.
    pub odds: u8,
    /// Requests, whoever came back.
    pub requests: Requests,
    /// By which operations.
    pub operations: Operations,
    pub(super) current: HourMaxima,
    /// Devices and addresses seen today.
    pub seen: [Places; 2],
    /// Listed and opened persons.
    pub windows: [Windows; 2],
    /// Integer thresholds by touch and measure, or [`UNKNOWN`].
    pub thresholds: Channels<u32>,
    /// The same for bulk that has an everyday explanation.
    pub explained: Option<Box<Channels<u32>>>,
    /// The same for a sign; no count beyond is one.
    pub sign_at: Channels<u16>,
    /// Bit by channel: a sign today.
    pub signs: u64,
    /// Sums of the six days before, by touch.
    pub carried: [[u32; WEEKLY]; 2],
    /// Bit by channel: crossed today.
    pub fired: u64,
    /// People said that what fired was a theft: it leaves no mark in the calibration.
    pub is_theft: bool,
    /// Out of learning already when the day began.
    pub excluded_at_open: bool,
    /// Rest days since the account's last day, today included.
    pub rest_chances: u32,
    /// Position of the day's first event.
    pub first_position: Position,
    /// Persons a day that were declared: (ceiling, raises thresholds).
    pub declared: Option<(u64, bool)>,
    pub(super) hours: Vec<HourMaxima>,
}

impl Today {
    /// A fresh day; reuses the tables of the one before.
    #[must_use]
    pub fn open(before: Option<Box<Today>>, day: &LocalDay, time: TimestampMs) -> Box<Today> {
        let slot = day.slot(time);
        let (mut windows, mut hours) = before.map(|b| (b.windows, b.hours)).unwrap_or_default();
        hours.clear();
        windows.iter_mut().for_each(|w| w.reset(slot));
        Box::new(Today {
            windows,
            slot,
            class: HourClass::Core,
            slack: 0,
            thresholds: [[UNKNOWN; MEASURES]; 2],
            explained: None,
            sign_at: [[UNKNOWN as u16; MEASURES]; 2],
            signs: 0,
            hour_marks: 0,
            odds: 1,
            requests: Requests::default(),
            operations: Operations::default(),
            carried: Default::default(),
            fired: 0,
            is_theft: false,
            excluded_at_open: false,
            epoch: 0,
            rest_chances: 0,
            records: 0,
            first_position: 0,
            unidentified: 0,
            after_end: 0,
            declared: None,
            seen: Default::default(),
            trail: None,
            readers: None,
            current: HourMaxima::default(),
            hours,
        })
    }

    /// Reads what every event needs; the value says nothing.
    pub(super) fn peek(&self, touch: Touch) -> u64 {
        let windows = self.windows[touch as usize].ahead() ^ self.ahead();
        let first = self.operations.iter().next().unwrap_or(0);
        windows ^ self.slack as u64 ^ u64::from(first) ^ self.seen[0].iter().count() as u64
    }

    /// Starts the clock hour that `slot` lies in; a change of class starts the hour windows again.
    pub fn enter_hour(&mut self, day: &LocalDay, classes: &[HourClass], kind: Kind) {
        let hour_of_week = day.hour_of_week(self.slot);
        let usual = classes.get(usize::from(hour_of_week)).copied().unwrap_or(HourClass::Off);
        let class = if kind == Kind::Human { usual } else { HourClass::Core };
        let off = kind == Kind::Human && (usual == HourClass::Off || day.is_rest());
        self.hour_marks = if off { super::window::OFF } else { 0 };
        if class != self.class {
            self.class = class;
            self.windows.iter_mut().for_each(Windows::cut);
            let explained = self.explained.iter_mut().flat_map(|of| of.iter_mut());
            for thresholds in self.thresholds.iter_mut().chain(explained) {
                HOURLY.iter().for_each(|m| thresholds[*m as usize] = UNKNOWN);
            }
        }
        self.slack = 0;
        self.current = HourMaxima { hour_of_week, class: class as u8, ..HourMaxima::default() };
    }

    /// Thresholds are computed anew when they are next needed.
    pub fn forget_thresholds(&mut self) {
        self.thresholds = [[UNKNOWN; MEASURES]; 2];
        self.explained = None;
        self.sign_at = [[UNKNOWN as u16; MEASURES]; 2];
        self.slack = 0;
        self.look_at_all(true);
    }

    /// Every measure must be looked at whenever anything is, or none for now.
    pub(super) fn look_at_all(&mut self, must: bool) {
        self.requests.look_at_all(must);
        self.windows.iter_mut().for_each(|w| w.look_at_all(must));
    }

    /// A measure must be looked at again when so many more were counted; 0: whenever anything is.
    pub(super) fn look_again(&mut self, touch: Touch, measure: Measure, ahead: u64) {
        let of_day = measure.spec().span.of_day().unwrap_or(measure);
        match of_day.tally() {
            Some(tally) => self.requests.look_again(tally, ahead),
            None => self.windows[touch as usize].look_again(of_day, ahead),
        }
    }

    /// How many may still be counted before a measure must be looked at; 0: one must be now.
    pub(super) fn ahead(&self) -> u64 {
        let windows = self.windows.iter().map(Windows::ahead);
        windows.fold(self.requests.ahead(), u64::min)
    }

    /// Counts from here on as if the day began: what was before is judged. `position` is the last
    /// record that was.
    pub fn start_again(&mut self, position: Position) {
        self.note_maxima();
        let slot = self.slot;
        self.windows.iter_mut().for_each(|w| w.reset(slot));
        (self.records, self.unidentified, self.after_end, self.slack) = (0, 0, 0, 0);
        self.requests.start_again();
        self.signs = 0;
        self.carried = Default::default();
        self.trail = None;
        self.readers = None;
        self.first_position = position;
    }

    /// Moves on to a later slot of the day.
    pub fn advance(&mut self, slot: u16, day: &LocalDay, classes: &[HourClass], kind: Kind) {
        self.note_maxima();
        let same_hour = slot / HOUR_SLOTS == self.slot / HOUR_SLOTS;
        if !same_hour {
            self.close_hour();
        }
        self.slot = slot;
        self.windows.iter_mut().for_each(|w| w.advance(slot));
        if !same_hour {
            self.enter_hour(day, classes, kind);
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        const REST_CHANCES_MAX: u32 = 61;
        self.rest_chances <= REST_CHANCES_MAX
            && self.windows.iter().all(|w| w.is_sound() && w.slot() == self.slot)
            && self.readers.as_ref().is_none_or(|readers| readers.is_sound())
    }

    /// Moves back to an earlier slot of the day: the clock was ahead.
    pub fn fall_back(&mut self, slot: u16, day: &LocalDay, classes: &[HourClass], kind: Kind) {
        self.note_maxima();
        self.close_hour();
        self.slot = slot.min(self.slot);
        self.windows.iter_mut().for_each(|w| w.fall_back(slot));
        self.enter_hour(day, classes, kind);
    }

    /// Bytes of the list of hours.
    pub(super) fn hour_bytes(&self) -> u64 {
        (self.hours.capacity() * size_of::<HourMaxima>()) as u64
    }

    /// The count of a measure now.
    #[must_use]
    pub fn count(&self, touch: Touch, measure: Measure) -> u64 {
        let windows = &self.windows[touch as usize];
        match measure.spec().span {
            Span::Hour => windows.count(measure),
            Span::Day => match measure.tally() {
                Some(tally) => self.requests.count(tally),
                None => windows.count(measure),
            },
            Span::Week(of_day) => {
                let place = WEEKS.iter().position(|(week, _)| *week == measure);
                let carried = place.map_or(0, |place| self.carried[touch as usize][place]);
                u64::from(carried) + windows.count(of_day)
            }
            Span::Drift(of_day) => windows.count(of_day),
            Span::Run(run) => windows.run(run).count(),
        }
    }

    /// Ends the day's counting.
    pub(super) fn finish(&mut self) {
        self.note_maxima();
        self.close_hour();
    }

    /// Persons were returned in this hour.
    pub fn mark_touched(&mut self, touch: Touch) {
        self.current.touched |= 1 << touch as u8;
    }

    fn note_maxima(&mut self) {
        for (windows, counts) in self.windows.iter().zip(&mut self.current.counts) {
            for (count, measure) in counts.iter_mut().zip(HOURLY) {
                *count = (*count).max(windows.count(measure).min(u64::from(u32::MAX)) as u32);
            }
        }
    }

    fn close_hour(&mut self) {
        if self.current.touched != 0 {
            if self.hours.len() == self.hours.capacity() {
                // A day has a few active hours, and there are many accounts.
                self.hours.reserve_exact(4);
            }
            self.hours.push(self.current);
        }
    }
}
