//! 3. Events become findings: the deterministic core. [`Detector::event`] and
//!    [`Detector::control`] are the only mutations of account state; there is no clock, no I/O, no
//!    randomness, and time is the account's own.

pub mod account;
pub mod acquaintance;
pub mod ahead;
pub mod baseline;
pub mod builder;
mod calibration;
pub mod caseload;
pub mod channel;
mod close;
mod control;
mod count;
pub mod counts;
mod day;
pub mod drift;
pub mod episode;
pub mod epoch;
pub mod family;
mod joint;
mod judge;
pub mod lift;
pub mod limits;
mod looks;
mod memory;
mod opening;
pub mod operations;
pub mod partial;
pub mod places;
pub mod pool;
pub mod promise;
pub mod reach;
pub mod readers;
pub mod report;
pub mod requests;
pub mod rule;
pub mod run;
pub mod shared;
pub mod snapshot;
pub mod tail;
pub mod territory;
pub mod time;
pub mod today;
mod watermark;
pub mod weeks;
pub mod window;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{AccessEvent, Outcome, Position, TimestampMs};
use account::Account;
use ahead::Ahead;
pub use control::{Control, Judged};
use epoch::{Budget, Epoch, GroupKey, Kind};
use judge::Now;
use limits::ACCOUNTS_MAX;
use pool::{Pools, Seen};
use report::{ClosedDay, Finding};
use rule::Rules;
use run::Runs;
use shared::{ClassSets, Names, Shared};
use territory::Territory;
use time::{Calendar, Day, LocalDay};

/// What the operator sets about detection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// IANA zone of the accounts' working days.
    pub zone: String,
    /// False alerts that analysts accept.
    pub budget: Budget,
    /// Event time without a signal that ends an episode.
    pub quiet_ms: i64,
    /// Accounts held in memory.
    pub accounts_max: usize,
    /// Keys the hash of account names, so that nobody can choose colliding ones.
    pub name_key: (u64, u64),
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            zone: "Europe/Paris".into(),
            budget: Budget::default(),
            quiet_ms: 86_400_000,
            accounts_max: ACCOUNTS_MAX,
            name_key: (0, 0),
        }
    }
}

/// What happened, in numbers; they never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Events applied.
    pub events: u64,
    /// Persons looked at one by one.
    pub persons: u64,
    /// Events of a day that their account had already closed: counted here, not learned.
    pub late: u64,
    /// Account clocks that fell back after three events in a row far behind.
    pub clock_fallbacks: u64,
    /// Accounts forgotten for want of room.
    pub evicted: u64,
    /// Account days compared with everybody of their kind for want of room for their group.
    pub groups_refused: u64,
    /// Account days whose unit goes unnamed for want of room.
    pub units_refused: u64,
    /// Touches that no unit was learned from for want of room.
    pub votes_refused: u64,
    /// Episodes opened.
    pub episodes: u64,
    /// Account weeks seen.
    pub account_weeks: u64,
    /// Account weeks after the first 28 days, by which false alerts are counted.
    pub account_weeks_warm: u64,
    /// Days closed by the shard's watermark.
    pub days: u64,
}

/// Account names are hashed already; hashing them again would buy nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// The state of one shard.
#[derive(Debug)]
pub struct Detector {
    accounts: Vec<Account>,
    index: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    shared: Shared,
    /// What accounts read together.
    pools: Pools,
    /// When open episodes must be looked at, by event time.
    deadlines: BTreeSet<(TimestampMs, u32)>,
    /// The three accounts furthest ahead, and their times.
    leaders: [(TimestampMs, u32); 3],
    watermark: TimestampMs,
    /// The shard's local day, ended by the watermark.
    day: Option<LocalDay>,
    /// Clock hours of the shard's day that are over.
    hours_ended: i64,
    /// Next watermark at which anything is due.
    due: TimestampMs,
    /// Where the search for an account to forget goes on.
    hand: u32,
    /// Say what each account's day was and what its next one is judged by.
    tells_days: bool,
}

const HOUR_MS: i64 = 3_600_000;

const NOBODY: (TimestampMs, u32) = (TimestampMs::MIN, u32::MAX);

impl Detector {
    /// A shard that has seen nothing.
    ///
    /// # Errors
    /// The zone is unknown.
    pub fn new(settings: Settings, rules: Arc<Rules>) -> Result<Self, String> {
        let calendar = Calendar::new(&settings.zone)?;
        let epoch = Arc::new(Epoch::shipped(&rules, settings.budget));
        Ok(Detector {
            accounts: Vec::new(),
            index: HashMap::default(),
            shared: Shared {
                settings,
                floors: rules.floors(),
                bars: rules.bars(),
                joint_floor: rules.joint_floor(),
                rules,
                calendar,
                previous: Arc::clone(&epoch),
                epoch,
                pending: None,
                territory: Territory::default(),
                classes: ClassSets::default(),
                accounts: Arc::default(),
                expected: Arc::default(),
                caseloads: Arc::default(),
                units: Names::default(),
                first_day: None,
                counters: Counters::default(),
                groups: Vec::new(),
                group_index: HashMap::new(),
                votes: Vec::new(),
                judged: BTreeMap::new(),
            },
            pools: Pools::default(),
            deadlines: BTreeSet::new(),
            leaders: [NOBODY; 3],
            watermark: TimestampMs::MIN,
            day: None,
            hours_ended: 0,
            due: TimestampMs::MIN,
            hand: 0,
            tells_days: false,
        })
    }

    /// Says from now on what each account's day was ([`Finding::AccountDay`]), for people who look
    /// at accounts. Changes no alert, and is no part of the state.
    pub fn tell_days(&mut self) {
        self.tells_days = true;
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters
    }

    /// Rules in force.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    /// False alerts that analysts accept.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.shared.settings.budget
    }

    /// The epoch in force.
    #[must_use]
    pub fn epoch(&self) -> &Epoch {
        &self.shared.epoch
    }

    /// The epoch and the rules in force, for those who look at them beside.
    #[must_use]
    pub fn model(&self) -> (Arc<Epoch>, Arc<Rules>) {
        (Arc::clone(&self.shared.epoch), Arc::clone(&self.shared.rules))
    }

    /// Day of the newest epoch it was given, in force or waiting; `None`: the shipped one only.
    #[must_use]
    pub fn newest_epoch(&self) -> Option<Day> {
        let in_force = Some(&self.shared.epoch).filter(|epoch| epoch.number > 0);
        in_force.into_iter().chain(&self.shared.pending).map(|epoch| epoch.day).max()
    }

    /// The shard's local day; `None` before three accounts were seen.
    #[must_use]
    pub fn today(&self) -> Option<LocalDay> {
        self.day
    }

    /// How many accounts and addresses may be in memory.
    #[must_use]
    pub fn accounts_max(&self) -> usize {
        self.shared.settings.accounts_max
    }

    /// Accounts and addresses in memory.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// Whether a moment lies beyond the first 28 days, so that its alerts count against the
    /// budget.
    pub fn is_warm(&mut self, time: TimestampMs) -> bool {
        let day = self.shared.calendar.day_of(time).day;
        self.shared.first_day.is_some_and(|first| day >= first + limits::WARM_UP_DAYS)
    }

    /// Event time behind which the shard is done, in milliseconds; `i64::MIN` before three
    /// accounts were seen.
    #[must_use]
    pub fn watermark(&self) -> TimestampMs {
        self.watermark
    }

    /// Applies one event, whose time lies in the years 1970 to 2200 as the decoder sees to.
    pub fn event(&mut self, event: &AccessEvent<'_>, position: Position, out: &mut Vec<Finding>) {
        self.event_after(self.ahead(event), event, position, out);
    }

    /// Applies one event, of which [`Detector::ahead`] said what is known before its turn.
    pub fn event_after(
        &mut self,
        ahead: Ahead,
        event: &AccessEvent<'_>,
        position: Position,
        out: &mut Vec<Finding>,
    ) {
        self.shared.counters.events += 1;
        let Some(index) = self.entity(ahead, event, out) else { return };
        let now = Now { event, position, index, places: ahead.places };
        self.observe(&now, out);
        self.pool(&now, out);
        self.advance_watermark(index, out);
    }

    /// What the event adds to the counts that its account shares with others.
    fn pool(&mut self, now: &Now<'_, '_>, out: &mut Vec<Finding>) {
        let Now { event, position, index, places } = *now;
        let seen = Seen { event, position, index, places, clock: self.leaders[2].0 };
        self.pools.observe(&seen, &mut self.accounts, &mut self.shared, out);
        self.due = self.due.min(self.pools.deadline(self.shared.settings.quiet_ms));
    }

    fn observe(&mut self, now: &Now<'_, '_>, out: &mut Vec<Finding>) {
        let Detector { accounts, shared, pools, deadlines, .. } = self;
        let account = &mut accounts[now.index as usize];
        if account.move_time(now.event.time) {
            count::fall_back(account, shared, now.index, deadlines);
        }
        if account.episode.is_some() {
            opening::end_if_quiet(account, shared, account.time, out);
        }
        if account.today.is_none() || !account.day.contains(account.time) {
            let closed = self.tells_days.then(|| ClosedDay::of(account)).flatten();
            shared.close(account);
            shared.open(account, now.event);
            if let Some(today) = &mut account.today {
                today.first_position = now.position;
            }
            if self.tells_days {
                out.push(Finding::AccountDay(Box::new(day::day_of(account, shared, closed))));
            }
        }
        if now.event.action.raises() && now.event.outcome == Outcome::Success {
            count::raise(account);
        }
        let closed = now.event.time < account.day.start_ms;
        if closed {
            shared.counters.late += 1;
        } else {
            count::count(account, shared, now, &mut pools.fresh);
        }
        let open = account.episode.is_some();
        if open {
            opening::expose(account, shared, now);
        }
        let look = account.today.as_mut().is_some_and(|today| {
            let always = now.event.unidentified > 0 || today.after_end > 0;
            always || (today.slack <= 0 && !judge::nothing_due(today))
        });
        if (look || open) && !closed {
            judge::judge(account, shared, now, deadlines, out);
            if let Some((first, _)) = deadlines.first() {
                self.due = self.due.min(*first);
            }
        }
        if open {
            opening::milestone(account, shared, now.event.time, out);
        }
    }

    /// The account (or address) an event belongs to.
    fn entity(
        &mut self,
        ahead: Ahead,
        event: &AccessEvent<'_>,
        out: &mut Vec<Finding>,
    ) -> Option<u32> {
        let hash = ahead.name?;
        if let Some(index) = self.index.get(&hash) {
            return Some(*index);
        }
        let (name, kind) = ahead::who(event)?;
        let account = self.newcomer(name, kind, event.time);
        let index = if self.accounts.len() < self.shared.settings.accounts_max.max(1) {
            if self.accounts.len() == self.accounts.capacity() {
                // Doubling would leave half of the largest table empty.
                self.accounts.reserve_exact((self.accounts.len() / 8).max(64));
            }
            self.accounts.push(account);
            self.accounts.len() as u32 - 1
        } else {
            let index = self.forget_one(out);
            self.accounts[index as usize] = account;
            index
        };
        self.index.insert(hash, index);
        Some(index)
    }

    fn name_hash(&self, name: &str, kind: Kind) -> u64 {
        hash_name(self.shared.settings.name_key, name, u8::from(kind == Kind::Source))
    }

    fn newcomer(&mut self, name: &str, kind: Kind, time: TimestampMs) -> Account {
        Account {
            name: name.into(),
            kind,
            // Addresses are their own peers; an account's are known when its day opens.
            group: self.shared.group_index(GroupKey::of_all(Kind::Source)),
            unit: 0,
            unit_name: None,
            time,
            behind: (0, TimestampMs::MIN),
            day: LocalDay::default(),
            ends_on: None,
            closed_days: 0,
            excluded_until: Day::MIN,
            week: i32::MIN,
            base: Default::default(),
            activity: Default::default(),
            known: Default::default(),
            persons: Default::default(),
            weeks: Default::default(),
            drift: Default::default(),
            runs: Runs::default(),
            caseload: caseload::NONE,
            told: Vec::new(),
            raised_until: Day::MIN,
            lift: lift::LEVEL,
            unlisted: false,
            opened_on: [(Day::MIN, 0); 2],
            today: None,
            episode: None,
        }
    }

    /// Frees a place: of the next 64 accounts without an open episode, the one silent longest; where
    /// all have one, that one ends, for nobody would end it later.
    fn forget_one(&mut self, out: &mut Vec<Finding>) -> u32 {
        let total = self.accounts.len() as u32;
        let candidates = (0..64).map(|step| (self.hand + step) % total);
        let victim = candidates
            .min_by_key(|i| {
                let account = &self.accounts[*i as usize];
                (account.episode.is_some(), account.time)
            })
            .unwrap_or(self.hand);
        self.hand = (victim + 1) % total;
        self.shared.counters.evicted += 1;
        let account = &mut self.accounts[victim as usize];
        opening::end(account, &self.shared, account.time, out);
        self.shared.judged.remove(&victim);
        self.pools.forget(victim);
        let account = &self.accounts[victim as usize];
        self.index.remove(&self.name_hash(&account.name, account.kind));
        self.leaders.iter_mut().filter(|l| l.1 == victim).for_each(|l| *l = NOBODY);
        self.leaders.sort_unstable_by_key(|l| std::cmp::Reverse(l.0));
        victim
    }
}

/// Hash of a name, keyed so that nobody can choose colliding ones; `salt` keeps kinds of name apart.
fn hash_name((k0, k1): (u64, u64), name: &str, salt: u8) -> u64 {
    let mut hasher = siphasher::sip::SipHasher13::new_with_keys(k0, k1);
    hasher.write(name.as_bytes());
    hasher.write_u8(salt);
    hasher.finish()
}
