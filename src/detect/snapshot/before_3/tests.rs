//! Every field of then arrives where it belongs today; what was not known then begins today; and
//! damaged bytes break nothing.

mod written;

use proptest::prelude::*;

use super::account as then;
use super::*;
use crate::detect::baseline::Moments;
use crate::detect::channel::{FOREIGN_FROM_DAY, SPECS};
use crate::detect::episode::{Episode, SignalState};
use crate::detect::epoch::{Budget, HourClass, Kind};
use crate::detect::places::{KnownPlaces, Places};
use crate::detect::snapshot::{self, SnapshotError};
use crate::detect::tail::Tail;
use crate::detect::tests::{MINUTE, Rig, at, search};
use crate::detect::today::{HourMaxima, Today, UNKNOWN};
use crate::detect::window;
use crate::detect::{Detector, account, lift};
use written::*;

/// (measure, hour class, its place among the baselines of then).
const BASELINES_OF_THEN: [(Measure, usize, usize); BASELINES_THEN] = [
    (Measure::Persons5m, 0, 0),
    (Measure::Persons5m, 1, 1),
    (Measure::Persons5m, 2, 2),
    (Measure::Persons1h, 0, 3),
    (Measure::Persons1h, 1, 4),
    (Measure::Persons1h, 2, 5),
    (Measure::Foreign1h, 0, 6),
    (Measure::Foreign1h, 1, 7),
    (Measure::Foreign1h, 2, 8),
    (Measure::Persons1d, 0, 9),
    (Measure::Foreign1d, 0, 10),
];

/// Touch and measure of the channels of then, in their order.
fn channels_of_then() -> impl Iterator<Item = (usize, usize, usize)> {
    (0..CHANNELS).map(|c| (c, c / 5, c % 5))
}

fn episode_of_today(follows: Option<String>) -> Episode {
    let then = episode_of_then();
    let [signal] = <[then::SignalState; 1]>::try_from(then.signals).ok().unwrap();
    Episode {
        opened: 1_704_700_000_001,
        ordinal: 2,
        revision: 3,
        first: 1_704_700_000_002,
        last: 1_704_700_000_003,
        last_signal: 1_704_700_000_004,
        signals: vec![SignalState {
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
            peers: signal.peers,
            joint: false,
            class: HourClass::Shoulder,
        }],
        exposure: exposure(),
        milestone: 50,
        records: 70,
        unidentified: 5,
        seen: then.seen,
        trail: trail(),
        readers: Default::default(),
        circumstances: then.circumstances,
        learning: true,
        positions: (80, 90),
        epoch: 60,
        follows,
    }
}

fn today_of_today() -> Today {
    let hour = |n| {
        let (counts, _) = hour(n);
        HourMaxima { hour_of_week: n, class: 1, touched: 3, counts }
    };
    let mut seen: [Places; 2] = Default::default();
    [31, 32].iter().for_each(|place| seen[0].add(*place));
    seen[1].add(33);
    Today {
        slack: 0,
        records: 21,
        unidentified: 22,
        after_end: 23,
        trail: Some(Box::new(trail())),
        readers: None,
        epoch: 60,
        slot: 109,
        class: HourClass::Off,
        hour_marks: window::OFF,
        odds: 1,
        requests: Default::default(),
        operations: Default::default(),
        current: hour(5),
        seen,
        windows: [windows(1).0, windows(50).0],
        thresholds: [[UNKNOWN; MEASURES]; 2],
        explained: None,
        sign_at: [[0; MEASURES]; 2],
        signs: 0,
        carried: Default::default(),
        is_theft: false,
        fired: 1 << channel(Touch::Opened, Measure::Foreign1d)
            | 1 << channel(Touch::Listed, Measure::Persons1h),
        excluded_at_open: true,
        rest_chances: 2,
        first_position: 44,
        declared: Some((45, true)),
        hours: vec![hour(3), hour(4)],
    }
}

fn account_of_today(follows: Option<String>) -> account::Account {
    let mut base: [[Moments; BASELINES]; 2] = Default::default();
    for (measure, class, place) in BASELINES_OF_THEN {
        base[0][baseline_index(measure, class)] = moments(place + 1);
        base[1][baseline_index(measure, class)] = moments(100 + place + 1);
    }
    let mut known: [KnownPlaces; 2] = Default::default();
    for _ in 0..3 {
        let mut places: [Places; 2] = Default::default();
        [62, 61].iter().for_each(|place| places[0].add(*place));
        places[1].add(63);
        known.iter_mut().zip(&places).for_each(|(known, seen)| known.remember(seen, false));
    }
    account::Account {
        time: 1_704_700_000_005,
        behind: (1, 1_704_600_000_000),
        episode: Some(Box::new(episode_of_today(follows))),
        today: Some(Box::new(today_of_today())),
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
        base,
        activity: account_of_then().activity,
        known,
        persons: Default::default(),
        weeks: Default::default(),
        drift: Default::default(),
        runs: Default::default(),
        caseload: u32::MAX,
        told: Vec::new(),
        raised_until: Day::MIN,
        lift: lift::LEVEL,
        unlisted: false,
        opened_on: [(19_730, 3), (19_729, 1)],
    }
}

#[test]
fn an_account_arrives_with_its_day_and_its_episode() {
    for (version, follows) in [(1, None), (2, Some("FIRST".to_owned()))] {
        let detector = Detector::restore(version, &payload(version)).unwrap();
        assert_eq!(detector.accounts, [account_of_today(follows)], "version {version}");
    }
    assert_eq!(windows(1).0.count(Measure::Persons1d), 10);
}

#[test]
fn a_shard_arrives_whole() {
    let detector = Detector::restore(2, &payload(2)).unwrap();
    let (then, shared) = (state_of_then(), &detector.shared);
    assert_eq!(shared.settings, then.settings);
    assert_eq!((*shared.rules).clone(), then.rules, "until other rules are scheduled");
    assert_eq!(shared.epoch.number, 60);
    assert_eq!(shared.epoch.held.per_account_week, then.settings.budget.per_account_week);
    assert_eq!(shared.previous.number, 59);
    assert_eq!(shared.pending.as_ref().map(|e| e.number), Some(61));
    assert_eq!(shared.classes, then.classes);
    assert!(shared.accounts.0.contains_key("alice"));
    assert_eq!(shared.units.name(0), Some("unit-0"));
    assert_eq!(shared.first_day, then.first_day);
    assert_eq!(shared.counters, then.counters);
    assert_eq!(shared.groups[0].key, key(Kind::Human));
    assert_eq!(shared.groups[0].partial, group_partial_of_then(500).into());
    assert_eq!(shared.groups[0].lift, lift::LEVEL);
    assert_eq!(shared.votes, then.votes);
    assert_eq!(shared.judged, BTreeMap::from([(0, (81, "JUDGED".to_owned()))]));
    assert_eq!(detector.index.get(&name_hash()), Some(&0));
    assert_eq!(detector.deadlines, then.deadlines);
    assert_eq!(detector.leaders, then.leaders);
    assert_eq!((detector.watermark, detector.day), (then.watermark, then.day));
    assert_eq!(detector.hours_ended, 9, "the tenth hour is the first that is compared");
    assert_eq!(detector.hand, 1);
    assert!(detector.due <= detector.watermark, "the end of an hour is due, too");
}

#[test]
fn what_a_group_learned_today_arrives() {
    let then = postcard::to_stdvec(&Partial {
        day: 19_730,
        groups: BTreeMap::from([(key(Kind::Human), group_partial_of_then(500))]),
        votes: vec![Vote { fp: 1, unit: 2, weight: 3 }],
    });
    let then = then.unwrap();
    let (partial, rest) = snapshot::partial(2, &then).unwrap();
    assert_eq!((partial.day, partial.votes.len(), rest.len()), (19_730, 1, 0));
    let group = &partial.groups[&key(Kind::Human)];
    for (c, t, m) in channels_of_then() {
        let channel = &group.scores[t][m];
        assert_eq!(channel.scores, histogram(500 + c), "channel {c}");
        assert_eq!(channel.censored, histogram(510 + c), "channel {c}");
        assert_eq!(channel.explained, histogram(520 + c), "channel {c}");
        assert_eq!(channel.maxima, histogram(530 + c), "channel {c}");
    }
    for (measure, class, place) in BASELINES_OF_THEN {
        let b = baseline_index(measure, class);
        assert_eq!([&group.sums[0][b], &group.sums[1][b]], [&sums(place + 1), &sums(place + 101)]);
    }
    let arrived = group.scores.iter().flatten().filter(|s| s.scores.total() > 0).count();
    assert_eq!(arrived, CHANNELS, "the others begin empty");
    assert_eq!(group.ratios, [histogram(1), histogram(2)]);
    assert_eq!(group.hours, histogram(3));
    assert_eq!(group.activity, [(1, 2), (3, 4), (5, 6)]);
    assert_eq!((group.members, group.account_weeks, group.account_days), (7, 8, 0));
}

#[test]
fn an_epoch_arrives_and_says_since_when_it_knows_what() {
    let bytes = postcard::to_stdvec(&epoch_of_then(60)).unwrap();
    let (epoch, _) = snapshot::epoch(1, &bytes).unwrap();
    assert_eq!((epoch.number, epoch.day, epoch.votes.len()), (60, 19_730, 1));
    let group = &epoch.groups[&key(Kind::Human)];
    for (c, t, m) in channels_of_then() {
        let model = &epoch.channels[t][m];
        let tail =
            |start| Tail { start, share: 0.02, shape: 0.1, scale: 1.5, samples: 900, seen: 0.0 };
        assert_eq!((model.tail, model.machine_tail), (tail(c as f64), tail(c as f64 + 20.0)));
        assert_eq!((model.explained, model.mature), (c as f64 + 30.0, true));
        assert_eq!(model.alpha, 1e-4 * (c + 1) as f64);
        assert_eq!((group.shift[t][m], group.p99[t][m]), (c as f64 + 0.5, c as u64 + 1));
    }
    for (measure, class, place) in BASELINES_OF_THEN {
        let b = baseline_index(measure, class);
        assert_eq!(group.priors.map(|p| p[b].mean), [(place + 1) as f32, (place + 101) as f32]);
    }
    assert_eq!(group.classes, [HourClass::Off; 168]);
    assert_eq!((group.activity, group.wave, group.size), ([0.1, 0.2, 0.3], [1.25, 1.5], 44));
    for measure in Measure::ALL {
        let known = (measure as usize) < KNOWN;
        assert_eq!(epoch.counted(measure, 60), if known { 60 } else { 0 }, "{measure:?}");
        let model = epoch.channel(Touch::Listed, measure);
        assert!(model.mature == known && model.tail.level(model.alpha).is_finite());
    }
}

#[test]
fn a_builder_goes_on_and_new_channels_wait_their_time() {
    let bytes = postcard::to_stdvec(&builder_of_then()).unwrap();
    let (mut builder, _) = snapshot::builder(2, &bytes).unwrap();
    assert_eq!(
        (builder.first_day, builder.number, builder.scores.days.len()),
        (Some(19_600), 60, 2)
    );
    let past = &builder.groups[&key(Kind::Human)];
    assert_eq!((&past.hours, past.wave), (&vec![2.5; 168], [1.25, 1.5]));
    assert_eq!(past.activity, [(1.0, 2.0); 3]);
    let rules = Rules::built_in().unwrap();
    let partial = crate::detect::partial::Partial {
        day: 19_660,
        groups: BTreeMap::from([(key(Kind::Human), group_partial_of_then(100).into())]),
        ..Default::default()
    };
    let epoch = builder.build(partial, &rules, Budget::default());
    assert_eq!(epoch.number, 61, "days go on");
    let group = &epoch.groups[&key(Kind::Human)];
    for (c, t, m) in channels_of_then() {
        // Two days of then and one of today, for scores and censored ones, people's only.
        let model = &epoch.channels[t][m];
        assert_eq!((model.tail.samples, model.machine_tail.samples), (6, 4), "channel {c}");
        assert!(model.mature && model.explained > 0.0, "channel {c}");
        assert!(group.p99[t][m] > 1_000, "the maxima of four weeks: channel {c}");
    }
    for spec in &SPECS {
        let model = epoch.channel(Touch::Opened, spec.measure);
        assert_eq!(model.mature, (spec.measure as usize) < KNOWN, "{:?}", spec.measure);
        let days = epoch.counted(spec.measure, epoch.number);
        assert!(model.mature || days == 1 && days < FOREIGN_FROM_DAY);
    }
}

#[test]
fn a_builder_whose_week_has_other_hours_begins_a_new_one() {
    let mut then = builder_of_then();
    then.hours = BTreeMap::from([(key(Kind::Human), vec![1.0; 20])]);
    let bytes = postcard::to_stdvec(&then).unwrap();
    let (builder, _) = snapshot::builder(2, &bytes).unwrap();
    assert_eq!(builder.groups[&key(Kind::Human)].hours, vec![0.0; 168]);
}

/// Steps of an hour, and more persons each, after what was restored.
fn goes_on(detector: Detector) -> Rig {
    let mut rig = Rig::new();
    rig.detector = detector;
    for step in 0..30 {
        let time = at(step / 6, 9, 0) + step % 6 * 20 * MINUTE;
        let first = 1_000 * step as u64;
        rig.feed(&search("alice", time, first..first + 4 * step as u64));
    }
    rig
}

#[test]
fn the_open_episode_goes_on() {
    let rig = goes_on(Detector::restore(2, &payload(2)).unwrap());
    assert_eq!(rig.detector.counters().events, 72 + 30);
    let ended = &rig.reports[0];
    assert_eq!((ended.name.as_str(), ended.opened), ("alice", 1_704_700_000_001));
    assert!(ended.revision >= 4 && ended.follows.as_deref() == Some("FIRST"), "{ended:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_bytes_err(version in 1u16..3, place in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
        let payload = payload(version);
        let mut flipped = payload.clone();
        flipped[place.index(payload.len())] ^= 1 << bit;
        for bytes in [&flipped[..], &payload[..cut.index(payload.len())]] {
            prop_assert!(matches!(
                Detector::restore(version, bytes),
                Err(SnapshotError::Damaged(_))
            ));
        }
    }

    #[test]
    fn forged_bytes_err_or_work(version in 1u16..4, flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4)) {
        let mut forged = payload(2);
        forged.truncate(forged.len() - 4);
        for (place, bit) in flips {
            let place = place.index(forged.len());
            forged[place] ^= 1 << bit;
        }
        if let Ok(detector) = Detector::restore(version, &sealed(forged)) {
            goes_on(detector);
        }
    }

    #[test]
    fn forged_learning_errs_or_works(place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = postcard::to_stdvec(&builder_of_then()).unwrap();
        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;
        for version in 1..4 {
            let _ = snapshot::builder(version, &bytes);
            let _ = snapshot::epoch(version, &bytes);
            let _ = snapshot::partial(version, &bytes);
        }
    }
}
