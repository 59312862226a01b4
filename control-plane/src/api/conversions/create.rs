//! `POST /v1/conversions`: credit by hand, with a reason; once per order.

use model::claim::Action;
use model::money::Currency;
use store::advertisers::AdvertiserRow;
use store::listing::Reach;
use store::offers::OfferRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::campaigns;
use crate::api::conversions::KIND;
use crate::api::conversions::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::given;
use crate::api::input::text;
use crate::api::publishers;
use crate::pipeline::ByHand;
use crate::pipeline::ByHandError;
use crate::settle::CreditError;
use crate::settle::Reviewer;
use crate::settle::SettleError;

const FIELDS: &[Field] = &[
    text("campaign_id").required(),
    text("offer_id").note("default: the campaign's only one"),
    text("publisher_id").required(),
    text("action").note("default: purchase"),
    text("order_ref").note("the shop's order number; default: an order of its own"),
    field("order_amount", Kind::Money).note("value of the order, in the advertiser's currency"),
    field("charge", Kind::Money).note("what is owed; default: what the terms say"),
    text("reason").required().note("kept with the conversion and shown"),
];

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/conversions", run!(create))
    .says("Credit a publisher by hand")
    .roles(FINANCE)
    .fields(FIELDS)
    .on_its_own();

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let reason = input.needs_text("reason", 1000);
    let campaign = campaigns::referred(call, &mut input).await?;
    if !input.has("publisher_id") {
        input.missing("publisher_id");
    }
    let publisher = publishers::referred(call, &mut input, "publisher_id").await?;
    let offers = campaign.as_ref().map_or(&[][..], |campaign| &campaign.offers);
    let owner = read_offer(call, &mut input, offers).await?;
    let currency = owner.as_ref().map_or(Currency::KZT, |(_, advertiser)| advertiser.currency);
    let order_amount = input.money("order_amount", currency);
    let charge = input.money("charge", currency);
    let action = input.text("action", 64).unwrap_or_else(|| Action::Purchase.to_string());
    let order_ref = input.text("order_ref", 128);
    input.finish()?;
    let (offer, advertiser) = given(owner)?;
    let known = Action::parse(&action).filter(|action| *action != Action::Custom);
    let wanted = ByHand {
        campaign: given(campaign)?.id,
        offer: offer.id,
        advertiser: advertiser.id,
        integration: advertiser.events_integration,
        publisher: given(publisher)?.id,
        action: known.unwrap_or(Action::Custom),
        custom_action: known.is_none().then_some(action),
        order_ref,
        order_amount,
        charge,
    };
    let by = call.caller.key.to_string();
    let reviewer = Reviewer { by: &by, reason: Some(&reason) };
    let row = call.api.desk.credit(call.caller.tenant, &wanted, reviewer).await?;
    Ok(Answer::object(KIND, view(&row, call.now)))
}

/// The offer named, else the campaign's only one, and whose it is.
async fn read_offer(
    call: &mut Call,
    input: &mut Input,
    offers: &[model::id::OfferId],
) -> Result<Option<(OfferRow, AdvertiserRow)>, Problem> {
    let is_stated = input.has("offer_id");
    let only = match offers {
        [only] => Some(*only),
        _ => None,
    };
    let stated = input.id("offer_id");
    let Some(id) = stated.or_else(|| only.filter(|_| !is_stated)) else {
        if !is_stated {
            input.missing("offer_id");
        }
        return Ok(None);
    };
    if !offers.contains(&id) {
        input.refuse("offer_id", "is not an offer of this campaign");
        return Ok(None);
    }
    let Some(offer) = call.tx.offers().get(id, Reach::Tenant).await? else { return Ok(None) };
    let advertiser = call.tx.advertisers().get(offer.advertiser, Reach::Tenant).await?;
    Ok(advertiser.map(|advertiser| (offer, advertiser)))
}

impl From<CreditError> for Problem {
    fn from(error: CreditError) -> Self {
        let refused = match error {
            CreditError::Refused(refused) => refused,
            CreditError::Settle(SettleError::Store(error)) => return error.into(),
            CreditError::Settle(error) => return Self::Internal(Box::new(error)),
        };
        match refused {
            ByHandError::Known => {
                Self::Conflict(FieldError::new("order_ref", "has a conversion already"))
            }
            ByHandError::NotEnrolled => {
                Self::field("publisher_id", "is not enrolled in this campaign")
            }
            ByHandError::EarnsNothing => {
                Self::field("order_amount", "earns nothing by the terms, and no charge is stated")
            }
            ByHandError::Amounts(detail) => Self::field("order_amount", &detail),
            ByHandError::Store(error) => error.into(),
        }
    }
}
