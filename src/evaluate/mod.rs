//! What measuring detection needs besides a detector: statistics of few numbers, the detectors it
//! is compared with, and attacks to lay over real histories. Pure: the commands feed it.

pub mod bench;
pub mod comparators;
pub mod injections;
pub mod stats;
