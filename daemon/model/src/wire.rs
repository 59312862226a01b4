//! The only encoding between the two programs: one version byte, then the struct of that version in
//! postcard.
//!
//! A released version is never edited; a new field is a new version. Golden bytes in the tests pin
//! each of them.
//!
//! # Why postcard
//!
//! A stable, published byte format for serde structs, without field names, that borrows text on
//! reading. A hand-laid layout would save a few nanoseconds and cost a reader who must prove it
//! correct.

use crate::catalog::CatalogEntry;
use crate::click::Click;
use crate::inbound::Inbound;

mod v1;
mod v1_catalog;

/// The version this program writes.
const VERSION: u8 = 1;

/// Bytes that are not a value of a known version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The version byte is not one we read.
    #[error("wire version {0} is not known")]
    Version(u8),
    /// Cut, or not of this form.
    #[error("bytes are not a value of this version")]
    Form,
    /// A closed word of a later version.
    #[error("code {0} is not in its closed set")]
    Code(u8),
}

fn body(bytes: &[u8]) -> Result<&[u8], WireError> {
    match bytes.split_first() {
        Some((&VERSION, body)) => Ok(body),
        Some((&version, _)) => Err(WireError::Version(version)),
        None => Err(WireError::Form),
    }
}

fn read<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    let (value, rest) = postcard::take_from_bytes(body(bytes)?).map_err(|_| WireError::Form)?;
    if rest.is_empty() { Ok(value) } else { Err(WireError::Form) }
}

/// Appends `value` to `bytes`; what stands there stays.
fn append<T: serde::Serialize>(value: &T, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(VERSION);
    // Writing into a Vec cannot fail, and no value here has a length that serde does not know.
    postcard::to_extend(value, bytes).unwrap_or_default()
}

/// Appends the bytes of a click to `bytes`, so that a thread can reuse one buffer.
#[must_use]
pub fn encode_click(click: &Click<'_>, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(VERSION);
    v1::put_click(click, bytes)
}

/// Reads a click back; its texts borrow from `bytes`.
///
/// # Errors
/// [`WireError`] when the bytes are not a click of a known version.
pub fn decode_click(bytes: &[u8]) -> Result<Click<'_>, WireError> {
    read::<v1::ClickV1<'_>>(bytes)?.try_into()
}

/// The bytes of an inbound.
#[must_use]
pub fn encode_inbound(inbound: &Inbound) -> Vec<u8> {
    append(&v1::InboundV1::from(inbound), Vec::with_capacity(256 + inbound.body.len()))
}

/// Reads an inbound back.
///
/// # Errors
/// [`WireError`] when the bytes are not an inbound of a known version.
pub fn decode_inbound(bytes: &[u8]) -> Result<Inbound, WireError> {
    read::<v1::InboundV1<'_>>(bytes)?.try_into()
}

/// The bytes of a catalog entry.
#[must_use]
pub fn encode_catalog(entry: &CatalogEntry) -> Vec<u8> {
    append(&v1_catalog::EntryV1::from(entry), Vec::with_capacity(128))
}

/// Reads a catalog entry back.
///
/// # Errors
/// [`WireError`] when the bytes are not a catalog entry of a known version.
pub fn decode_catalog(bytes: &[u8]) -> Result<CatalogEntry, WireError> {
    read::<v1_catalog::EntryV1>(bytes)?.try_into()
}

#[cfg(test)]
mod tests;
