//! People judge an alert: what ends, what starts again, what follows; and accounts' days told.

use super::*;
use crate::alert::EntityKind;
use crate::detect::Judged;

const STRANGERS: u64 = 2_000_000;

fn sweep(account: &str, from: TimestampMs, persons: Range<u64>) -> Vec<Access> {
    let unit = Some("unit-0".to_owned());
    let one =
        |n: u64| view(account, from + n as i64 * 5 * SECOND, STRANGERS + n..STRANGERS + n + 1);
    persons.map(|n| Access { unit: unit.clone(), ..one(n) }).collect()
}

fn judged(report: &Report) -> Control {
    Control::Verdict(Judged {
        entity: EntityKind::Account,
        name: report.name.clone(),
        opened: report.opened,
        alert: "THE-FIRST".into(),
        verdict: "true_positive_impact".into(),
    })
}

/// A rig with one open alert, and its opening.
fn with_open_alert() -> (Rig, Report) {
    let mut rig = Rig::new();
    rig.work(0..30);
    let said = rig.feed_all(&sweep(&adviser(0), at(30, 19, 31), 0..60));
    let opened = said.into_iter().find(|r| r.cause == Cause::Opened).expect("the sweep opens");
    (rig, opened)
}

#[test]
fn a_verdict_ends_the_episode_and_the_next_crossing_follows_it() {
    let (mut rig, first) = with_open_alert();
    let mut ended = Vec::new();
    rig.detector.control(judged(&first), &mut ended);
    let [Finding::Episode(end)] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!((end.cause, end.opened), (Cause::Ended, first.opened));

    let threshold = first.signals[0].threshold;
    let start = at(30, 19, 40);
    let quiet = rig.feed_all(&sweep(&adviser(0), start, 100..100 + threshold - 1));
    assert!(quiet.is_empty(), "counting starts again: {quiet:?}");
    let said = rig.feed_all(&sweep(&adviser(0), start, 100 + threshold - 1..180));
    let next = said.iter().find(|r| r.cause == Cause::Opened).expect("the next crossing opens");
    assert_eq!(next.follows.as_deref(), Some("THE-FIRST"));
    assert_eq!(next.ordinal, 1);
    assert!(next.persons.0 <= threshold, "only who came after is exposed: {:?}", next.persons);
    let third = rig.feed_all(&sweep(&adviser(0), at(32, 19, 31), 200..260));
    let third = third.iter().find(|r| r.cause == Cause::Opened).expect("another evening");
    assert_eq!(third.follows, None, "it follows once");
}

#[test]
fn a_verdict_on_another_episode_ends_nothing() {
    let (mut rig, first) = with_open_alert();
    let mut said = Vec::new();
    let other = Report { opened: first.opened - DAY, ..first.clone() };
    rig.detector.control(judged(&other), &mut said);
    let stranger = Report { name: "nobody".into(), ..first };
    rig.detector.control(judged(&stranger), &mut said);
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn what_follows_survives_a_snapshot() {
    let (mut rig, first) = with_open_alert();
    rig.detector.control(judged(&first), &mut Vec::new());
    let version = crate::detect::snapshot::PAYLOAD_VERSION;
    rig.detector = Detector::restore(version, &rig.detector.snapshot()).unwrap();
    let said = rig.feed_all(&sweep(&adviser(0), at(30, 19, 40), 100..180));
    let next = said.iter().find(|r| r.cause == Cause::Opened).unwrap();
    assert_eq!(next.follows.as_deref(), Some("THE-FIRST"));
    rig.detector = Detector::restore(version, &rig.detector.snapshot()).unwrap();
    let said = rig.feed_all(&sweep(&adviser(0), at(30, 19, 50), 200..400));
    let grown = said.last().expect("exposure grows");
    assert_eq!(grown.follows.as_deref(), Some("THE-FIRST"));
}

#[test]
fn days_are_told_when_asked_for_and_change_nothing() {
    let (mut asked, mut plain) = (Rig::new(), Rig::new());
    asked.detector.tell_days();
    for rig in [&mut asked, &mut plain] {
        rig.work(0..30);
        rig.feed_all(&sweep(&adviser(0), at(30, 19, 31), 0..60));
    }
    assert!(plain.days.is_empty());
    assert_eq!(asked.reports, plain.reports);
    assert_eq!(asked.detector.snapshot(), plain.detector.snapshot());
    let own: Vec<_> = asked.days.iter().filter(|d| d.name == adviser(0)).collect();
    assert!(own.len() > 15, "{}", own.len());
    assert_eq!(own[0].closed, None);
    let last = own.last().unwrap();
    assert!(last.closed.is_some_and(|d| d.opened > 0 && d.day < last.day), "{last:?}");
    assert!(last.expects.iter().any(|e| e.threshold.is_some() && e.expected > 0.0), "{last:?}");
}

#[test]
fn a_theft_leaves_the_calibration_and_a_duty_is_learned_from() {
    let withdrawn = |rig: &Rig| -> u64 {
        let groups = rig.detector.shared.groups.iter();
        let channels = groups.flat_map(|g| g.partial.scores.iter().flatten());
        channels.map(|scores| scores.withdrawn.total()).sum()
    };
    let told = |rig: &Rig| rig.account(&adviser(0)).told.len();
    for (verdict, leaves, out_of_learning) in [
        ("true_positive_impact", true, true),
        ("false_positive_logic", false, true),
        ("benign_expected", false, false),
    ] {
        let (mut rig, first) = with_open_alert();
        // The day with the alert closes at the account's first event of the next.
        rig.feed(&ordinary(0, 31, 9));
        assert!(told(&rig) > 0, "its channels stand in the calibration");
        let Control::Verdict(judged) = judged(&first) else { unreachable!() };
        let control = Control::Verdict(Judged { verdict: verdict.into(), ..judged });
        rig.detector.control(control, &mut Vec::new());
        assert_eq!(withdrawn(&rig) > 0, leaves, "{verdict}");
        let past = rig.account(&adviser(0)).base;
        rig.work(32..37);
        assert_eq!(rig.account(&adviser(0)).base == past, out_of_learning, "{verdict}");
    }
}

#[test]
fn a_verdict_never_raises_a_threshold_of_others() {
    let levels = |verdict: Option<&str>| {
        let (mut rig, first) = with_open_alert();
        rig.feed(&ordinary(0, 31, 9));
        if let (Some(verdict), Control::Verdict(judged)) = (verdict, judged(&first)) {
            let control = Control::Verdict(Judged { verdict: verdict.into(), ..judged });
            rig.detector.control(control, &mut Vec::new());
        }
        rig.work(32..40);
        let epoch = rig.detector.epoch();
        epoch.channels.iter().flatten().map(|c| c.tail.level(c.alpha)).collect::<Vec<_>>()
    };
    let silent = levels(None);
    for verdict in ["true_positive_impact", "false_positive_logic", "false_positive_data"] {
        let judged = levels(Some(verdict));
        assert!(judged.iter().zip(&silent).all(|(j, s)| *j <= s + 1e-9), "{verdict}");
    }
}
