//! An account's behaviour: seen from an alert about it, or for a reason that somebody types. Either
//! goes into the audit trail before anything is shown.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::queue::rows;
use super::show as show_page;
use crate::alert::{Alert, Entity, EntityKind};
use crate::clock::now_ms;
use crate::console::dispatch::Call;
use crate::console::pages::{
    self, AccountPage, AccountReason, Day, QueueRow, REASON_CHARS_MIN, ViewReason,
};
use crate::console::problem::{Code, Problem};
use crate::store::sqlite::Reader;

/// Days of the history.
const DAYS: i64 = 90;
/// Alerts of an account, at most.
const ALERTS_MAX: u32 = 50;
/// Longest name that is looked up, in bytes; the log's names are shorter.
const NAME_BYTES_MAX: usize = 1_024;
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// Why somebody may look, as far as the request says.
#[derive(Clone, Debug)]
pub(in crate::console) enum Why {
    /// Because of this alert.
    Alert(String),
    /// For this reason.
    Reason(String),
    /// The reason says nothing.
    TooShort,
    /// No word about it.
    Silent,
}

impl Why {
    /// Reads `alert` and `reason`.
    pub(in crate::console) fn of(call: &Call) -> Why {
        if let Some(id) = call.asked("alert") {
            return Why::Alert(id.to_owned());
        }
        match call.asked("reason").map(str::trim) {
            None => Why::Silent,
            Some(reason) => {
                let length = reason.chars().filter(|c| !c.is_whitespace()).count();
                if length < REASON_CHARS_MIN {
                    Why::TooShort
                } else {
                    Why::Reason(reason.chars().take(REASON_CHARS_MAX).collect())
                }
            }
        }
    }
}

/// What is known of an account.
pub(in crate::console) struct Known {
    pub(in crate::console) days: Vec<Day>,
    pub(in crate::console) alerts: Vec<QueueRow>,
}

/// Looks into an account for a good reason, and writes that down first. `None`: a reason must be
/// given first.
///
/// # Errors
/// There is no such account, or the alert is not about it.
pub(in crate::console) async fn look(
    call: &Call,
    why: &Why,
) -> Result<Option<(Known, ViewReason)>, Problem> {
    let name = call.param("name").to_owned();
    if name.len() > NAME_BYTES_MAX {
        return Err(Problem::not_found("account"));
    }
    let (reason, detail): (ViewReason, Value) = match why {
        Why::Alert(id) => {
            let (id, account) = (id.clone(), name.clone());
            let about = call.state.read(move |reader| {
                let alert = reader.alert(&id)?.and_then(|stored| stored.alert().ok());
                Ok(alert.filter(|alert| is_about(alert, &account)).map(|alert| alert.id))
            });
            let id = about.await?.ok_or_else(|| {
                Problem::new(Code::NotFound, "there is no such alert about this account")
            })?;
            (ViewReason::Alert(id.clone()), json!({"alert": id}))
        }
        Why::Reason(text) => (ViewReason::Reason(text.clone()), json!({"reason": text})),
        Why::TooShort | Why::Silent => return Ok(None),
    };
    let known = known(call, &name).await?;
    call.state.record_view(call.who.actor(), "account.view", name, detail).await?;
    Ok(Some((known, reason)))
}

fn is_about(alert: &Alert, account: &str) -> bool {
    let own = alert.entity.kind == EntityKind::Account && alert.entity.id == account;
    own || alert.accounts.iter().any(|name| name == account)
}

async fn known(call: &Call, name: &str) -> Result<Known, Problem> {
    let seen = call.state.view.accounts.contains_key(name);
    let (account, zone) = (name.to_owned(), call.state.settings.zone.clone());
    let found = call.state.read(move |reader| read(reader, account, &zone)).await?;
    if !seen && found.days.is_empty() && found.alerts.is_empty() {
        return Err(Problem::not_found("account"));
    }
    Ok(found)
}

fn read(reader: &Reader, account: String, zone: &jiff::tz::TimeZone) -> Result<Known, Problem> {
    let from = jiff::Timestamp::from_millisecond(now_ms() - DAYS * 86_400_000);
    let from = zone.to_datetime(from.unwrap_or(jiff::Timestamp::UNIX_EPOCH)).date().to_string();
    let mut days = reader.account_days(&account, "")?;
    // The last days that it was active, wherever in time a replayed history lies; live, the last 90.
    let recent = days.iter().filter(|day| day.day >= from).count();
    let keep = if recent > 0 { recent } else { days.len().min(DAYS.unsigned_abs() as usize) };
    let days = days.split_off(days.len() - keep);
    let days = days.into_iter().map(|day| Day {
        day: day.day,
        listed: day.listed,
        opened: day.opened,
        foreign: day.foreign_origins,
    });
    let entity = Entity { kind: EntityKind::Account, id: account };
    let alerts = rows(reader.alerts_of(&entity, ALERTS_MAX)?);
    Ok(Known { days: days.collect(), alerts })
}

/// `GET /accounts/{name}`
pub(in crate::console) async fn show(call: Call) -> Result<Response, Problem> {
    let why = Why::of(&call);
    let name = call.param("name").to_owned();
    let Some((known, why)) = look(&call, &why).await? else {
        // Whether there is such an account is not told without a reason either.
        let page = AccountReason { name, too_short: matches!(why, Why::TooShort) };
        let status = if page.too_short { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        return show_page(&call, status, |chrome| pages::account_reason(&page, chrome)).await;
    };
    let card = call.state.view.accounts.get(&name).map(|card| card.clone());
    let page = AccountPage { name, card, days: known.days, alerts: known.alerts, why };
    show_page(&call, StatusCode::OK, |chrome| pages::account(&page, chrome)).await
}
