//! A conversion that a person credits: nobody told it and nothing is attributed, but it is priced,
//! explained and held like any other.

use std::collections::HashSet;

use model::claim::Action;
use model::claim::Claim;
use model::claim::ClaimStatus;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::ConversionId;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::TenantId;
use model::money::Money;
use store::business_keys::OrderKey;
use store::conversions::Conversion;
use store::error::StoreError;
use store::unit::BatchTx;

use super::attribute;
use super::attribute::Good;
use super::attribute::Sight;
use super::objects::Needs;
use super::objects::TenantObjects;
use super::parcel::End;
use super::parcel::Told;
use super::post::create;
use super::post::create::Telling;

/// What a person credits, and to whom.
#[derive(Debug, Clone)]
pub struct ByHand {
    /// In which campaign.
    pub campaign: CampaignId,
    /// One of its offers.
    pub offer: OfferId,
    /// Whose offer.
    pub advertiser: AdvertiserId,
    /// The advertiser's built-in integration: every conversion came through one.
    pub integration: IntegrationId,
    /// Who earns.
    pub publisher: PublisherId,
    /// What happened.
    pub action: Action,
    /// Name of an own action.
    pub custom_action: Option<String>,
    /// The shop's order number; absent: the credit is an order of its own.
    pub order_ref: Option<String>,
    /// Value of the order.
    pub order_amount: Option<Money>,
    /// What is owed, whatever the terms say.
    pub charge: Option<Money>,
}

/// Why nothing was credited.
#[derive(Debug, thiserror::Error)]
pub enum ByHandError {
    /// The order has a conversion already.
    #[error("the order is known already")]
    Known,
    /// The publisher has no place in the campaign.
    #[error("the publisher is not enrolled in the campaign")]
    NotEnrolled,
    /// Neither terms nor a stated charge make it worth anything.
    #[error("it would earn nothing")]
    EarnsNothing,
    /// Its amounts cannot be used; the text says why.
    #[error("amounts cannot be used: {0}")]
    Amounts(String),
    /// The database refused.
    #[error("database failed")]
    Store(#[from] StoreError),
}

/// Names of the new rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) conversion: ConversionId,
    /// Stands where an inbound's id would.
    pub(crate) event: EventId,
    pub(crate) now: Timestamp,
}

/// The conversion that a person's credit makes; nothing is posted yet.
///
/// # Errors
/// [`ByHandError`].
pub(crate) async fn conversion(
    tx: &mut BatchTx,
    tenant: TenantId,
    wanted: &ByHand,
    names: Names,
) -> Result<Conversion, ByHandError> {
    let claim = claim_of(wanted);
    let order = OrderKey {
        order_space: wanted.advertiser.to_string(),
        order_ref: claim.order_ref.clone().unwrap_or_else(|| format!("manual:{}", names.event)),
        line: String::new(),
        action: Told::action_word(&claim),
    };
    let known = tx.conversions(tenant).of_orders(std::slice::from_ref(&order.order_ref)).await?;
    if known.iter().any(|row| row.order == order) {
        return Err(ByHandError::Known);
    }
    let mut objects = TenantObjects::begin(tx, tenant).await?;
    let needs = Needs {
        campaigns: HashSet::from([wanted.campaign]),
        publishers: HashSet::from([wanted.publisher]),
        advertisers: HashSet::from([wanted.advertiser]),
        ..Needs::default()
    };
    objects.load(&mut tx.credit(tenant), &needs).await?;
    objects.load_integrations(&mut tx.credit(tenant), [wanted.integration]).await?;
    if objects.enrolment(wanted.campaign, wanted.publisher).is_none() {
        return Err(ByHandError::NotEnrolled);
    }
    let ring = tx.credit_keys().ring().await?;
    let (Some(ring), Some(integration)) = (ring, objects.integration(wanted.integration)) else {
        return Err(StoreError::Missing.into());
    };
    let sight = Sight {
        objects: &objects,
        ring: &ring,
        integration,
        touches: &[],
        event: names.event,
        received_at: names.now,
        is_own: true,
        country: None,
    };
    let told = |end: End| ByHandError::Amounts(end.detail.or(end.reason).unwrap_or_default());
    let credit = attribute::by_hand(&sight, &claim, good_of(wanted, names.now)).map_err(told)?;
    let credit = credit.filter(|credit| !credit.charge.is_zero());
    let mut credit = credit.ok_or(ByHandError::EarnsNothing)?;
    credit.conversion = names.conversion;
    let telling = Telling {
        claim: &claim,
        order: &order,
        integration: wanted.integration,
        event: names.event,
        received_at: names.now,
        plugin: None,
    };
    create::conversion(telling, &credit, names.now)
        .map_err(|error| ByHandError::Amounts(error.to_string()))
}

fn claim_of(wanted: &ByHand) -> Claim {
    Claim {
        action: wanted.action,
        custom_action: wanted.custom_action.clone(),
        order_ref: wanted.order_ref.clone(),
        line: None,
        amount: wanted.order_amount.map(Money::amount),
        currency: wanted.order_amount.or(wanted.charge).map(|money| money.currency),
        charge: wanted.charge.map(Money::amount),
        status: ClaimStatus::Approved,
        raw_status: None,
        occurred_at: None,
        updated_at: None,
        click_ids: Vec::new(),
        coupon_code: None,
        ref_code: None,
        landing_url: None,
        referrer: None,
        customer_ref: None,
        items: Vec::new(),
        is_test: false,
    }
}

const fn good_of(wanted: &ByHand, at: Timestamp) -> Good {
    Good {
        advertiser: wanted.advertiser,
        campaign: wanted.campaign,
        offer: wanted.offer,
        publisher: wanted.publisher,
        link: None,
        coupon: None,
        click: None,
        at,
    }
}
