//! The queue's query string, in both directions: every filter is a link that can be sent to a
//! colleague.

use super::view::{QueueQuery, Sort, Tab};
use crate::alert::Severity;

impl Tab {
    /// All of them, in the order of the page.
    pub const ALL: [Tab; 6] = [Tab::Open, Tab::New, Tab::Mine, Tab::OnHold, Tab::Closed, Tab::All];

    /// The word in the query string.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Tab::Open => "open",
            Tab::New => "new",
            Tab::Mine => "mine",
            Tab::OnHold => "on_hold",
            Tab::Closed => "closed",
            Tab::All => "all",
        }
    }
}

impl Sort {
    /// All of them, in the order of the page.
    pub const ALL: [Sort; 3] = [Sort::Priority, Sort::Opened, Sort::Updated];

    /// The word in the query string.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Sort::Priority => "priority",
            Sort::Opened => "opened",
            Sort::Updated => "updated",
        }
    }
}

/// All severities, worst first.
pub const SEVERITIES: [Severity; 5] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

/// The contract's word.
#[must_use]
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

impl QueueQuery {
    /// Reads decoded pairs of a query string. What is not understood is as if it were absent: a
    /// link of an older vigie still opens the queue.
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> QueueQuery {
        let mut query = QueueQuery::default();
        for (key, value) in pairs {
            let text = Some(value.trim().to_owned()).filter(|v| !v.is_empty());
            match key {
                "view" => {
                    query.tab =
                        Tab::ALL.into_iter().find(|t| t.word() == value).unwrap_or_default();
                }
                "severity" => {
                    query.severity_min =
                        SEVERITIES.into_iter().find(|s| severity_word(*s) == value);
                }
                "partner" => query.partner = text,
                "q" => query.search = text,
                "sort" => {
                    query.sort =
                        Sort::ALL.into_iter().find(|s| s.word() == value).unwrap_or_default();
                }
                "after" => query.after = text,
                "before" => query.before = text,
                _ => {}
            }
        }
        query
    }

    /// Path and query of these alerts; what is as usual is left out.
    #[must_use]
    pub fn link(&self) -> String {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        if self.tab != Tab::default() {
            pairs.push(("view", self.tab.word()));
        }
        if let Some(severity) = self.severity_min {
            pairs.push(("severity", severity_word(severity)));
        }
        let texts = [("partner", &self.partner), ("q", &self.search)];
        pairs.extend(texts.into_iter().filter_map(|(key, v)| Some((key, v.as_deref()?))));
        if self.sort != Sort::default() {
            pairs.push(("sort", self.sort.word()));
        }
        let keys = [("after", &self.after), ("before", &self.before)];
        pairs.extend(keys.into_iter().filter_map(|(key, v)| Some((key, v.as_deref()?))));
        let joined: Vec<String> =
            pairs.into_iter().map(|(key, value)| format!("{key}={}", encode(value))).collect();
        if joined.is_empty() { "/alerts".into() } else { format!("/alerts?{}", joined.join("&")) }
    }

    /// The first page of the same alerts.
    #[must_use]
    pub fn first_page(&self) -> QueueQuery {
        QueueQuery { after: None, before: None, ..self.clone() }
    }

    /// Nothing is asked for but the tab and the order.
    #[must_use]
    pub fn is_unfiltered(&self) -> bool {
        self.severity_min.is_none() && self.partner.is_none() && self.search.is_none()
    }
}

/// Percent-encodes a value of a query string or a segment of a path.
#[must_use]
pub fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_survives_the_way_through_a_link() {
        let check = |query: QueueQuery, link: &str| {
            assert_eq!(query.link(), link);
            let pairs: Vec<(&str, &str)> = link
                .split_once('?')
                .map_or("", |(_, pairs)| pairs)
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .collect();
            let decoded: Vec<(String, String)> =
                pairs.iter().map(|(k, v)| ((*k).into(), v.replace("%20", " "))).collect();
            let pairs = decoded.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            assert_eq!(QueueQuery::from_pairs(pairs), query, "{link}");
        };
        check(QueueQuery::default(), "/alerts");
        check(
            QueueQuery {
                tab: Tab::OnHold,
                severity_min: Some(Severity::High),
                partner: Some("cap emploi".into()),
                search: Some("new device".into()),
                sort: Sort::Updated,
                after: Some("k1".into()),
                before: None,
            },
            "/alerts?view=on_hold&severity=high&partner=cap%20emploi&q=new%20device&sort=updated\
             &after=k1",
        );
    }

    #[test]
    fn what_is_not_understood_is_as_if_it_were_absent() {
        let odd = [("view", "x"), ("severity", ""), ("partner", " "), ("sort", "?"), ("z", "1")];
        assert_eq!(QueueQuery::from_pairs(odd), QueueQuery::default());
        assert_eq!(encode("a/b é\"<"), "a%2Fb%20%C3%A9%22%3C");
    }
}
