//! Our nouns: one access, who made it, which persons came back, and where in the log it stands.
//!
//! An [`AccessEvent`] borrows from the line it was read from; nothing here allocates per event.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z; negative before it.
pub type TimestampMs = i64;

/// Where a record stands in its source: the byte (file, standard input) or the offset (Kafka)
/// counted from the source's beginning; grows with every record.
pub type Position = u64;

/// A person whose record was returned, as a keyed pseudonym. The raw identifier exists only in
/// the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Person {
    /// SipHash-2-4 of `namespace:id`, 128-bit key.
    pub id: u64,
    /// The same hash of the identifier without its last three characters: an id sweep returns
    /// many persons of one block. 32 bits are enough to compare blocks within an account.
    pub block: u32,
}

impl Person {
    /// The 32-bit fingerprint that sets and tables hold. Its leading zeros decide sampling.
    #[must_use]
    pub fn fingerprint(self) -> u32 {
        (self.id >> 32) as u32
    }
}

/// What the account did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the words of the event contract, each says itself")]
pub enum Action {
    Search,
    View,
    List,
    Export,
    Update,
    Login,
    LoginFailed,
    PasswordReset,
    MfaReset,
    AccountCreated,
    RoleChanged,
    /// Any other word; counted like a view.
    Other,
}

/// How the person came to be returned: a line of a result list, or a file that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Touch {
    /// `search`, `list`, `export`: many persons an event.
    Listed = 0,
    /// `view`, `update` and every other action that returns a record.
    Opened = 1,
}

impl Action {
    /// Every word of the contract with its action, in the order the documentation lists them.
    pub const WORDS: [(&'static str, Action); 11] = [
        ("search", Action::Search),
        ("view", Action::View),
        ("list", Action::List),
        ("export", Action::Export),
        ("update", Action::Update),
        ("login", Action::Login),
        ("login_failed", Action::LoginFailed),
        ("password_reset", Action::PasswordReset),
        ("mfa_reset", Action::MfaReset),
        ("account_created", Action::AccountCreated),
        ("role_changed", Action::RoleChanged),
    ];

    /// Reads the contract's word; any other word is [`Action::Other`].
    #[must_use]
    pub fn parse(word: &str) -> Action {
        Action::WORDS.iter().find(|(name, _)| *name == word).map_or(Action::Other, |(_, a)| *a)
    }

    /// The contract's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Action::WORDS.iter().find(|(_, a)| *a == self).map_or("other", |(name, _)| name)
    }

    /// Whether persons returned by this action were listed or opened.
    #[must_use]
    pub fn touch(self) -> Touch {
        match self {
            Action::Search | Action::List | Action::Export => Touch::Listed,
            _ => Touch::Opened,
        }
    }

    /// Events after which an account may be in other hands, or may do more than before.
    #[must_use]
    pub fn raises(self) -> bool {
        use Action::{AccountCreated, MfaReset, PasswordReset, RoleChanged};
        matches!(self, PasswordReset | MfaReset | AccountCreated | RoleChanged)
    }

    /// Events about the account itself (`login`, `password_reset` …) rather than about records.
    #[must_use]
    pub fn is_identity(self) -> bool {
        use Action::{AccountCreated, Login, LoginFailed, MfaReset, PasswordReset, RoleChanged};
        matches!(
            self,
            Login | LoginFailed | PasswordReset | MfaReset | AccountCreated | RoleChanged
        )
    }
}

/// Whether the access succeeded; only a success returns persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the words of the event contract")]
pub enum Outcome {
    #[default]
    Success,
    Failure,
    Denied,
}

/// Data classes in the order of their bit in [`AccessEvent::data`]. A closed list.
pub const DATA_CLASSES: [&str; 17] = [
    "identity",
    "contact",
    "nir",
    "bank",
    "tax",
    "income",
    "benefits",
    "health",
    "disability",
    "family",
    "guardianship",
    "justice",
    "nationality",
    "employment",
    "education",
    "credentials",
    "note",
];

/// The bits of some of [`DATA_CLASSES`].
#[must_use]
pub const fn data_bits(words: &[&str]) -> u32 {
    const fn same(a: &[u8], b: &[u8]) -> bool {
        if a.len() != b.len() {
            return false;
        }
        let mut at = 0;
        while at < a.len() {
            if a[at] != b[at] {
                return false;
            }
            at += 1;
        }
        true
    }
    let (mut bits, mut class) = (0, 0);
    while class < DATA_CLASSES.len() {
        let mut word = 0;
        while word < words.len() {
            if same(words[word].as_bytes(), DATA_CLASSES[class].as_bytes()) {
                bits |= 1 << class;
            }
            word += 1;
        }
        class += 1;
    }
    bits
}

/// One access: an account did something and got 0..n persons' records back.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessEvent<'a> {
    /// When it happened, by the source's clock.
    pub time: TimestampMs,
    /// Who acted; absent only when `ip` is there.
    pub account: Option<Cow<'a, str>>,
    /// Network the account belongs to; the account directory wins over it.
    pub partner: Option<Cow<'a, str>>,
    /// Site or body; the account directory wins over it.
    pub unit: Option<Cow<'a, str>>,
    /// Job of the account; the account directory wins over it.
    pub role: Option<Cow<'a, str>>,
    /// What was done.
    pub action: Action,
    /// Persons returned, as read, repeats included; at most [`PERSONS_PER_EVENT_MAX`]. Empty
    /// unless the outcome is a success.
    pub persons: &'a [Person],
    /// `records` was there (an empty list is a miss); false: the log does not say.
    pub persons_known: bool,
    /// Records returned beyond the identified ones: `record_count` less the entries of `records`,
    /// or the whole of it when there are none.
    pub unidentified: u64,
    /// Returned persons beyond [`PERSONS_PER_EVENT_MAX`], read but not looked at one by one.
    pub persons_beyond: u64,
    /// How many of the returned persons lie outside the account's caseload, when known.
    pub unrelated: Option<u32>,
    /// Bit i = class i of [`DATA_CLASSES`].
    pub data: u32,
    /// Bit i = code i of the configured population codes.
    pub population: u32,
    /// Hash of the query template or filter; 0 when absent.
    pub query: u64,
    /// Hash of the endpoint; 0 when absent.
    pub resource: u64,
    /// Network address as logged.
    pub ip: Option<Cow<'a, str>>,
    /// Device identifier as logged.
    pub device: Option<Cow<'a, str>>,
    /// Session identifier as logged.
    pub session: Option<Cow<'a, str>>,
    /// User agent as logged.
    pub user_agent: Option<Cow<'a, str>>,
    /// Did it succeed.
    pub outcome: Outcome,
}

/// Persons of one event that are looked at one by one.
pub const PERSONS_PER_EVENT_MAX: usize = 65_536;
