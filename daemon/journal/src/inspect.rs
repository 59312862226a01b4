//! Looking at a journal from outside, without changing a byte: what `gamma journal inspect` and
//! `gamma journal verify` print, and what the scrubber runs over one segment at a time.

use std::io;
use std::path::Path;

use crate::config::Lane;
use crate::config::PAYLOAD_BYTES_MAX;
use crate::cursor::read_positions;
use crate::format::SegmentHeader;
use crate::journal::CURSORS_DIR;
use crate::record::SeqRange;
use crate::scan::Damage;
use crate::scan::DamageClass;
use crate::scan::Item;
use crate::scan::SegmentScan;
use crate::segment::Identified;
use crate::segment::Reading;
use crate::segment::SegmentFile;
use crate::segment::list_segments;
use crate::segment::segment_path;
use crate::storage::Storage;
use crate::window::Window;

/// A whole journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSummary {
    pub lanes: Vec<LaneSummary>,
}

/// The id of the journal in `root`, as [`crate::LaneHandle::journal_id`] shows it; `None` where
/// there is none.
///
/// # Errors
/// What the storage says.
pub fn journal_id(storage: &dyn Storage, root: &Path) -> io::Result<Option<String>> {
    Ok(crate::identity::load(storage, root)?.map(|journal| crate::identity::text(&journal)))
}

/// One lane. The counts of records are 0 after [`inspect`], which reads headers only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneSummary {
    pub lane: Lane,
    pub segments: Vec<SegmentSummary>,
    pub records: u64,
    pub first_seq: Option<u64>,
    pub last_seq: Option<u64>,
    pub bytes: u64,
    pub damage: Vec<Damage>,
    /// Consumers and the last sequence each has consumed.
    pub cursors: Vec<(String, u64)>,
}

/// What the head of a segment's file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentHealth {
    Intact,
    /// The header is damaged; the records can still be read.
    HeaderLost,
    /// Of another journal, or in the wrong place.
    Foreign,
    /// Nothing in it can be verified.
    Unreadable,
}

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentSummary {
    pub number: u64,
    pub health: SegmentHealth,
    pub bytes: u64,
    pub first_seq: u64,
    pub records: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
    pub sealed: bool,
}

impl JournalSummary {
    /// True when something that was once durable does not verify.
    pub fn is_damaged(&self) -> bool {
        let mut damage = self.lanes.iter().flat_map(|lane| &lane.damage);
        damage.any(|damage| damage.class == DamageClass::Interior)
    }
}

/// Reads names, headers and cursors.
///
/// # Errors
/// When a directory or file cannot be read.
pub fn inspect(storage: &dyn Storage, root: &Path) -> io::Result<JournalSummary> {
    summarize(storage, root, false)
}

/// Reads every byte and checks it. Safe beside a running daemon, whose unfinished last write then
/// looks like a torn tail.
///
/// # Errors
/// When a directory or file cannot be read.
pub fn verify(storage: &dyn Storage, root: &Path) -> io::Result<JournalSummary> {
    summarize(storage, root, true)
}

fn summarize(storage: &dyn Storage, root: &Path, deep: bool) -> io::Result<JournalSummary> {
    let journal = crate::identity::load(storage, root)?;
    let mut lanes = Vec::new();
    for entry in storage.list(root)?.iter().filter(|entry| entry.is_dir) {
        let Some(lane) = Lane::from_dir_name(&entry.name) else { continue };
        let payload_bytes_max = PAYLOAD_BYTES_MAX;
        let reading = Reading { lane, journal, payload_bytes_max, weak_checksum: false };
        let cursors = match read_positions(storage, &root.join(CURSORS_DIR).join(&entry.name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let dir = root.join(&entry.name);
        lanes.push(check_lane(storage, &dir, reading, cursors, deep)?);
    }
    Ok(JournalSummary { lanes })
}

/// One lane; `deep` reads every byte.
pub(crate) fn check_lane(
    storage: &dyn Storage,
    dir: &Path,
    reading: Reading,
    cursors: Vec<(String, u64)>,
    deep: bool,
) -> io::Result<LaneSummary> {
    LaneCheck { storage, dir, reading, deep }.run(cursors)
}

struct LaneCheck<'a> {
    storage: &'a dyn Storage,
    dir: &'a Path,
    reading: Reading,
    deep: bool,
}

impl LaneCheck<'_> {
    fn run(self, cursors: Vec<(String, u64)>) -> io::Result<LaneSummary> {
        let files = list_segments(self.storage, self.dir, &self.reading.lane)?;
        let mut known = Vec::new();
        for file in files {
            let path = segment_path(self.dir, &self.reading.lane, file.number);
            let mut window = Window::new(self.storage.open_read(&path)?);
            known.push((file, self.reading.identify(&mut window, file.number)?));
        }
        let mut summary = LaneSummary {
            lane: self.reading.lane.clone(),
            segments: Vec::new(),
            records: 0,
            first_seq: known.iter().find_map(|(_, who)| who.header()).map(|h| h.first_seq),
            last_seq: None,
            bytes: known.iter().map(|(file, _)| file.bytes).sum(),
            damage: Vec::new(),
            cursors,
        };
        for (index, (file, who)) in known.iter().enumerate() {
            let later = known[index + 1..].iter().filter_map(|(_, who)| who.header());
            let next_first_seq = later.map(|header| header.first_seq).min();
            self.add_segment(&mut summary, *file, *who, next_first_seq)?;
        }
        Ok(summary)
    }

    fn add_segment(
        &self,
        summary: &mut LaneSummary,
        file: SegmentFile,
        who: Identified,
        next_first_seq: Option<u64>,
    ) -> io::Result<()> {
        let health = match who {
            Identified::Intact(_) => SegmentHealth::Intact,
            Identified::Rebuilt(_) => SegmentHealth::HeaderLost,
            Identified::Foreign => SegmentHealth::Foreign,
            Identified::Unknown => SegmentHealth::Unreadable,
        };
        let mut segment = SegmentSummary {
            number: file.number,
            health,
            bytes: file.bytes,
            first_seq: who.header().map_or(0, |header| header.first_seq),
            records: 0,
            created_at: who.header().map_or(0, |header| header.created_at),
            sealed: false,
        };
        if health != SegmentHealth::Intact {
            let end = if health == SegmentHealth::HeaderLost { 64 } else { file.bytes };
            let class = DamageClass::Interior;
            let damage = Damage { class, segment: file.number, start: 0, end, missing: None };
            summary.damage.push(damage);
        }
        if let Some(header) = who.header().filter(|_| self.deep) {
            let checked = check_segment(
                self.storage,
                self.dir,
                &self.reading,
                (file, header),
                next_first_seq,
            )?;
            segment.records = checked.records;
            segment.sealed = checked.sealed;
            summary.records += checked.records;
            summary.last_seq = checked.last_seq.or(summary.last_seq);
            summary.damage.extend(checked.damage);
        }
        summary.segments.push(segment);
        Ok(())
    }
}

/// What one segment holds.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) records: u64,
    pub(crate) last_seq: Option<u64>,
    pub(crate) sealed: bool,
    pub(crate) damage: Vec<Damage>,
}

/// Reads one segment to its end. `next_first_seq` is where the following one begins, `None` for the
/// newest; what lies at or behind it was written again there and is not asked for here.
pub(crate) fn check_segment(
    storage: &dyn Storage,
    dir: &Path,
    reading: &Reading,
    (file, header): (SegmentFile, SegmentHeader),
    next_first_seq: Option<u64>,
) -> io::Result<Checked> {
    let path = segment_path(dir, &reading.lane, file.number);
    let window = Window::new(storage.open_read(&path)?);
    let mut scan = SegmentScan::new(window, reading.clone(), header);
    let mut check = Check::new(file, header, next_first_seq);
    while !check.step(&mut scan)? {}
    Ok(check.finish(&scan))
}

/// The same in steps, so that the scrubber can rest in between.
#[derive(Debug)]
pub(crate) struct Check {
    file: SegmentFile,
    header: SegmentHeader,
    next_first_seq: Option<u64>,
    checked: Checked,
    bad_ranges: Vec<crate::scan::BadRange>,
    end: Option<crate::scan::End>,
}

impl Check {
    pub(crate) fn new(
        file: SegmentFile,
        header: SegmentHeader,
        next_first_seq: Option<u64>,
    ) -> Self {
        let (checked, bad_ranges) = (Checked::default(), Vec::new());
        Self { file, header, next_first_seq, checked, bad_ranges, end: None }
    }

    /// Reads one item; true at the end.
    pub(crate) fn step(&mut self, scan: &mut SegmentScan) -> io::Result<bool> {
        match scan.next()? {
            Item::Record(head) => {
                if self.next_first_seq.is_none_or(|next| head.seq < next) {
                    self.checked.records += 1;
                    self.checked.last_seq = Some(head.seq);
                }
                Ok(false)
            }
            Item::Bad(bad) => {
                self.bad_ranges.push(bad);
                Ok(false)
            }
            Item::End(end) => {
                self.end = Some(end);
                Ok(true)
            }
        }
    }

    pub(crate) fn finish(mut self, scan: &SegmentScan) -> Checked {
        let seal = scan.seal();
        self.checked.sealed = seal.is_some();
        let recovered = seal.is_some_and(|seal| seal.recovered);
        // Everything before the next segment was synced before that was opened, unless a crash came
        // between; then the seal of recovery names what was missing.
        let durable_seq = match self.next_first_seq {
            Some(next) if !recovered => (next - 1).max(scan.synced_seq()),
            _ => scan.synced_seq(),
        };
        for bad in &self.bad_ranges {
            if self.next_first_seq.is_some_and(|next| bad.at_seq >= next && !bad.past_seal) {
                continue;
            }
            let damage = bad.classify(self.file.number, durable_seq, seal);
            self.checked.damage.push(damage);
        }
        self.check_end(scan);
        self.check_following(scan);
        self.checked
    }

    /// The next segment begins where this one's seal ends, or something between them is gone.
    fn check_following(&mut self, scan: &SegmentScan) {
        let (Some(seal), Some(next)) = (scan.seal(), self.next_first_seq) else { return };
        let missing = SeqRange::new(seal.last_seq + 1, next - 1);
        if missing.is_some() {
            let (class, segment) = (DamageClass::Interior, self.file.number);
            let end = scan.offset();
            self.checked.damage.push(Damage { class, segment, start: end, end, missing });
        }
    }

    fn check_end(&mut self, scan: &SegmentScan) {
        let Some(end) = self.end.filter(|_| scan.seal().is_none()) else { return };
        let segment = self.file.number;
        let (start, mut stop) = (end.offset, end.torn_to);
        let was_cut = self.file.bytes < self.header.planned_bytes;
        let owed = self.next_first_seq.and_then(|next| SeqRange::new(scan.expected(), next - 1));
        let missing = if self.next_first_seq.is_some() { owed } else { end.promised };
        // Without a seal and with nothing owed, the bytes behind the last record are what a failed
        // write left, and the next segment repeats them; a damaged seal looks the same.
        let interior = was_cut || owed.is_some();
        let class = if interior { DamageClass::Interior } else { DamageClass::TornTail };
        if was_cut {
            stop = self.header.planned_bytes;
        }
        if was_cut || missing.is_some() || stop > start {
            self.checked.damage.push(Damage { class, segment, start, end: stop, missing });
        }
    }
}
