use super::super::*;
use crate::event::TimestampMs;
use crate::store::testing::{World, world};

const NOW: TimestampMs = 1_707_243_000_000;
const MINUTE: TimestampMs = 60_000;

impl World {
    fn add(&mut self, name: &str, role: Role) {
        let user = NewUser { name, role, hash: "h", language: None };
        self.desk.add_user("local", &user, NOW).unwrap();
    }

    fn signed_in(&mut self, secret: &str, now: TimestampMs) -> Option<String> {
        let session = self.desk.session(secret, SessionLimits::default(), now).unwrap();
        session.map(|session| session.user.name)
    }
}

#[test]
fn users_are_added_changed_and_removed_on_record() {
    let mut world = world();
    for role in Role::ALL {
        assert_eq!(Role::parse(role.word()), Some(role));
        world.add(role.word(), role);
    }
    let desk = &mut world.desk;
    let again = NewUser { name: "viewer", role: Role::Admin, hash: "x", language: None };
    let error = desk.add_user("local", &again, NOW).unwrap_err().to_string();
    assert_eq!(error, "there is a user `viewer` already");
    let long = "x".repeat(65);
    for name in ["", "a b", "a\n", "<b>", "a:b", &long] {
        let error = desk.add_user("local", &NewUser { name, ..again }, NOW).unwrap_err();
        assert!(matches!(error, DeskError::Invalid(_)), "{name:?}");
    }
    desk.set_password("ana", "viewer", "other", NOW).unwrap();
    desk.set_disabled("ana", "viewer", true, NOW).unwrap();
    desk.set_language("viewer", Some("fr")).unwrap();
    let (viewer, hash) = desk.user("viewer").unwrap().unwrap();
    assert_eq!((viewer.role, viewer.disabled, hash.as_str()), (Role::Viewer, true, "other"));
    assert_eq!((viewer.language.as_deref(), viewer.created_at), (Some("fr"), NOW));
    desk.remove_user("ana", "viewer", NOW).unwrap();
    assert_eq!(desk.user("viewer").unwrap(), None);
    let names: Vec<String> = desk.users().unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["admin", "analyst", "auditor", "dpo", "responder"]);
    for done in [
        desk.set_password("ana", "viewer", "x", NOW),
        desk.set_disabled("ana", "viewer", false, NOW),
        desk.set_language("viewer", None),
        desk.remove_user("ana", "viewer", NOW),
    ] {
        assert!(matches!(done, Err(DeskError::NotFound)));
    }
    let recorded: Vec<String> =
        desk.audit_page(None, 3).unwrap().into_iter().map(|e| e.what).collect();
    assert_eq!(recorded, ["user.remove", "user.disable", "user.password"]);
}

#[test]
fn a_session_ends_by_idling_in_time_and_with_its_user() {
    let mut world = world();
    world.add("ana", Role::Analyst);
    let open = |world: &mut World, secret: &str| {
        world.desk.open_session("ana", secret, "csrf", NOW).unwrap();
    };
    open(&mut world, "s");
    assert_eq!(world.signed_in("S", NOW), None);
    assert_eq!(world.signed_in("s", NOW + 15 * MINUTE - 1).as_deref(), Some("ana"));
    assert_eq!(world.signed_in("s", NOW + 29 * MINUTE).as_deref(), Some("ana"), "it was used");
    assert_eq!(world.signed_in("s", NOW + 44 * MINUTE), None, "15 minutes idle");
    assert_eq!(world.signed_in("s", NOW), None, "over is over");

    open(&mut world, "s");
    for minutes in (10..480).step_by(10) {
        assert!(world.signed_in("s", NOW + minutes * MINUTE).is_some(), "{minutes}");
    }
    assert_eq!(world.signed_in("s", NOW + 480 * MINUTE), None, "8 hours in all");

    let ends: [fn(&mut Desk) -> Result<(), DeskError>; 4] = [
        |desk| Ok(desk.close_session("s", NOW)?),
        |desk| desk.set_password("local", "ana", "x", NOW),
        |desk| desk.set_disabled("local", "ana", true, NOW),
        |desk| desk.remove_user("local", "ana", NOW),
    ];
    for end in ends {
        world.desk.set_disabled("local", "ana", false, NOW).unwrap();
        open(&mut world, "s");
        assert!(world.signed_in("s", NOW).is_some());
        end(&mut world.desk).unwrap();
        assert_eq!(world.signed_in("s", NOW), None);
    }
    let refused = world.desk.open_session("ana", "s", "csrf", NOW);
    assert!(matches!(refused, Err(DeskError::NotFound)), "nobody of this name any more");
    world.add("ana", Role::Viewer);
    world.desk.set_disabled("local", "ana", true, NOW).unwrap();
    let refused = world.desk.open_session("ana", "s", "csrf", NOW);
    assert!(matches!(refused, Err(DeskError::NotFound)), "disabled");
}

#[test]
fn a_token_works_until_it_expires_or_is_revoked() {
    let mut world = world();
    let desk = &mut world.desk;
    let scopes = [Scope::AlertsRead, Scope::MetricsRead];
    let siem = NewToken { name: "siem", secret: "vigie_1", scopes: &scopes, expires_at: None };
    desk.create_token("ana", &siem, NOW).unwrap();
    let old = NewToken { name: "old", secret: "vigie_2", expires_at: Some(NOW + 5), ..siem };
    desk.create_token("ana", &old, NOW).unwrap();
    for (token, why) in [
        (NewToken { secret: "vigie_3", ..siem }, "there is a token `siem` already"),
        (NewToken { name: "x y", ..siem }, "name \"x y\": 1 to 64 letters"),
        (NewToken { name: "none", scopes: &[], ..siem }, "alerts:read, alerts:write,"),
        (NewToken { name: "late", expires_at: Some(NOW), ..siem }, "choose a later time"),
    ] {
        let error = desk.create_token("ana", &token, NOW).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(desk.token("vigie_1 ", NOW).unwrap(), None);
    assert_eq!(desk.token("vigie_2", NOW + 5).unwrap(), None, "expired");
    let used = desk.token("vigie_1", NOW + 3).unwrap().unwrap();
    assert_eq!((used.scopes.as_slice(), used.used_at), (scopes.as_slice(), None));
    desk.token("vigie_1", NOW + 4).unwrap();
    let tokens = desk.tokens().unwrap();
    let found: Vec<_> = tokens.iter().map(|t| (t.name.as_str(), t.used_at)).collect();
    assert_eq!(found, [("old", None), ("siem", Some(NOW + 3))], "to the minute");
    desk.revoke_token("ana", "siem", NOW).unwrap();
    assert_eq!(desk.token("vigie_1", NOW).unwrap(), None);
    assert!(matches!(desk.revoke_token("ana", "siem", NOW), Err(DeskError::NotFound)));
    for scope in Scope::ALL {
        assert_eq!(Scope::parse(scope.word()), Some(scope));
    }
}

#[test]
fn secrets_are_not_stored() {
    let mut world = world();
    world.add("ana", Role::Analyst);
    world.desk.open_session("ana", "cookie-secret", "csrf", NOW).unwrap();
    let token = NewToken {
        name: "siem",
        secret: "vigie_secret",
        scopes: &[Scope::AlertsRead],
        expires_at: None,
    };
    world.desk.create_token("ana", &token, NOW).unwrap();
    for file in ["vigie.db", "vigie.db-wal"] {
        let bytes = std::fs::read(world.db.with_file_name(file)).unwrap();
        for secret in ["cookie-secret", "vigie_secret"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{file}");
        }
    }
}
