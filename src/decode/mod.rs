//! 2. Bytes → [`AccessEvent`]. Pure, and it never panics: broken input is data.
//!
//! Bad input is an evasion path, so a line is refused only when its time or its account (with no
//! address to fall back on) cannot be read, or when it is not of its format at all. Anything else
//! that is bad costs the one field and is reported in [`Repairs`]; the event still counts.
//!
//! The formats (`json` for the native contract, `recipe` for what a [`Mapping`] describes, be it
//! JSON or text) only find values. What a value means is decided in one place, `draft`.

mod compile;
mod document;
mod draft;
mod field;
mod http;
mod json;
pub mod mapping;
mod mend;
pub mod pseudonym;
mod recipe;
mod scalar;
mod skeleton;
mod time;

#[cfg(test)]
mod fault_table;
#[cfg(test)]
mod mapping_tests;
#[cfg(test)]
mod tests;

pub use field::{Field, FieldSet};
pub use mapping::{Mapping, MappingError};
pub use pseudonym::{PseudonymKey, Pseudonymiser};
pub use skeleton::redacted_skeleton;
pub use time::parse_date;

use crate::event::{AccessEvent, Person};
use draft::{Draft, Tools};
use pseudonym::{Naming, Witness};
use recipe::Plan;

/// Longest line that is read, in bytes.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most population codes: each has a bit.
pub const POPULATION_CODES_MAX: usize = 32;

/// What the configuration says about decoding besides the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Goes before every person identifier that names no namespace of its own.
    pub default_namespace: String,
    /// Codes of the `population` field, in the order of their bits; at most
    /// [`POPULATION_CODES_MAX`].
    pub population_codes: Vec<String>,
}

impl Default for DecodeOptions {
    fn default() -> DecodeOptions {
        DecodeOptions { default_namespace: "person".to_owned(), population_codes: Vec::new() }
    }
}

/// An event and what had to be repaired to read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<'a> {
    /// The event.
    pub event: AccessEvent<'a>,
    /// What was wrong with the line.
    pub repairs: Repairs,
}

/// What was wrong with a line that counts all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Fields dropped in whole or in part, or cut to their longest length.
    pub fields: FieldSet,
    /// Invalid UTF-8, or escapes and numbers that JSON has no value for, were replaced.
    pub text: bool,
    /// More persons than are looked at one by one.
    pub persons_over_limit: bool,
}

impl Repairs {
    /// Nothing was wrong.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Repairs::default()
    }

    /// Names of the fields dropped, in the contract's order.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(Field::name)
    }
}

/// Why a line is no event: it goes to the quarantine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Broken JSON.
    #[error("not JSON: {detail}")]
    NotJson {
        /// What the parser met, with line and column; nothing of the input.
        detail: String,
    },
    /// JSON, but a list, a text or a number.
    #[error("not a JSON object: a line is one object, {{\"time\": …, \"account\": …}}")]
    NotAnObject,
    /// The time is not there.
    #[error("no time: every event needs one, check the mapping of `time`")]
    NoTime,
    /// The time is there and cannot be read or believed.
    #[error(
        "unreadable time: expected RFC 3339 with an offset or epoch milliseconds, \
         in the years 1970 to 2200"
    )]
    BadTime,
    /// Neither account nor address.
    #[error("neither account nor ip: nobody to count this access for, check the mapping")]
    NoAccount,
    /// A text line that is not of the form its mapping gives.
    #[error("the line does not match the line expression of the mapping ({bytes} bytes)")]
    NoMatch {
        /// Its length.
        bytes: usize,
    },
    /// Longer than [`LINE_BYTES_MAX`].
    #[error("a line of {bytes} bytes is over the limit of {LINE_BYTES_MAX}")]
    Oversized {
        /// Its length.
        bytes: usize,
    },
}

impl DecodeError {
    /// Every reason, for counters that should exist before they count.
    pub const REASONS: [&'static str; 7] =
        ["not-json", "not-an-object", "no-time", "bad-time", "no-account", "no-match", "oversized"];

    /// A short stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            DecodeError::NotJson { .. } => "not-json",
            DecodeError::NotAnObject => "not-an-object",
            DecodeError::NoTime => "no-time",
            DecodeError::BadTime => "bad-time",
            DecodeError::NoAccount => "no-account",
            DecodeError::NoMatch { .. } => "no-match",
            DecodeError::Oversized { .. } => "oversized",
        }
    }
}

/// Reads lines of one source. Keeps its scratch memory between lines. `N` is what becomes of a raw
/// identifier: the event path forgets it, and that is compiled in.
#[derive(Debug)]
pub struct Decoder<N = Pseudonymiser> {
    plan: Plan,
    tools: Tools<N>,
    scratch: Scratch,
}

/// What an event may borrow from besides its line.
#[derive(Debug, Default)]
pub struct Scratch {
    persons: Vec<Person>,
    /// The line with its invalid UTF-8 replaced.
    utf8: String,
    /// The line with its JSON mended.
    mended: String,
    document: serde_json::Value,
}

impl Decoder {
    /// A decoder for lines of the form `mapping` describes.
    ///
    /// # Errors
    /// Everything that is wrong with the mapping and the options, at once.
    pub fn new(
        mapping: &Mapping,
        key: PseudonymKey,
        options: DecodeOptions,
    ) -> Result<Decoder, MappingError> {
        let plan = compile::compile(mapping, &options)?;
        let naming = Pseudonymiser::new(key, &options.default_namespace);
        let tools = Tools { naming, population_codes: options.population_codes };
        Ok(Decoder { plan, tools, scratch: Scratch::default() })
    }
}

impl Decoder<Witness> {
    /// As [`Decoder::new`], but it remembers the raw identifiers of the last line: for evidence
    /// that the key's holder asks for, never for the event path.
    ///
    /// # Errors
    /// As there.
    pub fn with_witness(
        mapping: &Mapping,
        key: PseudonymKey,
        options: DecodeOptions,
    ) -> Result<Decoder<Witness>, MappingError> {
        let Decoder { plan, tools, scratch } = Decoder::new(mapping, key, options)?;
        let tools =
            Tools { naming: Witness::of(tools.naming), population_codes: tools.population_codes };
        Ok(Decoder { plan, tools, scratch })
    }

    /// Takes the raw identifiers met since the last call, each with its pseudonym; of a line that
    /// was read twice, some stand twice.
    pub fn take_raw(&mut self) -> Vec<(Person, Box<str>)> {
        self.tools.naming.take()
    }
}

impl<N: Naming> Decoder<N> {
    /// Reads one line (or Kafka message), without its line end.
    ///
    /// # Errors
    /// When the line is no event; nothing of the input is in the error.
    #[inline]
    pub fn decode<'a>(&'a mut self, line: &'a [u8]) -> Result<Decoded<'a>, DecodeError> {
        read(&self.plan, &self.tools, &mut self.scratch, line)
    }

    /// As [`Decoder::decode`], for whoever holds several events at once: each has a scratch of its
    /// own.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn decode_with<'a>(
        &'a self,
        scratch: &'a mut Scratch,
        line: &'a [u8],
    ) -> Result<Decoded<'a>, DecodeError> {
        read(&self.plan, &self.tools, scratch, line)
    }
}

#[inline]
fn read<'a, N: Naming>(
    plan: &'a Plan,
    tools: &'a Tools<N>,
    scratch: &'a mut Scratch,
    line: &'a [u8],
) -> Result<Decoded<'a>, DecodeError> {
    if line.len() > LINE_BYTES_MAX {
        return Err(DecodeError::Oversized { bytes: line.len() });
    }
    let Scratch { persons, utf8, mended, document } = scratch;
    let (text, invalid): (&'a str, bool) = match std::str::from_utf8(line) {
        Ok(text) => (text, false),
        Err(_) => {
            *utf8 = String::from_utf8_lossy(line).into_owned();
            (utf8, true)
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut draft = Draft::new(tools, persons);
    let was_mended = match plan {
        Plan::Text { line, recipe } => {
            let Some(captures) = line.captures(text) else {
                return Err(DecodeError::NoMatch { bytes: text.len() });
            };
            recipe.fill_from_text(&captures, &mut draft);
            false
        }
        Plan::Json(recipe) => {
            let was_mended = match document::read(text) {
                Ok(read) => {
                    *document = read;
                    false
                }
                Err(error) => {
                    *mended = mend::mend(text).ok_or_else(|| json::refusal(&error))?;
                    *document = document::read(mended).map_err(|_| json::refusal(&error))?;
                    true
                }
            };
            recipe.fill_from_json(document, &mut draft);
            was_mended
        }
        Plan::Native(constants) => {
            let was_mended = json::fill(text, mended, &mut draft)?;
            recipe::fill_constants(constants, &mut draft);
            was_mended
        }
    };
    let (mut event, mut repairs) = draft.finish()?;
    event.persons = persons;
    repairs.text = invalid || was_mended;
    Ok(Decoded { event, repairs })
}

/// Whether JSON text begins like a list or an object.
fn looks_like_json(text: &str) -> bool {
    matches!(text.trim_start().bytes().next(), Some(b'{' | b'['))
}
