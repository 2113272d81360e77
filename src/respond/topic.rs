//! Alerts on a Kafka topic: key = alert id, value = the alert contract's JSON, every revision in
//! order. On a compacted topic the newest revision of every alert stays.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::outbox::{Outcome, Owed};
use crate::alert::Severity;
use crate::store::sqlite::SinkRule;

/// How long librdkafka tries by itself before it says that a message failed.
const MESSAGE_TIMEOUT_MS: &str = "30000";

/// A topic of alerts.
pub struct Topic {
    config: ClientConfig,
    topic: String,
    producer: FutureProducer,
}

impl std::fmt::Debug for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The configuration holds passwords.
        f.debug_struct("Topic").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Topic {
    /// The sink's name.
    pub const NAME: &'static str = "alerts-topic";

    /// A topic reached by this configuration (brokers, TLS, SASL); what makes delivery safe is set
    /// here.
    ///
    /// # Errors
    /// librdkafka refuses the configuration.
    pub fn new(mut config: ClientConfig, topic: &str) -> Result<Topic, String> {
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "zstd")
            .set("message.timeout.ms", MESSAGE_TIMEOUT_MS);
        let producer = config.create().map_err(|e| e.to_string())?;
        Ok(Topic { config, topic: topic.into(), producer })
    }

    /// What it wants to be told.
    #[must_use]
    pub fn rule() -> SinkRule {
        SinkRule {
            name: Topic::NAME.into(),
            severity_min: Severity::Info,
            historical: false,
            notes: false,
        }
    }

    /// The topic's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.topic
    }

    /// Sends these together and waits for the brokers' word on each.
    pub async fn send(&self, rows: &[Owed]) -> Vec<Outcome> {
        let queued: Vec<_> = rows
            .iter()
            .map(|row| {
                let record = FutureRecord::to(&self.topic).key(&row.id).payload(&row.body);
                self.producer.send_result(record).map_err(|(error, _)| error)
            })
            .collect();
        let mut outcomes = Vec::with_capacity(rows.len());
        for delivery in queued {
            let answer = match delivery {
                Err(error) => Err(error),
                Ok(delivery) => match delivery.await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err((error, _))) => Err(error),
                    Err(_) => Err(KafkaError::Canceled),
                },
            };
            outcomes.push(answer.map_or_else(|error| meaning(&error), |()| Outcome::Delivered));
        }
        outcomes
    }

    /// A producer that has failed for good is made anew.
    ///
    /// # Errors
    /// librdkafka refuses.
    pub fn mend(&mut self) -> Result<(), String> {
        if self.producer.client().fatal_error().is_some() {
            self.producer = self.config.create().map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Waits a little for what is on its way.
    pub fn flush(&self, patience: Duration) {
        // What is not confirmed is still owed.
        let _ = self.producer.flush(patience);
    }
}

/// Only what is wrong with the message itself is given up; a broker may come back.
fn meaning(error: &KafkaError) -> Outcome {
    let text = error.to_string();
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
            Outcome::Impossible { error: text }
        }
        _ => Outcome::Failed { error: text, retry_after: None },
    }
}
