use model::id::{IntegrationId, PublisherId};
use model::money::Currency;

use crate::{Account, AccountError, AccountKind, Debtor, Owner, Word};

use super::{DEBTOR, KZT, PUBLISHER, SHOPPER, word};

const BODY: &str = "00000000000000000000000002";

#[test]
fn keys_are_stable_text_and_read_back() {
    let check = |account: Account, key: &str| {
        assert_eq!(account.key(), key);
        assert_eq!(Account::parse_key(key), Ok(account));
    };
    check(Account::publisher_pending(PUBLISHER, KZT), &format!("publisher_pending/pub_{BODY}/KZT"));
    check(Account::fee_earned(Currency::USD), "fee_earned/tenant/USD");
    check(
        Account::publisher_tax_pending(PUBLISHER, word("opv"), KZT),
        &format!("tax_pending/pub_{BODY}/opv/KZT"),
    );
    check(Account::tenant_tax_withheld(word("opv"), KZT), "tax_withheld/tenant/opv/KZT");
    check(Account::payout_clearing(word("file"), KZT), "payout_clearing/rail:file/KZT");
    check(
        Account::receivable(Debtor::Network(IntegrationId(2)), KZT),
        &format!("advertiser_receivable/int_{BODY}/KZT"),
    );
}

#[test]
fn keys_of_no_account_are_refused() {
    for key in [
        "",
        "/",
        "fee_pending",
        "fee_pending/tenant",
        "fee_pending/tenant/KZT/",
        "fee_pending/tenant/kzt",
        "fee_pending/tenant/opv/KZT",
        "fee_pending/pub_00000000000000000000000002/KZT",
        "tax_pending/tenant/KZT",
        "tax_pending/tenant/OPV/KZT",
        "publisher_pending/tenant/KZT",
        "publisher_pending/pub_2/KZT",
        "publisher_pending/pub_OOOOOOOOOOOOOOOOOOOOOOOOO2/KZT",
        "publisher_pending/adv_00000000000000000000000002/KZT",
        "payout_clearing/file/KZT",
        "payout_clearing/rail:/KZT",
        "nothing/tenant/KZT",
        "ключ/т/KZT",
    ] {
        assert_eq!(Account::parse_key(key), Err(AccountError), "{key}");
    }
}

#[test]
fn every_kind_has_an_owner_in_the_chart() {
    let owners = [
        Owner::Tenant,
        DEBTOR.into(),
        Owner::Publisher(PublisherId(9)),
        Owner::Shopper(SHOPPER),
        Owner::Rail(word("file")),
    ];
    for kind in AccountKind::ALL {
        let component = kind.as_str().starts_with("tax_").then(|| word("opv"));
        let fitting = owners.iter().filter(|owner| {
            let account = Account::new(*kind, **owner, component, KZT);
            account.is_ok_and(|account| Account::parse_key(&account.key()) == Ok(account))
        });
        assert!(fitting.count() > 0, "{kind}");
    }
}

#[test]
fn what_can_be_paid_never_goes_below_zero() {
    for kind in [
        AccountKind::PublisherAvailable,
        AccountKind::ShopperAvailable,
        AccountKind::PublisherPending,
        AccountKind::ShopperPending,
        AccountKind::ClawbackReceivable,
        AccountKind::PayoutClearing,
    ] {
        assert!(!kind.may_go_below_zero(), "{kind}");
    }
}

#[test]
fn words_are_short_and_plain() {
    for good in ["a", "opv", "single_tax", "file-2", "abcdefghijklmnopqrstuvwxyz012345"] {
        assert_eq!(Word::parse(good).map(|word| word.to_string()).as_deref(), Some(good));
    }
    for bad in ["", "OPV", "a b", "a/b", "é", "abcdefghijklmnopqrstuvwxyz0123456"] {
        assert_eq!(Word::parse(bad), None, "{bad}");
    }
}
