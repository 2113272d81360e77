//! Which alerts, and where in the log each of them stands.

use std::path::Path;

use crate::alert::{Alert, EntityKind};
use crate::commands::Failure;
use crate::commands::replay::SOURCE;
use crate::event::{AccessEvent, Position, TimestampMs};
use crate::store::sqlite::Reader;
use crate::triage::millis;

/// An alert whose persons are asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) alert: Alert,
    /// First position of its account's day, and the last that it exposed persons at.
    pub(super) from: Position,
    pub(super) to: Position,
    /// Exposure counts from this moment.
    pub(super) since: TimestampMs,
}

/// Looks the alerts up, each once; everything that is wrong with them at once.
pub(super) fn find(reader: &Reader, ids: &[String], data: &Path) -> Result<Vec<Wanted>, Failure> {
    let (mut wanted, mut problems): (Vec<Wanted>, Vec<String>) = (Vec::new(), Vec::new());
    for (index, id) in ids.iter().enumerate() {
        if ids[..index].contains(id) {
            continue;
        }
        match reader.alert(id)?.map(|stored| stored.alert()) {
            None => problems.push(format!("there is no alert {id} in {}", data.display())),
            Some(Err(_)) => problems.push(format!("alert {id} was written by another vigie")),
            Some(Ok(alert)) => match Wanted::of(alert) {
                Ok(one) => wanted.push(one),
                Err(problem) => problems.push(problem),
            },
        }
    }
    if problems.is_empty() { Ok(wanted) } else { Err(Failure::Failed(problems.join("\n"))) }
}

impl Wanted {
    pub(super) fn of(alert: Alert) -> Result<Wanted, String> {
        let id = &alert.id;
        let Some(range) = alert.positions.first() else {
            return Err(format!("alert {id} does not say where in the log it stands"));
        };
        match range.shard.as_str() {
            SOURCE => {}
            "stdin" => {
                return Err(format!(
                    "alert {id} came from standard input, which cannot be read again: evidence needs \
                     `vigie run` on files"
                ));
            }
            shard => {
                return Err(format!(
                    "alert {id} came from Kafka ({shard}): reading a topic again is not there yet, \
                     only files can be"
                ));
            }
        }
        let pooled = alert.account_count > 0 && alert.entity.kind != EntityKind::Account;
        let supported = matches!(alert.entity.kind, EntityKind::Account | EntityKind::Source);
        if pooled || !supported {
            return Err(format!(
                "alert {id} is about a {}: evidence is there for accounts and addresses only",
                alert.entity.kind.word()
            ));
        }
        let (from, to) = (range.from, range.to);
        let since = millis(&alert.first_event_at);
        Ok(Wanted { from, to, since, alert })
    }

    /// Whether the event is the alert's account's (or address's, for events that name no account).
    pub(super) fn is_of(&self, event: &AccessEvent<'_>) -> bool {
        let name = match self.alert.entity.kind {
            EntityKind::Account => event.account.as_deref(),
            _ if event.account.is_none() => event.ip.as_deref(),
            _ => None,
        };
        name == Some(self.alert.entity.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_of_other_sources_are_refused_in_words() {
        let check = |shard: &str, kind: EntityKind, expected: &str| {
            let text = include_str!("../../../tests/store/alert.json");
            let mut alert: Alert = serde_json::from_str(text).unwrap();
            (alert.id, alert.entity.kind) = ("ID".to_owned(), kind);
            alert.account_count = u64::from(kind == EntityKind::Account);
            alert.positions.truncate(1);
            shard.clone_into(&mut alert.positions[0].shard);
            let told = Wanted::of(alert).map(|wanted| wanted.alert.id).unwrap_or_else(|e| e);
            assert_eq!(told, expected);
        };
        check("file", EntityKind::Account, "ID");
        check("file", EntityKind::Source, "ID");
        check(
            "stdin",
            EntityKind::Account,
            "alert ID came from standard input, which cannot be read again: evidence needs `vigie \
             run` on files",
        );
        check(
            "access-events/3",
            EntityKind::Account,
            "alert ID came from Kafka (access-events/3): reading a topic again is not there yet, only \
             files can be",
        );
        check(
            "file",
            EntityKind::Unit,
            "alert ID is about a unit: evidence is there for accounts and addresses only",
        );
    }
}
