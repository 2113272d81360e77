//! A mapping, compiled: where in a line each field's values are, and how they reach the draft.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::{Captures, Regex};
use serde_json::Value;

use super::draft::{self, Draft};
use super::field::{Field, FieldSet};
use super::http::HttpRecipe;
use super::pseudonym::Naming;
use super::scalar::Scalar;
use super::time;

/// How the lines of a source are read.
#[derive(Debug)]
pub(super) enum Plan {
    /// The event contract itself, some fields replaced by constants.
    Native(Vec<(Field, Value)>),
    /// JSON objects of another shape.
    Json(Recipe),
    /// Text lines.
    Text {
        /// Matches a whole line; its named groups are the values.
        line: Regex,
        recipe: Recipe,
    },
}

/// Where each field comes from.
#[derive(Debug, Default)]
pub(super) struct Recipe {
    /// Per field the choices in order: the first that is there counts.
    pub(super) fields: BTreeMap<Field, Vec<Getter>>,
    /// The log's lower-case words for actions and outcomes, in the contract's words.
    pub(super) actions: BTreeMap<String, String>,
    pub(super) outcomes: BTreeMap<String, String>,
    pub(super) http: Option<HttpRecipe>,
}

/// The keys on the way to a value; for text lines one, the name of a group.
pub(super) type Path = Vec<String>;

/// One place a value may be in.
#[derive(Debug)]
pub(super) enum Getter {
    At(Path),
    /// A time in seconds since 1970, with or without decimals.
    Seconds(Path),
    Constant(Value),
    /// A group of an expression matched on the value at a path.
    Capture {
        from: Path,
        pattern: Regex,
        group: usize,
    },
}

/// A line taken apart.
#[derive(Clone, Copy)]
pub(super) enum Record<'a, 'r> {
    Json(&'a Value),
    Text(&'r Captures<'a>),
}

/// What is in a place.
pub(super) enum Found<'a> {
    Absent,
    One(Scalar<'a>),
    Many(Vec<Scalar<'a>>),
}

/// Replaces fields of the draft by constants.
pub(super) fn fill_constants<'a, N: Naming>(
    constants: &'a [(Field, Value)],
    draft: &mut Draft<'a, '_, N>,
) {
    for (field, value) in constants {
        put(*field, found(value), draft);
    }
}

impl Recipe {
    /// Fills the draft from a JSON object.
    pub(super) fn fill_from_json<'a, N: Naming>(
        &'a self,
        object: &'a Value,
        draft: &mut Draft<'a, '_, N>,
    ) {
        self.fill(Record::Json(object), draft);
    }

    /// Fills the draft from a text line.
    pub(super) fn fill_from_text<'a, N: Naming>(
        &'a self,
        line: &Captures<'a>,
        draft: &mut Draft<'a, '_, N>,
    ) {
        self.fill(Record::Text(line), draft);
    }

    fn fill<'a, N: Naming>(&'a self, record: Record<'a, '_>, draft: &mut Draft<'a, '_, N>) {
        let mut given = FieldSet::default();
        for (field, getters) in &self.fields {
            let is_there = match field {
                Field::Time => time(getters, record, draft),
                Field::Action => action(&self.actions, getters, record, draft),
                Field::Outcome => outcome(&self.outcomes, getters, record, draft),
                _ => first(*field, getters, record, draft),
            };
            if is_there {
                given.insert(*field);
            }
        }
        if let Some(http) = &self.http {
            http.fill(record, given, draft);
        }
    }
}

impl Getter {
    /// The value or values for a field.
    pub(super) fn find<'a>(&'a self, field: Field, record: Record<'a, '_>) -> Found<'a> {
        match self {
            Getter::At(path) => record.at(path),
            Getter::Constant(value) => found(value),
            Getter::Seconds(path) => match record.at(path) {
                Found::One(value) => Found::One(seconds(&value)),
                other => other,
            },
            Getter::Capture { from, pattern, group } => {
                let Found::One(Scalar::Text(Cow::Borrowed(text))) = record.at(from) else {
                    return Found::Absent;
                };
                let matches = pattern.captures_iter(text);
                let mut values = matches
                    .filter_map(|captures| captures.get(*group))
                    .map(|value| Scalar::Text(Cow::Borrowed(value.as_str())));
                if !field.is_list() {
                    return values.next().map_or(Found::Absent, Found::One);
                }
                let values: Vec<_> = values.collect();
                if values.is_empty() { Found::Absent } else { Found::Many(values) }
            }
        }
    }
}

impl<'a> Record<'a, '_> {
    fn at(self, path: &[String]) -> Found<'a> {
        match self {
            Record::Json(object) => lookup(object, path).map_or(Found::Absent, found),
            Record::Text(captures) => {
                let group = path.first().and_then(|name| captures.name(name));
                group.map_or(Found::Absent, |group| text(group.as_str()))
            }
        }
    }
}

/// The value at a path. Keys may also be joined by dots at any level (`{"user.name": …}`), as
/// ECS loggers write them.
fn lookup<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    let Some((key, rest)) = path.split_first() else {
        return Some(value);
    };
    if let Value::Array(list) = value {
        return lookup(list.get(key.parse::<usize>().ok()?)?, rest);
    }
    let object = value.as_object()?;
    if let Some(value) = object.get(key).and_then(|inner| lookup(inner, rest)) {
        return Some(value);
    }
    (2..=path.len()).find_map(|keys| lookup(object.get(&path[..keys].join("."))?, &path[keys..]))
}

fn found(value: &Value) -> Found<'_> {
    match value {
        Value::Array(list) => {
            let values = list.iter().map(scalar);
            // A dash in a list names nobody, as alone.
            Found::Many(values.filter(|v| *v != Scalar::Text("-".into())).collect())
        }
        Value::String(value) => text(value),
        Value::Null => Found::Absent,
        _ => Found::One(scalar(value)),
    }
}

/// Access logs write a dash for a value that is not there.
fn text(value: &str) -> Found<'_> {
    if matches!(value.trim(), "" | "-") {
        return Found::Absent;
    }
    Found::One(Scalar::Text(Cow::Borrowed(value)))
}

fn scalar(value: &Value) -> Scalar<'_> {
    match value {
        Value::String(text) => Scalar::Text(Cow::Borrowed(text)),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(n), _, _) => Scalar::Unsigned(n),
            (_, Some(n), _) => Scalar::Negative(n),
            (_, _, Some(n)) => Scalar::Float(n),
            _ => Scalar::Other,
        },
        Value::Null => Scalar::Absent,
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Scalar::Other,
    }
}

/// In milliseconds; what is no time stays as it is and is refused as such.
fn seconds<'a>(value: &Scalar<'a>) -> Scalar<'a> {
    let ms = match value {
        Scalar::Unsigned(s) => s.checked_mul(1000),
        Scalar::Float(s) => {
            let ms = (s * 1000.0).round();
            (0.0..=9e15).contains(&ms).then_some(ms as u64)
        }
        Scalar::Text(text) => time::parse_seconds(text.trim()).and_then(|ms| ms.try_into().ok()),
        _ => None,
    };
    ms.map_or(Scalar::Other, Scalar::Unsigned)
}

fn put<'a, N: Naming>(field: Field, found: Found<'a>, draft: &mut Draft<'a, '_, N>) -> bool {
    match found {
        Found::Absent => return false,
        Found::One(value) => draft.scalar(field, value),
        Found::Many(values) if field.is_list() => {
            draft.list(field);
            values.iter().for_each(|value| draft.element(field, value));
        }
        // Several roles, several addresses: the first one, as the log puts it.
        Found::Many(values) => match values.into_iter().next() {
            Some(value) => draft.scalar(field, value),
            None => return false,
        },
    }
    true
}

fn first<'a, N: Naming>(
    field: Field,
    getters: &'a [Getter],
    record: Record<'a, '_>,
    draft: &mut Draft<'a, '_, N>,
) -> bool {
    getters.iter().any(|getter| put(field, getter.find(field, record), draft))
}

/// The first time that can be read, else the last that is there, which is refused as such.
fn time<'a, N: Naming>(
    getters: &'a [Getter],
    record: Record<'a, '_>,
    draft: &mut Draft<'a, '_, N>,
) -> bool {
    let mut is_there = false;
    for getter in getters {
        is_there |= put(Field::Time, getter.find(Field::Time, record), draft);
        if draft.has_time() {
            break;
        }
    }
    is_there
}

/// The first word that means an action, be it the second choice's; else any word, which then is
/// [`crate::event::Action::Other`].
fn action<'a, N: Naming>(
    words: &'a BTreeMap<String, String>,
    getters: &'a [Getter],
    record: Record<'a, '_>,
    draft: &mut Draft<'a, '_, N>,
) -> bool {
    let mut other = None;
    for value in getters.iter().flat_map(|getter| values(getter.find(Field::Action, record))) {
        let Some(word) = translate(words, &value) else {
            other.get_or_insert(value);
            continue;
        };
        if draft::read_action(word).is_some() || words.values().any(|known| known == word) {
            draft.scalar(Field::Action, Scalar::Text(Cow::Owned(word.to_owned())));
            return true;
        }
        other.get_or_insert(value);
    }
    let is_there = other.is_some();
    draft.scalar(Field::Action, other.unwrap_or(Scalar::Absent));
    is_there
}

fn outcome<'a, N: Naming>(
    words: &'a BTreeMap<String, String>,
    getters: &'a [Getter],
    record: Record<'a, '_>,
    draft: &mut Draft<'a, '_, N>,
) -> bool {
    let value =
        getters.iter().find_map(|getter| values(getter.find(Field::Outcome, record)).next());
    let Some(value) = value else { return false };
    match translate(words, &value) {
        // ECS: nobody knows, so something else (a status) may.
        Some("unknown") => return false,
        Some(word) => draft.scalar(Field::Outcome, Scalar::Text(Cow::Owned(word.to_owned()))),
        None => draft.scalar(Field::Outcome, value),
    }
    true
}

fn values(found: Found<'_>) -> impl Iterator<Item = Scalar<'_>> {
    let (one, many) = match found {
        Found::Absent => (None, Vec::new()),
        Found::One(value) => (Some(value), Vec::new()),
        Found::Many(values) => (None, values),
    };
    one.into_iter().chain(many)
}

/// The contract's word for a log's word, which may also be a number or true and false.
fn translate<'w>(words: &'w BTreeMap<String, String>, value: &'w Scalar<'_>) -> Option<&'w str> {
    let word = match value {
        Scalar::Text(text) => text.trim(),
        Scalar::Unsigned(n) => return words.get(&n.to_string()).map(String::as_str),
        _ => return None,
    };
    Some(words.get(&word.to_lowercase()).map_or(word, String::as_str))
}
