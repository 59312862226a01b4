//! From fields to a claim: what each field must look like.

use crate::config::{self, follow};
use crate::decimal;
use crate::dialect::{self, Field};
use crate::instant;
use crate::json::Json;
use crate::reader::{Fields, Reader, parse_error};
use crate::types::{Action, Claim, Item, Refusal, RefusalReason, Status};

/// Longest order number.
pub const ORDER_REF_BYTES_MAX: usize = 128;
/// Longest coupon code.
pub const COUPON_CODE_BYTES_MAX: usize = 64;
/// Longest page address: that of a whole request line.
pub const URL_BYTES_MAX: usize = 8_192;
/// Longest of every other text.
pub const TEXT_BYTES_MAX: usize = 512;
/// Most items of one order.
pub const ITEMS_MAX: usize = 200;

impl Reader {
    /// Makes the claim of these fields.
    ///
    /// # Errors
    /// `bad_amount`: amount or charge is not a plain decimal. `parse_error`: a field is too long or
    /// not of its kind.
    pub fn claim(&self, fields: &Fields<'_>) -> Result<Claim, Refusal> {
        let (action, custom_action) = self.action(fields)?;
        let (status, raw_status) = self.status(fields)?;
        let has_money = fields.get(Field::Amount).is_some() || fields.get(Field::Charge).is_some();
        let currency = match fields.get(Field::Currency) {
            Some(text) => Some(
                config::currency(text)
                    .ok_or_else(|| parse_error("currency is not a code of three letters"))?,
            ),
            None if has_money => self.config.currency.clone(),
            None => None,
        };
        Ok(Claim {
            action,
            custom_action,
            order_ref: text(fields, Field::OrderRef, ORDER_REF_BYTES_MAX)?,
            line: text(fields, Field::Line, ORDER_REF_BYTES_MAX)?,
            amount: self.amount(fields, Field::Amount)?,
            currency,
            charge: self.amount(fields, Field::Charge)?,
            status,
            raw_status,
            occurred_at: moment(fields, Field::OccurredAt)?,
            updated_at: moment(fields, Field::UpdatedAt)?,
            click_ids: click_ids(fields)?,
            coupon_code: coupon_code(fields)?,
            ref_code: text(fields, Field::RefCode, TEXT_BYTES_MAX)?
                .map(|code| code.to_ascii_lowercase()),
            landing_url: text(fields, Field::LandingUrl, URL_BYTES_MAX)?,
            referrer: text(fields, Field::Referrer, URL_BYTES_MAX)?,
            customer_ref: text(fields, Field::CustomerRef, TEXT_BYTES_MAX)?,
            items: self.items(fields)?,
            test: is_test(fields),
        })
    }

    fn amount(&self, fields: &Fields<'_>, field: Field) -> Result<Option<String>, Refusal> {
        let Some(text) = fields.get(field) else { return Ok(None) };
        match decimal::normal(text, self.config.is_decimal_comma) {
            Some(amount) => Ok(Some(amount.into_owned())),
            None => Err(bad_amount(field.word())),
        }
    }

    fn action(&self, fields: &Fields<'_>) -> Result<(Action, Option<String>), Refusal> {
        let Some(word) = fields.get(Field::Action) else {
            return match self.dialect.default_action {
                Some(action) => Ok((action, None)),
                None => Err(parse_error("action is missing")),
            };
        };
        let goals = &self.config.goal_map;
        if let Some((_, goal)) = goals.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)) {
            return Ok((goal.action, goal.custom.clone()));
        }
        match dialect::action(word) {
            Some(action) => Ok((action, None)),
            None if !self.dialect.is_foreign_action_custom => {
                Err(parse_error("action is not a known word"))
            }
            None if word.len() > TEXT_BYTES_MAX => Err(too_long(Field::Action)),
            // Never a purchase by default: a word that nobody mapped must not earn.
            None => Ok((Action::Custom, Some(word.into()))),
        }
    }

    fn status(&self, fields: &Fields<'_>) -> Result<(Option<Status>, Option<String>), Refusal> {
        let Some(word) = text(fields, Field::Status, TEXT_BYTES_MAX)? else {
            return Ok((None, None));
        };
        let mapped = self.config.status_map.iter().map(|(known, status)| (&**known, *status));
        let spoken = self.dialect.statuses.iter().map(|(known, status)| (*known, *status));
        let known = mapped.chain(spoken).find(|(known, _)| known.eq_ignore_ascii_case(&word));
        Ok((Some(known.map_or(Status::Unmapped, |(_, status)| status)), Some(word)))
    }

    fn items(&self, fields: &Fields<'_>) -> Result<Vec<Item>, Refusal> {
        match (&self.config.items_path, &fields.document) {
            (Some(path), Some(document)) => match follow(document, path) {
                Some(list) => self.items_of(list),
                None => Ok(Vec::new()),
            },
            _ => Ok(Vec::new()),
        }
    }

    /// Reads a list of items: `sku`, `quantity` (1 when absent), `unit_amount`, `category`.
    ///
    /// # Errors
    /// `bad_amount`: a unit amount is not a plain decimal. `parse_error`: not a list of objects
    /// with a `sku`.
    pub fn items_of(&self, list: &Json<'_>) -> Result<Vec<Item>, Refusal> {
        let elements = match list {
            Json::Null => return Ok(Vec::new()),
            Json::List(elements) if elements.len() <= ITEMS_MAX => elements,
            Json::List(_) => return Err(parse_error("too many items")),
            _ => return Err(parse_error("items is not a list")),
        };
        elements.iter().map(|element| self.item(element)).collect()
    }

    fn item(&self, element: &Json<'_>) -> Result<Item, Refusal> {
        let word = |name: &str| match element.get(name).and_then(Json::scalar) {
            Some(text) if text.len() > TEXT_BYTES_MAX => {
                Err(parse_error(&format!("items.{name} is too long")))
            }
            Some(text) if text.trim().is_empty() => Ok(None),
            Some(text) => Ok(Some(String::from(text.trim()))),
            None => Ok(None),
        };
        let Some(sku) = word("sku")? else { return Err(parse_error("an item has no sku")) };
        let quantity = match word("quantity")? {
            Some(text) => {
                text.parse().map_err(|_| parse_error("items.quantity is not a number"))?
            }
            None => 1,
        };
        let unit_amount = match word("unit_amount")? {
            Some(text) => {
                let amount = decimal::normal(&text, self.config.is_decimal_comma);
                Some(amount.ok_or_else(|| bad_amount("items.unit_amount"))?.into_owned())
            }
            None => None,
        };
        Ok(Item { sku, quantity, unit_amount, category: word("category")? })
    }
}

/// Capitals may be longer than what was sent, so the length is that of the capitals.
fn coupon_code(fields: &Fields<'_>) -> Result<Option<String>, Refusal> {
    match text(fields, Field::CouponCode, COUPON_CODE_BYTES_MAX)?.map(|code| code.to_uppercase()) {
        Some(code) if code.len() > COUPON_CODE_BYTES_MAX => Err(too_long(Field::CouponCode)),
        code => Ok(code),
    }
}

fn click_ids(fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let mut click_ids = Vec::new();
    for field in [Field::ClickId, Field::OtherClickId] {
        if let Some(id) = text(fields, field, TEXT_BYTES_MAX)?
            && !click_ids.contains(&id)
        {
            click_ids.push(id);
        }
    }
    Ok(click_ids)
}

fn text(fields: &Fields<'_>, field: Field, bytes_max: usize) -> Result<Option<String>, Refusal> {
    match fields.get(field) {
        Some(text) if text.len() > bytes_max => Err(too_long(field)),
        Some(text) if text.bytes().any(|byte| byte.is_ascii_control()) => {
            Err(parse_error(&format!("{} has control characters", field.word())))
        }
        found => Ok(found.map(String::from)),
    }
}

fn moment(fields: &Fields<'_>, field: Field) -> Result<Option<i64>, Refusal> {
    match fields.get(field) {
        None => Ok(None),
        Some(text) => match instant::micros(text) {
            Some(micros) => Ok(Some(micros)),
            None => Err(parse_error(&format!("{} is not a time", field.word()))),
        },
    }
}

fn is_test(fields: &Fields<'_>) -> bool {
    const NO: [&str; 3] = ["0", "false", "no"];
    fields.get(Field::Test).is_some_and(|word| !NO.iter().any(|no| no.eq_ignore_ascii_case(word)))
}

fn bad_amount(word: &str) -> Refusal {
    Refusal { reason: RefusalReason::BadAmount, detail: format!("{word} is not a plain decimal") }
}

fn too_long(field: Field) -> Refusal {
    parse_error(&format!("{} is too long", field.word()))
}
