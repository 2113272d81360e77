//! What a shard remembers: resident memory an account, and how large and how fast its snapshot is.
//!
//! Accounts read as many distinct persons a day as DOMAIN 4.2 proposes for their role, of their
//! unit's people mostly, one at a time, through the day. Each size is measured in a process of its
//! own: `state` (a million accounts, two days), `state 10000`, `state 1000000 4` (four days: the
//! territory fills on the third).

mod support;

use std::borrow::Cow;

use support::{Outcome, is_tiny, memory, thousands, timed};
use vigie::event::{AccessEvent, Action, Person};
use vigie::pipeline::shard::Shard;

/// Role, median persons a day, share of accounts in per cent.
const MIX: [(&str, f64, u64); 9] = [
    ("adviser", 20.0, 30),
    ("cap-adviser", 14.0, 8),
    ("ml-adviser", 11.0, 14),
    ("entitlement", 45.0, 12),
    ("call-platform", 65.0, 6),
    ("rsa-referent", 14.0, 14),
    ("caf-agent", 35.0, 8),
    ("trainer", 6.0, 6),
    ("ofii-agent", 11.0, 2),
];
/// Spread of a role's persons a day: P95 is twice to three times the median.
const LOG_SPREAD: f64 = 0.55;
/// Accounts of a unit, and persons its people are.
const UNIT_ACCOUNTS: u64 = 20;
const UNIT_PERSONS: u64 = 300;
/// Monday 5 February 2024, 00:00 in Paris.
const MONDAY_MS: i64 = 1_707_087_600_000;
const DAY_MS: i64 = 86_400_000;

fn main() -> Outcome {
    let mut asked = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let accounts: u64 = asked.next().unwrap_or(if is_tiny() { 500 } else { 1_000_000 });
    let days = asked.next().unwrap_or(if is_tiny() { 1 } else { 2 }) as i64;
    let before = memory("VmRSS");
    let mut shard = support::shard()?;
    let mut outputs = Vec::new();
    let mut said = 0;
    let (mut events, mut persons) = (0u64, 0u64);
    for day in 0..days {
        // Each account's day in turn by the hour, so that accounts interleave as they do.
        for hour in 8..18 {
            for account in 0..accounts {
                let (e, p) = work(&mut shard, account, day, hour, events, &mut outputs);
                (events, persons) = (events + e, persons + p);
            }
            said += outputs.len();
            outputs.clear();
        }
        let used = memory("VmRSS") - before;
        println!(
            "{} accounts, day {}: {} events, {} persons so far; {} MiB resident, {} B an account (most: {} MiB)",
            thousands(accounts),
            day + 1,
            thousands(events),
            thousands(persons),
            used >> 20,
            used / accounts,
            memory("VmHWM") >> 20,
        );
    }
    for (part, bytes) in shard.detector().memory() {
        println!("  {part:<40}{:>8} MiB{:>8} B an account", bytes >> 20, bytes / accounts);
    }
    let mut payload = (0, Vec::new());
    let (written_s, _) = timed(|| {
        payload = shard.snapshot();
        payload.1.len() as u64
    });
    drop(shard);
    let mut restored = support::shard()?;
    let mut failed = None;
    let (read_s, hash) = timed(|| {
        failed = restored.restore(payload.0, &payload.1).err();
        restored.detector().accounts() as u64
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    println!(
        "snapshot: {} MiB, {} B an account, made in {written_s:.2} s, restored in {read_s:.2} s; {said} revisions, {hash:x} {:08x}",
        payload.1.len() >> 20,
        payload.1.len() as u64 / accounts,
        crc32fast::hash(&payload.1),
    );
    Ok(())
}

/// One hour of one account: a tenth of its day, one person an event.
fn work(
    shard: &mut Shard,
    account: u64,
    day: i64,
    hour: i64,
    position: u64,
    outputs: &mut Vec<vigie::pipeline::shard::Output>,
) -> (u64, u64) {
    let mut dice = Dice(mix(account << 16 | (day as u64) << 8));
    let unit = account / UNIT_ACCOUNTS;
    let (role, median) = role_of(unit);
    let today = (median * (LOG_SPREAD * dice.normal()).exp()).round().max(1.0) as u64;
    let mut dice = Dice(mix(account << 16 | (day as u64) << 8 | hour as u64));
    let due = (today + dice.below(10)) / 10;
    let name = format!("{role}-{account:07}");
    let unit_name = format!("unit-{unit:05}");
    let device = format!("pc-{account:08x}");
    let ip = format!("10.{}.{}.{}", unit >> 8 & 255, unit & 255, account % UNIT_ACCOUNTS);
    let start = MONDAY_MS + day * DAY_MS + hour * 3_600_000;
    for n in 0..due {
        let stranger = dice.below(10) == 0;
        let number = if stranger {
            dice.below(40_000_000)
        } else {
            unit * UNIT_PERSONS + dice.below(UNIT_PERSONS)
        };
        let persons = [Person { id: mix(number), block: 0 }];
        let at = start + (n * 3_600_000 / due) as i64 + dice.below(3_600_000 / due) as i64;
        let event = AccessEvent {
            time: at,
            account: Some(Cow::Borrowed(&name)),
            partner: Some(Cow::Borrowed(role)),
            unit: Some(Cow::Borrowed(&unit_name)),
            role: Some(Cow::Borrowed(role)),
            action: if dice.below(3) == 0 { Action::Search } else { Action::View },
            persons: &persons,
            persons_known: true,
            unidentified: 0,
            persons_beyond: 0,
            unrelated: None,
            data: 3,
            population: 0,
            query: 0,
            resource: 0,
            ip: Some(Cow::Borrowed(&ip)),
            device: Some(Cow::Borrowed(&device)),
            session: None,
            user_agent: None,
            outcome: vigie::event::Outcome::Success,
        };
        shard.event(&event, position + n, outputs);
    }
    (due, due)
}

fn role_of(unit: u64) -> (&'static str, f64) {
    let mut place = mix(unit) % 100;
    for (role, median, share) in MIX {
        if place < share {
            return (role, median);
        }
        place -= share;
    }
    (MIX[0].0, MIX[0].1)
}

/// The finaliser of SplitMix64.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    fn below(&mut self, sides: u64) -> u64 {
        self.next() % sides.max(1)
    }

    /// Twelve uniform draws less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>() - 6.0
    }
}
