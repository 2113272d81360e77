//! Who acts, from where, and the writing down of what they do.

use super::output::{Persons, SimEvent, query, resource};
use super::persons::PersonNumber;
use super::roles::class;
use crate::event::{Action, Outcome, TimestampMs};

/// The unchanging part of a stretch of events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor {
    pub(super) account: u32,
    pub(super) label: u16,
    pub(super) ip: u32,
    pub(super) device: u32,
    pub(super) session: u32,
    pub(super) agent: u8,
}

/// Collects events; numbers them so that equal times keep their order.
pub(super) struct Emit<'a> {
    pub(super) actor: Actor,
    out: &'a mut Vec<SimEvent>,
    seq: u32,
}

impl<'a> Emit<'a> {
    /// `origin` keeps the numbers of several generators of one account apart.
    pub(super) fn new(actor: Actor, origin: u32, out: &'a mut Vec<SimEvent>) -> Emit<'a> {
        Emit { actor, out, seq: origin << 22 }
    }

    /// One event; the caller fills in the rest.
    pub(super) fn push(&mut self, time: TimestampMs, action: Action) -> &mut SimEvent {
        let actor = self.actor;
        let at = self.out.len();
        self.out.push(SimEvent {
            time,
            account: actor.account,
            label: actor.label,
            action,
            outcome: Outcome::Success,
            persons: Persons::Unknown,
            record_count: 0,
            data: 0,
            ip: actor.ip,
            seq: self.seq,
            device: actor.device,
            session: actor.session,
            query: 0,
            resource: 0,
            agent: actor.agent,
        });
        self.seq = self.seq.wrapping_add(1);
        &mut self.out[at]
    }

    /// One person's file, opened or changed.
    pub(super) fn open(
        &mut self,
        time: TimestampMs,
        action: Action,
        person: PersonNumber,
        data: u32,
    ) -> &mut SimEvent {
        let event = self.push(time, action);
        event.persons = Persons::One([person]);
        event.data = data;
        event.resource = resource::FILE;
        event
    }

    /// The lines of a result; none is a miss.
    pub(super) fn lines(
        &mut self,
        time: TimestampMs,
        action: Action,
        persons: &[PersonNumber],
        template: u8,
    ) -> &mut SimEvent {
        let event = self.push(time, action);
        event.persons = Persons::Many(persons.into());
        event.query = template;
        event.data = if persons.is_empty() { 0 } else { class::LINE };
        event.resource =
            if template == query::CASELOAD { resource::CASELOAD } else { resource::SEARCH };
        event
    }
}
