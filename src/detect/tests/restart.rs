//! A snapshot taken anywhere goes on as if nothing had happened; a damaged one is an error.

use proptest::prelude::*;

use super::*;
use crate::detect::snapshot::{PAYLOAD_VERSION, SnapshotError};

/// One step of a small world: account, minutes to go forward, persons read, a wrong clock.
type Step = (u8, u16, u16, u8);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let minutes = prop_oneof![8 => 0u16..90, 1 => 600u16..2_000];
    let persons = prop_oneof![10 => 0u16..15, 2 => 20u16..700];
    prop::collection::vec((0u8..6, minutes, persons, 0u8..60), 30..160)
}

fn accesses(steps: &[Step]) -> Vec<Access> {
    let mut now = at(0, 8, 0);
    let mut next = 0;
    let access = |(who, minutes, persons, oddity): &Step| {
        now += i64::from(*minutes) * MINUTE;
        let time = match oddity {
            0 => now + 40 * DAY,
            1 => now - 3 * HOUR,
            2 => now - 2 * DAY,
            3..6 => now + 5 * HOUR,
            _ => now,
        };
        next += u64::from(*persons) / 3;
        let name = format!("a{who}");
        let made = if *oddity % 2 == 0 { search } else { view };
        let access = made(&name, time, next..next + u64::from(*persons));
        Access {
            account: (*who != 5).then_some(name),
            ip: Some(format!("192.0.2.{who}")),
            device: (*oddity > 20).then(|| format!("d{}", oddity % 4)),
            unit: Some(format!("unit-{}", who % 2)),
            unidentified: if *oddity == 7 { 3_000 } else { 0 },
            data: u32::from(*oddity),
            ..access
        }
    };
    steps.iter().map(access).collect()
}

fn restored(rig: &Rig) -> Rig {
    let payload = rig.detector.snapshot();
    Rig {
        detector: Detector::restore(PAYLOAD_VERSION, &payload).unwrap(),
        builder: rig.builder.clone(),
        reports: rig.reports.clone(),
        days: rig.days.clone(),
        position: rig.position,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn going_on_from_a_snapshot_is_going_on(steps in steps(), cuts in prop::collection::vec(0usize..160, 1..4)) {
        let world = accesses(&steps);
        let (mut straight, mut stopped) = (Rig::new(), Rig::new());
        for (n, access) in world.iter().enumerate() {
            straight.feed(access);
            if cuts.contains(&n) {
                stopped = restored(&stopped);
            }
            stopped.feed(access);
        }
        prop_assert_eq!(&straight.reports, &stopped.reports);
        prop_assert_eq!(straight.detector.counters(), stopped.detector.counters());
        prop_assert!(straight.detector.snapshot() == stopped.detector.snapshot(), "bytes differ");
    }

    #[test]
    fn damaged_bytes_are_an_error(steps in steps(), place in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
        let mut rig = Rig::new();
        rig.feed_all(&accesses(&steps[..30]));
        let payload = rig.detector.snapshot();
        let mut flipped = payload.clone();
        flipped[place.index(payload.len())] ^= 1 << bit;
        let damaged = |bytes: &[u8]| {
            matches!(Detector::restore(PAYLOAD_VERSION, bytes), Err(SnapshotError::Damaged(_)))
        };
        prop_assert!(damaged(&flipped));
        prop_assert!(damaged(&payload[..cut.index(payload.len())]));
    }

    /// Somebody made the checksum fit: then what is believed must at least not bring us down.
    #[test]
    fn forged_bytes_err_or_work(steps in steps(), flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4)) {
        let world = accesses(&steps);
        let mut rig = Rig::new();
        rig.feed_all(&world[..30]);
        let mut payload = rig.detector.snapshot();
        payload.truncate(payload.len() - 4);
        for (place, bit) in flips {
            let place = place.index(payload.len());
            payload[place] ^= 1 << bit;
        }
        payload.extend(crc32fast::hash(&payload).to_le_bytes());
        if let Ok(detector) = Detector::restore(PAYLOAD_VERSION, &payload) {
            prop_assert!(detector.accounts() <= 30);
            let mut again = Rig { detector, ..Rig::new() };
            again.feed_all(world.iter().cycle().take(100));
        }
    }
}

#[test]
fn the_epoch_loop_survives_a_restart() {
    let (mut straight, mut stopped) = (Rig::new(), Rig::new());
    straight.work(0..31);
    for day in 0..31 {
        stopped.work(day..day + 1);
        stopped = restored(&stopped);
    }
    let sweep = Access {
        unit: Some("unit-0".into()),
        ..search("cap00000", at(31, 20, 0), 1_000_000..1_000_060)
    };
    assert_eq!(straight.feed(&sweep), stopped.feed(&sweep));
    assert!(!straight.reports.is_empty());
    assert!(straight.detector.snapshot() == stopped.detector.snapshot());
    assert!(straight.detector.epoch().number > 20);
}

#[test]
fn a_newer_version_says_what_to_do() {
    let payload = Rig::new().detector.snapshot();
    let error = Detector::restore(PAYLOAD_VERSION + 1, &payload).unwrap_err();
    assert!(error.to_string().contains("use the build that wrote it"), "{error}");
}
