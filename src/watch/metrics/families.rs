//! Every metric, once: name, labels, meaning.

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, Result,
};

use crate::watch::blind::KINDS;

/// Severities by their rank.
pub(super) const SEVERITIES: [&str; 5] = ["info", "low", "medium", "high", "critical"];
/// States in which an alert waits for somebody.
const WAITING: [&str; 3] = ["new", "in_progress", "on_hold"];

/// A kind of metric, made from its description.
trait Family: Collector + Clone + 'static {
    fn make(name: &str, help: &str, labels: &[&str]) -> Result<Self>;
}

macro_rules! family {
    ($($type:ident)*) => {
        $(impl Family for $type {
            fn make(name: &str, help: &str, labels: &[&str]) -> Result<Self> {
                $type::new(Opts::new(name, help), labels)
            }
        })*
    };
}
family!(IntCounterVec GaugeVec IntGaugeVec);

impl Family for HistogramVec {
    fn make(name: &str, help: &str, labels: &[&str]) -> Result<Self> {
        let options = HistogramOpts::new(name, help).buckets(buckets(name));
        HistogramVec::new(options, labels)
    }
}

impl Family for IntCounter {
    fn make(name: &str, help: &str, _: &[&str]) -> Result<Self> {
        IntCounter::new(name, help)
    }
}

impl Family for Gauge {
    fn make(name: &str, help: &str, _: &[&str]) -> Result<Self> {
        Gauge::new(name, help)
    }
}

impl Family for IntGauge {
    fn make(name: &str, help: &str, _: &[&str]) -> Result<Self> {
        IntGauge::new(name, help)
    }
}

/// In seconds: a second to a day for events, a minute to a working day for the engine, a minute to
/// three days for people.
fn buckets(name: &str) -> Vec<f64> {
    match name {
        "vigie_ingest_lag_seconds" => {
            vec![0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0]
        }
        "vigie_time_to_detect_seconds" => {
            vec![60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 86_400.0]
        }
        _ => vec![60.0, 300.0, 900.0, 3_600.0, 14_400.0, 28_800.0, 86_400.0, 259_200.0],
    }
}

macro_rules! families {
    ($($field:ident: $type:ident = $name:literal [$($label:literal)*] $help:literal;)*) => {
        /// Names of all metrics.
        pub(super) const NAMES: &[&str] = &[$($name),*];

        /// The metrics themselves; what each means stands in its help text.
        pub(super) struct Families {
            pub(super) registry: Registry,
            $(pub(super) $field: $type),*
        }

        impl Families {
            fn registered() -> Result<Families> {
                let registry = Registry::new();
                $(let $field = <$type as Family>::make($name, $help, &[$($label),*])?;
                registry.register(Box::new($field.clone()))?;)*
                Ok(Families { registry, $($field),* })
            }
        }
    };
}

families! {
    ingested: IntCounterVec = "vigie_events_ingested_total" ["source" "outcome"]
        "Log lines since the start of this process: accepted as events, or quarantined.";
    quarantined: IntCounterVec = "vigie_lines_quarantined_total" ["source" "reason"]
        "Log lines that are no event, by reason.";
    named: IntCounterVec = "vigie_events_by_persons_total" ["source" "touch" "named"]
        "Successful events that return records, listed or opened; named says whether they name a person.";
    late: IntCounterVec = "vigie_events_late_total" ["source"]
        "Events of a day that their account had already closed: not judged.";
    evicted: IntCounterVec = "vigie_accounts_evicted_total" ["source"]
        "Accounts forgotten for want of room: their baseline is lost.";
    fallbacks: IntCounterVec = "vigie_clock_fallbacks_total" ["source"]
        "Account clocks set back after three events far behind.";
    holes: IntCounterVec = "vigie_source_gaps_total" ["source"]
        "Stretches of input that were never read and will not be.";
    ingest_lag: HistogramVec = "vigie_ingest_lag_seconds" ["source"]
        "From an event to its arrival, sampled when metrics are refreshed and something arrived.";
    shards: GaugeVec = "vigie_source_shards" ["source"]
        "Shards (Kafka partitions) of a source that this instance reads.";
    unreachable: GaugeVec = "vigie_source_unreachable" ["source"]
        "1 while the source cannot be reached.";
    last_event: GaugeVec = "vigie_source_last_event_timestamp_seconds" ["source"]
        "Time of the last event read, by the source's clock; 0 before the first.";
    last_arrival: GaugeVec = "vigie_source_last_arrival_timestamp_seconds" ["source"]
        "Wall clock of the last record decided; 0 before the first.";
    lag: GaugeVec = "vigie_source_lag_records" ["source"]
        "Records at the source that were not read yet.";
    snapshot_age: GaugeVec = "vigie_snapshot_age_seconds" ["source"]
        "Age of the oldest shard's last snapshot; 0 before the first.";
    epoch: GaugeVec = "vigie_model_epoch" ["source"]
        "Group knowledge in force; 0 is what is shipped.";
    state_used: GaugeVec = "vigie_state_accounts" ["source"]
        "Accounts and addresses in memory.";
    state_room: GaugeVec = "vigie_state_accounts_limit" ["source"]
        "Accounts and addresses that may be in memory.";
    accounts: GaugeVec = "vigie_accounts_tracked" ["partner"]
        "Accounts by partner; without partner: none, beyond 50 partners or 20,000 accounts: other.";
    learning: GaugeVec = "vigie_accounts_learning" ["partner"]
        "Accounts judged by shipped priors or by peers alone.";
    moved: IntCounter = "vigie_accounts_moved_total" []
        "Times an account's day began on another shard than the one before.";
    revisions: IntCounter = "vigie_alert_revisions_total" []
        "Alert revisions stored.";
    opened: IntCounterVec = "vigie_alerts_opened_total" ["partner" "severity"]
        "Alerts opened, by their severity at the opening.";
    signals: IntCounterVec = "vigie_signals_total" ["partner" "rule"]
        "Signals of stored alerts.";
    closed: IntCounterVec = "vigie_alerts_closed_total" ["rule" "verdict"]
        "Verdicts given, by the first rule that fired.";
    open: GaugeVec = "vigie_alerts_open" ["severity" "status"]
        "Alerts that nobody has closed.";
    oldest: GaugeVec = "vigie_alerts_open_oldest_age_seconds" ["severity" "status"]
        "Age of the oldest alert that nobody has closed; historical ones do not count, 0 is none.";
    persons_open: Gauge = "vigie_persons_exposed_open" []
        "Persons exposed by alerts that nobody has closed, added up: a person of two alerts counts twice.";
    to_detect: HistogramVec = "vigie_time_to_detect_seconds" ["severity"]
        "Event time from the first window of an alert to its opening.";
    to_ack: HistogramVec = "vigie_time_to_ack_seconds" ["severity"]
        "From the opening of an alert to the first person who took it; historical ones do not count.";
    dead: GaugeVec = "vigie_dead_letter_items" ["queue"]
        "Deliveries that were given up and wait for somebody.";
    pending: GaugeVec = "vigie_outbox_pending_items" ["queue"]
        "Deliveries that wait for a receiver.";
    oldest_pending: GaugeVec = "vigie_outbox_oldest_age_seconds" ["queue"]
        "Age of the oldest delivery that waits.";
    deliveries: IntCounterVec = "vigie_webhook_deliveries_total" ["endpoint" "outcome"]
        "Deliveries since the start of this process: delivered, or dead.";
    blind: GaugeVec = "vigie_blind" ["kind"]
        "Blind alerts that are open: what vigie cannot see.";
    budget_allowed: GaugeVec = "vigie_budget_alerts_allowed" ["by" "name"]
        "False alerts that the budget allows in the days counted, by rule, partner or role.";
    budget_raised: GaugeVec = "vigie_budget_alerts_raised" ["by" "name"]
        "Alerts of medium or more opened on the days counted, less those judged thefts.";
    budget_over: GaugeVec = "vigie_budget_over" ["by" "name"]
        "1 where more than 1.5 times as many were raised as allowed, and chance cannot explain it.";
    budget_window: Gauge = "vigie_budget_window_seconds" []
        "How long the days counted are: four weeks, once there are so many after the warm-up.";
    disk_free: Gauge = "vigie_data_disk_free_bytes" []
        "Bytes free for the data folder.";
    store_size: Gauge = "vigie_store_size_bytes" []
        "Size of the database, its log included.";
    memory: Gauge = "vigie_resident_memory_bytes" []
        "Memory of this process.";
    store_up: IntGauge = "vigie_store_up" []
        "1 when the database could be read at this look.";
    build: IntGaugeVec = "vigie_build_info" ["version"]
        "1; the version is the label.";
}

impl Families {
    /// All of them, registered; bounded series are there from the beginning, so that an alert rule
    /// never compares with nothing.
    pub(super) fn new() -> Result<Families> {
        let families = Families::registered()?;
        families.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        for severity in SEVERITIES {
            families.to_detect.with_label_values(&[severity]);
            families.to_ack.with_label_values(&[severity]);
        }
        families.reset_open();
        Ok(families)
    }

    /// Sets what is open to none.
    pub(super) fn reset_open(&self) {
        for severity in SEVERITIES {
            for state in WAITING {
                self.open.with_label_values(&[severity, state]).set(0.0);
                self.oldest.with_label_values(&[severity, state]).set(0.0);
            }
        }
        for kind in KINDS {
            self.blind.with_label_values(&[kind]).set(0.0);
        }
    }

    /// Forgets the sources that were there, for those that are.
    pub(super) fn reset_sources(&self) {
        let gauges = [
            &self.shards,
            &self.unreachable,
            &self.last_event,
            &self.last_arrival,
            &self.lag,
            &self.snapshot_age,
            &self.epoch,
            &self.state_used,
            &self.state_room,
        ];
        gauges.into_iter().for_each(GaugeVec::reset);
    }
}
