//! A file's text over the defaults: what fits is taken, what does not is an error with its line.

use std::path::Path;

use toml::de::{DeArray, DeTable};
use toml::{Table, Value};

use super::{Config, ConfigError, ConfigFile, DEFAULTS, Reading, hook};

/// Section and key (or the section alone; in an array of tables the index between them), and what
/// is wrong there.
pub(super) type Problem = (Vec<String>, String);

impl ConfigFile {
    /// Lays the text over the defaults; its relative paths are taken relative to `folder`.
    pub(super) fn read(self, folder: &Path) -> Result<Reading, Vec<ConfigError>> {
        let built_in = |e: toml::de::Error| {
            let file = "config.default.toml".to_owned();
            vec![ConfigError { file, line: 0, problem: e.to_string() }]
        };
        let defaults: Table = DEFAULTS.parse().map_err(built_in)?;
        let mut errors = Vec::new();
        let own: Table = self.text.parse().unwrap_or_else(|e: toml::de::Error| {
            let line = e.span().map_or(0, |span| line_at(&self.text, span.start));
            let problem = e.message().to_owned();
            errors.push(ConfigError { line, ..self.error(&[], problem) });
            Table::new()
        });
        let mut problems = Vec::new();
        let merged = merge(&defaults, &own, &mut problems);
        let mut config: Config = Value::Table(merged).try_into().map_err(built_in)?;
        for (path, problem) in problems {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            errors.push(self.error(&keys, format!("{}: {problem}", path.join("."))));
        }
        errors.extend(config.check().into_iter().map(|(keys, p)| self.error(&keys, p)));
        for (path, problem) in hook::check(&config.hook, &config.alerts_file) {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            errors.push(self.error(&keys, problem));
        }
        errors.sort_by_key(|e| e.line);
        config.resolve(&own, folder);
        Ok(Reading { config, errors, file: Some(self) })
    }
}

fn merge(defaults: &Table, own: &Table, problems: &mut Vec<Problem>) -> Table {
    let mut merged = defaults.clone();
    for (section, given) in own {
        if let Some(Value::Array(_)) = merged.get(section) {
            merged.insert(section.clone(), elements(defaults, section, given, problems));
            continue;
        }
        let mut wrong = |problem| problems.push((vec![section.clone()], problem));
        let Some(Value::Table(laid)) = merged.get_mut(section) else {
            wrong(unknown(defaults, ""));
            continue;
        };
        let Some(given) = given.as_table() else {
            wrong(format!("is {}, must be table", given.type_str()));
            continue;
        };
        for (key, value) in given {
            match fit(defaults, section, key, value) {
                Ok(value) => {
                    laid.insert(key.clone(), value);
                }
                Err(problem) => problems.push((vec![section.clone(), key.clone()], problem)),
            }
        }
    }
    // What stands in the defaults of an array of tables is where each element begins from.
    for (section, value) in &mut merged {
        if let (Value::Array(elements), false) = (value, own.contains_key(section)) {
            elements.clear();
        }
    }
    merged
}

/// The elements of an array of tables, each laid over the one in the defaults.
fn elements(defaults: &Table, section: &str, given: &Value, problems: &mut Vec<Problem>) -> Value {
    let mut laid = Vec::new();
    let Some(elements) = given.as_array() else {
        let problem = format!("is {}, must be array of tables", given.type_str());
        problems.push((vec![section.into()], problem));
        return Value::Array(laid);
    };
    let template = element(defaults, section).cloned().unwrap_or_default();
    for (at, given) in elements.iter().enumerate() {
        let Some(given) = given.as_table() else {
            let problem = format!("is {}, must be table", given.type_str());
            problems.push((vec![section.into(), at.to_string()], problem));
            continue;
        };
        let mut own = template.clone();
        for (key, value) in given {
            match fit(defaults, section, key, value) {
                Ok(value) => {
                    own.insert(key.clone(), value);
                }
                Err(problem) => {
                    problems.push((vec![section.into(), at.to_string(), key.clone()], problem));
                }
            }
        }
        laid.push(Value::Table(own));
    }
    Value::Array(laid)
}

/// Where a section's tables begin from: itself, or the one element of an array of tables.
fn element<'a>(defaults: &'a Table, section: &str) -> Option<&'a Table> {
    let section = defaults.get(section)?;
    section.as_table().or_else(|| section.as_array()?.first()?.as_table())
}

fn element_mut<'a>(defaults: &'a mut Table, section: &str) -> Option<&'a mut Table> {
    match defaults.get_mut(section)? {
        Value::Table(table) => Some(table),
        Value::Array(elements) => elements.first_mut()?.as_table_mut(),
        _ => None,
    }
}

/// The value as it is laid over its default, when it can be.
fn fit(defaults: &Table, section: &str, key: &str, value: &Value) -> Result<Value, String> {
    let mismatch = |wanted: &str| Err(format!("is {}, must be {wanted}", value.type_str()));
    if (section, key) == ("source", "mapping") {
        return if value.is_table() { Ok(value.clone()) } else { mismatch("table") };
    }
    let mut trial = defaults.clone();
    let known = element_mut(&mut trial, section);
    let Some(default) = known.and_then(|table| table.get_mut(key)) else {
        return Err(
            element(defaults, section).map_or_else(String::new, |table| unknown(table, section))
        );
    };
    let value = match (&*default, value) {
        (Value::Float(_), Value::Integer(n)) => Value::Float(*n as f64),
        (default, value) if default.same_type(value) => value.clone(),
        (default, _) => return mismatch(default.type_str()),
    };
    default.clone_from(&value);
    // Alone over the defaults: what the types refuse is this value's fault.
    match Value::Table(trial).try_into::<Config>() {
        Ok(_) => Ok(value),
        Err(e) => Err(e.message().to_owned()),
    }
}

fn unknown(choices: &Table, section: &str) -> String {
    let mut names: Vec<&str> = choices.keys().map(String::as_str).collect();
    if section == "source" {
        names.push("mapping");
        names.sort_unstable();
    }
    format!("unknown key; valid choices: {}", names.join(", "))
}

/// Line of the deepest of these nested keys that the text has, from 1; 0 when it has none.
pub(super) fn line_of(text: &str, keys: &[&str]) -> usize {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut line = 0;
    let mut table = Some(root.get_ref());
    let mut array: Option<&DeArray<'_>> = None;
    for name in keys {
        let index = name.parse::<usize>().ok();
        let (at, value) = match (array, index) {
            (Some(elements), Some(index)) => {
                let Some(value) = elements.get(index) else { break };
                (value.span(), value)
            }
            _ => {
                let Some((key, value)) = table.and_then(|table| table.get_key_value(*name)) else {
                    break;
                };
                (key.span(), value)
            }
        };
        line = line_at(text, at.start);
        table = value.get_ref().as_table();
        array = value.get_ref().as_array();
    }
    line
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}
