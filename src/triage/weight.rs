//! Confidence and severity.
//!
//! Evidence is counted in decades (factors of ten): how far the most surprising signal lies beyond
//! what the budget lets fire, and what the circumstances add. At the threshold half of all alerts
//! are innocent by construction, so confidence = 1 − ½ · 10^(−evidence).

use crate::alert::Severity;
use crate::detect::report::Report;
use crate::event::DATA_CLASSES;

/// How sure, how bad.
pub(super) struct Weight {
    pub(super) confidence: f64,
    pub(super) severity: Severity,
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
/// Persons a second that no one reads by hand.
const MACHINE_PACE: f64 = 1.0;

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
    if persons < 25 && report.unidentified == 0 {
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

fn evidence(report: &Report) -> f64 {
    let beyond = report.signals.iter().map(|s| s.surprise - s.budget).fold(0.0, f64::max);
    let around = &report.circumstances;
    let fast = around.pace.is_some_and(|(persons, ms)| {
        persons >= 10 && persons as f64 * 1_000.0 >= MACHINE_PACE * ms as f64
    });
    let measures = |foreign: bool| {
        report.signals.iter().any(|s| s.measure.is_some_and(|m| m.is_strange() == foreign))
    };
    let weighed = [
        (around.new_device, 1.0),
        (around.new_address, 0.3),
        (around.off_hours, 0.5),
        (around.rest_day, 0.5),
        (fast, 1.0),
        (measures(true) && measures(false), 0.5),
        // Shipped priors are nobody's promise.
        (report.learning, -0.7),
    ];
    beyond + weighed.iter().filter(|(holds, _)| *holds).map(|(_, decades)| decades).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::episode::Circumstances;
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
}
