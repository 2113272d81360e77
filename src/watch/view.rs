//! The shared read view: how far reading is, and a card for each account.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;

use crate::detect::Counters;
use crate::detect::epoch::Epoch;
use crate::detect::rule::Rules;
use crate::event::{Position, TimestampMs};
use crate::pipeline::tally::Tally;

/// Accounts that have a card; beyond, newcomers get none and are counted.
pub const CARDS_MAX: usize = 20_000;

/// What readers beside the pipeline may look at. Written by the pipeline's threads only.
#[derive(Debug, Default)]
pub struct View {
    /// Each shard that this instance reads, by (source, shard).
    pub shards: DashMap<(String, u32), ShardState>,
    /// A card for each account, by name; at most [`CARDS_MAX`].
    pub accounts: DashMap<String, AccountCard>,
    /// Accounts without a card for want of room.
    pub accounts_without_card: AtomicU64,
    /// Times an account's day began on another shard of its source than the one before: its counts
    /// are split, and each half looks innocent.
    pub accounts_moved: AtomicU64,
}

/// How one shard stands.
#[derive(Clone, Debug, Default)]
pub struct ShardState {
    /// Where reading goes on.
    pub position: Position,
    /// Records at the source that were not read yet; `None` where nobody can know.
    pub lag_records: Option<u64>,
    /// Wall clock, epoch ms, when a record was last decided; `None`: none yet in this run.
    pub last_arrival_at: Option<TimestampMs>,
    /// Largest believable event time so far, epoch ms: the third-largest account time.
    pub last_event_at: Option<TimestampMs>,
    /// Whether the source can be reached; the reason when it cannot.
    pub unreachable: Option<String>,
    /// Wall clock, epoch ms, of the last snapshot; `None`: none yet in this run.
    pub snapshot_at: Option<TimestampMs>,
    /// The input was read to its end, on purpose.
    pub ended: bool,
    /// What the shard did, in numbers.
    pub tally: Tally,
    /// What the detector did, in numbers.
    pub counters: Counters,
    /// Accounts and addresses in memory.
    pub accounts: u64,
    /// How many may be.
    pub accounts_max: u64,
    /// Model epoch in force; 0 = shipped.
    pub epoch: u32,
    /// It, and the rules in force, to be looked into by whoever has the time.
    pub model: Option<(Arc<Epoch>, Arc<Rules>)>,
}

/// One account as it stands since its last day began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountCard {
    /// Shard it is counted on.
    pub shard: u32,
    /// Its network, when known.
    pub partner: Option<String>,
    /// Its unit, when known.
    pub unit: Option<String>,
    /// Its job, when known.
    pub role: Option<String>,
    /// `human`, `machine` or `source`.
    pub kind: &'static str,
    /// Local date, `2024-02-06`, of the day it is in.
    pub day: String,
    /// Days it has closed.
    pub days_closed: u32,
    /// Its thresholds come from shipped priors or from peers alone.
    pub learning: bool,
    /// What is expected today, by measure.
    pub thresholds: Vec<ThresholdCard>,
}

/// What is expected of one measure today.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThresholdCard {
    /// `distinct_persons`, `foreign_origins`.
    pub measure: &'static str,
    /// `listed` or `opened`.
    pub touch: &'static str,
    /// `5m`, `1h`, `1d`.
    pub window: &'static str,
    /// Mean of the account's baseline.
    pub expected: f64,
    /// Two standard deviations above it.
    pub usual: u64,
    /// An alert opens at this count; `None`: not judged yet.
    pub threshold: Option<u64>,
}

impl View {
    /// Puts an account's card in place of the one before; false when there is no room for another.
    pub fn put_account(&self, name: &str, card: AccountCard) -> bool {
        if let Some(mut known) = self.accounts.get_mut(name) {
            if known.shard != card.shard {
                self.accounts_moved.fetch_add(1, Ordering::Relaxed);
            }
            *known = card;
            true
        } else if self.accounts.len() < CARDS_MAX {
            self.accounts.insert(name.to_owned(), card);
            true
        } else {
            self.accounts_without_card.fetch_add(1, Ordering::Relaxed);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_replaces_the_one_before_and_cards_are_bounded() {
        let view = View::default();
        let card = |closed| AccountCard { days_closed: closed, ..AccountCard::default() };
        view.put_account("a", card(1));
        view.put_account("a", card(2));
        assert_eq!(view.accounts.get("a").map(|c| c.days_closed), Some(2));
        let put = |n: usize| view.put_account(&n.to_string(), card(0));
        assert_eq!((0..CARDS_MAX).filter(|n| put(*n)).count(), CARDS_MAX - 1);
        assert_eq!(view.accounts.len(), CARDS_MAX);
        assert_eq!(view.accounts_without_card.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_account_on_two_shards_is_counted() {
        let view = View::default();
        for shard in [0, 0, 1, 1, 0] {
            view.put_account("a", AccountCard { shard, ..AccountCard::default() });
        }
        assert_eq!(view.accounts_moved.load(Ordering::Relaxed), 2);
    }
}
