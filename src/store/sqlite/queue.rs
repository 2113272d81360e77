//! The queue: which alerts, in which order, page by page, and how many there are.
//!
//! Every state has its own range in the index of each order, so a page is a merge of at most four
//! ranges, each read from where the last page ended: no sort, and no row read that is not shown.
//! A search for a rare word looks at the alerts that have it; one for a frequent word, and whatever
//! else only the widest index holds, walks that one until there is enough.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};

use super::read::{COLUMNS, FROM, stored_alert};
use super::{Reader, SEVERITIES, StoreError, StoredAlert, TriageState};
use crate::alert::{Entity, Severity, Status};

mod bound;
mod search;

use bound::Bound;

/// Most alerts of one page.
pub const PAGE_ROWS_MAX: u32 = 1_000;

/// Alerts are counted up to here; nobody works off more, and counting all would take as long as
/// reading all.
pub const COUNT_MAX: u32 = 1_000;

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

    /// Above every alert.
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
    /// Where the page before ends; `None`: this is the first.
    pub previous: Option<PageKey>,
}

/// Which way a list is read from a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Down,
    Up,
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
        let given = after.filter(|key| key.sort == sort);
        let rows = rows.clamp(1, PAGE_ROWS_MAX);
        self.read(|conn| {
            // One moment for all states: an alert that changes state is neither missed nor doubled.
            let tx = conn.unchecked_transaction()?;
            let bound = Bound::new(filter).look_up(&tx)?;
            let (keys, more) = keys(&tx, &bound, given.unwrap_or(&start), Way::Down, rows)?;
            let next = keys.last().filter(|_| more).cloned();
            let previous = keys.first().filter(|_| given.is_some()).cloned();
            Ok(Page { alerts: alerts_at(&tx, &keys)?, next, previous })
        })
    }

    /// The page of alerts that ends before a key, as [`Reader::alerts`] has it. Where there are
    /// fewer than `rows` before it, or the key is of another order, this is the first page.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn alerts_before(
        &self,
        filter: &AlertFilter<'_>,
        sort: Sort,
        before: &PageKey,
        rows: u32,
    ) -> Result<Page, StoreError> {
        let rows = rows.clamp(1, PAGE_ROWS_MAX);
        let page = self.read(|conn| {
            let tx = conn.unchecked_transaction()?;
            let bound = Bound::new(filter).look_up(&tx)?;
            let (mut keys, more) = keys(&tx, &bound, before, Way::Up, rows)?;
            keys.reverse();
            let next = keys.last().cloned();
            let previous = keys.first().filter(|_| more).cloned();
            Ok(Page { alerts: alerts_at(&tx, &keys)?, next, previous })
        })?;
        if before.sort != sort || page.alerts.len() < rows as usize {
            return self.alerts(filter, sort, None, rows);
        }
        Ok(page)
    }

    /// How many alerts match, by state and severity, each up to [`COUNT_MAX`].
    ///
    /// # Errors
    /// The disk refuses.
    pub fn counts(&self, filter: &AlertFilter<'_>) -> Result<Counts, StoreError> {
        self.read(|conn| {
            let tx = conn.unchecked_transaction()?;
            let any = AlertFilter { severity_min: None, ..*filter };
            let bound = Bound::new(&any).look_up(&tx)?;
            let exact = Bound::new(filter).within(&bound);
            let least = filter.severity_min.map_or(0, |severity| severity as usize);
            let (mut states, mut severities, mut matching) = (BTreeMap::new(), [0; 5], 0u32);
            for state in TriageState::ALL {
                if !bound.wants(state) {
                    let found = count_capped(&tx, &exact, state, None)?;
                    states.insert(state, Count::of(found));
                    continue;
                }
                let found = counts_of(&tx, &bound, state)?;
                severities.iter_mut().zip(found).for_each(|(sum, n): (&mut u32, u32)| *sum += n);
                let in_state = found.iter().skip(least).sum();
                matching += in_state;
                states.insert(state, Count::of(in_state));
            }
            let severities = SEVERITIES.into_iter().zip(severities.map(Count::of)).collect();
            Ok(Counts { matching: Count::of(matching), states, severities })
        })
    }
}

/// Keys of `rows` alerts at most, the nearest to a key first, and whether there are more.
fn keys(
    conn: &Connection,
    bound: &Bound<'_>,
    from: &PageKey,
    way: Way,
    rows: u32,
) -> rusqlite::Result<(Vec<PageKey>, bool)> {
    let mut keys = Vec::new();
    for state in TriageState::ALL.into_iter().filter(|state| bound.wants(*state)) {
        // One more than asked for tells whether there is another page.
        keys.extend(keys_of(conn, bound, state, from, way, rows + 1)?);
    }
    keys.sort_by(|a, b| match way {
        Way::Down => b.compare(a),
        Way::Up => a.compare(b),
    });
    let more = keys.len() > rows as usize;
    keys.truncate(rows as usize);
    Ok((keys, more))
}

fn alerts_at(conn: &Connection, keys: &[PageKey]) -> rusqlite::Result<Vec<StoredAlert>> {
    let which = format!("SELECT {COLUMNS} {FROM} WHERE alert.id = ?1");
    let mut statement = conn.prepare_cached(&which)?;
    keys.iter().map(|key| statement.query_row([&key.id], stored_alert)).collect()
}

/// Keys of the alerts in one state beyond a key, in order.
fn keys_of(
    conn: &Connection,
    bound: &Bound<'_>,
    state: TriageState,
    from: &PageKey,
    way: Way,
    limit: u32,
) -> rusqlite::Result<Vec<PageKey>> {
    let state = state.word();
    let mut values = bound.values();
    values.extend([(":state", &state as &dyn ToSql), (":limit", &limit)]);
    match from.sort {
        Sort::Priority => values.extend([
            (":from_severity", &from.severity as &dyn ToSql),
            (":from_persons", &from.persons),
        ]),
        Sort::Opened | Sort::Updated => values.push((":from_at", &from.at)),
    }
    values.push((":from_id", &from.id));
    let sort = from.sort;
    let found = |row: &Row<'_>| {
        let (severity, persons) = (row.get(0)?, row.get(1)?);
        Ok(PageKey { sort, severity, persons, at: row.get(2)?, id: row.get(3)? })
    };
    conn.prepare_cached(&keys_sql(sort, way, bound))?.query_map(&*values, found)?.collect()
}

fn keys_sql(sort: Sort, way: Way, bound: &Bound<'_>) -> String {
    let (columns, key) = sort.columns();
    let from = match sort {
        Sort::Priority => ":from_severity, :from_persons",
        Sort::Opened | Sort::Updated => ":from_at",
    };
    let (beyond, order) = match way {
        Way::Down => ("<", "DESC"),
        Way::Up => (">", "ASC"),
    };
    let ordered =
        format!("{} {order}, alert.id {order}", columns.replace(',', &format!(" {order},")));
    format!(
        "SELECT {key}, alert.id FROM {} WHERE {} AND ({columns}, alert.id) {beyond} \
         ({from}, :from_id) ORDER BY {ordered} LIMIT :limit",
        bound.from(sort),
        bound.matching()
    )
}

/// Alerts of one state by severity; each is right up to [`COUNT_MAX`] at least.
fn counts_of(
    conn: &Connection,
    bound: &Bound<'_>,
    state: TriageState,
) -> rusqlite::Result<[u32; 5]> {
    let mut counts = [0; 5];
    if !bound.needs_all {
        for (severity, count) in SEVERITIES.into_iter().zip(&mut counts) {
            *count = count_capped(conn, bound, state, Some(severity))?;
        }
        return Ok(counts);
    }
    // One walk of the widest index costs less than five.
    let text = format!(
        "SELECT severity, count(*) FROM {} WHERE {} GROUP BY severity",
        bound.from(Sort::Opened),
        bound.matching()
    );
    let state = state.word();
    let mut values = bound.values();
    values.push((":state", &state as &dyn ToSql));
    let mut statement = conn.prepare_cached(&text)?;
    let mut rows = statement.query(&*values)?;
    while let Some(row) = rows.next()? {
        if let Some(count) = counts.get_mut(usize::from(row.get::<_, u8>(0)?)) {
            *count = row.get(1)?;
        }
    }
    Ok(counts)
}

/// Alerts of one state, and one severity if asked for, counted to one more than [`COUNT_MAX`].
fn count_capped(
    conn: &Connection,
    bound: &Bound<'_>,
    state: TriageState,
    severity: Option<Severity>,
) -> rusqlite::Result<u32> {
    let sort = if bound.needs_all { Sort::Opened } else { Sort::Priority };
    let only = if severity.is_some() { " AND severity = :severity" } else { "" };
    let text = format!(
        "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {}{only} LIMIT :limit)",
        bound.from(sort),
        bound.matching()
    );
    let (state, severity, limit) = (state.word(), severity.map(|s| s as i64), COUNT_MAX + 1);
    let mut values = bound.values();
    values.extend([(":state", &state as &dyn ToSql), (":limit", &limit)]);
    if severity.is_some() {
        values.push((":severity", &severity));
    }
    conn.prepare_cached(&text)?.query_row(&*values, |row| row.get(0))
}

#[cfg(test)]
mod tests;
