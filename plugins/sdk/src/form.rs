//! Names and values of a query or a form body (`application/x-www-form-urlencoded`).

use std::borrow::Cow;

/// The pairs in order, decoded once. A part without `=` has an empty value; empty parts are
/// skipped.
///
/// Each pair is an error when its bytes are not UTF-8; a percent sign without two hexadecimal
/// digits stays itself.
pub fn pairs(text: &[u8]) -> impl Iterator<Item = Result<(Cow<'_, str>, Cow<'_, str>), NotUtf8>> {
    text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).map(|part| {
        let equals = part.iter().position(|byte| *byte == b'=');
        let (name, value) = match equals {
            Some(at) => (&part[..at], &part[at + 1..]),
            None => (part, &part[part.len()..]),
        };
        Ok((decode(name)?, decode(value)?))
    })
}

/// Decoded bytes that are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8;

fn decode(raw: &[u8]) -> Result<Cow<'_, str>, NotUtf8> {
    if !raw.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| NotUtf8);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        at += 1;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => match (hex(raw.get(at)), hex(raw.get(at + 1))) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    at += 2;
                }
                _ => decoded.push(b'%'),
            },
            other => decoded.push(*other),
        }
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| NotUtf8)
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    match byte? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        letter @ b'a'..=b'f' => Some(letter - b'a' + 10),
        letter @ b'A'..=b'F' => Some(letter - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{NotUtf8, pairs};

    fn check(text: &str, expected: &[(&str, &str)]) {
        let read: Vec<_> = pairs(text.as_bytes()).map(Result::unwrap).collect();
        let read: Vec<(&str, &str)> = read.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn pairs_are_decoded_once_in_order_and_repeated_names_kept() {
        check("a=1&b=x+y&a=%D0%BA&&c", &[("a", "1"), ("b", "x y"), ("a", "к"), ("c", "")]);
        check(
            "a=%257B&b=100%&c=%zz&=v&d=a=b",
            &[("a", "%7B"), ("b", "100%"), ("c", "%zz"), ("", "v"), ("d", "a=b")],
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error() {
        assert!(pairs(b"a=%ff").any(|pair| pair == Err(NotUtf8)));
        assert!(pairs(b"\xff=1").any(|pair| pair == Err(NotUtf8)));
    }
}
