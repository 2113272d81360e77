//! 7. What a running vigie knows about itself, for the console, the API, the metrics and the blind
//!    alerts. The pipeline writes [`View`]; everybody else reads. Nothing here decides an alert.

pub mod blind;
pub mod metrics;
pub mod promise;
pub mod view;
pub mod watcher;

pub use metrics::Metrics;
pub use view::{AccountCard, ShardState, ThresholdCard, View};
pub use watcher::{Note, Watcher};
