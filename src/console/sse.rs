//! `GET /events`: one stream a tab, of ids only. A comment every 15 s keeps it open and finds out
//! whether whoever listens is still logged in.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::{broadcast::error::RecvError, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use super::AppState;
use super::auth::{self, Who};
use super::dispatch::Call;
use super::live::{Listening, Message};
use super::problem::{Code, Problem};

/// Streams of one user.
const STREAMS_MAX: usize = 8;
/// Time between comments.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Messages between us and a slow connection.
const WAITING_MAX: usize = 32;
/// What a browser waits before it comes back, ms.
const RETRY: Duration = Duration::from_secs(3);

type Sender = mpsc::Sender<Result<Event, Infallible>>;

/// A place among a user's streams, given back when dropped.
struct Place {
    state: Arc<AppState>,
    actor: String,
}

impl Place {
    fn take(state: &Arc<AppState>, actor: String) -> Result<Place, Problem> {
        let mut streams = state.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(actor.clone()).or_default();
        if *count >= STREAMS_MAX {
            let detail = format!("at most {STREAMS_MAX} open pages receive events; close one");
            return Err(
                Problem::new(Code::TooMany, detail).header(axum::http::header::RETRY_AFTER, "30")
            );
        }
        *count += 1;
        Ok(Place { state: Arc::clone(state), actor })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.state.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.actor) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.actor);
            }
        }
    }
}

/// `GET /events`
pub(super) async fn events(call: Call) -> Result<Response, Problem> {
    let place = Place::take(&call.state, call.who.actor())?;
    let last = call.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let listening = call.state.live.listen(last);
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(feed(sender, listening, place, call.who, call.headers, call.shutdown));
    let mut response = Sse::new(ReceiverStream::new(receiver)).into_response();
    // A proxy that collects answers before it passes them on would hold events back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

async fn feed(
    sender: Sender,
    listening: Listening,
    place: Place,
    who: Who,
    headers: axum::http::HeaderMap,
    mut shutdown: watch::Receiver<bool>,
) {
    let Listening { missed, reset, mut receiver } = listening;
    let mut first = vec![Event::default().retry(RETRY).comment("vigie")];
    first.extend(reset.then(reset_event));
    first.extend(missed.iter().map(event));
    for event in first {
        if sender.send(Ok(event)).await.is_err() {
            return;
        }
    }
    let mut beat = tokio::time::interval(HEARTBEAT);
    beat.tick().await;
    loop {
        let next = tokio::select! {
            () = stopped(&mut shutdown) => return,
            () = sender.closed() => return,
            received = receiver.recv() => match received {
                Ok(message) => event(&message),
                Err(RecvError::Lagged(_)) => reset_event(),
                Err(RecvError::Closed) => return,
            },
            _ = beat.tick() => {
                if !still(&place.state, &who, &headers).await {
                    return;
                }
                Event::default().comment("")
            }
        };
        // A connection that takes nothing for a heartbeat's time is given up.
        match tokio::time::timeout(HEARTBEAT, sender.send(Ok(next))).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

/// Until the console stops.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error: whoever could say so is gone.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

fn event(message: &Message) -> Event {
    Event::default().event(message.event).id(&message.id).data(&message.data)
}

/// What was missed is not known: load anew.
fn reset_event() -> Event {
    Event::default().event("reset").data("{}")
}

/// Whether whoever listens is still logged in, without that counting as a sign of life.
async fn still(state: &AppState, who: &Who, headers: &axum::http::HeaderMap) -> bool {
    match auth::who(state, headers, false).await {
        Ok(now) => now.actor() == who.actor(),
        Err(_) => false,
    }
}
