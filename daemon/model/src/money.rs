//! Money: minor units of a named currency, read from decimal text and never from a float.
//!
//! Text in, exact minor units inside, text out. Rates are basis points; products go through `i128`
//! and are rounded half up once, at the end. This room knows no exchange rate and no ledger.
//!
//! # Why
//!
//! `i64` minor units hold more than any advertiser owes and add up exactly. A decimal type would
//! allow fractions of a minor unit to travel unseen until somebody has to pay them.

#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod currency;
#[cfg(test)]
mod tests;

use std::fmt;

pub use currency::Currency;

/// The largest amount that is accepted from outside: 10¹³ minor units.
pub const AMOUNT_MINOR_MAX: i64 = 10_000_000_000_000;

/// Longest amount text that is looked at, leading zeros included, in bytes.
const AMOUNT_TEXT_BYTES_MAX: usize = 32;

/// Why a text or a computation is not money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("currency is not an active ISO 4217 code")]
    UnknownCurrency,
    #[error("amount is empty")]
    Empty,
    #[error("amount is not plain decimal digits")]
    NotDecimal,
    #[error("amount has more digits than its currency")]
    TooManyDigits,
    #[error("amount is above the largest that is accepted")]
    TooLarge,
    #[error("amount is below zero")]
    Negative,
    #[error("amounts are in different currencies")]
    CurrencyMismatch,
    #[error("rate is not a percentage with at most two decimals")]
    BadRate,
    #[error("there is nothing to split over")]
    NoLines,
}

/// The character between whole and minor digits. The other one is refused, never skipped: a
/// thousands separator that is skipped turns `1.000` into a thousandth or a thousandfold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DecimalMark {
    #[default]
    Point,
    Comma,
}

/// An amount in minor units of its currency. Differences may be below zero; what comes from
/// outside may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads `1000`, `1000.5` or `1000.50`: digits, optionally a point and more digits, nothing
    /// else. Zero is an amount.
    ///
    /// # Errors
    ///
    /// Empty text, a sign, an exponent, a word, a thousands separator or a space, more digits
    /// after the mark than the currency has, or more than [`AMOUNT_MINOR_MAX`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        Self::parse_marked(text, currency, DecimalMark::Point)
    }

    /// As [`Money::parse`], with the decimal mark that the outside system writes.
    ///
    /// # Errors
    ///
    /// As [`Money::parse`].
    pub fn parse_marked(
        text: &str,
        currency: Currency,
        mark: DecimalMark,
    ) -> Result<Self, MoneyError> {
        let mark = match mark {
            DecimalMark::Point => '.',
            DecimalMark::Comma => ',',
        };
        let minor = parse_scaled(text, mark, currency.minor_digits())?;
        Ok(Self { minor, currency })
    }

    /// # Errors
    ///
    /// Different currencies, or a sum that does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    /// # Errors
    ///
    /// Different currencies, or a difference that does not fit.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    /// This amount at a rate, rounded half up: `round_half_up(amount × bp / 10000)`.
    ///
    /// # Errors
    ///
    /// As [`round_half_up`].
    pub fn at_rate(self, rate: BasisPoints) -> Result<Self, MoneyError> {
        Ok(Self { minor: round_half_up(self.minor, rate)?, ..self })
    }

    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The amount without its currency, with all minor digits: `1000.00`, `-0.05`, `1000` for a
    /// currency without minor digits.
    pub fn amount(self) -> String {
        let digits = usize::from(self.currency.minor_digits());
        let sign = if self.minor < 0 { "-" } else { "" };
        let scale = 10_u64.pow(u32::from(self.currency.minor_digits()));
        let absolute = self.minor.unsigned_abs();
        let whole = absolute.checked_div(scale).unwrap_or_default();
        if digits == 0 {
            return format!("{sign}{whole}");
        }
        let rest = absolute.checked_rem(scale).unwrap_or_default();
        format!("{sign}{whole}.{rest:0digits$}")
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }
}

/// `1000.00 KZT`.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount(), self.currency)
    }
}

/// A rate in hundredths of a percent: 10000 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct BasisPoints(pub u32);

impl BasisPoints {
    pub const ZERO: Self = Self(0);
    pub const WHOLE: Self = Self(10_000);

    /// Reads a percentage: `50`, `12.5`, `12.25`. Not above 100.
    ///
    /// # Errors
    ///
    /// [`MoneyError::BadRate`] for anything else.
    pub fn parse_percent(text: &str) -> Result<Self, MoneyError> {
        let scaled = parse_scaled(text, '.', 2).map_err(|_| MoneyError::BadRate)?;
        let rate = u32::try_from(scaled).map(Self).map_err(|_| MoneyError::BadRate)?;
        if rate > Self::WHOLE { Err(MoneyError::BadRate) } else { Ok(rate) }
    }

    /// `12.5`, `50`: the percentage without superfluous digits.
    pub fn percent(self) -> String {
        let text = format!("{}.{:02}", self.0 / 100, self.0 % 100);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// `amount × rate / 10000`, halves upwards.
///
/// # Errors
///
/// [`MoneyError::Negative`] for an amount below zero, whose halves have no agreed direction;
/// [`MoneyError::TooLarge`] when a rate above the whole carries the product out of range.
pub fn round_half_up(amount_minor: i64, rate: BasisPoints) -> Result<i64, MoneyError> {
    if amount_minor < 0 {
        return Err(MoneyError::Negative);
    }
    // i64::MAX × u32::MAX is below 2⁹⁵, so nothing here leaves i128.
    let product = i128::from(amount_minor)
        .checked_mul(i128::from(rate.0))
        .and_then(|product| product.checked_add(HALF))
        .ok_or(MoneyError::TooLarge)?;
    i64::try_from(product.div_euclid(WHOLE)).map_err(|_| MoneyError::TooLarge)
}

const WHOLE: i128 = 10_000;
const HALF: i128 = 5_000;

/// Splits one amount over lines in proportion to their weights; the parts always sum to `total`.
///
/// Every line first gets its share rounded down; what is left goes, one minor unit each, to the
/// largest remainders, the earlier line first among equals. Without any weight the lines count
/// as equal. The answer has the order and the length of `weights`.
///
/// # Errors
///
/// [`MoneyError::NoLines`] for no weights, [`MoneyError::Negative`] for a negative total or weight.
pub fn largest_remainder(total_minor: i64, weights: &[i64]) -> Result<Vec<i64>, MoneyError> {
    if weights.is_empty() {
        return Err(MoneyError::NoLines);
    }
    if total_minor < 0 || weights.iter().any(|weight| *weight < 0) {
        return Err(MoneyError::Negative);
    }
    let unweighted = weights.iter().all(|weight| *weight == 0);
    let weight_of = |weight: i64| if unweighted { 1 } else { i128::from(weight) };
    let weight_sum: i128 = weights.iter().map(|weight| weight_of(*weight)).sum();
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = total_minor;
    for (line, weight) in weights.iter().enumerate() {
        let product =
            i128::from(total_minor).checked_mul(weight_of(*weight)).ok_or(MoneyError::TooLarge)?;
        let part =
            i64::try_from(product.div_euclid(weight_sum)).map_err(|_| MoneyError::TooLarge)?;
        left = left.checked_sub(part).ok_or(MoneyError::TooLarge)?;
        parts.push(part);
        remainders.push((product.rem_euclid(weight_sum), line));
    }
    remainders.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    // Rounding down leaves less than one minor unit per line, so every line is topped up at most
    // once.
    for (_, line) in remainders.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        parts[line] = parts[line].saturating_add(1);
    }
    Ok(parts)
}

/// Decimal text into units of `10^-digits`.
fn parse_scaled(text: &str, mark: char, digits: u8) -> Result<i64, MoneyError> {
    if text.is_empty() {
        return Err(MoneyError::Empty);
    }
    if text.len() > AMOUNT_TEXT_BYTES_MAX {
        return Err(MoneyError::TooLarge);
    }
    let (whole, fraction) = match text.split_once(mark) {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(MoneyError::NotDecimal),
        None => (text, ""),
    };
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) {
        return Err(MoneyError::NotDecimal);
    }
    let missing =
        usize::from(digits).checked_sub(fraction.len()).ok_or(MoneyError::TooManyDigits)?;
    let padding = std::iter::repeat_n(b'0', missing);
    let mut scaled: i64 = 0;
    for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
        scaled = scaled
            .checked_mul(10)
            .and_then(|value| value.checked_add(i64::from(digit.wrapping_sub(b'0'))))
            .filter(|value| *value <= AMOUNT_MINOR_MAX)
            .ok_or(MoneyError::TooLarge)?;
    }
    Ok(scaled)
}
