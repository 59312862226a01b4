//! What handlers answer.

use serde_json::Map;
use serde_json::Value;
use store::listing::Paged;

/// A good answer: its JSON. The status is the endpoint's own.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) body: Value,
}

impl Answer {
    /// A whole object. `kind` names it in `<kind>_id`, which repeats its `id`.
    pub(crate) fn object(kind: &str, mut fields: Value) -> Self {
        Self { body: with_kind(kind, &mut fields) }
    }

    /// A page of objects.
    pub(crate) fn page<T>(kind: &str, page: Paged<T>, mut view: impl FnMut(&T) -> Value) -> Self {
        let data: Vec<Value> =
            page.rows.iter().map(|row| with_kind(kind, &mut view(row))).collect();
        Self::rows(data, page.next)
    }

    /// A page of rows that have no id of their own kind.
    pub(crate) fn rows(data: Vec<Value>, next: Option<String>) -> Self {
        let mut body = Map::new();
        body.insert("data".to_owned(), Value::Array(data));
        body.insert("next_cursor".to_owned(), next.map_or(Value::Null, Value::String));
        Self { body: Value::Object(body) }
    }

    /// Anything else.
    pub(crate) const fn json(body: Value) -> Self {
        Self { body }
    }
}

/// The object with `<kind>_id` behind its `id`.
pub(crate) fn with_kind(kind: &str, fields: &mut Value) -> Value {
    let mut object = Map::new();
    if let Value::Object(fields) = fields {
        for (name, value) in std::mem::take(fields) {
            let repeated = (name == "id").then(|| value.clone());
            object.insert(name, value);
            if let Some(id) = repeated {
                object.insert(format!("{kind}_id"), id);
            }
        }
    }
    Value::Object(object)
}
