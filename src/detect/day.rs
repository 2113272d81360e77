//! An account at the beginning of its day, for people who look at it. Nothing is decided by it.

use super::account::Account;
use super::channel::{Measure, TOUCHES};
use super::judge::{Bar, threshold};
use super::limits::FOREVER;
use super::report::{AccountDay, ClosedDay, Expects};
use super::shared::Shared;

/// What people look at an account for.
const TOLD: [Measure; 5] = [
    Measure::Persons5m,
    Measure::Persons1h,
    Measure::Persons1d,
    Measure::Foreign1h,
    Measure::Foreign1d,
];

/// The account at the beginning of its day.
pub(super) fn day_of(account: &Account, shared: &Shared, closed: Option<ClosedDay>) -> AccountDay {
    let mut expects = Vec::new();
    if let Some(today) = &account.today {
        for touch in TOUCHES {
            for measure in TOLD {
                // Not kept: what is known early would start an account's trail early.
                let at = threshold(account, shared, today, touch, measure, Bar::Plain);
                let group = shared.group(account.group, today.epoch);
                let model = account.model(touch, measure, today.class, group);
                expects.push(Expects {
                    measure,
                    touch,
                    expected: model.mean,
                    usual: (model.mean + 2.0 * model.sd()).ceil() as u64,
                    threshold: Some(at).filter(|at| *at < FOREVER),
                });
            }
        }
    }
    let key = &shared.groups[account.group as usize].key;
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let channels = &shared.epoch.channels;
    AccountDay {
        name: account.name.to_string(),
        kind: account.kind,
        partner: named(&key.partner),
        unit: account.unit_name.and_then(|u| shared.units.name(u)).map(str::to_owned),
        role: named(&key.role),
        day: account.day.day,
        days_closed: account.closed_days,
        learning: TOLD.iter().any(|m| channels.iter().any(|c| !c[*m as usize].mature)),
        expects,
        closed,
    }
}
