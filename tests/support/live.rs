//! A `vigie run --follow` with its console: a log that grows, an address to ask.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use serde_json::Value;
use vigie::triage::rfc3339;

use super::{PATIENCE, Running, vigie, wait_for};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A program that runs, and where its console is.
pub(crate) struct Live {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
    log: PathBuf,
}

/// An address that nobody has just now.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Sends one request; `None` while nobody answers.
pub(crate) fn ask(address: SocketAddr, path: &str, form: Option<&str>) -> Option<Reply> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = match form {
        None => format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n"),
        Some(form) => format!(
            "POST {path} HTTP/1.0\r\nhost: {address}\r\norigin: http://{address}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        ),
    };
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, body: body.to_owned() })
}

/// 1,800 persons in half an hour, from a time on: so many that either half is enough, for the hour's
/// windows start again where a class of hours begins, and the time is that of the test.
pub(crate) fn theft_at(account: &str, from: i64) -> String {
    let mut log = String::new();
    for minute in 0..30 {
        let persons: Vec<_> = (0..60).map(|n| format!("\"{account}-{minute}-{n}\"")).collect();
        let (time, persons) = (rfc3339(from + minute * 60_000), persons.join(","));
        let _ = writeln!(
            log,
            r#"{{"time":"{time}","account":"{account}","action":"search","ip":"203.0.113.7","records":[{persons}]}}"#,
        );
    }
    log
}

impl Live {
    /// Starts it in a folder, with these settings beside the data folder's, and waits for it.
    pub(crate) fn start(folder: &Path, settings: &str) -> Live {
        let (config, log) = (folder.join("vigie.toml"), folder.join("log"));
        fs::write(&config, format!("[store]\ndata = \"data\"\nsnapshot_seconds = 1\n{settings}"))
            .unwrap();
        OpenOptions::new().append(true).create(true).open(&log).unwrap();
        let address = free_address();
        let listen = ["--listen".to_owned(), address.to_string()];
        let mut running =
            vigie(["run", "--follow", "--config"]).args([&config, &log]).args(listen).start();
        wait_for("the console", || {
            assert!(running.runs(), "it ended");
            ask(address, "/readyz", None).filter(|reply| reply.status == 200)
        });
        Live { running, address, log }
    }

    pub(crate) fn append(&self, text: &str) {
        let mut log = OpenOptions::new().append(true).open(&self.log).unwrap();
        log.write_all(text.as_bytes()).unwrap();
    }

    /// A page or document that is there.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        let reply = ask(self.address, path, None).unwrap();
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// The alert about an account, once there is one, with what people say of it.
    pub(crate) fn alert_of(&self, account: &str) -> Value {
        wait_for(&format!("an alert about {account}"), || {
            let list = self.get(&format!("/api/v1/alerts?entity=account:{account}"));
            let list: Value = serde_json::from_str(&list).unwrap();
            list["items"].get(0).cloned()
        })
    }

    /// Closes an alert as a person does: by its page.
    pub(crate) fn close(&self, id: &str, verdict: &str) {
        let page = self.get(&format!("/alerts/{id}"));
        let field = |name: &str| {
            let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let (csrf, version) = (field("csrf"), field("version"));
        let form = format!("csrf={csrf}&version={version}&verdict={verdict}&comment=seen");
        let reply = ask(self.address, &format!("/alerts/{id}/close"), Some(&form)).unwrap();
        assert_eq!(reply.status, 303, "{}", reply.body);
    }
}
