//! Making room: sealing the active segment and opening the next, in the order that leaves no hole:
//! everything in the old segment is synced; it is sealed; the new file has its space and its
//! header, synced; it gets its name; the directory is synced; then comes the first record.

use std::io;

use super::Active;
use super::Fault;
use super::LaneWriter;
use super::SealedSegment;
use crate::blank::Blank;
use crate::blank::Fill;
use crate::blank::make_blank;
use crate::format::HEADER_BYTES;
use crate::format::KIND_SEAL;
use crate::format::Seal;
use crate::format::SegmentHeader;
use crate::record::Record;
use crate::segment::BLANK_SUFFIX;
use crate::segment::RESERVE_PREFIX;
use crate::segment::segment_path;
use crate::storage::is_no_space;
use crate::storage::write_full;

impl LaneWriter {
    /// After this the active segment has room for `bytes`.
    pub(super) fn make_room(&mut self, bytes: u64, now: i64) -> Result<(), Fault> {
        if self.active.as_ref().is_some_and(|active| active.room() >= bytes) {
            return Ok(());
        }
        if self.active.is_some() {
            self.finish_active()?;
        }
        self.open_segment(now)
    }

    /// Syncs and seals the active segment.
    pub(super) fn finish_active(&mut self) -> Result<(), Fault> {
        self.sync_active()?;
        if let Some(active) = &self.active
            && let Err(error) = self.seal(active)
        {
            // Every record in it is durable already; an unsealed segment only takes longer to read.
            let lane = &self.context.config.lane;
            tracing::warn!(%lane, %error, "journal segment left without its seal");
            self.poisonings += 1;
        }
        self.leave_active();
        Ok(())
    }

    fn seal(&self, active: &Active) -> io::Result<()> {
        let lane = &self.context.config.lane;
        let last_seq = self.written_seq;
        let seal = Seal { last_seq, synced_seq: last_seq, recovered: false, missing: Vec::new() };
        let payload = &seal.encode(&active.header, lane);
        let record = Record { kind: KIND_SEAL, flags: seal.flags(), received_at: 0, payload };
        let mut bytes = Vec::new();
        active.frame.put(&mut bytes, active.offset, seal.last_seq, record);
        write_full(&*active.file, &bytes, active.offset)?;
        self.context.sync_file(&*active.file)?;
        // Only now: an unsealed file that is shorter than planned has been cut by somebody else.
        active.file.set_len(active.offset + bytes.len() as u64)
    }

    /// Moves the active segment behind the others, sealed or not.
    pub(super) fn leave_active(&mut self) {
        let Some(active) = self.active.take() else { return };
        self.sealed.push_back(SealedSegment {
            number: active.header.segment,
            first_seq: active.header.first_seq,
            created_at: active.header.created_at,
            bytes: active.offset,
        });
    }

    /// Opens the next segment; its first sequence is the first one not yet written.
    pub(super) fn open_segment(&mut self, now: i64) -> Result<(), Fault> {
        let (blank, from_reserve) = self.take_blank()?;
        match self.install(&blank, now) {
            Ok(header) => {
                self.active = Some(Active {
                    file: blank.file,
                    header,
                    frame: self.context.reading().frame(header.salt),
                    offset: HEADER_BYTES as u64,
                    from_reserve,
                });
                self.is_first = false;
                Ok(())
            }
            Err(error) if is_no_space(&error) => Err(Fault::NoRoom),
            Err(error) => Err(Fault::Disk(error)),
        }
    }

    fn install(&mut self, blank: &Blank, now: i64) -> io::Result<SegmentHeader> {
        let context = &self.context;
        // A number is used once, also when the attempt fails half-way.
        let number = self.next_number;
        self.next_number += 1;
        let header = SegmentHeader {
            journal: context.journal,
            segment: number,
            salt: (context.entropy)(),
            created_at: now,
            first_seq: self.written_seq + 1,
            planned_bytes: blank.bytes,
        };
        write_full(&*blank.file, &header.encode(&context.config.lane), 0)?;
        context.sync_file(&*blank.file)?;
        let path = segment_path(&context.dir, &context.config.lane, number);
        context.storage.rename(&blank.path, &path)?;
        context.sync_dir()?;
        Ok(header)
    }

    /// The prepared file, else a new one, else one of the reserve.
    fn take_blank(&mut self) -> Result<(Blank, bool), Fault> {
        if self.quota_allows_segment() {
            if let Some(blank) = self.prepared.take() {
                return Ok((blank, false));
            }
            match self.make_segment_blank() {
                Ok(blank) => return Ok((blank, false)),
                Err(error) if is_no_space(&error) => {}
                Err(error) => return Err(Fault::Disk(error)),
            }
        }
        let Some(path) = self.reserve.pop() else { return Err(Fault::NoRoom) };
        let file = self.context.storage.open(&path).map_err(Fault::Disk)?;
        Ok((Blank { path, file, bytes: self.context.config.segment_bytes }, true))
    }

    fn make_segment_blank(&self) -> io::Result<Blank> {
        let config = &self.context.config;
        let name = format!("segment-{}{BLANK_SUFFIX}", self.next_number);
        // The first one is short and worth filling; later ones are waited for by senders, and the
        // helper fills those that are not needed yet.
        let (bytes, fill) = if self.is_first {
            (config.first_segment_bytes, Fill::Zeros)
        } else {
            (config.segment_bytes, Fill::Reserved)
        };
        make_blank(&self.context, &name, bytes, fill)
    }

    pub(super) fn quota_allows_segment(&self) -> bool {
        let sealed: u64 = self.sealed.iter().map(|segment| segment.bytes).sum();
        sealed + self.context.config.segment_bytes <= self.context.config.quota_bytes
    }

    /// Half a segment ahead of the need, so that an idle lane does not take a second one.
    fn wants_blank(&self) -> bool {
        let half_used =
            self.active.as_ref().is_some_and(|a| a.offset >= a.header.planned_bytes / 2);
        half_used && self.prepared.is_none() && !self.failed && self.quota_allows_segment()
    }

    /// Name and length of the file a helper should fill now.
    pub(crate) fn blank_request(&self) -> Option<(String, u64)> {
        let name = format!("prepared-{}{BLANK_SUFFIX}", self.next_number);
        self.wants_blank().then_some((name, self.context.config.segment_bytes))
    }

    /// Takes a file that a helper filled.
    pub(crate) fn offer_blank(&mut self, blank: Blank) {
        if let Some(old) = self.prepared.replace(blank) {
            let _ = self.context.storage.unlink(&old.path);
        }
    }

    /// Creates the files of the reserve that are missing; without room it stays smaller.
    pub(super) fn fill_reserve(&mut self) -> io::Result<()> {
        let config = &self.context.config;
        let count = config.reserve_bytes.div_ceil(config.segment_bytes);
        let mut created = false;
        for number in 0..count {
            let name = format!("{RESERVE_PREFIX}{number:04}{BLANK_SUFFIX}");
            let path = self.context.dir.join(&name);
            if self.reserve.contains(&path) {
                continue;
            }
            if !self.has_reserve_file(&name)? {
                match make_blank(&self.context, &name, config.segment_bytes, Fill::Reserved) {
                    Ok(_) => created = true,
                    Err(error) if is_no_space(&error) => break,
                    Err(error) => return Err(error),
                }
            }
            self.reserve.push(path);
        }
        if created { self.context.sync_dir() } else { Ok(()) }
    }

    /// A file of an earlier life serves again when it has the right length.
    fn has_reserve_file(&self, name: &str) -> io::Result<bool> {
        let entries = self.context.storage.list(&self.context.dir)?;
        let bytes = self.context.config.segment_bytes;
        Ok(entries.iter().any(|entry| entry.name == name && entry.bytes == bytes))
    }
}
