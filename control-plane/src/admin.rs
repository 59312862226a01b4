//! `/livez`, `/readyz` and `/metrics` of the control plane, on a listener of their own.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::RwLock;
use serde_json::json;

use crate::telemetry;

/// Whether requests should be sent here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Readiness {
    /// Still starting, or draining.
    #[default]
    No,
    /// Everything works.
    Yes,
    /// Requests work, something behind does not; the texts say what.
    Degraded(Vec<String>),
}

/// Readiness as the rooms report it. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<RwLock<Readiness>>);

impl Health {
    /// Replaces what `/readyz` answers.
    pub fn set(&self, readiness: Readiness) {
        *self.0.write() = readiness;
    }

    /// What `/readyz` answers now.
    #[must_use]
    pub fn get(&self) -> Readiness {
        self.0.read().clone()
    }
}

#[derive(Clone)]
struct Parts {
    health: Health,
    metrics: PrometheusHandle,
}

/// The three paths.
pub fn router(health: Health, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/livez", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape))
        .with_state(Parts { health, metrics })
}

async fn readyz(State(parts): State<Parts>) -> Response {
    match parts.health.get() {
        Readiness::Yes => Json(json!({"status": "ok"})).into_response(),
        Readiness::Degraded(reasons) => {
            Json(json!({"status": "degraded", "reasons": reasons})).into_response()
        }
        Readiness::No => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unavailable"})))
            .into_response(),
    }
}

async fn scrape(State(parts): State<Parts>) -> Response {
    parts.metrics.run_upkeep();
    let text = telemetry::only(&parts.metrics.render(), "gamma_");
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
