//! Who an alert is about: an account by its name, several together by what joins them.

use super::line::visible;
use super::words::Tongue;
use crate::alert::EntityKind;
use crate::detect::pool::NO_ACCOUNT;
use crate::detect::report::Report;

/// The entity's name; of a pool with its kind and the number of accounts: `unit cap-emploi-75 (14
/// accounts)`.
pub(super) fn who(report: &Report, tongue: &dyn Tongue) -> String {
    let name = visible(&report.name);
    if report.entity == EntityKind::Network && name == NO_ACCOUNT {
        return tongue.nobody().into();
    }
    if report.contributor_count == 0 || report.entity == EntityKind::Account {
        return name;
    }
    tongue.pool(report.entity, &name, report.contributor_count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::channel::Measure;
    use crate::detect::rule::Watch;
    use crate::triage::words::tongue;
    use crate::triage::{Language, terminal_line};

    fn pool() -> Report {
        let mut report = crate::triage::tests::report();
        (report.entity, report.name) = (EntityKind::Partner, "cap-emploi".into());
        (report.label, report.role) = (None, None);
        report.contributors = vec!["cap00412".into()];
        report.contributor_count = 14;
        report.signals[0].watch = Watch::Simultaneous;
        report.signals[0].measure = Some(Measure::Foreign1d);
        report.signals[0].peers = None;
        report.circumstances = Default::default();
        report
    }

    #[test]
    fn a_pool_is_told_with_its_kind_and_its_accounts() {
        assert_eq!(
            terminal_line(&pool(), Language::English),
            "ALERT critical  Tue 6 Feb 19:00:07  partner cap-emploi (14 accounts)  50 persons; 50 accounts \
             far above their own usual, usual ≤ 9, alert at 38; evening"
        );
        assert_eq!(who(&pool(), tongue(Language::French)), "partenaire cap-emploi (14 comptes)");
        let nobody = Report { entity: EntityKind::Network, name: NO_ACCOUNT.into(), ..pool() };
        assert_eq!(who(&nobody, tongue(Language::English)), "addresses without account");
    }
}
