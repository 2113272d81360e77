use std::fmt::Write;

use proptest::prelude::*;

use super::fault_table::FAULTS;
use super::*;
use crate::event::{Action, DATA_CLASSES, Outcome, PERSONS_PER_EVENT_MAX};

pub(super) fn options() -> DecodeOptions {
    let population_codes = vec!["rsa".to_owned(), "minor".to_owned()];
    DecodeOptions { default_namespace: "ft".to_owned(), population_codes }
}

pub(super) fn decoder(mapping: &str) -> Decoder {
    let mapping: Mapping = toml::from_str(mapping).unwrap();
    Decoder::new(&mapping, PseudonymKey::PUBLIC, options()).unwrap()
}

/// What is not as in the plainest event, in one line.
pub(super) fn describe(decoded: &Result<Decoded<'_>, DecodeError>) -> String {
    let Decoded { event, repairs } = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return format!("! {}", error.reason()),
    };
    let mut out = match event.time {
        1_709_287_260_000 => "T".to_owned(),
        other => other.to_string(),
    };
    write!(out, " {}", event.account.as_deref().unwrap_or("-")).unwrap();
    let group =
        [&event.partner, &event.unit, &event.role].map(|part| part.as_deref().unwrap_or(""));
    if group != ["", "", ""] {
        write!(out, " {}", group.join("/")).unwrap();
    }
    if event.action != Action::View {
        write!(out, " {}", event.action.word()).unwrap();
    }
    match event.outcome {
        Outcome::Success => {}
        Outcome::Failure => out.push_str(" failure"),
        Outcome::Denied => out.push_str(" denied"),
    }
    let mut number = |name: &str, shown: bool, number: u64| {
        if shown {
            write!(out, " {name}={number}").unwrap();
        }
    };
    number("persons", event.persons_known, event.persons.len() as u64);
    number("beyond", event.persons_beyond > 0, event.persons_beyond);
    number("unidentified", event.unidentified > 0, event.unidentified);
    number("unrelated", event.unrelated.is_some(), u64::from(event.unrelated.unwrap_or(0)));
    number("population", event.population > 0, u64::from(event.population));
    let classes = (0..DATA_CLASSES.len()).filter(|bit| event.data & 1 << bit != 0);
    let lists = [
        ("data", classes.map(|bit| DATA_CLASSES[bit]).collect::<Vec<_>>().join(",")),
        ("ip", event.ip.as_deref().unwrap_or("").to_owned()),
        ("device", event.device.as_deref().unwrap_or("").to_owned()),
        ("session", event.session.as_deref().unwrap_or("").to_owned()),
        ("user_agent", event.user_agent.as_deref().unwrap_or("").to_owned()),
        ("bad", repairs.iter().collect::<Vec<_>>().join(",")),
    ];
    for (name, value) in lists.iter().filter(|(_, value)| !value.is_empty()) {
        write!(out, " {name}={value}").unwrap();
    }
    if repairs.text {
        out.push_str(" mended");
    }
    out
}

pub(super) fn check(decoder: &mut Decoder, line: &str, expected: &str) {
    assert_eq!(describe(&decoder.decode(line.as_bytes())), expected, "{line}");
}

/// The rules of bad input hold on the fast path and for mapped lines alike.
#[test]
fn fault_table() {
    let mut native = decoder("");
    let mut mapped = decoder("query = ['/query', '/nowhere']");
    assert!(matches!((&native.plan, &mapped.plan), (Plan::Native(_), Plan::Json(_))));
    let same_when_mapped = |what: &str| {
        // A mapping is forgiving where a list stands for one value, and has its own words for
        // nothing; what follows from that is tested with the presets.
        !["list as", "wrong types", "empty record", "bool as outcome", "a number too large, unused"]
            .iter()
            .any(|w| what.starts_with(w))
    };
    for (what, line, expected) in FAULTS {
        assert_eq!(describe(&native.decode(line)), *expected, "{what}");
        if same_when_mapped(what) {
            assert_eq!(describe(&mapped.decode(line)), *expected, "{what}, mapped");
        }
    }
}

#[test]
fn long_values_are_cut_and_counted() {
    let mut decoder = decoder("");
    let long = "é".repeat(600);
    let line = format!(r#"{{"time":0,"account":"a{long}","ip":"{long}","user_agent":"{long}"}}"#);
    let decoded = decoder.decode(line.as_bytes()).unwrap();
    let lengths = [&decoded.event.account, &decoded.event.ip, &decoded.event.user_agent]
        .map(|text| text.as_ref().map_or(0, |text| text.len()));
    assert_eq!(lengths, [255, 256, 1024]);
    assert!(decoded.repairs.iter().eq(["account", "ip", "user_agent"]));
}

#[test]
fn too_many_persons_are_counted_beyond() {
    let mut decoder = decoder("");
    let ids: Vec<String> = (0..PERSONS_PER_EVENT_MAX + 3).map(|id| format!("\"{id}\"")).collect();
    let line =
        format!(r#"{{"time":0,"account":"a","records":[{}],"record_count":65540}}"#, ids.join(","));
    let decoded = decoder.decode(line.as_bytes()).unwrap();
    assert_eq!(decoded.event.persons.len(), PERSONS_PER_EVENT_MAX);
    assert_eq!((decoded.event.persons_beyond, decoded.event.unidentified), (3, 1));
    assert!(decoded.repairs.persons_over_limit && decoded.repairs.fields.is_empty());
    check(&mut decoder, r#"{"time":1709287260000,"account":"a"}"#, "T a");
}

#[test]
fn oversized_lines_are_refused() {
    let line = vec![b' '; LINE_BYTES_MAX + 1];
    let error = decoder("").decode(&line).unwrap_err();
    assert_eq!(error.to_string(), "a line of 16777217 bytes is over the limit of 16777216");
}

#[test]
fn depth_cannot_hide_a_line() {
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for mapping in ["", "query = ['/query', '/nowhere']"] {
        for key in ["x", "device", "records"] {
            let line = format!(r#"{{"time":1709287260000,"account":"a","{key}":{nested}}}"#);
            let mut decoder = decoder(mapping);
            let decoded = decoder.decode(line.as_bytes()).unwrap();
            assert_eq!(decoded.event.account.as_deref(), Some("a"));
        }
    }
}

#[test]
fn errors_show_where_and_no_value() {
    let error = |line: &str| decoder("").decode(line.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error(r#"{"time":0,"account":"dupont" "x"}"#),
        "not JSON: expected `,` or `}` at line 1 column 30"
    );
    for line in [r#"{"account":"dupont"}"#, r#"{"time":"dupont","account":"a"}"#, r#""dupont""#] {
        assert!(!error(line).contains("dupont"), "{line}");
    }
    let reasons = FAULTS.iter().filter_map(|(_, _, outcome)| outcome.strip_prefix("! "));
    for reason in reasons {
        assert!(DecodeError::REASONS.contains(&reason), "{reason}");
    }
}

#[test]
fn persons_and_hashes_are_keyed() {
    let mut decoder = decoder("");
    let line = br#"{"time":0,"account":"a","records":["ft:12345",12345,"12345","nir:12345","1\u00323"],"query":"nom","resource":"nom"}"#;
    let event = decoder.decode(line).unwrap().event;
    let hash = Pseudonymiser::new(PseudonymKey::PUBLIC, "ft");
    let persons = ["12345", "12345", "12345", "nir:12345", "123"].map(|id| hash.person(id));
    assert_eq!(event.persons, persons);
    assert_eq!(event.query, hash.opaque("query", "nom"));
    assert_eq!(event.resource, hash.opaque("resource", "nom"));
}

#[test]
fn constants_win_over_the_line() {
    let mut decoder = decoder("partner = { value = 'p' }\ndata = { value = ['nir', 'bank'] }");
    assert!(matches!(decoder.plan, Plan::Native(_)));
    let line = r#"{"time":1709287260000,"account":"a","partner":"x","unit":"u","data":["?"]}"#;
    check(&mut decoder, line, "T a p/u/ data=nir,bank");
}

#[test]
fn codes_that_nobody_asked_for_are_not_bad() {
    let mapping = Mapping::default();
    let options = DecodeOptions { population_codes: Vec::new(), ..options() };
    let mut decoder = Decoder::new(&mapping, PseudonymKey::PUBLIC, options).unwrap();
    check(&mut decoder, r#"{"time":1709287260000,"account":"a","population":["vip"]}"#, "T a");
    check(&mut decoder, r#"{"time":1709287260000,"account":"a","population":"vip"}"#, "T a");
}

#[test]
fn options_are_checked() {
    let codes = (0..33).map(|i| format!("c{}", i.min(31))).collect();
    let options = DecodeOptions { default_namespace: "FT".to_owned(), population_codes: codes };
    let error = Decoder::new(&Mapping::default(), PseudonymKey::PUBLIC, options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "mapping.default_namespace: \"FT\" is no namespace: 1 to 16 of a-z, 0-9, _ and -, a letter first\n\
         mapping.population_codes: 33 codes, at most 32 fit\n\
         mapping.population_codes: \"c31\" is there twice"
    );
}

fn any_event() -> impl Strategy<Value = serde_json::Value> {
    let text = || proptest::option::of("[a-zà-ü0-9:_./\"\\\\]{1,12}");
    let ids = proptest::option::of(proptest::collection::vec("[a-z0-9:é]{1,9}", 0..5));
    (
        0i64..7_000_000_000_000,
        "[a-z0-9\"\u{1F600}]{1,9}",
        text(),
        text(),
        ids,
        0usize..11,
        proptest::option::of(0u32..99),
    )
        .prop_map(|(time, account, partner, ip, records, action, record_count)| {
            serde_json::json!({
                "time": time, "account": account, "partner": partner, "ip": ip, "records": records,
                "action": Action::WORDS[action].0, "record_count": record_count,
            })
        })
}

proptest! {
    #[test]
    fn a_native_event_reads_as_written(written in any_event()) {
        let line = written.to_string();
        let mut decoder = decoder("");
        let Decoded { event, repairs } = decoder.decode(line.as_bytes()).unwrap();
        prop_assert!(repairs.is_empty());
        prop_assert_eq!(event.time, written["time"].as_i64().unwrap());
        prop_assert_eq!(event.account.as_deref(), written["account"].as_str());
        prop_assert_eq!(event.partner.as_deref(), written["partner"].as_str());
        prop_assert_eq!(event.ip.as_deref(), written["ip"].as_str());
        prop_assert_eq!(event.action.word(), written["action"].as_str().unwrap());
        let hash = Pseudonymiser::new(PseudonymKey::PUBLIC, "ft");
        let ids = written["records"].as_array();
        let persons: Option<Vec<_>> = ids.map(|ids| ids.iter().map(|id| hash.person(id.as_str().unwrap())).collect());
        prop_assert_eq!(event.persons_known.then(|| event.persons.to_vec()), persons);
        let count = written["record_count"].as_u64().unwrap_or(0);
        prop_assert_eq!(event.unidentified, count.saturating_sub(event.persons.len() as u64));
    }

    #[test]
    fn the_fast_path_and_the_mapped_one_agree(written in any_event()) {
        let line = written.to_string();
        let (mut native, mut mapped) = (decoder(""), decoder("query = ['/query', '/nowhere']"));
        prop_assert_eq!(native.decode(line.as_bytes()), mapped.decode(line.as_bytes()));
    }

    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn damaged_lines_never_panic(row in 0..FAULTS.len(), damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4)) {
        let mut line = FAULTS[row].1.to_vec();
        for (at, byte) in damage {
            if !line.is_empty() {
                let at = at.index(line.len());
                line[at] = byte;
            }
        }
        survives(&line);
    }

    #[test]
    fn json_soup_never_panics(line in r#"\{("(time|account|records|data)": ?(-?[0-9]{1,20}(e[0-9]{1,4})?|"(\\u[0-9a-f]{4}|\\x[0-9]|[a-z\\:]){0,9}"|\[|\]|null|\{\}),? ?){0,6}\}?"#) {
        survives(line.as_bytes());
    }
}

fn survives(line: &[u8]) {
    for preset in Mapping::PRESETS {
        let mut decoder = decoder(&format!("preset = '{preset}'"));
        if let Err(error) = decoder.decode(line) {
            assert!(DecodeError::REASONS.contains(&error.reason()));
        }
    }
    assert!(redacted_skeleton(line).len() <= 2048);
}
