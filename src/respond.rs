//! 6. What the world is told. Revisions leave through a durable outbox, each once a sink as far as
//!    a network allows; nothing here decides an alert, and a replay never gets here.
//!
//! A sink is a [`hook::Hook`] (signed POST), the [`ndjson::AlertsFile`], or a [`topic::Topic`] of
//! Kafka. The [`Deliverer`] carries rows of the [`outbox::Outbox`] to them, at least once: a crash
//! between the answer and its record repeats the message with the same (id, revision), by which
//! receivers drop repeats.

pub mod body;
mod deliver;
pub mod hook;
pub mod ndjson;
pub mod outbox;
pub mod schedule;
pub mod sign;
pub mod topic;

pub use deliver::{Deliverer, Sink};
