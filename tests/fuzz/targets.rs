//! What fuzzing does with its input. Each function takes any bytes and must return: the fuzzer and
//! the test binary (which replays `corpus/`) share them.

use std::cell::RefCell;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use vigie::config::Config;
use vigie::decode::{DecodeOptions, Decoder, Mapping, PseudonymKey, Pseudonymiser};
use vigie::detect::rule::Rules;
use vigie::detect::snapshot::PAYLOAD_VERSION;
use vigie::detect::{Control, Detector, Settings};
use vigie::directory::{Accounts, Caseload, PersonUnits, read_expected};
use vigie::event::{AccessEvent, Action, Outcome, PERSONS_PER_EVENT_MAX, Person, TimestampMs};
use vigie::pipeline::cases::{self, Case};
use vigie::pipeline::shard::Shard;
use vigie::store::KeyId;
use vigie::store::format::{self, Header};
use vigie::triage::{Language, Triage};

/// Years 1970 to 2200, as the decoder promises.
const TIMES: std::ops::Range<TimestampMs> = 0..7_289_654_400_000;

/// Monday 8 January 2024, 09:00 in Paris.
const MORNING_MS: TimestampMs = 1_704_700_800_000;

const MINUTE_MS: i64 = 60_000;

static RULES: LazyLock<Arc<Rules>> =
    LazyLock::new(|| Arc::new(Rules::built_in().expect("the shipped rules are valid")));

thread_local! {
    /// One decoder for each preset; they keep their scratch memory from line to line, as in life.
    static DECODERS: RefCell<Vec<Decoder>> = RefCell::new(
        Mapping::PRESETS
            .iter()
            .filter_map(|name| Mapping::preset(name))
            .map(|mapping| decoder(&mapping).expect("the presets are valid"))
            .collect(),
    );
}

/// A line, read as native JSON and by every preset.
pub fn decode(data: &[u8]) {
    let skeleton = vigie::decode::redacted_skeleton(data);
    assert!(skeleton.len() <= 2 * data.len() + 4_096, "a skeleton grew to {}", skeleton.len());
    DECODERS.with_borrow_mut(|decoders| {
        for decoder in decoders {
            check_decode(decoder, data);
        }
    });
}

/// A mapping's text, and sample lines through it when it is valid.
pub fn mapping(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(mapping) = toml::from_str::<Mapping>(text) else { return };
    match decoder(&mapping) {
        Ok(mut decoder) => SAMPLES.iter().for_each(|line| check_decode(&mut decoder, line)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A rule's text, the priors' text and a line of cases, separated by form feeds; what is missing
/// is as shipped.
pub fn rules(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(3, '\u{c}');
    let part = |given: Option<&'_ str>, shipped| {
        given.filter(|t| !t.is_empty()).unwrap_or(shipped).to_owned()
    };
    let rule = part(parts.next(), include_str!("../../rules/volume.toml"));
    let priors = part(parts.next(), include_str!("../../rules/priors.toml"));
    let rules = match Rules::parse(&[("volume.toml", rule), ("priors.toml", priors)]) {
        Ok(rules) => Arc::new(rules),
        Err(errors) => return errors.iter().for_each(|e| assert!(!e.problem.is_empty())),
    };
    let detector = Detector::new(Settings::default(), Arc::clone(&rules));
    fifty_events(&mut detector.expect("the default zone is there"));
    let Some(line) = parts.next() else { return };
    let Ok(case) = serde_json::from_str::<Case>(line) else { return };
    if work(&case) < 2_000 {
        // Whether it holds is the author's business.
        let _ = cases::run(&case, &rules);
    }
}

/// A snapshot file, or only its payload: what is believed must also bear events.
pub fn snapshot(data: &[u8]) {
    let payload = match format::decode(data) {
        Ok((header, payload)) => {
            let again = format::decode(&format::encode(&header, &payload));
            assert_eq!(again, Ok((header, payload.clone())));
            payload
        }
        Err(_) => data.to_vec(),
    };
    // The payload's own checksum would stop nearly everything, so it is made to fit: what lies
    // behind it must not rely on it.
    let sealed = [data, &crc32fast::hash(data).to_le_bytes()].concat();
    for version in 1..=PAYLOAD_VERSION {
        let mut shard = new_shard();
        if shard.restore(version, &payload).is_ok() {
            for (position, minute) in (0..50).enumerate() {
                with_event(minute, |event| shard.event(event, position as u64, &mut Vec::new()));
            }
            let (version, again) = shard.snapshot();
            new_shard().restore(version, &again).expect("what a shard writes, it reads");
        }
        for payload in [&payload, &sealed] {
            if let Ok(mut detector) = Detector::restore(version, payload) {
                fifty_events(&mut detector);
            }
        }
    }
}

/// Each of the four reference files, and a few events with what was read.
pub fn directory(data: &[u8]) {
    let person = Pseudonymiser::new(PseudonymKey::PUBLIC, "id");
    let accounts = Accounts::read("accounts.csv", data).map(Arc::new).map(Control::Accounts);
    let expected = read_expected("expected.csv", data).map(Arc::new).map(Control::Expected);
    let units = PersonUnits::read("persons.csv", data, &person).map(Arc::new);
    let caseload = Caseload::read("caseload.csv", data, &person).map(Arc::new);
    let loaded =
        [accounts, expected, units.map(Control::PersonUnits), caseload.map(Control::Caseload)];
    let mut detector =
        Detector::new(Settings::default(), Arc::clone(&RULES)).expect("the default zone is there");
    for control in loaded {
        match control {
            Ok(control) => detector.control(control, &mut Vec::new()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    fifty_events(&mut detector);
}

/// A configuration file.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(errors) = Config::parse("vigie.toml", text, Path::new("/etc/vigie")) {
        assert!(!errors.is_empty());
        for error in errors {
            assert!(error.line <= text.lines().count() + 1, "{error}");
        }
    }
}

/// Snapshots of a small shard for fuzzing to begin with: the file, its payload, and the detector's
/// part of that.
pub fn snapshot_seeds() -> [(&'static str, Vec<u8>); 3] {
    let mut shard = new_shard();
    for day in 0..4 {
        for (position, minute) in (0..50).enumerate() {
            let at = day * 1_440 + minute;
            with_event(at, |event| shard.event(event, position as u64, &mut Vec::new()));
        }
    }
    let (payload_version, payload) = shard.snapshot();
    let header = Header {
        payload_version,
        key_id: KeyId([0; 8]),
        config_hash: [0; 32],
        epoch: 0,
        position: 200,
    };
    let file = format::encode(&header, &payload);
    let mut detector = shard.detector().snapshot();
    // The target seals it again.
    detector.truncate(detector.len() - 4);
    [("file", file), ("payload", payload), ("detector", detector)]
}

/// Snapshots of the versions before, which no build can make any more.
pub fn kept_snapshots() -> [(&'static str, &'static [u8]); 2] {
    [
        ("v1", include_bytes!("../store/shard-v1.snap")),
        ("v2", include_bytes!("../store/shard-v2.snap")),
    ]
}

fn decoder(mapping: &Mapping) -> Result<Decoder, vigie::decode::MappingError> {
    let options = DecodeOptions {
        default_namespace: "id".to_owned(),
        population_codes: vec!["rsa".to_owned(), "minor".to_owned()],
    };
    Decoder::new(mapping, PseudonymKey::PUBLIC, options)
}

/// Lines that mappings are tried on: JSON flat and nested, a web server's, nonsense.
const SAMPLES: [&[u8]; 5] = [
    br#"{"time":"2024-02-06T19:00:07+01:00","account":"a","records":["1","nir:2"],"ip":"192.0.2.1"}"#,
    br#"{"@timestamp":1707242407000,"user":{"name":"a","roles":["r"]},"event":{"action":"view"},"list":[1,2.5,null,{"id":"x"}]}"#,
    br#"192.0.2.1 - alice [06/Feb/2024:19:00:07 +0100] "GET /dossiers/123?q=a HTTP/1.1" 200 17 "-" "curl""#,
    b"",
    b"\xff\xfe{\"time\":1e400}",
];

/// A line is an event that keeps its promises, or an error; the same each time.
fn check_decode(decoder: &mut Decoder, line: &[u8]) {
    let first = match decoder.decode(line) {
        Ok(decoded) => {
            let event = decoded.event;
            assert!(TIMES.contains(&event.time), "{}", event.time);
            assert!(event.account.is_some() || event.ip.is_some());
            assert!(event.persons.len() <= PERSONS_PER_EVENT_MAX);
            assert!(event.persons.is_empty() || event.outcome == Outcome::Success);
            Ok((event.time, event.persons.len(), event.data, event.query))
        }
        Err(error) => {
            assert!(vigie::decode::DecodeError::REASONS.contains(&error.reason()));
            Err(error)
        }
    };
    let again = decoder.decode(line);
    let again = again.map(|d| (d.event.time, d.event.persons.len(), d.event.data, d.event.query));
    assert_eq!(first, again);
}

/// How many events a case plays, about.
fn work(case: &Case) -> u64 {
    let given = &case.given;
    let past = [given.days, given.peers, given.persons_per_day.saturating_mul(2).max(1)];
    let past = past.iter().fold(1u64, |all, n| all.saturating_mul(u64::from(*n).max(1)));
    let run = |count: u32, persons: u32| u64::from(count).saturating_mul(u64::from(persons).max(1));
    case.events.iter().fold(past, |all, e| all.saturating_add(run(e.count, e.persons)))
}

fn new_shard() -> Shard {
    let detector =
        Detector::new(Settings::default(), Arc::clone(&RULES)).expect("the default zone is there");
    let triage = Triage {
        shard: "fuzz".into(),
        rules_version: RULES.version.clone(),
        population: Vec::new(),
        language: Language::English,
    };
    let mapping = Mapping::preset("native").expect("the presets are there");
    let decoder = decoder(&mapping).expect("the presets are valid");
    Shard::new(decoder, detector, triage)
}

fn fifty_events(detector: &mut Detector) {
    let mut findings = Vec::new();
    for (position, minute) in (0..50).enumerate() {
        with_event(minute * 97, |event| detector.event(event, position as u64, &mut findings));
    }
}

/// Five accounts and an address take turns; every event returns new persons.
fn with_event<R>(minute: i64, f: impl FnOnce(&AccessEvent<'_>) -> R) -> R {
    let who = minute.rem_euclid(6);
    let person = |n: i64| {
        let id = (minute * 8 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) as u64;
        Person { id, block: n as u32 }
    };
    let persons: Vec<Person> = (0..8).map(person).collect();
    f(&AccessEvent {
        time: MORNING_MS + minute * MINUTE_MS,
        account: (who < 5).then(|| format!("acc{who}").into()),
        partner: Some("partner".into()),
        unit: Some("unit".into()),
        role: Some("cap-adviser".into()),
        action: if minute % 2 == 0 { Action::Search } else { Action::View },
        persons: &persons,
        persons_known: true,
        unidentified: (minute % 7) as u64,
        persons_beyond: 0,
        unrelated: None,
        data: 1,
        population: 1,
        query: 1,
        resource: 1,
        ip: Some("192.0.2.1".into()),
        device: Some("device".into()),
        session: None,
        user_agent: None,
        outcome: Outcome::Success,
    })
}
