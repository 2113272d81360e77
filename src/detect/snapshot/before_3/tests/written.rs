//! A state of then, every field with a value of its own.

use std::collections::VecDeque;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::account as then;
use super::super::*;
use crate::detect::Detector;
use crate::detect::baseline::{Activity, Moments, Prior};
use crate::detect::episode::{Circumstances, ExposureSet, Trail, TrailEvent};
use crate::detect::epoch::{HourClass, Kind};
use crate::detect::partial::Sums;
use crate::detect::tail::Histogram;
use crate::detect::window::{Meeting, Origin, Windows};

pub(super) const DAY: LocalDay =
    LocalDay { day: 19_730, start_ms: 1_704_668_400_000, end_ms: 1_704_754_800_000, weekday: 0 };

/// As bytes and back, into another type.
pub(super) fn through<T: DeserializeOwned>(value: &impl Serialize) -> T {
    postcard::take_from_bytes(&postcard::to_stdvec(value).unwrap()).unwrap().0
}

pub(super) fn key(kind: Kind) -> GroupKey {
    GroupKey { kind, partner: "cap-emploi".into(), role: "cap-adviser".into() }
}

pub(super) fn moments(n: usize) -> Moments {
    Moments { sum: n as f32, weight: 5.0, squares: 7.0 }
}

/// Windows of today, and the same as they were written then, without what follows from the table.
pub(super) fn windows(first: u32) -> (Windows, then::Windows) {
    let mut now = Windows::default();
    now.reset(100);
    let origins = [Origin::Own, Origin::Unknown, Origin::Unit(3)];
    for (n, fp) in (first..first + 9).enumerate() {
        let meeting = Meeting { origin: origins[n % 3], novel: false };
        now.touch(fp * 0x0101_0101, 100 + n as u16, 0, |_| 4, || meeting);
        now.advance(101 + n as u16);
    }
    now.cut();
    now.touch(77, 109, 0, |_| 2, || Meeting { origin: Origin::Unknown, novel: false });
    let (places, used, level, slot, floor) = through(&now);
    let (_counts, _persons_by_slot, _foreign_by_slot) = ([3; KNOWN], [1; 12], [1; 12]);
    let then = then::Windows {
        places,
        used,
        level,
        slot,
        floor,
        _counts,
        _persons_by_slot,
        _foreign_by_slot,
    };
    (now, then)
}

pub(super) fn trail() -> Trail {
    let event = TrailEvent {
        time: 11,
        position: 12,
        action: "view".into(),
        persons: 3,
        ip: Some("192.0.2.1".into()),
        device: None,
        session: Some("s".into()),
    };
    through(&(vec![event.clone()], vec![event]))
}

pub(super) fn exposure() -> ExposureSet {
    let mut set = ExposureSet::default();
    (5..9).for_each(|fp| assert!(set.insert(fp, |_| 6)));
    set.tell();
    set
}

pub(super) fn hour(n: u8) -> ([[u32; 3]; 2], then::HourMaxima) {
    let counts = [[1, 2, 3], [4, 5, u32::from(n)]];
    (counts, then::HourMaxima { hour_of_week: n, class: 1, touched: 3, counts })
}

pub(super) fn episode_of_then() -> then::Episode {
    let signal = then::SignalState {
        rule: "foreign-origins".into(),
        watch: Watch::ForeignOrigins,
        touch: Some(Touch::Opened),
        measure: Some(Measure::Foreign1d),
        observed: 60,
        expected: 2.5,
        usual: 9,
        threshold: 31,
        surprise: 6.5,
        budget: 5.5,
        at: 1_704_700_000_000,
        persons_at: 40,
        peers: Some(("cap-emploi/cap-adviser".into(), 14, 800)),
        class: HourClass::Shoulder,
    };
    then::Episode {
        opened: 1_704_700_000_001,
        ordinal: 2,
        revision: 3,
        first: 1_704_700_000_002,
        last: 1_704_700_000_003,
        last_signal: 1_704_700_000_004,
        signals: vec![signal],
        exposure: exposure(),
        milestone: 50,
        records: 70,
        unidentified: 5,
        seen: [vec!["192.0.2.1".into()], vec!["d".into()], vec!["s".into()]],
        trail: trail(),
        circumstances: Circumstances { new_device: true, rest_day: true, ..Default::default() },
        learning: true,
        positions: (80, 90),
        epoch: 60,
    }
}

pub(super) fn account_of_then() -> then::Account {
    let today = then::Today {
        _slack: 17,
        records: 21,
        unidentified: 22,
        after_end: 23,
        trail: Some(Box::new(trail())),
        epoch: 60,
        slot: 109,
        class: HourClass::Off,
        current: hour(5).1,
        seen: [through(&[31u32, 32, 0, 0, 0, 0]), through(&[33u32, 0, 0, 0, 0, 0])],
        windows: [windows(1).1, windows(50).1],
        _thresholds: [[40; KNOWN]; 2],
        _explained: [[41; KNOWN]; 2],
        // Opened foreign origins of a day, listed persons of an hour.
        fired: 1 << 9 | 1 << 1,
        excluded_at_open: true,
        rest_chances: 2,
        first_position: 44,
        declared: Some((45, true)),
        hours: vec![hour(3).1, hour(4).1],
    };
    then::Account {
        time: 1_704_700_000_005,
        behind: (1, 1_704_600_000_000),
        episode: Some(Box::new(episode_of_then())),
        today: Some(Box::new(today)),
        day: DAY,
        ends_on: Some(19_999),
        unit: 51,
        group: 0,
        kind: Kind::Human,
        name: "alice".into(),
        unit_name: Some(0),
        closed_days: 52,
        excluded_until: 19_737,
        week: 2_818,
        base: [0, 100].map(|t| std::array::from_fn(|b| moments(t + b + 1))),
        activity: [1.0, 2.0, 3.0].map(|active| Activity { active, chances: 9.0 }),
        known: [[61, 62, 0, 0, 0, 0], [63, 0, 0, 0, 0, 0]],
        opened_on: [(19_730, 3), (19_729, 1)],
    }
}

fn settings() -> Settings {
    Settings { quiet_ms: 99_000, name_key: (1, 2), ..Settings::default() }
}

pub(super) fn name_hash() -> u64 {
    let rules = Rules::built_in().unwrap();
    Detector::new(settings(), rules.into()).unwrap().name_hash("alice", Kind::Human)
}

pub(super) fn state_of_then() -> StateV1 {
    let mut units = Names::default();
    assert_eq!(units.number("unit-0"), Some(0));
    let mut classes = ClassSets::default();
    assert_eq!(classes.index(5, 6), 1);
    StateV1 {
        settings: settings(),
        rules: Rules { version: "of-then".into(), ..Rules::built_in().unwrap() },
        accounts: vec![account_of_then()],
        names: vec![name_hash()],
        epoch: epoch_of_then(60),
        previous: epoch_of_then(59),
        pending: Some(epoch_of_then(61)),
        territory: Territory::default(),
        classes,
        directory: Accounts::read("a.csv", b"account\nalice\n").unwrap(),
        expected: Vec::new(),
        units,
        first_day: Some(19_670),
        counters: Counters { events: 72, episodes: 73, ..Counters::default() },
        groups: vec![(key(Kind::Human), group_partial_of_then(500))],
        votes: vec![Vote { fp: 74, unit: 75, weight: 2 }],
        deadlines: BTreeSet::from([(1_704_700_000_006, 0)]),
        leaders: [(1_704_700_000_005, 0), (i64::MIN, u32::MAX), (i64::MIN, u32::MAX)],
        watermark: DAY.start_ms + 9 * HOUR_MS + 7,
        day: Some(DAY),
        due: DAY.end_ms,
        hand: 1,
    }
}

pub(super) fn histogram(n: usize) -> Histogram {
    let mut histogram = Histogram::default();
    histogram.add(n);
    histogram
}

pub(super) fn sums(n: usize) -> Sums {
    let mut sums = Sums::default();
    sums.add(&moments(n));
    sums
}

pub(super) fn group_partial_of_then(n: usize) -> learned::GroupPartial {
    learned::GroupPartial {
        scores: std::array::from_fn(|c| histogram(n + c)),
        censored: std::array::from_fn(|c| histogram(n + 10 + c)),
        explained: std::array::from_fn(|c| histogram(n + 20 + c)),
        maxima: std::array::from_fn(|c| histogram(n + 30 + c)),
        ratios: [histogram(1), histogram(2)],
        hours: histogram(3),
        sums: [0, 100].map(|t| std::array::from_fn(|b| sums(t + b + 1))),
        activity: [(1, 2), (3, 4), (5, 6)],
        members: 7,
        account_weeks: 8,
    }
}

pub(super) fn epoch_of_then(number: u32) -> Epoch {
    let tail = |n: usize| learned::Tail {
        start: n as f64,
        share: 0.02,
        shape: 0.1,
        scale: 1.5,
        samples: 900,
    };
    let group = learned::Group {
        priors: [0, 100].map(|t| {
            std::array::from_fn(|b| Prior {
                mean: (t + b + 1) as f32,
                dispersion: 0.5,
                strength: 4.0,
            })
        }),
        classes: vec![HourClass::Off; 168],
        activity: [0.1, 0.2, 0.3],
        wave: [1.25, 1.5],
        shift: std::array::from_fn(|c| c as f64 + 0.5),
        p99: std::array::from_fn(|c| c as u64 + 1),
        size: 44,
    };
    Epoch {
        number,
        channels: std::array::from_fn(|c| learned::ChannelModel {
            tail: tail(c),
            machine_tail: tail(c + 20),
            explained: c as f64 + 30.0,
            alpha: 1e-4 * (c + 1) as f64,
            mature: true,
        }),
        groups: BTreeMap::from([(key(Kind::Human), group)]),
        votes: vec![Vote { fp: 1, unit: 2, weight: 3 }],
        day: 19_670 + number as Day,
    }
}

pub(super) fn builder_of_then() -> Builder {
    let scores = |n: usize| {
        let learned::GroupPartial { scores, censored, explained, maxima, .. } =
            group_partial_of_then(n);
        learned::GroupScores { scores, censored, explained, maxima }
    };
    let day = |day: Day| learned::DayOfScores {
        day,
        groups: BTreeMap::from([
            (key(Kind::Human), scores(100)),
            (key(Kind::Machine), scores(300)),
        ]),
        account_weeks: 6,
    };
    Builder {
        first_day: Some(19_600),
        number: 60,
        days: VecDeque::from([day(19_640), day(19_659)]),
        hours: BTreeMap::from([(key(Kind::Human), vec![2.5; 168])]),
        waves: BTreeMap::from([(key(Kind::Human), [1.25, 1.5])]),
        activity: BTreeMap::from([(key(Kind::Human), [(1.0, 2.0); 3])]),
    }
}

/// A payload as version 1 or 2 wrote it.
pub(super) fn payload(version: u16) -> Vec<u8> {
    let mut bytes = postcard::to_stdvec(&state_of_then()).unwrap();
    if version == 2 {
        let judged = BTreeMap::from([(0, (81, "JUDGED".to_owned()))]);
        let follows = BTreeMap::from([(0, "FIRST".to_owned())]);
        bytes = postcard::to_extend(&Since2 { judged, follows }, bytes).unwrap();
    }
    sealed(bytes)
}

pub(super) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}
