//! `[retention]`: how long what is stored stays.

use serde::Deserialize;

/// `[retention]`, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct RetentionConfig {
    /// Closed or ended alerts, from when they were last stored or changed.
    pub alert_days: u32,
    /// Alerts closed as false positives.
    pub false_positive_days: u32,
    /// The audit trail, beyond the alerts it speaks of.
    pub audit_more_days: u32,
    /// What accounts read in a day.
    pub account_days: u32,
}

impl RetentionConfig {
    /// What types cannot say, by key.
    pub(super) fn check(&self) -> Vec<(&'static str, String)> {
        let days = [
            ("alert_days", self.alert_days),
            ("false_positive_days", self.false_positive_days),
            ("account_days", self.account_days),
        ];
        let outside = days.into_iter().filter(|(_, days)| !(1..=3_650).contains(days));
        let mut wrong: Vec<_> =
            outside.map(|(key, _)| (key, "must lie between 1 and 3650".to_owned())).collect();
        if self.audit_more_days > 3_650 {
            wrong.push(("audit_more_days", "must be at most 3650".to_owned()));
        }
        wrong
    }
}
