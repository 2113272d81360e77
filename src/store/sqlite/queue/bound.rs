//! What a filter asks of the database: conditions, their parameters, and where to look.

use rusqlite::Connection;
use rusqlite::types::ToSql;

use super::{AlertFilter, Assignee, Sort, search};
use crate::store::sqlite::{TriageState, status_word};

/// A filter as conditions with parameters.
pub(super) struct Bound<'a> {
    wanted: &'a [TriageState],
    conditions: Vec<String>,
    parameters: Vec<(String, Box<dyn ToSql + 'a>)>,
    /// Some condition is about what only the widest index holds.
    pub(super) needs_all: bool,
    /// Words that are searched for.
    words: Vec<&'a str>,
    /// Ids of all alerts that may match, as JSON, where a word is rare enough to know them.
    hits: Option<String>,
}

impl<'a> Bound<'a> {
    /// Every alert that the filter lets through, state by state.
    pub(super) fn new(filter: &AlertFilter<'a>) -> Bound<'a> {
        let mut bound = Bound {
            wanted: filter.states,
            conditions: vec!["state = :state".into()],
            parameters: Vec::new(),
            needs_all: false,
            words: search::words(filter.text),
            hits: None,
        };
        if let Some(least) = filter.severity_min {
            bound.put("severity >= :least", ":least", least as i64);
        }
        if let Some(partner) = filter.partner {
            bound.put("partner = :partner", ":partner", partner);
        }
        match filter.assignee {
            Some(Assignee::Nobody) => bound.conditions.push("assignee IS NULL".into()),
            Some(Assignee::Person(name)) => bound.put("assignee = :assignee", ":assignee", name),
            None => {}
        }
        let in_each = bound.conditions.len();
        if let Some(status) = filter.status {
            bound.put("status = :status", ":status", status_word(status));
        }
        if let Some(entity) = filter.entity {
            bound.put("entity_kind = :kind", ":kind", entity.kind.word());
            bound.put("entity_id = :entity", ":entity", entity.id.as_str());
        }
        if let Some(unit) = filter.unit {
            bound.put("unit = :unit", ":unit", unit);
        }
        if let Some(historical) = filter.historical {
            bound.put("historical = :historical", ":historical", historical);
        }
        for (at, word) in search::words(filter.text).into_iter().enumerate() {
            let (exact, lower) = (format!(":word{at}"), format!(":lower{at}"));
            let condition = format!(
                "(instr(search, {lower}) > 0 OR alert.id IN (SELECT id FROM alert_place \
                 WHERE kind IN ('ip', 'device') AND value = {exact}))"
            );
            bound.put(&condition, &lower, word.to_lowercase());
            bound.parameters.push((exact, Box::new(word)));
        }
        bound.needs_all = bound.conditions.len() > in_each;
        bound
    }

    /// Finds the alerts of a rare word, so that no others are looked at.
    pub(super) fn look_up(mut self, conn: &Connection) -> rusqlite::Result<Bound<'a>> {
        self.hits = search::few(conn, &self.words)?;
        Ok(self)
    }

    /// Looks where another of the same words looks.
    pub(super) fn within(mut self, other: &Bound<'_>) -> Bound<'a> {
        self.hits.clone_from(&other.hits);
        self
    }

    fn put(&mut self, condition: &str, name: &str, value: impl ToSql + 'a) {
        self.conditions.push(condition.into());
        self.parameters.push((name.into(), Box::new(value)));
    }

    /// Whether alerts of this state are asked for.
    pub(super) fn wants(&self, state: TriageState) -> bool {
        self.wanted.is_empty() || self.wanted.contains(&state)
    }

    /// The conditions, `:state` among them.
    pub(super) fn matching(&self) -> String {
        self.conditions.join(" AND ")
    }

    /// What to walk.
    pub(super) fn from(&self, sort: Sort) -> &'static str {
        match sort {
            _ if self.hits.is_some() => {
                "json_each(:hits) AS hit CROSS JOIN alert ON alert.id = hit.value"
            }
            _ if self.needs_all => "alert INDEXED BY alert_by_opening",
            Sort::Priority => "alert INDEXED BY alert_by_priority",
            Sort::Opened => "alert INDEXED BY alert_by_opening",
            Sort::Updated => "alert INDEXED BY alert_by_update",
        }
    }

    /// The parameters, without `:state`.
    pub(super) fn values(&self) -> Vec<(&str, &dyn ToSql)> {
        let hits = self.hits.iter().map(|hits| (":hits", hits as &dyn ToSql));
        let others =
            self.parameters.iter().map(|(name, value)| (name.as_str(), &**value as &dyn ToSql));
        hits.chain(others).collect()
    }
}
