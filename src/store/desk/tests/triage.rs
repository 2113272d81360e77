use super::super::*;
use crate::alert::{Severity, Status};
use crate::event::TimestampMs;
use crate::store::sqlite::TriageState::{self, Closed, InProgress, New, OnHold};
use crate::store::testing::{World, alert, edited, world};

const NOW: TimestampMs = 1_707_243_000_000;

fn text(text: &str) -> String {
    text.into()
}

/// One of each, all of them well formed.
fn changes() -> Vec<Change> {
    let comment = || text("seen");
    vec![
        Change::Take,
        Change::Assign(Some(text("ben"))),
        Change::Assign(None),
        Change::Hold { until: None, comment: String::new() },
        Change::Hold { until: Some(NOW + 1), comment: comment() },
        Change::Close { verdict: Verdict::Test, comment: String::new() },
        Change::Reopen { comment: String::new() },
        Change::Comment(comment()),
    ]
}

impl World {
    fn triage(&self, id: &str) -> Triage {
        self.reader().alert(id).unwrap().unwrap().triage
    }

    /// An alert that ana has brought to a state.
    fn in_state(&mut self, id: &str, state: TriageState) -> u32 {
        self.put([alert(id, 1)]);
        let close = Change::Close { verdict: Verdict::Undetermined, comment: String::new() };
        let steps: &[Change] = match state {
            New => &[],
            InProgress => &[Change::Take],
            OnHold => &[Change::Take, Change::Hold { until: Some(NOW), comment: String::new() }],
            Closed => &[close],
        };
        for (version, step) in (1..).zip(steps) {
            self.desk.change(id, version, "ana", step, NOW - 10).unwrap();
        }
        assert_eq!(self.triage(id).state, state);
        self.triage(id).version
    }

    fn count(&self, text: &str) -> i64 {
        self.store.raw().query_row(text, [], |row| row.get(0)).unwrap()
    }
}

#[test]
fn every_change_of_every_state() {
    // What becomes of the state, the assignee and the wake-up time; "-" for a refusal.
    let held = |at: TimestampMs| format!("on_hold ana {at}");
    let later = held(NOW + 1);
    let table: [(TriageState, [&str; 8]); 4] = [
        (
            New,
            [
                "in_progress cli",
                "new ben",
                "new",
                "-take it before you hold it",
                "-take it before you hold it",
                "closed",
                "-only a closed alert can be reopened",
                "new",
            ],
        ),
        (
            InProgress,
            [
                "in_progress cli",
                "in_progress ben",
                "in_progress",
                "on_hold ana",
                &later,
                "closed ana",
                "-only a closed alert can be reopened",
                "in_progress ana",
            ],
        ),
        (
            OnHold,
            [
                "in_progress cli",
                &format!("on_hold ben {NOW}"),
                &format!("on_hold {NOW}"),
                "on_hold ana",
                &later,
                "closed ana",
                "-only a closed alert can be reopened",
                &held(NOW),
            ],
        ),
        (
            Closed,
            [
                "-a closed alert takes no `take`: reopen it first",
                "-a closed alert takes no `assign`: reopen it first",
                "-a closed alert takes no `assign`: reopen it first",
                "-a closed alert takes no `hold`: reopen it first",
                "-a closed alert takes no `hold`: reopen it first",
                "-a closed alert takes no `close`: reopen it first",
                "in_progress cli",
                "closed",
            ],
        ),
    ];
    let mut world = world();
    for (state, wanted) in table {
        for (change, wanted) in changes().into_iter().zip(wanted) {
            let id = format!("{state:?} {change:?}");
            let version = world.in_state(&id, state);
            let audited = world.count("SELECT count(*) FROM audit");
            let before = world.triage(&id);
            let done = world.desk.change(&id, version, "cli", &change, NOW);
            let noted = world.count("SELECT count(*) FROM audit") - audited;
            assert_eq!(change.is_allowed(state), done.is_ok(), "{id}");
            match done {
                Ok(after) => {
                    let wake = after.wake_at.map(|at| at.to_string());
                    let word = Some(text(after.state.word()));
                    let parts = [word, after.assignee.clone(), wake];
                    let parts: Vec<String> = parts.into_iter().flatten().collect();
                    assert_eq!(parts.join(" "), wanted, "{id}");
                    assert_eq!(after, world.triage(&id), "{id}: it says what it stored");
                    assert_eq!((after.version, noted), (version + 1, 1), "{id}");
                    assert_eq!(after.updated_at, Some(NOW), "{id}");
                    assert_eq!(after.verdict.is_some(), after.state == Closed, "{id}");
                }
                Err(error) => {
                    let why = error.to_string();
                    assert!(wanted.starts_with('-') && why.contains(&wanted[1..]), "{id}: {why}");
                    assert_eq!((world.triage(&id), noted), (before, 0), "{id}");
                }
            }
        }
    }
    assert_eq!(world.desk.verify_audit().unwrap().broken_at, None);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = world();
    let close = |verdict, comment: &str| Change::Close { verdict, comment: comment.into() };
    world.in_state("A", InProgress);
    for (change, why) in [
        (Change::Comment(text(" \n ")), "the comment is empty"),
        (Change::Comment("é".repeat(4_001)), "at most 4000 characters"),
        (Change::Hold { until: Some(NOW), comment: text("x") }, "choose a later time"),
        (Change::Assign(Some(text(" "))), "the assignee is empty"),
        (close(Verdict::BenignExpected, ""), "`benign_expected` needs a comment"),
        (close(Verdict::FalsePositiveLogic, "\t"), "`false_positive_logic` needs a comment"),
        (close(Verdict::FalsePositiveData, ""), "`false_positive_data` needs a comment"),
    ] {
        let error = world.desk.change("A", 2, "ana", &change, NOW).unwrap_err();
        assert!(matches!(error, DeskError::Invalid(_)), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
    }
    let error = world.desk.change("nothing", 1, "ana", &Change::Take, NOW).unwrap_err();
    assert!(matches!(error, DeskError::NotFound));
    assert_eq!(world.triage("A").version, 2);
    for verdict in Verdict::ALL {
        assert_eq!(Verdict::parse(verdict.word()), Some(verdict));
        let id = format!("{verdict:?}");
        let version = world.in_state(&id, New);
        let change = close(verdict, if verdict.needs_comment() { "why" } else { "" });
        world.desk.change(&id, version, "ana", &change, NOW).unwrap();
        assert_eq!(world.triage(&id).verdict, Some(verdict));
    }
    let owed = "SELECT count(*) FROM verdict WHERE NOT applied AND verdict <> '' AND actor = 'ana'";
    assert_eq!(world.count(owed), 8, "one verdict owed for each closing");
    let due = |world: &World, after| world.store.verdicts_due(after).unwrap();
    let all: Vec<i64> = due(&world, 0).iter().map(|due| due.seq).collect();
    assert_eq!(all.len(), 8);
    assert_eq!(due(&world, all[5]).len(), 2, "who was looked at is not read again");
    world.store.verdict_applied(all[7]).unwrap();
    assert_eq!(due(&world, all[5]).len(), 1);
}

#[test]
fn who_was_slower_sees_what_is_there_and_changes_nothing() {
    let mut world = world();
    world.put([alert("A", 1)]);
    let mut other = Desk::open(&world.db).unwrap();
    world.desk.change("A", 1, "ana", &Change::Take, NOW).unwrap();
    let error = other.change("A", 1, "ben", &Change::Take, NOW).unwrap_err();
    let DeskError::Stale { current } = &error else { panic!("{error:?}") };
    assert_eq!((current.version, current.assignee.as_deref()), (2, Some("ana")));
    assert_eq!(error.to_string(), "the alert was changed meanwhile: it is at version 2");
    assert_eq!(world.triage("A"), **current);
    other.change("A", 2, "ben", &Change::Take, NOW).unwrap();
    assert_eq!(world.triage("A").assignee.as_deref(), Some("ben"));
}

#[test]
fn of_many_who_take_at_once_one_does() {
    let mut world = world();
    world.put([alert("A", 1)]);
    let db = world.db.clone();
    let wins = std::thread::scope(|scope| {
        let take = |name: usize| {
            let db = &db;
            scope.spawn(move || {
                let mut desk = Desk::open(db).unwrap();
                desk.change("A", 1, &name.to_string(), &Change::Take, NOW).is_ok()
            })
        };
        let all: Vec<_> = (0..8).map(take).collect();
        all.into_iter().map(|one| one.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!((wins, world.triage("A").version), (1, 2));
}

#[test]
fn people_and_pipeline_write_at_once_and_lose_nothing() {
    let mut world = world();
    world.put((0..50).map(|n| alert(&format!("{n}"), 1)));
    let db = world.db.clone();
    std::thread::scope(|scope| {
        let person = scope.spawn(move || {
            let mut desk = Desk::open(&db).unwrap();
            for n in 0..50 {
                desk.change(&n.to_string(), 1, "ana", &Change::Take, NOW).unwrap();
            }
        });
        for revision in 2..20 {
            world.put((0..50).map(|n| alert(&format!("{n}"), revision)));
        }
        person.join().unwrap();
    });
    assert_eq!(world.count("SELECT count(*) FROM revision"), 50 * 19);
    let shown = "SELECT count(*) FROM alert JOIN triage USING (id) WHERE revision = 19 \
                 AND alert.state = 'in_progress' AND triage.state = 'in_progress' \
                 AND alert.assignee = 'ana' AND version = 2";
    assert_eq!(world.count(shown), 50, "a revision keeps people's state");
    assert_eq!(world.desk.verify_audit().unwrap().entries, 50);
}

#[test]
fn a_hold_ends_in_time_or_with_a_new_signal() {
    let mut world = world();
    let hold = |until| Change::Hold { until, comment: text("waiting for the unit") };
    for id in ["A", "B", "C", "D"] {
        world.put([alert(id, 1)]);
        world.desk.change(id, 1, "ana", &Change::Take, NOW).unwrap();
        let until = (id == "A").then_some(NOW + 60_000);
        world.desk.change(id, 2, "ana", &hold(until), NOW).unwrap();
    }
    assert_eq!(world.desk.wake_due(NOW + 59_999).unwrap(), Vec::<String>::new());
    assert_eq!(world.desk.wake_due(NOW + 60_000).unwrap(), ["A"]);
    assert_eq!(world.desk.wake_due(NOW + 60_000).unwrap(), Vec::<String>::new());
    let woken = world.triage("A");
    assert_eq!((woken.state, woken.version, woken.wake_at), (InProgress, 4, None));
    assert_eq!(woken.assignee.as_deref(), Some("ana"));

    let more = |id: &str, signals| {
        edited(id, |alert| {
            alert.revision = 2;
            alert.signals = vec![alert.signals[0].clone(); signals];
        })
    };
    world.put([more("B", 1), more("C", 2)]);
    world.desk.change("C", 3, "ben", &Change::Comment(text("!")), NOW).unwrap();
    assert_eq!(world.desk.wake_due(NOW).unwrap(), ["C"], "growing is no new signal");
    let state = world.reader().alert("C").unwrap().unwrap().triage.state;
    assert_eq!(state, InProgress);
}

#[test]
fn the_story_has_people_after_what_they_saw() {
    let mut world = world();
    world.put([alert("A", 1)]);
    let change = |world: &mut World, change| {
        let version = world.triage("A").version;
        world.desk.change("A", version, "ana", &change, NOW).unwrap();
    };
    change(&mut world, Change::Take);
    change(&mut world, Change::Assign(Some(text("ben"))));
    change(&mut world, Change::Hold { until: Some(NOW + 5), comment: text("unit called") });
    world.put([edited("A", |a| (a.revision, a.severity) = (2, Severity::High))]);
    world.desk.wake_due(NOW + 5).unwrap();
    world.put([edited("A", |a| (a.revision, a.status) = (3, Status::Ended))]);
    change(
        &mut world,
        Change::Close { verdict: Verdict::TruePositiveImpact, comment: text("yes") },
    );
    change(&mut world, Change::Reopen { comment: String::new() });
    change(&mut world, Change::Comment(text("more")));

    let revised =
        |revision, status, severity| Deed::Revised { revision, status, severity, persons: 312 };
    let story = world.desk.activity("A").unwrap();
    let deeds: Vec<&Deed> = story.iter().map(|activity| &activity.deed).collect();
    assert_eq!(
        deeds,
        [
            &revised(1, Status::Open, Severity::Critical),
            &Deed::Taken,
            &Deed::Assigned(Some(text("ben"))),
            &Deed::Held { until: Some(NOW + 5) },
            &revised(2, Status::Open, Severity::High),
            &Deed::Woken,
            &revised(3, Status::Ended, Severity::Critical),
            &Deed::Closed(Verdict::TruePositiveImpact),
            &Deed::Reopened,
            &Deed::Commented,
        ]
    );
    let at = |at: usize| (story[at].at, story[at].actor.as_deref(), story[at].comment.as_deref());
    assert_eq!(at(0), (1_707_244_800_000, None, None), "event time");
    assert_eq!(at(3), (NOW, Some("ana"), Some("unit called")));
    assert_eq!(at(5), (NOW + 5, Some("vigie"), None));
    assert_eq!(world.triage("A").comment.as_deref(), Some("more"));
    assert_eq!(world.reader().activity("nothing").unwrap(), []);
    let told = "SELECT count(*) FROM audit WHERE detail LIKE '%unit called%'";
    assert_eq!(world.count(told), 0, "comments may name people, and the trail outlives them");
}
