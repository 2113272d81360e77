//! Every test of the house, in reading order.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod support;

mod tidy;

mod property;

mod replay;

mod crash;

mod service;

mod evidence;

mod evaluate;
mod kafka;
mod console;

mod browser;

mod fuzz;

mod deploy;
mod respond;
