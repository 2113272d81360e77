//! Words for what rules count: `{}` is `listed` or `opened`, where the count keeps them apart.

use super::words;

words! { CountedWords:
    window_5m: "5 minutes", "5 minutes";
    window_1h: "1 hour", "1 heure";
    window_1d: "1 day", "1 jour";
    window_7d: "7 days", "7 jours";
    window_28d: "28 days", "28 jours";
    window_drift: "day after day", "jour après jour";
    window_run: "over many days", "sur plusieurs jours";
    in_5m: "in 5 minutes", "en 5 minutes";
    in_1h: "in an hour", "en une heure";
    in_1d: "in a day", "en un jour";
    in_7d: "in 7 days", "en 7 jours";
    in_28d: "in 28 days", "en 28 jours";
    in_drift: "in a day, more day after day", "en un jour, plus jour après jour";
    in_run: "over many days beyond the usual share", "sur plusieurs jours au-delà de la part habituelle";
    listed: " listed| listed", " listée| listées";
    opened: " opened| opened", " ouverte| ouvertes";
    persons: "person{}|persons{}", "personne{}|personnes{}";
    foreign: "foreign origin{}|foreign origins{}", "origine étrangère{}|origines étrangères{}";
    after_end: "access after the end date|accesses after the end date", "accès après la date de fin|accès après la date de fin";
    unidentified: "record without identity|records without identity", "dossier sans identité|dossiers sans identité";
    novel: "person{} that the account had not read within 28 days|persons{} that the account had not read within 28 days", "personne{} que le compte n’avait pas lue depuis 28 jours|personnes{} que le compte n’avait pas lues depuis 28 jours";
    dormant: "person{} whose file nobody had read|persons{} whose files nobody had read", "personne{} dont nul n’avait lu le dossier|personnes{} dont nul n’avait lu le dossier";
    off_hours: "person{} outside working hours|persons{} outside working hours", "personne{} hors des heures de travail|personnes{} hors des heures de travail";
    off_hours_origins: "foreign origin{} outside working hours|foreign origins{} outside working hours", "origine étrangère{} hors des heures de travail|origines étrangères{} hors des heures de travail";
    stranger: "person{}, new to the account, from a device or address unknown to it|persons{}, new to the account, from a device or address unknown to it", "personne{}, nouvelle pour le compte, depuis un appareil ou une adresse inconnus de lui|personnes{}, nouvelles pour le compte, depuis un appareil ou une adresse inconnus de lui";
    unusual: "person{} by an operation its peers do not use|persons{} by an operation its peers do not use", "personne{} par une opération que ses pairs n’utilisent pas|personnes{} par une opération que ses pairs n’utilisent pas";
    sensitive: "person{} with sensitive data|persons{} with sensitive data", "personne{} avec des données sensibles|personnes{} avec des données sensibles";
    own_unit: "person{} of its own unit, new to the account|persons{} of its own unit, new to the account", "personne{} de son unité, nouvelle pour le compte|personnes{} de son unité, nouvelles pour le compte";
    misses: "request that found nobody|requests that found nobody", "requête qui n’a trouvé personne|requêtes qui n’ont trouvé personne";
    updates: "record changed|records changed", "dossier modifié|dossiers modifiés";
    unrelated: "record outside its caseload|records outside its caseload", "dossier hors de son portefeuille|dossiers hors de son portefeuille";
    neighbours: "person with a neighbouring identifier|persons with neighbouring identifiers", "personne à l’identifiant voisin|personnes aux identifiants voisins";
    steady: "request at one even pace|requests at one even pace", "requête à intervalle régulier|requêtes à intervalle régulier";
}

impl CountedWords {
    /// The noun of a contract's measure.
    pub(in crate::console::pages) fn noun(&self, measure: &str) -> &'static str {
        match measure {
            "foreign_origins" | "origins_run" => self.foreign,
            "accesses_after_end" => self.after_end,
            "unidentified_records" => self.unidentified,
            "novel_persons" | "novelty_drift" => self.novel,
            "dormant_persons" | "dormant_run" => self.dormant,
            "own_unit_persons" | "own_unit_run" => self.own_unit,
            "off_hours_persons" => self.off_hours,
            "off_hours_origins" => self.off_hours_origins,
            "stranger_persons" => self.stranger,
            "unusual_operations" | "operations_run" => self.unusual,
            "sensitive_persons" => self.sensitive,
            "misses" => self.misses,
            "updates" => self.updates,
            "unrelated_records" => self.unrelated,
            "neighbouring_ids" => self.neighbours,
            "steady_pace" => self.steady,
            _ => self.persons,
        }
    }

    /// `1 hour`
    pub(in crate::console::pages) fn window(&self, measure: &str, window: &str) -> &'static str {
        match window {
            _ if is_drift(measure) => self.window_drift,
            _ if is_run(measure) => self.window_run,
            "5m" => self.window_5m,
            "1h" => self.window_1h,
            "7d" => self.window_7d,
            "28d" => self.window_28d,
            _ => self.window_1d,
        }
    }

    /// `in an hour`
    pub(in crate::console::pages) fn within(&self, measure: &str, window: &str) -> &'static str {
        match window {
            _ if is_drift(measure) => self.in_drift,
            _ if is_run(measure) => self.in_run,
            "5m" => self.in_5m,
            "1h" => self.in_1h,
            "7d" => self.in_7d,
            "28d" => self.in_28d,
            _ => self.in_1d,
        }
    }
}

/// A drift is told over weeks, and its count is that of the last day.
fn is_drift(measure: &str) -> bool {
    measure.ends_with("_drift")
}

/// A run's count is that of many days.
fn is_run(measure: &str) -> bool {
    measure.ends_with("_run")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::channel::SPECS;

    #[test]
    fn every_measure_and_window_has_words_of_its_own() {
        for words in [CountedWords::EN, CountedWords::FR] {
            for spec in SPECS {
                let (measure, window) = (spec.watch.measure(), spec.window);
                let own = words.noun(measure) != words.persons;
                let persons = matches!(measure, "distinct_persons" | "persons_drift");
                assert!(own || persons, "{measure}");
                let said = words.window(measure, window);
                let day = window == "1d" && said == words.window_1d;
                assert!(day || said != words.window_1d, "{measure} {window}");
                assert_ne!(words.within(measure, window) == words.in_1d, !day, "{measure}");
            }
        }
    }
}
