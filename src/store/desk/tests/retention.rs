use serde_json::json;

use super::super::*;
use crate::alert::{Alert, Status};
use crate::event::TimestampMs;
use crate::store::sqlite::AccountDay;
use crate::store::testing::{World, edited, world};

/// 2025-06-01T00:00:00Z
const NOW: TimestampMs = 1_748_736_000_000;
const DAY: TimestampMs = 86_400_000;

fn last_seen(id: &str, status: Status, day: &str) -> Alert {
    edited(id, |alert| {
        (alert.status, alert.updated_at) = (status, format!("{day}T12:00:00Z"));
    })
}

impl World {
    fn close(&mut self, id: &str, verdict: Verdict, days_ago: i64) {
        let close = Change::Close { verdict, comment: "why".into() };
        self.desk.change(id, 1, "ana", &close, NOW - days_ago * DAY).unwrap();
    }

    fn left(&self, table: &str) -> String {
        let text =
            format!("SELECT group_concat(DISTINCT id) FROM (SELECT id FROM {table} ORDER BY 1)");
        let left: Option<String> = self.store.raw().query_row(&text, [], |row| row.get(0)).unwrap();
        left.unwrap_or_default()
    }

    fn free_pages(&self) -> i64 {
        self.store.raw().pragma_query_value(None, "freelist_count", |row| row.get(0)).unwrap()
    }
}

#[test]
fn what_is_young_or_open_stays() {
    let mut world = world();
    let (open, ended) = (Status::Open, Status::Ended);
    world.put([
        last_seen("a-open-old", open, "2024-01-01"),
        last_seen("b-ended-old", ended, "2024-05-31"),
        last_seen("c-ended-young", ended, "2024-06-02"),
        last_seen("d-closed-old", open, "2024-01-01"),
        last_seen("e-closed-lately", ended, "2024-01-01"),
        last_seen("f-false-old", ended, "2025-01-01"),
        last_seen("g-false-young", ended, "2025-01-01"),
        last_seen("h-true", ended, "2025-01-01"),
    ]);
    let stored = "UPDATE alert SET stored_at = unixepoch(updated_at) * 1000";
    world.store.raw().execute(stored, []).unwrap();
    world.close("d-closed-old", Verdict::TruePositiveImpact, 366);
    world.close("e-closed-lately", Verdict::TruePositiveImpact, 364);
    world.close("f-false-old", Verdict::FalsePositiveLogic, 91);
    world.close("g-false-young", Verdict::FalsePositiveData, 89);
    world.close("h-true", Verdict::TruePositiveImpact, 100);
    world.store.raw().execute("UPDATE verdict SET applied = 1", []).unwrap();

    let purged = world.desk.purge(&Retention::default(), NOW).unwrap();
    assert_eq!(purged, Purged { alerts: 3, ..Purged::default() });
    let kept = "a-open-old,c-ended-young,e-closed-lately,g-false-young,h-true";
    for table in ["alert", "revision", "triage", "alert_place"] {
        assert_eq!(world.left(table), kept, "{table}");
    }
    for table in ["activity", "verdict"] {
        assert_eq!(world.left(table), "e-closed-lately,g-false-young,h-true", "{table}");
    }
    assert_eq!(world.desk.purge(&Retention::default(), NOW).unwrap(), Purged::default());
    world.put([last_seen("i-of-an-old-log", ended, "2014-01-01")]);
    assert_eq!(world.desk.purge(&Retention::default(), NOW).unwrap(), Purged::default());
    assert_eq!(world.desk.audit_page(None, 1).unwrap()[0].what, "retention.purge");
    assert_eq!(world.desk.verify_audit().unwrap().broken_at, None);
}

#[test]
fn account_days_and_dead_sessions_go() {
    let mut world = world();
    let day = |account: &str, day: &str| AccountDay {
        account: account.into(),
        day: day.into(),
        ..AccountDay::default()
    };
    let days = [day("a", "2025-03-02"), day("a", "2025-03-03"), day("b", "2024-01-01")];
    world.store.put_account_days(&days).unwrap();
    let user = NewUser { name: "ana", role: Role::Viewer, hash: "h", language: None };
    world.desk.add_user("local", &user, NOW).unwrap();
    world.desk.open_session("ana", "old", "c", NOW - DAY - 1).unwrap();
    world.desk.open_session("ana", "new", "c", NOW).unwrap();
    let purged = world.desk.purge(&Retention::default(), NOW).unwrap();
    assert_eq!(purged, Purged { account_days: 2, sessions: 1, ..Purged::default() });
    assert_eq!(world.reader().account_days("a", "").unwrap(), days[1..2]);
    assert!(world.desk.session("new", SessionLimits::default(), NOW).unwrap().is_some());
}

#[test]
fn the_chain_is_whole_after_its_old_part_is_gone() {
    let mut world = world();
    for days_ago in (0..1_400).rev() {
        let at = NOW - days_ago * DAY;
        world.desk.record("ana", "account.view", "x", &json!({}), at).unwrap();
    }
    let head = world.desk.verify_audit().unwrap().head;
    let purged = world.desk.purge(&Retention::default(), NOW).unwrap();
    assert_eq!(purged, Purged { audit: 1_400 - 731, ..Purged::default() });
    let check = world.desk.verify_audit().unwrap();
    assert_eq!((check.entries, check.broken_at), (731 + 1, None), "the purge is on record");
    let oldest = world.desk.audit_after(0, 1).unwrap().remove(0);
    assert_eq!((oldest.seq, oldest.at), (670, NOW - 730 * DAY));
    assert_eq!(world.desk.audit_page(Some(1_401), 1).unwrap()[0].hash, head);

    // All of it, and on from the anchor.
    world.desk.purge(&Retention::default(), NOW + 3_000 * DAY).unwrap();
    world.desk.record("ana", "account.view", "y", &json!({}), NOW).unwrap();
    let check = world.desk.verify_audit().unwrap();
    assert_eq!((check.entries, check.broken_at), (2, None));
}

#[test]
fn many_go_in_batches_and_their_room_is_given_back() {
    let mut world = world();
    world.put((0..1_203).map(|n| last_seen(&n.to_string(), Status::Ended, "2024-01-01")));
    let size = |world: &World| world.reader().database_bytes().unwrap();
    world.store.raw().execute("UPDATE alert SET stored_at = 0", []).unwrap();
    let before = size(&world);
    let purged = world.desk.purge(&Retention::default(), NOW).unwrap();
    assert_eq!(purged.alerts, 1_203);
    assert_eq!(world.free_pages(), 0);
    assert!(size(&world) * 4 < before, "{} of {before} bytes are left", size(&world));
}
