//! What a guest returned, held against its limits. A guest is a stranger: nothing it says reaches
//! money unread.
//!
//! Closed sets and UTF-8 are checked by the engine when it lifts a value; here stand lengths, forms
//! and counts. That a currency exists, and has as many digits as an amount, is known where money
//! is.

use crate::error::CallError;
use crate::limits::CLAIMS_PER_INBOUND_MAX;
use crate::values::{Action, Claim, Item, Refusal, Verdict};

const ORDER_REF_BYTES_MAX: usize = 128;
const COUPON_CODE_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 512;
const URL_BYTES_MAX: usize = 8_192;
const CLICK_IDS_MAX: usize = 8;
const ITEMS_MAX: usize = 200;
const WHOLE_DIGITS_MAX: usize = 14;
const FRACTION_DIGITS_MAX: usize = 4;
const REASON_BYTES_MAX: usize = 64;
/// The first microsecond of the year 10000.
const INSTANT_US_END: i64 = 253_402_300_800_000_000;

/// Checks what one inbound became.
pub(crate) fn adapted(adapted: &Result<Vec<Claim>, Refusal>) -> Result<(), CallError> {
    match adapted {
        Ok(claims) if claims.len() > CLAIMS_PER_INBOUND_MAX => bad("number of claims"),
        Ok(claims) => claims.iter().try_for_each(claim),
        Err(refusal) => within("detail", Some(&refusal.detail), TEXT_BYTES_MAX),
    }
}

/// Checks one verdict.
pub(crate) fn verdict(verdict: &Verdict) -> Result<(), CallError> {
    let is_word = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if !(0..=100).contains(&verdict.score) {
        return bad("score");
    }
    if !(1..=REASON_BYTES_MAX).contains(&verdict.reason.len())
        || !verdict.reason.bytes().all(is_word)
    {
        return bad("reason");
    }
    Ok(())
}

fn claim(claim: &Claim) -> Result<(), CallError> {
    if claim.custom_action.is_some() && claim.action != Action::Custom {
        return bad("custom_action");
    }
    if claim.raw_status.is_some() && claim.status.is_none() {
        return bad("raw_status");
    }
    within("custom_action", claim.custom_action.as_deref(), TEXT_BYTES_MAX)?;
    within("order_ref", claim.order_ref.as_deref(), ORDER_REF_BYTES_MAX)?;
    within("line", claim.line.as_deref(), ORDER_REF_BYTES_MAX)?;
    decimal("amount", claim.amount.as_deref())?;
    decimal("charge", claim.charge.as_deref())?;
    if let Some(currency) = &claim.currency
        && !(currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        return bad("currency");
    }
    within("raw_status", claim.raw_status.as_deref(), TEXT_BYTES_MAX)?;
    instant("occurred_at", claim.occurred_at_us)?;
    instant("updated_at", claim.updated_at_us)?;
    if claim.click_ids.len() > CLICK_IDS_MAX {
        return bad("number of click_ids");
    }
    for click_id in &claim.click_ids {
        within("click_ids", Some(click_id), TEXT_BYTES_MAX)?;
    }
    within("coupon_code", claim.coupon_code.as_deref(), COUPON_CODE_BYTES_MAX)?;
    within("ref_code", claim.ref_code.as_deref(), TEXT_BYTES_MAX)?;
    within("landing_url", claim.landing_url.as_deref(), URL_BYTES_MAX)?;
    within("referrer", claim.referrer.as_deref(), URL_BYTES_MAX)?;
    within("customer_ref", claim.customer_ref.as_deref(), TEXT_BYTES_MAX)?;
    if claim.items.len() > ITEMS_MAX {
        return bad("number of items");
    }
    claim.items.iter().try_for_each(item)
}

fn item(item: &Item) -> Result<(), CallError> {
    within("sku", Some(&item.sku), TEXT_BYTES_MAX)?;
    decimal("unit_amount", item.unit_amount.as_deref())?;
    within("category", item.category.as_deref(), TEXT_BYTES_MAX)
}

/// Text that is there is not empty, not longer than allowed and without control characters.
fn within(field: &str, text: Option<&str>, bytes_max: usize) -> Result<(), CallError> {
    match text {
        Some(text)
            if text.is_empty()
                || text.len() > bytes_max
                || text.bytes().any(|byte| byte.is_ascii_control()) =>
        {
            bad(field)
        }
        _ => Ok(()),
    }
}

fn decimal(field: &str, text: Option<&str>) -> Result<(), CallError> {
    let Some(text) = text else { return Ok(()) };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let are_digits = |digits: &str, digits_max: usize| {
        (1..=digits_max).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if are_digits(whole, WHOLE_DIGITS_MAX)
        && fraction.is_none_or(|digits| are_digits(digits, FRACTION_DIGITS_MAX))
    {
        Ok(())
    } else {
        bad(field)
    }
}

fn instant(field: &str, micros: Option<i64>) -> Result<(), CallError> {
    match micros {
        Some(micros) if !(0..INSTANT_US_END).contains(&micros) => bad(field),
        _ => Ok(()),
    }
}

fn bad(field: &str) -> Result<(), CallError> {
    Err(CallError::BadOutput(field.into()))
}
