//! For machines that watch this one: is it alive, does it work, its figures.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

use super::db::blocking;
use super::dispatch::Call;
use super::problem::{Code, Problem};
use crate::clock::now_ms;

/// What Prometheus reads.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /healthz`: the process answers.
pub(super) async fn healthz(_call: Call) -> Result<Response, Problem> {
    Ok((StatusCode::OK, "ok\n").into_response())
}

/// `GET /readyz`: the database can be read, and the service says that it does its work.
pub(super) async fn readyz(call: Call) -> Result<Response, Problem> {
    call.state.read(|reader| Ok(reader.alert("")?.is_some())).await?;
    let outside = Arc::clone(&call.state.outside);
    blocking(move || outside.ready().map_err(|why| Problem::new(Code::NotReady, why))).await?;
    Ok((StatusCode::OK, "ready\n").into_response())
}

/// `GET /metrics`
pub(super) async fn metrics(call: Call) -> Result<Response, Problem> {
    let outside = Arc::clone(&call.state.outside);
    let text = blocking(move || Ok(outside.metrics(now_ms()))).await?;
    Ok(([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response())
}
