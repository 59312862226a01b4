//! A copy of a journal, made beside the program that goes on writing it.
//!
//! A copy opens like the original after a crash: with every record that was durable when its lane
//! was looked at, and perhaps some that came since.
//!
//! # Why not the files as they are
//!
//! The newest segment grows while it is read, so a plain copy of it can hold a later record and
//! lack an earlier one, which looks like damage and is none. Here a segment is scanned first and
//! copied up to its last whole record. If the copy still has a hole, it fell into a write that was
//! on its way, and it is made again.

use std::io;
use std::path::Path;

use crate::config::Lane;
use crate::config::PAYLOAD_BYTES_MAX;
use crate::format::SegmentHeader;
use crate::identity;
use crate::journal::CURSORS_DIR;
use crate::scan::Item;
use crate::scan::SegmentScan;
use crate::segment::Reading;
use crate::segment::SegmentFile;
use crate::segment::list_segments;
use crate::segment::segment_path;
use crate::storage::File;
use crate::storage::Storage;
use crate::storage::ensure_dir;
use crate::storage::read_full;
use crate::storage::read_small;
use crate::storage::replace_file;
use crate::storage::write_full;
use crate::window::Window;

/// Bytes copied at once.
const CHUNK_BYTES: usize = 1 << 20;
/// How often a segment is copied again because a write was on its way. A hole that stays is damage
/// of the original, and the copy shows it as the original does.
const TRIES_MAX: u32 = 3;
/// Far more than a cursor or an identity takes.
const SMALL_FILE_BYTES_MAX: usize = 4096;

/// What was copied of one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedLane {
    pub lane: Lane,
    /// Sequence with which the oldest segment begins; 1 when there is none.
    pub first_seq: u64,
    /// The last whole record; 0 when there is none.
    pub last_seq: u64,
}

/// Copies every consumer's cursor. A cursor only lets go of what its consumer has taken, so an
/// older cursor than the records is always safe, and a newer one never is: copy the cursors first.
///
/// # Errors
/// What the storage says.
pub fn copy_cursors(storage: &dyn Storage, root: &Path, to: &Path) -> io::Result<()> {
    let from = root.join(CURSORS_DIR);
    if !storage.is_dir(&from) {
        return Ok(());
    }
    for lane in storage.list(&from)?.iter().filter(|entry| entry.is_dir) {
        let (from, to) = (from.join(&lane.name), to.join(CURSORS_DIR).join(&lane.name));
        ensure_dir(storage, &to)?;
        for entry in storage.list(&from)?.iter().filter(|entry| !entry.is_dir) {
            copy_small(storage, &from.join(&entry.name), &to.join(&entry.name))?;
        }
    }
    Ok(())
}

/// Copies identity and records of every lane.
///
/// # Errors
/// What the storage says; what was copied so far stays.
pub fn copy_records(storage: &dyn Storage, root: &Path, to: &Path) -> io::Result<Vec<CopiedLane>> {
    ensure_dir(storage, to)?;
    copy_small(storage, &root.join(identity::IDENTITY_FILE), &to.join(identity::IDENTITY_FILE))?;
    let journal = identity::load(storage, root)?;
    let mut copied = Vec::new();
    for entry in storage.list(root)?.iter().filter(|entry| entry.is_dir) {
        let Some(lane) = Lane::from_dir_name(&entry.name) else { continue };
        let payload_bytes_max = PAYLOAD_BYTES_MAX;
        let reading = Reading { lane, journal, payload_bytes_max, weak_checksum: false };
        let (from, to) = (root.join(&entry.name), to.join(&entry.name));
        ensure_dir(storage, &to)?;
        copied.push(copy_lane(storage, &from, &to, &reading)?);
        storage.sync_dir(&to)?;
    }
    Ok(copied)
}

/// A file that is not there, or went in this moment, is no error: nobody needs it any more.
fn copy_small(storage: &dyn Storage, from: &Path, to: &Path) -> io::Result<()> {
    match read_small(storage, from, SMALL_FILE_BYTES_MAX)? {
        Some(bytes) => replace_file(storage, to, &bytes),
        None => Ok(()),
    }
}

fn copy_lane(
    storage: &dyn Storage,
    from: &Path,
    to: &Path,
    reading: &Reading,
) -> io::Result<CopiedLane> {
    let mut copied = CopiedLane { lane: reading.lane.clone(), first_seq: 0, last_seq: 0 };
    for segment in list_segments(storage, from, &reading.lane)? {
        let source = segment_path(from, &reading.lane, segment.number);
        let file = match storage.open_read(&source) {
            // Trimmed in this moment, so it was consumed long ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        let mut window = Window::new(file);
        let Some(header) = reading.identify(&mut window, segment.number)?.header() else {
            continue;
        };
        let target = segment_path(to, &reading.lane, segment.number);
        let last_seq = copy_segment(storage, (window, segment, header), &target, reading)?;
        if copied.first_seq == 0 {
            copied.first_seq = header.first_seq;
        }
        copied.last_seq = copied.last_seq.max(last_seq);
    }
    copied.first_seq = copied.first_seq.max(1);
    Ok(copied)
}

/// What a scan found.
struct Extent {
    last_seq: u64,
    /// First byte behind the last whole record.
    end: u64,
    sealed: bool,
    holes: u64,
}

fn extent(scan: &mut SegmentScan) -> io::Result<Extent> {
    let mut extent = Extent { last_seq: 0, end: 0, sealed: false, holes: 0 };
    loop {
        match scan.next()? {
            Item::Record(head) => extent.last_seq = head.seq,
            Item::Bad(_) => extent.holes += 1,
            Item::End(end) => {
                extent.end = end.offset;
                extent.sealed = scan.seal().is_some();
                return Ok(extent);
            }
        }
    }
}

/// Returns the last sequence in the copy.
fn copy_segment(
    storage: &dyn Storage,
    (window, segment, header): (Window, SegmentFile, SegmentHeader),
    target: &Path,
    reading: &Reading,
) -> io::Result<u64> {
    let mut scan = SegmentScan::new(window, reading.clone(), header);
    let mut found = extent(&mut scan)?;
    let source = scan.into_window().into_file();
    let mut tries = 1;
    loop {
        let copy = storage.create(target)?;
        copy_bytes(&*source, &*copy, found.end)?;
        if !found.sealed {
            // An open segment that is shorter than it was made counts as cut off.
            copy.set_len(segment.bytes.max(header.planned_bytes))?;
        }
        copy.sync_data()?;
        let window = Window::new(storage.open_read(target)?);
        let made = extent(&mut SegmentScan::new(window, reading.clone(), header))?;
        if made.holes == 0 || tries == TRIES_MAX {
            return Ok(made.last_seq);
        }
        storage.unlink(target)?;
        tries += 1;
        found.end = found.end.max(made.end);
    }
}

fn copy_bytes(source: &dyn File, copy: &dyn File, end: u64) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let count = read_full(source, &mut chunk[..wanted], at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_full(copy, &chunk[..count], at)?;
        at += count as u64;
    }
    Ok(())
}
