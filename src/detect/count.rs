//! Counting one event: the event path. Nothing is judged here but whether there is anything to judge.

use std::collections::BTreeSet;

use super::account::Account;
use super::caseload;
use super::channel::Measure;
use super::judge::Now;
use super::lift::{self, Lifted};
use super::limits::{EXCLUDED_DAYS, RAISED_DAYS, RAISED_ODDS};
use super::places::KnownPlaces;
use super::readers;
use super::shared::Shared;
use super::today::Today;
use super::window::{self, Meeting};
use crate::event::{AccessEvent, Outcome, TimestampMs};

/// Data whose disclosure harms most: bits of [`crate::event::DATA_CLASSES`].
const SENSITIVE_DATA: u32 = {
    const WORDS: [&str; 9] = [
        "bank",
        "tax",
        "health",
        "disability",
        "guardianship",
        "justice",
        "nationality",
        "credentials",
        "note",
    ];
    crate::event::data_bits(&WORDS)
};

/// Counts one event in the account's windows: the event path. Persons new to the account's day are
/// left in `fresh` for the pools.
pub(super) fn count(
    account: &mut Account,
    shared: &mut Shared,
    now: &Now<'_, '_>,
    fresh: &mut Vec<(u32, window::Origin)>,
) {
    let Some(today) = &mut account.today else { return };
    let event = now.event;
    let slot = account.day.slot(event.time);
    if slot > today.slot {
        let classes = &shared.group(account.group, today.epoch).classes;
        today.advance(slot, &account.day, classes, account.kind);
        follow_lift(today, &mut account.lift, &shared.groups[account.group as usize].lift);
    }
    let mut marks = today.hour_marks | see_places(today, &account.known, now.places);
    today.unidentified = today.unidentified.saturating_add(event.unidentified);
    let records = event.persons.len() as u64;
    today.records = today.records.saturating_add(event.persons_beyond).saturating_add(records);
    let ended = account.ends_on.is_some_and(|end| account.day.day > end);
    today.after_end += u64::from(ended && event.outcome == Outcome::Success);
    if let Some(trail) = &mut today.trail
        && account.episode.is_none()
    {
        trail.add(event, now.position);
    }
    today.slack -= today.requests.count_event(event);
    if event.persons.is_empty() {
        return;
    }
    // Where the log has no devices, there are too many new addresses to begin with each.
    let strange = marks & window::STRANGER != 0 && now.places[0] != 0;
    let begins = strange || today.trail.is_some();
    if (begins || today.readers.is_some()) && account.episode.is_none() {
        readers::follow(today, &account.known, now, begins);
    }
    let usual = &shared.group(account.group, today.epoch).operations;
    if today.operations.note(event, usual) {
        marks |= window::UNUSUAL;
    }
    if event.data & SENSITIVE_DATA != 0 {
        marks |= window::SENSITIVE;
    }
    today.mark_touched(event.action.touch());
    shared.counters.persons += event.persons.len() as u64;
    count_persons(account, shared, event, (slot, marks), fresh);
}

/// The lift of the account's group changed: so does what is expected of the account.
fn follow_lift(today: &mut Today, known: &mut Lifted<f32>, lift: &Lifted<f32>) {
    if known == lift {
        return;
    }
    *known = *lift;
    for (windows, lift) in today.windows.iter_mut().zip(lift) {
        windows.pause(lift::changes_shares(lift));
    }
    today.forget_thresholds();
}

/// Counts the persons that came back, at a slot of the day and with the marks of their access.
fn count_persons(
    account: &mut Account,
    shared: &mut Shared,
    event: &AccessEvent<'_>,
    (slot, marks): (u16, u8),
    fresh: &mut Vec<(u32, window::Origin)>,
) {
    let Some(today) = &mut account.today else { return };
    let touch = event.action.touch();
    let classes = shared.classes.index(event.data, event.population);
    let Shared { territory, classes: sets, caseloads, .. } = shared;
    let windows = &mut today.windows[touch as usize];
    let (step, mut grown) = (windows.step(), 0);
    // The application knows best.
    let listed = account.caseload != caseload::NONE && event.unrelated.is_none();
    for person in event.persons {
        let fp = person.fingerprint();
        let merge = |known| sets.union(known, classes);
        let mut first = false;
        let meet = || {
            first = true;
            let origin = territory.origin(fp, account.unit);
            fresh.push((fp, origin));
            Meeting { origin, novel: !account.persons.knows(fp) }
        };
        let known = listed.then(|| windows.count(Measure::Persons1d));
        grown += i64::from(windows.touch(fp, slot, marks, merge, meet));
        if known.is_some_and(|known| windows.count(Measure::Persons1d) > known)
            && caseloads.is_outside(account.caseload, fp)
        {
            today.requests.meet_outside(step as u32);
        }
        if first {
            today.requests.meet(*person);
        }
    }
    // Thinning moves the estimates themselves.
    let thinned = windows.step() != step;
    today.slack = if thinned { 0 } else { today.slack - grown * step as i64 };
}

/// Remembers where an event came from; returns the mark of a place that is not the account's own.
fn see_places(today: &mut Today, known: &[KnownPlaces; 2], places: [u32; 2]) -> u8 {
    let mut stranger = None;
    for (at, place) in places.into_iter().enumerate() {
        if place != 0 {
            today.seen[at].add(place);
            // A log without devices still has addresses.
            stranger = stranger.or(Some(known[at].is_stranger(place)));
        }
    }
    if stranger == Some(true) { window::STRANGER } else { 0 }
}

/// Somebody reset a password or changed a role: for a while the account is looked at more closely.
pub(super) fn raise(account: &mut Account) {
    account.raised_until = account.raised_until.max(account.day.day + RAISED_DAYS);
    if let Some(today) = &mut account.today
        && today.odds == 1
    {
        today.odds = RAISED_ODDS;
        today.forget_thresholds();
    }
}

/// The account's clock went wrong and came back: what it had moved into the future returns.
pub(super) fn fall_back(
    account: &mut Account,
    shared: &mut Shared,
    index: u32,
    deadlines: &mut BTreeSet<(TimestampMs, u32)>,
) {
    shared.counters.clock_fallbacks += 1;
    let time = account.time;
    let day = shared.calendar.day_of(time);
    account.excluded_until = account.excluded_until.min(day.day + EXCLUDED_DAYS);
    if let Some(episode) = &mut account.episode {
        episode.first = episode.first.min(time);
        episode.last_signal = episode.last_signal.min(time);
        deadlines.insert((episode.last_signal + shared.settings.quiet_ms, index));
    }
    if account.day == day
        && let Some(today) = &mut account.today
    {
        let classes = &shared.group(account.group, today.epoch).classes;
        today.fall_back(day.slot(time), &day, classes, account.kind);
    }
}
