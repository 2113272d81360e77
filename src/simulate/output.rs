//! One simulated access, and its two ways out: a line of the event contract, or the same event
//! in memory as decoding that line would give it.

use std::borrow::Cow;

use super::World;
use super::persons::{self, POPULATION_CODES, PersonNumber};
use crate::event::{
    AccessEvent, Action, DATA_CLASSES, Outcome, PERSONS_PER_EVENT_MAX, Person, TimestampMs,
};

/// The account of an event that names none.
pub const NO_ACCOUNT: u32 = u32::MAX;

/// What an event says about persons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Persons {
    /// Nothing: there is no `records` field.
    Unknown,
    /// One person.
    One([PersonNumber; 1]),
    /// Any number, none included (a miss).
    Many(Box<[PersonNumber]>),
}

impl Persons {
    /// The persons returned.
    #[must_use]
    pub fn as_slice(&self) -> &[PersonNumber] {
        match self {
            Persons::Unknown => &[],
            Persons::One(person) => person,
            Persons::Many(persons) => persons,
        }
    }
}

/// One access of the simulated world, in numbers; names come from its [`World`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimEvent {
    /// When.
    pub time: TimestampMs,
    /// Index of the account, or [`NO_ACCOUNT`].
    pub account: u32,
    /// 0 for ordinary traffic, else 1 + index into the campaigns of the truth. Not in the JSON.
    pub label: u16,
    /// What was done.
    pub action: Action,
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// Who came back.
    pub persons: Persons,
    /// Records returned when they are more than `persons` names; 0: not said.
    pub record_count: u32,
    /// Classes shown, as bits.
    pub data: u32,
    /// IPv4 address; 0: not said.
    pub ip: u32,
    pub(super) seq: u32,
    pub(super) device: u32,
    pub(super) session: u32,
    pub(super) query: u8,
    pub(super) resource: u8,
    pub(super) agent: u8,
}

/// Search templates; index 0 is "not said".
pub(super) const QUERIES: [&str; 9] = [
    "",
    "nom+prenom",
    "nom+date-naissance",
    "identifiant",
    "portefeuille",
    "nir",
    "date-naissance+departement",
    "commune",
    "page-suivante",
];
pub(super) mod query {
    pub(in crate::simulate) const NAME: u8 = 1;
    pub(in crate::simulate) const BIRTH: u8 = 2;
    pub(in crate::simulate) const ID: u8 = 3;
    pub(in crate::simulate) const CASELOAD: u8 = 4;
    pub(in crate::simulate) const NIR: u8 = 5;
    pub(in crate::simulate) const SWEEP: u8 = 6;
    pub(in crate::simulate) const TOWN: u8 = 7;
    pub(in crate::simulate) const NEXT_PAGE: u8 = 8;
}

/// Endpoints; index 0 is "not said".
pub(super) const RESOURCES: [&str; 8] = [
    "",
    "/recherche",
    "/dossier",
    "/dossier/historique",
    "/dossier/entretiens",
    "/portefeuille",
    "/api/appariement",
    "/extraction",
];
pub(super) mod resource {
    pub(in crate::simulate) const SEARCH: u8 = 1;
    pub(in crate::simulate) const FILE: u8 = 2;
    pub(in crate::simulate) const CASELOAD: u8 = 5;
    pub(in crate::simulate) const API: u8 = 6;
    pub(in crate::simulate) const EXPORT: u8 = 7;
}

/// User agents; index 0 is "not said".
pub(super) const AGENTS: [&str; 8] = [
    "",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/120.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/121.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/119.0",
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/115.0",
    "flux-partenaire/3.2",
    "python-requests/2.31",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/121.0",
];
pub(super) const ROBOT_AGENT: u8 = 6;
pub(super) const THIEF_AGENT: u8 = 7;

impl SimEvent {
    /// Appends the event as one line of the native contract, line end included.
    pub fn write_json(&self, world: &World, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        write_time(self.time, out);
        out.push(b'"');
        if let Some(account) = world.account(self.account) {
            out.push(b',');
            out.extend_from_slice(account.json.as_bytes());
        }
        text("action", self.action.word(), out);
        self.write_persons(out);
        if let Some(unrelated) = self.unrelated(world) {
            key("unrelated", out);
            write_number(u64::from(unrelated), out);
        }
        words("data", self.data, &DATA_CLASSES, out);
        words("population", self.population(), &POPULATION_CODES, out);
        for (name, value) in [
            ("query", QUERIES[usize::from(self.query)]),
            ("resource", RESOURCES[usize::from(self.resource)]),
            ("user_agent", AGENTS[usize::from(self.agent)]),
        ] {
            if !value.is_empty() {
                text(name, value, out);
            }
        }
        if self.ip != 0 {
            key("ip", out);
            out.push(b'"');
            write_ip(self.ip, out);
            out.push(b'"');
        }
        for (name, prefix, value) in
            [("device", "pc-", self.device), ("session", "s", self.session)]
        {
            if value != 0 {
                key(name, out);
                out.push(b'"');
                write_hex(prefix, value, out);
                out.push(b'"');
            }
        }
        if self.outcome != Outcome::Success {
            let word = if self.outcome == Outcome::Failure { "failure" } else { "denied" };
            text("outcome", word, out);
        }
        out.extend_from_slice(b"}\n");
    }

    fn write_persons(&self, out: &mut Vec<u8>) {
        match &self.persons {
            Persons::Unknown => {}
            Persons::One([person]) => {
                key("records", out);
                out.push(b'"');
                out.extend_from_slice(&persons::id(*person));
                out.push(b'"');
            }
            Persons::Many(many) => {
                key("records", out);
                out.push(b'[');
                for (n, person) in many.iter().enumerate() {
                    out.extend_from_slice(if n == 0 { b"\"" } else { b",\"" });
                    out.extend_from_slice(&persons::id(*person));
                    out.push(b'"');
                }
                out.push(b']');
            }
        }
        if self.record_count > 0 {
            key("record_count", out);
            write_number(u64::from(self.record_count), out);
        }
    }

    /// How many of the returned persons lie outside the account's caseload, where its application
    /// says so.
    fn unrelated(&self, world: &World) -> Option<u32> {
        let account = world.account(self.account).filter(|_| world.options.unrelated)?;
        let (start, len) = account.caseload;
        if len == 0 || self.persons == Persons::Unknown || self.outcome != Outcome::Success {
            return None;
        }
        let own = |person: &&PersonNumber| {
            let at = persons::active_index(**person, world.network.active);
            at.is_some_and(|at| (start..start + len).contains(&at))
        };
        let persons = self.persons.as_slice();
        Some((persons.len() - persons.iter().filter(own).count()) as u32)
    }

    /// What the returned persons belong to, as bits of [`POPULATION_CODES`]. Files tell it, lines
    /// of a list do not.
    fn population(&self) -> u32 {
        match self.persons {
            Persons::One([person]) => u32::from(persons::population(person)),
            Persons::Unknown | Persons::Many(_) => 0,
        }
    }

    /// Calls `f` with the event that decoding its JSON line would give, and its label. `person`
    /// is the decoder's pseudonymisation of an identifier.
    pub fn with_event<R>(
        &self,
        world: &World,
        scratch: &mut Scratch,
        person: &dyn Fn(&str) -> Person,
        f: impl FnOnce(&AccessEvent<'_>, u16) -> R,
    ) -> R {
        scratch.persons.clear();
        let named = self.persons.as_slice();
        let kept = if self.outcome == Outcome::Success { named } else { &[] };
        for number in kept.iter().take(PERSONS_PER_EVENT_MAX) {
            let id = persons::id(*number);
            // Identifiers are ASCII digits.
            scratch.persons.push(person(std::str::from_utf8(&id).unwrap_or_default()));
        }
        scratch.fill_texts(self);
        let account = world.account(self.account);
        let unit = account.map(|a| &world.network.units[a.unit as usize]);
        let event = AccessEvent {
            time: self.time,
            account: account.map(|a| Cow::Borrowed(a.name.as_str())),
            partner: unit.map(|u| Cow::Borrowed(u.partner)),
            unit: unit.map(|u| Cow::Borrowed(u.name.as_str())),
            role: account.map(|a| Cow::Borrowed(a.role())),
            action: self.action,
            persons: &scratch.persons,
            persons_known: self.persons != Persons::Unknown,
            unidentified: u64::from(self.record_count).saturating_sub(named.len() as u64),
            persons_beyond: kept.len().saturating_sub(PERSONS_PER_EVENT_MAX) as u64,
            unrelated: self.unrelated(world),
            data: self.data,
            population: scratch.population(self.population()),
            query: scratch.queries[usize::from(self.query)],
            resource: scratch.resources[usize::from(self.resource)],
            ip: given(self.ip, &scratch.ip),
            device: given(self.device, &scratch.device),
            session: given(self.session, &scratch.session),
            user_agent: given(u32::from(self.agent), AGENTS[usize::from(self.agent)].as_bytes()),
            outcome: self.outcome,
        };
        f(&event, self.label)
    }
}

/// What [`SimEvent::with_event`] keeps between two events, and what it must know of the decoder.
#[derive(Clone, Debug)]
pub struct Scratch {
    persons: Vec<Person>,
    ip: Vec<u8>,
    device: Vec<u8>,
    session: Vec<u8>,
    queries: [u64; QUERIES.len()],
    resources: [u64; RESOURCES.len()],
    population_bits: [u32; POPULATION_CODES.len()],
}

impl Scratch {
    /// `text_hash` is the decoder's hash of `query` and `resource`; `population_codes` the
    /// configured codes, in order (codes of this world that are missing there are dropped, as
    /// the decoder does).
    #[must_use]
    pub fn new(text_hash: &dyn Fn(&str) -> u64, population_codes: &[&str]) -> Scratch {
        let hashed = |text: &str| if text.is_empty() { 0 } else { text_hash(text) };
        let bit = |code: &str| {
            let at = population_codes.iter().take(32).position(|c| *c == code);
            at.map_or(0, |at| 1 << at)
        };
        Scratch {
            persons: Vec::new(),
            ip: Vec::new(),
            device: Vec::new(),
            session: Vec::new(),
            queries: QUERIES.map(hashed),
            resources: RESOURCES.map(hashed),
            population_bits: POPULATION_CODES.map(bit),
        }
    }

    fn fill_texts(&mut self, event: &SimEvent) {
        self.ip.clear();
        write_ip(event.ip, &mut self.ip);
        self.device.clear();
        write_hex("pc-", event.device, &mut self.device);
        self.session.clear();
        write_hex("s", event.session, &mut self.session);
    }

    fn population(&self, bits: u32) -> u32 {
        let set = |(n, mapped): (usize, &u32)| if bits >> n & 1 == 1 { *mapped } else { 0 };
        self.population_bits.iter().enumerate().map(set).fold(0, |all, bit| all | bit)
    }
}

fn given(value: u32, text: &[u8]) -> Option<Cow<'_, str>> {
    (value != 0).then(|| String::from_utf8_lossy(text))
}

fn key(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Only for texts that need no escape: names and tables of this module.
fn text(name: &str, value: &str, out: &mut Vec<u8>) {
    key(name, out);
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn words(name: &str, bits: u32, table: &[&str], out: &mut Vec<u8>) {
    if bits == 0 {
        return;
    }
    key(name, out);
    let mut separator: &[u8] = b"[\"";
    for word in table.iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1).map(|(_, w)| w) {
        out.extend_from_slice(separator);
        out.extend_from_slice(word.as_bytes());
        separator = b"\",\"";
    }
    out.extend_from_slice(b"\"]");
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn write_padded(number: i64, width: usize, out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from + width, b'0');
    let mut rest = number;
    for digit in out[from..].iter_mut().rev() {
        *digit = b'0' + rest.rem_euclid(10) as u8;
        rest = rest.div_euclid(10);
    }
}

fn write_ip(ip: u32, out: &mut Vec<u8>) {
    for (n, part) in ip.to_be_bytes().into_iter().enumerate() {
        if n > 0 {
            out.push(b'.');
        }
        write_number(u64::from(part), out);
    }
}

fn write_hex(prefix: &str, value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(prefix.as_bytes());
    out.extend((0..8).rev().map(|n| b"0123456789abcdef"[(value >> (4 * n) & 15) as usize]));
}

/// RFC 3339 in UTC with milliseconds; years 0 to 9999.
pub(super) fn write_time(time: TimestampMs, out: &mut Vec<u8>) {
    let (days, ms) = (time.div_euclid(86_400_000), time.rem_euclid(86_400_000));
    // Civil date from a day count (Howard Hinnant), years beginning in March.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let parts: [(i64, usize, u8); 7] = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (doy - (153 * mp + 2) / 5 + 1, 2, b'T'),
        (ms / 3_600_000, 2, b':'),
        (ms / 60_000 % 60, 2, b':'),
        (ms / 1_000 % 60, 2, b'.'),
        (ms % 1_000, 3, b'Z'),
    ];
    for (number, width, after) in parts {
        write_padded(number, width, out);
        out.push(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (text, ms) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2024-02-29T23:59:59.999Z", 1_709_251_199_999),
            ("2024-03-01T00:00:00.000Z", 1_709_251_200_000),
            ("1969-12-31T23:59:59.001Z", -999),
        ] {
            let mut out = Vec::new();
            write_time(ms, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
            let parsed: jiff::Timestamp = text.parse().unwrap();
            assert_eq!(parsed.as_millisecond(), ms);
        }
    }
}
