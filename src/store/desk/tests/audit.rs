use serde_json::json;

use super::super::*;
use crate::store::testing::{World, world};

fn filled(entries: i64) -> World {
    let mut world = world();
    for n in 1..=entries {
        let detail = json!({ "reason": "é \"quoted\" \u{1f}", "n": n });
        world.desk.record("ana", "account.view", "cap\\00412", &detail, 1_000 + n).unwrap();
    }
    world
}

impl World {
    /// What somebody with the file and without scruples does.
    fn tamper(&self, text: &str) {
        let triggers = "DROP TRIGGER IF EXISTS audit_keeps; DROP TRIGGER IF EXISTS audit_holds;";
        self.store.raw().execute_batch(&format!("{triggers} {text}")).unwrap();
    }
}

#[test]
fn a_whole_chain_is_whole_and_names_its_head() {
    let world = filled(5);
    let check = world.desk.verify_audit().unwrap();
    let last = world.desk.audit_page(None, 1).unwrap().remove(0);
    let wanted = ChainCheck { entries: 5, head: last.hash.clone(), broken_at: None };
    assert_eq!((check, last.seq), (wanted, 5));
    let empty = super::super::super::testing::world().desk.verify_audit().unwrap();
    assert_eq!(empty, ChainCheck { entries: 0, head: String::new(), broken_at: None });
}

#[test]
fn a_hash_is_what_others_compute() {
    let mut world = world();
    world.desk.record("ana", "alert.close", "01HNY0", &json!({ "version": 2 }), 1_000).unwrap();
    world.desk.record("Zoé", "account.view", "a\"b", &json!({}), 1_001).unwrap();
    let hashes: Vec<String> =
        world.desk.audit_after(0, 9).unwrap().into_iter().map(|entry| entry.hash).collect();
    // Computed apart, with Python's json.dumps(…, ensure_ascii=False, separators=(",", ":")) and
    // hashlib.
    assert_eq!(
        hashes,
        [
            "e8439cbe1fa2c44fd0b4d0d830a4af6cd6cbb5bd9341eadecb3b058076c49c01",
            "8fd508e118a67f9bb51df2ee3fed62e0cdaba97730011fe28f0244b778d425ed",
        ]
    );
}

#[test]
fn any_field_changed_is_found_where_it_was_changed() {
    let fields = [
        "at = at + 1",
        "actor = 'ben'",
        "what = 'account.views'",
        "subject = ''",
        "detail = '{}'",
        "detail = replace(detail, ':', ': ')",
        "previous = hash",
        "hash = previous",
        "seq = 99",
    ];
    for field in fields {
        for seq in [1, 3, 5] {
            let world = filled(5);
            world.tamper(&format!("UPDATE audit SET {field} WHERE seq = {seq}"));
            let broken_at = world.desk.verify_audit().unwrap().broken_at;
            assert_eq!(broken_at, Some(seq), "{field} of {seq}");
        }
    }
}

#[test]
fn an_entry_taken_out_put_in_or_cut_off_is_found() {
    let check = |text: &str, broken_at: i64| {
        let world = filled(5);
        world.tamper(text);
        let found = world.desk.verify_audit().unwrap();
        assert_eq!(found.broken_at, Some(broken_at), "{text}");
        assert_eq!(found.entries, broken_at as u64 - 1, "{text}");
    };
    check("DELETE FROM audit WHERE seq = 1", 1);
    check("DELETE FROM audit WHERE seq = 3", 3);
    check("DELETE FROM audit WHERE seq = 5", 5);
    check("DELETE FROM audit", 1);
    check("INSERT INTO audit VALUES (6, 1, 'x', 'x', 'x', '{}', 'x', 'x')", 6);
    let hidden = "UPDATE audit SET subject = 'other', hash = 'x' WHERE seq = 2; \
                  UPDATE audit SET previous = 'x' WHERE seq = 3";
    check(hidden, 2);
    let world = filled(5);
    world.tamper("UPDATE audit_anchor SET seq = 2; DELETE FROM audit WHERE seq <= 2");
    assert_eq!(world.desk.verify_audit().unwrap().broken_at, Some(3), "the anchor's hash is not");
}

#[test]
fn the_trail_is_append_only_for_whoever_uses_sql() {
    let world = filled(2);
    for text in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE seq = 2"] {
        let error = world.store.raw().execute(text, []).unwrap_err().to_string();
        assert_eq!(error, "the audit trail is append-only", "{text}");
    }
}

#[test]
fn entries_are_paged_both_ways_and_are_json() {
    let world = filled(5);
    let seqs = |entries: Vec<AuditEntry>| entries.iter().map(|e| e.seq).collect::<Vec<_>>();
    assert_eq!(seqs(world.desk.audit_page(None, 2).unwrap()), [5, 4]);
    assert_eq!(seqs(world.desk.audit_page(Some(4), 9).unwrap()), [3, 2, 1]);
    assert_eq!(seqs(world.desk.audit_after(0, 3).unwrap()), [1, 2, 3]);
    assert_eq!(seqs(world.desk.audit_after(3, 0).unwrap()), [4], "0 rows mean 1");
    let entry = world.desk.audit_after(1, 1).unwrap().remove(0);
    let json: serde_json::Value = serde_json::from_str(&entry.json()).unwrap();
    assert_eq!(json["seq"], 2);
    assert_eq!(json["subject"], "cap\\00412");
    assert_eq!(json["detail"], json!({ "reason": "é \"quoted\" \u{1f}", "n": 2 }));
    assert_eq!((&json["previous"], &json["hash"]), (&entry.previous.into(), &entry.hash.into()));
    assert!(!json.to_string().contains('\n'));
}
