//! The API as programs use it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ACCOUNT, ALERT, Ask, Server, alert, put};

fn get(server: &Server, path: &str) -> super::Answer {
    server.ask(&Ask::get(path))
}

/// PATCHes the triage of the alert.
fn patch(server: &Server, version: Option<&str>, body: &str) -> super::Answer {
    let ask = Ask::new("PATCH", &format!("/api/v1/alerts/{ALERT}/triage")).json(body);
    server.ask(&match version {
        Some(version) => ask.with("If-Match", version),
        None => ask,
    })
}

#[test]
fn an_alert_is_the_engines_own_bytes_beside_what_people_say() {
    let server = Server::open();
    let answer = get(&server, &format!("/api/v1/alerts/{ALERT}"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let stored = serde_json::to_string(&alert(ALERT, ACCOUNT)).unwrap();
    assert!(answer.body.starts_with(&format!("{{\"alert\":{stored},")), "{}", answer.body);
    let triage = &answer.json()["triage"];
    assert_eq!((&triage["state"], &triage["verdict"]), (&"new".into(), &Value::Null));
    assert_eq!(get(&server, "/api/v1/alerts/none").code(), "not-found");
    let revisions = get(&server, &format!("/api/v1/alerts/{ALERT}/revisions")).json();
    assert_eq!(revisions["items"][0]["revision"], 3);
    let events = get(&server, &format!("/api/v1/alerts/{ALERT}/events")).json();
    assert_eq!(events["items"], serde_json::json!([]));
}

#[test]
fn a_campaign_holds_its_alerts_and_says_why() {
    let mut server = Server::open();
    let alone = get(&server, &format!("/api/v1/alerts/{ALERT}")).json();
    assert_eq!(alone["campaign"], serde_json::json!({"id": ALERT, "alerts": 1, "more": false}));
    let strange = |id: &str, account: &str| {
        let mut alert = alert(id, account);
        alert.seen.devices = vec!["kali".into()];
        alert.opened_at = "2024-02-07T08:00:00.000Z".into();
        alert
    };
    let [one, two] = ["01HNY0000000000000000OTHER", "01HNY0000000000000000THIRD"];
    put(&mut server.store, &[strange(one, "b"), strange(two, "c")]);
    let found = get(&server, &format!("/api/v1/alerts/{two}/campaign")).json();
    assert_eq!(found["id"], one, "known by its earliest");
    let ids: Vec<_> =
        found["items"].as_array().unwrap().iter().map(|i| &i["alert"]["id"]).collect();
    assert_eq!(ids, [one, two]);
    assert_eq!(found["items"][1]["campaign"]["alerts"], 2);
    let link = serde_json::json!({"alert": two, "other": one, "why": "device", "value": "kali"});
    assert_eq!(found["links"], serde_json::json!([link]));
    assert_eq!(found["total"], serde_json::json!({"count": 2, "more": false}));
    let none = get(&server, "/api/v1/alerts/none/campaign");
    assert_eq!((none.status, none.code().as_str()), (404, "not-found"));

    let queue = get(&server, "/alerts").body;
    assert!(queue.contains(&format!("/alerts/{two}#campaign\">2 alerts of one campaign</a>")));
    let page = get(&server, &format!("/alerts/{two}")).body;
    assert!(page.contains(&format!("href=\"/alerts/{one}\"")), "{page}");
    assert!(page.contains("same device kali"), "{page}");
}

#[test]
fn a_change_names_the_version_it_saw() {
    let server = Server::open();
    let take = r#"{"action":"take"}"#;
    let missing = patch(&server, None, take);
    assert_eq!((missing.status, missing.code().as_str()), (428, "version-required"));
    let taken = patch(&server, Some("\"1\""), take);
    assert_eq!((taken.status, taken.header("etag")), (200, Some("\"2\"")), "{taken:?}");
    assert_eq!(taken.json()["assignee"], "local");
    let stale = patch(&server, Some("\"1\""), r#"{"action":"close","verdict":"test"}"#);
    assert_eq!((stale.status, stale.code().as_str()), (412, "stale"));
    assert_eq!(stale.json()["current"]["version"], 2);
    assert_eq!(stale.json()["current"]["state"], "in_progress");
    let silent = r#"{"action":"close","verdict":"false_positive_logic"}"#;
    assert_eq!(patch(&server, Some("\"2\""), silent).status, 422);
    let odd = r#"{"action":"close","verdict":"fine"}"#;
    assert!(
        patch(&server, Some("\"2\""), odd).json()["detail"]
            .as_str()
            .unwrap()
            .contains("true_positive_impact")
    );
    let closed = patch(&server, Some("\"2\""), r#"{"action":"close","verdict":"test"}"#);
    assert_eq!((closed.status, &closed.json()["state"]), (200, &"closed".into()));
    for broken in ["", "{", "[]", "{\"action\":\"erase\"}", "{\"action\":\"take\",\"x\":1}"] {
        assert_eq!(patch(&server, Some("\"3\""), broken).status, 400, "{broken}");
    }
    let text = Ask::new("PATCH", &format!("/api/v1/alerts/{ALERT}/triage"));
    let text = text.with("If-Match", "\"3\"").with("Content-Type", "text/plain");
    assert_eq!(server.ask(&text).status, 415);
    let gone = Ask::new("PATCH", "/api/v1/alerts/none/triage").json(take);
    assert_eq!(server.ask(&gone.with("If-Match", "\"1\"")).status, 404);
}

#[test]
fn pages_of_a_list_hold_every_alert_once() {
    let mut server = Server::open();
    let more: Vec<_> = (0..24).map(|n| alert(&format!("01HNY{n:021}"), &format!("a{n}"))).collect();
    put(&mut server.store, &more);
    for sort in ["priority", "opened", "updated"] {
        let mut ids = BTreeSet::new();
        let mut path = format!("/api/v1/alerts?sort={sort}&limit=10");
        let mut pages = 0;
        loop {
            let page = get(&server, &path).json();
            assert_eq!(page["total"], serde_json::json!({"count": 25, "more": false}));
            for item in page["items"].as_array().unwrap() {
                assert!(ids.insert(item["alert"]["id"].as_str().unwrap().to_owned()));
            }
            pages += 1;
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/alerts?sort={sort}&limit=10&cursor={cursor}");
        }
        assert_eq!((ids.len(), pages), (25, 3), "{sort}");
    }
}

#[test]
fn filters_are_understood_or_refused() {
    let server = Server::open();
    let check = |query: &str, wanted: Result<usize, &str>| {
        let answer = get(&server, &format!("/api/v1/alerts?{query}"));
        match wanted {
            Ok(count) => {
                let found = answer.json()["items"].as_array().map(Vec::len);
                assert_eq!(found, Some(count), "{query}: {answer:?}");
            }
            Err(code) => {
                assert_eq!((answer.status, answer.code().as_str()), (400, code), "{query}");
            }
        }
    };
    check("status=open&state=new,on_hold&severity=high&partner=cap-emploi", Ok(1));
    check("entity=account:cap00412&unassigned=true&historical=false&q=CAP00412", Ok(1));
    check("state=closed", Ok(0));
    check("assignee=anna", Ok(0));
    check("unit=other", Ok(0));
    for odd in [
        "status=x",
        "state=new,x",
        "severity=bad",
        "sort=x",
        "limit=0",
        "limit=201",
        "limit=x",
        "historical=maybe",
        "entity=cap00412",
        "entity=king:x",
        "colour=red",
        "q=a&q=b",
    ] {
        check(odd, Err("bad-parameter"));
    }
    check(&format!("q={}", "x".repeat(2_000)), Err("bad-parameter"));
}

#[test]
fn a_cursor_is_of_one_list() {
    let mut server = Server::open();
    put(&mut server.store, &[alert("01HNY0000000000000000OTHER", "b")]);
    let cursor = get(&server, "/api/v1/alerts?limit=1").json()["next_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    assert_eq!(get(&server, &format!("/api/v1/alerts?limit=1&cursor={cursor}")).status, 200);
    let others = [
        format!("state=new&cursor={cursor}"),
        format!("sort=priority&cursor={cursor}"),
        format!("cursor={}", &cursor[1..]),
        format!("cursor={cursor}A"),
        "cursor=".into(),
        "cursor=opened~0~0~9999~~".into(),
        "cursor=%27%20OR%201%3D1".into(),
        format!("cursor={}", "A".repeat(4_000)),
    ];
    for query in others {
        let answer = get(&server, &format!("/api/v1/alerts?{query}"));
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad-cursor"), "{query}");
    }
    let page = get(&server, "/alerts?after=nonsense");
    assert_eq!(page.status, 200, "a person's old link begins at the beginning");
}

#[test]
fn an_account_is_looked_at_for_a_reason_and_that_is_on_record() {
    let server = Server::with_login();
    let session = server.session("viewer");
    let ask = |path: &str| server.ask(&Ask::get(path).by(&session));
    let api = format!("/api/v1/accounts/{ACCOUNT}");
    assert_eq!(ask(&api).code(), "reason-required");
    assert_eq!(ask(&format!("{api}?reason=%20%20abc%20%20%20")).code(), "reason-required");
    assert_eq!(ask(&format!("{api}?alert=none")).code(), "not-found");
    let form = ask(&format!("/accounts/{ACCOUNT}"));
    assert_eq!(form.status, 200);
    assert!(!form.body.contains("cap-emploi-75"), "nothing is told before the reason");
    let views = |server: &Server| {
        let entries = server.desk().audit_page(None, 100).unwrap();
        let views = entries.into_iter().filter(|e| e.what.ends_with(".view"));
        views.map(|e| (e.actor, e.what, e.subject, e.detail)).collect::<Vec<_>>()
    };
    assert_eq!(views(&server), []);
    for _ in 0..3 {
        assert_eq!(ask(&format!("{api}?reason=asked+by+unit")).status, 200);
        assert_eq!(ask(&format!("/accounts/{ACCOUNT}?alert={ALERT}")).status, 200);
        assert_eq!(ask(&format!("/alerts/{ALERT}")).status, 200);
        assert_eq!(ask(&format!("/api/v1/alerts/{ALERT}")).status, 200);
    }
    let entry = |what: &str, subject: &str, detail: String| {
        ("viewer".to_owned(), what.to_owned(), subject.to_owned(), detail)
    };
    let wanted = [
        entry("alert.view", ALERT, "{}".into()),
        entry("account.view", ACCOUNT, format!("{{\"alert\":\"{ALERT}\"}}")),
        entry("account.view", ACCOUNT, "{\"reason\":\"asked by unit\"}".into()),
    ];
    assert_eq!(views(&server), wanted, "once an hour, newest first");
}

#[test]
fn the_description_names_every_field_of_an_alert() {
    let server = Server::open();
    let document = get(&server, "/openapi.json").json();
    assert_eq!(document, get(&server, "/api/v1/openapi.json").json());
    let schema = &document["components"]["schemas"]["Alert"];
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let mut said = names(&schema["properties"]);
    assert!(said.remove("events") && said.remove("read_from"), "absent while there are none");
    let alert = serde_json::to_value(alert(ALERT, ACCOUNT)).unwrap();
    assert_eq!(said, names(&alert));
    let required: BTreeSet<String> = serde_json::from_value(schema["required"].clone()).unwrap();
    assert_eq!(required, said);
    let text = document.to_string();
    for (at, _) in text.match_indices("#/components/schemas/") {
        let name = text[at + 21..].split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name} is not described");
    }
}

#[test]
fn pages_of_the_queue_are_walked_there_and_back() {
    let mut server = Server::open();
    let alerts: Vec<_> =
        (0..120).map(|n| alert(&format!("01HNYPAGE{n:017}"), "cap01234")).collect();
    put(&mut server.store, &alerts);
    let link = |page: &str, rel: &str| -> Option<String> {
        let (_, rest) = page.split_once(&format!("<a rel=\"{rel}\" href=\""))?;
        Some(rest.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
    };
    let shown = |page: &str| -> BTreeSet<String> {
        let links = page.split("href=\"/alerts/").skip(1);
        links.map(|rest| rest.split(['"', '#', '/']).next().unwrap().to_owned()).collect()
    };
    let mut pages = vec![get(&server, "/alerts?sort=opened").body];
    while let Some(next) = link(pages.last().unwrap(), "next") {
        pages.push(get(&server, &next).body);
    }
    assert_eq!(pages.iter().map(|page| shown(page).len()).collect::<Vec<_>>(), [50, 50, 21]);
    assert_eq!(link(&pages[0], "prev"), None);
    for at in [2, 1] {
        let back = get(&server, &link(&pages[at], "prev").unwrap()).body;
        assert_eq!(shown(&back), shown(&pages[at - 1]), "{at}");
        assert!(link(&back, "next").is_some());
    }
}
