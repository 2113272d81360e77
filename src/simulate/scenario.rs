//! Naming scenarios, tuning them, and the truth about what was simulated.

use serde::{Deserialize, Serialize};

use super::{SimulateError, attacks, lookalikes};
use crate::event::TimestampMs;

/// Whether a campaign is a theft or only looks like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// To be caught.
    Attack,
    /// Not to be alerted on.
    Lookalike,
}

/// One thing that is not ordinary traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// `A1` … `A33`, `L1` … `L14`.
    pub id: String,
    /// Attack or look-alike.
    pub kind: Kind,
    /// The accounts it shows on; empty when it has none (A12).
    pub accounts: Vec<String>,
    /// Time of its first event; of a look-alike, the beginning of its first day.
    pub from_ms: TimestampMs,
    /// Time of its last event; of a look-alike, the end of its last day.
    pub to_ms: TimestampMs,
    /// Distinct persons it returns; for records that no id names, their number. Of a look-alike,
    /// persons a day; 0 where it changes whole days.
    pub persons: u64,
    /// What it is, in a sentence.
    pub description: String,
}

/// What really happens in a world. Label n of an event is campaign n − 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Ambient look-alikes first, then those asked for, then the attacks in the order asked for.
    pub campaigns: Vec<Campaign>,
}

impl Truth {
    /// Adds a campaign and returns the label of its events. (More than a label can tell are
    /// refused by the world once all are counted.)
    pub(super) fn add(&mut self, campaign: Campaign) -> u16 {
        self.campaigns.push(campaign);
        u16::try_from(self.campaigns.len()).unwrap_or(u16::MAX)
    }

    /// The campaign of a label.
    #[must_use]
    pub fn campaign(&self, label: u16) -> Option<&Campaign> {
        self.campaigns.get(usize::from(label).checked_sub(1)?)
    }
}

/// Which persons an attack goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sweep {
    /// All 40 million files, in scattered order.
    Base,
    /// Only persons in use.
    Active,
    /// Only persons of the attacked account's own unit.
    OwnUnit,
    /// Only persons of one other unit.
    OtherUnit,
    /// Files of the base nobody uses.
    Dormant,
    /// All files, number by number.
    Walk,
}

impl Sweep {
    const WORDS: [(&'static str, Sweep); 6] = [
        ("base", Sweep::Base),
        ("active", Sweep::Active),
        ("own-unit", Sweep::OwnUnit),
        ("other-unit", Sweep::OtherUnit),
        ("dormant", Sweep::Dormant),
        ("walk", Sweep::Walk),
    ];
}

/// Where the thief sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Desk {
    /// At the account's own desk: its device, its address, its session.
    Own,
    /// At another device and address, one for each account.
    Other,
}

/// A scenario to add to a world. What is `None` keeps the scenario's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScenarioSpec {
    /// `A1` … `A33`, `L1` … `L14`.
    pub id: String,
    /// Day of the world on which it begins; 0 is the first.
    pub start_day: u32,
    /// Accounts it uses.
    pub accounts: Option<u32>,
    /// Days it may last.
    pub days: Option<u32>,
    /// Persons a second and account while it is active.
    pub rate: Option<f64>,
    /// Persons a day and account at most.
    pub per_day: Option<f64>,
    /// Persons of the whole campaign at most.
    pub persons_max: Option<u64>,
    /// Growth a day of ramps, 0.05 = +5 %.
    pub growth: Option<f64>,
    /// Multiple of the own mean at which ramps begin.
    pub from_mean: Option<f64>,
    /// Persons a day while a baseline is fed (A24); 0: no feeding, the burst comes when it would.
    pub feed: Option<f64>,
    /// At whose desk.
    pub desk: Option<Desk>,
    /// Of leavers' accounts: whether the directory knows that they ended.
    pub end_listed: Option<bool>,
    /// Which persons it goes through.
    pub sweep: Option<Sweep>,
}

impl ScenarioSpec {
    /// A scenario with its defaults.
    #[must_use]
    pub fn new(id: &str, start_day: u32) -> ScenarioSpec {
        ScenarioSpec { id: id.to_owned(), start_day, ..ScenarioSpec::default() }
    }

    /// Reads `ID@START_DAY[:key=value,…]`; the keys are the fields of this type.
    ///
    /// # Errors
    ///
    /// When the name is unknown (the message lists the names) or a value does not read.
    pub fn parse(text: &str) -> Result<ScenarioSpec, SimulateError> {
        let fail = |why: String| SimulateError::ScenarioText { given: text.to_owned(), why };
        let (head, params) = text.split_once(':').unwrap_or((text, ""));
        let (id, day) = head.split_once('@').ok_or_else(|| fail("no start day".to_owned()))?;
        let day = day.parse().map_err(|_| fail(format!("start day {day:?} is no number")))?;
        let mut spec = ScenarioSpec::new(id, day);
        spec.known()?;
        for param in params.split(',').filter(|p| !p.is_empty()) {
            let (key, value) =
                param.split_once('=').ok_or_else(|| fail(format!("{param:?} has no value")))?;
            spec.set(key, value).map_err(fail)?;
        }
        Ok(spec)
    }

    /// Sets one field from its text.
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        fn number<T: std::str::FromStr>(value: &str) -> Result<Option<T>, String> {
            value.parse().map(Some).map_err(|_| format!("{value:?} is no number"))
        }
        fn positive(value: &str) -> Result<Option<f64>, String> {
            let read: Option<f64> = number(value)?;
            match read {
                Some(read) if read > 0.0 && read <= 1e6 => Ok(Some(read)),
                _ => Err(format!("{value} is not above 0 and up to 1000000")),
            }
        }
        match key {
            "accounts" => self.accounts = number(value)?,
            "days" => self.days = number(value)?,
            "rate" => self.rate = positive(value)?,
            "per_day" => self.per_day = positive(value)?,
            "persons_max" => self.persons_max = number(value)?,
            "growth" => self.growth = positive(value)?,
            "from_mean" => self.from_mean = positive(value)?,
            "feed" => self.feed = if value == "0" { Some(0.0) } else { positive(value)? },
            "desk" => {
                self.desk = match value {
                    "own" => Some(Desk::Own),
                    "other" => Some(Desk::Other),
                    _ => return Err("desk is one of own, other".to_owned()),
                };
            }
            "end_listed" => {
                let read = value.parse().map_err(|_| "end_listed is true or false".to_owned())?;
                self.end_listed = Some(read);
            }
            "sweep" => {
                let known = Sweep::WORDS.iter().find(|(word, _)| *word == value);
                let words = Sweep::WORDS.map(|(word, _)| word).join(", ");
                let sweep = known.ok_or_else(|| format!("sweep is one of {words}"))?;
                self.sweep = Some(sweep.1);
            }
            _ => {
                return Err(format!(
                    "unknown key {key:?}; the keys are accounts, days, rate, per_day, \
                     persons_max, growth, from_mean, feed, desk, end_listed, sweep"
                ));
            }
        }
        Ok(())
    }

    /// Whether a scenario has this name.
    pub(super) fn known(&self) -> Result<(), SimulateError> {
        if scenarios().iter().any(|(id, _)| *id == self.id) {
            return Ok(());
        }
        let names: Vec<&str> = scenarios().iter().map(|(id, _)| *id).collect();
        Err(SimulateError::UnknownScenario { given: self.id.clone(), valid: names.join(" ") })
    }
}

/// Every scenario: its name and what it is.
#[must_use]
pub fn scenarios() -> Vec<(&'static str, &'static str)> {
    let attacks = attacks::entries().map(|entry| (entry.id, entry.what));
    let mut all: Vec<_> = attacks.chain(lookalikes::NAMES).collect();
    // A2 before A10.
    all.sort_by_key(|(id, _)| (id.as_bytes()[0], id.len(), *id));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read() {
        let spec = ScenarioSpec::parse("A1@29:days=6,persons_max=30000,rate=0.5,sweep=own-unit");
        let want = ScenarioSpec {
            days: Some(6),
            persons_max: Some(30_000),
            rate: Some(0.5),
            sweep: Some(Sweep::OwnUnit),
            ..ScenarioSpec::new("A1", 29)
        };
        assert_eq!(spec.unwrap(), want);
    }

    #[test]
    fn errors_say_what_is_valid() {
        let check = |text: &str, want: &str| {
            let message = ScenarioSpec::parse(text).unwrap_err().to_string();
            assert!(message.contains(want), "{text}: {message}");
        };
        check("A99@3", "unknown scenario \"A99\"; the scenarios are A1 A2 A3");
        check("A99@3", "A33 L1 L2");
        check("A1", "no start day");
        check("A1@x", "\"x\" is no number");
        check("A1@1:days", "\"days\" has no value");
        check("A1@1:rate=-1", "not above 0");
        check("A1@1:rate=NaN", "not above 0");
        check("A1@1:sweep=all", "sweep is one of base, active, own-unit");
        check("A1@1:desk=mine", "desk is one of own, other");
        check("A28@1:end_listed=perhaps", "true or false");
        check("A1@1:speed=3", "the keys are accounts, days, rate");
    }
}
