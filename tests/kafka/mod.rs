//! The Kafka source against a real broker.

mod failures;
mod login;
mod member;
mod program;
mod reading;
mod sharing;
