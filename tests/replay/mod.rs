//! Golden cases: a directory holds the input (or the options of a simulated world), the alerts
//! that must come of it, and why. However the log reaches the engine, the same bytes come out.

mod case;
mod diff;
mod faults;
mod stopped;
mod ways;
