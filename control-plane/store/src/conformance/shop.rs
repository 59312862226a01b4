//! Two tenants with the same shop: an advertiser, an offer, a campaign, a publisher with link and
//! coupon. Ids carry the tenant's number, so that nothing can be found by luck.

use ledger::TaxRegime;
use model::catalog::Role;
use model::conversion::AttributionModel;
use model::conversion::CouponPrecedence;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::CouponId;
use model::id::DomainId;
use model::id::EnrolmentId;
use model::id::IntegrationId;
use model::id::KeyId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::id::TenantId;
use model::link::LinkNumber;
use model::money::BasisPoints;
use model::money::Currency;
use serde_json::json;

use super::NOW;
use super::OTHER;
use super::OWN;
use crate::advertisers::AdvertiserRow;
use crate::advertisers::Status;
use crate::campaigns::CampaignRow;
use crate::coupons::CouponRow;
use crate::coupons::CouponStatus;
use crate::domains::DomainRow;
use crate::enrolments::EnrolmentRow;
use crate::enrolments::EnrolmentStatus;
use crate::integrations::HmacSecret;
use crate::integrations::IntegrationAuth;
use crate::integrations::IntegrationRow;
use crate::integrations::TokenHash;
use crate::keys::KeyKind;
use crate::keys::KeyRow;
use crate::links::LinkRow;
use crate::offers::OfferRow;
use crate::publishers::PublisherRow;
use crate::shoppers::ShopperRow;
use crate::tenants::TenantRow;
use crate::terms::Body;
use crate::terms::Price;
use crate::terms::TermAction;
use crate::terms::TermRow;
use crate::terms::TermScope;
use crate::unit::Store;
use crate::unit::TenantTx;

/// Bits of an id of a tenant: its number and a number of the row.
pub(super) const fn bits(tenant: TenantId, number: u128) -> u128 {
    tenant.0.wrapping_mul(1000).wrapping_add(number)
}

pub(super) fn tenant(id: TenantId) -> TenantRow {
    TenantRow {
        id,
        name: format!("tenant {}", id.0),
        default_fee: BasisPoints(2_000),
        default_share: BasisPoints::ZERO,
        locale: "ru-KZ".to_owned(),
        time_zone: "Asia/Almaty".to_owned(),
        created_at: NOW,
    }
}

pub(super) fn advertiser(tenant: TenantId, number: u128) -> AdvertiserRow {
    AdvertiserRow {
        id: AdvertiserId(bits(tenant, number)),
        name: "Shop Ä ж 店".to_owned(),
        currency: Currency::KZT,
        allowed_hosts: vec!["shop.example".to_owned()],
        billing: json!({"terms_days": 30}),
        status: Status::Active,
        events_integration: IntegrationId(bits(tenant, 2)),
        pixel_integration: IntegrationId(bits(tenant, 2)),
        created_at: NOW,
        archived_at: None,
    }
}

pub(super) fn integration(tenant: TenantId, number: u128) -> IntegrationRow {
    IntegrationRow {
        id: IntegrationId(bits(tenant, number)),
        name: "postback".to_owned(),
        adapter: "generic".to_owned(),
        builtin: None,
        advertiser: Some(AdvertiserId(bits(tenant, 1))),
        order_space: AdvertiserId(bits(tenant, 1)).to_string(),
        auth: IntegrationAuth { token: true, hmac: false, ip_allow: Vec::new() },
        token_hashes: vec![TokenHash { hash: "ab".repeat(32), expires_at: Some(7) }],
        hmac_secrets: vec![HmacSecret { secret: "whsec_MTIz".to_owned(), expires_at: None }],
        config: json!({"names": {"order_ref": ["o"]}}),
        status_map: json!({"paid": "approved"}),
        created_at: NOW,
        archived_at: None,
    }
}

pub(super) fn offer(tenant: TenantId, number: u128) -> OfferRow {
    OfferRow {
        id: OfferId(bits(tenant, number)),
        advertiser: AdvertiserId(bits(tenant, 1)),
        name: "Phones".to_owned(),
        brand: Some("Brand".to_owned()),
        category: Some("phones".to_owned()),
        sku: None,
        destination: "https://shop.example/p".to_owned(),
        preview_url: None,
        click_param: Some("sub1".to_owned()),
        ref_param: None,
        pass_params: vec!["utm".to_owned()],
        click_window_days: 30,
        probabilistic_hours: 24,
        hold_days: 14,
        caps: json!({"day": 5}),
        fallback_url: None,
        created_at: NOW,
        archived_at: None,
    }
}

pub(super) fn term(tenant: TenantId, number: u128, price: Price) -> TermRow {
    TermRow {
        id: format!("trm_{}_{number}", tenant.0),
        scope: TermScope::Offer,
        scope_id: OfferId(bits(tenant, 3)).to_string(),
        position: i64::try_from(number).expect("small"),
        action: TermAction::Purchase,
        price,
        body: Body::default(),
        valid_from: NOW,
        valid_to: None,
    }
}

pub(super) fn campaign(tenant: TenantId, number: u128) -> CampaignRow {
    CampaignRow {
        id: CampaignId(bits(tenant, number)),
        advertiser: Some(AdvertiserId(bits(tenant, 1))),
        name: "Spring".to_owned(),
        offers: vec![OfferId(bits(tenant, 3))],
        starts_on: Some("2026-03-01".to_owned()),
        ends_on: None,
        attribution: AttributionModel::LastTouch,
        coupon_precedence: CouponPrecedence::CouponWins,
        fee: BasisPoints(2_000),
        share: BasisPoints(0),
        budget_minor: Some(i64::MAX),
        referrer_policy: "no-referrer".to_owned(),
        tags: vec!["tag".to_owned()],
        label: json!({"en": "ad"}),
        prelander: json!({}),
        created_at: NOW,
        archived_at: None,
    }
}

pub(super) fn publisher(tenant: TenantId, number: u128) -> PublisherRow {
    PublisherRow {
        id: PublisherId(bits(tenant, number)),
        name: "Aigerim".to_owned(),
        code: format!("code{number}"),
        currency: Currency::KZT,
        phone: Some("+77010000000".to_owned()),
        email: None,
        iin: None,
        tax_regime: TaxRegime::Undeclared,
        tags: Vec::new(),
        payout: json!({"rail": "file"}),
        created_at: NOW,
        archived_at: None,
    }
}

pub(super) fn enrolment(tenant: TenantId, number: u128) -> EnrolmentRow {
    EnrolmentRow {
        id: EnrolmentId(bits(tenant, number)),
        campaign: CampaignId(bits(tenant, 4)),
        publisher: PublisherId(bits(tenant, 5)),
        status: EnrolmentStatus::Active,
        fixed_fee_minor: None,
        link: LinkId(bits(tenant, 7)),
        created_at: NOW,
        archived_at: None,
    }
}

pub(super) fn link(tenant: TenantId, number: u128) -> LinkRow {
    LinkRow {
        id: LinkId(bits(tenant, number)),
        number: LinkNumber(u64::try_from(bits(tenant, number)).expect("small")),
        campaign: CampaignId(bits(tenant, 4)),
        offer: Some(OfferId(bits(tenant, 3))),
        publisher: PublisherId(bits(tenant, 5)),
        domain: None,
        slug: format!("slug{number}"),
        destination: None,
        caps: json!({}),
        expires_at: None,
        fallback_url: None,
        wildcard_code: None,
        killed_at: None,
        archived_at: None,
        is_capped: false,
        created_at: NOW,
    }
}

pub(super) fn coupon(tenant: TenantId, number: u128) -> CouponRow {
    CouponRow {
        id: CouponId(bits(tenant, number)),
        campaign: CampaignId(bits(tenant, 4)),
        publisher: Some(PublisherId(bits(tenant, 5))),
        code: format!("CODE{number}"),
        status: CouponStatus::Active,
        created_at: NOW,
        invalidated_at: None,
        archived_at: None,
    }
}

pub(super) fn shopper(tenant: TenantId, number: u128) -> ShopperRow {
    ShopperRow {
        id: ShopperId(bits(tenant, number)),
        user_id: format!("user{number}"),
        phone: None,
        email: Some("a@b.example".to_owned()),
        created_at: NOW,
    }
}

pub(super) fn domain(tenant: TenantId, number: u128) -> DomainRow {
    DomainRow {
        id: DomainId(bits(tenant, number)),
        host: format!("t{}-{number}.example", tenant.0),
        fallback_url: Some("https://shop.example/".to_owned()),
        created_at: NOW,
        archived_at: None,
    }
}

pub(super) fn key(tenant: TenantId, number: u128) -> KeyRow {
    KeyRow {
        id: KeyId(bits(tenant, number)),
        tenant,
        name: "key".to_owned(),
        role: Role::Advertiser,
        kind: KeyKind::Secret,
        hash: [7; 32],
        advertiser: Some(AdvertiserId(bits(tenant, 1))),
        publisher: None,
        shopper: None,
        origins: vec!["https://shop.example".to_owned()],
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
    }
}

/// Numbers: 1 advertiser, 2 integration, 3 offer, 4 campaign, 5 publisher, 6 enrolment, 7 link, 8
/// coupon, 9 shopper, 10 domain, 11 key.
pub(super) async fn make(store: &Store) {
    for id in [OWN, OTHER] {
        let mut batch = store.begin_batch().await.expect("begins");
        batch.tenants().insert(&tenant(id)).await.expect("a tenant");
        batch.save().await.expect("saved");
        let mut tx = store.begin(id).await.expect("begins");
        fill(&mut tx).await;
        tx.save().await.expect("saved");
    }
}

async fn fill(tx: &mut TenantTx) {
    let id = tx.tenant();
    tx.advertisers().insert(&advertiser(id, 1)).await.expect("an advertiser");
    tx.integrations().insert(&integration(id, 2)).await.expect("an integration");
    tx.offers().insert(&offer(id, 3)).await.expect("an offer");
    let terms = [term(id, 0, Price::Percent(BasisPoints(1_000)))];
    let of = OfferId(bits(id, 3)).to_string();
    tx.terms().replace((TermScope::Offer, &of), &terms, NOW).await.expect("terms");
    tx.campaigns().insert(&campaign(id, 4)).await.expect("a campaign");
    tx.publishers().insert(&publisher(id, 5)).await.expect("a publisher");
    tx.enrolments().insert(&enrolment(id, 6)).await.expect("an enrolment");
    tx.links().insert(&link(id, 7)).await.expect("a link");
    assert!(tx.coupons().insert(&coupon(id, 8)).await.expect("a coupon"));
    tx.shoppers().insert(&shopper(id, 9)).await.expect("a shopper");
    tx.domains().insert(&domain(id, 10)).await.expect("a domain");
    tx.keys().insert(&key(id, 11)).await.expect("a key");
}
