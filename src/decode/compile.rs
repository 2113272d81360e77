//! A mapping as written → a plan that can be run. Finds everything that is wrong, not the first.

use regex::Regex;

use super::draft::{read_action, read_outcome};
use super::field::Field;
use super::http::HttpRecipe;
use super::mapping::{Choice, Input, Mapping, MappingError, MappingProblem, Source};
use super::pseudonym::is_namespace;
use super::recipe::{Getter, Path, Plan, Recipe};
use super::{DecodeOptions, POPULATION_CODES_MAX};

const HTTP_PARTS: [&str; 5] = ["request", "method", "path", "query", "status"];

const CHOICE_KEYS: &str = "pointer, value, from, match, unit";

/// Checks and compiles.
pub(super) fn compile(mapping: &Mapping, options: &DecodeOptions) -> Result<Plan, MappingError> {
    let mut problems = Problems::default();
    check_options(options, &mut problems);
    let plan = plan(mapping, &mut problems);
    match plan {
        Some(plan) if problems.0.is_empty() => Ok(plan),
        _ => Err(MappingError { problems: problems.0 }),
    }
}

#[derive(Default)]
struct Problems(Vec<MappingProblem>);

impl Problems {
    fn add(&mut self, key: impl Into<String>, problem: impl Into<String>) {
        self.0.push(MappingProblem { key: key.into(), problem: problem.into() });
    }
}

fn check_options(options: &DecodeOptions, problems: &mut Problems) {
    if !is_namespace(&options.default_namespace) {
        problems.add(
            "default_namespace",
            format!(
                "\"{}\" is no namespace: 1 to 16 of a-z, 0-9, _ and -, a letter first",
                options.default_namespace
            ),
        );
    }
    let codes = &options.population_codes;
    if codes.len() > POPULATION_CODES_MAX {
        let count = codes.len();
        problems
            .add("population_codes", format!("{count} codes, at most {POPULATION_CODES_MAX} fit"));
    }
    for (i, code) in codes.iter().enumerate() {
        if codes[..i].contains(code) {
            problems.add("population_codes", format!("\"{code}\" is there twice"));
        }
    }
}

fn plan(mapping: &Mapping, problems: &mut Problems) -> Option<Plan> {
    let wants_text = is_text(mapping);
    let base = match (mapping.preset.as_deref(), wants_text) {
        (Some(name), _) => Mapping::preset(name).or_else(|| {
            let choices = Mapping::PRESETS.join(", ");
            problems.add("preset", format!("\"{name}\" is none: choose one of {choices}"));
            None
        })?,
        (None, true) => Mapping::default(),
        (None, false) => Mapping::preset("native")?,
    };
    if is_native_with_constants(mapping) {
        let recipe = recipe(mapping, None, problems);
        let constant = |(field, getters): (Field, Vec<Getter>)| match getters.into_iter().next() {
            Some(Getter::Constant(value)) => Some((field, value)),
            _ => None,
        };
        return Some(Plan::Native(recipe.fields.into_iter().filter_map(constant).collect()));
    }
    let merged = mapping.over(base);
    let line = line_expression(&merged, problems);
    let merged = with_groups(merged, line.as_ref());
    let recipe = recipe(&merged, line.as_ref(), problems);
    for (needed, or) in [(Field::Time, None), (Field::Account, Some(Field::Ip))] {
        let is_mapped = |field: Field| merged.fields.contains_key(field.name());
        if !is_mapped(needed) && !or.is_some_and(is_mapped) {
            problems.add(needed.name(), "has no source, and every event needs it");
        }
    }
    match (is_text(&merged), line) {
        (true, line) => Some(Plan::Text { line: line?, recipe }),
        (false, _) => Some(Plan::Json(recipe)),
    }
}

/// The event contract with constants for some fields keeps the fast path.
fn is_native_with_constants(mapping: &Mapping) -> bool {
    let is_constant = |Source(choices): &Source| match choices.as_slice() {
        [choice] => Choice { value: None, ..choice.clone() } == Choice::default(),
        _ => false,
    };
    mapping.preset.as_deref().is_none_or(|name| name == "native")
        && mapping.input != Some(Input::Text)
        && mapping.line.is_none()
        && mapping.actions.is_empty()
        && mapping.outcomes.is_empty()
        && mapping.http.is_empty()
        && (mapping.fields.values().all(is_constant)
            || Mapping::preset("native").is_some_and(|native| native.fields == mapping.fields))
}

fn is_text(mapping: &Mapping) -> bool {
    match mapping.input {
        Some(input) => input == Input::Text,
        None => mapping.line.is_some(),
    }
}

fn line_expression(mapping: &Mapping, problems: &mut Problems) -> Option<Regex> {
    match (&mapping.line, is_text(mapping)) {
        (Some(_), false) => {
            problems.add("line", "belongs to input = \"text\"; JSON lines need none");
            None
        }
        (Some(line), true) => expression("line", line, problems),
        (None, true) => {
            problems.add(
                "line",
                "text lines need a regular expression with named groups, such as \
                 '^(?P<time>\\S+) (?P<account>\\S+) '",
            );
            None
        }
        (None, false) => None,
    }
}

/// Groups named like a field or a part of a request are its source when it has no other.
fn with_groups(mut mapping: Mapping, line: Option<&Regex>) -> Mapping {
    for name in line.iter().flat_map(|line| line.capture_names()).flatten() {
        let source = Source(vec![Choice { pointer: Some(name.to_owned()), ..Choice::default() }]);
        if HTTP_PARTS.contains(&name) && name != Field::Query.name() {
            mapping.http.entry(name.to_owned()).or_insert(source);
        } else if Field::parse(name).is_some() {
            mapping.fields.entry(name.to_owned()).or_insert(source);
        }
    }
    mapping
}

fn recipe(mapping: &Mapping, line: Option<&Regex>, problems: &mut Problems) -> Recipe {
    let mut recipe = Recipe::default();
    for (name, source) in &mapping.fields {
        let Some(field) = Field::parse(name) else {
            let choices = Field::ALL.map(Field::name).join(", ");
            problems.add(name, format!("there is no such field: choose one of {choices}"));
            continue;
        };
        recipe.fields.insert(field, getters(name, Some(field), source, line, problems));
    }
    for (word, action) in &mapping.actions {
        if action != "other" && read_action(action).is_none() {
            let choices = crate::event::Action::WORDS.map(|(word, _)| word).join(", ");
            let problem = format!("\"{action}\" is no action: choose one of {choices}, other");
            problems.add(format!("actions.\"{word}\""), problem);
        }
        recipe.actions.insert(word.to_lowercase(), action.clone());
    }
    for (word, outcome) in &mapping.outcomes {
        if outcome.is_empty() || read_outcome(outcome).is_none() {
            let problem = format!(
                "\"{outcome}\" is no outcome: choose one of success, failure, denied, unknown"
            );
            problems.add(format!("outcomes.\"{word}\""), problem);
        }
        recipe.outcomes.insert(word.to_lowercase(), outcome.clone());
    }
    recipe.http = (!mapping.http.is_empty()).then(|| http(mapping, line, problems));
    recipe
}

fn http(mapping: &Mapping, line: Option<&Regex>, problems: &mut Problems) -> HttpRecipe {
    let mut http = HttpRecipe::default();
    for (name, source) in &mapping.http {
        let part = match name.as_str() {
            "request" => &mut http.request,
            "method" => &mut http.method,
            "path" => &mut http.path,
            "query" => &mut http.query,
            "status" => &mut http.status,
            _ => {
                let choices = HTTP_PARTS.join(", ");
                let problem = format!("there is no such part: choose one of {choices}");
                problems.add(format!("http.{name}"), problem);
                continue;
            }
        };
        *part = getters(&format!("http.{name}"), None, source, line, problems);
    }
    http
}

fn getters(
    key: &str,
    field: Option<Field>,
    Source(choices): &Source,
    line: Option<&Regex>,
    problems: &mut Problems,
) -> Vec<Getter> {
    if choices.is_empty() {
        problems.add(key, "an empty list of sources: give one, or take the key out");
    }
    choices.iter().filter_map(|choice| getter(key, field, choice, line, problems)).collect()
}

fn getter(
    key: &str,
    field: Option<Field>,
    choice: &Choice,
    line: Option<&Regex>,
    problems: &mut Problems,
) -> Option<Getter> {
    for unknown in choice.unknown.keys() {
        problems.add(key, format!("unknown key \"{unknown}\": choose among {CHOICE_KEYS}"));
    }
    let in_seconds = match choice.unit.as_deref() {
        None => false,
        Some(_) if field != Some(Field::Time) => {
            problems.add(key, "unit is for time only");
            false
        }
        Some("ms") => false,
        Some("s") => true,
        Some(other) => {
            problems.add(key, format!("unit \"{other}\": choose s or ms"));
            false
        }
    };
    match (&choice.pointer, &choice.value, &choice.from, &choice.pattern) {
        (Some(pointer), None, None, None) => {
            let path = path(key, pointer, line, problems)?;
            Some(if in_seconds { Getter::Seconds(path) } else { Getter::At(path) })
        }
        (None, Some(value), None, None) => Some(Getter::Constant(value.clone())),
        (None, None, Some(from), Some(pattern)) => {
            let from = path(key, from, line, problems)?;
            let pattern = expression(key, pattern, problems)?;
            let named = pattern.capture_names().position(|name| name == Some(key));
            let Some(group) = named.or((pattern.captures_len() > 1).then_some(1)) else {
                problems.add(key, "match needs a group ( ) around the value");
                return None;
            };
            Some(Getter::Capture { from, pattern, group })
        }
        _ => {
            problems.add(
                key,
                "a source is one of { pointer = … }, { value = … }, { from = …, match = … }",
            );
            None
        }
    }
}

fn expression(key: &str, text: &str, problems: &mut Problems) -> Option<Regex> {
    match Regex::new(text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            problems.add(key, format!("bad regular expression: {error}"));
            None
        }
    }
}

/// A JSON pointer, a key, or (text lines) the name of a group.
fn path(key: &str, text: &str, line: Option<&Regex>, problems: &mut Problems) -> Option<Path> {
    let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let path: Path = match text.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(unescape).collect(),
        None => vec![text.to_owned()],
    };
    if path.iter().any(String::is_empty) {
        problems.add(key, format!("\"{text}\" is no place: write \"/key/inner\" or \"key\""));
        return None;
    }
    if let Some(line) = line {
        let groups: Vec<_> = line.capture_names().flatten().collect();
        if !matches!(path.as_slice(), [name] if groups.contains(&name.as_str())) {
            let groups = groups.join(", ");
            let problem = format!("\"{text}\" is no group of the line: choose one of {groups}");
            problems.add(key, problem);
            return None;
        }
    }
    Some(path)
}
