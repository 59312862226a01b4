//! The event API's JSON: what an event must look like, all bad fields named at once. Pure.

use model::money::Currency;
use model::money::Money;
use serde_json::Map;
use serde_json::Value;

use crate::limits::BATCH_EVENTS_MAX;
use crate::limits::JSON_DEPTH_MAX;
use crate::limits::PROPERTIES_MAX;
use crate::respond::FieldError;
use crate::respond::Problem;

/// What an event may be about.
const ACTIONS: [&str; 6] = ["purchase", "add_to_cart", "signup", "drop_off", "landing", "custom"];
/// Fields that hold one line of text, and the most bytes of each.
const TEXTS: [(&str, usize); 8] = [
    ("order_id", 128),
    ("customer_id", 256),
    ("status", 64),
    ("coupon_code", 64),
    ("click_id", 128),
    ("ref_code", 64),
    ("landing_url", 4096),
    ("referrer", 4096),
];
/// Texts that senders also write as numbers.
const NUMBERED: [&str; 2] = ["order_id", "customer_id"];

/// What came in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// One body per event, each with its action.
    pub bodies: Vec<Vec<u8>>,
    pub is_batch: bool,
}

/// Reads and checks a body. `path_action` is the action that the path names.
///
/// # Errors
/// [`Problem::Malformed`] with the place when it is not JSON, [`Problem::Invalid`] with every bad
/// field otherwise.
pub fn read(body: &[u8], path_action: Option<&str>) -> Result<Events, Problem> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Problem::Malformed(format!("not JSON at line {line}, column {column}"))
    })?;
    if depth(&value) > JSON_DEPTH_MAX {
        let detail = format!("nested deeper than {JSON_DEPTH_MAX} levels");
        return Err(Problem::Malformed(detail));
    }
    let Value::Object(mut object) = value else {
        return Err(invalid("body", "must be a JSON object"));
    };
    if !object.contains_key("events") {
        let mut errors = Vec::new();
        let is_filled = check(&mut object, path_action, "", &mut errors);
        if !errors.is_empty() {
            return Err(Problem::Invalid(errors));
        }
        // An event that is complete is kept to the byte.
        let body = if is_filled { encode(&object) } else { body.to_vec() };
        return Ok(Events { bodies: vec![body], is_batch: false });
    }
    let bodies = read_batch(object, path_action)?;
    Ok(Events { bodies, is_batch: true })
}

fn read_batch(
    mut object: Map<String, Value>,
    path_action: Option<&str>,
) -> Result<Vec<Vec<u8>>, Problem> {
    let Some(Value::Array(events)) = object.remove("events") else {
        return Err(invalid("events", "must be an array"));
    };
    if events.is_empty() || events.len() > BATCH_EVENTS_MAX {
        let detail = format!("must hold 1 to {BATCH_EVENTS_MAX} events");
        return Err(invalid("events", &detail));
    }
    let mut errors = Vec::new();
    let mut bodies = Vec::with_capacity(events.len());
    for (position, event) in events.into_iter().enumerate() {
        let prefix = format!("events[{position}]");
        match event {
            Value::Object(mut event) => {
                check(&mut event, path_action, &prefix, &mut errors);
                bodies.push(encode(&event));
            }
            _ => errors.push(FieldError { field: prefix, detail: "must be an object".to_owned() }),
        }
    }
    if errors.is_empty() { Ok(bodies) } else { Err(Problem::Invalid(errors)) }
}

fn invalid(field: &str, detail: &str) -> Problem {
    Problem::Invalid(vec![FieldError { field: field.to_owned(), detail: detail.to_owned() }])
}

fn encode(object: &Map<String, Value>) -> Vec<u8> {
    // A map of values that were read from JSON can be written as JSON.
    serde_json::to_vec(object).unwrap_or_default()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Members of the widest object in a value.
fn width(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(width).max().unwrap_or(0),
        Value::Object(fields) => fields.values().map(width).max().unwrap_or(0).max(fields.len()),
        _ => 0,
    }
}

/// Checks one event and fills in its action. Whether it was filled in.
fn check(
    event: &mut Map<String, Value>,
    path_action: Option<&str>,
    prefix: &str,
    errors: &mut Vec<FieldError>,
) -> bool {
    let mut bad = |field: &str, detail: String| {
        let dot = if prefix.is_empty() { "" } else { "." };
        errors.push(FieldError { field: format!("{prefix}{dot}{field}"), detail });
    };
    // An absent field and null are the same.
    let given: Vec<(&String, &Value)> =
        event.iter().filter(|(_, value)| !value.is_null()).collect();
    let is_filled = match (event.get("action"), path_action) {
        (None | Some(Value::Null), Some(_)) => true,
        (None | Some(Value::Null), None) => {
            bad("action", "is required".to_owned());
            false
        }
        (Some(Value::String(action)), Some(named)) if action != named => {
            bad("action", format!("must be {named} under this path"));
            false
        }
        (Some(Value::String(action)), _) if ACTIONS.contains(&action.as_str()) => false,
        _ => {
            bad("action", format!("must be one of {}", ACTIONS.join(", ")));
            false
        }
    };
    let currency = event.get("currency").and_then(Value::as_str);
    let currency = currency.and_then(|code| Currency::parse(code).ok());
    for (name, value) in given {
        if let Err(detail) = check_field(name, value, currency) {
            bad(name, detail);
        }
    }
    if event.len() > PROPERTIES_MAX {
        let field = if prefix.is_empty() { "body" } else { prefix };
        let detail = format!("has more than {PROPERTIES_MAX} fields");
        errors.push(FieldError { field: field.to_owned(), detail });
    }
    if let (true, Some(action)) = (is_filled, path_action) {
        event.insert("action".to_owned(), Value::from(action));
    }
    is_filled
}

fn check_field(name: &str, value: &Value, currency: Option<Currency>) -> Result<(), String> {
    if name == "ts" {
        let is_good = value.as_str().is_some_and(is_date_time);
        let detail = "must be a date and time with offset (RFC 3339)";
        return if is_good { Ok(()) } else { Err(detail.to_owned()) };
    }
    if let Some((_, bytes_max)) = TEXTS.iter().find(|(text, _)| *text == name) {
        return check_text(name, value, *bytes_max);
    }
    match name {
        "value" => check_value(value, currency),
        "currency" => match value {
            Value::String(code) if Currency::parse(code).is_ok() => Ok(()),
            _ => Err("must be a currency code of ISO 4217".to_owned()),
        },
        "properties" if !value.is_object() || width(value) > PROPERTIES_MAX => {
            Err(format!("must be an object with at most {PROPERTIES_MAX} fields"))
        }
        _ if width(value) > PROPERTIES_MAX => {
            Err(format!("holds an object with more than {PROPERTIES_MAX} fields"))
        }
        _ => Ok(()),
    }
}

fn check_text(name: &str, value: &Value, bytes_max: usize) -> Result<(), String> {
    let is_good = match value {
        Value::String(text) => text.len() <= bytes_max && !text.chars().any(char::is_control),
        Value::Number(number) => NUMBERED.contains(&name) && number.to_string().len() <= bytes_max,
        _ => false,
    };
    if is_good { Ok(()) } else { Err(format!("must be text of at most {bytes_max} bytes")) }
}

/// Amounts are decimal text or number tokens, never negative. Without a currency, the digits say
/// which kind of currency it could be.
fn check_value(value: &Value, currency: Option<Currency>) -> Result<(), String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err("must be a decimal number or its text".to_owned()),
    };
    let fraction_digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let widest = Currency::all().filter(|it| usize::from(it.minor_digits()) >= fraction_digits);
    let currency = currency.or_else(|| widest.min_by_key(|it| it.minor_digits()));
    let Some(currency) = currency else {
        return Err("has more digits than any currency".to_owned());
    };
    Money::parse(&text, currency).map(|_| ()).map_err(|error| error.to_string())
}

/// Whether text is a `date-time` of RFC 3339, section 5.6.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let Some(zone_at) = time.find(['Z', 'z', '+', '-']) else { return false };
    let (time, zone) = time.split_at(zone_at);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let zone_good = match zone.as_bytes() {
        [b'Z' | b'z'] => true,
        [_, ..] => numbers(&zone[1..], ":", [2, 2]).is_some_and(|[h, m]| h < 24 && m < 60),
        [] => false,
    };
    let date_good = numbers(date, "-", [4, 2, 2]).is_some_and(|[year, month, day]| {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u16::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (1..=12).contains(&month) && (1..=days).contains(&day)
    });
    // A leap second is a time.
    let time_good =
        numbers(time, ":", [2, 2, 2]).is_some_and(|[h, m, s]| h < 24 && m < 60 && s <= 60);
    date_good && time_good && zone_good && is_digits(fraction) && fraction.len() <= 9
}

/// Numbers of exactly these many digits between `mark`s.
fn numbers<const COUNT: usize>(
    text: &str,
    mark: &str,
    digits: [usize; COUNT],
) -> Option<[u16; COUNT]> {
    let mut found = [0; COUNT];
    let mut parts = text.split(mark);
    for (number, wanted) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_good = part.len() == wanted && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = if is_good { part.parse().ok()? } else { return None };
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests;
