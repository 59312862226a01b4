//! What an integration's operator can say about its dialect.

use std::borrow::Cow;

use crate::dialect::{self, Field, WORDS};
use crate::json::{self, Json};
use crate::types::{Action, Status};

/// One step into a nested body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The member of that name.
    Key(String),
    /// The element of that number, from 0.
    Index(usize),
}

/// The way to a value in a nested body: `order.lines[0].sku`, `$.` in front is allowed.
pub type Path = Vec<Step>;

/// The configuration that every adapter accepts; further keys belong to the adapter or to the host.
#[derive(Debug, Default)]
pub struct Config {
    /// Names instead of those of the dialect.
    pub names: Vec<(Field, Vec<String>)>,
    /// Places in a JSON body instead of names.
    pub paths: Vec<(Field, Path)>,
    /// Place of the list of items in a JSON body.
    pub items_path: Option<Path>,
    /// The outside's words for actions.
    pub goal_map: Vec<(String, Goal)>,
    /// The outside's words for statuses.
    pub status_map: Vec<(String, Status)>,
    /// Whether `12,34` is an amount.
    pub is_decimal_comma: bool,
    /// Currency of an inbound that names none.
    pub currency: Option<String>,
    /// Whether the outside states what it owes us.
    pub is_charge_stated: bool,
}

/// What a goal means.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// One of the vocabulary's actions.
    pub action: Action,
    /// The name of an own action.
    pub custom: Option<String>,
}

/// The keys of a configuration that every adapter reads. `status_map` stands beside them in an
/// integration and comes with them.
pub const KEYS: [&str; 7] =
    ["names", "paths", "goal_map", "status_map", "decimal_comma", "charge_stated", "currency"];

/// Something in a configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands: `names.ordr`. Empty for the configuration as a whole.
    pub key: String,
    /// What is wrong with it, behind the key a sentence.
    pub detail: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = if self.key.is_empty() { "the configuration" } else { &self.key };
        write!(formatter, "{key} {}", self.detail)
    }
}

/// Notes what cannot be used, and goes on: an operator learns everything at once.
#[derive(Debug, Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn note(&mut self, key: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Fault { key: key.into(), detail: detail.into() });
    }

    /// The members of an object.
    fn object<'d, 'a>(&mut self, key: &str, value: &'d Json<'a>) -> &'d [(Cow<'a, str>, Json<'a>)] {
        if value.members().is_none() {
            self.note(key, "is not an object");
        }
        value.members().unwrap_or_default()
    }

    fn flag(&mut self, key: &str, value: &Json<'_>) -> bool {
        if let Json::Bool(flag) = value {
            return *flag;
        }
        self.note(key, "is not true or false");
        false
    }
}

impl Config {
    /// Reads the text that came with the batch. Empty text is the default of everything.
    ///
    /// # Errors
    /// A sentence for the operator, naming the first key that cannot be used.
    pub fn read(text: &str) -> Result<Self, String> {
        let (config, faults) = Self::gather(text);
        faults.into_iter().next().map_or(Ok(config), |fault| Err(fault.to_string()))
    }

    /// Everything that cannot be used in the text: what [`Self::read`] refuses it for. Whoever
    /// stores a configuration asks here, so that there is one reading of it and no other.
    pub fn faults(text: &str) -> Vec<Fault> {
        Self::gather(text).1
    }

    fn gather(text: &str) -> (Self, Vec<Fault>) {
        let (mut config, mut faults) = (Self::default(), Faults::default());
        let document = json::read_config(text).unwrap_or_else(|reason| {
            faults.note("", reason);
            Json::Null
        });
        for (key, value) in document.members().unwrap_or_default() {
            match &**key {
                "names" => config.names = names(value, &mut faults),
                "paths" => config.paths(value, &mut faults),
                "goal_map" => config.goal_map = goals(value, &mut faults),
                "status_map" => config.status_map = statuses(value, &mut faults),
                "decimal_comma" => config.is_decimal_comma = faults.flag(key, value),
                "charge_stated" => config.is_charge_stated = faults.flag(key, value),
                "currency" => config.currency = default_currency(value, &mut faults),
                _ => {}
            }
        }
        (config, faults.0)
    }

    fn paths(&mut self, value: &Json<'_>, faults: &mut Faults) {
        for (key, value) in faults.object("paths", value) {
            let place = format!("paths.{key}");
            let Json::Text(text) = value else {
                faults.note(place, "is not a text");
                continue;
            };
            match (path(text), &**key, field(key)) {
                (None, ..) => faults.note(place, "is not a path"),
                (Some(path), "items", _) => self.items_path = Some(path),
                (Some(path), _, Some(field)) => self.paths.push((field, path)),
                (Some(_), _, None) => faults.note(place, "is not a field"),
            }
        }
    }
}

/// The value at the end of a path; none when a step is missing.
pub fn follow<'d, 'a>(document: &'d Json<'a>, path: &[Step]) -> Option<&'d Json<'a>> {
    path.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.elements()?.get(*index),
    })
}

/// A code of three letters, in capitals.
pub fn currency(text: &str) -> Option<String> {
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| text.to_ascii_uppercase())
}

fn default_currency(value: &Json<'_>, faults: &mut Faults) -> Option<String> {
    let code = match value {
        Json::Null => return None,
        Json::Text(text) => currency(text),
        _ => None,
    };
    if code.is_none() {
        faults.note("currency", "is not a code of three letters");
    }
    code
}

fn field(word: &str) -> Option<Field> {
    WORDS.iter().find(|(_, known)| *known == word).map(|(field, _)| *field)
}

fn names(value: &Json<'_>, faults: &mut Faults) -> Vec<(Field, Vec<String>)> {
    let mut names = Vec::new();
    for (key, value) in faults.object("names", value) {
        let list = match value {
            Json::Text(name) => Some(vec![name.clone().into_owned()]),
            Json::List(elements) => elements.iter().map(text).collect(),
            _ => None,
        };
        match (field(key), list) {
            (Some(field), Some(list)) => names.push((field, list)),
            (None, _) => faults.note(format!("names.{key}"), "is not a field"),
            (_, None) => faults.note(format!("names.{key}"), "is not a list of texts"),
        }
    }
    names
}

fn text(value: &Json<'_>) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}

fn goals(value: &Json<'_>, faults: &mut Faults) -> Vec<(String, Goal)> {
    let mut goals = Vec::new();
    for (word, value) in faults.object("goal_map", value) {
        let Some(target) = text(value) else {
            faults.note(format!("goal_map.{word}"), "is not a text");
            continue;
        };
        let goal = match dialect::action(&target) {
            Some(action) => Goal { action, custom: None },
            None => Goal { action: Action::Custom, custom: Some(target) },
        };
        goals.push((word.clone().into_owned(), goal));
    }
    goals
}

fn statuses(value: &Json<'_>, faults: &mut Faults) -> Vec<(String, Status)> {
    let mut statuses = Vec::new();
    for (word, value) in faults.object("status_map", value) {
        match text(value).and_then(|target| dialect::status(&target)) {
            Some(status) => statuses.push((word.clone().into_owned(), status)),
            None => faults.note(format!("status_map.{word}"), "is not a status"),
        }
    }
    statuses
}

fn path(text: &str) -> Option<Path> {
    let text = text.strip_prefix("$.").unwrap_or(text);
    let mut path = Path::new();
    for part in text.split('.') {
        let (key, brackets) = match part.find('[') {
            Some(at) => part.split_at(at),
            None => (part, ""),
        };
        if key.is_empty() {
            return None;
        }
        match key.parse() {
            Ok(index) => path.push(Step::Index(index)),
            Err(_) => path.push(Step::Key(key.into())),
        }
        for bracket in brackets.split_terminator(']') {
            path.push(Step::Index(bracket.strip_prefix('[')?.parse().ok()?));
        }
        if !brackets.is_empty() && !brackets.ends_with(']') {
            return None;
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::{Config, KEYS, Step, follow, path};
    use crate::json;

    #[test]
    fn a_path_reaches_into_lists_and_objects() {
        let document = json::read(r#"{"order":{"lines":[{"sku":"a"},{"sku":"b"}]}}"#).unwrap();
        for text in ["order.lines[1].sku", "$.order.lines.1.sku"] {
            let steps = path(text).unwrap();
            assert_eq!(steps[2], Step::Index(1));
            assert_eq!(follow(&document, &steps).unwrap().scalar().unwrap(), "b");
        }
        assert!(follow(&document, &path("order.lines[2].sku").unwrap()).is_none());
        for text in ["", "a..b", "a[x]", "a[1", ".a", "[0]"] {
            assert_eq!(path(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name() {
        for (text, key) in [
            ("[]", "object"),
            ("{", "JSON"),
            (r#"{"names":{"ordr":["x"]}}"#, "names.ordr"),
            (r#"{"names":{"order_ref":[1]}}"#, "names.order_ref"),
            (r#"{"paths":{"amount":"a..b"}}"#, "paths.amount"),
            (r#"{"status_map":{"ok":"fine"}}"#, "status_map.ok"),
            (r#"{"goal_map":{"ok":1}}"#, "goal_map.ok"),
            (r#"{"decimal_comma":"yes"}"#, "decimal_comma"),
            (r#"{"currency":"tenge"}"#, "currency"),
        ] {
            let reason = Config::read(text).unwrap_err();
            assert!(reason.contains(key), "{reason}");
        }
        assert!(Config::read(r#"{"currency":null,"body_override":"OK"}"#).is_ok());
    }

    #[test]
    fn everything_that_cannot_be_used_is_told_at_once() {
        let text = r#"{"names":{"ordr":"x","amount":1},"paths":{"items":"a..b","status":"s"},
                       "goal_map":[],"decimal_comma":1,"currency":7,"status_map":{"ok":"fine"}}"#;
        let faults = Config::faults(text);
        let keys: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "names.ordr",
                "names.amount",
                "paths.items",
                "goal_map",
                "decimal_comma",
                "currency",
                "status_map.ok"
            ]
        );
        assert_eq!(Config::read(text).unwrap_err(), faults[0].to_string());
        for key in KEYS {
            let bad = format!(r#"{{"{key}":[[]]}}"#);
            assert_eq!(Config::faults(&bad).len(), 1, "{key} is read");
        }
    }
}
