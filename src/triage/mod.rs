//! 4\. Findings become alert revisions: severity, confidence, facts and the sentence. Pure, and
//! without memory: an episode's report holds all there is to say.

mod facts;
mod id;
mod line;
mod pooled;
mod sentence;
mod shared;
mod weight;
mod words;

pub use id::alert_id;
pub use line::terminal_line;
pub use shared::shared_account;

use std::collections::BTreeMap;

use crate::alert::{
    Alert, Entity, EntityKind, Exposure, Peers, PositionRange, ReadFrom, Seen, SeenEvent, Signal,
    Status,
};
use crate::detect;
use crate::detect::episode::{SignalState, TrailEvent};
use crate::detect::report::{Cause, ReaderKind, Report};
use crate::event::{DATA_CLASSES, TimestampMs, Touch};

/// Languages the sentences speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// The default.
    #[default]
    English,
    /// The analysts' own, mostly.
    French,
}

/// What every alert of a shard carries.
#[derive(Clone, Debug)]
pub struct Triage {
    /// Which log the positions count in.
    pub shard: String,
    /// Hash of the rules in force.
    pub rules_version: String,
    /// Configured population codes, in the order of their bit.
    pub population: Vec<String>,
    /// Language of the sentence.
    pub language: Language,
}

impl Triage {
    /// The alert revision that an episode's change amounts to.
    #[must_use]
    pub fn alert(&self, report: &Report) -> Alert {
        let weight = weight::of(report);
        let facts = facts::of(report);
        let explanation = sentence::of(report, words::tongue(self.language));
        let accounts: Vec<String> = match report.entity {
            EntityKind::Account => vec![report.name.clone()],
            _ => report.contributors.clone(),
        };
        let account_count = report.contributor_count.max(accounts.len() as u64);
        Alert {
            id: alert_id(report.entity, &report.name, report.opened, report.ordinal),
            revision: report.revision,
            status: if report.cause == Cause::Ended { Status::Ended } else { Status::Open },
            severity: weight.severity,
            confidence: (weight.confidence * 1e4).round() / 1e4,
            entity: Entity { kind: report.entity, id: report.name.clone() },
            partner: report.partner.clone(),
            unit: report.unit.clone(),
            role: report.role.clone(),
            account_count,
            accounts,
            follows: report.follows.clone(),
            learning: report.learning,
            historical: false,
            opened_at: rfc3339(report.opened),
            first_event_at: rfc3339(report.first),
            last_event_at: rfc3339(report.last),
            updated_at: rfc3339(report.at),
            exposure: self.exposure(report),
            seen: seen(report),
            read_from: report.read_by.readers.iter().map(read_from).collect(),
            signals: report.signals.iter().map(signal).collect(),
            facts,
            explanation,
            events: report.events.iter().map(seen_event).collect(),
            positions: vec![PositionRange {
                shard: self.shard.clone(),
                from: report.positions.0,
                to: report.positions.1,
            }],
            model_epoch: report.epoch,
            rules_version: self.rules_version.clone(),
        }
    }

    fn exposure(&self, report: &Report) -> Exposure {
        let (persons, low, high) = report.persons;
        let named = |counts: &[u64], names: &mut dyn Iterator<Item = String>| {
            let pairs = names.zip(counts.iter().copied()).filter(|(_, n)| *n > 0);
            pairs.collect::<BTreeMap<String, u64>>()
        };
        Exposure {
            persons,
            low,
            high,
            records: report.records,
            unidentified: report.unidentified,
            data: named(&report.data, &mut DATA_CLASSES.iter().map(|c| (*c).to_owned())),
            population: named(&report.population, &mut self.population.iter().cloned()),
        }
    }
}

/// Whether devices were seen: a log without them still has addresses.
fn has_devices(report: &Report) -> bool {
    !report.seen[1].is_empty()
}

fn seen(report: &Report) -> Seen {
    let [ips, devices, sessions] = report.seen.clone();
    Seen { ips, devices, sessions }
}

fn read_from(reader: &detect::report::ReadFrom) -> ReadFrom {
    let kind = match reader.kind {
        ReaderKind::Session => "session",
        ReaderKind::Device => "device",
        ReaderKind::Address => "ip",
    };
    let (id, persons) = (reader.name.clone(), reader.persons);
    ReadFrom { kind: kind.to_owned(), id, persons, new: reader.new }
}

fn signal(state: &SignalState) -> Signal {
    let round = |x: f64| (x * 100.0).round() / 100.0;
    Signal {
        rule: state.rule.clone(),
        measure: state.watch.measure().to_owned(),
        touch: words::touch(state).map(|t| touch_word(t).to_owned()),
        window: state.measure.map_or("1d", |m| m.window()).to_owned(),
        observed: state.observed,
        expected: round(state.expected),
        threshold: state.threshold,
        surprise: round(state.surprise),
        at: rfc3339(state.at),
        persons_at: state.persons_at,
        peers: state.peers.as_ref().map(|(group, size, p99)| Peers {
            group: group.clone(),
            size: *size,
            p99: *p99,
        }),
    }
}

fn touch_word(touch: Touch) -> &'static str {
    match touch {
        Touch::Listed => "listed",
        Touch::Opened => "opened",
    }
}

fn seen_event(event: &TrailEvent) -> SeenEvent {
    SeenEvent {
        at: rfc3339(event.time),
        position: event.position,
        action: event.action.to_string(),
        persons: event.persons,
        ip: event.ip.as_deref().map(str::to_owned),
        device: event.device.as_deref().map(str::to_owned),
        session: event.session.as_deref().map(str::to_owned),
    }
}

/// RFC 3339 in UTC with milliseconds, always the same length.
#[must_use]
pub fn rfc3339(time: TimestampMs) -> String {
    let moment = jiff::Timestamp::from_millisecond(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// The moment that [`rfc3339`] wrote; 0 for any other text.
#[must_use]
pub fn millis(text: &str) -> TimestampMs {
    text.parse::<jiff::Timestamp>().map_or(0, |moment| moment.as_millisecond())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::alert::Severity;
    use crate::detect::channel::Measure;
    use crate::detect::episode::Circumstances;
    use crate::detect::epoch::HourClass;
    use crate::detect::report::ReadBy;
    use crate::detect::rule::Watch;

    pub(crate) const OPENED: TimestampMs = 1_707_242_407_000; // Tue 6 Feb 2024, 19:00:07 in Paris

    pub(crate) fn report() -> Report {
        Report {
            cause: Cause::Opened,
            revision: 1,
            ordinal: 0,
            entity: EntityKind::Account,
            name: "cap00412".into(),
            partner: Some("cap-emploi".into()),
            unit: Some("cap-emploi-75".into()),
            role: Some("cap-adviser".into()),
            label: Some(("Cap emploi adviser".into(), "conseiller Cap emploi".into())),
            opened: OPENED,
            first: OPENED - 7_000,
            follows: None,
            last: OPENED,
            at: OPENED,
            persons: (50, 50, 50),
            read_by: ReadBy::default(),
            records: 50,
            unidentified: 0,
            data: vec![50, 0, 50],
            population: vec![],
            seen: [vec!["203.0.113.9".into()], vec!["kali".into()], vec![]],
            signals: vec![SignalState {
                rule: "mass-extraction.foreign-origins".into(),
                watch: Watch::ForeignOrigins,
                touch: Some(Touch::Listed),
                measure: Some(Measure::Foreign1h),
                observed: 50,
                expected: 3.2,
                usual: 9,
                threshold: 38,
                surprise: 7.1,
                budget: 4.6,
                at: OPENED,
                persons_at: 50,
                peers: Some(("cap-emploi/cap-adviser".into(), 214, 14)),
                class: HourClass::Shoulder,
                joint: false,
            }],
            circumstances: Circumstances {
                new_device: true,
                new_address: false,
                off_hours: true,
                rest_day: false,
                pace: Some((50, 7_000)),
            },
            learning: false,
            positions: (10, 900),
            events: vec![],
            epoch: 29,
            offset_ms: 3_600_000,
            contributors: Vec::new(),
            contributor_count: 0,
        }
    }

    pub(crate) fn triage() -> Triage {
        Triage {
            shard: "file".into(),
            rules_version: "0123456789ab".into(),
            population: vec![],
            language: Language::English,
        }
    }

    #[test]
    fn the_alert_carries_the_contract() {
        let alert = triage().alert(&report());
        assert_eq!(alert.severity, Severity::Critical);
        assert_eq!(alert.opened_at, "2024-02-06T18:00:07.000Z");
        assert_eq!(alert.exposure.data["nir"], 50);
        assert_eq!(alert.signals[0].threshold, 38);
        let json = serde_json::to_value(&alert).unwrap();
        for key in [
            "id",
            "revision",
            "status",
            "severity",
            "confidence",
            "entity",
            "partner",
            "unit",
            "role",
            "accounts",
            "account_count",
            "follows",
            "learning",
            "opened_at",
            "first_event_at",
            "last_event_at",
            "updated_at",
            "exposure",
            "seen",
            "signals",
            "facts",
            "explanation",
            "positions",
            "model_epoch",
            "rules_version",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        let back: Alert = serde_json::from_value(json).unwrap();
        assert_eq!(back, alert);
    }

    #[test]
    fn the_sentence_is_for_three_in_the_morning() {
        let alert = triage().alert(&report());
        assert_eq!(
            alert.explanation,
            "cap00412 (Cap emploi adviser) read 50 persons in 7 s on Tue 6 Feb at 19:00:07: 50 \
             foreign origins listed in an hour, usually at most 9, alert from 38; 99 % of the days of \
             214 peers stay at 14 or below; device never seen with this account; outside usual hours."
        );
        let mut later = report();
        (later.cause, later.at, later.persons) =
            (Cause::Exposure, OPENED + 600_000, (312, 312, 312));
        let later = triage().alert(&later).explanation;
        let wanted =
            "cap00412 (Cap emploi adviser) had read 312 persons by Tue 6 Feb at 19:10:07: 50 ";
        assert!(later.starts_with(wanted), "{later}");
        let french = Triage { language: Language::French, ..triage() }.alert(&report());
        assert_eq!(
            french.explanation,
            "cap00412 (conseiller Cap emploi) a lu 50 personnes en 7 s le mar. 6 févr. à 19:00:07 : \
             50 origines étrangères listées en une heure, d'habitude au plus 9, alerte à partir de 38 ; \
             99 % des jours de 214 pairs restent à 14 ou moins ; appareil jamais vu avec ce compte ; \
             hors des heures habituelles."
        );
    }
}
