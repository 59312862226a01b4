//! Rates of exchange: decimal text in, thousand-millionths inside, decimal text out.

/// Decimals that a rate may have.
const DECIMALS: usize = 9;
/// Ten to the power of [`DECIMALS`].
const SCALE: i128 = 1_000_000_000;

/// Reads a rate: digits, optionally a point and at most nine more. `None` for anything else, and
/// for zero.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    let has_point = text.contains('.');
    if whole.is_empty()
        || (has_point && fraction.is_empty())
        || fraction.len() > DECIMALS
        || !is_plain(whole)
        || !is_plain(fraction)
    {
        return None;
    }
    let digits = format!("{whole}{fraction:0<DECIMALS$}");
    digits.parse::<i64>().ok().filter(|rate| *rate > 0)
}

/// Writes [`parse`] back, without superfluous zeros.
pub(crate) fn text(rate_e9: i64) -> String {
    let text = format!("{}.{:09}", i128::from(rate_e9) / SCALE, i128::from(rate_e9) % SCALE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_plain_decimals() {
        for (given, e9) in [
            ("510.25", Some(510_250_000_000)),
            ("0.000000001", Some(1)),
            ("1", Some(1_000_000_000)),
            ("0", None),
            ("0.0000000001", None),
            ("1e3", None),
            ("-1", None),
            ("1,5", None),
            (".5", None),
            ("5.", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(given), e9, "{given}");
        }
        assert_eq!(text(510_250_000_000), "510.25");
        assert_eq!(text(1_000_000_000), "1");
    }
}
