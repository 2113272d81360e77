use super::*;

pub(super) fn thresholds() -> Thresholds {
    let config = crate::config::Config::built_in().unwrap();
    config.blind
}

/// Tuesday 6 February 2024, 10:00 in Paris.
const TUESDAY_TEN: TimestampMs = 1_707_210_000_000;
const HOUR: i64 = 3_600_000;

fn well(now: TimestampMs) -> SourceInput {
    SourceInput {
        source: "topic".into(),
        last_arrival_at: Some(now),
        snapshot_at: Some(now),
        accounts: 10,
        accounts_max: 100,
        ..SourceInput::default()
    }
}

fn kinds(thresholds: &Thresholds, source: SourceInput, now: TimestampMs) -> Vec<&'static str> {
    let calendar = Calendar::new("Europe/Paris").unwrap();
    let inputs = Inputs {
        thresholds,
        calendar: &calendar,
        started_at: now - 2 * HOUR,
        sources: vec![source],
        sinks: vec![SinkInput::default()],
        accounts_moved: 0,
        disk_free: Some(100 << 30),
    };
    evaluate(&inputs, now).iter().map(|blind| blind.cause.kind()).collect()
}

fn check(what: impl Fn(&mut SourceInput), now: TimestampMs, want: &[&str]) {
    let mut source = well(now);
    what(&mut source);
    assert_eq!(kinds(&thresholds(), source, now), want);
}

#[test]
fn each_kind_has_its_threshold() {
    let now = TUESDAY_TEN;
    check(|_| (), now, &[]);
    check(|s| s.last_arrival_at = Some(now - 901_000), now, &["source-silent"]);
    check(|s| s.last_arrival_at = Some(now - 900_000), now, &[]);
    check(|s| s.last_arrival_at = None, now, &["source-silent"]);
    let ended = |s: &mut SourceInput| (s.ended, s.last_arrival_at) = (true, Some(now - HOUR));
    check(ended, now, &[]);
    let down = |since| move |s: &mut SourceInput| s.unreachable = Some(("no route".into(), since));
    check(down(now - 61_000), now, &["source-unreachable"]);
    check(down(now - 1_000), now, &[]);
    check(|s| s.lag_records = Some(500_000), now, &["lag"]);
    check(|s| s.recent.delay_ms = Some(HOUR), now, &["delay"]);
    check(|s| s.recent.delay_ms = Some(24 * 30 * HOUR), now, &[]);
    let behind = |s: &mut SourceInput| {
        (s.lag_records, s.recent.delay_ms) = (Some(500_000), Some(HOUR));
    };
    check(behind, now, &["lag"]);
    check(|s| s.recent.holes = 1, now, &["gap"]);
    check(|s| (s.recent.events, s.recent.late) = (1_000, 201), now, &["late"]);
    check(|s| (s.recent.events, s.recent.late) = (100, 100), now, &[]);
    check(|s| (s.recent.lines, s.recent.quarantined) = (1_000, 51), now, &["quarantine"]);
    check(|s| s.recent.oversized = 1, now, &["oversized"]);
    check(|s| s.accounts = 95, now, &["state-full"]);
    check(|s| s.recent.evicted = 1, now, &["state-full"]);
    let unsaved = |s: &mut SourceInput| s.snapshot_at = Some(now - HOUR);
    check(unsaved, now, &["snapshot-old"]);
    let quiet = |s: &mut SourceInput| {
        (s.snapshot_at, s.last_arrival_at) = (Some(now - HOUR), Some(now - HOUR - 1));
        s.ended = true;
    };
    check(quiet, now, &[]);
}

#[test]
fn naming_persons_is_compared_with_what_is_usual() {
    let fill = |touches, usual| {
        move |s: &mut SourceInput| (s.recent.touches[0], s.recent.usual[0]) = (touches, usual)
    };
    let check = |touches, usual, want| check(fill(touches, usual), TUESDAY_TEN, want);
    check((1_000, 300), (10_000, 9_000), &["persons-missing"]);
    check((1_000, 460), (10_000, 9_000), &[]);
    check((100, 0), (10_000, 9_000), &[]);
    check((1_000, 0), (100, 90), &[]);
    // A log that never named anybody is told by `vigie check`, once, not here for ever.
    check((1_000, 0), (10_000, 0), &[]);
}

#[test]
fn nights_weekends_and_holidays_are_not_silence() {
    let silent_at = |now: TimestampMs, last: TimestampMs| {
        let mut source = well(now);
        source.last_arrival_at = Some(last);
        source.snapshot_at = Some(last);
        kinds(&thresholds(), source, now) == ["source-silent"]
    };
    let midnight = TUESDAY_TEN - 10 * HOUR;
    let evening = midnight + 18 * HOUR + HOUR / 2;
    let quarter = HOUR / 4;
    let next = midnight + 24 * HOUR;
    assert!(silent_at(evening + 2 * quarter, evening), "half an hour before the working day ends");
    let end = midnight + 19 * HOUR;
    assert!(!silent_at(next + 7 * HOUR, end - 60_000), "the whole night");
    assert!(!silent_at(next + 8 * HOUR + quarter / 2, end - 60_000), "the first minutes of a day");
    assert!(silent_at(next + 8 * HOUR + quarter, end - 60_000), "a morning without anybody");
    let friday = midnight + 3 * 24 * HOUR;
    let monday = friday + 3 * 24 * HOUR;
    assert!(!silent_at(monday + 8 * HOUR, friday + 19 * HOUR), "a weekend");
    assert!(silent_at(monday + 9 * HOUR, friday + 19 * HOUR), "a Monday without anybody");
    // Easter Monday, 1 April 2024, 12:00 in Paris.
    let easter = 1_711_965_600_000;
    assert!(!silent_at(easter, easter - 64 * HOUR), "a holiday");

    let mut always = thresholds();
    always.silent_seconds_off_hours = 3_600;
    let mut source = well(next);
    source.last_arrival_at = Some(next - 4 * HOUR);
    assert_eq!(kinds(&always, source, next), ["source-silent"], "a source that never sleeps");
}

#[test]
fn receivers_disk_and_partitions() {
    let (thresholds, now) = (thresholds(), TUESDAY_TEN);
    let calendar = Calendar::new("Europe/Paris").unwrap();
    let sink = SinkInput {
        sink: "soc".into(),
        pending: 3,
        dead: 1,
        delivered: 9,
        oldest_pending_at: Some(now - HOUR),
    };
    let inputs = Inputs {
        thresholds: &thresholds,
        calendar: &calendar,
        started_at: now,
        sources: Vec::new(),
        sinks: vec![sink],
        accounts_moved: 2,
        disk_free: Some(1 << 20),
    };
    let found = evaluate(&inputs, now);
    let seen: Vec<_> = found.iter().map(|b| (b.cause.kind(), b.subject.as_str())).collect();
    assert_eq!(
        seen,
        [("hook-dead", "soc"), ("dead-letters", "soc"), ("two-partitions", ""), ("disk-low", "")]
    );
    let off = Thresholds { hook_seconds: 0, disk_free_mb: 0, ..thresholds.clone() };
    let kinds: Vec<_> = evaluate(&Inputs { thresholds: &off, ..inputs }, now);
    assert_eq!(kinds.len(), 1, "0 is off");
}

fn limit(accounts: u64, of_accounts: u64) -> Unreached {
    Unreached {
        rule: "mass-extraction.volume".into(),
        window: "1h".into(),
        touch: "listed".into(),
        threshold: Some(91_000),
        most: 36_000,
        channels: 2,
        accounts,
        of_accounts,
    }
}

#[test]
fn a_rule_that_cannot_fire_is_blindness_where_enough_accounts_are_concerned() {
    let now = TUESDAY_TEN;
    check(|s| s.unreached = vec![limit(1, 99)], now, &["out-of-reach"]);
    check(|s| s.unreached = vec![limit(1, 101)], now, &[]);
    check(|s| s.unreached = vec![limit(0, 0)], now, &[]);
    let off = Thresholds { unreached_share: 0.0, ..thresholds() };
    let all = SourceInput { unreached: vec![limit(50, 50)], ..well(now) };
    assert!(kinds(&off, all, now).is_empty(), "0 is off");
    assert_eq!(Cause::OutOfReach(limit(25, 50)).severity(), Severity::High);
    assert_eq!(Cause::OutOfReach(limit(24, 50)).severity(), Severity::Medium);
    let told = Cause::OutOfReach(limit(24, 50)).english("");
    assert!(told.starts_with("mass-extraction.volume (1h, listed persons) cannot fire"), "{told}");
}

#[test]
fn every_kind_speaks_both_languages_and_survives_storage() {
    let all = [
        Cause::SourceSilent { seconds: 960 },
        Cause::SourceUnreachable { reason: "refused".into() },
        Cause::Lag { records: 7 },
        Cause::Delay { seconds: 11_000 },
        Cause::Gap { holes: 1 },
        Cause::PersonsMissing { touch: Named::Listed, now_percent: 3, usual_percent: 91 },
        Cause::Late { percent: 30 },
        Cause::Quarantine { percent: 9, reason: "not-json".into() },
        Cause::Oversized { lines: 2 },
        Cause::TwoPartitions { times: 4 },
        Cause::StateFull { accounts: 9, most: 10, forgotten: 1 },
        Cause::DiskLow { free_mb: 12 },
        Cause::SnapshotOld { seconds: 4_000 },
        Cause::HookDead { seconds: 400_000, waiting: 5 },
        Cause::DeadLetters { items: 1 },
        Cause::OutOfReach(limit(40, 50)),
    ];
    let kinds: Vec<_> = all.iter().map(Cause::kind).collect();
    assert_eq!(kinds, KINDS);
    for cause in all {
        let json = serde_json::to_string(&cause).unwrap();
        assert!(json.contains(&format!("\"kind\":\"{}\"", cause.kind())), "{json}");
        assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), cause);
        let (english, french) = (cause.english("portal"), cause.french("portal"));
        assert_ne!(english, french);
        for sentence in [english, french] {
            assert!(sentence.ends_with('.') && sentence.len() > 40, "{sentence}");
        }
    }
    let silent = Cause::SourceSilent { seconds: 11_100 };
    assert!(silent.english("portal").contains("portal for 3 h 05 of working time"));
}
