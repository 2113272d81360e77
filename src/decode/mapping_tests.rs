use super::tests::{check, decoder, describe, options};
use super::*;

#[test]
fn ecs() {
    let mut ecs = decoder("preset = 'ecs'\nrecords = '/labels/person'");
    check(
        &mut ecs,
        r#"{"@timestamp":"2024-03-01T10:01:00.000Z","user":{"name":"cap00412","roles":["cap-adviser","x"]},"organization":{"name":"cap-emploi"},"event":{"action":"dossier-opened","type":["access"],"category":["web"],"outcome":"success"},"source":{"ip":"10.1.2.3"},"user_agent":{"original":"Mozilla/5.0"},"device":{"id":"pc-7"},"labels":{"person":["1","2"]}}"#,
        "T cap00412 cap-emploi//cap-adviser persons=2 ip=10.1.2.3 device=pc-7 user_agent=Mozilla/5.0",
    );
    check(
        &mut ecs,
        r#"{"@timestamp":"2024-03-01T10:01:00Z","user.name":"a","event.category":"authentication","event.outcome":"failure","client.ip":"::1","labels.person":"-"}"#,
        "T a login_failed failure ip=::1",
    );
    check(
        &mut ecs,
        r#"{"@timestamp":"2024-03-01T10:01:00Z","user":{"name":"a"},"http":{"request.method":"GET","response":{"status_code":403}},"event":{"outcome":"unknown"},"url.path":"/search","labels":{"person":"1"}}"#,
        "T a search denied",
    );
    check(
        &mut ecs,
        r#"{"@timestamp":"2024-03-01T10:01:00Z","user":{"name":"a"},"event":{"action":"browsed","type":["info"],"category":["database"]}}"#,
        "T a other",
    );
    check(&mut ecs, r#"{"@timestamp":"2024-03-01T10:01:00Z","user":{"name":"-"}}"#, "! no-account");
    check(&mut ecs, r#"{"time":"2024-03-01T10:01:00Z","user":{"name":"a"}}"#, "! no-time");
}

#[test]
fn ocsf() {
    let mut ocsf = decoder("preset = 'ocsf'\nrecords = '/unmapped/persons'");
    check(
        &mut ocsf,
        r#"{"class_uid":6005,"activity_id":4,"activity_name":"Query","time":1709287260000,"actor":{"user":{"name":"svc","org":{"name":"cap-emploi"},"groups":[{"name":"g"}]}},"src_endpoint":{"ip":"10.0.0.9"},"status_id":1,"unmapped":{"persons":["1"]}}"#,
        "T svc cap-emploi/g/ search persons=1 ip=10.0.0.9",
    );
    check(
        &mut ocsf,
        r#"{"class_uid":3002,"activity_name":"Logon","time_dt":"2024-03-01T10:01:00Z","user":{"uid":"u1"},"status":"Failure"}"#,
        "T u1 login_failed failure",
    );
    check(
        &mut ocsf,
        r#"{"class_uid":6003,"activity_name":"Read","time":1709287260000,"actor":{"user":{"uid":"u1"}},"status_id":0}"#,
        "T u1",
    );
}

#[test]
fn nginx_json() {
    let mut nginx = decoder(
        "preset = 'nginx-json'\nrecords = { from = 'request', match = '^GET /dossiers/(\\w+)' }",
    );
    check(
        &mut nginx,
        r#"{"time_iso8601":"2024-03-01T11:01:00+01:00","msec":"1709287260.250","remote_addr":"10.0.0.1","remote_user":"a","request":"GET /dossiers/184?x=1 HTTP/1.1","status":"200","body_bytes_sent":"512","http_user_agent":"curl/8"}"#,
        "1709287260250 a persons=1 ip=10.0.0.1 user_agent=curl/8",
    );
    check(
        &mut nginx,
        r#"{"time_local":"01/Mar/2024:11:01:00 +0100","remote_addr":"10.0.0.1","remote_user":"","request_method":"POST","request_uri":"/api/recherche?q=x","status":500,"http_user_agent":"\x22-"}"#,
        "T - search failure ip=10.0.0.1 user_agent=\"- mended",
    );
    check(
        &mut nginx,
        r#"{"msec":"soon","time_iso8601":"2024-03-01T10:01:00Z","remote_user":"-","remote_addr":"::1","request":""}"#,
        "T - ip=::1",
    );
    check(&mut nginx, r#"{"msec":1709287260.0,"remote_user":"a"}"#, "T a");
    check(&mut nginx, r#"{"msec":true,"remote_user":"a"}"#, "! bad-time");
}

#[test]
fn combined() {
    let mut plain = decoder("preset = 'combined'");
    let line = r#"127.0.0.1 - frank [01/Mar/2024:10:01:00 +0000] "GET /dossiers/18 HTTP/1.0" 200 2326 "http://x/\"y" "Mozilla/4.08 [en]""#;
    check(&mut plain, line, "T frank ip=127.0.0.1 user_agent=Mozilla/4.08 [en]");
    let mut combined = decoder(
        "preset = 'combined'\nrecords = { from = 'request', match = 'dossiers?[/=](\\w+)' }\npartner = { value = 'p' }",
    );
    check(&mut combined, line, "T frank p// persons=1 ip=127.0.0.1 user_agent=Mozilla/4.08 [en]");
    check(
        &mut combined,
        r#"10.0.0.1 - jean [x] dupont [01/Mar/2024:10:01:00 +0000] "PUT /recherche?dossier=1&dossier=2 HTTP/1.1" 204 -"#,
        "T jean [x] dupont p// update persons=2 ip=10.0.0.1",
    );
    check(
        &mut combined,
        r#"10.0.0.1 - - [01/Mar/2024:10:01:00 +0000] "GET /dossiers/18 HTTP/1.1" 401 0 "-" "-""#,
        "T - p// denied ip=10.0.0.1",
    );
    check(
        &mut combined,
        r#"10.0.0.1 - a [01/Mar/2024:10:01:00 +0000] "\x16\x03" 400 0 "-" "-" 0.003"#,
        "T a p// failure ip=10.0.0.1",
    );
    check(&mut combined, r#"10.0.0.1 - a [yesterday] "GET / HTTP/1.1" 200 0"#, "! bad-time");
    check(&mut combined, r#"{"time":0,"account":"a"}"#, "! no-match");
    let invalid =
        b"10.0.0.1 - a\xe9 [01/Mar/2024:10:01:00 +0000] \"GET /search?nom=\xe9 HTTP/1.1\" 200 1\r";
    assert_eq!(describe(&combined.decode(invalid)), "T a\u{fffd} p// search ip=10.0.0.1 mended");
}

#[test]
fn templates_are_hashed() {
    let mut combined = decoder("preset = 'combined'");
    let mut hashes = |target: &str| {
        let line = format!(r#"::1 - a [01/Mar/2024:10:01:00 +0000] "GET {target} HTTP/1.1" 200 1"#);
        let event = combined.decode(line.as_bytes()).unwrap().event;
        (event.resource, event.query)
    };
    assert_eq!(hashes("/search/12?nom=a&page=1"), hashes("/search/13?nom=b&page=2"));
    assert_ne!(hashes("/search/12?nom=a").0, hashes("/list/12?nom=a").0);
    assert_ne!(hashes("/search/12?nom=a").1, hashes("/search/12?prenom=a").1);
    assert_eq!(hashes("/search/12").1, 0);
}

#[test]
fn own_formats() {
    let mut own = decoder(
        r#"
        line = '^(?P<time>\S+) (?P<account>\S+) (?P<verb>\S+) (?P<record_count>\d+|-) (?P<ids>\S*)$'
        action = "verb"
        actions = { OPEN = "view", FIND = "search", "out" = "other" }
        records = { from = "ids", match = '([^,]+)' }
        "#,
    );
    check(&mut own, "2024-03-01T10:01:00Z a find 12 1,2,3", "T a search persons=3 unidentified=9");
    check(&mut own, "2024-03-01T10:01:00Z a Open - 1", "T a persons=1");
    check(&mut own, "2024-03-01T10:01:00Z a out - ", "T a other");
    check(&mut own, "2024-03-01T10:01:00Z a", "! no-match");
    let mut own = decoder(
        r#"
        time = { pointer = "/a~1b/~0ts", unit = "s" }
        account = ["login", { from = "/who", match = 'uid=(?P<realm>\w+)/(?P<account>\w+)' }]
        outcome = "/ok"
        outcomes = { KO = "failure", "1" = "success" }
        "#,
    );
    check(&mut own, r#"{"a/b":{"~ts":1709287260},"who":"x uid=r/bob","ok":1}"#, "T bob");
    check(&mut own, r#"{"a/b":{"~ts":"1709287260"},"login":"eve","ok":"ko"}"#, "T eve failure");
    check(&mut own, r#"{"a/b":{"~ts":"x"},"login":"eve"}"#, "! bad-time");
}

#[test]
fn a_mapping_tells_all_its_errors() {
    let check = |mapping: &str, expected: &[&str]| {
        let mapping: Mapping = toml::from_str(mapping).unwrap();
        let error = Decoder::new(&mapping, PseudonymKey::PUBLIC, options()).unwrap_err();
        let shown = error.to_string();
        for (problem, expected) in error.problems.iter().zip(expected) {
            let line = format!("{}: {}", problem.key, problem.problem);
            assert!(line.contains(expected), "{line}");
        }
        assert_eq!(error.problems.len(), expected.len(), "{shown}");
    };
    check(
        r#"
        person = "/x"
        account = { pointer = "/a", value = "b", regex = "c" }
        ip = { from = "/r", match = '\w+' }
        records = { from = "/r", match = '(' }
        time = { pointer = "/t", unit = "us" }
        role = { pointer = "/t", unit = "s" }
        unit = "/"
        partner = []
        actions = { open = "look" }
        outcomes = { ko = "bad" }
        http = { verb = "/x" }
        "#,
        &[
            "account: unknown key \"regex\"",
            "account: a source is one of",
            "ip: match needs a group",
            "partner: an empty list",
            "person: there is no such field: choose one of time, account, partner",
            "records: bad regular expression",
            "role: unit is for time only",
            "time: unit \"us\": choose s or ms",
            "unit: \"/\" is no place",
            "actions.\"open\": \"look\" is no action: choose one of search, view",
            "outcomes.\"ko\": \"bad\" is no outcome",
            "http.verb: there is no such part: choose one of request, method",
        ],
    );
    check("preset = 'splunk'", &["preset: \"splunk\" is none: choose one of native, ecs"]);
    check(
        "input = 'text'",
        &["line: text lines need", "time: has no source", "account: has no source"],
    );
    check(
        "line = '(?P<time>x) (?P<ip>y)'\nrole = 'z'",
        &["role: \"z\" is no group of the line: choose one of time, ip"],
    );
    check("input = 'json'\nline = 'x'", &["line: belongs to input"]);
}
