//! Who may do what, over every endpoint: the matrix of callers, endpoints and other people's
//! objects.

use model::catalog::Role;
use model::claim::ClaimStatus;
use model::clock::Clock;
use model::clock::Timestamp;
use model::conversion::AttributionRule;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::ConversionId;
use model::id::EventId;
use model::id::TenantId;
use model::inbound::Channel;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use serde_json::Value;
use serde_json::json;
use store::business_keys::OrderKey;
use store::conversions::Conversion;
use store::conversions::Rates;
use store::inbound::InboundRow;

use crate::api::Mutation;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Method;
use crate::api::endpoints;
use crate::api::limits::Limits;
use crate::api::tests::Shop;
use crate::api::tests::World;
use crate::api::tests::text;

/// A caller and what it may see of the victim's things.
struct Stranger {
    name: &'static str,
    key: String,
    role: Role,
    /// Publishers choose from all offers and campaigns of their own tenant.
    browses: bool,
}

/// The victim's ids by the resource that their path names.
struct Victim {
    ids: Vec<(&'static str, String)>,
}

impl Victim {
    fn path(&self, endpoint: &Endpoint) -> String {
        let id = self.ids.iter().find(|(resource, _)| *resource == endpoint.resource());
        let id = id.map_or("none", |(_, id)| id.as_str());
        let key = self.ids.iter().find(|(resource, _)| *resource == "keys");
        let path = endpoint.path.replace("{id}", id).replace("{event_id}", id);
        path.replace("{key_id}", key.map_or("none", |(_, id)| id.as_str()))
    }
}

async fn matrix(mutation: Mutation) -> Vec<String> {
    let world = World::with(Limits::NONE, mutation).await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let victim = victim(&world, &shop).await;
    let strangers = strangers(&world).await;
    let mut leaks = Vec::new();
    for endpoint in endpoints() {
        for stranger in &strangers {
            leaks.extend(probe(&world, &endpoint, stranger, &victim).await);
        }
    }
    leaks
}

/// One call. What it gives away or changes of the victim's is a leak.
async fn probe(
    world: &World,
    endpoint: &Endpoint,
    stranger: &Stranger,
    victim: &Victim,
) -> Option<String> {
    let path = victim.path(endpoint);
    let method = match endpoint.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    let body = (endpoint.method != Method::Get).then(|| json!({}));
    let reply = world.call(&stranger.key, method, &path, body).await;
    let call = format!("{} {method} {path}: {} {}", stranger.name, reply.status, reply.body);
    if !endpoint.roles.contains(&stranger.role) {
        assert_eq!(reply.status, 403, "a role that is not allowed: {call}");
        return None;
    }
    let browsed = ["offers", "campaigns"];
    let is_browsed = |resource: &str| stranger.browses && browsed.contains(&resource);
    let names_object = endpoint.path.contains('{');
    if names_object && !is_browsed(endpoint.resource()) && reply.status != 404 {
        return Some(call);
    }
    let shown = reply.body.to_string();
    // Whose an offer is, and one's own tenant, everybody may know.
    let is_public = |resource: &str| {
        is_browsed(resource)
            || stranger.browses && resource == "advertisers"
            || endpoint.path == "/v1/me" && resource == "tenants"
    };
    let leaked =
        victim.ids.iter().find(|(resource, id)| !is_public(resource) && shown.contains(id));
    leaked.map(|(resource, _)| format!("{resource} in {call}"))
}

async fn victim(world: &World, shop: &Shop) -> Victim {
    let keys = format!("/v1/advertisers/{}/keys", text(&shop.advertiser["id"]));
    let key = world.make(&keys, json!({})).await;
    let domain = world.make("/v1/domains", json!({"host": "go.shop.example"})).await;
    let shopper = world.make("/v1/shoppers", json!({"user_id": "u-1"})).await;
    let (conversion, event) = earned(world, shop).await;
    let own = world.get("/v1/me").await.body;
    let of = |value: &Value| text(&value["id"]).to_owned();
    Victim {
        ids: vec![
            ("advertisers", of(&shop.advertiser)),
            ("integrations", of(&shop.integration)),
            ("offers", of(&shop.offer)),
            ("campaigns", of(&shop.campaign)),
            ("publishers", of(&shop.publisher)),
            ("enrolments", of(&shop.enrolment)),
            ("links", of(&shop.link)),
            ("coupons", of(&shop.coupon)),
            ("keys", of(&key)),
            ("shoppers", of(&shopper)),
            ("domains", of(&domain)),
            ("conversions", conversion.to_string()),
            ("inbound", event.to_string()),
            ("tenants", text(&own["tenant_id"]).to_owned()),
        ],
    }
}

async fn strangers(world: &World) -> Vec<Stranger> {
    let advertiser =
        json!({"name": "Other", "currency": "USD", "allowed_hosts": ["other.example"]});
    let advertiser = world.make("/v1/advertisers", advertiser).await;
    let publisher = world.make("/v1/publishers", json!({"name": "Other", "code": "other"})).await;
    let tenant = world.make("/v1/tenants", json!({"name": "second"})).await;
    let other_admin = text(&tenant["admin_key"]).to_owned();
    let key = async |body: Value| text(&world.make("/v1/keys", body).await["key"]).to_owned();
    let of_other = async |role: &str| {
        let body = json!({"role": role, "name": role});
        text(&world.make_as(&other_admin, "/v1/keys", body).await["key"]).to_owned()
    };
    let stranger = |name, key, role, browses| Stranger { name, key, role, browses };
    vec![
        stranger(
            "advertiser",
            key(json!({"role": "advertiser", "name": "a", "advertiser_id": advertiser["id"]}))
                .await,
            Role::Advertiser,
            false,
        ),
        stranger(
            "publisher",
            key(json!({"role": "publisher", "name": "p", "publisher_id": publisher["id"]})).await,
            Role::Publisher,
            true,
        ),
        stranger("cron", key(json!({"role": "cron", "name": "c"})).await, Role::Cron, false),
        stranger("finance of another tenant", of_other("finance").await, Role::Finance, false),
        stranger("support of another tenant", of_other("support").await, Role::Support, false),
        stranger("admin of another tenant", other_admin.clone(), Role::Admin, false),
    ]
}

/// A conversion and the inbound that told it, as the pipeline leaves them.
async fn earned(world: &World, shop: &Shop) -> (ConversionId, EventId) {
    let own = world.get("/v1/me").await.body;
    let tenant: TenantId = text(&own["tenant_id"]).parse().expect("an id");
    let (id, event) = (ConversionId(77), EventId(78));
    let conversion = conversion((id, event), shop, world.clock.now());
    let inbound = inbound(event, &conversion);
    let mut batch = world.store.begin_batch().await.expect("begins");
    batch.inbound(tenant).insert(vec![inbound]).await.expect("inserts");
    batch.conversions(tenant).save(&[&conversion]).await.expect("inserts");
    batch.save().await.expect("saves");
    (id, event)
}

fn conversion((id, event): (ConversionId, EventId), shop: &Shop, now: Timestamp) -> Conversion {
    let money = |minor| Money::new(minor, Currency::KZT);
    let basis = ledger::Basis {
        charge: money(100_000),
        fee: BasisPoints(2_000),
        share: BasisPoints::ZERO,
        taxes: Vec::new(),
    };
    let of = |value: &Value| text(&value["id"]).to_owned();
    Conversion {
        id,
        status: ConversionStatus::Pending,
        outside_status: ClaimStatus::Approved,
        order: OrderKey {
            order_space: of(&shop.advertiser),
            order_ref: "A-1".to_owned(),
            line: String::new(),
            action: "purchase".to_owned(),
        },
        integration: of(&shop.integration).parse().expect("an id"),
        advertiser: of(&shop.advertiser).parse().expect("an id"),
        is_network: false,
        campaign: of(&shop.campaign).parse().expect("an id"),
        offer: of(&shop.offer).parse().expect("an id"),
        publisher: of(&shop.publisher).parse().expect("an id"),
        enrolment: None,
        link: Some(of(&shop.link).parse().expect("an id")),
        coupon: None,
        shopper: None,
        click_id: None,
        rule: AttributionRule::ClickId,
        customer_key: None,
        order_amount_minor: Some(1_000_000),
        order_currency: Currency::KZT,
        stated_charge_minor: None,
        split: ledger::split(&basis).expect("splits"),
        rates: Rates { fee: basis.fee, share: basis.share, taxes: Vec::new(), term: json!({}) },
        stage: None,
        origin: None,
        advanced_minor: 0,
        verdict: Decision::Approve,
        held_by: None,
        held_before: None,
        reason: None,
        hold_days: 14,
        claimed_at: now,
        clicked_at: None,
        approved_at: None,
        release_at: None,
        released_at: None,
        revision: 1,
        revised_at: now,
        revised_event: event,
        reviewed_by: None,
        explanation: json!({"rule": "click_id", "candidates": [{"id": "secret"}], "fraud": []}),
        created_at: now,
        updated_at: now,
    }
}

fn inbound(event: EventId, conversion: &Conversion) -> InboundRow {
    let now = conversion.claimed_at;
    InboundRow {
        event,
        integration: conversion.integration,
        advertiser: Some(conversion.advertiser),
        channel: Channel::Postback,
        received_at: now,
        processed_at: now,
        topic: "t".to_owned(),
        part: "inbound".to_owned(),
        seq: 1,
        method: "GET".to_owned(),
        path: "/postback".to_owned(),
        query: "token=***&order_id=A-1".to_owned(),
        headers: json!([]),
        body: None,
        remote_prefix: None,
        is_signed: false,
        outcome: model::outcome::Outcome::Converted,
        reason: None,
        detail: None,
        claims: json!([]),
        conversion: Some(conversion.id),
        plugin: None,
        attempts: 1,
    }
}

#[tokio::test]
async fn strangers_see_and_change_nothing_of_others() {
    let leaks = matrix(Mutation::None).await;
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// The control: without the scope of rows the matrix must notice.
#[tokio::test]
async fn the_matrix_notices_when_rows_are_not_scoped() {
    let leaks = matrix(Mutation::Unscoped).await;
    for resource in ["integrations", "links", "coupons", "conversions", "inbound", "publishers"] {
        let is_noticed = leaks.iter().any(|leak| leak.contains(&format!("/v1/{resource}")));
        assert!(is_noticed, "{resource} leaked unnoticed: {}", leaks.join("\n"));
    }
}

#[tokio::test]
async fn owners_see_their_own_and_no_more_than_they_should() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let (conversion, event) = earned(&world, &shop).await;
    let body = json!({"role": "publisher", "name": "p", "publisher_id": shop.publisher["id"]});
    let publisher = text(&world.make("/v1/keys", body).await["key"]).to_owned();
    let body = json!({"role": "advertiser", "name": "a", "advertiser_id": shop.advertiser["id"]});
    let advertiser = text(&world.make("/v1/keys", body).await["key"]).to_owned();
    let detail = format!("/v1/conversions/{conversion}");
    for key in [&publisher, &advertiser] {
        let reply = world.call(key, "GET", &detail, None).await;
        assert_eq!(reply.status, 200);
        assert!(reply.body["explanation"].get("candidates").is_none());
        let listed = world.call(key, "GET", "/v1/conversions?order_ref=A-1", None).await;
        assert_eq!(listed.body["data"][0]["id"], conversion.to_string());
    }
    let explained = world.get(&detail).await.body;
    assert_eq!(explained["explanation"]["candidates"][0]["id"], "secret");
    let campaign = format!("/v1/campaigns/{}", text(&shop.campaign["id"]));
    let seen = world.call(&publisher, "GET", &campaign, None).await.body;
    assert_eq!(seen["fee_bp"], Value::Null);
    let inbound = format!("/v1/inbound/{event}");
    assert_eq!(world.call(&publisher, "GET", &inbound, None).await.status, 403);
    assert_eq!(world.call(&advertiser, "GET", &inbound, None).await.status, 200);
}

#[tokio::test]
async fn a_publisher_makes_links_for_itself_only() {
    let world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let other = world.make("/v1/publishers", json!({"name": "Other", "code": "other"})).await;
    let body = json!({"role": "publisher", "name": "p", "publisher_id": other["id"]});
    let key = text(&world.make("/v1/keys", body).await["key"]).to_owned();
    let mut body =
        json!({"campaign_id": shop.campaign["id"], "publisher_id": shop.publisher["id"]});
    let reply = world.call(&key, "POST", "/v1/links", Some(body.clone())).await;
    assert_eq!(reply.status, 422);
    body["publisher_id"] = Value::Null;
    let reply = world.call(&key, "POST", "/v1/links", Some(body.clone())).await;
    assert_eq!(reply.status, 422, "it is not enrolled: {}", reply.body);
    let path = format!("/v1/campaigns/{}", text(&shop.campaign["id"]));
    let applied = world.make_as(&key, &format!("{path}/apply"), json!({})).await;
    assert_eq!(applied["status"], "applied");
    let path = format!("/v1/enrolments/{}", text(&applied["id"]));
    let reply = world.call(&admin, "PATCH", &path, Some(json!({"status": "active"}))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    body.as_object_mut().expect("an object").remove("publisher_id");
    let link = world.make_as(&key, "/v1/links", body).await;
    assert_eq!(link["publisher_id"], other["id"]);
    assert_eq!(link["offer_id"], shop.offer["id"], "the campaign's only offer");
}

#[tokio::test]
async fn support_reads_masked_money_and_contacts() {
    let world = World::new().await;
    let body = json!({"name": "Aigerim", "phone": "+77010000000", "email": "a@b.example"});
    let publisher = world.make("/v1/publishers", body).await;
    let support = world.make("/v1/keys", json!({"role": "support", "name": "s"})).await;
    let path = format!("/v1/publishers/{}", text(&publisher["id"]));
    let seen = world.call(text(&support["key"]), "GET", &path, None).await.body;
    assert_eq!((&seen["phone"], &seen["email"]), (&json!("***"), &json!("***")));
    let path = format!("{path}/balance");
    let seen = world.call(text(&support["key"]), "GET", &path, None).await.body;
    assert_eq!(seen["pending"]["amount"], "***");
    let reply = world.call(text(&support["key"]), "POST", "/v1/publishers", Some(json!({}))).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn the_tenant_comes_from_the_credential() {
    let world = World::new().await;
    let tenant = text(&world.get("/v1/me").await.body["tenant_id"]).to_owned();
    let mut body = json!({"name": "Aigerim", "tenant_id": tenant});
    world.make("/v1/publishers", body.clone()).await;
    body["tenant_id"] = json!("ten_00000000000000000000000000");
    let reply = world.post("/v1/publishers", body).await;
    assert_eq!(crate::api::tests::bad_fields(&reply), ["tenant_id"]);
    let reply = world.get(&format!("/v1/offers?tenant_id={tenant}&category=")).await;
    assert_eq!(reply.status, 200);
}
