//! What lifts a whole group today: an actualisation, a mass registration, a day of retries. Each hour
//! the group's counts so far are compared with what a usual day has brought by then, and what is
//! expected of every member is scaled by the ratio: a wave is not a thousand alerts.
//!
//! It can hide a theft that the whole group commits; partner levels look at that (`pool`).

use std::hint::black_box;

use super::Detector;
use super::account::Account;
use super::ahead::AHEAD;
use super::channel::{MEASURES, Measure, RUNS, Span, TOUCHES, baseline_index};
use super::epoch::{HourClass, Kind};
use super::time::LocalDay;

/// Day measures that are lifted apart.
pub const LIFTED: [Measure; 6] = [
    Measure::Persons1d,
    Measure::Foreign1d,
    Measure::Novel1d,
    Measure::Dormant1d,
    Measure::Misses1d,
    Measure::Updates1d,
];

/// A value for every touch and lifted measure.
pub type Lifted<T> = [[T; LIFTED.len()]; 2];

/// Nothing lifts anybody.
pub const LEVEL: Lifted<f32> = [[1.0; LIFTED.len()]; 2];

/// Members at work from which they are a group, and the least that is called a wave; a wave is
/// believed up to fourfold.
const MEMBERS_MIN: u32 = 15;
const WAVE_FROM: f64 = 1.15;
const WAVE_MAX: f64 = 4.0;
/// How much of today's lift a sum over seven days feels.
const OF_WEEK: f32 = 0.3;

/// Reads what an hour's end needs of an account; the value says nothing. Several accounts wait for
/// memory together, as in [`ahead`](super::ahead).
fn peek(account: &Account) -> u64 {
    let count = |touch| account.today.as_ref().map_or(0, |t| t.count(touch, Measure::Persons1d));
    let learned =
        |t: usize, m: Measure| u64::from(account.base[t][baseline_index(m, 0)].weight.to_bits());
    let of_touch = |t: usize| learned(t, Measure::Persons1d) ^ learned(t, Measure::Misses1d);
    TOUCHES.into_iter().fold(0, |read, touch| read ^ count(touch) ^ of_touch(touch as usize))
}

/// One group's counts so far today.
#[derive(Clone, Copy, Debug, Default)]
struct Live {
    members: u32,
    counted: Lifted<f64>,
    expected: Lifted<f64>,
}

/// Which lift a measure feels, and how much of it.
const fn felt(measure: Measure) -> (usize, f32) {
    let of_day = match measure.spec().span.of_day() {
        Some(of_day) => of_day,
        None => measure,
    };
    let mut place = LIFTED.len() - 1;
    while place > 0 && LIFTED[place] as usize != of_day as usize {
        place -= 1;
    }
    match measure.spec().span {
        Span::Week(_) => (place, OF_WEEK),
        // An even pace and neighbouring identifiers are nobody's usual work.
        _ if measure.tally().is_some() && place == 0 => (place, 0.0),
        _ => (place, 1.0),
    }
}

/// The same for every measure: hours end for all accounts at once.
const FELT: [(usize, f32); MEASURES] = {
    let mut all = [(0, 0.0); MEASURES];
    let mut at = 0;
    while at < MEASURES {
        all[at] = felt(Measure::ALL[at]);
        at += 1;
    }
    all
};

/// Shares among the persons met ([`RUNS`]) that a wave changes for everybody: a mass registration is
/// made of new persons. On such a day they say nothing about one account.
pub(super) fn changes_shares(lift: &[f32; LIFTED.len()]) -> [bool; RUNS.len()] {
    /// Least lift of the kind itself, and over that of all persons.
    const CHANGES_FROM: (f32, f32) = (2.0, 1.25);
    RUNS.map(|run| {
        let of = |m: Measure| LIFTED.iter().position(|l| *l == m).map(|place| lift[place]);
        let persons = of(Measure::Persons1d).unwrap_or(1.0);
        of(run.waves_with).is_some_and(|l| l >= CHANGES_FROM.0 && l >= CHANGES_FROM.1 * persons)
    })
}

impl Account {
    /// How much more than usual is expected of a measure today, since it is so of everybody.
    #[must_use]
    pub fn lifted(&self, touch: crate::event::Touch, measure: Measure) -> f64 {
        let (place, part) = FELT[measure as usize];
        f64::from(1.0 + part * (self.lift[touch as usize][place] - 1.0))
    }
}

impl Detector {
    /// The clock hour of the shard's day that ends now: what the groups did so far.
    pub(super) fn end_hour(&mut self, day: &LocalDay, hour: usize) {
        if day.is_rest() {
            return;
        }
        let mut live = vec![Live::default(); self.shared.groups.len()];
        let at_work = |a: &&Account| {
            a.kind == Kind::Human && a.day.day == day.day && a.excluded_until < day.day
        };
        let accounts = self.accounts.chunks(AHEAD).flat_map(|several| {
            black_box(several.iter().fold(0, |read, account| read ^ peek(account)));
            several
        });
        for account in accounts.filter(at_work) {
            let Some(today) = account.today.as_ref().filter(|t| t.fired == 0) else { continue };
            let group = self.shared.group(account.group, today.epoch);
            let live = &mut live[account.group as usize];
            live.members += 1;
            for touch in TOUCHES {
                let t = touch as usize;
                let counted = LIFTED.into_iter().enumerate().filter(|(_, m)| m.counts(touch));
                for (place, measure) in counted {
                    let mut model = account.model(touch, measure, HourClass::Core, group);
                    model.mean /= account.lifted(touch, measure);
                    let x = today.count(touch, measure) as f64;
                    // Most have counted little by now, and a root for each is dear.
                    let usual = x <= model.mean;
                    let most = if usual { x } else { model.mean + 3.0 * model.sd() };
                    live.counted[t][place] += x.min(most);
                    live.expected[t][place] += model.mean;
                }
            }
        }
        for (slot, live) in self.shared.groups.iter_mut().zip(&live) {
            slot.note_hour(hour, live.members, &live.counted, &live.expected);
        }
    }
}

/// The lift of one measure: this day's share so far over a usual day's at that hour.
#[must_use]
pub(super) fn lift(members: u32, counted: f64, expected: f64, usual: f32) -> f32 {
    if members < MEMBERS_MIN || expected <= 0.0 || usual <= 0.0 {
        return 1.0;
    }
    let ratio = counted / expected / f64::from(usual);
    // In quarters: thresholds follow a wave, not its noise.
    if ratio < WAVE_FROM { 1.0 } else { ((ratio.min(WAVE_MAX) * 4.0).round() / 4.0) as f32 }
}
