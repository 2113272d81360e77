//! The sentence: who read how many when, which count fired against what, how the peers do, what else
//! speaks for it, and how sure that is.

use super::pooled;
use super::shared::Shared;
use super::words::{self, Circumstance, Tongue, fill, local_time};
use crate::detect::episode::SignalState;
use crate::detect::report::{Cause, Report};

const DAY_MS: i64 = 86_400_000;

/// One sentence a person can act on.
pub(super) fn of(report: &Report, tongue: &dyn Tongue) -> String {
    let texts = tongue.texts();
    let mut reasons: Vec<String> = Vec::new();
    let told = most_telling(report.signals.iter());
    if let Some(signal) = told {
        let counted = words::long(signal, super::has_devices(report), tongue);
        reasons.push(counted + &bound(signal, tongue.bound(words::bound(signal)).long, ""));
        if let Some((_, size, p99)) = &signal.peers {
            let each = tongue.window(words::window(signal)).each;
            reasons.push(fill(texts.peers, &[("each", &each), ("size", &size), ("p99", &p99)]));
        }
        reasons.extend(also(report, signal, tongue));
    }
    reasons.extend(circumstances(report).map(|c| tongue.circumstance(c).long.to_owned()));
    reasons.extend(Shared::of(report).map(|shared| shared.sentence(tongue)));
    let (_, low, high) = report.persons;
    if low < high {
        reasons.push(fill(texts.estimated, &[("low", &low), ("high", &high)]));
    }
    beginning(report, tongue) + texts.colon + &reasons.join(texts.semicolon) + "."
}

/// `cap00412 (Cap emploi adviser) read 50 persons in 7 s on Tue 6 Feb at 19:00:07`
fn beginning(report: &Report, tongue: &dyn Tongue) -> String {
    let texts = tongue.texts();
    let who = match &report.label {
        Some(label) => {
            let label = tongue.label(label);
            fill(texts.named, &[("label", &label), ("who", &pooled::who(report, tongue))])
        }
        None => pooled::who(report, tongue),
    };
    let persons = tongue.persons(report.persons.0);
    let local = |time: i64| local_time(time + report.offset_ms, tongue);
    let (pattern, when) = match report.cause {
        Cause::Opened if began_before(report) => (texts.read_between, report.opened),
        Cause::Opened => (texts.read, report.opened),
        // The count is that of this revision, so the time must be too.
        _ => (texts.had_read, report.at),
    };
    let values: [(&str, &dyn std::fmt::Display); 5] = [
        ("persons", &persons),
        ("pace", &pace(report, tongue)),
        ("from", &local(report.first)),
        ("when", &local(when)),
        // Last, so that a name is never taken for a pattern.
        ("who", &who),
    ];
    fill(pattern, &values)
}

/// The persons were read over more days than that of the opening.
pub(super) fn began_before(report: &Report) -> bool {
    let day = |time: i64| (time + report.offset_ms).div_euclid(DAY_MS);
    day(report.first) < day(report.opened)
}

/// ` in 7 s`, ` at once`: how fast the persons of the opening were read; empty when unknown.
pub(super) fn pace(report: &Report, tongue: &dyn Tongue) -> String {
    let pace = report.circumstances.pace.filter(|(read, _)| *read == report.persons.0);
    match pace.map(|(_, ms)| (ms + 999) / 1_000) {
        None => String::new(),
        Some(0) => tongue.texts().at_once.into(),
        Some(seconds) => fill(tongue.texts().seconds, &[("s", &seconds)]),
    }
}

/// The most surprising of some signals, the first of equals.
pub(super) fn most_telling<'a>(
    signals: impl DoubleEndedIterator<Item = &'a SignalState>,
) -> Option<&'a SignalState> {
    signals.rev().max_by(|a, b| a.surprise.total_cmp(&b.surprise))
}

/// What a count is compared with, in a pattern's words.
pub(super) fn bound(signal: &SignalState, pattern: &str, per: &str) -> String {
    fill(
        pattern,
        &[
            ("usual", &signal.usual),
            ("threshold", &signal.threshold),
            ("ceiling", &signal.threshold.saturating_sub(1)),
            ("per", &per),
        ],
    )
}

/// Independent evidence: the strongest signals of up to two other families than the one told.
fn also(report: &Report, told: &SignalState, tongue: &dyn Tongue) -> Option<String> {
    const TOLD_MAX: usize = 2;
    let mut families = vec![told.watch.family()];
    let mut counts = Vec::new();
    while counts.len() < TOLD_MAX {
        let others = report.signals.iter();
        let others = others.filter(|s| !families.contains(&s.watch.family()));
        let Some(next) = most_telling(others) else { break };
        families.push(next.watch.family());
        counts.push(words::short(next, super::has_devices(report), tongue));
    }
    let counts = counts.join(tongue.texts().and);
    (!counts.is_empty()).then(|| fill(tongue.texts().also, &[("counts", &counts)]))
}

/// What holds, in the order it is told.
pub(super) fn circumstances(report: &Report) -> impl Iterator<Item = Circumstance> {
    let around = &report.circumstances;
    let pooled = report.contributor_count > 0;
    [
        (around.new_device && !pooled, Circumstance::NewDevice),
        (around.new_address && !pooled, Circumstance::NewAddress),
        ((around.new_device || around.new_address) && pooled, Circumstance::NewPlace),
        (around.off_hours, Circumstance::OffHours),
        (around.rest_day, Circumstance::RestDay),
        (report.is_joint(), Circumstance::Joint),
        (report.learning, Circumstance::Learning),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .map(|(_, circumstance)| circumstance)
}
