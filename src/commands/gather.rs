//! From flags and files to settings: configuration, mapping, rules. Everything that is wrong is
//! found at once, with file, line, key and the fix.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Common, Failure};
use crate::config::{Config, ConfigFile, located};
use crate::decode::{DecodeOptions, Decoder, Mapping, PseudonymKey};
use crate::detect::rule::Rules;

/// Settings as far as they can be understood.
pub(super) struct Gathered {
    pub(super) config: Config,
    /// `None`: wrong.
    pub(super) mapping: Option<Mapping>,
    /// `None`: wrong.
    pub(super) rules: Option<Arc<Rules>>,
    /// The file in force; `None` = the built-in settings.
    pub(super) file: Option<ConfigFile>,
    /// Everything that is wrong.
    pub(super) problems: Vec<String>,
}

impl Gathered {
    pub(super) fn new(common: &Common) -> Result<Gathered, Failure> {
        let reading = Config::load(common.basics.config.as_deref()).map_err(all)?;
        let (mut config, file) = (reading.config, reading.file);
        let mut problems: Vec<String> = reading.errors.iter().map(ToString::to_string).collect();
        if let Some(preset) = common.format.as_ref().filter(|f| Mapping::preset(f).is_none()) {
            let choices = Mapping::PRESETS.join(", ");
            let problem = format!("format {preset:?} is unknown; valid choices: {choices}");
            return Err(Failure::Usage(problem));
        }
        config.lay_flags(common);
        let mapping = match mapping(&config, file.as_ref()) {
            Ok(mapping) => Some(mapping),
            Err(wrong) => {
                problems.extend(wrong);
                None
            }
        };
        let rules = match load_rules(&config.detection.rules) {
            Ok(rules) => Some(Arc::new(rules)),
            Err(wrong) => {
                problems.extend(wrong);
                None
            }
        };
        Ok(Gathered { config, mapping, rules, file, problems })
    }

    /// Says which file is in force when nobody named it.
    pub(super) fn say_file(&self) {
        if let Some(file) = self.file.as_ref().filter(|file| file.found) {
            eprintln!("using {}", file.path.display());
        }
    }
}

impl Config {
    fn lay_flags(&mut self, common: &Common) {
        if let Some(format) = &common.format {
            self.source.format.clone_from(format);
        }
        let paths: [(&Option<PathBuf>, &mut PathBuf); 5] = [
            (&common.accounts, &mut self.reference.accounts),
            (&common.persons, &mut self.reference.persons),
            (&common.caseload, &mut self.reference.caseload),
            (&common.expected, &mut self.reference.expected),
            (&common.basics.rules, &mut self.detection.rules),
        ];
        for (flag, setting) in paths {
            if let Some(path) = flag {
                setting.clone_from(path);
            }
        }
    }

    /// What these settings say about decoding besides the mapping.
    pub(super) fn decode_options(&self) -> DecodeOptions {
        DecodeOptions {
            default_namespace: self.source.namespace.clone(),
            population_codes: self.source.population.clone(),
        }
    }
}

/// The preset with `[source.mapping]` on top, tried out.
fn mapping(config: &Config, file: Option<&ConfigFile>) -> Result<Mapping, Vec<String>> {
    let place = |keys: &[&str], problem: String| match file {
        Some(file) => file.error(keys, problem).to_string(),
        None => problem,
    };
    let preset = &config.source.format;
    // An unknown preset of the file is among the file's own errors.
    let known = Mapping::preset(preset).map_or("native", |_| preset.as_str());
    let mut table = config.source.mapping.clone().unwrap_or_default();
    table.entry("preset").or_insert_with(|| known.into());
    let mut wrong: Vec<String> = Vec::new();
    table.retain(|key, value| {
        let alone = toml::Table::from_iter([(key.to_owned(), value.clone())]);
        let Err(e) = toml::Value::Table(alone).try_into::<Mapping>() else { return true };
        let problem = format!("source.mapping.{key}: {}", e.message());
        wrong.push(place(&["source", "mapping", key], problem));
        false
    });
    let mapping: Mapping = toml::Value::Table(table).try_into().map_err(|e| vec![e.to_string()])?;
    if let Err(error) = Decoder::new(&mapping, PseudonymKey::PUBLIC, config.decode_options()) {
        wrong.extend(error.problems.iter().map(|p| {
            let keys = keys_of(&p.key);
            let problem = format!("{}: {}", keys.join("."), p.problem);
            place(&keys, problem)
        }));
    }
    if wrong.is_empty() { Ok(mapping) } else { Err(wrong) }
}

/// The configuration's keys behind a key of the mapping or of the decoder's options.
fn keys_of(key: &str) -> Vec<&str> {
    match key {
        "default_namespace" => vec!["source", "namespace"],
        "population_codes" => vec!["source", "population"],
        _ => {
            let (first, rest) = key.split_once('.').unwrap_or((key, ""));
            let rest = Some(rest.trim_matches('"')).filter(|rest| !rest.is_empty());
            ["source", "mapping", first].into_iter().chain(rest).collect()
        }
    }
}

/// The built-in rules, or those of a folder; everything that is wrong with them, with its line.
pub(super) fn load_rules(folder: &Path) -> Result<Rules, Vec<String>> {
    let built_in = folder.as_os_str().is_empty();
    let rules = if built_in {
        Rules::built_in()
    } else {
        let files = rule_files(folder).map_err(|problem| vec![problem])?;
        Rules::parse(&files)
    };
    rules.map_err(|errors| {
        let file = |name: &str| match name {
            _ if built_in => name.to_owned(),
            // All files together.
            "rules" => folder.display().to_string(),
            _ => folder.join(name).display().to_string(),
        };
        errors.iter().map(|e| located(&file(&e.file), e.line, &e.problem)).collect()
    })
}

/// Names and texts of a folder's rule files.
pub(super) fn rule_files(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let cannot =
        |path: &Path, e: std::io::Error| format!("{}: cannot be read: {e}", path.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| cannot(folder, e))? {
        let path = entry.map_err(|e| cannot(folder, e))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(&path).map_err(|e| cannot(&path, e))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, text));
        }
    }
    files.sort();
    Ok(files)
}

/// All errors, one a line.
pub(super) fn all<E: std::fmt::Display>(errors: Vec<E>) -> Failure {
    Failure::Failed(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("vigie.toml");
        std::fs::write(&config, text).unwrap();
        let mut common = Common::default();
        common.basics.config = Some(config);
        let place = format!("{}/", folder.path().display());
        let problems = Gathered::new(&common).unwrap_or_else(|_| panic!("{text}")).problems;
        problems.iter().map(|p| p.replace(&place, "")).collect()
    }

    #[test]
    fn one_look_finds_every_mistake_with_its_line() {
        let problems = gathered(
            "[source]\nnamespace = 'X'\nformat = 'combined'\n[source.mapping]\nrecord = 'a'\n\
             records = { from = 'request' }\npartner = 3\nactions = { GET = 'look' }\n\
             [detection]\nquiet_hours = 0\nrules = 'nowhere'\n",
        );
        let wanted = [
            "vigie.toml:10: quiet_hours: must lie between 1 and 720",
            "vigie.toml:7: source.mapping.partner: invalid type: integer `3`, expected a source",
            "vigie.toml:2: source.namespace: \"X\" is no namespace",
            "vigie.toml:5: source.mapping.record: there is no such field",
            "vigie.toml:6: source.mapping.records: a source is one of",
            "vigie.toml:8: source.mapping.actions.GET: \"look\" is no action",
            "nowhere: cannot be read: ",
        ];
        for wanted in wanted {
            assert!(problems.iter().any(|p| p.starts_with(wanted)), "{problems:#?}\n{wanted}");
        }
        assert_eq!(problems.len(), wanted.len(), "{problems:#?}");
    }

    #[test]
    fn a_rule_error_names_the_folder_and_no_line_zero() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("volume.toml"), "id = 3\n").unwrap();
        let wrong = load_rules(folder.path()).unwrap_err();
        let place = folder.path().join("volume.toml").display().to_string();
        assert!(wrong[0].starts_with(&format!("{place}:1: ")), "{wrong:?}");
        std::fs::remove_file(folder.path().join("volume.toml")).unwrap();
        let wrong = load_rules(folder.path()).unwrap_err();
        assert!(wrong[0].ends_with("/priors.toml: priors.toml is missing; copy the shipped one"));
    }
}
