//! Every test of the house, in reading order.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod fuzz;
mod property;
mod tidy;
