//! Payouts, corrections, payments, locked months, rates and deliverables read back, move once, and
//! are nobody else's.

use std::time::Duration;

use model::id::AdjustmentId;
use model::id::DeliverableId;
use model::id::PaymentId;
use model::id::PayoutId;
use model::id::PayoutRunId;
use model::id::TransactionId;
use model::money::Currency;
use serde_json::json;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::on_both;
use super::shop;
use crate::deliverables::DeliverableRow;
use crate::deliverables::DeliverableStatus;
use crate::error::StoreError;
use crate::listing::Reach;
use crate::office::AdjustmentRow;
use crate::office::AdjustmentStatus;
use crate::office::FxRate;
use crate::office::LockedPeriod;
use crate::office::PaymentKind;
use crate::office::PaymentRow;
use crate::page::PageAsk;
use crate::payouts::Payee;
use crate::payouts::PayoutFilter;
use crate::payouts::PayoutRow;
use crate::payouts::PayoutState;
use crate::payouts::RunRow;
use crate::payouts::RunState;
use crate::rollups::ConversionSums;
use crate::rollups::Usage;
use crate::rollups::UsedBy;
use crate::unit::Store;

on_both!(
    a_payout_moves_once_under_its_fence,
    payouts_of_a_run_that_waits_are_not_leased,
    a_correction_and_a_deliverable_are_decided_once,
    a_payment_is_booked_once_and_months_and_rates_read_back,
    links_of_what_is_used_up_stop_and_go_on_again,
);

fn run(state: RunState) -> RunRow {
    RunRow {
        id: PayoutRunId(1),
        state,
        rail: None,
        made_by: "key_1".to_owned(),
        decided_by: None,
        skipped: json!([]),
        created_at: NOW,
        decided_at: None,
    }
}

fn payout(number: u128) -> PayoutRow {
    PayoutRow {
        id: PayoutId(number),
        run: PayoutRunId(1),
        payee: Payee::Publisher(shop::publisher(OWN, 5).id),
        rail: "webhook".to_owned(),
        state: PayoutState::Reserved,
        amount_minor: 70_000,
        currency: Currency::KZT,
        destination: "KZ1".to_owned(),
        request_id: PayoutId(number).to_string(),
        request: "{\"quoted\":\"it's\"}".to_owned(),
        reserved_by: TransactionId(number),
        rail_reference: None,
        detail: None,
        sends: 0,
        fence: 0,
        leased_until: None,
        look_at: NOW,
        resolved_by: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

async fn made(store: &Store, state: RunState) {
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.payouts().insert_run(&run(state)).await.expect("inserts");
    tx.payouts().insert(&[payout(1), payout(2)]).await.expect("inserts");
    tx.save().await.expect("saves");
}

async fn a_payout_moves_once_under_its_fence(store: &Store) {
    made(store, RunState::Approved).await;
    let mut tx = store.begin(OWN).await.expect("begins");
    let twice = tx.payouts().insert(&[payout(2)]).await;
    assert!(matches!(twice, Err(StoreError::Unique(_))), "{twice:?}");
    tx.cancel().await.expect("cancels");
    let mut tx = store.begin(OWN).await.expect("begins");
    let minute = Duration::from_mins(1);
    let first = tx.payouts().lease(&["webhook"], NOW, minute).await.expect("a look");
    let first = first.expect("one is due");
    assert_eq!((first.id, first.fence), (PayoutId(1), 1));
    let second = tx.payouts().lease(&["webhook"], NOW, minute).await.expect("a look");
    assert_eq!(second.map(|row| row.id), Some(PayoutId(2)));
    let none = tx.payouts().lease(&["webhook"], NOW, minute).await.expect("a look");
    assert_eq!(none, None);
    let sending = PayoutRow { state: PayoutState::Sending, sends: 1, ..first.clone() };
    let before = (PayoutState::Reserved, first.fence);
    assert!(!tx.payouts().advance(&sending, (before.0, 0)).await.expect("a look"), "old fence");
    assert!(tx.payouts().advance(&sending, before).await.expect("moves"));
    assert!(!tx.payouts().advance(&sending, before).await.expect("a look"), "moved already");
    // A lease that ran out is taken over, and the first worker's fence is old.
    let later = tx.payouts().lease(&["webhook"], NOW + minute, minute).await.expect("a look");
    assert_eq!(later.expect("due again").fence, 2);
    tx.save().await.expect("saves");
    let mut tx = store.read(OTHER).await.expect("reads");
    let (filter, page) = (PayoutFilter::default(), PageAsk::first(10));
    let seen = tx.payouts().list(&filter, Reach::Tenant, &page).await.expect("reads");
    assert!(seen.rows.is_empty());
    drop(tx);
    let mut tx = store.read(OWN).await.expect("reads");
    let row = tx.payouts().get(PayoutId(2), Reach::Tenant).await.expect("reads").expect("a row");
    assert_eq!(row.request, payout(2).request);
    let reach = Reach::Publisher(shop::publisher(OTHER, 5).id);
    assert_eq!(tx.payouts().get(PayoutId(2), reach).await.expect("reads"), None);
}

async fn payouts_of_a_run_that_waits_are_not_leased(store: &Store) {
    made(store, RunState::Waiting).await;
    let mut tx = store.begin(OWN).await.expect("begins");
    let minute = Duration::from_mins(1);
    assert_eq!(tx.payouts().lease(&["webhook"], NOW, minute).await.expect("a look"), None);
    let decided = RunRow {
        decided_by: Some("key_2".to_owned()),
        decided_at: Some(NOW),
        ..run(RunState::Approved)
    };
    assert!(tx.payouts().decide_run(&decided).await.expect("decides"));
    assert!(!tx.payouts().decide_run(&decided).await.expect("a look"));
    assert_eq!(tx.payouts().run(decided.id).await.expect("reads"), Some(decided));
    assert_eq!(tx.payouts().lease(&["file"], NOW, minute).await.expect("a look"), None);
    let due = tx.payouts().lease(&["webhook"], NOW, minute).await.expect("a look");
    assert!(due.is_some());
    assert_eq!(tx.payouts().counts().await.expect("reads"), [(PayoutState::Reserved, 2)]);
}

async fn a_correction_and_a_deliverable_are_decided_once(store: &Store) {
    let mut row = AdjustmentRow {
        id: AdjustmentId(1),
        payee: Payee::Publisher(shop::publisher(OWN, 5).id),
        amount_minor: -500,
        currency: Currency::KZT,
        reason: "it's wrong".to_owned(),
        conversion: None,
        status: AdjustmentStatus::Proposed,
        made_by: "key_1".to_owned(),
        decided_by: None,
        decided_at: None,
        transaction: None,
        created_at: NOW,
    };
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.office().insert_adjustment(&row).await.expect("inserts");
    row.status = AdjustmentStatus::Approved;
    row.decided_by = Some("key_2".to_owned());
    assert!(tx.office().decide_adjustment(&row).await.expect("decides"));
    assert!(!tx.office().decide_adjustment(&row).await.expect("a look"));
    assert_eq!(tx.office().adjustment(row.id).await.expect("reads"), Some(row));
    let mut content = DeliverableRow {
        id: DeliverableId(1),
        campaign: shop::campaign(OWN, 4).id,
        publisher: shop::publisher(OWN, 5).id,
        advertiser: shop::advertiser(OWN, 1).id,
        url: "https://video.example/1".to_owned(),
        note: None,
        status: DeliverableStatus::Submitted,
        conversion: None,
        decided_by: None,
        decided_why: None,
        decided_at: None,
        created_at: NOW,
    };
    tx.deliverables().insert(&content).await.expect("inserts");
    content.status = DeliverableStatus::Rejected;
    content.decided_by = Some("key_2".to_owned());
    assert!(tx.deliverables().decide(&content).await.expect("decides"));
    assert!(!tx.deliverables().decide(&content).await.expect("a look"));
    let found = tx.deliverables().get(content.id, Reach::Tenant).await.expect("reads");
    assert_eq!(found, Some(content));
}

async fn a_payment_is_booked_once_and_months_and_rates_read_back(store: &Store) {
    let row = PaymentRow {
        id: PaymentId(1),
        kind: PaymentKind::Advertiser,
        subject: shop::advertiser(OWN, 1).id.to_string(),
        amount_minor: 100,
        currency: Currency::KZT,
        account: "bank".to_owned(),
        reference: "MT-1".to_owned(),
        made_by: "key_1".to_owned(),
        transaction: TransactionId(1),
        created_at: NOW,
    };
    let mut tx = store.begin(OWN).await.expect("begins");
    tx.office().insert_payment(&row).await.expect("inserts");
    let month = LockedPeriod {
        month: "2026-02".to_owned(),
        from: NOW,
        to: NOW + Duration::from_secs(1),
        locked_by: "key_1".to_owned(),
        locked_at: NOW,
        head_seq: 7,
    };
    let other = LockedPeriod { head_seq: 8, ..month.clone() };
    tx.office().lock(&month).await.expect("locks");
    tx.office().lock(&other).await.expect("it is locked already");
    assert_eq!(tx.office().locked().await.expect("reads"), [month]);
    let rate = |day: &str, rate_e9| FxRate {
        on_day: day.to_owned(),
        base: Currency::USD,
        quote: Currency::KZT,
        rate_e9,
    };
    let rates = [rate("2026-03-01", 510), rate("2026-03-03", 512)];
    tx.office().set_rates(&rates, ("key_1", NOW)).await.expect("sets");
    tx.office().set_rates(&[rate("2026-03-01", 511)], ("key_1", NOW)).await.expect("sets");
    let pair = (Currency::USD, Currency::KZT);
    let found = tx.office().rate(pair, "2026-03-02").await.expect("reads");
    assert_eq!(found, Some(rate("2026-03-01", 511)));
    assert_eq!(tx.office().rate(pair, "2026-02-28").await.expect("reads"), None);
    tx.save().await.expect("saves");
    let mut tx = store.begin(OWN).await.expect("begins");
    let again = PaymentRow { id: PaymentId(2), ..row.clone() };
    let twice = tx.office().insert_payment(&again).await;
    assert!(matches!(twice, Err(StoreError::Unique(_))), "{twice:?}");
    tx.cancel().await.expect("cancels");
    let mut tx = store.read(OWN).await.expect("reads");
    let page = tx.office().payments(None, &PageAsk::first(10)).await.expect("reads");
    assert_eq!(page.rows, [row]);
}

async fn links_of_what_is_used_up_stop_and_go_on_again(store: &Store) {
    let link = shop::link(OWN, 7).id;
    let mut tx = store.begin_batch().await.expect("begins");
    let limited = tx.limited(OWN).list().await.expect("reads");
    let offer = UsedBy::Offer(shop::offer(OWN, 3).id);
    assert!(limited.iter().any(|one| one.by == offer), "{limited:?}");
    assert_eq!(tx.limited(OWN).moves(&[]).await.expect("a look"), []);
    for (full, is_capped) in [(vec![UsedBy::Link(link)], true), (Vec::new(), false)] {
        let moves = tx.limited(OWN).moves(&full).await.expect("a look");
        assert_eq!(moves, [(link, is_capped)]);
        tx.limited(OWN).mark(&moves, NOW).await.expect("marks");
        let row = tx.links(OWN).get(link, Reach::Tenant).await.expect("reads").expect("a link");
        assert_eq!(row.is_capped, is_capped);
    }
    let usage = Usage {
        by: offer,
        publisher: None,
        currency: Currency::KZT,
        from: NOW,
        to: NOW + Duration::from_hours(1),
    };
    let none = tx.rollups(OWN).used(&usage).await.expect("reads");
    assert_eq!(none, ConversionSums::default());
    assert_eq!(tx.rollups(OWN).clicks_used(&usage).await.expect("reads"), 0);
}
