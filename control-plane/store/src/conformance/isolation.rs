//! Two tenants with the same rows: nothing of one is seen, counted or changed through the other.

use model::id::EventId;
use model::outcome::Outcome;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::books::accrual;
use super::books::post;
use super::flow::inbound;
use super::on_both;
use super::shop;
use super::sums::conversion;
use crate::conversions::ConversionFilter;
use crate::inbound::InboundFilter;
use crate::links::LinkFilter;
use crate::listing::Reach;
use crate::page::PageAsk;
use crate::unit::Store;

on_both!(
    what_another_tenant_has_is_not_found,
    what_another_tenant_has_is_not_changed,
    lists_and_sums_hold_own_rows_only,
);

async fn what_another_tenant_has_is_not_found(store: &Store) {
    let all = Reach::Tenant;
    let mut tx = store.read(OTHER).await.expect("reads");
    assert_eq!(tx.advertisers().get(shop::advertiser(OWN, 1).id, all).await.expect("asks"), None);
    assert_eq!(tx.integrations().get(shop::integration(OWN, 2).id, all).await.expect("asks"), None);
    assert_eq!(tx.offers().get(shop::offer(OWN, 3).id, all).await.expect("asks"), None);
    assert_eq!(tx.campaigns().get(shop::campaign(OWN, 4).id, all).await.expect("asks"), None);
    assert_eq!(tx.publishers().get(shop::publisher(OWN, 5).id, all).await.expect("asks"), None);
    assert_eq!(tx.enrolments().get(shop::enrolment(OWN, 6).id, all).await.expect("asks"), None);
    assert_eq!(tx.links().get(shop::link(OWN, 7).id, all).await.expect("asks"), None);
    assert_eq!(tx.coupons().get(shop::coupon(OWN, 8).id, all).await.expect("asks"), None);
    assert_eq!(tx.shoppers().get(shop::shopper(OWN, 9).id).await.expect("asks"), None);
    assert_eq!(tx.domains().get(shop::domain(OWN, 10).id).await.expect("asks"), None);
    assert_eq!(tx.keys().get(shop::key(OWN, 11).id, all).await.expect("asks"), None);
    // The same slug is another link.
    let link = tx.links().by_slug("slug7").await.expect("asks");
    assert_eq!(link, Some(shop::link(OTHER, 7)));
}

async fn what_another_tenant_has_is_not_changed(store: &Store) {
    let (all, own) = (Reach::Tenant, shop::link(OWN, 7));
    let mut killed = own.clone();
    killed.killed_at = Some(NOW);
    let mut renamed = shop::publisher(OWN, 5);
    renamed.name = "taken over".to_owned();
    let mut tx = store.begin(OTHER).await.expect("begins");
    tx.links().update(&killed, NOW).await.expect("changes nothing");
    tx.publishers().update(&renamed, NOW).await.expect("changes nothing");
    tx.campaigns().archive(shop::campaign(OWN, 4).id, NOW).await.ok();
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    assert_eq!(tx.links().get(own.id, all).await.expect("reads"), Some(own));
    let publisher = tx.publishers().get(renamed.id, all).await.expect("reads");
    assert_eq!(publisher, Some(shop::publisher(OWN, 5)));
    let campaign = tx.campaigns().get(shop::campaign(OWN, 4).id, all).await.expect("reads");
    assert_eq!(campaign, Some(shop::campaign(OWN, 4)));
}

/// Every kind of row that a batch writes, for one tenant.
pub(super) async fn fill(store: &Store, tenant: model::id::TenantId) {
    post(store, tenant, &[accrual(tenant, 1, 1_000)]).await;
    let mut tx = store.begin_batch().await.expect("begins");
    tx.inbox(tenant).take(&[EventId(1)], NOW).await.expect("takes");
    tx.inbound(tenant).insert(vec![inbound(1, Outcome::Converted)]).await.expect("inserts");
    tx.conversions(tenant).save(&[&conversion(tenant, 1)]).await.expect("saves");
    tx.save().await.expect("saves");
}

async fn lists_and_sums_hold_own_rows_only(store: &Store) {
    fill(store, OWN).await;
    let page = PageAsk::first(9);
    for (tenant, count) in [(OWN, 1), (OTHER, 0)] {
        let mut tx = store.read(tenant).await.expect("reads");
        let filter = ConversionFilter::default();
        let conversions = tx.conversions().list(&filter, &page).await.expect("a page");
        assert_eq!(conversions.len(), count);
        let inbounds = tx.inbound().list(&InboundFilter::default(), &page).await.expect("a page");
        assert_eq!(inbounds.len(), count);
        let transactions = tx.ledger().transactions(None, &page).await.expect("a page");
        assert_eq!(transactions.len(), count);
        assert_eq!(tx.ledger().accounts(None).await.expect("reads").is_empty(), count == 0);
        assert_eq!(tx.inbox().known(&[EventId(1)]).await.expect("reads").len(), count);
        for link in tx
            .links()
            .list(&LinkFilter::default(), Reach::Tenant, &page)
            .await
            .expect("a page")
            .rows
        {
            assert_eq!(link, shop::link(tenant, 7));
        }
    }
}
