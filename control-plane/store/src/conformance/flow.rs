//! From the journal to the ledger: the three locks, and what stands around a conversion.

use model::claim::ClaimStatus;
use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::CaseId;
use model::id::ConversionId;
use model::id::EventId;
use model::id::IntegrationId;
use model::inbound::Channel;
use model::outcome::Outcome;
use model::outcome::Reason;
use serde_json::json;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::on_both;
use super::shop;
use super::shop::bits;
use super::sums::conversion;
use super::sums::order;
use crate::business_keys::BusinessKey;
use crate::cases::CaseKind;
use crate::cases::CaseRow;
use crate::conversions::ConversionFilter;
use crate::conversions::RevisionEffect;
use crate::conversions::RevisionRow;
use crate::error::StoreError;
use crate::inbound::Ending;
use crate::inbound::InboundFilter;
use crate::inbound::InboundRow;
use crate::inbound::REFUSED_ROWS_MAX;
use crate::journey::JourneyRow;
use crate::offsets::Advance;
use crate::offsets::Partition;
use crate::outcomes::NewOutcome;
use crate::page::PageAsk;
use crate::rules::RuleRow;
use crate::rules::RuleState;
use crate::touches::Touch;
use crate::unit::Store;
use crate::unmatched::UnmatchedFilter;
use crate::unmatched::UnmatchedRow;

on_both!(
    an_event_is_taken_in_once,
    an_order_is_claimed_once,
    an_offset_moves_from_where_it_stands_only,
    a_later_assignment_fences_an_earlier_one,
    inbounds_read_back_and_end_again,
    refused_inbounds_are_the_last_ones_only,
    unmatched_claims_wait_for_their_order,
    touches_are_remembered_once,
    conversions_change_and_keep_who_earns,
    conversions_are_found_by_what_they_are_asked_for,
    news_replaces_what_its_own_claim_said,
    outcomes_come_in_order_over_tenants,
    cases_and_rules_read_back,
);

fn later(us: i64) -> Timestamp {
    Timestamp(NOW.0 + us)
}

async fn an_event_is_taken_in_once(store: &Store) {
    let events: Vec<EventId> = (0..3000).map(EventId).collect();
    let mut tx = store.begin_batch().await.expect("begins");
    assert_eq!(tx.inbox(OWN).take(&events[..2000], NOW).await.expect("takes"), 2000);
    tx.save().await.expect("saves");
    let mut tx = store.begin_batch().await.expect("begins");
    assert_eq!(tx.inbox(OWN).take(&events, NOW).await.expect("takes"), 1000);
    assert_eq!(tx.inbox(OTHER).take(&events[..5], NOW).await.expect("takes"), 5);
    tx.save().await.expect("saves");
    let mut tx = store.read_batch().await.expect("reads");
    assert_eq!(tx.inbox(OWN).known(&events).await.expect("reads").len(), 3000);
    assert_eq!(tx.inbox(OTHER).known(&events).await.expect("reads").len(), 5);
}

async fn an_order_is_claimed_once(store: &Store) {
    let key = |conversion| BusinessKey {
        order: order("A-1"),
        revision: 1,
        conversion: ConversionId(conversion),
        event: EventId(1),
        claim_index: 0,
    };
    let mut tx = store.begin_batch().await.expect("begins");
    tx.business_keys(OWN).claim(&[key(1)]).await.expect("claims");
    tx.business_keys(OTHER).claim(&[key(2)]).await.expect("claims");
    tx.save().await.expect("saves");
    let mut tx = store.begin_batch().await.expect("begins");
    let twice = tx.business_keys(OWN).claim(&[key(3)]).await;
    assert!(matches!(twice, Err(StoreError::Unique(_))), "{twice:?}");
}

fn partition() -> Partition {
    Partition { topic: "gamma.inbound".to_owned(), part: "3".to_owned() }
}

async fn an_offset_moves_from_where_it_stands_only(store: &Store) {
    let mut tx = store.begin_batch().await.expect("begins");
    let mut mine = tx.offsets().assign("pipeline", &partition(), NOW).await.expect("assigns");
    assert_eq!((mine.next, mine.epoch, mine.last_event), (1, 1, None));
    let advance = Advance { to: 11, last_event: Some(EventId(10)), passed: 2 };
    tx.offsets().advance(&mine, &advance, NOW).await.expect("advances");
    tx.save().await.expect("saves");
    // Whoever still stands where it was gets nothing through.
    let mut tx = store.begin_batch().await.expect("begins");
    let again = tx.offsets().advance(&mine, &advance, NOW).await;
    assert!(matches!(again, Err(StoreError::Fenced(_))), "{again:?}");
    tx.cancel().await.expect("ends");
    mine.next = 11;
    let mut tx = store.begin_batch().await.expect("begins");
    let advance = Advance { to: 12, last_event: None, passed: 1 };
    tx.offsets().advance(&mine, &advance, later(1)).await.expect("advances");
    tx.save().await.expect("saves");
    let mut tx = store.read_batch().await.expect("reads");
    let rows = tx.offsets().list().await.expect("reads");
    assert_eq!((rows.len(), rows[0].next, rows[0].passed), (1, 12, 3));
    assert_eq!((rows[0].updated_at, &rows[0].partition), (later(1), &partition()));
}

async fn a_later_assignment_fences_an_earlier_one(store: &Store) {
    let mut tx = store.begin_batch().await.expect("begins");
    let old = tx.offsets().assign("pipeline", &partition(), NOW).await.expect("assigns");
    tx.save().await.expect("saves");
    let mut tx = store.begin_batch().await.expect("begins");
    let new = tx.offsets().assign("pipeline", &partition(), NOW).await.expect("assigns");
    tx.save().await.expect("saves");
    assert_eq!((old.epoch, new.epoch, new.next), (1, 2, 1));
    let advance = Advance { to: 2, last_event: Some(EventId(1)), passed: 0 };
    let mut tx = store.begin_batch().await.expect("begins");
    let zombie = tx.offsets().advance(&old, &advance, NOW).await;
    assert!(matches!(zombie, Err(StoreError::Fenced(_))), "{zombie:?}");
    tx.cancel().await.expect("ends");
    let mut tx = store.begin_batch().await.expect("begins");
    tx.offsets().advance(&new, &advance, NOW).await.expect("advances");
    tx.save().await.expect("saves");
    let mut tx = store.begin_batch().await.expect("begins");
    let next = tx.offsets().assign("pipeline", &partition(), NOW).await.expect("assigns");
    assert_eq!((next.next, next.last_event, next.epoch), (2, Some(EventId(1)), 3));
}

pub(super) fn inbound(event: u128, outcome: Outcome) -> InboundRow {
    InboundRow {
        event: EventId(event),
        integration: IntegrationId(bits(OWN, 2)),
        advertiser: None,
        channel: Channel::Postback,
        received_at: later(i64::try_from(event).expect("small")),
        processed_at: NOW,
        topic: "journal".to_owned(),
        part: "inbound".to_owned(),
        seq: i64::try_from(event).expect("small"),
        method: "POST".to_owned(),
        path: "/postback/x".to_owned(),
        query: "a=%00&b=1".to_owned(),
        headers: json!([["content-type", "text/plain"]]),
        body: Some(vec![0, 255, 0, 10]),
        remote_prefix: None,
        is_signed: true,
        outcome,
        reason: None,
        detail: None,
        claims: json!([]),
        conversion: None,
        plugin: None,
        attempts: 1,
    }
}

async fn inbounds_read_back_and_end_again(store: &Store) {
    let first = inbound(1, Outcome::Converted);
    let held = InboundRow {
        reason: Some("adapter_error".to_owned()),
        body: None,
        ..inbound(2, Outcome::Held)
    };
    let mut tx = store.begin_batch().await.expect("begins");
    let rows = vec![first.clone(), held.clone()];
    tx.inbound(OWN).insert(rows.clone()).await.expect("inserts");
    tx.inbound(OTHER).insert(vec![inbound(1, Outcome::Event)]).await.expect("inserts");
    // One that is there stays as it is.
    tx.inbound(OWN).insert(vec![inbound(1, Outcome::Ignored)]).await.expect("inserts");
    tx.save().await.expect("saves");
    let mut tx = store.begin_batch().await.expect("begins");
    assert_eq!(tx.inbound(OWN).get(EventId(1)).await.expect("reads"), Some(first.clone()));
    let waiting = tx.inbound(OWN).held_by_adapter(later(1), 9).await.expect("reads");
    assert_eq!(waiting, std::slice::from_ref(&held));
    let ending = Ending {
        event: EventId(2),
        outcome: Outcome::Unmatched,
        reason: Some("unknown_order".to_owned()),
        detail: Some("why".to_owned()),
        claims: json!([{"order_ref": "A-1"}]),
        conversion: None,
        plugin: Some(json!({"name": "generic"})),
    };
    tx.inbound(OWN).end_again(ending, later(7)).await.expect("ends");
    let to = ConversionId(9);
    tx.inbound(OWN).resolve(EventId(1), Outcome::Updated, to, later(8)).await.expect("resolves");
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let page = PageAsk::first(9);
    let listed = tx.inbound().list(&InboundFilter::default(), &page).await.expect("a page");
    let shown: Vec<_> = listed.iter().map(|row| (row.event.0, row.outcome, row.attempts)).collect();
    assert_eq!(shown, [(2, Outcome::Unmatched, 2), (1, Outcome::Updated, 1)]);
    assert_eq!((listed[1].conversion, listed[1].processed_at), (Some(to), later(8)));
    let filter = InboundFilter {
        outcome: Some(Outcome::Unmatched),
        reason: Some("unknown_order".to_owned()),
        from: Some(later(2)),
        to: Some(later(3)),
        ..InboundFilter::default()
    };
    assert_eq!(tx.inbound().list(&filter, &page).await.expect("a page").len(), 1);
    drop(tx);
    let mut tx = store.read_batch().await.expect("reads");
    let places = tx.inbound(OWN).places(&[EventId(1), EventId(3)]).await.expect("reads");
    let place = Partition { topic: "journal".to_owned(), part: "inbound".to_owned() };
    assert_eq!(places, [(EventId(1), place, 1)]);
}

async fn refused_inbounds_are_the_last_ones_only(store: &Store) {
    let count = u128::try_from(REFUSED_ROWS_MAX).expect("small") + 5;
    let rows = (1..=count).map(|event| inbound(event, Outcome::Refused)).collect();
    let mut tx = store.begin_batch().await.expect("begins");
    tx.inbound(OWN).insert(rows).await.expect("inserts");
    let integration = IntegrationId(bits(OWN, 2));
    assert_eq!(tx.inbound(OWN).trim_refused(integration).await.expect("trims"), 5);
    assert_eq!(tx.inbound(OWN).get(EventId(5)).await.expect("reads"), None);
    assert!(tx.inbound(OWN).get(EventId(6)).await.expect("reads").is_some());
}

fn unmatched(event: u128, claim_index: i64, reason: Reason) -> UnmatchedRow {
    UnmatchedRow {
        event: EventId(event),
        claim_index,
        integration: IntegrationId(bits(OWN, 2)),
        advertiser: None,
        reason: reason.as_str().to_owned(),
        order: order("A-1"),
        claim: json!({"amount": "1.00"}),
        received_at: NOW,
        expires_at: later(100),
        resolved_at: None,
    }
}

async fn unmatched_claims_wait_for_their_order(store: &Store) {
    let parked = unmatched(1, 1, Reason::UnknownOrder);
    let lost = unmatched(1, 0, Reason::NoAttributionKey);
    let mut tx = store.begin_batch().await.expect("begins");
    let rows = vec![lost.clone(), parked.clone(), unmatched(2, 0, Reason::UnknownCoupon)];
    tx.unmatched(OWN).insert(rows).await.expect("inserts");
    tx.save().await.expect("saves");
    let refs = ["A-1".to_owned()];
    let mut tx = store.begin_batch().await.expect("begins");
    let found = tx.unmatched(OWN).parked(&refs, NOW).await.expect("reads");
    assert_eq!(found, std::slice::from_ref(&parked));
    assert!(tx.unmatched(OTHER).parked(&refs, NOW).await.expect("reads").is_empty());
    assert!(tx.unmatched(OWN).parked(&refs, later(100)).await.expect("reads").is_empty());
    let open = tx.unmatched(OWN).open(NOW).await.expect("reads");
    assert_eq!(open.iter().map(|(_, count)| count).sum::<i64>(), 3);
    tx.unmatched(OWN).resolve(EventId(1), 1, later(1)).await.expect("resolves");
    assert!(tx.unmatched(OWN).parked(&refs, NOW).await.expect("reads").is_empty());
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let filter = UnmatchedFilter { open_at: Some(NOW), ..UnmatchedFilter::default() };
    let mut page = PageAsk::first(1);
    let first = tx.unmatched().list(&filter, &page).await.expect("a page");
    assert_eq!(first[0].event, EventId(2));
    page.after = Some(first[0].cursor());
    assert_eq!(tx.unmatched().list(&filter, &page).await.expect("a page"), [lost]);
}

async fn touches_are_remembered_once(store: &Store) {
    let touch = |click: &str, at| Touch {
        advertiser: shop::advertiser(OWN, 1).id,
        customer_key: "customer".to_owned(),
        click_id: click.to_owned(),
        clicked_at: later(at),
        event: EventId(1),
    };
    let mut tx = store.begin_batch().await.expect("begins");
    let touches = [touch("b", 5), touch("a", 7), touch("b", 9)];
    tx.touches(OWN).insert(&touches).await.expect("inserts");
    let users = [("a".to_owned(), "user9".to_owned()), ("a".to_owned(), "other".to_owned())];
    tx.touches(OWN).insert_users(&users).await.expect("inserts");
    let step = JourneyRow {
        event: EventId(1),
        claim_index: 0,
        action: "purchase".to_owned(),
        integration: IntegrationId(bits(OWN, 2)),
        advertiser: None,
        campaign: None,
        publisher: None,
        link: None,
        click_id: Some("a".to_owned()),
        order_ref: None,
        customer_key: None,
        amount: Some("1.00".to_owned()),
        currency: None,
        conversion: None,
        at: NOW,
    };
    tx.journey(OWN).insert(vec![step.clone(), step]).await.expect("inserts");
    tx.save().await.expect("saves");
    let mut tx = store.read_batch().await.expect("reads");
    let customers = ["customer".to_owned()];
    let advertisers = [shop::advertiser(OWN, 1).id];
    let found = tx.touches(OWN).of_customers(&advertisers, &customers).await.expect("reads");
    assert_eq!(found, [touch("b", 5), touch("a", 7)]);
    let named = tx.credit(OWN).shoppers(&["a".to_owned()]).await.expect("reads");
    assert_eq!(named, [("a".to_owned(), shop::shopper(OWN, 9).id)]);
}

async fn conversions_change_and_keep_who_earns(store: &Store) {
    let mut row = conversion(OWN, 1);
    let mut tx = store.begin_batch().await.expect("begins");
    tx.conversions(OWN).save(&[&row, &conversion(OWN, 2)]).await.expect("saves");
    tx.save().await.expect("saves");
    let mut changed = row.clone();
    changed.status = ConversionStatus::Rejected;
    changed.outside_status = ClaimStatus::Rejected;
    changed.order_amount_minor = None;
    changed.reason = Some("over_cap".to_owned());
    changed.verdict = Decision::Reject;
    changed.updated_at = later(3);
    // Who earns stays for ever.
    changed.publisher = shop::publisher(OTHER, 5).id;
    let mut tx = store.begin_batch().await.expect("begins");
    tx.conversions(OWN).save(&[&changed]).await.expect("saves");
    tx.save().await.expect("saves");
    row = model_after(row, &changed);
    let mut tx = store.read(OWN).await.expect("reads");
    assert_eq!(tx.conversions().get(row.id).await.expect("reads"), Some(row));
}

fn model_after(
    mut row: crate::conversions::Conversion,
    changed: &crate::conversions::Conversion,
) -> crate::conversions::Conversion {
    row.status = changed.status;
    row.outside_status = changed.outside_status;
    row.order_amount_minor = changed.order_amount_minor;
    row.reason.clone_from(&changed.reason);
    row.verdict = changed.verdict;
    row.updated_at = changed.updated_at;
    row
}

async fn conversions_are_found_by_what_they_are_asked_for(store: &Store) {
    let mut due = conversion(OWN, 1);
    due.release_at = Some(NOW);
    let mut held = conversion(OWN, 2);
    held.held_by = Some("velocity".to_owned());
    let mut customer = conversion(OWN, 3);
    customer.customer_key = Some("customer".to_owned());
    let mut tx = store.begin_batch().await.expect("begins");
    tx.conversions(OWN).save(&[&due, &held, &customer]).await.expect("saves");
    tx.conversions(OTHER).save(&[&conversion(OTHER, 1)]).await.expect("saves");
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    let found = tx.conversions().due(NOW, 9).await.expect("reads");
    assert_eq!(found, std::slice::from_ref(&due));
    assert_eq!(tx.conversions().held_open().await.expect("reads"), 1);
    let refs = ["order-2".to_owned(), "order-9".to_owned()];
    let found = tx.conversions().of_orders(&refs).await.expect("reads");
    assert_eq!(found, std::slice::from_ref(&held));
    let claims = tx.conversions().of_customers(&["customer".to_owned()], NOW).await;
    assert_eq!(claims.expect("reads").len(), 1);
    let page = PageAsk::first(9);
    for (filter, count) in [
        (ConversionFilter::default(), 3),
        (ConversionFilter { is_held: Some(true), ..Default::default() }, 1),
        (ConversionFilter { is_held: Some(false), ..Default::default() }, 2),
        (ConversionFilter { order_ref: Some("order-3".to_owned()), ..Default::default() }, 1),
        (ConversionFilter { publisher: Some(due.publisher), ..Default::default() }, 3),
        (ConversionFilter { to: Some(NOW), ..Default::default() }, 0),
    ] {
        let rows = tx.conversions().list(&filter, &page).await.expect("a page");
        assert_eq!(rows.len(), count, "{filter:?}");
    }
}

async fn news_replaces_what_its_own_claim_said(store: &Store) {
    let news = |status, amount| RevisionRow {
        conversion: ConversionId(1),
        event: EventId(1),
        claim_index: 0,
        revision: 1,
        effect: RevisionEffect::Applied,
        integration: IntegrationId(bits(OWN, 2)),
        status,
        amount_minor: amount,
        stated_charge_minor: None,
        outside_at: None,
        received_at: NOW,
        decision: None,
    };
    let mut tx = store.begin_batch().await.expect("begins");
    let first = news(ClaimStatus::Pending, None);
    tx.conversions(OWN).insert_revisions(&[first]).await.expect("inserts");
    let second = news(ClaimStatus::Approved, Some(7));
    let second = std::slice::from_ref(&second);
    tx.conversions(OWN).insert_revisions(second).await.expect("inserts");
    assert_eq!(tx.conversions(OWN).revisions(&[ConversionId(1)]).await.expect("reads"), second);
}

async fn outcomes_come_in_order_over_tenants(store: &Store) {
    for (tenant, conversion) in [(OWN, 1), (OTHER, 2), (OTHER, 3), (OWN, 4)] {
        let row = NewOutcome {
            conversion: ConversionId(conversion),
            status: ConversionStatus::Pending,
            body: r#"{"v":1}"#.to_owned(),
        };
        let mut tx = store.begin_batch().await.expect("begins");
        tx.outcomes(tenant).insert(vec![row], NOW).await.expect("inserts");
        tx.save().await.expect("saves");
    }
    let mut sys = store.read_sys().await.expect("reads");
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let rows = sys.outcomes_to_ship().after(after, 3).await.expect("reads");
        let Some(last) = rows.last() else { break };
        after = last.seq;
        seen.extend(rows.iter().map(|row| (row.tenant, row.conversion.0)));
    }
    assert_eq!(seen, [(OWN, 1), (OTHER, 2), (OTHER, 3), (OWN, 4)]);
}

async fn cases_and_rules_read_back(store: &Store) {
    let case = CaseRow {
        id: CaseId(1),
        kind: CaseKind::TaxShortfall,
        subject: "cnv_1".to_owned(),
        detail: json!({"shortfall": "1.00"}),
        opened_at: NOW,
        closed_at: None,
    };
    let closed = CaseRow { id: CaseId(2), closed_at: Some(NOW), ..case.clone() };
    let rule = RuleRow {
        name: "velocity".to_owned(),
        state: RuleState::Shadow,
        config: json!({"per_hour": 3}),
    };
    let mut tx = store.begin_batch().await.expect("begins");
    tx.cases(OWN).open(&[case.clone(), closed]).await.expect("opens");
    tx.rules(OWN).put(&RuleRow { state: RuleState::Off, ..rule.clone() }, NOW).await.expect("sets");
    tx.rules(OWN).put(&rule, NOW).await.expect("sets");
    tx.save().await.expect("saves");
    let mut tx = store.read(OWN).await.expect("reads");
    assert_eq!(tx.cases().list_open().await.expect("reads"), [case]);
    let rules = tx.rules().list().await.expect("reads");
    assert_eq!(rules.iter().find(|row| row.name == "velocity"), Some(&rule));
    drop(tx);
    let mut tx = store.read(OTHER).await.expect("reads");
    assert!(tx.cases().list_open().await.expect("reads").is_empty());
    assert!(
        tx.rules().list().await.expect("reads").iter().all(|row| row.state == RuleState::Active)
    );
}
