//! Accounts and encryption.

use vigie::ingest::kafka::{KafkaSource, Mechanism, Security};

use super::member::Group;
use super::reading::fill;
use crate::support::kafka::{PASSWORD, fresh, shared};

/// A group that logs in with a password.
fn with_login(topic: &str, password: &str) -> (Group, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, format!("{password}\n")).unwrap();
    let mut group = Group::new(shared(), topic);
    let connection = &mut group.options.connection;
    connection.brokers = shared().sasl();
    connection.security = Security::SaslPlaintext;
    connection.username = "vigie".to_owned();
    connection.password_file = password_file;
    (group, folder)
}

fn reads(group: &Group) {
    let topic = &group.options.topic;
    shared().create_topic(topic, 1);
    fill(shared(), topic, 1, 0, 10);
    let member = group.join("a");
    group.wait_records(10);
    member.leave();
    group.assert_whole(&[(0, 10)]);
}

#[test]
fn a_password_opens_the_topic() {
    let (group, _folder) = with_login(&fresh("plain"), PASSWORD);
    reads(&group);
}

#[test]
fn a_wrong_password_is_refused_and_not_repeated() {
    let (group, _folder) = with_login("any", "hunter2");
    let error = KafkaSource::open(group.options).err().unwrap().to_string();
    let wanted = format!("Kafka at {} refuses the login: ", shared().sasl());
    assert!(error.starts_with(&wanted), "{error}");
    assert!(error.contains("check kafka.security") && !error.contains("hunter2"), "{error}");
}

#[test]
#[cfg(not(feature = "kafka-tls"))]
fn what_needs_another_build_says_so() {
    let (mut group, _folder) = with_login("any", PASSWORD);
    group.options.connection.mechanism = Mechanism::ScramSha512;
    let error = KafkaSource::open(group.options.clone()).err().unwrap().to_string();
    assert_eq!(
        error,
        "kafka.sasl_mechanism: \"SCRAM-SHA-512\" needs a vigie that was built with TLS: cargo build \
         --release --features kafka-tls"
    );
    group.options.connection.mechanism = Mechanism::Plain;
    group.options.connection.security = Security::SaslTls;
    let error = KafkaSource::open(group.options).err().unwrap().to_string();
    assert!(error.starts_with("kafka.security: \"sasl_tls\" needs a vigie"), "{error}");
}

/// `cargo test --release --features kafka-tls kafka::login`
#[test]
#[cfg(feature = "kafka-tls")]
fn scram_and_tls_open_the_topic() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let (mut group, _folder) = with_login(&fresh("scram"), PASSWORD);
        group.options.connection.mechanism = mechanism;
        reads(&group);
    }
    let (mut group, _folder) = with_login(&fresh("tls"), PASSWORD);
    let connection = &mut group.options.connection;
    connection.brokers = shared().tls();
    connection.mechanism = Mechanism::ScramSha512;
    connection.security = Security::SaslTls;
    // The system's authorities do not know this broker.
    let error = KafkaSource::open(group.options.clone()).err().unwrap().to_string();
    assert!(error.contains("certificate verify failed"), "{error}");
    group.options.connection.ca_file = shared().ca();
    reads(&group);
}
