//! The sentence of a blind alert, in English and French: what is wrong, and what it means for
//! whoever relies on the alerts.

use super::{Blind, Cause, Named};

impl Blind {
    /// In English.
    #[must_use]
    pub fn english(&self) -> String {
        self.cause.english(&self.subject)
    }

    /// In French.
    #[must_use]
    pub fn french(&self) -> String {
        self.cause.french(&self.subject)
    }
}

impl Cause {
    /// In English; `subject` is the source or the receiver.
    #[must_use]
    pub fn english(&self, subject: &str) -> String {
        match self {
            Cause::SourceSilent { seconds } => format!(
                "No record has come from {subject} for {} of working time: a theft would not be \
                 seen.",
                lasting(*seconds, ENGLISH)
            ),
            Cause::SourceUnreachable { reason } => {
                format!("{subject} cannot be reached: {reason}. Nothing is read.")
            }
            Cause::Lag { records } => {
                format!("Reading of {subject} is {records} records behind: alerts come late.")
            }
            Cause::Delay { seconds } => format!(
                "Events of {subject} arrive {} after they happened: alerts come late.",
                lasting(*seconds, ENGLISH)
            ),
            Cause::Gap { holes } => format!(
                "{holes} {} of {subject} {} lost before being read: what they held will not be \
                 seen.",
                if *holes == 1 { "stretch" } else { "stretches" },
                if *holes == 1 { "was" } else { "were" }
            ),
            Cause::PersonsMissing { touch, now_percent, usual_percent } => format!(
                "Only {now_percent} % of {} of {subject} name a person, usually {usual_percent} \
                 %: reading through them is not counted.",
                touch.english()
            ),
            Cause::Late { percent } => format!(
                "{percent} % of the events of {subject} come after their day was closed: they are \
                 not judged."
            ),
            Cause::Quarantine { percent, reason } => format!(
                "{percent} % of the lines of {subject} cannot be read ({reason}): what they hold \
                 is not counted."
            ),
            Cause::Oversized { lines } => format!(
                "{lines} {} of {subject} over 16 MiB {} left out: their persons are not counted.",
                if *lines == 1 { "line" } else { "lines" },
                if *lines == 1 { "was" } else { "were" }
            ),
            Cause::TwoPartitions { times } => format!(
                "Accounts were seen on two partitions ({times} times): the topic is not keyed by \
                 account, and each half of a theft looks innocent."
            ),
            Cause::StateFull { accounts, most, forgotten } => format!(
                "{accounts} of {most} accounts of {subject} are in memory and {forgotten} were \
                 forgotten lately: a forgotten account loses its baseline."
            ),
            Cause::DiskLow { free_mb } => {
                format!("Only {free_mb} MiB are free for the data folder: soon nothing is stored.")
            }
            Cause::SnapshotOld { seconds } => format!(
                "State of {subject} was not saved for {}: a restart will read that much again.",
                lasting(*seconds, ENGLISH)
            ),
            Cause::HookDead { seconds, waiting } => format!(
                "{subject} has taken nothing for {}; {waiting} alerts wait: nobody there is told.",
                lasting(*seconds, ENGLISH)
            ),
            Cause::DeadLetters { items } => format!(
                "{items} {} to {subject} {} given up: send them again or settle them.",
                if *items == 1 { "delivery" } else { "deliveries" },
                if *items == 1 { "was" } else { "were" }
            ),
            Cause::OutOfReach(limit) => super::reach::english(limit),
        }
    }

    /// In French; `subject` is the source or the receiver.
    #[must_use]
    pub fn french(&self, subject: &str) -> String {
        match self {
            Cause::SourceSilent { seconds } => format!(
                "Aucun enregistrement de {subject} depuis {} de temps ouvré : un vol passerait \
                 inaperçu.",
                lasting(*seconds, FRENCH)
            ),
            Cause::SourceUnreachable { reason } => {
                format!("{subject} est injoignable : {reason}. Rien n’est lu.")
            }
            Cause::Lag { records } => format!(
                "La lecture de {subject} a {records} enregistrements de retard : les alertes \
                 arrivent tard."
            ),
            Cause::Delay { seconds } => format!(
                "Les événements de {subject} arrivent {} après les faits : les alertes arrivent \
                 tard.",
                lasting(*seconds, FRENCH)
            ),
            Cause::Gap { holes } => format!(
                "{holes} {} de {subject} avant d’être {} : ce qui s’y trouvait ne sera pas vu.",
                if *holes == 1 { "portion perdue" } else { "portions perdues" },
                if *holes == 1 { "lue" } else { "lues" }
            ),
            Cause::PersonsMissing { touch, now_percent, usual_percent } => format!(
                "Seulement {now_percent} % des {} de {subject} nomment une personne, contre \
                 {usual_percent} % d’habitude : ce qui est lu par là n’est pas compté.",
                touch.french()
            ),
            Cause::Late { percent } => format!(
                "{percent} % des événements de {subject} arrivent après la clôture de leur \
                 journée : ils ne sont pas jugés."
            ),
            Cause::Quarantine { percent, reason } => format!(
                "{percent} % des lignes de {subject} sont illisibles ({reason}) : leur contenu \
                 n’est pas compté."
            ),
            Cause::Oversized { lines } => format!(
                "{lines} {} de {subject} de plus de 16 Mio : leurs personnes ne sont pas comptées.",
                if *lines == 1 { "ligne écartée" } else { "lignes écartées" }
            ),
            Cause::TwoPartitions { times } => format!(
                "Des comptes ont été vus sur deux partitions ({times} fois) : la clé du topic n’est \
                 pas le compte, et chaque moitié d’un vol paraît innocente."
            ),
            Cause::StateFull { accounts, most, forgotten } => format!(
                "{accounts} comptes de {subject} en mémoire sur {most}, {forgotten} oubliés \
                 récemment : un compte oublié perd sa référence."
            ),
            Cause::DiskLow { free_mb } => format!(
                "Il ne reste que {free_mb} Mio pour le dossier de données : bientôt plus rien ne \
                 sera enregistré."
            ),
            Cause::SnapshotOld { seconds } => format!(
                "L’état de {subject} n’a pas été sauvegardé depuis {} : un redémarrage relira tout \
                 cela.",
                lasting(*seconds, FRENCH)
            ),
            Cause::HookDead { seconds, waiting } => format!(
                "{subject} n’accepte rien depuis {} ; {waiting} alertes attendent : personne n’y \
                 est prévenu.",
                lasting(*seconds, FRENCH)
            ),
            Cause::DeadLetters { items } => format!(
                "{items} {} vers {subject} : à renvoyer ou à solder.",
                if *items == 1 { "envoi abandonné" } else { "envois abandonnés" }
            ),
            Cause::OutOfReach(limit) => super::reach::french(limit),
        }
    }
}

impl Named {
    fn english(self) -> &'static str {
        match self {
            Named::Listed => "searches and lists",
            Named::Opened => "opened files",
        }
    }

    fn french(self) -> &'static str {
        match self {
            Named::Listed => "recherches et listes",
            Named::Opened => "dossiers ouverts",
        }
    }
}

/// Words for seconds, minutes, hours and days.
type Units = [&'static str; 4];
const ENGLISH: Units = ["s", "min", "h", "days"];
const FRENCH: Units = ["s", "min", "h", "jours"];

/// `90 s`, `15 min`, `3 h 05`, `4 days`.
fn lasting(seconds: u64, units: Units) -> String {
    match seconds {
        0..120 => format!("{seconds} {}", units[0]),
        120..7_200 => format!("{} {}", seconds / 60, units[1]),
        7_200..172_800 => format!("{} {} {:02}", seconds / 3_600, units[2], seconds / 60 % 60),
        _ => format!("{} {}", seconds / 86_400, units[3]),
    }
}
