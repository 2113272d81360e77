//! What one detector said about a world, held against what happened.

use std::collections::BTreeMap;

use super::harm::{DAY_MS, Harm};
use super::outcome::{Account, Campaign, FalseAlert, Key, Outcome};
use crate::alert::{Alert, EntityKind, Severity, Signal};
use crate::detect::pool::NO_ACCOUNT;
use crate::evaluate::stats::random_alarms;
use crate::event::TimestampMs;
use crate::simulate::Kind;

/// One thing a detector said, at one moment.
pub(super) struct Saying<'a> {
    /// The same for everything said about one alert.
    pub(super) id: &'a str,
    pub(super) at: TimestampMs,
    pub(super) kind: EntityKind,
    pub(super) entity: &'a str,
    /// Accounts it names beside the entity.
    pub(super) accounts: &'a [String],
    /// Of the event at which it was said.
    pub(super) label: u16,
    pub(super) severity: Severity,
    pub(super) rule: String,
    pub(super) partner: &'a str,
    pub(super) role: &'a str,
    pub(super) line: &'a str,
}

/// First alert on a raid.
#[derive(Clone, Debug)]
struct Catch {
    exposed: u64,
    delay_s: f64,
    active_hours: u64,
    named: u64,
    rule: String,
}

/// An alert that no attack explains.
#[derive(Debug)]
struct Unexplained {
    severity: Severity,
    warm: bool,
    found: FalseAlert,
}

/// The book of one detector.
#[derive(Debug)]
pub(super) struct Ledger {
    caught: Vec<Option<Catch>>,
    low: Vec<bool>,
    /// By raid and thief: persons out when it was named, and of these that day.
    named: BTreeMap<(usize, usize), (u64, u64)>,
    /// Alerts that an attack explains.
    explained: BTreeMap<String, ()>,
    unexplained: BTreeMap<String, Unexplained>,
}

impl<'a> Saying<'a> {
    /// What an alert of ours says.
    pub(super) fn of(alert: &'a Alert, line: &'a str, at: TimestampMs, label: u16) -> Saying<'a> {
        Saying {
            id: &alert.id,
            at,
            kind: alert.entity.kind,
            entity: &alert.entity.id,
            accounts: &alert.accounts,
            label,
            severity: alert.severity,
            rule: alert.signals.first().map(rule_and_window).unwrap_or_default(),
            partner: alert.partner.as_deref().unwrap_or(""),
            role: alert.role.as_deref().unwrap_or(""),
            line,
        }
    }
}

impl Ledger {
    pub(super) fn new(harm: &Harm) -> Ledger {
        Ledger {
            caught: vec![None; harm.raids.len()],
            low: vec![false; harm.raids.len()],
            named: BTreeMap::new(),
            explained: BTreeMap::new(),
            unexplained: BTreeMap::new(),
        }
    }

    /// Takes in what the detector says.
    pub(super) fn note(&mut self, harm: &Harm, said: &Saying<'_>) {
        let raids = raids_behind(harm, said);
        if raids.is_empty() {
            if !self.explained.contains_key(said.id) {
                self.note_unexplained(harm, said);
            }
            return;
        }
        self.explained.insert(said.id.to_owned(), ());
        self.unexplained.remove(said.id);
        for (raid, thieves) in raids {
            if said.severity < Severity::Medium {
                self.low[raid] = true;
                continue;
            }
            self.catch(harm, raid, &thieves, said);
        }
    }

    fn catch(&mut self, harm: &Harm, index: usize, thieves: &[usize], said: &Saying<'_>) {
        let raid = &harm.raids[index];
        for thief in thieves {
            let taken = &raid.thieves[*thief];
            self.named.entry((index, *thief)).or_insert((taken.taken.count(), taken.today()));
        }
        if self.caught[index].is_some() {
            return;
        }
        let hours = thieves.iter().map(|t| raid.thieves[*t].active_hours).max();
        let delay = raid.began_ms.map_or(0, |began| (said.at - began).max(0));
        self.caught[index] = Some(Catch {
            exposed: raid.taken.count(),
            delay_s: delay as f64 / 1_000.0,
            active_hours: hours.unwrap_or(0),
            named: thieves.len() as u64,
            rule: said.rule.clone(),
        });
    }

    fn note_unexplained(&mut self, harm: &Harm, said: &Saying<'_>) {
        if let Some(known) = self.unexplained.get_mut(said.id) {
            known.severity = known.severity.max(said.severity);
            return;
        }
        let concerns = |name: &String| {
            name == said.entity || said.accounts.iter().any(|account| account == name)
        };
        let like = harm.truth.campaigns.iter().find(|c| {
            c.kind != Kind::Attack
                && c.from_ms - DAY_MS <= said.at
                && said.at <= c.to_ms + DAY_MS
                && c.accounts.iter().any(concerns)
        });
        let found = FalseAlert {
            rule: said.rule.clone(),
            entity: said.kind.word().to_owned(),
            partner: said.partner.to_owned(),
            role: said.role.to_owned(),
            look_alike: like.map_or(String::new(), |c| c.id.clone()),
            line: said.line.to_owned(),
        };
        let warm = harm.is_warm(said.at);
        let severity = said.severity;
        self.unexplained.insert(said.id.to_owned(), Unexplained { severity, warm, found });
    }

    /// Closes the book. `names` are the rows of the attacks, in the order of the truth.
    pub(super) fn close(
        self,
        key: Key,
        held: f64,
        harm: &Harm,
        (accounts, weeks): (u32, u32),
        names: &[String],
    ) -> Outcome {
        let mut outcome = Outcome {
            key,
            events: harm.events,
            accounts,
            weeks,
            held,
            account_weeks: harm.account_weeks.values().sum(),
            account_weeks_by_partner: BTreeMap::new(),
            account_weeks_by_role: BTreeMap::new(),
            shares: BTreeMap::new(),
            campaigns: self.campaigns(held, harm, names),
            false_alerts: Vec::new(),
            false_low: 0,
            false_warm_up: 0,
            look_alikes: look_alikes(harm),
        };
        for ((partner, role), weeks) in &harm.account_weeks {
            *outcome.account_weeks_by_partner.entry(partner.clone()).or_default() += weeks;
            *outcome.account_weeks_by_role.entry(role.clone()).or_default() += weeks;
        }
        for unexplained in self.unexplained.into_values() {
            if !unexplained.warm {
                outcome.false_warm_up += 1;
            } else if unexplained.severity < Severity::Medium {
                outcome.false_low += 1;
            } else {
                let like = &unexplained.found.look_alike;
                if let Some(seen) = outcome.look_alikes.get_mut(like) {
                    seen.1 += 1;
                }
                outcome.false_alerts.push(unexplained.found);
            }
        }
        outcome
    }

    fn campaigns(&self, held: f64, harm: &Harm, names: &[String]) -> Vec<Campaign> {
        let truth = &harm.truth.campaigns;
        let named = harm.raids.iter().enumerate().zip(names);
        let campaign = |((index, raid), name): ((usize, &super::harm::Raid), &String)| {
            let catch = self.caught[index].as_ref();
            let weeks = (raid.to_ms - raid.from_ms) as f64 / (7 * DAY_MS) as f64;
            let accounts = raid.thieves.len() as f64;
            let account = |(thief, t): (usize, &super::harm::Thief)| {
                let named = self.named.get(&(index, thief)).copied();
                let (exposed, exposed_that_day) = named.unwrap_or((t.taken.count(), t.today()));
                let wanted = t.taken.count();
                Account { caught: named.is_some(), wanted, exposed, exposed_that_day }
            };
            Campaign {
                name: name.clone(),
                id: truth[raid.campaign].id.clone(),
                wanted: raid.wanted,
                caught: catch.is_some(),
                exposed: catch.map_or(raid.wanted.max(raid.taken.count()), |c| c.exposed),
                exposed_at_random: random_alarms(
                    raid.wanted as f64,
                    held / 1_000.0,
                    accounts,
                    weeks,
                ),
                weeks,
                delay_s: catch.map(|c| c.delay_s),
                active_hours: catch.map(|c| c.active_hours),
                named_first: catch.map_or(0, |c| c.named),
                first_by: catch.map_or(String::new(), |c| c.rule.clone()),
                low_only: catch.is_none() && self.low[index],
                accounts: raid.thieves.iter().enumerate().map(account).collect(),
            }
        };
        named.map(campaign).collect()
    }
}

/// The attacks behind something a detector said, each with the accounts that it names of it.
fn raids_behind(harm: &Harm, said: &Saying<'_>) -> BTreeMap<usize, Vec<usize>> {
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let own = (said.kind == EntityKind::Account).then_some(said.entity);
    for name in own.into_iter().chain(said.accounts.iter().map(String::as_str)) {
        for (index, raid) in harm.raids.iter().enumerate().filter(|(_, r)| r.may_explain(said.at)) {
            if let Some(thief) = raid.thief(name) {
                let thieves = found.entry(index).or_default();
                if !thieves.contains(&thief) {
                    thieves.push(thief);
                }
            }
        }
    }
    if !found.is_empty() || own.is_some() {
        return found;
    }
    // An address or a device that only thieves use; of an attack without accounts, nobody is named.
    let at_place = harm.raids_at(said.entity).chain(
        (said.kind == EntityKind::Source).then(|| harm.raid_of(said.label)).into_iter().flatten(),
    );
    let nobodys = (said.kind == EntityKind::Network && said.entity == NO_ACCOUNT)
        .then(|| (0..harm.raids.len()).filter(|raid| harm.raids[*raid].thief("").is_some()));
    let at_place = at_place.chain(nobodys.into_iter().flatten());
    for raid in at_place.filter(|r| harm.raids[*r].may_explain(said.at)) {
        let nobody: Vec<usize> = harm.raids[raid].thief("").into_iter().collect();
        found.insert(raid, nobody);
    }
    found
}

/// Look-alikes that happened after the warm-up.
fn look_alikes(harm: &Harm) -> BTreeMap<String, (u64, u64)> {
    let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let campaigns = harm.truth.campaigns.iter();
    for like in campaigns.filter(|c| c.kind != Kind::Attack && harm.is_warm(c.to_ms)) {
        found.entry(like.id.clone()).or_default().0 += 1;
    }
    found
}

fn rule_and_window(signal: &Signal) -> String {
    format!("{} {}", signal.rule.trim_start_matches("mass-extraction."), signal.window)
}

#[cfg(test)]
mod tests {
    use super::super::suites::Entry;
    use super::super::work::{Job, Lookout, Settings, Watch};
    use super::*;
    use crate::event::Person;
    use crate::simulate::{Scratch, World, WorldOptions};

    fn world(scenario: &str, days: u32) -> (World, Vec<Entry>) {
        let entry = Entry::given(scenario).unwrap();
        let scenarios = vec![entry.spec.clone()];
        let options = WorldOptions {
            accounts: 300,
            days,
            scenarios,
            lookalikes: 0.0,
            machine_scale: 0.05,
            ..WorldOptions::default()
        };
        (World::new(options).unwrap(), vec![entry])
    }

    fn said<'a>(id: &'a str, entity: &'a str, at: TimestampMs) -> Saying<'a> {
        Saying {
            id,
            at,
            kind: EntityKind::Account,
            entity,
            accounts: &[],
            label: 0,
            severity: Severity::Medium,
            rule: "volume 1h".to_owned(),
            partner: "cap-emploi",
            role: "cap-adviser",
            line: "",
        }
    }

    /// Plays a world; `say` is asked after each event of the attack, with its number.
    fn play(
        scenario: &str,
        days: u32,
        mut say: impl FnMut(&mut Ledger, &Harm, u64, TimestampMs),
    ) -> Outcome {
        let (world, entries) = world(scenario, days);
        let mut harm = Harm::new(world.truth(), "Europe/Paris").unwrap();
        let mut ledger = Ledger::new(&harm);
        let mut scratch = Scratch::new(&|_| 1, &[]);
        let person = |id: &str| Person { id: id.parse().unwrap(), block: 0 };
        let mut number = 0;
        for event in world.events() {
            event.with_event(&world, &mut scratch, &person, |decoded, label| {
                harm.event(decoded, event.account, label);
                if harm.raid_of(label).is_some() {
                    number += 1;
                    say(&mut ledger, &harm, number, event.time);
                }
            });
        }
        let job = Job::new(
            "given",
            0,
            1,
            days / 7,
            entries.clone(),
            &Settings { size: 300, lookalikes: 0.0, territory: false, unrelated: false },
        );
        let lookout = Lookout {
            name: "vigie".to_owned(),
            budget: 0.5,
            floor: 0.0,
            watch: Watch::Engine(std::sync::Arc::new(
                crate::detect::rule::Rules::built_in().unwrap(),
            )),
        };
        ledger.close(job.key(&lookout), 0.5, &harm, (300, days / 7), &job.names())
    }

    const A7: &str = "A7@1:persons_max=1000,accounts=2,rate=2";

    #[test]
    fn what_nobody_says_is_all_lost() {
        let outcome = play(A7, 7, |_, _, _, _| ());
        let campaign = &outcome.campaigns[0];
        assert!(!campaign.caught);
        assert_eq!((campaign.exposed, campaign.wanted), (1_000, 1_000));
        assert_eq!(campaign.accounts.iter().map(|a| a.exposed).sum::<u64>(), 1_000);
    }

    #[test]
    fn an_alert_stops_the_count() {
        let outcome = play(A7, 7, |ledger, harm, number, at| {
            let name = harm.truth.campaigns.last().unwrap().accounts[0].clone();
            // Pages of 50 from two accounts, a login first each.
            if number == 10 {
                ledger.note(harm, &said("a", &name, at));
            }
            if number == 14 {
                ledger.note(harm, &said("b", "somebody", at));
                ledger.note(harm, &said("a", &name, at));
            }
        });
        let campaign = &outcome.campaigns[0];
        assert!(campaign.caught);
        assert_eq!(campaign.exposed, 400, "eight pages of 50 until the tenth event");
        assert_eq!(campaign.named_first, 1);
        assert_eq!(campaign.accounts.iter().filter(|a| a.caught).count(), 1);
        assert!(campaign.delay_s.unwrap() > 0.0);
        assert_eq!(campaign.active_hours, Some(1));
        assert_eq!(campaign.first_by, "volume 1h");
        assert_eq!(outcome.false_warm_up, 1, "nobody stole as somebody");
        assert!(outcome.false_alerts.is_empty(), "within the warm-up nothing counts");
    }

    #[test]
    fn a_low_alert_catches_nobody_and_is_no_false_alert() {
        let outcome = play(A7, 7, |ledger, harm, number, at| {
            let name = harm.truth.campaigns.last().unwrap().accounts[0].clone();
            let low = Saying { severity: Severity::Low, ..said("a", &name, at) };
            if number == 10 {
                ledger.note(harm, &low);
            }
        });
        assert!(outcome.campaigns[0].low_only && !outcome.campaigns[0].caught);
        assert_eq!(outcome.false_warm_up, 0);
    }

    #[test]
    fn a_pooled_alert_names_its_accounts() {
        let outcome = play(A7, 7, |ledger, harm, number, at| {
            let names = harm.truth.campaigns.last().unwrap().accounts.clone();
            let pooled = Saying {
                kind: EntityKind::Partner,
                accounts: &names,
                ..said("a", "france-travail", at)
            };
            if number == 10 {
                ledger.note(harm, &pooled);
            }
        });
        assert_eq!(outcome.campaigns[0].named_first, 2);
        assert!(outcome.campaigns[0].accounts.iter().all(|a| a.caught && a.exposed <= 250));
    }

    #[test]
    fn the_alert_over_addresses_without_account_is_of_the_attack_that_has_none() {
        let nobodys = |entity: &'static str| {
            play("A12@34", 36, |ledger, harm, number, at| {
                let pooled = Saying { kind: EntityKind::Network, ..said("a", entity, at) };
                if number == 10 {
                    ledger.note(harm, &pooled);
                }
            })
        };
        let outcome = nobodys(NO_ACCOUNT);
        assert!(outcome.campaigns[0].caught && outcome.false_alerts.is_empty());
        let outcome = nobodys("10.7.7.0/24");
        assert!(!outcome.campaigns[0].caught && outcome.false_alerts.len() == 1);
    }

    #[test]
    fn false_alerts_count_after_the_warm_up() {
        let outcome = play("A7@34:persons_max=1000", 35, |ledger, harm, number, at| {
            if number == 5 {
                ledger.note(harm, &said("b", "somebody", at));
            }
        });
        assert_eq!(outcome.false_alerts.len(), 1);
        assert_eq!(outcome.false_alerts[0].rule, "volume 1h");
        assert!(outcome.account_weeks > 200 && outcome.account_weeks <= 320);
    }
}
