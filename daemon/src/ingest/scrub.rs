//! Takes token values out of what is recorded. Pure.
//!
//! A value goes by its name wherever a token may stand, and the value that was shown goes wherever
//! it stands: senders repeat tokens in places nobody asked for.

use std::borrow::Cow;

use crate::request::decode;
use crate::request::pairs;

/// What stands in place of a token.
pub const MASK: &str = "***";
/// The parameter and property that carries a token.
pub const TOKEN: &str = "token";
/// Shorter values are masked by name only: masking them anywhere would shred the record.
const VALUE_BYTES_MIN: usize = 6;

/// A raw query or form with its token parameters masked; order and everything else stay as they
/// were.
#[must_use]
pub fn form(raw: &str) -> Cow<'_, str> {
    if !pairs(raw).any(|(name, _)| name.eq_ignore_ascii_case(TOKEN)) {
        return Cow::Borrowed(raw);
    }
    let mut masked = String::with_capacity(raw.len());
    for (position, pair) in raw.split('&').enumerate() {
        if position > 0 {
            masked.push('&');
        }
        match pair.split_once('=') {
            Some((name, _)) if decode(name).eq_ignore_ascii_case(TOKEN) => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(MASK);
            }
            _ => masked.push_str(pair),
        }
    }
    Cow::Owned(masked)
}

/// A body with a top-level token masked, by its form. What cannot be read stays as it is.
#[must_use]
pub fn body(bytes: Vec<u8>, media_type: &str) -> Vec<u8> {
    let is_json = media_type.ends_with("json") || bytes.trim_ascii_start().starts_with(b"{");
    if is_json {
        return json(bytes);
    }
    let masked = match std::str::from_utf8(&bytes) {
        Ok(text) => match form(text) {
            Cow::Owned(masked) => Some(masked.into_bytes()),
            Cow::Borrowed(_) => None,
        },
        Err(_) => None,
    };
    masked.unwrap_or(bytes)
}

fn json(bytes: Vec<u8>) -> Vec<u8> {
    let names_token =
        bytes.windows(TOKEN.len()).any(|it| it.eq_ignore_ascii_case(TOKEN.as_bytes()));
    if !names_token {
        return bytes;
    }
    let Ok(serde_json::Value::Object(mut object)) = serde_json::from_slice(&bytes) else {
        return bytes;
    };
    let mut is_masked = false;
    for (name, value) in &mut object {
        if name.eq_ignore_ascii_case(TOKEN) {
            *value = serde_json::Value::from(MASK);
            is_masked = true;
        }
    }
    let masked = is_masked.then(|| serde_json::to_vec(&object).ok()).flatten();
    masked.unwrap_or(bytes)
}

/// Masks a shown value wherever it stands.
#[must_use]
pub fn value(text: Vec<u8>, shown: &str) -> Vec<u8> {
    let shown = shown.as_bytes();
    if shown.len() < VALUE_BYTES_MIN || !text.windows(shown.len()).any(|part| part == shown) {
        return text;
    }
    let mut masked = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some(at) = rest.windows(shown.len()).position(|part| part == shown) {
        masked.extend_from_slice(&rest[..at]);
        masked.extend_from_slice(MASK.as_bytes());
        rest = &rest[at + shown.len()..];
    }
    masked.extend_from_slice(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_parameters_are_masked_and_nothing_else() {
        for (raw, expected) in [
            ("", ""),
            ("a=b&c", "a=b&c"),
            ("token=secret", "token=***"),
            ("a=1&token=x%20y&b=2&token=z", "a=1&token=***&b=2&token=***"),
            ("%74oken=x&Token=y", "%74oken=***&Token=***"),
            ("token&tokens=1", "token&tokens=1"),
        ] {
            assert_eq!(form(raw), expected);
        }
    }

    #[test]
    fn bodies_lose_their_token_by_form() {
        let check = |text: &str, media_type: &str, expected: &str| {
            let masked = body(text.as_bytes().to_vec(), media_type);
            assert_eq!(String::from_utf8(masked).unwrap(), expected);
        };
        check("token=a&b=c", "application/x-www-form-urlencoded", "token=***&b=c");
        check(r#"{"token":"a","v":1.10}"#, "application/json", r#"{"token":"***","v":1.10}"#);
        check(r#"{"token":"a"}"#, "", r#"{"token":"***"}"#);
        check(r#"{ "v": 1 }"#, "application/json", r#"{ "v": 1 }"#);
        check(r#"{"token":"#, "application/json", r#"{"token":"#);
    }

    #[test]
    fn a_shown_value_is_masked_anywhere() {
        let check = |text: &str, shown: &str| {
            String::from_utf8(value(text.as_bytes().to_vec(), shown)).unwrap()
        };
        assert_eq!(check("x=s3cr3ts3cr3t&y=s3cr3t", "s3cr3t"), "x=******&y=***");
        assert_eq!(check("x=abc", "abc"), "x=abc");
    }
}
