//! `[kafka]`: which topic, how its brokers are reached, and what the client library is told besides.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Deserializer};

use crate::ingest::kafka::{Connection, Extra, KafkaOptions, Mechanism, Security, Start};

/// `[kafka]`; empty texts and paths are absent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Kafka {
    /// `host:port`, comma separated; empty = Kafka is not used.
    pub brokers: String,
    /// Events.
    pub topic: String,
    /// Consumer group.
    pub group: String,
    /// Static membership.
    pub group_instance_id: String,
    /// Where a partition without state begins.
    pub start: Start,
    /// Folder of snapshots that members share.
    pub state: PathBuf,
    /// Where alerts go as well.
    pub alerts_topic: String,
    /// How the connection is protected.
    pub security: Security,
    /// How the account proves who it is.
    pub sasl_mechanism: Mechanism,
    /// The account.
    pub username: String,
    /// Its password.
    pub password_file: PathBuf,
    /// Authorities to trust.
    pub ca_file: PathBuf,
    /// Our certificate.
    pub cert_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
    /// The client library's own settings.
    #[serde(deserialize_with = "settings")]
    pub client: Extra,
}

impl Kafka {
    /// How to reach the brokers, for the source and for whoever writes to Kafka.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection {
            brokers: self.brokers.clone(),
            security: self.security,
            mechanism: self.sasl_mechanism,
            username: self.username.clone(),
            password_file: self.password_file.clone(),
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            extra: self.client.clone(),
        }
    }

    /// What the source is told. It ends when `stop` is set.
    #[must_use]
    pub fn options(&self, stop: Arc<AtomicBool>) -> KafkaOptions {
        KafkaOptions {
            connection: self.connection(),
            topic: self.topic.clone(),
            group: self.group.clone(),
            group_instance_id: self.group_instance_id.clone(),
            start: self.start,
            stop,
            ..KafkaOptions::default()
        }
    }

    /// What types cannot say: key, problem.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut wrong = self.connection().problems();
        let empty = [("topic", &self.topic), ("group", &self.group)];
        for (key, _) in empty.into_iter().filter(|(_, value)| value.is_empty()) {
            wrong.push((key, "must not be empty".to_owned()));
        }
        if !self.alerts_topic.is_empty() && self.alerts_topic == self.topic {
            wrong.push(("alerts_topic", "must be another topic than the events'".to_owned()));
        }
        wrong
    }
}

/// A value of the client library; TOML reads `fetch.min.bytes = 1` as tables in tables.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string, a whole number, true or false")]
enum Setting {
    Text(String),
    Number(i64),
    Flag(bool),
    Deeper(BTreeMap<String, Setting>),
}

fn settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Extra, D::Error> {
    let given = BTreeMap::<String, Setting>::deserialize(deserializer)?;
    let mut flat = BTreeMap::new();
    flatten("", given, &mut flat);
    Ok(Extra(flat))
}

fn flatten(above: &str, given: BTreeMap<String, Setting>, flat: &mut BTreeMap<String, String>) {
    for (key, setting) in given {
        let key = format!("{above}{key}");
        match setting {
            Setting::Text(text) => drop(flat.insert(key, text)),
            Setting::Number(number) => drop(flat.insert(key, number.to_string())),
            Setting::Flag(flag) => drop(flat.insert(key, flag.to_string())),
            Setting::Deeper(deeper) => flatten(&format!("{key}."), deeper, flat),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn wrong(text: &str) -> Vec<String> {
        let errors = Config::parse("v", text, Path::new("")).unwrap_err();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_section_becomes_options() {
        let text = "[kafka]\nbrokers = \"a:1,b:2\"\nsecurity = \"sasl_plaintext\"\n\
                    username = \"v\"\npassword_file = \"secret\"\nstart = \"latest\"\n\
                    [kafka.client]\nfetch.min.bytes = 1\n\"check.crcs\" = true\n";
        let config = Config::parse("v", text, Path::new("/etc/vigie")).unwrap();
        let options = config.kafka.options(Arc::default());
        assert_eq!(options.connection.brokers, "a:1,b:2");
        assert_eq!(options.connection.security, Security::SaslPlaintext);
        assert_eq!(options.connection.password_file, Path::new("/etc/vigie/secret"));
        assert_eq!((options.topic.as_str(), options.start), ("access-events", Start::Latest));
        let extra = options.connection.extra.0;
        assert_eq!(extra["fetch.min.bytes"], "1");
        assert_eq!(extra["check.crcs"], "true");
        assert_eq!(extra.len(), 2);
    }

    #[test]
    fn mistakes_are_found_where_they_stand() {
        let check = |text: &str, wanted: &str| {
            let said = wrong(text);
            assert!(said.len() == 1 && said[0].starts_with(wanted), "{said:?}\n  wanted {wanted}");
        };
        check(
            "[kafka]\n\nsecurity = \"ssl\"\n",
            "v:3: kafka.security: unknown variant `ssl`, expected one of `plaintext`, `tls`, \
             `sasl_plaintext`, `sasl_tls`",
        );
        check("[kafka]\nbroker = 1\n", "v:2: kafka.broker: unknown key; valid choices: alerts_");
        check(
            "[kafka]\n[kafka.client]\nx = 1.5\n",
            "v:2: kafka.client: expected a string, a whole number, true or false",
        );
        check(
            "[kafka.client]\ngroup.id = \"x\"\n",
            "v:1: client: group.id cannot be set here: use kafka.group",
        );
        check("[kafka.client]\n\"no.such\" = 1\n", "v:1: client: ");
        check(
            "[kafka]\nalerts_topic = \"access-events\"\n",
            "v:2: alerts_topic: must be another topic than the events'",
        );
    }
}
