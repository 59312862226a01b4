//! Links: slugs, what they lead to and whose they are.

use model::id::LinkId;
use model::link::LinkState;
use serde_json::Value;
use serde_json::json;
use store::advertisers::AdvertiserRow;
use store::campaigns::CampaignRow;
use store::domains::DomainRow;
use store::links::LinkRow;
use store::listing::Reach;
use store::offers::OfferRow;

use crate::api::call::Call;
use crate::api::caps;
use crate::api::codes;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::offers;
use crate::api::time::instant;
use crate::api::urls::Fallbacks;

mod archive;
mod change;
pub(crate) mod create;
mod get;
mod kill;
mod list;
mod qr;

/// Word of `link_id`.
const KIND: &str = "link";

const FIELDS: &[Field] = &[
    text("campaign_id").required(),
    text("offer_id").note("default: the campaign's only one"),
    text("publisher_id").note("default: the caller"),
    text("domain").note("a host of the tenant; default: all of them"),
    text("slug").note("2 to 64 of a-z, 0-9, _ and -; default: 8 generated"),
    text("destination").note("instead of the offer's; https, on an allowed host"),
    field("rules", Kind::Objects(&[])).note("routing rules; this version takes none"),
    field("expires_at", Kind::Instant),
    field("caps", Kind::Object(caps::FIELDS)),
    text("fallback_url"),
];

const PATCHABLE: &[Field] = &[
    text("destination"),
    field("expires_at", Kind::Instant),
    field("caps", Kind::Object(caps::FIELDS)),
    text("fallback_url"),
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    list::ENDPOINT,
    get::ENDPOINT,
    qr::ENDPOINT,
    change::ENDPOINT,
    kill::ENDPOINT,
    archive::ENDPOINT,
];

/// A slug that no link of the tenant has.
pub(crate) async fn free_slug(call: &mut Call) -> Result<String, Problem> {
    for _ in 0..codes::DRAWS_MAX {
        let slug = codes::draw(codes::PLAIN, codes::SLUG_CHARS, &mut call.rng);
        if model::link::is_slug(&slug) && call.tx.links().by_slug(&slug).await?.is_none() {
            return Ok(slug);
        }
    }
    Err(Problem::Internal("no free slug was drawn".into()))
}

/// What links lead through: the tenant's hosts and the daemon's own address.
struct Addresses {
    domains: Vec<DomainRow>,
    public_url: String,
}

impl Addresses {
    async fn of(call: &mut Call) -> Result<Self, Problem> {
        let domains = call.tx.domains().live().await?;
        Ok(Self { domains, public_url: call.api.public_url.clone() })
    }

    /// The link's host, if it has one of its own.
    fn own_host(&self, row: &LinkRow) -> Option<&str> {
        let id = row.domain?;
        self.domains.iter().find(|domain| domain.id == id).map(|domain| domain.host.as_str())
    }

    /// Where the link is served: its own host, else the tenant's first, else the daemon's address.
    fn url(&self, row: &LinkRow) -> String {
        let named =
            self.domains.iter().map(|domain| domain.host.as_str()).find(|host| *host != "*");
        match self.own_host(row).filter(|host| *host != "*").or(named) {
            Some(host) => format!("https://{host}/{}", row.slug),
            None => format!("{}/{}", self.public_url, row.slug),
        }
    }
}

/// The part that may change later: destination, expiry, caps, fallback.
fn read_changeable(
    input: &mut Input,
    row: &mut LinkRow,
    (advertiser, fallbacks): (Option<&AdvertiserRow>, &Fallbacks),
) {
    row.destination = offers::read_destination(input, "destination", advertiser);
    row.expires_at = input.instant("expires_at");
    let currency = advertiser.map_or(model::money::Currency::KZT, |advertiser| advertiser.currency);
    row.caps = caps::read(input, currency);
    row.fallback_url = fallbacks.read(input, advertiser);
}

/// The offer of a new link: the one named, else the campaign's only one. A campaign that lists
/// offers takes no other.
async fn read_offer(
    call: &mut Call,
    input: &mut Input,
    campaign: Option<&CampaignRow>,
) -> Result<Option<OfferRow>, Problem> {
    let is_stated = input.has("offer_id");
    let stated = input.id("offer_id");
    let Some(campaign) = campaign else { return Ok(None) };
    let only = match campaign.offers.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let Some(id) = stated.or(only) else {
        if !is_stated {
            input.missing("offer_id");
        }
        return Ok(None);
    };
    if !campaign.offers.is_empty() && !campaign.offers.contains(&id) {
        input.refuse("offer_id", "is not an offer of this campaign");
        return Ok(None);
    }
    let reach = call.reach();
    let offer = call.tx.offers().get(id, reach).await?;
    let offer = offer.filter(|offer| offer.archived_at.is_none());
    if offer.is_none() {
        input.refuse("offer_id", "there is no such offer");
    }
    Ok(offer)
}

/// The advertiser behind a link's offer.
async fn advertiser_of(
    call: &mut Call,
    offer: Option<&OfferRow>,
) -> Result<Option<AdvertiserRow>, Problem> {
    let Some(offer) = offer else { return Ok(None) };
    Ok(call.tx.advertisers().get(offer.advertiser, Reach::Tenant).await?)
}

fn view(row: &LinkRow, addresses: &Addresses) -> Value {
    let state = match (row.killed_at, row.is_capped) {
        (Some(_), _) => LinkState::Killed,
        (None, true) => LinkState::Capped,
        (None, false) => LinkState::Live,
    };
    let url = addresses.url(row);
    json!({
        "id": row.id.to_string(),
        "slug": row.slug,
        "url": url,
        "smart_link": url,
        "campaign_id": row.campaign.to_string(),
        "offer_id": row.offer.map(|id| id.to_string()),
        "publisher_id": row.publisher.to_string(),
        "domain": addresses.own_host(row),
        "destination": row.destination,
        "rules": [],
        "caps": row.caps,
        "expires_at": instant(row.expires_at),
        "fallback_url": row.fallback_url,
        "state": state.as_str(),
        "killed_at": instant(row.killed_at),
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    })
}

/// The link that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<LinkRow, Problem> {
    let id: LinkId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.links().get(id, reach).await?.ok_or(Problem::NotFound)
}

/// Stops a link.
async fn stop(call: &mut Call) -> Result<LinkRow, Problem> {
    let mut row = named(call).await?;
    if row.killed_at.is_none() {
        row.killed_at = Some(call.now);
        call.tx.links().update(&row, call.now).await?;
    }
    Ok(row)
}
