//! `POST /v1/coupons`: one code as given, or many as generated. The first stands on top, all stand
//! in `data`.

use model::id::CampaignId;
use model::id::CouponId;
use model::id::PublisherId;
use serde_json::Value;
use store::coupons::CouponRow;
use store::coupons::CouponStatus;

use crate::api::answer::Answer;
use crate::api::answer::with_kind;
use crate::api::call::Call;
use crate::api::campaigns;
use crate::api::codes;
use crate::api::coupons::FIELDS;
use crate::api::coupons::KIND;
use crate::api::coupons::folded;
use crate::api::coupons::generate::Recipe;
use crate::api::coupons::is_code;
use crate::api::coupons::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::given;
use crate::api::links::create::refuse_stranger;
use crate::api::publishers;

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/coupons", run!(create))
    .says("Make a coupon, or generate many")
    .fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let campaign = campaigns::referred(call, &mut input).await?;
    let publisher = publishers::referred(call, &mut input, "publisher_id").await?;
    refuse_stranger(call, &mut input, campaign.as_ref(), publisher.as_ref()).await?;
    let has_both = input.has("code") && input.has("generate");
    let code = input.text("code", 64).map(|code| folded(&code));
    let recipe = Recipe::read(&mut input);
    match (&code, &recipe) {
        _ if has_both => input.refuse("generate", "stands instead of code, not beside it"),
        (None, None) if !input.is_refused("code") => input.missing("code"),
        (Some(code), _) if !is_code(code) => {
            input.refuse("code", "must be 2 to 64 letters, digits, - and _");
        }
        _ => {}
    }
    input.finish()?;
    let owner = (given(campaign)?.id, publisher.map(|publisher| publisher.id));
    if let Some(code) = code {
        let row = insert(call, owner, code).await?.ok_or_else(|| Problem::taken("code"))?;
        return Ok(Answer::object(KIND, view(&row)));
    }
    let recipe = given(recipe)?;
    let mut rows = Vec::new();
    for _ in 0..recipe.count {
        rows.push(draw(call, owner, &recipe).await?);
    }
    let data: Vec<Value> = rows.iter().map(|row| with_kind(KIND, &mut view(row))).collect();
    let mut answer = Answer::object(KIND, rows.first().map(view).unwrap_or_default());
    answer.body["data"] = Value::Array(data);
    Ok(answer)
}

/// A coupon with a code that was free.
pub(super) async fn draw(
    call: &mut Call,
    owner: (CampaignId, Option<PublisherId>),
    recipe: &Recipe,
) -> Result<CouponRow, Problem> {
    for _ in 0..codes::DRAWS_MAX {
        let code = recipe.draw(&mut call.rng);
        if let Some(row) = insert(call, owner, code).await? {
            return Ok(row);
        }
    }
    Err(Problem::field("generate", "codes of this length and alphabet are used up"))
}

/// Adds a coupon; `None` when the code is taken.
async fn insert(
    call: &mut Call,
    (campaign, publisher): (CampaignId, Option<PublisherId>),
    code: String,
) -> Result<Option<CouponRow>, Problem> {
    let row = CouponRow {
        id: CouponId::new(call.now, &mut call.rng),
        campaign,
        publisher,
        code,
        status: CouponStatus::Active,
        created_at: call.now,
        invalidated_at: None,
        archived_at: None,
    };
    Ok(call.tx.coupons().insert(&row).await?.then_some(row))
}
