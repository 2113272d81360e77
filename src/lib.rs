//! vigie watches access logs of systems that hold personal records and alerts when an account
//! reads far more people than it normally does. The map of the house is `src/ARCHITECTURE.md`.
//!
//! The modules in reading order, which is the order in which a record travels.

pub mod event;

pub mod alert;

pub mod ingest;

pub mod decode;

pub mod directory;

pub mod detect;

pub mod triage;

pub mod store;

pub mod pipeline;

pub mod simulate;

pub mod commands;

pub mod config;

pub mod telemetry;

pub mod clock;
