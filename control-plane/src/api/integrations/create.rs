//! `POST /v1/integrations`: token and HMAC secret are shown once.

use model::id::IntegrationId;
use store::integrations::IntegrationRow;

use crate::api::advertisers;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::integrations::FIELDS;
use crate::api::integrations::KIND;
use crate::api::integrations::read;
use crate::api::integrations::refuse_open_door;
use crate::api::integrations::renew_secrets;
use crate::api::integrations::view_once;

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/integrations", run!(create))
    .says("Make an integration; its token and secret are shown once")
    .fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let fields = read(call, &mut input);
    refuse_open_door(&mut input, &fields.auth);
    let advertiser = advertisers::referred(call, &mut input, "advertiser_id").await?;
    input.finish()?;
    let id = IntegrationId::new(call.now, &mut call.rng);
    let advertiser = advertiser.map(|row| row.id);
    let own_space = || advertiser.map_or_else(|| id.to_string(), |id| id.to_string());
    let mut row = IntegrationRow {
        id,
        name: fields.name,
        adapter: fields.adapter,
        builtin: None,
        advertiser,
        order_space: fields.order_space.unwrap_or_else(own_space),
        auth: fields.auth,
        token_hashes: Vec::new(),
        hmac_secrets: Vec::new(),
        config: fields.config,
        status_map: fields.status_map,
        created_at: call.now,
        archived_at: None,
    };
    let times = (call.now, call.now);
    let shown = renew_secrets(&mut row, &call.api.pepper, times, &mut call.rng);
    call.tx.integrations().insert(&row).await?;
    Ok(Answer::object(KIND, view_once(&row, &call.api.public_url, shown)))
}
