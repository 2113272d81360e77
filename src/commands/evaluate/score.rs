//! What a world's alerts are worth, by its labels.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::alert::{Alert, Severity};
use crate::detect::report::Cause;
use crate::event::{AccessEvent, TimestampMs};
use crate::pipeline::shard::Shard;
use crate::simulate::{Campaign, Kind, World};
use crate::triage::millis;

/// One attack, over all worlds.
#[derive(Clone, Debug, Default)]
pub(super) struct Attack {
    /// Campaigns played, and caught.
    pub(super) campaigns: u64,
    pub(super) caught: u64,
    /// Persons exposed in the whole campaign at its first alert.
    pub(super) campaign_exposed: Vec<u64>,
    /// Persons exposed by one account at that account's first alert; all of them if it had none.
    pub(super) account_exposed: Vec<u64>,
    /// Accounts, and those with an alert of their own.
    pub(super) accounts: u64,
    pub(super) accounts_caught: u64,
    /// Persons the campaigns took in all.
    pub(super) wanted: u64,
    /// Rules that opened the first alerts.
    pub(super) first_by: BTreeMap<String, u64>,
}

/// One look-alike, over all worlds.
#[derive(Clone, Debug, Default)]
pub(super) struct LookAlike {
    pub(super) campaigns: u64,
    /// Alerts of medium or more on it.
    pub(super) alerts: u64,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Score {
    pub(super) worlds: u64,
    pub(super) events: u64,
    pub(super) account_weeks: u64,
    pub(super) attacks: BTreeMap<String, Attack>,
    pub(super) look_alikes: BTreeMap<String, LookAlike>,
    /// Alerts of medium or more after the warm-up with no attack behind them.
    pub(super) false_alerts: u64,
    /// The same below medium.
    pub(super) false_low: u64,
    /// The same within the warm-up.
    pub(super) false_learning: u64,
    pub(super) false_lines: Vec<String>,
    pub(super) false_by_rule: BTreeMap<String, u64>,
}

/// Hours after an attack's last event in which an alert still counts for it.
const GRACE_MS: TimestampMs = 24 * 3_600_000;

/// One world while it is played.
pub(super) struct WorldScore<'a> {
    score: &'a mut Score,
    world: &'a World,
    /// By campaign and account: persons taken, and whether the account was caught.
    taken: HashMap<(usize, String), (HashSet<u64>, bool)>,
    /// Campaigns' exposure at their first alert.
    caught: HashMap<usize, u64>,
    /// Unmatched alerts: greatest severity, opening line, look-alike, opening rule.
    unmatched: BTreeMap<String, (Severity, String, Option<String>, String, bool)>,
    matched: HashSet<String>,
    first_ms: Option<TimestampMs>,
}

impl Score {
    pub(super) fn world<'a>(&'a mut self, world: &'a World) -> WorldScore<'a> {
        self.worlds += 1;
        WorldScore {
            score: self,
            world,
            taken: HashMap::new(),
            caught: HashMap::new(),
            unmatched: BTreeMap::new(),
            matched: HashSet::new(),
            first_ms: None,
        }
    }
}

impl WorldScore<'_> {
    pub(super) fn event(&mut self, event: &AccessEvent<'_>, label: u16) {
        self.score.events += 1;
        self.first_ms.get_or_insert(event.time);
        let Some(campaign) = self.world.truth().campaign(label) else { return };
        if campaign.kind != Kind::Attack {
            return;
        }
        let name = event.account.as_deref().or(event.ip.as_deref()).unwrap_or_default();
        let key = (usize::from(label) - 1, name.to_owned());
        let (persons, caught) = self.taken.entry(key).or_default();
        if !*caught {
            persons.extend(event.persons.iter().map(|p| p.id));
        }
    }

    /// Takes in a revision; `label` is that of the event that caused it.
    pub(super) fn alert(&mut self, alert: &Alert, line: &str, cause: Cause, label: u16) {
        if cause == Cause::Ended || self.matched.contains(&alert.id) {
            return;
        }
        if let Some(known) = self.unmatched.get_mut(&alert.id) {
            known.0 = known.0.max(alert.severity);
        }
        let at = millis(&alert.updated_at);
        let owner = self.attack_of(&alert.entity.id, at, label);
        let Some(index) = owner else {
            if cause == Cause::Opened {
                self.note_unmatched(alert, line, at);
            }
            return;
        };
        self.matched.insert(alert.id.clone());
        self.unmatched.remove(&alert.id);
        self.catch(index, alert);
    }

    /// The attack that an alert on this entity at this time belongs to.
    fn attack_of(&self, entity: &str, at: TimestampMs, label: u16) -> Option<usize> {
        let campaigns = &self.world.truth().campaigns;
        let labelled = usize::from(label).checked_sub(1);
        if let Some(index) = labelled.filter(|i| campaigns[*i].kind == Kind::Attack) {
            return Some(index);
        }
        let holds = |c: &Campaign| {
            c.kind == Kind::Attack
                && c.from_ms <= at
                && at <= c.to_ms + GRACE_MS
                && c.accounts.iter().any(|a| a == entity)
        };
        campaigns.iter().position(holds)
    }

    fn catch(&mut self, index: usize, alert: &Alert) {
        let id = self.world.truth().campaigns[index].id.clone();
        if !self.caught.contains_key(&index) {
            let exposed = self
                .taken
                .iter()
                .filter(|((campaign, _), _)| *campaign == index)
                .map(|(_, (persons, _))| persons.len() as u64)
                .sum();
            self.caught.insert(index, exposed);
            let rule = alert.signals.first().map(rule_and_window).unwrap_or_default();
            let attack = self.score.attacks.entry(id).or_default();
            *attack.first_by.entry(rule).or_default() += 1;
        }
        if let Some(taken) = self.taken.get_mut(&(index, alert.entity.id.clone())) {
            taken.1 = true;
        }
    }

    fn note_unmatched(&mut self, alert: &Alert, line: &str, at: TimestampMs) {
        const DAY_MS: TimestampMs = 24 * 3_600_000;
        let campaigns = &self.world.truth().campaigns;
        let like = campaigns.iter().find(|c| {
            c.kind != Kind::Attack
                && c.from_ms - DAY_MS <= at
                && at <= c.to_ms + DAY_MS
                && c.accounts.contains(&alert.entity.id)
        });
        let rule = alert.signals.first().map(rule_and_window).unwrap_or_default();
        let like = like.map(|c| c.id.clone());
        let warm = self.first_ms.is_some_and(|first| at >= first + 28 * DAY_MS);
        self.unmatched
            .insert(alert.id.clone(), (alert.severity, line.to_owned(), like, rule, warm));
    }

    pub(super) fn finish(self, shard: &Shard) {
        let score = self.score;
        score.account_weeks += shard.detector().counters().account_weeks_warm;
        for (index, campaign) in self.world.truth().campaigns.iter().enumerate() {
            if campaign.kind != Kind::Attack {
                score.look_alikes.entry(campaign.id.clone()).or_default().campaigns += 1;
                continue;
            }
            let attack = score.attacks.entry(campaign.id.clone()).or_default();
            attack.campaigns += 1;
            attack.wanted += campaign.persons;
            let exposed = self.caught.get(&index);
            attack.caught += u64::from(exposed.is_some());
            attack.campaign_exposed.push(exposed.copied().unwrap_or(campaign.persons));
            for ((_, _), (persons, caught)) in self.taken.iter().filter(|((c, _), _)| *c == index) {
                attack.accounts += 1;
                attack.accounts_caught += u64::from(*caught);
                attack.account_exposed.push(persons.len() as u64);
            }
        }
        for (severity, line, like, rule, warm) in self.unmatched.into_values() {
            if !warm {
                score.false_learning += 1;
                continue;
            }
            if severity < Severity::Medium {
                score.false_low += 1;
                continue;
            }
            score.false_alerts += 1;
            *score.false_by_rule.entry(rule).or_default() += 1;
            let kind = like.as_deref().unwrap_or("–");
            score.false_lines.push(format!("{kind:<4} {line}"));
            if let Some(like) = like {
                score.look_alikes.entry(like).or_default().alerts += 1;
            }
        }
    }
}

fn rule_and_window(signal: &crate::alert::Signal) -> String {
    let touch = signal.touch.as_deref().unwrap_or("");
    format!("{} {} {touch}", signal.rule.trim_start_matches("mass-extraction."), signal.window)
}
