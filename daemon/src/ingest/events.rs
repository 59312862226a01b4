//! The event API's JSON: what an event must look like, all bad fields named at once. Pure.

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
const TEXTS: [(&str, usize); 9] = [
    ("order_id", 128),
    ("customer_id", 256),
    ("status", 64),
    ("coupon_code", 64),
    ("click_id", 128),
    ("ref_code", 64),
    ("landing_url", 4096),
    ("referrer", 4096),
    ("ts", 64),
];
/// Texts that senders also write as numbers.
const NUMBERED: [&str; 3] = ["order_id", "customer_id", "ts"];
/// Longest decimal text of a value: more digits than any amount has.
const VALUE_CHARS_MAX: usize = 32;

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
        return Err(invalid("", "must be an object"));
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
    for (name, value) in given {
        if let Err(detail) = check_field(name, value) {
            bad(name, detail);
        }
    }
    if let (true, Some(action)) = (is_filled, path_action) {
        event.insert("action".to_owned(), Value::from(action));
    }
    is_filled
}

fn check_field(name: &str, value: &Value) -> Result<(), String> {
    if let Some((_, bytes_max)) = TEXTS.iter().find(|(text, _)| *text == name) {
        return check_text(name, value, *bytes_max);
    }
    match name {
        "value" => check_value(value),
        "currency" => match value {
            Value::String(code) if is_currency(code) => Ok(()),
            _ => Err("must be three letters (ISO 4217)".to_owned()),
        },
        "properties" => match value {
            Value::Object(fields) if fields.len() <= PROPERTIES_MAX => Ok(()),
            _ => Err(format!("must be an object with at most {PROPERTIES_MAX} fields")),
        },
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

/// Amounts are decimal text or number tokens, never negative; how many digits count is for the
/// adapter to say.
fn check_value(value: &Value) -> Result<(), String> {
    let is_good = match value {
        Value::String(text) => is_decimal(text.trim()),
        Value::Number(number) => is_decimal(&number.to_string()),
        _ => false,
    };
    if is_good {
        Ok(())
    } else {
        Err("must be a decimal number without sign or exponent".to_owned())
    }
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    text.len() <= VALUE_CHARS_MAX && is_digits(whole) && is_digits(fraction)
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests;
