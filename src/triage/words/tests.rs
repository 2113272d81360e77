//! Every watch, as it is told in both languages.

use crate::detect::channel::Measure;
use crate::detect::report::Report;
use crate::detect::rule::Watch;
use crate::event::Touch;
use crate::triage::tests::{report, triage};
use crate::triage::{Language, Triage, terminal_line};

/// A report of one signal of a watch.
fn of(watch: Watch, measure: Option<Measure>) -> Report {
    let mut report = report();
    report.persons = (312, 312, 312);
    let signal = &mut report.signals[0];
    (signal.watch, signal.measure) = (watch, measure);
    signal.touch = measure.map(|_| Touch::Opened);
    signal.observed = 41;
    signal.usual = 9;
    signal.threshold = 31;
    signal.peers = None;
    report.circumstances = Default::default();
    report.signals[0].class = crate::detect::epoch::HourClass::Core;
    report
}

const LANGUAGES: [Language; 2] = [Language::English, Language::French];

/// What follows the persons on the terminal, and what the sentence gives as the reason, in English
/// and in French.
fn told(watch: Watch, measure: Option<Measure>) -> [[String; 2]; 2] {
    LANGUAGES.map(|language| {
        let report = of(watch, measure);
        let line = terminal_line(&report, language);
        let (_, line) = line.split_once("312 person").unwrap();
        let line = line.trim_start_matches("nes").trim_start_matches('s');
        let sentence = Triage { language, ..triage() }.alert(&report).explanation;
        let reasons =
            sentence.split_once(if language == Language::French { " : " } else { "07: " });
        [line.to_owned(), reasons.unwrap().1.to_owned()]
    })
}

fn check(watch: Watch, measure: Option<Measure>, english: [&str; 2], french: [&str; 2]) {
    let wanted = [english, french].map(|texts| texts.map(str::to_owned));
    assert_eq!(told(watch, measure), wanted, "{watch:?}");
}

#[test]
#[rustfmt::skip]
fn counts_of_persons_and_origins_are_told_in_both_languages() {
    check(Watch::DistinctPersons, Some(Measure::Persons5m),
        ["; 41 persons in 5 min, usual ≤ 9, alert at 31", "41 persons opened in 5 minutes, usually at most 9, alert from 31."],
        [" ; 41 personnes en 5 min, d'habitude ≤ 9, alerte à 31", "41 personnes ouvertes en 5 minutes, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::OwnUnitPersons, Some(Measure::Territory1d),
        ["; 41 persons of its own unit new to the account in 1 day, usual ≤ 9, alert at 31", "41 persons opened in a day of its own unit that it had not read within 28 days, usually at most 9, alert from 31."],
        [" ; 41 personnes de son unité nouvelles pour le compte en 1 jour, d'habitude ≤ 9, alerte à 31", "41 personnes ouvertes en un jour de son unité qu'il n'avait pas lues en 28 jours, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::ForeignOrigins, Some(Measure::Foreign7d),
        ["; 41 foreign origins in 7 days, usual ≤ 9, alert at 31", "41 foreign origins opened in 7 days, usually at most 9, alert from 31."],
        [" ; 41 origines étrangères en 7 jours, d'habitude ≤ 9, alerte à 31", "41 origines étrangères ouvertes en 7 jours, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::RoleCeiling, Some(Measure::Persons1h),
        ["; 41 persons in 1 h, role ceiling 30", "41 persons opened in an hour, the role's ceiling is 30."],
        [" ; 41 personnes en 1 h, plafond du rôle 30", "41 personnes ouvertes en une heure, plafond du rôle : 30."]);
    check(Watch::DeclaredCeiling, Some(Measure::Persons1d),
        ["; 41 persons in 1 day, declared ceiling 30", "41 persons opened in a day, the declared ceiling is 30."],
        [" ; 41 personnes en 1 jour, plafond déclaré 30", "41 personnes ouvertes en un jour, plafond déclaré : 30."]);
    check(Watch::EndedAccount, None,
        ["; account has ended", "the account's end date has passed."],
        [" ; le compte a pris fin", "la date de fin du compte est passée."]);
    check(Watch::UnidentifiedRecords, None,
        ["; 41 records without identity in 1 day, ceiling 30", "41 records without a usable identity in a day, ceiling 30."],
        [" ; 41 dossiers sans identité en 1 jour, plafond 30", "41 dossiers sans identité exploitable en un jour, plafond 30."]);
}

#[test]
#[rustfmt::skip]
fn who_whence_and_how_are_told_in_both_languages() {
    check(Watch::NovelPersons, Some(Measure::Novel1d),
        ["; 41 persons new to the account in 1 day, usual ≤ 9, alert at 31", "41 persons opened in a day that it had not read within 28 days, usually at most 9, alert from 31."],
        [" ; 41 personnes nouvelles pour le compte en 1 jour, d'habitude ≤ 9, alerte à 31", "41 personnes ouvertes en un jour qu'il n'avait pas lues depuis 28 jours, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::DormantPersons, Some(Measure::Dormant1d),
        ["; 41 dormant files in 1 day, usual ≤ 9, alert at 31", "41 persons opened in a day whose files nobody in memory had read, usually at most 9, alert from 31."],
        [" ; 41 dossiers dormants en 1 jour, d'habitude ≤ 9, alerte à 31", "41 personnes ouvertes en un jour dont nul, de mémoire, n'avait lu le dossier, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::OffHoursPersons, Some(Measure::OffPersons1d),
        ["; 41 persons outside working hours in 1 day, usual ≤ 9, alert at 31", "41 persons opened in a day at hours its peers do not work, usually at most 9, alert from 31."],
        [" ; 41 personnes hors des heures de travail en 1 jour, d'habitude ≤ 9, alerte à 31", "41 personnes ouvertes en un jour à des heures où ses pairs ne travaillent pas, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::OffHoursOrigins, Some(Measure::OffForeign1d),
        ["; 41 foreign origins outside working hours in 1 day, usual ≤ 9, alert at 31", "41 foreign origins opened in a day at hours its peers do not work, usually at most 9, alert from 31."],
        [" ; 41 origines étrangères hors des heures de travail en 1 jour, d'habitude ≤ 9, alerte à 31", "41 origines étrangères ouvertes en un jour à des heures où ses pairs ne travaillent pas, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::StrangerPersons, Some(Measure::Stranger1d),
        ["; 41 persons new to the account from a device unknown to it in 1 day, usual ≤ 9, alert at 31", "41 persons new to the account opened from a device unknown to it in a day, usually at most 9, alert from 31."],
        [" ; 41 personnes nouvelles pour le compte depuis un appareil inconnu de lui en 1 jour, d'habitude ≤ 9, alerte à 31", "41 personnes nouvelles pour le compte ouvertes depuis un appareil inconnu de lui en un jour, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::UnusualOperations, Some(Measure::Unusual1d),
        ["; 41 persons by an operation its peers do not use in 1 day, usual ≤ 9, alert at 31", "41 persons opened in a day by a search, a page or a choice of data that its peers do not use, usually at most 9, alert from 31."],
        [" ; 41 personnes par une opération que ses pairs n'utilisent pas en 1 jour, d'habitude ≤ 9, alerte à 31", "41 personnes ouvertes en un jour par une recherche, une page ou un choix de données que ses pairs n'utilisent pas, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::SensitivePersons, Some(Measure::Sensitive7d),
        ["; 41 persons with sensitive data in 7 days, usual ≤ 9, alert at 31", "41 persons opened in 7 days with data on bank, tax, health, justice or the like, usually at most 9, alert from 31."],
        [" ; 41 personnes avec des données sensibles en 7 jours, d'habitude ≤ 9, alerte à 31", "41 personnes ouvertes en 7 jours avec des données bancaires, fiscales, de santé, de justice ou semblables, d'habitude au plus 9, alerte à partir de 31."]);
}

#[test]
#[rustfmt::skip]
fn day_after_day_are_told_in_both_languages() {
    check(Watch::PersonsDrift, Some(Measure::PersonsDrift),
        ["; each day more persons than it used to, 41 today, used to be ≤ 9, alert at 31", "each day more persons opened than it used to, 41 today, used to be at most 9, alert from 31."],
        [" ; chaque jour plus de personnes qu'avant, 41 aujourd'hui, autrefois ≤ 9, alerte à 31", "chaque jour plus de personnes ouvertes qu'avant, 41 aujourd'hui, autrefois au plus 9, alerte à partir de 31."]);
    check(Watch::NoveltyDrift, Some(Measure::NovelDrift),
        ["; each day more persons new to the account than it used to, 41 today, used to be ≤ 9, alert at 31", "each day more persons new to the account opened than it used to, 41 today, used to be at most 9, alert from 31."],
        [" ; chaque jour plus de personnes nouvelles pour le compte qu'avant, 41 aujourd'hui, autrefois ≤ 9, alerte à 31", "chaque jour plus de personnes nouvelles pour le compte ouvertes qu'avant, 41 aujourd'hui, autrefois au plus 9, alerte à partir de 31."]);
}

#[test]
#[rustfmt::skip]
fn shares_over_many_days_are_told_in_both_languages() {
    check(Watch::OriginsRun, Some(Measure::ForeignRun),
        ["; over many days 41 foreign origins beyond their usual share, usual ≤ 9, alert at 31", "over many days 41 foreign origins opened beyond their usual share of its persons, usually at most 9, alert from 31."],
        [" ; en plusieurs jours 41 origines étrangères au-delà de leur part habituelle, d'habitude ≤ 9, alerte à 31", "en plusieurs jours 41 origines étrangères ouvertes au-delà de leur part habituelle parmi ses personnes, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::DormantRun, Some(Measure::DormantRun),
        ["; over many days 41 dormant files beyond their usual share, usual ≤ 9, alert at 31", "over many days 41 persons opened whose files nobody in memory had read, beyond their usual share of its persons, usually at most 9, alert from 31."],
        [" ; en plusieurs jours 41 dossiers dormants au-delà de leur part habituelle, d'habitude ≤ 9, alerte à 31", "en plusieurs jours 41 personnes ouvertes dont nul, de mémoire, n'avait lu le dossier, au-delà de leur part habituelle parmi ses personnes, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::OwnUnitRun, Some(Measure::OwnRun),
        ["; over many days 41 persons of its own unit new to the account beyond their usual share, usual ≤ 9, alert at 31", "over many days 41 persons opened of its own unit that it had not read within 28 days, beyond their usual share of its persons, usually at most 9, alert from 31."],
        [" ; en plusieurs jours 41 personnes de son unité nouvelles pour le compte au-delà de leur part habituelle, d'habitude ≤ 9, alerte à 31", "en plusieurs jours 41 personnes ouvertes de son unité qu'il n'avait pas lues en 28 jours, au-delà de leur part habituelle parmi ses personnes, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::OperationsRun, Some(Measure::UnusualRun),
        ["; over many days 41 persons by an operation its peers do not use beyond their usual share, usual ≤ 9, alert at 31", "over many days 41 persons opened by a search, a page or a choice of data that its peers do not use, beyond their usual share of its persons, usually at most 9, alert from 31."],
        [" ; en plusieurs jours 41 personnes par une opération que ses pairs n'utilisent pas au-delà de leur part habituelle, d'habitude ≤ 9, alerte à 31", "en plusieurs jours 41 personnes ouvertes par une recherche, une page ou un choix de données que ses pairs n'utilisent pas, au-delà de leur part habituelle parmi ses personnes, d'habitude au plus 9, alerte à partir de 31."]);
}

#[test]
#[rustfmt::skip]
fn requests_are_told_in_both_languages() {
    check(Watch::Misses, Some(Measure::Misses1d),
        ["; 41 requests that found nobody in 1 day, usual ≤ 9, alert at 31", "41 requests in a day that found nobody or were denied, usually at most 9, alert from 31."],
        [" ; 41 requêtes qui n'ont trouvé personne en 1 jour, d'habitude ≤ 9, alerte à 31", "41 requêtes en un jour qui n'ont trouvé personne ou ont été refusées, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::Updates, Some(Measure::Updates1d),
        ["; 41 records changed in 1 day, usual ≤ 9, alert at 31", "41 records changed in a day, usually at most 9, alert from 31."],
        [" ; 41 dossiers modifiés en 1 jour, d'habitude ≤ 9, alerte à 31", "41 dossiers modifiés en un jour, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::UnrelatedRecords, Some(Measure::Unrelated1d),
        ["; 41 records outside its caseload in 1 day, usual ≤ 9, alert at 31", "41 records in a day outside its caseload, as the application or the list of caseloads says, usually at most 9, alert from 31."],
        [" ; 41 dossiers hors de son portefeuille en 1 jour, d'habitude ≤ 9, alerte à 31", "41 dossiers en un jour hors de son portefeuille, d'après l'application ou la liste des portefeuilles, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::NeighbouringIds, Some(Measure::Neighbours1d),
        ["; 41 persons with neighbouring identifiers in 1 day, usual ≤ 9, alert at 31", "41 persons in a day whose identifier neighbours one read just before, usually at most 9, alert from 31."],
        [" ; 41 personnes aux identifiants voisins en 1 jour, d'habitude ≤ 9, alerte à 31", "41 personnes en un jour dont l'identifiant est voisin d'un autre lu juste avant, d'habitude au plus 9, alerte à partir de 31."]);
    check(Watch::SteadyPace, Some(Measure::Steady1d),
        ["; 41 requests at one even pace in 1 day, usual ≤ 9, alert at 31", "41 requests in a row in a day at the even pace of a machine, usually at most 9, alert from 31."],
        [" ; 41 requêtes à intervalle régulier en 1 jour, d'habitude ≤ 9, alerte à 31", "41 requêtes de suite en un jour à l'allure régulière d'une machine, d'habitude au plus 9, alerte à partir de 31."]);
}

#[test]
fn a_count_that_is_exactly_the_persons_stands_once() {
    let line = |watch, measure, language| {
        let mut report = of(watch, Some(measure));
        report.signals[0].observed = 312;
        let line = terminal_line(&report, language);
        line.split_once("312 person").unwrap().1.to_owned()
    };
    let check = |watch, measure, english: &str, french: &str| {
        assert_eq!(line(watch, measure, Language::English), english);
        assert_eq!(line(watch, measure, Language::French), french);
    };
    check(
        Watch::DistinctPersons,
        Measure::Persons1h,
        "s, usual ≤ 9/h, alert at 31",
        "nes, d'habitude ≤ 9/h, alerte à 31",
    );
    check(
        Watch::StrangerPersons,
        Measure::Stranger1d,
        "s, all new to the account and from a device unknown to it, usual ≤ 9/day, alert at 31",
        "nes, toutes nouvelles pour le compte et depuis un appareil inconnu de lui, d'habitude ≤ \
         9/jour, alerte à 31",
    );
    // As many requests as persons is chance.
    check(
        Watch::Misses,
        Measure::Misses1d,
        "s; 312 requests that found nobody in 1 day, usual ≤ 9, alert at 31",
        "nes ; 312 requêtes qui n'ont trouvé personne en 1 jour, d'habitude ≤ 9, alerte à 31",
    );
}

#[test]
fn a_log_without_devices_has_unknown_addresses() {
    let mut report = of(Watch::StrangerPersons, Some(Measure::Stranger1d));
    report.seen[1].clear();
    let line = terminal_line(&report, Language::English);
    assert!(line.contains("41 persons new to the account from an address unknown to it"), "{line}");
    assert_eq!(triage().alert(&report).facts[0].values["place"], "address");
}

#[test]
fn persons_of_days_before_are_dated() {
    let mut report = of(Watch::ForeignOrigins, Some(Measure::Foreign7d));
    report.first = report.opened - 6 * 86_400_000 - 3_600_000;
    report.signals[0].peers = Some(("cap-emploi/cap-adviser".into(), 214, 14));
    assert_eq!(
        terminal_line(&report, Language::English),
        "ALERT critical  Tue 6 Feb 19:00:07  cap00412 (Cap emploi adviser)  312 persons since Wed 31 \
         Jan; 41 foreign origins in 7 days, usual ≤ 9, alert at 31, 214 peers ≤ 14"
    );
    assert_eq!(
        triage().alert(&report).explanation,
        "cap00412 (Cap emploi adviser) read 312 persons from Wed 31 Jan at 18:00:07 to Tue 6 Feb at \
         19:00:07: 41 foreign origins opened in 7 days, usually at most 9, alert from 31; 99 % of the \
         weeks of 214 peers stay at 14 or below."
    );
    let french = Triage { language: Language::French, ..triage() };
    assert_eq!(
        french.alert(&report).explanation,
        "cap00412 (conseiller Cap emploi) a lu 312 personnes du mer. 31 janv. à 18:00:07 au mar. 6 \
         févr. à 19:00:07 : 41 origines étrangères ouvertes en 7 jours, d'habitude au plus 9, alerte \
         à partir de 31 ; 99 % des semaines de 214 pairs restent à 14 ou moins."
    );
}

#[test]
fn what_else_fired_and_how_sure_it_is_are_told() {
    let mut report = of(Watch::ForeignOrigins, Some(Measure::Foreign1d));
    let more = |watch, measure, observed, surprise| {
        let mut signal = of(watch, Some(measure)).signals.remove(0);
        (signal.observed, signal.surprise) = (observed, surprise);
        signal
    };
    report.signals.extend([
        // Of the same family as what is told already.
        more(Watch::DormantPersons, Measure::Dormant1d, 40, 6.9),
        more(Watch::DistinctPersons, Measure::Persons1d, 90, 5.0),
        more(Watch::StrangerPersons, Measure::Stranger1d, 77, 6.0),
        more(Watch::SteadyPace, Measure::Steady1d, 60, 4.9),
    ]);
    report.persons = (312, 290, 330);
    let alert = triage().alert(&report);
    assert_eq!(
        alert.explanation,
        "cap00412 (Cap emploi adviser) read 312 persons on Tue 6 Feb at 19:00:07: 41 foreign origins \
         opened in a day, usually at most 9, alert from 31; also 77 persons new to the account from a \
         device unknown to it in 1 day and 90 persons in 1 day; persons estimated between 290 and 330."
    );
    let french = Triage { language: Language::French, ..triage() }.alert(&report).explanation;
    let wanted = "; et aussi 77 personnes nouvelles pour le compte depuis un appareil inconnu de lui \
                  en 1 jour et 90 personnes en 1 jour ; nombre de personnes estimé entre 290 et 330.";
    assert!(french.ends_with(wanted), "{french}");
    let fact = |code: &str| alert.facts.iter().find(|f| f.code == code).unwrap().values.clone();
    let kinds = serde_json::json!(["volume", "foreign", "device", "pace"]);
    assert_eq!(fact("corroboration")["kinds"], kinds);
    assert_eq!(fact("estimated")["high"], 330);
    assert_eq!(fact("dormant")["not_below"], 31);
    assert_eq!(fact("dormant")["kind"], "foreign");
}

#[test]
fn signs_that_fired_together_say_so() {
    let mut report = of(Watch::StrangerPersons, Some(Measure::Stranger1d));
    let mut other = of(Watch::NovelPersons, Some(Measure::Novel1d)).signals.remove(0);
    other.surprise = 2.0;
    report.signals.push(other);
    report.signals.iter_mut().for_each(|s| s.joint = true);
    let alert = triage().alert(&report);
    assert_eq!(
        alert.explanation,
        "cap00412 (Cap emploi adviser) read 312 persons on Tue 6 Feb at 19:00:07: 41 persons new to \
         the account opened from a device unknown to it in a day, usually at most 9, a sign from 31; also \
         41 persons new to the account in 1 day; none of these counts would alert alone, together \
         they are as rare as an alert must be."
    );
    assert!(alert.facts.iter().any(|f| f.code == "joint-signs"));
}
