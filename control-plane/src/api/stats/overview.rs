//! `GET /v1/stats/overview`: counts and sums of one span. An advertiser and a publisher see their own.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use store::rollups::Overview;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::stats::QUERY;
use crate::api::stats::add_money;
use crate::api::stats::rate;
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
    let mut body = Map::new();
    body.insert("clicks".to_owned(), json!(sums.clicks.clicks));
    body.insert("unique_clicks".to_owned(), json!(sums.clicks.unique));
    body.insert("filtered".to_owned(), json!(sums.clicks.filtered));
    body.insert("suspect".to_owned(), json!(sums.clicks.suspect));
    body.insert("conversions".to_owned(), json!(sums.conversions));
    body.insert("conversion_rate".to_owned(), rate(sums.conversions, sums.clicks.clicks));
    add_money(&mut body, &sums.money);
    body.insert("events".to_owned(), Value::Object(events));
    Ok(Answer::json(Value::Object(body)))
}
