//! What stands around an alert: its revisions and story, other alerts, the days of an account; and
//! figures about all of them.

use rusqlite::{OptionalExtension, Row, params};

use super::read::{COLUMNS, FROM, stored_alert};
use super::{Reader, SEVERITIES, StoreError, StoredAlert, TriageState, Unsigned};
use crate::alert::{Entity, Severity};
use crate::event::{Position, TimestampMs};
use crate::store::desk::Activity;
use crate::store::desk::activity::{ACTIVITY, activity};

/// Days around an alert's opening in which others are similar.
const SIMILAR_DAYS: u32 = 30;

/// An address or device of more alerts than this in that time is a building's, not a thief's.
const SIMILAR_ALERTS_MAX: u32 = 50;

/// One revision as it left the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRevision {
    /// From 1.
    pub revision: u32,
    /// The record that caused it.
    pub position: Position,
    /// The alert contract's JSON.
    pub body: String,
}

/// What two alerts have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A source address.
    Ip(String),
    /// A device.
    Device(String),
}

/// An alert that has something in common with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Similar {
    /// The alert.
    pub alert: StoredAlert,
    /// What they have in common; at least one.
    pub shared: Vec<Place>,
}

/// What an account read on a day that it closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountDay {
    /// Its name.
    pub account: String,
    /// Local date, `2024-02-06`.
    pub day: String,
    /// Distinct persons in lists.
    pub listed: u64,
    /// Distinct persons whose record was opened.
    pub opened: u64,
    /// Distinct foreign origins.
    pub foreign_origins: u64,
}

/// Alerts of one severity that are in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCount {
    /// How bad.
    pub severity: Severity,
    /// How far people are; never closed.
    pub state: TriageState,
    /// How many; at least 1.
    pub alerts: u64,
    /// When the oldest of them was opened: event time, epoch ms.
    pub oldest_at: TimestampMs,
}

impl Reader {
    /// Alerts about an entity, newest opening first, at most `rows`.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn alerts_of(&self, entity: &Entity, rows: u32) -> Result<Vec<StoredAlert>, StoreError> {
        self.read(|conn| {
            let which = format!(
                "SELECT {COLUMNS} {FROM} WHERE entity_kind = ?1 AND entity_id = ?2 \
                 ORDER BY opened_at DESC, alert.id DESC LIMIT ?3"
            );
            conn.prepare_cached(&which)?
                .query_map(params![entity.kind.word(), entity.id, rows], stored_alert)?
                .collect()
        })
    }

    /// Alerts opened within 30 days of this one that share an address or a device with it, most
    /// in common first, then newest, at most `rows`. What more than 50 alerts share tells nothing.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn similar(&self, id: &str, rows: u32) -> Result<Vec<Similar>, StoreError> {
        self.read(|conn| {
            let tx = conn.unchecked_transaction()?;
            let found = tx
                .prepare_cached(SIMILAR)?
                .query_map(params![id, SIMILAR_DAYS, SIMILAR_ALERTS_MAX, rows], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let which = format!("SELECT {COLUMNS} {FROM} WHERE alert.id = ?1");
            let mut statement = tx.prepare_cached(&which)?;
            let similar = found.into_iter().map(|(id, shared)| {
                Ok(Similar {
                    alert: statement.query_row([id], stored_alert)?,
                    shared: places(&shared),
                })
            });
            similar.collect()
        })
    }

    /// Every revision of an alert, oldest first.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn revisions(&self, id: &str) -> Result<Vec<StoredRevision>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT revision, position, body FROM revision WHERE id = ?1 ORDER BY revision",
            )?
            .query_map([id], revision)?
            .collect()
        })
    }

    /// One revision of an alert; `None` when there is none such.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn revision(&self, id: &str, number: u32) -> Result<Option<StoredRevision>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT revision, position, body FROM revision WHERE id = ?1 AND revision = ?2",
            )?
            .query_row(params![id, number], revision)
            .optional()
        })
    }

    /// What happened to an alert, oldest first. People's deeds stand after the revision that they
    /// could see, whatever the clocks say.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn activity(&self, id: &str) -> Result<Vec<Activity>, StoreError> {
        self.read(|conn| conn.prepare_cached(ACTIVITY)?.query_map([id], activity)?.collect())
    }

    /// Closed days of an account from a local date on, in order.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn account_days(
        &self,
        account: &str,
        from_day: &str,
    ) -> Result<Vec<AccountDay>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT account, day, listed, opened, foreign_origins FROM account_day \
                 WHERE account = ?1 AND day >= ?2 ORDER BY day",
            )?
            .query_map([account, from_day], account_day)?
            .collect()
        })
    }

    /// Alerts that are not closed, by severity and state; what there is none of is left out.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open_counts(&self) -> Result<Vec<OpenCount>, StoreError> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT severity, state, count(*), \
                 CAST(1000 * unixepoch(min(opened_at)) AS INTEGER) \
                 FROM alert INDEXED BY alert_by_age \
                 WHERE state IN ('new', 'in_progress', 'on_hold') GROUP BY state, severity",
            )?
            .query_map([], open_count)?
            .collect()
        })
    }

    /// Bytes of the database on disk, pages that are free included.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn database_bytes(&self) -> Result<u64, StoreError> {
        self.read(|conn| {
            let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
            let Unsigned(bytes) = conn.query_row(size, [], |row| row.get(0))?;
            Ok(bytes)
        })
    }
}

/// Places of alert ?1, without those of the many; then who else was there.
const SIMILAR: &str = "\
    WITH near AS (SELECT place.kind, place.value, alert.id, alert.opened_at \
        FROM alert AS this JOIN alert_place AS mine ON mine.id = this.id \
        AND mine.kind IN ('ip', 'device') \
        JOIN alert_place AS place ON place.kind = mine.kind AND place.value = mine.value \
        JOIN alert ON alert.id = place.id \
        WHERE this.id = ?1 AND abs(julianday(alert.opened_at) - julianday(this.opened_at)) <= ?2), \
    told AS (SELECT kind, value FROM near GROUP BY kind, value HAVING count(*) <= ?3) \
    SELECT id, json_group_array(json_array(kind, value)) FROM near \
    JOIN told USING (kind, value) WHERE id <> ?1 GROUP BY id \
    ORDER BY count(*) DESC, opened_at DESC, id DESC LIMIT ?4";

/// From a JSON array of (kind, value).
fn places(shared: &str) -> Vec<Place> {
    let pairs: Vec<(String, String)> = serde_json::from_str(shared).unwrap_or_default();
    let place = |(kind, value): (String, String)| match kind.as_str() {
        "ip" => Place::Ip(value),
        _ => Place::Device(value),
    };
    let mut places: Vec<Place> = pairs.into_iter().map(place).collect();
    places.sort();
    places
}

fn revision(row: &Row<'_>) -> rusqlite::Result<StoredRevision> {
    let Unsigned(position) = row.get(1)?;
    Ok(StoredRevision { revision: row.get(0)?, position, body: row.get(2)? })
}

fn account_day(row: &Row<'_>) -> rusqlite::Result<AccountDay> {
    let [listed, opened, foreign_origins] = [2, 3, 4].map(|at| row.get::<_, Unsigned>(at));
    Ok(AccountDay {
        account: row.get(0)?,
        day: row.get(1)?,
        listed: listed?.0,
        opened: opened?.0,
        foreign_origins: foreign_origins?.0,
    })
}

fn open_count(row: &Row<'_>) -> rusqlite::Result<OpenCount> {
    let rank: usize = row.get::<_, u8>(0)?.into();
    let Unsigned(alerts) = row.get(2)?;
    let severity = SEVERITIES.get(rank).copied().unwrap_or(Severity::Info);
    Ok(OpenCount { severity, state: row.get(1)?, alerts, oldest_at: row.get(3)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::EntityKind;
    use crate::store::testing::{alert, edited, world};

    fn ids<'a>(alerts: impl IntoIterator<Item = &'a StoredAlert>) -> String {
        alerts.into_iter().map(|alert| alert.id.as_str()).collect()
    }

    #[test]
    fn similar_alerts_share_a_place_of_few_within_thirty_days() {
        let mut world = world();
        let seen = |id: &str, opened: &str, ips: &[&str], devices: &[&str]| {
            edited(id, |alert| {
                alert.opened_at = opened.into();
                alert.seen.ips = ips.iter().map(|ip| (*ip).into()).collect();
                alert.seen.devices = devices.iter().map(|device| (*device).into()).collect();
            })
        };
        world.put([
            seen("A", "2024-02-06T18:00:00Z", &["a", "b", "nat"], &["d"]),
            seen("B", "2024-02-20T18:00:00Z", &["b"], &[]),
            seen("C", "2024-01-07T18:00:01Z", &["b", "a"], &["d"]),
            seen("D", "2024-01-07T17:59:59Z", &["b"], &[]),
            seen("E", "2024-02-06T18:00:00Z", &["d"], &["a"]),
        ]);
        world.put((0..49).map(|n| seen(&format!("n{n}"), "2024-02-07T00:00:00Z", &["nat"], &[])));
        let reader = world.reader();
        let similar = reader.similar("A", 60).unwrap();
        assert_eq!(similar.len(), 2 + 49, "49 others share `nat`, which makes 50 in all");
        world.put([seen("n49", "2024-02-08T00:00:00Z", &["nat"], &[])]);
        let similar = reader.similar("A", 60).unwrap();
        assert_eq!(ids(similar.iter().map(|s| &s.alert)), "CB", "most in common first");
        let [a, b, d] = [Place::Ip("a".into()), Place::Ip("b".into()), Place::Device("d".into())];
        assert_eq!(similar[0].shared, [a, b.clone(), d]);
        assert_eq!(similar[1].shared, [b]);
        assert_eq!(reader.similar("A", 1).unwrap().len(), 1);
        assert_eq!(reader.similar("nobody", 9).unwrap(), []);
    }

    #[test]
    fn alerts_and_revisions_of_an_entity() {
        let mut world = world();
        let other = |alert: &mut crate::alert::Alert| alert.entity.id = "other".into();
        let later = |alert: &mut crate::alert::Alert| alert.opened_at = "2025".into();
        world.put([alert("A", 1), alert("B", 1), edited("C", later), edited("D", other)]);
        world.put([alert("A", 2)]);
        let reader = world.reader();
        let entity = Entity { kind: EntityKind::Account, id: "cap00412".into() };
        assert_eq!(ids(&reader.alerts_of(&entity, 9).unwrap()), "CBA");
        assert_eq!(ids(&reader.alerts_of(&entity, 2).unwrap()), "CB");
        let unit = Entity { kind: EntityKind::Unit, ..entity };
        assert_eq!(ids(&reader.alerts_of(&unit, 9).unwrap()), "");

        let numbers = |id| -> Vec<u32> {
            reader.revisions(id).unwrap().into_iter().map(|found| found.revision).collect()
        };
        assert_eq!((numbers("A"), numbers("B"), numbers("none")), (vec![1, 2], vec![1], vec![]));
        let one = reader.revision("A", 1).unwrap().unwrap();
        assert_eq!(one.body, serde_json::to_string(&alert("A", 1)).unwrap());
        assert_eq!(reader.revision("A", 3).unwrap(), None);
    }

    #[test]
    fn account_days_are_replaced_and_read_in_order() {
        let mut world = world();
        let day = |account: &str, day: &str, opened| AccountDay {
            account: account.into(),
            day: day.into(),
            opened,
            ..AccountDay::default()
        };
        let days =
            [day("a", "2024-02-07", 1), day("a", "2024-02-06", 2), day("b", "2024-02-06", 3)];
        world.store.put_account_days(&days).unwrap();
        world.store.put_account_days(&[day("a", "2024-02-07", 9)]).unwrap();
        let found = |account, from| world.reader().account_days(account, from).unwrap();
        assert_eq!(found("a", "2024-02-01"), [days[1].clone(), day("a", "2024-02-07", 9)]);
        assert_eq!(found("a", "2024-02-07"), [day("a", "2024-02-07", 9)]);
        assert_eq!(found("c", ""), []);
    }

    #[test]
    fn open_counts_know_the_oldest_and_leave_out_the_closed() {
        let mut world = world();
        let opened = |id: &str, severity, at: &str| {
            edited(id, |alert| (alert.severity, alert.opened_at) = (severity, at.into()))
        };
        world.put([
            opened("A", Severity::High, "2024-02-06T18:00:02Z"),
            opened("B", Severity::High, "2024-02-06T18:00:01.500Z"),
            opened("C", Severity::Low, "2024-02-06T18:00:00Z"),
            opened("D", Severity::Info, "2024-02-06T18:00:00Z"),
        ]);
        world
            .store
            .raw()
            .execute("UPDATE triage SET state = 'on_hold' WHERE id = 'C'", [])
            .unwrap();
        world.store.raw().execute("UPDATE triage SET state = 'closed' WHERE id = 'D'", []).unwrap();
        let count =
            |severity, state, alerts, oldest_at| OpenCount { severity, state, alerts, oldest_at };
        assert_eq!(
            world.reader().open_counts().unwrap(),
            [
                count(Severity::High, TriageState::New, 2, 1_707_242_401_000),
                count(Severity::Low, TriageState::OnHold, 1, 1_707_242_400_000),
            ]
        );
        assert!(world.reader().database_bytes().unwrap() > 10_000);
    }
}
