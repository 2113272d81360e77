//! The queue: which alerts, in which order, page by page, and how many there are.
//!
//! Every state has its own range in the index of each order, so a page is a merge of at most four
//! ranges, each read from where the last page ended: no sort, and no row read that is not shown,
//! as long as the rest of the filter lets most rows through.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};

use super::read::{COLUMNS, FROM, stored_alert};
use super::{Reader, SEVERITIES, StoreError, StoredAlert, TriageState, Unsigned, status_word};
use crate::alert::{Entity, Severity, Status};

/// Most alerts of one page.
pub const PAGE_ROWS_MAX: u32 = 1_000;

/// Alerts are counted up to here; nobody works off more, and counting all would take as long as
/// reading all.
pub const COUNT_MAX: u32 = 1_000;

/// Words of a search that count; the rest is left out.
const WORDS_MAX: usize = 8;

/// What every alert of a page fulfils besides its state and [`words`].
const MATCHING: &str = "alert.state = :state AND severity >= :severity_min \
     AND (:status IS NULL OR status = :status) \
     AND (:entity_kind IS NULL OR (entity_kind = :entity_kind AND entity_id = :entity_id)) \
     AND (:partner IS NULL OR partner = :partner) \
     AND (:unit IS NULL OR unit = :unit) \
     AND (:nobody = 0 OR alert.assignee IS NULL) \
     AND (:assignee IS NULL OR alert.assignee = :assignee) \
     AND (:historical IS NULL OR historical = :historical)";

/// Which alerts; the default is all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlertFilter<'a> {
    /// How far people are: one of these; none means any.
    pub states: &'a [TriageState],
    /// This severity or worse.
    pub severity_min: Option<Severity>,
    /// The engine's status.
    pub status: Option<Status>,
    /// About this entity.
    pub entity: Option<&'a Entity>,
    /// Of this partner.
    pub partner: Option<&'a str>,
    /// Of this unit.
    pub unit: Option<&'a str>,
    /// Who is at it.
    pub assignee: Option<Assignee<'a>>,
    /// Words, at most 8: each stands in the entity's name or in the explanation, in capitals or
    /// not, or is an address or device that was seen.
    pub text: Option<&'a str>,
    /// Whether its events were old on arrival.
    pub historical: Option<bool>,
}

/// Who is at an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignee<'a> {
    /// Nobody.
    Nobody,
    /// They are.
    Person(&'a str),
}

/// In which order; alerts that are equal in it are ordered by their id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// Worst severity first, then most persons.
    Priority,
    /// Newest opening first.
    #[default]
    Opened,
    /// Newest revision first.
    Updated,
}

impl Sort {
    /// Every order.
    pub const ALL: [Sort; 3] = [Sort::Priority, Sort::Opened, Sort::Updated];

    /// The word in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Sort::Priority => "priority",
            Sort::Opened => "opened",
            Sort::Updated => "updated",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Sort> {
        Sort::ALL.into_iter().find(|sort| sort.word() == word)
    }

    /// Column names of the order before the id, and the key of an alert.
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Sort::Priority => ("severity, persons", "severity, persons, ''"),
            Sort::Opened => ("opened_at", "0, 0, opened_at"),
            Sort::Updated => ("alert.updated_at", "0, 0, alert.updated_at"),
        }
    }
}

/// Where a page ends, and the next one begins. Its text is fit for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageKey {
    sort: Sort,
    severity: i64,
    persons: i64,
    at: String,
    id: String,
}

impl PageKey {
    /// Reads the text; `None`: it is none of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<PageKey> {
        let mut parts = text.split('~');
        let mut next = || parts.next();
        let sort = Sort::parse(next()?)?;
        let (severity, persons) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (at, id) = (next()?.to_owned(), next()?.to_owned());
        next().is_none().then_some(PageKey { sort, severity, persons, at, id })
    }

    /// The order it belongs to.
    #[must_use]
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Before every alert.
    fn start(sort: Sort) -> PageKey {
        let (severity, persons) = (i64::MAX, i64::MAX);
        // `~` sorts after every time.
        PageKey { sort, severity, persons, at: "~".into(), id: "~".into() }
    }

    fn compare(&self, other: &PageKey) -> Ordering {
        let parts = |key: &PageKey| (key.severity, key.persons);
        parts(self)
            .cmp(&parts(other))
            .then_with(|| self.at.cmp(&other.at))
            .then_with(|| self.id.cmp(&other.id))
    }
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PageKey { sort, severity, persons, at, id } = self;
        write!(f, "{}~{severity}~{persons}~{at}~{id}", sort.word())
    }
}

/// Some alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The alerts.
    pub alerts: Vec<StoredAlert>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<PageKey>,
}

/// How many, as far as it was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// At most [`COUNT_MAX`].
    pub counted: u32,
    /// There are more.
    pub more: bool,
}

impl Count {
    fn of(found: u32) -> Count {
        Count { counted: found.min(COUNT_MAX), more: found > COUNT_MAX }
    }
}

/// What the queue says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Alerts that the whole filter lets through.
    pub matching: Count,
    /// By state, whatever states the filter asks for; all four are there.
    pub states: BTreeMap<TriageState, Count>,
    /// By severity, whatever severity the filter asks for; all five are there.
    pub severities: BTreeMap<Severity, Count>,
}

impl Reader {
    /// A page of alerts, `rows` (1 to [`PAGE_ROWS_MAX`]) at most, beginning after a key. Alerts
    /// that are opened meanwhile move nothing; one that is revised or changed meanwhile may move
    /// in the order as anywhere. A key of another order begins at the start.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn alerts(
        &self,
        filter: &AlertFilter<'_>,
        sort: Sort,
        after: Option<&PageKey>,
        rows: u32,
    ) -> Result<Page, StoreError> {
        let start = PageKey::start(sort);
        let after = after.filter(|key| key.sort == sort).unwrap_or(&start);
        let rows = rows.clamp(1, PAGE_ROWS_MAX);
        self.read(|conn| {
            // One moment for all states: an alert that changes state is neither missed nor doubled.
            let tx = conn.unchecked_transaction()?;
            let bound = Bound::new(filter);
            let mut keys = Vec::new();
            for state in bound.states() {
                // One more than asked for tells whether there is another page.
                keys.extend(keys_of(&tx, &bound, state, after, rows + 1)?);
            }
            keys.sort_by(|a, b| b.compare(a));
            let more = keys.len() > rows as usize;
            keys.truncate(rows as usize);
            let which = format!("SELECT {COLUMNS} {FROM} WHERE alert.id = ?1");
            let mut statement = tx.prepare_cached(&which)?;
            let alerts = keys.iter().map(|key| statement.query_row([&key.id], stored_alert));
            let alerts = alerts.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(Page { alerts, next: keys.pop().filter(|_| more) })
        })
    }

    /// How many alerts match, by state and severity, each up to [`COUNT_MAX`].
    ///
    /// # Errors
    /// The disk refuses.
    pub fn counts(&self, filter: &AlertFilter<'_>) -> Result<Counts, StoreError> {
        self.read(|conn| {
            let tx = conn.unchecked_transaction()?;
            let any = AlertFilter { severity_min: None, ..*filter };
            let bound = Bound::new(&any);
            let mut states = BTreeMap::new();
            let mut severities: BTreeMap<Severity, u32> = SEVERITIES.map(|s| (s, 0)).into();
            let mut matching = 0u32;
            for state in TriageState::ALL {
                let mut in_state = 0u32;
                let asked = bound.states().any(|wanted| wanted == state);
                for (severity, count) in &mut severities {
                    let bad = filter.severity_min.is_none_or(|least| *severity >= least);
                    if !bad && !asked {
                        continue;
                    }
                    let found = count_of(&tx, &bound, state, *severity)?;
                    in_state += if bad { found } else { 0 };
                    *count += if asked { found } else { 0 };
                    matching += if bad && asked { found } else { 0 };
                }
                states.insert(state, Count::of(in_state));
            }
            let severities = severities.into_iter().map(|(s, n)| (s, Count::of(n))).collect();
            Ok(Counts { matching: Count::of(matching), states, severities })
        })
    }
}

/// Keys of the alerts in one state after a key, in order.
fn keys_of(
    conn: &Connection,
    bound: &Bound<'_>,
    state: TriageState,
    after: &PageKey,
    limit: u32,
) -> rusqlite::Result<Vec<PageKey>> {
    let state = state.word();
    let mut values = bound.values();
    values.extend([(":state", &state as &dyn ToSql), (":limit", &limit)]);
    match after.sort {
        Sort::Priority => values.extend([
            (":after_severity", &after.severity as &dyn ToSql),
            (":after_persons", &after.persons),
        ]),
        Sort::Opened | Sort::Updated => values.push((":after_at", &after.at)),
    }
    values.push((":after_id", &after.id));
    let sort = after.sort;
    let found = |row: &Row<'_>| {
        let (severity, persons) = (row.get(0)?, row.get(1)?);
        Ok(PageKey { sort, severity, persons, at: row.get(2)?, id: row.get(3)? })
    };
    conn.prepare_cached(&keys_sql(sort, bound))?.query_map(&*values, found)?.collect()
}

fn keys_sql(sort: Sort, bound: &Bound<'_>) -> String {
    let (order, key) = sort.columns();
    let least = match sort {
        Sort::Priority => ":after_severity, :after_persons",
        Sort::Opened | Sort::Updated => ":after_at",
    };
    let descending = format!("{} DESC, alert.id DESC", order.replace(',', " DESC,"));
    format!(
        "SELECT {key}, alert.id FROM alert WHERE {MATCHING}{} AND ({order}, alert.id) < \
         ({least}, :after_id) ORDER BY {descending} LIMIT :limit",
        bound.words_sql()
    )
}

/// Alerts of one state and severity, counted to one more than [`COUNT_MAX`].
fn count_of(
    conn: &Connection,
    bound: &Bound<'_>,
    state: TriageState,
    severity: Severity,
) -> rusqlite::Result<u32> {
    let text = format!(
        "SELECT count(*) FROM (SELECT 1 FROM alert WHERE {MATCHING}{} AND severity = :severity \
         LIMIT :limit)",
        bound.words_sql()
    );
    let (state, severity, limit) = (state.word(), severity as i64, COUNT_MAX + 1);
    let mut values = bound.values();
    values.extend([(":state", &state as &dyn ToSql), (":severity", &severity), (":limit", &limit)]);
    let Unsigned(found) = conn.prepare_cached(&text)?.query_row(&*values, |row| row.get(0))?;
    Ok(u32::try_from(found).unwrap_or(u32::MAX))
}

/// A filter as the parameters of [`MATCHING`].
struct Bound<'a> {
    wanted: &'a [TriageState],
    severity_min: i64,
    status: Option<&'a str>,
    entity_kind: Option<&'a str>,
    entity_id: Option<&'a str>,
    partner: Option<&'a str>,
    unit: Option<&'a str>,
    nobody: bool,
    assignee: Option<&'a str>,
    historical: Option<bool>,
    /// As typed and in lower case, with the names of their parameters.
    words: Vec<[(String, String); 2]>,
}

impl<'a> Bound<'a> {
    fn new(filter: &AlertFilter<'a>) -> Bound<'a> {
        let words = filter.text.unwrap_or_default().split_whitespace().take(WORDS_MAX);
        let word = |(at, word): (usize, &str)| {
            let lower = word.to_lowercase();
            [(format!(":word{at}"), word.to_owned()), (format!(":lower{at}"), lower)]
        };
        Bound {
            wanted: filter.states,
            severity_min: filter.severity_min.map_or(0, |severity| severity as i64),
            status: filter.status.map(status_word),
            entity_kind: filter.entity.map(|entity| entity.kind.word()),
            entity_id: filter.entity.map(|entity| entity.id.as_str()),
            partner: filter.partner,
            unit: filter.unit,
            nobody: filter.assignee == Some(Assignee::Nobody),
            assignee: match filter.assignee {
                Some(Assignee::Person(name)) => Some(name),
                Some(Assignee::Nobody) | None => None,
            },
            historical: filter.historical,
            words: words.enumerate().map(word).collect(),
        }
    }

    fn states(&self) -> impl Iterator<Item = TriageState> {
        let any = self.wanted.is_empty();
        TriageState::ALL.into_iter().filter(move |state| any || self.wanted.contains(state))
    }

    fn words_sql(&self) -> String {
        let one = |[(word, _), (lower, _)]: &[(String, String); 2]| {
            format!(
                " AND (instr(search, {lower}) > 0 OR alert.id IN \
                 (SELECT id FROM alert_place WHERE kind IN ('ip', 'device') AND value = {word}))"
            )
        };
        self.words.iter().map(one).collect()
    }

    fn values(&self) -> Vec<(&str, &dyn ToSql)> {
        let mut values: Vec<(&str, &dyn ToSql)> = vec![
            (":severity_min", &self.severity_min),
            (":status", &self.status),
            (":entity_kind", &self.entity_kind),
            (":entity_id", &self.entity_id),
            (":partner", &self.partner),
            (":unit", &self.unit),
            (":nobody", &self.nobody),
            (":assignee", &self.assignee),
            (":historical", &self.historical),
        ];
        let words = self.words.iter().flatten();
        values.extend(words.map(|(name, word)| (name.as_str(), word as &dyn ToSql)));
        values
    }
}

#[cfg(test)]
mod tests;
