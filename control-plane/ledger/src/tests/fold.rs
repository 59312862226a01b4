use std::collections::HashSet;

use crate::{Action, Book, LedgerError, canonical_bytes, fold};

use super::{NO_SHOPPER, Story, WITH_SHOPPER, basis, command};

#[test]
fn fold_repeats_the_ledger_entry_for_entry() {
    let mut story = Story::default();
    let mut stored = vec![
        story.accrue(1, NO_SHOPPER, basis("1000.00", 0)),
        story.accrue(2, WITH_SHOPPER, basis("333.33", 5_000)),
        story.release(1),
    ];
    let position = story.position(2);
    stored.push(story.post(2, Action::Reverse { position }));
    let (book, transactions) = fold(&story.commands).unwrap();
    assert_eq!(transactions, stored);
    assert_eq!(book.balances(), story.book.balances());
    for trial in book.trial_balance() {
        assert_eq!(trial.debits, trial.credits);
    }
}

#[test]
fn conversion_is_accrued_once_and_reversed_once() {
    let mut story = Story::default();
    story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let again = Action::Accrue { parties: NO_SHOPPER, basis: basis("1000.00", 0) };
    assert_eq!(story.book.post(&command(9, 1, again)), Err(LedgerError::AlreadyAccrued));
    let position = story.position(1);
    let reverse = Action::Reverse { position };
    assert_eq!(
        story.book.post(&command(1, 1, reverse.clone())),
        Err(LedgerError::TransactionTwice)
    );
    story.post(1, reverse.clone());
    assert_eq!(story.book.post(&command(9, 1, reverse)), Err(LedgerError::StalePosition));
}

#[test]
fn command_from_an_old_position_is_refused() {
    let mut story = Story::default();
    story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let old = story.position(1);
    let remaining = basis("600.00", 0);
    story.post(1, Action::PartialReverse { position: old.clone(), remaining });
    let late = command(9, 1, Action::Release { position: old, taxes: None });
    let before = story.book.balances().clone();
    assert_eq!(story.book.post(&late), Err(LedgerError::StalePosition));
    assert_eq!(story.book.balances(), &before);
}

#[test]
fn canonical_bytes_differ_when_anything_differs() {
    let action = Action::Accrue { parties: NO_SHOPPER, basis: basis("1000.00", 0) };
    let transaction = Book::default().post(&command(1, 1, action)).unwrap();
    let mut variants = vec![transaction.clone(); 9];
    variants[1].id.0 += 1;
    variants[2].conversion = None;
    variants[3].reverses = Some(transaction.id);
    variants[4].amends = Some(transaction.id);
    variants[5].memo.push('x');
    variants[6].postings[0].amount_minor += 1;
    variants[7].postings[0].side = variants[7].postings[0].side.opposite();
    variants[8].postings.pop();
    let distinct: HashSet<Vec<u8>> = variants.iter().map(canonical_bytes).collect();
    assert_eq!(distinct.len(), variants.len());
    assert_eq!(canonical_bytes(&transaction), canonical_bytes(&transaction.clone()));
    assert_eq!(canonical_bytes(&transaction)[..2], [1, 0]);
}
