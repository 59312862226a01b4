//! Money as the API writes it: `{"amount":"1000.00","currency":"KZT"}`, rates as number tokens.
//! Never a float.

use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use serde_json::Number;
use serde_json::Value;
use serde_json::json;

/// An amount with its currency.
pub(crate) fn view(money: Money) -> Value {
    json!({"amount": money.amount(), "currency": money.currency.code()})
}

/// Minor units with their currency.
pub(crate) fn minor(minor: i64, currency: Currency) -> Value {
    view(Money::new(minor, currency))
}

/// A rate as a percentage: the number token `12.5`.
pub(crate) fn percent(rate: BasisPoints) -> Value {
    let text = rate.percent();
    serde_json::from_str::<Number>(&text).map_or(Value::String(text), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_token_with_its_own_digits() {
        assert_eq!(percent(BasisPoints(1250)).to_string(), "12.5");
        assert_eq!(percent(BasisPoints(1000)).to_string(), "10");
    }
}
