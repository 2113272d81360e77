//! English.

use jiff::civil::Weekday;

use super::{
    Bound, Circumstance, Counted, Others, Said, Strange, Texts, Tongue, Window, WindowWords,
};
use crate::alert::{EntityKind, Severity};
use crate::detect::report::Cause;
use crate::detect::rule::Watch;
use crate::event::Touch;

pub(super) struct English;

const fn lengths(short: &'static str, all: Option<&'static str>, long: &'static str) -> Counted {
    Counted { short, all, long }
}

const fn said(short: &'static str, long: &'static str) -> Said {
    Said { short, long }
}

static TEXTS: Texts = Texts {
    named: "{who} ({label})",
    read: "{who} read {persons}{pace} on {when}",
    had_read: "{who} had read {persons} by {when}",
    read_between: "{who} read {persons} from {from} to {when}",
    since: " since {day}",
    at_once: " at once",
    seconds: " in {s} s",
    peers: "99 % of the {each} of {size} peers stay at {p99} or below",
    peers_short: ", {size} peers ≤ {p99}",
    also: "also {counts}",
    and: " and ",
    estimated: "persons estimated between {low} and {high}",
    about: "about ",
    shared: "{about}{n} of {persons} were read{session} {from}, {others} probably by its owner",
    one_session: " in one session",
    moment: "{day} at {clock}",
    semicolon: "; ",
    colon: ": ",
    times_of_day: ["early morning", "quiet hour", "evening", "night"],
};

#[rustfmt::skip]
impl Tongue for English {
    fn counted(&self, watch: Watch) -> Counted {
        match watch {
            Watch::DistinctPersons | Watch::RoleCeiling | Watch::DeclaredCeiling => lengths(
                "{n} persons in {window}", Some(""),
                "{n} persons{touch} {within}"),
            Watch::ForeignOrigins => lengths(
                "{n} foreign origins in {window}", Some(", all foreign"),
                "{n} foreign origins{touch} {within}"),
            Watch::EndedAccount => lengths("account has ended", None,
                "the account's end date has passed"),
            Watch::UnidentifiedRecords => lengths(
                "{n} records without identity in {window}", None,
                "{n} records without a usable identity {within}"),
            Watch::NovelPersons => lengths(
                "{n} persons new to the account in {window}", Some(", all new to the account"),
                "{n} persons{touch} {within} that it had not read within 28 days"),
            Watch::DormantPersons => lengths(
                "{n} dormant files in {window}", Some(", all dormant files"),
                "{n} persons{touch} {within} whose files nobody in memory had read"),
            Watch::OffHoursPersons => lengths(
                "{n} persons outside working hours in {window}", Some(", all outside working hours"),
                "{n} persons{touch} {within} at hours its peers do not work"),
            Watch::OffHoursOrigins => lengths(
                "{n} foreign origins outside working hours in {window}", Some(", all foreign and outside working hours"),
                "{n} foreign origins{touch} {within} at hours its peers do not work"),
            Watch::StrangerPersons => lengths(
                "{n} persons new to the account from {place} in {window}", Some(", all new to the account and from {place}"),
                "{n} persons new to the account{touch} from {place} {within}"),
            Watch::UnusualOperations => lengths(
                "{n} persons by an operation its peers do not use in {window}", Some(", all by an operation its peers do not use"),
                "{n} persons{touch} {within} by a search, a page or a choice of data that its peers do not use"),
            Watch::SensitivePersons => lengths(
                "{n} persons with sensitive data in {window}", Some(", all with sensitive data"),
                "{n} persons{touch} {within} with data on bank, tax, health, justice or the like"),
            Watch::PersonsDrift => lengths(
                "each day more persons than it used to, {n} today", None,
                "each day more persons{touch} than it used to, {n} today"),
            Watch::NoveltyDrift => lengths(
                "each day more persons new to the account than it used to, {n} today", None,
                "each day more persons new to the account{touch} than it used to, {n} today"),
            Watch::OriginsRun => lengths(
                "over many days {n} foreign origins beyond their usual share", None,
                "over many days {n} foreign origins{touch} beyond their usual share of its persons"),
            Watch::DormantRun => lengths(
                "over many days {n} dormant files beyond their usual share", None,
                "over many days {n} persons{touch} whose files nobody in memory had read, beyond their usual share of its persons"),
            Watch::OwnUnitRun => lengths(
                "over many days {n} persons of its own unit new to the account beyond their usual share", None,
                "over many days {n} persons{touch} of its own unit that it had not read within 28 days, beyond their usual share of its persons"),
            Watch::OperationsRun => lengths(
                "over many days {n} persons by an operation its peers do not use beyond their usual share", None,
                "over many days {n} persons{touch} by a search, a page or a choice of data that its peers do not use, beyond their usual share of its persons"),
            Watch::Misses => lengths(
                "{n} requests that found nobody in {window}", None,
                "{n} requests {within} that found nobody or were denied"),
            Watch::Updates => lengths(
                "{n} records changed in {window}", None,
                "{n} records changed {within}"),
            Watch::UnrelatedRecords => lengths(
                "{n} records outside its caseload in {window}", None,
                "{n} records {within} outside its caseload, as the application or the list of caseloads says"),
            Watch::NeighbouringIds => lengths(
                "{n} persons with neighbouring identifiers in {window}", Some(", all with neighbouring identifiers"),
                "{n} persons {within} whose identifier neighbours one read just before"),
            Watch::OwnUnitPersons => lengths(
                "{n} persons of its own unit new to the account in {window}", Some(", all of its own unit and new to the account"),
                "{n} persons{touch} {within} of its own unit that it had not read within 28 days"),
            Watch::PooledForeign => lengths(
                "{n} foreign origins of its accounts in {window}", None,
                "{n} foreign origins of its accounts together {within}"),
            Watch::PooledPersons => lengths(
                "{n} persons of its accounts in {window}", Some(""),
                "{n} persons of its accounts together {within}"),
            Watch::Simultaneous => lengths(
                "{n} accounts far above their own usual", None,
                "{n} accounts on one day far above their own usual"),
            Watch::JointSigns => lengths("{n} counts unusual at once", None, "{n} counts unusual at once"),
            Watch::SteadyPace => lengths(
                "{n} requests at one even pace in {window}", None,
                "{n} requests in a row {within} at the even pace of a machine"),
        }
    }

    fn bound(&self, bound: Bound) -> Said {
        match bound {
            Bound::Usual => said(", usual ≤ {usual}{per}, alert at {threshold}", ", usually at most {usual}, alert from {threshold}"),
            Bound::Sign => said(", usual ≤ {usual}{per}, a sign from {threshold}", ", usually at most {usual}, a sign from {threshold}"),
            Bound::Formerly => said(", used to be ≤ {usual}, alert at {threshold}", ", used to be at most {usual}, alert from {threshold}"),
            Bound::Role => said(", role ceiling {ceiling}{per}", ", the role's ceiling is {ceiling}"),
            Bound::Declared => said(", declared ceiling {ceiling}{per}", ", the declared ceiling is {ceiling}"),
            Bound::Ceiling => said(", ceiling {ceiling}", ", ceiling {ceiling}"),
            Bound::None => said("", ""),
        }
    }

    fn window(&self, window: Window) -> WindowWords {
        match window {
            Window::FiveMinutes => WindowWords { short: "5 min", within: "in 5 minutes", per: "/5 min", each: "days" },
            Window::Hour => WindowWords { short: "1 h", within: "in an hour", per: "/h", each: "days" },
            Window::Day => WindowWords { short: "1 day", within: "in a day", per: "/day", each: "days" },
            Window::Week => WindowWords { short: "7 days", within: "in 7 days", per: "/7 days", each: "weeks" },
        }
    }

    fn touch(&self, touch: Touch) -> &'static str {
        match touch {
            Touch::Listed => " listed",
            Touch::Opened => " opened",
        }
    }

    fn stranger(&self, device: bool) -> &'static str {
        if device { "a device unknown to it" } else { "an address unknown to it" }
    }

    fn strange(&self, strange: Strange) -> &'static str {
        match strange {
            Strange::Device => "from a device new to the account",
            Strange::Devices => "from devices new to the account",
            Strange::Address => "from an address new to the account",
            Strange::Addresses => "from addresses new to the account",
            Strange::Places => "from devices and addresses new to the account",
        }
    }

    fn others(&self, others: Others) -> String {
        match others {
            Others::All(1) => "the other one".into(),
            Others::All(n) => format!("the other {n}"),
            Others::Some(1) => "another one".into(),
            Others::Some(n) => format!("{n} others"),
            Others::Estimated => "the others".into(),
        }
    }

    fn cause(&self, cause: Cause) -> &'static str {
        match cause {
            Cause::Opened => "ALERT",
            Cause::Signal => "more ",
            Cause::Exposure => "grows",
            Cause::Ended => "ended",
        }
    }

    fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    fn circumstance(&self, circumstance: Circumstance) -> Said {
        match circumstance {
            Circumstance::NewDevice => said("new device", "device never seen with this account"),
            Circumstance::NewAddress => said("new address", "address never seen with this account"),
            Circumstance::NewPlace => said("new to these accounts", "the accounts came to share it less than two weeks ago"),
            Circumstance::OffHours => said("", "outside usual hours"),
            Circumstance::RestDay => said("rest day", "weekend or holiday"),
            Circumstance::Joint => said("signs together", "none of these counts would alert alone, together they are as rare as an alert must be"),
            Circumstance::Learning => said("learning", "judged by shipped priors, the baseline is still learning"),
        }
    }

    fn label<'a>(&self, label: &'a (String, String)) -> &'a str {
        &label.0
    }

    fn pool(&self, kind: EntityKind, name: &str, accounts: u64) -> String {
        let kind = match kind {
            EntityKind::Account => "account",
            EntityKind::Unit => "unit",
            EntityKind::Partner => "partner",
            EntityKind::Source => "address",
            EntityKind::Device => "device",
            EntityKind::Network => "network",
        };
        format!("{kind} {name} ({accounts} accounts)")
    }

    fn nobody(&self) -> &'static str {
        "addresses without account"
    }

    fn persons(&self, n: u64) -> String {
        if n == 1 { "1 person".into() } else { format!("{n} persons") }
    }

    fn texts(&self) -> &'static Texts {
        &TEXTS
    }

    fn weekday(&self, weekday: Weekday) -> &'static str {
        match weekday {
            Weekday::Monday => "Mon",
            Weekday::Tuesday => "Tue",
            Weekday::Wednesday => "Wed",
            Weekday::Thursday => "Thu",
            Weekday::Friday => "Fri",
            Weekday::Saturday => "Sat",
            Weekday::Sunday => "Sun",
        }
    }

    fn months(&self) -> [&'static str; 12] {
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    }
}
