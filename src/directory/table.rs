//! A CSV file as rows with named columns, and what is wrong with it, with line and column.

use std::collections::BTreeSet;
use std::fmt;

use csv::StringRecord;

/// Problems of one file that are kept; the rest are only counted.
const PROBLEMS_SHOWN_MAX: usize = 20;

/// Everything that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.listing())]
pub struct DirectoryError {
    /// Its name, as given.
    pub file: String,
    /// The first ones, at most 20.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, from 1.
    pub line: u64,
    /// The column, when it is about one.
    pub column: Option<String>,
    /// What is wrong and how to put it right. Holds no person.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.problem),
            None => write!(f, "line {}: {}", self.line, self.problem),
        }
    }
}

impl DirectoryError {
    fn listing(&self) -> String {
        let mut lines: Vec<String> =
            self.problems.iter().map(|problem| format!("{}: {problem}", self.file)).collect();
        if self.more > 0 {
            lines.push(format!("{}: and {} more", self.file, self.more));
        }
        lines.join("\n")
    }

    fn add(&mut self, line: u64, column: Option<&str>, problem: &str) {
        if self.problems.len() >= PROBLEMS_SHOWN_MAX {
            self.more += 1;
            return;
        }
        let (column, problem) = (column.map(str::to_owned), problem.to_owned());
        self.problems.push(Problem { line, column, problem });
    }
}

/// The columns of a file, in any order.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    /// Must be in the header, and filled in every row that asks for it.
    pub(super) required: &'static [&'static str],
    pub(super) optional: &'static [&'static str],
}

/// One row of a file.
pub(super) struct Row<'r> {
    header: &'r [String],
    record: &'r StringRecord,
    line: u64,
    problems: &'r mut DirectoryError,
}

impl<'r> Row<'r> {
    /// Line of the file, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The value, trimmed; `None` when it is empty or there is no such column.
    pub(super) fn get(&self, column: &str) -> Option<&'r str> {
        let at = self.header.iter().position(|name| name == column)?;
        self.record.get(at).filter(|value| !value.is_empty())
    }

    /// The value; an empty one is a problem.
    pub(super) fn required(&mut self, column: &'static str) -> Option<&'r str> {
        let value = self.get(column);
        if value.is_none() {
            self.problem(column, "is empty: fill it in, or take the line out");
        }
        value
    }

    /// The meaning of a word, in any case; another word is a problem.
    pub(super) fn word<T: Copy>(&mut self, column: &'static str, words: &[(&str, T)]) -> Option<T> {
        let value = self.get(column)?;
        let known = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value));
        if known.is_none() {
            let choices = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            self.problem(column, &format!("\"{value}\" is not known: choose one of {choices}"));
        }
        known.map(|(_, meaning)| *meaning)
    }

    /// Notes what is wrong with a column of this row.
    pub(super) fn problem(&mut self, column: &'static str, problem: &str) {
        self.problems.add(self.line, Some(column), problem);
    }
}

/// Calls `each` for every row that has something in it. Commas or semicolons, a byte order mark
/// and any order of the columns are fine.
pub(super) fn read(
    file: &str,
    bytes: &[u8],
    columns: Columns,
    mut each: impl FnMut(&mut Row<'_>),
) -> Result<(), DirectoryError> {
    let mut problems = DirectoryError { file: file.to_owned(), problems: Vec::new(), more: 0 };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(bytes))
        .flexible(true)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut rows = reader.records();
    let Some(header) = rows.next().map(|row| header(row, columns, &mut problems)) else {
        let names = columns.required.join(", ");
        problems.add(
            1,
            None,
            &format!("the file is empty: its first line names the columns {names}"),
        );
        return Err(problems);
    };
    if !problems.problems.is_empty() {
        return Err(problems);
    }
    let mut lines = Lines { bytes, at: 0, line: 1 };
    for row in rows {
        let record = match row {
            Ok(record) => record,
            Err(error) => {
                problems.add(lines.of(error.position()), None, &unreadable(&error));
                continue;
            }
        };
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = lines.of(record.position());
        if record.len() != header.len() {
            let (found, expected) = (record.len(), header.len());
            let problem = format!(
                "{found} values for {expected} columns: quote values that hold the separator"
            );
            problems.add(line, None, &problem);
            continue;
        }
        each(&mut Row { header: &header, record: &record, line, problems: &mut problems });
    }
    if problems.problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Spreadsheets of half of Europe write semicolons.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |delimiter| header.iter().filter(|b| **b == delimiter).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

fn header(
    row: Result<StringRecord, csv::Error>,
    columns: Columns,
    problems: &mut DirectoryError,
) -> Vec<String> {
    let names: Vec<String> = match row {
        Ok(record) => record.iter().map(str::to_owned).collect(),
        Err(error) => {
            problems.add(1, None, &unreadable(&error));
            return Vec::new();
        }
    };
    let known: Vec<&str> = columns.required.iter().chain(columns.optional).copied().collect();
    let mut seen = BTreeSet::new();
    for name in &names {
        if !known.contains(&name.as_str()) {
            let choices = known.join(", ");
            problems.add(1, Some(name), &format!("unknown column: choose among {choices}"));
        } else if !seen.insert(name) {
            problems.add(1, Some(name), "the column is there twice: take one out");
        }
    }
    for required in columns.required {
        if !names.iter().any(|name| name == required) {
            problems.add(1, Some(required), "the column is missing: add it to the first line");
        }
    }
    names
}

/// Counts lines on the way through a file. The library's own count is that of the end of the row
/// before, which is another line where empty ones lie between.
struct Lines<'b> {
    bytes: &'b [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let before = position.and_then(|p| usize::try_from(p.byte()).ok()).unwrap_or(self.at);
        let is_end = |b: &&u8| matches!(b, b'\r' | b'\n');
        let empty = self.bytes.iter().skip(before).take_while(is_end).count();
        let passed = self.bytes.get(self.at..before + empty).unwrap_or_default();
        self.line += passed.iter().filter(|b| **b == b'\n').count() as u64;
        self.at = self.at.max(before + empty);
        self.line
    }
}

/// In our words: the library's may show the text.
fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8: save the file as \"CSV UTF-8\"".to_owned(),
        _ => "not a CSV line".to_owned(),
    }
}
