//! `GET /v1/conversions`: newest first; an advertiser and a publisher see their own.

use model::conversion::ConversionStatus;
use serde_json::Value;
use store::conversions::ConversionFilter;

use crate::api::answer::Answer;
use crate::api::answer::with_kind;
use crate::api::call::Call;
use crate::api::conversions::KIND;
use crate::api::conversions::view;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::page::cut;
use crate::api::page::peek;
use crate::api::sight::narrow;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/conversions", run!(list))
    .says("List conversions")
    .roles(EVERYBODY)
    .query(&[
        text("order_ref"),
        text("status").note("pending | approved | rejected | reversed"),
        text("publisher_id"),
        text("advertiser_id"),
        text("campaign_id"),
        text("offer_id"),
        text("link_id"),
        text("shopper_id"),
        field("held", Kind::Flag).note("true: waits for a person"),
        field("from", Kind::Instant),
        field("to", Kind::Instant),
    ]);

async fn list(call: &mut Call) -> Outcome {
    let zone = call.tenant().await?.time_zone;
    let mut query = call.query();
    let mut filter = ConversionFilter {
        order_ref: query.text("order_ref", 200),
        status: query.word("status", ConversionStatus::parse, ConversionStatus::ALL),
        publisher: query.id("publisher_id"),
        advertiser: query.id("advertiser_id"),
        campaign: query.id("campaign_id"),
        offer: query.id("offer_id"),
        link: query.id("link_id"),
        shopper: query.id("shopper_id"),
        is_held: query.flag("held"),
        from: query.moment("from", &zone),
        to: query.moment_end("to", &zone),
    };
    query.finish()?;
    if !narrow(call.reach(), &mut filter.publisher, &mut filter.advertiser) {
        return Ok(Answer::rows(Vec::new(), None));
    }
    let mut rows = call.tx.conversions().list(&filter, &peek(&call.page)).await?;
    let next = cut(&mut rows, &call.page, |row| row.id.to_string());
    let now = call.now;
    let data: Vec<Value> = rows.iter().map(|row| with_kind(KIND, &mut view(row, now))).collect();
    Ok(Answer::rows(data, next))
}
