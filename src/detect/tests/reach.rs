//! Channels that cannot fire are told, and those that can are not.

use super::*;
use crate::detect::channel::Measure;
use crate::detect::epoch::Epoch;
use crate::detect::reach::{Unreached, most, unreached};
use crate::detect::tail::{Histogram, Tail, fit, score_bin};
use crate::event::Touch;

/// Seven weeks of work: every channel is believed by then.
fn grown() -> (Epoch, Rules) {
    let mut rig = Rig::new();
    rig.work(0..50);
    let (epoch, rules) = rig.detector.model();
    assert!(epoch.number > 45);
    (Epoch::clone(&epoch), Rules::clone(&rules))
}

fn told(epoch: &Epoch, rules: &Rules) -> Vec<(String, u64)> {
    unreached(epoch, rules).into_iter().map(|one| (one.rule, one.channels)).collect()
}

fn tail_of(epoch: &mut Epoch, touch: Touch, measure: Measure) -> &mut Tail {
    &mut epoch.channels[touch as usize][measure as usize].tail
}

#[test]
fn ordinary_work_blinds_nobody() {
    let (epoch, rules) = grown();
    assert_eq!(told(&epoch, &rules), []);
}

#[test]
fn a_campaign_that_stayed_in_the_calibration_is_told_as_blindness() {
    let (mut epoch, rules) = grown();
    // A day of work, and a hundred accounts that read everything while nobody took them out.
    let mut scores = Histogram::default();
    (0..4_000).for_each(|_| scores.add(score_bin(1.0)));
    (0..100).for_each(|n| scores.add(score_bin(20_000.0 + f64::from(n) * 500.0)));
    let (touch, measure) = (Touch::Listed, Measure::Persons1h);
    let alpha = epoch.channel(touch, measure).alpha;
    let prior = Tail::from(rules.priors.tail);
    *tail_of(&mut epoch, touch, measure) = fit(&scores, &Histogram::default(), &prior, alpha);
    let found = unreached(&epoch, &rules);
    let [one] = &found[..] else { panic!("{found:?}") };
    let Unreached { rule, window, touch, threshold, channels, accounts, of_accounts, .. } = one;
    assert_eq!(
        (rule.as_str(), window.as_str(), touch.as_str()),
        ("mass-extraction.volume", "1h", "listed")
    );
    assert_eq!((*channels, *accounts, *of_accounts), (1, ADVISERS, ADVISERS));
    assert!(threshold.unwrap() > one.most && one.most == most(Measure::Persons1h), "{one:?}");
}

/// The fastest theft there is stays unseen exactly where a channel is told to be blind.
#[test]
fn what_is_told_as_blind_does_not_fire() {
    for (scale, blind) in [(1.0, false), (40_000.0, true)] {
        let mut rig = Rig::with_rules(&["volume.toml"]);
        rig.work(0..50);
        let (epoch, rules) = rig.detector.model();
        let mut epoch = Epoch::clone(&epoch);
        for measure in [Measure::Persons5m, Measure::Persons1h, Measure::Persons1d] {
            for touch in [Touch::Listed, Touch::Opened] {
                let tail = tail_of(&mut epoch, touch, measure);
                (tail.scale, tail.shape) = (scale, 0.1);
            }
        }
        assert_eq!(!unreached(&epoch, &rules).is_empty(), blind, "{scale}");
        let epoch = Arc::new(epoch);
        rig.detector.shared.pending = Some(Arc::clone(&epoch));
        rig.detector.shared.activate_pending();
        rig.detector.shared.pending = Some(epoch);
        rig.detector.shared.activate_pending();
        let mut said = Vec::new();
        for second in 0..300 {
            let first = 5_000_000 + second as u64 * 10;
            let time = at(51, 10, 0) + second * SECOND;
            said.extend(rig.feed(&search(&adviser(3), time, first..first + 10)));
        }
        assert_eq!(said.is_empty(), blind, "{scale}: {said:#?}");
    }
}

#[test]
fn each_way_of_being_blind_is_known_and_no_other() {
    type Change = fn(&mut Epoch, &mut Rules);
    let check = |change: Change, want: &[(&str, u64)]| {
        let (mut epoch, mut rules) = grown();
        change(&mut epoch, &mut rules);
        let want: Vec<_> = want.iter().map(|(rule, n)| ((*rule).to_owned(), *n)).collect();
        assert_eq!(told(&epoch, &rules), want);
    };
    let volume = "mass-extraction.volume";
    check(
        |e, _| tail_of(e, Touch::Opened, Measure::Persons1d).scale = f64::INFINITY,
        &[(volume, 1)],
    );
    check(|e, _| tail_of(e, Touch::Opened, Measure::Persons1d).scale = f64::NAN, &[]);
    // Switched off, or too young to be believed: nobody counts on it.
    check(
        |e, r| {
            tail_of(e, Touch::Opened, Measure::Persons1d).scale = f64::INFINITY;
            r.rules.get_mut(&Watch::DistinctPersons).unwrap().budget.insert("1d".into(), 0.0);
        },
        &[],
    );
    check(
        |e, _| {
            tail_of(e, Touch::Opened, Measure::Novel1d).scale = f64::INFINITY;
            e.number = 20;
        },
        &[],
    );
    // ln M of a drift ends at 60, and no day adds more than nine.
    let drift = "mass-extraction.drift";
    check(|e, _| tail_of(e, Touch::Opened, Measure::PersonsDrift).seen = 60.0, &[]);
    check(|e, _| tail_of(e, Touch::Opened, Measure::PersonsDrift).seen = 75.0, &[(drift, 1)]);
    check(|e, _| e.joint.tail.seen = 800.0, &[("mass-extraction.joint-signs", 1)]);
    // One group's own tail may begin where nobody comes.
    check(
        |e, _| {
            let group = e.groups.values_mut().max_by_key(|group| group.size).unwrap();
            group.shift[Touch::Listed as usize][Measure::Foreign1d as usize] = 1e7;
        },
        &[("mass-extraction.foreign-origins", 1)],
    );
}
