//! `GET /v1/rewards/user?user_id=`: one shopper's cashback, newest first, as a bare list.

use serde_json::Value;
use serde_json::json;
use store::conversions::Conversion;
use store::conversions::ConversionFilter;
use store::page::PAGE_ROWS_MAX;
use store::page::PageAsk;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::money;
use crate::api::time::instant;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/rewards/user", run!(user))
    .says("List one shopper's cashback: amount, status, eta")
    .roles(OPERATORS)
    .query(&[text("user_id").required().note("the tenant's own name for the person")]);

async fn user(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let user_id = query.needs_text("user_id", 128);
    query.finish()?;
    // Nobody known by that name has earned nothing.
    let Some(shopper) = call.tx.shoppers().by_user_id(&user_id).await? else {
        return Ok(Answer::json(Value::Array(Vec::new())));
    };
    let filter = ConversionFilter { shopper: Some(shopper.id), ..ConversionFilter::default() };
    let page = PageAsk::first(PAGE_ROWS_MAX);
    let rows = call.tx.conversions().list(&filter, &page).await?;
    Ok(Answer::json(rows.iter().map(view).collect()))
}

fn view(row: &Conversion) -> Value {
    json!({
        "amount": money::view(row.split.shopper),
        "status": row.status.as_str(),
        "eta": instant(row.released_at.or(row.release_at)),
        "conversion_id": row.id.to_string(),
    })
}
