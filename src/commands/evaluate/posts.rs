//! Detectors at their posts: the engine's shards and the comparators, all told of the same events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::harm::Harm;
use super::ledger::{Ledger, Saying};
use super::work::{Lookout, Watch};
use crate::alert::{EntityKind, Severity};
use crate::commands::Failure;
use crate::commands::setup::Setup;
use crate::decode::PseudonymKey;
use crate::detect::Control;
use crate::detect::report::Cause;
use crate::detect::rule::Rules;
use crate::detect::time::Calendar;
use crate::evaluate::bench::{Alarm, Bench, Crossings, Moment};
use crate::evaluate::comparators::{Config, Who};
use crate::event::{AccessEvent, Position, TimestampMs};
use crate::pipeline::shard::{Output, Shard};

/// Every detector that watches a world.
pub(super) struct Posts {
    posts: Vec<Post>,
    counting: Counting,
    /// Of each comparator: its setting, and the place of its post.
    rivals: Vec<(Config, usize)>,
}

/// Who watches, and what it said.
struct Post {
    watch: Option<(Box<Shard>, Vec<Output>)>,
    ledger: Ledger,
}

/// Comparators on the same counts, and the numbers that they know accounts by.
pub(super) struct Counting {
    bench: Bench,
    calendar: Calendar,
    /// Accounts of the world; addresses are numbered after them.
    accounts: u32,
    known: Vec<Option<Who>>,
    addresses: HashMap<String, u32>,
    names: HashMap<String, u32>,
    alarms: Vec<Alarm>,
}

impl Posts {
    /// Detectors that have seen nothing but what the deployment is told at first.
    pub(super) fn new(
        setup: &Setup,
        lookouts: &[Lookout],
        directory: &[Control],
        harm: &Harm,
        accounts: u32,
    ) -> Result<Posts, Failure> {
        let (mut posts, mut rivals, mut entrants) = (Vec::new(), Vec::new(), Vec::new());
        for (place, lookout) in lookouts.iter().enumerate() {
            let watch = match &lookout.watch {
                Watch::Engine(rules) => {
                    let mut shard = shard(setup, lookout, rules)?;
                    for (seq, control) in (1..).zip(directory) {
                        shard.schedule(0, seq, control.clone());
                    }
                    Some((Box::new(shard), Vec::new()))
                }
                Watch::Rival { config, threshold } => {
                    entrants.push((*config, Some(*threshold)));
                    rivals.push((*config, place));
                    None
                }
            };
            posts.push(Post { watch, ledger: Ledger::new(harm) });
        }
        let counting = Counting::new(&entrants, setup, accounts)?;
        Ok(Posts { posts, counting, rivals })
    }

    /// Shows everybody the next event; `account` is its number in the world, `u32::MAX` for none.
    pub(super) fn see(
        &mut self,
        harm: &Harm,
        event: &AccessEvent<'_>,
        position: Position,
        account: u32,
        label: u16,
    ) {
        self.posts.iter_mut().for_each(|post| post.see(harm, event, position, label));
        if self.rivals.is_empty() {
            return;
        }
        self.counting.see(event, account);
        for alarm in self.counting.alarms.drain(..) {
            let (config, place) = &self.rivals[alarm.entrant];
            note(&mut self.posts[*place].ledger, harm, event, label, alarm, config);
        }
    }

    /// The books, in the order of the lookouts.
    pub(super) fn ledgers(self) -> impl Iterator<Item = Ledger> {
        self.posts.into_iter().map(|post| post.ledger)
    }
}

/// A comparator's alarm, in the words of the ledger.
fn note(
    ledger: &mut Ledger,
    harm: &Harm,
    event: &AccessEvent<'_>,
    label: u16,
    alarm: Alarm,
    config: &Config,
) {
    let id = format!("{}-{}", alarm.account, alarm.alert);
    let (kind, entity) = match (&event.account, &event.ip) {
        (Some(account), _) => (EntityKind::Account, account.as_ref()),
        (None, ip) => (EntityKind::Source, ip.as_deref().unwrap_or("")),
    };
    let said = Saying {
        id: &id,
        at: event.time,
        kind,
        entity,
        accounts: &[],
        label,
        severity: Severity::Medium,
        rule: config.name(),
        partner: event.partner.as_deref().unwrap_or(""),
        role: event.role.as_deref().unwrap_or(""),
        line: entity,
    };
    ledger.note(harm, &said);
}

impl Counting {
    pub(super) fn new(
        entrants: &[(Config, Option<f64>)],
        setup: &Setup,
        accounts: u32,
    ) -> Result<Counting, Failure> {
        Ok(Counting {
            bench: Bench::new(entrants),
            calendar: Calendar::new(&setup.config.detection.zone).map_err(Failure::Failed)?,
            accounts,
            known: Vec::new(),
            addresses: HashMap::new(),
            names: HashMap::new(),
            alarms: Vec::new(),
        })
    }

    /// Says from when on scores count for choosing thresholds.
    pub(super) fn warm_from(&mut self, time: TimestampMs) {
        self.bench.warm_from(time);
    }

    /// Scores of every method, the log being over.
    pub(super) fn crossings(mut self) -> Vec<Crossings> {
        self.bench.end();
        (0..self.bench.len()).map(|n| self.bench.crossings(n)).collect()
    }

    pub(super) fn see(&mut self, event: &AccessEvent<'_>, account: u32) {
        let who = self.who(event, account);
        let day = self.calendar.day_of(event.time);
        let second = ((event.time - day.start_ms) / 1_000).clamp(0, 86_399) as u32;
        let moment = Moment { time: event.time, day: day.day, second, rest: day.is_rest() };
        let persons = event.persons.iter().map(|p| p.fingerprint());
        let unnamed = event.unidentified + event.persons_beyond;
        self.bench.event(who, &moment, persons, unnamed, &mut self.alarms);
    }

    fn who(&mut self, event: &AccessEvent<'_>, account: u32) -> Who {
        if account == u32::MAX {
            let next = self.accounts + self.addresses.len() as u32;
            let ip = event.ip.as_deref().unwrap_or("");
            let account = match self.addresses.get(ip) {
                Some(known) => *known,
                None => *self.addresses.entry(ip.to_owned()).or_insert(next),
            };
            return Who { account, ..Who::default() };
        }
        let index = account as usize;
        if self.known.len() <= index {
            self.known.resize(index + 1, None);
        }
        if let Some(known) = self.known[index] {
            return known;
        }
        let partner = event.partner.as_deref().unwrap_or("").to_owned();
        let group = format!("{partner}/{}", event.role.as_deref().unwrap_or(""));
        let mut number = |name: String| {
            // 0 is nobody's.
            let next = self.names.len() as u32 + 1;
            *self.names.entry(name).or_insert(next)
        };
        let who = Who { account, partner: number(partner), group: number(group) };
        self.known[index] = Some(who);
        who
    }
}

impl Post {
    fn see(&mut self, harm: &Harm, event: &AccessEvent<'_>, position: Position, label: u16) {
        let Some((shard, outputs)) = &mut self.watch else { return };
        shard.event(event, position, outputs);
        for output in outputs.drain(..) {
            if let Output::Alert { alert, line, cause, .. } = output
                && cause != Cause::Ended
            {
                self.ledger.note(harm, &Saying::of(&alert, &line, event.time, label));
            }
        }
    }
}

/// A shard that has seen nothing, with the lookout's rules and budget.
fn shard(setup: &Setup, lookout: &Lookout, rules: &Arc<Rules>) -> Result<Shard, Failure> {
    let mut config = setup.config.clone();
    config.detection.budget_per_1000_account_weeks = lookout.budget;
    config.detection.budget_per_week_min = lookout.floor;
    let (rules, mapping) = (Arc::clone(rules), setup.mapping.clone());
    Setup { config, rules, mapping }.shard(PseudonymKey::PUBLIC, "simulated")
}

impl Lookout {
    /// Share of the budget by rule and window.
    pub(super) fn shares(&self) -> BTreeMap<String, f64> {
        let Watch::Engine(rules) = &self.watch else { return BTreeMap::new() };
        let rows = rules.rules.values().flat_map(|rule| {
            let name = rule.id.trim_start_matches("mass-extraction.");
            rule.budget.iter().map(move |(window, share)| (format!("{name} {window}"), *share))
        });
        rows.collect()
    }
}
