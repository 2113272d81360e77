//! `/metrics`: how vigie is, in the text format of Prometheus.
//!
//! Figures are taken from the [`View`] and the database when somebody asks, at most every five
//! seconds. Labels are few and bounded: no account, person, address or alert is ever one.

mod bounded;
mod families;
mod growth;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{GaugeVec, TextEncoder};

use super::blind::SinkInput;
use super::promise::{Line, Standing};
use super::view::{ShardState, View};
use super::watcher::Sinks;
use crate::event::{TimestampMs, Touch};
use crate::store::disk::free_bytes;
use crate::store::sqlite::{Cursor, News, Reader, StoreError};
use bounded::Bounded;
use families::{Families, SEVERITIES};
use growth::Growth;

/// Figures are this old at most, in milliseconds.
pub const CACHED_MS: i64 = 5_000;
/// What the budget allowed changes once a day, what was raised a few times: looked at so often, in
/// milliseconds.
const BUDGET_MS: i64 = 60_000;
/// Partners that have a label; the rest is `other`.
pub const PARTNERS_MAX: usize = 50;

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two metrics of one name; a defect.
    #[error("metrics: {0}; this is a defect of vigie")]
    Registry(#[from] prometheus::Error),
}

/// All metrics of a process.
pub struct Metrics {
    view: Arc<View>,
    db: PathBuf,
    sinks: Sinks,
    families: Families,
    state: Mutex<State>,
}

/// What must be remembered between two looks.
struct State {
    reader: Reader,
    cursor: Cursor,
    refreshed_at: Option<TimestampMs>,
    growth: Growth,
    partners: Bounded,
    sources: Bounded,
    rules: Bounded,
    verdicts: Bounded,
    endpoints: Bounded,
    roles: Bounded,
    budget_at: Option<TimestampMs>,
}

impl Metrics {
    /// Metrics of a view and of a database that is at its newest schema; counters begin at 0 here
    /// and now. `sinks` says how the receivers stand.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn new(view: Arc<View>, db: &Path, sinks: Sinks) -> Result<Metrics, MetricsError> {
        let reader = Reader::open(db)?;
        let cursor = reader.cursor_at_end()?;
        let state = State {
            reader,
            cursor,
            refreshed_at: None,
            growth: Growth::default(),
            partners: Bounded::new(PARTNERS_MAX),
            sources: Bounded::new(20),
            rules: Bounded::new(50),
            verdicts: Bounded::new(20),
            endpoints: Bounded::new(20),
            roles: Bounded::new(PARTNERS_MAX),
            budget_at: None,
        };
        let families = Families::new()?;
        Ok(Metrics { view, db: db.into(), sinks, families, state: Mutex::new(state) })
    }

    /// The metrics at `now`, epoch ms by the wall clock, as text.
    #[must_use]
    pub fn render(&self, now: TimestampMs) -> String {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not stop the figures.
        let fresh = |at: TimestampMs| (at..at + CACHED_MS).contains(&now);
        if !state.refreshed_at.is_some_and(fresh) {
            state.refreshed_at = Some(now);
            self.shards(&mut state, now);
            self.accounts(&mut state);
            self.receivers(&mut state, now);
            self.machine();
            let stored = self.stored(&mut state, now).and_then(|()| self.budget(&mut state, now));
            self.families.store_up.set(i64::from(stored.is_ok()));
        }
        drop(state);
        // Families of ours are named as the format wants them; there is nothing that could fail.
        TextEncoder::new().encode_to_string(&self.families.registry.gather()).unwrap_or_default()
    }

    /// Names of all metrics, as rules and dashboards may use them.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        families::NAMES.to_vec()
    }

    fn shards(&self, state: &mut State, now: TimestampMs) {
        let f = &self.families;
        f.reset_sources();
        for entry in &self.view.shards {
            let ((source, shard), seen) = entry.pair();
            let label = state.sources.label(source);
            let grown = state.growth.of(source, *shard, seen);
            f.ingested.with_label_values(&[&label, "accepted"]).inc_by(grown.accepted);
            let mut quarantined = 0;
            for (reason, count) in &grown.quarantined {
                f.quarantined.with_label_values(&[&label, *reason]).inc_by(*count);
                quarantined += count;
            }
            f.ingested.with_label_values(&[&label, "quarantined"]).inc_by(quarantined);
            for (touch, word) in [(Touch::Listed, "listed"), (Touch::Opened, "opened")] {
                let (events, named) = grown.touches[touch as usize];
                f.named.with_label_values(&[&label, word, "yes"]).inc_by(named);
                let unnamed = events.saturating_sub(named);
                f.named.with_label_values(&[&label, word, "no"]).inc_by(unnamed);
            }
            f.late.with_label_values(&[&label]).inc_by(grown.late);
            f.evicted.with_label_values(&[&label]).inc_by(grown.evicted);
            f.fallbacks.with_label_values(&[&label]).inc_by(grown.fallbacks);
            f.holes.with_label_values(&[&label]).inc_by(grown.holes);
            if let Some(lag) = grown.lag_ms {
                f.ingest_lag.with_label_values(&[&label]).observe(seconds(lag));
            }
            self.standing(&label, seen, now);
        }
    }

    /// Gauges of one shard, added to those of its source.
    fn standing(&self, label: &str, seen: &ShardState, now: TimestampMs) {
        let f = &self.families;
        let raise = |gauge: &GaugeVec, value: f64| {
            let gauge = gauge.with_label_values(&[label]);
            gauge.set(gauge.get().max(value));
        };
        f.shards.with_label_values(&[label]).inc();
        let down = seen.unreachable.is_some();
        raise(&f.unreachable, f64::from(u8::from(down)));
        raise(&f.last_event, seconds(seen.tally.run.last_time));
        raise(&f.last_arrival, seconds(seen.last_arrival_at.unwrap_or(0)));
        raise(&f.snapshot_age, seen.snapshot_at.map_or(0.0, |at| seconds(now - at)));
        raise(&f.epoch, f64::from(seen.epoch));
        f.lag.with_label_values(&[label]).add(seen.lag_records.unwrap_or(0) as f64);
        f.state_used.with_label_values(&[label]).add(seen.accounts as f64);
        f.state_room.with_label_values(&[label]).add(seen.accounts_max as f64);
    }

    /// Accounts with a card by partner; the ones without are `other`.
    fn accounts(&self, state: &mut State) {
        let f = &self.families;
        f.accounts.reset();
        f.learning.reset();
        let mut carded = 0_u64;
        for card in &self.view.accounts {
            let partner = state.partners.label(card.partner.as_deref().unwrap_or("none"));
            f.accounts.with_label_values(&[&partner]).inc();
            let learning = f.learning.with_label_values(&[&partner]);
            if card.learning {
                learning.inc();
            }
            carded += 1;
        }
        let all: u64 = self.view.shards.iter().map(|shard| shard.accounts).sum();
        f.accounts.with_label_values(&["other"]).add(all.saturating_sub(carded) as f64);
        let moved = self.view.accounts_moved.load(Ordering::Relaxed);
        f.moved.inc_by(moved.saturating_sub(f.moved.get()));
    }

    fn receivers(&self, state: &mut State, now: TimestampMs) {
        let f = &self.families;
        f.pending.reset();
        f.oldest_pending.reset();
        f.dead.reset();
        for SinkInput { sink, pending, dead, delivered, oldest_pending_at } in (self.sinks)() {
            let label = state.endpoints.label(&sink);
            f.pending.with_label_values(&[&label]).add(pending as f64);
            f.dead.with_label_values(&[&label]).add(dead as f64);
            let oldest = f.oldest_pending.with_label_values(&[&label]);
            oldest.set(oldest.get().max(oldest_pending_at.map_or(0.0, |at| seconds(now - at))));
            for (outcome, total) in [("delivered", delivered), ("dead", dead)] {
                let grown = state.growth.deliveries(&sink, outcome, total);
                f.deliveries.with_label_values(&[&label, outcome]).inc_by(grown);
            }
        }
    }

    /// Memory, disk and the size of the database; unknown ones keep their last value.
    fn machine(&self) {
        let f = &self.families;
        let folder = self.db.parent().unwrap_or(Path::new("."));
        if let Ok(free) = free_bytes(folder) {
            f.disk_free.set(free as f64);
        }
        let size = |suffix: &str| {
            let mut path = self.db.clone().into_os_string();
            path.push(suffix);
            std::fs::metadata(path).map_or(0, |found| found.len())
        };
        f.store_size.set((size("") + size("-wal")) as f64);
        if let Some(kib) = resident_kib() {
            f.memory.set(kib as f64 * 1024.0);
        }
    }

    fn stored(&self, state: &mut State, now: TimestampMs) -> Result<(), StoreError> {
        let f = &self.families;
        let open = state.reader.open_figures()?;
        let blind = state.reader.blind(true)?;
        let news = state.reader.news(&mut state.cursor)?;
        f.reset_open();
        let mut persons = 0;
        for figure in open {
            let labels = [SEVERITIES[figure.severity as usize], figure.state.word()];
            f.open.with_label_values(&labels).set(figure.alerts as f64);
            let oldest = figure.oldest.as_deref().and_then(epoch_ms);
            let age = oldest.map_or(0.0, |at| seconds(now - at).max(0.0));
            f.oldest.with_label_values(&labels).set(age);
            persons += figure.persons;
        }
        f.persons_open.set(persons as f64);
        for row in blind {
            f.blind.with_label_values(&[&row.kind]).inc();
        }
        self.news(state, &news);
        Ok(())
    }

    /// What the budget allowed, and what was raised.
    fn budget(&self, state: &mut State, now: TimestampMs) -> Result<(), StoreError> {
        let fresh = |at: TimestampMs| (at..at + BUDGET_MS).contains(&now);
        if state.budget_at.is_some_and(fresh) {
            return Ok(());
        }
        let standing = Standing::read(&state.reader)?;
        state.budget_at = Some(now);
        let f = &self.families;
        [&f.budget_allowed, &f.budget_raised, &f.budget_over].into_iter().for_each(GaugeVec::reset);
        f.budget_window.set(604_800.0 * standing.weeks());
        let tell = |by: &str, names: &mut Bounded, lines: &[Line]| {
            for line in lines {
                let Some(allowed) = line.allowed else { continue };
                let name = names.label(if line.name.is_empty() { "none" } else { &line.name });
                let labels = [by, name.as_str()];
                f.budget_allowed.with_label_values(&labels).add(allowed);
                f.budget_raised.with_label_values(&labels).add(line.held() as f64);
                let over = f.budget_over.with_label_values(&labels);
                over.set(over.get().max(f64::from(u8::from(line.over))));
            }
        };
        tell("rule", &mut state.rules, &standing.rules);
        tell("partner", &mut state.partners, &standing.partners);
        tell("role", &mut state.roles, &standing.roles);
        Ok(())
    }

    fn news(&self, state: &mut State, news: &News) {
        let f = &self.families;
        for new in &news.revisions {
            let alert = &new.alert;
            let partner = state.partners.label(alert.partner.as_deref().unwrap_or("none"));
            let severity = SEVERITIES[alert.severity as usize];
            f.revisions.inc();
            if alert.revision == 1 {
                f.opened.with_label_values(&[&partner, severity]).inc();
                let span = epoch_ms(&alert.opened_at).zip(epoch_ms(&alert.first_event_at));
                if let Some((opened, first)) = span {
                    f.to_detect.with_label_values(&[severity]).observe(seconds(opened - first));
                }
            }
            for rule in &new.rules {
                let rule = state.rules.label(rule);
                f.signals.with_label_values(&[&partner, &rule]).inc();
            }
        }
        for new in &news.verdicts {
            let rule = state.rules.label(&new.rule);
            let verdict = state.verdicts.label(&new.verdict);
            f.closed.with_label_values(&[&rule, &verdict]).inc();
        }
        for new in news.taken.iter().filter(|new| !new.historical) {
            if let Some(opened) = epoch_ms(&new.opened_at) {
                let waited = seconds(new.at - opened).max(0.0);
                f.to_ack.with_label_values(&[SEVERITIES[new.severity as usize]]).observe(waited);
            }
        }
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

fn epoch_ms(text: &str) -> Option<TimestampMs> {
    text.parse::<jiff::Timestamp>().ok().map(|moment| moment.as_millisecond())
}

/// Resident memory of this process; `None` where nobody says.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
