//! Our values on the wire, in the binary forms of PostgreSQL's protocol.
//!
//! # Why without types
//!
//! A placeholder is declared without a type, and the server takes that of the column it meets. So
//! NULL fits every column, and one text is one prepared statement, whatever its first values were.

use std::borrow::Cow;

use sqlx::Encode;
use sqlx::Postgres;
use sqlx::Type;
use sqlx::ValueRef;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::postgres::PgTypeInfo;
use sqlx::postgres::PgValueRef;
use sqlx::postgres::types::Oid;

use crate::sql::Value;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
}

impl Kind {
    /// From the name in the catalog; `None` for types that none of our columns has.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "bigint" => Some(Self::Int),
            "text" => Some(Self::Text),
            "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Int => "BIGINT",
            Self::Text => "TEXT",
            Self::Bytes => "BYTEA",
        }
    }

    /// Of `pg_type`, where these never change.
    const fn oid(self) -> u32 {
        match self {
            Self::Int => 20,
            Self::Text => 25,
            Self::Bytes => 17,
        }
    }
}

/// What stands for one placeholder.
#[derive(Debug)]
pub(super) enum Param {
    /// A value.
    One(Value),
    /// An array of them.
    Many(Kind, Vec<Value>),
}

impl Type<Postgres> for Param {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Param {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Self::One(Value::Null) => return Ok(IsNull::Yes),
            Self::One(value) => write_bytes(buffer, value),
            Self::Many(kind, values) => write_array(buffer, *kind, values)?,
        }
        Ok(IsNull::No)
    }
}

fn write_bytes(buffer: &mut PgArgumentBuffer, value: &Value) {
    match value {
        Value::Null => {}
        Value::Int(number) => buffer.extend_from_slice(&number.to_be_bytes()),
        Value::Text(text) => buffer.extend_from_slice(text_bytes(text).as_bytes()),
        Value::Bytes(bytes) => buffer.extend_from_slice(bytes),
    }
}

/// The server has no text with a zero byte. No door lets one in, and whoever looks for one finds
/// nothing; an error would be ours instead of theirs.
fn text_bytes(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Dimensions, whether there are NULLs, type of an element, length, first index; then each element
/// behind its length, -1 for NULL. See `array_recv` of the server.
fn write_array(
    buffer: &mut PgArgumentBuffer,
    kind: Kind,
    values: &[Value],
) -> Result<(), BoxDynError> {
    let count = i32::try_from(values.len())?;
    let has_nulls = i32::from(values.contains(&Value::Null));
    buffer.extend_from_slice(&1_i32.to_be_bytes());
    buffer.extend_from_slice(&has_nulls.to_be_bytes());
    buffer.extend_from_slice(&kind.oid().to_be_bytes());
    buffer.extend_from_slice(&count.to_be_bytes());
    buffer.extend_from_slice(&1_i32.to_be_bytes());
    for value in values {
        let length = match value {
            Value::Null => -1,
            Value::Int(_) => 8,
            Value::Text(text) => i32::try_from(text_bytes(text).len())?,
            Value::Bytes(bytes) => i32::try_from(bytes.len())?,
        };
        buffer.extend_from_slice(&length.to_be_bytes());
        write_bytes(buffer, value);
    }
    Ok(())
}

/// A value of an answer; `None` for types that no statement of ours answers.
pub(super) fn read_value(raw: &PgValueRef<'_>, kind: &str) -> Option<Value> {
    if raw.is_null() {
        return Some(Value::Null);
    }
    let bytes = raw.as_bytes().ok()?;
    let value = match kind {
        "INT8" => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        "INT4" => Value::Int(i64::from(i32::from_be_bytes(bytes.try_into().ok()?))),
        // Sums of numbers of 64 bits are of this type.
        "NUMERIC" => Value::Int(read_numeric(bytes)?),
        "TEXT" | "VARCHAR" | "NAME" => {
            Value::Text(std::str::from_utf8(bytes).ok()?.to_owned().into())
        }
        "BYTEA" => Value::Bytes(bytes.to_vec()),
        "VOID" => Value::Null,
        _ => return None,
    };
    Some(value)
}

/// A whole number: how many digits of base 10,000, the power of the first, the sign, decimal places
/// shown, the digits. See `numeric_recv` of the server. `None` for fractions and what 64 bits do
/// not hold.
fn read_numeric(bytes: &[u8]) -> Option<i64> {
    let mut words = bytes.chunks_exact(2).map(|word| [word[0], word[1]]);
    let count = u16::from_be_bytes(words.next()?);
    let weight = i16::from_be_bytes(words.next()?);
    let is_negative = match u16::from_be_bytes(words.next()?) {
        0x0000 => false,
        0x4000 => true,
        _ => return None,
    };
    words.next()?;
    let mut number: i128 = 0;
    let places = i32::from(weight) + 1;
    for _ in 0..count {
        let digit = i128::from(u16::from_be_bytes(words.next()?));
        number = number.checked_mul(10_000)?.checked_add(digit)?;
    }
    // Zeros at the end are not sent; a digit behind the point is a fraction.
    for _ in i32::from(count)..places {
        number = number.checked_mul(10_000)?;
    }
    if places < i32::from(count) && number != 0 {
        return None;
    }
    i64::try_from(if is_negative { -number } else { number }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, digits: &[u16]) -> Option<i64> {
        let count = u16::try_from(digits.len()).expect("few digits");
        let mut bytes = Vec::new();
        bytes.extend(count.to_be_bytes());
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(0_u16.to_be_bytes());
        for digit in digits {
            bytes.extend(digit.to_be_bytes());
        }
        read_numeric(&bytes)
    }

    #[test]
    fn sums_are_whole_numbers_of_64_bits() {
        assert_eq!(numeric(0, 0, &[]), Some(0));
        assert_eq!(numeric(0, 0, &[12]), Some(12));
        assert_eq!(numeric(1, 0x4000, &[12]), Some(-120_000));
        assert_eq!(numeric(1, 0, &[12, 34]), Some(120_034));
        let max = [922, 3372, 368, 5477, 5807];
        assert_eq!(numeric(4, 0, &max), Some(i64::MAX));
        assert_eq!(numeric(4, 0, &[922, 3372, 368, 5477, 5808]), None);
        assert_eq!(numeric(4, 0x4000, &[922, 3372, 368, 5477, 5808]), Some(i64::MIN));
        assert_eq!(numeric(0, 0, &[1, 5000]), None);
        assert_eq!(numeric(0, 0xC000, &[]), None);
        assert_eq!(numeric(i16::MAX, 0, &[1]), None);
    }
}
