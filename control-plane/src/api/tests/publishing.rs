//! What the daemon is told: the golden sequence of entries that each change produces.

use expect_test::Expect;
use expect_test::expect;
use model::catalog::CatalogEntry;
use model::catalog::CatalogObject;
use model::clock::Timestamp;
use model::link::LinkState;
use serde_json::Value;
use serde_json::json;

use crate::api::tests::World;
use crate::api::tests::text;

impl World {
    /// What was published since the last look, one line per entry.
    async fn told(&mut self) -> String {
        self.publisher.drain_once().await.expect("drains");
        self.log.take().iter().map(line).collect()
    }

    async fn patch(&self, path: &str, body: Value) {
        let reply = self.call(&self.admin, "PATCH", path, Some(body)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    }

    pub(super) async fn delete(&self, path: &str) {
        assert_eq!(self.call(&self.admin, "DELETE", path, None).await.status, 200, "{path}");
    }
}

/// An entry without what changes from run to run.
fn line(entry: &CatalogEntry) -> String {
    let object = match entry {
        CatalogEntry::Put(object) => object,
        CatalogEntry::Remove(key) => return format!("remove {}\n", key.kind),
        CatalogEntry::Reset => return "reset\n".to_owned(),
        CatalogEntry::Complete => return "complete\n".to_owned(),
    };
    match object {
        CatalogObject::Domain(domain) => format!("domain {}\n", domain.host),
        CatalogObject::Advertiser(row) => {
            format!("advertiser active={} {:?}\n", row.is_active, row.allowed_hosts)
        }
        CatalogObject::Offer(offer) => format!("offer {}\n", offer.destination),
        CatalogObject::Campaign(row) => {
            format!("campaign offers={} ends={:?}\n", row.offers.len(), row.ends_at)
        }
        CatalogObject::Link(link) => {
            let wildcard = link.wildcard_code.as_deref().unwrap_or("-");
            let slug = if link.wildcard_code.is_some() { "*" } else { &link.slug };
            format!("link {} {slug} {} wildcard={wildcard}\n", link.number.0, link.state)
        }
        CatalogObject::Integration(row) => format!(
            "integration {} active={} tokens={} secrets={}\n",
            row.adapter,
            row.is_active,
            row.token_hashes.len(),
            row.hmac_secrets.len()
        ),
        CatalogObject::Key(key) => format!("key {} ends={:?}\n", key.role, key.expires_at),
        CatalogObject::Secrets(secrets) => {
            format!("secrets click key {}\n", secrets.click_signing.id)
        }
    }
}

async fn check(world: &mut World, expected: Expect) {
    expected.assert_eq(&world.told().await);
}

#[tokio::test]
async fn every_change_is_told_in_its_order() {
    let mut world = World::new().await;
    check(
        &mut world,
        expect![[r"
            secrets click key 0
            domain *
            key admin ends=None
        "]],
    )
    .await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    check(
        &mut world,
        expect![[r#"
            advertiser active=true ["shop.example"]
            integration events active=true tokens=0 secrets=0
            integration events active=true tokens=0 secrets=0
            integration generic active=true tokens=1 secrets=0
            offer https://shop.example/p/1?color=red
            campaign offers=1 ends=None
            link 1 * live wildcard=aigerim
            link 2 spring live wildcard=-
        "#]],
    )
    .await;
    let of = |kind: &str, value: &Value| format!("/v1/{kind}/{}", text(&value["id"]));
    world.post(&format!("{}/kill", of("links", &shop.link)), json!({})).await;
    world.patch(&of("campaigns", &shop.campaign), json!({"ends_on": "2026-02-28"})).await;
    check(
        &mut world,
        expect![[r"
            link 2 spring killed wildcard=-
            campaign offers=1 ends=Some(Timestamp(1772305200000000))
        "]],
    )
    .await;
    world.patch(&of("enrolments", &shop.enrolment), json!({"status": "paused"})).await;
    check(
        &mut world,
        expect![[r"
            link 1 * killed wildcard=aigerim
            link 2 spring killed wildcard=-
        "]],
    )
    .await;
    world.delete(&of("integrations", &shop.integration)).await;
    world.delete(&of("offers", &shop.offer)).await;
    check(
        &mut world,
        expect![[r"
            integration generic active=false tokens=1 secrets=0
            offer https://shop.example/p/1?color=red
            link 2 spring killed wildcard=-
        "]],
    )
    .await;
}

#[tokio::test]
async fn an_inactive_advertiser_takes_its_keys_and_integrations_along() {
    let mut world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    let path = format!("/v1/advertisers/{}", text(&shop.advertiser["id"]));
    world.make(&format!("{path}/keys"), json!({})).await;
    world.told().await;
    world.patch(&path, json!({"status": "inactive"})).await;
    check(
        &mut world,
        expect![[r#"
            advertiser active=false ["shop.example"]
            key advertiser ends=Some(Timestamp(0))
            integration events active=false tokens=0 secrets=0
            integration events active=false tokens=0 secrets=0
            integration generic active=false tokens=1 secrets=0
        "#]],
    )
    .await;
    world.patch(&path, json!({"status": "active"})).await;
    check(
        &mut world,
        expect![[r#"
            advertiser active=true ["shop.example"]
            key advertiser ends=None
            integration events active=true tokens=0 secrets=0
            integration events active=true tokens=0 secrets=0
            integration generic active=true tokens=1 secrets=0
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_rotated_secret_falls_away_when_its_overlap_ends() {
    let mut world = World::new().await;
    let body = json!({"name": "N", "adapter": "generic"});
    let made = world.make("/v1/integrations", body).await;
    let path = format!("/v1/integrations/{}/rotate", text(&made["id"]));
    world.told().await;
    world.post(&path, json!({"overlap_hours": 1})).await;
    check(&mut world, expect!["integration generic active=true tokens=2 secrets=0\n"]).await;
    check(&mut world, expect![""]).await;
    world.clock.advance(std::time::Duration::from_hours(1));
    check(&mut world, expect!["integration generic active=true tokens=1 secrets=0\n"]).await;
}

#[tokio::test]
async fn a_refused_change_tells_nothing() {
    let mut world = World::new().await;
    world.told().await;
    world.post("/v1/advertisers", json!({"name": "A"})).await;
    world.post("/v1/links", json!({"slug": "x"})).await;
    check(&mut world, expect![""]).await;
}

#[tokio::test]
async fn a_complete_resend_begins_with_a_reset_and_holds_everything() {
    let mut world = World::new().await;
    let admin = world.admin.clone();
    let shop = world.shop(&admin).await;
    world.told().await;
    let mut sequence = world.publisher.resent().await;
    assert_eq!(sequence.remove(0), CatalogEntry::Reset);
    assert_eq!(sequence.pop(), Some(CatalogEntry::Complete));
    let lines: String = sequence.iter().map(line).collect();
    expect![[r#"
        secrets click key 0
        domain *
        advertiser active=true ["shop.example"]
        offer https://shop.example/p/1?color=red
        campaign offers=1 ends=None
        integration events active=true tokens=0 secrets=0
        integration events active=true tokens=0 secrets=0
        integration generic active=true tokens=1 secrets=0
        key admin ends=None
        link 2 spring live wildcard=-
        link 1 * live wildcard=aigerim
    "#]]
    .assert_eq(&lines);
    let link = sequence.iter().find_map(|entry| match entry {
        CatalogEntry::Put(CatalogObject::Link(link)) if &*link.slug == "spring" => Some(link),
        _ => None,
    });
    let link = link.expect("is there");
    assert_eq!(link.id.to_string(), text(&shop.link["id"]));
    assert_eq!((link.state, link.expires_at), (LinkState::Live, None::<Timestamp>));
}
