//! 1–5 put together.
//!
//! ```text
//!   reader thread          deciding thread                    writer thread
//!   Source::next ──lines──▶ Shard::batch (pure) ──outputs──▶ store, snapshot, terminal
//!        ▲                     │
//!        └──── empty arenas ───┘
//! ```
//!
//! [`shard::Shard`] holds all control flow and touches nothing; [`run`] holds the threads and
//! decides nothing.

pub mod cases;
mod decide;
pub mod exchange;
mod hand;
mod look;
mod own;
pub mod run;
pub mod shard;
pub mod tally;
mod write;
