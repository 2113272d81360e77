//! Why an alert was raised, in the page's language, from the alert's signals and facts alone: the
//! stored sentence speaks one language, the reader may speak the other.

use super::say::Say;
use crate::alert::{Alert, Signal};
use crate::triage::{millis, shared_account};

/// The signal that tells most, with its "usually at most".
pub(super) struct Lead<'a> {
    pub(super) signal: &'a Signal,
    /// Two deviations above the mean; the mean itself when the alert does not say.
    pub(super) usual: u64,
    /// Its fact's code: `volume`, `role-ceiling` …
    pub(super) code: &'a str,
}

/// The most surprising signal; facts begin with those of the signals, in their order.
pub(super) fn lead(alert: &Alert) -> Option<Lead<'_>> {
    let (at, signal) =
        alert.signals.iter().enumerate().max_by(|a, b| a.1.surprise.total_cmp(&b.1.surprise))?;
    let fact = alert.facts.get(at);
    let usual = fact.and_then(|f| f.values.get("usual")).and_then(serde_json::Value::as_u64);
    Some(Lead {
        signal,
        usual: usual.unwrap_or(signal.expected.max(0.0).ceil() as u64),
        code: fact.map_or("", |f| f.code.as_str()),
    })
}

/// `foreign origins listed`, in the form for `n`.
pub(super) fn noun(say: Say<'_>, measure: &str, touch: &str, n: u64) -> String {
    let w = &say.w.counted;
    let touch = match touch {
        "listed" => say.plural(w.listed, n),
        "opened" => say.plural(w.opened, n),
        _ => String::new(),
    };
    say.form(w.noun(measure), n).replace("{}", &touch)
}

/// What a signal counts.
pub(super) fn measure(say: Say<'_>, signal: &Signal, n: u64) -> String {
    noun(say, &signal.measure, signal.touch.as_deref().unwrap_or_default(), n)
}

/// `in an hour`
pub(super) fn within(say: Say<'_>, signal: &Signal) -> &'static str {
    say.w.counted.within(&signal.measure, &signal.window)
}

/// `1 hour`
pub(super) fn window(say: Say<'_>, measure: &str, window: &str) -> &'static str {
    say.w.counted.window(measure, window)
}

/// `50 foreign origins listed in an hour`
pub(super) fn counted(say: Say<'_>, signal: &Signal, n: u64) -> String {
    format!("{} {} {}", say.number(n), measure(say, signal, n), within(say, signal))
}

/// What else stands out, in words.
pub(super) fn also(say: Say<'_>, alert: &Alert) -> Vec<String> {
    let w = &say.w.alert;
    let number =
        |values: &serde_json::Map<_, serde_json::Value>, key: &str| values.get(key)?.as_u64();
    let words = alert.facts.iter().filter_map(|fact| {
        Some(match fact.code.as_str() {
            "new-device" => w.new_device.to_owned(),
            "new-address" => w.new_address.to_owned(),
            "shared-account" => shared_account(fact, say.w.language)?,
            "off-hours" => w.off_hours.to_owned(),
            "rest-day" => w.rest_day.to_owned(),
            "pace" => {
                let persons = say.plural(say.w.persons, number(&fact.values, "persons")?);
                match number(&fact.values, "seconds")? {
                    0 => format!("{persons} {}", w.pace_once),
                    s => format!("{} {s}\u{a0}s", w.pace.replace("{}", &persons)),
                }
            }
            "unidentified-records" => say.plural(w.unidentified, number(&fact.values, "records")?),
            _ => return None,
        })
    });
    words.collect()
}

/// The queue's cell: the leading signal, then what else stands out.
pub(super) fn short(say: Say<'_>, alert: &Alert) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(lead(alert).map(|lead| counted(say, lead.signal, lead.signal.observed)));
    parts.extend(also(say, alert));
    if parts.is_empty() { alert.explanation.clone() } else { parts.join(say.semicolon()) }
}

/// `×6`, when the usual is known and left far behind.
pub(super) fn times(say: Say<'_>, lead: &Lead<'_>) -> Option<String> {
    let ratio = lead.signal.observed as f64 / lead.usual as f64;
    (lead.usual > 0 && ratio >= 1.5).then(|| say.decimal(ratio))
}

/// The five lines and what would have been needed, of an alert page.
pub(super) struct Why {
    pub(super) fact: String,
    pub(super) own: String,
    pub(super) peers: String,
    pub(super) also: Vec<String>,
    pub(super) sure: Vec<String>,
    /// `38 foreign origins listed in an hour`; `None` where one access is enough.
    pub(super) needed: Option<String>,
    /// Whether foreign origins need explaining.
    pub(super) foreign: bool,
}

impl Why {
    pub(super) fn of(say: Say<'_>, alert: &Alert) -> Why {
        let lead = lead(alert);
        Why {
            fact: fact(say, alert),
            own: lead.as_ref().map_or_else(String::new, |lead| own(say, lead)),
            peers: lead.as_ref().map_or_else(String::new, |lead| peers(say, lead.signal)),
            also: also(say, alert),
            sure: sure(say, alert),
            needed: lead
                .filter(|lead| lead.signal.threshold > 1)
                .map(|lead| counted(say, lead.signal, lead.signal.threshold)),
            foreign: alert.signals.iter().any(|s| s.measure.contains("origins")),
        }
    }
}

/// `312 persons between … and …. The alert opened when 38 persons had been read.`
fn fact(say: Say<'_>, alert: &Alert) -> String {
    let w = &say.w.alert;
    let persons = say.plural(say.w.persons, alert.exposure.persons);
    let (from, to) = (millis(&alert.first_event_at), millis(&alert.last_event_at));
    let same_day = say.date_of(from) == say.date_of(to);
    let until = if same_day { say.clock(to) } else { say.full(to) };
    let mut text = format!(
        "{} {} {} {until} ({}).",
        w.fact.replace("{}", &persons),
        say.full(from),
        w.fact_and,
        say.span(to - from)
    );
    if let Some(first) = alert.signals.iter().min_by(|a, b| a.at.cmp(&b.at)) {
        let then = say.plural(say.w.persons, first.persons_at);
        text.push(' ');
        text += &w.fact_opened.replace("{}", &then);
    }
    text
}

fn own(say: Say<'_>, lead: &Lead<'_>) -> String {
    let w = &say.w.alert;
    let counted = counted(say, lead.signal, lead.signal.observed);
    match lead.code {
        "ended-account" => w.own_ended.to_owned(),
        "role-ceiling" | "declared-ceiling" | "unidentified" => {
            let ceiling = say.number(lead.signal.threshold.saturating_sub(1));
            format!("{counted}{}{}.", say.semicolon(), w.own_ceiling.replace("{}", &ceiling))
        }
        _ => {
            let times = times(say, lead)
                .map_or_else(String::new, |t| format!(" {}", w.own_times.replace("{}", &t)));
            format!(
                "{} {}, {}{times}.",
                w.own.replace("{}", &counted),
                say.number(lead.usual),
                w.own_mean.replace("{}", &say.decimal(lead.signal.expected))
            )
        }
    }
}

fn peers(say: Say<'_>, signal: &Signal) -> String {
    let w = &say.w.alert;
    let Some(peers) = &signal.peers else { return w.peers_none.to_owned() };
    let accounts = say.plural(w.peers_accounts, peers.size);
    format!(
        "{} ({}) {}.",
        w.peers.replace("{}", &accounts),
        peers.group,
        w.peers_stay.replace("{}", &say.number(peers.p99))
    )
}

fn sure(say: Say<'_>, alert: &Alert) -> Vec<String> {
    let w = &say.w.alert;
    let mut parts = vec![w.sure.replace("{}", &say.percent(alert.confidence))];
    let exposure = &alert.exposure;
    if exposure.low < exposure.high {
        parts.push(format!(
            "{} {} {} {}",
            w.sure_estimate,
            say.number(exposure.low),
            w.fact_and,
            say.number(exposure.high)
        ));
    }
    if alert.learning {
        parts.push(w.sure_learning.to_owned());
    }
    if alert.historical {
        parts.push(w.sure_historical.to_owned());
    }
    parts
}
