//! Settings: types, layers, checks. Every setting stands once, commented, in
//! `config.default.toml`; a file lays its own over it, flags and environment win over both.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

mod blind;
mod console;
pub mod hook;
mod kafka;
mod layers;
mod retention;

pub use blind::Blind;
pub use console::Console;
pub use kafka::Kafka;
pub use retention::RetentionConfig;

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
    /// The file of alert revisions.
    pub alerts_file: hook::AlertsFileConfig,
    /// Who is told of alerts.
    pub hook: Vec<hook::HookConfig>,
    /// When vigie says that it cannot see.
    pub blind: Blind,
    /// How long what is stored stays.
    pub retention: RetentionConfig,
    /// Where events come from, when not from files.
    pub kafka: Kafka,
    /// Where people look.
    pub console: Console,
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
#[error("{}", located(.file, *.line, .problem))]
pub struct ConfigError {
    /// Path as given.
    pub file: String,
    /// From 1; 0 = the file as a whole.
    pub line: usize,
    /// What, and what would be right.
    pub problem: String,
}

/// A problem after its place: `file:line: problem`, or `file: problem` of the file as a whole.
#[must_use]
pub fn located(file: &str, line: usize, problem: &str) -> String {
    if line == 0 { format!("{file}: {problem}") } else { format!("{file}:{line}: {problem}") }
}

/// A configuration as far as it can be understood, and everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What is right, over the defaults.
    pub config: Config,
    /// What is not, in the order of its lines.
    pub errors: Vec<ConfigError>,
    /// The file in force; `None` = the built-in settings.
    pub file: Option<ConfigFile>,
}

/// A configuration file as it was found.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// Path as given, or where it was found.
    pub path: PathBuf,
    /// Nobody named it: it was found in a usual place.
    pub found: bool,
    text: String,
}

impl ConfigFile {
    /// An error at the line of the deepest of these keys that the file mentions.
    #[must_use]
    pub fn error(&self, keys: &[&str], problem: String) -> ConfigError {
        let line = layers::line_of(&self.text, keys);
        ConfigError { file: self.path.display().to_string(), line, problem }
    }
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
    /// Every unknown key and every wrong value, with line and valid choices.
    pub fn parse(file: &str, text: &str, folder: &Path) -> Result<Config, Vec<ConfigError>> {
        let path = PathBuf::from(file);
        let reading = ConfigFile { path, found: false, text: text.to_owned() }.read(folder)?;
        if reading.errors.is_empty() { Ok(reading.config) } else { Err(reading.errors) }
    }

    /// Reads `path`, or the first of `./vigie.toml` and `/etc/vigie/vigie.toml` that is there, or
    /// the built-in settings.
    ///
    /// # Errors
    /// The built-in settings are wrong; what is wrong with the file is in the [`Reading`].
    pub fn load(path: Option<&Path>) -> Result<Reading, Vec<ConfigError>> {
        let usual = [Path::new("./vigie.toml"), Path::new("/etc/vigie/vigie.toml")];
        let found = path.is_none();
        let Some(path) = path.or_else(|| usual.into_iter().find(|p| p.is_file())) else {
            return Ok(Reading { config: Config::built_in()?, errors: Vec::new(), file: None });
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let (text, unread) = match std::fs::read_to_string(path) {
            Ok(text) => (text, None),
            Err(e) => (String::new(), Some(format!("cannot be read: {e}"))),
        };
        let file = ConfigFile { path: path.to_owned(), found, text };
        let unread = unread.map(|problem| file.error(&[], problem));
        let mut reading = file.read(folder)?;
        reading.errors.extend(unread);
        Ok(reading)
    }

    /// What types cannot say, by section and key.
    fn check(&self) -> Vec<([&'static str; 2], String)> {
        let mut wrong = Vec::new();
        let mut ensure = |holds: bool, section, key, problem: &str| {
            if !holds {
                wrong.push(([section, key], format!("{key}: {problem}")));
            }
        };
        let Config { source, detection, store, alerts, .. } = self;
        ensure(source.population.len() <= 32, "source", "population", "at most 32 codes");
        ensure(
            crate::decode::Mapping::PRESETS.contains(&source.format.as_str()),
            "source",
            "format",
            &format!("valid choices: {}", crate::decode::Mapping::PRESETS.join(", ")),
        );
        let budget = detection.budget_per_1000_account_weeks;
        ensure(
            budget > 0.0 && budget <= 100.0,
            "detection",
            "budget_per_1000_account_weeks",
            "must lie above 0 and up to 100",
        );
        ensure(
            (0.0..=1e6).contains(&detection.budget_per_week_min),
            "detection",
            "budget_per_week_min",
            "must lie between 0 and 1000000",
        );
        let quiet = (1..=720).contains(&detection.quiet_hours);
        ensure(quiet, "detection", "quiet_hours", "must lie between 1 and 720");
        ensure(detection.accounts_max >= 3, "detection", "accounts_max", "must be at least 3");
        let seconds = (1..=3_600).contains(&store.snapshot_seconds);
        ensure(seconds, "store", "snapshot_seconds", "must lie between 1 and 3600");
        let spoken = ["en", "fr"].contains(&alerts.language.as_str());
        ensure(spoken, "alerts", "language", "valid choices: en, fr");
        wrong.extend(
            self.console
                .check()
                .into_iter()
                .map(|(key, problem)| (["console", key], format!("{key}: {problem}"))),
        );
        if let Err(problem) = crate::detect::time::Calendar::new(&detection.zone) {
            wrong.push((["detection", "zone"], format!("zone: {problem}")));
        }
        wrong.extend(blind::check(self));
        let days = self.retention.check().into_iter();
        wrong.extend(days.map(|(key, problem)| (["retention", key], format!("{key}: {problem}"))));
        let kafka = self.kafka.problems().into_iter();
        wrong.extend(kafka.map(|(key, problem)| (["kafka", key], format!("{key}: {problem}"))));
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
            ("alerts_file", "path", &mut self.alerts_file.path),
            ("kafka", "state", &mut self.kafka.state),
            ("kafka", "password_file", &mut self.kafka.password_file),
            ("kafka", "ca_file", &mut self.kafka.ca_file),
            ("kafka", "cert_file", &mut self.kafka.cert_file),
            ("kafka", "key_file", &mut self.kafka.key_file),
        ];
        hook::resolve(&mut self.hook, folder);
        for (section, key, path) in paths {
            if said(section, key) && !path.as_os_str().is_empty() && path.is_relative() {
                *path = folder.join(&*path);
            }
        }
    }
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
                "vigie.toml:2: detection.zon: unknown key; valid choices: accounts_max, \
                 budget_per_1000_account_weeks, budget_per_week_min, quiet_hours, rules, zone",
                "vigie.toml:3: detection.quiet_hours: is string, must be integer",
                "vigie.toml:6: language: valid choices: en, fr",
            ]
        );
    }

    #[test]
    fn every_kind_of_mistake_has_its_place() {
        let check = |text: &str, wanted: &str| {
            let errors = Config::parse("vigie.toml", text, Path::new("")).unwrap_err();
            let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert!(shown[0].starts_with(wanted), "{shown:?}\n  wanted {wanted}");
            assert_eq!(shown.len(), 1, "{shown:?}");
        };
        check("\n[store\n", "vigie.toml:2: ");
        check(
            "[stor]\n",
            "vigie.toml:1: stor: unknown key; valid choices: alerts, blind, console, detection,",
        );
        check("store = 3\n", "vigie.toml:1: store: is integer, must be table");
        check(
            "[detection]\n\naccounts_max = -1\n",
            "vigie.toml:3: detection.accounts_max: invalid value: integer `-1`, expected u32",
        );
        check(
            "[source]\npopulation = [1]\n",
            "vigie.toml:2: source.population: invalid type: integer `1`, expected a string",
        );
        check("[source]\nmapping = 1\n", "vigie.toml:2: source.mapping: is integer, must be table");
        check("[blind]\nlate_share = 2\n", "vigie.toml:2: late_share: must lie between 0 and 1");
        check("[blind]\nworking_hours = [9, 9]\n", "vigie.toml:2: working_hours: two hours");
        check("source.format = 'x'\n", "vigie.toml:1: format: valid choices: native, ecs");
    }

    #[test]
    fn what_is_right_stays_when_something_is_wrong() {
        let text = "[detection]\nquiet_hours = 48\nzon = 1\n[source.mapping]\nip = '/a'\n";
        let file = ConfigFile { path: "x".into(), found: false, text: text.into() };
        let reading = file.read(Path::new("")).unwrap();
        assert_eq!(reading.config.detection.quiet_hours, 48);
        assert_eq!(reading.errors.len(), 1);
        let file = reading.file.unwrap();
        let error = |keys: &[&str]| file.error(keys, "p".into()).to_string();
        assert_eq!(error(&["source", "mapping", "ip"]), "x:5: p");
        assert_eq!(error(&["source", "mapping", "nothing"]), "x:4: p");
        assert_eq!(error(&["store", "data"]), "x: p");
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
