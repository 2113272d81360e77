//! How vigie itself is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::queue::reading;
use super::{back, see_other, show as show_page};
use crate::clock::now_ms;
use crate::console::db::blocking;
use crate::console::dispatch::Call;
use crate::console::pages::{self, Health, Shard};
use crate::console::problem::{Code, Problem};
use crate::watch::ShardState;
use crate::watch::promise::Standing;

/// `GET /health`
pub(in crate::console) async fn show(call: Call) -> Result<Response, Problem> {
    let reading = reading(&call.state).await?;
    let view = &call.state.view;
    let mut shards: Vec<Shard> = view
        .shards
        .iter()
        .map(|entry| {
            let (source, number) = entry.key();
            shard(source, *number, entry.value())
        })
        .collect();
    shards.sort_by(|a, b| (&a.source, a.shard).cmp(&(&b.source, b.shard)));
    let mut page = Health { shards, reading, ..Health::default() };
    page.quarantined = sums(view.shards.iter().map(|shard| shard.tally.quarantined.clone()));
    page.dropped_fields = sums(view.shards.iter().map(|shard| shard.tally.dropped_fields.clone()));
    page.promise = call.state.read(|reader| Ok(Standing::read(reader)?)).await?;
    let outside = Arc::clone(&call.state.outside);
    let page = blocking(move || {
        outside.health(&mut page);
        Ok(page)
    })
    .await?;
    show_page(&call, StatusCode::OK, |chrome| pages::health(&page, chrome)).await
}

/// Counts of all shards, by name.
fn sums(of_shards: impl Iterator<Item = BTreeMap<String, u64>>) -> Vec<(String, u64)> {
    let mut sums = BTreeMap::new();
    for (name, count) in of_shards.flatten() {
        *sums.entry(name).or_default() += count;
    }
    sums.into_iter().collect()
}

fn shard(source: &str, shard: u32, state: &ShardState) -> Shard {
    Shard {
        source: source.to_owned(),
        shard,
        position: state.position,
        lag_records: state.lag_records,
        last_event_at: state.last_event_at,
        last_arrival_at: state.last_arrival_at,
        snapshot_at: state.snapshot_at,
        unreachable: state.unreachable.clone(),
        ended: state.ended,
        events: state.counters.events,
        late: state.counters.late,
        quarantined: state.tally.quarantined.values().sum(),
        accounts: (state.accounts, state.accounts_max),
    }
}

/// `POST /hooks/{seq}/replay`
pub(in crate::console) async fn replay(call: Call) -> Result<Response, Problem> {
    let seq = call.param("seq").parse::<i64>().map_err(|_| Problem::not_found("delivery"))?;
    let (actor, subject) = (call.who.actor(), seq.to_string());
    // Recorded first: what is sent cannot be called back.
    let record = call.state.desk(move |desk| {
        Ok(desk.record(&actor, "hook.replay", &subject, &json!({}), now_ms())?)
    });
    record.await?;
    let outside = Arc::clone(&call.state.outside);
    let sent =
        blocking(move || outside.replay(seq).map_err(|why| Problem::new(Code::Conflict, why)));
    if !sent.await? {
        return Err(Problem::not_found("delivery"));
    }
    Ok(see_other(&back(&call, "/health")))
}
