//! The API against a real store, without a socket: SQLite in a temporary directory, or PostgreSQL
//! where `GAMMA_TEST_POSTGRES` asks for it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::Request;
use axum::http::StatusCode;
use http_body_util::BodyExt;
use model::catalog::Role;
use model::clock::Clock;
use model::clock::ManualClock;
use model::clock::Timestamp;
use model::id::TenantId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use serde_json::json;
use store::throwaway::TestDatabase;
use store::unit::Store;
use tempfile::TempDir;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::api::Api;
use crate::api::ApiParts;
use crate::api::Mutation;
use crate::api::credential;
use crate::api::credential::NewKey;
use crate::api::limits::Limits;
use crate::api::plugins::PluginInfo;
use crate::api::plugins::PluginList;
use crate::api::router_of;
use crate::pipeline::IdSource;
use crate::pipeline::Pipeline;
use crate::publish::Publisher;
use crate::publish::PublisherParts;
use crate::publish::log::MemoryLog;
use crate::settle::Settle;
use crate::settle::SettleParts;
use crate::settle::audit::NoEvidence;

mod access;
mod fields;
mod money;
mod objects;
mod office;
mod payday;
mod publishing;
mod repeats;
mod reports;
mod review;
mod story;
mod trial;

/// 2026-02-01T00:00:00Z.
const START: Timestamp = Timestamp(1_769_904_000_000_000);

struct Installed;

impl PluginList for Installed {
    fn plugins(&self) -> Vec<PluginInfo> {
        let plugin = |name: &str, kind| PluginInfo {
            name: name.to_owned(),
            kind,
            version: "1.0.0".to_owned(),
            sha256: "00".repeat(32),
            state: "active".to_owned(),
        };
        let adapters = ["generic", "events", "trackier"].map(|name| plugin(name, "adapter"));
        let rules = ["duplicate-order", "velocity"].map(|name| plugin(name, "rule"));
        adapters.into_iter().chain(rules).collect()
    }
}

/// What an API stands on.
struct Ground {
    dir: TempDir,
    /// Absent where somebody else keeps it.
    database: Option<TestDatabase>,
    store: Store,
    clock: Arc<ManualClock>,
    tenant: TenantId,
    pepper: [u8; 32],
    pipeline: Option<Pipeline>,
}

/// A store, the API over it, and the publisher behind it.
struct World {
    dir: TempDir,
    _database: Option<TestDatabase>,
    store: Store,
    clock: Arc<ManualClock>,
    router: Router,
    pepper: [u8; 32],
    /// Key of an admin of tenant `default`.
    admin: String,
    publisher: Publisher<MemoryLog>,
    log: MemoryLog,
}

/// A status, headers and JSON.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl World {
    async fn new() -> Self {
        Self::with(Limits::NONE, Mutation::None).await
    }

    async fn with(limits: Limits, mutation: Mutation) -> Self {
        // Every test's future would hold room for all of it.
        Box::pin(Self::made(limits, mutation)).await
    }

    async fn made(limits: Limits, mutation: Mutation) -> Self {
        // A test that fails shows what the program logged.
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        let dir = tempfile::tempdir().expect("a directory");
        let database = Box::pin(TestDatabase::new(dir.path())).await;
        let store = Store::open(&database.url).await.expect("opens");
        store.migrate().await.expect("migrates");
        let clock = Arc::new(ManualClock::new(START));
        let mut rng = StdRng::seed_from_u64(7);
        let tenant = store.bootstrap(clock.now(), &mut rng).await.expect("boots").id;
        let mut sys = store.read_sys().await.expect("reads");
        let pepper = sys.secrets().get().await.expect("reads").expect("is there").pepper;
        sys.cancel().await.expect("ends");
        let database = Some(database);
        let ground = Ground { dir, database, store, clock, tenant, pepper, pipeline: None };
        Self::over(ground, limits, mutation).await
    }

    /// The API over a database that is there already.
    async fn over(ground: Ground, limits: Limits, mutation: Mutation) -> Self {
        let Ground { dir, database, store, clock, tenant, pepper, pipeline } = ground;
        let mut rng = StdRng::seed_from_u64(8);
        let new = NewKey::of_tenant(tenant, Role::Admin, "admin");
        let minted = credential::mint(new, &pepper, clock.now(), &mut rng);
        let mut tx = store.begin(tenant).await.expect("begins");
        tx.keys().insert(&minted.row).await.expect("inserts");
        tx.save().await.expect("saves");
        let log = MemoryLog::default();
        let parts = PublisherParts {
            store: store.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            log: log.clone(),
        };
        let (publisher, handle) = Publisher::new(parts);
        let draws = AtomicU64::new(1);
        let parts = ApiParts {
            store: store.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(move || {
                draws.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            }),
            pepper,
            public_url: "http://127.0.0.1:8080".to_owned(),
            publisher: handle,
            plugins: Arc::new(Installed),
            tasks: TaskTracker::new(),
            limits,
            desk: Settle::new(SettleParts {
                store: store.clone(),
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                ids: IdSource::new(StdRng::seed_from_u64(11)),
                pay: Arc::default(),
            })
            .desk(),
            pipeline,
            evidence: Arc::new(NoEvidence),
        };
        let router = router_of(&Arc::new(Api::new(parts, mutation)));
        let admin = minted.text;
        Self { dir, _database: database, store, clock, router, pepper, admin, publisher, log }
    }

    /// Moves the clock, so that later objects have later ids.
    fn tick(&self) {
        self.clock.advance(Duration::from_millis(1));
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        self.tick();
        let answer = self.router.clone().oneshot(request).await.expect("answers");
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.expect("ends").to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// A GET whose answer is not JSON: its headers and text.
    async fn text(&self, key: &str, path: &str) -> (StatusCode, HeaderMap, String) {
        self.tick();
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {key}"));
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("answers");
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.expect("ends").to_bytes();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    async fn call(&self, key: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).expect("a request")).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(&self.admin, "GET", path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(&self.admin, "POST", path, Some(body)).await
    }

    /// POST by the admin that must answer 201; the object.
    async fn make(&self, path: &str, body: Value) -> Value {
        self.make_as(&self.admin, path, body).await
    }

    async fn make_as(&self, key: &str, path: &str, body: Value) -> Value {
        let reply = self.call(key, "POST", path, Some(body)).await;
        assert_eq!(reply.status, 201, "{path}: {}", reply.body);
        assert!(reply.body["id"].is_string(), "{path}: {}", reply.body);
        reply.body
    }

    /// One of everything that the worked story makes, by the holder of `key`.
    async fn shop(&self, key: &str) -> Shop {
        let advertiser = self
            .make_as(
                key,
                "/v1/advertisers",
                json!({"name": "Demo Electronics", "currency": "KZT",
                       "allowed_hosts": ["shop.example"]}),
            )
            .await;
        let integration = self
            .make_as(
                key,
                "/v1/integrations",
                json!({"advertiser_id": advertiser["id"], "name": "shop postback",
                       "adapter": "generic", "auth": {"token": true}}),
            )
            .await;
        let offer = self
            .make_as(
                key,
                "/v1/offers",
                json!({"advertiser_id": advertiser["id"], "name": "Phones",
                       "destination": "https://shop.example/p/1?color=red",
                       "terms": [{"action": "purchase", "type": "percent", "bp": 1000}],
                       "hold_days": 14}),
            )
            .await;
        let campaign = self
            .make_as(
                key,
                "/v1/campaigns",
                json!({"advertiser_id": advertiser["id"], "name": "Spring",
                       "offer_ids": [offer["id"]], "fee_bp": 2000, "attribution": "last_touch"}),
            )
            .await;
        let publisher = self
            .make_as(
                key,
                "/v1/publishers",
                json!({"name": "Aigerim", "code": "aigerim", "tax_regime": "illustrative_10"}),
            )
            .await;
        let path = format!("/v1/campaigns/{}/enrolments", text(&campaign["id"]));
        let enrolment = self.make_as(key, &path, json!({"publisher_id": publisher["id"]})).await;
        let link = self
            .make_as(
                key,
                "/v1/links",
                json!({"campaign_id": campaign["id"], "offer_id": offer["id"],
                       "publisher_id": publisher["id"], "slug": "spring"}),
            )
            .await;
        let coupon = self
            .make_as(
                key,
                "/v1/coupons",
                json!({"campaign_id": campaign["id"], "publisher_id": publisher["id"],
                       "code": "Aigerim10"}),
            )
            .await;
        Shop { advertiser, integration, offer, campaign, publisher, enrolment, link, coupon }
    }
}

/// What [`World::shop`] makes.
struct Shop {
    advertiser: Value,
    integration: Value,
    offer: Value,
    campaign: Value,
    publisher: Value,
    enrolment: Value,
    link: Value,
    coupon: Value,
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// Names of the bad fields of a 422.
fn bad_fields(reply: &Reply) -> Vec<&str> {
    assert_eq!(reply.status, 422, "{}", reply.body);
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    let errors = reply.body["errors"].as_array().expect("errors");
    errors.iter().map(|error| text(&error["field"])).collect()
}
