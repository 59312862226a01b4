//! What operators make: insert, read back, list, page, keys, references, archive, counters.

use model::catalog::CatalogKind;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::CouponId;
use model::id::DomainId;
use model::id::IntegrationId;
use model::id::KeyId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::link::LinkState;
use model::money::Currency;
use model::money::Money;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::on_both;
use super::shop;
use super::shop::bits;
use crate::advertisers::Status;
use crate::audit_log::LogRow;
use crate::coupons::CouponFilter;
use crate::coupons::CouponStatus;
use crate::enrolments::EnrolmentFilter;
use crate::enrolments::EnrolmentStatus;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::idempotency::StoredAnswer;
use crate::integrations::IntegrationFilter;
use crate::links::LinkFilter;
use crate::listing::Reach;
use crate::offers::OfferFilter;
use crate::page::PageAsk;
use crate::terms::Price;
use crate::terms::TermScope;
use crate::unit::Store;

on_both!(
    objects_read_back_as_they_were_made,
    changes_read_back,
    pages_walk_back_by_id,
    text_is_compared_byte_by_byte,
    taken_keys_name_table_and_columns,
    what_is_referred_to_must_be_there,
    archived_objects_leave_lists_and_stay,
    callers_see_what_is_theirs,
    numbers_of_links_never_repeat,
    a_code_is_taken_for_ever,
    answers_are_kept_once_and_forgotten,
    the_log_of_changes_is_read_newest_first,
    a_change_and_its_news_are_one,
    changes_of_objects_raise_versions,
    a_key_ends_with_its_owner,
    an_installation_is_prepared_once,
);

async fn objects_read_back_as_they_were_made(store: &Store) {
    let mut tx = store.read(OWN).await.expect("reads");
    let of_tenant = Reach::Tenant;
    let own = |number| bits(OWN, number);
    let found = tx.advertisers().get(AdvertiserId(own(1)), of_tenant).await.expect("reads");
    assert_eq!(found, Some(shop::advertiser(OWN, 1)));
    let found = tx.integrations().get(IntegrationId(own(2)), of_tenant).await.expect("reads");
    assert_eq!(found, Some(shop::integration(OWN, 2)));
    let found = tx.offers().get(OfferId(own(3)), of_tenant).await.expect("reads");
    assert_eq!(found, Some(shop::offer(OWN, 3)));
    let found = tx.campaigns().get(CampaignId(own(4)), of_tenant).await.expect("reads");
    assert_eq!(found, Some(shop::campaign(OWN, 4)));
    let found = tx.publishers().get(PublisherId(own(5)), of_tenant).await.expect("reads");
    assert_eq!(found, Some(shop::publisher(OWN, 5)));
    let of = tx.enrolments().of(CampaignId(own(4)), PublisherId(own(5))).await.expect("reads");
    assert_eq!(of, Some(shop::enrolment(OWN, 6)));
    let found = tx.links().get(LinkId(own(7)), of_tenant).await.expect("reads");
    assert_eq!(found, Some(shop::link(OWN, 7)));
    let found = tx.coupons().get(CouponId(own(8)), of_tenant).await.expect("reads");
    assert_eq!(found, Some(shop::coupon(OWN, 8)));
    let found = tx.shoppers().get(ShopperId(own(9))).await.expect("reads");
    assert_eq!(found, Some(shop::shopper(OWN, 9)));
    let found = tx.domains().get(DomainId(own(10))).await.expect("reads");
    assert_eq!(found, Some(shop::domain(OWN, 10)));
    let found = tx.keys().get(KeyId(own(11)), of_tenant).await.expect("reads");
    assert_eq!(found, Some(shop::key(OWN, 11)));
    let offer = OfferId(own(3)).to_string();
    let terms = tx.terms().live((TermScope::Offer, &offer), NOW).await.expect("reads");
    assert_eq!(terms.len(), 1);
    assert_eq!(tx.own_tenant().get().await.expect("reads"), shop::tenant(OWN));
}

async fn changes_read_back(store: &Store) {
    let mut advertiser = shop::advertiser(OWN, 1);
    advertiser.name = "Other name".to_owned();
    advertiser.billing = json!({"terms_days": 0, "text": "it's \"quoted\" \\ 🙂"});
    let mut link = shop::link(OWN, 7);
    link.offer = None;
    link.destination = Some("https://shop.example/q".to_owned());
    link.killed_at = Some(NOW);
    link.is_capped = true;
    let mut campaign = shop::campaign(OWN, 4);
    campaign.advertiser = None;
    campaign.budget_minor = None;
    campaign.offers.clear();
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.advertisers().update(&advertiser, NOW).await.expect("changes");
    tx.links().update(&link, NOW).await.expect("changes");
    tx.campaigns().update(&campaign, NOW).await.expect("changes");
    let offer = shop::offer(OWN, 3).id.to_string();
    let fixed = Price::Fixed(Money::new(50_000, Currency::KZT));
    let rows = [shop::term(OWN, 1, fixed), shop::term(OWN, 2, fixed)];
    tx.terms().replace((TermScope::Offer, &offer), &rows, NOW).await.expect("changes");
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let found = tx.advertisers().get(advertiser.id, Reach::Tenant).await.expect("reads");
    assert_eq!(found, Some(advertiser));
    let found = tx.links().get(link.id, Reach::Tenant).await.expect("reads");
    assert_eq!(found, Some(link));
    let found = tx.campaigns().get(campaign.id, Reach::Tenant).await.expect("reads");
    assert_eq!(found, Some(campaign));
    let live = tx.terms().standing_of(TermScope::Offer, &[offer], NOW).await.expect("reads");
    assert_eq!(live, rows);
    drop(tx);
    let mut tx = store.read(OTHER).await.expect("reads");
    let found = tx.links().get(shop::link(OTHER, 7).id, Reach::Tenant).await.expect("reads");
    assert_eq!(found, Some(shop::link(OTHER, 7)));
}

async fn pages_walk_back_by_id(store: &Store) {
    let mut tx = store.begin(OWN).await.expect("begins");
    for number in [60, 61, 62, 63] {
        tx.publishers().insert(&shop::publisher(OWN, number)).await.expect("inserts");
    }
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let mut page = PageAsk::first(2);
    let mut pages = Vec::new();
    loop {
        let found = tx.publishers().list(None, Reach::Tenant, &page).await.expect("a page");
        pages.push(found.rows.iter().map(|row| row.id.0 % 1000).collect::<Vec<_>>());
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![63, 62], vec![61, 60], vec![5]]);
    let code = tx.publishers().list(Some("code61"), Reach::Tenant, &PageAsk::first(2)).await;
    assert_eq!(code.expect("a page").rows, [shop::publisher(OWN, 61)]);
}

async fn text_is_compared_byte_by_byte(store: &Store) {
    let ids = ["_", "A", "Z", "a", "z", "ä", "ж"];
    let mut tx = store.begin(OWN).await.expect("begins");
    for id in ["ж", "a", "_", "Z", "ä", "z", "A"] {
        tx.audit_log().write(&change(id, "x")).await.expect("writes");
    }
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let paged = tx.audit_log().list(None, &PageAsk::first(20)).await.expect("a page");
    let mut found: Vec<String> = paged.rows.into_iter().map(|row| row.id).collect();
    found.reverse();
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    assert_eq!(found, sorted);
    let page = PageAsk { after: Some("a".to_owned()), ..PageAsk::first(20) };
    let paged = tx.audit_log().list(None, &page).await.expect("a page");
    let found: Vec<&str> = paged.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(found, ["_", "Z", "A"]);
}

fn change(id: &str, object: &str) -> LogRow {
    LogRow {
        id: id.to_owned(),
        at: NOW,
        actor: "key".to_owned(),
        verb: "create".to_owned(),
        object_kind: "link".to_owned(),
        object_id: object.to_owned(),
        detail: json!({"slug": "spring"}),
    }
}

/// What the key is called that a failed insert met.
fn taken(result: StoreResult<()>) -> String {
    match result.expect_err("it is taken") {
        StoreError::Unique(columns) => columns,
        other => panic!("{other:?}"),
    }
}

async fn taken_keys_name_table_and_columns(store: &Store) {
    let mut link = shop::link(OWN, 70);
    link.slug = "slug7".to_owned();
    let mut tx = store.begin(OWN).await.expect("begins");
    assert_eq!(taken(tx.links().insert(&link).await), "links.tenant_id, links.slug");
    tx.cancel().await.expect("ends");
    let mut tx = store.begin(OWN).await.expect("begins");
    let mut again = shop::publisher(OWN, 5);
    again.code = "other".to_owned();
    let taken_id = taken(tx.publishers().insert(&again).await);
    assert_eq!(taken_id, "publishers.tenant_id, publishers.id");
    tx.cancel().await.expect("ends");
    let mut tx = store.begin(OWN).await.expect("begins");
    let second = shop::enrolment(OWN, 66);
    let stands = "enrolments.tenant_id, enrolments.campaign_id, enrolments.publisher_id";
    assert_eq!(taken(tx.enrolments().insert(&second).await), stands);
    tx.cancel().await.expect("ends");
    // Hosts are one for all tenants.
    let mut tx = store.begin(OTHER).await.expect("begins");
    let mut host = shop::domain(OTHER, 67);
    host.host = shop::domain(OWN, 10).host;
    assert_eq!(taken(tx.domains().insert(&host).await), "domains.host");
    tx.cancel().await.expect("ends");
    let mut batch = store.begin_batch().await.expect("begins");
    let mut named = shop::tenant(model::id::TenantId(3));
    named.name = shop::tenant(OWN).name;
    assert_eq!(taken(batch.tenants().insert(&named).await), "tenants.name");
}

async fn what_is_referred_to_must_be_there(store: &Store) {
    let mut offer = shop::offer(OWN, 80);
    offer.advertiser = AdvertiserId(99);
    let mut link = shop::link(OWN, 81);
    link.campaign = CampaignId(99);
    // Another tenant's campaign is as good as none.
    let mut coupon = shop::coupon(OWN, 82);
    coupon.campaign = shop::campaign(OTHER, 4).id;
    let mut tx = store.begin(OWN).await.expect("begins");
    let refused = tx.offers().insert(&offer).await;
    assert!(matches!(refused, Err(StoreError::Foreign)), "{refused:?}");
    tx.cancel().await.expect("ends");
    let mut tx = store.begin(OWN).await.expect("begins");
    let refused = tx.links().insert(&link).await;
    assert!(matches!(refused, Err(StoreError::Foreign)), "{refused:?}");
    tx.cancel().await.expect("ends");
    let mut tx = store.begin(OWN).await.expect("begins");
    let refused = tx.coupons().insert(&coupon).await;
    assert!(matches!(refused, Err(StoreError::Foreign)), "{refused:?}");
}

async fn archived_objects_leave_lists_and_stay(store: &Store) {
    let (campaign, offer, domain) = (shop::campaign(OWN, 4), shop::offer(OWN, 3), bits(OWN, 10));
    let mut tx = store.begin(OWN).await.expect("begins");
    assert_eq!(tx.links().standing(shop::link(OWN, 7).id).await.expect("reads"), {
        Some(crate::links::StandingLink { link: shop::link(OWN, 7), state: LinkState::Live })
    });
    tx.campaigns().archive(campaign.id, NOW).await.expect("archives");
    tx.offers().archive(offer.id, NOW).await.expect("archives");
    let mut integration = shop::integration(OWN, 2);
    integration.archived_at = Some(NOW);
    tx.integrations().update(&integration, NOW).await.expect("archives");
    tx.domains().archive(DomainId(domain), NOW).await.expect("archives");
    // The host is free again.
    let mut again = shop::domain(OWN, 83);
    again.host = shop::domain(OWN, 10).host;
    tx.domains().insert(&again).await.expect("inserts");
    let mut enrolment = shop::enrolment(OWN, 6);
    enrolment.status = EnrolmentStatus::Paused;
    tx.enrolments().update(&enrolment, NOW).await.expect("changes");
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let (all, page) = (Reach::Tenant, PageAsk::first(5));
    assert!(tx.campaigns().list(None, all, &page).await.expect("a page").rows.is_empty());
    let filter = OfferFilter::default();
    assert!(tx.offers().list(&filter, all, &page).await.expect("a page").rows.is_empty());
    let filter = IntegrationFilter::default();
    assert!(tx.integrations().list(&filter, all, &page).await.expect("a page").rows.is_empty());
    assert_eq!(tx.domains().live().await.expect("reads"), [again]);
    let gone = tx.domains().get(DomainId(domain)).await.expect("reads").expect("it stays");
    assert_eq!((gone.host.as_str(), gone.archived_at), ("t1-10.example", Some(NOW)));
    let stays = tx.campaigns().get(campaign.id, all).await.expect("reads").expect("it stays");
    assert_eq!(stays.archived_at, Some(NOW));
    let link = tx.links().standing(shop::link(OWN, 7).id).await.expect("reads").expect("it is");
    assert_eq!(link.state, LinkState::Killed);
    let paused = EnrolmentFilter { status: Some(EnrolmentStatus::Paused), ..Default::default() };
    let found = tx.enrolments().list(&paused, all, &page).await.expect("a page").rows;
    assert_eq!(found, [enrolment]);
}

async fn callers_see_what_is_theirs(store: &Store) {
    let page = PageAsk::first(5);
    let mut tx = store.read(OWN).await.expect("reads");
    for (reach, count) in [
        (Reach::Tenant, 1),
        (Reach::Advertiser(shop::advertiser(OWN, 1).id), 1),
        (Reach::Advertiser(AdvertiserId(99)), 0),
        (Reach::Publisher(shop::publisher(OWN, 5).id), 1),
        (Reach::Publisher(PublisherId(99)), 0),
        (Reach::Nothing, 0),
    ] {
        let links = tx.links().list(&LinkFilter::default(), reach, &page).await.expect("a page");
        assert_eq!(links.rows.len(), count, "{reach:?}");
        let coupons = tx.coupons().list(&CouponFilter::default(), reach, &page).await;
        assert_eq!(coupons.expect("a page").rows.len(), count, "{reach:?}");
        let filter = EnrolmentFilter::default();
        let enrolments = tx.enrolments().list(&filter, reach, &page).await.expect("a page");
        assert_eq!(enrolments.rows.len(), count, "{reach:?}");
    }
    let in_campaign =
        OfferFilter { campaign: Some(shop::campaign(OWN, 4).id), ..OfferFilter::default() };
    let offers = tx.offers().list(&in_campaign, Reach::Tenant, &page).await.expect("a page");
    assert_eq!(offers.rows, [shop::offer(OWN, 3)]);
}

async fn numbers_of_links_never_repeat(store: &Store) {
    let mut numbers = Vec::new();
    for tenant in [OWN, OTHER, OWN] {
        let mut tx = store.begin(tenant).await.expect("begins");
        numbers.push(tx.links().next_number().await.expect("a number").0);
        tx.save().await.expect("saves");
    }
    assert_eq!(numbers, [1, 2, 3]);
    let mut tx = store.read(OWN).await.expect("reads");
    let link = shop::link(OWN, 7);
    assert_eq!(tx.links().by_number(link.number).await.expect("reads"), Some(link.clone()));
    assert_eq!(tx.links().by_slug("slug7").await.expect("reads"), Some(link));
    assert_eq!(tx.links().by_number(shop::link(OTHER, 7).number).await.expect("reads"), None);
}

async fn a_code_is_taken_for_ever(store: &Store) {
    let mut tx = store.begin(OWN).await.expect("begins");
    let mut coupon = shop::coupon(OWN, 8);
    coupon.status = CouponStatus::Invalid;
    coupon.invalidated_at = Some(NOW);
    tx.coupons().update(&coupon).await.expect("changes");
    let mut again = shop::coupon(OWN, 90);
    again.code.clone_from(&coupon.code);
    assert!(!tx.coupons().insert(&again).await.expect("asks"));
    again.code = "FREE".to_owned();
    assert!(tx.coupons().insert(&again).await.expect("asks"));
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    assert_eq!(tx.coupons().by_code("CODE8").await.expect("reads"), Some(coupon));
    assert_eq!(tx.coupons().by_code("free").await.expect("reads"), None);
}

async fn answers_are_kept_once_and_forgotten(store: &Store) {
    let key = KeyId(bits(OWN, 11));
    let answer = StoredAnswer {
        request_hash: [3; 32],
        status: 201,
        body: "sealed".to_owned(),
        created_at: NOW,
    };
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.idempotency_keys().keep((key, "k"), &answer).await.expect("keeps");
    tx.save().await.expect("saves");
    let mut tx = store.begin(OWN).await.expect("begins");
    assert_eq!(tx.idempotency_keys().find(key, "k").await.expect("reads"), Some(answer.clone()));
    assert_eq!(tx.idempotency_keys().find(key, "K").await.expect("reads"), None);
    let twice = tx.idempotency_keys().keep((key, "k"), &answer).await;
    assert!(matches!(twice, Err(StoreError::Unique(_))), "{twice:?}");
    tx.cancel().await.expect("ends");
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.idempotency_keys().forget(key, NOW).await.expect("forgets");
    assert!(tx.idempotency_keys().find(key, "k").await.expect("reads").is_some());
    let later = model::clock::Timestamp(NOW.0 + 1);
    tx.idempotency_keys().forget(key, later).await.expect("forgets");
    assert!(tx.idempotency_keys().find(key, "k").await.expect("reads").is_none());
}

async fn the_log_of_changes_is_read_newest_first(store: &Store) {
    let mut tx = store.begin(OWN).await.expect("begins");
    for (id, object) in [("1", "lnk_a"), ("2", "lnk_b"), ("3", "lnk_a")] {
        tx.audit_log().write(&change(id, object)).await.expect("writes");
    }
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let of_one = tx.audit_log().list(Some("lnk_a"), &PageAsk::first(9)).await.expect("a page");
    assert_eq!(of_one.rows, [change("3", "lnk_a"), change("1", "lnk_a")]);
}

async fn a_change_and_its_news_are_one(store: &Store) {
    let mut sys = store.begin_sys().await.expect("begins");
    let old = sys.catalog_outbox().oldest(1000).await.expect("reads");
    sys.catalog_outbox().forget(&old).await.expect("forgets");
    assert!(sys.catalog_outbox().oldest(1).await.expect("reads").is_empty());
    sys.save().await.expect("saves");
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.links().insert(&shop::link(OWN, 95)).await.expect("inserts");
    tx.cancel().await.expect("ends");
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.campaigns().archive(shop::campaign(OWN, 4).id, NOW).await.expect("archives");
    tx.save().await.expect("saves");
    let mut sys = store.read_sys().await.expect("reads");
    let news = sys.catalog_outbox().oldest(10).await.expect("reads");
    let kinds: Vec<_> = news.iter().map(|row| (row.kind, row.tenant)).collect();
    assert_eq!(kinds, [(CatalogKind::Campaign, Some(OWN)), (CatalogKind::Link, Some(OWN))]);
    assert_eq!(news[1].object_id, shop::link(OWN, 7).id.to_string());
    assert!(news[0].seq < news[1].seq && old.last().expect("some").seq < news[0].seq);
}

async fn changes_of_objects_raise_versions(store: &Store) {
    let versions = async || {
        let mut batch = store.read_batch().await.expect("reads");
        let own = batch.credit(OWN).version().await.expect("reads");
        let other = batch.credit(OTHER).version().await.expect("reads");
        (own, other)
    };
    let (own, other) = versions().await;
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.coupons().insert(&shop::coupon(OWN, 96)).await.expect("inserts");
    tx.save().await.expect("saves");
    let (after, same) = versions().await;
    assert!(after.any > own.any && after.terms == own.terms, "{own:?} {after:?}");
    assert_eq!(same, other);
    let mut advertiser = shop::advertiser(OWN, 1);
    advertiser.status = Status::Inactive;
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.advertisers().update(&advertiser, NOW).await.expect("changes");
    tx.save().await.expect("saves");
    let (last, same) = versions().await;
    assert!(last.any > after.any && last.terms > after.terms, "{after:?} {last:?}");
    assert_eq!(same, other);
}

async fn a_key_ends_with_its_owner(store: &Store) {
    let find = async || {
        let mut sys = store.read_sys().await.expect("reads");
        sys.keys().find(KeyId(bits(OWN, 11))).await.expect("reads").expect("it is there")
    };
    let found = find().await;
    assert_eq!((found.key, found.owner_is_active), (shop::key(OWN, 11), true));
    let mut advertiser = shop::advertiser(OWN, 1);
    advertiser.archived_at = Some(NOW);
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.advertisers().update(&advertiser, NOW).await.expect("changes");
    tx.save().await.expect("saves");
    assert!(!find().await.owner_is_active);
    let mut sys = store.read_sys().await.expect("reads");
    assert_eq!(sys.keys().find(KeyId(5)).await.expect("reads"), None);
}

async fn an_installation_is_prepared_once(store: &Store) {
    let mut rng = StdRng::seed_from_u64(7);
    let first = store.bootstrap(NOW, &mut rng).await.expect("prepares");
    let second = store.bootstrap(NOW, &mut rng).await.expect("prepares");
    assert_eq!(first, second);
    let mut sys = store.read_sys().await.expect("reads");
    assert_eq!(sys.tenants().all().await.expect("reads").len(), 3);
    assert_eq!(sys.tenants().by_host("any.example").await.expect("reads"), Some(first.id));
    assert_eq!(sys.tenants().by_host("t2-10.example").await.expect("reads"), Some(OTHER));
    let secrets = sys.secrets().get().await.expect("reads").expect("they are there");
    assert_eq!(secrets.click_signing.id, 0);
    let mut batch = store.read_batch().await.expect("reads");
    assert!(batch.credit_keys().ring().await.expect("reads").is_some());
    assert_eq!(batch.credit_keys().ring_version().await.expect("reads"), 1);
}
