//! Advertisers: who pays for results.

use model::id::AdvertiserId;
use model::money::Currency;
use serde_json::Value;
use serde_json::json;
use store::advertisers::AdvertiserRow;
use store::advertisers::Status;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::integer;
use crate::api::input::text;
use crate::api::input::texts;
use crate::api::time::instant;
use crate::api::urls;

mod archive;
mod change;
mod create;
mod create_key;
mod get;
mod list;
mod list_keys;
mod rotate_key;

/// Word of `advertiser_id`.
const KIND: &str = "advertiser";

/// Hosts of one advertiser at most.
const HOSTS_MAX: usize = 100;

const BILLING: &[Field] = &[integer("terms_days").note("0 to 365")];

const FIELDS: &[Field] = &[
    text("name").required(),
    text("currency").required().note("ISO 4217; cannot be changed"),
    texts("allowed_hosts").note("where links may lead, subdomains included"),
    field("billing", Kind::Object(BILLING)),
    text("status").note("active | inactive: stops its keys, links and integrations"),
];

const PATCHABLE: &[Field] = &[
    text("name"),
    texts("allowed_hosts"),
    field("billing", Kind::Object(BILLING)),
    text("status"),
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    list::ENDPOINT,
    get::ENDPOINT,
    change::ENDPOINT,
    archive::ENDPOINT,
    create_key::ENDPOINT,
    list_keys::ENDPOINT,
    rotate_key::ENDPOINT,
];

/// The fields as given.
struct Given {
    name: String,
    currency: Option<Currency>,
    allowed_hosts: Vec<String>,
    billing: Value,
    status: Status,
}

fn read(input: &mut Input) -> Given {
    let name = input.needs_text("name", 200);
    let code = input.needs_text("currency", 3);
    let currency = Currency::parse(&code).ok();
    if currency.is_none() {
        input.refuse("currency", "must be an ISO 4217 code");
    }
    let mut allowed_hosts = Vec::new();
    for (position, host) in
        input.texts("allowed_hosts", HOSTS_MAX, 253).unwrap_or_default().iter().enumerate()
    {
        if let Some(host) = urls::host(host) {
            allowed_hosts.push(host);
        } else {
            let detail = "must be a host name such as shop.example";
            input.refuse(&format!("allowed_hosts[{position}]"), detail);
        }
    }
    let mut terms_days = None;
    if let Some(mut billing) = input.object("billing", BILLING) {
        terms_days = billing.integer("terms_days", 0..=365);
        input.absorb(billing);
    }
    let billing = terms_days.map_or_else(|| json!({}), |days| json!({"terms_days": days}));
    let status = input.word("status", Status::parse, Status::ALL).unwrap_or(Status::Active);
    Given { name, currency, allowed_hosts, billing, status }
}

fn view(row: &AdvertiserRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "name": row.name,
        "currency": row.currency.code(),
        "allowed_hosts": row.allowed_hosts,
        "billing": row.billing,
        "status": row.status.as_str(),
        "events_integration_id": row.events_integration.to_string(),
        "pixel_integration_id": row.pixel_integration.to_string(),
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    })
}

/// The advertiser that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<AdvertiserRow, Problem> {
    let id: AdvertiserId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.advertisers().get(id, reach).await?.ok_or(Problem::NotFound)
}

/// A live advertiser that a body names; an error of that field otherwise.
pub(crate) async fn referred(
    call: &mut Call,
    input: &mut Input,
    name: &str,
) -> Result<Option<AdvertiserRow>, Problem> {
    let Some(id) = input.id::<AdvertiserId>(name) else { return Ok(None) };
    let reach = call.reach();
    let row = call.tx.advertisers().get(id, reach).await?;
    let row = row.filter(|row| row.archived_at.is_none());
    if row.is_none() {
        input.refuse(name, "there is no such advertiser");
    }
    Ok(row)
}
