//! An episode of a pool opens, grows and ends: who contributes, and whom they exposed.

use super::entity::Pool;
use super::episode::{PoolEpisode, tell};
use super::judge::Crossing;
use super::member::{EXPLAINED, Member, NAMED, NONE, STRAYS, SURGES};
use super::model::{Class, Models};
use super::{Pools, Seen};
use crate::detect::account::Account;
use crate::detect::control::Judged;
use crate::detect::episode::{ExposureSet, SignalState, Trail, milestone_after};
use crate::detect::epoch::HourClass;
use crate::detect::limits::{CONTRIBUTORS_TOLD_MAX, EXCLUDED_DAYS, SLOT_MS};
use crate::detect::report::{Cause, Finding};
use crate::detect::shared::Shared;
use crate::detect::time::LocalDay;
use crate::event::TimestampMs;

impl Pools {
    #[expect(clippy::too_many_arguments, reason = "the whole of one look")]
    pub(super) fn fire(
        &mut self,
        at: u32,
        class: Class,
        first: TimestampMs,
        day: &LocalDay,
        seen: &Seen<'_, '_>,
        crossings: Vec<Crossing>,
        accounts: &mut [Account],
        shared: &mut Shared,
        out: &mut Vec<Finding>,
    ) {
        let contributors = self.contributors(at, class, &crossings, accounts);
        let pool = &mut self.pools[at as usize];
        pool.excluded_until = day.day + EXCLUDED_DAYS;
        let opens = pool.episode.is_none();
        let mut episode = match pool.episode.take() {
            Some(open) => open,
            None => Box::new(open(pool, first, seen, shared)),
        };
        episode.first = episode.first.min(first);
        let start = ((episode.first - day.start_ms).max(0) / SLOT_MS) as u16;
        match class {
            Class::Fresh | Class::NoAccount if opens => {
                episode.exposure.thin_to(pool.union.step());
                for (fp, classes) in pool.union.persons_from(start) {
                    let sets = &mut shared.classes;
                    episode.exposure.insert(fp, |known| sets.union(known, classes));
                }
                episode.records = episode.exposure.persons().0;
            }
            Class::Fresh | Class::NoAccount => {}
            _ => {
                for (i, _) in &contributors {
                    if !episode.contributors.contains_key(i) {
                        reach_back(&mut episode, &accounts[*i as usize], shared);
                    }
                }
            }
        }
        contributors.iter().for_each(|(i, excess)| episode.contribute(*i, *excess));
        if opens {
            episode.fresh = class == Class::Fresh;
            episode.note(seen.event, seen.position);
        }
        let mut news = opens;
        for crossing in crossings {
            news |= signal(&mut episode, &self.models, crossing, seen.clock, shared);
        }
        episode.last_signal = episode.last_signal.max(seen.clock);
        if news {
            episode.milestone = milestone_after(episode.exposure.persons().0);
        }
        pool.episode = Some(episode);
        self.open.insert(at);
        let named = if class == Class::Fresh { NONE } else { at };
        for (index, _) in contributors {
            self.name(index, named, &mut accounts[index as usize]);
        }
        if opens {
            self.counters.episodes += 1;
        }
        if news {
            let cause = if opens { Cause::Opened } else { Cause::Signal };
            self.tell(at, cause, seen.clock, accounts, shared, out);
        }
    }

    /// Accounts that make the pool's count what it is, and how far they are above their usual.
    fn contributors(
        &self,
        at: u32,
        class: Class,
        crossings: &[Crossing],
        accounts: &[Account],
    ) -> Vec<(u32, f64)> {
        if class == Class::NoAccount {
            return Vec::new();
        }
        if class == Class::Fresh {
            let parts = self.pools[at as usize].parts.iter();
            let added = parts.map(|(index, p)| (*index, f64::from(p.persons.max(p.foreign))));
            return added.filter(|(_, n)| *n >= 1.0).collect();
        }
        let flags = crossings.iter().fold(0, |flags, crossing| {
            flags | if crossing.what.is_foreign() { STRAYS } else { SURGES }
        });
        let day = self.day.map_or(0, |d| d.day);
        let members = (0..).zip(&self.members).filter(|(_, m)| {
            m.day == day
                && [m.unit, m.partner, m.site].contains(&at)
                && (!m.has(EXPLAINED) || m.named == at)
                && (m.flags & flags != 0
                    || (flags & STRAYS != 0
                        && f64::from(m.foreign) >= 3.0 + 2.0 * f64::from(m.expected[1])))
        });
        let of = |(i, m): (u32, &Member)| Some((i, m.excess(accounts.get(i as usize)?)));
        let found: Vec<(u32, f64)> = members.filter_map(of).collect();
        if !found.is_empty() {
            return found;
        }
        // Nobody stands out: those furthest above their own usual.
        let all = (0..).zip(&self.members).filter(|(_, m)| {
            m.day == day && [m.unit, m.partner, m.site].contains(&at) && !m.has(EXPLAINED)
        });
        let mut all: Vec<(u32, f64)> =
            all.filter_map(of).filter(|(_, excess)| *excess > 0.0).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(CONTRIBUTORS_TOLD_MAX);
        all
    }

    /// An account joins those that contribute to a pool's open episode.
    pub(super) fn enlist(
        &mut self,
        index: u32,
        at: u32,
        account: &mut Account,
        shared: &mut Shared,
    ) {
        let excess = self.members.get(index as usize).map_or(0.0, |m| m.excess(account));
        let pool = self.pools.get_mut(at as usize);
        if let Some(episode) = pool.and_then(|pool| pool.episode.as_mut()) {
            reach_back(episode, account, shared);
            episode.contribute(index, excess);
            self.name(index, at, account);
        }
    }

    /// An account contributes to a pooled alert: it leaves learning, and wider pools count it no
    /// more.
    pub(super) fn name(&mut self, index: u32, at: u32, account: &mut Account) {
        let day = self.day.map_or(0, |d| d.day);
        self.explain(index);
        let Some(member) = self.members.get_mut(index as usize) else { return };
        member.flags |= NAMED;
        if at != NONE {
            member.named = at;
        }
        account.excluded_until = account.excluded_until.max(day + EXCLUDED_DAYS);
    }

    /// A contributor's event: the episode's exposure grows.
    pub(super) fn grow(
        &mut self,
        at: u32,
        seen: &Seen<'_, '_>,
        goes_on: bool,
        accounts: &mut [Account],
        shared: &mut Shared,
        out: &mut Vec<Finding>,
    ) {
        let Some(pool) = self.pools.get_mut(at as usize) else { return };
        let Some(episode) = &mut pool.episode else { return };
        let excess = self.members.get(seen.index as usize);
        if let Some(excess) = excess.filter(|m| m.named == at) {
            episode.contribute(seen.index, excess.excess(&accounts[seen.index as usize]));
        }
        episode.expose(seen.event, seen.position, shared);
        if goes_on {
            episode.last_signal = episode.last_signal.max(seen.clock);
        }
        self.milestone(at, seen.clock, accounts, shared, out);
    }

    pub(super) fn milestone(
        &mut self,
        at: u32,
        clock: TimestampMs,
        accounts: &[Account],
        shared: &Shared,
        out: &mut Vec<Finding>,
    ) {
        let Some(episode) = &mut self.pools[at as usize].episode else { return };
        let persons = episode.exposure.persons().0;
        if persons >= episode.milestone {
            episode.milestone = milestone_after(persons);
            self.tell(at, Cause::Exposure, clock, accounts, shared, out);
        }
    }

    fn tell(
        &mut self,
        at: u32,
        cause: Cause,
        clock: TimestampMs,
        accounts: &[Account],
        shared: &Shared,
        out: &mut Vec<Finding>,
    ) {
        let parent = self.pools.get(self.pools[at as usize].parent as usize);
        let parent = parent.map(|p| p.name.to_string());
        let pool = &mut self.pools[at as usize];
        tell(pool, parent.as_deref(), accounts, shared, cause, clock, out);
    }

    /// Ends the episodes that were quiet long enough.
    pub(in crate::detect) fn end_quiet(
        &mut self,
        watermark: TimestampMs,
        accounts: &[Account],
        shared: &Shared,
        out: &mut Vec<Finding>,
    ) {
        let due = |pools: &Pools, at: u32| {
            let episode = pools.pools.get(at as usize)?.episode.as_ref()?;
            Some(episode.last_signal + shared.settings.quiet_ms)
        };
        let ended: Vec<(u32, TimestampMs)> = self
            .open
            .iter()
            .filter_map(|at| Some((*at, due(self, *at)?)))
            .filter(|(_, due)| *due <= watermark)
            .collect();
        for (at, due) in ended {
            self.end(at, due, accounts, shared, out);
        }
    }

    fn end(
        &mut self,
        at: u32,
        when: TimestampMs,
        accounts: &[Account],
        shared: &Shared,
        out: &mut Vec<Finding>,
    ) {
        self.tell(at, Cause::Ended, when, accounts, shared, out);
        self.pools[at as usize].episode = None;
        self.open.remove(&at);
        for member in self.members.iter_mut().filter(|m| m.named == at) {
            member.named = NONE;
        }
    }

    /// What accounts did for a judged alert is told; what they do from now on counts again.
    fn set_free(&mut self, at: u32) {
        let parts: Vec<u32> = self.pools[at as usize].parts.keys().copied().collect();
        let named = (0..).zip(&self.members).filter(|(_, m)| m.named == at).map(|(index, _)| index);
        for index in named.chain(parts).collect::<Vec<u32>>() {
            if let Some(member) = self.members.get_mut(index as usize) {
                member.flags &= !(NAMED | EXPLAINED);
            }
        }
    }

    /// People judged a pool's alert: its episode ends, and its counts start again. Returns whether
    /// the alert is a pool's.
    pub(in crate::detect) fn verdict(
        &mut self,
        judged: &Judged,
        accounts: &[Account],
        shared: &Shared,
        out: &mut Vec<Finding>,
    ) -> bool {
        let found = self
            .pools
            .iter()
            .position(|pool| (pool.kind, &*pool.name) == (judged.entity, judged.name.as_str()));
        let Some(at) = found.filter(|at| self.pools[*at].opened == judged.opened) else {
            return false;
        };
        if let Some(last) = self.pools[at].episode.as_ref().map(|e| e.last) {
            self.set_free(at as u32);
            self.end(at as u32, last.max(judged.opened), accounts, shared, out);
            self.pools[at].reset();
        }
        self.pools[at].judged = Some((judged.opened, judged.alert.clone()));
        true
    }
}

fn open(pool: &mut Pool, first: TimestampMs, seen: &Seen<'_, '_>, shared: &Shared) -> PoolEpisode {
    const FOLLOWS_MS: i64 = 28 * 86_400_000;
    let ordinal = pool.count_opening(seen.clock.div_euclid(86_400_000) as i32);
    pool.opened = seen.clock;
    let judged = pool.judged.take().filter(|(opened, _)| seen.clock - opened <= FOLLOWS_MS);
    PoolEpisode {
        opened: seen.clock,
        ordinal,
        revision: 0,
        first,
        last: seen.clock,
        last_signal: seen.clock,
        signals: Vec::new(),
        exposure: ExposureSet::default(),
        milestone: 0,
        records: 0,
        unidentified: 0,
        seen: Default::default(),
        trail: Trail::default(),
        learning: false,
        positions: (pool.first_position.min(seen.position), seen.position),
        epoch: shared.epoch.number,
        follows: judged.map(|(_, id)| id),
        contributors: Default::default(),
        fresh: false,
    }
}

/// Whoever a contributor touched today is exposed.
fn reach_back(episode: &mut PoolEpisode, account: &Account, shared: &mut Shared) {
    let Some(today) = &account.today else { return };
    for windows in &today.windows {
        episode.exposure.thin_to(windows.step());
    }
    for entry in today.windows.iter().flat_map(|w| w.entries()) {
        if let Some(fp) = entry.person() {
            let sets = &mut shared.classes;
            episode.exposure.insert(fp, |known| sets.union(known, entry.classes()));
        }
    }
    episode.records = episode.records.saturating_add(today.records);
    episode.positions.0 = episode.positions.0.min(today.first_position);
}

/// Records a crossing; returns whether it is a new one.
fn signal(
    episode: &mut PoolEpisode,
    models: &Models,
    crossing: Crossing,
    clock: TimestampMs,
    shared: &Shared,
) -> bool {
    let Crossing { class, what, count, threshold, weighed } = crossing;
    let (watch, measure) = (what.watch(), Some(what.measure()));
    let (surprise, budget) = models.decades(class, what, weighed.nats);
    let known = episode.signals.iter_mut().find(|s| (s.watch, s.measure) == (watch, measure));
    if let Some(known) = known {
        known.observed = known.observed.max(count);
        known.surprise = known.surprise.max(surprise);
        return false;
    }
    episode.learning |= !models.is_mature(what);
    episode.signals.push(SignalState {
        rule: shared.rules.get(watch).map(|r| r.id.clone()).unwrap_or_default(),
        watch,
        touch: None,
        measure,
        observed: count,
        expected: weighed.model.mean,
        usual: (weighed.model.mean + 2.0 * weighed.model.sd()).ceil() as u64,
        threshold,
        surprise,
        budget,
        at: clock,
        persons_at: episode.exposure.persons().0,
        peers: None,
        class: HourClass::Core,
        joint: false,
    });
    true
}
