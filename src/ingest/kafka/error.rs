//! Why Kafka cannot be read, and what to do about it. No message holds a secret.

use std::io;

use crate::event::Position;

/// Why a Kafka topic cannot be read, or not be read on.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// A setting of `[kafka]` is wrong.
    #[error("kafka.{key}: {problem}")]
    Setting {
        /// Its key.
        key: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The password cannot be read.
    #[error("kafka.password_file: cannot read {path}: {error}")]
    Password {
        /// Path as given.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The client library refuses its settings.
    #[error("the Kafka client cannot be made: {0}")]
    Client(String),
    /// No broker answered at start.
    #[error(
        "no Kafka broker of {brokers} answered within {seconds} s: {reason}; check kafka.brokers, \
         kafka.security and the network"
    )]
    Unreachable {
        /// As configured.
        brokers: String,
        /// How long it was tried.
        seconds: u64,
        /// The last thing the client library said.
        reason: String,
    },
    /// The brokers refuse the login.
    #[error(
        "Kafka at {brokers} refuses the login: {reason}; check kafka.security, \
         kafka.sasl_mechanism, kafka.username and kafka.password_file"
    )]
    Login {
        /// As configured.
        brokers: String,
        /// What the broker said.
        reason: String,
    },
    /// The topic is not there.
    #[error(
        "there is no topic {topic} at {brokers}; create it: kafka-topics.sh --create --topic \
         {topic} --partitions 12 --bootstrap-server {brokers}"
    )]
    NoTopic {
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
    },
    /// The account may not read the topic.
    #[error("Kafka at {brokers} does not let us read topic {topic}: {reason}; grant Read on it")]
    Denied {
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
        /// What the broker said.
        reason: String,
    },
    /// A partition ends before the position its state has reached.
    #[error(
        "partition {shard} of {topic} ends at {end}, but its state has read up to {position}: the \
         topic was created anew or has lost records; use another state folder and another group"
    )]
    Ahead {
        /// As configured.
        topic: String,
        /// Partition.
        shard: u32,
        /// Where the state stands.
        position: Position,
        /// Where the partition ends.
        end: Position,
    },
    /// Another process has our place in the group.
    #[error(
        "another process reads as group_instance_id {id} of the same group; give every instance \
         an id of its own"
    )]
    Fenced {
        /// As configured.
        id: String,
    },
    /// The client library gave up for another reason.
    #[error("the Kafka client gave up: {0}; start again")]
    Fatal(String),
}
