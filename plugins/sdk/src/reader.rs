//! From an inbound to its fields: which names count, what is missing, what contradicts itself.

use std::borrow::Cow;

use crate::config::{Config, follow};
use crate::decimal;
use crate::dialect::{Dialect, FIELD_COUNT, Field};
use crate::form;
use crate::json::{self, Json};
use crate::types::{Inbound, Refusal, RefusalReason};

/// Names longer than this share a bucket.
const NAME_BYTES_BUCKET_MAX: usize = 24;

/// Reads the inbounds of one integration.
#[derive(Debug)]
pub struct Reader {
    pub(crate) dialect: &'static Dialect,
    pub(crate) config: Config,
    /// The names that count, sorted by their length.
    names: Vec<Name>,
    /// Where the names of each length begin.
    starts: [usize; NAME_BYTES_BUCKET_MAX + 2],
}

#[derive(Debug)]
struct Name {
    text: Cow<'static, str>,
    field: Field,
    rank: usize,
}

/// What was found for one field.
#[derive(Debug, Clone)]
struct Found<'a> {
    value: Cow<'a, str>,
    rank: usize,
}

/// The fields of one inbound, and its JSON body if it has one.
#[derive(Debug)]
pub struct Fields<'a> {
    found: [Option<Found<'a>>; FIELD_COUNT],
    /// Fields where only a list or an object stood.
    nested: [bool; FIELD_COUNT],
    is_decimal_comma: bool,
    /// The body, when it is JSON: an object.
    pub document: Option<Json<'a>>,
}

impl Reader {
    /// Binds a dialect to an integration's configuration.
    ///
    /// # Errors
    /// The configuration cannot be used; the text names the key.
    pub fn new(dialect: &'static Dialect, config: &str) -> Result<Self, String> {
        let config = Config::read(config)?;
        let is_charge_stated = dialect.is_charge_stated || config.is_charge_stated;
        let is_configured =
            |field: Field| config.names.iter().any(|(configured, _)| *configured == field);
        let mut names = Vec::with_capacity(64);
        for (field, list) in dialect.names {
            // A configured click id replaces both places of the dialect.
            let place = if *field == Field::OtherClickId { Field::ClickId } else { *field };
            if is_configured(place) || (*field == Field::Charge && !is_charge_stated) {
                continue;
            }
            for (rank, text) in list.iter().enumerate() {
                names.push(Name { text: Cow::Borrowed(text), field: *field, rank });
            }
        }
        for (field, list) in &config.names {
            if *field == Field::Charge && !is_charge_stated {
                continue;
            }
            for (rank, text) in list.iter().enumerate() {
                names.push(Name { text: Cow::Owned(text.clone()), field: *field, rank });
            }
        }
        names.sort_by_key(|name| bucket(&name.text));
        let mut starts = [names.len(); NAME_BYTES_BUCKET_MAX + 2];
        for (at, name) in names.iter().enumerate().rev() {
            starts[bucket(&name.text)] = at;
        }
        for length in (0..=NAME_BYTES_BUCKET_MAX).rev() {
            starts[length] = starts[length].min(starts[length + 1]);
        }
        Ok(Self { dialect, config, names, starts })
    }

    /// Collects the fields of query and body.
    ///
    /// # Errors
    /// `parse_error`: the body is neither form nor a JSON object, is not UTF-8, or says two
    /// different things about one field.
    pub fn read<'a>(&self, inbound: &'a Inbound) -> Result<Fields<'a>, Refusal> {
        let mut fields = Fields {
            found: [const { None }; FIELD_COUNT],
            nested: [false; FIELD_COUNT],
            is_decimal_comma: self.config.is_decimal_comma,
            document: None,
        };
        self.pairs(&mut fields, inbound.query.as_bytes(), "query")?;
        match body_kind(inbound) {
            BodyKind::Empty => {}
            BodyKind::Form => self.pairs(&mut fields, &inbound.body, "body")?,
            BodyKind::Json => {
                let text = std::str::from_utf8(&inbound.body)
                    .map_err(|_| parse_error("the body is not UTF-8"))?;
                let document = json::read(text)
                    .map_err(|reason| parse_error(&format!("the body is not JSON: {reason}")))?;
                self.members(&mut fields, &document)?;
                fields.document = Some(document);
            }
            BodyKind::Other => return Err(parse_error("the body is neither form nor JSON")),
        }
        fields.refuse_nested()?;
        Ok(fields)
    }

    fn pairs<'a>(
        &self,
        fields: &mut Fields<'a>,
        text: &'a [u8],
        place: &str,
    ) -> Result<(), Refusal> {
        let not_utf8 = |_| parse_error(&format!("the {place} is not UTF-8"));
        for (name, value) in form::pairs(text) {
            let name = form::decode(name).map_err(not_utf8)?;
            for known in self.named(&name) {
                fields.offer(known.field, known.rank, form::decode(value).map_err(not_utf8)?)?;
            }
        }
        Ok(())
    }

    fn members<'a>(&self, fields: &mut Fields<'a>, document: &Json<'a>) -> Result<(), Refusal> {
        let Some(members) = document.members() else {
            return Err(parse_error("the body is not a JSON object"));
        };
        for (name, value) in members {
            for known in self.named(name) {
                if self.config.paths.iter().all(|(field, _)| *field != known.field) {
                    fields.offer_json(known.field, known.rank, value)?;
                }
            }
        }
        let is_charge_read = self.dialect.is_charge_stated || self.config.is_charge_stated;
        for (field, path) in &self.config.paths {
            if *field == Field::Charge && !is_charge_read {
                continue;
            }
            if let Some(value) = follow(document, path) {
                fields.offer_json(*field, 0, value)?;
            }
        }
        Ok(())
    }

    fn named<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Name> {
        let length = bucket(name);
        let same_length = &self.names[self.starts[length]..self.starts[length + 1]];
        same_length.iter().filter(move |known| known.text == name)
    }
}

impl<'a> Fields<'a> {
    /// The value of a field; absent when it was not sent, empty or an unfilled macro.
    pub fn get(&self, field: Field) -> Option<&str> {
        self.found[field.index()].as_ref().map(|found| &*found.value)
    }

    /// Adds a value found under the name of that rank (0 is the first name).
    ///
    /// # Errors
    /// `parse_error`: the field already has a different value. Click ids, statuses, actions,
    /// currencies and codes do not differ by case alone, amounts not by zeros at the end.
    pub fn offer(&mut self, field: Field, rank: usize, value: Cow<'a, str>) -> Result<(), Refusal> {
        let value = trimmed(value);
        if is_missing(&value) {
            return Ok(());
        }
        if let Some(found) = &self.found[field.index()] {
            if !self.is_same(field, &found.value, &value) {
                return Err(parse_error(&format!("two different values for {}", field.word())));
            }
            if found.rank <= rank {
                return Ok(());
            }
        }
        self.found[field.index()] = Some(Found { value, rank });
        Ok(())
    }

    fn offer_json(&mut self, field: Field, rank: usize, value: &Json<'a>) -> Result<(), Refusal> {
        if let Some(text) = value.scalar() {
            return self.offer(field, rank, text);
        }
        self.nested[field.index()] |= *value != Json::Null;
        Ok(())
    }

    /// An amount that only stands inside an object must not become "no amount".
    fn refuse_nested(&self) -> Result<(), Refusal> {
        let only_nested = self
            .nested
            .iter()
            .zip(&self.found)
            .position(|(is_nested, found)| *is_nested && found.is_none());
        match only_nested
            .and_then(|at| crate::dialect::WORDS.iter().find(|(field, _)| field.index() == at))
        {
            Some((_, word)) => Err(parse_error(&format!(
                "{word} is a list or an object, and no path leads into it"
            ))),
            None => Ok(()),
        }
    }

    fn is_same(&self, field: Field, left: &str, right: &str) -> bool {
        match field {
            Field::ClickId | Field::OtherClickId => {
                left.len() == right.len() && left.bytes().map(fold).eq(right.bytes().map(fold))
            }
            Field::Status | Field::Action | Field::Currency | Field::RefCode | Field::Test => {
                left.eq_ignore_ascii_case(right)
            }
            Field::CouponCode => left.to_uppercase() == right.to_uppercase(),
            Field::Amount | Field::Charge => {
                let normal = |text| decimal::normal(text, self.is_decimal_comma);
                match (normal(left), normal(right)) {
                    (Some(left), Some(right)) => decimal::same(&left, &right),
                    _ => left == right,
                }
            }
            _ => left == right,
        }
    }
}

/// A refusal for an inbound that cannot be read.
pub fn parse_error(detail: &str) -> Refusal {
    Refusal { reason: RefusalReason::ParseError, detail: detail.into() }
}

/// Whether a value is empty or a macro that the sender's system left unfilled.
pub fn is_missing(value: &str) -> bool {
    let bytes = value.as_bytes();
    match bytes {
        [] | [b'{', .., b'}'] | [b'[', b'[', b'[', .., b']', b']', b']'] => true,
        [b'%', b'7', letter, ..] => letter.eq_ignore_ascii_case(&b'b'),
        _ => false,
    }
}

/// Crockford's alphabet: no case, `o` is 0, `i` and `l` are 1.
fn fold(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        other => other,
    }
}

fn trimmed(value: Cow<'_, str>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().into()),
    }
}

fn bucket(name: &str) -> usize {
    name.len().min(NAME_BYTES_BUCKET_MAX)
}

enum BodyKind {
    Empty,
    Form,
    Json,
    Other,
}

/// Many senders post JSON under the form's media type, so the first byte decides before the header:
/// no form begins with a brace.
fn body_kind(inbound: &Inbound) -> BodyKind {
    let first = inbound.body.iter().find(|byte| !byte.is_ascii_whitespace());
    let header = inbound.headers.iter().find(|header| header.name == "content-type");
    let media = header.map_or("", |header| &header.value);
    match first {
        None => BodyKind::Empty,
        Some(b'{' | b'[' | 0xef) => BodyKind::Json,
        Some(_) if contains_fold(media, "json") => BodyKind::Json,
        Some(_) if media.is_empty() || contains_fold(media, "x-www-form-urlencoded") => {
            BodyKind::Form
        }
        Some(_) => BodyKind::Other,
    }
}

fn contains_fold(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}
