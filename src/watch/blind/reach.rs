//! Rules that cannot fire, told as blindness.

use super::{Blind, Cause, SourceInput, Thresholds};
use crate::detect::reach::Unreached;

/// Tells each rule that is blind for enough of the accounts it watches, once a rule.
pub(super) fn tell(limits: &Thresholds, source: &SourceInput, found: &mut Vec<Blind>) {
    for limit in &source.unreached {
        let share = super::share_of(limit.accounts, limit.of_accounts);
        if limits.unreached_share > 0.0 && share >= limits.unreached_share {
            let subject = limit.rule.clone();
            found.push(Blind { subject, cause: Cause::OutOfReach(limit.clone()) });
        }
    }
}

/// In English.
pub(super) fn english(limit: &Unreached) -> String {
    let Unreached { rule, window, most, accounts, of_accounts, channels, .. } = limit;
    let touch = match limit.touch.as_str() {
        "" => String::new(),
        touch => format!(", {touch} persons"),
    };
    let why = match limit.threshold {
        Some(at) => format!("its threshold is {at} and no account can reach more than {most}"),
        None => format!("it has no threshold that an account could reach ({most} at most)"),
    };
    let more = match channels {
        0 | 1 => String::new(),
        _ => format!(" So it is with {channels} of its counts."),
    };
    format!(
        "{rule} ({window}{touch}) cannot fire for {accounts} of {of_accounts} accounts: {why}.{more} A theft \
         that only this rule sees would be missed. Past scores put the threshold there: judge the \
         alerts of the last weeks, thefts leave the calibration."
    )
}

/// In French.
pub(super) fn french(limit: &Unreached) -> String {
    let Unreached { rule, window, most, accounts, of_accounts, channels, .. } = limit;
    let touch = match limit.touch.as_str() {
        "listed" => ", personnes listées",
        "opened" => ", dossiers ouverts",
        _ => "",
    };
    let why = match limit.threshold {
        Some(at) => format!("son seuil est {at} et aucun compte ne peut dépasser {most}"),
        None => format!("elle n’a pas de seuil qu’un compte puisse atteindre (au plus {most})"),
    };
    let more = match channels {
        0 | 1 => String::new(),
        _ => format!(" Il en va ainsi de {channels} de ses mesures."),
    };
    format!(
        "{rule} ({window}{touch}) ne peut se déclencher pour {accounts} comptes sur {of_accounts} : \
         {why}.{more} Un vol que seule cette règle verrait passerait inaperçu. Ce sont les scores passés \
         qui ont mis le seuil là : jugez les alertes des dernières semaines, les vols quittent le \
         calibrage."
    )
}
