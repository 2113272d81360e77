//! Live events: what they say, how many streams there may be, and that they end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use vigie::console::Happened;

use super::{Answer, Ask, Server};
use crate::support::PATIENCE;

/// Opens a stream; its lines come as they are sent.
fn open(server: &Server, ask: &Ask) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&ask.bytes(&server.host())).unwrap();
    BufReader::new(stream)
}

fn lines_until(stream: &mut BufReader<TcpStream>, end: &str) -> String {
    let mut read = String::new();
    while !read.contains(end) {
        if stream.read_line(&mut read).unwrap() == 0 {
            panic!("ended before {end:?}: {read}");
        }
    }
    read
}

/// The head of an answer that may have no end.
pub(super) fn head(server: &Server, ask: &Ask) -> Answer {
    let mut stream = open(server, ask);
    let mut text = lines_until(&mut stream, "\r\n\r\n");
    let answer = Answer::parse(&text);
    if answer.status == 200 {
        return answer;
    }
    // Asked again, the answer might be another one, and without an end.
    let length = answer.header("content-length").map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    text.push_str(&String::from_utf8(body).unwrap());
    Answer::parse(&text)
}

fn happened(version: u32) -> Happened {
    Happened::Triage { id: "01A".into(), version }
}

#[test]
fn events_carry_ids_and_go_on_where_they_broke() {
    let server = Server::open();
    let mut stream = open(&server, &Ask::get("/events"));
    let head = lines_until(&mut stream, "\r\n\r\n");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    lines_until(&mut stream, "vigie\n");
    server.state.live().tell(&happened(2));
    let text = lines_until(&mut stream, "data: {\"id\":\"01A\",\"version\":2}");
    assert!(text.contains("event: triage"), "{text}");
    let id = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    drop(stream);
    server.state.live().tell(&happened(3));
    let mut back = open(&server, &Ask::get("/events").with("Last-Event-ID", &id));
    let text = lines_until(&mut back, "\"version\":3}");
    assert!(!text.contains("\"version\":2}") && !text.contains("reset"), "{text}");
    let mut stranger = open(&server, &Ask::get("/events").with("Last-Event-ID", "other-1"));
    lines_until(&mut stranger, "event: reset");
}

#[test]
fn one_user_has_so_many_streams_and_gets_them_back() {
    let server = Server::open();
    let mut streams: Vec<_> = (0..8).map(|_| open(&server, &Ask::get("/events"))).collect();
    for stream in &mut streams {
        lines_until(stream, "vigie\n");
    }
    let refused = server.ask(&Ask::get("/events"));
    assert_eq!((refused.status, refused.code().as_str()), (429, "too-many"));
    assert_eq!(refused.header("retry-after"), Some("30"));
    drop(streams);
    let since = vigie::clock::Stopwatch::start();
    loop {
        // A connection that was closed is noticed with the next thing that is sent.
        server.state.live().tell(&happened(1));
        let again = head(&server, &Ask::get("/events"));
        if again.status == 200 {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "no place was given back");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn open_streams_and_idle_connections_do_not_hold_up_the_end() {
    let mut server = Server::open();
    let mut stream = open(&server, &Ask::get("/events"));
    lines_until(&mut stream, "vigie\n");
    let idle = TcpStream::connect(server.address).unwrap();
    let mut half = TcpStream::connect(server.address).unwrap();
    half.write_all(b"POST /login HTTP/1.1\r\nHost: loc").unwrap();
    let took = server.stop();
    assert!(took < Duration::from_secs(7), "{took:?}");
    drop((idle, half));
    let mut rest = String::new();
    while stream.read_line(&mut rest).unwrap_or(0) > 0 {}
}
