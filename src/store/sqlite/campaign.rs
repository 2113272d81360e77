//! Campaigns: alerts that belong together, found when an alert is stored and kept with it.
//!
//! What joins two alerts is a place that both were seen at: an address, a device, a session. A place
//! that people of a site share every day must not join everything, so it counts only when it was
//! new to the account in both alerts, or when few entities alert there at all (an address then must
//! be new to one of them). An alert about many accounts is joined with the alerts about those it
//! names, and an alert with the one that it follows.
//!
//! A campaign is known by its earliest alert. What was joined stays joined: a place that becomes
//! common later takes nothing apart.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Row, Transaction, named_params, params};

use super::read::{COLUMNS, FROM, stored_alert};
use super::{Reader, StoreError, StoredAlert};
use crate::alert::{Alert, EntityKind};

/// Days between two openings in which a place joins them.
const DAYS: u32 = 30;

/// Days between the opening of an alert about many accounts and that of one about an account that
/// it names.
const NAMED_DAYS: u32 = 3;

/// Entities, this one included, that alert at a place that is still somebody's own.
const FEW: u32 = 3;

/// A place of more alerts than this is a proxy's or a building's, and joins nothing; it also bounds
/// what storing an alert costs.
const ALERTS_MAX: u32 = 500;

/// Links that are kept of one alert: enough to say why.
const LINKS_MAX: usize = 50;

/// Alerts of a campaign are counted up to here.
pub const CAMPAIGN_COUNT_MAX: u32 = 1_000;

/// Which campaign an alert belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The id of the campaign's earliest alert; its own when it stands alone.
    pub id: String,
    /// Alerts in it, itself included; at most [`CAMPAIGN_COUNT_MAX`] and one more.
    pub alerts: u32,
}

/// Why two alerts belong together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkReason {
    /// This address.
    Ip(String),
    /// This device.
    Device(String),
    /// This session.
    Session(String),
    /// This account is named by one and is what the other is about.
    Account(String),
    /// One follows the other after a verdict.
    Follows,
}

impl LinkReason {
    fn read(why: &str, value: String) -> LinkReason {
        match why {
            "ip" => LinkReason::Ip(value),
            "device" => LinkReason::Device(value),
            "session" => LinkReason::Session(value),
            "account" => LinkReason::Account(value),
            _ => LinkReason::Follows,
        }
    }

    /// The word in the database and the API, and what it is about.
    #[must_use]
    pub fn words(&self) -> (&'static str, &str) {
        match self {
            LinkReason::Ip(value) => ("ip", value),
            LinkReason::Device(value) => ("device", value),
            LinkReason::Session(value) => ("session", value),
            LinkReason::Account(value) => ("account", value),
            LinkReason::Follows => ("follows", ""),
        }
    }
}

/// Two alerts that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The one that was stored later.
    pub alert: String,
    /// The one that it was joined with.
    pub other: String,
    /// Why.
    pub reason: LinkReason,
}

/// Alerts that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// The id of its earliest alert.
    pub id: String,
    /// Its alerts, earliest opening first.
    pub alerts: Vec<StoredAlert>,
    /// What joins these.
    pub links: Vec<Link>,
}

impl Reader {
    /// The campaign of an alert, `rows` alerts of it at most; `None`: there is no such alert.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn campaign(&self, id: &str, rows: u32) -> Result<Option<Campaign>, StoreError> {
        self.read(|conn| {
            let tx = conn.unchecked_transaction()?;
            let campaign: Option<String> = tx
                .prepare_cached("SELECT campaign FROM alert WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            let Some(campaign) = campaign else { return Ok(None) };
            let which = format!(
                "SELECT {COLUMNS} {FROM} WHERE alert.campaign = ?1 \
                 ORDER BY alert.opened_at, alert.id LIMIT ?2"
            );
            let alerts = tx
                .prepare_cached(&which)?
                .query_map(params![campaign, rows], stored_alert)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let known: BTreeSet<&str> = alerts.iter().map(|alert| alert.id.as_str()).collect();
            let mut statement = tx.prepare_cached(
                "SELECT id, other, why, value FROM campaign_link WHERE id = ?1 ORDER BY other",
            )?;
            let mut links = Vec::new();
            for alert in &alerts {
                for link in statement.query_map([&alert.id], link)? {
                    links.extend(Some(link?).filter(|link| known.contains(link.other.as_str())));
                }
            }
            Ok(Some(Campaign { id: campaign, alerts, links }))
        })
    }
}

fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    let why: String = row.get(2)?;
    let reason = LinkReason::read(&why, row.get(3)?);
    Ok(Link { alert: row.get(0)?, other: row.get(1)?, reason })
}

/// Keeps where an alert's accesses came from and which accounts it is about, so that alerts find
/// each other. Returns whether anything of it is new.
pub(super) fn put_places(tx: &Transaction<'_>, alert: &Alert) -> rusqlite::Result<bool> {
    let mut put = tx.prepare_cached(
        "INSERT INTO alert_place (kind, value, id, fresh) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (kind, value, id) DO UPDATE SET fresh = 1 WHERE excluded.fresh > fresh",
    )?;
    let mut new = 0;
    for ((kind, value), fresh) in places(alert) {
        new += put.execute(params![kind, value, alert.id, fresh])?;
    }
    Ok(new > 0)
}

/// Every place of an alert, and whether it is its own in any way.
fn places(alert: &Alert) -> BTreeMap<(&'static str, &str), bool> {
    let mut places = BTreeMap::new();
    let seen = &alert.seen;
    for (kind, values) in
        [("ip", &seen.ips), ("device", &seen.devices), ("session", &seen.sessions)]
    {
        places.extend(values.iter().map(|value| ((kind, value.as_str()), false)));
    }
    places.extend(alert.accounts.iter().map(|name| (("account", name.as_str()), false)));
    let about = match alert.entity.kind {
        EntityKind::Source => Some("ip"),
        EntityKind::Device => Some("device"),
        _ => None,
    };
    places.extend(about.map(|kind| ((kind, alert.entity.id.as_str()), true)));
    for (code, kind) in [("new-address", "ip"), ("new-device", "device")] {
        if alert.facts.iter().any(|fact| fact.code == code) {
            places.extend(strange(alert, kind).into_iter().map(|value| ((kind, value), true)));
        }
    }
    places
}

/// Where the crossings were made: what `new-…` facts speak of. Where the events do not tell, all
/// that was seen.
fn strange<'a>(alert: &'a Alert, kind: &str) -> Vec<&'a str> {
    let crossings: BTreeSet<&str> = alert.signals.iter().map(|s| s.at.as_str()).collect();
    let crossing = alert.events.iter().filter(|event| crossings.contains(event.at.as_str()));
    let (at, seen): (Vec<&str>, &Vec<String>) = match kind {
        "ip" => (crossing.filter_map(|e| e.ip.as_deref()).collect(), &alert.seen.ips),
        _ => (crossing.filter_map(|e| e.device.as_deref()).collect(), &alert.seen.devices),
    };
    if at.is_empty() { seen.iter().map(String::as_str).collect() } else { at }
}

/// Joins an alert with those that it belongs to.
pub(super) fn join(tx: &Transaction<'_>, alert: &Alert) -> rusqlite::Result<()> {
    let mut found = joined(tx, alert)?;
    if let Some(before) = &alert.follows {
        let campaign = campaign_of(tx, before)?;
        let link =
            || Link { alert: alert.id.clone(), other: before.clone(), reason: LinkReason::Follows };
        found.splice(0..0, campaign.map(|campaign| (campaign, link())));
    }
    if found.is_empty() {
        return Ok(());
    }
    let own = campaign_of(tx, &alert.id)?;
    let mut put = tx.prepare_cached(
        "INSERT INTO campaign_link (id, other, why, value) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS \
         (SELECT 1 FROM campaign_link WHERE id = ?2 AND other = ?1) ON CONFLICT DO NOTHING",
    )?;
    for (_, Link { alert, other, reason }) in found.iter().take(LINKS_MAX) {
        let (why, value) = reason.words();
        put.execute(params![alert, other, why, value])?;
    }
    unite(tx, found.into_iter().map(|(campaign, _)| campaign).chain(own).collect())
}

/// Alerts at the same places, by the rules above, with their campaigns; the most telling first.
fn joined(tx: &Transaction<'_>, alert: &Alert) -> rusqlite::Result<Vec<(String, Link)>> {
    tx.prepare_cached(JOINED)?
        .query_map(
            named_params! {
                ":id": alert.id, ":opened": alert.opened_at,
                ":about": alert.entity.kind.word(), ":name": alert.entity.id,
                ":days": DAYS, ":named_days": NAMED_DAYS, ":few": FEW, ":most": ALERTS_MAX,
            },
            |row| {
                let (why, value): (String, String) = (row.get(2)?, row.get(3)?);
                let reason = LinkReason::read(&why, value);
                let link = Link { alert: alert.id.clone(), other: row.get(0)?, reason };
                Ok((row.get(1)?, link))
            },
        )?
        .collect()
}

const JOINED: &str = "\
    WITH mine AS (SELECT kind, value, fresh FROM alert_place AS place WHERE id = :id AND \
        (SELECT count(*) FROM (SELECT 1 FROM alert_place AS there WHERE there.kind = place.kind \
           AND there.value = place.value LIMIT :most + 1)) <= :most), \
    near AS (SELECT mine.kind, mine.value, mine.fresh AS my_fresh, place.fresh, \
        alert.id, alert.campaign, alert.opened_at, entity_kind, entity_id, \
        abs(julianday(opened_at) - julianday(:opened)) AS days \
        FROM mine JOIN alert_place AS place ON place.kind = mine.kind AND place.value = mine.value \
        JOIN alert ON alert.id = place.id), \
    told AS (SELECT kind, value, count(DISTINCT json_array(entity_kind, entity_id)) AS entities \
        FROM near WHERE days <= :days GROUP BY kind, value) \
    SELECT id, campaign, kind, value FROM near JOIN told USING (kind, value) \
    WHERE id <> :id AND CASE kind \
        WHEN 'account' THEN (entity_kind <> 'account' OR :about <> 'account') AND days <= :named_days \
        ELSE days <= :days AND ((fresh AND my_fresh) OR (entities <= :few \
          AND (entity_kind <> :about OR entity_id <> :name) \
          AND (kind <> 'ip' OR fresh OR my_fresh))) END \
    ORDER BY CASE kind WHEN 'device' THEN 0 WHEN 'session' THEN 1 WHEN 'ip' THEN 2 ELSE 3 END, \
      opened_at, id";

fn campaign_of(tx: &Transaction<'_>, id: &str) -> rusqlite::Result<Option<String>> {
    tx.prepare_cached("SELECT campaign FROM alert WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()
}

/// Makes one campaign of several, known by the earliest of their alerts. Each is known by its own
/// earliest already; one that retention has taken is older than any that is there.
fn unite(tx: &Transaction<'_>, campaigns: BTreeSet<String>) -> rusqlite::Result<()> {
    let mut opened = tx.prepare_cached("SELECT opened_at FROM alert WHERE id = ?1")?;
    let mut dated = Vec::new();
    for id in campaigns {
        let at: Option<String> = opened.query_row([&id], |row| row.get(0)).optional()?;
        dated.push((at.unwrap_or_default(), id));
    }
    dated.sort();
    let Some((_, earliest)) = dated.first() else { return Ok(()) };
    let mut rename = tx.prepare_cached("UPDATE alert SET campaign = ?1 WHERE campaign = ?2")?;
    for (_, id) in &dated[1..] {
        rename.execute([earliest, id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
