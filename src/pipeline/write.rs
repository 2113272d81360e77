//! The writer's side: everything durable, in the one order that survives a crash.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender};

use super::hand::Hand;
use super::look::date;
use super::run::{Keep, Reached, RunError, Tell, told_key};
use super::shard::Output;
use crate::alert::Alert;
use crate::detect::promise::{Allowed, Promise};
use crate::detect::report::AccountDay;
use crate::event::Position;
use crate::store::format::Header;
use crate::store::quarantine::Entry;
use crate::store::sqlite::{self, Commit, ShareOf};
use crate::triage::rfc3339;

/// Alerts whose events are older than this on arrival are historical: stored, never sent.
const HISTORICAL_MS: i64 = 3_600_000;

/// What the writer does, in order.
pub(super) enum Work {
    /// A shard begins, having got so far before.
    Opened { shard: u32, reached: Reached },
    /// What a shard wants done, and where it stands after it.
    Outputs { shard: u32, outputs: Vec<Output>, mark: Position, epoch: u32 },
    /// A shard's state.
    Snapshot { shard: u32, header: Header, payload: Vec<u8> },
    /// Everything before is done.
    Done(SyncSender<()>),
}

/// Works until nobody sends any more.
pub(super) fn write(
    mut keep: Option<Keep>,
    mut tell: Tell<'_>,
    work: &Receiver<Work>,
    hand: &Hand,
) -> Result<(), RunError> {
    let mut reached = BTreeMap::new();
    while let Ok(item) = work.recv() {
        match (item, &mut keep) {
            (Work::Opened { shard, reached: so_far }, _) => {
                reached.insert(shard, so_far);
            }
            (Work::Outputs { outputs, .. }, None) => {
                for output in &outputs {
                    if let Output::Alert { alert, .. } = output {
                        tell(alert, output)?;
                    }
                }
            }
            (Work::Outputs { shard, mut outputs, mark, epoch }, Some(keep)) => {
                let reached = reached.entry(shard).or_default();
                let batch = Stored { shard, outputs: &mut outputs, mark, epoch };
                batch.store_and_tell(keep, reached, &mut tell)?;
            }
            (Work::Snapshot { shard, header, payload }, Some(keep)) => {
                keep.quarantine.sync()?;
                let reached = reached.entry(shard).or_default();
                let (source, last) = (&keep.source, reached.snapshot);
                let written = keep.snapshots.write_after(source, shard, last, &header, &payload)?;
                reached.snapshot = written.seq;
                hand.is_durable(shard, header.position);
            }
            (Work::Snapshot { .. }, None) => {}
            (Work::Done(answer), _) => drop(answer.send(())),
        }
    }
    Ok(())
}

/// One batch's outputs on their way to disk.
struct Stored<'a> {
    shard: u32,
    outputs: &'a mut [Output],
    mark: Position,
    epoch: u32,
}

impl Stored<'_> {
    fn store_and_tell(
        self,
        keep: &mut Keep,
        reached: &mut Reached,
        tell: &mut Tell<'_>,
    ) -> Result<(), RunError> {
        let Stored { shard, outputs, mark, epoch } = self;
        let (mut alerts, mut days, mut promises) = (Vec::new(), Vec::new(), Vec::new());
        for output in outputs.iter_mut() {
            match output {
                Output::Alert { alert, position, .. } => {
                    alert.historical = keep.seeding || (keep.live && is_historical(alert));
                    alerts.push(((**alert).clone(), *position));
                }
                Output::Quarantine { position, length, reason, skeleton }
                    if *position >= reached.marked =>
                {
                    keep.quarantine.put(&Entry {
                        at_position: *position,
                        source: &keep.source,
                        reason,
                        length: *length,
                        skeleton,
                    })?;
                }
                Output::AccountDay(day) => days.extend(closed(day)),
                Output::Promise(promise) => promises.push(allowed(promise)),
                Output::Quarantine { .. } | Output::DayEnded(_) => {}
            }
        }
        let source = keep.source.as_str();
        keep.store.commit(&Commit { source, shard, alerts: &alerts, mark, epoch })?;
        if !days.is_empty() {
            keep.store.put_account_days(&days)?;
        }
        for promise in &promises {
            keep.store.put_promise(source, shard, promise)?;
        }
        let mut news = false;
        for output in &*outputs {
            if let Output::Alert { alert, position, .. } = output
                && *position >= reached.told
            {
                tell(alert, output)?;
                news = true;
            }
        }
        if news {
            keep.store.set_meta(&told_key(source, shard), &mark.to_string())?;
        }
        reached.told = reached.told.max(mark);
        Ok(())
    }
}

/// The day that an account closed, as its page shows it.
fn closed(day: &AccountDay) -> Option<sqlite::AccountDay> {
    let closed = day.closed?;
    Some(sqlite::AccountDay {
        account: day.name.clone(),
        day: date(closed.day),
        listed: closed.listed,
        opened: closed.opened,
        foreign_origins: closed.foreign,
    })
}

/// What was allowed on a day, as it is stored.
fn allowed(promise: &Promise) -> sqlite::Promise {
    let group = |of, (name, allowed): (&String, &Allowed)| sqlite::Share {
        of,
        name: name.clone(),
        account_weeks: allowed.account_weeks,
        alerts: allowed.alerts,
    };
    let rule = |of, (name, alerts): (&String, &f64)| {
        group(of, (name, &Allowed { account_weeks: promise.account_weeks, alerts: *alerts }))
    };
    let rules = promise.rules.iter().map(|one| rule(ShareOf::Rule, one));
    let pooled = promise.pooled.iter().map(|one| rule(ShareOf::Pooled, one));
    let partners = promise.partners.iter().map(|one| group(ShareOf::Partner, one));
    let roles = promise.roles.iter().map(|one| group(ShareOf::Role, one));
    sqlite::Promise {
        day: promise.day,
        starts_at: rfc3339(promise.start_ms),
        ends_at: rfc3339(promise.end_ms),
        epoch: promise.epoch,
        account_weeks: promise.account_weeks,
        shares: rules.chain(pooled).chain(partners).chain(roles).collect(),
    }
}

fn is_historical(alert: &Alert) -> bool {
    // An end comes a quiet day after the last event, and is news nevertheless.
    let last = alert.updated_at.parse::<jiff::Timestamp>();
    last.is_ok_and(|last| crate::clock::now_ms() - last.as_millisecond() > HISTORICAL_MS)
}
