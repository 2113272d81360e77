use super::*;
use crate::alert::{Alert, EntityKind};
use crate::store::testing::{World, edited, world};

const ALL: AlertFilter<'static> = AlertFilter {
    states: &[],
    severity_min: None,
    status: None,
    entity: None,
    partner: None,
    unit: None,
    assignee: None,
    text: None,
    historical: None,
};

impl World {
    fn set_triage(&self, id: &str, set: &str) {
        let text = format!("UPDATE triage SET {set} WHERE id = '{id}'");
        assert_eq!(self.store.raw().execute(&text, []).unwrap(), 1);
    }

    fn ids(&self, filter: &AlertFilter<'_>) -> String {
        let page = self.reader().alerts(filter, Sort::Opened, None, PAGE_ROWS_MAX).unwrap();
        page.alerts.into_iter().map(|found| found.id).collect()
    }

    /// Pages of `rows`, with something happening after each.
    fn walk(&mut self, sort: Sort, rows: u32, mut meanwhile: impl FnMut(&mut World)) -> String {
        let mut after: Option<PageKey> = None;
        let mut seen = String::new();
        loop {
            let page = self.reader().alerts(&ALL, sort, after.as_ref(), rows).unwrap();
            seen.extend(page.alerts.iter().map(|found| found.id.as_str()));
            meanwhile(self);
            let Some(next) = page.next else { return seen };
            seen.push(' ');
            after = Some(PageKey::parse(&next.to_string()).unwrap());
            assert_eq!(after.as_ref(), Some(&next));
        }
    }
}

#[test]
fn filters_choose_alerts() {
    let mut world = world();
    world.put([
        edited("A", |a| a.severity = Severity::Info),
        edited("B", |a| a.severity = Severity::High),
        edited("C", |a| a.status = Status::Ended),
        edited("D", |a| a.entity = Entity { kind: EntityKind::Unit, id: "cap00412".into() }),
        edited("E", |a| (a.partner, a.unit) = (Some("caf".into()), None)),
        edited("F", |a| a.historical = true),
        edited("G", |a| a.explanation = "Élodie à Évry; 50 % of _all_".into()),
        edited("H", |a| a.seen.devices = vec!["Poste-7".into()]),
    ]);
    world.set_triage("B", "state = 'on_hold', assignee = 'ana'");
    world.set_triage("C", "state = 'closed'");
    let account = Entity { kind: EntityKind::Account, id: "cap00412".into() };
    let hold = [TriageState::OnHold];
    let both = [TriageState::Closed, TriageState::OnHold];
    let text = |text| AlertFilter { text: Some(text), ..ALL };
    for (filter, expected) in [
        (ALL, "HGFEDCBA"),
        (AlertFilter { severity_min: Some(Severity::High), ..ALL }, "HGFEDCB"),
        (AlertFilter { severity_min: Some(Severity::Critical), ..ALL }, "HGFEDC"),
        (AlertFilter { status: Some(Status::Ended), ..ALL }, "C"),
        (AlertFilter { states: &hold, ..ALL }, "B"),
        (AlertFilter { states: &both, ..ALL }, "CB"),
        (AlertFilter { states: &[TriageState::InProgress], ..ALL }, ""),
        (AlertFilter { entity: Some(&account), ..ALL }, "HGFECBA"),
        (AlertFilter { partner: Some("caf"), ..ALL }, "E"),
        (AlertFilter { unit: Some("cap-emploi-75"), ..ALL }, "HGFDCBA"),
        (AlertFilter { assignee: Some(Assignee::Person("ana")), ..ALL }, "B"),
        (AlertFilter { assignee: Some(Assignee::Nobody), ..ALL }, "HGFEDCA"),
        (AlertFilter { historical: Some(true), ..ALL }, "F"),
        (AlertFilter { historical: Some(false), unit: Some("cap-emploi-75"), ..ALL }, "HGDCBA"),
        (text("  "), "HGFEDCBA"),
        (text("CAP00412"), "HGFEDCBA"),
        (text("élodie ÉVRY"), "G"),
        (text("élodie usual"), ""),
        (text("50 %"), "G"),
        (text("_"), "G"),
        (text("' OR 1=1 --"), ""),
        (text("203.0.113.7"), "HGFEDCBA"),
        (text("Poste-7"), "H"),
        (AlertFilter { states: &hold, ..text("412 usual") }, "B"),
    ] {
        assert_eq!(world.ids(&filter), expected, "{filter:?}");
        let counts = world.reader().counts(&filter).unwrap();
        assert_eq!(counts.matching, Count::of(expected.len() as u32), "{filter:?}");
    }
}

#[test]
fn counts_by_state_and_severity_ignore_their_own_choice_and_stop_at_a_thousand() {
    let mut world = world();
    world.put((0..1_001).map(|n| edited(&format!("low{n}"), |a| a.severity = Severity::Low)));
    world.put([edited("A", |_| ()), edited("B", |a| a.severity = Severity::High)]);
    world.set_triage("B", "state = 'closed'");
    let filter =
        AlertFilter { states: &[TriageState::New], severity_min: Some(Severity::High), ..ALL };
    let counts = world.reader().counts(&filter).unwrap();
    let numbers = |counts: Vec<Count>| -> Vec<u32> { counts.iter().map(|c| c.counted).collect() };
    assert_eq!(numbers(counts.states.into_values().collect()), [1, 0, 0, 1]);
    assert_eq!(counts.severities[&Severity::Low], Count { counted: 1_000, more: true });
    assert_eq!(numbers(counts.severities.into_values().collect()), [0, 1_000, 0, 0, 1]);
    assert_eq!(counts.matching, Count { counted: 1, more: false });
    let all = world.reader().counts(&ALL).unwrap();
    assert_eq!(all.matching, Count { counted: 1_000, more: true });
}

/// Alerts that differ in all that is sorted by, some of them equal in it.
fn assorted() -> Vec<Alert> {
    let with = |id: &str, severity, persons, opened: u32, updated: u32| {
        edited(id, |a| {
            (a.severity, a.exposure.persons) = (severity, persons);
            a.opened_at = format!("2024-02-{opened:02}T10:00:00Z");
            a.updated_at = format!("2024-03-{updated:02}T10:00:00Z");
        })
    };
    vec![
        with("A", Severity::Low, 900, 6, 9),
        with("B", Severity::High, 30, 7, 4),
        with("C", Severity::High, 30, 7, 4),
        with("D", Severity::High, 31, 8, 7),
        with("E", Severity::Critical, 2, 5, 5),
    ]
}

#[test]
fn pages_are_complete_and_stable_while_alerts_arrive_under_each_order() {
    for (sort, pages) in
        [(Sort::Priority, "ED CB A"), (Sort::Opened, "DC BA E"), (Sort::Updated, "AD EC B")]
    {
        for states in [[0, 0, 0, 0, 0], [0, 1, 2, 3, 0]] {
            let mut world = world();
            world.put(assorted());
            for (id, state) in ["A", "B", "C", "D", "E"].into_iter().zip(states) {
                world.set_triage(id, &format!("state = '{}'", TriageState::ALL[state].word()));
            }
            let mut day = 9;
            let seen = world.walk(sort, 2, |world| {
                day += 1;
                world.put([edited(&format!("late-{day}"), |a| {
                    (a.severity, a.exposure.persons) = (Severity::Critical, 1_000_000);
                    a.opened_at = format!("2024-02-{day}T10:00:00Z");
                    a.updated_at = format!("2024-03-{day}T10:00:00Z");
                })]);
            });
            assert_eq!(seen, pages, "{sort:?} {states:?}");
        }
    }
}

#[test]
fn every_alert_is_on_one_page_whatever_their_size() {
    let mut world = world();
    world.put((0..40).map(|n| {
        edited(&format!("{n:02}"), |a| {
            a.severity = SEVERITIES[n % 5];
            a.exposure.persons = (n % 3) as u64;
            a.opened_at = format!("2024-02-0{}T10:00:00Z", 1 + n % 4);
            a.updated_at = format!("2024-02-0{}T10:00:00Z", 1 + n % 7);
        })
    }));
    for n in 0..40 {
        let state = TriageState::ALL[n % 4].word();
        world.set_triage(&format!("{n:02}"), &format!("state = '{state}'"));
    }
    for sort in Sort::ALL {
        let whole = world.walk(sort, PAGE_ROWS_MAX, |_| ());
        assert_eq!(whole.len(), 80);
        for rows in [0, 1, 3, 7, 39, 40] {
            let pages = world.walk(sort, rows, |_| ());
            assert_eq!(pages.replace(' ', ""), whole, "{sort:?} {rows}");
        }
    }
}

#[test]
fn the_way_back_shows_the_same_pages() {
    let mut world = world();
    world.put((0..11).map(|n| {
        edited(&format!("{n:02}"), |a| {
            a.exposure.persons = n / 2;
            a.opened_at = format!("2024-02-0{}T10:00:00Z", 1 + n % 4);
        })
    }));
    for n in 0..11 {
        world.set_triage(
            &format!("{n:02}"),
            &format!("state = '{}'", TriageState::ALL[n % 4].word()),
        );
    }
    let reader = world.reader();
    for sort in Sort::ALL {
        let mut pages = vec![reader.alerts(&ALL, sort, None, 4).unwrap()];
        while let Some(next) = pages.last().unwrap().next.clone() {
            pages.push(reader.alerts(&ALL, sort, Some(&next), 4).unwrap());
        }
        assert_eq!(pages.iter().map(|page| page.alerts.len()).collect::<Vec<_>>(), [4, 4, 3]);
        assert_eq!(pages[0].previous, None);
        for at in [2, 1] {
            let key = pages[at].previous.clone().unwrap();
            let back = reader.alerts_before(&ALL, sort, &key, 4).unwrap();
            assert_eq!(back, pages[at - 1], "{sort:?} {at}");
        }
        // Alerts that are gone meanwhile leave no hole at the beginning.
        let key = pages[1].next.clone().unwrap();
        let first = reader.alerts_before(&ALL, sort, &key, 9).unwrap();
        assert_eq!((first.alerts.len(), first.previous), (9, None));
        let other = Sort::ALL.into_iter().find(|other| *other != sort).unwrap();
        assert_eq!(reader.alerts_before(&ALL, other, &key, 4).unwrap().previous, None);
    }
}

#[test]
fn keys_are_text_and_nothing_else_is_a_key() {
    let mut world = world();
    world.put(assorted());
    let page = world.reader().alerts(&ALL, Sort::Priority, None, 1).unwrap();
    let key = page.next.unwrap();
    assert_eq!(key.to_string(), "priority~4~2~~E");
    let other = world.reader().alerts(&ALL, Sort::Opened, Some(&key), 9).unwrap();
    assert_eq!(other.alerts.len(), 5, "a key of another order begins at the start");
    for text in ["", "priority", "priority~4~2~~E~x", "best~4~2~~E", "priority~x~2~~E"] {
        assert_eq!(PageKey::parse(text), None, "{text}");
    }
}

#[test]
fn each_order_reads_its_index_and_sorts_nothing() {
    let world = world();
    let plan = |filter: &AlertFilter<'_>, sort: Sort| -> String {
        let text = format!("EXPLAIN QUERY PLAN {}", keys_sql(sort, Way::Down, &Bound::new(filter)));
        let mut statement = world.store.raw().prepare(&text).unwrap();
        let lines = statement.raw_query().mapped(|row| row.get::<_, String>(3));
        lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let partner = AlertFilter {
        partner: Some("caf"),
        assignee: Some(Assignee::Nobody),
        severity_min: Some(Severity::High),
        ..ALL
    };
    for filter in [ALL, partner] {
        let plans = Sort::ALL.map(|sort| plan(&filter, sort).replace(" AND severity>?", ""));
        assert_eq!(
            plans,
            [
                "SEARCH alert USING COVERING INDEX alert_by_priority (state=? AND \
                 (severity,persons,id)<(?,?,?))",
                "SEARCH alert USING COVERING INDEX alert_by_opening (state=? AND \
                 (opened_at,id)<(?,?))",
                "SEARCH alert USING COVERING INDEX alert_by_update (state=? AND \
                 (updated_at,id)<(?,?))",
            ]
        );
    }
    let account = Entity { kind: EntityKind::Account, id: "cap00412".into() };
    let wide = AlertFilter {
        text: Some("x"),
        unit: Some("u"),
        status: Some(Status::Open),
        historical: Some(false),
        entity: Some(&account),
        ..partner
    };
    for sort in Sort::ALL {
        let search = plan(&wide, sort);
        let wanted = "SEARCH alert USING COVERING INDEX alert_by_opening (state=?";
        assert!(search.starts_with(wanted), "{sort:?}: {search}");
    }
}
