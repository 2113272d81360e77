//! The persons of the base: 40 million numbered files, few of them in use.
//!
//! A person is a number. The numbers in use lie scattered over the base, so that a sweep of the
//! base meets mostly files nobody has touched for years; where a number stands is arithmetic, so
//! no table of persons is kept.

use super::rng::mix;

/// Files of the base when the world begins; twenty years of registrations.
pub const BASE: u32 = 40_000_000;

/// Coprime to [`BASE`]; spreads the persons in use over it.
const STRIDE: u64 = 22_618_033;
/// `STRIDE * STRIDE_INVERSE = 1` modulo [`BASE`].
const STRIDE_INVERSE: u64 = inverse(STRIDE, BASE as u64);

/// Identifiers are `FIRST_ID + ID_STEP * number`: 11 characters, 143 persons to a block (the
/// identifier without its last three characters), six of seven guessed identifiers do not exist.
const FIRST_ID: u64 = 10_000_000_000;
const ID_STEP: u64 = 7;

/// Length of an identifier.
pub(super) const ID_LEN: usize = 11;

/// A person by number. Numbers from [`BASE`] on are registrations made while the world runs.
pub type PersonNumber = u32;

/// The identifier of a person, as the log writes it.
pub(super) fn id(number: PersonNumber) -> [u8; ID_LEN] {
    let mut rest = FIRST_ID + ID_STEP * u64::from(number);
    let mut text = [b'0'; ID_LEN];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}

/// Person `index` of those in use.
pub(super) fn active(index: u32) -> PersonNumber {
    scatter(u64::from(index))
}

/// Where `number` stands among those in use, when there are `count` of them.
pub(super) fn active_index(number: PersonNumber, count: u32) -> Option<u32> {
    let index = (u64::from(number) * STRIDE_INVERSE % u64::from(BASE)) as u32;
    (number < BASE && index < count).then_some(index)
}

/// The `n`-th element of an order of the base in which neighbours are far apart.
pub(super) fn scatter(n: u64) -> PersonNumber {
    (n % u64::from(BASE) * STRIDE % u64::from(BASE)) as PersonNumber
}

/// The `n`-th element of a scattered order of `0..len`; every element once in `len` steps.
pub(super) fn scatter_in(n: u64, len: u32) -> u32 {
    let len = u64::from(len.max(1));
    // Primes above and below cover every length that one of them divides.
    let stride = [7_919, 104_729, 1_299_709].into_iter().find(|p| !len.is_multiple_of(*p));
    (n % len * stride.unwrap_or(1) % len) as u32
}

/// Population codes of the contract that this world uses, in the order of their bit.
pub const POPULATION_CODES: [&str; 5] = ["rsa", "minor", "foreign", "disabled", "protected-adult"];

/// What a person belongs to, as bits of [`POPULATION_CODES`].
pub(super) fn population(number: PersonNumber) -> u8 {
    let h = mix(u64::from(number) ^ 0x5eed);
    let bit = |shift: u32, per_mille: u64, bit: u8| {
        if ((h >> shift) & 0x3ff) < per_mille * 1_024 / 1_000 { 1 << bit } else { 0 }
    };
    bit(0, 280, 0) | bit(10, 20, 1) | bit(20, 110, 2) | bit(30, 90, 3) | bit(40, 12, 4)
}

const fn inverse(a: u64, modulus: u64) -> u64 {
    let (mut old_r, mut r) = (a as i64, modulus as i64);
    let (mut old_s, mut s) = (1i64, 0i64);
    while r != 0 {
        let q = old_r / r;
        (old_r, r) = (r, old_r - q * r);
        (old_s, s) = (s, old_s - q * s);
    }
    assert!(old_r == 1, "the stride must be coprime to the base");
    old_s.rem_euclid(modulus as i64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_places_agree() {
        for index in [0, 1, 17, 999, 199_999] {
            assert_eq!(active_index(active(index), 200_000), Some(index));
            assert_eq!(active_index(active(index), index), None);
        }
        assert_eq!(active_index(BASE, 200_000), None, "new registrations are nobody's yet");
    }

    #[test]
    fn identifiers_share_blocks() {
        assert_eq!(&id(0), b"10000000000");
        assert_eq!(id(1_001)[..8], id(1_100)[..8]);
        assert_ne!(id(1_000)[..8], id(2_000)[..8]);
        assert_eq!(id(u32::MAX).len(), ID_LEN);
    }

    #[test]
    fn scattered_orders_visit_everything_once() {
        for len in [1, 2, 30, 7_919, 10_000] {
            let mut seen: Vec<u32> = (0..u64::from(len)).map(|n| scatter_in(n, len)).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), len as usize, "length {len}");
        }
    }
}
