//! Who is whose: the caseload list, for applications that do not say `unrelated` themselves.

use serde::{Deserialize, Serialize};

use crate::directory::Caseload;

/// Of an account that the list does not name.
pub const NONE: u32 = u32::MAX;

/// Persons by account, both in order: 4 bytes a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caseloads {
    accounts: Vec<Box<str>>,
    persons: Vec<Box<[u32]>>,
}

impl From<&Caseload> for Caseloads {
    fn from(list: &Caseload) -> Self {
        let mut caseloads = Caseloads::default();
        // The list is in order.
        for rows in list.0.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((account, _)) = rows.first() else { continue };
            caseloads.accounts.push(account.as_str().into());
            caseloads.persons.push(rows.iter().map(|(_, fp)| *fp).collect());
        }
        caseloads
    }
}

impl Caseloads {
    /// The number of an account's caseload, or [`NONE`].
    #[must_use]
    pub fn of(&self, account: &str) -> u32 {
        self.accounts.binary_search_by(|name| (**name).cmp(account)).map_or(NONE, |at| at as u32)
    }

    /// Whether a caseload is there and the person is not in it.
    #[must_use]
    pub fn is_outside(&self, caseload: u32, fp: u32) -> bool {
        let persons = self.persons.get(caseload as usize);
        persons.is_some_and(|persons| persons.binary_search(&fp).is_err())
    }

    /// Whether a restored one can be worked with.
    pub(super) fn is_sound(&self) -> bool {
        self.accounts.len() == self.persons.len()
            && self.accounts.is_sorted()
            && self.persons.iter().all(|persons| persons.is_sorted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_listed_for_an_account_is_outside() {
        let rows = [("a", 3), ("a", 9), ("c", 3)].map(|(a, fp)| (a.to_owned(), fp));
        let caseloads = Caseloads::from(&Caseload(rows.to_vec()));
        let (a, b) = (caseloads.of("a"), caseloads.of("b"));
        assert!(caseloads.is_sound());
        assert_eq!([3, 4, 9].map(|fp| caseloads.is_outside(a, fp)), [false, true, false]);
        assert!(caseloads.is_outside(caseloads.of("c"), 9));
        assert_eq!(b, NONE);
        assert!(!caseloads.is_outside(b, 4), "no list says nothing");
    }
}
