//! `GET /v1/stats/overview`: counts and sums of one span. An advertiser and a publisher see their
//! own.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use store::rollups::Grouped;
use store::rollups::Overview;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::stats::QUERY;
use crate::api::stats::counts;
use crate::api::stats::read_filter;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/stats/overview", run!(overview))
    .aliases(&["/stats/overview", "/influencer/stats/overview"])
    .says("Sum clicks, conversions and money of one span")
    .roles(EVERYBODY)
    .query(QUERY);

async fn overview(call: &mut Call) -> Outcome {
    let sums = match read_filter(call).await? {
        Some(filter) => call.tx.rollups().overview(&filter).await?,
        None => Overview::default(),
    };
    let events: Map<String, Value> =
        sums.events.iter().map(|(action, count)| (action.clone(), json!(count))).collect();
    let whole = Grouped {
        key: String::new(),
        clicks: sums.clicks,
        conversions: sums.conversions,
        money: sums.money,
    };
    let mut body = counts(&whole);
    body.insert("events".to_owned(), Value::Object(events));
    Ok(Answer::json(Value::Object(body)))
}
