//! Bytes of a segment: header, records, and the two framing records.
//!
//! ```text
//! header, 64 bytes   magic 8 · version u16 · pages u16 · journal id 16 · segment u64 · salt u64
//!                    · created_at i64 · first_seq u64 · crc32c u32
//! record             len u32 · kind u8 · flags u8 · reserved u16 · seq u64 · received_at i64 µs
//!                    · crc32c u32 · payload · zeros up to a multiple of 8
//! ```
//!
//! All numbers are little-endian. `pages` is the planned length in units of 4 KiB. The header's
//! checksum also covers the lane's name; a record's covers the segment's salt, the record's offset
//! in the file, every header field and the payload, so a record that is whole but lies in the wrong
//! file or at the wrong place does not verify.
//!
//! Every write starts with a *batch* record that says how many records follow, which sequence a
//! finished sync covers, and once more who this segment is: one bad sector at the head of the file
//! then costs nothing. A *seal* closes the segment. A sealed file ends with its seal; one that is
//! not sealed still has its planned length, so a file that was cut is known as such.

use crate::config::Lane;
use crate::config::PAGE_BYTES;
use crate::record::KIND_FRAMING_MIN;
use crate::record::Record;
use crate::record::SeqRange;

pub(crate) const HEADER_BYTES: usize = 64;
pub(crate) const RECORD_HEADER_BYTES: usize = 28;
/// Where the checksum stands inside a record's header.
const CHECKSUM_AT: usize = 24;
const MAGIC: &[u8; 8] = b"gammajrn";
const VERSION: u16 = 1;

pub(crate) const KIND_BATCH: u8 = 0xff;
pub(crate) const KIND_SEAL: u8 = 0xfe;
/// Flag of a seal that recovery wrote for a writer that could not.
const FLAG_RECOVERED: u8 = 1;

const IDENTITY_BYTES: usize = 48;
pub(crate) const BATCH_BYTES: u64 = padded(RECORD_HEADER_BYTES + IDENTITY_BYTES) as u64;
/// A seal without missing ranges, as every writer leaves it.
pub(crate) const SEAL_BYTES: u64 = BATCH_BYTES;
/// Missing ranges one seal can name; more are merged.
pub(crate) const SEAL_RANGES_MAX: usize = 256;
const RANGE_BYTES: usize = 16;

pub(crate) type JournalId = [u8; 16];

/// Start of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) journal: JournalId,
    pub(crate) segment: u64,
    pub(crate) salt: u64,
    pub(crate) created_at: i64,
    pub(crate) first_seq: u64,
    /// 0 when the header was lost and rebuilt from a batch record.
    pub(crate) planned_bytes: u64,
}

/// Payload of the framing records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Records that follow (batch), or missing ranges listed (seal).
    pub(crate) count: u32,
    pub(crate) synced_seq: u64,
    pub(crate) salt: u64,
    pub(crate) segment: u64,
    pub(crate) journal: JournalId,
}

/// The end of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) last_seq: u64,
    /// What a sync covered before the seal was written; in a recovered one less than all.
    pub(crate) synced_seq: u64,
    pub(crate) recovered: bool,
    /// What recovery knew to be missing, in order.
    pub(crate) missing: Vec<SeqRange>,
}

/// The fixed part of a record; its payload is `len` bytes behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) len: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) seq: u64,
    pub(crate) received_at: i64,
    pub(crate) checksum: u32,
}

/// What the checksum of every record of one segment begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    seed: u32,
    weak: bool,
}

impl SegmentHeader {
    pub(crate) fn encode(&self, lane: &Lane) -> [u8; HEADER_BYTES] {
        let pages = u16::try_from(self.planned_bytes / PAGE_BYTES).unwrap_or(0);
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[10..12].copy_from_slice(&pages.to_le_bytes());
        out[12..28].copy_from_slice(&self.journal);
        out[28..36].copy_from_slice(&self.segment.to_le_bytes());
        out[36..44].copy_from_slice(&self.salt.to_le_bytes());
        out[44..52].copy_from_slice(&self.created_at.to_le_bytes());
        out[52..60].copy_from_slice(&self.first_seq.to_le_bytes());
        let checksum = header_checksum(lane, &out[..60]);
        out[60..].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// `None` when these bytes are not a header of this lane.
    pub(crate) fn decode(bytes: &[u8], lane: &Lane) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.get(..HEADER_BYTES)?.try_into().ok()?;
        let intact = bytes[..8] == *MAGIC
            && u16_at(bytes, 8) == VERSION
            && u32_at(bytes, 60) == header_checksum(lane, &bytes[..60]);
        intact.then(|| Self {
            journal: id_at(bytes, 12),
            segment: u64_at(bytes, 28),
            salt: u64_at(bytes, 36),
            created_at: u64_at(bytes, 44).cast_signed(),
            first_seq: u64_at(bytes, 52),
            planned_bytes: u64::from(u16_at(bytes, 10)) * PAGE_BYTES,
        })
    }

    pub(crate) fn identity(&self, count: u32, synced_seq: u64) -> Identity {
        let Self { salt, segment, journal, .. } = *self;
        Identity { count, synced_seq, salt, segment, journal }
    }
}

impl Identity {
    pub(crate) fn encode(&self, lane: &Lane) -> [u8; IDENTITY_BYTES] {
        let mut out = [0; IDENTITY_BYTES];
        out[..4].copy_from_slice(&self.count.to_le_bytes());
        out[4..8].copy_from_slice(&crc32c::crc32c(lane.as_str().as_bytes()).to_le_bytes());
        out[8..16].copy_from_slice(&self.synced_seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.salt.to_le_bytes());
        out[24..32].copy_from_slice(&self.segment.to_le_bytes());
        out[32..].copy_from_slice(&self.journal);
        out
    }

    /// `None` when the bytes are too short or name another lane.
    pub(crate) fn decode(bytes: &[u8], lane: &Lane) -> Option<Self> {
        let bytes = bytes.get(..IDENTITY_BYTES)?;
        let tag = crc32c::crc32c(lane.as_str().as_bytes());
        (u32_at(bytes, 4) == tag).then(|| Self {
            count: u32_at(bytes, 0),
            synced_seq: u64_at(bytes, 8),
            salt: u64_at(bytes, 16),
            segment: u64_at(bytes, 24),
            journal: id_at(bytes, 32),
        })
    }
}

impl Seal {
    /// The payload of the seal's record.
    pub(crate) fn encode(&self, header: &SegmentHeader, lane: &Lane) -> Vec<u8> {
        let missing = merge_down(&self.missing, SEAL_RANGES_MAX);
        let count = u32::try_from(missing.len()).unwrap_or(u32::MAX);
        let mut out = header.identity(count, self.synced_seq).encode(lane).to_vec();
        for range in missing {
            out.extend_from_slice(&range.first.to_le_bytes());
            out.extend_from_slice(&range.last.to_le_bytes());
        }
        out
    }

    pub(crate) fn flags(&self) -> u8 {
        if self.recovered { FLAG_RECOVERED } else { 0 }
    }

    pub(crate) fn decode(head: &Head, payload: &[u8], lane: &Lane) -> Option<(Identity, Self)> {
        let identity = Identity::decode(payload, lane)?;
        let ranges = payload.get(IDENTITY_BYTES..)?;
        let (pairs, rest) = ranges.as_chunks::<RANGE_BYTES>();
        if !rest.is_empty() || pairs.len() as u64 != u64::from(identity.count) {
            return None;
        }
        let missing =
            pairs.iter().filter_map(|pair| SeqRange::new(u64_at(pair, 0), u64_at(pair, 8)));
        let recovered = head.flags & FLAG_RECOVERED != 0;
        let (last_seq, synced_seq) = (head.seq, identity.synced_seq);
        Some((identity, Self { last_seq, synced_seq, recovered, missing: missing.collect() }))
    }
}

impl Head {
    /// `None` for anything that cannot be a record, decided before a byte of payload is touched.
    pub(crate) fn decode(bytes: &[u8], payload_bytes_max: u32) -> Option<Self> {
        let bytes: &[u8; RECORD_HEADER_BYTES] =
            bytes.get(..RECORD_HEADER_BYTES)?.try_into().ok()?;
        let head = Self {
            len: u32_at(bytes, 0),
            kind: bytes[4],
            flags: bytes[5],
            seq: u64_at(bytes, 8),
            received_at: u64_at(bytes, 16).cast_signed(),
            checksum: u32_at(bytes, CHECKSUM_AT),
        };
        let len_max = match head.kind {
            KIND_SEAL => u32::try_from(IDENTITY_BYTES + SEAL_RANGES_MAX * RANGE_BYTES).ok()?,
            KIND_BATCH => u32::try_from(IDENTITY_BYTES).ok()?,
            kind if kind >= KIND_FRAMING_MIN => return None,
            _ => payload_bytes_max,
        };
        let len_min = if head.is_framing() { u32::try_from(IDENTITY_BYTES).ok()? } else { 1 };
        let sound = (len_min..=len_max).contains(&head.len) && u16_at(bytes, 6) == 0;
        sound.then_some(head)
    }

    pub(crate) fn is_framing(&self) -> bool {
        self.kind >= KIND_FRAMING_MIN
    }

    /// Bytes in the file, padding included.
    pub(crate) fn total_bytes(&self) -> u64 {
        record_bytes(self.len as usize)
    }

    fn encode(&self) -> [u8; RECORD_HEADER_BYTES] {
        let mut out = [0; RECORD_HEADER_BYTES];
        out[..4].copy_from_slice(&self.len.to_le_bytes());
        out[4] = self.kind;
        out[5] = self.flags;
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.received_at.to_le_bytes());
        out[CHECKSUM_AT..].copy_from_slice(&self.checksum.to_le_bytes());
        out
    }
}

impl Frame {
    /// `weak` leaves salt and offset out and exists only to show that they are needed.
    pub(crate) fn new(salt: u64, weak: bool) -> Self {
        Self { seed: crc32c::crc32c(&salt.to_le_bytes()), weak }
    }

    /// Appends one record to `out`, which will be written at file offset `base`.
    pub(crate) fn put(self, out: &mut Vec<u8>, base: u64, seq: u64, record: Record<'_>) {
        let offset = base + out.len() as u64;
        let mut head = Head {
            len: u32::try_from(record.payload.len()).unwrap_or(0),
            kind: record.kind,
            flags: record.flags,
            seq,
            received_at: record.received_at,
            checksum: 0,
        };
        head.checksum = self.checksum(offset, &head, record.payload);
        out.extend_from_slice(&head.encode());
        out.extend_from_slice(record.payload);
        out.resize(out.len().next_multiple_of(8), 0);
        debug_assert_eq!(base + out.len() as u64, offset + head.total_bytes(), "record length");
    }

    pub(crate) fn verifies(self, offset: u64, head: &Head, payload: &[u8]) -> bool {
        payload.len() == head.len as usize && self.checksum(offset, head, payload) == head.checksum
    }

    fn checksum(self, offset: u64, head: &Head, payload: &[u8]) -> u32 {
        let fields = head.encode();
        let place =
            if self.weak { 0 } else { crc32c::crc32c_append(self.seed, &offset.to_le_bytes()) };
        crc32c::crc32c_append(crc32c::crc32c_append(place, &fields[..CHECKSUM_AT]), payload)
    }
}

/// Bytes a record with this payload takes in the file.
pub(crate) const fn record_bytes(payload_bytes: usize) -> u64 {
    padded(RECORD_HEADER_BYTES + payload_bytes) as u64
}

/// Bytes of a write that holds records with these payloads and nothing else.
pub(crate) fn unit_bytes(payload_bytes: impl Iterator<Item = usize>) -> u64 {
    BATCH_BYTES + payload_bytes.map(record_bytes).sum::<u64>()
}

/// Bytes that a segment of this length has for writes.
pub(crate) const fn unit_room(segment_bytes: u64) -> u64 {
    segment_bytes.saturating_sub(HEADER_BYTES as u64 + SEAL_BYTES)
}

/// Joins ranges, nearest first in the list, until no more than `count_max` are left.
pub(crate) fn merge_down(ranges: &[SeqRange], count_max: usize) -> Vec<SeqRange> {
    let mut merged: Vec<SeqRange> = Vec::new();
    for range in ranges {
        let full = merged.len() == count_max;
        match merged.last_mut() {
            Some(last) if full || last.last.saturating_add(1) >= range.first => {
                last.last = last.last.max(range.last);
            }
            _ => merged.push(*range),
        }
    }
    merged
}

const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
}

fn header_checksum(lane: &Lane, fields: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(lane.as_str().as_bytes()), fields)
}

/// Number at a position; zeros where the bytes end, which no caller lets happen.
fn number_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut number = [0; N];
    if let Some(source) = bytes.get(at..at + N) {
        number.copy_from_slice(source);
    }
    number
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(number_at(bytes, at))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(number_at(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(number_at(bytes, at))
}

fn id_at(bytes: &[u8], at: usize) -> JournalId {
    number_at(bytes, at)
}
