//! The slow path, entered when an account has used up its slack: integer thresholds are computed and
//! compared. What crosses is handed on to [`opening`](super::opening).

use std::collections::BTreeSet;

use super::account::Account;
use super::channel::{DRIFTS, FOREIGN_FROM_DAY, MEASURES, Measure, Span, TOUCHES, channel};
use super::drift;
use super::episode::Trail;
use super::epoch::{Group, HourClass, Kind};
use super::joint;
use super::limits::{FOREVER, MACHINE_PART, RAISED_FLOOR};
use super::opening::fire;
use super::readers;
use super::report::Finding;
use super::rule::{RolePrior, Watch};
use super::shared::Shared;
use super::today::{Today, UNKNOWN};
use crate::event::{AccessEvent, Position, TimestampMs, Touch};

/// One measure over its threshold, before it is a signal.
pub(super) struct Crossing {
    pub(super) watch: Watch,
    pub(super) touch: Option<Touch>,
    pub(super) measure: Option<Measure>,
    pub(super) count: u64,
    pub(super) threshold: u64,
    /// A sign that says something only together with others.
    pub(super) joint: bool,
}

/// Everything about one event at hand.
pub(super) struct Now<'a, 'e> {
    pub(super) event: &'a AccessEvent<'e>,
    pub(super) position: Position,
    pub(super) index: u32,
    /// Hashes of its device and address; 0 where it does not say.
    pub(super) places: [u32; 2],
}

/// Nothing has come to where it must be looked at; how far anything may go from here is the new
/// slack.
pub(super) fn nothing_due(today: &mut Today) -> bool {
    let ahead = today.ahead();
    if ahead > 0 {
        today.slack = i64::try_from(ahead).unwrap_or(i64::MAX);
    }
    ahead > 0
}

/// Looks at every measure of the account; opens or feeds its episode.
pub(super) fn judge(
    account: &mut Account,
    shared: &mut Shared,
    now: &Now<'_, '_>,
    deadlines: &mut BTreeSet<(TimestampMs, u32)>,
    out: &mut Vec<Finding>,
) {
    let Some(mut today) = account.today.take() else { return };
    let mut crossings = Vec::new();
    let signs = joint::are_looked_for(account, shared, &today);
    today.look_at_all(false);
    for touch in TOUCHES {
        for measure in Measure::ALL.into_iter().filter(|m| m.counts(touch)) {
            let ahead = measure_one(account, shared, &mut today, touch, measure, &mut crossings);
            today.look_again(touch, measure, ahead);
            if signs {
                let ahead = joint::look(account, shared, &mut today, touch, measure);
                today.look_again(touch, measure, ahead);
            }
        }
    }
    ceilings(account, shared, &mut today, &mut crossings);
    if crossings.is_empty() && signs {
        crossings = joint::crossings(account, shared, &mut today);
    }
    follow(account, &mut today, now);
    today.slack = i64::try_from(today.ahead().max(1)).unwrap_or(i64::MAX);
    account.today = Some(today);
    if !crossings.is_empty() {
        fire(account, shared, now, crossings, deadlines, out);
    }
}

/// Compares one measure with its threshold, which is computed when first needed. Returns how many
/// more persons may be counted before this measure must be looked at again; 0: whenever anything is.
fn measure_one(
    account: &Account,
    shared: &Shared,
    today: &mut Today,
    touch: Touch,
    measure: Measure,
    crossings: &mut Vec<Crossing>,
) -> u64 {
    let count = today.count(touch, measure);
    // Half-way to the lowest threshold possible, the threshold itself is worth knowing.
    let half_floor = shared.bars[measure as usize] / 2;
    if count < half_floor {
        return half_floor - count;
    }
    let threshold = known_threshold(account, shared, today, touch, measure, Bar::Plain);
    if count < threshold {
        let half = threshold.div_ceil(2);
        return if count < half { half } else { threshold } - count;
    }
    // The day's count may come to its threshold in the early evening of a long day.
    let class = match (measure.is_hourly(), today.class) {
        (false, HourClass::Shoulder) => HourClass::Core,
        (_, class) => class,
    };
    let explained =
        today.epoch >= FOREIGN_FROM_DAY && account.is_explained(today, touch, measure, class);
    let threshold = if explained {
        let higher = known_threshold(account, shared, today, touch, measure, Bar::Explained);
        if count < higher {
            // The explanation may end with the next person.
            return 0;
        }
        higher
    } else {
        threshold
    };
    today.fired |= 1 << channel(touch, measure);
    let watch = measure.spec().watch;
    crossings.push(Crossing {
        watch,
        touch: Some(touch),
        measure: Some(measure),
        count,
        threshold,
        joint: false,
    });
    FOREVER
}

/// Nats by which a level rises for each time that a whole group is above its usual day: a wave does
/// not lift everybody alike.
const WAVE_MARGIN: f64 = 2.3;

/// Which of the two bars of a volume measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// For everything.
    Plain,
    /// For bulk that has an everyday explanation: people of known units, in office hours, from the
    /// account's own device. Caseload transfers are several times the whole false-alert budget.
    Explained,
    /// Unusual, if something else is, too.
    Sign,
}

/// The threshold of a measure, computed when first needed.
pub(super) fn known_threshold(
    account: &Account,
    shared: &Shared,
    today: &mut Today,
    touch: Touch,
    measure: Measure,
    bar: Bar,
) -> u64 {
    let (t, m) = (touch as usize, measure as usize);
    let known = match bar {
        Bar::Plain => today.thresholds[t][m],
        Bar::Explained => today.explained.as_ref().map_or(UNKNOWN, |of| of[t][m]),
        Bar::Sign => u32::from(today.sign_at[t][m]),
    };
    if known != UNKNOWN {
        return u64::from(known);
    }
    // There are fewer fingerprints than that.
    let fresh = threshold(account, shared, today, touch, measure, bar).min(u64::from(u32::MAX));
    let kept = fresh as u32;
    match bar {
        // Signs beyond are none.
        Bar::Sign => today.sign_at[t][m] = fresh.min(u64::from(u16::MAX)) as u16,
        Bar::Plain => today.thresholds[t][m] = kept,
        Bar::Explained => {
            let none = || Box::new([[UNKNOWN; MEASURES]; 2]);
            today.explained.get_or_insert_with(none)[t][m] = kept;
        }
    }
    fresh
}

/// Smallest count that fires: the calibrated level, inverted through the account's own baseline,
/// and not below what was expected of it.
pub(super) fn threshold(
    account: &Account,
    shared: &Shared,
    today: &Today,
    touch: Touch,
    measure: Measure,
    bar: Bar,
) -> u64 {
    let Some(rule) = shared.rules.of_measure(measure) else { return FOREVER };
    let spec = measure.spec();
    let off = rule.budget.get(measure.window()).is_none_or(|share| *share == 0.0);
    let unfit = spec.human && account.kind != Kind::Human;
    let epoch = shared.epoch_of(today.epoch);
    if off || unfit || epoch.counted(measure, today.epoch) < spec.fires_from() {
        return FOREVER;
    }
    // A declared machine is like no other: its own first days are its baseline, or its first night
    // would be an alert that never ends and never learns.
    if account.kind == Kind::Machine && !account.has_past(touch, measure, today.class) {
        return FOREVER;
    }
    let group = shared.group(account.group, today.epoch);
    let odds = f64::from(today.odds);
    let mut level = epoch.level(account.kind, group, touch, measure, odds);
    match bar {
        Bar::Plain => {}
        Bar::Explained => level = level.max(epoch.channel(touch, measure).explained),
        Bar::Sign => {
            level = epoch.sign_level(group, touch, measure, epoch.joint_level(odds));
        }
    }
    let Some(nats) = nats_needed(account, group, touch, measure, level) else { return FOREVER };
    let class = if measure.is_hourly() { today.class } else { HourClass::Core };
    let model = account.model(touch, measure, class, group);
    let hurdle = account.hurdle(measure, class, group);
    let wave = WAVE_MARGIN * (account.lifted(touch, measure) - 1.0);
    let mut floor = match bar {
        Bar::Sign => joint::sign_floor(shared.joint_floor),
        _ if today.odds > 1 => rule.floor.min(RAISED_FLOOR),
        _ => rule.floor,
    };
    if account.kind == Kind::Machine && measure == Measure::Unusual1d {
        // A few odd calls of a machine that reads thousands are no extraction.
        let usual = account.model(touch, Measure::Persons1d, HourClass::Core, group).mean;
        floor = floor.max((usual * MACHINE_PART) as u64);
    }
    let threshold = model.threshold((nats + wave - hurdle).max(0.0), floor);
    match today.declared {
        Some((ceiling, true)) => threshold.max(ceiling.saturating_add(1)).min(FOREVER),
        _ => threshold,
    }
}

/// Nats of today's count that bring a channel to its level: the level itself, or what is still
/// lacking to it where days add up.
fn nats_needed(
    account: &Account,
    group: &Group,
    touch: Touch,
    measure: Measure,
    level: f64,
) -> Option<f64> {
    let Span::Drift(_) = measure.spec().span else { return Some(level) };
    let (t, d) = (touch as usize, DRIFTS.iter().position(|(drift, _)| *drift == measure)?);
    let p = drift::p_needed(account.drift[t][d].ln_m, level)?;
    group.anchored[t][d].level(p)
}

/// Absolute ceilings: of the role, of the declaration, of the account's life.
fn ceilings(account: &Account, shared: &Shared, today: &mut Today, crossings: &mut Vec<Crossing>) {
    let mut over = |today: &mut Today, watch, touch, measure, count: u64, ceiling: Option<u64>| {
        let Some(ceiling) = ceiling.filter(|_| shared.rules.get(watch).is_some()) else { return };
        if count > ceiling {
            let threshold = ceiling + 1;
            crossings.push(Crossing { watch, touch, measure, count, threshold, joint: false });
        } else if let (Some(touch), Some(measure)) = (touch, measure) {
            today.look_again(touch, measure, ceiling.saturating_add(1) - count);
        }
    };
    let role = role_prior(account, shared);
    let expected = today.declared.filter(|(_, raises)| *raises).map_or(0, |(ceiling, _)| ceiling);
    for touch in TOUCHES {
        for (measure, ceiling) in
            [(Measure::Persons1h, role.ceiling_1h), (Measure::Persons1d, role.ceiling_1d)]
        {
            let ceiling = ceiling.map(|c| c.max(expected));
            let count = today.count(touch, measure);
            over(today, Watch::RoleCeiling, Some(touch), Some(measure), count, ceiling);
        }
        let declared = today.declared.map(|(ceiling, _)| ceiling);
        let (measure, count) = (Measure::Persons1d, today.count(touch, Measure::Persons1d));
        over(today, Watch::DeclaredCeiling, Some(touch), Some(measure), count, declared);
    }
    let (unidentified, after_end) = (today.unidentified, today.after_end);
    let ceiling = role.ceiling_unidentified_1d;
    over(today, Watch::UnidentifiedRecords, None, None, unidentified, ceiling);
    if after_end > 0 {
        over(today, Watch::EndedAccount, None, None, after_end, Some(0));
    }
}

pub(super) fn role_prior<'a>(account: &Account, shared: &'a Shared) -> &'a RolePrior {
    let priors = &shared.rules.priors;
    match account.kind {
        Kind::Machine => &priors.machine,
        Kind::Source => &priors.source,
        Kind::Human => {
            let role = &shared.groups[account.group as usize].key.role;
            priors.roles.get(role).unwrap_or(&priors.default)
        }
    }
}

/// Starts the trail of a day that becomes interesting: half a threshold, or an account that ended.
fn follow(account: &Account, today: &mut Today, now: &Now<'_, '_>) {
    if today.trail.is_some() {
        return;
    }
    let halfway = |touch: Touch, measure: Measure| {
        let threshold = today.thresholds[touch as usize][measure as usize];
        threshold != UNKNOWN && today.count(touch, measure) * 2 >= u64::from(threshold)
    };
    let interesting =
        today.after_end > 0 || TOUCHES.iter().any(|t| Measure::ALL.iter().any(|m| halfway(*t, *m)));
    if interesting {
        let mut trail = Box::new(Trail::default());
        trail.add(now.event, now.position);
        today.trail = Some(trail);
        if account.episode.is_none() && today.readers.is_none() {
            readers::follow(today, &account.known, now, true);
        }
    }
}
