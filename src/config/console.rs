//! `[console]`: where people look, and who may.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

/// `[console]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Console {
    /// Address and port of pages, API and metrics; empty = none.
    pub listen: String,
    /// Address and port of metrics alone; empty = they are on `listen`.
    pub metrics_listen: String,
    /// Metrics for everybody who reaches them, without a token.
    pub metrics_open: bool,
    /// What people type, `https://vigie.example`; empty = what `listen` says.
    pub public_url: String,
    /// Minutes without a request that end a session.
    pub session_idle_minutes: u32,
    /// Hours after a login that end a session.
    pub session_hours: u32,
    /// Addresses whose X-Forwarded-For is believed; `public_url` says the scheme.
    pub trusted_proxies: Vec<String>,
    /// Language of whoever has chosen none: `auto` (the browser's), `en` or `fr`.
    pub language: String,
}

impl Console {
    /// What types cannot say, by key.
    pub(super) fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        for (key, text) in [("listen", &self.listen), ("metrics_listen", &self.metrics_listen)] {
            if !text.is_empty() && text.parse::<SocketAddr>().is_err() {
                let problem = format!("`{text}` must be an address with a port, 127.0.0.1:8080");
                wrong.push((key, problem));
            }
        }
        let url = self.public_url.as_str();
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let plain = host.is_some_and(|host| {
            !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '\\'])
        });
        if !url.is_empty() && !plain {
            let problem = "must be a scheme and a host without a path, https://vigie.example";
            wrong.push(("public_url", problem.to_owned()));
        }
        for proxy in &self.trusted_proxies {
            if proxy.parse::<IpAddr>().is_err() {
                let problem = format!("`{proxy}` must be an address, 10.0.0.7");
                wrong.push(("trusted_proxies", problem));
            }
        }
        if !(1..=1_440).contains(&self.session_idle_minutes) {
            let problem = "must lie between 1 and 1440".to_owned();
            wrong.push(("session_idle_minutes", problem));
        }
        if !(1..=168).contains(&self.session_hours) {
            wrong.push(("session_hours", "must lie between 1 and 168".to_owned()));
        }
        if !["auto", "en", "fr"].contains(&self.language.as_str()) {
            wrong.push(("language", "valid choices: auto, en, fr".to_owned()));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    #[test]
    fn every_wrong_value_says_what_would_be_right() {
        let check = |text: &str, wanted: &[&str]| {
            let text = format!("[console]\n{text}\n");
            let found = Config::parse("x", &text, Path::new("")).err().unwrap_or_default();
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, wanted, "{text}");
        };
        check("listen = ''", &[]);
        check("listen = '[::1]:8080'\npublic_url = 'https://vigie.example:8443'", &[]);
        check(
            "listen = 'localhost'",
            &["x:2: listen: `localhost` must be an address with a port, 127.0.0.1:8080"],
        );
        for url in ["vigie.example", "https://", "https://a/b", "ftp://a", "https://u@a"] {
            let wanted = "x:2: public_url: must be a scheme and a host without a path, \
                          https://vigie.example";
            check(&format!("public_url = '{url}'"), &[wanted]);
        }
        check(
            "trusted_proxies = ['10.0.0.0/8']",
            &["x:2: trusted_proxies: `10.0.0.0/8` must be an address, 10.0.0.7"],
        );
        check(
            "session_idle_minutes = 0\nsession_hours = 200\nlanguage = 'de'",
            &[
                "x:2: session_idle_minutes: must lie between 1 and 1440",
                "x:3: session_hours: must lie between 1 and 168",
                "x:4: language: valid choices: auto, en, fr",
            ],
        );
    }
}
