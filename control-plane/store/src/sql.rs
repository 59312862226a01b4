//! SQL without a driver: values in, rows out.
//!
//! # Why
//!
//! Columns are BIGINT, TEXT and bytes and nothing else, and `$1` works in both engines, so a
//! statement needs no driver types. Repositories write their SQL once over these few types; the
//! engines differ below them only.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use model::clock::Timestamp;

use crate::error::StoreError;
use crate::error::StoreResult;

/// One value of a column or placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// BIGINT: numbers, flags (0 or 1), minor units, microseconds.
    Int(i64),
    /// TEXT: ids, words, JSON.
    Text(Cow<'static, str>),
    /// BLOB or BYTEA.
    Bytes(Vec<u8>),
}

/// Makes a `Vec<Value>` for the placeholders `$1`, `$2`, …
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::Value::from($value)),*] };
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Cow::Owned(value.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Cow::Owned(value.clone()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl From<Box<str>> for Value {
    fn from(value: Box<str>) -> Self {
        Self::Text(Cow::Owned(value.into()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.0)
    }
}

impl<T> From<Option<T>> for Value
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

macro_rules! id_values {
    ($($id:ident),+) => {$(
        impl From<model::id::$id> for Value {
            fn from(id: model::id::$id) -> Self {
                Self::Text(Cow::Owned(id.to_string()))
            }
        }
    )+};
}

id_values!(
    TenantId,
    DomainId,
    AdvertiserId,
    IntegrationId,
    OfferId,
    CampaignId,
    PublisherId,
    EnrolmentId,
    ShopperId,
    LinkId,
    CouponId,
    ConversionId,
    TransactionId,
    CommandId,
    KeyId,
    UserId,
    EventId,
    CaseId,
    DeliverableId,
    PayoutId,
    PayoutRunId,
    AdjustmentId,
    PaymentId,
    AdvanceId,
    InvoiceId
);

/// One row of an answer, its columns found by name.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<[Box<str>]>,
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[Box<str>]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// Names and values in order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.columns.iter().map(AsRef::as_ref).zip(&self.values)
    }

    /// The value of a column.
    ///
    /// # Errors
    /// [`StoreError::Column`] when the answer has no such column.
    pub fn value(&self, column: &str) -> StoreResult<&Value> {
        self.columns
            .iter()
            .position(|name| &**name == column)
            .and_then(|position| self.values.get(position))
            .ok_or_else(|| mismatch(column, "a value"))
    }

    /// An optional number.
    ///
    /// # Errors
    /// [`StoreError::Column`] when it holds something else. The same goes for every reader below.
    pub fn opt_int(&self, column: &str) -> StoreResult<Option<i64>> {
        match self.value(column)? {
            Value::Int(value) => Ok(Some(*value)),
            Value::Null => Ok(None),
            _ => Err(mismatch(column, "a number")),
        }
    }

    /// A number.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn int(&self, column: &str) -> StoreResult<i64> {
        self.opt_int(column)?.ok_or_else(|| mismatch(column, "a number"))
    }

    /// A flag, stored as 0 or 1.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn flag(&self, column: &str) -> StoreResult<bool> {
        Ok(self.int(column)? != 0)
    }

    /// An optional text.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn opt_text(&self, column: &str) -> StoreResult<Option<&str>> {
        match self.value(column)? {
            Value::Text(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            _ => Err(mismatch(column, "text")),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn text(&self, column: &str) -> StoreResult<&str> {
        self.opt_text(column)?.ok_or_else(|| mismatch(column, "text"))
    }

    /// An optional text as an owned string.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn opt_string(&self, column: &str) -> StoreResult<Option<String>> {
        Ok(self.opt_text(column)?.map(str::to_owned))
    }

    /// A text as an owned string.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn string(&self, column: &str) -> StoreResult<String> {
        Ok(self.text(column)?.to_owned())
    }

    /// Optional bytes.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn opt_bytes(&self, column: &str) -> StoreResult<Option<&[u8]>> {
        match self.value(column)? {
            Value::Bytes(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            _ => Err(mismatch(column, "bytes")),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn bytes(&self, column: &str) -> StoreResult<&[u8]> {
        self.opt_bytes(column)?.ok_or_else(|| mismatch(column, "bytes"))
    }

    /// Exactly `N` bytes.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn array<const N: usize>(&self, column: &str) -> StoreResult<[u8; N]> {
        self.bytes(column)?.try_into().map_err(|_| mismatch(column, "bytes of that length"))
    }

    /// An instant.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn at(&self, column: &str) -> StoreResult<Timestamp> {
        self.int(column).map(Timestamp)
    }

    /// An optional instant.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn opt_at(&self, column: &str) -> StoreResult<Option<Timestamp>> {
        Ok(self.opt_int(column)?.map(Timestamp))
    }

    /// An id, or anything else read from text.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn id<T: FromStr>(&self, column: &str) -> StoreResult<T> {
        self.text(column)?.parse().map_err(|_| mismatch(column, "an id"))
    }

    /// An optional id.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn opt_id<T: FromStr>(&self, column: &str) -> StoreResult<Option<T>> {
        let text = self.opt_text(column)?;
        text.map(|text| text.parse().map_err(|_| mismatch(column, "an id"))).transpose()
    }

    /// A word of a closed set.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn word<T>(&self, column: &str, parse: fn(&str) -> Option<T>) -> StoreResult<T> {
        parse(self.text(column)?).ok_or_else(|| mismatch(column, "a word of its set"))
    }

    /// An optional word of a closed set.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn opt_word<T>(
        &self,
        column: &str,
        parse: fn(&str) -> Option<T>,
    ) -> StoreResult<Option<T>> {
        let text = self.opt_text(column)?;
        text.map(|text| parse(text).ok_or_else(|| mismatch(column, "a word of its set")))
            .transpose()
    }

    /// JSON text.
    ///
    /// # Errors
    /// As [`Self::opt_int`].
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> StoreResult<T> {
        serde_json::from_str(self.text(column)?).map_err(|_| mismatch(column, "JSON of its form"))
    }
}

fn mismatch(column: &str, expected: &'static str) -> StoreError {
    StoreError::Column { column: column.to_owned(), expected }
}
