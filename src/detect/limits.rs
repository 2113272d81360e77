//! Every bound of the core, its unit and its reason; asserted against each other when compiled.

/// Milliseconds of one step of a sliding window.
pub const SLOT_MS: i64 = 300_000;
/// Steps in the hour window.
pub const HOUR_SLOTS: u16 = 12;
/// Exact entries of a set of persons before it is thinned to half by hash prefix: the standard
/// error of a thinned count is then at most 1/√(512) = 4.4 %.
pub const SET_EXACT_MAX: usize = 1_024;
/// No account alert below this many distinct persons: fewer are not a mass extraction, and a
/// model is never that sure of itself.
pub const PERSONS_FLOOR: u64 = 25;
/// The same for an account that is looked at more closely.
pub const RAISED_FLOOR: u64 = 15;
/// How many times more often than others such an account may fire.
pub const RAISED_ODDS: u8 = 8;
/// Part of its usual day from which what is strange about a machine matters.
pub const MACHINE_PART: f64 = 0.25;
/// First and last contributing events kept with an episode, each.
pub const TRAIL_EVENTS_MAX: usize = 100;
/// Addresses, devices and sessions named by an alert, each.
pub const SEEN_MAX: usize = 20;
/// Sessions of an account told apart while it is suspicious, and devices: a bit each of a byte.
pub const READERS_MAX: usize = 8;
/// Devices and addresses remembered as an account's own, each.
pub const KNOWN_MAX: usize = 6;
/// Signals an episode can hold: every rule, window and touch once.
pub const SIGNALS_MAX: usize = 64;
/// Accounts held in memory; beyond it the longest silent one is forgotten (counted).
pub const ACCOUNTS_MAX: usize = 2_000_000;
/// Persons with a known unit; beyond it no new ones are learned (counted).
pub const TERRITORY_MAX: usize = 16_000_000;
/// Combinations of data classes and population codes told apart within exposures.
pub const CLASS_SETS_MAX: usize = 255;
/// Peer groups told apart; accounts of further ones are compared with everybody of their kind
/// (counted). A group costs about 20 KB, and 100 KB in the blocks of scores of an epoch builder.
pub const GROUPS_MAX: usize = 4_096;
/// Unit names told apart in alerts and declarations; further ones go unnamed (counted).
pub const UNITS_MAX: usize = 65_536;
/// Touches kept between two day ends to learn units from, 12 bytes each; further ones are not
/// learned from (counted).
pub const VOTES_MAX: usize = 8_000_000;
/// Entries of a pool's union before it is thinned, as for one account.
pub const POOL_SET_MAX: usize = 1_024;
/// Units, partners and shared places held in memory; beyond it new ones wait until the longest idle
/// are forgotten at the day's end (counted).
pub const POOLS_MAX: usize = 200_000;
/// Devices, addresses and networks remembered with whose they are; likewise.
pub const PLACES_MAX: usize = 1_500_000;
/// Contributing accounts kept with a pooled episode, and named by its alert.
pub const CONTRIBUTORS_MAX: usize = 10_000;
/// See [`CONTRIBUTORS_MAX`].
pub const CONTRIBUTORS_TOLD_MAX: usize = 100;
/// Days of scores that calibrate a tail.
pub const CALIBRATION_DAYS: i32 = 28;
/// Alerts the budget must allow within the days that calibrate: below, what is realised is several
/// times what was asked for.
pub const BUDGETED_MIN: f64 = 8.0;
/// Days that calibrate at most where four weeks are too few for that; habits of three years ago are
/// somebody else's.
pub const CALIBRATION_DAYS_MAX: i32 = 26 * CALIBRATION_DAYS;
/// Days that came near their thresholds kept of one day.
pub const PEAKS_MAX: usize = 128;
/// Days of a deployment whose alerts are not held against the budget.
pub const WARM_UP_DAYS: i32 = 28;
/// Days an account stays out of learning and calibration after its last crossing.
pub const EXCLUDED_DAYS: i32 = 7;
/// Milliseconds an account must be behind its own time, three events in a row, before its time
/// falls back.
pub const CLOCK_FALLBACK_MS: i64 = 3_600_000;
/// Milliseconds the shard watermark stays behind the third-largest account time.
pub const WATERMARK_LAG_MS: i64 = 600_000;

/// Days an account remembers whom it touched.
pub const MEMORY_DAYS: u32 = 28;
/// Persons an account remembers, 4 bytes each; beyond it the memory becomes shorter.
pub const ACQUAINTANCES_MAX: usize = 2_048;
/// Days of a window of the drift detector: one entry in its calibration.
pub const DRIFT_DAYS: i32 = 28;
/// Days of which a run leaves one entry in its calibration.
pub const RUN_DAYS: i32 = 7;
/// Operations of a group told apart in two weeks; further ones are not learned.
pub const OPERATIONS_MAX: usize = 1_024;
/// Days that an identity event (a reset, a new role) makes an account's thresholds lower.
pub const RAISED_DAYS: i32 = 30;
/// Days of silence after which an account that acts again is looked at more closely, and for how
/// many days.
pub const SILENT_DAYS: i32 = 30;
/// See [`SILENT_DAYS`].
pub const WOKEN_DAYS: i32 = 14;

/// Persons a second beyond which nobody reads with one account: the theft of 2024 ran at 7. A
/// threshold beyond what this pace brings in its window is out of reach, and told as blindness.
pub const PACE_MAX: u64 = 10;

/// Threshold of a measure that cannot fire yet.
pub const FOREVER: u64 = u64::MAX / 4;

const _: () = assert!(READERS_MAX == u8::BITS as usize);
const _: () = assert!((PERSONS_FLOOR as usize) < SET_EXACT_MAX);
const _: () = assert!(SET_EXACT_MAX < u16::MAX as usize, "rings count thinned entries in 16 bits");
const _: () = assert!(HOUR_SLOTS as i64 * SLOT_MS == 3_600_000);
const _: () = assert!(super::channel::CHANNELS < SIGNALS_MAX, "every channel may fire at once");
