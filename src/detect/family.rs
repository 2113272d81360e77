//! Which evidence is independent: counts that rise together for one reason are of one family.

use super::rule::Watch;

/// Counts that rise together for one reason: only the strongest of a family says anything, other
/// families say something else. A drift belongs to what drifts, for its last straw is that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    /// How many. A person new to the account or with special data is first of all one more
    /// person: a caseload transfer raises all of these.
    Volume,
    /// Whose. A dormant file is foreign to everybody.
    Foreign,
    /// When.
    Hours,
    /// From where.
    Device,
    /// By which page, search or choice of data.
    Operation,
    /// By what hand.
    Pace,
    /// By whom: somebody who left.
    Account,
}

impl Family {
    /// All of them, by index.
    pub const ALL: [Family; 7] = [
        Family::Volume,
        Family::Foreign,
        Family::Hours,
        Family::Device,
        Family::Operation,
        Family::Pace,
        Family::Account,
    ];
}

impl Watch {
    /// What its counts are evidence of.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Watch::DistinctPersons
            | Watch::RoleCeiling
            | Watch::DeclaredCeiling
            | Watch::UnidentifiedRecords
            | Watch::NovelPersons
            | Watch::OwnUnitPersons
            | Watch::PooledPersons
            | Watch::SensitivePersons
            | Watch::PersonsDrift
            | Watch::JointSigns
            | Watch::NoveltyDrift
            | Watch::OwnUnitRun => Family::Volume,
            Watch::ForeignOrigins
            | Watch::DormantPersons
            | Watch::UnrelatedRecords
            | Watch::OriginsRun
            | Watch::DormantRun
            | Watch::PooledForeign
            | Watch::Simultaneous => Family::Foreign,
            Watch::OffHoursPersons | Watch::OffHoursOrigins => Family::Hours,
            Watch::StrangerPersons => Family::Device,
            Watch::UnusualOperations | Watch::OperationsRun => Family::Operation,
            Watch::Misses | Watch::Updates | Watch::NeighbouringIds | Watch::SteadyPace => {
                Family::Pace
            }
            Watch::EndedAccount => Family::Account,
        }
    }
}
