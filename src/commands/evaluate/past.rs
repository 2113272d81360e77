//! A real history in memory: an integer extract as CSV (`ts` or `ts_ms`, `org`, `account`,
//! `record`), or native events.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::commands::Failure;
use crate::commands::setup::Setup;
use crate::decode::{PseudonymKey, Pseudonymiser};
use crate::detect::time::Calendar;
use crate::evaluate::injections::AccountDay;
use crate::event::{AccessEvent, Action, Person, TimestampMs};
use crate::ingest::{Batch, FileOptions, FileSource, Source, SourceEvent};

/// One event of the history.
#[derive(Clone, Copy, Debug)]
struct Access {
    time: TimestampMs,
    account: u32,
    partner: u32,
    unit: u32,
    role: u32,
    action: Action,
    from: u32,
    to: u32,
    unnamed: u32,
}

/// Everything that is needed of a log.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) name: String,
    accesses: Vec<Access>,
    persons: Vec<Person>,
    /// Accounts, partners, units and roles by number; 0 is "not said".
    words: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
    /// Days of accounts, in order of their first events.
    pub(super) days: Vec<AccountDay>,
}

/// A row of an extract.
struct Row {
    time: TimestampMs,
    org: u32,
    account: u32,
    record: Box<str>,
}

impl Past {
    /// Reads a history whole.
    pub(super) fn read(path: &Path, setup: &Setup) -> Result<Past, Failure> {
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let name = file.split('.').next().unwrap_or("history").to_owned();
        let mut past = Past { name, ..Past::default() };
        past.number("");
        let wrong = |problem: String| Failure::Failed(format!("{}: {problem}", path.display()));
        if file.contains(".csv") {
            let mut rows = Vec::new();
            let mut columns = None;
            lines(path, |line| {
                match &columns {
                    None => columns = Some(Columns::of(line)?),
                    Some(columns) => rows.push(columns.row(line, &mut past)?),
                }
                Ok(())
            })
            .map_err(wrong)?;
            past.take_rows(rows, &setup.config.source.namespace);
        } else {
            let mut decoder = setup.decoder(PseudonymKey::PUBLIC)?;
            lines(path, |line| {
                if let Ok(decoded) = decoder.decode(line) {
                    past.take_event(&decoded.event);
                }
                Ok(())
            })
            .map_err(wrong)?;
            past.accesses.sort_by_key(|a| a.time);
        }
        if past.accesses.is_empty() {
            return Err(wrong("holds no event".to_owned()));
        }
        past.find_days(&setup.config.detection.zone).map_err(Failure::Failed)?;
        Ok(past)
    }

    fn number(&mut self, word: &str) -> u32 {
        if let Some(known) = self.numbers.get(word) {
            return *known;
        }
        let next = self.words.len() as u32;
        self.words.push(word.into());
        self.numbers.insert(word.into(), next);
        next
    }

    /// Name of an account.
    pub(super) fn word(&self, number: u32) -> &str {
        &self.words[number as usize]
    }

    /// How many words there are: accounts are numbered below it.
    pub(super) fn numbers(&self) -> u32 {
        self.words.len() as u32
    }

    /// How many accounts.
    pub(super) fn accounts(&self) -> u32 {
        self.days.iter().map(|d| d.account).collect::<HashSet<_>>().len() as u32
    }

    /// First and last event.
    pub(super) fn span(&self) -> (TimestampMs, TimestampMs) {
        let at = |access: Option<&Access>| access.map_or(0, |a| a.time);
        (at(self.accesses.first()), at(self.accesses.last()))
    }

    /// Rows of one account and second become one event, as a search page would be.
    fn take_rows(&mut self, mut rows: Vec<Row>, namespace: &str) {
        let pseudonymiser = Pseudonymiser::new(PseudonymKey::PUBLIC, namespace);
        let role = self.number("staff");
        rows.sort_by_key(|r| (r.time, r.org, r.account));
        for page in rows.chunk_by(|a, b| (a.time, a.org, a.account) == (b.time, b.org, b.account)) {
            let from = self.persons.len() as u32;
            let mut seen = HashSet::new();
            for row in page.iter().filter(|row| seen.insert(&row.record)) {
                self.persons.push(pseudonymiser.person(&row.record));
            }
            let to = self.persons.len() as u32;
            let action = if to - from == 1 { Action::View } else { Action::List };
            let Row { time, org, account, .. } = page[0];
            let (partner, unit, unnamed) = (org, 0, 0);
            self.accesses.push(Access {
                time,
                account,
                partner,
                unit,
                role,
                action,
                from,
                to,
                unnamed,
            });
        }
    }

    fn take_event(&mut self, event: &AccessEvent<'_>) {
        let Some(account) = event.account.as_deref() else { return };
        let from = self.persons.len() as u32;
        self.persons.extend_from_slice(event.persons);
        let mut number =
            |word: &Option<std::borrow::Cow<'_, str>>| self.number(word.as_deref().unwrap_or(""));
        let (partner, unit, role) =
            (number(&event.partner), number(&event.unit), number(&event.role));
        let account = self.number(account);
        self.accesses.push(Access {
            time: event.time,
            account,
            partner,
            unit,
            role,
            action: event.action,
            from,
            to: self.persons.len() as u32,
            unnamed: u32::try_from(event.unidentified).unwrap_or(u32::MAX),
        });
    }

    fn find_days(&mut self, zone: &str) -> Result<(), String> {
        let mut calendar = Calendar::new(zone)?;
        let mut active: BTreeMap<u32, u32> = BTreeMap::new();
        let mut open: HashMap<u32, (usize, HashSet<u64>)> = HashMap::new();
        for access in &self.accesses {
            let day = calendar.day_of(access.time);
            let known = open.get(&access.account).map(|(index, _)| self.days[*index].day);
            if known.is_none_or(|known| known < day.day) {
                let before = active.entry(access.account).or_default();
                open.insert(access.account, (self.days.len(), HashSet::new()));
                self.days.push(AccountDay {
                    account: access.account,
                    day: day.day,
                    first_ms: access.time,
                    end_ms: day.end_ms,
                    records: 0,
                    before: *before,
                });
                *before += 1;
            }
            if let Some((index, seen)) = open.get_mut(&access.account) {
                let persons = &self.persons[access.from as usize..access.to as usize];
                seen.extend(persons.iter().map(|p| p.id));
                self.days[*index].records = seen.len() as u32;
            }
        }
        Ok(())
    }

    /// Plays the history up to a moment with extra events of accounts in between, all in order;
    /// `see` is given the number of the account and the label of the extra.
    pub(super) fn play(
        &self,
        extras: &[ExtraEvent],
        until: TimestampMs,
        mut see: impl FnMut(&AccessEvent<'_>, u64, u32, u16),
    ) {
        let mut waiting = extras.iter().peekable();
        // Whom an account was last seen as: its extras look the same.
        let mut last: HashMap<u32, Access> = HashMap::new();
        let mut position = 0;
        for access in self.accesses.iter().take_while(|a| a.time <= until) {
            while let Some(extra) = waiting.next_if(|extra| extra.time < access.time) {
                let usual = last.get(&extra.account).copied().unwrap_or(*access);
                let as_usual = Access {
                    time: extra.time,
                    account: extra.account,
                    action: Action::List,
                    unnamed: 0,
                    ..usual
                };
                position += 1;
                see(&self.event(&as_usual, &extra.persons), position, extra.account, extra.label);
            }
            let persons = &self.persons[access.from as usize..access.to as usize];
            position += 1;
            see(&self.event(access, persons), position, access.account, 0);
            last.insert(access.account, *access);
        }
    }

    fn event<'a>(&'a self, access: &Access, persons: &'a [Person]) -> AccessEvent<'a> {
        let said = |number: u32| (number > 0).then(|| self.word(number).into());
        AccessEvent {
            time: access.time,
            account: said(access.account),
            partner: said(access.partner),
            unit: said(access.unit),
            role: said(access.role),
            action: access.action,
            persons,
            persons_known: true,
            unidentified: u64::from(access.unnamed),
            persons_beyond: 0,
            unrelated: None,
            data: 0,
            population: 0,
            query: 0,
            resource: 0,
            ip: None,
            device: None,
            session: None,
            user_agent: None,
            outcome: crate::event::Outcome::Success,
        }
    }
}

/// An event that is laid over the history.
#[derive(Debug)]
pub(super) struct ExtraEvent {
    pub(super) time: TimestampMs,
    pub(super) account: u32,
    pub(super) persons: Vec<Person>,
    pub(super) label: u16,
}

/// Where the columns of an extract are.
struct Columns {
    time: usize,
    per_second: i64,
    org: usize,
    account: usize,
    record: usize,
}

impl Columns {
    fn of(line: &[u8]) -> Result<Columns, String> {
        let line = String::from_utf8_lossy(line);
        let names: Vec<&str> = line.trim().split(',').collect();
        let place = |name: &str| names.iter().position(|n| *n == name);
        let need = |name: &str| {
            place(name).ok_or_else(|| format!("has no column {name:?}; columns are {names:?}"))
        };
        let (time, per_second) = match place("ts_ms") {
            Some(time) => (time, 1),
            None => (need("ts")?, 1_000),
        };
        let (org, account, record) = (need("org")?, need("account")?, need("record")?);
        Ok(Columns { time, per_second, org, account, record })
    }

    fn row(&self, line: &[u8], past: &mut Past) -> Result<Row, String> {
        let line = String::from_utf8_lossy(line);
        let fields: Vec<&str> = line.trim().split(',').collect();
        let field = |place: usize| {
            fields.get(place).copied().ok_or_else(|| format!("row {line:?} is too short"))
        };
        let time: i64 = field(self.time)?.parse().map_err(|_| format!("no time in {line:?}"))?;
        // As `to_events.py` names them.
        let org = past.number(&format!("{}-{}", past.name, field(self.org)?));
        let account = past.number(&format!("a{}", field(self.account)?));
        let record = format!("r{}", field(self.record)?).into();
        Ok(Row { time: time * self.per_second, org, account, record })
    }
}

/// Calls `take` with every line of a file, compressed or not.
fn lines(path: &Path, mut take: impl FnMut(&[u8]) -> Result<(), String>) -> Result<(), String> {
    let options = FileOptions { paths: vec![path.to_owned()], ..FileOptions::default() };
    let mut source = FileSource::open(options, None).map_err(|e| e.to_string())?;
    let mut arena = Batch::default();
    loop {
        match source.next(std::mem::take(&mut arena)).map_err(|e| e.to_string())? {
            SourceEvent::Batch(batch) => {
                for line in &batch.lines {
                    take(batch.text(*line))?;
                }
                arena = batch;
            }
            SourceEvent::Notice(notice) => return Err(format!("cannot be read whole: {notice:?}")),
            SourceEvent::Idle => {}
            SourceEvent::End => return Ok(()),
        }
    }
}
