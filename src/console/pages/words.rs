//! Every word of the pages, English and French side by side, so that the compiler finds a missing
//! one. `{}` is filled in; `one|many` are singular and plural.

use crate::triage::Language;

mod account;
mod alert;
mod counted;
mod health;
mod promise;
mod queue;
mod texts;

/// A struct of words, and its two values.
macro_rules! words {
    ($name:ident: $($word:ident: $english:literal, $french:literal;)*) => {
        /// Words of one part of the pages.
        #[derive(Debug)]
        pub(in crate::console::pages) struct $name {
            $(pub(in crate::console::pages) $word: &'static str,)*
        }

        impl $name {
            pub(super) const EN: $name = $name { $($word: $english,)* };
            pub(super) const FR: $name = $name { $($word: $french,)* };

            /// Every word with its name.
            #[cfg(test)]
            pub(super) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($word), self.$word),)*]
            }
        }
    };
}
use words;

pub(super) use account::AccountWords;
pub(super) use alert::AlertWords;
pub(super) use counted::CountedWords;
pub(super) use health::HealthWords;
pub(super) use promise::PromiseWords;
pub(super) use queue::QueueWords;
pub(super) use texts::TextWords;

/// One language.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) language: Language,
    /// `lang` of the page.
    pub(super) code: &'static str,
    common: Common,
    pub(super) queue: QueueWords,
    pub(super) alert: AlertWords,
    pub(super) verdict: alert::VerdictWords,
    pub(super) account: AccountWords,
    /// What rules count.
    pub(super) counted: CountedWords,
    pub(super) health: HealthWords,
    pub(super) promise: PromiseWords,
    pub(super) text: TextWords,
}

static EN: Words = Words {
    language: Language::English,
    code: "en",
    common: Common::EN,
    queue: QueueWords::EN,
    alert: AlertWords::EN,
    verdict: alert::VerdictWords::EN,
    account: AccountWords::EN,
    counted: CountedWords::EN,
    health: HealthWords::EN,
    promise: PromiseWords::EN,
    text: TextWords::EN,
};

static FR: Words = Words {
    language: Language::French,
    code: "fr",
    common: Common::FR,
    queue: QueueWords::FR,
    alert: AlertWords::FR,
    verdict: alert::VerdictWords::FR,
    account: AccountWords::FR,
    counted: CountedWords::FR,
    health: HealthWords::FR,
    promise: PromiseWords::FR,
    text: TextWords::FR,
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Words {
        match language {
            Language::English => &EN,
            Language::French => &FR,
        }
    }
}

/// The words that most pages need are words of the language itself.
impl std::ops::Deref for Words {
    type Target = Common;
    fn deref(&self) -> &Common {
        &self.common
    }
}

words! { Common:
    skip: "Skip to content", "Aller au contenu";
    nav: "Main", "Navigation principale";
    nav_alerts: "Alerts", "Alertes";
    nav_health: "Health", "Santé";
    nav_audit: "Audit", "Audit";
    open_count: "{} open|{} open", "{} ouverte|{} ouvertes";
    blind_count: "{} blind alert|{} blind alerts", "{} alerte d’aveuglement|{} alertes d’aveuglement";
    language_switch: "Language", "Langue";
    log_out: "Log out", "Se déconnecter";
    live: "live", "en direct";
    live_off: "The live connection is lost. This page looks again every 30 seconds.", "La connexion en direct est perdue. Cette page se relit toutes les 30 secondes.";
    new_alerts: "{} new alert|{} new alerts", "{} nouvelle alerte|{} nouvelles alertes";
    alert_changed: "This alert has changed since you opened it", "Cette alerte a changé depuis son ouverture";
    show: "Show", "Afficher";
    failed: "That did not work. Reload the page and try again.", "Cela n’a pas fonctionné. Rechargez la page et recommencez.";
    footer: "vigie: reads access logs, alerts when an account reads far more people than it normally does.", "vigie : lit les journaux d’accès, alerte quand un compte lit bien plus de personnes que d’habitude.";
    keys: "Keyboard", "Clavier";
    accessibility: "Accessibility: not audited yet", "Accessibilité : non auditée";
    api: "API", "API";
    ago: "{} ago", "il y a {}";
    months: "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.";
    weekdays: "Mon Tue Wed Thu Fri Sat Sun", "lun. mar. mer. jeu. ven. sam. dim.";
    yes: "yes", "oui";
    no: "no", "non";
    unknown: "unknown", "inconnu";
    nobody: "nobody", "personne";
    never: "never", "jamais";
    table: "The same as a table", "Les mêmes valeurs en tableau";
    persons: "{} person|{} persons", "{} personne|{} personnes";
    critical: "Critical", "Critique";
    high: "High", "Élevée";
    medium: "Medium", "Moyenne";
    low: "Low", "Faible";
    info: "Info", "Info";
    state_new: "New", "Nouvelle";
    state_in_progress: "In progress", "En cours";
    state_on_hold: "On hold", "En attente";
    state_closed: "Closed", "Close";
    historical: "historical", "historique";
    learning: "learning", "apprentissage";
    campaign_of: "{} alert of one campaign|{} alerts of one campaign", "{} alerte d’une même campagne|{} alertes d’une même campagne";
    ended: "ended", "terminée";
    ongoing: "ongoing", "en cours";
    kind_account: "account", "compte";
    kind_unit: "unit", "unité";
    kind_partner: "partner", "partenaire";
    kind_source: "address", "adresse";
    kind_device: "device", "appareil";
    kind_network: "network", "réseau";
    error_400: "This address or form cannot be understood", "Cette adresse ou ce formulaire est incompréhensible";
    error_400_hint: "Go back and try again; if it came from a link, the link is damaged.", "Revenez en arrière et recommencez ; si c’était un lien, il est abîmé.";
    error_403: "You may not do this", "Vous n’avez pas ce droit";
    error_403_hint: "Your role does not include it. Ask an administrator of vigie.", "Votre rôle ne le permet pas. Demandez à un administrateur de vigie.";
    error_token: "This form is too old", "Ce formulaire est trop ancien";
    error_token_hint: "It was opened in another session. Reload the page you came from and send it again.", "Il a été ouvert dans une autre session. Rechargez la page d’origine et renvoyez-le.";
    error_404: "There is no such page", "Cette page n’existe pas";
    error_404_hint: "The alert may have passed its retention, or the address is wrong.", "L’alerte a peut-être dépassé sa durée de conservation, ou l’adresse est fausse.";
    error_409: "Somebody else was faster", "Quelqu’un a été plus rapide";
    error_409_hint: "What you changed is no longer as it was shown. Look again, then decide.", "Ce que vous modifiez n’est plus tel qu’affiché. Relisez, puis décidez.";
    error_429: "Too many requests", "Trop de requêtes";
    error_429_hint: "Wait a minute, then try again.", "Attendez une minute, puis recommencez.";
    error_500: "vigie made a mistake", "vigie a fait une erreur";
    error_500_hint: "Nothing was changed. The log of the service says why.", "Rien n’a été modifié. Le journal du service dit pourquoi.";
    error_503: "The alerts cannot be read right now", "Les alertes sont illisibles pour l’instant";
    error_503_hint: "Detection goes on. Try again in a minute.", "La détection continue. Recommencez dans une minute.";
    error_id: "Reference for the log: {}", "Référence pour le journal : {}";
    to_queue: "To the alerts", "Vers les alertes";
    login_title: "Log in", "Connexion";
    login_name: "Name", "Nom";
    login_password: "Password", "Mot de passe";
    login_send: "Log in", "Se connecter";
    login_wrong: "Name or password is wrong.", "Nom ou mot de passe incorrect.";
    login_many: "Too many attempts. Wait a few minutes.", "Trop de tentatives. Attendez quelques minutes.";
    login_expired: "Your session has ended. Log in again.", "Votre session est terminée. Reconnectez-vous.";
    login_note: "Every view of a person’s or account’s behaviour is recorded.", "Toute consultation du comportement d’une personne ou d’un compte est enregistrée.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(words: &Words) -> Vec<(&'static str, &'static str)> {
        [
            words.common.all(),
            words.queue.all(),
            words.alert.all(),
            words.verdict.all(),
            words.account.all(),
            words.counted.all(),
            words.health.all(),
            words.promise.all(),
            words.text.all(),
        ]
        .concat()
    }

    #[test]
    fn no_word_is_empty_and_both_languages_fill_in_the_same() {
        let (en, fr) = (all(Words::of(Language::English)), all(Words::of(Language::French)));
        assert!(en.len() > 200);
        for ((name, english), (_, french)) in en.iter().zip(&fr) {
            assert!(!english.trim().is_empty() && !french.trim().is_empty(), "{name}");
            let shape = |text: &str| {
                (text.split('|').count(), text.split('|').next().map(|t| t.matches("{}").count()))
            };
            let one_of = |text: &str| text.split('|').all(|t| t.matches("{}").count() <= 1);
            assert_eq!(shape(english), shape(french), "{name}");
            assert!(one_of(english) && one_of(french), "{name}");
            assert!(!english.contains('\'') && !french.contains('\''), "{name}: use ’");
        }
    }

    #[test]
    fn french_is_spaced_as_french_is() {
        for (name, french) in all(Words::of(Language::French)) {
            for mark in [':', ';', '?', '!'] {
                for (at, _) in french.match_indices(mark) {
                    let before = french[..at].chars().next_back();
                    assert!(
                        matches!(before, Some('\u{a0}' | '\u{202f}') | None),
                        "{name}: {french}"
                    );
                }
            }
        }
    }
}
