//! A rule's text, compiled: which measure it watches and its share of the false-alert budget; and
//! the shipped priors of roles. Errors name the file, the line, the key and the valid choices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::baseline::Prior;
use super::channel::{BASELINES, Channels, HOURLY, MEASURES, Measure, SPECS, Span, baseline_index};
use super::limits::{FOREVER, PERSONS_FLOOR};
use super::tail::Tail;

/// The rules and priors that are compiled in, by file name.
pub const BUILT_IN: [(&str, &str); 30] = [
    ("volume.toml", include_str!("../../rules/volume.toml")),
    ("foreign-origins.toml", include_str!("../../rules/foreign-origins.toml")),
    ("novelty.toml", include_str!("../../rules/novelty.toml")),
    ("own-unit-sweep.toml", include_str!("../../rules/own-unit-sweep.toml")),
    ("dormant-files.toml", include_str!("../../rules/dormant-files.toml")),
    ("off-hours.toml", include_str!("../../rules/off-hours.toml")),
    ("off-hours-origins.toml", include_str!("../../rules/off-hours-origins.toml")),
    ("strange-device.toml", include_str!("../../rules/strange-device.toml")),
    ("unusual-operation.toml", include_str!("../../rules/unusual-operation.toml")),
    ("sensitive-data.toml", include_str!("../../rules/sensitive-data.toml")),
    ("drift.toml", include_str!("../../rules/drift.toml")),
    ("novelty-drift.toml", include_str!("../../rules/novelty-drift.toml")),
    ("foreign-run.toml", include_str!("../../rules/foreign-run.toml")),
    ("dormant-run.toml", include_str!("../../rules/dormant-run.toml")),
    ("own-unit-run.toml", include_str!("../../rules/own-unit-run.toml")),
    ("operations-run.toml", include_str!("../../rules/operations-run.toml")),
    ("misses.toml", include_str!("../../rules/misses.toml")),
    ("updates.toml", include_str!("../../rules/updates.toml")),
    ("unrelated.toml", include_str!("../../rules/unrelated.toml")),
    ("id-sweep.toml", include_str!("../../rules/id-sweep.toml")),
    ("steady-pace.toml", include_str!("../../rules/steady-pace.toml")),
    ("joint-signs.toml", include_str!("../../rules/joint-signs.toml")),
    ("role-ceiling.toml", include_str!("../../rules/role-ceiling.toml")),
    ("declared-ceiling.toml", include_str!("../../rules/declared-ceiling.toml")),
    ("ended-account.toml", include_str!("../../rules/ended-account.toml")),
    ("unidentified.toml", include_str!("../../rules/unidentified.toml")),
    ("pooled-foreign.toml", include_str!("../../rules/pooled-foreign.toml")),
    ("pooled-persons.toml", include_str!("../../rules/pooled-persons.toml")),
    ("simultaneous.toml", include_str!("../../rules/simultaneous.toml")),
    ("priors.toml", include_str!("../../rules/priors.toml")),
];

/// What a rule can watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watch {
    /// Distinct persons returned, against the account's baseline.
    DistinctPersons,
    /// Foreign origins, against the account's baseline.
    ForeignOrigins,
    /// Distinct persons, against the absolute ceiling of the role.
    RoleCeiling,
    /// Distinct persons of the day, against what was declared for the account.
    DeclaredCeiling,
    /// Any access after the account's `ends_on`.
    EndedAccount,
    /// Records returned without a usable identity, against the role's ceiling.
    UnidentifiedRecords,
    /// Persons the account had not touched before.
    NovelPersons,
    /// Persons nobody touched for years.
    DormantPersons,
    /// Persons of the own unit the account had not touched before.
    OwnUnitPersons,
    /// Persons at hours the group does not work.
    OffHoursPersons,
    /// Foreign origins at such hours.
    OffHoursOrigins,
    /// Persons new to the account, read from a device unknown to it.
    StrangerPersons,
    /// Persons returned by operations that the peers do not use.
    UnusualOperations,
    /// Persons with data of a special kind.
    SensitivePersons,
    /// A little more each day.
    PersonsDrift,
    /// New persons day after day.
    NoveltyDrift,
    /// Requests that found nobody.
    Misses,
    /// Records changed.
    Updates,
    /// Records outside the caseload, by the application's word.
    UnrelatedRecords,
    /// Persons whose identifiers neighbour one another.
    NeighbouringIds,
    /// Requests in one run of equal distances.
    SteadyPace,
    /// Foreign origins of several accounts together, against what is expected of all of them.
    PooledForeign,
    /// Distinct persons of several accounts together, likewise.
    PooledPersons,
    /// Accounts of a unit or partner that are far above their own usual on the same day.
    Simultaneous,
    /// Counts of two families that are each unusual.
    JointSigns,
    /// A greater share of foreign origins than usual, day after day.
    OriginsRun,
    /// A greater share of dormant files.
    DormantRun,
    /// A greater share of new persons of the own unit.
    OwnUnitRun,
    /// A greater share of persons by unusual operations.
    OperationsRun,
}

impl Watch {
    /// The contract's word for what was counted.
    #[must_use]
    pub fn measure(self) -> &'static str {
        match self {
            Watch::DistinctPersons
            | Watch::RoleCeiling
            | Watch::DeclaredCeiling
            | Watch::PooledPersons => "distinct_persons",
            Watch::ForeignOrigins | Watch::PooledForeign => "foreign_origins",
            Watch::Simultaneous => "accounts_in_excess",
            Watch::JointSigns => "joint_signs",
            Watch::EndedAccount => "accesses_after_end",
            Watch::UnidentifiedRecords => "unidentified_records",
            Watch::NovelPersons => "novel_persons",
            Watch::DormantPersons => "dormant_persons",
            Watch::OwnUnitPersons => "own_unit_persons",
            Watch::OffHoursPersons => "off_hours_persons",
            Watch::OffHoursOrigins => "off_hours_origins",
            Watch::StrangerPersons => "stranger_persons",
            Watch::UnusualOperations => "unusual_operations",
            Watch::SensitivePersons => "sensitive_persons",
            Watch::PersonsDrift => "persons_drift",
            Watch::NoveltyDrift => "novelty_drift",
            Watch::OriginsRun => "origins_run",
            Watch::DormantRun => "dormant_run",
            Watch::OwnUnitRun => "own_unit_run",
            Watch::OperationsRun => "operations_run",
            Watch::Misses => "misses",
            Watch::Updates => "updates",
            Watch::UnrelatedRecords => "unrelated_records",
            Watch::NeighbouringIds => "neighbouring_ids",
            Watch::SteadyPace => "steady_pace",
        }
    }

    fn windows(self) -> Vec<&'static str> {
        match self {
            Watch::PooledForeign | Watch::PooledPersons => vec!["1h", "1d"],
            Watch::Simultaneous | Watch::JointSigns => vec!["1d"],
            _ => SPECS.iter().filter(|spec| spec.watch == self).map(|spec| spec.window).collect(),
        }
    }
}

/// One rule file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in alerts.
    pub id: String,
    /// What it watches.
    pub watch: Watch,
    /// One sentence for people.
    pub description: String,
    /// Never fires below this count.
    #[serde(default = "default_floor")]
    pub floor: u64,
    /// Share of the false-alert budget by window, split evenly between listed and opened persons.
    #[serde(default)]
    pub budget: BTreeMap<String, f64>,
}

fn default_floor() -> u64 {
    PERSONS_FLOOR
}

/// What is normal for a role before its accounts have a past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolePrior {
    /// Its name for people.
    #[serde(default)]
    pub label: Option<Label>,
    /// Mean distinct persons of an active day, lists included.
    pub persons_per_day: f32,
    /// 1/r between days of one account.
    pub spread: f32,
    /// Persons in an hour that no one of this role ever needs; absent = no ceiling.
    #[serde(default)]
    pub ceiling_1h: Option<u64>,
    /// Persons in a day, likewise.
    #[serde(default)]
    pub ceiling_1d: Option<u64>,
    /// Unidentified records in a day, likewise.
    #[serde(default)]
    pub ceiling_unidentified_1d: Option<u64>,
}

/// A name in the languages the sentences speak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// English.
    pub en: String,
    /// French.
    pub fr: String,
}

/// `priors.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Priors {
    /// The tail before there are scores.
    pub tail: TailPrior,
    /// Any role without its own entry.
    pub default: RolePrior,
    /// Machine accounts.
    pub machine: RolePrior,
    /// Addresses that act without an account.
    pub source: RolePrior,
    /// By role.
    #[serde(default)]
    pub roles: BTreeMap<String, RolePrior>,
}

/// Parameters of a [`Tail`] as written in `priors.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TailPrior {
    /// t, nats.
    pub start: f64,
    /// ζ.
    pub share: f64,
    /// ξ.
    pub shape: f64,
    /// σ, nats.
    pub scale: f64,
}

impl From<TailPrior> for Tail {
    fn from(p: TailPrior) -> Tail {
        Tail {
            start: p.start,
            share: p.share,
            shape: p.shape,
            scale: p.scale,
            samples: 0,
            seen: 0.0,
        }
    }
}

/// Own intervals that a shipped prior is worth: little, since nobody has confirmed it here.
const SHIPPED_STRENGTH: f32 = 2.0;

impl RolePrior {
    /// Priors of all baselines of one touch.
    #[must_use]
    pub fn baselines(&self) -> [Prior; BASELINES] {
        let mut priors =
            [Prior { mean: 0.0, dispersion: self.spread, strength: SHIPPED_STRENGTH }; BASELINES];
        for measure in Measure::ALL.into_iter().filter(|m| m.is_learned()) {
            let classes = if HOURLY.contains(&measure) { 0..3 } else { 0..1 };
            for class in classes {
                let mean = self.persons_per_day * measure.spec().share;
                priors[baseline_index(measure, class)].mean = mean;
            }
        }
        priors
    }
}

/// Everything the operator may replace in `rules/`, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// By what they watch; a missing one is switched off.
    pub rules: BTreeMap<Watch, Rule>,
    /// Shipped or the operator's.
    pub priors: Priors,
    /// First 12 hex digits of the SHA-256 of all texts.
    pub version: String,
}

/// One thing wrong with a rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct RuleError {
    /// File name.
    pub file: String,
    /// From 1; 0 = the file as a whole.
    pub line: usize,
    /// What, and what would be right.
    pub problem: String,
}

impl Rules {
    /// The compiled-in rules.
    ///
    /// # Errors
    /// As [`Rules::parse`]; a test keeps it from happening.
    pub fn built_in() -> Result<Rules, Vec<RuleError>> {
        Rules::parse(&BUILT_IN)
    }

    /// Compiles rule files given as (name, text); `priors.toml` is the one with the priors.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn parse<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Result<Rules, Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut rules: BTreeMap<Watch, Rule> = BTreeMap::new();
        let mut priors = None;
        let mut sorted: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_ref(), text.as_ref())).collect();
        sorted.sort_unstable();
        let mut hash = Sha256::new();
        for (file, text) in sorted {
            hash.update(file.as_bytes());
            hash.update([0]);
            hash.update(text.as_bytes());
            hash.update([0]);
            if file == "priors.toml" {
                priors = read(file, text, check_priors, &mut errors);
            } else if let Some(rule) = read(file, text, check_rule, &mut errors)
                && let Some(other) = rules.insert(rule.watch, rule)
            {
                let problem = format!("a second rule watches the same as {:?}; keep one", other.id);
                errors.push(RuleError { file: file.into(), line: 0, problem });
            }
        }
        let total: f64 = rules.values().flat_map(|r| r.budget.values()).sum();
        if total > 1.0 + 1e-9 {
            let problem = format!("the rules share out {total:.2} of the budget; at most 1");
            errors.push(RuleError { file: "rules".into(), line: 0, problem });
        }
        let version = hash.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();
        let priors = match priors {
            Some(priors) => priors,
            None if errors.is_empty() => {
                let problem = "priors.toml is missing; copy the shipped one".into();
                return Err(vec![RuleError { file: "priors.toml".into(), line: 0, problem }]);
            }
            None => return Err(errors),
        };
        if errors.is_empty() { Ok(Rules { rules, priors, version }) } else { Err(errors) }
    }

    /// The rule behind a measure, unless it is switched off.
    #[must_use]
    pub fn get(&self, watch: Watch) -> Option<&Rule> {
        self.rules.get(&watch)
    }

    /// The rule that watches a channel's measure.
    #[must_use]
    pub fn of_measure(&self, measure: Measure) -> Option<&Rule> {
        self.get(measure.spec().watch)
    }

    /// Lowest count that may fire, by measure; a drift's test is not made by a day's count.
    #[must_use]
    pub fn floors(&self) -> [u64; MEASURES] {
        Measure::ALL.map(|measure| match measure.spec().span {
            Span::Drift(_) => 0,
            _ => self.of_measure(measure).map_or(PERSONS_FLOOR, |rule| rule.floor),
        })
    }

    /// The same for a day's count; beyond reach where the rule is switched off.
    #[must_use]
    pub fn bars(&self) -> [u64; MEASURES] {
        Measure::ALL.map(|measure| self.of_measure(measure).map_or(FOREVER, |rule| rule.floor))
    }

    /// ω of every channel: its share of the false-alert budget; 0 = switched off.
    #[must_use]
    pub fn weights(&self) -> Channels<f64> {
        let mut weights = [[0.0; MEASURES]; 2];
        for spec in &SPECS {
            let rule = self.get(spec.watch);
            let share = rule.and_then(|rule| rule.budget.get(spec.window)).copied().unwrap_or(0.0);
            let m = spec.measure as usize;
            if spec.apart {
                (weights[0][m], weights[1][m]) = (share / 2.0, share / 2.0);
            } else {
                weights[0][m] = share;
            }
        }
        weights
    }
}

/// Reads one file and checks what its types cannot say.
fn read<T: serde::de::DeserializeOwned>(
    file: &str,
    text: &str,
    check: impl Fn(&T) -> Vec<(&'static str, String)>,
    errors: &mut Vec<RuleError>,
) -> Option<T> {
    let line_at = |offset: usize| 1 + text.bytes().take(offset).filter(|b| *b == b'\n').count();
    match toml::from_str::<T>(text) {
        Ok(value) => {
            let problems = check(&value);
            let clean = problems.is_empty();
            errors.extend(problems.into_iter().map(|(key, problem)| RuleError {
                file: file.into(),
                line: line_of_key(text, key),
                problem: format!("{key}: {problem}"),
            }));
            clean.then_some(value)
        }
        Err(error) => {
            errors.push(RuleError {
                file: file.into(),
                line: error.span().map_or(0, |span| line_at(span.start)),
                problem: error.message().to_owned(),
            });
            None
        }
    }
}

/// Line of the first mention of a key; 0 when the file does not mention it.
fn line_of_key(text: &str, key: &str) -> usize {
    let mentions = |line: &str| {
        let line = line.trim_start().trim_start_matches(['[', '"']);
        line.strip_prefix(key).is_some_and(|rest| {
            rest.trim_start_matches(['"', ' ', ']']).starts_with('=')
                || rest.starts_with([']', '.'])
        })
    };
    text.lines().position(mentions).map_or(0, |at| at + 1)
}

fn check_rule(rule: &Rule) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if rule.id.is_empty() || rule.id.contains(|c: char| c.is_whitespace() || c.is_control()) {
        problems.push((
            "id",
            "must be a name without spaces, such as \"mass-extraction.volume\"".into(),
        ));
    }
    let windows = rule.watch.windows();
    for (window, share) in &rule.budget {
        if !windows.contains(&window.as_str()) {
            let choices = if windows.is_empty() { "none".into() } else { windows.join(", ") };
            problems.push((
                "budget",
                format!("{window:?} is no window of this watch; valid: {choices}"),
            ));
        }
        if !(0.0..=1.0).contains(share) {
            problems.push(("budget", format!("{window} = {share} must lie between 0 and 1")));
        }
    }
    if !windows.is_empty() && rule.budget.is_empty() {
        problems.push(("budget", format!("is missing; shares for {}", windows.join(", "))));
    }
    if rule.watch == Watch::Simultaneous {
        if rule.floor < 2 {
            problems.push(("floor", "must be at least 2 accounts".into()));
        }
    } else if !windows.is_empty() && rule.floor < PERSONS_FLOOR {
        problems.push(("floor", format!("must be at least {PERSONS_FLOOR} persons")));
    }
    problems
}

fn check_priors(priors: &Priors) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let t = &priors.tail;
    if !(t.start >= 0.0
        && t.share > 0.0
        && t.share < 1.0
        && (0.0..=1.0).contains(&t.shape)
        && t.scale > 0.0)
    {
        problems.push(("tail", "needs start ≥ 0, 0 < share < 1, 0 ≤ shape ≤ 1, scale > 0".into()));
    }
    let named = priors.roles.iter().map(|(name, role)| (name.as_str(), role));
    let fixed =
        [("default", &priors.default), ("machine", &priors.machine), ("source", &priors.source)];
    for (name, role) in fixed.into_iter().chain(named) {
        if !(role.persons_per_day > 0.0 && role.persons_per_day.is_finite()) {
            problems.push(("persons_per_day", format!("of {name:?} must be above 0")));
        }
        if !(0.01..=5.0).contains(&role.spread) {
            problems.push(("spread", format!("of {name:?} must lie between 0.01 and 5")));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors_of(file: &str, text: &str) -> String {
        let mut files: Vec<(&str, &str)> = BUILT_IN.to_vec();
        files.retain(|(name, _)| *name != file);
        files.push((file, text));
        let errors = Rules::parse(&files).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_shipped_rules_are_right_and_share_out_the_budget() {
        let rules = Rules::built_in().unwrap();
        let no_channel = |r: &&Rule| r.watch.is_pooled() || r.watch == Watch::JointSigns;
        let pooled = rules.rules.values().filter(no_channel);
        let pooled: f64 = pooled.flat_map(|r| r.budget.values()).sum();
        let total = rules.weights().iter().flatten().sum::<f64>() + pooled;
        // What is left is kept for a rule to come.
        assert!((total - 0.97).abs() < 1e-6, "{total}");
        assert_eq!(rules.version.len(), 12);
    }

    #[test]
    fn an_error_names_file_line_key_and_choices() {
        for (text, wanted) in [
            (
                "id = \"x\"\nwatch = \"distinct_person\"\ndescription = \"\"\n",
                "volume.toml:2: unknown variant `distinct_person`, expected one of `distinct_persons`, `foreign_origins`, ",
            ),
            (
                "id = \"x\"\nwatch = \"distinct_persons\"\ndescription = \"\"\n\n[budget]\n\"2h\" = 0.1\n",
                "volume.toml:5: budget: \"2h\" is no window of this watch; valid: 5m, 1h, 1d",
            ),
            (
                "id = \"x\"\nwatch = \"distinct_persons\"\ndescription = \"\"\nfloor = 3\nbudget = { \"1h\" = 0.1 }\n",
                "volume.toml:4: floor: must be at least 25 persons",
            ),
            (
                "id = \"x\"\nwatch = \"distinct_persons\"\ndescription = \"\"\nthreshold = 5\n",
                "volume.toml:4: unknown field `threshold`, expected one of `id`, `watch`, `description`, `floor`, `budget`",
            ),
            ("id = \n", "volume.toml:1: "),
        ] {
            let got = errors_of("volume.toml", text);
            assert!(got.starts_with(wanted), "{got}\n  wanted {wanted}");
        }
    }

    #[test]
    fn too_much_budget_and_doubles_are_refused() {
        let text = "id = \"y\"\nwatch = \"distinct_persons\"\ndescription = \"\"\nbudget = { \"1h\" = 0.9 }\n";
        let got = errors_of("another.toml", text);
        assert!(got.contains("a second rule watches the same"), "{got}");
    }
}
