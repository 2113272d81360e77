//! The deciding thread: hands what was read to its shard, and what came of it to the writer; takes
//! shards over and gives them back; brings verdicts and epochs to the shards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::exchange::{Exchange, Stand};
use super::hand::{Hand, Read};
use super::look::{card, warn_of};
use super::own::Own;
use super::run::{AtEnd, Clerk, Opened, Reached, Report, Restored, RunError, Saved};
use super::shard::Output;
use super::write::Work;
use crate::clock::{Stopwatch, now_ms};
use crate::detect::snapshot::PAYLOAD_VERSION;
use crate::event::{Position, TimestampMs};
use crate::ingest::{Batch, Notice, Progress, SourceEvent};
use crate::store::KeyId;
use crate::store::format::Header;
use crate::watch::view::{ShardState, View};

/// Epochs after which a shard's state is kept: those since the last snapshot are control records,
/// and few of these are kept.
const EPOCHS_A_SNAPSHOT: u32 = 3;

/// How often verdicts, epochs and the view are looked after.
const ROUNDS: Duration = Duration::from_millis(250);

type Gone = std::sync::mpsc::SendError<Work>;

/// What the deciding thread is made of.
pub(super) struct Decider<'a> {
    pub(super) name: String,
    /// Time between snapshots and the key's fingerprint, when anything is kept.
    pub(super) kept: Option<(Duration, KeyId)>,
    pub(super) clerk: Option<Box<dyn Clerk + 'a>>,
    pub(super) exchange: Option<Exchange>,
    pub(super) view: Option<Arc<View>>,
    pub(super) stay: Option<Arc<AtomicBool>>,
    pub(super) at_end: Option<AtEnd<'a>>,
    pub(super) hand: Arc<Hand>,
    pub(super) report: Report<'a>,
    pub(super) give_back: SyncSender<Batch>,
    pub(super) to_write: SyncSender<Work>,
}

/// Whose log a notice is about; files have one shard.
fn shard_of(notice: &Notice) -> u32 {
    match notice {
        Notice::Gap { shard, .. } | Notice::Lag { shard, .. } | Notice::Oversized { shard, .. } => {
            *shard
        }
        _ => super::run::SHARD,
    }
}

/// The deciding thread at work.
pub(super) struct Deciding<'a> {
    parts: Decider<'a>,
    own: BTreeMap<u32, Own>,
    round: Stopwatch,
    ended: bool,
    unreachable: Option<String>,
}

impl<'a> Decider<'a> {
    /// Takes the shards that are open from the beginning.
    pub(super) fn start(self, shards: &mut BTreeMap<u32, Opened>) -> Deciding<'a> {
        let mut own = BTreeMap::new();
        for (id, opened) in std::mem::take(shards) {
            let (shard, reached) = Own::of(opened);
            // A writer that is gone is noticed at the first output.
            let _ = self.to_write.send(Work::Opened { shard: id, reached });
            own.insert(id, shard);
        }
        let round = Stopwatch::start();
        let (ended, unreachable) = (false, None);
        Deciding { parts: self, own, round, ended, unreachable }
    }
}

impl Deciding<'_> {
    /// Decides until the source ends.
    pub(super) fn run(&mut self, from_reader: &Receiver<Read>) -> Result<(), RunError> {
        loop {
            match from_reader.recv_timeout(ROUNDS.saturating_sub(self.round.elapsed())) {
                Ok(Read::Event { event, segments, progress }) => {
                    if let (Some(news), Some(own)) = (segments, self.own.values_mut().next()) {
                        own.segments = news;
                    }
                    if !self.event(event?, progress)? {
                        break;
                    }
                }
                Ok(Read::Claim { shards, answer }) => {
                    let begins = self.claim(&shards)?;
                    let _ = answer.send(begins);
                }
                Ok(Read::Release { shards, lost, answer }) => {
                    self.release(&shards, lost, answer)?;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.round.elapsed() >= ROUNDS {
                self.go_round()?;
                self.round = Stopwatch::start();
            }
        }
        self.ended = true;
        if let Some(mut at_end) = self.parts.at_end.take() {
            // Whatever is still on its way to be told is told first.
            let (answer, answered) = sync_channel(1);
            self.send(Work::Done(answer))?;
            let _ = answered.recv();
            for own in self.own.values() {
                at_end(&own.shard)?;
            }
        }
        while self.parts.stay.as_ref().is_some_and(|stop| !stop.load(Ordering::SeqCst)) {
            self.go_round()?;
            std::thread::sleep(ROUNDS);
        }
        Ok(())
    }

    /// Keeps every state and gives the shards back, however the run went.
    pub(super) fn finish(&mut self, shards: &mut BTreeMap<u32, Opened>) {
        for id in self.own.keys().copied().collect::<Vec<_>>() {
            // The writer's own error says why it is gone.
            let _ = self.snapshot(id);
            self.show(id);
        }
        for (id, own) in std::mem::take(&mut self.own) {
            let restored = Some(Restored { segments: own.segments, position: own.position });
            shards.insert(id, Opened { shard: own.shard, restored, reached: Reached::default() });
        }
    }

    /// Returns whether there is more to come.
    fn event(&mut self, event: SourceEvent, progress: Progress) -> Result<bool, RunError> {
        match event {
            SourceEvent::Batch(batch) => self.batch(batch, progress)?,
            SourceEvent::Notice(notice) => self.notice(&notice)?,
            SourceEvent::Idle => {
                if let Some(own) = self.own.values().next() {
                    (self.parts.report)(progress, &own.shard);
                }
            }
            SourceEvent::End => return Ok(false),
        }
        Ok(true)
    }

    fn batch(&mut self, batch: Batch, progress: Progress) -> Result<(), RunError> {
        // A batch of a shard that is gone is somebody else's to decide.
        let Some(own) = self.own.get_mut(&batch.shard) else {
            let _ = self.parts.give_back.try_send(batch);
            return Ok(());
        };
        own.arrived = (!batch.lines.is_empty()).then(now_ms).or(own.arrived);
        (self.parts.report)(progress, &own.shard);
        own.comes(batch);
        self.go_on()
    }

    /// Decides what waits, as far as shards may go that learn from one another: all end a day
    /// before any of them goes on in the next, so that the same epoch reaches each of them at the
    /// same place of its log, however fast each is read.
    fn go_on(&mut self) -> Result<(), RunError> {
        loop {
            let limit = self.limit();
            let next = self.own.iter_mut().find(|(_, own)| own.may_go_on(limit));
            let Some((id, own)) = next.map(|(id, own)| (*id, own)) else { break };
            let mut outputs = Vec::new();
            let (stopped, done) = own.go_on(limit, &mut outputs);
            let unplaced = own.snapshot_at.is_none();
            self.carry_out(id, outputs)?;
            if stopped && self.parts.exchange.is_some() {
                self.bring_epochs()?;
            }
            let Some(batch) = done else { continue };
            if batch.lines.is_empty() && unplaced {
                // Where a shard without a state begins must not be decided twice.
                self.snapshot(id)?;
            }
            let _ = self.parts.give_back.try_send(batch);
        }
        self.hold_back();
        Ok(())
    }

    /// Event time that no shard may pass before the slowest that has more to read.
    fn limit(&self) -> TimestampMs {
        if self.parts.exchange.is_none() {
            return TimestampMs::MAX;
        }
        let behind = self.own.values().filter(|own| own.is_behind());
        behind.map(Own::day_end).min().unwrap_or(TimestampMs::MAX)
    }

    fn notice(&mut self, notice: &Notice) -> Result<(), RunError> {
        warn_of(notice);
        match notice {
            Notice::Lag { shard, records } => {
                if let Some(own) = self.own.get_mut(shard) {
                    own.is_behind_by(*records);
                    own.unseen = true;
                }
                self.go_on()?;
            }
            Notice::Reachable { now, reason } => {
                self.unreachable = (!now).then(|| reason.clone());
                self.own.values_mut().for_each(|own| own.unseen = true);
            }
            _ => {}
        }
        let id = shard_of(notice);
        if let Some(own) = self.own.get_mut(&id) {
            let mut outputs = Vec::new();
            own.shard.notice(notice, &mut outputs);
            self.carry_out(id, outputs)?;
        }
        Ok(())
    }

    /// Sends a shard's outputs on; what is for the other shards or for the view is taken out.
    fn carry_out(&mut self, id: u32, mut outputs: Vec<Output>) -> Result<(), RunError> {
        if outputs.is_empty() {
            return Ok(());
        }
        let mut day_ended = false;
        for output in &outputs {
            if let Output::DayEnded(partial) = output {
                if let Some(exchange) = &self.parts.exchange {
                    exchange.day_ended(id, partial)?;
                }
                day_ended = true;
            }
        }
        // Accounts without a card have no page, and so no history to keep.
        outputs.retain(|output| match (output, &self.parts.view) {
            (Output::AccountDay(day), Some(view)) => view.put_account(&day.name, card(id, day)),
            (Output::AccountDay(_), None) | (Output::DayEnded(_), _) => false,
            (Output::Alert { .. } | Output::Quarantine { .. } | Output::Promise(_), _) => true,
        });
        if let Some(own) = self.own.get(&id) {
            let epoch = own.shard.detector().epoch().number;
            self.send(Work::Outputs { shard: id, outputs, mark: own.position, epoch })?;
        }
        if day_ended {
            self.bring_epochs()?;
        }
        Ok(())
    }

    fn send(&self, work: Work) -> Result<(), RunError> {
        self.parts.to_write.send(work).map_err(|_: Gone| RunError::Thread("writer"))
    }

    /// What is due whether or not anything was read.
    fn go_round(&mut self) -> Result<(), RunError> {
        self.bring_verdicts()?;
        self.bring_epochs()?;
        self.go_on()?;
        let every = self.parts.kept.map(|(every, _)| every);
        for id in self.own.keys().copied().collect::<Vec<_>>() {
            let due = self.own.get(&id).is_some_and(|own| {
                own.dirty && every.is_some_and(|every| own.since.elapsed() >= every)
            });
            if due {
                self.snapshot(id)?;
            }
            self.show(id);
        }
        Ok(())
    }

    fn positions(&self) -> BTreeMap<u32, Position> {
        self.own.iter().map(|(id, own)| (*id, own.position)).collect()
    }

    fn bring_verdicts(&mut self) -> Result<(), RunError> {
        let positions = self.positions();
        let Some(clerk) = &mut self.parts.clerk else { return Ok(()) };
        for (id, seq, control) in clerk.verdicts(&positions)? {
            let Some(own) = self.own.get_mut(&id) else { continue };
            own.shard.schedule(own.position, seq, control);
            let mut outputs = Vec::new();
            own.shard.apply_due(own.position, &mut outputs);
            (own.dirty, own.unseen) = (true, true);
            self.carry_out(id, outputs)?;
        }
        Ok(())
    }

    /// Builds the epochs that are due, and hands each to the shards that have ended its day.
    fn bring_epochs(&mut self) -> Result<(), RunError> {
        let Some(exchange) = &self.parts.exchange else { return Ok(()) };
        let Some(any) = self.own.values().next() else { return Ok(()) };
        let detector = any.shard.detector();
        let furthest = self.own.values().map(|own| own.shard.detector().watermark()).max();
        let behind = self.own.values().filter(|own| own.is_behind());
        let stand = Stand {
            shards: self.own.keys().copied().collect(),
            furthest: furthest.unwrap_or(TimestampMs::MIN),
            slowest: behind.filter_map(Own::today).min(),
        };
        for day in exchange.days(&stand, detector.rules(), detector.budget())? {
            // Not before: it would come into force a day early.
            let wants = |own: &Own| {
                let ended = own.today().is_some_and(|today| today > day);
                ended && own.epoch_day.is_none_or(|newest| newest < day)
            };
            let takers: BTreeMap<u32, Position> = self
                .own
                .iter()
                .filter(|(_, own)| wants(own))
                .map(|(id, own)| (*id, own.position))
                .collect();
            let Some(clerk) = self.parts.clerk.as_mut().filter(|_| !takers.is_empty()) else {
                continue;
            };
            let epoch = Arc::new(exchange.epoch(day)?);
            for (id, seq) in clerk.epoch(&epoch, &takers)? {
                let Some(own) = self.own.get_mut(&id) else { continue };
                let control = crate::detect::Control::Epoch(Arc::clone(&epoch));
                own.shard.schedule(own.position, seq, control);
                // It changes thresholds of days to come, and no alert.
                own.shard.apply_due(own.position, &mut Vec::new());
                (own.dirty, own.epoch_day) = (true, Some(day));
                own.epochs += 1;
            }
        }
        let due = self.own.iter().filter(|(_, own)| own.epochs >= EPOCHS_A_SNAPSHOT);
        for id in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.snapshot(id)?;
        }
        Ok(())
    }

    fn snapshot(&mut self, id: u32) -> Result<(), RunError> {
        let Some((_, key_id)) = self.parts.kept else { return Ok(()) };
        let Some(own) = self.own.get_mut(&id).filter(|own| own.dirty) else { return Ok(()) };
        let epoch = own.shard.detector().epoch().number;
        let saved = Saved { segments: own.segments.clone() };
        let before = postcard::to_stdvec(&saved).unwrap_or_default();
        let header = Header {
            payload_version: PAYLOAD_VERSION,
            key_id,
            config_hash: [0; 32],
            epoch,
            position: own.position,
        };
        let payload = own.shard.snapshot_after(before);
        (own.dirty, own.since, own.unseen) = (false, Stopwatch::start(), true);
        own.epochs = 0;
        own.snapshot_at = Some(now_ms());
        self.send(Work::Snapshot { shard: id, header, payload })
    }

    fn claim(&mut self, shards: &[u32]) -> Result<Vec<(u32, Option<Position>)>, RunError> {
        let mut begins = Vec::new();
        for id in shards {
            if !self.own.contains_key(id) {
                let Some(clerk) = &mut self.parts.clerk else {
                    return Err(RunError::Clerk(format!("nobody can open shard {id}")));
                };
                let opened = clerk.open(*id)?;
                let known = opened.restored.is_some();
                let (own, reached) = Own::of(opened);
                self.send(Work::Opened { shard: *id, reached })?;
                let position = own.position;
                tracing::info!(shard = id, position, resumed = known, "reading this shard");
                self.own.insert(*id, own);
                begins.push((*id, known.then_some(position)));
            } else if let Some(own) = self.own.get(id) {
                begins.push((*id, Some(own.position)));
            }
        }
        self.hold_back();
        Ok(begins)
    }

    fn release(
        &mut self,
        shards: &[u32],
        lost: bool,
        answer: SyncSender<()>,
    ) -> Result<(), RunError> {
        for id in shards {
            if !lost {
                self.snapshot(*id)?;
            }
            self.own.remove(id);
            self.parts.hand.forget(*id);
            if let Some(view) = &self.parts.view {
                view.shards.remove(&(self.parts.name.clone(), *id));
            }
            tracing::info!(shard = id, lost, "this shard is read by another instance now");
        }
        self.hold_back();
        self.send(Work::Done(answer))
    }

    /// Tells the source of which shards enough waits to be decided.
    fn hold_back(&self) {
        let full = self.own.iter().filter(|(_, own)| own.is_full());
        self.parts.hand.hold_back(full.map(|(id, _)| *id).collect());
    }

    /// Lets others see how a shard stands.
    fn show(&mut self, id: u32) {
        let Some(view) = &self.parts.view else { return };
        let Some(own) = self.own.get_mut(&id).filter(|own| own.unseen || self.ended) else {
            return;
        };
        own.unseen = false;
        let detector = own.shard.detector();
        let watermark = detector.watermark();
        let state = ShardState {
            position: own.position,
            lag_records: own.lag,
            last_arrival_at: own.arrived,
            last_event_at: (watermark > TimestampMs::MIN).then_some(watermark),
            unreachable: self.unreachable.clone(),
            snapshot_at: own.snapshot_at,
            ended: self.ended,
            tally: own.shard.tally().clone(),
            counters: detector.counters(),
            accounts: detector.accounts() as u64,
            accounts_max: detector.accounts_max() as u64,
            epoch: detector.epoch().number,
            model: Some(detector.model()),
        };
        view.shards.insert((self.parts.name.clone(), id), state);
    }
}
