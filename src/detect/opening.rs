//! Episodes: what crossed becomes signals, opens an episode or feeds the open one, and is told.

use std::collections::BTreeSet;

use super::account::Account;
use super::channel::Span;
use super::episode::{Circumstances, Episode, ExposureSet, SignalState, Trail, milestone_after};
use super::epoch::{HourClass, Kind};
use super::joint;
use super::judge::{Crossing, Now, role_prior};
use super::limits::{EXCLUDED_DAYS, SIGNALS_MAX, SLOT_MS};
use super::places::place_hash;
use super::readers::{self, Readers};
use super::report::{Cause, Finding, Report};
use super::rule::Watch;
use super::shared::Shared;
use super::today::Today;
use crate::alert::EntityKind;
use crate::event::{DATA_CLASSES, TimestampMs};

/// Turns crossings into signals of an episode, opened where there is none.
pub(super) fn fire(
    account: &mut Account,
    shared: &mut Shared,
    now: &Now<'_, '_>,
    crossings: Vec<Crossing>,
    deadlines: &mut BTreeSet<(TimestampMs, u32)>,
    out: &mut Vec<Finding>,
) {
    account.excluded_until = account.day.day + EXCLUDED_DAYS;
    let mut cause = Cause::Signal;
    let mut episode = match account.episode.take() {
        Some(mut open) => {
            reach_back(account, shared, &mut open, &crossings);
            open
        }
        None => {
            cause = Cause::Opened;
            open_episode(account, shared, now, &crossings)
        }
    };
    let mut news = false;
    for crossing in crossings {
        news |= signal(account, shared, &mut episode, now, crossing);
    }
    episode.last_signal = episode.last_signal.max(account.time);
    if news {
        episode.milestone = milestone_after(episode.exposure.persons().0);
    }
    if cause == Cause::Opened {
        deadlines.insert((episode.last_signal + shared.settings.quiet_ms, now.index));
        shared.counters.episodes += 1;
    }
    account.episode = Some(episode);
    if news {
        tell(account, shared, cause, now.event.time, out);
    }
}

/// Opens an episode at the earliest window start among its crossings; whoever was touched since
/// then is exposed.
fn open_episode(
    account: &mut Account,
    shared: &mut Shared,
    now: &Now<'_, '_>,
    crossings: &[Crossing],
) -> Box<Episode> {
    let utc_day = now.event.time.div_euclid(86_400_000) as i32;
    let ordinal = account.count_opening(utc_day);
    let mut episode = Box::new(Episode {
        opened: now.event.time,
        ordinal,
        revision: 0,
        first: TimestampMs::MAX,
        last: account.time,
        last_signal: account.time,
        signals: Vec::new(),
        exposure: ExposureSet::default(),
        milestone: 0,
        records: 0,
        unidentified: 0,
        seen: Default::default(),
        trail: Trail::default(),
        readers: Readers::default(),
        circumstances: Circumstances::default(),
        learning: false,
        positions: (now.position, now.position),
        epoch: 0,
        follows: shared.followed(now.index, now.event.time),
    });
    if let Some(today) = &mut account.today {
        episode.epoch = today.epoch;
        episode.trail = today.trail.take().map(|trail| *trail).unwrap_or_default();
        readers::follow(today, &account.known, now, true);
        episode.readers = today.readers.take().map(|readers| *readers).unwrap_or_default();
        episode.records = today.records;
        episode.unidentified = today.unidentified;
        episode.positions.0 = today.first_position;
    }
    reach_back(account, shared, &mut episode, crossings);
    episode.circumstances = circumstances(account, &episode, now);
    see_trail(&mut episode);
    episode.see(now.event);
    episode
}

/// Exposure counts from the earliest window start among the signals: whoever was touched since
/// then, in either way, is exposed.
fn reach_back(
    account: &Account,
    shared: &mut Shared,
    episode: &mut Episode,
    crossings: &[Crossing],
) {
    let Some(today) = &account.today else { return };
    let starts = crossings.iter().map(|c| match (c.touch, c.measure) {
        (Some(touch), Some(measure)) => today.windows[touch as usize].window_start(measure),
        _ => 0,
    });
    let start = starts.min().unwrap_or(0);
    let mut first = account.day.start_ms + i64::from(start) * SLOT_MS;
    let days_before = crossings.iter().any(|c| is_of_days_before(c, today));
    let since = account.weeks.since(account.day.day).filter(|_| days_before);
    if let Some((days, position)) = since {
        first = account.day.start_ms - i64::from(days) * 86_400_000;
        episode.positions.0 = episode.positions.0.min(position);
    }
    if first >= episode.first {
        return;
    }
    episode.first = first;
    if let Some((days, _)) = since {
        let before = account.persons.within(days as u32, account.day.day);
        before.for_each(|upper| episode.exposure.remember(upper));
    }
    for windows in &today.windows {
        episode.exposure.thin_to(windows.step());
    }
    for entry in today.windows.iter().flat_map(|w| w.entries()) {
        if let Some(fp) = entry.person().filter(|_| entry.slot() >= start) {
            let sets = &mut shared.classes;
            episode.exposure.insert(fp, |known| sets.union(known, entry.classes()));
            let at = account.day.start_ms + i64::from(entry.slot()) * SLOT_MS;
            episode.readers.infer(fp, at, entry.by_stranger());
        }
    }
}

/// Whether a crossing is about the days before today more than about today.
fn is_of_days_before(crossing: &Crossing, today: &Today) -> bool {
    let (Some(touch), Some(measure)) = (crossing.touch, crossing.measure) else { return false };
    match measure.spec().span {
        Span::Hour | Span::Day => false,
        Span::Week(of_day) => today.windows[touch as usize].count(of_day) * 2 < crossing.count,
        Span::Drift(_) | Span::Run(_) => true,
    }
}

fn see_trail(episode: &mut Episode) {
    for event in episode.trail.events().filter(|e| e.time >= episode.first) {
        let parts = [&event.ip, &event.device, &event.session];
        for (seen, part) in episode.seen.iter_mut().zip(parts) {
            if let Some(part) = part {
                super::episode::note(seen, part);
            }
        }
    }
}

fn circumstances(account: &Account, episode: &Episode, now: &Now<'_, '_>) -> Circumstances {
    let Some(today) = &account.today else { return Circumstances::default() };
    let stranger = |place: usize, text: Option<&str>| {
        let known = &account.known[place];
        text.is_some_and(|text| !known.is_empty() && !known.contains(place_hash(text)))
            && account.closed_days >= 3
    };
    Circumstances {
        new_device: stranger(0, now.event.device.as_deref()),
        new_address: stranger(1, now.event.ip.as_deref()),
        off_hours: account.kind == Kind::Human && today.class != HourClass::Core,
        rest_day: account.kind == Kind::Human && account.day.is_rest(),
        pace: pace(episode, now),
    }
}

/// Persons and milliseconds of the last run of events without a minute's pause.
fn pace(episode: &Episode, now: &Now<'_, '_>) -> Option<(u64, i64)> {
    let mut persons = 0;
    let mut began = now.event.time;
    let events: Vec<_> = episode.trail.events().collect();
    for event in events.iter().rev() {
        if began - event.time > 60_000 {
            break;
        }
        persons += event.persons;
        began = began.min(event.time);
    }
    (persons > 0).then_some((persons, now.event.time - began))
}

/// Records a crossing in the episode; returns whether it is a new one.
fn signal(
    account: &Account,
    shared: &Shared,
    episode: &mut Episode,
    now: &Now<'_, '_>,
    crossing: Crossing,
) -> bool {
    let Crossing { watch, touch, measure, count, threshold, joint } = crossing;
    let Weight { expected, usual, surprise, budget, mature } = weigh(account, shared, &crossing);
    if !joint {
        // What was a sign among others speaks for itself from now on.
        let is_sign =
            |s: &SignalState| s.joint && (s.watch, s.touch, s.measure) == (watch, touch, measure);
        episode.signals.retain(|s| !is_sign(s));
    }
    if let Some(known) = episode.signal(watch, touch, measure) {
        known.observed = known.observed.max(count);
        known.surprise = known.surprise.max(surprise);
        return false;
    }
    if episode.signals.len() >= SIGNALS_MAX {
        return false;
    }
    let class = account.today.as_ref().map_or(HourClass::Core, |t| t.class);
    let epoch = account.today.as_ref().map_or(0, |t| t.epoch);
    let group = shared.group(account.group, epoch);
    let name = shared.groups[account.group as usize].key.name();
    let peers = touch
        .zip(measure)
        .filter(|_| group.size > 1)
        .map(|(touch, measure)| (name, group.size, group.p99[touch as usize][measure as usize]));
    episode.learning |= !mature;
    episode.signals.push(SignalState {
        rule: shared
            .rules
            .get(if joint { Watch::JointSigns } else { watch })
            .map(|r| r.id.clone())
            .unwrap_or_default(),
        watch,
        touch,
        measure,
        observed: count,
        expected,
        usual,
        threshold,
        surprise,
        budget,
        at: now.event.time,
        persons_at: episode.exposure.persons().0,
        peers,
        class,
        joint,
    });
    true
}

/// How much a crossing says.
struct Weight {
    expected: f64,
    usual: u64,
    surprise: f64,
    budget: f64,
    mature: bool,
}

/// Expected count, −log10 of the calibrated tail, −log10 of what the channel may fire with, and
/// whether calibration is believed. A ceiling needs no statistics: its surprise is the certainty
/// that someone declared.
fn weigh(account: &Account, shared: &Shared, crossing: &Crossing) -> Weight {
    const DECLARED: f64 = 6.0;
    let certain = |expected: f64, usual: u64| Weight {
        expected,
        usual,
        surprise: DECLARED,
        budget: DECLARED - 1.0,
        mature: true,
    };
    let (Some(touch), Some(measure), Some(today)) =
        (crossing.touch, crossing.measure, &account.today)
    else {
        return certain(0.0, 0);
    };
    let group = shared.group(account.group, today.epoch);
    let class = if measure.is_hourly() { today.class } else { HourClass::Core };
    let model = account.model(touch, measure, class, group);
    let usual = (model.mean + 2.0 * model.sd()).ceil() as u64;
    if crossing.watch != measure.spec().watch {
        return certain(model.mean, usual);
    }
    let calibration = shared.epoch_of(today.epoch).channel(touch, measure);
    let nats = account.hurdle(measure, class, group) + model.surprise(crossing.count);
    let nats = match measure.spec().span {
        Span::Drift(_) => account.drift_after(touch, measure, nats, group),
        _ => nats,
    };
    let (tail, shift) = match account.kind {
        Kind::Human => (&calibration.tail, group.shift[touch as usize][measure as usize]),
        Kind::Machine | Kind::Source => (&calibration.machine_tail, 0.0),
    };
    let budget = match crossing.joint {
        // So rare each sign had to be.
        true => joint::level(shared, today) / std::f64::consts::LN_10,
        false => -calibration.alpha.log10(),
    };
    Weight {
        expected: model.mean,
        usual,
        surprise: -tail.probability(nats - shift).log10(),
        budget,
        mature: calibration.mature,
    }
}

/// Feeds an event's persons to the open episode.
pub(super) fn expose(account: &mut Account, shared: &mut Shared, now: &Now<'_, '_>) {
    let Some(episode) = &mut account.episode else { return };
    if now.event.time < episode.first {
        return;
    }
    let classes = shared.classes.index(now.event.data, now.event.population);
    for person in now.event.persons {
        let sets = &mut shared.classes;
        episode.exposure.insert(person.fingerprint(), |known| sets.union(known, classes));
    }
    let records = (now.event.persons.len() as u64).saturating_add(now.event.persons_beyond);
    episode.records = episode.records.saturating_add(records);
    episode.unidentified = episode.unidentified.saturating_add(now.event.unidentified);
    episode.last = episode.last.max(now.event.time);
    episode.positions.1 = now.position;
    episode.see(now.event);
    episode.readers.add(&account.known, now);
    episode.trail.add(now.event, now.position);
}

/// A revision when exposure passed its milestone.
pub(super) fn milestone(
    account: &mut Account,
    shared: &Shared,
    at: TimestampMs,
    out: &mut Vec<Finding>,
) {
    let Some(episode) = &mut account.episode else { return };
    let persons = episode.exposure.persons().0;
    if persons >= episode.milestone {
        episode.milestone = milestone_after(persons);
        tell(account, shared, Cause::Exposure, at, out);
    }
}

/// Ends an episode that was quiet long enough by `time`; returns the next moment to look, if it
/// was not.
pub(super) fn end_if_quiet(
    account: &mut Account,
    shared: &Shared,
    time: TimestampMs,
    out: &mut Vec<Finding>,
) -> Option<TimestampMs> {
    let due = account.episode.as_ref()?.last_signal + shared.settings.quiet_ms;
    if time < due {
        return Some(due);
    }
    end(account, shared, due, out);
    None
}

/// Ends the episode, if there is one.
pub(super) fn end(account: &mut Account, shared: &Shared, at: TimestampMs, out: &mut Vec<Finding>) {
    tell(account, shared, Cause::Ended, at, out);
    account.episode = None;
}

fn tell(
    account: &mut Account,
    shared: &Shared,
    cause: Cause,
    at: TimestampMs,
    out: &mut Vec<Finding>,
) {
    let label = role_prior_label(account, shared);
    let Some(episode) = &mut account.episode else { return };
    episode.revision += 1;
    let mut data = vec![0; DATA_CLASSES.len()];
    let mut population = vec![0; 32];
    for (set, persons) in episode.exposure.class_sets() {
        let (classes, codes) = shared.classes.get(set);
        for (bit, count) in data.iter_mut().enumerate() {
            *count += if classes >> bit & 1 == 1 { persons } else { 0 };
        }
        for (bit, count) in population.iter_mut().enumerate() {
            *count += if codes >> bit & 1 == 1 { persons } else { 0 };
        }
    }
    let key = &shared.groups[account.group as usize].key;
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let persons = episode.exposure.tell();
    out.push(Finding::Episode(Box::new(Report {
        cause,
        revision: episode.revision,
        ordinal: episode.ordinal,
        entity: if account.kind == Kind::Source { EntityKind::Source } else { EntityKind::Account },
        name: account.name.to_string(),
        partner: named(&key.partner),
        unit: account.unit_name.and_then(|u| shared.units.name(u)).map(str::to_owned),
        role: named(&key.role),
        label,
        opened: episode.opened,
        first: episode.first,
        last: episode.last,
        follows: episode.follows.clone(),
        at,
        persons,
        read_by: episode.readers.counts(&episode.exposure, persons.0),
        records: episode.records,
        unidentified: episode.unidentified,
        data,
        population,
        seen: episode.seen.clone(),
        signals: episode.signals.clone(),
        circumstances: episode.circumstances,
        learning: episode.learning,
        positions: episode.positions,
        events: episode.trail.events().filter(|e| e.time >= episode.first).cloned().collect(),
        epoch: episode.epoch,
        offset_ms: shared.calendar.offset_ms(episode.opened),
        contributors: Vec::new(),
        contributor_count: 0,
    })));
}

fn role_prior_label(account: &Account, shared: &Shared) -> Option<(String, String)> {
    let label = role_prior(account, shared).label.as_ref()?;
    Some((label.en.clone(), label.fr.clone()))
}
