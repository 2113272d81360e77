//! French: the analysts' own language, mostly.

use jiff::civil::Weekday;

use super::{
    Bound, Circumstance, Counted, Others, Said, Strange, Texts, Tongue, Window, WindowWords,
};
use crate::alert::{EntityKind, Severity};
use crate::detect::report::Cause;
use crate::detect::rule::Watch;
use crate::event::Touch;

pub(super) struct French;

const fn lengths(short: &'static str, all: Option<&'static str>, long: &'static str) -> Counted {
    Counted { short, all, long }
}

const fn said(short: &'static str, long: &'static str) -> Said {
    Said { short, long }
}

static TEXTS: Texts = Texts {
    named: "{who} ({label})",
    read: "{who} a lu {persons}{pace} le {when}",
    had_read: "{who} avait lu {persons} le {when}",
    read_between: "{who} a lu {persons} du {from} au {when}",
    since: " depuis le {day}",
    at_once: " d'un coup",
    seconds: " en {s} s",
    peers: "99 % des {each} de {size} pairs restent à {p99} ou moins",
    peers_short: ", {size} pairs ≤ {p99}",
    also: "et aussi {counts}",
    and: " et ",
    estimated: "nombre de personnes estimé entre {low} et {high}",
    about: "environ ",
    shared: "{about}{n} des {persons} ont été lues{session} {from}, {others} probablement par son titulaire",
    one_session: " en une seule session",
    moment: "{day} à {clock}",
    semicolon: " ; ",
    colon: " : ",
    times_of_day: ["tôt le matin", "heure creuse", "soir", "nuit"],
};

#[rustfmt::skip]
impl Tongue for French {
    fn counted(&self, watch: Watch) -> Counted {
        match watch {
            Watch::DistinctPersons | Watch::RoleCeiling | Watch::DeclaredCeiling => lengths(
                "{n} personnes en {window}", Some(""),
                "{n} personnes{touch} {within}"),
            Watch::ForeignOrigins => lengths(
                "{n} origines étrangères en {window}", Some(", toutes étrangères"),
                "{n} origines étrangères{touch} {within}"),
            Watch::EndedAccount => lengths("le compte a pris fin", None,
                "la date de fin du compte est passée"),
            Watch::UnidentifiedRecords => lengths(
                "{n} dossiers sans identité en {window}", None,
                "{n} dossiers sans identité exploitable {within}"),
            Watch::NovelPersons => lengths(
                "{n} personnes nouvelles pour le compte en {window}", Some(", toutes nouvelles pour le compte"),
                "{n} personnes{touch} {within} qu'il n'avait pas lues depuis 28 jours"),
            Watch::DormantPersons => lengths(
                "{n} dossiers dormants en {window}", Some(", tous des dossiers dormants"),
                "{n} personnes{touch} {within} dont nul, de mémoire, n'avait lu le dossier"),
            Watch::OffHoursPersons => lengths(
                "{n} personnes hors des heures de travail en {window}", Some(", toutes hors des heures de travail"),
                "{n} personnes{touch} {within} à des heures où ses pairs ne travaillent pas"),
            Watch::OffHoursOrigins => lengths(
                "{n} origines étrangères hors des heures de travail en {window}", Some(", toutes étrangères et hors des heures de travail"),
                "{n} origines étrangères{touch} {within} à des heures où ses pairs ne travaillent pas"),
            Watch::StrangerPersons => lengths(
                "{n} personnes nouvelles pour le compte depuis {place} en {window}", Some(", toutes nouvelles pour le compte et depuis {place}"),
                "{n} personnes nouvelles pour le compte{touch} depuis {place} {within}"),
            Watch::UnusualOperations => lengths(
                "{n} personnes par une opération que ses pairs n'utilisent pas en {window}", Some(", toutes par une opération que ses pairs n'utilisent pas"),
                "{n} personnes{touch} {within} par une recherche, une page ou un choix de données que ses pairs n'utilisent pas"),
            Watch::SensitivePersons => lengths(
                "{n} personnes avec des données sensibles en {window}", Some(", toutes avec des données sensibles"),
                "{n} personnes{touch} {within} avec des données bancaires, fiscales, de santé, de justice ou semblables"),
            Watch::PersonsDrift => lengths(
                "chaque jour plus de personnes qu'avant, {n} aujourd'hui", None,
                "chaque jour plus de personnes{touch} qu'avant, {n} aujourd'hui"),
            Watch::NoveltyDrift => lengths(
                "chaque jour plus de personnes nouvelles pour le compte qu'avant, {n} aujourd'hui", None,
                "chaque jour plus de personnes nouvelles pour le compte{touch} qu'avant, {n} aujourd'hui"),
            Watch::OriginsRun => lengths(
                "en plusieurs jours {n} origines étrangères au-delà de leur part habituelle", None,
                "en plusieurs jours {n} origines étrangères{touch} au-delà de leur part habituelle parmi ses personnes"),
            Watch::DormantRun => lengths(
                "en plusieurs jours {n} dossiers dormants au-delà de leur part habituelle", None,
                "en plusieurs jours {n} personnes{touch} dont nul, de mémoire, n'avait lu le dossier, au-delà de leur part habituelle parmi ses personnes"),
            Watch::OwnUnitRun => lengths(
                "en plusieurs jours {n} personnes de son unité nouvelles pour le compte au-delà de leur part habituelle", None,
                "en plusieurs jours {n} personnes{touch} de son unité qu'il n'avait pas lues en 28 jours, au-delà de leur part habituelle parmi ses personnes"),
            Watch::OperationsRun => lengths(
                "en plusieurs jours {n} personnes par une opération que ses pairs n'utilisent pas au-delà de leur part habituelle", None,
                "en plusieurs jours {n} personnes{touch} par une recherche, une page ou un choix de données que ses pairs n'utilisent pas, au-delà de leur part habituelle parmi ses personnes"),
            Watch::Misses => lengths(
                "{n} requêtes qui n'ont trouvé personne en {window}", None,
                "{n} requêtes {within} qui n'ont trouvé personne ou ont été refusées"),
            Watch::Updates => lengths(
                "{n} dossiers modifiés en {window}", None,
                "{n} dossiers modifiés {within}"),
            Watch::UnrelatedRecords => lengths(
                "{n} dossiers hors de son portefeuille en {window}", None,
                "{n} dossiers {within} hors de son portefeuille, d'après l'application ou la liste des portefeuilles"),
            Watch::NeighbouringIds => lengths(
                "{n} personnes aux identifiants voisins en {window}", Some(", toutes aux identifiants voisins"),
                "{n} personnes {within} dont l'identifiant est voisin d'un autre lu juste avant"),
            Watch::OwnUnitPersons => lengths(
                "{n} personnes de son unité nouvelles pour le compte en {window}", Some(", toutes de son unité et nouvelles pour le compte"),
                "{n} personnes{touch} {within} de son unité qu'il n'avait pas lues en 28 jours"),
            Watch::PooledForeign => lengths(
                "{n} origines étrangères de ses comptes en {window}", None,
                "{n} origines étrangères de ses comptes ensemble {within}"),
            Watch::PooledPersons => lengths(
                "{n} personnes de ses comptes en {window}", Some(""),
                "{n} personnes de ses comptes ensemble {within}"),
            Watch::Simultaneous => lengths(
                "{n} comptes bien au-delà de leur habitude", None,
                "{n} comptes le même jour bien au-delà de leur habitude"),
            Watch::JointSigns => lengths("{n} comptages inhabituels à la fois", None, "{n} comptages inhabituels à la fois"),
            Watch::SteadyPace => lengths(
                "{n} requêtes à intervalle régulier en {window}", None,
                "{n} requêtes de suite {within} à l'allure régulière d'une machine"),
        }
    }

    fn bound(&self, bound: Bound) -> Said {
        match bound {
            Bound::Usual => said(", d'habitude ≤ {usual}{per}, alerte à {threshold}", ", d'habitude au plus {usual}, alerte à partir de {threshold}"),
            Bound::Sign => said(", d'habitude ≤ {usual}{per}, signe dès {threshold}", ", d'habitude au plus {usual}, un signe dès {threshold}"),
            Bound::Formerly => said(", autrefois ≤ {usual}, alerte à {threshold}", ", autrefois au plus {usual}, alerte à partir de {threshold}"),
            Bound::Role => said(", plafond du rôle {ceiling}{per}", ", plafond du rôle : {ceiling}"),
            Bound::Declared => said(", plafond déclaré {ceiling}{per}", ", plafond déclaré : {ceiling}"),
            Bound::Ceiling => said(", plafond {ceiling}", ", plafond {ceiling}"),
            Bound::None => said("", ""),
        }
    }

    fn window(&self, window: Window) -> WindowWords {
        match window {
            Window::FiveMinutes => WindowWords { short: "5 min", within: "en 5 minutes", per: "/5 min", each: "jours" },
            Window::Hour => WindowWords { short: "1 h", within: "en une heure", per: "/h", each: "jours" },
            Window::Day => WindowWords { short: "1 jour", within: "en un jour", per: "/jour", each: "jours" },
            Window::Week => WindowWords { short: "7 jours", within: "en 7 jours", per: "/7 jours", each: "semaines" },
        }
    }

    fn touch(&self, touch: Touch) -> &'static str {
        match touch {
            Touch::Listed => " listées",
            Touch::Opened => " ouvertes",
        }
    }

    fn stranger(&self, device: bool) -> &'static str {
        if device { "un appareil inconnu de lui" } else { "une adresse inconnue de lui" }
    }

    fn strange(&self, strange: Strange) -> &'static str {
        match strange {
            Strange::Device => "depuis un appareil nouveau pour le compte",
            Strange::Devices => "depuis des appareils nouveaux pour le compte",
            Strange::Address => "depuis une adresse nouvelle pour le compte",
            Strange::Addresses => "depuis des adresses nouvelles pour le compte",
            Strange::Places => "depuis des appareils et des adresses nouveaux pour le compte",
        }
    }

    fn others(&self, others: Others) -> String {
        match others {
            Others::All(1) => "l'autre".into(),
            Others::All(n) => format!("les {n} autres"),
            Others::Some(1) => "une autre".into(),
            Others::Some(n) => format!("{n} autres"),
            Others::Estimated => "les autres".into(),
        }
    }

    fn cause(&self, cause: Cause) -> &'static str {
        match cause {
            Cause::Opened => "ALERTE",
            Cause::Signal => "encore",
            Cause::Exposure => "croît ",
            Cause::Ended => "finie ",
        }
    }

    fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Info => "info",
            Severity::Low => "faible",
            Severity::Medium => "moyenne",
            Severity::High => "élevée",
            Severity::Critical => "critique",
        }
    }

    fn circumstance(&self, circumstance: Circumstance) -> Said {
        match circumstance {
            Circumstance::NewDevice => said("nouvel appareil", "appareil jamais vu avec ce compte"),
            Circumstance::NewAddress => said("nouvelle adresse", "adresse jamais vue avec ce compte"),
            Circumstance::NewPlace => said("nouveau pour ces comptes", "partagé par ces comptes depuis moins de deux semaines"),
            Circumstance::OffHours => said("", "hors des heures habituelles"),
            Circumstance::RestDay => said("jour de repos", "week-end ou jour férié"),
            Circumstance::Joint => said("signes réunis", "aucun de ces comptages n'alerterait seul, ensemble ils sont aussi rares qu'une alerte doit l'être"),
            Circumstance::Learning => said("apprentissage", "jugé par les valeurs fournies, la référence apprend encore"),
        }
    }

    fn label<'a>(&self, label: &'a (String, String)) -> &'a str {
        &label.1
    }

    fn pool(&self, kind: EntityKind, name: &str, accounts: u64) -> String {
        let kind = match kind {
            EntityKind::Account => "compte",
            EntityKind::Unit => "unité",
            EntityKind::Partner => "partenaire",
            EntityKind::Source => "adresse",
            EntityKind::Device => "appareil",
            EntityKind::Network => "réseau",
        };
        format!("{kind} {name} ({accounts} comptes)")
    }

    fn nobody(&self) -> &'static str {
        "l'ensemble des adresses sans compte"
    }

    fn persons(&self, n: u64) -> String {
        if n < 2 { format!("{n} personne") } else { format!("{n} personnes") }
    }

    fn texts(&self) -> &'static Texts {
        &TEXTS
    }

    fn weekday(&self, weekday: Weekday) -> &'static str {
        match weekday {
            Weekday::Monday => "lun.",
            Weekday::Tuesday => "mar.",
            Weekday::Wednesday => "mer.",
            Weekday::Thursday => "jeu.",
            Weekday::Friday => "ven.",
            Weekday::Saturday => "sam.",
            Weekday::Sunday => "dim.",
        }
    }

    fn months(&self) -> [&'static str; 12] {
        ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
    }
}
