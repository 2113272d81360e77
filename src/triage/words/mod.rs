//! What the sentences are made of, by language. A new channel is one line in [`english`] and one in
//! [`french`]: neither compiles without it.
//!
//! Patterns hold names in braces that [`fill`] replaces.

mod english;
mod french;
#[cfg(test)]
mod tests;

use jiff::civil::Weekday;

use super::Language;
use crate::alert::{EntityKind, Severity};
use crate::detect::channel::Span;
use crate::detect::episode::SignalState;
use crate::detect::report::Cause;
use crate::detect::rule::Watch;
use crate::event::Touch;

/// A language.
pub(super) trait Tongue: Sync {
    /// What was counted.
    fn counted(&self, watch: Watch) -> Counted;
    /// What it is compared with.
    fn bound(&self, bound: Bound) -> Said;
    /// Over which time.
    fn window(&self, window: Window) -> WindowWords;
    /// ` listed`, ` opened`: agrees with persons and origins.
    fn touch(&self, touch: Touch) -> &'static str;
    /// `{place}` of a stranger: a device, or an address where the log has no devices.
    fn stranger(&self, device: bool) -> &'static str;
    /// `from a device new to the account`
    fn strange(&self, strange: Strange) -> &'static str;
    /// `the other 28`, `28 others`, `the others`.
    fn others(&self, others: Others) -> String;
    /// What a terminal line begins with.
    fn cause(&self, cause: Cause) -> &'static str;
    /// How bad.
    fn severity(&self, severity: Severity) -> &'static str;
    /// What makes an honest explanation less likely, or the number less sure.
    fn circumstance(&self, circumstance: Circumstance) -> Said;
    /// A role's name, out of its English and its French one.
    fn label<'a>(&self, label: &'a (String, String)) -> &'a str;
    /// `unit cap-emploi-75 (14 accounts)`, from its kind, name and number of accounts.
    fn pool(&self, kind: EntityKind, name: &str, accounts: u64) -> String;
    /// All addresses that act without an account.
    fn nobody(&self) -> &'static str;
    /// `50 persons`, `1 person`.
    fn persons(&self, n: u64) -> String;
    /// Everything else.
    fn texts(&self) -> &'static Texts;
    /// Abbreviated.
    fn weekday(&self, weekday: Weekday) -> &'static str;
    /// Abbreviated, from January.
    fn months(&self) -> [&'static str; 12];
}

/// The words of a language.
pub(super) fn tongue(language: Language) -> &'static dyn Tongue {
    match language {
        Language::English => &english::English,
        Language::French => &french::French,
    }
}

/// What a watch counted, in three lengths; `{n}` is the count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// `; {n} foreign origins in {window}`, for the terminal.
    pub(super) short: &'static str,
    /// `, all foreign`: when it is exactly the persons just named. `None` where equal numbers
    /// would be chance.
    pub(super) all: Option<&'static str>,
    /// With `{touch}` and `{within}`, for the sentence.
    pub(super) long: &'static str,
}

/// The same in a terminal line and in the sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) short: &'static str,
    pub(super) long: &'static str,
}

/// What a count is compared with: `{usual}`, `{threshold}`, `{ceiling}`, `{per}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Its own days, and where the alert begins.
    Usual,
    /// Its own days, and where it becomes a sign among others.
    Sign,
    /// What it did before it began to rise.
    Formerly,
    /// What no work of the role explains.
    Role,
    /// What was declared.
    Declared,
    /// Another fixed number.
    Ceiling,
    /// One is too many.
    None,
}

/// Over which time a count runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    FiveMinutes,
    Hour,
    Day,
    Week,
}

/// A window's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowWords {
    /// `1 h`
    pub(super) short: &'static str,
    /// `in an hour`
    pub(super) within: &'static str,
    /// `/h`
    pub(super) per: &'static str,
    /// `99 % of the days`: what the peers' number is of.
    pub(super) each: &'static str,
}

/// Not a count, and it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Circumstance {
    NewDevice,
    NewAddress,
    /// Accounts came to share a place lately.
    NewPlace,
    OffHours,
    RestDay,
    /// No count is beyond its threshold; several are unusual.
    Joint,
    Learning,
}

/// What a thief shares an account from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strange {
    Device,
    Devices,
    Address,
    Addresses,
    /// Devices and addresses.
    Places,
}

/// Whom its owner read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// All whom the thief did not read.
    All(u64),
    /// Most of these.
    Some(u64),
    /// Few, of an estimate.
    Estimated,
}

/// Patterns that belong to no table.
#[derive(Debug)]
pub(super) struct Texts {
    /// `{who}`, `{label}`
    pub(super) named: &'static str,
    /// `{who}`, `{persons}`, `{pace}`, `{when}`
    pub(super) read: &'static str,
    /// `{who}`, `{persons}`, `{when}`
    pub(super) had_read: &'static str,
    /// `{who}`, `{persons}`, `{from}`, `{when}`
    pub(super) read_between: &'static str,
    /// `{day}`
    pub(super) since: &'static str,
    pub(super) at_once: &'static str,
    /// `{s}`
    pub(super) seconds: &'static str,
    /// `{each}`, `{size}`, `{p99}`
    pub(super) peers: &'static str,
    /// `{size}`, `{p99}`
    pub(super) peers_short: &'static str,
    /// `{counts}`
    pub(super) also: &'static str,
    pub(super) and: &'static str,
    /// `{low}`, `{high}`
    pub(super) estimated: &'static str,
    /// `{about}`, `{n}`, `{persons}`, `{session}`, `{from}`, `{others}`
    pub(super) shared: &'static str,
    pub(super) about: &'static str,
    pub(super) one_session: &'static str,
    /// `{day}`, `{clock}`
    pub(super) moment: &'static str,
    pub(super) semicolon: &'static str,
    pub(super) colon: &'static str,
    /// Early morning, office hours without anybody, evening, night.
    pub(super) times_of_day: [&'static str; 4],
}

/// Replaces names in braces.
pub(super) fn fill(pattern: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
    values.iter().fold(pattern.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), &value.to_string())
    })
}

/// What a watch's count is compared with.
pub(super) fn bound(signal: &SignalState) -> Bound {
    match signal.watch {
        _ if signal.joint => Bound::Sign,
        Watch::RoleCeiling => Bound::Role,
        Watch::DeclaredCeiling => Bound::Declared,
        Watch::UnidentifiedRecords => Bound::Ceiling,
        Watch::EndedAccount => Bound::None,
        Watch::PersonsDrift | Watch::NoveltyDrift => Bound::Formerly,
        Watch::DistinctPersons
        | Watch::ForeignOrigins
        | Watch::NovelPersons
        | Watch::DormantPersons
        | Watch::OwnUnitPersons
        | Watch::PooledForeign
        | Watch::PooledPersons
        | Watch::Simultaneous
        | Watch::JointSigns
        | Watch::OriginsRun
        | Watch::DormantRun
        | Watch::OwnUnitRun
        | Watch::OperationsRun
        | Watch::OffHoursPersons
        | Watch::OffHoursOrigins
        | Watch::StrangerPersons
        | Watch::UnusualOperations
        | Watch::SensitivePersons
        | Watch::Misses
        | Watch::Updates
        | Watch::UnrelatedRecords
        | Watch::NeighbouringIds
        | Watch::SteadyPace => Bound::Usual,
    }
}

/// The time that a signal's count runs over: a drift's count is that of its last day.
pub(super) fn window(signal: &SignalState) -> Window {
    match signal.measure.map(|m| (m.spec().span, m.window())) {
        None | Some((Span::Drift(_) | Span::Run(_) | Span::Day, _)) => Window::Day,
        Some((Span::Week(_), _)) => Window::Week,
        Some((Span::Hour, "5m")) => Window::FiveMinutes,
        Some((Span::Hour, _)) => Window::Hour,
    }
}

/// Listed or opened, where the count keeps them apart.
pub(super) fn touch(signal: &SignalState) -> Option<Touch> {
    signal.touch.filter(|_| signal.measure.is_none_or(|m| m.spec().apart))
}

/// `41 foreign origins in 1 h`
pub(super) fn short(signal: &SignalState, device: bool, tongue: &dyn Tongue) -> String {
    fill(
        tongue.counted(signal.watch).short,
        &[
            ("n", &signal.observed),
            ("window", &tongue.window(window(signal)).short),
            ("place", &tongue.stranger(device)),
        ],
    )
}

/// `41 foreign origins listed in an hour`
pub(super) fn long(signal: &SignalState, device: bool, tongue: &dyn Tongue) -> String {
    fill(
        tongue.counted(signal.watch).long,
        &[
            ("n", &signal.observed),
            ("touch", &touch(signal).map_or("", |t| tongue.touch(t))),
            ("within", &tongue.window(window(signal)).within),
            ("place", &tongue.stranger(device)),
        ],
    )
}

/// `Tue 6 Feb` and `19:00:07`, from milliseconds of local time.
pub(super) fn local_parts(local_ms: i64, tongue: &dyn Tongue) -> (String, String) {
    let moment = jiff::Timestamp::from_millisecond(local_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = jiff::tz::TimeZone::UTC.to_datetime(moment);
    let month = tongue.months()[local.month() as usize - 1];
    let day = format!("{} {} {month}", tongue.weekday(local.weekday()), local.day());
    (day, format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second()))
}

/// `Tue 6 Feb at 19:00:07`, `mar. 6 févr. à 19:00:07`, from milliseconds of local time.
pub(super) fn local_time(local_ms: i64, tongue: &dyn Tongue) -> String {
    let (day, clock) = local_parts(local_ms, tongue);
    fill(tongue.texts().moment, &[("day", &day), ("clock", &clock)])
}
