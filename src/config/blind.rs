//! `[blind]`: from where on vigie says that it cannot see.

use super::Config;

/// The section; 0 switches a check off.
pub use crate::watch::blind::Thresholds as Blind;

/// What types cannot say, by section and key.
pub(super) fn check(config: &Config) -> Vec<([&'static str; 2], String)> {
    let blind = &config.blind;
    let shares = [
        ("persons_drop", blind.persons_drop),
        ("late_share", blind.late_share),
        ("quarantine_share", blind.quarantine_share),
        ("state_share", blind.state_share),
        ("unreached_share", blind.unreached_share),
    ];
    let outside = shares.into_iter().filter(|(_, share)| !(0.0..=1.0).contains(share));
    let mut wrong: Vec<_> = outside
        .map(|(key, _)| (["blind", key], format!("{key}: must lie between 0 and 1, 0 is off")))
        .collect();
    let [first, last] = blind.working_hours;
    if first >= last || last > 24 {
        let problem = "working_hours: two hours of the day, the first before the last, at most 24";
        wrong.push((["blind", "working_hours"], problem.to_owned()));
    }
    wrong
}
