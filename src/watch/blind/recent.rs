//! What happened in the last quarter of an hour, and what is usual: differences between samples of
//! the shards' counters, which only grow.

use std::collections::{BTreeMap, VecDeque};

use crate::event::{TimestampMs, Touch};
use crate::watch::view::ShardState;

/// How far back "recent" reaches, in milliseconds.
pub const RECENT_MS: i64 = 15 * 60_000;
/// Samples in a row that must all show a delay.
const DELAY_SAMPLES: usize = 6;
/// What is usual is halved this often, so that it follows the log within days.
const HALF_LIFE_MS: i64 = 12 * 3_600_000;

/// What happened in the last quarter of an hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recent {
    /// Lines read.
    pub lines: u64,
    /// Lines that are no event.
    pub quarantined: u64,
    /// The commonest reason among them.
    pub quarantine_reason: String,
    /// Lines over the size limit.
    pub oversized: u64,
    /// Events applied.
    pub events: u64,
    /// Those of a day that was closed.
    pub late: u64,
    /// Accounts forgotten for want of room.
    pub evicted: u64,
    /// Stretches of input never read.
    pub holes: u64,
    /// Successful events, and those that name a person, by [`Touch`].
    pub touches: [(u64, u64); 2],
    /// The same before that, older times counting less.
    pub usual: [(u64, u64); 2],
    /// Least delay between event and arrival in the last samples; `None` before there are enough.
    pub delay_ms: Option<i64>,
}

/// The counters of one source at one moment, its shards added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sample {
    at: TimestampMs,
    lines: u64,
    quarantined: BTreeMap<String, u64>,
    events: u64,
    late: u64,
    evicted: u64,
    holes: u64,
    touches: [(u64, u64); 2],
    delay_ms: Option<i64>,
}

impl Sample {
    fn add(&mut self, state: &ShardState) {
        self.lines += state.tally.lines;
        for (reason, count) in &state.tally.quarantined {
            *self.quarantined.entry(reason.clone()).or_default() += count;
        }
        self.events += state.counters.events;
        self.late += state.counters.late;
        self.evicted += state.counters.evicted;
        self.holes += state.tally.run.holes;
        for touch in [Touch::Listed, Touch::Opened] {
            let (events, named) = state.tally.run.of(touch);
            let sum = &mut self.touches[touch as usize];
            *sum = (sum.0 + events, sum.1 + named);
        }
        let last = Some(state.tally.run.last_time).filter(|time| *time > 0);
        let delay = state.last_arrival_at.zip(last).map(|(arrived, time)| arrived - time);
        // A partition that lags does so while the others do not.
        self.delay_ms = self.delay_ms.max(delay);
    }

    /// Everything that can only grow: a sample in which some of it shrank is another world, where
    /// a shard left or its state was loaded again.
    fn is_after(&self, before: &Sample) -> bool {
        self.lines >= before.lines
            && self.events >= before.events
            && self.holes >= before.holes
            && self.evicted >= before.evicted
            && self.late >= before.late
            && before.touches.iter().zip(&self.touches).all(|(b, a)| a.0 >= b.0 && a.1 >= b.1)
            && before.quarantined.iter().all(|(r, n)| self.quarantined.get(r) >= Some(n))
    }
}

/// The samples of one source.
#[derive(Clone, Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
    shards: usize,
    usual: [(u64, u64); 2],
    halved_at: Option<TimestampMs>,
}

impl History {
    /// Takes a sample of a source's shards. While `troubled`, what is usual stays as it is: the
    /// trouble must not become usual.
    pub fn sample(&mut self, shards: &[ShardState], now: TimestampMs, troubled: bool) -> Recent {
        let mut sample = Sample { at: now, ..Sample::default() };
        shards.iter().for_each(|state| sample.add(state));
        let last = self.samples.back().cloned().unwrap_or_default();
        // A shard that came brings its whole past along, except what only this run has counted.
        if self.samples.is_empty() || !sample.is_after(&last) || shards.len() != self.shards {
            self.samples.clear();
            self.shards = shards.len();
            let holes = last.holes.min(sample.holes);
            self.samples.push_back(Sample { holes, ..sample.clone() });
        }
        self.samples.push_back(sample);
        self.age(now, troubled);
        self.recent()
    }

    /// Lets what is older than a quarter of an hour become usual.
    fn age(&mut self, now: TimestampMs, troubled: bool) {
        while self.samples.len() > 2 && self.samples[1].at <= now - RECENT_MS {
            let Some(old) = self.samples.pop_front() else { break };
            if troubled {
                continue;
            }
            let next = &self.samples[0];
            for touch in 0..2 {
                self.usual[touch].0 += next.touches[touch].0 - old.touches[touch].0;
                self.usual[touch].1 += next.touches[touch].1 - old.touches[touch].1;
            }
        }
        let halved = *self.halved_at.get_or_insert(now);
        if now - halved >= HALF_LIFE_MS {
            self.usual.iter_mut().for_each(|sum| *sum = (sum.0 / 2, sum.1 / 2));
            self.halved_at = Some(now);
        }
    }

    fn recent(&self) -> Recent {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return Recent::default();
        };
        let since = |reason: &str| {
            let of = |sample: &Sample| sample.quarantined.get(reason).copied().unwrap_or(0);
            of(last) - of(first)
        };
        let reasons: Vec<(u64, &str)> =
            last.quarantined.keys().map(|reason| (since(reason), reason.as_str())).collect();
        let lately = self.samples.iter().rev().take(DELAY_SAMPLES);
        let delays: Option<Vec<i64>> = lately.map(|sample| sample.delay_ms).collect();
        let enough = self.samples.len() >= DELAY_SAMPLES;
        // Without arrivals the last delay would stand for ever: silence is another matter.
        let moved = self.samples.iter().rev().nth(DELAY_SAMPLES - 1);
        let moving = moved.is_some_and(|sample| sample.lines < last.lines);
        Recent {
            lines: last.lines - first.lines,
            quarantined: reasons.iter().map(|(count, _)| count).sum(),
            quarantine_reason: reasons.iter().max().map_or("", |(_, reason)| reason).to_owned(),
            oversized: since("oversized"),
            events: last.events - first.events,
            late: last.late - first.late,
            evicted: last.evicted - first.evicted,
            holes: last.holes - first.holes,
            touches: [0, 1].map(|t| {
                let (before, after) = (first.touches[t], last.touches[t]);
                (after.0 - before.0, after.1 - before.1)
            }),
            usual: self.usual,
            delay_ms: delays.filter(|_| enough && moving).and_then(|d| d.into_iter().min()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(lines: u64, named: u64, at: TimestampMs, behind: i64) -> ShardState {
        let mut state = ShardState { last_arrival_at: Some(at), ..ShardState::default() };
        state.tally.lines = lines;
        state.counters.events = lines;
        state.tally.run.touches = [lines, 0];
        state.tally.run.named = [named, 0];
        state.tally.run.last_time = at - behind;
        state
    }

    #[test]
    fn the_recent_and_the_usual_are_told_apart() {
        let mut history = History::default();
        let mut recent = Recent::default();
        // An hour of named searches, then a quarter without names.
        for step in 0..=500_u64 {
            let now = 1_000_000 + step as i64 * 10_000;
            let named = step.min(400) * 10;
            recent = history.sample(&[state(step * 10, named, now, 0)], now, false);
        }
        assert_eq!(recent.lines, 900, "90 steps of 10");
        assert_eq!(recent.touches, [(900, 0), (0, 0)]);
        assert_eq!(recent.usual, [(4_100, 4_000), (0, 0)]);
        assert_eq!(recent.delay_ms, Some(0));
    }

    #[test]
    fn trouble_does_not_become_usual_and_a_loaded_state_is_another_world() {
        let mut history = History::default();
        for step in 0..=200_u64 {
            let now = step as i64 * 10_000;
            history.sample(&[state(step * 10, 0, now, 0)], now, true);
        }
        assert_eq!(history.usual, [(0, 0); 2]);
        let recent = history.sample(&[state(5, 0, 2_010_000, 0)], 2_010_000, false);
        assert_eq!((recent.lines, recent.events), (0, 0), "counters went back");
        let two = [state(6, 0, 2_020_000, 0), state(90, 0, 2_020_000, 0)];
        assert_eq!(history.sample(&two, 2_020_000, false).lines, 0, "a shard came");
    }

    #[test]
    fn a_hole_before_the_first_look_counts() {
        let mut hole = state(5, 0, 0, 0);
        hole.tally.run.holes = 1;
        let mut history = History::default();
        assert_eq!(history.sample(&[hole.clone()], 0, false).holes, 1);
        let two = [hole.clone(), hole];
        assert_eq!(history.sample(&two, 10_000, false).holes, 1, "the new one's");
    }

    #[test]
    fn a_delay_must_show_in_every_sample_and_needs_arrivals() {
        let mut history = History::default();
        let check = |history: &mut History, lines, behind: &[i64], want| {
            let mut recent = Recent::default();
            for (step, behind) in behind.iter().enumerate() {
                let now = 10_000 * step as i64 + 100_000_000;
                let lines = lines * step as u64;
                recent = history.sample(&[state(lines, 0, now, *behind)], now, false);
            }
            assert_eq!(recent.delay_ms, want, "{behind:?}");
            *history = History::default();
        };
        check(&mut history, 1, &[70, 80, 90, 70, 60, 75], Some(60));
        check(&mut history, 1, &[70, 80, 90, 70], None);
        check(&mut history, 1, &[7_000, 7_000, 7_000, 0, 7_000, 7_000], Some(0));
        check(&mut history, 0, &[70; 9], None);
    }
}
