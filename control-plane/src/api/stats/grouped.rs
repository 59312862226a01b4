//! `GET /v1/stats/per-publisher` and `…/per-campaign`: the overview's numbers, one row each.

use serde_json::Map;
use serde_json::Value;
use store::rollups::GroupBy;
use store::rollups::Grouped;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::stats::QUERY;
use crate::api::stats::counts;
use crate::api::stats::read_filter;

pub(super) const PER_PUBLISHER: Endpoint =
    Endpoint::get("/v1/stats/per-publisher", run!(per_publisher))
        .aliases(&[
            "/stats/per-publisher",
            "/influencer/stats/per-publisher",
            "/v1/stats/per-influencer",
            "/stats/per-influencer",
            "/influencer/stats/per-influencer",
        ])
        .says("Sum clicks, conversions and money per publisher")
        .roles(EVERYBODY)
        .query(QUERY);

pub(super) const PER_CAMPAIGN: Endpoint =
    Endpoint::get("/v1/stats/per-campaign", run!(per_campaign))
        .aliases(&["/stats/per-campaign", "/influencer/stats/per-campaign"])
        .says("Sum clicks, conversions and money per campaign")
        .roles(EVERYBODY)
        .query(QUERY);

async fn per_publisher(call: &mut Call) -> Outcome {
    grouped(call, GroupBy::Publisher, "publisher_id").await
}

async fn per_campaign(call: &mut Call) -> Outcome {
    grouped(call, GroupBy::Campaign, "campaign_id").await
}

async fn grouped(call: &mut Call, group: GroupBy, name: &str) -> Outcome {
    let rows = match read_filter(call).await? {
        Some(filter) => call.tx.rollups().by(&filter, group).await?,
        None => Vec::new(),
    };
    let data: Vec<Value> = rows.iter().map(|row| view(row, name)).collect();
    Ok(Answer::rows(data, None))
}

fn view(row: &Grouped, name: &str) -> Value {
    let mut body = Map::new();
    body.insert(name.to_owned(), Value::from(row.key.as_str()));
    body.extend(counts(row));
    Value::Object(body)
}
