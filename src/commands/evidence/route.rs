//! Sessions, devices and addresses through which persons were read, a bit each: which of them are a
//! thief's, when its owner used the account, too.

/// Names told apart; the bit behind them is of all further ones together.
const NAMES_MAX: usize = 63;

/// What a bit behind [`NAMES_MAX`] names is called.
const FURTHER: &str = "further";

/// The kinds, as columns and members are called.
pub(super) const ROUTES: [&str; 3] = ["sessions", "devices", "ips"];

/// The names of one kind, in the order of their bits.
#[derive(Debug, Default)]
pub(super) struct Route {
    names: Vec<Box<str>>,
}

impl Route {
    /// The bit of a name; none where the log does not say.
    pub(super) fn bit(&mut self, name: Option<&str>) -> u64 {
        let Some(name) = name else { return 0 };
        let known = self.names.iter().position(|known| **known == *name);
        let at = known.unwrap_or(self.names.len());
        if known.is_none() && at < NAMES_MAX {
            self.names.push(name.into());
        }
        1 << at.min(NAMES_MAX)
    }

    /// The bit of a name that has one of its own.
    pub(super) fn known(&self, name: &str) -> u64 {
        self.names.iter().position(|known| **known == *name).map_or(0, |at| 1 << at)
    }

    /// The names of some bits, first seen first.
    pub(super) fn names(&self, bits: u64) -> impl Iterator<Item = &str> {
        let names = self.names.iter().map(|name| &**name).enumerate();
        names
            .chain(std::iter::once((NAMES_MAX, FURTHER)))
            .filter(move |(at, _)| bits >> at & 1 == 1)
            .map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_bits_and_further_ones_share_one() {
        let mut route = Route::default();
        assert_eq!(route.bit(None), 0);
        let bits: Vec<u64> = (0..70).map(|n| route.bit(Some(&format!("s{n}")))).collect();
        assert_eq!(bits[..3], [1, 2, 4]);
        assert_eq!((bits[62], bits[63], bits[69]), (1 << 62, 1 << 63, 1 << 63));
        assert_eq!(route.bit(Some("s1")), 2);
        assert_eq!((route.known("s2"), route.known("s63"), route.known("t")), (4, 0, 0));
        let names = |bits| route.names(bits).collect::<Vec<_>>();
        assert_eq!(names(bits[0] | bits[2]), ["s0", "s2"]);
        assert_eq!(names(bits[62] | bits[65]), ["s62", "further"]);
        assert_eq!(names(0).len(), 0);
    }
}
