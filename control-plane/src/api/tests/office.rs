//! A pipeline and the API over its database: what the tests of the money side stand on.

use model::catalog::Role;
use model::click_id::ClickFlags;
use model::id::AdvertiserId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

use crate::api::Mutation;
use crate::api::credential;
use crate::api::credential::NewKey;
use crate::api::limits::Limits;
use crate::api::tests::Ground;
use crate::api::tests::Reply;
use crate::api::tests::World;
use crate::pipeline::tests::world::AIGERIM;
use crate::pipeline::tests::world::TENANT;
use crate::pipeline::tests::world::World as Line;

pub(super) const SHOP: AdvertiserId = AdvertiserId(21);
pub(super) const OTHER: AdvertiserId = AdvertiserId(22);

/// A pipeline and the API over its database, under one clock.
pub(super) struct Office {
    pub(super) line: Line,
    pub(super) api: World,
}

impl Office {
    pub(super) async fn open() -> Self {
        Self::mutated(Mutation::None).await
    }

    pub(super) async fn mutated(mutation: Mutation) -> Self {
        let line = Box::pin(Line::new()).await;
        let ground = Ground {
            dir: tempfile::tempdir().expect("a directory"),
            database: None,
            store: line.store.clone(),
            clock: Arc::clone(&line.clock),
            tenant: TENANT,
            pepper: [9; 32],
            pipeline: Some(line.pipeline.clone()),
        };
        Self { line, api: Box::pin(World::over(ground, Limits::NONE, mutation)).await }
    }

    /// A sale of 10000.00 KZT through a link, ten percent of it charged.
    pub(super) async fn sell(&mut self, link: u64, order_ref: &str) -> Value {
        let click = self.line.click(link);
        let query = format!("click_id={click}&order_id={order_ref}&amount=10000.00&currency=KZT");
        self.line.postback(&query).await;
        self.order(order_ref).await
    }

    /// The same, through a bot's click: it is held.
    pub(super) async fn sell_to_a_bot(&mut self, order_ref: &str) -> Value {
        let click = self.line.click_with(1, ClickFlags { filtered: true, ..ClickFlags::PLAIN });
        let query = format!("click_id={click}&order_id={order_ref}&amount=10000.00&currency=KZT");
        self.line.postback(&query).await;
        self.order(order_ref).await
    }

    pub(super) async fn order(&self, order_ref: &str) -> Value {
        let list = self.get(&format!("/v1/conversions?order_ref={order_ref}")).await;
        assert_eq!(list["next_cursor"], Value::Null);
        list["data"][0].clone()
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.get_as(&self.api.admin, path).await
    }

    pub(super) async fn get_as(&self, key: &str, path: &str) -> Value {
        let reply = self.api.call(key, "GET", path, None).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    pub(super) async fn act(&self, path: &str, body: Value) -> Reply {
        self.api.post(path, body).await
    }

    /// A key of the seeded tenant.
    pub(super) async fn key(&self, role: Role) -> String {
        let advertiser = (role == Role::Advertiser).then_some(OTHER);
        let publisher = (role == Role::Publisher).then_some(AIGERIM);
        let new = NewKey { advertiser, publisher, ..NewKey::of_tenant(TENANT, role, "a key") };
        let mut rng = StdRng::seed_from_u64(u64::from(role.as_str().as_bytes()[0]));
        let minted = credential::mint(new, &self.api.pepper, self.line.now(), &mut rng);
        let mut tx = self.line.store.begin(TENANT).await.expect("begins");
        tx.keys().insert(&minted.row).await.expect("inserts");
        tx.save().await.expect("saves");
        minted.text
    }

    pub(super) async fn balance(&self) -> Value {
        self.get(&format!("/v1/publishers/{AIGERIM}/balance")).await
    }
}

pub(super) fn kzt(amount: &str) -> Value {
    json!({"amount": amount, "currency": "KZT"})
}

/// A column of a list.
pub(super) fn column(list: &Value, name: &str) -> Vec<String> {
    let rows = list["data"].as_array().expect("rows");
    rows.iter()
        .map(|row| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned))
        .collect()
}
