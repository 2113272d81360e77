//! Runs on real histories: one as it is, for the false alerts; others with a few attacks each.
//!
//! By account-days, the first half is for learning, the third quarter is where comparators get
//! their thresholds, the last quarter is where everybody is tested. Our own parameters are chosen a
//! quarter earlier: tested on the third, comparators tuned on the second.

use std::path::Path;
use std::sync::Arc;

use indicatif::ProgressBar;

use super::harm::Harm;
use super::ledger::Ledger;
use super::outcome::{Key, Outcome};
use super::past::{ExtraEvent, Past};
use super::posts::{Counting, Posts};
use super::rivals::{Ground, Quiet};
use super::work::{Desk, Lookout, Piece};
use crate::commands::Failure;
use crate::commands::setup::Setup;
use crate::decode::{PseudonymKey, Pseudonymiser};
use crate::evaluate::comparators::grid;
use crate::evaluate::injections::{AccountDay, Injection, bursts, pages, ramps};
use crate::event::TimestampMs;
use crate::simulate::{Campaign, Kind, Truth};

const WEEK_MS: f64 = 7.0 * 86_400_000.0;
/// Attacks of a run at most, and account-days of the test for each of them at least. Few: more of
/// them than the budget has alerts would be learned as what happens all the time.
const BURSTS_MAX: usize = 8;
/// Attacks that comparators, which learn nothing from alerts, are chosen by.
const TUNING_MAX: usize = 30;
const RAMPS_MAX: usize = 12;
const DAYS_EACH: usize = 200;
/// The run whose attacks comparators are chosen by.
const TUNING: u32 = u32::MAX;

/// One run over a history.
#[derive(Clone, Debug)]
pub(super) struct Run {
    past: Arc<Past>,
    kind: &'static str,
    number: u32,
    injections: Vec<Injection>,
    /// Alerts count from and to.
    from_ms: TimestampMs,
    to_ms: TimestampMs,
}

/// A history, and its parts.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    past: Arc<Past>,
    /// Where comparators get their thresholds, and where everybody is tested.
    tuned: (TimestampMs, TimestampMs),
    tested: (TimestampMs, TimestampMs),
}

impl Trial {
    /// Reads a history; `quarter` of it is tested, the one before is for tuning.
    pub(super) fn read(path: &Path, setup: &Setup, quarter: u32) -> Result<Trial, Failure> {
        let past = Arc::new(Past::read(path, setup)?);
        let at = |quarter: usize| {
            past.days.get(past.days.len() * quarter / 4).map_or(past.span().1 + 1, |d| d.first_ms)
        };
        let of = |quarter: usize| (at(quarter - 1), at(quarter) - 1);
        let quarter = quarter as usize;
        Ok(Trial { tuned: of(quarter - 1), tested: of(quarter), past })
    }

    /// The run without attacks, and so many with; of ramps half as many.
    pub(super) fn runs(&self, count: u32) -> Vec<Run> {
        let mut runs = vec![self.run("quiet", 0, self.tested, Vec::new())];
        let days = self.days(self.tested);
        let few = days.len() / DAYS_EACH;
        for number in 0..count {
            let some = bursts(&days, few.clamp(4, BURSTS_MAX), u64::from(number));
            runs.push(self.run("bursts", number, self.tested, some));
        }
        for number in 0..count.div_ceil(2) {
            let some = ramps(&days, few.clamp(2, RAMPS_MAX), u64::from(number));
            if !some.is_empty() {
                runs.push(self.run("ramps", number, self.tested, some));
            }
        }
        runs
    }

    fn days(&self, (from, to): (TimestampMs, TimestampMs)) -> Vec<AccountDay> {
        let within = |d: &&AccountDay| (from..=to).contains(&d.first_ms);
        self.past.days.iter().filter(within).copied().collect()
    }

    fn run(
        &self,
        kind: &'static str,
        number: u32,
        (from_ms, to_ms): (TimestampMs, TimestampMs),
        injections: Vec<Injection>,
    ) -> Run {
        Run { past: Arc::clone(&self.past), kind, number, injections, from_ms, to_ms }
    }

    /// Lays the histories' names and sizes out for people.
    pub(super) fn text(&self) -> String {
        let days = self.days(self.tested).len();
        let past = &self.past;
        let (accounts, all) = (past.accounts(), past.days.len());
        format!("{}: {accounts} accounts, {all} account-days, {days} of them tested", past.name)
    }
}

impl Ground for Trial {
    fn options(&self) -> String {
        let past = &self.past;
        format!("history {} {} {:?}", past.name, past.days.len(), past.span())
    }

    fn quiet(&self, desk: &Desk<'_>) -> Result<Quiet, Failure> {
        let run = self.run("quiet", TUNING, self.tuned, Vec::new());
        let mut harm = run.harm(desk.setup)?;
        let all: Vec<_> = grid().into_iter().map(|config| (config, None)).collect();
        let mut counting = Counting::new(&all, desk.setup, self.past.numbers())?;
        counting.warm_from(run.from_ms);
        self.past.play(&[], run.to_ms, |event, _, account, label| {
            harm.event(event, account, label);
            counting.see(event, account);
        });
        Ok((counting.crossings(), harm.account_weeks.values().sum(), run.rate(&harm)))
    }

    fn attacked(&self) -> Vec<Piece> {
        let days = self.days(self.tuned);
        let few = (days.len() / DAYS_EACH).clamp(4, TUNING_MAX);
        vec![Piece::Past(self.run("tuning", TUNING, self.tuned, bursts(&days, few, 77)))]
    }
}

impl Run {
    pub(super) fn key(&self, lookout: &Lookout) -> Key {
        let past = &self.past;
        let options = format!(
            "{} {} {:?} {} injections floor={}",
            self.kind,
            past.days.len(),
            past.span(),
            self.injections.len(),
            lookout.floor
        );
        Key {
            suite: format!("{} {}", past.name, self.kind),
            part: 0,
            seed: u64::from(self.number),
            detector: lookout.name.clone(),
            budget: lookout.budget.to_string(),
            options,
            version: lookout.version(),
        }
    }

    /// What is laid over the history, as the ledger knows attacks.
    fn truth(&self) -> Truth {
        let campaign = |injection: &Injection| {
            let (first, last) = (injection.days.first(), injection.days.last());
            Campaign {
                id: "A0".to_owned(),
                kind: Kind::Attack,
                accounts: first
                    .map(|f| self.past.word(f.on.account).to_owned())
                    .into_iter()
                    .collect(),
                from_ms: first.and_then(|f| pages(f).first().copied()).map_or(0, |p| p.0),
                to_ms: last.map_or(0, |l| l.on.end_ms),
                persons: injection.wanted,
                description: injection.name.clone(),
            }
        };
        Truth { campaigns: self.injections.iter().map(campaign).collect() }
    }

    fn harm(&self, setup: &Setup) -> Result<Harm, Failure> {
        let zone = &setup.config.detection.zone;
        let mut harm = Harm::new(&self.truth(), zone).map_err(Failure::Failed)?;
        harm.set_warm_from(self.from_ms);
        Ok(harm)
    }

    /// Account-weeks a week.
    fn rate(&self, harm: &Harm) -> f64 {
        let weeks = (self.to_ms - self.from_ms) as f64 / WEEK_MS;
        harm.account_weeks.values().sum::<u64>() as f64 / weeks.max(1.0)
    }

    fn extras(&self, namespace: &str) -> Vec<ExtraEvent> {
        let pseudonymiser = Pseudonymiser::new(PseudonymKey::PUBLIC, namespace);
        let mut extras = Vec::new();
        for (label, injection) in (1..).zip(&self.injections) {
            let mut fresh = 0;
            for day in &injection.days {
                for (time, count) in pages(day) {
                    let person = |n: u32| {
                        let raw = format!("{}-{}-{label}-{}", self.kind, self.number, fresh + n);
                        pseudonymiser.person(&raw)
                    };
                    let persons = (0..count).map(person).collect();
                    fresh += count;
                    extras.push(ExtraEvent { time, account: day.on.account, persons, label });
                }
            }
        }
        extras.sort_by_key(|extra| (extra.time, extra.label));
        extras
    }

    pub(super) fn play(
        &self,
        setup: &Setup,
        lookouts: &[Lookout],
        bar: &ProgressBar,
    ) -> Result<Vec<Outcome>, Failure> {
        let mut harm = self.harm(setup)?;
        let mut posts = Posts::new(setup, lookouts, &[], &harm, self.past.numbers())?;
        let extras = self.extras(&setup.config.source.namespace);
        self.past.play(&extras, self.to_ms, |event, position, account, label| {
            harm.event(event, account, label);
            posts.see(&harm, event, position, account, label);
        });
        bar.inc(1);
        let weeks = ((self.to_ms - self.past.span().0) as f64 / WEEK_MS) as u32;
        let size = (self.past.accounts(), weeks);
        let names: Vec<String> = self.injections.iter().map(|i| i.name.clone()).collect();
        let close = |(ledger, lookout): (Ledger, &Lookout)| {
            let held = lookout.held(self.rate(&harm));
            let mut outcome = ledger.close(self.key(lookout), held, &harm, size, &names);
            outcome.shares = lookout.shares();
            self.set_apart(&mut outcome);
            outcome
        };
        Ok(posts.ledgers().zip(lookouts).map(close).collect())
    }

    /// Attacks on accounts with next to no past have a row of their own too; false alerts of the
    /// same traffic are counted once, in the run without attacks.
    fn set_apart(&self, outcome: &mut Outcome) {
        let both = self.injections.iter().zip(outcome.campaigns.clone());
        let cold = both.filter(|(injection, _)| injection.cold).map(|(_, mut campaign)| {
            campaign.name.push_str(", cold");
            campaign
        });
        outcome.campaigns.extend(cold.collect::<Vec<_>>());
        if self.kind != "quiet" {
            outcome.account_weeks = 0;
            outcome.account_weeks_by_partner.clear();
            outcome.account_weeks_by_role.clear();
            outcome.false_alerts.clear();
            outcome.false_low = 0;
            outcome.false_warm_up = 0;
        }
    }

    /// Names the run for people.
    pub(super) fn title(&self) -> String {
        format!("{} {} {}", self.past.name, self.kind, self.number)
    }
}
