//! What detection costs on top of decoding, as a ratio, on the same bytes, on one core: a whole
//! shard (decode → detect → triage) against its decoder alone; and whether an event becomes dearer
//! as an account's window holds more persons. `detect 10` measures ten persons an event only.

mod support;

use std::borrow::Cow;

use support::{
    Contender, Outcome, Traffic, decode_all, decoder, hash_of, interleave, is_tiny, ratio,
    thousands, timed_alone,
};
use vigie::decode::Mapping;
use vigie::event::{AccessEvent, Action, Person};
use vigie::pipeline::shard::Shard;

/// Days before the measured one, a Thursday: epochs exist, foreign origins are measured.
const WARM_UP_DAYS: u32 = 10;

fn main() -> Outcome {
    let asked: Option<usize> = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    if let Some(persons) = asked {
        return against_decode(persons);
    }
    for persons in [1, 10, 50] {
        against_decode(persons)?;
    }
    growth()
}

fn against_decode(persons: usize) -> Outcome {
    let world = support::world(if is_tiny() { 100 } else { 2_000 }, WARM_UP_DAYS + 1)?;
    let mut warm = support::shard()?;
    let mut outputs = Vec::new();
    let mut traffic = Traffic::new(&world, persons);
    for day in 0..WARM_UP_DAYS {
        warm.batch(&traffic.day(day).0, &mut outputs);
    }
    let before: u64 = warm.tally().alerts().iter().sum();
    let state = warm.snapshot();
    let lines = traffic.day(WARM_UP_DAYS);
    let mut alone = decoder(&Mapping::default())?;
    let mut alerts = 0;
    let timings = interleave(&mut [
        Contender::new("decode", || timed_alone(|| decode_all(&mut alone, &lines))),
        Contender::new("shard", || {
            let mut shard = restored(&state);
            let mut outputs = Vec::new();
            let timing = timed_alone(|| {
                shard.batch(&lines.0, &mut outputs);
                hash_of(&outputs)
            });
            alerts = shard.tally().alerts().iter().sum::<u64>() - before;
            timing
        }),
    ]);
    let [decode, shard] = timings.as_slice() else { return Err("two contenders".into()) };
    let (median, least, most) = ratio(decode, shard);
    let ns = |seconds: f64| seconds * 1e9 / lines.len() as f64;
    println!(
        "{persons:>2} persons an event: {} events of {:.0} B; decode {:.0} ns, shard {:.0} ns (best of {}); \
         shard / decode {median:.2} ({least:.2} to {most:.2}); {alerts} alerts, {:016x} {:016x}",
        thousands(lines.len() as u64),
        lines.bytes_per_line(),
        ns(decode.best()),
        ns(shard.best()),
        support::rounds(),
        decode.hash,
        shard.hash,
    );
    Ok(())
}

#[expect(clippy::expect_used, reason = "the payload was written a moment ago")]
fn restored((version, payload): &(u16, Vec<u8>)) -> Shard {
    let mut shard = support::shard().expect("the built-in rules are valid");
    shard.restore(*version, payload).expect("what was written can be read");
    shard
}

/// One account, its alert open since the evening before, reads ever more persons in an hour, ten an
/// event.
fn growth() -> Outcome {
    let sizes: &[u64] =
        if is_tiny() { &[10, 1_000] } else { &[10, 100, 1_000, 10_000, 100_000, 1_000_000] };
    let events = if is_tiny() { 100 } else { 200_000 };
    for &size in sizes {
        let mut shard = support::shard()?;
        let mut outputs = Vec::new();
        // 500 persons the evening before; then the window is filled, untimed; then the same
        // persons are read again and again.
        let start = 1_707_213_600_000;
        let mut persons: Vec<Person> = Vec::new();
        let mut read = |shard: &mut Shard, n: u64, outputs: &mut Vec<_>| {
            persons.clear();
            persons.extend((0..10).map(|k| person((n * 10 + k) % size)));
            shard.event(&event(start + n as i64 / 100, &persons), n, outputs);
        };
        let evening: Vec<Person> = (0..500).map(|n| person(n + (1 << 40))).collect();
        shard.event(&event(start - 50_000_000, &evening), 0, &mut outputs);
        let fill = (size / 10).max(1);
        (0..fill).for_each(|n| read(&mut shard, n, &mut outputs));
        let (seconds, hash) = timed_alone(|| {
            (fill..fill + events).for_each(|n| read(&mut shard, n, &mut outputs));
            hash_of(&outputs)
        });
        println!(
            "{:>9} persons in the hour, alert open: {:.0} ns an event of 10 persons, {hash:016x}",
            thousands(size),
            seconds * 1e9 / events as f64
        );
    }
    Ok(())
}

/// Spreads small numbers over the pseudonyms' range (the finaliser of SplitMix64).
fn person(number: u64) -> Person {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    Person { id: z ^ (z >> 31), block: 0 }
}

fn event(time: i64, persons: &[Person]) -> AccessEvent<'_> {
    AccessEvent {
        time,
        account: Some(Cow::Borrowed("cap00001")),
        partner: Some(Cow::Borrowed("cap-emploi")),
        unit: Some(Cow::Borrowed("cap-emploi-75")),
        role: Some(Cow::Borrowed("cap-adviser")),
        action: Action::Search,
        persons,
        persons_known: true,
        unidentified: 0,
        persons_beyond: 0,
        unrelated: None,
        data: 3,
        population: 0,
        query: 1,
        resource: 1,
        ip: Some(Cow::Borrowed("10.1.2.3")),
        device: Some(Cow::Borrowed("pc-00000001")),
        session: Some(Cow::Borrowed("s00000001")),
        user_agent: None,
        outcome: vigie::event::Outcome::Success,
    }
}
