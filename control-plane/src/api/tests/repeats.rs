//! Requests that come twice, too often, or in the wrong form; and credentials that end.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use serde_json::json;
use tower::ServiceExt;

use crate::api::Mutation;
use crate::api::limits::BODY_BYTES_MAX;
use crate::api::limits::Limits;
use crate::api::tests::Reply;
use crate::api::tests::World;
use crate::api::tests::bad_fields;
use crate::api::tests::text;

impl World {
    async fn post_once(&self, key: &str, path: &str, idempotency: &str, body: &Value) -> Reply {
        let request = Request::post(path)
            .header("x-api-key", key)
            .header("idempotency-key", idempotency)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        self.send(request.expect("a request")).await
    }
}

#[tokio::test]
async fn a_repeated_post_answers_the_same_and_makes_nothing_twice() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let body = json!({"name": "A", "currency": "KZT"});
    let first = world.post_once(&admin, "/v1/advertisers", "k1", &body).await;
    assert_eq!(first.status, 201);
    let again = world.post_once(&admin, "/v1/advertisers", "k1", &body).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let listed = world.get("/v1/advertisers").await.body;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    let other = json!({"name": "B", "currency": "KZT"});
    let reply = world.post_once(&admin, "/v1/advertisers", "k1", &other).await;
    assert_eq!(bad_fields(&reply), ["Idempotency-Key"]);
    let elsewhere = world.post_once(&admin, "/v1/publishers", "k1", &json!({"name": "B"})).await;
    assert_eq!(elsewhere.status, 422, "another path is another request");
}

#[tokio::test]
async fn a_repeated_secret_is_the_same_and_is_not_stored_in_the_clear() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let body = json!({"name": "second"});
    let first = world.post_once(&admin, "/v1/tenants", "k", &body).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let again = world.post_once(&admin, "/v1/tenants", "k", &body).await;
    assert_eq!(again.body["admin_key"], first.body["admin_key"]);
    let secret = text(&first.body["admin_key"]).as_bytes().to_vec();
    for bytes in stored(&world).await {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
}

/// Everything that the database holds where answers could be.
async fn stored(world: &World) -> Vec<Vec<u8>> {
    if world.store.is_postgres() {
        let rows = world.store.peek("SELECT body FROM idempotency_keys").await.expect("reads");
        assert!(!rows.is_empty());
        return rows.iter().map(|row| row.string("body").expect("text").into_bytes()).collect();
    }
    let file = std::fs::read(world.dir.path().join("gamma.db")).expect("reads");
    let wal = std::fs::read(world.dir.path().join("gamma.db-wal")).unwrap_or_default();
    vec![file, wal]
}

#[tokio::test]
async fn a_failed_post_is_not_kept() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let bad = world.post_once(&admin, "/v1/publishers", "k", &json!({})).await;
    assert_eq!(bad.status, 422);
    let good = world.post_once(&admin, "/v1/publishers", "k", &json!({"name": "P"})).await;
    assert_eq!(good.status, 201);
}

#[tokio::test]
async fn a_rotated_key_lives_for_its_overlap() {
    let world = World::new().await;
    let advertiser = world.make("/v1/advertisers", json!({"name": "A", "currency": "KZT"})).await;
    let keys = format!("/v1/advertisers/{}/keys", text(&advertiser["id"]));
    let old = world.make(&keys, json!({})).await;
    let path = format!("{keys}/{}/rotate", text(&old["id"]));
    let reply = world.post(&path, json!({"overlap_hours": 2})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let (old, new) = (text(&old["key"]), text(&reply.body["key"]));
    let status = async |key: &str| world.call(key, "GET", "/v1/me", None).await.status.as_u16();
    assert_eq!((status(old).await, status(new).await), (200, 200));
    world.clock.advance(Duration::from_hours(2));
    assert_eq!((status(old).await, status(new).await), (401, 200));
    assert_eq!(world.post(&path, json!({})).await.status, 409, "it was replaced already");
}

#[tokio::test]
async fn keys_end_with_their_owner_and_by_revocation() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let advertiser = world.make("/v1/advertisers", json!({"name": "A", "currency": "KZT"})).await;
    let path = format!("/v1/advertisers/{}", text(&advertiser["id"]));
    let key = world.make(&format!("{path}/keys"), json!({})).await;
    let status =
        async || world.call(text(&key["key"]), "GET", "/v1/me", None).await.status.as_u16();
    assert_eq!(status().await, 200);
    world.call(&admin, "PATCH", &path, Some(json!({"status": "inactive"}))).await;
    assert_eq!(status().await, 401);
    world.call(&admin, "PATCH", &path, Some(json!({"status": "active"}))).await;
    assert_eq!(status().await, 200);
    let path = format!("/v1/keys/{}", text(&key["id"]));
    assert_eq!(world.call(&admin, "DELETE", &path, None).await.status, 200);
    assert_eq!(status().await, 401);
}

#[tokio::test]
async fn a_bad_credential_is_one_answer() {
    let world = World::new().await;
    let advertiser = world.make("/v1/advertisers", json!({"name": "A", "currency": "KZT"})).await;
    let path = format!("/v1/advertisers/{}/keys", text(&advertiser["id"]));
    let body = json!({"kind": "publishable", "origins": ["https://shop.example"]});
    let publishable = world.make(&path, body).await;
    let mut wrong = world.admin.clone();
    let last = if wrong.ends_with('0') { '1' } else { '0' };
    wrong.pop();
    wrong.push(last);
    let unknown = "gm_live_00000000000000000000000000_00000000000000000000000000000000";
    for key in ["", "x", unknown, wrong.as_str(), text(&publishable["key"])] {
        let reply = world.call(key, "GET", "/v1/offers", None).await;
        assert_eq!(reply.status, 401, "{key}");
        assert_eq!(reply.body["type"], "urn:gamma:problem:unauthorized");
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
    }
}

#[tokio::test]
async fn wrong_forms_have_their_own_problems() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let send = async |method: &str, path: &str, media: &str, body: String| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("bearer {admin}"))
            .header("content-type", media)
            .body(Body::from(body));
        world.send(request.expect("a request")).await
    };
    let json = "application/json";
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    for (method, path, media, body, status) in [
        ("GET", "/v1/nothing", json, String::new(), 404),
        ("GET", "/v1/links/lnk_1", json, String::new(), 404),
        ("PUT", "/v1/links", json, String::new(), 405),
        ("POST", "/v1/links", "text/plain", "{}".to_owned(), 415),
        ("POST", "/v1/links", json, "{\"a\":".to_owned(), 400),
        ("POST", "/v1/links", json, "[]".to_owned(), 422),
        ("POST", "/v1/links", json, long, 413),
        ("GET", "/v1/links?limit=501", json, String::new(), 422),
        ("GET", "/v1/links?colour=red", json, String::new(), 422),
        ("GET", "/v1/links?cursor=%21", json, String::new(), 422),
    ] {
        let reply = send(method, path, media, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{method} {path}");
        assert_eq!(reply.body["status"], status, "{method} {path}");
    }
    let reply = send("PUT", "/v1/links", json, String::new()).await;
    let allow = reply.headers["allow"].to_str().expect("text").to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn callers_are_limited_by_address_and_by_key() {
    let world = World::with(Limits::default(), Mutation::None).await;
    let mut statuses = Vec::new();
    for _ in 0..110 {
        statuses.push(world.call("", "GET", "/v1/offers", None).await.status.as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 100);
    let refused = world.call("", "GET", "/openapi.json", None).await;
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(world.get("/v1/offers").await.status, 200, "a good key has its own limit");
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.call("", "GET", "/v1/offers", None).await.status, 401);
}

#[tokio::test]
async fn two_at_once_with_one_key_make_one_thing() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let body = json!({"name": "P"});
    let send = || world.post_once(&admin, "/v1/publishers", "k", &body);
    let (one, other) = tokio::join!(send(), send());
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (201, 201));
    assert_eq!(one.body, other.body);
    assert_eq!(world.get("/v1/publishers").await.body["data"].as_array().map(Vec::len), Some(1));
}

/// Callers that leave at any point of their call: each is answered for whole or not at all, and
/// nothing stays open.
#[tokio::test]
async fn a_caller_that_leaves_breaks_nothing() {
    let world = World::new().await;
    for polls in 0..60 {
        let request = Request::post("/v1/publishers")
            .header("x-api-key", &world.admin)
            .header("content-type", "application/json")
            .body(Body::from(json!({"name": format!("P{polls}")}).to_string()))
            .expect("a request");
        let mut call = Box::pin(world.router.clone().oneshot(request));
        for _ in 0..polls {
            let once = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready()));
            if once.await {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let last = world.make("/v1/publishers", json!({"name": "last"})).await;
    let rows = world.get("/v1/publishers?limit=500").await.body;
    let log = world.get("/v1/audit/log?limit=500").await.body;
    let rows = rows["data"].as_array().expect("rows");
    let logged = log["data"].as_array().expect("rows");
    assert_eq!(rows[0]["id"], last["id"]);
    assert_eq!(rows.len(), logged.len(), "a row and its log stand or fall together");
}
