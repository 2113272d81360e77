//! Settings: types, layers, checks. Every setting stands once, commented, in
//! `config.default.toml`; a file lays its own over it, flags and environment win over both.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

/// The commented defaults.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// All settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Config {
    /// How a log is read.
    pub source: Source,
    /// What we are told about accounts and persons.
    pub reference: Reference,
    /// How alerts are decided.
    pub detection: Detection,
    /// What must survive.
    pub store: Store,
    /// How alerts speak.
    pub alerts: Alerts,
}

/// `[source]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Source {
    /// Preset of the mapping.
    pub format: String,
    /// Namespace of person ids that carry none.
    pub namespace: String,
    /// Population codes told apart.
    pub population: Vec<String>,
    /// Fields on top of the preset.
    #[serde(default)]
    pub mapping: Option<Table>,
}

/// `[reference]`; empty paths are absent files.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Reference {
    /// `accounts.csv`
    pub accounts: PathBuf,
    /// `persons.csv`
    pub persons: PathBuf,
    /// `caseload.csv`
    pub caseload: PathBuf,
    /// `expected.csv`
    pub expected: PathBuf,
}

/// `[detection]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Detection {
    /// IANA time zone.
    pub zone: String,
    /// False alerts per 1,000 account weeks.
    pub budget_per_1000_account_weeks: f64,
    /// False alerts a week in all, at least.
    pub budget_per_week_min: f64,
    /// Hours of event time.
    pub quiet_hours: u32,
    /// Folder of rule files; empty = built-in.
    pub rules: PathBuf,
    /// Accounts in memory.
    pub accounts_max: u32,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Store {
    /// Data folder.
    pub data: PathBuf,
    /// Seconds between snapshots.
    pub snapshot_seconds: u32,
}

/// `[alerts]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Alerts {
    /// `en` or `fr`.
    pub language: String,
}

/// One thing wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct ConfigError {
    /// Path as given.
    pub file: String,
    /// From 1; 0 = the file as a whole.
    pub line: usize,
    /// What, and what would be right.
    pub problem: String,
}

impl Config {
    /// The built-in settings.
    ///
    /// # Errors
    /// The compiled-in file is wrong; a test keeps it from happening.
    pub fn built_in() -> Result<Config, Vec<ConfigError>> {
        Config::parse("config.default.toml", "", Path::new(""))
    }

    /// Lays a file's text over the defaults; its relative paths are taken relative to `folder`.
    ///
    /// # Errors
    /// Every unknown key and every wrong type, with line and valid choices.
    pub fn parse(file: &str, text: &str, folder: &Path) -> Result<Config, Vec<ConfigError>> {
        let (config, errors) = Config::salvage(file, text, folder)?;
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    /// What can be used of a file, and everything that is wrong with the rest.
    fn salvage(
        file: &str,
        text: &str,
        folder: &Path,
    ) -> Result<(Config, Vec<ConfigError>), Vec<ConfigError>> {
        let error = |line, problem| ConfigError { file: file.to_owned(), line, problem };
        let defaults: Table =
            DEFAULTS.parse().map_err(|e: toml::de::Error| vec![error(0, e.to_string())])?;
        let mut errors = Vec::new();
        let own: Table = text.parse().unwrap_or_else(|e: toml::de::Error| {
            let line = e.span().map_or(0, |s| 1 + text[..s.start].matches('\n').count());
            errors.push(error(line, e.message().to_owned()));
            Table::new()
        });
        let mut problems = Vec::new();
        let merged = merge(defaults, &own, "", &mut problems);
        let problems = problems.into_iter();
        errors.extend(problems.map(|(key, problem)| error(line_of(text, &key), problem)));
        let mut config: Config =
            Value::Table(merged).try_into().map_err(|e| vec![error(0, e.to_string())])?;
        let wrong = config.check();
        errors.extend(wrong.into_iter().map(|(key, problem)| error(line_of(text, key), problem)));
        config.resolve(&own, folder);
        Ok((config, errors))
    }

    /// Reads `path`, or the first of `./vigie.toml` and `/etc/vigie/vigie.toml` that is there, or
    /// the built-in settings.
    ///
    /// # Errors
    /// As [`Config::parse`]; an explicit path that cannot be read.
    pub fn load(path: Option<&Path>) -> Result<Config, Vec<ConfigError>> {
        let (config, errors) = Config::load_good_part(path)?;
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    /// As [`Config::load`], but goes on with what can be used, so that `check` can look at what
    /// the rest names; with everything that is wrong.
    ///
    /// # Errors
    /// Nothing can be used.
    pub fn load_good_part(
        path: Option<&Path>,
    ) -> Result<(Config, Vec<ConfigError>), Vec<ConfigError>> {
        let usual = [Path::new("vigie.toml"), Path::new("/etc/vigie/vigie.toml")];
        let Some(path) = path.or_else(|| usual.into_iter().find(|p| p.is_file())) else {
            return Ok((Config::built_in()?, Vec::new()));
        };
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Config::salvage(&file, &text, path.parent().unwrap_or(Path::new(""))),
            Err(e) => {
                let problem = format!("cannot be read: {e}");
                Ok((Config::built_in()?, vec![ConfigError { file, line: 0, problem }]))
            }
        }
    }

    fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let mut ensure = |holds: bool, key, problem: &str| {
            if !holds {
                wrong.push((key, format!("{key}: {problem}")));
            }
        };
        ensure(self.source.population.len() <= 32, "population", "at most 32 codes");
        ensure(
            crate::decode::Mapping::PRESETS.contains(&self.source.format.as_str()),
            "format",
            &format!("valid choices: {}", crate::decode::Mapping::PRESETS.join(", ")),
        );
        let budget = self.detection.budget_per_1000_account_weeks;
        ensure(
            budget > 0.0 && budget <= 100.0,
            "budget_per_1000_account_weeks",
            "must lie above 0 and up to 100",
        );
        let least = self.detection.budget_per_week_min;
        ensure(
            (0.0..=1e6).contains(&least),
            "budget_per_week_min",
            "must lie between 0 and 1000000",
        );
        ensure(
            (1..=720).contains(&self.detection.quiet_hours),
            "quiet_hours",
            "must lie between 1 and 720",
        );
        ensure(self.detection.accounts_max >= 3, "accounts_max", "must be at least 3");
        ensure(
            (1..=3_600).contains(&self.store.snapshot_seconds),
            "snapshot_seconds",
            "must lie between 1 and 3600",
        );
        ensure(
            ["en", "fr"].contains(&self.alerts.language.as_str()),
            "language",
            "valid choices: en, fr",
        );
        if let Err(problem) = crate::detect::time::Calendar::new(&self.detection.zone) {
            wrong.push(("zone", format!("zone: {problem}")));
        }
        wrong
    }

    /// Makes the file's own relative paths relative to its folder.
    fn resolve(&mut self, own: &Table, folder: &Path) {
        let said = |section: &str, key: &str| {
            own.get(section).and_then(Value::as_table).is_some_and(|t| t.contains_key(key))
        };
        let paths = [
            ("reference", "accounts", &mut self.reference.accounts),
            ("reference", "persons", &mut self.reference.persons),
            ("reference", "caseload", &mut self.reference.caseload),
            ("reference", "expected", &mut self.reference.expected),
            ("detection", "rules", &mut self.detection.rules),
            ("store", "data", &mut self.store.data),
        ];
        for (section, key, path) in paths {
            if said(section, key) && !path.as_os_str().is_empty() && path.is_relative() {
                *path = folder.join(&*path);
            }
        }
    }
}

/// Lays `own` over `defaults`, noting keys that do not exist and values of another type.
fn merge(defaults: Table, own: &Table, at: &str, problems: &mut Vec<(String, String)>) -> Table {
    let mut merged = defaults;
    for (key, value) in own {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        if path == "source.mapping" {
            merged.insert(key.clone(), value.clone());
            continue;
        }
        match (merged.get(key).cloned(), value) {
            (None, _) => {
                let choices: Vec<&str> = merged.keys().map(String::as_str).collect();
                problems.push((
                    key.clone(),
                    format!("{path}: unknown key; valid choices: {}", choices.join(", ")),
                ));
            }
            (Some(Value::Table(inner)), Value::Table(mine)) => {
                merged.insert(key.clone(), Value::Table(merge(inner, mine, &path, problems)));
            }
            (Some(Value::Float(_)), Value::Integer(n)) => {
                merged.insert(key.clone(), Value::Float(*n as f64));
            }
            (Some(default), mine) if default.same_type(mine) => {
                merged.insert(key.clone(), mine.clone());
            }
            (Some(default), mine) => problems.push((
                key.clone(),
                format!("{path}: is {}, must be {}", mine.type_str(), default.type_str()),
            )),
        }
    }
    merged
}

/// Line of a key in the text, from 1; 0 when it is not there.
fn line_of(text: &str, key: &str) -> usize {
    let mentions = |line: &str| {
        let line = line.trim_start().trim_start_matches('[');
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
    };
    text.lines().position(mentions).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_valid_file() {
        let config = Config::built_in().unwrap();
        assert_eq!(config.detection.budget_per_1000_account_weeks, 0.5);
        assert_eq!(config.store.data, Path::new("vigie-data"));
    }

    #[test]
    fn all_errors_at_once_with_line_key_and_choices() {
        let text =
            "[detection]\nzon = \"x\"\nquiet_hours = \"24\"\n\n[alerts]\nlanguage = \"de\"\n";
        let errors = Config::parse("vigie.toml", text, Path::new("")).unwrap_err();
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "vigie.toml:3: detection.quiet_hours: is string, must be integer",
                "vigie.toml:2: detection.zon: unknown key; valid choices: accounts_max, \
                 budget_per_1000_account_weeks, budget_per_week_min, quiet_hours, rules, zone",
                "vigie.toml:6: language: valid choices: en, fr",
            ]
        );
        let broken = Config::parse("vigie.toml", "a = [\n", Path::new("")).unwrap_err();
        assert_eq!(broken.len(), 1);
    }

    #[test]
    fn a_files_paths_are_relative_to_it() {
        let text = "[store]\ndata = \"d\"\n[reference]\naccounts = \"a.csv\"\n";
        let config = Config::parse("x", text, Path::new("/etc/vigie")).unwrap();
        assert_eq!(config.store.data, Path::new("/etc/vigie/d"));
        assert_eq!(config.reference.accounts, Path::new("/etc/vigie/a.csv"));
        assert_eq!(config.reference.persons, Path::new(""));
    }

    #[test]
    fn a_whole_number_is_a_budget_too() {
        let text = "[detection]\nbudget_per_1000_account_weeks = 2\n";
        let config = Config::parse("x", text, Path::new("")).unwrap();
        assert_eq!(config.detection.budget_per_1000_account_weeks, 2.0);
    }
}
