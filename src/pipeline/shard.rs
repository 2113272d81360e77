//! Decode → detect → triage for one shard: all control flow, nothing that touches the world.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::alert::Alert;
use crate::decode::{DecodeError, Decoded, Decoder, Scratch, redacted_skeleton};
use crate::detect::ahead::{AHEAD, Ahead};
use crate::detect::builder::Builder;
use crate::detect::partial::Partial;
use crate::detect::promise::Promise;
use crate::detect::report::{AccountDay, Cause, Finding, Report};
use crate::detect::snapshot::{self, PAYLOAD_VERSION, SnapshotError};
use crate::detect::time::Day;
use crate::detect::{Control, Detector};
use crate::event::{AccessEvent, Position, TimestampMs};
use crate::ingest::{Batch, Line, Notice};
use crate::triage::{Triage, terminal_line};

/// What a shard wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A revision to store and to tell.
    Alert {
        /// The revision.
        alert: Box<Alert>,
        /// It as one line for a terminal.
        line: String,
        /// Why it is emitted.
        cause: Cause,
        /// The record that caused it.
        position: Position,
    },
    /// A line that is no event.
    Quarantine {
        /// Where it stands.
        position: Position,
        /// Its length in bytes.
        length: u64,
        /// A short code.
        reason: &'static str,
        /// Keys and types, no values.
        skeleton: String,
    },
    /// A local day ended on a shard that is one of several: what it learned, for the epoch that
    /// all of them will share.
    DayEnded(Box<Partial>),
    /// An account began a day, for people who look at it.
    AccountDay(Box<AccountDay>),
    /// A local day ended: what the budget allowed on it, for people who hold it against what came.
    Promise(Box<Promise>),
}

/// One shard and everything that decides for it.
#[derive(Debug)]
pub struct Shard {
    decoder: Arc<Decoder>,
    /// Of the lines that are decoded ahead of their turn.
    scratches: Vec<Scratch>,
    detector: Detector,
    builder: Builder,
    /// One of several: epochs are built elsewhere and come as control records.
    shares_epochs: bool,
    tells_days: bool,
    triage: Triage,
    tally: Tally,
    findings: Vec<Finding>,
    /// Control records that wait for their position, with the number they were stored under.
    controls: VecDeque<(Position, i64, Control)>,
    applied: i64,
}

/// The shard's own part of a snapshot, behind what epochs are built from; the detector's follows.
#[derive(Serialize, Deserialize)]
struct State {
    tally: Tally,
    applied: i64,
}

impl Shard {
    /// A shard that has seen nothing.
    #[must_use]
    pub fn new(decoder: Decoder, detector: Detector, triage: Triage) -> Self {
        Shard {
            decoder: Arc::new(decoder),
            scratches: Vec::new(),
            detector,
            builder: Builder::default(),
            shares_epochs: false,
            tells_days: false,
            triage,
            tally: Tally::default(),
            findings: Vec::new(),
            controls: VecDeque::new(),
            applied: 0,
        }
    }

    /// Makes it one of several shards that learn from one another: what it learned leaves as
    /// [`Output::DayEnded`], and epochs come back as control records.
    pub fn share_epochs(&mut self) {
        self.shares_epochs = true;
    }

    /// Says what each account's day was, as [`Output::AccountDay`], and what was allowed on each day,
    /// as [`Output::Promise`]; changes no alert.
    pub fn tell_days(&mut self) {
        self.tells_days = true;
        self.detector.tell_days();
    }

    /// Goes on from a snapshot's payload.
    ///
    /// # Errors
    /// The payload is of a newer version, or damaged.
    pub fn restore(&mut self, version: u16, payload: &[u8]) -> Result<(), SnapshotError> {
        let (builder, rest) = snapshot::builder(version, payload)?;
        let (state, detector): (State, _) = postcard::take_from_bytes(rest)
            .map_err(|_| SnapshotError::Damaged("the shard's part does not parse"))?;
        self.detector = Detector::restore(version, detector)?;
        if self.tells_days {
            self.detector.tell_days();
        }
        self.builder = builder;
        self.tally = state.tally;
        self.applied = state.applied;
        self.triage.rules_version.clone_from(&self.detector.rules().version);
        Ok(())
    }

    /// Version and payload of a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> (u16, Vec<u8>) {
        (PAYLOAD_VERSION, self.snapshot_after(Vec::new()))
    }

    /// The payload of a snapshot, after other bytes.
    pub(super) fn snapshot_after(&self, before: Vec<u8>) -> Vec<u8> {
        let state = State { tally: self.tally.clone(), applied: self.applied };
        // Plain data in memory cannot fail to be written to memory.
        let own = postcard::to_extend(&(&self.builder, state), before).unwrap_or_default();
        self.detector.snapshot_after(own)
    }

    /// What it did so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The core's state, to look at.
    #[must_use]
    pub fn detector(&self) -> &Detector {
        &self.detector
    }

    /// Applies a control record before the record at `position`; `seq` is the number it is stored
    /// under, and one that the snapshot has seen already is passed over.
    pub fn schedule(&mut self, position: Position, seq: i64, control: Control) {
        if seq > self.applied {
            self.controls.push_back((position, seq, control));
        }
    }

    /// Applies what is scheduled up to a position, before the record there is read: a verdict does
    /// not wait for a quiet source.
    pub fn apply_due(&mut self, position: Position, out: &mut Vec<Output>) {
        self.apply_controls(position, out);
    }

    /// Decides one batch of lines.
    pub fn batch(&mut self, batch: &Batch, out: &mut Vec<Output>) {
        self.batch_until(batch, 0, TimestampMs::MAX, out);
    }

    /// Decides the lines of a batch from one on, until the watermark has reached a limit. Returns
    /// the number of the next line.
    pub fn batch_until(
        &mut self,
        batch: &Batch,
        from: usize,
        limit: TimestampMs,
        out: &mut Vec<Output>,
    ) -> usize {
        let decoder = Arc::clone(&self.decoder);
        let mut scratches = std::mem::take(&mut self.scratches);
        scratches.resize_with(AHEAD, Scratch::default);
        let mut next = from.min(batch.lines.len());
        for lines in batch.lines[next..].chunks(AHEAD) {
            let texts = lines.iter().map(|line| batch.text(*line)).zip(&mut scratches);
            let read: Vec<_> =
                texts.map(|(text, scratch)| decoder.decode_with(scratch, text)).collect();
            next += self.lines(batch, lines, &read, limit, out);
            if self.detector.watermark() >= limit {
                break;
            }
        }
        self.scratches = scratches;
        next
    }

    /// Decides lines that are decoded, until the watermark has reached a limit. Returns how many.
    fn lines(
        &mut self,
        batch: &Batch,
        lines: &[Line],
        read: &[Result<Decoded<'_>, DecodeError>],
        limit: TimestampMs,
        out: &mut Vec<Output>,
    ) -> usize {
        let events = read.iter().filter_map(|read| Some(&read.as_ref().ok()?.event));
        let events: Vec<_> = events.map(|event| (event, self.detector.ahead(event))).collect();
        self.detector.fetch(&events);
        let mut aheads = events.iter().map(|(_, ahead)| *ahead);
        for (number, (line, read)) in lines.iter().zip(read).enumerate() {
            self.apply_controls(line.position, out);
            let ahead = read.as_ref().ok().and_then(|_| aheads.next());
            self.line(read, ahead, batch.text(*line), line.position, out);
            if self.detector.watermark() >= limit {
                return number + 1;
            }
        }
        lines.len()
    }

    /// Day of the newest epoch that it has, or that waits for its position.
    #[must_use]
    pub fn newest_epoch(&self) -> Option<Day> {
        let waiting = self.controls.iter().filter_map(|(_, _, control)| match control {
            Control::Epoch(epoch) => Some(epoch.day),
            _ => None,
        });
        waiting.chain(self.detector.newest_epoch()).max()
    }

    /// An event that needs no decoding: the generator's.
    pub fn event(&mut self, event: &AccessEvent<'_>, position: Position, out: &mut Vec<Output>) {
        self.apply_controls(position, out);
        self.tally.lines += 1;
        self.tally.event(event);
        self.detector.event(event, position, &mut self.findings);
        self.tell(position, out);
    }

    /// Decides a line that was decoded elsewhere: shards that read the same log side by side decode
    /// it once.
    pub fn decoded(
        &mut self,
        read: &Result<Decoded<'_>, DecodeError>,
        text: &[u8],
        position: Position,
        out: &mut Vec<Output>,
    ) {
        self.apply_controls(position, out);
        self.line(read, None, text, position, out);
    }

    /// Counts what the source had to leave out.
    pub fn notice(&mut self, notice: &Notice, out: &mut Vec<Output>) {
        if let Notice::Gap { .. } | Notice::Unread { .. } | Notice::Damaged { .. } = notice {
            self.tally.hole();
        }
        if let Notice::Oversized { position, length, .. } = notice {
            let error = DecodeError::Oversized { bytes: *length as usize };
            self.tally.lines += 1;
            self.tally.quarantine(&error, "");
            out.push(Output::Quarantine {
                position: *position,
                length: *length,
                reason: error.reason(),
                skeleton: String::new(),
            });
        }
    }

    fn line(
        &mut self,
        read: &Result<Decoded<'_>, DecodeError>,
        ahead: Option<Ahead>,
        text: &[u8],
        position: Position,
        out: &mut Vec<Output>,
    ) {
        self.tally.lines += 1;
        match read {
            Ok(Decoded { event, repairs }) => {
                self.tally.repair(*repairs);
                self.tally.event(event);
                let ahead = ahead.unwrap_or_else(|| self.detector.ahead(event));
                self.detector.event_after(ahead, event, position, &mut self.findings);
            }
            Err(error) => self.refuse(error, text, position, out),
        }
        if !self.findings.is_empty() {
            self.tell(position, out);
        }
    }

    fn refuse(
        &mut self,
        error: &DecodeError,
        text: &[u8],
        position: Position,
        out: &mut Vec<Output>,
    ) {
        let skeleton = redacted_skeleton(text);
        self.tally.quarantine(error, &skeleton);
        let (length, reason) = (text.len() as u64, error.reason());
        out.push(Output::Quarantine { position, length, reason, skeleton });
    }

    fn apply_controls(&mut self, position: Position, out: &mut Vec<Output>) {
        while self.controls.front().is_some_and(|(at, ..)| *at <= position) {
            let Some((_, seq, control)) = self.controls.pop_front() else { return };
            self.applied = self.applied.max(seq);
            self.detector.control(control, &mut self.findings);
            self.triage.rules_version.clone_from(&self.detector.rules().version);
            self.tell(position, out);
        }
    }

    fn tell(&mut self, position: Position, out: &mut Vec<Output>) {
        for finding in std::mem::take(&mut self.findings) {
            if let (true, Finding::DayEnded(partial)) = (self.tells_days, &finding) {
                out.push(Output::Promise(Box::new(self.detector.promise(partial))));
            }
            match finding {
                Finding::Episode(report) => self.revision(&report, position, out),
                Finding::DayEnded(partial) if self.shares_epochs => {
                    out.push(Output::DayEnded(partial));
                }
                Finding::DayEnded(partial) => self.end_day(*partial),
                Finding::AccountDay(day) => out.push(Output::AccountDay(day)),
            }
        }
    }

    fn revision(&mut self, report: &Report, position: Position, out: &mut Vec<Output>) {
        let alert = self.triage.alert(report);
        let warm = self.detector.is_warm(report.opened);
        self.tally.revision(&alert, warm);
        let line = terminal_line(report, self.triage.language);
        out.push(Output::Alert { alert: Box::new(alert), line, cause: report.cause, position });
    }

    /// One shard is a deployment of its own: its partial is the whole.
    fn end_day(&mut self, partial: Partial) {
        let rules = self.detector.rules();
        let epoch = self.builder.build(partial, rules, self.detector.budget());
        self.detector.control(Control::Epoch(Arc::new(epoch)), &mut self.findings);
    }
}
