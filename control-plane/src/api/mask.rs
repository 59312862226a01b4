//! What support may not read: amounts, and how to reach a person.

use serde_json::Value;

/// What stands in place of a masked value.
const MASK: &str = "***";

/// Fields whose values are masked wherever they stand.
const MASKED: &[&str] = &[
    "amount",
    "amount_minor",
    "phone",
    "email",
    "iin",
    "payout",
    "customer_ref",
    "body",
    "query",
    "claims",
    "claim",
    "raw",
    "budget",
    "fixed_fee",
];

/// Masks money and contacts in an answer. Masked values become `"***"`, `null` stays `null`.
pub(crate) fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Null => {}
                    Value::Object(_) if is_money(value) => mask(value),
                    _ if MASKED.contains(&name.as_str()) => *value = Value::from(MASK),
                    _ => mask(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        _ => {}
    }
}

fn is_money(value: &Value) -> bool {
    value.get("amount").is_some() && value.get("currency").is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_and_contacts_are_masked_and_the_rest_stays() {
        let mut value = json!({
            "id": "pub_1", "phone": "+77010000000", "email": null,
            "data": [{"net": {"amount": "700.00", "currency": "KZT"}, "status": "pending"}],
            "payout": {"rail": "file", "destination": "KZ1"},
        });
        mask(&mut value);
        let expected = json!({
            "id": "pub_1", "phone": "***", "email": null,
            "data": [{"net": {"amount": "***", "currency": "KZT"}, "status": "pending"}],
            "payout": "***",
        });
        assert_eq!(value, expected);
    }
}
