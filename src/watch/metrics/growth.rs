//! By how much the shards' counters have grown since the last look. Shards come and go with their
//! counters; a metric only ever grows.

use std::collections::BTreeMap;

use crate::event::TimestampMs;
use crate::watch::view::ShardState;

/// What a shard has added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grown {
    pub(super) accepted: u64,
    pub(super) quarantined: BTreeMap<&'static str, u64>,
    pub(super) touches: [(u64, u64); 2],
    pub(super) holes: u64,
    pub(super) late: u64,
    pub(super) evicted: u64,
    pub(super) fallbacks: u64,
    /// Between the newest event and its arrival; `None`: none has come.
    pub(super) lag_ms: Option<i64>,
}

/// What was there at the last look.
#[derive(Clone, Debug, Default)]
pub(super) struct Growth {
    shards: BTreeMap<(String, u32), Last>,
    deliveries: BTreeMap<(String, &'static str), u64>,
}

#[derive(Clone, Debug, Default)]
struct Last {
    accepted: u64,
    quarantined: BTreeMap<&'static str, u64>,
    touches: [(u64, u64); 2],
    holes: u64,
    late: u64,
    evicted: u64,
    fallbacks: u64,
    arrival: Option<TimestampMs>,
}

/// A count that is smaller than before has begun again at 0.
fn grown(now: u64, before: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

impl Growth {
    /// What a shard has added since the last look.
    pub(super) fn of(&mut self, source: &str, shard: u32, seen: &ShardState) -> Grown {
        let (run, counters) = (&seen.tally.run, &seen.counters);
        let now = Last {
            accepted: run.events,
            quarantined: run.quarantined.clone(),
            touches: [0, 1].map(|touch| (run.touches[touch], run.named[touch])),
            holes: run.holes,
            late: counters.late,
            evicted: counters.evicted,
            fallbacks: counters.clock_fallbacks,
            arrival: seen.last_arrival_at,
        };
        // These survive with the state: what was there before this process is not its growth, and
        // what goes back with a loaded state is no growth either.
        let kept = |now: u64, before: Option<u64>| now.saturating_sub(before.unwrap_or(now));
        let before = self.shards.insert((source.to_owned(), shard), now.clone());
        let old = before.clone().unwrap_or_default();
        let quarantined = now.quarantined.iter().map(|(reason, count)| {
            (*reason, grown(*count, old.quarantined.get(reason).copied().unwrap_or(0)))
        });
        let fresh = now.arrival.filter(|arrived| old.arrival != Some(*arrived));
        Grown {
            accepted: grown(now.accepted, old.accepted),
            quarantined: quarantined.collect(),
            touches: [0, 1].map(|touch| {
                let (now, old) = (now.touches[touch], old.touches[touch]);
                (grown(now.0, old.0), grown(now.1, old.1))
            }),
            holes: grown(now.holes, old.holes),
            late: kept(now.late, before.as_ref().map(|b| b.late)),
            evicted: kept(now.evicted, before.as_ref().map(|b| b.evicted)),
            fallbacks: kept(now.fallbacks, before.as_ref().map(|b| b.fallbacks)),
            lag_ms: fresh.filter(|_| run.last_time > 0).map(|at| (at - run.last_time).max(0)),
        }
    }

    /// Deliveries of an outcome since the last look; what was there at the first is not growth,
    /// and a purge takes nothing back.
    pub(super) fn deliveries(&mut self, sink: &str, outcome: &'static str, total: u64) -> u64 {
        let before = self.deliveries.insert((sink.to_owned(), outcome), total);
        total.saturating_sub(before.unwrap_or(total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaded_state_is_no_growth_and_a_new_run_is() {
        let mut growth = Growth::default();
        let mut state = ShardState::default();
        (state.tally.run.events, state.counters.late) = (5, 1_000);
        let first = growth.of("s", 0, &state);
        assert_eq!((first.accepted, first.late), (5, 0));
        (state.tally.run.events, state.counters.late) = (9, 1_003);
        let second = growth.of("s", 0, &state);
        assert_eq!((second.accepted, second.late), (4, 3));
        // The shard went and came back, from an older snapshot.
        (state.tally.run.events, state.counters.late) = (2, 1_001);
        let third = growth.of("s", 0, &state);
        assert_eq!((third.accepted, third.late), (2, 0));
        assert_eq!(growth.deliveries("soc", "dead", 7), 0);
        assert_eq!(growth.deliveries("soc", "dead", 9), 2);
        assert_eq!(growth.deliveries("soc", "dead", 3), 0, "a purge");
    }
}
