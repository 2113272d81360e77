//! Where each field of an event comes from when a log does not speak the native format: the
//! configuration's `[mapping]`, and the presets.
//!
//! ```toml
//! preset = "combined"                      # start from a preset (default: "native")
//! records = { from = "request", match = '^GET /dossiers/(\w+)' }
//! partner = { value = "cap-emploi" }       # a constant
//! account = "/actor/login"                 # a JSON pointer, short for { pointer = … }
//! time = ["/ts", { pointer = "/epoch", unit = "s" }]   # the first that is there
//! actions = { "event-opened" = "view" }    # the log's words in the contract's words
//! outcomes = { "ko" = "failure" }
//! http = { request = "/request", status = "/status" }  # action, outcome, resource, query
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;

/// A mapping as written. Unknown fields and wrong sources are refused by `Decoder::new`, all at
/// once.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// The preset that fills what is not given here; `native` when absent and the lines are JSON.
    pub preset: Option<String>,
    /// What a line is; `text` when `line` is given, `json` otherwise.
    pub input: Option<Input>,
    /// Text lines only: a regular expression for a line. Its named groups are values; those
    /// named like a field or a part of `http` need no source.
    pub line: Option<String>,
    /// The log's words for actions, in any case, with the contract's words (or `other`).
    pub actions: BTreeMap<String, String>,
    /// The log's words for outcomes, with `success`, `failure`, `denied` or `unknown`.
    pub outcomes: BTreeMap<String, String>,
    /// Parts of an HTTP request (`request` `method` `path` `query` `status`) from which action,
    /// outcome, resource and query follow where they have no source of their own.
    pub http: BTreeMap<String, Source>,
    /// Sources by field name.
    #[serde(flatten)]
    pub fields: BTreeMap<String, Source>,
}

/// What the lines of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// One JSON object a line.
    Json,
    /// Lines that match a regular expression.
    Text,
}

/// Where a field comes from: choices, of which the first that is there counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Source(pub Vec<Choice>);

/// One place. Exactly one of `pointer`, `value`, `from` with `match` must be given.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// A JSON pointer (`/user/name`), a key, or a named group of the line.
    pub pointer: Option<String>,
    /// A constant; several for a list field.
    pub value: Option<Value>,
    /// Like `pointer`: the text that `match` is tried on.
    pub from: Option<String>,
    /// A regular expression; the group named like the field counts, else the first group. For
    /// `records`, `data` and `population` every match does.
    #[serde(rename = "match")]
    pub pattern: Option<String>,
    /// `time` only: `ms` (default) or `s`, of a number.
    pub unit: Option<String>,
    /// Keys that do not exist.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// Everything that is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.listing())]
pub struct MappingError {
    /// At least one.
    pub problems: Vec<MappingProblem>,
}

/// One thing that is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingProblem {
    /// Key of the configuration, below `mapping`.
    pub key: String,
    /// What is wrong and how to put it right.
    pub problem: String,
}

impl MappingError {
    fn listing(&self) -> String {
        let problem = |p: &MappingProblem| format!("mapping.{}: {}", p.key, p.problem);
        self.problems.iter().map(problem).collect::<Vec<_>>().join("\n")
    }
}

impl Mapping {
    /// Names of the presets.
    pub const PRESETS: [&'static str; 5] = ["native", "ecs", "ocsf", "nginx-json", "combined"];

    /// A preset by its name; `None` when there is none of that name.
    #[must_use]
    pub fn preset(name: &str) -> Option<Mapping> {
        let text = match name {
            "native" => include_str!("presets/native.toml"),
            "ecs" => include_str!("presets/ecs.toml"),
            "ocsf" => include_str!("presets/ocsf.toml"),
            "nginx-json" => include_str!("presets/nginx-json.toml"),
            "combined" => include_str!("presets/combined.toml"),
            _ => return None,
        };
        let mapping: Mapping = toml::from_str(text).ok()?;
        Some(Mapping { preset: Some(name.to_owned()), ..mapping })
    }

    /// This mapping with what it leaves open taken from `base`.
    #[must_use]
    pub(super) fn over(&self, base: Mapping) -> Mapping {
        let mut merged = base;
        merged.preset.clone_from(&self.preset);
        merged.input = self.input.or(merged.input);
        merged.line = self.line.clone().or(merged.line);
        merged.actions.extend(self.actions.clone());
        merged.outcomes.extend(self.outcomes.clone());
        merged.http.extend(self.http.clone());
        merged.fields.extend(self.fields.clone());
        merged
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
        deserializer.deserialize_any(SourceVisitor)
    }
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = Source;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a source: \"/json/pointer\", { pointer = … }, { value = … }, \
             { from = …, match = … }, or a list of these",
        )
    }

    fn visit_str<E: de::Error>(self, pointer: &str) -> Result<Source, E> {
        Ok(Source(vec![Choice { pointer: Some(pointer.to_owned()), ..Choice::default() }]))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Source, M::Error> {
        let choice = Choice::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Source(vec![choice]))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Source, S::Error> {
        let mut choices = Vec::new();
        while let Some(Source(inner)) = list.next_element()? {
            choices.extend(inner);
        }
        Ok(Source(choices))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_there() {
        for name in Mapping::PRESETS {
            assert!(Mapping::preset(name).is_some(), "{name}");
        }
        assert_eq!(Mapping::preset("splunk"), None);
    }

    #[test]
    fn sources_have_short_forms() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let mapping: Mapping = toml::from_str(text).unwrap();
            let shown: Vec<_> = mapping.fields["time"]
                .0
                .iter()
                .map(|c| (c.pointer.as_deref().unwrap_or(""), c.unit.as_deref().unwrap_or("")))
                .collect();
            assert_eq!(shown, expected, "{text}");
        };
        check("time = '/ts'", &[("/ts", "")]);
        check("time = { pointer = '/ts', unit = 's' }", &[("/ts", "s")]);
        check("time = ['/a', { pointer = '/b', unit = 's' }]", &[("/a", ""), ("/b", "s")]);
        let error = toml::from_str::<Mapping>("time = 3").unwrap_err().to_string();
        assert!(error.contains("expected a source"), "{error}");
    }
}
