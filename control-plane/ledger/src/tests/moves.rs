//! Payouts, corrections and advances, by example.

use model::id::{AdjustmentId, PayoutId};

use super::{KZT, NO_SHOPPER, Story, basis, command, kzt, shown, word};
use crate::{
    Account, Action, Balances, Command, LedgerError, Leg, Move, MoveKind, Subject, Transaction,
};

const PUBLISHER: model::id::PublisherId = NO_SHOPPER.publisher;

fn available() -> Account {
    Account::publisher_available(PUBLISHER, KZT)
}

fn owed() -> Account {
    Account::publisher_owed(PUBLISHER, KZT)
}

impl Story {
    fn carry(&mut self, kind: MoveKind, legs: Vec<Leg>) -> Result<Transaction, LedgerError> {
        self.transactions += 1;
        let action = Action::Move(Move { kind, reverses: None, legs });
        let subject = Subject::Payout(PayoutId(1));
        let command = Command { subject, ..command(self.transactions, 1, action) };
        let transaction = self.book.post(&command)?;
        self.commands.push(command);
        Ok(transaction)
    }

    fn reserve(&mut self, minor: i64) -> Result<Transaction, LedgerError> {
        let clearing = Account::payout_clearing(word("file"), KZT);
        let legs = vec![Leg::debit(available(), minor), Leg::credit(clearing, minor)];
        self.carry(MoveKind::PayoutReserve, legs)
    }

    fn adjust(&mut self, minor: i64) -> Transaction {
        let legs =
            vec![Leg::debit(Account::fee_earned(KZT), minor), Leg::credit(available(), minor)];
        self.carry(MoveKind::Adjust, legs).expect("a correction fits")
    }

    fn holds(&self, account: Account) -> i64 {
        self.book.balance(&account)
    }
}

/// A publisher with 700.00 available.
fn earned() -> Story {
    let mut story = Story::default();
    story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    story.release(1);
    story
}

#[test]
fn a_payout_takes_what_is_available_and_no_more() {
    let mut story = earned();
    let below = LedgerError::BelowZero(available());
    assert_eq!(story.reserve(70_001), Err(below));
    let reserved = story.reserve(70_000).expect("it is there");
    assert_eq!(
        shown(&reserved),
        ["debit publisher_available 700.00", "credit payout_clearing 700.00"]
    );
    assert_eq!(reserved.memo, format!("payout_reserve {}", PayoutId(1)));
    assert_eq!(reserved.conversion, None);
}

#[test]
fn a_correction_settles_debt_first_and_what_is_missing_becomes_debt() {
    let mut story = earned();
    story.adjust(-100_000);
    assert_eq!((story.holds(available()), story.holds(owed())), (0, 30_000));
    story.adjust(40_000);
    assert_eq!((story.holds(available()), story.holds(owed())), (10_000, 0));
}

#[test]
fn a_movement_that_does_not_balance_is_refused() {
    let mut story = earned();
    let legs = vec![Leg::debit(available(), 5)];
    assert!(matches!(story.carry(MoveKind::Adjust, legs), Err(LedgerError::Unbalanced(_))));
}

#[test]
fn only_a_conversion_moves_a_conversions_money() {
    let action = Action::Accrue { parties: NO_SHOPPER, basis: basis("1.00", 0) };
    let subject = Subject::Adjustment(AdjustmentId(1));
    let command = Command { subject, ..command(1, 1, action) };
    assert_eq!(command.touches(), Err(LedgerError::WrongSubject));
}

fn advanced() -> Story {
    let mut story = Story::default();
    story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let position = story.position(1);
    let action = Action::Advance { position, amount: kzt("700.00"), fee: kzt("7.00") };
    let advance = story.post(1, action);
    assert_eq!(
        shown(&advance),
        [
            "debit advance_receivable 700.00",
            "credit fee_earned 7.00",
            "credit publisher_available 693.00",
        ]
    );
    story
}

#[test]
fn a_release_repays_the_advance_before_anything_else() {
    let mut story = advanced();
    let released = story.release(1);
    assert!(shown(&released).contains(&"credit advance_receivable 700.00".to_owned()));
    assert_eq!(story.holds(available()), 69_300);
    assert_eq!(story.holds(Account::advance_receivable(PUBLISHER, KZT)), 0);
    assert_eq!(story.position(1).advanced_minor, 0);
}

#[test]
fn a_return_turns_the_advance_into_debt() {
    let mut story = advanced();
    story.reserve(69_300).expect("it was advanced");
    let position = story.position(1);
    story.post(1, Action::PartialReverse { position, remaining: basis("400.00", 0) });
    // 280.00 of net remain: what was advanced above it is owed.
    assert_eq!(story.holds(owed()), 42_000);
    assert_eq!(story.position(1).advanced_minor, 28_000);
    let position = story.position(1);
    story.post(1, Action::Reverse { position });
    assert_eq!(story.holds(owed()), 70_000);
    assert_eq!(story.holds(Account::advance_receivable(PUBLISHER, KZT)), 0);
    for trial in story.book.trial_balance() {
        assert_eq!(trial.debits, trial.credits);
    }
}

#[test]
fn no_more_is_advanced_than_is_pending() {
    let mut story = Story::default();
    story.accrue(1, NO_SHOPPER, basis("1000.00", 0));
    let position = story.position(1);
    let action = Action::Advance { position, amount: kzt("700.01"), fee: kzt("7.00") };
    assert_eq!(story.book.post(&command(9, 1, action)), Err(LedgerError::AdvanceTooLarge));
}

#[test]
fn the_fold_repeats_movements_too() {
    let mut story = advanced();
    story.release(1);
    story.reserve(10_000).expect("it is there");
    story.adjust(-70_000);
    let (book, _) = crate::fold(&story.commands).expect("it folds");
    assert_eq!(book.balances(), story.book.balances());
}
