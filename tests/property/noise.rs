//! Lines that no well-kept log holds: torn, foreign, from the future, hostile.

use proptest::prelude::*;

/// A line and where to put it, as a share of the log in 1/10,000.
pub(super) type Noise = (usize, Vec<u8>);

/// Up to 40 of them.
pub(super) fn noise() -> impl Strategy<Value = Vec<Noise>> {
    prop::collection::vec((0..10_000usize, line()), 0..40)
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>().prop_filter("a line", |b| *b != b'\n'), 0..80),
        "[{}\\[\\]\",:a-z0-9]{0,60}".prop_map(String::into_bytes),
        event().prop_map(String::into_bytes),
        (event(), 0..200usize).prop_map(|(text, at)| {
            let mut bytes = text.into_bytes();
            bytes.truncate(at);
            bytes
        }),
    ]
}

/// A well-formed event of a made-up account: any time of two centuries, any number of persons.
fn event() -> impl Strategy<Value = String> {
    let account = prop_oneof![Just("cap-00001".to_owned()), "[a-c]", "\\PC{0,12}"];
    let time = prop_oneof![1_704_700_800_000..1_706_000_000_000i64, -1..7_300_000_000_000i64];
    let records = prop::collection::vec("[0-9]{1,9}", 0..30);
    (account, time, records, any::<u32>(), 0..12usize).prop_map(
        |(account, time, records, count, action)| {
            let action = ["search", "view", "login", "export", "?"][action % 5];
            serde_json::json!({
                "time": time, "account": account, "records": records, "record_count": count,
                "action": action, "ip": "192.0.2.7",
            })
            .to_string()
        },
    )
}

/// The log with the noise in it.
pub(super) fn with_noise(lines: &[Vec<u8>], noise: &[Noise]) -> Vec<Vec<u8>> {
    let mut noise = noise.to_vec();
    noise.sort();
    let mut out = Vec::with_capacity(lines.len() + noise.len());
    let mut rest = noise.into_iter().peekable();
    for (number, line) in lines.iter().enumerate() {
        while let Some((_, foreign)) = rest.next_if(|(at, _)| at * lines.len() / 10_000 <= number) {
            out.push(foreign);
        }
        out.push(line.clone());
    }
    out
}
