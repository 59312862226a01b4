//! What an integration's operator can say about its dialect.

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

impl Config {
    /// Reads the text that came with the batch. Empty text is the default of everything.
    ///
    /// # Errors
    /// A sentence for the operator, naming the key that cannot be used.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let document = json::read_config(text)?;
        let mut config = Self::default();
        for (key, value) in document.members().unwrap_or_default() {
            match &**key {
                "names" => config.names = names(value)?,
                "paths" => config.paths(value)?,
                "goal_map" => config.goal_map = goals(value)?,
                "status_map" => config.status_map = statuses(value)?,
                "decimal_comma" => config.is_decimal_comma = flag("decimal_comma", value)?,
                "charge_stated" => config.is_charge_stated = flag("charge_stated", value)?,
                "currency" => config.currency = default_currency(value)?,
                _ => {}
            }
        }
        Ok(config)
    }

    fn paths(&mut self, value: &Json<'_>) -> Result<(), String> {
        for (key, value) in object("paths", value)? {
            let Json::Text(text) = value else { return Err(format!("paths.{key} is not a text")) };
            let path = path(text).ok_or_else(|| format!("paths.{key} is not a path"))?;
            if key == "items" {
                self.items_path = Some(path);
            } else {
                self.paths.push((field("paths", key)?, path));
            }
        }
        Ok(())
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

fn default_currency(value: &Json<'_>) -> Result<Option<String>, String> {
    match value {
        Json::Null => Ok(None),
        Json::Text(text) => match currency(text) {
            Some(code) => Ok(Some(code)),
            None => Err("currency is not a code of three letters".into()),
        },
        _ => Err("currency is not a text".into()),
    }
}

fn object<'d, 'a>(
    key: &str,
    value: &'d Json<'a>,
) -> Result<&'d [(std::borrow::Cow<'a, str>, Json<'a>)], String> {
    value.members().ok_or_else(|| format!("{key} is not an object"))
}

fn flag(key: &str, value: &Json<'_>) -> Result<bool, String> {
    match value {
        Json::Bool(flag) => Ok(*flag),
        _ => Err(format!("{key} is not true or false")),
    }
}

fn field(section: &str, word: &str) -> Result<Field, String> {
    let known = WORDS.iter().find(|(_, known)| *known == word);
    known.map(|(field, _)| *field).ok_or_else(|| format!("{section}.{word} is not a field"))
}

fn names(value: &Json<'_>) -> Result<Vec<(Field, Vec<String>)>, String> {
    let mut names = Vec::new();
    for (key, value) in object("names", value)? {
        let list = match value {
            Json::Text(name) => vec![name.clone().into_owned()],
            Json::List(elements) => {
                let names = elements.iter().map(|element| match element {
                    Json::Text(name) => Ok(name.clone().into_owned()),
                    _ => Err(format!("names.{key} is not a list of texts")),
                });
                names.collect::<Result<_, _>>()?
            }
            _ => return Err(format!("names.{key} is not a list of texts")),
        };
        names.push((field("names", key)?, list));
    }
    Ok(names)
}

fn goals(value: &Json<'_>) -> Result<Vec<(String, Goal)>, String> {
    let mut goals = Vec::new();
    for (word, value) in object("goal_map", value)? {
        let Json::Text(target) = value else {
            return Err(format!("goal_map.{word} is not a text"));
        };
        let goal = match dialect::action(target) {
            Some(action) => Goal { action, custom: None },
            None => Goal { action: Action::Custom, custom: Some(target.clone().into_owned()) },
        };
        goals.push((word.clone().into_owned(), goal));
    }
    Ok(goals)
}

fn statuses(value: &Json<'_>) -> Result<Vec<(String, Status)>, String> {
    let mut statuses = Vec::new();
    for (word, value) in object("status_map", value)? {
        let status = match value {
            Json::Text(target) => dialect::status(target),
            _ => None,
        };
        let Some(status) = status else {
            return Err(format!("status_map.{word} is not a status"));
        };
        statuses.push((word.clone().into_owned(), status));
    }
    Ok(statuses)
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
    use super::{Config, Step, follow, path};
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
}
