//! Confidence and severity.
//!
//! Evidence is counted in decades (factors of ten): how far the strongest signal lies beyond what
//! the budget lets fire, and what independent evidence adds to it. At the threshold half of all
//! alerts are innocent by construction, so confidence = 1 − ½ · 10^(−evidence).

use crate::alert::Severity;
use crate::detect::family::Family;
use crate::detect::report::Report;
use crate::detect::rule::Watch;
use crate::event::DATA_CLASSES;

/// How sure, how bad.
pub(super) struct Weight {
    pub(super) confidence: f64,
    pub(super) severity: Severity,
}

/// A family's word in facts.
pub(super) fn word(family: Family) -> &'static str {
    match family {
        Family::Volume => "volume",
        Family::Foreign => "foreign",
        Family::Hours => "hours",
        Family::Device => "device",
        Family::Operation => "operation",
        Family::Pace => "pace",
        Family::Account => "account",
    }
}

/// Watches that alone are a hint, not an accusation: software does such things, and people who type
/// badly.
fn is_weak(watch: Watch) -> bool {
    matches!(
        watch,
        Watch::Misses
            | Watch::Updates
            | Watch::UnrelatedRecords
            | Watch::SteadyPace
            | Watch::SensitivePersons
    )
}

/// Data whose disclosure cannot be undone.
const SENSITIVE: [&str; 8] = [
    "nir",
    "bank",
    "health",
    "disability",
    "guardianship",
    "justice",
    "nationality",
    "credentials",
];
/// Persons with sensitive data from which the alert is one step worse.
const SENSITIVE_FROM: u64 = 100;
/// Persons from which weak evidence alone may be more than medium.
const WEAK_FROM: u64 = 100;
/// Persons a second that no one reads by hand.
const MACHINE_PACE: f64 = 1.0;
/// Decades of a further family that just fired, and at most: it looks at the same events, so that
/// what it has beyond its own budget counts only half.
const FURTHER: (f64, f64) = (0.5, 1.0);
/// Decades of all further families and circumstances together.
const FURTHER_MAX: f64 = 3.0;
/// Decades that shipped priors take: they are nobody's promise.
const LEARNING: f64 = 0.7;

pub(super) fn of(report: &Report) -> Weight {
    let evidence = evidence(report);
    // Shipped priors can take more than there is: less than nothing is nothing.
    let confidence = (1.0 - 0.5 * 10f64.powf(-evidence)).max(0.0);
    let mut steps = match confidence {
        c if c >= 0.99 => 4,
        c if c >= 0.9 => 3,
        c if c >= 0.5 => 2,
        _ => 1,
    };
    let persons = report.persons.0;
    let sensitive = DATA_CLASSES.iter().zip(&report.data);
    let sensitive = sensitive.filter(|(class, _)| SENSITIVE.contains(class)).map(|(_, n)| *n).max();
    steps += i32::from(persons >= 1_000);
    steps += i32::from(sensitive.unwrap_or(0) >= SENSITIVE_FROM);
    if persons >= 10_000 {
        steps = 4;
    }
    let few = persons < 25 && report.unidentified == 0;
    let weak = persons < WEAK_FROM && report.signals.iter().all(|s| is_weak(s.watch));
    if few || weak {
        steps = steps.min(2);
    }
    let severity = match steps {
        ..=0 => Severity::Info,
        1 => Severity::Low,
        2 => Severity::Medium,
        3 => Severity::High,
        _ => Severity::Critical,
    };
    Weight { confidence, severity }
}

/// Words of the families that fired.
pub(super) fn families(report: &Report) -> Vec<&'static str> {
    let fired = Family::ALL.into_iter().filter(|family| beyond(report, *family).is_some());
    fired.map(word).collect()
}

/// Decades that the strongest signal of a family lies beyond its budget.
fn beyond(report: &Report, of: Family) -> Option<f64> {
    let signals = report.signals.iter().filter(|s| s.watch.family() == of);
    signals.map(|s| (s.surprise - s.budget).max(0.0)).max_by(f64::total_cmp)
}

/// Decades of what stands out about a family without having been counted.
fn circumstance(report: &Report, family: Family) -> f64 {
    let around = &report.circumstances;
    let fast = around.pace.is_some_and(|(persons, ms)| {
        persons >= 10 && persons as f64 * 1_000.0 >= MACHINE_PACE * ms as f64
    });
    let weigh = |holds: bool, decades: f64| if holds { decades } else { 0.0 };
    match family {
        Family::Hours => weigh(around.off_hours, 0.5) + weigh(around.rest_day, 0.5),
        Family::Device => weigh(around.new_device, 1.0) + weigh(around.new_address, 0.3),
        Family::Pace => weigh(fast, 1.0),
        _ => 0.0,
    }
}

/// The strongest family counts fully; of the others each adds what it saw, as a signal or as a
/// circumstance. Of signs that fired together none is beyond its own threshold: they count as far as
/// the second of them goes.
fn evidence(report: &Report) -> f64 {
    let fired = Family::ALL.map(|family| beyond(report, family));
    let mut order: Vec<usize> = (0..fired.len()).filter(|at| fired[*at].is_some()).collect();
    order.sort_by(|a, b| fired[*b].unwrap_or(0.0).total_cmp(&fired[*a].unwrap_or(0.0)));
    let counted = order.get(usize::from(report.is_joint())).and_then(|at| fired[*at]);
    let told = |at: usize| order.first() == Some(&at) || (report.is_joint() && fired[at].is_some());
    let further = Family::ALL.into_iter().enumerate().filter(|(at, _)| !told(*at));
    let further = further.map(|(at, family)| {
        let (least, most) = FURTHER;
        let signal = fired[at].map_or(0.0, |beyond| (least + beyond / 2.0).min(most));
        signal.max(circumstance(report, family))
    });
    let learning = if report.learning { LEARNING } else { 0.0 };
    counted.unwrap_or(0.0) + further.sum::<f64>().min(FURTHER_MAX) - learning
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::channel::SPECS;
    use crate::detect::episode::{Circumstances, SignalState};
    use crate::triage::tests::report;

    fn severity(change: impl FnOnce(&mut Report)) -> Severity {
        let mut report = report();
        report.circumstances = Circumstances::default();
        report.signals[0].surprise = report.signals[0].budget;
        report.data = vec![];
        change(&mut report);
        of(&report).severity
    }

    #[test]
    fn severity_follows_evidence_and_harm() {
        assert_eq!(severity(|_| ()), Severity::Medium);
        assert_eq!(severity(|r| r.learning = true), Severity::Low);
        assert_eq!(severity(|r| r.circumstances.new_device = true), Severity::High);
        assert_eq!(severity(|r| r.signals[0].surprise += 2.0), Severity::Critical);
        assert_eq!(severity(|r| r.persons = (2_000, 1_900, 2_100)), Severity::High);
        assert_eq!(severity(|r| r.persons = (20_000, 1, 30_000)), Severity::Critical);
        assert_eq!(severity(|r| r.data = vec![0, 0, 150]), Severity::High);
        assert_eq!(severity(|r| r.persons = (3, 3, 3)), Severity::Medium);
    }

    #[test]
    fn confidence_is_a_half_at_the_threshold() {
        let mut at_threshold = report();
        at_threshold.circumstances = Circumstances::default();
        at_threshold.signals[0].surprise = at_threshold.signals[0].budget;
        assert_eq!(of(&at_threshold).confidence, 0.5);
        assert!(of(&report()).confidence > 0.99);
        at_threshold.learning = true;
        assert_eq!(of(&at_threshold).confidence, 0.0);
    }

    /// A report whose signals lie at their budget, plus what is given, in decades.
    fn fired(signals: &[(Watch, f64)]) -> Report {
        let mut report = report();
        report.circumstances = Circumstances::default();
        report.data = vec![];
        let one = report.signals.remove(0);
        report.signals = signals
            .iter()
            .map(|(watch, beyond)| SignalState {
                watch: *watch,
                surprise: one.budget + beyond,
                ..one.clone()
            })
            .collect();
        report
    }

    #[test]
    fn independent_evidence_adds_up_and_the_same_twice_does_not() {
        let check = |signals: &[(Watch, f64)], wanted: f64| {
            let evidence = evidence(&fired(signals));
            assert!((evidence - wanted).abs() < 1e-9, "{signals:?}: {evidence}");
        };
        let foreign = (Watch::ForeignOrigins, 0.8);
        check(&[foreign], 0.8);
        // A transfer is new to the account: that says nothing new.
        check(&[(Watch::DistinctPersons, 0.2), (Watch::NovelPersons, 0.4)], 0.4);
        check(&[foreign, (Watch::DormantPersons, 0.6), (Watch::OriginsRun, 0.7)], 0.8);
        // Half of what a further family has beyond, half a decade at least, one at most.
        check(&[foreign, (Watch::DistinctPersons, 0.0)], 1.3);
        check(&[foreign, (Watch::DistinctPersons, 0.4)], 1.5);
        check(&[(Watch::DistinctPersons, 4.0), foreign], 4.9);
        check(&[(Watch::DistinctPersons, 4.0), (Watch::ForeignOrigins, 3.0)], 5.0);
        let all: Vec<(Watch, f64)> = SPECS.iter().map(|spec| (spec.watch, 2.0)).collect();
        check(&all, 5.0);
        // Below its budget, where shipped priors set the threshold, is not less than nothing.
        check(&[foreign, (Watch::OffHoursOrigins, -1.0)], 1.3);
    }

    #[test]
    fn signs_that_fired_together_are_at_their_threshold_together() {
        let mut report = fired(&[(Watch::DistinctPersons, 0.0), (Watch::StrangerPersons, 0.0)]);
        assert_eq!(evidence(&report), 0.5, "two counts that each reached its own threshold");
        report.signals.iter_mut().for_each(|s| s.joint = true);
        assert_eq!(evidence(&report), 0.0);
        assert_eq!(of(&report).confidence, 0.5);
        report.signals[0].surprise += 2.0;
        assert_eq!(evidence(&report), 0.0, "the second of them is what is rare");
        report.signals[0].surprise -= 2.0;
        report.signals[0].joint = false;
        assert_eq!(evidence(&report), 0.5, "one of them came to its own");
    }

    #[test]
    fn a_circumstance_that_was_counted_counts_once() {
        let mut report = fired(&[(Watch::ForeignOrigins, 1.0), (Watch::OffHoursOrigins, 0.2)]);
        let alone = evidence(&report);
        report.circumstances.off_hours = true;
        assert_eq!(evidence(&report), alone);
        report.circumstances.rest_day = true;
        assert!((evidence(&report) - alone - 0.4).abs() < 1e-9, "a night of a Sunday is more");
        report.circumstances.new_device = true;
        assert!((evidence(&report) - alone - 1.4).abs() < 1e-9);
    }

    #[test]
    fn weak_evidence_alone_is_a_hint() {
        let severity = |persons: u64, signals: &[(Watch, f64)]| {
            let mut report = fired(signals);
            report.persons = (persons, persons, persons);
            of(&report).severity
        };
        for watch in [Watch::Misses, Watch::SteadyPace, Watch::UnrelatedRecords, Watch::Updates] {
            assert_eq!(severity(60, &[(watch, 5.0)]), Severity::Medium, "{watch:?}");
            assert_eq!(severity(160, &[(watch, 5.0)]), Severity::Critical, "{watch:?}");
        }
        assert_eq!(
            severity(60, &[(Watch::Misses, 5.0), (Watch::SteadyPace, 5.0)]),
            Severity::Medium
        );
        assert_eq!(
            severity(60, &[(Watch::Misses, 5.0), (Watch::ForeignOrigins, 0.0)]),
            Severity::Critical
        );
    }
}
