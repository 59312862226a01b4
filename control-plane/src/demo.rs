//! `gamma up --demo`: one of everything to look at, and commands to paste.
//!
//! Objects are made through the API's own router, so the demo cannot know more than a user does.
//! Tenant `default` gets one of everything for the commands; tenant `demo` gets thirty days of
//! history, see [`history`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use model::click_id::KeyRing;
use model::clock::Clock;
use model::clock::ManualClock;
use model::clock::SystemClock;
use model::id::TenantId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::app;
use crate::app::ControlPlane;
use crate::demo::caller::Caller;
use crate::demo::history::Cast;

pub mod caller;
pub mod history;

const DAY: Duration = Duration::from_hours(24);

/// How long the demo's history may take before its commands are shown all the same.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(20);

/// What a browser sends; curl's own name counts as a bot's.
pub const USER_AGENT: &str = concat!(
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 ",
    "(KHTML, like Gecko) Chrome/142.0 Safari/537.36"
);

/// What the demo made, kept beside the stores: tokens are shown only once, and a second start
/// prints them again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Demo {
    /// The seeded advertiser.
    pub advertiser_id: String,
    /// The seeded publisher.
    pub publisher_id: String,
    /// A postback integration that demands a token.
    pub integration_id: String,
    /// Its token.
    pub token: String,
    /// A second integration of the same advertiser, in Trackier's dialect.
    pub trackier_id: String,
    /// Its token.
    pub trackier_token: String,
    /// An advertiser's key for the event API.
    pub event_key: String,
    /// The seeded link's slug.
    pub slug: String,
    /// The seeded personal coupon.
    pub coupon: String,
}

impl Demo {
    /// Makes everything: one of each in tenant `default`, the same with a past in tenant `demo`,
    /// whose admin key is written to `demo.key`.
    ///
    /// # Errors
    /// When the API refuses something or the journal cannot be written.
    pub async fn make(
        plane: &ControlPlane,
        admin_key: &str,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        let now = SystemClock.now();
        let present = Caller::new(plane.api_at(Arc::new(SystemClock)), admin_key);
        let tenant = present.post("/v1/tenants", json!({"name": "demo"})).await?;
        let demo_key = text(&tenant, "admin_key")?;
        crate::secret_file::write(&data_dir.join("demo.key"), &demo_key)
            .context("cannot write demo.key")?;

        let began_at = now - DAY * (history::DAYS + 1);
        let past = Caller::new(plane.api_at(Arc::new(ManualClock::new(began_at))), &demo_key);
        let seeded = Self::seed(&past).await?;
        past.post("/v1/domains", json!({"host": "demo.localhost"})).await?;
        let cast = cast(plane, id(&tenant)?.parse()?, &seeded).await?;
        // An earlier start that was cut short may have written it already.
        let written = data_dir.join("demo.history");
        if !written.exists() {
            // Seeded so that two demos look alike.
            let mut rng = StdRng::seed_from_u64(u64::from(history::DAYS));
            history::write(&cast, plane.lanes(), now, &mut rng).await?;
            std::fs::write(&written, b"").context("cannot write demo.history")?;
        }
        if !plane.catch_up(CATCH_UP_WITHIN).await? {
            tracing::warn!("the demo's history is still being processed");
        }
        Self::seed(&present).await
    }

    /// What an earlier start made in this data directory.
    #[must_use]
    pub fn load(path: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
    }

    /// Keeps it for the next start, readable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        crate::secret_file::write(path, &serde_json::to_string_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Makes one of everything in the caller's tenant.
    ///
    /// # Errors
    /// When the API refuses something.
    pub async fn seed(api: &Caller) -> anyhow::Result<Self> {
        let advertiser = api
            .post(
                "/v1/advertisers",
                json!({"name": "Demo Electronics", "currency": "KZT",
                       "allowed_hosts": ["shop.example"]}),
            )
            .await?;
        let advertiser_id = id(&advertiser)?;
        let integration = api.post("/v1/integrations", door(&advertiser_id, "generic")).await?;
        let trackier = api.post("/v1/integrations", door(&advertiser_id, "trackier")).await?;
        let key = api
            .post(&format!("/v1/advertisers/{advertiser_id}/keys"), json!({"name": "event API"}))
            .await?;
        let offer = api.post("/v1/offers", phones(&advertiser_id)).await?;
        let headphones = api.post("/v1/offers", headphones(&advertiser_id)).await?;
        let campaign = api
            .post(
                "/v1/campaigns",
                json!({"advertiser_id": advertiser_id, "name": "Spring",
                       "offer_ids": [id(&offer)?, id(&headphones)?], "fee_bp": 2000,
                       "attribution": "last_touch"}),
            )
            .await?;
        let campaign_id = id(&campaign)?;
        let publisher = api
            .post(
                "/v1/publishers",
                json!({"name": "Aigerim", "code": "aigerim", "currency": "KZT",
                       "tax_regime": "illustrative_10", "tags": ["beauty", "almaty"]}),
            )
            .await?;
        let publisher_id = id(&publisher)?;
        api.post(
            &format!("/v1/campaigns/{campaign_id}/enrolments"),
            json!({"publisher_id": publisher_id}),
        )
        .await?;
        let link = api
            .post(
                "/v1/links",
                json!({"campaign_id": campaign_id, "offer_id": id(&offer)?,
                       "publisher_id": publisher_id, "slug": "spring"}),
            )
            .await?;
        let coupon = api
            .post(
                "/v1/coupons",
                json!({"campaign_id": campaign_id, "publisher_id": publisher_id,
                       "code": "AIGERIM10"}),
            )
            .await?;
        Ok(Self {
            advertiser_id,
            publisher_id,
            integration_id: id(&integration)?,
            token: text(&integration, "token")?,
            trackier_id: id(&trackier)?,
            trackier_token: text(&trackier, "token")?,
            event_key: text(&key, "key")?,
            slug: text(&link, "slug")?,
            coupon: text(&coupon, "code")?,
        })
    }

    /// The commands to paste: a click, a postback, the balance.
    #[must_use]
    pub fn commands(&self, daemon: &str, control: &str, key_file: &str) -> String {
        let Self { slug, integration_id, token, publisher_id, .. } = self;
        let sale = "amount=10000.00&currency=KZT&status=approved";
        let postback = format!("{daemon}/postback/{integration_id}?token={token}");
        let balance = format!("{control}/v1/publishers/{publisher_id}/balance");
        format!(
            "\
Three commands to paste, in this order:

  # 1. a shopper clicks (curl's own User-Agent would count as a bot)
  CLICK=$(curl -s -o /dev/null -w '%{{redirect_url}}' -H 'Accept: text/html' \\
    -A '{USER_AGENT}' \\
    {daemon}/{slug} | sed 's/.*sub1=\\([^&]*\\).*/\\1/'); echo \"click id $CLICK\"

  # 2. the shop reports the sale
  curl -s \"{postback}&click_id=$CLICK&order_id=A-$RANDOM&{sale}\"

  # 3. the publisher's balance, a second later
  sleep 1; curl -s -H \"Authorization: Bearer $(cat {key_file})\" \\
    {balance}
"
        )
    }
}

async fn cast(plane: &ControlPlane, tenant: TenantId, seeded: &Demo) -> anyhow::Result<Cast> {
    let secrets = app::secrets(plane.store()).await?;
    let mut tx = plane.store().read(tenant).await?;
    let link = tx.links().by_slug(&seeded.slug).await?.context("the demo's link is missing")?;
    Ok(Cast {
        tenant,
        link,
        integration: seeded.integration_id.parse()?,
        ring: KeyRing::new(secrets.click_signing, secrets.click_verify_only),
    })
}

fn door(advertiser_id: &str, adapter: &str) -> Value {
    json!({"advertiser_id": advertiser_id, "name": format!("shop, {adapter}"), "adapter": adapter,
           "auth": {"token": true}})
}

fn phones(advertiser_id: &str) -> Value {
    json!({"advertiser_id": advertiser_id, "name": "Phones", "brand": "Demo",
           "category": "electronics",
           "destination": "https://shop.example/p/1?color=red", "hold_days": 14,
           "terms": [{"action": "purchase", "type": "percent", "bp": 1000},
                     {"action": "signup", "type": "fixed", "amount": "500.00"}]})
}

fn headphones(advertiser_id: &str) -> Value {
    json!({"advertiser_id": advertiser_id, "name": "Headphones", "brand": "Demo",
           "category": "electronics",
           "destination": "https://audio.shop.example/p/2", "hold_days": 0,
           "terms": [{"action": "purchase", "type": "percent", "bp": 500}]})
}

fn id(object: &Value) -> anyhow::Result<String> {
    text(object, "id")
}

fn text(object: &Value, name: &str) -> anyhow::Result<String> {
    Ok(object[name].as_str().with_context(|| format!("the answer has no {name}"))?.to_owned())
}
