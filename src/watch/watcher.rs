//! The task that looks every ten seconds whether vigie can see, and keeps the blind alerts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch::Receiver;

use super::blind::hold::{Change, Holder};
use super::blind::recent::{History, RECENT_MS};
use super::blind::{Blind, Inputs, SinkInput, SourceInput, Thresholds, evaluate};
use super::view::{ShardState, View};
use crate::alert::Severity;
use crate::clock::now_ms;
use crate::detect::reach::{Unreached, unreached};
use crate::detect::time::Calendar;
use crate::event::TimestampMs;
use crate::store::datadir::DATABASE;
use crate::store::disk::free_bytes;
use crate::store::sqlite::{BlindBook, NewBlind, StoreError};

/// Time between two looks.
pub const EVERY: Duration = Duration::from_secs(10);

/// Asks how the receivers stand.
pub type Sinks = Box<dyn Fn() -> Vec<SinkInput> + Send + Sync>;

/// Hears of each blind alert that opens or closes.
pub type Told = Box<dyn FnMut(&Note) + Send>;

/// A blind alert that opened or closed: what hooks are told as `vigie.blind`.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// `blind-<seq>`.
    pub id: String,
    /// 1 = opened, 2 = closed.
    pub revision: u32,
    /// One of [`super::blind::KINDS`].
    pub kind: String,
    /// The source or receiver; empty where there is only one.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// When it began, epoch ms by the wall clock.
    pub since: TimestampMs,
    /// When it was over; `None`: it goes on.
    pub until: Option<TimestampMs>,
    /// What is wrong, in English and French; those of the opening.
    pub sentences: [String; 2],
}

/// Waits until it is time to stop.
async fn told(shutdown: &mut Receiver<bool>) {
    // A sender that is gone is as good as the word.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// Looks, and keeps what it finds.
pub struct Watcher {
    view: Arc<View>,
    thresholds: Thresholds,
    calendar: Calendar,
    folder: PathBuf,
    book: BlindBook,
    sinks: Sinks,
    told: Told,
    started_at: TimestampMs,
    holder: Holder,
    open: BTreeMap<(String, String), Note>,
    histories: BTreeMap<String, History>,
    unreachable_since: BTreeMap<String, TimestampMs>,
    moved: Vec<(TimestampMs, u64)>,
    reached: BTreeMap<String, Reached>,
}

/// What cannot be reached, as of the epoch and the rules it was looked for in.
struct Reached {
    epoch: u32,
    rules: String,
    unreached: Vec<Unreached>,
}

impl Watcher {
    /// A watcher of a view and of the data folder that holds `vigie.db`; what an earlier process
    /// left open is taken up.
    ///
    /// # Errors
    /// The database refuses.
    pub fn new(
        view: Arc<View>,
        thresholds: Thresholds,
        calendar: Calendar,
        folder: PathBuf,
        sinks: Sinks,
        told: Told,
    ) -> Result<Watcher, StoreError> {
        let started_at = now_ms();
        let book = BlindBook::open(&folder.join(DATABASE))?;
        let mut holder = Holder::default();
        let mut open = BTreeMap::new();
        for row in book.open_ones()? {
            let key = (row.kind.clone(), row.subject.clone());
            holder.resume(key.clone(), row.since, started_at);
            let cause = serde_json::from_str(&row.cause).ok();
            let blind = cause.map(|cause| Blind { subject: row.subject.clone(), cause });
            let note = Note {
                id: id_of(row.seq),
                revision: 1,
                kind: row.kind,
                subject: row.subject,
                severity: row.severity,
                since: row.since,
                until: None,
                sentences: blind.map_or_else(Default::default, |b| [b.english(), b.french()]),
            };
            open.insert(key, note);
        }
        Ok(Watcher {
            view,
            thresholds,
            calendar,
            folder,
            book,
            sinks,
            told,
            started_at,
            holder,
            open,
            histories: BTreeMap::new(),
            unreachable_since: BTreeMap::new(),
            moved: Vec::new(),
            reached: BTreeMap::new(),
        })
    }

    /// Looks every [`EVERY`] until `shutdown` is true. A database that refuses is tried again at
    /// the next look.
    pub async fn run(mut self, mut shutdown: Receiver<bool>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    let looked = tokio::task::spawn_blocking(move || {
                        let result = self.look(now_ms());
                        (self, result)
                    });
                    let Ok((back, result)) = looked.await else { return };
                    self = back;
                    if let Err(error) = result {
                        tracing::error!(%error, "blind alerts cannot be stored; trying on");
                    }
                }
                () = told(&mut shutdown) => return,
            }
        }
    }

    /// One look at `now`, epoch ms by the wall clock.
    ///
    /// # Errors
    /// The database refuses; the next look tells again.
    pub fn look(&mut self, now: TimestampMs) -> Result<(), StoreError> {
        let inputs = Inputs {
            thresholds: &self.thresholds.clone(),
            calendar: &self.calendar.clone(),
            started_at: self.started_at,
            sources: self.sources(now),
            sinks: (self.sinks)(),
            accounts_moved: self.accounts_moved(now),
            disk_free: free_bytes(&self.folder).ok(),
        };
        let found = evaluate(&inputs, now);
        // What cannot be stored now must not be taken for told.
        let mut holder = self.holder.clone();
        for change in holder.step(&found, &self.thresholds, now) {
            match change {
                Change::Opened { blind, since } => self.begin(&blind, since)?,
                Change::Closed { key, at } => self.end(&key, at)?,
            }
        }
        self.holder = holder;
        Ok(())
    }

    fn begin(&mut self, blind: &Blind, since: TimestampMs) -> Result<(), StoreError> {
        let (kind, severity) = (blind.cause.kind(), blind.cause.severity());
        let key = (kind.to_owned(), blind.subject.clone());
        if self.open.contains_key(&key) {
            return Ok(());
        }
        // Plain data in memory cannot fail to be written to memory.
        let cause = serde_json::to_string(&blind.cause).unwrap_or_default();
        let subject = blind.subject.as_str();
        let seq = self.book.begin(&NewBlind { kind, subject, severity, since, cause: &cause })?;
        let sentences = [blind.english(), blind.french()];
        tracing::warn!(kind, subject, "{}", sentences[0]);
        let note = Note {
            id: id_of(seq),
            revision: 1,
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            severity,
            since,
            until: None,
            sentences,
        };
        (self.told)(&note);
        self.open.insert(key, note);
        Ok(())
    }

    fn end(&mut self, key: &(String, String), at: TimestampMs) -> Result<(), StoreError> {
        self.book.end(&key.0, &key.1, at)?;
        if let Some(note) = self.open.remove(key) {
            tracing::info!(kind = key.0, subject = key.1, "vigie can see again");
            (self.told)(&Note { revision: 2, until: Some(at), ..note });
        }
        Ok(())
    }

    fn sources(&mut self, now: TimestampMs) -> Vec<SourceInput> {
        let mut by_source: BTreeMap<String, Vec<ShardState>> = BTreeMap::new();
        for shard in &self.view.shards {
            by_source.entry(shard.key().0.clone()).or_default().push(shard.value().clone());
        }
        self.histories.retain(|source, _| by_source.contains_key(source));
        self.unreachable_since.retain(|source, _| by_source.contains_key(source));
        self.reached.retain(|source, _| by_source.contains_key(source));
        let sources = by_source.into_iter();
        sources.map(|(source, shards)| self.source(source, &shards, now)).collect()
    }

    fn source(&mut self, source: String, shards: &[ShardState], now: TimestampMs) -> SourceInput {
        let troubled = self.holder.holds("persons-missing", &source);
        let history = self.histories.entry(source.clone()).or_default();
        let recent = history.sample(shards, now, troubled);
        let unreachable = match shards.iter().find_map(|shard| shard.unreachable.clone()) {
            Some(reason) => {
                Some((reason, *self.unreachable_since.entry(source.clone()).or_insert(now)))
            }
            None => {
                self.unreachable_since.remove(&source);
                None
            }
        };
        let unreached = self.unreached(&source, shards);
        let lags = shards.iter().filter_map(|shard| shard.lag_records);
        SourceInput {
            ended: shards.iter().all(|shard| shard.ended),
            last_arrival_at: shards.iter().filter_map(|shard| shard.last_arrival_at).max(),
            unreachable,
            lag_records: lags.reduce(u64::saturating_add),
            snapshot_at: shards.iter().filter_map(|shard| shard.snapshot_at).min(),
            accounts: shards.iter().map(|shard| shard.accounts).sum(),
            accounts_max: shards.iter().map(|shard| shard.accounts_max).sum(),
            unreached,
            recent,
            source,
        }
    }

    /// Rules that cannot fire, by the newest epoch of a source's shards; looked for once an epoch.
    fn unreached(&mut self, source: &str, shards: &[ShardState]) -> Vec<Unreached> {
        let models = shards.iter().filter_map(|shard| shard.model.as_ref());
        let Some((epoch, rules)) = models.max_by_key(|(epoch, _)| epoch.number) else {
            return Vec::new();
        };
        let known = self.reached.get(source);
        let is_same = |r: &&Reached| r.epoch == epoch.number && r.rules == rules.version;
        if let Some(known) = known.filter(is_same) {
            return known.unreached.clone();
        }
        let found = unreached(epoch, rules);
        let (number, rules) = (epoch.number, rules.version.clone());
        let reached = Reached { epoch: number, rules, unreached: found.clone() };
        self.reached.insert(source.to_owned(), reached);
        found
    }

    /// Times an account moved in the last quarter of an hour.
    fn accounts_moved(&mut self, now: TimestampMs) -> u64 {
        let total = self.view.accounts_moved.load(Ordering::Relaxed);
        self.moved.push((now, total));
        self.moved.retain(|(at, _)| *at > now - RECENT_MS);
        self.moved.first().map_or(0, |(_, before)| total.saturating_sub(*before))
    }
}

fn id_of(seq: i64) -> String {
    format!("blind-{seq}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    use crate::store::datadir::{DataDir, Purpose};
    use crate::store::sqlite::Store;

    #[test]
    fn blindness_is_stored_told_once_and_survives_a_restart() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
        let store = Store::open(&dir).unwrap();
        let view = Arc::new(View::default());
        let notes: Arc<Mutex<Vec<(String, u32)>>> = Arc::default();
        let watcher = || {
            let notes = Arc::clone(&notes);
            let config = crate::config::Config::built_in().unwrap();
            // Disks of build machines are their own business.
            let thresholds = Thresholds { disk_free_mb: 0, ..config.blind };
            Watcher::new(
                Arc::clone(&view),
                thresholds,
                Calendar::new("Europe/Paris").unwrap(),
                temp.path().to_owned(),
                Box::new(Vec::new),
                Box::new(move |note| {
                    notes.lock().unwrap().push((note.kind.clone(), note.revision));
                }),
            )
            .unwrap()
        };
        let lag = |records| {
            let state = ShardState {
                lag_records: Some(records),
                ended: true,
                accounts_max: 9,
                ..ShardState::default()
            };
            view.shards.insert(("topic".into(), 0), state);
        };
        lag(1_000_000);
        let mut first = watcher();
        let start = first.started_at;
        for step in 0..12 {
            first.look(start + step * 10_000).unwrap();
        }
        drop(first);
        let row = store.reader().unwrap().blind(true).unwrap().remove(0);
        assert_eq!((row.kind.as_str(), row.subject.as_str(), row.since), ("lag", "topic", start));
        let mut second = watcher();
        second.look(start + 120_000).unwrap();
        lag(3);
        (13..60).for_each(|step| second.look(start + step * 10_000).unwrap());
        let rows = store.reader().unwrap().blind(false).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].until, Some(start + 120_000));
        assert_eq!(*notes.lock().unwrap(), [("lag".to_owned(), 1), ("lag".to_owned(), 2)]);
    }

    #[test]
    fn a_rule_that_cannot_fire_is_told_until_an_epoch_lets_it() {
        use crate::detect::channel::Measure;
        use crate::detect::epoch::{Budget, Epoch, Group, GroupKey, Kind};
        use crate::detect::rule::Rules;
        use crate::event::Touch;
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path(), Purpose::Live).unwrap();
        let store = Store::open(&dir).unwrap();
        let view = Arc::new(View::default());
        let rules = Arc::new(Rules::built_in().unwrap());
        let epoch = |number, scale| {
            let mut epoch = Epoch::shipped(&rules, Budget::default());
            let key = GroupKey { partner: "caf".into(), ..GroupKey::of_all(Kind::Human) };
            let group = Group { size: 50, ..Group::shipped(&rules.priors, &key) };
            epoch.groups.insert(key, group);
            epoch.number = number;
            let [touch, measure] = [Touch::Listed as usize, Measure::Persons1h as usize];
            epoch.channels[touch][measure].tail.scale = scale;
            let model = Some((Arc::new(epoch), Arc::clone(&rules)));
            let state = ShardState { ended: true, accounts_max: 9, model, ..ShardState::default() };
            // The other shard has none yet.
            view.shards.insert(("topic".into(), 0), ShardState { model: None, ..state.clone() });
            view.shards.insert(("topic".into(), 1), state);
        };
        let config = crate::config::Config::built_in().unwrap();
        let mut watcher = Watcher::new(
            Arc::clone(&view),
            Thresholds { disk_free_mb: 0, ..config.blind },
            Calendar::new("Europe/Paris").unwrap(),
            temp.path().to_owned(),
            Box::new(Vec::new),
            Box::new(|_| ()),
        )
        .unwrap();
        let start = watcher.started_at;
        epoch(60, 1e6);
        (0..12).for_each(|step| watcher.look(start + step * 10_000).unwrap());
        let row = store.reader().unwrap().blind(true).unwrap().remove(0);
        assert_eq!(
            (row.kind.as_str(), row.subject.as_str()),
            ("out-of-reach", "mass-extraction.volume")
        );
        let cause = serde_json::from_str(&row.cause).unwrap();
        let told = Blind { subject: row.subject, cause }.english();
        assert!(told.contains("(1h, listed persons) cannot fire for 50 of 50 accounts"), "{told}");
        epoch(61, 1.0);
        (12..60).for_each(|step| watcher.look(start + step * 10_000).unwrap());
        let rows = store.reader().unwrap().blind(false).unwrap();
        assert_eq!((rows.len(), rows[0].until), (1, Some(start + 110_000)));
    }
}
