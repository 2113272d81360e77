use super::*;
use crate::alert::{Entity, Fact, SeenEvent};
use crate::store::testing::{World, edited, world};

const DAY: &str = "2024-02-06";

/// An alert about `who` on a day at places: `ip=a`, `device=b`, `session=c`; `!` before it: new to
/// the account.
fn at(id: &str, who: &str, day: &str, places: &[&str]) -> Alert {
    edited(id, |alert| {
        alert.entity.id = who.into();
        alert.accounts = vec![who.into()];
        alert.opened_at = format!("{day}T18:12:00.000Z");
        alert.seen = Default::default();
        for place in places {
            let (kind, value) = place.trim_start_matches('!').split_once('=').unwrap();
            let seen = &mut alert.seen;
            let (list, code) = match kind {
                "ip" => (&mut seen.ips, "new-address"),
                "device" => (&mut seen.devices, "new-device"),
                _ => (&mut seen.sessions, ""),
            };
            list.push(value.into());
            if place.starts_with('!') {
                alert.facts.push(Fact { code: code.into(), values: Default::default() });
            }
        }
    })
}

/// `A:ABC D:D`: every campaign with its alerts.
fn campaigns(world: &World) -> String {
    let reader = world.reader();
    let mut found = BTreeMap::new();
    let page = reader.alerts(&Default::default(), Default::default(), None, 1_000).unwrap();
    for alert in page.alerts {
        let campaign = reader.campaign(&alert.id, 100).unwrap().unwrap();
        assert_eq!(campaign.id, alert.campaign.id);
        assert_eq!(campaign.alerts.len() as u32, alert.campaign.alerts);
        let ids: String = campaign.alerts.iter().map(|alert| alert.id.as_str()).collect();
        found.insert(campaign.id, ids);
    }
    found.iter().map(|(id, ids)| format!("{id}:{ids}")).collect::<Vec<_>>().join(" ")
}

fn check(alerts: &[Alert], wanted: &str) {
    let mut world = world();
    for alert in alerts {
        world.put([alert.clone()]);
    }
    assert_eq!(campaigns(&world), wanted);
}

#[test]
fn a_place_that_is_new_to_both_accounts_joins_them() {
    check(&[at("A", "a", DAY, &["!ip=x"]), at("B", "b", DAY, &["!ip=x"])], "A:AB");
    check(&[at("A", "a", DAY, &["!device=x"]), at("B", "b", DAY, &["!device=x"])], "A:AB");
    let (early, late) = ("2024-01-07", "2024-01-06");
    check(&[at("A", "a", DAY, &["!ip=x"]), at("B", "b", early, &["!ip=x"])], "B:BA");
    check(&[at("A", "a", DAY, &["!ip=x"]), at("B", "b", late, &["!ip=x"])], "A:A B:B");
    // However many there are.
    let robots: Vec<Alert> =
        ["A", "B", "C", "D", "E"].map(|id| at(id, id, DAY, &["!ip=x"])).into_iter().collect();
    check(&robots, "A:ABCDE");
    // The same account again, from a place that is not its own.
    check(&[at("A", "a", DAY, &["!ip=x"]), at("B", "a", DAY, &["!ip=x"])], "A:AB");
}

#[test]
fn a_sites_address_joins_nothing() {
    let site = ["A", "B", "C", "D", "E"].map(|id| at(id, id, DAY, &["ip=site"]));
    check(&site, "A:A B:B C:C D:D E:E");
    // Nor does one stranger at it, once more than a few alert there.
    let mut stranger = site.to_vec();
    stranger.push(at("F", "f", DAY, &["!ip=site"]));
    check(&stranger, "A:A B:B C:C D:D E:E F:F");
    check(&[site[0].clone(), at("F", "f", DAY, &["!ip=site"])], "A:AF");
    // An account's own device is no news; that of two accounts is.
    check(&[at("A", "a", DAY, &["device=x"]), at("B", "a", DAY, &["device=x"])], "A:A B:B");
    check(&[at("A", "a", DAY, &["device=x"]), at("B", "b", DAY, &["device=x"])], "A:AB");
    check(&[at("A", "a", DAY, &["session=x"]), at("B", "b", DAY, &["session=x"])], "A:AB");
    let desk = ["A", "B", "C", "D"].map(|id| at(id, id, DAY, &["device=desk"]));
    check(&desk, "A:ABC D:D");
}

#[test]
fn what_is_new_is_where_the_crossing_was_made() {
    // The owner works on at the site while the thief is somewhere else.
    let stolen = |id: &str, thief: &str| {
        let mut alert = at(id, id, DAY, &["ip=site"]);
        alert.seen.ips.push(thief.into());
        alert.facts.push(Fact { code: "new-address".into(), values: Default::default() });
        alert.events.push(SeenEvent {
            at: alert.signals[0].at.clone(),
            position: 7,
            action: "search".into(),
            persons: 50,
            ip: Some(thief.into()),
            device: None,
            session: None,
        });
        alert
    };
    let more = ["C", "D", "E"].map(|id| at(id, id, DAY, &["ip=site"]));
    let alerts = [vec![stolen("A", "x"), stolen("B", "y"), stolen("F", "x")], more.to_vec()];
    check(&alerts.concat(), "A:AF B:B C:C D:D E:E");
}

#[test]
fn an_alert_about_many_joins_those_it_names_and_one_that_follows_its_forerunner() {
    let unit = |id: &str, day: &str| {
        let mut alert = at(id, "unit-75", day, &[]);
        alert.entity.kind = EntityKind::Unit;
        alert.accounts = vec!["a".into(), "b".into()];
        alert
    };
    let [a, b, c] = ["a", "b", "c"].map(|who| at(&who.to_uppercase(), who, DAY, &[]));
    check(&[a.clone(), b.clone(), c.clone(), unit("U", "2024-02-08")], "A:ABU C:C");
    check(&[unit("U", "2024-02-08"), a.clone(), b.clone(), c.clone()], "A:ABU C:C");
    check(&[a.clone(), b, c, unit("U", "2024-02-10")], "A:A B:B C:C U:U");
    let mut source = at("S", "203.0.113.9", DAY, &[]);
    source.entity.kind = EntityKind::Source;
    check(&[source, at("A", "a", DAY, &["!ip=203.0.113.9"])], "A:AS");
    let mut again = at("B", "a", "2024-12-24", &[]);
    again.follows = Some("A".into());
    check(&[a, again], "A:AB");
}

#[test]
fn a_campaign_is_the_same_in_any_order_and_keeps_its_name() {
    let alerts = [
        at("A", "a", "2024-02-01", &["!ip=x"]),
        at("B", "b", "2024-02-02", &["!device=y"]),
        at("C", "c", "2024-02-03", &["!ip=z"]),
        at("D", "d", "2024-02-04", &["!ip=x", "!device=y"]),
        at("E", "e", "2024-02-05", &["!device=y", "!ip=z"]),
    ];
    for turn in 0..5 {
        let mut alerts = alerts.to_vec();
        alerts.rotate_left(turn);
        check(&alerts, "A:ABCDE");
    }
    let mut world = world();
    world.put(alerts.clone());
    let campaign = world.reader().campaign("E", 9).unwrap().unwrap();
    let links: Vec<String> = campaign
        .links
        .iter()
        .map(|l| format!("{}{} {}", l.alert, l.other, l.reason.words().1))
        .collect();
    assert_eq!(links, ["DA x", "DB y", "EB y", "EC z", "ED y"]);

    // Retention takes the earliest; those that come later belong to the same campaign.
    world.store.raw().execute("DELETE FROM alert WHERE id = 'A'", []).unwrap();
    world.put([at("F", "f", "2024-02-06", &["!ip=x"])]);
    assert_eq!(campaigns(&world), "A:BCDEF");
    let mut found = world.reader().campaign("F", 2).unwrap().unwrap();
    assert_eq!(found.alerts.len(), 2, "as many as asked for");
    found.alerts.retain(|alert| alert.campaign.alerts == 5);
    assert_eq!(found.alerts.len(), 2, "counted whole");
    assert_eq!(world.reader().campaign("nobody", 9).unwrap(), None);
}

#[test]
fn a_revision_may_join_what_its_forerunner_did_not() {
    let mut world = world();
    world.put([at("A", "a", DAY, &["!ip=x"]), at("B", "b", DAY, &["ip=x"])]);
    assert_eq!(campaigns(&world), "A:AB");
    world.put([at("C", "c", DAY, &["!ip=z"]), at("D", "d", DAY, &["!ip=w"])]);
    let mut more = at("D", "d", DAY, &["!ip=w", "!ip=z"]);
    more.revision = 2;
    world.put([more]);
    assert_eq!(campaigns(&world), "A:AB C:CD");
    // An entity of another kind is another entity.
    let mut other = at("E", "x", DAY, &[]);
    other.entity = Entity { kind: EntityKind::Partner, id: "a".into() };
    other.accounts = Vec::new();
    world.put([other]);
    assert_eq!(campaigns(&world), "A:AB C:CD E:E");
}

#[test]
fn a_place_of_a_whole_proxy_joins_nothing_and_costs_little() {
    let mut world = world();
    let ids: Vec<String> = (0..600).map(|n| format!("p{n:03}")).collect();
    world.put(ids.iter().map(|id| at(id, id, DAY, &["ip=proxy"])));
    world.put([at("X", "x", DAY, &["!ip=proxy"]), at("Y", "y", DAY, &["!ip=proxy"])]);
    let found = world.reader().alert("Y").unwrap().unwrap();
    assert_eq!(found.campaign, Membership { id: "Y".into(), alerts: 1 });
}
