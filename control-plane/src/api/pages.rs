//! Pages that need no credential: the OpenAPI document, a page that renders it, and a page that
//! says what is where.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::Request;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;

use crate::api::Api;
use crate::api::document::document;
use crate::api::endpoints;
use crate::api::serve::address;

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// Nothing from elsewhere; the one script of the docs page is a file of its own.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; \
                      connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      form-action 'none'";

const START: &str = include_str!("pages/start.html");
const DOCS: &str = include_str!("pages/docs.html");
const DOCS_SCRIPT: &str = include_str!("pages/docs.js");

/// The pages as a router.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let description = document(&endpoints()).to_json().unwrap_or_default();
    Router::new()
        .route("/", page(api, HTML, START.to_owned()))
        .route("/docs", page(api, HTML, DOCS.to_owned()))
        .route("/docs.js", page(api, "text/javascript; charset=utf-8", DOCS_SCRIPT.to_owned()))
        .route("/openapi.json", page(api, JSON, description))
}

fn page(api: &Arc<Api>, media: &'static str, text: String) -> axum::routing::MethodRouter {
    let api = Arc::clone(api);
    let text: Arc<str> = text.into();
    get(move |request: Request<Body>| {
        let (api, text) = (Arc::clone(&api), Arc::clone(&text));
        async move {
            let (parts, _) = request.into_parts();
            match api.gate.admit_anonymous(address(&parts)) {
                Ok(()) => show(media, &text),
                Err(problem) => problem.into_response(),
            }
        }
    })
}

fn show(media: &'static str, text: &str) -> Response {
    let mut response = Response::new(Body::from(text.to_owned()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
