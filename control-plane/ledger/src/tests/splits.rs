use model::money::{BasisPoints, Currency, Money, MoneyError};
use proptest::prelude::*;

use crate::{
    Basis, Day, Payer, SplitError, TAX_ROWS, TaxBase, TaxPart, TaxRate, TaxRegime, flat_rates,
    split, worst_case_is_covered,
};

use super::{basis, kzt, word};

const TODAY: Day = Day::new(2026, 11, 21);

fn rate(component: &str, rate: u32, base: TaxBase) -> TaxRate {
    TaxRate { component: word(component), rate: BasisPoints(rate), base }
}

#[test]
fn charge_of_a_thousand_leaves_seven_hundred() {
    let parts = split(&basis("1000.00", 0)).unwrap();
    assert_eq!(parts.fee, kzt("200.00"));
    assert_eq!(parts.commission, kzt("800.00"));
    assert_eq!(parts.shopper, kzt("0.00"));
    assert_eq!(parts.tax(), kzt("100.00"));
    assert_eq!(parts.net, kzt("700.00"));
}

#[test]
fn shopper_share_is_part_of_the_commission() {
    let parts = split(&basis("1000.00", 5_000)).unwrap();
    assert_eq!(parts.shopper, kzt("400.00"));
    assert_eq!(parts.gross(), kzt("400.00"));
    assert_eq!(parts.tax(), kzt("100.00"));
    assert_eq!(parts.net, kzt("300.00"));
}

#[test]
fn every_part_is_rounded_half_up_and_net_is_what_remains() {
    // 0.25 × 10 % = 0.025 up to 0.03; of 0.22 a half is 0.11; tax 0.025 up to 0.03.
    let terms = Basis { fee: BasisPoints(1_000), ..basis("0.25", 5_000) };
    let parts = split(&terms).unwrap();
    let minor: Vec<i64> =
        [parts.fee, parts.shopper, parts.tax(), parts.net].map(|part| part.minor).into();
    assert_eq!(minor, [3, 11, 3, 8]);
}

#[test]
fn regimes_have_the_rates_of_the_law() {
    let check = |regime: TaxRegime, charge: &str, expected: &[(&str, &str)], net: &str| {
        let taxes = flat_rates(regime, TODAY);
        let terms = Basis { fee: BasisPoints::ZERO, taxes, ..basis(charge, 0) };
        let parts = split(&terms).unwrap();
        let found: Vec<_> =
            parts.taxes.iter().map(|part| (part.component, part.withheld)).collect();
        let expected: Vec<_> =
            expected.iter().map(|(name, amount)| (word(name), kzt(amount))).collect();
        assert_eq!(found, expected, "{regime}");
        assert_eq!(parts.net, kzt(net), "{regime}");
    };
    let thousand = "1000.00";
    check(
        TaxRegime::SelfEmployed,
        "100000.00",
        &[("opv", thousand), ("opvr", thousand), ("so", thousand), ("osms", thousand)],
        "96000.00",
    );
    check(
        TaxRegime::GphPerson,
        "100000.00",
        &[("opv", "10000.00"), ("vosms", "2000.00"), ("iit", "10000.00")],
        "78000.00",
    );
    check(TaxRegime::Illustrative10, thousand, &[("illustrative", "100.00")], "900.00");
    for regime in [TaxRegime::Simplified, TaxRegime::None, TaxRegime::Undeclared] {
        check(regime, thousand, &[], thousand);
    }
}

#[test]
fn rates_are_dated_and_name_their_law() {
    let before = Day::new(2025, 12, 31);
    assert_eq!(flat_rates(TaxRegime::SelfEmployed, before), []);
    assert_eq!(flat_rates(TaxRegime::SelfEmployed, Day::new(2026, 1, 1)).len(), 4);
    assert_eq!(flat_rates(TaxRegime::Illustrative10, before).len(), 1);
    assert!(TAX_ROWS.iter().all(|row| !row.legal_ref.is_empty()));
    assert!(TAX_ROWS.iter().any(|row| row.payer == Payer::Person));
}

#[test]
fn tax_never_takes_more_than_the_gross() {
    let taxes = vec![rate("first", 400, TaxBase::Charge), rate("second", 600, TaxBase::Charge)];
    let terms = Basis { fee: BasisPoints(9_300), taxes, ..basis("1000.00", 0) };
    let parts = split(&terms).unwrap();
    let part = |component, withheld, shortfall| TaxPart {
        component: word(component),
        withheld: kzt(withheld),
        shortfall: kzt(shortfall),
    };
    assert_eq!(parts.taxes, [part("first", "40.00", "0.00"), part("second", "30.00", "30.00")]);
    assert_eq!(parts.net, kzt("0.00"));
    assert_eq!(parts.shortfall(), kzt("30.00"));
}

#[test]
fn campaign_with_a_negative_worst_case_is_found() {
    let charge = |bp| [rate("one", bp, TaxBase::Charge)];
    let gross = |bp| [rate("one", bp, TaxBase::Gross)];
    let covered = |fee, share, taxes: &[TaxRate]| {
        worst_case_is_covered(BasisPoints(fee), BasisPoints(share), taxes)
    };
    assert!(covered(2_000, 0, &charge(1_000)));
    assert!(covered(9_000, 0, &charge(1_000)));
    assert!(!covered(9_001, 0, &charge(1_000)));
    assert!(covered(2_000, 8_750, &charge(1_000)));
    assert!(!covered(2_000, 8_751, &charge(1_000)));
    assert!(covered(2_000, 10_000, &gross(10_000)));
    assert!(!covered(2_000, 0, &gross(10_001)));
    assert!(!covered(10_001, 0, &[]));
}

#[test]
fn basis_that_makes_no_sense_is_refused() {
    let good = basis("1000.00", 0);
    let check = |terms: Basis, expected: SplitError| assert_eq!(split(&terms), Err(expected));
    check(Basis { fee: BasisPoints(10_001), ..good.clone() }, SplitError::RateAboveWhole);
    check(Basis { share: BasisPoints(10_001), ..good.clone() }, SplitError::RateAboveWhole);
    let twice = vec![rate("opv", 1, TaxBase::Gross); 2];
    check(Basis { taxes: twice, ..basis("1000.00", 0) }, SplitError::ComponentTwice);
    let negative = Money::new(-1, Currency::KZT);
    check(Basis { charge: negative, ..good.clone() }, MoneyError::Negative.into());
    let large = Money::new(10_000_000_000_001, Currency::KZT);
    check(Basis { charge: large, ..good }, MoneyError::TooLarge.into());
}

#[test]
fn split_from_a_row_is_checked() {
    let good = split(&basis("1000.00", 0)).unwrap();
    assert_eq!(good.check(), Ok(()));
    let mut wrong = good.clone();
    wrong.net = kzt("700.01");
    assert_eq!(wrong.check(), Err(SplitError::PartsDoNotSum));
    let mut wrong = good.clone();
    wrong.net = Money::new(70_000, Currency::USD);
    assert_eq!(wrong.check(), Err(SplitError::MixedCurrencies));
    let mut wrong = good;
    wrong.fee = Money::new(-20_000, Currency::KZT);
    assert_eq!(wrong.check(), Err(SplitError::NegativePart));
}

fn any_basis() -> impl Strategy<Value = Basis> {
    let charge = prop_oneof![0..1_000_i64, 0..=10_000_000_000_000_i64];
    let tax = (0..=10_000_u32, any::<bool>());
    let taxes = prop::collection::vec(tax, 0..5);
    (charge, 0..=10_000_u32, 0..=10_000_u32, taxes).prop_map(|(charge, fee, share, taxes)| Basis {
        charge: Money::new(charge, Currency::KZT),
        fee: BasisPoints(fee),
        share: BasisPoints(share),
        taxes: (0..)
            .zip(taxes)
            .map(|(index, (bp, of_charge))| {
                let base = if of_charge { TaxBase::Charge } else { TaxBase::Gross };
                rate(&format!("tax{index}"), bp, base)
            })
            .collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn parts_always_sum_to_the_whole(basis in any_basis()) {
        let parts = split(&basis).unwrap();
        prop_assert_eq!(parts.check(), Ok(()));
        let sum = parts.fee.minor + parts.shopper.minor + parts.tax().minor + parts.net.minor;
        prop_assert_eq!(sum, basis.charge.minor);
        prop_assert!(parts.net.minor >= 0);
        prop_assert!(parts.shortfall().minor == 0 || parts.net.minor == 0);
    }

    #[test]
    fn covered_campaign_has_no_shortfall_but_for_rounding(basis in any_basis()) {
        let parts = split(&basis).unwrap();
        if worst_case_is_covered(basis.fee, basis.share, &basis.taxes) {
            // Every part may round up by half a minor unit.
            let roundings = i64::try_from(basis.taxes.len()).unwrap() + 2;
            prop_assert!(parts.shortfall().minor <= roundings);
        }
    }
}
