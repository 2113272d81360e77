//! What the deciding thread shows to people: log lines for notices, cards for accounts.

use crate::detect::epoch::Kind;
use crate::detect::report::AccountDay;
use crate::detect::time::Day;
use crate::event::Touch;
use crate::ingest::Notice;
use crate::triage::rfc3339;
use crate::watch::view::{AccountCard, ThresholdCard};

/// Says what happened to a source.
pub fn warn_of(notice: &Notice) {
    match notice {
        Notice::Rotated { path } => tracing::info!(path, "log rotated, reading the new file"),
        Notice::Truncated { path } => {
            tracing::warn!(
                path,
                "log became shorter than what was read; reading it from its beginning"
            );
        }
        Notice::Oversized { shard, position, length } => {
            tracing::warn!(shard, position, length, "line over 16 MiB left out and quarantined");
        }
        Notice::Damaged { path, position, reason } => {
            tracing::error!(
                path,
                position,
                reason,
                "compressed log is damaged; what follows in it is lost"
            );
        }
        Notice::Unread { path, bytes } => {
            tracing::error!(path, bytes, "bytes of this log were never read and will not be");
        }
        Notice::Gap { shard, from, to } => {
            tracing::error!(
                shard,
                from,
                to,
                "records were deleted before they were read; what they held is not known"
            );
        }
        Notice::Lag { .. } => {}
        Notice::Reachable { now: true, .. } => tracing::info!("the source can be reached again"),
        Notice::Reachable { now: false, reason } => {
            tracing::warn!(reason, "the source cannot be reached; trying on");
        }
    }
}

/// A local day as `2024-02-06`.
pub(super) fn date(day: Day) -> String {
    rfc3339(i64::from(day) * 86_400_000).chars().take(10).collect()
}

/// The card of an account that begins a day.
pub(super) fn card(shard: u32, day: &AccountDay) -> AccountCard {
    let thresholds = day.expects.iter().map(|expects| ThresholdCard {
        measure: expects.measure.spec().watch.measure(),
        touch: match expects.touch {
            Touch::Listed => "listed",
            Touch::Opened => "opened",
        },
        window: expects.measure.window(),
        expected: expects.expected,
        usual: expects.usual,
        threshold: expects.threshold,
    });
    AccountCard {
        shard,
        partner: day.partner.clone(),
        unit: day.unit.clone(),
        role: day.role.clone(),
        kind: match day.kind {
            Kind::Human => "human",
            Kind::Machine => "machine",
            Kind::Source => "source",
        },
        day: date(day.day),
        days_closed: day.days_closed,
        learning: day.learning,
        thresholds: thresholds.collect(),
    }
}
