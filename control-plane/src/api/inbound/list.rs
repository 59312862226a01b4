//! `GET /v1/inbound`: newest first.

use model::outcome::Outcome as Ending;
use serde_json::Value;
use store::inbound::InboundFilter;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::inbound::view;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::page::cut;
use crate::api::page::peek;
use crate::api::sight::narrow_to_advertiser;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/inbound", run!(list))
    .says("List what outside systems told us")
    .roles(OPERATORS_ADVERTISERS)
    .query(&[
        text("integration_id"),
        text("advertiser_id"),
        text("outcome"),
        text("reason"),
        field("from", Kind::Instant),
        field("to", Kind::Instant),
    ]);

async fn list(call: &mut Call) -> Outcome {
    let zone = call.tenant().await?.time_zone;
    let mut query = call.query();
    let mut filter = InboundFilter {
        integration: query.id("integration_id"),
        advertiser: query.id("advertiser_id"),
        outcome: query.word("outcome", Ending::parse, Ending::ALL),
        reason: query.text("reason", 100),
        from: query.moment("from", &zone),
        to: query.moment_end("to", &zone),
    };
    query.finish()?;
    if !narrow_to_advertiser(call.reach(), &mut filter.advertiser) {
        return Ok(Answer::rows(Vec::new(), None));
    }
    let mut rows = call.tx.inbound().list(&filter, &peek(&call.page)).await?;
    let next = cut(&mut rows, &call.page, |row| row.event.to_string());
    let data: Vec<Value> = rows.iter().map(view).collect();
    Ok(Answer::rows(data, next))
}
