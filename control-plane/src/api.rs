//! The JSON API under `/v1`, its OpenAPI document and two plain pages.
//!
//! A call's way: `serve` finds the caller, checks limit and role, reads the body, and runs the
//! endpoint's handler in a task of its own, inside one unit of work that also keeps the audit row,
//! the answer for an `Idempotency-Key` and what the daemon must be told. Each endpoint is one file
//! `api/<resource>/<verb>.rs`; the router and the document are both made from their `ENDPOINT`s.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::RawPathParams;
use axum::extract::rejection::RawPathParamsRejection;
use axum::http::Request;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::MethodFilter;
use axum::routing::MethodRouter;
use model::clock::Clock;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::listing::Reach;
use store::unit::Store;
use tokio_util::task::TaskTracker;

use crate::api::auth::Caller;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Method;
use crate::api::error::Problem;
use crate::api::limits::Gate;
use crate::api::limits::Limits;
use crate::api::plugins::PluginList;
use crate::pipeline::Pipeline;
use crate::publish::PublishHandle;
use crate::settle::Desk;
use crate::settle::audit::Evidence;

pub mod credential;
pub mod limits;
pub mod plugins;

mod answer;
mod auth;
mod call;
mod caps;
mod codes;
mod document;
mod endpoint;
mod error;
mod hex;
mod idempotency;
mod input;
mod mask;
mod money;
mod page;
mod pages;
mod serve;
mod sight;
mod terms;
pub(crate) mod time;
mod urls;

mod adjustments;
mod advances;
mod advertisers;
mod audit;
mod campaigns;
mod conversions;
mod coupons;
mod deliverables;
mod domains;
mod enrolments;
mod inbound;
mod integrations;
mod keys;
mod ledger;
mod links;
mod me;
mod offers;
mod office;
mod payouts;
mod publishers;
mod rewards;
mod rules;
mod shoppers;
mod statements;
mod stats;
mod tax;
mod tenants;

#[cfg(test)]
mod tests;

/// What the API is made of.
#[derive(Clone)]
pub struct ApiParts {
    /// The database.
    pub store: Store,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// The operating system's randomness: seeds ids, secrets and codes.
    pub entropy: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Key of the hashes of secrets: `secrets().get()` of the store.
    pub pepper: [u8; 32],
    /// Where the daemon is reached, without a slash at the end: `http://127.0.0.1:8080`.
    pub public_url: String,
    /// Told after every change.
    pub publisher: PublishHandle,
    /// What is installed.
    pub plugins: Arc<dyn PluginList>,
    /// Owns the database work of calls. Closed and awaited at shutdown.
    pub tasks: TaskTracker,
    /// Calls per caller.
    pub limits: Limits,
    /// Where people decide about conversions.
    pub desk: Desk,
    /// What replays an inbound; absent where none runs.
    pub pipeline: Option<Pipeline>,
    /// What the journal says, for the checks of the books.
    pub evidence: Arc<dyn Evidence + Send + Sync>,
}

impl std::fmt::Debug for ApiParts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ApiParts")
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

/// A safeguard that a test switches off to prove that its absence is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutation {
    None,
    /// Every caller sees every row of its tenant.
    #[cfg(test)]
    Unscoped,
}

/// The running API.
pub(crate) struct Api {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Fn() -> u64 + Send + Sync>,
    pepper: [u8; 32],
    public_url: String,
    publisher: PublishHandle,
    plugins: Arc<dyn PluginList>,
    tasks: TaskTracker,
    gate: Gate,
    desk: Desk,
    pipeline: Option<Pipeline>,
    evidence: Arc<dyn Evidence + Send + Sync>,
    mutation: Mutation,
}

impl Api {
    fn new(parts: ApiParts, mutation: Mutation) -> Self {
        Self {
            gate: Gate::new(parts.limits, Arc::clone(&parts.clock)),
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            pepper: parts.pepper,
            public_url: parts.public_url.trim_end_matches('/').to_owned(),
            publisher: parts.publisher,
            plugins: parts.plugins,
            tasks: parts.tasks,
            desk: parts.desk,
            pipeline: parts.pipeline,
            evidence: parts.evidence,
            mutation,
        }
    }

    /// Randomness for one call.
    fn rng(&self) -> StdRng {
        let mut seed = [0_u8; 32];
        for chunk in seed.chunks_mut(8) {
            chunk.copy_from_slice(&(self.entropy)().to_le_bytes());
        }
        StdRng::from_seed(seed)
    }

    /// Whose rows a caller sees.
    fn reach_of(&self, caller: &Caller) -> Reach {
        match self.mutation {
            Mutation::None => caller.reach(),
            #[cfg(test)]
            Mutation::Unscoped => Reach::Tenant,
        }
    }
}

/// Every endpoint.
fn endpoints() -> Vec<Endpoint> {
    [
        advertisers::ENDPOINTS,
        keys::ENDPOINTS,
        integrations::ENDPOINTS,
        offers::ENDPOINTS,
        campaigns::ENDPOINTS,
        publishers::ENDPOINTS,
        enrolments::ENDPOINTS,
        links::ENDPOINTS,
        coupons::ENDPOINTS,
        conversions::ENDPOINTS,
        deliverables::ENDPOINTS,
        payouts::ENDPOINTS,
        adjustments::ENDPOINTS,
        office::ENDPOINTS,
        advances::ENDPOINTS,
        statements::ENDPOINTS,
        tax::ENDPOINTS,
        inbound::ENDPOINTS,
        ledger::ENDPOINTS,
        audit::ENDPOINTS,
        stats::ENDPOINTS,
        rewards::ENDPOINTS,
        rules::ENDPOINTS,
        shoppers::ENDPOINTS,
        domains::ENDPOINTS,
        tenants::ENDPOINTS,
        plugins::ENDPOINTS,
        me::ENDPOINTS,
    ]
    .concat()
}

/// The API as a router. Serve it with the peer's address (`ConnectInfo<SocketAddr>`), which limits
/// go by.
pub fn router(parts: ApiParts) -> Router {
    router_of(&Arc::new(Api::new(parts, Mutation::None)))
}

fn router_of(api: &Arc<Api>) -> Router {
    let mut paths: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
    for endpoint in endpoints() {
        for path in std::iter::once(&endpoint.path).chain(endpoint.aliases) {
            let doors = paths.remove(path).unwrap_or_default();
            let api = Arc::clone(api);
            let door = move |params: Result<RawPathParams, RawPathParamsRejection>,
                             request: Request<Body>| {
                let api = Arc::clone(&api);
                async move {
                    let Ok(params) = params else { return Problem::NotFound.into_response() };
                    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                    serve::serve(api, endpoint, params.iter().map(owned).collect(), request).await
                }
            };
            paths.insert(path, doors.on(filter(endpoint.method), door));
        }
    }
    let mut router = pages::router(api);
    for (path, doors) in paths {
        router = router.route(path, doors);
    }
    let unknown = {
        let api = Arc::clone(api);
        move |request: Request<Body>| {
            let api = Arc::clone(&api);
            async move { nowhere(&api, request) }
        }
    };
    router
        .fallback(unknown)
        .method_not_allowed_fallback(|| async { Problem::Method })
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(after_panic))
}

const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// An address that leads nowhere counts against whoever asks for it.
fn nowhere(api: &Api, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let admitted = api.gate.admit_anonymous(serve::address(&parts));
    admitted.err().unwrap_or(Problem::NotFound).into_response()
}

fn after_panic(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::Internal("a handler panicked".into()).into_response()
}
