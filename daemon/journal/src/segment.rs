//! Names and identities of segments. Names and headers are the only list of segments there is.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Lane;
use crate::format::BATCH_BYTES;
use crate::format::Frame;
use crate::format::HEADER_BYTES;
use crate::format::Head;
use crate::format::Identity;
use crate::format::JournalId;
use crate::format::RECORD_HEADER_BYTES;
use crate::format::SegmentHeader;
use crate::storage::File;
use crate::storage::Storage;
use crate::storage::read_full;
use crate::window::Window;

/// Ending of segments that hold records.
const SEGMENT_SUFFIX: &str = ".seg";
/// Ending of files that wait to become a segment.
pub(crate) const BLANK_SUFFIX: &str = ".blank";
/// Beginning of the blanks that are the lane's reserve.
pub(crate) const RESERVE_PREFIX: &str = "reserve-";
/// Where copies of damaged bytes are kept, inside the lane's directory.
pub(crate) const QUARANTINE_DIR: &str = "quarantine";

/// A file that is named like a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentFile {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
}

/// What the head of such a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identified {
    Intact(SegmentHeader),
    /// The header is damaged; salt and first sequence come from the first whole batch record.
    Rebuilt(SegmentHeader),
    /// Whole, but of another journal or another place in this one.
    Foreign,
    /// No header and no batch record: nothing in the file can be verified.
    Unknown,
}

impl Identified {
    pub(crate) fn header(self) -> Option<SegmentHeader> {
        match self {
            Self::Intact(header) | Self::Rebuilt(header) => Some(header),
            Self::Foreign | Self::Unknown => None,
        }
    }
}

pub(crate) fn segment_name(lane: &Lane, number: u64) -> String {
    format!("{lane}-{number:020}{SEGMENT_SUFFIX}")
}

pub(crate) fn segment_path(dir: &Path, lane: &Lane, number: u64) -> PathBuf {
    dir.join(segment_name(lane, number))
}

fn segment_number(lane: &Lane, name: &str) -> Option<u64> {
    let digits = name.strip_prefix(lane.as_str())?.strip_prefix('-')?;
    let digits = digits.strip_suffix(SEGMENT_SUFFIX)?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}

/// Files named like segments of the lane, by number.
pub(crate) fn list_segments(
    storage: &dyn Storage,
    dir: &Path,
    lane: &Lane,
) -> io::Result<Vec<SegmentFile>> {
    let entries = storage.list(dir)?;
    let files = entries.iter().filter(|entry| !entry.is_dir).filter_map(|entry| {
        let number = segment_number(lane, &entry.name)?;
        Some(SegmentFile { number, bytes: entry.bytes })
    });
    Ok(files.collect())
}

/// Who a journal's segments say they are, by whom and with which safeguards to read them.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) lane: Lane,
    /// `None` until the journal's id is known; then every segment is taken for ours.
    pub(crate) journal: Option<JournalId>,
    pub(crate) payload_bytes_max: u32,
    pub(crate) weak_checksum: bool,
}

impl Reading {
    pub(crate) fn frame(&self, salt: u64) -> Frame {
        Frame::new(salt, self.weak_checksum)
    }

    fn is_ours(&self, journal: &JournalId) -> bool {
        self.journal.is_none_or(|ours| ours == *journal)
    }

    /// Reads the header, or finds out from the batch records who the file is.
    pub(crate) fn identify(&self, window: &mut Window, number: u64) -> io::Result<Identified> {
        if let Some(header) = read_header(window.file(), &self.lane)? {
            if header.segment == number && self.is_ours(&header.journal) {
                return Ok(Identified::Intact(header));
            }
            // A sector of somebody else may have landed on the head of our file.
            let rebuilt = self.rebuild(window, number)?;
            return Ok(if rebuilt.header().is_some() { rebuilt } else { Identified::Foreign });
        }
        self.rebuild(window, number)
    }

    fn rebuild(&self, window: &mut Window, number: u64) -> io::Result<Identified> {
        let mut foreign = false;
        let mut at = HEADER_BYTES as u64;
        while let Some(place) = window.next_nonzero(at)? {
            at = place;
            let Some(bytes) = window.slice(at, BATCH_BYTES)? else { break };
            if let Some((head, identity)) = self.batch_at(at, bytes) {
                if identity.segment == number && self.is_ours(&identity.journal) {
                    let first_seq = self.first_whole_seq(window, identity.salt, at)?;
                    return Ok(Identified::Rebuilt(SegmentHeader {
                        journal: identity.journal,
                        segment: number,
                        salt: identity.salt,
                        created_at: head.received_at,
                        first_seq: first_seq.unwrap_or(head.seq),
                        planned_bytes: 0,
                    }));
                }
                foreign = true;
            }
            at += 8;
        }
        Ok(if foreign { Identified::Foreign } else { Identified::Unknown })
    }

    /// Sequence of the first record before `end` that verifies with the salt.
    fn first_whole_seq(&self, window: &mut Window, salt: u64, end: u64) -> io::Result<Option<u64>> {
        let frame = self.frame(salt);
        let mut at = HEADER_BYTES as u64;
        while let Some(place) = window.next_nonzero(at)?.filter(|place| *place < end) {
            at = place + 8;
            let Some(bytes) = window.slice(place, RECORD_HEADER_BYTES as u64)? else { break };
            let Some(head) = Head::decode(bytes, self.payload_bytes_max) else { continue };
            let content = RECORD_HEADER_BYTES as u64 + u64::from(head.len);
            let Some(bytes) = window.slice(place, content)? else { continue };
            if frame.verifies(place, &head, &bytes[RECORD_HEADER_BYTES..]) {
                return Ok(Some(head.seq));
            }
        }
        Ok(None)
    }

    /// A framing record proves itself: its checksum verifies with the salt it carries.
    fn batch_at(&self, offset: u64, bytes: &[u8]) -> Option<(Head, Identity)> {
        let head = Head::decode(bytes, self.payload_bytes_max)?;
        if !head.is_framing() {
            return None;
        }
        let payload = bytes.get(RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + head.len as usize)?;
        let identity = Identity::decode(payload, &self.lane)?;
        self.frame(identity.salt).verifies(offset, &head, payload).then_some((head, identity))
    }
}

pub(crate) fn read_header(file: &dyn File, lane: &Lane) -> io::Result<Option<SegmentHeader>> {
    let mut bytes = [0; HEADER_BYTES];
    let count = read_full(file, &mut bytes, 0)?;
    Ok(SegmentHeader::decode(&bytes[..count], lane))
}
