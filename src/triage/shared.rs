//! An account that its owner and a thief share: whose persons are whose, said only where sessions and
//! devices leave little doubt.

use serde_json::{Map, Value, json};

use super::Language;
use super::words::{Others, Strange, Tongue, fill, tongue};
use crate::alert::{EntityKind, Fact};
use crate::detect::report::Report;

/// Code of the fact.
pub(super) const CODE: &str = "shared-account";

/// A thief who reads less than this part of the persons, in quarters, is one suspect among others.
const QUARTERS_MIN: u64 = 3;
/// Persons of whom it is not known who read them, at most one in so many.
const UNKNOWN_MAX: u64 = 20;

/// How the persons of an alert divide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shared {
    /// Read from places new to the account.
    persons: u64,
    /// All of the alert.
    of: u64,
    /// Read from the account's own places alone.
    others: u64,
    one_session: bool,
    place: Strange,
    /// From a sample: the smaller part is too small to be told.
    estimated: bool,
}

impl Shared {
    /// `None` where it is not clear-cut: nearly everybody of one side, too many of neither, or an
    /// alert about several accounts.
    pub(super) fn of(report: &Report) -> Option<Shared> {
        let (by, of) = (&report.read_by, report.persons.0);
        let unknown = of.checked_sub(by.new)?.checked_sub(by.own)?;
        let clear = report.entity == EntityKind::Account
            && by.own > 0
            && by.new.saturating_mul(4) >= of.saturating_mul(QUARTERS_MIN)
            && unknown.saturating_mul(UNKNOWN_MAX) <= of;
        let place = match (by.new_devices, by.new_addresses) {
            (true, false) if by.one_place => Strange::Device,
            (true, false) => Strange::Devices,
            (false, true) if by.one_place => Strange::Address,
            (false, true) => Strange::Addresses,
            _ => Strange::Places,
        };
        let (persons, others, one_session) = (by.new, by.own, by.one_session);
        let estimated = report.persons.1 < report.persons.2;
        clear.then_some(Shared { persons, of, others, one_session, place, estimated })
    }

    /// For machines, which read it back by [`shared_account`].
    pub(super) fn values(&self) -> Value {
        json!({
            "persons": self.persons,
            "of": self.of,
            "others": self.others,
            "one_session": self.one_session,
            "place": word(self.place),
            "estimated": self.estimated,
        })
    }

    fn read(values: &Map<String, Value>) -> Option<Shared> {
        let number = |key: &str| values.get(key)?.as_u64();
        let place = values.get("place")?.as_str()?;
        Some(Shared {
            persons: number("persons")?,
            of: number("of")?,
            others: number("others")?,
            one_session: values.get("one_session")?.as_bool()?,
            estimated: values.get("estimated")?.as_bool()?,
            place: *ALL.iter().find(|strange| word(**strange) == place)?,
        })
    }

    /// `312 of 340 persons were read in one session from a device new to the account, the other 28
    /// probably by its owner`
    pub(super) fn sentence(&self, tongue: &dyn Tongue) -> String {
        let texts = tongue.texts();
        let others = match self.persons.saturating_add(self.others) == self.of {
            _ if self.estimated => Others::Estimated,
            true => Others::All(self.others),
            false => Others::Some(self.others),
        };
        fill(
            texts.shared,
            &[
                ("n", &self.persons),
                ("persons", &tongue.persons(self.of)),
                ("session", &if self.one_session { texts.one_session } else { "" }),
                ("from", &tongue.strange(self.place)),
                ("others", &tongue.others(others)),
                ("about", &if self.estimated { texts.about } else { "" }),
            ],
        )
    }
}

const ALL: [Strange; 5] =
    [Strange::Device, Strange::Devices, Strange::Address, Strange::Addresses, Strange::Places];

fn word(strange: Strange) -> &'static str {
    match strange {
        Strange::Device => "device",
        Strange::Devices => "devices",
        Strange::Address => "address",
        Strange::Addresses => "addresses",
        Strange::Places => "places",
    }
}

/// The sentence of a fact that says whose persons are whose; `None` for any other.
#[must_use]
pub fn shared_account(fact: &Fact, language: Language) -> Option<String> {
    let shared = (fact.code == CODE).then(|| Shared::read(&fact.values)).flatten()?;
    Some(shared.sentence(tongue(language)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::report::ReadBy;
    use crate::triage::tests::{report, triage};
    use crate::triage::{Triage, terminal_line};

    fn by(new: u64, own: u64) -> ReadBy {
        let (one_session, one_place, new_devices) = (true, true, true);
        ReadBy { new, own, one_session, one_place, new_devices, ..ReadBy::default() }
    }

    fn of(total: u64, read_by: ReadBy) -> Report {
        Report { persons: (total, total, total), read_by, ..report() }
    }

    #[track_caller]
    fn check(report: &Report, english: &str, french: &str) {
        for (language, wanted) in [(Language::English, english), (Language::French, french)] {
            let alert = Triage { language, ..triage() }.alert(report);
            let told = alert.facts.iter().filter_map(|fact| shared_account(fact, language));
            assert_eq!(told.collect::<Vec<_>>(), [wanted]);
            let last = alert.explanation.rsplit(';').next().unwrap().trim_end_matches('.').trim();
            assert_eq!(last, wanted);
        }
        // A terminal's line is short.
        assert!(!terminal_line(report, Language::English).contains("owner"));
    }

    #[test]
    fn whose_persons_are_whose_in_both_languages() {
        check(
            &of(340, by(312, 28)),
            "312 of 340 persons were read in one session from a device new to the account, the \
             other 28 probably by its owner",
            "312 des 340 personnes ont été lues en une seule session depuis un appareil nouveau pour \
             le compte, les 28 autres probablement par son titulaire",
        );
        let addresses = ReadBy {
            one_session: false,
            one_place: false,
            new_devices: false,
            new_addresses: true,
            ..by(300, 1)
        };
        check(
            &of(301, addresses.clone()),
            "300 of 301 persons were read from addresses new to the account, the other one probably \
             by its owner",
            "300 des 301 personnes ont été lues depuis des adresses nouvelles pour le compte, l'autre \
             probablement par son titulaire",
        );
        let both = ReadBy { new_devices: true, own: 20, ..addresses };
        check(
            &of(330, both),
            "300 of 330 persons were read from devices and addresses new to the account, 20 others \
             probably by its owner",
            "300 des 330 personnes ont été lues depuis des appareils et des adresses nouveaux pour le \
             compte, 20 autres probablement par son titulaire",
        );
    }

    #[test]
    fn a_sample_does_not_count_the_few() {
        let estimated = Report { persons: (4_144, 3_804, 4_484), ..of(4_144, by(4_088, 56)) };
        let told = |language| Shared::of(&estimated).unwrap().sentence(tongue(language));
        assert_eq!(
            told(Language::English),
            "about 4088 of 4144 persons were read in one session from a device new to the account, the \
             others probably by its owner"
        );
        assert_eq!(
            told(Language::French),
            "environ 4088 des 4144 personnes ont été lues en une seule session depuis un appareil \
             nouveau pour le compte, les autres probablement par son titulaire"
        );
        let Value::Object(values) = Shared::of(&estimated).unwrap().values() else { panic!() };
        assert_eq!(Shared::read(&values), Shared::of(&estimated));
    }

    #[test]
    fn nothing_is_said_where_it_is_not_clear_cut() {
        let silent = |report: &Report| {
            let alert = triage().alert(report);
            assert!(alert.facts.iter().all(|fact| fact.code != CODE), "{:?}", report.read_by);
            assert!(!alert.explanation.contains("owner"), "{}", alert.explanation);
        };
        let clear = of(100, by(75, 25));
        assert!(triage().alert(&clear).facts.iter().any(|fact| fact.code == CODE));
        silent(&of(100, by(74, 26)));
        // All on one side: the usual computer, or a new one.
        silent(&of(100, by(0, 100)));
        silent(&of(100, by(100, 0)));
        // Of too many it is not known.
        assert!(Shared::of(&of(100, by(90, 5))).is_some());
        silent(&of(100, by(90, 4)));
        silent(&of(100, ReadBy::default()));
        let pool = Report { entity: EntityKind::Unit, contributor_count: 3, ..clear };
        silent(&pool);
    }
}
