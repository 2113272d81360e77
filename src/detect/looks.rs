//! When counts must be looked at again, so that the slow path is entered by what has grown and not by
//! what has been counted.

use serde::{Deserialize, Serialize};

/// An integer that counts.
pub(super) trait Count: Copy + Ord + Into<u64> + TryFrom<u64> {
    const NONE: Self;
    const MOST: Self;
}

impl Count for u16 {
    const NONE: u16 = 0;
    const MOST: u16 = u16::MAX;
}

impl Count for u32 {
    const NONE: u32 = 0;
    const MOST: u32 = u32::MAX;
}

/// For each of some counts the one at which it must be looked at; none: whenever anything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<T>", try_from = "Vec<T>")]
#[serde(bound(serialize = "T: Clone + Serialize", deserialize = "T: Deserialize<'de>"))]
pub(super) struct Looks<T, const N: usize>([T; N]);

impl<T, const N: usize> From<Looks<T, N>> for Vec<T> {
    fn from(looks: Looks<T, N>) -> Vec<T> {
        looks.0.into()
    }
}

impl<T, const N: usize> TryFrom<Vec<T>> for Looks<T, N> {
    type Error = &'static str;

    fn try_from(looks: Vec<T>) -> Result<Self, Self::Error> {
        looks.try_into().map(Looks).map_err(|_| "not as many looks as counts")
    }
}

impl<T: Count, const N: usize> Default for Looks<T, N> {
    fn default() -> Self {
        Looks([T::NONE; N])
    }
}

impl<T: Count, const N: usize> Looks<T, N> {
    /// Every count must be looked at whenever anything is, or none for now.
    pub(super) fn at_all(&mut self, must: bool) {
        self.0 = [if must { T::NONE } else { T::MOST }; N];
    }

    /// A count must be looked at again when it has grown by so many; 0: whenever anything is.
    pub(super) fn again(&mut self, at: usize, count: T, ahead: u64) {
        let until = if ahead == 0 { 0 } else { count.into().saturating_add(ahead) };
        self.0[at] = self.0[at].min(T::try_from(until).unwrap_or(T::MOST));
    }

    /// By how much every count may still grow before one must be looked at; 0: one must be now.
    pub(super) fn ahead(&self, counts: &[T; N]) -> u64 {
        let ahead =
            self.0.iter().zip(counts).map(|(look, n)| (*look).into().saturating_sub((*n).into()));
        ahead.min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_look_counts() {
        let mut looks = Looks::<u16, 2>::default();
        assert_eq!(looks.ahead(&[7, 9]), 0);
        looks.at_all(false);
        looks.again(0, 7, 100);
        looks.again(1, 9, 30);
        looks.again(1, 9, 50);
        assert_eq!(looks.ahead(&[7, 9]), 30);
        assert_eq!(looks.ahead(&[106, 9]), 1);
        assert_eq!(looks.ahead(&[107, 9]), 0);
        looks.again(0, 7, u64::MAX);
        assert_eq!(looks.ahead(&[7, 9]), 30, "never is never");
        looks.again(0, 7, 0);
        assert_eq!(looks.ahead(&[7, 9]), 0);
    }

    #[test]
    fn as_bytes_it_has_its_length() {
        let mut looks = Looks::<u32, 3>::default();
        looks.again(1, 5, 70_000);
        let bytes = postcard::to_allocvec(&looks).unwrap();
        assert_eq!(postcard::from_bytes::<Looks<u32, 3>>(&bytes).unwrap(), looks);
        assert!(postcard::from_bytes::<Looks<u32, 4>>(&bytes).is_err());
    }
}
