//! What a start does with the files of earlier lives. It never needs a person.
//!
//! Only the newest segment can end in the middle of a write. Its first bad record decides nothing
//! by itself: if nothing whole stands behind it, the tail is *torn* and removed; if something does,
//! nothing is ever cut off, the range is skipped and its sequences are reported. A copy of every
//! bad byte goes to `quarantine/` first.
//!
//! Then what no sync of the writer's covered is written once more, in place, and the segment is
//! sealed where its last whole record ends.
//!
//! # Why bytes that can be read are written again
//!
//! The earlier life may have ended because a sync failed. The kernel then shows pages that it calls
//! clean and that the disk does not have; syncing them succeeds and proves nothing. Written again
//! they are dirty, and the sync that follows is about them. So no record is shown to a reader that
//! a power cut could still take back.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Lane;
use crate::config::Mutation;
use crate::format::KIND_SEAL;
use crate::format::Seal;
use crate::format::SegmentHeader;
use crate::record::Record;
use crate::record::SeqRange;
use crate::scan::BadRange;
use crate::scan::Damage;
use crate::scan::DamageClass;
use crate::scan::End;
use crate::scan::Item;
use crate::scan::SegmentScan;
use crate::segment::BLANK_SUFFIX;
use crate::segment::Identified;
use crate::segment::QUARANTINE_DIR;
use crate::segment::RESERVE_PREFIX;
use crate::segment::list_segments;
use crate::segment::segment_path;
use crate::storage::ensure_child_dir;
use crate::storage::write_full;
use crate::storage::zero_fill;
use crate::window::Window;
use crate::writer::LaneContext;
use crate::writer::SealedSegment;

/// Longest copy of one damaged range.
const QUARANTINE_BYTES_MAX: u64 = 64 << 20;
const COPY_CHUNK_BYTES: u64 = 256 << 10;

/// What a start found in one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRecovery {
    pub lane: Lane,
    /// Sequence of the next record.
    pub next_seq: u64,
    /// Segments kept from earlier lives.
    pub segments: u64,
    /// Bytes of an unfinished last write that were removed.
    pub torn_bytes: u64,
    pub damage: Vec<Damage>,
    /// Numbers of segments that are named like ours and hold nothing of ours.
    pub foreign_segments: Vec<u64>,
    /// Numbers of segments whose header was lost and rebuilt.
    pub rebuilt_segments: Vec<u64>,
    /// Sequences of whole segments that are gone although somebody still needs them.
    pub missing_segments: Vec<SeqRange>,
    /// Copies made by this start.
    pub quarantined: Vec<PathBuf>,
}

/// What every lane's start found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    pub lanes: Vec<LaneRecovery>,
}

#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) sealed: VecDeque<SealedSegment>,
    pub(crate) next_seq: u64,
    pub(crate) next_number: u64,
}

impl LaneRecovery {
    fn new(lane: Lane) -> Self {
        Self {
            lane,
            next_seq: 1,
            segments: 0,
            torn_bytes: 0,
            damage: Vec::new(),
            foreign_segments: Vec::new(),
            rebuilt_segments: Vec::new(),
            missing_segments: Vec::new(),
            quarantined: Vec::new(),
        }
    }

    /// Something that was durable is damaged or gone: an alarm, while intake goes on.
    pub fn is_degraded(&self) -> bool {
        !self.foreign_segments.is_empty()
            || !self.rebuilt_segments.is_empty()
            || !self.missing_segments.is_empty()
            || self.damage.iter().any(|damage| damage.class == DamageClass::Interior)
    }

    /// Sequences known to be unreadable, with their class.
    pub fn missing(&self) -> impl Iterator<Item = (SeqRange, DamageClass)> {
        let damaged = self.damage.iter().filter_map(|d| d.missing.map(|range| (range, d.class)));
        let gone = self.missing_segments.iter().map(|range| (*range, DamageClass::Interior));
        damaged.chain(gone)
    }
}

impl RecoveryReport {
    pub fn is_degraded(&self) -> bool {
        self.lanes.iter().any(LaneRecovery::is_degraded)
    }
}

struct Recovery<'a> {
    context: &'a LaneContext,
    /// Highest sequence that some consumer has already seen.
    consumed_max: u64,
    /// Lowest sequence that some consumer has already seen; `None` without consumers.
    consumed_min: Option<u64>,
    report: LaneRecovery,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    number: u64,
    bytes: u64,
    /// `None` for a file that is not ours or cannot be read.
    header: Option<SegmentHeader>,
}

/// Settles a lane's directory; afterwards every kept segment is closed and durable.
pub(crate) fn recover(
    context: &LaneContext,
    cursors: &[u64],
) -> io::Result<(Recovered, LaneRecovery)> {
    let mut recovery = Recovery {
        context,
        consumed_max: cursors.iter().copied().max().unwrap_or(0),
        consumed_min: cursors.iter().copied().min(),
        report: LaneRecovery::new(context.config.lane.clone()),
    };
    let recovered = recovery.run()?;
    recovery.report.next_seq = recovered.next_seq;
    recovery.report.segments = recovered.sealed.len() as u64;
    Ok((recovered, recovery.report))
}

impl Recovery<'_> {
    fn run(&mut self) -> io::Result<Recovered> {
        ensure_own_dir(self.context)?;
        self.remove_blanks()?;
        let mut known = self.identify_all()?;
        let next_number = known.last().map_or(1, |segment| segment.number + 1);
        self.remove_strangers(&mut known)?;
        self.find_missing_segments(&known)?;
        let mut last_seq = self.consumed_max;
        if let Some((newest, header)) = known.last().and_then(|last| Some((*last, last.header?))) {
            let (scanned_seq, bytes) = self.settle(&newest, &header)?;
            last_seq = last_seq.max(scanned_seq);
            known.iter_mut().next_back().into_iter().for_each(|last| last.bytes = bytes);
        } else {
            self.report.missing_segments.extend(SeqRange::new(1, self.consumed_max));
        }
        let sealed = known.iter().filter_map(|segment| {
            let header = segment.header?;
            Some(SealedSegment {
                number: segment.number,
                first_seq: header.first_seq,
                created_at: header.created_at,
                bytes: segment.bytes,
            })
        });
        Ok(Recovered { sealed: sealed.collect(), next_seq: last_seq + 1, next_number })
    }

    /// Files that were meant to become segments; those of the reserve stay.
    fn remove_blanks(&self) -> io::Result<()> {
        let storage = &self.context.storage;
        for entry in storage.list(&self.context.dir)? {
            if entry.name.ends_with(BLANK_SUFFIX) && !entry.name.starts_with(RESERVE_PREFIX) {
                storage.unlink(&self.context.dir.join(&entry.name))?;
            }
        }
        Ok(())
    }

    fn open(&self, number: u64) -> io::Result<Window> {
        let path = segment_path(&self.context.dir, &self.context.config.lane, number);
        Ok(Window::new(self.context.storage.open(&path)?))
    }

    fn identify_all(&mut self) -> io::Result<Vec<Known>> {
        let context = self.context;
        let mut known = Vec::new();
        for file in list_segments(&*context.storage, &context.dir, &context.config.lane)? {
            let identified =
                context.reading().identify(&mut self.open(file.number)?, file.number)?;
            match identified {
                Identified::Intact(_) => {}
                Identified::Rebuilt(_) => self.report.rebuilt_segments.push(file.number),
                Identified::Foreign | Identified::Unknown => {
                    self.report.foreign_segments.push(file.number);
                }
            }
            let header = identified.header();
            known.push(Known { number: file.number, bytes: file.bytes, header });
        }
        Ok(known)
    }

    /// The newest segment must be ours, because its end is about to be settled. Copies what is not
    /// and removes it; a file without a single written byte is only a start that never happened.
    fn remove_strangers(&mut self, known: &mut Vec<Known>) -> io::Result<()> {
        while let Some(last) = known.last().filter(|last| last.header.is_none()).copied() {
            let mut window = self.open(last.number)?;
            if window.next_nonzero(0)?.is_some() {
                self.quarantine(&mut window, last.number, 0, last.bytes)?;
            } else {
                self.report.foreign_segments.retain(|number| *number != last.number);
            }
            let path = segment_path(&self.context.dir, &self.context.config.lane, last.number);
            self.context.storage.unlink(&path)?;
            self.context.sync_dir()?;
            known.pop();
        }
        Ok(())
    }

    /// Numbers may be skipped when a segment could not be opened; sequences may not.
    fn find_missing_segments(&mut self, known: &[Known]) -> io::Result<()> {
        let ours: Vec<_> = known.iter().filter_map(|k| Some((k.number, k.header?))).collect();
        if let (Some((_, first)), Some(consumed)) = (ours.first(), self.consumed_min) {
            let missing = SeqRange::new(consumed + 1, first.first_seq - 1);
            self.report.missing_segments.extend(missing);
        }
        for pair in ours.windows(2) {
            let [(number, header), (next_number, next)] = pair else { continue };
            if next_number - number == 1 || next.planned_bytes == 0 {
                continue;
            }
            let window = self.open(*number)?;
            let mut scan = SegmentScan::new(window, self.context.reading(), *header);
            while !matches!(scan.next()?, Item::End(_)) {}
            let first = scan.expected().max(self.consumed_min.map_or(0, |seq| seq + 1));
            self.report.missing_segments.extend(SeqRange::new(first, next.first_seq - 1));
        }
        Ok(())
    }

    /// Returns last sequence and length of the newest segment; it is sealed and durable afterwards.
    fn settle(&mut self, newest: &Known, header: &SegmentHeader) -> io::Result<(u64, u64)> {
        let window = self.open(newest.number)?;
        let mut scan = SegmentScan::new(window, self.context.reading(), *header);
        let mut bad_ranges = Vec::new();
        let end = loop {
            match scan.next()? {
                Item::Record(_) => {}
                Item::Bad(bad) => bad_ranges.push(bad),
                Item::End(end) => break end,
            }
        };
        let last_seq = scan.expected().max(header.first_seq) - 1;
        let seal = scan.seal().cloned();
        let durable_seq = scan.synced_seq().max(self.consumed_max);
        for bad in &bad_ranges {
            self.report.damage.push(bad.classify(newest.number, durable_seq, seal.as_ref()));
            self.quarantine(scan.window_mut(), newest.number, bad.start, bad.end)?;
        }
        if seal.is_some() {
            // Somebody read more than this segment ever held.
            let gone = SeqRange::new(last_seq + 1, self.consumed_max);
            self.report.missing_segments.extend(gone);
            if seal.is_some_and(|seal| seal.recovered) {
                // The recovery that wrote it did not get as far as a new segment.
                let (from, to) = (scan.covered_to(), scan.offset());
                let mut window = scan.into_window();
                rewrite(self.context, &mut window, from, to)?;
                self.context.sync_file(window.file())?;
            }
            return Ok((last_seq, newest.bytes));
        }
        let was_cut = newest.bytes < header.planned_bytes;
        let lost = SeqRange::new(last_seq + 1, durable_seq);
        self.report_tail(newest.number, &end, lost, was_cut);
        self.quarantine(scan.window_mut(), newest.number, end.offset, end.torn_to)?;
        let bytes = self.seal(scan, &end, last_seq, &bad_ranges)?;
        Ok((last_seq, bytes))
    }

    /// `lost` was durable once, and a file that was cut lost something durable, too.
    fn report_tail(&mut self, segment: u64, end: &End, lost: Option<SeqRange>, was_cut: bool) {
        let (start, end_at) = (end.offset, end.torn_to);
        self.report.torn_bytes += end_at - start;
        let interior = was_cut || lost.is_some();
        let class = if interior { DamageClass::Interior } else { DamageClass::TornTail };
        let missing = lost.or(end.promised);
        if interior || missing.is_some() || end_at > start {
            self.report.damage.push(Damage { class, segment, start, end: end_at, missing });
        }
    }

    /// Removes the torn tail and closes the segment behind its last whole record.
    ///
    /// The zeros are durable before the seal is written, and the seal before the file is cut, so a
    /// crash in between leaves a torn tail again and never an older record that comes back.
    fn seal(
        &self,
        scan: SegmentScan,
        end: &End,
        last_seq: u64,
        bad_ranges: &[BadRange],
    ) -> io::Result<u64> {
        let context = self.context;
        let header = *scan.header();
        let missing = bad_ranges.iter().filter_map(|bad| bad.missing).collect();
        let seal = Seal { last_seq, synced_seq: scan.synced_seq(), recovered: true, missing };
        let payload = &seal.encode(&header, &context.config.lane);
        let record = Record { kind: KIND_SEAL, flags: seal.flags(), received_at: 0, payload };
        let mut bytes = Vec::new();
        let frame = context.reading().frame(header.salt);
        frame.put(&mut bytes, end.offset, last_seq, record);
        let covered_to = scan.covered_to();
        let mut window = scan.into_window();
        rewrite(context, &mut window, covered_to, end.offset)?;
        let file = window.into_file();
        zero_fill(&*file, end.offset, end.torn_to)?;
        context.sync_file(&*file)?;
        write_full(&*file, &bytes, end.offset)?;
        context.sync_file(&*file)?;
        let length = end.offset + bytes.len() as u64;
        file.set_len(length)?;
        context.sync_file(&*file)?;
        context.sync_dir()?;
        Ok(length)
    }

    /// Copies a range once; the name says where it comes from.
    fn quarantine(
        &mut self,
        window: &mut Window,
        number: u64,
        start: u64,
        end: u64,
    ) -> io::Result<()> {
        if start >= end {
            return Ok(());
        }
        let copied = quarantine_range(self.context, window, number, (start, end));
        match copied {
            Ok(path) => {
                self.report.quarantined.extend(path);
                Ok(())
            }
            // A full disk must not keep the daemon from starting; the range itself stays counted.
            Err(error) if crate::storage::is_no_space(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Writes bytes of a file over themselves.
fn rewrite(context: &LaneContext, window: &mut Window, from: u64, to: u64) -> io::Result<()> {
    if context.config.mutation == Some(Mutation::TrustPageCache) {
        return Ok(());
    }
    // The padding of the last record may be missing from a file that was cut.
    let to = to.min(window.file().bytes()?);
    let mut at = from;
    while at < to {
        let count = (to - at).min(COPY_CHUNK_BYTES);
        let bytes = window.slice(at, count)?.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec();
        write_full(window.file(), &bytes, at)?;
        at += count;
    }
    Ok(())
}

/// The lane's directory inside the journal's.
fn ensure_own_dir(context: &LaneContext) -> io::Result<()> {
    let parent = context.dir.parent().unwrap_or_else(|| Path::new("."));
    ensure_child_dir(&*context.storage, &context.dir, parent)
}

/// Copies bytes of a segment into the quarantine, synced with its name. `None` when it is there.
pub(crate) fn quarantine_range(
    context: &LaneContext,
    window: &mut Window,
    number: u64,
    (start, end): (u64, u64),
) -> io::Result<Option<PathBuf>> {
    let storage = &*context.storage;
    let dir = context.dir.join(QUARANTINE_DIR);
    ensure_child_dir(storage, &dir, &context.dir)?;
    let path = dir.join(format!("{number:020}-{start}-{end}.bad"));
    if storage.open_read(&path).is_ok() {
        return Ok(None);
    }
    let temporary = path.with_extension("tmp");
    match storage.unlink(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = storage.create(&temporary)?;
    let end = end.min(start.saturating_add(QUARANTINE_BYTES_MAX));
    let mut at = start;
    while at < end {
        let count = (end - at).min(COPY_CHUNK_BYTES);
        // The range may reach past the end of a file that was cut.
        let Some(bytes) = window.slice(at, count)? else { break };
        write_full(&*file, bytes, at - start)?;
        at += count;
    }
    context.sync_file(&*file)?;
    storage.rename(&temporary, &path)?;
    storage.sync_dir(&dir)?;
    Ok(Some(path))
}
