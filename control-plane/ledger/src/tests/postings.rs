//! The rows of the posting table that concern conversions, one test each.

use std::collections::BTreeMap;

use model::id::{ConversionId, TransactionId};
use model::money::{BasisPoints, Money};

use crate::{
    Account, Action, Balances, Basis, LedgerError, Position, Posting, Side, Stage, TaxPart,
    TaxState, Transaction, apply,
};

use super::{
    KZT, NO_SHOPPER, PUBLISHER, SHOPPER, Story, WITH_SHOPPER, basis, command, kzt, shown, word,
};

/// A payout of another part of the program, so that less is available than was released.
fn pay(story: &mut Story, from: Account, amount: &str) {
    let posting = |account, side| Posting { account, side, amount_minor: kzt(amount).minor };
    let clearing = Account::payout_clearing(word("file"), KZT);
    let transaction = Transaction {
        id: TransactionId(u128::MAX),
        conversion: None,
        reverses: None,
        amends: None,
        memo: "payout".to_owned(),
        postings: vec![posting(from, Side::Debit), posting(clearing, Side::Credit)],
    };
    transaction.check().unwrap();
    story.book.record(&transaction).unwrap();
}

fn balance(story: &Story, account: Account) -> String {
    Money::new(story.book.balance(&account), KZT).amount()
}

/// A released conversion of 1000 whose publisher can still be taken 500 from.
fn released_with_500_available() -> Story {
    let mut story = Story::default();
    story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    story.release(1);
    pay(&mut story, Account::publisher_available(PUBLISHER, KZT), "200.00");
    story
}

#[test]
fn conversion_posts_the_charge_and_its_parts_as_pending() {
    let mut story = Story::default();
    let transaction = story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let expected = [
        "debit advertiser_receivable 1000.00",
        "credit fee_pending 200.00",
        "credit tax_pending 100.00",
        "credit publisher_pending 700.00",
    ];
    assert_eq!(shown(&transaction), expected);
    assert_eq!((transaction.reverses, transaction.amends), (None, None));
}

#[test]
fn shopper_share_is_posted_beside_the_publishers() {
    let mut story = Story::default();
    let transaction = story.accrue(1, WITH_SHOPPER, basis("1000.00", 5_000));
    let expected = [
        "debit advertiser_receivable 1000.00",
        "credit fee_pending 200.00",
        "credit shopper_pending 400.00",
        "credit tax_pending 100.00",
        "credit publisher_pending 300.00",
    ];
    assert_eq!(shown(&transaction), expected);
}

#[test]
fn release_moves_every_pending_part() {
    let mut story = Story::default();
    let accrual = story.accrue(1, WITH_SHOPPER, basis("1000.00", 5_000));
    let transaction = story.release(1);
    let expected = [
        "debit fee_pending 200.00",
        "debit tax_pending 100.00",
        "debit shopper_pending 400.00",
        "debit publisher_pending 300.00",
        "credit fee_earned 200.00",
        "credit tax_withheld 100.00",
        "credit shopper_available 400.00",
        "credit publisher_available 300.00",
    ];
    assert_eq!(shown(&transaction), expected);
    assert_eq!((transaction.reverses, transaction.amends), (None, Some(accrual.id)));
    assert_eq!(story.position(1).stage, Stage::Released);
}

#[test]
fn rejection_before_release_is_the_exact_mirror() {
    let mut story = Story::default();
    let accrual = story.accrue(1, WITH_SHOPPER, basis("1234.57", 3_333));
    let position = story.position(1);
    let reversal = story.post(1, Action::Reverse { position });
    let mirrored = accrual
        .postings
        .iter()
        .map(|posting| Posting { side: posting.side.opposite(), ..*posting });
    assert_eq!(reversal.postings, mirrored.collect::<Vec<_>>());
    assert_eq!(reversal.reverses, Some(accrual.id));
    assert!(story.book.balances().values().all(|balance| *balance == 0));
    assert_eq!(story.book.position(ConversionId(1)), None);
}

#[test]
fn partial_return_posts_the_new_split_minus_the_old() {
    let mut story = Story::default();
    let accrual = story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let position = story.position(1);
    let remaining = basis("600.00", 0);
    let transaction = story.post(1, Action::PartialReverse { position, remaining });
    let expected = [
        "credit advertiser_receivable 400.00",
        "debit fee_pending 80.00",
        "debit tax_pending 40.00",
        "debit publisher_pending 280.00",
    ];
    assert_eq!(shown(&transaction), expected);
    assert_eq!((transaction.reverses, transaction.amends), (None, Some(accrual.id)));
}

#[test]
fn repeated_partial_returns_never_drift() {
    let mut story = Story::default();
    story.accrue(1, WITH_SHOPPER, basis("99.99", 3_333));
    for minor in (1..9_999).rev() {
        let remaining = Basis { charge: Money::new(minor, KZT), ..basis("0.00", 3_333) };
        let position = story.position(1);
        story.post(1, Action::PartialReverse { position, remaining: remaining.clone() });
        let exact = crate::split(&remaining).unwrap();
        let pending = story.book.balance(&Account::publisher_pending(PUBLISHER, KZT));
        let fee = story.book.balance(&Account::fee_pending(KZT));
        let shopper = story.book.balance(&Account::shopper_pending(SHOPPER, KZT));
        let expected = (exact.net.minor, exact.fee.minor, exact.shopper.minor);
        assert_eq!((pending, fee, shopper), expected);
    }
}

#[test]
fn partial_return_of_everything_is_a_reversal() {
    let mut story = Story::default();
    let accrual = story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let position = story.position(1);
    let remaining = basis("0.00", 0);
    let transaction = story.post(1, Action::PartialReverse { position, remaining });
    assert_eq!(transaction.reverses, Some(accrual.id));
    assert_eq!(story.book.position(ConversionId(1)), None);
}

#[test]
fn return_after_release_takes_what_is_available_and_the_rest_is_owed() {
    let mut story = released_with_500_available();
    let position = story.position(1);
    let origin = position.origin;
    let action = Action::ClawBack { position, remaining: None, tax: TaxState::Held };
    let transaction = story.post(1, action);
    let expected = [
        "credit advertiser_receivable 1000.00",
        "debit fee_earned 200.00",
        "debit tax_withheld 100.00",
        "debit publisher_available 500.00",
        "debit clawback_receivable 200.00",
    ];
    assert_eq!(shown(&transaction), expected);
    assert_eq!(transaction.reverses, Some(origin));
}

#[test]
fn return_after_remittance_leaves_the_tax_in_suspense() {
    let mut story = released_with_500_available();
    let position = story.position(1);
    let action = Action::ClawBack { position, remaining: None, tax: TaxState::Remitted };
    let transaction = story.post(1, action);
    let expected = [
        "credit advertiser_receivable 1000.00",
        "debit fee_earned 200.00",
        "debit suspense 100.00",
        "debit publisher_available 500.00",
        "debit clawback_receivable 200.00",
    ];
    assert_eq!(shown(&transaction), expected);
}

#[test]
fn next_release_settles_what_is_owed_first() {
    let mut story = released_with_500_available();
    let position = story.position(1);
    story.post(1, Action::ClawBack { position, remaining: None, tax: TaxState::Held });
    story.accrue(2, NO_SHOPPER, basis("1000.00", 0));
    let transaction = story.release(2);
    let expected = [
        "debit fee_pending 200.00",
        "debit tax_pending 100.00",
        "debit publisher_pending 700.00",
        "credit fee_earned 200.00",
        "credit tax_withheld 100.00",
        "credit clawback_receivable 200.00",
        "credit publisher_available 500.00",
    ];
    assert_eq!(shown(&transaction), expected);
    assert_eq!(balance(&story, Account::publisher_owed(PUBLISHER, KZT)), "0.00");
}

#[test]
fn release_smaller_than_the_debt_leaves_nothing_available() {
    let mut story = released_with_500_available();
    let position = story.position(1);
    story.post(1, Action::ClawBack { position, remaining: None, tax: TaxState::Held });
    story.accrue(2, NO_SHOPPER, basis("100.00", 0));
    story.release(2);
    assert_eq!(balance(&story, Account::publisher_owed(PUBLISHER, KZT)), "130.00");
    assert_eq!(balance(&story, Account::publisher_available(PUBLISHER, KZT)), "0.00");
}

#[test]
fn shopper_owes_back_as_a_publisher_does() {
    let mut story = Story::default();
    story.accrue(1, WITH_SHOPPER, basis("1000.00", 5_000));
    story.release(1);
    pay(&mut story, Account::shopper_available(SHOPPER, KZT), "400.00");
    let position = story.position(1);
    let remaining = Some(basis("600.00", 5_000));
    story.post(1, Action::ClawBack { position, remaining, tax: TaxState::Held });
    assert_eq!(balance(&story, Account::shopper_owed(SHOPPER, KZT)), "160.00");
    assert_eq!(balance(&story, Account::publisher_available(PUBLISHER, KZT)), "180.00");
    story.accrue(2, WITH_SHOPPER, basis("1000.00", 5_000));
    story.release(2);
    assert_eq!(balance(&story, Account::shopper_owed(SHOPPER, KZT)), "0.00");
    assert_eq!(balance(&story, Account::shopper_available(SHOPPER, KZT)), "240.00");
}

#[test]
fn recomputed_tax_moves_the_difference_in_the_release() {
    let mut story = Story::default();
    story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let position = story.position(1);
    let part =
        TaxPart { component: word("illustrative"), withheld: kzt("60.00"), shortfall: kzt("0.00") };
    let transaction = story.post(1, Action::Release { position, taxes: Some(vec![part]) });
    let expected = [
        "debit fee_pending 200.00",
        "debit tax_pending 100.00",
        "debit publisher_pending 700.00",
        "credit fee_earned 200.00",
        "credit tax_withheld 60.00",
        "credit publisher_available 740.00",
    ];
    assert_eq!(shown(&transaction), expected);
}

#[test]
fn tax_above_the_gross_stands_in_suspense_on_the_tenants_account() {
    let mut story = Story::default();
    let terms = Basis { fee: BasisPoints(9_500), ..basis("1000.00", 0) };
    let transaction = story.accrue(1, NO_SHOPPER, terms);
    let expected = [
        "debit advertiser_receivable 1000.00",
        "credit fee_pending 950.00",
        "credit tax_pending 50.00",
        "credit tax_pending 50.00",
        "debit suspense 50.00",
    ];
    assert_eq!(shown(&transaction), expected);
    story.release(1);
    let component = word("illustrative");
    assert_eq!(balance(&story, Account::tenant_tax_withheld(component, KZT)), "50.00");
    assert_eq!(balance(&story, Account::suspense(KZT)), "-50.00");
    let position = story.position(1);
    story.post(1, Action::ClawBack { position, remaining: None, tax: TaxState::Held });
    assert!(story.book.balances().values().all(|balance| *balance == 0));
}

#[test]
fn corrected_news_reverses_and_accrues_again() {
    let mut story = Story::default();
    story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let position = story.position(1);
    story.post(1, Action::Reverse { position });
    story.accrue(1, NO_SHOPPER, basis("2000.00", 0));
    assert_eq!(balance(&story, Account::publisher_pending(PUBLISHER, KZT)), "1400.00");
}

#[test]
fn charge_of_zero_posts_nothing() {
    let action = Action::Accrue { parties: NO_SHOPPER, basis: basis("0.00", 0) };
    let nothing: BTreeMap<Account, i64> = BTreeMap::new();
    assert_eq!(apply(&nothing, &command(1, 1, action)), Err(LedgerError::NothingToPost));
}

#[test]
fn commands_that_do_not_fit_are_refused() {
    let split = crate::split(&basis("1000.00", 0)).unwrap();
    let pending = Position {
        parties: NO_SHOPPER,
        split,
        stage: Stage::Pending,
        origin: TransactionId(1),
        advanced_minor: 0,
    };
    let released = Position { stage: Stage::Released, ..pending.clone() };
    let nothing: BTreeMap<Account, i64> = BTreeMap::new();
    let check = |action: Action, expected: LedgerError| {
        assert_eq!(apply(&nothing, &command(2, 1, action)), Err(expected));
    };
    let stage = |expected| LedgerError::WrongStage { expected };
    check(Action::Reverse { position: released.clone() }, stage(Stage::Pending));
    check(Action::Release { position: released, taxes: None }, stage(Stage::Pending));
    let tax = TaxState::Held;
    let claw_back = Action::ClawBack { position: pending.clone(), remaining: None, tax };
    check(claw_back, stage(Stage::Released));
    let remaining = basis("1000.01", 0);
    let growing = Action::PartialReverse { position: pending.clone(), remaining };
    check(growing, LedgerError::ChargeGrows);
    let remaining = basis("1000.00", 0);
    let same = Action::PartialReverse { position: pending.clone(), remaining };
    check(same, LedgerError::NothingToPost);
    let mut remaining = basis("1.00", 0);
    remaining.charge.currency = model::money::Currency::USD;
    let foreign = Action::PartialReverse { position: pending.clone(), remaining };
    check(foreign, LedgerError::CurrencyChanged);
    let shared = Action::Accrue { parties: NO_SHOPPER, basis: basis("1000.00", 5_000) };
    check(shared, LedgerError::MissingShopper);
    // Nothing is pending on these balances, so there is nothing to mirror.
    let below = LedgerError::BelowZero(Account::fee_pending(KZT));
    check(Action::Reverse { position: pending }, below);
}
