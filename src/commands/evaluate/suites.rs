//! The standard worlds: which attacks and look-alikes are played together, and from which day.
//!
//! Four weeks of warm-up come first. Attacks of a suite are on disjoint accounts; where they would
//! be more than a small share of the world, the suite is played in several worlds (its parts).

use clap::ValueEnum;

use crate::simulate::ScenarioSpec;

/// Worlds that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Suite {
    /// Thefts that are over within days: A1, A3–A7, A9–A13, A16, A17, A20, A21, A30, A32
    Fast,
    /// Slow, spread in time, or of usual volume: A2, A14, A18, A22, A24, A25, A28, A29, A31, A33
    Slow,
    /// Many accounts at once: A8, A19
    Spread,
    /// Very many accounts, each a little: A15, A27
    Crowd,
    /// Within the own unit (A1, A21), and A26 at several levels
    Inside,
    /// Look-alikes L1–L14 and no attack
    Benign,
    /// A23 at +2, +5, +10 % and flat, A14 and A31 at full length: 21 weeks
    Ramps,
}

/// What `--suite` stands for when it is not given.
pub(super) const USUAL: [Suite; 6] =
    [Suite::Fast, Suite::Slow, Suite::Spread, Suite::Crowd, Suite::Inside, Suite::Benign];

/// A scenario of a suite: the name of its row, and its text.
type Line = (&'static str, &'static str);

const FAST: &[Line] = &[
    ("A1", "A1@36:persons_max=20000"),
    ("A3", "A3@38:days=5"),
    ("A4", "A4@39:days=5,per_day=5000"),
    ("A5", "A5@40:days=3"),
    ("A6", "A6@36:days=3,persons_max=57000"),
    ("A7", "A7@41"),
    ("A9", "A9@42"),
    ("A10", "A10@43:days=5"),
    ("A11", "A11@44:days=3"),
    ("A12", "A12@45"),
    ("A13", "A13@45:days=10"),
    ("A16", "A16@47"),
    ("A17", "A17@48"),
    ("A20", "A20@35"),
    ("A21", "A21@50"),
    ("A21", "A21@51"),
    ("A30", "A30@50"),
    ("A32", "A32@51"),
];

const SLOW: &[Line] = &[
    ("A2", "A2@36"),
    ("A14", "A14@35"),
    ("A18", "A18@49"),
    ("A22", "A22@36"),
    ("A24 fed", "A24@29"),
    ("A24 fed", "A24@29"),
    ("A24 fed", "A24@29"),
    ("A24 not fed", "A24@29:feed=0"),
    ("A24 not fed", "A24@29:feed=0"),
    ("A24 not fed", "A24@29:feed=0"),
    ("A25", "A25@38"),
    ("A28 end listed", "A28@53:end_listed=true"),
    ("A28 end not listed", "A28@53:end_listed=false"),
    ("A29", "A29@40"),
    ("A31", "A31@36"),
    ("A33", "A33@40"),
];

const SPREAD: &[Line] = &[("A8", "A8@36"), ("A19", "A19@40")];

const CROWD: &[Line] = &[("A15", "A15@36:days=20"), ("A27", "A27@38")];

const INSIDE: &[Line] = &[
    ("A1 own unit, other device", "A1@36:sweep=own-unit,persons_max=2000"),
    ("A1 own unit, own desk", "A1@37:sweep=own-unit,persons_max=2000,desk=own"),
    ("A21 own unit, other device", "A21@43:sweep=own-unit,desk=other"),
    ("A21 own unit, own desk", "A21@44:sweep=own-unit"),
    ("A26 10 a day", "A26@29:per_day=10,accounts=3"),
    ("A26 20 a day", "A26@29:per_day=20,accounts=3"),
    ("A26 40 a day", "A26@29:per_day=40,accounts=3"),
    ("A26 80 a day", "A26@29:per_day=80,accounts=3"),
    ("A26 20 a day, own unit", "A26@29:per_day=20,accounts=3,sweep=own-unit"),
    ("A26 40 a day, own unit", "A26@29:per_day=40,accounts=3,sweep=own-unit"),
    ("A26 80 a day, own unit", "A26@29:per_day=80,accounts=3,sweep=own-unit"),
    ("A26 160 a day, own unit", "A26@29:per_day=160,accounts=3,sweep=own-unit"),
    ("A26 320 a day, own unit", "A26@29:per_day=320,accounts=3,sweep=own-unit"),
];

const BENIGN: &[Line] = &[
    ("L1", "L1@30:accounts=3"),
    ("L2", "L2@31:accounts=3"),
    ("L3", "L3@49"),
    ("L4", "L4@32:accounts=3"),
    ("L5", "L5@33:accounts=3"),
    ("L6", "L6@36:accounts=2"),
    ("L7", "L7@37"),
    ("L8", "L8@38"),
    ("L9", "L9@39"),
    ("L10", "L10@40:accounts=3"),
    ("L11", "L11@43"),
    ("L12", "L12@44"),
    ("L13", "L13@45"),
    ("L14", "L14@50"),
];

const RAMPS: &[Line] = &[
    ("A23 +2 %", "A23@28:growth=0.02"),
    ("A23 +2 %", "A23@28:growth=0.02"),
    ("A23 +2 %", "A23@28:growth=0.02"),
    ("A23 +5 %", "A23@28:growth=0.05"),
    ("A23 +5 %", "A23@28:growth=0.05"),
    ("A23 +5 %", "A23@28:growth=0.05"),
    ("A23 +10 %", "A23@28:growth=0.1"),
    ("A23 +10 %", "A23@28:growth=0.1"),
    ("A23 +10 %", "A23@28:growth=0.1"),
    ("A23 flat ×3", "A23@28:from_mean=3,growth=0.0001"),
    ("A23 flat ×3", "A23@28:from_mean=3,growth=0.0001"),
    ("A23 +2 %, own unit", "A23@28:growth=0.02,sweep=own-unit"),
    ("A23 +5 %, own unit", "A23@28:growth=0.05,sweep=own-unit,per_day=2000"),
    ("A23 +5 %, own unit", "A23@28:growth=0.05,sweep=own-unit,per_day=2000"),
    ("A23 +10 %, own unit", "A23@28:growth=0.1,sweep=own-unit,per_day=2000"),
    ("A14, 112 days", "A14@35"),
    ("A31, 90 days", "A31@36"),
];

/// One scenario, and the row its figures go into.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) spec: ScenarioSpec,
}

impl Entry {
    /// From what somebody asked for.
    pub(super) fn given(text: &str) -> Result<Entry, String> {
        let spec = ScenarioSpec::parse(text).map_err(|e| e.to_string())?;
        let params = text.split_once(':').map_or("", |(_, params)| params);
        let name = format!("{} {params}", spec.id).trim().to_owned();
        Ok(Entry { name, text: text.to_owned(), spec })
    }

    /// Accounts of people it takes in a world of so many.
    fn accounts(&self, size: u32) -> u32 {
        let usual = match self.spec.id.as_str() {
            "A5" | "A12" | "A13" => 0,
            "A1" | "A2" | "A18" => 2,
            "A6" => 19,
            "A8" => (size / 40).clamp(3, 1_500),
            "A14" => 3,
            "A15" => (size / 50).clamp(5, 200),
            "A19" => (size / 20).clamp(6, 50),
            "A27" => (size / 20).clamp(5, 5_000),
            _ => 1,
        };
        self.spec.accounts.unwrap_or(usual)
    }
}

impl Suite {
    /// The word of the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Suite::Fast => "fast",
            Suite::Slow => "slow",
            Suite::Spread => "spread",
            Suite::Crowd => "crowd",
            Suite::Inside => "inside",
            Suite::Benign => "benign",
            Suite::Ramps => "ramps",
        }
    }

    fn lines(self) -> &'static [Line] {
        match self {
            Suite::Fast => FAST,
            Suite::Slow => SLOW,
            Suite::Spread => SPREAD,
            Suite::Crowd => CROWD,
            Suite::Inside => INSIDE,
            Suite::Benign => BENIGN,
            Suite::Ramps => RAMPS,
        }
    }

    /// Weeks of its worlds.
    pub(super) fn weeks(self) -> u32 {
        match self {
            Suite::Slow => 12,
            Suite::Ramps => 21,
            _ => 9,
        }
    }

    /// Share of the accounts that attacks of one world may use.
    fn share_max(self) -> f64 {
        match self {
            Suite::Spread | Suite::Crowd => 0.08,
            Suite::Benign => 1.0,
            _ => 0.02,
        }
    }

    /// Its scenarios in worlds of `size` accounts, world by world.
    pub(super) fn parts(self, size: u32) -> Vec<Vec<Entry>> {
        let most = f64::from(size) * self.share_max();
        let mut parts: Vec<Vec<Entry>> = Vec::new();
        let mut taken = f64::INFINITY;
        for (name, text) in self.lines() {
            // The texts are constants, and a test reads them all.
            let Ok(mut spec) = ScenarioSpec::parse(text) else { continue };
            if spec.id == "A6" {
                spec.accounts = Some((size / 50).clamp(2, 19));
            }
            let entry = Entry { name: (*name).to_owned(), text: (*text).to_owned(), spec };
            let accounts = f64::from(entry.accounts(size));
            match parts.last_mut() {
                Some(part) if taken + accounts <= most => part.push(entry),
                _ => {
                    parts.push(vec![entry]);
                    taken = 0.0;
                }
            }
            taken += accounts;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::simulate::{World, WorldOptions, scenarios};

    const ALL: [Suite; 7] = [
        Suite::Fast,
        Suite::Slow,
        Suite::Spread,
        Suite::Crowd,
        Suite::Inside,
        Suite::Benign,
        Suite::Ramps,
    ];

    #[test]
    fn the_suites_have_every_scenario() {
        let mut found = BTreeSet::new();
        for suite in ALL {
            let entries: Vec<Entry> = suite.parts(4_000).concat();
            assert_eq!(entries.len(), suite.lines().len(), "{suite:?}: a text does not read");
            found.extend(entries.into_iter().map(|e| e.spec.id));
        }
        let all: BTreeSet<String> = scenarios().into_iter().map(|(id, _)| id.to_owned()).collect();
        assert_eq!(found, all);
    }

    #[test]
    fn small_worlds_are_more_worlds() {
        assert_eq!(Suite::Fast.parts(4_000).len(), 1);
        assert!(Suite::Fast.parts(300).len() > 3);
        assert_eq!(Suite::Fast.parts(300).concat().len(), FAST.len());
    }

    #[test]
    fn every_world_can_be_made_and_attacked() {
        for suite in ALL {
            for part in suite.parts(1_000) {
                let names: Vec<&str> = part.iter().map(|e| e.name.as_str()).collect();
                let options = WorldOptions {
                    accounts: 1_000,
                    days: suite.weeks() * 7,
                    scenarios: part.iter().map(|e| e.spec.clone()).collect(),
                    lookalikes: 0.0,
                    machine_scale: 0.1,
                    ..WorldOptions::default()
                };
                let world = World::new(options).unwrap_or_else(|e| panic!("{names:?}: {e}"));
                let truth = &world.truth().campaigns;
                // A fed account strikes before its world ends.
                for fed in truth.iter().filter(|c| c.id == "A24" && !c.accounts.is_empty()) {
                    assert!(fed.persons > 3_000, "{} persons of {:?}", fed.persons, fed.accounts);
                }
            }
        }
    }
}
