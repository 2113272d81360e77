//! vigie watches access logs of systems that hold personal records and alerts when an account
//! reads far more people than it normally does. The modules stand in reading order, which is the
//! order in which a record travels; here is the map of the house.
//!
#![doc = include_str!("ARCHITECTURE.md")]

pub mod event;

pub mod alert;

pub mod ingest;

pub mod decode;

pub mod directory;

pub mod detect;

pub mod triage;

pub mod store;

pub mod pipeline;

pub mod respond;

pub mod watch;

pub mod console;

pub mod simulate;

pub mod evaluate;

pub mod commands;

pub mod config;

pub mod telemetry;

pub mod clock;
