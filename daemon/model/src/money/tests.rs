use super::{BasisPoints, Currency, DecimalMark, Money, MoneyError, largest_remainder};

fn parsed(text: &str, currency: Currency) -> Result<i64, MoneyError> {
    Money::parse(text, currency).map(|money| money.minor)
}

#[test]
fn decimal_text_becomes_exact_minor_units() {
    let check = |text: &str, currency: Currency, expected: i64| {
        assert_eq!(parsed(text, currency), Ok(expected), "{text} {currency}");
    };
    check("10000.00", Currency::KZT, 1_000_000);
    check("1000", Currency::KZT, 100_000);
    check("0.1", Currency::KZT, 10);
    check("0", Currency::KZT, 0);
    check("007.50", Currency::KZT, 750);
    check("1.234", Currency::KWD, 1_234);
    check("1234", Currency::JPY, 1_234);
    check("100000000000.00", Currency::KZT, 10_000_000_000_000);
    check("0.0001", Currency::parse("CLF").unwrap(), 1);
}

#[test]
fn anything_but_plain_digits_is_refused() {
    use MoneyError::{Empty, NotDecimal, TooLarge, TooManyDigits};
    let check = |text: &str, currency: Currency, expected: MoneyError| {
        assert_eq!(parsed(text, currency), Err(expected), "{text:?} {currency}");
    };
    check("", Currency::KZT, Empty);
    for text in [
        "1e3", "1E3", "-1", "+1", "NaN", "inf", ".5", "5.", ".", "1,5", "1 000", " 1", "1\n",
        "0x10", "1.2.3", "1_000", "١٢", "²", "1,000.00", "٫5", "--1", "1.-5", "1.5e1",
    ] {
        check(text, Currency::KZT, NotDecimal);
    }
    check("1.000", Currency::KZT, TooManyDigits);
    check("1.0", Currency::JPY, TooManyDigits);
    check("100000000000.01", Currency::KZT, TooLarge);
    check("99999999999999999999999", Currency::KZT, TooLarge);
    check(&"0".repeat(33), Currency::KZT, TooLarge);
}

#[test]
fn decimal_comma_excludes_the_point() {
    let comma = |text| Money::parse_marked(text, Currency::KZT, DecimalMark::Comma);
    assert_eq!(comma("1000,50").map(|money| money.minor), Ok(100_050));
    assert_eq!(comma("1000"), Ok(Money::new(100_000, Currency::KZT)));
    assert_eq!(comma("1000.50"), Err(MoneyError::NotDecimal));
    assert_eq!(comma("1.000,50"), Err(MoneyError::NotDecimal));
}

#[test]
fn text_shows_all_minor_digits() {
    let check = |minor: i64, currency: Currency, expected: &str| {
        assert_eq!(Money::new(minor, currency).amount(), expected);
    };
    check(100_000, Currency::KZT, "1000.00");
    check(5, Currency::KZT, "0.05");
    check(-5, Currency::KZT, "-0.05");
    check(0, Currency::KZT, "0.00");
    check(1_234, Currency::KWD, "1.234");
    check(1_234, Currency::JPY, "1234");
    check(i64::MIN, Currency::KZT, "-92233720368547758.08");
    assert_eq!(Money::new(70_000, Currency::KZT).to_string(), "700.00 KZT");
}

#[test]
fn text_survives_the_round_trip_in_every_currency() {
    for currency in Currency::all() {
        for minor in [0, 1, 9, 10, 99, 100, 12_345, 9_999_999_999_999, 10_000_000_000_000] {
            let money = Money::new(minor, currency);
            assert_eq!(Money::parse(&money.amount(), currency), Ok(money));
        }
    }
}

#[test]
fn currencies_are_sorted_unique_and_known_in_any_case() {
    let codes: Vec<&str> = Currency::all().map(Currency::code).collect();
    assert!(codes.is_sorted_by(|one, next| one < next));
    for code in &codes {
        assert_eq!(Currency::parse(code).unwrap().code(), *code);
        assert_eq!(Currency::parse(&code.to_lowercase()).unwrap().code(), *code);
    }
    for unknown in ["", "KZ", "KZTT", "XXX", "XAU", "HRK", "BGN", "₸₸₸", "K Z"] {
        assert_eq!(Currency::parse(unknown), Err(MoneyError::UnknownCurrency), "{unknown}");
    }
    assert_eq!(Currency::KZT.minor_digits(), 2);
    assert_eq!(Currency::KWD.minor_digits(), 3);
    assert_eq!(Currency::JPY.minor_digits(), 0);
}

#[test]
fn sums_refuse_mixed_currencies_and_overflow() {
    let kzt = Money::new(1, Currency::KZT);
    assert_eq!(kzt.checked_add(Money::new(2, Currency::KZT)), Ok(Money::new(3, Currency::KZT)));
    assert_eq!(kzt.checked_sub(Money::new(2, Currency::KZT)), Ok(Money::new(-1, Currency::KZT)));
    assert_eq!(kzt.checked_add(Money::new(1, Currency::USD)), Err(MoneyError::CurrencyMismatch));
    let most = Money::new(i64::MAX, Currency::KZT);
    assert_eq!(most.checked_add(kzt), Err(MoneyError::TooLarge));
}

#[test]
fn rates_round_halves_up() {
    let check = |minor: i64, rate: u32, expected: Result<i64, MoneyError>| {
        assert_eq!(super::round_half_up(minor, BasisPoints(rate)), expected, "{minor} at {rate}");
    };
    check(1_000_000, 1_000, Ok(100_000));
    check(100_000, 2_000, Ok(20_000));
    check(5, 1_000, Ok(1));
    check(4, 1_000, Ok(0));
    check(1, 4_999, Ok(0));
    check(1, 5_000, Ok(1));
    check(15, 1_000, Ok(2));
    check(0, 10_000, Ok(0));
    check(7, 0, Ok(0));
    check(i64::MAX, 10_000, Ok(i64::MAX));
    check(i64::MAX, 10_001, Err(MoneyError::TooLarge));
    check(-1, 1, Err(MoneyError::Negative));
}

#[test]
fn percentages_have_at_most_two_decimals() {
    for (text, rate) in [("50", 5_000), ("12.5", 1_250), ("0.01", 1), ("100", 10_000), ("0", 0)] {
        assert_eq!(BasisPoints::parse_percent(text), Ok(BasisPoints(rate)));
        assert_eq!(BasisPoints(rate).percent(), text);
    }
    for text in ["100.01", "12.345", "-1", "", "fifty", "1e1", "5%"] {
        assert_eq!(BasisPoints::parse_percent(text), Err(MoneyError::BadRate), "{text}");
    }
}

#[test]
fn split_over_lines_sums_to_the_whole() {
    let check = |total: i64, weights: &[i64], expected: &[i64]| {
        assert_eq!(largest_remainder(total, weights).as_deref(), Ok(expected));
    };
    check(100, &[1, 1, 1], &[34, 33, 33]);
    check(100, &[2, 1], &[67, 33]);
    check(1, &[1, 5, 4], &[0, 1, 0]);
    check(0, &[1, 2], &[0, 0]);
    check(7, &[0, 0, 0], &[3, 2, 2]);
    check(10, &[0, 3], &[0, 10]);
    check(i64::MAX, &[i64::MAX, i64::MAX], &[i64::MAX / 2 + 1, i64::MAX / 2]);
    assert_eq!(largest_remainder(1, &[]), Err(MoneyError::NoLines));
    assert_eq!(largest_remainder(-1, &[1]), Err(MoneyError::Negative));
    assert_eq!(largest_remainder(1, &[1, -1]), Err(MoneyError::Negative));

    let mut state: u64 = 7;
    let mut next = |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((state >> 33) % bound).unwrap()
    };
    for _ in 0..10_000 {
        let weights: Vec<i64> = (0..=next(7)).map(|_| next(1_000)).collect();
        let total = next(1_000_000);
        let parts = largest_remainder(total, &weights).unwrap();
        assert_eq!(parts.iter().sum::<i64>(), total, "{total} over {weights:?}");
        assert_eq!(parts.len(), weights.len());
    }
}
