//! Who works in the network: partners, roles, machines, with the figures of their day.
//!
//! Volumes are distinct persons a working day (median and 95 % in the comments); means and shapes
//! were fitted to them.

/// Data classes as bits, in the order of [`crate::event::DATA_CLASSES`].
pub(super) mod class {
    pub(in crate::simulate) const IDENTITY: u32 = 1;
    pub(in crate::simulate) const CONTACT: u32 = 1 << 1;
    pub(in crate::simulate) const NIR: u32 = 1 << 2;
    pub(in crate::simulate) const BANK: u32 = 1 << 3;
    pub(in crate::simulate) const INCOME: u32 = 1 << 5;
    pub(in crate::simulate) const BENEFITS: u32 = 1 << 6;
    pub(in crate::simulate) const HEALTH: u32 = 1 << 7;
    pub(in crate::simulate) const DISABILITY: u32 = 1 << 8;
    pub(in crate::simulate) const FAMILY: u32 = 1 << 9;
    pub(in crate::simulate) const NATIONALITY: u32 = 1 << 12;
    pub(in crate::simulate) const EMPLOYMENT: u32 = 1 << 13;
    pub(in crate::simulate) const EDUCATION: u32 = 1 << 14;
    pub(in crate::simulate) const NOTE: u32 = 1 << 16;
    /// What a line of a result list shows.
    pub(in crate::simulate) const LINE: u32 = IDENTITY | CONTACT;
}
use class::*;

/// A job and how it reads.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: &'static str,
    /// Account names are this and a number.
    pub(super) prefix: &'static str,
    /// Mean distinct persons a full working day, of an account of factor 1.
    pub(super) mean: f64,
    /// Shape of the negative binomial from day to day.
    pub(super) shape: f64,
    /// Log-sd of the accounts' own factors.
    pub(super) sigma: f64,
    /// Never more than this a day.
    pub(super) max: u32,
    /// Persons in an account's caseload; 0 for roles without one.
    pub(super) caseload: u32,
    /// Persons in use that an account adds to its unit's pool, caseload included.
    pub(super) pool: u32,
    /// Shares of own caseload, own unit, same territory, anywhere in use; the rest are new
    /// registrations.
    pub(super) mix: [f64; 4],
    /// Share of contacts that begin with a search.
    pub(super) search: f64,
    /// How much of the monthly actualisation reaches this role, 0–1.
    pub(super) wave: f64,
    /// Share of accounts that work some Saturday mornings.
    pub(super) saturday: f64,
    /// Classes shown when a file is opened.
    pub(super) view: u32,
}

pub(super) const ADVISER: u8 = 0;
pub(super) const RECEPTION: u8 = 1;
pub(super) const PLATFORM: u8 = 2;
pub(super) const MANAGER: u8 = 3;
pub(super) const CAP: u8 = 4;
pub(super) const MISSION: u8 = 5;
pub(super) const RSA: u8 = 6;
pub(super) const MDPH: u8 = 7;
pub(super) const TRAINING: u8 = 8;
pub(super) const CAF: u8 = 9;
pub(super) const OFII: u8 = 10;
pub(super) const NIGHTLY: u8 = 11;
pub(super) const API: u8 = 12;

const fn role(name: &'static str, prefix: &'static str) -> Role {
    Role {
        name,
        prefix,
        mean: 0.0,
        shape: 4.0,
        sigma: 0.25,
        max: 0,
        caseload: 0,
        pool: 0,
        mix: [0.0; 4],
        search: 0.4,
        wave: 0.0,
        saturday: 0.0,
        view: IDENTITY | CONTACT | EMPLOYMENT,
    }
}

/// Every role; the constants above are indices.
#[rustfmt::skip]
pub(super) const ROLES: [Role; 13] = [
    // 15–25, 45
    Role { mean: 20.5, shape: 7.0, max: 120, caseload: 180, pool: 190, mix: [0.81, 0.09, 0.04, 0.02],
        wave: 0.5, view: LINE | EMPLOYMENT | EDUCATION | BENEFITS | NOTE, ..role("adviser", "ft") },
    // 35–60, 110
    Role { mean: 44.0, shape: 5.0, max: 250, pool: 60, mix: [0.0, 0.80, 0.13, 0.03],
        search: 0.6, wave: 0.9, saturday: 0.05, view: LINE | NIR | BANK | BENEFITS | EMPLOYMENT, ..role("reception", "rec") },
    // 50–80, 130
    Role { mean: 58.0, shape: 10.0, sigma: 0.2, max: 250, pool: 10, mix: [0.0, 0.02, 0.91, 0.04],
        search: 0.7, wave: 1.0, saturday: 0.10, view: LINE | BENEFITS | EMPLOYMENT, ..role("call-platform", "tel") },
    // 5–40, 150
    Role { mean: 31.0, shape: 0.8, sigma: 0.6, max: 600, pool: 10, mix: [0.0, 0.62, 0.26, 0.09],
        view: LINE | NIR | BENEFITS | EMPLOYMENT | NOTE, ..role("manager", "mgr") },
    // 10–18, 35
    Role { mean: 15.4, max: 90, caseload: 105, pool: 110, mix: [0.88, 0.05, 0.02, 0.01],
        wave: 0.2, view: LINE | NIR | HEALTH | DISABILITY | EMPLOYMENT, ..role("cap-adviser", "cap") },
    // 8–15, 30
    Role { mean: 12.6, max: 80, caseload: 100, pool: 110, mix: [0.87, 0.05, 0.03, 0.01],
        wave: 0.1, view: LINE | EMPLOYMENT | EDUCATION | NOTE, ..role("ml-adviser", "ml") },
    // 10–18, 40
    Role { mean: 15.9, shape: 2.5, max: 120, caseload: 90, pool: 100, mix: [0.78, 0.12, 0.05, 0.01],
        wave: 0.1, view: LINE | BENEFITS | INCOME | FAMILY | EMPLOYMENT, ..role("rsa-referent", "rsa") },
    // 10–18, 40
    Role { mean: 15.9, shape: 2.5, max: 120, caseload: 90, pool: 120, mix: [0.75, 0.14, 0.05, 0.01],
        view: LINE | NIR | HEALTH | DISABILITY | FAMILY, ..role("mdph-agent", "mdph") },
    // 3–10, 25
    Role { mean: 6.9, shape: 2.5, sigma: 0.6, max: 80, caseload: 25, pool: 27, mix: [0.91, 0.03, 0.01, 0.01],
        search: 0.3, view: LINE | EDUCATION, ..role("training-body", "of") },
    // 25–45, 90
    Role { mean: 37.0, sigma: 0.35, max: 220, pool: 120, mix: [0.0, 0.72, 0.23, 0.01],
        search: 0.55, view: LINE | INCOME | BENEFITS | FAMILY, ..role("caf-agent", "caf") },
    // 8–15, 30
    Role { mean: 12.4, shape: 3.0, max: 90, caseload: 60, pool: 70, mix: [0.77, 0.10, 0.06, 0.02],
        view: LINE | NATIONALITY | EDUCATION, ..role("ofii-agent", "ofii") },
    Role { view: IDENTITY | NIR | BENEFITS, ..role("nightly-matching", "batch") },
    Role { view: IDENTITY | EMPLOYMENT, ..role("partner-api", "api") },
];

/// A kind of unit: a body or a site, and who works there.
#[derive(Debug)]
pub(super) struct UnitKind {
    pub(super) partner: &'static str,
    /// Unit names are this, the territory and, from the second on, a number.
    pub(super) prefix: &'static str,
    /// Accounts of a thousand in such units.
    pub(super) per_mille: u32,
    /// Accounts a unit, smallest and largest.
    pub(super) size: (u32, u32),
    /// Roles and their shares; the last takes the rest.
    pub(super) roles: &'static [(u8, f64)],
    /// Territories whose persons it serves.
    pub(super) region: u32,
}

/// Every kind of unit with people in it.
#[rustfmt::skip]
pub(super) const UNIT_KINDS: [UnitKind; 9] = [
    UnitKind { partner: "cap-emploi", prefix: "cap-emploi", per_mille: 80, size: (10, 25), roles: &[(CAP, 1.0)], region: 1 },
    UnitKind { partner: "france-travail", prefix: "agence", per_mille: 420, size: (30, 60),
        roles: &[(RECEPTION, 0.22), (MANAGER, 0.10), (ADVISER, 1.0)], region: 1 },
    UnitKind { partner: "france-travail", prefix: "plateforme", per_mille: 60, size: (40, 80),
        roles: &[(MANAGER, 0.06), (PLATFORM, 1.0)], region: 8 },
    UnitKind { partner: "mission-locale", prefix: "mission-locale", per_mille: 120, size: (12, 35), roles: &[(MISSION, 1.0)], region: 1 },
    UnitKind { partner: "departement", prefix: "departement", per_mille: 120, size: (20, 60), roles: &[(RSA, 1.0)], region: 1 },
    UnitKind { partner: "mdph", prefix: "mdph", per_mille: 40, size: (10, 30), roles: &[(MDPH, 1.0)], region: 1 },
    UnitKind { partner: "kairos", prefix: "of", per_mille: 60, size: (2, 6), roles: &[(TRAINING, 1.0)], region: 1 },
    UnitKind { partner: "caf", prefix: "caf", per_mille: 80, size: (20, 60), roles: &[(CAF, 1.0)], region: 1 },
    UnitKind { partner: "ofii", prefix: "ofii", per_mille: 20, size: (10, 25), roles: &[(OFII, 1.0)], region: 2 },
];

/// A machine account: a key with a volume of its own.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) partner: &'static str,
    pub(super) role: u8,
    /// Keys of this kind in a network of up to 20,000 accounts.
    pub(super) count: u32,
    /// Persons a day, as a multiple of the world's nightly or daily machine volume.
    pub(super) volume: f64,
    /// Local hour a nightly run begins.
    pub(super) hour: f64,
}

/// Every kind of machine account.
#[rustfmt::skip]
pub(super) const MACHINES: [Machine; 6] = [
    Machine { partner: "cnam", role: NIGHTLY, count: 1, volume: 1.0, hour: 1.5 },
    Machine { partner: "cnaf", role: NIGHTLY, count: 1, volume: 0.7, hour: 3.0 },
    Machine { partner: "ofii", role: API, count: 1, volume: 0.2, hour: 0.0 },
    Machine { partner: "cpf", role: API, count: 2, volume: 0.8, hour: 0.0 },
    Machine { partner: "inclusion", role: API, count: 2, volume: 0.5, hour: 0.0 },
    Machine { partner: "private-jobs", role: API, count: 3, volume: 1.0, hour: 0.0 },
];

/// Departments, the most populous first.
pub(super) const TERRITORIES: [&str; 96] = [
    "75", "59", "13", "69", "33", "44", "31", "34", "62", "92", "93", "94", "77", "78", "95", "91",
    "76", "38", "67", "06", "83", "35", "30", "57", "29", "42", "54", "14", "66", "84", "74", "60",
    "80", "63", "64", "56", "51", "11", "68", "45", "49", "37", "71", "85", "17", "26", "02", "27",
    "72", "22", "01", "21", "81", "28", "24", "86", "87", "25", "16", "73", "40", "10", "03", "89",
    "79", "88", "18", "07", "41", "47", "50", "61", "82", "53", "52", "08", "65", "19", "36", "58",
    "39", "70", "55", "12", "46", "32", "09", "04", "05", "43", "15", "23", "48", "90", "2A", "2B",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DATA_CLASSES;

    #[test]
    fn class_bits_follow_the_contract() {
        let bits = [
            (IDENTITY, "identity"),
            (CONTACT, "contact"),
            (NIR, "nir"),
            (BANK, "bank"),
            (INCOME, "income"),
            (BENEFITS, "benefits"),
            (HEALTH, "health"),
            (DISABILITY, "disability"),
            (FAMILY, "family"),
            (NATIONALITY, "nationality"),
            (EMPLOYMENT, "employment"),
            (EDUCATION, "education"),
            (NOTE, "note"),
        ];
        for (bit, name) in bits {
            assert_eq!(DATA_CLASSES[bit.trailing_zeros() as usize], name);
        }
    }

    #[test]
    fn tables_are_whole() {
        assert_eq!(UNIT_KINDS.iter().map(|k| k.per_mille).sum::<u32>(), 1_000);
        assert_eq!(ROLES[usize::from(OFII)].name, "ofii-agent");
        assert_eq!(ROLES[usize::from(API)].name, "partner-api");
        for role in &ROLES[..11] {
            let known: f64 = role.mix.iter().sum();
            assert!((0.90..0.99).contains(&known), "{}: {known}", role.name);
        }
        let mut names = TERRITORIES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 96);
    }
}
