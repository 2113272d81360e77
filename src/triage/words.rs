//! Facts, and the sentence that is rendered from them, in English and French.

use jiff::civil::Weekday;
use serde_json::{Map, Value, json};

use super::{Language, pooled};
use crate::alert::Fact;
use crate::detect::episode::SignalState;
use crate::detect::report::{Cause, Report};
use crate::detect::rule::Watch;
use crate::event::Touch;

fn fact(code: &str, values: Value) -> Fact {
    let values = match values {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    Fact { code: code.to_owned(), values }
}

/// Every reason, most telling first: the signals in the order they fired, then circumstances.
pub(super) fn facts(report: &Report) -> Vec<Fact> {
    let mut facts: Vec<Fact> = report.signals.iter().map(signal_fact).collect();
    let around = &report.circumstances;
    if let Some((persons, ms)) = around.pace {
        facts.push(fact("pace", json!({"persons": persons, "seconds": (ms + 999) / 1_000})));
    }
    let pooled = report.contributor_count > 0;
    for (holds, code) in [
        (around.new_device && !pooled, "new-device"),
        (around.new_address && !pooled, "new-address"),
        ((around.new_device || around.new_address) && pooled, "new-place"),
        (around.off_hours, "off-hours"),
        (around.rest_day, "rest-day"),
        (report.learning, "learning"),
    ] {
        if holds {
            facts.push(fact(code, json!({})));
        }
    }
    if report.unidentified > 0 {
        facts.push(fact("unidentified-records", json!({"records": report.unidentified})));
    }
    facts
}

fn signal_fact(signal: &SignalState) -> Fact {
    let code = match signal.watch {
        Watch::DistinctPersons => "volume",
        Watch::ForeignOrigins => "foreign",
        Watch::RoleCeiling => "role-ceiling",
        Watch::DeclaredCeiling => "declared-ceiling",
        Watch::EndedAccount => "ended-account",
        Watch::UnidentifiedRecords => "unidentified",
        Watch::NovelPersons => "novelty",
        Watch::DormantPersons => "dormant",
        Watch::OwnUnitPersons => "own-unit",
        Watch::OffHoursPersons => "off-hours-persons",
        Watch::OffHoursOrigins => "off-hours-origins",
        Watch::StrangerPersons => "strange-device",
        Watch::UnusualOperations => "unusual-operation",
        Watch::SensitivePersons => "sensitive",
        Watch::PersonsDrift => "drift",
        Watch::OriginsDrift => "foreign-drift",
        Watch::NoveltyDrift => "novelty-drift",
        Watch::OperationsDrift => "operations-drift",
        Watch::Misses => "misses",
        Watch::Updates => "updates",
        Watch::UnrelatedRecords => "unrelated",
        Watch::NeighbouringIds => "id-sweep",
        Watch::SteadyPace => "steady-pace",
        Watch::PooledForeign => "pooled-foreign",
        Watch::PooledPersons => "pooled-volume",
        Watch::Simultaneous => "simultaneous",
    };
    let mut values = json!({
        "window": signal.measure.map_or("1d", |m| m.window()),
        "observed": signal.observed,
        "usual": signal.usual,
        "not_below": signal.threshold,
    });
    if let Some(touch) = signal.touch {
        values["touch"] = json!(super::touch_word(touch));
    }
    if let Some((group, size, p99)) = &signal.peers {
        values["peers"] = json!({"group": group, "size": size, "p99": p99});
    }
    fact(code, values)
}

/// One sentence a person can act on.
pub(super) fn sentence(report: &Report, facts: &[Fact], language: Language) -> String {
    let french = language == Language::French;
    let say = |english: &str, french_text: &str| {
        if french { french_text.to_owned() } else { english.to_owned() }
    };
    let mut text = pooled::who(report, french);
    if let Some((english, french_label)) = &report.label {
        text += &say(&format!(" ({english})"), &format!(" ({french_label})"));
    }
    let persons = report.persons.0;
    if report.cause == Cause::Opened {
        let pace = pace_words(report, french);
        let when = local_time(report.opened + report.offset_ms, french);
        text += &say(
            &format!(" read {persons} persons{pace} on {when}"),
            &format!(" a lu {persons} personnes{pace} le {when}"),
        );
    } else {
        // The count is that of this revision, so the time must be too.
        let when = local_time(report.at + report.offset_ms, french);
        text += &say(
            &format!(" had read {persons} persons by {when}"),
            &format!(" avait lu {persons} personnes le {when}"),
        );
    }
    let separator = if french { " ; " } else { "; " };
    let mut reasons: Vec<String> = Vec::new();
    if let Some(signal) = report.signals.iter().max_by(|a, b| a.surprise.total_cmp(&b.surprise)) {
        reasons.push(signal_words(signal, french));
        if let Some((_, size, p99)) = &signal.peers {
            reasons.push(say(
                &format!("99 % of the days of {size} peers stay at {p99} or below"),
                &format!("99 % des jours de {size} pairs restent à {p99} ou moins"),
            ));
        }
    }
    reasons.extend(
        facts.iter().filter_map(|f| circumstance_words(&f.code, french)).map(str::to_owned),
    );
    text += if french { " : " } else { ": " };
    text += &reasons.join(separator);
    text + "."
}

/// ` in 7 s`, ` at once`: how fast the persons of the opening were read; empty when unknown.
pub(super) fn pace_words(report: &Report, french: bool) -> String {
    let Some((_, ms)) = report.circumstances.pace.filter(|(read, _)| *read == report.persons.0)
    else {
        return String::new();
    };
    match ((ms + 999) / 1_000, french) {
        (0, false) => " at once".into(),
        (0, true) => " d'un coup".into(),
        (seconds, false) => format!(" in {seconds} s"),
        (seconds, true) => format!(" en {seconds} s"),
    }
}

fn signal_words(signal: &SignalState, french: bool) -> String {
    let (observed, usual, threshold) = (signal.observed, signal.usual, signal.threshold);
    let window = match (signal.measure.map_or("1d", |m| m.window()), french) {
        ("5m", false) => "in 5 minutes",
        ("1h", false) => "in an hour",
        (_, false) => "in a day",
        ("5m", true) => "en 5 minutes",
        ("1h", true) => "en une heure",
        (_, true) => "en un jour",
    };
    let touch = match (signal.touch, french) {
        (Some(Touch::Listed), false) => " listed",
        (Some(Touch::Opened), false) => " opened",
        (Some(Touch::Listed), true) => " listées",
        (Some(Touch::Opened), true) => " ouvertes",
        (None, _) => "",
    };
    match (signal.watch, french) {
        (Watch::EndedAccount, false) => "the account's end date has passed".into(),
        (Watch::EndedAccount, true) => "la date de fin du compte est passée".into(),
        (Watch::UnidentifiedRecords, false) => {
            format!(
                "{observed} records without a usable identity in a day, ceiling {}",
                threshold - 1
            )
        }
        (Watch::UnidentifiedRecords, true) => format!(
            "{observed} dossiers sans identité exploitable en un jour, plafond {}",
            threshold - 1
        ),
        (Watch::RoleCeiling | Watch::DeclaredCeiling, false) => {
            let whose =
                if signal.watch == Watch::RoleCeiling { "the role's" } else { "the declared" };
            format!("{observed} persons{touch} {window}, {whose} ceiling is {}", threshold - 1)
        }
        (Watch::RoleCeiling | Watch::DeclaredCeiling, true) => {
            let whose = if signal.watch == Watch::RoleCeiling { "du rôle" } else { "déclaré" };
            format!("{observed} personnes{touch} {window}, plafond {whose} : {}", threshold - 1)
        }
        (Watch::Simultaneous, french) => pooled::accounts_words(signal, french),
        (watch, french) => {
            let foreign = matches!(watch, Watch::ForeignOrigins | Watch::PooledForeign);
            let (english, in_french) = if foreign {
                ("foreign origins", "origines étrangères")
            } else {
                ("persons", "personnes")
            };
            if french {
                format!(
                    "{observed} {in_french}{touch} {window}, d'habitude au plus {usual}, alerte à \
                     partir de {threshold}"
                )
            } else {
                format!(
                    "{observed} {english}{touch} {window}, usually at most {usual}, alert from \
                     {threshold}"
                )
            }
        }
    }
}

fn circumstance_words(code: &str, french: bool) -> Option<&'static str> {
    Some(match (code, french) {
        ("new-device", false) => "device never seen with this account",
        ("new-device", true) => "appareil jamais vu avec ce compte",
        ("new-address", false) => "address never seen with this account",
        ("new-address", true) => "adresse jamais vue avec ce compte",
        ("new-place", false) => "the accounts came to share it less than two weeks ago",
        ("new-place", true) => "partagé par ces comptes depuis moins de deux semaines",
        ("off-hours", false) => "outside usual hours",
        ("off-hours", true) => "hors des heures habituelles",
        ("rest-day", false) => "weekend or holiday",
        ("rest-day", true) => "week-end ou jour férié",
        ("learning", false) => "judged by shipped priors, the baseline is still learning",
        ("learning", true) => "jugé par les valeurs fournies, la référence apprend encore",
        _ => return None,
    })
}

/// `Tue 6 Feb at 19:00:07`, `mar. 6 févr. à 19:00:07`, from milliseconds of local time.
pub(super) fn local_time(local_ms: i64, french: bool) -> String {
    let (day, clock) = local_parts(local_ms, french);
    if french { format!("{day} à {clock}") } else { format!("{day} at {clock}") }
}

pub(super) fn local_parts(local_ms: i64, french: bool) -> (String, String) {
    let moment = jiff::Timestamp::from_millisecond(local_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = jiff::tz::TimeZone::UTC.to_datetime(moment);
    let weekday = match (local.weekday(), french) {
        (Weekday::Monday, false) => "Mon",
        (Weekday::Tuesday, false) => "Tue",
        (Weekday::Wednesday, false) => "Wed",
        (Weekday::Thursday, false) => "Thu",
        (Weekday::Friday, false) => "Fri",
        (Weekday::Saturday, false) => "Sat",
        (Weekday::Sunday, false) => "Sun",
        (Weekday::Monday, true) => "lun.",
        (Weekday::Tuesday, true) => "mar.",
        (Weekday::Wednesday, true) => "mer.",
        (Weekday::Thursday, true) => "jeu.",
        (Weekday::Friday, true) => "ven.",
        (Weekday::Saturday, true) => "sam.",
        (Weekday::Sunday, true) => "dim.",
    };
    const ENGLISH: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const FRENCH: [&str; 12] = [
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ];
    let months = if french { FRENCH } else { ENGLISH };
    let month = months.get(local.month() as usize - 1).copied().unwrap_or_default();
    let clock = format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second());
    (format!("{weekday} {} {month}", local.day()), clock)
}
