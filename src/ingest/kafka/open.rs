//! The first contact: brokers that answer and a topic that is there, or an error that says which.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaRespErr;

use super::context::Context;
use super::error::KafkaError;
use super::settings::KafkaOptions;
use crate::clock::Stopwatch;
use crate::ingest::follow::wait;

/// How long a start waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one question may take: a stop is heard in between.
const QUESTION: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(100);

/// How many partitions the topic has; `None` when told to stop before that was known.
pub(super) fn partitions(
    consumer: &BaseConsumer<Context>,
    options: &KafkaOptions,
) -> Result<Option<u32>, KafkaError> {
    let since = Stopwatch::start();
    let mut reason = String::new();
    while since.elapsed() < PATIENCE {
        match consumer.fetch_metadata(Some(&options.topic), QUESTION) {
            Ok(metadata) => {
                if let Some(count) = count(&metadata, options)? {
                    return Ok(Some(count));
                }
                "its topic has no leader yet".clone_into(&mut reason);
            }
            Err(error) => why(consumer, options, &error, &mut reason)?,
        }
        if !wait(PAUSE, &options.stop) {
            return Ok(None);
        }
    }
    let brokers = options.connection.brokers.clone();
    Err(KafkaError::Unreachable { brokers, seconds: PATIENCE.as_secs(), reason })
}

/// Partitions of the topic; `None` when the answer is not ready.
fn count(metadata: &Metadata, options: &KafkaOptions) -> Result<Option<u32>, KafkaError> {
    let topic = options.topic.clone();
    let brokers = options.connection.brokers.clone();
    let Some(found) = metadata.topics().iter().find(|t| t.name() == options.topic) else {
        return Err(KafkaError::NoTopic { topic, brokers });
    };
    match found.error() {
        None if found.partitions().is_empty() => Err(KafkaError::NoTopic { topic, brokers }),
        None => Ok(Some(found.partitions().len() as u32)),
        Some(
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
            | RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
        ) => Err(KafkaError::NoTopic { topic, brokers }),
        Some(error @ RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) => {
            let reason = RDKafkaErrorCode::from(error).to_string();
            Err(KafkaError::Denied { topic, brokers, reason })
        }
        Some(_) => Ok(None),
    }
}

/// Finds the reason behind a question that was not answered. A refused login is final.
fn why(
    consumer: &BaseConsumer<Context>,
    options: &KafkaOptions,
    error: &ClientError,
    reason: &mut String,
) -> Result<(), KafkaError> {
    if reason.is_empty() {
        *reason = error.rdkafka_error_code().map_or(error.to_string(), |code| code.to_string());
    }
    // The library tells reasons only to those who poll, one a poll and among other things.
    for _ in 0..100 {
        consumer.poll(Duration::ZERO);
    }
    let troubles = consumer.context().take().map(|news| news.troubles).unwrap_or_default();
    for (code, said) in troubles {
        match code {
            Some(RDKafkaErrorCode::Authentication) => {
                let brokers = options.connection.brokers.clone();
                return Err(KafkaError::Login { brokers, reason: said });
            }
            Some(RDKafkaErrorCode::AllBrokersDown) => {}
            _ => *reason = said,
        }
    }
    Ok(())
}

/// Whether a stop was asked for.
pub(super) fn stopped(stop: &AtomicBool) -> bool {
    stop.load(std::sync::atomic::Ordering::Relaxed)
}
