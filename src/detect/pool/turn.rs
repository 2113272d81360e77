//! The end of a pool's day: what it teaches, what is forgotten, and the next day's thresholds.

use super::entity::{FRESH_DAYS, Pool, SETTLING_DAYS};
use super::member::NONE;
use super::model::{CLASSES, ClosedPool, Models, WHATS};
use super::place::Whose;
use super::{NO_ACCOUNT, Pools};
use crate::alert::EntityKind;
use crate::detect::limits::{CALIBRATION_DAYS, PLACES_MAX, POOLS_MAX};
use crate::detect::shared::Shared;
use crate::detect::time::{Day, LocalDay};

impl Pools {
    /// The shard's day ended, or its first one began.
    pub(in crate::detect) fn turn(&mut self, today: LocalDay, shared: &Shared) {
        match self.day {
            Some(day) => {
                self.close(&day);
                self.forget_idle(today.day);
            }
            None => {
                self.first_day = today.day;
                self.models = Models::shipped();
                self.no_account =
                    self.named_pool(EntityKind::Network, NO_ACCOUNT, shared, today.day);
            }
        }
        let active = self.members.iter().filter(|m| m.day > today.day - 7).count() as u64;
        let number = today.day - self.first_day;
        self.models.calibrate(today.day, number, &shared.rules, shared.settings.budget, active);
        self.pools.iter_mut().for_each(Pool::reset);
        self.day = Some(today);
    }

    /// Every pool's day is scored and learned.
    fn close(&mut self, day: &LocalDay) {
        let mut sums = [[(0.0, 0.0); WHATS]; CLASSES];
        for pool in &mut self.pools {
            let Some(class) = pool.class(day.day, self.first_day) else { continue };
            let nobody = &*pool.name == NO_ACCOUNT;
            if pool.members == 0 && !nobody {
                continue;
            }
            let excluded = pool.excluded_until >= day.day;
            let opened_today = pool.episode.as_ref().is_some_and(|e| e.opened >= day.start_ms);
            for &what in class.whats() {
                let count = pool.greatest(class, what);
                let expected = pool.expected(class, what);
                let own = pool.past[what as usize];
                let weighed = self.models.weigh(class, what, &own, expected, count);
                let teaches = !excluded && (nobody || !day.is_rest());
                let closed = ClosedPool {
                    nats: weighed.nats.max(f64::from(pool.best[what as usize])),
                    teaches: teaches.then_some((count, weighed.model)),
                    expected,
                };
                if !excluded || opened_today {
                    self.models.close(class, what, day.day, &closed);
                }
                if teaches {
                    let most = weighed.model.mean + 2.0 * weighed.model.sd();
                    let learned = (count as f64).min(most);
                    pool.past[what as usize].learn(learned, expected.count);
                    let sum = &mut sums[class as usize][what as usize];
                    (sum.0, sum.1) = (sum.0 + learned, sum.1 + expected.count);
                }
            }
        }
        self.models.learn_all(&sums);
    }

    /// Forgets places and pools that were idle for four weeks, or, at the bound, longest; and
    /// what is shared for so long that it says nothing.
    fn forget_idle(&mut self, today: Day) {
        let mut places: Vec<Day> = self.places.values().map(|p| p.last).collect();
        let oldest = keep_from(&mut places, PLACES_MAX, today);
        let before = self.places.len();
        self.places.retain(|_, place| place.last >= oldest);
        let idle = today - CALIBRATION_DAYS;
        if oldest > idle {
            self.counters.forgotten += (before - self.places.len()) as u64;
        }
        let mut lasts: Vec<Day> = self.pools.iter().map(|p| p.last).collect();
        let oldest = keep_from(&mut lasts, POOLS_MAX, today);
        let (first, no_account) = (self.first_day, self.no_account);
        let keep = |at: u32, pool: &Pool| {
            let everybodys = matches!(pool.kind, EntityKind::Device | EntityKind::Network)
                && (today - pool.since >= FRESH_DAYS || pool.since < first + SETTLING_DAYS);
            at == no_account || pool.episode.is_some() || (pool.last >= oldest && !everybodys)
        };
        if (0..).zip(&self.pools).all(|(at, pool)| keep(at, pool)) {
            return;
        }
        let mut moved = Vec::with_capacity(self.pools.len());
        let mut kept = 0;
        for (at, pool) in (0..).zip(&self.pools) {
            let stays = keep(at, pool);
            moved.push(if stays { kept } else { NONE });
            kept += u32::from(stays);
            if !stays && oldest > idle && pool.last < oldest {
                self.counters.forgotten += 1;
            }
        }
        self.renumber(&moved);
    }

    /// Pools take the places that `moved` gives them; [`NONE`]: forgotten.
    fn renumber(&mut self, moved: &[u32]) {
        let to = |at: u32| moved.get(at as usize).copied().unwrap_or(NONE);
        let mut at = 0;
        self.pools.retain(|_| {
            at += 1;
            to(at - 1) != NONE
        });
        for pool in &mut self.pools {
            pool.parent = to(pool.parent);
        }
        self.names.retain(|_, at| {
            *at = to(*at);
            *at != NONE
        });
        for place in self.places.values_mut() {
            if let Whose::Pool(at) = place.whose {
                place.whose = match to(at) {
                    NONE => Whose::Everybody,
                    at => Whose::Pool(at),
                };
            }
        }
        for member in &mut self.members {
            for at in [&mut member.unit, &mut member.partner, &mut member.site, &mut member.named] {
                *at = to(*at);
            }
        }
        self.open = self.open.iter().map(|at| to(*at)).filter(|at| *at != NONE).collect();
        self.no_account = to(self.no_account);
        self.generation = self.generation.wrapping_add(1);
    }
}

/// First day of activity that is kept: within four weeks, and fewer than three quarters of the
/// bound at once it is reached.
pub(super) fn keep_from(days: &mut [Day], most: usize, today: Day) -> Day {
    let idle = today - CALIBRATION_DAYS;
    if days.len() < most {
        return idle;
    }
    days.sort_unstable();
    days.get(days.len() / 4).map_or(idle, |day| idle.max(day + 1))
}
