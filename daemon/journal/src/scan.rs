//! Reads one segment from front to back and tells records, damage and the end apart.
//!
//! Never panics, never trusts a length before it is checked against the lane's cap, and never
//! stops at the first bad byte: behind a damaged range it looks for the next record that carries
//! this segment's salt and a later sequence, because one bad bit must not cost a stream.

use std::io;

use crate::config::SEGMENT_BYTES_MAX;
use crate::format::Frame;
use crate::format::HEADER_BYTES;
use crate::format::Head;
use crate::format::Identity;
use crate::format::KIND_BATCH;
use crate::format::KIND_SEAL;
use crate::format::RECORD_HEADER_BYTES;
use crate::format::Seal;
use crate::format::SegmentHeader;
use crate::record::SeqRange;
use crate::segment::Reading;
use crate::window::Window;

/// Payload bytes checksummed while looking for the end of one damaged range. Past it only batch
/// records are tried, so a range full of look-alikes costs one batch and not minutes.
const LOOKAHEAD_BYTES_MAX: u64 = 16 << 20;
/// No record takes less, so sequences cannot rise faster than this in a file.
const RECORD_BYTES_MIN: u64 = 32;

/// How a damaged range is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DamageClass {
    /// The end of the last write before a crash; nothing in it was confirmed.
    TornTail,
    /// Part of a write that never finished, with whole records behind it; not confirmed either.
    Unfinished,
    /// Bytes that were once durable: an alarm.
    Interior,
}

/// A range of bytes that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    pub class: DamageClass,
    /// Number of the segment.
    pub segment: u64,
    /// Offsets in the file, in bytes; equal when sequences are missing between whole records.
    pub start: u64,
    pub end: u64,
    /// Sequences that cannot be read any more, as far as they are known.
    pub missing: Option<SeqRange>,
}

impl Damage {
    /// How many records it cost, as far as their sequences are known.
    pub fn missing_records(&self) -> u64 {
        self.missing.map_or(0, SeqRange::count)
    }
}

/// What [`SegmentScan::next`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A whole record; its payload is available until the next call.
    Record(Head),
    Bad(BadRange),
    End(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The sequence that was expected here.
    pub(crate) at_seq: u64,
    pub(crate) missing: Option<SeqRange>,
    /// The seal was already read, so nothing at all may stand here.
    pub(crate) past_seal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// First byte behind the last whole record.
    pub(crate) offset: u64,
    /// One past the last byte that is not zero; equal to `offset` when nothing is torn.
    pub(crate) torn_to: u64,
    /// Last sequence that a batch record promised, when it was not found.
    pub(crate) promised: Option<SeqRange>,
}

#[derive(Debug)]
pub(crate) struct SegmentScan {
    window: Window,
    reading: Reading,
    frame: Frame,
    header: SegmentHeader,
    offset: u64,
    expected: u64,
    synced_seq: u64,
    promised_seq: u64,
    covered_to: u64,
    payload_at: u64,
    seal: Option<Seal>,
    padding: Option<BadRange>,
}

impl SegmentScan {
    pub(crate) fn new(window: Window, reading: Reading, header: SegmentHeader) -> Self {
        Self {
            frame: reading.frame(header.salt),
            window,
            reading,
            header,
            offset: HEADER_BYTES as u64,
            // A rebuilt header knows some batch, not the first: take what comes.
            expected: if header.planned_bytes == 0 { 0 } else { header.first_seq },
            synced_seq: 0,
            promised_seq: 0,
            covered_to: HEADER_BYTES as u64,
            payload_at: 0,
            seal: None,
            padding: None,
        }
    }

    pub(crate) fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// Sequence of the next record.
    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    /// The last sequence that some batch or seal read so far says a sync covers.
    pub(crate) fn synced_seq(&self) -> u64 {
        self.synced_seq
    }

    /// Everything in the file before this offset was covered by a sync of the writer's.
    pub(crate) fn covered_to(&self) -> u64 {
        self.covered_to
    }

    pub(crate) fn seal(&self) -> Option<&Seal> {
        self.seal.as_ref()
    }

    /// Drops buffered bytes, for a file that is still written.
    pub(crate) fn forget(&mut self) {
        self.window.forget();
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn into_window(self) -> Window {
        self.window
    }

    pub(crate) fn window_mut(&mut self) -> &mut Window {
        &mut self.window
    }

    /// Payload of the record that the last call returned.
    pub(crate) fn payload(&mut self, head: &Head) -> io::Result<&[u8]> {
        let bytes = self.window.slice(self.payload_at, u64::from(head.len))?;
        bytes.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The next item; after [`Item::End`] the same end again, or what was written since.
    pub(crate) fn next(&mut self) -> io::Result<Item> {
        loop {
            if let Some(bad) = self.padding.take() {
                return Ok(Item::Bad(bad));
            }
            if self.seal.is_some() {
                return self.past_seal();
            }
            let Some(head) = self.parse(self.offset)? else { return self.skip_bad_range() };
            let missing = self.missing_before(&head);
            if missing.is_some() {
                // Whole records whose numbers do not follow each other.
                let bad = self.bad_range(self.offset, missing);
                self.expected = bad.missing.map_or(self.expected, |range| range.last + 1);
                return Ok(Item::Bad(bad));
            }
            if let Some(item) = self.accept(head)? {
                return Ok(item);
            }
        }
    }

    /// Steps over a record; framing is kept to itself.
    fn accept(&mut self, head: Head) -> io::Result<Option<Item>> {
        let offset = self.offset;
        self.check_padding(offset, &head)?;
        self.offset += head.total_bytes();
        self.payload_at = offset + RECORD_HEADER_BYTES as u64;
        if !head.is_framing() {
            self.expected = head.seq + 1;
            return Ok(Some(Item::Record(head)));
        }
        let lane = self.reading.lane.clone();
        let payload = self.payload(&head)?;
        let (identity, seal) = if head.kind == KIND_SEAL {
            Seal::decode(&head, payload, &lane).unzip()
        } else {
            (Identity::decode(payload, &lane), None)
        };
        if let Some(identity) = identity {
            self.synced_seq = self.synced_seq.max(identity.synced_seq);
            // What is covered ends where the first record that is not begins.
            let last_before =
                if head.kind == KIND_SEAL { head.seq } else { head.seq.saturating_sub(1) };
            if identity.synced_seq >= last_before {
                self.covered_to = offset;
            }
            if head.kind == KIND_BATCH {
                self.promised_seq = head.seq.saturating_add(u64::from(identity.count)) - 1;
                self.expected = self.expected.max(head.seq);
            }
        }
        self.seal = seal;
        Ok(None)
    }

    /// The checksum does not cover padding; a bit that appears there, or a cut, is still damage.
    fn check_padding(&mut self, offset: u64, head: &Head) -> io::Result<()> {
        let end = offset + head.total_bytes();
        let content = offset + RECORD_HEADER_BYTES as u64 + u64::from(head.len);
        let padding = self.window.slice(content, end - content)?;
        if padding.is_none_or(|padding| padding.iter().any(|byte| *byte != 0)) {
            let past_seal = head.kind == KIND_SEAL;
            let bad = BadRange { start: content, past_seal, ..self.bad_range(end, None) };
            self.padding = Some(bad);
        }
        Ok(())
    }

    fn missing_before(&self, head: &Head) -> Option<SeqRange> {
        if self.expected == 0 {
            return None;
        }
        if head.kind == KIND_SEAL {
            SeqRange::new(self.expected, head.seq)
        } else {
            SeqRange::new(self.expected, head.seq.checked_sub(1)?)
        }
    }

    fn bad_range(&self, end: u64, missing: Option<SeqRange>) -> BadRange {
        let (start, at_seq) = (self.offset, self.expected);
        BadRange { start, end, at_seq, missing, past_seal: self.seal.is_some() }
    }

    /// A record at this offset that verifies and may follow what was read.
    fn parse(&mut self, offset: u64) -> io::Result<Option<Head>> {
        let Some(bytes) = self.window.slice(offset, RECORD_HEADER_BYTES as u64)? else {
            return Ok(None);
        };
        match Head::decode(bytes, self.reading.payload_bytes_max) {
            Some(head) if self.may_follow(&head) => self.verify(offset, head),
            _ => Ok(None),
        }
    }

    fn may_follow(&self, head: &Head) -> bool {
        if self.expected == 0 {
            return true;
        }
        let rise_max = self.header.planned_bytes / RECORD_BYTES_MIN;
        // A seal repeats the last sequence, everything else names its own.
        let seq = head.seq.saturating_add(u64::from(head.kind == KIND_SEAL));
        let rise_max = if rise_max == 0 { SEGMENT_BYTES_MAX / RECORD_BYTES_MIN } else { rise_max };
        seq >= self.expected && seq - self.expected <= rise_max
    }

    fn verify(&mut self, offset: u64, head: Head) -> io::Result<Option<Head>> {
        // Without its padding, which a cut may have taken from a record that is whole.
        let content = RECORD_HEADER_BYTES as u64 + u64::from(head.len);
        let Some(bytes) = self.window.slice(offset, content)? else { return Ok(None) };
        let payload = &bytes[RECORD_HEADER_BYTES..];
        if !self.frame.verifies(offset, &head, payload) {
            return Ok(None);
        }
        let identity = match head.kind {
            KIND_SEAL => Seal::decode(&head, payload, &self.reading.lane).map(|(who, _)| who),
            KIND_BATCH => Identity::decode(payload, &self.reading.lane),
            _ => return Ok(Some(head)),
        };
        let ours = identity.is_some_and(|identity| {
            identity.segment == self.header.segment && identity.journal == self.header.journal
        });
        Ok(ours.then_some(head))
    }

    fn skip_bad_range(&mut self) -> io::Result<Item> {
        let mut budget = LOOKAHEAD_BYTES_MAX;
        let mut at = self.offset;
        let mut torn_to = self.offset;
        while let Some(place) = self.window.next_nonzero(at)? {
            at = place;
            torn_to = place + 8;
            if place > self.offset
                && let Some(head) = self.parse_within(place, &mut budget)?
            {
                let missing = self.missing_before(&head);
                let bad = self.bad_range(place, missing);
                self.offset = place;
                self.expected = missing.map_or(self.expected, |range| range.last + 1);
                return Ok(Item::Bad(bad));
            }
            at += 8;
        }
        let promised = SeqRange::new(self.expected, self.promised_seq);
        Ok(Item::End(End { offset: self.offset, torn_to, promised }))
    }

    fn parse_within(&mut self, offset: u64, budget: &mut u64) -> io::Result<Option<Head>> {
        let Some(bytes) = self.window.slice(offset, RECORD_HEADER_BYTES as u64)? else {
            return Ok(None);
        };
        let Some(head) = Head::decode(bytes, self.reading.payload_bytes_max) else {
            return Ok(None);
        };
        if !self.may_follow(&head) {
            return Ok(None);
        }
        if !head.is_framing() {
            let Some(rest) = budget.checked_sub(u64::from(head.len)) else { return Ok(None) };
            *budget = rest;
        }
        self.verify(offset, head)
    }

    /// Behind the seal only zeros may follow.
    fn past_seal(&mut self) -> io::Result<Item> {
        let mut at = self.offset;
        let mut dirty = None;
        while let Some(place) = self.window.next_nonzero(at)? {
            dirty = Some((dirty.map_or(place, |(first, _)| first), place + 8));
            at = place + 8;
        }
        let offset = self.offset;
        let Some((start, end)) = dirty else {
            return Ok(Item::End(End { offset, torn_to: offset, promised: None }));
        };
        let bad = BadRange { start, ..self.bad_range(end, None) };
        self.offset = end;
        Ok(Item::Bad(bad))
    }
}

impl BadRange {
    /// Damage with its class; `durable_seq` is the last sequence known to have been synced.
    pub(crate) fn classify(&self, segment: u64, durable_seq: u64, seal: Option<&Seal>) -> Damage {
        let interior = self.past_seal
            || self.at_seq <= durable_seq
            || seal.is_some_and(|seal| seal.recovered && self.appeared_after(seal));
        let class = if interior { DamageClass::Interior } else { DamageClass::Unfinished };
        Damage { class, segment, start: self.start, end: self.end, missing: self.missing }
    }

    /// Recovery lists what it could not read; anything else it read, and made durable.
    fn appeared_after(&self, seal: &Seal) -> bool {
        self.missing.is_some_and(|missing| {
            let was_known =
                |range: &SeqRange| range.first <= missing.first && missing.last <= range.last;
            !seal.missing.iter().any(was_known)
        })
    }
}
