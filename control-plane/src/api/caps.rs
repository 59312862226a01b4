//! Caps: limits of clicks, conversions, charge and commission by day, month and in total.

use model::money::Currency;
use serde_json::Map;
use serde_json::Value;

use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::integer;

/// Highest count of a cap.
const COUNT_MAX: i64 = 1_000_000_000_000;

const COUNTS: &[Field] = &[integer("day"), integer("month"), integer("total")];
const AMOUNTS: &[Field] =
    &[field("day", Kind::Money), field("month", Kind::Money), field("total", Kind::Money)];

/// Fields of `caps`.
pub(crate) const FIELDS: &[Field] = &[
    field("clicks", Kind::Object(COUNTS)),
    field("conversions", Kind::Object(COUNTS)),
    field("charge", Kind::Object(AMOUNTS)),
    field("commission", Kind::Object(AMOUNTS)),
];

/// Reads `caps`. Counts stay numbers, amounts become decimal text in the advertiser's currency.
pub(crate) fn read(input: &mut Input, currency: Currency) -> Value {
    let mut caps = Map::new();
    let Some(mut given) = input.object("caps", FIELDS) else { return Value::Object(caps) };
    for name in ["clicks", "conversions"] {
        let Some(mut periods) = given.object(name, COUNTS) else { continue };
        let mut read = Map::new();
        for period in ["day", "month", "total"] {
            if let Some(count) = periods.integer(period, 0..=COUNT_MAX) {
                read.insert(period.to_owned(), Value::from(count));
            }
        }
        given.absorb(periods);
        caps.insert(name.to_owned(), Value::Object(read));
    }
    for name in ["charge", "commission"] {
        let Some(mut periods) = given.object(name, AMOUNTS) else { continue };
        let mut read = Map::new();
        for period in ["day", "month", "total"] {
            if let Some(money) = periods.money(period, currency) {
                read.insert(period.to_owned(), Value::from(money.amount()));
            }
        }
        given.absorb(periods);
        caps.insert(name.to_owned(), Value::Object(read));
    }
    input.absorb(given);
    Value::Object(caps)
}
