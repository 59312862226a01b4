//! JSON as text: numbers stay the characters that were sent, repeated keys stay repeated.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Lists and objects inside each other that a document may have. Deeper ones are refused before
/// they cost stack.
pub const DEPTH_MAX: u32 = 16;

/// Members of one object of a body. A wider one is refused at its first member too many.
pub const MEMBERS_MAX: usize = 64;

/// A JSON value that borrows from its document wherever nothing had to be unescaped.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The characters of the number, checked against the grammar of RFC 8259.
    Number(&'a str),
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// A list, in order.
    List(Vec<Json<'a>>),
    /// Members in order; a repeated key is there twice.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// The first member of that name; none for other kinds of value.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        match self {
            Json::Object(members) => {
                members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The characters of a string, number or boolean; none for `null`, lists and objects.
    pub fn scalar(&self) -> Option<Cow<'a, str>> {
        match self {
            Json::Text(text) => Some(text.clone()),
            Json::Number(number) => Some(Cow::Borrowed(number)),
            Json::Bool(true) => Some(Cow::Borrowed("true")),
            Json::Bool(false) => Some(Cow::Borrowed("false")),
            Json::Null | Json::List(_) | Json::Object(_) => None,
        }
    }

    /// The members of an object.
    pub fn members(&self) -> Option<&[(Cow<'a, str>, Json<'a>)]> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn elements(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::List(elements) => Some(elements),
            _ => None,
        }
    }
}

/// Reads the document of an outside system (RFC 8259, a byte order mark is skipped).
///
/// # Errors
/// The place in bytes and what was expected there.
pub fn read(text: &str) -> Result<Json<'_>, String> {
    read_within(text, MEMBERS_MAX)
}

fn read_within(text: &str, members_max: usize) -> Result<Json<'_>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cursor = Cursor { text, at: 0, members_max };
    cursor.skip_space();
    let value = cursor.value(DEPTH_MAX)?;
    cursor.skip_space();
    if cursor.at < text.len() {
        return Err(cursor.wrong("the end"));
    }
    Ok(value)
}

/// Reads a configuration: an object as wide as its operator likes, or nothing at all.
///
/// # Errors
/// It is not JSON or not an object.
pub fn read_config(text: &str) -> Result<Json<'_>, String> {
    if text.is_empty() {
        return Ok(Json::Object(Vec::new()));
    }
    match read_within(text, usize::MAX) {
        Ok(object @ Json::Object(_)) => Ok(object),
        Ok(_) => Err("is not an object".into()),
        Err(reason) => Err(format!("is not JSON: {reason}")),
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
    members_max: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, expected: &str) -> String {
        let mut reason = String::with_capacity(32);
        // Writing into a String cannot fail.
        let _ = write!(reason, "expected {expected} at byte {}", self.at);
        reason
    }

    fn value(&mut self, depth: u32) -> Result<Json<'a>, String> {
        match (self.peek(), depth.checked_sub(1)) {
            (Some(b'{' | b'['), None) => return Err(self.wrong("less nesting")),
            (Some(b'{'), Some(inside)) => return self.object(inside),
            (Some(b'['), Some(inside)) => return self.list(inside),
            _ => {}
        }
        match self.peek() {
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => Ok(Json::Number(self.number()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.wrong("a value")),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, String> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: u32) -> Result<Json<'a>, String> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a name"));
            }
            if members.len() == self.members_max {
                return Err(self.wrong("fewer members"));
            }
            let name = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.wrong("a colon"));
            }
            self.at += 1;
            self.skip_space();
            members.push((name, self.value(depth)?));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wrong("a comma or a brace")),
            }
        }
        self.at += 1;
        Ok(Json::Object(members))
    }

    fn list(&mut self, depth: u32) -> Result<Json<'a>, String> {
        self.at += 1;
        let mut elements = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(elements));
        }
        loop {
            self.skip_space();
            elements.push(self.value(depth)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wrong("a comma or a bracket")),
            }
        }
        self.at += 1;
        Ok(Json::List(elements))
    }

    fn digits(&mut self) -> Result<(), String> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<&'a str, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// The bytes up to the next quote, backslash or control character.
    fn run(&mut self) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= 0x20) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn string(&mut self) -> Result<Cow<'a, str>, String> {
        self.at += 1;
        let first = self.run();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(first));
        }
        let mut owned = String::from(first);
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut owned)?,
                _ => return Err(self.wrong("the end of a string")),
            }
            owned.push_str(self.run());
        }
        self.at += 1;
        Ok(Cow::Owned(owned))
    }

    fn escape(&mut self, into: &mut String) -> Result<(), String> {
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                into.push(self.unicode()?);
                return Ok(());
            }
            _ => return Err(self.wrong("an escape")),
        };
        self.at += 1;
        into.push(character);
        Ok(())
    }

    fn unicode(&mut self) -> Result<char, String> {
        let high = self.four()?;
        let code = if (0xd800..0xdc00).contains(&high) {
            if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                return Err(self.wrong("the second half of a surrogate pair"));
            }
            self.at += 2;
            let low = self.four()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(self.wrong("the second half of a surrogate pair"));
            }
            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        } else {
            high
        };
        char::from_u32(code).ok_or_else(|| self.wrong("a character"))
    }

    fn four(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Err(self.wrong("four hexadecimal digits")) };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

    use super::{DEPTH_MAX, Json, MEMBERS_MAX, read, read_config};

    fn same(ours: &Json<'_>, theirs: &serde_json::Value) -> bool {
        match (ours, theirs) {
            (Json::Null, serde_json::Value::Null) => true,
            (Json::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
            (Json::Number(ours), serde_json::Value::Number(theirs)) => {
                ours.replace('e', "E").replace("E+", "E")
                    == theirs.to_string().replace('e', "E").replace("E+", "E")
            }
            (Json::Text(ours), serde_json::Value::String(theirs)) => ours == theirs,
            (Json::List(ours), serde_json::Value::Array(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
            }
            (Json::Object(ours), serde_json::Value::Object(theirs)) => {
                ours.iter().all(|(name, value)| {
                    let last = ours.iter().rfind(|(other, _)| other == name).map(|(_, v)| v);
                    last != Some(value) || theirs.get(&**name).is_some_and(|v| same(value, v))
                })
            }
            _ => false,
        }
    }

    fn document() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?",
            any::<String>().prop_map(|text| serde_json::Value::String(text).to_string()),
            "\"(\\\\u[0-9a-fA-F]{4}|\\\\[\"\\\\/bfnrt]|[a-z])*\"",
            prop_oneof!["true", "false", "null"],
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|e| format!("[{}]", e.join(", "))),
                prop::collection::vec(("[a-c]{1,2}", inner), 0..5).prop_map(|members| {
                    let members: Vec<String> = members
                        .iter()
                        .map(|(name, value)| format!("\"{name}\" :{value}"))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_what_the_library_reads(text in document()) {
            match (read(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(ours), Ok(theirs)) => assert!(same(&ours, &theirs), "{text}"),
                (ours, theirs) => {
                    assert!(ours.is_err() && theirs.is_err(), "{text}: {ours:?} {theirs:?}");
                }
            }
        }

        #[test]
        fn damaged_documents_are_refused_where_the_library_refuses(
            text in document(), at in any::<prop::sample::Index>(), put in "[\\x00-\\x7f]?",
        ) {
            let mut characters: Vec<String> = text.chars().map(String::from).collect();
            let index = at.index(characters.len());
            characters[index] = put;
            let text = characters.concat();
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            assert_eq!(read(&text).is_ok(), theirs.is_ok(), "{text}");
        }
    }

    #[test]
    fn repeated_keys_stay_repeated_and_numbers_stay_text() {
        let read = read(r#"{"a":1.10,"a":"x"}"#).unwrap();
        let members = read.members().unwrap();
        assert_eq!(members[0].1, Json::Number("1.10"));
        assert_eq!(members[1].1.scalar().unwrap(), "x");
    }

    #[test]
    fn nesting_is_refused_before_it_costs_stack() {
        let depth = usize::try_from(DEPTH_MAX).unwrap();
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(depth)).is_ok());
        assert!(read(&nested(depth + 1)).is_err());
        assert!(read(&"[".repeat(60_000)).is_err());
        let holding = |depth: usize| "[".repeat(depth) + "1" + &"]".repeat(depth);
        assert!(read(&holding(depth)).is_ok());
        assert!(read(&holding(depth + 1)).is_err());
    }

    #[test]
    fn a_wide_object_is_refused_at_its_first_member_too_many() {
        let wide = |count: usize| {
            let members: Vec<String> =
                (0..count).map(|number| format!(r#""m{number}":1"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(read(&wide(MEMBERS_MAX)).is_ok());
        let reason = read(&wide(10_000)).unwrap_err();
        let at = wide(MEMBERS_MAX).len();
        assert_eq!(reason, format!("expected fewer members at byte {at}"));
        assert!(read(&format!("[{}]", wide(MEMBERS_MAX + 1))).is_err());
        assert!(read_config(&wide(10_000)).is_ok());
    }
}
