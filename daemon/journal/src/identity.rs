//! Who a journal is: 16 random bytes in every segment's header, and once in a file beside the lanes
//! so that a segment of another journal is never taken for ours.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::config::Lane;
use crate::format::JournalId;
use crate::format::u32_at;
use crate::segment::list_segments;
use crate::segment::read_header;
use crate::segment::segment_path;
use crate::storage::Storage;
use crate::storage::read_small;
use crate::storage::replace_file;

pub(crate) const IDENTITY_FILE: &str = "journal.id";
const MAGIC: &[u8; 8] = b"gammajid";
const IDENTITY_BYTES: usize = 28;

/// The journal's id, from its file or, when that is lost, from the majority of its segments.
pub(crate) fn load(storage: &dyn Storage, root: &Path) -> io::Result<Option<JournalId>> {
    let bytes = read_small(storage, &root.join(IDENTITY_FILE), IDENTITY_BYTES + 1)?;
    match bytes.as_deref().and_then(decode) {
        Some(journal) => Ok(Some(journal)),
        None => majority(storage, root),
    }
}

/// The form in which an id is shown and remembered outside.
pub(crate) fn text(journal: &JournalId) -> String {
    format!("{:032x}", u128::from_le_bytes(*journal))
}

/// As [`load`]; a journal that has none gets one.
pub(crate) fn load_or_create(
    storage: &dyn Storage,
    root: &Path,
    entropy: &dyn Fn() -> u64,
) -> io::Result<JournalId> {
    let bytes = read_small(storage, &root.join(IDENTITY_FILE), IDENTITY_BYTES + 1)?;
    if let Some(journal) = bytes.as_deref().and_then(decode) {
        return Ok(journal);
    }
    let journal = majority(storage, root)?.unwrap_or_else(|| {
        let (high, low) = (entropy(), entropy());
        (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
    });
    replace_file(storage, &root.join(IDENTITY_FILE), &encode(&journal))?;
    Ok(journal)
}

fn majority(storage: &dyn Storage, root: &Path) -> io::Result<Option<JournalId>> {
    let mut votes: BTreeMap<JournalId, u64> = BTreeMap::new();
    for entry in storage.list(root)?.iter().filter(|entry| entry.is_dir) {
        let Some(lane) = Lane::from_dir_name(&entry.name) else { continue };
        let dir = root.join(&entry.name);
        for segment in list_segments(storage, &dir, &lane)? {
            let file = storage.open_read(&segment_path(&dir, &lane, segment.number))?;
            if let Some(header) = read_header(&*file, &lane)? {
                *votes.entry(header.journal).or_default() += 1;
            }
        }
    }
    Ok(votes.into_iter().max_by_key(|(_, count)| *count).map(|(journal, _)| journal))
}

fn encode(journal: &JournalId) -> [u8; IDENTITY_BYTES] {
    let mut out = [0; IDENTITY_BYTES];
    out[..8].copy_from_slice(MAGIC);
    out[8..24].copy_from_slice(journal);
    let checksum = crc32c::crc32c(&out[..24]);
    out[24..].copy_from_slice(&checksum.to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<JournalId> {
    let intact = bytes.len() == IDENTITY_BYTES
        && bytes.starts_with(MAGIC)
        && u32_at(bytes, 24) == crc32c::crc32c(&bytes[..24]);
    if intact { bytes[8..24].try_into().ok() } else { None }
}
