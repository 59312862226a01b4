use model::clock::Timestamp;
use model::id::{IntegrationId, PayoutId, PublisherId, TransactionId};

use crate::{
    Account, Action, CodecError, Command, Debtor, Evidence, Leg, Move, MoveKind, Parties, Position,
    Stage, TaxPart, TaxState,
};

use super::{KZT, NO_SHOPPER, WITH_SHOPPER, basis, command, kzt, word};

fn position(parties: Parties) -> Position {
    let split = crate::split(&basis("1000.00", 0)).unwrap();
    let origin = TransactionId(7);
    Position { parties, split, stage: Stage::Pending, origin, advanced_minor: 0 }
}

fn every_action() -> Vec<Command> {
    let network = Parties { debtor: Debtor::Network(IntegrationId(8)), ..WITH_SHOPPER };
    let part = TaxPart { component: word("opv"), withheld: kzt("1.00"), shortfall: kzt("0.50") };
    let actions = [
        Action::Accrue { parties: NO_SHOPPER, basis: basis("1000.00", 0) },
        Action::Accrue { parties: network, basis: basis("1000.00", 5_000) },
        Action::Release { position: position(NO_SHOPPER), taxes: None },
        Action::Release { position: position(NO_SHOPPER), taxes: Some(Vec::new()) },
        Action::Release { position: position(NO_SHOPPER), taxes: Some(vec![part]) },
        Action::Reverse { position: position(network) },
        Action::PartialReverse { position: position(NO_SHOPPER), remaining: basis("1.00", 0) },
        Action::ClawBack {
            position: position(NO_SHOPPER),
            remaining: None,
            tax: TaxState::Remitted,
        },
        Action::ClawBack {
            position: position(NO_SHOPPER),
            remaining: Some(basis("1.00", 0)),
            tax: TaxState::Held,
        },
        Action::Advance {
            position: Position { advanced_minor: 5, ..position(NO_SHOPPER) },
            amount: kzt("7.00"),
            fee: kzt("0.07"),
        },
    ];
    let mut commands: Vec<Command> =
        actions.into_iter().map(|action| command(9, 1, action)).collect();
    let rail = word("file");
    for (kind, reverses) in
        [(MoveKind::PayoutReserve, None), (MoveKind::PayoutDeclined, Some(TransactionId(3)))]
    {
        let legs = vec![
            Leg::debit(Account::publisher_available(PublisherId(1), KZT), 700),
            Leg::credit(Account::payout_clearing(rail, KZT), 700),
        ];
        let action = Action::Move(Move { kind, reverses, legs });
        commands.push(Command { subject: PayoutId(4).into(), ..command(9, 1, action) });
    }
    commands
}

#[test]
fn every_command_reads_back_as_it_was() {
    for mut command in every_action() {
        let facts = vec![
            (word("terms"), "trm_1 line\nand \\n more\r".to_owned()),
            (word("verdict"), String::new()),
        ];
        let author = " gamma\npipeline ".to_owned();
        command.evidence = Evidence { at: Timestamp(-5), author, facts };
        assert_eq!(Command::decode(&command.encode()), Ok(command));
    }
}

#[test]
fn position_reads_back_as_it_was() {
    for position in [position(NO_SHOPPER), position(WITH_SHOPPER)] {
        let text = position.encode();
        assert_eq!(Position::decode(&text), Ok(position));
        assert_eq!(Position::decode(&format!("{text}more 1\n")), Err(CodecError::NotCanonical));
    }
    assert_eq!(Position::decode(""), Err(CodecError::Missing("debtor")));
}

#[test]
fn stored_form_of_version_one_never_changes() {
    let action = Action::Release { position: position(WITH_SHOPPER), taxes: None };
    let expected = "\
v1 release
transaction txn_00000000000000000000000009
conversion cnv_00000000000000000000000001
at 0
author test
debtor adv_00000000000000000000000001
publisher pub_00000000000000000000000002
shopper shp_00000000000000000000000003
stage pending
origin txn_00000000000000000000000007
posted.charge 100000 KZT
posted.fee 20000
posted.shopper 0
posted.tax illustrative 10000 0
posted.net 70000
taxes estimate
";
    assert_eq!(command(9, 1, action).encode(), expected);
    let action = Action::Accrue { parties: NO_SHOPPER, basis: basis("1000.00", 0) };
    let text = command(9, 1, action).encode();
    assert!(text.ends_with("charge 100000 KZT\nfee 2000\nshare 0\ntax illustrative 1000 charge\n"));
}

#[test]
fn anything_else_is_refused() {
    for command in every_action() {
        let text = command.encode();
        let count = text.lines().count();
        for dropped in 0..count {
            let kept = text.lines().enumerate().filter(|(index, _)| *index != dropped);
            let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
            let shorter = kept.join("\n") + "\n";
            assert_ne!(Command::decode(&shorter).as_ref(), Ok(&command), "without {dropped}");
        }
        assert_eq!(Command::decode(&format!("{text}more 1\n")).ok(), None);
        assert_eq!(Command::decode(text.trim_end()), Err(CodecError::NotCanonical));
        assert_eq!(Command::decode(&text.replace('\n', "\r\n")), Err(CodecError::NotCanonical));
        assert_eq!(Command::decode(&text.replace("v1 ", "v2 ")), Err(CodecError::UnknownForm));
        let folded = Command::decode(&text.replace("KZT", "kzt"));
        let refused = [CodecError::NotCanonical, CodecError::BadValue("leg")];
        assert!(folded.is_err_and(|error| refused.contains(&error)));
        assert_eq!(Command::decode(&text.replace("KZT", "XXX")).ok(), None);
    }
    assert_eq!(Command::decode(""), Err(CodecError::UnknownForm));
}
