//! The process's own state, and the routes that are not built.

use crate::http::api::ok;
use crate::http::dto::Health;
use crate::http::problem::Problem;
use crate::http::route::Asked;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A store that needs longer to say that it is well is not well.
const HEALTHY_WITHIN: Duration = Duration::from_secs(1);

/// `GET /healthz`: 200 as long as the process serves. Calls don't wait for the store, so its absence is no reason
/// to restart the process: it is told, not failed.
pub(crate) async fn healthz(asked: Asked) -> Result<Response, Problem> {
    let healthy = tokio::time::timeout(HEALTHY_WITHIN, asked.shared.state.records.healthy()).await;
    ok(&if healthy.unwrap_or(false) {
        Health { status: "ok", store: "up" }
    } else {
        Health { status: "degraded", store: "down" }
    })
}

/// `GET /readyz`: 503 while draining.
pub(crate) async fn readyz(asked: Asked) -> Result<Response, Problem> {
    if asked.shared.state.draining.load(Ordering::Relaxed) {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "no new calls are taken"));
    }
    healthz(asked).await
}

/// Any route of the contract that is not built: 501 to those who may ask.
pub(crate) async fn not_built(asked: Asked) -> Result<Response, Problem> {
    Err(Problem::not_built(asked.route.what))
}
