//! The console over real sockets: a server on a free port, a database that was filled through the
//! store, a client that sends what it is told.

mod api;
mod hostile;
mod login;
mod matrix;
mod stream;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use vigie::alert::Alert;
use vigie::clock::now_ms;
use vigie::console::pages::Health;
use vigie::console::{AppState, ConsoleSettings, Outside, headers};
use vigie::event::TimestampMs;
use vigie::store::datadir::{DataDir, Purpose};
use vigie::store::desk::{Desk, NewToken, NewUser, Role, Scope, SessionLimits, password};
use vigie::store::sqlite::{Commit, Store};
use vigie::watch::{AccountCard, View};

use crate::support::{PATIENCE, tests};

/// The alert that every server has.
const ALERT: &str = "01HNY00000000000000000TEST";
/// The account it is about.
const ACCOUNT: &str = "cap00412";
/// Everybody's password.
const PASSWORD: &str = "correct horse battery staple";
/// What a server with a login is called.
const HOST: &str = "vigie.example";

struct Nothing;

impl Outside for Nothing {
    fn metrics(&self, _now: TimestampMs) -> String {
        "vigie_up 1\n".into()
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn blind_open(&self) -> u64 {
        0
    }

    fn health(&self, _page: &mut Health) {}

    fn replay(&self, seq: i64) -> Result<bool, String> {
        Ok(seq == 1)
    }
}

/// A console that runs; it is stopped when the test gives it up.
struct Server {
    address: SocketAddr,
    login: bool,
    state: Arc<AppState>,
    db: PathBuf,
    store: Store,
    shutdown: watch::Sender<bool>,
    runtime: Runtime,
    serving: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
    _dir: tempfile::TempDir,
}

/// An alert like the stored example, of another id and account.
fn alert(id: &str, account: &str) -> Alert {
    let text = std::fs::read_to_string(tests("store/alert.json")).unwrap();
    let mut alert: Alert = serde_json::from_str(&text).unwrap();
    alert.id = id.into();
    alert.entity.id = account.into();
    alert.accounts = vec![account.into()];
    alert
}

impl Server {
    /// Without login: only this machine reaches it.
    fn open() -> Server {
        Server::start(None)
    }

    /// With users, behind a proxy that speaks TLS.
    fn with_login() -> Server {
        Server::start(Some("https://vigie.example"))
    }

    fn start(public_url: Option<&str>) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path(), Purpose::Live).unwrap();
        let mut store = Store::open(&data).unwrap();
        put(&mut store, &[alert(ALERT, ACCOUNT)]);
        let db = data.file("vigie.db");
        let mut desk = Desk::open(&db).unwrap();
        let hash = password::hash(PASSWORD).unwrap();
        for role in Role::ALL {
            let user = NewUser { name: role.word(), role, hash: &hash, language: Some("en") };
            desk.add_user("test", &user, now_ms()).unwrap();
        }
        for scope in Scope::ALL {
            let name = scope.word().replace(':', "-");
            let token = NewToken {
                name: &name,
                secret: &format!("vigie_{name}"),
                scopes: &[scope],
                expires_at: None,
            };
            desk.create_token("test", &token, now_ms()).unwrap();
        }
        let view = Arc::new(View::default());
        view.put_account(ACCOUNT, AccountCard { kind: "human", ..AccountCard::default() });
        let settings = ConsoleSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: public_url.map(str::to_owned),
            limits: SessionLimits::default(),
            trusted_proxies: Vec::new(),
            language: None,
            metrics_open: false,
            zone: jiff::tz::TimeZone::UTC,
        };
        let state = AppState::new(db.clone(), view, Arc::new(Nothing), settings).unwrap();
        let state = Arc::new(state);
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, told) = watch::channel(false);
        let serving = runtime.spawn(vigie::console::serve(listener, Arc::clone(&state), told));
        Server {
            address,
            login: public_url.is_some(),
            state,
            db,
            store,
            shutdown,
            runtime,
            serving: Some(serving),
            _dir: dir,
        }
    }

    fn desk(&self) -> Desk {
        Desk::open(&self.db).unwrap()
    }

    /// A session of a user, without the login form.
    fn session(&self, name: &str) -> Session {
        let secret = format!("secret-{name}-{}", self.counter());
        let csrf = format!("csrf-of-{name}");
        self.desk().open_session(name, &secret, &csrf, now_ms()).unwrap();
        Session { cookie: format!("__Host-vigie={secret}"), csrf }
    }

    fn counter(&self) -> u64 {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    fn host(&self) -> String {
        if self.login { HOST.into() } else { format!("localhost:{}", self.address.port()) }
    }

    /// Sends a request and reads the answer, which must carry the headers of every answer.
    fn ask(&self, ask: &Ask) -> Answer {
        let answer = self.send(&ask.bytes(&self.host()));
        for (name, value) in headers::EVERYWHERE {
            assert_eq!(answer.header(name), Some(value), "{name} of {ask:?}: {}", answer.status);
        }
        assert!(answer.header(headers::REQUEST_ID).is_some());
        let cached = answer.header("cache-control").unwrap_or_default();
        let asset = ask.path.starts_with("/assets/") && answer.status == 200;
        assert_eq!(cached == "no-store", !asset, "{ask:?}");
        answer
    }

    /// Sends bytes and reads to the end.
    fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A server that has seen enough may close before it has read all.
        let _ = stream.write_all(bytes);
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        Answer::parse(&String::from_utf8_lossy(&read))
    }

    /// Tells it to stop and waits; how long it took.
    fn stop(&mut self) -> Duration {
        let since = vigie::clock::Stopwatch::start();
        self.shutdown.send(true).unwrap();
        let serving = self.serving.take().unwrap();
        self.runtime.block_on(serving).unwrap().unwrap();
        since.elapsed()
    }
}

/// Stores alerts as the pipeline does.
fn put(store: &mut Store, alerts: &[Alert]) {
    let alerts: Vec<(Alert, u64)> = alerts.iter().map(|alert| (alert.clone(), 0)).collect();
    let commit = Commit { source: "log", shard: 0, alerts: &alerts, mark: 1, epoch: 0 };
    store.commit(&commit).unwrap();
}

/// Somebody who is logged in.
#[derive(Clone, Debug)]
struct Session {
    cookie: String,
    csrf: String,
}

/// A request.
#[derive(Clone, Debug)]
struct Ask {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Ask {
    fn new(method: &str, path: &str) -> Ask {
        Ask { method: method.into(), path: path.into(), headers: Vec::new(), body: String::new() }
    }

    fn get(path: &str) -> Ask {
        Ask::new("GET", path)
    }

    fn with(mut self, name: &str, value: &str) -> Ask {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn by(self, session: &Session) -> Ask {
        self.with("Cookie", &session.cookie)
    }

    fn form(mut self, body: &str) -> Ask {
        self.body = body.into();
        self.with("Content-Type", "application/x-www-form-urlencoded")
    }

    fn json(mut self, body: &str) -> Ask {
        self.body = body.into();
        self.with("Content-Type", "application/json")
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name == "Host") {
            text.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        text.into_bytes()
    }
}

/// An answer.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn parse(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status: status.unwrap_or(0),
            headers: headers.map(|(k, v)| (k.to_lowercase(), v.to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The problem's word.
    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A cookie that it sets, as it is sent back.
    fn cookie(&self, name: &str) -> Option<String> {
        let mut lines = self.headers.iter().filter(|(key, _)| key == "set-cookie");
        lines.find_map(|(_, line)| {
            let pair = line.split(';').next()?;
            pair.starts_with(&format!("{name}=")).then(|| pair.to_owned())
        })
    }

    /// The token that its forms send back.
    fn csrf(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }
}
