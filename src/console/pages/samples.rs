//! A believable evening to show on pages: the thefts of `demo`, a quiet queue, a hook that failed.

use super::view::*;
use crate::alert::*;
use crate::event::TimestampMs;
use crate::store::sqlite::{Triage, TriageState};
use crate::triage::{Language, millis, rfc3339};
use crate::watch::promise::{Line, Standing};
use crate::watch::{AccountCard, ThresholdCard};

/// Tue 6 Feb 2024, 21:06:40 in Paris.
pub(super) const NOW: TimestampMs = 1_707_250_000_000;

pub(super) fn chrome(language: Language) -> Chrome {
    Chrome {
        language,
        user: Some(User {
            name: "a.martin".into(),
            may_triage: true,
            may_audit: true,
            may_replay: true,
            may_log_out: true,
        }),
        csrf: "token".into(),
        path: "/alerts".into(),
        zone: jiff::tz::TimeZone::get("Europe/Paris").unwrap(),
        now: NOW,
        counts: NavCounts { open: Count { value: 7, capped: false }, blind: 1 },
    }
}

/// Everything from outside, or one odd text in all of its places.
pub(super) struct World {
    pub(super) name: String,
    odd: Option<String>,
}

impl World {
    pub(super) fn new(odd: Option<&str>) -> World {
        World { name: odd.unwrap_or("cap00412").into(), odd: odd.map(str::to_owned) }
    }

    fn text(&self, usual: &str) -> String {
        self.odd.clone().unwrap_or_else(|| usual.to_owned())
    }

    fn some(&self, usual: &str) -> Option<String> {
        Some(self.text(usual))
    }

    /// `persons` read, of which `foreign` foreign origins, by one account.
    pub(super) fn alert(&self, name: &str, severity: Severity, persons: u64, at: i64) -> Alert {
        let opened = NOW - at;
        let fact = |code: &str, values: serde_json::Value| Fact {
            code: code.into(),
            values: values.as_object().cloned().unwrap_or_default(),
        };
        Alert {
            id: self.text(&format!("01HNY0{name:0>20}").to_uppercase()),
            revision: 4,
            status: Status::Open,
            severity,
            confidence: 0.9993,
            entity: Entity { kind: EntityKind::Account, id: self.text(name) },
            partner: self.some("cap-emploi"),
            unit: self.some("cap-emploi-75"),
            role: self.some("cap-adviser"),
            accounts: vec![self.text(name)],
            account_count: 1,
            follows: self.some("01HNXV00000000000000000002"),
            learning: false,
            historical: false,
            opened_at: rfc3339(opened),
            first_event_at: rfc3339(opened - 420_000),
            last_event_at: rfc3339(opened + 4_100_000),
            updated_at: rfc3339(opened + 4_100_000),
            exposure: Exposure {
                persons,
                low: persons - persons / 50,
                high: persons + persons / 50,
                records: persons + persons / 9,
                unidentified: 3,
                data: [("identity", persons), ("nir", persons), ("contact", persons / 2)]
                    .map(|(class, n)| (self.text(class), n))
                    .into(),
                population: [(self.text("rsa"), persons / 7)].into(),
            },
            seen: Seen {
                ips: vec![self.text("203.0.113.9"), self.text("198.51.100.23")],
                devices: vec![self.text("kali-7f3a")],
                sessions: vec![],
            },
            read_from: vec![ReadFrom {
                kind: "device".into(),
                id: self.text("kali-7f3a"),
                persons: persons - persons / 20,
                new: Some(true),
            }],
            signals: self.signals(persons, opened),
            facts: vec![
                fact("foreign", serde_json::json!({"usual": 9})),
                fact("volume", serde_json::json!({"usual": 31})),
                fact("pace", serde_json::json!({"persons": 50, "seconds": 7})),
                fact("new-device", serde_json::json!({})),
                fact("off-hours", serde_json::json!({})),
                fact(
                    "shared-account",
                    serde_json::json!({
                        "persons": persons - persons / 20, "of": persons, "others": persons / 20,
                        "one_session": false, "place": "device",
                        "estimated": true,
                    }),
                ),
            ],
            explanation: self.text("read many persons"),
            events: self.events(opened),
            positions: vec![PositionRange {
                shard: self.text("access-events/3"),
                from: 18_220_114,
                to: 18_231_907,
            }],
            model_epoch: 61,
            rules_version: self.text("0123456789ab"),
        }
    }

    fn signals(&self, persons: u64, opened: TimestampMs) -> Vec<Signal> {
        let signal =
            |rule: &str, measure: &str, window: &str, observed, expected, threshold| Signal {
                rule: self.text(rule),
                measure: measure.into(),
                touch: Some("listed".into()),
                window: window.into(),
                observed,
                expected,
                threshold,
                surprise: 7.1 + expected,
                at: rfc3339(opened),
                persons_at: 38,
                peers: Some(Peers {
                    group: self.text("cap-emploi/cap-adviser"),
                    size: 214,
                    p99: threshold * 2 / 3,
                }),
            };
        vec![
            signal(
                "mass-extraction.foreign-origins",
                "foreign_origins",
                "1h",
                persons * 2 / 3,
                3.2,
                38,
            ),
            signal("mass-extraction.volume", "distinct_persons", "1d", persons, 12.4, 96),
        ]
    }

    fn events(&self, opened: TimestampMs) -> Vec<SeenEvent> {
        let event = |n: i64| SeenEvent {
            at: rfc3339(opened + n * 7_000),
            position: 18_220_114 + n as u64 * 31,
            action: "search".into(),
            persons: 50,
            ip: self.some("203.0.113.9"),
            device: self.some("kali-7f3a"),
            session: None,
        };
        (0..24).map(event).collect()
    }

    fn row(&self, name: &str, severity: Severity, persons: u64, at: i64) -> QueueRow {
        QueueRow {
            alert: self.alert(name, severity, persons, at),
            triage: triage(TriageState::New),
            campaign: Count { value: 1, capped: false },
        }
    }

    pub(super) fn queue(&self) -> Queue {
        use Severity::*;
        let mut rows = vec![
            self.row("cap00412", Critical, 48_120, 4_500_000),
            self.row("cap00398", Critical, 29_507, 3_100_000),
            self.row("ml-1180", High, 310, 9_000_000),
            self.row("api-caf-sync", Medium, 1_204, 40_000_000),
            self.row("cap00077", Medium, 62, 90_000_000),
            self.row("ofii-0031", Low, 44, 260_000_000),
            self.row("mdph-0204", Info, 19, 900_000_000),
        ];
        let states = [TriageState::New, TriageState::New, TriageState::InProgress];
        for (row, state) in rows.iter_mut().zip(states) {
            row.triage.state = state;
        }
        rows[2].triage.assignee = self.some("b.leroy");
        rows[0].campaign.value = 3;
        rows[1].campaign = Count { value: 1_000, capped: true };
        rows[3].alert.learning = true;
        rows[4].triage.state = TriageState::OnHold;
        rows[4].triage.assignee = self.some("a.martin");
        rows[5].alert.historical = true;
        rows[6].alert.status = Status::Ended;
        let count = |value| Count { value, capped: false };
        Queue {
            query: QueueQuery { partner: self.some("cap-emploi"), ..QueueQuery::default() },
            partners: vec![self.text("cap-emploi"), self.text("missions-locales")],
            tabs: Tab::ALL.into_iter().zip([7, 5, 1, 1, 214, 221].map(count)).collect(),
            severities: vec![
                (Critical, count(2)),
                (High, count(1)),
                (Medium, count(2)),
                (Low, count(1)),
                (Info, count(1)),
            ],
            rows,
            previous: None,
            next: self.some("2024-02-06~01HNY0"),
            reading: reading(),
            done: Some(BulkResult { changed: 2, refused: vec![self.name.clone()] }),
        }
    }

    pub(super) fn empty_queue(&self) -> Queue {
        Queue { rows: vec![], query: QueueQuery::default(), next: None, done: None, ..self.queue() }
    }

    pub(super) fn alert_page(&self) -> AlertPage {
        let alert = self.alert("cap00412", Severity::Critical, 48_120, 4_500_000);
        let opened = millis(&alert.opened_at);
        let steps = [38, 100, 500, 2_000, 10_000, 50_000_u64];
        let revisions: Vec<Revision> = (1..)
            .zip(steps)
            .map(|(revision, persons)| Revision {
                revision,
                at: opened + i64::from(revision - 1).pow(2) * 150_000,
                persons: persons.min(48_120),
                severity: if persons < 200 { Severity::High } else { Severity::Critical },
                status: Status::Open,
            })
            .collect();
        let deed = |at, action: &str, detail: Option<&str>, comment: Option<&str>| Activity {
            at,
            what: Deed::Person {
                actor: self.text("a.martin"),
                action: self.text(action),
                detail: detail.map(|d| self.text(d)),
                comment: comment.map(|c| self.text(c)),
            },
        };
        let mut activity: Vec<Activity> = revisions
            .iter()
            .map(|revision| Activity { at: revision.at, what: Deed::Engine(*revision) })
            .collect();
        activity.push(deed(NOW - 400_000, "take", None, None));
        let text = "Called the site: the adviser left at 17:30. Session is not hers.";
        activity.push(deed(NOW - 200_000, "comment", None, Some(text)));
        let similar = |reason, state, severity| Similar {
            id: self.text("01HNY000000000000000CAP398"),
            entity: Entity { kind: EntityKind::Account, id: self.text("cap00398") },
            severity,
            opened_at: opened + 900_000,
            state,
            verdict: (state == TriageState::Closed).then(|| self.text("benign_expected")),
            persons: 29_507,
            reason,
        };
        let mut triage = triage(TriageState::InProgress);
        triage.assignee = self.some("a.martin");
        AlertPage {
            alert,
            triage,
            wake_at: None,
            revisions,
            activity,
            mates: Count { value: 5, capped: false },
            campaign: [
                Likeness::Device(self.text("kali")),
                Likeness::Session(self.text("s-1")),
                Likeness::Account(self.text("cap00398")),
                Likeness::Campaign,
            ]
            .map(|reason| similar(reason, TriageState::New, Severity::High))
            .into(),
            similar: vec![
                similar(
                    Likeness::Ip(self.text("203.0.113.9")),
                    TriageState::New,
                    Severity::Critical,
                ),
                similar(Likeness::Device(self.text("kali")), TriageState::Closed, Severity::Medium),
                similar(Likeness::Entity, TriageState::Closed, Severity::Low),
            ],
            people: vec![self.text("b.leroy"), self.text("c.dupont")],
            reading: reading(),
            problem: None,
        }
    }

    pub(super) fn account(&self) -> AccountPage {
        let first = jiff::civil::date(2023, 11, 9);
        let days = (0..90).filter(|n| n % 7 != 2 && n % 7 != 3).map(|n: i64| Day {
            day: (first + jiff::Span::new().days(n)).to_string(),
            listed: if n == 89 { 48_120 } else { 18 + (n * 37 % 23) as u64 },
            opened: if n == 89 { 12 } else { 5 + (n * 17 % 9) as u64 },
            foreign: if n == 89 { 31_000 } else { (n * 7 % 5) as u64 },
        });
        let threshold = |measure, touch, window, expected, usual, threshold| ThresholdCard {
            measure,
            touch,
            window,
            expected,
            usual,
            threshold,
        };
        AccountPage {
            name: self.name.clone(),
            card: Some(AccountCard {
                shard: 0,
                partner: self.some("cap-emploi"),
                unit: self.some("cap-emploi-75"),
                role: self.some("cap-adviser"),
                kind: "human",
                day: self.text("2024-02-06"),
                days_closed: 412,
                learning: false,
                thresholds: vec![
                    threshold("distinct_persons", "listed", "1h", 4.1, 11, Some(38)),
                    threshold("distinct_persons", "listed", "1d", 22.3, 41, Some(96)),
                    threshold("foreign_origins", "opened", "1d", 1.4, 4, None),
                ],
            }),
            days: days.collect(),
            alerts: vec![self.row("cap00412", Severity::Critical, 48_120, 4_500_000)],
            why: self.odd.clone().map_or_else(
                || ViewReason::Alert("01HNY0000000000000CAP00412".into()),
                ViewReason::Reason,
            ),
        }
    }

    pub(super) fn health(&self) -> Health {
        let shard = |shard: u32, unreachable: Option<String>| Shard {
            source: self.text("access-events"),
            shard,
            position: 18_231_907 + u64::from(shard),
            lag_records: Some(12),
            last_event_at: Some(NOW - 40_000),
            last_arrival_at: Some(NOW - 2_000),
            snapshot_at: Some(NOW - 31_000),
            unreachable,
            ended: false,
            events: 4_120_334,
            late: 812,
            quarantined: 3,
            accounts: (10_412, 1_000_000),
        };
        let blind = |until| Blind {
            kind: self.text("source-silent"),
            subject: self.text("access-events/2"),
            detail: [
                self.text("no record for 14 min; usually one every 2 s"),
                self.text("aucun enregistrement depuis 14 min"),
            ],
            since: NOW - 840_000,
            until,
        };
        Health {
            shards: vec![
                shard(0, None),
                shard(1, None),
                shard(2, Some(self.text("broker not reachable"))),
            ],
            reading: reading(),
            fill: [("search", "persons", 0.0), ("view", "persons", 0.997), ("view", "ip", 1.0)]
                .map(|(action, field, share)| Fill {
                    action: self.text(action),
                    field: field.into(),
                    share,
                    events: 99_120,
                })
                .into(),
            quarantined: vec![(self.text("time"), 3)],
            dropped_fields: vec![(self.text("data"), 1_204)],
            blind: vec![blind(None), blind(Some(NOW - 60_000))],
            hooks: vec![Hook {
                name: self.text("soc"),
                pending: 1,
                delivered: 412,
                dead: 1,
                oldest_pending_at: Some(NOW - 20_000),
            }],
            dead: vec![DeadLetter {
                seq: 77,
                hook: self.text("soc"),
                id: self.text("01HNY0000000000000CAP00412"),
                revision: 3,
                attempts: 12,
                error: self.text("status 500"),
                at: NOW - 7_200_000,
            }],
            budget: Budget {
                per_1000_account_weeks: 0.5,
                per_week_min: 2.0,
                weeks: 10.0,
                account_weeks: 41_200,
                alerts: 27,
            },
            promise: self.promise(),
        }
    }

    fn promise(&self) -> Standing {
        let line = |name: &str, allowed, raised, thefts, unjudged, over| Line {
            name: name.into(),
            account_weeks: 16_000,
            allowed,
            raised,
            thefts,
            unjudged,
            over,
        };
        Standing {
            days: Some((20_000, 20_027)),
            account_weeks: 16_000,
            rules: vec![
                line("mass-extraction.volume", Some(1.7), 22, 4, 14, true),
                line("account.ended", None, 3, 0, 0, false),
                line("mass-extraction.novelty", Some(0.24), 0, 0, 0, false),
                line("mass-extraction.misses", Some(0.04), 0, 0, 0, false),
            ],
            partners: vec![line(&self.text("caf"), Some(4.0), 22, 4, 0, true)],
            roles: vec![line("", Some(4.0), 5, 4, 1, false)],
            more: true,
        }
    }

    pub(super) fn audit(&self) -> Audit {
        let entry = |seq, what: &str, detail: &str| AuditEntry {
            seq,
            at: NOW - 60_000 * (500 - seq),
            actor: self.text("a.martin"),
            what: self.text(what),
            subject: self.text("cap00412"),
            detail: self.text(detail),
            hash: self.text("9f31c2aa07"),
        };
        Audit {
            entries: vec![
                entry(412, "alert.close", "{\"verdict\":\"true_positive_impact\"}"),
                entry(411, "account.view", "{\"alert\":\"01HNY0000000000000CAP00412\"}"),
                entry(410, "login", "{\"from\":\"loopback\"}"),
            ],
            next: Some(410),
            chain: Some(if self.odd.is_some() { Err(3) } else { Ok(412) }),
        }
    }
}

fn triage(state: TriageState) -> Triage {
    Triage {
        state,
        verdict: None,
        assignee: None,
        comment: None,
        version: 2,
        updated_at: None,
        wake_at: None,
    }
}

fn reading() -> Reading {
    Reading {
        shards: 3,
        unreachable: 0,
        last_event_at: Some(NOW - 40_000),
        last_arrival_at: Some(NOW - 2_000),
        lag_records: Some(12),
        blind: 1,
        ended: false,
    }
}
