//! One of everything: an advertiser with its postback, an offer at 10 %, a campaign at a fee of 20
//! %, a publisher, a link.

use serde_json::Value;
use serde_json::json;

use crate::Response;
use crate::sentences::id_of;
use crate::sentences::path_of;
use crate::sentences::text;
use crate::site::Site;
use crate::time::eventually;

/// The ids of one complete set-up.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The advertiser.
    pub advertiser: String,
    /// Its postback integration.
    pub integration: String,
    /// Path and query of the postback URL, token included.
    pub postback: String,
    /// The token alone.
    pub token: String,
    /// The offer: purchases earn 10 %.
    pub offer: String,
    /// The campaign: fee of 20 %.
    pub campaign: String,
    /// The publisher, taxed by the illustrative regime.
    pub publisher: String,
    /// The link.
    pub link: String,
    /// The link's slug, also the publisher's code.
    pub slug: String,
}

impl Shop {
    /// Opens a shop at `<name>.example` whose publisher and slug are `name`, holding conversions
    /// for 14 days.
    #[must_use]
    #[track_caller]
    pub fn open(world: &Site, name: &str) -> Self {
        Self::open_with(world, name, &json!({}), &json!({}))
    }

    /// The same with more fields in the offer and in the integration.
    #[must_use]
    #[track_caller]
    pub fn open_with(world: &Site, name: &str, offer: &Value, integration: &Value) -> Self {
        let host = format!("{name}.example");
        let advertiser = world.advertiser(name, &host);
        let made = world.create(
            "/v1/integrations",
            &merged(
                json!({"advertiser_id": advertiser, "name": format!("{name} postback"),
                       "adapter": "generic", "auth": {"token": true}}),
                integration,
            ),
        );
        let offer = id_of(&world.create(
            "/v1/offers",
            &merged(
                json!({"advertiser_id": advertiser, "name": format!("{name} goods"),
                       "destination": format!("https://{host}/p/1?color=red"),
                       "terms": [{"action": "purchase", "type": "percent", "bp": 1000}],
                       "hold_days": 14}),
                offer,
            ),
        ));
        let campaign = id_of(&world.create(
            "/v1/campaigns",
            &json!({"advertiser_id": advertiser, "name": format!("{name} spring"),
                    "offer_ids": [offer], "fee_bp": 2000, "attribution": "last_touch"}),
        ));
        let publisher = world.publisher(name);
        let shop = Self {
            advertiser,
            integration: id_of(&made),
            postback: made["postback_url"].as_str().map(path_of).unwrap_or_default(),
            token: made["token"].as_str().unwrap_or_default().to_owned(),
            offer,
            campaign,
            publisher,
            link: String::new(),
            slug: name.to_owned(),
        };
        shop.enrol(world, &shop.publisher, name)
    }

    /// Enrols `publisher` and gives it the link `slug`: the same shop seen from that publisher.
    #[must_use]
    #[track_caller]
    pub fn enrol(&self, world: &Site, publisher: &str, slug: &str) -> Self {
        let target = format!("/v1/campaigns/{}/enrolments", self.campaign);
        world.create(&target, &json!({"publisher_id": publisher}));
        let link = world.create(
            "/v1/links",
            &json!({"campaign_id": self.campaign, "offer_id": self.offer,
                    "publisher_id": publisher, "slug": slug}),
        );
        Self {
            link: id_of(&link),
            publisher: publisher.to_owned(),
            slug: slug.to_owned(),
            ..self.clone()
        }
    }

    /// Sends a postback with `query` behind the token. A new integration needs up to a second to be
    /// known.
    #[track_caller]
    pub fn postback(&self, world: &Site, query: &str) -> Response {
        world.get(&format!("{}&{query}", self.postback))
    }

    /// Sends a postback that must be accepted: its event id.
    #[track_caller]
    pub fn tell(&self, world: &Site, query: &str) -> String {
        let answer = self.postback(world, query).expect_status(200).json();
        assert_eq!(answer["status"], "ok");
        text(&answer["event_id"])
    }

    /// A click and the postback of an approved order over 10,000.00 KZT: its event id.
    #[track_caller]
    pub fn sell(&self, world: &Site, order_ref: &str) -> String {
        let click_id = world.click(&self.slug);
        self.tell(
            world,
            &format!(
                "click_id={click_id}&order_id={order_ref}&amount=10000.00&currency=KZT\
                 &status=approved"
            ),
        )
    }

    /// A key of the advertiser for the event API, as soon as the daemon knows it.
    #[must_use]
    #[track_caller]
    pub fn key(&self, world: &Site) -> String {
        let target = format!("/v1/advertisers/{}/keys", self.advertiser);
        let key = text(&world.create(&target, &json!({}))["key"]);
        // An event without an action is refused for what it is, but only from somebody who is
        // known.
        eventually("the key is known", || {
            (world.event(&key, &json!({})).status != 401).then_some(())
        });
        key
    }
}

fn merged(mut base: Value, more: &Value) -> Value {
    if let (Some(base), Some(more)) = (base.as_object_mut(), more.as_object()) {
        base.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    base
}
