//! Every input besides events: directories, declarations, epochs, rules, settings, verdicts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::caseload::Caseloads;
use super::channel::{DRIFTS, of_channel};
use super::epoch::{Epoch, Kind};
use super::joint::JOINT;
use super::partial::GroupPartial;
use super::report::Finding;
use super::rule::Rules;
use super::shared::unit_hash;
use super::time::Calendar;
use super::{Detector, Settings, opening};
use crate::alert::EntityKind;
use crate::directory::{Accounts, Caseload, Expected, PersonUnits};
use crate::event::TimestampMs;

/// Any input besides events that can change an alert. Stored with the position at which it is
/// applied, before it is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Control {
    /// The account directory was loaded; takes effect at each account's next day.
    Accounts(Arc<Accounts>),
    /// Declared and expected activity was loaded; likewise.
    Expected(Arc<Vec<Expected>>),
    /// Which unit handles a person.
    PersonUnits(Arc<PersonUnits>),
    /// Which account handles a person: its unit is the person's, and others are outside its caseload.
    Caseload(Arc<Caseload>),
    /// A model epoch was built; in force from this shard's next day end.
    Epoch(Arc<Epoch>),
    /// Rules were changed; thresholds follow at each account's next day.
    Rules(Arc<Rules>),
    /// Settings were changed; the key of account names stays.
    Settings(Settings),
    /// People judged an alert: its episode ends, and the entity's next alert follows it.
    Verdict(Judged),
}

/// An alert that people judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Account or source.
    pub entity: EntityKind,
    /// Its name.
    pub name: String,
    /// Event time of the alert's opening, which tells its episode from others.
    pub opened: TimestampMs,
    /// The alert's id, for the one that follows.
    pub alert: String,
    /// What it was, in the console's word: it changes what is learned, and opens or closes nothing.
    pub verdict: String,
}

impl Detector {
    /// Applies one control record; a verdict ends an episode.
    pub fn control(&mut self, control: Control, out: &mut Vec<Finding>) {
        match control {
            Control::Accounts(accounts) => self.shared.accounts = accounts,
            Control::Expected(expected) => self.shared.expected = expected,
            Control::PersonUnits(given) => {
                for (fp, unit, last_active) in &given.0 {
                    let day = last_active.unwrap_or(self.day.map_or(0, |d| d.day));
                    self.shared.territory.give(*fp, unit_hash(unit), day);
                }
            }
            Control::Caseload(caseload) => {
                let day = self.day.map_or(0, |d| d.day);
                let directory = Arc::clone(&self.shared.accounts);
                let caseloads = Caseloads::from(&*caseload);
                for account in &mut self.accounts {
                    account.caseload = caseloads.of(&account.name);
                }
                self.shared.caseloads = Arc::new(caseloads);
                for (account, fp) in &caseload.0 {
                    let unit = directory.0.get(account).and_then(|e| e.unit.as_deref());
                    if let Some(unit) = unit {
                        self.shared.territory.give(*fp, unit_hash(unit), day);
                    }
                }
            }
            Control::Epoch(epoch) => self.shared.pending = Some(epoch),
            Control::Rules(rules) => {
                self.shared.change_rules(rules);
                let todays = self.accounts.iter_mut().filter_map(|a| a.today.as_mut());
                todays.for_each(|today| today.look_at_all(true));
            }
            Control::Settings(settings) => {
                // A zone that is not there was refused with the configuration.
                if let Ok(calendar) = Calendar::new(&settings.zone) {
                    self.shared.calendar = calendar;
                    let name_key = self.shared.settings.name_key;
                    self.shared.settings = Settings { name_key, ..settings };
                }
            }
            Control::Verdict(judged) => self.verdict(judged, out),
        }
    }

    /// What people judged is over: its episode ends, and the day's counts start again, so that the
    /// next alert of this entity is about what comes after. That one follows, within four weeks.
    fn verdict(&mut self, judged: Judged, out: &mut Vec<Finding>) {
        if judged.entity != EntityKind::Account
            && self.pools.verdict(&judged, &self.accounts, &self.shared, out)
        {
            return;
        }
        if !matches!(judged.entity, EntityKind::Account | EntityKind::Source) {
            return;
        }
        let kind = if judged.entity == EntityKind::Source { Kind::Source } else { Kind::Human };
        let hash = self.name_hash(&judged.name, kind);
        let Some(&index) = self.index.get(&hash) else { return };
        let account = &mut self.accounts[index as usize];
        match &account.episode {
            Some(open) if open.opened != judged.opened => return,
            Some(open) => {
                let position = open.positions.1;
                opening::end(account, &self.shared, account.time, out);
                if let Some(today) = &mut account.today {
                    today.start_again(position);
                }
            }
            None => {}
        }
        account.weeks.start_again();
        account.tell_days_before();
        learn_from(account, &judged.verdict, self.shared.learning(account.group));
        self.shared.judged.insert(index, (judged.opened, judged.alert));
    }
}

/// What a verdict changes in what is learned; it never loosens a threshold by itself. A theft leaves
/// the calibration, which only makes thresholds lower. An expected activity is a decision: the
/// account learns again from its next day on, and its anchors move to where it is now. The rest
/// changes nothing: seven days out of learning go on.
fn learn_from(account: &mut Account, verdict: &str, group: &mut GroupPartial) {
    match verdict {
        "true_positive_impact" | "true_positive_no_impact" => {
            for (c, bin) in account.told.drain(..) {
                let scores = match usize::from(c) {
                    JOINT => &mut group.joint,
                    c => {
                        let (touch, measure) = of_channel(c);
                        &mut group.scores[touch as usize][measure as usize]
                    }
                };
                scores.withdrawn.add(usize::from(bin));
            }
            if let Some(today) = &mut account.today {
                today.is_theft = today.fired != 0;
            }
        }
        "benign_expected" => {
            account.excluded_until = account.excluded_until.min(account.day.day);
            for (drifts, base) in account.drift.iter_mut().zip(&account.base) {
                for (drift, (_, of_day)) in drifts.iter_mut().zip(DRIFTS) {
                    drift.anchor = base[of_day as usize];
                }
            }
        }
        _ => {}
    }
}
