//! Calls the API's router without a socket.

use anyhow::Context;
use anyhow::bail;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;
use tower::ServiceExt;

/// A router and the credential it is called with.
#[derive(Debug, Clone)]
pub struct Caller {
    router: Router,
    key: String,
}

impl Caller {
    /// Calls `router` as the holder of `key`.
    #[must_use]
    pub fn new(router: Router, key: &str) -> Self {
        Self { router, key: key.to_owned() }
    }

    /// POST of JSON; the JSON of a good answer. Repeating it after a crash gives the first answer
    /// again and makes nothing twice.
    ///
    /// # Errors
    /// With the problem's text when the answer is not 2xx.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let digest = Sha256::new().chain_update(path).chain_update(body.to_string()).finalize();
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("idempotency-key", format!("demo-{digest:x}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .context("the request is not well formed")?;
        let answer = self.router.clone().oneshot(request).await.context("the router failed")?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.context("the answer was cut")?.to_bytes();
        if !status.is_success() {
            bail!("POST {path}: {status} {}", String::from_utf8_lossy(&bytes));
        }
        serde_json::from_slice(&bytes).with_context(|| format!("POST {path}: not JSON"))
    }
}
