//! vigie: see `src/ARCHITECTURE.md`.

pub mod event;
pub mod alert;
pub mod ingest;
pub mod simulate;
