//! What leaves vigie: against a receiver that verifies with a library which is not ours.

mod caps;
mod delivery;
mod hook;
pub(crate) mod peer;
mod survival;
