//! What we are told rather than observe: accounts, expected activity, caseloads, which unit
//! handles which person. Pure: the caller opens the files; what is loaded becomes control records.
//!
//! A file is taken whole or not at all, and tells everything that is wrong with it at once.
//! Persons are pseudonymised while they are read.

mod table;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decode::{Pseudonymiser, parse_date};
use table::{Columns, Row, read};
pub use table::{DirectoryError, Problem};

/// What `accounts.csv` says of one account. It wins over the event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEntry {
    /// Network the account belongs to.
    pub partner: Option<String>,
    /// Site or body.
    pub unit: Option<String>,
    /// Job of the account.
    pub role: Option<String>,
    /// A machine's key rather than a person's login.
    pub machine: bool,
    /// First day on which the account should act, in days since 1970-01-01.
    pub starts_on: Option<i32>,
    /// Last day on which the account should act, in days since 1970-01-01.
    pub ends_on: Option<i32>,
    /// Never to be suspended by us.
    pub protected: bool,
}

/// `accounts.csv` by account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts(pub BTreeMap<String, AccountEntry>);

/// Activity somebody answers for, from `expected.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Whose activity.
    pub scope: Scope,
    /// Persons a day up to which it is expected.
    pub ceiling: u64,
    /// First day it holds for, in days since 1970-01-01; `None`: since ever.
    pub from: Option<i32>,
    /// Last day it holds for, in days since 1970-01-01; `None`: until further notice.
    pub to: Option<i32>,
    /// Who says so.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// Whose activity a line of `expected.csv` is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// `account:cap00412`
    Account(String),
    /// `unit:cap-emploi-75`
    Unit(String),
    /// `partner:cap-emploi`
    Partner(String),
    /// `role:cap-adviser`
    Role(String),
    /// `group:cap-emploi/cap-adviser`: the peers of one partner and role.
    Group {
        /// The partner.
        partner: String,
        /// The role.
        role: String,
    },
}

/// `caseload.csv`: which account accompanies which person (its 32-bit fingerprint), in order,
/// each pair once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caseload(pub Vec<(String, u32)>);

/// `persons.csv`: the person's fingerprint, the unit that usually handles it, and the last day it
/// did so (days since 1970-01-01), in the order of the fingerprints, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonUnits(pub Vec<(u32, String, Option<i32>)>);

/// Whether a reload loses so much (more than 10 % of the rows) that the file is likelier broken
/// than right: the last good one stays.
#[must_use]
pub fn shrinks_too_much(old_rows: usize, new_rows: usize) -> bool {
    (new_rows as u128) * 10 < (old_rows as u128) * 9
}

impl Accounts {
    /// Reads `accounts.csv`; `file` names it in errors.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Accounts, DirectoryError> {
        const COLUMNS: Columns = Columns {
            required: &["account"],
            optional: &["partner", "unit", "role", "kind", "starts_on", "ends_on", "protected"],
        };
        let mut accounts = BTreeMap::new();
        let mut first_lines = BTreeMap::new();
        read(file, bytes, COLUMNS, |row| {
            let entry = account_entry(row);
            let Some(account) = row.required("account") else {
                return;
            };
            if let Some(first) = first_lines.get(account) {
                let problem = format!("is already on line {first}: keep one of the two lines");
                return row.problem("account", &problem);
            }
            first_lines.insert(account.to_owned(), row.line());
            accounts.insert(account.to_owned(), entry);
        })?;
        Ok(Accounts(accounts))
    }
}

fn account_entry(row: &mut Row<'_>) -> AccountEntry {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let entry = AccountEntry {
        partner: owned(row.get("partner")),
        unit: owned(row.get("unit")),
        role: owned(row.get("role")),
        machine: row.word("kind", &[("human", false), ("machine", true)]).unwrap_or(false),
        starts_on: date(row, "starts_on"),
        ends_on: date(row, "ends_on"),
        protected: row.word("protected", &YES_NO).unwrap_or(false),
    };
    check_order(row, ("starts_on", entry.starts_on), ("ends_on", entry.ends_on));
    entry
}

const YES_NO: [(&str, bool); 6] =
    [("true", true), ("false", false), ("yes", true), ("no", false), ("1", true), ("0", false)];

/// Reads `expected.csv`; `file` names it in errors.
///
/// # Errors
/// Everything that is wrong with it. Author and reason are part of a declaration.
pub fn read_expected(file: &str, bytes: &[u8]) -> Result<Vec<Expected>, DirectoryError> {
    const COLUMNS: Columns =
        Columns { required: &["scope", "ceiling", "author", "reason"], optional: &["from", "to"] };
    let mut all = Vec::new();
    read(file, bytes, COLUMNS, |row| {
        let scope = row.required("scope").and_then(|text| {
            let scope = Scope::parse(text);
            if scope.is_none() {
                row.problem(
                    "scope",
                    "is no scope: write account:NAME, unit:NAME, partner:NAME, role:NAME or \
                     group:PARTNER/ROLE",
                );
            }
            scope
        });
        let ceiling = row.required("ceiling").and_then(|text| {
            let ceiling = text.parse().ok();
            if ceiling.is_none() {
                row.problem("ceiling", "is no number of persons a day: write a whole number");
            }
            ceiling
        });
        let (from, to) = (date(row, "from"), date(row, "to"));
        check_order(row, ("from", from), ("to", to));
        let (author, reason) = (row.required("author"), row.required("reason"));
        let (Some(scope), Some(ceiling), Some(author), Some(reason)) =
            (scope, ceiling, author, reason)
        else {
            return;
        };
        let (author, reason) = (author.to_owned(), reason.to_owned());
        all.push(Expected { scope, ceiling, from, to, author, reason });
    })?;
    Ok(all)
}

impl Caseload {
    /// Reads `caseload.csv`; `file` names it in errors.
    ///
    /// # Errors
    /// Everything that is wrong with it; no person is in the error.
    pub fn read(
        file: &str,
        bytes: &[u8],
        pseudonymiser: &Pseudonymiser,
    ) -> Result<Caseload, DirectoryError> {
        const COLUMNS: Columns = Columns { required: &["account", "person"], optional: &[] };
        let mut pairs = Vec::new();
        read(file, bytes, COLUMNS, |row| {
            let (account, person) = (row.required("account"), row.required("person"));
            if let (Some(account), Some(person)) = (account, person) {
                pairs.push((account.to_owned(), pseudonymiser.person(person).fingerprint()));
            }
        })?;
        pairs.sort_unstable();
        pairs.dedup();
        Ok(Caseload(pairs))
    }
}

impl PersonUnits {
    /// Reads `persons.csv`; `file` names it in errors. Of several lines for one person the one
    /// with the latest `last_active` counts, and the later line of equal ones.
    ///
    /// # Errors
    /// Everything that is wrong with it; no person is in the error.
    pub fn read(
        file: &str,
        bytes: &[u8],
        pseudonymiser: &Pseudonymiser,
    ) -> Result<PersonUnits, DirectoryError> {
        const COLUMNS: Columns =
            Columns { required: &["person", "unit"], optional: &["last_active"] };
        let mut rows = Vec::new();
        read(file, bytes, COLUMNS, |row| {
            let last_active = date(row, "last_active");
            let (person, unit) = (row.required("person"), row.required("unit"));
            if let (Some(person), Some(unit)) = (person, unit) {
                let fingerprint = pseudonymiser.person(person).fingerprint();
                rows.push((fingerprint, unit.to_owned(), last_active));
            }
        })?;
        // The sort is stable, so that turned round the best line of each person comes first.
        rows.sort_by_key(|(fingerprint, _, last_active)| (*fingerprint, *last_active));
        rows.reverse();
        rows.dedup_by_key(|(fingerprint, _, _)| *fingerprint);
        rows.reverse();
        Ok(PersonUnits(rows))
    }
}

impl Scope {
    /// Reads `account:NAME`, `unit:NAME`, `partner:NAME`, `role:NAME` or `group:PARTNER/ROLE`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Scope> {
        let (kind, name) = text.split_once(':')?;
        let name = name.trim();
        if name.is_empty() {
            return None;
        }
        let owned = name.to_owned();
        Some(match kind.trim() {
            "account" => Scope::Account(owned),
            "unit" => Scope::Unit(owned),
            "partner" => Scope::Partner(owned),
            "role" => Scope::Role(owned),
            "group" => {
                let (partner, role) = name.split_once('/')?;
                if partner.is_empty() || role.is_empty() {
                    return None;
                }
                Scope::Group { partner: partner.to_owned(), role: role.to_owned() }
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Account(name) => write!(f, "account:{name}"),
            Scope::Unit(name) => write!(f, "unit:{name}"),
            Scope::Partner(name) => write!(f, "partner:{name}"),
            Scope::Role(name) => write!(f, "role:{name}"),
            Scope::Group { partner, role } => write!(f, "group:{partner}/{role}"),
        }
    }
}

fn date(row: &mut Row<'_>, column: &'static str) -> Option<i32> {
    let text = row.get(column)?;
    let days = parse_date(text);
    if days.is_none() {
        row.problem(column, "is no date: write YYYY-MM-DD, or leave it empty");
    }
    days
}

fn check_order(
    row: &mut Row<'_>,
    (first, from): (&'static str, Option<i32>),
    (last, to): (&'static str, Option<i32>),
) {
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        row.problem(last, &format!("lies before {first}: exchange the two dates"));
    }
}

#[cfg(test)]
mod tests;
