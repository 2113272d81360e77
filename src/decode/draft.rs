//! An event under construction. Every format hands over its values here, so every rule about
//! bad input holds for all of them: a bad value costs its field, never the event.

use std::borrow::Cow;

use super::field::Field;
use super::pseudonym::Naming;
use super::scalar::{Scalar, whole, with_decimal};
use super::{DecodeError, Repairs, time};
use crate::event::{
    AccessEvent, Action, DATA_CLASSES, Outcome, PERSONS_PER_EVENT_MAX, Person, TimestampMs,
};

/// Longest account, partner, unit, role, address, device or session, in bytes: they become keys
/// of tables, and a table's memory is bounded only if its keys are.
const NAME_BYTES_MAX: usize = 256;

/// Longest user agent, in bytes; real ones of applications exceed 256.
const USER_AGENT_BYTES_MAX: usize = 1024;

/// Larger counts are kept as this, so that sums over any log stay far from overflow.
const COUNT_MAX: u64 = u32::MAX as u64;

/// What the drafts of one decoder share.
#[derive(Debug)]
pub(super) struct Tools<N> {
    pub(super) naming: N,
    pub(super) population_codes: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Time {
    Absent,
    Unreadable,
    At(TimestampMs),
}

/// An event under construction; `'a` is the line's life, `'s` that of the decoder's scratch.
pub(super) struct Draft<'a, 's, N> {
    tools: &'s Tools<N>,
    persons: &'s mut Vec<Person>,
    event: AccessEvent<'a>,
    time: Time,
    record_count: Option<u64>,
    /// Entries of `records` that name nobody: unidentified records.
    nameless: u64,
    repairs: Repairs,
}

impl<'a, 's, N: Naming> Draft<'a, 's, N> {
    /// Nothing known yet; `persons` is emptied.
    pub(super) fn new(tools: &'s Tools<N>, persons: &'s mut Vec<Person>) -> Self {
        persons.clear();
        let repairs = Repairs::default();
        let (event, time) = (nothing_known(), Time::Absent);
        Draft { tools, persons, event, time, record_count: None, nameless: 0, repairs }
    }

    /// Back to nothing known.
    pub(super) fn clear(&mut self) {
        self.forget(Field::Records);
        self.event = nothing_known();
        self.time = Time::Absent;
        self.record_count = None;
        self.repairs = Repairs::default();
    }

    /// Sets a field to one value; what it was before is forgotten.
    pub(super) fn scalar(&mut self, field: Field, value: Scalar<'a>) {
        self.repairs.fields.remove(field);
        match field {
            Field::Time => self.time = read_time(&value),
            Field::Account => self.event.account = self.account(value),
            Field::Partner => self.event.partner = self.name(field, value),
            Field::Unit => self.event.unit = self.name(field, value),
            Field::Role => self.event.role = self.name(field, value),
            Field::Ip => self.event.ip = self.name(field, value),
            Field::Device => self.event.device = self.name(field, value),
            Field::Session => self.event.session = self.name(field, value),
            Field::UserAgent => self.event.user_agent = self.name(field, value),
            Field::Query => self.event.query = self.opaque(field, &value),
            Field::Resource => self.event.resource = self.opaque(field, &value),
            Field::Action => self.event.action = self.action(&value),
            Field::Outcome => self.event.outcome = self.outcome(&value),
            Field::RecordCount => self.record_count = self.count(field, &value),
            Field::Unrelated => {
                let count = self.count(field, &value);
                self.event.unrelated = count.and_then(|n| u32::try_from(n).ok());
            }
            Field::Records | Field::Data | Field::Population => self.single(field, &value),
        }
    }

    /// Begins a list, empty until [`Draft::element`]; what the field was before is forgotten.
    pub(super) fn list(&mut self, field: Field) {
        self.forget(field);
        self.event.persons_known |= field == Field::Records;
    }

    /// Adds to the list of a field for which `field.is_list()` holds.
    pub(super) fn element(&mut self, field: Field, value: &Scalar<'_>) {
        match field {
            Field::Records => self.record(value),
            Field::Data => match class_bit(&DATA_CLASSES, value) {
                Some(bit) => self.event.data |= bit,
                None => self.repairs.fields.insert(field),
            },
            // Whoever configured no codes does not ask for them: nothing is wrong with the log.
            Field::Population if self.tools.population_codes.is_empty() => {}
            Field::Population => match class_bit(&self.tools.population_codes, value) {
                Some(bit) => self.event.population |= bit,
                None => self.repairs.fields.insert(field),
            },
            _ => self.repairs.fields.insert(field),
        }
    }

    /// Whether the time could be read.
    pub(super) fn has_time(&self) -> bool {
        matches!(self.time, Time::At(_))
    }

    /// The event, but for `persons`, which are in the decoder's scratch.
    pub(super) fn finish(mut self) -> Result<(AccessEvent<'a>, Repairs), DecodeError> {
        self.event.time = match self.time {
            Time::At(time) => time,
            Time::Absent => return Err(DecodeError::NoTime),
            Time::Unreadable => return Err(DecodeError::BadTime),
        };
        if self.event.account.is_none() && self.event.ip.is_none() {
            return Err(DecodeError::NoAccount);
        }
        if self.event.outcome == Outcome::Success {
            let entries = self.persons.len() as u64 + self.event.persons_beyond + self.nameless;
            let beyond_entries = self.record_count.unwrap_or(0).saturating_sub(entries);
            self.event.unidentified = self.nameless + beyond_entries;
        } else {
            self.forget(Field::Records);
            self.event.unrelated = None;
            if self.event.action == Action::Login {
                self.event.action = Action::LoginFailed;
            }
        }
        Ok((self.event, self.repairs))
    }

    fn forget(&mut self, field: Field) {
        self.repairs.fields.remove(field);
        match field {
            Field::Records => {
                self.persons.clear();
                self.nameless = 0;
                self.event.persons_known = false;
                self.event.persons_beyond = 0;
                self.repairs.persons_over_limit = false;
            }
            Field::Data => self.event.data = 0,
            Field::Population => self.event.population = 0,
            _ => {}
        }
    }

    /// A list field that holds one value instead of a list.
    fn single(&mut self, field: Field, value: &Scalar<'_>) {
        match value {
            Scalar::Absent => self.forget(field),
            Scalar::Text(text) if text.is_empty() => self.unusable(field),
            Scalar::Other => self.unusable(field),
            _ => {
                self.list(field);
                self.element(field, value);
            }
        }
    }

    fn unusable(&mut self, field: Field) {
        self.forget(field);
        self.repairs.fields.insert(field);
    }

    fn record(&mut self, value: &Scalar<'_>) {
        if self.persons.len() >= PERSONS_PER_EVENT_MAX {
            self.event.persons_beyond += 1;
            self.repairs.persons_over_limit = true;
            return;
        }
        let naming = &self.tools.naming;
        let person = match value {
            Scalar::Text(id) if !id.is_empty() => Some(naming.person(id)),
            Scalar::Unsigned(n) => with_decimal(false, *n, |id| naming.person(id)),
            Scalar::Negative(n) => with_decimal(true, n.unsigned_abs(), |id| naming.person(id)),
            Scalar::Float(f) => {
                whole(*f).and_then(|n| with_decimal(false, n, |id| naming.person(id)))
            }
            _ => None,
        };
        match person {
            Some(person) => self.persons.push(person),
            None => {
                self.nameless += 1;
                self.repairs.fields.insert(Field::Records);
            }
        }
    }

    /// A number is as good a name as any, and a lost event is worse than an odd account.
    fn account(&mut self, value: Scalar<'a>) -> Option<Cow<'a, str>> {
        let number = match value {
            Scalar::Unsigned(n) => n.to_string(),
            Scalar::Negative(n) => n.to_string(),
            Scalar::Float(f) => f.to_string(),
            _ => return self.name(Field::Account, value),
        };
        self.repairs.fields.insert(Field::Account);
        Some(Cow::Owned(number))
    }

    fn name(&mut self, field: Field, value: Scalar<'a>) -> Option<Cow<'a, str>> {
        let text = match value {
            Scalar::Text(text) => text,
            Scalar::Absent => return None,
            _ => {
                self.repairs.fields.insert(field);
                return None;
            }
        };
        let bytes_max =
            if field == Field::UserAgent { USER_AGENT_BYTES_MAX } else { NAME_BYTES_MAX };
        let (name, was_cut) = match text {
            Cow::Borrowed(text) => {
                let (name, was_cut) = cut(trim(text), bytes_max);
                (Cow::Borrowed(name), was_cut)
            }
            Cow::Owned(text) => {
                let (name, was_cut) = cut(trim(&text), bytes_max);
                (Cow::Owned(name.to_owned()), was_cut)
            }
        };
        if was_cut {
            self.repairs.fields.insert(field);
        }
        (!name.is_empty()).then_some(name)
    }

    /// 0 stands for "absent", so no text may hash to it.
    fn opaque(&mut self, field: Field, value: &Scalar<'_>) -> u64 {
        match value {
            Scalar::Text(text) if text.is_empty() => 0,
            Scalar::Text(text) => self.tools.naming.opaque(field.name(), text).max(1),
            Scalar::Absent => 0,
            _ => {
                self.repairs.fields.insert(field);
                0
            }
        }
    }

    fn action(&mut self, value: &Scalar<'_>) -> Action {
        match value {
            Scalar::Text(word) => match trim(word) {
                "" => Action::View,
                word => read_action(word).unwrap_or(Action::Other),
            },
            Scalar::Absent => Action::View,
            _ => {
                self.repairs.fields.insert(Field::Action);
                Action::View
            }
        }
    }

    fn outcome(&mut self, value: &Scalar<'_>) -> Outcome {
        let known = match value {
            Scalar::Absent => Some(Outcome::Success),
            Scalar::Text(word) => read_outcome(trim(word)),
            _ => None,
        };
        known.unwrap_or_else(|| {
            self.repairs.fields.insert(Field::Outcome);
            Outcome::Success
        })
    }

    fn count(&mut self, field: Field, value: &Scalar<'_>) -> Option<u64> {
        match value.count() {
            Some(n) if n <= COUNT_MAX => Some(n),
            Some(_) => {
                self.repairs.fields.insert(field);
                Some(COUNT_MAX)
            }
            None => {
                if *value != Scalar::Absent {
                    self.repairs.fields.insert(field);
                }
                None
            }
        }
    }
}

fn nothing_known<'a>() -> AccessEvent<'a> {
    AccessEvent {
        time: 0,
        account: None,
        partner: None,
        unit: None,
        role: None,
        action: Action::View,
        persons: &[],
        persons_known: false,
        unidentified: 0,
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
        outcome: Outcome::Success,
    }
}

/// `str::trim`, which decodes characters, for texts that rarely need it.
fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}

/// The longest beginning of a text within `bytes_max` that cuts no character, and whether
/// anything is missing.
fn cut(text: &str, bytes_max: usize) -> (&str, bool) {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], end < text.len())
}

/// Reads the contract's action word, in any case; `None` for any other word.
pub(super) fn read_action(word: &str) -> Option<Action> {
    let known = |(name, _): &&(&str, Action)| name.eq_ignore_ascii_case(word);
    Action::WORDS.iter().find(known).map(|(_, action)| *action)
}

/// Reads an outcome word, in any case; `unknown` (ECS) and the empty word say nothing, and an
/// access is taken for a success until something says otherwise.
pub(super) fn read_outcome(word: &str) -> Option<Outcome> {
    const WORDS: [(&str, Outcome); 5] = [
        ("success", Outcome::Success),
        ("failure", Outcome::Failure),
        ("denied", Outcome::Denied),
        ("unknown", Outcome::Success),
        ("", Outcome::Success),
    ];
    let known = |(name, _): &&(&str, Outcome)| name.eq_ignore_ascii_case(word);
    WORDS.iter().find(known).map(|(_, outcome)| *outcome)
}

fn read_time(value: &Scalar<'_>) -> Time {
    let time = match value {
        Scalar::Absent => return Time::Absent,
        Scalar::Text(text) => match trim(text) {
            "" => return Time::Absent,
            text => time::parse(text),
        },
        Scalar::Unsigned(ms) => i64::try_from(*ms).ok(),
        Scalar::Float(ms) => whole(*ms).and_then(|ms| i64::try_from(ms).ok()),
        Scalar::Negative(_) | Scalar::Other => None,
    };
    time.filter(|ms| time::is_believable(*ms)).map_or(Time::Unreadable, Time::At)
}

fn class_bit<T: AsRef<str>>(classes: &[T], value: &Scalar<'_>) -> Option<u32> {
    let Scalar::Text(word) = value else {
        return None;
    };
    let bit = classes.iter().position(|class| class.as_ref() == word)?;
    Some(1 << bit)
}
