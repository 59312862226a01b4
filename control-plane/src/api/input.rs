//! Reads the fields of a body or a query, collecting every bad one, so that a caller learns all of
//! them at once.
//!
//! What an endpoint takes is declared as [`Field`]s: the declaration refuses unknown names and
//! makes the OpenAPI document, and reading an undeclared field is a broken invariant.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use serde_json::Map;
use serde_json::Value;

use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::time;
use crate::api::urls;

/// Longest free JSON object, in bytes of its text.
const FREE_BYTES_MAX: usize = 16 * 1024;

/// The shape of a field, as the OpenAPI document shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Integer,
    Flag,
    /// `{"amount","currency"}`, or the amount alone as text or number token.
    Money,
    /// A percentage as text or number token.
    Percent,
    Instant,
    Day,
    Texts,
    /// An object of any form.
    Free,
    Object(&'static [Field]),
    Objects(&'static [Field]),
}

/// One field that an endpoint takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_required: bool,
    pub(crate) note: &'static str,
}

impl Field {
    pub(crate) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    pub(crate) const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

/// A field of a kind.
pub(crate) const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_required: false, note: "" }
}

/// A text field.
pub(crate) const fn text(name: &'static str) -> Field {
    field(name, Kind::Text)
}

/// An integer field.
pub(crate) const fn integer(name: &'static str) -> Field {
    field(name, Kind::Integer)
}

/// A list of texts.
pub(crate) const fn texts(name: &'static str) -> Field {
    field(name, Kind::Texts)
}

/// The fields of one object of an input, being read.
#[derive(Debug, Default)]
pub(crate) struct Input {
    fields: &'static [Field],
    values: Map<String, Value>,
    errors: Vec<FieldError>,
    /// Path of this object inside the body, with the dot: `window.`.
    place: String,
    /// In a query every value is text.
    is_query: bool,
}

impl Input {
    /// Fields of a body.
    pub(crate) fn new(fields: &'static [Field], values: Map<String, Value>) -> Self {
        Self::at(String::new(), fields, values)
    }

    /// Parameters of a query; an empty value counts as none.
    pub(crate) fn query(fields: &'static [Field], mut values: Map<String, Value>) -> Self {
        values.retain(|_, value| value.as_str() != Some(""));
        Self { is_query: true, ..Self::new(fields, values) }
    }

    /// The fields of an object as it is, with a patch laid over it. Only `patchable` fields may
    /// differ.
    pub(crate) fn merged(
        fields: &'static [Field],
        mut current: Map<String, Value>,
        patch: Map<String, Value>,
        patchable: &'static [Field],
    ) -> Self {
        current.retain(|name, _| fields.iter().any(|field| field.name == name));
        let mut errors = Vec::new();
        for (name, value) in patch {
            let may_change = patchable.iter().any(|field| field.name == name);
            let is_known = fields.iter().any(|field| field.name == name);
            match current.get_mut(&name) {
                Some(present) if may_change => merge(present, value),
                Some(present) if *present == value => {}
                _ if may_change => {
                    current.insert(name, value);
                }
                _ if is_known => errors.push(FieldError::new(name, "cannot be changed")),
                _ => errors.push(FieldError::new(name, UNKNOWN)),
            }
        }
        let mut input = Self::new(fields, current);
        input.errors = errors;
        input
    }

    fn at(place: String, fields: &'static [Field], values: Map<String, Value>) -> Self {
        let mut input = Self { fields, values, errors: Vec::new(), place, is_query: false };
        let is_known = |name: &String| fields.iter().any(|field| field.name == name);
        let unknown: Vec<String> =
            input.values.keys().filter(|name| !is_known(name)).cloned().collect();
        for name in unknown {
            input.values.remove(&name);
            input.refuse(&name, UNKNOWN);
        }
        input
    }

    /// Notes that a field is bad.
    pub(crate) fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        let field = format!("{}{name}", self.place);
        if !self.errors.iter().any(|error| error.field == field) {
            self.errors.push(FieldError::new(field, detail));
        }
    }

    /// Notes that a field is missing.
    pub(crate) fn missing(&mut self, name: &str) {
        self.refuse(name, "is required");
    }

    /// Takes over the bad fields of an object inside this one.
    pub(crate) fn absorb(&mut self, inner: Self) {
        self.errors.extend(inner.errors);
    }

    /// All bad fields, or none.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::Invalid(self.errors)) }
    }

    /// Whether a field has a value; `null` is none.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a field was sent, `null` included.
    pub(crate) fn is_sent(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The value as sent; `null` counts as absent.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        debug_assert!(
            self.fields.iter().any(|field| field.name == name),
            "{name} is read but not declared"
        );
        self.values.remove(name).filter(|value| !value.is_null())
    }

    /// Text of 1 to `longest` characters without control characters.
    pub(crate) fn text(&mut self, name: &str, longest: usize) -> Option<String> {
        let value = self.value(name)?;
        let Value::String(text) = value else {
            self.refuse(name, "must be text");
            return None;
        };
        let text = text.trim();
        if text.is_empty() {
            self.refuse(name, "must not be empty");
        } else if text.chars().count() > longest {
            self.refuse(name, format!("has more than {longest} characters"));
        } else if text.chars().any(char::is_control) {
            self.refuse(name, "has control characters");
        } else {
            return Some(text.to_owned());
        }
        None
    }

    /// As [`Self::text`], required. Empty when it is bad: [`Self::finish`] tells.
    pub(crate) fn needs_text(&mut self, name: &str, longest: usize) -> String {
        let is_sent = self.has(name);
        let text = self.text(name, longest);
        if text.is_none() && !(is_sent && self.is_refused(name)) {
            self.missing(name);
        }
        text.unwrap_or_default()
    }

    /// Whether a field is already known to be bad.
    pub(crate) fn is_refused(&self, name: &str) -> bool {
        let field = format!("{}{name}", self.place);
        self.errors.iter().any(|error| error.field == field)
    }

    /// A whole number in a range.
    pub(crate) fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.value(name)?;
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) if self.is_query => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let (from, to) = (range.start(), range.end());
                self.refuse(name, format!("must be a whole number from {from} to {to}"));
                None
            }
        }
    }

    /// A truth value.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        let flag = match &value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if self.is_query => text.parse().ok(),
            _ => None,
        };
        if flag.is_none() {
            self.refuse(name, "must be true or false");
        }
        flag
    }

    /// A word of a closed set.
    pub(crate) fn word<T: Copy + Display>(
        &mut self,
        name: &str,
        parse: fn(&str) -> Option<T>,
        all: &[T],
    ) -> Option<T> {
        let value = self.value(name)?;
        let word = value.as_str().and_then(parse);
        if word.is_none() {
            let words: Vec<String> = all.iter().map(ToString::to_string).collect();
            self.refuse(name, format!("must be one of {}", words.join(", ")));
        }
        word
    }

    /// An id of its kind. Whether there is such an object is the handler's to find out.
    pub(crate) fn id<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.value(name)?;
        match value.as_str().unwrap_or_default().parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.refuse(name, error.to_string());
                None
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, name: &str, most: usize, longest: usize) -> Option<Vec<String>> {
        let value = self.value(name)?;
        let Value::Array(items) = value else {
            self.refuse(name, "must be a list of texts");
            return None;
        };
        if items.len() > most {
            self.refuse(name, format!("has more than {most} entries"));
            return None;
        }
        let mut texts = Vec::new();
        for (position, item) in items.iter().enumerate() {
            match item.as_str().map(str::trim) {
                Some(text)
                    if !text.is_empty()
                        && text.chars().count() <= longest
                        && !text.chars().any(char::is_control) =>
                {
                    texts.push(text.to_owned());
                }
                _ => {
                    let detail = format!("must be text of 1 to {longest} characters");
                    self.refuse(&format!("{name}[{position}]"), detail);
                }
            }
        }
        Some(texts)
    }

    /// An object of any form.
    pub(crate) fn free(&mut self, name: &str) -> Option<Value> {
        let value = self.value(name)?;
        if !value.is_object() {
            self.refuse(name, "must be an object");
        } else if value.to_string().len() > FREE_BYTES_MAX {
            self.refuse(name, format!("is longer than {FREE_BYTES_MAX} bytes"));
        } else {
            return Some(value);
        }
        None
    }

    /// An object with fields of its own; give it back through [`Self::absorb`].
    pub(crate) fn object(&mut self, name: &str, fields: &'static [Field]) -> Option<Self> {
        let Value::Object(values) = self.value(name)? else {
            self.refuse(name, "must be an object");
            return None;
        };
        Some(Self::at(format!("{}{name}.", self.place), fields, values))
    }

    /// A list of objects; give each back through [`Self::absorb`].
    pub(crate) fn objects(
        &mut self,
        name: &str,
        fields: &'static [Field],
        most: usize,
    ) -> Option<Vec<Self>> {
        let Value::Array(items) = self.value(name)? else {
            self.refuse(name, "must be a list of objects");
            return None;
        };
        if items.len() > most {
            self.refuse(name, format!("has more than {most} entries"));
            return None;
        }
        let mut inputs = Vec::new();
        for (position, item) in items.into_iter().enumerate() {
            match item {
                Value::Object(values) => {
                    let place = format!("{}{name}[{position}].", self.place);
                    inputs.push(Self::at(place, fields, values));
                }
                _ => self.refuse(&format!("{name}[{position}]"), "must be an object"),
            }
        }
        Some(inputs)
    }

    /// Money in one currency: `{"amount","currency"}`, or the amount alone. A number token is read
    /// by its letters.
    pub(crate) fn money(&mut self, name: &str, currency: Currency) -> Option<Money> {
        let mut value = self.value(name)?;
        if let Value::Object(fields) = &value {
            let stated = fields.get("currency").and_then(Value::as_str);
            if stated.is_some_and(|stated| !stated.eq_ignore_ascii_case(currency.code())) {
                self.refuse(&format!("{name}.currency"), format!("must be {}", currency.code()));
                return None;
            }
            value = fields.get("amount").cloned().unwrap_or_default();
        }
        let amount = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.refuse(name, "must be an amount as text or number");
                return None;
            }
        };
        match Money::parse(&amount, currency) {
            Ok(money) => Some(money),
            Err(error) => {
                self.refuse(name, error.to_string());
                None
            }
        }
    }

    /// A percentage.
    pub(crate) fn percent(&mut self, name: &str) -> Option<BasisPoints> {
        let value = self.value(name)?;
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let rate = BasisPoints::parse_percent(&text).ok();
        if rate.is_none() {
            self.refuse(name, "must be a percentage from 0 to 100 with at most two decimals");
        }
        rate
    }

    /// Basis points, 0 to 10000.
    pub(crate) fn basis_points(&mut self, name: &str) -> Option<BasisPoints> {
        let whole = i64::from(BasisPoints::WHOLE.0);
        self.integer(name, 0..=whole).and_then(|points| u32::try_from(points).ok()).map(BasisPoints)
    }

    /// An instant in RFC 3339.
    pub(crate) fn instant(&mut self, name: &str) -> Option<model::clock::Timestamp> {
        let value = self.value(name)?;
        let at = value.as_str().and_then(time::parse);
        if at.is_none() {
            self.refuse(name, "must be an instant such as 2026-01-31T12:00:00Z");
        }
        at
    }

    /// An instant, or the beginning of a day in a time zone.
    pub(crate) fn moment(&mut self, name: &str, zone: &str) -> Option<model::clock::Timestamp> {
        self.moment_of(name, |day| time::start_of(day, zone))
    }

    /// An instant, or the end of a day in a time zone.
    pub(crate) fn moment_end(&mut self, name: &str, zone: &str) -> Option<model::clock::Timestamp> {
        self.moment_of(name, |day| time::start_of(day.tomorrow().ok()?, zone))
    }

    fn moment_of(
        &mut self,
        name: &str,
        of_day: impl Fn(jiff::civil::Date) -> Option<model::clock::Timestamp>,
    ) -> Option<model::clock::Timestamp> {
        let value = self.value(name)?;
        let text = value.as_str().unwrap_or_default();
        let at = match time::parse_date(text) {
            Some(day) => of_day(day),
            // A plus that was sent without escaping arrives as a space.
            None => time::parse(&text.replace(' ', "+")),
        };
        if at.is_none() {
            self.refuse(name, "must be an instant or a day, such as 2026-01-31T12:00:00Z");
        }
        at
    }

    /// A day, `YYYY-MM-DD`.
    pub(crate) fn day(&mut self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        let day = value.as_str().and_then(time::parse_date).map(|day| day.to_string());
        if day.is_none() {
            self.refuse(name, "must be a day such as 2026-01-31");
        }
        day
    }

    /// An https URL that may be stored, with its host.
    pub(crate) fn url(&mut self, name: &str) -> Option<(String, String)> {
        let value = self.value(name)?;
        let url = value.as_str().and_then(|url| Some((url.to_owned(), urls::https_host(url)?)));
        if url.is_none() {
            self.refuse(name, "must be an https URL with a plain host name and no port");
        }
        url
    }
}

const UNKNOWN: &str = "is not a field here";

/// Lays a patch over a value: objects are merged, `null` inside them removes, everything else
/// replaces.
fn merge(current: &mut Value, patch: Value) {
    match (current, patch) {
        (Value::Object(current), Value::Object(patch)) => {
            for (name, value) in patch {
                match current.get_mut(&name) {
                    _ if value.is_null() => {
                        current.remove(&name);
                    }
                    Some(present) => merge(present, value),
                    None => {
                        current.insert(name, value);
                    }
                }
            }
        }
        (current, patch) => *current = patch,
    }
}

/// A value that [`Input::finish`] has proved to be there.
pub(crate) fn given<T>(value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::Internal("a required field is missing after the check".into()))
}
