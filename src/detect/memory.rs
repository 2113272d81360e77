//! Where a shard's memory goes: counted from the tables' capacities, allocator overhead apart.

use std::mem::size_of;

use super::Detector;
use super::account::Account;
use super::today::Today;

/// Bytes an allocation of `len` values takes.
fn table<T>(len: usize) -> u64 {
    (len * size_of::<T>()) as u64
}

impl Detector {
    /// Bytes by part.
    #[must_use]
    pub fn memory(&self) -> Vec<(&'static str, u64)> {
        let todays = || self.accounts.iter().filter_map(|a| a.today.as_deref());
        let sum = |part: fn(&Today) -> u64| todays().map(part).sum::<u64>();
        let names = self.accounts.iter().map(|a| a.name.len() as u64).sum();
        let votes = self.shared.votes.capacity()
            + [Some(&self.shared.epoch), Some(&self.shared.previous), self.shared.pending.as_ref()]
                .into_iter()
                .flatten()
                .map(|epoch| epoch.votes.capacity())
                .sum::<usize>();
        vec![
            ("accounts", table::<Account>(self.accounts.capacity())),
            ("account names", names),
            ("account index", table::<(u64, u32, u8)>(self.index.capacity())),
            ("days", table::<Today>(todays().count())),
            ("persons of the day", sum(|t| t.windows.iter().map(|w| w.bytes()).sum())),
            ("hours of the day", sum(Today::hour_bytes)),
            ("trails", sum(|t| t.trail.as_ref().map_or(0, |trail| trail.bytes()))),
            ("readers", sum(|t| t.readers.as_ref().map_or(0, |readers| readers.bytes()))),
            ("acquaintances", self.accounts.iter().map(|a| a.persons.bytes()).sum()),
            ("territory", self.shared.territory.bytes()),
            ("pools", self.pools.bytes()),
            ("votes", table::<super::territory::Vote>(votes)),
        ]
    }
}
