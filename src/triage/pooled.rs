//! Words for alerts of pools: who reads together, and how many stand out.

use super::line::visible;
use crate::alert::EntityKind;
use crate::detect::channel::Measure;
use crate::detect::episode::SignalState;
use crate::detect::pool::NO_ACCOUNT;
use crate::detect::report::Report;

/// The entity's name; of a pool with its kind and the number of accounts: `unit cap-emploi-75 (14
/// accounts)`.
pub(super) fn who(report: &Report, french: bool) -> String {
    let name = visible(&report.name);
    let nobody = report.entity == EntityKind::Network && name == NO_ACCOUNT;
    if nobody {
        let words = if french {
            "l'ensemble des adresses sans compte"
        } else {
            "addresses without account"
        };
        return words.into();
    }
    if report.contributor_count == 0 {
        return name;
    }
    let (english, in_french) = match report.entity {
        EntityKind::Account => return name,
        EntityKind::Unit => ("unit", "unité"),
        EntityKind::Partner => ("partner", "partenaire"),
        EntityKind::Source => ("address", "adresse"),
        EntityKind::Device => ("device", "appareil"),
        EntityKind::Network => ("network", "réseau"),
    };
    let accounts = report.contributor_count;
    if french {
        format!("{in_french} {name} ({accounts} comptes)")
    } else {
        format!("{english} {name} ({accounts} accounts)")
    }
}

/// `31 accounts on one day far above their own usual foreign origins, usually at most 5, alert from 25`
pub(super) fn accounts_words(signal: &SignalState, french: bool) -> String {
    let (observed, usual, threshold) = (signal.observed, signal.usual, signal.threshold);
    let of = usual_of(signal, french);
    if french {
        format!(
            "{observed} comptes le même jour bien au-delà de leurs {of} habituelles, d'habitude au plus \
             {usual}, alerte à partir de {threshold}"
        )
    } else {
        format!(
            "{observed} accounts on one day far above their own usual {of}, usually at most {usual}, \
             alert from {threshold}"
        )
    }
}

/// `; 31 accounts far above their usual foreign origins, usual ≤ 5, alert at 25`
pub(super) fn accounts_line(signal: &SignalState, french: bool) -> String {
    let (observed, usual, threshold) = (signal.observed, signal.usual, signal.threshold);
    let of = usual_of(signal, french);
    if french {
        format!(
            " ; {observed} comptes bien au-delà de leurs {of} habituelles, d'habitude ≤ {usual}, alerte à \
             {threshold}"
        )
    } else {
        format!(
            "; {observed} accounts far above their usual {of}, usual ≤ {usual}, alert at {threshold}"
        )
    }
}

fn usual_of(signal: &SignalState, french: bool) -> &'static str {
    match (signal.measure == Some(Measure::Foreign1d), french) {
        (true, false) => "foreign origins",
        (true, true) => "origines étrangères",
        (false, false) => "persons",
        (false, true) => "personnes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::rule::Watch;
    use crate::triage::{Language, terminal_line};

    fn pool() -> Report {
        let mut report = crate::triage::tests::report();
        (report.entity, report.name) = (EntityKind::Partner, "cap-emploi".into());
        (report.label, report.role) = (None, None);
        (report.contributors, report.contributor_count) = (vec!["cap00412".into()], 14);
        report.signals[0].watch = Watch::Simultaneous;
        report.signals[0].measure = Some(Measure::Foreign1d);
        report.signals[0].peers = None;
        report.circumstances = Default::default();
        report
    }

    #[test]
    fn a_pool_is_told_with_its_kind_and_its_accounts() {
        let (english, french) = (Language::English, Language::French);
        assert_eq!(
            terminal_line(&pool(), english),
            "ALERT critical  Tue 6 Feb 19:00:07  partner cap-emploi (14 accounts)  50 persons; 50 accounts \
             far above their usual foreign origins, usual ≤ 9, alert at 38; evening"
        );
        assert!(terminal_line(&pool(), french).contains("partenaire cap-emploi (14 comptes)"));
        let nobody = Report {
            entity: EntityKind::Network,
            name: NO_ACCOUNT.into(),
            contributor_count: 0,
            ..pool()
        };
        assert_eq!(who(&nobody, false), "addresses without account");
    }
}
