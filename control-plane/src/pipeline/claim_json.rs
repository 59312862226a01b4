//! Claims as JSON: what the debugger shows, and what parked news is read back from.

use model::claim::Action;
use model::claim::Claim;
use model::claim::ClaimStatus;
use model::claim::Item;
use model::clock::Timestamp;
use model::money::Currency;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value as Json;

#[derive(Serialize, Deserialize)]
struct ClaimForm {
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    click_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ref_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    landing_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_ref: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<ItemForm>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

#[derive(Serialize, Deserialize)]
struct ItemForm {
    sku: String,
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
}

/// The JSON object of a claim; what is absent does not stand in it.
pub(crate) fn to_json(claim: &Claim) -> Json {
    let item = |item: &Item| ItemForm {
        sku: item.sku.clone(),
        quantity: item.quantity,
        unit_amount: item.unit_amount.clone(),
        category: item.category.clone(),
    };
    let status = Some(claim.status).filter(|status| *status != ClaimStatus::Absent);
    let form = ClaimForm {
        action: claim.action.as_str().to_owned(),
        custom_action: claim.custom_action.clone(),
        order_ref: claim.order_ref.clone(),
        line: claim.line.clone(),
        amount: claim.amount.clone(),
        currency: claim.currency.map(|currency| currency.code().to_owned()),
        charge: claim.charge.clone(),
        status: status.map(|status| status.as_str().to_owned()),
        raw_status: claim.raw_status.clone(),
        occurred_at_us: claim.occurred_at.map(|at| at.0),
        updated_at_us: claim.updated_at.map(|at| at.0),
        click_ids: claim.click_ids.clone(),
        coupon_code: claim.coupon_code.clone(),
        ref_code: claim.ref_code.clone(),
        landing_url: claim.landing_url.clone(),
        referrer: claim.referrer.clone(),
        customer_ref: claim.customer_ref.clone(),
        items: claim.items.iter().map(item).collect(),
        test: claim.is_test,
    };
    // Texts, numbers and lists always have a JSON form.
    serde_json::to_value(form).unwrap_or_default()
}

/// Reads [`to_json`] back; `None` for anything else.
pub(crate) fn from_json(json: &Json) -> Option<Claim> {
    let form = ClaimForm::deserialize(json).ok()?;
    let item = |item: ItemForm| Item {
        sku: item.sku,
        quantity: item.quantity,
        unit_amount: item.unit_amount,
        category: item.category,
    };
    let status = match form.status {
        Some(word) => ClaimStatus::parse(&word)?,
        None => ClaimStatus::Absent,
    };
    let currency = match form.currency {
        Some(code) => Some(Currency::parse(&code).ok()?),
        None => None,
    };
    Some(Claim {
        action: Action::parse(&form.action)?,
        custom_action: form.custom_action,
        order_ref: form.order_ref,
        line: form.line,
        amount: form.amount,
        currency,
        charge: form.charge,
        status,
        raw_status: form.raw_status,
        occurred_at: form.occurred_at_us.map(Timestamp),
        updated_at: form.updated_at_us.map(Timestamp),
        click_ids: form.click_ids,
        coupon_code: form.coupon_code,
        ref_code: form.ref_code,
        landing_url: form.landing_url,
        referrer: form.referrer,
        customer_ref: form.customer_ref,
        items: form.items.into_iter().map(item).collect(),
        is_test: form.test,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_survives_its_json_form() {
        let json = json!({
            "action": "purchase", "order_ref": "A-1", "amount": "12.50", "currency": "KZT",
            "status": "approved", "updated_at_us": 5, "click_ids": ["abc"],
            "items": [{"sku": "x", "quantity": 2}],
        });
        let claim = from_json(&json).expect("a claim");
        assert_eq!(to_json(&claim), json);
        assert_eq!(claim.status, ClaimStatus::Approved);
        assert_eq!(from_json(&json!({"action": "buy"})), None);
    }
}
