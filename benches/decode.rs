//! Bytes → pseudonymised event, alone: the native format by persons per event, then the presets.

mod support;

use support::{Contender, Lines, Outcome, Traffic, decode_all, decoder, interleave, is_tiny};
use vigie::decode::Mapping;

fn main() -> Outcome {
    let events = if is_tiny() { 200 } else { 50_000 };
    let world = support::world(if is_tiny() { 100 } else { 2_000 }, 3)?;
    println!("{:<24}{:>8}{:>12}{:>12}{:>10}  hash", "form", "B/line", "ns best", "median", "MB/s");
    for (name, persons) in
        [("native, 1 person", 1), ("native, 10 persons", 10), ("native, 50 persons", 50)]
    {
        let mut lines = Traffic::new(&world, persons).day(1);
        lines.0.lines.truncate(events);
        measure(name, &Mapping::default(), &lines)?;
    }
    for (name, write) in FORMS {
        let mut lines = Lines::default();
        (0..events).for_each(|n| lines.push(|out| write(n, out)));
        let mut mapping = Mapping::preset(name).ok_or("no such preset")?;
        if matches!(name, "combined" | "nginx-json") {
            let records = r#"records = { from = "request", match = '^GET /dossiers/(\w+)' }"#;
            mapping = mapping_with(name, records)?;
        } else if name != "native" {
            mapping = mapping_with(name, r#"records = "/returned/persons""#)?;
        }
        measure(name, &mapping, &lines)?;
    }
    Ok(())
}

fn mapping_with(preset: &str, line: &str) -> Result<Mapping, toml::de::Error> {
    toml::from_str(&format!("preset = {preset:?}\n{line}\n"))
}

fn measure(name: &str, mapping: &Mapping, lines: &Lines) -> Outcome {
    let mut decoder = decoder(mapping)?;
    let refused =
        lines.0.lines.iter().filter(|l| decoder.decode(lines.0.text(**l)).is_err()).count();
    if refused > 0 {
        return Err(format!("{name}: {refused} lines are no event").into());
    }
    let round = || support::timed_alone(|| decode_all(&mut decoder, lines));
    let timing = interleave(&mut [Contender::new("decode", round)]).remove(0);
    let ns = |seconds: f64| seconds * 1e9 / lines.len() as f64;
    let mb_per_s = lines.bytes() / timing.best() / 1e6;
    let (best, median) = (ns(timing.best()), ns(timing.median()));
    let size = lines.bytes_per_line();
    println!(
        "{name:<24}{size:>8.0}{best:>12.0}{median:>12.0}{mb_per_s:>10.0}  {:016x}",
        timing.hash
    );
    Ok(())
}

type Write = fn(usize, &mut Vec<u8>);

/// One line of each form that is not ours, one person each.
const FORMS: [(&str, Write); 4] = [
    ("ecs", |n, out| {
        out.extend_from_slice(
            format!(
                "{{\"@timestamp\":\"2024-02-06T10:{:02}:{:02}.123Z\",\"user\":{{\"name\":\"cap{:05}\",\"roles\":[\"adviser\"],\"group\":{{\"name\":\"cap-emploi-75\"}}}},\"organization\":{{\"name\":\"cap-emploi\"}},\"event\":{{\"action\":\"read\",\"outcome\":\"success\",\"category\":[\"database\"]}},\"source\":{{\"ip\":\"10.1.2.{}\"}},\"session\":{{\"id\":\"s{n:08x}\"}},\"user_agent\":{{\"original\":\"Mozilla/5.0\"}},\"returned\":{{\"persons\":[\"1000{n:07}\"]}}}}\n",
                n / 60 % 60, n % 60, n % 2_000, n % 250
            )
            .as_bytes(),
        );
    }),
    ("ocsf", |n, out| {
        out.extend_from_slice(
            format!(
                "{{\"class_uid\":6003,\"activity_name\":\"Read\",\"time\":{},\"status_id\":1,\"actor\":{{\"user\":{{\"name\":\"cap{:05}\",\"type\":\"User\",\"org\":{{\"name\":\"cap-emploi\",\"ou_name\":\"cap-emploi-75\"}}}},\"session\":{{\"uid\":\"s{n:08x}\"}}}},\"src_endpoint\":{{\"ip\":\"10.1.2.{}\"}},\"device\":{{\"uid\":\"pc-{:04x}\"}},\"api\":{{\"operation\":\"GetFile\"}},\"returned\":{{\"persons\":[\"1000{n:07}\"]}}}}\n",
                1_707_213_600_000u64 + n as u64 * 50, n % 2_000, n % 250, n % 2_000
            )
            .as_bytes(),
        );
    }),
    ("nginx-json", |n, out| {
        out.extend_from_slice(
            format!(
                "{{\"time_iso8601\":\"2024-02-06T10:{:02}:{:02}+00:00\",\"remote_addr\":\"10.1.2.{}\",\"remote_user\":\"cap{:05}\",\"request\":\"GET /dossiers/1000{n:07} HTTP/1.1\",\"status\":\"200\",\"body_bytes_sent\":\"5120\",\"http_referer\":\"https://portail/recherche\",\"http_user_agent\":\"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/121.0\"}}\n",
                n / 60 % 60, n % 60, n % 250, n % 2_000
            )
            .as_bytes(),
        );
    }),
    ("combined", |n, out| {
        out.extend_from_slice(
            format!(
                "10.1.2.{} - cap{:05} [06/Feb/2024:10:{:02}:{:02} +0000] \"GET /dossiers/1000{n:07} HTTP/1.1\" 200 5120 \"https://portail/recherche\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/121.0\"\n",
                n % 250, n % 2_000, n / 60 % 60, n % 60
            )
            .as_bytes(),
        );
    }),
];
