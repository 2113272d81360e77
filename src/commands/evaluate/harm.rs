//! What really happened so far in a world: who took how many persons. The same for every detector
//! that watches it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::detect::time::Calendar;
use crate::event::{AccessEvent, TimestampMs};
use crate::simulate::{Kind, Truth};

pub(super) const HOUR_MS: TimestampMs = 3_600_000;
pub(super) const DAY_MS: TimestampMs = 24 * HOUR_MS;
/// Days before alerts count.
const WARM_UP_DAYS: TimestampMs = 28;
/// Hours after an attack's last event in which an alert still counts for it.
const GRACE_MS: TimestampMs = DAY_MS;

/// Persons that somebody got, and records that no id names.
#[derive(Debug, Default)]
pub(super) struct Taken {
    persons: HashSet<u64>,
    unnamed: u64,
}

impl Taken {
    pub(super) fn count(&self) -> u64 {
        self.persons.len() as u64 + self.unnamed
    }

    fn add(&mut self, event: &AccessEvent<'_>) {
        self.persons.extend(event.persons.iter().map(|p| p.id));
        self.unnamed += event.unidentified + event.persons_beyond;
    }
}

/// One account of an attack.
#[derive(Debug)]
pub(super) struct Thief {
    pub(super) taken: Taken,
    /// Persons taken before the day of its last event, and that day.
    before_today: (u64, TimestampMs),
    /// Clock hours since the attack began in which anybody used the account.
    pub(super) active_hours: u64,
    last_hour: TimestampMs,
}

impl Thief {
    /// Persons taken on the day of its last event.
    pub(super) fn today(&self) -> u64 {
        self.taken.count() - self.before_today.0
    }
}

/// One attack.
#[derive(Debug)]
pub(super) struct Raid {
    /// Number of its campaign in the truth.
    pub(super) campaign: usize,
    pub(super) from_ms: TimestampMs,
    pub(super) to_ms: TimestampMs,
    pub(super) wanted: u64,
    pub(super) taken: Taken,
    /// The first event that took anybody.
    pub(super) began_ms: Option<TimestampMs>,
    pub(super) thieves: Vec<Thief>,
    by_name: HashMap<String, usize>,
}

impl Raid {
    /// Whether an alert at this moment can be about it.
    pub(super) fn may_explain(&self, at: TimestampMs) -> bool {
        self.from_ms <= at && at <= self.to_ms + GRACE_MS
    }

    pub(super) fn thief(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

/// Everything that is known about a world while it is played.
#[derive(Debug)]
pub(super) struct Harm {
    pub(super) truth: Truth,
    pub(super) raids: Vec<Raid>,
    /// Raid of each label.
    by_label: Vec<Option<usize>>,
    /// Raid and thief of each account of the world.
    by_account: HashMap<u32, Vec<(usize, usize)>>,
    /// Raids whose account names have no number yet.
    unknown: BTreeSet<String>,
    /// Addresses and devices of raids, and those of anybody else.
    places: HashMap<String, BTreeSet<usize>>,
    usual_places: HashSet<String>,
    calendar: Calendar,
    warm_ms: TimestampMs,
    /// Week in which each account was seen last.
    weeks: Vec<i32>,
    known: Vec<bool>,
    /// Account weeks after the warm-up, by partner and role.
    pub(super) account_weeks: BTreeMap<(String, String), u64>,
    pub(super) events: u64,
}

impl Harm {
    pub(super) fn new(truth: &Truth, zone: &str) -> Result<Harm, String> {
        let mut harm = Harm {
            truth: truth.clone(),
            raids: Vec::new(),
            by_label: vec![None; truth.campaigns.len() + 1],
            by_account: HashMap::new(),
            unknown: BTreeSet::new(),
            places: HashMap::new(),
            usual_places: HashSet::new(),
            calendar: Calendar::new(zone)?,
            warm_ms: TimestampMs::MAX,
            weeks: Vec::new(),
            known: Vec::new(),
            account_weeks: BTreeMap::new(),
            events: 0,
        };
        for (campaign, c) in truth.campaigns.iter().enumerate() {
            if c.kind != Kind::Attack {
                continue;
            }
            harm.by_label[campaign + 1] = Some(harm.raids.len());
            let nobody = [String::new()];
            let names = if c.accounts.is_empty() { &nobody } else { c.accounts.as_slice() };
            harm.unknown.extend(c.accounts.iter().cloned());
            harm.raids.push(Raid {
                campaign,
                from_ms: c.from_ms,
                to_ms: c.to_ms,
                wanted: c.persons,
                taken: Taken::default(),
                began_ms: None,
                by_name: names.iter().cloned().zip(0..).collect(),
                thieves: names.iter().map(|_| Thief::new()).collect(),
            });
        }
        Ok(harm)
    }

    /// Takes in the next event; `account` is its number in the world, `u32::MAX` for none.
    pub(super) fn event(&mut self, event: &AccessEvent<'_>, account: u32, label: u16) {
        self.events += 1;
        if self.warm_ms == TimestampMs::MAX {
            let first = self.calendar.day_of(event.time);
            self.warm_ms = first.start_ms + WARM_UP_DAYS * DAY_MS;
        }
        if account != u32::MAX {
            self.note_week(event, account);
            self.note_hour(event, account);
        }
        let raid = self.by_label.get(usize::from(label)).copied().flatten();
        self.note_places(event, raid);
        let Some(raid) = raid.and_then(|index| self.raids.get_mut(index)) else { return };
        let thief = raid.by_name.get(event.account.as_deref().unwrap_or("")).copied();
        if !event.persons.is_empty() || event.unidentified > 0 {
            raid.began_ms.get_or_insert(event.time);
        }
        raid.taken.add(event);
        let Some(thief) = thief.and_then(|index| raid.thieves.get_mut(index)) else { return };
        let day = self.calendar.day_of(event.time).start_ms;
        if thief.before_today.1 != day {
            thief.before_today = (thief.taken.count(), day);
        }
        thief.taken.add(event);
    }

    /// Whether alerts of this moment count.
    pub(super) fn is_warm(&self, at: TimestampMs) -> bool {
        at >= self.warm_ms
    }

    /// Alerts count from a moment that is known beforehand.
    pub(super) fn set_warm_from(&mut self, time: TimestampMs) {
        self.warm_ms = time;
    }

    /// When alerts begin to count.
    pub(super) fn warm_from(&self) -> TimestampMs {
        self.warm_ms
    }

    /// The raid that a label means.
    pub(super) fn raid_of(&self, label: u16) -> Option<usize> {
        self.by_label.get(usize::from(label)).copied().flatten()
    }

    /// Raids that alone use an address or a device.
    pub(super) fn raids_at(&self, place: &str) -> impl Iterator<Item = usize> + '_ {
        let alone = !self.usual_places.contains(place);
        self.places.get(place).filter(|_| alone).into_iter().flatten().copied()
    }

    fn note_week(&mut self, event: &AccessEvent<'_>, account: u32) {
        let index = account as usize;
        if self.weeks.len() <= index {
            self.weeks.resize(index + 1, i32::MIN);
            self.known.resize(index + 1, false);
        }
        // 1970-01-01 was a Thursday; weeks begin on Monday.
        let week = (self.calendar.day_of(event.time).day + 3).div_euclid(7);
        if event.time >= self.warm_ms && self.weeks[index] < week {
            self.weeks[index] = week;
            let text = |field: &Option<std::borrow::Cow<'_, str>>| {
                field.as_deref().unwrap_or("").to_owned()
            };
            let group = (text(&event.partner), text(&event.role));
            *self.account_weeks.entry(group).or_default() += 1;
        }
        if !self.known[index] {
            self.known[index] = true;
            self.recognise(event, account);
        }
    }

    /// Learns the number of an account that some raid uses.
    fn recognise(&mut self, event: &AccessEvent<'_>, account: u32) {
        let name = event.account.as_deref().unwrap_or("");
        if !self.unknown.contains(name) {
            return;
        }
        let raids = self.raids.iter().enumerate();
        let found = raids.filter_map(|(index, raid)| Some((index, raid.thief(name)?)));
        self.by_account.insert(account, found.collect());
    }

    fn note_hour(&mut self, event: &AccessEvent<'_>, account: u32) {
        let Some(uses) = self.by_account.get(&account) else { return };
        let hour = event.time.div_euclid(HOUR_MS);
        for (raid, thief) in uses {
            let raid = &mut self.raids[*raid];
            let thief = &mut raid.thieves[*thief];
            if event.time >= raid.from_ms && thief.last_hour != hour {
                thief.last_hour = hour;
                thief.active_hours += 1;
            }
        }
    }

    fn note_places(&mut self, event: &AccessEvent<'_>, raid: Option<usize>) {
        for place in [&event.ip, &event.device].into_iter().flatten() {
            match raid {
                Some(raid) => match self.places.get_mut(place.as_ref()) {
                    Some(known) => {
                        known.insert(raid);
                    }
                    None => {
                        let known = BTreeSet::from([raid]);
                        self.places.insert(place.clone().into_owned(), known);
                    }
                },
                None if !self.usual_places.contains(place.as_ref()) => {
                    self.usual_places.insert(place.clone().into_owned());
                }
                None => {}
            }
        }
    }
}

impl Thief {
    fn new() -> Thief {
        Thief {
            taken: Taken::default(),
            before_today: (0, TimestampMs::MIN),
            active_hours: 0,
            last_hour: TimestampMs::MIN,
        }
    }
}
