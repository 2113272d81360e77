//! What a Kafka client is told: ours, the security, and what an operator adds.
//!
//! Secrets stay in their file until the client is made; nothing here prints one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError as ClientError;
use serde::Deserialize;

use super::error::KafkaError;
use crate::ingest::Limits;

/// How to build a vigie that speaks TLS and SCRAM.
const BUILD_WITH_TLS: &str = "cargo build --release --features kafka-tls";

/// Longest time between two calls of `next` before the group takes our partitions away: a full
/// disk or a very slow database stops the pipeline, and with it the reader, in the middle.
const MAX_POLL_INTERVAL_MS: &str = "300000";

/// Keys of the client library that correctness rests on, and where to say it instead.
const OURS: &[(&str, &str)] = &[
    ("auto.offset.reset", "a hole must be seen; see kafka.start"),
    ("bootstrap.servers", "use kafka.brokers"),
    ("enable.auto.commit", "positions are kept with the state"),
    ("enable.auto.offset.store", "positions are kept with the state"),
    ("enable.partition.eof", "it is not needed"),
    ("group.id", "use kafka.group"),
    ("group.instance.id", "use kafka.group_instance_id"),
    ("metadata.broker.list", "use kafka.brokers"),
    ("sasl.mechanism", "use kafka.sasl_mechanism"),
    ("sasl.mechanisms", "use kafka.sasl_mechanism"),
    ("sasl.password", "use kafka.password_file"),
    ("sasl.username", "use kafka.username"),
    ("security.protocol", "use kafka.security"),
    ("ssl.ca.location", "use kafka.ca_file"),
    ("ssl.certificate.location", "use kafka.cert_file"),
    ("ssl.key.location", "use kafka.key_file"),
    ("statistics.interval.ms", "lag and health are read from it"),
];

/// Where to begin a partition that has no state yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// At the oldest record there is.
    #[default]
    Earliest,
    /// At its end: only what comes from now on.
    Latest,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the configuration, each says itself")]
pub enum Security {
    #[default]
    Plaintext,
    Tls,
    SaslPlaintext,
    SaslTls,
}

impl Security {
    /// As the configuration says it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Security::Plaintext => "plaintext",
            Security::Tls => "tls",
            Security::SaslPlaintext => "sasl_plaintext",
            Security::SaslTls => "sasl_tls",
        }
    }

    fn protocol(self) -> &'static str {
        match self {
            Security::Plaintext => "plaintext",
            Security::Tls => "ssl",
            Security::SaslPlaintext => "sasl_plaintext",
            Security::SaslTls => "sasl_ssl",
        }
    }

    fn has_tls(self) -> bool {
        matches!(self, Security::Tls | Security::SaslTls)
    }

    fn has_login(self) -> bool {
        matches!(self, Security::SaslPlaintext | Security::SaslTls)
    }
}

/// How an account proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the words of the configuration, each says itself")]
pub enum Mechanism {
    #[default]
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Mechanism {
    /// As the configuration and Kafka say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Settings of the client library by its own names. Values whose key speaks of a secret are not
/// printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Extra(pub BTreeMap<String, String>);

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(key, value): (&String, &String)| {
            (key.clone(), if is_secret(key) { "…".to_owned() } else { value.clone() })
        };
        f.debug_map().entries(self.0.iter().map(shown)).finish()
    }
}

/// How to reach the brokers, for a consumer and a producer alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// `host:port`, comma separated.
    pub brokers: String,
    /// How it is protected.
    pub security: Security,
    /// How the account proves who it is.
    pub mechanism: Mechanism,
    /// The account; empty without a login.
    pub username: String,
    /// File whose content, without its line end, is the password; empty without a login.
    pub password_file: PathBuf,
    /// Authorities to trust (PEM); empty = the system's.
    pub ca_file: PathBuf,
    /// Our certificate (PEM), when the brokers ask for one.
    pub cert_file: PathBuf,
    /// Its key (PEM).
    pub key_file: PathBuf,
    /// What the operator adds.
    pub extra: Extra,
}

/// What to read and how.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// Where.
    pub connection: Connection,
    /// What.
    pub topic: String,
    /// Consumer group; its members share the partitions.
    pub group: String,
    /// Keeps this member's partitions through a short restart; empty = none.
    pub group_instance_id: String,
    /// Where partitions without state begin.
    pub start: Start,
    /// How large batches and records may become.
    pub limits: Limits,
    /// Set by another thread to end reading: within a fraction of a second, between two batches.
    pub stop: Arc<AtomicBool>,
}

impl Default for KafkaOptions {
    /// Topic `access-events`, group `vigie`, from the earliest record, no brokers.
    fn default() -> KafkaOptions {
        KafkaOptions {
            connection: Connection::default(),
            topic: "access-events".to_owned(),
            group: "vigie".to_owned(),
            group_instance_id: String::new(),
            start: Start::Earliest,
            // Batches of a thousand records already hide what a hop costs.
            limits: Limits { batch_lines: 4_096, ..Limits::default() },
            stop: Arc::default(),
        }
    }
}

impl Connection {
    /// Everything that can be said to be wrong without a broker: key of `[kafka]`, problem.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut wrong = self.login_problems();
        let security = self.security;
        let word = security.word();
        if security.has_tls() && !cfg!(feature = "kafka-tls") {
            wrong.push(("security", needs_tls(word)));
        }
        let files = [
            ("ca_file", &self.ca_file),
            ("cert_file", &self.cert_file),
            ("key_file", &self.key_file),
        ];
        for (key, path) in files {
            if !security.has_tls() && !path.as_os_str().is_empty() {
                let problem =
                    format!("is of no use with security = \"{word}\"; with tls or sasl_tls it is");
                wrong.push((key, problem));
            }
        }
        if self.cert_file.as_os_str().is_empty() != self.key_file.as_os_str().is_empty() {
            wrong.push(("cert_file", "cert_file and key_file go together".to_owned()));
        }
        for (key, instead) in OURS.iter().filter(|(key, _)| self.extra.0.contains_key(*key)) {
            wrong.push(("client", format!("{key} cannot be set here: {instead}")));
        }
        // One by one: the library stops at the first mistake.
        for (key, value) in &self.extra.0 {
            let mut alone = ClientConfig::new();
            if let Err(error) = alone.set(key, value).create_native_config() {
                wrong.push(("client", refusal(&error)));
            }
        }
        wrong
    }

    fn login_problems(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let word = self.security.word();
        let given = [
            ("username", !self.username.is_empty()),
            ("password_file", !self.password_file.as_os_str().is_empty()),
        ];
        for (key, given) in given {
            if self.security.has_login() && !given {
                wrong.push((key, format!("security = \"{word}\" needs one")));
            } else if !self.security.has_login() && given {
                let problem =
                    format!("security = \"{word}\" knows no login; sasl_plaintext and sasl_tls do");
                wrong.push((key, problem));
            }
        }
        let scram = self.mechanism != Mechanism::Plain;
        if self.security.has_login() && scram && !cfg!(feature = "kafka-tls") {
            wrong.push(("sasl_mechanism", needs_tls(self.mechanism.word())));
        }
        wrong
    }

    /// Settings that any client of these brokers starts from. The password is read here.
    ///
    /// # Errors
    /// A setting is wrong, or the password cannot be read.
    pub fn client_config(&self) -> Result<ClientConfig, KafkaError> {
        if let Some((key, problem)) = self.problems().into_iter().next() {
            return Err(KafkaError::Setting { key, problem });
        }
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        config.set("client.id", "vigie");
        config.set("bootstrap.servers", &self.brokers);
        config.set("security.protocol", self.security.protocol());
        // A broker that was away for long is found again soon.
        config.set("reconnect.backoff.max.ms", "2000");
        if self.security.has_login() {
            config.set("sasl.mechanism", self.mechanism.word());
            config.set("sasl.username", &self.username);
            config.set("sasl.password", self.password()?);
        }
        if self.security.has_tls() {
            let files = [
                ("ssl.ca.location", &self.ca_file),
                ("ssl.certificate.location", &self.cert_file),
                ("ssl.key.location", &self.key_file),
            ];
            for (key, path) in files.into_iter().filter(|(_, path)| !path.as_os_str().is_empty()) {
                config.set(key, path.display().to_string());
            }
        }
        for (key, value) in &self.extra.0 {
            config.set(key, value);
        }
        Ok(config)
    }

    fn password(&self) -> Result<String, KafkaError> {
        let path = self.password_file.display().to_string();
        match std::fs::read_to_string(&self.password_file) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => Err(KafkaError::Password { path, error }),
        }
    }
}

impl KafkaOptions {
    /// Settings of the consumer.
    pub(super) fn consumer_config(&self) -> Result<ClientConfig, KafkaError> {
        for (key, value) in
            [("brokers", &self.connection.brokers), ("topic", &self.topic), ("group", &self.group)]
        {
            if value.is_empty() {
                return Err(KafkaError::Setting { key, problem: "is empty".to_owned() });
            }
        }
        let mut config = self.connection.client_config()?;
        let extra = &self.connection.extra.0;
        let mut preset = |key: &str, value: &str| {
            if !extra.contains_key(key) {
                config.set(key, value);
            }
        };
        preset("allow.auto.create.topics", "false");
        preset("enable.auto.commit", "false");
        preset("enable.auto.offset.store", "false");
        preset("auto.offset.reset", "error");
        preset("isolation.level", "read_committed");
        // Shards wait for one another until it is known that there is no more to read.
        preset("statistics.interval.ms", "1000");
        preset("max.poll.interval.ms", MAX_POLL_INTERVAL_MS);
        // The group protocol of Kafka 4 leaves these to the broker and refuses them.
        if extra.get("group.protocol").is_none_or(|protocol| protocol != "consumer") {
            preset("partition.assignment.strategy", "cooperative-sticky");
            preset("session.timeout.ms", "30000");
            preset("heartbeat.interval.ms", "3000");
        }
        preset("fetch.wait.max.ms", "50");
        preset("fetch.min.bytes", "65536");
        preset("fetch.max.bytes", "16777216");
        preset("max.partition.fetch.bytes", "1048576");
        // The smaller a limit of what is fetched ahead, the more often it is met; and each time
        // the library waits a whole second by default.
        preset("queued.min.messages", "20000");
        preset("queued.max.messages.kbytes", "16384");
        preset("fetch.queue.backoff.ms", "10");
        config.set("group.id", &self.group);
        if !self.group_instance_id.is_empty() {
            config.set("group.instance.id", &self.group_instance_id);
        }
        Ok(config)
    }
}

fn needs_tls(value: &str) -> String {
    format!("\"{value}\" needs a vigie that was built with TLS: {BUILD_WITH_TLS}")
}

fn is_secret(key: &str) -> bool {
    ["password", "secret", "pem", "jaas"].iter().any(|word| key.contains(word))
}

/// What the library says of a setting, without the value of a secret.
pub(super) fn refusal(error: &ClientError) -> String {
    match error {
        ClientError::ClientConfig(_, _, key, _) if is_secret(key) => format!("{key} is refused"),
        ClientError::ClientConfig(_, said, key, value) if said.contains(key.as_str()) => {
            format!("{said} (value {value})")
        }
        ClientError::ClientConfig(_, said, key, _) => format!("{key}: {said}"),
        ClientError::ClientCreation(said) => said.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(connection: &Connection) -> Vec<String> {
        connection.problems().into_iter().map(|(key, p)| format!("{key}: {p}")).collect()
    }

    fn with(key: &str, value: &str) -> Connection {
        let extra = Extra(BTreeMap::from([(key.to_owned(), value.to_owned())]));
        Connection { extra, ..Connection::default() }
    }

    #[test]
    fn a_login_is_whole_or_absent() {
        let security = Security::SaslPlaintext;
        let lonely = Connection { security, username: "v".to_owned(), ..Connection::default() };
        assert_eq!(said(&lonely), ["password_file: security = \"sasl_plaintext\" needs one"]);
        let open = Connection { security: Security::Plaintext, ..lonely };
        assert_eq!(
            said(&open),
            ["username: security = \"plaintext\" knows no login; sasl_plaintext and sasl_tls do"]
        );
    }

    #[test]
    #[cfg(not(feature = "kafka-tls"))]
    fn what_this_build_cannot_do_is_refused_with_the_command_that_helps() {
        let tls = Connection { security: Security::Tls, ..Connection::default() };
        let needs = "needs a vigie that was built with TLS: cargo build --release --features \
                     kafka-tls";
        assert_eq!(said(&tls), [format!("security: \"tls\" {needs}")]);
        let scram = Connection {
            security: Security::SaslPlaintext,
            mechanism: Mechanism::ScramSha512,
            username: "v".to_owned(),
            password_file: "p".into(),
            ..Connection::default()
        };
        assert_eq!(said(&scram), [format!("sasl_mechanism: \"SCRAM-SHA-512\" {needs}")]);
        let error = scram.client_config().unwrap_err().to_string();
        assert_eq!(error, format!("kafka.sasl_mechanism: \"SCRAM-SHA-512\" {needs}"));
    }

    #[test]
    fn the_librarys_settings_are_checked_by_it() {
        assert_eq!(said(&with("fetch.min.bytes", "1")), [""; 0]);
        let unknown = said(&with("fetch.min.byte", "1"));
        assert!(unknown[0].contains("fetch.min.byte"), "{unknown:?}");
        let ours = said(&with("group.id", "x"));
        assert_eq!(ours, ["client: group.id cannot be set here: use kafka.group"]);
    }

    #[test]
    fn no_secret_is_printed() {
        let connection = with("ssl.key.password", "hunter2");
        assert!(format!("{connection:?}").contains("ssl.key.password"));
        assert!(!format!("{connection:?}").contains("hunter2"));
        let folder = tempfile::tempdir().unwrap();
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, "hunter2\n").unwrap();
        let connection = Connection {
            security: Security::SaslPlaintext,
            username: "v".to_owned(),
            password_file,
            ..Connection::default()
        };
        let config = connection.client_config().unwrap();
        assert_eq!(config.get("sasl.password"), Some("hunter2"));
        assert!(!format!("{config:?}{connection:?}").contains("hunter2"));
        let gone = Connection { password_file: "/nowhere".into(), ..connection };
        let error = gone.client_config().unwrap_err().to_string();
        assert!(error.starts_with("kafka.password_file: cannot read /nowhere: "), "{error}");
    }

    #[test]
    fn the_new_group_protocol_leaves_timeouts_to_the_broker() {
        let connection =
            Connection { brokers: "b:1".to_owned(), ..with("group.protocol", "consumer") };
        let options = KafkaOptions { connection, ..KafkaOptions::default() };
        let config = options.consumer_config().unwrap();
        assert_eq!(config.get("session.timeout.ms"), None);
        assert_eq!(config.get("fetch.queue.backoff.ms"), Some("10"));
    }
}
