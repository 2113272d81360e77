//! How an episode grows and ends.

use super::*;
use crate::detect::epoch::Kind;

fn thief(quiet_ms: i64) -> Rig {
    let settings = Settings { quiet_ms, ..Settings::default() };
    Rig::with(settings, rules(&["role-ceiling.toml"]))
}

#[test]
fn a_revision_at_every_milestone_of_exposure() {
    let mut rig = thief(DAY);
    assert_eq!(only(&rig.feed(&search("a", at(0, 10, 0), 0..501))).cause, Cause::Opened);
    let mut milestones = Vec::new();
    for n in 501..10_300 {
        for report in rig.feed(&search("a", at(0, 10, 1), n..n + 1)) {
            if report.cause == Cause::Exposure {
                milestones.push(report.persons.0);
            }
        }
    }
    assert_eq!(milestones.len(), 4, "{milestones:?}");
    // Exact to 1,024 persons, estimated beyond.
    for (got, wanted) in milestones.iter().zip([1_000, 2_000, 5_000, 10_000]) {
        assert!((wanted..wanted + wanted / 8).contains(got), "{milestones:?}");
    }
    let revisions: Vec<u32> = rig.reports.iter().map(|r| r.revision).collect();
    assert_eq!(revisions, (1..=revisions.len() as u32).collect::<Vec<_>>());
}

#[test]
fn a_quiet_day_ends_it_by_its_own_next_event_or_by_the_watermark_alike() {
    let opened = at(0, 10, 0);
    let due = opened + DAY;
    for own in [true, false] {
        let mut rig = thief(DAY);
        rig.feed(&search("a", opened, 0..501));
        let before = if own {
            rig.feed(&view("a", due - 1, 0..1))
        } else {
            rig.pass_time(due + 10 * MINUTE - 1);
            rig.reports[1..].to_vec()
        };
        assert!(before.is_empty(), "{own} {before:#?}");
        if own {
            rig.feed(&view("a", due, 0..1));
        } else {
            rig.pass_time(due + 10 * MINUTE);
        }
        let ended = only(&rig.reports[1..]);
        assert_eq!((ended.cause, ended.at, ended.persons.0), (Cause::Ended, due, 501));
        assert_eq!(ended.revision, 2);
        rig.feed(&view("a", due + HOUR, 0..1));
        rig.pass_time(due + 3 * DAY);
        assert_eq!(rig.reports.len(), 2, "it ends once");
        assert!(rig.detector.deadlines.is_empty());
    }
}

#[test]
fn a_short_quiet_time_is_kept_by_the_watermark_within_the_day() {
    let mut rig = thief(HOUR);
    rig.pass_time(at(0, 9, 0));
    rig.feed(&search("a", at(0, 10, 0), 0..501));
    rig.pass_time(at(0, 11, 10));
    assert_eq!(only(&rig.reports[1..]).cause, Cause::Ended);
}

#[test]
fn a_signal_prolongs_it() {
    let mut rig = thief(DAY);
    rig.feed(&search("a", at(0, 10, 0), 0..501));
    assert_eq!(rig.feed(&search("a", at(1, 9, 0), 2_000..2_501)).len(), 1, "exposure 1,000");
    rig.pass_time(at(2, 9, 9));
    assert_eq!(rig.reports.len(), 2);
    rig.pass_time(at(2, 9, 10));
    assert_eq!((rig.reports[2].cause, rig.reports[2].at), (Cause::Ended, at(2, 9, 0)));
}

#[test]
fn another_opening_on_the_same_date_is_told_apart() {
    let mut rig = thief(HOUR);
    rig.feed(&search("a", at(0, 10, 0), 0..501));
    let said = rig.feed(&search("a", at(0, 12, 0), 1_000..1_501));
    let openings: Vec<_> = rig.reports.iter().filter(|r| r.cause == Cause::Opened).collect();
    assert_eq!(openings.iter().map(|r| r.ordinal).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(said[0].cause, Cause::Ended);
    rig.feed(&search("a", at(1, 10, 0), 0..501));
    assert_eq!(rig.reports.last().map(|r| (r.cause, r.ordinal)), Some((Cause::Opened, 0)));
}

#[test]
fn another_rule_is_a_revision_that_reaches_back_to_its_own_window() {
    let mut rig = thief(DAY);
    assert!(rig.feed(&search("a", at(0, 8, 0), 5_000..5_300)).is_empty());
    let opened = rig.feed(&search("a", at(0, 10, 0), 0..501));
    assert_eq!(only(&opened).persons.0, 501);
    assert!(rig.feed(&search("a", at(0, 13, 0), 1_000..1_199)).is_empty());
    let said = rig.feed(&search("a", at(0, 13, 1), 1_199..1_200));
    let report = only(&said);
    assert_eq!((report.cause, report.signals.len()), (Cause::Signal, 2));
    assert_eq!(report.signals[1].threshold, 1_001);
    assert_eq!(report.persons.0, 1_001, "those of 8 o'clock belong to the day's signal");
    assert_eq!(report.first, at(0, 0, 0));
    assert_eq!(report.opened, at(0, 10, 0));
    assert!(
        rig.feed(&search("a", at(0, 13, 2), 1_199..1_201)).is_empty(),
        "known rules are no news"
    );
}

#[test]
fn late_events_count_as_exposed_only_since_the_episode_began() {
    let mut rig = thief(DAY);
    rig.feed(&search("a", at(0, 23, 30), 0..501));
    // A new day; the old one is closed, but the episode goes on.
    rig.feed(&view("a", at(1, 0, 5), 0..1));
    rig.feed(&search("a", at(0, 23, 40), 2_000..2_100));
    rig.feed(&search("a", at(0, 12, 0), 3_000..3_100));
    assert_eq!(rig.detector.counters().late, 2);
    rig.feed(&view("a", at(1, 23, 30), 0..1));
    let ended = rig.reports.last().unwrap();
    assert_eq!((ended.cause, ended.persons.0), (Cause::Ended, 601));
}

#[test]
fn an_open_episode_without_room_ends_rather_than_vanishes() {
    let settings = Settings { accounts_max: 1, ..Settings::default() };
    let mut rig = Rig::with(settings, rules(&["role-ceiling.toml"]));
    rig.feed(&search("a", at(0, 10, 0), 0..501));
    rig.feed(&view("b", at(0, 10, 1), 0..1));
    let ended = only(&rig.reports[1..]);
    assert_eq!((ended.cause, ended.name.as_str()), (Cause::Ended, "a"));
    assert_eq!(rig.detector.accounts(), 1);
    assert_eq!(rig.account("b").kind, Kind::Human);
}
