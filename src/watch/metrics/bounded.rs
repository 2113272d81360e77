//! Label values that come from the log, so that nobody can fill the monitoring with them.

use std::collections::BTreeSet;

/// The first values of a label; later ones are `other`.
#[derive(Clone, Debug)]
pub(super) struct Bounded {
    known: BTreeSet<String>,
    most: usize,
}

/// Longest label value, in characters.
const LENGTH_MAX: usize = 64;

impl Bounded {
    pub(super) fn new(most: usize) -> Bounded {
        Bounded { known: BTreeSet::new(), most }
    }

    /// The value itself while there is room, else `other`.
    pub(super) fn label(&mut self, value: &str) -> String {
        if value.chars().count() > LENGTH_MAX {
            return "other".to_owned();
        }
        if self.known.contains(value) {
            return value.to_owned();
        }
        if self.known.len() >= self.most {
            return "other".to_owned();
        }
        self.known.insert(value.to_owned());
        value.to_owned()
    }
}
