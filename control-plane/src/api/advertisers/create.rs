//! `POST /v1/advertisers`: an advertiser with its two built-in integrations.

use model::id::AdvertiserId;
use model::id::IntegrationId;
use serde_json::json;
use store::advertisers::AdvertiserRow;
use store::integrations::IntegrationAuth;
use store::integrations::IntegrationRow;

use crate::api::advertisers::FIELDS;
use crate::api::advertisers::KIND;
use crate::api::advertisers::read;
use crate::api::advertisers::view;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::given;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/advertisers", run!(create)).says("Make an advertiser").fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let fields = read(&mut input);
    input.finish()?;
    let row = AdvertiserRow {
        id: AdvertiserId::new(call.now, &mut call.rng),
        name: fields.name,
        currency: given(fields.currency)?,
        allowed_hosts: fields.allowed_hosts,
        billing: fields.billing,
        status: fields.status,
        events_integration: IntegrationId::new(call.now, &mut call.rng),
        pixel_integration: IntegrationId::new(call.now, &mut call.rng),
        created_at: call.now,
        archived_at: None,
    };
    call.tx.advertisers().insert(&row).await?;
    call.tx.integrations().insert(&built_in(&row, "events", row.events_integration)).await?;
    call.tx.integrations().insert(&built_in(&row, "pixel", row.pixel_integration)).await?;
    Ok(Answer::object(KIND, view(&row)))
}

/// An integration behind a door of its own: it has no token, so the postback door stays shut.
fn built_in(row: &AdvertiserRow, word: &str, id: IntegrationId) -> IntegrationRow {
    IntegrationRow {
        id,
        name: word.to_owned(),
        adapter: "events".to_owned(),
        builtin: Some(word.to_owned()),
        advertiser: Some(row.id),
        order_space: row.id.to_string(),
        auth: IntegrationAuth::default(),
        token_hashes: Vec::new(),
        hmac_secrets: Vec::new(),
        config: json!({}),
        status_map: json!({}),
        created_at: row.created_at,
        archived_at: None,
    }
}
