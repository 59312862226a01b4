//! Amounts as text. Nothing here computes; money is the host's.

use std::borrow::Cow;

/// Digits before the point: the host's cap of 10^13 minor units needs 14 in a currency without
/// minor units.
pub const WHOLE_DIGITS_MAX: usize = 14;
/// Digits after the point: no currency of ISO 4217 has more.
pub const FRACTION_DIGITS_MAX: usize = 4;
/// A text longer than this is not an amount.
const TEXT_BYTES_MAX: usize = 32;

/// Brings an amount into the form of the interface: leading zeros go, a comma becomes a point where
/// the integration allows it. Signs, exponents, grouping, spaces inside and missing digits on
/// either side of the point give none.
pub fn normal(text: &str, is_comma_allowed: bool) -> Option<Cow<'_, str>> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let mark = text.bytes().position(|byte| !byte.is_ascii_digit());
    let (whole, fraction) = match mark {
        None => (text, None),
        Some(at) => match text.as_bytes()[at] {
            b'.' => (&text[..at], Some(&text[at + 1..])),
            b',' if is_comma_allowed => (&text[..at], Some(&text[at + 1..])),
            _ => return None,
        },
    };
    let is_fraction_good = fraction.is_none_or(|digits| {
        (1..=FRACTION_DIGITS_MAX).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if whole.is_empty() || !is_fraction_good {
        return None;
    }
    let zeros = whole.bytes().take(whole.len() - 1).take_while(|byte| *byte == b'0').count();
    if whole.len() - zeros > WHOLE_DIGITS_MAX {
        return None;
    }
    let text = &text[zeros..];
    if text.contains(',') { Some(Cow::Owned(text.replace(',', "."))) } else { Some(text.into()) }
}

/// Whether two amounts in normal form are the same number: `10` and `10.00` are.
pub fn same(left: &str, right: &str) -> bool {
    fn core(text: &str) -> &str {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
    }
    core(left) == core(right)
}

#[cfg(test)]
mod tests {
    use super::{normal, same};

    #[test]
    fn plain_decimal_text_is_an_amount() {
        for (text, expected) in [
            ("0", "0"),
            ("10000.00", "10000.00"),
            ("15990", "15990"),
            ("007.50", "7.50"),
            ("000", "0"),
            ("12345678901234", "12345678901234"),
            ("1.2345", "1.2345"),
        ] {
            assert_eq!(normal(text, false).as_deref(), Some(expected));
        }
        assert_eq!(normal("12,34", true).as_deref(), Some("12.34"));
    }

    #[test]
    fn everything_else_is_none() {
        for text in [
            "",
            "-1",
            "+1",
            "1e3",
            "1E3",
            "NaN",
            "inf",
            ".5",
            "5.",
            "1 000",
            "1,000.00",
            "12,34",
            "1.2.3",
            "0x10",
            "１",
            "123456789012345",
            "1.23456",
            "1_0",
            "$5",
            "5 KZT",
        ] {
            assert_eq!(normal(text, false), None, "{text}");
        }
        for text in ["1,2,3", "1.000,00", "1,000.00", ",5", "5,"] {
            assert_eq!(normal(text, true), None, "{text}");
        }
    }

    #[test]
    fn trailing_zeros_do_not_make_another_amount() {
        assert!(same("10", "10.00") && same("10.5", "10.50") && same("0", "0.0"));
        assert!(!same("10", "100") && !same("10.5", "10.05") && !same("100", "1"));
    }
}
