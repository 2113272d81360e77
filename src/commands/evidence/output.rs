//! The list as CSV or as one JSON document, on standard output or in a private file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::ser::SerializeSeq;

use super::ledger::{Found, List, Listed};
use super::route::ROUTES;
use crate::alert::Exposure;
use crate::commands::Failure;
use crate::triage::rfc3339;

/// Where the list goes.
pub(super) enum Sink {
    Stdout(BufWriter<io::Stdout>),
    File { path: PathBuf, file: BufWriter<File> },
}

/// Evidence is never written over anything; said before the log is read.
pub(super) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::Failed(format!(
            "{}: exists already, and evidence is not written over it; choose another name",
            path.display()
        ))),
        Err(_) => Ok(()),
    }
}

impl Sink {
    pub(super) fn open(out: Option<&Path>) -> Result<Sink, Failure> {
        let Some(path) = out else {
            return Ok(Sink::Stdout(BufWriter::new(io::stdout())));
        };
        refuse_existing(path)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| unwritable(path, &error))?;
        Ok(Sink::File { path: path.into(), file: BufWriter::new(file) })
    }

    /// The list is whole, and durable where it is a file.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Sink::Stdout(mut out) => Ok(out.flush()?),
            Sink::File { path, mut file } => {
                let done = file.flush().and_then(|()| file.get_ref().sync_all());
                done.map_err(|error| unwritable(&path, &error))
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Stdout(out) => out.write(bytes),
            Sink::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Stdout(out) => out.flush(),
            Sink::File { file, .. } => file.flush(),
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("{}: cannot be written: {error}", path.display()))
}

/// `person,first_seen,last_seen,accesses,alerts,sessions,devices,ips`, a person a line; several alerts
/// with a space between, several of the others, whose names may have spaces, with a bar. Identifiers
/// are exactly those of the log, so a spreadsheet may take one for a formula.
pub(super) fn csv(list: &List, out: &mut impl Write) -> Result<(), Failure> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(
        ["person", "first_seen", "last_seen", "accesses", "alerts"].iter().chain(&ROUTES),
    )?;
    for person in &list.persons {
        let (first, last) = (rfc3339(person.first), rfc3339(person.last));
        let (accesses, alerts) = (person.accesses.to_string(), list.ids(person).join(" "));
        let through = list.through(person).map(|names| names.join("|"));
        let row = [&*person.name, &first, &last, &accesses, &alerts];
        rows.write_record(row.into_iter().chain(through.iter().map(String::as_str)))?;
    }
    Ok(rows.flush()?)
}

/// The same as one document.
pub(super) fn json(list: &List, out: &mut impl Write) -> Result<(), Failure> {
    let alerts = list.alerts.iter().map(AlertEntry::of).collect();
    let document =
        Document { alerts, union: list.persons.len(), raw: list.raw, persons: Persons(list) };
    serde_json::to_writer(&mut *out, &document)?;
    Ok(out.write_all(b"\n")?)
}

#[derive(Serialize)]
struct Document<'a> {
    alerts: Vec<AlertEntry<'a>>,
    /// Distinct persons of all alerts together.
    union: usize,
    raw: bool,
    persons: Persons<'a>,
}

#[derive(Serialize)]
struct AlertEntry<'a> {
    id: &'a str,
    revision: u32,
    kind: &'static str,
    entity: &'a str,
    /// Distinct persons, exactly.
    persons: u64,
    /// Records returned, repeats included.
    records: u64,
    /// Records that name nobody.
    unidentified: u64,
    /// What the alert says.
    estimate: Estimate,
}

#[derive(Serialize)]
struct Estimate {
    persons: u64,
    low: u64,
    high: u64,
}

impl<'a> AlertEntry<'a> {
    fn of(found: &'a Found) -> AlertEntry<'a> {
        let Exposure { persons, low, high, .. } = found.alert.exposure;
        AlertEntry {
            id: &found.alert.id,
            revision: found.alert.revision,
            kind: found.alert.entity.kind.word(),
            entity: &found.alert.entity.id,
            persons: found.persons,
            records: found.counts.records,
            unidentified: found.counts.nameless,
            estimate: Estimate { persons, low, high },
        }
    }
}

/// Written one by one: there may be millions.
struct Persons<'a>(&'a List);

impl Serialize for Persons<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.0.persons.len()))?;
        for person in &self.0.persons {
            let [sessions, devices, ips] = self.0.through(person);
            all.serialize_element(&PersonEntry {
                person: &person.name,
                first_seen: rfc3339(person.first),
                last_seen: rfc3339(person.last),
                accesses: person.accesses,
                alerts: self.0.ids(person),
                sessions,
                devices,
                ips,
            })?;
        }
        all.end()
    }
}

#[derive(Serialize)]
struct PersonEntry<'a> {
    person: &'a str,
    first_seen: String,
    last_seen: String,
    accesses: u32,
    alerts: Vec<&'a str>,
    sessions: Vec<&'a str>,
    devices: Vec<&'a str>,
    ips: Vec<&'a str>,
}

impl List {
    /// Through what a person was read, by kind.
    fn through(&self, person: &Listed) -> [Vec<&str>; 3] {
        std::array::from_fn(|kind| self.routes[kind].names(person.through[kind]).collect())
    }

    fn ids(&self, person: &Listed) -> Vec<&str> {
        person.alerts.iter().map(|index| self.alerts[*index].alert.id.as_str()).collect()
    }
}
