//! Names and values of a query or a form body (`application/x-www-form-urlencoded`).

use std::borrow::Cow;

/// The pairs in order, still encoded, so that only what is read is decoded. A part without `=` has
/// an empty value; empty parts are skipped.
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).map(|part| {
        let equals = part.iter().position(|byte| *byte == b'=');
        match equals {
            Some(at) => (&part[..at], &part[at + 1..]),
            None => (part, &part[part.len()..]),
        }
    })
}

/// Decoded bytes that are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8;

/// Decodes a name or a value once. A percent sign without two hexadecimal digits stays itself.
///
/// # Errors
/// The decoded bytes are not UTF-8.
pub fn decode(raw: &[u8]) -> Result<Cow<'_, str>, NotUtf8> {
    let is_coded = |byte: &u8| matches!(byte, b'%' | b'+');
    let Some(first) = raw.iter().position(is_coded) else {
        return std::str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| NotUtf8);
    };
    let mut decoded = Vec::with_capacity(raw.len());
    decoded.extend_from_slice(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => decoded.push(b' '),
            // The other coded byte is the percent sign.
            _ => match (hex(rest.first()), hex(rest.get(1))) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = &rest[2..];
                }
                _ => decoded.push(b'%'),
            },
        }
        let plain = rest.iter().position(is_coded).unwrap_or(rest.len());
        decoded.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
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
    use super::{NotUtf8, decode, pairs};

    fn check(text: &str, expected: &[(&str, &str)]) {
        let pairs = pairs(text.as_bytes());
        let read: Vec<_> =
            pairs.map(|(name, value)| (decode(name).unwrap(), decode(value).unwrap())).collect();
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
        assert_eq!(decode(b"%ff"), Err(NotUtf8));
        assert_eq!(decode(b"a\xff"), Err(NotUtf8));
        assert_eq!(decode(b"%").unwrap(), "%");
        assert_eq!(decode(b"a%4").unwrap(), "a%4");
        assert_eq!(decode(b"%%41+").unwrap(), "%A ");
    }
}
