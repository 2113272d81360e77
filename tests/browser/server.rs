//! A console with an evening's alerts, odd names among them, on a port that it keeps.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use vigie::alert::{Alert, Severity};
use vigie::clock::now_ms;
use vigie::console::pages::{Blind, Budget, DeadLetter, Fill, Health, Hook};
use vigie::console::{AppState, ConsoleSettings, Happened, Outside};
use vigie::event::TimestampMs;
use vigie::store::datadir::{DataDir, Purpose};
use vigie::store::desk::{Desk, NewUser, Role, SessionLimits, password};
use vigie::store::sqlite::{AccountDay, Commit, Promise, Share, ShareOf, Store};
use vigie::triage::{millis, rfc3339};
use vigie::watch::{AccountCard, ShardState, ThresholdCard, View};

use crate::support::tests;

/// The alert whose page is looked at.
pub(super) const ALERT: &str = "01HNY000000000000000000000";
/// The analyst's.
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// What attackers put into names; all of them can be searched for by `alert(1)`.
const ODD: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</textarea><iframe srcdoc='<script>alert(1)</script>'>",
];

struct World;

impl Outside for World {
    fn metrics(&self, _now: TimestampMs) -> String {
        String::new()
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn blind_open(&self) -> u64 {
        1
    }

    fn health(&self, page: &mut Health) {
        let now = now_ms();
        let blind = |until| Blind {
            kind: "source-silent".into(),
            subject: "access-events/2".into(),
            detail: [
                "no record for 14 min; usually one every 2 s".into(),
                "aucun enregistrement depuis 14 min".into(),
            ],
            since: now - 840_000,
            until,
        };
        page.blind = vec![blind(None), blind(Some(now - 60_000))];
        let fill = |action: &str, field: &str, share| Fill {
            action: action.into(),
            field: field.into(),
            share,
            events: 99_120,
        };
        page.fill = vec![fill("search", "persons", 0.0), fill("view", "persons", 0.997)];
        let hook = Hook { name: "soc".into(), delivered: 412, dead: 1, ..Hook::default() };
        page.hooks = vec![hook];
        page.dead = vec![DeadLetter {
            seq: 77,
            hook: "soc".into(),
            id: ALERT.into(),
            revision: 3,
            attempts: 12,
            error: "status 500".into(),
            at: now - 7_200_000,
        }];
        page.budget = Budget {
            per_1000_account_weeks: 0.5,
            per_week_min: 2.0,
            weeks: 10.0,
            account_weeks: 41_200,
            alerts: 27,
        };
    }

    fn replay(&self, seq: i64) -> Result<bool, String> {
        Ok(seq == 77)
    }
}

/// A console that runs.
pub(super) struct Console {
    address: SocketAddr,
    public: Option<String>,
    view: Arc<View>,
    db: PathBuf,
    store: Store,
    next: u64,
    running: Option<(Arc<AppState>, watch::Sender<bool>)>,
    runtime: Runtime,
    _dir: tempfile::TempDir,
}

impl Console {
    /// Without login.
    pub(super) fn open() -> Console {
        Console::new(false)
    }

    /// As others reach it: people log in.
    pub(super) fn with_login() -> Console {
        Console::new(true)
    }

    fn new(login: bool) -> Console {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path(), Purpose::Live).unwrap();
        let mut store = Store::open(&data).unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        // Every name below `localhost` is this machine, for browsers at least.
        let public = login.then(|| format!("http://vigie.localhost:{}", address.port()));
        let db = data.file("vigie.db");
        let hash = password::hash(PASSWORD).unwrap();
        let analyst =
            NewUser { name: "analyst", role: Role::Analyst, hash: &hash, language: Some("en") };
        Desk::open(&db).unwrap().add_user("test", &analyst, now_ms()).unwrap();
        store.put_account_days(&days()).unwrap();
        promises().iter().for_each(|day| store.put_promise("log", 0, day).unwrap());
        let mut console = Console {
            address,
            public,
            view: Arc::new(view()),
            db,
            store,
            next: 0,
            running: None,
            runtime,
            _dir: dir,
        };
        console.fill();
        console.serve(listener);
        console
    }

    pub(super) fn url(&self) -> String {
        self.public.clone().unwrap_or_else(|| format!("http://{}", self.address))
    }

    fn fill(&mut self) {
        let names = (0..60).map(|n| format!("cap{:05}", 412 + n));
        for name in names.chain(ODD.map(str::to_owned)) {
            let (alert, n) = (self.alert(&name), self.next);
            for (revision, persons) in (1..).zip([38, 120, 400 + n * 97]) {
                let mut alert = alert.clone();
                (alert.revision, alert.exposure.persons) = (revision, persons);
                let opened = millis(&alert.opened_at);
                alert.updated_at = rfc3339(opened + i64::from(revision - 1) * 600_000);
                self.put(alert);
            }
        }
    }

    fn put(&mut self, alert: Alert) {
        let commit = Commit { source: "log", shard: 0, alerts: &[(alert, 0)], mark: 1, epoch: 0 };
        self.store.commit(&commit).unwrap();
    }

    /// The next alert, of an account of this name.
    fn alert(&mut self, name: &str) -> Alert {
        let text = std::fs::read_to_string(tests("store/alert.json")).unwrap();
        let mut alert: Alert = serde_json::from_str(&text).unwrap();
        let n = self.next;
        self.next += 1;
        let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        alert.id = format!("{}{n:X}0", &ALERT[..if n < 16 { 24 } else { 23 }]);
        alert.severity = severities[(n as usize).min(59) / 15];
        (alert.entity.id, alert.accounts) = (name.to_owned(), vec![name.to_owned()]);
        let opened = now_ms() - 3_600_000 + n as i64 * 1_000;
        alert.opened_at = rfc3339(opened);
        alert.first_event_at = rfc3339(opened - 420_000);
        alert.last_event_at = rfc3339(opened + 1_800_000);
        alert.exposure.data = [("nir", 312), ("identity", 312), ("contact", 88)]
            .map(|(class, persons)| (class.to_owned(), persons))
            .into();
        alert.signals[0].at = rfc3339(opened);
        alert.signals[0].touch = Some("listed".into());
        let odd = if n >= 60 { name } else { "203.0.113.9" };
        (alert.seen.ips, alert.seen.devices) = (vec![odd.into()], vec!["kali-7f3a".into()]);
        let facts = json!([
            {"code": "volume", "usual": 9, "observed": 312},
            {"code": "pace", "persons": 50, "seconds": 7},
            {"code": "new-device"}, {"code": "off-hours"}
        ]);
        alert.facts = serde_json::from_value(facts).unwrap();
        let event = |k: i64| {
            json!({"at": rfc3339(opened + k * 7_000), "position": 100 + k, "action": "search",
                   "persons": 50, "ip": odd, "device": name})
        };
        let events: Vec<_> = (0..24).map(event).collect();
        alert.events = serde_json::from_value(json!(events)).unwrap();
        alert.explanation = format!("{name} read 312 persons in an hour where 4 are usual.");
        alert
    }

    /// Stores another alert and tells whoever listens; its id.
    pub(super) fn new_alert(&mut self) -> String {
        let mut alert = self.alert("cap77777");
        alert.opened_at = rfc3339(now_ms());
        alert.revision = 1;
        let id = alert.id.clone();
        self.put(alert);
        if let Some((state, _)) = &self.running {
            let happened = Happened::Alert { id: id.clone(), revision: 1, opened: true };
            state.live().tell(&happened);
        }
        id
    }

    /// Stops serving; the port is kept in mind.
    pub(super) fn stop(&mut self) -> String {
        if let Some((_, shutdown)) = self.running.take() {
            shutdown.send(true).unwrap();
        }
        "stopped".into()
    }

    /// Serves again on the same port.
    pub(super) fn start(&mut self) -> String {
        let listener = crate::support::wait_for("the port", || {
            self.runtime.block_on(TcpListener::bind(self.address)).ok()
        });
        self.serve(listener);
        "started".into()
    }

    fn serve(&mut self, listener: TcpListener) {
        let settings = ConsoleSettings {
            listen: self.address,
            public_url: self.public.clone(),
            limits: SessionLimits::default(),
            trusted_proxies: Vec::new(),
            language: None,
            metrics_open: false,
            zone: jiff::tz::TimeZone::get("Europe/Paris").unwrap(),
        };
        let view = Arc::clone(&self.view);
        let state = AppState::new(self.db.clone(), view, Arc::new(World), settings).unwrap();
        let state = Arc::new(state);
        let (shutdown, told) = watch::channel(false);
        self.runtime.spawn(vigie::console::serve(listener, Arc::clone(&state), told));
        self.running = Some((state, shutdown));
    }
}

fn view() -> View {
    let view = View::default();
    let now = now_ms();
    let shard = ShardState {
        position: 18_231_907,
        lag_records: Some(12),
        last_arrival_at: Some(now),
        last_event_at: Some(now - 40_000),
        snapshot_at: Some(now - 31_000),
        accounts: 10_412,
        accounts_max: 1_000_000,
        ..ShardState::default()
    };
    view.shards.insert(("access-events".into(), 0), shard.clone());
    let away = ShardState { unreachable: Some("broker not reachable".into()), ..shard };
    view.shards.insert(("access-events".into(), 1), away);
    let threshold = |touch, threshold| ThresholdCard {
        measure: "distinct_persons",
        touch,
        window: "1h",
        expected: 4.1,
        usual: 11,
        threshold,
    };
    let card = AccountCard {
        shard: 0,
        partner: Some("cap-emploi".into()),
        unit: Some("cap-emploi-75".into()),
        role: Some("cap-adviser".into()),
        kind: "human",
        day: "2024-02-06".into(),
        days_closed: 412,
        learning: false,
        thresholds: vec![threshold("listed", Some(38)), threshold("opened", None)],
    };
    view.put_account("cap00412", card);
    view
}

/// Eighty working days and an evening.
fn days() -> Vec<AccountDay> {
    let today: jiff::civil::Date = rfc3339(now_ms()).split('T').next().unwrap().parse().unwrap();
    let day = |ago: i64| AccountDay {
        account: "cap00412".into(),
        day: (today - jiff::Span::new().days(ago)).to_string(),
        listed: if ago == 0 { 4_812 } else { 18 + (ago as u64 * 37) % 23 },
        opened: 5 + (ago as u64 * 17) % 9,
        foreign_origins: if ago == 0 { 3_100 } else { ago as u64 % 5 },
    };
    (0..88).filter(|ago| ago % 7 > 1 || *ago == 0).map(day).collect()
}

/// What was allowed on four weeks up to today, odd names among those it was allowed to.
fn promises() -> Vec<Promise> {
    let today = now_ms().div_euclid(86_400_000) as i32;
    let share = |of, name: &str, alerts| Share { of, name: name.into(), account_weeks: 40, alerts };
    let of_day = |day: i32| {
        let at = |day: i32| rfc3339(i64::from(day) * 86_400_000);
        let mut shares = vec![
            share(ShareOf::Rule, "mass-extraction.volume", 0.3),
            share(ShareOf::Rule, "mass-extraction.novelty", 0.05),
            share(ShareOf::Pooled, "mass-extraction.pooled-foreign", 0.001),
            share(ShareOf::Partner, "cap-emploi", 0.3),
            share(ShareOf::Role, "cap-adviser", 2.9),
        ];
        shares.extend(ODD.map(|name| share(ShareOf::Role, name, 0.2)));
        let (starts_at, ends_at) = (at(day), at(day + 1));
        Promise { day, starts_at, ends_at, epoch: 100, account_weeks: 40, shares }
    };
    (today - 27..=today).map(of_day).collect()
}
